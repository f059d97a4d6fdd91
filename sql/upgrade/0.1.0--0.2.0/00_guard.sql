\echo Use "ALTER EXTENSION qlm UPDATE" to load this file. \quit

/* As in the installation: nothing is found where others may create objects. */
SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
