# The order of the layers, where libraries may be used, and how long files and
# functions may get.  Runs without a server.

use strict;
use warnings FATAL => 'all';

use File::Basename qw(basename dirname);
use File::Find;
use Test::More;

# A file may include headers of its own layer and of those before it.
my @layers = qw(base xml message storage service process transport worker main);
my %rank = map { $layers[$_] => $_ } 0 .. $#layers;

# Who may include what of others.
my @confined = (
	[ qr{^libxml/}, qr{^xml/}, 'libxml2' ],
	[ qr{^microhttpd\.h$}, qr{^transport/http/http_(server|connection|response)\.c$}, 'libmicrohttpd' ],
	[ qr{^zlib\.h$}, qr{^transport/coding/compress\.c$}, 'zlib' ],
	[ qr{^curl/}, qr{^transport/client/http_operation\.h$}, 'libcurl' ],
	[ qr{^executor/spi\.h$}, qr{^(storage|process|worker)/}, 'SPI' ],
	[ qr{^sys/socket\.h$|^netinet/|^netdb\.h$}, qr{^transport/}, 'sockets' ],
	[ qr{^pthread\.h$}, qr{^$}, 'threads' ]);

my $max_file = 800;
my $max_function = 60;

my $src = dirname(__FILE__) . '/../../src';
my @files;

find({
		no_chdir => 1,
		wanted => sub {
			push @files, $File::Find::name =~ s{^\Q$src\E/}{}r if /\.[ch]$/;
		}
	},
	$src);

sub layer
{
	my ($file) = @_;

	return $file =~ m{^([^/]+)/} ? $1 : 'main';
}

sub lines_of
{
	my ($file) = @_;

	open my $handle, '<', "$src/$file" or die "$file: $!";
	my @lines = <$handle>;
	close $handle;
	return @lines;
}

# Complaints about what a file includes.
sub bad_includes
{
	my ($file, @lines) = @_;
	my @bad;

	for (@lines)
	{
		my ($header) = /^\s*#\s*include\s+[<"]([^>"]+)[>"]/ or next;
		if (-e "$src/$header")
		{
			my ($from, $to) = map { $rank{ layer($_) } } $file, $header;
			push @bad, "$header is of a later layer" if $to > $from;
		}
		for (@confined)
		{
			my ($pattern, $where, $what) = @$_;
			push @bad, "$what ($header) does not belong here"
			  if $header =~ $pattern && $file !~ $where;
		}
	}
	return @bad;
}

# Complaints about SQL outside of storage; processes may connect to SPI, as
# transactions are theirs.
sub misplaced_sql
{
	my ($file, @lines) = @_;

	return () if layer($file) eq 'storage';
	return map { "$_ does not belong here" }
	  map { /\b(SPI_(?:exec|prepare|cursor|keepplan)\w*)/ } @lines;
}

# Complaints about functions, which begin and end with a brace in column one.
sub long_functions
{
	my @lines = @_;
	my ($start, $name, @bad);

	for my $i (0 .. $#lines)
	{
		if ($lines[$i] =~ /^\{/ && $i && $lines[ $i - 1 ] =~ /\)\s*$/)
		{
			my $j = $i - 1;
			$j-- while $j > 0 && $lines[$j] !~ /^\w+\(/;
			($name) = $lines[$j] =~ /^(\w+)/;
			$start = $i;
		}
		elsif ($lines[$i] =~ /^\}/ && defined $start)
		{
			my $n = $i - $start - 1;
			push @bad, "$name has $n lines" if $n > $max_function;
			undef $start;
		}
	}
	return @bad;
}

cmp_ok(scalar @files, '>', 20, 'sources found');

for my $file (sort @files)
{
	my @lines = lines_of($file);
	my $layer = layer($file);
	my @bad;

	push @bad, "no layer is called $layer" unless exists $rank{$layer};
	push @bad, bad_includes($file, @lines) if exists $rank{$layer};
	push @bad, misplaced_sql($file, @lines);
	push @bad, 'it has ' . @lines . ' lines' if @lines > $max_file;
	push @bad, long_functions(@lines) if $file =~ /\.c$/;
	push @bad, 'the first comment does not begin with its name'
	  unless join('', @lines[ 0 .. 1 ]) =~ m{^/\*\n \* \Q${\basename($file)}\E$}m;
	is(join("\n", @bad), '', $file);
}

done_testing();
