# A hot standby answers reads, refuses all else, and takes the place of the
# primary by itself when it is promoted.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use QlmReceiver;
use QlmSocket;
use QlmTest;
use Test::More;
use Time::HiRes qw(time);

my $primary = qlm_node('primary', init => [ allows_streaming => 1 ],
	conf => "qlm.anonymous_role = 'qlm_writer'\nqlm.http_workers = 2\nqlm.log_messages = 'all'\nqlm.callback_allow = '127.0.0.1'\n");

$primary->safe_psql('postgres', <<'EOQ');
SELECT qlm_write('F/x', '1', '2024-01-15Z'), qlm_write('F/x', '2', '2024-02-15Z');
SELECT qlm_add_peer('device', role => 'qlm_writer', paths => '{F}');
SELECT qlm_add_peer('other', role => 'qlm_writer', credential => 'secret');
EOQ
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->{qlm_port} = free_port();
$standby->append_conf('postgresql.conf', "qlm.port = $standby->{qlm_port}\nmax_standby_streaming_delay = 0\n");
$standby->start;
wait_for_http($standby);

sub catch_up
{
	$primary->wait_for_catchup($standby);
}

my ($history, $socket);
subtest 'reading, with the rights and in the ways of the primary' => sub {
	is(get($standby, '/health')->{body} =~ s/"version":"[^"]*"/V/r, "{\"status\":\"standby\",V}\n", 'it says what it is');
	is(get($primary, '/health')->{body} =~ s/"version":"[^"]*"/V/r, "{\"status\":\"ok\",V}\n", 'and so does the primary');
	is(get($standby, '/Objects/F/x/value')->{body}, '2', 'GET');
	is(get($standby, '/Objects/F/x?newest=2')->{body}, get($primary, '/Objects/F/x?newest=2')->{body}, 'history by GET');
	$history = read_envelope('M1b', 'F/x', newest => 10);
	is(post($standby, $history)->{body}, post($primary, $history)->{body}, 'history by a message');
	is(post($standby, $history, headers => { Authorization => 'Bearer secret2' }, path => '/peer/other')->{status}, 401, 'credentials are asked for');
	is(return_code(post($standby, $history, path => '/peer/device')), 200, 'peers may read');
	is($standby->safe_psql('postgres', "SELECT string_agg(value, ' ') FROM qlm_read('F/x', newest => 5)"), '2 1', 'qlm_read');
	like($standby->safe_psql('postgres', "SELECT qlm_handle(qlm_read_envelope('F/x')::text)"), qr{>2</value>}, 'qlm_handle');
	$socket = qlm_socket($standby);
	$socket->send($history);
	like($socket->receive, qr{>2</value>}, 'a WebSocket');
};

subtest 'what comes to the primary comes here, though processes remember what they read' => sub {
	$primary->safe_psql('postgres', "SELECT qlm_write('F/x', '3'), qlm_write('F/y', '4'); UPDATE qlm.info_item SET description = '{\"\": \"new\"}' WHERE path = 'F/x'");
	catch_up();
	is(get($standby, '/Objects/F/x/value')->{body}, '3', 'a new value');
	like(get($standby, '/Objects/F/x/description')->{body}, qr/new/, 'what describes it');
	is(get($standby, '/Objects/F/y/value')->{body}, '4', 'a new InfoItem');
	$primary->safe_psql('postgres', "SELECT qlm_delete('F/y'), qlm_add_peer('late')");
	catch_up();
	is(get($standby, '/Objects/F/y')->{status}, 404, 'one that is deleted');
	is(return_code(post($standby, $history, path => '/peer/late')), 200, 'a new peer');
};

subtest 'what the database refuses has the same codes here' => sub {
	is(return_code(post($standby, read_envelope('M1b', 'Secret/x'), path => '/peer/late')), return_code(post($primary, read_envelope('M1b', 'Secret/x'), path => '/peer/late')), 'not found');
	$primary->safe_psql('postgres', 'CREATE ROLE nobody_special; UPDATE qlm.peer SET role = $$nobody_special$$ WHERE name = $$late$$');
	catch_up();
	is(return_code(post($_, $history, path => '/peer/late')), 403, 'without rights: 403') for $primary, $standby;
	is(get($_, '/peer/late/Objects/F/x')->{status}, 404, 'nothing to see: 404') for $primary, $standby;
};

subtest 'all else is refused, and says so' => sub {
	my %refused = (
		'a write' => write_envelope('M1b', 'F/x', 9),
		'a subscription' => read_envelope('M1b', 'F/x', interval => -1),
		'a poll' => envelope('M1b', '<read><requestID>1</requestID></read>'),
		'a heartbeat' => envelope('M1b', '<read/>'),
		'a cancel' => envelope('M1b', '<cancel><requestID>1</requestID></cancel>'),
		'a delete' => envelope('M2', '<delete msgformat="odf"><msg>' . objects('M2', 'F/x') . '</msg></delete>'),
		'a call' => envelope('M2', '<call msgformat="odf"><msg>' . objects('M2', 'F/x') . '</msg></call>'),
		'an answer' => response_envelope('M1b', 1, 'F/x', 9),
		'a read with a callback' => read_envelope('M1b', 'F/x', callback => 'http://192.0.2.1/'));
	for my $what (sort keys %refused)
	{
		my $answer = post($standby, $refused{$what});

		is($answer->{status}, 503, "$what: 503");
		is(return_code($answer), 503, 'with that code in the answer');
		like($answer->{body}, qr/this node is a standby/, 'and the reason');
		like($answer->{headers}{'retry-after'} // '', qr/^\d+$/, 'and when to come again');
	}
	my $both = post($standby, envelope('M2', '<read msgformat="odf"><msg>' . objects('M2', 'F/x') . '</msg></read>'
		  . '<write msgformat="odf"><msg>' . objects('M2', 'F/x', '<value>9</value>') . '</msg></write>'));
	is($both->{status}, 200, 'a read and a write: answered');
	is_deeply([ return_codes($both) ], [ 200, 503 ], 'each with its code');
	my ($status, $out, $err) = $standby->psql('postgres', "SELECT qlm_write('F/x', '9')");
	like($err, qr/read-only transaction/, 'SQL is told by the server');

	is(post($standby, $history . ' ' x 2_000_000)->{body}, post($primary, $history)->{body}, 'a large message is run there');
	is($standby->safe_psql('postgres', 'SELECT qlm_start()'), 2, 'qlm_start: they listen');
	is($standby->safe_psql('postgres', "SELECT string_agg(state, ' ' ORDER BY kind) FROM qlm.stat_worker WHERE kind = 'server'"), 'running running', 'stat_worker shows them');
};

subtest 'reads while the primary writes' => sub {
	# A read may have to be tried again, never be lost.
	{
		my $end = time + (long_run() ? 15 : 3);
		my $writer = $primary->background_psql('postgres');
		my ($n, $good) = (0, 0);
		my $connection = qlm_connect($standby);

		$writer->query_until(qr/started/, <<'EOQ');
\echo started
DO $$ BEGIN FOR i IN 1..100000 LOOP
	PERFORM qlm_write('L/x', i::text); PERFORM qlm_write('L/n' || i % 50, i::text);
	IF i % 50 = 0 THEN PERFORM qlm_delete('L'); END IF; COMMIT; END LOOP; END $$;
EOQ
		while (time < $end)
		{
			my $answer = $connection->request('POST', '/', body => $history);
			redo if $answer->{status} == 503;
			$n++;
			$good++ if $answer->{status} == 200 && $answer->{body} =~ />3<\/value>/;
			$answer = $connection->request('GET', '/Objects/L/x/value');
			$n++;
			$good++ if $answer->{status} == 200 || $answer->{status} == 404;
			$primary->safe_psql('postgres', 'VACUUM qlm.object, qlm.info_item, qlm.value') if $n % 100 == 0;
		}
		is($good, $n, "$n reads during replay");
		$primary->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'DO %'");
		eval { $writer->quit };
	}
};

subtest 'the primary is gone' => sub {
	my $receiver = QlmReceiver->new;
	my $url = $receiver->url;
	$primary->safe_psql('postgres', "SELECT qlm_subscribe('F/x', -1, '$url'); SELECT qlm_write('F/x', '5')");
	$receiver->bodies(1);
	my $ids = $primary->safe_psql('postgres', "SELECT qlm_request('device', qlm_read_envelope('F/z'))");
	catch_up();
	$primary->stop('immediate');
	is(get($standby, '/Objects/F/x/value')->{body}, '5', 'the standby goes on');
	my $pids = $standby->safe_psql('postgres', "SELECT string_agg(pid::text, ' ' ORDER BY pid) FROM qlm.stat_worker WHERE kind = 'server'");
	$standby->promote;
	my $taken;
	wait_until(sub { $taken = post($standby, write_envelope('M1b', 'F/x', 6)); return $taken->{status} == 200 }, 'after the promotion writes are taken');
	is(scalar(grep { />6<\/value>/ } $receiver->bodies(2)), 1, 'subscribers are told by the new primary');
	is($standby->safe_psql('postgres', "SELECT string_agg(pid::text, ' ' ORDER BY pid) FROM qlm.stat_worker WHERE kind = 'server'"), $pids,
		'by the same processes');
	is(get($standby, '/health')->{body} =~ s/"version":"[^"]*"/V/r, "{\"status\":\"ok\",V}\n", 'it says that it is the primary');
	like($taken->{body}, qr/\Q$ids\E/, 'what was queued for their sender is nested in the answer');
	$socket->send(read_envelope('M1b', 'F/x', interval => -1, callback => 0));
	like($socket->receive, qr/returnCode="200"/, 'the WebSocket from before may subscribe');
	$standby->safe_psql('postgres', "SELECT qlm_write('F/x', '7')");
	like($socket->receive, qr{>7</value>}, 'and is told');
	ok($standby->safe_psql('postgres', "SELECT count(*) FROM qlm.journal WHERE at > now() - interval '1 minute' AND direction = 'in'") > 0, 'the journal goes on');
};

$standby->stop;
done_testing();
