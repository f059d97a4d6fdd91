/* Background workers. */

CREATE OR REPLACE FUNCTION @extschema@.qlm_start() RETURNS int
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_start';
COMMENT ON FUNCTION @extschema@.qlm_start() IS 'start the workers that serve this database; returns how many run';
GRANT EXECUTE ON FUNCTION @extschema@.qlm_start() TO qlm_admin;

CREATE OR REPLACE FUNCTION @extschema@.qlm_stop() RETURNS int
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_stop';
COMMENT ON FUNCTION @extschema@.qlm_stop() IS 'stop the workers that serve this database; returns how many stopped';
GRANT EXECUTE ON FUNCTION @extschema@.qlm_stop() TO qlm_admin;

CREATE OR REPLACE FUNCTION qlm.worker_stats()
	RETURNS TABLE (worker_id int, pid int, datname name, kind text, state text, address text, started_at timestamptz,
				   requests bigint, batches bigint, bytes_in bigint, bytes_out bigint, connections int, last_error text)
	LANGUAGE c VOLATILE PARALLEL RESTRICTED
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_worker_stats';
COMMENT ON FUNCTION qlm.worker_stats() IS 'rows of qlm.stat_worker';
GRANT EXECUTE ON FUNCTION qlm.worker_stats() TO qlm_admin;
GRANT EXECUTE ON FUNCTION qlm.worker_stats() TO pg_monitor;

CREATE OR REPLACE VIEW qlm.stat_worker AS SELECT * FROM qlm.worker_stats();
ALTER VIEW qlm.stat_worker OWNER TO qlm_owner;
COMMENT ON VIEW qlm.stat_worker IS 'background workers of this server; empty without shared_preload_libraries';
COMMENT ON COLUMN qlm.stat_worker.worker_id IS 'slot of the worker';
COMMENT ON COLUMN qlm.stat_worker.pid IS 'process; null: none runs';
COMMENT ON COLUMN qlm.stat_worker.datname IS 'database that it serves';
COMMENT ON COLUMN qlm.stat_worker.kind IS 'server: answers requests; dispatcher: posts what leaves';
COMMENT ON COLUMN qlm.stat_worker.state IS 'starting, running, holding (it runs, but nothing may leave), stopping or stopped';
COMMENT ON COLUMN qlm.stat_worker.address IS 'where it listens';
COMMENT ON COLUMN qlm.stat_worker.started_at IS 'since when it runs';
COMMENT ON COLUMN qlm.stat_worker.requests IS 'requests answered';
COMMENT ON COLUMN qlm.stat_worker.batches IS 'transactions that they shared';
COMMENT ON COLUMN qlm.stat_worker.bytes_in IS 'bytes of messages received';
COMMENT ON COLUMN qlm.stat_worker.bytes_out IS 'bytes of messages sent';
COMMENT ON COLUMN qlm.stat_worker.connections IS 'connections open now';
COMMENT ON COLUMN qlm.stat_worker.last_error IS 'last thing that went wrong';
GRANT SELECT ON qlm.stat_worker TO qlm_admin, pg_monitor;
