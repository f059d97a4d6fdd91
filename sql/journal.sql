-- The journal of messages, and the views of what is going on
\pset format unaligned
\pset tuples_only on
SET timezone = 'UTC';
SET datestyle = 'ISO';
-- a message, one element a line, with random ids masked
CREATE FUNCTION pg_temp.show(message xml) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT regexp_split_to_table(
		regexp_replace(replace(message::text, '><', E'>\n<'), '(<requestI[dD]>)\d+', '\1#', 'g'), E'\n')
$$;
-- a 2.0 envelope around verbs, and one around Objects in a verb
CREATE FUNCTION pg_temp.envelope(verbs text) RETURNS text LANGUAGE sql AS $$
	SELECT '<omiEnvelope xmlns="http://www.opengroup.org/xsd/omi/2.0/" version="2.0" ttl="10">' || verbs || '</omiEnvelope>'
$$;
CREATE FUNCTION pg_temp.odf(verb text, objects text) RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.envelope(format('<%s msgformat="odf"><msg><Objects xmlns="http://www.opengroup.org/xsd/odf/2.0/">%s</Objects></msg></%s>',
		verb, objects, split_part(verb, ' ', 1)))
$$;

CREATE VIEW pg_temp.journal AS SELECT direction, peer, verb, return_code, left(envelope, 60) AS envelope FROM qlm.message ORDER BY message_no;
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
SELECT direction, peer, verb, return_code, duration >= '0' AS took FROM qlm.message ORDER BY message_no DESC LIMIT 4;
SELECT count(*) FROM qlm.message WHERE envelope LIKE '%secret%';
RESET qlm.log_messages;
TRUNCATE qlm.message;
\echo == peers with their queues
SELECT count(qlm_request('journal', qlm_read_envelope('J/x'))) FROM generate_series(1, 3);
SELECT name, last_seen > now() - interval '1 min', queued, sent, answered, oldest_waiting > now() - interval '1 min' FROM qlm.stat_peer WHERE name = 'journal';
SELECT qlm_drop_peer('journal'), qlm_delete('J');
DELETE FROM qlm.outbox WHERE peer = 'journal';
