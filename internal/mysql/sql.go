package mysql

import (
	"slices"
	"strings"
)

// Every SQL text of this package stands in this file, so that a test can show all of them to the parsers of other servers: single
// statements as constants, those of many rows in [statements]. Upserts are written with VALUES(column), which MariaDB, MySQL and
// TiDB share; nothing rests on the order of assignments but the version guards, whose guard columns stand last.

const (
	selectPacket   = "SELECT @@max_allowed_packet"
	selectNow      = "SELECT UTC_TIMESTAMP(6)"
	selectSession  = "SELECT @@session.time_zone, @@session.sql_mode, @@session.character_set_connection"
	selectReadOnly = "SELECT @@global.read_only"
	showSettings   = "SHOW GLOBAL VARIABLES WHERE Variable_name IN " +
		"('innodb_flush_log_at_trx_commit', 'sync_binlog', 'log_bin', 'read_only')"

	// setIsolation spares each transaction a round trip to say it.
	setIsolation = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"
	// setLimits frees what a frozen process of ours holds. MariaDB alone knows these.
	setLimits = "SET SESSION idle_transaction_timeout = 30, max_statement_time = 60"
)

// Schema.
const (
	// selectLock names the lock after the database, within the 64 characters that MySQL allows.
	selectLock    = "SELECT GET_LOCK(CONCAT('ordersync.migrate.', LEFT(SHA1(DATABASE()), 32)), ?)"
	releaseLock   = "DO RELEASE_LOCK(CONCAT('ordersync.migrate.', LEFT(SHA1(DATABASE()), 32)))"
	selectApplied = "SELECT version_id, tstamp FROM goose_db_version WHERE is_applied = 1 AND version_id > 0 ORDER BY version_id"
	selectOldest  = "SELECT version, oldest, applied_at FROM schema_versions ORDER BY version"
	upsertOldest  = "INSERT INTO schema_versions (version, oldest, applied_at) VALUES (?, ?, UTC_TIMESTAMP(6)) " +
		"ON DUPLICATE KEY UPDATE oldest = VALUES(oldest)"
)

// Checkpoints.
const (
	checkpointColumns = "source, stream, watermark, window_since, window_until, page_cursor, slice_us, ceiling_us, poison, revision, updated_at"

	selectCheckpoint  = "SELECT " + checkpointColumns + " FROM checkpoints WHERE source = ? AND stream = ?"
	selectCheckpoints = "SELECT " + checkpointColumns + " FROM checkpoints ORDER BY source, stream"

	// moveCheckpoint is fence, lock and move in one.
	moveCheckpoint = "UPDATE checkpoints SET watermark = ?, window_since = ?, window_until = ?, page_cursor = ?, slice_us = ?, " +
		"ceiling_us = ?, poison = ?, revision = ?, commit_token = ?, updated_at = UTC_TIMESTAMP(6) WHERE source = ? AND stream = ? AND revision = ?"
	insertCheckpoint = "INSERT INTO checkpoints (watermark, window_since, window_until, page_cursor, slice_us, ceiling_us, poison, " +
		"revision, commit_token, source, stream, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(6))"
	// selectStands asks two things of a page that may need no transaction.
	selectStands = "SELECT revision, EXISTS (SELECT 1 FROM dead_letters WHERE source = ?) FROM checkpoints WHERE source = ? AND stream = ?"
	selectToken  = "SELECT revision, commit_token FROM checkpoints WHERE source = ? AND stream = ?"
)

// Orders.
const (
	selectStored = "SELECT o.order_id, " + storedColumns + ", o.first_seen_at, o.synced_at, o.gone_at, r.payload " +
		"FROM orders o LEFT JOIN order_raw r ON r.source = o.source AND r.order_id = o.order_id WHERE o.source = ? AND o.order_id = ?"

	// storedColumns are what [row] scans.
	storedColumns = "o.number, o.status, o.source_status, o.currency, o.total, o.paid, o.discount, o.shipping_fee, o.tax, o.refunded, " +
		"o.buyer_id, o.buyer_name, o.buyer_email, o.receiver, o.receiver_country, o.receiver_province, o.receiver_city, " +
		"o.buyer_note, o.seller_note, o.ordered_at, o.paid_at, o.shipped_at, o.completed_at, o.cancelled_at, o.modified_at, o.fetched_at"
)

// Dead letters.
const (
	deadColumns = "source, order_id, modified_at, fetched_at, reason, first_dead_at, dead_at"

	selectDeadLetters = "SELECT " + deadColumns + " FROM dead_letters WHERE (? = '' OR source = ?) " +
		"ORDER BY dead_at DESC, source, order_id LIMIT ?"
	selectDeadLetter = "SELECT " + deadColumns + ", payload FROM dead_letters WHERE source = ? AND order_id = ?"
	deleteDeadLetter = "DELETE FROM dead_letters WHERE source = ? AND order_id = ?"
	// selectAnyDead spares most pages the search for theirs.
	selectAnyDead    = "SELECT EXISTS (SELECT 1 FROM dead_letters WHERE source = ?)"
	countDeadLetters = "SELECT source, COUNT(*) FROM dead_letters GROUP BY source ORDER BY source"
)

// Runs.
const (
	runColumns = "run_id, job, source, stream, tick_at, attempt, holder, outcome, kind, error, started_at, ended_at, " +
		"since_at, until_at, watermark, windows, passes, pages, records, orders_inserted, orders_updated, orders_unchanged, " +
		"orders_stale, orders_dead, orders_released, rounded, repaired, shortfall, backlog, backlog_until, runs, last_run_id"

	insertRun = "INSERT INTO runs (" + runColumns + ") " +
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	selectLatestRun = "SELECT " + runColumns + " FROM runs WHERE job = ? ORDER BY ended_at DESC, run_id DESC LIMIT 1 FOR UPDATE"
	joinRun         = "UPDATE runs SET last_run_id = ?, runs = runs + 1, tick_at = ?, attempt = ?, holder = ?, ended_at = ?, " +
		"until_at = ?, watermark = ?, windows = windows + ?, passes = passes + ?, pages = pages + ?, records = records + ?, " +
		"orders_unchanged = orders_unchanged + ?, orders_stale = orders_stale + ?, rounded = rounded + ?, repaired = repaired + ? " +
		"WHERE run_id = ?"
	selectLastRuns = "SELECT " + runColumns + " FROM runs WHERE (job, ended_at) IN " +
		"(SELECT job, MAX(ended_at) FROM runs GROUP BY job) ORDER BY job, run_id"
	selectLastBacklog = "SELECT " + runColumns + " FROM runs WHERE source = ? AND backlog IS NOT NULL ORDER BY ended_at DESC LIMIT 1"
	selectLastGood    = "SELECT ended_at FROM runs WHERE job = ? AND outcome = 'good' ORDER BY ended_at DESC LIMIT 1"
	pruneRuns         = "DELETE FROM runs WHERE ended_at < UTC_TIMESTAMP(6) - INTERVAL ? SECOND LIMIT 1000"
)

// Gaps.
const (
	selectStreams = "SELECT " + checkpointColumns + " FROM checkpoints WHERE source = ? ORDER BY stream"

	// growGap finds only a gap that ends earlier than the one that is noted.
	growGap = "UPDATE gaps SET until_at = ?, reason = ?, acked_at = NULL, acked_by = '' " +
		"WHERE source = ? AND stream = ? AND since_at = ? AND until_at < ?"
	insertGap = "INSERT INTO gaps (source, stream, since_at, until_at, reason, found_at, acked_at, acked_by) " +
		"VALUES (?, ?, ?, ?, ?, UTC_TIMESTAMP(6), NULL, '')"
	selectGaps = "SELECT gap_id, source, stream, since_at, until_at, reason, found_at, acked_at, acked_by FROM gaps " +
		"WHERE ? OR acked_at IS NULL ORDER BY source, since_at, stream"
	ackGap     = "UPDATE gaps SET acked_at = UTC_TIMESTAMP(6), acked_by = ? WHERE gap_id = ? AND acked_at IS NULL"
	renameGaps = "UPDATE gaps SET source = ? WHERE source = ?"
)

// Parcels.
const (
	// unfinished are the orders o that were sent and are not done with.
	unfinished = "(o.status IN ('partially_shipped', 'shipped', 'partially_refunded', 'unknown') " +
		"AND o.completed_at IS NULL AND o.cancelled_at IS NULL AND o.gone_at IS NULL)"
	shippedColumns = "o.order_id, o.synced_at, r.payload, UTC_TIMESTAMP(6)"
	shippedRaw     = "JOIN order_raw r ON r.source = o.source AND r.order_id = o.order_id WHERE o.source = ? AND "

	// selectShipped lists what changed from an instant on, after the row that was read last. Left to themselves, servers read all orders
	// of the source for it, and sort them.
	selectShipped = "SELECT " + shippedColumns + " FROM orders o FORCE INDEX (orders_synced) " + shippedRaw +
		"o.synced_at >= ? AND (o.synced_at > ? OR o.order_id > ?) AND " + unfinished +
		" ORDER BY o.synced_at, o.order_id LIMIT ?"
	selectShippedOne = "SELECT " + shippedColumns + " FROM orders o " + shippedRaw + "o.order_id = ?"

	shipmentColumns = "s.order_id, s.carrier, s.tracking_number, s.status, s.source_status, s.shipped_at, s.delivered_at, " +
		"s.line_ids, s.is_split, s.moved_at, s.asks, s.asked_at, s.next_at"
	shipmentFrom = ", COALESCE(" + unfinished + ", 0), UTC_TIMESTAMP(6) FROM shipments s " +
		"LEFT JOIN orders o ON o.source = s.source AND o.order_id = s.order_id WHERE s.source = ?"

	selectDueShipments = "SELECT " + shipmentColumns + shipmentFrom + " AND s.next_at <= UTC_TIMESTAMP(6) " +
		"ORDER BY s.next_at, s.order_id, s.carrier, s.tracking_number LIMIT ?"
	selectShipments = "SELECT " + shipmentColumns + shipmentFrom + " AND s.order_id = ? ORDER BY s.carrier, s.tracking_number LIMIT ?"

	ofShipment = " WHERE source = ? AND order_id = ? AND carrier = ? AND tracking_number = ?"

	lockAsks = "SELECT asks FROM shipments" + ofShipment + " FOR UPDATE"
	// renoteShipment is what a changed order says of a parcel that is known.
	renoteShipment = "UPDATE shipments SET carrier = ?, status = ?, line_ids = ?, is_split = ?, " +
		"next_at = CASE ? WHEN 'now' THEN UTC_TIMESTAMP(6) WHEN 'never' THEN NULL ELSE next_at END, " +
		"synced_at = CASE ? WHEN 1 THEN UTC_TIMESTAMP(6) ELSE synced_at END" + ofShipment
	askedShipment = "UPDATE shipments SET carrier = ?, status = ?, source_status = ?, shipped_at = ?, delivered_at = ?, moved_at = ?, " +
		"asks = asks + 1, asked_at = UTC_TIMESTAMP(6), " +
		"next_at = CASE ? WHEN 0 THEN NULL ELSE UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND END, " +
		"synced_at = CASE ? WHEN 1 THEN UTC_TIMESTAMP(6) ELSE synced_at END" + ofShipment
	moveEvents = "UPDATE shipment_events SET carrier = ?" + ofShipment

	renameShipments = "UPDATE shipments SET source = ? WHERE source = ?"
	renameEvents    = "UPDATE shipment_events SET source = ? WHERE source = ?"
)

// Sources.
const (
	selectSources = "SELECT source, kind, endpoint, removed_at FROM sources ORDER BY source"
	// lockSources makes processes that start at once remember their sources one after the other.
	lockSources  = "SELECT source, kind, endpoint, removed_at FROM sources ORDER BY source FOR UPDATE"
	upsertSource = "INSERT INTO sources (source, kind, endpoint, added_at, removed_at) VALUES (?, ?, ?, UTC_TIMESTAMP(6), NULL) " +
		"ON DUPLICATE KEY UPDATE kind = VALUES(kind), endpoint = VALUES(endpoint), removed_at = NULL"
	removeSource    = "UPDATE sources SET removed_at = UTC_TIMESTAMP(6) WHERE source = ? AND removed_at IS NULL"
	selectSourceHas = "SELECT EXISTS (SELECT 1 FROM orders WHERE source = ?) OR EXISTS (SELECT 1 FROM dead_letters WHERE source = ?)"
)

// Renaming a source: the new name stands first, then the old one. synced_at does not move.
const (
	selectSourceBusy  = "SELECT EXISTS (SELECT 1 FROM leases WHERE source = ? AND held_until > UTC_TIMESTAMP(6))"
	forgetSource      = "DELETE FROM sources WHERE source = ?"
	forgetCheckpoints = "DELETE FROM checkpoints WHERE source = ?"
	forgetLeases      = "DELETE FROM leases WHERE source = ?"
	renameSource      = "UPDATE sources SET source = ? WHERE source = ?"
	renameCheckpoints = "UPDATE checkpoints SET source = ? WHERE source = ?"
	renameLeases      = "UPDATE leases SET source = ? WHERE source = ?"
	renameOrders      = "UPDATE orders SET source = ? WHERE source = ?"
	renameItems       = "UPDATE order_items SET source = ? WHERE source = ?"
	renameRefunds     = "UPDATE refunds SET source = ? WHERE source = ?"
	renameRaw         = "UPDATE order_raw SET source = ? WHERE source = ?"
	renameDead        = "UPDATE dead_letters SET source = ? WHERE source = ?"
	renameRuns        = "UPDATE runs SET source = ? WHERE source = ?"
)

// Daemons.
const (
	selectDaemons = "SELECT holder, configuration, started_at, seen_at, UTC_TIMESTAMP(6) FROM daemons ORDER BY holder"
	upsertDaemon  = "INSERT INTO daemons (holder, configuration, started_at, seen_at) " +
		"VALUES (?, ?, UTC_TIMESTAMP(6) - INTERVAL ? MICROSECOND, UTC_TIMESTAMP(6)) " +
		"ON DUPLICATE KEY UPDATE configuration = VALUES(configuration), started_at = VALUES(started_at), seen_at = VALUES(seen_at)"
	seeDaemon    = "UPDATE daemons SET seen_at = UTC_TIMESTAMP(6) WHERE holder = ?"
	deleteDaemon = "DELETE FROM daemons WHERE holder = ?"
	pruneDaemons = "DELETE FROM daemons WHERE seen_at < UTC_TIMESTAMP(6) - INTERVAL ? SECOND"
)

// Audit log.
const insertAudit = "INSERT INTO audit_log (at, actor, host, action, subject, detail) VALUES (UTC_TIMESTAMP(6), ?, ?, ?, ?, ?)"

// Leases.
const (
	leaseColumns = "source, stream, holder, held_since, held_until, UTC_TIMESTAMP(6)"

	// takeLease takes what is free, over or ours. Each assignment comes to the same before and after those on its left.
	takeLease = "INSERT INTO leases (source, stream, holder, held_since, held_until) " +
		"VALUES (?, ?, ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND) ON DUPLICATE KEY UPDATE " +
		"held_since = IF(holder = VALUES(holder) OR held_until > UTC_TIMESTAMP(6), held_since, VALUES(held_since)), " +
		"holder = IF(held_until > UTC_TIMESTAMP(6), holder, VALUES(holder)), " +
		"held_until = IF(holder = VALUES(holder) OR held_until <= UTC_TIMESTAMP(6), VALUES(held_until), held_until)"
	renewLease = "UPDATE leases SET held_until = UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND " +
		"WHERE source = ? AND stream = ? AND holder = ?"
	deleteLease  = "DELETE FROM leases WHERE source = ? AND stream = ? AND holder = ?"
	selectLease  = "SELECT " + leaseColumns + " FROM leases WHERE source = ? AND stream = ?"
	selectLeases = "SELECT " + leaseColumns + " FROM leases ORDER BY source, stream"
)

// Jobs. A last tick far in the future is what a wrong clock left behind; it holds nothing back.
const (
	tickIsNew = "(last_tick < ? OR last_tick > UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND)"

	selectStates = "SELECT job, last_tick, attempt, repeat_at, holder, held_until, skipped, UTC_TIMESTAMP(6) FROM job_state ORDER BY job"
	insertJob    = "INSERT INTO job_state (job, last_tick, attempt, repeat_at, holder, held_until, skipped) " +
		"VALUES (?, ?, 1, NULL, ?, UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND, 0)"
	claimTick = "UPDATE job_state SET last_tick = ?, attempt = 1, repeat_at = NULL, holder = ?, " +
		"held_until = UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND " +
		"WHERE job = ? AND " + tickIsNew + " AND (holder = '' OR holder = ? OR held_until <= UTC_TIMESTAMP(6))"
	claimRepeat = "UPDATE job_state SET attempt = ?, repeat_at = NULL, holder = ?, held_until = UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND " +
		"WHERE job = ? AND attempt = ? AND ((holder = '' AND repeat_at <= UTC_TIMESTAMP(6)) OR holder = ? OR " +
		"(holder <> '' AND held_until <= UTC_TIMESTAMP(6)))"
	skipTick = "UPDATE job_state SET last_tick = ?, skipped = skipped + 1 " +
		"WHERE job = ? AND " + tickIsNew + " AND holder <> '' AND held_until > UTC_TIMESTAMP(6)"
	renewJob  = "UPDATE job_state SET held_until = UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND WHERE job = ? AND holder = ? AND holder <> ''"
	finishJob = "UPDATE job_state SET holder = '', held_until = NULL, attempt = ?, repeat_at = ? WHERE job = ? AND holder = ?"
)

// Pace. Times are microseconds since 1970 by the database's clock, which one statement reads once.
const (
	paceNow = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', UTC_TIMESTAMP(6))"
	// paceDay is the day's number in the quota's zone, times what used counts below it.
	paceDay = "((" + paceNow + " + ?) DIV 86400000000) * 1000000000"

	// reserve answers with the wait as the statement's insert id. A next_call farther ahead than anybody can have reserved is what a
	// wrong clock left behind.
	reserve = "UPDATE pace SET next_call = " + paceNow + " + LAST_INSERT_ID(IF(next_call > " + paceNow + " + ?, 0, " +
		"GREATEST(next_call - " + paceNow + ", 0))) + ?, " +
		"used = GREATEST(used, " + paceDay + ") + ?, " +
		"probe_at = IF(refused_at IS NULL, probe_at, UTC_TIMESTAMP(6) + INTERVAL 1 HOUR) " +
		"WHERE credential = ? AND (parked_until IS NULL OR parked_until <= UTC_TIMESTAMP(6)) " +
		"AND (refused_at IS NULL OR probe_at <= UTC_TIMESTAMP(6)) " +
		"AND (? = 0 OR GREATEST(used, " + paceDay + ") + ? <= " + paceDay + " + ?)"
	insertPace = "INSERT INTO pace (credential, next_call, used) VALUES (?, 0, 0)"
	selectPace = "SELECT GREATEST(COALESCE(TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), parked_until), 0), 0), refused_at IS NOT NULL, " +
		"GREATEST(COALESCE(TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), probe_at), 0), 0), used, " + paceNow + " " +
		"FROM pace WHERE credential = ?"
	parkPace = "INSERT INTO pace (credential, next_call, used, parked_until) VALUES (?, 0, 0, UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND) " +
		"ON DUPLICATE KEY UPDATE parked_until = GREATEST(COALESCE(parked_until, VALUES(parked_until)), VALUES(parked_until))"
	refusePace = "INSERT INTO pace (credential, next_call, used, refused_at, probe_at) " +
		"VALUES (?, 0, 0, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) + INTERVAL 1 HOUR) " +
		"ON DUPLICATE KEY UPDATE refused_at = COALESCE(refused_at, VALUES(refused_at)), probe_at = VALUES(probe_at)"
	acceptPace  = "UPDATE pace SET refused_at = NULL, probe_at = NULL WHERE credential = ?"
	selectPaces = "SELECT credential, GREATEST(next_call - " + paceNow + ", 0), used, parked_until, refused_at, probe_at " +
		"FROM pace ORDER BY credential"
)

// Tokens.
const (
	tokenColumns = "access_sealed, refresh_sealed, sealed_as, over_session, user_id, user_nick, obtained_at, ends_at, refresh_ends_at, " +
		"r1_ends_at, r2_ends_at, w1_ends_at, w2_ends_at, sliding"

	selectShopToken = "SELECT " + tokenColumns + ", revision FROM tokens WHERE source = ?"
	// grantToken replaces whatever is there, and with it the right of a process that renews what was there.
	grantToken = "INSERT INTO tokens (" + tokenColumns + ", source, revision, renewing_until, stored_at) " +
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, NULL, UTC_TIMESTAMP(6)) ON DUPLICATE KEY UPDATE " +
		"access_sealed = VALUES(access_sealed), refresh_sealed = VALUES(refresh_sealed), sealed_as = VALUES(sealed_as), " +
		"over_session = VALUES(over_session), user_id = VALUES(user_id), user_nick = VALUES(user_nick), obtained_at = VALUES(obtained_at), " +
		"ends_at = VALUES(ends_at), refresh_ends_at = VALUES(refresh_ends_at), r1_ends_at = VALUES(r1_ends_at), " +
		"r2_ends_at = VALUES(r2_ends_at), w1_ends_at = VALUES(w1_ends_at), w2_ends_at = VALUES(w2_ends_at), sliding = VALUES(sliding), " +
		"revision = revision + 1, renewing_until = NULL, stored_at = VALUES(stored_at)"
	renewToken = "UPDATE tokens SET access_sealed = ?, refresh_sealed = ?, sealed_as = ?, over_session = ?, user_id = ?, user_nick = ?, " +
		"obtained_at = ?, ends_at = ?, refresh_ends_at = ?, r1_ends_at = ?, r2_ends_at = ?, w1_ends_at = ?, w2_ends_at = ?, sliding = ?, " +
		"revision = ?, renewing_until = NULL, stored_at = UTC_TIMESTAMP(6) WHERE source = ? AND revision = ?"
	claimToken = "UPDATE tokens SET renewing_until = UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND " +
		"WHERE source = ? AND revision = ? AND (renewing_until IS NULL OR renewing_until <= UTC_TIMESTAMP(6))"
	selectTokenHas = "SELECT EXISTS (SELECT 1 FROM tokens WHERE source = ?)"
	// A source that is renamed takes its token along, unless its new name has one already, which is then the later one.
	renameToken = "UPDATE tokens SET source = ? WHERE source = ?"
	forgetToken = "DELETE FROM tokens WHERE source = ?"
)

// Alerts.
const (
	// lockTelling keeps the lease from being taken until the transaction is over.
	lockTelling = "SELECT stream FROM leases WHERE source = '' AND stream = ? AND holder = ? AND held_until > UTC_TIMESTAMP(6) FOR UPDATE"

	insertObservation = "INSERT INTO observations (identity, source, happened_at, worked_at, body) " +
		"VALUES (?, ?, ?, NULL, ?) ON DUPLICATE KEY UPDATE identity = VALUES(identity)"
	// selectAwaited asks whether a good run of a source can matter.
	selectAwaited = "SELECT EXISTS (SELECT 1 FROM incidents WHERE is_over = 0 AND phase <> 'recovered' AND (source = ? OR scope = 'all')) " +
		"OR EXISTS (SELECT 1 FROM observations WHERE worked_at IS NULL AND source = ?)"
	selectObservations = "SELECT number, happened_at, body FROM observations WHERE worked_at IS NULL ORDER BY happened_at, number LIMIT ?"
	pruneObservations  = "DELETE FROM observations WHERE worked_at < UTC_TIMESTAMP(6) - INTERVAL ? SECOND LIMIT 1000"

	// selectNews asks what there is to be worked on, so that all else need not be asked where there is nothing.
	selectNews = "SELECT UTC_TIMESTAMP(6), EXISTS (SELECT 1 FROM incidents WHERE is_over = 0) " +
		"OR EXISTS (SELECT 1 FROM incidents WHERE is_over = 1 AND recovered_at > UTC_TIMESTAMP(6) - INTERVAL ? SECOND), " +
		"EXISTS (SELECT 1 FROM observations WHERE worked_at IS NULL), EXISTS (SELECT 1 FROM notices WHERE state = 'waiting'), " +
		"EXISTS (SELECT 1 FROM notices WHERE state = 'sent' AND ended_at > UTC_TIMESTAMP(6) - INTERVAL 1 HOUR), " +
		"(SELECT MAX(made_at) FROM notices WHERE sort = 'weekly')"
	// selectLive leaves out what recovered so long ago that it cannot come back.
	selectLive = "SELECT incident_id, state FROM incidents WHERE is_over = 0 OR (is_over = 1 AND recovered_at > UTC_TIMESTAMP(6) - INTERVAL ? SECOND) " +
		"ORDER BY since_at, incident_id"
	selectIncidents = "SELECT incident_id, state FROM incidents WHERE phase <> 'recovered' OR (? AND opened_at IS NOT NULL) " +
		"ORDER BY COALESCE(opened_at, since_at) DESC, incident_id LIMIT 1000"
	selectIncidentsLike = "SELECT incident_id, state FROM incidents WHERE LEFT(incident_id, CHAR_LENGTH(?)) = ? ORDER BY incident_id LIMIT 2"
	pruneIncidents      = "DELETE FROM incidents WHERE phase = 'recovered' AND recovered_at < UTC_TIMESTAMP(6) - INTERVAL ? SECOND LIMIT 1000"

	deliveryColumns = "notice_id, channel, state, made_at, attempts, next_at, error, ended_at, body"

	// selectWaiting takes the oldest of each channel.
	selectWaiting = "SELECT " + deliveryColumns + " FROM notices JOIN (SELECT number AS chosen, " +
		"ROW_NUMBER() OVER (PARTITION BY channel ORDER BY made_at, number) AS place FROM notices WHERE state = 'waiting') c " +
		"ON number = chosen WHERE place <= ? ORDER BY made_at, number"
	selectDeliveries   = "SELECT " + deliveryColumns + " FROM notices WHERE notice_id = ? OR body LIKE ? ORDER BY made_at, number LIMIT 1000"
	selectSentLately   = "SELECT channel, ended_at FROM notices WHERE state = 'sent' AND ended_at > UTC_TIMESTAMP(6) - INTERVAL 1 HOUR ORDER BY ended_at"
	selectWaitingShort = "SELECT channel, made_at, attempts, error FROM notices WHERE state = 'waiting' ORDER BY made_at, number"
	selectLastSent     = "SELECT channel, MAX(CASE state WHEN 'sent' THEN ended_at END) FROM notices GROUP BY channel"
	pruneNotices       = "DELETE FROM notices WHERE state <> 'waiting' AND ended_at < UTC_TIMESTAMP(6) - INTERVAL ? SECOND LIMIT 1000"
)

// Pauses.
const (
	pauseSource = "UPDATE sources SET " +
		"paused_at = IF(paused_at IS NULL OR paused_until <= UTC_TIMESTAMP(6), UTC_TIMESTAMP(6), paused_at), " +
		"paused_until = CASE ? WHEN 0 THEN NULL ELSE UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND END, paused_by = ? WHERE source = ?"
	isPaused     = "paused_at IS NOT NULL AND (paused_until IS NULL OR paused_until > UTC_TIMESTAMP(6))"
	resumeSource = "UPDATE sources SET paused_until = UTC_TIMESTAMP(6) WHERE source = ? AND " + isPaused
	selectPauses = "SELECT source, paused_at, paused_until, paused_by, UTC_TIMESTAMP(6) FROM sources WHERE " + isPaused + " ORDER BY source"

	selectResumed = "SELECT source, paused_until FROM sources WHERE paused_until <= UTC_TIMESTAMP(6)"
)

// What is usual.
const (
	// selectNewest looks at one entry of an index for each source.
	selectNewest = "SELECT s.source, (SELECT o.ordered_at FROM orders o WHERE o.source = s.source ORDER BY o.ordered_at DESC LIMIT 1) " +
		"FROM sources s ORDER BY s.source"
	countStored = "SELECT COUNT(*) FROM orders WHERE source = ? AND synced_at >= ?"

	// selectWeekRuns takes the times as since, until three times, and both again. Of empty runs that share a row, it takes their share.
	selectWeekRuns = "SELECT source, CAST(SUM(CASE runs WHEN 1 THEN ended_at < CAST(? AS DATETIME(6)) ELSE CEILING(runs * 1.0 * " +
		"TIMESTAMPDIFF(MICROSECOND, GREATEST(started_at, CAST(? AS DATETIME(6))), LEAST(ended_at, CAST(? AS DATETIME(6)))) / " +
		"GREATEST(TIMESTAMPDIFF(MICROSECOND, started_at, ended_at), 1)) END) AS SIGNED), " +
		"CAST(SUM(outcome = 'failed' AND ended_at < ?) AS SIGNED), CAST(SUM(IF(ended_at < ?, orders_inserted, 0)) AS SIGNED), " +
		"CAST(SUM(IF(ended_at < ?, orders_updated, 0)) AS SIGNED) FROM runs WHERE ended_at >= ? AND started_at < ? GROUP BY source"
	selectWeekMarks     = "SELECT source, watermark FROM checkpoints WHERE stream = 'orders'"
	countWeeksIncidents = "SELECT COUNT(CASE WHEN opened_at >= ? AND opened_at < ? THEN 1 END), COUNT(CASE phase WHEN 'open' THEN 1 END) FROM incidents"
)

// multi is a statement of as many rows as are needed.
type multi struct {
	head, row, sep, tail string
	// sizes are the numbers of rows, falling, of which the texts are kept and the statements ready on each connection.
	sizes []int
	texts map[int]string
}

// often prepares m for being executed with every page.
func (m multi) often() multi {
	m.sizes, m.texts = []int{300, 100, 20}, map[int]string{}
	for _, rows := range m.sizes {
		m.texts[rows] = m.build(rows)
	}
	return m
}

// piece is how many of the rows the next statement should take.
func (m multi) piece(rows int) int {
	for _, size := range m.sizes {
		if rows >= size {
			return size
		}
	}
	return rows
}

// text is the statement for that many rows.
func (m multi) text(rows int) string {
	if text, ok := m.texts[rows]; ok {
		return text
	}
	return m.build(rows)
}

func (m multi) build(rows int) string {
	var b strings.Builder
	b.Grow(len(m.head) + len(m.tail) + rows*(len(m.row)+len(m.sep)))
	b.WriteString(m.head)
	for i := range rows {
		if i > 0 {
			b.WriteString(m.sep)
		}
		b.WriteString(m.row)
	}
	b.WriteString(m.tail)
	return b.String()
}

// statements are the texts of many rows; each field is one.
type statements struct {
	// Of these the source is the first argument, and each row one id.
	known, lookup, deadLookup, deadFound, lock, linesOf, refundsOf, deleteDead multi
	// Of these the source and the order's id are the first arguments.
	deleteLines, deleteRefunds multi

	insertOrders, upsertOrders, upsertLines, upsertRefunds, upsertRaw, upsertDead multi

	// Of the first two the source is the first argument, and each row one order's id.
	parcelsOf, eventsOf, insertShipments, upsertEvents multi

	// Each row of the last is a week.
	upsertIncidents, workObservations, upsertNotices, countUsual multi
}

// often reports whether a text is one that is executed with every page.
func (s *statements) often(query string) bool {
	if query == reserve {
		return true
	}
	for _, m := range []*multi{&s.lookup, &s.insertOrders, &s.upsertLines, &s.upsertRaw} {
		for _, text := range m.texts {
			if text == query {
				return true
			}
		}
	}
	return false
}

// newStatements builds the texts, once for a store.
func newStatements() statements {
	keys := []string{"source", "order_id"}
	dying := "SELECT order_id, modified_at, fetched_at, reason, UNHEX(SHA2(payload, 256)) FROM dead_letters WHERE source = ? AND order_id IN ("
	content := names(storedColumns)
	columns := append(append(keys[:2:2], content...), "content_hash", "read_hash")
	orders := insertInto("orders", columns, "first_seen_at", "synced_at")
	upsert := orders
	upsert.tail = " ON DUPLICATE KEY UPDATE " + orderGuard(content)
	return statements{
		known: byID("SELECT order_id, modified_at, fetched_at FROM orders WHERE gone_at IS NULL AND source = ? AND order_id IN (", ")"),
		lookup: byID("SELECT order_id, modified_at, fetched_at, gone_at IS NOT NULL, read_hash FROM orders "+
			"WHERE source = ? AND order_id IN (", ")").often(),
		deadLookup: byID(dying, ") FOR UPDATE"),
		deadFound:  byID(dying, ")"),
		// Whoever writes an order's lines, refunds or raw text holds the lock of its row in orders: they need none of their own.
		lock: byID("SELECT o.order_id, "+storedColumns+", o.content_hash, o.gone_at IS NOT NULL "+
			"FROM orders o WHERE o.source = ? AND o.order_id IN (", ") FOR UPDATE"),
		linesOf:   byID("SELECT order_id, line_id, "+lineColumns+" FROM order_items WHERE source = ? AND order_id IN (", ")"),
		refundsOf: byID("SELECT order_id, refund_id, "+refundColumns+" FROM refunds WHERE source = ? AND order_id IN (", ")"),

		insertOrders:  orders.often(),
		upsertOrders:  upsert,
		upsertLines:   upsertInto("order_items", append(keys[:2:2], "line_id"), names(lineColumns)).often(),
		upsertRefunds: upsertInto("refunds", []string{"source", "refund_id"}, append([]string{"order_id"}, names(refundColumns)...)),
		upsertRaw:     upsertInto("order_raw", keys, []string{"payload", "payload_hash", "fetched_at"}).often(),
		upsertDead:    deadUpsert(),

		deleteLines:   byID("DELETE FROM order_items WHERE source = ? AND order_id = ? AND line_id IN (", ")"),
		deleteRefunds: byID("DELETE FROM refunds WHERE source = ? AND order_id = ? AND refund_id IN (", ")"),
		deleteDead:    byID("DELETE FROM dead_letters WHERE source = ? AND order_id IN (", ")"),

		parcelsOf: byID("SELECT s.order_id, s.carrier, s.tracking_number, s.status, s.line_ids, s.is_split, EXISTS (SELECT 1 "+
			"FROM shipment_events e WHERE e.source = s.source AND e.order_id = s.order_id AND e.carrier = s.carrier "+
			"AND e.tracking_number = s.tracking_number) FROM shipments s WHERE s.source = ? AND s.order_id IN (", ") FOR UPDATE"),
		eventsOf: byID("SELECT order_id, carrier, tracking_number, happened_at, description, action FROM shipment_events "+
			"WHERE source = ? AND order_id IN (", ") ORDER BY order_id, carrier, tracking_number, position"),
		insertShipments: shipmentInsert(),
		upsertEvents: upsertInto("shipment_events", append(keys[:2:2], "carrier", "tracking_number", "position"),
			[]string{"happened_at", "description", "action"}),

		upsertIncidents: upsertInto("incidents", []string{"incident_id"}, []string{
			"scope", "class", "phase", "source", "since_at", "opened_at", "recovered_at", "last_at", "failures", "error", "muted_until", "is_over", "state",
		}),
		// The end of a run that was worked is kept to be known again, by its identity alone: while much fails there are many.
		workObservations: byID("UPDATE observations SET worked_at = UTC_TIMESTAMP(6), body = IF(source = '', body, '') "+
			"WHERE worked_at IS NULL AND number IN (", ")"),
		upsertNotices: upsertInto("notices", []string{"notice_id", "channel"}, []string{
			"sort", "class", "state", "made_at", "ended_at", "attempts", "next_at", "error", "body",
		}),
		countUsual: multi{
			head: "SELECT ", row: "(SELECT COUNT(*) FROM orders WHERE source = ? AND ordered_at >= ? AND ordered_at < ?)", sep: ", ",
		},
	}
}

const (
	lineColumns   = "sku, product_id, variant_id, title, variant, quantity, unit_price, discount, total, status, refund_status, image_url"
	refundColumns = "line_id, amount, status, reason, created_at, refunded_at"

	// newer compares the versions of the row that is sent and of the row that is stored; the later fetch wins where they are equal.
	newer = "(VALUES(modified_at) > modified_at OR (VALUES(modified_at) = modified_at AND VALUES(fetched_at) >= fetched_at))"
	// accepted: the row that is sent is newer, and something changes.
	accepted = "(" + newer + " AND (VALUES(content_hash) <> content_hash OR gone_at IS NOT NULL))"
	// deadNewer is newer for dead letters; where one of the two has no time of change, the times of the fetches decide.
	deadNewer = "IF(modified_at IS NULL OR VALUES(modified_at) IS NULL, VALUES(fetched_at) >= fetched_at, " + newer + ")"
)

// orderGuard takes over the columns of a row that is accepted. The assignments are read from left to right by one server and all
// against the old row by another, and come to the same: up to modified_at nothing that accepted reads has changed in a way that it
// sees (after fetched_at or modified_at are taken over, newer still holds, because it holds for equal versions). From then on newer
// alone is asked, which that leaves true: where it holds and the row was not accepted, the content hashes are equal and gone_at is
// NULL, so that of the last three only read_hash may change.
func orderGuard(content []string) string {
	var b strings.Builder
	for _, c := range content {
		if c != "modified_at" && c != "fetched_at" {
			b.WriteString(c + " = IF(" + accepted + ", VALUES(" + c + "), " + c + "), ")
		}
	}
	for _, c := range []string{"synced_at", "fetched_at", "modified_at"} {
		b.WriteString(c + " = IF(" + accepted + ", VALUES(" + c + "), " + c + "), ")
	}
	b.WriteString("content_hash = IF(" + newer + ", VALUES(content_hash), content_hash), ")
	b.WriteString("read_hash = IF(" + newer + ", VALUES(read_hash), read_hash), ")
	b.WriteString("gone_at = IF(" + newer + ", NULL, gone_at)")
	return b.String()
}

// deadUpsert has the same guard for dead letters, with the version last. dead_at moves with the content, which comes after it.
func deadUpsert() multi {
	m := insertInto("dead_letters", []string{"source", "order_id", "modified_at", "fetched_at", "reason", "payload"}, "first_dead_at", "dead_at")
	guard := []string{
		"dead_at = IF(" + deadNewer + " AND (VALUES(reason) <> reason OR VALUES(payload) <> payload), VALUES(dead_at), dead_at)",
	}
	for _, c := range []string{"reason", "payload", "fetched_at", "modified_at"} {
		guard = append(guard, c+" = IF("+deadNewer+", VALUES("+c+"), "+c+")")
	}
	m.tail = " ON DUPLICATE KEY UPDATE " + strings.Join(guard, ", ")
	return m
}

// shipmentInsert leaves a parcel alone that somebody else has noted meanwhile.
func shipmentInsert() multi {
	m := insertInto("shipments", []string{
		"source", "order_id", "carrier", "tracking_number", "status", "shipped_at", "line_ids", "is_split", "asks", "moved_at",
	}, "first_seen_at", "synced_at", "next_at")
	m.tail = " ON DUPLICATE KEY UPDATE line_ids = VALUES(line_ids)"
	return m
}

// byID is a statement whose rows are ids.
func byID(head, tail string) multi { return multi{head: head, row: "?", sep: ", ", tail: tail} }

// insertInto inserts a value for each column, and the database's clock for each of clocks.
func insertInto(table string, columns []string, clocks ...string) multi {
	all := append(slices.Clip(columns), clocks...)
	row := "(?" + strings.Repeat(",?", len(columns)-1) + strings.Repeat(",UTC_TIMESTAMP(6)", len(clocks)) + ")"
	return multi{head: "INSERT INTO " + table + " (" + strings.Join(all, ", ") + ") VALUES ", row: row, sep: ","}
}

// upsertInto writes rows over those with the same key.
func upsertInto(table string, keys, columns []string) multi {
	m := insertInto(table, append(slices.Clip(keys), columns...))
	var updates []string
	for _, c := range columns {
		updates = append(updates, c+" = VALUES("+c+")")
	}
	m.tail = " ON DUPLICATE KEY UPDATE " + strings.Join(updates, ", ")
	return m
}

// names are the columns of a list, without the alias of their table.
func names(list string) []string {
	columns := strings.Split(list, ", ")
	for i, c := range columns {
		columns[i] = strings.TrimPrefix(c, "o.")
	}
	return columns
}
