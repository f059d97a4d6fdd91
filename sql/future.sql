-- Values of a time that has not come: milliseconds taken for seconds, clocks that are wrong
\getenv sources PG_ABS_SRCDIR
\set prelude :sources /sql/include/prelude.psql
\i :prelude

CREATE FUNCTION pg_temp.said(message text) RETURNS text LANGUAGE sql AS $$
	SELECT array_to_string(xpath('//*[local-name()="return"]/@returnCode', m), ' ') ||
		coalesce(' ' || pg_temp.without_column((xpath('//*[local-name()="return"]/@description', m))[1]::text), '')
	FROM qlm_handle(message) m
$$;
CREATE FUNCTION pg_temp.value(attributes text, item text DEFAULT 't') RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.said(pg_temp.odf('write', format('<Object><id>Z</id><Object><id>in</id><InfoItem name="%s"><value unixTime="1">0</value><value %s>1</value></InfoItem></Object></Object>', item, attributes)))
$$;
\echo == seconds, milliseconds, microseconds, nanoseconds, and a date
SELECT u, pg_temp.value(u) FROM unnest(ARRAY['unixTime="1714557600.123"', 'unixTime="1714557600123"', 'unixTime="1714557600123.5"', 'unixTime="1714557600123456"', 'unixTime="1.714557600123456E15"', 'unixTime="1714557600123456789"',
	'unixTime="4102444800"', 'dateTime="2100-01-01T00:00:00Z"', 'dateTime="294276-12-31T00:00:00Z"', 'dateTime="2024-05-01T10:00:00Z" unixTime="1714557600123"']) u;
\echo == just inside and just outside
SHOW qlm.max_future;
SELECT pg_temp.value(format('dateTime="%s"', to_char((now() + i::interval) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))) LIKE c || '%' FROM (VALUES ('23 hours', '200'), ('25 hours', '400 the value of Z/in/t is of 20')) AS v(i, c);
\echo == every dialect
SELECT pg_temp.said(m) FROM unnest(ARRAY[
	'<qlmEnvelope version="0.2" ttl="0"><write msgformat="QLMdf"><msg><Objects><Object><id>Z</id><InfoItem name="t"><value unixTime="1714557600123">1</value></InfoItem></Object></Objects></msg></write></qlmEnvelope>',
	'<qlmEnvelope xmlns="QLMmi.xsd" version="1.0" ttl="0"><write msgformat="QLMdf.xsd"><Objects xmlns="QLMdf.xsd"><Object><id>Z</id><InfoItem name="t"><value unixTime="1714557600123">1</value></InfoItem></Object></Objects></write></qlmEnvelope>',
	'<omi:omiEnvelope xmlns:omi="omi.xsd" version="1.0" ttl="0"><omi:write msgformat="odf"><omi:msg xmlns="odf.xsd"><Objects><Object><id>Z</id><InfoItem name="t"><value unixTime="1714557600123">1</value></InfoItem></Object></Objects></omi:msg></omi:write></omi:omiEnvelope>',
	'{"omiEnvelope":{"ttl":0,"write":{"msg":{"Objects":{"Object":{"id":"Z","InfoItem":{"name":"t","values":[{"unixTime":1714557600123,"value":1}]}}}}}}}',
	'{"omiEnvelope":{"ttl":0,"write":{"msg":{"Objects":{"Object":{"id":"Z","InfoItem":{"name":"t","values":[{"unixTime":1714557600123456,"value":1}]}}}}}}}']) m;
\echo == every format
CREATE SCHEMA ms;
CREATE FUNCTION ms.rows(payload text) RETURNS SETOF qlm.payload_row LANGUAGE sql AS $$ SELECT 'Z/own', to_timestamp(payload::float8), '1', '' $$;
SELECT qlm_add_format('ms', 'ms.rows(text)');
SELECT f, pg_temp.said(pg_temp.envelope(format('<write msgformat="%s"><msg>%s</msg></write>', f, p))) FROM (VALUES
	('csv', E'Z/t,1714557600,1\nZ/t,1714557600123,2'), ('csv', 'Z/t,1714557600123456,2'), ('csv', E'path,ts,value\nZ/t,2100-01-01,2'), ('ms', '1714557600123'), ('ms', '1714557600'),
	('json', '{"Objects":{"Object":{"id":"Z","InfoItem":{"name":"t","values":[{"unixTime":1714557600123,"value":1}]}}}}')) AS v(f, p);
\echo == MetaData, of MetaData too
SELECT pg_temp.said(pg_temp.odf('write', '<Object><id>Z</id><InfoItem name="t"><MetaData><InfoItem name="unit"><value unixTime="1714557600123">Cel</value></InfoItem></MetaData><value>1</value></InfoItem></Object>'));
SELECT pg_temp.said(pg_temp.odf('write', '<Object><id>Z</id><InfoItem name="t"><MetaData><InfoItem name="unit"><MetaData><InfoItem name="of"><value unixTime="1714557600123">Cel</value></InfoItem></MetaData></InfoItem></MetaData></InfoItem></Object>'));
\echo == in one of several verbs, and in responses
SELECT pg_temp.said(pg_temp.envelope('<write><msg><Objects><Object><id>Z</id><InfoItem name="a"><value unixTime="1">1</value></InfoItem></Object></Objects></msg></write><write><msg><Objects><Object><id>Z</id><InfoItem name="b"><value unixTime="1714557600123">1</value></InfoItem></Object></Objects></msg></write>'));
SET qlm.callback_allow = '127.0.0.1';
SELECT pg_temp.said(pg_temp.odf('write callback="http://127.0.0.1:9/"', '<Object><id>Z</id><InfoItem name="c"><value unixTime="1714557600123">1</value></InfoItem></Object>'));
SELECT (regexp_match(envelope, 'returnCode="\d+" description="[^"]*'))[1] FROM qlm.outbox;
DELETE FROM qlm.outbox;
RESET qlm.callback_allow;
SELECT pg_temp.said(pg_temp.envelope('<response><result><return returnCode="200"/><msg><Objects><Object><id>Z</id><InfoItem name="d"><value unixTime="1714557600123">1</value></InfoItem></Object></Objects></msg></result><result msgformat="csv"><return returnCode="200"/><msg>Z/e,1,1</msg></result></response>'));
\echo == the answer of a peer is for who asked; its values are not stored
SELECT qlm_add_peer('late', role => 'qlm_writer') > 0;
SELECT qlm_request('late', qlm_read_envelope('Z/f')) AS id \gset
SELECT pg_temp.show(qlm_handle(pg_temp.envelope('<read/>'), 'late'));
SELECT (xpath('//@description', qlm_handle(pg_temp.envelope(format('<response><result><return returnCode="200"/><requestID>%s</requestID><msg><Objects><Object><id>Z</id><InfoItem name="f"><value unixTime="1714557600123">1</value></InfoItem></Object></Objects></msg></result></response>', :'id')), 'late')))[1];
SELECT state, (xpath('//*[local-name()="value"]/@dateTime', answer::xml))[1] FROM qlm.outbox WHERE message_id = :id;
SELECT qlm_drop_peer('late');
\echo == nothing of these was stored
SELECT path, count(*), max(ts) < now() + interval '1 day' FROM qlm.history WHERE path ~ '^Z/' GROUP BY path ORDER BY path COLLATE "C";
SELECT count(*) FROM qlm.meta_data m JOIN qlm.info_item USING (info_item_id) WHERE path ~ '^Z/';
\echo == SQL may do what it likes, and so may messages without a limit
SELECT qlm_write('Z/sql', '1', '2100-01-01Z');
SET qlm.max_future = 0;
SELECT pg_temp.value('unixTime="1714557600123"', 'no_limit');
SET qlm.max_future = -1;
SELECT pg_temp.value('unixTime="4102444800"', 'no_limit');
SET qlm.max_future = '200 d';
SELECT regexp_replace(pg_temp.value(format('dateTime="%s"', to_char(now() + interval '199 days', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')), 'year'), 'until .*', 'until then');
SELECT pg_temp.value('unixTime="1714557600123"', 'year');
RESET qlm.max_future;
SELECT path, max(ts) > now() + interval '1 day' FROM qlm.history WHERE path ~ 'sql|no_limit|year' GROUP BY path ORDER BY path;
SELECT qlm_drop_format('ms');
DROP SCHEMA ms CASCADE;
SELECT qlm_delete('Z');
