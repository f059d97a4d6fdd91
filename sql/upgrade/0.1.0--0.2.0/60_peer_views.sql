/* What waits for a peer is found by its number. */

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
COMMENT ON VIEW qlm.stat_delivery IS 'each endpoint that messages are posted to: a URL, and the peer whose messages go there';
COMMENT ON COLUMN qlm.stat_delivery.peer IS 'the peer whose messages go there; null: of those who are no peers';
