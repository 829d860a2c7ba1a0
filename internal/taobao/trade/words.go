package trade

import (
	"strings"

	"ordersync/internal/order"
)

// maxWords bounds the unknown words that are remembered, maxWord their length in bytes.
const maxWords, maxWord = 100, 64

// The words of status that the vendor's pages list, and those seen besides.
const (
	closedAfterPayment  = "TRADE_CLOSED"
	closedBeforePayment = "TRADE_CLOSED_BY_TAOBAO"
	finished            = "TRADE_FINISHED"
	buyerSigned         = "TRADE_BUYER_SIGNED"

	depositUnpaid    = "FRONT_NOPAID_FINAL_NOPAID"
	depositPaid      = "FRONT_PAID_FINAL_NOPAID"
	depositAndRest   = "FRONT_PAID_FINAL_PAID"
	depositForfeited = "FRONT_PAID_FRONT_FORFEITED"

	noRefund      = "NO_REFUND"
	refundSuccess = "SUCCESS"
)

// statuses are the words of a trade. TRADE_CLOSED is judged by what was paid (see [trade.status]).
var statuses = map[string]order.Status{
	"TRADE_NO_CREATE_PAY":      order.StatusPendingPayment,
	"WAIT_BUYER_PAY":           order.StatusPendingPayment,
	"PAY_PENDING":              order.StatusPendingPayment,
	"WAIT_PRE_AUTH_CONFIRM":    order.StatusPendingPayment,
	"PAID_FORBID_CONSIGN":      order.StatusPaid,
	"WAIT_SELLER_SEND_GOODS":   order.StatusPaid,
	"SELLER_CONSIGNED_PART":    order.StatusPartiallyShipped,
	"WAIT_BUYER_CONFIRM_GOODS": order.StatusShipped,
	buyerSigned:                order.StatusShipped,
	finished:                   order.StatusCompleted,
	closedAfterPayment:         order.StatusRefunded,
	closedBeforePayment:        order.StatusCancelled,
}

// otherWords are the known words of the other status fields, by field.
var otherWords = map[string]map[string]bool{
	"step_trade_status": {depositUnpaid: true, depositPaid: true, depositAndRest: true, depositForfeited: true},
	"refund status": {
		noRefund: true, "WAIT_SELLER_AGREE": true, "WAIT_BUYER_RETURN_GOODS": true, "WAIT_SELLER_CONFIRM_GOODS": true,
		"SELLER_REFUSE_BUYER": true, "CLOSED": true, refundSuccess: true,
	},
	"cod_status": {
		"NEW_CREATED": true, "ACCEPTED_BY_COMPANY": true, "REJECTED_BY_COMPANY": true, "RECIEVE_TIMEOUT": true, "TAKEN_IN_SUCCESS": true,
		"TAKEN_IN_FAILED": true, "TAKEN_TIMEOUT": true, "SIGN_IN": true, "REJECTED_BY_OTHER_SIDE": true, "WAITING_TO_BE_SENT": true,
		"CANCELED": true,
	},
}

// cashOnDelivery are the types of trade whose money comes with the parcel.
var cashOnDelivery = map[string]bool{"cod": true, "b2c_cod": true, "super_market_cod_trade": true}

// meet counts a word of another status field that is not known.
func (d *decoder) meet(field, word string) {
	if word != "" && !otherWords[field][word] && !d.quiet {
		d.r.count(word)
	}
}

// count remembers a word without a meaning.
func (r *Reader) count(word string) {
	if len(word) > maxWord {
		word = word[:maxWord]
	}
	word = strings.ToValidUTF8(word, "")
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, met := r.unmapped[word]; met || len(r.unmapped) < maxWords {
		r.unmapped[word]++
	}
}
