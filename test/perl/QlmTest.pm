
=head1 NAME

QlmTest - helpers for TAP programs that talk to a node

=head1 SYNOPSIS

  use QlmTest;
  use Test::More;

  my $node = qlm_node('main', conf => "qlm.anonymous_role = 'qlm_writer'");
  my $answer = post($node, write_envelope('M1b', 'Fridge/temperature', 4.5));
  is($answer->{status}, 200);
  is(return_code($answer), 200);

  my $connection = qlm_connect($node);     # kept alive
  $connection->send_bytes("POST / HTTP/1.1\r\n...");
  my $response = $connection->response;

=head1 DESCRIPTION

Nodes are PostgreSQL::Test::Cluster objects with the extension preloaded and a
free HTTP port in C<< $node->{qlm_port} >>.  An answer is a hash: C<status>,
C<reason>, C<headers> (names in lower case), C<body>, C<interim> (statuses of
1xx responses before it).

=cut

package QlmTest;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use IO::Socket::INET;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use QlmClock;
use QlmSql ();
use QlmTemplate;
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(
  qlm_node qlm_connect wait_for_http free_port
  post get request
  wait_until wait_for_sql in_session quick_run long_run representatives
  server_pids server_memory private_memory under_valgrind
  envelope objects write_envelope read_envelope response_envelope
  return_code return_codes request_ids nested
);

# Everything may take so many times as long as else: test/valgrind.sh asks for it.
our $PATIENCE = $ENV{QLM_PATIENCE} // 1;

# Seconds that anything may take before a test gives up on it.
our $TIMEOUT = 60 * $PATIENCE;

# --quick was given to test/run.sh.
sub quick_run
{
	return ($ENV{QLM_QUICK} // 'no') eq 'yes';
}

# --long was given to test/run.sh.
sub long_run
{
	return ($ENV{QLM_LONG} // 'no') eq 'yes';
}

# The first $n of a list, which stand for all of it; with --long all of it.
sub representatives
{
	my ($n, @all) = @_;

	return long_run() || $n > @all ? @all : @all[ 0 .. $n - 1 ];
}

# test/valgrind.sh runs the tests: what processes have in memory is its own.
sub under_valgrind
{
	return ($ENV{QLM_VALGRIND} // 'no') eq 'yes';
}

# A TCP port that is free, that no other program of the run is given, and that no
# connection gets for its own end.
sub free_port
{
	return PostgreSQL::Test::Cluster::get_free_port();
}

# A running node.  Options: conf (text for postgresql.conf), databases
# ('postgres'), preload (1), extension (1: created in each database), start (1),
# http (1: wait until it is served), init (a list for QlmTemplate's init_node).
sub qlm_node
{
	my ($name, %opt) = @_;
	my $databases = $opt{databases} // 'postgres';
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->{qlm_port} = free_port();
	init_node($node, @{ $opt{init} // [] });
	if ($opt{preload} // 1)
	{
		$node->append_conf('postgresql.conf',
			"shared_preload_libraries = 'qlm'");
	}
	$node->append_conf('postgresql.conf', <<EOC);
qlm.databases = '$databases'
qlm.listen_addresses = '127.0.0.1, ::1'
qlm.port = $node->{qlm_port}
EOC
	$node->append_conf('postgresql.conf', $opt{conf}) if defined $opt{conf};
	return $node unless $opt{start} // 1;

	$node->start;
	if ($opt{extension} // 1)
	{
		for my $database (split /\s*,\s*/, $databases)
		{
			$database =~ s/:\d+$//;
			$node->safe_psql('postgres', "CREATE DATABASE \"$database\"")
			  unless $database eq 'postgres';
			$node->safe_psql($database, 'CREATE EXTENSION qlm');
		}
		wait_for_http($node) if ($opt{preload} // 1) && ($opt{http} // 1);
	}
	return $node;
}

# Wait until GET /health says 200.
sub wait_for_http
{
	my ($node, %opt) = @_;

	return wait_until(
		sub {
			my $answer = eval { get($node, '/health', %opt) };
			return $answer && $answer->{status} == 200;
		},
		'the node answers HTTP');
}

# A connection to the node's HTTP port; dies if it is refused.  Options: host,
# port, timeout, from (an address of this machine, e.g. 127.0.0.2).
sub qlm_connect
{
	my ($node, %opt) = @_;

	return QlmTest::Connection->new(
		$opt{host} // '127.0.0.1',
		$opt{port} // $node->{qlm_port},
		$opt{timeout} // $TIMEOUT,
		$opt{from});
}

# One request on a connection of its own.  Options: those of qlm_connect, and
# those of QlmTest::Connection's request.
sub request
{
	my ($node, $method, $path, %opt) = @_;

	return qlm_connect($node, %opt)->request($method, $path, %opt);
}

sub get
{
	my ($node, $path, %opt) = @_;

	return request($node, 'GET', $path, %opt);
}

# Post a message to path ('/').
sub post
{
	my ($node, $body, %opt) = @_;

	return request($node, 'POST', $opt{path} // '/', %opt, body => $body);
}

# The processes that serve HTTP
sub server_pids
{
	my ($node) = @_;

	return split /\n/, $node->safe_psql('postgres',
		"SELECT pid FROM qlm.stat_worker WHERE pid IS NOT NULL AND kind = 'server' ORDER BY pid");
}

# Bytes that only these processes have in memory; none under valgrind
sub private_memory
{
	my (@pids) = @_;
	my $sum = 0;

	return 0 if under_valgrind();
	for my $pid (@pids)
	{
		my $maps = PostgreSQL::Test::Utils::slurp_file("/proc/$pid/smaps_rollup");

		$sum += $1 * 1024 if $maps =~ /Private_Dirty:\s+(\d+)/;
	}
	return $sum;
}

sub server_memory
{
	my ($node) = @_;

	return private_memory(server_pids($node));
}

# Poll until the sub returns something true, which is returned; fail the test
# that $what names and return false when the time is over.
sub wait_until
{
	my ($sub, $what, $timeout) = @_;
	my $end = running_time() + (defined $timeout ? $timeout * $PATIENCE : $TIMEOUT);

	for (;;)
	{
		my $result = $sub->();
		return $result if $result;
		last if running_time() > $end;
		sleep 0.05;
	}
	fail($what // 'what was waited for did not happen');
	return;
}

# Poll until a query returns exactly the expected text.  A server that is just
# coming back is asked again.
sub wait_for_sql
{
	my ($node, $query, $expected, $what) = @_;
	my $got = '';

	return wait_until(
		sub {
			my ($result, $out, $error) = $node->psql('postgres', $query);
			die "$error in: $query" unless $result == 0 || $result == 2;
			$got = $result == 0 ? $out : '';
			return $result == 0 && $got eq ($expected // 't');
		},
		$what // "query gives the expected result: $query");
}

# What a statement prints in a session of background_psql
sub in_session
{
	my ($session, $statement) = @_;
	my $out = $session->query_until(qr/done/, "$statement;\n\\echo done\n");

	return $out =~ s/\s*done\s*$//r;
}

# Generations of the protocol, as their messages are written.
my %dialects = (
	Q0 => {
		root => 'qlmEnvelope', version => '0.2', id => 'requestId',
		format => 'QLMdf.xsd', msg => 1
	},
	Q1 => {
		root => 'qlmEnvelope', mi => 'QLMmi.xsd', df => 'QLMdf.xsd',
		version => '1.0', id => 'requestId', format => 'QLMdf.xsd', msg => 1
	},
	QP => {
		root => 'qlmEnvelope', mi => 'QLMmi.xsd', df => 'QLMdf.xsd',
		version => '1.0', id => 'requestId', format => 'QLMdf.xsd', msg => 0
	},
	M0 => {
		root => 'omiEnvelope', version => '1.0', id => 'requestId',
		format => 'odf', msg => 1
	},
	M1a => {
		root => 'omiEnvelope', mi => 'omi.xsd', df => 'odf.xsd',
		version => '1.0', id => 'requestID', format => 'odf', msg => 1
	},
	M1b => {
		root => 'omiEnvelope',
		mi => 'http://www.opengroup.org/xsd/omi/1.0/',
		df => 'http://www.opengroup.org/xsd/odf/1.0/',
		version => '1.0', id => 'requestID', format => 'odf', msg => 1
	},
	M2 => {
		root => 'omiEnvelope',
		mi => 'http://www.opengroup.org/xsd/omi/2.0/',
		df => 'http://www.opengroup.org/xsd/odf/2.0/',
		version => '2.0', id => 'requestID', format => 'odf', msg => 1
	});

sub escape
{
	my ($text) = @_;

	$text =~ s/&/&amp;/g;
	$text =~ s/</&lt;/g;
	$text =~ s/"/&quot;/g;
	return $text;
}

sub attributes
{
	my (%attributes) = @_;

	return join '', map { sprintf ' %s="%s"', $_, escape($attributes{$_}) }
	  grep { defined $attributes{$_} } sort keys %attributes;
}

# An envelope around verbs.  Options: ttl (0) and further attributes.
sub envelope
{
	my ($key, $verbs, %attributes) = @_;
	my $dialect = $dialects{$key} or die "no dialect $key";

	return "<$dialect->{root}"
	  . attributes(
		xmlns => $dialect->{mi}, version => $dialect->{version},
		ttl => 0, %attributes)
	  . ">$verbs</$dialect->{root}>";
}

# The Objects around one InfoItem, named by its path, with the given content.
sub objects
{
	my ($key, $path, $content) = @_;
	my @ids = split m{/}, $path;
	my $item = pop @ids;
	my $xml = '<InfoItem' . attributes(name => $item)
	  . (defined $content ? ">$content</InfoItem>" : '/>');

	$xml = '<Object><id>' . escape($_) . "</id>$xml</Object>" for reverse @ids;
	return '<Objects' . attributes(xmlns => $dialects{$key}{df}) . ">$xml</Objects>";
}

sub payload
{
	my ($key, $objects) = @_;

	return $dialects{$key}{msg} ? "<msg>$objects</msg>" : $objects;
}

# A write of one value; option at: its dateTime.
sub write_envelope
{
	my ($key, $path, $value, %opt) = @_;
	my $xml = '<value' . attributes(dateTime => delete $opt{at}) . '>'
	  . escape($value) . '</value>';

	return envelope($key,
		"<write msgformat=\"$dialects{$key}{format}\">"
		  . payload($key, objects($key, $path, $xml)) . '</write>',
		%opt);
}

# A read of one InfoItem with attributes of the read, e.g. newest => 10.
sub read_envelope
{
	my ($key, $path, %attributes) = @_;

	return envelope($key,
		'<read' . attributes(msgformat => $dialects{$key}{format}, %attributes) . '>'
		  . payload($key, objects($key, $path)) . '</read>');
}

# An answer with one value; request_id may be undefined.
sub response_envelope
{
	my ($key, $request_id, $path, $value, %opt) = @_;
	my $id = $dialects{$key}{id};
	my $xml = '<value' . attributes(dateTime => $opt{at}) . '>'
	  . escape($value) . '</value>';

	return envelope($key,
		"<response><result msgformat=\"$dialects{$key}{format}\">"
		  . '<return returnCode="' . ($opt{code} // 200) . '"/>'
		  . (defined $request_id ? "<$id>$request_id</$id>" : '')
		  . payload($key, objects($key, $path, $xml))
		  . '</result></response>');
}

sub body_of
{
	my ($answer) = @_;

	return ref $answer ? $answer->{body} : $answer;
}

# The returnCodes of a response, those in nested envelopes included.
sub return_codes
{
	my ($answer) = @_;
	my @codes = body_of($answer) =~ /returnCode="(\d+)"/g;

	return @codes;
}

sub return_code
{
	my ($answer) = @_;

	return (return_codes($answer))[0];
}

sub request_ids
{
	my ($answer) = @_;
	my @ids = body_of($answer) =~ m{<requestI[dD][^>]*>([^<]*)</requestI[dD]>}g;

	return @ids;
}

# The piggy-backed envelopes of a response.
sub nested
{
	my ($answer) = @_;
	my ($inner) = body_of($answer) =~ m{^.*?Envelope\b[^>]*>(.*)</\w+Envelope>\s*$}s;
	my @nested = ($inner // '') =~ m{(<(?:qlm|omi)Envelope\b.*?</(?:qlm|omi)Envelope>)}gs;

	return @nested;
}

package QlmTest::Connection;

use strict;
use warnings FATAL => 'all';

use IO::Select;
use IO::Socket::IP;
use Time::HiRes qw(time);

sub new
{
	my ($class, $host, $port, $timeout, $from) = @_;
	my $socket = IO::Socket::IP->new(
		PeerHost => $host,
		PeerPort => $port,
		defined $from ? (LocalHost => $from) : (),
		Timeout => $timeout)
	  or die "cannot connect to $host port $port: $@";

	$socket->autoflush(1);
	return bless {
		host => $host =~ /:/ ? "[$host]:$port" : "$host:$port",
		socket => $socket,
		timeout => $timeout,
		buffer => '',
		ended => 0
	}, $class;
}

# Send a request and return its answer.  Options: body, headers (a hash),
# chunked (a list of byte counts, or 1), form (the body goes into field msg).
sub request
{
	my ($self, $method, $path, %opt) = @_;

	$self->send_request($method, $path, %opt);
	return $self->response(head => $method eq 'HEAD');
}

sub send_request
{
	my ($self, $method, $path, %opt) = @_;

	$self->send_bytes(format_request($self->{host}, $method, $path, %opt));
	return;
}

# The bytes of a request.
sub format_request
{
	my ($host, $method, $path, %opt) = @_;
	my $body = $opt{body};
	my %headers = (Host => $host);

	if (defined $body)
	{
		utf8::encode($body) if utf8::is_utf8($body);
		if ($opt{form})
		{
			$body =~ s/([^A-Za-z0-9_.-])/sprintf '%%%02X', ord $1/ge;
			$body = "msg=$body";
		}
		$headers{'Content-Type'} =
		  $opt{form} ? 'application/x-www-form-urlencoded' : 'text/xml';
		if ($opt{chunked})
		{
			$headers{'Transfer-Encoding'} = 'chunked';
			$body = chunk($body, $opt{chunked});
		}
		else
		{
			$headers{'Content-Length'} = length $body;
		}
	}
	%headers = (%headers, %{ $opt{headers} // {} });
	return "$method $path HTTP/1.1\r\n"
	  . join('', map { "$_: $headers{$_}\r\n" }
		  grep { defined $headers{$_} } sort keys %headers)
	  . "\r\n"
	  . ($body // '');
}

sub chunk
{
	my ($body, $sizes) = @_;
	my @sizes = ref $sizes ? @$sizes : (7, 1, 1000, 3);
	my $chunked = '';

	while (length $body)
	{
		my $part = substr $body, 0, (shift(@sizes) // length $body), '';
		$chunked .= sprintf "%x\r\n%s\r\n", length $part, $part;
	}
	return $chunked . "0\r\n\r\n";
}

# False if the peer has closed the connection meanwhile.
sub send_bytes
{
	my ($self, $bytes) = @_;
	local $SIG{PIPE} = 'IGNORE';

	return print { $self->{socket} } $bytes;
}

# Bytes that were sent and that the server, on this machine, has not read yet
sub unread
{
	my ($self) = @_;
	my ($here, $there) = map { sprintf '%04X', $_ } $self->{socket}->sockport, $self->{socket}->peerport;

	for my $table ('/proc/net/tcp', '/proc/net/tcp6')
	{
		my $sockets = -e $table ? PostgreSQL::Test::Utils::slurp_file($table) : '';

		return hex $1 if $sockets =~ /^\s*\d+: [0-9A-F]+:$there [0-9A-F]+:$here [0-9A-F]+ [0-9A-F]+:([0-9A-F]+)/m;
	}
	return;
}

# Read more into the buffer; false at the end or when the time is over.
sub fill
{
	my ($self, $timeout) = @_;

	return 0 if $self->{ended};
	return 0
	  unless IO::Select->new($self->{socket})->can_read($timeout // $self->{timeout});
	my $n = sysread $self->{socket}, $self->{buffer}, 65536, length $self->{buffer};
	$self->{ended} = 1 unless $n;
	return $n ? 1 : 0;
}

sub read_until
{
	my ($self, $end) = @_;
	my $at;

	while (($at = index $self->{buffer}, $end) < 0)
	{
		return unless $self->fill;
	}
	return substr $self->{buffer}, 0, $at + length $end, '';
}

sub read_exactly
{
	my ($self, $n) = @_;

	while (length $self->{buffer} < $n)
	{
		return unless $self->fill;
	}
	return substr $self->{buffer}, 0, $n, '';
}

# The next response, or undef if the connection ends or times out before one.
sub response
{
	my ($self, %opt) = @_;
	my @interim;

	for (;;)
	{
		my $head = $self->read_until("\r\n\r\n");
		return unless defined $head;
		my ($status, $reason) = $head =~ m{^HTTP/1\.[01] (\d\d\d) ?([^\r]*)}
		  or die "not an HTTP response: $head";
		if ($status < 200)
		{
			push @interim, $status;
			return { status => $status, interim => \@interim, body => '' }
			  if $opt{interim};
			next;
		}
		my %headers;
		while ($head =~ /^([^:\r\n]+):[ \t]*([^\r\n]*)\r$/mg)
		{
			$headers{ lc $1 } = $2;
		}
		return {
			status => $status,
			reason => $reason,
			headers => \%headers,
			interim => \@interim,
			body => $opt{head} || $status == 204 || $status == 304 ? '' : $self->body(\%headers)
		};
	}
}

sub body
{
	my ($self, $headers) = @_;

	if (lc($headers->{'transfer-encoding'} // '') eq 'chunked')
	{
		my $body = '';

		for (;;)
		{
			my $size = hex(($self->read_until("\r\n") // return) =~ s/[;\r].*//sr);
			my $part = $self->read_exactly($size + 2) // return;
			return $body unless $size;
			$body .= substr $part, 0, $size;
		}
	}
	return $self->read_exactly($headers->{'content-length'})
	  if defined $headers->{'content-length'};
	1 while $self->fill;
	my $rest = $self->{buffer};
	$self->{buffer} = '';
	return $rest;
}

# Has the peer closed it, or does it within the timeout (2 s)?  Bytes that
# come meanwhile are kept for response.
sub closed
{
	my ($self, $timeout) = @_;
	my $end = time() + ($timeout // 2) * $QlmTest::PATIENCE;

	until ($self->{ended})
	{
		my $left = $end - time();
		last if $left <= 0;
		$self->fill($left);
	}
	return $self->{ended};
}

sub close
{
	my ($self) = @_;

	return close $self->{socket};
}

1;
