-- What a message says and the node does not understand is refused by name, and
-- nothing of it is done; what is of another vocabulary is passed over.
\getenv sources PG_ABS_SRCDIR
\set prelude :sources /sql/include/prelude.psql
\i :prelude

CREATE FUNCTION pg_temp.said(message text) RETURNS text LANGUAGE sql AS $$
	SELECT array_to_string(xpath('//*[local-name()="return"]/@returnCode', m), ' ') ||
		coalesce(' ' || pg_temp.without_column((xpath('//*[local-name()="return"]/@description', m))[1]::text), '')
	FROM qlm_handle(message) m
$$;
CREATE FUNCTION pg_temp.of(verbs text) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.said(pg_temp.envelope(verbs)) $$;
CREATE FUNCTION pg_temp.item(content text) RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.said(pg_temp.odf('write', '<Object><id>N</id>' || content || '</Object>'))
$$;
\echo == no verb, or one that there is not
SELECT v, pg_temp.of(v) FROM unnest(ARRAY['', '<!-- nothing -->', '<wriet/>', '<Read/>', '<subscribe/>', '<read/><wriet/>', 'read', '<x:read xmlns:x="urn:x"/>', '<x:raed xmlns:x="urn:x"/>',
	'<msg><Objects/></msg>', '<result/>']) v;
SELECT a, pg_temp.said('<omiEnvelope version="1.0" ttl="0" ' || a || '><read/></omiEnvelope>') FROM unnest(ARRAY['autorization="Bearer x"', 'Authorization="Bearer x"', 'TTL="5"', 'token="x"', 'colour="red"']) a;
\echo == attributes of verbs
SELECT v, pg_temp.said(pg_temp.odf(v, '')) FROM unnest(ARRAY['read intervall="5"', 'read Newest="5"', 'read colour="red"', 'read maxLevels="1"', 'read callBack="http://127.0.0.1:9/"', 'write interval="5"', 'write newest="1"',
	'call begin="2024-01-01"', 'delete all="true"', 'delete newest="1"', 'read x:intervall="5" xmlns:x="urn:x"', 'read version="1.0" ttl="0"']) v;
SELECT pg_temp.of('<cancel requestID="5"><requestID>1</requestID></cancel>');
\echo == parts of verbs
SELECT v, pg_temp.of(v) FROM unnest(ARRAY['<read><mgs><Objects/></mgs></read>', '<read><msg><Objects/><Objects/></msg></read>', '<read><msg><Objects/><objects/></msg></read>', '<read><msg>all<Objects/></msg></read>', '<read><msg><Objects/>all</msg></read>',
	'<read>everything</read>', '<read newest="3"/>', '<read begin="2024-01-01"><msg/></read>', '<read><requestID/></read>', '<read><requestId>1</requestId><requestID> </requestID></read>', '<read><request>1</request></read>',
	'<read><requestID><id>1</id></requestID></read>', '<cancel><requestID/></cancel>', '<read><nodeList><nod>x</nod></nodeList><msg><Objects/></msg></read>', '<read><nodeList><node/></nodeList><msg><Objects/></msg></read>', '<write><nodeList/><msg><Objects/></msg></write>',
	'<read><nodelist><node>x</node></nodelist><msg><Objects/></msg></read>', '<read><x:ext xmlns:x="urn:x"><read/></x:ext></read>', '<read><x:ext/></read>', '<read><omi:mgs/></read>', '<read omi:intervall="5"/>']) v;
\echo == a payload that is none
SELECT v, pg_temp.of(v) FROM unnest(ARRAY['<write><msg><objects><Object><id>N</id></Object></objects></msg></write>', '<write msgformat="odf"><msg><Object><id>N</id></Object></msg></write>', '<write msgformat="odf"><msg>N/x=1</msg></write>',
	'<write msgformat="fdo"><msg><obj/></msg></write>', '<write msgformat="odf"><Object><id>N</id></Object></write>']) v;
\echo == parts of O-DF
SELECT c, pg_temp.item(c) FROM unnest(ARRAY['<infoItem name="t"><value>1</value></infoItem>', '<InfoItem name="t"><valeu>1</valeu></InfoItem>', '<InfoItem name="t"><Value>1</Value></InfoItem>', '<InfoItem name="t">1</InfoItem>', '<InfoItem name="t" value="1"/>',
	'<InfoItem name="t" unixTime="1"><value>1</value></InfoItem>', '<InfoItem Name="t"><value>1</value></InfoItem>', '<InfoItem name="t"><values><value>1</value></values></InfoItem>', '<InfoItem name="t"><value datetime="2024-01-01">1</value></InfoItem>',
	'<InfoItem name="t"><value unix_time="5">1</value></InfoItem>', '<InfoItem name="t"><value tpye="xs:int">1</value></InfoItem>', '<InfoItem name="t"><Metadata><InfoItem name="unit"/></Metadata></InfoItem>',
	'<InfoItem name="t"><MetaData><InfoItem name="unit">Cel</InfoItem></MetaData></InfoItem>', '<InfoItem name="t"><MetaData>unit</MetaData></InfoItem>', '<InfoItem name="t"><MetaData><unit>Cel</unit></MetaData></InfoItem>', '<InfoItem name="t"><description>a <b>b</b></description></InfoItem>',
	'<object><id>x</id></object>', '<Object><Id>x</Id></Object>', '<Object><id>x<y/></id></Object>', 'text', '<value>1</value>', '<id idtype="x">y</id>', '<description language="en" Lang="en">x</description>']) c;
SELECT o, pg_temp.said(pg_temp.odf('write', o)) FROM unnest(ARRAY['<object><id>N</id></object>', 'N', '<InfoItem name="x"/>']) o;
SELECT path FROM qlm.object WHERE path ~ '^N';
\echo == kept or passed over by design: attributes of your own, elements of other vocabularies
SELECT pg_temp.item('<x:note xmlns:x="urn:x"><InfoItem name="no"/></x:note><InfoItem name="t" owner="lab" valve="3" x:datetime="1" xmlns:x="urn:x"><y:history>no</y:history><value dateTime="2024-01-01T00:00:00Z" quality="good" x:unixtime="7">1</value></InfoItem>');
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read', '<Object><id>N</id></Object>')));
\echo == responses: a peer may say more than we know, but data are not dropped
SELECT pg_temp.of('<response><result colour="red"><return returnCode="200" more="x"><detail/></return><msg><Objects><Object><id>N</id><InfoItem name="r"><value>1</value></InfoItem></Object></Objects></msg></result></response>');
SELECT v, pg_temp.of(v) FROM unnest(ARRAY['<response/>', '<response><resutl/></response>', '<response><result><retrun returnCode="200"/></result></response>', '<response><result><msg><Objects><Object><id>N</id></Object></Objects></msg></result></response>',
	'<response><result><return returnCode="OK"/><msg>x</msg></result></response>', '<response><result msgFormat="csv"><return returnCode="200"/><msg>N/q,,1</msg></result></response>']) v;
\echo == a request that a response nests is refused in the same way
SELECT pg_temp.of('<response><result><return returnCode="200"/><requestID>7</requestID><omiEnvelope version="1.0" ttl="0"><wriet/></omiEnvelope></result></response>');
SELECT pg_temp.of('<response><result><return returnCode="200"/><requestID>7</requestID><omiEnvelope version="1.0" ttl="0"/></result></response>');
\echo == JSON: members
SELECT m, pg_temp.said(format('{"omiEnvelope":{"version":"1.0","ttl":0%s}}', m)) FROM unnest(ARRAY['', ',"write":null', ',"wriet":{"msg":{"Objects":{}}}', ',"read":{},"wriet":{}', ',"read":5', ',"read":""', ',"read":[[]]', ',"read":{"intervall":5,"msg":{"Objects":{}}}',
	',"read":{"mgs":{"Objects":{}}}', ',"read":{"msg":{"Objects":{},"more":1}}', ',"read":{"msg":{"objects":{}}}', ',"read":{"nodeList":["x"],"msg":{"Objects":{}}}', ',"write":{"nodeList":[],"msg":{"Objects":{}}}', ',"write":{"nodeList":{},"msg":{"Objects":{}}}', ',"write":{"nodeList":null,"msg":{"Objects":{}}}', ',"read":{"nodeList":{"nod":"x"},"msg":{"Objects":{}}}', ',"Authorization":"Bearer x","read":{}',
	',"read":{"x:more":{}},"xmlns:x":"urn:x"']) m;
SELECT m, pg_temp.said(m) FROM unnest(ARRAY['{"omiEnvelope":{"version":"1.0","ttl":0,"read":{}},"write":{}}', '{"$schema":"x","omiEnvelope":{"version":"1.0","ttl":0,"read":{}}}', '{"omiEnvelope":{"ttl":0,"read":{}},"qlmEnvelope":{"ttl":0,"read":{}}}']) m;
SELECT o, pg_temp.said(format('{"omiEnvelope":{"version":"1.0","ttl":0,"write":{"msg":{"Objects":{"Object":{"id":"NJ",%s}}}}}}', o)) FROM unnest(ARRAY['"infoitem":{"name":"t"}', '"InfoItem":"t"', '"ns2:InfoItem":{"name":"t","value":1}', '"InfoItem":{"name":"t","ns2:value":1}', '"InfoItem":{"name":"t","ns2:values":[1]}', '"InfoItem":{"name":"t","value":1,"ns2:note":{"a":1},"ns2:own":"x"}', '"InfoItem":{"name":"t","valeu":1}', '"InfoItem":{"name":"t","vals":[1]}', '"InfoItem":{"name":"t","values":[{"valeu":1}]}',
	'"InfoItem":{"name":"t","values":[{"dateTime":"2024-01-01"}]}', '"InfoItem":{"name":"t","values":[{"value":1,"extra":{}}]}', '"InfoItem":{"name":"t","values":[{"value":1,"datetime":"2024-01-01"}]}',
	'"InfoItem":{"name":"t","MetaData":{"unit":"Cel"}}', '"InfoItem":{"name":"t","MetaData":{"unit":{"value":"Cel"}}}', '"InfoItem":{"name":"t","MetaData":{"InfoItem":{"name":"unit"},"format":"x"}}', '"InfoItem":{"name":"t","MetaData":"Cel"}',
	'"InfoItem":{"name":"t","description":{"text":"a","value":"b"}}', '"InfoItem":{"name":"t","descripton":"a"}', '"description":{"txt":{}}', '"type":"a","type":"b"']) o;
SELECT path FROM qlm.object WHERE path ~ '^NJ';
SELECT qlm_handle_json('{"omiEnvelope":{"ttl":0,"write":{"msg":{"Objects":{"Object":{"id":"NJ","owner":"lab","InfoItem":{"name":"t","valve":3,"value":null,"altname":null,"values":[{"value":"","dateTime":"2024-01-01","attributes":{"x":"y"}}]}}}}}}}');
\echo == JSON: null is no value, wherever it stands, and no event
SELECT qlm_subscribe('NJ/null') AS id \gset
SELECT i, pg_temp.said(format('{"omiEnvelope":{"ttl":0,"write":{"msg":{"Objects":{"Object":{"id":"NJ","InfoItem":%s}}}}}}', i)) FROM unnest(ARRAY['null', '[null]', '{"name":"null","value":null}', '{"name":"null","values":null}', '{"name":"null","values":[null]}', '{"name":"null","values":[{"value":null}]}',
	'{"name":"null","values":[{"type":"xs:double","dateTime":"2024-01-01","value":null}]}', '{"name":"null","value":{"value":null}}', '{"name":"null","values":[null,{"value":2,"dateTime":"2024-01-01"}]}']) i;
SELECT value FROM qlm.history WHERE path = 'NJ/null' ORDER BY ts;
SELECT count(*) FROM qlm.subscription_value WHERE request_id = :id;
SELECT qlm_cancel(:id);
\echo == JSON: objects and arrays as values are kept as they are spelt, or refused
CREATE FUNCTION pg_temp.json_item(i text) RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.said(format('{"omiEnvelope":{"ttl":0,"write":{"msg":{"Objects":{"Object":{"id":"NJ","InfoItem":{"name":"o",%s}}}}}}}', i))
$$;
SELECT i, pg_temp.json_item(i) FROM unnest(ARRAY['"values":[{"dateTime":"2024-01-01","value":{"lat": 60.10,"lon":[24.9,null]}}]', '"values":[{"dateTime":"2024-01-02","value":[1, "\u00e4"]}]', '"values":[{"dateTime":"2024-01-03","type":"geo+json","value":{"type":"Point","coordinates":[1,2]}}]',
	'"values":[{"dateTime":"2024-01-04","type":"json","value":"{\"a\":1"}]', '"values":[{"type":"xs:double","value":{"a":1}}]', '"values":[{"lat":60.1}]', '"value":{"Value":1}', '"value":[60.1,24.9]', '"values":[[1,2]]', '"values":[{}]', '"values":[{"phenomenonTime":"2024-01-01","result":1}]', '"result":1', '"val":1', '"value":1,"timestamp":"2024-01-01"']) i;
SELECT ts AT TIME ZONE 'UTC' AS ts, value, type FROM qlm.history WHERE path = 'NJ/o' ORDER BY ts;
SELECT qlm_handle_json('{"omiEnvelope":{"version":"1.0","ttl":0,"read":{"newest":9,"msg":{"Objects":{"Object":{"id":"NJ","InfoItem":{"name":"o"}}}}}}}');
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read newest="9"', '<Object><id>NJ</id><InfoItem name="o"/></Object>')));
\echo == the place of one mistake among many
SELECT pg_temp.said('{"omiEnvelope":{"ttl":0,"write":{"msg":{"Objects":{"Object":[' || (SELECT string_agg(format('{"id":"NJ%s","InfoItem":[{"name":"a","values":[{"value":1},{"value":2,"dateTime":"%s"}]}]}', n, CASE n WHEN 77 THEN '01.05.2024' ELSE '2024-05-01' END), ',') FROM generate_series(1, 100) n) || ']}}}}}');
SELECT pg_temp.said(pg_temp.odf('write', (SELECT string_agg(format('<Object><id>NJ%s</id><InfoItem name="a"><value>1</value><value dateTime="%s">2</value></InfoItem></Object>', n, CASE n WHEN 77 THEN '300000-01-01' ELSE '2024-05-01' END), '') FROM generate_series(1, 100) n)));
\echo == values under another name, times under another name
SELECT c, pg_temp.item(c) FROM unnest(ARRAY['<InfoItem name="t"><value value="1"/></InfoItem>', '<InfoItem name="t"><value timestamp="2024-01-01">1</value></InfoItem>', '<InfoItem name="t"><value timestamp="x" dateTime="2024-01-01">1</value></InfoItem>', '<InfoItem name="t" time="2024-01-01"><value>1</value></InfoItem>', '<InfoItem name="t"><reading>1</reading></InfoItem>',
	'<InfoItem name="t"><value TimeStamp="x">1</value></InfoItem>', '<InfoItem name="t"><value dateTima="2024-01-01">1</value></InfoItem>', '<InfoItem name="t"><value epoch="1714557600">1</value></InfoItem>', '<InfoItem name="t"><value observedAt="2024-05-01T10:00:00Z">1</value></InfoItem>', '<InfoItem name="t" timestamp="2024-05-01T10:00:00Z"><value>1</value></InfoItem>',
	'<InfoItem name="t" xmlns:o="http://www.opengroup.org/xsd/odf/1.0/"><value o:timestamp="2024-01-01">1</value></InfoItem>']) c;
SELECT a, v, pg_temp.said(pg_temp.odf('write', format('<Object %s><id>N</id><InfoItem name="o"><MetaData><InfoItem name="unit"><value>K</value></InfoItem></MetaData><value %s>1</value></InfoItem></Object>', a, v))) FROM unnest(ARRAY['dateTime="2024-01-01"', 'unixtime="1714557600"', 'dateTime="soon"']) a, unnest(ARRAY['', 'unixTime="6"']) v;
\echo == attributes of your own of such names
SELECT c, pg_temp.item(c) FROM unnest(ARRAY['<InfoItem name="o" time="daily"><value epoch="Jurassic">1</value></InfoItem>', '<InfoItem name="o" timestamp="2024-05-01T10:00:00Z"><value unixTime="5" epoch="1714557600">1</value></InfoItem>', '<InfoItem name="o" x:time="2024-05-01T10:00:00Z" xmlns:x="urn:x"><value x:time="2024-05-01T10:00:00Z">1</value></InfoItem>']) c;
SELECT pg_temp.said(pg_temp.odf('write', '<Object id="N"/>'));
\echo == csv: columns and fields
SELECT p, pg_temp.of('<write msgformat="csv"><msg>' || p || '</msg></write>') FROM unnest(ARRAY[E'path,tiem,value\nN/c,,1', E'path,valeu\nN/c,1', E'path,reading\nN/c,1', E'Path,TIME,Value,note\nN/c,2024-01-01,1,x', 'N/d,2024-01-01,4,5,xs:double', E'path,value\nN/e,4,5', E'path,note\nN/c', E'path,unixTime,value\nN/u,1714557600,1', E'path,dateTime,unixTime,value\nN/u,2024-01-01T00:00:00Z,1714557600,2\nN/u,,1714557601,3', E'path,unixTime,value\nN/u,1714557600123,1', E'path,unixtiem,value\nN/u,1,1', E'path,value,Value\nN/u,1,2', E'path,time,ts,value\nN/u,,2024-01-01,4', E'path,value,last_changed\nN/l,1,2024-01-01T10:00:00Z', E'path,value,Datum\nN/l,1,2024-01-01 10:00', E'path,value,date\nN/l,1,2024-01-01', E'path,epoch,value\nN/l,1714557600,1', E'path,value,installed\nN/l,1,2024-01-01', E'path,value,last_changed\nN/l,1,', E'path,time,value,last_changed\nN/l,2024-01-01,1,2024-01-01T10:00:00Z', 'N/f;;4.5', E'path;value\nN/f;1', E'N/f\t\t1', 'N/g,,1,,,', 'N/h,,a&#13;b', 'N/h,,"a"&#13;N/i,,1', U&'\FEFFpath,value\000AN/k,1&#13;\000A']) p;
SELECT path, value FROM qlm.current WHERE path ~ '^N/' ORDER BY path;
SELECT ts AT TIME ZONE 'UTC' AS ts, value FROM qlm.history WHERE path = 'N/u' ORDER BY ts;
SELECT qlm_delete('N') + qlm_delete('NJ');
