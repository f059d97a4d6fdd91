/* Payload formats that are added to those built in. */

CREATE TYPE qlm.payload_row AS (
	path text,
	ts timestamptz,
	value text,
	type text
);
COMMENT ON TYPE qlm.payload_row IS 'a value of a payload: the path of its InfoItem, its time (null: receipt of the message), the value (null: only the InfoItem is named) and its type (null: xs:string)';

CREATE TABLE qlm.format (
	name text COLLATE "C" PRIMARY KEY CHECK (name <> '' AND name = pg_catalog.lower(name) AND pg_catalog.length(name) <= 200 AND name !~ '[[:cntrl:]]'),
	reader text,
	writer text,
	description text,
	CHECK (reader IS NOT NULL OR writer IS NOT NULL)
);
COMMENT ON TABLE qlm.format IS 'payload formats, beyond O-DF, csv and json, that messages may name in msgformat';
COMMENT ON COLUMN qlm.format.name IS 'its name in msgformat, in small letters; messages may write it in any case';
COMMENT ON COLUMN qlm.format.reader IS 'function (text) that returns the rows of a payload: path, ts, value, type; null: payloads of this format are not understood';
COMMENT ON COLUMN qlm.format.writer IS 'function (qlm.payload_row[]) that returns a payload; null: data are not given in this format';
COMMENT ON COLUMN qlm.format.description IS 'for people';
