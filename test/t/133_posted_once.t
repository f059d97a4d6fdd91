# A request that is posted again, because its answer got lost, is executed once.

use strict;
use warnings FATAL => 'all';

use QlmPeer;
use QlmTest;
use Test::More;

my $conf = "qlm.retry_delay = '200ms'\nqlm.retry_max_delay = '400ms'\n";
my $asking = qlm_node('asking', conf => $conf);
my $asked = qlm_node('asked', conf => $conf . "qlm.anonymous_role = 'qlm_writer'\n");
my $between = QlmPeer->new;    # what cuts the connection

sub asking { return $asking->safe_psql('postgres', $_[0]); }
sub asked { return $asked->safe_psql('postgres', $_[0]); }

asking("SELECT qlm_add_peer('asked', url => '" . $between->url . "', role => 'qlm_writer')");
asked("SELECT qlm_add_peer('asking', role => 'qlm_writer')");

sub queue { return asking("SELECT qlm_request('asked', '$_[0]')"); }

# A write without time leaves one value each time that it is executed.
sub executions { return asked("SELECT count(*) FROM qlm.history WHERE path = '$_[0]'"); }

sub write_to { return write_envelope('M1b', $_[0], $_[1] // 1, ttl => 60); }

# Hand a request on and hang up with the answer in hand.
sub cut_after_execution
{
	my ($path) = @_;
	my $request = $between->request;
	my $answer = post($asked, $request->{body}, path => $path);

	$between->hang_up($request);
	return $answer;
}

sub hand_on
{
	my ($path) = @_;
	my $request = $between->request;
	my $answer = post($asked, $request->{body}, path => $path);

	$between->answer($request, $answer->{body}, status => $answer->{status});
	return $answer;
}

subtest 'a write' => sub {
	my $id = queue(write_to('Once/x'));
	my $lost = cut_after_execution('/peer/asking');
	cut_after_execution('/peer/asking');
	my $answer = hand_on('/peer/asking');

	is(return_code($lost), 200, 'it was executed');
	is($answer->{body}, $lost->{body}, 'and is answered as it was');
	like(asking("SELECT qlm_await($id, '20 s')"), qr/returnCode="200"/, 'which arrives in the end');
	is(executions('Once/x'), 1, 'executed once');
	queue(write_to('Once/x'));
	hand_on('/peer/asking');
	is(executions('Once/x'), 2, 'another request that says the same is another one');
};

subtest 'other verbs' => sub {
	my $subscribe = envelope('M1b', '<read interval="-1"><msg>' . objects('M1b', 'Once/x') . '</msg></read>', ttl => 60);
	my $id = queue($subscribe);
	my ($number) = request_ids(cut_after_execution('/peer/asking'));
	is((request_ids(hand_on('/peer/asking')))[0], $number, 'a subscription');
	is(asked("SELECT count(*) FROM qlm.subscription"), 1, 'is made once');

	asked("SELECT qlm_write('Once/x', 'waits')");
	$id = queue(envelope('M1b', "<read><requestID>$number</requestID></read>", ttl => 60));
	cut_after_execution('/peer/asking');
	hand_on('/peer/asking');
	like(asking("SELECT qlm_await($id, '20 s')"), qr/>waits</, 'a poll brings what the lost answer has taken');

	queue(read_envelope('M1b', 'Once/x'));
	my $read = $between->request;
	unlike($read->{body}, qr/qlmRequest/, 'a read needs nothing of it');
	$between->answer($read, post($asked, $read->{body}, path => '/peer/asking')->{body});
	is(asked("SELECT count(*) FROM qlm.executed"), 4, 'nor is it remembered');
};

subtest 'what comes with the answer' => sub {
	asked("UPDATE qlm.peer SET piggyback = true WHERE name = 'asking'");
	queue(write_to('Carried/x'));
	is(scalar nested(cut_after_execution('/peer/asking')), 0, 'the lost answer carries nothing');
	my $id = asked("SELECT qlm_request('asking', qlm_read_envelope('Own/x'))");
	my $answer = hand_on('/peer/asking');
	is(join(' ', request_ids($answer)), $id, 'the next one what has been queued meanwhile');
	my $own = $between->request('answer');
	is((request_ids($own))[0], $id, 'which is executed');
	$between->answer($own, post($asked, $own->{body}, path => '/peer/asking')->{body});
	is(executions('Carried/x'), 1, 'and the request not again');
};

subtest 'queued anew' => sub {
	my $id = queue(write_to('Anew/x'));
	my $request = $between->request;
	post($asked, $request->{body}, path => '/peer/asking');
	$between->answer($request, '', status => 400);
	wait_for_sql($asking, "SELECT state FROM qlm.outbox WHERE message_id = $id", 'failed');
	asking("SELECT qlm_requeue($id)");
	hand_on('/peer/asking');
	is(executions('Anew/x'), 2, 'by qlm_requeue, it is a new request');
};

subtest 'at the same time' => sub {
	my $body = write_to('Same/x') =~ s/ ttl=/ qlmRequest="1.2" ttl=/r;
	my $locking = $asked->background_psql('postgres', on_error_stop => 1);
	my @askers = map { qlm_connect($asked) } 1 .. 8;

	$locking->query_safe('BEGIN; LOCK TABLE qlm.object IN EXCLUSIVE MODE');
	$_->send_request('POST', '/peer/asking', body => $body) for @askers;
	wait_for_sql($asked, "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted", 't');
	$locking->query_safe('COMMIT');
	$locking->quit;
	my %codes = map { return_code($_->response) => 1 } @askers;
	delete $codes{503};
	is(join(' ', keys %codes), '200', 'executed, answered from memory, or told to come again');
	is(executions('Same/x'), 1, 'executed once');
	is(return_code(post($asked, $body, path => '/peer/asking')), 200, 'then it is answered from memory');
	is(executions('Same/x'), 1, 'and not executed again');
	post($asked, $body) for 1 .. 2;
	is(executions('Same/x'), 3, 'not for callers that are nobody');
	asked("UPDATE qlm.executed SET executed_at = now() - interval '11 min'");
	post($asked, $body, path => '/peer/asking');
	is(executions('Same/x'), 4, 'and not for ever');
};

$_->stop for $asking, $asked;
done_testing();
