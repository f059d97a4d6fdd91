-- What is no message, or a wrong one, gets an answer that says what and where
\getenv sources PG_ABS_SRCDIR
\set prelude :sources /sql/include/prelude.psql
\i :prelude

-- the code and the description of the first result
CREATE FUNCTION pg_temp.said(message text) RETURNS text LANGUAGE sql AS $$
	SELECT (xpath('//*[local-name()="return"]/@returnCode', m))[1]::text || ' ' ||
		(xpath('//*[local-name()="return"]/@description', m))[1]::text
	FROM qlm_handle(message) m
$$;
\echo == no message at all
SELECT pg_temp.said(m) FROM unnest(ARRAY['', ' ', 'hello', '{"omiEnvelope":{}}', '<html/>', '<Objects/>', '<omiEnvelope', '<omiEnvelope version="1.0" ttl="1">']) m;
-- how far a tag counts that never ends depends on the version of libxml2
SELECT pg_temp.said(m) ~ '^400 The (message holds no XML element|root element is a, not omiEnvelope)' FROM unnest(ARRAY['<', '<a']) m;
\echo == the envelope
SELECT pg_temp.said(format('<omiEnvelope %s><read/></omiEnvelope>', a)) FROM unnest(ARRAY['version="1.0"', 'version="1.0" ttl=""', 'version="1.0" ttl="soon"', 'version="1.0" ttl="-2"', 'version="1.0" ttl="NaN"']) a;
\echo == not well-formed, with line and column
SELECT pg_temp.said(E'<omiEnvelope version="1.0" ttl="1">\n<read>\n</wrong></omiEnvelope>');
SELECT pg_temp.said('<omiEnvelope version="1.0" ttl="1"><read/></omiEnvelope><more/>');
SELECT pg_temp.said('<omiEnvelope version="1.0" version="1.0" ttl="1"><read/></omiEnvelope>');
SELECT pg_temp.said('<omiEnvelope version="1.0" ttl="1"><read>&undefined;</read></omiEnvelope>');
\echo == DOCTYPE and entities are refused before they can do anything
SELECT pg_temp.said('<!DOCTYPE omiEnvelope [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><omiEnvelope version="1.0" ttl="1"><read>&c;</read></omiEnvelope>');
SELECT pg_temp.said('<!DOCTYPE omiEnvelope SYSTEM "file:///etc/passwd"><omiEnvelope version="1.0" ttl="1"><read/></omiEnvelope>');
\echo == too deep, too many, too long
SELECT pg_temp.said(repeat('<a>', 100000));
SELECT pg_temp.said('<omiEnvelope version="1.0" ttl="1"><write><msg><Objects>' || repeat('<Object><id>x</id>', 1000));
SELECT pg_temp.said(pg_temp.odf('write', '<Object><id>' || repeat('x', 2000) || '</id></Object>'));
SELECT pg_temp.said(pg_temp.odf('write', (SELECT string_agg('<Object><id>' || repeat(n::text, 900) || '</id>', '') FROM generate_series(1, 4) n) || repeat('</Object>', 4)));
SELECT pg_temp.said(pg_temp.odf('write', '<Object' || (SELECT string_agg(format(' a%s="1"', n), '') FROM generate_series(1, 100) n) || '><id>x</id></Object>'));
SELECT pg_temp.said('<omiEnvelope version="1.0" ttl="1">' || repeat('<read/>', 2000) || '</omiEnvelope>');
SET qlm.max_values = 10;
SELECT pg_temp.said(pg_temp.odf('write', '<Object><id>B1</id><InfoItem name="x">' || repeat('<value>1</value>', 11) || '</InfoItem></Object>'));
SELECT pg_temp.said(pg_temp.odf('write', (SELECT string_agg(format('<Object><id>B%s</id></Object>', n), '') FROM generate_series(1, 11) n)));
RESET qlm.max_values;
SET qlm.max_message_size = '1kB';
SELECT pg_temp.said(pg_temp.odf('write', '<Object><id>B1</id><InfoItem name="x"><value>' || repeat('x', 2000) || '</value></InfoItem></Object>'));
RESET qlm.max_message_size;
SELECT count(*) FROM qlm.object WHERE path LIKE 'B%';
\echo == a wrong part spoils its verb, not the others
SELECT pg_temp.show(qlm_handle(pg_temp.envelope('<read newest="x"/><read/>')));
\echo == the answer to a bad message keeps its dialect as far as it was seen
SELECT pg_temp.show(qlm_handle('<qlmEnvelope xmlns="QLMmi.xsd" version="1.0" ttl="x"><read/></qlmEnvelope>'));
SELECT pg_temp.show(qlm_handle('nothing'));
\echo == requests for other nodes: only for those that are known here, and not everything
SELECT pg_temp.said(pg_temp.envelope('<read><nodeList><node>http://other/</node><node>nobody</node></nodeList></read>'));
SELECT qlm_add_peer('other', url => 'http://127.0.0.1:9/') > 0;
SELECT pg_temp.said(pg_temp.envelope('<read interval="5" callback="ftp://127.0.0.1:9/"><nodeList><node>other</node></nodeList></read>'));
SELECT pg_temp.said(pg_temp.envelope('<write callback="ftp://127.0.0.1:9/"><nodeList><node>other</node></nodeList></write>'));
SELECT pg_temp.said(replace(pg_temp.envelope('<read><nodeList><node>other</node></nodeList></read>'), ' ttl', ' qlmHops=",,,a" ttl'));
SELECT pg_temp.said(pg_temp.envelope('<cancel><nodeList><node>http://127.0.0.1:9/</node></nodeList><requestID>1</requestID></cancel>'));
SELECT peer, kind, regexp_replace(envelope, '[0-9a-f]{16}', '#'), asker_role = session_user, asker_peer, node FROM qlm.outbox WHERE peer = 'other';
SELECT qlm_drop_peer('other');
\set VERBOSITY terse
SELECT qlm_handle(NULL::text);
