
=head1 NAME

QlmProxy - a network between a client and a port that can be disturbed

=head1 SYNOPSIS

  my $proxy = QlmProxy->new($port);   # clients call $proxy->{port}
  $proxy->set('cut 100');
  $proxy->set('pass');
  my ($open, $most, $all) = $proxy->connections;
  $proxy->disturbed;              # how often it has not just passed bytes on

=head1 DESCRIPTION

A process of its own passes bytes on, as its latest order says:

  pass      as they come
  delay S   after S seconds
  stall     not at all, but connections stay and new ones are taken
  swallow   not at all, though they are taken, as by a network that forgot where to:
            connections stay, and nobody is told
  cut N     N more bytes of each connection, then it is reset
  refuse    no: connections are reset, new ones at once

Orders for requests of HTTP with a Content-Length:

  repeat    each request goes there twice, on a connection of its own, too
  lie HOW   the client is told something else, and its connection closed:
            502, 504 (with a page), empty (200, and nothing) once the request
            was answered there; login (200, with a page), and it was not passed on

=cut

package QlmProxy;

use strict;
use warnings FATAL => 'all';

use File::Temp;
use IO::Select;
use IO::Socket::INET;
use POSIX ();
use PostgreSQL::Test::Utils;
use Socket qw(SOL_SOCKET SO_LINGER);
use Time::HiRes qw(time);

sub new
{
	my ($class, $to) = @_;
	my $listening = IO::Socket::INET->new(
		LocalAddr => '127.0.0.1', Listen => 200, ReuseAddr => 1)
	  or die "cannot listen: $!";
	my $self = bless {
		port => $listening->sockport,
		to => $to,
		folder => File::Temp->newdir(),
		owner => $$
	}, $class;

	$self->set('pass');
	$self->note_connections(0, 0, 0);
	$self->write_file('disturbed', 0);
	$self->{pid} = fork() // die $!;
	if ($self->{pid} == 0)
	{
		$SIG{TERM} = 'DEFAULT';
		$SIG{PIPE} = 'IGNORE';
		$self->{listening} = $listening;
		eval { $self->serve };
		print STDERR "# proxy: $@";
		POSIX::_exit(1);
	}
	return $self;
}

sub write_file
{
	my ($self, $name, $text) = @_;

	open my $file, '>', "$self->{folder}/$name.$$" or die $!;
	print $file $text;
	close $file;
	rename "$self->{folder}/$name.$$", "$self->{folder}/$name" or die $!;
	return;
}

sub set
{
	my ($self, $how) = @_;

	return $self->write_file('how', $how);
}

sub note_connections
{
	my ($self, $open, $most, $all) = @_;

	return $self->write_file('connections', "$open $most $all");
}

# How many are open, how many have been at most, and in all
sub connections
{
	my ($self) = @_;

	return split / /, PostgreSQL::Test::Utils::slurp_file("$self->{folder}/connections");
}

sub disturbed
{
	my ($self) = @_;

	return PostgreSQL::Test::Utils::slurp_file("$self->{folder}/disturbed");
}

sub note_disturbance
{
	my ($self) = @_;

	return $self->write_file('disturbed', ++$self->{ndisturbed});
}

sub DESTROY
{
	my ($self) = @_;

	local $?;
	return unless $self->{owner} == $$ && $self->{pid};
	kill 'KILL', $self->{pid};
	waitpid $self->{pid}, 0;
	return;
}

sub end_pair
{
	my ($self, $pair) = @_;

	for my $socket (@{ $pair->{sockets} })
	{
		$self->{select}->remove($socket);
		delete $self->{pairs}{ fileno $socket };
		setsockopt $socket, SOL_SOCKET, SO_LINGER, pack('II', 1, 0) if $pair->{reset};
		close $socket;
	}
	$self->{open}--;
	$self->note_connections($self->{open}, $self->{most}, $self->{all});
	return;
}

sub take_connection
{
	my ($self, $refuse) = @_;
	my $client = $self->{listening}->accept or return;
	my $server = $refuse ? undef
	  : IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{to});

	if (!$server)
	{
		$self->note_disturbance if $refuse;
		setsockopt $client, SOL_SOCKET, SO_LINGER, pack('II', 1, 0);
		close $client;
		return;
	}
	my $pair = { sockets => [ $client, $server ], bytes => 0, order => 0, waiting => [], request => '' };
	for my $socket ($client, $server)
	{
		$socket->autoflush(1);
		$self->{select}->add($socket);
		$self->{pairs}{ fileno $socket } = $pair;
	}
	$self->{open}++;
	$self->{all}++;
	$self->{most} = $self->{open} if $self->{open} > $self->{most};
	$self->note_connections($self->{open}, $self->{most}, $self->{all});
	return;
}

my %lies = (
	502 => [ '502 Bad Gateway', '<html><body><h1>502 Bad Gateway</h1></body></html>' ],
	504 => [ '504 Gateway Time-out', '<html><body><h1>504 Gateway Time-out</h1></body></html>' ],
	empty => [ '200 OK', '' ],
	login => [ '200 OK', '<!DOCTYPE html><html><body><h1>Welcome to our WiFi</h1><form>...</form></body></html>' ]);

# Tell the client so, and close the connection.
sub lie
{
	my ($self, $pair, $how) = @_;
	my ($status, $page) = @{ $lies{$how} };

	syswrite $pair->{sockets}[0], "HTTP/1.1 $status\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: " . length($page) . "\r\n\r\n$page";
	$self->note_disturbance;
	return $self->end_pair($pair);
}

# The requests that are complete now
sub requests_of
{
	my ($pair, $bytes) = @_;
	my @requests;

	$pair->{request} .= $bytes;
	while ($pair->{request} =~ /\r\n\r\n/)
	{
		my $head = $+[0];
		my ($length) = substr($pair->{request}, 0, $head) =~ /^Content-Length: *(\d+)/mi;
		my $size = $head + ($length // 0);

		last if length $pair->{request} < $size;
		push @requests, substr $pair->{request}, 0, $size, '';
	}
	return @requests;
}

# Send it there on a connection of its own, whose answer nobody wants.
sub repeat
{
	my ($self, $request) = @_;
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{to}) or return;

	syswrite $socket, $request;
	$self->{select}->add($socket);
	$self->{unwanted}{ fileno $socket } = $socket;
	return $self->note_disturbance;
}

# Orders for requests; true if there is nothing more to do for these bytes
sub take_requests
{
	my ($self, $pair, $from_client, $bytes, $how, $argument) = @_;

	return 0 unless $how eq 'repeat' || $how eq 'lie';
	if (!$from_client)
	{
		return 0 if $how eq 'repeat';
		$self->lie($pair, $argument);
		return 1;
	}
	my @requests = requests_of($pair, $bytes);
	if ($how eq 'repeat')
	{
		$self->repeat($_) for @requests;
		return 0;
	}
	return 0 unless $argument eq 'login';
	$self->lie($pair, $argument) if @requests;
	return 1;
}

# Read what has come; what is to be passed on waits with its time.  An end is
# an empty text.
sub take_bytes
{
	my ($self, $socket, $how, $argument) = @_;
	my $pair = $self->{pairs}{ fileno $socket } or return;
	my $from_client = $socket == $pair->{sockets}[0];
	my $to = $pair->{sockets}[ $from_client ? 1 : 0 ];
	my $bytes = '';
	my $n = sysread $socket, $bytes, 65536;

	$self->{select}->remove($socket) unless $n;
	$self->note_disturbance if $how eq 'swallow' && $n;
	return if $how eq 'swallow';
	return if $n && $self->take_requests($pair, $from_client, $bytes, $how, $argument);
	if ($how eq 'cut')
	{
		my $left = $argument - $pair->{bytes};
		if (length $bytes >= $left)
		{
			syswrite $to, substr($bytes, 0, $left) if $left > 0;
			$pair->{reset} = 1;
			$self->note_disturbance;
			$self->end_pair($pair);
			return;
		}
		$pair->{bytes} += length $bytes;
	}
	push @{ $pair->{waiting} }, [ time() + ($how eq 'delay' ? $argument : 0), $to, $bytes ];
	return;
}

sub pass_on
{
	my ($self, $pair) = @_;
	my $waiting = $pair->{waiting};

	while (@$waiting && $waiting->[0][0] <= time())
	{
		my (undef, $to, $bytes) = @{ shift @$waiting };
		return $self->end_pair($pair) if $bytes eq '';
		while (length $bytes)
		{
			my $n = syswrite $to, $bytes or return $self->end_pair($pair);
			substr $bytes, 0, $n, '';
		}
	}
	return;
}

sub pairs
{
	my ($self) = @_;
	my %pairs = map { $_ => $_ } values %{ $self->{pairs} };

	return values %pairs;
}

sub serve
{
	my ($self) = @_;
	my $before = '';

	$self->{select} = IO::Select->new($self->{listening});
	$self->{pairs} = {};
	$self->{unwanted} = {};
	$self->{open} = $self->{most} = $self->{all} = 0;
	for (;;)
	{
		my $order = PostgreSQL::Test::Utils::slurp_file("$self->{folder}/how");
		my ($how, $argument) = split / /, $order;
		if ($order ne $before)
		{
			$_->{bytes} = 0, $_->{request} = '' for $self->pairs;
			$before = $order;
		}
		if ($how eq 'refuse')
		{
			$_->{reset} = 1, $self->end_pair($_) for $self->pairs;
		}
		if ($how eq 'stall')
		{
			select undef, undef, undef, 0.02;
			next;
		}
		for my $socket ($self->{select}->can_read(0.02))
		{
			if ($socket == $self->{listening})
			{
				$self->take_connection($how eq 'refuse');
			}
			elsif (defined fileno $socket && $self->{unwanted}{ fileno $socket })
			{
				next if sysread $socket, my $unwanted, 65536;
				delete $self->{unwanted}{ fileno $socket };
				$self->{select}->remove($socket);
				close $socket;
			}
			elsif (defined fileno $socket)
			{
				$self->take_bytes($socket, $how, $argument);
			}
		}
		$self->pass_on($_) for $self->pairs;
	}
	return;
}

1;
