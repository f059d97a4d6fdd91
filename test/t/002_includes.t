# The tree of the sources: the order of the layers, what each folder is for,
# where libraries may be used, that files lead one way, that each header has
# one source, what READMEs must name, and how long files and functions may get.
# Runs without a server.

use strict;
use warnings FATAL => 'all';

use File::Basename qw(basename dirname);
use File::Find;
use Test::More;

# The layers, the lowest first, with their folders.  A file may include headers
# of its own layer and of those before it.
my @tree = (
	base => 'what a C library for text, addresses, numbers and times would have; the bounds',
	xml => 'bytes to elements and text, with bounds; text to escaped XML',
	json => 'bytes to a tree of JSON, with bounds, and back',
	message => 'envelopes and O-DF as trees, whatever their dialect',
	'message/parse' => 'the parser: the events of XML to an envelope',
	'message/print' => 'an envelope to XML',
	'message/json' => 'the same from and to JSON',
	'message/csv' => 'payloads from and to CSV',
	'message/text' => 'the entry: a text to an envelope and back, be it XML or JSON',
	process => 'what the processes of a server share, and how they are woken',
	storage => 'all SQL',
	'storage/core' => 'prepared statements, rights, and what all tables need',
	'storage/planner' => 'how statements are planned',
	'storage/function' => 'functions of others that the node calls',
	'storage/validate' => 'what rows must be that plain SQL writes',
	'storage/object' => 'Objects and InfoItems: paths, ids, names, what they hold besides values',
	'storage/value' => 'values: written, ordered, deleted by age',
	'storage/write' => 'what messages write, into all tables',
	'storage/select' => 'what a request asks for, as rows',
	'storage/subscription' => 'who wants to be told of what, and what waits for a poll',
	'storage/outbox' => 'messages for others, and what became of them',
	'storage/partition' => 'the partitions of the values',
	'storage/peer' => 'other nodes, and how they are known',
	'storage/role' => 'roles of the server that peers and subscriptions name',
	'storage/replica' => 'dumps, replicas and copies: what holds where rows were made elsewhere',
	service => 'what a message does',
	'service/exchange' => 'what is run: who asks, with which rights, and what all parts need of that',
	'service/road' => 'the road of a message, from its bytes to its answer',
	'service/verbs' => 'one verb of a request a file',
	'service/subscribe' => 'what leaves for subscribers',
	'service/forward' => 'what is sent on to other nodes, and what comes back',
	'service/payload' => 'values in other forms than O-DF',
	'service/sql' => 'the functions of SQL',
	transport => 'bytes from and to the network; the server that has both HTTP and WebSockets',
	'transport/net' => 'descriptors: what is waited for, listened on, kept alive',
	'transport/http' => 'the HTTP server',
	'transport/client' => 'HTTP and WebSockets to other nodes',
	'transport/websocket' => 'frames, and the sockets of callers',
	'transport/coding' => 'compression, headers, forms, the handshake of WebSockets',
	worker => 'the background workers',
	'worker/launcher' => 'who starts the others',
	'worker/server' => 'who serves requests',
	'worker/dispatcher' => 'who posts what waits in the outbox',
	'worker/common' => 'what both need',
	'.' => 'the entry of the library');
my %purpose = @tree;
my @folders = map { $tree[ 2 * $_ ] } 0 .. $#tree / 2;
my @layers = grep { !m{/} } @folders;
my %rank = map { $layers[$_] => $_ } 0 .. $#layers;

# Units (a source and its header) that may include each other: the grammar's,
# which is recursive itself.
my %grammar = map { $_ => 1 } qw(message/parse/envelope_parse message/parse/verb_parse);

# Who may include what of others.
my @confined = (
	[ qr{^libxml/}, qr{^xml/}, 'libxml2' ],
	[ qr{^microhttpd\.h$}, qr{^transport/http/http_(server|connection|response)\.c$}, 'libmicrohttpd' ],
	[ qr{^zlib\.h$}, qr{^transport/coding/compress\.c$}, 'zlib' ],
	[ qr{^curl/}, qr{^transport/client/(http_operation|curl_multi)\.h$}, 'libcurl' ],
	[ qr{^executor/spi\.h$}, qr{^(storage|worker)/}, 'SPI' ],
	[ qr{^sys/socket\.h$|^netinet/|^netdb\.h$}, qr{^transport/}, 'sockets' ],
	[ qr{^pthread\.h$}, qr{^$}, 'threads' ]);

my $max_file = 800;
my $max_function = 60;

# Folders for which something is not yet so; what is mended leaves this list.
my %pending = map { chomp; $_ => 1 } grep { /\S/ } <DATA>;

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

	return $file =~ m{^([^/]+)/} ? $1 : '.';
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

# Whether there are none but in folders that are pending.
sub none_but_pending
{
	my ($kind, @found) = @_;
	my %seen;

	$seen{"$kind: " . ((split)[0] =~ s{/[^/]*$}{}r)} = 1 for @found;
	note "no longer so, take it out of the list: $_"
	  for sort grep { /^\Q$kind\E: / && !$seen{$_} } keys %pending;
	my ($old, $new) = (\my @old, \my @new);
	push @{ $pending{"$kind: " . ((split)[0] =~ s{/[^/]*$}{}r)} ? $old : $new }, $_
	  for @found;
	note "pending: $kind: $_" for @old;
	is(join("\n", @new), '', "no $kind");
}

# The members of all circles of a graph, which is sets of neighbours by name.
sub circular
{
	my ($graph) = @_;
	my (%index, %low, %waits, @stack, @found);
	my $visit;

	$visit = sub {
		my ($at) = @_;

		$index{$at} = $low{$at} = keys %index;
		push @stack, $at;
		$waits{$at} = 1;
		for my $to (sort keys %{ $graph->{$at} })
		{
			$visit->($to) if !exists $index{$to};
			$low{$at} = $low{$to} if $waits{$to} && $low{$to} < $low{$at};
		}
		return if $low{$at} != $index{$at};
		my @members;
		do
		{
			push @members, pop @stack;
			delete $waits{ $members[-1] };
		} while ($members[-1] ne $at);
		push @found, @members if @members > 1;
	};
	exists $index{$_} or $visit->($_) for sort keys %$graph;
	return sort @found;
}

# A source and its header are one unit, a/b of a/b.c and a/b.h.
sub unit
{
	return $_[0] =~ s/\.[ch]$//r;
}

# Who includes whom, of units and of folders.
sub graphs
{
	my ($contents) = @_;
	my (%units, %places);

	for my $file (sort keys %$contents)
	{
		my $from = unit($file);

		$units{$from} //= {};
		while ($contents->{$file} =~ /^\s*#\s*include\s+"([^"]+)"/mg)
		{
			my $to = unit($1);

			next if !exists $contents->{$1} || $to eq $from;
			$units{$from}{$to} = 1;
			$places{ dirname($from) }{ dirname($to) } = 1
			  if dirname($from) ne dirname($to);
		}
	}
	return (\%units, \%places);
}

# What a header promises: functions and variables.
sub promised
{
	my ($text) = @_;
	my @names;

	$text =~ s{/\*.*?\*/}{}sg;
	while ($text =~ /^(?:PGDLLEXPORT |QLM_NORETURN )*extern\s+([^;]+);/mg)
	{
		my $declaration = $1;

		push @names, $1
		  if $declaration =~ /(\w+)\s*\(/ || $declaration =~ /(\w+)\s*(?:\[.*)?$/s;
	}
	return @names;
}

# What a source defines for others, as names that begin lines or end their type.
sub defined_in
{
	my ($text) = @_;
	my @names;

	push @names, $1 while $text =~ /^(?!static)[\w *]+\n(\w+)\([^;{}]*\)\n\{/mg;
	push @names, $1
	  while $text =~ /^(?!static|extern|typedef|return|goto)\w[\w *]*?\b(\w+)\s*(?:\[[^\]]*\]\s*)?(?:=[^=].*|;)$/mg;
	return @names;
}

# Headers that promise what another source than their own defines.
sub headers_of_others
{
	my ($contents) = @_;
	my (%home, %bad);

	for my $file (grep { /\.c$/ } sort keys %$contents)
	{
		$home{$_} = $file for defined_in($contents->{$file});
	}
	for my $file (grep { /\.h$/ } sort keys %$contents)
	{
		for (promised($contents->{$file}))
		{
			$bad{"$file by $home{$_}"} = 1
			  if $home{$_} && unit($home{$_}) ne unit($file);
		}
	}
	return sort keys %bad;
}

# Complaints about the README of a folder.
sub bad_readme
{
	my ($folder, $text) = @_;
	my @bad;

	return "$folder/ has none" if !defined $text;
	push @bad, "$folder/ has more than a screen" if ($text =~ tr/\n//) > 60;
	for my $inside (grep { dirname($_) eq $folder && $_ ne '.' } @files, @folders)
	{
		my $name = basename(unit($inside));

		push @bad, "$folder/ does not name $name"
		  unless $text =~ /(?<![\w\/])\Q$name\E(?!\w)/;
	}
	while ($text =~ m{([\w/]+\.[ch])\b}g)
	{
		push @bad, "$folder/ names $1, which is not there"
		  unless -e "$src/$folder/$1" || -e "$src/$1" || -e "$src/../$1";
	}
	return @bad;
}

sub text_of
{
	my ($file) = @_;

	return -e "$src/$file" ? join('', lines_of($file)) : undef;
}

my %contents = map { $_ => text_of($_) } @files;
my ($units, $places) = graphs(\%contents);

none_but_pending('folder without a purpose',
	map { "$_/" } grep { !exists $purpose{$_} } sort keys %{ { map { dirname($_) => 1 } @files } });
none_but_pending('purpose without a folder', map { "$_/" } grep { !-d "$src/$_" } @folders);
none_but_pending('circle of files', grep { !$grammar{$_} } circular($units));
none_but_pending('circle of folders', map { "$_/" } circular($places));
none_but_pending('header of another source', headers_of_others(\%contents));
none_but_pending('folder without a right README', map { bad_readme($_, text_of("$_/README.md")) } grep { -d "$src/$_" } @folders);

done_testing();

__DATA__
