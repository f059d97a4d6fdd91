# Extensions, databases and settings that come and go while workers run.

use strict;
use warnings FATAL => 'all';

use QlmTest;
use Test::More;

my $write = write_envelope('M2', 'Life/x', 1);

# What a node is between the restart with a new library and the update
subtest 'an extension of another version' => sub {
	my $node = qlm_node('outdated', extension => 0, conf => "qlm.anonymous_role = 'qlm_writer'\n");

	plan skip_all => 'an old version is installed by test/run.sh only'
		if $node->safe_psql('postgres', "SELECT count(*) FROM pg_available_extension_versions WHERE name = 'qlm' AND version = '0.1.0'") == 0;
	my $from = -s $node->logfile;
	$node->safe_psql('postgres', "CREATE EXTENSION qlm VERSION '0.1.0'");
	wait_until(sub { my $a = eval { post($node, $write) }; $a && $a->{status} == 503 && $a->{body} =~ /ALTER EXTENSION qlm UPDATE/ },
		'503, with what is to be done');
	like(get($node, '/health')->{body}, qr/"unavailable".*ALTER EXTENSION qlm UPDATE/, 'as /health says');
	like(PostgreSQL::Test::Utils::slurp_file($node->logfile, $from), qr/cannot serve database "postgres": its extension qlm does not have version/, 'and the log');
	$node->safe_psql('postgres', 'ALTER EXTENSION qlm UPDATE');
	wait_until(sub { my $a = eval { post($node, $write) }; $a && $a->{status} == 200 }, 'the update is noticed');
	$node->stop;
};

subtest 'with shared_preload_libraries' => sub {
	my $other_port = free_port();
	my $node = qlm_node('life', extension => 0,
		conf => "qlm.anonymous_role = 'qlm_writer'\nqlm.databases = 'postgres, other:$other_port'\n");
	my $pids = "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'qlm server%' AND datname";

	wait_until(sub { my $a = eval { get($node, '/health') }; $a && $a->{status} == 503 }, 'no extension: 503');
	is(post($node, $write)->{status}, 503, 'for messages too');
	$node->safe_psql('postgres', 'CREATE EXTENSION qlm');
	ok(wait_for_http($node), 'CREATE EXTENSION is noticed');
	is(post($node, $write)->{status}, 200, 'and served');

	for my $round (1 .. 5)
	{
		$node->safe_psql('postgres', 'DROP EXTENSION qlm CASCADE; CREATE EXTENSION qlm');
	}
	ok(wait_for_http($node), 'dropped and made again, five times in a row');
	is(return_code(post($node, $write)), 200, 'nothing of the old one is remembered');
	is($node->safe_psql('postgres', 'SELECT value FROM qlm.current'), 1, 'the value is in the new one');

	my $run = IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', 'SELECT pg_sleep(0.2); DROP EXTENSION qlm CASCADE' ]);
	my $refused = 0;
	my @answers = map { eval { post($node, $write) } } 1 .. 200;
	$run->finish;
	is(scalar(grep { !defined || $_->{status} !~ /^(200|503)$/ } @answers), 0, 'dropped while writes come: 200 or 503');
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_namespace WHERE nspname = 'qlm'"), 0, 'nothing of it stays');
	$node->safe_psql('postgres', 'CREATE EXTENSION qlm');
	ok(wait_for_http($node), 'and made again');

	$node->safe_psql('postgres', 'CREATE DATABASE other');
	$node->safe_psql('other', 'CREATE EXTENSION qlm');
	ok(wait_for_http($node, port => $other_port), 'a database that comes later is served');
	is(post($node, write_envelope('M2', 'Other/x', 2), port => $other_port)->{status}, 200, 'on its port');
	is($node->safe_psql('other', 'SELECT path FROM qlm.current'), 'Other/x', 'with its own data');

	$node->safe_psql('postgres', 'DROP DATABASE other WITH (FORCE)');
	wait_for_sql($node, "$pids = 'other'", 0, 'its workers are gone');
	is(return_code(post($node, $write)), 200, 'the other database does not notice');
	$node->safe_psql('postgres', 'CREATE DATABASE other');
	$node->safe_psql('other', 'CREATE EXTENSION qlm');
	ok(wait_for_http($node, port => $other_port), 'and it may come again');

	is($node->safe_psql('other', 'SELECT qlm_stop() > 0'), 't', 'qlm_stop');
	my ($status, $out, $err) = $node->psql('postgres', 'DROP DATABASE other');
	is($status, 0, 'lets DROP DATABASE work as it is') or diag $err;

	$node->safe_psql('postgres', 'SELECT qlm_stop()');
	ok(!eval { get($node, '/health') }, 'stopped: nobody listens');
	is($node->safe_psql('postgres', 'SELECT qlm_start()'), 2, 'qlm_start');
	ok(wait_for_http($node), 'started');

	my $new_port = free_port();
	$node->append_conf('postgresql.conf', "qlm.port = $new_port\nqlm.http_workers = 1");
	$node->reload;
	ok(wait_for_http($node, port => $new_port), 'another port by reload');
	wait_for_sql($node, "$pids = 'postgres'", 1, 'fewer workers by reload');
	$node->append_conf('postgresql.conf', "qlm.listen_addresses = ''");
	$node->reload;
	ok(wait_until(sub { !eval { get($node, '/health', port => $new_port) } }, 'no address: nobody listens'), 'no HTTP');
	$node->stop;
	my $log = PostgreSQL::Test::Utils::slurp_file($node->logfile);
	unlike($log, qr/PANIC|TRAP|was terminated by signal|WARNING:  (?!.*worker)/, 'the log is quiet');
};

subtest 'without shared_preload_libraries' => sub {
	my $node = qlm_node('unloaded', preload => 0, conf => "qlm.anonymous_role = 'qlm_writer'\nqlm.http_workers = 2\n");

	is($node->safe_psql('postgres', "SELECT qlm_write('Life/x', '1'); SELECT value FROM qlm_read('Life/x')"), "\n1", 'SQL works');
	is($node->safe_psql('postgres', 'SELECT qlm_start()'), 2, 'qlm_start starts workers');
	is($node->safe_psql('postgres', 'SELECT qlm_start()'), 2, 'once');
	ok(wait_for_http($node), 'which serve');
	is(return_code(post($node, $write)), 200, 'messages');
	my $id = $node->safe_psql('postgres',
		"SELECT qlm_add_peer('p'); SELECT qlm_request('p', qlm_read_envelope('P/x'))") =~ s/.*\n//r;
	my $waiting = $node->background_psql('postgres');
	$waiting->query_until(qr/started/, "\\echo started\nSELECT qlm_await($id, '60 s');\n\\echo ended\n");
	post($node, envelope('Q1', '<read/>'), path => '/peer/p');
	post($node, response_envelope('Q1', $id, 'P/x', 'waited for'), path => '/peer/p');
	like($waiting->query_until(qr/ended/, "\n"), qr/waited for/, 'qlm_await hears of answers');
	$waiting->quit;
	is($node->safe_psql('postgres', 'SELECT qlm_stop()'), 2, 'qlm_stop stops them');
	ok(!eval { get($node, '/health') }, 'nobody listens');
	is($node->safe_psql('postgres', 'SELECT qlm_stop()'), 0, 'once');
	$node->stop;
};

subtest 'databases that were stopped and dropped are forgotten' => sub {
	plan skip_all => 'makes many databases' if quick_run();
	my $node = qlm_node('stopped', conf => "qlm.http_workers = 1\nqlm.listen_addresses = '127.0.0.1'\n");
	my $round = "CREATE DATABASE passing TEMPLATE pattern STRATEGY file_copy;\n\\c passing\nSELECT qlm_stop();\n\\c postgres\nDROP DATABASE passing;\n";

	$node->safe_psql('postgres', 'CREATE DATABASE pattern');
	$node->safe_psql('pattern', 'CREATE EXTENSION qlm');
	$node->safe_psql('postgres', $round x 65);
	is($node->safe_psql('postgres', 'SELECT qlm_stop()'), 1, 'after many of them one can still be stopped');
	is($node->safe_psql('postgres', 'SELECT qlm_start()'), 1, 'and started');
	$node->stop;
};

subtest 'a port that is taken' => sub {
	my $taken = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1);
	my $node = qlm_node('taken', start => 0,
		conf => "qlm.anonymous_role = 'qlm_writer'\nqlm.listen_addresses = '127.0.0.1'\nqlm.port = " . $taken->sockport . "\n");

	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION qlm');
	wait_for_sql($node, "SELECT bool_or(last_error LIKE '%in use%') FROM qlm.stat_worker", 't', 'is said in qlm.stat_worker');
	my $port = $taken->sockport;
	$taken->close;
	ok(wait_for_http($node, port => $port), 'and taken when it is free');
	$node->stop;
};

done_testing();
