
=head1 NAME

QlmSql - statements of a test without a process of psql for each

=head1 DESCRIPTION

With this module C<psql> and C<safe_psql> of PostgreSQL::Test::Cluster, and what
is built on them, talk to the server themselves: half of what the tests took of a
processor was the start of psql.  Each call has a session of its own as before,
which ends with the call, statements are sent one by one, and what comes back is
what C<psql -XAtq> prints.  (DBD::Pg does not do: it makes other numbers of some.)
What is more than statements (commands of psql, COPY, LISTEN, options) and a
server that wants more than a name run psql as before.

=cut

package QlmSql;

use strict;
use warnings FATAL => 'all';

use IO::Socket::UNIX;
use PostgreSQL::Test::Cluster;

my $psql = \&PostgreSQL::Test::Cluster::psql;

my $token = qr{
	[eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | "(?:[^"]|"")*"
	| (\$(?:[A-Za-z_][A-Za-z0-9_]*)?\$) .*? \g{-1}
	| --[^\n]* | /\*.*?\*/
	| [A-Za-z_][A-Za-z0-9_\$]* | [0-9.]+ | .
}xs;

# The statements of a text, each as [text, number of its last line]; none if psql
# is to run it
sub statements
{
	my ($text) = @_;
	my ($statement, $line, $depth, @statements) = ('', 1, 0);

	return if $text =~ /\b(?:COPY|LISTEN|BEGIN\s+ATOMIC)\b/i;
	while ($text =~ /\G($token)/g)
	{
		my $part = $1;

		return if $part eq '\\';
		$line += $part =~ tr/\n//;
		next if $part =~ m{^(?:--|/\*)} || $statement eq '' && $part =~ /^\s/;
		$depth++ if $part eq '(';
		$depth-- if $part eq ')';
		$statement .= $part;
		next if $part ne ';' || $depth > 0;
		push @statements, [ $statement, $line ] if $statement ne ';';
		$statement = '';
	}
	push @statements, [ $statement, $line ] if $statement ne '';
	return @statements;
}

# The user whom the only option names, if there is none but that
sub user_of
{
	my ($params) = @_;
	my ($option, @user) = @{ $params->{extra_params} // [ '-U', $ENV{PGUSER} // scalar getpwuid($>) ] };

	return $option eq '-U' && @user == 1 ? $user[0] : undef;
}

# A message of the server: its type and content; nothing at the end
sub message
{
	my ($socket) = @_;

	return unless (read $socket, my $head, 5) // 0;
	my ($type, $length) = unpack 'a N', $head;
	my $content = '';
	read $socket, $content, $length - 4 if $length > 4;
	return ($type, $content);
}

# A session, or nothing if it takes more than a name
sub connected
{
	my ($node, $database, $user) = @_;
	my ($host, $port, $name) = ($node->host, $node->port, $node->name);
	my $socket = IO::Socket::UNIX->new(Peer => "$host/.s.PGSQL.$port") or return;
	my %start = (user => $user, database => $database, application_name => $ENV{PGAPPNAME} // '', options => $ENV{PGOPTIONS} // '');
	my $start = pack 'N (Z*)*', 196608, (map { $_ => $start{$_} } grep { $start{$_} ne '' } sort keys %start), '';

	$socket->autoflush(1);
	print $socket pack('N', 4 + length $start), $start;
	while (my ($type, $content) = message($socket))
	{
		return $socket if $type eq 'Z';
		return if $type eq 'E' || $type eq 'R' && unpack('N', $content) != 0;
	}
	return;
}

sub row_of
{
	my ($content) = @_;
	my ($n, @fields) = unpack 'n', $content;
	my $at = 2;

	for (1 .. $n)
	{
		my $length = unpack 'N', substr $content, $at, 4;

		$at += 4;
		push @fields, '' and next if $length == 0xffffffff;
		push @fields, substr $content, $at, $length;
		$at += $length;
	}
	return join('|', @fields) . ($n ? "\n" : '');
}

# What psql says of an error or a notice
sub said
{
	my ($content, $statement) = @_;
	my %part = map { substr($_, 0, 1) => substr $_, 1 } grep { $_ ne '' } split /\0/, $content;
	my $text = "$part{S}:  $part{M}\n";

	if (defined $part{P})
	{
		my $before = substr $statement, 0, $part{P} - 1;
		my $line = 'LINE ' . (1 + $before =~ tr/\n//) . ': ';

		$before =~ s/.*\n//s;
		my ($after) = substr($statement, $part{P} - 1) =~ /^([^\n]*)/;
		$text .= "$line$before$after\n" . ' ' x length("$line$before") . "^\n";
	}
	$text .= "DETAIL:  $part{D}\n" if defined $part{D};
	$text .= "HINT:  $part{H}\n" if defined $part{H};
	$text .= "CONTEXT:  $part{W}\n" if defined $part{W} && $part{V} =~ /^(?:ERROR|FATAL|PANIC)$/;
	return $text;
}

# Run statements: the exit status that psql would have, and what it would print
sub run
{
	my ($socket, @statements) = @_;
	my ($out, $err) = ('', '');

	local $SIG{PIPE} = 'IGNORE';
	for my $statement (@statements)
	{
		my ($text, $line) = @$statement;
		my ($at, $status, $is_over, $rows) = ("psql:<stdin>:$line: ", 0, 0, '');

		print $socket 'Q', pack('N', 5 + length $text), $text, "\0";
		while (my ($type, $content) = message($socket))
		{
			$rows .= row_of($content) if $type eq 'D';
			$err .= $at . said($content, $text) if $type eq 'E' || $type eq 'N';
			$status = 3 if $type eq 'E';
			$is_over = 1, last if $type eq 'Z';
		}
		$out .= $rows if $is_over && !$status;
		return ($status, $out, $err) if $is_over && $status;
		return (2, $out, "${err}${at}server closed the connection unexpectedly\n\tThis probably means the server terminated abnormally\n"
			  . "\tbefore or while processing the request.\n${at}error: connection to server was lost\n") unless $is_over;
	}
	return (0, $out, $err);
}

# As psql of PostgreSQL::Test::Cluster
sub ask
{
	my ($node, $database, $sql, %params) = @_;
	my $user = user_of(\%params);
	my $is_plain = defined $user && ($params{on_error_stop} // 1) && utf8::downgrade($sql, 1);

	$is_plain &&= !grep { !/^(?:stdout|stderr|on_error_die|on_error_stop|extra_params)$/ } keys %params;
	my @statements = $is_plain ? statements($sql) : ();
	my $session = @statements ? connected($node, $database, $user) : undef;
	return $psql->($node, $database, $sql, %params) unless $session;

	my ($status, $out, $err) = run($session, @statements);
	# It is over when the server has ended it, too.
	{
		local $SIG{PIPE} = 'IGNORE';
		print $session 'X', pack 'N', 4;
	}
	1 while message($session);
	close $session;
	chomp($out, $err);
	${ $params{stdout} } = $out if ref $params{stdout};
	${ $params{stderr} } = $err if ref $params{stderr};
	print $out, $out eq '' ? '' : "\n" unless wantarray || ref $params{stdout};
	print STDERR $err, $err eq '' ? '' : "\n" unless wantarray || ref $params{stderr};
	die(($status == 2 ? 'connection error' : 'error running SQL') . ": '$err' with sql '$sql'")
	  if $status && $params{on_error_die};
	return wantarray ? ($status, $out, $err) : $status;
}

no warnings 'redefine';
*PostgreSQL::Test::Cluster::psql = \&ask;

1;
