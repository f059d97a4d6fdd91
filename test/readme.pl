#!/usr/bin/perl
# Types what README.md says, in its order, as somebody would who has just got a
# machine: installs, asks, posts and looks, and compares what is printed with
# what the page shows.  For a machine that may be thrown away: test/fresh.sh.
#
# usage: test/readme.pl README.md
use strict;
use warnings FATAL => 'all';

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use lib dirname(abs_path(__FILE__)) . '/perl';
use QlmReadme;

my $page = shift // die "usage: test/readme.pl README.md\n";
my $folder = tempdir(CLEANUP => 1);
my $failed = 0;
my $played = 0;
my %ids;

# What the shell prints, and how it ends
sub typed
{
	my ($command, $place) = @_;

	open(my $script, '>', "$folder/typed") or die "$folder/typed: $!";
	print $script $command;
	close $script;
	my $output = `cd '$place' && bash -e '$folder/typed' 2>&1 </dev/null`;
	return ($output, $? >> 8);
}

sub in_psql
{
	my ($statement) = @_;

	open(my $script, '>', "$folder/statement") or die "$folder/statement: $!";
	print $script $statement;
	close $script;
	return typed("sudo -u postgres psql -v ON_ERROR_STOP=1 <'$folder/statement'", '/');
}

# A reader needs some seconds to look at the next line.
sub wait_for_node
{
	for (1 .. 50)
	{
		return if system('curl -fs -o /dev/null localhost:8090/health') == 0;
		select(undef, undef, undef, 0.2);
	}
	print "# the node does not answer\n";
	return;
}

sub report
{
	my ($good, $what, $output, $shown) = @_;

	$played++;
	$what =~ s/\n.*//s;
	print $good ? "ok - $what\n" : "not ok - $what\n";
	return if $good;
	$failed++;
	print "# it printed:\n$output";
	print "# and the page shows:\n$shown" if defined $shown;
	return;
}

for my $block (blocks($page))
{
	if ($block->{section} eq 'Install' && $block->{language} eq 'sh')
	{
		my ($output, $status) = typed($block->{text}, '.');

		report($status == 0, $block->{text}, $output);
		wait_for_node() if $block->{text} =~ /CREATE EXTENSION/;
	}
	for my $command ($block->{language} eq '' ? commands($block) : ())
	{
		my $text = $command->{text} =~ s/(\d{6,})/$ids{$1} \/\/ $1/ger;
		my ($output, $status) =
		  $command->{prompt} eq '$' ? typed($text, $folder) : in_psql($text);

		report($status == 0 && matches($output, $command->{output}, \%ids),
			$text, $output, $command->{output});
	}
}
die "nothing was played\n" if !$played;
print $played - $failed, " passed, $failed failed\n";
exit($failed != 0);
