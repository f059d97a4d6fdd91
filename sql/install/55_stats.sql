/* What the node is doing. */

CREATE FUNCTION qlm.worker_stats()
	RETURNS TABLE (worker_id int, pid int, datname name, kind text, state text, address text, started_at timestamptz,
				   requests bigint, batches bigint, bytes_in bigint, bytes_out bigint, connections int, last_error text)
	LANGUAGE c VOLATILE PARALLEL RESTRICTED
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_stat_worker';
COMMENT ON FUNCTION qlm.worker_stats() IS 'rows of qlm.stat_worker';

CREATE VIEW qlm.stat_worker AS SELECT * FROM qlm.worker_stats();
COMMENT ON VIEW qlm.stat_worker IS 'background workers of this server; empty without shared_preload_libraries';
COMMENT ON COLUMN qlm.stat_worker.worker_id IS 'slot of the worker';
COMMENT ON COLUMN qlm.stat_worker.pid IS 'process; null: none runs';
COMMENT ON COLUMN qlm.stat_worker.datname IS 'database that it serves';
COMMENT ON COLUMN qlm.stat_worker.kind IS 'what it does';
COMMENT ON COLUMN qlm.stat_worker.state IS 'what it is doing';
COMMENT ON COLUMN qlm.stat_worker.address IS 'where it listens';
COMMENT ON COLUMN qlm.stat_worker.started_at IS 'since when it runs';
COMMENT ON COLUMN qlm.stat_worker.requests IS 'requests answered';
COMMENT ON COLUMN qlm.stat_worker.batches IS 'transactions that they shared';
COMMENT ON COLUMN qlm.stat_worker.bytes_in IS 'bytes of messages received';
COMMENT ON COLUMN qlm.stat_worker.bytes_out IS 'bytes of messages sent';
COMMENT ON COLUMN qlm.stat_worker.connections IS 'connections open now';
COMMENT ON COLUMN qlm.stat_worker.last_error IS 'last thing that went wrong';

CREATE VIEW qlm.stat_peer AS
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
		p.last_error
	FROM qlm.peer AS p
		CROSS JOIN LATERAL (
			SELECT pg_catalog.count(*) FILTER (WHERE o.state = 'queued') AS queued,
				pg_catalog.count(*) FILTER (WHERE o.state = 'sent') AS sent,
				pg_catalog.min(o.created_at) FILTER (WHERE o.state IN ('queued', 'sent')) AS oldest_waiting,
				pg_catalog.count(*) FILTER (WHERE o.state = 'answered') AS answered,
				pg_catalog.count(*) FILTER (WHERE o.state = 'failed') AS failed,
				pg_catalog.count(*) FILTER (WHERE o.state = 'expired') AS expired,
				pg_catalog.avg(o.answered_at - o.created_at) FILTER (WHERE o.state = 'answered') AS mean_answer_time
			FROM qlm.outbox AS o
			WHERE o.peer_id = p.peer_id) AS q;
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
COMMENT ON COLUMN qlm.stat_peer.last_error IS 'why, at last_failure; stays after a success';

/* What waits for a peer with a URL waits for that endpoint. */
CREATE VIEW qlm.stat_delivery AS
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
		COALESCE(e.refused, 0) AS refused
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
COMMENT ON COLUMN qlm.stat_delivery.last_error IS 'why, at last_failure; stays after a success';
COMMENT ON COLUMN qlm.stat_delivery.delivered IS 'messages that have arrived';
COMMENT ON COLUMN qlm.stat_delivery.peer IS 'the peer whose messages go there; null: of those who are no peers';
COMMENT ON COLUMN qlm.stat_delivery.refused IS 'messages that were refused for good, and are not sent again';

CREATE VIEW qlm.stat_subscription AS
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
