/* The journal of envelopes. */

-- A new node only
CREATE SEQUENCE qlm.message_seq;
-- Every node
ALTER SEQUENCE qlm.message_seq OWNER TO qlm_owner;
COMMENT ON SEQUENCE qlm.message_seq IS 'numbers of journal entries';
GRANT USAGE ON SEQUENCE qlm.message_seq TO qlm_admin;
SELECT pg_catalog.pg_extension_config_dump('qlm.message_seq', '');

-- A new node only
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
-- Every node
ALTER TABLE qlm.message OWNER TO qlm_owner;
COMMENT ON TABLE qlm.message IS 'journal of envelopes, as qlm.log_messages asks';
COMMENT ON COLUMN qlm.message.message_no IS 'number of the entry';
COMMENT ON COLUMN qlm.message.at IS 'when';
COMMENT ON COLUMN qlm.message.direction IS 'in or out';
COMMENT ON COLUMN qlm.message.peer IS 'whose it was; null: not known';
COMMENT ON COLUMN qlm.message.verb IS 'first verb';
COMMENT ON COLUMN qlm.message.return_code IS 'return code of the first result';
COMMENT ON COLUMN qlm.message.envelope IS 'the message, without credentials';
COMMENT ON COLUMN qlm.message.duration IS 'time to answer';
GRANT SELECT, INSERT, UPDATE, DELETE ON qlm.message TO qlm_admin;
SELECT pg_catalog.pg_extension_config_dump('qlm.message', '');
