# What a device answers may not always be stored: its role may not write it, or a
# constraint forbids it.  The request is answered all the same, with that code.

use strict;
use warnings FATAL => 'all';

use QlmPeer;
use QlmTest;
use Test::More;

my $node = qlm_node('node', conf => "qlm.retry_delay = '100ms'\nqlm.retry_max_delay = '200ms'\n");

sub sql { return $node->safe_psql('postgres', $_[0]); }

sql(<<'EOQ');
CREATE ROLE kitchen IN ROLE qlm_writer;
ALTER TABLE qlm.info_item ENABLE ROW LEVEL SECURITY;
CREATE POLICY kitchen ON qlm.info_item TO kitchen USING (path ^@ 'Kitchen/');
CREATE POLICY others ON qlm.info_item TO qlm_reader USING (NOT pg_has_role('kitchen', 'USAGE') OR pg_has_role('pg_monitor', 'USAGE'));
SELECT qlm_write('Kitchen/valve', 1), qlm_write('Cellar/valve', 1), qlm_write('Kitchen/checked', 1), qlm_write('Kitchen/deferred', 1), qlm_write('Kitchen/busy', 1);
SELECT qlm_add_peer('device', role => 'kitchen', piggyback => true);
CREATE FUNCTION check_value() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.num = 13 THEN RAISE check_violation USING MESSAGE = 'thirteen is no value'; END IF;
	IF NEW.num = 53 THEN RAISE disk_full USING MESSAGE = 'the disk is full'; END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER check_value BEFORE INSERT ON qlm.value FOR EACH ROW EXECUTE FUNCTION check_value();
CREATE FUNCTION check_later() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.num = 14 THEN RAISE check_violation USING MESSAGE = 'nor is fourteen'; END IF;
	RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER check_later AFTER INSERT ON qlm.value DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_later();
EOQ

sub ask { return sql("SELECT qlm_request('$_[0]', qlm_read_envelope('$_[1]'))"); }

sub device { return post($node, $_[0], path => '/peer/device'); }

sub beat { return device(envelope('M2', '<read/>')); }

sub outcome { return sql("SELECT concat_ws(' ', state, return_code) FROM qlm.outbox WHERE message_id = $_[0]"); }

sub latest { return sql("SELECT value FROM qlm.current WHERE path = '$_[0]'"); }

for my $case (
	[ 'what its role may not write', 'Cellar/valve', 2, 403 ],
	[ 'what a constraint forbids', 'Kitchen/checked', 13, 400 ],
	[ 'what a deferred one forbids', 'Kitchen/deferred', 14, 400 ])
{
	my ($what, $path, $value, $code) = @$case;

	subtest $what => sub {
		my $id = ask('device', $path);
		is(join(' ', request_ids(beat())), $id, 'the device is asked');
		my $answer = device(response_envelope('M2', $id, $path, $value));
		is(return_code($answer), $code, 'and told that its answer is not stored');
		is(outcome($id), "answered $code", 'the request is answered, with that code');
		like(sql("SELECT last_error FROM qlm.outbox WHERE message_id = $id"), qr/not stored|denied|fourteen/, 'and the reason') unless $code == 400 && $value == 14;
		like(sql("SELECT qlm_await($id, '0')"), qr/returnCode/, 'who waits has it');
		is(latest($path), 1, 'nothing of it is stored');
		is(scalar nested(beat()), 0, 'and the device is not asked again');
	};
}

subtest 'two answers in one message' => sub {
	my ($good, $bad) = map { ask('device', "$_/valve") } 'Kitchen', 'Cellar';

	beat();
	my ($first, $second) = map { response_envelope('M2', $_->[0], $_->[1], 3) =~ m{(<result.*</result>)} } [ $bad, 'Cellar/valve' ], [ $good, 'Kitchen/valve' ];
	my $answer = device(envelope('M2', "<response>$first$second</response>"));
	is(join(' ', map { outcome($_) } $good, $bad), 'answered 200 answered 403', 'each has its code');
	like($answer->{body}, qr{returnCode="403"[^>]*/><requestID>$bad<}, 'the device is told which was refused');
	is(latest('Kitchen/valve'), 3, 'the other is stored');
};

subtest 'a device that answers again' => sub {
	my $id = ask('device', 'Kitchen/valve');

	beat();
	device(response_envelope('M2', $id, 'Kitchen/valve', 4));
	device(response_envelope('M2', $id, 'Kitchen/valve', 13));
	is(outcome($id), 'answered 200', 'its first answer counts');
};

subtest 'what may pass' => sub {
	my $id = ask('device', 'Kitchen/busy');

	beat();
	device(response_envelope('M2', $id, 'Kitchen/busy', 53));
	is(outcome($id), 'sent', 'is no answer yet');
	device(response_envelope('M2', $id, 'Kitchen/busy', 54));
	is(outcome($id), 'answered 200', 'the next one is');
};

subtest 'an answer that cannot be understood' => sub {
	my $id = ask('device', 'Kitchen/valve');

	beat();
	is(return_code(device(response_envelope('M2', $id, 'Kitchen/valve', 5, at => 'yesterday'))), 400, 'is refused');
	is(outcome($id), 'answered 400', 'and would be again: the request is answered');
	like(sql("SELECT answer FROM qlm.outbox WHERE message_id = $id"), qr/yesterday/, 'with what is wrong');
};

subtest 'a peer that is posted to' => sub {
	my $peer = QlmPeer->new;

	sql("SELECT qlm_add_peer('posted', url => '" . $peer->url . "', role => 'kitchen')");
	my @ids = map { ask('posted', "$_/valve") } 'Cellar', 'Kitchen';
	$peer->answer($peer->request, response_envelope('M2', undef, 'Cellar/valve', 7));
	$peer->answer($peer->request, response_envelope('M2', undef, 'Kitchen/valve', 8));
	wait_for_sql($node, "SELECT state FROM qlm.outbox WHERE message_id = $ids[1]", 'answered');
	is(join(' ', map { outcome($_) } @ids), 'answered 403 answered 200', 'the first has the code, the second follows');
	is(sql("SELECT failures FROM qlm.endpoint WHERE url = '" . $peer->url . "'"), 0, 'the URL is not paused for it');
	is(latest('Kitchen/valve'), 8, 'what may be stored is');
	ok($peer->is_quiet(undef, 0.4), 'nothing is posted again');
};

subtest 'channels with capitals' => sub {
	my (undef, undef, $err) = $node->psql('postgres', "SELECT qlm_subscribe('Kitchen/valve', -1, 'notify:Fridge')");
	like($err, qr/NOTICE:.*"Fridge".*\n.*LISTEN "Fridge"/, 'how to listen to them is said');
	(undef, undef, $err) = $node->psql('postgres', "SELECT qlm_subscribe('Kitchen/valve', -1, 'notify:fridge')");
	is($err, '', 'and nothing of the others');
};

$node->stop;
done_testing();
