/* Rights come with the three roles. */

GRANT USAGE ON SCHEMA qlm TO qlm_reader;
GRANT SELECT ON qlm.object, qlm.object_id, qlm.info_item, qlm.meta_data, qlm.value, qlm.history, qlm.current TO qlm_reader;
GRANT SELECT (peer_id, name) ON qlm.peer TO qlm_reader;
GRANT EXECUTE ON FUNCTION
	@extschema@.qlm_handle(text, text),
	@extschema@.qlm_handle(xml, text),
	@extschema@.qlm_handle_json(json, text),
	@extschema@.qlm_handle_counted(text, text),
	@extschema@.qlm_handle_counted(xml, text),
	@extschema@.qlm_handle_json_counted(json, text),
	@extschema@.qlm_read(text, timestamptz, timestamptz, int, int),
	@extschema@.qlm_read(text, date, date, int, int),
	@extschema@.qlm_subscribe(text, double precision, text, interval),
	@extschema@.qlm_poll(bigint),
	@extschema@.qlm_cancel(bigint),
	@extschema@.qlm_read_envelope(text, timestamptz, timestamptz, int, int, double precision, text, boolean),
	@extschema@.qlm_write_envelope(text, text, timestamptz, text),
	@extschema@.qlm_write_envelope(text, double precision, timestamptz, text),
	@extschema@.qlm_write_envelope(text, numeric, timestamptz, text),
	@extschema@.qlm_write_envelope(text, bigint, timestamptz, text),
	@extschema@.qlm_write_envelope(text, boolean, timestamptz, text),
	@extschema@.qlm_write_envelope(text, jsonb, timestamptz, text),
	@extschema@.qlm_call(text, text, text),
	@extschema@.qlm_call(text, double precision, text),
	@extschema@.qlm_call(text, numeric, text),
	@extschema@.qlm_call(text, bigint, text),
	@extschema@.qlm_call(text, boolean, text),
	@extschema@.qlm_call(text, jsonb, text),
	@extschema@.qlm_call_envelope(text, text, text),
	@extschema@.qlm_call_envelope(text, double precision, text),
	@extschema@.qlm_call_envelope(text, numeric, text),
	@extschema@.qlm_call_envelope(text, bigint, text),
	@extschema@.qlm_call_envelope(text, boolean, text),
	@extschema@.qlm_call_envelope(text, jsonb, text),
	@extschema@.qlm_version(),
	qlm.path_normal(text),
	qlm.peer_name(int),
	qlm.number_text(double precision)
	TO qlm_reader;

GRANT INSERT, UPDATE, DELETE ON qlm.object, qlm.object_id, qlm.info_item, qlm.meta_data, qlm.value TO qlm_writer;
GRANT USAGE ON SEQUENCE qlm.object_seq, qlm.info_item_seq TO qlm_writer;
GRANT EXECUTE ON FUNCTION
	@extschema@.qlm_write(text, text, timestamptz, text),
	@extschema@.qlm_write(text, double precision, timestamptz, text),
	@extschema@.qlm_write(text, numeric, timestamptz, text),
	@extschema@.qlm_write(text, bigint, timestamptz, text),
	@extschema@.qlm_write(text, boolean, timestamptz, text),
	@extschema@.qlm_write(text, jsonb, timestamptz, text),
	@extschema@.qlm_write_counted(text, text, timestamptz, text),
	@extschema@.qlm_write_counted(text, double precision, timestamptz, text),
	@extschema@.qlm_write_counted(text, numeric, timestamptz, text),
	@extschema@.qlm_write_counted(text, bigint, timestamptz, text),
	@extschema@.qlm_write_counted(text, boolean, timestamptz, text),
	@extschema@.qlm_write_counted(text, jsonb, timestamptz, text),
	@extschema@.qlm_rename(text, text, boolean),
	@extschema@.qlm_delete(text),
	@extschema@.qlm_delete(text, timestamptz, timestamptz),
	@extschema@.qlm_delete(text, date, date)
	TO qlm_writer;

GRANT SELECT, INSERT, UPDATE, DELETE ON qlm.handler, qlm.endpoint, qlm.message, qlm.retention, qlm.format TO qlm_admin;
/* Numbers of peers are this node's to give, and who has asked for what is not an administrator's to say. */
GRANT SELECT, DELETE ON qlm.peer, qlm.outbox, qlm.executed TO qlm_admin;
GRANT INSERT (name, url, role, credential, paths, piggyback, heartbeat, dialect, echoes_ids, acknowledges, secret, form, by_name, in_order, proxy, redirects),
	UPDATE (name, url, role, credential, paths, piggyback, heartbeat, dialect, echoes_ids, acknowledges, secret, form, by_name, in_order, proxy, redirects,
		tried_at, takes_nested, last_seen, last_success, last_failure, last_error)
	ON qlm.peer TO qlm_admin;
GRANT INSERT (message_id, peer, url, kind, envelope, state, priority, subscription_id, created_at, expires_at, attempts, next_attempt_at,
		sent_at, answered_at, return_code, answer, last_error, in_order),
	UPDATE (peer, url, kind, envelope, state, priority, subscription_id, created_at, expires_at, attempts, next_attempt_at, sent_at, answered_at,
		return_code, answer, last_error, in_order)
	ON qlm.outbox TO qlm_admin;
GRANT INSERT (peer, request_id, answer, executed_at), UPDATE (peer, request_id, answer, executed_at) ON qlm.executed TO qlm_admin;
/* Data of a subscription are read with the rights of its role: only qlm_subscribe makes one. */
GRANT SELECT, DELETE ON qlm.gathering, qlm.forwarding, qlm.forwarded_result, qlm.subscription, qlm.subscription_target, qlm.subscription_value TO qlm_admin;
GRANT SELECT ON qlm.stat_worker, qlm.stat_peer, qlm.stat_outbox, qlm.stat_delivery, qlm.stat_subscription TO qlm_admin;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA qlm TO qlm_admin;
GRANT EXECUTE ON FUNCTION
	@extschema@.qlm_request(text, text, interval, int, boolean),
	@extschema@.qlm_request(text, xml, interval, int, boolean),
	@extschema@.qlm_await(bigint, interval),
	@extschema@.qlm_requeue(bigint),
	@extschema@.qlm_add_peer(text, text, name, text, text[], boolean, interval, text, text, boolean, boolean, boolean, text, boolean),
	@extschema@.qlm_drop_peer(text),
	@extschema@.qlm_set_retention(text, interval, interval, interval),
	@extschema@.qlm_apply_retention(),
	@extschema@.qlm_make_partitions(timestamptz, timestamptz),
	@extschema@.qlm_set_handler(text, regprocedure, text),
	@extschema@.qlm_add_format(text, regprocedure, regprocedure, text),
	@extschema@.qlm_drop_format(text),
	qlm.format_is_built_in(text),
	@extschema@.qlm_start(),
	@extschema@.qlm_stop(),
	qlm.credential_hash(text),
	qlm.dialect_is_known(text),
	qlm.url_is_http(text),
	qlm.url_is_proxy(text),
	qlm.credential_is_hash(text),
	qlm.paths_are_stored(text[]),
	qlm.worker_stats()
	TO qlm_admin;

/* Who watches the server watches the node: what it is doing, no message and no secret. */
GRANT USAGE ON SCHEMA qlm TO pg_monitor;
GRANT SELECT ON qlm.stat_worker, qlm.stat_peer, qlm.stat_outbox, qlm.stat_delivery, qlm.stat_subscription TO pg_monitor;
GRANT EXECUTE ON FUNCTION qlm.worker_stats() TO pg_monitor;
