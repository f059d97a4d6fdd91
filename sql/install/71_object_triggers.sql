/*
 * Processes remember paths and what they have seen stored.  These triggers
 * tell them when that ceases to hold; they fire on replicas too.
 */
CREATE FUNCTION qlm.forget() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'qlm_forget'
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION qlm.forget() IS
	'has every process forget what it remembers of the table';

CREATE FUNCTION qlm.forget_values() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'qlm_forget_values'
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION qlm.forget_values() IS
	'deletes the values of InfoItems that are deleted';

REVOKE ALL ON FUNCTION qlm.forget(), qlm.forget_values() FROM PUBLIC;

/* Paths: writers are kept out while they change. */
CREATE TRIGGER forget_begin BEFORE DELETE OR TRUNCATE ON qlm.object
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.forget();
CREATE TRIGGER forget_deleted AFTER DELETE ON qlm.object
	REFERENCING OLD TABLE AS old_objects
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.forget();
CREATE TRIGGER forget_truncated AFTER TRUNCATE ON qlm.object
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.forget();
CREATE TRIGGER forget_move_begin BEFORE UPDATE ON qlm.object
	FOR EACH ROW WHEN ((OLD.object_id, OLD.parent_id, OLD.id, OLD.path)
		IS DISTINCT FROM (NEW.object_id, NEW.parent_id, NEW.id, NEW.path))
	EXECUTE FUNCTION qlm.forget();
CREATE TRIGGER forget_moved AFTER UPDATE ON qlm.object
	FOR EACH ROW WHEN ((OLD.object_id, OLD.parent_id, OLD.id, OLD.path)
		IS DISTINCT FROM (NEW.object_id, NEW.parent_id, NEW.id, NEW.path))
	EXECUTE FUNCTION qlm.forget();

CREATE TRIGGER forget_begin BEFORE DELETE OR TRUNCATE ON qlm.info_item
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.forget();
CREATE TRIGGER forget_deleted AFTER DELETE ON qlm.info_item
	REFERENCING OLD TABLE AS old_items
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.forget();
CREATE TRIGGER forget_truncated AFTER TRUNCATE ON qlm.info_item
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.forget();
CREATE TRIGGER forget_values AFTER DELETE ON qlm.info_item
	REFERENCING OLD TABLE AS old_items
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.forget_values();
CREATE TRIGGER forget_values_truncated AFTER TRUNCATE ON qlm.info_item
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.forget_values();
CREATE TRIGGER forget_move_begin BEFORE UPDATE ON qlm.info_item
	FOR EACH ROW WHEN ((OLD.info_item_id, OLD.object_id, OLD.name, OLD.path)
		IS DISTINCT FROM (NEW.info_item_id, NEW.object_id, NEW.name, NEW.path))
	EXECUTE FUNCTION qlm.forget();
CREATE TRIGGER forget_moved AFTER UPDATE ON qlm.info_item
	FOR EACH ROW WHEN ((OLD.info_item_id, OLD.object_id, OLD.name, OLD.path)
		IS DISTINCT FROM (NEW.info_item_id, NEW.object_id, NEW.name, NEW.path))
	EXECUTE FUNCTION qlm.forget();

/* What describes nodes: additions contradict nothing that was seen. */
CREATE TRIGGER forget_static AFTER UPDATE ON qlm.object
	FOR EACH ROW WHEN ((OLD.type, OLD.description, OLD.attributes)
		IS DISTINCT FROM (NEW.type, NEW.description, NEW.attributes))
	EXECUTE FUNCTION qlm.forget('static');
CREATE TRIGGER forget_static AFTER UPDATE ON qlm.info_item
	FOR EACH ROW WHEN ((OLD.type, OLD.description, OLD.alt_names, OLD.attributes)
		IS DISTINCT FROM (NEW.type, NEW.description, NEW.alt_names, NEW.attributes))
	EXECUTE FUNCTION qlm.forget('static');
CREATE TRIGGER forget_updated AFTER UPDATE ON qlm.object_id
	REFERENCING OLD TABLE AS old_ids
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.forget('static', 'names');
CREATE TRIGGER forget_deleted AFTER DELETE ON qlm.object_id
	REFERENCING OLD TABLE AS old_ids
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.forget('static', 'names');
CREATE TRIGGER forget_truncated AFTER TRUNCATE ON qlm.object_id
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.forget('static', 'names');
CREATE TRIGGER forget_updated AFTER UPDATE ON qlm.meta_data
	REFERENCING OLD TABLE AS old_meta_data
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.forget('static');
CREATE TRIGGER forget_deleted AFTER DELETE ON qlm.meta_data
	REFERENCING OLD TABLE AS old_meta_data
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.forget('static');
CREATE TRIGGER forget_truncated AFTER TRUNCATE ON qlm.meta_data
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.forget('static');

/* Reading keeps whole nodes, with their ids and whether they have MetaData. */
CREATE TRIGGER forget_added AFTER INSERT ON qlm.object_id
	REFERENCING NEW TABLE AS new_ids
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.forget('added', 'names');
CREATE TRIGGER forget_added AFTER INSERT ON qlm.meta_data
	REFERENCING NEW TABLE AS new_meta_data
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.forget('added');

/* Subscriptions may wait for a name that is an alias now, or another's. */
CREATE TRIGGER forget_named AFTER INSERT ON qlm.info_item
	FOR EACH ROW WHEN (NEW.alt_names IS NOT NULL)
	EXECUTE FUNCTION qlm.forget('names');
CREATE TRIGGER forget_renamed AFTER UPDATE ON qlm.info_item
	FOR EACH ROW WHEN (OLD.alt_names IS DISTINCT FROM NEW.alt_names)
	EXECUTE FUNCTION qlm.forget('names');

DO $$
DECLARE
	t record;
BEGIN
	FOR t IN SELECT tgrelid::pg_catalog.regclass AS rel, tgname
		FROM pg_catalog.pg_trigger
		WHERE tgname LIKE 'forget\_%' AND tgrelid IN
			('qlm.object'::pg_catalog.regclass, 'qlm.info_item'::pg_catalog.regclass,
			 'qlm.object_id'::pg_catalog.regclass, 'qlm.meta_data'::pg_catalog.regclass)
	LOOP
		EXECUTE pg_catalog.format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', t.rel, t.tgname);
		EXECUTE pg_catalog.format('COMMENT ON TRIGGER %I ON %s IS %L', t.tgname, t.rel,
			CASE WHEN t.tgname LIKE 'forget\_values%' THEN 'deletes values of InfoItems that are gone'
				WHEN t.tgname LIKE '%\_begin' THEN 'keeps writers out while paths change'
				ELSE 'has every process forget what it remembers of the table' END);
	END LOOP;
END
$$;
