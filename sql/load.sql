-- History that is loaded: partitions made before, and values that came without one
\getenv sources PG_ABS_SRCDIR
\set prelude :sources /sql/include/prelude.psql
\i :prelude

CREATE FUNCTION pg_temp.place(span text) RETURNS TABLE (relname name, bound text, n bigint) LANGUAGE plpgsql AS $$
BEGIN
	FOR relname, bound IN SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) FROM pg_class c
		WHERE c.relnamespace = 'qlm'::regnamespace AND c.relispartition AND c.relkind = 'r' AND c.relname LIKE span ORDER BY 1 LOOP
		EXECUTE format('SELECT count(*) FROM qlm.%I v JOIN qlm.info_item i USING (info_item_id) WHERE i.path LIKE ''LD/%%''', relname) INTO n;
		RETURN NEXT;
	END LOOP;
END
$$;
SELECT qlm_write('LD/x', 0, '1901-01-01Z');
SELECT info_item_id AS x FROM qlm.info_item WHERE path = 'LD/x' \gset

\echo == partitions for a load, made before it
SELECT qlm_make_partitions('2006-01-15Z', '2006-04-01Z');
SELECT qlm_make_partitions('2006-01-15Z', '2006-04-01Z');
SELECT qlm_make_partitions('2006-04-01Z', '2006-04-01Z');

INSERT INTO qlm.value (info_item_id, ts, num) SELECT :x, '2006-01-01Z'::timestamptz + make_interval(days => n), n FROM generate_series(0, 99) n;
SELECT * FROM pg_temp.place('value_2006%');
\echo == of other lengths, between those that are there
SET qlm.partition_span = 'year';
SELECT qlm_make_partitions('2006-06-01Z', '2007-06-01Z');
SET qlm.partition_span = 'day';
SELECT qlm_make_partitions('2008-02-27Z', '2008-03-02Z');
RESET qlm.partition_span;
SELECT qlm_make_partitions('2008-02-01Z', '2008-04-01Z');
SELECT * FROM pg_temp.place('value_2007%') UNION ALL SELECT * FROM pg_temp.place('value_2008%');
\echo == as far away as wanted
SELECT qlm_make_partitions('1850-01-01Z', '1850-02-01Z');

\echo == what asks for too much, or may not ask
SELECT qlm_make_partitions('2006-02-01', '2006-01-01');
SELECT qlm_make_partitions('2006-02-01', 'infinity');
SELECT qlm_make_partitions('0001-01-01', '2006-01-01');
SELECT qlm_make_partitions(NULL, '2006-01-01') IS NULL;
SET ROLE qlm_writer;
SELECT qlm_make_partitions('2006-02-01', '2006-03-01');
SET ROLE qlm_admin;
SELECT qlm_make_partitions('2006-02-01', '2006-03-01');
RESET ROLE;
SELECT count(qlm_make_partitions('2009-01-01', '2009-01-02')) FROM qlm.value;
CREATE TABLE qlm.value_2009_02 ();
SELECT qlm_make_partitions('2009-02-01Z', '2009-03-01Z');
DROP TABLE qlm.value_2009_02;

\echo == values that came without a partition are whole when they get one, and none is new
INSERT INTO qlm.value (info_item_id, ts, num, txt, type, attributes, is_odf) VALUES
	(:x, '2015-01-31 23:59:59.999999Z', 1, NULL, NULL, NULL, NULL),
	(:x, '2015-02-01Z', NULL, repeat('long text ', 2000), 'xs:string', '{"a": "b"}', NULL),
	(:x, '2015-02-10Z', 1.5, '1.50', 'xs:double', NULL, NULL),
	(:x, '2015-02-28 23:59:59.999999Z', NULL, '<Objects/>', NULL, NULL, true),
	(:x, '2015-03-01Z', 3, NULL, NULL, NULL, NULL);
CREATE TEMP TABLE before AS SELECT * FROM qlm.value WHERE info_item_id = :x;
CREATE TEMP TABLE fired (what text);
CREATE FUNCTION pg_temp.fired() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO fired VALUES (TG_OP || ' on ' || TG_TABLE_NAME); RETURN NULL; END $$;
CREATE TRIGGER each AFTER INSERT OR UPDATE OR DELETE ON qlm.value FOR EACH ROW EXECUTE FUNCTION pg_temp.fired();
SELECT qlm_subscribe('LD/x') AS subscription \gset
SELECT qlm_make_partitions('2015-02-05Z', '2015-02-05Z');
SELECT * FROM pg_temp.place('value_2015%');
SELECT count(*) FROM (SELECT * FROM qlm.value WHERE info_item_id = :x EXCEPT ALL SELECT * FROM before) d;
SELECT count(*) FROM (SELECT * FROM before EXCEPT ALL SELECT * FROM qlm.value WHERE info_item_id = :x) d;
SELECT * FROM fired;
SELECT count(*) FROM qlm_poll(:subscription);
SELECT qlm_cancel(:subscription);
DROP TRIGGER each ON qlm.value;
\echo == each once
\set VERBOSITY terse
INSERT INTO qlm.value (info_item_id, ts, num) VALUES (:x, '2015-02-01Z', 1);
\set VERBOSITY default
SELECT conname FROM pg_constraint WHERE conrelid = 'qlm.value_default'::regclass AND conname LIKE 'qlm%';

\echo == a write brings the few values of its month along
INSERT INTO qlm.value (info_item_id, ts, num) SELECT :x, '2016-05-01Z'::timestamptz + make_interval(mins => n), n FROM generate_series(1, 500) n;
SELECT qlm_write('LD/x', 7, '2016-05-20Z');
SELECT * FROM pg_temp.place('value_2016%');
\echo == where there are many it goes where they are, until the workers move them
INSERT INTO qlm.value (info_item_id, ts, num) SELECT :x, '2017-05-01Z'::timestamptz + make_interval(mins => n), n FROM generate_series(1, 1500) n;
SELECT qlm_write('LD/x', 7, '2017-05-20Z');
SELECT qlm_write('LD/x', 8, '2017-05-20Z');
SELECT qlm_write('LD/x', 9, '2017-05-01 00:01Z');
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object><id>LD</id><InfoItem name="x"><value dateTime="2017-05-01T00:02:00Z">10</value><value dateTime="2017-06-02T00:02:00Z">11</value></InfoItem></Object>')));
SELECT * FROM pg_temp.place('value_2017%');
SELECT count(*), sum(num) FROM qlm.history WHERE path = 'LD/x' AND ts >= '2017-05-01Z' AND ts < '2017-07-01Z';
SELECT value FROM qlm_read('LD/x', '2017-05-01 00:00Z', '2017-05-01 00:03Z');
SELECT value FROM qlm_read('LD/x', '2017-05-20Z', '2017-06-20Z');
\echo == or somebody asks for it
SELECT qlm_make_partitions('2017-05-01Z', '2017-06-01Z');
SELECT * FROM pg_temp.place('value_2017%');
SELECT count(*), sum(num) FROM qlm.history WHERE path = 'LD/x' AND ts >= '2017-05-01Z' AND ts < '2017-07-01Z';

\echo == columns that users have added and dropped
ALTER TABLE qlm.value ADD COLUMN gone int;
ALTER TABLE qlm.value ADD COLUMN note text;
INSERT INTO qlm.value (info_item_id, ts, num, gone, note) VALUES (:x, '2018-05-01Z', 1, 5, 'noted');
ALTER TABLE qlm.value DROP COLUMN gone;
SELECT qlm_make_partitions('2018-05-01Z', '2018-06-01Z');
SELECT num, note FROM qlm.value_2018_05 WHERE info_item_id = :x;
ALTER TABLE qlm.value DROP COLUMN note;
SELECT qlm_delete('LD');
DO $$
DECLARE
	t regclass;
BEGIN
	FOR t IN SELECT c.oid FROM pg_class c JOIN pg_inherits ON inhrelid = c.oid WHERE inhparent = 'qlm.value'::regclass AND relname ~ '^value_(1850|200[6789]|201[5678])' LOOP
		EXECUTE format('DROP TABLE %s', t);
	END LOOP;
END
$$;
