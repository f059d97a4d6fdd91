# WebSockets, with a client that is not ours: messages and answers in order,
# every kind of frame, bad ones, slow and dead clients, and the end of a worker.

use strict;
use warnings FATAL => 'all';

use List::Util qw(min);
use PostgreSQL::Test::Utils;
use QlmSocket;
use QlmTest;
use Test::More;
use Time::HiRes qw(sleep time);

my $limit = 256 * 1024;
my $node = qlm_node('websocket', conf => <<EOC);
qlm.anonymous_role = 'qlm_writer'
qlm.http_workers = 1
qlm.max_message_size = '256kB'
qlm.request_timeout = '4s'
log_statement = none
EOC

# The one that there is
sub worker
{
	return (server_pids($node))[0];
}

# Bytes that the transport has allocated, as the worker itself says
sub allocated
{
	my $pid = worker();
	my $from = -s $node->logfile;

	$node->safe_psql('postgres', "SELECT pg_log_backend_memory_contexts($pid)");
	return wait_until(
		sub { slurp_file($node->logfile, $from) =~ /qlm http: .* (\d+) used/ && $1 },
		'the worker tells its memory');
}

sub connections
{
	return $node->safe_psql('postgres',
		q{SELECT sum(connections) FROM qlm.stat_worker WHERE kind = 'server'});
}

sub write_of
{
	my ($path, $value) = @_;

	return write_envelope('M2', $path, $value);
}

sub values_of
{
	my ($path) = @_;

	return $node->safe_psql('postgres', "SELECT count(*) FROM qlm.history WHERE path = '$path'");
}

# A read that is answered with what names it
sub read_of
{
	my ($i) = @_;

	return read_envelope('M2', "Missing$i/x");
}

subtest 'the handshake' => sub {
	my %good = (
		Connection => 'keep-alive, Upgrade',
		Upgrade => 'websocket',
		'Sec-WebSocket-Version' => 13,
		'Sec-WebSocket-Key' => 'dGhlIHNhbXBsZSBub25jZQ==');
	my $open = sub {
		my ($path, %headers) = @_;

		return qlm_connect($node)->request('GET', $path, headers => { %good, %headers });
	};
	my $connection = qlm_connect($node);

	$connection->send_request('GET', '/', headers => \%good);
	my $answer = $connection->response(interim => 1);
	is($answer->{status}, 101, 'an upgrade is accepted');

	$connection = qlm_connect($node);
	$connection->send_request('GET', '/', headers =>
		{ %good, 'Sec-WebSocket-Extensions' => 'permessage-deflate; client_max_window_bits',
			'Sec-WebSocket-Protocol' => 'o-mi, soap' });
	my $head = $connection->read_until("\r\n\r\n");
	like($head, qr{^Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r}m, 'with the key of RFC 6455');
	unlike($head, qr/Extensions|Protocol:/i, 'extensions and protocols are not taken up');

	$answer = $open->('/', 'Sec-WebSocket-Version' => 8);
	is($answer->{status}, 426, 'an old version is refused');
	is($answer->{headers}{'sec-websocket-version'}, 13, 'with the one that is spoken');
	is($open->('/', 'Sec-WebSocket-Version' => undef)->{status}, 426, 'no version');
	is($open->('/', 'Sec-WebSocket-Key' => $_)->{status}, 400, 'a bad key: ' . ($_ // 'none'))
	  for undef, 'dG9vIHNob3J0', 'dGhlIHNhbXBsZSBub25jZ!==', 'x' x 10000;
	is($open->('/objects')->{status}, 404, 'no WebSocket at other paths');
	for my $lost ({ Connection => 'close' }, { Upgrade => 'h2c' }, { Upgrade => undef, Connection => undef })
	{
		my $answer = $open->('/qlm', %$lost);
		is($answer->{status}, 426, 'a handshake of which a proxy has taken a part');
		is($answer->{headers}{upgrade}, 'websocket', 'is told what is missing');
		like($answer->{body}, qr/Proxies pass these on only where they are told to/, 'and why');
	}
	is($open->('/', 'Sec-WebSocket-Key' => undef, Upgrade => undef)->{status}, 200, 'an ordinary request');

	$node->safe_psql('postgres', q{SELECT qlm_add_peer('bell', role => 'qlm_writer')});
	for my $path ('/', '/qlm', '/qlmws', '/qlmws/', '/peer/bell', '/?peer=bell')
	{
		my $socket = qlm_socket($node, path => $path);

		is(return_code($socket->request(read_of(1))), 404, "a WebSocket at $path");
	}

	$node->safe_psql('postgres', q{SELECT qlm_add_peer('lock', role => 'qlm_writer', credential => 'secret of lock')});
	is(return_code(qlm_socket($node, path => '/peer/lock')->request(read_of(1))), 401, 'a peer with a credential needs it');
	is(return_code(qlm_socket($node, headers => { Authorization => 'Bearer secret of lock' })->request(read_of(1))),
		404, 'which the handshake may bring');
	is(return_code(qlm_socket($node, headers => { Authorization => 'Bearer wrong' })->request(read_of(1))),
		401, 'or not');
};

subtest 'messages' => sub {
	my $socket = qlm_socket($node);

	is(return_code($socket->request(write_of('Fridge/x', 1))), 200, 'a write in text');
	is($socket->{kind}, 'text', 'is answered in text');
	is(return_code($socket->request(write_of('Fridge/x', 2), binary => 1)), 200, 'one in binary');
	is($socket->{kind}, 'binary', 'in binary');
	is(values_of('Fridge/x'), 2, 'both are stored');

	my $message = write_of('Fridge/name', "K\x{fc}hlschrank \x{1F600}");
	my $bytes = $message;
	utf8::encode($bytes);
	is(return_code($socket->request($message, fragments => [ map { 1 } 2 .. length $bytes ])), 200,
		'a text in fragments of one byte, characters cut');
	is(return_code($socket->request(write_of('Fridge/x', 3), fragments => [ 0, 10, 0, 20 ],
				binary => 1, between => QlmSocket::frame('are you there?', type => 'ping'))), 200,
		'fragments, some empty, with pings in between');
	is($node->safe_psql('postgres', q{SELECT value FROM qlm.history WHERE path = 'Fridge/name'}),
		do { my $name = "K\x{fc}hlschrank \x{1F600}"; utf8::encode($name); $name }, 'the text is what was sent');

	$socket->ping('hello');
	is($socket->receive(all => 1), 'hello', 'a ping');
	is($socket->{kind}, 'pong', 'comes back as a pong');
	$socket->send_bytes(QlmSocket::frame('unasked', type => 'pong'));
	$socket->send('');
	$socket->send('', binary => 1);
	is(return_code($socket->request(read_of(1))), 404, 'empty messages and a pong nobody asked for have no answer');

	is(return_code($socket->request('this is no message')), 400, 'what is no message has an answer');
	is(return_code($socket->request(read_of(1))), 404, 'and does not end the connection');
	$socket->send(response_envelope('M2', 12345, 'Fridge/x', 4));
	$socket->send('<omiEnvelope xmlns="http://www.opengroup.org/xsd/omi/2.0/" version="2.0" ttl="0"><response><result><return returnCode="500"/></result></response></omiEnvelope>');
	like($socket->request(read_of(7)), qr/Missing7/, 'a response is not acknowledged');

	$socket->send_bytes($_) for split //, QlmSocket::frame(read_of(8));
	like($socket->receive, qr/Missing8/, 'a frame that comes byte by byte');
	like(qlm_socket($node, early => QlmSocket::frame(read_of(9)))->receive, qr/Missing9/,
		'one that comes with the handshake');
	ok($socket->close, 'goodbye');
	is($socket->{code}, 1000, 'is answered');
	is(return_code(post($node, read_of(1))), 404, 'HTTP works beside it');
	is(qlm_connect($node)->request('POST', '/qlmws', body => read_of(1))->{status}, 200, 'also at /qlmws');
};

subtest 'order' => sub {
	my $socket = qlm_socket($node);
	my $n = 2000;

	$socket->send_bytes(join '', map { QlmSocket::frame($_ % 5 ? read_of($_) : write_of("Order/x$_", $_)) } 1 .. $n);
	my @wrong = grep {
		my $answer = $socket->receive;
		!defined $answer || ($_ % 5 ? $answer !~ /Missing$_\b/ : return_code($answer) != 200)
	} 1 .. $n;
	is("@wrong", '', "$n messages at once are answered in their order");
	is($node->safe_psql('postgres', q{SELECT count(*) FROM qlm.history WHERE path LIKE 'Order/%'}), $n / 5, 'and all writes stored');
	my ($requests, $batches) = split /\|/, $node->safe_psql('postgres',
		q{SELECT sum(requests), sum(batches) FROM qlm.stat_worker WHERE kind = 'server'});
	cmp_ok($requests / $batches, '>', 5, 'many share a transaction');

	my @sockets = map { qlm_socket($node) } 1 .. 50;
	$sockets[$_]->send(read_of($_)) for 0 .. $#sockets;
	@wrong = grep { ($sockets[$_]->receive // '') !~ /Missing$_\b/ } 0 .. $#sockets;
	is("@wrong", '', 'answers go where the questions came from');

	$socket->send(write_of('Last/x', $_)) for 1 .. 10;
	ok($socket->close, 'a client that says goodbye behind its messages');
	is($node->safe_psql('postgres', q{SELECT count(*) FROM qlm.history WHERE path = 'Last/x'}), 10, 'has them all executed');

	my $half = qlm_socket($node);
	$half->send(read_of($_)) for 1 .. 10;
	shutdown $half->{socket}, 1;
	@wrong = grep { ($half->receive // '') !~ /Missing$_\b/ } 1 .. 10;
	is("@wrong", '', 'one that only ends its sending half has all answers');
	ok($half->wait_for_end, 'and then the end');
};

subtest 'bad frames' => sub {
	my $mask = "\x01\x02\x03\x04";
	my $text = QlmSocket::frame(read_of(1));
	my $begun = QlmSocket::frame('x', last => 0);

	# what => [ close code, bytes ]
	my %cases = (
		'a frame that is not masked' => [ 1002, QlmSocket::frame('x', masked => 0) ],
		'reserved bit 1, as of permessage-deflate' => [ 1002, "\xC1\x81${mask}x" ],
		'reserved bit 2' => [ 1002, "\xA1\x81${mask}x" ],
		'reserved bit 3' => [ 1002, "\x91\x81${mask}x" ],
		(map { ("opcode $_" => [ 1002, chr(0x80 | $_) . "\x80$mask" ]) } 3 .. 7, 11 .. 15),
		'a ping of 126 bytes' => [ 1002, "\x89\xFE\x00\x7E$mask" . 'x' x 126 ],
		'a ping in fragments' => [ 1002, "\x09\x80$mask" ],
		'a close in fragments' => [ 1002, "\x08\x80$mask" ],
		'a continuation of nothing' => [ 1002, "\x80\x80$mask" ],
		'a continuation behind a whole message' => [ 1002, QlmSocket::frame('') . "\x80\x80$mask" ],
		'a message within a message' => [ 1002, $begun . $text ],
		'125 as 16 bits' => [ 1002, "\x81\xFE\x00\x7D$mask" ],
		'65535 as 64 bits' => [ 1002, "\x81\xFF\x00\x00\x00\x00\x00\x00\xFF\xFF$mask" ],
		'a negative length' => [ 1002, "\x81\xFF\x80\x00\x00\x00\x00\x00\x00\x00$mask" ],
		'a length that nobody has' => [ 1009, "\x81\xFF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF$mask" ],
		'a byte more than allowed' => [ 1009, "\x82\xFF" . pack('Q>', $limit + 1) . $mask ],
		'more than allowed in fragments' =>
		  [ 1009, QlmSocket::frame('x' x $limit, last => 0) . QlmSocket::frame('x', type => 'continuation') ],
		'text that is no UTF-8' => [ 1007, QlmSocket::frame("a\xFFb") ],
		'overlong UTF-8' => [ 1007, QlmSocket::frame("\xC0\xAF") ],
		'a surrogate' => [ 1007, QlmSocket::frame("\xED\xA0\x80") ],
		'a character beyond Unicode' => [ 1007, QlmSocket::frame("\xF4\x90\x80\x80") ],
		'text that ends within a character' => [ 1007, QlmSocket::frame("\xE2\x82") ],
		'bad text in a fragment, the rest never comes' => [ 1007, QlmSocket::frame("\xE2\x28", last => 0) ],
		'a close of one byte' => [ 1002, QlmSocket::frame("\x03", type => 'close') ],
		(map { ("close code $_" => [ 1002, QlmSocket::frame(pack('n', $_), type => 'close') ]) }
			0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65535),
		'a close whose reason is no UTF-8' => [ 1007, QlmSocket::frame("\x03\xE8\xFF", type => 'close') ],
		(map { ("close code $_ is good" => [ $_, QlmSocket::frame(pack('n', $_), type => 'close') ]) }
			1000, 1001, 1003, 1011, 3000, 4999));

	for my $case (sort keys %cases)
	{
		my ($code, $bytes) = @{ $cases{$case} };
		my $socket = qlm_socket($node);

		$socket->send_bytes($text . $bytes);
		my $answer = $socket->receive;
		$socket->receive;
		ok(($answer // '') =~ /Missing1/ && ($socket->{code} // 0) == $code, "$case: $code")
		  or diag('it was closed with ' . ($socket->{code} // 'nothing'));
	}
	my $socket = qlm_socket($node);
	$socket->send_bytes(QlmSocket::frame('', type => 'close'));
	$socket->receive;
	ok(!defined $socket->{code} && $socket->{kind} eq 'close', 'a close without code is answered by one');

	$socket = qlm_socket($node);
	my $padding = $limit - length write_of('Large/x', '');
	is(return_code($socket->request(write_of('Large/x', 'x' x $padding))), 200, 'a message as large as allowed');
	is($node->safe_psql('postgres', q{SELECT length(value) FROM qlm.history WHERE path = 'Large/x'}), $padding, 'is stored');
	$socket->send_bytes("\x82\xFF" . pack('Q>', $limit + 1) . $mask);
	$socket->receive;
	$socket->send_bytes('x' x 65536) for 1 .. 4;
	ok($socket->wait_for_end, 'who goes on sending after that is cut off');
	wait_until(sub { connections() <= 60 }, 'connections are closed');
};

subtest 'a slow reader' => sub {
	$node->safe_psql('postgres', q{SELECT qlm_write('Big/x', repeat('x', 200000))});
	my $read = read_envelope('M2', 'Big/x');
	my $before = server_memory($node);

	# Asks for 200 MB and reads nothing.
	my $socket = qlm_socket($node, receive_buffer => 4096, timeout => 1);
	my $asked = 0;
	$asked++ while $asked < 1000 && $socket->send_bytes(QlmSocket::frame($read) x 10);
	is(return_code(post($node, read_of(1))), 404, 'others are served meanwhile');
	cmp_ok(server_memory($node) - $before, '<', 30 * 1024 * 1024, 'the node keeps little of its answers');

	my $fast = qlm_socket($node);
	$fast->send_bytes(QlmSocket::frame($read) x 1000);
	is(scalar(grep { length($fast->receive // '') > 200_000 } 1 .. 1000), 1000,
		'who reads gets 200 MB in 1,000 messages');
	ok(wait_until(sub { server_memory($node) - $before < 60 * 1024 * 1024 }, 'memory is given back'), 'and memory is given back');

	ok(wait_until(sub { connections() <= 2 }, 'it is cut off'),
		'who does not read for qlm.request_timeout is cut off');
};

subtest 'silence' => sub {
	my $began = time();
	my $silent = qlm_socket($node);
	my $alive = qlm_socket($node);

	$alive->receive(all => 1);
	is($alive->{kind}, 'ping', 'a client that says nothing is pinged');
	ok(!defined $silent->receive(silent => 1), 'who does not answer');
	is($silent->{code}, 1011, 'is closed');
	cmp_ok(time() - $began, '>=', 4, 'after qlm.request_timeout');
	ok(!defined $alive->receive(timeout => 0.5) && !defined $alive->{code}, 'who does stays');
	is(return_code($alive->request(read_of(1))), 404, 'and is served');

	my $dribble = qlm_socket($node);
	my $bytes = QlmSocket::frame(read_of(1));
	$began = time();
	while (length $bytes && time() - $began < 20)
	{
		$dribble->send_bytes(substr $bytes, 0, 1, '');
		last if defined $dribble->receive(timeout => 0.3) || $dribble->{code};
	}
	is($dribble->{code}, 1008, 'a message that never ends is refused');
};

subtest 'memory' => sub {
	my $socket = qlm_socket($node);
	my $rounds = sub {
		my ($n) = @_;
		my $frames = join '', map { QlmSocket::frame(read_of(1)), QlmSocket::frame('x' x 50, type => 'ping') } 1 .. 500;

		for (1 .. $n / 1000)
		{
			$socket->send_bytes($frames);
			my @received = grep { defined } map { $socket->receive(all => 1) } 1 .. 1000;
			return 0 unless @received == 1000;
		}
		return 1;
	};

	$rounds->(2000);
	my ($before, $allocated) = (server_memory($node), allocated());
	my @grown;
	# What the worker does for the first time meanwhile, as housekeeping, it does once.
	for my $round (1 .. 3)
	{
		$before = server_memory($node);
		ok($rounds->(10000), 'ten thousand frames');
		push @grown, server_memory($node) - $before;
	}
	cmp_ok(min(@grown), '<', 400 * 1024, 'need no more memory');
	cmp_ok(allocated() - $allocated, '<', 10_000, 'and leave nothing behind');

	for (1 .. 200)
	{
		my $other = qlm_socket($node);

		$other->request(read_of(1));
		$_ % 2 ? $other->close : $other->abandon;
	}
	wait_until(sub { connections() <= 2 }, 'they are gone');
	cmp_ok(allocated() - $allocated, '<', 10_000, 'nor do two hundred sockets that come and go');

	# Frames that are announced, and do not come
	my @liars = map { qlm_socket($node) } 1 .. 100;
	$before = server_memory($node);
	$_->send_bytes("\x82\xFF" . pack('Q>', $limit) . "\0\0\0\0" . 'x') for @liars;
	# The other socket has answered no pings since, and may have been closed.
	is(return_code(qlm_socket($node)->request(read_of(1))), 404, 'a hundred that announce a message each');
	cmp_ok(server_memory($node) - $before, '<', 2000 * 1024, 'get no memory for it');
};

subtest 'an answer that waits' => sub {
	# Whom nobody calls: its answer waits for one second
	my $forward = envelope('M2', '<read msgformat="odf">' .
		'<nodeList><node>sleepy</node></nodeList><msg>' . QlmTest::objects('M2', 'A/x') . '</msg></read>', ttl => 2);
	$node->safe_psql('postgres', q{SELECT qlm_add_peer('sleepy', role => 'qlm_writer', piggyback => true)});

	my $socket = qlm_socket($node);
	$socket->send($forward);
	$socket->send(read_of($_)) for 1 .. 3;
	my $began = time();
	my $first = $socket->receive;
	cmp_ok(time() - $began, '>', 1, 'the answer to what was sent on takes its time');
	unlike($first, qr/Missing/, 'and comes first');
	my @wrong = grep { ($socket->receive // '') !~ /Missing$_\b/ } 1 .. 3;
	is("@wrong", '', 'those behind it wait');

	$socket->send(envelope('M2', '<read msgformat="odf"><nodeList><node>sleepy</node></nodeList><msg>'
		  . QlmTest::objects('M2', 'A/x') . '</msg></read>', ttl => 3600));
	$socket->send(read_of(4));
	sleep 0.2;
	$socket->send_bytes(QlmSocket::frame(pack('n', 1000), type => 'close'));
	like($socket->receive, qr/returnCode/, 'a client that says goodbye meanwhile gets what there is');
	like($socket->receive, qr/Missing4/, 'and the rest');
	ok(!defined $socket->receive && $socket->{code} == 1000, 'and a goodbye');

	$socket = qlm_socket($node);
	$socket->send(envelope('M2', '<read msgformat="odf"><nodeList><node>sleepy</node></nodeList><msg>'
		  . QlmTest::objects('M2', 'A/x') . '</msg></read>', ttl => 3600));
	sleep 0.2;
	$socket->abandon;
	ok(wait_until(sub { connections() <= 2 }, 'it is noticed'), 'one that has gone is noticed');
};

subtest 'the limit of connections' => sub {
	$node->append_conf('postgresql.conf', 'qlm.max_connections = 5');
	$node->reload;
	wait_until(sub { connections() == 0 }, 'none are left');
	wait_for_sql($node, 'SHOW qlm.max_connections', '5');
	is(post($node, read_of(1))->{status}, 200, 'before');
	my @sockets = map { qlm_socket($node) } 1 .. 5;
	is(return_code($_->request(read_of(1))), 404, 'a socket') for @sockets;
	my $waiting = qlm_connect($node);
	$waiting->send_request('POST', '/', body => read_of(1));
	ok(!$waiting->fill(0.5), 'sockets count as connections');
	$sockets[0]->close;
	is($waiting->response->{status}, 200, 'until one of them has gone');
	$node->append_conf('postgresql.conf', 'qlm.max_connections = 1000');
	$node->reload;
};

subtest 'the end of a worker' => sub {
	my $socket = qlm_socket($node);
	my $deaf = qlm_socket($node);
	my $pid = worker();

	$socket->send(write_of('End/x', $_)) for 1 .. 20;
	kill 'TERM', $pid;
	my $answers = 0;
	$answers++ while defined(my $answer = $socket->receive);
	is($socket->{code}, 1001, 'a worker that ends says so');
	is(values_of('End/x'), $answers, 'and stores what it has answered');
	ok($socket->wait_for_end && $deaf->wait_for_end, 'connections end');
	wait_for_sql($node, qq{SELECT count(*) = 1 FROM qlm.stat_worker WHERE kind = 'server' AND state = 'running' AND pid <> $pid}, 't');
	wait_for_http($node);
	is(return_code(qlm_socket($node)->request(read_of(1))), 404, 'its successor serves');

	$node->append_conf('postgresql.conf', 'restart_after_crash = on');
	$node->reload;
	my $lost = qlm_socket($node);
	$lost->request(write_of('Crash/x', 1));
	kill 'KILL', worker();
	ok(!defined $lost->receive && !defined $lost->{code} && $lost->{ended}, 'one that is killed says nothing');
	wait_for_http($node);
	is(return_code(qlm_socket($node)->request(read_envelope('M2', 'Crash/x'))), 200, 'what it had answered is there');

	my $last = qlm_socket($node);
	$last->request(read_of(1));
	$node->stop;
	$last->receive;
	is($last->{code}, 1001, 'a server that is shut down says goodbye, too');
};

done_testing();
