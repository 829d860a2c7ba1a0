package schedule

// Holder returns the id under which the daemon of this state directory holds jobs and leases.
func Holder(stateDir string) (id string, release func() error, err error) { return "", nil, nil }

// Guest returns a holder id for a process that lives for one command and has no state directory.
func Guest() string { return "" }
