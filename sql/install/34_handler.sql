/* Functions that calls run, and reads of devices. */

-- A new node only
CREATE TABLE qlm.handler (
	path text COLLATE "C" NOT NULL CHECK (path <> ''),
	verb text NOT NULL DEFAULT 'call' CHECK (verb IN ('call', 'read')),
	function text NOT NULL CHECK (function <> ''),
	PRIMARY KEY (path, verb)
);
-- Every node
ALTER TABLE qlm.handler OWNER TO qlm_owner;
COMMENT ON TABLE qlm.handler IS 'SQL functions that are run when something is called, or read from the device';
COMMENT ON COLUMN qlm.handler.path IS 'an InfoItem, or an Object for all below it that has no handler of its own';
COMMENT ON COLUMN qlm.handler.verb IS 'call; read: with targetType="device"';
COMMENT ON COLUMN qlm.handler.function IS 'the function with its schema and the types of its arguments';
GRANT SELECT, INSERT, UPDATE, DELETE ON qlm.handler TO qlm_admin;
SELECT pg_catalog.pg_extension_config_dump('qlm.handler', '');

CREATE OR REPLACE FUNCTION @extschema@.qlm_set_handler(path text, function regprocedure, verb text DEFAULT 'call') RETURNS void
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
GRANT EXECUTE ON FUNCTION @extschema@.qlm_set_handler(text, regprocedure, text) TO qlm_admin;
