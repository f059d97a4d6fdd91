
=head1 NAME

QlmMutate - makes bad requests out of good ones

=head1 SYNOPSIS

  use QlmMutate;

  my @messages = mutation_seeds("$ENV{TESTDIR}/test/fixtures");
  srand(42);
  my $bytes = mutated_request(@messages);      # for an HTTP connection
  my $bytes = mutated_frames(@messages);       # the same that becomes a WebSocket

=head1 DESCRIPTION

Messages are changed as bytes, as tokens (attributes, texts) and as trees;
around them go headers, lengths, chunks, forms, compression, frames that may be
right or wrong.  The same number given to C<srand> gives the same bytes.

=cut

package QlmMutate;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use IO::Compress::Deflate qw(deflate);
use IO::Compress::Gzip qw(gzip);
use PostgreSQL::Test::Utils qw(slurp_file);
use QlmTest ();

our @EXPORT = qw(mutation_seeds mutated_message mutated_request mutated_frames);

# Not more than that of any message; larger ones have tests of their own.
my $MAX = 100_000;

# Values that readers of numbers, times, names and URLs get wrong
my @texts = ('', ' ', '0', '-1', '-2', '1', '0.001', '1e309', '-1e309', 'NaN', 'Infinity', '2147483648', '-2147483649',
	'9223372036854775808', '1e18', '0x10', '١', 'true', '0000-00-00T00:00:00Z', '9999-12-31T23:59:59.999999+14:00',
	'-4713-01-01T00:00:00Z', '294277-01-01T00:00:00', '2024-02-30T25:61:61Z', '24:00:00', 'xs:double', 'xs:integer', 'odf',
	'QLMdf.xsd', 'csv', 'json', 'device', 'http://127.0.0.1:1/', 'http://[::1', 'notify:', 'notify:x', 'ws:1', 'ws://127.0.0.1:1/', '~1-0123456789abcdef', 'javascript:x',
	'*', '//', '/', '../x', 'a/b', '%2F', '%', '&amp;', '&#0;', '&#x110000;', '&x;', "\0", "\xff", "\xc0\xaf", "\xef\xbf\xbf",
	"\xed\xa0\x80", "'", '"', '\\', '$1', "'; DROP TABLE qlm.value; --", 'x' x 1001, 'x' x 70_000, 'Fridge7', 'vault',
	'<![CDATA[', ']]>', '<!--', '<?x', '<!DOCTYPE a>', "\xef\xbb\xbf", "\xff\xfe");

my @names = qw(write read cancel call delete response result return requestID requestId msg Objects Object id InfoItem value
  MetaData description nodeList node omiEnvelope qlmEnvelope name dateTime unixTime type ttl interval callback newest oldest
  begin end maxlevels msgformat targetType version xmlns returnCode udef prefix startTime endTime authorization all);

my @paths = ('/', '/qlm', '/qlmws', '/peer/vault', '/peer/', '/peer/x?peer=vault', '/?peer=vault', '/health', '/Objects',
	'/Objects/Fridge7', '/Objects/Fridge7/temperature/value', '/Objects/Fridge7/?newest=5&begin=x', '/Objects//', '/Objects/%2F%00',
	'/Objects/' . 'x/' x 500, '/Objects/Fridge7/temperature/MetaData', '//', '/../', '*', '', 'x', 'http://127.0.0.1/', '/%', '/%zz',
	'/?', '/?&&=&peer', '/' . 'x' x 9000, "/\xff", '/nothing');

my @methods = ('GET', 'HEAD', 'POST', 'POST', 'POST', 'OPTIONS', 'PUT', 'DELETE', 'CONNECT', 'TRACE', 'PATCH', '', 'post', 'X' x 50);

my %headers = (
	'Content-Type' => [ 'text/xml', 'application/xml; charset=utf-16', 'text/xml; charset=iso-8859-1', 'application/json',
		'application/x-www-form-urlencoded', 'multipart/form-data; boundary=B', 'multipart/form-data', 'text/plain; charset="', '' ],
	'Content-Encoding' => [ 'gzip', 'deflate', 'x-gzip', 'identity', 'br', 'gzip, gzip', '' ],
	'Accept-Encoding' => [ 'gzip', 'gzip;q=0', 'identity;q=0', '*;q=0', 'gzip;q=2;q=x', ',,,' ],
	'Accept' => [ 'application/json', 'text/xml;q=0', '*/*', ';;;q=,', 'x' x 5000 ],
	'Prefer' => [ 'wait=1', 'wait=-1', 'wait=99999999999', 'wait', 'wait=1, wait=2', 'respond-async, wait="1"' ],
	'Authorization' => [ 'Basic dmF1bHQ6eA==', 'Basic !!!', 'Basic', 'Bearer x', 'Bearer', 'Digest a="b', 'Basic ' . 'A' x 3000 ],
	'Origin' => [ 'null', 'http://evil.example', '://', 'http://127.0.0.1' ],
	'If-None-Match' => [ '*', '"x"', 'W/"x", "y', '"' ],
	'Expect' => [ '100-continue', '200-ok' ],
	'Connection' => [ 'close', 'keep-alive', 'Upgrade', 'close, Upgrade' ],
	'Upgrade' => [ 'websocket', 'h2c', 'WebSocket, h2c' ],
	'Sec-WebSocket-Key' => [ 'dGhlIHNhbXBsZSBub25jZQ==', 'x', '' ],
	'Sec-WebSocket-Version' => [ '13', '8', 'x' ],
	'Transfer-Encoding' => [ 'chunked', 'gzip, chunked', 'xchunked', 'chunked, chunked', "\tchunked" ],
	'Content-Length' => [ '0', '5', '-1', '+5', '5, 5', '0x5', '99999999999999999999', '1048577', '' ],
	'Host' => [ '127.0.0.1', '', 'a b', '[::1' ],
	'X-Any' => [ '', 'x' x 30_000, "a\r\n folded", "\0", "\xff" ]);

sub any
{
	return $_[ int rand @_ ];
}

sub chance
{
	return rand() < $_[0];
}

# Valid messages: those of the fixtures, and all verbs in all generations
sub mutation_seeds
{
	my ($fixtures) = @_;
	my @seeds = map { slurp_file($_) } grep { -s $_ < $MAX } sort glob("$fixtures/*.xml $fixtures/*.json $fixtures/*.txt");

	for my $key (qw(Q0 Q1 QP M0 M1a M1b M2))
	{
		push @seeds,
		  QlmTest::write_envelope($key, 'Fridge7/temperature', 4.5),
		  QlmTest::write_envelope($key, 'Fridge7/door', 'open', at => '2024-05-01T10:00:00Z'),
		  QlmTest::read_envelope($key, 'Fridge7/temperature'),
		  QlmTest::read_envelope($key, 'Fridge7/temperature', newest => 3),
		  QlmTest::read_envelope($key, 'Fridge7/temperature', begin => '2024-01-01T00:00:00Z', end => '2030-01-01T00:00:00Z'),
		  QlmTest::read_envelope($key, 'Fridge7/temperature', interval => -1),
		  QlmTest::read_envelope($key, 'Fridge7/temperature', interval => 5, callback => '0'),
		  QlmTest::response_envelope($key, 1, 'Fridge7/temperature', 4.5),
		  QlmTest::envelope($key, '<cancel><requestID>1</requestID></cancel>'),
		  QlmTest::envelope($key, '<read><requestID>1</requestID></read>'),
		  QlmTest::envelope($key, '<delete><msg>' . QlmTest::objects($key, 'Fridge7/nothing') . '</msg></delete>'),
		  QlmTest::envelope($key, '<call><msg>' . QlmTest::objects($key, 'Fridge7/open', '<value>1</value>') . '</msg></call>');
	}
	return @seeds;
}

sub change_bytes
{
	my ($bytes) = @_;
	my $at = int rand(length($bytes) + 1);
	my $n = int rand(any(2, 10, 100));

	return any(
		sub { substr($bytes, $at, 1) = chr int rand 256 if $at < length $bytes; $bytes },
		sub { substr $bytes, $at, 0, join '', map { chr int rand 256 } 0 .. $n; $bytes },
		sub { substr $bytes, $at, $n, ''; $bytes },
		sub { substr $bytes, $at, 0, substr($bytes, int rand(length($bytes) + 1), $n); $bytes },
		sub { substr $bytes, 0, $at },
		sub { substr $bytes, $at, 0, any(@texts); $bytes })->();
}

# Replace one of the places where a pattern matches.
sub change_match
{
	my ($text, $pattern, $change) = @_;
	my @places;

	while ($text =~ /$pattern/g)
	{
		push @places, [ $-[0], $+[0] - $-[0] ];
		last if @places > 500;
	}
	return $text unless @places;
	my ($at, $len) = @{ any(@places) };
	substr $text, $at, $len, $change->(substr $text, $at, $len);
	return $text;
}

sub change_tokens
{
	my ($text) = @_;

	return any(
		sub { change_match($text, qr/"[^"<]*"/, sub { '"' . any(@texts) . '"' }) },
		sub { change_match($text, qr/(?<=>)[^<>]*(?=<)/, sub { any(@texts) }) },
		sub { change_match($text, qr/\b[A-Za-z]+(?==")/, sub { any(@names) }) },
		sub { change_match($text, qr{(?<=<)/?[A-Za-z]+}, sub { (chance(0.2) ? '/' : '') . any(@names) }) },
		sub { change_match($text, qr/ [A-Za-z:]+="[^"<]*"/, sub { $_[0] . any('', $_[0], ' ' . any(@names) . '="' . any(@texts) . '"') }) },
		sub { change_match($text, qr/-?\d+(?:\.\d+)?/, sub { any(@texts) }) })->();
}

sub change_tree
{
	my ($text) = @_;
	my $element = qr{<([A-Za-z]+)\b[^>]*>(?:(?!<\1\b).)*?</\1>}s;

	return any(
		sub { change_match($text, $element, sub { '' }) },
		sub { change_match($text, $element, sub { $_[0] x any(2, 3, 50) }) },
		sub { change_match($text, $element, sub { my $e = shift; '<' . any(@names) . ">$e$e</" . any(@names) . '>' }) },
		sub { my $other; change_match($text, $element, sub { $other = shift }); change_match($text, $element, sub { $other // '' }) },
		sub { change_match($text, $element, sub { my ($e, $n) = ($_[0], any(2, 20, 100)); my ($name) = $e =~ /^<(\w+)/; "<$name>" x $n . $e . "</$name>" x $n }) },
		sub { change_match($text, $element, sub { "<!-- $_[0] -->" }) },
		sub { change_match($text, $element, sub { "<![CDATA[$_[0]]]>" }) })->();
}

sub mutated_message
{
	my (@seeds) = @_;
	my $message = any(@seeds);

	for (1 .. any(0, 1, 1, 1, 2, 2, 5, 20))
	{
		$message = any(\&change_bytes, \&change_tokens, \&change_tokens, \&change_tree)->($message);
		last if length $message > $MAX;
	}
	if (chance(0.05))
	{
		my $other = any(@seeds);
		$message = substr($message, 0, rand length $message) . substr $other, rand length $other;
	}
	return substr $message, 0, $MAX;
}

# A body in some wrapping, and the headers that say so
sub wrapped
{
	my ($body) = @_;

	return any(
		(sub { ($body, 'Content-Type' => 'text/xml') }) x 4,
		sub { ($body) },
		sub { ($body, 'Content-Type' => 'application/json') },
		sub {
			my $text = $body =~ s/([^A-Za-z0-9])/sprintf '%%%02X', ord $1/ger;
			(any('', 'a=1&', 'a&&') . "msg=$text" . any('', '&b=2'), 'Content-Type' => 'application/x-www-form-urlencoded');
		},
		sub {
			("--B\r\nContent-Disposition: form-data; name=\"msg\"\r\n\r\n$body\r\n--B--\r\n", 'Content-Type' => 'multipart/form-data; boundary=B');
		},
		sub {
			my $how = any(\&gzip, \&deflate);
			my $packed;
			$how->(\$body => \$packed);
			($packed, 'Content-Encoding' => $how == \&gzip ? 'gzip' : 'deflate');
		})->();
}

sub chunked
{
	my ($body) = @_;
	my $chunked = '';

	while (length $body)
	{
		my $part = substr $body, 0, 1 + int rand any(3, 100, 100_000), '';
		$chunked .= sprintf any(('%x') x 8, '%X;a=b', '0%x', '%x '), length $part;
		$chunked .= any(("\r\n") x 30, "\n") . $part . any(("\r\n") x 30, "\n", '');
	}
	return $chunked . any(("0\r\n\r\n") x 8, "0\r\nX: y\r\n\r\n", "-1\r\n\r\n", "ffffffffffffffff\r\n", '');
}

sub one_request
{
	my (@seeds) = @_;
	my ($body, @lines) = wrapped(mutated_message(@seeds));
	my $method = chance(0.8) ? 'POST' : any(@methods);
	my $end = chance(0.97) ? "\r\n" : "\n";
	my $head = '';

	$body = change_bytes($body) if chance(0.1);
	unshift @lines, Host => 'localhost' if chance(0.98);
	if ($method =~ /POST|PUT/ || chance(0.1))
	{
		my $lie = chance(0.05) ? any(-5, -1, 1, 100) : 0;

		if (chance(0.15))
		{
			push @lines, 'Transfer-Encoding' => 'chunked';
			$body = chunked($body);
		}
		else
		{
			push @lines, 'Content-Length' => length($body) + $lie;
		}
	}
	else
	{
		$body = '';
	}
	push @lines, map { my $name = any(sort keys %headers); ($name, any(@{ $headers{$name} })) } 1 .. any((0) x 7, 1, 2, 5);
	while (my ($name, $value) = splice @lines, 0, 2)
	{
		$head .= $name . any((': ') x 150, ':', ' : ', '') . $value . $end;
	}
	my $request = $method . ' ' . (chance(0.8) ? '/' : any(@paths)) . ' '
	  . any(('HTTP/1.1') x 80, 'HTTP/1.0', 'HTTP/2.0', 'HTTP/9.9', 'HTTX', '') . "$end$head$end$body";

	return chance(0.05) ? change_bytes($request) : $request;
}

# What a client sends on one connection: a request or several
sub mutated_request
{
	my (@seeds) = @_;
	my $bytes = join '', map { one_request(@seeds) } 1 .. any(1, 1, 1, 2, 5);

	return chance(0.05) ? substr($bytes, 0, rand length $bytes) : $bytes;
}

sub one_frame
{
	my ($payload, $kind, $last) = @_;
	my $len = length $payload;
	my $mask = pack 'N', int rand 2**32;
	my $masked = chance(0.99);
	my $long = chance(0.02);
	my $claim = chance(0.01) ? any(0, 2**20, 2**40, 2**63) : $len;
	my $bytes = chr(($last ? 0x80 : 0) | (chance(0.01) ? 0x40 : 0) | $kind);
	my $flag = $masked ? 0x80 : 0;

	$bytes .=
	    $claim < 126 && !$long ? chr($flag | $claim)
	  : $claim < 65536 && !$long ? pack('Cn', $flag | 126, $claim)
	  : pack('CQ>', $flag | 127, $claim);
	return "$bytes$payload" unless $masked;
	return $bytes . $mask . ($payload ^ substr($mask x ($len / 4 + 1), 0, $len));
}

# A handshake that is most often good, and frames
sub mutated_frames
{
	my (@seeds) = @_;
	my $bytes = '';

	for (1 .. any(1, 2, 5, 20))
	{
		my $payload = mutated_message(@seeds);
		my $kind = any((1) x 6, 2, 2, 0, 3, 8, 9, 10);

		$kind = 1 if $kind == 3 && chance(0.8);
		$payload = substr $payload, 0, any(0, 1, 2, 125, 125, 126) if $kind > 7;
		if ($kind <= 2 && chance(0.2))
		{
			$bytes .= one_frame(substr($payload, 0, rand length $payload, ''), $kind, 0);
			$bytes .= one_frame('x', 9, 1) if chance(0.3);
			$kind = 0 if chance(0.95);
		}
		$bytes .= one_frame($payload, $kind, chance(0.98));
	}
	$bytes = change_bytes($bytes) if chance(0.1);
	my $head = 'GET ' . (chance(0.8) ? '/' : any(@paths)) . " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
	  . "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
	return (chance(0.05) ? change_bytes($head) : $head) . $bytes;
}

1;
