/*
 * Objects, InfoItems and what describes them.
 *
 * There are no foreign keys here, nor in the tables of subscriptions: they would fail in a parallel
 * restore, which fills the tables of an extension in any order, and would delete children with the
 * rights of their tables' owner.  Triggers do what they do.
 */

CREATE OR REPLACE FUNCTION qlm.require_parent() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'qlm_trigger_require_parent'
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION qlm.require_parent() IS
	'refuses rows whose parent is not there, and keeps it there; while a dump is restored it does nothing';

CREATE OR REPLACE FUNCTION qlm.keep_key() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'qlm_trigger_keep_key'
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION qlm.keep_key() IS
	'refuses another number for rows that others belong to';

CREATE OR REPLACE FUNCTION qlm.delete_children() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'qlm_trigger_delete_children'
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION qlm.delete_children() IS
	'deletes what belongs to deleted rows, with the rights of who deletes them';

-- A new node only
CREATE SEQUENCE qlm.object_seq AS int;
-- Every node
ALTER SEQUENCE qlm.object_seq OWNER TO qlm_owner;
COMMENT ON SEQUENCE qlm.object_seq IS 'numbers of Objects';
GRANT USAGE ON SEQUENCE qlm.object_seq TO qlm_writer, qlm_admin;
SELECT pg_catalog.pg_extension_config_dump('qlm.object_seq', '');

-- A new node only
CREATE TABLE qlm.object (
	object_id int PRIMARY KEY DEFAULT pg_catalog.nextval('qlm.object_seq'),
	parent_id int,
	id text NOT NULL CHECK (id <> ''),
	path text COLLATE "C" NOT NULL UNIQUE,
	type text,
	description jsonb,
	attributes jsonb
);
CREATE INDEX object_parent_id_idx ON qlm.object (parent_id);
-- Every node
ALTER TABLE qlm.object OWNER TO qlm_owner;
COMMENT ON TABLE qlm.object IS 'an Object: a thing that has InfoItems and further Objects';
COMMENT ON COLUMN qlm.object.object_id IS 'number of the Object in this database';
COMMENT ON COLUMN qlm.object.parent_id IS 'the Object it is part of; null: none';
COMMENT ON COLUMN qlm.object.id IS 'its first id, which names it in paths';
COMMENT ON COLUMN qlm.object.path IS 'ids from the top down, joined by /, with %2F and %25 for / and % in an id';
COMMENT ON COLUMN qlm.object.type IS 'class of the Object, often a URL into a taxonomy';
COMMENT ON COLUMN qlm.object.description IS 'text by language; empty key: no language';
COMMENT ON COLUMN qlm.object.attributes IS 'proprietary attributes by name';
GRANT SELECT ON qlm.object TO qlm_reader;
GRANT INSERT, UPDATE, DELETE ON qlm.object TO qlm_writer;
SELECT pg_catalog.pg_extension_config_dump('qlm.object', '');

-- A new node only
CREATE TABLE qlm.object_id (
	object_id int NOT NULL,
	id text NOT NULL,
	position int NOT NULL,
	id_type text,
	tag_type text,
	validity tstzrange,
	attributes jsonb,
	PRIMARY KEY (object_id, id)
);
CREATE INDEX object_id_id_idx ON qlm.object_id (id);
-- Every node
ALTER TABLE qlm.object_id OWNER TO qlm_owner;
COMMENT ON TABLE qlm.object_id IS 'further ids of Objects, and the first one where it has attributes';
COMMENT ON COLUMN qlm.object_id.object_id IS 'the Object';
COMMENT ON COLUMN qlm.object_id.id IS 'the id itself, unique within the Object';
COMMENT ON COLUMN qlm.object_id.position IS 'place among the ids of the Object; 0: the first';
COMMENT ON COLUMN qlm.object_id.id_type IS 'attribute idType: what kind of id it is';
COMMENT ON COLUMN qlm.object_id.tag_type IS 'attribute tagType: what carries it, e.g. RFID';
COMMENT ON COLUMN qlm.object_id.validity IS 'attributes startDate and endDate';
COMMENT ON COLUMN qlm.object_id.attributes IS 'proprietary attributes by name';
GRANT SELECT ON qlm.object_id TO qlm_reader;
GRANT INSERT, UPDATE, DELETE ON qlm.object_id TO qlm_writer;
SELECT pg_catalog.pg_extension_config_dump('qlm.object_id', '');

-- A new node only
CREATE SEQUENCE qlm.info_item_seq AS int;
-- Every node
ALTER SEQUENCE qlm.info_item_seq OWNER TO qlm_owner;
COMMENT ON SEQUENCE qlm.info_item_seq IS 'numbers of InfoItems';
GRANT USAGE ON SEQUENCE qlm.info_item_seq TO qlm_writer, qlm_admin;
SELECT pg_catalog.pg_extension_config_dump('qlm.info_item_seq', '');

-- A new node only
CREATE TABLE qlm.info_item (
	info_item_id int PRIMARY KEY DEFAULT pg_catalog.nextval('qlm.info_item_seq'),
	object_id int NOT NULL,
	name text NOT NULL CHECK (name <> ''),
	path text COLLATE "C" NOT NULL UNIQUE,
	type text,
	description jsonb,
	alt_names jsonb,
	attributes jsonb
);
CREATE INDEX info_item_object_id_idx ON qlm.info_item (object_id);
CREATE INDEX info_item_alt_names_idx ON qlm.info_item (object_id) WHERE alt_names IS NOT NULL;
-- Every node
ALTER TABLE qlm.info_item OWNER TO qlm_owner;
COMMENT ON TABLE qlm.info_item IS 'an InfoItem: something of an Object that has values';
COMMENT ON COLUMN qlm.info_item.info_item_id IS 'number of the InfoItem in this database';
COMMENT ON COLUMN qlm.info_item.object_id IS 'the Object it belongs to';
COMMENT ON COLUMN qlm.info_item.name IS 'its name, the last part of its path';
COMMENT ON COLUMN qlm.info_item.path IS 'path of its Object, / and its name';
COMMENT ON COLUMN qlm.info_item.type IS 'class of the InfoItem, often a URL into a taxonomy';
COMMENT ON COLUMN qlm.info_item.description IS 'text by language; empty key: no language';
COMMENT ON COLUMN qlm.info_item.alt_names IS 'other names, as strings, or as objects where a name has attributes';
COMMENT ON COLUMN qlm.info_item.attributes IS 'proprietary attributes by name';
GRANT SELECT ON qlm.info_item TO qlm_reader;
GRANT INSERT, UPDATE, DELETE ON qlm.info_item TO qlm_writer;
SELECT pg_catalog.pg_extension_config_dump('qlm.info_item', '');

-- A new node only
CREATE TABLE qlm.meta_data (
	info_item_id int NOT NULL,
	name text NOT NULL CHECK (name <> ''),
	value text,
	type text,
	ts timestamptz DEFAULT pg_catalog.now(),
	is_odf boolean,
	item_type text,
	description jsonb,
	alt_names jsonb,
	attributes jsonb,
	value_attributes jsonb,
	meta_data jsonb,
	PRIMARY KEY (info_item_id, name)
);
-- Every node
ALTER TABLE qlm.meta_data OWNER TO qlm_owner;
COMMENT ON TABLE qlm.meta_data IS 'MetaData of an InfoItem: unit, format, accuracy ...';
COMMENT ON COLUMN qlm.meta_data.info_item_id IS 'the InfoItem it describes';
COMMENT ON COLUMN qlm.meta_data.name IS 'what it says of the InfoItem, e.g. unit';
COMMENT ON COLUMN qlm.meta_data.value IS 'its one value; null: none';
COMMENT ON COLUMN qlm.meta_data.type IS 'type of the value as written; null: xs:string';
COMMENT ON COLUMN qlm.meta_data.ts IS 'time of the value; where none is given, when it was written first';
COMMENT ON COLUMN qlm.meta_data.is_odf IS 'true: the value is an Objects element';
COMMENT ON COLUMN qlm.meta_data.item_type IS 'class of the MetaData InfoItem';
COMMENT ON COLUMN qlm.meta_data.description IS 'text by language; empty key: no language';
COMMENT ON COLUMN qlm.meta_data.alt_names IS 'other names';
COMMENT ON COLUMN qlm.meta_data.attributes IS 'proprietary attributes by name';
COMMENT ON COLUMN qlm.meta_data.value_attributes IS 'proprietary attributes of the value';
COMMENT ON COLUMN qlm.meta_data.meta_data IS 'MetaData of this MetaData, by name';
GRANT SELECT ON qlm.meta_data TO qlm_reader;
GRANT INSERT, UPDATE, DELETE ON qlm.meta_data TO qlm_writer;
SELECT pg_catalog.pg_extension_config_dump('qlm.meta_data', '');

/* What no message could hold is refused; who belongs to another row needs it, and goes with it. */
DO $$
DECLARE
	t record;
BEGIN
	FOR t IN SELECT * FROM (VALUES
		/* table, its parent, its own key where others belong to it */
		('object', 'parent_id', 'object_id'),
		('object_id', 'object_id', NULL),
		('info_item', 'object_id', 'info_item_id'),
		('meta_data', 'info_item_id', NULL)) AS x(name, parent, key)
	LOOP
		EXECUTE format('CREATE OR REPLACE TRIGGER texts_checked BEFORE INSERT OR UPDATE ON qlm.%I
			FOR EACH ROW EXECUTE FUNCTION qlm.texts_checked()', t.name);
		EXECUTE format('COMMENT ON TRIGGER texts_checked ON qlm.%I IS ''no message could hold all characters''', t.name);
		EXECUTE format('CREATE OR REPLACE TRIGGER parent_required AFTER INSERT OR UPDATE OF %I ON qlm.%I
			FOR EACH ROW EXECUTE FUNCTION qlm.require_parent()', t.parent, t.name);
		EXECUTE format('COMMENT ON TRIGGER parent_required ON qlm.%I IS ''its parent must be there''', t.name);
		CONTINUE WHEN t.key IS NULL;
		EXECUTE format('CREATE OR REPLACE TRIGGER key_kept AFTER UPDATE OF %I ON qlm.%I
			FOR EACH ROW WHEN (OLD.%1$I <> NEW.%1$I) EXECUTE FUNCTION qlm.keep_key()', t.key, t.name);
		EXECUTE format('COMMENT ON TRIGGER key_kept ON qlm.%I IS ''others belong to it by its number''', t.name);
		EXECUTE format('CREATE OR REPLACE TRIGGER children_deleted AFTER DELETE ON qlm.%I
			REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION qlm.delete_children()', t.name);
		EXECUTE format('COMMENT ON TRIGGER children_deleted ON qlm.%I IS ''what belongs to it goes with it''', t.name);
		EXECUTE format('CREATE OR REPLACE TRIGGER children_truncated AFTER TRUNCATE ON qlm.%I
			FOR EACH STATEMENT EXECUTE FUNCTION qlm.delete_children()', t.name);
		EXECUTE format('COMMENT ON TRIGGER children_truncated ON qlm.%I IS ''what belongs to it goes with it''', t.name);
	END LOOP;
END
$$;
