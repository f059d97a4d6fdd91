/* Messages that leave, until they have ended; and answers that wait for what they bring. */

-- A new node only
CREATE SEQUENCE qlm.outbox_seq;
-- Every node
ALTER SEQUENCE qlm.outbox_seq OWNER TO qlm_owner;
COMMENT ON SEQUENCE qlm.outbox_seq IS 'order in which messages were queued';
GRANT USAGE ON SEQUENCE qlm.outbox_seq TO qlm_admin;
SELECT pg_catalog.pg_extension_config_dump('qlm.outbox_seq', '');

-- A new node only
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
	peer_id int NOT NULL DEFAULT 0,
	asker_peer_id int NOT NULL DEFAULT 0,
	asker_role_id bigint NOT NULL DEFAULT 0,
	deliveries int NOT NULL DEFAULT 0,
	in_order boolean NOT NULL DEFAULT false,
	CONSTRAINT outbox_has_peer_or_url CHECK (peer IS NOT NULL OR url IS NOT NULL)
);
CREATE INDEX outbox_peer_idx ON qlm.outbox (peer_id, priority DESC, seq)
	WHERE state IN ('queued', 'sent') AND url IS NULL;
CREATE INDEX outbox_peer_url_idx ON qlm.outbox (peer_id, priority DESC, seq)
	WHERE state IN ('queued', 'sent') AND url IS NOT NULL AND peer_id <> 0;
CREATE INDEX outbox_url_idx ON qlm.outbox (url, peer_id, priority DESC, seq)
	WHERE state IN ('queued', 'sent') AND url IS NOT NULL;
CREATE INDEX outbox_unanswered_idx ON qlm.outbox (peer_id, sent_at)
	WHERE state = 'sent' AND kind = 'request' AND url IS NULL;
CREATE INDEX outbox_in_order_idx ON qlm.outbox (peer_id, priority DESC, seq)
	WHERE state IN ('queued', 'sent') AND in_order;
CREATE INDEX outbox_next_attempt_at_idx ON qlm.outbox (next_attempt_at) WHERE state = 'sent';
CREATE INDEX outbox_unacknowledged_idx ON qlm.outbox (peer_id)
	WHERE state = 'sent' AND kind = 'response' AND NOT posting;
CREATE INDEX outbox_subscription_idx ON qlm.outbox (subscription_id, seq)
	WHERE state = 'queued' AND subscription_id IS NOT NULL;
CREATE INDEX outbox_subscription_sent_idx ON qlm.outbox (subscription_id)
	WHERE state = 'sent' AND subscription_id IS NOT NULL;
CREATE INDEX outbox_asker_idx ON qlm.outbox (asker_peer_id, asker_role_id)
	WHERE state IN ('queued', 'sent') AND asker_role IS NOT NULL;
CREATE INDEX outbox_seq_idx ON qlm.outbox (seq) WHERE state = 'queued';
CREATE INDEX outbox_finished_idx ON qlm.outbox (kind, seq) WHERE state NOT IN ('queued', 'sent');
CREATE INDEX outbox_large_idx ON qlm.outbox (seq)
	WHERE state NOT IN ('queued', 'sent')
	AND pg_catalog.octet_length(envelope) + pg_catalog.octet_length(COALESCE(answer, '')) > 65536;
CREATE INDEX outbox_expires_at_idx ON qlm.outbox (expires_at) WHERE state IN ('queued', 'sent');
CREATE INDEX outbox_awaited_by_idx ON qlm.outbox (awaited_by, seq) WHERE awaited_by IS NOT NULL;
CREATE INDEX outbox_awaited_ended_idx ON qlm.outbox (seq)
	WHERE state NOT IN ('queued', 'sent') AND awaited_by IS NOT NULL;
CREATE INDEX outbox_awaited_end_idx ON qlm.outbox (expires_at)
	WHERE state IN ('queued', 'sent') AND awaited_by IS NOT NULL;
-- Every node
ALTER TABLE qlm.outbox OWNER TO qlm_owner;
COMMENT ON TABLE qlm.outbox IS 'messages for peers, URLs and WebSockets that wait to leave or to be answered, and the newest of those that have ended';
COMMENT ON COLUMN qlm.outbox.message_id IS 'its requestID, by which others know the outbox row';
COMMENT ON COLUMN qlm.outbox.seq IS 'order in which messages were queued';
COMMENT ON COLUMN qlm.outbox.peer IS 'name of the peer it is for; null: whoever answers at the url';
COMMENT ON COLUMN qlm.outbox.url IS 'where it is to be posted, or ~ and the name of a WebSocket connection to this node; null: it waits for the peer to call';
COMMENT ON COLUMN qlm.outbox.kind IS 'request: wants an answer; response: data for a callback';
COMMENT ON COLUMN qlm.outbox.envelope IS 'the message';
COMMENT ON COLUMN qlm.outbox.state IS 'queued, sent (handed over, not answered yet), answered, failed, expired, cancelled';
COMMENT ON COLUMN qlm.outbox.priority IS 'higher leaves earlier';
COMMENT ON COLUMN qlm.outbox.subscription_id IS 'the subscription whose data it carries';
COMMENT ON COLUMN qlm.outbox.created_at IS 'when it was queued';
COMMENT ON COLUMN qlm.outbox.expires_at IS 'when its ttl ends';
COMMENT ON COLUMN qlm.outbox.attempts IS 'how often it has left, or was tried in vain';
COMMENT ON COLUMN qlm.outbox.deliveries IS 'how often it was handed over, or taken where it was posted, without an answer so far';
COMMENT ON COLUMN qlm.outbox.in_order IS 'it keeps its place among the requests of its peer: it leaves when all before it have ended, and none behind it leaves before it has ended';
COMMENT ON COLUMN qlm.outbox.next_attempt_at IS 'not to be sent again before; a peer that calls gets what is queued at once';
COMMENT ON COLUMN qlm.outbox.sent_at IS 'when it last left';
COMMENT ON COLUMN qlm.outbox.answered_at IS 'when its answer came';
COMMENT ON COLUMN qlm.outbox.return_code IS 'return code of the answer';
COMMENT ON COLUMN qlm.outbox.answer IS 'the answer, an envelope';
COMMENT ON COLUMN qlm.outbox.last_error IS 'why it failed last';
COMMENT ON COLUMN qlm.outbox.posting IS 'it is just being posted, or waits for those before it';
COMMENT ON COLUMN qlm.outbox.dropped IS 'it tells that so many messages were dropped before it';
COMMENT ON COLUMN qlm.outbox.asker_role IS 'role of whoever asked for it in a message, or subscribed to it; null: nobody did';
COMMENT ON COLUMN qlm.outbox.asker_peer IS 'peer that asked for it or subscribed to it; null: nobody did, or an SQL session or an anonymous caller';
COMMENT ON COLUMN qlm.outbox.node IS 'it was sent on: the node as the nodeList named it';
COMMENT ON COLUMN qlm.outbox.sent_as IS 'cancelled, since it left under this number before its transaction ended';
COMMENT ON COLUMN qlm.outbox.awaited_by IS 'the gathering or forwarded subscription that is still to be told how it ended';
COMMENT ON COLUMN qlm.outbox.peer_id IS 'number of the peer; 0: of none; -1: there was none of this name';
COMMENT ON COLUMN qlm.outbox.asker_peer_id IS 'number of the peer that asked for it; 0: of none; -1: there was none of this name';
COMMENT ON COLUMN qlm.outbox.asker_role_id IS 'which role asked for it, as in qlm.peer.role_id';
/* Who has asked for what is not an administrator's to say. */
GRANT SELECT, DELETE ON qlm.outbox TO qlm_admin;
GRANT INSERT (message_id, peer, url, kind, envelope, state, priority, subscription_id, created_at, expires_at, attempts, next_attempt_at,
		sent_at, answered_at, return_code, answer, last_error, in_order),
	UPDATE (peer, url, kind, envelope, state, priority, subscription_id, created_at, expires_at, attempts, next_attempt_at, sent_at, answered_at,
		return_code, answer, last_error, in_order)
	ON qlm.outbox TO qlm_admin;
/* What belongs to WebSocket connections ends with them. */
SELECT pg_catalog.pg_extension_config_dump('qlm.outbox', $$WHERE (url LIKE '~%') IS NOT TRUE$$);

CREATE OR REPLACE FUNCTION qlm.awaited_ended() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_trigger_awaited_ended';
COMMENT ON FUNCTION qlm.awaited_ended() IS 'wakes the dispatcher, which takes up what waited for the message';

CREATE OR REPLACE TRIGGER awaited_ended AFTER UPDATE OF state ON qlm.outbox
	FOR EACH ROW WHEN (NEW.awaited_by IS NOT NULL AND NEW.state NOT IN ('queued', 'sent'))
	EXECUTE FUNCTION qlm.awaited_ended();
COMMENT ON TRIGGER awaited_ended ON qlm.outbox IS 'tells the dispatcher of the end of a message that something waits for';

-- A new node only
CREATE TABLE qlm.gathering (
	request_id bigint PRIMARY KEY,
	role name NOT NULL,
	peer text,
	callback text NOT NULL,
	envelope text NOT NULL,
	dialect text NOT NULL,
	ttl float8 NOT NULL,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	peer_id int NOT NULL DEFAULT 0,
	role_id bigint NOT NULL DEFAULT 0
);
CREATE INDEX gathering_owner_idx ON qlm.gathering (peer_id, role_id);
CREATE INDEX gathering_connection_idx ON qlm.gathering (callback) WHERE callback LIKE '~%';
-- Every node
ALTER TABLE qlm.gathering OWNER TO qlm_owner;
COMMENT ON TABLE qlm.gathering IS 'requests with a callback that were sent on: what goes there once all messages have ended that they wait for';
COMMENT ON COLUMN qlm.gathering.request_id IS 'the requestID that the caller was told';
COMMENT ON COLUMN qlm.gathering.role IS 'role of whoever asked';
COMMENT ON COLUMN qlm.gathering.peer IS 'peer that asked; null: an SQL session or an anonymous caller';
COMMENT ON COLUMN qlm.gathering.callback IS 'where the answer goes: URL, or ~ and the name of a WebSocket connection to this node';
COMMENT ON COLUMN qlm.gathering.envelope IS 'the answer if nobody answered; a result with the number of a message stands for what that brings';
COMMENT ON COLUMN qlm.gathering.dialect IS 'dialect of the answer';
COMMENT ON COLUMN qlm.gathering.ttl IS 'ttl of the request';
COMMENT ON COLUMN qlm.gathering.created_at IS 'when it was asked for';
COMMENT ON COLUMN qlm.gathering.peer_id IS 'number of the peer; 0: of none; -1: there was none of this name';
COMMENT ON COLUMN qlm.gathering.role_id IS 'which role that is, as in qlm.peer.role_id';
GRANT SELECT, DELETE ON qlm.gathering TO qlm_admin;
SELECT pg_catalog.pg_extension_config_dump('qlm.gathering', $$WHERE callback NOT LIKE '~%'$$);
