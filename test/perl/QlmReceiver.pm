
=head1 NAME

QlmReceiver - an HTTP server that remembers what was posted to it

=head1 SYNOPSIS

  my $receiver = QlmReceiver->new(answer => 200);
  ... callback => $receiver->url ...
  my @bodies = $receiver->bodies(3);   # wait for three
  $receiver->stop; $receiver->start;   # on the same port
  $receiver->answer_with(500);         # or a body, or 'close', 'silent'

=head1 DESCRIPTION

The server is a process of its own, which writes each body into a file of a
folder that both share, and reads from another one how to answer.  A form is
remembered as the message in its field msg.

=cut

package QlmReceiver;

use strict;
use warnings FATAL => 'all';

use File::Temp;
use IO::Select;
use IO::Socket::INET;
use PostgreSQL::Test::Utils;
use QlmClock;
use QlmTest ();
use Time::HiRes qw(sleep time);

sub new
{
	my ($class, %opt) = @_;
	my $self = $class->create;

	$self->answer_with($opt{answer} // 200);
	$self->start unless $opt{stopped};
	return $self;
}

# One that has a port and a folder, and does not run yet
sub create
{
	my ($class, %more) = @_;

	return bless {
		port => QlmTest::free_port(),
		folder => File::Temp->newdir(),
		pid => undef,
		%more
	}, $class;
}

sub url
{
	my ($self, $path) = @_;

	return "http://127.0.0.1:$self->{port}" . ($path // '/callback');
}

# What it does from now on
sub be
{
	my ($self, $how) = @_;

	PostgreSQL::Test::Utils::append_to_file("$self->{folder}/how.new", $how);
	rename "$self->{folder}/how.new", "$self->{folder}/how" or die $!;
	return;
}

sub how
{
	my ($self) = @_;

	return PostgreSQL::Test::Utils::slurp_file("$self->{folder}/how");
}

# 'close': end the connection without an answer, 'close once': the next time; 'silent': say nothing; a
# number: that status with an empty body; else 200 with that body
sub answer_with
{
	my ($self, $how) = @_;

	$self->be($how);
	return;
}

# How often it has closed a connection in place of an answer
sub closed
{
	my ($self) = @_;

	return -s "$self->{folder}/closed" // 0;
}

sub start
{
	my ($self) = @_;
	my $listening = IO::Socket::INET->new(
		LocalAddr => '127.0.0.1', LocalPort => $self->{port},
		Listen => 100, ReuseAddr => 1)
	  or die "cannot listen on port $self->{port}: $!";

	$self->{pid} = fork() // die $!;
	if ($self->{pid} == 0)
	{
		$SIG{TERM} = 'DEFAULT';
		$SIG{PIPE} = 'IGNORE';
		eval { $self->serve($listening) };
		print STDERR "# receiver: $@";
		require POSIX;
		POSIX::_exit(1);
	}
	return;
}

sub stop
{
	my ($self) = @_;

	return unless $self->{pid};
	kill 'KILL', $self->{pid};
	waitpid $self->{pid}, 0;
	$self->{pid} = undef;
	return;
}

sub DESTROY
{
	my ($self) = @_;

	local $?;
	$self->stop;
	return;
}

# What has come of a kind, in order; with a number: wait for so many
sub kept
{
	my ($self, $kind, $n, $timeout) = @_;
	my $end = running_time() + ($timeout // 60 * $QlmTest::PATIENCE);
	my @files;

	for (;;)
	{
		@files = sort(grep { !/new$/ } glob("$self->{folder}/$kind.*"));
		last if @files >= ($n // 0) || running_time() > $end;
		sleep 0.02;
	}
	return map { PostgreSQL::Test::Utils::slurp_file($_) } @files;
}

my $count = 0;

sub keep
{
	my ($self, $kind, $text) = @_;
	my $name = sprintf '%s/%s.%014.3f.%06d', $self->{folder}, $kind, time(), ++$count;

	PostgreSQL::Test::Utils::append_to_file("$name.new", $text);
	rename "$name.new", $name or die $!;
	return;
}

# The bodies so far
sub bodies { my ($self, @args) = @_; return $self->kept('body', @args); }

sub forget
{
	my ($self) = @_;

	unlink glob "$self->{folder}/body.*";
	return;
}

# All connections in one process; bodies are numbered as they become complete.
sub serve
{
	my ($self, $listening) = @_;
	my $select = IO::Select->new($listening);
	my %buffers;

	for (;;)
	{
		for my $socket ($select->can_read)
		{
			if ($socket == $listening)
			{
				my $connection = $listening->accept or next;
				$select->add($connection);
				$buffers{$connection} = '';
				next;
			}
			my $n = sysread $socket, $buffers{$socket}, 65536, length $buffers{$socket};
			my $keep = $n;
			$keep = $self->take($socket, \$buffers{$socket})
			  while $keep && is_complete($buffers{$socket});
			next if $keep;
			$select->remove($socket);
			delete $buffers{$socket};
			close $socket;
		}
	}
	return;
}

sub body_length
{
	my ($buffer) = @_;

	return $buffer =~ /^(.*?\r\n\r\n)/s && $1 =~ /^Content-Length: *(\d+)/mi ? $1 : 0;
}

sub is_complete
{
	my ($buffer) = @_;

	return $buffer =~ /^(.*?\r\n\r\n)/s && length $buffer >= length($1) + body_length($buffer);
}

# The field msg of a form
sub decoded
{
	my ($body) = @_;

	$body =~ s/^msg=//;
	$body =~ s/%([0-9A-F]{2})/chr hex $1/ge;
	return $body;
}

# Keep one body and answer; false: the connection is to be closed.
sub take
{
	my ($self, $socket, $buffer) = @_;
	my ($head) = $$buffer =~ /^(.*?\r\n\r\n)/s;
	my $length = body_length($$buffer);
	my $body = substr $$buffer, length $head, $length;
	my $how = $self->how;

	$body = decoded($body) if $head =~ m{^Content-Type: application/x-www-form-urlencoded\r$}mi;
	substr $$buffer, 0, length($head) + $length, '';
	if ($how eq 'silent')
	{
		return 1;
	}
	PostgreSQL::Test::Utils::append_to_file("$self->{folder}/closed", 'x') if $how =~ /^close/;
	$self->be(200) if $how eq 'close once';
	return 0 if $how =~ /^close/;
	$self->keep('body', $body) unless $how =~ /^[345]\d\d$/;
	my $status = $how =~ /^\d\d\d$/ ? $how : 200;
	my $content = $how =~ /^\d\d\d$/ ? '' : $how;
	print $socket "HTTP/1.1 $status X\r\nContent-Length: " . length($content) . "\r\n\r\n$content";
	$socket->flush;
	return 1;
}

1;
