/* Where this node is: it is noted once everything else is there, since rows of another one hold it from the first on. */
DO $$
BEGIN
	IF qlm.is_restored() THEN
		INSERT INTO qlm.place (arrived) VALUES ('a restore');
	ELSE
		PERFORM qlm.note_place();
	END IF;
END
$$;
