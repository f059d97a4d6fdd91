/* Requests to peers, and the peers. */

CREATE FUNCTION @extschema@.qlm_read_envelope(path text, "begin" timestamptz DEFAULT NULL, "end" timestamptz DEFAULT NULL,
											  newest int DEFAULT NULL, oldest int DEFAULT NULL,
											  "interval" double precision DEFAULT NULL, callback text DEFAULT NULL,
											  details boolean DEFAULT false) RETURNS xml
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_read_envelope';
COMMENT ON FUNCTION @extschema@.qlm_read_envelope(text, timestamptz, timestamptz, int, int, double precision, text, boolean) IS 'an envelope that reads a path, with all that describes it and what lies below it if details is true, or subscribes to it if interval is given';

CREATE FUNCTION @extschema@.qlm_write_envelope(path text, value text, at timestamptz DEFAULT NULL, type text DEFAULT NULL) RETURNS xml
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_write_envelope';
COMMENT ON FUNCTION @extschema@.qlm_write_envelope(text, text, timestamptz, text) IS 'an envelope that writes a value; at: its time, by default now';

CREATE FUNCTION @extschema@.qlm_write_envelope(path text, value double precision, at timestamptz DEFAULT NULL, type text DEFAULT 'xs:double') RETURNS xml
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_write_envelope';
COMMENT ON FUNCTION @extschema@.qlm_write_envelope(text, double precision, timestamptz, text) IS 'an envelope that writes a number; at: its time, by default now';

CREATE FUNCTION @extschema@.qlm_write_envelope(path text, value numeric, at timestamptz DEFAULT NULL, type text DEFAULT 'xs:double') RETURNS xml
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_write_envelope';
COMMENT ON FUNCTION @extschema@.qlm_write_envelope(text, numeric, timestamptz, text) IS 'an envelope that writes a number; at: its time, by default now';

CREATE FUNCTION @extschema@.qlm_write_envelope(path text, value bigint, at timestamptz DEFAULT NULL, type text DEFAULT 'xs:double') RETURNS xml
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_write_envelope';
COMMENT ON FUNCTION @extschema@.qlm_write_envelope(text, bigint, timestamptz, text) IS 'an envelope that writes a number; at: its time, by default now';

CREATE FUNCTION @extschema@.qlm_write_envelope(path text, value boolean, at timestamptz DEFAULT NULL, type text DEFAULT 'xs:boolean') RETURNS xml
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_write_envelope';
COMMENT ON FUNCTION @extschema@.qlm_write_envelope(text, boolean, timestamptz, text) IS 'an envelope that writes true or false; at: its time, by default now';

CREATE FUNCTION @extschema@.qlm_write_envelope(path text, value jsonb, at timestamptz DEFAULT NULL, type text DEFAULT NULL) RETURNS xml
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_write_envelope';
COMMENT ON FUNCTION @extschema@.qlm_write_envelope(text, jsonb, timestamptz, text) IS 'an envelope that writes a JSON string, number or boolean as that, an object or an array as its text with the type json; at: its time, by default now';

CREATE FUNCTION @extschema@.qlm_request(peer text, envelope text, ttl interval DEFAULT '1 hour', priority int DEFAULT 0,
										in_order boolean DEFAULT NULL) RETURNS bigint
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_request';
COMMENT ON FUNCTION @extschema@.qlm_request(text, text, interval, int, boolean) IS 'queue a request for a peer; ttl: how long it may take, null: for ever; in_order: it leaves when all before it have ended, and none behind it before it has ended, null: as the peer''s row says; returns the requestID';

CREATE FUNCTION @extschema@.qlm_request(peer text, envelope xml, ttl interval DEFAULT '1 hour', priority int DEFAULT 0,
										in_order boolean DEFAULT NULL) RETURNS bigint
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_request';
COMMENT ON FUNCTION @extschema@.qlm_request(text, xml, interval, int, boolean) IS 'queue a request for a peer; ttl: how long it may take, null: for ever; in_order: it leaves when all before it have ended, and none behind it before it has ended, null: as the peer''s row says; returns the requestID';

CREATE FUNCTION @extschema@.qlm_await(request_id bigint, timeout interval DEFAULT '30 s') RETURNS xml
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_await';
COMMENT ON FUNCTION @extschema@.qlm_await(bigint, interval) IS 'wait for the answer to a queued request; null: none came in time. A request of the same transaction is sent at once, and stays sent if that transaction rolls back';

CREATE FUNCTION @extschema@.qlm_requeue(request_id bigint) RETURNS boolean
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_requeue';
COMMENT ON FUNCTION @extschema@.qlm_requeue(bigint) IS 'queue a failed, expired or cancelled message again, with its whole ttl; false: it is not in such a state';

CREATE FUNCTION @extschema@.qlm_add_peer(name text, url text DEFAULT NULL, role name DEFAULT 'qlm_reader',
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
		RAISE EXCEPTION 'there is already a peer "%"', qlm_add_peer.name
			USING ERRCODE = 'duplicate_object',
				HINT = 'Change its row in qlm.peer, or drop it with qlm_drop_peer.';
	END IF;
	IF NOT pg_has_role(qlm_add_peer.role, 'MEMBER') THEN
		RAISE EXCEPTION 'a peer cannot have role "%": you are no member of it', qlm_add_peer.role
			USING ERRCODE = 'insufficient_privilege';
	END IF;
	IF NOT qlm.dialect_is_known(qlm_add_peer.dialect) THEN
		RAISE EXCEPTION 'there is no dialect "%"', qlm_add_peer.dialect
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
		RAISE NOTICE 'peer "%" speaks O-MI, and not all that do take requests nested in answers to them', qlm_add_peer.name
			USING HINT = 'The first one tries it. piggyback => true says that it takes them, false that it does not.';
	END IF;
	RETURN id;
END
$$;
COMMENT ON FUNCTION @extschema@.qlm_add_peer(text, text, name, text, text[], boolean, interval, text, text, boolean, boolean, boolean, text, boolean) IS 'make another node known; role: whose rights its messages have; credential: the secret that it shows; paths: Objects that it owns; heartbeat: how often to call it; secret: what it is shown; form: post to it as form field msg; by_name: whether its name is enough to be taken for it, by default only if it has none of credential, url, heartbeat and secret; in_order: its requests leave one after the other, each when those before it have ended; proxy: through which it is called, by default as qlm.proxy says, empty: none; redirects: follow 307 and 308; returns its number';

CREATE FUNCTION @extschema@.qlm_drop_peer(name text) RETURNS boolean
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	DELETE FROM qlm.peer AS p WHERE p.name = qlm_drop_peer.name;
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION @extschema@.qlm_drop_peer(text) IS 'forget a peer, cancel what waits for it and end its subscriptions and those made there, as deleting its row does; false: there is none of this name';
