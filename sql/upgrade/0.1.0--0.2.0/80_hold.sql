/* How long the way to a peer lets calls be held. */

ALTER TABLE qlm.peer
	ADD COLUMN hold interval,
	ADD COLUMN hold_cut_at timestamptz,
	ADD COLUMN hold_cut_after interval,
	ADD COLUMN hold_cut_by text;
COMMENT ON COLUMN qlm.peer.hold IS 'for how long calls ask it to hold them, as the way there has let them; null: it was not called yet';
COMMENT ON COLUMN qlm.peer.hold_cut_at IS 'when something on the way last ended a call that was held';
COMMENT ON COLUMN qlm.peer.hold_cut_after IS 'how long that had been held';
COMMENT ON COLUMN qlm.peer.hold_cut_by IS 'what ended it, as far as it is known';

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
		p.hold_cut_by
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
COMMENT ON COLUMN qlm.stat_peer.hold IS 'for how long calls ask it to hold them, as the way there has let them; null: this node does not call it';
COMMENT ON COLUMN qlm.stat_peer.hold_cut_at IS 'when something on the way last ended a call that was held';
COMMENT ON COLUMN qlm.stat_peer.hold_cut_after IS 'how long that had been held';
COMMENT ON COLUMN qlm.stat_peer.hold_cut_by IS 'what ended it: an HTTP status, the end of the connection, or silence';
