/*
 * Where the node is.  A copy of it, by whatever means, is elsewhere: then it holds what would
 * leave it, until somebody says whose the rows are.
 */
CREATE TABLE qlm.place (
	arrived text,
	name text NOT NULL DEFAULT '',
	system_identifier bigint,
	database_id oid,
	timeline int,
	machine text,
	host text,
	directory text,
	inode bigint,
	born bigint,
	file_system text,
	disk text,
	writer xid,
	since timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
/* It has no key: rows that a dump or a replication brings must be able to come. */
ALTER TABLE qlm.place REPLICA IDENTITY FULL;
ALTER TABLE qlm.place OWNER TO qlm_owner;
COMMENT ON TABLE qlm.place IS 'where the node is: one row, of this very place; else it is a copy, and holds what would leave it until qlm_adopt()';
COMMENT ON COLUMN qlm.place.arrived IS 'how rows of another node have come; null: this row says where the node is';
COMMENT ON COLUMN qlm.place.name IS 'the setting qlm.place when the row was written';
COMMENT ON COLUMN qlm.place.system_identifier IS 'of the server, as pg_controldata shows it';
COMMENT ON COLUMN qlm.place.database_id IS 'oid of the database';
COMMENT ON COLUMN qlm.place.timeline IS 'timeline of the server';
COMMENT ON COLUMN qlm.place.machine IS 'a hash of /etc/machine-id; empty: it has none';
COMMENT ON COLUMN qlm.place.host IS 'name of the machine';
COMMENT ON COLUMN qlm.place.directory IS 'data directory';
COMMENT ON COLUMN qlm.place.inode IS 'its number; 0: the file system has none that stays';
COMMENT ON COLUMN qlm.place.born IS 'when it was made, in nanoseconds since 1970; 0: the file system does not say';
COMMENT ON COLUMN qlm.place.file_system IS 'id of the file system; empty: it has none that stays';
COMMENT ON COLUMN qlm.place.disk IS 'id of the disk or logical volume; empty: it has none';
COMMENT ON COLUMN qlm.place.writer IS 'transaction that wrote the row: another one if it was brought by a dump';
COMMENT ON COLUMN qlm.place.since IS 'when it was written';
GRANT SELECT ON qlm.place TO qlm_admin;
/* Rows of another node are not this one's, from the first one on. */
SELECT pg_catalog.pg_extension_config_dump('qlm.place', '');

CREATE OR REPLACE FUNCTION qlm.place_changed() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_trigger_place_changed';
COMMENT ON FUNCTION qlm.place_changed() IS 'makes every process look again whether the node holds';

CREATE OR REPLACE TRIGGER place_changed AFTER INSERT OR UPDATE OR DELETE ON qlm.place
	FOR EACH ROW EXECUTE FUNCTION qlm.place_changed();
COMMENT ON TRIGGER place_changed ON qlm.place IS 'tells all processes';
ALTER TABLE qlm.place ENABLE ALWAYS TRIGGER place_changed;
CREATE OR REPLACE TRIGGER place_emptied AFTER TRUNCATE ON qlm.place
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.place_changed();
COMMENT ON TRIGGER place_emptied ON qlm.place IS 'tells all processes';
ALTER TABLE qlm.place ENABLE ALWAYS TRIGGER place_emptied;

CREATE OR REPLACE FUNCTION qlm.rows_arrived() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_trigger_rows_arrived';
COMMENT ON FUNCTION qlm.rows_arrived() IS 'has the node hold once a dump or a replication brings what would leave';

DO $$
DECLARE
	t record;
BEGIN
	FOR t IN SELECT * FROM (VALUES
		/* table, rows for whose sake something leaves, what that is */
		('outbox', 'NEW.state IN (''queued'', ''sent'')', 'what %s brings waits until somebody says whose it is'),
		('subscription', 'NEW.callback IS NOT NULL', 'what %s brings waits until somebody says whose it is'),
		('peer', 'NEW.heartbeat IS NOT NULL', 'peers that %s brings are called once somebody says whose they are')) AS x(relation, condition, comment)
	LOOP
		EXECUTE format('CREATE OR REPLACE TRIGGER rows_restored AFTER INSERT ON qlm.%I FOR EACH STATEMENT EXECUTE FUNCTION qlm.rows_arrived()', t.relation);
		EXECUTE format('COMMENT ON TRIGGER rows_restored ON qlm.%I IS %L', t.relation, format(t.comment, 'a dump'));
		/* This one is called by nothing but logical replication, and session_replication_role = replica. */
		EXECUTE format('CREATE OR REPLACE TRIGGER rows_replicated AFTER INSERT OR UPDATE ON qlm.%I FOR EACH ROW WHEN (%s) EXECUTE FUNCTION qlm.rows_arrived()',
			t.relation, t.condition);
		EXECUTE format('ALTER TABLE qlm.%I ENABLE REPLICA TRIGGER rows_replicated', t.relation);
		EXECUTE format('COMMENT ON TRIGGER rows_replicated ON qlm.%I IS %L', t.relation, format(t.comment, 'a replication'));
	END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION qlm.note_place() RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_note_place';
COMMENT ON FUNCTION qlm.note_place() IS 'notes where the node is, in the scripts of the extension; the dispatcher does so later';

CREATE OR REPLACE FUNCTION @extschema@.qlm_adopt() RETURNS boolean
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_adopt';
COMMENT ON FUNCTION @extschema@.qlm_adopt() IS 'from now on this node is the one that its peers, subscriptions and messages belong to, and what waits may leave; returns whether it was held until now';
GRANT EXECUTE ON FUNCTION @extschema@.qlm_adopt() TO qlm_admin;
