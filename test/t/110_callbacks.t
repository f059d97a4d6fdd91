# Data for callbacks: every event arrives, in order, once each, whatever
# happens to the receiver; what cannot be delivered ends in a state that says so.

use strict;
use warnings FATAL => 'all';

use QlmClock;
use QlmReceiver;
use QlmTest;
use Test::More;
use Time::HiRes qw(time);

my $node = qlm_node('callbacks', conf => <<EOC);
qlm.anonymous_role = 'qlm_writer'
qlm.callback_allow = '127.0.0.1'
qlm.retry_delay = '200ms'
qlm.retry_max_delay = '1s'
qlm.request_timeout = '10s'
EOC

sub sql { return $node->safe_psql('postgres', $_[0]); }

# Subscribe the URL to a path; returns the requestID.
sub subscribe
{
	my ($path, $url, $interval, %opt) = @_;
	my $read = sprintf '<read interval="%s" callback="%s"><msg>%s</msg></read>',
	  $interval, $url, objects('M2', $path);

	return (request_ids(post($node, envelope('M2', $read, ttl => -1, %opt))))[0];
}

sub values_in
{
	return map { m{<value[^>]*>([^<]*)</value>}g } @_;
}

subtest 'one message for each write and subscription' => sub {
	my $receiver = QlmReceiver->new;
	my $id = subscribe('One/x', $receiver->url, -1);

	post($node, write_envelope('M2', 'One/x', $_)) for 1 .. 20;
	my @bodies = $receiver->bodies(20);
	is(join(' ', values_in(@bodies)), join(' ', 1 .. 20), 'all events, in order, once each');
	is(scalar(grep { (request_ids($_))[0] == $id && return_code($_) == 200 } @bodies), 20, 'with the requestID');
	like($bodies[0], qr{xmlns="http://www.opengroup.org/xsd/omi/2.0/"}, 'in the dialect of the subscription');
	wait_for_sql($node, "SELECT string_agg(DISTINCT state, ' ') FROM qlm.outbox WHERE subscription_id = $id", 'answered', 'the outbox says so');
};

subtest 'a receiver that is down' => sub {
	my $receiver = QlmReceiver->new;
	my $id = subscribe('Down/x', $receiver->url, -1);

	post($node, write_envelope('M2', 'Down/x', 1));
	$receiver->bodies(1);
	$receiver->stop;
	post($node, write_envelope('M2', 'Down/x', $_)) for 2 .. 30;
	my $url = $receiver->url;
	wait_for_sql($node, "SELECT state = 'paused' AND failures > 0 AND last_error IS NOT NULL FROM qlm.stat_delivery WHERE url = '$url'", 't',
		'qlm.stat_delivery tells');
	$receiver->start;
	is(join(' ', values_in($receiver->bodies(30))), join(' ', 1 .. 30), 'every event, in order, once each');
	wait_for_sql($node, "SELECT state || ' ' || queued FROM qlm.stat_delivery WHERE url = '$url'", 'ok 0', 'and it is open again');
};

subtest 'dead and slow receivers delay nobody else' => sub {
	my $good = QlmReceiver->new;
	my $silent = QlmReceiver->new(answer => 'silent');
	my $dead = QlmReceiver->new(stopped => 1);

	subscribe('Busy/x', $_, -1) for $silent->url, map({ $dead->url("/$_") } 1 .. 20), $good->url;
	my $start = running_time();
	post($node, write_envelope('M2', 'Busy/x', $_)) for 1 .. 10;
	is(join(' ', values_in($good->bodies(10))), join(' ', 1 .. 10), 'the good one gets all');
	cmp_ok(running_time() - $start, '<', 8, 'long before the silent one times out');
};

subtest 'what receivers answer' => sub {
	my %cases = (
		500 => 'retried', 503 => 'retried', close => 'retried',
		400 => 'failed', 410 => 'failed', 413 => 'failed',
		'<html>thanks</html>' => 'answered', '<?xml version="1.0"?>' => 'answered',
		'<omiEnvelope version="1.0" ttl="0"><response/></omiEnvelope>' => 'answered');
	my $n = 0;

	for my $how (sort keys %cases)
	{
		my $receiver = QlmReceiver->new(answer => $how);
		my $id = subscribe('Case' . ++$n . '/x', $receiver->url, -1);

		post($node, write_envelope('M2', "Case$n/x", 1));
		if ($cases{$how} eq 'retried')
		{
			wait_for_sql($node, "SELECT attempts > 1 AND last_error IS NOT NULL FROM qlm.outbox WHERE subscription_id = $id", 't', "$how: retried");
			$receiver->answer_with(200);
			is(join(' ', values_in($receiver->bodies(1))), 1, "$how: and delivered");
		}
		else
		{
			wait_for_sql($node, "SELECT state FROM qlm.outbox WHERE subscription_id = $id", $cases{$how}, "$how: $cases{$how}");
			pass("$how: $cases{$how}");
		}
	}
	my ($id) = split /\n/, sql("SELECT message_id FROM qlm.outbox WHERE state = 'failed' AND last_error LIKE '%400%'");
	is(sql("SELECT qlm_requeue($id)"), 't', 'qlm_requeue');
	ok(wait_for_sql($node, "SELECT attempts > 0 FROM qlm.outbox WHERE message_id = $id", 't'), 'it is tried again');
};

# Keeping connections for less time than this node does is usual, and no fault.
subtest 'a connection that ends when it is used again' => sub {
	$node->append_conf('postgresql.conf', "qlm.retry_delay = '100s'\nqlm.retry_max_delay = '100s'");
	$node->reload;
	my $receiver = QlmReceiver->new();
	my $id = subscribe('Kept/x', $receiver->url, -1);

	post($node, write_envelope('M2', 'Kept/x', 1));
	is(join(' ', values_in($receiver->bodies(1))), 1, 'one is delivered');
	$receiver->answer_with('close once');
	post($node, write_envelope('M2', 'Kept/x', 2));
	is(join(' ', values_in($receiver->bodies(2))), '1 2', 'the next one is delivered by another connection, without a pause');
	is($receiver->closed, 1, 'after one has ended');
	wait_for_sql($node, "SELECT string_agg(state || attempts, ' ' ORDER BY seq) FROM qlm.outbox WHERE subscription_id = $id", 'answered1 answered2', 'that was an attempt, too');
	wait_for_sql($node, "SELECT failures FROM qlm.endpoint WHERE url = '" . $receiver->url . "'", '0', 'the endpoint does not pause');

	$receiver->answer_with('close');
	post($node, write_envelope('M2', 'Kept/x', 3));
	wait_for_sql($node, "SELECT failures FROM qlm.endpoint WHERE url = '" . $receiver->url . "' AND paused_until > now()", '2', 'one that always does pauses');
	is($receiver->closed, 3, 'each attempt was one POST');
	$node->append_conf('postgresql.conf', "qlm.retry_delay = '200ms'\nqlm.retry_max_delay = '1s'");
	$node->reload;
	sql("SELECT qlm_cancel($id)");
};

subtest 'addresses that are not allowed' => sub {
	for my $url ('http://[::1]:9/', 'http://169.254.169.254/latest', 'http://0x7f000002/', 'wss://10.0.0.1/')
	{
		my ($host) = $url =~ m{//\[?([^\]/]*[^\]/:])};
		my %requests = (
			'a subscription' => qq{<read interval="-1" callback="$url"><msg>%s</msg></read>},
			'a read' => qq{<read callback="$url"><msg>%s</msg></read>},
			'a write' => qq{<write callback="$url"><msg>%s</msg></write>},
			'a call' => qq{<call callback="$url"><msg>%s</msg></call>},
			'what is sent on' => qq{<read callback="$url"><nodeList><node>nobody</node></nodeList><msg>%s</msg></read>});
		for my $what (sort keys %requests)
		{
			my $answer = post($node, envelope('M2', sprintf $requests{$what}, objects('M2', 'Forbidden/x')));
			is(return_code($answer), 403, "$what with callback $url is refused");
			like($answer->{body}, qr/qlm\.callback_allow does not allow callbacks to \Q$host\E"/, 'and it is said which setting says so');
		}
		like(($node->psql('postgres', "SELECT qlm_subscribe('Forbidden/x', -1, '$url')"))[2],
			qr/qlm\.callback_allow does not allow callbacks to \Q$host\E.*HINT/s, 'in SQL, too');
	}
	is(sql("SELECT count(*) FROM qlm.subscription AS s FULL JOIN qlm.outbox AS o ON o.subscription_id = s.request_id WHERE s.callback ~ '0x7f|10\.0' OR o.url ~ '0x7f|10\.0'"), 0, 'nothing is left of them');
};

# The name is no address, and the list has networks: who connects finds out.
subtest 'a name of what is not allowed' => sub {
	my $url = 'http://forbidden.localhost:9/';
	sql("ALTER SYSTEM SET qlm.callback_allow = '127.0.0.2, 10.0.0.0/8'");
	$node->reload;
	ok(wait_until(sub { return_code(post($node, read_envelope('M2', 'Name/x', callback => 'http://127.0.0.1/'))) == 403 }, 'the setting is read'));
	my $id = subscribe('Name/x', $url, -1);
	post($node, write_envelope('M2', 'Name/x', 1));
	wait_for_sql($node, "SELECT state FROM qlm.outbox WHERE subscription_id = $id", 'failed', 'its data fail');
	like(sql("SELECT last_error FROM qlm.outbox WHERE subscription_id = $id"), qr/^qlm\.callback_allow does not allow (127\.0\.0\.1|::1)$/, 'with the address and the setting');
	like(sql("SELECT state, last_error FROM qlm.stat_delivery WHERE url = '$url'"), qr/^refused\|qlm\.callback_allow does not allow (127\.0\.0\.1|::1)$/, 'as its endpoint does');
	sql("ALTER SYSTEM RESET qlm.callback_allow");
	$node->reload;
	ok(wait_until(sub { return_code(post($node, read_envelope('M2', 'Name/x', callback => 'http://127.0.0.1/'))) == 200 }, 'the setting is read'));

	my $receiver = QlmReceiver->new(answer => 410);
	$id = subscribe('Gone/x', $receiver->url, -1);
	post($node, write_envelope('M2', 'Gone/x', 1));
	wait_for_sql($node, "SELECT state, last_error, failures FROM qlm.stat_delivery WHERE url = '" . $receiver->url . "'", 'refused|it answered with HTTP status 410|1', 'nor is a receiver ok that refuses');
	$receiver->answer_with(200);
	post($node, write_envelope('M2', 'Gone/x', 2));
	wait_for_sql($node, "SELECT state FROM qlm.stat_delivery WHERE url = '" . $receiver->url . "'", 'ok', 'until it takes something');
};

subtest 'an interval with a callback' => sub {
	my $receiver = QlmReceiver->new;
	sql("SELECT qlm_write('Tick/x', 'still', '2024-01-01Z')");
	my $start = time();
	my $id = subscribe('Tick/x', $receiver->url, 0.5);
	my @bodies = $receiver->bodies(3);

	cmp_ok(time() - $start, '>', 1.4, 'the first after one interval, then at a fixed rate');
	is(join(' ', (values_in(@bodies))[ 0 .. 2 ]), 'still still still', 'the latest value each time');
	like($bodies[0], qr/dateTime="2024-01-01T00:00:00Z"/, 'with its own time');
	$receiver->stop;
	ok(wait_for_sql($node, "SELECT count(*) > 0 FROM qlm.outbox WHERE subscription_id = $id AND state IN ('queued', 'sent') AND envelope ~ '[2-9] older values were dropped'", 't'),
		'while it is down only the newest is kept');
	is(sql("SELECT count(*) <= 2 FROM qlm.outbox WHERE subscription_id = $id AND state IN ('queued', 'sent')"), 't', 'one, or two while one is tried');
	$receiver->forget;
	$receiver->start;
	like(($receiver->bodies(2))[-1] . join('', $receiver->bodies), qr/were dropped/, 'and it is said how many are missing');
	sql("SELECT qlm_cancel($id)");
};

subtest 'an interval, of an Object with an InfoItem that has no value' => sub {
	my $receiver = QlmReceiver->new;

	post($node, envelope('M2', '<write><msg>' . objects('M2', 'Hollow/never') . '</msg></write>'));
	sql("SELECT qlm_write('Hollow/x', 'full')");
	my $read = '<read interval="0.5" callback="%s"><msg><Objects><Object><id>Hollow</id>%s</Object></Objects></msg></read>';
	my @ids = map { (request_ids(post($node, envelope('M2', sprintf($read, $receiver->url, $_), ttl => -1))))[0] } '', '<InfoItem name="never"/>';
	my %of = map { (request_ids($_))[0] => $_ } $receiver->bodies(4);
	is(join(' ', $of{ $ids[0] } =~ /InfoItem name="(\w+)"/g), 'x', 'it is left out, as in a read');
	is(join(' ', $of{ $ids[1] } =~ /InfoItem name="(\w+)"/g), 'never', 'but not by its name');
	sql("SELECT qlm_cancel($_)") for @ids;
};

subtest 'a one-time read with a callback' => sub {
	my $receiver = QlmReceiver->new;
	my $url = $receiver->url('/once');
	my $answer = post($node, envelope('M2', qq{<read callback="$url"><msg>} . objects('M2', 'Tick/x') . '</msg></read>', ttl => 60));
	my ($body) = $receiver->bodies(1);

	is(join(' ', values_in($answer->{body})), '', 'no data in the immediate answer');
	is(join(' ', values_in($body)), 'still', 'but in the callback');
	is((request_ids($body))[0], (request_ids($answer))[0], 'under the same requestID');
};

subtest 'the dispatcher is killed' => sub {
	my $receiver = QlmReceiver->new;
	my $id = subscribe('Kill/x', $receiver->url, -1);

	post($node, write_envelope('M2', 'Kill/x', $_)) for 1 .. 50;
	kill 'TERM', sql("SELECT pid FROM qlm.stat_worker WHERE kind = 'dispatcher'");
	post($node, write_envelope('M2', 'Kill/x', $_)) for 51 .. 100;
	wait_for_sql($node, "SELECT count(*) FROM qlm.outbox WHERE subscription_id = $id AND state = 'answered'", 100, 'everything is delivered');
	my (%seen, @first);
	push @first, $_ for grep { !$seen{$_}++ } values_in($receiver->bodies(100));
	is("@first", join(' ', 1 .. 100), 'nothing is lost, in order');
};

# A peer that cannot be called: data for its callback leave nested in what this
# node answers, and are kept until the peer says that it has them.
subtest 'through a firewall' => sub {
	my $url = 'http://127.0.0.1:' . QlmTest::free_port() . '/';
	my %to = (path => '/peer/walled');
	my $beat = envelope('Q1', '<read/>', qlmAcknowledge => 'true');
	my $outbox = "FROM qlm.outbox WHERE peer = 'walled' AND kind = 'response'";
	my $write = sub { post($node, write_envelope('M2', 'Walled/x', $_)) for @_ };
	# What the peer is given: the numbers, and the values in their order
	my $subscription;
	my $call = sub {
		my $answer = post($node, $_[0] // $beat, %to);
		return (join(' ', values_in($answer->{body})), grep { $_ ne $subscription } request_ids($answer));
	};
	# It acknowledges these numbers; what the answer brings
	my $acknowledge = sub {
		return $call->(envelope('Q1', '<response>' . join('', map { qq{<result><return returnCode="200"/><requestId>$_</requestId></result>} } @_) . '</response>'));
	};
	# What is sent is due again, as if qlm.retry_delay were over.
	my $later = sub { sql("UPDATE qlm.outbox SET next_attempt_at = now() WHERE state = 'sent' AND kind = 'response'") };

	sql("ALTER SYSTEM SET qlm.retry_delay = '1h'");
	sql("ALTER SYSTEM SET qlm.retry_max_delay = '1h'");
	$node->reload;
	sql("SELECT qlm_add_peer('walled', role => 'qlm_writer', piggyback => true)");
	wait_for_sql($node, 'SHOW qlm.retry_delay', '1h');
	($subscription) = request_ids(post($node, envelope('M2', qq{<read interval="-1" callback="$url"><msg>} . objects('M2', 'Walled/x') . '</msg></read>', ttl => -1), %to));
	$write->(0);
	wait_for_sql($node, "SELECT state FROM qlm.stat_delivery WHERE url = '$url'", 'paused', 'it cannot be posted');
	wait_for_sql($node, "SELECT state $outbox", 'queued');

	my ($values) = $call->(envelope('Q1', '<read/>'));
	is($values, 0, 'data for a peer of which nothing is known');
	is(sql("SELECT state $outbox"), 'answered', 'are done when they have left');

	$write->(1 .. 3);
	($values, my @lost) = $call->();
	is($values, '1 2 3', 'one that says that it acknowledges gets several at once');
	is(sql("SELECT acknowledges FROM qlm.peer WHERE name = 'walled'"), 't', 'this is remembered');
	is(sql("SELECT string_agg(DISTINCT state, ' ') $outbox AND seq > (SELECT min(seq) $outbox)"), 'sent', 'and they are kept');
	$write->(4);
	is(($call->())[0], '', 'nothing comes before them meanwhile');
	my $id = sql("SELECT qlm_request('walled', qlm_read_envelope('Walled/y'))");
	is(($call->())[1], $id, 'but a request does');

	# The response was lost, all of it.
	$later->();
	($values, my @again) = $call->();
	is($values, '1 2 3 4', 'they come again, with what follows, in order') or diag(sql("SELECT seq, state, envelope FROM qlm.outbox WHERE peer = 'walled' ORDER BY seq"));
	is("@again[0 .. 2]", "@lost", 'under the same numbers');

	# A part of it was stored.
	$write->(5);
	is(($acknowledge->(@again[ 0, 1 ]))[0], '', 'a part is acknowledged');
	$later->();
	($values, @again) = $call->();
	is($values, '3 4 5', 'the others come again');
	$write->(6, 7);
	($values, @again) = $acknowledge->(@again);
	is($values, '6 7', 'the response to the acknowledgement brings what is next');
	is(($acknowledge->(@again))[0], '', 'until there is no more');
	is(sql("SELECT string_agg(DISTINCT state, ' ') $outbox"), 'answered', 'all is done');
	is(sql("SELECT deliveries FROM qlm.stat_subscription WHERE peer = 'walled'"), 7, 'what was acknowledged counts as delivered');
	is(sql("SELECT return_code IS NULL FROM qlm.outbox WHERE message_id = $id"), 't', 'and the request is not answered by it');

	$write->(8);
	is(($call->())[0], '8');
	$write->(9);
	is(($call->())[0], '');
	sql("UPDATE qlm.outbox SET expires_at = now() WHERE state = 'sent' AND kind = 'response'");
	is(($call->())[0], '9', 'what is never acknowledged holds up nothing when its time has ended');
	is(sql("SELECT string_agg(state || ' ' || last_error, '') $outbox AND state <> 'answered'"), 'expired time to live ended', 'and expires');
	sql("SELECT qlm_drop_peer('walled')");
};

$node->stop;
done_testing();
