/*
 * A peer is one thing: tables know it by its number.  What is not right in a
 * row of before is put right, and said.
 */
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
			RAISE WARNING 'peer "%": dialect "%" does not exist, it is null now', p.name, left(p.dialect, 200);
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
	ALTER COLUMN role DROP NOT NULL,
	ADD COLUMN by_name boolean,
	ADD COLUMN role_id bigint NOT NULL DEFAULT 0,
	ADD COLUMN in_order boolean NOT NULL DEFAULT false,
	ADD COLUMN spoken text,
	ADD COLUMN tried_at timestamptz,
	ADD COLUMN tried_with bigint,
	ADD COLUMN takes_nested boolean,
	ADD COLUMN proxy text CONSTRAINT peer_proxy_check CHECK (proxy = '' OR qlm.url_is_proxy(proxy) AND pg_catalog.octet_length(proxy) <= 2000),
	ADD COLUMN redirects boolean NOT NULL DEFAULT false,
	ADD COLUMN hold interval,
	ADD COLUMN hold_cut_at timestamptz,
	ADD COLUMN hold_cut_after interval,
	ADD COLUMN hold_cut_by text,
	ADD COLUMN called_at timestamptz,
	ADD COLUMN called_through text,
	ADD COLUMN called_address text,
	ADD COLUMN called_status int,
	ADD COLUMN called_answer text,
	ADD CONSTRAINT peer_peer_id_check CHECK (peer_id > 0),
	ADD CONSTRAINT peer_url_check CHECK (qlm.url_is_http(url) AND pg_catalog.octet_length(url) <= 2000),
	ADD CONSTRAINT peer_credential_check CHECK (qlm.credential_is_hash(credential)),
	ADD CONSTRAINT peer_paths_check CHECK (qlm.paths_are_stored(paths)),
	ADD CONSTRAINT peer_heartbeat_check CHECK (heartbeat > '0'),
	ADD CONSTRAINT peer_dialect_check CHECK (qlm.dialect_is_known(dialect));

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

REVOKE INSERT, UPDATE ON qlm.peer, qlm.outbox, qlm.executed FROM qlm_admin;
