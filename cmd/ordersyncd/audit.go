package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/user"

	"ordersync/internal/mysql"
)

// audit notes what a person did with the shared state.
func (w *works) audit(ctx context.Context, action, subject, detail string) error {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	err = w.db.Audit(ctx, mysql.AuditEntry{Actor: actor(w.getenv), Host: host, Action: action, Subject: subject, Detail: detail})
	if err != nil {
		return fmt.Errorf("note it in the audit log: %w", err)
	}
	return nil
}

// actor is the account of the operating system behind this process: the one that called sudo, where it did.
func actor(getenv func(string) string) string {
	name := "uid " + fmt.Sprint(os.Getuid())
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return cmp.Or(getenv("SUDO_USER"), name)
}
