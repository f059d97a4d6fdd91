
=head1 NAME

QlmClock - a clock that stands still while the machine does

=head1 SYNOPSIS

  my $start = running_time();
  ...
  cmp_ok(running_time() - $start, '<', 1, 'soon');

=head1 DESCRIPTION

A test that something happens soon must not fail because a virtual machine was
paused, its clock was set, or others had all of its processors.  A process of
its own counts hundredths of a second by sleeping each of them, and where more
processes want to run than there are processors, each counts for the part that
one of them gets.  So a second of this clock is never shorter than a real one, and
longer on a machine that has no time for it.  Where something must not happen
early, time() is the clock.

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

my $processors = do
{
	open my $in, '<', '/proc/cpuinfo' or undef;
	my $n = $in ? grep { /^processor\s/ } <$in> : 0;
	$n || 1;
};

# The part of a processor that who wants one gets now
sub part
{
	my ($load) = @_;

	return 1 unless $load && sysseek($load, 0, SEEK_SET) && sysread($load, my $line, 100);
	my ($running) = $line =~ m{ (\d+)/};
	# This process is one of them.
	return $running && $running - 1 > $processors ? $processors / ($running - 1) : 1;
}

sub count
{
	my ($parent) = @_;
	my $seconds = 0;

	open my $load, '<', '/proc/loadavg' or undef;
	while (getppid() == $parent)
	{
		select undef, undef, undef, $BEAT;
		$seconds += $BEAT * part($load);
		sysseek $file, 0, SEEK_SET;
		syswrite $file, pack('d', $seconds);
	}
	POSIX::_exit(0);
}

# Started with the program, before it has connections that a child would keep.
sub begin
{
	my $parent = $$;
	my $pid;

	syswrite $file, pack('d', 0);
	$pid = fork() // die "cannot fork: $!";
	return if $pid;
	POSIX::close($_) for 0 .. 2;
	count($parent);
}

sub running_time
{
	open my $in, '<:raw', $file->filename or die $!;
	sysread $in, my $bytes, 8;
	return unpack 'd', $bytes;
}

begin();

1;
