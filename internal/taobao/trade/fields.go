package trade

// What the gateway is asked for, as the parameter `fields`. Only what is asked for comes back; a name that a method does not know is
// ignored. Nothing is asked for that is not stored or checked, and nothing personal but what the tables hold.
const (
	// ListFields is for taobao.trades.sold.get and taobao.trades.sold.increment.get: enough for [Reader.Thin].
	ListFields = "tid,modified,created,status"

	// DetailFields is for taobao.trade.fullinfo.get. An oaid is only built when receiver_name, receiver_address, created,
	// receiver_mobile and receiver_phone are asked for beside it.
	DetailFields = "tid,tid_str,status,type,created,modified,pay_time,consign_time,end_time," +
		"payment,post_fee,total_fee,discount_fee,adjust_fee,order_tax_fee,step_paid_fee,step_trade_status,cod_status," +
		"num,num_iid,price,pic_path,buyer_nick,buyer_open_uid,buyer_email,buyer_message,seller_memo,oaid," +
		"receiver_name,receiver_country,receiver_state,receiver_city,receiver_district,receiver_town,receiver_address,receiver_zip," +
		"receiver_mobile,receiver_phone,is_part_consign,orders,service_orders"

	// RefundFields is for taobao.refunds.receive.get and taobao.refund.get.
	RefundFields = "refund_id,tid,oid,status,refund_fee,reason,created,modified"

	// insideFields are the further keys that are read: those of orders, of services, and of a parcel's trace.
	insideFields = "order,service_order,oid,oid_str,outer_sku_id,outer_iid,sku_id,title,sku_properties_name,refund_status," +
		"is_service_order,logistics_company,invoice_no,service_id," +
		"out_sid,company_name,trace_list,transit_step_info,status_time,status_desc,action"
)
