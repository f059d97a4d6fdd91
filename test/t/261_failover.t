# A standby that is promoted goes on, as does what pg_rewind and pg_upgrade leave; a
# backup that is restored elsewhere is a copy, whatever it is recovered to.  The cases are
# those of the table in docs/copies.md.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use QlmCopy;
use QlmReceiver;
use QlmTemplate;
use QlmTest;
use Test::More;

my $receiver = QlmReceiver->new;
my $first = calling_node('first', $receiver, archiving => 1);

my ($second, $quick, $told, $cold);
subtest 'promoted' => sub {
	$second = copy_of($first, 'second', has_streaming => 1);
	$second->start;
	wait_for_http($second);
	is(get($second, '/health')->{body} =~ s/"version":"[^"]*"/V/r, "{\"status\":\"standby\",V}\n", 'a standby holds nothing: it does nothing');
	$quick = copy_of($first, 'quick', has_streaming => 1);
	$quick->start;
	$told = copy_of($first, 'told', has_streaming => 1, conf => "qlm.place = 'staging'\n");
	$told->start;
	$cold = copy_of($first, 'cold', has_streaming => 1, conf => "hot_standby = off\n");
	$cold->start;
	$first->wait_for_catchup($_) for $second, $quick, $told;

	$first->stop('immediate');
	$second->promote;
	goes_on($second, $receiver, 'a standby that is promoted');
	like(slurp_file($second->logfile), qr/qlm goes on in directory "[^"]*": it was a standby and was promoted/, 'which the log says');
	is($second->safe_psql('postgres', 'SELECT timeline FROM qlm.place'), 2, 'and the marker');
	$second->restart;
	goes_on($second, $receiver, 'the same, started again');
};

subtest 'started again before anybody could note it: as where the database was not served' => sub {
	$quick->append_conf('postgresql.conf', "qlm.databases = ''\n");
	$quick->reload;
	$quick->promote;
	$quick->restart;
	$quick->append_conf('postgresql.conf', "qlm.databases = 'postgres'\n");
	$quick->reload;
	goes_on($quick, $receiver, 'a standby that was started again after its promotion, before it was served');
	my $of_quick = copy_of($quick, 'of_quick');
	$quick->stop;
	$of_quick->start;
	holds($of_quick, qr/this is a copy of/, 'a copy of that');
	$of_quick->stop;

	$told->promote;
	$told->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()');
	holds($told, qr/qlm\.place is "staging" here and was ""/, 'a standby with a name of its own, promoted for tests');
	$told->stop;

	$cold->promote;
	$cold->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()');
	goes_on($cold, $receiver, 'a standby that nobody could query');
};

$cold->stop;
subtest 'the old primary comes back behind the new one, and takes over again' => sub {
	command_ok([ 'pg_rewind', '--source-server', $second->connstr('postgres'), '--target-pgdata', $first->data_dir, '--config-file', $first->data_dir . '/postgresql.conf' ], 'pg_rewind');
	$first->append_conf('postgresql.conf', 'port = ' . $first->port . "\nqlm.port = $first->{qlm_port}\nprimary_conninfo = '" . $second->connstr . "'\n");
	$first->set_standby_mode;
	$first->start;
	$second->wait_for_catchup($first);
	$second->stop;
	$first->promote;
	goes_on($first, $receiver, 'what pg_rewind left, promoted');
};

my $loose;
subtest 'not promoted, but let go of what it followed' => sub {
	$loose = copy_of($first, 'loose', has_streaming => 1);
	$loose->start;
	$first->wait_for_catchup($loose);
	$loose->stop;
	unlink $loose->data_dir . '/standby.signal' or die $!;
	$loose->start;
	holds($loose, qr/this is a copy of/, 'a standby that is a server of its own without a promotion');
};

$loose->stop;
subtest 'recovered elsewhere, and in its place' => sub {
	$first->safe_psql('postgres', "SELECT pg_create_restore_point('yesterday')");
	$first->backup('restorable');
	$first->safe_psql('postgres', 'SELECT pg_switch_wal()');
	my $restored = PostgreSQL::Test::Cluster->new('restored');
	$restored->init_from_backup($first, 'restorable', has_restoring => 1, standby => 0);
	own_conf($restored)->start;
	$restored->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()');
	holds($restored, qr/this is a copy of/, 'a backup that was recovered to the end of the archive, elsewhere');
	$restored->stop;
	$first->stop;
	my $kept = $first->data_dir . '.kept';
	my $place = $first->data_dir;
	system('cp', '-a', $place, $kept) == 0 or die;
	system("rm -rf '$place'/* && cp -a '$kept'/. '$place'") == 0 or die;
	$first->start;
	goes_on($first, $receiver, 'a backup that was restored into the directory of the node');
};

subtest 'a name says it, whatever is found' => sub {
	$first->append_conf('postgresql.conf', "qlm.place = 'plant'\n");
	$first->reload;
	goes_on($first, $receiver, 'a node that is given a name');
	wait_for_sql($first, 'SELECT name FROM qlm.place', 'plant', 'which is noted');
	my $moved = copy_of($first, 'moved');
	$moved->start;
	goes_on($moved, $receiver, 'a copy of the same name: a node that was moved');
	$moved->stop;
	my $staging = copy_of($first, 'staging', conf => "qlm.place = 'staging'\n");
	$staging->start;
	holds($staging, qr/qlm.place is "staging" here and was "plant"/, 'one of another name');
	$staging->stop;
	my $tests = copy_of($first, 'tests', has_streaming => 1, conf => "qlm.place = 'tests'\n");
	$tests->start;
	$first->wait_for_catchup($tests);
	$tests->promote;
	$tests->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()');
	holds($tests, qr/qlm.place is "tests" here and was "plant"/, 'a standby of another name that is promoted');
	$tests->stop;
	$first->append_conf('postgresql.conf', "qlm.place = 'works'\n");
	$first->reload;
	goes_on($first, $receiver, 'another name for the node in its place');
	$first->append_conf('postgresql.conf', "qlm.place = ''\n");
	$first->reload;
	goes_on($first, $receiver, 'and none');
};

my ($bin, $new);

sub upgraded
{
	my ($name, $from) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	init_node($node);
	$node->append_conf('postgresql.conf', slurp_file($first->data_dir . '/postgresql.conf') =~ s/^(?:port|unix_socket_directories|archive_\w+|restore_command|qlm\.databases) .*\n//mgr . "archive_mode = off\nport = " . $node->port . "\nunix_socket_directories = '" . $node->host . "'\nqlm.databases = ''\n");
	local $ENV{TMPDIR} = PostgreSQL::Test::Utils::tempdir_short();
	chdir $ENV{TMPDIR} or die $!;
	command_ok([ 'pg_upgrade', '-b', $bin, '-B', $bin, '-d', $from->data_dir, '-D', $node->data_dir, '-p', $from->port, '-P', $node->port, '-s', $node->host ], "pg_upgrade of $name");
	own_conf($node, "qlm.databases = 'postgres'\n");
	return $node;
}

subtest 'pg_upgrade: of the node, and of a copy of it' => sub {
	$bin = $first->config_data('--bindir');
	if (long_run())
	{
		my $rehearsal = copy_of($first, 'rehearsal');
		$rehearsal->append_conf('postgresql.conf', "qlm.databases = ''\n");
		$rehearsal->start;
		$rehearsal->stop;
		$new = upgraded('rehearsed', $rehearsal);
		$new->start;
		holds($new, qr/this is an upgraded copy of, and a server runs in, directory/, 'an upgraded copy, while the original runs');
		$new->stop;
	}
	$first->stop;
	$new = upgraded('upgraded', $first);
	$new->start;
	goes_on($new, $receiver, 'what pg_upgrade has made of the node');
};

$new->stop;
done_testing();
