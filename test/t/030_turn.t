# One transaction for all that is ready: a bad request fails alone, and no
# answer leaves before its transaction is safe.

use strict;
use warnings FATAL => 'all';

use QlmTest;
use Test::More;

my $node = qlm_node('turn', init => [ allows_streaming => 1 ], conf => <<EOC);
qlm.anonymous_role = 'qlm_writer'
qlm.http_workers = 1
EOC

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

# Have n connections send a request each while the worker is held up by a lock,
# so that all but the first of them end in one turn; their answers in order.
sub in_one_turn
{
	my ($first, @bodies) = @_;
	my $holder = $node->background_psql('postgres');
	my @connections = map { qlm_connect($node) } $first, @bodies;

	$holder->query_safe('BEGIN; LOCK TABLE qlm.value IN EXCLUSIVE MODE;');
	$connections[0]->send_request('POST', '/', body => $first);
	wait_for_sql($node, "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'qlm.value'::regclass", '1');
	$connections[$_]->send_request('POST', '/', body => $bodies[ $_ - 1 ]) for 1 .. @bodies;
	$holder->query_safe('COMMIT;');
	$holder->quit;
	return map { $_->response } @connections;
}

sub write_of
{
	my ($name, $value) = @_;

	return write_envelope('M2', "Batch/$name", $value, at => '2024-01-01T00:00:00Z');
}

sql("SELECT qlm_write('Batch/x', '0', '2020-01-01Z')");

subtest 'many writes share a transaction' => sub {
	my @answers = in_one_turn(write_of('first', 1), map { write_of("item$_", $_) } 1 .. 20);

	is(join(' ', map { $_->{status} . return_code($_) } @answers), join(' ', ('200200') x 21), 'all are answered');
	is(sql("SELECT count(*) FROM qlm.history WHERE path LIKE 'Batch/item%'"), 20, 'all are stored');
	is(sql("SELECT count(DISTINCT v.xmin::text) FROM qlm.value v JOIN qlm.info_item USING (info_item_id) WHERE path LIKE 'Batch/item%'"),
		1, 'in one transaction');
};

subtest 'a bad request in a full batch fails alone' => sub {
	sql("ALTER TABLE qlm.value ADD CONSTRAINT not_666 CHECK (num <> 666)");
	my @answers = in_one_turn(write_of('first', 2),
		(map { write_of("good$_", $_) } 1 .. 10), write_of('bad', 666),
		'<nonsense', (map { write_of("good$_", $_) } 11 .. 20),
		write_envelope('M2', 'Batch', 'no InfoItem'), read_envelope('M2', 'Batch/x'));

	is(join(' ', map { $_->{status} . '/' . return_code($_) } @answers),
		join(' ', ('200/200') x 11, '200/400', '400/400', ('200/200') x 10, '200/400', '200/200'),
		'the others do not notice');
	like($answers[11]{body}, qr/not_666/, 'it is told why');
	is(sql("SELECT count(*) FROM qlm.history WHERE path LIKE 'Batch/good%'"), 20, 'all others are stored');
	is(sql("SELECT count(*) FROM qlm.info_item WHERE path = 'Batch/bad'"), 0, 'and nothing of the bad one');
	sql("ALTER TABLE qlm.value DROP CONSTRAINT not_666");
};

subtest 'requests of several roles in one turn keep their rights' => sub {
	sql("SELECT qlm_add_peer('reader'), qlm_add_peer('writer', role => 'qlm_writer')");
	my $holder = $node->background_psql('postgres');
	my @connections = map { qlm_connect($node) } 1 .. 7;

	$holder->query_safe('BEGIN; LOCK TABLE qlm.value IN EXCLUSIVE MODE;');
	$connections[0]->send_request('POST', '/', body => write_of('first', 3));
	wait_for_sql($node, "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'qlm.value'::regclass", '1');
	$connections[$_]->send_request('POST', '/peer/' . ($_ % 2 ? 'reader' : 'writer'), body => write_of("role$_", $_)) for 1 .. 6;
	$holder->query_safe('COMMIT;');
	$holder->quit;
	is(join(' ', map { return_code($_->response) } @connections), '200 403 200 403 200 403 200', 'the reader is refused');
	is(sql("SELECT string_agg(path, ' ' ORDER BY path) FROM qlm.history WHERE path LIKE 'Batch/role%'"),
		'Batch/role2 Batch/role4 Batch/role6', 'and wrote nothing');
	is(sql("SELECT DISTINCT peer FROM qlm.history WHERE path LIKE 'Batch/role%'"), 'writer', 'it is known who wrote');
};

subtest 'no answer before the transaction is safe' => sub {
	# A standby that does not exist holds every commit up after its flush.
	$node->append_conf('postgresql.conf', "synchronous_standby_names = 'nobody'\nsynchronous_commit = on");
	$node->reload;
	wait_for_sql($node, 'SHOW synchronous_standby_names', 'nobody');
	my $connection = qlm_connect($node);
	$connection->send_request('POST', '/', body => write_of('held', 1));
	wait_for_sql($node, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'", '1', 'the commit waits');
	ok(!$connection->fill(0.5), 'no answer yet');
	$node->append_conf('postgresql.conf', "synchronous_standby_names = ''");
	$node->reload;
	my $answer = $connection->response;
	is(return_code($answer), 200, 'the answer comes after it');
	is(sql("SELECT value FROM qlm.current WHERE path = 'Batch/held'"), 1, 'and is true');
};

subtest 'a request that takes too long' => sub {
	my $holder = $node->background_psql('postgres');

	$node->append_conf('postgresql.conf', "qlm.request_timeout = '1s'");
	$node->reload;
	wait_for_sql($node, 'SHOW qlm.request_timeout', '1s');
	$holder->query_safe('BEGIN; LOCK TABLE qlm.value IN EXCLUSIVE MODE;');
	my $answer = post($node, write_of('late', 1));
	is($answer->{status}, 503, 'is answered 503');
	is(return_code($answer), 503, 'with an envelope that says so');
	$holder->query_safe('COMMIT;');
	$holder->quit;
	is(return_code(post($node, write_of('later', 1))), 200, 'and the node goes on');
};

$node->stop;
done_testing();
