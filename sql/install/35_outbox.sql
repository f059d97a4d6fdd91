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
	CHECK (peer IS NOT NULL OR url IS NOT NULL)
);
CREATE INDEX outbox_peer_idx ON qlm.outbox (peer, priority DESC, seq)
	WHERE state IN ('queued', 'sent') AND url IS NULL;
CREATE INDEX outbox_peer_url_idx ON qlm.outbox (peer, priority DESC, seq)
	WHERE state IN ('queued', 'sent') AND url IS NOT NULL AND peer IS NOT NULL;
CREATE INDEX outbox_url_idx ON qlm.outbox (url, priority DESC, seq)
	WHERE state IN ('queued', 'sent') AND url IS NOT NULL;
CREATE INDEX outbox_next_attempt_at_idx ON qlm.outbox (next_attempt_at) WHERE state = 'sent';
CREATE INDEX outbox_subscription_idx ON qlm.outbox (subscription_id, seq)
	WHERE state = 'queued' AND subscription_id IS NOT NULL;
CREATE INDEX outbox_asker_idx ON qlm.outbox (asker_peer, asker_role)
	WHERE state IN ('queued', 'sent') AND asker_role IS NOT NULL;
CREATE INDEX outbox_finished_idx ON qlm.outbox (kind, seq) WHERE state NOT IN ('queued', 'sent');
CREATE INDEX outbox_expires_at_idx ON qlm.outbox (expires_at) WHERE state IN ('queued', 'sent');
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
