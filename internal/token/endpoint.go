package token

import "ordersync/internal/apiclient"

// The addresses below which /authorize and /token lie.
const (
	Production = "https://oauth.taobao.com"
	Sandbox    = "https://oauth.tbsandbox.com"
)

// EndpointOptions describe who grants tokens to an app.
type EndpointOptions struct {
	// Client is one for this host alone.
	Client *apiclient.Client
	// Address is where /authorize and /token lie.
	Address     string
	AppKey      string
	AppSecret   func() string
	RedirectURI string
}

// Endpoint grants and renews tokens.
type Endpoint struct {
	o EndpointOptions
}

// NewEndpoint checks the options; it makes no call.
func NewEndpoint(o EndpointOptions) (*Endpoint, error) { return &Endpoint{o: o}, nil }
