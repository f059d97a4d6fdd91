/*
 * Children have a parent, and go with it.  Foreign keys would fail in a parallel
 * restore, which fills the tables of an extension in any order, and would delete
 * children with the rights of their tables' owner.
 */
CREATE FUNCTION qlm.require_parent() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'qlm_require_parent'
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION qlm.require_parent() IS
	'refuses rows whose parent is not there, and keeps it there; while a dump is restored it does nothing';

CREATE FUNCTION qlm.keep_key() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'qlm_keep_key'
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION qlm.keep_key() IS
	'refuses another number for rows that others belong to';

CREATE FUNCTION qlm.delete_children() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'qlm_delete_children'
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION qlm.delete_children() IS
	'deletes what belongs to deleted rows, with the rights of who deletes them';

REVOKE ALL ON FUNCTION qlm.require_parent(), qlm.keep_key(), qlm.delete_children() FROM PUBLIC;

CREATE TRIGGER parent_required AFTER INSERT OR UPDATE OF parent_id ON qlm.object
	FOR EACH ROW EXECUTE FUNCTION qlm.require_parent();
COMMENT ON TRIGGER parent_required ON qlm.object IS 'its parent must be there';
CREATE TRIGGER parent_required AFTER INSERT OR UPDATE OF object_id ON qlm.object_id
	FOR EACH ROW EXECUTE FUNCTION qlm.require_parent();
COMMENT ON TRIGGER parent_required ON qlm.object_id IS 'its parent must be there';
CREATE TRIGGER parent_required AFTER INSERT OR UPDATE OF object_id ON qlm.info_item
	FOR EACH ROW EXECUTE FUNCTION qlm.require_parent();
COMMENT ON TRIGGER parent_required ON qlm.info_item IS 'its parent must be there';
CREATE TRIGGER parent_required AFTER INSERT OR UPDATE OF info_item_id ON qlm.meta_data
	FOR EACH ROW EXECUTE FUNCTION qlm.require_parent();
COMMENT ON TRIGGER parent_required ON qlm.meta_data IS 'its parent must be there';
CREATE TRIGGER parent_required AFTER INSERT OR UPDATE OF request_id ON qlm.subscription_target
	FOR EACH ROW EXECUTE FUNCTION qlm.require_parent();
COMMENT ON TRIGGER parent_required ON qlm.subscription_target IS 'its parent must be there';
CREATE TRIGGER parent_required AFTER INSERT OR UPDATE OF request_id ON qlm.forwarded_result
	FOR EACH ROW EXECUTE FUNCTION qlm.require_parent();
COMMENT ON TRIGGER parent_required ON qlm.forwarded_result IS 'its parent must be there';

CREATE TRIGGER key_kept AFTER UPDATE OF object_id ON qlm.object
	FOR EACH ROW WHEN (OLD.object_id OPERATOR(pg_catalog.<>) NEW.object_id)
	EXECUTE FUNCTION qlm.keep_key();
COMMENT ON TRIGGER key_kept ON qlm.object IS 'others belong to it by its number';
CREATE TRIGGER children_deleted AFTER DELETE ON qlm.object
	REFERENCING OLD TABLE AS old_rows
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.delete_children();
COMMENT ON TRIGGER children_deleted ON qlm.object IS 'what belongs to it goes with it';
CREATE TRIGGER children_truncated AFTER TRUNCATE ON qlm.object
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.delete_children();
COMMENT ON TRIGGER children_truncated ON qlm.object IS 'what belongs to it goes with it';
CREATE TRIGGER key_kept AFTER UPDATE OF info_item_id ON qlm.info_item
	FOR EACH ROW WHEN (OLD.info_item_id OPERATOR(pg_catalog.<>) NEW.info_item_id)
	EXECUTE FUNCTION qlm.keep_key();
COMMENT ON TRIGGER key_kept ON qlm.info_item IS 'others belong to it by its number';
CREATE TRIGGER children_deleted AFTER DELETE ON qlm.info_item
	REFERENCING OLD TABLE AS old_rows
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.delete_children();
COMMENT ON TRIGGER children_deleted ON qlm.info_item IS 'what belongs to it goes with it';
CREATE TRIGGER children_truncated AFTER TRUNCATE ON qlm.info_item
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.delete_children();
COMMENT ON TRIGGER children_truncated ON qlm.info_item IS 'what belongs to it goes with it';
CREATE TRIGGER key_kept AFTER UPDATE OF request_id ON qlm.subscription
	FOR EACH ROW WHEN (OLD.request_id OPERATOR(pg_catalog.<>) NEW.request_id)
	EXECUTE FUNCTION qlm.keep_key();
COMMENT ON TRIGGER key_kept ON qlm.subscription IS 'others belong to it by its number';
CREATE TRIGGER children_deleted AFTER DELETE ON qlm.subscription
	REFERENCING OLD TABLE AS old_rows
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.delete_children();
COMMENT ON TRIGGER children_deleted ON qlm.subscription IS 'what belongs to it goes with it';
CREATE TRIGGER children_truncated AFTER TRUNCATE ON qlm.subscription
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.delete_children();
COMMENT ON TRIGGER children_truncated ON qlm.subscription IS 'what belongs to it goes with it';
