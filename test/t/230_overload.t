# Crowds: ten thousand connections that do nothing, clients that send or read
# a byte a second, and more work than can be done.  None of them hurts those
# who behave, and what is accepted is done.

use strict;
use warnings FATAL => 'all';

my ($wanted, $spare, $limit);

# Perl cannot change its own limit, so it starts again, before the modules have
# redirected what it prints.
BEGIN
{
	my $hard;

	$wanted = 10_000;
	$spare = 1500;		# other files, on both sides
	($limit, $hard) = map { chomp(my $n = `sh -c 'ulimit $_'`); $n eq 'unlimited' ? 1_000_000 : $n } '-Sn', '-Hn';
	if ($limit < $wanted + $spare && $limit < $hard && !$ENV{QLM_LIMIT_RAISED})
	{
		$ENV{QLM_LIMIT_RAISED} = 1;
		exec 'sh', '-c', 'ulimit -n "$(ulimit -Hn)"; exec "$@"', 'sh', $^X, (map { "-I$_" } @INC), $0;
	}
}

use IO::Select;
use PostgreSQL::Test::Utils;
use QlmClock;
use QlmTest;
use Socket;
use Test::More;
use Time::HiRes qw(sleep time);

my $crowd = $limit < $wanted + $spare ? $limit - $spare : $wanted;

my $node = qlm_node('overload', conf => <<EOC);
qlm.anonymous_role = 'qlm_writer'
qlm.max_connections = 20000
qlm.max_message_size = '20MB'
qlm.header_timeout = '60s'
EOC
# A node without a crowd, on the same machine
my $other = qlm_node('other', conf => "qlm.anonymous_role = 'qlm_writer'\n");
my $read = read_envelope('M1b', 'Fridge/temperature');
my $request = QlmTest::Connection::format_request('localhost', 'POST', '/', body => $read);

sub set
{
	my ($name, $value) = @_;
	my $before = $node->safe_psql('postgres', 'SELECT pg_conf_load_time()');

	$node->safe_psql('postgres', "ALTER SYSTEM SET $name = $value");
	$node->reload;
	$node->poll_query_until('postgres', "SELECT pg_conf_load_time() > '$before'") or die 'no reload';
	return;
}

sub connections
{
	return $node->safe_psql('postgres', 'SELECT sum(connections) FROM qlm.stat_worker');
}

sub open_socket
{
	my ($to) = @_;

	socket(my $socket, PF_INET, SOCK_STREAM, 0) or die "socket: $!";
	connect($socket, pack_sockaddr_in(($to // $node)->{qlm_port}, INADDR_LOOPBACK)) or die "connect: $!";
	return $socket;
}

# ms that a request takes whose client behaves: the best of some medians; and the worst of
# all.  Each is followed by one to the other node, as others use this machine, too.
sub latencies
{
	my %node = (here => $node, there => $other);
	my %best = map { $_ => 1e9 } keys %node;
	my %worst = map { $_ => 0 } keys %node;

	for (1 .. 5)
	{
		my %socket = map { $_ => open_socket($node{$_}) } keys %node;
		my %took;

		for (1 .. 100)
		{
			for my $where (sort keys %node)
			{
				my ($start, $running, $got) = (time(), running_time(), '');

				syswrite $socket{$where}, $request;
				while ($got !~ m{</omiEnvelope>})
				{
					sysread $socket{$where}, $got, 65536, length $got or die "no answer: $got";
				}
				push @{ $took{$where} }, 1000 * (time() - $start);
				$running = 1000 * (running_time() - $running);
				$worst{$where} = $running if $running > $worst{$where};
			}
		}
		for my $where (keys %node)
		{
			my $median = (sort { $a <=> $b } @{ $took{$where} })[50];

			$best{$where} = $median if $median < $best{$where};
		}
	}
	return map { $_ => [ $best{$_}, $worst{$_} ] } keys %node;
}

sub check_latency
{
	my ($what) = @_;
	my ($now, $worst, $usual, $usual_worst);

	# What others do to the machine may hit one node more than the other.
	for (1 .. 5)
	{
		my %took = latencies();

		($now, $worst) = @{ $took{here} };
		($usual, $usual_worst) = @{ $took{there} };
		last if $now < 1.5 * $usual + 0.5 && $worst < 500 + 2 * $usual_worst;
	}
	note(sprintf '%s: %.2f ms instead of %.2f, at worst %.0f instead of %.0f; %d kB', $what, $now, $usual, $worst, $usual_worst, server_memory($node) / 1024);
	cmp_ok($now, '<', 1.5 * $usual + 0.5, "$what: others are as fast as ever");
	cmp_ok($worst, '<', 500 + 2 * $usual_worst, "$what: none waits for long");
	return;
}

# Send the same on all sockets, and read from each until there is what is looked for.
sub ask_all
{
	my ($sockets, $bytes, $answer) = @_;
	my $good = 0;

	for (my $i = 0; $i < @$sockets; $i += 50)
	{
		my @now = grep { defined } @$sockets[ $i .. $i + 49 ];

		syswrite $_, $bytes for @now;
		for my $socket (@now)
		{
			my $got = '';

			while ($got !~ $answer)
			{
				last unless sysread $socket, $got, 65536, length $got;
			}
			$good++ if $got =~ $answer;
		}
	}
	return $good;
}

my $upgrade = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
  . "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
my $upgraded = qr{^HTTP/1.1 101 .*\r\n\r\n}s;

# So many connections, and what they cost
sub gather
{
	my ($kb, $bytes, $answer) = @_;
	my $before = server_memory($node);
	my @idle = map { open_socket() } 1 .. $crowd;

	ok(wait_until(sub { connections() >= $crowd }, 'all are accepted'), "$crowd connections");
	is(ask_all(\@idle, $bytes, $answer), $crowd, 'each is served') if defined $bytes;
	my $each = (server_memory($node) - $before) / 1024 / $crowd;
	cmp_ok($each, '<', $kb, sprintf '%.1f kB for each', $each);
	return @idle;
}

sub dismiss
{
	close $_ for @_;
	ok(wait_until(sub { connections() < 10 }, 'they go'), 'they go');
	return;
}

subtest 'many idle connections' => sub {
	plan skip_all => "only $limit files may be open" if $crowd < 1000;
	my @idle = gather(20);

	check_latency('silent connections');
	is(ask_all(\@idle, $upgrade, $upgraded), $crowd, 'each becomes a WebSocket');
	check_latency('silent WebSockets');
	is(ask_all(\@idle, pack('CCnN', 0x81, 0xfe, length $read, 0) . $read, qr{</omiEnvelope>}), $crowd, 'each is served');
	check_latency('WebSockets');
	dismiss(@idle);

	@idle = gather(20, $upgrade, $upgraded);
	dismiss(@idle);

	@idle = gather(48, $request, qr{</omiEnvelope>});
	check_latency('connections kept alive');
	dismiss(@idle);
	check_latency('after them');
};

subtest 'a byte a second' => sub {
	my $big = 5_000_000;
	my (@senders, @readers, @sockets);

	$node->safe_psql('postgres', "SELECT qlm_write('Fridge/big', repeat('x', $big))");
	for (1 .. 200)
	{
		push @senders, open_socket();
		push @readers, open_socket() if $_ <= 20;
		push @sockets, open_socket();
	}
	my $before = server_memory($node);

	syswrite $_, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n" for @senders[ 0 .. 99 ];
	is(ask_all(\@sockets, $upgrade, $upgraded), 200, 'WebSockets');
	syswrite $_, pack('CC', 0x81, 0xfe) for @sockets;
	syswrite $_, QlmTest::Connection::format_request('localhost', 'POST', '/', body => read_envelope('M1b', 'Fridge/big')) for @readers;
	for my $second (1 .. (long_run() ? 30 : 3))
	{
		syswrite $_, 'P' for @senders, @sockets;
		sysread $_, my $byte, 1 for @readers;
		check_latency("second $second");
	}
	cmp_ok(server_memory($node) - $before, '<', @readers * $big * 1.5 + 30_000_000, 'answers that are not taken are there once');
	close $_ for @senders, @readers, @sockets;
	ok(wait_until(sub { connections() < 10 }, 'they go'), 'they go');
	ok(wait_until(sub { server_memory($node) - $before < 30_000_000 }, 'memory is given back'), 'and leave nothing behind');
};

# Thousands who send at once what takes much longer than anybody waits
subtest 'more than can be done' => sub {
	my $callers = long_run() ? 3000 : 1000;
	my $values = 300;
	my $timeout = 2;

	set('qlm.request_timeout', "'${timeout}s'");
	latencies();
	my $before = server_memory($node);
	my (%buffer, %started, %caller, %took, @accepted, $without, $odd);
	my $all = IO::Select->new;
	my $end = time() + (long_run() ? 60 : 8);
	my $sent = 0;

	my $send = sub {
		my ($socket) = @_;
		my $items = join '', map { "<InfoItem name=\"i$_\"><value>$_</value></InfoItem>" } 1 .. $values;

		$caller{$socket} = ++$sent;
		$buffer{$socket} = '';
		$started{$socket} = running_time();
		print $socket QlmTest::Connection::format_request('localhost', 'POST', '/', body => envelope('M1b',
				"<write msgformat=\"odf\"><msg><Objects><Object><id>Load$sent</id>$items</Object></Objects></msg></write>"));
	};
	local $SIG{PIPE} = 'IGNORE';
	for (1 .. $callers)
	{
		my $socket = open_socket();

		$socket->autoflush(1);
		$all->add($socket);
		$send->($socket);
	}
	while ($all->count)
	{
		my @ready = $all->can_read(10) or last;

		for my $socket (@ready)
		{
			my $n = sysread $socket, $buffer{$socket}, 65536, length $buffer{$socket};
			my $answer = $buffer{$socket};

			next if $n && $answer !~ /\r\n\r\n.*(Envelope>|\.\n)\s*$/s;
			my ($status) = $answer =~ m{^HTTP/1.1 (\d+)};
			$status //= 'none';
			push @{ $took{$status} }, running_time() - $started{$socket};
			push @accepted, $caller{$socket} if $status eq '200' && $answer =~ /returnCode="200"/;
			$without++ if $status eq '503' && $answer !~ /^Retry-After: [1-9]\d*\r$/mi;
			$odd //= $answer if $status !~ /^(200|503)$/;
			if (!$n || time() > $end || $answer =~ /^Connection: close/mi)
			{
				$all->remove($socket);
				close $socket;
			}
			else
			{
				$send->($socket);
			}
		}
	}
	my $worst = sub { (sort { $b <=> $a } @{ $took{ $_[0] } // [ 0 ] })[0] };
	my $median = sub { my @t = sort { $a <=> $b } @{ $took{ $_[0] } // [ 0 ] }; $t[ @t / 2 ] };

	note(sprintf '%s: %d, %.2f s, %.2f s at worst', $_, scalar @{ $took{$_} }, $median->($_), $worst->($_)) for sort keys %took;
	is($odd, undef, 'nothing but answers and refusals');
	is($all->count, 0, 'all have one');
	cmp_ok($#accepted, '>', 10, 'many were served');
	is($without, undef, 'but are told when to come again');
	SKIP:
	{
		skip 'others left too little of the machine to ask for more than can be done', 2 if !long_run() && !$took{503};
		cmp_ok(@{ $took{503} // [] }, '>', 100, 'many were not');
		cmp_ok($median->(503), '<', $timeout, 'early');
	}
	cmp_ok($worst->(200), '<', 3 * $timeout, 'who is served does not wait for ever');
	# Every message has new nodes: each of two workers comes to know half a million, some 300 bytes each.
	cmp_ok(server_memory($node) - $before, '<', 2 * 500_000 * 300 + 150_000_000, 'memory is bounded');
	is($node->safe_psql('postgres', "SELECT count(*) FROM qlm.object o JOIN qlm.info_item i USING (object_id) WHERE o.path LIKE 'Load%'"),
		@accepted * $values, 'what was acknowledged is stored, and nothing else');
	is($node->safe_psql('postgres', "SELECT count(DISTINCT path) FROM qlm.object WHERE path = ANY (ARRAY['" . join("','", map { "Load$_" } @accepted) . "'])"),
		scalar @accepted, 'all of it');
	set('qlm.request_timeout', "'60s'");
	check_latency('after them');
};

$_->stop for $node, $other;
done_testing();
