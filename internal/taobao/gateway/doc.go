// Package gateway speaks the protocol of Taobao's open platform: one address, a signed form per call, an answer in an envelope.
//
// What a method's parameters and answers mean is not its business. What it promises:
//
//   - Every attempt has a fresh timestamp, in GMT+8 by the platform's clock, the session that is current then, and a signature of its
//     own. Nothing empty is sent, and nothing that is not UTF-8.
//   - An answer is what stands below the method's own root name, byte for byte. Anything else is a failure: HTML, XML, a cut body, a
//     status other than 200, an object without that root.
//   - Errors are judged once, by the decision order of the platform's own tables ([Error]): what passes is repeated, what a person has
//     to mend is not. A stated ban stops every call of the app key until it is over, and no other app key's.
//   - A refused session stops that shop alone: no call but one probe an hour goes out with it, across restarts, until another session
//     is there. Other shops of the same app key go on.
//   - A timestamp that the platform refuses is cured by asking its clock, once, and repeating the call, once.
//   - Texts of errors hold neither secrets nor the values that were sent.
package gateway
