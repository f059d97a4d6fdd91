-- qlm.history: what it shows, and that numbers come from the index alone
\getenv sources PG_ABS_SRCDIR
\set prelude :sources /sql/include/prelude.psql
\i :prelude

SELECT qlm_add_peer('hi_peer') IS NOT NULL;
SELECT qlm_write('HI/n', 1, '2021-05-01 10:00Z');
SELECT qlm_write('HI/n', 'two', '2021-05-01 10:20Z');
INSERT INTO qlm.value (info_item_id, ts, num, peer_id)
	SELECT i.info_item_id, '2021-05-01 11:00Z', 3, p.peer_id FROM qlm.info_item i, qlm.peer p WHERE i.path = 'HI/n' AND p.name = 'hi_peer';
SELECT path, ts, value, num, peer FROM qlm.history WHERE path = 'HI/n' ORDER BY ts;
SELECT count(*) FROM qlm.history WHERE path = 'HI/n' AND peer = 'hi_peer';
SELECT count(*) FROM qlm.history WHERE path = 'HI/n' AND peer IS NULL;
SET ROLE qlm_reader;
SELECT num, peer FROM qlm.history WHERE path = 'HI/n' AND num = 3;
RESET ROLE;
-- in a parallel worker
SELECT set_config(name, 'on', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
SELECT count(peer) FROM qlm.history WHERE path = 'HI/n';
SELECT set_config(name, 'off', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');

\echo == numbers by hour: the index alone is enough, all else is switched off, as the table is small
CREATE FUNCTION pg_temp.scan_of_values(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		IF line ~ ' on value_' THEN
			RETURN NEXT trim(line, ' ->');
		END IF;
	END LOOP;
END
$$;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET enable_indexscan = off;
SELECT pg_temp.scan_of_values($$SELECT date_bin('1 hour', ts, '2000-01-01'), avg(num) FROM qlm.history
	WHERE path = 'HI/n' AND ts >= '2021-05-01Z' AND ts < '2021-05-02Z' GROUP BY 1 ORDER BY 1$$);
RESET enable_indexscan;
\echo == texts are not in the index
SELECT pg_temp.scan_of_values($$SELECT ts, value FROM qlm.history
	WHERE path = 'HI/n' AND ts >= '2021-05-01Z' AND ts < '2021-05-02Z'$$);
RESET enable_bitmapscan;
RESET enable_seqscan;
SELECT date_bin('1 hour', ts, '2000-01-01') AS hour, avg(num) FROM qlm.history
	WHERE path = 'HI/n' AND ts >= '2021-05-01Z' AND ts < '2021-05-02Z' GROUP BY 1 ORDER BY 1;

\echo == partitions are vacuumed early where they only grow, also the default one
SELECT relname, reloptions FROM pg_class WHERE oid IN ('qlm.value_2021_05'::regclass, 'qlm.value_default'::regclass) ORDER BY 1;
SELECT qlm_delete('HI');
SELECT qlm_drop_peer('hi_peer');
