# What an administrator sees of a node: views for pg_monitor, workers that are
# gone, settings that name nothing, rows that go.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use QlmTest;
use Test::More;

my $node = qlm_node('monitoring', databases => 'postgres');
my $other = free_port();

sub times_in_log
{
	my ($pattern) = @_;

	return scalar(() = slurp_file($node->logfile) =~ /$pattern/g);
}

subtest 'pg_monitor' => sub {
	$node->safe_psql('postgres', <<'EOQ');
CREATE ROLE watcher LOGIN IN ROLE pg_monitor;
SELECT qlm_add_peer('p', url => 'http://192.0.2.1/', secret => 'shown', credential => 'hidden');
SELECT qlm_write('F/x', '1');
EOQ
	my @watcher = (extra_params => [ '-U', 'watcher' ]);
	is($node->safe_psql('postgres', "SELECT count(*) > 0 FROM qlm.$_", @watcher), $_ =~ /worker|peer/ ? 't' : 'f', "pg_monitor: $_")
	  for qw(stat_worker stat_peer stat_delivery stat_subscription);
	for my $table (qw(peer value object outbox journal subscription executed))
	{
		my ($status, $out, $err) = $node->psql('postgres', "SELECT * FROM qlm.$table", @watcher);
		like($err, qr/permission denied for table $table/, "and not $table");
	}
};

subtest 'a role that is not there' => sub {
	$node->append_conf('postgresql.conf', "qlm.anonymous_role = 'nobody_special'\n");
	$node->restart;
	wait_for_http($node);
	wait_until(sub { times_in_log(qr/qlm\.anonymous_role: role "nobody_special" does not exist/) == 1 }, 'an unknown role is in the log');
	is(post($node, read_envelope('M1b', 'F/x'))->{status}, 401, 'callers get 401');
	$node->reload;
	$node->append_conf('postgresql.conf', "qlm.anonymous_role = 'nobody_else'\n");
	$node->reload;
	wait_until(sub { times_in_log(qr/role "nobody_else" does not exist/) == 1 }, 'another one is told of at a reload');
	is(times_in_log(qr/role "nobody_special" does not exist/), 1, 'each is told of once');
	$node->append_conf('postgresql.conf', "qlm.anonymous_role = 'qlm_reader'\n");
	$node->reload;
	wait_until(sub { post($node, read_envelope('M1b', 'F/x'))->{status} == 200 }, 'one that is there has its rights');
};

subtest 'databases come and go' => sub {
	$node->safe_psql('postgres', 'CREATE DATABASE plant');
	$node->safe_psql('plant', 'CREATE EXTENSION qlm');
	$node->append_conf('postgresql.conf', "qlm.databases = 'postgres, plant:$other'\n");
	$node->reload;
	wait_for_http($node, port => $other);
	is($node->safe_psql('postgres', "SELECT count(*) > 0 FROM qlm.stat_worker WHERE datname = 'plant'"), 't', 'a database that is added is seen');
	$node->append_conf('postgresql.conf', "qlm.databases = 'postgres'\n");
	$node->reload;
	wait_for_sql($node, "SELECT count(*) FROM qlm.stat_worker WHERE datname = 'plant'", '0', 'one that is taken out is not seen any more');
	is($node->safe_psql('postgres', "SELECT count(*) > 0 FROM qlm.stat_worker WHERE datname = 'postgres' AND state = 'running'"), 't', 'the other one is');
	$node->safe_psql('postgres', 'DROP DATABASE plant');
	$node->append_conf('postgresql.conf', "qlm.databases = 'postgres'\nqlm.http_workers = 3\n");
	$node->reload;
	wait_for_sql($node, "SELECT count(*) FROM qlm.stat_worker WHERE kind = 'server' AND state = 'running'", '3', 'more workers');
	$node->append_conf('postgresql.conf', "qlm.http_workers = 1\n");
	$node->reload;
	wait_for_sql($node, "SELECT count(*) FROM qlm.stat_worker WHERE kind = 'server'", '1', 'fewer workers');
};

subtest 'ended messages' => sub {
	$node->safe_psql('postgres', "INSERT INTO qlm.outbox (message_id, peer, envelope, state) SELECT i, 'p', '', 'answered' FROM generate_series(1, 300) i");
	$node->append_conf('postgresql.conf', "qlm.finished_kept = 100\n");
	$node->restart;
	ok(wait_for_sql($node, "SELECT count(*), min(message_id) FROM qlm.outbox", '100|201'), 'the newest that have ended stay, as many as the setting says');
};

$node->stop;
done_testing();
