/* How long values are kept, by path. */
-- A new node only
CREATE TABLE qlm.retention (
	path text COLLATE "C" PRIMARY KEY,
	keep interval CHECK (keep > '0'),
	thin_after interval CHECK (thin_after >= '0'),
	thin_every interval CHECK (thin_every > '0'),
	CONSTRAINT retention_thins_after_and_every CHECK ((thin_after IS NULL) = (thin_every IS NULL)),
	CONSTRAINT retention_keeps_or_thins CHECK (keep IS NOT NULL OR thin_after IS NOT NULL),
	CONSTRAINT retention_thins_every_so_many_days CHECK (pg_catalog.date_part('month', thin_every) = 0 AND pg_catalog.date_part('year', thin_every) = 0)
);
-- Every node
ALTER TABLE qlm.retention OWNER TO qlm_owner;
COMMENT ON TABLE qlm.retention IS 'how long values are kept; for each InfoItem the rule with the longest path that it lies at or below';
COMMENT ON COLUMN qlm.retention.path IS 'an InfoItem, or an Object with all below it; empty: everything';
COMMENT ON COLUMN qlm.retention.keep IS 'older values are deleted, but never the newest one of an InfoItem; null: kept for ever';
COMMENT ON COLUMN qlm.retention.thin_after IS 'of older values only some are kept; null: all are';
COMMENT ON COLUMN qlm.retention.thin_every IS 'the last one in each span of this length';
GRANT SELECT, INSERT, UPDATE, DELETE ON qlm.retention TO qlm_admin;
SELECT pg_catalog.pg_extension_config_dump('qlm.retention', '');

CREATE OR REPLACE TRIGGER retention_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON qlm.retention
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.configuration_changed();
COMMENT ON TRIGGER retention_changed ON qlm.retention IS 'tells all processes';
ALTER TABLE qlm.retention ENABLE ALWAYS TRIGGER retention_changed;

CREATE OR REPLACE FUNCTION @extschema@.qlm_set_retention(path text, keep interval DEFAULT NULL,
											  thin_after interval DEFAULT NULL, thin_every interval DEFAULT NULL)
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	place text := CASE WHEN coalesce(btrim(qlm_set_retention.path, '/'), '') IN ('', 'Objects') THEN ''
		ELSE qlm.path_normal(qlm_set_retention.path) END;
BEGIN
	IF keep IS NULL AND thin_after IS NULL AND thin_every IS NULL THEN
		DELETE FROM qlm.retention WHERE path = place;
		RETURN;
	END IF;
	IF (thin_after IS NULL) <> (thin_every IS NULL) THEN
		RAISE EXCEPTION 'thin_after and thin_every must be given together'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'For example: SELECT qlm_set_retention(''Fridge7'', keep => ''2 years'', thin_after => ''30 days'', thin_every => ''1 hour'').';
	END IF;
	IF keep <= '0' OR thin_after < '0' OR thin_every <= '0' OR date_part('month', thin_every) + date_part('year', thin_every) <> 0 THEN
		RAISE EXCEPTION 'invalid times for a rule of retention'
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = 'keep and thin_every must be above 0, thin_after not below, and thin_every in days or less.';
	END IF;
	INSERT INTO qlm.retention (path, keep, thin_after, thin_every)
		VALUES (place, qlm_set_retention.keep, qlm_set_retention.thin_after, qlm_set_retention.thin_every)
		ON CONFLICT (path) DO UPDATE SET keep = EXCLUDED.keep,
			thin_after = EXCLUDED.thin_after, thin_every = EXCLUDED.thin_every;
END
$$;
COMMENT ON FUNCTION @extschema@.qlm_set_retention(text, interval, interval, interval) IS
	'keep values at or below a path (empty: everything) for so long, and of those older than thin_after only the last in each thin_every; without times: remove the rule';
GRANT EXECUTE ON FUNCTION @extschema@.qlm_set_retention(text, interval, interval, interval) TO qlm_admin;

CREATE OR REPLACE FUNCTION @extschema@.qlm_apply_retention() RETURNS bigint
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_apply_retention';
COMMENT ON FUNCTION @extschema@.qlm_apply_retention() IS
	'delete at once what qlm.retention and the setting qlm.retention do not keep, which the workers do by and by; returns how many values went';
GRANT EXECUTE ON FUNCTION @extschema@.qlm_apply_retention() TO qlm_admin;
