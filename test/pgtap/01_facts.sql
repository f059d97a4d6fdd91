-- Facts about what CREATE EXTENSION makes.
BEGIN;
SELECT plan(13);

CREATE TEMP VIEW member AS
	SELECT d.classid, d.objid
	FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
	WHERE e.extname = 'qlm' AND d.deptype = 'e';

SELECT is_empty($$
	SELECT pg_describe_object(classid, objid, 0) FROM member
	WHERE classid IN ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_namespace'::regclass, 'pg_trigger'::regclass)
		AND obj_description(objid, classid::regclass::text) IS NULL
$$, 'every table, view, sequence and function has a comment');

SELECT is_empty($$
	SELECT format('%s.%s', a.attrelid::regclass, a.attname)
	FROM member m JOIN pg_class c ON c.oid = m.objid AND m.classid = 'pg_class'::regclass
		JOIN pg_attribute a ON a.attrelid = c.oid
	WHERE c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped
		AND col_description(c.oid, a.attnum) IS NULL
$$, 'every column has a comment');

SELECT is_empty($$
	SELECT t.tgrelid::regclass || ' ' || t.tgname
	FROM pg_trigger t JOIN member m ON m.classid = 'pg_class'::regclass AND m.objid = t.tgrelid
	WHERE NOT t.tgisinternal AND t.tgparentid = 0 AND obj_description(t.oid, 'pg_trigger') IS NULL
$$, 'every trigger has a comment');

SELECT is_empty($$
	SELECT c.oid::regclass FROM member m JOIN pg_class c ON c.oid = m.objid AND m.classid = 'pg_class'::regclass,
		aclexplode(coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner))) a
	WHERE a.grantee = 0
$$, 'PUBLIC has no right on any table, view or sequence');

SELECT is_empty($$
	SELECT p.oid::regprocedure FROM member m JOIN pg_proc p ON p.oid = m.objid AND m.classid = 'pg_proc'::regclass,
		aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
	WHERE a.grantee = 0
$$, 'PUBLIC may execute no function');

SELECT is_empty($$
	SELECT p.oid::regprocedure FROM member m JOIN pg_proc p ON p.oid = m.objid AND m.classid = 'pg_proc'::regclass
	WHERE NOT EXISTS (SELECT FROM unnest(p.proconfig) c WHERE c LIKE 'search_path=pg_catalog, pg_temp')
		AND p.oid NOT IN ('qlm.peer_name(int)'::regprocedure, 'qlm.number_text(double precision)'::regprocedure,
			'qlm.value_form()'::regprocedure, 'qlm.texts_checked()'::regprocedure,
			'qlm.replicated()'::regprocedure, 'qlm.value_applied()'::regprocedure)
$$, 'every function has a fixed search_path, but for those that run for each row and qualify all that they use');

SELECT is_empty($$
	SELECT p.oid::regprocedure, p.prosrc FROM member m JOIN pg_proc p ON p.oid = m.objid AND m.classid = 'pg_proc'::regclass
		JOIN pg_language l ON l.oid = p.prolang
	WHERE l.lanname = 'c' AND NOT p.prosrc ^@ (CASE WHEN p.prorettype IN ('trigger'::regtype, 'event_trigger'::regtype) THEN 'qlm_trigger_' ELSE 'qlm_sql_' END
		|| regexp_replace(p.proname, '^qlm_', ''))
$$, 'C functions are named as their SQL functions');

SELECT is_empty($$
	SELECT p.oid::regprocedure FROM member m JOIN pg_proc p ON p.oid = m.objid AND m.classid = 'pg_proc'::regclass
	WHERE p.prosecdef
$$, 'no function runs with its owner''s rights');

SELECT is_empty($$
	SELECT c.oid::regclass FROM member m JOIN pg_class c ON c.oid = m.objid AND m.classid = 'pg_class'::regclass
	WHERE c.relkind = 'v' AND NOT coalesce('security_invoker=true' = ANY (c.reloptions), false)
		AND c.relname IN ('history', 'current')
$$, 'views of data show what their reader may see');

SELECT is_empty($$
	SELECT c.oid::regclass FROM member m JOIN pg_class c ON c.oid = m.objid AND m.classid = 'pg_class'::regclass
		JOIN pg_extension e ON e.extname = 'qlm'
	WHERE c.relkind IN ('r', 'S') AND NOT c.oid = ANY (e.extconfig) AND c.oid <> 'qlm.standard'::regclass
$$, 'pg_dump carries every table and sequence, but for what each version of the extension says of itself');

SELECT set_has($$ SELECT unnest(ARRAY['qlm_reader']) $$, $$ SELECT r.rolname::text FROM pg_auth_members m
	JOIN pg_roles r ON r.oid = m.roleid JOIN pg_roles w ON w.oid = m.member WHERE w.rolname = 'qlm_writer' $$, 'a writer is a reader');
SELECT set_has($$ SELECT unnest(ARRAY['qlm_writer']) $$, $$ SELECT r.rolname::text FROM pg_auth_members m
	JOIN pg_roles r ON r.oid = m.roleid JOIN pg_roles a ON a.oid = m.member WHERE a.rolname = 'qlm_admin' $$, 'an administrator is a writer');

CREATE TABLE other (txt text, is_odf boolean);
CREATE TRIGGER wrong AFTER INSERT ON other FOR EACH STATEMENT EXECUTE FUNCTION qlm.value_form();
SELECT throws_ok('INSERT INTO other VALUES (1)', '39P01', 'function qlm.value_form() must be fired BEFORE ROW',
	'a trigger function says for which triggers it is');

SELECT * FROM finish();
ROLLBACK;
