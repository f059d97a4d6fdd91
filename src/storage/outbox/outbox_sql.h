/*
 * outbox_sql.h
 *		What is said of rows of qlm.outbox in more than one statement, as parts of
 *		these: which are live, due, in turn or orphaned, and what is noted in them.
 *
 * row is the name of the row, with a dot where the columns have to be told
 * from others: QLM_IS_LIVE("o.") and QLM_IS_LIVE(""), but QLM_LETS_PASS("o").
 */
#ifndef QLM_STORAGE_OUTBOX_SQL_H
#define QLM_STORAGE_OUTBOX_SQL_H

/*
 * A row that has not ended.  Of rows that are known by their id: written so that
 * the indexes on what waits are no choice against the one on the id.
 */
#define QLM_IS_LIVE(row) "(" row "state IN ('queued', 'sent')) IS TRUE"

/*
 * It may leave now: it has not left yet, or was not answered in time.  What is
 * queued is due whatever its endpoint does: that pauses, not the row.
 */
#define QLM_IS_DUE(row, now) \
	"(" row "state = 'queued' OR " row "next_attempt_at IS NULL" \
	" OR " row "next_attempt_at <= " now ")"
#define QLM_IS_WAITING(row, now) \
	row "state IN ('queued', 'sent') AND " QLM_IS_DUE(row, now)

/* So often a request is delivered before others pass it */
#define QLM_PASS_AFTER_TEXT "3"

#define QLM_LETS_PASS(row) \
	"(" row ".deliveries >= " QLM_PASS_AFTER_TEXT " AND NOT " row ".in_order)"

#define QLM_REQUESTS_OF(peer) \
	"qlm.outbox WHERE peer_id = " peer " AND url IS NULL AND kind = 'request'" \
	" AND state IN ('queued', 'sent')"

/* For WITH: the first request of a peer, and the first that keeps its place */
#define QLM_TURN_OF(peer) \
	" head AS (SELECT message_id FROM " QLM_REQUESTS_OF(peer) \
	" ORDER BY priority DESC, seq LIMIT 1)," \
	" barrier AS (SELECT message_id, priority, seq FROM " QLM_REQUESTS_OF(peer) \
	" AND in_order ORDER BY priority DESC, seq LIMIT 1)"

/* Does no other keep it back, and does it keep its own place? */
#define QLM_IS_IN_TURN(row) \
	"(NOT EXISTS (SELECT FROM barrier b WHERE b.priority > " row ".priority" \
	" OR (b.priority = " row ".priority AND b.seq < " row ".seq))" \
	" AND (NOT " row ".in_order OR " row ".message_id = (SELECT message_id FROM head)))"

/* Of a request, row o, that was delivered so often, this time included */
#define QLM_SAY_UNANSWERED(deliveries, in_order) \
	"'delivered ' || CASE " deliveries " WHEN 2 THEN 'twice' ELSE " deliveries \
	" || ' times' END || CASE WHEN o.last_error LIKE '%answer% 503%'" \
	" THEN ', the last answer was 503, not now' ELSE ', no answer' END" \
	" || CASE WHEN " in_order " THEN '; those behind it wait, as it is in order'" \
	" WHEN " deliveries " >= " QLM_PASS_AFTER_TEXT " THEN '; others pass' ELSE '' END"

/* last_error of a row that has expired: a part of a statement that may change it */
#define QLM_SAY_EXPIRED(row) \
	"'time to live ended' || CASE WHEN " row ".kind = 'request' THEN COALESCE(': ' ||" \
	" (SELECT s.waits_for FROM qlm.stat_outbox s WHERE s.message_id = " row ".message_id), '')" \
	" ELSE '' END"

/* SQL: is row o of qlm.outbox data of a subscription that is no more? */
#define QLM_OUTBOX_IS_ORPHAN(o) \
	"(" o ".kind = 'response' AND " o ".subscription_id IS NOT NULL AND NOT EXISTS" \
	" (SELECT FROM qlm.subscription orphaned WHERE orphaned.request_id = " o ".subscription_id))"
#define QLM_OUTBOX_ENDED "the subscription has ended"


/*
 * What a peer took and has not acknowledged comes before all that follows: is
 * there such of this peer at this URL?
 */
#define QLM_ENDPOINT_IS_HELD(url, peer, now) \
	"(SELECT h.state = 'sent' AND h.kind = 'response' AND NOT h.posting" \
	" AND (h.next_attempt_at > " now ") IS TRUE FROM qlm.outbox h WHERE h.url = " url \
	" AND h.peer_id = " peer " AND h.state IN ('queued', 'sent') ORDER BY h.priority DESC, h.seq LIMIT 1)"

#endif							/* QLM_STORAGE_OUTBOX_SQL_H */
