# The unit tests of the pure layers, built with sanitizers and run without a
# server; and all fixtures and seeds through the fuzzers' checks.
use strict;
use warnings;

use File::Basename qw(basename dirname);
use QlmUnit;
use Test::More;

my $test = dirname(__FILE__) . '/..';
my $folder = unit_programs();

for my $program (sort glob("$folder/test_*"))
{
	my $name = basename($program);
	my @failed;
	my $passed = 0;

	open(my $output, '-|', $program) or die "$program: $!";
	while (my $line = <$output>)
	{
		$passed++ if $line =~ /^ok /;
		push @failed, $line if $line =~ /^(not ok|#)/;
	}
	close $output;
	is($?, 0, "$name: $passed tests passed") or diag(@failed);
	ok($passed > 0, "$name has tests");
}

my @fixtures = grep { -f } sort glob("$test/fixtures/* $test/fixtures/examples/*");
my $said = `$folder/fuzz_envelope @fixtures 2>&1`;
is($?, 0, @fixtures . ' fixtures are parsed and printed') or diag($said);

for my $seeds (sort glob("$test/fuzz/seeds/*"))
{
	my $target = basename($seeds);
	my @files = sort glob("$seeds/*");

	$said = `$folder/$target @files 2>&1`;
	is($?, 0, "$target: " . @files . ' seeds') or diag($said);
}

done_testing();
