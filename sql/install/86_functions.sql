/* Nothing is for PUBLIC.  The node itself calls functions as owner of the tables. */

DO $$
DECLARE
	f regprocedure;
BEGIN
	FOR f IN
		SELECT d.objid
		FROM pg_depend AS d
			JOIN pg_extension AS e ON e.oid = d.refobjid
		WHERE d.refclassid = 'pg_extension'::regclass
			AND d.classid = 'pg_proc'::regclass
			AND d.deptype = 'e'
			AND e.extname = 'qlm'
	LOOP
		EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
		EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO qlm_owner', f);
	END LOOP;
END
$$;
