-- Children have a parent, and go with it; who deletes needs the rights for all of it
\getenv sources PG_ABS_SRCDIR
\set prelude :sources /sql/include/prelude.psql
\i :prelude

CREATE FUNCTION pg_temp.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN regexp_replace(concat_ws(' ', SQLSTATE, SQLERRM, detail), '\(\d+\)', '(#)', 'g');
END
$$;
CREATE FUNCTION pg_temp.counts() RETURNS TABLE (objects bigint, ids bigint, items bigint, meta_data bigint, vals bigint) LANGUAGE sql AS $$
	SELECT (SELECT count(*) FROM qlm.object WHERE path ~ '^PA(/|$)'), (SELECT count(*) FROM qlm.object_id WHERE id ^@ 'urn:pa'),
		(SELECT count(*) FROM qlm.info_item WHERE path ^@ 'PA/'), (SELECT count(*) FROM qlm.meta_data WHERE value = 'pa'),
		(SELECT count(*) FROM qlm.value WHERE txt ^@ 'pa')
$$;
CREATE PROCEDURE pg_temp.fill() LANGUAGE sql AS $$
	SELECT qlm_write(p, 'pa', '2024-01-01Z') FROM unnest('{PA/x,PA/B/x,PA/B/C/x}'::text[]) p;
	INSERT INTO qlm.object_id (object_id, id, position) SELECT object_id, 'urn:pa' || object_id, 1 FROM qlm.object WHERE path ~ '^PA(/|$)' ON CONFLICT DO NOTHING;
	INSERT INTO qlm.meta_data (info_item_id, name, value) SELECT info_item_id, 'unit', 'pa' FROM qlm.info_item WHERE path ^@ 'PA/';
$$;

\echo == a parent that is not there
SELECT pg_temp.try($$INSERT INTO qlm.object (parent_id, id, path) VALUES (-7, 'x', 'PAx/x')$$);
SELECT pg_temp.try($$INSERT INTO qlm.object_id (object_id, id, position) VALUES (-7, 'x', 1)$$);
SELECT pg_temp.try($$INSERT INTO qlm.info_item (object_id, name, path) VALUES (-7, 'x', 'PAx/x')$$);
SELECT pg_temp.try($$INSERT INTO qlm.meta_data (info_item_id, name) VALUES (-7, 'unit')$$);
SELECT pg_temp.try($$INSERT INTO qlm.subscription_target VALUES (-7, 'PA')$$);
SELECT pg_temp.try($$INSERT INTO qlm.forwarded_result (request_id, answer) VALUES (-7, '')$$);

\echo == it may come in the same statement, and later than its children
WITH children AS (INSERT INTO qlm.object (object_id, parent_id, id, path) VALUES (-2, -1, 'B', 'PA/B')),
	items AS (INSERT INTO qlm.info_item (info_item_id, object_id, name, path) VALUES (-3, -2, 'x', 'PA/B/x'))
	INSERT INTO qlm.object (object_id, id, path) VALUES (-1, 'PA', 'PA');
\echo == another parent, another number
SELECT pg_temp.try('UPDATE qlm.info_item SET object_id = -8 WHERE info_item_id = -3');
SELECT pg_temp.try('UPDATE qlm.info_item SET object_id = -1 WHERE info_item_id = -3');
SELECT pg_temp.try('UPDATE qlm.object SET object_id = -9 WHERE object_id = -1');
SELECT pg_temp.try('UPDATE qlm.object SET object_id = -9 WHERE object_id = -2');
SELECT pg_temp.try('DELETE FROM qlm.object WHERE object_id = -1');
SELECT * FROM pg_temp.counts();

\echo == all that belongs to it goes with it, whoever deletes
CALL pg_temp.fill();
SELECT * FROM pg_temp.counts();
SELECT qlm_delete('PA');
SELECT * FROM pg_temp.counts();
CALL pg_temp.fill();
DELETE FROM qlm.object WHERE path = 'PA/B';
SELECT * FROM pg_temp.counts();
DELETE FROM qlm.info_item WHERE path = 'PA/x';
SELECT * FROM pg_temp.counts();
CALL pg_temp.fill();
BEGIN;
TRUNCATE qlm.object;
SELECT * FROM pg_temp.counts();
SELECT count(*) FROM qlm.info_item;
ROLLBACK;
BEGIN;
TRUNCATE qlm.object, qlm.object_id, qlm.info_item, qlm.meta_data;
SELECT * FROM pg_temp.counts();
ROLLBACK;
SELECT * FROM pg_temp.counts();
SELECT qlm_subscribe('PA') AS id \gset
DELETE FROM qlm.subscription WHERE request_id = :id;
SELECT count(*) FROM qlm.subscription_target WHERE request_id = :id;

\echo == triggers of others run with the rights of who deletes
CREATE ROLE pa_writer IN ROLE qlm_writer;
CREATE FUNCTION pa_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION '% of % runs as %', TG_OP, TG_TABLE_NAME, current_user;
END
$$;
CREATE TRIGGER pa_note BEFORE DELETE ON qlm.meta_data FOR EACH ROW WHEN (OLD.value = 'pa') EXECUTE FUNCTION pa_note();
SET ROLE pa_writer;
SELECT pg_temp.try($$DELETE FROM qlm.object WHERE path = 'PA'$$);
RESET ROLE;
DROP TRIGGER pa_note ON qlm.meta_data;
CREATE TRIGGER pa_note BEFORE DELETE ON qlm.value FOR EACH ROW WHEN (OLD.txt = 'pa') EXECUTE FUNCTION pa_note();
SET ROLE pa_writer;
SELECT pg_temp.try($$DELETE FROM qlm.object WHERE path = 'PA'$$);
RESET ROLE;
DROP TRIGGER pa_note ON qlm.value;

\echo == what a policy hides stays, and so does all else
SELECT info_item_id AS hidden FROM qlm.info_item WHERE path = 'PA/B/C/x' \gset
ALTER TABLE qlm.info_item ENABLE ROW LEVEL SECURITY;
CREATE POLICY pa ON qlm.info_item TO pa_writer USING (path NOT LIKE 'PA/B/C/%');
SET ROLE pa_writer;
SELECT pg_temp.try($$DELETE FROM qlm.object WHERE path = 'PA'$$);
SELECT pg_temp.try($$DELETE FROM qlm.object WHERE path = 'PA/B/C'$$);
\echo == a parent that the writer cannot see is there
SELECT pg_temp.try('INSERT INTO qlm.meta_data (info_item_id, name) VALUES (' || :hidden || ', ''pa'')');
RESET ROLE;
DROP POLICY pa ON qlm.info_item;
ALTER TABLE qlm.info_item DISABLE ROW LEVEL SECURITY;
\echo == values that a policy hides
ALTER TABLE qlm.value ENABLE ROW LEVEL SECURITY;
CREATE POLICY pa ON qlm.value TO pa_writer USING (ts > '2025-01-01Z');
SET ROLE pa_writer;
SELECT pg_temp.try($$DELETE FROM qlm.object WHERE path = 'PA'$$);
RESET ROLE;
DROP POLICY pa ON qlm.value;
ALTER TABLE qlm.value DISABLE ROW LEVEL SECURITY;
SELECT * FROM pg_temp.counts();
\echo == rights on one table alone
CREATE ROLE pa_half IN ROLE qlm_reader;
GRANT DELETE ON qlm.object TO pa_half;
SET ROLE pa_half;
SELECT pg_temp.try($$DELETE FROM qlm.object WHERE path = 'PA/B/C'$$);
RESET ROLE;
SELECT * FROM pg_temp.counts();

SELECT qlm_delete('PA');
DROP FUNCTION pa_note();
REVOKE ALL ON qlm.object FROM pa_half;
DROP ROLE pa_half, pa_writer;
