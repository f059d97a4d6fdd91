-- A peer is one thing: its row.  Everything else knows it by its number.

\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE regress_qlm_peer_admin NOLOGIN IN ROLE qlm_admin;
CREATE ROLE regress_qlm_peer_app NOLOGIN IN ROLE qlm_reader;
CREATE ROLE regress_qlm_peer_high NOLOGIN SUPERUSER;

-- What is no URL, dialect, path, heartbeat or hash is not taken, whoever writes
-- it in whatever way.
SELECT qlm_add_peer('dev', url => 'http://dev.example/', paths => '{/Objects/Dev/x/}', heartbeat => '1 min') > 0;
SELECT paths FROM qlm.peer WHERE name = 'dev';
UPDATE qlm.peer SET url = 'ftp://x' WHERE name = 'dev';
UPDATE qlm.peer SET url = 'http://[::1' WHERE name = 'dev';
UPDATE qlm.peer SET url = 'http://x/' || repeat('x', 2000) WHERE name = 'dev';
UPDATE qlm.peer SET dialect = 'klingon' WHERE name = 'dev';
UPDATE qlm.peer SET paths = '{/Objects/Dev//x/}' WHERE name = 'dev';
UPDATE qlm.peer SET paths = '{Dev/}' WHERE name = 'dev';
UPDATE qlm.peer SET paths = '{NULL}' WHERE name = 'dev';
UPDATE qlm.peer SET heartbeat = '0' WHERE name = 'dev';
UPDATE qlm.peer SET credential = 'in plain text' WHERE name = 'dev';
INSERT INTO qlm.peer (name, url) VALUES ('bad', 'gopher://x/');
COPY qlm.peer (name, dialect) FROM stdin;
bad	Q7
\.
INSERT INTO qlm.peer (peer_id, name) VALUES (-5, 'bad');
UPDATE qlm.peer SET peer_id = peer_id + 100000 WHERE name = 'dev';
UPDATE qlm.peer SET dialect = 'M1b json=yes', paths = '{Dev/x,"Dev/a%2Fb"}', url = 'https://dev.example:8443/qlm', credential = qlm.credential_hash('secret'),
	heartbeat = '10 s' WHERE name = 'dev';

-- All that can belong to a peer
CREATE FUNCTION pg_temp.belongings(id int, OUT kind text, OUT name text, OUT state text) RETURNS SETOF record LANGUAGE sql AS $$
	SELECT 'queued', peer, o.state FROM qlm.outbox o WHERE peer_id = id
	UNION ALL SELECT 'asked for', asker_peer, o.state FROM qlm.outbox o WHERE asker_peer_id = id
	UNION ALL SELECT 'subscription', peer, NULL FROM qlm.subscription WHERE peer_id = id
	UNION ALL SELECT 'there', peer, NULL FROM qlm.forwarding WHERE peer_id = id
	UNION ALL SELECT 'gathering', peer, NULL FROM qlm.gathering WHERE peer_id = id
	UNION ALL SELECT 'executed', peer, NULL FROM qlm.executed WHERE peer_id = id
	UNION ALL SELECT 'endpoint', url, NULL FROM qlm.endpoint WHERE peer_id = id
	ORDER BY 1, 2, 3 $$;
CREATE FUNCTION pg_temp.fill(who text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	id int := (SELECT peer_id FROM qlm.peer WHERE name = who);
BEGIN
	PERFORM qlm_request(who, qlm_read_envelope('Dev/x'));
	PERFORM qlm_handle('<omiEnvelope version="2.0" ttl="-1"><read interval="-1"><msg><Objects/></msg></read>'
		'<read interval="-1"><nodeList><node>other</node></nodeList><msg><Objects/></msg></read>'
		'<write><nodeList><node>other</node></nodeList><msg><Objects><Object><id>O</id><InfoItem name="x"><value>1</value></InfoItem></Object></Objects></msg></write>'
		'</omiEnvelope>', who);
	PERFORM qlm_handle(format('<omiEnvelope version="2.0" ttl="-1"><read interval="-1"><nodeList><node>%s</node></nodeList><msg><Objects/></msg></read></omiEnvelope>', who));
	INSERT INTO qlm.gathering (request_id, role, peer, callback, envelope, dialect, ttl)
		VALUES (900000000 + id, 'qlm_writer', who, 'http://dev.example/cb', '<omiEnvelope/>', 'M2', 60);
	INSERT INTO qlm.executed (peer, request_id, answer, executed_at) VALUES (who, '17', '<omiEnvelope/>', now());
	INSERT INTO qlm.endpoint (url, peer_id) VALUES ('http://dev.example/', id);
	RETURN id;
END $$;
SELECT qlm_add_peer('other', role => 'qlm_writer', piggyback => true) > 0, qlm_add_peer('one', role => 'qlm_writer', piggyback => true) > 0;
SELECT pg_temp.fill('one') AS one \gset
INSERT INTO qlm.outbox (message_id, peer, envelope) VALUES (7, 'one', '<omiEnvelope/>');
SELECT * FROM pg_temp.belongings(:one);

-- A rename is followed; the number stays
UPDATE qlm.peer SET name = 'uno' WHERE name = 'one';
SELECT kind, name FROM pg_temp.belongings(:one) WHERE kind <> 'endpoint';
SELECT count(*) FROM qlm.outbox WHERE peer = 'one' OR asker_peer = 'one';
SELECT queued, sent FROM qlm.stat_peer WHERE name = 'uno';

-- Deleted, whatever it had is over; who has the name next has nothing of it
DELETE FROM qlm.peer WHERE name = 'uno';
SELECT * FROM pg_temp.belongings(:one);
SELECT qlm_add_peer('uno', role => 'qlm_writer', piggyback => true) AS next \gset
SELECT * FROM pg_temp.belongings(:next);
SELECT queued, sent FROM qlm.stat_peer WHERE name = 'uno';
SELECT count(*) FROM qlm.outbox WHERE peer = 'uno';
SELECT qlm_handle('<omiEnvelope version="1.0" ttl="0"><read/></omiEnvelope>', 'uno');
-- Nor can it be given that
SELECT qlm_requeue(7);

-- qlm_drop_peer and TRUNCATE do the same
SELECT pg_temp.fill('uno') AS two \gset
SELECT qlm_drop_peer('uno'), qlm_drop_peer('uno');
SELECT * FROM pg_temp.belongings(:two);
SELECT qlm_add_peer('tres', role => 'qlm_writer', piggyback => true) > 0;
SELECT pg_temp.fill('tres') AS three \gset
BEGIN;
TRUNCATE qlm.peer;
SELECT * FROM pg_temp.belongings(:three);
SELECT count(*) FROM qlm.subscription WHERE peer IS NOT NULL;
ROLLBACK;
SELECT count(*) FROM pg_temp.belongings(:three);

-- A name that is written by hand is that of the peer that has it
INSERT INTO qlm.outbox (message_id, peer, envelope) VALUES (1, 'tres', '<omiEnvelope/>'), (2, 'nobody', '<omiEnvelope/>');
SELECT message_id, peer_id = :three AS three, peer_id FROM qlm.outbox WHERE message_id < 10 AND peer_id < 0;
SELECT message_id, peer_id = :three AS three FROM qlm.outbox WHERE message_id = 1;
UPDATE qlm.outbox SET peer = 'other' WHERE message_id = 1;
SELECT o.peer = p.name AS same FROM qlm.outbox o JOIN qlm.peer p USING (peer_id) WHERE message_id = 1;
-- and that of none is nobody's, also when somebody has it later
SELECT qlm_add_peer('nobody', role => 'qlm_writer', piggyback => true) > 0;
SELECT peer_id FROM qlm.outbox WHERE message_id = 2;
SELECT qlm_handle('<omiEnvelope version="1.0" ttl="0"><read/></omiEnvelope>', 'nobody');

-- Who changes a peer, or speaks for it, is a member of its role: before and after
SELECT qlm_add_peer('high', role => 'regress_qlm_peer_high', paths => '{High}') > 0;
SET ROLE regress_qlm_peer_admin;
UPDATE qlm.peer SET credential = NULL WHERE name = 'high';
UPDATE qlm.peer SET secret = 'mine' WHERE name = 'high';
UPDATE qlm.peer SET url = 'http://mine.example/' WHERE name = 'high';
UPDATE qlm.peer SET paths = '{}' WHERE name = 'high';
UPDATE qlm.peer SET by_name = true WHERE name = 'high';
UPDATE qlm.peer SET name = 'low' WHERE name = 'high';
UPDATE qlm.peer SET role = 'qlm_reader' WHERE name = 'high';
UPDATE qlm.peer SET last_seen = now() WHERE name = 'high';
UPDATE qlm.peer SET role = 'regress_qlm_peer_high' WHERE name = 'other';
DELETE FROM qlm.peer WHERE name = 'high';
SELECT qlm_drop_peer('high');
RESET ROLE;
GRANT TRUNCATE ON qlm.peer TO regress_qlm_peer_admin;
SET ROLE regress_qlm_peer_admin;
TRUNCATE qlm.peer;
RESET ROLE;
REVOKE TRUNCATE ON qlm.peer FROM regress_qlm_peer_admin;
SET ROLE regress_qlm_peer_admin;
RESET ROLE;
SELECT qlm_add_peer('app', role => 'regress_qlm_peer_app') > 0;
SET ROLE regress_qlm_peer_admin;
INSERT INTO qlm.peer (name, role) VALUES ('mine', 'regress_qlm_peer_app');
SELECT qlm_add_peer('mine', role => 'regress_qlm_peer_app');
INSERT INTO qlm.peer (peer_id, name) VALUES (1000000, 'mine');
UPDATE qlm.peer SET peer_id = 1000000 WHERE name = 'other';
UPDATE qlm.outbox SET peer_id = 0;
INSERT INTO qlm.outbox (message_id, peer, envelope, asker_role) VALUES (3, 'other', '', 'regress_qlm_peer_high');
UPDATE qlm.subscription SET role = 'regress_qlm_peer_high';
SELECT qlm_handle('<omiEnvelope version="1.0" ttl="0"><read/></omiEnvelope>', 'high');
SELECT qlm_handle('<omiEnvelope version="1.0" ttl="0"><read/></omiEnvelope>'::xml, 'high');
SELECT qlm_handle_json('{"omiEnvelope": {"version": "2.0", "ttl": 0, "read": {}}}', 'high');
SELECT qlm_handle('<omiEnvelope version="1.0" ttl="0"><read/></omiEnvelope>', 'app');
-- What is below him is his
UPDATE qlm.peer SET credential = NULL, secret = 's', role = 'qlm_reader' WHERE name = 'other';
SELECT qlm_handle('<omiEnvelope version="1.0" ttl="0"><cancel><requestID>1</requestID></cancel></omiEnvelope>', 'other')::text ~ '404';
SELECT qlm_drop_peer('other');
RESET ROLE;
-- A member of the role may; a role that is gone gives nothing
GRANT regress_qlm_peer_app TO regress_qlm_peer_admin;
SET ROLE regress_qlm_peer_admin;
SELECT qlm_handle('<omiEnvelope version="1.0" ttl="0"><cancel><requestID>1</requestID></cancel></omiEnvelope>', 'app')::text ~ '404';
UPDATE qlm.peer SET secret = 's' WHERE name = 'app';
RESET ROLE;
REVOKE regress_qlm_peer_app FROM regress_qlm_peer_admin;
DROP ROLE regress_qlm_peer_app;
SET ROLE regress_qlm_peer_admin;
UPDATE qlm.peer SET secret = 't' WHERE name = 'app';
UPDATE qlm.peer SET role = 'qlm_reader' WHERE name = 'app';
SELECT qlm_drop_peer('app');
RESET ROLE;

SELECT count(qlm_drop_peer(name)) FROM qlm.peer WHERE name IN ('dev', 'tres', 'nobody', 'high');
SELECT count(*) FROM qlm.outbox WHERE state IN ('queued', 'sent') AND peer_id > 0;
DELETE FROM qlm.outbox;
DELETE FROM qlm.subscription;
DROP ROLE regress_qlm_peer_admin;
DROP ROLE regress_qlm_peer_high;
