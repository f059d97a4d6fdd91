/*
 * Roles belong to the whole cluster: they are made if missing, and stay when
 * the extension goes.
 */
DO $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) 'qlm_reader') THEN
		CREATE ROLE qlm_reader NOLOGIN;
		COMMENT ON ROLE qlm_reader IS 'qlm: may read, subscribe, poll and cancel';
	END IF;
	IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) 'qlm_writer') THEN
		CREATE ROLE qlm_writer NOLOGIN IN ROLE qlm_reader;
		COMMENT ON ROLE qlm_writer IS 'qlm: may also write and delete';
	END IF;
	IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) 'qlm_admin') THEN
		CREATE ROLE qlm_admin NOLOGIN IN ROLE qlm_writer;
		COMMENT ON ROLE qlm_admin IS 'qlm: may also manage peers and the queue';
	END IF;
END
$$;

CREATE SCHEMA qlm;
COMMENT ON SCHEMA qlm IS 'QLM node: Objects, InfoItems, values, peers and messages';
