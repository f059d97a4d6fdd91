/* Calls, and the functions that they run. */

CREATE FUNCTION @extschema@.qlm_set_handler(path text, function regprocedure, verb text DEFAULT 'call') RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET quote_all_identifiers = off
	AS $$
DECLARE
	handled text := qlm.path_normal(qlm_set_handler.path);
	written text;
	supported boolean;
BEGIN
	IF coalesce(handled, '') = '' THEN
		RAISE EXCEPTION 'a handler needs the path of an InfoItem or Object'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF qlm_set_handler.verb IS DISTINCT FROM 'call' AND qlm_set_handler.verb IS DISTINCT FROM 'read' THEN
		RAISE EXCEPTION 'a handler is for call or for read'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF qlm_set_handler.function IS NULL THEN
		DELETE FROM qlm.handler AS h WHERE h.path = handled AND h.verb = qlm_set_handler.verb;
		RETURN;
	END IF;
	SELECT format('%I.%I(%s)', n.nspname, p.proname, oidvectortypes(p.proargtypes)),
		oidvectortypes(p.proargtypes) IN ('xml', 'text', 'text, xml')
			AND p.prorettype IN ('xml'::regtype, 'text'::regtype, 'void'::regtype)
			AND p.prokind = 'f' AND NOT p.proretset AND n.oid <> pg_my_temp_schema()
	INTO written, supported
	FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
	WHERE p.oid = qlm_set_handler.function;
	IF NOT coalesce(supported, false) THEN
		RAISE EXCEPTION 'function % cannot be a handler', coalesce(written, qlm_set_handler.function::oid::text)
			USING ERRCODE = 'invalid_function_definition',
				DETAIL = 'A handler takes (xml), (text) or (text, xml), and returns xml, text or void.';
	END IF;
	IF NOT has_function_privilege(qlm_set_handler.function, 'EXECUTE') THEN
		RAISE EXCEPTION 'permission denied for function %', written
			USING ERRCODE = 'insufficient_privilege';
	END IF;
	INSERT INTO qlm.handler AS h (path, verb, function) VALUES (handled, qlm_set_handler.verb, written)
	ON CONFLICT ON CONSTRAINT handler_pkey DO UPDATE SET function = excluded.function;
END
$$;
COMMENT ON FUNCTION @extschema@.qlm_set_handler(text, regprocedure, text) IS 'have calls of an InfoItem, or of what lies below an Object, run a function; null: no longer; verb: call, or read for reads of the device';

CREATE FUNCTION @extschema@.qlm_call(path text, value text DEFAULT NULL, type text DEFAULT NULL)
	RETURNS TABLE (path text, ts timestamptz, value text, num double precision, type text)
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_call';
COMMENT ON FUNCTION @extschema@.qlm_call(text, text, text) IS 'run the handler of an InfoItem; value: its parameter; returns what the handler returns';

CREATE FUNCTION @extschema@.qlm_call(path text, value double precision, type text DEFAULT 'xs:double')
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

CREATE FUNCTION @extschema@.qlm_call_envelope(path text, value text DEFAULT NULL, type text DEFAULT NULL) RETURNS xml
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
