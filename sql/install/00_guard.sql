-- A new node only
\echo Use "CREATE EXTENSION qlm" to load this file. \quit

/*
 * Whoever may create objects in the schema of the extension could offer better
 * matches for what is written without a schema, which would run as superuser.
 */
SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);

DO $$
BEGIN
	IF pg_catalog.getdatabaseencoding() OPERATOR(pg_catalog.<>) 'UTF8' THEN
		RAISE EXCEPTION 'qlm needs a database with encoding UTF8'
			USING ERRCODE = 'feature_not_supported',
				DETAIL = pg_catalog.format('This database has encoding %s%s.', pg_catalog.getdatabaseencoding(),
					CASE pg_catalog.getdatabaseencoding() WHEN 'SQL_ASCII' THEN ', in which any bytes are text, and messages have only what is UTF-8' END),
				HINT = 'CREATE DATABASE ... ENCODING ''UTF8'' TEMPLATE template0';
	END IF;
END
$$;
-- Every node
