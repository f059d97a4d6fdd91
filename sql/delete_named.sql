-- A delete removes what it names, and nothing else: single MetaData, values,
-- descriptions and names, and nothing at all where a part of it is not understood
\getenv sources PG_ABS_SRCDIR
\set prelude :sources /sql/include/prelude.psql
\i :prelude
CREATE FUNCTION pg_temp.said(message text) RETURNS text LANGUAGE sql AS $$
	SELECT array_to_string(xpath('//*[local-name()="return"]/@returnCode', m), ' ') ||
		coalesce(' ' || (xpath('//*[local-name()="return"]/@description', m))[1]::text, '')
	FROM qlm_handle(message) m
$$;
-- all that there is of a path
CREATE FUNCTION pg_temp.all_of(top text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(what, ' ' ORDER BY what COLLATE "C") FROM (
		SELECT path || coalesce(':' || description::text, '') FROM qlm.object WHERE path = top OR path ^@ (top || '/')
		UNION ALL SELECT path || '=' || d.id FROM qlm.object JOIN qlm.object_id d USING (object_id) WHERE path = top OR path ^@ (top || '/')
		UNION ALL SELECT path || coalesce(':' || description::text, '') || coalesce(alt_names::text, '') FROM qlm.info_item WHERE path ^@ (top || '/')
		UNION ALL SELECT path || '@' || m.name FROM qlm.info_item JOIN qlm.meta_data m USING (info_item_id) WHERE path ^@ (top || '/')
		UNION ALL SELECT path || '#' || value FROM qlm.history WHERE path ^@ (top || '/')) AS a(what)
$$;
CREATE FUNCTION pg_temp.fill(id text) RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.said(pg_temp.odf('write', format('<Object type="T"><id>%1$s</id><id>%1$s2</id><id>%1$s3</id><description lang="en">E</description><description lang="fi">F</description>
		<InfoItem name="x" type="I"><altname>x2</altname><altname idType="tag">x3</altname><description>none</description><description lang="en">E</description>
		<MetaData><InfoItem name="unit"><value>Cel</value></InfoItem><InfoItem name="format"><value>f</value></InfoItem></MetaData>
		<value type="xs:int" dateTime="2026-01-01T00:00:00Z">1</value><value type="xs:double" dateTime="2026-01-02T00:00:00Z">2.5</value></InfoItem>
		<InfoItem name="y"><value dateTime="2026-01-01T00:00:00Z">y</value></InfoItem></Object>', id)))
$$;
-- run a message, say what became of it, and take it back
CREATE FUNCTION pg_temp.try(message text, OUT codes text, OUT changed boolean) LANGUAGE plpgsql AS $$
BEGIN
	BEGIN
		codes := array_to_string(xpath('//*[local-name()="return"]/@returnCode', qlm_handle(message)), ' ');
		changed := pg_temp.all_of('D') IS DISTINCT FROM (SELECT state FROM filled);
		RAISE EXCEPTION USING errcode = 'QLM00';
	EXCEPTION WHEN SQLSTATE 'QLM00' THEN
		NULL;
	END;
END
$$;
SELECT pg_temp.fill('D');
CREATE TEMP TABLE filled AS SELECT pg_temp.all_of('D') AS state;

\echo == what a delete overlooks: each element, attribute, dialect and form
CREATE TEMP TABLE dialect AS SELECT * FROM (VALUES
	('Q0', '<qlmEnvelope version="0.2" ttl="0"', '</qlmEnvelope>', ''), ('Q1', '<qlmEnvelope xmlns="QLMmi.xsd" version="1.0" ttl="0"', '</qlmEnvelope>', ' xmlns="QLMdf.xsd"'),
	('M0', '<omiEnvelope version="1.0" ttl="0"', '</omiEnvelope>', ''), ('M1a', '<o:omiEnvelope xmlns:o="omi.xsd" xmlns="omi.xsd" version="1.0" ttl="0"', '</o:omiEnvelope>', ' xmlns="odf.xsd"'),
	('M1b', '<omiEnvelope xmlns="http://www.opengroup.org/xsd/omi/1.0/" version="1.0" ttl="0"', '</omiEnvelope>', ' xmlns="http://www.opengroup.org/xsd/odf/1.0/"'),
	('M2', '<omiEnvelope xmlns="http://www.opengroup.org/xsd/omi/2.0/" version="2.0" ttl="0"', '</omiEnvelope>', ' xmlns="http://www.opengroup.org/xsd/odf/2.0/"')) d(dialect, root, root_end, namespace);
-- @name is where an attribute of that element can stand; in forms of which each has other elements in it
CREATE TEMP TABLE form AS SELECT * FROM (VALUES
	('whole', '<InfoItem name="x"@InfoItem@/>', '{"name":"x"@InfoItem@}'),
	('meta data', '<InfoItem name="x"@InfoItem@><MetaData@MetaData@><InfoItem name="unit"@meta@/></MetaData></InfoItem>', '{"name":"x"@InfoItem@,"MetaData":{"InfoItem":{"name":"unit"@meta@}@MetaData@}}'),
	('description', '<InfoItem name="x"@InfoItem@><description@description@/></InfoItem>', '{"name":"x"@InfoItem@,"description":{"text":""@description@}}'),
	('name', '<InfoItem name="x"@InfoItem@><altname@altname@>x2</altname></InfoItem>', '{"name":"x"@InfoItem@,"altname":{"id":"x2"@altname@}}'),
	('value', '<InfoItem name="x"@InfoItem@><value dateTime="2026-01-01T00:00:00Z"@value@/></InfoItem>', '{"name":"x"@InfoItem@,"values":[{"dateTime":"2026-01-01T00:00:00Z"@value@}]}')) f(form, xml, json);
CREATE TEMP TABLE template AS
	SELECT dialect, form, replace(root || '@envelope@><@verb@@delete@><requestID@requestID@>1</requestID><msg@msg@><Objects' || namespace || '@Objects@><Object@Object@><id@id@>D</id>' || xml || '</Object></Objects></msg></@verb@>' || root_end, '@verb@', 'delete') AS message FROM dialect, form WHERE dialect IN ('M1b', 'M2') OR form IN ('whole', 'value')
	UNION ALL SELECT 'M1b json', form, '{"omiEnvelope":{"version":"1.0","ttl":0@envelope@,"delete":{"requestID":{"value":"1"@requestID@}@delete@,"msg":{"Objects":{"Object":{"id":{"id":"D"@id@}@Object@,"InfoItem":' || json || '}@Objects@}@msg@}}}}' FROM form
	UNION ALL SELECT 'text json', form, '<omiEnvelope version="1.0" ttl="0"><delete msgformat="json"><msg>{"Objects":{"Object":{"id":{"id":"D"@id@}@Object@,"InfoItem":' || json || '}@Objects@}@msg@}</msg></delete></omiEnvelope>' FROM form;
CREATE TEMP TABLE element AS SELECT * FROM unnest(ARRAY['envelope', 'delete', 'requestID', 'msg', 'Objects', 'Object', 'id', 'InfoItem', 'MetaData', 'meta', 'description', 'altname', 'value']) AS element;
CREATE FUNCTION pg_temp.filled(message text, element text, attribute text) RETURNS text LANGUAGE sql AS $$
	SELECT regexp_replace(replace(message, '@' || element || '@', CASE WHEN message LIKE '%"Object"%' THEN format(',"%s":"2026-01-01"', attribute) ELSE format(' %s="2026-01-01"', attribute) END), '@[A-Za-z]+@', '', 'g')
$$;
\echo == as they are, all of them delete
SELECT dialect, string_agg(format('%s %s %s', form, (t).codes, (t).changed), ', ' ORDER BY form) FROM (SELECT dialect, form, pg_temp.try(pg_temp.filled(message, '', '')) AS t FROM template) a GROUP BY 1 ORDER BY 1;
\echo == and none of them with an attribute that is not understood
CREATE TEMP TABLE tried AS
	SELECT dialect, form, element, attribute, (t).codes, (t).changed FROM (
		SELECT dialect, form, element, attribute, pg_temp.try(pg_temp.filled(message, element, attribute)) AS t FROM template, element,
			unnest(ARRAY['Begin', 'begin', 'END', 'from', 'dateTime', 'interval', 'newest', 'filter', 'startDate', 'token', 'format', 'z:Begin', 'z:since']) AS attribute
		WHERE strpos(message, '@' || element || '@') > 0) a;
SELECT count(*), count(*) FILTER (WHERE codes = '400' AND NOT changed) FROM tried;
SELECT element, attribute, string_agg(DISTINCT codes, ' '), bool_or(changed), count(*) FROM tried WHERE codes <> '400' OR changed GROUP BY 1, 2 ORDER BY 1, 2;
\echo == attributes of other vocabularies change nothing, unless they are called as what narrows a delete down
SELECT element, string_agg(DISTINCT (t).codes, ' '), bool_and((t).changed), count(*) FROM (SELECT element, pg_temp.try(pg_temp.filled(message, element, a)) AS t FROM template, element, unnest(ARRAY['z:filter', 'z:colour']) a WHERE NOT (dialect ~ 'json' AND element IN ('msg', 'MetaData')) AND strpos(message, '@' || element || '@') > 0) a GROUP BY 1 ORDER BY 1;
\echo == elements and members, of other vocabularies too
SELECT p, string_agg(DISTINCT (t).codes, ' '), bool_or((t).changed) FROM (
	SELECT p, pg_temp.try(replace('<omiEnvelope version="1.0" ttl="0">@1<delete>@2<msg>@3<Objects>@4<Object><id>D</id>@5<InfoItem name="x">@6<MetaData>@7<InfoItem name="unit">@8</InfoItem></MetaData></InfoItem></Object></Objects></msg></delete></omiEnvelope>', p, e)) AS t
	FROM unnest(ARRAY['@1', '@2', '@3', '@4', '@5', '@6', '@7', '@8']) p, unnest(ARRAY['<filter/>', '<z:filter xmlns:z="urn:z"/>', '<begin>2026-01-01</begin>', '<z:value z:dateTime="2026-01-01" xmlns:z="urn:z"><z:x/></z:value>', 'text']) e
	WHERE NOT (p = '@6' AND e LIKE '%value%')) a GROUP BY 1 ORDER BY 1;
SELECT p, string_agg(DISTINCT (t).codes, ' '), bool_or((t).changed) FROM (
	SELECT p, pg_temp.try(regexp_replace(replace('{"omiEnvelope":{@1"ttl":0,"delete":{@2"msg":{@3"Objects":{@4"Object":{@5"id":"D","InfoItem":{@6"name":"x","MetaData":{@7"InfoItem":{@8"name":"unit"}}}}}}}}}', p, m || ','), '@\d', '', 'g')) AS t
	FROM unnest(ARRAY['@1', '@2', '@3', '@4', '@5', '@6', '@7', '@8']) p, unnest(ARRAY['"filter":{"begin":"2026-01-01"}', '"filter":[1]', '"filter":"x"', '"z:filter":{}', '"filter":[]', '"attributes":{"filter":"x"}', '"attributes":{"filter":{}}', '"attributes":[1]', '"xmlfilter":"x"']) m) a GROUP BY 1 ORDER BY 1;
\echo == what is null or empty
SELECT m, (t).* FROM (SELECT m, pg_temp.try(format('{"omiEnvelope":{"ttl":0,"delete":%s}}', m)) AS t FROM unnest(ARRAY['null', '[]', '{}', '{"msg":null}', '{"begin":null,"msg":{"Objects":{"Object":{"id":"D"}}}}', '{"msg":{"Objects":{"Object":{"id":"D","InfoItem":null}}}}',
	'{"msg":{"Objects":{"Object":{"id":"D","InfoItem":[]}}}}', '{"msg":{"Objects":{"Object":{"id":"D","InfoItem":[null]}}}}', '{"msg":{"Objects":{"Object":{"id":"D","Object":[]}}}}', '{"msg":{"Objects":{"Object":{"id":"D","description":null}}}}',
	'{"msg":{"Objects":{"Object":{"id":"D","InfoItem":{"name":"x","values":[]}}}}}', '{"msg":{"Objects":{"Object":{"id":"D","InfoItem":{"name":"x","value":null}}}}}', '{"msg":{"Objects":{"Object":{"id":"D","InfoItem":{"name":"x","values":[{}]}}}}}',
	'{"msg":{"Objects":{"Object":{"id":"D","InfoItem":{"name":"x","altname":""}}}}}', '{"msg":{"Objects":{"Object":{"id":"D","InfoItem":{"name":"x","MetaData":[]}}}}}', '{"msg":{"Objects":{"Object":{"id":"D","InfoItem":{"name":"x","MetaData":[null]}}}}}',
	'{"msg":{"Objects":{"Object":{"id":["D",null]}}}}', '{"msg":{"Objects":{"Object":{"id":"D","filter":null}}}}', '{"msg":{"Objects":{"Object":[]}}}', '{"callback":null,"msgformat":null,"msg":{"Objects":{"Object":{"id":"D","InfoItem":{"name":"x"}}}}}']) m) a;
SELECT x, (t).* FROM (SELECT x, pg_temp.try(pg_temp.odf('delete', '<Object><id>D</id>' || x || '</Object>')) AS t FROM unnest(ARRAY['<InfoItem name="x"><altname/></InfoItem>', '<InfoItem name="x"><altname> </altname></InfoItem>', '<id/>', '<InfoItem name=""/>', '<InfoItem/>']) x) a;
\echo == csv and formats of rows have paths alone in a delete
SELECT p, (t).* FROM (SELECT p, pg_temp.try(pg_temp.envelope('<delete msgformat="csv"><msg>' || p || '</msg></delete>')) AS t FROM unnest(ARRAY['D/x', E'path\nD/x', 'D/x,2026-01-01T00:00:00Z', E'path,time\nD/x,2026-01-01', E'path,value\nD/x,1', E'path,begin,end\nD/x,2026-01-01,2026-01-01', E'path,from\nD/x,2026-01-01', 'D/x;2026-01-01', 'D/x,,', E'path,time,value,type\nD/x,,,']) p) a;
\echo == two payloads, a device, a cancel of less than a subscription
SELECT m, (t).* FROM (SELECT m, pg_temp.try(pg_temp.envelope(m)) AS t FROM unnest(ARRAY['<delete msgformat="csv"><msg>D/x</msg><msg>D/y</msg></delete>', '<delete msgformat="csv"><msg>D/x</msg><msg><Objects><Object><id>D</id></Object></Objects></msg></delete>',
	'<delete targetType="device"><msg><Objects><Object><id>D</id></Object></Objects></msg></delete>', '<cancel><requestID>1</requestID><msg><Objects><Object><id>D</id></Object></Objects></msg></cancel>',
	'<delete><nodeList><node>other</node></nodeList><msg><Objects><Object><id>D</id><description/></Object></Objects></msg></delete>']) m) a;
\echo == what is said
SELECT m, pg_temp.said(m) FROM unnest(ARRAY[pg_temp.odf('delete Begin="2026-01-01"', '<Object><id>D</id></Object>'), pg_temp.odf('delete from="2026-01-01" to="2026-01-02"', '<Object><id>D</id></Object>'), pg_temp.odf('delete dateTime="2026-01-01"', '<Object><id>D</id></Object>'),
	pg_temp.odf('delete', '<Object><id>D</id><InfoItem name="x" begin="2026-01-01"/></Object>'), pg_temp.odf('delete', '<Object><id>D</id><InfoItem name="x" From="2026-01-01"/></Object>'), pg_temp.odf('delete', '<Object><id startDate="2026-01-01">D</id></Object>'),
	'<omiEnvelope ttl="0" colour="red"><delete><msg><Objects><Object><id>D</id></Object></Objects></msg></delete></omiEnvelope>', '<omiEnvelope ttl="0" begin="2026-01-01"><read/></omiEnvelope>', pg_temp.odf('delete', '<Object><id>D</id><z:filter xmlns:z="urn:z"/></Object>')]) m;
SELECT pg_temp.all_of('D');

\echo == reads: what chooses values stands on the verb
SELECT element, string_agg(DISTINCT (t).codes, ' '), count(*) FROM (SELECT element, pg_temp.try(replace(replace(pg_temp.filled(message, element, a), 'delete', 'read'), '<requestID>1</requestID>', '')) AS t
	FROM template, element, unnest(ARRAY['begin', 'END', 'newest', 'intervall']) a WHERE strpos(message, '@' || element || '@') > 0 AND element NOT IN ('delete', 'requestID', 'envelope') AND dialect <> 'M1b json') a GROUP BY 1 ORDER BY 1;
SELECT a, (pg_temp.try(pg_temp.odf('read ' || a, '<Object><id>D</id></Object>'))).codes FROM unnest(ARRAY['Newest="2"', 'lastN="2"', 'last="5"', 'from="2026-01-01"', 'begin=""', 'newest=""', 'newest="-1"', 'newest="two"', 'newest="1" oldest="1"', 'begin="1767225600"', 'x="1"']) a;
SELECT m, (pg_temp.try(pg_temp.envelope(m))).codes FROM unnest(ARRAY['<cancel newest="1"><requestID>1</requestID></cancel>', '<cancel><requestID begin="2026-01-01">1</requestID></cancel>', '<read><requestID newest="1">1</requestID></read>', '<read Newest="1"><requestID>1</requestID></read>']) m;
\echo == a write keeps attributes of your own where they are stored, and refuses them elsewhere
SELECT element, string_agg(DISTINCT (t).codes, ' ') FROM (SELECT element, pg_temp.try(replace(pg_temp.filled(message, element, 'colour'), 'delete', 'write')) AS t FROM template, element WHERE strpos(message, '@' || element || '@') > 0 AND form IN ('whole', 'meta data') AND dialect !~ 'json') a GROUP BY 1 ORDER BY 1;

\echo == a part of an InfoItem
CREATE FUNCTION pg_temp.part(x text, id text DEFAULT 'D') RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	before text[] := string_to_array(pg_temp.all_of(id), ' ');
	answer xml;
BEGIN
	answer := qlm_handle(pg_temp.odf('delete', format('<Object><id>%s</id>%s</Object>', id, x)));
	RETURN QUERY SELECT regexp_replace(regexp_replace(answer::text, '^.*?<response>|</response>.*$', '', 'g'), ' (xmlns|version)="[^"]*"', '', 'g');
	RETURN QUERY SELECT 'gone: ' || string_agg(b, ' ') FROM unnest(before) b WHERE b <> ALL (coalesce(string_to_array(pg_temp.all_of(id), ' '), '{}'));
END
$$;
SELECT pg_temp.part('<InfoItem name="x"><MetaData><InfoItem name="unit"/></MetaData></InfoItem>');
SELECT pg_temp.part('<InfoItem name="x"><MetaData><InfoItem name="unit"/><InfoItem name="format"/></MetaData></InfoItem>');
SELECT pg_temp.part('<InfoItem name="x"><value dateTime="2026-01-01T00:00:00Z"/></InfoItem>');
SELECT pg_temp.part('<InfoItem name="x"><value dateTime="2026-01-01T00:00:00Z"/><value unixTime="1767312000">2</value></InfoItem>');
SELECT pg_temp.part('<InfoItem name="x"><value unixTime="1767312000">2.5</value></InfoItem>');
SELECT pg_temp.part('<InfoItem name="x"><description lang="en"/></InfoItem>');
SELECT pg_temp.part('<InfoItem name="x"><description>other</description></InfoItem><InfoItem name="x"><description lang="fi"/></InfoItem>');
SELECT pg_temp.part('<InfoItem name="x"><description/></InfoItem>');
SELECT pg_temp.part('<InfoItem name="x2"><altname>x2</altname><altname>x9</altname></InfoItem>');
SELECT pg_temp.part('<InfoItem name="x"><altname>x3</altname></InfoItem>');
SELECT pg_temp.part('<InfoItem name="x"><altname>x</altname></InfoItem>');
SELECT pg_temp.part('<InfoItem name="none"><value dateTime="2026-01-01"/></InfoItem>');
\echo == of an Object
SELECT pg_temp.part('<id>D2</id><id>nope</id>');
SELECT pg_temp.part('<id>D2</id>', 'D3');
SELECT pg_temp.part('<description lang="fi"/>');
SELECT pg_temp.part('<description/>');
SELECT pg_temp.part('<description/>');
\echo == all MetaData of an InfoItem, and of many parts in one message those that are there
SELECT pg_temp.fill('D');
SELECT pg_temp.part('<InfoItem name="x"><MetaData/></InfoItem>');
SELECT pg_temp.part('<InfoItem name="y"><MetaData/></InfoItem><InfoItem name="y"><value dateTime="2026-01-01"/></InfoItem><InfoItem name="x"><altname>x2</altname></InfoItem><InfoItem name="z"/>');
SELECT pg_temp.part('<InfoItem name="y"/><InfoItem name="x"><description/></InfoItem>');
\echo == a type that it has not
SELECT pg_temp.part('<InfoItem name="x" type="other"/>'), pg_temp.said(pg_temp.odf('delete', '<Object type="other"><id>D</id></Object>')), pg_temp.said(pg_temp.odf('delete begin="2026-01-01"', '<Object type="other"><id>D</id></Object>'));
\echo == what could mean more than one thing
SELECT x, pg_temp.said(pg_temp.odf('delete', '<Object><id>D</id>' || x || '</Object>')) FROM unnest(ARRAY['<InfoItem name="x"><value>1</value></InfoItem>', '<InfoItem name="x"><value/></InfoItem>', '<InfoItem name="x"><description/><value dateTime="2026-01-01"/></InfoItem>', '<InfoItem name="x"><altname>x2</altname><MetaData/></InfoItem>',
	'<InfoItem name="x"><MetaData><InfoItem name="unit"><value/></InfoItem></MetaData></InfoItem>', '<InfoItem name="x"><MetaData><InfoItem name="unit"><MetaData/></InfoItem></MetaData></InfoItem>', '<id>D2</id><description/>', '<id>D2</id><InfoItem name="x"/>', '<description/><InfoItem name="x"/>']) x;
SELECT pg_temp.said(pg_temp.odf('delete begin="2026-01-01"', '<Object><id>D</id><InfoItem name="x"><value dateTime="2026-01-01"/></InfoItem></Object>')), pg_temp.said(pg_temp.odf('delete end="2026-01-01"', '<Object><id>D</id><description/></Object>'));
SELECT pg_temp.all_of('D');
\echo == JSON, and after it the same written again
SELECT pg_temp.fill('J');
SELECT (SELECT string_agg(c::text, ' ') FROM jsonb_path_query(qlm_handle_json(format('{"omiEnvelope":{"version":"1.0","ttl":0,"delete":{"msg":{"Objects":{"Object":{"id":"J",%s}}}}}}', o)::json)::jsonb, '$.**.return') c) FROM unnest(ARRAY['"InfoItem":{"name":"x","MetaData":{"InfoItem":{"name":"unit"}}}',
	'"InfoItem":{"name":"x","MetaData":{"name":"format"}}', '"InfoItem":{"name":"x","values":[{"dateTime":"2026-01-01T00:00:00Z","value":1}]}', '"InfoItem":{"name":"x","values":{"unixTime":1767312000}}', '"InfoItem":{"name":"x","description":{"lang":"en"}}', '"InfoItem":{"name":"x","description":""}', '"InfoItem":{"name":"x","altname":["x2","x3"]}', '"description":{}']) o;
SELECT pg_temp.all_of('J');
SELECT pg_temp.fill('J');
SELECT pg_temp.all_of('J');
SELECT qlm_delete('J');

\echo == times: what is finer than a microsecond, and dates
SELECT qlm_write('T/x', v, t) FROM (VALUES ('noon', timestamptz '2026-11-29 12:00Z'), ('last', '2026-11-29 23:59:59.999999Z'), ('midnight', '2026-11-30Z'), ('later', '2026-11-30 00:00:00.000001Z')) a(v, t);
SELECT w, (SELECT string_agg(v::text, ' ') FROM unnest(xpath('//*[local-name()="value"]/text()', qlm_handle(pg_temp.odf('read ' || w, '<Object><id>T</id><InfoItem name="x"/></Object>')))) v) FROM unnest(ARRAY['end="2026-11-29T23:59:59.9999999Z"', 'end="2026-11-29T23:59:59.9999999999999Z"', 'begin="2026-11-30T00:00:00.0000001Z"', 'begin="2026-11-29T23:59:59.9999990Z"',
	'begin="2026-11-29" end="2026-11-29"', 'begin="2026-11-30Z" end="2026-11-30Z"', 'begin="2026-11-30+01:00" end="2026-11-30+01:00"', 'begin="2026-11-28" end="2026-11-28"', 'begin="2026-11-29T24:00:00Z" end="2026-11-29T24:00:00Z"']) w;
SELECT pg_temp.said(pg_temp.odf('delete begin="2026-11-29T23:59:59.9999991Z" end="2026-11-30T00:00:00.0000009Z"', '<Object><id>T</id></Object>'));
SELECT pg_temp.said(pg_temp.odf('delete begin="2026-11-29" end="2026-11-29"', '<Object><id>T</id></Object>'));
SELECT pg_temp.all_of('T');
\echo == a value of such a time is of the microsecond in which it is, and is named so
SELECT pg_temp.said(pg_temp.odf('write', '<Object><id>T</id><InfoItem name="c"><value dateTime="2026-11-29T23:59:59.9999999Z">a</value><value unixTime="-0.0000001">b</value></InfoItem></Object>'));
SELECT ts, value FROM qlm.history WHERE path = 'T/c' ORDER BY ts;
SELECT pg_temp.said(pg_temp.odf('delete', '<Object><id>T</id><InfoItem name="c"><value dateTime="2026-11-29T23:59:59.9999999Z"/></InfoItem></Object>'));
SELECT pg_temp.all_of('T');

\echo == a value that is removed waits for no poll, and the newest that is left is the latest
SELECT qlm_subscribe('S/x') AS id \gset
SELECT qlm_write('S/x', '1', '2026-01-01Z'), qlm_write('S/x', '2', '2026-01-02Z');
SELECT pg_temp.part('<InfoItem name="x"><value dateTime="2026-01-02T00:00:00Z"/></InfoItem>', 'S');
SELECT value FROM qlm_poll(:id);
SELECT qlm_write('S/x', '2 again', '2026-01-02Z');
SELECT value FROM qlm_poll(:id);
SELECT qlm_cancel(:id);

\echo == rights: what one may not remove is not removed, and what one may not see is not there
SELECT pg_temp.fill('R');
CREATE ROLE named_writer IN ROLE qlm_writer;
CREATE ROLE named_reader IN ROLE qlm_reader;
CREATE FUNCTION pg_temp.as_role(role name, x text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', role);
	RETURN pg_temp.said(pg_temp.odf('delete', '<Object><id>R</id>' || x || '</Object>'));
END
$$;
CREATE TEMP TABLE parts AS SELECT * FROM unnest(ARRAY['<id>R2</id>', '<description lang="en"/>', '<InfoItem name="x"><altname>x2</altname></InfoItem>', '<InfoItem name="x"><description lang="en"/></InfoItem>', '<InfoItem name="x"><MetaData><InfoItem name="unit"/></MetaData></InfoItem>', '<InfoItem name="x"><value dateTime="2026-01-01"/></InfoItem>']) WITH ORDINALITY AS p(x, n);
CREATE TEMP TABLE before AS SELECT pg_temp.all_of('R') AS state;
CREATE FUNCTION pg_temp.by_all() RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1..6 LOOP
		RETURN NEXT pg_temp.as_role('named_writer', (SELECT x FROM parts WHERE n = i));
		RESET ROLE;
	END LOOP;
	RETURN NEXT CASE WHEN pg_temp.all_of('R') = (SELECT state FROM before) THEN 'all there' ELSE pg_temp.all_of('R') END;
END
$$;
GRANT ALL ON ALL TABLES IN SCHEMA pg_temp TO PUBLIC;
BEGIN;
SELECT pg_temp.as_role('named_reader', x) FROM parts ORDER BY n;
ROLLBACK;
\echo == seen, but not to be changed
ALTER TABLE qlm.object ENABLE ROW LEVEL SECURITY;
ALTER TABLE qlm.info_item ENABLE ROW LEVEL SECURITY;
ALTER TABLE qlm.value ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON qlm.object FOR SELECT TO named_writer USING (true);
CREATE POLICY seen ON qlm.info_item FOR SELECT TO named_writer USING (true);
CREATE POLICY seen ON qlm.value FOR SELECT TO named_writer USING (true);
SELECT pg_temp.by_all();
\echo == not seen
DROP POLICY seen ON qlm.object;
DROP POLICY seen ON qlm.info_item;
DROP POLICY seen ON qlm.value;
SELECT pg_temp.by_all();
\echo == policies on the parts themselves
CREATE POLICY all_of_it ON qlm.object TO named_writer USING (true);
CREATE POLICY all_of_it ON qlm.info_item TO named_writer USING (true);
CREATE POLICY all_of_it ON qlm.value TO named_writer USING (true);
ALTER TABLE qlm.meta_data ENABLE ROW LEVEL SECURITY;
ALTER TABLE qlm.object_id ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON qlm.meta_data FOR SELECT TO named_writer USING (true);
SELECT pg_temp.as_role('named_writer', x) FROM parts WHERE n IN (1, 5) ORDER BY n;
RESET ROLE;
CREATE POLICY all_of_it ON qlm.meta_data TO named_writer USING (true);
CREATE POLICY all_of_it ON qlm.object_id TO named_writer USING (true);
SELECT pg_temp.by_all();
DROP POLICY all_of_it ON qlm.object; DROP POLICY all_of_it ON qlm.info_item; DROP POLICY all_of_it ON qlm.value; DROP POLICY all_of_it ON qlm.meta_data; DROP POLICY all_of_it ON qlm.object_id; DROP POLICY seen ON qlm.meta_data;
ALTER TABLE qlm.object DISABLE ROW LEVEL SECURITY; ALTER TABLE qlm.info_item DISABLE ROW LEVEL SECURITY; ALTER TABLE qlm.value DISABLE ROW LEVEL SECURITY; ALTER TABLE qlm.meta_data DISABLE ROW LEVEL SECURITY; ALTER TABLE qlm.object_id DISABLE ROW LEVEL SECURITY;
DROP ROLE named_writer, named_reader;
SELECT qlm_delete('D') + qlm_delete('T') + qlm_delete('S') + qlm_delete('R');
