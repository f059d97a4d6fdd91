/*
 * Other nodes that this node knows.  A peer is one thing: its row.  What other tables hold of it
 * follows, however the row is changed; they know it by its number.
 */

-- A new node only
CREATE SEQUENCE qlm.peer_seq AS int;
-- Every node
ALTER SEQUENCE qlm.peer_seq OWNER TO qlm_owner;
COMMENT ON SEQUENCE qlm.peer_seq IS 'numbers of peers';
GRANT USAGE ON SEQUENCE qlm.peer_seq TO qlm_admin;
SELECT pg_catalog.pg_extension_config_dump('qlm.peer_seq', '');

-- A new node only
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
	called_status int,
	called_answer text
);
CREATE INDEX peer_url_idx ON qlm.peer (url) WHERE url IS NOT NULL;
-- Every node
ALTER TABLE qlm.peer OWNER TO qlm_owner;
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
COMMENT ON COLUMN qlm.peer.last_error IS 'why it failed at last_failure; stays after a success';
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
COMMENT ON COLUMN qlm.peer.called_status IS 'HTTP status of the answer; null: there was none';
COMMENT ON COLUMN qlm.peer.called_answer IS 'what the answer was, or why there was none';
/* Numbers of peers are this node's to give. */
GRANT SELECT (peer_id, name) ON qlm.peer TO qlm_reader;
GRANT SELECT, DELETE ON qlm.peer TO qlm_admin;
GRANT INSERT (name, url, role, credential, paths, piggyback, heartbeat, dialect, echoes_ids, acknowledges, secret, form, by_name, in_order, proxy, redirects),
	UPDATE (name, url, role, credential, paths, piggyback, heartbeat, dialect, echoes_ids, acknowledges, secret, form, by_name, in_order, proxy, redirects,
		tried_at, takes_nested, last_seen, last_success, last_failure, last_error)
	ON qlm.peer TO qlm_admin;
SELECT pg_catalog.pg_extension_config_dump('qlm.peer', '');

CREATE OR REPLACE FUNCTION qlm.check_peer() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_trigger_check_peer';
COMMENT ON FUNCTION qlm.check_peer() IS 'refuses changes of peers by who is no member of their roles, before and after';

CREATE OR REPLACE TRIGGER check_peer BEFORE INSERT OR UPDATE OR DELETE ON qlm.peer
	FOR EACH ROW EXECUTE FUNCTION qlm.check_peer();
COMMENT ON TRIGGER check_peer ON qlm.peer IS 'nobody gives or takes more rights than he has';
CREATE OR REPLACE TRIGGER check_peer_all BEFORE TRUNCATE ON qlm.peer
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.check_peer();
COMMENT ON TRIGGER check_peer_all ON qlm.peer IS 'nobody removes peers with more rights than he has';

/* Columns that only say how a peer or a subscription is doing are left out. */
CREATE OR REPLACE TRIGGER peer_changed
	AFTER INSERT OR DELETE OR TRUNCATE
		OR UPDATE OF peer_id, name, url, role, role_id, credential, paths, piggyback, heartbeat, dialect, echoes_ids, acknowledges, secret, form, by_name, in_order, proxy, redirects, tried_at, takes_nested
	ON qlm.peer
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.configuration_changed();
COMMENT ON TRIGGER peer_changed ON qlm.peer IS 'tells all processes';
ALTER TABLE qlm.peer ENABLE ALWAYS TRIGGER peer_changed;

CREATE OR REPLACE FUNCTION qlm.peer_renamed() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_trigger_peer_renamed';
COMMENT ON FUNCTION qlm.peer_renamed() IS 'changes the name of a peer in all that belongs to it';

CREATE OR REPLACE TRIGGER peer_renamed AFTER UPDATE ON qlm.peer
	FOR EACH ROW WHEN (OLD.name IS DISTINCT FROM NEW.name)
	EXECUTE FUNCTION qlm.peer_renamed();
COMMENT ON TRIGGER peer_renamed ON qlm.peer IS 'other tables follow its name';

CREATE OR REPLACE FUNCTION qlm.peer_gone() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_trigger_peer_gone';
COMMENT ON FUNCTION qlm.peer_gone() IS 'cancels what waits for peers that are gone, and ends their subscriptions and those made there';

CREATE OR REPLACE TRIGGER peer_gone AFTER DELETE OR TRUNCATE ON qlm.peer
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.peer_gone();
COMMENT ON TRIGGER peer_gone ON qlm.peer IS 'what belongs to a peer goes with it';

CREATE OR REPLACE FUNCTION qlm.peer_added() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_trigger_peer_added';
COMMENT ON FUNCTION qlm.peer_added() IS 'finds what came before its peer from a dump of a release that knew peers by name';

CREATE OR REPLACE TRIGGER peer_added AFTER INSERT ON qlm.peer
	REFERENCING NEW TABLE AS new_peers
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.peer_added();
COMMENT ON TRIGGER peer_added ON qlm.peer IS 'gives peers of older dumps what is theirs';

CREATE OR REPLACE FUNCTION qlm.peer_name(peer_id int) RETURNS text
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'qlm_sql_peer_name';
COMMENT ON FUNCTION qlm.peer_name(int) IS 'the name of a peer; null: there is none with this number';
GRANT EXECUTE ON FUNCTION qlm.peer_name(int) TO qlm_reader;

CREATE OR REPLACE FUNCTION @extschema@.qlm_add_peer(name text, url text DEFAULT NULL, role name DEFAULT 'qlm_reader',
										 credential text DEFAULT NULL, paths text[] DEFAULT '{}',
										 piggyback boolean DEFAULT NULL, heartbeat interval DEFAULT NULL,
										 dialect text DEFAULT NULL, secret text DEFAULT NULL,
										 form boolean DEFAULT false, by_name boolean DEFAULT NULL,
										 in_order boolean DEFAULT false, proxy text DEFAULT NULL,
										 redirects boolean DEFAULT false) RETURNS int
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	id int;
BEGIN
	IF coalesce(qlm_add_peer.name, '') = '' OR qlm_add_peer.name ~ '[/:[:space:][:cntrl:]]' THEN
		RAISE EXCEPTION '"%" cannot be the name of a peer', qlm_add_peer.name
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'It stands in URLs and in credentials: no blanks, slashes or colons.';
	END IF;
	IF EXISTS (SELECT FROM qlm.peer AS p WHERE p.name = qlm_add_peer.name) THEN
		RAISE EXCEPTION 'peer "%" already exists', qlm_add_peer.name
			USING ERRCODE = 'duplicate_object',
				HINT = 'Change its row in qlm.peer, or drop it with qlm_drop_peer.';
	END IF;
	IF NOT pg_has_role(qlm_add_peer.role, 'MEMBER') THEN
		RAISE EXCEPTION 'a peer cannot have role "%": you are not a member of it', qlm_add_peer.role
			USING ERRCODE = 'insufficient_privilege';
	END IF;
	IF NOT qlm.dialect_is_known(qlm_add_peer.dialect) THEN
		RAISE EXCEPTION 'dialect "%" does not exist', qlm_add_peer.dialect
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Dialects are Q0, Q1, QP, M0, M1a, M1b and M2.';
	END IF;
	IF qlm_add_peer.url !~* '^https?://' THEN
		RAISE EXCEPTION 'the URL of a peer must begin with http:// or https://'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF NOT qlm.url_is_http(qlm_add_peer.url) THEN
		RAISE EXCEPTION 'the URL of a peer needs a host, and a port from 1 to 65535 if any'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = format('It is "%s".', left(qlm_add_peer.url, 200));
	END IF;
	IF octet_length(qlm_add_peer.url) > 2000 THEN
		RAISE EXCEPTION 'the URL of a peer must not be longer than 2000 bytes'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF qlm_add_peer.secret ~ '[[:cntrl:]]' THEN
		RAISE EXCEPTION 'a secret must not hold control characters'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF qlm_add_peer.proxy <> '' AND (NOT qlm.url_is_proxy(qlm_add_peer.proxy) OR octet_length(qlm_add_peer.proxy) > 2000) THEN
		RAISE EXCEPTION 'the proxy of a peer must be a URL of http, https, socks5 or socks5h with a host, or empty'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'As in "http://user:secret@proxy.example:3128". What else than letters and digits is in the secret is written as %XX.';
	END IF;
	INSERT INTO qlm.peer AS p (name, url, role, credential, paths, piggyback, heartbeat, dialect, secret, form, by_name, in_order, proxy,
							   redirects)
	VALUES (qlm_add_peer.name, qlm_add_peer.url, qlm_add_peer.role,
			qlm.credential_hash(qlm_add_peer.credential),
			(SELECT coalesce(array_agg(qlm.path_normal(path)), '{}') FROM unnest(qlm_add_peer.paths) AS path),
			qlm_add_peer.piggyback, qlm_add_peer.heartbeat, qlm_add_peer.dialect, qlm_add_peer.secret,
			coalesce(qlm_add_peer.form, false), qlm_add_peer.by_name, coalesce(qlm_add_peer.in_order, false),
			qlm_add_peer.proxy, coalesce(qlm_add_peer.redirects, false))
	RETURNING p.peer_id INTO id;
	IF qlm_add_peer.dialect LIKE 'M%' AND qlm_add_peer.piggyback IS NULL AND qlm_add_peer.url IS NULL THEN
		RAISE NOTICE 'peer "%" speaks O-MI, and may not take requests nested in answers to it', qlm_add_peer.name
			USING HINT = 'The first one tries it. Set piggyback to true if it takes them, to false if it does not.';
	END IF;
	RETURN id;
END
$$;
COMMENT ON FUNCTION @extschema@.qlm_add_peer(text, text, name, text, text[], boolean, interval, text, text, boolean, boolean, boolean, text, boolean) IS 'make another node known; role: whose rights its messages have; credential: the secret that it shows; paths: Objects that it owns; heartbeat: how often to call it; secret: what it is shown; form: post to it as form field msg; by_name: whether its name is enough to be taken for it, by default only if it has none of credential, url, heartbeat and secret; in_order: its requests leave one after the other, each when those before it have ended; proxy: through which it is called, by default as qlm.proxy says, empty: none; redirects: follow 307 and 308; returns its number';
GRANT EXECUTE ON FUNCTION @extschema@.qlm_add_peer(text, text, name, text, text[], boolean, interval, text, text, boolean, boolean, boolean, text, boolean) TO qlm_admin;

CREATE OR REPLACE FUNCTION @extschema@.qlm_drop_peer(name text) RETURNS boolean
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	DELETE FROM qlm.peer AS p WHERE p.name = qlm_drop_peer.name;
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION @extschema@.qlm_drop_peer(text) IS 'forget a peer, cancel what waits for it and end its subscriptions and those made there, as deleting its row does; false: there is none of this name';
GRANT EXECUTE ON FUNCTION @extschema@.qlm_drop_peer(text) TO qlm_admin;
