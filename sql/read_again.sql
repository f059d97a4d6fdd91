-- What was read before is read again as it is now: rows of nodes are kept in
-- the process, and must be forgotten with any change
\getenv sources PG_ABS_SRCDIR
\set prelude :sources /sql/include/prelude.psql
\i :prelude

-- what a read of an InfoItem says, twice, so that the second is from what was kept
CREATE FUNCTION pg_temp.read(object text, item text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	request text := pg_temp.odf('read', format('<Object><id>%s</id><InfoItem name="%s"/></Object>', object, item));
	once text;
	again text;
BEGIN
	once := (SELECT string_agg(line, ' ') FROM pg_temp.show(qlm_handle(request)) line WHERE line ~ '<(return|id|Object |InfoItem |description|MetaData|altname|value)');
	again := (SELECT string_agg(line, ' ') FROM pg_temp.show(qlm_handle(request)) line WHERE line ~ '<(return|id|Object |InfoItem |description|MetaData|altname|value)');
	RETURN CASE WHEN once IS NOT DISTINCT FROM again THEN once ELSE once || ' BUT THEN ' || again END;
END
$$;
SELECT qlm_write('RA/x', 1, '2024-05-01 10:00Z');
SELECT pg_temp.read('RA', 'x');
\echo == types, descriptions, other names and attributes
UPDATE qlm.info_item SET type = 'T' WHERE path = 'RA/x';
SELECT pg_temp.read('RA', 'x');
UPDATE qlm.info_item SET description = '{"en": "d"}', alt_names = '["y"]', attributes = '{"a": "1"}' WHERE path = 'RA/x';
SELECT pg_temp.read('RA', 'x');
UPDATE qlm.object SET type = 'O', description = '{"": "o"}' WHERE path = 'RA';
SELECT pg_temp.read('RA', 'x');
\echo == by a message
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object type="P"><id>RA</id><InfoItem name="x" type="U"/></Object>')));
SELECT pg_temp.read('RA', 'x');
\echo == MetaData that come and go
INSERT INTO qlm.meta_data (info_item_id, name, value) SELECT info_item_id, 'unit', 'W' FROM qlm.info_item WHERE path = 'RA/x';
SELECT pg_temp.read('RA', 'x');
DELETE FROM qlm.meta_data m USING qlm.info_item i WHERE i.info_item_id = m.info_item_id AND i.path = 'RA/x';
SELECT pg_temp.read('RA', 'x');
\echo == further ids that come, change and go
INSERT INTO qlm.object_id (object_id, id, position) SELECT object_id, 'RA-2', 1 FROM qlm.object WHERE path = 'RA';
SELECT pg_temp.read('RA', 'x');
UPDATE qlm.object_id SET tag_type = 'RFID' WHERE id = 'RA-2';
SELECT pg_temp.read('RA', 'x');
SELECT pg_temp.read('RA-2', 'x');
DELETE FROM qlm.object_id WHERE id = 'RA-2';
SELECT pg_temp.read('RA', 'x');
SELECT pg_temp.read('RA-2', 'x');
\echo == what is undone, as a whole or in part
BEGIN;
SELECT qlm_write('RA/z', 1, '2024-05-01 10:00Z');
SELECT pg_temp.read('RA', 'z');
UPDATE qlm.info_item SET type = 'undone' WHERE path = 'RA/x';
SELECT pg_temp.read('RA', 'x');
ROLLBACK;
SELECT pg_temp.read('RA', 'z');
SELECT pg_temp.read('RA', 'x');
BEGIN;
SAVEPOINT s;
UPDATE qlm.info_item SET type = 'undone' WHERE path = 'RA/x';
INSERT INTO qlm.meta_data (info_item_id, name, value) SELECT info_item_id, 'unit', 'W' FROM qlm.info_item WHERE path = 'RA/x';
SELECT pg_temp.read('RA', 'x');
ROLLBACK TO s;
SELECT pg_temp.read('RA', 'x');
COMMIT;
SELECT pg_temp.read('RA', 'x');
\echo == with one snapshot for all statements
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT pg_temp.read('RA', 'x');
UPDATE qlm.info_item SET type = 'R' WHERE path = 'RA/x';
SELECT pg_temp.read('RA', 'x');
COMMIT;
SELECT pg_temp.read('RA', 'x');
\echo == another name, another place
UPDATE qlm.info_item SET name = 'w', path = 'RA/w' WHERE path = 'RA/x';
SELECT pg_temp.read('RA', 'x');
SELECT pg_temp.read('RA', 'w');
\echo == rights and policies of who reads
CREATE ROLE ra_reader;
GRANT qlm_reader TO ra_reader;
SET ROLE ra_reader;
SELECT pg_temp.read('RA', 'w');
RESET ROLE;
ALTER TABLE qlm.info_item ENABLE ROW LEVEL SECURITY;
CREATE POLICY none ON qlm.info_item USING (name <> 'w');
SET ROLE ra_reader;
SELECT pg_temp.read('RA', 'w');
RESET ROLE;
SELECT pg_temp.read('RA', 'w');
DROP POLICY none ON qlm.info_item;
ALTER TABLE qlm.info_item DISABLE ROW LEVEL SECURITY;
SET ROLE ra_reader;
SELECT pg_temp.read('RA', 'w');
RESET ROLE;
REVOKE qlm_reader FROM ra_reader;
GRANT USAGE ON SCHEMA qlm TO ra_reader;
GRANT EXECUTE ON FUNCTION qlm_handle(text, text) TO ra_reader;
SET ROLE ra_reader;
SELECT pg_temp.read('RA', 'w');
RESET ROLE;
REVOKE ALL ON SCHEMA qlm FROM ra_reader;
REVOKE ALL ON FUNCTION qlm_handle(text, text) FROM ra_reader;
DROP ROLE ra_reader;
\echo == deleted
DELETE FROM qlm.info_item WHERE path = 'RA/w';
SELECT pg_temp.read('RA', 'w');
SELECT qlm_write('RA/w', 2, '2024-05-01 10:00Z');
SELECT pg_temp.read('RA', 'w');
SELECT qlm_delete('RA');
SELECT pg_temp.read('RA', 'w');
