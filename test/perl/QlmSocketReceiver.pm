
=head1 NAME

QlmSocketReceiver - a WebSocket server that remembers what was pushed to it

=head1 SYNOPSIS

  my $receiver = QlmSocketReceiver->new;
  ... callback => $receiver->url ...
  my @messages = $receiver->messages(3);   # wait for three
  $receiver->stop; $receiver->start;       # on the same port
  $receiver->be('silent');

=head1 DESCRIPTION

A receiver as QlmReceiver is one, but for WebSockets.  It does what its latest order says:

  pong             answers pings, and sends nothing else
  answer           answers no pings, and each message with a response
  say CODE         as pong, and answers each message with that return code
  greet            as pong, after a message of its own to each connection
  silent           neither reads nor answers; connections are taken
  deaf             reads, and answers nothing
  close CODE       closes with that code when a message comes, without keeping it
  cut              the same, but ends the connection without a word
  refuse STATUS    answers the upgrade with an HTTP status
  wrong            answers it with a hash that does not fit

Frames are those of Protocol::WebSocket.  With C<< tls => [key, cert] >> (files) it speaks
TLS.

=cut

package QlmSocketReceiver;

use strict;
use warnings FATAL => 'all';

use Digest::SHA qw(sha1_base64);
use IO::Select;
use parent 'QlmReceiver';
use Protocol::WebSocket::Frame;
use Time::HiRes qw(sleep);

my %kinds = (1 => 'text', 2 => 'binary', 8 => 'close', 9 => 'ping', 10 => 'pong');

sub new
{
	my ($class, %opt) = @_;
	my $self = $class->create(tls => $opt{tls});

	$self->be($opt{be} // 'pong');
	$self->start unless $opt{stopped};
	return $self;
}

sub url
{
	my ($self, $path) = @_;

	return ($self->{tls} ? 'wss' : 'ws') . "://127.0.0.1:$self->{port}" . ($path // '/push');
}

# Messages; heads of the upgrades, one for each connection; codes of closes
sub messages { my ($self, @args) = @_; return $self->kept('message', @args); }
sub heads { my ($self, @args) = @_; return $self->kept('head', @args); }
sub closes { my ($self, @args) = @_; return $self->kept('close', @args); }

sub say_frame
{
	my ($socket, $type, $payload) = @_;

	print $socket Protocol::WebSocket::Frame->new(
		buffer => $payload, type => $type, masked => 0, max_payload_size => 0)->to_bytes;
	$socket->flush;
	return;
}

# Answer the upgrade; false: the connection is over.
sub open_socket
{
	my ($self, $socket, $head) = @_;
	my ($how, $argument) = split / /, $self->how;
	my ($key) = $head =~ /^Sec-WebSocket-Key: (\S+)\r$/mi;

	$self->keep('head', $head);
	if ($how eq 'refuse')
	{
		print $socket "HTTP/1.1 $argument X\r\nContent-Length: 0\r\n\r\n";
		$socket->flush;
		return 0;
	}
	$key .= 'x' if $how eq 'wrong';
	my $accept = sha1_base64($key . '258EAFA5-E914-47DA-95CA-C5AB0DC85B11') . '=';
	print $socket "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Accept: $accept\r\n\r\n";
	$socket->flush;
	say_frame($socket, 'text', '<omiEnvelope version="1.0" ttl="0"><read/></omiEnvelope>') if $how eq 'greet';
	return 1;
}

# One frame; false: the connection is over.
sub take
{
	my ($self, $socket, $kind, $payload) = @_;
	my ($how, $argument) = split / /, $self->how;

	if ($kind eq 'ping')
	{
		say_frame($socket, 'pong', $payload) if $how =~ /^(pong|greet|say)$/;
		return 1;
	}
	if ($kind eq 'close')
	{
		$self->keep('close', length $payload ? unpack('n', $payload) : 'none');
		say_frame($socket, 'close', $payload);
		return 0;
	}
	return 1 if $kind eq 'pong';
	if ($how eq 'close')
	{
		say_frame($socket, 'close', pack('n a*', $argument, 'so it is'));
		return 1;
	}
	return 0 if $how eq 'cut';
	$self->keep('message', $payload);
	say_frame($socket, 'text', '<omiEnvelope version="1.0" ttl="0"><response><result><return returnCode="200"/></result></response></omiEnvelope>')
	  if $how eq 'answer';
	say_frame($socket, 'text', qq{<omiEnvelope version="1.0" ttl="0"><response><result><return returnCode="$argument" description="as told"/></result></response></omiEnvelope>})
	  if $how eq 'say';
	return 1;
}

# What has come on one connection; false: it is over.
sub advance
{
	my ($self, $connection) = @_;
	my $socket = $connection->{socket};

	if (!$connection->{is_open})
	{
		return 1 unless $connection->{buffer} =~ s/^(.*?\r\n\r\n)//s;
		$connection->{is_open} = 1;
		return 0 unless $self->open_socket($socket, $1);
	}
	$connection->{frames}->append($connection->{buffer});
	$connection->{buffer} = '';
	while (defined(my $payload = $connection->{frames}->next_bytes))
	{
		my $frame = $connection->{frames};
		die "a frame of a client is not masked\n" unless $frame->masked;
		return 0 unless $self->take($socket, $kinds{ $frame->opcode }, $payload);
	}
	return 1;
}

sub accept_one
{
	my ($self, $listening) = @_;

	return $listening->accept unless $self->{tls};
	require IO::Socket::SSL;
	my $socket = $listening->accept or return;
	return IO::Socket::SSL->start_SSL($socket, SSL_server => 1, Timeout => 5,
		SSL_key_file => $self->{tls}[0], SSL_cert_file => $self->{tls}[1]);
}

sub serve
{
	my ($self, $listening) = @_;
	my $select = IO::Select->new($listening);
	my %connections;

	for (;;)
	{
		if ($self->how eq 'silent')
		{
			sleep 0.02;
			next;
		}
		for my $socket ($select->can_read(0.05))
		{
			if ($socket == $listening)
			{
				my $new = $self->accept_one($listening) or next;
				$select->add($new);
				$connections{$new} = { socket => $new, buffer => '',
					frames => Protocol::WebSocket::Frame->new(max_payload_size => 0, max_fragments_amount => 0) };
				next;
			}
			my $connection = $connections{$socket};
			my $n;
			do
			{
				$n = sysread $socket, $connection->{buffer}, 65536, length $connection->{buffer};
			} while ($n && $self->{tls} && $socket->pending);
			next if $n && $self->advance($connection);
			$select->remove($socket);
			delete $connections{$socket};
			close $socket;
		}
	}
	return;
}

1;
