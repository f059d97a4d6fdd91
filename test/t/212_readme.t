# What README.md tells to type after "Install" works as it stands, line by line, and
# prints what the page shows; what it says of two nodes works between two databases.
# test/fresh.sh plays the page with its installation, on a machine that has nothing.
use strict;
use warnings FATAL => 'all';

use File::Temp qw(tempdir);
use PostgreSQL::Test::Utils;
use QlmReadme;
use QlmTest;
use Test::More;

my @blocks = blocks("$ENV{TESTDIR}/README.md");
my $folder = tempdir(CLEANUP => 1);
my %ports = (inside => free_port(), outside => free_port());

# The settings are those of the page, but for the names of databases.
my ($settings) = map { $_->{text} =~ /<<'END'\n(.*?)^END$/ms ? $1 : () } @blocks;
like($settings, qr/^shared_preload_libraries = 'qlm'/m, 'the page has settings');
my $node = qlm_node('readme',
	databases => join(', ', 'postgres', map { "$_:$ports{$_}" } sort keys %ports),
	conf => "qlm.http_workers = 1\n" . $settings =~ s/^(shared_preload_libraries|qlm\.databases) .*\n//gmr);

wait_for_http($node, port => $ports{$_}) for keys %ports;

# What the shell prints; the page's node has the default port.
sub typed
{
	my ($command) = @_;

	open(my $script, '>', "$folder/typed") or die "$folder/typed: $!";
	print $script $command =~ s/localhost:8090/127.0.0.1:$node->{qlm_port}/gr;
	close $script;
	my $output = `cd '$folder' && bash -e ./typed 2>&1 </dev/null`;
	return ($output, $?);
}

# What psql prints, and how it ends
sub in_psql
{
	my ($database, $statements) = @_;
	my ($output, $error);
	my $psql = [ 'psql', '-X', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($database), '-f', '-' ];

	IPC::Run::run($psql, '<', \$statements, '>', \$output, '2>', \$error);
	return ($output . $error, $?);
}

my %ids;
my $played = 0;

for my $command (map { $_->{language} eq '' ? commands($_) : () } @blocks)
{
	my $text = $command->{text} =~ s/(\d{6,})/$ids{$1} \/\/ $1/ger;
	my ($output, $status) = $command->{prompt} eq '$' ? typed($text) : in_psql('postgres', $text);
	my ($first) = $text =~ /^(.*)/;

	is($status, 0, "it works: $first");
	ok(matches($output, $command->{output}, \%ids), '... and prints what the page shows')
	  or diag("it printed:\n$output\nand the page shows:\n$command->{output}");
	$played++;
}
ok($played > 8, "$played commands were played");

# Statements without output are for two nodes: one outside, one inside, outside again.
my @statements = map { $_->{text} } grep { $_->{language} eq 'sql' } @blocks;

is(@statements, 3, 'three steps of two nodes');
$statements[1] =~ s{plant\.example:8090}{127.0.0.1:$ports{outside}} or die 'the page has no address';
for my $step (map { [ ($_ == 1 ? 'inside' : 'outside'), $statements[$_] ] } 0 .. 2)
{
	my ($output, $status) = in_psql(@$step);

	is($status, 0, "$step->[0]: $step->[1]") or diag($output);
	like($output, qr/returnCode="200".*>4\.4</s, 'the answer came') if $step->[1] =~ /qlm_await/;
}

$node->stop;
done_testing();
