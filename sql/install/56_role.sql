/* Rows follow their roles; DROP ROLE and the dispatcher see to it by themselves. */

CREATE OR REPLACE FUNCTION qlm.follow_roles() RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_follow_roles';
COMMENT ON FUNCTION qlm.follow_roles() IS 'has peers, subscriptions and messages follow roles that were renamed or dropped, where neither the statement nor a dispatcher of this database has done so';
