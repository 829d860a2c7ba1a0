package taobaotest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Fen is money in hundredths of a yuan.
type Fen int64

// String writes yuan with two places, as the platform does: 110.00.
func (f Fen) String() string {
	sign := ""
	if f < 0 {
		sign, f = "-", -f
	}
	return fmt.Sprintf("%s%d.%02d", sign, f/100, f%100)
}

// The states of a trade and, but for SellerConsignedPart, of a line.
const (
	NoCreatePay         = "TRADE_NO_CREATE_PAY"
	WaitBuyerPay        = "WAIT_BUYER_PAY"
	WaitSellerSendGoods = "WAIT_SELLER_SEND_GOODS"
	SellerConsignedPart = "SELLER_CONSIGNED_PART"
	WaitBuyerConfirm    = "WAIT_BUYER_CONFIRM_GOODS"
	BuyerSigned         = "TRADE_BUYER_SIGNED"
	Finished            = "TRADE_FINISHED"
	Closed              = "TRADE_CLOSED"
	ClosedByTaobao      = "TRADE_CLOSED_BY_TAOBAO"
)

// The states of a refund; NoRefund is that of a line without.
const (
	NoRefund        = "NO_REFUND"
	WaitSellerAgree = "WAIT_SELLER_AGREE"
	WaitBuyerReturn = "WAIT_BUYER_RETURN_GOODS"
	WaitSellerGoods = "WAIT_SELLER_CONFIRM_GOODS"
	SellerRefuse    = "SELLER_REFUSE_BUYER"
	RefundClosed    = "CLOSED"
	RefundSuccess   = "SUCCESS"
)

// The states of a parcel that Churn uses.
const (
	WaitingToBeSent = "等候发送给物流公司"
	Accepted        = "物流公司已接单"
	Collected       = "物流公司揽收成功"
	Signed          = "对方已签收"
	Rejected        = "对方拒绝签收"
)

// The steps of a pre-sale, and states of cash on delivery.
const (
	FrontUnpaid   = "FRONT_NOPAID_FINAL_NOPAID"
	FrontPaid     = "FRONT_PAID_FINAL_NOPAID"
	FrontAndFinal = "FRONT_PAID_FINAL_PAID"
	CODNew        = "NEW_CREATED"
	CODSigned     = "SIGN_IN"
)

// Trade is one trade as the shop has it. What the platform derives is derived when it is sent: total_fee, payment, the shortcuts of a
// trade with one line, has_buyer_message, the states of refunds on lines. A zero time, number or text is a field without a value, which
// the platform leaves out.
type Trade struct {
	// TID is a number of up to 19 digits.
	TID          string
	Type, Status string
	// BuyerNick is masked by the platform before it is sent.
	BuyerNick, BuyerOpenUID string

	Created, Modified      time.Time
	Paid, Consigned, Ended time.Time
	Timeout                time.Time
	// Discount is that of the whole trade; lines have their own besides. Received is what the seller has got.
	PostFee, Discount        Fen
	Received, Commission     Fen
	CODStatus                string
	CODFee                   Fen
	StepStatus               string
	StepPaid                 Fen
	BuyerMessage, SellerMemo string
	SellerFlag               int
	Receiver                 Receiver
	OAID                     string
	ShippingType, TradeFrom  string
	Lines                    []Line
	AddOns                   []AddOn
	Promotions               []Promotion
	Refunds                  []Refund
	Parcels                  []Parcel
	// Off is added to payment alone, so that the money identities do not hold.
	Off Fen
	// Poison spoils the trade in fullinfo; with SpoilRow, also its row in the lists.
	Poison   Poison
	SpoilRow bool
	// Unseen lets fullinfo say that the trade does not exist, though the lists show it.
	Unseen bool
	// Omit names keys of the trade that are left out although there is a value ("orders", "payment").
	Omit []string
	// Extra are further keys of the trade, each with its JSON; they replace keys of that name.
	Extra map[string]string
}

// Line is one line of goods, the platform's order (sub-order).
type Line struct {
	OID                             string
	Title, NumIID, SKUID, SKU       string // SKUID and SKU are empty for goods without variants
	OuterIID, OuterSKU              string
	Num                             int
	Price, Adjust, Discount         Fen
	Status                          string
	Consigned, Ended                time.Time
	Company, Invoice, SpecialRefund string // Company and Invoice name the parcel
	// Extra are further keys of the line, each with its JSON; they replace keys of that name.
	Extra map[string]string
}

// Total is total_fee of the line: price x num + adjust - discount.
func (l Line) Total() Fen { return l.Price*Fen(l.Num) + l.Adjust - l.Discount }

// AddOn is a service sold with goods, one of service_orders. Its price is no part of the trade's payment.
type AddOn struct {
	OID, ItemOID, Title string
	Num                 int
	Price               Fen
	RefundID            string
}

// Promotion is one of promotion_details.
type Promotion struct {
	ID, Name, PromotionID string
	Discount              Fen
}

// Receiver is where the goods go; name, address and phones are masked by the platform before they are sent.
type Receiver struct {
	Name, State, City, District, Town, Address, Zip, Mobile string
}

// Refund is a refund of a line.
type Refund struct {
	ID, OID, Status   string
	Fee               Fen
	Reason            string
	Created, Modified time.Time
	GoodsReturned     bool
	// Poison spoils the refund: BadMoney, NoTID (then without refund_id), BadTime, NotAnObject.
	Poison Poison
}

// Parcel is one parcel of a trade, with its trace.
type Parcel struct {
	Number, Company string
	OIDs            []string
	Consigned       time.Time
	// Status is one of the Chinese texts.
	Status string
	Steps  []Step
}

// Step is one step of a trace. A zero time is sent as an empty text.
type Step struct {
	At           time.Time
	Text, Action string
}

// TotalFee is total_fee of the trade: the sum of price x num.
func (t Trade) TotalFee() Fen {
	sum := Fen(0)
	for _, l := range t.Lines {
		sum += l.Price * Fen(l.Num)
	}
	return sum
}

// Payment is what the buyer pays in all: the sum of the lines' totals - discount + postage (+ Off).
func (t Trade) Payment() Fen {
	sum := t.PostFee - t.Discount + t.Off
	for _, l := range t.Lines {
		sum += l.Total()
	}
	return sum
}

// Refunded is the sum of the refunds that succeeded.
func (t Trade) Refunded() Fen {
	sum := Fen(0)
	for _, r := range t.Refunds {
		if r.Status == RefundSuccess {
			sum += r.Fee
		}
	}
	return sum
}

// RefundOf is the newest refund of a line.
func (t Trade) RefundOf(oid string) (Refund, bool) {
	for _, r := range slices.Backward(t.Refunds) {
		if r.OID == oid {
			return r, true
		}
	}
	return Refund{}, false
}

func (t Trade) clone() Trade {
	t.Lines = slices.Clone(t.Lines)
	for i := range t.Lines {
		t.Lines[i].Extra = maps.Clone(t.Lines[i].Extra)
	}
	t.AddOns, t.Promotions, t.Refunds = slices.Clone(t.AddOns), slices.Clone(t.Promotions), slices.Clone(t.Refunds)
	t.Parcels = slices.Clone(t.Parcels)
	for i := range t.Parcels {
		t.Parcels[i].OIDs, t.Parcels[i].Steps = slices.Clone(t.Parcels[i].OIDs), slices.Clone(t.Parcels[i].Steps)
	}
	t.Extra, t.Omit = maps.Clone(t.Extra), slices.Clone(t.Omit)
	return t
}

// mask keeps the first character of a text.
func mask(text string) string {
	for i := range text {
		if i > 0 {
			return text[:i] + "**"
		}
	}
	return text
}

// maskPhone keeps the ends of a number.
func maskPhone(text string) string {
	if len(text) < 8 {
		return mask(text)
	}
	return text[:3] + strings.Repeat("*", len(text)-7) + text[len(text)-4:]
}

// shares are the parts of the trade's discount that its lines bear, in proportion; the last bears what is left by rounding.
func (t Trade) shares() []Fen {
	shares := make([]Fen, len(t.Lines))
	sum := Fen(0)
	for _, l := range t.Lines {
		sum += l.Total()
	}
	left := t.Discount
	for i, l := range t.Lines {
		if sum > 0 {
			shares[i] = t.Discount * l.Total() / sum
		}
		left -= shares[i]
	}
	if len(shares) > 0 {
		shares[len(shares)-1] += left
	}
	return shares
}
