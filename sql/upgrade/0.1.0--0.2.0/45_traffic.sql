/* What one caller may take: see "asker" in the queue. */

CREATE INDEX outbox_seq_idx ON qlm.outbox (seq) WHERE state = 'queued';
CREATE INDEX outbox_large_idx ON qlm.outbox (seq)
	WHERE state NOT IN ('queued', 'sent')
	AND pg_catalog.octet_length(envelope) + pg_catalog.octet_length(COALESCE(answer, '')) > 65536;
COMMENT ON COLUMN qlm.outbox.asker_role IS 'role of whoever asked for it in a message, or subscribed to it; null: nobody did';
COMMENT ON COLUMN qlm.outbox.asker_peer IS 'peer that asked for it or subscribed to it; null: nobody did, or an SQL session or an anonymous caller';
