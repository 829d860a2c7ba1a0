// Package alert decides what is told about failures: which become incidents, when an incident opens, worsens and is over, and which
// notices say so.
//
// It promises, by reference and without any I/O or clock of its own:
//
//   - a failure that outlives its retries becomes exactly one incident of its key, however many runs fail because of it; a single blip
//     becomes none; what no retry can heal opens at once;
//   - every change of an incident that lasts is in exactly one notice; many incidents of one class are told together; what is only the
//     consequence of another incident is not told; reminders are rare;
//   - the same observations make the same incidents and the same notices with the same ids, so that what was interrupted can be done
//     again.
//
// Observations go into a book, of which there are two: the shared one in the database, and the host's own in the state directory, for
// what can only be told by the host itself. Package tell works both. The children email, sentry and webhook are the ways out.
package alert
