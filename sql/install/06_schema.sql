/*
 * The schema, and who may enter it.  The tables in it belong to qlm_owner, who is no superuser
 * and has no rights beyond them: what the node does with them for others runs with its rights,
 * and so would code of others in it.
 */
-- A new node only
CREATE SCHEMA qlm;
-- Every node
COMMENT ON SCHEMA qlm IS 'QLM node: Objects, InfoItems, values, peers and messages';
GRANT USAGE, CREATE ON SCHEMA qlm TO qlm_owner;
GRANT USAGE ON SCHEMA qlm TO qlm_reader;
/* Who watches the server watches the node; who dumps all databases dumps it. */
GRANT USAGE ON SCHEMA qlm TO pg_monitor, pg_read_all_data;
