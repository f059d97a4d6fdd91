/* The protocol's verbs, with envelopes and without. */

CREATE OR REPLACE FUNCTION @extschema@.qlm_handle(envelope text, peer text DEFAULT NULL) RETURNS xml
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_handle';
COMMENT ON FUNCTION @extschema@.qlm_handle(text, text) IS 'run any QLM or O-MI envelope and return the response; peer: speak for it (members of qlm_admin)';

CREATE OR REPLACE FUNCTION @extschema@.qlm_handle(envelope xml, peer text DEFAULT NULL) RETURNS xml
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_handle';
COMMENT ON FUNCTION @extschema@.qlm_handle(xml, text) IS 'run any QLM or O-MI envelope and return the response; peer: speak for it (members of qlm_admin)';

GRANT EXECUTE ON FUNCTION
	@extschema@.qlm_handle(text, text),
	@extschema@.qlm_handle(xml, text)
	TO qlm_reader;

CREATE OR REPLACE FUNCTION @extschema@.qlm_handle_json(envelope json, peer text DEFAULT NULL) RETURNS json
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_handle_json';
COMMENT ON FUNCTION @extschema@.qlm_handle_json(json, text) IS 'run an envelope that is JSON and return the response as JSON; peer: speak for it (members of qlm_admin)';
GRANT EXECUTE ON FUNCTION @extschema@.qlm_handle_json(json, text) TO qlm_reader;

CREATE OR REPLACE FUNCTION @extschema@.qlm_write(path text, value text, at timestamptz DEFAULT NULL, type text DEFAULT NULL) RETURNS void
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_write';
COMMENT ON FUNCTION @extschema@.qlm_write(text, text, timestamptz, text) IS 'store a value of an InfoItem; at: its time, by default now';

CREATE OR REPLACE FUNCTION @extschema@.qlm_write(path text, value double precision, at timestamptz DEFAULT NULL, type text DEFAULT 'xs:double') RETURNS void
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_write';
COMMENT ON FUNCTION @extschema@.qlm_write(text, double precision, timestamptz, text) IS 'store a number as a value of an InfoItem; at: its time, by default now';

CREATE OR REPLACE FUNCTION @extschema@.qlm_write(path text, value numeric, at timestamptz DEFAULT NULL, type text DEFAULT 'xs:double') RETURNS void
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_write';
COMMENT ON FUNCTION @extschema@.qlm_write(text, numeric, timestamptz, text) IS 'store a number as a value of an InfoItem; at: its time, by default now';

CREATE OR REPLACE FUNCTION @extschema@.qlm_write(path text, value bigint, at timestamptz DEFAULT NULL, type text DEFAULT 'xs:double') RETURNS void
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_write';
COMMENT ON FUNCTION @extschema@.qlm_write(text, bigint, timestamptz, text) IS 'store a number as a value of an InfoItem; at: its time, by default now';

CREATE OR REPLACE FUNCTION @extschema@.qlm_write(path text, value boolean, at timestamptz DEFAULT NULL, type text DEFAULT 'xs:boolean') RETURNS void
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_write';
COMMENT ON FUNCTION @extschema@.qlm_write(text, boolean, timestamptz, text) IS 'store true or false as a value of an InfoItem; at: its time, by default now';

CREATE OR REPLACE FUNCTION @extschema@.qlm_write(path text, value jsonb, at timestamptz DEFAULT NULL, type text DEFAULT NULL) RETURNS void
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_write';
COMMENT ON FUNCTION @extschema@.qlm_write(text, jsonb, timestamptz, text) IS 'store a JSON string, number or boolean as that, an object or an array as its text with the type json; at: its time, by default now';

GRANT EXECUTE ON FUNCTION
	@extschema@.qlm_write(text, text, timestamptz, text),
	@extschema@.qlm_write(text, double precision, timestamptz, text),
	@extschema@.qlm_write(text, numeric, timestamptz, text),
	@extschema@.qlm_write(text, bigint, timestamptz, text),
	@extschema@.qlm_write(text, boolean, timestamptz, text),
	@extschema@.qlm_write(text, jsonb, timestamptz, text)
	TO qlm_writer;

CREATE OR REPLACE FUNCTION @extschema@.qlm_read(path text, "begin" timestamptz DEFAULT NULL, "end" timestamptz DEFAULT NULL,
									 newest int DEFAULT NULL, oldest int DEFAULT NULL)
	RETURNS TABLE (path text, ts timestamptz, value text, num double precision, type text)
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_read';
COMMENT ON FUNCTION @extschema@.qlm_read(text, timestamptz, timestamptz, int, int) IS 'values of an InfoItem, or of all InfoItems of an Object: the latest, those from begin to end, or the newest or oldest so many of them';

CREATE OR REPLACE FUNCTION @extschema@.qlm_read(path text, "begin" date, "end" date, newest int DEFAULT NULL, oldest int DEFAULT NULL)
	RETURNS TABLE (path text, ts timestamptz, value text, num double precision, type text)
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_read_days';
COMMENT ON FUNCTION @extschema@.qlm_read(text, date, date, int, int) IS 'values of whole days, from begin to end, in the time zone of the session';

GRANT EXECUTE ON FUNCTION
	@extschema@.qlm_read(text, timestamptz, timestamptz, int, int),
	@extschema@.qlm_read(text, date, date, int, int)
	TO qlm_reader;

CREATE OR REPLACE FUNCTION @extschema@.qlm_subscribe(path text, "interval" double precision DEFAULT -1,
										  callback text DEFAULT NULL, ttl interval DEFAULT NULL) RETURNS bigint
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_subscribe';
COMMENT ON FUNCTION @extschema@.qlm_subscribe(text, double precision, text, interval) IS 'subscribe to an InfoItem or an Object; interval: seconds, -1: each new value, -2: new InfoItems; callback: null to poll, notify:CHANNEL or a URL; returns the requestID';
GRANT EXECUTE ON FUNCTION @extschema@.qlm_subscribe(text, double precision, text, interval) TO qlm_reader;

CREATE OR REPLACE FUNCTION @extschema@.qlm_poll(request_id bigint)
	RETURNS TABLE (path text, ts timestamptz, value text, num double precision, type text)
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_poll';
COMMENT ON FUNCTION @extschema@.qlm_poll(bigint) IS 'take the values of a subscription that have come since the last poll';
GRANT EXECUTE ON FUNCTION @extschema@.qlm_poll(bigint) TO qlm_reader;

CREATE OR REPLACE FUNCTION @extschema@.qlm_cancel(request_id bigint) RETURNS boolean
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_cancel';
COMMENT ON FUNCTION @extschema@.qlm_cancel(bigint) IS 'end a subscription; false: there is none with this requestID';
GRANT EXECUTE ON FUNCTION @extschema@.qlm_cancel(bigint) TO qlm_reader;

CREATE OR REPLACE FUNCTION @extschema@.qlm_delete(path text) RETURNS int
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_delete';
COMMENT ON FUNCTION @extschema@.qlm_delete(text) IS 'remove an InfoItem or Object with all below it and its history; returns how many were found';

CREATE OR REPLACE FUNCTION @extschema@.qlm_delete(path text, "begin" timestamptz, "end" timestamptz) RETURNS bigint
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_delete_values';
COMMENT ON FUNCTION @extschema@.qlm_delete(text, timestamptz, timestamptz) IS 'remove the values of an InfoItem, or of all InfoItems of an Object, from begin to end, both included; null: no bound on that side; returns how many';

CREATE OR REPLACE FUNCTION @extschema@.qlm_delete(path text, "begin" date, "end" date) RETURNS bigint
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_delete_days';
COMMENT ON FUNCTION @extschema@.qlm_delete(text, date, date) IS 'remove the values of whole days, from begin to end, in the time zone of the session; null: no bound on that side; returns how many';

GRANT EXECUTE ON FUNCTION
	@extschema@.qlm_delete(text),
	@extschema@.qlm_delete(text, timestamptz, timestamptz),
	@extschema@.qlm_delete(text, date, date)
	TO qlm_writer;

CREATE OR REPLACE FUNCTION @extschema@.qlm_call(path text, value text DEFAULT NULL, type text DEFAULT NULL)
	RETURNS TABLE (path text, ts timestamptz, value text, num double precision, type text)
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_call';
COMMENT ON FUNCTION @extschema@.qlm_call(text, text, text) IS 'run the handler of an InfoItem; value: its parameter; returns what the handler returns';

CREATE OR REPLACE FUNCTION @extschema@.qlm_call(path text, value double precision, type text DEFAULT 'xs:double')
	RETURNS TABLE (path text, ts timestamptz, value text, num double precision, type text)
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_call';
COMMENT ON FUNCTION @extschema@.qlm_call(text, double precision, text) IS 'run the handler of an InfoItem; value: its parameter, a number; returns what the handler returns';

CREATE OR REPLACE FUNCTION @extschema@.qlm_call(path text, value numeric, type text DEFAULT 'xs:double')
	RETURNS TABLE (path text, ts timestamptz, value text, num double precision, type text)
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_call';
COMMENT ON FUNCTION @extschema@.qlm_call(text, numeric, text) IS 'run the handler of an InfoItem; value: its parameter, a number; returns what the handler returns';

CREATE OR REPLACE FUNCTION @extschema@.qlm_call(path text, value bigint, type text DEFAULT 'xs:double')
	RETURNS TABLE (path text, ts timestamptz, value text, num double precision, type text)
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_call';
COMMENT ON FUNCTION @extschema@.qlm_call(text, bigint, text) IS 'run the handler of an InfoItem; value: its parameter, a number; returns what the handler returns';

CREATE OR REPLACE FUNCTION @extschema@.qlm_call(path text, value boolean, type text DEFAULT 'xs:boolean')
	RETURNS TABLE (path text, ts timestamptz, value text, num double precision, type text)
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_call';
COMMENT ON FUNCTION @extschema@.qlm_call(text, boolean, text) IS 'run the handler of an InfoItem; value: its parameter, true or false; returns what the handler returns';

CREATE OR REPLACE FUNCTION @extschema@.qlm_call(path text, value jsonb, type text DEFAULT NULL)
	RETURNS TABLE (path text, ts timestamptz, value text, num double precision, type text)
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_call';
COMMENT ON FUNCTION @extschema@.qlm_call(text, jsonb, text) IS 'run the handler of an InfoItem; value: its parameter: a JSON string, number or boolean as that, an object or an array as its text with the type json; returns what the handler returns';

GRANT EXECUTE ON FUNCTION
	@extschema@.qlm_call(text, text, text),
	@extschema@.qlm_call(text, double precision, text),
	@extschema@.qlm_call(text, numeric, text),
	@extschema@.qlm_call(text, bigint, text),
	@extschema@.qlm_call(text, boolean, text),
	@extschema@.qlm_call(text, jsonb, text)
	TO qlm_reader;

CREATE OR REPLACE FUNCTION @extschema@.qlm_rename(path text, new_id text, keep_old_id boolean DEFAULT false) RETURNS text
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_rename';
COMMENT ON FUNCTION @extschema@.qlm_rename(text, text, boolean) IS 'give an Object another first id, or an InfoItem another name, with all below it and all that names it: subscriptions, retention, handlers, peers; keep_old_id: the old one stays as a further id; returns the new path';
GRANT EXECUTE ON FUNCTION @extschema@.qlm_rename(text, text, boolean) TO qlm_writer;

CREATE OR REPLACE FUNCTION @extschema@.qlm_version() RETURNS text
	LANGUAGE c STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_version';
COMMENT ON FUNCTION @extschema@.qlm_version() IS 'version of the loaded library';
GRANT EXECUTE ON FUNCTION @extschema@.qlm_version() TO qlm_reader;
