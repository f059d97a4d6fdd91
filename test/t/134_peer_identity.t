# A peer is its row: what one has is never another's of the same name, its secret is
# for what is its own, and its name is not enough where this node calls it.

use strict;
use warnings FATAL => 'all';

use QlmPeer;
use QlmSocket;
use QlmTest;
use Test::More;
use Time::HiRes qw(sleep);

my $node = qlm_node('identity', conf => <<'EOC');
qlm.anonymous_role = 'qlm_reader'
qlm.retry_delay = '300ms'
qlm.retry_max_delay = '500ms'
qlm.callback_allow = '127.0.0.1'
EOC
my $session = $node->background_psql('postgres');

sub sql { return $node->safe_psql('postgres', $_[0]); }

sub session { return in_session($session, $_[0]); }

sub add { return sql("SELECT qlm_add_peer('$_[0]', role => 'qlm_writer', piggyback => true" . ($_[1] // '') . ')'); }

sub ask { return sql("SELECT qlm_request('$_[0]', qlm_read_envelope('" . ($_[1] // 'Dev/x') . "'))"); }

# What is nested in the response to an empty read of the one with this name
sub fetch { return [ request_ids(post($node, envelope('Q1', '<read/>'), path => "/peer/$_[0]")) ]; }

# A request that is held; returns its connection.
sub hold
{
	my $connection = qlm_connect($node);

	$connection->send_request('POST', "/peer/$_[0]", body => envelope('Q1', '<read/>'), headers => { Prefer => 'wait=3' });
	return $connection;
}

sub subscribe
{
	my ($callback, %opt) = @_;

	return post($node, envelope('M2', '<read interval="-1"' . ($callback ? " callback=\"$callback\"" : '') . '><msg>'
		  . objects('M2', 'S/x') . '</msg></read>', ttl => -1), %opt);
}

my $ok = envelope('Q1', '<response><result><return returnCode="200"/></result></response>');

sub nested_write
{
	my ($number, $path, $value) = @_;

	return envelope('Q1', "<response><result><return returnCode=\"200\"/><requestId>$number</requestId>"
		  . write_envelope('Q1', $path, $value) . '</result></response>');
}

sub authorization_of { return $_[0]{head} =~ /^Authorization: ([^\r\n]*)/mi ? $1 : 'none'; }

sql("SELECT qlm_write('S/x', '0')");

for my $way ('DELETE FROM qlm.peer WHERE name = \'dev\'', 'TRUNCATE qlm.peer', 'SELECT qlm_drop_peer(\'dev\')')
{
	subtest $way => sub {
		add('dev');
		my ($poll) = request_ids(subscribe(undef, path => '/peer/dev'));
		my $old = ask('dev', 'Dev/secret');
		my $held_socket = qlm_socket($node, path => '/peer/dev');
		is((request_ids($held_socket->receive(timeout => 20)))[0], $old, 'it is connected');
		my $held = hold('dev');
		ok(wait_until(sub { ($held->unread // 1) == 0 }), 'and waits');

		sql($way);
		is(sql("SELECT state FROM qlm.outbox WHERE message_id = $old"), 'cancelled', 'what waited for it is cancelled');
		is(sql("SELECT count(*) FROM qlm.subscription WHERE request_id = $poll"), 0, 'its subscription has ended');
		add('dev');
		is_deeply(fetch('dev'), [], 'who has the name next gets nothing');
		is(return_code(post($node, envelope('M2', "<read><requestID>$poll</requestID></read>"), path => '/peer/dev')), 404, 'nor the subscription');
		my $new = ask('dev', 'Dev/new');
		ok(!(grep { $_ eq $new } request_ids($held->response)), 'what is for that does not leave to who waited as the old one');
		is($held_socket->receive(timeout => 0.5), undef, 'nor on the socket of the old one');
		is_deeply(fetch('dev'), [$new], 'but to itself');
		sql("SELECT qlm_drop_peer('dev')");
	};
}

subtest 'queued while the peer is dropped, and added anew' => sub {
	my $receiver = QlmPeer->new;

	add('race');
	fetch('race');				# or its row would be noted as seen, and held, below
	session('BEGIN');
	session(q{SELECT qlm_request('race', qlm_read_envelope('Dev/secret'))});
	session("SELECT qlm_handle('" . envelope('M2', '<read interval="-1" callback="' . $receiver->url . '"><msg>'
		. objects('M2', 'S/x') . '</msg></read>', ttl => -1) . "', 'race')");
	session(q{INSERT INTO qlm.executed (peer, request_id, answer, executed_at) VALUES ('race', '5', '', now())});
	sql("DELETE FROM qlm.peer WHERE name = 'race'");
	add('race');
	session('COMMIT');
	is_deeply(fetch('race'), [], 'the new one does not get it');
	is(sql("SELECT queued + sent FROM qlm.stat_peer WHERE name = 'race'"), 0, 'nor is it counted as its own');
	sql("SELECT qlm_write('S/x', '1')");
	ok($receiver->is_quiet(undef, 0.5), 'what was subscribed for the old one is not posted');
	sql("UPDATE qlm.peer SET dialect = 'Q1' WHERE name = 'race'");
	wait_for_sql($node, "SELECT count(*) FROM qlm.outbox WHERE peer = 'race' AND state IN ('queued', 'sent')", 0, 'it is cancelled by and by');
	wait_for_sql($node, "SELECT count(*) FROM qlm.subscription WHERE peer = 'race'", 0, 'and the subscription ended');
	sql("SELECT qlm_drop_peer('race')");
};

subtest 'a rename' => sub {
	add('before');
	my ($poll) = request_ids(subscribe(undef, path => '/peer/before'));
	my $socket = qlm_socket($node, path => '/peer/before');
	ok($socket->request(envelope('Q1', "<read><requestId>$poll</requestId></read>")), 'it is connected');
	my $waiting = sql("INSERT INTO qlm.outbox (message_id, peer, envelope) VALUES (77, 'before', '" . read_envelope('Q1', 'Dev/x') . "') RETURNING peer");
	is($waiting, 'before', 'and something waits');
	my $held = hold('before');
	sql("UPDATE qlm.peer SET name = 'after' WHERE name = 'before'");
	is(post($node, envelope('Q1', '<read/>'), path => '/peer/before')->{status}, 401, 'the old name is nobody\'s');
	is(sql("SELECT string_agg(DISTINCT peer, ' ') FROM (SELECT peer FROM qlm.outbox WHERE message_id = 77 UNION ALL SELECT peer FROM qlm.subscription WHERE request_id = $poll) AS x"),
		'after', 'what is its own has the new one');
	sql("SELECT qlm_write('S/x', '2')");
	like(post($node, envelope('M2', "<read><requestID>$poll</requestID></read>"), path => '/peer/after')->{body}, qr/>2</, 'its subscription goes on');
	my $id = ask('after', 'Dev/later');
	my @got = (request_ids($held->response), map { request_ids($_) } grep { defined } map { $socket->receive(timeout => 2) } 1 .. 2);
	ok((grep { $_ eq $id } @got), 'who is connected is still the peer');
	sql("SELECT qlm_drop_peer('after')");
};

subtest 'a transfer is under way' => sub {
	my $peer = QlmPeer->new;

	add('called', ", url => '" . $peer->url . "', secret => 'first'");
	my @ids = split ' ', sql("SELECT string_agg(qlm_request('called', qlm_read_envelope('C/' || i))::text, ' ' ORDER BY i) FROM generate_series(1, 3) AS i");
	my $request = $peer->request;
	is(authorization_of($request), 'Bearer first', 'it is shown the secret');
	sql("UPDATE qlm.peer SET secret = 'second' WHERE name = 'called'");
	sleep 0.3;
	$peer->answer($request, response_envelope('M2', undef, 'C/1', 1));
	$request = $peer->request;
	is(authorization_of($request), 'Bearer second', 'what leaves after a change is shown the new one');

	sql("DELETE FROM qlm.peer WHERE name = 'called'");
	my $other = QlmPeer->new;
	add('called', ", url => '" . $other->url . "', secret => 'other'");
	ok($other->is_quiet(undef, 0.5), 'nothing of the old one is posted to the new one');
	$peer->answer($request, nested_write(501, 'C/evil', 'executed'));
	ok($peer->is_quiet(undef, 0.5), 'what else it had is not posted any more, nor is it answered');
	is(sql("SELECT count(*) FROM qlm.current WHERE path = 'C/evil'"), 0, 'what it nests is not executed as the new one');
	is(sql("SELECT string_agg(DISTINCT state, ' ') FROM qlm.outbox WHERE message_id IN ($ids[1], $ids[2])"), 'cancelled', 'its messages have ended');
	sql("SELECT qlm_drop_peer('called')");
};

subtest 'what others want at the URL of a peer' => sub {
	my $peer = QlmPeer->new;
	my $url = $peer->url;

	add('high', ", url => '$url', secret => 'top secret', by_name => true");
	add('low');
	is(return_code(subscribe($url, path => '/peer/low')), 200, 'another peer subscribes');
	sql("SELECT qlm_write('S/x', '2.5')");
	my $request = $peer->request;
	is(authorization_of($request), 'none', 'without the secret');
	like($request->{head}, qr/^Content-Type: application\/x-www-form-urlencoded/mi, 'as any callback');
	$peer->answer($request, nested_write(601, 'H/x', 'low'));
	sql('DELETE FROM qlm.subscription');

	sql("SELECT qlm_subscribe('S/x', -1, '$url')");
	sql("SELECT qlm_write('S/x', '3')");
	$request = $peer->request;
	is(authorization_of($request), 'none', 'an SQL session neither');
	$peer->answer($request, nested_write(602, 'H/x', 'session'));
	sql('SELECT qlm_cancel(request_id) FROM qlm.subscription');

	is(return_code(post($node, read_envelope('M2', 'S/x', callback => $url), path => '/peer/high')), 200, 'the peer itself');
	$request = $peer->request;
	is(authorization_of($request), 'top secret', 'is shown it');
	like($request->{head}, qr/^Content-Type: text\/xml/mi, 'and has XML');
	$peer->answer($request, nested_write(603, 'H/own', 'own'));
	$peer->answer($peer->request('answer'), $ok);
	is(sql("SELECT string_agg(path || ' ' || value, ', ') FROM qlm.current WHERE path ~ '^H/'"), 'H/own own', 'only its answer is a dialog');

	is(sql("SELECT count(*) FROM qlm.stat_delivery WHERE url = '$url' AND delivered > 0"), 3, 'each has an endpoint of its own');
	is(sql("SELECT string_agg(peer, ' ' ORDER BY peer) FROM qlm.stat_delivery WHERE url = '$url'"), 'high low', 'named by the peer');
	sql("SELECT qlm_drop_peer('low'), qlm_drop_peer('high')");
};

subtest 'a stranger and the URL of a peer' => sub {
	my $peer = QlmPeer->new;
	my $url = $peer->url;

	add('known', ", url => '$url', secret => 'for-known'");
	is(return_code(post($node, read_envelope('M2', 'S/x', callback => $url))), 200, 'he asks for a callback there');
	my $request = $peer->request;
	is(authorization_of($request), 'none', 'it bears no secret');
	$peer->answer($request, 'no', status => 500);
	wait_for_sql($node, "SELECT state FROM qlm.stat_delivery WHERE url = '$url' AND peer IS NULL", 'paused', 'and fails');
	my $id = ask('known', 'K/x');
	for (;;)
	{
		$request = $peer->request;
		last if authorization_of($request) ne 'none';
		$peer->answer($request, 'no', status => 500);
	}
	is(authorization_of($request), 'Bearer for-known', 'what is for the peer does not wait for that');
	$peer->answer($request, response_envelope('M2', undef, 'K/x', 1));
	wait_for_sql($node, "SELECT state FROM qlm.outbox WHERE message_id = $id", 'answered');

	# Nobody says where callbacks may go
	sql("UPDATE qlm.outbox SET state = 'cancelled' WHERE url = '$url' AND state IN ('queued', 'sent')");
	sql("UPDATE qlm.peer SET by_name = true WHERE name = 'known'");
	my $late = subscribe("$url/stranger");
	is(return_code($late), 200, 'a subscription of a stranger from before');
	$node->append_conf('postgresql.conf', "qlm.callback_allow = ''");
	$node->reload;
	ok(wait_until(sub { return_code(subscribe("$url/other")) == 403 }), 'then a stranger has nothing sent to a peer\'s host');
	is(return_code(subscribe("$url/mine", path => '/peer/known')), 200, 'a peer has');
	sql("SELECT qlm_write('S/x', '4')");
	for (;;)
	{
		$request = $peer->request;
		last if $request->{head} =~ m{^POST /peer/mine };
		$peer->answer($request, $ok);
	}
	ok(1, 'and it comes');
	is(authorization_of($request), 'none', 'without the secret, as it is not the peer\'s URL');
	$peer->answer($request, $ok);
	wait_for_sql($node, "SELECT state FROM qlm.outbox WHERE url = '$url/stranger'", 'failed', 'that of the stranger is refused');
	$node->append_conf('postgresql.conf', "qlm.callback_allow = '127.0.0.1'");
	$node->reload;
	sql("SELECT qlm_drop_peer('known')");
	sql('DELETE FROM qlm.subscription');
};

subtest 'who is taken at his word' => sub {
	my $url = 'http://192.0.2.1/claimed';
	my %called = (url => "url => '$url'", secret => "secret => 's'", heartbeat => "heartbeat => '1 h'");
	my $write = write_envelope('M2', 'Claimed/x', 1);

	# Who fails waits, by his address: each of these has one of its own, and the rest of the
	# program another.
	my $host = 10;

	for my $by (sort keys %called)
	{
		my @from = (from => '127.0.0.' . $host++);

		add('claimed', ", $called{$by}, paths => '{Claimed}'");
		is(post($node, $write, path => '/peer/claimed', @from)->{status}, 401, "$by: not by his name in the path");
		is(post($node, $write, path => '/?peer=claimed', @from)->{status}, 401, "$by: nor in the query");
		is(return_code(post($node, $write, @from)), 403, "$by: nor by the Objects: he is a stranger");
		is(return_code(post($node, $write =~ s/<write /<write callback="$url" /r, @from)), 403, "$by: nor by the callback");
		is(return_code(qlm_socket($node, path => '/peer/claimed', @from)->request($write)), 401, "$by: nor on a WebSocket");
		is(get($node, '/Objects/S/x?peer=claimed', @from)->{status}, 401, "$by: nor to look");
		sql("UPDATE qlm.peer SET by_name = true WHERE name = 'claimed'");
		is(return_code(post($node, $write, path => '/peer/claimed', @from)), 200, "$by: if the administrator says so, by his name");
		is(return_code(post($node, $write, @from)), 200, "$by: and by his Objects");
		my $socket = qlm_socket($node, path => '/peer/claimed', @from);
		is(return_code($socket->request($write)), 200, "$by: and on a WebSocket");
		sql("UPDATE qlm.peer SET credential = qlm.credential_hash('long'), by_name = true WHERE name = 'claimed'");
		is(return_code($socket->request($write)), 401, "$by: a credential is stronger, also where he is connected");
		is(post($node, $write, path => '/peer/claimed', @from)->{status}, 401, "$by: and for who comes");
		is(return_code(post($node, $write, path => '/peer/claimed', @from, headers => { Authorization => 'Bearer long' })), 200, "$by: who shows it is the peer");
		sql("SELECT qlm_drop_peer('claimed')");
	}
	add('simple', ", paths => '{Claimed}'");
	is(return_code(post($node, $write, path => '/peer/simple')), 200, 'one that only calls, by his name');
	is(return_code(post($node, $write)), 200, 'and by his Objects');
	sql("UPDATE qlm.peer SET by_name = false WHERE name = 'simple'");
	is(post($node, $write, path => '/peer/simple')->{status}, 401, 'unless that is not wanted');
	sql("SELECT qlm_drop_peer('simple')");
};

subtest 'another credential' => sub {
	add('keyed', ", credential => 'old'");
	my $socket = qlm_socket($node, path => '/peer/keyed', headers => { Authorization => 'Bearer old' });
	my $first = ask('keyed');
	is((request_ids($socket->receive(timeout => 20)))[0], $first, 'who has shown it is connected');
	my $held = qlm_connect($node);
	$held->send_request('POST', '/peer/keyed', body => envelope('Q1', '<read/>'), headers => { Prefer => 'wait=3', Authorization => 'Bearer old' });
	sql("UPDATE qlm.peer SET credential = qlm.credential_hash('new') WHERE name = 'keyed'");
	my $id = ask('keyed', 'Dev/secret');
	is($socket->receive(timeout => 0.5), undef, 'nothing is pushed to who has shown the old one');
	is(scalar nested($held->response), 0, 'nor given to who waits');
	my $answer = post($node, envelope('Q1', '<read/>'), path => '/peer/keyed', headers => { Authorization => 'Bearer new' });
	ok((grep { $_ eq $id } request_ids($answer)), 'but to who shows the new one');
	sql("SELECT qlm_drop_peer('keyed')");
};

$session->{run}->finish if $session->{run};
$node->stop;
done_testing();
