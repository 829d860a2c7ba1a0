package words

import (
	"strconv"
	"strings"
	"time"

	"ordersync/internal/alert"
)

// english is what is said in English.
func english() language {
	return language{
		code: English, kinds: englishKinds, remark: "Notice", everything: "all sources",
		changes: map[alert.Change]change{
			alert.Opened:   {"Alert", " – new", "{what}: {name}", "{what}"},
			alert.Worse:    {"Worse than before", " – worse", "{what}: {name}", "{what}"},
			alert.Reopened: {"Back again", " – again", "{what} again: {name}", "{what} again"},
			alert.Reminded: {"Still open", " – still open", "Still {small}: {name} (for {for})", "Still {small} (for {for})"},
			alert.Closed:   {"Recovered", "", "Recovered: {over} (after {for})", "Recovered: {over} (after {for})"},
			alert.Passed: {
				"Over by itself", " – over before it could be told", "Over already: {small} ({name}, for {for})", "Over already: {small} (for {for})",
			},
		},
		those:  map[string]string{"source": "these sources", "job": "these jobs", "host": "these machines", "channel": "these channels"},
		labels: englishLabels, weekly: englishWeek(), trial: englishTrial, digest: englishDigest, whys: englishWhys,
		thing: englishThing, duration: englishDuration, names: englishNames,
		orders: func(n int) string { return plural(n, "order") },
		tidy:   func(s string) string { return s },
	}
}

// plural counts things.
func plural(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return new(language).number(n) + " " + thing
}

func englishThing(sort string, n int) string {
	name := map[string]string{"source": "source", "job": "job", "host": "machine", "channel": "channel"}[sort]
	if n != 1 {
		name += "s"
	}
	return name
}

func englishNames(few []string, n int, _ string) string {
	named := strings.Join(few, ", ")
	if n > len(few) {
		return named + " and " + strconv.Itoa(n-len(few)) + " more"
	}
	return named
}

func englishDuration(d time.Duration) string {
	units := [...]string{"day", "hour", "minute", "second"}
	l := measure(d)
	s := plural(l.first, units[l.unit])
	if l.second > 0 {
		s += " " + plural(l.second, units[l.unit+1])
	}
	return s
}

var englishLabels = labels{
	source: "Source", since: "Since", span: "When", none: "No orders from", usual: "Weeks before", ends: "Ends", ended: "Ended", allowed: "Allowed at most",
	lastGood: "Last good run", noStep: "No progress since", failed: "Failed runs", upTo: "Stored up to", waiting: "Orders waiting", next: "Next try",
	lasted: "Lasted",
	stored: "Caught up", note: "Note",

	cause: "Likely cause", todo: "What to do", said: "Last error",

	lasting: "{t} (for {for})", lastedFor: "{t} ({for})", behind: "{t} ({for} behind)", inTime: "{t} (in {for})", ago: "{t} ({for} ago)",
	about: "about {n} (estimate)", noneYet: "none, as a rule (estimate)",
	failedRuns: "{n} ({jobs})", failedAll: "{n}", sinceShort: "since {t} (for {for})", storedShort: "caught up: {orders}",
	quietShort: "{t}; weeks before: {usual}", upToShort: "stored up to {t}", waitingShort: "orders waiting: {waiting}",
	standing: "{for} behind; orders waiting: {waiting}", advised: "{text}", comma: ", ", sep: ", ", colon: ": ",

	unknown: "unknown", nothing: "nothing yet", never: "none yet", nothingLeft: "There is nothing left to do.",
	caughtUp: "Orders come in again, and what waited is caught up by itself. There is nothing left to do.",
	tooLate:  "This could not be told while it lasted, because no channel was working.",

	made: "ordersyncd on {host}, {t}", incident: "Incident {id}", run: "run {id}", show: "Details: ordersyncd incident show {id}",
	mute: "Silence it: ordersyncd incident mute {id}", more: "{n} more", moreIn: "listed by: ordersyncd incident list",
}

func englishWeek() weekly {
	return weekly{
		badge: "Weekly report", subject: "All is well: {orders} from {sources} this week",
		subjectOpen: "Not all is well: {n} still open at the end of the week",
		headline:    "All is well", headlineOpen: "Not all is well",
		subjectLate: "Not all is well: orders of {late} are not up to date", headlineLate: "Not all is well",
		meaningLate: "Not up to date: {late}.", paused: "{name} (paused)",
		meaning: "Every source is in sync and nothing waits for you.", meaningOpen: "Incidents still open: {n}. You were told of each of them.",
		span: "Week", runs: "Runs", runsOf: "{n}, of which {failed} failed", incidents: "Incidents", incidentsOf: "{n} in the week, {open} open now",
		incidentsNone: "{n} in the week, none open now",
		head:          []string{"Source", "New", "Changed", "Set aside", "Up to ({offset})"}, total: "Total", more: "and {n} more",
	}
}

var englishTrial = trial{
	badge: "Test", subject: "Test alert from {host}", headline: "Alerts from {host} reach you here",
	meaning: "Somebody asked for this test; nothing is wrong and there is nothing to do. A real alert says what failed, what that means for the orders, and what to type.",
}

var englishDigest = digest{
	badge: "Summary", subject: "{what}, and {n} more", headline: "{n} alerts in one message",
	meaning: "They could not be sent one by one: the channel was blocked, or there were too many. This is how things stand now.",
	open:    "Still open", over: "Over", other: "Also",
}

// englishWhys say what commands do; longer beginnings come first.
var englishWhys = []Command{
	{"ordersyncd check --online --send-test-alert", "sends a test through every channel and says which fail"},
	{"ordersyncd check --online", "tries the database and every shop now, and says what they answer"},
	{"ordersyncd check", "finds every mistake in the configuration, with its line"},
	{"ordersyncd status", "shows how every source stands"},
	{"ordersyncd sync ", "tries again now instead of waiting"},
	{"ordersyncd authorize ", "guides the shop's owner through a new authorisation"},
	{"ordersyncd deadletter list", "lists these orders with their reasons"},
	{"ordersyncd gap list", "says which time is concerned"},
	{"ordersyncd gap ack", "says that you have seen to it; the list shows its NUMBER"},
	{"ordersyncd incident list", "lists everything that is open"},
	{"ordersyncd resume ", "lets a paused source go on"},
	{"journalctl", "shows the last lines of the log"},
	{"systemctl status", "shows whether the program is running"},
	{"systemctl restart", "starts the program anew, with new keys if there are any; nothing is lost"},
	{"systemctl reload", "puts the corrected file into force"},
	{"df ", "shows which disk is full"},
}

var englishKinds = map[kind]phrases{
	kind(alert.Network): {
		what: "Cannot connect", one: "{name} cannot be reached", several: "{n} sources cannot be reached",
		meaning: "New and changed orders of {name} wait at the shop. Nothing is lost: they are fetched as soon as the connection is back.",
		cause:   "The shop's server is down, or something between here and there: network, DNS, firewall.",
		over:    "{name} can be reached again", allOver: "{n} sources can be reached again",
	},
	noShop: {
		what: "No shop can be reached", one: "No shop can be reached", several: "No shop can be reached",
		meaning: "No orders come in from any source. Nothing is lost: they wait at the shops and are fetched as soon as the connection is back.",
		cause:   "This machine's own internet connection, DNS or firewall: it is unlikely that all the shops are down at once.",
		over:    "The shops can be reached again", allOver: "The shops can be reached again",
	},
	kind(alert.HTTP): {
		what: "Server errors", one: "{name} answers with errors", several: "{n} sources answer with errors",
		meaning: "New and changed orders of {name} wait at the shop. Nothing is lost: they are fetched as soon as the errors end.",
		cause:   "Trouble or maintenance at the shop's server; that usually passes by itself. If it stays, its API may have moved.",
		over:    "{name} answers properly again", allOver: "{n} sources answer properly again",
	},
	kind(alert.Rate): {
		what: "Calls limited", one: "{name} limits our calls", several: "{n} sources limit our calls",
		meaning: "Orders of {name} come in late: they wait at the shop until calls are allowed again. Nothing is lost.",
		cause:   "The quota of the day is used up, another program uses the same key or app, or the rate in the configuration is too high.",
		over:    "{name} allows calls again", allOver: "{n} sources allow calls again",
	},
	kind(alert.Auth): {
		what: "Key refused", one: "{name} refuses our key", several: "{n} sources refuse our keys",
		meaning: "No orders of {name} come in until the key is replaced. They wait at the shop; nothing is lost.",
		cause:   "The key has ended, was replaced, or was blocked at the shop.",
		advice:  "Make a new key in the shop's back office, put it into the credential file of the old one, then type:",
		over:    "{name} accepts our key again", allOver: "{n} sources accept our keys again",
	},
	refusedGrant: {
		what: "Authorisation refused", one: "{name} refuses our authorisation", several: "{n} sources refuse our authorisation",
		meaning: "No orders of {name} come in until the shop's owner authorises us again. They wait at the shop; nothing is lost.",
		cause:   "The authorisation has ended, or the owner withdrew it.",
		advice:  "Ask the owner to log in and agree once more; this command guides you both:",
		over:    "{name} accepts our authorisation again", allOver: "{n} sources accept our authorisation again",
	},
	kind(alert.Payload): {
		what: "Answers not usable", one: "{name} gives answers that cannot be trusted", several: "{n} sources give answers that cannot be trusted",
		meaning: "To store nothing wrong, {name} is not synced further. What is stored is right; newer orders wait at the shop.",
		cause:   "The shop changed its API, or something else answers in its place: a login page, a proxy.",
		advice:  "If it stays, send the error below to whoever looks after the shop's API or this program.",
		over:    "{name} gives usable answers again", allOver: "{n} sources give usable answers again",
	},
	kind(alert.Security): {
		what: "Connection not safe", one: "The connection to {name} cannot be trusted", several: "The connections to {n} sources cannot be trusted",
		meaning: "We do not use it, so no orders of {name} come in. They wait at the shop; nothing is lost.",
		cause:   "The server's certificate has expired or belongs to somebody else; somebody may be listening in.",
		advice:  "Ask the shop's support about its certificate. Do not enter keys anywhere until this is cleared up.",
		over:    "The connection to {name} can be trusted again", allOver: "The connections to {n} sources can be trusted again",
	},
	kind(alert.Config): {
		what: "Setting does not work", one: "A setting of {name} cannot work", several: "Settings of {n} sources cannot work",
		meaning: "No orders of {name} come in until it is corrected. They wait at the shop; nothing is lost.",
		cause:   "A value in the configuration file does not fit; the error below says which.",
		advice:  "Correct the file, then type:",
		over:    "The settings of {name} work again", allOver: "The settings of {n} sources work again",
	},
	refusedFile: {
		what: "New configuration refused", one: "The new configuration on {name} was refused", several: "The new configuration was refused on {n} machines",
		meaning: "Syncing goes on with the configuration from before; the change is not in force.",
		cause:   "A mistake in the file; the error below says where.",
		advice:  "Correct the file, then type:",
		over:    "The configuration on {name} is in force", allOver: "The configuration is in force on {n} machines",
	},
	kind(alert.Internal): {
		what: "Program fault", one: "The program failed at {name}", several: "The program failed at {n} sources",
		meaning: "Orders of {name} do not come in for now. They wait at the shop; what is stored is right.",
		cause:   "Most likely a fault of ordersyncd itself.",
		advice:  "Send the error below and these lines to whoever looks after this program:",
		over:    "{name} is synced again", allOver: "{n} sources are synced again",
	},
	restarts: {
		what: "Program keeps ending", one: "ordersyncd on {name} ended abruptly {count} times within an hour",
		several: "ordersyncd keeps ending abruptly on {n} machines",
		meaning: "It starts again by itself and goes on where it was. Nothing is lost, but orders come in late.",
		cause:   "Too little memory, somebody or something that kills it, power failures, or a fault of the program.",
		over:    "ordersyncd on {name} runs steadily again", allOver: "ordersyncd runs steadily again on {n} machines",
	},
	untold: {
		what: "Alerts are delayed", one: "Failures are not told by {name}", several: "Failures are not told by {n} machines",
		meaning: "Syncing is not affected by this. But until it is over, what fails at the shops is told late.",
		cause:   "The database refuses what alerts need, or a fault of the program; the error below says which.",
		over:    "Failures are told by {name} again", allOver: "Failures are told by {n} machines again",
	},
	kind(alert.Database): {
		what: "Database not available", one: "{name} cannot use the database", several: "{n} machines cannot use the database",
		meaning: "No orders come in from any source. Nothing is lost: they wait at the shops and are fetched as soon as the database is back.",
		cause:   "The database server is stopped, restarting or full, or it refuses our account.",
		over:    "{name} can use the database again", allOver: "{n} machines can use the database again",
	},
	kind(alert.Disk): {
		what: "Trouble with the disk", one: "{name} has trouble with its state directory", several: "{n} machines have trouble with their state directories",
		meaning: "Syncing goes on. But alerts that cannot be sent at once may be lost when the program or the machine restarts.",
		cause:   "The disk is full or read-only, the directory's permissions changed, or a file in it is damaged.",
		over:    "The state directory of {name} works again", allOver: "The state directories of {n} machines work again",
	},
	kind(alert.Channel): {
		what: "Alerts do not get through", one: "Alerts do not get through by {name}", several: "Alerts do not get through by {n} channels",
		meaning: "Syncing is not affected. Alerts for this channel wait for up to 24 hours and are sent once it works; until then watch the others.",
		cause:   "The receiving server is down or refuses us, or an address, a password or a key changed.",
		over:    "Alerts get through by {name} again", allOver: "Alerts get through by {n} channels again",
	},
	kind(alert.DeadLetter): {
		what: "{orders} set aside", one: "{orders} of {name} could not be read", several: "{orders} of {n} sources could not be read",
		meaning: "What could not be read is missing from your tables, or stands there in an older version. The shop's original is kept; all other orders go on.",
		cause:   "The shop sent something unexpected: a field is missing, or in another form.",
		over:    "No orders of {name} are set aside any more", allOver: "No orders of {n} sources are set aside any more",
	},
	kind(alert.Gap): {
		what: "Orders can no longer be read", one: "Some past orders of {name} can no longer be read",
		several: "Some past orders of {n} sources can no longer be read",
		meaning: "Orders that changed in this time may be missing from your tables, and the shop no longer lists them. All others are complete.",
		cause:   "The program stood still, or began, longer ago than the shop's API looks back.",
		advice:  "Export the orders of this time from the shop's back office by hand. Then say that you did:",
		over:    "The gap of {name} was acknowledged", allOver: "The gaps of {n} sources were acknowledged",
	},
	kind(alert.Shortfall): {
		what: "Orders not listed", one: "{name} announces more orders than it lists", several: "{n} sources announce more orders than they list",
		meaning: "{orders} may be missing from your tables. Everything that was listed is stored.",
		cause:   "A fault of the shop's API: its total counts orders that it does not give out.",
		advice:  "Compare with the orders in the shop's back office; if some are missing here, ask the shop's support.",
		over:    "{name} lists all that it announces again", allOver: "{n} sources list all that they announce again",
	},
	kind(alert.Stall): {
		what: "Sync stands still", one: "The job {name} makes no progress", several: "{n} jobs make no progress",
		meaning: "New and changed orders wait at the shop. Nothing is lost: they are fetched as soon as it goes on.",
		cause:   "The program is not running or hangs, or a run takes very long.",
		over:    "The job {name} goes on", allOver: "{n} jobs go on",
	},
	never: {
		what: "Job never ran", one: "The job {name} has never run", several: "{n} jobs have never run",
		meaning: "Orders wait at the shop. Nothing is lost: they are fetched as soon as it runs.",
		cause:   "The program is not running or hangs, or its first run takes very long.",
		over:    "The job {name} runs", allOver: "{n} jobs run",
	},
	still: {
		what: "Sync stands still", one: "The job {name} runs, but gets no further", several: "{n} jobs run, but get no further",
		meaning: "Every run is good, yet the point up to which all orders are stored does not move. New orders may be missing until it does.",
		cause:   "The clock of this machine or of the shop is wrong, or the shop gives its orders out late.",
		over:    "The job {name} gets on again", allOver: "{n} jobs get on again",
	},
	stuck: {
		what: "Run is stuck", one: "A run of {name} gets nowhere", several: "Runs of {n} jobs get nowhere",
		meaning: "New and changed orders wait at the shop. Nothing is lost: they are fetched as soon as it goes on.",
		cause:   "The shop answers very slowly, or the program hangs.",
		over:    "The job {name} gets on again", allOver: "{n} jobs get on again",
	},
	away: {
		what: "Program was not running", one: "ordersyncd on {name} did not run for {span}", several: "ordersyncd did not run on {n} machines for a while",
		meaning: "No orders came in during that time. Nothing is lost: they are being fetched now.",
		cause:   "The machine was off, asleep or restarted, or somebody stopped the program.",
		over:    "ordersyncd on {name} has caught up", allOver: "ordersyncd has caught up on {n} machines",
	},
	kind(alert.Quiet): {
		what: "No new orders", one: "{name} brings no orders", several: "{n} sources bring no orders",
		meaning: "Every run is good, yet no orders came where there were some in the weeks before. Business may be slow; or the shop no longer shows us its orders.",
		cause:   "A filter or a permission at the shop changed, the shop is closed, or nobody buys.",
		advice:  "Look into the shop's back office: are there orders newer than this? If so, something is wrong.",
		over:    "{name} brings orders again", allOver: "{n} sources bring orders again",
	},
	kind(alert.Credential): {
		what: "Key ends in {left}", one: "The key of {name} ends in {left}", several: "The keys of {n} sources end soon",
		meaning: "Syncing works for now. Once the key has ended, no orders of {name} come in until it is replaced.",
		advice:  "Make a new key in the shop's back office, put it into the credential file of the old one and its date behind issued, then type:",
		over:    "The key of {name} was renewed", allOver: "The keys of {n} sources were renewed",
	},
	keyEnded: {
		what: "Key has ended", one: "The key of {name} has ended", several: "The keys of {n} sources have ended",
		meaning: "The shop may refuse it at any moment; then no orders of {name} come in until it is replaced. Nothing is lost.",
		advice:  "Make a new key in the shop's back office, put it into the credential file of the old one and its date behind issued, then type:",
		over:    "The key of {name} was renewed", allOver: "The keys of {n} sources were renewed",
	},
	grantEnds: {
		what: "Authorisation ends in {left}", one: "The authorisation of {name} ends in {left}", several: "The authorisations of {n} sources end soon",
		meaning: "Syncing works for now. Once it has ended, no orders of {name} come in until the shop's owner authorises us again.",
		advice:  "Ask the owner to log in and agree once more; this command guides you both:",
		over:    "The authorisation of {name} was renewed", allOver: "The authorisations of {n} sources were renewed",
	},
	grantEnded: {
		what: "Authorisation has ended", one: "The authorisation of {name} has ended", several: "The authorisations of {n} sources have ended",
		meaning: "No orders of {name} come in until the shop's owner authorises us again. They wait at the shop; nothing is lost.",
		advice:  "Ask the owner to log in and agree once more; this command guides you both:",
		over:    "The authorisation of {name} was renewed", allOver: "The authorisations of {n} sources were renewed",
	},
}
