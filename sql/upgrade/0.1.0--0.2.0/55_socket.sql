/*
 * WebSockets that this node opens have URLs with ws://.  Names of connections
 * to this node begin with ~ instead of ws:; what is left of such is over.
 */
DELETE FROM qlm.subscription WHERE callback OPERATOR(pg_catalog.~~) 'ws:%';
DELETE FROM qlm.gathering WHERE callback OPERATOR(pg_catalog.~~) 'ws:%';
DELETE FROM qlm.outbox WHERE url OPERATOR(pg_catalog.~~) 'ws:%';
DROP INDEX qlm.gathering_connection_idx, qlm.subscription_connection_idx;
CREATE INDEX gathering_connection_idx ON qlm.gathering (callback) WHERE callback LIKE '~%';
CREATE INDEX subscription_connection_idx ON qlm.subscription (callback) WHERE callback LIKE '~%';
COMMENT ON COLUMN qlm.outbox.url IS 'where it is to be posted, or ~ and the name of a WebSocket connection to this node; null: it waits for the peer to call';
COMMENT ON COLUMN qlm.gathering.callback IS 'where the answer goes: URL, or ~ and the name of a WebSocket connection to this node';
COMMENT ON COLUMN qlm.subscription.callback IS 'URL, notify:CHANNEL, or ~ and the name of a WebSocket connection to this node; null: it is polled';
DO $$
BEGIN
	/* What belongs to WebSocket connections ends with them. */
	PERFORM pg_catalog.pg_extension_config_dump('qlm.outbox', $w$WHERE (url LIKE '~%') IS NOT TRUE$w$);
	PERFORM pg_catalog.pg_extension_config_dump('qlm.gathering', $w$WHERE callback NOT LIKE '~%'$w$);
	PERFORM pg_catalog.pg_extension_config_dump('qlm.subscription', $w$WHERE (callback LIKE '~%') IS NOT TRUE$w$);
	PERFORM pg_catalog.pg_extension_config_dump('qlm.subscription_target',
		$w$WHERE request_id NOT IN (SELECT s.request_id FROM qlm.subscription AS s WHERE s.callback LIKE '~%')$w$);
	PERFORM pg_catalog.pg_extension_config_dump('qlm.forwarding',
		$w$WHERE request_id NOT IN (SELECT s.request_id FROM qlm.subscription AS s WHERE s.callback LIKE '~%')$w$);
END
$$;


CREATE OR REPLACE VIEW qlm.stat_delivery AS
	SELECT url,
		CASE WHEN e.paused_until > pg_catalog.now() THEN 'paused'
			WHEN e.failures = 0 AND e.last_failure >= COALESCE(e.last_success, '-infinity') THEN 'refused'
			ELSE 'ok' END AS state,
		COALESCE(w.queued, 0) AS queued,
		w.oldest_waiting,
		COALESCE(e.attempts, 0) AS attempts,
		COALESCE(e.failures, 0) AS failures,
		CASE WHEN e.paused_until > pg_catalog.now() THEN e.paused_until END AS paused_until,
		e.last_success,
		e.last_failure,
		e.last_error,
		COALESCE(e.delivered, 0) AS delivered
	FROM qlm.endpoint AS e
		FULL JOIN (
			SELECT COALESCE(o.url, p.url) AS url,
				pg_catalog.count(*) FILTER (WHERE o.state = 'queued' OR o.posting) AS queued,
				pg_catalog.min(o.created_at) FILTER (WHERE o.state = 'queued' OR o.posting) AS oldest_waiting
			FROM qlm.outbox AS o
				LEFT JOIN qlm.peer AS p ON p.name = o.peer AND o.url IS NULL
			WHERE o.state IN ('queued', 'sent') AND COALESCE(o.url, p.url) IS NOT NULL
				AND (o.url LIKE '~%') IS NOT TRUE
			GROUP BY 1) AS w USING (url);
COMMENT ON COLUMN qlm.stat_delivery.state IS 'ok; paused after a failure; or refused: the last message will not be posted again, since qlm.callback_allow does not allow the address or the receiver refuses it, as last_error says';
CREATE OR REPLACE VIEW qlm.stat_subscription AS
	SELECT s.request_id,
		s.role AS owner,
		s.peer,
		CASE WHEN s.callback LIKE '~%' THEN '0' ELSE s.callback END AS callback,
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
