/* What a receiver refuses for good is counted. */

ALTER TABLE qlm.endpoint ADD COLUMN refusals int NOT NULL DEFAULT 0;
ALTER TABLE qlm.endpoint ADD COLUMN refused bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN qlm.endpoint.failures IS 'failures in a row after which the message is tried again';
COMMENT ON COLUMN qlm.endpoint.refusals IS 'messages in a row that were refused for good';
COMMENT ON COLUMN qlm.endpoint.refused IS 'messages that were refused for good';

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
COMMENT ON COLUMN qlm.stat_delivery.state IS 'ok; paused after a failure; or refused: the last message will not be posted again, since qlm.callback_allow does not allow the address or the receiver refuses it for good, as last_error says';
COMMENT ON COLUMN qlm.stat_delivery.failures IS 'failures in a row, refusals included';
COMMENT ON COLUMN qlm.stat_delivery.refused IS 'messages that were refused for good, and are not sent again';
