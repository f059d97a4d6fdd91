/*
 * Roles belong to the whole cluster: they are made if missing, and stay when
 * the extension goes.
 */
DO $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'qlm_reader') THEN
		CREATE ROLE qlm_reader NOLOGIN;
		COMMENT ON ROLE qlm_reader IS 'qlm: may read, subscribe, poll and cancel';
	END IF;
	IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'qlm_writer') THEN
		CREATE ROLE qlm_writer NOLOGIN IN ROLE qlm_reader;
		COMMENT ON ROLE qlm_writer IS 'qlm: may also write and delete';
	END IF;
	IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'qlm_admin') THEN
		CREATE ROLE qlm_admin NOLOGIN IN ROLE qlm_writer;
		COMMENT ON ROLE qlm_admin IS 'qlm: may also manage peers and the queue';
	END IF;
	/* Its statements must see all rows, whatever policies are forced. */
	IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'qlm_owner') THEN
		CREATE ROLE qlm_owner NOLOGIN BYPASSRLS;
		COMMENT ON ROLE qlm_owner IS 'qlm: owns the tables of the extension; nobody needs to be a member';
	END IF;
	/* Background workers of a role must be able to log in; nobody else is let in. */
	IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'qlm_session') THEN
		CREATE ROLE qlm_session LOGIN CONNECTION LIMIT 0;
		COMMENT ON ROLE qlm_session IS 'qlm: role of the sessions of the background workers, without any rights';
	END IF;
	IF EXISTS (SELECT FROM pg_roles WHERE rolname IN ('qlm_owner', 'qlm_session') AND rolsuper) THEN
		RAISE EXCEPTION 'the roles qlm_owner and qlm_session must not be superusers'
			USING ERRCODE = 'invalid_role_specification',
				HINT = 'ALTER ROLE qlm_owner NOSUPERUSER; ALTER ROLE qlm_session NOSUPERUSER;';
	END IF;
	EXECUTE format('GRANT CONNECT ON DATABASE %I TO qlm_session', current_database());
END
$$;
