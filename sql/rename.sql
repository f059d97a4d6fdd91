-- Another id for an Object, another name for an InfoItem, with all that names it
\getenv sources PG_ABS_SRCDIR
\set prelude :sources /sql/include/prelude.psql
\i :prelude

CREATE FUNCTION pg_temp.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE statement INTO result;
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
CREATE TEMP VIEW nodes AS SELECT path FROM qlm.object WHERE path ^@ 'Rn' UNION ALL SELECT path FROM qlm.info_item WHERE path ^@ 'Rn' ORDER BY 1;
GRANT SELECT ON nodes TO PUBLIC;

SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object><id idType="s">Rn</id><id tagType="RFID">urn:rn</id>
<InfoItem name="x"><altname>ex</altname><MetaData><InfoItem name="unit"><value>K</value></InfoItem></MetaData><value unixTime="1714557600">1</value></InfoItem>
<Object><id>Door</id><InfoItem name="open"><value unixTime="1714557600">false</value></InfoItem></Object></Object>')));
SELECT qlm_write('Rn0/x', 'sibling', '2024-05-01Z'), qlm_write('Rn.x', 'sibling', '2024-05-01Z'), qlm_write('Rn-a/x', 'sibling', '2024-05-01Z');
SELECT qlm_subscribe('Rn') AS whole, qlm_subscribe('Rn/Door/open') AS part, qlm_subscribe('Rn0') AS sibling \gset
SELECT qlm_set_retention('Rn/Door', keep => '100 years');
CREATE FUNCTION rn_call(text) RETURNS text LANGUAGE sql AS $$ SELECT 'called ' || $1 $$;
SELECT qlm_set_handler('Rn/Door/open', 'rn_call(text)');
SELECT qlm_add_peer('rn', role => 'qlm_writer', paths => '{Rn,Other,Rn/Door}') > 0;

\echo == an Object: all below it, and all that names it
SELECT qlm_rename('Rn', 'Rn2');
SELECT * FROM nodes;
SELECT path, value, unit FROM qlm.history WHERE path ^@ 'Rn2/' ORDER BY 1;
SELECT object_id = (SELECT object_id FROM qlm.object WHERE path = 'Rn2') AS same, id, position, id_type, tag_type FROM qlm.object_id WHERE id IN ('Rn', 'Rn2', 'urn:rn') ORDER BY position;
SELECT path FROM qlm.subscription_target WHERE request_id IN (:whole, :part, :sibling) ORDER BY 1;
SELECT path FROM qlm.retention WHERE path ^@ 'Rn';
SELECT path FROM qlm.handler WHERE path ^@ 'Rn';
SELECT paths FROM qlm.peer WHERE name = 'rn';
SELECT value FROM qlm_call('Rn2/Door/open', 'in');
\echo == this session, too, finds the new path and not the old one
SELECT path, value FROM qlm_read('Rn2');
SELECT count(*) FROM qlm_read('Rn');
SELECT path, value FROM qlm_read('urn:rn/x');
\echo == subscriptions go on
SELECT qlm_write('Rn2/Door/open', 'true', '2024-06-01Z'), qlm_write('Rn2/y', 'new', '2024-06-01Z'), qlm_write('Rn0/x', 'new', '2024-06-01Z');
SELECT path, value FROM qlm_poll(:whole) ORDER BY 1;
SELECT path, value FROM qlm_poll(:part);
SELECT path, value FROM qlm_poll(:sibling);
\echo == what writes the old path makes a new Object
SELECT qlm_write('Rn/x', 'another', '2024-06-01Z');
SELECT path, value FROM qlm_read('Rn/x') UNION ALL SELECT path, value FROM qlm_read('Rn2/x');
SELECT qlm_delete('Rn');

\echo == the old id stays as a further one
SELECT qlm_rename('/Objects/Rn2/', 'Rn3', keep_old_id => true);
SELECT id, position, id_type FROM qlm.object_id WHERE object_id = (SELECT object_id FROM qlm.object WHERE path = 'Rn3') ORDER BY position;
SELECT qlm_write('Rn2/x', '2', '2024-06-02Z');
SELECT path, value FROM qlm_read('Rn2/x');
SELECT * FROM nodes;
SELECT paths FROM qlm.peer WHERE name = 'rn';
\echo == a further id becomes the first, and back again
SELECT qlm_rename('Rn3', 'urn:rn', true);
SELECT id, position, id_type, tag_type FROM qlm.object_id WHERE object_id = (SELECT object_id FROM qlm.object WHERE path = 'urn:rn') ORDER BY position;
SELECT qlm_rename('urn:rn', 'Rn4');
SELECT id, position, id_type, tag_type FROM qlm.object_id WHERE object_id = (SELECT object_id FROM qlm.object WHERE path = 'Rn4') ORDER BY position;

\echo == an Object in an Object, an InfoItem
SELECT qlm_rename('Rn4/Door', 'a/b%');
SELECT qlm_rename('Rn4/a%2Fb%25/open', 'closed', true);
SELECT qlm_rename('Rn4/x', 'ex');
SELECT path, name, alt_names FROM qlm.info_item WHERE path ^@ 'Rn4/' ORDER BY 1;
SELECT path, value FROM qlm_read('Rn4/a%2Fb%25/open');
SELECT qlm_rename('Rn4/a%2Fb%25', 'Door'), qlm_rename('Rn4/Door/closed', 'open'), qlm_rename('Rn4/ex', 'x', true);
SELECT path, name, alt_names FROM qlm.info_item WHERE path ^@ 'Rn4/' ORDER BY 1;
SELECT path FROM qlm.handler WHERE path ^@ 'Rn';
\echo == subscribed to both
SELECT qlm_subscribe('Rn5') AS five \gset
INSERT INTO qlm.subscription_target VALUES (:five, 'Rn4'), (:five, 'Rn4/Door');
SELECT qlm_rename('Rn4', 'Rn5');
SELECT path FROM qlm.subscription_target WHERE request_id = :five ORDER BY 1;
SELECT qlm_rename('Rn5', 'Rn5');

\echo == refused
SELECT pg_temp.try($$SELECT qlm_rename('RnNone', 'Rn6')$$);
SELECT pg_temp.try($$SELECT qlm_rename('Rn5', 'Rn0')$$);
SELECT pg_temp.try($$SELECT qlm_rename('Rn5/x', 'Door')$$);
SELECT pg_temp.try($$SELECT qlm_rename('Rn5/Door', 'x')$$);
SELECT pg_temp.try($$SELECT qlm_rename('', 'x')$$);
SELECT pg_temp.try($$SELECT qlm_rename('Rn5', '')$$);
SELECT pg_temp.try($$SELECT qlm_rename('Rn5', ' x')$$);
SELECT pg_temp.try($$SELECT qlm_rename('Rn5', repeat('x', 1001))$$);
SELECT pg_temp.try($$SELECT qlm_set_retention('Rn6/Door', keep => '1 day'), qlm_rename('Rn5', 'Rn6')$$);
SELECT * FROM nodes;

\echo == whose rights
CREATE ROLE rn_writer IN ROLE qlm_writer;
CREATE ROLE rn_reader IN ROLE qlm_reader;
SET ROLE rn_reader;
SELECT pg_temp.try($$SELECT qlm_rename('Rn0', 'Rn6')$$);
SET ROLE rn_writer;
\echo an Object that a peer is known by is for who may change peers
SELECT pg_temp.try($$SELECT qlm_rename('Rn5', 'Rn6')$$);
SELECT pg_temp.try($$SELECT qlm_rename('Rn5/Door/open', 'closed')$$);
SELECT path, value FROM qlm_read('Rn5/Door');
RESET ROLE;
SELECT path FROM qlm.subscription_target WHERE request_id IN (:whole, :part) ORDER BY 1;
ALTER TABLE qlm.info_item ENABLE ROW LEVEL SECURITY;
CREATE POLICY rn ON qlm.info_item TO rn_writer USING (path !~ 'secret' AND path !~ 'away$');
SELECT qlm_write('Rn0/secret', '1', '2024-06-01Z');
SET ROLE rn_writer;
SELECT pg_temp.try($$SELECT qlm_rename('Rn0', 'Rn6')$$);
SELECT pg_temp.try($$SELECT qlm_rename('Rn0/secret', 'open')$$);
SELECT pg_temp.try($$SELECT qlm_rename('Rn0/x', 'secret')$$);
SELECT pg_temp.try($$SELECT qlm_rename('Rn0/x', 'away')$$);
SELECT pg_temp.try($$SELECT qlm_rename('Rn0/x', 'y')$$);
RESET ROLE;
DROP POLICY rn ON qlm.info_item;
ALTER TABLE qlm.info_item DISABLE ROW LEVEL SECURITY;
SELECT * FROM nodes;

SELECT count(qlm_delete(split_part(path, '/', 1))) > 0 FROM nodes;
SELECT count(qlm_cancel(request_id)) FROM qlm.subscription WHERE request_id IN (:whole, :part, :sibling, :five);
SELECT qlm_drop_peer('rn'), qlm_set_retention('Rn5/Door'), qlm_set_handler('Rn5/Door/closed', NULL);
SELECT path FROM qlm.retention WHERE path ^@ 'Rn' UNION ALL SELECT path FROM qlm.handler WHERE path ^@ 'Rn';
DROP FUNCTION rn_call(text);
DROP ROLE rn_writer, rn_reader;
