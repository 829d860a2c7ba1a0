package apiclient

import "testing"

// TestFault runs the tests that stand for rows of the fault matrix, under the numbers of these rows.
func TestFault(t *testing.T) {
	for _, row := range []struct {
		name string
		test func(*testing.T)
	}{
		{name: "F01 connection refused", test: faultNobodyListens},
		{name: "F02 F03 resolver and black hole", test: faultClassified},
		{name: "F04 accepts and never answers", test: faultSilentServer},
		{name: "F05 one byte at a time", test: faultDripFeed},
		{name: "F05 times", test: faultNamedTimeouts},
		{name: "F06 F07 F08 F22 broken answers", test: faultBrokenAnswers},
		{name: "F09 half of all requests fail", test: faultRetryBudget},
		{name: "F11 F19 F20 F28 statuses", test: faultStatuses},
		{name: "F12 stated waits", test: faultRetryDelays},
		{name: "F12 parked", test: faultLongStatedWaitParks},
		{name: "F13 storm of 429", test: faultStatedWaitStopsAllCallsOfTheCredential},
		{name: "F14 daily quota", test: faultDailyQuota},
		{name: "F15 redirects", test: faultRedirects},
		{name: "F15 next links", test: faultRequestsStayOnTheHost},
		{name: "F16 F18 F31 HTML, empty and cut bodies", test: faultBadJSON},
		{name: "F17 error inside a 200", test: faultCheckDecidesByKind},
		{name: "F21 gzip bomb", test: faultBodyLimits},
		{name: "F23 F24 certificates and versions", test: faultBadTLS},
		{name: "F25 token renewed", test: faultOauth2RenewsOnceOn401},
		{name: "F26 refused", test: faultRefusedCredential},
		{name: "F29 skew", test: faultRemoteNow},
		{name: "F97 F98 no secret in any error", test: faultNoSecretInAnyError},
	} {
		t.Run(row.name, row.test)
	}
}
