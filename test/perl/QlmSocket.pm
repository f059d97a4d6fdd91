
=head1 NAME

QlmSocket - a WebSocket client for TAP programs

=head1 SYNOPSIS

  use QlmSocket;

  my $socket = qlm_socket($node, path => '/peer/fridge');
  $socket->send($envelope);                 # text; binary => 1: binary
  my $answer = $socket->receive;            # payload; undef: nothing came
  $socket->close;                           # 1000, and waits for the other end
  is($socket->{code}, 1000);

=head1 DESCRIPTION

Frames are those of Protocol::WebSocket, an implementation that has nothing in
common with the node's.  After C<receive>, C<< $socket->{kind} >> is the kind
of the frame: text, binary, ping, pong or close; pings and pongs are passed
over unless C<< all => 1 >>.  Once the other end has closed, C<{code}> and
C<{reason}> say why, and C<{ended}> that the connection is gone.

=cut

package QlmSocket;

use strict;
use warnings FATAL => 'all';

use Errno;
use Exporter 'import';
use IO::Select;
use IO::Socket::INET;
use MIME::Base64;
use Protocol::WebSocket::Frame;
use Protocol::WebSocket::Handshake::Client;
use QlmTest ();
use Time::HiRes qw(time);

our @ISA = ('QlmTest::Connection');
our @EXPORT = qw(qlm_socket);

my %kinds = (1 => 'text', 2 => 'binary', 8 => 'close', 9 => 'ping', 10 => 'pong');

# An open socket; dies where it is refused.  Options: path ('/'), headers (a
# hash), port, timeout (60 s), receive_buffer (bytes of the system), early
# (bytes to send right behind the handshake), from (an address of this machine).
sub qlm_socket
{
	my ($node, %opt) = @_;
	my $port = $opt{port} // $node->{qlm_port};
	my $path = $opt{path} // '/';
	my $handshake = Protocol::WebSocket::Handshake::Client->new(
		url => "ws://127.0.0.1:$port$path");
	my $socket = IO::Socket::INET->new(Proto => 'tcp') or die "no socket: $!";

	$socket->sockopt(Socket::SO_RCVBUF(), $opt{receive_buffer})
	  if $opt{receive_buffer};
	$socket->bind(Socket::pack_sockaddr_in(0, Socket::inet_aton($opt{from}))) or die "cannot bind: $!"
	  if $opt{from};
	$socket->connect(Socket::pack_sockaddr_in($port, Socket::inet_aton('127.0.0.1')))
	  or die "cannot connect to port $port: $!";

	# The handshake has an Origin of its own; for other headers there is no method.
	my %headers = %{ $opt{headers} // {} };
	my $origin = delete $headers{Origin};
	$handshake->req->origin($origin) if defined $origin;
	$handshake->req->{headers} = [%headers];
	my $self = bless {
		socket => $socket,
		timeout => $opt{timeout} // $QlmTest::TIMEOUT,
		frames => Protocol::WebSocket::Frame->new(max_payload_size => 0, max_fragments_amount => 0),
		buffer => ''
	}, __PACKAGE__;
	$self->send_bytes($handshake->to_string . ($opt{early} // ''));
	until ($handshake->is_done)
	{
		$self->fill or die "the handshake got no answer\n";
		my $head = $self->{buffer};
		next unless $head =~ /\r\n\r\n/;
		my ($status) = $head =~ m{^HTTP/1\.1 (\d+)};
		die "refused with $status\n" unless $status == 101;
		$self->{head} = $head =~ s/\r\n\r\n.*/\r\n/sr;
		$handshake->parse($self->{buffer}) or die $handshake->error . "\n";
	}
	return $self;
}

# False if the other end has closed the connection meanwhile, or does not read
# for as long as the timeout.
sub send_bytes
{
	my ($self, $bytes) = @_;
	local $SIG{PIPE} = 'IGNORE';

	while (length $bytes)
	{
		return 0 unless IO::Select->new($self->{socket})->can_write($self->{timeout});
		my $n = syswrite $self->{socket}, $bytes, 65536;
		return 0 unless $n;
		substr $bytes, 0, $n, '';
	}
	return 1;
}

# The bytes of one frame.  Options: type (text), last (1), masked (1).
sub frame
{
	my ($payload, %opt) = @_;

	utf8::encode($payload) if utf8::is_utf8($payload);
	return Protocol::WebSocket::Frame->new(
		buffer => $payload,
		type => $opt{type} // 'text',
		fin => $opt{last} // 1,
		max_payload_size => 0,
		masked => $opt{masked} // 1)->to_bytes;
}

# Send a message.  Options: binary, fragments (a list of byte counts; the rest
# is the last fragment), between (bytes to send after each fragment).
sub send
{
	my ($self, $payload, %opt) = @_;
	my $type = $opt{binary} ? 'binary' : 'text';
	my $bytes = '';

	utf8::encode($payload) if utf8::is_utf8($payload);
	for my $size (@{ $opt{fragments} // [] })
	{
		$bytes .= frame(substr($payload, 0, $size, ''), type => $type, last => 0)
		  . ($opt{between} // '');
		$type = 'continuation';
	}
	return $self->send_bytes($bytes . frame($payload, type => $type));
}

sub ping
{
	my ($self, $payload) = @_;

	return $self->send_bytes(frame($payload // '', type => 'ping'));
}

# The next message; undef at the end, or if none comes in time.  Options:
# timeout, all (also pings and pongs).
sub receive
{
	my ($self, %opt) = @_;
	my $end = time() + ($opt{timeout} // $self->{timeout});

	for (;;)
	{
		$self->{frames}->append($self->{buffer});
		$self->{buffer} = '';
		while (defined(my $payload = $self->{frames}->next_bytes))
		{
			my $kind = $self->{kind} = $kinds{ $self->{frames}->opcode };

			if ($kind eq 'close')
			{
				($self->{code}, $self->{reason}) = unpack 'n a*', $payload
				  if length $payload >= 2;
				return;
			}
			$self->send_bytes(frame($payload, type => 'pong'))
			  if $kind eq 'ping' && !$opt{silent};
			return $payload if $opt{all} || $kind =~ /text|binary/;
		}
		my $left = $end - time();
		return if $left <= 0;
		$self->fill($left) or return;
	}
}

# Send and return the answer.
sub request
{
	my ($self, $payload, %opt) = @_;

	$self->send($payload, %opt);
	return $self->receive;
}

# Say goodbye and wait until the other end has, too.
sub close
{
	my ($self, $code, $reason) = @_;

	$self->send_bytes(frame(pack('n a*', $code // 1000, $reason // ''), type => 'close'));
	return $self->wait_for_end;
}

# Wait until the connection has ended; false: it has not in time.  What comes
# meanwhile is dropped.
sub wait_for_end
{
	my ($self, $timeout) = @_;
	my $end = time() + ($timeout // $self->{timeout});

	until ($self->{ended})
	{
		my $left = $end - time();
		return 0 if $left <= 0;
		$self->receive(timeout => $left) // $self->fill($end - time());
	}
	return 1;
}

# Go without a word.
sub abandon
{
	my ($self) = @_;

	return CORE::close $self->{socket};
}

1;
