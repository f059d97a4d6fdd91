# The drill of docs/copies.md, line by line: a staging copy beside a node that works.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use QlmCopy;
use QlmReadme ();
use QlmReceiver;
use QlmTest;
use Test::More;

my $receiver = QlmReceiver->new;
my $down = QlmReceiver->new(stopped => 1);
my $plant = calling_node('plant', $receiver);
my $hub = QlmReceiver->new;
$plant->safe_psql('postgres', "SELECT qlm_add_peer('hub', role => 'qlm_writer', url => '" . $hub->url . "', heartbeat => '1 hour', secret => 'ours')");
$plant->safe_psql('postgres', "SELECT qlm_subscribe('F/x', -1, '" . $down->url . "'), qlm_request('device', qlm_read_envelope('F/x'))");
$hub->bodies(1);
my $event = event($plant);
wait_until(sub { times_arrived($receiver, $event) }, 'the plant works');
my $called = () = $hub->bodies;

my @blocks = grep { $_->{section} eq 'A staging copy' && $_->{language} eq 'sh' } QlmReadme::blocks("$ENV{TESTDIR}/docs/copies.md");
is(scalar(@blocks), 2, 'what the page says');
my $folder = PostgreSQL::Test::Utils::tempdir;
my ($port, $http) = (free_port(), free_port());

sub play
{
	my ($text) = @_;
	my ($out, $err);

	$text =~ s/5433/$port/g;
	$text =~ s/8091/$http/g;
	$text =~ s/-d plant\b/-v ON_ERROR_STOP=1 -AtX -d postgres/g;
	local %ENV = $plant->_get_env();
	IPC::Run::run([ 'bash', '-c', "cd '$folder' && set -eo pipefail\n$text" ], '>', \$out, '2>', \$err);
	is($?, 0, 'the lines are played') or diag "$out$err";
	return $out;
}

# A node as others are, to look at: its server is not started by PostgreSQL::Test::Cluster.
my $staging = PostgreSQL::Test::Cluster->new('staging', port => $port);
$staging->{_host} = $plant->host;
$staging->{qlm_port} = $http;
$staging->{_logfile} = "$folder/staging.log";
END
{
	local $?;
	system('pg_ctl', '-D', "$folder/staging", '-m', 'immediate', 'stop') if $folder && -e "$folder/staging/postmaster.pid";
}

play($blocks[0]{text});
holds($staging, qr/qlm.place is "staging" here and was ""/, 'the copy');
is($staging->safe_psql('postgres', "SELECT count(*) FROM qlm.outbox WHERE state = 'queued'"), 2, 'it has what waits in the plant');
like(play($blocks[1]{text}), qr/^t$/m, 'it is a node of its own');
wait_until(sub { dispatcher($staging) =~ /^holding: held: qlm.outgoing is off$/ }, 'which the setting holds');
is($staging->safe_psql('postgres', "SELECT count(*) FROM qlm.outbox WHERE state IN ('queued', 'sent')"), 0, 'without what was the plant\'s');
my $id = $staging->safe_psql('postgres', "SELECT qlm_request('device', qlm_read_envelope('F/x'))");
like(post($staging, write_envelope('M1b', 'F/y', 1), path => '/peer/device')->{body}, qr/$id/, 'a test device is given what is queued at it');
my $staged = event($staging);

subtest 'where it may call, it calls nobody whom the plant calls' => sub {
	my $tester = QlmReceiver->new;
	$staging->safe_psql('postgres', "SELECT qlm_subscribe('F/x', -1, '" . $tester->url . "')");
	PostgreSQL::Test::Utils::append_to_file("$folder/staging/postgresql.conf", "qlm.outgoing = on\n");
	$staging->safe_psql('postgres', 'SELECT pg_reload_conf()');
	my $tested = event($staging);
	wait_until(sub { times_arrived($tester, $tested) }, 'a callback of its own');
	$down->start;
	goes_on($plant, $receiver, 'the plant meanwhile');
	wait_until(sub { times_arrived($down, $event) }, 'a receiver that comes back is told');
	is(times_arrived($down, $event), 1, 'once');
	is(times_arrived($_, $staged) + times_arrived($_, $tested), 0, 'and of nothing that happens in the copy') for $receiver, $down;
	is(scalar(() = $hub->bodies), $called, 'nobody else has called');
};

$plant->stop;
done_testing();
