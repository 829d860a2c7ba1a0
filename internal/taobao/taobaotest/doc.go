// Package taobaotest is a faithful fake of the Taobao open platform: the TOP gateway at /router/rest with the methods that an order sync
// calls, and the authorisation pages and the token endpoint at /authorize, /token and /logoff.
//
//	truth := taobaotest.NewTruth(nil)                     // the trades of one shop, by its own clock
//	truth.Churn(7).Fill(2000, since, until)
//	server := taobaotest.New(truth, taobaotest.Rules{})   // app key, secret and session: AppKey, AppSecret, Session
//	client.Transport = server.Transport()                 // without a socket, also in a testing/synctest bubble; or: address, stop, err := server.Start()
//
// It shares no code with the client that it tests: it has its own nouns, its own check of signatures, its own JSON and XML, and its own
// idea of windows, pages and fields. A [Truth] holds one shop's trades with their whole history, refunds and parcels; a [Server] answers
// for any number of apps and shops as its [Rules] say. The zero Rules are those of the vendor's documents; where nobody could confirm
// what the platform does (whether a window's ends are inclusive, what follows a page past the end, whether has_next always comes),
// there is a switch for each side. Tests compare what they stored with [Truth.Fullinfos], [Truth.Refunds] and [Truth.Parcels].
//
// What a call must hold to is checked in this order: verb, encoding, method, app key, timestamp, version, format, signature, session, limits,
// arguments. Answers are XML unless JSON is asked for, lists are wrapped, nothing is null, ids are numbers beyond what a float can tell apart.
// Lists are evaluated anew at each call, newest first: what changes while pages are read moves. A request that nobody meant (another
// path, an unknown method, a parameter without a value) is kept in [Server.Strays]; a test wants none.
//
// Everything random comes from a seed. Times come from the Truth's clock: the real one, or that of a testing/synctest bubble.
package taobaotest
