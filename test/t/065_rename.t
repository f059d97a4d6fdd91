# An Object is renamed while others write it, read it and subscribe to it: no value
# is lost, none is told twice, and all processes know the new path at once.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use QlmTest;
use Test::More;

my $rounds = long_run() ? 100 : 20;
my $node = qlm_node('rename', conf => "qlm.anonymous_role = 'qlm_writer'\nqlm.http_workers = 2\n");
my @connections = map { qlm_connect($node) } 1 .. 8;
my @at = (0) x @connections;
my $written = 0;

sub send_writes
{
	for my $i (0 .. $#connections)
	{
		my $at = sprintf '2024-01-01T%02d:%02d:%02dZ', $i, int($at[$i] / 60), $at[$i] % 60;

		$at[$i]++;
		$connections[$i]->send_request('POST', '/', body => write_envelope('M1b', $i % 2 ? 'A/x' : 'A/In/y', $written++, at => $at));
	}
}

sub answers_are_good
{
	my $bad = 0;

	for my $connection (@connections)
	{
		my $answer = $connection->response;

		$bad++ unless $answer->{status} == 200 && return_code($answer) == 200;
	}
	return $bad == 0;
}

$node->safe_psql('postgres', "SELECT qlm_write('A/x', 'first', '2023-01-01Z'), qlm_write('A/In/y', 'first', '2023-01-01Z')");
my $subscription = $node->safe_psql('postgres', "SELECT qlm_subscribe('A')");
my $path = 'A';
my $good = 0;

for my $round (1 .. $rounds)
{
	my $new = $path eq 'A' ? 'B' : 'A';

	# Some come before the rename, some wait for it, some come after.
	send_writes();
	$node->safe_psql('postgres', "SELECT qlm_rename('$path', '$new', true)");
	$good += answers_are_good();
	$path = $new;
}
is($good, $rounds, 'every write by the first id or the further one is taken');
is($node->safe_psql('postgres', 'SELECT path FROM qlm.object UNION ALL SELECT path FROM qlm.info_item ORDER BY 1'),
	"$path\n$path/In\n$path/In/y\n$path/x", 'there is one Object all the time');
is($node->safe_psql('postgres', "SELECT count(DISTINCT value) FROM qlm.history WHERE ts > '2024-01-01' OR value <> 'first'"), $written, 'with all values');
is($node->safe_psql('postgres', "SELECT count(*), count(DISTINCT value), count(DISTINCT split_part(path, '/', 1)) FROM qlm_poll($subscription)") =~ /^(\d+)\|\1\|1$/, 1,
	'nothing is told twice');
is($node->safe_psql('postgres', "SELECT path FROM qlm.subscription_target WHERE request_id = $subscription"), $path, 'the subscription has followed');

subtest 'each value that is newer than all others is told of: one writer, who is renamed under way' => sub {
	my $at = 0;
	for my $round (1 .. $rounds)
	{
		my $new = $path eq 'A' ? 'B' : 'A';

		$connections[0]->send_request('POST', '/', body => write_envelope('M1b', 'A/x', "event $round", at => sprintf('2025-01-01T%02d:%02d:00Z', int($round / 60), $round % 60)));
		$node->safe_psql('postgres', "SELECT qlm_rename('$path', '$new', true)");
		$connections[0]->response;
		$path = $new;
	}
	is($node->safe_psql('postgres', "SELECT count(*), count(DISTINCT value) FROM qlm_poll($subscription) WHERE value ^@ 'event'"), "$rounds|$rounds", 'each event is told of once');
};

subtest 'without the old id: all processes look anew' => sub {
	get($node, "/Objects/$path/x/value") for 1 .. 8;
	$node->safe_psql('postgres', "SELECT qlm_rename('$path', 'C'); DELETE FROM qlm.object_id");
	is_deeply([ map { get($node, "/Objects/$path/x/value")->{status} } 1 .. 8 ], [ (404) x 8 ], 'the old path is unknown in all processes');
	is_deeply([ map { get($node, '/Objects/C/x/value')->{body} } 1 .. 8 ], [ ("event $rounds") x 8 ], 'and the new one known');
};

subtest 'a session with one snapshot does not leave behind what it cannot see' => sub {
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	$session->query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM qlm.object;');
	$node->safe_psql('postgres', "SELECT qlm_write('C/late', '1')");
	$session->query("SELECT qlm_rename('C', 'D');");
	$session->query('COMMIT;');
	$session->quit;
	is($node->safe_psql('postgres', "SELECT string_agg(DISTINCT split_part(path, '/', 1), ' ') FROM qlm.info_item"), 'C', 'it is refused and nothing is renamed');
};

$node->stop;
done_testing();
