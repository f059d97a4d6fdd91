
=head1 NAME

QlmClock - a clock that stands still while the machine does

=head1 SYNOPSIS

  my $start = running_time();
  ...
  cmp_ok(running_time() - $start, '<', 1, 'soon');

=head1 DESCRIPTION

A test that something happens soon must not fail because a virtual machine was
paused, its clock was set, or others had all of its processors.  A process of
its own counts hundredths of a second by sleeping each of them, so a second of
this clock is never shorter than a real one, and longer on a machine that has
no time for it.  Where something must not happen early, time() is the clock.

=cut

package QlmClock;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use Fcntl qw(SEEK_SET);
use File::Temp;
use POSIX ();

our @EXPORT = qw(running_time);

my $BEAT = 0.01;
my $file = File::Temp->new;

sub count
{
	my ($parent) = @_;

	for (my $n = 1; getppid() == $parent; $n++)
	{
		select undef, undef, undef, $BEAT;
		sysseek $file, 0, SEEK_SET;
		syswrite $file, pack('Q', $n);
	}
	POSIX::_exit(0);
}

# Started with the program, before it has connections that a child would keep.
sub begin
{
	my $parent = $$;
	my $pid;

	syswrite $file, pack('Q', 0);
	$pid = fork() // die "cannot fork: $!";
	return if $pid;
	POSIX::close($_) for 0 .. 2;
	count($parent);
}

sub running_time
{
	open my $in, '<:raw', $file->filename or die $!;
	sysread $in, my $bytes, 8;
	return $BEAT * unpack 'Q', $bytes;
}

begin();

1;
