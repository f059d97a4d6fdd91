# Two nodes: one that nobody can call calls in, executes what it is given and
# answers, in as many rounds as there are requests.

use strict;
use warnings FATAL => 'all';

use QlmClock;
use QlmTest;
use Test::More;
use Time::HiRes qw(time);

my $plant = qlm_node('plant', conf => "qlm.retry_delay = '1s'\nrestart_after_crash = on\n");
my $fridge = qlm_node('fridge', http => 0, conf => <<EOC);
qlm.listen_addresses = ''
qlm.retry_delay = '1s'
qlm.retry_max_delay = '2s'
restart_after_crash = on
EOC

sub outside { return $plant->safe_psql('postgres', $_[0]); }
sub inside { return $fridge->safe_psql('postgres', $_[0]); }

my $plant_url = "http://127.0.0.1:$plant->{qlm_port}/peer/fridge";

outside("SELECT qlm_add_peer('fridge', role => 'qlm_writer', paths => '{SmartFridge411}')");
inside("SELECT qlm_write('SmartFridge411/temperature', '4.5', '2024-05-01Z')");
inside("SELECT qlm_add_peer('plant', url => '$plant_url', heartbeat => '1 s')");

# Ask the fridge and wait for its answer, in two transactions.
sub ask
{
	my ($envelope, $timeout) = @_;
	my $id = outside("SELECT qlm_request('fridge', $envelope, ttl => '5 min')");

	return outside("SELECT qlm_await($id, '" . ($timeout // '90 s') . "')");
}

my $answer = ask("qlm_read_envelope('SmartFridge411/temperature')");
like($answer, qr/returnCode="200".*>4\.5</s, 'a read is executed and answered');
is(outside("SELECT value FROM qlm.current WHERE path = 'SmartFridge411/temperature'"), '4.5',
	'the value is stored outside too');

subtest 'rounds' => sub {
	my @took;

	for my $round (1 .. 20)
	{
		inside("SELECT qlm_write('SmartFridge411/temperature', '$round', '2024-06-01Z'::timestamptz + $round * interval '1 min')");
		my $id = outside("SELECT qlm_request('fridge', qlm_read_envelope('SmartFridge411/temperature'))");
		outside("SELECT qlm_await($id, '60 s')");
		push @took, outside("SELECT extract(epoch FROM answered_at - created_at) * 1000 FROM qlm.outbox WHERE message_id = $id");
		like(outside("SELECT answer FROM qlm.outbox WHERE message_id = $id"), qr/>$round</, "round $round");
	}
	my ($median) = (sort { $a <=> $b } @took)[ @took / 2 ];
	cmp_ok($median, '<', 500, sprintf 'it waits for us: median %.1f ms from queue to answer', $median);
};

subtest 'asking and waiting in one statement' => sub {
	my $read = "qlm_request('fridge', qlm_read_envelope('SmartFridge411/temperature'))";
	my $session = $plant->background_psql('postgres', on_error_stop => 1);
	my $queued = 'SELECT count(*) FROM qlm.outbox';
	my ($answers, $before) = (0, outside($queued));
	my @took;

	for (1 .. 21)
	{
		my $start = running_time();
		my $answer = $session->query_safe("SELECT qlm_await($read, '60 s')");
		push @took, (running_time() - $start) * 1000;
		$answers++ if $answer =~ /returnCode="200".*>20</s;
	}
	is($answers, 21, 'each has its answer');
	my ($median) = (sort { $a <=> $b } @took)[ @took / 2 ];
	cmp_ok($median, '<', 100, sprintf 'within milliseconds: median %.1f ms', $median);
	$session->quit;
	is(outside($queued) - $before, 42, 'one row that was sent and one that says so');
	is(outside("SELECT count(*) FROM qlm.outbox AS o JOIN qlm.outbox AS s ON s.message_id = o.sent_as WHERE s.state = 'answered' AND o.state = 'cancelled'"),
		21, 'which are linked');

	my $together = outside("SELECT string_agg(qlm_await($read, '60 s')::text, '') FROM generate_series(1, 3)");
	is(scalar(() = $together =~ /returnCode="200"/g), 3, 'several in one statement');
	$plant->safe_psql('postgres', "BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT qlm_await($read, '60 s'); ROLLBACK");
	is(outside("SELECT state FROM qlm.outbox ORDER BY seq DESC LIMIT 1"), 'answered', 'it stays sent after a rollback');

	my ($status, $out, $err) = $plant->psql('postgres', "BEGIN; LOCK TABLE qlm.outbox; SELECT qlm_await($read, '60 s')");
	like($err, qr/cannot be sent before this transaction commits/, 'a lock on the queue is an error, soon');
	like(outside("SELECT qlm_await($read, '60 s')"), qr/returnCode="200"/, 'and harms nobody else');
};

subtest 'rights: read only unless granted more' => sub {
	like(ask("qlm_write_envelope('SmartFridge411/setpoint', '3')"), qr/returnCode="403"/, 'a write is refused');
	inside("UPDATE qlm.peer SET role = 'qlm_writer' WHERE name = 'plant'");
	like(ask("qlm_write_envelope('SmartFridge411/setpoint', '3')"), qr/returnCode="200"/, 'and done when granted');
	is(inside("SELECT value FROM qlm.current WHERE path = 'SmartFridge411/setpoint'"), '3', 'inside');
	like(ask("qlm_read_envelope('SmartFridge411/nothing')"), qr/returnCode="404"/, 'an unknown path');
};

subtest 'subscribing to a node that cannot be called' => sub {
	my $started = ask("qlm_read_envelope('SmartFridge411/temperature', \"interval\" => -1)");
	my @ids = request_ids($started);

	is(scalar @ids, 2, 'the requestIDs of the request and of the subscription') or return;
	inside("SELECT qlm_write('SmartFridge411/temperature', 'event')");
	my $polled = ask(qq{'<omiEnvelope version="1.0" ttl="0"><read><requestID>$ids[1]</requestID></read></omiEnvelope>'::text});
	like($polled, qr/>event</, 'polled through the firewall');
	like(ask(qq{'<omiEnvelope version="1.0" ttl="0"><cancel><requestID>$ids[1]</requestID></cancel></omiEnvelope>'::text}),
		qr/returnCode="200"/, 'cancelled');
};

subtest 'a request that comes twice is executed once' => sub {
	inside("CREATE TABLE executed (n int); ALTER TABLE executed OWNER TO qlm_writer;"
		  . "CREATE FUNCTION count_up() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.executed VALUES (1); RETURN NULL; END';"
		  . "CREATE TRIGGER count_up AFTER INSERT ON qlm.value FOR EACH STATEMENT EXECUTE FUNCTION count_up()");
	my $id = outside("SELECT qlm_request('fridge', qlm_write_envelope('SmartFridge411/once', '1'))");
	outside("SELECT qlm_await($id, '60 s')");
	# The answer got lost on the way.
	outside("UPDATE qlm.outbox SET state = 'queued', next_attempt_at = NULL, answer = NULL, answered_at = NULL WHERE message_id = $id");
	wait_for_sql($plant, "SELECT state FROM qlm.outbox WHERE message_id = $id", 'answered');
	is(inside('SELECT count(*) FROM executed'), 1, 'executed once');
	is(outside("SELECT return_code FROM qlm.outbox WHERE message_id = $id"), 200, 'answered again');
	inside("DROP TRIGGER count_up ON qlm.value");
};

subtest 'kill -9 on either side' => sub {
	for my $node ($fridge, $plant)
	{
		my @ids = split /\n/, outside("SELECT qlm_request('fridge', qlm_write_envelope('SmartFridge411/k', n::text)) FROM generate_series(1, 20) n");
		$node->kill9;
		wait_until(sub { $node->{_pid} = undef; $node->start(fail_ok => 1) }, 'it starts again');
		wait_for_sql($plant, "SELECT count(*) FROM qlm.outbox WHERE state <> 'answered' AND message_id IN (" . join(',', @ids) . ')', 0,
			$node->name . ' comes back and the queue drains');
		is(inside("SELECT value FROM qlm.current WHERE path = 'SmartFridge411/k'"), 20, $node->name . ': in order');
	}
	wait_for_sql($fridge, "SELECT pid IS NOT NULL FROM qlm.stat_worker WHERE kind = 'dispatcher'", 't');
	my $dispatcher = "SELECT pid FROM qlm.stat_worker WHERE kind = 'dispatcher'";
	my $pid = inside($dispatcher);
	kill 'KILL', $pid;
	# A query alone may still be answered by the server that is about to notice.
	wait_until(sub { my $other = eval { inside($dispatcher) }; $other && $other ne $pid }, 'the server recovers');
	like(ask("qlm_read_envelope('SmartFridge411/k')"), qr/>20</, 'a killed dispatcher comes back');
};

subtest 'the peer is down for a while' => sub {
	$plant->stop;
	wait_for_sql($fridge, "SELECT last_error IS NOT NULL FROM qlm.peer WHERE name = 'plant'", 't');
	$plant->start;
	like(ask("qlm_read_envelope('SmartFridge411/k')", '120 s'), qr/>20</, 'and called again');
};

subtest 'a peer that is dropped' => sub {
	my $id = outside("SELECT qlm_request('fridge', qlm_read_envelope('SmartFridge411/k'))");
	inside("SELECT qlm_drop_peer('plant')");
	my $late = outside("SELECT qlm_request('fridge', qlm_read_envelope('SmartFridge411/k'))");
	outside("SELECT qlm_drop_peer('fridge')");
	is(outside("SELECT state FROM qlm.outbox WHERE message_id = $late"), 'cancelled', 'its requests are cancelled');
};

$fridge->stop;
$plant->stop;
done_testing();
