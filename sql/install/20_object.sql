/*
 * Objects, InfoItems and what describes them.  There are no foreign keys here, nor
 * in qlm.subscription: triggers do what they do (70_parent_triggers.sql).
 */

CREATE SEQUENCE qlm.object_seq AS int;
COMMENT ON SEQUENCE qlm.object_seq IS 'numbers of Objects';

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
COMMENT ON TABLE qlm.object IS 'an Object: a thing that has InfoItems and further Objects';
COMMENT ON COLUMN qlm.object.object_id IS 'number of the Object in this database';
COMMENT ON COLUMN qlm.object.parent_id IS 'the Object it is part of; null: none';
COMMENT ON COLUMN qlm.object.id IS 'its first id, which names it in paths';
COMMENT ON COLUMN qlm.object.path IS 'ids from the top down, joined by /, with %2F and %25 for / and % in an id';
COMMENT ON COLUMN qlm.object.type IS 'class of the Object, often a URL into a taxonomy';
COMMENT ON COLUMN qlm.object.description IS 'text by language; empty key: no language';
COMMENT ON COLUMN qlm.object.attributes IS 'proprietary attributes by name';

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
COMMENT ON TABLE qlm.object_id IS 'further ids of Objects, and the first one where it has attributes';
COMMENT ON COLUMN qlm.object_id.object_id IS 'the Object';
COMMENT ON COLUMN qlm.object_id.id IS 'the id';
COMMENT ON COLUMN qlm.object_id.position IS 'place among the ids of the Object; 0: the first';
COMMENT ON COLUMN qlm.object_id.id_type IS 'attribute idType: what kind of id it is';
COMMENT ON COLUMN qlm.object_id.tag_type IS 'attribute tagType: what carries it, e.g. RFID';
COMMENT ON COLUMN qlm.object_id.validity IS 'attributes startDate and endDate';
COMMENT ON COLUMN qlm.object_id.attributes IS 'proprietary attributes by name';

CREATE SEQUENCE qlm.info_item_seq AS int;
COMMENT ON SEQUENCE qlm.info_item_seq IS 'numbers of InfoItems';

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
COMMENT ON TABLE qlm.info_item IS 'an InfoItem: something of an Object that has values';
COMMENT ON COLUMN qlm.info_item.info_item_id IS 'number of the InfoItem in this database';
COMMENT ON COLUMN qlm.info_item.object_id IS 'the Object it belongs to';
COMMENT ON COLUMN qlm.info_item.name IS 'its name, the last part of its path';
COMMENT ON COLUMN qlm.info_item.path IS 'path of its Object, / and its name';
COMMENT ON COLUMN qlm.info_item.type IS 'class of the InfoItem, often a URL into a taxonomy';
COMMENT ON COLUMN qlm.info_item.description IS 'text by language; empty key: no language';
COMMENT ON COLUMN qlm.info_item.alt_names IS 'other names, as strings, or as objects where a name has attributes';
COMMENT ON COLUMN qlm.info_item.attributes IS 'proprietary attributes by name';

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
