// Package apiclient is the one door to remote APIs.
//
// Everything that talks to a shop's API goes through [Client.Do]. What it promises:
//
//   - The configured rate is never exceeded: in no second do more calls go out than it allows, whichever goroutine or process
//     makes them, retries and token requests included ([Pace]). Calls get their slots in the order in which they asked.
//   - A wait that the remote states is never shortened. Up to 60 s it is waited for in place, by all calls of the credential;
//     beyond, the credential is parked and the call ends with fault.RateLimited. Over 24 h, negative or unreadable is unstated.
//   - At most 3 retries per call, with full jitter, under one budget per client: 50, then one for ten good answers.
//   - 401 and 403 are never repeated with the same credential, which is marked refused.
//   - Everything has a limit: dialling, TLS, headers, body in time and, after decompression, in size.
//   - A shorter answer is never taken for a whole one; with Call.JSON neither is HTML or an empty body.
//   - Nothing is sent to another host than the one configured (and the one configured for tokens), and nothing without TLS
//     outside loopback.
//   - Errors name the call, the method, the host and the path, and classify it (package fault). They never hold a query, a
//     header or a body, and wrap nothing that does.
package apiclient
