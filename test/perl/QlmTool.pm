
=head1 NAME

QlmTool - what stands beside a node: tools and extensions of others

=head1 SYNOPSIS

  use QlmTool;

  plan skip_all => 'pgaudit is not installed' unless has_extension('pgaudit');
  my $repack = tool('pg_repack');          # its path, or undef

  my $writer = writer($node, 'Load');      # posts value after value
  ... VACUUM FULL ...
  my $last = $writer->finish;              # so many were acknowledged

=cut

package QlmTool;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use File::Temp qw(tempfile);
use POSIX ();
use PostgreSQL::Test::Utils;
use QlmTest;
use Time::HiRes qw(sleep);

our @EXPORT = qw(has_extension has_library tool writer);

sub config
{
	my ($what) = @_;

	chomp(my $dir = `pg_config --$what`);
	return $dir;
}

sub has_extension
{
	return -e config('sharedir') . "/extension/$_[0].control";
}

sub has_library
{
	return -e config('pkglibdir') . "/$_[0].so";
}

# The path of a program, among those of the server first
sub tool
{
	my ($name) = @_;

	for my $dir (config('bindir'), split /:/, $ENV{PATH})
	{
		return "$dir/$name" if -x "$dir/$name";
	}
	return;
}

# A process that posts the values 1, 2, 3 ... to OBJECT/x, each with a time of its own, until
# each is acknowledged; 503 and silence mean: again.
sub writer
{
	my ($node, $object) = @_;
	my ($handle, $file) = tempfile(UNLINK => 1);
	my $pid = fork() // die "fork: $!";

	return bless { pid => $pid, file => $file }, __PACKAGE__ if $pid;
	my $n = 0;
	my $stop = 0;
	$SIG{TERM} = sub { $stop = 1 };
	until ($stop)
	{
		my $at = POSIX::strftime('%Y-%m-%dT%H:%M:%S', gmtime(1_750_000_000 + $n)) . 'Z';
		my $answer = eval { post($node, write_envelope('M1b', "$object/x", $n + 1, at => $at)) };

		if ($answer && $answer->{status} == 200 && return_code($answer) == 200)
		{
			$n++;
			sleep(0.002);
		}
		else
		{
			sleep(0.05);
		}
	}
	print $handle $n;
	$handle->close;
	POSIX::_exit(0);
}

# End it; how many were acknowledged?
sub finish
{
	my ($self) = @_;

	kill 'TERM', $self->{pid};
	waitpid($self->{pid}, 0);
	return PostgreSQL::Test::Utils::slurp_file($self->{file});
}

1;
