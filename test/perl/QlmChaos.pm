
=head1 NAME

QlmChaos - clients that go on whatever happens, and remember what they were told

=head1 SYNOPSIS

  my $chaos = QlmChaos->new;
  $chaos->run('writer', http_writer(port => $port, object => 'A'));
  ... faults ...
  $chaos->stop('writer');
  for my $line ($chaos->lines('writer', 'acked')) { my ($time, $value) = @$line }

=head1 DESCRIPTION

Each client is a process of its own.  It writes what it learns into a file at
once, one line for each thing: a time, a word, and what the word is about.

A writer's values are its Object, a colon and a number, so every value is
different; they go to the InfoItems of the Object in turn.  What got no answer
is written again with the same time until it is acknowledged.

=cut

package QlmChaos;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use File::Temp;
use IO::Handle;
use POSIX ();
use QlmSocket;
use QlmTest;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(
  http_writer lone_writer socket_writer sql_writer
  http_poller sql_poller listener socket_subscriber requester
  stamp values_of
);

# Seconds after which a client no longer believes in an answer.
our $PATIENCE = 15;

my $begin = int(time()) - 3600;

sub new
{
	my ($class) = @_;

	return bless { folder => File::Temp->newdir(), pids => {}, owner => $$ }, $class;
}

# Run a client: a sub that gets the sub to note things with, and the one that
# says whether to go on.
sub run
{
	my ($self, $name, $client) = @_;
	my $pid = fork() // die $!;

	if ($pid)
	{
		$self->{pids}{$name} = $pid;
		return;
	}
	$SIG{TERM} = 'DEFAULT';
	$SIG{PIPE} = 'IGNORE';
	srand($$);
	open my $file, '>>', "$self->{folder}/$name" or POSIX::_exit(1);
	$file->autoflush(1);
	my $note = sub {
		my ($word, @rest) = @_;
		s/[\t\n\r]/ /g for @rest;
		print $file join("\t", sprintf('%.4f', time()), $word, @rest) . "\n";
	};
	eval { $client->($note, sub { !-e "$self->{folder}/stop.$name" }); 1 }
	  or $note->('died', $@);
	POSIX::_exit(0);
}

# Stop clients and wait for them; without names all.
sub stop
{
	my ($self, @names) = @_;

	@names = sort keys %{ $self->{pids} } unless @names;
	for my $name (@names)
	{
		open my $file, '>', "$self->{folder}/stop.$name" or die $!;
		close $file;
	}
	for my $name (@names)
	{
		my $pid = delete $self->{pids}{$name} or next;
		local $?;
		waitpid $pid, 0;
	}
	return;
}

sub DESTROY
{
	my ($self) = @_;

	local $?;
	return unless $self->{owner} == $$;
	kill 'KILL', $_ for values %{ $self->{pids} };
	waitpid $_, 0 for values %{ $self->{pids} };
	return;
}

# What a client has noted: a list of [ time, ... ] for one word, or of
# [ time, word, ... ] for all.
sub lines
{
	my ($self, $name, $word) = @_;
	my @lines;

	open my $file, '<', "$self->{folder}/$name" or return;
	while (my $line = <$file>)
	{
		chomp $line;
		my @fields = split /\t/, $line;
		next if defined $word && $fields[1] ne $word;
		splice @fields, 1, 1 if defined $word;
		push @lines, \@fields;
	}
	return @lines;
}

# The time of a writer's nth value
sub stamp
{
	my ($n) = @_;
	my $hundredths = $n % 100;

	return POSIX::strftime('%Y-%m-%dT%H:%M:%S', gmtime($begin + ($n - $hundredths) / 100))
	  . sprintf('.%02dZ', $hundredths);
}

sub values_of
{
	return map { m{<value[^>]*>([^<]*)</value>}g } @_;
}

my @items = qw(a b c);

# A write of some values from the nth on: the envelope, and the values
sub batch
{
	my ($object, $n, $size, $timeless) = @_;
	my (%values, @all);

	for my $i ($n .. $n + $size - 1)
	{
		my $at = $timeless ? '' : ' dateTime="' . stamp($i) . '"';
		push @all, "$object:$i";
		$values{ $items[ $i % @items ] } .= "<value$at>$object:$i</value>";
	}
	my $xml = join '', map { "<InfoItem name=\"$_\">$values{$_}</InfoItem>" } sort keys %values;
	return (
		envelope('M2', "<write msgformat=\"odf\"><msg><Objects xmlns=\"http://www.opengroup.org/xsd/odf/2.0/\"><Object><id>$object</id>$xml</Object></Objects></msg></write>"),
		@all);
}

# Post a body on a connection that is kept; undef: no answer came.
sub ask
{
	my ($connection, $port, $body, $path) = @_;
	my $answer = eval {
		$$connection //= QlmTest::Connection->new('127.0.0.1', $port, $PATIENCE);
		$$connection->request('POST', $path // '/', body => $body);
	};

	undef $$connection if !$answer || lc($answer->{headers}{connection} // '') eq 'close';
	return $answer;
}

# What an answer says of a write: 'acked', 'again' or 'wrong'
sub verdict
{
	my ($answer) = @_;
	return 'again' unless $answer;
	return 'again' if ref $answer && $answer->{status} == 503;
	my $code = return_code($answer) // 0;

	return $code == 200 ? 'acked' : $code == 503 ? 'again' : 'wrong';
}

sub text_of
{
	my ($answer) = @_;

	return ref $answer ? "$answer->{status} $answer->{body}" : $answer;
}

# Writes batches of values over HTTP.  Options: port, object, most (values of a
# batch: 1), pause (seconds).
sub http_writer
{
	my (%opt) = @_;

	return sub {
		my ($note, $go) = @_;
		my $connection;
		my $n = 0;

		while ($go->())
		{
			my ($body, @values) = batch($opt{object}, $n, 1 + int rand($opt{most} // 1));
			$note->('tried', @values);
			for (;;)
			{
				my $answer = ask(\$connection, $opt{port}, $body);
				my $verdict = verdict($answer);
				$note->($verdict, $verdict eq 'wrong' ? text_of($answer) : @values);
				last if $verdict ne 'again';
				sleep 0.1;
			}
			$n += @values;
			sleep $opt{pause} // 0.02;
		}
	};
}

# Writes values without a time, each once.
sub lone_writer
{
	my (%opt) = @_;

	return sub {
		my ($note, $go) = @_;
		my $connection;
		my $n = 0;

		while ($go->())
		{
			my ($body, @values) = batch($opt{object}, $n++, 1, 1);
			my $answer = ask(\$connection, $opt{port}, $body);
			my $verdict = verdict($answer);
			$verdict = 'refused' if $answer && $verdict eq 'again';
			$note->($verdict, $verdict eq 'wrong' ? text_of($answer) : @values);
			sleep($verdict eq 'acked' ? 0.02 : 0.2);
		}
	};
}

# Writes on a WebSocket, several values before it looks at answers.
sub socket_writer
{
	my (%opt) = @_;

	return sub {
		my ($note, $go) = @_;
		my ($socket, $n, @waiting) = (undef, 0);

		while ($go->() || @waiting)
		{
			if (!$socket)
			{
				$socket = eval { qlm_socket(undef, port => $opt{port}, timeout => $PATIENCE) };
				sleep 0.1, next unless $socket;
				$socket->send($_->[0]) for @waiting;
			}
			while ($go->() && @waiting < 8)
			{
				my ($body, $value) = batch($opt{object}, $n++, 1);
				$note->('tried', $value);
				push @waiting, [ $body, $value ];
				$socket->send($body);
			}
			my $answer = $socket->receive;
			if (!defined $answer)
			{
				undef $socket;
				next;
			}
			my $verdict = verdict($answer);
			my $first = shift @waiting;
			$note->($verdict, $verdict eq 'wrong' ? $answer : $first->[1]);
			if ($verdict eq 'again')
			{
				push @waiting, $first;
				$socket->send($first->[0]);
				sleep 0.1;
			}
			sleep 0.01;
		}
	};
}

# Writes by SQL.  Options: connection (a string for psql), object.
sub sql_writer
{
	my (%opt) = @_;

	return sub {
		my ($note, $go) = @_;
		my $session = QlmChaos::Session->new($opt{connection});
		my $n = 0;

		while ($go->())
		{
			my $value = "$opt{object}:$n";
			my $item = $items[ $n % @items ];
			my $at = stamp($n);

			$note->('tried', $value);
			until ($session->query("SELECT qlm_write('$opt{object}/$item', '$value', '$at')"))
			{
				$note->('again', $value);
				if (($session->{state} // '') !~ /^(?:08|40|53|55|57|58|25P)/)
				{
					$note->('wrong', $session->{state} . $session->{error}) if defined $session->{state};
				}
				sleep 0.1;
			}
			$note->('acked', $value);
			$n++;
			sleep 0.02;
		}
	};
}

# Polls a subscription over HTTP: 'got' values, 'lost' an answer.  At the end
# it polls until nothing comes any more.
sub http_poller
{
	my (%opt) = @_;

	return sub {
		my ($note, $go) = @_;
		my $connection;
		my $poll = envelope('M2', "<read><requestID>$opt{id}</requestID></read>");

		for (;;)
		{
			my $last = !$go->();
			my $answer = ask(\$connection, $opt{port}, $poll);
			my $verdict = verdict($answer);
			my @values = $verdict eq 'acked' ? values_of($answer->{body}) : ();

			$note->($answer ? 'refused' : 'lost') if $verdict eq 'again';
			$note->('wrong', text_of($answer)) if $verdict eq 'wrong';
			$note->('got', @values) if @values;
			$note->('dropped', $1) if $answer && $answer->{body} =~ /(\d+ older values[^"]*)/;
			last if $last && $verdict eq 'acked' && !@values;
			sleep 0.1;
		}
	};
}

# Poll in a transaction: what is noted and not committed comes again.
sub poll_safely
{
	my ($session, $id, $note) = @_;
	my $rows;

	return unless $session->query('BEGIN') && ($rows = $session->query("SELECT value FROM qlm_poll($id)"));
	$note->('got', @$rows) if @$rows;
	return if !$session->query('COMMIT') || $session->{tag} ne 'COMMIT';
	return $rows;
}

# Polls by SQL, so that nothing is lost.  Options: connection, id.
sub sql_poller
{
	my (%opt) = @_;

	return sub {
		my ($note, $go) = @_;
		my $session = QlmChaos::Session->new($opt{connection});

		for (;;)
		{
			my $last = !$go->();
			my $rows = poll_safely($session, $opt{id}, $note);
			$session->query('ROLLBACK') unless $rows;
			last if $last && $rows && !@$rows;
			sleep 0.1;
		}
	};
}

# Polls when it is told to by NOTIFY, or has connected anew.
sub listener
{
	my (%opt) = @_;

	return sub {
		my ($note, $go) = @_;
		my $session = QlmChaos::Session->new($opt{connection});
		my ($life, $told) = (-1, 0);

		for (;;)
		{
			my $last = !$go->();

			if ($session->{life} != $life)
			{
				$session->query("LISTEN $opt{channel}") or sleep(0.1), next;
				$life = $session->{life};
				$told = 1;
			}
			my $asked = $session->query('SELECT 1');
			$told ||= $session->{notified};
			if ($told)
			{
				$session->{notified} = $told = 0;
				next if poll_safely($session, $opt{id}, $note);
				$session->query('ROLLBACK');
				$told = 1;
			}
			# It has been told of everything if it was still connected.
			last if $last && $asked && !$told && $session->{life} == $life;
			sleep 0.1;
		}
	};
}

# Subscribes with callback "0", anew whenever the connection ends.
sub socket_subscriber
{
	my (%opt) = @_;

	return sub {
		my ($note, $go) = @_;
		my $subscribe = envelope('M2', "<read msgformat=\"odf\" interval=\"-1\" callback=\"0\"><msg><Objects xmlns=\"http://www.opengroup.org/xsd/odf/2.0/\"><Object><id>$opt{object}</id></Object></Objects></msg></read>", ttl => -1);

		while ($go->())
		{
			my $socket = eval { qlm_socket(undef, port => $opt{port}, timeout => $PATIENCE) };
			my $answer = $socket && $socket->request($subscribe);
			if (verdict($answer) ne 'acked')
			{
				sleep 0.2;
				next;
			}
			$note->('epoch', request_ids($answer));
			while ($go->() && !$socket->{ended} && !defined $socket->{code})
			{
				my $message = $socket->receive(timeout => 0.2);
				$note->('got', values_of($message)) if defined $message;
			}
			$socket->close if !$go->();
		}
	};
}

# Queues requests for a peer.  Options: connection, peer, requests (a list of
# subs that are given a number and return SQL for an envelope).
sub requester
{
	my (%opt) = @_;

	return sub {
		my ($note, $go) = @_;
		my $session = QlmChaos::Session->new($opt{connection});
		my $n = 0;

		while ($go->())
		{
			my $kind = int rand @{ $opt{requests} };
			my $ttl = rand() < 0.15 ? '2 s' : '10 min';
			my $request = "qlm_request('$opt{peer}', " . $opt{requests}[$kind]->(++$n) . ", ttl => '$ttl')";
			my $rows = $session->query("SELECT $request");

			$note->('queued', $rows->[0], $kind, $n) if $rows;
			if ($rows && rand() < 0.2)
			{
				my $answer = $session->query("SELECT qlm_await($rows->[0], '3 s')");
				$note->('awaited', $rows->[0]) if $answer && @$answer;
			}
			sleep 0.1;
		}
	};
}

=head1 SESSIONS

C<QlmChaos::Session> is a psql that is started again when it has lost its server.

=cut

package QlmChaos::Session;

use strict;
use warnings FATAL => 'all';

use IO::Select;
use IPC::Open3;
use Time::HiRes qw(time);

sub new
{
	my ($class, $connection) = @_;

	return bless { connection => $connection, life => 0 }, $class;
}

sub connect
{
	my ($self) = @_;

	$self->{pid} = open3(my $in, my $out, undef, 'psql', '-XAt', '-v', 'VERBOSITY=verbose', '-d', $self->{connection});
	@$self{qw(in out buffer notified)} = ($in, $out, '', 0);
	$in->autoflush(1);
	$self->{life}++;
	return;
}

sub disconnect
{
	my ($self) = @_;

	return unless $self->{pid};
	local $?;
	close $self->{in};
	kill 'KILL', $self->{pid};
	waitpid $self->{pid}, 0;
	close $self->{out};
	undef $self->{pid};
	return;
}

sub DESTROY
{
	my ($self) = @_;

	$self->disconnect;
	return;
}

# The rows of a query, without empty ones; undef: it failed, and state and error
# say why, if there is anybody to say it.
sub query
{
	my ($self, $query) = @_;
	my $end = time() + $QlmChaos::PATIENCE;

	@$self{qw(state error tag)} = (undef, '', '');
	$self->connect unless $self->{pid};
	print { $self->{in} } "$query;\n\\echo end :SQLSTATE\n";
	until ($self->{buffer} =~ /^end (\S+)\n/m)
	{
		my $left = $end - time();
		if ($left <= 0
			|| !IO::Select->new($self->{out})->can_read($left)
			|| !sysread($self->{out}, $self->{buffer}, 65536, length $self->{buffer}))
		{
			$self->{error} = $self->{buffer};
			$self->disconnect;
			return;
		}
	}
	my ($said, $state) = $self->{buffer} =~ /^(.*?)^end (\S+)\n/ms;
	substr $self->{buffer}, 0, $+[0], '';
	$self->{notified} = 1 if $said =~ /^Asynchronous notification/m;
	if ($said =~ /^(?:FATAL|PANIC): /m)
	{
		$self->{error} = $said;
		$self->disconnect;
		return;
	}
	if ($state ne '00000')
	{
		@$self{qw(state error)} = ($state, $said);
		return;
	}
	my @rows = grep { $_ ne '' && !/^(?:Asynchronous notification|WARNING|NOTICE|DETAIL|HINT|LOCATION)/ } split /\n/, $said;
	$self->{tag} = pop @rows if @rows && $rows[-1] =~ /^(?:BEGIN|COMMIT|ROLLBACK|LISTEN)$/;
	return \@rows;
}

1;
