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
