// Package words holds what the configuration says to people, in one place, and finds the word that somebody meant.
package words

import (
	"strconv"
	"strings"
)

// Words are what a mistake says to the operator: what is wrong, and what to do. {0}, {1} stand for the mistake's arguments.
type Words struct {
	Message, Remedy string
}

// Fill puts the arguments in.
func (w Words) Fill(args []string) Words {
	var pairs []string
	for i, arg := range args {
		pairs = append(pairs, "{"+strconv.Itoa(i)+"}", arg)
	}
	replace := strings.NewReplacer(pairs...)
	return Words{Message: replace.Replace(w.Message), Remedy: replace.Replace(w.Remedy)}
}

// English holds every text, by the code of its mistake. Another language is another function like this one.
func English() map[string]Words {
	return map[string]Words{
		// The file as such.
		"config-missing":    {"There is no such file.", "Name the right one with --config, or copy the example: ordersyncd.example.yaml."},
		"config-permission": {"The file may not be read by this account.", "Check with: ls -l {0}"},
		"config-unreadable": {"The file cannot be read.", "Check that it is a file and that its disk works: ls -l {0}"},
		"config-long":       {"The file is larger than 16 MiB, which no configuration needs.", "Check that this is the right file."},

		// The text.
		"empty":      {"The file is empty.", "Begin with a copy of the example: ordersyncd.example.yaml."},
		"utf16":      {"The file is written in UTF-16, which Windows Notepad calls Unicode.", "Save it again with the encoding UTF-8."},
		"not-utf8":   {"The file is not UTF-8 from here on; it may be GBK.", "Save it again with the encoding UTF-8."},
		"tab":        {"A tab stands where only blanks may stand.", "Replace each tab by two blanks; most editors can do it for the whole file."},
		"star":       {"A value that begins with * must stand in quotes.", "Write it like this: schedule: \"*/5 * * * *\""},
		"indicator":  {"A value that begins with {0} must stand in quotes.", "Put double quotes around the whole value."},
		"no-blank":   {"A blank is missing after \"{0}:\".", "Write \"{0}: \" and then the value."},
		"wide-colon": {"This is a Chinese colon.", "Write an English one (:) with a blank after it."},
		"backslash": {
			"A backslash in double quotes begins a special character, and this one is not known.",
			"Use single quotes instead of double ones.",
		},
		"open-quote":   {"This quote is never closed.", "Put the same quote at the end of the value."},
		"open-bracket": {"This {0} is never closed, or a comma is missing after it.", "Check the brackets and commas from here on."},
		"indentation": {
			"This line is indented too far, or not far enough.",
			"Keys that belong together begin in the same column, two blanks further than their group.",
		},
		"syntax":        {"This line cannot be read.", "Check its quotes, brackets and colons, and those of the line before."},
		"complex-key":   {"A key must be a single word.", "Write it as key: value."},
		"foreign-tag":   {"A value that begins with ! must stand in quotes.", "Put double quotes around the whole value."},
		"bad-merge":     {"Behind << must stand the name of a group, such as *defaults.", "Repeat the keys instead; it is easier to read."},
		"duplicate-key": {"The key \"{0}\" stands here a second time; the first is on line {1}.", "Keep one of the two."},
		"duplicate-odd": {"This key stands here a second time; the first is on line {0}.", "Keep one of the two."},

		"control-character": {"There is an invisible control character here.", "Delete it and type the line again."},
		"colon-in-value":    {"A value with a colon and a blank in it must stand in quotes.", "Put double quotes around the whole value."},
		"second-document":   {"A second document begins here, behind a line of --- or ....", "Keep everything in one document: delete that line."},
		"too-many-nodes":    {"The file repeats itself too often through anchors (&) and references (*).", "Write the values out."},

		// Keys.
		"unknown-key":  {"There is no key \"{0}\" here.", "The keys that may stand here: {1}."},
		"misspelt-key": {"There is no key \"{0}\" here; did you mean \"{1}\"?", "Correct the key, or delete the line."},
		"later-key":    {"\"{0}\" is not in this version.", "Delete it, or put a # before the line until a version brings it."},
		"later-value":  {"\"{0}\" is not in this version.", "Choose something else, or put a # before the lines until a version brings it."},
		"odd-key":      {"This is no key.", "Check that a blank follows the colon before it, and that a long value stands in quotes."},
		"indented":     {"\"{0}\" is indented too far: it stands inside \"{1}\".", "Move it and its lines to the left margin."},
		"bad-name": {
			"\"{0}\" cannot be a name here.",
			"Use small letters, digits, dots, hyphens and underscores, 63 at most, beginning with a letter or digit.",
		},
		"no-value": {"\"{0}\" has no value.", "Write a value behind the colon, or delete the line."},
		"missing":  {"\"{0}\" is missing in {1}.", "Add it."},

		// Kinds of value.
		"want-mapping": {"\"{0}\" must be a group of keys, and is {1}.", "Write its keys below it, each on its own line, two blanks further in."},
		"want-names": {
			"\"{0}\" must be a group of names, and is {1}.",
			"Write each entry as a name with a colon, its keys below it, without hyphens before them.",
		},
		"want-list":        {"\"{0}\" must be a list, and is {1}.", "Write it in square brackets: [first, second]"},
		"want-scalar":      {"\"{0}\" must be a single value, and is {1}.", "Write one value behind the colon."},
		"wide-colon-value": {"\"{0}\" holds a Chinese colon.", "Write an English one (:) with a blank after it."},
		"boolean":          {"\"{0}\" must be true or false, and is \"{1}\".", "Write true or false, without quotes."},
		"integer":          {"\"{0}\" must be a whole number, and is \"{1}\".", "Write digits only, such as 100."},
		"number":           {"\"{0}\" must be a number, and is \"{1}\".", "Write it such as 5 or 0.5."},
		"octal":            {"\"{0}\" begins with a zero: some programs read {1} as another number.", "Write {2}."},
		"number-reference": {"\"{0}\" must be a number: references such as ${NAME} work in texts only.", "Write the number itself."},
		"duration-unit":    {"\"{0}: {1}\" has no unit.", "Add s, m, h or d for seconds, minutes, hours or days: {1}s, {1}m."},
		"duration": {
			"\"{0}\" must be a length of time, and is \"{1}\".",
			"Write a number with its unit, such as 30s, 10m, 2h, 1h30m or 30d.",
		},
		"size": {"\"{0}\" must be a size, and is \"{1}\".", "Write a number with its unit, such as 64MiB."},
		"date": {
			"\"{0}\" must be a date, and is \"{1}\".",
			"Write year-month-day, such as 2024-01-31, or with a time: 2024-01-31 08:00.",
		},
		"none": {"\"none\" takes no value.", "Write none: {}"},

		// Single values.
		"oneof":          {"\"{0}\" must be one of: {1}.", "Choose one of them."},
		"oneof-misspelt": {"\"{0}\" has a value that is not known; did you mean \"{1}\"?", "Correct it."},
		"timezone":       {"\"{0}\" is no time zone that is known.", "Write a name such as {1}; timedatectl list-timezones shows them all."},
		"greater":        {"\"{0}\" must be {1}.", "Correct the number."},
		"entries":        {"\"{0}\" has no entries.", "Add one."},
		"size-max":       {"\"max\" is smaller than \"value\".", "Raise it, or delete it."},
		"rule":           {"\"{0}\" breaks the rule \"{1}\".", "Correct it."},
		"kind": {
			"The kind of {0} must be rest or taobao.",
			"Write kind: taobao for a shop on Taobao or Tmall, kind: rest for any other API that lists orders.",
		},
		"kind-missing": {
			"{0} does not say what kind of shop it is.",
			"Add kind: taobao for a shop on Taobao or Tmall, kind: rest for any other API that lists orders.",
		},

		// Presets.
		"preset":          {"There is no preset \"{0}\".", "The presets are: {1}."},
		"preset-misspelt": {"There is no preset \"{0}\"; did you mean \"{1}\"?", "Correct it."},
		"preset-broken":   {"The preset {0} is of no use: {1}.", "This is our mistake, not yours; please report it."},

		// References and secrets.
		"reference-open": {"\"{0}\" has a ${ without its }.", "Close it: ${credential:NAME}. If you mean the characters themselves, write $${."},
		"reference-kind": {
			"\"{0}\" refers to something that is not known.",
			"Write ${credential:NAME}, ${file:PATH} or ${VARIABLE}; for the characters themselves $${.",
		},
		"reference-name": {
			"\"{0}\" refers to something without a proper name.",
			"Write ${credential:NAME}, ${file:PATH} or ${VARIABLE}; for the characters themselves $${.",
		},
		"reference-place": {
			"\"{0}\" is not kept secret, so ${{1}:…} may not stand here.",
			"Secrets belong under auth, or into a password, a secret or a session. Write the value itself, or take an environment variable: ${NAME}",
		},
		"variable-missing": {
			"The environment variable {0} is not set, or is empty.",
			"Set it where the program is started, or put the value into a credential file: ${credential:NAME}",
		},
		"credential-name": {
			"\"{0}\" names a credential in a way that cannot be a file's name.",
			"Use letters, digits, dots, hyphens and underscores.",
		},
		"credential-missing": {"There is no credential {0}.", "Put it into a file of that name in {1}, readable for the daemon alone."},
		"file-missing":       {"There is no file {0}.", "Create it, or correct the path."},
		"file-empty":         {"The file {0} is empty.", "Put the secret into it, on one line."},
		"file-long":          {"The file {0} is too long for a secret.", "Check that it is the right one."},
		"file-permission":    {"The file {0} may not be read by this account.", "Check with: ls -l {0}"},
		"file-unreadable":    {"The file {0} cannot be read.", "Check that it is an ordinary file: ls -l {0}"},
		"file-open":          {"Every account on this machine may read {0}.", "Close it: chmod o-rwx {0}"},
		"plain-secret": {
			"\"{0}\" stands in this file in plain text.",
			"Put it into a file in /etc/ordersync/credentials and write ${credential:NAME} here.",
		},
		"secret-control": {
			"The secret of \"{0}\" holds a line break or another control character.",
			"Put nothing but the secret into its file, on one line.",
		},
		"secret-letters": {
			"The secret of \"{0}\" holds letters that cannot be sent.",
			"Copy it again: it may hold a blank, a quote or a Chinese character too many.",
		},
		"secret-in-query": {
			"\"{0}\" looks like a secret, and would be shown in messages.",
			"Move it to auth: {query: {{0}: \"${credential:NAME}\"}}",
		},
		"bearer-twice": {
			"\"bearer\" holds the token alone; the word Bearer is added when it is sent.",
			"Delete the word Bearer and the blank.",
		},

		// The database.
		"database-missing": {"\"database\" is missing in the file.", "Add address, name, user and password of the database, as in the example."},
		"database-address": {"\"address\" must be host:port or the path of a socket.", "Write it such as 127.0.0.1:3306 or /run/mysqld/mysqld.sock"},
		"dsn-and":          {"\"dsn\" already says what \"{0}\" says.", "Keep either dsn, or address, name, user, password and tls."},
		"tls-socket":       {"A socket does not leave this machine and cannot be encrypted.", "Delete tls, or write host:port as the address."},

		// Sources.
		"address":       {"\"{0}\" is no address.", "Write it such as {1}"},
		"address-user":  {"\"{0}\" may not hold a user or a password.", "Delete them, and the @ behind them."},
		"address-query": {"\"{0}\" may not hold parameters.", "Delete the ? or # and what stands behind it."},
		"address-http": {
			"\"{0}\" is not encrypted: everybody on the way could read the credential and the orders.",
			"Write https://, or allow it with allow_http: true",
		},
		"base-url-user": {
			"\"base_url\" may not hold a user or a password.",
			"Move them to auth: {basic: {user: …, password: \"${credential:NAME}\"}}",
		},
		"base-url-query": {"\"base_url\" may not hold parameters.", "Move what stands behind the ? to request: {query: {…}}, and secrets to auth."},
		"auth-missing": {
			"\"auth\" is missing in {0}.",
			"Add auth: {bearer: \"${credential:NAME}\"}, or auth: {none: {}} if the API asks for nothing.",
		},
		"auth-empty":      {"\"auth\" does not say how the shop knows us.", "Give exactly one of bearer, header, basic, query, oauth2, none."},
		"auth-several":    {"\"auth\" gives {0}; only one can count.", "Keep one of them."},
		"header-name":     {"A header cannot have this name.", "Use letters, digits and hyphens, such as X-Api-Key."},
		"token-url":       {"\"token_url\" is no address, or not an encrypted one.", "Write it such as https://auth.example.com/token"},
		"path-and-paths":  {"\"path\" and \"paths\" say the same.", "Keep one of them."},
		"path":            {"A path begins with / and holds no ? and no #.", "Write it such as /orders; parameters belong under query."},
		"parameter-twice": {"The parameter \"{0}\" is sent by auth already.", "Keep one of the two."},
		"template":        {"{0} stands for nothing.", "Only {filter_status} is replaced in parameters."},
		"filter-unsent":   {"\"filter_status\" is never sent.", "Say by which parameter: request: {query: {status: \"{filter_status}\"}}"},
		"window-none":     {"\"{0}\" is never sent, because \"by\" is none.", "Delete it, or write by: modified or by: created"},
		"resolution":      {"\"resolution\" must divide a day without remainder, and be a day at most.", "Write 1s, 1m, 1h or 24h."},
		"resolution-day":  {"\"layout\" writes days, so \"resolution\" cannot be finer than a day.", "Write resolution: 24h"},
		"layout": {
			"This layout writes no time.",
			"Take rfc3339, rfc3339ms, rfc1123z, date, datetime, unix or unix_ms, or write how 2 January 2006, 15:04:05 looks there.",
		},
		"twice":        {"\"{0}\" stands in {1} and in {2}.", "Keep one of them."},
		"slice":        {"\"slice\" is shorter than the filter's step of {0}.", "Raise it to {0} or more."},
		"page-unused":  {"\"{0}\" is never sent, because the kind of page is {1}.", "Delete it, or change kind."},
		"map-missing":  {"\"{0}\" is missing in map. {1}", "Say where it stands in an order."},
		"word-twice":   {"\"{0}\" and \"{1}\" are one word to us, and mean two things.", "Keep one of them."},
		"resweep-half": {"\"resweep\" names only one of since and until.", "Name both parameters."},
		"rates":        {"{0} and {1} use the same {2}, and say different rates for it.", "Write the same rate in both; they share it."},
		"same-shop":    {"{0} and {1} are the same shop.", "Delete one of them: every order would be stored twice."},
		"filtered": {
			"\"{0}\" lets only some orders of {1} through: one that leaves the status is never updated again.",
			"Read all orders, unless you mean this.",
		},
		"created-only": {
			"{0} is read by creation date only: later changes to an order are not seen.",
			"Add a job that sweeps it, such as {schedule: \"30 4 * * *\", sweep: {0}, back: 30d}",
		},
		"unused": {"No job reads {0}.", "Add a job that syncs it, or delete it."},

		// Shops on Taobao and Tmall.
		"app-key": {
			"\"app_key\" is not the number of an app.",
			"Copy it from the app's page on the open platform; only the sandbox has other keys: gateway: sandbox",
		},
		"app-secrets": {"{0} and {1} use the same app key, and different secrets for it.", "Write the same app_secret in both: an app has one."},
		"gateway":     {"\"gateway\" is no platform and no address.", "Write production, overseas or sandbox, or the whole address of a router."},
		"oauth-path":  {"\"oauth\" is the address below which /authorize and /token lie.", "Delete {0} from its end."},
		"oauth-missing": {
			"\"oauth\" is missing in {0}: nobody knows where a gateway of your own hands out tokens.",
			"Add oauth: and the address below which /authorize and /token lie.",
		},
		"session-missing": {
			"{0} does not say how the shop lets us in.",
			"Add session: ${credential:NAME}; or add the app's callback address, redirect_uri: ADDRESS, and then type: ordersyncd authorize {0}",
		},
		"encryption-missing": {
			"The token of {0} is to be kept in the database, and there is no key to seal it with.",
			"Make one with 'ordersyncd keys new', put it into a credential file, and add at the left margin: encryption: {key: \"${credential:seal-key}\"}",
		},
		"session-end-alone": {"\"session_expires\" is the end of a session, and none is given.", "Add session: ${credential:NAME}, or delete the line."},
		"session-end-missing": {
			"{0} does not say when its session ends, so nobody can warn you before its orders stop.",
			"Add the day that came with the session: session_expires: 2027-06-30",
		},
		"session-ended": {
			"The session of {0} has ended: \"session_expires\" is {1}.",
			"Put a new one into its credential file, and its last day here; or, where redirect_uri is given, delete both and type: ordersyncd authorize {0}",
		},
		"slice-day": {"\"slice\" is longer than the day that the platform lists at once.", "Write slice: 24h or less."},

		// Jobs.
		"job-kind":        {"{0} does not say what to do.", "Add sync: SOURCE, sweep: SOURCE or track: SOURCE."},
		"job-kinds":       {"{0} is {1}; a job does one thing.", "Make a job of each."},
		"source-missing":  {"There is no source {0}.", "The sources are: {1}."},
		"source-misspelt": {"There is no source {0}; did you mean {1}?", "Correct the name."},
		"start-missing":   {"\"start\" is missing in {0}.", "Say from which day on orders are read, such as start: 2024-01-01"},
		"start-sweep":     {"A sweep has no start.", "Write how far it reads back, such as back: 30d"},
		"back-sync":       {"A sync goes on where it stopped; \"back\" means nothing to it.", "Delete it, or write start: and a day."},
		"back-missing":    {"\"back\" is missing in {0}.", "Say how far it reads back, such as back: 30d"},
		"back-reach":      {"The platform lists orders of the last three months alone: \"back\" can be 90d at most.", "Write back: 90d or less."},
		"track-when":      {"\"{0}\" means nothing to a job that tracks parcels: it asks for all that are on their way.", "Delete it."},
		"track-kind":      {"The parcels of {0} cannot be tracked: only shops of kind taobao tell where they are.", "Delete the job."},
		"sweep-none":      {"{0} reads everything at each run and needs no sweep.", "Delete the job."},
		"sweep-modified": {
			"{0} filters by modification, and does not say by which parameters it could be read by creation.",
			"Name them: resweep: {back: 30d, since: created_from, until: created_to}; or delete the job.",
		},
		"starts": {"{0} and {1} both sync {2}, and begin on different days.", "Write the same start in both; they share one place."},
		"schedule": {
			"This schedule is of no use: {0}.",
			"Five fields in quotes: minute, hour, day, month, weekday. \"0 2 * * *\" is two o'clock every night.",
		},

		// Alerts, and monitors outside the machine.
		"no-channel": {
			"Nobody is told when something fails: neither mail nor Sentry nor a chat group is given under \"alerts\".",
			"Say who is to be told: email, sentry or webhooks below \"alerts\", as in the example.",
		},
		"no-channel-weekly": {"\"weekly\" has nobody to write to.", "Add email, sentry or webhooks to alerts, or delete the line."},
		"told-late":         {"\"{0}\" is too long: failures would be told late.", "Write {1} or less."},
		"mail-address": {
			"\"{0}\" must be a mail address without a name.",
			"Write it such as ops@example.com; several of them as a list: [ops@example.com, boss@example.com]",
		},
		"mail-twice": {"\"{0}\" stands in \"to\" twice.", "Delete one of the two: every address gets a mail of its own."},
		"smtp-host": {
			"\"host\" must be the name of a mail server, without anything before or behind it.",
			"Write it such as smtp.example.com, and the number behind a colon as port: 465",
		},
		"smtp-tls-missing": {
			"\"tls\" is missing in {0}: nobody knows how the connection to port {1} is encrypted.",
			"Add tls: implicit where it is from the first byte on, or tls: starttls.",
		},
		"smtp-plain": {
			"Without encryption everybody on the way could read the mails and the password.",
			"Write tls: implicit (port 465) or tls: starttls (port 587); tls: none is for a mail server on this machine, host: 127.0.0.1",
		},
		"smtp-port": {
			"Mail servers mostly want {0} at port {1}; this says {2}, with which a connection hangs or is refused.",
			"Write tls: {0}, or the port that your provider names for {2}.",
		},
		"smtp-password": {
			"\"username\" is given, and no password.",
			"Add password: ${credential:smtp}; or delete username, where the server asks for no account.",
		},
		"smtp-username": {"\"password\" is given, and no username.", "Add username, mostly the mail address of the account."},
		"sentry-dsn": {
			"\"dsn\" is not the address of a Sentry project.",
			"Copy it from the project's settings, Client Keys (DSN): https://KEY@HOST/NUMBER",
		},
		"sentry-environment": {
			"Sentry takes no such \"environment\".",
			"Write one word of at most 64 letters, without blanks and slashes, such as production.",
		},
		"target-http": {"\"{0}\" is not encrypted: everybody on the way could read it.", "Write https://"},
		"webhook-name": {
			"\"{0}\" is the name of another way to tell.",
			"Choose a name that says whose group it is, such as shop-staff.",
		},
		"webhook-kind": {"This is an address of {0}, and \"kind\" says {1}.", "Write kind: {0}, or copy the address of the right robot."},
		"webhook-url": {
			"This address of {0} is not whole: what names the robot is missing.",
			"Copy it again from the settings of the robot, to its last character.",
		},
		"webhook-secret": {"A robot of {0} does not check a signature: \"secret\" is never used.", "Delete it."},
		"webhook-twice":  {"{0} and {1} are the same robot.", "Delete one of them: every message would come twice."},
		"ping-same": {
			"\"{0}\" and \"{1}\" are the same address: the monitor could not tell them apart.",
			"Write the address that the monitor names for each, or delete {1}.",
		},
		"ping-shared": {
			"{0} and {1} ping the same address: while one of them runs, nobody notices that the other does not.",
			"Let the monitor give an address to each.",
		},
		"ping-http": {
			"\"{0}\" is not encrypted: whoever reads it on the way can make a dead job look alive.",
			"Write https://. A monitor on your own network needs a certificate for that.",
		},
	}
}
