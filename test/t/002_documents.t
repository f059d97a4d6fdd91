# The documents: each section of docs/protocol.md that a comment names is there, and so
# is each file and heading that a link of the documentation leads to, and each file of the
# tree that is named.  The page of settings has each setting.  Runs without a server.

use strict;
use warnings FATAL => 'all';

use File::Basename qw(dirname);
use File::Find;
use Test::More;

my $top = dirname(__FILE__) . '/../..';

sub text_of
{
	my ($file) = @_;

	open my $handle, '<', "$top/$file" or die "$file: $!";
	local $/;
	return scalar <$handle>;
}

sub files_below
{
	my ($pattern, @folders) = @_;
	my @files;

	find({
			no_chdir => 1,
			wanted => sub { push @files, s{^\Q$top\E/}{}r if -f && $_ =~ $pattern; }
		},
		grep { -d } map { "$top/$_" } @folders);
	return sort @files;
}

# The headings of a page, as what stands behind '#' in a link to them.
sub anchors
{
	my ($text) = @_;
	my %anchors;

	$text =~ s/^```.*?^```//gms;
	for ($text =~ /^#+ +(.*)$/mg)
	{
		s/\[([^\]]*)\]\([^)]*\)/$1/g;
		s/[^\w\- ]//g;
		$anchors{ lc(s/ /-/gr) } = 1;
	}
	return \%anchors;
}

# Numbers in a text that refer to sections, as in "protocol 4.3, 4.4" and "protocol
# 7.2 to 7.4", also where a line of a comment ends between them.
sub sections_named
{
	my ($text) = @_;
	my $number = qr/\d+(?:\.\d+)*/;
	my $break = qr/\s+(?:(?:\*|--|#)\s+)?/;

	return map { /($number)/g } $text =~ /\bprotocol$break($number(?:(?:,|$break(?:and|to))$break$number)*)/g;
}

# What replaces numbers by something that nobody can look up
sub riddles
{
	my ($text) = @_;

	return grep { defined } $text =~ /(\bprotocol [\d.]+, point \d+|\bsection (?:\d|")|\bof the design\b)/g;
}

my %sections = map { $_ => 1 } text_of('docs/protocol.md') =~ /^#+ (\d+(?:\.\d+)*)\.? /mg;

cmp_ok(scalar keys %sections, '>', 50, 'docs/protocol.md has sections');
is_deeply([ sections_named("(protocol 4.3, 4.4) x\n * protocol\n * 7.2 to\n * 7.4.1, 9 times") ],
	[ '4.3', '4.4', '7.2', '7.4.1', '9' ], 'references are found');

subtest 'sections that are named' => sub {
	my $named = 0;

	for my $file (files_below(qr/\.([chly]|sql|md|t|pl|pm|sh)$/, 'src', 'sql', 'test'))
	{
		next if $file =~ /002_documents\.t$/;
		my $text = text_of($file);
		my @missing = grep { $named++; !$sections{$_} } sections_named($text);

		is(join(', ', @missing, riddles($text)), '', $file) if @missing || riddles($text);
	}
	cmp_ok($named, '>', 20, "$named references were looked up");
};

subtest 'links' => sub {
	my @pages = (grep({ -e "$top/$_" } 'README.md', 'CONTRIBUTING.md'),
		files_below(qr/\.md$/, 'docs', 'src', 'test', 'bench', 'demo'));
	my $followed = 0;

	for my $page (@pages)
	{
		my $text = text_of($page);
		my @broken;

		$text =~ s/^```.*?^```//gms;
		while ($text =~ /\]\(([^)#\s]*)(?:#([^)\s]+))?\)/g)
		{
			my ($path, $anchor) = ($1, $2);

			next if $path =~ /^\w+:/;
			my $file = $path eq '' ? $page : dirname($page) . "/$path";
			$followed++;
			push @broken, $path unless -e "$top/$file";
			push @broken, "$path#$anchor"
			  if defined $anchor && -e "$top/$file" && $file =~ /\.md$/ && !anchors(text_of($file))->{$anchor};
		}
		is(join(', ', @broken), '', $page);
	}
	cmp_ok($followed, '>', 100, "$followed links were followed");
};

# Is there a file or folder of this name, below the folder of the page or one above it?  In
# the pages of the tree a name stands for source and header.
sub is_there
{
	my ($name, $page) = @_;
	my @folders = ('', 'src/', 'test/t/');

	for (my $folder = dirname($page); $folder ne '.'; $folder = dirname($folder))
	{
		push @folders, "$folder/";
	}
	return grep { my $folder = $_; grep { -e "$top/$folder$name$_" } '', '.c', '.h' } @folders;
}

subtest 'files' => sub {
	my $looked_up = 0;

	for my $page (files_below(qr/\.md$/, 'docs', 'src'))
	{
		my $text = text_of($page) =~ s/^```.*?^```//gmsr;
		my @names = $page =~ /^src|architecture/ ? $text =~ m{`([a-z_0-9]+(?:/[a-z_0-9]+)*/[a-z_0-9.]*|[a-z_0-9/]+\.[ch])`}g : ();

		push @names, $text =~ /`(\d\d\d_\w+\.t)`/g;
		$looked_up += @names;
		is(join(', ', grep { !is_there($_, $page) } @names), '', $page) if @names;
	}
	cmp_ok($looked_up, '>', 100, "$looked_up names were looked up");
};

subtest 'settings' => sub {
	my %documented = map { $_ => 1 } map { /`(qlm\.\w+)`/g } text_of('docs/settings.md') =~ /^\| (`qlm\.[^|]*)\|/mg;
	my %defined = map { $_ => 1 }
	  map { text_of($_) =~ /DefineCustom\w+Variable\(\s*"(qlm\.\w+)"/g } files_below(qr/\.c$/, 'src');

	is_deeply([ sort keys %documented ], [ sort keys %defined ], 'docs/settings.md has those that there are');
	cmp_ok(scalar keys %defined, '>', 40, 'settings were found');
};

done_testing();
