/* Rows of another node are not this one's, from the first one on. */
SELECT pg_catalog.pg_extension_config_dump('qlm.place', '');
GRANT SELECT ON qlm.place TO qlm_admin;
GRANT EXECUTE ON FUNCTION @extschema@.qlm_adopt() TO qlm_admin;

DO $$
BEGIN
	IF qlm.is_restored() THEN
		INSERT INTO qlm.place (arrived) VALUES ('a restore');
	ELSE
		PERFORM qlm.note_place();
	END IF;
END
$$;
