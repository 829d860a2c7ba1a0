package main

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// reloading is what systemd is told at the begin of a reload: since when, by the clock that it counts by.
func reloading() string {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return "RELOADING=1"
	}
	return "RELOADING=1\nMONOTONIC_USEC=" + strconv.FormatInt(now.Nano()/1000, 10)
}
