/* The way to a peer, tried step by step. */

CREATE OR REPLACE FUNCTION qlm.probe_peer(peer text, timeout_ms int, OUT reached text, OUT status int, OUT address text, OUT through text,
							   OUT name_ms double precision, OUT connect_ms double precision, OUT error text, OUT location text,
							   OUT words text)
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_probe_peer';
COMMENT ON FUNCTION qlm.probe_peer(text, int) IS 'call a peer once with nothing, from this session and on the way of all calls: how far that got, and what came back';
GRANT EXECUTE ON FUNCTION qlm.probe_peer(text, int) TO qlm_admin;

CREATE OR REPLACE FUNCTION qlm.ask_peer(peer text, request text, timeout interval, OUT answer xml, OUT took interval, OUT error text, OUT late boolean)
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	began timestamptz := clock_timestamp();
	id bigint;
	result text[];
	why text;
BEGIN
	BEGIN
		id := @extschema@.qlm_request(ask_peer.peer, ask_peer.request, ask_peer.timeout, 1000000);
		answer := @extschema@.qlm_await(id, ask_peer.timeout);
	EXCEPTION WHEN OTHERS THEN
		error := SQLERRM;
	END;
	took := clock_timestamp() - began;
	result := xpath('//*[local-name() = "return"]/@returnCode', answer)::text[];
	IF answer IS NULL THEN
		/* It left under another number. */
		SELECT coalesce(o.last_error, w.waits_for), o.last_error IS NULL INTO why, late
			FROM qlm.outbox AS o
				LEFT JOIN qlm.stat_outbox AS w ON w.message_id = o.message_id
			WHERE o.peer = ask_peer.peer AND o.priority = 1000000 AND o.created_at >= began AND o.sent_as IS NULL
			ORDER BY o.seq DESC LIMIT 1;
		error := coalesce(why, error, 'nothing came back');
	ELSIF result[1] !~ '^2' THEN
		error := concat_ws(': ', 'returnCode ' || result[1], (xpath('//*[local-name() = "return"]/@description', answer))[1]::text);
	END IF;
END
$$;
COMMENT ON FUNCTION qlm.ask_peer(text, text, interval) IS 'queue a request for a peer, have it leave at once, and wait for its answer; late: nothing has failed, but there was none in time';
GRANT EXECUTE ON FUNCTION qlm.ask_peer(text, text, interval) TO qlm_admin;

CREATE OR REPLACE FUNCTION qlm.advice(status int, location text, redirects boolean) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
SELECT CASE
	WHEN status IN (307, 308) AND redirects THEN NULL
	WHEN status BETWEEN 300 AND 399 THEN format('it sends to %s: make that the url of the peer', coalesce(location, 'nowhere'))
		|| CASE WHEN status >= 307 THEN ', or set redirects' ELSE '' END
	WHEN status = 401 THEN 'it wants to be shown another secret: the secret of the peer must be what that node has as credential for this one'
	WHEN status = 403 THEN 'who answers does not let this node in; look whether it is the peer, or a box on the way'
	WHEN status IN (404, 405) THEN 'there is no node at this path: for one with this extension the url ends with /peer/ and the name that this node has there, behind what a proxy puts before it'
	WHEN status = 407 THEN 'the proxy wants other credentials: say them in proxy of the peer, or in qlm.proxy'
	WHEN status = 421 THEN 'it is not called by this host name: qlm.host_names there must have it'
	WHEN status = 429 THEN 'it has no time, or no place, for this node now: try again later, and look there'
	WHEN status = 503 THEN 'it has no time, or no place, for this node now, or it is a proxy that does not reach the node behind it: look there whether that runs, and try again later'
	WHEN status IN (502, 504) THEN 'a proxy on the way does not reach the node behind it: look whether that runs'
	WHEN status >= 500 AND status <> 501 THEN 'it has stumbled over the call: look into its log'
END
$$;
COMMENT ON FUNCTION qlm.advice(int, text, boolean) IS 'what is wrong where a peer answers a call with nothing by this HTTP status, and what to do; null: nothing';
GRANT EXECUTE ON FUNCTION qlm.advice(int, text, boolean) TO qlm_admin;

CREATE OR REPLACE FUNCTION qlm.proxy_advice(error text, place text) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
SELECT CASE
	WHEN error ~ 'status (401|407)|User was rejected|No authentication method' THEN 'Say what it wants to be shown in proxy of the peer, or in qlm.proxy'
	WHEN error ~ 'status 403' THEN format('It must let this machine tunnel (CONNECT) to %s', place)
	WHEN error ~ 'status 5' OR error ~* 'complete SOCKS' THEN format('Look whether it reaches %s, and may', place)
	ELSE 'Is that a proxy, and of the kind that its URL says? It is named in proxy of the peer, else in qlm.proxy'
END
$$;
COMMENT ON FUNCTION qlm.proxy_advice(text, text) IS 'what to do where a proxy makes no way to that host and port, for this reason';
GRANT EXECUTE ON FUNCTION qlm.proxy_advice(text, text) TO qlm_admin;

CREATE OR REPLACE FUNCTION @extschema@.qlm_check_peer(peer text, timeout interval DEFAULT '20 s')
	RETURNS TABLE (step text, ok boolean, took interval, message text)
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	p qlm.peer;
	r record;
	a record;
	m record;
	deadline timestamptz;
	left_ms int;
	host text;
	place text;
	own_name text;
	empty_read text := '<omiEnvelope xmlns="http://www.opengroup.org/xsd/omi/2.0/" version="2.0" ttl="10"><read>%s</read></omiEnvelope>';
	empty_answer text := '<omiEnvelope xmlns="http://www.opengroup.org/xsd/omi/2.0/" version="2.0" ttl="10"><response><result><return returnCode="200"/><requestID>0</requestID></result></response></omiEnvelope>';
	steps text[] := ARRAY['name', 'connection', 'proxy', 'TLS', 'HTTP', 'envelope', 'hold', 'piggy-back', 'acknowledgement'];
	i int := 1;
	runs boolean;
	held text;
	asks boolean;
	began timestamptz;
	patience interval;
	port text;
	in_doubt boolean;
	refused_by_proxy boolean;
BEGIN
	SELECT * INTO p FROM qlm.peer AS x WHERE x.name = qlm_check_peer.peer;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'peer "%" does not exist', qlm_check_peer.peer USING ERRCODE = 'undefined_object', HINT = 'Add it with qlm_add_peer.';
	END IF;
	IF p.role IS NOT NULL AND NOT pg_has_role(p.role, 'MEMBER') THEN
		RAISE EXCEPTION 'peer "%" has the rights of role "%", and you are not a member of it', p.name, p.role
			USING ERRCODE = 'insufficient_privilege', HINT = 'To check a peer you must be a member of its role.';
	END IF;
	IF qlm_check_peer.timeout NOT BETWEEN interval '1 s' AND interval '10 min' THEN
		RAISE EXCEPTION 'the timeout must be between 1 s and 10 min' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	deadline := clock_timestamp() + qlm_check_peer.timeout;
	runs := EXISTS (SELECT FROM qlm.stat_worker AS w WHERE w.kind = 'dispatcher' AND w.datname = current_database() AND w.pid IS NOT NULL);
	held := (SELECT coalesce(w.last_error, '') FROM qlm.stat_worker AS w
		WHERE w.kind = 'dispatcher' AND w.datname = current_database() AND w.state = 'holding' LIMIT 1);

	step := 'peer';
	ok := p.role IS NOT NULL AND held IS NULL AND (runs OR p.url IS NULL);
	message := CASE
		WHEN p.role IS NULL THEN 'its role was dropped, so it is neither called nor let in: UPDATE qlm.peer SET role = ... gives it another'
		WHEN held IS NOT NULL THEN format('this node holds what would leave it, so nobody is called: %s', held)
		WHEN p.url IS NULL THEN 'it has no url, so it is for it to call this node: see what comes back from it'
		WHEN NOT runs THEN 'the process that calls peers is not seen to run for this database: put it into qlm.databases, with qlm in shared_preload_libraries; SELECT qlm_start() starts one, and qlm.stat_worker says what it lacks'
		WHEN p.heartbeat IS NULL THEN 'it is called when something is queued for it; what waits for this node there needs a heartbeat'
		ELSE format('it is called every %s, and whenever something is queued for it', p.heartbeat) END;
	RETURN NEXT;

	IF held IS NOT NULL THEN
		ok := NULL;
		message := 'not tried, as this node holds what would leave it';
		FOREACH step IN ARRAY steps
		LOOP
			RETURN NEXT;
		END LOOP;
		RETURN;
	END IF;

	IF p.url IS NULL THEN
		step := 'call';
		ok := coalesce(p.last_seen > clock_timestamp() - interval '10 min', false);
		message := CASE WHEN p.last_seen IS NULL THEN 'it has never called: look there, where qlm_check_peer says what keeps it from that; qlm.journal of this node, with qlm.log_messages on, shows who calls'
			WHEN ok THEN format('it called %s ago', date_trunc('second', clock_timestamp() - p.last_seen))
			ELSE format('it has not called since %s: look there', p.last_seen) END;
		RETURN NEXT;
		step := 'piggy-back';
		a := qlm.ask_peer(p.name, format(empty_read, ''), deadline - clock_timestamp());
		ok := a.error IS NULL;
		took := a.took;
		message := CASE WHEN ok THEN 'a request was nested in an answer to it, or sent on its WebSocket, and its answer has come'
			ELSE format('no answer to a request that waits for its call: %s', a.error) END;
		RETURN NEXT;
		step := 'acknowledgement';
		took := NULL;
		ok := CASE WHEN p.acknowledges THEN true END;
		message := CASE WHEN p.acknowledges THEN 'it acknowledges data that are nested in answers to it, so they are kept until then'
			ELSE 'it has not said that it acknowledges data that are nested in answers to it: those are done when they have left' END;
		RETURN NEXT;
		RETURN;
	END IF;

	r := qlm.probe_peer(p.name, least(10000, extract(epoch FROM qlm_check_peer.timeout) * 500)::int);
	/* Without a tunnel an answer may be the proxy's. */
	in_doubt := r.through ~ '^http' AND p.url !~* '^https:' AND (r.status IS NULL OR qlm.advice(r.status, r.location, p.redirects) IS NOT NULL);
	port := coalesce(substring(p.url FROM '^[^:]*://(?:[^/?#]*@)?(?:\[[^]]*\]|[^/:?#]*)(:[0-9]+)'), CASE WHEN p.url ~* '^https:' THEN ':443' ELSE ':80' END);
	host := substring(p.url FROM '^[^:]*://(?:[^/?#]*@)?(\[[^]]*\]|[^/:?#]*)');
	refused_by_proxy := r.through IS NOT NULL AND (r.status IS NOT DISTINCT FROM 407 OR
		(r.status IS NULL AND r.reached = 'connection' AND NOT (r.through ~ '^socks' AND p.url ~* '^https:' AND r.error ~* 'ssl|tls|certificate')));
	place := CASE WHEN r.through IS NULL THEN format('host "%s"', host) ELSE format('the proxy %s', r.through) END;
	FOR m IN
		SELECT x.*, row_number() OVER () AS n FROM (VALUES
			('name', r.reached <> 'nothing', r.name_ms,
				format('%s has an address', place),
				format('%s: %s. Is it spelled right, and does this machine know it? Where only a proxy knows names of outside, say it: qlm.proxy, or proxy of the peer', place, r.error)),
			('connection', r.reached <> 'name', r.connect_ms,
				format('there is a connection to %s', r.address),
				format('%s: %s. %s', place, r.error,
					CASE WHEN r.through IS NULL THEN 'Does it listen there, and for others than itself (qlm.listen_addresses, qlm.port), and does no firewall keep this machine from it? Where one may call out only through a proxy, say it: qlm.proxy, or proxy of the peer'
						ELSE 'Is that the proxy, and may this machine connect to it? It is named in proxy of the peer, else in qlm.proxy' END)),
			('proxy', CASE WHEN r.through IS NOT NULL AND (refused_by_proxy OR NOT in_doubt) THEN NOT refused_by_proxy END, NULL,
				CASE WHEN r.through IS NULL THEN 'it is called without one'
					WHEN NOT in_doubt THEN format('%s lets this through', r.through)
					WHEN r.status IS NULL THEN format('%s has taken the call, and there is no answer to tell whether it has let it through', r.through)
					ELSE format('%s has taken the call; HTTP status %s does not tell whether it has let it through, or has answered itself', r.through, r.status) END,
				format('%s does not let this through: %s', r.through, coalesce(rtrim(r.error, ' .') || '. ' || qlm.proxy_advice(r.error, host || port), qlm.advice(r.status, NULL, NULL)))),
			('TLS', CASE WHEN p.url ~* '^https:' THEN r.reached <> 'connection' END, NULL,
				CASE WHEN p.url ~* '^https:' THEN format('the certificate is that of "%s"', host)
					ELSE 'the url is http: all that is sent, secrets too, can be read on the way' END,
				format('%s. %s; or there is no TLS at this port, so that the url is http', rtrim(r.error, ' .'),
					CASE WHEN r.error ~* 'timed out|reset|syscall|unexpected eof' THEN 'Something on the way may swallow or end it'
						ELSE format('Its certificate must be for "%s", and of an authority that this machine trusts', host) END)),
			('HTTP', r.status IS NOT NULL AND qlm.advice(r.status, r.location, p.redirects) IS NULL, NULL,
				format('it answers a call with nothing by HTTP status %s', r.status),
				CASE WHEN r.status IS NULL THEN format('no answer: %s. Something on the way may swallow it, or the url%s lead to what speaks no HTTP', rtrim(r.error, ' .'),
						CASE WHEN in_doubt THEN ', or that of the proxy,' END)
					ELSE concat(format('HTTP status %s: %s', r.status, qlm.advice(r.status, r.location, p.redirects)),
						CASE WHEN in_doubt THEN '. Or it is the proxy that says so, and does not reach the host, does not let this machine call it, or wants other credentials' END,
						' (it says: "' || r.words || '")') END))
			AS x (step, ok, ms, good, bad)
	LOOP
		step := m.step;
		ok := m.ok;
		took := m.ms * interval '1 ms';
		message := CASE WHEN m.ok IS FALSE THEN m.bad ELSE m.good END;
		RETURN NEXT;
		i := i + 1;
		EXIT WHEN m.ok IS FALSE;
	END LOOP;

	IF ok AND runs AND p.role IS NOT NULL THEN
		a := qlm.ask_peer(p.name, format(empty_read, ''), (deadline - clock_timestamp()) / 2);
		step := 'envelope';
		ok := a.error IS NULL;
		took := a.took;
		message := CASE WHEN ok THEN 'it answers a message by a message'
			WHEN a.error ~ '(HTTP status|returnCode) 40[13]' THEN format('%s. It does not take this node for whom it knows: the url must end with /peer/ and the name that this node has there, or secret must be what that node has as credential for it', a.error)
			WHEN a.late THEN format('no answer within %s, but no error, either: %s. Say a longer time, as second argument; qlm.stat_outbox shows what is before it', date_trunc('second', a.took), a.error)
			WHEN a.error ~ 'HTTP status 3' THEN format('%s. Make where it leads the url of the peer', a.error)
			ELSE format('%s. That must be a node of QLM or O-MI, in a dialect that it understands (dialect of the peer), in a form field if it wants that (form)', a.error) END;
		RETURN NEXT;
		i := 7;
	END IF;

	IF ok AND i = 7 THEN
		step := 'hold';
		took := p.hold;
		asks := p.heartbeat IS NOT NULL;
		ok := CASE WHEN asks AND p.hold IS NOT NULL THEN p.hold_cut_by IS NULL OR p.hold >= interval '5 s' END;
		message := CASE WHEN NOT asks THEN 'it is not called by itself, so nothing is held'
			WHEN p.hold IS NULL THEN 'it was not called by itself yet'
			WHEN p.hold_cut_by IS NULL THEN format('it is asked to hold calls for %s, and nothing has cut one', p.hold)
			ELSE format('calls that it holds were cut after %s (%s), so it is asked to hold them for %s: let the box on the way wait for 60 s, if it is yours', p.hold_cut_after, p.hold_cut_by, p.hold) END;
		RETURN NEXT;

		own_name := substring(p.url FROM '/peer/([^/?#]+)/?$');
		IF own_name IS NULL AND p.secret ~* '^basic ' THEN
			BEGIN
				own_name := nullif(split_part(convert_from(decode(substr(p.secret, 7), 'base64'), 'UTF8'), ':', 1), '');
			EXCEPTION WHEN invalid_parameter_value OR character_not_in_repertoire OR untranslatable_character THEN
				own_name := NULL;	/* it is no name and password */
			END;
		END IF;
		step := 'piggy-back';
		took := NULL;
		ok := NULL;
		began := clock_timestamp();
		patience := least(deadline - began - interval '1 s', greatest(interval '2 s', CASE WHEN p.heartbeat > '30 s' THEN p.heartbeat + interval '2 s' END));
		IF NOT asks OR own_name IS NULL OR patience < '1 s' OR (p.heartbeat > '30 s' AND patience < p.heartbeat) THEN
			message := 'not tried: ' || CASE WHEN NOT asks THEN 'without a heartbeat nothing is fetched there'
				WHEN own_name IS NULL THEN 'the url does not say which name this node has there. Queue a request for this node there'
				ELSE 'there was no time left. Say a longer one' END;
		ELSE
			/* What this node is asked by way of that one, it answers before the question to that one has its answer. */
			a := qlm.ask_peer(p.name, format(empty_read, format('<nodeList><node>%s</node></nodeList>', own_name)), patience);
			SELECT o.message_id, o.created_at - began AS took INTO m FROM qlm.outbox AS o
				WHERE o.peer_id = p.peer_id AND o.kind = 'response' AND o.subscription_id IS NULL AND o.created_at >= began
				ORDER BY o.seq LIMIT 1;
			ok := CASE WHEN FOUND THEN true WHEN a.error ~ 'returnCode (40[0135]|501)' OR a.error IS NULL THEN NULL ELSE false END;
			message := CASE WHEN ok THEN 'a request for this node was nested in an answer to it there, and executed'
				WHEN ok IS NULL THEN format('not tried, as that node does not send on to this one: %s. Queue a request for this node there', coalesce(a.error, 'it knows no nodeList'))
				ELSE format('a request for this node there has not come within %s: %s. Does that node take this one for a peer that understands piggy-backed requests (piggyback in its row there), and not call it elsewhere?', patience, a.error) END;
			took := CASE WHEN ok THEN m.took ELSE a.took END;
		END IF;
		RETURN NEXT;

		SELECT o.last_error INTO m FROM qlm.outbox AS o
			WHERE o.peer_id = p.peer_id AND o.kind = 'response' AND o.state IN ('queued', 'sent') AND o.attempts > 0 AND o.last_error IS NOT NULL
			ORDER BY o.seq LIMIT 1;
		a := qlm.ask_peer(p.name, empty_answer, greatest(deadline - clock_timestamp(), '1 s'));
		took := a.took;
		ok := m.last_error IS NULL AND (a.error IS NULL OR a.error ~ 'returnCode 404');
		message := CASE WHEN m.last_error IS NOT NULL THEN format('answers and data of this node wait, as they are not taken: %s', m.last_error)
			WHEN ok THEN 'answers of this node are taken'
			ELSE format('an answer, to nothing, is not taken: %s', a.error) END;
		step := 'acknowledgement';
		RETURN NEXT;
		RETURN;
	END IF;

	ok := NULL;
	took := NULL;
	message := CASE WHEN runs OR i < 6 THEN 'not tried, as the step before did not go well' ELSE 'not tried, as the process that calls peers is not seen to run' END;
	FOREACH step IN ARRAY steps[i:]
	LOOP
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION @extschema@.qlm_check_peer(text, interval) IS 'try step by step whether a peer can be called, holds calls and hands over requests, within that time: what does not work, and what to do; ok null: not tried, or it cannot be told';
GRANT EXECUTE ON FUNCTION @extschema@.qlm_check_peer(text, interval) TO qlm_admin;
