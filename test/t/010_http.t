# HTTP: what is accepted, what is answered, what is refused.

use strict;
use warnings FATAL => 'all';

use IO::Socket::IP;
use QlmTest;
use Test::More;

my $node = qlm_node('http', conf => <<EOC);
qlm.anonymous_role = 'qlm_writer'
qlm.max_message_size = '100kB'
qlm.http_workers = 1
EOC

my $item = 'Fridge/temperature';
my $write = write_envelope('M1b', $item, '4.5');

sub value_of
{
	my ($path) = @_;

	return $node->safe_psql('postgres',
		"SELECT value FROM qlm.current WHERE path = '$path'");
}

subtest 'a message as the body' => sub {
	my $answer = post($node, $write);

	is($answer->{status}, 200, 'status');
	like($answer->{headers}{'content-type'}, qr{^text/xml;\s*charset=utf-8$}i,
		'content type');
	is(return_code($answer), 200, 'returnCode');
	is(value_of($item), '4.5', 'the value is stored');
	for my $path ('/qlm', '/qlm/', '/?other=x')
	{
		is(post($node, $write, path => $path)->{status}, 200, "POST $path");
	}
	for my $path ('/?peer=nobody', '/peer/nobody')
	{
		is(post($node, $write, path => $path)->{status}, 401,
			"POST $path: an unknown name is no anonymous caller");
	}
	is(post($node, "\n  $write\n", headers => { 'Content-Type' => undef })->{status},
		200, 'no content type, white space around it');
};

subtest 'a message in form field msg' => sub {
	my $answer = post($node,
		write_envelope('M1b', $item, 'ä+b&c', at => '2024-05-01T12:00:00+02:00'),
		form => 1);

	is($answer->{status}, 200, 'urlencoded');
	is(return_code($answer), 200, 'returnCode');
	is( $node->safe_psql('postgres', <<EOQ), 'ä+b&c|t', 'decoded once');
SELECT value, ts = '2024-05-01 10:00:00+00' FROM qlm.history
WHERE path = '$item' AND ts < '2024-05-02'
EOQ

	$answer = post($node, 'message=nothing',
		headers => { 'Content-Type' => 'application/x-www-form-urlencoded' });
	is($answer->{status}, 400, 'a form without msg');
};

subtest 'keep-alive and pipelining' => sub {
	my $connection = qlm_connect($node);

	for my $i (1 .. 50)
	{
		my $answer = $connection->request('POST', '/',
			body => write_envelope('M1b', 'Fridge/counter', $i));
		is($answer->{status}, 200, "request $i") if $i % 10 == 0;
	}
	is(value_of('Fridge/counter'), '50', 'all were run, in order');

	for my $i (51 .. 53)
	{
		$connection->send_request('POST', '/',
			body => write_envelope('M1b', 'Fridge/counter', $i));
	}
	is($connection->response->{status}, 200, "pipelined $_") for 51 .. 53;
	is(value_of('Fridge/counter'), '53', 'in order again');

	my $answer = $connection->request('POST', '/',
		body => $write, headers => { Connection => 'close' });
	is($answer->{status}, 200, 'Connection: close is answered');
	ok($connection->closed, 'and closes');

	$connection = qlm_connect($node);
	$connection->send_bytes("GET /health HTTP/1.0\r\n\r\n");
	is($connection->response->{status}, 200, 'HTTP/1.0');
	ok($connection->closed, 'closes');
};

subtest 'chunked bodies' => sub {
	my $connection = qlm_connect($node);

	for my $sizes ([1], [ (1) x 40 ], [ 5, 100, 1 ])
	{
		my $answer = $connection->request('POST', '/',
			body => write_envelope('M1b', 'Fridge/chunked', scalar @$sizes),
			chunked => $sizes);
		is($answer->{status}, 200, 'status');
		is(value_of('Fridge/chunked'), scalar @$sizes, 'stored');
	}
	is($connection->request('POST', '/', body => $write, chunked => 1, form => 1)
		  ->{status}, 200, 'a chunked form');
};

subtest 'Expect: 100-continue' => sub {
	my $connection = qlm_connect($node);

	$connection->send_bytes("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
		  . length($write) . "\r\nExpect: 100-continue\r\n\r\n");
	is($connection->response(interim => 1)->{status}, 100, 'asked to go on');
	$connection->send_bytes($write);
	is($connection->response->{status}, 200, 'answered');

	$connection = qlm_connect($node);
	$connection->send_bytes("POST / HTTP/1.1\r\nHost: localhost\r\n"
		  . "Content-Length: 99999999\r\nExpect: 100-continue\r\n\r\n");
	my $answer = $connection->response;
	is($answer->{status}, 413, 'too large is said before the body is sent');
	is_deeply($answer->{interim}, [], 'without a 100');
};

subtest 'pages, unknown paths, other methods' => sub {
	is(get($node, '/health')->{status}, 200, 'GET /health');

	my $page = get($node, '/');
	is($page->{status}, 200, 'GET /');
	like($page->{headers}{'content-type'}, qr{^text/html}, 'is a page');
	like($page->{body}, qr/qlm/i, 'that says what this is');

	for my $path ('/', '/health')
	{
		my $connection = qlm_connect($node);
		my $head = $connection->request('HEAD', $path);
		is($head->{status}, 200, "HEAD $path");
		is($connection->request('GET', $path)->{status}, 200,
			'no body came with it');
	}
	is(get($node, '/nothing')->{status}, 404, 'GET of an unknown path');
	is(post($node, $write, path => '/nothing')->{status}, 404,
		'POST to an unknown path');
	for my $method (qw(PUT DELETE PATCH TRACE))
	{
		my $answer = request($node, $method, '/');
		is($answer->{status}, 405, "$method /");
		like($answer->{headers}{allow} // '', qr/POST/, 'Allow names POST');
	}
};

subtest 'what is no message' => sub {
	for my $body ('', 'hello', '<a/>', '<omiEnvelope', "<qlmEnvelope>\x01</qlmEnvelope>",
		"\xff\xfe", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')
	{
		my $answer = post($node, $body);
		my $what = substr $body, 0, 20;

		is($answer->{status}, 400, "400 for '$what'");
		is(return_code($answer), 400, 'in an envelope');
	}
	my $answer = post($node, $write =~ s/<value>/<value dateTime="2024-02-30T00:00:00">/r);
	is(return_code($answer), 400, 'a date that does not exist');
	is(post($node, read_envelope('M1b', 'No/such'))->{status}, 200,
		'not found is an answer like any other');
};

subtest 'too large' => sub {
	my $big = write_envelope('M1b', $item, 'x' x 200_000);

	is(post($node, $big)->{status}, 413, 'with a length');
	my $connection = qlm_connect($node);
	$connection->send_request('POST', '/', body => $big, chunked => [ (10_000) x 20 ]);
	is($connection->response->{status}, 413, 'chunked');
	is(post($node, $write)->{status}, 200, 'the node goes on');

	$connection = qlm_connect($node);
	$connection->send_bytes('GET /' . 'x' x 1_000_000);
	my $answer = $connection->response;
	ok(!$answer || $answer->{status} =~ /^4/, 'a request line without end');
	$connection = qlm_connect($node);
	$connection->send_bytes("GET / HTTP/1.1\r\nHost: localhost\r\nX: " . 'x' x 1_000_000);
	$answer = $connection->response;
	ok(!$answer || $answer->{status} =~ /^4/, 'a header without end');
	is(get($node, '/health')->{status}, 200, 'the node goes on');
};

# Each has a second request hidden in it, which must not be run, whatever a
# proxy in front of us would think of the first.
subtest 'framing that two parties may read differently' => sub {
	my $hidden = write_envelope('M1b', 'Smuggled/item', 1);
	my $smuggled = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
	  . length($hidden) . "\r\n\r\n$hidden";
	my $length = length $write;
	my %heads = (
		'length and chunked' =>
		  "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
		'chunked and length' =>
		  "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
		'two lengths' => "Content-Length: 0\r\nContent-Length: 5\r\n",
		'a list of lengths' => "Content-Length: 0, 5\r\n",
		'a signed length' => "Content-Length: +0\r\n",
		'a negative length' => "Content-Length: -1\r\n",
		'a length in hex' => "Content-Length: 0x0\r\n",
		'a length that overflows' =>
		  "Content-Length: 18446744073709551616\r\n",
		'a blank before the colon' => "Content-Length : 0\r\n",
		'unknown coding' => "Transfer-Encoding: xchunked\r\n",
		'chunked twice' =>
		  "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
		'chunked and more' => "Transfer-Encoding: chunked, identity\r\n",
		'a folded header' => "X: a\r\n Content-Length: 0\r\nContent-Length: 0\r\n");

	for my $name (sort keys %heads)
	{
		my $connection = qlm_connect($node);

		$connection->send_bytes(
			"POST / HTTP/1.1\r\nHost: localhost\r\n$heads{$name}\r\n0\r\n\r\n$smuggled");
		my $answer = $connection->response;
		ok(!$answer || $answer->{status} =~ /^[45]/, "$name is refused");
		ok($connection->closed, 'and the connection closed');
	}
	# A blank before the semicolon is allowed, and libmicrohttpd 1.0 takes it.
	for my $size ('-1', '0x5', 'zz', '5 x', 'fffffffffffffffff')
	{
		my $connection = qlm_connect($node);

		$connection->send_bytes("POST / HTTP/1.1\r\nHost: localhost\r\n"
			  . "Transfer-Encoding: chunked\r\n\r\n$size\r\nabcde\r\n0\r\n\r\n$smuggled");
		my $answer = $connection->response;
		ok(!$answer || $answer->{status} =~ /^[45]/, "chunk size '$size' is refused");
	}
	is( $node->safe_psql('postgres',
			"SELECT count(*) FROM qlm.object WHERE path = 'Smuggled'"),
		0, 'nothing hidden was run');
};

subtest 'a slow caller holds up nobody' => sub {
	my @slow = map { qlm_connect($node) } 1 .. 20;

	$_->send_bytes("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: $_\r\n\r\n<omi")
	  for @slow;
	is(post($node, $write)->{status}, 200, 'another is answered');
	$_->close for @slow;
};

subtest 'IPv6' => sub {
	plan skip_all => 'no IPv6 here'
	  unless IO::Socket::IP->new(LocalHost => '::1', Listen => 1);
	is(get($node, '/health', host => '::1')->{status}, 200, 'on ::1');
};

subtest 'who is not known' => sub {
	$node->safe_psql('postgres', "ALTER SYSTEM SET qlm.anonymous_role = ''");
	$node->reload;
	ok( wait_until(
			sub { post($node, $write)->{status} == 401 },
			'an anonymous caller gets 401'),
		'without qlm.anonymous_role: 401');
	my $answer = post($node, $write);
	ok($answer->{headers}{'www-authenticate'}, 'WWW-Authenticate');
	is(return_code($answer), 401, 'in an envelope');
	is(get($node, '/health')->{status}, 200, '/health needs no identity');
};

$node->stop;
done_testing();
