/* Payload formats that are added to those built in. */

-- A new node only
CREATE TYPE qlm.payload_row AS (
	path text,
	ts timestamptz,
	value text,
	type text
);
-- Every node
COMMENT ON TYPE qlm.payload_row IS 'a value of a payload: the path of its InfoItem, its time (null: receipt of the message), the value (null: only the InfoItem is named) and its type (null: xs:string)';

CREATE OR REPLACE FUNCTION qlm.format_is_built_in(name text) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_format_is_built_in';
COMMENT ON FUNCTION qlm.format_is_built_in(text) IS 'whether a msgformat means O-DF, csv or json';
GRANT EXECUTE ON FUNCTION qlm.format_is_built_in(text) TO qlm_admin;

-- A new node only
CREATE TABLE qlm.format (
	name text COLLATE "C" PRIMARY KEY CHECK (name <> '' AND name = pg_catalog.lower(name) AND pg_catalog.length(name) <= 200 AND name !~ '[[:cntrl:]]'),
	reader text,
	writer text,
	description text,
	CONSTRAINT format_reads_or_writes CHECK (reader IS NOT NULL OR writer IS NOT NULL)
);
-- Every node
ALTER TABLE qlm.format OWNER TO qlm_owner;
COMMENT ON TABLE qlm.format IS 'payload formats, beyond O-DF, csv and json, that messages may name in msgformat';
COMMENT ON COLUMN qlm.format.name IS 'its name in msgformat, in small letters; messages may write it in any case';
COMMENT ON COLUMN qlm.format.reader IS 'function (text) that returns the rows of a payload: path, ts, value, type; null: payloads of this format are not understood';
COMMENT ON COLUMN qlm.format.writer IS 'function (qlm.payload_row[]) that returns a payload; null: data are not given in this format';
COMMENT ON COLUMN qlm.format.description IS 'what it is, for people';
GRANT SELECT, INSERT, UPDATE, DELETE ON qlm.format TO qlm_admin;
SELECT pg_catalog.pg_extension_config_dump('qlm.format', '');

CREATE OR REPLACE FUNCTION @extschema@.qlm_add_format(name text, reader regprocedure DEFAULT NULL, writer regprocedure DEFAULT NULL,
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
		RAISE EXCEPTION 'format "%" already exists', lower(qlm_add_format.name)
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
GRANT EXECUTE ON FUNCTION @extschema@.qlm_add_format(text, regprocedure, regprocedure, text) TO qlm_admin;

CREATE OR REPLACE FUNCTION @extschema@.qlm_drop_format(name text) RETURNS boolean
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	DELETE FROM qlm.format AS f WHERE f.name = lower(qlm_drop_format.name);
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION @extschema@.qlm_drop_format(text) IS 'forget a payload format that was added; false: there is none of this name';
GRANT EXECUTE ON FUNCTION @extschema@.qlm_drop_format(text) TO qlm_admin;
