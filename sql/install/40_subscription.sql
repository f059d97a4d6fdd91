/* Subscriptions at this node, and what waits for their polls. */

-- A new node only
CREATE TABLE qlm.subscription (
	request_id bigint PRIMARY KEY,
	role name NOT NULL,
	peer text,
	callback text,
	interval float8 NOT NULL,
	dialect text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	expires_at timestamptz NOT NULL DEFAULT 'infinity',
	next_due timestamptz,
	polled_at timestamptz,
	deliveries bigint NOT NULL DEFAULT 0,
	dropped bigint NOT NULL DEFAULT 0,
	node text,
	peer_id int NOT NULL DEFAULT 0,
	role_id bigint NOT NULL DEFAULT 0
);
CREATE INDEX subscription_expires_at_idx ON qlm.subscription (expires_at) WHERE expires_at < 'infinity';
CREATE INDEX subscription_owner_idx ON qlm.subscription (peer_id, role_id);
CREATE INDEX subscription_connection_idx ON qlm.subscription (callback) WHERE callback LIKE '~%';
CREATE INDEX subscription_next_due_idx ON qlm.subscription (next_due) WHERE next_due IS NOT NULL;
-- Every node
ALTER TABLE qlm.subscription OWNER TO qlm_owner;
COMMENT ON TABLE qlm.subscription IS 'subscriptions at this node';
COMMENT ON COLUMN qlm.subscription.request_id IS 'its requestID';
COMMENT ON COLUMN qlm.subscription.role IS 'role that owns it and with whose rights its data are read';
COMMENT ON COLUMN qlm.subscription.peer IS 'peer that made it; null: an SQL session or an anonymous caller';
COMMENT ON COLUMN qlm.subscription.callback IS 'URL, notify:CHANNEL, or ~ and the name of a WebSocket connection to this node; null: it is polled';
COMMENT ON COLUMN qlm.subscription.interval IS 'seconds; -1: at each new value; -2: at the first value of new InfoItems';
COMMENT ON COLUMN qlm.subscription.dialect IS 'dialect of its messages';
COMMENT ON COLUMN qlm.subscription.created_at IS 'when it began; ticks are counted from here';
COMMENT ON COLUMN qlm.subscription.expires_at IS 'when its ttl ends';
COMMENT ON COLUMN qlm.subscription.next_due IS 'next tick, for intervals with a callback';
COMMENT ON COLUMN qlm.subscription.polled_at IS 'last tick that a poll has taken; null: none';
COMMENT ON COLUMN qlm.subscription.deliveries IS 'messages delivered or polls answered';
COMMENT ON COLUMN qlm.subscription.dropped IS 'values for a poll, or messages for the callback, that were dropped and not told of yet';
COMMENT ON COLUMN qlm.subscription.node IS 'it is a subscription at another node, as the nodeList named that; null: at this one';
COMMENT ON COLUMN qlm.subscription.peer_id IS 'number of the peer; 0: of none; -1: there was none of this name';
COMMENT ON COLUMN qlm.subscription.role_id IS 'which role that is, as in qlm.peer.role_id';
/* Data of a subscription are read with the rights of its role: only qlm_subscribe makes one. */
GRANT SELECT, DELETE ON qlm.subscription TO qlm_admin;
SELECT pg_catalog.pg_extension_config_dump('qlm.subscription', $$WHERE (callback LIKE '~%') IS NOT TRUE$$);

CREATE OR REPLACE FUNCTION qlm.subscription_ended() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_trigger_subscription_ended';
COMMENT ON FUNCTION qlm.subscription_ended() IS 'ends what waits for subscriptions that are deleted, to be polled or to be posted';

CREATE OR REPLACE TRIGGER subscription_ended AFTER DELETE ON qlm.subscription
	REFERENCING OLD TABLE AS old_subscriptions
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.subscription_ended();
COMMENT ON TRIGGER subscription_ended ON qlm.subscription IS 'empties their buffers and cancels their messages';
CREATE OR REPLACE TRIGGER subscription_ended_all AFTER TRUNCATE ON qlm.subscription
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.subscription_ended();
COMMENT ON TRIGGER subscription_ended_all ON qlm.subscription IS 'empties all buffers and cancels all messages';
CREATE OR REPLACE TRIGGER subscription_changed
	AFTER INSERT OR DELETE OR TRUNCATE
		OR UPDATE OF request_id, role, role_id, peer, callback, interval, dialect, created_at, expires_at, node
	ON qlm.subscription
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.configuration_changed();
COMMENT ON TRIGGER subscription_changed ON qlm.subscription IS 'tells all processes';
ALTER TABLE qlm.subscription ENABLE ALWAYS TRIGGER subscription_changed;

-- A new node only
CREATE TABLE qlm.subscription_target (
	request_id bigint NOT NULL,
	path text COLLATE "C" NOT NULL,
	PRIMARY KEY (request_id, path)
);
-- Every node
ALTER TABLE qlm.subscription_target OWNER TO qlm_owner;
COMMENT ON TABLE qlm.subscription_target IS 'what a subscription covers';
COMMENT ON COLUMN qlm.subscription_target.request_id IS 'the subscription';
COMMENT ON COLUMN qlm.subscription_target.path IS 'an InfoItem, or an Object with all below it, there or to come; empty: everything';
GRANT SELECT, DELETE ON qlm.subscription_target TO qlm_admin;
SELECT pg_catalog.pg_extension_config_dump('qlm.subscription_target', $$WHERE request_id NOT IN (SELECT s.request_id FROM qlm.subscription AS s WHERE s.callback LIKE '~%')$$);

CREATE OR REPLACE TRIGGER subscription_target_changed
	AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE
	ON qlm.subscription_target
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.configuration_changed();
COMMENT ON TRIGGER subscription_target_changed ON qlm.subscription_target IS 'tells all processes';
ALTER TABLE qlm.subscription_target ENABLE ALWAYS TRIGGER subscription_target_changed;

-- A new node only
CREATE SEQUENCE qlm.subscription_value_seq;
-- Every node
ALTER SEQUENCE qlm.subscription_value_seq OWNER TO qlm_owner;
COMMENT ON SEQUENCE qlm.subscription_value_seq IS 'order of values that wait to be polled';
GRANT USAGE ON SEQUENCE qlm.subscription_value_seq TO qlm_admin;
SELECT pg_catalog.pg_extension_config_dump('qlm.subscription_value_seq', '');

/*
 * Nothing requires the subscription, which would cost too much here, and would have writers wait for
 * whoever is cancelling the subscription, or lose values to it if the cancel is
 * undone.  Rows go with their subscription by a trigger; those that it could not
 * see yet go later.
 */
-- A new node only
CREATE TABLE qlm.subscription_value (
	request_id bigint NOT NULL,
	seq bigint NOT NULL DEFAULT pg_catalog.nextval('qlm.subscription_value_seq'),
	info_item_id int NOT NULL,
	ts timestamptz NOT NULL,
	PRIMARY KEY (request_id, seq)
);
-- Every node
ALTER TABLE qlm.subscription_value OWNER TO qlm_owner;
COMMENT ON TABLE qlm.subscription_value IS 'values that wait to be polled';
COMMENT ON COLUMN qlm.subscription_value.request_id IS 'the subscription';
COMMENT ON COLUMN qlm.subscription_value.seq IS 'order of arrival';
COMMENT ON COLUMN qlm.subscription_value.info_item_id IS 'the InfoItem';
COMMENT ON COLUMN qlm.subscription_value.ts IS 'time of the value in qlm.value';
GRANT SELECT, DELETE ON qlm.subscription_value TO qlm_admin;
SELECT pg_catalog.pg_extension_config_dump('qlm.subscription_value', '');

/* As in 20_object.sql: targets need their subscription, and go with it. */
CREATE OR REPLACE TRIGGER parent_required AFTER INSERT OR UPDATE OF request_id ON qlm.subscription_target
	FOR EACH ROW EXECUTE FUNCTION qlm.require_parent();
COMMENT ON TRIGGER parent_required ON qlm.subscription_target IS 'its parent must be there';
CREATE OR REPLACE TRIGGER key_kept AFTER UPDATE OF request_id ON qlm.subscription
	FOR EACH ROW WHEN (OLD.request_id OPERATOR(pg_catalog.<>) NEW.request_id)
	EXECUTE FUNCTION qlm.keep_key();
COMMENT ON TRIGGER key_kept ON qlm.subscription IS 'others belong to it by its number';
CREATE OR REPLACE TRIGGER children_deleted AFTER DELETE ON qlm.subscription
	REFERENCING OLD TABLE AS old_rows
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.delete_children();
COMMENT ON TRIGGER children_deleted ON qlm.subscription IS 'what belongs to it goes with it';
CREATE OR REPLACE TRIGGER children_truncated AFTER TRUNCATE ON qlm.subscription
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.delete_children();
COMMENT ON TRIGGER children_truncated ON qlm.subscription IS 'what belongs to it goes with it';
