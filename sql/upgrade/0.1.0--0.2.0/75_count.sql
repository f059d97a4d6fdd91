/*
 * What a write did is told; what comes by plain SQL is as what comes in messages.
 */
SET LOCAL search_path = pg_catalog, pg_temp;

CREATE FUNCTION qlm.number_text(number double precision) RETURNS text
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'qlm_number_text';
COMMENT ON FUNCTION qlm.number_text(double precision) IS 'a number as messages write it: its shortest spelling, INF, -INF or NaN, whatever the session has set';

CREATE FUNCTION qlm.texts_checked() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'qlm_texts_checked';
COMMENT ON FUNCTION qlm.texts_checked() IS 'refuses characters that no message can hold';

CREATE FUNCTION qlm.value_form() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'qlm_value_form';
COMMENT ON FUNCTION qlm.value_form() IS 'gives values that come by plain SQL the form that those of messages have, and refuses what no message can hold';
REVOKE ALL ON FUNCTION qlm.number_text(double precision), qlm.texts_checked(), qlm.value_form() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION qlm.number_text(double precision) TO qlm_reader;

CREATE TRIGGER texts_checked BEFORE INSERT OR UPDATE ON qlm.object
	FOR EACH ROW EXECUTE FUNCTION qlm.texts_checked();
COMMENT ON TRIGGER texts_checked ON qlm.object IS 'no message could hold all characters';
CREATE TRIGGER texts_checked BEFORE INSERT OR UPDATE ON qlm.object_id
	FOR EACH ROW EXECUTE FUNCTION qlm.texts_checked();
COMMENT ON TRIGGER texts_checked ON qlm.object_id IS 'no message could hold all characters';
CREATE TRIGGER texts_checked BEFORE INSERT OR UPDATE ON qlm.info_item
	FOR EACH ROW EXECUTE FUNCTION qlm.texts_checked();
COMMENT ON TRIGGER texts_checked ON qlm.info_item IS 'no message could hold all characters';
CREATE TRIGGER texts_checked BEFORE INSERT OR UPDATE ON qlm.meta_data
	FOR EACH ROW EXECUTE FUNCTION qlm.texts_checked();
COMMENT ON TRIGGER texts_checked ON qlm.meta_data IS 'no message could hold all characters';

DO $$
DECLARE
	partition pg_catalog.regclass;
BEGIN
	FOR partition IN SELECT inhrelid FROM pg_catalog.pg_inherits
		WHERE inhparent OPERATOR(pg_catalog.=) 'qlm.value'::pg_catalog.regclass
	LOOP
		EXECUTE pg_catalog.format('CREATE TRIGGER value_form BEFORE INSERT OR UPDATE ON %s'
			' FOR EACH ROW WHEN (NEW.txt IS NOT NULL OR NEW.type IS NOT NULL OR NEW.attributes IS NOT NULL'
			' OR pg_catalog.abs(NEW.num) OPERATOR(pg_catalog.>) ''1.7976931348623157e+308''::pg_catalog.float8)'
			' EXECUTE FUNCTION qlm.value_form()', partition);
	END LOOP;
END
$$;
COMMENT ON TRIGGER value_form ON qlm.value_default IS 'gives values the form that those of messages have';

CREATE OR REPLACE VIEW qlm.history WITH (security_invoker = true) AS
	SELECT i.path, o.type AS object_type, v.ts,
		COALESCE(v.txt, qlm.number_text(v.num)) AS value, v.num, v.type, m.value AS unit,
		CASE WHEN v.peer_id <> 0 THEN qlm.peer_name(v.peer_id) END AS peer, i.info_item_id
	FROM qlm.info_item i
	JOIN qlm.value v ON v.info_item_id = i.info_item_id
	JOIN qlm.object o ON o.object_id = i.object_id
	LEFT JOIN qlm.meta_data m ON m.info_item_id = i.info_item_id AND m.name = 'unit';
CREATE OR REPLACE VIEW qlm.current WITH (security_invoker = true) AS
	SELECT i.path, o.type AS object_type, v.ts,
		COALESCE(v.txt, qlm.number_text(v.num)) AS value, v.num, v.type, m.value AS unit,
		p.name AS peer, i.info_item_id
	FROM qlm.info_item i
	CROSS JOIN LATERAL (SELECT x.ts, x.num, x.txt, x.type, x.peer_id
		FROM qlm.value x WHERE x.info_item_id = i.info_item_id
		ORDER BY x.ts DESC LIMIT 1) v
	JOIN qlm.object o ON o.object_id = i.object_id
	LEFT JOIN qlm.meta_data m ON m.info_item_id = i.info_item_id AND m.name = 'unit'
	LEFT JOIN qlm.peer p ON p.peer_id = v.peer_id;

CREATE OR REPLACE FUNCTION @extschema@.qlm_write(path text, value text, at timestamptz DEFAULT NULL, type text DEFAULT NULL) RETURNS void
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_write';
COMMENT ON FUNCTION @extschema@.qlm_write(text, text, timestamptz, text) IS 'store a value of an InfoItem; at: its time, by default now';

CREATE OR REPLACE FUNCTION @extschema@.qlm_write(path text, value double precision, at timestamptz DEFAULT NULL, type text DEFAULT 'xs:double') RETURNS void
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_write';
COMMENT ON FUNCTION @extschema@.qlm_write(text, double precision, timestamptz, text) IS 'store a number as a value of an InfoItem; at: its time, by default now';

CREATE OR REPLACE FUNCTION @extschema@.qlm_write(path text, value numeric, at timestamptz DEFAULT NULL, type text DEFAULT 'xs:double') RETURNS void
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_write';
COMMENT ON FUNCTION @extschema@.qlm_write(text, numeric, timestamptz, text) IS 'store a number as a value of an InfoItem; at: its time, by default now';

CREATE OR REPLACE FUNCTION @extschema@.qlm_write(path text, value bigint, at timestamptz DEFAULT NULL, type text DEFAULT 'xs:double') RETURNS void
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_write';
COMMENT ON FUNCTION @extschema@.qlm_write(text, bigint, timestamptz, text) IS 'store a number as a value of an InfoItem; at: its time, by default now';

CREATE OR REPLACE FUNCTION @extschema@.qlm_write(path text, value boolean, at timestamptz DEFAULT NULL, type text DEFAULT 'xs:boolean') RETURNS void
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_write';
COMMENT ON FUNCTION @extschema@.qlm_write(text, boolean, timestamptz, text) IS 'store true or false as a value of an InfoItem; at: its time, by default now';

CREATE OR REPLACE FUNCTION @extschema@.qlm_write(path text, value jsonb, at timestamptz DEFAULT NULL, type text DEFAULT NULL) RETURNS void
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_write';
COMMENT ON FUNCTION @extschema@.qlm_write(text, jsonb, timestamptz, text) IS 'store a JSON string, number or boolean as that, an object or an array as its text with the type json; at: its time, by default now';

CREATE OR REPLACE FUNCTION @extschema@.qlm_write_envelope(path text, value text, at timestamptz DEFAULT NULL, type text DEFAULT NULL) RETURNS xml
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_write_envelope';
COMMENT ON FUNCTION @extschema@.qlm_write_envelope(text, text, timestamptz, text) IS 'an envelope that writes a value; at: its time, by default now';

CREATE FUNCTION @extschema@.qlm_write_envelope(path text, value double precision, at timestamptz DEFAULT NULL, type text DEFAULT 'xs:double') RETURNS xml
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_write_envelope';
COMMENT ON FUNCTION @extschema@.qlm_write_envelope(text, double precision, timestamptz, text) IS 'an envelope that writes a number; at: its time, by default now';

CREATE FUNCTION @extschema@.qlm_write_envelope(path text, value numeric, at timestamptz DEFAULT NULL, type text DEFAULT 'xs:double') RETURNS xml
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_write_envelope';
COMMENT ON FUNCTION @extschema@.qlm_write_envelope(text, numeric, timestamptz, text) IS 'an envelope that writes a number; at: its time, by default now';

CREATE FUNCTION @extschema@.qlm_write_envelope(path text, value bigint, at timestamptz DEFAULT NULL, type text DEFAULT 'xs:double') RETURNS xml
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_write_envelope';
COMMENT ON FUNCTION @extschema@.qlm_write_envelope(text, bigint, timestamptz, text) IS 'an envelope that writes a number; at: its time, by default now';

CREATE FUNCTION @extschema@.qlm_write_envelope(path text, value boolean, at timestamptz DEFAULT NULL, type text DEFAULT 'xs:boolean') RETURNS xml
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_write_envelope';
COMMENT ON FUNCTION @extschema@.qlm_write_envelope(text, boolean, timestamptz, text) IS 'an envelope that writes true or false; at: its time, by default now';

CREATE FUNCTION @extschema@.qlm_write_envelope(path text, value jsonb, at timestamptz DEFAULT NULL, type text DEFAULT NULL) RETURNS xml
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_write_envelope';
COMMENT ON FUNCTION @extschema@.qlm_write_envelope(text, jsonb, timestamptz, text) IS 'an envelope that writes a JSON string, number or boolean as that, an object or an array as its text with the type json; at: its time, by default now';

CREATE OR REPLACE FUNCTION @extschema@.qlm_call(path text, value text DEFAULT NULL, type text DEFAULT NULL)
	RETURNS TABLE (path text, ts timestamptz, value text, num double precision, type text)
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_call';
COMMENT ON FUNCTION @extschema@.qlm_call(text, text, text) IS 'run the handler of an InfoItem; value: its parameter; returns what the handler returns';

CREATE OR REPLACE FUNCTION @extschema@.qlm_call(path text, value double precision, type text DEFAULT 'xs:double')
	RETURNS TABLE (path text, ts timestamptz, value text, num double precision, type text)
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_call';
COMMENT ON FUNCTION @extschema@.qlm_call(text, double precision, text) IS 'run the handler of an InfoItem; value: its parameter, a number; returns what the handler returns';

CREATE FUNCTION @extschema@.qlm_call(path text, value numeric, type text DEFAULT 'xs:double')
	RETURNS TABLE (path text, ts timestamptz, value text, num double precision, type text)
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_call';
COMMENT ON FUNCTION @extschema@.qlm_call(text, numeric, text) IS 'run the handler of an InfoItem; value: its parameter, a number; returns what the handler returns';

CREATE FUNCTION @extschema@.qlm_call(path text, value bigint, type text DEFAULT 'xs:double')
	RETURNS TABLE (path text, ts timestamptz, value text, num double precision, type text)
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_call';
COMMENT ON FUNCTION @extschema@.qlm_call(text, bigint, text) IS 'run the handler of an InfoItem; value: its parameter, a number; returns what the handler returns';

CREATE FUNCTION @extschema@.qlm_call(path text, value boolean, type text DEFAULT 'xs:boolean')
	RETURNS TABLE (path text, ts timestamptz, value text, num double precision, type text)
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_call';
COMMENT ON FUNCTION @extschema@.qlm_call(text, boolean, text) IS 'run the handler of an InfoItem; value: its parameter, true or false; returns what the handler returns';

CREATE FUNCTION @extschema@.qlm_call(path text, value jsonb, type text DEFAULT NULL)
	RETURNS TABLE (path text, ts timestamptz, value text, num double precision, type text)
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_call';
COMMENT ON FUNCTION @extschema@.qlm_call(text, jsonb, text) IS 'run the handler of an InfoItem; value: its parameter: a JSON string, number or boolean as that, an object or an array as its text with the type json; returns what the handler returns';

CREATE OR REPLACE FUNCTION @extschema@.qlm_call_envelope(path text, value text DEFAULT NULL, type text DEFAULT NULL) RETURNS xml
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_call_envelope';
COMMENT ON FUNCTION @extschema@.qlm_call_envelope(text, text, text) IS 'an envelope that calls an InfoItem; value: its parameter';

CREATE FUNCTION @extschema@.qlm_call_envelope(path text, value double precision, type text DEFAULT 'xs:double') RETURNS xml
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_call_envelope';
COMMENT ON FUNCTION @extschema@.qlm_call_envelope(text, double precision, text) IS 'an envelope that calls an InfoItem; value: its parameter, a number';

CREATE FUNCTION @extschema@.qlm_call_envelope(path text, value numeric, type text DEFAULT 'xs:double') RETURNS xml
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_call_envelope';
COMMENT ON FUNCTION @extschema@.qlm_call_envelope(text, numeric, text) IS 'an envelope that calls an InfoItem; value: its parameter, a number';

CREATE FUNCTION @extschema@.qlm_call_envelope(path text, value bigint, type text DEFAULT 'xs:double') RETURNS xml
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_call_envelope';
COMMENT ON FUNCTION @extschema@.qlm_call_envelope(text, bigint, text) IS 'an envelope that calls an InfoItem; value: its parameter, a number';

CREATE FUNCTION @extschema@.qlm_call_envelope(path text, value boolean, type text DEFAULT 'xs:boolean') RETURNS xml
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_call_envelope';
COMMENT ON FUNCTION @extschema@.qlm_call_envelope(text, boolean, text) IS 'an envelope that calls an InfoItem; value: its parameter, true or false';

CREATE FUNCTION @extschema@.qlm_call_envelope(path text, value jsonb, type text DEFAULT NULL) RETURNS xml
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_call_envelope';
COMMENT ON FUNCTION @extschema@.qlm_call_envelope(text, jsonb, text) IS 'an envelope that calls an InfoItem; value: its parameter: a JSON string, number or boolean as that, an object or an array as its text with the type json';

CREATE FUNCTION @extschema@.qlm_write_counted(path text, value text, at timestamptz DEFAULT NULL, type text DEFAULT NULL,
	OUT received bigint, OUT added bigint, OUT replaced bigint, OUT repeated bigint,
	OUT superseded bigint, OUT empty bigint, OUT made bigint, OUT ahead bigint, OUT description text)
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_write_counted';
COMMENT ON FUNCTION @extschema@.qlm_write_counted(text, text, timestamptz, text) IS 'as qlm_write, but a value that is null is counted as empty; returns how many values were added, replaced stored ones, or were there already, and InfoItems made in an Object that was there';

CREATE FUNCTION @extschema@.qlm_write_counted(path text, value double precision, at timestamptz DEFAULT NULL, type text DEFAULT 'xs:double',
	OUT received bigint, OUT added bigint, OUT replaced bigint, OUT repeated bigint,
	OUT superseded bigint, OUT empty bigint, OUT made bigint, OUT ahead bigint, OUT description text)
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_write_counted';
COMMENT ON FUNCTION @extschema@.qlm_write_counted(text, double precision, timestamptz, text) IS 'as qlm_write, but a value that is null is counted as empty; returns how many values were added, replaced stored ones, or were there already, and InfoItems made in an Object that was there';

CREATE FUNCTION @extschema@.qlm_write_counted(path text, value numeric, at timestamptz DEFAULT NULL, type text DEFAULT 'xs:double',
	OUT received bigint, OUT added bigint, OUT replaced bigint, OUT repeated bigint,
	OUT superseded bigint, OUT empty bigint, OUT made bigint, OUT ahead bigint, OUT description text)
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_write_counted';
COMMENT ON FUNCTION @extschema@.qlm_write_counted(text, numeric, timestamptz, text) IS 'as qlm_write, but a value that is null is counted as empty; returns how many values were added, replaced stored ones, or were there already, and InfoItems made in an Object that was there';

CREATE FUNCTION @extschema@.qlm_write_counted(path text, value bigint, at timestamptz DEFAULT NULL, type text DEFAULT 'xs:double',
	OUT received bigint, OUT added bigint, OUT replaced bigint, OUT repeated bigint,
	OUT superseded bigint, OUT empty bigint, OUT made bigint, OUT ahead bigint, OUT description text)
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_write_counted';
COMMENT ON FUNCTION @extschema@.qlm_write_counted(text, bigint, timestamptz, text) IS 'as qlm_write, but a value that is null is counted as empty; returns how many values were added, replaced stored ones, or were there already, and InfoItems made in an Object that was there';

CREATE FUNCTION @extschema@.qlm_write_counted(path text, value boolean, at timestamptz DEFAULT NULL, type text DEFAULT 'xs:boolean',
	OUT received bigint, OUT added bigint, OUT replaced bigint, OUT repeated bigint,
	OUT superseded bigint, OUT empty bigint, OUT made bigint, OUT ahead bigint, OUT description text)
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_write_counted';
COMMENT ON FUNCTION @extschema@.qlm_write_counted(text, boolean, timestamptz, text) IS 'as qlm_write, but a value that is null is counted as empty; returns how many values were added, replaced stored ones, or were there already, and InfoItems made in an Object that was there';

CREATE FUNCTION @extschema@.qlm_write_counted(path text, value jsonb, at timestamptz DEFAULT NULL, type text DEFAULT NULL,
	OUT received bigint, OUT added bigint, OUT replaced bigint, OUT repeated bigint,
	OUT superseded bigint, OUT empty bigint, OUT made bigint, OUT ahead bigint, OUT description text)
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_write_counted';
COMMENT ON FUNCTION @extschema@.qlm_write_counted(text, jsonb, timestamptz, text) IS 'as qlm_write, but a value that is null is counted as empty; returns how many values were added, replaced stored ones, or were there already, and InfoItems made in an Object that was there';

CREATE FUNCTION @extschema@.qlm_handle_counted(envelope text, peer text DEFAULT NULL, OUT response xml,
	OUT received bigint, OUT added bigint, OUT replaced bigint, OUT repeated bigint,
	OUT superseded bigint, OUT empty bigint, OUT made bigint, OUT ahead bigint, OUT description text)
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_handle_counted';
COMMENT ON FUNCTION @extschema@.qlm_handle_counted(text, text) IS 'as qlm_handle; returns with the response what the writes of the envelope did, all together';

CREATE FUNCTION @extschema@.qlm_handle_counted(envelope xml, peer text DEFAULT NULL, OUT response xml,
	OUT received bigint, OUT added bigint, OUT replaced bigint, OUT repeated bigint,
	OUT superseded bigint, OUT empty bigint, OUT made bigint, OUT ahead bigint, OUT description text)
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_handle_counted';
COMMENT ON FUNCTION @extschema@.qlm_handle_counted(xml, text) IS 'as qlm_handle; returns with the response what the writes of the envelope did, all together';

CREATE FUNCTION @extschema@.qlm_handle_json_counted(envelope json, peer text DEFAULT NULL, OUT response json,
	OUT received bigint, OUT added bigint, OUT replaced bigint, OUT repeated bigint,
	OUT superseded bigint, OUT empty bigint, OUT made bigint, OUT ahead bigint, OUT description text)
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_handle_json_counted';
COMMENT ON FUNCTION @extschema@.qlm_handle_json_counted(json, text) IS 'as qlm_handle_json; returns with the response what the writes of the envelope did, all together';

REVOKE ALL ON FUNCTION
	@extschema@.qlm_write_envelope(text, double precision, timestamptz, text),
	@extschema@.qlm_write_envelope(text, numeric, timestamptz, text),
	@extschema@.qlm_write_envelope(text, bigint, timestamptz, text),
	@extschema@.qlm_write_envelope(text, boolean, timestamptz, text),
	@extschema@.qlm_write_envelope(text, jsonb, timestamptz, text),
	@extschema@.qlm_call(text, numeric, text),
	@extschema@.qlm_call(text, bigint, text),
	@extschema@.qlm_call(text, boolean, text),
	@extschema@.qlm_call(text, jsonb, text),
	@extschema@.qlm_call_envelope(text, double precision, text),
	@extschema@.qlm_call_envelope(text, numeric, text),
	@extschema@.qlm_call_envelope(text, bigint, text),
	@extschema@.qlm_call_envelope(text, boolean, text),
	@extschema@.qlm_call_envelope(text, jsonb, text),
	@extschema@.qlm_write_counted(text, text, timestamptz, text),
	@extschema@.qlm_write_counted(text, double precision, timestamptz, text),
	@extschema@.qlm_write_counted(text, numeric, timestamptz, text),
	@extschema@.qlm_write_counted(text, bigint, timestamptz, text),
	@extschema@.qlm_write_counted(text, boolean, timestamptz, text),
	@extschema@.qlm_write_counted(text, jsonb, timestamptz, text),
	@extschema@.qlm_handle_counted(text, text),
	@extschema@.qlm_handle_counted(xml, text),
	@extschema@.qlm_handle_json_counted(json, text)
	FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
	@extschema@.qlm_write_envelope(text, double precision, timestamptz, text),
	@extschema@.qlm_write_envelope(text, numeric, timestamptz, text),
	@extschema@.qlm_write_envelope(text, bigint, timestamptz, text),
	@extschema@.qlm_write_envelope(text, boolean, timestamptz, text),
	@extschema@.qlm_write_envelope(text, jsonb, timestamptz, text),
	@extschema@.qlm_call(text, numeric, text),
	@extschema@.qlm_call(text, bigint, text),
	@extschema@.qlm_call(text, boolean, text),
	@extschema@.qlm_call(text, jsonb, text),
	@extschema@.qlm_call_envelope(text, double precision, text),
	@extschema@.qlm_call_envelope(text, numeric, text),
	@extschema@.qlm_call_envelope(text, bigint, text),
	@extschema@.qlm_call_envelope(text, boolean, text),
	@extschema@.qlm_call_envelope(text, jsonb, text),
	@extschema@.qlm_handle_counted(text, text),
	@extschema@.qlm_handle_counted(xml, text),
	@extschema@.qlm_handle_json_counted(json, text)
	TO qlm_reader;
GRANT EXECUTE ON FUNCTION
	@extschema@.qlm_write_counted(text, text, timestamptz, text),
	@extschema@.qlm_write_counted(text, double precision, timestamptz, text),
	@extschema@.qlm_write_counted(text, numeric, timestamptz, text),
	@extschema@.qlm_write_counted(text, bigint, timestamptz, text),
	@extschema@.qlm_write_counted(text, boolean, timestamptz, text),
	@extschema@.qlm_write_counted(text, jsonb, timestamptz, text)
	TO qlm_writer;

/* They read names that the server has written. */
ALTER FUNCTION @extschema@.qlm_set_handler(text, regprocedure, text) SET quote_all_identifiers = off;
ALTER FUNCTION @extschema@.qlm_add_format(text, regprocedure, regprocedure, text) SET quote_all_identifiers = off;
ALTER FUNCTION qlm.adopt_partitions() SET quote_all_identifiers = off;
