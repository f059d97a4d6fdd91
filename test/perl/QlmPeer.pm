
=head1 NAME

QlmPeer - a peer whose every byte a test decides

=head1 SYNOPSIS

  my $peer = QlmPeer->new;                     # or address => '127.0.0.2', port => N
  ... qlm_add_peer('p', url => $peer->url) ...
  my $request = $peer->request('answer');      # wait for one; others are kept
  $peer->answer($request, $body);              # 200, or status => 500
  $peer->say($request, "HTTP/1.1 200 OK\r\n"); # any bytes
  $peer->hang_up($request);

=head1 DESCRIPTION

Runs in the process of the test: as long as the test does not answer, the node
waits.  A request is a hash: C<head>, C<body>, C<kind> ('beat': a heartbeat,
'answer': a response, 'request': anything else), C<socket>.

=cut

package QlmPeer;

use strict;
use warnings FATAL => 'all';

use IO::Select;
use IO::Socket::INET;
use QlmTest ();
use Socket qw(SOL_SOCKET SO_LINGER);
use Time::HiRes qw(time);

sub new
{
	my ($class, %opt) = @_;
	my $listening = IO::Socket::INET->new(
		LocalAddr => $opt{address} // '127.0.0.1', LocalPort => $opt{port} // 0, Listen => 100, ReuseAddr => 1)
	  or die "cannot listen: $!";

	return bless {
		listening => $listening,
		port => $listening->sockport,
		select => IO::Select->new($listening),
		buffers => {},
		waiting => []
	}, $class;
}

sub url
{
	my ($self, $path) = @_;

	return "http://127.0.0.1:$self->{port}" . ($path // '/peer');
}

sub kind_of
{
	my ($request) = @_;

	return 'beat' if $request->{head} =~ /^Prefer: wait=/mi;
	return $request->{body} =~ /(?:<|%3C)response\b/ ? 'answer' : 'request';
}

# Take complete requests out of a connection's buffer.
sub take
{
	my ($self, $socket) = @_;
	my $buffer = \$self->{buffers}{$socket};

	while ($$buffer =~ /^(.*?\r\n\r\n)/s)
	{
		my $head = $1;
		my $length = $head =~ /^Content-Length: *(\d+)/mi ? $1 : 0;
		last if length $$buffer < length($head) + $length;
		my $request = {
			head => $head,
			body => substr($$buffer, length $head, $length),
			socket => $socket
		};
		substr $$buffer, 0, length($head) + $length, '';
		$request->{kind} = kind_of($request);
		push @{ $self->{waiting} }, $request;
	}
	return;
}

sub read_from
{
	my ($self, $socket) = @_;

	if ($socket == $self->{listening})
	{
		my $connection = $socket->accept or return;
		$connection->autoflush(1);
		$self->{select}->add($connection);
		$self->{buffers}{$connection} = '';
		return;
	}
	if (sysread $socket, $self->{buffers}{$socket}, 65536, length $self->{buffers}{$socket})
	{
		$self->take($socket);
		return;
	}
	$self->forget($socket);
	return;
}

sub forget
{
	my ($self, $socket) = @_;

	$self->{select}->remove($socket);
	delete $self->{buffers}{$socket};
	close $socket;
	return;
}

# The next request, of this kind if one is given.  With a timeout: undef when
# it is over; without, no request is an error.
sub request
{
	my ($self, $kind, $timeout) = @_;
	my $end = time() + ($timeout // 30 * $QlmTest::PATIENCE);

	for (;;)
	{
		my $waiting = $self->{waiting};
		for my $i (0 .. $#$waiting)
		{
			return splice @$waiting, $i, 1 if !$kind || $waiting->[$i]{kind} eq $kind;
		}
		my $left = $end - time();
		if ($left <= 0)
		{
			return if defined $timeout;
			die 'no ' . ($kind // 'request') . ' came';
		}
		$self->read_from($_) for $self->{select}->can_read($left);
	}
	return;
}

# Does nothing of this kind come for so long?
sub is_quiet
{
	my ($self, $kind, $seconds) = @_;

	return !$self->request($kind, $seconds);
}

# False once the node has hung up.
sub say
{
	my ($self, $request, $bytes) = @_;
	local $SIG{PIPE} = 'IGNORE';

	return print { $request->{socket} } $bytes;
}

sub answer
{
	my ($self, $request, $body, %opt) = @_;
	my $status = $opt{status} // 200;
	my $headers = $opt{headers} // '';

	$body //= '';
	return $self->say($request, "HTTP/1.1 $status X\r\n${headers}Content-Length: " . length($body) . "\r\n\r\n$body");
}

sub hang_up
{
	my ($self, $request) = @_;

	$self->forget($request->{socket});
	return;
}

# End all connections, with whatever has come on them.
sub hang_up_all
{
	my ($self) = @_;

	while (my @ready = $self->{select}->can_read(0))
	{
		$self->read_from($_) for @ready;
	}
	$self->forget($_) for grep { $_ != $self->{listening} } $self->{select}->handles;
	$self->{waiting} = [];
	return;
}

# End the connection with a reset.
sub reset
{
	my ($self, $request) = @_;

	setsockopt $request->{socket}, SOL_SOCKET, SO_LINGER, pack('II', 1, 0);
	$self->forget($request->{socket});
	return;
}

# Handle whatever comes until something is true.
sub serve_until
{
	my ($self, $done, $handle, $timeout) = @_;
	my $end = time() + ($timeout // 30 * $QlmTest::PATIENCE);

	until ($done->())
	{
		return 0 if time() > $end;
		my $request = $self->request(undef, 0.02) or next;
		$handle->($request);
	}
	return 1;
}

1;
