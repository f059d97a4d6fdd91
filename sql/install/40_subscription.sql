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

CREATE TABLE qlm.subscription_target (
	request_id bigint NOT NULL,
	path text COLLATE "C" NOT NULL,
	PRIMARY KEY (request_id, path)
);
COMMENT ON TABLE qlm.subscription_target IS 'what a subscription covers';
COMMENT ON COLUMN qlm.subscription_target.request_id IS 'the subscription';
COMMENT ON COLUMN qlm.subscription_target.path IS 'an InfoItem, or an Object with all below it, there or to come; empty: everything';

CREATE SEQUENCE qlm.subscription_value_seq;
COMMENT ON SEQUENCE qlm.subscription_value_seq IS 'order of values that wait to be polled';

/*
 * Nothing requires the subscription, which would cost too much here, and would have writers wait for
 * whoever is cancelling the subscription, or lose values to it if the cancel is
 * undone.  Rows go with their subscription by a trigger; those that it could not
 * see yet go later.
 */
CREATE TABLE qlm.subscription_value (
	request_id bigint NOT NULL,
	seq bigint NOT NULL DEFAULT pg_catalog.nextval('qlm.subscription_value_seq'),
	info_item_id int NOT NULL,
	ts timestamptz NOT NULL,
	PRIMARY KEY (request_id, seq)
);
COMMENT ON TABLE qlm.subscription_value IS 'values that wait to be polled';
COMMENT ON COLUMN qlm.subscription_value.request_id IS 'the subscription';
COMMENT ON COLUMN qlm.subscription_value.seq IS 'order of arrival';
COMMENT ON COLUMN qlm.subscription_value.info_item_id IS 'the InfoItem';
COMMENT ON COLUMN qlm.subscription_value.ts IS 'time of the value in qlm.value';

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
COMMENT ON TABLE qlm.forwarding IS 'subscriptions at other nodes that this node has made for others';
COMMENT ON COLUMN qlm.forwarding.request_id IS 'its requestID here';
COMMENT ON COLUMN qlm.forwarding.peer IS 'the other node';
COMMENT ON COLUMN qlm.forwarding.remote_id IS 'its requestID there; null: not known yet; empty: the node gave none';
COMMENT ON COLUMN qlm.forwarding.token IS 'end of the callback URL that the node was given; null: it is polled';
COMMENT ON COLUMN qlm.forwarding.poll_seconds IS 'how often it is polled';
COMMENT ON COLUMN qlm.forwarding.next_poll IS 'when next; null: a poll is under way, or it is not polled';
COMMENT ON COLUMN qlm.forwarding.ended IS 'it has ended here, and is to be cancelled at the node as soon as its requestID there is known';
COMMENT ON COLUMN qlm.forwarding.peer_id IS 'number of the other node; -1: there was none of this name';

CREATE TABLE qlm.forwarded_result (
	request_id bigint NOT NULL,
	seq bigint NOT NULL DEFAULT pg_catalog.nextval('qlm.subscription_value_seq'),
	answer text NOT NULL,
	final boolean NOT NULL DEFAULT false,
	PRIMARY KEY (request_id, seq)
);
COMMENT ON TABLE qlm.forwarded_result IS 'what other nodes have delivered and waits to be polled';
COMMENT ON COLUMN qlm.forwarded_result.request_id IS 'the subscription';
COMMENT ON COLUMN qlm.forwarded_result.seq IS 'order of arrival';
COMMENT ON COLUMN qlm.forwarded_result.answer IS 'an envelope with results';
COMMENT ON COLUMN qlm.forwarded_result.final IS 'with it the subscription ends';
