# What waits for a callback ends with its subscription, however that ends: it is not
# posted, and its state says why.  What others have subscribed to at the same URL
# arrives.

use strict;
use warnings FATAL => 'all';

use MIME::Base64 ();
use QlmReceiver;
use QlmTest;
use Test::More;
use Time::HiRes qw(sleep);

my $node = qlm_node('cancelled', conf => <<EOC);
qlm.anonymous_role = 'qlm_writer'
qlm.callback_allow = '127.0.0.1'
qlm.retry_delay = '200ms'
qlm.retry_max_delay = '500ms'
qlm.request_timeout = '20s'
qlm.callback_timeout = '20s'
EOC

sub sql { return $node->safe_psql('postgres', $_[0]); }

sub values_in
{
	return map { m{<value[^>]*>([^<]*)</value>}g } @_;
}

sub subscribe
{
	my ($path, $url, $interval, %opt) = @_;

	return (request_ids(post($node, envelope('M2',
		qq{<read interval="$interval" callback="$url"><msg>} . objects('M2', $path) . '</msg></read>', ttl => -1, %opt))))[0];
}

sub cancel
{
	my ($id) = @_;

	return return_code(post($node, envelope('M2', "<cancel><requestID>$id</requestID></cancel>")));
}

# States of a subscription's messages, with their reasons
sub states
{
	my ($id) = @_;

	return sql("SELECT string_agg(state || COALESCE(': ' || last_error, '') || ' ' || n, ', ' ORDER BY state)
		FROM (SELECT state, last_error, count(*) AS n FROM qlm.outbox WHERE subscription_id = $id GROUP BY 1, 2) AS s");
}

# Two subscriptions at a URL where nobody is; values 1 to 5 wait for both.
sub wait_in_vain
{
	my ($receiver, $path, %opt) = @_;
	my @ids = map { subscribe($path, $receiver->url, $opt{interval} // -1, %{ $opt{how} // {} }) } 1 .. 2;

	post($node, write_envelope('M2', $path, $_)) for 1 .. 5;
	my $url = $receiver->url;
	wait_for_sql($node, "SELECT failures > 0 FROM qlm.stat_delivery WHERE url = '$url'", 't', 'nobody is there');
	return @ids;
}

subtest 'a cancel' => sub {
	my $receiver = QlmReceiver->new(stopped => 1);
	my ($id, $other) = wait_in_vain($receiver, 'Cancel/x');

	is(cancel($id), 200, 'it is answered');
	ok(wait_until(sub { states($id) eq 'cancelled: the subscription has ended 5' }), 'its messages say why they are not posted') or diag(states($id));
	is(sql("SELECT count(*) FROM qlm.outbox WHERE subscription_id = $id AND posting"), '0', 'none is leased')
	  or wait_for_sql($node, "SELECT count(*) FROM qlm.outbox WHERE subscription_id = $id AND posting", '0');
	$receiver->start;
	is(join(' ', values_in($receiver->bodies(5))), '1 2 3 4 5', 'those of the other arrive');
	wait_for_sql($node, "SELECT bool_and(state = 'answered') FROM qlm.outbox WHERE subscription_id = $other", 't', 'and are recorded');
	is(join(' ', map { (request_ids($_))[0] == $other ? 'other' : 'cancelled' } $receiver->bodies), join(' ', ('other') x 5), 'no more than these');
	like(sql("SELECT state || ' ' || queued FROM qlm.stat_delivery WHERE url = '" . $receiver->url . "'"), qr/^ok 0$/, 'nothing waits');
	my ($result, $out, $error) = $node->psql('postgres', "SELECT qlm_requeue(message_id) FROM qlm.outbox WHERE subscription_id = $id LIMIT 1");
	like($error, qr/the subscription that message \d+ has data of has ended/, 'they cannot be queued again');
};

subtest 'other ends' => sub {
	my %ends = (
		'qlm_cancel' => sub { sql("SELECT qlm_cancel($_[0])") },
		'deletion of its row' => sub { sql("DELETE FROM qlm.subscription WHERE request_id = $_[0]") },
		'its ttl' => sub { sql("UPDATE qlm.subscription SET expires_at = clock_timestamp() WHERE request_id = $_[0]");
			sql("DELETE FROM qlm.subscription WHERE request_id = $_[0]") });

	for my $how (sort keys %ends)
	{
		my $receiver = QlmReceiver->new(stopped => 1);
		my ($id, $other) = wait_in_vain($receiver, 'End/x');

		$ends{$how}->($id);
		# What is being posted ends when that has failed.
		ok(wait_until(sub { states($id) =~ /^(cancelled: the subscription has ended|expired: time to live ended) 5$/ }), "$how: ended") or diag(states($id));
		$receiver->start;
		is(join(' ', values_in($receiver->bodies(5))), '1 2 3 4 5', 'those of the other arrive');
		is(cancel($other), 200, 'which ends');
	}
};

subtest 'a peer that is dropped' => sub {
	my $receiver = QlmReceiver->new(stopped => 1);
	my $url = $receiver->url;

	sql("SELECT qlm_add_peer('gone', role => 'qlm_writer', credential => 'secret')");
	my $answer = post($node, envelope('M2', qq{<read interval="-1" callback="$url"><msg>} . objects('M2', 'Peer/x') . '</msg></read>', ttl => -1),
		headers => { Authorization => 'Basic Z29uZTpzZWNyZXQ=' });
	my $id = (request_ids($answer))[0];

	ok($id, 'it has subscribed') or diag $answer->{body};
	post($node, write_envelope('M2', 'Peer/x', $_)) for 1 .. 3;
	sql("SELECT qlm_drop_peer('gone')");
	is(sql("SELECT count(*) FROM qlm.outbox WHERE subscription_id = $id AND state IN ('queued', 'sent')"), '0', 'nothing waits');
	$receiver->start;
	my $mine = subscribe('Peer/x', $url, -1);
	post($node, write_envelope('M2', 'Peer/x', 'mine'));
	is(join(' ', values_in($receiver->bodies(1))), 'mine', 'nothing of it is posted');
};

# While its endpoint pauses, a peer is given its data when it calls.
subtest 'data that would be nested' => sub {
	my $receiver = QlmReceiver->new(stopped => 1);
	my $url = $receiver->url;
	my %as = map { $_ => { Authorization => 'Basic ' . MIME::Base64::encode_base64("$_:secret", '') } } 'ends', 'stays';

	for my $name (sort keys %as)
	{
		sql("SELECT qlm_add_peer('$name', role => 'qlm_writer', credential => 'secret', piggyback => true)");
		my $answer = post($node, envelope('M2', qq{<read interval="-1" callback="$url"><msg>} . objects('M2', 'Nest/x') . '</msg></read>', ttl => -1),
			headers => $as{$name});
		$as{$name}{id} = (request_ids($answer))[0];
	}
	my %id = map { $_ => delete $as{$_}{id} } keys %as;
	post($node, write_envelope('M2', 'Nest/x', $_)) for 1 .. 3;
	wait_for_sql($node, "SELECT count(*) FROM qlm.endpoint WHERE url = '$url' AND failures > 0", '2', 'the endpoints pause');
	my $answer = post($node, envelope('M2', "<cancel><requestID>$id{ends}</requestID></cancel>"), headers => $as{ends});
	is(return_code($answer), 200, 'one cancels');
	is(join(' ', values_in($answer->{body})), '', 'the answer carries nothing of it');
	my $read = envelope('M2', '<read><msg>' . objects('M2', 'Nest/none') . '</msg></read>');
	is(join(' ', values_in(post($node, $read, headers => $as{ends})->{body})), '', 'nor does a later one');
	is(states($id{ends}), 'cancelled: the subscription has ended 3', 'its data have ended');
	my $nested = '';
	ok(wait_until(sub { $nested .= post($node, $read, headers => $as{stays})->{body}; return 3 == values_in($nested) }), 'the other gets its own');
};

subtest 'intervals' => sub {
	my $receiver = QlmReceiver->new(stopped => 1);
	my $id = subscribe('Ticks/x', $receiver->url, 0.1);

	post($node, write_envelope('M2', 'Ticks/x', 1));
	wait_for_sql($node, "SELECT count(*) > 0 FROM qlm.outbox WHERE subscription_id = $id AND state = 'queued' AND attempts > 0", 't', 'one waits');
	is(cancel($id), 200, 'it is cancelled');
	is(sql("SELECT count(*) FROM qlm.outbox WHERE subscription_id = $id AND state IN ('queued', 'sent')"), '0', 'none waits any more');
	$receiver->start;
	subscribe('Ticks/x', $receiver->url, -1);
	post($node, write_envelope('M2', 'Ticks/x', 'mine'));
	is(join(' ', values_in($receiver->bodies(1))), 'mine', 'none is posted');
};

# The receiver has one message and says nothing; those behind it are leased.
subtest 'a run that is under way' => sub {
	my $receiver = QlmReceiver->new(answer => 'silent');
	my ($id, $other) = map { subscribe('Run/x', $receiver->url, -1) } 1 .. 2;

	my $url = $receiver->url;

	post($node, write_envelope('M2', 'Run/x', 1));
	wait_for_sql($node, "SELECT count(*) > 0 FROM qlm.outbox WHERE url = '$url' AND posting", 't', 'one leaves');
	my $first = sql("SELECT subscription_id FROM qlm.outbox WHERE url = '$url' ORDER BY seq LIMIT 1");
	my $second = $first == $id ? $other : $id;

	post($node, write_envelope('M2', 'Run/x', $_)) for 2 .. 4;
	is(cancel($first), 200, 'whose message is under way');
	is(sql("SELECT count(*) FROM qlm.outbox WHERE subscription_id = $first AND state IN ('queued', 'sent')"), '0', 'nothing of it waits');
	$receiver->stop;
	$receiver->answer_with(200);
	$receiver->start;
	is(join(' ', values_in($receiver->bodies(4))), '1 2 3 4', 'all of the other arrives');
	is(join(' ', map { (request_ids($_))[0] == $second ? 'other' : 'cancelled' } $receiver->bodies),
		join(' ', ('other') x 4), 'and nothing more of the first');
	wait_for_sql($node, "SELECT count(*) FROM qlm.outbox WHERE subscription_id = $first AND posting", '0', 'nothing is left behind');
};

subtest 'a whole run is leased' => sub {
	my $receiver = QlmReceiver->new(stopped => 1);
	my ($id, $other) = map { subscribe('Lease/x', $receiver->url, -1) } 1 .. 2;
	my $url = $receiver->url;

	post($node, write_envelope('M2', 'Lease/x', $_)) for 1 .. 20;
	wait_for_sql($node, "SELECT failures > 0 FROM qlm.stat_delivery WHERE url = '$url'", 't', 'all wait');
	$receiver->answer_with('silent');
	$receiver->start;
	wait_for_sql($node, "SELECT count(*) FROM qlm.outbox WHERE url = '$url' AND posting", '40', 'and are leased together');
	is(cancel($id), 200, 'one subscription ends');
	wait_for_sql($node, "SELECT count(*) <= 1 FROM qlm.outbox WHERE subscription_id = $id AND posting", 't', 'what was leased of it is given up');
	is(sql("SELECT count(*) FROM qlm.outbox WHERE subscription_id = $id AND state = 'cancelled' AND attempts > 1 AND NOT posting"), '0',
		'and counts as not having left again');
	$receiver->forget;
	$receiver->stop;
	$receiver->answer_with(200);
	$receiver->start;
	wait_for_sql($node, "SELECT count(*) FROM qlm.outbox WHERE subscription_id = $other AND state = 'answered'", '20', 'the other has all');
	is(scalar(grep { (request_ids($_))[0] == $id } $receiver->bodies), 0, 'nothing more is posted of the first');
};

subtest 'a crash while one is under way' => sub {
	my $receiver = QlmReceiver->new(answer => 'silent');
	my $id = subscribe('Crash/x', $receiver->url, -1);

	post($node, write_envelope('M2', 'Crash/x', 1));
	wait_for_sql($node, "SELECT count(*) FROM qlm.outbox WHERE subscription_id = $id AND posting", '1', 'it leaves');
	is(cancel($id), 200, 'its subscription ends');
	is(states($id), 'cancelled: the subscription has ended 1', 'and so does it');
	$node->stop('immediate');
	$receiver->stop;
	$node->start;
	wait_for_http($node);
	wait_for_sql($node, "SELECT count(*) FROM qlm.outbox WHERE subscription_id = $id AND posting", '0', 'it is not shown as being posted for ever');
	is(states($id), 'cancelled: the subscription has ended 1', 'nor does it come to life again');
};

subtest 'a cancel that is undone' => sub {
	my $receiver = QlmReceiver->new(stopped => 1);
	my ($id) = wait_in_vain($receiver, 'Undone/x');
	my $session = $node->background_psql('postgres');

	in_session($session, "BEGIN; SELECT qlm_cancel($id)");
	post($node, write_envelope('M2', 'Undone/x', 6));
	in_session($session, 'ROLLBACK');
	$session->quit;
	$receiver->start;
	is(join(' ', grep { $_ } map { (request_ids($_))[0] == $id ? values_in($_) : () } $receiver->bodies(12)), '1 2 3 4 5 6', 'all arrives');
};

# A writer that has matched the subscription commits after the cancel.
subtest 'an event that is committed after the cancel' => sub {
	my $receiver = QlmReceiver->new;
	my $id = subscribe('Late/x', $receiver->url, -1);
	my $session = $node->background_psql('postgres');

	in_session($session, q{BEGIN; SELECT qlm_write('Late/x', 'late')});
	is(cancel($id), 200, 'cancelled');
	in_session($session, 'COMMIT');
	$session->quit;
	wait_for_sql($node, "SELECT state || ': ' || last_error FROM qlm.outbox WHERE subscription_id = $id", 'cancelled: the subscription has ended',
		'it is not posted, and says why');
	is(scalar($receiver->bodies), 0, 'the receiver has got nothing');
};

done_testing();
