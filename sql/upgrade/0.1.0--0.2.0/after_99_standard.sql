/* The last part: how the members have been left, without what an administrator has set up. */
DO $$
DECLARE
	customized text[] := ARRAY(SELECT c.kind || ': ' || c.object FROM qlm_customized AS c);
	commands text[] := ARRAY(SELECT format('ALTER TABLE %s %s TRIGGER %I', s.tgrelid::regclass,
			CASE s.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE' END, s.tgname)
		FROM qlm_trigger_state AS s
			JOIN pg_trigger AS n ON n.tgrelid = s.tgrelid AND n.tgname = s.tgname
		WHERE n.tgenabled <> s.tgenabled);
	command text;
BEGIN
	DROP TABLE qlm_customized, qlm_trigger_state;
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
