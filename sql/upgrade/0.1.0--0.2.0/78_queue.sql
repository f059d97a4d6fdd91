/* The queue: what is asked for under a number counts, not the number alone. */
SET LOCAL search_path = pg_catalog, pg_temp;

ALTER TABLE qlm.executed ADD COLUMN content text NOT NULL DEFAULT '';
DROP INDEX qlm.executed_request_id_idx;
CREATE UNIQUE INDEX executed_request_id_idx ON qlm.executed (peer_id, request_id, content) WHERE peer_id > 0;
COMMENT ON TABLE qlm.executed IS 'requests executed in the last ten minutes: one that comes again is answered and not executed again';
COMMENT ON COLUMN qlm.executed.content IS 'hash of what was asked for: another request may come under the same requestID; empty: any';
