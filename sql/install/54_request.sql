/* Envelopes for other nodes, and requests to peers. */

CREATE OR REPLACE FUNCTION @extschema@.qlm_read_envelope(path text, "begin" timestamptz DEFAULT NULL, "end" timestamptz DEFAULT NULL,
											  newest int DEFAULT NULL, oldest int DEFAULT NULL,
											  "interval" double precision DEFAULT NULL, callback text DEFAULT NULL,
											  details boolean DEFAULT false) RETURNS xml
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_read_envelope';
COMMENT ON FUNCTION @extschema@.qlm_read_envelope(text, timestamptz, timestamptz, int, int, double precision, text, boolean) IS 'an envelope that reads a path, with all that describes it and what lies below it if details is true, or subscribes to it if interval is given';
GRANT EXECUTE ON FUNCTION @extschema@.qlm_read_envelope(text, timestamptz, timestamptz, int, int, double precision, text, boolean) TO qlm_reader;

CREATE OR REPLACE FUNCTION @extschema@.qlm_write_envelope(path text, value text, at timestamptz DEFAULT NULL, type text DEFAULT NULL) RETURNS xml
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_write_envelope';
COMMENT ON FUNCTION @extschema@.qlm_write_envelope(text, text, timestamptz, text) IS 'an envelope that writes a value; at: its time, by default now';

CREATE OR REPLACE FUNCTION @extschema@.qlm_write_envelope(path text, value double precision, at timestamptz DEFAULT NULL, type text DEFAULT 'xs:double') RETURNS xml
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_write_envelope';
COMMENT ON FUNCTION @extschema@.qlm_write_envelope(text, double precision, timestamptz, text) IS 'an envelope that writes a number; at: its time, by default now';

CREATE OR REPLACE FUNCTION @extschema@.qlm_write_envelope(path text, value numeric, at timestamptz DEFAULT NULL, type text DEFAULT 'xs:double') RETURNS xml
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_write_envelope';
COMMENT ON FUNCTION @extschema@.qlm_write_envelope(text, numeric, timestamptz, text) IS 'an envelope that writes a number; at: its time, by default now';

CREATE OR REPLACE FUNCTION @extschema@.qlm_write_envelope(path text, value bigint, at timestamptz DEFAULT NULL, type text DEFAULT 'xs:double') RETURNS xml
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_write_envelope';
COMMENT ON FUNCTION @extschema@.qlm_write_envelope(text, bigint, timestamptz, text) IS 'an envelope that writes a number; at: its time, by default now';

CREATE OR REPLACE FUNCTION @extschema@.qlm_write_envelope(path text, value boolean, at timestamptz DEFAULT NULL, type text DEFAULT 'xs:boolean') RETURNS xml
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_write_envelope';
COMMENT ON FUNCTION @extschema@.qlm_write_envelope(text, boolean, timestamptz, text) IS 'an envelope that writes true or false; at: its time, by default now';

CREATE OR REPLACE FUNCTION @extschema@.qlm_write_envelope(path text, value jsonb, at timestamptz DEFAULT NULL, type text DEFAULT NULL) RETURNS xml
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_write_envelope';
COMMENT ON FUNCTION @extschema@.qlm_write_envelope(text, jsonb, timestamptz, text) IS 'an envelope that writes a JSON string, number or boolean as that, an object or an array as its text with the type json; at: its time, by default now';

GRANT EXECUTE ON FUNCTION
	@extschema@.qlm_write_envelope(text, text, timestamptz, text),
	@extschema@.qlm_write_envelope(text, double precision, timestamptz, text),
	@extschema@.qlm_write_envelope(text, numeric, timestamptz, text),
	@extschema@.qlm_write_envelope(text, bigint, timestamptz, text),
	@extschema@.qlm_write_envelope(text, boolean, timestamptz, text),
	@extschema@.qlm_write_envelope(text, jsonb, timestamptz, text)
	TO qlm_reader;

CREATE OR REPLACE FUNCTION @extschema@.qlm_call_envelope(path text, value text DEFAULT NULL, type text DEFAULT NULL) RETURNS xml
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_call_envelope';
COMMENT ON FUNCTION @extschema@.qlm_call_envelope(text, text, text) IS 'an envelope that calls an InfoItem; value: its parameter';

CREATE OR REPLACE FUNCTION @extschema@.qlm_call_envelope(path text, value double precision, type text DEFAULT 'xs:double') RETURNS xml
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_call_envelope';
COMMENT ON FUNCTION @extschema@.qlm_call_envelope(text, double precision, text) IS 'an envelope that calls an InfoItem; value: its parameter, a number';

CREATE OR REPLACE FUNCTION @extschema@.qlm_call_envelope(path text, value numeric, type text DEFAULT 'xs:double') RETURNS xml
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_call_envelope';
COMMENT ON FUNCTION @extschema@.qlm_call_envelope(text, numeric, text) IS 'an envelope that calls an InfoItem; value: its parameter, a number';

CREATE OR REPLACE FUNCTION @extschema@.qlm_call_envelope(path text, value bigint, type text DEFAULT 'xs:double') RETURNS xml
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_call_envelope';
COMMENT ON FUNCTION @extschema@.qlm_call_envelope(text, bigint, text) IS 'an envelope that calls an InfoItem; value: its parameter, a number';

CREATE OR REPLACE FUNCTION @extschema@.qlm_call_envelope(path text, value boolean, type text DEFAULT 'xs:boolean') RETURNS xml
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_call_envelope';
COMMENT ON FUNCTION @extschema@.qlm_call_envelope(text, boolean, text) IS 'an envelope that calls an InfoItem; value: its parameter, true or false';

CREATE OR REPLACE FUNCTION @extschema@.qlm_call_envelope(path text, value jsonb, type text DEFAULT NULL) RETURNS xml
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_call_envelope';
COMMENT ON FUNCTION @extschema@.qlm_call_envelope(text, jsonb, text) IS 'an envelope that calls an InfoItem; value: its parameter: a JSON string, number or boolean as that, an object or an array as its text with the type json';

GRANT EXECUTE ON FUNCTION
	@extschema@.qlm_call_envelope(text, text, text),
	@extschema@.qlm_call_envelope(text, double precision, text),
	@extschema@.qlm_call_envelope(text, numeric, text),
	@extschema@.qlm_call_envelope(text, bigint, text),
	@extschema@.qlm_call_envelope(text, boolean, text),
	@extschema@.qlm_call_envelope(text, jsonb, text)
	TO qlm_reader;

CREATE OR REPLACE FUNCTION @extschema@.qlm_request(peer text, envelope text, ttl interval DEFAULT '1 hour', priority int DEFAULT 0,
										in_order boolean DEFAULT NULL) RETURNS bigint
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_request';
COMMENT ON FUNCTION @extschema@.qlm_request(text, text, interval, int, boolean) IS 'queue a request for a peer; ttl: how long it may take, null: for ever; in_order: it leaves when all before it have ended, and none behind it before it has ended, null: as the peer''s row says; returns the requestID';

CREATE OR REPLACE FUNCTION @extschema@.qlm_request(peer text, envelope xml, ttl interval DEFAULT '1 hour', priority int DEFAULT 0,
										in_order boolean DEFAULT NULL) RETURNS bigint
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_request';
COMMENT ON FUNCTION @extschema@.qlm_request(text, xml, interval, int, boolean) IS 'queue a request for a peer; ttl: how long it may take, null: for ever; in_order: it leaves when all before it have ended, and none behind it before it has ended, null: as the peer''s row says; returns the requestID';

GRANT EXECUTE ON FUNCTION
	@extschema@.qlm_request(text, text, interval, int, boolean),
	@extschema@.qlm_request(text, xml, interval, int, boolean)
	TO qlm_admin;

CREATE OR REPLACE FUNCTION @extschema@.qlm_await(request_id bigint, timeout interval DEFAULT '30 s') RETURNS xml
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_await';
COMMENT ON FUNCTION @extschema@.qlm_await(bigint, interval) IS 'wait for the answer to a queued request; null: none came in time. A request of the same transaction is sent at once, and stays sent if that transaction rolls back';
GRANT EXECUTE ON FUNCTION @extschema@.qlm_await(bigint, interval) TO qlm_admin;

CREATE OR REPLACE FUNCTION @extschema@.qlm_requeue(request_id bigint) RETURNS boolean
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_requeue';
COMMENT ON FUNCTION @extschema@.qlm_requeue(bigint) IS 'queue a failed, expired or cancelled message again, with its whole ttl; false: it is not in such a state';
GRANT EXECUTE ON FUNCTION @extschema@.qlm_requeue(bigint) TO qlm_admin;
