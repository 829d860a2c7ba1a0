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
//   - A record that the filter should have kept out is an error that names the parameter; one at or after the window's end, which a
//     filter coarser than the window brings along, is marked as such.
//
// How answers become records is the business of the room wire. The ways of paging lie behind the interface pager; the numbered one is
// the first. Adding another touches neither the windows nor the reading of answers.
package rest
