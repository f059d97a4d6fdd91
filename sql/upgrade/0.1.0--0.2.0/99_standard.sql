/* The last part: how the members have been left, without what an administrator has set up. */
DO $$
DECLARE
	customized text[] := ARRAY(SELECT c.kind || ': ' || c.object FROM qlm_customized AS c);
BEGIN
	DROP TABLE qlm_customized;
	INSERT INTO qlm.standard (kind, object, step, statement, removal)
		SELECT s.kind, s.object, s.step, s.statement, s.removal FROM qlm.catalog_state() AS s
		WHERE s.kind || ': ' || s.object <> ALL (customized)
		UNION ALL SELECT 'server', 'version', 0, (current_setting('server_version_num')::int / 10000)::text, NULL;
	PERFORM qlm.note_shape();
END
$$;
