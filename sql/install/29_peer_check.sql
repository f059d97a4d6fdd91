/* What is right in a peer's row, and how what an administrator writes becomes so. */

CREATE OR REPLACE FUNCTION qlm.credential_hash(secret text) RETURNS text
	LANGUAGE c VOLATILE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_credential_hash';
COMMENT ON FUNCTION qlm.credential_hash(text) IS 'salted hash of a secret, for qlm.peer.credential';
GRANT EXECUTE ON FUNCTION qlm.credential_hash(text) TO qlm_admin;

CREATE OR REPLACE FUNCTION qlm.credential_is_hash(credential text) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_credential_is_hash';
COMMENT ON FUNCTION qlm.credential_is_hash(text) IS 'whether it is a hash that qlm.credential_hash gives';
GRANT EXECUTE ON FUNCTION qlm.credential_is_hash(text) TO qlm_admin;

CREATE OR REPLACE FUNCTION qlm.paths_are_stored(paths text[]) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_paths_are_stored';
COMMENT ON FUNCTION qlm.paths_are_stored(text[]) IS 'whether all are paths as qlm.path_normal gives them';
GRANT EXECUTE ON FUNCTION qlm.paths_are_stored(text[]) TO qlm_admin;

CREATE OR REPLACE FUNCTION qlm.dialect_is_known(dialect text) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_dialect_is_known';
COMMENT ON FUNCTION qlm.dialect_is_known(text) IS 'whether messages can be written in this dialect: Q0 Q1 QP M0 M1a M1b M2';
GRANT EXECUTE ON FUNCTION qlm.dialect_is_known(text) TO qlm_admin;

CREATE OR REPLACE FUNCTION qlm.url_is_http(url text) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_url_is_http';
COMMENT ON FUNCTION qlm.url_is_http(text) IS 'whether it is an absolute http or https URL with a host, and a port that exists if any';
GRANT EXECUTE ON FUNCTION qlm.url_is_http(text) TO qlm_admin;

CREATE OR REPLACE FUNCTION qlm.url_is_proxy(url text) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_sql_url_is_proxy';
COMMENT ON FUNCTION qlm.url_is_proxy(text) IS 'whether it is the URL of a proxy: http, https, socks5 or socks5h with a host, and a port that exists if any';
GRANT EXECUTE ON FUNCTION qlm.url_is_proxy(text) TO qlm_admin;
