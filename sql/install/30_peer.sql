/* What is right in a peer's row, and how what an administrator writes becomes so. */

CREATE FUNCTION qlm.credential_hash(secret text) RETURNS text
	LANGUAGE c VOLATILE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_credential_hash';
COMMENT ON FUNCTION qlm.credential_hash(text) IS 'salted hash of a secret, for qlm.peer.credential';

CREATE FUNCTION qlm.path_normal(path text) RETURNS text
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_path_normal';
COMMENT ON FUNCTION qlm.path_normal(text) IS 'a path as it is stored; an error for what is no path';

CREATE FUNCTION qlm.dialect_is_known(dialect text) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_dialect_is_known';
COMMENT ON FUNCTION qlm.dialect_is_known(text) IS 'whether messages can be written in this dialect: Q0 Q1 QP M0 M1a M1b M2';

CREATE FUNCTION qlm.url_is_http(url text) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_url_is_http_sql';
COMMENT ON FUNCTION qlm.url_is_http(text) IS 'whether it is an absolute http or https URL with a host, and a port that exists if any';

CREATE FUNCTION qlm.url_is_proxy(url text) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_url_is_proxy_sql';
COMMENT ON FUNCTION qlm.url_is_proxy(text) IS 'whether it is the URL of a proxy: http, https, socks5 or socks5h with a host, and a port that exists if any';

CREATE FUNCTION qlm.credential_is_hash(credential text) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_credential_is_hash';
COMMENT ON FUNCTION qlm.credential_is_hash(text) IS 'whether it is a hash that qlm.credential_hash gives';

CREATE FUNCTION qlm.paths_are_stored(paths text[]) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_paths_are_stored';
COMMENT ON FUNCTION qlm.paths_are_stored(text[]) IS 'whether all are paths as qlm.path_normal gives them';

CREATE SEQUENCE qlm.peer_seq AS int;
COMMENT ON SEQUENCE qlm.peer_seq IS 'numbers of peers';

CREATE TABLE qlm.peer (
	peer_id int PRIMARY KEY DEFAULT pg_catalog.nextval('qlm.peer_seq') CONSTRAINT peer_peer_id_check CHECK (peer_id > 0),
	name text NOT NULL UNIQUE CHECK (name <> '' AND name !~ '[/:[:space:][:cntrl:]]'),
	url text COLLATE "C" CONSTRAINT peer_url_check CHECK (qlm.url_is_http(url) AND pg_catalog.octet_length(url) <= 2000),
	role name DEFAULT 'qlm_reader',
	credential text CONSTRAINT peer_credential_check CHECK (qlm.credential_is_hash(credential)),
	paths text[] NOT NULL DEFAULT '{}' CONSTRAINT peer_paths_check CHECK (qlm.paths_are_stored(paths)),
	piggyback boolean,
	heartbeat interval CONSTRAINT peer_heartbeat_check CHECK (heartbeat > '0'),
	dialect text CONSTRAINT peer_dialect_check CHECK (qlm.dialect_is_known(dialect)),
	echoes_ids boolean NOT NULL DEFAULT false,
	acknowledges boolean NOT NULL DEFAULT false,
	last_seen timestamptz,
	last_success timestamptz,
	last_failure timestamptz,
	last_error text,
	secret text CHECK (secret !~ '[[:cntrl:]]'),
	form boolean NOT NULL DEFAULT false,
	by_name boolean,
	role_id bigint NOT NULL DEFAULT 0,
	in_order boolean NOT NULL DEFAULT false,
	spoken text,
	tried_at timestamptz,
	tried_with bigint,
	takes_nested boolean,
	proxy text CONSTRAINT peer_proxy_check CHECK (proxy = '' OR qlm.url_is_proxy(proxy) AND pg_catalog.octet_length(proxy) <= 2000),
	redirects boolean NOT NULL DEFAULT false,
	hold interval,
	hold_cut_at timestamptz,
	hold_cut_after interval,
	hold_cut_by text,
	called_at timestamptz,
	called_through text,
	called_address text,
	call_code int,
	call_words text
);
CREATE INDEX peer_url_idx ON qlm.peer (url) WHERE url IS NOT NULL;
COMMENT ON TABLE qlm.peer IS 'other nodes that this node knows';
COMMENT ON COLUMN qlm.peer.peer_id IS 'its number, by which all other tables know it; none is given twice';
COMMENT ON COLUMN qlm.peer.name IS 'its name here, in URLs and as the user of HTTP Basic; may be changed';
COMMENT ON COLUMN qlm.peer.url IS 'where it can be called; null: it cannot be reached';
COMMENT ON COLUMN qlm.peer.role IS 'database role whose rights its messages have; null: it was dropped, so it has none';
COMMENT ON COLUMN qlm.peer.credential IS 'salted hash of its secret; null: it has none, see by_name';
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
COMMENT ON COLUMN qlm.peer.in_order IS 'its requests leave one after the other, each when those before it have ended; else one that is not answered lets others pass';
COMMENT ON COLUMN qlm.peer.spoken IS 'dialect of its last message, to some seconds';
COMMENT ON COLUMN qlm.peer.tried_at IS 'when it was tried whether a peer that speaks O-MI takes piggy-backed requests; null: not yet, or again';
COMMENT ON COLUMN qlm.peer.tried_with IS 'the message that it was tried with';
COMMENT ON COLUMN qlm.peer.takes_nested IS 'what came of that: true: it has answered; false: it has refused it, or called again without an answer, and gets no more; null: not known';
COMMENT ON COLUMN qlm.peer.by_name IS 'whether its name in the URL, its URL as callback or its Objects are enough to be taken for it, where it has no credential; null: only while this node neither calls it nor shows it a secret';
COMMENT ON COLUMN qlm.peer.role_id IS 'which role that is, whatever its name: its OID, with a mark of this cluster in the upper half; of another cluster, or 0: that of the name';
COMMENT ON COLUMN qlm.peer.proxy IS 'URL of the proxy through which this node calls it, with the secret for that; empty: none; null: as qlm.proxy says';
COMMENT ON COLUMN qlm.peer.redirects IS 'whether HTTP statuses 307 and 308 are followed when this node calls it';
COMMENT ON COLUMN qlm.peer.hold IS 'for how long calls ask it to hold them, as the way there has let them; null: it was not called yet';
COMMENT ON COLUMN qlm.peer.hold_cut_at IS 'when something on the way last ended a call that was held';
COMMENT ON COLUMN qlm.peer.hold_cut_after IS 'how long that had been held';
COMMENT ON COLUMN qlm.peer.hold_cut_by IS 'what ended it, as far as it is known';
COMMENT ON COLUMN qlm.peer.called_at IS 'when this node last called it, to some seconds';
COMMENT ON COLUMN qlm.peer.called_through IS 'the proxy that this went through, without its secret; null: none';
COMMENT ON COLUMN qlm.peer.called_address IS 'address and port that it was connected to, of the proxy where there is one; null: it was not';
COMMENT ON COLUMN qlm.peer.call_code IS 'HTTP status of the answer; null: there was none';
COMMENT ON COLUMN qlm.peer.call_words IS 'what the answer was, or why there was none';
