/* What the dispatcher knows of those it posts to, and what was executed. */

CREATE TABLE qlm.endpoint (
	url text COLLATE "C" NOT NULL,
	failures int NOT NULL DEFAULT 0,
	paused_until timestamptz,
	last_success timestamptz,
	last_failure timestamptz,
	last_error text,
	delivered bigint NOT NULL DEFAULT 0,
	attempts bigint NOT NULL DEFAULT 0,
	peer_id int NOT NULL DEFAULT 0,
	refusals int NOT NULL DEFAULT 0,
	refused bigint NOT NULL DEFAULT 0,
	pages bigint NOT NULL DEFAULT 0,
	last_page text,
	PRIMARY KEY (peer_id, url)
) WITH (fillfactor = 50);
CREATE INDEX endpoint_paused_until_idx ON qlm.endpoint (paused_until) WHERE paused_until IS NOT NULL;
COMMENT ON TABLE qlm.endpoint IS 'URLs that messages are posted to, and how they fare';
COMMENT ON COLUMN qlm.endpoint.url IS 'the URL';
COMMENT ON COLUMN qlm.endpoint.failures IS 'failures in a row after which the message is tried again';
COMMENT ON COLUMN qlm.endpoint.paused_until IS 'nothing is posted there before; null: it is not paused';
COMMENT ON COLUMN qlm.endpoint.last_success IS 'when a message last arrived';
COMMENT ON COLUMN qlm.endpoint.last_failure IS 'when a message last did not';
COMMENT ON COLUMN qlm.endpoint.last_error IS 'why, at last_failure; stays after a success';
COMMENT ON COLUMN qlm.endpoint.delivered IS 'messages that have arrived';
COMMENT ON COLUMN qlm.endpoint.attempts IS 'messages posted, whatever came of them';
COMMENT ON COLUMN qlm.endpoint.peer_id IS 'number of the peer whose messages go there; 0: of all who are no peers';
COMMENT ON COLUMN qlm.endpoint.refusals IS 'messages in a row that were refused for good';
COMMENT ON COLUMN qlm.endpoint.refused IS 'messages that were refused for good';
COMMENT ON COLUMN qlm.endpoint.pages IS 'answers to callbacks that were web pages';
COMMENT ON COLUMN qlm.endpoint.last_page IS 'first words of the last of them';

CREATE TABLE qlm.executed (
	peer text NOT NULL,
	request_id text NOT NULL,
	answer text NOT NULL,
	executed_at timestamptz NOT NULL,
	peer_id int NOT NULL DEFAULT 0,
	content text NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX executed_request_id_idx ON qlm.executed (peer_id, request_id, content) WHERE peer_id > 0;
/* Rows of peers that are gone have no key. */
ALTER TABLE qlm.executed REPLICA IDENTITY FULL;
CREATE INDEX executed_executed_at_idx ON qlm.executed (executed_at);
COMMENT ON TABLE qlm.executed IS 'requests executed in the last ten minutes: one that comes again is answered and not executed again';
COMMENT ON COLUMN qlm.executed.peer IS 'the peer that asked';
COMMENT ON COLUMN qlm.executed.request_id IS 'the requestID it gave; of a long one a hash';
COMMENT ON COLUMN qlm.executed.answer IS 'the answer it got';
COMMENT ON COLUMN qlm.executed.executed_at IS 'when';
COMMENT ON COLUMN qlm.executed.peer_id IS 'number of the peer; -1: there was none of this name';
COMMENT ON COLUMN qlm.executed.content IS 'hash of what was asked for: another request may come under the same requestID; empty: any';
