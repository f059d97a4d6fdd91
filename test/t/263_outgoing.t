# qlm.outgoing = off holds what leaves by itself, and nothing else; nothing is lost by it.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use QlmCopy;
use QlmReceiver;
use QlmSocket;
use QlmTest;
use Test::More;

my $receiver = QlmReceiver->new;
my $plant = calling_node('plant', $receiver);

sub sql
{
	return $plant->safe_psql('postgres', @_);
}

sub outgoing
{
	my ($value) = @_;

	$plant->append_conf('postgresql.conf', "qlm.outgoing = $value\n");
	$plant->reload;
	wait_until(sub { dispatcher($plant) eq ($value eq 'on' ? 'running: ' : 'holding: held: qlm.outgoing is off') }, "stat_worker says that it is $value");
	return;
}

goes_on($plant, $receiver, 'a node');
outgoing('off');
like(get($plant, '/health')->{body}, qr/"status":"ok".*"outgoing":"off"/, 'so does /health');
is(get($plant, '/health')->{status}, 200, 'with 200, as messages are answered');
like(slurp_file($plant->logfile), qr/qlm holds outgoing messages of database "postgres": qlm.outgoing is off/, 'and the log');

my ($before, @events);
subtest 'all that leaves by itself' => sub {
	$before = () = $receiver->bodies;
	sql("SELECT qlm_add_peer('hub', role => 'qlm_writer', url => '" . $receiver->url('/hub') . "', heartbeat => '100 ms'), qlm_write('F/other', 1), qlm_subscribe('F/other', 0.2, '" . $receiver->url('/interval') . "')");
	my $asked = sql("SELECT qlm_request('hub', qlm_read_envelope('F/asked'))");
	my $short = sql("SELECT qlm_request('hub', qlm_read_envelope('F/short'), '500 ms')");
	@events = map { event($plant) } 1 .. 5;
	my $read = read_envelope('M1b', 'F/x', callback => $receiver->url('/once'));
	is(return_code(post($plant, $read)), 200, 'a callback is taken');
	like(($plant->psql('postgres', "SELECT qlm_await($short, '20 s')"))[2], qr/ended without an answer: expired/, 'times to live run');
	wait_until(sub { sql("SELECT next_due < now() FROM qlm.subscription WHERE \"interval\" = 0.2") eq 't' }, 'an interval is over');
};

subtest 'what is fetched' => sub {
	my $fetched = sql("SELECT qlm_request('device', qlm_read_envelope('F/x'))");
	like(post($plant, write_envelope('M1b', 'F/y', 1), path => '/peer/device')->{body}, qr/$fetched/, 'a device that calls is given what is queued for it');
	my $socket = qlm_socket($plant);
	$socket->send(read_envelope('M1b', 'F/z', interval => -1, callback => '0'));
	like($socket->receive, qr/returnCode="200"/, 'a subscription on a WebSocket');
	sql("SELECT qlm_write('F/z', 'pushed')");
	like($socket->receive, qr/pushed/, 'is told on it');
	is(() = $receiver->bodies, $before, 'nothing else has left');
	$plant->restart;
	wait_until(sub { dispatcher($plant) =~ /^holding/ }, 'nor does anything after a restart');
	is(() = $receiver->bodies, $before, 'nothing has left');

	outgoing('on');
	like(slurp_file($plant->logfile), qr/qlm no longer holds outgoing messages of database "postgres"/, 'which the log says');
	wait_for_sql($plant, "SELECT count(*) FROM qlm.outbox WHERE kind = 'response' AND state IN ('queued', 'sent') AND url NOT LIKE '%interval'", 0, 'then it leaves');
	wait_until(sub { grep { /F\/asked|<InfoItem name="asked"/ } $receiver->bodies }, 'requests, too');
	is(join(' ', map { times_arrived($receiver, $_) } @events), '1 1 1 1 2', 'all of it, each once, and the answer to a read');
	ok(!(grep { /name="short"/ } $receiver->bodies), 'but for what has expired');
	wait_until(sub { () = $receiver->bodies; (grep { /<read\/>|<read><\/read>|<read / } $receiver->bodies) > 1 }, 'peers are called');
};

subtest 'in the middle of a long line: what is on its way ends, the rest waits, nothing comes twice' => sub {
	sql('UPDATE qlm.peer SET heartbeat = NULL; DELETE FROM qlm.subscription WHERE "interval" = 0.2');
	my $slow = QlmReceiver->new;
	sql("SELECT qlm_subscribe('G/x', -1, '" . $slow->url . "')");
	$plant->append_conf('postgresql.conf', "qlm.databases = ''\n");
	$plant->reload;
	wait_for_sql($plant, 'SELECT count(*) FROM qlm.stat_worker', 0);
	sql("SELECT qlm_write('G/x', i) FROM generate_series(1, 2000) i");
	$plant->append_conf('postgresql.conf', "qlm.databases = 'postgres'\n");
	$plant->reload;
	wait_until(sub { () = $slow->bodies >= 3; scalar(() = $slow->bodies) >= 3 }, 'some have left');
	outgoing('off');
	wait_for_sql($plant, 'SELECT count(*) FROM qlm.outbox WHERE posting', 0, 'nothing is on its way any more');
	my $left = sql("SELECT count(*) FROM qlm.outbox WHERE state = 'queued'");
	my $arrived = () = $slow->bodies;
	is(sql("SELECT count(*) FROM qlm.outbox o JOIN qlm.subscription s ON s.request_id = o.subscription_id WHERE s.callback = '" . $slow->url . "' AND o.state = 'queued'") + $arrived, 2000, 'each has arrived or waits');
	note("$arrived had left, $left waited");
	outgoing('on');
	wait_for_sql($plant, "SELECT count(*) FROM qlm.outbox WHERE state IN ('queued', 'sent') AND kind = 'response'", 0, 'then the rest leaves');
	is(scalar(() = $slow->bodies), 2000, 'each once');
};

$plant->stop;
done_testing();
