/*
 * What comes by plain SQL is as what comes in messages.  The functions qualify or
 * call nothing, and are called for each row: so they fix no settings, which would
 * cost more than all they do.
 */
CREATE FUNCTION qlm.number_text(number double precision) RETURNS text
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'qlm_number_text';
COMMENT ON FUNCTION qlm.number_text(double precision) IS 'a number as messages write it: its shortest spelling, INF, -INF or NaN, whatever the session has set';

CREATE FUNCTION qlm.texts_checked() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'qlm_texts_checked';
COMMENT ON FUNCTION qlm.texts_checked() IS 'refuses characters that no message can hold';

CREATE FUNCTION qlm.value_form() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'qlm_value_form';
COMMENT ON FUNCTION qlm.value_form() IS 'gives values that come by plain SQL the form that those of messages have, and refuses what no message can hold';

CREATE TRIGGER texts_checked BEFORE INSERT OR UPDATE ON qlm.object
	FOR EACH ROW EXECUTE FUNCTION qlm.texts_checked();
COMMENT ON TRIGGER texts_checked ON qlm.object IS 'no message could hold all characters';
CREATE TRIGGER texts_checked BEFORE INSERT OR UPDATE ON qlm.object_id
	FOR EACH ROW EXECUTE FUNCTION qlm.texts_checked();
COMMENT ON TRIGGER texts_checked ON qlm.object_id IS 'no message could hold all characters';
CREATE TRIGGER texts_checked BEFORE INSERT OR UPDATE ON qlm.info_item
	FOR EACH ROW EXECUTE FUNCTION qlm.texts_checked();
COMMENT ON TRIGGER texts_checked ON qlm.info_item IS 'no message could hold all characters';
CREATE TRIGGER texts_checked BEFORE INSERT OR UPDATE ON qlm.meta_data
	FOR EACH ROW EXECUTE FUNCTION qlm.texts_checked();
COMMENT ON TRIGGER texts_checked ON qlm.meta_data IS 'no message could hold all characters';

/* On partitions and not on their parent, as those that the node makes have it too. */
CREATE TRIGGER value_form BEFORE INSERT OR UPDATE ON qlm.value_default
	FOR EACH ROW WHEN (NEW.txt IS NOT NULL OR NEW.type IS NOT NULL OR NEW.attributes IS NOT NULL
		OR pg_catalog.abs(NEW.num) OPERATOR(pg_catalog.>) '1.7976931348623157e+308'::pg_catalog.float8)
	EXECUTE FUNCTION qlm.value_form();
COMMENT ON TRIGGER value_form ON qlm.value_default IS 'gives values the form that those of messages have';
