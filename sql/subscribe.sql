-- Subscriptions: beginning, polling, cancelling, notifying (protocol: subscription)
\getenv sources PG_ABS_SRCDIR
\set prelude :sources /sql/include/prelude.psql
\i :prelude

-- the requestID of an answer
CREATE FUNCTION pg_temp.request_id(message xml) RETURNS text LANGUAGE sql AS $$
	SELECT (xpath('//*[local-name()="requestID"]/text()', message))[1]::text
$$;
CREATE FUNCTION pg_temp.poll(ids text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT pg_temp.show(qlm_handle(pg_temp.envelope(format('<read>%s</read>', ids))))
$$;
CREATE FUNCTION pg_temp.id(request_id text) RETURNS text LANGUAGE sql AS $$ SELECT format('<requestID>%s</requestID>', request_id) $$;
\echo == to a path that does not exist yet; the answer has a requestID, a decimal number
SELECT pg_temp.request_id(qlm_handle(pg_temp.odf('read interval="-1"', '<Object><id>S1</id></Object>'))) AS object \gset
SELECT :'object' ~ '^\d{1,16}$' AND :object < 2::bigint ^ 53;
SELECT pg_temp.request_id(qlm_handle(pg_temp.odf('read interval="-1"', '<Object><id>S1</id><InfoItem name="x"/></Object>'))) AS item \gset
\echo == nothing has happened
SELECT pg_temp.poll(pg_temp.id(:'object'));
\echo == by envelope, by function and by plain SQL; InfoItems made later are covered by their Object
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object><id>S1</id><InfoItem name="x"><value dateTime="2024-01-01T00:00:00Z">1</value></InfoItem></Object>')));
SELECT qlm_write('S1/part/y', '2', '2024-01-01Z');
INSERT INTO qlm.value (info_item_id, ts, num) SELECT info_item_id, '2024-01-02Z', 3 FROM qlm.info_item WHERE path = 'S1/x';
SELECT pg_temp.poll(pg_temp.id(:'object') || pg_temp.id(:'item'));
\echo == polling has cleared the buffers
SELECT pg_temp.poll(pg_temp.id(:'object') || pg_temp.id(:'item'));
\echo == an older, an equal and a newer value: only the newer is an event, equal or not
SELECT qlm_write('S1/x', '9', '2023-01-01Z'), qlm_write('S1/x', '9', '2024-01-02Z'), qlm_write('S1/x', '9', '2024-01-03Z');
SELECT path, ts, value FROM qlm_poll(:item);
\echo == several values at once, late ones among them
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object><id>S1</id><InfoItem name="x"><value unixTime="1">old</value><value dateTime="2024-01-05T00:00:00Z">5</value><value dateTime="2024-01-04T00:00:00Z">4</value></InfoItem></Object>')));
SELECT path, ts, value FROM qlm_poll(:item);
\echo == unknown ids beside known ones; text ids
SELECT pg_temp.poll(pg_temp.id(:'item') || '<requestID>1</requestID><requestID>REQ0000001</requestID>');
\echo == QLM spelling, msgformat and interval on a poll are no fault
SELECT pg_temp.show(qlm_handle(format('<qlmEnvelope xmlns="QLMmi.xsd" version="1.0" ttl="0"><read msgformat="QLMdf.xsd" interval="5" newest="x"><requestId> %s </requestId></read></qlmEnvelope>', :'item')));
\echo == cancel: one known, one unknown; then it is gone
SELECT pg_temp.show(qlm_handle(pg_temp.envelope('<cancel>' || pg_temp.id(:'item') || '<requestID>1</requestID></cancel>')));
SELECT pg_temp.poll(pg_temp.id(:'item'));
SELECT qlm_cancel(:object), qlm_cancel(:object);
SELECT pg_temp.show(qlm_handle(pg_temp.envelope('<cancel/>')));
\echo == everything
SELECT qlm_subscribe('') AS everything \gset
SELECT qlm_write('S2/a', 'a', '2024-01-01Z'), qlm_write('S3/b', 'b', '2024-01-01Z');
SELECT path, value FROM qlm_poll(:everything) ORDER BY path;
SELECT qlm_cancel(:everything);
\echo == -2: the first value of new InfoItems only
SELECT qlm_subscribe('S2', -2) AS fresh \gset
SELECT qlm_write('S2/a', 'a2', '2024-01-02Z'), qlm_write('S2/new', 'n', '2024-01-01Z'), qlm_write('S2/new', 'n2', '2024-01-02Z');
SELECT path, value FROM qlm_poll(:fresh);
SELECT qlm_cancel(:fresh);
\echo == a callback goes where qlm.callback_allow says; empty, as here, only peers may name one, on the host of a peer
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read interval="-1" callback="http://127.0.0.1:9/cb"', '<Object><id>S2</id></Object>')));
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read callback="ws://device.example/cb"', '<Object><id>S2</id></Object>')));
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write callback="http://[::1]:9/"', '<Object><id>S2</id></Object>')));
\set VERBOSITY terse
SELECT qlm_subscribe('S2', -1, 'http://127.1/');
\set VERBOSITY default
SELECT count(*) FROM qlm.subscription WHERE callback IS NOT NULL;
SELECT qlm_add_peer('receiver', url => 'http://127.0.0.1:9/receiver', credential => 'x') > 0;
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read interval="-1" callback="http://127.0.0.1:9/cb"', '<Object><id>S2</id></Object>')));
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read callback="ws://device.example/cb"', '<Object><id>S2</id></Object>'), 'receiver'));
SELECT count(pg_temp.request_id(qlm_handle(pg_temp.odf('read interval="-1" callback="ws://127.0.0.1:9/cb"', '<Object><id>S2</id></Object>'), 'receiver')));
SELECT callback, peer, qlm_cancel(request_id) FROM qlm.subscription WHERE callback IS NOT NULL;
SET qlm.callback_allow = '127.0.0.1';
\echo == -2: also the current values of what a device owns, when it begins a session
SELECT qlm_subscribe('S2/a', -2) AS item, qlm_subscribe('', -2) AS everything, qlm_subscribe('S3', -2) AS other \gset
SELECT qlm_subscribe('S2', -2, 'http://127.0.0.1:9/cb') AS called \gset
SELECT qlm_add_peer('device', paths => ARRAY['S2'], role => 'qlm_writer') > 0;
SELECT pg_temp.show(qlm_handle(pg_temp.envelope('<read/>'), 'device'));
SELECT path, value FROM qlm_poll(:item);
SELECT path, value FROM qlm_poll(:everything) ORDER BY path;
SELECT count(*) FROM qlm_poll(:other);
SELECT pg_temp.show(envelope::xml) FROM qlm.outbox WHERE subscription_id = :called;
\echo == its next message belongs to the same session
SELECT pg_temp.show(qlm_handle(pg_temp.envelope('<read/>'), 'device'));
SELECT count(*) FROM qlm_poll(:item);
\echo == after a silence a new one begins; what the message itself brings is current, and nothing comes twice
SET qlm.session_timeout = '100 ms';
SELECT pg_sleep(0.2);
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object><id>S2</id><InfoItem name="a"><value dateTime="2024-02-01T00:00:00Z">a5</value></InfoItem><InfoItem name="newer"><value dateTime="2024-02-01T00:00:00Z">first</value></InfoItem></Object>'), 'device'));
SELECT path, value FROM qlm_poll(:everything) ORDER BY path;
\echo == a peer that owns nothing has no sessions; nor has one whose message was undone
SELECT qlm_add_peer('client') > 0;
SELECT pg_temp.show(qlm_handle(pg_temp.envelope('<read/>'), 'client'));
SELECT pg_sleep(0.2);
BEGIN;
SELECT pg_temp.show(qlm_handle(pg_temp.envelope('<read/>'), 'device'));
ROLLBACK;
SELECT count(*) FROM qlm_poll(:item) WHERE value <> 'a5';
SELECT pg_temp.show(qlm_handle(pg_temp.envelope('<read/>'), 'device'));
SELECT path, value FROM qlm_poll(:item);
RESET qlm.session_timeout;
SELECT qlm_cancel(:item), qlm_cancel(:everything), qlm_cancel(:other), qlm_cancel(:called);
SELECT qlm_drop_peer('device'), qlm_drop_peer('client');
DELETE FROM qlm.outbox WHERE url = 'http://127.0.0.1:9/cb';
\echo == 0: as often as there is something new, which is as -1
SELECT qlm_subscribe('S2/a', 0) AS often \gset
SELECT qlm_write('S2/a', 'b', '2024-02-02Z'), qlm_write('S2/a', 'b', '2024-02-03Z');
SELECT path, ts, value FROM qlm_poll(:often);
SELECT qlm_cancel(:often);
\echo == an interval: one value a tick since the last poll, with its own time
SELECT qlm_subscribe('S2/a', 10) AS ticking \gset
SELECT count(*) FROM qlm_poll(:ticking);
UPDATE qlm.subscription SET created_at = created_at - interval '35 s', polled_at = NULL WHERE request_id = :ticking;
SELECT path, ts, value FROM qlm_poll(:ticking);
SELECT count(*) FROM qlm_poll(:ticking);
\echo == ticks stay aligned to the start, whenever polls come
UPDATE qlm.subscription SET created_at = created_at - interval '5 s', polled_at = polled_at - interval '5 s' WHERE request_id = :ticking;
SELECT count(*) FROM qlm_poll(:ticking);
\echo == a full buffer drops the oldest and says so
UPDATE qlm.subscription SET created_at = created_at - interval '1 day', polled_at = polled_at - interval '1 day' WHERE request_id = :ticking;
SET qlm.poll_buffer_max = 3;
SELECT pg_temp.poll(pg_temp.id(:'ticking'));
RESET qlm.poll_buffer_max;
SELECT qlm_cancel(:ticking);
\echo == its ttl ends it
SELECT qlm_subscribe('S2', -1, ttl => '1 hour') AS short \gset
SELECT expires_at - created_at BETWEEN '59 min' AND '1 hour' FROM qlm.subscription WHERE request_id = :short;
UPDATE qlm.subscription SET expires_at = now() WHERE request_id = :short;
SELECT pg_temp.poll(pg_temp.id(:'short'));
SELECT qlm_cancel(:short);
\echo == with a URL, each write becomes one message in the outbox, in the dialect of the subscription
SELECT pg_temp.request_id(qlm_handle('<omiEnvelope xmlns="omi.xsd" version="1.0" ttl="-1"><read msgformat="odf" interval="-1" callback="http://127.0.0.1:9/cb"><msg><Objects xmlns="odf.xsd"><Object><id>S2</id></Object></Objects></msg></read></omiEnvelope>')) AS called \gset
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object><id>S2</id><InfoItem name="a"><value dateTime="2025-01-01T00:00:00Z">1</value></InfoItem><InfoItem name="c"><value dateTime="2025-01-01T00:00:00Z">2</value></InfoItem></Object>')));
SELECT pg_temp.show(envelope::xml) FROM qlm.outbox WHERE subscription_id = :called;
SELECT kind, state, url, peer IS NULL FROM qlm.outbox WHERE subscription_id = :called;
SELECT qlm_cancel(:called);
DELETE FROM qlm.outbox WHERE url = 'http://127.0.0.1:9/cb';
\echo == a one-time read with a callback: the answer waits in the outbox under the same requestID
SELECT pg_temp.request_id(qlm_handle(pg_temp.odf('read callback="http://127.0.0.1:9/cb"', '<Object><id>S3</id></Object>'))) AS once \gset
SELECT pg_temp.show(envelope::xml) FROM qlm.outbox WHERE message_id = :once AND envelope LIKE '%' || message_id || '%';
DELETE FROM qlm.outbox WHERE url = 'http://127.0.0.1:9/cb';
\echo == a rolled back write is no event
SELECT qlm_subscribe('S3') AS quiet \gset
BEGIN;
SELECT qlm_write('S3/b', 'never', '2030-01-01Z');
ROLLBACK;
SELECT count(*) FROM qlm_poll(:quiet);
SELECT qlm_cancel(:quiet);
\echo == what is refused
\set VERBOSITY terse
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read interval="-1" callback="0"', '<Object><id>S1</id></Object>')));
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read interval="-1" callback="ftp://x"', '<Object><id>S1</id></Object>')));
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read interval="-1" callback="http://[::1"', '<Object><id>S1</id></Object>')));
SELECT pg_temp.show(qlm_handle(pg_temp.envelope('<read interval="-1"/>')));
SELECT qlm_subscribe('S1', -3);
SELECT qlm_subscribe('S1', 'NaN');
SELECT qlm_subscribe('S1', -1, 'notify:');
SELECT qlm_cancel(qlm_subscribe('S1', 5, 'notify:x'));
SELECT qlm_subscribe('S1', ttl => '-1 s');
SELECT * FROM qlm_poll(1);
SELECT qlm_drop_peer('receiver');
RESET qlm.callback_allow;
SELECT qlm_delete('S1') + qlm_delete('S2') + qlm_delete('S3');
