-- How long values are kept, and the partitions that they lie in
\getenv sources PG_ABS_SRCDIR
\set prelude :sources /sql/include/prelude.psql
\i :prelude

\echo == the rule with the longest path holds: so long, or one of each span
SELECT count(qlm_write('RT/a/hourly', n::float8, now() - n * interval '1 h')) FROM generate_series(1, 1000) n;
SELECT count(qlm_write('RT/b/daily', n::float8, now() - n * interval '1 day')) FROM generate_series(1, 100) n;
SELECT count(qlm_write('RT/c/silent', n::float8, now() - n * interval '100 days')) FROM generate_series(1, 3) n;
SELECT count(qlm_write('RT/d/kept', n::float8, now() - n * interval '100 days')) FROM generate_series(1, 3) n;
SELECT qlm_set_retention('Objects/RT', '20 days 12 hours');
SELECT qlm_set_retention('RT/a', thin_after => '10 days', thin_every => '1 day');
SELECT qlm_set_retention('RT/d/kept', '100 years');
SELECT path, keep, thin_after, thin_every FROM qlm.retention ORDER BY path;
CREATE TEMP TABLE before AS SELECT path, ts, ts AT TIME ZONE 'UTC' AS utc FROM qlm.history WHERE path LIKE 'RT/%';
SELECT qlm_apply_retention() > 0;
SELECT path, count(*) FROM qlm.history WHERE path ~ '^RT/[bcd]' GROUP BY path ORDER BY path;
\echo == of thinned days the last value of each is left
WITH wanted AS (SELECT ts FROM before WHERE path = 'RT/a/hourly' AND ts > now() - interval '239.5 h'
	UNION SELECT max(ts) FROM before WHERE path = 'RT/a/hourly' AND ts < now() - interval '239.5 h' GROUP BY date_trunc('day', utc)),
	kept AS (SELECT ts FROM qlm.history WHERE path = 'RT/a/hourly')
	SELECT (SELECT count(*) FROM kept) < 300, (SELECT count(*) FROM (TABLE wanted EXCEPT TABLE kept) AS x), (SELECT count(*) FROM (TABLE kept EXCEPT TABLE wanted) AS x);
\echo == once more nothing goes; late values do
SELECT qlm_apply_retention();
SELECT count(qlm_write('RT/a/hourly', '0', date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - interval '30 days 12 h' + n * interval '1 min')) FROM generate_series(1, 5) n;
SELECT qlm_apply_retention();
\echo == without times the rule goes
SELECT qlm_set_retention('RT');
SELECT qlm_set_retention('RT/a');
SELECT qlm_set_retention('RT/d/kept');
SELECT count(*) FROM qlm.retention;
\echo == the setting holds for everything that has no rule
SET qlm.retention = '200d';
SELECT qlm_set_retention('RT/d', '250 days');
SELECT qlm_apply_retention();
SELECT path, count(*) FROM qlm.history WHERE path LIKE 'RT/d/%' GROUP BY path;
RESET qlm.retention;
SELECT qlm_set_retention('RT/d');
\echo == what is wrong is said
SELECT qlm_set_retention('RT', thin_after => '1 day');
SELECT qlm_set_retention('RT', '-1 day');
SELECT qlm_set_retention('RT', thin_after => '1 day', thin_every => '1 month');
SELECT qlm_set_retention('RT//x', '1 day');
SELECT qlm_delete('RT');

\echo == partitions of days, months and years, made where times fall; what is between others is filled
SET qlm.partition_span = 'day';
SELECT qlm_write('PT/x', '1', '2011-03-05 10:00');
SELECT qlm_write('PT/x', '1', '2011-03-05 23:59:59.999999');
SET qlm.partition_span = 'month';
SELECT qlm_write('PT/x', '1', '2011-03-01');
SELECT qlm_write('PT/x', '1', '2011-03-31');
SELECT qlm_write('PT/x', '1', '2011-05-31');
SET qlm.partition_span = 'year';
SELECT qlm_write('PT/x', '1', '2012-02-29');
SELECT qlm_write('PT/x', '1', '2011-12-31');
SELECT qlm_write('PT/x', '1', '2011-04-15');
RESET qlm.partition_span;
SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
	WHERE i.inhparent = 'qlm.value'::regclass AND c.relname ~ '^value_201[12]' ORDER BY 2;
\echo == older than the setting says: the default partition
SET qlm.partition_years_back = 5;
SELECT qlm_write('PT/x', '1', '2013-01-01');
RESET qlm.partition_years_back;
SELECT tableoid::regclass, ts FROM qlm.value v WHERE info_item_id = (SELECT info_item_id FROM qlm.info_item WHERE path = 'PT/x') ORDER BY ts;
\echo == a partition that comes later takes them over
SELECT qlm_write('PT/x', '1', '2013-01-02');
SELECT tableoid::regclass, ts FROM qlm.value v WHERE ts >= '2013-01-01' AND ts < '2013-02-01' ORDER BY ts;
SELECT qlm_delete('PT');
DO $$ DECLARE t regclass; BEGIN
	FOR t IN SELECT inhrelid FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid WHERE inhparent = 'qlm.value'::regclass AND relname ~ '^value_201' LOOP
		EXECUTE format('DROP TABLE %s', t);
	END LOOP;
END $$;
