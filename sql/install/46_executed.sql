/* Requests that were executed already, so that one which comes again is not executed again. */

-- A new node only
CREATE TABLE qlm.executed (
	peer text NOT NULL,
	request_id text NOT NULL,
	answer text NOT NULL,
	executed_at timestamptz NOT NULL,
	peer_id int NOT NULL DEFAULT 0,
	content text NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX executed_request_id_idx ON qlm.executed (peer_id, request_id, content) WHERE peer_id > 0;
CREATE INDEX executed_executed_at_idx ON qlm.executed (executed_at);
-- Every node
/* Rows of peers that are gone have no key. */
ALTER TABLE qlm.executed REPLICA IDENTITY FULL;
ALTER TABLE qlm.executed OWNER TO qlm_owner;
COMMENT ON TABLE qlm.executed IS 'requests executed in the last ten minutes: one that comes again is answered and not executed again';
COMMENT ON COLUMN qlm.executed.peer IS 'the peer that asked';
COMMENT ON COLUMN qlm.executed.request_id IS 'the requestID it gave; of a long one a hash';
COMMENT ON COLUMN qlm.executed.answer IS 'the answer it got';
COMMENT ON COLUMN qlm.executed.executed_at IS 'when it was executed';
COMMENT ON COLUMN qlm.executed.peer_id IS 'number of the peer; -1: there was none of this name';
COMMENT ON COLUMN qlm.executed.content IS 'hash of what was asked for: another request may come under the same requestID; empty: any';
GRANT SELECT, DELETE ON qlm.executed TO qlm_admin;
GRANT INSERT (peer, request_id, answer, executed_at), UPDATE (peer, request_id, answer, executed_at) ON qlm.executed TO qlm_admin;
SELECT pg_catalog.pg_extension_config_dump('qlm.executed', '');
