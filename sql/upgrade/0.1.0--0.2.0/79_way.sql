/* The way to a peer: through which proxy, and whether it may send on. */
SET LOCAL search_path = pg_catalog, pg_temp;

CREATE FUNCTION qlm.url_is_proxy(url text) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_url_is_proxy_sql';
COMMENT ON FUNCTION qlm.url_is_proxy(text) IS 'whether it is the URL of a proxy: http, https, socks5 or socks5h with a host, and a port that exists if any';
REVOKE ALL ON FUNCTION qlm.url_is_proxy(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION qlm.url_is_proxy(text) TO qlm_admin;

ALTER TABLE qlm.peer
	ADD COLUMN proxy text CONSTRAINT peer_proxy_check CHECK (proxy = '' OR qlm.url_is_proxy(proxy) AND octet_length(proxy) <= 2000),
	ADD COLUMN redirects boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN qlm.peer.proxy IS 'URL of the proxy through which this node calls it, with the secret for that; empty: none; null: as qlm.proxy says';
COMMENT ON COLUMN qlm.peer.redirects IS 'whether HTTP statuses 307 and 308 are followed when this node calls it';
GRANT INSERT (proxy, redirects), UPDATE (proxy, redirects) ON qlm.peer TO qlm_admin;

DROP TRIGGER peer_changed ON qlm.peer;
CREATE TRIGGER peer_changed
	AFTER INSERT OR DELETE OR TRUNCATE
		OR UPDATE OF peer_id, name, url, role, role_id, credential, paths, piggyback, heartbeat, dialect, echoes_ids, acknowledges, secret, form, by_name, in_order, proxy, redirects, tried_at, takes_nested
	ON qlm.peer
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.configuration_changed();
COMMENT ON TRIGGER peer_changed ON qlm.peer IS 'tells all processes';

/* Web pages that callbacks are answered with */
ALTER TABLE qlm.endpoint ADD COLUMN pages bigint NOT NULL DEFAULT 0, ADD COLUMN last_page text;
COMMENT ON COLUMN qlm.endpoint.pages IS 'answers to callbacks that were web pages';
COMMENT ON COLUMN qlm.endpoint.last_page IS 'first words of the last of them';
CREATE OR REPLACE VIEW qlm.stat_delivery AS
	SELECT pg_catalog.regexp_replace(url, '://[^/?#]*@', '://***@') AS url,
		CASE WHEN e.paused_until > pg_catalog.now() THEN 'paused'
			WHEN e.failures = 0 AND e.last_failure >= COALESCE(e.last_success, '-infinity') THEN 'refused'
			ELSE 'ok' END AS state,
		COALESCE(w.queued, 0) AS queued,
		w.oldest_waiting,
		COALESCE(e.attempts, 0) AS attempts,
		COALESCE(e.failures + e.refusals, 0) AS failures,
		CASE WHEN e.paused_until > pg_catalog.now() THEN e.paused_until END AS paused_until,
		e.last_success,
		e.last_failure,
		e.last_error,
		COALESCE(e.delivered, 0) AS delivered,
		(SELECT n.name FROM qlm.peer AS n WHERE n.peer_id = COALESCE(e.peer_id, w.peer_id)) AS peer,
		COALESCE(e.refused, 0) AS refused,
		COALESCE(e.pages, 0) AS pages,
		e.last_page
	FROM qlm.endpoint AS e
		FULL JOIN (
			SELECT COALESCE(o.url, p.url) AS url,
				o.peer_id,
				pg_catalog.count(*) FILTER (WHERE o.state = 'queued' OR o.posting) AS queued,
				pg_catalog.min(o.created_at) FILTER (WHERE o.state = 'queued' OR o.posting) AS oldest_waiting
			FROM qlm.outbox AS o
				LEFT JOIN qlm.peer AS p ON p.peer_id = o.peer_id AND o.url IS NULL
			WHERE o.state IN ('queued', 'sent') AND COALESCE(o.url, p.url) IS NOT NULL
				AND (o.url LIKE '~%') IS NOT TRUE
			GROUP BY 1, 2) AS w USING (url, peer_id);
COMMENT ON COLUMN qlm.stat_delivery.pages IS 'answers that were web pages, instead of nothing or an envelope; qlm.refuse_pages says whether these messages count as delivered';
COMMENT ON COLUMN qlm.stat_delivery.last_page IS 'first words of the last of them';
