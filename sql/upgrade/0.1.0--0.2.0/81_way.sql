/* How peers were called last */
SET LOCAL search_path = pg_catalog, pg_temp;

ALTER TABLE qlm.peer
	ADD COLUMN called_at timestamptz,
	ADD COLUMN called_through text,
	ADD COLUMN called_address text,
	ADD COLUMN call_code int,
	ADD COLUMN call_words text;
COMMENT ON COLUMN qlm.peer.called_at IS 'when this node last called it, to some seconds';
COMMENT ON COLUMN qlm.peer.called_through IS 'the proxy that this went through, without its secret; null: none';
COMMENT ON COLUMN qlm.peer.called_address IS 'address and port that it was connected to, of the proxy where there is one; null: it was not';
COMMENT ON COLUMN qlm.peer.call_code IS 'HTTP status of the answer; null: there was none';
COMMENT ON COLUMN qlm.peer.call_words IS 'what the answer was, or why there was none';
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
		p.call_code,
		p.call_words
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
COMMENT ON COLUMN qlm.stat_peer.called_at IS 'when this node last called it, to some seconds';
COMMENT ON COLUMN qlm.stat_peer.called_through IS 'the proxy that this went through, without its secret; null: none';
COMMENT ON COLUMN qlm.stat_peer.called_address IS 'address and port that it was connected to, of the proxy where there is one; null: it was not';
COMMENT ON COLUMN qlm.stat_peer.call_code IS 'HTTP status of the answer; null: there was none';
COMMENT ON COLUMN qlm.stat_peer.call_words IS 'what the answer was, or why there was none';
