// Package schedule turns cron lines into runs.
//
// It promises, for any number of daemons on one store: a tick is run by exactly one of them, a job never runs twice at once,
// ticks missed while nobody was there are made good by one run, a run that failed for a passing reason is repeated after 1, 5,
// 15 and then every 60 minutes until it succeeds or its next tick comes, and a run whose holder died is taken over when its
// right ends. Which instants are ticks does not depend on the process: all daemons compute the same ones, with daylight
// saving as [Parse] says.
//
// The triggers are robfig/cron/v3. What makes the promises hold is the [Store]: a tick, a repeat and a skipped tick are each
// claimed by one atomic step, by the store's clock. The package also keeps leases ([Hold]) and the identity of a process
// ([Holder]); it knows nothing of what a job does.
package schedule
