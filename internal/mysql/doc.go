// Package mysql is the store: the only room with SQL. It speaks to MariaDB 10.6+, MySQL 8 and TiDB in the syntax that all three
// understand.
//
// It promises:
//
//   - One page, one transaction ([DB.Commit]): orders with their lines, refunds and raw texts, dead letters and the checkpoint are
//     all in, or none of them. The checkpoint's revision is the fence: whoever read an older one gets order.ErrMoved.
//   - Newest wins. A stored version never goes down, whatever arrives, in whatever order, from however many processes. What a
//     remote left out never clears what is stored; a line that it dropped disappears.
//   - Unchanged is not written. synced_at, the database's clock, moves only when a column, a line, a refund or gone_at changed.
//   - A record that the database refuses becomes a dead letter, and the rest of its page goes in.
//   - Every write can be repeated. An outcome that was lost with its connection is looked up, never assumed.
//   - Errors are classified here, once, and quote no data: a number, a column, and what an operator can do ([Error]).
//
// The same database keeps what processes share: rights to run jobs, leases on streams, the pace of each credential, the history
// of runs, the book of alerts ([DB.Alerts]). All of these count by the database's clock, each by one atomic step.
package mysql
