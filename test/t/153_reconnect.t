# A peer that comes back while its connection of before is half open: no end was
# ever seen of it, as behind an address translation that forgot it.  What is
# queued goes where the peer was heard last.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Utils;
use QlmClock;
use QlmProxy;
use QlmSocket;
use QlmTest;
use Test::More;
use Time::HiRes qw(sleep time);

my $node = qlm_node('reconnect', conf => <<EOC);
qlm.anonymous_role = 'qlm_writer'
qlm.http_workers = 3
qlm.retry_delay = '30s'
EOC
my $peers = 0;
my $empty = envelope('Q1', '<read/>');
my $session = $node->background_psql('postgres');

sub session { return in_session($session, $_[0]); }

sub add_peer
{
	my $name = 'device' . ++$peers;

	session("SELECT qlm_add_peer('$name', role => 'qlm_writer', dialect => 'Q1')");
	return $name;
}

sub queue
{
	my ($peer, $path) = @_;

	return session("SELECT qlm_request('$peer', qlm_read_envelope('$path'))");
}

# A request of the peer, answered as the device would; returns its requestID.
sub serve
{
	my ($socket, $timeout, $value) = @_;
	my $message = $socket->receive(timeout => $timeout) // return;
	my $id = (request_ids($message))[0];

	$socket->send(response_envelope('Q1', $id, 'D/x', $value // 1));
	return $id;
}

# So many connections of the peer, heard through a proxy that swallows from now
# on; enough to be in all workers.  Returns the proxy, and the sockets.
sub half_open
{
	my ($peer, $n) = @_;
	my $proxy = QlmProxy->new($node->{qlm_port});
	my @sockets = map { qlm_socket($node, port => $proxy->{port}, path => "/peer/$peer") } 1 .. $n;

	for my $socket (@sockets)
	{
		is(return_code($socket->request($empty)), 200, 'a connection is heard');
	}
	$proxy->set('swallow');
	sleep 0.2;
	return ($proxy, @sockets);
}

subtest 'the new connection was heard later' => sub {
	my $peer = add_peer();
	my ($proxy, @old) = half_open($peer, 8);
	my @times;

	for my $i (1 .. 10)
	{
		my $new = qlm_socket($node, path => "/peer/$peer");
		is(return_code($new->request($empty)), 200, 'it comes back');
		my $start = running_time();
		my $id = queue($peer, "D/$i");
		is(serve($new, 10, $i), $id, 'what is queued is pushed on the new one');
		like(session("SELECT qlm_await($id, '10 s')"), qr/>$i</, 'and answered');
		push @times, running_time() - $start;
		is(session("SELECT attempts FROM qlm.outbox WHERE message_id = $id"), 1, 'at the first attempt');
		$new->close;
	}
	my ($slowest) = sort { $b <=> $a } @times;
	cmp_ok($slowest, '<', 1, 'each soon');
	note sprintf 'queue to answer, the slowest of 10 beside 8 dead connections: %.0f ms', $slowest * 1000;
};

subtest 'what was pushed on the old one before' => sub {
	my $peer = add_peer();
	my ($proxy) = half_open($peer, 1);
	my $id = queue($peer, 'D/lost');
	ok(wait_until(sub { session("SELECT state FROM qlm.outbox WHERE message_id = $id") eq 'sent' }, 'it has left'), 'it was pushed');
	my $start = running_time();
	my $new = qlm_socket($node, path => "/peer/$peer");
	is(serve($new, 20), $id, 'comes on the new one');
	my $took = running_time() - $start;
	cmp_ok($took, '<', 4, 'soon after that is there');
	note sprintf 'reconnect to the request that was lost: %.1f s', $took;
	like(session("SELECT qlm_await($id, '10 s')"), qr/D/, 'and is answered');
	$new->close;
};

subtest 'the peer comes back later' => sub {
	my $peer = add_peer();
	my ($proxy, $old) = half_open($peer, 1);
	my $id = queue($peer, 'D/later');
	my ($began, $start) = (time(), running_time());
	my $open = "SELECT sum(connections) FROM qlm.stat_worker";
	ok(wait_until(sub { ($proxy->connections)[0] == 0 || session($open) eq '0' }, 'it is closed', 30), 'a connection that shows no life after a push is closed');
	my $took = time() - $began;
	cmp_ok($took, '>', 3, sprintf 'some seconds after it (%.1f s)', $took);
	cmp_ok(running_time() - $start, '<', 12, 'but no longer');
	my $new = qlm_socket($node, path => "/peer/$peer");
	$start = running_time();
	is(serve($new, 10), $id, 'what was pushed there comes on the next one');
	cmp_ok(running_time() - $start, '<', 1, 'at once');
	$new->close;
};

subtest 'what is not answered comes, too' => sub {
	my $peer = add_peer();
	my ($proxy) = half_open($peer, 1);
	session("INSERT INTO qlm.outbox (message_id, peer, kind, envelope) SELECT 900000 + i, '$peer', 'response', '<qlmEnvelope>' || i || '</qlmEnvelope>' FROM generate_series(1, 3) AS i");
	# Nobody was told of these rows; what is queued now brings them along.
	my $id = queue($peer, 'D/x');
	ok(wait_until(sub { session("SELECT count(*) FROM qlm.outbox WHERE peer = '$peer' AND state = 'answered'") eq '3' }, 'they have left'), 'data for a callback are done with when they are pushed');
	my $new = qlm_socket($node, path => "/peer/$peer");
	my @got = map { $new->receive(timeout => 20) // 'nothing' } 1 .. 4;
	is(join(' ', grep { !/<read/ } @got), join(' ', map { "<qlmEnvelope>$_</qlmEnvelope>" } 1 .. 3), 'and come again, in order, where nobody was there to take them');
	$new->close;
};

subtest 'the one that was heard last does not read' => sub {
	my $peer = add_peer();
	my $reads = qlm_socket($node, path => "/peer/$peer");
	is(return_code($reads->request($empty)), 200);
	my $full = qlm_socket($node, path => "/peer/$peer", receive_buffer => 4096);
	$full->send(envelope('Q1', '<read interval="-1" callback="0">' . objects('Q1', 'Big/x') . '</read>'));
	ok(wait_until(sub { session("SELECT count(*) FROM qlm.subscription WHERE peer = '$peer'") eq '1' }, 'it subscribes'));
	# It answered, so it was heard after the other; from now on it reads nothing.
	session("SELECT qlm_write('Big/x', i || repeat('x', 100000)) FROM generate_series(1, 120) AS i");
	my $start = running_time();
	my $id = queue($peer, 'D/full');
	is(serve($reads, 20), $id, 'another one gets what is queued');
	my $took = running_time() - $start;
	cmp_ok($took, '<', 12, 'after some seconds');
	note sprintf 'queue to the next connection, where the latest does not read: %.1f s', $took;
	$full->abandon;
	$reads->close;
};

subtest 'slow is not dead' => sub {
	my $peer = add_peer();
	my $slow = qlm_socket($node, path => "/peer/$peer");
	my $id = queue($peer, 'D/slow');
	my $message = $slow->receive(timeout => 10);
	my $end = time() + 8;
	# Pings are answered meanwhile.
	$slow->receive(timeout => $end - time()) while time() < $end;
	ok(!$slow->{ended}, 'who answers pings may take its time');
	$slow->send(response_envelope('Q1', $id, 'D/slow', 1));
	like(session("SELECT qlm_await($id, '10 s')"), qr/slow/, 'and is heard');
	is(session("SELECT attempts FROM qlm.outbox WHERE message_id = $id"), 1, 'it was asked once');
	$slow->close;

	# 3 MB at some 300 kB a second: the pong comes last of all.
	$slow = qlm_socket($node, path => "/peer/$peer", receive_buffer => 65536);
	$id = session("SELECT qlm_request('$peer', qlm_write_envelope('D/large', repeat('x', 3000000)))");
	my $bytes = 0;
	while ($bytes < 3_000_000)
	{
		my $n = sysread $slow->{socket}, my $part, 60_000;
		last unless $n;
		$bytes += $n;
		sleep 0.2;
	}
	cmp_ok($bytes, '>', 3_000_000, 'nor is a large message on a slow network cut off');
	$slow->abandon;
};

subtest 'held requests' => sub {
	my $peer = add_peer();
	my $proxy = QlmProxy->new($node->{qlm_port});
	my $hold = sub {
		my $connection = qlm_connect($node, @_);
		$connection->send_request('POST', "/peer/$peer", body => $empty, headers => { Prefer => 'wait=60' });
		return $connection;
	};
	my @old = map { my $old = $hold->(port => $proxy->{port}); sleep 0.05; $old } 1 .. 8;
	sleep 0.5;
	$proxy->set('swallow');
	my @times;
	for my $i (1 .. 10)
	{
		my $new = $hold->();
		sleep 0.3;
		my $start = running_time();
		my $id = queue($peer, "H/$i");
		ok(IO::Select->new($new->{socket})->can_read(10), 'the newest is answered');
		push @times, running_time() - $start;
		is((request_ids($new->response))[0], $id, 'with what was queued');
		$new->close;
		session("UPDATE qlm.outbox SET state = 'cancelled' WHERE peer = '$peer' AND state IN ('queued', 'sent')");

		# What is queued before the peer is back waits for it.
		my $next = queue($peer, "H/$i/next");
		sleep 0.3;
		is(session("SELECT state FROM qlm.outbox WHERE message_id = $next"), 'queued', 'those of before get nothing meanwhile');
		is((request_ids(post($node, $empty, path => "/peer/$peer")))[0], $next, 'and it leaves with the next request');
		session("UPDATE qlm.outbox SET state = 'cancelled' WHERE peer = '$peer' AND state IN ('queued', 'sent')");
	}
	my ($slowest) = sort { $b <=> $a } @times;
	cmp_ok($slowest, '<', 1, 'each soon');
	note sprintf 'queue to answer, the slowest of 10 beside 8 dead requests: %.0f ms', $slowest * 1000;

	# Two that are both alive: when the newest has gone for good, the other is next.
	$peer = add_peer();
	my $first = $hold->();
	sleep 0.3;
	my $second = $hold->();
	sleep 0.3;
	$second->close;
	my $id = queue($peer, 'H/first');
	ok(IO::Select->new($first->{socket})->can_read(10), 'where the newest has gone, another gets it');
	$first->close;

	# One that has been held for some time is answered when the peer asks again elsewhere.
	$peer = add_peer();
	my @held = ($hold->());
	ok(!IO::Select->new($held[0]{socket})->can_read(3.2), 'one is held');
	push @held, $hold->();
	my $answer = $held[0]->response;
	is($answer->{status}, 200, 'it ends with nothing in it when there is another one');
	is(join('', request_ids($answer)), '', 'as nothing was queued');
	ok(!IO::Select->new($held[1]{socket})->can_read(0.2), 'the newest goes on');
	$_->close for @held;
};

$session->quit;
$node->stop;
done_testing();
