-- What users put on qlm.object and qlm.info_item holds for nodes that messages
-- make as it does for plain SQL, however many they are
\getenv sources PG_ABS_SRCDIR
\set prelude :sources /sql/include/prelude.psql
\i :prelude

-- a write of so many InfoItems, n1 ..., in one Object, each with what is given
CREATE FUNCTION pg_temp.write(object text, n int, what text DEFAULT '<value unixTime="1">1</value>') RETURNS SETOF text LANGUAGE sql AS $$
	SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', format('<Object><id>NT</id><Object><id>%s</id>%s</Object></Object>', object,
		(SELECT string_agg(format('<InfoItem name="n%s">%s</InfoItem>', i, what), '') FROM generate_series(1, n) i)))))
$$;
CREATE FUNCTION pg_temp.made(object text) RETURNS TABLE (items bigint, ids bigint, of_the_object bool, with_values bigint) LANGUAGE sql AS $$
	SELECT count(*), count(DISTINCT i.info_item_id), bool_and(o.path = 'NT/' || object AND i.path = o.path || '/' || i.name),
		(SELECT count(*) FROM qlm.history WHERE path ^@ ('NT/' || object || '/'))
	FROM qlm.info_item i JOIN qlm.object o USING (object_id) WHERE i.path ^@ ('NT/' || object || '/')
$$;

\echo == in a new Object, then more in the same one, some of which are there
SELECT pg_temp.write('plain', 3);
SELECT pg_temp.write('plain', 1500);
SELECT * FROM pg_temp.made('plain');
SET enable_seqscan = off;
SELECT count(*) FROM qlm.info_item WHERE path = 'NT/plain/n1499';
SELECT count(*) FROM qlm.info_item WHERE object_id = (SELECT object_id FROM qlm.object WHERE path = 'NT/plain');
RESET enable_seqscan;
\echo == they go with their Object
SELECT qlm_delete('NT/plain');
SELECT count(*) FROM qlm.info_item WHERE path ^@ 'NT/plain';

\echo == many Objects at once, at the top and below one
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', string_agg(format('<Object type="T"><id>NTtop%s</id><Object><id>a</id></Object></Object>', n), '')))) FROM generate_series(1, 20) n;
SELECT count(*), count(DISTINCT object_id), count(parent_id), count(type) FROM qlm.object WHERE path ^@ 'NTtop';
SELECT count(*) FROM qlm.object c JOIN qlm.object p ON c.parent_id = p.object_id WHERE c.path ^@ 'NTtop' AND c.path = p.path || '/' || c.id;
SELECT count(qlm_delete('NTtop' || n)) FROM generate_series(1, 20) n;

\echo == what describes them
SELECT pg_temp.write('described', 2, '<altname>other</altname><description lang="en">a thing</description><MetaData><InfoItem name="unit"><value>K</value></InfoItem></MetaData>');
SELECT name, type, description, alt_names, attributes FROM qlm.info_item WHERE path ^@ 'NT/described/' ORDER BY 1;
SELECT i.name, m.name, m.value FROM qlm.meta_data m JOIN qlm.info_item i USING (info_item_id) WHERE i.path ^@ 'NT/described/' ORDER BY 1;
\echo == an attribute that is empty is none
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object><id>NT</id><Object type="A" owner="" room="1"><id>attributes</id><InfoItem name="x" type="B" owner="" colour="red"/><InfoItem name="y" colour=""/></Object></Object>')));
SELECT type, attributes FROM qlm.object WHERE path = 'NT/attributes';
SELECT name, type, attributes FROM qlm.info_item WHERE path ^@ 'NT/attributes/' ORDER BY 1;

\echo == a row trigger that changes what is stored
CREATE FUNCTION pg_temp.typed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.type := 'typed'; RETURN NEW; END $$;
CREATE TRIGGER typed BEFORE INSERT ON qlm.info_item FOR EACH ROW EXECUTE FUNCTION pg_temp.typed();
SELECT pg_temp.write('typed', 20);
SELECT type, count(*) FROM qlm.info_item WHERE path ^@ 'NT/typed/' GROUP BY 1;
DROP TRIGGER typed ON qlm.info_item;

\echo == a statement trigger with its rows
CREATE TEMP TABLE seen (what text, n bigint);
CREATE FUNCTION pg_temp.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen SELECT TG_TABLE_NAME, count(*) FROM fresh; RETURN NULL; END $$;
CREATE TRIGGER note AFTER INSERT ON qlm.info_item REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.note();
CREATE TRIGGER note AFTER INSERT ON qlm.object REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.note();
SELECT pg_temp.write('statement', 20);
SELECT * FROM seen ORDER BY 1;
DROP TRIGGER note ON qlm.info_item;
DROP TRIGGER note ON qlm.object;

\echo == a further foreign key
CREATE TABLE known_type (type text PRIMARY KEY);
ALTER TABLE qlm.info_item ADD CONSTRAINT type_is_known FOREIGN KEY (type) REFERENCES known_type NOT VALID;
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object><id>NT</id><Object><id>key</id><InfoItem name="x" type="T"/></Object></Object>')));
INSERT INTO known_type VALUES ('T');
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object><id>NT</id><Object><id>key</id><InfoItem name="x" type="T"/></Object></Object>')));
ALTER TABLE qlm.info_item DROP CONSTRAINT type_is_known;
DROP TABLE known_type;

\echo == constraints refuse the whole write
ALTER TABLE qlm.info_item ADD CONSTRAINT small CHECK (name <> 'n20') NOT VALID;
SELECT pg_temp.write('small', 20);
SELECT * FROM pg_temp.made('small');
SELECT pg_temp.write('small', 19);
SELECT * FROM pg_temp.made('small');
ALTER TABLE qlm.info_item DROP CONSTRAINT small;
CREATE UNIQUE INDEX one_name ON qlm.info_item (name) WHERE path ^@ 'NT/unique';
SELECT pg_temp.write('unique1', 20);
SELECT pg_temp.write('unique2', 20);
SELECT * FROM pg_temp.made('unique2');
DROP INDEX qlm.one_name;

\echo == a path that plain SQL has put elsewhere
INSERT INTO qlm.info_item (object_id, name, path) SELECT object_id, 'n5', 'NT/taken/n5' FROM qlm.object WHERE path = 'NT';
SELECT pg_temp.write('taken', 20);
DELETE FROM qlm.info_item WHERE path = 'NT/taken/n5';
SELECT pg_temp.write('taken', 20);

\echo == a rule
CREATE TEMP TABLE ruled (n text);
-- What a rule adds is checked against the rights of the owner of the table.
GRANT INSERT ON ruled TO qlm_owner;
CREATE RULE also AS ON INSERT TO qlm.info_item DO ALSO INSERT INTO ruled VALUES (NEW.name);
SELECT pg_temp.write('ruled', 20);
SELECT count(*) FROM ruled;
DROP RULE also ON qlm.info_item;

\echo == policies, and a role with rights on columns only
CREATE ROLE nt_writer;
GRANT qlm_writer TO nt_writer;
ALTER TABLE qlm.info_item ENABLE ROW LEVEL SECURITY;
CREATE POLICY reads ON qlm.info_item FOR SELECT USING (true);
CREATE POLICY few ON qlm.info_item FOR INSERT WITH CHECK (name <> 'n20');
SET ROLE nt_writer;
SELECT pg_temp.write('policy', 20);
SELECT pg_temp.write('policy', 19);
RESET ROLE;
SELECT * FROM pg_temp.made('policy');
DROP POLICY reads ON qlm.info_item;
DROP POLICY few ON qlm.info_item;
ALTER TABLE qlm.info_item DISABLE ROW LEVEL SECURITY;
REVOKE qlm_writer FROM nt_writer;
GRANT qlm_reader TO nt_writer;
SET ROLE nt_writer;
SELECT pg_temp.write('reader', 20);
RESET ROLE;
SELECT * FROM pg_temp.made('reader');

\echo == a transaction that may only read
SET default_transaction_read_only = on;
SELECT pg_temp.write('read_only', 20);
RESET default_transaction_read_only;

\echo == a further column with a default
ALTER TABLE qlm.info_item ADD COLUMN stored_by text DEFAULT 'somebody';
SELECT pg_temp.write('wider', 20);
SELECT stored_by, count(*) FROM qlm.info_item WHERE path ^@ 'NT/wider/' GROUP BY 1;
ALTER TABLE qlm.info_item DROP COLUMN stored_by;
SELECT pg_temp.write('narrow', 20);
SELECT * FROM pg_temp.made('narrow');

SELECT qlm_delete('NT');
DROP OWNED BY nt_writer;
DROP ROLE nt_writer;
