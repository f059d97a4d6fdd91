/*
 * How messages, peers, URLs and subscriptions fare: for qlm_admin, and for who watches the server.
 * They show no message and no secret.
 */

/*
 * Why it waits is said in the words of who looks for it; what_to_do where waiting
 * alone does not help.
 */
CREATE OR REPLACE VIEW qlm.stat_outbox AS
	SELECT o.message_id,
		o.peer,
		CASE WHEN o.url LIKE '~%' THEN '0'
			ELSE pg_catalog.regexp_replace(o.url, '://[^/?#]*@', '://***@') END AS url,
		o.kind,
		o.state,
		w.waits_for,
		CASE w.cause
			WHEN 'peer' THEN 'cancel it: a peer that has its name now is another one'
			WHEN 'role' THEN 'set the role of the peer to one that exists, in its row in qlm.peer'
			WHEN 'paused' THEN 'see in qlm.stat_delivery how its URL fares'
			WHEN 'idle' THEN 'see in qlm.stat_worker whether a dispatcher runs for this database: qlm.databases names it, or qlm_start() starts one'
			WHEN 'refuses' THEN 'set piggyback of the peer to null or true, or let it open a WebSocket'
			WHEN 'untried' THEN 'set piggyback of the peer to true if it takes them, or let it open a WebSocket'
			WHEN 'tried' THEN 'set piggyback of the peer to true if it takes them, tried_at to null to try it again, or let it open a WebSocket'
			WHEN 'silent' THEN 'cancel those that it will not answer, or give them a shorter ttl'
			WHEN 'order' THEN 'cancel the one before it, or set in_order to false in both rows'
		END AS what_to_do,
		o.priority,
		o.in_order,
		o.created_at,
		o.expires_at,
		o.deliveries,
		o.attempts,
		o.sent_at,
		o.next_attempt_at,
		o.last_error
	FROM qlm.outbox AS o
		LEFT JOIN qlm.peer AS p ON p.peer_id = o.peer_id
		LEFT JOIN qlm.endpoint AS e ON e.peer_id = o.peer_id AND e.url = COALESCE(o.url, p.url)
		LEFT JOIN LATERAL (
			SELECT b.message_id FROM qlm.outbox AS b
			WHERE o.kind = 'request' AND o.url IS NULL AND o.in_order
				AND b.peer_id = o.peer_id AND b.url IS NULL AND b.kind = 'request' AND b.state IN ('queued', 'sent')
			ORDER BY b.priority DESC, b.seq LIMIT 1) AS head ON head.message_id <> o.message_id
		LEFT JOIN LATERAL (
			SELECT b.message_id, b.priority, b.seq FROM qlm.outbox AS b
			WHERE o.kind = 'request' AND o.url IS NULL AND NOT o.in_order
				AND b.peer_id = o.peer_id AND b.url IS NULL AND b.state IN ('queued', 'sent') AND b.in_order
			ORDER BY b.priority DESC, b.seq LIMIT 1) AS barrier
				ON barrier.priority > o.priority OR (barrier.priority = o.priority AND barrier.seq < o.seq)
		LEFT JOIN LATERAL (
			SELECT pg_catalog.count(*) AS n, pg_catalog.max(b.message_id) FILTER (WHERE b.next_attempt_at > pg_catalog.clock_timestamp()
				AND (b.deliveries < 3 OR b.in_order)) AS in_hand
			FROM qlm.outbox AS b
			WHERE o.state = 'queued' AND o.kind = 'request' AND b.peer_id = o.peer_id
				AND b.url IS NULL AND b.kind = 'request' AND b.state = 'sent') AS unanswered ON true
		CROSS JOIN LATERAL (
			SELECT COALESCE(p.spoken, p.dialect) LIKE 'M%' AND p.piggyback IS NULL AND NOT p.echoes_ids AND NOT p.acknowledges AND p.takes_nested IS NOT TRUE AS is_unknown,
				CASE o.deliveries WHEN 1 THEN 'once' WHEN 2 THEN 'twice' ELSE o.deliveries || ' times' END AS so_often) AS x
		CROSS JOIN LATERAL (
			SELECT c.cause,
				CASE c.cause
					WHEN 'peer' THEN 'its peer is gone'
					WHEN 'socket' THEN 'the WebSocket that it is for has not taken it yet'
					WHEN 'posting' THEN 'it is being posted, or waits for those before it'
					WHEN 'role' THEN 'the role of its peer was dropped, so whatever it sends is refused'
					WHEN 'order' THEN pg_catalog.format('message %s before it has not ended, and one of them is in order', COALESCE(head.message_id, barrier.message_id))
					WHEN 'paused' THEN pg_catalog.format('its URL is not tried before %s, after %s failures: %s', e.paused_until, e.failures, e.last_error)
					WHEN 'acknowledgement' THEN 'its peer has not acknowledged it yet'
					WHEN 'trial' THEN 'its peer speaks O-MI and was tried with this one; there is no answer yet'
					WHEN 'tried' THEN pg_catalog.format('its peer speaks O-MI, and has not answered message %s, with which it was tried whether it takes piggy-backed requests', p.tried_with)
					WHEN 'answer' THEN pg_catalog.format('delivered %s, %s%s', x.so_often,
						CASE WHEN o.last_error LIKE '%answer% 503%' THEN 'the last answer was 503, not now' ELSE 'no answer' END,
						CASE WHEN o.in_order THEN '; those behind it wait, as it is in order'
							WHEN o.deliveries >= 3 THEN '; others pass' ELSE '' END)
					WHEN 'idle' THEN 'it is due, and nobody has posted it'
					WHEN 'post' THEN CASE WHEN o.attempts > 0 AND o.last_error IS NOT NULL
						THEN pg_catalog.format('it is posted again, after %s attempts: %s', o.attempts, o.last_error) ELSE 'it is to be posted' END
					WHEN 'refuses' THEN CASE WHEN o.deliveries > 0 THEN pg_catalog.format('delivered %s, no answer; ', x.so_often) ELSE '' END
						|| 'its peer takes no piggy-backed requests, as piggyback in its row says'
					WHEN 'untried' THEN 'its peer speaks O-MI, and not all that do take piggy-backed requests: it is tried once, in an answer that says nothing else'
					WHEN 'never' THEN 'its peer has never called'
					WHEN 'away' THEN pg_catalog.format('its peer has not called since %s', p.last_seen)
					WHEN 'silent' THEN pg_catalog.format('its peer has left %s requests unanswered, and gets no new ones', unanswered.n)
					WHEN 'hand' THEN pg_catalog.format('its peer has message %s in hand, and gets one at a time until it copies requestIDs', unanswered.in_hand)
					ELSE 'it leaves with one of the next answers to its peer'
				END AS waits_for
			FROM (SELECT CASE
					WHEN o.peer_id <> 0 AND p.peer_id IS NULL THEN 'peer'
					WHEN o.url LIKE '~%' THEN 'socket'
					WHEN o.posting THEN 'posting'
					WHEN COALESCE(head.message_id, barrier.message_id) IS NOT NULL THEN 'order'
					WHEN o.state = 'sent' AND o.kind = 'response' THEN 'acknowledgement'
					WHEN o.state = 'sent' AND p.url IS NULL AND x.is_unknown AND p.tried_with = o.message_id AND p.takes_nested IS NULL THEN 'trial'
					WHEN o.state = 'sent' AND p.url IS NULL AND x.is_unknown AND p.tried_at IS NOT NULL THEN 'tried'
					WHEN e.paused_until > pg_catalog.clock_timestamp() THEN 'paused'
					WHEN o.url IS NULL AND p.url IS NULL AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = p.role) THEN 'role'
					WHEN o.url IS NULL AND p.url IS NULL AND NOT p.piggyback THEN 'refuses'
					WHEN o.state = 'sent' AND o.deliveries > 0 THEN 'answer'
					WHEN COALESCE(o.url, p.url) IS NOT NULL AND o.created_at < pg_catalog.clock_timestamp() - interval '1 min'
						AND COALESCE(o.next_attempt_at, '-infinity') < pg_catalog.clock_timestamp() - interval '1 min' AND unanswered.n = 0 THEN 'idle'
					WHEN COALESCE(o.url, p.url) IS NOT NULL THEN 'post'
					WHEN x.is_unknown AND p.tried_at IS NOT NULL THEN 'tried'
					WHEN x.is_unknown AND o.kind = 'request' THEN 'untried'
					WHEN p.last_seen IS NULL THEN 'never'
					WHEN p.last_seen < o.created_at - interval '10 s' THEN 'away'
					WHEN unanswered.n > GREATEST(100 - COALESCE(pg_catalog.current_setting('qlm.piggyback_max', true), '8')::int, 0) THEN 'silent'
					WHEN unanswered.in_hand IS NOT NULL AND NOT (p.echoes_ids OR COALESCE(p.piggyback, false)) THEN 'hand'
					ELSE 'next'
				END AS cause) AS c) AS w
	WHERE o.state IN ('queued', 'sent');
ALTER VIEW qlm.stat_outbox OWNER TO qlm_owner;
COMMENT ON VIEW qlm.stat_outbox IS 'each message that waits, and what for';
COMMENT ON COLUMN qlm.stat_outbox.message_id IS 'its requestID';
COMMENT ON COLUMN qlm.stat_outbox.peer IS 'name of the peer that it is for; null: whoever answers at the url';
COMMENT ON COLUMN qlm.stat_outbox.url IS 'where it is to be posted, without the user and password in it; 0: a WebSocket connection to this node; null: it waits for the peer to call, or goes to its url';
COMMENT ON COLUMN qlm.stat_outbox.kind IS 'request: wants an answer; response: data for a callback';
COMMENT ON COLUMN qlm.stat_outbox.state IS 'queued, or sent: handed over, not answered yet';
COMMENT ON COLUMN qlm.stat_outbox.waits_for IS 'why it has not left, or is not answered';
COMMENT ON COLUMN qlm.stat_outbox.what_to_do IS 'what helps, where it is not enough to wait; null: it is';
COMMENT ON COLUMN qlm.stat_outbox.priority IS 'higher leaves earlier';
COMMENT ON COLUMN qlm.stat_outbox.in_order IS 'it neither passes others nor is passed';
COMMENT ON COLUMN qlm.stat_outbox.created_at IS 'when it was queued';
COMMENT ON COLUMN qlm.stat_outbox.expires_at IS 'when its ttl ends';
COMMENT ON COLUMN qlm.stat_outbox.deliveries IS 'how often it was delivered without an answer so far';
COMMENT ON COLUMN qlm.stat_outbox.attempts IS 'how often it has left, or was tried in vain';
COMMENT ON COLUMN qlm.stat_outbox.sent_at IS 'when it last left';
COMMENT ON COLUMN qlm.stat_outbox.next_attempt_at IS 'not sent again before';
COMMENT ON COLUMN qlm.stat_outbox.last_error IS 'why it failed last';
GRANT SELECT ON qlm.stat_outbox TO qlm_admin, pg_monitor;

CREATE OR REPLACE VIEW qlm.stat_peer AS
	SELECT p.name,
		p.last_seen,
		q.queued,
		q.sent,
		q.oldest_waiting,
		q.answered,
		q.failed,
		q.expired,
		q.mean_answer_time,
		p.last_success,
		p.last_failure,
		p.last_error,
		q.unanswered,
		(SELECT s.waits_for FROM qlm.stat_outbox AS s WHERE s.message_id = (
			SELECT o.message_id FROM qlm.outbox AS o
			WHERE o.peer_id = p.peer_id AND o.url IS NULL AND o.state IN ('queued', 'sent')
			ORDER BY o.state, o.priority DESC, o.seq LIMIT 1)) AS waits_for,
		p.hold,
		p.hold_cut_at,
		p.hold_cut_after,
		p.hold_cut_by,
		p.called_at,
		p.called_through,
		p.called_address,
		p.called_status,
		p.called_answer
	FROM qlm.peer AS p
		CROSS JOIN LATERAL (
			SELECT pg_catalog.count(*) FILTER (WHERE o.state = 'queued') AS queued,
				pg_catalog.count(*) FILTER (WHERE o.state = 'sent') AS sent,
				pg_catalog.min(o.created_at) FILTER (WHERE o.state IN ('queued', 'sent')) AS oldest_waiting,
				pg_catalog.count(*) FILTER (WHERE o.state = 'answered') AS answered,
				pg_catalog.count(*) FILTER (WHERE o.state = 'failed') AS failed,
				pg_catalog.count(*) FILTER (WHERE o.state = 'expired') AS expired,
				pg_catalog.avg(o.answered_at - o.created_at) FILTER (WHERE o.state = 'answered') AS mean_answer_time,
				pg_catalog.count(*) FILTER (WHERE o.state = 'sent' AND o.kind = 'request' AND o.deliveries >= 3) AS unanswered
			FROM qlm.outbox AS o
			WHERE o.peer_id = p.peer_id) AS q;
ALTER VIEW qlm.stat_peer OWNER TO qlm_owner;
COMMENT ON VIEW qlm.stat_peer IS 'each peer with its queue';
COMMENT ON COLUMN qlm.stat_peer.name IS 'the peer';
COMMENT ON COLUMN qlm.stat_peer.last_seen IS 'when it last called, to some seconds';
COMMENT ON COLUMN qlm.stat_peer.queued IS 'messages that have not left';
COMMENT ON COLUMN qlm.stat_peer.sent IS 'messages that have left and wait for an answer';
COMMENT ON COLUMN qlm.stat_peer.oldest_waiting IS 'when the oldest of both was queued';
COMMENT ON COLUMN qlm.stat_peer.answered IS 'messages answered';
COMMENT ON COLUMN qlm.stat_peer.failed IS 'messages that failed for good';
COMMENT ON COLUMN qlm.stat_peer.expired IS 'messages whose ttl ended first';
COMMENT ON COLUMN qlm.stat_peer.mean_answer_time IS 'mean time from queue to answer';
COMMENT ON COLUMN qlm.stat_peer.last_success IS 'when a message last reached it and was answered';
COMMENT ON COLUMN qlm.stat_peer.last_failure IS 'when a message last failed to reach it';
COMMENT ON COLUMN qlm.stat_peer.last_error IS 'why it failed at last_failure; stays after a success';
COMMENT ON COLUMN qlm.stat_peer.unanswered IS 'requests delivered three times or more without an answer';
COMMENT ON COLUMN qlm.stat_peer.waits_for IS 'what the first message that waits for the peer to call, one that has not left before those that have, waits for';
COMMENT ON COLUMN qlm.stat_peer.hold IS 'for how long calls ask it to hold them, as the way there has let them; null: this node does not call it';
COMMENT ON COLUMN qlm.stat_peer.hold_cut_at IS 'when something on the way last ended a call that was held';
COMMENT ON COLUMN qlm.stat_peer.hold_cut_after IS 'how long that had been held';
COMMENT ON COLUMN qlm.stat_peer.hold_cut_by IS 'what ended it: an HTTP status, the end of the connection, or silence';
COMMENT ON COLUMN qlm.stat_peer.called_at IS 'when this node last called it, to some seconds';
COMMENT ON COLUMN qlm.stat_peer.called_through IS 'the proxy that this went through, without its secret; null: none';
COMMENT ON COLUMN qlm.stat_peer.called_address IS 'address and port that it was connected to, of the proxy where there is one; null: it was not';
COMMENT ON COLUMN qlm.stat_peer.called_status IS 'HTTP status of the answer; null: there was none';
COMMENT ON COLUMN qlm.stat_peer.called_answer IS 'what the answer was, or why there was none';
GRANT SELECT ON qlm.stat_peer TO qlm_admin, pg_monitor;

/* What waits for a peer with a URL waits for that endpoint. */
CREATE OR REPLACE VIEW qlm.stat_delivery AS
	SELECT pg_catalog.regexp_replace(url, '://[^/?#]*@', '://***@') AS url,
		CASE WHEN e.paused_until > pg_catalog.now() THEN 'paused'
			WHEN e.failures = 0 AND e.last_failure >= COALESCE(e.last_success, '-infinity') THEN 'refused'
			ELSE 'ok' END AS state,
		COALESCE(w.queued, 0) AS queued,
		w.oldest_waiting,
		COALESCE(e.attempts, 0) AS attempts,
		COALESCE(e.failures + e.refusals, 0) AS failures,
		CASE WHEN e.paused_until > pg_catalog.now() THEN e.paused_until END AS paused_until,
		e.last_success,
		e.last_failure,
		e.last_error,
		COALESCE(e.delivered, 0) AS delivered,
		(SELECT n.name FROM qlm.peer AS n WHERE n.peer_id = COALESCE(e.peer_id, w.peer_id)) AS peer,
		COALESCE(e.refused, 0) AS refused,
		COALESCE(e.pages, 0) AS pages,
		e.last_page
	FROM qlm.endpoint AS e
		FULL JOIN (
			SELECT COALESCE(o.url, p.url) AS url,
				o.peer_id,
				pg_catalog.count(*) FILTER (WHERE o.state = 'queued' OR o.posting) AS queued,
				pg_catalog.min(o.created_at) FILTER (WHERE o.state = 'queued' OR o.posting) AS oldest_waiting
			FROM qlm.outbox AS o
				LEFT JOIN qlm.peer AS p ON p.peer_id = o.peer_id AND o.url IS NULL
			WHERE o.state IN ('queued', 'sent') AND COALESCE(o.url, p.url) IS NOT NULL
				AND (o.url LIKE '~%') IS NOT TRUE
			GROUP BY 1, 2) AS w USING (url, peer_id);
ALTER VIEW qlm.stat_delivery OWNER TO qlm_owner;
COMMENT ON VIEW qlm.stat_delivery IS 'each endpoint that messages are posted to: a URL, and the peer whose messages go there';
COMMENT ON COLUMN qlm.stat_delivery.url IS 'its URL, without the user and password in it';
COMMENT ON COLUMN qlm.stat_delivery.state IS 'ok; paused after a failure; or refused: the last message will not be posted again, since qlm.callback_allow does not allow the address or the receiver refuses it for good, as last_error says';
COMMENT ON COLUMN qlm.stat_delivery.queued IS 'messages that have not arrived';
COMMENT ON COLUMN qlm.stat_delivery.oldest_waiting IS 'when the oldest of them was queued';
COMMENT ON COLUMN qlm.stat_delivery.attempts IS 'messages posted, whatever came of them';
COMMENT ON COLUMN qlm.stat_delivery.failures IS 'failures in a row, refusals included';
COMMENT ON COLUMN qlm.stat_delivery.paused_until IS 'when it is tried again';
COMMENT ON COLUMN qlm.stat_delivery.last_success IS 'when a message last arrived';
COMMENT ON COLUMN qlm.stat_delivery.last_failure IS 'when a message last did not';
COMMENT ON COLUMN qlm.stat_delivery.last_error IS 'why it failed at last_failure; stays after a success';
COMMENT ON COLUMN qlm.stat_delivery.delivered IS 'messages that have arrived';
COMMENT ON COLUMN qlm.stat_delivery.peer IS 'the peer whose messages go there; null: of those who are no peers';
COMMENT ON COLUMN qlm.stat_delivery.refused IS 'messages that were refused for good, and are not sent again';
COMMENT ON COLUMN qlm.stat_delivery.pages IS 'answers that were web pages, instead of nothing or an envelope; qlm.refuse_pages says whether these messages count as delivered';
COMMENT ON COLUMN qlm.stat_delivery.last_page IS 'first words of the last of them';
GRANT SELECT ON qlm.stat_delivery TO qlm_admin, pg_monitor;

CREATE OR REPLACE VIEW qlm.stat_subscription AS
	SELECT s.request_id,
		s.role AS owner,
		s.peer,
		CASE WHEN s.callback LIKE '~%' THEN '0'
			ELSE pg_catalog.regexp_replace(s.callback, '://[^/?#]*@', '://***@') END AS callback,
		s.interval,
		ARRAY(SELECT t.path FROM qlm.subscription_target AS t
			WHERE t.request_id = s.request_id ORDER BY t.path) AS targets,
		(SELECT pg_catalog.count(*) FROM qlm.subscription_value AS v
			WHERE v.request_id = s.request_id) AS waiting,
		COALESCE(w.queued, 0) AS queued,
		s.deliveries,
		s.dropped,
		s.next_due,
		s.expires_at
	FROM qlm.subscription AS s
		LEFT JOIN (
			SELECT o.subscription_id, pg_catalog.count(*) AS queued
			FROM qlm.outbox AS o
			WHERE o.state IN ('queued', 'sent')
			GROUP BY o.subscription_id) AS w ON w.subscription_id = s.request_id;
ALTER VIEW qlm.stat_subscription OWNER TO qlm_owner;
COMMENT ON VIEW qlm.stat_subscription IS 'each subscription with what waits for it';
COMMENT ON COLUMN qlm.stat_subscription.request_id IS 'its requestID';
COMMENT ON COLUMN qlm.stat_subscription.owner IS 'role with whose rights its data are read';
COMMENT ON COLUMN qlm.stat_subscription.peer IS 'peer that made it; null: an SQL session or an anonymous caller';
COMMENT ON COLUMN qlm.stat_subscription.callback IS 'URL, notify:CHANNEL, or 0: the WebSocket on which it was made; null: it is polled';
COMMENT ON COLUMN qlm.stat_subscription.interval IS 'seconds; -1: at each new value; -2: at the first value of new InfoItems';
COMMENT ON COLUMN qlm.stat_subscription.targets IS 'paths that it covers';
COMMENT ON COLUMN qlm.stat_subscription.waiting IS 'values that wait to be polled';
COMMENT ON COLUMN qlm.stat_subscription.queued IS 'messages that have not arrived at the callback';
COMMENT ON COLUMN qlm.stat_subscription.deliveries IS 'messages delivered or polls answered';
COMMENT ON COLUMN qlm.stat_subscription.dropped IS 'values or messages that were dropped and not told of yet';
COMMENT ON COLUMN qlm.stat_subscription.next_due IS 'next tick, for intervals with a callback';
COMMENT ON COLUMN qlm.stat_subscription.expires_at IS 'when its ttl ends';
GRANT SELECT ON qlm.stat_subscription TO qlm_admin, pg_monitor;
