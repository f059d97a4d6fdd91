/* Payload formats. */

CREATE FUNCTION @extschema@.qlm_handle_json(envelope json, peer text DEFAULT NULL) RETURNS json
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_handle_json';
COMMENT ON FUNCTION @extschema@.qlm_handle_json(json, text) IS 'run an envelope that is JSON and return the response as JSON; peer: speak for it (members of qlm_admin)';

CREATE FUNCTION qlm.format_is_built_in(name text) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_format_is_built_in';
COMMENT ON FUNCTION qlm.format_is_built_in(text) IS 'whether a msgformat means O-DF, csv or json';

CREATE FUNCTION @extschema@.qlm_add_format(name text, reader regprocedure DEFAULT NULL, writer regprocedure DEFAULT NULL,
										   description text DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET quote_all_identifiers = off
	AS $$
DECLARE
	wanted constant oid[] := ARRAY['text'::regtype, 'timestamptz'::regtype, 'text'::regtype, 'text'::regtype]::oid[];
	columns oid[];
BEGIN
	IF coalesce(qlm_add_format.name, '') = '' OR length(qlm_add_format.name) > 200
		OR qlm_add_format.name ~ '[[:cntrl:]]' OR qlm_add_format.name <> btrim(qlm_add_format.name) THEN
		RAISE EXCEPTION '"%" cannot be the name of a format', qlm_add_format.name
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF qlm.format_is_built_in(qlm_add_format.name) THEN
		RAISE EXCEPTION 'the format "%" is built in', qlm_add_format.name
			USING ERRCODE = 'duplicate_object';
	END IF;
	IF EXISTS (SELECT FROM qlm.format AS f WHERE f.name = lower(qlm_add_format.name)) THEN
		RAISE EXCEPTION 'there is already a format "%"', lower(qlm_add_format.name)
			USING ERRCODE = 'duplicate_object', HINT = 'Drop it with qlm_drop_format.';
	END IF;
	IF reader IS NULL AND writer IS NULL THEN
		RAISE EXCEPTION 'a format needs a reader or a writer'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF reader IS NOT NULL THEN
		SELECT CASE WHEN p.proallargtypes IS NOT NULL
				THEN ARRAY(SELECT t FROM unnest(p.proallargtypes, p.proargmodes) WITH ORDINALITY AS a(t, mode, k)
						   WHERE mode IN ('o', 't', 'b') ORDER BY k)
				ELSE ARRAY(SELECT a.atttypid FROM pg_attribute AS a JOIN pg_type AS t ON t.typrelid = a.attrelid
						   WHERE t.oid = p.prorettype AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum) END
		INTO columns
		FROM pg_proc AS p
		WHERE p.oid = reader AND p.prokind = 'f' AND p.pronargs = 1 AND p.proargtypes[0] = 'text'::regtype;
		IF columns IS DISTINCT FROM wanted THEN
			RAISE EXCEPTION 'function % cannot be the reader of a format', reader
				USING ERRCODE = 'invalid_function_definition',
					HINT = 'It takes one text and returns SETOF qlm.payload_row, or TABLE (path text, ts timestamptz, value text, type text).';
		END IF;
	END IF;
	IF writer IS NOT NULL AND NOT EXISTS (
		SELECT FROM pg_proc AS p
		WHERE p.oid = writer AND p.prokind = 'f' AND NOT p.proretset
			AND p.pronargs = 1 AND p.proargtypes[0] = 'qlm.payload_row[]'::regtype
			AND p.prorettype IN ('text'::regtype, 'xml'::regtype)) THEN
		RAISE EXCEPTION 'function % cannot be the writer of a format', writer
			USING ERRCODE = 'invalid_function_definition',
				HINT = 'It takes one qlm.payload_row[] and returns text or xml.';
	END IF;
	INSERT INTO qlm.format (name, reader, writer, description)
	VALUES (lower(qlm_add_format.name), reader, writer, qlm_add_format.description);
END
$$;
COMMENT ON FUNCTION @extschema@.qlm_add_format(text, regprocedure, regprocedure, text) IS 'add a payload format; reader: function from a payload to its rows; writer: function from rows to a payload';

CREATE FUNCTION @extschema@.qlm_drop_format(name text) RETURNS boolean
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	DELETE FROM qlm.format AS f WHERE f.name = lower(qlm_drop_format.name);
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION @extschema@.qlm_drop_format(text) IS 'forget a payload format that was added; false: there is none of this name';
