/*
 * What a superuser will run, or what says what is ours, belongs to whoever installs.
 */
DO $$
BEGIN
	EXECUTE format('ALTER TABLE qlm.standard OWNER TO %I', current_user);
	EXECUTE format('ALTER TABLE qlm.customization OWNER TO %I', current_user);
END
$$;

CREATE EVENT TRIGGER qlm_rights_granted ON ddl_command_end
	WHEN TAG IN ('GRANT')
	EXECUTE FUNCTION qlm.rights_granted();
COMMENT ON EVENT TRIGGER qlm_rights_granted IS 'qlm: who may read the tables may dump them';

GRANT SELECT ON qlm.standard, qlm.customization TO qlm_owner, qlm_admin;
GRANT INSERT ON qlm.customization TO qlm_owner;	/* see qlm.check_customization() */
GRANT EXECUTE ON FUNCTION qlm.catalog_state(), qlm.customizations(), qlm.dumped_customizations(), @extschema@.qlm_dump_customizations() TO qlm_admin, pg_read_all_data;
GRANT USAGE ON SCHEMA qlm TO pg_read_all_data;

CREATE EVENT TRIGGER qlm_before_command ON ddl_command_start
	WHEN TAG IN ('ALTER INDEX', 'ALTER TABLE', 'CREATE EXTENSION', 'CREATE TABLE', 'DROP TRIGGER', 'DROP TYPE')
	EXECUTE FUNCTION qlm.before_command();
COMMENT ON EVENT TRIGGER qlm_before_command IS 'qlm: while a dump is restored, makes what parts of qlm.value need';
CREATE EVENT TRIGGER qlm_table_altered ON ddl_command_end
	WHEN TAG IN ('ALTER TABLE')
	EXECUTE FUNCTION qlm.table_altered();
COMMENT ON EVENT TRIGGER qlm_table_altered IS 'qlm: notes columns and row level security of its tables for dumps';
CREATE EVENT TRIGGER qlm_type_made ON ddl_command_end
	WHEN TAG IN ('CREATE TYPE')
	EXECUTE FUNCTION qlm.type_made();
COMMENT ON EVENT TRIGGER qlm_type_made IS 'qlm: while a dump is restored, gives its tables their columns and row level security';
