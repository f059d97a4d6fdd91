# Callbacks to ws:// and wss://: this node opens the WebSocket.  Every event
# arrives, in order, whatever happens to the receiver, as over HTTP.

use strict;
use warnings FATAL => 'all';

use QlmClock;
use QlmProxy;
use QlmSocketReceiver;
use QlmTest;
use Test::More;
use Time::HiRes qw(sleep time);

my $node = qlm_node('sockets', conf => <<EOC);
qlm.anonymous_role = 'qlm_writer'
qlm.callback_allow = '127.0.0.1'
qlm.retry_delay = '200ms'
qlm.retry_max_delay = '1s'
qlm.request_timeout = '20s'
qlm.poll_buffer_max = 10
EOC

sub sql { return $node->safe_psql('postgres', $_[0]); }

# Subscribe the URL to a path; returns the requestID.
sub subscribe
{
	my ($path, $url, $interval, %opt) = @_;
	my $read = sprintf '<read interval="%s" callback="%s"><msg>%s</msg></read>',
	  $interval // -1, $url, objects('M2', $path);
	my $answer = post($node, envelope('M2', $read, ttl => -1, %opt));

	is(return_code($answer), 200, "a subscription to $path for $url") or diag $answer->{body};
	return (request_ids($answer))[0];
}

# Too many wait for one that is down while the subtests run; what is dropped is looked at
# below.
my $absent = QlmSocketReceiver->new(stopped => 1);
my $absent_url = $absent->url;

subtest 'more than qlm.poll_buffer_max wait for a receiver' => sub {
	subscribe('Absent/x', $absent_url);
	post($node, write_envelope('M2', 'Absent/x', $_)) for 1 .. 30;
	wait_for_sql($node, "SELECT state FROM qlm.stat_delivery WHERE url = '$absent_url'", 'paused', 'it is down');
};

# All but that
sub cancel_all
{
	return sql("SELECT count(qlm_cancel(request_id)) FROM qlm.subscription WHERE callback <> '$absent_url'");
}

sub values_in
{
	return join ' ', map { m{<value[^>]*>([^<]*)</value>}g } @_;
}

sub ids_in
{
	return map { (request_ids($_))[0] } @_;
}

my $unwanted = QlmSocketReceiver->new;
subtest 'one connection for all subscriptions with one URL' => sub {
	my $receiver = $unwanted;
	my $url = $receiver->url('/push?who=one');
	my @ids = (subscribe('One/x', $url), subscribe('One/y', $url), subscribe('One/z', $url));
	post($node, write_envelope('M2', "One/$_->[0]", $_->[1])) for map { [ x => $_ ], [ y => $_ + 100 ], [ z => $_ + 200 ] } 1 .. 10;
	my @messages = $receiver->messages(30);
	is(values_in(@messages), join(' ', map { ($_, $_ + 100, $_ + 200) } 1 .. 10), 'all events, in order, once each');
	is(join(' ', ids_in(@messages)), join(' ', (@ids) x 10), 'with their requestIDs');
	like($messages[0], qr{^(<\?xml[^>]*>\s*)?<omiEnvelope xmlns="http://www.opengroup.org/xsd/omi/2.0/"}, 'each is an envelope, not a form');
	is(scalar($receiver->heads), 1, 'one connection');
	wait_for_sql($node, "SELECT string_agg(DISTINCT state, ' ') FROM qlm.outbox WHERE url = '$url'", 'answered', 'the outbox says that they have arrived');
	is(sql("SELECT state, queued, attempts, failures, delivered, last_success IS NOT NULL FROM qlm.stat_delivery WHERE url = '$url'"), 'ok|0|30|0|30|t', 'so does qlm.stat_delivery');
	is(sql("SELECT sum(deliveries), count(*) FILTER (WHERE callback = '$url') FROM qlm.stat_subscription WHERE request_id IN (" . join(',', @ids) . ')'), '30|3', 'and qlm.stat_subscription');
	is(sql("SELECT count(*) FROM qlm.outbox WHERE url LIKE '~%'"), 0, 'it is no connection to this node');

	my $json = '{"omiEnvelope":{"version":"1.0","ttl":-1,"read":{"interval":-1,"callback":"' . $receiver->url('/json') . '","msg":{"Objects":{"Object":{"id":"One","InfoItem":{"name":"j"}}}}}}}';
	is(post($node, $json, headers => { 'Content-Type' => 'application/json' })->{status}, 200);
	post($node, write_envelope('M2', 'One/j', 7));
	like(($receiver->messages(31))[-1], qr/^\{"omiEnvelope"/, 'what is subscribed to in JSON is pushed as JSON');
	cancel_all();
};

subtest 'one-time requests' => sub {
	my $receiver = QlmSocketReceiver->new;
	sql("SELECT qlm_write('Once/x', '5')");
	my $answer = post($node, read_envelope('M2', 'Once/x', callback => $receiver->url));
	my ($message) = $receiver->messages(1);
	is(values_in($message), 5, 'the outcome of a read is pushed');
	is(join(' ', ids_in($message)), join(' ', request_ids($answer)), 'under the requestID of the answer');
	is(sql("SELECT qlm_subscribe('Once/x', -1, '" . $receiver->url . "') > 0"), 't', 'SQL sessions may name one');
	sql("SELECT qlm_write('Once/x', '6')");
	is(values_in(($receiver->messages(2))[1]), 6, 'and get their data there');
	like(($node->psql('postgres', "SELECT qlm_add_peer('x', url => '" . $receiver->url . "')"))[2], qr/ERROR/, 'the URL of a peer is for posting');
	cancel_all();
};

subtest 'a node as the receiver' => sub {
	my $url = "ws://127.0.0.1:$node->{qlm_port}/qlmws";
	my $id = subscribe('Node/x', $url);
	post($node, write_envelope('M2', 'Node/x', $_)) for 1 .. 5;
	wait_for_sql($node, "SELECT state, delivered, failures FROM qlm.stat_delivery WHERE url = '$url'", 'ok|5|0', 'takes what is pushed');
	is(sql("SELECT deliveries FROM qlm.stat_subscription WHERE request_id = $id"), 5);
	cancel_all();
};

subtest 'a receiver that is down, and comes back' => sub {
	my $receiver = QlmSocketReceiver->new;
	my $url = $receiver->url;
	subscribe('Down/x', $url);
	post($node, write_envelope('M2', 'Down/x', 1));
	$receiver->messages(1);
	wait_for_sql($node, "SELECT delivered FROM qlm.stat_delivery WHERE url = '$url'", 1, 'it has answered the first before it goes down');
	$receiver->stop;
	post($node, write_envelope('M2', 'Down/x', $_)) for 2 .. 9;
	wait_for_sql($node, "SELECT state = 'paused' AND failures > 1 AND last_error IS NOT NULL FROM qlm.stat_delivery WHERE url = '$url'", 't', 'qlm.stat_delivery tells');
	$receiver->start;
	is(values_in($receiver->messages(9)), join(' ', 1 .. 9), 'every event, in order, once each');
	wait_for_sql($node, "SELECT state || ' ' || queued FROM qlm.stat_delivery WHERE url = '$url'", 'ok 0', 'and it is open again');

	# An end that nobody has noticed: the next message opens a new one at once.
	$receiver->be('cut');
	post($node, write_envelope('M2', 'Down/x', 10));
	wait_for_sql($node, "SELECT failures > 0 FROM qlm.stat_delivery WHERE url = '$url'", 't', 'what is cut off is tried again');
	$receiver->be('pong');
	is(values_in($receiver->messages(10)), join(' ', 1 .. 10), 'until it has arrived');
	cancel_all();
};

subtest 'what receivers make of it' => sub {
	my ($n, @cases) = 0;
	for my $case ([ answer => 'answered' ], [ greet => 'answered' ], [ deaf => 'retried' ], [ silent => 'retried' ],
		[ 'close 1011' => 'retried' ], [ 'refuse 503' => 'retried' ], [ wrong => 'retried' ],
		[ 'close 1009' => 'failed' ], [ 'refuse 403' => 'failed' ])
	{
		my ($how, $outcome) = @$case;
		my $receiver = QlmSocketReceiver->new(be => $how);
		my $id = subscribe('Case' . ++$n . '/x', $receiver->url);
		post($node, write_envelope('M2', "Case$n/x", 1));
		push @cases, [ $how, $outcome, $receiver, $id ];
	}
	for my $case (@cases)
	{
		my ($how, $outcome, $receiver, $id) = @$case;

		if ($outcome eq 'retried')
		{
			wait_for_sql($node, "SELECT attempts > 0 AND last_error IS NOT NULL FROM qlm.outbox WHERE subscription_id = $id", 't', "$how: tried in vain");
			$receiver->be('pong');
			ok(scalar($receiver->messages(1)), "$how: and then delivered");
		}
		else
		{
			wait_for_sql($node, "SELECT state FROM qlm.outbox WHERE subscription_id = $id", $outcome, "$how: $outcome");
			pass("$how: $outcome");
		}
	}
	is(sql("SELECT count(*) FROM qlm.stat_delivery WHERE state = 'refused' AND last_error ~ '1009|403'"), 2, 'qlm.stat_delivery tells who refuses');
	cancel_all();
};

subtest 'dead and slow ones delay nobody else' => sub {
	my $good = QlmSocketReceiver->new;
	my @bad = map { QlmSocketReceiver->new(be => $_) } qw(silent deaf);
	subscribe('Busy/x', $_) for map({ my $bad = $_; map { $bad->url("/$_") } 1 .. 5 } @bad), $good->url;
	my $start = running_time();
	post($node, write_envelope('M2', 'Busy/x', $_)) for 1 .. 10;
	is(values_in($good->messages(10)), join(' ', 1 .. 10), 'the good one gets all');
	cmp_ok(running_time() - $start, '<', 8, 'long before the others time out');
	cancel_all();
};

subtest 'too many are dropped, and told of' => sub {
	ok(wait_for_sql($node, "SELECT dropped > 0 FROM qlm.stat_subscription WHERE callback = '$absent_url'", 't'), 'more than qlm.poll_buffer_max are dropped');
	$absent->start;
	ok(wait_until(sub { post($node, write_envelope('M2', 'Absent/x', 99)); join('', $absent->messages) =~ /dropped/ }, 'that is said'), 'and it is said');
	sql('SELECT count(qlm_cancel(request_id)) FROM qlm.subscription');
};

subtest 'what is allowed' => sub {
	my $receiver = QlmSocketReceiver->new;
	my $id = subscribe('Allowed/x', $receiver->url);
	post($node, write_envelope('M2', 'Allowed/x', 1));
	$receiver->messages(1);
	sql("ALTER SYSTEM SET qlm.callback_allow = '10.0.0.0/8'");
	$node->reload;
	ok(wait_until(sub { return_code(post($node, read_envelope('M2', 'x/y', callback => $receiver->url))) == 403 }, 'the setting is read'), 'an address that is not allowed is refused');
	post($node, write_envelope('M2', 'Allowed/x', 2));
	wait_for_sql($node, "SELECT string_agg(state || ' ' || coalesce(last_error, ''), ',' ORDER BY seq) FROM qlm.outbox WHERE subscription_id = $id",
		'answered ,failed qlm.callback_allow does not allow 127.0.0.1', 'nor may it be pushed to on a connection from before');
	is(sql("SELECT state FROM qlm.stat_delivery WHERE url = '" . $receiver->url . "'"), 'refused');
	is(scalar($receiver->messages), 1, 'nothing more has come');
	sql("ALTER SYSTEM RESET qlm.callback_allow");
	$node->reload;
	cancel_all();
};

subtest 'a certificate that nobody vouches for' => sub {
	require IO::Socket::SSL::Utils;
	my $folder = PostgreSQL::Test::Utils::tempdir();
	my ($cert, $key) = IO::Socket::SSL::Utils::CERT_create(subject => { commonName => '127.0.0.1' }, purpose => 'server');
	IO::Socket::SSL::Utils::PEM_cert2file($cert, "$folder/cert.pem");
	IO::Socket::SSL::Utils::PEM_key2file($key, "$folder/key.pem");
	my $receiver = QlmSocketReceiver->new(tls => [ "$folder/key.pem", "$folder/cert.pem" ]);
	ok(wait_until(sub { return_code(post($node, read_envelope('M2', 'x/y', callback => $receiver->url))) == 200 }, 'the setting is read'));
	wait_for_sql($node, "SELECT state = 'paused' AND last_error ~ 'certificate' FROM qlm.stat_delivery WHERE url = '" . $receiver->url . "'", 't', 'is refused, as over https');
	is(scalar($receiver->heads), 0, 'and told nothing');
};

subtest 'the end of the dispatcher' => sub {
	my $receiver = QlmSocketReceiver->new;
	subscribe('Killed/x', $receiver->url);
	for my $n (1 .. 5)
	{
		post($node, write_envelope('M2', 'Killed/x', $n));
		$receiver->messages($n);
		sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE backend_type = 'qlm dispatcher'");
	}
	# Some may come twice.
	wait_until(sub { values_in($receiver->messages) =~ /\b5\b/ }, 'the last one comes');
	my @values = split / /, values_in($receiver->messages);
	my %seen;
	is(join(' ', grep { !$seen{$_}++ } @values), '1 2 3 4 5', 'loses nothing');
};

# That takes half a minute, which has passed meanwhile.
subtest 'connections that no subscription wants any more' => sub {
	ok(wait_until(sub { sleep 0.5; scalar($unwanted->closes) >= 2 }, 'both are closed'), 'are closed');
	is(join(' ', $unwanted->closes), '1000 1000', 'politely');
};

$node->stop;
done_testing();
