/* Subscriptions may wait for a name that is an alias now, or another's. */

DROP TRIGGER forget_updated ON qlm.object_id;
DROP TRIGGER forget_deleted ON qlm.object_id;
DROP TRIGGER forget_truncated ON qlm.object_id;
DROP TRIGGER forget_added ON qlm.object_id;
CREATE TRIGGER forget_updated AFTER UPDATE ON qlm.object_id
	REFERENCING OLD TABLE AS old_ids
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.forget('static', 'names');
CREATE TRIGGER forget_deleted AFTER DELETE ON qlm.object_id
	REFERENCING OLD TABLE AS old_ids
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.forget('static', 'names');
CREATE TRIGGER forget_truncated AFTER TRUNCATE ON qlm.object_id
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.forget('static', 'names');
CREATE TRIGGER forget_added AFTER INSERT ON qlm.object_id
	REFERENCING NEW TABLE AS new_ids
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.forget('added', 'names');
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
		WHERE (tgrelid = 'qlm.object_id'::pg_catalog.regclass AND tgname LIKE 'forget\_%')
			OR (tgrelid = 'qlm.info_item'::pg_catalog.regclass AND tgname IN ('forget_named', 'forget_renamed'))
	LOOP
		EXECUTE pg_catalog.format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', t.rel, t.tgname);
		EXECUTE pg_catalog.format('COMMENT ON TRIGGER %I ON %s IS %L', t.tgname, t.rel,
			'has every process forget what it remembers of the table');
	END LOOP;
END
$$;

/* What waits to be posted for a subscription ends with it. */
CREATE INDEX outbox_subscription_sent_idx ON qlm.outbox (subscription_id)
	WHERE state = 'sent' AND subscription_id IS NOT NULL;
COMMENT ON FUNCTION qlm.subscription_ended() IS 'ends what waits for subscriptions that are deleted, to be polled or to be posted';
COMMENT ON TRIGGER subscription_ended ON qlm.subscription IS 'empties their buffers and cancels their messages';
COMMENT ON TRIGGER subscription_ended_all ON qlm.subscription IS 'empties all buffers and cancels all messages';
