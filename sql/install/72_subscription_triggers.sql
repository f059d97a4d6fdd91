/* What happens when values arrive, and when peers or subscriptions change. */

CREATE FUNCTION qlm.value_changed() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_value_changed';
COMMENT ON FUNCTION qlm.value_changed() IS 'gives new values to those who subscribe to them';

CREATE TRIGGER value_changed AFTER INSERT ON qlm.value
	REFERENCING NEW TABLE AS new_values
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.value_changed();
COMMENT ON TRIGGER value_changed ON qlm.value IS 'fires subscriptions';

/* Partitions have it too, for what is inserted into them directly. */
CREATE FUNCTION qlm.value_checked() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_value_checked';
COMMENT ON FUNCTION qlm.value_checked() IS 'refuses values of InfoItems that do not exist';

CREATE TRIGGER value_checked AFTER INSERT ON qlm.value_default
	REFERENCING NEW TABLE AS new_values
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.value_checked();
COMMENT ON TRIGGER value_checked ON qlm.value_default IS 'refuses values of InfoItems that do not exist';
CREATE TRIGGER value_item_changed AFTER UPDATE OF info_item_id ON qlm.value
	FOR EACH ROW EXECUTE FUNCTION qlm.value_checked();
COMMENT ON TRIGGER value_item_changed ON qlm.value IS 'refuses values of InfoItems that do not exist';

CREATE FUNCTION qlm.configuration_changed() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_configuration_changed';
COMMENT ON FUNCTION qlm.configuration_changed() IS 'makes every process read peers or subscriptions again';

/* Columns that only say how a peer or a subscription is doing are left out. */
CREATE TRIGGER peer_changed
	AFTER INSERT OR DELETE OR TRUNCATE
		OR UPDATE OF peer_id, name, url, role, role_id, credential, paths, piggyback, heartbeat, dialect, echoes_ids, acknowledges, secret, form, by_name, in_order, proxy, redirects, tried_at, takes_nested
	ON qlm.peer
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.configuration_changed();
COMMENT ON TRIGGER peer_changed ON qlm.peer IS 'tells all processes';

CREATE TRIGGER subscription_changed
	AFTER INSERT OR DELETE OR TRUNCATE
		OR UPDATE OF request_id, role, role_id, peer, callback, interval, dialect, created_at, expires_at, node
	ON qlm.subscription
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.configuration_changed();
COMMENT ON TRIGGER subscription_changed ON qlm.subscription IS 'tells all processes';

CREATE FUNCTION qlm.subscription_ended() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_subscription_ended';
COMMENT ON FUNCTION qlm.subscription_ended() IS 'ends what waits for subscriptions that are deleted, to be polled or to be posted';

CREATE TRIGGER subscription_ended AFTER DELETE ON qlm.subscription
	REFERENCING OLD TABLE AS old_subscriptions
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.subscription_ended();
COMMENT ON TRIGGER subscription_ended ON qlm.subscription IS 'empties their buffers and cancels their messages';
CREATE TRIGGER subscription_ended_all AFTER TRUNCATE ON qlm.subscription
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.subscription_ended();
COMMENT ON TRIGGER subscription_ended_all ON qlm.subscription IS 'empties all buffers and cancels all messages';

CREATE TRIGGER subscription_target_changed
	AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE
	ON qlm.subscription_target
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.configuration_changed();
COMMENT ON TRIGGER subscription_target_changed ON qlm.subscription_target IS 'tells all processes';

CREATE FUNCTION qlm.awaited_ended() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_awaited_ended';
COMMENT ON FUNCTION qlm.awaited_ended() IS 'wakes the dispatcher, which takes up what waited for the message';

CREATE TRIGGER awaited_ended AFTER UPDATE OF state ON qlm.outbox
	FOR EACH ROW WHEN (NEW.awaited_by IS NOT NULL AND NEW.state NOT IN ('queued', 'sent'))
	EXECUTE FUNCTION qlm.awaited_ended();
COMMENT ON TRIGGER awaited_ended ON qlm.outbox IS 'tells the dispatcher of the end of a message that something waits for';

CREATE FUNCTION qlm.forwarded_ended() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_forwarded_ended';
COMMENT ON FUNCTION qlm.forwarded_ended() IS 'cancels at the other node what has ended here';

CREATE TRIGGER forwarded_ended AFTER DELETE ON qlm.subscription
	FOR EACH ROW WHEN (OLD.node IS NOT NULL)
	EXECUTE FUNCTION qlm.forwarded_ended();
COMMENT ON TRIGGER forwarded_ended ON qlm.subscription IS 'a subscription at another node ends there too';
