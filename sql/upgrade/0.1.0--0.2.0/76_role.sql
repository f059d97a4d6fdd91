/*
 * Rows know their roles by number.  What 0.1.0 has kept of roles that were dropped is
 * nobody's, and ends.
 */
ALTER TABLE qlm.peer ALTER COLUMN role DROP NOT NULL, ADD COLUMN role_id bigint NOT NULL DEFAULT 0;
ALTER TABLE qlm.outbox ADD COLUMN asker_role_id bigint NOT NULL DEFAULT 0;
ALTER TABLE qlm.gathering ADD COLUMN role_id bigint NOT NULL DEFAULT 0;
ALTER TABLE qlm.subscription ADD COLUMN role_id bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN qlm.peer.role IS 'database role whose rights its messages have; null: it was dropped, so it has none';
COMMENT ON COLUMN qlm.peer.role_id IS 'which role that is, whatever its name: its OID, with a mark of this cluster in the upper half; of another cluster, or 0: that of the name';
COMMENT ON COLUMN qlm.outbox.asker_role_id IS 'which role asked for it, as in qlm.peer.role_id';
COMMENT ON COLUMN qlm.gathering.role_id IS 'which role that is, as in qlm.peer.role_id';
COMMENT ON COLUMN qlm.subscription.role_id IS 'which role that is, as in qlm.peer.role_id';

DROP INDEX qlm.outbox_asker_idx, qlm.gathering_owner_idx, qlm.subscription_owner_idx;
CREATE INDEX outbox_asker_idx ON qlm.outbox (asker_peer_id, asker_role_id)
	WHERE state IN ('queued', 'sent') AND asker_role IS NOT NULL;
CREATE INDEX gathering_owner_idx ON qlm.gathering (peer_id, role_id);
CREATE INDEX subscription_owner_idx ON qlm.subscription (peer_id, role_id);

DROP TRIGGER peer_changed ON qlm.peer;
CREATE TRIGGER peer_changed
	AFTER INSERT OR DELETE OR TRUNCATE
		OR UPDATE OF peer_id, name, url, role, role_id, credential, paths, piggyback, heartbeat, dialect, echoes_ids, acknowledges, secret, form, by_name
	ON qlm.peer
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.configuration_changed();
COMMENT ON TRIGGER peer_changed ON qlm.peer IS 'tells all processes';
DROP TRIGGER subscription_changed ON qlm.subscription;
CREATE TRIGGER subscription_changed
	AFTER INSERT OR DELETE OR TRUNCATE
		OR UPDATE OF request_id, role, role_id, peer, callback, interval, dialect, created_at, expires_at, node
	ON qlm.subscription
	FOR EACH STATEMENT EXECUTE FUNCTION qlm.configuration_changed();
COMMENT ON TRIGGER subscription_changed ON qlm.subscription IS 'tells all processes';


CREATE FUNCTION qlm.follow_roles() RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'qlm_follow_roles';
COMMENT ON FUNCTION qlm.follow_roles() IS 'has peers, subscriptions and messages follow roles that were renamed or dropped, where neither the statement nor a dispatcher of this database has done so';
