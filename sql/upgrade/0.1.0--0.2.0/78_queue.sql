/* The queue: what is asked for under a number counts, not the number alone. */
SET LOCAL search_path = pg_catalog, pg_temp;

ALTER TABLE qlm.executed ADD COLUMN content text NOT NULL DEFAULT '';
DROP INDEX qlm.executed_request_id_idx;
CREATE UNIQUE INDEX executed_request_id_idx ON qlm.executed (peer_id, request_id, content) WHERE peer_id > 0;
COMMENT ON TABLE qlm.executed IS 'requests executed in the last ten minutes: one that comes again is answered and not executed again';
COMMENT ON COLUMN qlm.executed.content IS 'hash of what was asked for: another request may come under the same requestID; empty: any';

/* A request that is not answered lets others pass, unless order was asked for. */
ALTER TABLE qlm.peer ADD COLUMN in_order boolean NOT NULL DEFAULT false, ADD COLUMN spoken text,
	ADD COLUMN tried_at timestamptz, ADD COLUMN tried_with bigint, ADD COLUMN takes_nested boolean;
COMMENT ON COLUMN qlm.peer.spoken IS 'dialect of its last message, to some seconds';
COMMENT ON COLUMN qlm.peer.tried_at IS 'when it was tried whether a peer that speaks O-MI takes piggy-backed requests; null: not yet, or again';
COMMENT ON COLUMN qlm.peer.tried_with IS 'the message that it was tried with';
COMMENT ON COLUMN qlm.peer.takes_nested IS 'what came of that: true: it has answered; false: it has refused it, or called again without an answer, and gets no more; null: not known';
COMMENT ON COLUMN qlm.peer.in_order IS 'its requests leave one after the other, each when those before it have ended; else one that is not answered lets others pass';
ALTER TABLE qlm.outbox ADD COLUMN deliveries int NOT NULL DEFAULT 0, ADD COLUMN in_order boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN qlm.outbox.attempts IS 'how often it has left, or was tried in vain';
COMMENT ON COLUMN qlm.outbox.deliveries IS 'how often it was handed over, or taken where it was posted, without an answer so far';
COMMENT ON COLUMN qlm.outbox.in_order IS 'it keeps its place among the requests of its peer: it leaves when all before it have ended, and none behind it leaves before it has ended';
CREATE INDEX outbox_unanswered_idx ON qlm.outbox (peer_id, sent_at)
	WHERE state = 'sent' AND kind = 'request' AND url IS NULL;
CREATE INDEX outbox_in_order_idx ON qlm.outbox (peer_id, priority DESC, seq)
	WHERE state IN ('queued', 'sent') AND in_order;

DROP TRIGGER peer_changed ON qlm.peer;
CREATE TRIGGER peer_changed
	AFTER INSERT OR DELETE OR TRUNCATE
		OR UPDATE OF peer_id, name, url, role, role_id, credential, paths, piggyback, heartbeat, dialect, echoes_ids, acknowledges, secret, form, by_name, in_order, tried_at, takes_nested
	ON qlm.peer
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.configuration_changed();
COMMENT ON TRIGGER peer_changed ON qlm.peer IS 'tells all processes';
GRANT INSERT (in_order), UPDATE (in_order) ON qlm.peer, qlm.outbox TO qlm_admin;
GRANT UPDATE (tried_at, takes_nested) ON qlm.peer TO qlm_admin;

DROP FUNCTION @extschema@.qlm_request(text, text, interval, int), @extschema@.qlm_request(text, xml, interval, int),
	@extschema@.qlm_add_peer(text, text, name, text, text[], boolean, interval, text, text, boolean, boolean);
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

REVOKE ALL ON FUNCTION @extschema@.qlm_request(text, text, interval, int, boolean), @extschema@.qlm_request(text, xml, interval, int, boolean),
	@extschema@.qlm_add_peer(text, text, name, text, text[], boolean, interval, text, text, boolean, boolean, boolean, text, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION @extschema@.qlm_request(text, text, interval, int, boolean), @extschema@.qlm_request(text, xml, interval, int, boolean),
	@extschema@.qlm_add_peer(text, text, name, text, text[], boolean, interval, text, text, boolean, boolean, boolean, text, boolean) TO qlm_admin;

/*
 * Why it waits is said in the words of who looks for it; what_to_do where waiting
 * alone does not help.
 */
CREATE VIEW qlm.stat_outbox AS
	SELECT o.message_id,
		o.peer,
		CASE WHEN o.url LIKE '~%' THEN '0'
			ELSE pg_catalog.regexp_replace(o.url, '://[^/?#]*@', '://***@') END AS url,
		o.kind,
		o.state,
		w.waits_for,
		CASE w.cause
			WHEN 'peer' THEN 'cancel it: a peer that has its name now is another one'
			WHEN 'role' THEN 'set the role of the peer to one that exists, in its row in qlm.peer'
			WHEN 'paused' THEN 'see in qlm.stat_delivery how its URL fares'
			WHEN 'idle' THEN 'see in qlm.stat_worker whether a dispatcher runs for this database: qlm.databases names it, or qlm_start() starts one'
			WHEN 'refuses' THEN 'set piggyback of the peer to null or true, or let it open a WebSocket'
			WHEN 'untried' THEN 'set piggyback of the peer to true if it takes them, or let it open a WebSocket'
			WHEN 'tried' THEN 'set piggyback of the peer to true if it takes them, tried_at to null to try it again, or let it open a WebSocket'
			WHEN 'silent' THEN 'cancel those that it will not answer, or give them a shorter ttl'
			WHEN 'order' THEN 'cancel the one before it, or set in_order to false in both rows'
		END AS what_to_do,
		o.priority,
		o.in_order,
		o.created_at,
		o.expires_at,
		o.deliveries,
		o.attempts,
		o.sent_at,
		o.next_attempt_at,
		o.last_error
	FROM qlm.outbox AS o
		LEFT JOIN qlm.peer AS p ON p.peer_id = o.peer_id
		LEFT JOIN qlm.endpoint AS e ON e.peer_id = o.peer_id AND e.url = COALESCE(o.url, p.url)
		LEFT JOIN LATERAL (
			SELECT b.message_id FROM qlm.outbox AS b
			WHERE o.kind = 'request' AND o.url IS NULL AND o.in_order
				AND b.peer_id = o.peer_id AND b.url IS NULL AND b.kind = 'request' AND b.state IN ('queued', 'sent')
			ORDER BY b.priority DESC, b.seq LIMIT 1) AS head ON head.message_id <> o.message_id
		LEFT JOIN LATERAL (
			SELECT b.message_id, b.priority, b.seq FROM qlm.outbox AS b
			WHERE o.kind = 'request' AND o.url IS NULL AND NOT o.in_order
				AND b.peer_id = o.peer_id AND b.url IS NULL AND b.state IN ('queued', 'sent') AND b.in_order
			ORDER BY b.priority DESC, b.seq LIMIT 1) AS barrier
				ON barrier.priority > o.priority OR (barrier.priority = o.priority AND barrier.seq < o.seq)
		LEFT JOIN LATERAL (
			SELECT pg_catalog.count(*) AS n, pg_catalog.max(b.message_id) FILTER (WHERE b.next_attempt_at > pg_catalog.clock_timestamp()
				AND (b.deliveries < 3 OR b.in_order)) AS in_hand
			FROM qlm.outbox AS b
			WHERE o.state = 'queued' AND o.kind = 'request' AND b.peer_id = o.peer_id
				AND b.url IS NULL AND b.kind = 'request' AND b.state = 'sent') AS unanswered ON true
		CROSS JOIN LATERAL (
			SELECT COALESCE(p.spoken, p.dialect) LIKE 'M%' AND p.piggyback IS NULL AND NOT p.echoes_ids AND NOT p.acknowledges AND p.takes_nested IS NOT TRUE AS is_unknown,
				CASE o.deliveries WHEN 1 THEN 'once' WHEN 2 THEN 'twice' ELSE o.deliveries || ' times' END AS so_often) AS x
		CROSS JOIN LATERAL (
			SELECT c.cause,
				CASE c.cause
					WHEN 'peer' THEN 'its peer is gone'
					WHEN 'socket' THEN 'the WebSocket that it is for has not taken it yet'
					WHEN 'posting' THEN 'it is being posted, or waits for those before it'
					WHEN 'role' THEN 'the role of its peer was dropped, so whatever it sends is refused'
					WHEN 'order' THEN pg_catalog.format('message %s before it has not ended, and one of them is in order', COALESCE(head.message_id, barrier.message_id))
					WHEN 'paused' THEN pg_catalog.format('its URL is not tried before %s, after %s failures: %s', e.paused_until, e.failures, e.last_error)
					WHEN 'acknowledgement' THEN 'its peer has not acknowledged it yet'
					WHEN 'trial' THEN 'its peer speaks O-MI and was tried with this one; there is no answer yet'
					WHEN 'tried' THEN pg_catalog.format('its peer speaks O-MI, and has not answered message %s, with which it was tried whether it takes piggy-backed requests', p.tried_with)
					WHEN 'answer' THEN pg_catalog.format('delivered %s, %s%s', x.so_often,
						CASE WHEN o.last_error LIKE '%answer% 503%' THEN 'the last answer was 503, not now' ELSE 'no answer' END,
						CASE WHEN o.in_order THEN '; those behind it wait, as it is in order'
							WHEN o.deliveries >= 3 THEN '; others pass' ELSE '' END)
					WHEN 'idle' THEN 'it is due, and nobody has posted it'
					WHEN 'post' THEN CASE WHEN o.attempts > 0 AND o.last_error IS NOT NULL
						THEN pg_catalog.format('it is posted again, after %s attempts: %s', o.attempts, o.last_error) ELSE 'it is to be posted' END
					WHEN 'refuses' THEN CASE WHEN o.deliveries > 0 THEN pg_catalog.format('delivered %s, no answer; ', x.so_often) ELSE '' END
						|| 'its peer takes no piggy-backed requests, as piggyback in its row says'
					WHEN 'untried' THEN 'its peer speaks O-MI, and not all that do take piggy-backed requests: it is tried once, in an answer that says nothing else'
					WHEN 'never' THEN 'its peer has never called'
					WHEN 'away' THEN pg_catalog.format('its peer has not called since %s', p.last_seen)
					WHEN 'silent' THEN pg_catalog.format('its peer has left %s requests unanswered, and gets no new ones', unanswered.n)
					WHEN 'hand' THEN pg_catalog.format('its peer has message %s in hand, and gets one at a time until it copies requestIDs', unanswered.in_hand)
					ELSE 'it leaves with one of the next answers to its peer'
				END AS waits_for
			FROM (SELECT CASE
					WHEN o.peer_id <> 0 AND p.peer_id IS NULL THEN 'peer'
					WHEN o.url LIKE '~%' THEN 'socket'
					WHEN o.posting THEN 'posting'
					WHEN COALESCE(head.message_id, barrier.message_id) IS NOT NULL THEN 'order'
					WHEN o.state = 'sent' AND o.kind = 'response' THEN 'acknowledgement'
					WHEN o.state = 'sent' AND p.url IS NULL AND x.is_unknown AND p.tried_with = o.message_id AND p.takes_nested IS NULL THEN 'trial'
					WHEN o.state = 'sent' AND p.url IS NULL AND x.is_unknown AND p.tried_at IS NOT NULL THEN 'tried'
					WHEN e.paused_until > pg_catalog.clock_timestamp() THEN 'paused'
					WHEN o.url IS NULL AND p.url IS NULL AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = p.role) THEN 'role'
					WHEN o.url IS NULL AND p.url IS NULL AND NOT p.piggyback THEN 'refuses'
					WHEN o.state = 'sent' AND o.deliveries > 0 THEN 'answer'
					WHEN COALESCE(o.url, p.url) IS NOT NULL AND o.created_at < pg_catalog.clock_timestamp() - interval '1 min'
						AND COALESCE(o.next_attempt_at, '-infinity') < pg_catalog.clock_timestamp() - interval '1 min' AND unanswered.n = 0 THEN 'idle'
					WHEN COALESCE(o.url, p.url) IS NOT NULL THEN 'post'
					WHEN x.is_unknown AND p.tried_at IS NOT NULL THEN 'tried'
					WHEN x.is_unknown AND o.kind = 'request' THEN 'untried'
					WHEN p.last_seen IS NULL THEN 'never'
					WHEN p.last_seen < o.created_at - interval '10 s' THEN 'away'
					WHEN unanswered.n > GREATEST(100 - COALESCE(pg_catalog.current_setting('qlm.piggyback_max', true), '8')::int, 0) THEN 'silent'
					WHEN unanswered.in_hand IS NOT NULL AND NOT (p.echoes_ids OR COALESCE(p.piggyback, false)) THEN 'hand'
					ELSE 'next'
				END AS cause) AS c) AS w
	WHERE o.state IN ('queued', 'sent');
COMMENT ON VIEW qlm.stat_outbox IS 'each message that waits, and what for';
COMMENT ON COLUMN qlm.stat_outbox.message_id IS 'its requestID';
COMMENT ON COLUMN qlm.stat_outbox.peer IS 'name of the peer that it is for; null: whoever answers at the url';
COMMENT ON COLUMN qlm.stat_outbox.url IS 'where it is to be posted, without the user and password in it; 0: a WebSocket connection to this node; null: it waits for the peer to call, or goes to its url';
COMMENT ON COLUMN qlm.stat_outbox.kind IS 'request: wants an answer; response: data for a callback';
COMMENT ON COLUMN qlm.stat_outbox.state IS 'queued, or sent: handed over, not answered yet';
COMMENT ON COLUMN qlm.stat_outbox.waits_for IS 'why it has not left, or is not answered';
COMMENT ON COLUMN qlm.stat_outbox.what_to_do IS 'what helps, where it is not enough to wait; null: it is';
COMMENT ON COLUMN qlm.stat_outbox.priority IS 'higher leaves earlier';
COMMENT ON COLUMN qlm.stat_outbox.in_order IS 'it neither passes others nor is passed';
COMMENT ON COLUMN qlm.stat_outbox.created_at IS 'when it was queued';
COMMENT ON COLUMN qlm.stat_outbox.expires_at IS 'when its ttl ends';
COMMENT ON COLUMN qlm.stat_outbox.deliveries IS 'how often it was delivered without an answer so far';
COMMENT ON COLUMN qlm.stat_outbox.attempts IS 'how often it has left, or was tried in vain';
COMMENT ON COLUMN qlm.stat_outbox.sent_at IS 'when it last left';
COMMENT ON COLUMN qlm.stat_outbox.next_attempt_at IS 'not sent again before';
COMMENT ON COLUMN qlm.stat_outbox.last_error IS 'why it failed last';

CREATE OR REPLACE VIEW qlm.stat_peer AS
	SELECT p.name,
		p.last_seen,
		q.queued,
		q.sent,
		q.oldest_waiting,
		q.answered,
		q.failed,
		q.expired,
		q.mean_answer_time,
		p.last_success,
		p.last_failure,
		p.last_error,
		q.unanswered,
		(SELECT s.waits_for FROM qlm.stat_outbox AS s WHERE s.message_id = (
			SELECT o.message_id FROM qlm.outbox AS o
			WHERE o.peer_id = p.peer_id AND o.url IS NULL AND o.state IN ('queued', 'sent')
			ORDER BY o.state, o.priority DESC, o.seq LIMIT 1)) AS waits_for
	FROM qlm.peer AS p
		CROSS JOIN LATERAL (
			SELECT pg_catalog.count(*) FILTER (WHERE o.state = 'queued') AS queued,
				pg_catalog.count(*) FILTER (WHERE o.state = 'sent') AS sent,
				pg_catalog.min(o.created_at) FILTER (WHERE o.state IN ('queued', 'sent')) AS oldest_waiting,
				pg_catalog.count(*) FILTER (WHERE o.state = 'answered') AS answered,
				pg_catalog.count(*) FILTER (WHERE o.state = 'failed') AS failed,
				pg_catalog.count(*) FILTER (WHERE o.state = 'expired') AS expired,
				pg_catalog.avg(o.answered_at - o.created_at) FILTER (WHERE o.state = 'answered') AS mean_answer_time,
				pg_catalog.count(*) FILTER (WHERE o.state = 'sent' AND o.kind = 'request' AND o.deliveries >= 3) AS unanswered
			FROM qlm.outbox AS o
			WHERE o.peer_id = p.peer_id) AS q;
COMMENT ON COLUMN qlm.stat_peer.unanswered IS 'requests delivered three times or more without an answer';
COMMENT ON COLUMN qlm.stat_peer.waits_for IS 'what the first message that waits for the peer to call, one that has not left before those that have, waits for';
GRANT SELECT ON qlm.stat_outbox TO qlm_admin, pg_monitor;
