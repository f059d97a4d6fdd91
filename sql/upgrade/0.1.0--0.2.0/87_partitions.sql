/* Partitions that were made after their parent was told how to store and count its columns */
DO $$
BEGIN
	PERFORM qlm.adopt_partitions();
END
$$;
