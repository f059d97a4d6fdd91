# Hostile messages: a clear refusal in bounded time and memory, while the node
# goes on serving others.

use strict;
use warnings FATAL => 'all';

use QlmClock;
use QlmTest;
use Test::More;
use Time::HiRes qw(time);

my $node = qlm_node('hostile', conf => <<EOC);
qlm.anonymous_role = 'qlm_writer'
qlm.http_workers = 1
qlm.request_timeout = '20s'
EOC

sub write_of
{
	my ($objects) = @_;

	return envelope('M2', "<write><msg><Objects>$objects</Objects></msg></write>");
}

my $good = write_envelope('M2', 'Good/x', 1);
my $bomb = '<!DOCTYPE a [<!ENTITY a "' . 'a' x 1000 . '">'
  . join('', map { my $n = $_; "<!ENTITY a$n \"" . (join '', map { $n == 1 ? '&a;' : '&a' . ($n - 1) . ';' } 1 .. 10) . '">' } 1 .. 7)
  . ']>' . envelope('M2', '<read>&a7;</read>');

# name => [ message, HTTP status, returnCode, what it says ]
my %cases = (
	'an entity bomb' => [ $bomb, 400, 400, qr/document type/ ],
	'a hundred thousand levels' => [ write_of('<Object><id>x</id>' x 100_000), 413, 413, qr/deep/ ],
	'unknown elements, a hundred thousand levels' => [ envelope('M2', '<x>' x 100_000), 413, 413, qr/deep/ ],
	'a million values' => [ write_of('<Object><id>x</id><InfoItem name="x">' . '<value/>' x 1_100_000 . '</InfoItem></Object>'), 413, 413, qr/values/ ],
	'a message beyond the limit' => [ 'x' x (11 * 1024 * 1024), 413, undef, undef ],
	'hundreds of attributes' => [ write_of('<Object ' . join(' ', map { "a$_=\"\"" } 1 .. 500) . '><id>x</id></Object>'), 413, 413, qr/attributes/ ],
	'an attribute without end' => [ '<omiEnvelope ttl="' . '1' x 1_000_000, 413, 413, qr// ],
	'a name without end' => [ '<' . 'x' x 1_000_000, 413, 413, qr// ],
	'bytes that are no UTF-8' => [ write_of("<Object><id>\xff\xfe</id></Object>"), 400, 400, qr/no characters/ ],
	'overlong UTF-8' => [ write_of("<Object><id>\xc0\xaf</id></Object>"), 400, 400, qr/no characters/ ],
	'a NUL byte' => [ write_of("<Object><id>\0</id></Object>"), 400, 400, qr// ],
	'a year that PostgreSQL has not' => [ write_of('<Object><id>x</id><InfoItem name="x"><value dateTime="999999-01-01T00:00:00Z"/></InfoItem></Object>'), 200, 400, qr/999999/ ],
	'a unixTime out of range' => [ write_of('<Object><id>x</id><InfoItem name="x"><value unixTime="1e300"/></InfoItem></Object>'), 200, 400, qr/1e300/ ],
	'an unknown encoding' => [ '<?xml version="1.0" encoding="ebcdic-1047"?>' . $good, 400, 400, qr/ebcdic-1047/ ],
	'a stray stylesheet' => [ '<?xml-stylesheet href="http://127.0.0.1:1/"?>' . $good, 200, 200, undef ],
	'a deep tree of ids too long for a path' => [ write_of(join('', map { '<Object><id>' . $_ x 900 . '</id>' } 1 .. 4) . '</Object>' x 4), 200, 400, qr/path/ ]);

post($node, $good) for 1 .. 100;
my $before = server_memory($node);

for my $case (sort keys %cases)
{
	my ($message, $status, $code, $says) = @{ $cases{$case} };
	my $start = running_time();
	my $answer = eval { post($node, $message) };
	my $took = running_time() - $start;

	is($answer->{status}, $status, "$case: status");
	is(return_code($answer), $code, "$case: returnCode") if defined $code;
	like($answer->{body}, $says, "$case: description") if defined $says;
	cmp_ok($took, '<', 10, "$case: in time");
	is(return_code(post($node, $good)), 200, "$case: the node goes on");
}

subtest 'two hundred thousand siblings, each of them well' => sub {
	my $n = 200_000;
	my $start = running_time();
	my $answer = post($node, write_of('<Object><id>' . join('</id></Object><Object><id>', map { "sib$_" } 1 .. $n) . '</id></Object>'));

	ok(grep({ return_code($answer) == $_ } 200, 503), 'done or refused for lack of time') or diag $answer->{body};
	cmp_ok(running_time() - $start, '<', 30, 'in time');
	is(return_code(post($node, $good)), 200, 'the node goes on');
};

subtest 'a request line without end' => sub {
	my $connection = qlm_connect($node);
	my $sent = 0;

	while ($sent < 50 && $connection->send_bytes('GET /' x ($sent == 0) . 'x' x 100_000))
	{
		$sent++;
	}
	ok($connection->closed(10), 'is cut off');
	is(return_code(post($node, $good)), 200, 'the node goes on');
};

subtest 'large heads of requests' => sub {
	my $path = join '/', 'Good', ('%C3%A4' x 400) x 3;
	my %large = (headers => { Authorization => 'Bearer ' . 'x' x 7_000, 'X-Trace' => 'c' x 7_000 });

	is(qlm_connect($node)->request('GET', "/Objects/$path")->{status}, 404, 'the longest path, all of it escaped, is read');
	is(qlm_connect($node)->request('POST', '/', body => $good, headers => { 'X-Trace' => 'c' x 12_000 })->{status}, 200,
		'12 KB of headers are taken');
	is(qlm_connect($node)->request('POST', '/', body => $good, %large)->{status}, 401, 'so is a credential of 7 KB beside another header');
	is(qlm_connect($node)->request('POST', '/', body => write_of('<Object><id>Good</id>' . '<InfoItem name="x"/>' x 20_000 . '</Object>'),
			headers => { 'X-Trace' => 'c' x 12_000 })->{status}, 200, 'and a large body behind such headers');
	is(qlm_connect($node)->request('GET', '/Objects', headers => { 'X-Trace' => 'c' x 40_000 })->{status}, 431, 'more is refused');
	is(qlm_connect($node)->request('GET', '/Objects?x=' . 'x' x 40_000)->{status}, 414, 'and a URL without end');
	is(return_code(post($node, $good)), 200, 'the node goes on');
};

subtest 'slow and silent clients hurt nobody' => sub {
	my @slow = map { qlm_connect($node) } 1 .. 100;

	$_->send_bytes("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n<") for @slow;
	my $start = running_time();
	post($node, $good) for 1 .. 50;
	cmp_ok(running_time() - $start, '<', 5, 'others are served meanwhile');
	$_->close for @slow;
};

cmp_ok(server_memory($node) - $before, '<', 150_000_000, 'the worker has given the memory back, but for what its caches hold');
is($node->safe_psql('postgres', "SELECT count(*) FROM qlm.object WHERE path = 'x'"), 0, 'nothing of what was refused is stored');
$node->stop;
done_testing();
