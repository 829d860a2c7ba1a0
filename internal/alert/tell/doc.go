// Package tell works the books of incidents and hands what they have to say to the channels.
//
// It promises:
//
//   - what was noted is worked, by the daemon that holds the lease of the shared book, or by this one where only the host itself can
//     tell it: the database or the disk fails, a channel does, the daemon died or slept;
//   - a notice is handed over before that is written down, and its id is fixed before it is handed over: a crash between the two, or
//     a lease that passes to another daemon meanwhile, repeats the same notice with the same id, and loses none;
//   - each channel gets its notices in order; one that fails costs the others nothing and is itself an incident, told through them. What
//     piled up is told as one digest, and so is what exceeds 20 sends an hour. After a day a delivery is given up, which is logged;
//   - nothing here delays a run by more than one bounded call.
package tell
