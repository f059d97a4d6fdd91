\echo Use "CREATE EXTENSION qlm" to load this file. \quit

DO $$
BEGIN
	IF pg_catalog.getdatabaseencoding() NOT IN ('UTF8', 'SQL_ASCII') THEN
		RAISE EXCEPTION 'qlm needs a database with encoding UTF8'
			USING ERRCODE = 'feature_not_supported',
				DETAIL = pg_catalog.format('This database has encoding %s.',
										   pg_catalog.getdatabaseencoding()),
				HINT = 'CREATE DATABASE ... ENCODING ''UTF8'' TEMPLATE template0';
	END IF;
END
$$;
