
=head1 NAME

QlmTemplate - data directories that are copied in place of running initdb

=head1 SYNOPSIS

  my $node = PostgreSQL::Test::Cluster->new('main');
  init_node($node);                               # as $node->init
  init_node($node, allows_streaming => 1);

=head1 DESCRIPTION

All nodes of the tests are in UTF-8 and without a locale.  test/run.sh lets initdb
make some data directories so, in the folder that QLM_TEMPLATES names: initdb takes
longer than most tests.  Each node of a program gets a copy of another one, as nodes
know themselves by their system identifiers.  Where there is none left, with further
options of initdb in C<extra>, and without QLM_TEMPLATES, initdb is run.

=cut

package QlmTemplate;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use PostgreSQL::Test::Utils;

our @EXPORT = qw(init_node);

# The data directory that a command of initdb names
sub folder_of
{
	my (@command) = @_;

	for my $i (1 .. $#command - 1)
	{
		return $command[ $i + 1 ] if $command[$i] =~ /^(?:-D|--pgdata)$/;
	}
	die "initdb without a folder: @command";
}

my $nodes = 0;

sub init_node
{
	my ($node, %opt) = @_;
	my @extra = ('--encoding=UTF8', '--no-locale', @{ delete $opt{extra} // [] });
	my $template = ($ENV{QLM_TEMPLATES} // '') . '/' . ++$nodes;
	my $is_copied = @extra == 2 && -d $template;
	my $run = \&PostgreSQL::Test::Utils::system_or_bail;

	no warnings 'redefine';
	local *PostgreSQL::Test::Utils::system_or_bail = sub {
		my (@command) = @_;

		@command = ('cp', '-R', '-p', $template, folder_of(@command)) if $is_copied && $command[0] eq 'initdb';
		return $run->(@command);
	};
	return $node->init(extra => \@extra, %opt);
}

1;
