/* Tables as they are now, with the rows in them. */

/* Triggers do what foreign keys did. */
ALTER TABLE qlm.object DROP CONSTRAINT object_parent_id_fkey;
ALTER TABLE qlm.object_id DROP CONSTRAINT object_id_object_id_fkey;
ALTER TABLE qlm.info_item DROP CONSTRAINT info_item_object_id_fkey;
ALTER TABLE qlm.meta_data DROP CONSTRAINT meta_data_info_item_id_fkey;
ALTER TABLE qlm.subscription_target DROP CONSTRAINT subscription_target_request_id_fkey;
ALTER TABLE qlm.forwarded_result DROP CONSTRAINT forwarded_result_request_id_fkey;

/* Values in MetaData have times as all others have. */
ALTER TABLE qlm.meta_data ALTER COLUMN ts SET DEFAULT pg_catalog.now();
UPDATE qlm.meta_data SET ts = now() WHERE ts IS NULL AND value IS NOT NULL;

CREATE INDEX value_default_ts_idx ON qlm.value_default (ts);

/*
 * WebSockets that this node opens have URLs with ws://.  Names of connections
 * to this node begin with ~ instead of ws:; what is left of such is over.
 */
DELETE FROM qlm.subscription WHERE callback LIKE 'ws:%';
DELETE FROM qlm.gathering WHERE callback LIKE 'ws:%';
DELETE FROM qlm.outbox WHERE url LIKE 'ws:%';

/* Rows know peers by number, so indexes do; and roles. */
ALTER TABLE qlm.subscription ADD COLUMN role_id bigint NOT NULL DEFAULT 0;
DROP INDEX qlm.subscription_owner_idx, qlm.subscription_connection_idx;
CREATE INDEX subscription_owner_idx ON qlm.subscription (peer_id, role_id);
CREATE INDEX subscription_connection_idx ON qlm.subscription (callback) WHERE callback LIKE '~%';
DROP INDEX qlm.forwarding_remote_id_idx;
CREATE INDEX forwarding_remote_id_idx ON qlm.forwarding (peer_id, remote_id);
ALTER TABLE qlm.gathering ADD COLUMN role_id bigint NOT NULL DEFAULT 0;
DROP INDEX qlm.gathering_owner_idx, qlm.gathering_connection_idx;
CREATE INDEX gathering_owner_idx ON qlm.gathering (peer_id, role_id);
CREATE INDEX gathering_connection_idx ON qlm.gathering (callback) WHERE callback LIKE '~%';

ALTER TABLE qlm.outbox
	ADD COLUMN asker_role_id bigint NOT NULL DEFAULT 0,
	ADD COLUMN deliveries int NOT NULL DEFAULT 0,
	ADD COLUMN in_order boolean NOT NULL DEFAULT false;
DROP INDEX qlm.outbox_peer_idx, qlm.outbox_peer_url_idx, qlm.outbox_url_idx, qlm.outbox_unacknowledged_idx, qlm.outbox_asker_idx;
CREATE INDEX outbox_peer_idx ON qlm.outbox (peer_id, priority DESC, seq)
	WHERE state IN ('queued', 'sent') AND url IS NULL;
CREATE INDEX outbox_peer_url_idx ON qlm.outbox (peer_id, priority DESC, seq)
	WHERE state IN ('queued', 'sent') AND url IS NOT NULL AND peer_id <> 0;
CREATE INDEX outbox_url_idx ON qlm.outbox (url, peer_id, priority DESC, seq)
	WHERE state IN ('queued', 'sent') AND url IS NOT NULL;
CREATE INDEX outbox_unanswered_idx ON qlm.outbox (peer_id, sent_at)
	WHERE state = 'sent' AND kind = 'request' AND url IS NULL;
CREATE INDEX outbox_in_order_idx ON qlm.outbox (peer_id, priority DESC, seq)
	WHERE state IN ('queued', 'sent') AND in_order;
CREATE INDEX outbox_unacknowledged_idx ON qlm.outbox (peer_id)
	WHERE state = 'sent' AND kind = 'response' AND NOT posting;
CREATE INDEX outbox_subscription_sent_idx ON qlm.outbox (subscription_id)
	WHERE state = 'sent' AND subscription_id IS NOT NULL;
CREATE INDEX outbox_asker_idx ON qlm.outbox (asker_peer_id, asker_role_id)
	WHERE state IN ('queued', 'sent') AND asker_role IS NOT NULL;
CREATE INDEX outbox_seq_idx ON qlm.outbox (seq) WHERE state = 'queued';
CREATE INDEX outbox_large_idx ON qlm.outbox (seq)
	WHERE state NOT IN ('queued', 'sent')
	AND pg_catalog.octet_length(envelope) + pg_catalog.octet_length(COALESCE(answer, '')) > 65536;

ALTER TABLE qlm.endpoint
	DROP CONSTRAINT endpoint_pkey,
	ADD PRIMARY KEY (peer_id, url),
	ADD COLUMN refusals int NOT NULL DEFAULT 0,
	ADD COLUMN refused bigint NOT NULL DEFAULT 0,
	ADD COLUMN pages bigint NOT NULL DEFAULT 0,
	ADD COLUMN last_page text;

ALTER TABLE qlm.executed
	DROP CONSTRAINT executed_pkey,
	ADD COLUMN content text NOT NULL DEFAULT '';
CREATE UNIQUE INDEX executed_request_id_idx ON qlm.executed (peer_id, request_id, content) WHERE peer_id > 0;

/* The journal holds envelopes, whatever they say. */
ALTER TABLE qlm.message RENAME TO journal;
ALTER TABLE qlm.journal RENAME COLUMN message_no TO journal_no;
ALTER TABLE qlm.journal RENAME CONSTRAINT message_direction_check TO journal_direction_check;
ALTER INDEX qlm.message_pkey RENAME TO journal_pkey;
ALTER SEQUENCE qlm.message_seq RENAME TO journal_seq;
UPDATE qlm_customized SET object = regexp_replace(object, '\mqlm\.message(?=\M|_seq\M)', 'qlm.journal');

/* Names of constraints say the rule. */
ALTER TABLE qlm.retention RENAME CONSTRAINT retention_check TO retention_thins_after_and_every;
ALTER TABLE qlm.retention RENAME CONSTRAINT retention_check1 TO retention_keeps_or_thins;
ALTER TABLE qlm.retention RENAME CONSTRAINT retention_thin_every_check1 TO retention_thins_every_so_many_days;
ALTER TABLE qlm.format RENAME CONSTRAINT format_check TO format_reads_or_writes;
ALTER TABLE qlm.outbox RENAME CONSTRAINT outbox_check TO outbox_has_peer_or_url;
