-- The journal of messages, and the views of what is going on
\getenv sources PG_ABS_SRCDIR
\set prelude :sources /sql/include/prelude.psql
\i :prelude

CREATE VIEW pg_temp.journal AS SELECT direction, peer, verb, return_code, left(envelope, 60) AS envelope FROM qlm.journal ORDER BY journal_no;
SELECT qlm_add_peer('journal', role => 'qlm_writer', paths => '{J}') IS NOT NULL;
\echo == nothing by default
SHOW qlm.log_messages;
SELECT pg_temp.show(qlm_handle(pg_temp.envelope('<read newest="x"/>')));
SELECT * FROM pg_temp.journal;
\echo == errors: those that are answered with an error
SET qlm.log_messages = 'errors';
SELECT pg_temp.show(qlm_handle(pg_temp.envelope('<read/>')));
SELECT pg_temp.show(qlm_handle(pg_temp.envelope('<read newest="x"/>')));
SELECT pg_temp.show(qlm_handle('no message'));
SELECT * FROM pg_temp.journal;
\echo == all, with who called, and without credentials
SET qlm.log_messages = 'all';
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object><id>J</id><InfoItem name="x"><value>1</value></InfoItem></Object>'), 'journal'));
SELECT pg_temp.show(qlm_handle('<omiEnvelope authorization="Bearer secret" version="1.0" ttl="0"><read/></omiEnvelope>'));
SELECT direction, peer, verb, return_code, duration >= '0' AS took FROM qlm.journal ORDER BY journal_no DESC LIMIT 4;
SELECT count(*) FROM qlm.journal WHERE envelope LIKE '%secret%';
TRUNCATE qlm.journal;
\echo == credentials, however they are spelt, and whether the message can be read or not
CREATE FUNCTION pg_temp.kept(envelope text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM qlm_handle(envelope);
	RETURN (SELECT string_agg(m.envelope, E'\n' ORDER BY m.journal_no) FROM qlm.journal AS m WHERE m.direction = 'in' OR m.envelope LIKE '%S3CR3T%');
EXCEPTION WHEN OTHERS THEN
	RETURN SQLERRM;
END $$;
CREATE FUNCTION pg_temp.try(envelope text) RETURNS SETOF text LANGUAGE sql AS 'TRUNCATE qlm.journal; SELECT pg_temp.kept($1)';
SELECT pg_temp.try($$<omiEnvelope ttl='0' version='1.0' q:Authorization = 'Bearer S3CR3T' token="S3CR3T"><read/></omiEnvelope>$$);
SELECT pg_temp.try('<omiEnvelope ttl="0" version="1.0" authorization="Bearer S3&#67;R3T&quot;S3CR3T"><read/></omiEnvelope>');
SELECT pg_temp.try('{"omiEnvelope":{"version":"1.0","ttl":0,"authorization":"Bearer S3CR3T","read":{}}}');
SELECT pg_temp.try('{"omiEnvelope":{"version":"1.0","ttl":0,"\u0061uthorization":"Bearer S3CR3T","read":{}}}');
SELECT pg_temp.try('{"omiEnvelope":{"version":"1.0","ttl":0,"AUTHORIZATION":["S3CR3T",{"S3CR3T":"S3CR3T"}],"read":{}}}');
SELECT pg_temp.try('{"omiEnvelope":{"version":"1.0","ttl":0,"write":{"msgformat":"x","msg":"{\"authorization\":\"S3CR3T\"}"}}}');
SELECT pg_temp.try('<omiEnvelope version="1.0" ttl="0"><response><result><return returnCode="200"/><omiEnvelope version="1.0" ttl="0" authorization="S3CR3T"><read/></omiEnvelope></result></response></omiEnvelope>');
SELECT pg_temp.try('<omiEnvelope version="1.0" ttl="0"><read interval="1" callback="http://user:S3CR3T@host.invalid/x"><msg><Objects/></msg></read></omiEnvelope>');
\echo == no message
SELECT pg_temp.try('<omiEnvelope authorization=Bearer S3CR3T ttl="0">');
SELECT pg_temp.try('<omiEnvelope ttl="0" version="1.0" authorization="Bearer S3CR3T"><read>');
SELECT pg_temp.try('{"omiEnvelope":{"\u0061uthorization":"Bearer S3CR3T"');
SELECT pg_temp.try('{"omiEnvelope":{authorization:S3CR3T}}');
SELECT pg_temp.try('<!DOCTYPE x [<!ATTLIST omiEnvelope authorization CDATA "S3CR3T">]><omiEnvelope/>');
SELECT pg_temp.try('Authorization: Basic S3CR3T');
SELECT pg_temp.try('Bearer S3CR3T');
SELECT pg_temp.try('nothing to hide');
TRUNCATE qlm.journal;
RESET qlm.log_messages;
TRUNCATE qlm.journal;
\echo == peers with their queues
SELECT count(qlm_request('journal', qlm_read_envelope('J/x'))) FROM generate_series(1, 3);
SELECT name, last_seen > now() - interval '1 min', queued, sent, answered, oldest_waiting > now() - interval '1 min' FROM qlm.stat_peer WHERE name = 'journal';
SELECT qlm_drop_peer('journal'), qlm_delete('J');
DELETE FROM qlm.outbox WHERE peer = 'journal';
\echo == passwords in URLs are for nobody who watches
INSERT INTO qlm.endpoint (url) VALUES ('http://user:S3CR3T@host.invalid/path@x');
SELECT url FROM qlm.stat_delivery WHERE url LIKE '%host.invalid%';
DELETE FROM qlm.endpoint WHERE url LIKE '%host.invalid%';
