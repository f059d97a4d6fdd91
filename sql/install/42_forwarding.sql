/* Subscriptions at other nodes that this node has made for others. */

-- A new node only
CREATE TABLE qlm.forwarding (
	request_id bigint PRIMARY KEY,
	peer text NOT NULL,
	remote_id text COLLATE "C" CHECK (pg_catalog.octet_length(remote_id) <= 200),
	token text COLLATE "C",
	poll_seconds float8 NOT NULL,
	next_poll timestamptz,
	ended boolean NOT NULL DEFAULT false,
	peer_id int NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX forwarding_token_idx ON qlm.forwarding (token) WHERE token IS NOT NULL;
CREATE INDEX forwarding_remote_id_idx ON qlm.forwarding (peer_id, remote_id);
CREATE INDEX forwarding_next_poll_idx ON qlm.forwarding (next_poll) WHERE next_poll IS NOT NULL;
-- Every node
ALTER TABLE qlm.forwarding OWNER TO qlm_owner;
COMMENT ON TABLE qlm.forwarding IS 'subscriptions at other nodes that this node has made for others';
COMMENT ON COLUMN qlm.forwarding.request_id IS 'its requestID here';
COMMENT ON COLUMN qlm.forwarding.peer IS 'the other node';
COMMENT ON COLUMN qlm.forwarding.remote_id IS 'its requestID there; null: not known yet; empty: the node gave none';
COMMENT ON COLUMN qlm.forwarding.token IS 'end of the callback URL that the node was given; null: it is polled';
COMMENT ON COLUMN qlm.forwarding.poll_seconds IS 'how often it is polled';
COMMENT ON COLUMN qlm.forwarding.next_poll IS 'when next; null: a poll is under way, or it is not polled';
COMMENT ON COLUMN qlm.forwarding.ended IS 'it has ended here, and is to be cancelled at the node as soon as its requestID there is known';
COMMENT ON COLUMN qlm.forwarding.peer_id IS 'number of the other node; -1: there was none of this name';
GRANT SELECT, DELETE ON qlm.forwarding TO qlm_admin;
SELECT pg_catalog.pg_extension_config_dump('qlm.forwarding', $$WHERE request_id NOT IN (SELECT s.request_id FROM qlm.subscription AS s WHERE s.callback LIKE '~%')$$);

CREATE OR REPLACE FUNCTION qlm.forwarded_ended() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_trigger_forwarded_ended';
COMMENT ON FUNCTION qlm.forwarded_ended() IS 'cancels at the other node what has ended here';

CREATE OR REPLACE TRIGGER forwarded_ended AFTER DELETE ON qlm.subscription
	FOR EACH ROW WHEN (OLD.node IS NOT NULL)
	EXECUTE FUNCTION qlm.forwarded_ended();
COMMENT ON TRIGGER forwarded_ended ON qlm.subscription IS 'a subscription at another node ends there too';

-- A new node only
CREATE TABLE qlm.forwarded_result (
	request_id bigint NOT NULL,
	seq bigint NOT NULL DEFAULT pg_catalog.nextval('qlm.subscription_value_seq'),
	answer text NOT NULL,
	final boolean NOT NULL DEFAULT false,
	PRIMARY KEY (request_id, seq)
);
-- Every node
ALTER TABLE qlm.forwarded_result OWNER TO qlm_owner;
COMMENT ON TABLE qlm.forwarded_result IS 'what other nodes have delivered and waits to be polled';
COMMENT ON COLUMN qlm.forwarded_result.request_id IS 'the subscription';
COMMENT ON COLUMN qlm.forwarded_result.seq IS 'order of arrival';
COMMENT ON COLUMN qlm.forwarded_result.answer IS 'an envelope with results';
COMMENT ON COLUMN qlm.forwarded_result.final IS 'with it the subscription ends';
GRANT SELECT, DELETE ON qlm.forwarded_result TO qlm_admin;
SELECT pg_catalog.pg_extension_config_dump('qlm.forwarded_result', '');

CREATE OR REPLACE TRIGGER parent_required AFTER INSERT OR UPDATE OF request_id ON qlm.forwarded_result
	FOR EACH ROW EXECUTE FUNCTION qlm.require_parent();
COMMENT ON TRIGGER parent_required ON qlm.forwarded_result IS 'its parent must be there';
