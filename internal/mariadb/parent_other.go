//go:build !linux

package mariadb

import "syscall"

// dieWithParent puts the server in a process group of its own, out of reach of a Ctrl-C that is meant for us. That it dies with us
// is left to the guard here.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
