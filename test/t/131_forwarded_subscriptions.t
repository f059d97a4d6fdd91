# Subscriptions that a node makes at other nodes for somebody: at one that it
# can call, and at one behind a firewall that calls in.

use strict;
use warnings FATAL => 'all';

use QlmReceiver;
use QlmSocket;
use QlmTest;
use Test::More;

my $conf = "qlm.retry_delay = '500ms'\nqlm.retry_max_delay = '1s'\nqlm.callback_allow = '127.0.0.1'\n";
my $hub = qlm_node('hub', conf => $conf . "qlm.anonymous_role = 'qlm_reader'\n");
my $north = qlm_node('north', conf => $conf . "qlm.anonymous_role = 'qlm_writer'\n");
my $fridge = qlm_node('fridge', http => 0, conf => $conf . "qlm.listen_addresses = ''\n");
my $hub_url = "http://127.0.0.1:$hub->{qlm_port}";

sub hub { return $hub->safe_psql('postgres', $_[0]); }
sub north { return $north->safe_psql('postgres', $_[0]); }
sub fridge { return $fridge->safe_psql('postgres', $_[0]); }

hub("SELECT qlm_add_peer('north', url => 'http://127.0.0.1:$north->{qlm_port}/qlm')");
hub("SELECT qlm_add_peer('fridge', role => 'qlm_writer')");
hub("SELECT qlm_add_peer('asker')");
fridge("SELECT qlm_add_peer('hub', url => '$hub_url/peer/fridge', heartbeat => '1 s')");

my %at = (north => $north, fridge => $fridge);
my $minute = 0;

# A value newer than all before
sub put
{
	my ($where, $path, $value) = @_;

	$minute++;
	$at{$where}->safe_psql('postgres', "SELECT qlm_write('$path', '$value', '2024-05-01Z'::timestamptz + $minute * interval '1 min')");
	return;
}

sub results { return $_[0]{body} =~ m{(<result.*?</result>)}gs; }

# Subscribe at nodes as peer asker; returns the answer.
sub subscribe
{
	my ($path, $nodes, %opt) = @_;
	my $interval = $opt{interval} // -1;
	my $callback = defined $opt{callback} ? " callback=\"$opt{callback}\"" : '';
	my $list = join '', map { "<node>$_</node>" } @$nodes;

	my $format = $opt{msgformat} // 'odf';

	return envelope('M2', "<read msgformat=\"$format\" interval=\"$interval\"$callback><nodeList>$list</nodeList><msg>"
		  . objects('M2', $path) . '</msg></read>', ttl => $opt{ttl} // -1, %{ $opt{attributes} // {} });
}

sub subscribed
{
	my ($path, $nodes, %opt) = @_;
	my $answer = post($hub, subscribe($path, $nodes, %opt), path => '/peer/asker');
	my @ids = request_ids($answer);

	is(join(' ', map { "@{[return_code($_)]} @{[m{<node>(.*?)</node>}]}" } results($answer)),
		join(' ', map { "200 $_" } @$nodes), 'each node is named, and has a requestID');
	return @ids;
}

sub poll
{
	my ($id, %opt) = @_;

	return post($hub, envelope('M2', "<read><requestID>$id</requestID></read>"), path => '/peer/asker', %opt);
}

sub cancel
{
	my ($id) = @_;

	return post($hub, envelope('M2', "<cancel><requestID>$id</requestID></cancel>"), path => '/peer/asker');
}

sub wait_until_begun
{
	my (@ids) = @_;
	my $list = join ', ', @ids;

	return wait_for_sql($hub, "SELECT count(*) FROM qlm.forwarding WHERE request_id IN ($list) AND remote_id <> ''", scalar @ids, 'the nodes have answered');
}

# From now on; a worker may still serve a request before it sees a reload.
sub poll_nodes
{
	hub("ALTER SYSTEM SET qlm.url = ''");
	$hub->restart;
	wait_for_http($hub);
	return;
}

for my $mode ('polled', 'delivered')
{
	if ($mode eq 'delivered')
	{
		$hub->append_conf('postgresql.conf', "qlm.url = '$hub_url/qlm/'\n");
		$hub->restart;
		wait_for_http($hub);
	}

	subtest "$mode: with a callback" => sub {
		my $receiver = QlmReceiver->new;
		my @ids = subscribed("At$mode/x", [ 'north', 'fridge' ], callback => $receiver->url);

		wait_until_begun(@ids);
		is(hub("SELECT count(*) FROM qlm.forwarding WHERE token IS " . ($mode eq 'polled' ? 'NULL' : 'NOT NULL')), 2, "it is $mode");
		put('north', "At$mode/x", 'from north');
		my ($first) = $receiver->bodies(1);
		like($first, qr{returnCode="200"/><requestID>$ids[0]</requestID>.*>from north</value>.*<nodeList[^>]*><node>north</node>}s, 'what one node delivers');
		unlike($first, qr/fridge/, 'and only that');
		put('fridge', "At$mode/x", 'from fridge');
		like(($receiver->bodies(2))[1], qr{<requestID>$ids[1]</requestID>.*>from fridge</value>.*<node>fridge</node>}s, 'the one behind the firewall');
		put('north', "At$mode/x", $_) for 1 .. 5;
		wait_until(sub { join('', $receiver->bodies) =~ />5</ }, 'more');
		is(join(' ', map { m{>(\d)</value>}g } $receiver->bodies), '1 2 3 4 5', 'in order, once each');
		is(hub("SELECT count(*) FROM qlm.value"), 0, 'nothing of it is stored here');

		is(return_code(cancel($_)), 200, 'cancelled') for @ids;
		wait_for_sql($north, "SELECT count(*) FROM qlm.subscription", 0, 'and cancelled at the node');
		wait_for_sql($fridge, "SELECT count(*) FROM qlm.subscription", 0, 'and at the other');
		is(hub("SELECT count(*) FROM qlm.forwarding"), 0, 'nothing of it remains');
		is(return_code(cancel($ids[0])), 404, 'it is gone');
		wait_for_sql($hub, "SELECT count(*) FROM qlm.outbox WHERE state IN ('queued', 'sent') OR awaited_by IS NOT NULL", 0);
	};

	subtest "$mode: without a callback" => sub {
		my ($id, $cold) = subscribed("Polled$mode/x", [ 'north', 'fridge' ]);

		wait_until_begun($id, $cold);
		my $empty = poll($id);
		is(return_code($empty), 200, 'nothing yet');
		unlike($empty->{body}, qr/<value/, 'no value');
		my $waiting = qlm_connect($hub);
		$waiting->send_request('POST', '/peer/asker', body => envelope('M2', "<read><requestID>$id</requestID></read>"), headers => { Prefer => 'wait=30' });
		put('north', "Polled$mode/x", 1);
		like($waiting->response->{body}, qr{returnCode="200"/><requestID>$id</requestID>.*>1</value>.*<node>north</node>}s, 'a poll that waits is answered as soon as there is something');

		put('north', "Polled$mode/x", 2);
		wait_for_sql($hub, "SELECT count(*) FROM qlm.forwarded_result WHERE request_id = $id", 1);
		$hub->stop('immediate');
		$hub->start;
		wait_for_http($hub);
		put('north', "Polled$mode/x", 3);
		put('fridge', "Polled$mode/x", 4);
		wait_until(sub { hub("SELECT string_agg(answer, '') FROM qlm.forwarded_result WHERE request_id = $id") =~ />3</ }, 'it goes on after a crash');
		is(join(' ', poll($id)->{body} =~ m{>(\d)</value>}g), '2 3', 'everything that came');
		unlike(poll($id)->{body}, qr/<value/, 'once');
		is(return_code(post($hub, envelope('M2', "<read><requestID>$id</requestID></read>"))), 404, 'for nobody else');
		wait_until(sub { poll($cold)->{body} =~ />4</ }, 'the other node');
		hub("DELETE FROM qlm.subscription");
		wait_for_sql($north, "SELECT count(*) FROM qlm.subscription", 0, 'deleted by an administrator: cancelled at the node');
		wait_for_sql($fridge, "SELECT count(*) FROM qlm.subscription", 0, 'and at the other');
	};

	# How data come changes nothing of what follows.
	next if $mode eq 'delivered' && !long_run();

	subtest "$mode: at an interval, for a time" => sub {
		my $receiver = QlmReceiver->new;
		put('fridge', "Interval$mode/x", 'same');
		my ($id) = subscribed("Interval$mode/x", ['fridge'], interval => 0.5, ttl => 5, callback => $receiver->url);

		my @bodies = $receiver->bodies(2);
		like($_, qr{<requestID>$id</requestID>.*>same</value>}s, 'an unchanged value is repeated') for @bodies[ 0, 1 ];
		wait_for_sql($hub, "SELECT (SELECT count(*) FROM qlm.subscription WHERE expires_at > now()) + (SELECT count(*) FROM qlm.subscription s JOIN qlm.forwarding f USING (request_id) WHERE s.expires_at > now())", 0, 'the ttl ends');
		is(return_code(poll($id)), 404, 'it is gone');
		wait_for_sql($fridge, "SELECT count(*) FROM qlm.subscription WHERE expires_at > now()", 0, 'at the node too');
	};

	subtest "$mode: on a WebSocket" => sub {
		my $socket = qlm_socket($hub, path => '/peer/asker');
		my ($id) = request_ids($socket->request(subscribe("Ws$mode/x", ['north'], callback => '0')));
		wait_until_begun($id);
		put('north', "Ws$mode/x", 7);
		like($socket->receive, qr{<requestID>$id</requestID>.*>7</value>.*<node>north</node>}s, 'what the node delivers is pushed');
		my $once = subscribe("Ws$mode/x", [ 'north', 'nobody' ], callback => '0', ttl => 20) =~ s/ interval="-1"//r;
		($id) = request_ids($socket->request($once));
		like($socket->receive, qr{<requestID>$id</requestID>.*>7</value>.*<node>north</node>.*returnCode="403".*<node>nobody</node>}s, 'and so are gathered answers');
		$once =~ s/nobody/old/;
		hub("SELECT qlm_add_peer('old')");
		$socket->request($once);
		is(hub("SELECT count(*) FROM qlm.gathering"), 1, 'one is under way');
		$socket->close;
		wait_for_sql($north, "SELECT count(*) FROM qlm.subscription", 0, 'the connection ends: cancelled at the node');
		wait_for_sql($hub, "SELECT (SELECT count(*) FROM qlm.subscription) + (SELECT count(*) FROM qlm.forwarding) + (SELECT count(*) FROM qlm.gathering)", 0, 'and nothing is gathered');
		hub("SELECT qlm_drop_peer('old')");
	};

	subtest "$mode: in another format" => sub {
		my ($id) = subscribed("Csv$mode/x", ['north'], msgformat => 'csv');
		wait_until_begun($id);
		put('north', "Csv$mode/x", 9);
		my $answer;
		wait_until(sub { $answer = poll($id)->{body}; $answer =~ /<msg>/ }, 'it comes');
		like($answer, qr{<result msgformat="csv">.*<msg>[^<]*Csv$mode/x[^<]*,9}s, 'as it was subscribed');
		cancel($id);

		my $receiver = QlmReceiver->new;
		($id) = subscribed("Csv$mode/x", ['north'], msgformat => 'csv', callback => $receiver->url);
		wait_until_begun($id);
		put('north', "Csv$mode/x", 11);
		like(($receiver->bodies(1))[0], qr{<result msgformat="csv">.*<msg>[^<]*Csv$mode/x[^<]*,11}s, 'to a callback, too');
		cancel($id);

		($id) = request_ids(hub("SELECT qlm_handle('" . subscribe("Csv$mode/x", ['north'], msgformat => 'csv') . "')"));
		wait_until_begun($id);
		put('north', "Csv$mode/x", 10);
		wait_for_sql($hub, "SELECT count(*) FROM qlm.forwarded_result WHERE request_id = $id", 1);
		is(hub("SELECT path, value FROM qlm_poll($id)"), "Csv$mode/x|10", 'rows in SQL');
		hub("SELECT qlm_cancel($id)");
		wait_for_sql($north, "SELECT count(*) FROM qlm.subscription WHERE expires_at > now()", 0);
	};

	subtest "$mode: from SQL" => sub {
		my $session = $hub->background_psql('postgres', on_error_stop => 1);
		$session->query_safe("LISTEN relayed");
		my $envelope = subscribe("Sql$mode/x", ['north'], callback => 'notify:relayed');
		my ($id) = request_ids($session->query_safe("SELECT qlm_handle('$envelope')"));
		wait_until_begun($id);
		put('north', "Sql$mode/x", 8);
		wait_until(sub { $session->query_safe('SELECT 1') =~ /relayed.*"$id"/ }, 'it is notified');
		is(hub("SELECT path, value FROM qlm_poll($id)"), "Sql$mode/x|8", 'and polls');
		is(hub("SELECT qlm_cancel($id)"), 't', 'and cancels');
		wait_for_sql($north, "SELECT count(*) FROM qlm.subscription WHERE expires_at > now()", 0, 'at the node as well');
		$session->quit;
	};
}

subtest 'the callback URL of this node' => sub {
	my ($id) = subscribed('Token/x', ['north']);
	wait_until_begun($id);
	my $token = hub("SELECT token FROM qlm.forwarding WHERE request_id = $id");
	my $data = response_envelope('M1b', 12345, 'Token/x', 'posted');

	like($token, qr/^[0-9a-f]{32}$/, 'it cannot be guessed');
	is(return_code(post($hub, $data, path => '/callback/' . '0' x 32)), 404, 'a wrong one');
	is(return_code(post($hub, write_envelope('M1b', 'Token/x', 1), path => "/callback/$token")), 400, 'it takes no requests');
	is(return_code(post($hub, $data, path => "/callback/$token")), 200, 'but data, whatever their requestID');
	my $poll = poll($id);
	like($poll->{body}, qr{<requestID>$id</requestID>.*>posted<}s, 'which are handed on under ours');
	unlike($poll->{body}, qr/12345/, 'and no other');
	is(post($hub, $data, path => '/callback/x%2F')->{status}, 404, 'no token at all');
	is(post($hub, $data, path => '/callback/')->{status}, 404, 'nor here');
	is(hub("SELECT count(*) FROM qlm.value"), 0, 'nothing is stored');
	hub("ALTER SYSTEM SET qlm.max_message_size = '20kB'; SELECT pg_reload_conf()");
	my $large = response_envelope('M1b', 1, 'Token/x', 'x' x 9000);
	post($hub, $large, path => "/callback/$token") for 1 .. 5;
	my $full = poll($id);
	like($full->{body}, qr/description="3 older values were dropped/, 'the buffer is bounded');
	is(scalar(() = $full->{body} =~ /x{9000}/g), 2, 'and holds the newest');
	hub("ALTER SYSTEM RESET qlm.max_message_size; SELECT pg_reload_conf()");
	cancel($id);
};

subtest 'nodes that refuse' => sub {
	my $receiver = QlmReceiver->new;
	hub("SELECT qlm_add_peer('mirror', url => '$hub_url/peer/asker')");
	my ($id) = subscribed('Loop/x', ['mirror']);
	wait_until(sub { poll($id)->{body} =~ /returnCode="504" description="loop".*<node>mirror</s }, 'a circle: said to who polls');
	is(return_code(poll($id)), 404, 'and then it has ended');
	my ($other) = subscribed('Loop/x', ['mirror'], callback => $receiver->url);
	like(($receiver->bodies(1))[0], qr{returnCode="504" description="loop"/><requestID>$other</requestID>}, 'or to the callback');
	wait_for_sql($hub, "SELECT (SELECT count(*) FROM qlm.forwarding) + (SELECT count(*) FROM qlm.subscription)", 0, 'nothing remains');

	my $refused = sub { return post($hub, subscribe('Loop/x', @_), path => '/peer/asker'); };
	is(return_code($refused->(['nobody'])), 403, 'a node that is no peer');
	is(return_code($refused->([ 'north', 'north' ], callback => 'ftp://x')), 400, 'a callback that is none');
	is(return_code($refused->(['north'], attributes => { qlmHops => 'a,b,c,d' })), 504, 'after four hops');
	is(hub("SELECT count(*) FROM qlm.forwarding"), 0, 'nothing is left of those');

	# It ends at the node, without a word to us
	poll_nodes();
	my $answered = post($hub, subscribe('Gone/x', ['north'], ttl => -1), path => '/peer/asker');
	my ($gone) = request_ids($answered);
	wait_until_begun($gone);
	north("DELETE FROM qlm.subscription");
	wait_until(sub { poll($gone)->{body} =~ /returnCode="404"[^>]*>\s*<requestID>$gone<.*<node>north</s }, 'a subscription that has ended at the node');
	hub("ALTER SYSTEM RESET qlm.url; SELECT pg_reload_conf()");
	hub("SELECT qlm_drop_peer('mirror')");
};

subtest 'cancelled before the node has answered' => sub {
	hub("SELECT qlm_add_peer('slow', role => 'qlm_writer', piggyback => true)");
	my ($id) = subscribed('Slow/x', ['slow']);
	is(return_code(cancel($id)), 200, 'before it has left');
	is(hub("SELECT state || ': ' || last_error FROM qlm.outbox WHERE peer = 'slow'"), 'cancelled: the subscription has ended', 'it never does');

	($id) = subscribed('Slow/x', ['slow']);
	my $call = post($hub, envelope('Q1', '<read/>'), path => '/peer/slow');
	my ($correlation) = request_ids($call);
	like((nested($call))[0], qr/<read [^>]*interval="-1"/, 'the node has it');
	is(return_code(cancel($id)), 200, 'after it has left');
	is(scalar nested(post($hub, envelope('Q1', '<read/>'), path => '/peer/slow')), 0, 'nothing to cancel yet');
	post($hub, envelope('Q1', "<response><result><return returnCode=\"200\"/><requestId>$correlation</requestId><requestId>R77</requestId></result></response>"), path => '/peer/slow');
	my $order = '';
	wait_until(sub { $order = join '', nested(post($hub, envelope('Q1', '<read/>'), path => '/peer/slow')) }, 'something is queued for it');
	like($order, qr{<cancel><requestId>R77</requestId></cancel>}, 'the cancel follows its answer');
	is(hub("SELECT count(*) FROM qlm.forwarding"), 0, 'nothing remains');

	($id) = subscribed('Slow/x', ['slow']);
	hub("SELECT qlm_drop_peer('slow')");
	is(return_code(poll($id)), 404, 'the node is dropped');
	hub("SELECT qlm_add_peer('asker2')");
	post($hub, subscribe('North/x', ['north']), path => '/peer/asker2');
	wait_for_sql($hub, "SELECT count(*) FROM qlm.forwarding WHERE remote_id IS NOT NULL", 1);
	hub("SELECT qlm_drop_peer('asker2')");
	wait_for_sql($north, "SELECT count(*) FROM qlm.subscription WHERE expires_at > now()", 0, 'who asked is dropped: cancelled at the node');
};

subtest 'by requestID, from a node that can only nest' => sub {
	poll_nodes();
	hub("SELECT qlm_add_peer('old', role => 'qlm_writer', piggyback => true, paths => '{Old}')");
	my $answer = post($hub, subscribe('Old/x', ['old']), path => '/peer/asker');
	my ($id) = request_ids($answer);
	my ($correlation) = request_ids(post($hub, envelope('Q1', '<read/>'), path => '/peer/old'));
	post($hub, envelope('Q1', "<response><result><return returnCode=\"200\"/><requestId>$correlation</requestId><requestId>REQ001</requestId></result></response>"), path => '/peer/old');
	wait_until_begun($id);
	is(return_code(post($hub, response_envelope('Q1', 'REQ001', 'Old/x', 'by id'), path => '/peer/old')), 200, 'data under its own requestID');
	like(poll($id)->{body}, qr{<requestID>$id</requestID>.*>by id<}s, 'are handed on');
	is(hub("SELECT count(*) FROM qlm.value"), 0, 'and not stored');
	post($hub, response_envelope('Q1', 'REQ002', 'Old/x', 'other'), path => '/peer/old');
	is(hub("SELECT value FROM qlm.current WHERE path = 'Old/x'"), 'other', 'other data are stored as ever');
};

$_->stop for $hub, $north, $fridge;
done_testing();
