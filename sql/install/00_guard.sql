\echo Use "CREATE EXTENSION qlm" to load this file. \quit

/*
 * Whoever may create objects in the schema of the extension could offer better
 * matches for what is written without a schema, which would run as superuser.
 */
SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);

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
