\echo Use "CREATE EXTENSION qlm" to load this file. \quit

DO $$
BEGIN
	IF pg_catalog.getdatabaseencoding() NOT IN ('UTF8', 'SQL_ASCII') THEN
		RAISE EXCEPTION 'qlm needs a database with encoding UTF8'
			USING ERRCODE = 'feature_not_supported',
				DETAIL = pg_catalog.format('This database has encoding %s.',
										   pg_catalog.getdatabaseencoding()),
				HINT = 'CREATE DATABASE ... ENCODING ''UTF8'' TEMPLATE template0';
	END IF;
END
$$;
/*
 * Roles belong to the whole cluster: they are made if missing, and stay when
 * the extension goes.
 */
DO $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) 'qlm_reader') THEN
		CREATE ROLE qlm_reader NOLOGIN;
		COMMENT ON ROLE qlm_reader IS 'qlm: may read, subscribe, poll and cancel';
	END IF;
	IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) 'qlm_writer') THEN
		CREATE ROLE qlm_writer NOLOGIN IN ROLE qlm_reader;
		COMMENT ON ROLE qlm_writer IS 'qlm: may also write and delete';
	END IF;
	IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) 'qlm_admin') THEN
		CREATE ROLE qlm_admin NOLOGIN IN ROLE qlm_writer;
		COMMENT ON ROLE qlm_admin IS 'qlm: may also manage peers and the queue';
	END IF;
END
$$;

CREATE SCHEMA qlm;
COMMENT ON SCHEMA qlm IS 'QLM node: Objects, InfoItems, values, peers and messages';
/* Objects, InfoItems and what describes them. */

CREATE SEQUENCE qlm.object_seq AS int;
COMMENT ON SEQUENCE qlm.object_seq IS 'numbers of Objects';

CREATE TABLE qlm.object (
	object_id int PRIMARY KEY DEFAULT pg_catalog.nextval('qlm.object_seq'),
	parent_id int REFERENCES qlm.object ON DELETE CASCADE,
	id text NOT NULL CHECK (id <> ''),
	path text COLLATE "C" NOT NULL UNIQUE,
	type text,
	description jsonb,
	attributes jsonb
);
CREATE INDEX object_parent_id_idx ON qlm.object (parent_id);
COMMENT ON TABLE qlm.object IS 'an Object: a thing that has InfoItems and further Objects';
COMMENT ON COLUMN qlm.object.object_id IS 'number of the Object in this database';
COMMENT ON COLUMN qlm.object.parent_id IS 'the Object it is part of; null: none';
COMMENT ON COLUMN qlm.object.id IS 'its first id, which names it in paths';
COMMENT ON COLUMN qlm.object.path IS 'ids from the top down, joined by /, with %2F and %25 for / and % in an id';
COMMENT ON COLUMN qlm.object.type IS 'class of the Object, often a URL into a taxonomy';
COMMENT ON COLUMN qlm.object.description IS 'text by language; empty key: no language';
COMMENT ON COLUMN qlm.object.attributes IS 'proprietary attributes by name';

CREATE TABLE qlm.object_id (
	object_id int NOT NULL REFERENCES qlm.object ON DELETE CASCADE,
	id text NOT NULL,
	position int NOT NULL,
	id_type text,
	tag_type text,
	validity tstzrange,
	attributes jsonb,
	PRIMARY KEY (object_id, id)
);
CREATE INDEX object_id_id_idx ON qlm.object_id (id);
COMMENT ON TABLE qlm.object_id IS 'further ids of Objects, and the first one where it has attributes';
COMMENT ON COLUMN qlm.object_id.object_id IS 'the Object';
COMMENT ON COLUMN qlm.object_id.id IS 'the id';
COMMENT ON COLUMN qlm.object_id.position IS 'place among the ids of the Object; 0: the first';
COMMENT ON COLUMN qlm.object_id.id_type IS 'attribute idType: what kind of id it is';
COMMENT ON COLUMN qlm.object_id.tag_type IS 'attribute tagType: what carries it, e.g. RFID';
COMMENT ON COLUMN qlm.object_id.validity IS 'attributes startDate and endDate';
COMMENT ON COLUMN qlm.object_id.attributes IS 'proprietary attributes by name';

CREATE SEQUENCE qlm.info_item_seq AS int;
COMMENT ON SEQUENCE qlm.info_item_seq IS 'numbers of InfoItems';

CREATE TABLE qlm.info_item (
	info_item_id int PRIMARY KEY DEFAULT pg_catalog.nextval('qlm.info_item_seq'),
	object_id int NOT NULL REFERENCES qlm.object ON DELETE CASCADE,
	name text NOT NULL CHECK (name <> ''),
	path text COLLATE "C" NOT NULL UNIQUE,
	type text,
	description jsonb,
	alt_names jsonb,
	attributes jsonb
);
CREATE INDEX info_item_object_id_idx ON qlm.info_item (object_id);
CREATE INDEX info_item_alt_names_idx ON qlm.info_item (object_id) WHERE alt_names IS NOT NULL;
COMMENT ON TABLE qlm.info_item IS 'an InfoItem: something of an Object that has values';
COMMENT ON COLUMN qlm.info_item.info_item_id IS 'number of the InfoItem in this database';
COMMENT ON COLUMN qlm.info_item.object_id IS 'the Object it belongs to';
COMMENT ON COLUMN qlm.info_item.name IS 'its name, the last part of its path';
COMMENT ON COLUMN qlm.info_item.path IS 'path of its Object, / and its name';
COMMENT ON COLUMN qlm.info_item.type IS 'class of the InfoItem, often a URL into a taxonomy';
COMMENT ON COLUMN qlm.info_item.description IS 'text by language; empty key: no language';
COMMENT ON COLUMN qlm.info_item.alt_names IS 'other names, as strings, or as objects where a name has attributes';
COMMENT ON COLUMN qlm.info_item.attributes IS 'proprietary attributes by name';

CREATE TABLE qlm.meta_data (
	info_item_id int NOT NULL REFERENCES qlm.info_item ON DELETE CASCADE,
	name text NOT NULL CHECK (name <> ''),
	value text,
	type text,
	ts timestamptz,
	is_odf boolean,
	item_type text,
	description jsonb,
	alt_names jsonb,
	attributes jsonb,
	value_attributes jsonb,
	meta_data jsonb,
	PRIMARY KEY (info_item_id, name)
);
COMMENT ON TABLE qlm.meta_data IS 'MetaData of an InfoItem: unit, format, accuracy ...';
COMMENT ON COLUMN qlm.meta_data.info_item_id IS 'the InfoItem it describes';
COMMENT ON COLUMN qlm.meta_data.name IS 'what it says of the InfoItem, e.g. unit';
COMMENT ON COLUMN qlm.meta_data.value IS 'its one value; null: none';
COMMENT ON COLUMN qlm.meta_data.type IS 'type of the value as written; null: xs:string';
COMMENT ON COLUMN qlm.meta_data.ts IS 'time of the value; null: not given';
COMMENT ON COLUMN qlm.meta_data.is_odf IS 'true: the value is an Objects element';
COMMENT ON COLUMN qlm.meta_data.item_type IS 'class of the MetaData InfoItem';
COMMENT ON COLUMN qlm.meta_data.description IS 'text by language; empty key: no language';
COMMENT ON COLUMN qlm.meta_data.alt_names IS 'other names';
COMMENT ON COLUMN qlm.meta_data.attributes IS 'proprietary attributes by name';
COMMENT ON COLUMN qlm.meta_data.value_attributes IS 'proprietary attributes of the value';
COMMENT ON COLUMN qlm.meta_data.meta_data IS 'MetaData of this MetaData, by name';
/*
 * History.  Partitions by month are made when values arrive; the default one
 * takes what falls outside the years that get partitions.  The unique index is
 * on each partition and not on the parent: so a dump, which recreates
 * partitions as ordinary tables, restores without a clash.  It has the number
 * in it, so that numbers of one InfoItem, which lie scattered in the table, are
 * read from the index alone; hence the table is vacuumed early where it only grows.
 */
CREATE TABLE qlm.value (
	info_item_id int NOT NULL,
	peer_id int NOT NULL DEFAULT 0,
	ts timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	num float8,
	txt text,
	type text,
	attributes jsonb,
	is_odf boolean,
	CHECK (num IS NOT NULL OR txt IS NOT NULL),
	CHECK (pg_catalog.isfinite(ts))
) PARTITION BY RANGE (ts);
COMMENT ON TABLE qlm.value IS 'values of InfoItems, one a time and InfoItem';
COMMENT ON COLUMN qlm.value.info_item_id IS 'the InfoItem';
COMMENT ON COLUMN qlm.value.peer_id IS 'the peer who wrote it; 0: this node';
COMMENT ON COLUMN qlm.value.ts IS 'time of the value';
COMMENT ON COLUMN qlm.value.num IS 'the value as a number, if it is one';
COMMENT ON COLUMN qlm.value.txt IS 'the value as written; null: num in its shortest spelling';
COMMENT ON COLUMN qlm.value.type IS 'type as written, e.g. xs:double; null: xs:string';
COMMENT ON COLUMN qlm.value.attributes IS 'proprietary attributes by name';
COMMENT ON COLUMN qlm.value.is_odf IS 'true: the value is an Objects element';

CREATE TABLE qlm.value_default PARTITION OF qlm.value DEFAULT
	WITH (autovacuum_vacuum_insert_scale_factor = 0.05);
CREATE UNIQUE INDEX value_default_info_item_id_ts_idx ON qlm.value_default (info_item_id, ts) INCLUDE (num);
COMMENT ON TABLE qlm.value_default IS 'values of times that have no partition of their own';
/* How long values are kept, by path. */
CREATE TABLE qlm.retention (
	path text COLLATE "C" PRIMARY KEY,
	keep interval CHECK (keep > '0'),
	thin_after interval CHECK (thin_after >= '0'),
	thin_every interval CHECK (thin_every > '0'),
	CHECK ((thin_after IS NULL) = (thin_every IS NULL)),
	CHECK (keep IS NOT NULL OR thin_after IS NOT NULL),
	CHECK (pg_catalog.date_part('month', thin_every) = 0 AND pg_catalog.date_part('year', thin_every) = 0)
);
COMMENT ON TABLE qlm.retention IS 'how long values are kept; for each InfoItem the rule with the longest path that it lies at or below';
COMMENT ON COLUMN qlm.retention.path IS 'an InfoItem, or an Object with all below it; empty: everything';
COMMENT ON COLUMN qlm.retention.keep IS 'older values are deleted, but never the newest one of an InfoItem; null: kept for ever';
COMMENT ON COLUMN qlm.retention.thin_after IS 'of older values only some are kept; null: all are';
COMMENT ON COLUMN qlm.retention.thin_every IS 'the last one in each span of this length';
CREATE SEQUENCE qlm.peer_seq AS int;
COMMENT ON SEQUENCE qlm.peer_seq IS 'numbers of peers';

CREATE TABLE qlm.peer (
	peer_id int PRIMARY KEY DEFAULT pg_catalog.nextval('qlm.peer_seq'),
	name text NOT NULL UNIQUE CHECK (name <> '' AND name !~ '[/:[:space:][:cntrl:]]'),
	url text COLLATE "C",
	role name NOT NULL DEFAULT 'qlm_reader',
	credential text,
	paths text[] NOT NULL DEFAULT '{}',
	piggyback boolean,
	heartbeat interval,
	dialect text,
	echoes_ids boolean NOT NULL DEFAULT false,
	acknowledges boolean NOT NULL DEFAULT false,
	last_seen timestamptz,
	last_success timestamptz,
	last_failure timestamptz,
	last_error text,
	secret text CHECK (secret !~ '[[:cntrl:]]'),
	form boolean NOT NULL DEFAULT false
);
CREATE INDEX peer_url_idx ON qlm.peer (url) WHERE url IS NOT NULL;
COMMENT ON TABLE qlm.peer IS 'other nodes that this node knows';
COMMENT ON COLUMN qlm.peer.peer_id IS 'number of the peer in qlm.value';
COMMENT ON COLUMN qlm.peer.name IS 'its name here, in URLs and as the user of HTTP Basic';
COMMENT ON COLUMN qlm.peer.url IS 'where it can be called; null: it cannot be reached';
COMMENT ON COLUMN qlm.peer.role IS 'database role whose rights its messages have';
COMMENT ON COLUMN qlm.peer.credential IS 'salted hash of its secret; null: it is trusted to say its name';
COMMENT ON COLUMN qlm.peer.paths IS 'paths of the Objects that it owns: writing them identifies it';
COMMENT ON COLUMN qlm.peer.piggyback IS 'whether it takes piggy-backed requests; null: as its dialect and its answers show';
COMMENT ON COLUMN qlm.peer.heartbeat IS 'how often this node calls it; null: never';
COMMENT ON COLUMN qlm.peer.dialect IS 'dialect of messages to it; null: that of its last message';
COMMENT ON COLUMN qlm.peer.echoes_ids IS 'it has answered with the requestID that it was given';
COMMENT ON COLUMN qlm.peer.acknowledges IS 'it says that data for its callbacks have come, where they leave nested in responses to it: they are kept until then';
COMMENT ON COLUMN qlm.peer.last_seen IS 'when it last called, to some seconds';
COMMENT ON COLUMN qlm.peer.last_success IS 'when a message last reached it and was answered';
COMMENT ON COLUMN qlm.peer.last_failure IS 'when a message last failed to reach it';
COMMENT ON COLUMN qlm.peer.last_error IS 'why, at last_failure; stays after a success';
COMMENT ON COLUMN qlm.peer.secret IS 'what this node shows it: a token, or with a blank in it the whole value of the header Authorization';
COMMENT ON COLUMN qlm.peer.form IS 'messages are posted to it as form field msg, as it takes nothing else';
CREATE TABLE qlm.handler (
	path text COLLATE "C" NOT NULL CHECK (path <> ''),
	verb text NOT NULL DEFAULT 'call' CHECK (verb IN ('call', 'read')),
	function text NOT NULL CHECK (function <> ''),
	PRIMARY KEY (path, verb)
);
COMMENT ON TABLE qlm.handler IS 'SQL functions that are run when something is called, or read from the device';
COMMENT ON COLUMN qlm.handler.path IS 'an InfoItem, or an Object for all below it that has no handler of its own';
COMMENT ON COLUMN qlm.handler.verb IS 'call; read: with targetType="device"';
COMMENT ON COLUMN qlm.handler.function IS 'the function with its schema and the types of its arguments';
CREATE SEQUENCE qlm.outbox_seq;
COMMENT ON SEQUENCE qlm.outbox_seq IS 'order in which messages were queued';

CREATE TABLE qlm.outbox (
	message_id bigint PRIMARY KEY,
	seq bigint NOT NULL DEFAULT pg_catalog.nextval('qlm.outbox_seq'),
	peer text,
	url text COLLATE "C",
	kind text NOT NULL DEFAULT 'request' CHECK (kind IN ('request', 'response')),
	envelope text NOT NULL,
	state text NOT NULL DEFAULT 'queued'
		CHECK (state IN ('queued', 'sent', 'answered', 'failed', 'expired', 'cancelled')),
	priority int NOT NULL DEFAULT 0,
	subscription_id bigint,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	expires_at timestamptz NOT NULL DEFAULT 'infinity',
	attempts int NOT NULL DEFAULT 0,
	next_attempt_at timestamptz,
	sent_at timestamptz,
	answered_at timestamptz,
	return_code int,
	answer text,
	last_error text,
	posting boolean NOT NULL DEFAULT false,
	dropped bigint NOT NULL DEFAULT 0,
	asker_role name,
	asker_peer text,
	node text,
	sent_as bigint,
	awaited_by bigint,
	CHECK (peer IS NOT NULL OR url IS NOT NULL)
);
CREATE INDEX outbox_peer_idx ON qlm.outbox (peer, priority DESC, seq)
	WHERE state IN ('queued', 'sent') AND url IS NULL;
CREATE INDEX outbox_peer_url_idx ON qlm.outbox (peer, priority DESC, seq)
	WHERE state IN ('queued', 'sent') AND url IS NOT NULL AND peer IS NOT NULL;
CREATE INDEX outbox_url_idx ON qlm.outbox (url, priority DESC, seq)
	WHERE state IN ('queued', 'sent') AND url IS NOT NULL;
CREATE INDEX outbox_next_attempt_at_idx ON qlm.outbox (next_attempt_at) WHERE state = 'sent';
CREATE INDEX outbox_unacknowledged_idx ON qlm.outbox (peer)
	WHERE state = 'sent' AND kind = 'response' AND NOT posting;
CREATE INDEX outbox_subscription_idx ON qlm.outbox (subscription_id, seq)
	WHERE state = 'queued' AND subscription_id IS NOT NULL;
CREATE INDEX outbox_asker_idx ON qlm.outbox (asker_peer, asker_role)
	WHERE state IN ('queued', 'sent') AND asker_role IS NOT NULL;
CREATE INDEX outbox_finished_idx ON qlm.outbox (kind, seq) WHERE state NOT IN ('queued', 'sent');
CREATE INDEX outbox_expires_at_idx ON qlm.outbox (expires_at) WHERE state IN ('queued', 'sent');
CREATE INDEX outbox_awaited_by_idx ON qlm.outbox (awaited_by, seq) WHERE awaited_by IS NOT NULL;
CREATE INDEX outbox_awaited_ended_idx ON qlm.outbox (seq)
	WHERE state NOT IN ('queued', 'sent') AND awaited_by IS NOT NULL;
CREATE INDEX outbox_awaited_end_idx ON qlm.outbox (expires_at)
	WHERE state IN ('queued', 'sent') AND awaited_by IS NOT NULL;
COMMENT ON TABLE qlm.outbox IS 'messages that wait to leave or to be answered';
COMMENT ON COLUMN qlm.outbox.message_id IS 'its requestID';
COMMENT ON COLUMN qlm.outbox.seq IS 'order in which messages were queued';
COMMENT ON COLUMN qlm.outbox.peer IS 'name of the peer it is for; null: whoever answers at the url';
COMMENT ON COLUMN qlm.outbox.url IS 'where it is to be posted, or ws: and the name of a WebSocket connection; null: it waits for the peer to call';
COMMENT ON COLUMN qlm.outbox.kind IS 'request: wants an answer; response: data for a callback';
COMMENT ON COLUMN qlm.outbox.envelope IS 'the message';
COMMENT ON COLUMN qlm.outbox.state IS 'queued, sent (handed over, not answered yet), answered, failed, expired, cancelled';
COMMENT ON COLUMN qlm.outbox.priority IS 'higher leaves earlier';
COMMENT ON COLUMN qlm.outbox.subscription_id IS 'the subscription whose data it carries';
COMMENT ON COLUMN qlm.outbox.created_at IS 'when it was queued';
COMMENT ON COLUMN qlm.outbox.expires_at IS 'when its ttl ends';
COMMENT ON COLUMN qlm.outbox.attempts IS 'how often it has left';
COMMENT ON COLUMN qlm.outbox.next_attempt_at IS 'not to be sent again before; a peer that calls gets what is queued at once';
COMMENT ON COLUMN qlm.outbox.sent_at IS 'when it last left';
COMMENT ON COLUMN qlm.outbox.answered_at IS 'when its answer came';
COMMENT ON COLUMN qlm.outbox.return_code IS 'return code of the answer';
COMMENT ON COLUMN qlm.outbox.answer IS 'the answer, an envelope';
COMMENT ON COLUMN qlm.outbox.last_error IS 'why it failed last';
COMMENT ON COLUMN qlm.outbox.posting IS 'it is just being posted, or waits for those before it';
COMMENT ON COLUMN qlm.outbox.dropped IS 'it tells that so many messages were dropped before it';
COMMENT ON COLUMN qlm.outbox.asker_role IS 'role of whoever asked for it in a message; null: nobody did';
COMMENT ON COLUMN qlm.outbox.asker_peer IS 'peer that asked for it; null: nobody did, or an SQL session or an anonymous caller';
COMMENT ON COLUMN qlm.outbox.node IS 'it was sent on: the node as the nodeList named it';
COMMENT ON COLUMN qlm.outbox.sent_as IS 'cancelled, since it left under this number before its transaction ended';
COMMENT ON COLUMN qlm.outbox.awaited_by IS 'the gathering or forwarded subscription that is still to be told how it ended';

CREATE TABLE qlm.gathering (
	request_id bigint PRIMARY KEY,
	role name NOT NULL,
	peer text,
	callback text NOT NULL,
	envelope text NOT NULL,
	dialect text NOT NULL,
	ttl float8 NOT NULL,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
CREATE INDEX gathering_owner_idx ON qlm.gathering (peer, role);
CREATE INDEX gathering_connection_idx ON qlm.gathering (callback) WHERE callback LIKE 'ws:%';
COMMENT ON TABLE qlm.gathering IS 'requests with a callback that were sent on: what goes there once all messages have ended that they wait for';
COMMENT ON COLUMN qlm.gathering.request_id IS 'the requestID that the caller was told';
COMMENT ON COLUMN qlm.gathering.role IS 'role of whoever asked';
COMMENT ON COLUMN qlm.gathering.peer IS 'peer that asked; null: an SQL session or an anonymous caller';
COMMENT ON COLUMN qlm.gathering.callback IS 'where the answer goes: URL, or ws: and the name of a WebSocket connection';
COMMENT ON COLUMN qlm.gathering.envelope IS 'the answer if nobody answered; a result with the number of a message stands for what that brings';
COMMENT ON COLUMN qlm.gathering.dialect IS 'dialect of the answer';
COMMENT ON COLUMN qlm.gathering.ttl IS 'ttl of the request';
COMMENT ON COLUMN qlm.gathering.created_at IS 'when it was asked for';
/* What the dispatcher knows of those it posts to, and what was executed. */

CREATE TABLE qlm.endpoint (
	url text COLLATE "C" PRIMARY KEY,
	failures int NOT NULL DEFAULT 0,
	paused_until timestamptz,
	last_success timestamptz,
	last_failure timestamptz,
	last_error text,
	delivered bigint NOT NULL DEFAULT 0,
	attempts bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
CREATE INDEX endpoint_paused_until_idx ON qlm.endpoint (paused_until) WHERE paused_until IS NOT NULL;
COMMENT ON TABLE qlm.endpoint IS 'URLs that messages are posted to, and how they fare';
COMMENT ON COLUMN qlm.endpoint.url IS 'the URL';
COMMENT ON COLUMN qlm.endpoint.failures IS 'failures in a row';
COMMENT ON COLUMN qlm.endpoint.paused_until IS 'nothing is posted there before; null: it is not paused';
COMMENT ON COLUMN qlm.endpoint.last_success IS 'when a message last arrived';
COMMENT ON COLUMN qlm.endpoint.last_failure IS 'when a message last did not';
COMMENT ON COLUMN qlm.endpoint.last_error IS 'why, at last_failure; stays after a success';
COMMENT ON COLUMN qlm.endpoint.delivered IS 'messages that have arrived';
COMMENT ON COLUMN qlm.endpoint.attempts IS 'messages posted, whatever came of them';

CREATE TABLE qlm.executed (
	peer text NOT NULL,
	request_id text NOT NULL,
	answer text NOT NULL,
	executed_at timestamptz NOT NULL,
	PRIMARY KEY (peer, request_id)
);
CREATE INDEX executed_executed_at_idx ON qlm.executed (executed_at);
COMMENT ON TABLE qlm.executed IS 'nested requests executed in the last ten minutes: one that comes again is answered and not executed again';
COMMENT ON COLUMN qlm.executed.peer IS 'the peer that asked';
COMMENT ON COLUMN qlm.executed.request_id IS 'the requestID it gave; of a long one a hash';
COMMENT ON COLUMN qlm.executed.answer IS 'the answer it got';
COMMENT ON COLUMN qlm.executed.executed_at IS 'when';
/* Payload formats that are added to those built in. */

CREATE TYPE qlm.payload_row AS (
	path text,
	ts timestamptz,
	value text,
	type text
);
COMMENT ON TYPE qlm.payload_row IS 'a value of a payload: the path of its InfoItem, its time (null: receipt of the message), the value (null: only the InfoItem is named) and its type (null: xs:string)';

CREATE TABLE qlm.format (
	name text COLLATE "C" PRIMARY KEY CHECK (name <> '' AND name = pg_catalog.lower(name) AND pg_catalog.length(name) <= 200 AND name !~ '[[:cntrl:]]'),
	reader text,
	writer text,
	description text,
	CHECK (reader IS NOT NULL OR writer IS NOT NULL)
);
COMMENT ON TABLE qlm.format IS 'payload formats, beyond O-DF, csv and json, that messages may name in msgformat';
COMMENT ON COLUMN qlm.format.name IS 'its name in msgformat, in small letters; messages may write it in any case';
COMMENT ON COLUMN qlm.format.reader IS 'function (text) that returns the rows of a payload: path, ts, value, type; null: payloads of this format are not understood';
COMMENT ON COLUMN qlm.format.writer IS 'function (qlm.payload_row[]) that returns a payload; null: data are not given in this format';
COMMENT ON COLUMN qlm.format.description IS 'for people';
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
	node text
);
CREATE INDEX subscription_expires_at_idx ON qlm.subscription (expires_at) WHERE expires_at < 'infinity';
CREATE INDEX subscription_owner_idx ON qlm.subscription (peer, role);
CREATE INDEX subscription_connection_idx ON qlm.subscription (callback) WHERE callback LIKE 'ws:%';
CREATE INDEX subscription_next_due_idx ON qlm.subscription (next_due) WHERE next_due IS NOT NULL;
COMMENT ON TABLE qlm.subscription IS 'subscriptions at this node';
COMMENT ON COLUMN qlm.subscription.request_id IS 'its requestID';
COMMENT ON COLUMN qlm.subscription.role IS 'role that owns it and with whose rights its data are read';
COMMENT ON COLUMN qlm.subscription.peer IS 'peer that made it; null: an SQL session or an anonymous caller';
COMMENT ON COLUMN qlm.subscription.callback IS 'URL, notify:CHANNEL, or ws: and the name of a WebSocket connection; null: it is polled';
COMMENT ON COLUMN qlm.subscription.interval IS 'seconds; -1: at each new value; -2: at the first value of new InfoItems';
COMMENT ON COLUMN qlm.subscription.dialect IS 'dialect of its messages';
COMMENT ON COLUMN qlm.subscription.created_at IS 'when it began; ticks are counted from here';
COMMENT ON COLUMN qlm.subscription.expires_at IS 'when its ttl ends';
COMMENT ON COLUMN qlm.subscription.next_due IS 'next tick, for intervals with a callback';
COMMENT ON COLUMN qlm.subscription.polled_at IS 'last tick that a poll has taken; null: none';
COMMENT ON COLUMN qlm.subscription.deliveries IS 'messages delivered or polls answered';
COMMENT ON COLUMN qlm.subscription.dropped IS 'values for a poll, or messages for the callback, that were dropped and not told of yet';
COMMENT ON COLUMN qlm.subscription.node IS 'it is a subscription at another node, as the nodeList named that; null: at this one';

CREATE TABLE qlm.subscription_target (
	request_id bigint NOT NULL REFERENCES qlm.subscription ON DELETE CASCADE,
	path text COLLATE "C" NOT NULL,
	PRIMARY KEY (request_id, path)
);
COMMENT ON TABLE qlm.subscription_target IS 'what a subscription covers';
COMMENT ON COLUMN qlm.subscription_target.request_id IS 'the subscription';
COMMENT ON COLUMN qlm.subscription_target.path IS 'an InfoItem, or an Object with all below it, there or to come; empty: everything';

CREATE SEQUENCE qlm.subscription_value_seq;
COMMENT ON SEQUENCE qlm.subscription_value_seq IS 'order of values that wait to be polled';

/*
 * No foreign key, which would cost too much here, and would have writers wait for
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
	ended boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX forwarding_token_idx ON qlm.forwarding (token) WHERE token IS NOT NULL;
CREATE INDEX forwarding_remote_id_idx ON qlm.forwarding (peer, remote_id);
CREATE INDEX forwarding_next_poll_idx ON qlm.forwarding (next_poll) WHERE next_poll IS NOT NULL;
COMMENT ON TABLE qlm.forwarding IS 'subscriptions at other nodes that this node has made for others';
COMMENT ON COLUMN qlm.forwarding.request_id IS 'its requestID here';
COMMENT ON COLUMN qlm.forwarding.peer IS 'the other node';
COMMENT ON COLUMN qlm.forwarding.remote_id IS 'its requestID there; null: not known yet; empty: the node gave none';
COMMENT ON COLUMN qlm.forwarding.token IS 'end of the callback URL that the node was given; null: it is polled';
COMMENT ON COLUMN qlm.forwarding.poll_seconds IS 'how often it is polled';
COMMENT ON COLUMN qlm.forwarding.next_poll IS 'when next; null: a poll is under way, or it is not polled';
COMMENT ON COLUMN qlm.forwarding.ended IS 'it has ended here, and is to be cancelled at the node as soon as its requestID there is known';

CREATE TABLE qlm.forwarded_result (
	request_id bigint NOT NULL REFERENCES qlm.subscription ON DELETE CASCADE,
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
CREATE SEQUENCE qlm.message_seq;
COMMENT ON SEQUENCE qlm.message_seq IS 'numbers of journal entries';

CREATE TABLE qlm.message (
	message_no bigint PRIMARY KEY DEFAULT pg_catalog.nextval('qlm.message_seq'),
	at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	direction text NOT NULL CHECK (direction IN ('in', 'out')),
	peer text,
	verb text,
	return_code int,
	envelope text,
	duration interval
);
COMMENT ON TABLE qlm.message IS 'journal of envelopes, as qlm.log_messages asks';
COMMENT ON COLUMN qlm.message.message_no IS 'number of the entry';
COMMENT ON COLUMN qlm.message.at IS 'when';
COMMENT ON COLUMN qlm.message.direction IS 'in or out';
COMMENT ON COLUMN qlm.message.peer IS 'whose it was; null: not known';
COMMENT ON COLUMN qlm.message.verb IS 'first verb';
COMMENT ON COLUMN qlm.message.return_code IS 'return code of the first result';
COMMENT ON COLUMN qlm.message.envelope IS 'the message, without credentials';
COMMENT ON COLUMN qlm.message.duration IS 'time to answer';
/*
 * Views for people and programs that analyse.  They read with the rights of
 * whoever asks, so that policies on the tables hold for them too.
 */
CREATE FUNCTION qlm.peer_name(peer_id int) RETURNS text
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'qlm_peer_name';
COMMENT ON FUNCTION qlm.peer_name(int) IS 'the name of a peer; null: there is none with this number';

CREATE VIEW qlm.history WITH (security_invoker = true) AS
	SELECT i.path, o.type AS object_type, v.ts,
		COALESCE(v.txt, v.num::text) AS value, v.num, v.type, m.value AS unit,
		CASE WHEN v.peer_id <> 0 THEN qlm.peer_name(v.peer_id) END AS peer, i.info_item_id
	FROM qlm.info_item i
	JOIN qlm.value v ON v.info_item_id = i.info_item_id
	JOIN qlm.object o ON o.object_id = i.object_id
	LEFT JOIN qlm.meta_data m ON m.info_item_id = i.info_item_id AND m.name = 'unit';
COMMENT ON VIEW qlm.history IS 'every value of every InfoItem';
COMMENT ON COLUMN qlm.history.path IS 'path of the InfoItem';
COMMENT ON COLUMN qlm.history.object_type IS 'class of the Object it belongs to';
COMMENT ON COLUMN qlm.history.ts IS 'time of the value';
COMMENT ON COLUMN qlm.history.value IS 'the value as text';
COMMENT ON COLUMN qlm.history.num IS 'the value as a number, if it is one';
COMMENT ON COLUMN qlm.history.type IS 'type as written, e.g. xs:double; null: xs:string';
COMMENT ON COLUMN qlm.history.unit IS 'MetaData unit of the InfoItem';
COMMENT ON COLUMN qlm.history.peer IS 'the peer who wrote it; null: this node';
COMMENT ON COLUMN qlm.history.info_item_id IS 'number of the InfoItem';

CREATE VIEW qlm.current WITH (security_invoker = true) AS
	SELECT i.path, o.type AS object_type, v.ts,
		COALESCE(v.txt, v.num::text) AS value, v.num, v.type, m.value AS unit,
		p.name AS peer, i.info_item_id
	FROM qlm.info_item i
	CROSS JOIN LATERAL (SELECT x.ts, x.num, x.txt, x.type, x.peer_id
		FROM qlm.value x WHERE x.info_item_id = i.info_item_id
		ORDER BY x.ts DESC LIMIT 1) v
	JOIN qlm.object o ON o.object_id = i.object_id
	LEFT JOIN qlm.meta_data m ON m.info_item_id = i.info_item_id AND m.name = 'unit'
	LEFT JOIN qlm.peer p ON p.peer_id = v.peer_id;
COMMENT ON VIEW qlm.current IS 'the latest value of every InfoItem that has one';
COMMENT ON COLUMN qlm.current.path IS 'path of the InfoItem';
COMMENT ON COLUMN qlm.current.object_type IS 'class of the Object it belongs to';
COMMENT ON COLUMN qlm.current.ts IS 'time of the value';
COMMENT ON COLUMN qlm.current.value IS 'the value as text';
COMMENT ON COLUMN qlm.current.num IS 'the value as a number, if it is one';
COMMENT ON COLUMN qlm.current.type IS 'type as written, e.g. xs:double; null: xs:string';
COMMENT ON COLUMN qlm.current.unit IS 'MetaData unit of the InfoItem';
COMMENT ON COLUMN qlm.current.peer IS 'the peer who wrote it; null: this node';
COMMENT ON COLUMN qlm.current.info_item_id IS 'number of the InfoItem';
/* What the node is doing. */

CREATE FUNCTION qlm.worker_stats()
	RETURNS TABLE (worker_id int, pid int, datname name, kind text, state text, address text, started_at timestamptz,
				   requests bigint, batches bigint, bytes_in bigint, bytes_out bigint, connections int, last_error text)
	LANGUAGE c VOLATILE PARALLEL RESTRICTED
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_stat_worker';
COMMENT ON FUNCTION qlm.worker_stats() IS 'rows of qlm.stat_worker';

CREATE VIEW qlm.stat_worker AS SELECT * FROM qlm.worker_stats();
COMMENT ON VIEW qlm.stat_worker IS 'background workers of this server; empty without shared_preload_libraries';
COMMENT ON COLUMN qlm.stat_worker.worker_id IS 'slot of the worker';
COMMENT ON COLUMN qlm.stat_worker.pid IS 'process; null: none runs';
COMMENT ON COLUMN qlm.stat_worker.datname IS 'database that it serves';
COMMENT ON COLUMN qlm.stat_worker.kind IS 'what it does';
COMMENT ON COLUMN qlm.stat_worker.state IS 'what it is doing';
COMMENT ON COLUMN qlm.stat_worker.address IS 'where it listens';
COMMENT ON COLUMN qlm.stat_worker.started_at IS 'since when it runs';
COMMENT ON COLUMN qlm.stat_worker.requests IS 'requests answered';
COMMENT ON COLUMN qlm.stat_worker.batches IS 'transactions that they shared';
COMMENT ON COLUMN qlm.stat_worker.bytes_in IS 'bytes of messages received';
COMMENT ON COLUMN qlm.stat_worker.bytes_out IS 'bytes of messages sent';
COMMENT ON COLUMN qlm.stat_worker.connections IS 'connections open now';
COMMENT ON COLUMN qlm.stat_worker.last_error IS 'last thing that went wrong';

CREATE VIEW qlm.stat_peer AS
	SELECT p.name,
		p.last_seen,
		q.queued,
		q.sent,
		q.oldest_waiting,
		q.answered,
		q.failed,
		q.expired,
		q.mean_answer_time,
		p.last_success,
		p.last_failure,
		p.last_error
	FROM qlm.peer AS p
		CROSS JOIN LATERAL (
			SELECT pg_catalog.count(*) FILTER (WHERE o.state = 'queued') AS queued,
				pg_catalog.count(*) FILTER (WHERE o.state = 'sent') AS sent,
				pg_catalog.min(o.created_at) FILTER (WHERE o.state IN ('queued', 'sent')) AS oldest_waiting,
				pg_catalog.count(*) FILTER (WHERE o.state = 'answered') AS answered,
				pg_catalog.count(*) FILTER (WHERE o.state = 'failed') AS failed,
				pg_catalog.count(*) FILTER (WHERE o.state = 'expired') AS expired,
				pg_catalog.avg(o.answered_at - o.created_at) FILTER (WHERE o.state = 'answered') AS mean_answer_time
			FROM qlm.outbox AS o
			WHERE o.peer = p.name) AS q;
COMMENT ON VIEW qlm.stat_peer IS 'each peer with its queue';
COMMENT ON COLUMN qlm.stat_peer.name IS 'the peer';
COMMENT ON COLUMN qlm.stat_peer.last_seen IS 'when it last called, to some seconds';
COMMENT ON COLUMN qlm.stat_peer.queued IS 'messages that have not left';
COMMENT ON COLUMN qlm.stat_peer.sent IS 'messages that have left and wait for an answer';
COMMENT ON COLUMN qlm.stat_peer.oldest_waiting IS 'when the oldest of both was queued';
COMMENT ON COLUMN qlm.stat_peer.answered IS 'messages answered';
COMMENT ON COLUMN qlm.stat_peer.failed IS 'messages that failed for good';
COMMENT ON COLUMN qlm.stat_peer.expired IS 'messages whose ttl ended first';
COMMENT ON COLUMN qlm.stat_peer.mean_answer_time IS 'mean time from queue to answer';
COMMENT ON COLUMN qlm.stat_peer.last_success IS 'when a message last reached it and was answered';
COMMENT ON COLUMN qlm.stat_peer.last_failure IS 'when a message last failed to reach it';
COMMENT ON COLUMN qlm.stat_peer.last_error IS 'why, at last_failure; stays after a success';

/* What waits for a peer with a URL waits for that endpoint. */
CREATE VIEW qlm.stat_delivery AS
	SELECT url,
		CASE WHEN e.paused_until > pg_catalog.now() THEN 'paused' ELSE 'ok' END AS state,
		COALESCE(w.queued, 0) AS queued,
		w.oldest_waiting,
		COALESCE(e.attempts, 0) AS attempts,
		COALESCE(e.failures, 0) AS failures,
		CASE WHEN e.paused_until > pg_catalog.now() THEN e.paused_until END AS paused_until,
		e.last_success,
		e.last_failure,
		e.last_error,
		COALESCE(e.delivered, 0) AS delivered
	FROM qlm.endpoint AS e
		FULL JOIN (
			SELECT COALESCE(o.url, p.url) AS url,
				pg_catalog.count(*) FILTER (WHERE o.state = 'queued' OR o.posting) AS queued,
				pg_catalog.min(o.created_at) FILTER (WHERE o.state = 'queued' OR o.posting) AS oldest_waiting
			FROM qlm.outbox AS o
				LEFT JOIN qlm.peer AS p ON p.name = o.peer AND o.url IS NULL
			WHERE o.state IN ('queued', 'sent') AND COALESCE(o.url, p.url) IS NOT NULL
				AND (o.url LIKE 'ws:%') IS NOT TRUE
			GROUP BY 1) AS w USING (url);
COMMENT ON VIEW qlm.stat_delivery IS 'each endpoint that messages are posted to';
COMMENT ON COLUMN qlm.stat_delivery.url IS 'its URL';
COMMENT ON COLUMN qlm.stat_delivery.state IS 'ok, or paused after a failure';
COMMENT ON COLUMN qlm.stat_delivery.queued IS 'messages that have not arrived';
COMMENT ON COLUMN qlm.stat_delivery.oldest_waiting IS 'when the oldest of them was queued';
COMMENT ON COLUMN qlm.stat_delivery.attempts IS 'messages posted, whatever came of them';
COMMENT ON COLUMN qlm.stat_delivery.failures IS 'failures in a row';
COMMENT ON COLUMN qlm.stat_delivery.paused_until IS 'when it is tried again';
COMMENT ON COLUMN qlm.stat_delivery.last_success IS 'when a message last arrived';
COMMENT ON COLUMN qlm.stat_delivery.last_failure IS 'when a message last did not';
COMMENT ON COLUMN qlm.stat_delivery.last_error IS 'why, at last_failure; stays after a success';
COMMENT ON COLUMN qlm.stat_delivery.delivered IS 'messages that have arrived';

CREATE VIEW qlm.stat_subscription AS
	SELECT s.request_id,
		s.role AS owner,
		s.peer,
		CASE WHEN s.callback LIKE 'ws:%' THEN '0' ELSE s.callback END AS callback,
		s.interval,
		ARRAY(SELECT t.path FROM qlm.subscription_target AS t
			WHERE t.request_id = s.request_id ORDER BY t.path) AS targets,
		(SELECT pg_catalog.count(*) FROM qlm.subscription_value AS v
			WHERE v.request_id = s.request_id) AS waiting,
		COALESCE(w.queued, 0) AS queued,
		s.deliveries,
		s.dropped,
		s.next_due,
		s.expires_at
	FROM qlm.subscription AS s
		LEFT JOIN (
			SELECT o.subscription_id, pg_catalog.count(*) AS queued
			FROM qlm.outbox AS o
			WHERE o.state IN ('queued', 'sent')
			GROUP BY o.subscription_id) AS w ON w.subscription_id = s.request_id;
COMMENT ON VIEW qlm.stat_subscription IS 'each subscription with what waits for it';
COMMENT ON COLUMN qlm.stat_subscription.request_id IS 'its requestID';
COMMENT ON COLUMN qlm.stat_subscription.owner IS 'role with whose rights its data are read';
COMMENT ON COLUMN qlm.stat_subscription.peer IS 'peer that made it; null: an SQL session or an anonymous caller';
COMMENT ON COLUMN qlm.stat_subscription.callback IS 'URL, notify:CHANNEL, or 0: the WebSocket on which it was made; null: it is polled';
COMMENT ON COLUMN qlm.stat_subscription.interval IS 'seconds; -1: at each new value; -2: at the first value of new InfoItems';
COMMENT ON COLUMN qlm.stat_subscription.targets IS 'paths that it covers';
COMMENT ON COLUMN qlm.stat_subscription.waiting IS 'values that wait to be polled';
COMMENT ON COLUMN qlm.stat_subscription.queued IS 'messages that have not arrived at the callback';
COMMENT ON COLUMN qlm.stat_subscription.deliveries IS 'messages delivered or polls answered';
COMMENT ON COLUMN qlm.stat_subscription.dropped IS 'values or messages that were dropped and not told of yet';
COMMENT ON COLUMN qlm.stat_subscription.next_due IS 'next tick, for intervals with a callback';
COMMENT ON COLUMN qlm.stat_subscription.expires_at IS 'when its ttl ends';
/* The protocol's verbs, with envelopes and without. */

CREATE FUNCTION @extschema@.qlm_handle(envelope text, peer text DEFAULT NULL) RETURNS xml
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_handle';
COMMENT ON FUNCTION @extschema@.qlm_handle(text, text) IS 'run any QLM or O-MI envelope and return the response; peer: speak for it (members of qlm_admin)';

CREATE FUNCTION @extschema@.qlm_handle(envelope xml, peer text DEFAULT NULL) RETURNS xml
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_handle';
COMMENT ON FUNCTION @extschema@.qlm_handle(xml, text) IS 'run any QLM or O-MI envelope and return the response; peer: speak for it (members of qlm_admin)';

CREATE FUNCTION @extschema@.qlm_write(path text, value text, at timestamptz DEFAULT NULL, type text DEFAULT NULL) RETURNS void
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_write';
COMMENT ON FUNCTION @extschema@.qlm_write(text, text, timestamptz, text) IS 'store a value of an InfoItem; at: its time, by default now';

CREATE FUNCTION @extschema@.qlm_write(path text, value double precision, at timestamptz DEFAULT NULL, type text DEFAULT 'xs:double') RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT @extschema@.qlm_write(path, value::text, at, type) $$;
COMMENT ON FUNCTION @extschema@.qlm_write(text, double precision, timestamptz, text) IS 'store a number as a value of an InfoItem; at: its time, by default now';

CREATE FUNCTION @extschema@.qlm_write(path text, value numeric, at timestamptz DEFAULT NULL, type text DEFAULT 'xs:double') RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT @extschema@.qlm_write(path, value::text, at, type) $$;
COMMENT ON FUNCTION @extschema@.qlm_write(text, numeric, timestamptz, text) IS 'store a number as a value of an InfoItem; at: its time, by default now';

CREATE FUNCTION @extschema@.qlm_read(path text, "begin" timestamptz DEFAULT NULL, "end" timestamptz DEFAULT NULL,
									 newest int DEFAULT NULL, oldest int DEFAULT NULL)
	RETURNS TABLE (path text, ts timestamptz, value text, num double precision, type text)
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_read';
COMMENT ON FUNCTION @extschema@.qlm_read(text, timestamptz, timestamptz, int, int) IS 'values of an InfoItem, or of all InfoItems of an Object: the latest, those from begin to end, or the newest or oldest so many of them';

CREATE FUNCTION @extschema@.qlm_subscribe(path text, "interval" double precision DEFAULT -1,
										  callback text DEFAULT NULL, ttl interval DEFAULT NULL) RETURNS bigint
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_subscribe_sql';
COMMENT ON FUNCTION @extschema@.qlm_subscribe(text, double precision, text, interval) IS 'subscribe to an InfoItem or an Object; interval: seconds, -1: each new value, -2: new InfoItems; callback: null to poll, notify:CHANNEL or a URL; returns the requestID';

CREATE FUNCTION @extschema@.qlm_poll(request_id bigint)
	RETURNS TABLE (path text, ts timestamptz, value text, num double precision, type text)
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_poll_sql';
COMMENT ON FUNCTION @extschema@.qlm_poll(bigint) IS 'take the values of a subscription that have come since the last poll';

CREATE FUNCTION @extschema@.qlm_cancel(request_id bigint) RETURNS boolean
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_cancel';
COMMENT ON FUNCTION @extschema@.qlm_cancel(bigint) IS 'end a subscription; false: there is none with this requestID';

CREATE FUNCTION @extschema@.qlm_delete(path text) RETURNS int
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_delete';
COMMENT ON FUNCTION @extschema@.qlm_delete(text) IS 'remove an InfoItem or Object with all below it and its history; returns how many were found';

CREATE FUNCTION @extschema@.qlm_delete(path text, "begin" timestamptz, "end" timestamptz) RETURNS bigint
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_delete_values';
COMMENT ON FUNCTION @extschema@.qlm_delete(text, timestamptz, timestamptz) IS 'remove the values of an InfoItem, or of all InfoItems of an Object, from begin to end, both included; null: no bound on that side; returns how many';

CREATE FUNCTION @extschema@.qlm_version() RETURNS text
	LANGUAGE c STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_version';
COMMENT ON FUNCTION @extschema@.qlm_version() IS 'version of the loaded library';
/* Calls, and the functions that they run. */

CREATE FUNCTION @extschema@.qlm_set_handler(path text, function regprocedure, verb text DEFAULT 'call') RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	handled text := qlm.path_normal(qlm_set_handler.path);
	written text;
	supported boolean;
BEGIN
	IF coalesce(handled, '') = '' THEN
		RAISE EXCEPTION 'a handler needs the path of an InfoItem or Object'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF qlm_set_handler.verb IS DISTINCT FROM 'call' AND qlm_set_handler.verb IS DISTINCT FROM 'read' THEN
		RAISE EXCEPTION 'a handler is for call or for read'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF qlm_set_handler.function IS NULL THEN
		DELETE FROM qlm.handler AS h WHERE h.path = handled AND h.verb = qlm_set_handler.verb;
		RETURN;
	END IF;
	SELECT format('%I.%I(%s)', n.nspname, p.proname, oidvectortypes(p.proargtypes)),
		oidvectortypes(p.proargtypes) IN ('xml', 'text', 'text, xml')
			AND p.prorettype IN ('xml'::regtype, 'text'::regtype, 'void'::regtype)
			AND p.prokind = 'f' AND NOT p.proretset AND n.oid <> pg_my_temp_schema()
	INTO written, supported
	FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
	WHERE p.oid = qlm_set_handler.function;
	IF NOT coalesce(supported, false) THEN
		RAISE EXCEPTION 'function % cannot be a handler', coalesce(written, qlm_set_handler.function::oid::text)
			USING ERRCODE = 'invalid_function_definition',
				DETAIL = 'A handler takes (xml), (text) or (text, xml), and returns xml, text or void.';
	END IF;
	IF NOT has_function_privilege(qlm_set_handler.function, 'EXECUTE') THEN
		RAISE EXCEPTION 'permission denied for function %', written
			USING ERRCODE = 'insufficient_privilege';
	END IF;
	INSERT INTO qlm.handler AS h (path, verb, function) VALUES (handled, qlm_set_handler.verb, written)
	ON CONFLICT ON CONSTRAINT handler_pkey DO UPDATE SET function = excluded.function;
END
$$;
COMMENT ON FUNCTION @extschema@.qlm_set_handler(text, regprocedure, text) IS 'have calls of an InfoItem, or of what lies below an Object, run a function; null: no longer; verb: call, or read for reads of the device';

CREATE FUNCTION @extschema@.qlm_call(path text, value text DEFAULT NULL, type text DEFAULT NULL)
	RETURNS TABLE (path text, ts timestamptz, value text, num double precision, type text)
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_call';
COMMENT ON FUNCTION @extschema@.qlm_call(text, text, text) IS 'run the handler of an InfoItem; value: its parameter; returns what the handler returns';

CREATE FUNCTION @extschema@.qlm_call(path text, value double precision, type text DEFAULT 'xs:double')
	RETURNS TABLE (path text, ts timestamptz, value text, num double precision, type text)
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT * FROM @extschema@.qlm_call($1, $2::text, $3) $$;
COMMENT ON FUNCTION @extschema@.qlm_call(text, double precision, text) IS 'run the handler of an InfoItem; value: its parameter, a number; returns what the handler returns';

CREATE FUNCTION @extschema@.qlm_call_envelope(path text, value text DEFAULT NULL, type text DEFAULT NULL) RETURNS xml
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_call_envelope';
COMMENT ON FUNCTION @extschema@.qlm_call_envelope(text, text, text) IS 'an envelope that calls an InfoItem; value: its parameter';
/* Requests to peers, and the peers. */

CREATE FUNCTION @extschema@.qlm_read_envelope(path text, "begin" timestamptz DEFAULT NULL, "end" timestamptz DEFAULT NULL,
											  newest int DEFAULT NULL, oldest int DEFAULT NULL,
											  "interval" double precision DEFAULT NULL, callback text DEFAULT NULL) RETURNS xml
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_read_envelope';
COMMENT ON FUNCTION @extschema@.qlm_read_envelope(text, timestamptz, timestamptz, int, int, double precision, text) IS 'an envelope that reads a path, or subscribes to it if interval is given';

CREATE FUNCTION @extschema@.qlm_write_envelope(path text, value text, at timestamptz DEFAULT NULL, type text DEFAULT NULL) RETURNS xml
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_write_envelope';
COMMENT ON FUNCTION @extschema@.qlm_write_envelope(text, text, timestamptz, text) IS 'an envelope that writes a value; at: its time, by default now';

CREATE FUNCTION @extschema@.qlm_request(peer text, envelope text, ttl interval DEFAULT '1 hour', priority int DEFAULT 0) RETURNS bigint
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_request';
COMMENT ON FUNCTION @extschema@.qlm_request(text, text, interval, int) IS 'queue a request for a peer; ttl: how long it may take, null: for ever; returns the requestID';

CREATE FUNCTION @extschema@.qlm_request(peer text, envelope xml, ttl interval DEFAULT '1 hour', priority int DEFAULT 0) RETURNS bigint
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_request';
COMMENT ON FUNCTION @extschema@.qlm_request(text, xml, interval, int) IS 'queue a request for a peer; ttl: how long it may take, null: for ever; returns the requestID';

CREATE FUNCTION @extschema@.qlm_await(request_id bigint, timeout interval DEFAULT '30 s') RETURNS xml
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_await';
COMMENT ON FUNCTION @extschema@.qlm_await(bigint, interval) IS 'wait for the answer to a queued request; null: none came in time. A request of the same transaction is sent at once, and stays sent if that transaction rolls back';

CREATE FUNCTION @extschema@.qlm_requeue(request_id bigint) RETURNS boolean
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_requeue';
COMMENT ON FUNCTION @extschema@.qlm_requeue(bigint) IS 'queue a failed, expired or cancelled message again, with its whole ttl; false: it is not in such a state';

CREATE FUNCTION qlm.credential_hash(secret text) RETURNS text
	LANGUAGE c VOLATILE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_credential_hash';
COMMENT ON FUNCTION qlm.credential_hash(text) IS 'salted hash of a secret, for qlm.peer.credential';

CREATE FUNCTION qlm.path_normal(path text) RETURNS text
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_path_normal';
COMMENT ON FUNCTION qlm.path_normal(text) IS 'a path as it is stored; an error for what is no path';

CREATE FUNCTION qlm.dialect_is_known(dialect text) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_dialect_is_known';
COMMENT ON FUNCTION qlm.dialect_is_known(text) IS 'whether messages can be written in this dialect: Q0 Q1 QP M0 M1a M1b M2';

CREATE FUNCTION qlm.url_is_http(url text) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_url_is_http_sql';
COMMENT ON FUNCTION qlm.url_is_http(text) IS 'whether it is an absolute http or https URL with a host, and a port that exists if any';

CREATE FUNCTION @extschema@.qlm_add_peer(name text, url text DEFAULT NULL, role name DEFAULT 'qlm_reader',
										 credential text DEFAULT NULL, paths text[] DEFAULT '{}',
										 piggyback boolean DEFAULT NULL, heartbeat interval DEFAULT NULL,
										 dialect text DEFAULT NULL, secret text DEFAULT NULL,
										 form boolean DEFAULT false) RETURNS int
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	id int;
BEGIN
	IF coalesce(qlm_add_peer.name, '') = '' OR qlm_add_peer.name ~ '[/:[:space:][:cntrl:]]' THEN
		RAISE EXCEPTION '"%" cannot be the name of a peer', qlm_add_peer.name
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'It stands in URLs and in credentials: no blanks, slashes or colons.';
	END IF;
	IF EXISTS (SELECT FROM qlm.peer AS p WHERE p.name = qlm_add_peer.name) THEN
		RAISE EXCEPTION 'there is already a peer "%"', qlm_add_peer.name
			USING ERRCODE = 'duplicate_object',
				HINT = 'Change its row in qlm.peer, or drop it with qlm_drop_peer.';
	END IF;
	IF NOT pg_has_role(qlm_add_peer.role, 'MEMBER') THEN
		RAISE EXCEPTION 'a peer cannot have role "%": you are no member of it', qlm_add_peer.role
			USING ERRCODE = 'insufficient_privilege';
	END IF;
	IF NOT qlm.dialect_is_known(qlm_add_peer.dialect) THEN
		RAISE EXCEPTION 'there is no dialect "%"', qlm_add_peer.dialect
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Dialects are Q0, Q1, QP, M0, M1a, M1b and M2.';
	END IF;
	IF qlm_add_peer.url !~* '^https?://' THEN
		RAISE EXCEPTION 'the URL of a peer must begin with http:// or https://'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF NOT qlm.url_is_http(qlm_add_peer.url) THEN
		RAISE EXCEPTION 'the URL of a peer needs a host, and a port from 1 to 65535 if any'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = format('It is "%s".', left(qlm_add_peer.url, 200));
	END IF;
	IF octet_length(qlm_add_peer.url) > 2000 THEN
		RAISE EXCEPTION 'the URL of a peer must not be longer than 2000 bytes'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF qlm_add_peer.secret ~ '[[:cntrl:]]' THEN
		RAISE EXCEPTION 'a secret must not hold control characters'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	INSERT INTO qlm.peer AS p (name, url, role, credential, paths, piggyback, heartbeat, dialect, secret, form)
	VALUES (qlm_add_peer.name, qlm_add_peer.url, qlm_add_peer.role,
			qlm.credential_hash(qlm_add_peer.credential),
			(SELECT coalesce(array_agg(qlm.path_normal(path)), '{}') FROM unnest(qlm_add_peer.paths) AS path),
			qlm_add_peer.piggyback, qlm_add_peer.heartbeat, qlm_add_peer.dialect, qlm_add_peer.secret,
			coalesce(qlm_add_peer.form, false))
	RETURNING p.peer_id INTO id;
	RETURN id;
END
$$;
COMMENT ON FUNCTION @extschema@.qlm_add_peer(text, text, name, text, text[], boolean, interval, text, text, boolean) IS 'make another node known; role: whose rights its messages have; credential: the secret that it shows; paths: Objects that it owns; heartbeat: how often to call it; secret: what it is shown; form: post to it as form field msg; returns its number';

CREATE FUNCTION @extschema@.qlm_drop_peer(name text) RETURNS boolean
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	WITH gone AS (DELETE FROM qlm.forwarding AS f WHERE f.peer = qlm_drop_peer.name RETURNING f.request_id),
		told AS (UPDATE qlm.outbox AS o SET awaited_by = NULL FROM gone WHERE o.awaited_by = gone.request_id)
	DELETE FROM qlm.subscription AS s USING gone WHERE s.request_id = gone.request_id;
	UPDATE qlm.outbox AS o
	SET state = 'cancelled', last_error = 'the peer was dropped', next_attempt_at = NULL, posting = false
	WHERE o.peer = qlm_drop_peer.name AND o.state IN ('queued', 'sent');
	DELETE FROM qlm.subscription AS s WHERE s.peer = qlm_drop_peer.name;
	WITH gone AS (DELETE FROM qlm.gathering AS g WHERE g.peer = qlm_drop_peer.name RETURNING g.request_id)
	UPDATE qlm.outbox AS o SET awaited_by = NULL FROM gone WHERE o.awaited_by = gone.request_id;
	DELETE FROM qlm.executed AS e WHERE e.peer = qlm_drop_peer.name;
	DELETE FROM qlm.peer AS p WHERE p.name = qlm_drop_peer.name;
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION @extschema@.qlm_drop_peer(text) IS 'forget a peer, cancel what waits for it and end its subscriptions and those made there; false: there is none of this name';
/* Background workers. */

CREATE FUNCTION @extschema@.qlm_start() RETURNS int
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_start';
COMMENT ON FUNCTION @extschema@.qlm_start() IS 'start the workers that serve this database; returns how many run';

CREATE FUNCTION @extschema@.qlm_stop() RETURNS int
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_stop';
COMMENT ON FUNCTION @extschema@.qlm_stop() IS 'stop the workers that serve this database; returns how many stopped';
/* Payload formats. */

CREATE FUNCTION @extschema@.qlm_handle_json(envelope json, peer text DEFAULT NULL) RETURNS json
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_handle_json';
COMMENT ON FUNCTION @extschema@.qlm_handle_json(json, text) IS 'run an envelope that is JSON and return the response as JSON; peer: speak for it (members of qlm_admin)';

CREATE FUNCTION qlm.format_is_built_in(name text) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_format_is_built_in';
COMMENT ON FUNCTION qlm.format_is_built_in(text) IS 'whether a msgformat means O-DF, csv or json';

CREATE FUNCTION @extschema@.qlm_add_format(name text, reader regprocedure DEFAULT NULL, writer regprocedure DEFAULT NULL,
										   description text DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	wanted constant oid[] := ARRAY['text'::regtype, 'timestamptz'::regtype, 'text'::regtype, 'text'::regtype]::oid[];
	columns oid[];
BEGIN
	IF coalesce(qlm_add_format.name, '') = '' OR length(qlm_add_format.name) > 200
		OR qlm_add_format.name ~ '[[:cntrl:]]' OR qlm_add_format.name <> btrim(qlm_add_format.name) THEN
		RAISE EXCEPTION '"%" cannot be the name of a format', qlm_add_format.name
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF qlm.format_is_built_in(qlm_add_format.name) THEN
		RAISE EXCEPTION 'the format "%" is built in', qlm_add_format.name
			USING ERRCODE = 'duplicate_object';
	END IF;
	IF EXISTS (SELECT FROM qlm.format AS f WHERE f.name = lower(qlm_add_format.name)) THEN
		RAISE EXCEPTION 'there is already a format "%"', lower(qlm_add_format.name)
			USING ERRCODE = 'duplicate_object', HINT = 'Drop it with qlm_drop_format.';
	END IF;
	IF reader IS NULL AND writer IS NULL THEN
		RAISE EXCEPTION 'a format needs a reader or a writer'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF reader IS NOT NULL THEN
		SELECT CASE WHEN p.proallargtypes IS NOT NULL
				THEN ARRAY(SELECT t FROM unnest(p.proallargtypes, p.proargmodes) WITH ORDINALITY AS a(t, mode, k)
						   WHERE mode IN ('o', 't', 'b') ORDER BY k)
				ELSE ARRAY(SELECT a.atttypid FROM pg_attribute AS a JOIN pg_type AS t ON t.typrelid = a.attrelid
						   WHERE t.oid = p.prorettype AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum) END
		INTO columns
		FROM pg_proc AS p
		WHERE p.oid = reader AND p.prokind = 'f' AND p.pronargs = 1 AND p.proargtypes[0] = 'text'::regtype;
		IF columns IS DISTINCT FROM wanted THEN
			RAISE EXCEPTION 'function % cannot be the reader of a format', reader
				USING ERRCODE = 'invalid_function_definition',
					HINT = 'It takes one text and returns SETOF qlm.payload_row, or TABLE (path text, ts timestamptz, value text, type text).';
		END IF;
	END IF;
	IF writer IS NOT NULL AND NOT EXISTS (
		SELECT FROM pg_proc AS p
		WHERE p.oid = writer AND p.prokind = 'f' AND NOT p.proretset
			AND p.pronargs = 1 AND p.proargtypes[0] = 'qlm.payload_row[]'::regtype
			AND p.prorettype IN ('text'::regtype, 'xml'::regtype)) THEN
		RAISE EXCEPTION 'function % cannot be the writer of a format', writer
			USING ERRCODE = 'invalid_function_definition',
				HINT = 'It takes one qlm.payload_row[] and returns text or xml.';
	END IF;
	INSERT INTO qlm.format (name, reader, writer, description)
	VALUES (lower(qlm_add_format.name), reader, writer, qlm_add_format.description);
END
$$;
COMMENT ON FUNCTION @extschema@.qlm_add_format(text, regprocedure, regprocedure, text) IS 'add a payload format; reader: function from a payload to its rows; writer: function from rows to a payload';

CREATE FUNCTION @extschema@.qlm_drop_format(name text) RETURNS boolean
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	DELETE FROM qlm.format AS f WHERE f.name = lower(qlm_drop_format.name);
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION @extschema@.qlm_drop_format(text) IS 'forget a payload format that was added; false: there is none of this name';
/*
 * Processes remember paths and what they have seen stored.  These triggers
 * tell them when that ceases to hold; they fire on replicas too.
 */
CREATE FUNCTION qlm.forget() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'qlm_forget'
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION qlm.forget() IS
	'has every process forget what it remembers of the table';

CREATE FUNCTION qlm.forget_values() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME', 'qlm_forget_values'
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION qlm.forget_values() IS
	'deletes the values of InfoItems that are deleted';

REVOKE ALL ON FUNCTION qlm.forget(), qlm.forget_values() FROM PUBLIC;

/* Paths: writers are kept out while they change. */
CREATE TRIGGER forget_begin BEFORE DELETE OR TRUNCATE ON qlm.object
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.forget();
CREATE TRIGGER forget_deleted AFTER DELETE ON qlm.object
	REFERENCING OLD TABLE AS old_objects
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.forget();
CREATE TRIGGER forget_truncated AFTER TRUNCATE ON qlm.object
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.forget();
CREATE TRIGGER forget_move_begin BEFORE UPDATE ON qlm.object
	FOR EACH ROW WHEN ((OLD.object_id, OLD.parent_id, OLD.id, OLD.path)
		IS DISTINCT FROM (NEW.object_id, NEW.parent_id, NEW.id, NEW.path))
	EXECUTE FUNCTION qlm.forget();
CREATE TRIGGER forget_moved AFTER UPDATE ON qlm.object
	FOR EACH ROW WHEN ((OLD.object_id, OLD.parent_id, OLD.id, OLD.path)
		IS DISTINCT FROM (NEW.object_id, NEW.parent_id, NEW.id, NEW.path))
	EXECUTE FUNCTION qlm.forget();

CREATE TRIGGER forget_begin BEFORE DELETE OR TRUNCATE ON qlm.info_item
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.forget();
CREATE TRIGGER forget_deleted AFTER DELETE ON qlm.info_item
	REFERENCING OLD TABLE AS old_items
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.forget();
CREATE TRIGGER forget_truncated AFTER TRUNCATE ON qlm.info_item
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.forget();
CREATE TRIGGER forget_values AFTER DELETE ON qlm.info_item
	REFERENCING OLD TABLE AS old_items
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.forget_values();
CREATE TRIGGER forget_values_truncated AFTER TRUNCATE ON qlm.info_item
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.forget_values();
CREATE TRIGGER forget_move_begin BEFORE UPDATE ON qlm.info_item
	FOR EACH ROW WHEN ((OLD.info_item_id, OLD.object_id, OLD.name, OLD.path)
		IS DISTINCT FROM (NEW.info_item_id, NEW.object_id, NEW.name, NEW.path))
	EXECUTE FUNCTION qlm.forget();
CREATE TRIGGER forget_moved AFTER UPDATE ON qlm.info_item
	FOR EACH ROW WHEN ((OLD.info_item_id, OLD.object_id, OLD.name, OLD.path)
		IS DISTINCT FROM (NEW.info_item_id, NEW.object_id, NEW.name, NEW.path))
	EXECUTE FUNCTION qlm.forget();

/* What describes nodes: additions contradict nothing that was seen. */
CREATE TRIGGER forget_static AFTER UPDATE ON qlm.object
	FOR EACH ROW WHEN ((OLD.type, OLD.description, OLD.attributes)
		IS DISTINCT FROM (NEW.type, NEW.description, NEW.attributes))
	EXECUTE FUNCTION qlm.forget('static');
CREATE TRIGGER forget_static AFTER UPDATE ON qlm.info_item
	FOR EACH ROW WHEN ((OLD.type, OLD.description, OLD.alt_names, OLD.attributes)
		IS DISTINCT FROM (NEW.type, NEW.description, NEW.alt_names, NEW.attributes))
	EXECUTE FUNCTION qlm.forget('static');
CREATE TRIGGER forget_updated AFTER UPDATE ON qlm.object_id
	REFERENCING OLD TABLE AS old_ids
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.forget('static');
CREATE TRIGGER forget_deleted AFTER DELETE ON qlm.object_id
	REFERENCING OLD TABLE AS old_ids
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.forget('static');
CREATE TRIGGER forget_truncated AFTER TRUNCATE ON qlm.object_id
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.forget('static');
CREATE TRIGGER forget_updated AFTER UPDATE ON qlm.meta_data
	REFERENCING OLD TABLE AS old_meta_data
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.forget('static');
CREATE TRIGGER forget_deleted AFTER DELETE ON qlm.meta_data
	REFERENCING OLD TABLE AS old_meta_data
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.forget('static');
CREATE TRIGGER forget_truncated AFTER TRUNCATE ON qlm.meta_data
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.forget('static');

/* Reading keeps whole nodes, with their ids and whether they have MetaData. */
CREATE TRIGGER forget_added AFTER INSERT ON qlm.object_id
	REFERENCING NEW TABLE AS new_ids
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.forget('added');
CREATE TRIGGER forget_added AFTER INSERT ON qlm.meta_data
	REFERENCING NEW TABLE AS new_meta_data
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.forget('added');

DO $$
DECLARE
	t record;
BEGIN
	FOR t IN SELECT tgrelid::pg_catalog.regclass AS rel, tgname
		FROM pg_catalog.pg_trigger
		WHERE tgname LIKE 'forget\_%' AND tgrelid IN
			('qlm.object'::pg_catalog.regclass, 'qlm.info_item'::pg_catalog.regclass,
			 'qlm.object_id'::pg_catalog.regclass, 'qlm.meta_data'::pg_catalog.regclass)
	LOOP
		EXECUTE pg_catalog.format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', t.rel, t.tgname);
		EXECUTE pg_catalog.format('COMMENT ON TRIGGER %I ON %s IS %L', t.tgname, t.rel,
			CASE WHEN t.tgname LIKE 'forget\_values%' THEN 'deletes values of InfoItems that are gone'
				WHEN t.tgname LIKE '%\_begin' THEN 'keeps writers out while paths change'
				ELSE 'has every process forget what it remembers of the table' END);
	END LOOP;
END
$$;
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

CREATE FUNCTION qlm.configuration_changed() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_configuration_changed';
COMMENT ON FUNCTION qlm.configuration_changed() IS 'makes every process read peers or subscriptions again';

/* Columns that only say how a peer or a subscription is doing are left out. */
CREATE TRIGGER peer_changed
	AFTER INSERT OR DELETE OR TRUNCATE
		OR UPDATE OF peer_id, name, url, role, credential, paths, piggyback, heartbeat, dialect, echoes_ids, acknowledges, secret, form
	ON qlm.peer
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.configuration_changed();
COMMENT ON TRIGGER peer_changed ON qlm.peer IS 'tells all processes';

CREATE TRIGGER subscription_changed
	AFTER INSERT OR DELETE OR TRUNCATE
		OR UPDATE OF request_id, role, peer, callback, interval, dialect, created_at, expires_at, node
	ON qlm.subscription
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.configuration_changed();
COMMENT ON TRIGGER subscription_changed ON qlm.subscription IS 'tells all processes';

CREATE FUNCTION qlm.subscription_ended() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_subscription_ended';
COMMENT ON FUNCTION qlm.subscription_ended() IS 'deletes what waits to be polled by subscriptions that are deleted';

CREATE TRIGGER subscription_ended AFTER DELETE ON qlm.subscription
	REFERENCING OLD TABLE AS old_subscriptions
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.subscription_ended();
COMMENT ON TRIGGER subscription_ended ON qlm.subscription IS 'empties their buffers';
CREATE TRIGGER subscription_ended_all AFTER TRUNCATE ON qlm.subscription
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.subscription_ended();
COMMENT ON TRIGGER subscription_ended_all ON qlm.subscription IS 'empties all buffers';

CREATE TRIGGER subscription_target_changed
	AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE
	ON qlm.subscription_target
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.configuration_changed();
COMMENT ON TRIGGER subscription_target_changed ON qlm.subscription_target IS 'tells all processes';

/*
 * Messages of a peer have the rights of its role, so nobody may give one that
 * he could not take himself.  A role that does not exist yet, as while a dump is
 * restored, is for superusers.
 */
CREATE FUNCTION qlm.check_peer_role() RETURNS trigger
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF NOT coalesce(pg_has_role(to_regrole(quote_ident(NEW.role)), 'MEMBER'),
					(SELECT rolsuper FROM pg_roles WHERE rolname = current_user)) THEN
		RAISE EXCEPTION 'a peer cannot have role "%": you are no member of it', NEW.role
			USING ERRCODE = 'insufficient_privilege';
	END IF;
	RETURN NEW;
END
$$;
COMMENT ON FUNCTION qlm.check_peer_role() IS 'refuses peers with rights beyond those of who adds or changes them';

CREATE TRIGGER peer_role BEFORE INSERT OR UPDATE OF role ON qlm.peer
	FOR EACH ROW EXECUTE FUNCTION qlm.check_peer_role();
COMMENT ON TRIGGER peer_role ON qlm.peer IS 'nobody gives more rights than he has';

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
/* How long values are kept. */

CREATE FUNCTION @extschema@.qlm_set_retention(path text, keep interval DEFAULT NULL,
											  thin_after interval DEFAULT NULL, thin_every interval DEFAULT NULL)
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	place text := CASE WHEN coalesce(btrim(qlm_set_retention.path, '/'), '') IN ('', 'Objects') THEN ''
		ELSE qlm.path_normal(qlm_set_retention.path) END;
BEGIN
	IF keep IS NULL AND thin_after IS NULL AND thin_every IS NULL THEN
		DELETE FROM qlm.retention WHERE path = place;
		RETURN;
	END IF;
	IF (thin_after IS NULL) <> (thin_every IS NULL) THEN
		RAISE EXCEPTION 'values are thinned after some time and to one in each span: give both thin_after and thin_every'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'For example: SELECT qlm_set_retention(''Fridge7'', keep => ''2 years'', thin_after => ''30 days'', thin_every => ''1 hour'').';
	END IF;
	IF keep <= '0' OR thin_after < '0' OR thin_every <= '0' OR date_part('month', thin_every) + date_part('year', thin_every) <> 0 THEN
		RAISE EXCEPTION 'these are no times that values can be kept for'
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = 'keep and thin_every must be above 0, thin_after not below, and thin_every in days or less.';
	END IF;
	INSERT INTO qlm.retention (path, keep, thin_after, thin_every)
		VALUES (place, qlm_set_retention.keep, qlm_set_retention.thin_after, qlm_set_retention.thin_every)
		ON CONFLICT (path) DO UPDATE SET keep = EXCLUDED.keep,
			thin_after = EXCLUDED.thin_after, thin_every = EXCLUDED.thin_every;
END
$$;
COMMENT ON FUNCTION @extschema@.qlm_set_retention(text, interval, interval, interval) IS
	'keep values at or below a path (empty: everything) for so long, and of those older than thin_after only the last in each thin_every; without times: remove the rule';

CREATE FUNCTION @extschema@.qlm_apply_retention() RETURNS bigint
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_apply_retention';
COMMENT ON FUNCTION @extschema@.qlm_apply_retention() IS
	'delete at once what qlm.retention and the setting qlm.retention do not keep, which the workers do by and by; returns how many values went';

CREATE TRIGGER retention_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON qlm.retention
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.configuration_changed();
COMMENT ON TRIGGER retention_changed ON qlm.retention IS 'tells all processes';
/* Nothing is for PUBLIC; rights come with the three roles. */

DO $$
DECLARE
	f regprocedure;
BEGIN
	FOR f IN
		SELECT d.objid
		FROM pg_catalog.pg_depend AS d
			JOIN pg_catalog.pg_extension AS e ON e.oid OPERATOR(pg_catalog.=) d.refobjid
		WHERE d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass
			AND d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass
			AND d.deptype OPERATOR(pg_catalog.=) 'e'
			AND e.extname OPERATOR(pg_catalog.=) 'qlm'
	LOOP
		EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
	END LOOP;
END
$$;

GRANT USAGE ON SCHEMA qlm TO qlm_reader;
GRANT SELECT ON qlm.object, qlm.object_id, qlm.info_item, qlm.meta_data, qlm.value, qlm.history, qlm.current TO qlm_reader;
GRANT SELECT (peer_id, name) ON qlm.peer TO qlm_reader;
GRANT EXECUTE ON FUNCTION
	@extschema@.qlm_handle(text, text),
	@extschema@.qlm_handle(xml, text),
	@extschema@.qlm_handle_json(json, text),
	@extschema@.qlm_read(text, timestamptz, timestamptz, int, int),
	@extschema@.qlm_subscribe(text, double precision, text, interval),
	@extschema@.qlm_poll(bigint),
	@extschema@.qlm_cancel(bigint),
	@extschema@.qlm_read_envelope(text, timestamptz, timestamptz, int, int, double precision, text),
	@extschema@.qlm_write_envelope(text, text, timestamptz, text),
	@extschema@.qlm_call(text, text, text),
	@extschema@.qlm_call(text, double precision, text),
	@extschema@.qlm_call_envelope(text, text, text),
	@extschema@.qlm_version(),
	qlm.path_normal(text),
	qlm.peer_name(int)
	TO qlm_reader;

GRANT INSERT, UPDATE, DELETE ON qlm.object, qlm.object_id, qlm.info_item, qlm.meta_data, qlm.value TO qlm_writer;
GRANT USAGE ON SEQUENCE qlm.object_seq, qlm.info_item_seq TO qlm_writer;
GRANT EXECUTE ON FUNCTION
	@extschema@.qlm_write(text, text, timestamptz, text),
	@extschema@.qlm_write(text, double precision, timestamptz, text),
	@extschema@.qlm_write(text, numeric, timestamptz, text),
	@extschema@.qlm_delete(text),
	@extschema@.qlm_delete(text, timestamptz, timestamptz)
	TO qlm_writer;

GRANT SELECT, INSERT, UPDATE, DELETE ON qlm.peer, qlm.handler, qlm.outbox, qlm.endpoint, qlm.executed, qlm.message, qlm.retention, qlm.format TO qlm_admin;
/* Data of a subscription are read with the rights of its role: only qlm_subscribe makes one. */
GRANT SELECT, DELETE ON qlm.gathering, qlm.forwarding, qlm.forwarded_result, qlm.subscription, qlm.subscription_target, qlm.subscription_value TO qlm_admin;
GRANT SELECT ON qlm.stat_worker, qlm.stat_peer, qlm.stat_delivery, qlm.stat_subscription TO qlm_admin;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA qlm TO qlm_admin;
GRANT EXECUTE ON FUNCTION
	@extschema@.qlm_request(text, text, interval, int),
	@extschema@.qlm_request(text, xml, interval, int),
	@extschema@.qlm_await(bigint, interval),
	@extschema@.qlm_requeue(bigint),
	@extschema@.qlm_add_peer(text, text, name, text, text[], boolean, interval, text, text, boolean),
	@extschema@.qlm_drop_peer(text),
	@extschema@.qlm_set_retention(text, interval, interval, interval),
	@extschema@.qlm_apply_retention(),
	@extschema@.qlm_set_handler(text, regprocedure, text),
	@extschema@.qlm_add_format(text, regprocedure, regprocedure, text),
	@extschema@.qlm_drop_format(text),
	qlm.format_is_built_in(text),
	@extschema@.qlm_start(),
	@extschema@.qlm_stop(),
	qlm.credential_hash(text),
	qlm.dialect_is_known(text),
	qlm.url_is_http(text),
	qlm.worker_stats()
	TO qlm_admin;
/* What pg_dump must carry: users' data and configuration, and the numbers. */

DO $$
DECLARE
	name text;
BEGIN
	FOREACH name IN ARRAY ARRAY[
		'object_seq', 'object', 'object_id', 'info_item_seq', 'info_item',
		'meta_data', 'value_default', 'retention', 'peer_seq', 'peer', 'handler', 'outbox_seq',
		'endpoint', 'executed', 'subscription_value_seq', 'subscription_value',
		'forwarded_result', 'message_seq', 'message', 'format'] LOOP
		PERFORM pg_catalog.pg_extension_config_dump(pg_catalog.format('qlm.%s', name)::pg_catalog.regclass, '');
	END LOOP;
	/* What belongs to WebSocket connections ends with them. */
	PERFORM pg_catalog.pg_extension_config_dump('qlm.outbox', $w$WHERE (url LIKE 'ws:%') IS NOT TRUE$w$);
	PERFORM pg_catalog.pg_extension_config_dump('qlm.gathering', $w$WHERE callback NOT LIKE 'ws:%'$w$);
	PERFORM pg_catalog.pg_extension_config_dump('qlm.subscription', $w$WHERE (callback LIKE 'ws:%') IS NOT TRUE$w$);
	PERFORM pg_catalog.pg_extension_config_dump('qlm.subscription_target',
		$w$WHERE request_id NOT IN (SELECT s.request_id FROM qlm.subscription AS s WHERE s.callback LIKE 'ws:%')$w$);
	PERFORM pg_catalog.pg_extension_config_dump('qlm.forwarding',
		$w$WHERE request_id NOT IN (SELECT s.request_id FROM qlm.subscription AS s WHERE s.callback LIKE 'ws:%')$w$);
END
$$;
