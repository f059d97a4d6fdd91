# Peers that speak O-MI may refuse an answer that carries a request.  One is tried
# with, where nothing is lost; and whatever waits says what for.

use strict;
use warnings FATAL => 'all';

use QlmPeer;
use QlmTest;
use Test::More;

my $node = qlm_node('try', conf => "qlm.retry_delay = '10s'\nqlm.callback_allow = '127.0.0.1'\n");

sub sql { return $node->safe_psql('postgres', $_[0]); }

sub notice
{
	my ($sql) = @_;
	my ($status, $out, $err) = $node->psql('postgres', $sql);

	return $err;
}

my $n = 0;

# A device that speaks O-MI; it has called once, so that the node knows.
sub device
{
	my ($key, %opt) = @_;
	my $name = 'device' . ++$n;

	sql("SELECT qlm_add_peer('$name', role => 'qlm_writer'" . ($opt{with} // '') . ')');
	say_to($name, envelope($key, '<read/>')) unless $opt{silent};
	return $name;
}

sub say_to
{
	my ($name, $body, %opt) = @_;

	return post($node, $body, path => "/peer/$name", %opt);
}

sub ask { return sql("SELECT qlm_request('$_[0]', qlm_read_envelope('$_[0]/x'))"); }

sub carried { return join ' ', request_ids($_[0]); }

sub let_pass
{
	my ($name) = @_;

	sql("UPDATE qlm.outbox SET sent_at = sent_at - interval '1 h', next_attempt_at = next_attempt_at - interval '1 h' WHERE peer = '$name' AND state = 'sent'");
	return;
}

sub peer { return sql("SELECT $_[1] FROM qlm.peer WHERE name = '$_[0]'"); }
sub waits_for { return sql("SELECT waits_for FROM qlm.stat_outbox WHERE message_id = $_[0]"); }
sub last_error { return sql("SELECT last_error FROM qlm.outbox WHERE message_id = $_[0]"); }
sub state_of { return sql("SELECT state FROM qlm.outbox WHERE message_id = $_[0]"); }

for my $key ('M0', 'M1a', 'M1b', 'M2')
{
	subtest "$key: a device that takes them" => sub {
		my $name = device($key);
		my $beat = envelope($key, '<read/>');
		my @ids = map { ask($name) } 1 .. 3;

		like(waits_for($ids[0]), qr/speaks O-MI.*tried once/, 'it is going to be tried');
		my $answer = say_to($name, $beat);
		is(carried($answer), $ids[0], 'with one request');
		like((nested($answer))[0], qr/^<omiEnvelope\b.*<read\b/s, 'nested in its own dialect');
		like(waits_for($ids[0]), qr/was tried with this one/, 'which says so');
		is(carried(say_to($name, $beat)), '', 'nothing more before it has answered');
		$answer = say_to($name, response_envelope($key, $ids[0], "$name/x", 1));
		is(carried($answer), "$ids[1] $ids[2]", 'it answers with the number: it gets all of them');
		is(peer($name, 'echoes_ids, takes_nested'), 't|t', 'which is remembered');
	};

	subtest "$key: a device that copies no numbers" => sub {
		my $name = device($key);
		my @ids = map { ask($name) } 1 .. 3;

		say_to($name, envelope($key, '<read/>'));
		is(carried(say_to($name, response_envelope($key, undef, "$name/x", 1))), $ids[1], 'it answers: it gets the next one');
		is(peer($name, 'echoes_ids, takes_nested'), 'f|t', 'which is remembered');
		is(carried(say_to($name, response_envelope($key, undef, "$name/x", 2))), $ids[2], 'and the one after it');
	};
}

subtest 'a device that ignores it' => sub {
	my $name = device('M1b');
	my ($first, $second) = map { ask($name) } 1 .. 2;
	my $beat = envelope('M1b', '<read/>');

	is(carried(say_to($name, $beat)), $first, 'it is tried');
	is(peer($name, 'takes_nested'), '', 'it has time to answer');
	let_pass($name);
	is(carried(say_to($name, $beat)), '', 'it calls again without an answer: never more');
	is(peer($name, 'takes_nested, tried_with'), "f|$first", 'which is remembered');
	like(last_error($_), qr/speaks O-MI, and has not answered message $first/, 'what waits says so') for $first, $second;
	is(waits_for($second), last_error($second), 'in the view, too');
	like(notice("SELECT qlm_request('$name', qlm_read_envelope('X/y'))"),
		qr/NOTICE: .*waits: its peer speaks O-MI, and has not answered message $first.*\nHINT: .*piggyback.*true.*tried_at/, 'and so does who queues another one');
	my $await = notice("SELECT qlm_await($second, '1.1 s')");
	like($await, qr/NOTICE:  there is no answer to request $second yet: its peer speaks O-MI.*\nHINT:/, 'and who waits in vain');
	is(sql("SELECT waits_for FROM qlm.stat_peer WHERE name = '$name'"), waits_for($second), 'and stat_peer');
	let_pass($name);
	is(carried(say_to($name, $beat)), '', 'nor later');
	sql("UPDATE qlm.outbox SET expires_at = clock_timestamp() WHERE message_id = $second");
	my (undef, undef, $err) = $node->psql('postgres', "SELECT qlm_await($second)");
	like($err, qr/ended without an answer: expired\nDETAIL: .*speaks O-MI/, 'it expires, and says why');
	is(carried(say_to($name, response_envelope('M1b', $first, "$name/x", 1))) ne '', 1, 'a late answer shows that it does take them');
	is(peer($name, 'takes_nested'), 't', 'which is remembered');
};

subtest 'what an administrator says' => sub {
	my $name = device('M1b');
	my $id = ask($name);
	my $beat = envelope('M1b', '<read/>');

	say_to($name, $beat);
	let_pass($name);
	say_to($name, $beat);
	is(peer($name, 'takes_nested'), 'f', 'it has not answered');
	sql("UPDATE qlm.peer SET tried_at = NULL WHERE name = '$name'");
	is(carried(say_to($name, $beat)), $id, 'try it again');
	let_pass($name);
	sql("UPDATE qlm.peer SET piggyback = true WHERE name = '$name'");
	is(carried(say_to($name, $beat)), $id, 'it does take them');
	let_pass($name);
	sql("UPDATE qlm.peer SET piggyback = false WHERE name = '$name'");
	is(carried(say_to($name, $beat)), '', 'it does not');
	like(waits_for($id), qr/takes no piggy-backed requests/, 'which is said');

	$name = device('M1b', with => ', piggyback => false');
	like(notice("SELECT qlm_request('$name', qlm_read_envelope('X/y'))"), qr/NOTICE: .*takes no piggy-backed requests.*\nHINT: .*WebSocket/, 'whoever queues something is told');
	is(carried(say_to($name, $beat)), '', 'it is not tried');
};

subtest 'an error in the answer' => sub {
	for my $numbered (1, 0)
	{
		my $name = device('M1b');
		my ($first, $second) = map { ask($name) } 1 .. 2;
		my $number = $numbered ? "<requestID>$first</requestID>" : '';

		say_to($name, envelope('M1b', '<read/>'));
		my $answer = say_to($name, envelope('M1b', "<response><result><return returnCode=\"400\" description=\"no such element\"/>$number</result></response>"));
		is(state_of($first), 'answered', 'it is answered');
		is(carried($answer), $numbered ? $second : '', $numbered ? 'with the number: it has read it' : 'without: it has refused the message');
		is(peer($name, 'takes_nested'), $numbered ? 't' : 'f', 'which is remembered');
	}
};

subtest 'where nothing is lost' => sub {
	my $name = device('M1b');
	my $id = ask($name);
	my $read = '<read msgformat="odf"%s><msg>' . objects('M1b', "$name/y") . '</msg></read>';

	say_to($name, write_envelope('M1b', "$name/y", 1, at => '2026-01-01T00:00:00Z'));
	is(state_of($id), 'sent', 'an answer that says only that all went well carries it');

	$name = device('M1b');
	$id = ask($name);
	$read = '<read msgformat="odf"%s><msg>' . objects('M1b', "$name/y") . '</msg></read>';
	sql("SELECT qlm_write('$name/y', 1)");
	my $subscription = (request_ids(say_to($name, envelope('M1b', sprintf($read, ' interval="-1"'), ttl => -1))))[0];
	for my $case (
		[ 'one with values', sprintf $read, '' ],
		[ 'an error', '<read msgformat="odf"><msg>' . objects('M1b', 'No/thing') . '</msg></read>' ],
		[ 'one with a requestID', sprintf $read, ' interval="-1"' ],
		[ 'that to a poll', "<read><requestID>$subscription</requestID></read>" ],
		[ 'that to a delete', '<delete msgformat="odf"><msg>' . objects('M1b', "$name/y") . '</msg></delete>' ],
		[ 'that to a cancel', "<cancel><requestID>$subscription</requestID></cancel>" ],
		[ 'a heartbeat among others', '<read/>' . sprintf $read, '' ])
	{
		my ($what, $verbs) = @$case;

		is(scalar nested(say_to($name, envelope('M1b', $verbs, ttl => -1))), 0, "$what carries nothing");
	}
	is(state_of($id), 'queued', 'it still waits');
	is(carried(say_to($name, envelope('M1b', '<read/>'))), $id, 'a heartbeat brings it');

	$name = device('M1b');
	my $connection = qlm_connect($node);
	$connection->send_request('POST', "/peer/$name", headers => { Prefer => 'wait=10' }, body => envelope('M1b', '<read/>'));
	$id = ask($name);
	is(carried($connection->response), $id, 'one that waits, at once');
};

subtest 'data are not tried with' => sub {
	my $name = device('M1b', with => ", url => 'http://127.0.0.1:1/', by_name => true, paths => '{Data}'");
	my $subscribe = '<read msgformat="odf" interval="-1" callback="http://127.0.0.1:1/"><msg>' . objects('M1b', 'Data/x') . '</msg></read>';

	sql("SELECT qlm_write('Data/x', 0)");
	is(return_code(say_to($name, envelope('M1b', $subscribe, ttl => -1))), 200, 'a device whose URL cannot be reached subscribes');
	sql("SELECT qlm_write('Data/x', 1)");
	wait_for_sql($node, "SELECT attempts > 0 AND NOT posting FROM qlm.outbox WHERE peer = '$name' AND kind = 'response'", 't');
	is(scalar nested(say_to($name, envelope('M1b', '<read/>'))), 0, 'what it might refuse would be lost');
	is(peer($name, 'tried_at'), '', 'so it is not tried with that');
	like(sql("SELECT waits_for FROM qlm.stat_outbox WHERE peer = '$name'"), qr/its URL is not tried before .* after \d+ failures: /, 'what waits says why');
	sql("SELECT qlm_drop_peer('$name')");
};

subtest 'what is said when a peer is added' => sub {
	like(notice("SELECT qlm_add_peer('said', dialect => 'M2')"), qr/NOTICE: .*"said" speaks O-MI.*\nHINT: .*Set piggyback to true/, 'one that speaks O-MI');
	is(notice("SELECT qlm_add_peer('said1', dialect => 'M2', piggyback => true)"), '', 'not where it is said what it takes');
	is(notice("SELECT qlm_add_peer('said2', dialect => 'M2', url => 'http://127.0.0.1:1/')"), '', 'nor where it is posted to');
	is(notice("SELECT qlm_add_peer('said3', dialect => 'Q1')"), '', 'nor for QLM');
	like(notice("SELECT qlm_request('said', qlm_read_envelope('X/y'))"), qr/NOTICE: .*speaks O-MI.*tried once/, 'and by qlm_request');
	is(notice("SELECT qlm_request('said3', qlm_read_envelope('X/y'))"), '', 'which else says nothing');
};

subtest 'others that wait in silence' => sub {
	my $id = ask('said3');

	is(waits_for($id), 'its peer has never called', 'a peer that never called');
	is(sql("SELECT waits_for FROM qlm.stat_peer WHERE name = 'said3'"), 'its peer has never called', 'in stat_peer');
	sql("UPDATE qlm.peer SET last_seen = now() - interval '1 day' WHERE name = 'said3'");
	like(waits_for($id), qr/^its peer has not called since /, 'one that does so no more');
	sql("CREATE ROLE passing IN ROLE qlm_writer; SELECT qlm_add_peer('roleless', role => 'passing')");
	$id = ask('roleless');
	sql('DROP ROLE passing');
	like(waits_for($id), qr/the role of its peer was dropped/, 'one whose role is gone') if state_of($id) eq 'queued';
	sql("ALTER SYSTEM SET qlm.max_wait = 20");
	$id = ask('said2');
	wait_for_sql($node, "SELECT waits_for LIKE 'its URL is not tried before%' FROM qlm.stat_outbox WHERE message_id = $id", 't', 'one that cannot be reached');
	sql("SELECT qlm_drop_peer('said2')");
	is(state_of($id), 'cancelled', 'one that is dropped');
	like(last_error($id), qr/dropped/, 'which its message says');
	is(sql('SELECT count(*) FROM qlm.stat_outbox WHERE waits_for IS NULL'), 0, 'whatever waits says what for');
	is(sql("SET ROLE pg_monitor; SELECT count(*) > 0 FROM qlm.stat_outbox"), "t", 'to who watches the server, too');
};

$node->stop;
done_testing();
