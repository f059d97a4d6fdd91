/* How long values are kept. */

CREATE FUNCTION @extschema@.qlm_set_retention(path text, keep interval DEFAULT NULL,
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
		RAISE EXCEPTION 'values are thinned after some time and to one in each span: give both thin_after and thin_every'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'For example: SELECT qlm_set_retention(''Fridge7'', keep => ''2 years'', thin_after => ''30 days'', thin_every => ''1 hour'').';
	END IF;
	IF keep <= '0' OR thin_after < '0' OR thin_every <= '0' OR date_part('month', thin_every) + date_part('year', thin_every) <> 0 THEN
		RAISE EXCEPTION 'these are no times that values can be kept for'
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

CREATE FUNCTION @extschema@.qlm_apply_retention() RETURNS bigint
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_apply_retention';
COMMENT ON FUNCTION @extschema@.qlm_apply_retention() IS
	'delete at once what qlm.retention and the setting qlm.retention do not keep, which the workers do by and by; returns how many values went';

CREATE TRIGGER retention_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON qlm.retention
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.configuration_changed();
COMMENT ON TRIGGER retention_changed ON qlm.retention IS 'tells all processes';

CREATE FUNCTION @extschema@.qlm_make_partitions("from" timestamptz, "to" timestamptz) RETURNS int
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_make_partitions';
COMMENT ON FUNCTION @extschema@.qlm_make_partitions(timestamptz, timestamptz) IS
	'make the partitions of qlm.value that values of these times lack, before history is loaded; returns how many were made';
