# HTTP beyond plain messages: compression both ways, forms, pages of other
# origins, methods, large answers, and more requests than can be served.

use strict;
use warnings FATAL => 'all';

use Compress::Raw::Zlib ();
use IO::Compress::Deflate qw(deflate);
use IO::Compress::Gzip qw(gzip);
use IO::Compress::RawDeflate qw(rawdeflate);
use IO::Uncompress::Gunzip qw(gunzip $GunzipError);
use PostgreSQL::Test::Utils;
use QlmClock;
use QlmTest;
use Test::More;
use Time::HiRes qw(sleep time);

my $node = qlm_node('more', conf => <<EOC);
qlm.anonymous_role = 'qlm_writer'
qlm.max_message_size = '1MB'
qlm.http_workers = 1
qlm.max_connections = 1000
EOC

my $item = 'Fridge/temperature';
my $read = read_envelope('M1b', $item);

sub packed
{
	my ($how, $plain) = @_;
	my $packed;

	utf8::encode($plain) if utf8::is_utf8($plain);
	$how->(\$plain => \$packed) or die 'cannot compress';
	return $packed;
}

sub unpacked
{
	my ($packed) = @_;
	my $plain;

	gunzip(\$packed => \$plain) or die $GunzipError;
	return $plain;
}

sub value_of
{
	return $node->safe_psql('postgres',
		"SELECT value FROM qlm.current WHERE path = '$_[0]'");
}

sub set
{
	my ($name, $value) = @_;

	$node->safe_psql('postgres', "ALTER SYSTEM SET $name = $value");
	$node->reload;
	return;
}

subtest 'compressed messages' => sub {
	my $value = 0;
	my $connection = qlm_connect($node);
	my @cases = (
		[ 'gzip', \&gzip ],
		[ 'x-gzip', \&gzip ],
		[ 'GZip', \&gzip ],
		[ 'deflate', \&deflate ],
		[ 'deflate', \&rawdeflate ]);

	for my $case (@cases)
	{
		my ($coding, $how) = @$case;

		for my $chunked (undef, [ 1, 5, 1, 30 ], [ (1) x 400 ])
		{
			my $answer = $connection->request('POST', '/',
				body => packed($how, write_envelope('M1b', $item, "ä" . ++$value)),
				chunked => $chunked, headers => { 'Content-Encoding' => $coding });
			is($answer->{status}, 200, "$coding, " . ($chunked ? @$chunked . ' chunks' : 'in one piece'));
			is(return_code($answer), 200, 'returnCode');
		}
	}
	is(value_of($item), "ä$value", 'all arrived');
	is($connection->request('POST', '/', body => $read)->{status}, 200, 'and then a plain one');

	my ($first, $second) = write_envelope('M1b', $item, 'members') =~ /^(.{100})(.*)$/s;
	is(return_code(post($node, packed(\&gzip, $first) . packed(\&gzip, $second),
			headers => { 'Content-Encoding' => 'gzip' })), 200, 'a gzip of two members');
	is(value_of($item), 'members', 'is put together');
	is(post($node, 'msg=' . $read =~ s/(\W)/sprintf '%%%02X', ord $1/ger,
			headers => { 'Content-Encoding' => 'identity',
				'Content-Type' => 'application/x-www-form-urlencoded' })->{status}, 200, 'identity');

	my $big = write_envelope('M1b', 'Fridge/big', 'x' x 1_000_000);
	is(return_code(post($node, packed(\&gzip, $big),
				headers => { 'Content-Encoding' => 'gzip' })), 200, 'almost as large as it may be');
	is(length value_of('Fridge/big'), 1_000_000, 'complete');
};

subtest 'what is not compressed as it says' => sub {
	my $packed = packed(\&gzip, $read);
	my $broken = $packed;
	substr($broken, -6, 1) ^= "\x01";
	my %cases = (
		'cut off' => [ 'gzip', substr $packed, 0, -1 ],
		'cut off early' => [ 'gzip', substr $packed, 0, 5 ],
		'deflate cut off' => [ 'deflate', substr packed(\&deflate, $read), 0, -1 ],
		'garbage behind it' => [ 'gzip', $packed . 'garbage' ],
		'garbage behind deflate' => [ 'deflate', packed(\&deflate, $read) . 'x' ],
		'a wrong checksum' => [ 'gzip', $broken ],
		'plain text' => [ 'gzip', $read ],
		'plain text as deflate' => [ 'deflate', $read ],
		'a dictionary that nobody has' => [ 'deflate', "\x78\xbb\0\0\0\1abc" ]);

	for my $name (sort keys %cases)
	{
		my ($coding, $body) = @{ $cases{$name} };

		is(post($node, $body, headers => { 'Content-Encoding' => $coding })->{status},
			400, $name);
		is(post($node, $body, headers => { 'Content-Encoding' => $coding },
				chunked => [ (1) x 10 ])->{status}, 400, "$name, chunked");
	}
	for my $coding ('br', 'zstd', 'gzip, gzip', 'compress', 'x')
	{
		my $answer = post($node, $packed, headers => { 'Content-Encoding' => $coding });

		is($answer->{status}, 415, "unknown: $coding");
		is($answer->{headers}{'accept-encoding'}, 'gzip, deflate', 'says what is known');
	}
	is(post($node, $read)->{status}, 200, 'the node goes on');
};

subtest 'bombs' => sub {
	my $deflate = Compress::Raw::Zlib::Deflate->new(-WindowBits => Compress::Raw::Zlib::WANT_GZIP(), -Level => 9);
	my $zeros = ' ' x 1_000_000;
	my ($bomb, $part) = ('', '');

	for (1 .. 500)
	{
		$deflate->deflate($zeros, $part);
		$bomb .= $part;
	}
	$deflate->flush($part);
	$bomb .= $part;
	cmp_ok(length $bomb, '<', 1_000_000, '500 MB in less than the limit');

	post($node, $read) for 1 .. 20;
	my $before = server_memory($node);
	my $start = running_time();
	is(post($node, $bomb, headers => { 'Content-Encoding' => 'gzip' })->{status}, 413, 'too large')
	  for 1 .. 10;
	is(post($node, packed(\&gzip, '') x 40_000, headers => { 'Content-Encoding' => 'gzip' })->{status},
		400, 'forty thousand empty members: no message');
	cmp_ok(running_time() - $start, '<', 10, 'in no time');
	cmp_ok(server_memory($node) - $before, '<', 5_000_000, 'and no memory');

	my @open = map { qlm_connect($node) } 1 .. 200;
	for (@open)
	{
		$_->send_bytes("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\n"
			  . 'Content-Length: ' . length($bomb) . "\r\n\r\n" . substr $bomb, 0, 100);
	}
	is(post($node, $read)->{status}, 200, 'others are served while 200 are halfway');
	$_->close for @open;
	ok(wait_until(sub { server_memory($node) - $before < 8_000_000 }, 'memory is given back'),
		'what they had is given back');
};

subtest 'the limit is lowered while a bomb arrives' => sub {
	my $deflate = Compress::Raw::Zlib::Deflate->new(-WindowBits => Compress::Raw::Zlib::WANT_GZIP(), -AppendOutput => 1);
	my ($first, $rest) = ('', '');
	my $connection = qlm_connect($node);
	my ($pid) = server_pids($node);

	$deflate->deflate(' ' x 900_000, $first);
	$deflate->flush($first, Compress::Raw::Zlib::Z_SYNC_FLUSH());
	$deflate->deflate(' ' x 50_000_000, $rest);
	$deflate->flush($rest);
	$connection->send_bytes("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\n"
		  . 'Content-Length: ' . length("$first$rest") . "\r\n\r\n$first");
	ok(wait_until(sub { ($connection->unread // 1) == 0 }, 'it is half there'), 'it is half there');
	set('qlm.max_message_size', "'512kB'");
	wait_until(sub { post($node, ' ' x 600_000)->{status} == 413 }, 'less is allowed');
	$connection->send_bytes($rest);
	is($connection->response->{status}, 413, 'it is too large now');
	is(join(' ', server_pids($node)), $pid, 'and does no harm');
	set('qlm.max_message_size', "'1MB'");
	wait_until(sub { post($node, ' ' x 600_000)->{status} != 413 }, 'more is allowed again');
};

subtest 'compressed answers' => sub {
	$node->safe_psql('postgres',
		"SELECT qlm_write('Fridge/history', i::text, now() - i * interval '1 minute') FROM generate_series(1, 500) AS i");
	my $long = read_envelope('M1b', 'Fridge/history', newest => 500);
	my $plain = post($node, $long);
	is($plain->{headers}{'content-encoding'}, undef, 'nobody asked');
	is($plain->{headers}{vary}, 'Accept-Encoding', 'but it depends on that');
	my %accepted = (
		'gzip' => 1, 'x-gzip' => 1, 'deflate, gzip;q=0.5' => 1, '*' => 1, 'GZIP' => 1,
		'br;q=1.0, gzip;q=0.8, *;q=0.1' => 1, 'identity;q=0, gzip;q=0.001' => 1,
		'identity;q=0.5, gzip;q=0.5' => 1, '*;q=0.3, identity;q=0.2' => 1,
		'' => 0, 'br' => 0, 'gzip;q=0' => 0, 'gzip ; q=0.000' => 0, 'identity' => 0,
		'gzip;q=0, *' => 0, 'identity;q=1, gzip;q=0.5' => 0, 'gzipped' => 0);

	for my $accept (sort keys %accepted)
	{
		my $answer = post($node, $long, headers => { 'Accept-Encoding' => $accept });

		is($answer->{status}, 200, "Accept-Encoding: $accept");
		is($answer->{headers}{'content-encoding'}, $accepted{$accept} ? 'gzip' : undef, 'as asked');
		next unless $accepted{$accept};
		cmp_ok(length $answer->{body}, '<', length($plain->{body}) / 4, 'smaller');
		is(unpacked($answer->{body}), $plain->{body}, 'the same');
	}
	for my $accept ('identity;q=0', '*;q=0', 'br, *;q=0', 'gzip;q=0, identity;q=0')
	{
		is(post($node, $long, headers => { 'Accept-Encoding' => $accept })->{status}, 406,
			"nothing left to send for $accept");
	}
	my $answer = post($node, 'x', headers => { 'Accept-Encoding' => 'gzip' });
	is($answer->{headers}{'content-encoding'}, undef, 'a short one is not worth it');
	$answer = post($node, 'x', headers => { 'Accept-Encoding' => 'gzip, identity;q=0' });
	is($answer->{headers}{'content-encoding'}, 'gzip', 'but must not be plain for some');
	like(unpacked($answer->{body}), qr/returnCode="400"/, 'readable');

	my $connection = qlm_connect($node);
	my $get = $connection->request('GET', '/', headers => { 'Accept-Encoding' => 'gzip' });
	like(unpacked($get->{body}), qr/qlm/, 'a page');
	my $head = $connection->request('HEAD', '/', headers => { 'Accept-Encoding' => 'gzip' });
	is($head->{headers}{'content-length'}, length $get->{body}, 'HEAD says the same length');
	is($connection->request('GET', '/health')->{status}, 200, 'and sends no body');

	set('qlm.compression', 'off');
	ok(wait_until(sub {
				!defined post($node, $long, headers => { 'Accept-Encoding' => 'gzip' })->{headers}{'content-encoding'};
			}, 'the setting is read'), 'qlm.compression = off');
	is(post($node, $long)->{headers}{vary}, undef, 'then nothing depends on it');
	set('qlm.compression', 'on');
};

subtest 'forms' => sub {
	my $n = 0;
	my $encode = sub { my $text = shift; utf8::encode($text); $text =~ s/([^\w. -])/sprintf '%%%02X', ord $1/ge; $text =~ tr/ /+/; $text };

	for my $form ('msg=%s', 'a=1&msg=%s', 'a=1&b&msg=%s&c=2', 'a=1&amp;msg=%s', 'a=1&amp;msg=%s&amp;c=2', 'xmsg=1&msg=%s')
	{
		my $value = 'a b+c&d ' . ++$n;
		my $answer = post($node, sprintf($form, $encode->(write_envelope('M1b', $item, $value))),
			headers => { 'Content-Type' => 'application/x-www-form-urlencoded; charset=utf-8' });

		is(return_code($answer), 200, $form);
		is(value_of($item), $value, 'decoded');
	}
	for my $body ($read, "\xEF\xBB\xBF$read")
	{
		is(return_code(post($node, $body,
				headers => { 'Content-Type' => 'application/x-www-form-urlencoded' })), 200,
			'a bare message with the type of a form');
	}
	is(post($node, 'a=1&xmsg=2', headers => { 'Content-Type' => 'application/x-www-form-urlencoded' })->{status},
		400, 'no field msg');
};

# A part of a multipart form
sub part
{
	my ($head, $content) = @_;

	utf8::encode($content) if utf8::is_utf8($content);
	return "$head\r\n\r\n$content";
}

sub post_parts
{
	my ($boundary, $body, %opt) = @_;

	return post($node, $body, %opt,
		headers => { 'Content-Type' => $opt{type} // "multipart/form-data; boundary=$boundary" });
}

sub join_parts
{
	my ($boundary, @parts) = @_;

	return join('', map { "--$boundary\r\n$_\r\n" } @parts) . "--$boundary--\r\n";
}

subtest 'multipart forms' => sub {
	my $n = 0;
	my $text = 'Content-Disposition: form-data; name="msg"';
	my @heads = (
		$text,
		'content-disposition:form-data; name=msg',
		'Content-Disposition: form-data; filename="a;b.xml"; name="msg"',
		'Content-Disposition: form-data; name="msg"; filename="m.xml"' . "\r\nContent-Type: application/xml",
		"X-Other: 1\r\nContent-Type: text/xml; charset=\"utf-8\"\r\n$text");

	for my $head (@heads)
	{
		my $message = write_envelope('M1b', $item, 'ä' . ++$n);
		my $other = part('Content-Disposition: form-data; name="other"', '--B and <omiEnvelope/>');

		for my $parts ([ part($head, $message) ], [ $other, part($head, $message), $other ])
		{
			my $answer = post_parts('B', join_parts('B', @$parts));
			is(return_code($answer), 200, $head);
			is(value_of($item), "ä$n", 'stored');
		}
	}
	is(return_code(post_parts('', "preamble\r\n" . join_parts('a b:c', part($text, $read)) . 'epilogue',
			type => 'Multipart/Form-Data; charset=utf-8; boundary="a b:c"')), 200,
		'a quoted boundary, text around the parts');
	is(return_code(post_parts('B', join_parts('B', part($text, $read)), chunked => [ (1) x 50 ])), 200,
		'chunked');
	is(return_code(post($node, packed(\&gzip, join_parts('B', part($text, $read))),
			headers => { 'Content-Type' => 'multipart/form-data; boundary=B', 'Content-Encoding' => 'gzip' })),
		200, 'compressed');

	my $latin = write_envelope('M1b', $item, "\xe9");
	is(return_code(post_parts('B', join_parts('B',
			part("$text\r\nContent-Type: text/xml; charset=iso-8859-1", $latin)))), 200,
		'a charset of its own');
	is(value_of($item), 'é', 'is what counts');
	is(return_code(post_parts('B', $read)), 200, 'a bare message with the type of a form');

	my $good = join_parts('B', part($text, $read));
	my %bad = (
		'no end' => [ 'boundary=B', $good =~ s/\r\n--B--\r\n//r ],
		'the end is the beginning of a longer one' => [ 'boundary=B', $good =~ s/--B--/--BC--/r ],
		'no boundary' => [ '', $good ],
		'an empty boundary' => [ 'boundary=""', $good ],
		'a boundary of 71 bytes' => [ 'boundary=' . 'x' x 71, join_parts('x' x 71, part($text, $read)) ],
		'another boundary' => [ 'boundary=C', $good ],
		'no field msg' => [ 'boundary=B', join_parts('B', part('Content-Disposition: form-data; name="mes"', $read)) ],
		'no form-data' => [ 'boundary=B', join_parts('B', part('Content-Disposition: attachment; name="msg"', $read)) ],
		'headers without end' => [ 'boundary=B', "--B\r\n$text" ],
		'very long headers' => [ 'boundary=B', join_parts('B', part("X: " . 'x' x 20_000 . "\r\n$text", $read)) ],
		'no parts' => [ 'boundary=B', "--B--\r\n" ],
		'an empty message' => [ 'boundary=B', join_parts('B', part($text, '')) ],
		'beginnings of the boundary' => [ 'boundary=' . '-' x 70, '-' x 900_000 ],
		'beginnings of the boundary on lines' => [ 'boundary=B', "\r\n--Bx" x 100_000 ],
		'a hundred thousand parts' => [ 'boundary=B', "--B\r\n\r\n\r\n" x 100_000 . '--B--' ]);
	my $start = running_time();

	for my $name (sort keys %bad)
	{
		my ($boundary, $body) = @{ $bad{$name} };
		my $answer = post_parts('', $body, type => "multipart/form-data; $boundary");

		is($answer->{status}, 400, $name);
	}
	cmp_ok(running_time() - $start, '<', 10, 'all in no time');
};

# Each answer says what came, in words that somebody with curl can use.
subtest 'bodies that hold no message' => sub {
	my $form = 'application/x-www-form-urlencoded';
	my $multipart = 'multipart/form-data; boundary=B';
	my $text = 'Content-Disposition: form-data; name="msg"';
	my @cases = (
		[ 'curl -d hello', 'hello', $form, qr/form without the field msg.*text\/xml/ ],
		[ 'other fields', 'a=1&mes=2', $form, qr/form without the field msg/ ],
		[ 'a JSON array with the type of a form', '[1]', $form, qr/JSON is not an object with a member omiEnvelope/ ],
		[ 'an empty field', 'msg=&a=1', $form, qr/field msg of the form is empty/ ],
		[ 'a field that is no message', 'msg=hello', $form, qr/begins with &quot;hello&quot;/ ],
		[ 'a multipart form without the part', join_parts('B', part('Content-Disposition: form-data; name="mes"', 'x')), $multipart, qr/multipart form without a whole part of the name msg/ ],
		[ 'a multipart form with an empty one', join_parts('B', part($text, '')), $multipart, qr/field msg of the form is empty/ ],
		[ 'a form that says it is XML', 'msg=' . $read, 'text/xml', qr/begins with &quot;msg=&quot;, as a form does/ ],
		[ 'a multipart form that says it is XML', join_parts('B', part($text, $read)), 'text/xml', qr/begins with &quot;--&quot;, as a multipart form does/ ],
		[ 'plain text', 'hello', 'text/plain', qr/XML or a JSON object, but this one begins with &quot;hello&quot;/ ],
		[ 'long text', 'a' x 1000, 'text/plain', qr/begins with &quot;a{12}\.\.\.&quot;/ ],
		[ 'a secret', 'password: geheim', 'text/plain', qr/begins with &quot;password:\.\.\.&quot;/ ],
		[ 'line protocol', 'cpu,host=a value=0.64 1434055562000000000', 'text/plain', qr/begins with &quot;cpu,host=\.\.\.&quot;, as line protocol does/ ],
		[ 'line protocol as a form', 'cpu,host=a value=0.64 1434055562000000000', $form, qr/form without the field msg.*begins with &quot;cpu,host=/ ],
		[ 'csv', "path,time,value\na/b,,1", 'text/csv', qr/begins with &quot;path,time,va\.\.\.&quot;, as csv may, which belongs in the msg of a write with the msgformat csv/ ],
		[ 'text in UTF-16', "\xFF\xFEh\0i\0", 'text/plain', qr/is a text in UTF-16 that begins with &quot;h&quot;/ ],
		[ 'the same without a mark', "\0h\0i", 'text/plain', qr/is a text in UTF-16, without a byte order mark, that begins with &quot;h&quot;/ ],
		[ 'JSON in UTF-16', "\xFE\xFF\0{\0}", 'application/json', qr/JSON is written in UTF-8, but this one in UTF-16/ ],
		[ 'text behind a byte order mark', "\xEF\xBB\xBFhello", 'text/plain', qr/begins with &quot;hello&quot;/ ],
		[ 'a JSON array', '[{"omiEnvelope":{}}]', 'application/json', qr/JSON is not an object with a member omiEnvelope/ ],
		[ 'a picture', "\x89PNG\r\n", 'image/png', qr/begins with the byte 0x89/ ],
		[ 'gzip that does not say so', packed(\&gzip, $read), 'text/xml', qr/what gzip makes, which Content-Encoding must say/ ],
		[ 'nothing', '', 'text/xml', qr/message is empty/ ],
		[ 'nothing in a form', '', $form, qr/message is empty/ ]);

	for my $case (@cases)
	{
		my ($name, $body, $type, $said) = @$case;
		my $answer = post($node, $body, headers => { 'Content-Type' => $type });

		is($answer->{status}, 400, $name);
		like($answer->{body}, qr/\b400\b.*description.*$said/, 'says what came');
	}
	for my $type ($form, $multipart, 'image/png', 'text/plain', 'application/json', undef)
	{
		is(return_code(post($node, $read, headers => { 'Content-Type' => $type })), 200, 'a message of the type ' . ($type // 'none'));
	}
	my $utf16 = $read =~ s/^<\?xml.*?\?>//sr;
	is(return_code(post($node, "\xFF\xFE" . join('', map { "$_\0" } split //, $utf16), headers => { 'Content-Type' => $form })), 200, 'UTF-16 with the type of a form');
};

# Where the reference node answers with an envelope, its status is 200.
subtest 'the status of messages that are refused' => sub {
	my $envelope = '<omiEnvelope version="1.0" ttl="%s">%s</omiEnvelope>';
	my $deep = sprintf $envelope, 0, '<read><msg><Objects>' . '<Object><id>x</id>' x 100;
	my %status = (
		sprintf($envelope, -5, '<read/>') => 400,
		sprintf($envelope, 0, '<wriet/>') => 400,
		sprintf($envelope, 0, '') => 400,
		'hello' => 400,
		$deep => 413);
	my $check = sub {
		my ($honest) = @_;

		for my $body (sort keys %status)
		{
			my $answer = post($node, $body);

			is($answer->{status}, $honest ? $status{$body} : 200, substr $body, 0, 60);
			is(return_code($answer), $status{$body}, 'the code is in the envelope');
		}
		is(post($node, 'hello', headers => { 'Content-Type' => 'application/x-www-form-urlencoded' })->{status}, $honest ? 400 : 200, 'a form');
		is(post($node, sprintf($envelope, 0, '<read newest="x"/>'))->{status}, 200, 'a verb that is refused');
		is(post($node, 'x' x 2_000_000)->{status}, 413, 'what has no envelope keeps its status');
		is(request($node, 'GET', '/Objects/nothing')->{status}, 404, 'so does discovery');
		is(post($node, $read, path => '/peer/nobody')->{status}, 401, 'so does who is not known');
	};

	$check->(1);
	set('qlm.http_errors', 'off');
	ok(wait_until(sub { post($node, 'hello')->{status} == 200 }, 'the setting is read'), 'qlm.http_errors = off');
	$check->(0);
	set('qlm.http_errors', 'on');
	ok(wait_until(sub { post($node, 'hello')->{status} == 400 }, 'the setting is read'), 'qlm.http_errors = on');
};

subtest 'JSON reaches the node' => sub {
	for my $headers ({ 'Content-Type' => 'application/json' }, { 'Content-Type' => undef },
		{ 'Content-Type' => 'application/x-www-form-urlencoded' })
	{
		my $answer = post($node, ' {"omiEnvelope":{"version":"1.0","ttl":0,"read":{}}}', headers => $headers);

		isnt($answer->{body} // '', '', 'an answer');
		like($answer->{headers}{'content-type'}, qr{^(text/xml|application/json)}, 'of the node, not of the transport');
	}
};

subtest 'methods' => sub {
	my %allowed = ('/' => 'GET, HEAD, POST, OPTIONS', '/health' => 'GET, HEAD, OPTIONS',
		'/qlm' => 'POST, OPTIONS', '/peer/x' => 'POST, OPTIONS', '*' => 'GET, HEAD, POST, OPTIONS');

	for my $path (sort keys %allowed)
	{
		my $connection = qlm_connect($node);
		my $answer = $connection->request('OPTIONS', $path);

		is($answer->{status}, 204, "OPTIONS $path");
		is($answer->{headers}{allow}, $allowed{$path}, 'Allow');
		is($connection->request('GET', '/health')->{status}, 200, 'without a body');
		next if $path eq '*';
		$answer = request($node, 'PUT', $path, body => 'x');
		is($answer->{status}, 405, "PUT $path");
		is($answer->{headers}{allow}, $allowed{$path}, 'Allow');
	}
	is(request($node, 'OPTIONS', '/nothing')->{status}, 404, 'OPTIONS of an unknown path');
	for my $path ('/', '/health')
	{
		my $connection = qlm_connect($node);
		my $get = $connection->request('GET', $path);
		my $head = $connection->request('HEAD', $path);

		is($head->{status}, $get->{status}, "HEAD $path");
		is($head->{headers}{'content-length'}, length $get->{body}, 'with the length of GET');
	}
};

subtest 'pages of other origins' => sub {
	my $origin = 'https://app.example.com';
	my %preflight = (Origin => $origin, 'Access-Control-Request-Method' => 'POST',
		'Access-Control-Request-Headers' => 'content-type,authorization');
	my $answer = request($node, 'OPTIONS', '/', headers => \%preflight);

	is($answer->{status}, 204, 'preflight');
	is($answer->{headers}{'access-control-allow-origin'}, undef, 'no origin by default');
	is(post($node, $read, headers => { Origin => $origin })->{status}, 403, 'may call');

	set('qlm.cors_origins', "'*'");
	ok(wait_until(sub { post($node, $read, headers => { Origin => $origin })->{status} == 200 }, 'the setting is read'), 'any');
	$answer = request($node, 'OPTIONS', '/', headers => \%preflight);
	is($answer->{headers}{'access-control-allow-origin'}, '*', 'may be allowed to');
	is($answer->{headers}{'access-control-allow-methods'}, 'GET, HEAD, POST, OPTIONS', 'methods');
	like($answer->{headers}{'access-control-allow-headers'}, qr/Authorization.*Content-Type.*\*/, 'headers');
	is($answer->{headers}{'access-control-max-age'}, 3 * 24 * 3600, 'for three days');
	is($answer->{headers}{'access-control-allow-credentials'}, undef, 'never with credentials of the browser');
	$answer = post($node, $read, headers => { Origin => $origin });
	is($answer->{headers}{'access-control-allow-origin'}, '*', 'an answer');
	like($answer->{headers}{'access-control-expose-headers'}, qr/Preference-Applied/, 'with its headers');
	$answer = post($node, 'x' x 2_000_000, headers => { Origin => $origin });
	is($answer->{status}, 413, 'a refusal');
	is($answer->{headers}{'access-control-allow-origin'}, '*', 'can be read, too');
	is(post($node, $read)->{headers}{'access-control-allow-origin'}, undef, 'nothing for who is no page');

	set('qlm.cors_origins', "'http://localhost:3000, HTTPS://App.Example.com'");
	ok(wait_until(sub {
				($answer = post($node, $read, headers => { Origin => $origin }))->{headers}{'access-control-allow-origin'} eq $origin;
			}, 'the setting is read'), 'a list: who is on it');
	like($answer->{headers}{vary} // '', qr/Origin/, 'caches are told');
	my $connection = qlm_connect($node);
	for my $foreign ('https://app.example.com.evil.net', 'http://app.example.com', 'https://app.example.com:8443', 'null', 'x', '')
	{
		my $counter = $node->safe_psql('postgres', 'SELECT count(*) FROM qlm.value');

		is(post($node, write_envelope('M1b', $item, 'evil'), headers => { Origin => $foreign })->{status},
			403, "not '$foreign'");
		$answer = get($node, '/health', headers => { Origin => $foreign });
		is($answer->{status}, 403, 'nothing to read');
		is($answer->{headers}{'access-control-allow-origin'}, undef, 'nothing allowed');
		is($node->safe_psql('postgres', 'SELECT count(*) FROM qlm.value'), $counter, 'nothing written');
		$answer = request($node, 'OPTIONS', '/', headers => { %preflight, Origin => $foreign });
		is($answer->{headers}{'access-control-allow-methods'}, undef, 'a preflight says no');
	}
	is(post($node, $read, headers => { Origin => "http://127.0.0.1:$node->{qlm_port}" })->{status}, 200,
		'its own pages may');
	is(post($node, $read)->{status}, 200, 'and who is no page');

	set('qlm.cors_origins', "''");
	ok(wait_until(sub { post($node, $read, headers => { Origin => $origin })->{status} == 403 }, 'the setting is read'),
		'an empty list: none');
	for my $bad ('app.example.com', 'https://app.example.com/', 'https://a b', 'a, ,b')
	{
		isnt($node->psql('postgres', "ALTER SYSTEM SET qlm.cors_origins = '$bad'"), 0, "'$bad' is no list of origins");
	}
	set('qlm.cors_origins', "'*'");
	ok(wait_until(sub { post($node, $read, headers => { Origin => $origin })->{status} == 200 }, 'the setting is read'), 'and back');
};

subtest 'large answers to slow readers' => sub {
	my $size = 10_000_000;
	my $n = 5;

	$node->safe_psql('postgres', "SELECT qlm_write('Fridge/huge', repeat('0123456789', $size / 10))");
	my $message = read_envelope('M1b', 'Fridge/huge');
	post($node, $read) for 1 .. 20;
	my $before = server_memory($node);
	my @slow = map { qlm_connect($node) } 1 .. $n;

	$_->send_request('POST', '/', body => $message) for @slow;
	ok($_->read_until('returnCode'), 'begins') for @slow;
	my $grown = server_memory($node) - $before;
	cmp_ok($grown, '<', $n * $size * 1.3 + 5_000_000, 'they take what they are long');
	is(post($node, $read)->{status}, 200, 'others are served');
	for (@slow)
	{
		1 while length $_->{buffer} < $size && $_->fill;
		cmp_ok(length $_->{buffer}, '>=', $size, 'complete');
	}
	ok(wait_until(sub { server_memory($node) - $before < 5_000_000 }, 'memory is given back'), 'and give it back');

	my $connection = qlm_connect($node);
	for (1 .. 3)
	{
		my $answer = $connection->request('POST', '/', body => $message, headers => { 'Accept-Encoding' => 'gzip' });
		cmp_ok(length $answer->{body}, '<', $size / 50, 'compressed');
		cmp_ok(index(unpacked($answer->{body}), '0123456789' x ($size / 10)), '>', 0, 'complete');
	}
	ok(wait_until(sub { server_memory($node) - $before < 5_000_000 }, 'memory is given back'), 'without a trace');

	@slow = map { qlm_connect($node) } 1 .. $n;
	$_->send_request('POST', '/', body => $message) for @slow;
	ok($_->read_until('returnCode'), 'begins') for @slow;
	$_->close for @slow;
	ok(wait_until(sub { server_memory($node) - $before < 5_000_000 }, 'memory is given back'), 'who leaves early leaves nothing behind');
};

subtest 'many large messages at a time' => sub {
	my $half = 600_000;
	my @senders = map { qlm_connect($node) } 1 .. 40;
	my %status;

	# each in two halves, so that all of them are here at once
	$_->send_bytes("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n" . ' ' x $half) for @senders;
	is(post($node, $read)->{status}, 200, 'a small one is served');
	cmp_ok(server_memory($node), '<', 100_000_000, 'memory is bounded');
	$_->send_bytes(' ' x (1_000_000 - $half)) for @senders;
	for my $sender (@senders)
	{
		my $answer = $sender->response;

		$status{ $answer->{status} }++;
		next unless $answer->{status} == 503;
		like($answer->{headers}{'retry-after'} // '', qr/^\d+$/, 'Retry-After');
		is($sender->request('POST', '/', body => $read)->{status}, 200, 'the connection goes on')
		  if $status{503} == 1;
	}
	cmp_ok($status{503} // 0, '>=', 1, 'some are put off');
	cmp_ok($status{400} // 0, '>=', 10, 'the others read: blanks are no message');
	is(keys %status, 2, 'nothing else');
};

subtest 'more requests than can be served' => sub {
	my $timeout = 4;

	set('qlm.request_timeout', "'${timeout}s'");
	my $session = $node->background_psql('postgres');
	$session->query_until(qr/locked/, "BEGIN; LOCK TABLE qlm.value;\n\\echo locked\n");

	my $first = qlm_connect($node);
	$first->send_request('POST', '/', body => write_envelope('M1b', 'Load/first', 1));
	ok( $node->poll_query_until('postgres',
			"SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name LIKE 'qlm%' AND wait_event_type = 'Lock'"),
		'the worker hangs in a lock');
	my @callers = map { qlm_connect($node) } 1 .. 300;
	my $start = running_time();
	for my $i (0 .. $#callers)
	{
		$callers[$i]->send_request('POST', '/', body => write_envelope('M1b', "Load/item$i", $i));
	}

	is($first->response->{status}, 503, 'who hangs is told so in time');
	my (%said, @took);
	for (@callers)
	{
		my $answer = $_->response;

		push @took, running_time() - $start;
		is($answer->{status}, 503, 'not now') or last;
		like($answer->{headers}{'retry-after'} // '', qr/^[1-9]\d*$/, 'but when') or last;
		$said{ $answer->{body} =~ /in line/ ? 'early' : 'late' }++;
	}
	cmp_ok($said{early} // 0, '>=', 150, 'most are not even put in line');
	cmp_ok($said{late} // 0, '>=', 1, 'some are');
	cmp_ok($took[-1], '<', 2 * $timeout, 'all in bounded time');
	$start = running_time();
	my @more = map { qlm_connect($node) } 1 .. 100;
	$_->send_request('POST', '/', body => write_envelope('M1b', 'Load/more', 1)) for @more;
	is($_->response->{status}, 503, 'nor now') for @more;
	cmp_ok(running_time() - $start, '<', $timeout * $QlmTest::PATIENCE, 'a node that hangs says so early');
	cmp_ok(server_memory($node), '<', 200_000_000, 'and bounded memory');

	$session->query_until(qr/unlocked/, "ROLLBACK;\n\\echo unlocked\n");
	my $crowd = sub {
		my @all = map { qlm_connect($node) } @callers;

		$_->send_request('POST', '/', body => $read) for @all;
		return scalar grep { $_->response->{status} == 200 } @all;
	};
	cmp_ok($crowd->(), '>=', 64, 'then it goes on, also for those who come all at once');
	ok(wait_until(sub { $crowd->() == @callers }, 'all are served again'), 'and soon for all of them');
	is($node->safe_psql('postgres', "SELECT count(*) FROM qlm.current WHERE path LIKE 'Load/%'"), 0,
		'what was refused is not stored');
	$session->quit;
};

$node->stop;
done_testing();
