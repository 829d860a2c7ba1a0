package gateway

import (
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // the platform's older signatures are made of it
	"crypto/sha256"
	"encoding/hex"
	"hash"
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
	var digest hash.Hash
	switch method {
	case MD5:
		digest = md5.New() //nolint:gosec // see above
		text.WriteString(secret)
		digest.Write([]byte(secret)) // in front and behind
	case HMAC:
		digest = hmac.New(md5.New, []byte(secret))
	case HMACSHA256:
		digest = hmac.New(sha256.New, []byte(secret))
	default:
		return "", fault.Errorf(fault.Config, "sign_method %q is unknown: it is %s, %s or %s", method, MD5, HMAC, HMACSHA256)
	}
	digest.Write([]byte(text.String()))
	return strings.ToUpper(hex.EncodeToString(digest.Sum(nil))), nil
}
