-- What a 200 says of a write beside that it was done: values that were replaced,
-- what had none, InfoItems that were made where there was an Object already
\getenv sources PG_ABS_SRCDIR
\set prelude :sources /sql/include/prelude.psql
\i :prelude
CREATE FUNCTION pg_temp.said(message text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT regexp_replace(a[1], '\d{4,6}-\d\d-\d\dT[\d:.]+Z', 'TIME', 'g')
	FROM regexp_matches(qlm_handle(message)::text, 'returnCode="(\d+"(?: description="[^"]*)?)', 'g') AS a
$$;
CREATE FUNCTION pg_temp.write(objects text) RETURNS SETOF text LANGUAGE sql AS $$ SELECT pg_temp.said(pg_temp.odf('write', objects)) $$;
CREATE FUNCTION pg_temp.csv(lines text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT pg_temp.said(pg_temp.envelope('<write msgformat="csv"><msg>' || lines || '</msg></write>'))
$$;
\echo == a whole Object for the first time: nothing to say
SELECT pg_temp.write('<Object><id>C</id><InfoItem name="x"><value unixTime="1">1</value><value unixTime="2">2</value></InfoItem></Object>');
SELECT pg_temp.write('<Object><id>CR</id><InfoItem name="x"/><InfoItem name="y"/></Object>');
\echo == again, and with other values
SELECT pg_temp.write('<Object><id>C</id><InfoItem name="x"><value unixTime="1">1</value><value unixTime="2">2</value></InfoItem></Object>');
SELECT pg_temp.write('<Object><id>C</id><InfoItem name="x"><value unixTime="1">1.0</value><value unixTime="2">2</value></InfoItem></Object>');
SELECT pg_temp.write('<Object><id>C</id><InfoItem name="x"><value unixTime="1">5</value><value unixTime="2" type="xs:int">2</value></InfoItem></Object>');
\echo == several of one time in one message, and times that are the same when cut to microseconds
SELECT pg_temp.write('<Object><id>C</id><InfoItem name="x"><value unixTime="3">a</value><value unixTime="3">b</value><value unixTime="3">c</value></InfoItem></Object>');
SELECT pg_temp.write('<Object><id>C</id><InfoItem name="x"><value unixTime="4">a</value><value unixTime="4">a</value></InfoItem></Object>');
SELECT pg_temp.write('<Object><id>C</id><InfoItem name="x"><value dateTime="2026-01-01T00:00:00.1234561Z">a</value><value dateTime="2026-01-01T00:00:00.1234562Z">b</value><value dateTime="2026-01-01T00:00:00.1234563Z">b</value></InfoItem></Object>');
SELECT pg_temp.write('<Object><id>C</id><InfoItem name="x"><value dateTime="2026-01-15T11:59:60Z">leap</value><value dateTime="2026-01-15T12:00:00Z">next</value></InfoItem></Object>');
SELECT ts, value FROM qlm.history WHERE path = 'C/x' ORDER BY ts;
\echo == without a time none replaces another
SELECT pg_temp.write('<Object><id>C</id><InfoItem name="x"><value>1</value><value>2</value><value>3</value></InfoItem></Object>');
\echo == both kinds, and more InfoItems than are named
SELECT pg_temp.write('<Object><id>CM</id>' || string_agg(format('<InfoItem name="i%s"><value unixTime="1">1</value><value unixTime="1">2</value></InfoItem>', i), '') || '</Object>') FROM generate_series(1, 5) i;
SELECT pg_temp.write('<Object><id>CM</id>' || string_agg(format('<InfoItem name="i%s"><value unixTime="1">1</value><value unixTime="1">3</value></InfoItem>', i), '') || '</Object>') FROM generate_series(1, 2) i;
\echo == an alias: its InfoItem is named
SELECT pg_temp.write('<Object><id>C</id><InfoItem name="x"><altname>also</altname></InfoItem></Object>');
SELECT pg_temp.write('<Object><id>C</id><InfoItem name="also"><value unixTime="1">9</value></InfoItem></Object>');
\echo == a name that was misspelt, an Object in an Object, both in one message with several writes
SELECT pg_temp.write('<Object><id>C</id><InfoItem name="X"><value unixTime="1">1</value></InfoItem></Object>');
SELECT pg_temp.write('<Object><id>C</id><Object><id>D</id><InfoItem name="x"><value unixTime="1">1</value></InfoItem></Object></Object>');
SELECT pg_temp.said(pg_temp.envelope('<write><msg><Objects><Object><id>CN</id><InfoItem name="a"><value unixTime="1">1</value></InfoItem></Object></Objects></msg></write><write><msg><Objects><Object><id>CN</id><InfoItem name="b"><value unixTime="1">1</value></InfoItem></Object></Objects></msg></write>'));
\echo == a long path is cut
SELECT pg_temp.write('<Object><id>C</id><InfoItem name="' || repeat('ä', 100) || '"><value>1</value></InfoItem></Object>');
\echo == without a value, but not without anything
SELECT pg_temp.write('<Object><id>C</id><InfoItem name="x"/><InfoItem name="y"><value unixTime="9">1</value></InfoItem></Object>');
SELECT pg_temp.write('<Object><id>C</id><InfoItem name="x"/></Object>');
SELECT pg_temp.write('<Object><id>C</id><InfoItem name="x"><description>of it</description></InfoItem><InfoItem name="y"><MetaData><InfoItem name="unit"><value>C</value></InfoItem></MetaData></InfoItem></Object>');
SELECT pg_temp.write('<Object><id>CE</id><InfoItem name="x"><value/></InfoItem></Object>');
\echo == lines
SELECT pg_temp.csv(E'path,time,value\nC/x,100,1\nC/x,100,2\nC/x,101,\nC/x,102,\nC/y,100,\nC,,');
SELECT pg_temp.csv(E'path,time,value\nC/x,100,2');
\echo == far ahead
SELECT pg_temp.write(format('<Object><id>C</id><InfoItem name="x"><value dateTime="%s">1</value></InfoItem></Object>', to_char(now() + interval '20 hours', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')));
SELECT pg_temp.write(format('<Object><id>C</id><InfoItem name="x"><value dateTime="%s">1</value></InfoItem></Object>', to_char(now() + interval '5 minutes', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')));
SET qlm.max_future = 0;
SELECT pg_temp.write('<Object><id>C</id><InfoItem name="x"><MetaData><InfoItem name="unit"><value dateTime="2100-01-01T00:00:00Z">K</value></InfoItem></MetaData><value dateTime="2090-01-01T00:00:00Z">1</value></InfoItem></Object>');
RESET qlm.max_future;
\echo == as JSON, and in each dialect
SELECT qlm_handle_json('{"omiEnvelope":{"version":"1.0","ttl":0,"write":{"msg":{"Objects":{"Object":{"id":"C","InfoItem":{"name":"x","values":[{"value":1,"unixTime":1},{"value":2,"unixTime":1}]}}}}}}}');
SELECT key, (regexp_match(qlm_handle(format('<%s%s version="1.0" ttl="0"><write><msg><Objects><Object><id>C</id><InfoItem name="x"><value unixTime="1">%s</value></InfoItem></Object></Objects></msg></write></%1$s>', root, ns, n))::text, '<return[^>]*>'))[1]
FROM (VALUES ('Q0', 'qlmEnvelope', '', 10), ('Q1', 'qlmEnvelope', ' xmlns="QLMmi.xsd"', 11), ('M0', 'omiEnvelope', '', 12), ('M1a', 'omiEnvelope', ' xmlns="omi.xsd"', 13),
	('M1b', 'omiEnvelope', ' xmlns="http://www.opengroup.org/xsd/omi/1.0/"', 14), ('M2', 'omiEnvelope', ' xmlns="http://www.opengroup.org/xsd/omi/2.0/"', 15)) d(key, root, ns, n);
\echo == data of a response, and the answer that goes to a callback
SELECT pg_temp.said(pg_temp.envelope('<response><result><return returnCode="200"/><msg><Objects><Object><id>C</id><InfoItem name="x"><value unixTime="1">20</value></InfoItem></Object></Objects></msg></result></response>'));
SELECT pg_temp.said(pg_temp.envelope('<response><result><return returnCode="200"/><msg><Objects><Object><id>C</id><InfoItem name="x"><value unixTime="1">20</value></InfoItem></Object></Objects></msg></result></response>'));
SET qlm.callback_allow = '127.0.0.1';
SELECT pg_temp.said(pg_temp.odf('write callback="http://127.0.0.1:9/"', '<Object><id>C</id><InfoItem name="x"><value unixTime="1">21</value></InfoItem></Object>'));
SELECT (regexp_match(envelope, 'returnCode="\d+" description="[^"]*'))[1] FROM qlm.outbox;
DELETE FROM qlm.outbox;
RESET qlm.callback_allow;
SELECT count(qlm_delete(path)) FROM qlm.object WHERE path ~ '^C[A-Z]?$';

\echo == a policy that hides a value: nobody is told that another one is stored in its place
SELECT qlm_write('CP/x', 'secret', '2026-01-15Z'), qlm_write('CP/x', 'open', '2026-01-16Z');
CREATE ROLE c_writer IN ROLE qlm_writer;
ALTER TABLE qlm.value ENABLE ROW LEVEL SECURITY;
CREATE POLICY shown ON qlm.value TO c_writer USING (txt <> 'secret') WITH CHECK (true);
CREATE POLICY fixed ON qlm.value AS RESTRICTIVE FOR UPDATE TO c_writer USING (txt <> 'fixed') WITH CHECK (true);
SET ROLE c_writer;
SELECT regexp_replace(pg_temp.write('<Object><id>CP</id><InfoItem name="x"><value dateTime="2026-01-15T00:00:00Z">mine</value></InfoItem></Object>'), 'InfoItem \d+', 'InfoItem #');
SELECT pg_temp.write('<Object><id>CP</id><InfoItem name="x"><value dateTime="2026-01-16T00:00:00Z">fixed</value></InfoItem></Object>');
SELECT pg_temp.write('<Object><id>CP</id><InfoItem name="x"><value dateTime="2026-01-16T00:00:00Z">fixed</value></InfoItem></Object>');
SELECT regexp_replace(pg_temp.write('<Object><id>CP</id><InfoItem name="x"><value dateTime="2026-01-16T00:00:00Z">other</value></InfoItem></Object>'), 'InfoItem \d+', 'InfoItem #');
RESET ROLE;
SELECT ts, value FROM qlm.history WHERE path = 'CP/x' ORDER BY ts;
DROP POLICY shown ON qlm.value;
DROP POLICY fixed ON qlm.value;
ALTER TABLE qlm.value DISABLE ROW LEVEL SECURITY;
DROP ROLE c_writer;
SELECT qlm_delete('CP');
