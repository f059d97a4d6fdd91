# What a node sends on a WebSocket without being asked again: subscriptions with
# callback "0", and what is queued for the peer at the other end.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Utils;
use QlmClock;
use QlmSocket;
use QlmTest;
use Test::More;
use Time::HiRes qw(sleep time);

my $node = qlm_node('push', conf => <<EOC);
qlm.anonymous_role = 'qlm_writer'
qlm.http_workers = 2
qlm.max_connections = 3000
qlm.poll_buffer_max = 20
qlm.retry_delay = '1s'
max_connections = 30
restart_after_crash = on
EOC

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

# A session of its own, so that what is measured is not the start of psql.
my $session = $node->background_psql('postgres');

sub session
{
	return in_session($session, $_[0]);
}

# A subscription to a path.  Options: interval (-1), callback ("0"), ttl (0).
sub subscription
{
	my ($path, %opt) = @_;
	my ($interval, $callback) = ($opt{interval} // -1, $opt{callback} // '0');
	my $objects = $path =~ m{/} ? objects('M2', $path)
	  : "<Objects><Object><id>$path</id></Object></Objects>";

	return envelope('M2',
		qq{<read msgformat="odf" interval="$interval" callback="$callback"><msg>$objects</msg></read>},
		ttl => $opt{ttl} // 0);
}

# Subscribe on a socket; returns the requestID.
sub subscribe
{
	my ($socket, $path, %opt) = @_;
	my $answer = $socket->request(subscription($path, %opt));

	is(return_code($answer), 200, "a subscription to $path") or diag $answer;
	return (request_ids($answer))[0];
}

# The values of a message.
sub values_of
{
	return join ' ', $_[0] =~ m{<value[^>]*>([^<]*)</value>}g;
}

# What comes next: "requestID: values".
sub pushed
{
	my ($socket, $timeout) = @_;
	my $message = $socket->receive(defined $timeout ? (timeout => $timeout) : ());

	return 'nothing' unless defined $message;
	return join(' ', request_ids($message)) . ': ' . values_of($message);
}

sub cancel
{
	return envelope('M2', "<cancel><requestID>$_[0]</requestID></cancel>");
}

sub wait_for_none
{
	my ($what) = @_;

	return ok(wait_for_sql($node, <<EOQ, '0|0'), $what);
SELECT (SELECT count(*) FROM qlm.subscription), (SELECT count(*) FROM qlm.outbox WHERE url LIKE '~%' AND state = 'queued')
EOQ
}

my ($socket, $id);
subtest 'events' => sub {
	$socket = qlm_socket($node);
	$id = subscribe($socket, 'F/t');
	sql("SELECT qlm_write('F/t', '1')");
	is(pushed($socket), "$id: 1", 'a write in SQL is pushed');
	is(return_code(post($node, write_envelope('M2', 'F/t', 2))), 200);
	is(pushed($socket), "$id: 2", 'and one over HTTP');
	is(return_code($socket->request(write_envelope('M2', 'F/t', 3))), 200, 'one on the socket is answered');
	is(pushed($socket), "$id: 3", 'and then pushed');
	# No more than a buffer holds: what is beyond may be dropped before it is pushed.
	session("SELECT qlm_write('F/t', i::text) FROM generate_series(11, 30) AS i");
	is(pushed($socket), "$id: $_", "in order: $_") for 11 .. 30;
	sql("INSERT INTO qlm.value (info_item_id, ts, num) SELECT info_item_id, pg_catalog.now() + i * interval '1 s', 40 + i FROM qlm.info_item, generate_series(1, 3) AS i WHERE name = 't'");
	is(pushed($socket), "$id: 41 42 43", 'one message for one statement');
	is(sql("SELECT callback, deliveries, dropped, queued FROM qlm.stat_subscription"), '0|24|0|0', 'qlm.stat_subscription tells of it');
	is(sql("SELECT count(*) FROM qlm.stat_delivery"), 0, 'it is no endpoint');
};

subtest 'several on one socket' => sub {
	my $other = subscribe($socket, 'F/u');
	sql("SELECT qlm_write('F/u', 'x')");
	is(pushed($socket), "$other: x", 'another subscription of the same socket');
	my $both = subscribe($socket, 'F');
	sql("SELECT qlm_write('F/u', 'y')");
	is(join(' ', sort(pushed($socket), pushed($socket))), join(' ', sort("$other: y", "$both: y")),
		'each gets its own message');
	is(return_code($socket->request(cancel($other))), 200, 'one is cancelled');
	sql("SELECT qlm_write('F/u', 'z')");
	is(pushed($socket), "$both: z", 'the rest goes on');
	is(return_code($socket->request(cancel($both))), 200);
};

subtest 'intervals' => sub {
	my $ticking = subscribe($socket, 'F/u', interval => 0.2);
	my $begin = time();
	is(pushed($socket), "$ticking: z", 'a tick');
	is(pushed($socket), "$ticking: z", 'and another');
	cmp_ok(time() - $begin, '>', 0.3, 'not before their time');
	# A tick may come before the answer.
	$socket->send(cancel($ticking));
	my $answer;
	do { $answer = $socket->receive } while $answer =~ />z</;
	is(return_code($answer), 200, 'it is cancelled');
};

subtest 'one-time requests' => sub {
	my $answer = $socket->request(read_envelope('M2', 'F/u', callback => '0'));
	is(return_code($answer), 200);
	is(pushed($socket), (request_ids($answer))[0] . ': z', 'the answer to a read follows as a message of its own');
	$answer = $socket->request(write_envelope('M2', 'F/w', 5) =~ s/<write /<write callback="0" /r);
	is(pushed($socket), (request_ids($answer))[0] . ': ', 'that to a write, too');
};

my $stranger;
subtest 'whose it is' => sub {
	$stranger = qlm_socket($node);
	is(return_code($stranger->request(cancel($id))), 404, 'nobody else can cancel it');
	is(return_code(post($node, cancel($id))), 404, 'not over HTTP either');
	is(return_code(post($node, envelope('M2', "<read><requestID>$id</requestID></read>"))), 404, 'nor poll it');
	is(return_code(post($node, subscription('F/t'))), 400, 'callback 0 needs a WebSocket');
	like(($node->psql('postgres', "SELECT qlm_subscribe('F/t', callback => '0')"))[2], qr/needs a WebSocket/, 'in SQL, too');
	my $name = sql("SELECT callback FROM qlm.subscription WHERE request_id = $id");
	like($name, qr/^~[12]-[0-9a-f]{16}$/);
	is(return_code($stranger->request(subscription('F/t', callback => $name))), 400, 'nobody can name a connection');
	is(return_code(post($node, read_envelope('M2', 'F/t', callback => $name))), 400, 'not for one answer either');
};

subtest 'how long one lives' => sub {
	my $short = subscribe($stranger, 'F/t', ttl => 1);
	ok(wait_for_sql($node, "SELECT count(*) FROM qlm.subscription WHERE request_id = $short AND expires_at > clock_timestamp()", 0), 'a subscription ends with its ttl');
	sql("SELECT qlm_write('F/t', '51')");
	is(pushed($socket), "$id: 51", 'who has another one is told');
	my $next = subscribe($stranger, 'F/u');
	sql("SELECT qlm_write('F/u', 'after')");
	is(pushed($stranger), "$next: after", 'and nothing comes of it any more');
	$node->reload;
	sql("SELECT qlm_write('F/t', '52')");
	is(pushed($socket), "$id: 52", 'a reload does not end it');
	$socket->close;
	$stranger->close;
	wait_for_none('all is gone with the connections');
	$socket = qlm_socket($node);
	subscribe($socket, 'F/t');
	$socket->abandon;
	wait_for_none('also where one ends without a word');
};

my (@sockets, @ids);
subtest 'both workers' => sub {
	@sockets = map { qlm_socket($node) } 1 .. 20;
	@ids = map { subscribe($_, 'F/t') } @sockets;
	is(sql("SELECT count(DISTINCT substr(callback, 2, 1)) FROM qlm.subscription"), 2, 'both workers have sockets');
	sql("SELECT qlm_write('F/t', '60')");
	is(join(',', map { pushed($_) } @sockets), join(',', map { "$_: 60" } @ids), 'a write reaches the sockets of both');
};

subtest 'a crash' => sub {
	my $pid = sql("SELECT pid FROM qlm.stat_worker WHERE kind = 'server' AND state = 'running' LIMIT 1");
	kill 'KILL', $pid;
	ok($_->wait_for_end, 'the sockets end') for @sockets[0, 1];
	$session->{run}->finish if $session->{run};
	ok(wait_until(sub { eval { sql('SELECT 1') } }, 'the server is back'));
	wait_for_http($node);
	wait_for_none('what a crash has left is removed');
	$session = $node->background_psql('postgres');
};

my ($plain, $nested);

# Queue a request; returns its number.
sub queue
{
	my ($peer, $path, $ttl) = @_;

	return session("SELECT qlm_request('$peer', qlm_read_envelope('$path'), ttl => " . ($ttl // 'NULL') . ")");
}

sub state
{
	return sql("SELECT state FROM qlm.outbox WHERE message_id = $_[0]");
}

subtest 'requests for a peer' => sub {
	sql(<<EOQ);
SELECT qlm_add_peer('plain', role => 'qlm_writer', dialect => 'M2');
SELECT qlm_add_peer('nested', role => 'qlm_writer', dialect => 'Q1', credential => 'secret');
SELECT qlm_add_peer('owner', role => 'qlm_writer', paths => '{Owned}', dialect => 'M2');
EOQ

	like(($node->psql('postgres', "SELECT qlm_request('plain', qlm_read_envelope('P/x'), ttl => '0')"))[2],
		qr/peer "plain" is not connected/, 'ttl 0 needs a peer that is connected');
	my $early = queue('plain', 'P/early');
	$plain = qlm_socket($node, path => '/peer/plain');
	my $request = $plain->receive(timeout => 10);
	like($request, qr/^<omiEnvelope[^>]*><read .*"early"/s, 'what was queued is pushed as soon as the peer is there');
	is(scalar nested($request), 0, 'as a plain request');
	my $next = queue('plain', 'P/next');
	is(state($next), 'queued', 'the next one waits for the answer');
	$plain->send(response_envelope('M2', undef, 'P/early', 7));
	like($plain->receive(timeout => 10), qr/"next"/, 'and leaves at once when that has come');
	is(state($early), 'answered', 'the answer needs no number');
	is(session("SELECT value FROM qlm_read('P/early')"), 7, 'what it brought is stored');
	$plain->send(response_envelope('M2', undef, 'P/next', 8));
	ok(wait_for_sql($node, "SELECT state FROM qlm.outbox WHERE message_id = $next", 'answered'));
	is(return_code($plain->request(write_envelope('M2', 'P/own', 1))), 200, 'a response gets no answer: what comes next is that to a request');

	my $liar = qlm_socket($node, path => '/peer/nested');
	queue('nested', 'N/secret', "'1 s'");
	ok(wait_for_sql($node, "SELECT expires_at < clock_timestamp() FROM qlm.outbox WHERE peer = 'nested'", 't'), 'who must show a credential and does not gets nothing');
	is(return_code($liar->request(read_envelope('Q1', 'F/t'))), 401, 'but 401');
	$nested = qlm_socket($node, path => '/peer/nested', headers => { Authorization => 'Bearer secret' });
	my $times = 0;
	for my $i (1 .. 5)
	{
		ok(wait_until(sub { session('SELECT 1') eq '1' }, 'a session'));
		my $begin = running_time();
		my $message = queue('nested', "N/$i");
		$request = $nested->receive(timeout => 10);
		$times += running_time() - $begin;
		is((request_ids($request))[0], $message, 'a peer that takes piggy-backed requests is told the number');
		like((nested($request))[0], qr/^<qlmEnvelope/, 'the request is nested');
		$nested->send(response_envelope('Q1', $message, "N/$i", $i));
		like(session("SELECT qlm_await($message, '10 s')"), qr/>$i</, 'and qlm_await has its answer');
	}
	cmp_ok($times / 5, '<', 0.5, 'that takes no time');
	note sprintf 'queue to frame: %.1f ms', $times / 5 * 1000;
	my $urgent = queue('nested', 'N/now', "'0'");
	is((request_ids($nested->receive(timeout => 10)))[0], $urgent, 'ttl 0 leaves while the peer is connected');
};

subtest 'what could not be posted' => sub {
	sql(<<EOQ);
INSERT INTO qlm.endpoint (url, failures, paused_until, peer_id)
	SELECT 'http://192.0.2.1/', 1, pg_catalog.now() + interval '1 min', peer_id FROM qlm.peer WHERE name = 'plain';
INSERT INTO qlm.outbox (message_id, peer, url, kind, envelope) VALUES (1, 'plain', 'http://192.0.2.1/', 'response', 'for a callback');
EOQ
	is($plain->receive(timeout => 20), 'for a callback', 'what waits for an endpoint that is paused comes by the socket');
};

my $owner;
subtest 'known by what it writes' => sub {
	$owner = qlm_socket($node);
	queue('owner', 'Owned/x');
	is(return_code($owner->request(read_envelope('M2', 'F/t'))), 200, 'nobody knows who it is: it gets an answer, and nothing else');
	is(return_code($owner->request(write_envelope('M2', 'Owned/y', 1))), 200);
	like($owner->receive(timeout => 10), qr/"x"/, 'what it writes tells, and then it is a peer');
	$owner->send(envelope('M2', '<response><result><return returnCode="404"/></result></response>'));
	ok(wait_for_sql($node, "SELECT state || return_code FROM qlm.outbox WHERE peer = 'owner'", 'answered404'), 'from then on');
	is(return_code($plain->request(read_envelope('M2', 'F/t'))), 200, 'no peer gets what is for another');
};

subtest 'rights' => sub {
	$id = subscribe($plain, 'F/t');
	sql("SELECT qlm_write('F/t', '70')");
	is(pushed($plain), "$id: 70", 'a peer subscribes');
	is(sql("SELECT peer, callback FROM qlm.stat_subscription"), 'plain|0');
	sql("SELECT qlm_drop_peer('plain')");
	sql("SELECT qlm_write('F/t', '71')");
	is(return_code($plain->request(read_envelope('M2', 'F/t'))), 401, 'one that is dropped gets nothing any more, and no answer');
	sql("SELECT qlm_add_peer('plain', role => 'qlm_writer', dialect => 'M2'); SELECT qlm_request('plain', qlm_read_envelope('P/new'))");
	is($plain->receive(timeout => long_run() ? 1.5 : 0.3), undef, 'nor what is for another of its name');
	like($plain->request(read_envelope('M2', 'F/t')), qr/>71</, 'until it says that it is him');
	$_->close for $plain, $nested, $owner;
	sql("SELECT qlm_drop_peer(name) FROM qlm.peer");
};

subtest 'who reads slowly' => sub {
	my $memory = server_memory($node);
	my $slow = qlm_socket($node, receive_buffer => 4096);
	my $big = 'x' x 100_000;
	$id = subscribe($slow, 'Big/x');
	session("SELECT qlm_write('Big/x', '$_ ' || repeat('x', 100000))") for 1 .. 100;
	ok(wait_for_sql($node, "SELECT count(*) BETWEEN 1 AND 20 FROM qlm.outbox WHERE url LIKE '~%' AND state = 'queued'", 't'),
		'what waits for a slow reader is bounded');
	cmp_ok(server_memory($node) - $memory, '<', 60 * 1024 * 1024, 'and so is memory');
	my ($last, $count, $dropped) = (0, 0, 0);
	while ($last < 101)
	{
		session("SELECT qlm_write('Big/x', '101 end')") if $count++ == 30;
		my $message = $slow->receive(timeout => 10) // last;
		$dropped += $1 if $message =~ /(\d+) older values were dropped/;
		my ($value) = values_of($message) =~ /^(\d+)/;
		fail("$value after $last") if $value <= $last;
		$last = $value;
	}
	is($last, 101, 'it gets the newest, in order');
	cmp_ok($dropped, '>', 0, 'and is told what was dropped');
	is($count + $dropped, 101, 'exactly') or note "$count messages, $dropped dropped";
	$slow->close;
	wait_for_none('nothing is left of it');
};

subtest 'many sockets' => sub {
	my $n = long_run() ? 900 : 200;
	@sockets = map { qlm_socket($node) } 1 .. $n;
	for my $i (0 .. $n - 1)
	{
		$sockets[$i]->send(subscription("Many/i$i"));
	}
	@ids = map { (request_ids($_->receive))[0] } @sockets;
	is(sql("SELECT count(*) FROM qlm.subscription"), $n, "$n sockets subscribe");
	sql("SELECT qlm_write('Many/i' || i, i::text) FROM generate_series(0, $n - 1) AS i");
	is(scalar(grep { pushed($sockets[$_]) ne "$ids[$_]: $_" } 0 .. $n - 1), 0, 'each gets its own');
	$_->abandon for @sockets;
	wait_for_none('all are forgotten');
};

done_testing();
