-- qlm.history: the first and last values of an InfoItem are found by the index,
-- and come out as they do where all of its values are read
\getenv sources PG_ABS_SRCDIR
\set prelude :sources /sql/include/prelude.psql
\i :prelude

SELECT count(qlm_write('HF/' || i, 0, '2021-01-01Z'::timestamptz + make_interval(months => m))) FROM generate_series(0, 5) m, unnest('{big,small,gone}'::text[]) i;
INSERT INTO qlm.value (info_item_id, ts, num)
	SELECT i.info_item_id, '2021-01-01Z'::timestamptz + make_interval(secs => n * 300 + 1), n FROM qlm.info_item i, generate_series(1, 50000) n WHERE i.path = 'HF/big';
INSERT INTO qlm.value (info_item_id, ts, num)
	SELECT i.info_item_id, '2021-01-01Z'::timestamptz + make_interval(days => n, secs => 2), n FROM qlm.info_item i, generate_series(1, 150) n WHERE i.path IN ('HF/small', 'HF/gone');
INSERT INTO qlm.meta_data (info_item_id, name, value) SELECT info_item_id, 'unit', 'K' FROM qlm.info_item WHERE path = 'HF/big';
ANALYZE qlm.value;

-- Pages that a query looks at
CREATE FUNCTION pg_temp.pages(query text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE query;
	EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) ' || query INTO plan;
	RETURN (plan->0->'Plan'->>'Shared Hit Blocks')::int + (plan->0->'Plan'->>'Shared Read Blocks')::int;
END
$$;
-- The same question in words that say nothing of one InfoItem gives the same, if slowly.
CREATE FUNCTION pg_temp.same(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	ours text;
	theirs text;
BEGIN
	EXECUTE format('SELECT string_agg(q::text, E''\n'') FROM (%s) q', query) INTO ours;
	EXECUTE format('SELECT string_agg(q::text, E''\n'') FROM (%s) q', regexp_replace(query, 'path = ', $x$path || '' = $x$, 'g')) INTO theirs;
	RETURN ours IS NOT DISTINCT FROM theirs;
END
$$;
CREATE TEMP TABLE query (n int GENERATED ALWAYS AS IDENTITY, text text);
INSERT INTO query (text) VALUES
	($$SELECT ts, num FROM qlm.history WHERE path = 'HF/big' ORDER BY ts DESC LIMIT 1$$),
	($$SELECT ts, num FROM qlm.history WHERE path = 'HF/big' ORDER BY ts LIMIT 1$$),
	($$SELECT * FROM qlm.history WHERE path = 'HF/big' ORDER BY ts DESC LIMIT 20$$),
	($$SELECT ts, value FROM qlm.history WHERE 'HF/big' = path AND ts <= '2021-03-05Z' ORDER BY ts DESC LIMIT 1$$),
	($$SELECT ts, num FROM qlm.history WHERE path = 'HF/big' AND ts BETWEEN '2021-02-05Z' AND '2021-05-05Z' ORDER BY ts LIMIT 5$$),
	($$SELECT max(ts) FROM qlm.history WHERE path = 'HF/big'$$),
	($$SELECT min(ts), max(ts), 'x' AS c, max(ts) - min(ts) AS span FROM qlm.history WHERE path = 'HF/big'$$),
	($$SELECT max(ts) FROM qlm.history WHERE path = 'HF/big' AND ts < '2021-02-05Z'$$),
	($$SELECT i.path, h.ts, h.num FROM qlm.info_item i CROSS JOIN LATERAL (SELECT h.ts, h.num FROM qlm.history h WHERE h.path = i.path ORDER BY h.ts DESC LIMIT 1) h WHERE i.path LIKE 'HF/%' ORDER BY 1$$),
	($$SELECT i.path, (SELECT max(h.ts) FROM qlm.history h WHERE h.path = i.path) AS last FROM qlm.info_item i WHERE i.path LIKE 'HF/%' ORDER BY 1$$),
	($$SELECT * FROM (SELECT path, ts, num FROM qlm.history) x WHERE path = 'HF/big' ORDER BY ts DESC LIMIT 1$$),
	($$SELECT x.* FROM (VALUES ('HF/big'), ('HF/small'), ('HF/none')) p(p) LEFT JOIN LATERAL (SELECT path, ts FROM qlm.history h WHERE h.path = p.p ORDER BY ts DESC LIMIT 1) x ON true ORDER BY 1$$);
\echo == each looks at few pages
SELECT n, text FROM query WHERE pg_temp.pages(text) > 150;
\echo == and all give what reading everything gives
SELECT n, text FROM query WHERE NOT pg_temp.same(text);
SELECT pg_temp.pages($$SELECT max(num) FROM qlm.history WHERE path = 'HF/big'$$) > 150;

\echo == so do questions that only look alike
CREATE TEMP VIEW numbers AS SELECT path, ts, num FROM qlm.history WHERE num IS NOT NULL;
CREATE TEMP VIEW guarded WITH (security_barrier) AS SELECT path, ts, num FROM qlm.history WHERE num < 100;
CREATE TEMP TABLE mine (place text, ts timestamptz);
INSERT INTO mine VALUES ('HF/small', '2021-02-01Z'), ('HF/nowhere', '2021-02-01Z');
TRUNCATE query;
INSERT INTO query (text) VALUES
	($$SELECT ts FROM numbers WHERE path = 'HF/small' ORDER BY ts DESC LIMIT 3$$),
	($$SELECT ts, num FROM guarded WHERE path = 'HF/small' ORDER BY ts DESC LIMIT 3$$),
	($$SELECT max(ts) FROM guarded WHERE path = 'HF/small'$$),
	($$SELECT * FROM (SELECT path, ts FROM qlm.history WHERE path LIKE 'HF/%' ORDER BY ts DESC, path LIMIT 5) x WHERE path = 'HF/small'$$),
	($$SELECT path, max(ts) FROM qlm.history WHERE path = 'HF/small' GROUP BY path$$),
	($$SELECT max(ts) FROM qlm.history WHERE path = 'HF/small' HAVING count(*) > 1000$$),
	($$SELECT max(ts), count(*) FROM qlm.history WHERE path = 'HF/small'$$),
	($$SELECT max(ts) FILTER (WHERE num < 10) FROM qlm.history WHERE path = 'HF/small'$$),
	($$SELECT max(ts) FROM qlm.history WHERE path = 'HF/small' AND num < 10$$),
	($$SELECT max(ts) FROM qlm.history WHERE path = 'HF/none'$$),
	($$SELECT max(ts), max(num) FROM qlm.history WHERE path = 'HF/small' OR path = 'HF/gone'$$),
	($$SELECT a.ts, b.num FROM qlm.history a JOIN qlm.history b ON a.ts = b.ts AND b.path = 'HF/gone' WHERE a.path = 'HF/small' ORDER BY a.ts DESC LIMIT 4$$),
	($$SELECT m.place, h.num FROM mine m LEFT JOIN qlm.history h ON h.path = 'HF/small' AND h.ts = m.ts + '2 s' AND m.place = h.path ORDER BY 1$$),
	($$SELECT m.place, h.num FROM mine m LEFT JOIN qlm.history h ON h.path = m.place AND h.ts < '2021-01-02Z' ORDER BY 1, 2$$),
	($$SELECT count(*), max(h.ts) FROM mine m FULL JOIN (SELECT * FROM qlm.history WHERE path = 'HF/small') h ON h.path = m.place$$),
	($$SELECT ts FROM qlm.history WHERE path = 'HF/small' UNION ALL SELECT max(ts) FROM qlm.history WHERE path = 'HF/gone' ORDER BY 1 DESC LIMIT 3$$),
	($$WITH h AS (SELECT path, ts FROM qlm.history) SELECT max(ts) FROM h WHERE path = 'HF/small'$$),
	($$SELECT max(ts) FROM qlm.history h WHERE path = 'HF/small' AND EXISTS (SELECT FROM mine m WHERE m.place = h.path)$$),
	($$SELECT place, (SELECT max(h.ts) + (m.ts - m.ts) FROM qlm.history h WHERE h.path = m.place) FROM mine m ORDER BY 1$$),
	($$SELECT max(ts) FROM qlm.history WHERE path = (SELECT max(path) FROM qlm.info_item WHERE path LIKE 'HF/%')$$),
	($$SELECT ts FROM qlm.history WHERE path = NULL::text ORDER BY ts LIMIT 1$$),
	($$SELECT max(ts) FROM qlm.history WHERE path = 'HF/small' COLLATE "POSIX"$$),
	($$SELECT max(ts) FROM qlm.history WHERE path = unit$$);
SELECT n, text FROM query WHERE NOT pg_temp.same(text);

\echo == parameters
PREPARE newest (varchar) AS SELECT path, num FROM qlm.history WHERE path = $1 ORDER BY ts DESC LIMIT 1;
EXECUTE newest('HF/small');
SET plan_cache_mode = force_generic_plan;
EXECUTE newest('HF/big');
EXECUTE newest('HF/none');
RESET plan_cache_mode;

\echo == who may not see an InfoItem is told nothing; rights on some columns of the view are enough
CREATE ROLE hf_reader;
GRANT qlm_reader TO hf_reader;
CREATE ROLE hf_columns;
GRANT USAGE ON SCHEMA qlm TO hf_columns;
GRANT SELECT ON qlm.object, qlm.info_item, qlm.meta_data, qlm.value TO hf_columns;
GRANT SELECT (path, ts) ON qlm.history TO hf_columns;
ALTER TABLE qlm.info_item ENABLE ROW LEVEL SECURITY;
CREATE POLICY hf ON qlm.info_item USING (path <> 'HF/gone');
SET ROLE hf_reader;
SELECT max(ts), min(ts) FROM qlm.history WHERE path = 'HF/gone';
SELECT ts FROM qlm.history WHERE path = 'HF/gone' ORDER BY ts LIMIT 1;
SELECT max(ts) FROM qlm.history WHERE path = 'HF/small';
SET ROLE hf_columns;
SELECT max(ts) FROM qlm.history WHERE path = 'HF/small';
SELECT max(ts) FROM qlm.history WHERE path = 'HF/small' AND num > 1;
RESET ROLE;
DROP POLICY hf ON qlm.info_item;
ALTER TABLE qlm.info_item DISABLE ROW LEVEL SECURITY;
SET ROLE qlm_writer;
RESET ROLE;
CREATE ROLE hf_nobody;
GRANT USAGE ON SCHEMA qlm TO hf_nobody;
SET ROLE hf_nobody;
SELECT max(ts) FROM qlm.history WHERE path = 'HF/small';
RESET ROLE;
DROP OWNED BY hf_reader, hf_columns, hf_nobody;
DROP ROLE hf_reader, hf_columns, hf_nobody;
SELECT qlm_delete('HF');
