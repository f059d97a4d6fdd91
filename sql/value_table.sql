-- What users put on qlm.value holds for messages as it does for plain SQL:
-- triggers, rules, policies, constraints, indexes, rights on columns
\getenv sources PG_ABS_SRCDIR
\set prelude :sources /sql/include/prelude.psql
\i :prelude

-- a write of two values, one bad where a test says so
CREATE FUNCTION pg_temp.write(item text, value text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', format('<Object><id>VT</id><InfoItem name="%s"><value unixTime="1700000001">1</value><value unixTime="1700000002">%s</value></InfoItem></Object>', item, value))))
$$;
CREATE FUNCTION pg_temp.stored(item text) RETURNS TABLE (value text, num float8) LANGUAGE sql AS $$
	SELECT value, num FROM qlm.history WHERE path = 'VT/' || item ORDER BY ts
$$;
SELECT pg_temp.write('plain', '2');
SELECT * FROM pg_temp.stored('plain');

\echo == a row trigger that changes what is stored
CREATE FUNCTION pg_temp.doubled() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.num := NEW.num * 2; RETURN NEW; END $$;
CREATE TRIGGER doubled BEFORE INSERT ON qlm.value FOR EACH ROW EXECUTE FUNCTION pg_temp.doubled();
SELECT pg_temp.write('doubled', '2');
SELECT * FROM pg_temp.stored('doubled');
DROP TRIGGER doubled ON qlm.value;

\echo == a statement trigger with its rows
CREATE TEMP TABLE seen (what text, n bigint);
GRANT ALL ON seen TO PUBLIC;
CREATE FUNCTION pg_temp.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen SELECT 'after', count(*) FROM fresh; RETURN NULL; END $$;
CREATE FUNCTION pg_temp.before() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen VALUES ('before', 0); RETURN NULL; END $$;
CREATE TRIGGER note AFTER INSERT ON qlm.value REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.note();
CREATE TRIGGER before BEFORE INSERT ON qlm.value FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.before();
SELECT pg_temp.write('statement', '2');
SELECT * FROM seen;
DROP TRIGGER note ON qlm.value;
DROP TRIGGER before ON qlm.value;

\echo == a constraint refuses the whole write
ALTER TABLE qlm.value ADD CONSTRAINT small CHECK (num < 100);
SELECT regexp_replace(line, '"value_\d+_\d+"', '"value_..."') FROM pg_temp.write('small', '200') line;
SELECT * FROM pg_temp.stored('small');
SELECT pg_temp.write('small', '20');
SELECT * FROM pg_temp.stored('small');
ALTER TABLE qlm.value DROP CONSTRAINT small;

\echo == a further index is kept up
CREATE INDEX by_number ON qlm.value (num);
SELECT pg_temp.write('indexed', '4711');
SET enable_seqscan = off;
SELECT count(*) FROM qlm.value WHERE num = 4711;
RESET enable_seqscan;
DROP INDEX qlm.by_number;

\echo == a rule
CREATE TEMP TABLE ruled (n int);
-- What a rule adds is checked against the rights of the owner of the table.
GRANT INSERT ON ruled TO qlm_owner;
CREATE RULE also AS ON INSERT TO qlm.value DO ALSO INSERT INTO ruled VALUES (NEW.info_item_id);
SELECT pg_temp.write('ruled', '2');
SELECT count(*) FROM ruled;
DROP RULE also ON qlm.value;

\echo == a further column with a default
ALTER TABLE qlm.value ADD COLUMN stored_by text DEFAULT 'somebody';
SELECT pg_temp.write('wider', '2');
SELECT stored_by, count(*) FROM qlm.value WHERE ts = to_timestamp(1700000002) AND num = 2 GROUP BY 1 ORDER BY 2 DESC LIMIT 1;
ALTER TABLE qlm.value DROP COLUMN stored_by;
\echo == and without it again
SELECT pg_temp.write('narrow', '2');
SELECT * FROM pg_temp.stored('narrow');

\echo == policies, and a role with rights on columns only
CREATE ROLE vt_writer;
GRANT qlm_writer TO vt_writer;
ALTER TABLE qlm.value ENABLE ROW LEVEL SECURITY;
CREATE POLICY reads ON qlm.value FOR SELECT USING (true);
CREATE POLICY few ON qlm.value FOR INSERT WITH CHECK (num < 100);
SET ROLE vt_writer;
SELECT pg_temp.write('policy', '200');
SELECT pg_temp.write('policy', '20');
RESET ROLE;
SELECT * FROM pg_temp.stored('policy');
DROP POLICY reads ON qlm.value;
DROP POLICY few ON qlm.value;
ALTER TABLE qlm.value DISABLE ROW LEVEL SECURITY;
REVOKE qlm_writer FROM vt_writer;
GRANT qlm_reader TO vt_writer;
SET ROLE vt_writer;
SELECT pg_temp.write('reader', '2');
RESET ROLE;
GRANT INSERT (info_item_id, peer_id, ts, num, txt, type, attributes, is_odf) ON qlm.value TO vt_writer;
SET ROLE vt_writer;
SELECT pg_temp.write('plain', '3');
RESET ROLE;
SELECT qlm_write('VT/columns', '0', '2023-01-01');
SET ROLE vt_writer;
SELECT pg_temp.write('columns', '3');
RESET ROLE;
SELECT * FROM pg_temp.stored('columns');

\echo == a transaction that may only read
SET default_transaction_read_only = on;
SELECT pg_temp.write('plain', '5');
RESET default_transaction_read_only;
\echo == times in several partitions, one of them the default one
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object><id>VT</id><InfoItem name="wide"><value dateTime="1901-01-01T00:00:00Z">1</value><value unixTime="1700000000">2</value><value unixTime="1703000000">3</value></InfoItem></Object>')));
SELECT * FROM pg_temp.stored('wide');
SELECT qlm_delete('VT');
DROP OWNED BY vt_writer;
DROP ROLE vt_writer;

\echo == constraints much like those that every value holds
ALTER TABLE qlm.value ADD CONSTRAINT typed CHECK (num IS NOT NULL OR type IS NOT NULL);
SELECT regexp_replace(line, '"value_\d+_\d+"', '"value_..."') FROM pg_temp.write('typed', 'warm') line;
SELECT * FROM pg_temp.stored('typed');
ALTER TABLE qlm.value DROP CONSTRAINT typed;
BEGIN;
DELETE FROM qlm.value;
ALTER TABLE qlm.value ALTER type SET NOT NULL;
SELECT regexp_replace(line, '"value_\d+_\d+"', '"value_..."') FROM pg_temp.write('typed', '2') line;
ROLLBACK;
SELECT pg_temp.write('typed', 'warm');
SELECT * FROM pg_temp.stored('typed');
SELECT qlm_delete('VT');

\echo == values belong to InfoItems that exist, whichever way they come
SELECT qlm_write('VT/known', 1, '2024-02-01Z');
SELECT info_item_id AS known FROM qlm.info_item WHERE path = 'VT/known' \gset
CREATE FUNCTION pg_temp.refused(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	said text;
BEGIN
	EXECUTE statement;
	RETURN 'taken';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS said = PG_EXCEPTION_HINT;
	RETURN SQLSTATE || ' ' || SQLERRM || '. ' || said;
END
$$;
SELECT pg_temp.refused('INSERT INTO qlm.value (info_item_id, ts, num) VALUES (1999999999, ''2024-02-02Z'', 1)');
SELECT pg_temp.refused(format('INSERT INTO qlm.value (info_item_id, ts, num) VALUES (%s, ''2024-02-02Z'', 1), (1999999998, ''2024-02-02Z'', 1)', :known));
SELECT pg_temp.refused('INSERT INTO qlm.value (info_item_id, ts, num) VALUES (-1, ''2024-02-02Z'', 1)');
SELECT pg_temp.refused('INSERT INTO qlm.value_2024_02 (info_item_id, ts, num) VALUES (1999999997, ''2024-02-02Z'', 1)');
SELECT pg_temp.refused('INSERT INTO qlm.value_default (info_item_id, ts, num) VALUES (1999999996, ''1924-02-02Z'', 1)');
SELECT pg_temp.refused('UPDATE qlm.value SET info_item_id = 1999999995 WHERE info_item_id = ' || :known);
SELECT pg_temp.refused('MERGE INTO qlm.value v USING (VALUES (1999999994)) n(id) ON v.info_item_id = n.id WHEN NOT MATCHED THEN INSERT (info_item_id, ts, num) VALUES (n.id, ''2024-02-02Z'', 1)');
\set ON_ERROR_STOP 0
COPY qlm.value (info_item_id, ts, num) FROM STDIN;
1999999993	2024-02-03Z	1
\.
COPY qlm.value_2024_02 (info_item_id, ts, num) FROM STDIN;
1999999992	2024-02-03Z	1
\.
\set ON_ERROR_STOP 1
SELECT count(*) FROM qlm.value WHERE info_item_id < 0 OR info_item_id > 1999999900;
\echo == one that this statement, or this transaction, makes is enough
WITH made AS (INSERT INTO qlm.info_item (object_id, name, path) SELECT object_id, 'made', 'VT/made' FROM qlm.object WHERE path = 'VT' RETURNING info_item_id)
	INSERT INTO qlm.value (info_item_id, ts, num) SELECT info_item_id, '2024-02-02Z', 2 FROM made;
SELECT * FROM pg_temp.stored('made');
CREATE TEMP TABLE made AS SELECT info_item_id FROM qlm.info_item WHERE path = 'VT/made';
BEGIN;
INSERT INTO qlm.info_item (info_item_id, object_id, name, path) SELECT 1999999991, object_id, 'undone', 'VT/undone' FROM qlm.object WHERE path = 'VT';
INSERT INTO qlm.value (info_item_id, ts, num) VALUES (1999999991, '2024-02-02Z', 3);
ROLLBACK;
SELECT pg_temp.refused('INSERT INTO qlm.value (info_item_id, ts, num) VALUES (1999999991, ''2024-02-02Z'', 1)');
BEGIN;
DELETE FROM qlm.info_item WHERE path = 'VT/made';
SELECT regexp_replace(pg_temp.refused(format('INSERT INTO qlm.value (info_item_id, ts, num) VALUES (%s, ''2024-02-02Z'', 1)', info_item_id)), '\d+ does', '... does') FROM pg_temp.made;
ROLLBACK;
SELECT qlm_delete('VT');
