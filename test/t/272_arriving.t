# Rows of another node that come while the dispatcher is looking what is due leave no more
# than those that it finds: it looks again whose they are before anything leaves.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use QlmCopy;
use QlmReceiver;
use QlmTest;
use Test::More;

my $receiver = QlmReceiver->new;
my $hub = QlmReceiver->new;
my $clock = QlmReceiver->new;
my $plant = calling_node('plant', $receiver);

sub sql
{
	return $plant->safe_psql('postgres', @_);
}

subtest 'a look takes as long as the slowest policy of who subscribes: this one waits for a lock' => sub {
	sql(<<'EOQ');
CREATE FUNCTION public.waits() RETURNS boolean LANGUAGE plpgsql AS
	'BEGIN PERFORM pg_advisory_lock_shared(7); PERFORM pg_advisory_unlock_shared(7); RETURN true; END';
CREATE ROLE kitchen LOGIN IN ROLE qlm_writer;
SELECT qlm_write('K/x', 1);
ALTER TABLE qlm.value ENABLE ROW LEVEL SECURITY;
CREATE POLICY slow ON qlm.value USING (current_user <> 'kitchen' OR public.waits());
EOQ
	my ($in, $out) = ('', '');
	my $session = IPC::Run::start([ 'psql', '-AtXq', '-d', $plant->connstr('postgres') ], '<', \$in, '>', \$out);
	$in .= "SELECT 'locked', pg_advisory_lock(7);\n";
	wait_until(sub { $session->pump_nb; $out =~ /locked/ }, 'the lock is taken');
	sql("SET ROLE kitchen; SELECT qlm_subscribe('K/x', 0.2, '" . $clock->url . "')");
	wait_for_sql($plant, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'qlm dispatcher' AND wait_event = 'advisory'", 1, 'the dispatcher is looking');

	sql("SET session_replication_role = replica; SELECT qlm_add_peer('hub', role => 'qlm_writer', url => '" . $hub->url . "', heartbeat => '100 ms')");
	my $request = sql("SET session_replication_role = replica; SELECT qlm_request('hub', qlm_read_envelope('F/x'))");
	$in .= "SELECT pg_advisory_unlock(7);\n\\q\n";
	$session->finish;
	holds($plant, qr/its rows came by replication/, 'a node to which rows have come while it was looking');
	is(scalar(() = $hub->bodies), 0, 'nobody was called, and nothing was posted');
	is(sql("SELECT state FROM qlm.outbox WHERE message_id = $request"), 'queued', 'it waits');
	is(sql('SELECT qlm_adopt()'), 't', 'the rows are its own');
	wait_until(sub { grep { /name="x"/ } $hub->bodies }, 'then it is posted');
	wait_until(sub { () = $clock->bodies; scalar(() = $clock->bodies) }, 'and what was due is delivered');
	goes_on($plant, $receiver, 'the node');
};

$plant->stop;
done_testing();
