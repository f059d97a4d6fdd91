# Calls over HTTP: whose rights, how long, what is left behind, and calls that
# are for other nodes.

use strict;
use warnings FATAL => 'all';

use QlmClock;
use QlmPeer;
use QlmReceiver;
use QlmTest;
use Test::More;
use Time::HiRes qw(time);

my $node = qlm_node('calls', conf => <<EOC);
qlm.anonymous_role = 'qlm_reader'
qlm.callback_allow = '127.0.0.1'
qlm.http_workers = 1
qlm.request_timeout = '8s'
qlm.retry_delay = '200ms'
EOC

sub sql { return $node->safe_psql('postgres', $_[0]); }

# A call of one InfoItem; options are those of an envelope, and attributes.
sub call_envelope
{
	my ($key, $path, $value, %opt) = @_;
	my $attributes = delete $opt{attributes} // '';

	return envelope($key,
		"<call msgformat=\"odf\"$attributes><msg>"
		  . objects($key, $path, defined $value ? "<value>$value</value>" : undef)
		  . '</msg></call>', %opt);
}

sub call
{
	my ($path, $value, %opt) = @_;

	return post($node, call_envelope('M2', $path, $value, %{ $opt{envelope} // {} }), %opt);
}

# A handler f(text) with a body in PL/pgSQL.
sub handler
{
	my ($path, $body) = @_;
	my $name = lc 'h_' . $path =~ s/\W/_/gr;

	sql("CREATE FUNCTION $name(value text) RETURNS text LANGUAGE plpgsql AS \$f\$ BEGIN $body END \$f\$");
	sql("SELECT qlm_set_handler('$path', '$name(text)')");
	return;
}

sub value_of { return ($_[0]{body} =~ m{<value[^>]*>([^<]*)</value>})[0]; }

sql('CREATE TABLE done (what text, who name DEFAULT current_user); GRANT INSERT, SELECT ON done TO qlm_reader');
sql("SELECT qlm_add_peer('writer', role => 'qlm_writer')");
handler('F/defrost', "INSERT INTO done VALUES (value); RETURN 'defrosting for ' || value;");

subtest 'whose rights' => sub {
	my $answer = call('F/defrost', 20);

	is($answer->{status}, 200, 'HTTP says 200');
	is(return_code($answer), 200, 'so does the result');
	is(value_of($answer), 'defrosting for 20', 'what the function returned');
	is(sql('SELECT what, who FROM done'), '20|qlm_reader', 'run by the anonymous role');
	is(sql('SELECT count(*) FROM qlm.info_item'), 0, 'nothing is stored');
	handler('F/who', "RETURN current_user;");
	is(value_of(call('F/who', 1, path => '/peer/writer')), 'qlm_writer', 'run by that of a peer');
	sql('REVOKE EXECUTE ON FUNCTION h_f_who(text) FROM PUBLIC');
	is(return_code(call('F/who')), 403, 'who may not execute the function may not call it');
	is(return_code(call('F/none')), 404, 'no handler');
	handler('F/writes', "PERFORM qlm_write('F/x', value); RETURN 'written';");
	is(return_code(call('F/writes', 1)), 403, 'who may not write does not write by calling');
	is(value_of(call('F/writes', 1, path => '/peer/writer')), 'written', 'who may does');
	is(sql("SELECT value FROM qlm.current WHERE path = 'F/x'"), 1, 'and it is there');
};

subtest 'nobody becomes the superuser that the worker is' => sub {
	my %attempts = (
		set_role => 'SET ROLE postgres; RETURN current_user;',
		reset_role => 'RESET ROLE; RETURN current_user;',
		session => 'SET SESSION AUTHORIZATION postgres; RETURN current_user;',
		setting => q{PERFORM set_config('role', 'postgres', false); RETURN current_user;},
		preload => q{PERFORM set_config('session_preload_libraries', 'x', false); RETURN 'set';},
		terminate => 'PERFORM pg_terminate_backend(pg_backend_pid()); RETURN 1;',
		later => q{EXECUTE 'DECLARE c CURSOR WITH HOLD FOR SELECT 1'; RETURN 1;},
		temporary => 'CREATE TEMP TABLE t (x int); RETURN 1;',
		prepared => q{EXECUTE 'PREPARE p AS SELECT 1'; RETURN 1;},
		listening => 'LISTEN x; RETURN 1;',
		committing => 'COMMIT; RETURN 1;');

	sql('CREATE TABLE spoils (x int); GRANT INSERT ON spoils TO qlm_reader');
	sql(q{CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO done VALUES ('deferred'); RETURN NULL; END $$});
	sql('CREATE CONSTRAINT TRIGGER spoil AFTER INSERT ON spoils DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION spoil()');
	$attempts{deferred} = 'INSERT INTO spoils VALUES (1); RETURN 1;';
	for my $name (sort keys %attempts)
	{
		handler("Bad/$name", $attempts{$name});
		my $answer = call("Bad/$name");
		cmp_ok(return_code($answer), '>=', 400, "$name: " . ($answer->{body} =~ /description="([^"]*)"/)[0]);
	}
	is(sql("SELECT count(*) FROM done WHERE what = 'deferred'"), 0, 'no trigger runs later');
	is(value_of(call('F/defrost', 'still')), 'defrosting for still', 'the worker goes on');
	is(sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'qlm%' AND state = 'idle in transaction'"), 0, 'no transaction is left open');
};

subtest 'nothing is left behind for the next request' => sub {
	my $workers = sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'");
	handler('F/locks', q{PERFORM pg_advisory_lock(4711), pg_advisory_lock(4711), pg_advisory_lock_shared(47, 11), pg_advisory_xact_lock(12), set_config('search_path', 'nowhere', false), set_config('qlm_test.x', 'left', false); RETURN 1;});
	handler('F/looks', q{RETURN coalesce(current_setting('qlm_test.x', true), '') || current_setting('search_path');});
	handler('F/locksfails', q{PERFORM pg_advisory_lock(4712); RAISE EXCEPTION 'locked';});
	is(return_code(call('F/locks')), 200, 'a function that takes a lock and changes settings');
	is(sql('SELECT pg_try_advisory_lock(4711)'), 't', 'the lock is free');
	is(return_code(call('F/locksfails')), 500, 'one that takes a lock and fails');
	is(sql('SELECT pg_try_advisory_lock(4712)'), 't', 'that one is free too');
	is(sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), $workers, 'and the worker has its own locks');
	is(value_of(call('F/looks')), 'public, public, pg_temp', 'the settings are as before');
	is(return_code(post($node, read_envelope('M2', 'F/x'))), 200, 'a read goes on as ever');
};

subtest 'a function may use the node' => sub {
	my $listener = $node->background_psql('postgres', on_error_stop => 1);

	$listener->query_safe('LISTEN defrosted');
	handler('F/uses', q{NOTIFY defrosted; PERFORM qlm_write('F/used', value);
		BEGIN RAISE division_by_zero; EXCEPTION WHEN division_by_zero THEN NULL; END;
		RETURN (xpath('//*[local-name()="value"]/text()', qlm_handle(qlm_call_envelope('F/defrost', value))))[1];});
	is(value_of(call('F/uses', 'inner', path => '/peer/writer')), 'defrosting for inner', 'another call, in it');
	is(sql("SELECT value FROM qlm.current WHERE path = 'F/used'"), 'inner', 'a write');
	like($listener->query('SELECT 1'), qr/notification "defrosted"/, 'a notification');
	$listener->quit;
};

subtest 'a device that a function reads' => sub {
	handler('F/reading', "IF value IS NULL THEN PERFORM pg_sleep(0.1); RETURN 'read'; END IF;");
	sql("SELECT qlm_set_handler('F/reading', 'h_f_reading(text)', 'read')");
	my $read = read_envelope('M2', 'F/reading', targetType => 'device');
	my @readers = map { qlm_connect($node) } 1 .. 5;
	$_->send_request('POST', '/', body => $read) for @readers;
	my @answers = map { $_->response } @readers;
	is(scalar(grep { $_->{body} =~ m{targetType="device".*dateTime="[^"]+" unixTime="[^"]+">read<}s } @answers), 5, 'each has its answer, with a time');
};

subtest 'errors' => sub {
	handler('F/fails', q{INSERT INTO done VALUES ('lost'); RAISE EXCEPTION 'the door is open';});
	my $answer = call('F/fails');
	is($answer->{status}, 200, 'HTTP says 200');
	like($answer->{body}, qr{returnCode="500" description="the door is open".*<InfoItem name="fails"/>}s, 'the result says why, and what failed');
	is(sql("SELECT count(*) FROM done WHERE what = 'lost'"), 0, 'what it did is undone');
	handler('F/conflict', q{RAISE EXCEPTION 'again' USING ERRCODE = 'serialization_failure';});
	is(return_code(call('F/conflict')), 503, 'a conflict that does not end');
};

subtest 'in time' => sub {
	handler('F/sleeps', "INSERT INTO done VALUES ('slept'); PERFORM pg_sleep(value::float); RETURN 'awake';");
	my $start = running_time();
	my $answer = call('F/sleeps', 60, envelope => { ttl => 1 });
	is($answer->{status}, 200, 'HTTP says 200');
	is(return_code($answer), 503, 'the ttl ends the function');
	cmp_ok(running_time() - $start, '<', 10, 'in time');
	is(value_of(call('F/sleeps', 0.1, envelope => { ttl => 5 })), 'awake', 'one that is in time');
	$start = running_time();
	$answer = call('F/sleeps', 60, envelope => { ttl => -1 });
	is($answer->{status} . ' ' . return_code($answer), '200 503', 'without ttl: qlm.request_timeout ends it, and it is a result');
	cmp_ok(running_time() - $start, '<', 8, 'before the message itself is out of time');
	handler('F/ignores', "LOOP BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN IF value = 'once' THEN value := 'again'; ELSE RAISE; END IF; END; END LOOP;");
	is(return_code(call('F/ignores', 'once', envelope => { ttl => 0.5 })), 503, 'told again where it did not stop');
	is(sql("SELECT count(*) FROM done WHERE what = 'slept'"), 1, 'what did not end in time is undone');
};

subtest 'others in the same turn' => sub {
	my $slow = qlm_connect($node);
	my @others = map { qlm_connect($node) } 1 .. 20;

	# The one worker is busy while all of these arrive, so they make one turn.
	$slow->send_request('POST', '/', body => call_envelope('M2', 'F/sleeps', 1));
	for my $i (0 .. 19)
	{
		my $body = $i % 5 == 0 ? call_envelope('M2', 'F/fails') :
		  $i % 5 == 1 ? call_envelope('M2', 'F/defrost', "turn $i") :
		  write_envelope('M2', "Turn/x$i", $i);
		$others[$i]->send_request('POST', '/peer/writer', body => $body);
	}
	my @codes = map { return_code($_->response) } @others;
	is(return_code($slow->response), 200, 'the slow one');
	is(join(' ', @codes), join(' ', map { $_ % 5 == 0 ? 500 : 200 } 0 .. 19), 'each has its own answer');
	is(sql("SELECT count(*) FROM qlm.current WHERE path LIKE 'Turn/%'"), 12, 'all writes are there');
	is(sql("SELECT count(*) FROM done WHERE what LIKE 'turn %'"), 4, 'each call was run once');
	is(sql("SELECT count(*) FROM done WHERE what = 'lost'"), 0, 'and what failed is undone');
};

subtest 'with a callback' => sub {
	my $receiver = QlmReceiver->new;
	my $answer = call('F/defrost', 'later', envelope => { ttl => 60, attributes => ' callback="' . $receiver->url . '"' });
	my ($id) = request_ids($answer);

	is(return_code($answer), 200, 'accepted');
	unlike($answer->{body}, qr/defrosting/, 'the immediate answer has only a requestID');
	my ($body) = $receiver->bodies(1);
	like($body, qr{<requestID>$id</requestID>.*defrosting for later}s, 'the outcome goes to the callback');
	call('F/fails', undef, envelope => { ttl => 60, attributes => ' callback="' . $receiver->url . '"' });
	like(($receiver->bodies(2))[1], qr{returnCode="500" description="the door is open"}, 'so does an error');
};

subtest 'a call that a peer nests is executed once' => sub {
	my $peer = QlmPeer->new;
	my $nested = '<result><return returnCode="200"/><requestId>77</requestId>'
	  . call_envelope('Q1', 'F/defrost', 'nested', ttl => 60) . '</result>';
	my $carrying = envelope('Q1', "<response>$nested</response>");

	sql("SELECT qlm_add_peer('outer', url => '" . $peer->url . "', heartbeat => '1 hour')");
	$peer->answer($peer->request('beat'), $carrying);
	my $first = $peer->request('answer');
	like($first->{body}, qr{<requestId>77</requestId>.*defrosting for nested}s, 'it is executed and answered');
	$peer->answer($first, $carrying);
	my $second = $peer->request('answer');
	is($second->{body}, $first->{body}, 'asked again, it is answered again');
	$peer->answer($second, envelope('Q1', '<response><result><return returnCode="200"/></result></response>'));
	is(sql("SELECT count(*) FROM done WHERE what = 'nested'"), 1, 'and executed once');
	sql("SELECT qlm_drop_peer('outer')");
};

subtest 'the owner is another node' => sub {
	my $oven = qlm_node('oven', conf => "qlm.anonymous_role = 'qlm_reader'\n");

	$oven->safe_psql('postgres', q{CREATE FUNCTION bake(value text) RETURNS text LANGUAGE sql AS $$ SELECT 'baking at ' || value $$});
	$oven->safe_psql('postgres', q{SELECT qlm_set_handler('Oven/bake', 'bake(text)')});
	sql("SELECT qlm_add_peer('oven', url => 'http://127.0.0.1:$oven->{qlm_port}/', paths => '{Oven}')");

	my $answer = call('Oven/bake', 200, path => '/peer/writer', envelope => { ttl => 20 });
	is(value_of($answer), 'baking at 200', 'its answer is returned');
	like($answer->{body}, qr{<node>oven</node>}, 'and says whose it is');
	unlike($answer->{body}, qr/requestID/, 'without the number that the message had');
	is(return_code(call('Oven/none', 1, path => '/peer/writer', envelope => { ttl => 20 })), 404, 'what it refuses is passed on');
	is(return_code(call('Oven/bake', 200)), 403, 'who may only read here has nothing sent on');
	handler('Oven/here', "RETURN 'here';");
	is(value_of(call('Oven/here')), 'here', 'a handler of this node comes first');

	my $both = envelope('M2', '<call><msg><Objects xmlns="http://www.opengroup.org/xsd/odf/2.0/"><Object><id>F</id><InfoItem name="defrost"><value>both</value></InfoItem></Object>'
		  . '<Object><id>Oven</id><InfoItem name="bake"><value>100</value></InfoItem></Object></Objects></msg></call>', ttl => 20);
	like(post($node, $both, path => '/peer/writer')->{body}, qr{defrosting for both.*baking at 100}s, 'some here, some there');

	my $id = sql("SELECT (xpath('//*[local-name()=\"requestID\"]/text()', qlm_handle(qlm_call_envelope('Oven/bake', '150'))))[1]");
	like(sql("SELECT qlm_await($id, '20 s')"), qr/baking at 150/, 'from SQL: a requestID to wait for');
	like(sql("SELECT qlm_await(qlm_request('oven', qlm_call_envelope('Oven/bake', '175')), '20 s')"), qr/baking at 175/, 'or by name');

	my $receiver = QlmReceiver->new;
	my $callback = ' callback="' . $receiver->url . '"';
	my $later = call('Oven/bake', 125, path => '/peer/writer', envelope => { ttl => 20, attributes => $callback });
	($id) = request_ids($later);
	unlike($later->{body}, qr/baking|<node>/, 'with a callback the immediate answer has only a requestID');
	like(($receiver->bodies(1))[0], qr{<requestID>$id</requestID>.*baking at 125.*<node>oven</node>}s, 'its answer goes to the callback');
	post($node, $both =~ s/<call>/<call$callback>/r, path => '/peer/writer');
	like(($receiver->bodies(2))[1], qr{defrosting for both.*baking at 100}s, 'with that of handlers here in one message');
	sql("SELECT qlm_handle('" . call_envelope('M2', 'Oven/bake', 130, ttl => 20, attributes => $callback) . "')");
	like(($receiver->bodies(3))[2], qr{baking at 130}, 'from SQL too');

	my $outer = QlmPeer->new;
	my $nested = sub {
		my ($number, %opt) = @_;
		return envelope('Q1', "<response><result><return returnCode=\"200\"/><requestId>$number</requestId>"
			  . call_envelope('Q1', 'Oven/bake', $number, ttl => 60, %opt) . '</result></response>');
	};
	sql("SELECT qlm_add_peer('outer', url => '" . $outer->url . "', role => 'qlm_writer', heartbeat => '1 hour', by_name => true)");
	$outer->answer($outer->request('beat'), $nested->(81));
	my $asked = $outer->request('answer');
	like($asked->{body}, qr{description="sent on.*<requestId>81</requestId><requestId>\d+</requestId>.*<node>oven</node>}s, 'nested by a peer: a requestID to poll');
	my ($number) = $asked->{body} =~ m{<requestId>81</requestId><requestId>(\d+)<};
	wait_for_sql($node, "SELECT state FROM qlm.outbox WHERE message_id = $number", 'answered');
	like(post($node, envelope('Q1', "<read><requestId>$number</requestId></read>"), path => '/peer/outer')->{body}, qr/baking at 81/, 'by which it gets the answer');
	$outer->answer($asked, $nested->(82, attributes => $callback));
	like(($receiver->bodies(4))[3], qr{baking at 82}, 'or at its callback');
	sql("SELECT qlm_drop_peer('outer')");

	$oven->stop;
	my $start = running_time();
	$answer = call('Oven/bake', 200, path => '/peer/writer', envelope => { ttl => 2 });
	like($answer->{body}, qr{returnCode="504".*<node>oven</node>}s, 'no answer: 504');
	cmp_ok(running_time() - $start, '<', 10, 'when the ttl is over');
};

subtest 'handlers are dumped' => sub {
	my ($stdout) = PostgreSQL::Test::Utils::run_command([ 'pg_dump', '-h', $node->host, '-p', $node->port, '--data-only', '-t', 'qlm.handler', 'postgres' ]);
	like($stdout, qr/^F\/defrost\tcall\tpublic\.h_f_defrost\(text\)$/m, 'path and function');
};

$node->stop;
done_testing();
