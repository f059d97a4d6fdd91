/*
 * Who applies the rows of another node, as a subscriber of logical replication, fires no
 * statement triggers.  What these tell processes, row triggers tell them there: they are
 * enabled for replicas alone, so whatever is done at this node itself calls none of them.
 * They fix no settings, as they are called for each row and only note what has happened.
 */

CREATE OR REPLACE FUNCTION qlm.replicated() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'qlm_trigger_replicated';
COMMENT ON FUNCTION qlm.replicated() IS 'tells processes of rows that logical replication has changed';

DO $$
DECLARE
	doing constant text := '(to_jsonb(OLD) - %1$L::text[]) IS DISTINCT FROM (to_jsonb(NEW) - %1$L::text[])';
	t record;
BEGIN
	FOR t IN SELECT * FROM (VALUES
		/* table, trigger, when, what is told of, columns that only say how it is doing */
		('object', 'replicated_begin', 'BEFORE DELETE', '', NULL),
		('object', 'replicated', 'AFTER DELETE', 'node', NULL),
		('info_item', 'replicated_begin', 'BEFORE DELETE', '', NULL),
		('info_item', 'replicated', 'AFTER DELETE', 'node', NULL),
		('object_id', 'replicated', 'AFTER UPDATE OR DELETE', 'static', NULL),
		('object_id', 'replicated_new', 'AFTER INSERT', 'added', NULL),
		('meta_data', 'replicated', 'AFTER UPDATE OR DELETE', 'static', NULL),
		('meta_data', 'replicated_new', 'AFTER INSERT', 'added', NULL),
		('peer', 'replicated', 'AFTER INSERT OR DELETE', 'peer', NULL),
		('peer', 'replicated_changed', 'AFTER UPDATE', 'peer', '{last_seen,last_success,last_failure,last_error}'),
		('subscription', 'replicated', 'AFTER INSERT OR DELETE', 'subscription', NULL),
		('subscription', 'replicated_changed', 'AFTER UPDATE', 'subscription', '{next_due,polled_at,deliveries,dropped}'),
		('subscription_target', 'replicated', 'AFTER INSERT OR UPDATE OR DELETE', 'subscription', NULL),
		('retention', 'replicated', 'AFTER INSERT OR UPDATE OR DELETE', 'retention', NULL),
		('outbox', 'replicated', 'AFTER INSERT OR UPDATE', 'queue', NULL)) AS x(relation, name, event, subject, ignored)
	LOOP
		EXECUTE format('CREATE OR REPLACE TRIGGER %I %s ON qlm.%I FOR EACH ROW %s EXECUTE FUNCTION qlm.replicated(%s)', t.name, t.event, t.relation,
			CASE WHEN t.ignored IS NOT NULL THEN format('WHEN (' || doing || ')', t.ignored) END,
			quote_literal(nullif(t.subject, '')));
		EXECUTE format('ALTER TABLE qlm.%I ENABLE REPLICA TRIGGER %I', t.relation, t.name);
		EXECUTE format('COMMENT ON TRIGGER %I ON qlm.%I IS %L', t.name, t.relation,
			CASE t.name WHEN 'replicated_begin' THEN 'keeps writers out while replication deletes'
				ELSE 'tells processes of what replication has changed' END);
	END LOOP;
	/* The first copy of a table, and TRUNCATE, fire statement triggers. */
	FOR t IN SELECT unnest('{peer, subscription, subscription_target, retention}'::text[]) AS relation LOOP
		EXECUTE format('ALTER TABLE qlm.%I ENABLE ALWAYS TRIGGER %I', t.relation, t.relation || '_changed');
	END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION @extschema@.qlm_advance_sequences(OUT sequence text, OUT before bigint, OUT after bigint) RETURNS SETOF record
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_advance_sequences';
COMMENT ON FUNCTION @extschema@.qlm_advance_sequences() IS
	'set sequences that are behind the numbers of rows which came with theirs, as by logical replication; returns those that were moved';
GRANT EXECUTE ON FUNCTION @extschema@.qlm_advance_sequences() TO qlm_admin;
