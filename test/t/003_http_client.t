# The HTTP client against servers that behave well, badly and not at all.
# Runs without a database server, built with sanitizers.

use strict;
use warnings FATAL => 'all';

use File::Temp qw(tempdir);
use IO::Socket::INET;
use Socket qw(SOL_SOCKET SO_LINGER);
use QlmUnit;
use Test::More;

my $folder = tempdir(CLEANUP => 1);
my $programs = unit_programs();

my @servers;
my $ok = "HTTP/1.1 200 OK\r\n";

# A header block and the body of a request; nothing where there is none.
sub read_request
{
	my ($socket) = @_;
	my $head = '';
	my $body = '';

	while (my $line = <$socket>)
	{
		last if $line eq "\r\n";
		$head .= $line;
	}
	read $socket, $body, $1 if $head =~ /^Content-Length: (\d+)/mi;
	return ($head, $body);
}

sub plain
{
	my ($text, $status) = @_;

	return 'HTTP/1.1 ' . ($status // '200 OK') . "\r\nContent-Length: "
	  . length($text) . "\r\n\r\n$text";
}

# Send until the other end has had enough.
sub flood
{
	my ($socket, $text) = @_;

	1 while print $socket $text;
	return;
}

# What a path does; true keeps the connection open.
my %behaviour = (
	echo => sub {
		my ($socket, $head, $body) = @_;
		print $socket plain("$head|$body");
		return 1;
	},
	process => sub { print { $_[0] } plain($$); return 1 },
	refuse => sub { print { $_[0] } plain('no', '500 Oh no'); return 1 },
	empty => sub { print { $_[0] } "HTTP/1.1 204 None\r\n\r\n"; return 1 },
	chunked => sub {
		print { $_[0] } "${ok}Transfer-Encoding: chunked\r\n\r\n";
		for my $part ('one ', 'two ', 'three')
		{
			printf { $_[0] } "%x\r\n%s\r\n", length $part, $part;
			select undef, undef, undef, 0.05;
		}
		print { $_[0] } "0\r\n\r\n";
		return 1;
	},
	interim => sub {
		print { $_[0] } "HTTP/1.1 100 Continue\r\n\r\n", plain('late');
		return 1;
	},
	until_close => sub { print { $_[0] } "$ok\r\nall"; return 0 },
	slow => sub {
		my ($socket) = @_;
		for my $byte (split //, plain('slowly'))
		{
			print $socket $byte;
			select undef, undef, undef, 0.01;
		}
		return 1;
	},
	drip => sub {
		my ($socket) = @_;
		print $socket "$ok\r\n";
		while (print $socket '.')
		{
			select undef, undef, undef, 0.05;
		}
		return 0;
	},
	silent => sub { sleep 20; return 0 },
	redirect => sub {
		my ($socket, $head) = @_;
		my ($host) = $head =~ /^Host: (\S+)/m;
		print $socket "HTTP/1.1 302 Found\r\nLocation: http://$host/echo\r\n"
		  . "Set-Cookie: a=b\r\nContent-Length: 0\r\n\r\n";
		return 1;
	},
	endless => sub {
		print { $_[0] } "$ok\r\n";
		return flood($_[0], 'x' x 65536);
	},
	exact => sub { print { $_[0] } plain('x' x 100_000); return 1 },
	one_more => sub { print { $_[0] } plain('x' x 100_001); return 1 },
	many_headers => sub {
		print { $_[0] } $ok;
		return flood($_[0], "X-Header: value\r\n" x 1000);
	},
	long_header => sub {
		print { $_[0] } "${ok}X-Header: ";
		return flood($_[0], 'x' x 65536);
	},
	many_interim => sub {
		return flood($_[0], "HTTP/1.1 100 Continue\r\n\r\n" x 1000);
	},
	trailers => sub {
		print { $_[0] } "${ok}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n";
		return flood($_[0], "X-Trailer: value\r\n" x 1000);
	},
	broken_status => sub { print { $_[0] } 'HTTP/1.'; return 0 },
	broken_header => sub { print { $_[0] } "${ok}Content-Le"; return 0 },
	broken_second => sub {
		print { $_[0] } "HTTP/1.1 100 Continue\r\n\r\n${ok}Content-Le";
		return 0;
	},
	only_interim => sub {
		print { $_[0] } "HTTP/1.1 100 Continue\r\n\r\n";
		return 0;
	},
	broken_body => sub {
		print { $_[0] } "${ok}Content-Length: 100\r\n\r\nhalf";
		return 0;
	},
	broken_chunk => sub {
		print { $_[0] } "${ok}Transfer-Encoding: chunked\r\n\r\n64\r\nhalf";
		return 0;
	},
	reset => sub {
		print { $_[0] } "${ok}Content-Length: 100\r\n\r\nhalf";
		setsockopt $_[0], SOL_SOCKET, SO_LINGER, pack('II', 1, 0);
		return 0;
	},
	nothing => sub { return 0 },
	garbage => sub { print { $_[0] } "\0\1\2 SSH-2.0 <html>\r\n\r\n" x 10; return 0 },
	bad_length => sub {
		print { $_[0] } "${ok}Content-Length: \xff-5\r\n\r\nx";
		return 0;
	},
	# closes a connection that it has promised to keep
	forgetful => sub { print { $_[0] } plain('once'); return 0 });

sub serve_connection
{
	my ($socket) = @_;

	while (my ($head, $body) = read_request($socket))
	{
		my ($path) = $head =~ m{^POST /(\w+) HTTP/1.1\r$}m or last;
		last unless $behaviour{$path}->($socket, $head, $body);
		$socket->flush;
	}
	close $socket;
	return;
}

sub listen_on_loopback
{
	my ($address) = @_;

	return IO::Socket::INET->new(
		LocalAddr => $address // '127.0.0.1',
		Listen => 500) || die "listen: $!";
}

# Serves each connection in a process of its own; returns the port.
sub start_server
{
	my $listener = listen_on_loopback();
	my $pid = fork // die "fork: $!";

	if ($pid == 0)
	{
		local $SIG{CHLD} = 'IGNORE';
		local $SIG{PIPE} = 'IGNORE';
		while (my $socket = $listener->accept)
		{
			if (fork == 0)
			{
				close $listener;
				$socket->autoflush(1);
				serve_connection($socket);
				POSIX::_exit(0);
			}
			close $socket;
		}
		POSIX::_exit(0);
	}
	push @servers, $pid;
	return $listener->sockport;
}

END
{
	my $status = $?;
	kill 'TERM', @servers;
	waitpid $_, 0 for @servers;
	$? = $status;
}

# Run the client; returns a hash of results for each line, in the order of the
# lines.
sub fetch
{
	my ($options, @lines) = @_;
	my @results;

	open my $input, '>', "$folder/input" or die $!;
	print $input map { "$_\n" } @lines;
	close $input;
	for (split /\n/, `$programs/fetch $options <$folder/input 2>$folder/stderr`)
	{
		my ($line, @fields) = split /\t/, $_, -1;
		@{ $results[$line] }{qw(status forbidden ms length error answer)} =
		  @fields;
	}
	is($?, 0, "the client ends well ($options)")
	  or diag(`head -50 $folder/stderr`);
	return @results;
}

sub fetch_one
{
	my ($line, $options) = @_;

	return (fetch($options // '', $line))[0];
}

use POSIX ();

my $port = start_server();
my $base = "http://127.0.0.1:$port";

my $r;
subtest 'what is sent' => sub {
	$r = fetch_one("5000 ap $base/echo <a>x</a>");
	is($r->{status}, 200, 'a request is answered');
	is($r->{error}, '', '... without an error');
	like($r->{answer}, qr{\|<a>x</a>$}, '... with its body');
	like($r->{answer}, qr{Content-Type: text/xml; charset=utf-8\r}, 'it is XML');
	like($r->{answer}, qr{Authorization: Bearer secret\r}, '... authorized');
	like($r->{answer}, qr{Prefer: wait=30\r}, '... and willing to wait');
	like($r->{answer}, qr{User-Agent: qlm/test\r}, '... and says who it is');
	unlike($r->{answer}, qr{Expect|Cookie|Encoding}i, '... and nothing else');

	$r = fetch_one("5000 f $base/echo <a b=\"1+1\">\xc3\xa4 &~</a>");
	like($r->{answer},
		qr{\|msg=%3Ca%20b%3D%221%2B1%22%3E%C3%A4%20%26%7E%3C%2Fa%3E$},
		'a form field is percent-encoded');
	like($r->{answer}, qr{Content-Type: application/x-www-form-urlencoded\r},
		'... and said to be one');

	my $large = 'x' x 60_000;
	$r = fetch_one("5000 - $base/echo $large", '-m 1000000');
	is($r->{status}, 200, 'a large body is sent');
	cmp_ok($r->{length}, '>', 60_000, '... whole and without waiting for 100');
	unlike($r->{answer}, qr/^Expect:/mi, '... nor is it asked for');
};

subtest 'good answers' => sub {
	for (
		[ 'chunked', 200, 'one two three' ],
		[ 'interim', 200, 'late' ],
		[ 'until_close', 200, 'all' ],
		[ 'slow', 200, 'slowly' ],
		[ 'empty', 204, '' ],
		[ 'refuse', 500, 'no' ],
		[ 'redirect', 302, '' ])
	{
		my ($path, $status, $answer) = @$_;
		$r = fetch_one("5000 - $base/$path x");
		is("$r->{status} $r->{answer} $r->{error}", "$status $answer ", $path);
	}
};

subtest 'bounds' => sub {
	$r = fetch_one("5000 - $base/exact x", '-m 100000');
	is("$r->{status} $r->{length} $r->{error}", '200 100000 ',
		'an answer of the largest size');
	for my $path (qw(one_more endless))
	{
		$r = fetch_one("5000 - $base/$path x", '-m 100000');
		is("$r->{status} $r->{length}", '200 100000', "$path: cut, with its status");
		like($r->{error}, qr/larger than qlm.max_message_size/, '... which is said');
	}
	for my $path (qw(many_headers long_header many_interim trailers))
	{
		$r = fetch_one("10000 - $base/$path x");
		is("$r->{status} $r->{length}", '0 0', "$path: no answer");
		cmp_ok($r->{ms}, '<', 8000, '... known soon');
		isnt($r->{error}, '', "... because $r->{error}");
	}
};

subtest 'answers that never come' => sub {
	for my $path (qw(silent drip))
	{
		$r = fetch_one("300 - $base/$path x");
		is($r->{status}, 0, "$path: no answer");
		like($r->{error}, qr/timed out/, '... in time');
		ok($r->{ms} >= 290 && $r->{ms} < 10_000, "... after $r->{ms} ms");
	}
	for my $path (
		qw(broken_status broken_header broken_second only_interim broken_body
	broken_chunk reset nothing garbage bad_length))
	{
		$r = fetch_one("10000 - $base/$path x");
		is("$r->{status} $r->{length}", '0 0', "$path: no answer");
		like($r->{error}, qr/^[ -~]+$/, "... because $r->{error}");
		cmp_ok($r->{ms}, '<', 8000, '... known soon');
	}
};

my $closed_port;
subtest 'nobody there' => sub {
	my $closed = listen_on_loopback();
	$closed_port = $closed->sockport;
	close $closed;
	$r = fetch_one("5000 - http://127.0.0.1:$closed_port/ x");
	is("$r->{status} $r->{forbidden}", '0 0', 'nobody listens');
	like($r->{error}, qr/connect/, "... because $r->{error}");
	$r = fetch_one('20000 y http://name.invalid/ x');
	is("$r->{status} $r->{forbidden}", '0 0', 'a name that is none');
	like($r->{error}, qr/resolve|timed out/i, "... because $r->{error}");
};

subtest 'URLs that are none, or of something else' => sub {
	for my $url ('', 'http://', 'nonsense://127.0.0.1/', 'file:///etc/passwd',
		"gopher://127.0.0.1:$port/", "ftp://127.0.0.1:$port/",
		"http://127.0.0.1:$port:1/")
	{
		$r = fetch_one("5000 y $url x");
		is("$r->{status} $r->{forbidden}", '0 0', "no answer from '$url'");
		isnt($r->{error}, '', "... because $r->{error}");
	}
};

my @r;
subtest 'where callbacks may go' => sub {
	$r = fetch_one("5000 - $base/echo x", '-a 10.0.0.0/8');
	is("$r->{status} $r->{forbidden}", '0 1', 'an address that is not allowed');
	like($r->{error}, qr/127\.0\.0\.1/, "... because $r->{error}");
	for my $host (qw(localhost 2130706433 0x7f.1 127.1 [::ffff:127.0.0.1]))
	{
		$r = fetch_one("5000 - http://$host:$port/echo x", '-a 10.0.0.0/8');
		is("$r->{status} $r->{forbidden}", '0 1', "... nor by the name $host");
	}
	$r = fetch_one("5000 - http://LOCALHOST:$port/echo x", '-a localhost');
	is($r->{status}, 200, 'a host that is allowed');
	$r = fetch_one("5000 y $base/echo x", '-a 10.0.0.0/8');
	is($r->{status}, 200, 'the configured need not be');
	@r = fetch('-a 10.0.0.0/8', "5000 y $base/process x", "5000 - $base/process x",
		"5000 y $base/process x");
	is(join(' ', map { "$_->{status},$_->{forbidden}" } @r), '200,0 0,1 200,0',
		'nor is their connection a way around');

	{
		local $ENV{http_proxy} = "http://127.0.0.1:$closed_port";
		local $ENV{ALL_PROXY} = $ENV{http_proxy};
		$r = fetch_one("5000 - $base/echo x");
		is($r->{status}, 200, 'the environment is no way around either');
	}
};

subtest 'connections' => sub {
	@r = fetch('', ("5000 - $base/process x") x 20);
	my %seen = map { $_->{answer} => 1 } @r;
	is(scalar keys %seen, 1, 'a connection is used again');
	@r = fetch('', ("5000 - $base/forgetful x") x 5);
	is(join(' ', map { $_->{error} =~ /^used before: / ? 200 : $_->{status} } @r), '200 200 200 200 200',
		'one that was closed meanwhile is replaced, or said to be one');
	@r = fetch('-w 100', ("8000 - $base/chunked x") x 100);
	is(scalar(grep { $_->{status} == 200 } @r), 100, '100 at a time');
	@r = fetch('-w 60', ("6000 - $base/silent x") x 50,
		("20000 - $base/process x") x 10);
	is(scalar(grep { $_->{status} == 200 && $_->{ms} < 5000 } @r), 10,
		'50 dead ones delay nobody');
	@r = fetch('-w 4 -c 300', "5000 - $base/silent x", "5000 - $base/process x",
		"5000 - $base/drip x", "20000 y http://name.invalid/ x");
	is("$r[0]{status} $r[1]{status} $r[2]{status}", 'cancelled 200 cancelled',
		'transfers are cancelled');
	fetch('-n 300 -w 10', map { "5000 - $base/$_ x" } qw(process broken_body refuse));
	ok(!-s "$folder/stderr" || `cat $folder/stderr` !~ /Sanitizer/, 'nothing leaks');
};

done_testing();
