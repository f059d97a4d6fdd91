
# Answers are bounded, each and all together, whatever is asked for; what is too
# large is refused in words, and what does not fit now may be asked again.  And
# sessions of devices, which subscriptions with interval -2 wait for.

use strict;
use warnings FATAL => 'all';

use QlmSocket;
use QlmTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $limit = 20 * 1024 * 1024;
my $node = qlm_node('answers', conf => <<EOC);
qlm.anonymous_role = 'qlm_writer'
qlm.http_workers = 1
qlm.max_answer_size = '20MB'
qlm.callback_allow = '127.0.0.1'
shared_buffers = 4MB
EOC

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

my ($pid, $answer, $size, $socket);

sub memory
{
	my ($what) = @_;

	return 0 if under_valgrind();
	return slurp_file("/proc/$pid/status") =~ /^$what:\s+(\d+) kB/m ? $1 * 1024 : undef;
}

# The largest memory that the worker takes while something runs, beyond what it had.
sub growth
{
	my ($sub) = @_;
	my $before = memory('VmRSS');

	append_to_file("/proc/$pid/clear_refs", '5');
	$sub->();
	return memory('VmHWM') - $before;
}

subtest 'many numbers, and a few long texts that must be escaped' => sub {
	sql(<<'EOQ');
SELECT qlm_write('Big/number', '0', '2024-01-01Z'), qlm_write('Big/text', 'x', '2024-01-01Z');
INSERT INTO qlm.value (info_item_id, ts, num, type)
SELECT i.info_item_id, '2024-01-01Z'::timestamptz + n * interval '1 s', n / 8.0, 'xs:double'
FROM qlm.info_item i, generate_series(1, 250000) n WHERE i.path = 'Big/number';
SELECT qlm_write('Big/text', repeat('&', 3000000), '2024-01-02Z'),
	qlm_write('Big/text', repeat('&', 3000000), '2024-01-03Z');
EOQ

	$pid = sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'qlm server'");

	$answer = post($node, read_envelope('M2', 'Big/number', newest => 150000));
	is(return_code($answer), 200, 'an answer within the limit');
	$size = length $answer->{body};
	cmp_ok($size, '>', $limit / 2, 'which is a large one');
	my $growth = growth(sub { post($node, read_envelope('M2', 'Big/number', newest => 150000)) });
	cmp_ok($growth, '<', 2.5 * $size, 'takes little more memory than for its values and its text')
	  or diag "$growth for $size";
	ok(wait_until(sub { memory('RssAnon') < $limit }, 'the memory is given back'),
		'and afterwards none');

	for my $ask (
		[ 'all values', read_envelope('M2', 'Big/number', all => 'true') ],
		[ 'in JSON', '{"omiEnvelope":{"version":"2.0","ttl":0,"read":{"msgformat":"odf","all":true,'
			  . '"msg":{"Objects":{"Object":{"id":"Big","InfoItem":{"name":"number"}}}}}}}' ],
		[ 'text that grows by its escapes', read_envelope('M2', 'Big/text', newest => 2) ],
		[ 'csv, which is written beside the values',
			envelope('M2', '<read msgformat="csv" newest="140000"><msg>path' . "\n" . 'Big/number</msg></read>') ],
		[ 'several reads in one envelope',
			envelope('M2', join '', map { read_envelope('M2', 'Big/number', newest => 60000) =~ /(<read.*<\/read>)/ } 1 .. 4) ])
	{
		my ($name, $body) = @$ask;

		$growth = growth(sub { $answer = post($node, $body) });
		like($answer->{body}, qr/413/, "$name: too large");
		like($answer->{body}, qr/larger than the limit of $limit bytes: ask for less with newest, begin and end/,
			"$name: says what to do");
		cmp_ok($growth, '<', 4 * $limit, "$name: in bounded memory");
	}
	$answer = get($node, '/Objects/Big/number?begin=2024-01-01T00:00:00Z');
	is($answer->{status}, 413, 'GET of history');
	like($answer->{body}, qr/ask for less/, 'GET of history: says what to do');
	like(sql("SELECT qlm_handle('" . read_envelope('M2', 'Big/number', all => 'true') . "')"),
		qr/returnCode="413"/, 'in SQL');
	$socket = qlm_socket($node);
	is(return_code($socket->request(read_envelope('M2', 'Big/number', all => 'true'))), 413, 'on a WebSocket');
	is(return_code($socket->request(read_envelope('M2', 'Big/number', newest => 1000))), 200,
		'which goes on');
};

$socket->close;
subtest 'what is due to others is told so, and neither fails the write nor stops others' => sub {
	my $nowhere = 'http://127.0.0.1:' . free_port() . '/';
	my $events = sql("SELECT qlm_subscribe('Flood', -1, '$nowhere')");
	sql(<<'EOQ');
SELECT qlm_write('Flood/x', '0', '2024-01-01Z');
INSERT INTO qlm.value (info_item_id, ts, num)
SELECT i.info_item_id, '2024-01-01Z'::timestamptz + n * interval '1 s', n
FROM qlm.info_item i, generate_series(1, 250000) n WHERE i.path = 'Flood/x';
EOQ
	is(sql('SELECT count(*) FROM qlm.history WHERE path = \'Flood/x\''), 250001, 'values that are too many for a callback are stored');
	is(sql("SELECT count(*) FROM qlm.outbox WHERE subscription_id = $events AND envelope LIKE '%returnCode=\"413\"%'"), 1,
		'whose message says that they were');
	my $too_much = sql("SELECT qlm_subscribe('Huge', 0.2, '${nowhere}much')");
	sql("CREATE ROLE gone; GRANT qlm_reader TO gone");
	my $forbidden = sql("SELECT qlm_subscribe('Flood', 0.2, '${nowhere}forbidden')");
	sql("UPDATE qlm.subscription SET role = 'gone', role_id = 0 WHERE request_id = $forbidden; REVOKE qlm_reader FROM gone");
	my $little = sql("SELECT qlm_subscribe('Flood', 0.2, '${nowhere}little')");
	sql("SELECT qlm_write('Huge/' || i, repeat('&', 3000000)) FROM generate_series(1, 2) i");
	wait_for_sql($node, "SELECT count(*) > 0 FROM qlm.outbox WHERE subscription_id = $too_much AND envelope LIKE '%returnCode=\"413\"%'",
		't', 'an interval that brings too much says so');
	wait_for_sql($node, "SELECT count(*) > 0 FROM qlm.outbox WHERE subscription_id = $little AND envelope LIKE '%250000%'",
		't', 'while others get theirs');
	wait_for_sql($node, "SELECT count(*) > 0 FROM qlm.outbox WHERE subscription_id = $forbidden AND envelope LIKE '%returnCode=\"403\"%'",
		't', 'and who may read no more is told so');
	sql("SELECT qlm_cancel($events), qlm_cancel($too_much), qlm_cancel($forbidden), qlm_cancel($little)");
};

subtest 'readers that do not read: their answers fill what the worker may take' => sub {
	my $polled = sql("SELECT qlm_subscribe('Poll')");
	sql("SELECT qlm_write('Poll/x', repeat(i::text, 5500000), '2024-01-01Z'::timestamptz + i * interval '1 s') FROM generate_series(1, 3) i");
	sql("UPDATE qlm.subscription SET role = 'qlm_writer', role_id = 0 WHERE request_id = $polled");
	my @slow = map {
		my $connection = qlm_connect($node);

		$connection->send_request('POST', '/', body => read_envelope('M2', 'Big/number', newest => 150000));
		ok(IO::Select->new($connection->{socket})->can_read($QlmTest::TIMEOUT), "answer $_ begins");
		$connection
	} 1 .. 4;
	my $poll = envelope('M2', "<read><requestID>$polled</requestID></read>");
	for my $body (read_envelope('M2', 'Big/number', newest => 150000), $poll)
	{
		$answer = post($node, $body);
		is($answer->{status}, 503, 'a further large answer has to wait') or diag substr($answer->{body}, 0, 400);
		cmp_ok($answer->{headers}{'retry-after'} // 0, '>', 0, 'and is told for how long');
		is(return_code($answer), 503, 'in words of the protocol, too');
	}
	cmp_ok(memory('RssAnon'), '<', 4 * $limit + 16 * 1024 * 1024, 'the worker takes no more than it may');
	is(return_code(post($node, read_envelope('M2', 'Big/number', newest => 100))), 200, 'small ones are served');
	is(return_code(post($node, write_envelope('M2', 'Small/x', 1))), 200, 'and writes');
	is(length $slow[0]->response->{body}, $size, 'who reads at last has it all');
	undef @slow;
	wait_until(sub { $answer = post($node, $poll); $answer->{status} == 200 }, 'there is room again');
	is(join(' ', map { length } $answer->{body} =~ m{>(\d+)</value>}g), '5500000 5500000 5500000',
		'and the poll that was refused has lost nothing');
	is(return_code(post($node, read_envelope('M2', 'Big/number', newest => 150000))), 200, 'and large ones are served');
};

subtest 'sessions' => sub {
	sql("SELECT qlm_add_peer('device', paths => ARRAY['Device'], role => 'qlm_writer')");
	sql("SELECT qlm_write('Device/x', '1'), qlm_write('Other/x', '1')");
	my $sessions = sql("SELECT qlm_subscribe('', -2)");
	my $poll_sessions = "SELECT string_agg(path || ' ' || value, ',') FROM qlm_poll($sessions)";
	$socket = qlm_socket($node, path => '/peer/device');
	wait_for_sql($node, $poll_sessions, 'Device/x 1', 'the handshake of a device is the begin of a session');
	is(return_code($socket->request(envelope('M2', '<read/>'))), 200, 'its messages');
	post($node, envelope('M2', '<read/>'), path => '/peer/device');
	is(sql($poll_sessions), '', 'belong to the same, whatever way they come');
	$socket->close;
	$socket = qlm_socket($node, path => '/peer/device');
	wait_for_sql($node, $poll_sessions, 'Device/x 1', 'the next handshake is the next');
	$socket->close;
	sql("UPDATE qlm.peer SET last_seen = now() - interval '1 hour'; SELECT qlm_stop(); SELECT qlm_start()");
	wait_for_http($node);
	is(return_code(post($node, envelope('M2', '<read/>'), path => '/peer/device')), 200, 'a message after an hour of silence');
	is(sql($poll_sessions), 'Device/x 1', 'begins one, too');
	is(return_code(post($node, write_envelope('M2', 'Device/x', 2), path => '/peer/device')), 200, 'and goes on in it');
	is(sql($poll_sessions), '', 'as its values do');

	my $watcher = qlm_socket($node);
	my $pushed = $watcher->request(envelope('M2', '<read msgformat="odf" interval="-2" callback="0"><msg>'
		. '<Objects><Object><id>Device</id></Object></Objects></msg></read>'));
	is(return_code($pushed), 200, 'a subscription on a WebSocket');
	$socket = qlm_socket($node, path => '/peer/device');
	like($watcher->receive, qr{>2</value>}, 'hears of a session there');
};

done_testing();
