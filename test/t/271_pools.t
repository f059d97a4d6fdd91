# Behind pgbouncer, in its three modes: what works as without, what needs a session, and
# what a session leaves behind for the next client.

use strict;
use warnings FATAL => 'all';

use File::Temp ();
use IPC::Run qw(start);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use QlmTest;
use Test::More;

my ($pgbouncer) = grep { -x } map { "$_/pgbouncer" } '/usr/sbin', split /:/, $ENV{PATH};
plan skip_all => 'pgbouncer is not installed' unless $pgbouncer;

my $node = qlm_node('pooled', conf => "qlm.anonymous_role = 'qlm_writer'\nmax_connections = 50\n");
my $folder = File::Temp->newdir;
my $port = free_port();
my @modes = qw(session transaction statement);
my $user = $node->safe_psql('postgres', 'SELECT current_user');
my $databases = join "\n", map { "$_ = dbname=postgres pool_mode=$_ pool_size=1" } @modes;
my ($host, $server_port) = ($node->host, $node->port);

$databases =~ s/dbname=/host=$host port=$server_port user=$user dbname=/g;
append_to_file("$folder/ini", <<"EOC");
[databases]
$databases
wide = host=$host port=$server_port user=$user dbname=postgres pool_mode=transaction pool_size=3
[pgbouncer]
listen_addr =
listen_port = $port
unix_socket_dir = $folder
auth_type = any
ignore_startup_parameters = extra_float_digits
logfile = $folder/log
pidfile = $folder/pid
EOC
my $pool = start([ $pgbouncer, "$folder/ini" ], '<', \undef, '>', "$folder/out", '2>', "$folder/err");

sub psql_of
{
	my ($database) = @_;

	return ('psql', '-X', '-A', '-t', '-q', '-v', 'ON_ERROR_STOP=1', '-h', "$folder", '-p', $port, '-U', $user, '-d', $database);
}

# Status, output and error of statements, each sent by itself on one connection
sub through
{
	my ($database, @statements) = @_;
	my ($out, $error);
	my $ok = IPC::Run::run([ psql_of($database), map { ('-c', $_) } @statements ], '<', \undef, '>', \$out, '2>', \$error, IPC::Run::timeout($QlmTest::TIMEOUT));

	chomp $out;
	return ($ok, $out, $error);
}

sub out_of { return (through(@_))[1]; }

wait_until(sub { (through('session', 'SELECT 1'))[0] }, 'pgbouncer serves', 20) or BAIL_OUT(slurp_file("$folder/log"));
$node->safe_psql('postgres', "SELECT qlm_add_peer('fridge', role => 'qlm_writer', paths => '{Fridge}')");

my %device;
subtest 'poll buffers, the queue and waiting for answers need no session' => sub {
	%device = (path => '/peer/fridge');
	for my $mode (@modes)
	{
		out_of($mode, "SELECT qlm_write('Fridge/$mode', '4.5')");
		is(out_of($mode, "SELECT value FROM qlm_read('Fridge/$mode')"), '4.5', "$mode: what was written is read");
		my $poll = out_of($mode, "SELECT qlm_subscribe('Fridge/$mode')");
		out_of($mode, "SELECT qlm_write('Fridge/$mode', '5')");
		is(out_of($mode, "SELECT value FROM qlm_poll($poll)"), '5', 'what is subscribed to is polled');
		my $id = out_of($mode, "SELECT qlm_request('fridge', qlm_read_envelope('Fridge/doors'))");
		is((request_ids(post($node, envelope('M1b', '<read/>'), %device)))[0], $id, 'what is asked for leaves');
		post($node, response_envelope('M1b', $id, 'Fridge/doors', 'closed'), %device);
		like(out_of($mode, "SELECT qlm_await($id, '10 s')"), qr/>closed</, 'and its answer is there');
	}
};

subtest 'NOTIFY goes to the server connection that LISTEN was said on' => sub {
	for my $mode (@modes)
	{
		my $channel = "fridge_$mode";
		out_of($mode, "LISTEN $channel", "SELECT qlm_subscribe('Fridge/$mode', -1, 'notify:$channel')",
			"SELECT qlm_write('Fridge/$mode', '6')", 'SELECT 1');
		my $next = out_of($mode, 'SELECT pg_listening_channels()');
		is($next, $mode eq 'session' ? '' : $channel, $mode eq 'session' ? "$mode: the next client does not listen to it" :
			"$mode: LISTEN stays with the server connection, whoever has it next");
	}
	my $hears = start([ psql_of('session') ], '<', \my $in, '>', \my $heard, '2>', \my $heard_error, IPC::Run::timeout($QlmTest::TIMEOUT));
	$in .= "LISTEN fridge_other;\nSELECT 'listens';\n";
	$hears->pump until $heard =~ /listens/;
	$node->safe_psql('postgres', "SELECT qlm_subscribe('Fridge/session', -1, 'notify:fridge_other'); SELECT qlm_write('Fridge/session', '7')");
	wait_until(sub { $in .= "SELECT 1;\n"; $hears->pump_nb; $heard =~ /"fridge_other"/ }, 'it is told at its next statement');
	like($heard, qr/"fridge_other" with payload "\d+"/, 'session: a client that listens hears');
	$in .= "\\q\n";
	$hears->finish;
};

sub waiting
{
	my ($ok, $pools) = through('pgbouncer', 'SHOW POOLS');
	my ($line) = grep { /^transaction\|/ } split /\n/, $pools;

	return $line ? (split /\|/, $line)[3] : '';
}

subtest 'who waits keeps a server connection, and lets others through only where there is another' => sub {
	my $id = out_of('transaction', "SELECT qlm_request('fridge', qlm_read_envelope('Fridge/lamp'))");
	my $waits = start([ psql_of('transaction'), '-c', "SELECT qlm_await($id, '60 s')" ], '<', \undef, '>', \my $answer, '2>', \my $answer_error);
	wait_for_sql($node, "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT qlm_await($id%'", '1', 'somebody waits');
	my $second = start([ psql_of('transaction'), '-c', "SELECT 'through'" ], '<', \undef, '>', \my $through, '2>', \my $through_error);
	ok(wait_until(sub { waiting() eq '1' }, 'another client waits for a connection'), 'qlm_await holds the only connection of its pool');
	is($through // '', '', 'who waits for it has no answer');
	is(out_of('wide', "SELECT 'through'"), 'through', 'another pool has its own');
	is((request_ids(post($node, envelope('M1b', '<read/>'), %device)))[0], $id, 'the device calls');
	post($node, response_envelope('M1b', $id, 'Fridge/lamp', 'on'), %device);
	$waits->finish;
	$second->finish;
	like($answer, qr/>on</, 'and has answered');
	is($through, "through\n", 'the other client is served');
};

subtest 'what a session has set, the next client of its server connection has, too' => sub {
	$node->safe_psql('postgres', <<'EOQ');
CREATE ROLE tenant IN ROLE qlm_reader;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO tenant;
ALTER TABLE qlm.info_item ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenants ON qlm.info_item TO tenant USING (path LIKE current_setting('app.tenant', true) || '/%');
CREATE POLICY others ON qlm.info_item TO qlm_writer USING (true);
SELECT qlm_write('A/x', '1'), qlm_write('B/x', '2');
EOQ
	my $look = "SELECT string_agg(path, ' ' ORDER BY path) FROM qlm.current";
	is(out_of('session', "SET app.tenant = 'A'", 'SET ROLE tenant', $look), 'A/x', 'session: a setting for policies');
	is(out_of('session', "SET ROLE tenant", $look), '', 'is gone with its client');
	is(out_of('transaction', "SET app.tenant = 'A'; SET ROLE tenant", $look), 'A/x', 'transaction: it stays');
	is(out_of('transaction', $look), 'A/x', 'and the next client looks with it, and as that role');
	out_of('transaction', 'RESET ROLE; RESET app.tenant');
	is(out_of('transaction', "BEGIN; SET LOCAL ROLE tenant; SET LOCAL app.tenant = 'B'; $look; COMMIT"), 'B/x', 'set for a transaction, it counts there');
	is(out_of('transaction', "SELECT current_user = '$user' AND coalesce(current_setting('app.tenant', true), '') = ''"), 't', 'and nowhere else');
	my ($ok, undef, $error) = through('statement', 'BEGIN', 'SELECT 1', 'COMMIT');
	ok(!$ok, 'statement: there are no transactions of several statements') or diag $error;
};

subtest 'many clients on few connections: what is acknowledged is there, once' => sub {
	my @writers = map {
		my $writer = $_;
		my $out = '';
		{
			out => \$out,
			run => start([ psql_of('wide'), map { ('-c', "SELECT qlm_write('Many/w$writer', '$_', '2024-01-01Z'::timestamptz + '$_ s')") } 1 .. 25 ], '<', \undef, '>', \$out, '2>', "$folder/err$writer")
		}
	} 1 .. 8;
	my $all = 1;
	$all &= $_->{run}->finish for @writers;
	ok($all, 'eight clients write over three connections');
	is($node->safe_psql('postgres', "SELECT count(*), count(DISTINCT (path, value)) FROM qlm.history WHERE path LIKE 'Many/%'"), '200|200', 'all of it is there, once');

	$pool->signal('INT');
	$pool->finish;
};

$node->stop;
done_testing();
