package words

import (
	"strings"
	"time"

	"ordersync/internal/alert"
)

// kind is a sort of incident about which the same is said: a class, or a class and what makes a difference.
type kind string

// The kinds that are not a class as such.
const (
	noShop       kind = "network of all"
	refusedGrant kind = "auth by authorisation"
	refusedFile  kind = "config of a host"
	restarts     kind = "internal of a host"
	untold       kind = "internal of the alerts"
	away         kind = "stall of a host"
	never        kind = "stall of what never ran"
	still        kind = "stall of a watermark"
	stuck        kind = "stall of a run"
	keyEnded     kind = "key ended"
	grantEnds    kind = "authorisation ends"
	grantEnded   kind = "authorisation ended"
)

// kindOf says which texts are those of an incident at a time. A credential is an authorisation where the command to renew it is that of
// authorisations, otherwise a key.
func kindOf(i alert.Incident, at time.Time) kind {
	sort, _ := i.Scope.Split()
	granted := strings.HasPrefix(i.Facts.Command, "ordersyncd authorize ")
	switch {
	case i.Class == alert.Network && i.Scope == alert.All:
		return noShop
	case i.Class == alert.Auth && granted:
		return refusedGrant
	case i.Class == alert.Config && sort == "host":
		return refusedFile
	case i.Class == alert.Internal && sort == "host" && i.Facts.Count == 0:
		return untold
	case i.Class == alert.Internal && sort == "host":
		return restarts
	case i.Class == alert.Stall && sort == "host":
		return away
	case i.Class == alert.Stall && i.Kind == alert.StallNever:
		return never
	case i.Class == alert.Stall && i.Kind == alert.StallStill:
		return still
	case i.Class == alert.Stall && i.Kind == alert.StallStuck:
		return stuck
	case i.Class == alert.Credential:
		return credential(granted, !i.Facts.Ends.After(at))
	}
	return kind(i.Class)
}

func credential(granted, ended bool) kind {
	switch {
	case granted && ended:
		return grantEnded
	case granted:
		return grantEnds
	case ended:
		return keyEnded
	}
	return kind(alert.Credential)
}

// nature is what does not depend on the language.
type nature struct {
	tone Tone
	// waits says that orders wait somewhere as long as it lasts.
	waits bool
	// commands are what to type, the most useful first; those whose job or source is not known are left out.
	commands []string
}

const (
	online  = "ordersyncd check --online"
	status  = "ordersyncd status"
	again   = "ordersyncd sync {job}"
	logs    = "journalctl -u ordersyncd -n 100"
	unit    = "systemctl status ordersyncd"
	restart = "systemctl restart ordersyncd"
	grant   = "ordersyncd authorize {source}"
	check   = "ordersyncd check"
	reload  = "systemctl reload ordersyncd"
)

// natures holds what is known of every kind.
var natures = map[kind]nature{
	kind(alert.Network): {Grave, true, []string{online, status}},
	noShop:              {Grave, true, []string{online, status}},
	kind(alert.HTTP):    {Grave, true, []string{again, status}},
	kind(alert.Rate):    {Warn, true, []string{status}},

	kind(alert.Auth):     {Grave, true, []string{restart, online}},
	refusedGrant:         {Grave, true, []string{grant, online}},
	kind(alert.Payload):  {Grave, true, []string{again, logs}},
	kind(alert.Security): {Grave, true, []string{online, logs}},
	kind(alert.Config):   {Grave, true, []string{check, reload}},
	refusedFile:          {Warn, false, []string{check, reload}},
	kind(alert.Internal): {Grave, true, []string{logs, again}},
	restarts:             {Grave, false, []string{unit, logs}},
	untold:               {Grave, false, []string{status, logs}},

	kind(alert.Database):   {Grave, true, []string{online, logs}},
	kind(alert.Disk):       {Warn, false, []string{"df -h", logs}},
	kind(alert.Channel):    {Warn, false, []string{"ordersyncd check --online --send-test-alert"}},
	kind(alert.DeadLetter): {Warn, false, []string{"ordersyncd deadletter list"}},
	kind(alert.Gap):        {Warn, false, []string{"ordersyncd gap list", "ordersyncd gap ack NUMBER"}},
	kind(alert.Shortfall):  {Warn, false, []string{status}},
	kind(alert.Stall):      {Grave, true, []string{unit, again}},
	never:                  {Grave, true, []string{unit, again}},
	still:                  {Grave, true, []string{status, logs}},
	stuck:                  {Grave, true, []string{logs, restart}},
	away:                   {Warn, false, []string{unit, status}},
	kind(alert.Quiet):      {Warn, false, []string{status, online}},
	kind(alert.Credential): {Warn, false, []string{restart, online}},
	keyEnded:               {Grave, false, []string{restart, online}},
	grantEnds:              {Warn, false, []string{grant, status}},
	grantEnded:             {Grave, false, []string{grant, online}},
}

// natureOf knows something of a class that is not in the table, too.
func natureOf(k kind) nature {
	if n, ok := natures[k]; ok {
		return n
	}
	return nature{Grave, false, []string{status, logs}}
}
