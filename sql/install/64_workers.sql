/* Background workers. */

CREATE FUNCTION @extschema@.qlm_start() RETURNS int
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_start';
COMMENT ON FUNCTION @extschema@.qlm_start() IS 'start the workers that serve this database; returns how many run';

CREATE FUNCTION @extschema@.qlm_stop() RETURNS int
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_stop';
COMMENT ON FUNCTION @extschema@.qlm_stop() IS 'stop the workers that serve this database; returns how many stopped';
