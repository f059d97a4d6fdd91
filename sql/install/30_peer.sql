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
