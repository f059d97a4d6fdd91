# HTTP as it is written down: targets that are URLs, answers to what is refused
# while it still comes, requests that come too slowly, connections that are kept.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Utils;
use QlmTest;
use Test::More;
use Time::HiRes qw(time);

my $node = qlm_node('rules', conf => <<EOC);
qlm.anonymous_role = 'qlm_writer'
qlm.max_message_size = '64kB'
qlm.http_workers = 1
qlm.host_names = 'plant.example'
EOC
my $read = read_envelope('M1b', 'Rules/x');

post($node, write_envelope('M1b', 'Rules/x', 1));

sub answer_to
{
	my ($bytes) = @_;
	my $connection = qlm_connect($node);

	$connection->send_bytes($bytes);
	return $connection->response;
}

subtest 'a target may be a URL' => sub {
	for my $target ('http://plant.example/Objects/Rules', 'HTTP://PLANT.EXAMPLE:8090/Objects/Rules', 'https://127.0.0.1/Objects/Rules?version=2.0')
	{
		my $answer = qlm_connect($node)->request('GET', $target);

		is($answer->{status}, 200, $target);
		like($answer->{body}, qr{<id>Rules</id>}, 'is what the path says');
	}
	my $answer = qlm_connect($node)->request('POST', 'http://plant.example/qlm', body => $read);
	is(return_code($answer->{body}), 200, 'a message');
	is(qlm_connect($node)->request('GET', "http://plant.example$_")->{status}, 200, "a URL with nothing but '$_'") for '', '/', '?a=b';
	my $connection = qlm_connect($node);
	$connection->send_request('GET', 'http://plant.example/qlm', headers => { Upgrade => 'websocket', Connection => 'Upgrade',
		'Sec-WebSocket-Version' => 13, 'Sec-WebSocket-Key' => 'dGhlIHNhbXBsZSBub25jZQ==' });
	is($connection->response(interim => 1)->{status}, 101, 'a WebSocket');

	is(answer_to("GET http://plant.example/health HTTP/1.1\r\nHost: evil.example\r\n\r\n")->{status}, 200, 'its host counts,');
	is(answer_to("GET http://plant.example/Objects HTTP/1.1\r\nHost: evil.example\r\n\r\n")->{status}, 200, 'and not the header');
	is(answer_to("GET http://evil.example/Objects HTTP/1.1\r\nHost: localhost\r\n\r\n")->{status}, 421, 'in both directions');
	is(answer_to("POST http://plant.example/ HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 0\r\n\r\n")->{status}, 400, 'two are two');
	is(answer_to("GET $_ HTTP/1.1\r\nHost: localhost\r\n\r\n")->{status}, 400, "no target: $_")
	  for 'ftp://plant.example/', 'http:///Objects', 'http://user@plant.example/', 'plant.example:80', 'http://' . 'x' x 400 . '/';
};

subtest 'what is refused is read to its end' => sub {
	my %refused = (
		413 => { body => 'x' x 3_000_000 },
		415 => { body => 'x' x 60_000, headers => { 'Content-Encoding' => 'br' } },
		406 => { body => 'x' x 3_000_000, headers => { 'Accept-Encoding' => 'identity;q=0, *;q=0' } },
		403 => { body => 'x' x 3_000_000, headers => { Origin => 'http://evil.example' } },
		400 => { body => 'x' x 3_000_000, headers => { Origin => "http://a\r\nOrigin: http://b" } },
		421 => { body => 'x' x 3_000_000, headers => { Host => 'evil.example' } });

	for my $status (sort keys %refused)
	{
		for my $chunked (undef, [ 1_000_000, 5 ])
		{
			my $connection = qlm_connect($node);

			$connection->send_request('POST', '/', %{ $refused{$status} }, chunked => $chunked);
			my $answer = $connection->response;
			is($answer->{status}, $status, "$status comes after " . ($chunked ? 'chunks' : 'a body of known length'));
			is($connection->closed, 1, 'and the connection ends');
		}
	}
	like(qlm_connect($node)->request('POST', '/', body => 'x' x 100_000)->{body},
		qr/qlm.max_message_size, which is 65536 bytes: send it in parts/, 'a message that is too large is told what may be done');

	my $script = <<'EOP';
import sys, urllib.request, urllib.error
for i in range(10):
    try:
        urllib.request.urlopen(sys.argv[1], data=b'x' * 3000000)
    except urllib.error.HTTPError as e:
        print(e.code, end=' ')
    except Exception as e:
        print(type(e).__name__, end=' ')
EOP
	my ($out, $err) = run_command([ 'python3', '-c', $script, 'http://' . '127.0.0.1:' . $node->{qlm_port} . '/' ]);
	is($out, '413 ' x 10 =~ s/ $//r, 'a client that sends all before it reads gets it, ten times of ten');
};

subtest 'what comes too slowly' => sub {
	$node->append_conf('postgresql.conf', "qlm.header_timeout = '500ms'\nqlm.request_timeout = '1s'");
	$node->reload;
	wait_for_sql($node, q{SELECT current_setting('qlm.request_timeout') = '1s'});

	my $connection = qlm_connect($node);
	$connection->send_bytes("POST / HTTP/1.1\r\nHost: localhost\r\n");
	is($connection->response->{status}, 408, 'headers');
	is($connection->closed, 1, 'the connection ends');
	$connection = qlm_connect($node);
	$connection->send_bytes("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n<omi");
	my $answer = $connection->response;
	is($answer->{status}, 408, 'a body');
	like($answer->{body}, qr/qlm.header_timeout, qlm.request_timeout/, 'which settings say so');
	is($answer->{headers}{connection}, 'close', 'the connection ends');

	$node->append_conf('postgresql.conf', "qlm.header_timeout = '10s'\nqlm.request_timeout = '60s'");
	$node->reload;
};

subtest 'connections that are kept' => sub {
	is($node->safe_psql('postgres', 'SHOW qlm.keepalive_timeout'), '75s', 'longer than proxies keep theirs');
	$node->append_conf('postgresql.conf', "qlm.keepalive_timeout = '1s'");
	$node->reload;
	my $connection = qlm_connect($node);
	my $answer = $connection->request('POST', '/', body => $read);
	is($answer->{headers}{'cache-control'}, 'no-store', 'answers to messages are for nobody to keep');
	is($connection->request('POST', '/', body => $read)->{status}, 200, 'a further request');
	is($connection->closed(30), 1, 'the connection ends when nothing comes');
	is($connection->{buffer}, '', 'without a word');
};

subtest 'one word is enough' => sub {
	for my $request ("POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 0\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Encoding: br\r\nContent-Length: 5\r\n\r\nhello",
		"GET /health HTTP/1.0\r\n\r\n")
	{
		my $connection = qlm_connect($node);

		$connection->send_bytes($request);
		my $head = $connection->read_until("\r\n\r\n");
		is(scalar(() = $head =~ /^Connection:/mig), 1, 'Connection: close, once: ' . ($request =~ s/\r\n.*//sr));
	}
};

done_testing();
