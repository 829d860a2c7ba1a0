package words

import (
	"regexp"
	"strings"
	"time"

	"ordersync/internal/alert"
)

// chinese is what is said in Simplified Chinese.
func chinese() language {
	return language{
		code: Chinese, kinds: chineseKinds, remark: "提醒", everything: "全部店铺",
		changes: map[alert.Change]change{
			alert.Opened:   {"告警", "（新增）", "{what}：{name}", "{what}"},
			alert.Worse:    {"情况加重", "（加重）", "{what}：{name}", "{what}"},
			alert.Reopened: {"再次出现", "（再次出现）", "再次告警：{what}（{name}）", "再次告警：{what}"},
			alert.Reminded: {"仍未恢复", "（仍未恢复）", "仍未恢复：{what}（{name}，已 {for}）", "仍未恢复：{what}（已 {for}）"},
			alert.Closed:   {"已恢复", "", "已恢复：{over}（历时 {for}）", "已恢复：{over}（历时 {for}）"},
			alert.Passed:   {"已自行恢复", "（没来得及通知就已恢复）", "已自行恢复：{what}（{name}，历时 {for}）", "已自行恢复：{what}（历时 {for}）"},
		},
		those:  map[string]string{"source": "这些店铺", "job": "这些任务", "host": "这些机器", "channel": "这些渠道"},
		labels: chineseLabels, weekly: chineseWeek(), trial: chineseTrial, digest: chineseDigest, whys: chineseWhys,
		thing: chineseThing, duration: chineseDuration, names: chineseNames,
		orders: func(n int) string { return new(language).number(n) + " 笔订单" },
		tidy:   chineseTidy,
	}
}

// chineseThing is a thing with the word that counts it.
func chineseThing(sort string, _ int) string {
	return map[string]string{"source": "家店铺", "job": "个任务", "host": "台机器", "channel": "个渠道"}[sort]
}

func chineseNames(few []string, n int, thing string) string {
	named := strings.Join(few, "、")
	if n > len(few) {
		return named + " 等 " + new(language).number(n) + " " + thing
	}
	return named
}

func chineseDuration(d time.Duration) string {
	units := [...]string{"天", "小时", "分钟", "秒"}
	l := measure(d)
	s := new(language).number(l.first) + " " + units[l.unit]
	if l.second > 0 {
		s += " " + new(language).number(l.second) + " " + units[l.unit+1]
	}
	return s
}

// gapOfHan is a blank beside a Chinese letter or mark where none belongs: between two of them.
var gapOfHan = regexp.MustCompile(`([\p{Han}，。：；（）、]) +([\p{Han}，。：；（）、])`)

// chineseTidy removes the blanks that stand around a name where the name is Chinese, or where a mark follows it.
func chineseTidy(s string) string { return gapOfHan.ReplaceAllString(s, "$1$2") }

var chineseLabels = labels{
	source: "店铺", since: "开始时间", span: "时间段", none: "没有订单的时段", usual: "前几周同一时段", ends: "到期时间", ended: "到期时间", allowed: "最长允许间隔",
	lastGood: "上次成功", noStep: "最后一次进展", failed: "失败次数", upTo: "已同步到", waiting: "待同步订单", next: "下次重试", lasted: "历时",
	stored: "已补齐", note: "备注",

	cause: "可能的原因", todo: "怎么处理", said: "最近一次错误（原文）",

	lasting: "{t}（已 {for}）", lastedFor: "{t}（历时 {for}）", behind: "{t}（落后 {for}）", inTime: "{t}（还有 {for}）", ago: "{t}（{for}前）", about: "约 {n} 笔（估算）",
	noneYet:    "通常还没有（估算）",
	failedRuns: "{n} 次（{jobs}）", failedAll: "{n} 次", sinceShort: "{t} 开始（已 {for}）", storedShort: "已补齐 {orders}",
	quietShort: "{t}；前几周同一时段：{usual}", upToShort: "已同步到 {t}", waitingShort: "待同步订单：{waiting}", standing: "落后 {for}；待同步订单：{waiting}",
	advised: "程序的建议（英文）：{text}", comma: "、", sep: "，", colon: "：",

	unknown: "未知", nothing: "还没有同步过", never: "还没有成功过", nothingLeft: "不需要再处理。", caughtUp: "订单已恢复同步，积压的会自动补齐，不需要再处理。",
	tooLate: "发生的时候没有可用的渠道，所以没能及时通知。",

	made: "{host} 上的 ordersyncd，{t}", incident: "编号 {id}", run: "运行 {id}", show: "查看详情：ordersyncd incident show {id}",
	mute: "不再提醒：ordersyncd incident mute {id}", more: "另外还有 {n} 项", moreIn: "完整列表：ordersyncd incident list",
}

func chineseWeek() weekly {
	return weekly{
		badge: "每周报告", subject: "一切正常：本周 {sources}新增 {orders}", subjectOpen: "还有问题没有解决：本周报告（{n} 项）",
		headline: "一切正常", headlineOpen: "还有 {n} 项问题没有解决",
		subjectLate: "有店铺没有同步到最新：{late}", headlineLate: "有店铺没有同步到最新",
		meaningLate: "没有同步到最新：{late}。", paused: "{name}（已暂停）",
		meaning: "所有店铺都在正常同步，没有需要处理的事。", meaningOpen: "这些问题之前都已通知过。",
		span: "报告时段", runs: "运行次数", runsOf: "{n} 次，其中失败 {failed} 次", incidents: "故障", incidentsOf: "本周 {n} 次，现在还有 {open} 项未恢复", incidentsNone: "本周 {n} 次，都已恢复",
		head: []string{"店铺", "新订单", "有变化", "无法识别", "已同步到（{offset}）"}, total: "合计", more: "另外 {n} 家",
	}
}

var chineseTrial = trial{
	badge: "测试", subject: "测试告警：来自 {host}", headline: "{host} 的告警可以送到这里",
	meaning: "有人发起了这次测试；一切正常，不需要处理。真正的告警会写明：出了什么问题，对订单有什么影响，应该执行哪条命令。",
}

var chineseDigest = digest{
	badge: "汇总", subject: "{what}，另有 {n} 项", headline: "{n} 条告警合并成这一条",
	meaning: "这些告警没能逐条发出：发送渠道当时不通，或者数量太多。下面是现在的情况。",
	open:    "尚未恢复", over: "已经恢复", other: "其他",
}

// chineseWhys say what commands do; longer beginnings come first.
var chineseWhys = []Command{
	{"ordersyncd check --online --send-test-alert", "向每个渠道发一条测试告警，并指出哪个不通"},
	{"ordersyncd check --online", "马上测试数据库和每家店铺的连接，并显示结果"},
	{"ordersyncd check", "找出配置文件里的所有错误，指出在哪一行"},
	{"ordersyncd status", "查看每家店铺的同步情况"},
	{"ordersyncd sync ", "不等下次重试，现在就同步一次"},
	{"ordersyncd authorize ", "按提示请店主重新授权"},
	{"ordersyncd deadletter list", "列出这些订单和无法识别的原因"},
	{"ordersyncd gap list", "查看是哪一段时间"},
	{"ordersyncd gap ack", "确认这个缺口已处理，NUMBER 是列表里的编号"},
	{"ordersyncd incident list", "列出所有还没恢复的故障"},
	{"ordersyncd resume ", "让暂停的店铺继续同步"},
	{"journalctl", "查看最近的日志"},
	{"systemctl status", "查看程序是否在运行"},
	{"systemctl restart", "重启程序，同时读取新密钥，不会丢订单"},
	{"systemctl reload", "让改好的配置生效"},
	{"df ", "查看哪个磁盘满了"},
}

var chineseKinds = map[kind]phrases{
	kind(alert.Network): {
		what: "连不上店铺", one: "连不上店铺 {name}", several: "{n} 家店铺连不上",
		meaning: "{name} 的新订单和订单变化都留在店铺那边，不会丢，恢复连接后自动补齐。",
		cause:   "店铺的服务器停机，或者这台机器到店铺之间的网络、DNS、防火墙有问题。",
		over:    "店铺 {name} 又能连上了", allOver: "{n} 家店铺又能连上了",
	},
	noShop: {
		what: "所有店铺都连不上", one: "所有店铺都连不上", several: "所有店铺都连不上",
		meaning: "现在没有任何店铺的订单进来。订单都留在店铺那边，不会丢，网络恢复后自动补齐。",
		cause:   "多半是这台机器自己的网络、DNS 或防火墙有问题：所有店铺同时停机的可能性很小。",
		over:    "店铺又能连上了", allOver: "店铺又能连上了",
	},
	kind(alert.HTTP): {
		what: "店铺接口报错", one: "店铺 {name} 的接口报错", several: "{n} 家店铺的接口报错",
		meaning: "{name} 的新订单和订单变化都留在店铺那边，不会丢，接口恢复后自动补齐。",
		cause:   "店铺的服务器故障或正在维护，一般会自己恢复。一直不恢复的话，可能是接口地址变了。",
		over:    "店铺 {name} 的接口恢复正常", allOver: "{n} 家店铺的接口恢复正常",
	},
	kind(alert.Rate): {
		what: "接口被限流", one: "店铺 {name} 限制了接口调用", several: "{n} 家店铺限制了接口调用",
		meaning: "{name} 的订单会晚到：先留在店铺那边，放行后自动补齐，不会丢。",
		cause:   "当天的调用次数用完了，或者别的程序也在用同一个密钥（应用），或者配置里的调用频率太高。",
		over:    "店铺 {name} 又允许调用接口了", allOver: "{n} 家店铺又允许调用接口了",
	},
	kind(alert.Auth): {
		what: "密钥被拒", one: "店铺 {name} 拒绝了密钥", several: "{n} 家店铺拒绝了密钥",
		meaning: "换上新密钥之前，{name} 的订单进不来。订单留在店铺那边，不会丢。",
		cause:   "密钥过期了、被重置了，或者被店铺停用了。",
		advice:  "在店铺后台生成新密钥，写进原来的凭据文件，然后执行：",
		over:    "店铺 {name} 又认可密钥了", allOver: "{n} 家店铺又认可密钥了",
	},
	refusedGrant: {
		what: "授权失效", one: "店铺 {name} 的授权失效", several: "{n} 家店铺的授权失效",
		meaning: "重新授权之前，{name} 的订单进不来。订单留在店铺那边，不会丢。",
		cause:   "授权到期了，或者店主取消了授权。",
		advice:  "请店主重新登录授权，命令会一步步提示：",
		over:    "店铺 {name} 的授权恢复有效", allOver: "{n} 家店铺的授权恢复有效",
	},
	kind(alert.Payload): {
		what: "接口数据异常", one: "店铺 {name} 的接口返回了不可信的数据", several: "{n} 家店铺的接口返回了不可信的数据",
		meaning: "为了不存错数据，{name} 的同步先停下了。已入库的订单没有问题，之后的订单留在店铺那边。",
		cause:   "店铺改了接口，或者有别的东西替它应答，比如登录页、代理。",
		advice:  "如果一直不恢复，请把下面的错误原文发给负责店铺接口或本程序的技术人员。",
		over:    "店铺 {name} 的接口数据恢复正常", allOver: "{n} 家店铺的接口数据恢复正常",
	},
	kind(alert.Security): {
		what: "连接不安全", one: "到店铺 {name} 的连接不可信", several: "到 {n} 家店铺的连接不可信",
		meaning: "程序不会使用这个连接，所以 {name} 的订单进不来。订单留在店铺那边，不会丢。",
		cause:   "店铺服务器的证书过期了或者不是它自己的，也可能有人在中间窃听。",
		advice:  "请向店铺的技术支持核实证书。弄清楚之前，不要在任何地方输入密钥。",
		over:    "到店铺 {name} 的连接恢复安全", allOver: "到 {n} 家店铺的连接恢复安全",
	},
	kind(alert.Config): {
		what: "配置不可用", one: "店铺 {name} 的配置不可用", several: "{n} 家店铺的配置不可用",
		meaning: "改正之前，{name} 的订单进不来。订单留在店铺那边，不会丢。",
		cause:   "配置文件里有一项不对，是哪一项见下面的错误。",
		advice:  "改好配置文件，然后执行：",
		over:    "店铺 {name} 的配置恢复可用", allOver: "{n} 家店铺的配置恢复可用",
	},
	refusedFile: {
		what: "新配置没有生效", one: "{name} 上的新配置没有生效", several: "{n} 台机器上的新配置没有生效",
		meaning: "同步不受影响，仍按原来的配置运行，只是这次修改没有生效。",
		cause:   "配置文件里有错误，位置见下面的错误。",
		advice:  "改好配置文件，然后执行：",
		over:    "{name} 上的配置已生效", allOver: "{n} 台机器上的配置已生效",
	},
	kind(alert.Internal): {
		what: "程序出错", one: "同步店铺 {name} 时程序出错", several: "同步 {n} 家店铺时程序出错",
		meaning: "{name} 的订单暂时进不来，留在店铺那边，不会丢。已入库的订单没有问题。",
		cause:   "很可能是 ordersyncd 本身的缺陷。",
		advice:  "请把下面的错误和日志发给维护本程序的人：",
		over:    "店铺 {name} 的同步恢复正常", allOver: "{n} 家店铺的同步恢复正常",
	},
	restarts: {
		what: "程序反复异常退出", one: "{name} 上的 ordersyncd 一小时内异常退出 {count} 次", several: "{n} 台机器上的 ordersyncd 反复异常退出",
		meaning: "程序每次都会自动重启，从断点继续。不会丢订单，但订单会晚到。",
		cause:   "内存不足、被强行结束、机器断电，或者程序本身的缺陷。",
		over:    "{name} 上的 ordersyncd 已稳定运行", allOver: "{n} 台机器上的 ordersyncd 已稳定运行",
	},
	untold: {
		what: "告警会延迟", one: "{name} 暂时不能通知故障", several: "{n} 台机器暂时不能通知故障",
		meaning: "同步不受影响。但在恢复之前，店铺出了问题会晚通知。",
		cause:   "数据库拒绝了告警需要的操作，或者程序本身的缺陷，见下面的错误。",
		over:    "{name} 恢复通知故障", allOver: "{n} 台机器恢复通知故障",
	},
	kind(alert.Database): {
		what: "数据库不可用", one: "{name} 用不了数据库", several: "{n} 台机器用不了数据库",
		meaning: "现在没有任何店铺的订单入库。订单都留在店铺那边，不会丢，数据库恢复后自动补齐。",
		cause:   "数据库停了、正在重启、磁盘满了，或者拒绝了我们的账号。",
		over:    "{name} 又能使用数据库了", allOver: "{n} 台机器又能使用数据库了",
	},
	kind(alert.Disk): {
		what: "磁盘读写异常", one: "{name} 的状态目录读写异常", several: "{n} 台机器的状态目录读写异常",
		meaning: "同步不受影响。但是一时发不出去的告警可能没有保存好，程序或机器一重启就会丢。",
		cause:   "磁盘满了、变成了只读、目录的权限被改了，或者里面的文件损坏了。",
		over:    "{name} 的状态目录恢复正常", allOver: "{n} 台机器的状态目录恢复正常",
	},
	kind(alert.Channel): {
		what: "告警发不出去", one: "{name} 这个渠道的告警发不出去", several: "{n} 个渠道的告警发不出去",
		meaning: "同步不受影响。没发出去的告警保留 24 小时，恢复后补发；在此之前请留意其他渠道。",
		cause:   "对方的服务器停机或拒收，或者地址、密码、密钥变了。",
		over:    "{name} 这个渠道的告警又能发出去了", allOver: "{n} 个渠道的告警又能发出去了",
	},
	kind(alert.DeadLetter): {
		what: "{orders}无法识别", one: "店铺 {name} 有 {orders}无法识别", several: "{n} 家店铺有 {orders}无法识别",
		meaning: "数据表里没有这些订单，或者只有旧版本。店铺发来的原文已经保留，其他订单照常同步。",
		cause:   "店铺发来的内容和约定的不一样：缺少字段，或者格式变了。",
		over:    "店铺 {name} 没有无法识别的订单了", allOver: "{n} 家店铺没有无法识别的订单了",
	},
	kind(alert.Gap): {
		what: "有一段时间的订单读不到", one: "店铺 {name} 有一段时间的订单读不到了", several: "{n} 家店铺有一段时间的订单读不到了",
		meaning: "这段时间里变化过的订单可能不全，店铺接口已经不再列出它们。其他时间的订单是完整的。",
		cause:   "程序停了太久，或者开始同步得太晚，超出了店铺接口能查到的时间范围。",
		advice:  "到卖家后台手工导出这段时间的订单，然后确认这个缺口：",
		over:    "店铺 {name} 的缺口已确认", allOver: "{n} 家店铺的缺口已确认",
	},
	kind(alert.Shortfall): {
		what: "接口少给了订单", one: "店铺 {name} 的接口少给了订单", several: "{n} 家店铺的接口少给了订单",
		meaning: "数据表里可能缺 {orders}：接口报的总数比实际列出的多。列出来的都已入库。",
		cause:   "店铺接口的问题：总数里包含了它没有列出来的订单。",
		advice:  "请和卖家后台的订单核对；确实缺少的，请联系店铺的技术支持。",
		over:    "店铺 {name} 列出的订单和总数一致了", allOver: "{n} 家店铺列出的订单和总数一致了",
	},
	kind(alert.Stall): {
		what: "同步停滞", one: "任务 {name} 没有进展", several: "{n} 个任务没有进展",
		meaning: "新订单和订单变化都留在店铺那边，不会丢，恢复后自动补齐。",
		cause:   "程序没有运行或者卡住了，或者一次运行花的时间太长。",
		over:    "任务 {name} 恢复运行", allOver: "{n} 个任务恢复运行",
	},
	never: {
		what: "任务从未运行", one: "任务 {name} 还从来没有运行过", several: "{n} 个任务还从来没有运行过",
		meaning: "订单都留在店铺那边，不会丢，任务一运行就会补齐。",
		cause:   "程序没有运行或者卡住了，或者第一次运行花的时间太长。",
		over:    "任务 {name} 已运行", allOver: "{n} 个任务已运行",
	},
	still: {
		what: "同步停滞", one: "任务 {name} 在运行，但没有往前走", several: "{n} 个任务在运行，但没有往前走",
		meaning: "每次运行都成功，但“已同步到”的时间不动。在它重新往前走之前，可能缺少新订单。",
		cause:   "这台机器或店铺的时钟不准，或者店铺很晚才给出订单。",
		over:    "任务 {name} 又往前走了", allOver: "{n} 个任务又往前走了",
	},
	stuck: {
		what: "同步卡住", one: "任务 {name} 的一次运行卡住了", several: "{n} 个任务的运行卡住了",
		meaning: "新订单和订单变化都留在店铺那边，不会丢，恢复后自动补齐。",
		cause:   "店铺的接口非常慢，或者程序卡住了。",
		over:    "任务 {name} 又往前走了", allOver: "{n} 个任务又往前走了",
	},
	away: {
		what: "程序停过一段时间", one: "{name} 上的 ordersyncd 停了 {span}", several: "{n} 台机器上的 ordersyncd 停过一段时间",
		meaning: "停着的时候没有订单进来，不会丢，现在正在补齐。",
		cause:   "机器关机、休眠或重启过，或者有人停了程序。",
		over:    "{name} 上的 ordersyncd 已经补齐", allOver: "{n} 台机器上的 ordersyncd 已经补齐",
	},
	kind(alert.Quiet): {
		what: "没有新订单", one: "店铺 {name} 没有新订单", several: "{n} 家店铺没有新订单",
		meaning: "每次同步都成功，但前几周同一时段有订单，这次一笔也没有。可能是生意淡，也可能是店铺不再把订单给我们看。",
		cause:   "店铺那边的筛选条件或权限变了、店铺停业了，或者确实没人下单。",
		advice:  "请到卖家后台看看有没有更新的订单；如果有，就是出问题了。",
		over:    "店铺 {name} 又有新订单了", allOver: "{n} 家店铺又有新订单了",
	},
	kind(alert.Credential): {
		what: "密钥还有 {left}到期", one: "店铺 {name} 的密钥还有 {left}到期", several: "{n} 家店铺的密钥快要到期",
		meaning: "现在同步正常。到期之后，{name} 的订单就进不来了，直到换上新密钥。",
		advice:  "在店铺后台生成新密钥，写进原来的凭据文件，把签发日期写在 issued 后面，然后执行：",
		over:    "店铺 {name} 的密钥已更换", allOver: "{n} 家店铺的密钥已更换",
	},
	keyEnded: {
		what: "密钥已到期", one: "店铺 {name} 的密钥已到期", several: "{n} 家店铺的密钥已到期",
		meaning: "店铺随时可能拒绝它；那时 {name} 的订单就进不来了，直到换上新密钥。订单不会丢。",
		advice:  "在店铺后台生成新密钥，写进原来的凭据文件，把签发日期写在 issued 后面，然后执行：",
		over:    "店铺 {name} 的密钥已更换", allOver: "{n} 家店铺的密钥已更换",
	},
	grantEnds: {
		what: "授权还有 {left}到期", one: "店铺 {name} 的授权还有 {left}到期", several: "{n} 家店铺的授权快要到期",
		meaning: "现在同步正常。到期之后，{name} 的订单就进不来了，直到店主重新授权。",
		advice:  "请店主重新登录授权，命令会一步步提示：",
		over:    "店铺 {name} 已重新授权", allOver: "{n} 家店铺已重新授权",
	},
	grantEnded: {
		what: "授权已到期", one: "店铺 {name} 的授权已到期", several: "{n} 家店铺的授权已到期",
		meaning: "重新授权之前，{name} 的订单进不来。订单留在店铺那边，不会丢。",
		advice:  "请店主重新登录授权，命令会一步步提示：",
		over:    "店铺 {name} 已重新授权", allOver: "{n} 家店铺已重新授权",
	},
}
