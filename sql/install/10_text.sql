/*
 * What texts and numbers are like in messages: what comes by plain SQL is as what comes in those.
 * Those that are called for each row qualify or call nothing, and fix no settings, which would
 * cost more than all they do.
 */

CREATE OR REPLACE FUNCTION qlm.number_text(number double precision) RETURNS text
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'qlm_sql_number_text';
COMMENT ON FUNCTION qlm.number_text(double precision) IS 'a number as messages write it: its shortest spelling, INF, -INF or NaN, whatever the session has set';
GRANT EXECUTE ON FUNCTION qlm.number_text(double precision) TO qlm_reader;

CREATE OR REPLACE FUNCTION qlm.path_normal(path text) RETURNS text
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_path_normal';
COMMENT ON FUNCTION qlm.path_normal(text) IS 'a path as it is stored; an error for what is no path';
GRANT EXECUTE ON FUNCTION qlm.path_normal(text) TO qlm_reader;

CREATE OR REPLACE FUNCTION qlm.texts_checked() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'qlm_trigger_texts_checked';
COMMENT ON FUNCTION qlm.texts_checked() IS 'refuses characters that messages cannot contain';
