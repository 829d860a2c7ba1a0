// Package resttest is a faithful fake of a US-style order server: GET /orders/list?start_date=…&end_date=…&page=…&page_size=… with a
// bearer token, in the many ways in which such servers differ, and with the faults that they have.
//
// It shares no code with the client that it tests: it has its own nouns, its own JSON and its own idea of windows and pages. A [Truth]
// holds the shop's orders with their whole history; a [Server] lists them as its [Shop] says. Tests compare what they stored with
// [Truth.Orders]. A request to a route that nobody meant is answered with a loud 500 and kept in [Server.Strays].
//
// Everything that is random comes from a seed. Times come from the clock that the Truth is given: the real one, or that of a
// testing/synctest bubble, in which [Server.Transport] works without a socket.
package resttest
