# Faults of the network, of peers and of this node.  After each of them what was
# acknowledged is there, nothing is executed twice that is executed once, and
# the queue drains by itself.

use strict;
use warnings FATAL => 'all';

use QlmPeer;
use QlmReceiver;
use QlmTest;
use Test::More;
use Time::HiRes qw(sleep time);

# How long the node waits for an answer and between tries, in ms, and how long
# we do, in s
my ($patience, $delay, $max_delay) = map { $_ * $QlmTest::PATIENCE } 2000, 50, 200;
my $our_patience = 20 * $QlmTest::PATIENCE;

my $node = qlm_node('faults', conf => <<EOC);
qlm.anonymous_role = 'qlm_writer'
qlm.callback_allow = '127.0.0.1'
qlm.retry_delay = '${delay}ms'
qlm.retry_max_delay = '${max_delay}ms'
qlm.request_timeout = '${patience}ms'
qlm.max_message_size = '300kB'
restart_after_crash = on
EOC

sub sql { return $node->safe_psql('postgres', $_[0]); }

my $names = 0;

# A peer with a URL, which also calls in by its name; options are arguments of
# qlm_add_peer, as SQL.
sub add_peer
{
	my (%opt) = @_;
	my $peer = QlmPeer->new;
	my %arguments = (url => "'" . $peer->url . "'", role => "'qlm_writer'", by_name => 'true', %opt);

	$peer->{name} = 'peer' . ++$names;
	sql("SELECT qlm_add_peer('$peer->{name}', " . join(', ', map { "$_ => $arguments{$_}" } sort keys %arguments) . ')');
	return $peer;
}

# One that is called at once, and then only when there is a reason.
sub add_called_peer { return add_peer(heartbeat => "'1 hour'", @_); }

sub drop_peer
{
	sql("SELECT qlm_drop_peer('$_[0]{name}')");
	return;
}

sub ask
{
	my ($peer, $path) = @_;

	return sql("SELECT qlm_request('$peer->{name}', qlm_read_envelope('" . ($path // 'Far/x') . "'))");
}

sub column
{
	my ($id, $column) = @_;

	return sql("SELECT $column FROM qlm.outbox WHERE message_id = $id");
}

# A result that carries a request
sub carrier
{
	my ($id, $nested, $code) = @_;

	return '<result><return returnCode="' . ($code // 200) . '"/>'
	  . (defined $id ? "<requestId>$id</requestId>" : '') . "$nested</result>";
}

sub carrying
{
	return envelope('Q1', '<response>' . join('', @_) . '</response>');
}

sub nested_write { return write_envelope('Q1', $_[0], $_[1] // 1, ttl => 60); }

my $ok = envelope('Q1', '<response><result><return returnCode="200"/></result></response>');

sub answer_to { return response_envelope('Q1', undef, $_[0] // 'Far/x', $_[1] // 7); }

# A write without time leaves one value each time that it is executed.
sub executions { return sql("SELECT count(*) FROM qlm.history WHERE path = '$_[0]'"); }

subtest 'direct requests' => sub {
	my $peer = add_peer();
	my $id = ask($peer);
	my $request = $peer->request;

	like($request->{body}, qr/<read/, 'it is posted');
	is(column($id, "state || ' ' || posting"), 'sent true', 'and leased');
	$peer->answer($request, answer_to('Far/x', 'direct'));
	like(sql("SELECT qlm_await($id, '$our_patience s')"), qr/>direct</, 'the response is its answer');
	is(sql("SELECT value FROM qlm.current WHERE path = 'Far/x'"), 'direct', 'and is stored');
	is(column($id, "state || ' ' || return_code || ' ' || attempts"), 'answered 200 1', 'the outbox says so');

	# Two at once, and the connection ends between their messages.
	my @ids = map { ask($peer, "Far/$_") } 'a', 'b';
	$request = $peer->request;
	$peer->answer($request, answer_to('Far/a'));
	$peer->hang_up($request);
	like($peer->request->{body}, qr/name="b"/, 'broken between messages: the next one comes on another connection');
	drop_peer($peer);
	is(column($ids[0], 'state'), 'answered', 'and the first one is answered');
};

subtest 'a name that does not resolve: the peer calls in' => sub {
	sql("SELECT qlm_add_peer('lost', url => 'http://lost.invalid/', role => 'qlm_writer', piggyback => true, by_name => true)");
	my $id = sql("SELECT qlm_request('lost', qlm_read_envelope('Lost/x'))");
	wait_for_sql($node, "SELECT attempts > 0 AND last_error ~* 'resolv' FROM qlm.outbox WHERE message_id = $id", 't', 'it is said why');

	my $beat = envelope('Q1', '<read/>');
	my $answer = post($node, $beat, path => '/peer/lost', headers => { Prefer => 'wait=20' });
	is(join(' ', request_ids($answer)), $id, 'it goes piggy-backed instead, to who waits for it');
	post($node, response_envelope('Q1', $id, 'Lost/x', 'found'), path => '/peer/lost');
	is(column($id, 'state'), 'answered', 'and is answered');
	sql("SELECT qlm_drop_peer('lost')");
};

subtest 'the HTTP response is lost after the receiver executed' => sub {
	my $peer = add_called_peer();

	$peer->answer($peer->request('beat'), carrying(carrier(501, nested_write('Once/x'))));
	my $first = $peer->request('answer');
	is((request_ids($first))[0], 501, 'executed and answered');
	$peer->hang_up($first);
	my $second = $peer->request('answer');
	is($second->{body}, $first->{body}, 'the answer is posted again');
	# The peer does not know and asks again.
	$peer->answer($second, carrying(carrier(501, nested_write('Once/x'))));
	my $third = $peer->request('answer');
	is($third->{body}, $first->{body}, 'asked again, it is answered again');
	$peer->answer($third, $ok);
	is(executions('Once/x'), 1, 'and executed once');
	wait_for_sql($node, "SELECT count(*) FROM qlm.outbox WHERE peer = '$peer->{name}' AND state IN ('queued', 'sent')", 0, 'the queue is empty');
	drop_peer($peer);
};

subtest 'connections that break' => sub {
	my $peer = add_peer();
	my $id = ask($peer);
	my $whole = carrying(carrier(502, nested_write('Broken/x')));
	my $length = length $whole;
	my $half = substr $whole, 0, $length - 20;
	my @breaks = (
		'', 'HTTP/1.', "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 100 Continue\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: $length\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: $length\r\n\r\n$half",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" . sprintf("%x", $length) . "\r\n$half",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" . sprintf("%x", $length) . "\r\n$whole\r\n");

	for my $how ('hang_up', 'reset')
	{
		for my $bytes (@breaks)
		{
			my $request = $peer->request;
			$peer->say($request, $bytes);
			$peer->$how($request);
		}
	}
	my $request = $peer->request;
	is(column($id, 'attempts'), 2 * @breaks + 1, 'it was posted again after each');
	isnt(column($id, 'last_error'), '', 'it is said why');
	is(executions('Broken/x'), 0, 'nothing of half an answer is executed');
	$peer->answer($request, answer_to());
	like(sql("SELECT qlm_await($id, '$our_patience s')"), qr/>7</, 'then the answer comes');
	drop_peer($peer);
};

subtest 'what peers answer' => sub {
	my $peer = add_peer();
	my $good = QlmReceiver->new;
	my %wrong = (
		'500' => [ sub { $peer->answer($_[0], 'oh', status => 500) }, qr/status 500/ ],
		'a redirect' => [ sub { $peer->answer($_[0], '', status => 302, headers => 'Location: ' . $good->url . "\r\n") }, qr/status 302/ ],
		'no HTTP' => [ sub { $peer->say($_[0], "garbage\r\n\r\n"); $peer->hang_up($_[0]) }, qr/./ ],
		'an endless body' => [ sub { my $r = shift; $peer->say($r, "HTTP/1.1 200 OK\r\n\r\n"); 1 while $peer->say($r, 'x' x 65536) }, qr/max_message_size/ ],
		'a megabyte of headers' => [ sub { my $r = shift; $peer->say($r, "HTTP/1.1 200 OK\r\n"); for (1 .. 100) { $peer->say($r, "X-Header: $_\r\n" x 1000) || last } }, qr/headers/ ],
		'nothing' => [ sub { }, qr/time/i ]);

	post($node, envelope('M2', '<read interval="-1" callback="' . $good->url . '"><msg>' . objects('M2', 'Good/x') . '</msg></read>', ttl => 60));
	for my $case (sort keys %wrong)
	{
		my $id = ask($peer);
		my ($misbehave, $reason) = @{ $wrong{$case} };
		$misbehave->($peer->request);
		post($node, write_envelope('M2', 'Good/x', $case));
		wait_for_sql($node, "SELECT last_error IS NOT NULL FROM qlm.outbox WHERE message_id = $id", 't');
		like(column($id, 'last_error'), $reason, "$case: it is said why");
		$peer->answer($peer->request, answer_to());
		like(sql("SELECT qlm_await($id, '$our_patience s')"), qr/>7</, "$case: the next try is answered");
	}
	my @bodies = $good->bodies(scalar keys %wrong);
	is(scalar @bodies, scalar keys %wrong, 'others had their events meanwhile, and no redirect was followed');
	drop_peer($peer);

	# The same as the answer to a heartbeat
	$peer = add_called_peer();
	for my $case (grep { $_ ne 'nothing' } sort keys %wrong)
	{
		my ($misbehave, $reason) = @{ $wrong{$case} };
		$misbehave->($peer->request('beat'));
		wait_until(sub { sql("SELECT last_error FROM qlm.peer WHERE name = '$peer->{name}'") =~ $reason }, "$case: qlm.peer says why");
	}
	ok($peer->request('beat'), 'it is called again');
	drop_peer($peer);
};

subtest 'foreign peers' => sub {
	my $peer = add_peer();
	my %acknowledgements = (
		empty => '',
		'an empty response' => '<omiEnvelope version="1.0" ttl="0"><response/></omiEnvelope>');

	for my $case (sort keys %acknowledgements)
	{
		my $id = ask($peer);
		# The message before it may have left again just before its answer came.
		wait_until(sub {
			my $request = $peer->request(undef, 0.2);
			$peer->answer($request, $acknowledgements{$case}) if $request;
			return column($id, "state || ' ' || posting") eq 'sent false';
		}, "$case: it was taken");
		post($node, response_envelope('M1b', undef, 'Far/x', $case), path => "/peer/$peer->{name}");
		like(column($id, "state || ' ' || answer"), qr/^answered .*>$case</s, "$case: and answered later, without requestID");
		while (my $again = $peer->request(undef, 0.2))
		{
			$peer->answer($again, $acknowledgements{$case});
		}
	}
	drop_peer($peer);

	$peer = add_called_peer();
	my $value = 0;
	for my $case (sort keys %acknowledgements)
	{
		$peer->answer($peer->request('beat'), carrying(carrier(510 + ++$value, nested_write('Foreign/x', $value))));
		$peer->answer($peer->request('answer'), $acknowledgements{$case});
	}
	ok($peer->is_quiet('answer', 0.5), 'acknowledgements are not acknowledged');
	# One that knows nothing of requestIDs
	$peer->answer($peer->request('beat'), carrying(carrier(undef, nested_write('Foreign/x', 9))));
	my $answer = $peer->request('answer');
	is(join(' ', request_ids($answer), return_codes($answer)), '200', 'no requestID: executed and answered without');
	$peer->answer($answer, '');
	is(executions('Foreign/x'), 1 + keys %acknowledgements, 'each once');
	drop_peer($peer);
};

subtest 'requests in the response to a posted request' => sub {
	my $peer = add_peer();
	my $id = ask($peer);
	my ($own) = answer_to('Far/x', 'own') =~ m{(<result.*</result>)}s;

	$peer->answer($peer->request, carrying($own, carrier(520, nested_write('Carried/x'))));
	my $answer = $peer->request('answer');
	is(join(' ', request_ids($answer), return_codes($answer)), '520 200', 'they are executed and answered');
	$peer->answer($answer, $ok);
	is(executions('Carried/x'), 1, 'once');
	like(column($id, 'answer'), qr/>own</, 'and the other results are the answer');
	unlike(column($id, 'answer'), qr/Carried/, 'without the requests');
	drop_peer($peer);
};

subtest 'requests where none may be' => sub {
	my $peer = add_called_peer();
	my $inner = carrying(carrier(533, nested_write('Deep/x')));

	$peer->answer($peer->request('beat'), carrying(
		carrier(530, nested_write('Deep/y')),
		carrier(531, $inner),
		carrier(532, nested_write('Deep/x'), 500),
		carrier(534, '<qlmEnvelope version="1.0"><write/></qlmEnvelope>')));
	my %code;
	for (1 .. 4)
	{
		my $answer = $peer->request('answer');
		$code{ (request_ids($answer))[0] } = return_code($answer);
		$peer->answer($answer, $ok);
	}
	is($code{530}, 200, 'the rest of the message is executed');
	is($code{531}, 400, 'nested in a nested one: refused');
	is($code{532}, 400, 'in an error result: refused');
	is($code{534}, 400, 'one that is no message: refused');
	is(executions('Deep/x'), 0, 'and not executed');
	drop_peer($peer);
};

subtest 'a peer that floods' => sub {
	my $good = QlmReceiver->new;
	my $peer = add_called_peer();
	my $answers = 0;

	post($node, envelope('M2', '<read interval="-1" callback="' . $good->url . '"><msg>' . objects('M2', 'Flood/good') . '</msg></read>', ttl => 60));
	$peer->answer($peer->request('beat'), carrying(map { carrier(1000 + $_, nested_write('Flood/x', $_)) } 1 .. 300));
	$peer->serve_until(
		sub { $answers >= 300 },
		sub {
			my ($request) = @_;
			return if $request->{kind} eq 'beat';
			post($node, write_envelope('M2', 'Flood/good', 'meanwhile')) if $answers == 0;
			$answers += request_ids($request);
			$peer->answer($request, $ok);
		});
	is($answers, 300, 'hundreds of requests in one response are answered');
	is(executions('Flood/x'), 300, 'and executed, each once');
	is(scalar($good->bodies(1)), 1, 'others are served meanwhile');
	drop_peer($peer);

	# Each call brings a request.
	$peer = add_called_peer();
	my $calls = 0;
	my $start = time();
	$peer->serve_until(
		sub { $calls >= 100 },
		sub {
			my ($request) = @_;
			return $peer->answer($request, $ok) if $request->{kind} ne 'beat';
			$peer->answer($request, ++$calls < 100 ? carrying(carrier(2000 + $calls, nested_write('Flood/y'))) : $ok);
		});
	is($calls, 100, 'an endless dialog goes on');
	cmp_ok(time() - $start, '>', 0.06, 'with a rest after each 32 rounds');
	is(executions('Flood/y'), 99, 'all that came was executed');
	drop_peer($peer);

	# Each answer that is posted brings the next request.
	$peer = add_called_peer();
	my $rounds = 0;
	$peer->answer($peer->request('beat'), carrying(carrier(3000, nested_write('Flood/z'))));
	$start = time();
	$peer->serve_until(
		sub { $rounds >= 100 },
		sub {
			my ($request) = @_;
			return if $request->{kind} eq 'beat';
			$peer->answer($request, ++$rounds < 100 ? carrying(carrier(3000 + $rounds, nested_write('Flood/z'))) : $ok);
		});
	is($rounds, 100, 'and one of answers');
	cmp_ok(time() - $start, '>', 0.06, 'with a rest after each 32 rounds');
	drop_peer($peer);
};

subtest 'a request that cannot be executed' => sub {
	sql("CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS \$\$BEGIN
		IF EXISTS (SELECT FROM new_values n JOIN qlm.info_item i USING (info_item_id) WHERE i.path = 'Poison/x') THEN
			RAISE EXCEPTION 'poison' USING ERRCODE = 'serialization_failure';
		END IF;
		RETURN NULL;
	END\$\$; ALTER FUNCTION poison() SECURITY DEFINER;
	CREATE TRIGGER poison AFTER INSERT ON qlm.value REFERENCING NEW TABLE AS new_values
		FOR EACH STATEMENT EXECUTE FUNCTION poison()");
	my $bad = add_called_peer();
	my $other = add_called_peer();
	my $beat = $other->request('beat');
	my $calls = 0;
	my $end = time() + $QlmTest::PATIENCE;

	$bad->serve_until(sub { time() > $end }, sub {
		$calls++;
		$bad->answer($_[0], carrying(carrier(540, nested_write('Poison/x'))));
		if ($calls == 1)
		{
			$other->answer($beat, carrying(carrier(541, nested_write('Healthy/x'))));
			is(return_code($other->request('answer')), 200, 'others are executed');
		}
	});
	cmp_ok($calls, '<', 25, 'it is not tried again and again at once');
	cmp_ok($calls, '>', 1, 'but it is tried again');
	drop_peer($_) for $bad, $other;

	$bad = add_peer();
	my $id = ask($bad);
	$bad->answer($bad->request, carrying(carrier(542, nested_write('Poison/x'))));
	wait_for_sql($node, "SELECT last_error FROM qlm.outbox WHERE message_id = $id", 'what it answered could not be executed', 'in the response to a request: the outbox says so');
	sql('DROP TRIGGER poison ON qlm.value');
	my ($own) = answer_to('Far/x', 'own') =~ m{(<result.*</result>)}s;
	$bad->answer($bad->request('request'), carrying($own, carrier(542, nested_write('Poison/x'))));
	is(return_code($bad->request('answer')), 200, 'and it is executed when it can be');
	is(executions('Poison/x'), 1, 'once');
	drop_peer($bad);
};

subtest 'a peer that is dropped meanwhile' => sub {
	my $peer = add_called_peer();
	my $beat = $peer->request('beat');
	my $id = ask($peer);
	my $request = $peer->request('request');

	drop_peer($peer);
	is(column($id, 'state'), 'cancelled', 'its request is cancelled');
	$peer->answer($request, carrying(carrier(550, nested_write('Dropped/x'))));
	$peer->answer($beat, carrying(carrier(551, nested_write('Dropped/x'))));
	ok($peer->is_quiet(undef, 0.5), 'it is not called any more');
	is(executions('Dropped/x'), 0, 'and nothing is executed for it');
	is(column($id, 'state'), 'cancelled', 'nor recorded');
};

subtest 'clock steps' => sub {
	my $peer = add_peer();
	my $id = ask($peer);

	# An endpoint that was paused before the clock was set back
	$peer->answer($peer->request, '', status => 500);
	sql("UPDATE qlm.endpoint SET paused_until = now() + interval '1 year' WHERE url = '" . $peer->url . "'; SELECT qlm_request('$peer->{name}', qlm_read_envelope('Far/y'))");
	my $request = $peer->request;
	ok($request, 'a pause that is too long ends');
	$peer->answer($request, '');
	$peer->answer($peer->request, '');
	wait_for_sql($node, "SELECT state || ' ' || posting FROM qlm.outbox WHERE message_id = $id", 'sent false');

	# What was handed over then, and a tick; a node that was off for a year
	sql("UPDATE qlm.outbox SET next_attempt_at = now() + interval '1 year' WHERE state = 'sent' AND NOT posting");
	my $receiver = QlmReceiver->new;
	my %due = (future => "now() + interval '1 year'", past => "now() - interval '1 year'");
	my %subscription;
	for my $when (sort keys %due)
	{
		sql("SELECT qlm_write('Clock/$when', '$when')");
		($subscription{$when}) = request_ids(post($node, envelope('M2', '<read interval="0.5" callback="' . $receiver->url("/$when") . '"><msg>' . objects('M2', "Clock/$when") . '</msg></read>', ttl => 60)));
		sql("UPDATE qlm.subscription SET next_due = $due{$when} WHERE request_id = $subscription{$when}");
	}
	sql('SELECT qlm_stop(), qlm_start()');
	ok($peer->request, 'what was handed over is sent again');
	for my $when (sort keys %due)
	{
		ok(wait_until(sub { grep { />$when</ } $receiver->bodies }), "a tick in the $when");
		wait_for_sql($node, "SELECT next_due BETWEEN now() - interval '1 min' AND now() + interval '1 min' FROM qlm.subscription WHERE request_id = $subscription{$when}", 't', 'and the next one in time');
		sql("SELECT qlm_cancel($subscription{$when})");
	}
	drop_peer($peer);

	# What was executed is remembered although its time has not come yet.
	$peer = add_called_peer();
	$peer->answer($peer->request('beat'), carrying(carrier(560, nested_write('Clock/x'))));
	for my $step ("'1 year'", "'-1 year'")
	{
		my $answer = $peer->request('answer');
		sql("UPDATE qlm.executed SET executed_at = now() + interval $step WHERE peer = '$peer->{name}'");
		$peer->answer($answer, carrying(carrier(560, nested_write('Clock/x'))));
	}
	$peer->answer($peer->request('answer'), $ok);
	is(executions('Clock/x'), 2, 'remembered for ten minutes, or until the clock is right again');
	drop_peer($peer);
};

subtest 'two dispatchers never run' => sub {
	my $other = qlm_node('single', preload => 0, conf => "qlm.http_workers = 1\n");
	my $start = "psql -XAtq -d '" . $other->connstr('postgres') . "' -c 'SELECT qlm_start()' >/dev/null";

	system(join(' & ', ($start) x 4) . ' & wait');
	wait_for_sql($other, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'qlm dispatcher'", 1, 'one, however often it is started at once');
	$other->safe_psql('postgres', 'SELECT qlm_start()');
	is($other->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'qlm dispatcher'"), 1, 'or later');
	$other->stop;
};

sub pid_of { return sql("SELECT min(pid) FROM qlm.stat_worker WHERE kind = '$_[0]' AND datname = 'postgres'"); }

# After a crash all connections end; wait until the node serves again.
sub wait_for_restart
{
	my ($pid) = @_;

	wait_until(sub { !kill 0, $pid }, 'the process has gone');
	wait_until(sub { eval { sql("SELECT count(*) > 0 FROM qlm.stat_worker WHERE kind = 'dispatcher' AND state = 'running' AND pid <> $pid") eq 't' } }, 'the node comes back');
	return wait_for_http($node);
}

my %kill = (
	dispatcher => sub { my $pid = pid_of('dispatcher'); kill 'KILL', $pid; wait_for_restart($pid) },
	'server worker' => sub { my $pid = pid_of('server'); kill 'KILL', $pid; wait_for_restart($pid) },
	postmaster => sub {
		my $pid = pid_of('dispatcher');
		$node->kill9;
		wait_until(sub { $node->{_pid} = undef; $node->start(fail_ok => 1) }, 'it starts again');
		wait_for_restart($pid);
	});

# A session that holds a lock until it ends.
sub hold
{
	my ($statement) = @_;
	my $session = $node->background_psql('postgres', on_error_stop => 0);

	$session->query_until(qr/held/, "BEGIN; $statement;\n\\echo held\n");
	return $session;
}

sub let_go
{
	my ($session) = @_;

	$session->query_until(qr/free/, "ROLLBACK;\n\\echo free\n");
	$session->quit;
	return;
}

subtest 'a lock that is not to be had in time' => sub {
	my $write = write_envelope('M2', 'Locked/x', 1);

	is(return_code(post($node, $write)), 200);
	sql("ALTER SYSTEM SET lock_timeout = '50ms'");
	$node->reload;
	wait_for_sql($node, 'SHOW lock_timeout', '50ms');
	my $lock = hold('LOCK TABLE qlm.value IN SHARE ROW EXCLUSIVE MODE');
	my $answer;
	wait_until(sub { $answer = post($node, $write); return_code($answer) != 503 || $answer->{body} =~ /lock timeout/ }, 'an answer');
	is(return_code($answer), 503, 'lock_timeout: try again') or diag($answer->{body});
	let_go($lock);
	is(return_code(post($node, $write)), 200, 'then it goes well');
	sql('ALTER SYSTEM RESET lock_timeout');
	$node->reload;
	wait_for_sql($node, 'SHOW lock_timeout', '0');
};

for my $who (sort keys %kill)
{
	subtest "kill -9: $who" => sub {
		my $peer = add_called_peer();
		my $url = $peer->url;
		my $kept = write_envelope('M2', "Kept/x", $who);

		# Between claim and transfer: the lease waits for a lock.
		my $lock = hold('LOCK TABLE qlm.outbox IN SHARE ROW EXCLUSIVE MODE');
		my $dispatcher = pid_of('dispatcher');
		is(return_code(post($node, $kept)), 200, 'something is acknowledged');
		my $beat = $peer->request('beat');
		$peer->answer($beat, carrying(carrier(570, nested_write('Killed/x', $who))));
		wait_for_sql($node, "SELECT count(*) > 0 FROM pg_stat_activity WHERE pid = $dispatcher AND wait_event_type = 'Lock'", 't', 'before the record');
		$kill{$who}->();
		eval { $lock->quit };
		is(sql("SELECT count(*) FROM qlm.current WHERE path = 'Kept/x' AND value = '$who'"), 1, 'what was acknowledged is there');
		is(executions("Killed/x"), 0, 'what was not recorded was not executed');

		# While the peer holds its answer
		my $id = ask($peer);
		my $request = $peer->request('request');
		is(column($id, "state || ' ' || posting"), 'sent true', 'leased during the transfer');
		$kill{$who}->();
		$peer->hang_up_all;
		my $again = $peer->request('request');
		is($again->{body} =~ /name="x"/, 1, 'it is posted again');

		# Between transfer and record
		my ($own) = answer_to() =~ m{(<result.*</result>)}s;
		my $whole = carrying($own, carrier(570, nested_write('Killed/x', $who)));
		$lock = hold("SELECT FROM qlm.outbox WHERE message_id = $id FOR UPDATE");
		$dispatcher = pid_of('dispatcher');
		$peer->answer($again, $whole);
		wait_for_sql($node, "SELECT count(*) > 0 FROM pg_stat_activity WHERE pid = $dispatcher AND wait_event_type = 'Lock'", 't', 'before the record');
		$kill{$who}->();
		eval { $lock->quit };
		$peer->hang_up_all;
		is(executions("Killed/x"), 0, 'again nothing was executed');
		my $answers = 0;
		$peer->serve_until(
			sub { sql("SELECT count(*) FROM qlm.outbox WHERE state IN ('queued', 'sent')") == 0 },
			sub {
				my ($request) = @_;
				return if $request->{kind} eq 'beat';
				$answers++ if $request->{kind} eq 'answer';
				$peer->answer($request, $request->{kind} eq 'answer' ? $ok : $whole);
			});
		is(column($id, 'state'), 'answered', 'the queue drains by itself');
		cmp_ok($answers, '>=', 1, 'the nested request is answered');
		is(executions('Killed/x'), 1, 'executed once');
		drop_peer($peer);
		sql("SELECT qlm_delete('Killed')");
	};
}

subtest 'a dispatcher that cannot take over at once what another has left' => sub {
	my $peer = add_called_peer();
	my $first = ask($peer, 'Far/first');
	my $request = $peer->request('request');
	my $dispatcher = pid_of('dispatcher');
	my $log = -s $node->logfile;

	is(column($first, "state || ' ' || posting"), 'sent true', 'leased during the transfer');
	sql("ALTER SYSTEM SET lock_timeout = '50ms'");
	$node->reload;
	wait_for_sql($node, 'SHOW lock_timeout', '50ms');
	my $lock = hold("SELECT FROM qlm.outbox WHERE message_id = $first FOR UPDATE");
	sql("SELECT pg_terminate_backend($dispatcher)");
	wait_until(sub { PostgreSQL::Test::Utils::slurp_file($node->logfile, $log) =~ /qlm dispatcher: canceling statement due to lock timeout/ }, 'another one cannot');
	$peer->hang_up($request);
	ask($peer, 'Far/second');
	is($peer->request('request', 1), undef, 'nothing overtakes it');
	let_go($lock);
	for my $name ('first', 'second')
	{
		$request = $peer->request('request');
		like($request->{body}, qr/name="$name"/, "then they come in order: $name");
		$peer->answer($request, answer_to("Far/$name"));
	}
	wait_for_sql($node, "SELECT count(*) FROM qlm.outbox WHERE state IN ('queued', 'sent')", 0);
	drop_peer($peer);
	sql('ALTER SYSTEM RESET lock_timeout');
	$node->reload;
	wait_for_sql($node, 'SHOW lock_timeout', '0');
};

# Data for a callback that leave nested in a response, as a node with this extension nests them
sub data
{
	my ($id, $value, %opt) = @_;
	my $data = response_envelope('Q1', 4711, 'Data/x', $value, at => "2024-01-01T00:00:0${value}Z");

	$data =~ s/ ttl=/ qlmAcknowledge="true" ttl=/ unless $opt{silent};
	return carrier($id, $data);
}

sub copied { return sql("SELECT string_agg(value, ' ' ORDER BY ts) FROM qlm.history WHERE path = 'Data/x'"); }

subtest 'data in responses are acknowledged' => sub {
	my $peer = add_called_peer();
	my $beat = $peer->request('beat');
	my $waiting = "SELECT count(*) FROM qlm.outbox WHERE peer = '$peer->{name}'";

	like($beat->{body}, qr/qlmAcknowledge="true"/, 'the heartbeat says that they are');
	$peer->answer($beat, carrying(data(601, 1), data(602, 2)));
	my $answer = $peer->request('answer');
	is(join(' ', request_ids($answer)), '601 602', 'all in one message');
	is(join(' ', return_codes($answer)), '200 200', 'by their numbers');
	unlike($answer->{body}, qr/Objects|qlmAcknowledge/, 'and nothing else');
	is(copied(), '1 2', 'when they are stored');
	$peer->hang_up($answer);
	$answer = $peer->request('answer');
	is(join(' ', request_ids($answer)), '601 602', 'again where that is lost');
	$peer->answer($answer, carrying(data(601, 1), data(602, 2)));
	my @again;
	while (@again < 2)
	{
		$answer = $peer->request('answer');
		push @again, request_ids($answer);
		$peer->answer($answer, $ok);
	}
	is("@again", '601 602', 'and where they come again');
	is(copied(), '1 2', 'but stored once');

	# Not stored for want of time: what follows waits too, as order matters.
	my $before = sql($waiting);
	my $lock = hold('LOCK TABLE qlm.value IN ACCESS EXCLUSIVE MODE');
	sql("ALTER SYSTEM SET lock_timeout = '50ms'");
	$node->reload;
	$beat = $peer->request('beat');
	$peer->answer($beat, carrying(data(603, 3), data(604, 4)));
	$beat = $peer->request('beat');
	is(sql($waiting), $before, 'what cannot be stored now is not acknowledged');
	sql('ALTER SYSTEM RESET lock_timeout');
	$node->reload;
	let_go($lock);
	$peer->answer($beat, carrying(data(603, 3), data(604, 4)));
	$answer = $peer->request('answer');
	is(join(' ', request_ids($answer)), '603 604', 'but when it comes again');
	$peer->answer($answer, $ok);
	is(copied(), '1 2 3 4', 'once each');

	# What is refused would be so again; what does not ask for it gets nothing.
	$beat = $peer->request('beat');
	sql("UPDATE qlm.peer SET role = 'qlm_reader' WHERE name = '$peer->{name}'");
	$peer->answer($beat, carrying(data(605, 5)));
	$answer = $peer->request('answer');
	is(join(' ', request_ids($answer), return_codes($answer)), '605 403', 'what is refused is answered with why');
	$peer->answer($answer, $ok);
	$before = sql($waiting);
	$peer->answer($peer->request('beat'), carrying(data(606, 6, silent => 1)));
	$peer->request('beat');
	is(sql($waiting), $before, 'data that ask for no acknowledgement get none');
	drop_peer($peer);
};

subtest 'the extension is dropped meanwhile' => sub {
	my $peer = add_called_peer();
	my $beat = $peer->request('beat');
	my $log = -s $node->logfile;

	sql('DROP EXTENSION qlm CASCADE');
	$peer->answer($beat, carrying(carrier(580, nested_write('Gone/x'))));
	sleep 0.5;
	my $said = () = PostgreSQL::Test::Utils::slurp_file($node->logfile, $log) =~ /qlm dispatcher/g;
	cmp_ok($said, '<', 10, 'the log is not filled');
	sql('CREATE EXTENSION qlm');
	$peer = add_peer();
	my $id = ask($peer);
	$peer->answer($peer->request, answer_to());
	like(sql("SELECT qlm_await($id, '$our_patience s')"), qr/>7</, 'and with it the dialog goes on');
};

$node->stop;
done_testing();
