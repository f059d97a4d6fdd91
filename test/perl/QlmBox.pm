
=head1 NAME

QlmBox - a box on the way to a port, which ends what is silent for too long

=head1 SYNOPSIS

  my $box = QlmBox->new($port, after => 4, how => 'html');   # clients call $box->{port}
  my @waits = $box->asked;    # the seconds of each Prefer: wait=N so far
  my $n = $box->cuts;
  $box->stop;

=head1 DESCRIPTION

A process of its own passes bytes on.  A request whose answer does not come within
C<after> seconds ends as C<how> says:

  close     both connections are closed without a word
  504       by status 504, and both connections are closed
  html      by a page with status 504, as proxies have them
  keep      the same, but the connection to the port stays: it is never heard of again
  forget    nobody is told, and nothing that is sent on these connections arrives, as
            behind an address translation; also where no request is under way
  502       by status 502

=cut

package QlmBox;

use strict;
use warnings FATAL => 'all';

use File::Temp ();
use IO::Select;
use IO::Socket::INET;
use POSIX ();
use PostgreSQL::Test::Utils;
use Time::HiRes qw(time);

my $page = "<html><head><title>Time-out</title></head>\n<body><h1>504 Gateway Time-out</h1>\nThe server didn't respond in time.\n</body></html>\n";

sub new
{
	my ($class, $to, %opt) = @_;
	my $listening = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 200, ReuseAddr => 1)
	  or die "cannot listen: $!";
	my $self = bless {
		port => $listening->sockport,
		listening => $listening,
		to => $to,
		after => $opt{after},
		how => $opt{how},
		log => File::Temp->new,
		owner => $$
	}, $class;

	$self->{pid} = fork() // die $!;
	if ($self->{pid} == 0)
	{
		$SIG{TERM} = 'DEFAULT';
		$SIG{PIPE} = 'IGNORE';
		eval { $self->serve };
		print STDERR "# box: $@";
		POSIX::_exit(1);
	}
	close $listening;
	return $self;
}

sub note
{
	my ($self, $line) = @_;

	return append_to_file("$self->{log}", "$line\n");
}

sub asked
{
	my ($self) = @_;

	my @seconds = slurp_file("$self->{log}") =~ /^asked (\d+)$/mg;

	return @seconds;
}

sub cuts
{
	my ($self) = @_;

	return scalar(() = slurp_file("$self->{log}") =~ /^cut$/mg);
}

sub stop
{
	my ($self) = @_;

	return unless $self->{owner} == $$ && $self->{pid};
	kill 'KILL', $self->{pid};
	waitpid $self->{pid}, 0;
	delete $self->{pid};
	return;
}

sub DESTROY
{
	my ($self) = @_;

	local $?;
	$self->stop;
	return;
}

# Let go of one end of a pair: it is closed unless it is to stay.
sub end
{
	my ($self, $socket, $stays) = @_;

	$self->{select}->remove($socket);
	delete $self->{pairs}{ fileno $socket };
	if ($stays) { push @{ $self->{kept} }, $socket; }
	else { close $socket; }
	return;
}

sub end_pair
{
	my ($self, $pair, $server_stays) = @_;

	$self->end($pair->{client});
	$self->end($pair->{server}, $server_stays) if $pair->{server};
	return;
}

sub take
{
	my ($self) = @_;
	my $client = $self->{listening}->accept or return;
	my $server = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{to});

	if (!$server)
	{
		close $client;
		return;
	}
	my $pair = { client => $client, server => $server, at => time() };
	for my $socket ($client, $server)
	{
		$self->{select}->add($socket);
		$self->{pairs}{ fileno $socket } = $pair;
	}
	return;
}

sub pass
{
	my ($self, $socket) = @_;
	my $pair = $self->{pairs}{ fileno $socket };
	my $from_client = $socket == $pair->{client};
	my $bytes = '';

	if (!sysread $socket, $bytes, 65536)
	{
		return $self->{select}->remove($socket) if $pair->{forgotten};
		return $self->end_pair($pair);
	}
	return if $pair->{forgotten};
	$self->note("asked $1") if $from_client && $bytes =~ /^Prefer: wait=(\d+)\r$/m;
	$pair->{asks} = $from_client;
	$pair->{at} = time();
	my $to = $from_client ? $pair->{server} : $pair->{client};
	while (length $bytes)
	{
		my $n = syswrite $to, $bytes or return $self->end_pair($pair);
		substr $bytes, 0, $n, '';
	}
	return;
}

# It has been silent for too long.
sub cut
{
	my ($self, $pair) = @_;
	my $how = $self->{how};

	$self->note('cut');
	if ($how eq 'forget')
	{
		$pair->{forgotten} = 1;
		return;
	}
	if ($how ne 'close')
	{
		my $status = $how eq '502' ? '502 Bad Gateway' : '504 Gateway Time-out';
		my $body = $how eq 'html' || $how eq 'keep' ? $page : '';

		syswrite $pair->{client}, "HTTP/1.1 $status\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: " . length($body) . "\r\n\r\n$body";
	}
	return $self->end_pair($pair, $how eq 'keep');
}

sub serve
{
	my ($self) = @_;

	$self->{select} = IO::Select->new($self->{listening});
	$self->{pairs} = {};
	$self->{kept} = [];
	for (;;)
	{
		for my $socket ($self->{select}->can_read(0.02))
		{
			if ($socket == $self->{listening}) { $self->take; }
			elsif (defined fileno $socket) { $self->pass($socket); }
		}
		my %pairs = map { $_ => $_ } values %{ $self->{pairs} };
		for my $pair (values %pairs)
		{
			next if $pair->{forgotten} || time() < $pair->{at} + $self->{after};
			$self->cut($pair) if $pair->{asks} || $self->{how} eq 'forget';
		}
	}
	return;
}

1;
