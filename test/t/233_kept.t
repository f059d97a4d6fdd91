# What messages leave behind is bounded, however many and however large they are.

use strict;
use warnings FATAL => 'all';

use QlmTest;
use Test::More;

my $node = qlm_node('kept', conf => <<EOC);
qlm.anonymous_role = 'qlm_writer'
qlm.http_workers = 1
qlm.max_journal_size = '1MB'
qlm.callback_allow = '127.0.0.1'
EOC

sub sql { return $node->safe_psql('postgres', $_[0]); }

# Housekeeping begins with the server.
sub keep_house
{
	$node->restart;
	return wait_for_http($node);
}

subtest 'the journal' => sub {
	my $connection = qlm_connect($node);
	my $size = 'SELECT COALESCE(sum(pg_column_size(envelope)), 0) FROM qlm.journal';

	sql("ALTER SYSTEM SET qlm.log_messages = 'all'");
	$node->reload;
	wait_for_sql($node, 'SHOW qlm.log_messages', 'all');
	wait_until(sub { post($node, write_envelope('M2', 'Kept/x', 1)); sql('SELECT count(*) > 0 FROM qlm.journal') eq 't' }, 'it is written');
	$connection->request('POST', '/', body => write_envelope('M2', 'Kept/text', join '', map { chr(97 + rand 26) } 1 .. 60_000)) for 1 .. 100;
	cmp_ok(sql($size), '<', 1024 * 1024, 'a process writes no faster than it may');
	is(sql('SELECT count(*) >= 200 FROM qlm.journal'), 't', 'messages are cut, but none is left out');
	sql("INSERT INTO qlm.journal (direction, envelope) SELECT 'in', string_agg(md5(n || ' ' || m), '') FROM generate_series(1, 100) n, generate_series(1, 1000) m GROUP BY n");
	cmp_ok(sql($size), '>', 2_000_000, 'much is there');
	keep_house();
	ok(wait_until(sub { sql($size) <= 1024 * 1024 }, 'it is trimmed'), 'the oldest go');
	is(sql("SELECT count(*) > 20 FROM qlm.journal WHERE length(envelope) = 32000"), 't', 'the newest stay');
	sql("ALTER SYSTEM SET qlm.log_messages = 'none'");
};

subtest 'large messages that are over' => sub {
	sql("INSERT INTO qlm.outbox (message_id, url, kind, envelope, state) SELECT n, 'http://c.example/', 'response', repeat('x', 70000), 'answered' FROM generate_series(1, 1100) n");
	sql("INSERT INTO qlm.outbox (message_id, peer, envelope, answer, state) SELECT 2000 + n, 'p', 'small', repeat('x', 70000), 'answered' FROM generate_series(1, 50) n");
	sql("INSERT INTO qlm.outbox (message_id, url, kind, envelope, state) SELECT 3000 + n, 'http://c.example/', 'response', 'small', 'answered' FROM generate_series(1, 50) n");
	keep_house();
	ok(wait_for_sql($node, "SELECT count(*) FROM qlm.outbox WHERE octet_length(envelope) > 65536", 950), 'the newest 1,000 stay');
	is(sql("SELECT count(*) FROM qlm.outbox WHERE message_id > 2000"), 100, 'of others more');
};

subtest 'large messages in the queue count as several' => sub {
	my $silent = 'http://127.0.0.1:' . QlmTest::free_port() . '/';

	sql("SELECT qlm_write('Kept/large', repeat('x', 80000))");
	sql("ALTER SYSTEM SET qlm.max_queued = 35");
	$node->reload;
	wait_for_sql($node, 'SHOW qlm.max_queued', 35);
	my $ask = sub { return return_code(post($node, envelope('M2', qq{<read callback="$silent"><msg>} . objects('M2', 'Kept/large') . '</msg></read>', ttl => 60))); };
	my @codes = map { $ask->() } 1 .. 6;
	is("@codes", '200 200 200 200 429 429', 'eighty thousand bytes are ten messages');
};

# An answer that is remembered, so that its request is not executed twice
subtest 'what a repeated request is answered' => sub {
	sql("ALTER SYSTEM RESET qlm.max_queued; SELECT qlm_add_peer('repeats', role => 'qlm_writer'); SELECT qlm_write('Kept/huge', repeat('x', 2000000))");
	my $body = envelope('M2', '<write msgformat="odf"><msg>' . objects('M2', 'Kept/once', '<value>1</value>') . '</msg></write><read msgformat="odf"><msg>' . objects('M2', 'Kept/huge') . '</msg></read>')
	  =~ s/ ttl=/ qlmRequest="7" ttl=/r;
	my $first = post($node, $body, path => '/peer/repeats');
	cmp_ok(length $first->{body}, '>', 2_000_000, 'it brings much');
	my $again = post($node, $body, path => '/peer/repeats');
	is(join(' ', return_codes($again)), join(' ', return_codes($first)), 'the same codes again');
	like($again->{body}, qr/executed before, and what it brought is too large/, 'without what it brought');
	is(sql("SELECT max(octet_length(answer)) < 10000 FROM qlm.executed"), 't', 'which is not kept');
	is(sql("SELECT count(*) FROM qlm.history WHERE path = 'Kept/once'"), 1, 'it was executed once');
};

$node->stop;
done_testing();
