# Callbacks of many to many hosts: one that accepts and never answers, however
# many URLs it has and whoever asked for them, delays nobody else's.

use strict;
use warnings FATAL => 'all';

use QlmClock;
use QlmReceiver;
use QlmTest;
use Test::More;

my $node = qlm_node('shares', conf => <<EOC);
qlm.anonymous_role = 'qlm_writer'
qlm.callback_allow = '127.0.0.0/8, localhost'
qlm.retry_delay = '1s'
qlm.retry_max_delay = '2s'
qlm.callback_timeout = '3s'
qlm.http_workers = 1
EOC

sub sql { return $node->safe_psql('postgres', $_[0]); }

sub subscribe
{
	my ($path, $url, %opt) = @_;
	my $read = sprintf '<read interval="-1" callback="%s"><msg>%s</msg></read>', $url, objects('M2', $path);

	return (request_ids(post($node, envelope('M2', $read, ttl => -1), %opt)))[0];
}

# Seconds until the receiver has one more body than before
sub latency
{
	my ($receiver, $path, %opt) = @_;
	my $before = $receiver->bodies;
	my $start = running_time();

	post($node, write_envelope('M2', $path, ++$opt{value}), %opt);
	$receiver->bodies($before + 1, 30) > $before or return 999;
	return running_time() - $start;
}

# The best of some, since others use this machine, too
sub is_soon
{
	my ($receiver, $path, $what, %opt) = @_;
	my ($best) = sort { $a <=> $b } map { latency($receiver, $path, %opt, value => $_) } 1 .. 5;

	cmp_ok($best, '<', 0.5, sprintf '%s: %.0f ms', $what, 1000 * $best);
	return;
}

sub under_way
{
	return sql("SELECT count(*) FROM qlm.outbox WHERE posting");
}

sql("SELECT qlm_add_peer('app', role => 'qlm_writer', credential => 'app-secret')");
sql("SELECT qlm_write(p, 0) FROM unnest('{Flood/x,Near/x,App/x,Peer/x,Many/x}'::text[]) p");
my %app = (headers => { Authorization => 'Bearer app-secret' });
my ($near, $own, $peer) = map { QlmReceiver->new } 1 .. 3;
my $silent = QlmReceiver->new(answer => 'silent');

sql("SELECT qlm_add_peer('device', role => 'qlm_writer', url => '" . $peer->url . "', credential => 'device-secret')");
subscribe('Near/x', $near->url);
subscribe('App/x', $own->url, %app);
subscribe('Peer/x', $peer->url, headers => { Authorization => 'Bearer device-secret' });

sub all_are_soon
{
	my ($what) = @_;

	is_soon($own, 'App/x', "$what: a callback of a peer");
	is_soon($near, 'Near/x', "$what: one of the same anonymous caller to another server");
	is_soon($peer, 'Peer/x', "$what: what is posted to a peer");
	return;
}

subtest 'four hundred URLs of a server that hangs' => sub {
	subscribe('Flood/x', $silent->url("/$_")) for 1 .. 400;
	post($node, write_envelope('M2', 'Flood/x', 1));
	wait_for_sql($node, 'SELECT count(*) > 0 FROM qlm.outbox WHERE posting', 't', 'it hangs');
	all_are_soon('flooded');
	cmp_ok(under_way(), '<=', 64 * 64, 'few are under way');
	my $fresh = QlmReceiver->new;
	subscribe('Many/x', $fresh->url);
	is_soon($fresh, 'Many/x', 'one that nobody knew before');
	wait_for_sql($node, "SELECT last_error ~ 'time|answer' FROM qlm.stat_delivery WHERE url LIKE '%:$silent->{port}/%' AND failures > 0 LIMIT 1", 't', 'it is told');

	# It gets back to work.
	$silent->answer_with(200);
	ok(wait_for_sql($node, "SELECT count(*) FROM qlm.outbox WHERE url LIKE '%:$silent->{port}/%' AND state <> 'answered'", 0), 'once it answers it gets all');
	sql("SELECT count(qlm_cancel(s.request_id)) FROM qlm.subscription s JOIN qlm.subscription_target t USING (request_id) WHERE t.path = 'Flood/x'");
};

# Names and ways to write an address are many: each looks like a server of its own.
subtest 'a hundred and fifty servers that hang' => sub {
	$silent->stop;
	my $everywhere = IO::Socket::INET->new(LocalAddr => '0.0.0.0', Listen => 1000) or die $!;
	my $port = $everywhere->sockport;

	subscribe('Flood/x', "http://127.0.0.$_:$port/") for 2 .. 151;
	post($node, write_envelope('M2', 'Flood/x', 2));
	wait_for_sql($node, "SELECT count(*) > 0 FROM qlm.outbox WHERE posting AND url LIKE '%:$port/'", 't', 'they hang');
	all_are_soon('flooded');
	my $fresh = QlmReceiver->new;
	subscribe('Many/x', $fresh->url);
	post($node, write_envelope('M2', 'Many/x', 9));
	is(scalar($fresh->bodies(1)), 1, 'even one that is as unknown as they are gets its turn');
	sql("SELECT count(qlm_cancel(s.request_id)) FROM qlm.subscription s JOIN qlm.subscription_target t USING (request_id) WHERE t.path = 'Flood/x'");
	# A statement of ours and the dispatcher may each have a row that the other wants.
	ok(wait_until(sub { eval { sql("DELETE FROM qlm.outbox WHERE url LIKE '%:$port/'"); 1 } }), 'what is queued for them can be deleted');
};

# A caller who names ever new URLs leaves nothing behind but what is kept of any message.
subtest 'URLs that are named once' => sub {
	my $once = sub {
		my ($url, $n, $ttl) = @_;
		my $connection = qlm_connect($node);

		$connection->request('POST', '/', body => envelope('M2', "<read callback=\"$url/$_\"><msg>" . objects('M2', 'Near/x') . '</msg></read>', ttl => $ttl))
		  for 1 .. $n;
		return;
	};
	my $ended = sub {
		my ($url, $n, $states) = @_;
		return wait_for_sql($node, "SELECT count(*) FROM qlm.outbox WHERE url LIKE '$url/%' AND state IN ($states)", $n);
	};
	my $rows = sub { return sql("SELECT count(*) FROM qlm.endpoint WHERE url LIKE '$_[0]/%'"); };
	my $closed = 'http://127.0.0.1:' . QlmTest::free_port();

	my $refusing = QlmReceiver->new(answer => 400);
	$once->($refusing->url('/once'), 100, 60);
	ok($ended->($refusing->url('/once'), 100, "'failed'"), 'refused');
	is($rows->($refusing->url('/once')), 0, 'and nothing is kept of the URLs');
	$once->($near->url('/once'), 100, 60);
	ok($ended->($near->url('/once'), 100, "'answered'"), 'taken');
	is($rows->($near->url('/once')), 0, 'nor of these');

	# What fails pauses, as long as something waits for it.
	sql("INSERT INTO qlm.endpoint (url, failures, last_failure) SELECT 'http://127.0.0.1:9/old' || n, 1, now() - interval '1 min' FROM generate_series(1, 3000) n");
	$once->($closed, 600, 300);
	wait_for_sql($node, "SELECT count(*) >= 550 FROM qlm.outbox WHERE url LIKE '$closed/%' AND attempts > 0", 't', 'tried in vain');
	cmp_ok(sql("SELECT count(*) FROM qlm.endpoint WHERE url LIKE '%/old%'"), '<', 3000, 'rows that nobody needs are trimmed meanwhile');
	is(sql("SELECT count(*) FROM qlm.endpoint WHERE url IN ('" . join("','", map { $_->url } $near, $own, $peer) . "')"), 3, 'those of subscriptions and peers stay');
	sql("DELETE FROM qlm.endpoint WHERE url LIKE '%/old%'");
};

# What one caller may leave here, in subscriptions and in what they queue
subtest 'bounds of one caller' => sub {
	my $set = sub {
		my ($name, $value) = @_;

		sql("ALTER SYSTEM SET $name = $value");
		$node->reload;
		wait_for_sql($node, "SHOW $name", $value);
	};
	my $closed = QlmReceiver->new(stopped => 1);
	my $waiting = "FROM qlm.outbox WHERE url LIKE '" . $closed->url . "%' AND state IN ('queued', 'sent')";

	sql("SELECT qlm_write('Full/x', 0); UPDATE qlm.outbox SET state = 'cancelled' WHERE state IN ('queued', 'sent'); SELECT count(qlm_cancel(request_id)) FROM qlm.subscription WHERE callback LIKE '%/once%'");
	$set->('qlm.max_anonymous_subscriptions', sql("SELECT count(*) + 20 FROM qlm.subscription WHERE peer IS NULL"));
	my @ids = map { subscribe('Full/x', $closed->url) } 1 .. 20;
	my $answer = post($node, envelope('M2', '<read interval="-1"><msg>' . objects('M2', 'Full/x') . '</msg></read>', ttl => 60));
	is(return_code($answer), 429, 'one more of anybody who is unknown is refused');
	like($answer->{body}, qr/callers who are no known peer/, 'and it is said whose are too many');
	ok(subscribe('Near/y', $own->url, %app), 'a peer has its own');

	$set->('qlm.max_queued', 50);
	post($node, write_envelope('M2', 'Full/x', $_)) for 1 .. 10;
	is(sql("SELECT count(*) $waiting"), 50, 'no more is queued than may be');
	is(sql("SELECT sum(dropped) FROM (SELECT dropped FROM qlm.subscription WHERE callback = '" . $closed->url . "' UNION ALL SELECT dropped $waiting) d"), 150, 'what is dropped is counted');
	is_soon($own, 'App/x', 'another caller is not concerned', %app);
	$set->('qlm.max_queued', 100000);
	$closed->start;
	ok(wait_for_sql($node, "SELECT count(*) $waiting", 0), 'what was queued is delivered');
	$closed->forget;
	# It is known for a second that there was no room.
	wait_until(sub { post($node, write_envelope('M2', 'Full/x', 'after')); sql("SELECT sum(dropped) FROM qlm.subscription WHERE callback = '" . $closed->url . "'") == 0 }, 'there is room again');
	wait_until(sub { scalar grep { /older values were dropped/ } $closed->bodies }, 'the next message tells');
	pass('and the next message tells how many are missing');
	sql("SELECT qlm_cancel($_)") for @ids;
};

# Ten thousand endpoints that wait for their time: to look at each of them
# whenever something is queued would take all of it.
subtest 'ten thousand endpoints that pause' => sub {
	sql("INSERT INTO qlm.endpoint (url, failures, paused_until) SELECT 'http://127.0.0.1:9/' || n, 3, now() + '1 hour' FROM generate_series(1, 10000) n");
	sql("ALTER SYSTEM SET qlm.retry_max_delay = '2h'");
	$node->reload;
	sql("INSERT INTO qlm.outbox (message_id, url, kind, envelope, asker_role) SELECT n, 'http://127.0.0.1:9/' || n, 'response', '<x/>', 'qlm_writer' FROM generate_series(1, 10000) n");
	sql("SELECT qlm_write('Near/x', 1)");
	all_are_soon('with them');
	is(sql("SELECT count(*) FROM qlm.outbox WHERE url LIKE '%:9/%' AND attempts > 0"), 0, 'they wait');
	sql("UPDATE qlm.endpoint SET paused_until = NULL WHERE url LIKE '%:9/77'");
	sql("SELECT qlm_write('Near/x', 2)");
	ok(wait_for_sql($node, "SELECT attempts > 0 FROM qlm.outbox WHERE url LIKE '%:9/77'", 't'), 'and one whose time has come is not forgotten');
};

$node->stop;
done_testing();
