/* What pg_dump must carry: users' data and configuration, and the numbers. */

DO $$
DECLARE
	name text;
BEGIN
	FOREACH name IN ARRAY ARRAY[
		'object_seq', 'object', 'object_id', 'info_item_seq', 'info_item',
		'meta_data', 'value_default', 'retention', 'peer_seq', 'peer', 'handler', 'outbox_seq',
		'outbox', 'endpoint', 'executed', 'subscription', 'subscription_target',
		'subscription_value_seq', 'subscription_value', 'message_seq',
		'message', 'format'] LOOP
		PERFORM pg_catalog.pg_extension_config_dump(pg_catalog.format('qlm.%s', name)::pg_catalog.regclass, '');
	END LOOP;
END
$$;
