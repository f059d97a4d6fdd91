# Rows that a dump or logical replication brings are another node's until somebody says
# that they are not: nothing is posted before, in whatever order they come.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use QlmCopy;
use QlmReceiver;
use QlmTest;
use Test::More;

my $receiver = QlmReceiver->new(stopped => 1);
my $plant = calling_node('plant', $receiver, conf => "wal_level = logical\n");
my $folder = PostgreSQL::Test::Utils::tempdir;
my $events = 0;

sub empty_node
{
	my ($name, %opt) = @_;

	return qlm_node($name, http => 0, conf => "qlm.anonymous_role = 'qlm_writer'\nqlm.callback_allow = '127.0.0.1'\nqlm.retry_delay = '100ms'\nqlm.http_workers = 1\n", %opt);
}

subtest 'what waits: an event, a delivery of an interval that is due, a request for a peer that is called, heartbeats' => sub {
	$plant->safe_psql('postgres', "SELECT qlm_add_peer('hub', role => 'qlm_writer', url => '" . $receiver->url('/hub') . "', heartbeat => '100 ms'), qlm_write('F/other', 1), qlm_subscribe('F/other', 1, '" . $receiver->url('/interval') . "'), qlm_request('hub', qlm_read_envelope('F/x'))");
	my $event = event($plant);
	$plant->command_ok([ 'pg_dump', '-Fc', '-f', "$folder/whole", 'postgres' ], 'a dump');
	$plant->command_ok([ 'pg_dump', '-f', "$folder/plain", 'postgres' ], 'a plain one');
	$plant->command_ok([ 'pg_dump', '--inserts', '-Fd', '-f', "$folder/inserts", 'postgres' ], 'one of INSERTs');
	$plant->safe_psql('postgres', 'SELECT qlm_stop()');
	$receiver->start;

	my %ways = (
		'whole' => sub { [ 'pg_restore', '-e', '-d', 'postgres', "$folder/whole" ] },
		'in parallel' => sub { [ 'pg_restore', '-j', '4', '-e', '-d', 'postgres', "$folder/inserts" ] },
		'as a script' => sub { [ 'psql', '-qX', '-v', 'ON_ERROR_STOP=1', '-d', 'postgres', '-f', "$folder/plain" ] });
	my $n = 0;
	for my $way (sort keys %ways)
	{
		my $node = empty_node('to' . $n++, extension => 0);
		$node->command_ok($ways{$way}->(), $way);
		holds($node, qr/its rows came by a restore/, "a dump, restored $way");
		is($node->safe_psql('postgres', "SELECT count(*) > 0 FROM qlm.outbox WHERE state = 'queued'"), 't', 'what waited waits');
		is(scalar($receiver->bodies), 0, 'nothing was posted, and nobody called');
		if ($way eq 'whole')
		{
			is($node->safe_psql('postgres', 'SELECT qlm_adopt()'), 't', 'the original is gone');
			wait_until(sub { times_arrived($receiver, $event) }, 'then the event arrives');
			goes_on($node, $receiver, 'the restored node');
			is(times_arrived($receiver, $event), 1, 'once');
			$node->restart;
			goes_on($node, $receiver, 'also when it is started again');
		}
		$node->stop;
		$receiver->forget;
	}
};

sub goes_on_empty
{
	my ($node) = @_;

	wait_for_http($node);
	unlike(get($node, '/health')->{body}, qr/outgoing/, 'a node of its own');
	return;
}

subtest 'rows alone, into a node that is there, in whatever order; triggers are off' => sub {
	my $rows = empty_node('rows');
	goes_on_empty($rows);
	$rows->safe_psql('postgres', "SELECT qlm_add_peer('device', role => 'qlm_writer', piggyback => true)");
	for my $part ([ 'the queue first', '-t', 'outbox' ], [ 'peers', '-t', 'peer' ], [ 'subscriptions', '-t', 'subscription' ])
	{
		my ($what, @tables) = @$part;
		$rows->command_ok([ 'pg_restore', '-e', '-a', '-d', 'postgres', '-n', 'qlm', @tables, "$folder/whole" ], $what);
		is($rows->safe_psql('postgres', 'SELECT string_agg(arrived, $$, $$) FROM qlm.place'), 'a restore', 'is enough');
		holds($rows, qr/its rows came by a restore/, $what) if $what =~ /first/;
		$rows->safe_psql('postgres', 'SET session_replication_role = replica; TRUNCATE qlm.outbox, qlm.peer, qlm.subscription; RESET session_replication_role; SELECT qlm_adopt()');
	}
	# Without triggers nothing is noticed before the marker comes, so the workers are stopped.
	$rows->safe_psql('postgres', 'SELECT qlm_stop()');
	$rows->command_ok([ 'pg_restore', '-e', '-a', '--disable-triggers', '-d', 'postgres', '-n', 'qlm', '-t', 'outbox', '-t', 'place', '-t', 'peer', "$folder/whole" ], 'rows without triggers');
	$rows->restart;
	holds($rows, qr/rows of another node have come/, 'rows without triggers, by the marker that is among them');
	is(scalar($receiver->bodies), 0, 'nothing was posted, and nobody called');
	$rows->stop;
};

subtest 'in the same server' => sub {
	$plant->safe_psql('postgres', 'CREATE DATABASE second TEMPLATE template0');
	$plant->append_conf('postgresql.conf', "qlm.databases = 'second'\n");
	$plant->reload;
	$plant->command_ok([ 'pg_restore', '-e', '-d', 'second', "$folder/whole" ], 'into another database of the server');
	wait_until(sub { $plant->safe_psql('second', "SELECT string_agg(state || last_error, '') FROM qlm.stat_worker WHERE kind = 'dispatcher' AND datname = 'second'") =~ /holding.*by a restore/ }, 'holds, too');
};

my $replica;
subtest 'logical replication' => sub {
	$replica = empty_node('replica');
	goes_on_empty($replica);
	$plant->safe_psql('postgres', 'CREATE PUBLICATION queue FOR TABLE qlm.outbox; CREATE PUBLICATION peers FOR TABLE qlm.peer; CREATE PUBLICATION subscriptions FOR TABLE qlm.subscription; CREATE PUBLICATION nodes FOR TABLE qlm.object, qlm.object_id, qlm.info_item, qlm.meta_data');
	for my $publication (qw(queue peers subscriptions))
	{
		$replica->safe_psql('postgres', "SELECT qlm_add_peer('device', role => 'qlm_writer', piggyback => true)") if $publication ne 'peers';
		$replica->safe_psql('postgres', "CREATE SUBSCRIPTION $publication CONNECTION '" . ($plant->connstr =~ s/dbname=.*//r) . " dbname=postgres' PUBLICATION $publication");
		holds($replica, qr/its rows came by replication/, "a subscription of $publication");
		$replica->safe_psql('postgres', $_) for "DROP SUBSCRIPTION $publication", 'SET session_replication_role = replica; TRUNCATE qlm.outbox, qlm.peer, qlm.subscription';
		is($replica->safe_psql('postgres', 'SELECT qlm_adopt()'), 't', 'it is a node of its own again');
		wait_until(sub { dispatcher($replica) eq 'running: ' }, 'and holds nothing');
	}
	is(scalar($receiver->bodies), 0, 'nothing was posted, and nobody called');
	$replica->safe_psql('postgres', "TRUNCATE qlm.object, qlm.info_item; CREATE SUBSCRIPTION nodes CONNECTION '" . ($plant->connstr =~ s/dbname=.*//r) . " dbname=postgres' PUBLICATION nodes");
	$replica->poll_query_until('postgres', "SELECT bool_and(srsubstate = 'r') FROM pg_subscription_rel") or die;
	is($replica->safe_psql('postgres', 'SELECT count(*) FILTER (WHERE arrived IS NOT NULL) FROM qlm.place'), 0, 'Objects and values that are replicated hold nothing');
	$replica->safe_psql('postgres', 'DROP SUBSCRIPTION nodes');
};

$replica->stop;
$plant->stop;
done_testing();
