/*
 * pg_dump compares rights with those that the extension's script gave.  It noted
 * them with the former owner, so they are given once more.
 */
DO $$
DECLARE
	r record;
BEGIN
	FOR r IN
		SELECT c.oid::regclass AS relation, CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind
		FROM pg_class AS c
			JOIN pg_depend AS d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid
				AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
		WHERE c.relnamespace = 'qlm'::regnamespace AND c.relkind IN ('r', 'p', 'S', 'v') AND c.relacl IS NOT NULL
	LOOP
		EXECUTE format('GRANT ALL ON %s %s TO qlm_owner', r.kind, r.relation);
	END LOOP;
END
$$;
