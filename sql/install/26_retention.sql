/* How long values are kept, by path. */
CREATE TABLE qlm.retention (
	path text COLLATE "C" PRIMARY KEY,
	keep interval CHECK (keep > '0'),
	thin_after interval CHECK (thin_after >= '0'),
	thin_every interval CHECK (thin_every > '0'),
	CHECK ((thin_after IS NULL) = (thin_every IS NULL)),
	CHECK (keep IS NOT NULL OR thin_after IS NOT NULL),
	CHECK (pg_catalog.date_part('month', thin_every) = 0 AND pg_catalog.date_part('year', thin_every) = 0)
);
COMMENT ON TABLE qlm.retention IS 'how long values are kept; for each InfoItem the rule with the longest path that it lies at or below';
COMMENT ON COLUMN qlm.retention.path IS 'an InfoItem, or an Object with all below it; empty: everything';
COMMENT ON COLUMN qlm.retention.keep IS 'older values are deleted, but never the newest one of an InfoItem; null: kept for ever';
COMMENT ON COLUMN qlm.retention.thin_after IS 'of older values only some are kept; null: all are';
COMMENT ON COLUMN qlm.retention.thin_every IS 'the last one in each span of this length';
