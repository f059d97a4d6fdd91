# Dump and restore lose nothing, clash with nothing and fire nothing.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use QlmTest;
use Test::More;

my $node = qlm_node('dump', preload => 0);

$node->safe_psql('postgres', <<'EOQ');
SELECT qlm_handle('<omiEnvelope version="1.0" ttl="0"><write><msg><Objects>
	<Object type="T" a="1"><id idType="s">D</id><id>urn:d</id><description lang="en">d</description>
	<InfoItem name="x"><name>alias</name><MetaData><InfoItem name="unit"><value>K</value></InfoItem></MetaData>
	<value dateTime="2024-01-15T00:00:00Z">1</value><value dateTime="2024-02-15T00:00:00Z">2.50</value>
	<value dateTime="1500-01-01T00:00:00Z">old</value></InfoItem></Object></Objects></msg></write></omiEnvelope>');
SELECT qlm_add_peer('p', role => 'qlm_writer', credential => 'secret', paths => '{D}');
SELECT qlm_request('p', qlm_read_envelope('D/x'));
SELECT qlm_subscribe('D', -1);
SELECT qlm_write('D/x', '3', '2024-03-01Z');
SELECT qlm_add_peer('away', url => 'http://192.0.2.1/qlm', heartbeat => '1 min', secret => 'shown');
SELECT qlm_request('away', qlm_read_envelope('Far/x'));
SELECT qlm_handle('<omiEnvelope version="2.0" ttl="-1"><read interval="-1"><nodeList><node>away</node></nodeList><msg><Objects/></msg></read></omiEnvelope>');
INSERT INTO qlm.forwarded_result (request_id, answer) SELECT request_id, '<omiEnvelope/>' FROM qlm.forwarding;
INSERT INTO qlm.endpoint (url, failures, paused_until, last_error) VALUES ('http://192.0.2.1/qlm', 3, '2024-03-01Z', 'down');
INSERT INTO qlm.gathering (request_id, role, callback, envelope, dialect, ttl, created_at) VALUES (9002, 'qlm_reader', 'http://192.0.2.1/cb', '<omiEnvelope/>', 'M2', 60, '2024-03-01Z');
INSERT INTO qlm.executed (peer, request_id, answer, executed_at) VALUES ('away', '9001', '<omiEnvelope/>', '2024-03-01Z');
EOQ

my ($everything, $before, $file);
subtest 'everything, in an order that does not depend on the tables' => sub {
	$everything = <<'EOQ';
SELECT 'object', o::text FROM qlm.object o UNION ALL
SELECT 'id', o::text FROM qlm.object_id o UNION ALL
SELECT 'item', i::text FROM qlm.info_item i UNION ALL
SELECT 'meta', m::text FROM qlm.meta_data m UNION ALL
SELECT 'value', v::text FROM qlm.value v UNION ALL
SELECT 'history', h::text FROM qlm.history h UNION ALL
SELECT 'peer', p::text FROM qlm.peer p UNION ALL
SELECT 'outbox', o::text FROM qlm.outbox o UNION ALL
SELECT 'endpoint', e::text FROM qlm.endpoint e UNION ALL
SELECT 'executed', e::text FROM qlm.executed e UNION ALL
SELECT 'gathering', g::text FROM qlm.gathering g UNION ALL
SELECT 'forwarding', f::text FROM qlm.forwarding f UNION ALL
SELECT 'forwarded', r::text FROM qlm.forwarded_result r UNION ALL
SELECT 'subscription', s::text FROM qlm.subscription s UNION ALL
SELECT 'target', t::text FROM qlm.subscription_target t UNION ALL
SELECT 'waiting', w::text FROM qlm.subscription_value w
ORDER BY 1, 2
EOQ
	my $indexes = <<'EOQ';
SELECT c.relname, count(*) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
	JOIN pg_index x ON x.indrelid = c.oid AND x.indisunique
WHERE i.inhparent = 'qlm.value'::regclass GROUP BY 1 ORDER BY 1
EOQ
	$before = $node->safe_psql('postgres', $everything);
	$file = "$PostgreSQL::Test::Utils::tmp_check/qlm.dump";

	cmp_ok(() = $before =~ /^waiting/mg, '==', 1, 'a value waits to be polled');
	for my $format ('plain', 'custom')
	{
		my $database = "restored_$format";

		$node->safe_psql('postgres', "CREATE DATABASE $database TEMPLATE template0");
		$node->command_ok([ 'pg_dump', "-F$format", '-f', $file, '-d', $node->connstr('postgres') ], "pg_dump, $format");
		if ($format eq 'plain')
		{
			$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($database), '-f', $file ], 'restores without an error');
		}
		else
		{
			$node->command_ok([ 'pg_restore', '-e', '-d', $node->connstr($database), $file ], 'restores without an error');
		}
		is($node->safe_psql($database, $everything), $before, 'everything is there, and nothing more');
		is($node->safe_psql($database, $indexes), $node->safe_psql('postgres', $indexes), 'each partition has its unique index');
		$node->safe_psql($database, "SELECT qlm_write('D/x', '4', '2024-03-02Z'), qlm_write('D/y', '5', '2024-03-02Z'), qlm_add_peer('q')");
		is($node->safe_psql($database, "SELECT string_agg(value, ' ' ORDER BY path, ts) FROM qlm_poll((SELECT request_id FROM qlm.subscription WHERE node IS NULL))"),
			'3 4 5', 'subscriptions go on, numbers do not clash');
		is($node->safe_psql($database, "SELECT string_agg(value, ' ') FROM qlm_read('D/x', '1400-01-01Z')"), 'old 1 2.50 3 4', 'history is whole');
	}
};

subtest 'rows that come by way of the parent are no new values, where a dump says so' => sub {
	$node->safe_psql('postgres', 'CREATE DATABASE restored_by_parent TEMPLATE template0');
	$node->command_ok([ 'pg_dump', '-Fc', '--load-via-partition-root', '-f', $file, '-d', $node->connstr('postgres') ], 'pg_dump, by way of the parent');
	$node->command_ok([ 'pg_restore', '-e', '-d', $node->connstr('restored_by_parent'), $file ], 'restores without an error');
	is($node->safe_psql('restored_by_parent', $everything), $before, 'and fires nothing');
};

subtest 'the settings of a dump mean nothing in the hands of others' => sub {
	$node->safe_psql('postgres', <<'EOQ');
CREATE ROLE device IN ROLE qlm_writer;
CREATE FUNCTION waiting() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM qlm.subscription_value; END;
EOQ
	my $settings = "SELECT set_config('search_path', '', false); SET check_function_bodies = false; SET row_security = off;";
	$node->safe_psql('postgres', "SET SESSION AUTHORIZATION device; $settings SELECT public.qlm_write('D/x', '10', '2024-04-01Z')");
	is($node->safe_psql('postgres', 'SELECT waiting()'), 2, 'who owns no tables restores no dump');
	$node->safe_psql('postgres', <<"EOQ");
CREATE FUNCTION sly() RETURNS void LANGUAGE sql SECURITY DEFINER AS \$\$
	SELECT public.qlm_write('D/x', '11', '2024-04-02Z') \$\$;
ALTER FUNCTION sly() OWNER TO device;
$settings
SELECT public.sly();
EOQ
	is($node->safe_psql('postgres', 'SELECT waiting()'), 3, 'nor does his function in a session of who does');
	$node->safe_psql('postgres', "SET check_function_bodies = false; SELECT qlm_write('D/x', '12', '2024-04-03Z')");
	is($node->safe_psql('postgres', 'SELECT waiting()'), 4, 'one setting alone is no dump');
};

subtest 'DROP EXTENSION leaves nothing behind but the roles' => sub {
	$node->safe_psql('postgres', 'DROP EXTENSION qlm CASCADE');
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'qlm'"), 0,
		'DROP EXTENSION leaves nothing');
};

$node->stop;
done_testing();
