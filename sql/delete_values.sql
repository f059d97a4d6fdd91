-- Values deleted by their times, values corrected, and requests sent twice
\getenv sources PG_ABS_SRCDIR
\set prelude :sources /sql/include/prelude.psql
\i :prelude
CREATE FUNCTION pg_temp.fill(path text) RETURNS void LANGUAGE sql AS
	$$ SELECT count(qlm_write(path, d::text, timestamptz '2024-01-01Z' + d * interval '1 day')) FROM generate_series(1, 5) d $$;
CREATE FUNCTION pg_temp.left_of(path text) RETURNS text LANGUAGE sql AS
	$$ SELECT string_agg(value, ' ' ORDER BY ts) FROM qlm.history h WHERE h.path = $1 $$;

\echo == the values from begin to end, both included
SELECT pg_temp.fill('D1/x'), pg_temp.fill('D1/y'), pg_temp.fill('D1/part/z');
SELECT qlm_delete('D1/x', '2024-01-03Z', '2024-01-04Z');
SELECT pg_temp.left_of('D1/x');
SELECT qlm_delete('D1/x', '2024-01-03Z', '2024-01-04Z');
\echo == a single one, and without a bound on one side
SELECT qlm_delete('D1/x', '2024-01-02Z', '2024-01-02Z');
SELECT pg_temp.left_of('D1/x');
SELECT qlm_delete('D1/y', NULL, '2024-01-02 12:00Z'), qlm_delete('D1/y', '2024-01-06Z', NULL);
SELECT pg_temp.left_of('D1/y');
\echo == of all below an Object, which stays
SELECT qlm_delete('D1', '2024-01-05Z', 'infinity');
SELECT path, pg_temp.left_of(path) FROM qlm.info_item WHERE path LIKE 'D1/%' ORDER BY path;
SELECT qlm_delete('D1', '-infinity', 'infinity');
SELECT count(*) FROM qlm.info_item WHERE path LIKE 'D1/%';
\echo == whole days, where they are dates, in the time zone of the session
SELECT pg_temp.fill('DD/x'), qlm_write('DD/x', 'evening', '2024-01-04 23:59:59.999999Z'), qlm_write('DD/x', 'night', '2024-01-04 22:30Z');
SELECT value FROM qlm_read('DD/x', date '2024-01-03', date '2024-01-04');
SELECT value FROM qlm_read('DD/x', '2024-01-03', '2024-01-04');
SELECT value FROM qlm_read('DD/x', date '2024-01-05', NULL), qlm_read('DD/x', NULL::date, date '2024-01-02', newest => 1) AS b(a, b, c, d, e);
SELECT qlm_delete('DD/x', date '2024-01-04', date '2024-01-04');
SET timezone = 'Europe/Helsinki';
SELECT qlm_delete('DD/x', date '2024-01-03', date '2024-01-03'), qlm_delete('DD/x', NULL::date, date '-infinity'), qlm_delete('DD/x', date 'infinity', NULL);
SET timezone = 'UTC';
SELECT pg_temp.left_of('DD/x'), qlm_delete('DD');
\echo == also what has a time outside the partitions by month
SELECT qlm_write('D1/x', 'old', '1700-01-01Z'), qlm_write('D1/x', 'new', '2024-01-01Z');
SELECT qlm_delete('D1/x', NULL, '1800-01-01Z');
SELECT pg_temp.left_of('D1/x');
\echo == what is refused
\set VERBOSITY terse
SELECT qlm_delete('D1/x', NULL, NULL);
SELECT qlm_delete(NULL, '2024-01-01Z', NULL);
SELECT qlm_delete('Objects', '2024-01-01Z', NULL);
SELECT qlm_delete('D1//x', '2024-01-01Z', NULL);
SELECT qlm_delete('None/x', '2024-01-01Z', NULL);
SET ROLE qlm_reader;
SELECT qlm_delete('D1/x', '2024-01-01Z', NULL);
RESET ROLE;
\echo == by envelope: begin and end of the delete
SELECT pg_temp.fill('D2/x');
SELECT pg_temp.show(qlm_handle(pg_temp.odf('delete begin="2024-01-03T00:00:00Z" end="2024-01-04T00:00:00Z"', '<Object><id>D2</id><InfoItem name="x"/><InfoItem name="none"/></Object>')));
SELECT pg_temp.left_of('D2/x');
SELECT pg_temp.show(qlm_handle(pg_temp.odf('delete end="2024-01-02T00:00:00Z"', '<Object><id>D2</id></Object>')));
SELECT pg_temp.show(qlm_handle(pg_temp.odf('delete begin="2030-01-01T00:00:00Z"', '<Object><id>D2</id></Object>')));
SELECT pg_temp.left_of('D2/x');
SELECT pg_temp.show(qlm_handle(pg_temp.odf('delete begin="2024-01-01T00:00:00Z"', '<Object><id>None</id></Object>')));
\echo == nothing is deleted where the window is wrong, or is none that a delete has
SELECT pg_temp.show(qlm_handle(pg_temp.odf('delete begin="yesterday"', '<Object><id>D2</id></Object>')));
SELECT pg_temp.show(qlm_handle(pg_temp.odf('delete newest="1"', '<Object><id>D2</id></Object>')));
SELECT pg_temp.show(qlm_handle(pg_temp.envelope('<delete begin="2030-01-01T00:00:00Z"><requestID>1</requestID><msg><Objects><Object><id>D2</id></Object></Objects></msg></delete>')));
SELECT pg_temp.show(qlm_handle(pg_temp.envelope('<delete begin="2024-01-01T00:00:00Z"><msg><Objects/></msg></delete>')));
SELECT pg_temp.show(qlm_handle(pg_temp.envelope('<delete begin="2024-01-01T00:00:00Z"><nodeList><node>other</node></nodeList><msg><Objects><Object><id>D2</id></Object></Objects></msg></delete>')));
SELECT pg_temp.left_of('D2/x');
\echo == the window survives the queue
SELECT qlm_add_peer('north') > 0, qlm_request('north', pg_temp.odf('delete begin="2024-01-01T00:00:00Z"', '<Object><id>D2</id></Object>')) > 0;
SELECT substring(qlm_handle('<qlmEnvelope xmlns="QLMmi.xsd" version="1.0" ttl="0"><read/></qlmEnvelope>', 'north')::text FROM '<delete[^>]*>');
SELECT qlm_drop_peer('north');
DELETE FROM qlm.outbox;
\echo == a deletion is no event; what waits to be polled goes with the value
SELECT pg_temp.fill('D3/x');
SELECT qlm_subscribe('D3/x') AS id \gset
SELECT qlm_write('D3/x', '10', '2024-02-10Z'), qlm_write('D3/x', '11', '2024-02-11Z');
SELECT qlm_delete('D3/x', '2024-02-11Z', NULL);
SELECT value FROM qlm_poll(:id);
\echo == then the newest of what is left is the newest: older ones are no events, newer ones are
SELECT qlm_write('D3/x', '9', '2024-02-09Z');
SELECT value FROM qlm_poll(:id);
SELECT qlm_write('D3/x', '10.5', '2024-02-10 12:00Z'), qlm_write('D3/x', '11 again', '2024-02-11Z');
SELECT value FROM qlm_poll(:id);
SELECT qlm_write('D3/x', '12', '2024-02-12Z'), qlm_delete('D3/x', '2024-02-12Z', NULL), qlm_write('D3/x', '12 again', '2024-02-12Z');
SELECT value FROM qlm_poll(:id);
SELECT qlm_cancel(:id);
SELECT value FROM qlm_read('D3/x');
\echo == a value is corrected by writing another one for its time
SELECT qlm_write('D4/x', '4.5', '2024-01-01Z', 'xs:double'), qlm_write('D4/x', '4.75', '2024-01-01Z');
SELECT ts, value, type FROM qlm.history WHERE path = 'D4/x';

\echo == sent twice: a write is done once
SELECT qlm_subscribe('D5/x') AS id \gset
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object><id>D5</id><InfoItem name="x"><value unixTime="1">a</value><value unixTime="2">b</value></InfoItem></Object>'))) FROM generate_series(1, 2);
SELECT pg_temp.left_of('D5/x');
SELECT value FROM qlm_poll(:id);
\echo == a poll brings what it brings once
SELECT value FROM qlm_poll(:id);
\echo == a delete says that there is nothing any more
SELECT (xpath('//@returnCode', qlm_handle(pg_temp.odf('delete', '<Object><id>D5</id></Object>'))))[1] FROM generate_series(1, 2);
\echo == so does a cancel
SELECT (xpath('//@returnCode', qlm_handle(pg_temp.envelope(format('<cancel><requestID>%s</requestID></cancel>', :id)))))[1] FROM generate_series(1, 2);
\echo == two subscriptions are two
SELECT count(DISTINCT (xpath('//*[local-name()="requestID"]/text()', qlm_handle(pg_temp.odf('read interval="-1"', '<Object><id>D5</id></Object>'))))[1]::text) FROM generate_series(1, 2);
SELECT count(*), bool_and(qlm_cancel(request_id)) FROM qlm.subscription_target WHERE path = 'D5';
\echo == two calls are two
CREATE SEQUENCE public.called;
CREATE FUNCTION public.count_call(value text) RETURNS text LANGUAGE sql AS $$ SELECT nextval('called')::text $$;
SELECT qlm_set_handler('D6/count', 'public.count_call(text)');
SELECT value FROM generate_series(1, 2) n, qlm_call('D6/count', n::text);
SELECT qlm_set_handler('D6/count', NULL);
DROP FUNCTION public.count_call;
DROP SEQUENCE public.called;

\echo == requestIDs that are text are unknown, and no errors
SELECT pg_temp.show(qlm_handle(pg_temp.envelope('<read><requestID format="text">REQ0000001</requestID></read>')));
SELECT pg_temp.show(qlm_handle(pg_temp.envelope('<read><requestID>REQ0000001</requestID><requestID>-1</requestID><requestID>99999999999999999999</requestID><requestID>0</requestID></read>')));
SELECT pg_temp.show(qlm_handle(pg_temp.envelope('<cancel><requestID format="text">REQ0000001</requestID></cancel>')));
SELECT pg_temp.show(qlm_handle(pg_temp.envelope('<response><result><return returnCode="200"/><requestID format="text">REQ0000001</requestID></result></response>')));
\echo == nor does an answer with one answer another request
SELECT qlm_add_peer('south', role => 'qlm_writer') > 0, qlm_request('south', qlm_read_envelope('D7/x')) > 0;
SELECT qlm_handle('<qlmEnvelope xmlns="QLMmi.xsd" version="1.0" ttl="0"><read/></qlmEnvelope>', 'south')::text ~ '<read';
SELECT pg_temp.show(qlm_handle(pg_temp.envelope('<response><result><return returnCode="404"/><requestID>REQ0000001</requestID></result></response>'), 'south'));
SELECT state FROM qlm.outbox;
SELECT qlm_drop_peer('south');
DELETE FROM qlm.outbox;
SELECT count(qlm_delete(path)) FROM (SELECT path FROM qlm.object WHERE parent_id IS NULL AND path ~ 'D\d+$') o;
\set ECHO none
