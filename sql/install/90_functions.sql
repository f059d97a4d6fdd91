/*
 * Nothing is for PUBLIC.  The node itself calls functions as owner of the tables.
 * What functions of ours ask is quick at any size of the tables: to compile it
 * takes longer.  What src/storage prepares sees to that by itself.
 */

DO $$
DECLARE
	f record;
BEGIN
	FOR f IN
		SELECT p.oid::pg_catalog.regprocedure AS name, l.lanname OPERATOR(pg_catalog.=) ANY ('{sql,plpgsql}') AS asks
		FROM pg_catalog.pg_depend AS d
			JOIN pg_catalog.pg_extension AS e ON e.oid OPERATOR(pg_catalog.=) d.refobjid
			JOIN pg_catalog.pg_proc AS p ON p.oid OPERATOR(pg_catalog.=) d.objid
			JOIN pg_catalog.pg_language AS l ON l.oid OPERATOR(pg_catalog.=) p.prolang
		WHERE d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass
			AND d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass
			AND d.deptype OPERATOR(pg_catalog.=) 'e'
			AND e.extname OPERATOR(pg_catalog.=) 'qlm'
	LOOP
		EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f.name);
		EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION %s TO qlm_owner', f.name);
		IF f.asks THEN
			EXECUTE pg_catalog.format('ALTER FUNCTION %s SET jit = off', f.name);
		END IF;
	END LOOP;
END
$$;
