package gateway_test

import (
	"crypto/md5"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"ordersync/internal/fault"
	"ordersync/internal/taobao/gateway"
)

// The parameters of the platform's own example, and of a second one in which text is not ASCII.
func example() map[string]string {
	return map[string]string{
		"method": "taobao.item.seller.get", "app_key": "12345678", "session": "test", "timestamp": "2016-01-01 12:00:00",
		"format": "json", "v": "2.0", "sign_method": "md5", "fields": "num_iid,title,nick,price,num", "num_iid": "11223344",
	}
}

func chinese() map[string]string {
	return map[string]string{
		"app_key": "12345678", "buyer_nick": "商家测试", "end_modified": "2024-02-29 23:59:59", "fields": "tid,status,orders",
		"format": "json", "method": "taobao.trades.sold.increment.get", "page_no": "1", "page_size": "50", "partner_id": "top-sdk",
		"session": "test-session", "sign_method": "md5", "start_modified": "2024-02-29 00:00:00", "timestamp": "2024-03-01 00:00:00",
		"use_has_next": "true", "v": "2.0",
	}
}

func with(params map[string]string, name, value string) map[string]string {
	params[name] = value
	return params
}

func TestSignVectors(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		method string
		params map[string]string
		want   string
	}{
		"md5":  {"md5", example(), "66987CB115214E59E6EC978214934FB8"},
		"hmac": {"hmac", with(example(), "sign_method", "hmac"), "D56D7858309C31B6251083A874D48273"},
		"hmac-sha256": {"hmac-sha256", with(example(), "sign_method", "hmac-sha256"),
			"04DB15AD0774D5CFCE2C837DE43E3FCEA9011ED74F3038FB6AB5F3C4CEA119E8"},
		"hmac, md5 in the text": {"hmac", example(), "B4DDA503460D60A86B16E950E5D303E9"},
		"hmac-sha256, md5 in the text": {"hmac-sha256", example(),
			"6B7EB7E1C35D068D69538D80282A37DFBF29B4DB11B451881AF51890626138B3"},
		"Chinese, md5":  {"md5", chinese(), "5E947B3830ACA1367936CE91E639CB97"},
		"Chinese, hmac": {"hmac", with(chinese(), "sign_method", "hmac"), "E2D4A8001016E0FC0BAF09B671FA2F4B"},
		"Chinese, hmac-sha256": {"hmac-sha256", with(chinese(), "sign_method", "hmac-sha256"),
			"9D555B272DA37BAF1E5DE00BD31B359DB8D4C60DAB22199ACBAB9147881ACE49"},
		"an old signature and empty values do not count": {"md5", with(with(with(example(), "sign", "FF"), "nick", ""), "", "x"),
			"66987CB115214E59E6EC978214934FB8"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := gateway.Sign(test.method, "helloworld", test.params)
			if err != nil || got != test.want {
				t.Errorf("%s (%v), want %s", got, err, test.want)
			}
			form := url.Values{}
			for name, value := range test.params {
				if name != "" && value != "" {
					form.Set(name, value)
				}
			}
			if test.params["sign_method"] == test.method && signature(form, "helloworld") != test.want {
				t.Error("the tests' own signature is another one")
			}
		})
	}
}

// The recipes that are taught in public and wrong: what they give is known, and we never give it.
func TestSignWrongRecipes(t *testing.T) {
	t.Parallel()
	const secret, joined = "helloworld", "app_key12345678fieldsnum_iid,title,nick,price,numformatjsonmethodtaobao.item.seller.get" +
		"num_iid11223344sessiontestsign_methodmd5timestamp2016-01-01 12:00:00v2.0"
	params := example()
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(params)) {
		pairs = append(pairs, name+"="+params[name])
	}
	wrong := map[string]string{
		"joined with = and &":    secret + strings.Join(pairs, "&") + secret,
		"the secret only behind": joined + secret,
		"the secret in front":    secret + joined,
	}
	for name, known := range map[string]string{
		"joined with = and &":    "73B62B15017791C3B57A9B33A7192E2D",
		"the secret only behind": "1189E9450CEFF06017BDD4957467A103",
		"the secret in front":    "F8D5B4B458A9533A3D69E12D66A4A2E2",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := fmt.Sprintf("%X", md5.Sum([]byte(wrong[name]))); got != known {
				t.Errorf("the recipe gives %s, not %s: this test tests nothing", got, known)
			}
			for _, method := range []string{gateway.MD5, gateway.HMAC, gateway.HMACSHA256} {
				if got, err := gateway.Sign(method, secret, example()); err != nil || got == known || got == strings.ToLower(got) {
					t.Errorf("%s gives %s (%v)", method, got, err)
				}
			}
		})
	}
}

func TestSignRefusesUnknownMethods(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"", "MD5", "sha256", "hmac-md5"} {
		if got, err := gateway.Sign(method, "s", example()); fault.KindOf(err) != fault.Config || got != "" {
			t.Errorf("%q gives %q, %v", method, got, err)
		}
	}
}

// Whatever is signed, a second writing of the rule agrees, and every value counts.
func TestSignAgrees(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		params := rapid.MapOf(rapid.StringN(1, 8, -1), rapid.StringN(1, 20, -1)).Draw(t, "params")
		delete(params, "sign")
		secret := rapid.String().Draw(t, "secret")
		method := rapid.SampledFrom([]string{gateway.MD5, gateway.HMAC, gateway.HMACSHA256}).Draw(t, "method")
		params["sign_method"] = method
		form := url.Values{}
		for name, value := range params {
			form.Set(name, value)
		}
		got, err := gateway.Sign(method, secret, params)
		if want := signature(form, secret); err != nil || got != want {
			t.Fatalf("%s (%v), want %s", got, err, want)
		}
		if other, _ := gateway.Sign(method, secret, with(params, "page_no", params["page_no"]+"1")); other == got {
			t.Fatal("a value does not count")
		}
	})
}
