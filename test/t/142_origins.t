# Pages that somebody opens in a browser on this machine: they reach the node
# as any program does.  Under which names it answers, and to whose pages.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Utils;
use QlmTest;
use Test::More;

my $node = qlm_node('origins', conf => <<EOC);
qlm.anonymous_role = 'qlm_writer'
qlm.listen_addresses = '127.0.0.1'
qlm.http_workers = 1
EOC
my $port = $node->{qlm_port};
my $path = 'Fridge/temperature';
my $read = read_envelope('M1b', $path);
my $count = 0;

# A peer as it is added for a device without a secret
$node->safe_psql('postgres', "SELECT qlm_add_peer('fridge', role => 'qlm_writer', paths => '{Fridge}')");
is(return_code(post($node, write_envelope('M1b', $path, 'first'))), 200, 'a value');

sub value
{
	return $node->safe_psql('postgres', "SELECT value FROM qlm.current WHERE path = '$path'");
}

sub set
{
	my ($name, $value) = @_;

	$node->safe_psql('postgres', "ALTER SYSTEM SET $name = $value");
	$node->reload;
	return;
}

# A write with these headers: its status, and whether it was stored.
sub try_write
{
	my ($headers, %opt) = @_;
	my $text = 'try ' . ++$count;
	my $answer = request($node, 'POST', $opt{path} // '/', body => write_envelope('M1b', $path, $text),
		form => $opt{form}, headers => { 'Content-Type' => 'text/plain', %$headers });

	return $answer->{status} . (value() eq $text ? ' stored' : '');
}

# What is sent as it stands, and the status that it gets
sub raw
{
	my ($head, $body) = @_;
	my $connection = qlm_connect($node);

	$body //= '';
	$head =~ s/\n/\r\n/g;
	$connection->send_bytes($head . 'Content-Length: ' . length($body) . "\r\n\r\n$body");
	my $answer = $connection->response;
	$connection->close;
	return $answer;
}

# The status of a handshake
sub handshake
{
	my (%headers) = @_;

	my $connection = qlm_connect($node);

	$connection->send_request('GET', '/qlmws', headers => { Upgrade => 'websocket', Connection => 'Upgrade',
			'Sec-WebSocket-Version' => 13, 'Sec-WebSocket-Key' => 'dGhlIHNhbXBsZSBub25jZQ==', %headers });
	my $status = $connection->response(interim => 1)->{status};
	$connection->close;
	return $status;
}

subtest 'names that resolve to this machine' => sub {
	for my $ours ('localhost', "localhost:$port", 'LOCALHOST', 'localhost.', "LocalHost.:$port", '127.0.0.1', "127.0.0.1:$port", '10.1.2.3', '[::1]', "[::1]:$port")
	{
		is(try_write({ Host => $ours }), '200 stored', "Host: $ours");
	}
	for my $foreign ('evil.example', "evil.example:$port", 'EVIL.example.', 'localhost.evil.example', '127.0.0.1.evil.example', 'fridge',
		'evil.example@localhost', 'localhost@evil.example', '[::1].evil.example', '[evil.example]', '127.1', '0x7f000001', '2130706433', '*', '')
	{
		is(try_write({ Host => $foreign }), 421, "Host: $foreign");
		# for the browser both are one origin
		is(try_write({ Host => $foreign, Origin => "http://$foreign" }), 421, 'with its own Origin');
		is(get($node, "/Objects/$path/value", headers => { Host => $foreign })->{status}, 421, 'nothing is read');
		is(handshake(Host => $foreign), 421, 'no WebSocket');
		is(request($node, 'OPTIONS', '/', headers => { Host => $foreign })->{status}, 421, 'no preflight');
		is(request($node, 'HEAD', '/Objects', headers => { Host => $foreign })->{status}, 421, 'no HEAD');
	}
	like(get($node, '/Objects', headers => { Host => 'evil.example' })->{body}, qr/qlm\.host_names/, 'it says what to set');
	my @told = slurp_file($node->logfile) =~ /a request for host "([^"\n]*)" got 421/g;
	is($told[0], 'evil.example', 'so does the log');
	cmp_ok(scalar @told, '<', 10, 'but not each time');
	is(get($node, '/health', headers => { Host => 'watcher' })->{status}, 200, 'a watcher may ask under any name');
	is(handshake(Host => "localhost:$port"), 101, 'a WebSocket under our own');
};

subtest 'requests whose host is not clear' => sub {
	my $body = write_envelope('M1b', $path, 'unclear');

	is(raw("POST / HTTP/1.1\nHost: localhost\nHost: evil.example\n", $body)->{status}, 400, 'two');
	is(raw("POST / HTTP/1.1\nHost: localhost\nHost: localhost\n", $body)->{status}, 400, 'the same twice');
	is(raw("POST / HTTP/1.1\n", $body)->{status}, 400, 'none');
	is(raw("POST / HTTP/1.1\nHost: localhost\nOrigin: http://localhost:$port\nOrigin: http://evil.example\n", $body)->{status}, 400, 'two origins');
	is(raw("POST / HTTP/1.1\nHost: localhost\nAuthorization: Bearer a\nAuthorization: Bearer b\n", $body)->{status}, 400, 'two credentials');
	isnt(raw("POST http://evil.example/ HTTP/1.1\nHost: evil.example\n", $body)->{status}, 200, 'a URL for a proxy');
	isnt(raw("POST http://evil.example/ HTTP/1.1\nHost: localhost\n", $body)->{status}, 200, 'that differs');
	isnt(value(), 'unclear', 'nothing of it was stored');
	is(raw("POST / HTTP/1.0\n", $body)->{status}, 200, 'HTTP/1.0 has none, and no browser speaks it');
	is(raw("POST / HTTP/1.0\nHost: evil.example\n", write_envelope('M1b', $path, 'x'))->{status}, 421, 'unless it has');
	is(value(), 'unclear', 'that was stored');
};

subtest 'what a proxy says of how it was called' => sub {
	my %forwarded = ('X-Forwarded-Proto' => 'https', 'X-Forwarded-Host' => 'plant.example', 'X-Forwarded-Prefix' => '/node');
	my $page = sub { return get($node, '/', headers => {@_})->{body} };

	like($page->(), qr{<code>http://127\.0\.0\.1:$port/</code>.*href="Objects"}s, 'nothing: its address is Host, links are relative');
	unlike($page->(%forwarded), qr/plant/, 'a name that is not ours counts for nothing');
	is(try_write({ %forwarded, Origin => 'https://plant.example' }), 403, 'nor do its pages');
	set('qlm.host_names', "'plant.example'");
	ok(wait_until(sub { $page->(%forwarded) =~ m{<code>https://plant\.example/node/</code>} }, 'the setting is read'), 'one that is');
	like($page->(%forwarded), qr{href="/node/Objects".*href="/node/health"}s, 'links begin below its path');
	is(try_write({ %forwarded, Origin => 'https://plant.example' }), '200 stored', 'its pages are our own');
	is(try_write({ %forwarded, Origin => 'https://evil.example' }), 403, 'others are not');
	unlike($page->(%forwarded, 'X-Forwarded-Prefix' => '/"><script>'), qr/<script>/, 'what is no path is not shown');
	like($page->(%forwarded, 'X-Forwarded-Prefix' => '//evil.example'), qr/href="Objects"/, 'nor what leads elsewhere');

	set('qlm.proxies', "''");
	ok(wait_until(sub { $page->(%forwarded) !~ /plant/ }, 'the setting is read'), 'nothing of it counts from who is no proxy');
	is(try_write({ %forwarded, Origin => 'https://plant.example' }), 403, 'nor do its pages');
	set('qlm.proxies', 'DEFAULT');
	set('qlm.host_names', 'DEFAULT');
	ok(wait_until(sub { $page->(%forwarded, 'X-Forwarded-Prefix' => '/a/') =~ m{href="/a/Objects"} }, 'the setting is read'), 'a path');

	set('qlm.url', "'https://public.example/q'");
	ok(wait_until(sub { $page->(%forwarded) =~ m{<code>https://public\.example/q/</code>} }, 'the setting is read'), 'qlm.url comes before all');
	set('qlm.url', 'DEFAULT');
};

subtest 'names of the node' => sub {
	set('qlm.host_names', "'plant.example, PLANT'");
	ok(wait_until(sub { try_write({ Host => "Plant.Example:$port" }) eq '200 stored' }, 'the setting is read'), 'a name that is listed');
	is(try_write({ Host => 'plant.' }), '200 stored', 'another');
	is(try_write({ Host => 'evil.plant.example' }), 421, 'but nothing below it');
	is(try_write({ Host => 'plant.example', Origin => 'https://plant.example' }), '200 stored', 'its own pages, behind a proxy with TLS');

	set('qlm.url', "'https://public.example/node'");
	ok(wait_until(sub { try_write({ Host => 'public.example' }) eq '200 stored' }, 'the setting is read'), 'the host of qlm.url');
	is(try_write({ Host => "127.0.0.1:$port", Origin => 'https://public.example' }), '200 stored', 'its pages, though the proxy names itself');
	is(try_write({ Host => "127.0.0.1:$port", Origin => 'https://public.example:8443' }), 403, 'but not those of another port');

	for my $bad ("'plant.example:8090'", "'http://plant.example'", "'*.example'", "'a,,b'", "'a b'")
	{
		isnt($node->psql('postgres', "ALTER SYSTEM SET qlm.host_names = $bad"), 0, "$bad is no list of names");
	}
	set('qlm.host_names', "'*'");
	ok(wait_until(sub { try_write({ Host => 'evil.example' }) eq '200 stored' }, 'the setting is read'), 'a star takes any');
	set('qlm.host_names', "''");
	ok(wait_until(sub { try_write({ Host => 'evil.example' }) eq '421' }, 'the setting is read'), 'and none again');
};

subtest 'pages of other origins' => sub {
	for my $origin ('https://evil.example', 'http://localhost', "http://localhost:@{[$port + 1]}", "http://evil.example:$port", 'null', 'file://', '')
	{
		# what a page may send without asking first
		is(try_write({ Origin => $origin }), 403, "Origin: $origin, as text/plain");
		is(try_write({ Origin => $origin, 'Content-Type' => 'application/x-www-form-urlencoded' }, form => 1), 403, 'as a form');
		is(try_write({ Origin => $origin }, path => '/peer/fridge'), 403, 'as the fridge');
		is(try_write({ Origin => $origin }, path => '/?peer=fridge'), 403, 'as the fridge, in another way');
		is(get($node, "/Objects/$path/value", headers => { Origin => $origin })->{status}, 403, 'nothing is read');
		is(handshake(Origin => $origin), 403, 'no WebSocket');
		is(request($node, 'OPTIONS', '/', headers => { Origin => $origin, 'Access-Control-Request-Method' => 'POST' })->{headers}{'access-control-allow-origin'},
			undef, 'no to a preflight');
	}
	is(try_write({ Host => "localhost:$port", Origin => "http://localhost:$port" }), '200 stored', 'pages of the node may');
	is(try_write({ Host => "localhost:$port", Origin => "https://LOCALHOST:$port" }), '200 stored', 'with TLS in front of it, too');
	is(handshake(Host => "localhost:$port", Origin => "http://localhost:$port"), 101, 'on a WebSocket, too');
};

subtest 'pages that are not named' => sub {
	my %cross = ('Sec-Fetch-Site' => 'cross-site');

	is(try_write({ %cross, 'Sec-Fetch-Mode' => 'navigate' }), 403, 'a form');
	is(try_write({ 'Sec-Fetch-Site' => 'same-site' }), 403, 'a neighbour: another port of this machine');
	is(get($node, "/Objects/$path/value", headers => { %cross, 'Sec-Fetch-Mode' => 'no-cors' })->{status}, 403, 'an image or script');
	is(get($node, "/Objects/$path/value", headers => { %cross, 'Sec-Fetch-Mode' => 'navigate' })->{status}, 200, 'a link may be followed');
	is(try_write({ 'Sec-Fetch-Site' => $_ }), '200 stored', "$_ is not foreign") for 'same-origin', 'none';
};

subtest 'pages that may call' => sub {
	set('qlm.cors_origins', "'https://app.example'");
	ok(wait_until(sub { try_write({ Origin => 'https://app.example', 'Sec-Fetch-Site' => 'cross-site' }) eq '200 stored' }, 'the setting is read'),
		'the origin that is listed');
	is(handshake(Origin => 'https://app.example'), 101, 'on a WebSocket, too');
	is(try_write({ Origin => 'https://app.example', Host => 'evil.example' }), 421, 'but not under a name of its own');
	is(try_write({ Origin => 'http://app.example' }), 403, 'without TLS it is another');
};

$node->stop;
done_testing();
