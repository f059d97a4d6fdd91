/* Who watches deliveries needs no passwords. */

CREATE OR REPLACE VIEW qlm.stat_delivery AS
	SELECT pg_catalog.regexp_replace(url, '://[^/?#]*@', '://***@') AS url,
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
		COALESCE(e.delivered, 0) AS delivered,
		(SELECT n.name FROM qlm.peer AS n WHERE n.peer_id = COALESCE(e.peer_id, w.peer_id)) AS peer
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
COMMENT ON COLUMN qlm.stat_delivery.url IS 'its URL, without the user and password in it';
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
