-- A new node only
/* The last part: how the members have been left. */
DO $$
BEGIN
	INSERT INTO qlm.standard (kind, object, step, statement, removal)
		SELECT s.kind, s.object, s.step, s.statement, s.removal FROM qlm.catalog_state() AS s
		UNION ALL SELECT 'server', 'version', 0, (current_setting('server_version_num')::int / 10000)::text, NULL;
	/*
	 * In a restore the rows of the dump will say what else is to be set up.  Until they have come nothing is served:
	 * they may never come, as in a dump of 0.1.0, and a table that policies protected would be open.
	 */
	IF qlm.is_restored() THEN
		INSERT INTO qlm.customization (step, kind, object, command) VALUES (0, 'restore', 'extension', '');
	END IF;
END
$$;
-- Every node
