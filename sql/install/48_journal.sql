/* The journal: envelopes that came, and their answers. */

-- A new node only
CREATE SEQUENCE qlm.journal_seq;
-- Every node
ALTER SEQUENCE qlm.journal_seq OWNER TO qlm_owner;
COMMENT ON SEQUENCE qlm.journal_seq IS 'numbers of entries of the journal';
GRANT USAGE ON SEQUENCE qlm.journal_seq TO qlm_admin;
SELECT pg_catalog.pg_extension_config_dump('qlm.journal_seq', '');

-- A new node only
CREATE TABLE qlm.journal (
	journal_no bigint PRIMARY KEY DEFAULT pg_catalog.nextval('qlm.journal_seq'),
	at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	direction text NOT NULL CHECK (direction IN ('in', 'out')),
	peer text,
	verb text,
	return_code int,
	envelope text,
	duration interval
);
-- Every node
ALTER TABLE qlm.journal OWNER TO qlm_owner;
COMMENT ON TABLE qlm.journal IS 'envelopes that came, and their answers, as the setting qlm.log_messages asks';
COMMENT ON COLUMN qlm.journal.journal_no IS 'number of the entry';
COMMENT ON COLUMN qlm.journal.at IS 'when it came, or was answered';
COMMENT ON COLUMN qlm.journal.direction IS 'in: came to this node; out: left it as the answer';
COMMENT ON COLUMN qlm.journal.peer IS 'the peer that asked; null: not known';
COMMENT ON COLUMN qlm.journal.verb IS 'its first verb';
COMMENT ON COLUMN qlm.journal.return_code IS 'return code of the first result of the answer';
COMMENT ON COLUMN qlm.journal.envelope IS 'the envelope, with *** for the secrets in it; null: it was no text';
COMMENT ON COLUMN qlm.journal.duration IS 'how long the answer took; null: it came';
GRANT SELECT, INSERT, UPDATE, DELETE ON qlm.journal TO qlm_admin;
SELECT pg_catalog.pg_extension_config_dump('qlm.journal', '');
