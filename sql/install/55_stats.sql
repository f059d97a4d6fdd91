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
			WHERE o.peer = p.name) AS q;
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
COMMENT ON COLUMN qlm.stat_peer.last_error IS 'why';
