-- How much a caller may leave at this node: qlm.max_subscriptions, qlm.max_queued
\getenv sources PG_ABS_SRCDIR
\set prelude :sources /sql/include/prelude.psql
\i :prelude

CREATE ROLE quota_user IN ROLE qlm_writer;
SELECT qlm_add_peer('quota', role => 'qlm_writer') IS NOT NULL, qlm_add_peer('other', role => 'qlm_writer') IS NOT NULL;
SELECT qlm_add_peer('far', url => 'http://127.0.0.1:9/') IS NOT NULL;
SELECT qlm_write('Q/x', '1', '2024-01-01Z');
CREATE FUNCTION pg_temp.codes(message xml) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(m[1], ' ') FROM regexp_matches(message::text, 'returnCode="(\d+)"', 'g') AS m
$$;
CREATE FUNCTION pg_temp.subscribe(n int, ttl text DEFAULT '10') RETURNS text LANGUAGE sql AS $$
	SELECT replace(pg_temp.envelope(repeat('<read interval="-1" msgformat="odf"><msg><Objects xmlns="http://www.opengroup.org/xsd/odf/2.0/"><Object><id>Q</id></Object></Objects></msg></read>', n)), 'ttl="10"', format('ttl="%s"', ttl))
$$;
SET qlm.max_subscriptions = 3;
SET qlm.max_queued = 2;
\echo == subscriptions, for each peer
SELECT pg_temp.codes(qlm_handle(pg_temp.subscribe(4), 'quota'));
SELECT pg_temp.codes(qlm_handle(pg_temp.subscribe(1), 'other'));
SELECT pg_temp.show(qlm_handle(pg_temp.subscribe(1), 'quota'));
DELETE FROM qlm.subscription WHERE request_id = (SELECT min(request_id) FROM qlm.subscription WHERE peer = 'quota');
SELECT pg_temp.codes(qlm_handle(pg_temp.subscribe(2, '0.3'), 'quota'));
\echo == one whose ttl has ended does not count
SELECT pg_sleep(0.31);
SELECT pg_temp.codes(qlm_handle(pg_temp.subscribe(2), 'quota'));
\echo == and for each role, in SQL too
SET ROLE quota_user;
SELECT count(qlm_subscribe('Q/x')) FROM generate_series(1, 3);
\set VERBOSITY terse
SELECT qlm_subscribe('Q/x');
SELECT pg_temp.codes(qlm_handle(pg_temp.subscribe(1)));
RESET ROLE;
\echo == but not for administrators
SELECT count(qlm_subscribe('Q/x')) FROM generate_series(1, 5);
SET qlm.max_subscriptions = 0;
SELECT pg_temp.codes(qlm_handle(pg_temp.subscribe(2), 'quota'));
\echo == messages that a caller has had queued
SELECT pg_temp.codes(qlm_handle(pg_temp.odf('read callback="http://127.0.0.1:9/a"', '<Object><id>Q</id></Object>'), 'quota')) FROM generate_series(1, 3);
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read callback="http://127.0.0.1:9/a"', '<Object><id>Q</id></Object>'), 'quota'));
SELECT pg_temp.codes(qlm_handle(replace(pg_temp.odf('read', '<Object><id>Q</id></Object>'), '<msg>', '<nodeList><node>far</node></nodeList><msg>'), 'quota'));
\echo == and that wait for one peer
SELECT pg_temp.codes(qlm_handle(replace(pg_temp.odf('read', '<Object><id>Q</id></Object>'), '<msg>', '<nodeList><node>far</node><node>far</node><node>far</node></nodeList><msg>'), 'other'));
DELETE FROM qlm.outbox WHERE asker_peer = 'other' AND message_id = (SELECT min(message_id) FROM qlm.outbox WHERE asker_peer = 'other');
SET ROLE quota_user;
SELECT pg_temp.codes(qlm_handle(replace(pg_temp.odf('read', '<Object><id>Q</id></Object>'), '<msg>', '<nodeList><node>far</node><node>far</node></nodeList><msg>')));
RESET ROLE;
SELECT count(qlm_request('far', qlm_read_envelope('Q/x'))) FROM generate_series(1, 5);
\echo == answers that are gathered, and subscriptions at other nodes
DELETE FROM qlm.outbox;
SET qlm.max_queued = 3;
SELECT pg_temp.codes(qlm_handle(replace(pg_temp.odf('read callback="http://127.0.0.1:9/a"', '<Object><id>Q</id></Object>'), '<msg>', '<nodeList><node>far</node><node>far</node><node>far</node></nodeList><msg>'), 'quota'));
SELECT pg_temp.codes(envelope::xml) FROM qlm.gathering;
SELECT pg_temp.codes(qlm_handle(pg_temp.odf('read callback="http://127.0.0.1:9/a"', '<Object><id>Q</id></Object>'), 'quota'));
UPDATE qlm.outbox SET state = 'cancelled' WHERE asker_peer = 'quota';
SELECT pg_temp.codes(qlm_handle(pg_temp.odf('read callback="http://127.0.0.1:9/a"', '<Object><id>Q</id></Object>'), 'quota')) FROM generate_series(1, 3);
DELETE FROM qlm.gathering;
DELETE FROM qlm.subscription;
DELETE FROM qlm.outbox;
SET qlm.max_subscriptions = 2;
SELECT pg_temp.codes(qlm_handle(replace(pg_temp.subscribe(1), '<msg>', '<nodeList><node>far</node><node>far</node><node>far</node></nodeList><msg>'), 'quota'));
SET qlm.max_subscriptions = 0;
SELECT pg_temp.codes(qlm_handle(replace(pg_temp.subscribe(1), '<msg>', '<nodeList><node>far</node><node>far</node></nodeList><msg>'), 'other'));
\echo == nothing of it is left
RESET qlm.max_subscriptions;
RESET qlm.max_queued;
DELETE FROM qlm.subscription;
DELETE FROM qlm.outbox;
SELECT qlm_drop_peer('quota'), qlm_drop_peer('other'), qlm_drop_peer('far'), qlm_delete('Q');
DROP ROLE quota_user;
