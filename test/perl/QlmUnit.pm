
=head1 NAME

QlmUnit - the unit tests of the pure layers, the fuzz targets and the client, built once

=head1 SYNOPSIS

  my $folder = unit_programs();     # dies if they cannot be built
  system("$folder/test_xml");

=head1 DESCRIPTION

What test/unit/build.sh builds takes half a minute of a processor.  Programs that
run beside each other share it: the first one builds it, the others wait.

=cut

package QlmUnit;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use Fcntl qw(LOCK_EX);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use Test::More;

our @EXPORT = qw(unit_programs);

sub unit_programs
{
	my $top = $ENV{TESTDATADIR} // 'tmp_check';
	my $folder = "$top/unit";
	my $build = dirname(__FILE__) . '/../unit/build.sh';

	make_path($top);
	open(my $lock, '>>', "$folder.lock") or die "$folder.lock: $!";
	flock $lock, LOCK_EX or die "$folder.lock: $!";
	unless (-e "$folder/built")
	{
		is(system($build, $folder), 0, 'the unit tests are built') or die 'no unit tests';
		open(my $built, '>', "$folder/built") or die "$folder/built: $!";
	}
	close $lock;
	return $folder;
}

1;
