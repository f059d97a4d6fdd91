/*
 * A peer is one thing: tables know it by its number.  What is not right in a
 * row of before is put right, and said.
 */
SET LOCAL search_path = pg_catalog, pg_temp;

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

ALTER TABLE qlm.peer ADD COLUMN by_name boolean;

DROP TRIGGER peer_role ON qlm.peer;
DROP FUNCTION qlm.check_peer_role();
DROP TRIGGER peer_changed ON qlm.peer;

DO $$
DECLARE
	p record;
	right_paths text[];
	path text;
BEGIN
	FOR p IN SELECT * FROM qlm.peer LOOP
		IF p.peer_id <= 0 THEN
			RAISE EXCEPTION 'peer "%" has the number %', p.name, p.peer_id
				USING HINT = 'Numbers of peers are above 0. Give it another one first, or delete it.';
		END IF;
		IF NOT (qlm.url_is_http(p.url) AND octet_length(p.url) <= 2000) THEN
			UPDATE qlm.peer SET url = NULL WHERE peer_id = p.peer_id;
			RAISE WARNING 'peer "%": "%" was no URL that can be called, and is null now', p.name, left(p.url, 200);
		END IF;
		IF NOT qlm.dialect_is_known(p.dialect) THEN
			UPDATE qlm.peer SET dialect = NULL WHERE peer_id = p.peer_id;
			RAISE WARNING 'peer "%": there is no dialect "%", it is null now', p.name, left(p.dialect, 200);
		END IF;
		IF p.heartbeat <= '0' THEN
			UPDATE qlm.peer SET heartbeat = NULL WHERE peer_id = p.peer_id;
			RAISE WARNING 'peer "%": its heartbeat of % is null now, which means the same', p.name, p.heartbeat;
		END IF;
		IF NOT qlm.paths_are_stored(p.paths) THEN
			right_paths := '{}';
			FOREACH path IN ARRAY p.paths LOOP
				BEGIN
					right_paths := right_paths || qlm.path_normal(path);
				EXCEPTION WHEN OTHERS THEN
					NULL;
				END;
			END LOOP;
			right_paths := array_remove(right_paths, NULL);
			UPDATE qlm.peer SET paths = right_paths WHERE peer_id = p.peer_id;
			RAISE WARNING 'peer "%": its paths % were not as they are stored, and are % now', p.name, left(p.paths::text, 200), left(right_paths::text, 200);
		END IF;
		/* Nobody could show it, and nobody shall be let in without. */
		IF NOT qlm.credential_is_hash(p.credential) THEN
			UPDATE qlm.peer SET credential = qlm.credential_hash(gen_random_uuid()::text) WHERE peer_id = p.peer_id;
			RAISE WARNING 'peer "%": its credential was no hash, so nobody could show it: set it with qlm.credential_hash', p.name;
		END IF;
		IF p.credential IS NULL AND (p.url IS NOT NULL OR p.heartbeat IS NOT NULL OR p.secret IS NOT NULL) THEN
			RAISE WARNING 'peer "%" is called by this node, so its name alone is no longer enough to be taken for it', p.name
				USING HINT = 'If it calls this node too, give it a credential, or set by_name to true in its row.';
		END IF;
	END LOOP;
END
$$;

ALTER TABLE qlm.peer
	ADD CONSTRAINT peer_peer_id_check CHECK (peer_id > 0),
	ADD CONSTRAINT peer_url_check CHECK (qlm.url_is_http(url) AND pg_catalog.octet_length(url) <= 2000),
	ADD CONSTRAINT peer_credential_check CHECK (qlm.credential_is_hash(credential)),
	ADD CONSTRAINT peer_paths_check CHECK (qlm.paths_are_stored(paths)),
	ADD CONSTRAINT peer_heartbeat_check CHECK (heartbeat > '0'),
	ADD CONSTRAINT peer_dialect_check CHECK (qlm.dialect_is_known(dialect));
COMMENT ON COLUMN qlm.peer.peer_id IS 'its number, by which all other tables know it; none is given twice';
COMMENT ON COLUMN qlm.peer.name IS 'its name here, in URLs and as the user of HTTP Basic; may be changed';
COMMENT ON COLUMN qlm.peer.credential IS 'salted hash of its secret; null: it has none, see by_name';
COMMENT ON COLUMN qlm.peer.by_name IS 'whether its name in the URL, its URL as callback or its Objects are enough to be taken for it, where it has no credential; null: only while this node neither calls it nor shows it a secret';

/* Names of peers that are gone stay nobody's. */
ALTER TABLE qlm.outbox ADD COLUMN peer_id int NOT NULL DEFAULT 0, ADD COLUMN asker_peer_id int NOT NULL DEFAULT 0;
ALTER TABLE qlm.gathering ADD COLUMN peer_id int NOT NULL DEFAULT 0;
ALTER TABLE qlm.endpoint ADD COLUMN peer_id int NOT NULL DEFAULT 0;
ALTER TABLE qlm.executed ADD COLUMN peer_id int NOT NULL DEFAULT 0;
ALTER TABLE qlm.subscription ADD COLUMN peer_id int NOT NULL DEFAULT 0;
ALTER TABLE qlm.forwarding ADD COLUMN peer_id int NOT NULL DEFAULT 0;
UPDATE qlm.outbox AS t SET peer_id = coalesce((SELECT p.peer_id FROM qlm.peer AS p WHERE p.name = t.peer), -1) WHERE peer IS NOT NULL;
UPDATE qlm.outbox AS t SET asker_peer_id = coalesce((SELECT p.peer_id FROM qlm.peer AS p WHERE p.name = t.asker_peer), -1) WHERE asker_peer IS NOT NULL;
UPDATE qlm.gathering AS t SET peer_id = coalesce((SELECT p.peer_id FROM qlm.peer AS p WHERE p.name = t.peer), -1) WHERE peer IS NOT NULL;
UPDATE qlm.executed AS t SET peer_id = coalesce((SELECT p.peer_id FROM qlm.peer AS p WHERE p.name = t.peer), -1);
UPDATE qlm.subscription AS t SET peer_id = coalesce((SELECT p.peer_id FROM qlm.peer AS p WHERE p.name = t.peer), -1) WHERE peer IS NOT NULL;
UPDATE qlm.forwarding AS t SET peer_id = coalesce((SELECT p.peer_id FROM qlm.peer AS p WHERE p.name = t.peer), -1);
UPDATE qlm.endpoint AS t SET peer_id = p.peer_id FROM qlm.peer AS p
	WHERE p.url = t.url AND NOT EXISTS (SELECT FROM qlm.peer AS o WHERE o.url = p.url AND o.name < p.name);

DROP INDEX qlm.outbox_peer_idx, qlm.outbox_peer_url_idx, qlm.outbox_url_idx, qlm.outbox_unacknowledged_idx, qlm.outbox_asker_idx;
CREATE INDEX outbox_peer_idx ON qlm.outbox (peer_id, priority DESC, seq)
	WHERE state IN ('queued', 'sent') AND url IS NULL;
CREATE INDEX outbox_peer_url_idx ON qlm.outbox (peer_id, priority DESC, seq)
	WHERE state IN ('queued', 'sent') AND url IS NOT NULL AND peer_id <> 0;
CREATE INDEX outbox_url_idx ON qlm.outbox (url, peer_id, priority DESC, seq)
	WHERE state IN ('queued', 'sent') AND url IS NOT NULL;
CREATE INDEX outbox_unacknowledged_idx ON qlm.outbox (peer_id)
	WHERE state = 'sent' AND kind = 'response' AND NOT posting;
CREATE INDEX outbox_asker_idx ON qlm.outbox (asker_peer_id, asker_role)
	WHERE state IN ('queued', 'sent') AND asker_role IS NOT NULL;
DROP INDEX qlm.gathering_owner_idx, qlm.subscription_owner_idx, qlm.forwarding_remote_id_idx;
CREATE INDEX gathering_owner_idx ON qlm.gathering (peer_id, role);
CREATE INDEX subscription_owner_idx ON qlm.subscription (peer_id, role);
CREATE INDEX forwarding_remote_id_idx ON qlm.forwarding (peer_id, remote_id);
ALTER TABLE qlm.endpoint DROP CONSTRAINT endpoint_pkey, ADD PRIMARY KEY (peer_id, url);
ALTER TABLE qlm.executed DROP CONSTRAINT executed_pkey;
CREATE UNIQUE INDEX executed_request_id_idx ON qlm.executed (peer_id, request_id) WHERE peer_id > 0;
COMMENT ON COLUMN qlm.outbox.peer_id IS 'number of the peer; 0: of none; -1: there was none of this name';
COMMENT ON COLUMN qlm.outbox.asker_peer_id IS 'number of the peer that asked for it; 0: of none; -1: there was none of this name';
COMMENT ON COLUMN qlm.gathering.peer_id IS 'number of the peer; 0: of none; -1: there was none of this name';
COMMENT ON COLUMN qlm.endpoint.peer_id IS 'number of the peer whose messages go there; 0: of all who are no peers';
COMMENT ON COLUMN qlm.executed.peer_id IS 'number of the peer; -1: there was none of this name';
COMMENT ON COLUMN qlm.subscription.peer_id IS 'number of the peer; 0: of none; -1: there was none of this name';
COMMENT ON COLUMN qlm.forwarding.peer_id IS 'number of the other node; -1: there was none of this name';
DROP FUNCTION @extschema@.qlm_add_peer(text, text, name, text, text[], boolean, interval, text, text, boolean);
CREATE FUNCTION @extschema@.qlm_add_peer(name text, url text DEFAULT NULL, role name DEFAULT 'qlm_reader',
										 credential text DEFAULT NULL, paths text[] DEFAULT '{}',
										 piggyback boolean DEFAULT NULL, heartbeat interval DEFAULT NULL,
										 dialect text DEFAULT NULL, secret text DEFAULT NULL,
										 form boolean DEFAULT false, by_name boolean DEFAULT NULL) RETURNS int
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
	INSERT INTO qlm.peer AS p (name, url, role, credential, paths, piggyback, heartbeat, dialect, secret, form, by_name)
	VALUES (qlm_add_peer.name, qlm_add_peer.url, qlm_add_peer.role,
			qlm.credential_hash(qlm_add_peer.credential),
			(SELECT coalesce(array_agg(qlm.path_normal(path)), '{}') FROM unnest(qlm_add_peer.paths) AS path),
			qlm_add_peer.piggyback, qlm_add_peer.heartbeat, qlm_add_peer.dialect, qlm_add_peer.secret,
			coalesce(qlm_add_peer.form, false), qlm_add_peer.by_name)
	RETURNING p.peer_id INTO id;
	RETURN id;
END
$$;
COMMENT ON FUNCTION @extschema@.qlm_add_peer(text, text, name, text, text[], boolean, interval, text, text, boolean, boolean) IS 'make another node known; role: whose rights its messages have; credential: the secret that it shows; paths: Objects that it owns; heartbeat: how often to call it; secret: what it is shown; form: post to it as form field msg; by_name: whether its name is enough to be taken for it, by default only if it has none of credential, url, heartbeat and secret; returns its number';

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

CREATE TRIGGER peer_changed
	AFTER INSERT OR DELETE OR TRUNCATE
		OR UPDATE OF peer_id, name, url, role, credential, paths, piggyback, heartbeat, dialect, echoes_ids, acknowledges, secret, form, by_name
	ON qlm.peer
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.configuration_changed();
COMMENT ON TRIGGER peer_changed ON qlm.peer IS 'tells all processes';

/*
 * A peer is one thing: its row.  What other tables hold of it follows, however
 * the row is changed; they know it by its number.
 */
CREATE FUNCTION qlm.check_peer() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_check_peer';
COMMENT ON FUNCTION qlm.check_peer() IS 'refuses changes of peers by who is no member of their roles, before and after';

CREATE TRIGGER check_peer BEFORE INSERT OR UPDATE OR DELETE ON qlm.peer
	FOR EACH ROW EXECUTE FUNCTION qlm.check_peer();
COMMENT ON TRIGGER check_peer ON qlm.peer IS 'nobody gives or takes more rights than he has';
CREATE TRIGGER check_peer_all BEFORE TRUNCATE ON qlm.peer
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.check_peer();
COMMENT ON TRIGGER check_peer_all ON qlm.peer IS 'nobody removes peers with more rights than he has';

CREATE FUNCTION qlm.peer_renamed() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_peer_renamed';
COMMENT ON FUNCTION qlm.peer_renamed() IS 'changes the name of a peer in all that belongs to it';

CREATE TRIGGER peer_renamed AFTER UPDATE ON qlm.peer
	FOR EACH ROW WHEN (OLD.name IS DISTINCT FROM NEW.name)
	EXECUTE FUNCTION qlm.peer_renamed();
COMMENT ON TRIGGER peer_renamed ON qlm.peer IS 'other tables follow its name';

CREATE FUNCTION qlm.peer_gone() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_peer_gone';
COMMENT ON FUNCTION qlm.peer_gone() IS 'cancels what waits for peers that are gone, and ends their subscriptions and those made there';

CREATE TRIGGER peer_gone AFTER DELETE OR TRUNCATE ON qlm.peer
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.peer_gone();
COMMENT ON TRIGGER peer_gone ON qlm.peer IS 'what belongs to a peer goes with it';

CREATE FUNCTION qlm.peer_added() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_peer_added';
COMMENT ON FUNCTION qlm.peer_added() IS 'finds what came before its peer from a dump of a release that knew peers by name';

CREATE TRIGGER peer_added AFTER INSERT ON qlm.peer
	REFERENCING NEW TABLE AS new_peers
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.peer_added();
COMMENT ON TRIGGER peer_added ON qlm.peer IS 'gives peers of older dumps what is theirs';

CREATE FUNCTION qlm.find_peer() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_find_peer';
COMMENT ON FUNCTION qlm.find_peer() IS 'gives a row that names a peer the number of that';

CREATE TRIGGER find_peer BEFORE INSERT ON qlm.outbox
	FOR EACH ROW WHEN ((NEW.peer IS NULL) <> (NEW.peer_id = 0) OR (NEW.asker_peer IS NULL) <> (NEW.asker_peer_id = 0))
	EXECUTE FUNCTION qlm.find_peer();
COMMENT ON TRIGGER find_peer ON qlm.outbox IS 'a name that is inserted is that of the peer that has it now';
CREATE TRIGGER find_other_peer BEFORE UPDATE OF peer, asker_peer ON qlm.outbox
	FOR EACH ROW WHEN ((NEW.peer IS DISTINCT FROM OLD.peer AND NEW.peer_id = OLD.peer_id)
		OR (NEW.asker_peer IS DISTINCT FROM OLD.asker_peer AND NEW.asker_peer_id = OLD.asker_peer_id))
	EXECUTE FUNCTION qlm.find_peer();
COMMENT ON TRIGGER find_other_peer ON qlm.outbox IS 'a name that is changed is that of the peer that has it now';
CREATE TRIGGER find_peer BEFORE INSERT ON qlm.subscription
	FOR EACH ROW WHEN ((NEW.peer IS NULL) <> (NEW.peer_id = 0))
	EXECUTE FUNCTION qlm.find_peer();
COMMENT ON TRIGGER find_peer ON qlm.subscription IS 'a name that is inserted is that of the peer that has it now';
CREATE TRIGGER find_other_peer BEFORE UPDATE OF peer ON qlm.subscription
	FOR EACH ROW WHEN (NEW.peer IS DISTINCT FROM OLD.peer AND NEW.peer_id = OLD.peer_id)
	EXECUTE FUNCTION qlm.find_peer();
COMMENT ON TRIGGER find_other_peer ON qlm.subscription IS 'a name that is changed is that of the peer that has it now';
CREATE TRIGGER find_peer BEFORE INSERT ON qlm.gathering
	FOR EACH ROW WHEN ((NEW.peer IS NULL) <> (NEW.peer_id = 0))
	EXECUTE FUNCTION qlm.find_peer();
COMMENT ON TRIGGER find_peer ON qlm.gathering IS 'a name that is inserted is that of the peer that has it now';
CREATE TRIGGER find_other_peer BEFORE UPDATE OF peer ON qlm.gathering
	FOR EACH ROW WHEN (NEW.peer IS DISTINCT FROM OLD.peer AND NEW.peer_id = OLD.peer_id)
	EXECUTE FUNCTION qlm.find_peer();
COMMENT ON TRIGGER find_other_peer ON qlm.gathering IS 'a name that is changed is that of the peer that has it now';
CREATE TRIGGER find_peer BEFORE INSERT ON qlm.forwarding
	FOR EACH ROW WHEN ((NEW.peer IS NULL) <> (NEW.peer_id = 0))
	EXECUTE FUNCTION qlm.find_peer();
COMMENT ON TRIGGER find_peer ON qlm.forwarding IS 'a name that is inserted is that of the peer that has it now';
CREATE TRIGGER find_other_peer BEFORE UPDATE OF peer ON qlm.forwarding
	FOR EACH ROW WHEN (NEW.peer IS DISTINCT FROM OLD.peer AND NEW.peer_id = OLD.peer_id)
	EXECUTE FUNCTION qlm.find_peer();
COMMENT ON TRIGGER find_other_peer ON qlm.forwarding IS 'a name that is changed is that of the peer that has it now';
CREATE TRIGGER find_peer BEFORE INSERT ON qlm.executed
	FOR EACH ROW WHEN ((NEW.peer IS NULL) <> (NEW.peer_id = 0))
	EXECUTE FUNCTION qlm.find_peer();
COMMENT ON TRIGGER find_peer ON qlm.executed IS 'a name that is inserted is that of the peer that has it now';
CREATE TRIGGER find_other_peer BEFORE UPDATE OF peer ON qlm.executed
	FOR EACH ROW WHEN (NEW.peer IS DISTINCT FROM OLD.peer AND NEW.peer_id = OLD.peer_id)
	EXECUTE FUNCTION qlm.find_peer();
COMMENT ON TRIGGER find_other_peer ON qlm.executed IS 'a name that is changed is that of the peer that has it now';

REVOKE ALL ON FUNCTION @extschema@.qlm_add_peer(text, text, name, text, text[], boolean, interval, text, text, boolean, boolean), qlm.credential_is_hash(text), qlm.paths_are_stored(text[]), qlm.check_peer(), qlm.peer_renamed(), qlm.peer_gone(), qlm.peer_added(), qlm.find_peer() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION @extschema@.qlm_add_peer(text, text, name, text, text[], boolean, interval, text, text, boolean, boolean), qlm.credential_is_hash(text), qlm.paths_are_stored(text[]) TO qlm_admin;
REVOKE INSERT, UPDATE ON qlm.peer, qlm.outbox, qlm.executed FROM qlm_admin;
GRANT INSERT (name, url, role, credential, paths, piggyback, heartbeat, dialect, echoes_ids, acknowledges, secret, form, by_name),
	UPDATE (name, url, role, credential, paths, piggyback, heartbeat, dialect, echoes_ids, acknowledges, secret, form, by_name,
		last_seen, last_success, last_failure, last_error)
	ON qlm.peer TO qlm_admin;
GRANT INSERT (message_id, peer, url, kind, envelope, state, priority, subscription_id, created_at, expires_at, attempts, next_attempt_at,
		sent_at, answered_at, return_code, answer, last_error),
	UPDATE (peer, url, kind, envelope, state, priority, subscription_id, created_at, expires_at, attempts, next_attempt_at, sent_at, answered_at,
		return_code, answer, last_error)
	ON qlm.outbox TO qlm_admin;
GRANT INSERT (peer, request_id, answer, executed_at), UPDATE (peer, request_id, answer, executed_at) ON qlm.executed TO qlm_admin;

