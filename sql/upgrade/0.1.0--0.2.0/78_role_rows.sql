/* What belongs to roles that are gone ends, which needs the views that say why. */
SELECT qlm.follow_roles();
