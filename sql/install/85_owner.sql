/*
 * The tables belong to a role that is no superuser and has no rights beyond them:
 * what the node does with them for others runs with its rights, and so would code
 * of others in it.
 */
GRANT USAGE, CREATE ON SCHEMA qlm TO qlm_owner;

DO $$
DECLARE
	r record;
BEGIN
	FOR r IN
		SELECT c.oid::regclass AS relation, CASE c.relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END AS kind
		FROM pg_class AS c
		WHERE c.relnamespace = 'qlm'::regnamespace AND c.relkind IN ('r', 'p', 'S', 'v')
		ORDER BY c.oid
	LOOP
		EXECUTE format('ALTER %s %s OWNER TO qlm_owner', r.kind, r.relation);
	END LOOP;
END
$$;
