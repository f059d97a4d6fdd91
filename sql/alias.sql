-- Nodes named by further ids and other names: the first id counts, an alias stands for it
\getenv sources PG_ABS_SRCDIR
\set prelude :sources /sql/include/prelude.psql
\i :prelude

CREATE TEMP VIEW nodes AS SELECT path FROM qlm.object WHERE path LIKE 'Al-%' OR path LIKE 'urn:al%'
	UNION ALL SELECT path FROM qlm.info_item WHERE path LIKE 'Al-%' OR path LIKE 'urn:al%' ORDER BY 1;
GRANT SELECT ON nodes TO PUBLIC;

SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object><id idType="serial">Al-7</id><id tagType="RFID">urn:al:7</id>
<InfoItem name="temperature"><altname>lampotila</altname><altname tagType="x">temp</altname><value unixTime="1714557600">4.5</value></InfoItem>
<Object><id>Door</id><id>Ovi</id><InfoItem name="open"><altname>auki</altname><value unixTime="1714557600">false</value></InfoItem></Object></Object>')));
\echo == a read: the answer is the canonical tree
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read', '<Object><id>urn:al:7</id><InfoItem name="lampotila"/></Object>')));
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read', '<Object><id>urn:al:7</id><Object><id>Ovi</id><InfoItem name="auki"/></Object></Object>')));
\echo == the alias and the first id in one request: one node
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read', '<Object><id>Al-7</id><InfoItem name="temperature"/></Object><Object><id>urn:al:7</id><InfoItem name="temp"/></Object>')));
\echo == what is no alias is repeated, below what was found
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read', '<Object><id>urn:al:7</id><InfoItem name="lampotila"/><InfoItem name="nope"/></Object><Object><id>urn:al:8</id></Object>')));
SELECT path, value FROM qlm_read('urn:al:7/Ovi/auki') UNION ALL SELECT path, value FROM qlm_read('urn:al:7') ORDER BY 1;
\echo == a write by aliases makes nothing new
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object><id>urn:al:7</id><InfoItem name="lampotila"><value unixTime="1714557601">5</value></InfoItem><Object><id>Ovi</id><InfoItem name="auki"><value unixTime="1714557601">true</value></InfoItem><InfoItem name="new"><value unixTime="1714557601">n</value></InfoItem></Object></Object>')));
SELECT qlm_write('urn:al:7/temp', '6', to_timestamp(1714557602));
SELECT * FROM nodes;
SELECT path, value FROM qlm.history WHERE path LIKE 'Al-7/%' ORDER BY path, ts;
\echo == ids in another order: no id is lost or doubled
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object><id>urn:al:7</id><id>Al-7</id><id>third</id><InfoItem name="temp"><altname>temperature</altname><altname>T</altname></InfoItem></Object>')));
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read maxlevels="1"', '<Object><id>third</id></Object>')));
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read', '<Object><id>third</id><InfoItem name="T"/></Object>')));
\echo == a first id wins over an alias of a sibling
SELECT qlm_write('Al-8/x', '8', to_timestamp(1714557600));
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object><id>Al-9</id><id>Al-8</id><InfoItem name="x"><value unixTime="1714557600">9</value></InfoItem></Object>')));
SELECT path, value FROM qlm_read('Al-8/x');
\echo == an alias of two siblings stands for none
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object><id>Al-10</id><id>urn:al:both</id><InfoItem name="x"/></Object><Object><id>Al-11</id><id>urn:al:both</id></Object>')));
SELECT count(*) FROM qlm_read('urn:al:both/x');
SELECT qlm_write('urn:al:both/x', '1', to_timestamp(1714557600));
SELECT path FROM nodes WHERE path LIKE 'urn:%';
\echo == but an alias below different Objects is none of that
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object><id>Al-10</id><Object><id>Door</id><id>Ovi</id><InfoItem name="open"><value unixTime="1714557600">10</value></InfoItem></Object></Object>')));
SELECT path, value FROM qlm_read('Al-10/Ovi/open');
\echo == subscriptions cover the node itself
SELECT qlm_subscribe('urn:al:7/lampotila') AS id \gset
SELECT (xpath('//*[local-name()="requestID"]/text()', qlm_handle(pg_temp.odf('read interval="-1"', '<Object><id>urn:al:7</id><Object><id>Ovi</id></Object></Object>'))))[1] AS id2 \gset
SELECT qlm_write('Al-7/temperature', '7', to_timestamp(1714557603)), qlm_write('Al-7/Door/open', 'false', to_timestamp(1714557603));
SELECT path, value FROM qlm_poll(:id);
SELECT path, value FROM qlm_poll(:id2);
SELECT qlm_cancel(:id), qlm_cancel(:id2);
\echo == who may not see further ids knows none, and still writes
CREATE ROLE qlm_t_plain IN ROLE qlm_writer;
REVOKE SELECT ON qlm.object_id FROM qlm_reader, qlm_writer;
SET ROLE qlm_t_plain;
SELECT qlm_write('urn:al:7/x', '1', to_timestamp(1714557600));
RESET ROLE;
GRANT SELECT ON qlm.object_id TO qlm_reader;
SELECT path FROM nodes WHERE path LIKE 'urn:al:7%';
SELECT qlm_delete('urn:al:7');
DROP ROLE qlm_t_plain;
\echo == other names of any form, as nothing has checked them
SET session_replication_role = replica;
UPDATE qlm.info_item SET alt_names = '{"id": "odd"}' WHERE path = 'Al-8/x';
UPDATE qlm.info_item SET alt_names = '[1, null, {"no": "id"}, ["q"]]' WHERE path = 'Al-9/x';
RESET session_replication_role;
SELECT count(*) FROM qlm_read('Al-8/odd');
SELECT path FROM qlm_read('Al-9/1');
\echo == delete
SELECT pg_temp.show(qlm_handle(pg_temp.odf('delete', '<Object><id>third</id><InfoItem name="lampotila"/><InfoItem name="nope"/></Object>')));
SELECT * FROM nodes;
\echo == maxlevels counts from Objects too
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read maxlevels="1"', ''))) AS line INTERSECT ALL
	VALUES ('<id>Al-10</id>'), ('<id>Door</id>'), ('<InfoItem name="x"/>'), ('<id idType="serial">Al-7</id>') ORDER BY 1;
SELECT count(*) > 0 AS "Doors at level 2" FROM (SELECT pg_temp.show(qlm_handle(pg_temp.odf('read maxlevels="2"', ''))) AS line) s WHERE line = '<id>Door</id>';
SELECT qlm_delete(path) FROM qlm.object WHERE parent_id IS NULL AND (path LIKE 'Al-%' OR path LIKE 'urn:al:%') ORDER BY path;
