package alert

import "time"

// Calm is how soon after its recovery the same failure counts as the same incident, and how long one that came back must be good
// before it is over.
const Calm = 10 * time.Minute
