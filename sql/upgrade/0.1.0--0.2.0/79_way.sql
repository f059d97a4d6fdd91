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
