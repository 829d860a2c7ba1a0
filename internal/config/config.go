// Package config turns the operator's one YAML file into values that cmd hands to the other rooms.
//
// It promises:
//
//   - every mistake of a file is reported in one go ([Problems]), each with file, line and column, the lines around it, a plain
//     sentence and what to do, in words for an operator who does not program;
//   - a key that this build lacks is told apart from one that does not exist, and a misspelt key gets a suggestion;
//   - a secret ([Secret]) prints as a mask whichever way it is printed, and no message or quoted line shows one;
//   - what [Load] returns is complete: presets merged, credentials read, defaults filled in, dates read in the file's time zone.
//
// The structs of this package are the file's shape, and their tags hold what package decode needs to know. Behind it stand four small
// rooms that only this one uses: document (the text, its tree, its mistakes), decode (the tree into structs), value (secrets and
// lengths of time), words (every sentence). The YAML library is known to document alone. Only cmd imports config, and turns each
// section into the Options of the room that it configures.
package config

import (
	"cmp"
	"io/fs"
	"time"

	"ordersync/internal/config/document"
	"ordersync/internal/config/value"
)

// What configurations are made of, and what is said about their mistakes.
type (
	// Secret is a text that prints as a mask.
	Secret = value.Secret
	// Duration is a length of time with its unit.
	Duration = value.Duration
	// Size is a number of bytes.
	Size = value.Size
	// Texts is a text or a list of them.
	Texts = value.Texts
	// Problem is one mistake, with its place and its remedy.
	Problem = document.Problem
	// Problems are all mistakes of a file.
	Problems = document.Problems
)

// NewSecret boxes a text.
func NewSecret(text string) Secret { return value.NewSecret(text) }

// Config is one loaded file. It holds no mistakes: [Load] returns either a Config or [Problems].
type Config struct {
	// Timezone is the zone in which schedules and dates are read. [Config.Zone] is the same, loaded.
	Timezone string `yaml:"timezone" validate:"timezone" doc:"The time zone in which schedules and dates are read, such as Asia/Shanghai."`
	Language string `yaml:"language" validate:"oneof=en zh-CN" doc:"The language of mails and reports."`
	// State is the daemon's own folder.
	State    string   `yaml:"state" validate:"required" doc:"The folder in which the daemon keeps its own files. Default: $STATE_DIRECTORY, which systemd sets."`
	Database Database `yaml:"database" doc:"Where the orders are stored."`
	// Encryption is needed where a shop's token is kept in the database.
	Encryption Encryption `yaml:"encryption" doc:"How the secrets that are kept in the database are sealed."`
	// Sources and Jobs stand in the file's order.
	Sources []*Source `yaml:"sources" named:"yes" validate:"min=1,dive" doc:"The shops, each under a name of your choice. The name becomes part of every stored row."`
	Jobs    []*Job    `yaml:"jobs" named:"yes" validate:"omitempty,dive" doc:"What runs when, each under a name of your choice."`
	Alerts  Alerts    `yaml:"alerts" doc:"Who is told when something fails."`

	// Warnings are what is allowed and probably not meant.
	Warnings []Problem `yaml:"-" validate:"-"`

	zone   *time.Location
	report *document.Report

	_ struct{} `later:"status retention report"`
}

// Zone is the time zone of the file.
func (c *Config) Zone() *time.Location { return c.zone }

// Source returns the source with that name, or nil.
func (c *Config) Source(name string) *Source {
	for _, s := range c.Sources {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Job returns the job with that name, or nil.
func (c *Config) Job(name string) *Job {
	for _, j := range c.Jobs {
		if j.Name == name {
			return j
		}
	}
	return nil
}

// Database says where the orders are stored: either Address, Name, User and Password, or DSN.
type Database struct {
	// Address is host:port, or the path of a socket.
	Address  string `yaml:"address" doc:"host:port of the MySQL or MariaDB server, or the path of its socket."`
	Name     string `yaml:"name" doc:"The name of the database."`
	User     string `yaml:"user" doc:"The account that reads and writes orders."`
	Password Secret `yaml:"password" doc:"Its password, such as ${credential:db-password}."`
	// Migrate is the account that changes the schema; nil: the same account.
	Migrate *Account `yaml:"migrate" doc:"The account that may change tables, for 'ordersyncd migrate up'. Default: the account above."`
	// TLS is nil where the connection is not encrypted.
	TLS *TLS `yaml:"tls" doc:"Encrypts the connection to the database."`
	// DSN is a whole connection line of go-sql-driver/mysql.
	DSN Secret `yaml:"dsn" doc:"One line instead of address, name, user and password: user:password@tcp(127.0.0.1:3306)/ordersync"`
}

// Account is a database account.
type Account struct {
	User     string `yaml:"user" validate:"required" doc:"The account's name."`
	Password Secret `yaml:"password" doc:"Its password."`
}

// TLS says how the database's certificate is checked. Both fields are optional: the system's authorities and the address's host.
type TLS struct {
	CA         string `yaml:"ca" doc:"The path of a file with the certificates (PEM) that may have signed the server's."`
	ServerName string `yaml:"server_name" doc:"The name in the server's certificate. Default: the host of the address."`
}

// Encryption seals what the database holds of secrets.
type Encryption struct {
	// Key is the keyset that 'ordersyncd keys new' prints.
	Key Secret `yaml:"key" doc:"The key that 'ordersyncd keys new' makes, such as ${credential:seal-key}."`
}

// Source is one shop. Exactly one of Rest and Taobao is set, as Kind says.
type Source struct {
	// Name is the key under sources.
	Name string `yaml:"-" validate:"-"`
	Kind string `yaml:"-" validate:"-"`
	// Rest is set for kind rest.
	Rest *Rest `yaml:"-" validate:"omitempty"`
	// Taobao is set for kind taobao.
	Taobao *Taobao `yaml:"-" validate:"omitempty"`
}

// The kinds of source.
const (
	KindRest   = "rest"
	KindTaobao = "taobao"
)

// Rest describes a JSON order API. Its preset is merged in, its defaults are filled in.
type Rest struct {
	Kind      string  `yaml:"kind" validate:"-" doc:"What kind of shop this is: rest is a JSON order API that this file describes."`
	Preset    string  `yaml:"preset" validate:"-" doc:"A ready-made description that the keys given here override: us-server."`
	BaseURL   string  `yaml:"base_url" validate:"required" doc:"The address of the API, such as https://api.example.com. Paths are appended to it."`
	AllowHTTP bool    `yaml:"allow_http" doc:"Allows http:// to another machine: credentials then travel readable by anybody on the way."`
	Auth      Auth    `yaml:"auth" merge:"whole" doc:"How the shop knows us: exactly one of bearer, header, basic, query, oauth2, none."`
	Request   Request `yaml:"request" doc:"What is asked."`
	// FilterStatus is the value of the status filter; empty: all orders.
	FilterStatus string  `yaml:"filter_status" doc:"Only orders of this status. Careful: an order that leaves the status is never updated again."`
	Window       Window  `yaml:"window" doc:"How the API filters by time."`
	Sort         Sort    `yaml:"sort" doc:"The parameter that sorts the list; a unique key such as id, never a time alone."`
	Page         Page    `yaml:"page" doc:"How the API cuts its list into pages."`
	Records      Records `yaml:"records" doc:"Where the orders stand in the answer."`
	Map          Map     `yaml:"map" doc:"Where each field stands in an order: a dotted path, or a list of paths of which the first present one counts."`
	// Resweep supplies the default Back of a sweep job; nil: the API offers no reading by creation time.
	Resweep *Resweep `yaml:"resweep" doc:"How far a sweep job reads back unless it says so itself."`
	Rate    Rate     `yaml:"rate" doc:"How often the API may be called. Sources with the same credential share it."`
	HTTP    HTTP     `yaml:"http" doc:"Limits of one call."`
	// Overlap is read again on every run before the watermark.
	Overlap Duration `yaml:"overlap" validate:"gte=0" doc:"How much is read again at each run, before the point reached."`
	// Settle is how far behind now a window must end.
	Settle Duration `yaml:"settle" validate:"gte=0" doc:"How old a change must be before it is read."`
	// Slice is the longest window of one pass.
	Slice Duration `yaml:"slice" validate:"gt=0" doc:"The longest span of time that is asked for at once."`

	_ struct{} `later:"detail errors empty"`
}

// Auth is how the remote knows us: exactly one form is set; Form names it.
type Auth struct {
	// None is set where the operator says that there is no authentication.
	None *NoAuth `yaml:"none" doc:"The API asks for nothing: none: {}"`
	// Bearer is short for the header "Authorization: Bearer X".
	Bearer Secret      `yaml:"bearer" doc:"A token, sent as 'Authorization: Bearer TOKEN'."`
	Header *AuthHeader `yaml:"header" doc:"A header of any name."`
	Basic  *AuthBasic  `yaml:"basic" doc:"User and password."`
	// Query holds parameters that are sent with each call.
	Query  map[string]Secret `yaml:"query" doc:"Parameters in the address, such as {api_key: \"${credential:shop}\"}. Prefer a header where the API takes one."`
	OAuth2 *OAuth2           `yaml:"oauth2" doc:"OAuth 2 client credentials."`
	// Issued is when the credential was issued; zero: not said.
	Issued time.Time `yaml:"issued" doc:"The day the credential was issued, as a reminder of its age."`

	_ struct{} `later:"login next"`
}

// NoAuth is written as {}.
type NoAuth struct{}

// Empty says that nothing can stand in it.
func (*NoAuth) Empty() {}

// AuthHeader is a header with a secret in it.
type AuthHeader struct {
	Name  string `yaml:"name" validate:"required" doc:"The header's name, such as X-Api-Key."`
	Value Secret `yaml:"value" validate:"required" doc:"Its value, such as ${credential:shop} or \"Token ${credential:shop}\"."`
}

// AuthBasic is HTTP basic authentication. Some APIs take their key as the user.
type AuthBasic struct {
	User     Secret `yaml:"user" validate:"required" plain:"ok" doc:"The user, or the key where the API takes it here."`
	Password Secret `yaml:"password" doc:"The password; may be empty."`
}

// OAuth2 is the client credentials grant.
type OAuth2 struct {
	TokenURL     string   `yaml:"token_url" validate:"required" doc:"The address that hands out tokens."`
	ClientID     Secret   `yaml:"client_id" validate:"required" plain:"ok" doc:"The client's id."`
	ClientSecret Secret   `yaml:"client_secret" validate:"required" doc:"The client's secret."`
	Scopes       []string `yaml:"scopes" doc:"The scopes to ask for."`
	// ClientAuth is how id and secret are sent: body or basic.
	ClientAuth string `yaml:"client_auth" validate:"oneof=basic body" doc:"How id and secret are sent."`
	// TokenPath and ExpiresPath are dotted paths into the token answer.
	TokenPath   string `yaml:"token_path" validate:"required" doc:"Where the token stands in the answer."`
	ExpiresPath string `yaml:"expires_path" validate:"required" doc:"Where its seconds to live stand in the answer."`
	// Header and Prefix say where the token goes.
	Header string `yaml:"header" validate:"required" doc:"The header that carries the token."`
	Prefix string `yaml:"prefix" doc:"What stands before the token in that header."`
}

// Request is what is asked.
type Request struct {
	// Paths are tried in order on 404; the first that answers is remembered. One path is a list of one.
	Path  string   `yaml:"path" instead:"paths" doc:"The path of the order list, such as /orders."`
	Paths []string `yaml:"paths" instead:"path" doc:"Several paths: on 404 the next one is tried, and the one that answers is remembered."`
	// Query holds further parameters. A parameter that a preset gives is dropped by null.
	// In a value "{filter_status}" stands for Rest.FilterStatus.
	Query map[string]string `yaml:"query" doc:"Further parameters of every call; {filter_status} stands for the key of that name. A parameter of the preset is dropped by null."`
	// Method is GET.
	Method string `yaml:"method" validate:"oneof=GET" later:"POST" doc:"The HTTP method."`

	_ struct{} `later:"headers body"`
}

// Window is how the remote filters by time.
type Window struct {
	// By is modified, created or none.
	By    string `yaml:"by" validate:"oneof=modified created none" doc:"Which time the filter looks at. modified is better: created misses later changes and needs a sweep job."`
	Since Bound  `yaml:"since" doc:"The parameter for the begin."`
	Until Bound  `yaml:"until" doc:"The parameter for the end."`
	// Layout is a Go layout, or one of: rfc3339, rfc3339ms, rfc1123z, date, datetime, unix, unix_ms.
	Layout string `yaml:"layout" validate:"required" doc:"How times are written: rfc3339, rfc3339ms, rfc1123z, date, unix, unix_ms, or a layout such as 2006-01-02 15:04:05."`
	// Zone is the zone of values that do not say one; empty: nobody knows.
	Zone string `yaml:"zone" validate:"omitempty,timezone" doc:"The zone in which times without a zone are written and read."`
	// Resolution is the smallest step the filter can tell apart.
	Resolution Duration `yaml:"resolution" validate:"gt=0" doc:"The smallest step that the filter can tell apart: 1s, or 24h where it takes dates."`
	SinceBound string   `yaml:"since_bound" validate:"oneof=inclusive exclusive" doc:"Whether an order exactly at the begin is in the answer."`
	UntilBound string   `yaml:"until_bound" validate:"oneof=inclusive exclusive" doc:"Whether an order exactly at the end is in the answer."`
	// Overlap, Settle and Slice here are what a preset suggests; after loading Rest.Overlap, Settle and Slice hold what counts.
	Overlap Duration `yaml:"overlap" validate:"gte=0" doc:"The same as overlap of the source."`
	Settle  Duration `yaml:"settle" validate:"gte=0" doc:"The same as settle of the source."`
	Slice   Duration `yaml:"slice" validate:"gte=0" doc:"The same as slice of the source."`

	_ struct{} `later:"max_records"`
}

// Bound is the parameter of one end of a window.
type Bound struct {
	Name string `yaml:"name,short" doc:"The parameter's name."`
	// Layout overrides that of the window; empty: the window's.
	Layout string `yaml:"layout" doc:"How this one is written, where it differs."`
	In     string `yaml:"in" validate:"omitempty,oneof=query" later:"body" doc:"Where it goes: query."`
}

// Sort is the parameter that sorts the list; an empty Name: none is sent.
type Sort struct {
	Name  string `yaml:"name" validate:"required_with=Value" doc:"The parameter's name."`
	Value string `yaml:"value" validate:"required_with=Name" doc:"Its value."`
}

// Page is how the list is cut into pages.
type Page struct {
	// Kind is page, offset or none.
	Kind   string     `yaml:"kind" validate:"oneof=page offset none" later:"link next_url cursor keyset" doc:"page: by number; offset: by number of rows skipped; none: the answer is the whole list."`
	Size   PageSize   `yaml:"size" doc:"The parameter for the number of orders on a page."`
	Number PageNumber `yaml:"number" doc:"The parameter for the page's number (kind page)."`
	Offset PageOffset `yaml:"offset" doc:"The parameter for the rows to skip (kind offset)."`
	// Total and Pages: where the remote announces how many records or pages there are.
	Total Place `yaml:"total" doc:"Where the number of all orders is announced, in the answer or in a header."`
	Pages Place `yaml:"pages" doc:"Where the number of pages is announced."`
	// MaxPages bounds one pass.
	MaxPages int `yaml:"max_pages" validate:"gt=0" doc:"More pages than this in one pass are taken for a mistake."`

	_ struct{} `later:"cursor only_on_first more"`
}

// PageSize is the page's size and its parameter; an empty Name: it is not sent.
type PageSize struct {
	Name  string `yaml:"name,short" doc:"The parameter's name."`
	Value int    `yaml:"value" validate:"gt=0" doc:"How many orders to ask for."`
	// Max is how far the size may be raised where the remote does not turn pages.
	Max int `yaml:"max" validate:"omitempty,gtefield=Value" doc:"How far it may be raised where the API does not turn pages."`
}

// PageNumber is the parameter of the page's number.
type PageNumber struct {
	Name  string `yaml:"name,short" doc:"The parameter's name."`
	First int    `yaml:"first" validate:"gte=0" doc:"The number of the first page: 1 or 0."`
}

// PageOffset is the parameter of the rows to skip.
type PageOffset struct {
	Name string `yaml:"name,short" doc:"The parameter's name."`

	_ struct{} `later:"form"`
}

// Place is where an answer holds something: the first of the paths or headers that is there.
type Place struct {
	Path   Texts `yaml:"path,short" doc:"A dotted path into the answer, or several."`
	Header Texts `yaml:"header" doc:"The name of a header, or several."`
}

// Records is where the orders stand in the answer; "" is the root.
type Records struct {
	Path Texts `yaml:"path,short" doc:"A dotted path into the answer, or several; \"\" where the answer itself is the list."`
}

// Map says where each field of an order stands. An empty Path: the remote does not have it.
type Map struct {
	ID       Field     `yaml:"id" doc:"The order's id. It must never change."`
	Number   Field     `yaml:"number" doc:"The number that people see."`
	Status   StatusMap `yaml:"status" doc:"The status, and what its words mean."`
	Currency Field     `yaml:"currency" doc:"The currency's code."`

	Total       Field `yaml:"total" doc:"What the order costs in all."`
	Paid        Field `yaml:"paid" doc:"What was paid."`
	Discount    Field `yaml:"discount" doc:"What was taken off."`
	ShippingFee Field `yaml:"shipping_fee" doc:"What shipping costs."`
	Tax         Field `yaml:"tax" doc:"The tax."`
	Refunded    Field `yaml:"refunded" doc:"What was paid back."`

	BuyerID          Field `yaml:"buyer_id" doc:"The buyer's id."`
	BuyerName        Field `yaml:"buyer_name" doc:"The buyer's name."`
	BuyerEmail       Field `yaml:"buyer_email" doc:"The buyer's mail address."`
	Receiver         Field `yaml:"receiver" doc:"The whole delivery address."`
	ReceiverCountry  Field `yaml:"receiver_country" doc:"Its country."`
	ReceiverProvince Field `yaml:"receiver_province" doc:"Its province."`
	ReceiverCity     Field `yaml:"receiver_city" doc:"Its city."`
	BuyerNote        Field `yaml:"buyer_note" doc:"The buyer's note."`
	SellerNote       Field `yaml:"seller_note" doc:"The seller's note."`

	CreatedAt   Field `yaml:"created_at" doc:"When the order was made."`
	PaidAt      Field `yaml:"paid_at" doc:"When it was paid."`
	ShippedAt   Field `yaml:"shipped_at" doc:"When it was shipped."`
	CompletedAt Field `yaml:"completed_at" doc:"When it was completed."`
	CancelledAt Field `yaml:"cancelled_at" doc:"When it was cancelled."`
	UpdatedAt   Field `yaml:"updated_at" doc:"When it last changed."`

	Lines   LineMap   `yaml:"lines" doc:"The order's lines."`
	Refunds RefundMap `yaml:"refunds" doc:"The order's refunds."`
}

// Field is where one value stands and how it is read.
type Field struct {
	// Path holds dotted paths; the first that is present and not null counts.
	Path Texts `yaml:"path,short" doc:"A dotted path, or several of which the first present one counts."`
	// Layout is how a time is written (as Window.Layout), or several ways; empty: the usual ones are recognised.
	Layout Texts `yaml:"layout" doc:"How a time is written, or several ways. Default: the usual ones are recognised."`
	// Zone is the zone of times without one; empty: the window's.
	Zone string `yaml:"zone" validate:"omitempty,timezone" doc:"The zone of times that do not say one."`
	// Money is decimal.
	Money string `yaml:"money" validate:"omitempty,oneof=decimal" later:"minor" doc:"How an amount is written."`
	Upper bool   `yaml:"upper" doc:"Turns the text into capitals."`

	_ struct{} `later:"minor_digits"`
}

// StatusMap maps the remote's words to ours.
type StatusMap struct {
	// From holds dotted paths; the first that is present and not null counts.
	From Texts `yaml:"from,short" doc:"A dotted path, or several of which the first present one counts."`
	// Map maps the remote's word to one of ours.
	Map map[string]string `yaml:"map" fold:"words" validate:"dive,oneof=pending_payment paid partially_shipped shipped completed cancelled partially_refunded refunded unknown" doc:"The shop's word, and which of our statuses it means."`
	// Default is for words that Map lacks.
	Default string `yaml:"default" validate:"oneof=pending_payment paid partially_shipped shipped completed cancelled partially_refunded refunded unknown" doc:"The status of words that are not in the map."`
}

// LineMap says where each field of a line stands. An empty Path: the remote does not send lines.
type LineMap struct {
	Path         Texts `yaml:"path,short" doc:"Where the list of lines stands in an order."`
	ID           Field `yaml:"id" doc:"The line's id. A line without one gets its SKU and its place."`
	SKU          Field `yaml:"sku" doc:"The SKU."`
	ProductID    Field `yaml:"product_id" doc:"The product's id."`
	VariantID    Field `yaml:"variant_id" doc:"The variant's id."`
	Name         Field `yaml:"name" doc:"The title."`
	Variant      Field `yaml:"variant" doc:"The variant in words."`
	Quantity     Field `yaml:"quantity" doc:"How many."`
	UnitPrice    Field `yaml:"unit_price" doc:"The price of one."`
	Discount     Field `yaml:"discount" doc:"What was taken off."`
	Total        Field `yaml:"total" doc:"What the line costs in all."`
	Status       Field `yaml:"status" doc:"The line's status."`
	RefundStatus Field `yaml:"refund_status" doc:"The line's refund status."`
	ImageURL     Field `yaml:"image_url" doc:"The address of a picture."`

	_ struct{} `later:"where"`
}

// RefundMap says where each field of a refund stands. An empty Path: the remote does not send refunds.
type RefundMap struct {
	Path       Texts `yaml:"path,short" doc:"Where the list of refunds stands in an order."`
	ID         Field `yaml:"id" doc:"The refund's id."`
	LineID     Field `yaml:"line_id" doc:"The id of the line that it is for."`
	Amount     Field `yaml:"amount" doc:"The amount."`
	Status     Field `yaml:"status" doc:"Its status."`
	Reason     Field `yaml:"reason" doc:"Its reason."`
	CreatedAt  Field `yaml:"created_at" doc:"When it was asked for."`
	RefundedAt Field `yaml:"refunded_at" doc:"When it was paid."`
}

// Resweep supplies the default of a sweep job's Back.
type Resweep struct {
	Back Duration `yaml:"back" validate:"gt=0" doc:"How far a sweep reads back, such as 30d."`
	// By is created.
	By string `yaml:"by" validate:"oneof=created" doc:"By which time it reads."`
	// Since and Until are the parameters of a filter by creation time, where the window filters by modification.
	Since Bound `yaml:"since" doc:"The parameter for the begin, by creation time, where the window filters by modification."`
	Until Bound `yaml:"until" doc:"The parameter for the end, by creation time, where the window filters by modification."`
	// Resolution is the smallest step of that filter; filled in: a day where Since is written in days, else the window's.
	Resolution Duration `yaml:"resolution" validate:"gte=0" doc:"The smallest step of that filter. Default: 24h where its layout writes days, else that of the window."`

	_ struct{} `later:"every"`
}

// Rate is the right to make calls. Sources with the same credential share it.
type Rate struct {
	PerSecond float64 `yaml:"per_second" validate:"gt=0,lte=1000" doc:"Calls per second; 0.5 is one call every two seconds."`
	// PerDay is zero where there is no daily quota.
	PerDay int `yaml:"per_day" validate:"gte=0" doc:"Calls per day; 0 is no limit."`

	_ struct{} `later:"burst remaining_header used_header"`
}

// HTTP holds the limits of one call.
type HTTP struct {
	// Retries is the number of attempts after the first.
	Retries       int      `yaml:"retries" validate:"gte=0,lte=10" doc:"How often a failed call is repeated at once."`
	HeaderTimeout Duration `yaml:"header_timeout" validate:"gt=0" doc:"How long the API may take to begin its answer."`
	BodyTimeout   Duration `yaml:"body_timeout" validate:"gt=0" doc:"How long the whole answer may take."`
	MaxBody       Size     `yaml:"max_body" validate:"gt=0" doc:"The longest answer that is read, such as 64MiB."`
}

// Job is what runs on a schedule.
type Job struct {
	// Name is the key under jobs.
	Name string `yaml:"-" validate:"-"`
	// Sync, Sweep or Track names the source; exactly one is set.
	Sync  string `yaml:"sync" doc:"Reads what is new and changed from this source."`
	Sweep string `yaml:"sweep" doc:"Reads a span of this source again by creation time, to find changes that its filter does not show."`
	Track string `yaml:"track" doc:"Asks where the parcels of this source's shipped orders are (kind taobao)."`
	// Schedule is a cron line, checked by Options.CheckSchedule.
	Schedule string `yaml:"schedule" validate:"required" doc:"When it runs: five cron fields in quotes (\"0 2 * * *\" is two o'clock every night), @hourly and the like, or @every 90s."`
	// Start is from when on orders are read (sync).
	Start time.Time `yaml:"start" doc:"From which day on orders are read; required for sync."`
	// Back is how far a sweep reads back; filled in from the source's Resweep.
	Back Duration `yaml:"back" validate:"gte=0" doc:"How far back a sweep reads, such as 30d."`
	// Repeat is how long after a failed run it is tried again, the last entry again and again.
	Repeat []Duration `yaml:"repeat" validate:"min=1,dive,gt=0" doc:"How long after a failed run it is tried again: [1m, 5m, 15m, 60m]. The last one repeats."`
	// Ping is nil where no monitor outside this machine watches the job.
	Ping *Ping `yaml:"ping" doc:"The address that a monitor outside this machine gave for the job, called after each good run; or the addresses success, start, fail."`

	_ struct{} `later:"verify report list stock to repair"`
}

// Source is the name of the source that the job works on.
func (j *Job) Source() string {
	return cmp.Or(j.Track, j.Sweep, j.Sync)
}

// Options are what Load takes from outside. The zero value is for production, without presets and without a check of schedules.
type Options struct {
	// Presets holds NAME.yaml for each preset, at its root.
	Presets fs.FS
	// Getenv reads the environment; nil: os.Getenv.
	Getenv func(string) string
	// CredentialDirs are looked through in order for ${credential:NAME}; nil: $CREDENTIALS_DIRECTORY, then
	// /etc/ordersync/credentials.
	CredentialDirs []string
	// CheckSchedule says what is wrong with a schedule, in words for operators; nil: schedules are not checked.
	CheckSchedule func(spec string, zone *time.Location) error
	// Now is the clock by which a session has ended; nil: time.Now.
	Now func() time.Time
}
