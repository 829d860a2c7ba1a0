// Package spool keeps in the state directory what a daemon must be able to tell without the database: the host's own book of incidents,
// the observations that the shared book could not take yet, and whether the daemon was stopped or died.
//
// It promises that what a call has written survives the end of the process at any instruction, and the loss of power where the disk
// keeps what it was told to; that a file which was damaged costs what stood in the damaged part, never a start; and that a disk which
// cannot be written costs nothing as long as the process lives: everything is kept in memory too, and written as soon as it can be.
//
// The directory belongs to one process. Failures are of the kind fault.Internal.
package spool
