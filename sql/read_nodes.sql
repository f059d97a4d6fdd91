-- Which nodes a read returns, and what of each (protocol: selecting nodes)
\getenv sources PG_ABS_SRCDIR
\set prelude :sources /sql/include/prelude.psql
\i :prelude

SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object type="House" owner="me"><id idType="plot">N1</id><id>urn:n1</id><description lang="en">house</description><description lang="fi">talo</description>
<InfoItem name="power" type="Power" meter="7"><altname>teho</altname><description lang="en">watts</description><description>plain</description><MetaData><InfoItem name="unit"><value dateTime="2024-05-01T09:00:00Z">W</value></InfoItem><InfoItem name="accuracy"><value unixTime="1714554000">1</value></InfoItem></MetaData><value type="xs:double" dateTime="2024-05-01T10:00:00.25Z">4.5</value></InfoItem>
<InfoItem name="bare"><value unixTime="1714557600">b</value></InfoItem>
<Object><id>room</id><InfoItem name="light"><description lang="en">lamp</description><value unixTime="1714557601">on</value></InfoItem><Object><id>desk</id><InfoItem name="height"><value unixTime="1714557602">72</value></InfoItem></Object></Object></Object>')));
\echo == an Object: its whole subtree, descriptions and MetaData as stubs
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read', '<Object><id>N1</id></Object>')));
\echo == an InfoItem alone: stubs, other names, its latest value
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read', '<Object><id>N1</id><InfoItem name="power"/></Object>')));
\echo == all descriptions
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read', '<Object><id>N1</id><InfoItem name="power"><description/></InfoItem></Object>')));
\echo == descriptions in a language, and those without one
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read', '<Object><id>N1</id><InfoItem name="power"><description lang="fi"/></InfoItem></Object>')));
\echo == all MetaData; those named
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read', '<Object><id>N1</id><InfoItem name="power"><MetaData/></InfoItem></Object>')));
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read', '<Object><id>N1</id><InfoItem name="power"><description lang="en"/><MetaData><InfoItem name="unit"/></MetaData></InfoItem></Object>')));
\echo == nothing there to describe
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read', '<Object><id>N1</id><InfoItem name="bare"><description/><MetaData/></InfoItem></Object>')));
\echo == an Object with its descriptions
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read maxlevels="1"', '<Object><id>N1</id><description lang="fi"/></Object>')));
\echo == maxlevels
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read maxlevels="2"', '<Object><id>N1</id></Object>')));
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read maxlevels="1"', '<Object><id>N1</id><Object><id>room</id></Object></Object>')));
\echo == partly unknown: the data, and what is missing
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read', '<Object><id>N1</id><InfoItem name="bare"/><InfoItem name="nope"/><Object><id>cellar</id></Object></Object>')));
\echo == unknown as a whole: the request is repeated
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read', '<Object><id>N1</id><Object><id>cellar</id><InfoItem name="x"/></Object></Object><Object><id>N99</id></Object>')));
\echo == an InfoItem where there is an Object, and the reverse, is unknown
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read', '<Object><id>N1</id><InfoItem name="room"/><Object><id>power</id></Object></Object>')));
\echo == named twice: once in the answer
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read', '<Object><id>N1</id><InfoItem name="bare"/></Object><Object><id>N1 </id><InfoItem name=" bare "/></Object>')));
\echo == an empty read is a heartbeat
SELECT pg_temp.show(qlm_handle(pg_temp.envelope('<read/>')));
\echo == delete: the leaves, and what is unknown
SELECT pg_temp.show(qlm_handle(pg_temp.odf('delete', '<Object><id>N1</id><InfoItem name="power"/><InfoItem name="nope"/><Object><id>room</id><Object><id>desk</id></Object></Object></Object>')));
SELECT path FROM qlm.object WHERE path LIKE 'N1%' UNION ALL SELECT path FROM qlm.info_item WHERE path LIKE 'N1%' ORDER BY 1;
SELECT count(*) FROM qlm.value v WHERE NOT EXISTS (SELECT FROM qlm.info_item i WHERE i.info_item_id = v.info_item_id);
SELECT pg_temp.show(qlm_handle(pg_temp.odf('delete', '')));
SELECT pg_temp.show(qlm_handle(pg_temp.odf('delete', '<Object><id>N99</id></Object>')));
SELECT pg_temp.show(qlm_handle(pg_temp.odf('call', '<Object><id>N1</id><InfoItem name="bare"><value>1</value></InfoItem></Object>')));
\set VERBOSITY terse
SELECT qlm_delete('N1/bare'), qlm_delete('N1'), qlm_delete('N1');
\echo == values of MetaData have both times: where none is given, when they came first; saying the same again changes nothing
CREATE FUNCTION pg_temp.meta(content text) RETURNS text LANGUAGE sql AS $$
	SELECT (xpath('//@returnCode', qlm_handle(pg_temp.odf('write', '<Object><id>N3</id><InfoItem name="t"><MetaData>' || content || '</MetaData></InfoItem></Object>'))))[1]
$$;
CREATE FUNCTION pg_temp.times() RETURNS TABLE (name text, value text, date_time timestamptz, unix_time timestamptz) LANGUAGE sql AS $$
	SELECT (xpath('/InfoItem/@name', i))[1]::text, (xpath('/InfoItem/value/text()', i))[1]::text, (xpath('/InfoItem/value/@dateTime', i))[1]::text::timestamptz, to_timestamp((xpath('/InfoItem/value/@unixTime', i))[1]::text::numeric)
	FROM unnest(xpath('//MetaData/InfoItem', regexp_replace(qlm_handle(pg_temp.odf('read', '<Object><id>N3</id><InfoItem name="t"><MetaData/></InfoItem></Object>'))::text, ' xmlns="[^"]*"', '', 'g')::xml)) i
$$;
SELECT pg_temp.meta('<InfoItem name="unit"><value>Cel</value></InfoItem><InfoItem name="format"><MetaData><InfoItem name="inner"><value>1</value></InfoItem></MetaData></InfoItem>');
SELECT name, value, date_time = unix_time AS same, now() - date_time BETWEEN '0' AND '1 min' AS now FROM pg_temp.times() ORDER BY name;
CREATE TEMP TABLE before AS SELECT * FROM pg_temp.times();
SELECT pg_temp.meta('<InfoItem name="unit"><value>Cel</value></InfoItem>');
SELECT name, t.date_time = b.date_time AS kept FROM pg_temp.times() t JOIN before b USING (name) WHERE name = 'unit';
SELECT pg_temp.meta('<InfoItem name="unit"><value>K</value></InfoItem>');
SELECT name, t.value, t.date_time > b.date_time AS later FROM pg_temp.times() t JOIN before b USING (name) WHERE name = 'unit';
SELECT pg_temp.meta('<InfoItem name="unit"><value dateTime="2024-05-01T10:00:00Z">old</value></InfoItem>');
SELECT name, value FROM pg_temp.times() WHERE name = 'unit';
INSERT INTO qlm.meta_data (info_item_id, name, value) SELECT info_item_id, 'latency', '5' FROM qlm.info_item WHERE path = 'N3/t';
SELECT name, date_time = unix_time AS same FROM pg_temp.times() WHERE name = 'latency';
SELECT qlm_delete('N3');
SELECT qlm_delete('Objects');
