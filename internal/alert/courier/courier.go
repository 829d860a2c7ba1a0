// Package courier carries single requests to the services that alerts go to.
//
// It promises: TLS 1.2 or newer outside this machine; no redirect followed, no cookie, no proxy of the environment; every exchange ends
// within its time; answers are read up to a bound; no error quotes an address, which may be a secret.
package courier
