// Package rest is a source that reads any JSON order API from a description of it: where the list is, how it filters by time, how it
// cuts into pages, and where each field of an order stands.
//
// The description ([Options]) is data; cmd makes it from YAML. What the room promises whatever the description says:
//
//   - One pass ([Source.Pages]) asks a closed span in whole steps of the remote's filter, so that no instant of the window falls
//     between two requests, whichever bounds the remote includes.
//   - What a remote does to a numbered listing is noticed: a clamped page size (the real one is used), a last page that is repeated
//     for ever, a page parameter or a time filter that is ignored, a total that is really the page's own count. What can be read
//     whole all the same is read whole; the rest is an error that names the parameter. Every pass is bounded.
//   - A page that is not a list of orders (HTML, a cut body, null, an error object inside a 200) is an error, never "no orders".
//   - Records are decoded one by one from the page's own bytes. One that cannot be understood becomes a dead letter with its reason,
//     and the others go on; a panic in here is such a reason too. Ids and amounts are taken from the text and never pass
//     through a float.
//   - No error, reason or log line quotes what a remote sent, but for short error codes.
//
// A page is a [gjson] walk over each record, once, into the slots that the mapping asks for; the ways of paging lie behind the
// interface pager, the numbered one is the first.
package rest
