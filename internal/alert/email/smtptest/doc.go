// Package smtptest is a mail server for tests and for the demo: real conversations over loopback, with STARTTLS, implicit TLS or
// neither, with or without accounts, and with the faults that mail servers have.
//
// It keeps every mail that it took, in order, and every attempt to log in. Where it is told to [Server.Fail], it refuses, asks to come
// again later, says nothing for ever, or hangs up, at the step of the conversation that was named. It shares no code with the client
// that it tests. Its certificate is signed by a CA of its own, see [Server.CA] and [Server.CAText].
package smtptest
