/* What is set up on the tables comes along with a dump. */
DO $$
BEGIN
	PERFORM pg_catalog.pg_extension_config_dump('qlm.customization',
		'WHERE true UNION ALL SELECT c.step, c.kind, c.object, c.statement, c.command FROM qlm.dumped_customizations() AS c');
END
$$;
