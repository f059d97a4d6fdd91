-- Every dialect: what comes in one is answered in it (protocol: names and dialects)
\getenv sources PG_ABS_SRCDIR
\set prelude :sources /sql/include/prelude.psql
\i :prelude

-- for each dialect: root with its attributes, opening and closing of the payload in a verb
CREATE TEMP TABLE dialect (key text, root text, declaration text, msg boolean, objects text);
INSERT INTO dialect VALUES
	('Q0', 'qlmEnvelope', 'version="0.2"', true, 'Objects'),
	('Q1', 'qlmEnvelope', 'xmlns="QLMmi.xsd" version="1.0"', true, 'Objects xmlns="QLMdf.xsd"'),
	('QP', 'qlmEnvelope', 'xmlns="QLMmi.xsd" version="1.0"', false, 'Objects xmlns="QLMdf.xsd"'),
	('M0', 'omiEnvelope', 'version="1.0"', true, 'Objects'),
	('M1a', 'omiEnvelope', 'xmlns="omi.xsd" version="1.0"', true, 'Objects xmlns="odf.xsd"'),
	('M1b', 'omiEnvelope', 'xmlns="http://www.opengroup.org/xsd/omi/1.0/" version="1.0"', true, 'Objects xmlns="http://www.opengroup.org/xsd/odf/1.0/"'),
	('M2', 'omiEnvelope', 'xmlns="http://www.opengroup.org/xsd/omi/2.0/" version="2.0"', true, 'Objects xmlns="http://www.opengroup.org/xsd/odf/2.0/"');
CREATE FUNCTION pg_temp.message(d dialect, verb text, content text) RETURNS text LANGUAGE sql AS $$
	SELECT format('<%1$s %2$s ttl="10"><%3$s>%4$s<%5$s>%6$s</Objects>%7$s</%8$s></%1$s>', (d).root, (d).declaration, verb,
		CASE WHEN (d).msg THEN '<msg>' ELSE '' END, (d).objects, content,
		CASE WHEN (d).msg THEN '</msg>' ELSE '' END, split_part(verb, ' ', 1))
$$;

\echo == write
SELECT d.key, pg_temp.show(qlm_handle(pg_temp.message(d, 'write msgformat="odf"', '<Object type="T"><id>' || key || '</id><InfoItem name="x"><name>alias</name><value type="xs:double" unixTime="1714557600.25">4.5</value></InfoItem></Object>'))) FROM dialect d;
SELECT path, ts, value, type FROM qlm.history WHERE path ~ '^(Q|M)\w+/x$' ORDER BY path;
\echo == read
SELECT d.key, pg_temp.show(qlm_handle(pg_temp.message(d, 'read', '<Object><id>' || key || '</id><InfoItem name="x"/></Object>'))) FROM dialect d;
\echo == poll of an unknown subscription
SELECT d.key, pg_temp.show(qlm_handle(format('<%1$s %2$s ttl="0"><read><requestID>1</requestID></read></%1$s>', d.root, d.declaration))) FROM dialect d;
\echo == the label of the payload is echoed, unless it names the messaging schema
SELECT f, (xpath('//*[local-name()="result"]/@msgformat', qlm_handle(pg_temp.message(d, format('read msgformat="%s"', f), ''))))[1]
FROM dialect d, unnest(ARRAY['odf', 'odf.xsd', 'QLMdf', 'QLMdf.xsd', 'QLM_mf.xsd', 'omi.xsd', 'QLMmi', 'QLMmi.xsd']) f WHERE key = 'Q1';
\echo == prefixes, declared or not; the answer has none
SELECT pg_temp.show(qlm_handle('<omi:omiEnvelope xmlns:omi="omi.xsd" version="1.0" ttl="10"><omi:read msgformat="odf"><omi:msg xmlns="odf.xsd"><Objects><Object><id>M1a</id></Object></Objects></omi:msg></omi:read></omi:omiEnvelope>'));
SELECT pg_temp.show(qlm_handle('<omi:omiEnvelope version="1.0" ttl="10"><omi:read/></omi:omiEnvelope>'));
\echo == order, comments, processing instructions, blanks, parts of other vocabularies, schema locations
SELECT pg_temp.show(qlm_handle('<?xml version="1.0" encoding="UTF-8"?><!-- c --><?pi x?><omiEnvelope xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="a" version="1.0" ttl=" 1.0E1 " colour="red"><read x:unknown="1" xmlns:x="urn:x"><x:future><id>n</id></x:future><msg><Objects><Object><InfoItem name=" x "/> <!-- c --><id> M0
</id></Object></Objects></msg></read></omiEnvelope>'));
\echo == the read of the paper, as posted by itself
SELECT pg_temp.show(qlm_handle('<qlmEnvelope xmlns="QLMmi.xsd" version="1.0" ttl="1"><read msgformat="QLMdf.xsd" version="1.0" ttl="0.0"><Objects xmlns="QLMdf.xsd"><Object type="Refrigerator"><id>QP </id><InfoItem name="x" /></Object></Objects></read></qlmEnvelope>'));
SELECT count(qlm_delete(key)) FROM dialect;
