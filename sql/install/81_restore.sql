/* Whether a dump is being restored, and by whom. */

CREATE OR REPLACE FUNCTION qlm.is_superuser() RETURNS boolean
	LANGUAGE c STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_is_superuser';
COMMENT ON FUNCTION qlm.is_superuser() IS 'whether the current user is a superuser, and who is behind him too';

CREATE OR REPLACE FUNCTION qlm.is_restoring() RETURNS boolean
	LANGUAGE c STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_is_restoring';
COMMENT ON FUNCTION qlm.is_restoring() IS 'whether the session restores a dump';

CREATE OR REPLACE FUNCTION qlm.is_restored() RETURNS boolean
	LANGUAGE c STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_is_restored';
COMMENT ON FUNCTION qlm.is_restored() IS 'whether this extension is just being made by the restore of a dump';

CREATE OR REPLACE FUNCTION qlm.note_whole_dump() RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_note_whole_dump';
COMMENT ON FUNCTION qlm.note_whole_dump() IS 'says that the dump which this session restores is of a node, so that partitions may be made';
