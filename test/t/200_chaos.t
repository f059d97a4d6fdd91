# Nothing lost, nothing twice: two nodes, one of them behind a firewall, with
# writers, subscribers and requests in both directions, while processes and
# servers are killed, connections cut, disks filled, tables locked, settings
# changed and peers dropped.  When all is whole again what was acknowledged must
# be there, once, and what was promised done.
#
# The faults follow from QLM_SEED; without it a seed is made up and printed.
# Every fault strikes once, on one of the nodes; QLM_LONG=yes goes on, on both, for
# QLM_CHAOS_MINUTES (10).

use strict;
use warnings FATAL => 'all';

use File::Basename qw(dirname);
use PostgreSQL::Test::Utils;
use QlmChaos;
use QlmProxy;
use QlmReceiver;
use QlmTest;
use Test::More;
use Time::HiRes qw(sleep time);

$QlmTest::TIMEOUT = 90;

my $seconds = long_run() ? ($ENV{QLM_CHAOS_MINUTES} // 10) * 60 : 0;
my $seed = $ENV{QLM_SEED} // time() % 1_000_000;
note("QLM_SEED=$seed");
srand($seed);

sub one_of { return $_[ rand @_ ] }

# A disk that is full: no file of the server grows while a certain file is there.
my $folder = PostgreSQL::Test::Utils::tempdir();
my $library = "$folder/full_disk.so";
my $source = dirname(__FILE__) . '/../unit/full_disk.c';
my $can_fill = system("\${CC:-cc} -O1 -shared -fPIC '$source' -o '$library' -ldl") == 0;
diag('no compiler: disks do not get full') unless $can_fill;

sub start
{
	my ($node) = @_;

	local $ENV{QLM_FULL_DISK} = "$folder/full-" . $node->name;
	local $ENV{LD_PRELOAD} = $library if $can_fill;
	return $node->start(fail_ok => 1);
}

my $conf = <<EOC;
qlm.anonymous_role = 'qlm_writer'
qlm.callback_allow = '127.0.0.1'
qlm.retry_delay = '300ms'
qlm.retry_max_delay = '1s'
qlm.request_timeout = '8s'
qlm.http_workers = 2
restart_after_crash = on
fsync = off
log_statement = none
max_connections = 50
max_worker_processes = 16
EOC
my %node = map { $_ => qlm_node($_, conf => $conf, start => 0) } 'plant', 'fridge';
my ($plant, $fridge) = @node{ 'plant', 'fridge' };

for my $node ($plant, $fridge)
{
	start($node);
	$node->safe_psql('postgres', 'CREATE EXTENSION qlm');
	wait_for_http($node);
}

sub outside { return $plant->safe_psql('postgres', $_[0]); }
sub inside { return $fridge->safe_psql('postgres', $_[0]); }

# The network: between the nodes, from writers to each node, to the receiver
my $receiver = QlmReceiver->new;
my %line = (
	nodes => QlmProxy->new($plant->{qlm_port}),
	plant => QlmProxy->new($plant->{qlm_port}),
	fridge => QlmProxy->new($fridge->{qlm_port}),
	receiver => QlmProxy->new($receiver->{port}));
my $nowhere = free_port();
my $callback = "http://127.0.0.1:$line{receiver}{port}";

sub add_fridge
{
	return outside("SELECT qlm_add_peer('fridge', role => 'qlm_writer', paths => '{Inside}', piggyback => true)");
}

sub add_plant
{
	return inside("SELECT qlm_add_peer('plant', url => 'http://127.0.0.1:$line{nodes}{port}/peer/fridge', role => 'qlm_writer', heartbeat => '1 s')");
}
add_fridge();
add_plant();

# A call counts itself.
inside(<<EOQ);
CREATE TABLE called (n text);
GRANT INSERT ON called TO qlm_writer;
CREATE FUNCTION count_call(value text) RETURNS void LANGUAGE sql AS 'INSERT INTO public.called VALUES (value)';
SELECT qlm_set_handler('Inside/call', 'count_call(text)');
SELECT qlm_write('Inside/state', 'on');
EOQ

my $chaos = QlmChaos->new;
my %expected;    # client that is told: the Objects of it, and its node

# Subscriptions are made when their InfoItems need not be there yet.
sub subscribe
{
	my ($node, $object, %attributes) = @_;
	my $callback = $attributes{callback} ? " callback=\"$attributes{callback}\"" : '';
	my $answer = post($node, envelope('M2',
		"<read msgformat=\"odf\" interval=\"-1\"$callback><msg><Objects xmlns=\"http://www.opengroup.org/xsd/odf/2.0/\"><Object><id>$object</id></Object></Objects></msg></read>",
		ttl => -1), path => $attributes{path} // '/');

	is(return_code($answer), 200, "a subscription to $object");
	return (request_ids($answer))[0];
}

my %subscription;
for my $name ('plant', 'fridge')
{
	my $node = $node{$name};
	my $port = $line{$name}{port};
	my $connection = $node->connstr('postgres');

	inside('SELECT 1');
	for my $object ('http', 'many', 'sql')
	{
		my $id = subscribe($node, "$name-$object", callback => "$callback/$name-$object");
		$subscription{"$callback/$name-$object"} = $id;
	}
	my $id = subscribe($node, "$name-http");
	$chaos->run("$name polls over HTTP", QlmChaos::http_poller(port => $port, id => $id));
	$expected{"$name polls over HTTP"} = "$name-http";
	$id = subscribe($node, "$name-many");
	$chaos->run("$name polls by SQL", QlmChaos::sql_poller(connection => $connection, id => $id));
	$expected{"$name polls by SQL"} = "$name-many";
	$id = $node->safe_psql('postgres', "SELECT qlm_subscribe('$name-sql', -1, 'notify:chaos')");
	$chaos->run("$name listens", QlmChaos::listener(connection => $connection, id => $id, channel => 'chaos'));
	$expected{"$name listens"} = "$name-sql";
	$chaos->run("$name has a WebSocket", QlmChaos::socket_subscriber(port => $port, object => "$name-http"));

	$chaos->run("$name-http", QlmChaos::http_writer(port => $port, object => "$name-http"));
	$chaos->run("$name-many", QlmChaos::http_writer(port => $port, object => "$name-many", most => 20, pause => 0.1));
	$chaos->run("$name-lone", QlmChaos::lone_writer(port => $port, object => "$name-lone"));
	$chaos->run("$name-socket", QlmChaos::socket_writer(port => $port, object => "$name-socket"));
	$chaos->run("$name-sql", QlmChaos::sql_writer(connection => $connection, object => "$name-sql"));
}

# What the plant asks the fridge comes through the firewall and is executed
# once; what the fridge asks is posted, and executed once, too.
my @nested = (
	sub { "'" . envelope('M2', '<write msgformat="odf"><msg>' . objects('M2', 'Inside/once', "<value>once:$_[0]</value>") . '</msg></write>', ttl => -1) . "'" },
	sub { "qlm_call_envelope('Inside/call', 'call:$_[0]')" },
	sub { "qlm_read_envelope('Inside/state')" });
my @posted = (
	sub { "'" . envelope('M2', '<write msgformat="odf"><msg>' . objects('M2', 'Outside/once', "<value>posted:$_[0]</value>") . '</msg></write>', ttl => -1) . "'" },
	sub { "qlm_read_envelope('plant-http')" });
$chaos->run('the plant asks', QlmChaos::requester(connection => $plant->connstr('postgres'), peer => 'fridge', requests => \@nested));
$chaos->run('the fridge asks', QlmChaos::requester(connection => $fridge->connstr('postgres'), peer => 'plant', requests => \@posted));

# A copy: the fridge subscribes at the plant with a callback that nobody can
# reach, so the events come nested in the responses to its calls, are stored and
# acknowledged.  What a lost response took along comes again.
outside("SELECT qlm_add_peer('mirror', role => 'qlm_writer', piggyback => true)");
inside("SELECT qlm_add_peer('source', url => 'http://127.0.0.1:$line{nodes}{port}/peer/mirror', role => 'qlm_writer', heartbeat => '1 s')");
subscribe($plant, 'plant-copied', callback => "http://127.0.0.1:$nowhere/", path => '/peer/mirror');
my $copy = subscribe($fridge, 'plant-copied');
$chaos->run('the copy', QlmChaos::sql_poller(connection => $fridge->connstr('postgres'), id => $copy));
$chaos->run('plant-copied', QlmChaos::http_writer(port => $line{plant}{port}, object => 'plant-copied', pause => 0.1));

my @clients = sort keys %{ $chaos->{pids} };
my @writers = ('plant-copied', map { my $name = $_; map { "$name-$_" } 'http', 'many', 'lone', 'socket', 'sql' } 'plant', 'fridge');
my @asking = ('the plant asks', 'the fridge asks');

# What has gone wrong: [ from, to, what, where ]
my @faults;
my %disturbed;    # line: until when

sub is_up
{
	my ($node) = @_;

	return 0 unless defined $node->{_pid};
	return system("psql -XAtq -d '" . $node->connstr('postgres') . "' -c 'SELECT 1' >/dev/null 2>&1") == 0;
}

# Wait until a node answers, and start it where it has ended.
sub bring_back
{
	my ($node) = @_;

	return wait_until(
		sub {
			return 1 if is_up($node);
			$node->{_pid} = undef if defined $node->{_pid} && !kill 0, $node->{_pid};
			start($node) unless defined $node->{_pid};
			return 0;
		},
		$node->name . ' comes back');
}

# SQL as superuser, where that is possible
sub try_sql
{
	my ($node, $query) = @_;

	return eval { $node->safe_psql('postgres', $query, timeout => 20) };
}

sub settings
{
	my ($node, %settings) = @_;

	$node->append_conf('postgresql.conf', join '', map { "$_ = $settings{$_}\n" } sort keys %settings);
	return;
}

sub kill_worker
{
	my ($node, $kind, $signal) = @_;
	my $pid = try_sql($node, "SELECT pid FROM qlm.stat_worker WHERE kind = '$kind' AND pid IS NOT NULL ORDER BY random() LIMIT 1");

	kill $signal, $pid if $pid;
	return $pid;
}

# In the background: statements that hold a lock.
sub lock_table
{
	my ($node, $table, $time) = @_;
	my $connection = $node->connstr('postgres');

	system("psql -XAtq -d '$connection' -c \"BEGIN; LOCK TABLE $table; SELECT pg_sleep($time); COMMIT\" >/dev/null 2>&1 &");
	return;
}

sub disturb
{
	my ($line, $how, $time) = @_;

	$line{$line}->set($how);
	$disturbed{$line} = time() + $time;
	return;
}

my %fault = (
	'a server worker is killed' => sub { kill_worker($_[0], 'server', 'KILL') },
	'a dispatcher is killed' => sub { kill_worker($_[0], 'dispatcher', 'KILL') },
	'a server worker ends' => sub { kill_worker($_[0], 'server', 'TERM') },
	'a dispatcher ends' => sub { kill_worker($_[0], 'dispatcher', 'TERM') },
	'a process hangs' => sub {
		my $pid = kill_worker($_[0], one_of('server', 'dispatcher'), 'STOP') or return;
		sleep 1 + rand;
		kill 'CONT', $pid;
	},
	'the server is killed' => sub { $_[0]->kill9 },
	'the server is shut down at once' => sub { $_[0]->stop('immediate', fail_ok => 1) },
	'the server is restarted with other settings' => sub {
		settings($_[0], 'qlm.http_workers' => one_of(1, 2, 3), 'qlm.piggyback_max' => one_of(1, 8));
		$_[0]->stop('fast', fail_ok => 1);
	},
	'settings are reloaded' => sub {
		settings($_[0], 'qlm.http_workers' => one_of(1, 2, 3), 'qlm.max_transfers' => one_of(1, 64));
		$_[0]->reload if is_up($_[0]);
	},
	'connections are cut' => sub { disturb(one_of(sort keys %line), 'cut ' . int(rand 3000), 0.5 + rand) },
	'the nodes lose sight of each other' => sub { disturb('nodes', 'refuse', 1 + rand 2) },
	'the network is slow' => sub { disturb(one_of(sort keys %line), 'delay ' . one_of(0.05, 0.3), 1 + rand 2) },
	'the network stalls' => sub { disturb(one_of(sort keys %line), 'stall', 1 + rand 2) },
	'the receiver cannot be reached' => sub { disturb('receiver', 'refuse', 1 + rand 2) },
	'the receiver has an error' => sub { $receiver->answer_with(500); sleep 0.5; $receiver->answer_with(200) },
	'a table is locked' => sub {
		lock_table($_[0], 'qlm.' . one_of(qw(value outbox subscription subscription_value peer info_item endpoint executed)), one_of(0.5, 1, 3));
	},
	'statements time out' => sub {
		try_sql($_[0], "ALTER SYSTEM SET statement_timeout = '" . one_of(5, 30) . "ms'; ALTER SYSTEM SET lock_timeout = '2ms'");
		$_[0]->reload if is_up($_[0]);
		sleep 1;
		try_sql($_[0], 'SET statement_timeout = 0; ALTER SYSTEM RESET ALL');
		$_[0]->reload if is_up($_[0]);
	},
	'the peer is dropped and comes back' => sub {
		# The server may be gone at any moment between the two.
		my ($drop, $add, $node) = $_[0] == $plant ? ('fridge', \&add_fridge, $plant) : ('plant', \&add_plant, $fridge);
		try_sql($node, "SELECT qlm_drop_peer('$drop')");
		sleep 0.2;
		eval { $add->() };
	});
if ($can_fill)
{
	$fault{'the disk is full'} = sub {
		my $flag = "$folder/full-" . $_[0]->name;
		append_to_file($flag, '');
		sleep 1.5;
		unlink $flag;
	};
}

# Every fault once, in random order, and then on and on; each of them begins before
# the one before it is over.
sub plan_faults
{
	my @all = map { my $what = $_; map { [ $what, $_ ] } long_run() ? ('plant', 'fridge') : one_of('plant', 'fridge') } sort keys %fault;
	my @plan;

	push @plan, splice @all, int rand @all, 1 while @all;
	return @plan;
}
my $start = time();
my @plan = plan_faults();
while (@plan || time() < $start + $seconds)
{
	@plan = plan_faults() unless @plan;
	my ($what, $where) = @{ shift @plan };
	my $from = time();
	$fault{$what}->($node{$where});
	for my $line (grep { $disturbed{$_} < time() } keys %disturbed)
	{
		$line{$line}->set('pass');
		delete $disturbed{$line};
	}
	sleep rand 0.6;
	bring_back($_) for grep { !defined $_->{_pid} || !kill 0, $_->{_pid} } $plant, $fridge;
	push @faults, [ $from, time(), $what, $where ];
	note(sprintf '%5.1f s: %s (%s)', $from - $start, $what, $where);
}
note(scalar(@faults) . ' faults');

my $unfinished;
my %history;    # Object: its values in order of time

sub number { return (split /:/, $_[0])[1] }

# Each value of an Object must be among what was told, in order of its InfoItem
# when told first, without gaps but for so many; returns how many came again.
sub check_events
{
	my ($who, $object, $told, $lost) = @_;
	my (%seen, %last, @disorder);
	my $again = 0;

	for my $value (@$told)
	{
		my $item = number($value) % 3;
		if ($seen{$value}++)
		{
			$again++;
			next;
		}
		push @disorder, "$value after $last{$item}" if defined $last{$item} && number($last{$item}) > number($value);
		$last{$item} = $value;
	}
	my %stored = map { $_ => 1 } @{ $history{$object} };
	# An HTTP answer that is lost takes along what was polled.
	my ($gaps, $before, @missing) = (0, 1);
	for my $value (@{ $history{$object} })
	{
		my $is_there = $seen{$value} || 0;
		$gaps++ if $before && !$is_there;
		push @missing, $value if !$is_there;
		$before = $is_there;
	}
	note("$who: $gaps gaps, $lost answers were lost") if $lost;
	@missing = () if $gaps <= ($lost // 0);
	my @unknown = grep { !$stored{$_} } keys %seen;
	is(scalar @missing, 0, "$who: every event of $object") or diag(join ' ', @missing[ 0 .. ($#missing < 20 ? $#missing : 20) ]);
	is(scalar @disorder, 0, "$who: in order") or diag(join ', ', @disorder[ 0 .. ($#disorder < 20 ? $#disorder : 20) ]);
	is(scalar @unknown, 0, "$who: none that is not stored") or diag(join ' ', @unknown);
	return $again;
}

# Was anything wrong in this time?
sub disturbed
{
	my ($from, $to) = @_;

	return grep { $_->[0] <= $to && $_->[1] + 12 >= $from } @faults;
}

subtest 'all is healed' => sub {
	$_->set('pass') for values %line;
	for my $node ($plant, $fridge)
	{
		bring_back($node);
		settings($node, 'qlm.http_workers' => 2, 'qlm.max_transfers' => 64, 'qlm.piggyback_max' => 8);
		wait_until(sub { defined try_sql($node, 'SET statement_timeout = 0; ALTER SYSTEM RESET ALL') }, 'no timeout any more');
		$node->reload;
		wait_for_http($node);
	}
	eval { add_fridge() };
	eval { add_plant() };
	my $healed = time();

	$chaos->stop(@writers, @asking);
	$unfinished = "SELECT count(*) FROM qlm.outbox WHERE state IN ('queued', 'sent')";
	wait_for_sql($_, $unfinished, 0, $_->name . ': the queue drains') or diag($_->safe_psql('postgres',
		"SELECT message_id, peer, url, kind, state, posting, attempts, next_attempt_at - now(), paused_until - now(), o.last_error FROM qlm.outbox o LEFT JOIN qlm.endpoint USING (url) WHERE state IN ('queued', 'sent') LIMIT 20"))
	  for $plant, $fridge;
	note(sprintf 'the queues drain %.1f s after all was healed', time() - $healed);
	$chaos->stop;

	for my $client (@clients)
	{
		my @died = $chaos->lines($client, 'died');
		is(scalar @died, 0, "$client: has gone on") or diag($died[0][1]);
		my @wrong = $chaos->lines($client, 'wrong');
		is(scalar @wrong, 0, "$client: no answer but good ones and 'later'") or diag(join "\n", map { $_->[1] } @wrong[ 0 .. ($#wrong < 4 ? $#wrong : 4) ]);
	}
};

subtest 'values' => sub {
	for my $name ('plant', 'fridge')
	{
		for my $object (grep { /^$name/ } @writers)
		{
			$history{$object} = [ split /\n/, $node{$name}->safe_psql('postgres', "SELECT value FROM qlm.history WHERE path LIKE '$object/%' ORDER BY ts, split_part(value, ':', 2)::int") ];
			my %count;
			$count{$_}++ for @{ $history{$object} };
			my %acked;
			for my $line ($chaos->lines($object, 'acked'))
			{
				my ($when, @values) = @$line;
				$acked{$_} = $when for @values;
			}
			my @missing = grep { !$count{$_} } keys %acked;
			my @twice = grep { $count{$_} > 1 } keys %count;
			cmp_ok(scalar keys %acked, '>', @faults / 4, "$object: " . keys(%acked) . ' values were acknowledged');
			is(scalar @missing, 0, "$object: and all are there") or diag(join ' ', sort @missing);
			is(scalar @twice, 0, "$object: each once") or diag(join ' ', sort @twice);
		}
	}

	for my $who (sort keys %expected)
	{
		my @got = $chaos->lines($who, 'got');
		my @lost = map { $_->[0] } $chaos->lines($who, 'lost');
		my $again = check_events($who, $expected{$who}, [ map { my (undef, @values) = @$_; @values } @got ], scalar @lost);
		is(scalar $chaos->lines($who, 'dropped'), 0, "$who: nothing was dropped");
		is($again, 0, "$who: nothing again over HTTP") if $who =~ /HTTP/;
		note("$who: $again again");
	}
};

subtest 'the copy has all that is stored and nothing else, each value once, in order' => sub {
	my %copied;
	my %stored = map { $_ => 1 } @{ $history{'plant-copied'} };
	wait_for_sql($plant, "SELECT count(*) FROM qlm.outbox WHERE peer = 'mirror' AND kind = 'response' AND state IN ('queued', 'sent')", 0, 'the copy: all is acknowledged');
	$copied{$_}++ for split /\n/, inside("SELECT value FROM qlm.history WHERE path LIKE 'plant-copied/%'");
	my @uncopied = grep { !$copied{$_} } sort keys %stored;
	is(scalar @uncopied, 0, 'the copy: every value') or diag(join ' ', @uncopied[ 0 .. ($#uncopied < 20 ? $#uncopied : 20) ]);
	is(join(' ', grep { !$stored{$_} || $copied{$_} > 1 } sort keys %copied), '', 'the copy: ' . keys(%copied) . ' of ' . keys(%stored) . ' values, each once');
	my @told = map { my (undef, @values) = @$_; @values } $chaos->lines('the copy', 'got');
	check_events('the copy', 'plant-copied', \@told, scalar(my @lost_polls = $chaos->lines('the copy', 'lost')));
	post($plant, write_envelope('M2', "plant-copied/after$_", "after:$_")) for 1 .. 20;
	wait_for_sql($fridge, "SELECT count(*) FROM qlm.history WHERE path LIKE 'plant-copied/after%'", 20, 'the copy goes on');
	is(return_code(post($fridge, envelope('M2', "<cancel><requestID>$copy</requestID></cancel>"))), 200, 'and can be left');
};

subtest 'callbacks: which, when and what' => sub {
	my %posted;
	for my $file (sort glob("$receiver->{folder}/body.*"))
	{
		my ($when) = $file =~ /body\.(\d+\.\d+)/;
		my $body = slurp_file($file);
		my ($id) = request_ids($body);
		push @{ $posted{$id} }, [ $when, QlmChaos::values_of($body) ];
		fail("data were dropped: $body") if $body =~ /were dropped/;
	}
	for my $url (sort keys %subscription)
	{
		my ($object) = $url =~ m{/([^/]+)$};
		my (%first, @unexplained);
		my $messages = $posted{ $subscription{$url} } // [];
		my $again = check_events("callback $object", $object, [ map { my (undef, @values) = @$_; @values } @$messages ]);

		for my $message (@$messages)
		{
			my ($when, @values) = @$message;
			if (defined $first{ $values[0] } && !disturbed($first{ $values[0] }, $when))
			{
				push @unexplained, sprintf '%s %.1f and %.1f', $values[0], $first{ $values[0] } - $start, $when - $start;
			}
			$first{ $values[0] } //= $when;
		}
		is(scalar @unexplained, 0, "callback $object: again only after a fault") or diag(join ', ', @unexplained);
		cmp_ok($again, '<', @$messages, "callback $object: $again of " . @$messages . ' again');
	}
};

subtest 'WebSockets: of each connection whatever came while it lasted, without a gap' => sub {
	for my $name ('plant', 'fridge')
	{
		my (@gaps, %last, %seen);
		my ($epochs, $n) = (0, 0);
		for my $line ($chaos->lines("$name has a WebSocket"))
		{
			my (undef, $word, @values) = @$line;
			if ($word eq 'epoch')
			{
				$epochs++;
				%last = %seen = ();
			}
			next unless $word eq 'got';
			for my $value (@values)
			{
				my $item = number($value) % 3;
				push @gaps, "$value after $last{$item}" if defined $last{$item} && number($value) != $last{$item} + 3;
				$last{$item} = number($value);
				$n++;
			}
		}
		is(scalar @gaps, 0, "WebSocket of $name: $n events on $epochs connections, in order, none missing, none twice") or diag(join ', ', @gaps);
		is($node{$name}->safe_psql('postgres', "SELECT count(*) FROM qlm.subscription WHERE callback LIKE '~%'"), 0, 'and nothing is left of it');
	}
};

subtest 'requests' => sub {
	my %executed;
	$executed{$_}++ for split(/\n/, inside("SELECT value FROM qlm.history WHERE path = 'Inside/once' UNION ALL SELECT n FROM called")),
	  split(/\n/, outside("SELECT value FROM qlm.history WHERE path = 'Outside/once'"));
	for my $case ([ 'the plant asks', $plant, 'fridge', 'once', 'call' ], [ 'the fridge asks', $fridge, 'plant', 'posted' ])
	{
		my ($who, $node, $other, @kinds) = @$case;
		my @dropped = grep { $_->[2] =~ /dropped/ && $_->[3] eq $other } @faults;
		my %row = map { my @f = split /\|/, $_, -1; ($f[0] => \@f) } split /\n/, $node->safe_psql('postgres',
			"SELECT message_id, state, return_code, extract(epoch FROM created_at), extract(epoch FROM COALESCE(answered_at, now())), expires_at - created_at < '1 min', COALESCE(translate(last_error, E'\\n|', '  '), '') FROM qlm.outbox");
		my (@bad, @twice, %states);
		for my $line ($chaos->lines($who, 'queued'))
		{
			my (undef, $id, $kind, $n) = @$line;
			my $row = $row{$id};
			if (!$row)
			{
				push @bad, "$id is gone";
				next;
			}
			my (undef, $state, $code, $from, $to, $short, $error) = @$row;
			$states{$state}++;
			# 503: it was asked in vain, while the other end was disturbed itself.
			push @bad, "$id: @$row[1 .. $#$row]" if !($state eq 'answered' && ($code == 200 || $code == 503)
				|| $state eq 'expired' && $short eq 't'
				|| $state eq 'cancelled' && $error ne '');
			next unless defined $kinds[$kind];
			my $count = $executed{"$kinds[$kind]:$n"} // 0;
			# Who drops a peer forgets what it has asked.
			my $forgotten = grep { $_->[0] <= $to && $_->[1] >= $from } @dropped;
			push @twice, "$id: $count times, $state $code" if $count > 1 && !$forgotten
			  || $state eq 'answered' && $count != ($code == 200 ? 1 : 0) && !$forgotten;
		}
		cmp_ok($states{answered} // 0, '>', 0, "$who: " . join(', ', map { "$states{$_} $_" } sort keys %states));
		is(scalar @bad, 0, "$who: every request is answered, or has ended for a reason") or diag(join "\n", @bad);
		is(scalar @twice, 0, "$who: each is executed once") or diag(join "\n", @twice);
	}
};

# The processes of both nodes
sub processes
{
	return map { my $node = $_; map { my ($pid, $kind) = split /\|/; [ $pid, $node->name . ' ' . $kind ] } split /\n/, $node->safe_psql('postgres', "SELECT pid, kind FROM qlm.stat_worker WHERE pid IS NOT NULL AND kind <> 'launcher' ORDER BY worker_id") } $plant, $fridge;
}

# Descriptors and kilobytes of its own
sub usage
{
	my ($pid) = @_;
	my @descriptors = glob("/proc/$pid/fd/*");
	my ($memory) = slurp_file("/proc/$pid/status") =~ /^RssAnon:\s*(\d+)/m;

	return (scalar @descriptors, $memory);
}

subtest 'nothing is stuck' => sub {
	for my $node ($plant, $fridge)
	{
		my $name = $node->name;

		is($node->safe_psql('postgres', "SELECT count(*) FROM qlm.outbox WHERE posting OR (url LIKE '~%' AND state IN ('queued', 'sent')) OR state = 'failed' OR (state = 'sent' AND next_attempt_at IS NULL)"), 0, "$name: no message is stuck");
		wait_for_sql($node, 'SELECT count(*) FROM qlm.subscription_value', 0, "$name: no value waits for a poll");
		is($node->safe_psql('postgres', 'SELECT count(*) FROM qlm.subscription_value v WHERE NOT EXISTS (SELECT FROM qlm.subscription s WHERE s.request_id = v.request_id)'), 0, "$name: no buffer without subscription");
		is($node->safe_psql('postgres', "SELECT count(*) FROM pg_catalog.pg_prepared_xacts"), 0, "$name: no transaction is open");
		is($node->safe_psql('postgres', "SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE backend_type LIKE 'qlm%' AND state LIKE 'idle in transaction%'"), 0, "$name: no worker waits in a transaction");
		my $log = slurp_file($node->logfile);
		# PostgreSQL itself aborts when there is no room for its WAL.
		my %full = map { $_ => 1 } $log =~ /\[(\d+)\][^\n]*PANIC:  could not write to file[^\n]*No space left on device/g;
		my $bad = join "\n", grep { /TRAP|signal 11|signal 6|Segmentation|invalid memory|leak|could not find|cache lookup/
			  && !(/\(PID (\d+)\) was terminated by signal 6/ && $full{$1}) } split /\n/, $log;
		is($bad, '', "$name: nothing bad in the log");
	}
};

subtest 'nothing leaks: rounds of trouble on the lines, with the same processes' => sub {
	SKIP: {
		skip 'no /proc here', 1 unless -r "/proc/$$/status";
		my $rounds = long_run() ? 8 : 4;
		my %usage;
		my @processes = processes();
		for my $round (1 .. $rounds)
		{
			$line{nodes}->set(one_of('refuse', 'cut 500', 'pass'));
			$line{receiver}->set(one_of('refuse', 'cut 500', 'stall'));
			my @connections = map { qlm_connect($plant) } 1 .. 30;
			$connections[$_]->send_bytes("POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\n<omi") for 0 .. 9;
			my @sockets = map { QlmSocket::qlm_socket($plant) } 1 .. 10;
			$_->send(envelope('M2', '<read interval="-1" callback="0"><msg>' . objects('M2', 'plant-http/a') . '</msg></read>', ttl => 0)) for @sockets;
			for my $i (1 .. 20)
			{
				post($plant, write_envelope('M2', 'plant-http/d', "leak:$round.$i"));
				outside("SELECT qlm_request('fridge', qlm_read_envelope('Inside/state'))") if $i % 5 == 0;
			}
			undef @connections;
			$_->close for @sockets[ 0 .. 4 ];
			undef @sockets;
			$_->set('pass') for values %line;
			wait_for_sql($_, $unfinished, 0, 'the queue drains') for $plant, $fridge;
			wait_for_sql($plant, "SELECT count(*) FROM qlm.subscription WHERE callback LIKE '~%'", 0, 'sockets are forgotten');
			push @{ $usage{ $_->[0] } }, [ usage($_->[0]) ] for @processes;
		}
		is_deeply([ processes() ], \@processes, 'the processes are the same');
		for my $process (@processes)
		{
			my ($pid, $who) = @$process;
			my @descriptors = map { $_->[0] } @{ $usage{$pid} };
			my @memory = map { $_->[1] } @{ $usage{$pid} };
			cmp_ok($descriptors[-1], '<=', $descriptors[1] + 8, "$who: descriptors @descriptors");
			cmp_ok($memory[-1], '<=', $memory[1] + 4096, "$who: kilobytes @memory");
		}
		my ($open, $most) = $line{receiver}->connections;
		cmp_ok($most, '<=', 2 * keys(%subscription), "at most $most connections to the receiver, now $open");
	}
};

$_->stop for $fridge, $plant;
done_testing();
