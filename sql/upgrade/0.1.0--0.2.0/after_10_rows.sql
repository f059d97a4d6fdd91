/*
 * Partitions are no members, so nobody has given them what new ones have; and what
 * belongs to roles that are gone ends.
 */
DO $$
BEGIN
	PERFORM qlm.adopt_partitions();
	PERFORM qlm.follow_roles();
END
$$;
