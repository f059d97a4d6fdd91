/*
 * Processes remember paths, what describes nodes, and what they have seen stored.  These triggers
 * tell them when that ceases to hold.  They fire at replicas, too.
 */

CREATE OR REPLACE FUNCTION qlm.forget() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'qlm_trigger_forget'
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION qlm.forget() IS
	'has every process forget what it remembers of the table';

CREATE OR REPLACE FUNCTION qlm.forget_values() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'qlm_trigger_forget_values'
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION qlm.forget_values() IS
	'deletes the values of InfoItems that are deleted';

DO $$
DECLARE
	paths constant text := 'has every process forget paths';
	static constant text := 'has every process forget what describes nodes';
	t record;
BEGIN
	FOR t IN SELECT * FROM (VALUES
		/* Paths: writers are kept out from before they change until the end of the transaction. */
		('object', 'forget_begin', 'BEFORE DELETE OR TRUNCATE', NULL, NULL, '', 'keeps writers out while paths change'),
		('object', 'forget_deleted', 'AFTER DELETE', 'OLD TABLE AS old_objects', NULL, '', paths),
		('object', 'forget_truncated', 'AFTER TRUNCATE', NULL, NULL, '', paths),
		('object', 'forget_move_begin', 'BEFORE UPDATE', NULL, 'object_id, parent_id, id, path', '', 'keeps writers out while paths change'),
		('object', 'forget_moved', 'AFTER UPDATE', NULL, 'object_id, parent_id, id, path', '', paths),
		('info_item', 'forget_begin', 'BEFORE DELETE OR TRUNCATE', NULL, NULL, '', 'keeps writers out while paths change'),
		('info_item', 'forget_deleted', 'AFTER DELETE', 'OLD TABLE AS old_items', NULL, '', paths),
		('info_item', 'forget_truncated', 'AFTER TRUNCATE', NULL, NULL, '', paths),
		('info_item', 'forget_move_begin', 'BEFORE UPDATE', NULL, 'info_item_id, object_id, name, path', '', 'keeps writers out while paths change'),
		('info_item', 'forget_moved', 'AFTER UPDATE', NULL, 'info_item_id, object_id, name, path', '', paths),
		/* What describes nodes: where some is added, that contradicts nothing that was seen. */
		('object', 'forget_static', 'AFTER UPDATE', NULL, 'type, description, attributes', '''static''', static),
		('info_item', 'forget_static', 'AFTER UPDATE', NULL, 'type, description, alt_names, attributes', '''static''', static),
		('meta_data', 'forget_updated', 'AFTER UPDATE', 'OLD TABLE AS old_meta_data', NULL, '''static''', static),
		('meta_data', 'forget_deleted', 'AFTER DELETE', 'OLD TABLE AS old_meta_data', NULL, '''static''', static),
		('meta_data', 'forget_truncated', 'AFTER TRUNCATE', NULL, NULL, '''static''', static),
		/* ... but who reads keeps whole nodes, with whether they have MetaData. */
		('meta_data', 'forget_added', 'AFTER INSERT', 'NEW TABLE AS new_meta_data', NULL, '''added''', static),
		/* Further ids and names, which subscriptions may wait for, or wait for no longer. */
		('object_id', 'forget_updated', 'AFTER UPDATE', 'OLD TABLE AS old_ids', NULL, '''static'', ''names''', static),
		('object_id', 'forget_deleted', 'AFTER DELETE', 'OLD TABLE AS old_ids', NULL, '''static'', ''names''', static),
		('object_id', 'forget_truncated', 'AFTER TRUNCATE', NULL, NULL, '''static'', ''names''', static),
		('object_id', 'forget_added', 'AFTER INSERT', 'NEW TABLE AS new_ids', NULL, '''added'', ''names''', static),
		('info_item', 'forget_named', 'AFTER INSERT', NULL, 'NEW.alt_names IS NOT NULL', '''names''', 'has subscriptions look for names again'),
		('info_item', 'forget_renamed', 'AFTER UPDATE', NULL, 'OLD.alt_names IS DISTINCT FROM NEW.alt_names', '''names''', 'has subscriptions look for names again'))
		AS x(relation, name, event, rows, condition, arguments, comment)
	LOOP
		EXECUTE format('CREATE OR REPLACE TRIGGER %I %s ON qlm.%I %s EXECUTE FUNCTION qlm.forget(%s)', t.name, t.event, t.relation,
			CASE
				WHEN t.condition LIKE '% IS %' THEN format('FOR EACH ROW WHEN (%s)', t.condition)
				WHEN t.condition IS NOT NULL THEN format('FOR EACH ROW WHEN ((%s) IS DISTINCT FROM (%s))',
					regexp_replace(t.condition, '\m(?=\w)', 'OLD.', 'g'), regexp_replace(t.condition, '\m(?=\w)', 'NEW.', 'g'))
				ELSE concat_ws(' ', 'REFERENCING ' || t.rows, 'FOR EACH STATEMENT') END, t.arguments);
		EXECUTE format('ALTER TABLE qlm.%I ENABLE ALWAYS TRIGGER %I', t.relation, t.name);
		EXECUTE format('COMMENT ON TRIGGER %I ON qlm.%I IS %L', t.name, t.relation, t.comment);
	END LOOP;
END
$$;

CREATE OR REPLACE TRIGGER forget_values AFTER DELETE ON qlm.info_item
	REFERENCING OLD TABLE AS old_items
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.forget_values();
COMMENT ON TRIGGER forget_values ON qlm.info_item IS 'deletes values of InfoItems that are gone';
ALTER TABLE qlm.info_item ENABLE ALWAYS TRIGGER forget_values;
CREATE OR REPLACE TRIGGER forget_values_truncated AFTER TRUNCATE ON qlm.info_item
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.forget_values();
COMMENT ON TRIGGER forget_values_truncated ON qlm.info_item IS 'deletes values of InfoItems that are gone';
ALTER TABLE qlm.info_item ENABLE ALWAYS TRIGGER forget_values_truncated;
