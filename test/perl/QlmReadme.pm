
=head1 NAME

QlmReadme - plays what a page of the documentation tells to type

=head1 SYNOPSIS

  use QlmReadme;

  for my $block (blocks('README.md'))
  {
      print "$block->{section}: $block->{language}\n$block->{text}";
      for my $command (commands($block))
      {
          ...                            # $command->{prompt}, {text}, {output}
      }
  }

=head1 DESCRIPTION

A block of code that begins with a prompt, C<$> of a shell or C<postgres=#> of
psql, shows commands and what they print.  A here-document belongs to its
command, and so does what follows a quote that is still open.

Outputs are compared by what does not change: C<matches> takes any time for any
other, and any number of six digits or more for the one that the page shows in
its place, from then on everywhere.

=cut

package QlmReadme;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';

our @EXPORT = qw(blocks commands matches);

# All blocks of code: section, language, text.
sub blocks
{
	my ($file) = @_;
	my ($section, $block, @blocks) = ('');

	open(my $page, '<', $file) or die "$file: $!";
	while (my $line = <$page>)
	{
		if ($block)
		{
			if ($line =~ /^```/)
			{
				push @blocks, $block;
				undef $block;
			}
			else
			{
				$block->{text} .= $line;
			}
		}
		elsif ($line =~ /^```(\w*)/)
		{
			$block = { section => $section, language => $1, text => '' };
		}
		elsif ($line =~ /^#+ (.*)/)
		{
			$section = $1;
		}
	}
	close $page;
	return @blocks;
}

# The commands of a block with prompts, or nothing.
sub commands
{
	my ($block) = @_;
	my (@commands, $here);

	for my $line (split /^/, $block->{text})
	{
		my $command = $commands[-1];

		if (defined $here)
		{
			$command->{text} .= $line;
			undef $here if $line eq "$here\n";
		}
		elsif ($line =~ /^(\$|postgres=#) (.*)/s)
		{
			push @commands, { prompt => $1, text => $2, output => '' };
			$here = $1 if $2 =~ /<<'(\w+)'/;
		}
		elsif (!$command)
		{
			return;
		}
		elsif (($command->{text} =~ tr/'//) % 2)
		{
			$command->{text} .= $line;
		}
		else
		{
			$command->{output} .= $line;
		}
	}
	return @commands;
}

# Without what differs from run to run, or is only as wide as something else is.
sub steady
{
	my ($text) = @_;

	$text =~ s/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d(:?\d\d)?)?/TIME/g;
	$text =~ s/\b\d{10}(\.\d+)?(?=[,"}])/TIME/g;
	$text =~ s/ttl="3[56]\d\d"/ttl="HOUR"/g;
	$text =~ s/^\(\d+ rows?\)$//mg;
	$text =~ s/-{2,}/--/g;
	$text =~ s/[ \t]+/ /g;
	$text =~ s/ *\n\s*/\n/g;
	$text =~ s/^\s+|\s+$//g;
	return $text;
}

# Is this output like that of the page?  Ids of this run are noted in the hash,
# by those of the page.
sub matches
{
	my ($got, $shown, $ids) = @_;
	my @got = split /(\d{6,})/, steady($got);
	my @shown = split /(\d{6,})/, steady($shown);

	return 0 if @got != @shown;
	for my $i (0 .. $#got)
	{
		$ids->{ $shown[$i] } //= $got[$i] if $i % 2;
		return 0 if $got[$i] ne ($i % 2 ? $ids->{ $shown[$i] } : $shown[$i]);
	}
	return 1;
}

1;
