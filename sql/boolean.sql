-- true and false are values, and count as 1 and 0, whichever way they come
\getenv sources PG_ABS_SRCDIR
\set prelude :sources /sql/include/prelude.psql
\i :prelude

CREATE FUNCTION pg_temp.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;

\echo == SQL: each type as it is, and a literal as text
SELECT qlm_write('Bo/text', 'true', '2024-01-01Z'), qlm_write('Bo/text', 'false', '2024-01-02Z', 'xs:boolean'), qlm_write('Bo/text', '4.50', '2024-01-03Z');
SELECT qlm_write('Bo/boolean', true, '2024-01-01Z'), qlm_write('Bo/boolean', 1 > 2, '2024-01-02Z'), qlm_write('Bo/boolean', false, '2024-01-03Z', 'x:switch');
SELECT qlm_write('Bo/number', 4.5, '2024-01-01Z'), qlm_write('Bo/number', 4, '2024-01-02Z'), qlm_write('Bo/number', 4::smallint, '2024-01-03Z'),
	qlm_write('Bo/number', 4.5::real, '2024-01-04Z'), qlm_write('Bo/number', 9007199254740993, '2024-01-05Z'), qlm_write('Bo/number', 0.1::float8, '2024-01-06Z');
SELECT qlm_write('Bo/string', 'abc'::varchar, '2024-01-01Z'), qlm_write('Bo/string', 'abc'::name, '2024-01-02Z'), qlm_write('Bo/string', 'abc'::text, '2024-01-03Z'),
	qlm_write('Bo/string', '{"a": 1}', '2024-01-04Z'), qlm_write('Bo/string', 'null', '2024-01-05Z');
SELECT qlm_write('Bo/jsonb', '"text"'::jsonb, '2024-01-01Z'), qlm_write('Bo/jsonb', '4.50'::jsonb, '2024-01-02Z'), qlm_write('Bo/jsonb', 'true'::jsonb, '2024-01-03Z'),
	qlm_write('Bo/jsonb', '{"b":[1,2],  "a":null}'::jsonb, '2024-01-04Z'), qlm_write('Bo/jsonb', '["x"]'::jsonb, '2024-01-05Z', 'json'), qlm_write('Bo/jsonb', to_jsonb(7), '2024-01-06Z'),
	qlm_write('Bo/jsonb', '"true"'::jsonb, '2024-01-07Z');
\echo == with names and without times
SELECT qlm_write('Bo/now', 'true'), qlm_write('Bo/now', true), qlm_write('Bo/now', 4), qlm_write('Bo/now', 4.5), qlm_write('Bo/now', '4.5');
SELECT qlm_write(path => 'Bo/named', value => true, at => '2024-01-01Z'), qlm_write(path => 'Bo/named', value => 'x', at => '2024-01-02Z'), qlm_write(path => 'Bo/named', value => '[]'::jsonb, at => '2024-01-03Z');
SELECT pg_temp.try($$SELECT qlm_write('Bo/none', NULL)$$);
SELECT pg_temp.try($$SELECT qlm_write('Bo/none', NULL::boolean)$$);
SELECT pg_temp.try($$SELECT qlm_write('Bo/none', 'null'::jsonb)$$);
SELECT path, value, num, type FROM qlm.history WHERE path ^@ 'Bo/' ORDER BY path, ts;

\echo == XML, JSON, csv
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object><id>Bx</id><InfoItem name="x"><value unixTime="1">true</value><value unixTime="2" type="xs:boolean">false</value>
<value unixTime="3" type="xs:boolean">1</value><value unixTime="4"> true
</value><value unixTime="5">TRUE</value><value unixTime="6">truth</value><value unixTime="7">untrue</value><value unixTime="8" type="xs:string">false</value></InfoItem></Object>')));
SELECT qlm_handle_json('{"omiEnvelope":{"version":"2.0","ttl":0,"write":{"msg":{"Objects":{"Object":{"id":"Bx","InfoItem":[{"name":"json","values":[{"unixTime":1,"value":true},{"unixTime":2,"value":false},{"unixTime":3,"value":"true"}]}]}}}}}}')::text ~ '200';
SELECT pg_temp.show(qlm_handle(pg_temp.envelope(E'<write msgformat="csv"><msg>path,dateTime,value\nBx/csv,1970-01-01T00:00:01Z,true\nBx/csv,1970-01-01T00:00:02Z,false</msg></write>')));
SELECT path, value, num, type FROM qlm.history WHERE path ^@ 'Bx/' ORDER BY path, ts;
\echo == functions say the same as the table
SELECT count(*), count(*) FILTER (WHERE r.num IS DISTINCT FROM h.num OR r.value IS DISTINCT FROM h.value) AS different
	FROM qlm_read('Bx', '1960-01-01Z') r JOIN qlm.history h USING (path, ts);
\echo == availability
SELECT path, avg(num) FROM qlm.history WHERE path IN ('Bx/json', 'Bx/csv', 'Bo/boolean') GROUP BY 1 ORDER BY 1;
\echo == a plain INSERT counts too; written again it is the same
INSERT INTO qlm.value (info_item_id, ts, txt) SELECT info_item_id, '2024-02-01Z', 'true' FROM qlm.info_item WHERE path = 'Bo/boolean';
SELECT value, num FROM qlm.history WHERE path = 'Bo/boolean' AND ts = '2024-02-01Z';
SELECT qlm_write('Bo/boolean', 'true', '2024-02-01Z');
SELECT value, num FROM qlm.history WHERE path = 'Bo/boolean' AND ts = '2024-02-01Z';
\echo == the same again is no other value
SELECT v.xmin AS before FROM qlm.value v JOIN qlm.info_item USING (info_item_id) WHERE path = 'Bo/boolean' AND ts = '2024-01-01Z' \gset
SELECT qlm_write('Bo/boolean', true, '2024-01-01Z');
SELECT v.xmin::text = :'before' FROM qlm.value v JOIN qlm.info_item USING (info_item_id) WHERE path = 'Bo/boolean' AND ts = '2024-01-01Z';
SELECT qlm_delete('Bo'), qlm_delete('Bx');
