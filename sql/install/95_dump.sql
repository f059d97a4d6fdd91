/* What pg_dump must carry: users' data and configuration, and the numbers. */

DO $$
DECLARE
	name text;
BEGIN
	FOREACH name IN ARRAY ARRAY[
		'object_seq', 'object', 'object_id', 'info_item_seq', 'info_item',
		'meta_data', 'value_default', 'retention', 'peer_seq', 'peer', 'handler', 'outbox_seq',
		'endpoint', 'executed', 'subscription_value_seq', 'subscription_value',
		'forwarded_result', 'message_seq', 'message', 'format'] LOOP
		PERFORM pg_catalog.pg_extension_config_dump(pg_catalog.format('qlm.%s', name)::pg_catalog.regclass, '');
	END LOOP;
	/* What belongs to WebSocket connections ends with them. */
	PERFORM pg_catalog.pg_extension_config_dump('qlm.outbox', $w$WHERE (url LIKE '~%') IS NOT TRUE$w$);
	PERFORM pg_catalog.pg_extension_config_dump('qlm.gathering', $w$WHERE callback NOT LIKE '~%'$w$);
	PERFORM pg_catalog.pg_extension_config_dump('qlm.subscription', $w$WHERE (callback LIKE '~%') IS NOT TRUE$w$);
	PERFORM pg_catalog.pg_extension_config_dump('qlm.subscription_target',
		$w$WHERE request_id NOT IN (SELECT s.request_id FROM qlm.subscription AS s WHERE s.callback LIKE '~%')$w$);
	PERFORM pg_catalog.pg_extension_config_dump('qlm.forwarding',
		$w$WHERE request_id NOT IN (SELECT s.request_id FROM qlm.subscription AS s WHERE s.callback LIKE '~%')$w$);
	/* What is set up on the tables now is looked up while it is dumped, with what waits since a restore. */
	PERFORM pg_catalog.pg_extension_config_dump('qlm.customization',
		'WHERE true UNION ALL SELECT c.step, c.kind, c.object, c.statement, c.command FROM qlm.dumped_customizations() AS c');
END
$$;
