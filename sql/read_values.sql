-- Which values a read selects (protocol: selecting values)
\getenv sources PG_ABS_SRCDIR
\set prelude :sources /sql/include/prelude.psql
\i :prelude

SELECT qlm_write('R1/x', n::text, '2024-01-01Z'::timestamptz + n * interval '1 hour') FROM generate_series(1, 5) n;
SELECT qlm_write('R1/y', 'only', '2024-01-01 03:00Z');
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object><id>R1</id><InfoItem name="none"/></Object>')));
CREATE FUNCTION pg_temp.values_of(attributes text) RETURNS TABLE (answer text) LANGUAGE sql AS $$
	SELECT format('%s %s: %s', attributes,
		(xpath('//*[local-name()="return"]/@returnCode', m))[1],
		coalesce(nullif(array_to_string(xpath('//*[local-name()="value"]/text()', m), ' '), ''),
			pg_temp.without_column((xpath('//*[local-name()="return"]/@description', m))[1]::text)))
	FROM qlm_handle(pg_temp.odf('read ' || attributes, '<Object><id>R1</id><InfoItem name="x"/></Object>')) m
$$;
\echo == each row of the table of selectors
SELECT pg_temp.values_of(a) FROM unnest(ARRAY['',
	'newest="2"', 'oldest="2"', 'newest="9"',
	'begin="2024-01-01T03:00:00Z"', 'end="2024-01-01T03:00:00Z"',
	'begin="2024-01-01T02:00:00Z" end="2024-01-01T04:00:00Z"',
	'begin="2024-01-01T02:00:00Z" newest="2"', 'end="2024-01-01T04:00:00Z" newest="2"',
	'begin="2024-01-01T02:00:00Z" end="2024-01-01T04:00:00Z" newest="2"',
	'begin="2024-01-01T02:00:00Z" end="2024-01-01T04:00:00Z" oldest="2"',
	'begin="2024-01-01T02:00:00Z" oldest="1"', 'end="2024-01-01T04:00:00Z" oldest="1"',
	'all="true"', 'all="1" newest="1"', 'all="false"', 'all="true" newest="1" oldest="1"',
	'begin="2024-01-01T04:00:00Z" end="2024-01-01T02:00:00Z"',
	'begin="2025-01-01"', 'begin="2024-01-01T05:00" end="2024-01-01T07:00:00+02:00"']) a;
\echo == what is refused, naming the attribute
SELECT pg_temp.values_of(a) FROM unnest(ARRAY[
	'newest="1" oldest="1"', 'newest="0"', 'newest="-1"', 'newest="x"', 'newest="1.5"', 'oldest="99999999999"',
	'begin="yesterday"', 'end="2024-13-01"', 'all="maybe"', 'maxlevels="0"',
	'interval="x"', 'interval="-3"', 'interval="1" begin="2024-01-01"', 'targetType="moon"']) a;
\echo == newest first with newest, else oldest first
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read newest="2"', '<Object><id>R1</id><InfoItem name="x"/></Object>')));
\echo == an InfoItem without values in the window, or at all: left out of what lies above, unless it is named or all is asked for
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read begin="2024-01-01T05:00:00Z"', '<Object><id>R1</id></Object>')));
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read begin="2024-01-01T05:00:00Z"', '<Object><id>R1</id><InfoItem name="none"/><InfoItem name="y"/></Object>')));
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read maxlevels="9"', '<Object><id>R1</id></Object><Object><id>R1</id><InfoItem name="none"/></Object>')));
SELECT xpath('//@name', qlm_handle(pg_temp.odf('read all="true"', '<Object><id>R1</id></Object>')));
SELECT xpath('//@name', qlm_handle(pg_temp.odf('read', '')));
SELECT qlm_handle_json('{"omiEnvelope":{"ttl":0,"read":{"begin":"2024-02-01","msg":{"Objects":{"Object":{"id":"R1"}}}}}}');
\echo == more than can be counted is as many as there are, up to the limit of an answer
SELECT pg_temp.values_of(a) FROM unnest(ARRAY['newest="4000000000"', 'oldest="99999999999999999999999" begin="2024-01-01T04:00"', 'maxlevels="99999999999" newest="1"']) a;
SET qlm.max_values = 4;
SELECT pg_temp.values_of(a) FROM unnest(ARRAY['newest="4"', 'newest="5"', 'oldest="4000000000"', 'begin="2024-01-01T03:00" newest="5"']) a;
RESET qlm.max_values;
\echo == the same without XML
SELECT ts, value, num FROM qlm_read('R1/x');
SELECT ts, value FROM qlm_read('R1/x', newest => 2);
SELECT ts, value FROM qlm_read('R1/x', '2024-01-01 02:00Z', '2024-01-01 03:00Z');
SELECT ts, value FROM qlm_read('R1/x', "begin" => '2024-01-01 04:00Z', oldest => 1);
SELECT path, value FROM qlm_read('R1') ORDER BY path;
SELECT count(*) FROM qlm_read('R1/unknown');
\set VERBOSITY terse
SELECT * FROM qlm_read('R1/x', newest => 0);
SELECT * FROM qlm_read('R1/x', newest => 1, oldest => 1);
SELECT * FROM qlm_read(NULL);
\echo == values of times far apart, in several partitions and in none
SELECT qlm_write('R2/x', y::text, make_timestamptz(y, 6, 1, 0, 0, 0, 'UTC')) FROM unnest(ARRAY[1, 1969, 1995, 2019, 2020, 2021, 9999]) y;
SELECT ts, value FROM qlm_read('R2/x');
SELECT string_agg(value, ' ') FROM qlm_read('R2/x', newest => 4);
SELECT string_agg(value, ' ') FROM qlm_read('R2/x', oldest => 4);
SELECT string_agg(value, ' ') FROM qlm_read('R2/x', '1990-01-01Z', '2020-12-31Z');
SELECT qlm_delete('R1') + qlm_delete('R2');
