/*
 * outbox_sql.h
 *		Whose turn it is in the queue of a peer, as parts of statements: requests
 *		that keep their place, and those that let others pass.
 */
#ifndef QLM_STORAGE_OUTBOX_SQL_H
#define QLM_STORAGE_OUTBOX_SQL_H

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

#endif							/* QLM_STORAGE_OUTBOX_SQL_H */
