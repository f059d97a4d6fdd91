/*
 * History.  Partitions by month are made when values arrive; the default one
 * takes what falls outside the years that get partitions.  The unique index is
 * on each partition and not on the parent: so a dump, which recreates
 * partitions as ordinary tables, restores without a clash.  It has the number
 * in it, so that numbers of one InfoItem, which lie scattered in the table, are
 * read from the index alone; hence the table is vacuumed early where it only grows.
 */
-- A new node only
CREATE TABLE qlm.value (
	info_item_id int NOT NULL,
	peer_id int NOT NULL DEFAULT 0,
	ts timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	num float8,
	txt text,
	type text,
	attributes jsonb,
	is_odf boolean,
	CHECK (num IS NOT NULL OR txt IS NOT NULL),
	CHECK (pg_catalog.isfinite(ts))
) PARTITION BY RANGE (ts);
-- Every node
ALTER TABLE qlm.value REPLICA IDENTITY FULL;
ALTER TABLE qlm.value OWNER TO qlm_owner;
COMMENT ON TABLE qlm.value IS 'values of InfoItems, one a time and InfoItem';
COMMENT ON COLUMN qlm.value.info_item_id IS 'the InfoItem';
COMMENT ON COLUMN qlm.value.peer_id IS 'the peer who wrote it; 0: this node';
COMMENT ON COLUMN qlm.value.ts IS 'time of the value';
COMMENT ON COLUMN qlm.value.num IS 'the value as a number, if it is one; true and false count as 1 and 0';
COMMENT ON COLUMN qlm.value.txt IS 'the value as written; null: num in its shortest spelling';
COMMENT ON COLUMN qlm.value.type IS 'type as written, e.g. xs:double; null: xs:string';
COMMENT ON COLUMN qlm.value.attributes IS 'proprietary attributes by name';
COMMENT ON COLUMN qlm.value.is_odf IS 'true: the value is an Objects element';

-- A new node only
CREATE TABLE qlm.value_default PARTITION OF qlm.value DEFAULT
	WITH (autovacuum_vacuum_insert_scale_factor = 0.05);
CREATE UNIQUE INDEX value_default_info_item_id_ts_idx ON qlm.value_default (info_item_id, ts) INCLUDE (num);
/* What lies here and has a partition by now, or will have, is found and moved by its time. */
CREATE INDEX value_default_ts_idx ON qlm.value_default (ts);
-- Every node
/*
 * Publications need to know by what rows are found again.  On the parent it only
 * says so to subscribers to which partitions are published as the parent.
 */
ALTER TABLE qlm.value_default REPLICA IDENTITY USING INDEX value_default_info_item_id_ts_idx;
ALTER TABLE qlm.value_default OWNER TO qlm_owner;
COMMENT ON TABLE qlm.value_default IS 'values of times that have no partition of their own';
SELECT pg_catalog.pg_extension_config_dump('qlm.value_default', '');

GRANT SELECT ON qlm.value TO qlm_reader;
GRANT INSERT, UPDATE, DELETE ON qlm.value TO qlm_writer;

CREATE OR REPLACE FUNCTION qlm.value_form() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'qlm_trigger_value_form';
COMMENT ON FUNCTION qlm.value_form() IS 'gives values that come by plain SQL the form that those of messages have, and refuses what messages cannot contain';

/* On partitions and not on their parent, as those that the node makes have it too. */
CREATE OR REPLACE TRIGGER value_form BEFORE INSERT OR UPDATE ON qlm.value_default
	FOR EACH ROW WHEN (NEW.txt IS NOT NULL OR NEW.type IS NOT NULL OR NEW.attributes IS NOT NULL
		OR pg_catalog.abs(NEW.num) OPERATOR(pg_catalog.>) '1.7976931348623157e+308'::pg_catalog.float8)
	EXECUTE FUNCTION qlm.value_form();
COMMENT ON TRIGGER value_form ON qlm.value_default IS 'gives values the form that those of messages have';

CREATE OR REPLACE FUNCTION qlm.value_changed() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_trigger_value_changed';
COMMENT ON FUNCTION qlm.value_changed() IS 'gives new values to those who subscribe to them';

CREATE OR REPLACE TRIGGER value_changed AFTER INSERT ON qlm.value
	REFERENCING NEW TABLE AS new_values
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.value_changed();
COMMENT ON TRIGGER value_changed ON qlm.value IS 'fires subscriptions';

/* Partitions have it too, for what is inserted into them directly. */
CREATE OR REPLACE FUNCTION qlm.value_checked() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_trigger_value_checked';
COMMENT ON FUNCTION qlm.value_checked() IS 'refuses values of InfoItems that do not exist';

CREATE OR REPLACE TRIGGER value_checked AFTER INSERT ON qlm.value_default
	REFERENCING NEW TABLE AS new_values
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.value_checked();
COMMENT ON TRIGGER value_checked ON qlm.value_default IS 'refuses values of InfoItems that do not exist';
CREATE OR REPLACE TRIGGER value_item_changed AFTER UPDATE OF info_item_id ON qlm.value
	FOR EACH ROW EXECUTE FUNCTION qlm.value_checked();
COMMENT ON TRIGGER value_item_changed ON qlm.value IS 'refuses values of InfoItems that do not exist';

CREATE OR REPLACE FUNCTION qlm.value_applied() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'qlm_trigger_value_applied';
COMMENT ON FUNCTION qlm.value_applied() IS
	'gives values that logical replication brings to those who subscribe to them; for a trigger that an administrator makes';
