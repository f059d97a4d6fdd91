-- Requests queued for a peer leave nested in its responses (protocol: piggy backing)
\getenv sources PG_ABS_SRCDIR
\set prelude :sources /sql/include/prelude.psql
\i :prelude

-- ids of queued requests become their place in the queue, so that answers can be compared
CREATE FUNCTION pg_temp.named(message xml) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	t text := replace(message::text, '><', E'>\n<');
	r record;
BEGIN
	FOR r IN SELECT message_id, row_number() OVER (ORDER BY seq) AS n FROM qlm.outbox LOOP
		t := replace(t, '>' || r.message_id || '<', '>message ' || r.n || '<');
	END LOOP;
	RETURN QUERY SELECT regexp_split_to_table(t, E'\n');
END $$;
CREATE FUNCTION pg_temp.qlm(verbs text) RETURNS text LANGUAGE sql AS $$
	SELECT '<qlmEnvelope xmlns="QLMmi.xsd" version="1.0" ttl="0.0">' || verbs || '</qlmEnvelope>'
$$;
CREATE FUNCTION pg_temp.answer(id text, content text) RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.qlm('<response><result msgformat="QLMdf.xsd"><return returnCode="200"/>' || coalesce('<requestId>' || id || '</requestId>', '') || content || '</result></response>')
$$;
CREATE FUNCTION pg_temp.nested(message xml) RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM unnest(xpath('//*[local-name()="result"]/*[contains(local-name(), "Envelope")]', message))
$$;
CREATE VIEW pg_temp.queue AS SELECT row_number() OVER (ORDER BY seq) AS n, peer, state, attempts, return_code, last_error FROM qlm.outbox ORDER BY seq;
DELETE FROM qlm.outbox;
SELECT qlm_add_peer('fridge', role => 'qlm_writer', paths => '{SmartFridge411}') IS NOT NULL;
SELECT qlm_add_peer('other', role => 'qlm_writer') IS NOT NULL;
\echo == the fridge writes; a request waits; its response carries it, as in Fig. 3 of the paper
SELECT qlm_handle(pg_temp.qlm('<write msgformat="QLMdf.xsd"><Objects xmlns="QLMdf.xsd"><Object type="Refrigerator"><id>SmartFridge411 </id><InfoItem name="temperature"><value unixTime="1714557600">4.5</value></InfoItem></Object></Objects></write>'), 'fridge');
SELECT qlm_request('fridge', qlm_read_envelope('SmartFridge411/temperature')) AS read \gset
SELECT * FROM pg_temp.queue;
SELECT pg_temp.named(qlm_handle(pg_temp.qlm('<write msgformat="QLMdf.xsd"><Objects xmlns="QLMdf.xsd"><Object type="Refrigerator"><id>SmartFridge411 </id><InfoItem name="temperature"><value unixTime="1714557601">4.6</value></InfoItem></Object></Objects></write>'), 'fridge'));
SELECT * FROM pg_temp.queue;
\echo == not answered yet: not sent again before qlm.retry_delay
SELECT pg_temp.nested(qlm_handle(pg_temp.qlm('<read/>'), 'fridge'));
\echo == nobody else gets it, nor can answer it
SELECT pg_temp.nested(qlm_handle(pg_temp.qlm('<read/>'), 'other'));
SELECT pg_temp.named(qlm_handle(pg_temp.answer(:'read', ''), 'other'));
SELECT * FROM pg_temp.queue;
\echo == the response got lost: it is attached again after a while, and answered once
UPDATE qlm.outbox SET next_attempt_at = now() WHERE message_id = :read;
SELECT pg_temp.nested(qlm_handle(pg_temp.qlm('<read/>'), 'fridge'));
SELECT pg_temp.named(qlm_handle(pg_temp.answer(:'read', '<Objects xmlns="QLMdf.xsd"><Object><id>SmartFridge411</id><InfoItem name="temperature"><value unixTime="1714557602">4.7</value></InfoItem></Object></Objects>'), 'fridge'));
SELECT pg_temp.named(qlm_handle(pg_temp.answer(:'read', '<Objects xmlns="QLMdf.xsd"><Object><id>SmartFridge411</id><InfoItem name="temperature"><value unixTime="1714557602">4.7</value></InfoItem></Object></Objects>'), 'fridge'));
SELECT * FROM pg_temp.queue;
SELECT pg_temp.named(qlm_await(:read));
SELECT value FROM qlm.current WHERE path = 'SmartFridge411/temperature';
\echo == it has echoed an id, so now it gets several at once, in order, each in a result of its own; higher priority first
DELETE FROM qlm.outbox;
SELECT count(qlm_request('fridge', qlm_write_envelope('SmartFridge411/setpoint', n::text, '2024-01-01Z'), priority => (n = 3)::int)) FROM generate_series(1, 3) n;
SELECT pg_temp.named(qlm_handle(pg_temp.qlm('<read/>'), 'fridge'));
\echo == answers with several results, an error among them
SELECT pg_temp.show(qlm_handle(pg_temp.qlm((SELECT '<response>' || string_agg(format('<result><return returnCode="%s"/><requestId>%s</requestId></result>', CASE priority WHEN 1 THEN 403 ELSE 200 END, message_id), '' ORDER BY seq) || '</response>' FROM qlm.outbox)), 'fridge'));
SELECT * FROM pg_temp.queue;
\echo == a limit on number and size
DELETE FROM qlm.outbox;
SELECT count(qlm_request('fridge', qlm_write_envelope('SmartFridge411/text', repeat('x', 3000)))) FROM generate_series(1, 5) n;
SET qlm.piggyback_max = 2;
SELECT pg_temp.nested(qlm_handle(pg_temp.qlm('<read/>'), 'fridge'));
RESET qlm.piggyback_max;
UPDATE qlm.outbox SET state = 'queued', next_attempt_at = NULL;
SET qlm.piggyback_max_size = '10kB';
SELECT pg_temp.nested(qlm_handle(pg_temp.qlm('<read/>'), 'fridge'));
SET qlm.piggyback_max_size = '1kB';
UPDATE qlm.outbox SET state = 'queued', next_attempt_at = NULL;
SELECT pg_temp.nested(qlm_handle(pg_temp.qlm('<read/>'), 'fridge'));
RESET qlm.piggyback_max_size;
SELECT state, count(*) FROM qlm.outbox GROUP BY state ORDER BY state;
\echo == time to live: the rest of it is nested, and at its end the request expires
DELETE FROM qlm.outbox;
SELECT qlm_request('fridge', qlm_read_envelope('SmartFridge411/temperature'), ttl => '100 s') AS old \gset
UPDATE qlm.outbox SET expires_at = clock_timestamp() + interval '59.5 s';
SELECT (xpath('//*[local-name()="result"]/*[local-name()="qlmEnvelope"]/@ttl', qlm_handle(pg_temp.qlm('<read/>'), 'fridge')))[1];
UPDATE qlm.outbox SET expires_at = now(), created_at = now() - interval '100 s';
SELECT pg_temp.nested(qlm_handle(pg_temp.qlm('<read/>'), 'fridge'));
SELECT * FROM pg_temp.queue;
SELECT qlm_requeue(:old), qlm_requeue(:old), qlm_requeue(1);
SELECT * FROM pg_temp.queue;
\echo == without an id in the answer: the only one outstanding
SELECT pg_temp.nested(qlm_handle(pg_temp.qlm('<read/>'), 'fridge'));
SELECT pg_temp.show(qlm_handle(pg_temp.answer(NULL, '<Objects xmlns="QLMdf.xsd"><Object><id>SmartFridge411</id><InfoItem name="temperature"><value unixTime="1714557603">5</value></InfoItem></Object></Objects>'), 'fridge'));
SELECT * FROM pg_temp.queue;
\echo == without an id and several outstanding: the oldest that fits
DELETE FROM qlm.outbox;
SELECT qlm_request('fridge', qlm_write_envelope('SmartFridge411/setpoint', '1')) IS NOT NULL, qlm_request('fridge', qlm_read_envelope('SmartFridge411/door')) IS NOT NULL, qlm_request('fridge', qlm_read_envelope('SmartFridge411/temperature')) IS NOT NULL;
SELECT pg_temp.nested(qlm_handle(pg_temp.qlm('<read/>'), 'fridge'));
SELECT pg_temp.show(qlm_handle(pg_temp.answer(NULL, '<Objects xmlns="QLMdf.xsd"><Object><id>SmartFridge411</id><InfoItem name="temperature"><value unixTime="1714557604">5</value></InfoItem></Object></Objects>'), 'fridge'));
SELECT n, state FROM pg_temp.queue;
SELECT pg_temp.show(qlm_handle(pg_temp.answer(NULL, ''), 'fridge'));
SELECT n, state FROM pg_temp.queue;
\echo == a peer that has not echoed an id gets one at a time
DELETE FROM qlm.outbox;
SELECT count(qlm_request('other', qlm_read_envelope('X/y'))) FROM generate_series(1, 3) n;
SELECT pg_temp.nested(qlm_handle(pg_temp.qlm('<read/>'), 'other')), pg_temp.nested(qlm_handle(pg_temp.qlm('<read/>'), 'other'));
\echo == O-MI peers are tried with one, and get no more until they have shown or been said to understand
UPDATE qlm.outbox SET state = 'queued', next_attempt_at = NULL;
SELECT pg_temp.nested(qlm_handle(pg_temp.envelope('<read/>'), 'other')), pg_temp.nested(qlm_handle(pg_temp.envelope('<read/>'), 'other'));
SELECT row_number() OVER (ORDER BY seq) AS n, state, regexp_replace(waits_for, 'message \d+', 'message #') AS waits_for, what_to_do FROM qlm.stat_outbox JOIN (SELECT message_id, seq FROM qlm.outbox) AS o USING (message_id) WHERE peer = 'other' ORDER BY n;
UPDATE qlm.peer SET piggyback = true WHERE name = 'other';
SELECT pg_temp.named(qlm_handle(pg_temp.envelope('<read/>'), 'other'));
UPDATE qlm.peer SET piggyback = false, echoes_ids = true WHERE name = 'other';
UPDATE qlm.outbox SET state = 'queued', next_attempt_at = NULL;
SELECT pg_temp.nested(qlm_handle(pg_temp.qlm('<read/>'), 'other'));
\echo == a peer with a dialect gets nested requests in that
UPDATE qlm.peer SET piggyback = true, dialect = 'QP' WHERE name = 'other';
DELETE FROM qlm.outbox;
SELECT qlm_request('other', qlm_read_envelope('SmartFridge411/temperature'), ttl => NULL) IS NOT NULL;
SELECT pg_temp.named(qlm_handle(pg_temp.envelope('<read/>'), 'other'));
\echo == dropping a peer cancels what waits for it
SELECT qlm_drop_peer('other'), qlm_drop_peer('other');
SELECT * FROM pg_temp.queue;
\echo == what is refused
\set VERBOSITY terse
SELECT qlm_request('nobody', qlm_read_envelope('X/y'));
SELECT qlm_request('fridge', 'no message');
SELECT qlm_request('fridge', pg_temp.qlm('<read newest="x"/>'));
SELECT qlm_request('fridge', pg_temp.qlm('<read/>'), ttl => '0');
SELECT qlm_add_peer('fridge');
SELECT qlm_add_peer('a/b');
SELECT qlm_add_peer('p', url => 'ftp://x');
SELECT qlm_add_peer('p', url => 'http://[::1');
SELECT qlm_add_peer('p', url => 'https://plant.example:80800/qlm');
SELECT qlm_add_peer('p', dialect => 'Q7');
SELECT qlm_add_peer('p', paths => '{a//b}');
SELECT qlm_add_peer('p', role => 'no such role');
SELECT qlm_handle(pg_temp.qlm('<read/>'), 'nobody');
SELECT qlm_await(1, '0');
\echo == waiting for what the same transaction has queued: it is sent apart, and stays sent
DELETE FROM qlm.outbox;
SELECT qlm_await(qlm_request('fridge', pg_temp.qlm('<read/>')), '500 ms') IS NULL;
SELECT n, state, attempts FROM pg_temp.queue WHERE state <> 'cancelled';
SELECT c.last_error = 'sent as message ' || o.message_id FROM qlm.outbox c JOIN qlm.outbox o ON o.message_id = c.sent_as;
DELETE FROM qlm.outbox;
BEGIN;
SELECT qlm_request('fridge', pg_temp.qlm('<read/>')) AS id \gset
SELECT qlm_await(:id, '0') IS NULL;
SELECT state FROM qlm.outbox;
SELECT qlm_await(:id, '500 ms') IS NULL;
SELECT qlm_await(:id, '1 ms') IS NULL;
SELECT count(*), count(DISTINCT state) FROM qlm.outbox;
ROLLBACK;
SELECT state FROM qlm.outbox;
DELETE FROM qlm.outbox;
\echo == but not what a block around this one has queued, nor for a peer that others do not see
BEGIN;
SELECT qlm_request('fridge', pg_temp.qlm('<read/>')) AS id \gset
SAVEPOINT inner_block;
\set VERBOSITY sqlstate
SELECT qlm_await(:id, '1 s');
\set VERBOSITY terse
ROLLBACK;
BEGIN;
SELECT qlm_add_peer('newcomer') IS NOT NULL;
SELECT qlm_await(qlm_request('newcomer', pg_temp.qlm('<read/>')), '10 s');
ROLLBACK;
SELECT count(*) FROM qlm.outbox;
\set VERBOSITY sqlstate
SELECT qlm_request('fridge', pg_temp.qlm('<read/>')) AS waits \gset
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT qlm_await(:waits, '10 ms') IS NULL;
ROLLBACK;
SELECT qlm_write_envelope('X/y', '1', 'infinity');
SELECT qlm_drop_peer('fridge');
DELETE FROM qlm.outbox;
SELECT qlm_delete('SmartFridge411');
