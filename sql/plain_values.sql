-- Values that come by plain SQL, and by functions with arguments of all kinds, are
-- what the same ones are in messages
\getenv sources PG_ABS_SRCDIR
\set prelude :sources /sql/include/prelude.psql
\i :prelude
CREATE FUNCTION pg_temp.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	hint text;
BEGIN
	EXECUTE statement;
	RETURN 'taken';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN SQLSTATE || ' ' || SQLERRM || '. ' || detail || ' ' || hint;
END
$$;
SELECT qlm_write('PV/x', 'first', '2024-01-01Z');
SELECT info_item_id AS x FROM qlm.info_item WHERE path = 'PV/x' \gset

\echo == each text as a message has it, and as INSERT and COPY have it: the same row
CREATE TEMP TABLE texts (n int GENERATED ALWAYS AS IDENTITY, txt text);
INSERT INTO texts (txt) VALUES ('23.50'), ('23.5'), ('1'), ('-0'), ('1e5'), ('1E+05'), ('100000'), (' 7 '), ('007'), ('1e400'), ('INF'), ('-INF'), ('NaN'), ('nan'), ('Infinity'), ('true'), ('false'), ('TRUE'), ('warm'), (''), ('1,5'), ('0x10');
SELECT count(qlm_write('PV/message', txt, '2024-01-01Z'::timestamptz + make_interval(secs => n))) FROM texts;
SELECT count(qlm_write(path, 'first', '2024-01-01Z')) FROM unnest('{PV/insert,PV/copy,PV/update,PV/number}'::text[]) path;
INSERT INTO qlm.value (info_item_id, ts, txt) SELECT info_item_id, '2024-01-01Z'::timestamptz + make_interval(secs => n), txt FROM texts, qlm.info_item WHERE path = 'PV/insert';
-- COPY needs a number that is known
INSERT INTO qlm.info_item (info_item_id, object_id, name, path) SELECT 1777000001, object_id, 'copied', 'PV/copied' FROM qlm.object WHERE path = 'PV';
COPY qlm.value (info_item_id, ts, txt, type) FROM STDIN;
1777000001	2024-01-01 00:00:01Z	23.50	xs:double
1777000001	2024-01-01 00:00:02Z	23.5	xs:string
1777000001	2024-01-01 00:00:03Z	true	\N
1777000001	2024-01-01 00:00:04Z	warm	\N
\.
COPY qlm.value_2024_01 (info_item_id, ts, txt) FROM STDIN;
1777000001	2024-01-01 00:00:05Z	1.0
\.
COPY qlm.value_default (info_item_id, ts, txt) FROM STDIN;
1777000001	1800-01-01 00:00:05Z	1.0
\.
INSERT INTO qlm.value (info_item_id, ts, txt) SELECT info_item_id, '2024-01-01Z'::timestamptz + make_interval(secs => n), '?' FROM texts, qlm.info_item WHERE path = 'PV/update';
UPDATE qlm.value v SET txt = t.txt FROM texts t, qlm.info_item i WHERE i.path = 'PV/update' AND v.info_item_id = i.info_item_id AND v.ts = '2024-01-01Z'::timestamptz + make_interval(secs => t.n);
SELECT t.txt, v.num, v.txt IS NULL AS as_number, count(*) FROM texts t
	JOIN qlm.value v ON v.ts = '2024-01-01Z'::timestamptz + make_interval(secs => t.n) JOIN qlm.info_item i USING (info_item_id)
	WHERE i.path IN ('PV/message', 'PV/insert', 'PV/update') GROUP BY t.n, 1, 2, 3 ORDER BY t.n;
SELECT ts, num, txt, type FROM qlm.value WHERE info_item_id = 1777000001 ORDER BY ts;
SELECT path, avg(num), max(num), count(num) FROM qlm.history WHERE path IN ('PV/message', 'PV/insert', 'PV/update') AND ts > '2024-01-01Z' GROUP BY 1 ORDER BY 1;
\echo == sent again in a message, none of them is another value
SELECT sum(repeated) FROM texts t, LATERAL qlm_write_counted('PV/insert', t.txt, '2024-01-01Z'::timestamptz + make_interval(secs => t.n));

\echo == numbers that no sum may have, as numbers and as arguments
INSERT INTO qlm.value (info_item_id, ts, num) VALUES (:x, '2024-01-02 00:00:01Z', 'Infinity'), (:x, '2024-01-02 00:00:02Z', '-Infinity'), (:x, '2024-01-02 00:00:03Z', 'NaN'), (:x, '2024-01-02 00:00:04Z', 1e308), (:x, '2024-01-02 00:00:05Z', '-0');
SELECT count(qlm_write('PV/x', n, '2024-01-02 00:01:00Z'::timestamptz + make_interval(secs => k))) FROM unnest('{Infinity,-Infinity,NaN,0.1,1e-7,-0}'::float8[]) WITH ORDINALITY AS u(n, k);
SELECT count(qlm_write('PV/x', n, '2024-01-02 00:02:00Z'::timestamptz + make_interval(secs => k))) FROM unnest('{Infinity,-Infinity,NaN,0.10,100}'::numeric[]) WITH ORDINALITY AS u(n, k);
SELECT ts, value, num, type FROM qlm.history WHERE path = 'PV/x' AND ts > '2024-01-02Z' ORDER BY ts;
SELECT regexp_matches(qlm_handle(pg_temp.envelope('<read begin="2024-01-02T00:00:00Z" end="2024-01-02T00:00:59Z"><msg><Objects><Object><id>PV</id><InfoItem name="x"/></Object></Objects></msg></read>'))::text, '>([^<]+)</value>', 'g');
SELECT (regexp_match(qlm_handle(pg_temp.envelope('<read msgformat="json" begin="2024-01-02T00:00:00Z" end="2024-01-02T00:00:59Z"><msg><Objects><Object><id>PV</id><InfoItem name="x"/></Object></Objects></msg></read>'))::text, '"values":(\[.*\])'))[1];

\echo == of text and number the one that is changed is meant
INSERT INTO qlm.value (info_item_id, ts, txt, num) VALUES (:x, '2024-01-03 00:00:01Z', '4.50', NULL), (:x, '2024-01-03 00:00:02Z', 'on', 1), (:x, '2024-01-03 00:00:03Z', '5', 6), (:x, '2024-01-03 00:00:04Z', 'warm', NULL);
SELECT ts, num, txt FROM qlm.value WHERE info_item_id = :x AND ts BETWEEN '2024-01-03Z' AND '2024-01-04Z' ORDER BY ts;
UPDATE qlm.value SET num = num * 2 WHERE info_item_id = :x AND ts BETWEEN '2024-01-03Z' AND '2024-01-04Z';
SELECT ts, value, num FROM qlm.history WHERE path = 'PV/x' AND ts BETWEEN '2024-01-03Z' AND '2024-01-04Z' ORDER BY ts;
UPDATE qlm.value SET txt = 'cold' WHERE info_item_id = :x AND ts BETWEEN '2024-01-03Z' AND '2024-01-04Z';
SELECT ts, value, num FROM qlm.history WHERE path = 'PV/x' AND ts BETWEEN '2024-01-03Z' AND '2024-01-04Z' ORDER BY ts;
UPDATE qlm.value SET txt = 'true' WHERE info_item_id = :x AND ts = '2024-01-03 00:00:01Z';
UPDATE qlm.value SET num = NULL WHERE info_item_id = :x AND ts = '2024-01-03 00:00:01Z';
UPDATE qlm.value SET txt = NULL, num = 'NaN' WHERE info_item_id = :x AND ts = '2024-01-03 00:00:02Z';
UPDATE qlm.value SET ts = ts + interval '1 day', txt = '1.50' WHERE info_item_id = :x AND ts = '2024-01-03 00:00:03Z';
SELECT ts, value, num FROM qlm.history WHERE path = 'PV/x' AND ts BETWEEN '2024-01-03Z' AND '2024-01-05Z' ORDER BY ts;
SELECT regexp_replace(pg_temp.try(format('UPDATE qlm.value SET txt = NULL, num = NULL WHERE info_item_id = %s AND ts = ''2024-01-03 00:00:02Z''', :x)), 'row contains.*', '');
\echo == Objects as a value have no number
INSERT INTO qlm.value (info_item_id, ts, txt, is_odf) VALUES (:x, '2024-01-05Z', '12', true);
SELECT value, num FROM qlm.history WHERE path = 'PV/x' AND ts = '2024-01-05Z';
\echo == and are XML, which leaves as it is
SELECT v, split_part(pg_temp.try(format('UPDATE qlm.value SET txt = %L WHERE info_item_id = %s AND ts = ''2024-01-05Z''', v, :x)), '. ', 1) FROM unnest('{"<a>",a < b,</value><value>,<a>&nbsp;</a>,"<a b=\"1\"/> &amp; c"}'::text[]) v;
SELECT split_part(pg_temp.try(format('UPDATE qlm.value SET is_odf = true, txt = ''<'' WHERE info_item_id = %s AND ts = ''2024-01-05Z''', :x)), '. ', 1);
SELECT split_part(pg_temp.try(format('INSERT INTO qlm.meta_data (info_item_id, name, value, is_odf) VALUES (%s, ''odf'', ''<'', true)', :x)), '. ', 1);
\echo == a partition that the node makes has the same trigger as all others
SELECT count(*) FROM pg_trigger WHERE tgname = 'value_form' AND tgrelid = 'qlm.value_2024_01'::regclass;
\echo == a dump that is restored is left as it was
BEGIN;
SET LOCAL check_function_bodies = false;
SET LOCAL row_security = off;
INSERT INTO qlm.value (info_item_id, ts, txt, num) VALUES (:x, '2024-01-06 00:00:01Z', 'true', NULL), (:x, '2024-01-06 00:00:02Z', E'\x01', NULL);
SET LOCAL row_security = on;
RESET check_function_bodies;
SELECT ts, num FROM qlm.value WHERE info_item_id = :x AND ts BETWEEN '2024-01-06Z' AND '2024-01-07Z' ORDER BY ts;
\echo == what was there before and messages cannot contain leaves as U+FFFD, in every form
SELECT (regexp_match(qlm_handle(pg_temp.envelope('<read begin="2024-01-06T00:00:02Z" end="2024-01-06T00:00:02Z"><msg><Objects><Object><id>PV</id><InfoItem name="x"/></Object></Objects></msg></read>'))::text, '>([^<]+)</value>'))[1] = U&'\FFFD';
SELECT (regexp_match(qlm_handle(pg_temp.envelope('<read msgformat="json" begin="2024-01-06T00:00:02Z" end="2024-01-06T00:00:02Z"><msg><Objects><Object><id>PV</id><InfoItem name="x"/></Object></Objects></msg></read>'))::text, '"value":"([^"]*)"'))[1] = U&'\FFFD';
SELECT qlm_handle_json('{"omiEnvelope":{"version":"1.0","ttl":0,"read":{"begin":"2024-01-06T00:00:02Z","end":"2024-01-06T00:00:02Z","msg":{"Objects":{"Object":{"id":"PV","InfoItem":{"name":"x"}}}}}}}')::text ~ U&'"value":"\FFFD"';
SELECT qlm_handle(pg_temp.envelope('<read msgformat="csv" begin="2024-01-06T00:00:02Z" end="2024-01-06T00:00:02Z"><msg>PV/x</msg></read>'))::text ~ U&'Z,\FFFD';
ROLLBACK;

\echo == characters that messages cannot contain are refused at every door
SELECT pg_temp.try(format('INSERT INTO qlm.value (info_item_id, ts, txt) VALUES (%s, ''2024-01-07Z'', E''a\x01b'')', :x));
SELECT pg_temp.try(format('INSERT INTO qlm.value (info_item_id, ts, num, type) VALUES (%s, ''2024-01-07Z'', 1, E''t\x1f'')', :x));
SELECT pg_temp.try(format('INSERT INTO qlm.value (info_item_id, ts, num, attributes) VALUES (%s, ''2024-01-07Z'', 1, ''{"note":"a\u0001"}'')', :x));
SELECT pg_temp.try(format('INSERT INTO qlm.value (info_item_id, ts, txt) VALUES (%s, ''2024-01-07Z'', U&''\FFFE'')', :x));
SELECT pg_temp.try(format('UPDATE qlm.value SET txt = E''\x02'' WHERE info_item_id = %s', :x));
SELECT pg_temp.try($$INSERT INTO qlm.object (id, path) VALUES (E'a\x01', E'a\x01')$$);
SELECT pg_temp.try($$INSERT INTO qlm.object (id, path, description) VALUES ('PVd', 'PVd', '{"":"a\u0001"}')$$);
SELECT pg_temp.try($$INSERT INTO qlm.object (id, path, attributes) VALUES ('PVd', 'PVd', '{"a\u0001":"x"}')$$);
SELECT pg_temp.try($$UPDATE qlm.object SET type = E'\x0b' WHERE path = 'PV'$$);
SELECT pg_temp.try($$INSERT INTO qlm.object_id (object_id, id, position) SELECT object_id, E'\x01', 1 FROM qlm.object WHERE path = 'PV'$$);
SELECT pg_temp.try($$INSERT INTO qlm.info_item (object_id, name, path) SELECT object_id, E'\x01', E'PV/\x01' FROM qlm.object WHERE path = 'PV'$$);
SELECT pg_temp.try($$UPDATE qlm.info_item SET alt_names = '["a\u0001"]' WHERE path = 'PV/x'$$);
SELECT pg_temp.try($$INSERT INTO qlm.meta_data (info_item_id, name, value) SELECT info_item_id, 'unit', E'\x01' FROM qlm.info_item WHERE path = 'PV/x'$$);
SELECT pg_temp.try($$SELECT qlm_write('PV/x', E'a\x01')$$);
SELECT pg_temp.try($$SELECT qlm_write(E'PV/\x01', 'a')$$);
SELECT pg_temp.try($$SELECT qlm_write('PV/x', 'a', type => E'\x01')$$);
SELECT pg_temp.try($$SELECT qlm_write('PV/x', '"a\u0001"'::jsonb)$$);
SELECT pg_temp.try($$SELECT qlm_write_counted('PV/x', E'\x01')$$);
SELECT pg_temp.try($$SELECT qlm_write_envelope('PV/x', E'\x01')$$);
SELECT pg_temp.try($$SELECT qlm_read_envelope(E'PV/\x01')$$);
SELECT pg_temp.try($$SELECT qlm_read_envelope('PV/x', callback => E'http://x/\x01')$$);
SELECT pg_temp.try($$SELECT qlm_call_envelope('PV/x', E'\x01')$$);
SELECT pg_temp.try($$SELECT qlm_call('PV/x', E'\x01')$$);
SELECT pg_temp.try($$SELECT qlm_subscribe('PV/x', callback => E'http://127.0.0.1/\x01')$$);
SELECT pg_temp.try($$SELECT qlm_subscribe(E'PV/\x01')$$);
SELECT pg_temp.try($$SELECT qlm_rename('PV/x', E'\x01')$$);
SELECT pg_temp.try($$SELECT qlm_add_peer('pv', paths => ARRAY[E'PV\x01'])$$);
SELECT qlm_add_peer('pv') > 0;
SELECT pg_temp.try($$SELECT qlm_request('pv', replace(qlm_write_envelope('PV/x', 'a', '2024-01-01Z')::text, '>a<', E'>\x01<'))$$);
SELECT qlm_drop_peer('pv');
CREATE SCHEMA pv;
CREATE FUNCTION pv.bad(text) RETURNS text LANGUAGE sql AS $$ SELECT E'\x01' $$;
SELECT qlm_set_handler('PV/x', 'pv.bad(text)');
SELECT pg_temp.try($$SELECT * FROM qlm_call('PV/x', 'a')$$);
SELECT pg_temp.show(qlm_handle(pg_temp.odf('call', '<Object><id>PV</id><InfoItem name="x"><value>1</value></InfoItem></Object>')));
SELECT qlm_set_handler('PV/x', NULL);
DROP SCHEMA pv CASCADE;
\echo == jsonb that messages could not show, or that would spoil them
SELECT a, pg_temp.try(format('UPDATE qlm.object SET attributes = %L WHERE path = ''PV''', a)) FROM unnest('{5,null,[],"{\"floor\": 3}","{\"a b\": \"x\"}","{\"\": \"x\"}","{\"id\": \"x\"}","{\"a:b\": \"x\"}","{\"name\": \"x\", \"Stockwerk\": \"3\"}","{}"}'::text[]) a;
SELECT a, pg_temp.try(format('UPDATE qlm.info_item SET attributes = %L WHERE path = ''PV/x''', a)) FROM unnest('{"{\"name\": \"x\"}","{\"id\": \"x\"}"}'::text[]) a;
SELECT a, pg_temp.try(format('UPDATE qlm.value SET attributes = %L WHERE info_item_id = %s', a, :x)) FROM unnest('{"{\"dateTime\": \"x\"}","{\"quality\": \"good\"}"}'::text[]) a;
SELECT d, pg_temp.try(format('UPDATE qlm.info_item SET description = %L WHERE path = ''PV/x''', d)) FROM unnest('{5,"\"text\"","[\"text\"]","{\"en\": 5}","{\"en\": {\"txt\": \"x\"}}","{\"en\": {\"text\": \"x\", \"attributes\": 5}}","{\"\": \"x\", \"en\": {\"text\": \"x\", \"attributes\": {\"a\": \"b\"}}}"}'::text[]) d;
SELECT n, pg_temp.try(format('UPDATE qlm.info_item SET alt_names = %L WHERE path = ''PV/x''', n)) FROM unnest('{5,"\"x2\"","{\"a\": \"b\"}","[1]","[{\"name\": \"x2\"}]","[{\"id\": \"x2\", \"startDate\": \"noon\"}]","[\"x2\", {\"id\": \"x3\", \"idType\": \"k\", \"startDate\": \"2024-01-01\"}]","[]"}'::text[]) n;
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read', '<Object><id>PV</id><InfoItem name="x"><description/></InfoItem></Object>')));
\echo == what may be there is left alone
SELECT pg_temp.try(format('INSERT INTO qlm.value (info_item_id, ts, txt) VALUES (%s, ''2024-01-08Z'', E''a\tb\r\n\x7f'' || U&''\0085\FFFD\+01FFFE'')', :x));

\echo == one null among many: whose?
SELECT pg_temp.try($$SELECT qlm_write(path, value, ts) FROM (VALUES ('PV/x', 1.5, '2024-02-01Z'::timestamptz), ('PV/y', NULL, '2024-02-02Z')) s(path, value, ts)$$);
SELECT pg_temp.try($$SELECT qlm_write(path, value, ts) FROM (VALUES ('PV/x', '1', '2024-02-01Z'::timestamptz), (NULL, '2', '2024-02-02Z')) s(path, value, ts)$$);
SELECT pg_temp.try($$SELECT qlm_write('PV/y', NULL::text)$$);
SELECT pg_temp.try($$SELECT qlm_write('PV/y', 'null'::jsonb, '2024-02-02Z')$$);
SELECT pg_temp.try($$SELECT qlm_write(NULL, true)$$);
SELECT pg_temp.try($$SELECT qlm_write('PV/y', 1, 'infinity')$$);
SELECT pg_temp.try($$SELECT qlm_write_envelope('PV/y', NULL::numeric, '2024-02-02Z')$$);
SELECT pg_temp.try($$SELECT qlm_read(NULL)$$);
SELECT pg_temp.try($$SELECT qlm_subscribe('PV/x', NULL)$$);

\echo == counted
SELECT * FROM qlm_write_counted('PV/c', 1, '2024-02-01Z');
SELECT * FROM qlm_write_counted('PV/c', 1, '2024-02-01Z');
SELECT * FROM qlm_write_counted('PV/c', 1.0, '2024-02-01Z');
SELECT * FROM qlm_write_counted('PV/c', NULL::text, '2024-02-01Z');
SELECT * FROM qlm_write_counted('PV/none', 'null'::jsonb);
SELECT count(*) FROM qlm.info_item WHERE path = 'PV/none';
SELECT sum((c).added), sum((c).replaced), sum((c).repeated), sum((c).empty), sum((c).made) FROM (SELECT qlm_write_counted('PV/c', v, t) AS c FROM (VALUES (true, '2024-02-01Z'::timestamptz), (false, '2024-02-02Z'), (NULL, '2024-02-03Z'), (true, '2024-02-01Z')) s(v, t) OFFSET 0) w;
SELECT response::text ~ 'returnCode="200"', received, added, replaced, repeated, superseded, empty, made, ahead, description FROM qlm_handle_counted(pg_temp.envelope('<write><msg><Objects><Object><id>PV</id><InfoItem name="c"><value dateTime="2024-02-02T00:00:00Z">1</value><value dateTime="2024-02-02T00:00:00Z">2</value></InfoItem></Object></Objects></msg></write><write><msg><Objects><Object><id>PV</id><InfoItem name="d"><value dateTime="2024-02-02T00:00:00Z">1</value></InfoItem><InfoItem name="c"/></Object></Objects></msg></write>'));
SELECT * FROM qlm_handle_json_counted('{"omiEnvelope":{"version":"1.0","ttl":0,"write":{"msg":{"Objects":{"Object":{"id":"PV","InfoItem":{"name":"d","values":[{"value":1,"dateTime":"2024-02-02T00:00:00Z"}]}}}}}}}');
SELECT received, added, response::text ~ 'returnCode="400"' FROM qlm_handle_counted('<nonsense');
SELECT received, added FROM qlm_handle_counted(xmlparse(document pg_temp.envelope('<write><msg><Objects><InfoItem name="no Object"/></Objects></msg></write><read/>')));

\echo == each kind of argument for each function that takes a value
SELECT v, pg_temp.try(format('SELECT %s(''PV/x'', %s)', f, v)), count(*) FROM unnest('{qlm_write,qlm_write_counted,qlm_write_envelope,qlm_call_envelope}'::text[]) f, unnest('{4.5,5,true,''text'',''4.5''::float8,''4.5''::real,5::bigint,5::smallint,''[1]''::jsonb,''text''::text}'::text[]) v GROUP BY 1, 2 ORDER BY 1, 2;
SELECT (regexp_match(e::text, '<value.*</value>'))[1] FROM (VALUES (qlm_write_envelope('PV/x', 4.50, '2024-01-01Z')), (qlm_write_envelope('PV/x', 5, '2024-01-01Z')), (qlm_write_envelope('PV/x', true, '2024-01-01Z')), (qlm_write_envelope('PV/x', 'a<b', '2024-01-01Z')),
	(qlm_write_envelope('PV/x', 'Infinity'::float8, '2024-01-01Z')), (qlm_write_envelope('PV/x', '"s"'::jsonb, '2024-01-01Z')), (qlm_write_envelope('PV/x', '7'::jsonb, '2024-01-01Z')), (qlm_write_envelope('PV/x', 5, '2024-01-01Z', 'xs:int')), (qlm_write_envelope('PV/x', 5, '2024-01-01Z', 'xs:string')),
	(qlm_call_envelope('PV/x', 4.50)), (qlm_call_envelope('PV/x', 5)), (qlm_call_envelope('PV/x', false)), (qlm_call_envelope('PV/x', '{"a": 1}'::jsonb)), (qlm_call_envelope('PV/x', 'on')), (qlm_call_envelope('PV/x', 5, 'xs:int'))) v(e);
SELECT qlm_delete('PV');
