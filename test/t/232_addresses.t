# What one address may take of a node: connections that say nothing or half of
# something, WebSockets, large messages.  Whoever floods, others are served.

use strict;
use warnings FATAL => 'all';

my ($wanted, $limit);

# Perl cannot change its own limit, so it starts again, before the modules have
# redirected what it prints.
BEGIN
{
	my $hard;

	$wanted = 3000;
	($limit, $hard) = map { chomp(my $n = `sh -c 'ulimit $_'`); $n eq 'unlimited' ? 1_000_000 : $n } '-Sn', '-Hn';
	if ($limit < $wanted + 500 && $limit < $hard && !$ENV{QLM_LIMIT_RAISED})
	{
		$ENV{QLM_LIMIT_RAISED} = 1;
		exec 'sh', '-c', 'ulimit -n "$(ulimit -Hn)"; exec "$@"', 'sh', $^X, (map { "-I$_" } @INC), $0;
	}
}

use IO::Handle;
use PostgreSQL::Test::Utils;
use QlmClock;
use QlmTest;
use Socket;
use Test::More;

plan skip_all => "only $limit files may be open" if $limit < $wanted + 500;

my $node = qlm_node('addresses', conf => <<EOC);
qlm.anonymous_role = 'qlm_writer'
qlm.listen_addresses = '127.0.0.1'
qlm.max_connections = 500
qlm.max_connections_per_address = 100
qlm.http_workers = 1
qlm.header_timeout = '60s'
EOC
my $read = read_envelope('M1b', 'Fridge/temperature');

$node->safe_psql('postgres', "SELECT qlm_write('Fridge/temperature', 4)");

sub set
{
	my ($name, $value) = @_;
	my $before = $node->safe_psql('postgres', 'SELECT pg_conf_load_time()');

	$node->safe_psql('postgres', "ALTER SYSTEM SET $name = $value");
	$node->reload;
	$node->poll_query_until('postgres', "SELECT pg_conf_load_time() > '$before'") or die 'no reload';
	wait_for_sql($node, 'SELECT count(*) FROM qlm.stat_worker WHERE state = $$running$$ AND pid IS NOT NULL', 2);
	return;
}

sub connections
{
	return $node->safe_psql('postgres', 'SELECT sum(connections) FROM qlm.stat_worker');
}

# Without waiting: those that nobody accepts stay in the backlog.
sub open_from
{
	my ($address) = @_;

	socket(my $socket, PF_INET, SOCK_STREAM, 0) or die "socket: $!";
	$socket->blocking(0);
	bind($socket, pack_sockaddr_in(0, inet_aton($address))) or die "bind: $!";
	connect($socket, pack_sockaddr_in($node->{qlm_port}, INADDR_LOOPBACK)) or $!{EINPROGRESS} or die "connect: $!";
	return $socket;
}

# So many, each of which has sent this; as many as the kernel takes at a time
sub flood_from
{
	my ($address, $n, $bytes) = @_;
	my @sockets;

	for (1 .. $n)
	{
		push @sockets, open_from($address);
		select undef, undef, undef, 0.05 unless @sockets % 200;
	}
	for my $socket (@sockets)
	{
		next unless defined $bytes;
		local $SIG{PIPE} = 'IGNORE';
		syswrite $socket, $bytes;
	}
	return @sockets;
}

# What comes within some seconds on a socket, until it ends or there is what is looked for,
# of which all is in the last part of what has come
sub answer_of
{
	my ($socket, $pattern) = @_;
	my $end = running_time() + 10;
	my $got = '';

	while (substr($got, length $got > 100_000 ? -100_000 : 0) !~ $pattern && running_time() < $end)
	{
		my $bits = '';
		vec($bits, fileno $socket, 1) = 1;
		next unless select $bits, undef, undef, 0.2;
		my $n = sysread $socket, $got, 65536, length $got;
		return $got unless $n || $!{EAGAIN};
	}
	return $got;
}

# Is one request from there answered, and how soon?
sub asks_from
{
	my ($address) = @_;
	my $start = running_time();
	my $socket = open_from($address);
	my $bits = '';

	vec($bits, fileno $socket, 1) = 1;
	select undef, $bits, undef, 10;
	syswrite $socket, QlmTest::Connection::format_request('localhost', 'POST', '/', body => $read);
	return answer_of($socket, qr{</omiEnvelope>}) =~ m{^HTTP/1.1 200} ? running_time() - $start : 999;
}

sub is_served_from
{
	my ($address, $what) = @_;
	my ($best) = sort { $a <=> $b } map { asks_from($address) } 1 .. 5;

	cmp_ok($best, '<', 1, sprintf '%s: %s is served in %.0f ms', $what, $address, 1000 * $best);
	return;
}

sub dismiss
{
	close $_ for @_;
	return wait_until(sub { connections() <= 1 }, 'they go');
}

my $half = "POST / HTTP/1.1\r\nHost: localhost\r\nX-Half: ";
my $upgrade = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
  . "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
my %kinds = (
	'connections that say nothing' => undef,
	'half-sent heads' => $half,
	'half-sent bodies' => "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n<omi",
	'silent WebSockets' => $upgrade,
	'connections kept alive' => QlmTest::Connection::format_request('localhost', 'POST', '/', body => $read));

# 127.0.0.2 is an address as any other.
for my $kind (sort keys %kinds)
{
	subtest "one address: $kind" => sub {
		my @flood = flood_from('127.0.0.2', $wanted, $kinds{$kind});

		is_served_from('127.0.0.3', 'meanwhile');
		is_served_from('127.0.0.1', 'meanwhile');
		cmp_ok(connections(), '<=', 100 + 20, 'it has no more than it may have');
		ok(wait_until(sub { asks_from('127.0.0.2') < 1 }, 'it is served'), 'even itself is served, since what does nothing goes first');
		ok(dismiss(@flood), 'they go');
	};
}

# Behind a proxy all have its address; that it has as many as it likes does not
# keep others out.
my @silent = representatives(2, 'half-sent heads', 'silent WebSockets', 'connections that say nothing', 'half-sent bodies', 'connections kept alive');
for my $kind (@silent)
{
	subtest "a proxy: $kind" => sub {
		my @flood = flood_from('127.0.0.1', $wanted, $kinds{$kind});

		wait_until(sub { connections() >= 450 }, 'it has nearly all there are');
		is_served_from('127.0.0.2', 'meanwhile');
		is_served_from('127.0.0.1', 'meanwhile');
		ok(dismiss(@flood), 'they go');
	};
}

subtest 'what is in use stays' => sub {
	my @busy = map { open_from('127.0.0.2') } 1 .. 90;

	wait_until(sub { connections() >= 90 }, 'they are there');
	syswrite $_, $upgrade for @busy;
	is(scalar(grep { answer_of($_, qr{\r\n\r\n}) =~ /^HTTP\/1.1 101/ } @busy), 90, 'WebSockets');
	my $message = pack('CCnN', 0x81, 0xfe, length $read, 0) . $read;
	syswrite $_, $message for @busy;
	is(scalar(grep { answer_of($_, qr{</omiEnvelope>}) =~ /Envelope/ } @busy), 90, 'in use');
	my @flood = flood_from('127.0.0.2', 300, $half);
	is_served_from('127.0.0.3', 'meanwhile');
	syswrite $_, $message for @busy;
	is(scalar(grep { answer_of($_, qr{</omiEnvelope>}) =~ /Envelope/ } @busy), 90, 'they are still answered');
	close $_ for @flood;
	dismiss(@busy);
};

subtest 'an address that has all it may have' => sub {
	my @busy = map { open_from('127.0.0.2') } 1 .. 100;
	my $message = pack('CCnN', 0x81, 0xfe, length $read, 0) . $read;

	wait_until(sub { connections() >= 100 }, 'they are there');
	syswrite $_, $upgrade for @busy;
	answer_of($_, qr{\r\n\r\n}) for @busy;
	syswrite $_, $message for @busy;
	answer_of($_, qr{</omiEnvelope>}) for @busy;
	my $more = open_from('127.0.0.2');
	my $answer = answer_of($more, qr{\r\n\r\n.});
	like($answer, qr{^HTTP/1.1 503 .*Retry-After: \d+.*too many connections from this address}s, 'a further one is told');
	ok(find_in_log(qr/qlm: 127\.0\.0\.2 has as many connections as qlm.max_connections_per_address allows/), 'and the log');
	is_served_from('127.0.0.3', 'meanwhile');
	set('qlm.proxies', "'127.0.0.0/8, ::1'");
	is_served_from('127.0.0.2', 'once it is said to be a proxy');
	set('qlm.proxies', "'127.0.0.1, ::1'");
	dismiss(@busy);
};

sub find_in_log
{
	my ($pattern) = @_;

	return wait_until(sub { PostgreSQL::Test::Utils::slurp_file($node->logfile) =~ $pattern }, "the log has $pattern");
}

subtest 'headers that take too long' => sub {
	set('qlm.header_timeout', "'1s'");
	my $fresh = open_from('127.0.0.2');
	my $slow = open_from('127.0.0.2');
	my $kept = open_from('127.0.0.2');

	select undef, undef, undef, 0.1;
	syswrite $kept, QlmTest::Connection::format_request('localhost', 'POST', '/', body => $read);
	like(answer_of($kept, qr{</omiEnvelope>}), qr/ 200 /, 'one is served');
	my $start = running_time();
	syswrite $slow, $half;
	my $ended = 0;
	while (running_time() - $start < 20)
	{
		local $SIG{PIPE} = 'IGNORE';
		my $got = syswrite $slow, 'x';
		my $n = sysread $slow, my $byte, 1;
		$ended = 1, last if !defined $got || (defined $n && $n == 0) || (!defined $n && !$!{EAGAIN});
		select undef, undef, undef, 0.1;
	}
	ok($ended, 'a byte now and then is not enough');
	is(answer_of($fresh, qr/./), '', 'nor is nothing at all');
	syswrite $kept, QlmTest::Connection::format_request('localhost', 'POST', '/', body => $read);
	like(answer_of($kept, qr{</omiEnvelope>}), qr/ 200 /, 'who waits between two requests has qlm.request_timeout');
	set('qlm.header_timeout', "'60s'");
};

# Large messages under way take memory: one address has half of it at most.
subtest 'large messages that do not end' => sub {
	my $size = 900_000;
	my $big = write_envelope('M1b', 'Fridge/text', 'x' x $size);
	my $post = QlmTest::Connection::format_request('localhost', 'POST', '/', body => $big);
	my $send = sub {
		my ($socket, $bytes) = @_;
		my $end = running_time() + 10;

		while (length $bytes && running_time() < $end)
		{
			my $n = syswrite $socket, $bytes, 65536;
			defined $n ? substr($bytes, 0, $n, '') : select undef, undef, undef, 0.01;
		}
		return;
	};
	local $SIG{PIPE} = 'IGNORE';

	set('qlm.max_message_size', "'1MB'");		# 16 of these in all
	my @half = map { open_from('127.0.0.2') } 1 .. 30;
	wait_until(sub { connections() >= 30 }, 'they are there');
	$send->($_, substr $post, 0, $size) for @half;
	my $other = open_from('127.0.0.3');
	wait_until(sub { connections() >= 31 }, 'another one is there');
	$send->($other, $post);
	like(answer_of($other, qr{</omiEnvelope>|\n\n$}), qr{^HTTP/1.1 200 .*returnCode="200"}s, 'that of another address is taken');
	my $more = open_from('127.0.0.2');
	wait_until(sub { connections() >= 32 }, 'one more is there');
	$send->($more, $post);
	like(answer_of($more, qr{\r\n\r\n.}), qr{^HTTP/1.1 503 .*Retry-After}s, 'one more of the same is not');
	dismiss(@half, $other, $more);

	# The same on WebSockets
	@half = map { open_from('127.0.0.2') } 1 .. 30;
	wait_until(sub { connections() >= 30 }, 'they are there');
	$send->($_, $upgrade) for @half;
	answer_of($_, qr{\r\n\r\n}) for @half;
	my $frame = pack('CCQ>N', 0x81, 0xff, length $big, 0) . $big;
	$send->($_, substr $frame, 0, $size) for @half;
	ok(wait_until(sub { my @closed = grep { answer_of($_, qr/\x88.\x03\xf3/s) =~ /no memory/ } @half[ 20 .. 29 ]; @closed > 5 }, 'some are closed'),
		'messages on WebSockets have the same bound');
	$other = open_from('127.0.0.3');
	wait_until(sub { connections() >= 1 }, 'another one is there');
	$send->($other, $post);
	like(answer_of($other, qr{</omiEnvelope>|\n\n$}), qr{^HTTP/1.1 200 .*returnCode="200"}s, 'and leave others theirs');
	dismiss(@half, $other);
	set('qlm.max_message_size', "'10MB'");
};

# Requests that wait for something to be queued: one peer has half of the places at most.
subtest 'requests that are held' => sub {
	$node->safe_psql('postgres', "SELECT qlm_add_peer(p, role => 'qlm_writer', piggyback => true) FROM unnest('{greedy,calm}'::text[]) p");
	set('qlm.max_connections', 40);
	my $wait = sub {
		my ($peer) = @_;
		my $socket = open_from('127.0.0.1');

		select undef, undef, undef, 0.02;
		syswrite $socket, QlmTest::Connection::format_request('localhost', 'POST', "/peer/$peer", body => envelope('M1b', '<read/>'), headers => { Prefer => 'wait=30' });
		return $socket;
	};
	my @greedy = map { $wait->('greedy') } 1 .. 25;
	wait_until(sub { connections() >= 25 }, 'they are there');
	my @answered = grep { answer_of($_, qr{</omiEnvelope>}) =~ / 200 / } @greedy[ 18 .. 24 ];
	cmp_ok(scalar @answered, '>', 3, 'beyond half of the places one peer is answered at once');
	my $calm = $wait->('calm');
	wait_until(sub { connections() >= 26 }, 'another peer waits');
	my $id = $node->safe_psql('postgres', "SELECT qlm_request('calm', qlm_read_envelope('Fridge/door'))");
	like(answer_of($calm, qr{</omiEnvelope>}), qr/Preference-Applied: wait=30.*$id/s, 'and has its place');
	dismiss(@greedy, $calm);
	set('qlm.max_connections', 500);
};

# Answers that nobody takes hold memory that others need.
subtest 'large answers that are not taken' => sub {
	$node->safe_psql('postgres', "SELECT qlm_write('Fridge/big', repeat('x', 28000000))");
	set('qlm.max_answer_size', "'32MB'");		# 128 MB of them in all: three are more than half
	set('qlm.request_timeout', "'2s'");
	my $read_big = QlmTest::Connection::format_request('localhost', 'POST', '/', body => read_envelope('M1b', 'Fridge/big'));
	my @slow = map { open_from('127.0.0.2') } 1 .. 4;

	wait_until(sub { connections() >= 4 }, 'they are there');
	syswrite $_, $read_big for @slow;
	ok(wait_until(sub { connections() <= 3 }, 'some are cut off'), 'where memory is short who takes nothing is cut off soon, until it is short no more');
	my $ask = sub {
		my $one = open_from('127.0.0.3');

		select undef, undef, undef, 0.1;
		syswrite $one, $read_big;
		return answer_of($one, qr{</omiEnvelope>}) =~ m{^HTTP/1.1 200};
	};
	ok(wait_until($ask, 'others are answered'), 'others have theirs');
	dismiss(@slow);
	set('qlm.request_timeout', "'60s'");
};

$node->stop;
done_testing();
