-- The write verb: creation, values, times, static data (protocol: write)
\getenv sources PG_ABS_SRCDIR
\set prelude :sources /sql/include/prelude.psql
\i :prelude

\echo == a write makes what is missing
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object type="Refrigerator"><id>W1</id><InfoItem name="temperature"><value type="xs:double" dateTime="2024-05-01T10:01:00Z">4.7</value></InfoItem></Object>')));
SELECT path, ts, value, num, type, object_type FROM qlm.history WHERE path LIKE 'W1/%';
\echo == an Object without InfoItems, and an InfoItem without a value, are there too
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object><id>W2</id><Object><id>part</id></Object><InfoItem name="empty"/></Object>')));
SELECT path FROM qlm.object WHERE path LIKE 'W2%' ORDER BY 1;
SELECT path FROM qlm.info_item WHERE path LIKE 'W2%' ORDER BY 1;
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read', '<Object><id>W2</id></Object>')));
\echo == several values in one InfoItem, in any order, and both time attributes: dateTime wins
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object><id>W3</id><InfoItem name="x"><value dateTime="2024-01-01T00:00:03Z">c</value><value dateTime="2024-01-01T00:00:01Z" unixTime="5">a</value><value unixTime="1704067202.5">b</value></InfoItem></Object>')));
SELECT ts, value FROM qlm.history WHERE path = 'W3/x' ORDER BY ts;
\echo == values without a time get that of receipt, a microsecond apart, in order
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object><id>W4</id><InfoItem name="x"><value>1</value><value>2</value><value>3</value></InfoItem></Object>')));
SELECT value, ts - lag(ts) OVER (ORDER BY ts), ts BETWEEN now() - interval '1 minute' AND now() + interval '1 minute' FROM qlm.history WHERE path = 'W4/x' ORDER BY ts;
\echo == the same again is nothing, another value at that time replaces it, a late one is history
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object><id>W5</id><InfoItem name="x"><value dateTime="2024-01-02T00:00:00Z">1</value></InfoItem></Object>')));
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object><id>W5</id><InfoItem name="x"><value dateTime="2024-01-02T00:00:00Z">1</value></InfoItem></Object>')));
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object><id>W5</id><InfoItem name="x"><value dateTime="2024-01-02T00:00:00Z">2</value><value dateTime="2024-01-01T00:00:00Z">0</value></InfoItem></Object>')));
SELECT ts, value FROM qlm.history WHERE path = 'W5/x' ORDER BY ts;
SELECT ts, value FROM qlm.current WHERE path = 'W5/x';
\echo == two values for one time in one message: the last one
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object><id>W5</id><InfoItem name="y"><value unixTime="0">1</value><value unixTime="0">2</value></InfoItem></Object>')));
SELECT ts, value FROM qlm.history WHERE path = 'W5/y';
\echo == the text of a value comes back as it came in
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object><id>W6</id><InfoItem name="x"><value unixTime="1">4.50</value><value unixTime="2">4.5</value><value unixTime="3"> 4.5 </value><value unixTime="4">1e3</value><value unixTime="5">0x10</value><value unixTime="6">INF</value><value unixTime="7"></value><value unixTime="8"/><value unixTime="9"> a &lt;b&gt; &amp; c
d</value><value unixTime="10"><![CDATA[<raw>]]></value><value unixTime="11">-0</value><value unixTime="12">12345678901234567890</value><value unixTime="13">true</value></InfoItem></Object>')));
SELECT extract(epoch FROM v.ts)::int, '[' || h.value || ']', v.num, '[' || v.txt || ']' FROM qlm.history h JOIN qlm.value v USING (info_item_id, ts) WHERE h.path = 'W6/x' ORDER BY 1;
\echo == types are labels: an unknown or wrong one refuses nothing
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object><id>W7</id><InfoItem name="x"><value type="xs:int" unixTime="1">abc</value><value type="xs:String" unixTime="2">d</value><value type="xs:string" unixTime="3">e</value></InfoItem></Object>')));
SELECT value, type FROM qlm.history WHERE path = 'W7/x' ORDER BY ts;
\echo == Objects in a value
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object><id>W8</id><InfoItem name="x"><value type="odf" unixTime="1"><Objects><Object><id>P</id><InfoItem name="q"><value>1 &lt; 2</value></InfoItem></Object></Objects></value></InfoItem></Object>')));
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read', '<Object><id>W8</id><InfoItem name="x"/></Object>')));
\echo == static data merge: descriptions by language, MetaData, other names, ids, attributes
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object type="A" owner="lab" room="1"><id idType="serial" tagType="RFID">W9</id><id>urn:w9</id><description lang="en">thing</description><description>plain</description><InfoItem name="x" type="T" colour="red"><altname>ecks</altname><description lang="en">item</description><MetaData><InfoItem name="unit"><value>Cel</value></InfoItem><InfoItem name="format"><value type="xs:int">1</value></InfoItem></MetaData></InfoItem></Object>')));
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object type="B" owner="" floor="2"><id>W9</id><id>urn:w9:b</id><description lang="fi">asia</description><description lang="en"/><InfoItem name="x" colour="blue"><altname>iks</altname><MetaData><InfoItem name="unit"><value>K</value></InfoItem></MetaData></InfoItem></Object>')));
SELECT type, description, attributes FROM qlm.object WHERE path = 'W9';
SELECT i.id, i.position, i.id_type, i.tag_type FROM qlm.object_id i JOIN qlm.object o USING (object_id) WHERE o.path = 'W9' ORDER BY position;
SELECT type, description, alt_names, attributes FROM qlm.info_item WHERE path = 'W9/x';
SELECT m.name, m.value, m.type FROM qlm.meta_data m JOIN qlm.info_item i USING (info_item_id) WHERE i.path = 'W9/x' ORDER BY 1;
\echo == attributes of values are kept
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object><id>W10</id><InfoItem name="x"><value unixTime="1" quality="good">1</value></InfoItem></Object>')));
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read', '<Object><id>W10</id><InfoItem name="x"/></Object>')));
\echo == an Object and an InfoItem on one path: nothing of it is stored
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object><id>W11</id><InfoItem name="x"><value unixTime="1">1</value></InfoItem></Object>')));
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object><id>W11</id><InfoItem name="y"><value unixTime="1">1</value></InfoItem><Object><id>x</id></Object></Object>')));
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object><id>W12</id><InfoItem name="x"/><Object><id>x</id></Object></Object>')));
SELECT path FROM qlm.info_item WHERE path LIKE 'W11%' OR path LIKE 'W12%';
\echo == several verbs, in document order
SELECT pg_temp.show(qlm_handle(pg_temp.envelope('<write><msg><Objects><Object><id>W13</id><InfoItem name="x"><value unixTime="1">1</value></InfoItem></Object></Objects></msg></write><read><msg><Objects><Object><id>W13</id><InfoItem name="x"/></Object></Objects></msg></read><delete><msg><Objects><Object><id>W13</id></Object></Objects></msg></delete>')));
\echo == the same without XML
SELECT qlm_write('W14/x', '4.5', '2024-01-01Z');
SELECT qlm_write('/Objects/W14/x/', 5, '2024-01-02Z');
SELECT qlm_write('W14/x', 5.25, '2024-01-03Z', 'xs:decimal');
SELECT qlm_write('A%2FB W14/x', 'text', '2024-01-01Z');
SELECT path, ts, value, num, type FROM qlm.history WHERE path LIKE '%W14/%' ORDER BY path, ts;
SELECT id FROM qlm.object WHERE path LIKE 'A\%2FB W14';
\echo == and by plain SQL
INSERT INTO qlm.value (info_item_id, ts, num) SELECT info_item_id, '2024-01-04Z', 6 FROM qlm.info_item WHERE path = 'W14/x';
SELECT value FROM qlm.current WHERE path = 'W14/x';
\echo == a trigger that writes, while the caches are told to forget, in the middle of a write
CREATE FUNCTION derive() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE pg_class SET reltuples = reltuples WHERE oid = 'qlm.object'::regclass;
	PERFORM public.qlm_write('W16/derived', '1', '2024-01-01Z');
	RETURN NULL;
END $$;
CREATE TRIGGER derive AFTER INSERT ON qlm.meta_data FOR EACH STATEMENT EXECUTE FUNCTION derive();
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object><id>W17</id>' || string_agg(format('<InfoItem name="i%s"><MetaData><InfoItem name="unit"><value>C</value></InfoItem></MetaData><value unixTime="1">1</value></InfoItem>', i), '') || '</Object>'))) FROM generate_series(1, 1000) i;
SELECT count(*), (SELECT value FROM qlm.current WHERE path = 'W16/derived') FROM qlm.history WHERE path LIKE 'W17/%';
DROP TRIGGER derive ON qlm.meta_data;
DROP FUNCTION derive();
\echo == what is refused
\set VERBOSITY terse
SELECT qlm_write('W14', '1');
SELECT qlm_write('W14//x', '1');
SELECT qlm_write('W14/x', NULL::text);
SELECT qlm_write('W14/x', '1', 'infinity');
INSERT INTO qlm.value (info_item_id, ts, num) SELECT info_item_id, 'infinity', 1 FROM qlm.info_item WHERE path = 'W14/x';
SELECT pg_temp.show(qlm_handle(pg_temp.envelope('<write msgformat="obix"><msg>a;1</msg></write>')));
SELECT pg_temp.show(qlm_handle(pg_temp.envelope('<write/>')));
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object><id>W15</id><InfoItem name="x"><value dateTime="2024-02-30T00:00:00Z">1</value></InfoItem></Object>')));
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object><InfoItem name="x"/></Object>')));
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object><id>W15</id><InfoItem/></Object>')));
SELECT count(*) FROM qlm.object WHERE path = 'W15';
SELECT count(qlm_delete(path)) FROM (SELECT path FROM qlm.object WHERE parent_id IS NULL AND path ~ 'W\d+$') o;
