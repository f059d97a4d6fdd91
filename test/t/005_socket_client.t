# WebSockets that the client opens, to servers that behave well, badly and not at
# all, with TLS and without.  Runs without a database server, built with
# sanitizers.

use strict;
use warnings FATAL => 'all';

use File::Temp qw(tempdir);
use IO::Socket::INET;
use IO::Socket::SSL::Utils;
use QlmUnit;
use Test::More;

use QlmClock;
use QlmSocketReceiver;

my $folder = tempdir(CLEANUP => 1);
my $programs = unit_programs();

# Run the client; returns a hash of results for each line, in the order of the
# lines.  Options: before (what runs it), options.
sub push_all
{
	my ($lines, %opt) = @_;
	my $before = $opt{before} // '';
	my $options = $opt{options} // '';
	my @results;

	open my $input, '>', "$folder/input" or die $!;
	print $input map { "$_\n" } @$lines;
	close $input;
	for (split /\n/, `$before $programs/fetch $options <$folder/input 2>$folder/stderr`)
	{
		my ($line, @fields) = split /\t/, $_, -1;
		@{ $results[$line] }{qw(status forbidden ms length error answer)} = @fields;
	}
	is($?, 0, "the client ends well ($before $options)") or diag(`head -50 $folder/stderr`);
	return @results;
}

sub push_one
{
	my ($line, %opt) = @_;

	return (push_all([$line], %opt))[0];
}

sub outcome { return "$_[0]{status} $_[0]{error}"; }

my ($receiver, $port, @results);
subtest 'what is sent' => sub {
	$receiver = QlmSocketReceiver->new;
	$port = $receiver->{port};
	@results = push_all([ map { "20000 a ws://127.0.0.1:$port/push?a=b#c <a>$_ \xc3\xa4</a>" } 1 .. 5 ]);
	is(join(',', map { outcome($_) } @results), join(',', ('200 ') x 5), 'messages are pushed');
	is(join('', $receiver->messages(5)), join('', map { "<a>$_ \xc3\xa4</a>" } 1 .. 5), 'in order, as they are');
	my @heads = $receiver->heads;
	is(@heads, 1, 'on one connection');
	like($heads[0], qr{^GET /push\?a=b HTTP/1\.1\r\nHost: 127\.0\.0\.1:$port\r\n}, 'which asks for the path');
	like($heads[0], qr{^Authorization: Bearer secret\r$}m, '... authorized');
	like($heads[0], qr{^User-Agent: qlm/test\r$}m, '... and says who it is');
	like($heads[0], qr{^Sec-WebSocket-Version: 13\r$}m);
	unlike($heads[0], qr{Origin|Cookie|Extensions|Protocol:}i, '... and nothing else');
	is(outcome(push_one("20000 - ws://user:p%3aw\@127.0.0.1:$port x")), '200 ', 'a secret in the URL');
	like(($receiver->heads(2))[1], qr{^GET / HTTP.*^Authorization: Basic dXNlcjpwOnc=\r$}ms, 'is shown as to http');

	for my $size (0, 1, 125, 126, 60_000)
	{
		my $text = 'x' x $size;
		is(outcome(push_one("20000 - ws://127.0.0.1:$port/ $text")), '200 ', "$size bytes are pushed");
		is(length(($receiver->messages)[-1]), $size, 'all of them');
	}
	push_all([ map { "20000 - ws://127.0.0.1:$port/$_ x" } 1 .. 50 ], options => '-n 3');
	is(scalar($receiver->heads), 57, 'each URL has a connection of its own, and keeps it');
};

subtest 'how the other end says that it has a message' => sub {
	for my $how (qw(pong answer greet))
	{
		$receiver = QlmSocketReceiver->new(be => $how);
		@results = push_all([ map { "20000 - " . $receiver->url . " $_" } 1 .. 5 ]);
		is(join(',', map { outcome($_) } @results), join(',', ('200 ') x 5), "$how: acknowledged");
		is(join(',', $receiver->messages(5)), '1,2,3,4,5', "$how: all have come");
	}
};

# A server that says these bytes to each connection, and waits.  Options: slowly,
# instead (of the answer to the handshake), flood (again and again), after (more,
# when something has come).
sub saying
{
	my ($bytes, %opt) = @_;
	my $listening = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 10) or die $!;
	my $pid = fork() // die $!;

	return { pid => $pid, url => 'ws://127.0.0.1:' . $listening->sockport . '/' } if $pid;
	$SIG{PIPE} = 'IGNORE';
	while (my $socket = $listening->accept)
	{
		my $head = '';
		$head .= $_ while defined($_ = <$socket>) && $_ ne "\r\n";
		my ($key) = $head =~ /^Sec-WebSocket-Key: (\S+)/m;
		my $accept = Digest::SHA::sha1_base64($key . '258EAFA5-E914-47DA-95CA-C5AB0DC85B11') . '=';
		my $answer = $opt{instead} ? $bytes
		  : "HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: $accept\r\n\r\n$bytes";
		syswrite $socket, $_ for $opt{slowly} ? split(//, $answer) : $answer;
		if ($opt{after})
		{
			sysread $socket, $_, 65536;
			syswrite $socket, $opt{after};
		}
		while ($opt{flood})
		{
			last unless syswrite $socket, $bytes;
		}
		1 while sysread $socket, $_, 65536;
		close $socket;
	}
	POSIX::_exit(0);
}

sub outcome_of
{
	my ($server, $line) = @_;
	my $r = push_one(($line // '3000') . " - $server->{url} x");

	kill 'KILL', $server->{pid};
	waitpid $server->{pid}, 0;
	return outcome($r);
}

subtest 'how the other end says that it has none' => sub {
	for my $how (qw(deaf silent))
	{
		$receiver = QlmSocketReceiver->new(be => $how);
		my $r = push_one('700 - ' . $receiver->url . ' x');
		like(outcome($r), qr/^0 (it has not acknowledged the message|the WebSocket could not be opened) within 700 milliseconds$/, "$how: given up");
		cmp_ok($r->{ms}, '>=', 690, "$how: when its time is up");
	}
	my %refusals = (
		'close 1009' => '413 it closed the WebSocket \(1009: so it is\)',
		'close 1008' => '403 it closed the WebSocket \(1008: so it is\)',
		'close 1003' => '415 it closed the WebSocket \(1003: so it is\)',
		'close 1011' => '0 it closed the WebSocket \(1011: so it is\)',
		cut => '0 it ended the connection',
		'refuse 403' => '403 it does not open a WebSocket there: it answered with HTTP status 403',
		'refuse 503' => '503 it does not open a WebSocket there: it answered with HTTP status 503',
		'refuse 200' => '0 it does not open a WebSocket there: it answered with HTTP status 200',
		wrong => '0 Sec-WebSocket-Accept in its answer does not fit the key');
	for my $how (sort keys %refusals)
	{
		$receiver = QlmSocketReceiver->new(be => $how);
		like(outcome(push_one('20000 - ' . $receiver->url . ' x')), qr/^$refusals{$how}/, "$how: known at once");
		is(scalar($receiver->heads), 1, "$how: not tried again at once");
	}

	is(outcome_of(saying('', slowly => 1, after => "\x81\x03<a>")), '200 ', 'a handshake byte by byte, then an answer');
	is(outcome_of(saying('', after => "\x01\x02\n<\x89\x01x\x00\x01a\x80\x01>")), '200 ', 'an answer in pieces, with a ping between them');
	like(outcome_of(saying("\x81\x03<a>"), 700), qr/^0 it has not acknowledged/, 'what comes before the message is no answer to it');
	like(outcome_of(saying("\x81\x05hello"), 700), qr/^0 it has not acknowledged/, 'what is no envelope is no answer');
	like(outcome_of(saying("\x8a\x012"), 700), qr/^0 it has not acknowledged/, 'nor is another pong');
	like(outcome_of(saying("\x81\x83\0\0\0\0<a>")), qr/^0 frame of a server is masked/, 'a masked frame');
	like(outcome_of(saying("\xf1\x03<a>")), qr/^0 reserved bits/, 'reserved bits');
	like(outcome_of(saying("\x81\x01\xff")), qr/^0 text is not UTF-8/, 'bad text');
	like(outcome_of(saying("\x82\x7f\0\0\1\0\0\0\0\0")), qr/^0 message is larger than qlm\.max_message_size/, 'a message that is too large is announced');
	like(outcome_of(saying("\x89\x7d" . 'x' x 125, flood => 1), 3000), qr/^0 it (has not acknowledged|sends more pings)/, 'a flood of pings');
	like(outcome_of(saying("\x82\x7e\xff\xff" . '<' x 65535, flood => 1)), qr/^200 /, 'a flood of messages');
	like(outcome_of(saying("\x82\x7e\xff\xff" . 'x' x 65535, flood => 1), 20000), qr/^0 it sends more than qlm\.max_message_size/, 'nor one of what is no answer is read for ever');
	like(outcome_of(saying("HTTP/1.1 101 X\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", instead => 1)), qr/^0 its answer upgrades to something else/, 'another protocol');
	like(outcome_of(saying("SSH-2.0-x\r\n\r\n\r\n", instead => 1)), qr/^0 it does not speak HTTP/, 'no HTTP');
	like(outcome_of(saying('x' x 20000, instead => 1)), qr/^0 the headers of its answer are too large/, 'an endless line');
	like(outcome_of(saying('', instead => 1), 700), qr/^0 the WebSocket could not be opened within 700/, 'no answer');
};

subtest 'a connection that was closed, or has died, meanwhile' => sub {
	my $listening = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 10) or die $!;
	$port = $listening->sockport;
	my $pid = fork() // die $!;
	if ($pid == 0)
	{
		# Each connection takes two messages and ends at the third; the last one
		# says nothing from then on.
		for my $n (1 .. 3)
		{
			my $socket = $listening->accept;
			my $head = '';
			$head .= $_ while defined($_ = <$socket>) && $_ ne "\r\n";
			my ($key) = $head =~ /^Sec-WebSocket-Key: (\S+)/m;
			my $accept = Digest::SHA::sha1_base64($key . '258EAFA5-E914-47DA-95CA-C5AB0DC85B11') . '=';
			syswrite $socket, "HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: $accept\r\n\r\n";
			my $frames = Protocol::WebSocket::Frame->new;
			my $messages = 0;
			while ($messages < 3)
			{
				my $bytes = '';
				sysread $socket, $bytes, 65536 or last;
				$frames->append($bytes);
				while (defined(my $payload = $frames->next_bytes))
				{
					$messages++ unless $frames->opcode == 9;
					QlmSocketReceiver::say_frame($socket, 'pong', $payload) if $frames->opcode == 9 && $messages < 3;
				}
			}
			push our @kept, $socket if $n == 2;
			close $socket unless $n == 2;
		}
		POSIX::_exit(0);
	}
	@results = push_all([ map { "30000 - ws://127.0.0.1:$port/ $_" } 1 .. 6 ]);
	is(join(',', map { outcome($_) } @results), join(',', ('200 ') x 6), 'what was in vain on an old connection is pushed on a new one');
	cmp_ok($results[2]{ms}, '<', 4000, 'at once where it has ended');
	ok($results[4]{ms} >= 4900 && $results[4]{ms} < 20000, "after 5 s without a sign of life ($results[4]{ms} ms)");
	waitpid $pid, 0;
};

subtest 'addresses' => sub {
	my $r = push_one("3000 - ws://127.0.0.2:$port/ x", options => '-a 127.0.0.1');
	is(outcome($r) . ";$r->{forbidden}", '0 qlm.callback_allow does not allow 127.0.0.2;1', 'an address that is not allowed');
	like(outcome(push_one('3000 - ws://127.0.0.1:1/ x')), qr/^0 .*(refused|connect)/i, 'nobody listens');
	like(outcome(push_one('3000 - ws://nobody.invalid/ x')), qr/^0 .*resolve/i, 'no such host');
};

subtest 'TLS' => sub {
	my ($cert, $key) = CERT_create(subject => { commonName => 'test' }, purpose => 'server',
		subjectAltNames => [ [ IP => '127.0.0.1' ] ], not_after => time() + 86400);
	PEM_cert2file($cert, "$folder/cert.pem");
	PEM_key2file($key, "$folder/key.pem");
	$receiver = QlmSocketReceiver->new(tls => [ "$folder/key.pem", "$folder/cert.pem" ]);
	like(outcome(push_one('10000 - ' . $receiver->url . ' x')), qr/^0 .*certificate/i, 'a certificate that nobody vouches for');
	is(scalar($receiver->heads), 0, 'is told nothing');
	$receiver = QlmSocketReceiver->new;
	like(outcome(push_one("3000 - wss://127.0.0.1:$receiver->{port}/ x")), qr/^0 .*(SSL|timed out)/i, 'no TLS where TLS is wanted');

	SKIP:
	{
		# In a mount namespace of its own the client trusts what the test wants.
		my $bundle = '/etc/ssl/certs/ca-certificates.crt';
		my $trusting = "unshare -rm sh -c 'mount --bind $folder/cert.pem $bundle && exec \"\$\@\"' sh";
		skip 'no certificate can be made trusted here', 1
		  unless -f $bundle && system("$trusting true 2>/dev/null") == 0;
		$receiver = QlmSocketReceiver->new(tls => [ "$folder/key.pem", "$folder/cert.pem" ]);
		my @lines = map { '20000 - ' . $receiver->url . ' ' . 'x' x ($_ * 10000) } 1 .. 6;
		is(join(',', map { outcome($_) } push_all(\@lines, before => $trusting)), join(',', ('200 ') x 6), 'with TLS');
		is(join(',', map { length } $receiver->messages(6)), '10000,20000,30000,40000,50000,60000', 'all have come');
		is(scalar($receiver->heads), 1, 'on one connection');
		like(outcome(push_one("10000 - wss://localhost:$receiver->{port}/ x", before => $trusting)), qr/^0 .*(subject|name)/i,
			'one for another name is not taken');
	}
};

done_testing();
