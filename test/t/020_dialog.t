# The dialog of the paper over real sockets: the fridge calls, and gets our
# requests in the responses to its own.

use strict;
use warnings FATAL => 'all';

use QlmTest;
use Test::More;

my $node = qlm_node('dialog', conf => <<EOC);
qlm.retry_delay = '1s'
EOC

$node->safe_psql('postgres', <<EOQ);
SELECT qlm_add_peer('fridge', role => 'qlm_writer', paths => '{SmartFridge411}');
EOQ

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

# Queue a read of an InfoItem of the fridge.
sub queue_read
{
	my ($name, $ttl) = @_;

	return sql("SELECT qlm_request('fridge', qlm_read_envelope('SmartFridge411/$name'), ttl => '"
		  . ($ttl // '1 hour') . "')");
}

sub state_of
{
	return sql("SELECT state FROM qlm.outbox WHERE message_id = $_[0]");
}

# The fridge posts its temperature.
sub fridge_writes
{
	my ($key) = @_;

	return post($node, write_envelope($key, 'SmartFridge411/temperature', '4.5'));
}

# The fridge answers the first request nested in what it got.
sub fridge_answers
{
	my ($key, $answer, $value) = @_;
	my ($name) = (nested($answer))[0] =~ /<InfoItem name="(\w+)"/;

	return post($node,
		response_envelope($key, (request_ids($answer))[0], "SmartFridge411/$name", $value));
}

# A further request is queued while the fridge answers, as long as there are
# names; the dialog ends when a response carries none.
for my $key ('QP', 'Q0', 'Q1', 'M2')
{
	subtest "a dialog of three rounds, $key" => sub {
		my @names = ('temperature', 'door', 'setpoint');
		my @ids = queue_read(shift @names);
		my $answer = fridge_writes($key);
		my $rounds = 0;

		while (nested($answer))
		{
			last if ++$rounds > 3;
			my ($name) = (nested($answer))[0] =~ /<InfoItem name="(\w+)"/;
			is(join(' ', request_ids($answer)), $ids[-1], "round $rounds: a request comes");
			push @ids, queue_read(shift @names) if @names;
			$answer = fridge_answers($key, $answer, "$key$rounds");
			is(sql("SELECT value FROM qlm.current WHERE path = 'SmartFridge411/$name'"),
				"$key$rounds", "what it says of its $name is stored");
		}
		is($rounds, 3, 'it ends by itself after three');
		is(join(' ', map { state_of($_) } @ids), 'answered answered answered', 'all are answered');
	};
}

subtest 'Fig. 3 of the paper, rows 5 to 14' => sub {
	my $id = queue_read('temperature');
	my ($got) = nested(fridge_writes('QP'));

	sql("SELECT qlm_write('SmartFridge411/temperature', '5')");
	$got =~ s/>\s+</></g;
	like($got, qr{^<qlmEnvelope version="1\.0" ttl="\d+"><read msgformat="QLMdf\.xsd" version="1\.0" ttl="0\.0"><Objects xmlns="QLMdf\.xsd"><Object><id>SmartFridge411</id><InfoItem name="temperature"\s*/></Object></Objects></read></qlmEnvelope>$},
		'the nested envelope');
	post($node, response_envelope('QP', $id, 'SmartFridge411/temperature', '6'));
};

subtest 'the response got lost: attached again, answered once' => sub {
	my $id = queue_read('temperature');

	# The fridge's firewall drops the response: it never reads it.
	my $lost = qlm_connect($node);
	$lost->send_request('POST', '/', body => write_envelope('QP', 'SmartFridge411/temperature', '1'));
	wait_for_sql($node, "SELECT state FROM qlm.outbox WHERE message_id = $id", 'sent');
	$lost->close;
	is(scalar nested(fridge_writes('QP')), 0, 'not at once');
	my $answer;
	wait_until(sub { $answer = fridge_writes('QP'); nested($answer) }, 'attached again');
	is((request_ids($answer))[0], $id, 'the same request');
	fridge_answers('QP', $answer, 'first');
	fridge_answers('QP', $answer, 'second');
	is(sql("SELECT state || ' ' || attempts || ' ' || (answer LIKE '%first%') FROM qlm.outbox WHERE message_id = $id"),
		'answered 2 true', 'the first answer counts');
};

subtest 'expiry' => sub {
	my $id = queue_read('temperature', '100 ms');

	wait_for_sql($node, "SELECT expires_at < clock_timestamp() FROM qlm.outbox WHERE message_id = $id", 't');
	is(scalar nested(fridge_writes('QP')), 0, 'what has expired is not sent');
	is(state_of($id), 'expired', 'and is said to be');
	my ($status, $out, $err) = $node->psql('postgres', "SELECT qlm_await($id)");
	like($err, qr/expired/, 'to who waits too');
};

subtest 'qlm_await returns when the device has called in' => sub {
	my $id = queue_read('temperature');
	my $waiting = $node->background_psql('postgres');

	$waiting->query_until(qr/started/, "\\echo started\nSELECT qlm_await($id, '60 s');\n\\echo ended\n");
	fridge_answers('QP', fridge_writes('QP'), '-18');
	my $out = $waiting->query_until(qr/ended/, "\n");
	like($out, qr/>-18</, 'with the answer');
	$waiting->quit;
};

subtest 'two peers from one address get only their own' => sub {
	sql(qq{SELECT qlm_add_peer('left', role => 'qlm_writer', paths => '{Left}', credential => 'left secret'),
		qlm_add_peer('right', role => 'qlm_writer', credential => 'right secret'),
		qlm_add_peer('open', role => 'qlm_writer')});
	my %id = map { $_ => sql("SELECT qlm_request('$_', qlm_read_envelope('$_/x'))") } 'left', 'right', 'open';
	my $heartbeat = envelope('Q1', '<read/>');
	my %with = (
		left => { headers => { Authorization => 'Basic bGVmdDpsZWZ0IHNlY3JldA==' } },
		right => { headers => { Authorization => 'Bearer right secret' } },
		open => { path => '/peer/open' });

	for my $name (sort keys %with)
	{
		my $answer = post($node, $heartbeat, %{ $with{$name} });
		is(join(' ', request_ids($answer)), $id{$name}, "$name gets its own");
	}
	sql("UPDATE qlm.outbox SET state = 'queued', next_attempt_at = NULL WHERE peer IN ('left', 'right')");
	my %wrong = (
		'no identity' => {},
		'a name alone, where there is a credential' => { path => '/peer/left' },
		'a wrong secret' => { headers => { Authorization => 'Basic bGVmdDpyaWdodCBzZWNyZXQ=' } },
		'another one\'s secret and name' => { path => '/peer/right', headers => $with{left}{headers} },
		'an unknown peer' => { path => '/peer/nobody' },
		'nonsense' => { headers => { Authorization => 'Basic !!!' } },
		'another scheme' => { headers => { Authorization => 'Digest x' } });
	for my $case (sort keys %wrong)
	{
		my $answer = post($node, $heartbeat, %{ $wrong{$case} });
		is("$answer->{status} " . return_code($answer), '401 401', $case);
		ok($answer->{headers}{'www-authenticate'}, 'and how to do better');
		is(scalar nested($answer), 0, 'and nothing of anybody');
	}
	my $stolen = post($node, write_envelope('Q1', 'Left/x', 1));
	is($stolen->{status}, 401, 'writing the Objects of a peer with credential is no proof');
	post($node, response_envelope('Q1', $id{left}, 'right/x', 'forged'), %{ $with{right} });
	isnt(state_of($id{left}), 'answered', 'nobody answers for another');
	is(post($node, envelope('M2', '<read/>', authorization => 'Bearer left secret'))->{status}, 200,
		'the credential may stand in the envelope');
};

subtest 'a callback URL identifies a peer that may be claimed' => sub {
	sql("SELECT qlm_add_peer('caller', url => 'http://caller.example/qlm', role => 'qlm_writer', by_name => true)");
	my $id = sql("SELECT qlm_request('caller', qlm_read_envelope('Caller/x'))");
	my $read = '<read callback="%s"><msg>' . objects('Q1', 'SmartFridge411/temperature') . '</msg></read>';

	is(post($node, envelope('Q1', sprintf $read, 'http://stranger.example/qlm'))->{status}, 401, 'another URL does not');
	# It is posted first; nobody can have it while that is tried.
	ok(wait_until(sub {
		grep { $_ eq $id } request_ids(post($node, envelope('Q1', sprintf $read, 'http://caller.example/qlm')))
	}), 'what cannot be posted to it is attached');
};

subtest 'several requests in one response' => sub {
	my @ids = map { queue_read($_) } 'temperature', 'door';
	my $answer = fridge_writes('Q1');

	is(join(' ', request_ids($answer)), "@ids", 'since it echoes ids: all, in order');
	my $answers = join '', map {
		my $id = $_;
		my ($result) = response_envelope('Q1', $id, 'SmartFridge411/x', $id) =~ m{(<result.*</result>)}s;
		$result
	} @ids;
	post($node, envelope('Q1', "<response>$answers</response>"));
	is(join(' ', map { state_of($_) } @ids), 'answered answered', 'answered in one message');
};

$node->stop;
done_testing();
