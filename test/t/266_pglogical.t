# The same with pglogical, whose workers apply rows by themselves: what is deleted,
# described and configured at the other node is noticed here.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use QlmReceiver;
use QlmTest;
use Test::More;

my $library = `pg_config --pkglibdir`;
chomp $library;
plan skip_all => 'pglogical is not installed for this server' unless -e "$library/pglogical.so";

my $conf = <<EOC;
shared_preload_libraries = 'qlm, pglogical'
wal_level = logical
qlm.http_workers = 1
qlm.anonymous_role = 'qlm_writer'
qlm.callback_allow = '127.0.0.1'
qlm.retry_delay = '100ms'
max_worker_processes = 30
EOC
my @tables = qw(object object_id info_item meta_data peer value_2024_01);
my $node = qlm_node('production', conf => $conf, init => [ allows_streaming => 'logical' ]);
my $copy = qlm_node('reports', conf => $conf);

sub on_node { return $node->safe_psql('postgres', $_[0]); }
sub on_copy { return $copy->safe_psql('postgres', $_[0]); }
sub body { return get($copy, $_[0])->{body}; }
sub status { return get($copy, $_[0])->{status}; }

for my $at ([ $node, 'production' ], [ $copy, 'reports' ])
{
	my ($server, $name) = @$at;
	my $dsn = $server->connstr . ' dbname=postgres';

	# Servers that name the plugins which may be used have to name this one.
	$server->safe_psql('postgres', "ALTER SYSTEM SET output_plugin_libraries = pgoutput, pglogical_output; SELECT pg_reload_conf()")
	  if $server->safe_psql('postgres', "SELECT count(*) FROM pg_settings WHERE name = 'output_plugin_libraries'");

	$server->safe_psql('postgres', <<"EOQ");
SET client_min_messages = warning;
SELECT qlm_make_partitions('2024-01-01', '2024-01-31');
CREATE EXTENSION pglogical;
SELECT pglogical.create_node(node_name := '$name', dsn := '$dsn');
EOQ
}

# What is done on the node has come to the copy.
sub applied
{
	on_node($_[0]);
	on_node("SET statement_timeout = '60s'; SELECT pglogical.wait_slot_confirm_lsn(NULL, NULL)");
	return;
}

on_node("SELECT pglogical.replication_set_add_table('default', 'qlm.$_') ") for @tables;
on_node(<<'EOQ');
SELECT qlm_write('Before/' || i, '1', '2024-01-01Z'), qlm_write('Before' || i || '/x', '1', '2024-01-01Z') FROM generate_series(1, 50) AS i;
SELECT qlm_write('F/x', '1', '2024-01-01Z'), qlm_write('F/gone', '1', '2024-01-01Z'), qlm_write('G/x', '1', '2024-01-01Z');
EOQ
on_copy("SELECT pglogical.create_subscription(subscription_name := 'reports', provider_dsn := '" . $node->connstr . " dbname=postgres')");
on_copy("SET statement_timeout = '60s'; SELECT pglogical.wait_for_subscription_sync_complete('reports')");
is(body('/Objects/F/x/value'), '1', 'the first copy is there');

subtest 'deletes' => sub {
	is(post($copy, write_envelope('M1b', $_, 2, at => '2024-01-02T00:00:00Z'))->{status}, 200, "a write of $_ here") for 'F/x', 'F/gone', 'G/x';
	applied("SELECT qlm_delete('F/gone'), qlm_delete('G')");
	for my $path ('F/gone', 'G/x')
	{
		is(status("/Objects/$path"), 404, "$path was deleted there");
		is(post($copy, write_envelope('M1b', $path, 3))->{status}, 503, 'no write of it is acknowledged');
	}
	is(on_copy('SELECT count(*) FROM qlm.value WHERE info_item_id NOT IN (SELECT info_item_id FROM qlm.info_item)'), 0, 'none of its values is left');
};

subtest 'what describes them, and who may call' => sub {
	is(body('/Objects/F/x') =~ /MetaData/ ? 1 : 0, 0, 'it has no MetaData');
	applied("INSERT INTO qlm.meta_data (info_item_id, name, value) SELECT info_item_id, 'unit', 'V' FROM qlm.info_item WHERE path = 'F/x'");
	like(body('/Objects/F/x'), qr/MetaData/, 'until some comes');
	applied("UPDATE qlm.meta_data SET value = 'C'");
	is(body('/Objects/F/x/MetaData/unit/value'), 'C', 'and changes');
	applied('DELETE FROM qlm.meta_data');
	unlike(body('/Objects/F/x'), qr/MetaData/, 'and goes');
	my %as = (path => '/peer/reader', headers => { Authorization => 'Bearer secret' });
	is(post($copy, read_envelope('M1b', 'F/x'), %as)->{status}, 401, 'nobody knows the peer');
	applied("SELECT qlm_add_peer('reader', credential => 'secret')");
	is(post($copy, read_envelope('M1b', 'F/x'), %as)->{status}, 200, 'a peer that was added there');
	applied("SELECT qlm_drop_peer('reader')");
	is(post($copy, read_envelope('M1b', 'F/x'), %as)->{status}, 401, 'and dropped');
};

subtest 'events, where they are asked for' => sub {
	my $receiver = QlmReceiver->new;
	my $poll = on_copy("SELECT qlm_subscribe('F')");
	on_copy("SELECT qlm_subscribe('F', -1, '" . $receiver->url . "')");
	applied("SELECT qlm_write('F/x', '4', '2024-01-04Z')");
	is(on_copy("SELECT count(*) FROM qlm_poll($poll)"), 0, 'values that are copied are no events');
	on_copy('CREATE TRIGGER value_applied AFTER INSERT ON qlm.value FOR EACH ROW EXECUTE FUNCTION qlm.value_applied(); ALTER TABLE qlm.value ENABLE REPLICA TRIGGER value_applied');
	applied("BEGIN; SELECT qlm_write('F/x', '5', '2024-01-05Z'), qlm_write('F/x', '6', '2024-01-06Z'); COMMIT");
	is(on_copy("SELECT string_agg(value, ' ') FROM qlm_poll($poll)"), '5 6', 'but for who asks');
	my @bodies = $receiver->bodies(1);
	is(join(' ', $bodies[0] =~ m{<value[^>]*>(\d+)</value>}g), '5 6', 'in one message');
};

subtest 'everything' => sub {
	applied('TRUNCATE qlm.object');
	is(status('/Objects/F/x'), 404, 'what was truncated');

	on_copy("SELECT pglogical.drop_subscription('reports')");
};

$copy->stop;
$node->stop;
done_testing();
