# Requests that wait (Prefer: wait=N) until there is something for their peers.

use strict;
use warnings FATAL => 'all';

use QlmClock;
use QlmTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $node = qlm_node('wait', conf => <<EOC);
qlm.http_workers = 1
qlm.max_connections = 3000
qlm.retry_delay = '1s'
max_connections = 20
restart_after_crash = on
EOC
my $empty = envelope('Q1', '<read/>');

$node->safe_psql('postgres', <<EOQ);
SELECT qlm_add_peer('fridge', role => 'qlm_writer');
SELECT qlm_add_peer('p' || i, role => 'qlm_writer') FROM generate_series(1, 500) AS i;
SELECT qlm_write('Fridge/temperature', '1');
EOQ

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

# A session of its own, so that what is measured is not the start of psql.
my $session = $node->background_psql('postgres');

sub session
{
	return in_session($session, $_[0]);
}

sub queue
{
	my ($peer) = @_;

	return session("SELECT qlm_request('$peer', qlm_read_envelope('Fridge/$peer'))");
}

# A connection whose request waits.  Options: body, path, prefer, node.
sub waiting
{
	my ($peer, %opt) = @_;
	my $connection = qlm_connect($opt{node} // $node);

	$connection->send_request('POST', "/peer/$peer", body => $opt{body} // $empty,
		headers => { Prefer => $opt{prefer} // 'respond-async, wait=20' });
	return $connection;
}

sub has_answer
{
	my ($connection, $timeout) = @_;

	return IO::Select->new($connection->{socket})->can_read($timeout // 0) ? 1 : 0;
}

# Connections whose answers have come, within the time.
sub answered
{
	my ($timeout, @connections) = @_;
	my $end = running_time() + $timeout;
	my @ready;

	do
	{
		sleep 0.01;
		@ready = grep { has_answer($_) } @connections;
	} while (@ready == 0 && running_time() < $end);
	return @ready;
}

# Nothing may come for so long.
sub is_quiet
{
	my ($connection, $what) = @_;

	ok(!has_answer($connection, 0.3), $what);
	return;
}

subtest 'a queued request reaches who waits' => sub {
	my @latency;

	for my $round (1 .. 20)
	{
		my $connection = waiting('fridge');
		is_quiet($connection, 'it waits') if $round == 1;
		sleep 0.02;
		my $start = running_time();
		my $id = queue('fridge');
		my $answer = $connection->response;
		push @latency, (running_time() - $start) * 1000;
		if ($round == 1)
		{
			is($answer->{status}, 200, 'answered');
			is($answer->{headers}{'preference-applied'}, 'wait=20', 'says that it waited');
			is(scalar nested($answer), 1, 'with the request');
			is((request_ids($answer))[0], $id, 'and its id');
			like((nested($answer))[0], qr/<qlmEnvelope /, 'in the dialect of the waiting message');
		}
		$answer = $connection->request('POST', '/peer/fridge',
			body => response_envelope('Q1', $id, 'Fridge/fridge', $round));
		is(return_code($answer), 200, 'the answer is taken') if $round == 1;
	}
	@latency = sort { $a <=> $b } @latency;
	note sprintf 'latency in ms, from before queueing: median %.1f, slowest %.1f', $latency[10], $latency[-1];
	cmp_ok($latency[10], '<', 100, 'within 100 ms');
};

subtest 'the time ends' => sub {
	my ($start, $running) = (time(), running_time());
	my $answer = waiting('fridge', prefer => 'wait=1')->response;
	my $seconds = time() - $start;

	is($answer->{status}, 200, 'answered');
	is(return_code($answer), 200, 'as if it had not waited');
	is($answer->{headers}{'preference-applied'}, 'wait=1', 'and says so');
	cmp_ok($seconds, '>', 0.95, 'not before its time');
	cmp_ok(running_time() - $running, '<', 1.5, 'nor long after');
};

subtest 'who does not wait' => sub {
	for (
		[ 'no preference', undef ],
		[ 'another preference', 'respond-async' ],
		[ 'no time', 'wait=0' ],
		[ 'no number', 'wait=soon' ],
		[ 'a parameter', 'foo; wait=20' ],
		[ 'within quotes', 'foo="a, wait=20"' ])
	{
		my ($what, $prefer) = @$_;
		my $answer = post($node, $empty, path => '/peer/fridge', timeout => 5, headers => { Prefer => $prefer });
		is($answer && $answer->{status}, 200, $what);
		is($answer->{headers}{'preference-applied'}, undef, "$what: nothing applied");
	}
	for ([ 'errors', '/peer/fridge', read_envelope('Q1', 'No/such'), 404 ],
		[ 'unknown callers', '/', $empty, 401 ],
		[ 'peers that take no nested requests', '/peer/p1', read_envelope('M2', 'Fridge/temperature'), 200 ],
		[ 'bad messages', '/peer/fridge', '<bad', 400 ])
	{
		my ($what, $path, $body, $code) = @$_;
		my $answer = post($node, $body, path => $path, timeout => 5, headers => { Prefer => 'wait=20' });
		is($answer && return_code($answer), $code, $what);
	}
	my $id = queue('fridge');
	my $answer = post($node, $empty, path => '/peer/fridge', timeout => 5, headers => { Prefer => 'wait=20' });
	is((request_ids($answer))[0], $id, 'what waits already leaves at once');
	post($node, response_envelope('Q1', $id, 'Fridge/fridge', 1), path => '/peer/fridge');
};

subtest 'how the preference is written' => sub {
	for my $prefer ('wait=1', 'WAIT = 1', 'foo, wait=1', 'foo="x;,\\"y"; bar=2, wait="1"', 'wait=1; foo', 'foo;bar=1,wait=1')
	{
		my $answer = waiting('fridge', prefer => $prefer)->response;
		is($answer->{headers}{'preference-applied'}, 'wait=1', $prefer);
	}
};

subtest 'a write waits once it is done' => sub {
	my $connection = waiting('fridge', body => write_envelope('Q1', 'Fridge/door', 'open'));

	wait_for_sql($node, "SELECT value FROM qlm.current WHERE path = 'Fridge/door'", 'open', 'written at once');
	is_quiet($connection, 'and waits');
	my $id = queue('fridge');
	is((request_ids($connection->response))[0], $id, 'what is queued goes with its answer');
	is(sql("SELECT count(*) FROM qlm.history WHERE path = 'Fridge/door'"), 1, 'written once');
	post($node, response_envelope('Q1', $id, 'Fridge/fridge', 1), path => '/peer/fridge');

	$connection = waiting('fridge', body => read_envelope('Q1', 'Fridge/door'));
	is_quiet($connection, 'a read waits, too');
	$id = queue('fridge');
	my $answer = $connection->response;
	like($answer->{body}, qr{<value[^>]*>open</value>.*<qlmEnvelope}s, 'and brings its values and the request');
	post($node, response_envelope('Q1', $id, 'Fridge/fridge', 1), path => '/peer/fridge');
};

subtest 'two connections of one peer' => sub {
	my @connections = (waiting('fridge'), waiting('fridge'));
	sleep 0.1;
	my $id = queue('fridge');
	my ($first, @more) = answered(2, @connections);
	is(scalar @more, 0, 'one of them gets it');
	is((request_ids($first->response))[0], $id, 'with the request');
	my ($other) = grep { $_ != $first } @connections;
	is_quiet($other, 'the other goes on waiting');
	post($node, response_envelope('Q1', $id, 'Fridge/fridge', 1), path => '/peer/fridge');
	$id = queue('fridge');
	is((request_ids($other->response))[0], $id, 'and gets the next');
	post($node, response_envelope('Q1', $id, 'Fridge/fridge', 1), path => '/peer/fridge');
};

subtest 'a request without answer is due again' => sub {
	my $id = queue('fridge');
	post($node, $empty, path => '/peer/fridge');
	my $start = running_time();
	is((request_ids(waiting('fridge')->response))[0], $id, 'who waits gets it again');
	cmp_ok(running_time() - $start, '<', 10, 'soon');
	post($node, response_envelope('Q1', $id, 'Fridge/fridge', 1), path => '/peer/fridge');
};

subtest 'a client that goes away' => sub {
	my $connection = waiting('fridge');
	sleep 0.1;
	$connection->close;
	wait_for_sql($node, 'SELECT sum(connections) FROM qlm.stat_worker', 0, 'is noticed');
	my $id = queue('fridge');
	is(sql("SELECT state FROM qlm.outbox WHERE message_id = $id"), 'queued', 'nothing is sent to it');
	is((request_ids(waiting('fridge')->response))[0], $id, 'the next one gets it');
	post($node, response_envelope('Q1', $id, 'Fridge/fridge', 1), path => '/peer/fridge');

	$connection = waiting('fridge');
	shutdown $connection->{socket}, 1;
	is($connection->response->{status}, 200, 'one that only ends its side has its answer');
};

subtest 'a peer that is dropped meanwhile' => sub {
	sql("SELECT qlm_add_peer('gone', role => 'qlm_writer')");
	my $connection = waiting('gone');
	sleep 0.1;
	sql("SELECT qlm_drop_peer('gone'); SELECT qlm_add_peer('gone', role => 'qlm_writer', credential => 'secret');
		 SELECT qlm_request('gone', qlm_read_envelope('Fridge/secret'))");
	my $answer = $connection->response;
	is($answer->{status}, 200, 'its request is answered');
	is(scalar nested($answer), 0, 'but what is queued for another of its name does not leave');
};

subtest 'polls' => sub {
	my ($id) = request_ids(post($node,
		envelope('Q1', '<read msgformat="QLMdf.xsd" interval="-1"><msg>' . objects('Q1', 'Fridge/temperature') . '</msg></read>', ttl => -1),
		path => '/peer/fridge'));
	my $poll = envelope('Q1', "<read><requestId>$id</requestId></read>");
	my $connection = waiting('fridge', body => $poll);

	is_quiet($connection, 'a poll waits');
	session("SELECT qlm_write('Fridge/other', '1')");
	is_quiet($connection, 'for what it is about');
	my $start = running_time();
	session("SELECT qlm_write('Fridge/temperature', '2')");
	my $answer = $connection->response;
	my $ms = (running_time() - $start) * 1000;
	like($answer->{body}, qr{<value[^>]*>2</value>}, 'and brings the value');
	cmp_ok($ms, '<', 500, sprintf 'at once, %.0f ms', $ms);
	is($answer->{headers}{'preference-applied'}, 'wait=20', 'and says that it waited');

	$connection = waiting('fridge', body => $poll);
	is_quiet($connection, 'the next waits again');
	my $request = queue('fridge');
	is((request_ids($connection->response))[-1], $request, 'a request ends it as well');
	post($node, response_envelope('Q1', $request, 'Fridge/fridge', 1), path => '/peer/fridge');

	my ($other) = request_ids(post($node,
		envelope('M2', '<read msgformat="odf" interval="-1"><msg>' . objects('M2', 'Fridge/other') . '</msg></read>', ttl => -1),
		path => '/peer/p2'));
	$connection = waiting('p2', body => envelope('M2', "<read><requestID>$other</requestID></read>"));
	is_quiet($connection, 'so does one of a peer that takes no nested requests');
	session("SELECT qlm_write('Fridge/other', '2')");
	like($connection->response->{body}, qr{<value[^>]*>2</value>}, 'and brings the value');

	$answer = waiting('fridge', body => $poll, prefer => 'wait=1')->response;
	unlike($answer->{body}, qr/<value/, 'it ends without values');
	is(return_code($answer), 200, 'as a poll without values does');

	($id) = request_ids(post($node,
		envelope('Q1', '<read msgformat="QLMdf.xsd" interval="1"><msg>' . objects('Q1', 'Fridge/temperature') . '</msg></read>', ttl => -1),
		path => '/peer/fridge'));
	$start = running_time();
	$answer = waiting('fridge', body => envelope('Q1', "<read><requestId>$id</requestId></read>"))->response;
	like($answer->{body}, qr{<value[^>]*>2</value>}, 'a poll of an interval waits for it');
	cmp_ok(running_time() - $start, '<', 10, 'and no longer');
};

subtest 'the journal has each of them once' => sub {
	my $count = q{SELECT string_agg(direction || ' ' || n, ', ' ORDER BY direction)
		FROM (SELECT direction, count(*) AS n FROM qlm.journal WHERE peer = 'j1' GROUP BY 1) AS m};

	sql("SELECT qlm_add_peer('j' || i, role => 'qlm_writer') FROM generate_series(1, 3) AS i");
	sql("ALTER SYSTEM SET qlm.log_messages = 'all'");
	sql('SELECT pg_reload_conf()');
	post($node, $empty, path => '/peer/j2') until sql("SELECT count(*) > 0 FROM qlm.journal WHERE peer = 'j2'") eq 't';

	my $connection = waiting('j1');
	ok(wait_for_sql($node, $count, 'in 1, out 1'), 'while it is held');
	my $id = queue('j1');
	my $answer = $connection->response;
	is(nested($answer), 1, 'then a request is nested in its answer');
	is(sql($count), 'in 1, out 1', 'still once');
	is(sql("SELECT envelope LIKE '%j1%' FROM qlm.journal WHERE peer = 'j1' AND direction = 'out'"),
		't', 'with the answer that it got');

	post($node, $empty, path => '/peer/j3', headers => { Prefer => 'wait=1' });
	is(sql("SELECT count(*) FROM qlm.journal WHERE peer = 'j3'"), 2, 'also one whose time ends');
	sql("ALTER SYSTEM RESET qlm.log_messages");
	sql('SELECT pg_reload_conf()');
};

subtest '500 peers wait while others are served' => sub {
	my @connections = map { waiting("p$_") } 1 .. 500;
	wait_for_sql($node, 'SELECT sum(connections) FROM qlm.stat_worker', 500, 'they are there');
	my $served = grep { post($node, write_envelope('Q1', 'Fridge/x', $_), path => '/peer/fridge')->{status} == 200 } 1 .. 100;
	is($served, 100, 'others are served');
	is(scalar(grep { has_answer($_) } @connections), 0, 'which disturbs nobody');

	queue('p7');
	my @ready = answered(2, @connections);
	is(scalar @ready, 1, 'one request reaches one');
	is($ready[0], $connections[6], 'its own');
	unlike($connections[6]->response->{body}, qr{Fridge/p(?!7\b)}, 'nothing else');

	session("SELECT count(qlm_request('p' || i, qlm_read_envelope('Fridge/p' || i))) FROM generate_series(1, 500) AS i WHERE i <> 7");
	my $start = time();
	my $right = 0;
	for my $i (grep { $_ != 7 } 1 .. 500)
	{
		my $answer = $connections[ $i - 1 ]->response;
		my @nested = nested($answer);
		$right++ if @nested == 1 && $nested[0] =~ /<InfoItem name="p$i"/;
	}
	is($right, 499, 'each gets its own');
	note sprintf 'all 499 within %.0f ms', (time() - $start) * 1000;
	is(sql("SELECT count(*) FROM qlm.outbox WHERE state = 'queued' AND peer LIKE 'p%'"), 0, 'nothing stays');
	$_->close for @connections;
};

subtest 'several workers' => sub {
	$node->append_conf('postgresql.conf', "qlm.http_workers = 3");
	$node->reload;
	is(wait_for_sql($node, "SELECT count(*) FROM qlm.stat_worker WHERE state = 'running' AND kind = 'server'", 3), 1, 'run');
	my @connections = map { waiting('fridge') } 1 .. 30;
	sleep 0.3;
	for my $round (1 .. 10)
	{
		my $id = queue('fridge');
		my @ready = answered(5, @connections);
		my ($first) = @ready;
		last unless is(scalar @ready, 1, "request $round reaches one of them");
		is((request_ids($first->response))[0], $id, 'once');
		@connections = grep { $_ != $first } @connections;
		post($node, response_envelope('Q1', $id, 'Fridge/fridge', 1), path => '/peer/fridge');
	}
	is(sql("SELECT max(attempts) FROM qlm.outbox WHERE peer = 'fridge' AND created_at > now() - interval '5 s'"), 1, 'none twice')
	  if @connections == 20;

	my $pid = sql("SELECT pid FROM qlm.stat_worker WHERE kind = 'server' AND state = 'running' ORDER BY pid LIMIT 1");
	sql("SELECT pg_terminate_backend($pid)");
	wait_for_sql($node, "SELECT count(*) FROM qlm.stat_worker WHERE pid = $pid", 0, 'a worker ends');
	my @ended = grep { has_answer($_, 0.01) } @connections;
	is(scalar(grep { $_->response->{status} == 200 } @ended), scalar @ended, 'those that waited in it are answered');
	$node->append_conf('postgresql.conf', "qlm.max_wait = 2\nqlm.http_workers = 1");
	$node->reload;
	my @left = grep { my $c = $_; !grep { $_ == $c } @ended } @connections;
	is(scalar(grep { ($_->response // {})->{status} == 200 } @left), scalar @left, 'a shorter qlm.max_wait is for the others, too');
	$_->close for @connections;
};

subtest 'settings and stop' => sub {
	wait_for_sql($node, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'qlm server'", 1, 'one worker again');
	wait_for_http($node);
	my $start = time();
	is(waiting('fridge', prefer => 'wait=60')->response->{headers}{'preference-applied'}, 'wait=2', 'qlm.max_wait bounds');
	cmp_ok(time() - $start, '>', 1.9, 'the time');

	$node->append_conf('postgresql.conf', "qlm.max_wait = 0");
	$node->reload;
	ok(wait_until(sub { !waiting('fridge')->response->{headers}{'preference-applied'} }), '0: nobody waits');
	$node->append_conf('postgresql.conf', "qlm.max_wait = 60");
	$node->reload;
	my $connection;
	ok(wait_until(sub { $connection = waiting('fridge'); !has_answer($connection, 0.5) }), 'somebody waits');
	$node->reload;
	is_quiet($connection, 'a reload does not disturb him');
	sql('SELECT qlm_stop()');
	is($connection->response->{status}, 200, 'qlm_stop answers him');
	sql('SELECT qlm_start()');
	wait_for_http($node);

	$connection = waiting('fridge');
	sleep 0.2;
	sql('DROP EXTENSION qlm CASCADE');
	is(($connection->response // {})->{status}, 200, 'so does DROP EXTENSION');
	sql('CREATE EXTENSION qlm');
	wait_for_http($node);
	sql("SELECT qlm_add_peer('fridge', role => 'qlm_writer')");

	$connection = waiting('fridge');
	sleep 0.2;
	$session->quit;
	$node->stop;
	is(($connection->response // {})->{status}, 200, 'and the end of the server');
	unlike(slurp_file($node->logfile), qr/PANIC|TRAP|was terminated by signal|could not look/, 'the log is quiet');
};

subtest 'kill -9, and a server without shared_preload_libraries' => sub {
	$node->start;
	wait_for_http($node);
	my $connection = waiting('fridge');
	sleep 0.2;
	my $pid = sql("SELECT pid FROM qlm.stat_worker WHERE kind = 'server' AND state = 'running' LIMIT 1");
	kill 'KILL', $pid;
	ok($connection->closed(10), 'a killed worker closes its connections');
	wait_until(sub { eval { sql('SELECT 1') } }, 'the server is there again');
	wait_for_http($node);
	my $id = sql("SELECT qlm_request('fridge', qlm_read_envelope('Fridge/x'))");
	is((request_ids(waiting('fridge')->response))[0], $id, 'nothing is lost');
	$node->stop;

	$node->adjust_conf('postgresql.conf', 'shared_preload_libraries', "''");
	$node->start;
	sql('SELECT qlm_start()');
	wait_for_http($node);
	post($node, response_envelope('Q1', $id, 'Fridge/x', 1), path => '/peer/fridge');
	$connection = waiting('fridge');
	is_quiet($connection, 'waits');
	my $start = running_time();
	$id = sql("SELECT qlm_request('fridge', qlm_read_envelope('Fridge/x'))");
	is((request_ids($connection->response))[0], $id, 'and gets what is queued');
	cmp_ok(running_time() - $start, '<', 5, 'soon');
	sql('SELECT qlm_stop()');
	$node->stop;
};

done_testing();
