/*
 * Rows know peers by their numbers.  Who inserts a name, or changes it, means the peer that
 * has it now.
 */

CREATE OR REPLACE FUNCTION qlm.find_peer() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_trigger_find_peer';
COMMENT ON FUNCTION qlm.find_peer() IS 'gives a row that names a peer the number of that';

DO $$
DECLARE
	t record;
BEGIN
	FOR t IN SELECT * FROM (VALUES
		/* table, names of peers in it: NAME has the number NAME_id */
		('outbox', '{peer, asker_peer}'::text[]),
		('subscription', '{peer}'),
		('gathering', '{peer}'),
		('forwarding', '{peer}'),
		('executed', '{peer}')) AS x(relation, names)
	LOOP
		EXECUTE format('CREATE OR REPLACE TRIGGER find_peer BEFORE INSERT ON qlm.%I FOR EACH ROW WHEN (%s) EXECUTE FUNCTION qlm.find_peer()', t.relation,
			(SELECT string_agg(format('(NEW.%I IS NULL) <> (NEW.%I = 0)', n, n || '_id'), ' OR ') FROM unnest(t.names) AS n));
		EXECUTE format('COMMENT ON TRIGGER find_peer ON qlm.%I IS ''a name that is inserted is that of the peer that has it now''', t.relation);
		EXECUTE format('CREATE OR REPLACE TRIGGER find_other_peer BEFORE UPDATE OF %s ON qlm.%I FOR EACH ROW WHEN (%s) EXECUTE FUNCTION qlm.find_peer()',
			array_to_string(t.names, ', '), t.relation,
			(SELECT string_agg(format('(NEW.%1$I IS DISTINCT FROM OLD.%1$I AND NEW.%2$I = OLD.%2$I)', n, n || '_id'), ' OR ') FROM unnest(t.names) AS n));
		EXECUTE format('COMMENT ON TRIGGER find_other_peer ON qlm.%I IS ''a name that is changed is that of the peer that has it now''', t.relation);
	END LOOP;
END
$$;
