-- A tree comes back as it was written: reads with qlmDetails, an extension
\getenv sources PG_ABS_SRCDIR
\set prelude :sources /sql/include/prelude.psql
\i :prelude
CREATE TEMP TABLE tree AS SELECT '<Object type="House" owner="me"><id idType="plot">Q1</id><id>urn:q1</id><description lang="en">house</description><description lang="fi">talo</description>
<InfoItem name="power" type="Power" meter="7"><altname>teho</altname><description lang="en">watts</description><description>plain</description><MetaData><InfoItem name="accuracy"><description>of the meter</description><value unixTime="1714554000">1</value></InfoItem><InfoItem name="unit"><value dateTime="2024-05-01T09:00:00Z">W</value></InfoItem></MetaData><value type="xs:double" dateTime="2024-05-01T10:00:00.25Z">4.50</value><value type="xs:int" dateTime="2024-05-01T09:00:00Z">4</value></InfoItem>
<InfoItem name="silent"><description>has no value yet</description><MetaData><InfoItem name="unit"><value dateTime="2024-05-01T09:00:00Z">K</value></InfoItem></MetaData></InfoItem>
<Object><id>room</id><description>upstairs</description><InfoItem name="light"><altname>valo</altname><description lang="en">lamp</description><value unixTime="1714557601">on</value></InfoItem><Object type="Desk"><id>desk</id><id>urn:desk</id></Object></Object></Object>' AS objects;
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', objects))) FROM tree;
\echo == one read gives all that describes it and what lies below, at every level
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read all="true" qlmDetails="true"', '<Object><id>Q1</id></Object>')));
\echo == what is read, removed and written again is the same
CREATE FUNCTION pg_temp.content(request text, payload text DEFAULT '<Object><id>Q1</id></Object>') RETURNS text LANGUAGE sql AS $$
	SELECT substring(qlm_handle(pg_temp.odf(request, payload))::text FROM '<Objects[^>]*>(.*)</Objects>')
$$;
CREATE TEMP TABLE kept AS SELECT pg_temp.content('read all="true" qlmDetails="true"') AS objects;
SELECT qlm_delete('Q1');
SELECT (xpath('//@returnCode', qlm_handle(pg_temp.odf('write', objects))))[1] FROM kept;
SELECT objects = pg_temp.content('read all="true" qlmDetails="1"') AS same, length(objects) FROM kept;
\echo == for the whole node, too, and with the levels and windows of any read
SELECT position(objects IN pg_temp.content('read all="true" qlmDetails="true"', '')) > 0 AS in_all FROM kept;
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read maxlevels="1" newest="1" qlmDetails="true"', '<Object><id>Q1</id></Object>')));
\echo == an InfoItem that is named, with more than the request names
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read qlmDetails="true"', '<Object><id>Q1</id><InfoItem name="power"><description lang="fi"/><MetaData><InfoItem name="unit"/></MetaData></InfoItem></Object>')));
\echo == false is as if it were not there
SELECT pg_temp.content('read qlmDetails="false"') = pg_temp.content('read') AS same;
\echo == as JSON, there and back
SELECT qlm_handle_json('{"omiEnvelope":{"version":"1.0","ttl":1,"read":{"msgformat":"odf","qlmDetails":true,"msg":{"Objects":{"Object":{"id":"Q1","Object":{"id":"room"}}}}}}}');
\echo == what is no boolean; a subscription; another verb
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read qlmDetails="yes"', '<Object><id>Q1</id></Object>')));
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read interval="-1" qlmDetails="true"', '<Object><id>Q1</id></Object>')));
SELECT pg_temp.show(qlm_handle(pg_temp.odf('delete qlmDetails="true"', '<Object><id>Q1</id></Object>')));
SELECT count(*) FROM qlm.object WHERE path = 'Q1';
\echo == whom a policy shows no MetaData gets none of it
BEGIN;
ALTER TABLE qlm.meta_data ENABLE ROW LEVEL SECURITY;
SET LOCAL ROLE qlm_reader;
SELECT content LIKE '%watts%' AS described, content LIKE '%accuracy%' AS meta_data FROM pg_temp.content('read qlmDetails="true"') AS content;
ROLLBACK;
\echo == an envelope of it from SQL
SELECT pg_temp.show(qlm_read_envelope('Q1', details => true));
\set VERBOSITY default
SELECT qlm_read_envelope('Q1', "interval" => -1, details => true);
SELECT qlm_delete('Q1');
