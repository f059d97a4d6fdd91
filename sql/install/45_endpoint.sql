/* What the dispatcher knows of those it posts to. */

-- A new node only
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
-- Every node
ALTER TABLE qlm.endpoint OWNER TO qlm_owner;
COMMENT ON TABLE qlm.endpoint IS 'URLs that messages are posted to, and how they fare';
COMMENT ON COLUMN qlm.endpoint.url IS 'the URL that is posted to';
COMMENT ON COLUMN qlm.endpoint.failures IS 'failures in a row after which the message is tried again';
COMMENT ON COLUMN qlm.endpoint.paused_until IS 'nothing is posted there before; null: it is not paused';
COMMENT ON COLUMN qlm.endpoint.last_success IS 'when a message last arrived';
COMMENT ON COLUMN qlm.endpoint.last_failure IS 'when a message last did not';
COMMENT ON COLUMN qlm.endpoint.last_error IS 'why it failed at last_failure; stays after a success';
COMMENT ON COLUMN qlm.endpoint.delivered IS 'messages that have arrived';
COMMENT ON COLUMN qlm.endpoint.attempts IS 'messages posted, whatever came of them';
COMMENT ON COLUMN qlm.endpoint.peer_id IS 'number of the peer whose messages go there; 0: of all who are no peers';
COMMENT ON COLUMN qlm.endpoint.refusals IS 'messages in a row that were refused for good';
COMMENT ON COLUMN qlm.endpoint.refused IS 'messages that were refused for good';
COMMENT ON COLUMN qlm.endpoint.pages IS 'answers to callbacks that were web pages';
COMMENT ON COLUMN qlm.endpoint.last_page IS 'first words of the last of them';
GRANT SELECT, INSERT, UPDATE, DELETE ON qlm.endpoint TO qlm_admin;
SELECT pg_catalog.pg_extension_config_dump('qlm.endpoint', '');
