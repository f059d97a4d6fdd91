-- Subscriptions by names that are, or become, further ids of Objects and other names of InfoItems
\getenv sources PG_ABS_SRCDIR
\set prelude :sources /sql/include/prelude.psql
\i :prelude

-- What a poll brings, as paths and values
CREATE FUNCTION pg_temp.polled(bigint) RETURNS text LANGUAGE sql AS $$
	SELECT COALESCE(string_agg(path || '=' || value, ' ' ORDER BY path, ts), 'nothing') FROM qlm_poll($1) $$;
CREATE FUNCTION pg_temp.put(text) RETURNS text LANGUAGE sql AS $$
	SELECT (xpath('//@returnCode', qlm_handle(pg_temp.odf('write', $1))))[1]::text $$;
CREATE FUNCTION pg_temp.item(text) RETURNS int LANGUAGE sql AS $$ SELECT info_item_id FROM qlm.info_item WHERE path = $1 $$;

\echo == what does not exist yet, and comes as something else
SELECT qlm_subscribe('urn:e:7/temp') AS item \gset
SELECT qlm_subscribe('urn:e:7') AS object \gset
SELECT qlm_subscribe('urn:e:7/Ovi/auki') AS deep \gset
SELECT qlm_subscribe('urn:e:7', -2) AS first \gset
SELECT qlm_subscribe('Ev-7/temperature') AS own \gset
SELECT targets FROM qlm.stat_subscription WHERE request_id IN (:item, :deep) ORDER BY 1;
SELECT pg_temp.put('<Object><id>Ev-7</id><id>urn:e:7</id><InfoItem name="temperature"><altname>temp</altname><value>1</value></InfoItem>
<Object><id>Door</id><id>Ovi</id><InfoItem name="open"><altname>auki</altname><value>no</value></InfoItem></Object></Object>');
SELECT pg_temp.polled(:item), pg_temp.polled(:object), pg_temp.polled(:deep), pg_temp.polled(:first), pg_temp.polled(:own);
SELECT qlm_write('Ev-7/temperature', '2'), qlm_write('urn:e:7/temp', '3'), qlm_write('Ev-7/Door/open', 'yes'), qlm_write('Ev-7/new', 'n');
SELECT pg_temp.polled(:item), pg_temp.polled(:object), pg_temp.polled(:deep), pg_temp.polled(:first), pg_temp.polled(:own);

\echo == an alias of what is there already: by message, by SQL
SELECT qlm_write('Ev-8/x', '0'), qlm_write('Ev-8/In/y', '0');
SELECT qlm_subscribe('urn:e:8/x') AS x \gset
SELECT qlm_subscribe('Ev-8/In/why') AS y \gset
SELECT qlm_subscribe('urn:e:8/In/why') AS both \gset
SELECT qlm_write('Ev-8/x', '1'), qlm_write('Ev-8/In/y', '1');
SELECT pg_temp.polled(:x), pg_temp.polled(:y), pg_temp.polled(:both);
SELECT pg_temp.put('<Object><id>Ev-8</id><id>urn:e:8</id></Object>');
UPDATE qlm.info_item SET alt_names = '["why"]' WHERE path = 'Ev-8/In/y';
SELECT qlm_write('Ev-8/x', '2'), qlm_write('Ev-8/In/y', '2');
SELECT pg_temp.polled(:x), pg_temp.polled(:y), pg_temp.polled(:both);
INSERT INTO qlm.value (info_item_id, num) VALUES (pg_temp.item('Ev-8/x'), 3);
SELECT pg_temp.polled(:x);

\echo == in one transaction, and undone
BEGIN;
SELECT qlm_subscribe('urn:e:t/x') AS t \gset
SELECT qlm_write('Ev-8/x', '4');
INSERT INTO qlm.object_id (object_id, id, position) SELECT object_id, 'urn:e:t', 5 FROM qlm.object WHERE path = 'Ev-8';
SELECT qlm_write('Ev-8/x', '5');
SAVEPOINT s;
DELETE FROM qlm.object_id WHERE id = 'urn:e:t';
SELECT qlm_write('Ev-8/x', '6');
ROLLBACK TO s;
SELECT qlm_write('Ev-8/x', '7');
SELECT pg_temp.polled(:t);
ROLLBACK;

\echo == another device in its place: what came from the old one is not lost
SELECT qlm_write('Ev-8/x', 'old');
BEGIN;
DELETE FROM qlm.object_id WHERE id = 'urn:e:8';
SELECT qlm_write('Ev-8/x', 'nobody asks');
SELECT pg_temp.put('<Object><id>Ev-9</id><id>urn:e:8</id><InfoItem name="x"><value>new</value></InfoItem></Object>');
COMMIT;
SELECT qlm_write('Ev-8/x', 'nobody asks');
SELECT pg_temp.polled(:x);
UPDATE qlm.object_id SET object_id = (SELECT object_id FROM qlm.object WHERE path = 'Ev-8') WHERE id = 'urn:e:8';
SELECT qlm_write('Ev-9/x', 'nobody asks'), qlm_write('Ev-8/x', 'again');
SELECT pg_temp.polled(:x);
DELETE FROM qlm.object_id WHERE id = 'urn:e:8';
SELECT qlm_write('Ev-9/x', 'nobody asks'), qlm_write('Ev-8/x', 'nobody asks');
SELECT pg_temp.polled(:x);

\echo == a first id wins; an alias of two stands for none; both end what was
SELECT qlm_subscribe('urn:e:10/x') AS x10 \gset
SELECT pg_temp.put('<Object><id>Ev-10</id><id>urn:e:10</id><InfoItem name="x"><value>a</value></InfoItem></Object>');
SELECT pg_temp.put('<Object><id>Ev-11</id><id>urn:e:10</id><InfoItem name="x"><value>b</value></InfoItem></Object>');
SELECT qlm_write('Ev-10/x', 'c');
SELECT pg_temp.polled(:x10);
SELECT qlm_delete('Ev-11');
SELECT qlm_write('Ev-10/x', 'd');
SELECT pg_temp.polled(:x10);
SELECT qlm_subscribe('Ev-12/x') AS x12 \gset
SELECT qlm_write('Ev-12/x', 'own');
INSERT INTO qlm.object_id (object_id, id, position) SELECT object_id, 'Ev-12', 5 FROM qlm.object WHERE path = 'Ev-10';
SELECT qlm_write('Ev-10/x', 'nobody asks');
SELECT pg_temp.polled(:x12);
SELECT qlm_delete('Ev-12');
SELECT qlm_write('Ev-10/x', 'instead');
SELECT pg_temp.polled(:x12);

\echo == both names in one subscription: each value once
SELECT (xpath('//*[local-name()="requestID"]/text()', qlm_handle(pg_temp.odf('read interval="-1"',
	'<Object><id>Ev-10</id></Object><Object><id>urn:e:10</id><InfoItem name="x"/></Object>'))))[1] AS twice \gset
SELECT qlm_write('Ev-10/x', 'once');
SELECT pg_temp.polled(:twice);

\echo == intervals: what is current at the ticks
SELECT qlm_subscribe('urn:e:13/ex', 0.1) AS ticks \gset
SELECT pg_temp.put('<Object><id>Ev-13</id><id>urn:e:13</id><InfoItem name="x"><altname>ex</altname><value>t</value></InfoItem></Object>');
SELECT pg_sleep(0.25);
SELECT DISTINCT path, value FROM qlm_poll(:ticks);

\echo == a device that connects
SELECT qlm_add_peer('ev-device', paths => '{Ev-13}') > 0;
SELECT qlm_subscribe('urn:e:13', -2) AS sessions \gset
SELECT count(*) FROM (SELECT qlm_handle(pg_temp.odf('read', '<Object><id>Ev-13</id></Object>'), 'ev-device')) AS h;
SELECT pg_temp.polled(:sessions);

\echo == a new name: what is subscribed goes on, whatever calls it so
SELECT qlm_subscribe('urn:e:13/x') AS named \gset
SELECT qlm_rename('Ev-13/x', 'z');
SELECT targets FROM qlm.stat_subscription WHERE request_id = :named;
SELECT qlm_rename('Ev-13', 'Ev-14');
SELECT qlm_write('Ev-14/z', 'renamed');
SELECT pg_temp.polled(:named);

\echo == who may not know an alias is told nothing by it
CREATE ROLE qlm_t_plain IN ROLE qlm_reader;
SET ROLE qlm_t_plain;
SELECT qlm_subscribe('urn:e:13/z') AS plain \gset
RESET ROLE;
SELECT qlm_write('Ev-14/z', 'seen');
SET ROLE qlm_t_plain;
SELECT pg_temp.polled(:plain);
RESET ROLE;
ALTER TABLE qlm.object_id ENABLE ROW LEVEL SECURITY;
SELECT qlm_write('Ev-14/z', 'not seen');
CREATE POLICY not_this ON qlm.object_id FOR SELECT TO qlm_t_plain USING (id <> 'urn:e:13');
SELECT qlm_write('Ev-14/z', 'not seen');
DROP POLICY not_this ON qlm.object_id;
CREATE POLICY not_others ON qlm.object_id FOR SELECT TO qlm_t_plain USING (id <> 'urn:e:8');
SELECT qlm_write('Ev-14/z', 'seen again');
DROP POLICY not_others ON qlm.object_id;
ALTER TABLE qlm.object_id DISABLE ROW LEVEL SECURITY;
REVOKE SELECT ON qlm.object_id FROM qlm_reader;
SELECT qlm_write('Ev-14/z', 'not seen');
GRANT SELECT ON qlm.object_id TO qlm_reader;
SET ROLE qlm_t_plain;
SELECT pg_temp.polled(:plain);
RESET ROLE;

SELECT count(qlm_cancel(request_id)) > 0 FROM qlm.subscription;
SELECT qlm_drop_peer('ev-device');
DROP ROLE qlm_t_plain;
SELECT qlm_delete(path) FROM qlm.object WHERE parent_id IS NULL AND path LIKE 'Ev-%' ORDER BY path;
