/* Tables that every process keeps in memory: peers, subscriptions, rules of retention and more. */

CREATE OR REPLACE FUNCTION qlm.configuration_changed() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_trigger_configuration_changed';
COMMENT ON FUNCTION qlm.configuration_changed() IS 'makes every process read peers or subscriptions again';
