/*
 * History.  Partitions by month are made when values arrive; the default one
 * takes what falls outside the years that get partitions.  The unique index is
 * on each partition and not on the parent: so a dump, which recreates
 * partitions as ordinary tables, restores without a clash.  It has the number
 * in it, so that numbers of one InfoItem, which lie scattered in the table, are
 * read from the index alone; hence the table is vacuumed early where it only grows.
 */
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
COMMENT ON TABLE qlm.value IS 'values of InfoItems, one a time and InfoItem';
COMMENT ON COLUMN qlm.value.info_item_id IS 'the InfoItem';
COMMENT ON COLUMN qlm.value.peer_id IS 'the peer who wrote it; 0: this node';
COMMENT ON COLUMN qlm.value.ts IS 'time of the value';
COMMENT ON COLUMN qlm.value.num IS 'the value as a number, if it is one; true and false count as 1 and 0';
COMMENT ON COLUMN qlm.value.txt IS 'the value as written; null: num in its shortest spelling';
COMMENT ON COLUMN qlm.value.type IS 'type as written, e.g. xs:double; null: xs:string';
COMMENT ON COLUMN qlm.value.attributes IS 'proprietary attributes by name';
COMMENT ON COLUMN qlm.value.is_odf IS 'true: the value is an Objects element';

CREATE TABLE qlm.value_default PARTITION OF qlm.value DEFAULT
	WITH (autovacuum_vacuum_insert_scale_factor = 0.05);
CREATE UNIQUE INDEX value_default_info_item_id_ts_idx ON qlm.value_default (info_item_id, ts) INCLUDE (num);
/*
 * Publications need to know by what rows are found again.  On the parent it only
 * says so to subscribers to which partitions are published as the parent.
 */
ALTER TABLE qlm.value_default REPLICA IDENTITY USING INDEX value_default_info_item_id_ts_idx;
ALTER TABLE qlm.value REPLICA IDENTITY FULL;
/* What lies here and has a partition by now, or will have, is found and moved by its time. */
CREATE INDEX value_default_ts_idx ON qlm.value_default (ts);
COMMENT ON TABLE qlm.value_default IS 'values of times that have no partition of their own';
