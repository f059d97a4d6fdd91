# The scripts of the extension and docs/sql.md: each table, view, sequence, type and
# function is in both, and parts for new nodes alone are marked so that an upgrade can
# leave them out.  Runs without a server.

use strict;
use warnings FATAL => 'all';

use File::Basename qw(basename dirname);
use Test::More;

my $top = dirname(__FILE__) . '/../..';

sub text_of
{
	my ($file) = @_;

	open my $handle, '<', $file or die "$file: $!";
	local $/;
	return scalar <$handle>;
}

my @files = sort glob("$top/sql/install/*.sql");
my $install = join '', map { text_of($_) } @files;
my $page = text_of("$top/docs/sql.md");

# Names in the first column of the tables of a section, up to the next one.
sub documented
{
	my ($heading) = @_;
	my ($section) = $page =~ /^\Q$heading\E\n(.*?)(?=^##+ |\z)/ms;

	ok(defined $section, "docs/sql.md has a section '$heading'");
	return map { /`(?:qlm\.)?(\w+)(?:\([^`]*\))?`/g } map { (split /\|/)[1] // '' } grep { /^\|/ } split /\n/, $section // '';
}

sub same_names
{
	my ($what, $made, $documented) = @_;
	my %made = map { $_ => 1 } @$made;
	my %documented = map { $_ => 1 } @$documented;

	cmp_ok(scalar keys %made, '>', 20, "the scripts make $what");
	is(join(' ', grep { !$documented{$_} } sort keys %made), '', "docs/sql.md knows all $what");
	is(join(' ', grep { !$made{$_} } sort keys %documented), '', "and no others");
}

same_names('relations and types', [ $install =~ /^CREATE (?:OR REPLACE )?(?:TABLE|VIEW|SEQUENCE|TYPE) qlm\.(\w+)/mg ],
	[ documented('## Tables and views, in schema `qlm`') ]);
same_names('functions', [ $install =~ /^CREATE OR REPLACE FUNCTION (?:qlm|\@extschema\@)\.(\w+)/mg ], [ documented('## Functions') ]);

for my $file (@files)
{
	my $name = basename($file);
	my $text = text_of($file);
	my ($new, @bad) = (0);

	for my $line (split /\n/, $text)
	{
		if ($line eq '-- A new node only' || $line eq '-- Every node')
		{
			push @bad, "'$line' comes twice" if $new == ($line eq '-- A new node only');
			$new = $line eq '-- A new node only';
		}
		push @bad, $line if $line =~ /^CREATE (?:FUNCTION|VIEW|TRIGGER)\b/;
		push @bad, $line if $new && $line =~ /^(?:COMMENT|GRANT|CREATE OR REPLACE)\b/;
	}
	push @bad, 'the last mark is not closed' if $new;
	is(join("\n", @bad), '', "$name: an upgrade can run what is not for new nodes alone");
}

my $readme = text_of("$top/sql/install/README.md");
is(join(' ', grep { !/^0[0-6]_|^8[0-6]_/ && index($readme, "`$_`") < 0 } map { basename($_, '.sql') } @files), '', 'sql/install/README.md knows all files');
done_testing();
