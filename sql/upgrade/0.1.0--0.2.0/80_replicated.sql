/*
 * Who applies the rows of another node, as a subscriber of logical replication, fires no
 * statement triggers.  What these tell processes, row triggers tell them there: they are
 * enabled for replicas alone, so whatever is done at this node itself calls none of them.
 * They fix no settings, as they are called for each row and only note what has happened.
 */
CREATE FUNCTION qlm.replicated() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'qlm_replicated';
COMMENT ON FUNCTION qlm.replicated() IS 'tells processes of rows that logical replication has changed';

CREATE FUNCTION qlm.value_applied() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'qlm_value_applied';
COMMENT ON FUNCTION qlm.value_applied() IS
	'gives values that logical replication brings to those who subscribe to them; for a trigger that an administrator makes';

CREATE TRIGGER replicated_begin BEFORE DELETE ON qlm.object
	FOR EACH ROW EXECUTE FUNCTION qlm.replicated();
CREATE TRIGGER replicated AFTER DELETE ON qlm.object
	FOR EACH ROW EXECUTE FUNCTION qlm.replicated('node');
CREATE TRIGGER replicated_begin BEFORE DELETE ON qlm.info_item
	FOR EACH ROW EXECUTE FUNCTION qlm.replicated();
CREATE TRIGGER replicated AFTER DELETE ON qlm.info_item
	FOR EACH ROW EXECUTE FUNCTION qlm.replicated('node');

CREATE TRIGGER replicated AFTER UPDATE OR DELETE ON qlm.object_id
	FOR EACH ROW EXECUTE FUNCTION qlm.replicated('static');
CREATE TRIGGER replicated_new AFTER INSERT ON qlm.object_id
	FOR EACH ROW EXECUTE FUNCTION qlm.replicated('added');
CREATE TRIGGER replicated AFTER UPDATE OR DELETE ON qlm.meta_data
	FOR EACH ROW EXECUTE FUNCTION qlm.replicated('static');
CREATE TRIGGER replicated_new AFTER INSERT ON qlm.meta_data
	FOR EACH ROW EXECUTE FUNCTION qlm.replicated('added');

/* Columns that only say how a peer or a subscription is doing are left out. */
CREATE TRIGGER replicated AFTER INSERT OR DELETE ON qlm.peer
	FOR EACH ROW EXECUTE FUNCTION qlm.replicated('peer');
CREATE TRIGGER replicated_changed AFTER UPDATE ON qlm.peer
	FOR EACH ROW WHEN ((pg_catalog.to_jsonb(OLD) OPERATOR(pg_catalog.-) '{last_seen,last_success,last_failure,last_error}'::pg_catalog.text[])
		IS DISTINCT FROM (pg_catalog.to_jsonb(NEW) OPERATOR(pg_catalog.-) '{last_seen,last_success,last_failure,last_error}'::pg_catalog.text[]))
	EXECUTE FUNCTION qlm.replicated('peer');
CREATE TRIGGER replicated AFTER INSERT OR DELETE ON qlm.subscription
	FOR EACH ROW EXECUTE FUNCTION qlm.replicated('subscription');
CREATE TRIGGER replicated_changed AFTER UPDATE ON qlm.subscription
	FOR EACH ROW WHEN ((pg_catalog.to_jsonb(OLD) OPERATOR(pg_catalog.-) '{next_due,polled_at,deliveries,dropped}'::pg_catalog.text[])
		IS DISTINCT FROM (pg_catalog.to_jsonb(NEW) OPERATOR(pg_catalog.-) '{next_due,polled_at,deliveries,dropped}'::pg_catalog.text[]))
	EXECUTE FUNCTION qlm.replicated('subscription');
CREATE TRIGGER replicated AFTER INSERT OR UPDATE OR DELETE ON qlm.subscription_target
	FOR EACH ROW EXECUTE FUNCTION qlm.replicated('subscription');
CREATE TRIGGER replicated AFTER INSERT OR UPDATE OR DELETE ON qlm.retention
	FOR EACH ROW EXECUTE FUNCTION qlm.replicated('retention');
CREATE TRIGGER replicated AFTER INSERT OR UPDATE ON qlm.outbox
	FOR EACH ROW EXECUTE FUNCTION qlm.replicated('queue');

/* The first copy of a table, and TRUNCATE, fire statement triggers. */
ALTER TABLE qlm.peer ENABLE ALWAYS TRIGGER peer_changed;
ALTER TABLE qlm.subscription ENABLE ALWAYS TRIGGER subscription_changed;
ALTER TABLE qlm.subscription_target ENABLE ALWAYS TRIGGER subscription_target_changed;
ALTER TABLE qlm.retention ENABLE ALWAYS TRIGGER retention_changed;

DO $$
DECLARE
	t record;
BEGIN
	FOR t IN SELECT tgrelid::pg_catalog.regclass AS rel, tgname
		FROM pg_catalog.pg_trigger
		WHERE tgfoid OPERATOR(pg_catalog.=) 'qlm.replicated()'::pg_catalog.regprocedure
	LOOP
		EXECUTE pg_catalog.format('ALTER TABLE %s ENABLE REPLICA TRIGGER %I', t.rel, t.tgname);
		EXECUTE pg_catalog.format('COMMENT ON TRIGGER %I ON %s IS %L', t.tgname, t.rel,
			CASE t.tgname WHEN 'replicated_begin' THEN 'keeps writers out while replication deletes'
				ELSE 'tells processes of what replication has changed' END);
	END LOOP;
END
$$;

CREATE FUNCTION @extschema@.qlm_advance_sequences(OUT sequence text, OUT before bigint, OUT after bigint) RETURNS SETOF record
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_advance_sequences';
COMMENT ON FUNCTION @extschema@.qlm_advance_sequences() IS
	'set sequences that are behind the numbers of rows which came with theirs, as by logical replication; returns those that were moved';
GRANT EXECUTE ON FUNCTION @extschema@.qlm_advance_sequences() TO qlm_admin;
