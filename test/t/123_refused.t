# What is refused for now is delivered later, once; what is refused for good is
# counted and told of, and holds up nothing else.

use strict;
use warnings FATAL => 'all';

use QlmClock;
use QlmPeer;
use QlmReceiver;
use QlmSocket;
use QlmSocketReceiver;
use QlmTest;
use Test::More;

my $conf = <<EOC;
qlm.anonymous_role = 'qlm_writer'
qlm.callback_allow = '127.0.0.1'
qlm.retry_delay = '200ms'
qlm.retry_max_delay = '1s'
EOC
my $hub = qlm_node('hub', conf => $conf);
my $plant = qlm_node('plant', conf => $conf);

sub hub { return $hub->safe_psql('postgres', $_[0]); }
sub plant { return $plant->safe_psql('postgres', $_[0]); }

my $plant_url = "http://127.0.0.1:$plant->{qlm_port}/peer/hub";
plant("SELECT qlm_add_peer('hub', role => 'qlm_writer')");
hub("SELECT qlm_add_peer('plant', url => '$plant_url', role => 'qlm_writer', by_name => true)");

# Values "state XXXXX" raise that state at the plant, while its trigger is there.
plant(<<'EOS');
CREATE FUNCTION public.validate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.txt ~ '^state [0-9A-Z]{5}' THEN
		RAISE EXCEPTION 'no room for %', NEW.txt USING ERRCODE = substr(NEW.txt, 7, 5);
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER validate BEFORE INSERT ON qlm.value FOR EACH ROW EXECUTE FUNCTION public.validate();
EOS
sub be_ill { plant('ALTER TABLE qlm.value ENABLE TRIGGER validate'); return; }
sub be_well { plant('ALTER TABLE qlm.value DISABLE TRIGGER validate'); return; }
be_well();

sub read_only
{
	my ($on) = @_;

	plant($on ? 'ALTER SYSTEM SET default_transaction_read_only = on' : 'ALTER SYSTEM RESET default_transaction_read_only');
	$plant->reload;
	wait_until(sub { my $is = post($plant, write_envelope('M2', 'Probe/x', 1))->{status}; $on ? $is == 503 : $is == 200 }, 'it is read only: ' . ($on ? 'yes' : 'no'));
	return;
}

# Subscribe a URL to a path of the hub, as a stranger or as the peer whose URL it is.
sub subscribe
{
	my ($path, $url, %opt) = @_;
	my $answer = post($hub, read_envelope('M2', $path, interval => $opt{interval} // -1, callback => $url, ttl => -1),
		path => $opt{peer} ? "/peer/$opt{peer}" : '/');

	is(return_code($answer), 200, "$path is subscribed to") or diag($answer->{body});
	return (request_ids($answer))[0];
}

sub write_at_hub { is(return_code(post($hub, write_envelope('M2', @_))), 200, "$_[1] is written"); return; }
sub values_at_plant { return plant("SELECT coalesce(string_agg(value, ' ' ORDER BY ts), '') FROM qlm.history WHERE path = '$_[0]'"); }
sub wait_at_plant { return wait_for_sql($plant, "SELECT string_agg(value, ' ' ORDER BY ts) FROM qlm.history WHERE path = '$_[0]'", $_[1], "the plant has $_[1]"); }

sub delivery
{
	my ($url, $what) = @_;

	return "SELECT $what FROM qlm.stat_delivery WHERE url = '$url'";
}

my $n = 0;
for my $case ([ 'a stranger', undef ], [ 'the peer itself', 'plant' ])
{
	my ($who, $peer) = @$case;

	# What is refused for now is so by its returnCode, whoever is told: one state stands for
	# all where each waits for seconds.
	subtest "events for $who" => sub {
		my $url = $peer ? $plant_url : "$plant_url?stranger";
		for my $state (representatives($peer ? 1 : 7, qw(53100 58030 54000 57014 55P03 40001 08006)))
		{
			my $path = 'Event' . ++$n . '/x';
			subscribe($path, $url, peer => $peer);
			be_ill();
			write_at_hub($path, "state $state");
			wait_for_sql($hub, delivery($url, "state = 'paused' AND failures > 0 AND last_error ~ '503'"), 't', "$state: it is not delivered");
			write_at_hub($path, 2);
			be_well();
			wait_at_plant($path, "state $state 2");
			wait_for_sql($hub, delivery($url, "state || ' ' || queued || ' ' || refused"), 'ok 0 0', 'both are, in order');
		}
	};

	subtest "a receiver that is read only, for $who" => sub {
		my $url = $peer ? $plant_url : "$plant_url?stranger";
		my $path = 'Only' . ++$n . '/x';
		my $id = subscribe($path, $url, peer => $peer);
		read_only(1);
		write_at_hub($path, $_) for 1 .. 3;
		wait_for_sql($hub, delivery($url, "state || ' ' || queued || ' ' || (last_error ~ '^it answered with HTTP status 503: .*read-only transaction')"), 'paused 3 true', 'they wait');
		read_only(0);
		wait_at_plant($path, '1 2 3');
		is(hub("SELECT deliveries, dropped FROM qlm.stat_subscription WHERE request_id = $id"), '3|0', 'each once');
	};
}

subtest 'lock_timeout' => sub {
	subscribe('Lock/x', "$plant_url?stranger");
	plant("ALTER SYSTEM SET lock_timeout = '50ms'");
	$plant->reload;
	wait_for_sql($plant, 'SHOW lock_timeout', '50ms');
	my $session = $plant->background_psql('postgres', on_error_stop => 1);
	$session->query_safe('BEGIN; LOCK TABLE qlm.value IN SHARE ROW EXCLUSIVE MODE');
	write_at_hub('Lock/x', 1);
	wait_for_sql($hub, delivery("$plant_url?stranger", "state || (last_error ~ 'lock timeout|503')"), 'pausedtrue', 'it waits');
	$session->query_safe('ROLLBACK');
	$session->quit;
	wait_at_plant('Lock/x', 1);
	plant('ALTER SYSTEM RESET lock_timeout');
	$plant->reload;
};

subtest 'requests' => sub {
	my $write = sub { return '<write msgformat="odf"><msg>' . objects('M2', $_[0], "<value>$_[1]</value>") . '</msg></write>' };
	my $message = envelope('M2', $write->('Asked/a', 1) . $write->('Asked/b', 'state 53200'));
	be_ill();
	my $id = hub("SELECT qlm_request('plant', '$message')");
	wait_for_sql($hub, "SELECT attempts > 1 AND state = 'queued' AND last_error ~ '503: .*no room' FROM qlm.outbox WHERE message_id = $id", 't', 'it is tried again');
	be_well();
	is(join(' ', return_codes(hub("SELECT qlm_await($id, '60 s')"))), '200 200', 'until it is done');
	is(values_at_plant('Asked/a') . ', ' . values_at_plant('Asked/b'), '1, state 53200', 'all of it, once');

	be_ill();
	$id = hub("SELECT qlm_request('plant', '" . envelope('M2', $write->('Asked/d', 'state 53100')) . "', ttl => '1.5 s')");
	wait_for_sql($hub, "SELECT state || (last_error ~ '^time to live ended: .*after [0-9]+ (failures|attempts): .*no room') FROM qlm.outbox WHERE message_id = $id", 'expiredtrue', 'what was never done says why');
	$id = hub("SELECT qlm_request('plant', '" . envelope('M2', $write->('Asked/c', 'state P0001')) . "')");
	is(return_code(hub("SELECT qlm_await($id, '60 s')")), 400, 'what is refused for good is an answer');
	be_well();
};

# Receivers that are no nodes: the envelope says it, at HTTP status 200.
subtest 'codes in an envelope' => sub {
	my $said = sub { return envelope('M2', '<response>' . join('', map { qq{<result><return returnCode="$_" description="as told"/></result>} } @_) . '</response>') };
	my %cases = (
		'503' => 'retried', '500' => 'retried', '429' => 'retried', '504' => 'retried', '200 503' => 'retried',
		'400' => 'failed', '403' => 'failed', '404' => 'failed', '413' => 'failed',
		'200' => 'answered', '200 404' => 'answered');
	for my $codes (sort keys %cases)
	{
		for my $json ($codes =~ /^(?:503|404|200 404)$/ || long_run() ? (0, 1) : 0)
		{
			my $body = $said->(split / /, $codes);
			if ($json)
			{
				$body = '{"omiEnvelope":{"version":"1.0","ttl":0,"response":{"result":['
				  . join(',', map { qq({"return":{"returnCode":"$_","description":"as told"}}) } split / /, $codes) . ']}}}';
			}
			my $receiver = QlmReceiver->new(answer => $body);
			my $path = 'Code' . ++$n . '/x';
			my $id = subscribe($path, $receiver->url);
			write_at_hub($path, 1);
			my ($code) = grep { $_ ne '200' } split / /, $codes;
			if ($cases{$codes} eq 'retried')
			{
				wait_for_sql($hub, delivery($receiver->url, "state || ' ' || (failures > 1) || ' ' || last_error"), "paused true it answered with returnCode $code: as told", "$codes: not delivered");
				$receiver->answer_with(200);
				wait_for_sql($hub, "SELECT state FROM qlm.outbox WHERE subscription_id = $id", 'answered', 'delivered later');
			}
			else
			{
				wait_for_sql($hub, "SELECT state FROM qlm.outbox WHERE subscription_id = $id", $cases{$codes}, "$codes: $cases{$codes}");
			}
		}
	}
};

subtest 'Retry-After' => sub {
	my $peer = QlmPeer->new;
	subscribe('After/x', $peer->url);
	write_at_hub('After/x', 1);
	$peer->say($peer->request('answer'), "HTTP/1.1 503 Not now\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n");
	wait_for_sql($hub, delivery($peer->url, "paused_until - last_failure >= '0.99 s'"), 't', 'is heeded');
	$peer->say($peer->request('answer'), "HTTP/1.1 503 Not now\r\nRetry-After: 86400\r\nContent-Length: 0\r\n\r\n");
	$peer->answer($peer->request('answer'), '');
	wait_for_sql($hub, delivery($peer->url, 'state'), 'ok', 'up to qlm.retry_max_delay');
};

subtest 'refused for good' => sub {
	for my $answer (413, 400, envelope('M2', '<response><result><return returnCode="413" description="too large"/></result></response>'))
	{
		my $receiver = QlmReceiver->new(answer => $answer);
		my $path = 'Never' . ++$n . '/x';
		my $id = subscribe($path, $receiver->url);
		my $offset = -s $hub->logfile;
		write_at_hub($path, $_) for 1 .. 3;
		wait_for_sql($hub, delivery($receiver->url, "state || ' ' || failures || ' ' || refused || ' ' || delivered || ' ' || queued"), 'refused 3 3 0 0', 'each is counted');
		is(hub(delivery($receiver->url, "last_error ~ '4[01][03]'")), 't', 'with the code');
		wait_for_sql($hub, "SELECT count(*) FILTER (WHERE state = 'failed') FROM qlm.outbox WHERE subscription_id = $id", 3);
		my $log = PostgreSQL::Test::Utils::slurp_file($hub->logfile, $offset);
		is(scalar(() = $log =~ /messages to \Q@{[ $receiver->url ]}\E are refused/g), 1, 'logged once');
		like($log, qr/are refused: .*4\d\d.*HINT:/s, 'with what to look at');

		# Whatever is told of what was not told counts on.
		$receiver->answer_with(200);
		write_at_hub($path, 4);
		wait_for_sql($hub, delivery($receiver->url, "state || ' ' || failures || ' ' || refused"), 'ok 0 3', 'until it takes something');
		my ($dropped) = ($receiver->bodies)[-1] =~ /(\d+) older values were dropped/;
		is($dropped, 3, 'the next message says what is missing');
		is(hub("SELECT dropped FROM qlm.stat_subscription WHERE request_id = $id"), 0, 'and it is told');
	}
	my $id = subscribe('Polled/x', 'http://127.0.0.1:9/', interval => 1000);
	hub("UPDATE qlm.subscription SET dropped = 2 WHERE request_id = $id");
	like(post($hub, envelope('M2', "<read><requestID>$id</requestID></read>"))->{body}, qr/2 older values were dropped/, 'a poll says it, too');
};

# What waits until its time is over is missing, too.
subtest 'expired' => sub {
	my $receiver = QlmReceiver->new(stopped => 1);
	my $id = subscribe('Late/x', $receiver->url);
	write_at_hub('Late/x', $_) for 1 .. 3;
	wait_for_sql($hub, delivery($receiver->url, 'queued'), 3, 'it cannot be reached');
	hub("UPDATE qlm.outbox SET expires_at = now() WHERE subscription_id = $id");
	wait_for_sql($hub, "SELECT dropped FROM qlm.stat_subscription WHERE request_id = $id", 3, 'what has expired is counted');
	$receiver->start;
	write_at_hub('Late/x', 4);
	like(join('', $receiver->bodies(1)), qr/3 older values were dropped.*>4</s, 'and told');
};

# The same on WebSockets, which have no status.
subtest 'a node as the receiver on a WebSocket' => sub {
	my $url = "ws://127.0.0.1:$plant->{qlm_port}/peer/hub";
	my $id = subscribe('Socket/x', $url);
	write_at_hub('Socket/x', 1);
	wait_for_sql($hub, delivery($url, "state || ' ' || delivered"), 'ok 1', 'takes what it can');
	for my $state (qw(53100 54000))
	{
		be_ill();
		write_at_hub('Socket/x', "state $state");
		wait_for_sql($hub, delivery($url, "state || ' ' || (failures > 1) || ' ' || last_error"), "paused true it answered with returnCode 503: no room for state $state", "$state: it is not delivered");
		be_well();
		wait_for_sql($hub, delivery($url, "state || ' ' || queued"), 'ok 0', 'it is, later');
	}
	read_only(1);
	write_at_hub('Socket/x', 4);
	wait_for_sql($hub, delivery($url, "state || ' ' || (last_error ~ 'read-only')"), 'paused true', 'read only: it waits');
	read_only(0);
	wait_at_plant('Socket/x', '1 state 53100 state 54000 4');
	is(hub("SELECT deliveries, dropped FROM qlm.stat_subscription WHERE request_id = $id"), '4|0', 'each once');

	be_ill();
	write_at_hub('Socket/x', 'state P0001');
	wait_for_sql($hub, delivery($url, "state || ' ' || refused || ' ' || last_error"), 'refused 1 it answered with returnCode 400: no room for state P0001', 'what is refused for good is counted');
	be_well();
	hub("SELECT qlm_cancel($id)");
};

subtest 'other receivers on WebSockets' => sub {
	for my $case ([ 503 => 'queued' ], [ 413 => 'failed' ], [ 200 => 'answered' ])
	{
		my ($code, $state) = @$case;
		my $receiver = QlmSocketReceiver->new(be => "say $code");
		my $id = subscribe("Said$code/x", $receiver->url);
		write_at_hub("Said$code/x", 1);
		wait_for_sql($hub, "SELECT state FROM qlm.outbox WHERE subscription_id = $id AND (state <> 'queued' OR last_error ~ 'returnCode 503: as told')", $state, "$code before the pong: $state");
		hub("SELECT qlm_cancel($id)");
	}
};

# Who writes on a WebSocket is told by the code.
subtest 'messages on a WebSocket' => sub {
	my $socket = qlm_socket($plant);
	be_ill();
	$socket->send(write_envelope('M2', 'Socket/y', 'state 53100'));
	is(return_code($socket->receive), 503, 'a write that is refused for now');
	$socket->send(response_envelope('M2', undef, 'Socket/y', 'state 58030'));
	is(return_code($socket->receive), 503, 'a response that is, which is not answered else');
	be_well();
	$socket->send(response_envelope('M2', undef, 'Socket/y', 'well'));
	$socket->send(write_envelope('M2', 'Socket/z', 'well'));
	is(return_code($socket->receive), 200, 'the next answer');
	is(values_at_plant('Socket/y') . ' ' . values_at_plant('Socket/z'), 'well well', 'is that to the write');
};

# One message that the receiver stumbles over
subtest 'an error for one message, for ever' => sub {
	my $url = "$plant_url?poison";
	my $id = subscribe('Poison/x', $url);
	be_ill();
	my @poison = representatives(1, 'state XX000', 'state 42883');
	write_at_hub('Poison/x', $_) for 1, @poison, 4, 'state XX001 last';
	wait_at_plant('Poison/x', '1 4');
	wait_for_sql($hub, "SELECT string_agg(state, ' ' ORDER BY seq) FROM qlm.outbox WHERE subscription_id = $id", join(' ', 'answered', ('failed') x @poison, 'answered queued'),
		'what comes behind is delivered, and the last one is not given up for nothing');
	is(hub("SELECT count(*) FROM qlm.outbox WHERE subscription_id = $id AND last_error ~ 'given up after 5 answers.*returnCode 500: no room'"), scalar @poison, 'it is told why');
	is(hub(delivery($url, 'refused')), scalar @poison, 'and counted');
	is(hub("SELECT dropped FROM qlm.stat_subscription WHERE request_id = $id"), scalar @poison);
	be_well();
	wait_at_plant('Poison/x', '1 4 state XX001 last');
};

# A receiver that is broken for a while loses nothing.
subtest 'an error for all, for a while' => sub {
	my $receiver = QlmReceiver->new(answer => 500);
	my $id = subscribe('Broken/x', $receiver->url);
	write_at_hub('Broken/x', $_) for 1 .. 5;
	wait_for_sql($hub, delivery($receiver->url, 'failures > 8'), 't', 'it fails more often than one message may');
	$receiver->answer_with(200);
	is(join(' ', map { m{<value[^>]*>([^<]*)</value>}g } $receiver->bodies(5)), '1 2 3 4 5', 'all come, in order');
	is(hub("SELECT dropped FROM qlm.stat_subscription WHERE request_id = $id"), 0);
};

subtest 'piggy-backed' => sub {
	hub("SELECT qlm_add_peer('device', role => 'qlm_writer', piggyback => true)");
	my $call = sub { return post($hub, $_[0], path => '/peer/device') };
	my $said = sub {
		my ($id, $code) = @_;
		return envelope('M2', qq{<response><result><return returnCode="$code" description="the disk is full"/><requestID>$id</requestID></result></response>});
	};
	my $id = hub("SELECT qlm_request('device', qlm_write_envelope('Device/x', '1'))");
	like($call->(envelope('M2', '<read/>'))->{body}, qr/<requestID>$id</, 'it leaves');
	my $answer = $call->($said->($id, 503));
	is(return_code($answer), 200, 'that it was refused for now is taken');
	unlike($answer->{body}, qr/<requestID>$id</, 'it does not come back at once');
	is(hub("SELECT state, last_error, return_code FROM qlm.outbox WHERE message_id = $id"), 'sent|it answered with returnCode 503: the disk is full|', 'it waits');
	wait_until(sub { $call->(envelope('M2', '<read/>'))->{body} =~ /<requestID>$id</ }, 'and leaves again');
	$call->($said->($id, 200));
	is(hub("SELECT state, attempts, return_code FROM qlm.outbox WHERE message_id = $id"), 'answered|2|200', 'until it is done');

	for my $request ([ 'a call', envelope('M2', '<call msgformat="odf"><msg>' . objects('M2', 'Device/f') . '</msg></call>'), 503 ],
		[ 'what failed', envelope('M2', '<read msgformat="odf"><msg>' . objects('M2', 'Device/f') . '</msg></read>'), 500 ])
	{
		my ($what, $message, $code) = @$request;
		$id = hub("SELECT qlm_request('device', '$message')");
		$call->(envelope('M2', '<read/>'));
		$call->($said->($id, $code));
		is(hub("SELECT state, return_code FROM qlm.outbox WHERE message_id = $id"), "answered|$code", "$what has its answer");
	}
};

# Data for a callback that cannot be reached leave nested, and are acknowledged.
subtest 'data that are acknowledged' => sub {
	my $url = 'http://127.0.0.1:9/';
	hub("SELECT qlm_add_peer('inside', role => 'qlm_writer', piggyback => true)");
	my $call = sub { return post($hub, $_[0], path => '/peer/inside') };
	my $beat = envelope('M2', '<read/>', qlmAcknowledge => 'true');
	my ($sub) = request_ids($call->(read_envelope('M2', 'Nested/x', interval => -1, callback => $url, ttl => -1)));
	my $take = sub {
		my $id;
		wait_until(sub { ($id) = $call->($beat)->{body} =~ m{<requestID>(\d+)</requestID><omiEnvelope}; $id }, 'it comes nested');
		return $id;
	};
	my $say = sub { $call->(envelope('M2', qq{<response><result><return returnCode="$_[1]" description="as told"/><requestID>$_[0]</requestID></result></response>})) };
	write_at_hub('Nested/x', 1);
	my $id = $take->();
	$say->($id, 503);
	is(hub("SELECT state, last_error FROM qlm.outbox WHERE message_id = $id"), 'sent|it answered with returnCode 503: as told', 'what is refused for now waits');
	is($take->(), $id, 'and comes again');
	$say->($id, 403);
	is(hub("SELECT state, return_code, last_error FROM qlm.outbox WHERE message_id = $id"), 'failed|403|it answered with returnCode 403: as told', 'what is refused for good does not');
	is(hub("SELECT deliveries, dropped FROM qlm.stat_subscription WHERE request_id = $sub"), '0|1', 'and is counted');
	hub("SELECT qlm_drop_peer('inside')");
};

# A node that calls in is asked for something that it cannot do now.
subtest 'a node behind a firewall' => sub {
	my $url = "http://127.0.0.1:$hub->{qlm_port}/peer/plant2";
	hub("SELECT qlm_add_peer('plant2', role => 'qlm_writer', piggyback => true)");
	plant("SELECT qlm_add_peer('hub2', role => 'qlm_writer', url => '$url', heartbeat => '0.5 s')");
	be_ill();
	my $write = '<write msgformat="odf"><msg>' . objects('M2', 'Inside/x', '<value>%s</value>') . '</msg></write>';
	my $message = envelope('M2', sprintf($write, 1) . sprintf($write, 'state 53100'));
	my $id = hub("SELECT qlm_request('plant2', '$message')");
	wait_for_sql($hub, "SELECT attempts > 1 AND state = 'sent' AND last_error ~ 'returnCode 503' FROM qlm.outbox WHERE message_id = $id", 't', 'it is asked for again');
	is(values_at_plant('Inside/x'), '', 'nothing was done');
	be_well();
	is(join(' ', return_codes(hub("SELECT qlm_await($id, '60 s')"))), '200 200', 'until it is done');
	is(values_at_plant('Inside/x'), '1 state 53100', 'once');

	my $beat = QlmPeer->new;
	plant("SELECT qlm_add_peer('busy', url => '" . $beat->url . "', heartbeat => '0.2 s')");
	$beat->answer($beat->request('beat'), envelope('M2', '<response><result><return returnCode="503" description="not now"/></result></response>'));
	wait_for_sql($plant, "SELECT last_success IS NULL AND last_error = 'it answered with returnCode 503: not now' FROM qlm.stat_peer WHERE name = 'busy'", 't', 'a heartbeat that is refused is a failure');
	plant("SELECT qlm_drop_peer('busy')");
};

done_testing();
