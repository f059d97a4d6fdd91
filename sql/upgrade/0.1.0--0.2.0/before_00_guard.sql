\echo Use "ALTER EXTENSION qlm UPDATE" to load this file. \quit

/* As in the installation: nothing is found where others may create objects. */
SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);

DO $$
BEGIN
	IF pg_catalog.getdatabaseencoding() OPERATOR(pg_catalog.<>) 'UTF8' THEN
		RAISE EXCEPTION 'qlm needs a database with encoding UTF8'
			USING ERRCODE = 'feature_not_supported',
				DETAIL = pg_catalog.format('This database has encoding %s, which earlier versions let in; bytes that are no UTF-8 left in messages as they were.',
					pg_catalog.getdatabaseencoding()),
				HINT = 'Nothing was changed. Dump it, and restore it into CREATE DATABASE ... ENCODING ''UTF8'' TEMPLATE template0, which refuses what is no UTF-8.';
	END IF;
END
$$;
