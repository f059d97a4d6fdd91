/*
 * Release 0.1.0 did not note how it has left its tables.  So this is what it had; whatever else is
 * there now was set up by an administrator, and a dump brings it along from now on.
 */
CREATE TEMP TABLE qlm_customized AS
SELECT x.kind, x.object
FROM qlm.catalog_state() AS x
	LEFT JOIN (VALUES
		('column', 'qlm.endpoint.', '{attempts, delivered, failures, last_error, last_failure, last_success, paused_until, url}'::text[]),
		('column', 'qlm.executed.', '{answer, executed_at, peer, request_id}'::text[]),
		('column', 'qlm.format.', '{description, name, reader, writer}'::text[]),
		('column', 'qlm.forwarded_result.', '{answer, final, request_id, seq}'::text[]),
		('column', 'qlm.forwarding.', '{ended, next_poll, peer, poll_seconds, remote_id, request_id, token}'::text[]),
		('column', 'qlm.gathering.', '{callback, created_at, dialect, envelope, peer, request_id, role, ttl}'::text[]),
		('column', 'qlm.handler.', '{function, path, verb}'::text[]),
		('column', 'qlm.info_item.', '{alt_names, attributes, description, info_item_id, name, object_id, path, type}'::text[]),
		('column', 'qlm.message.', '{at, direction, duration, envelope, message_no, peer, return_code, verb}'::text[]),
		('column', 'qlm.meta_data.', '{alt_names, attributes, description, info_item_id, is_odf, item_type, meta_data, name, ts, type, value, value_attributes}'::text[]),
		('column', 'qlm.object.', '{attributes, description, id, object_id, parent_id, path, type}'::text[]),
		('column', 'qlm.object_id.', '{"\"position\"", attributes, id, id_type, object_id, tag_type, validity}'::text[]),
		('column', 'qlm.outbox.', '{answer, answered_at, asker_peer, asker_role, attempts, awaited_by, created_at, dropped, envelope, expires_at, kind, last_error, message_id,
			next_attempt_at, node, peer, posting, priority, return_code, sent_as, sent_at, seq, state, subscription_id, url}'::text[]),
		('column', 'qlm.peer.', '{acknowledges, credential, dialect, echoes_ids, form, heartbeat, last_error, last_failure, last_seen, last_success, name, paths, peer_id, piggyback,
			role, secret, url}'::text[]),
		('column', 'qlm.retention.', '{keep, path, thin_after, thin_every}'::text[]),
		('column', 'qlm.subscription.', '{"\"interval\"", callback, created_at, deliveries, dialect, dropped, expires_at, next_due, node, peer, polled_at, request_id, role}'::text[]),
		('column', 'qlm.subscription_target.', '{path, request_id}'::text[]),
		('column', 'qlm.subscription_value.', '{info_item_id, request_id, seq, ts}'::text[]),
		('column', 'qlm.value.', '{attributes, info_item_id, is_odf, num, peer_id, ts, txt, type}'::text[]),
		('constraint', ' on qlm.endpoint', '{endpoint_pkey}'),
		('constraint', ' on qlm.executed', '{executed_pkey}'),
		('constraint', ' on qlm.format', '{format_check, format_name_check, format_pkey}'),
		('constraint', ' on qlm.forwarded_result', '{forwarded_result_pkey, forwarded_result_request_id_fkey}'),
		('constraint', ' on qlm.forwarding', '{forwarding_pkey, forwarding_remote_id_check}'),
		('constraint', ' on qlm.gathering', '{gathering_pkey}'),
		('constraint', ' on qlm.handler', '{handler_function_check, handler_path_check, handler_pkey, handler_verb_check}'),
		('constraint', ' on qlm.info_item', '{info_item_name_check, info_item_object_id_fkey, info_item_path_key, info_item_pkey}'),
		('constraint', ' on qlm.message', '{message_direction_check, message_pkey}'),
		('constraint', ' on qlm.meta_data', '{meta_data_info_item_id_fkey, meta_data_name_check, meta_data_pkey}'),
		('constraint', ' on qlm.object', '{object_id_check, object_parent_id_fkey, object_path_key, object_pkey}'),
		('constraint', ' on qlm.object_id', '{object_id_object_id_fkey, object_id_pkey}'),
		('constraint', ' on qlm.outbox', '{outbox_check, outbox_kind_check, outbox_pkey, outbox_state_check}'),
		('constraint', ' on qlm.peer', '{peer_name_check, peer_name_key, peer_pkey, peer_secret_check}'),
		('constraint', ' on qlm.retention', '{retention_check, retention_check1, retention_keep_check, retention_pkey, retention_thin_after_check, retention_thin_every_check,
			retention_thin_every_check1}'),
		('constraint', ' on qlm.subscription', '{subscription_pkey}'),
		('constraint', ' on qlm.subscription_target', '{subscription_target_pkey, subscription_target_request_id_fkey}'),
		('constraint', ' on qlm.subscription_value', '{subscription_value_pkey}'),
		('constraint', ' on qlm.value', '{value_check, value_ts_check}'),
		('index', 'qlm.', '{endpoint_paused_until_idx, executed_executed_at_idx, forwarding_next_poll_idx, forwarding_remote_id_idx, forwarding_token_idx,
			gathering_connection_idx, gathering_owner_idx, info_item_alt_names_idx, info_item_object_id_idx, object_id_id_idx, object_parent_id_idx,
			outbox_asker_idx, outbox_awaited_by_idx, outbox_awaited_end_idx, outbox_awaited_ended_idx, outbox_expires_at_idx, outbox_finished_idx,
			outbox_next_attempt_at_idx, outbox_peer_idx, outbox_peer_url_idx, outbox_subscription_idx, outbox_unacknowledged_idx, outbox_url_idx, peer_url_idx,
			subscription_connection_idx, subscription_expires_at_idx, subscription_next_due_idx, subscription_owner_idx, value_default_info_item_id_ts_idx}'),
		('option', 'qlm.current ', '{security_invoker}'),
		('option', 'qlm.endpoint ', '{fillfactor}'),
		('option', 'qlm.history ', '{security_invoker}'),
		('option', 'qlm.value_default ', '{autovacuum_vacuum_insert_scale_factor}'),
		('trigger', ' on qlm.info_item', '{forget_begin, forget_deleted, forget_move_begin, forget_moved, forget_static, forget_truncated, forget_values, forget_values_truncated}'),
		('trigger', ' on qlm.meta_data', '{forget_added, forget_deleted, forget_truncated, forget_updated}'),
		('trigger', ' on qlm.object', '{forget_begin, forget_deleted, forget_move_begin, forget_moved, forget_static, forget_truncated}'),
		('trigger', ' on qlm.object_id', '{forget_added, forget_deleted, forget_truncated, forget_updated}'),
		('trigger', ' on qlm.outbox', '{awaited_ended}'),
		('trigger', ' on qlm.peer', '{peer_changed, peer_role}'),
		('trigger', ' on qlm.retention', '{retention_changed}'),
		('trigger', ' on qlm.subscription', '{forwarded_ended, subscription_changed, subscription_ended, subscription_ended_all}'),
		('trigger', ' on qlm.subscription_target', '{subscription_target_changed}'),
		('trigger', ' on qlm.value', '{value_changed}'),
		('trigger state', ' on qlm.info_item', '{forget_begin, forget_deleted, forget_move_begin, forget_moved, forget_static, forget_truncated, forget_values, forget_values_truncated}'),
		('trigger state', ' on qlm.meta_data', '{forget_added, forget_deleted, forget_truncated, forget_updated}'),
		('trigger state', ' on qlm.object', '{forget_begin, forget_deleted, forget_move_begin, forget_moved, forget_static, forget_truncated}'),
		('trigger state', ' on qlm.object_id', '{forget_added, forget_deleted, forget_truncated, forget_updated}')) AS k(kind, place, names) ON k.kind = x.kind
		AND x.object = ANY (SELECT CASE WHEN k.place LIKE ' on %' THEN n || k.place ELSE k.place || n END FROM unnest(k.names) AS n)
WHERE k.kind IS NULL
	AND x.kind NOT IN ('comment', 'default', 'function option', 'function setting', 'not null', 'owner', 'replica identity', 'sequence');

/* What is said of those */
INSERT INTO qlm_customized
SELECT x.kind, x.object
FROM qlm.catalog_state() AS x
WHERE (x.kind IN ('default', 'not null') AND EXISTS (SELECT FROM qlm_customized AS c WHERE c.kind = 'column' AND c.object = x.object))
	OR (x.kind = 'comment' AND EXISTS (SELECT FROM qlm_customized AS c
		WHERE c.kind IN ('column', 'constraint', 'index', 'policy', 'rule', 'statistics', 'trigger') AND x.object LIKE '% ' || replace(replace(c.object, '\', '\\'), '_', '\_')));

/* Triggers of ours that are off, or on in another way than 0.1.0 has left them, stay so. */
CREATE TEMP TABLE qlm_trigger_state AS
SELECT t.tgrelid, t.tgname, t.tgenabled
FROM pg_trigger AS t
	JOIN pg_class AS c ON c.oid = t.tgrelid
WHERE c.relnamespace = 'qlm'::regnamespace AND NOT t.tgisinternal
	AND t.tgenabled <> CASE WHEN t.tgname LIKE 'forget\_%' THEN 'A' ELSE 'O' END;

/* Rights that 0.1.0 gave, and an administrator has taken, are not given again. */
CREATE TEMP TABLE qlm_revoked AS
SELECT i.classoid, i.objoid, i.objsubid, x.privilege_type, x.grantee
FROM pg_init_privs AS i
	JOIN pg_depend AS d ON d.classid = i.classoid AND d.objid = i.objoid AND d.deptype = 'e'
	JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid AND e.extname = 'qlm'
	CROSS JOIN LATERAL aclexplode(i.initprivs) AS x
	CROSS JOIN LATERAL (
		SELECT c.relowner AS owner, CASE WHEN i.objsubid <> 0
				THEN (SELECT a.attacl FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum = i.objsubid)
				ELSE COALESCE(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner)) END AS acl
			FROM pg_class AS c WHERE i.classoid = 'pg_class'::regclass AND c.oid = i.objoid
		UNION ALL SELECT p.proowner, COALESCE(p.proacl, acldefault('f', p.proowner))
			FROM pg_proc AS p WHERE i.classoid = 'pg_proc'::regclass AND p.oid = i.objoid
		UNION ALL SELECT n.nspowner, COALESCE(n.nspacl, acldefault('n', n.nspowner))
			FROM pg_namespace AS n WHERE i.classoid = 'pg_namespace'::regclass AND n.oid = i.objoid) AS o
WHERE x.grantee <> o.owner
	AND NOT EXISTS (SELECT FROM aclexplode(o.acl) AS y WHERE y.grantee = x.grantee AND y.privilege_type = x.privilege_type);
