/* The last part: how the members have been left, without what an administrator has set up. */
DO $$
DECLARE
	customized text[] := ARRAY(SELECT c.kind || ': ' || c.object FROM qlm_customized AS c);
	commands text[] := ARRAY(SELECT format('ALTER TABLE %s %s TRIGGER %I', s.tgrelid::regclass,
			CASE s.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE' END, s.tgname)
		FROM qlm_trigger_state AS s
			JOIN pg_trigger AS n ON n.tgrelid = s.tgrelid AND n.tgname = s.tgname
		WHERE n.tgenabled <> s.tgenabled
		UNION ALL
		SELECT format('REVOKE %s ON %s FROM %s',
			r.privilege_type || CASE WHEN r.objsubid <> 0 THEN (SELECT format(' (%I)', a.attname) FROM pg_attribute AS a WHERE a.attrelid = r.objoid AND a.attnum = r.objsubid) ELSE '' END,
			o.name, CASE r.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(r.grantee)) END)
		FROM qlm_revoked AS r
			CROSS JOIN LATERAL (
				SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || c.oid::regclass FROM pg_class AS c WHERE r.classoid = 'pg_class'::regclass AND c.oid = r.objoid
				UNION ALL SELECT 'FUNCTION ' || p.oid::regprocedure FROM pg_proc AS p WHERE r.classoid = 'pg_proc'::regclass AND p.oid = r.objoid
				UNION ALL SELECT 'SCHEMA ' || n.oid::regnamespace FROM pg_namespace AS n WHERE r.classoid = 'pg_namespace'::regclass AND n.oid = r.objoid) AS o(name)
		WHERE r.grantee = 0 OR EXISTS (SELECT FROM pg_roles AS g WHERE g.oid = r.grantee));
	command text;
BEGIN
	DROP TABLE qlm_customized, qlm_trigger_state, qlm_revoked;
	INSERT INTO qlm.standard (kind, object, step, statement, removal)
		SELECT s.kind, s.object, s.step, s.statement, s.removal FROM qlm.catalog_state() AS s
		WHERE s.kind || ': ' || s.object <> ALL (customized)
		UNION ALL SELECT 'server', 'version', 0, (current_setting('server_version_num')::int / 10000)::text, NULL;
	PERFORM qlm.note_shape();
	FOREACH command IN ARRAY commands LOOP
		EXECUTE command;
	END LOOP;
END
$$;
