-- Payloads in other formats than O-DF, and messages that are JSON
\getenv sources PG_ABS_SRCDIR
\set prelude :sources /sql/include/prelude.psql
\i :prelude

-- a payload of any format in a verb, and one that selects
CREATE FUNCTION pg_temp.send(verb text, payload text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT pg_temp.show(qlm_handle(pg_temp.envelope(format('<%s><msg>%s</msg></%s>', verb, payload, split_part(verb, ' ', 1)))))
$$;
-- the text of a result's payload, line by line
CREATE FUNCTION pg_temp.payload(message xml) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT regexp_split_to_table((xpath('//*[local-name()="msg"]/text()', message))[1]::text, E'\n')
$$;
CREATE FUNCTION pg_temp.fridge(attributes text, item text DEFAULT 't') RETURNS xml LANGUAGE sql AS $$
	SELECT qlm_handle(replace(pg_temp.odf('read', format('<Object><id>F</id><InfoItem name="%s"/></Object>', item)), '<read msgformat="odf"', '<read ' || attributes))
$$;
\echo == csv: written with and without a header, columns in any order and some missing
SELECT pg_temp.send('write msgformat="csv"', E'path,time,value,type\nF/t,2024-05-01T10:00:00Z,4.50,xs:double\nF/t,1714557660,5,xs:double\nF/door,2024-05-01T10:00:00Z,"open, ""wide""",\n');
SELECT pg_temp.send('write msgformat="CSV"', E'\n  F/a%2Fb,2024-05-01T10:00:00Z,1,xs:int\n  ');
SELECT pg_temp.send('write msgformat="text/csv"', E'Value , note,PATH\r\n7,x,F/now\r\n" two\nlines",y,F/lines\r\n"",z,F/empty\r\n,z,F/none\r\n');
SELECT path, CASE WHEN path !~ 'now|lines|empty' THEN ts END AS ts, quote_literal(value), type FROM qlm.history WHERE path ~ '^F/' ORDER BY path COLLATE "C", ts;
SELECT path FROM qlm.info_item WHERE path = 'F/none';
\echo == read as csv: O-DF selects, or lines of paths
SELECT pg_temp.fridge('msgformat="csv"');
SELECT pg_temp.payload(pg_temp.fridge('msgformat="CSV" newest="5"'));
SELECT pg_temp.payload(pg_temp.fridge('msgformat="csv" begin="2024-05-01T10:00:30Z"'));
SELECT pg_temp.payload(pg_temp.fridge('msgformat="csv"', 'door'));
SELECT pg_temp.send('read msgformat="csv"', E'F/t\nF/door');
SELECT regexp_replace(line, '(202[5-9]|20[3-9]\d)-[^,]*Z', 'NOW') FROM pg_temp.send('read msgformat="csv"', E'path\nF') AS line;
\echo == what is unknown is O-DF, with its 404; what is known is csv
SELECT pg_temp.send('read msgformat="csv"', E'F/t\nF/gone\nG');
\echo == no path is not all paths, and what chooses values is an attribute of the read
SELECT v, p, line FROM unnest('{read,delete}'::text[]) v, unnest(ARRAY['path', '# F', E'path,begin\nF/t,2024-05-01', E'path,lastN\nF/t,1']) p, pg_temp.send(v || ' msgformat="csv"', p) line WHERE line ~ '<return ';
\echo == what is no csv
SELECT pg_temp.send('write msgformat="csv"', p) FROM unnest(ARRAY[E'path,value\nF,1', E'value,path\n1', 'F/t,noon,1', '"F/t', '"F/t"x,1', ',,1', 'F//t,,1', '<a/>']) AS p;
SELECT count(*) FROM qlm.history WHERE path ~ '^F/';
\echo == a large one has room for a time for each line
SELECT pg_temp.send('write msgformat="csv"', (SELECT string_agg(format('F/many,,%s,xs:int', i), E'\n') FROM generate_series(1, 1000) AS i));
SELECT count(*), count(DISTINCT ts), min(num), max(num) FROM qlm.history WHERE path = 'F/many';
\echo == delete by csv
SELECT pg_temp.send('delete msgformat="csv"', E'F/many\nF/none\nF/gone');
\echo == json as the payload of XML: both spellings are read, one is written
SELECT pg_temp.send('write msgformat="json"', '{"Objects":{"Object":{"id":["J",{"idType":"serial","value":"4711"}],"description":{"lang":"en","value":"a fridge"},
  "InfoItem":[{"name":"t","owner":"lab","MetaData":[{"name":"unit","values":[{"value":"Cel"}]}],"values":[{"type":"xs:double","dateTime":"2024-05-01T10:00:00Z","value":4.50},{"dateTime":"2024-05-01T11:00:00Z","value":1e2}]},
   {"name":"on","values":{"value":true,"unixTime":1714557600}},{"name":"s","value":{"value":"a\u00e4\ud83d\ude00\"\\","dateTime":"2024-05-01T10:00:00Z"}}]}}}');
SELECT path, ts, value, type FROM qlm.history WHERE path ~ '^J/' ORDER BY path, ts;
SELECT pg_temp.send('read msgformat="json" newest="2"', '<Objects><Object><id>J</id></Object></Objects>');
SELECT pg_temp.send('read msgformat="json"', '{"Objects":{"Object":{"id":"J","InfoItem":{"name":"on"},"description":""}}}');
SELECT pg_temp.send('write msgformat="json"', p) FROM unnest(ARRAY['{"Objects":{"Object":{}}}', '[]', '{"Objects":', '{"Objects":{"Object":{"id":"\ud800"}}}', E'{"Objects":\n{"Object":{"id":"X","InfoItem":{"name":"y","values":[{"dateTime":"noon","value":1}]}}}}']) AS p;
\echo == a poll needs no payload, and JSON may be called O-DF
SELECT pg_temp.send('read msgformat="odf"', '{"Objects":{"Object":{"id":"J","InfoItem":{"name":"on"}}}}');
SELECT pg_temp.show(qlm_handle(pg_temp.envelope('<read msgformat="csv"><requestID>1</requestID><msg>"</msg></read>')));
\echo == messages that are JSON
SELECT qlm_handle_json('{"omiEnvelope":{"version":"1.0","ttl":0,"read":{"msgformat":"odf","msg":{"Objects":{"Object":{"id":"J","InfoItem":[{"name":"on"},{"name":"gone"}]}}}}}}');
SELECT qlm_handle_json('{"omiEnvelope":{"ttl":0,"write":{"msg":{"Objects":{"Object":{"id":"J","InfoItem":{"name":"n","values":[{"value":12345678901234567890.10,"dateTime":"2024-05-01T10:00:00Z"}]}}}}}}}');
SELECT value, type FROM qlm.current WHERE path = 'J/n';
SELECT qlm_handle_json('{"omiEnvelope":{"version":"1.0","ttl":0,"read":[{},{"msgformat":"csv","msg":"J/on"},{"msgformat":"json","msg":{"Objects":{"Object":{"id":"J","InfoItem":{"name":"on"}}}}}],"cancel":{"requestID":"1"},"delete":{"msg":{"Objects":{}}}}}');
SELECT qlm_handle_json(m::json) FROM unnest(ARRAY['{}', '[]', '"x"', '{"omiEnvelope":{"read":{}}}', '{"omiEnvelope":{"ttl":0,"read":{"newest":"x","msg":{"Objects":{}}}}}', '{"qlmEnvelope":{"ttl":0,"read":null,"version":"0.2"}}']) AS m;
\echo == qlm_handle answers as XML even then
SELECT pg_temp.show(qlm_handle('{"omiEnvelope":{"version":"1.0","ttl":0,"read":{"msg":{"Objects":{"Object":{"id":"J","InfoItem":{"name":"on"}}}}}}}'));
SELECT pg_temp.show(qlm_handle('{"omiEnvelope":'));
\echo == nested Objects as a value
SELECT qlm_handle_json('{"omiEnvelope":{"ttl":0,"write":{"msg":{"Objects":{"Object":{"id":"J","InfoItem":{"name":"tree","values":[{"type":"odf","dateTime":"2024-05-01T10:00:00Z","value":{"Objects":{"Object":{"id":"In"}}}}]}}}}}}}');
SELECT value FROM qlm.current WHERE path = 'J/tree';
SELECT qlm_handle_json('{"omiEnvelope":{"ttl":0,"read":{"msg":{"Objects":{"Object":{"id":"J","InfoItem":{"name":"tree"}}}}}}}');

\echo == a format of your own
CREATE SCHEMA lines;
-- path=value, a line each
CREATE FUNCTION lines.rows(payload text) RETURNS TABLE (path text, ts timestamptz, value text, type text)
	LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	line text;
BEGIN
	FOREACH line IN ARRAY string_to_array(trim(E' \n' FROM payload), E'\n') LOOP
		IF line !~ '^[^=]+(=.*)?$' THEN
			RAISE EXCEPTION '"%" is not a path=value', line;
		END IF;
		path := split_part(line, '=', 1);
		value := substr(line, nullif(strpos(line, '='), 0) + 1);
		RETURN NEXT;
	END LOOP;
END
$$;
CREATE FUNCTION lines.text(rows qlm.payload_row[]) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT string_agg(r.path || '=' || r.value, E'\n') FROM unnest(rows) AS r
$$;
CREATE FUNCTION lines.xml(rows qlm.payload_row[]) RETURNS xml LANGUAGE sql IMMUTABLE AS $$
	SELECT xmlelement(name lines, xmlagg(xmlelement(name line, xmlattributes(r.path AS path), r.value))) FROM unnest(rows) AS r
$$;
CREATE FUNCTION lines.fails(payload text) RETURNS SETOF qlm.payload_row LANGUAGE sql AS $$ SELECT 'F/x', now(), (1/0)::text, '' $$;
CREATE FUNCTION lines.fails(rows qlm.payload_row[]) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
SELECT pg_temp.send('write msgformat="lines"', 'L/a=1');
SELECT qlm_add_format('Lines', 'lines.rows(text)', 'lines.text(qlm.payload_row[])', 'path=value');
SELECT qlm_add_format('xlines', writer => 'lines.xml(qlm.payload_row[])');
SELECT qlm_add_format('fails', 'lines.fails(text)', 'lines.fails(qlm.payload_row[])');
SELECT * FROM qlm.format ORDER BY name;
SELECT pg_temp.send('write msgformat="LINES"', E'L/a=1\nL/b=x=y &lt; z');
SELECT path, value, type FROM qlm.history WHERE path ~ '^L/' ORDER BY path;
SELECT pg_temp.send('read msgformat="lines"', E'L/a\nL/gone');
CREATE FUNCTION lines.nothing(payload text) RETURNS SETOF qlm.payload_row LANGUAGE sql AS $$ SELECT NULL::text, now(), '', '' WHERE false $$;
SELECT qlm_add_format('nothing', 'lines.nothing(text)');
SELECT v, line FROM unnest('{read,delete,write}'::text[]) v, pg_temp.send(v || ' msgformat="nothing"', 'L/a=1') line WHERE line ~ '<return ';
SELECT qlm_drop_format('nothing');
DROP FUNCTION lines.nothing(text);
SELECT pg_temp.send('read msgformat="lines"', '<Objects><Object><id>L</id></Object></Objects>');
SELECT pg_temp.send('read msgformat="xlines"', '<Objects><Object><id>L</id></Object></Objects>');
SELECT pg_temp.send('write msgformat="xlines"', '<lines/>');
SELECT pg_temp.send('write msgformat="lines"', 'nonsense=1');
SELECT pg_temp.send('write msgformat="lines"', '=nonsense');
SELECT pg_temp.send('write msgformat="fails"', 'x');
CREATE FUNCTION lines.control(payload text) RETURNS SETOF qlm.payload_row LANGUAGE sql AS $$ SELECT 'L/control', now(), 'a' || chr(payload::int) || 'b', '' $$;
SELECT qlm_add_format('control', 'lines.control(text)');
SELECT c, pg_temp.send('write msgformat="control"', c) FROM unnest(ARRAY['1', '65534', '27']) c;
SELECT (xpath('//@returnCode', qlm_handle(pg_temp.envelope('<write msgformat="control"><msg>13</msg></write>'))))[1];
SELECT value = E'a\rb' FROM qlm.current WHERE path = 'L/control';
SELECT qlm_delete('L/control'), qlm_drop_format('control');
SELECT pg_temp.send('read msgformat="fails"', '<Objects><Object><id>L</id></Object></Objects>');
\echo == a format that nobody knows
SELECT pg_temp.send('write msgformat="obix"', '<obj href="x"/>');
SELECT regexp_replace(line, ' dateTime=.*"', '') FROM pg_temp.send('read msgformat="obix"', '<Objects><Object><id>L</id><InfoItem name="a"/></Object></Objects>') AS line;
\echo == a response that brings data
SELECT pg_temp.show(qlm_handle(pg_temp.envelope('<response><result msgformat="lines"><return returnCode="200"/><msg>L/c=3</msg></result><result msgformat="csv"><return returnCode="200"/><msg>L/d,,4</msg></result><result msgformat="fails"><return returnCode="200"/><msg>L/d,,4</msg></result><result msgformat="csv"><return returnCode="404"/><msg>"</msg></result></response>')));
SELECT path, value, type FROM qlm.current WHERE path ~ '^L/[cd]' ORDER BY path;
\echo == what a response brings in a format, or of a shape, that is not read: acknowledged, and kept as it came for who asked
CREATE FUNCTION pg_temp.answer(id text, format text, payload text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT pg_temp.show(qlm_handle(pg_temp.envelope(format('<response><result msgformat="%s"><return returnCode="200"/>%s<msg>%s</msg></result></response>', format, '<requestID>' || id || '</requestID>', payload)), 'far'))
$$;
SELECT qlm_add_peer('far', role => 'qlm_writer') > 0;
SELECT format, pg_temp.answer(NULL, format, payload) FROM (VALUES ('csv', 'a;b;c'), ('obix', '<obj xmlns="urn:obix"><int val="1"/></obj>'), ('mine', 'x'), ('odf', '<objects/>'), ('json', '[1]'), ('csv', 'L/e,,5')) AS v(format, payload);
CREATE TEMP TABLE asked AS SELECT row_number() OVER () AS n, qlm_request('far', replace(qlm_read_envelope('L/a')::text, 'msgformat="odf"', format('msgformat="%s"', format))::xml) AS id, format, payload
	FROM (VALUES ('csv', 'a;b;c'), ('obix', '<obj xmlns="urn:obix" a="&lt;"><int val="1"/>x</obj>'), ('mine', 'x &lt; y'), ('odf', '<objects/>'), ('json', '[1]')) AS v(format, payload);
SELECT count(*) FROM qlm_handle(pg_temp.envelope('<read/>'), 'far');
SELECT pg_temp.answer(id::text, format, payload) FROM asked ORDER BY n;
SELECT state, (regexp_match(answer::text, '<msg>.*</msg>'))[1] FROM asked JOIN qlm.outbox ON message_id = id ORDER BY n;
SELECT regexp_replace(qlm_await(id, '1 s')::text, '.*(<msg>.*</msg>).*', '\1') FROM asked WHERE n = 2;
\echo == without its requestID too
SELECT qlm_request('far', qlm_read_envelope('L/a')) AS id \gset
SELECT count(*) FROM qlm_handle(pg_temp.envelope('<read/>'), 'far');
SELECT pg_temp.answer(NULL, 'obix', '<obj/>');
SELECT state, (regexp_match(answer::text, '<msg>.*</msg>'))[1] FROM qlm.outbox WHERE message_id = :id;
SELECT qlm_drop_peer('far');
SELECT path FROM qlm.info_item WHERE path ~ '^L/' ORDER BY path;
\echo == polls and callbacks in the format that was subscribed
SET qlm.callback_allow = '127.0.0.1';
CREATE FUNCTION pg_temp.subscribe(attributes text, payload text) RETURNS text LANGUAGE sql AS $$
	SELECT (xpath('//*[local-name()="requestID"]/text()', qlm_handle(pg_temp.envelope(format('<read interval="-1" %s><msg>%s</msg></read>', attributes, payload)))))[1]::text
$$;
CREATE FUNCTION pg_temp.poll(id text, attributes text DEFAULT '') RETURNS SETOF text LANGUAGE sql AS $$
	SELECT pg_temp.show(qlm_handle(pg_temp.envelope(format('<read %s><requestID>%s</requestID></read>', attributes, id))))
$$;
SELECT pg_temp.subscribe('msgformat="csv"', 'L/a') AS csv, pg_temp.subscribe('msgformat="lines"', '<Objects><Object><id>L</id></Object></Objects>') AS lines,
	pg_temp.subscribe('msgformat="csv" callback="http://127.0.0.1:9/"', 'L/a') AS csv_callback, pg_temp.subscribe('msgformat="fails" callback="http://127.0.0.1:9/"', 'L') AS fails_callback \gset
SELECT (qlm_handle_json('{"omiEnvelope":{"version":"1.0","ttl":0,"read":{"interval":-1,"callback":"http://127.0.0.1:9/","msg":{"Objects":{"Object":{"id":"L"}}}}}}')::json #>> '{omiEnvelope,response,result,requestID}') AS json_callback \gset
SELECT path FROM qlm.subscription_target WHERE request_id = :csv;
SELECT pg_temp.poll(:'csv');
SELECT qlm_write('L/a', '2', '2100-01-01Z');
SELECT pg_temp.poll(:'csv');
SELECT pg_temp.poll(:'lines');
SELECT qlm_write('L/a', '3', '2100-01-02Z');
SELECT pg_temp.poll(:'csv', 'msgformat="odf"');
SELECT pg_temp.poll(:'lines', 'msgformat="csv"');
SELECT regexp_replace(replace(replace(replace(envelope, :'csv_callback', 'CSV'), :'json_callback', 'JSON'), '><', E'>\n<'), 'ttl="[0-9.]+"', 'ttl="#"')
	FROM qlm.outbox WHERE url = 'http://127.0.0.1:9/' ORDER BY envelope ~ '^\{', created_at;
SELECT qlm_cancel(request_id) FROM qlm.subscription;
DELETE FROM qlm.outbox;
\echo == what is sent on goes as it came
SELECT qlm_add_peer('far', 'http://127.0.0.1:9/') IS NOT NULL;
SELECT (xpath('//@returnCode', m))[1] FROM (SELECT qlm_handle(pg_temp.envelope(format('<write msgformat="%s"><nodeList><node>far</node></nodeList><msg>%s</msg></write>', f, p))) AS m
	FROM (VALUES ('obix', '<obj xmlns="urn:obix" a="&lt;"><int val="1"/>x</obj>'), ('csv', 'A/b,,&lt;1'), ('lines', 'A/b=1'), ('mine', ' {"a": 1} ')) AS v(f, p)) AS s;
SELECT xpath('//*[local-name()="write"]/@msgformat', envelope::xml) AS format, (regexp_match(envelope, '<msg>.*</msg>'))[1] FROM qlm.outbox ORDER BY 2;
DELETE FROM qlm.outbox;
RESET qlm.callback_allow;
SELECT qlm_drop_peer('far');
\echo == who may add one, and what can be added
SELECT qlm_drop_format('LINES'), qlm_drop_format('lines');
SELECT pg_temp.send('write msgformat="lines"', 'L/a=1');
\set VERBOSITY terse
SELECT qlm_add_format('csv', 'lines.rows(text)');
SELECT qlm_add_format('QLMdf', 'lines.rows(text)');
SELECT qlm_add_format('', 'lines.rows(text)');
SELECT qlm_add_format('x');
SELECT qlm_add_format('fails', 'lines.rows(text)');
SELECT qlm_add_format('x', 'pg_catalog.upper(text)');
SELECT qlm_add_format('x', 'lines.text(qlm.payload_row[])');
SELECT qlm_add_format('x', writer => 'lines.rows(text)');
CREATE ROLE regress_format_admin ROLE postgres;
CREATE ROLE regress_format_user;
GRANT qlm_admin TO regress_format_admin;
GRANT qlm_reader, qlm_writer TO regress_format_user;
GRANT ALL ON SCHEMA lines TO regress_format_admin;
GRANT USAGE ON SCHEMA lines TO PUBLIC;
SET ROLE regress_format_user;
SELECT qlm_add_format('x', 'lines.rows(text)');
SET ROLE regress_format_admin;
CREATE FUNCTION lines.grabs(payload text) RETURNS SETOF qlm.payload_row LANGUAGE sql AS $$ SELECT 'G/user', now(), current_user::text, '' $$;
SELECT qlm_add_format('grabs', 'lines.grabs(text)');
\echo == the rights of a superuser are not lent to the function of somebody else, nor those of a user
RESET ROLE;
SELECT pg_temp.send('write msgformat="grabs"', 'x');
SET ROLE regress_format_user;
SELECT pg_temp.send('write msgformat="grabs"', 'x');
RESET ROLE;
ALTER FUNCTION lines.grabs(text) SECURITY DEFINER;
SELECT pg_temp.send('write msgformat="grabs"', 'x');
SELECT value FROM qlm.current WHERE path = 'G/user';
\echo == the rights of the caller: a function of the superuser runs with them
ALTER FUNCTION lines.grabs(text) SECURITY INVOKER;
ALTER FUNCTION lines.grabs(text) OWNER TO postgres;
SET ROLE regress_format_user;
SELECT pg_temp.send('write msgformat="grabs"', 'x');
RESET ROLE;
SELECT value FROM qlm.current WHERE path = 'G/user';
REVOKE EXECUTE ON FUNCTION lines.grabs(text) FROM PUBLIC;
SET ROLE regress_format_user;
SELECT pg_temp.send('write msgformat="grabs"', 'x');
RESET ROLE;
\echo == a function that is gone
DROP FUNCTION lines.grabs(text);
SELECT pg_temp.send('write msgformat="grabs"', 'x');
SELECT count(qlm_drop_format(name)) FROM qlm.format;
DROP SCHEMA lines CASCADE;
DROP ROLE regress_format_admin;
DROP ROLE regress_format_user;
SELECT qlm_delete(path) > 0 FROM unnest(ARRAY['F', 'J', 'L', 'G']) AS path;
