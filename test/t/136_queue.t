# What a device does not answer: it comes again, later and later, and lets others
# pass, unless order was asked for.  And what waits says what for.

use strict;
use warnings FATAL => 'all';

use QlmTest;
use Test::More;

# Time passes where a test says so: in the rows.
my $node = qlm_node('queue', conf => "qlm.retry_delay = '10s'\nqlm.retry_max_delay = '5min'\n");

sub sql { return $node->safe_psql('postgres', $_[0]); }

sub notice
{
	my ($sql) = @_;
	my ($status, $out, $err) = $node->psql('postgres', $sql);

	return $err;
}

my %key;    # the dialect of each device

# A device with a queue of its own; numbered: it copies requestIDs.
sub device
{
	my ($name, $key, %opt) = @_;

	$key{$name} = $key;
	sql("SELECT qlm_add_peer('$name', role => 'qlm_writer'" . ($opt{with} // '') . ')');
	sql("UPDATE qlm.peer SET echoes_ids = true WHERE name = '$name'") if $opt{numbered};
	return;
}

sub ask
{
	my ($name, $path, $options) = @_;

	return sql("SELECT qlm_request('$name', qlm_read_envelope('$path')" . ($options // '') . ')');
}

sub write_to
{
	my ($name, $path, $options) = @_;

	return sql("SELECT qlm_request('$name', qlm_write_envelope('$path', '1')" . ($options // '') . ')');
}

# The numbers that the device gets when it calls
sub calls
{
	my ($name) = @_;

	return join ' ', request_ids(post($node, envelope($key{$name}, '<read/>'), path => "/peer/$name"));
}

# It answers, with a number or without one, by a value or by a code alone.
sub answers
{
	my ($name, $id, $path, $code) = @_;
	my $number = $key{$name} =~ /^(?:Q|M0)/ ? 'requestId' : 'requestID';
	my $body = $path ? response_envelope($key{$name}, $id, $path, 'v') :
	  envelope($key{$name}, '<response><result><return returnCode="' . ($code // 200) . '"/>' . (defined $id ? "<$number>$id</$number>" : '') . '</result></response>');

	return join ' ', request_ids(post($node, $body, path => "/peer/$name"));
}

# So much time passes for what waits.
sub let_pass
{
	my ($name, $time) = @_;

	$time //= '1 hour';
	sql("UPDATE qlm.outbox SET sent_at = sent_at - interval '$time', next_attempt_at = next_attempt_at - interval '$time' WHERE peer = '$name' AND state IN ('queued', 'sent')");
	return;
}

sub states
{
	my (@ids) = @_;

	return join ' ', map { sql("SELECT state FROM qlm.outbox WHERE message_id = $_") } @ids;
}

sub waits_for { return sql("SELECT waits_for FROM qlm.stat_outbox WHERE message_id = $_[0]"); }
sub last_error { return sql("SELECT coalesce(last_error, '') FROM qlm.outbox WHERE message_id = $_[0]"); }

# Deliver it so often, with time for an answer after each.
sub ignore
{
	my ($name, $expected, $n) = @_;

	for (1 .. $n // 3)
	{
		is(calls($name), $expected, "delivery $_");
		let_pass($name);
	}
	return;
}

subtest 'a pause that grows' => sub {
	device('slow', 'Q1', numbered => 1);
	my $id = ask('slow', 'Slow/x');
	my @pauses;

	for (1 .. 7)
	{
		is(calls('slow'), $id, "delivery $_");
		is(calls('slow'), '', 'not again at once');
		push @pauses, sql("SELECT extract(epoch FROM next_attempt_at - sent_at)::int FROM qlm.outbox WHERE message_id = $id");
		let_pass('slow', '5 min');
	}
	is("@pauses", '10 20 40 80 160 300 300', 'twice as long each time, up to qlm.retry_max_delay');
	is(last_error($id), 'delivered 7 times, no answer; others pass', 'which it says');
	is(answers('slow', $id, 'Slow/x'), '', 'a late answer');
	is(states($id) . last_error($id), 'answered', 'is its answer, and nothing is wrong any more');
};

subtest 'a device that was away' => sub {
	device('away', 'Q1', numbered => 1);
	my $id = ask('away', 'Away/x');

	ignore('away', $id, 6);
	is(calls('away'), $id, 'delivered');
	sql("UPDATE qlm.outbox SET sent_at = sent_at - interval '1 min', next_attempt_at = next_attempt_at - interval '1 min' WHERE message_id = $id");
	is(calls('away'), '', 'its next time is minutes away');
	sql("UPDATE qlm.peer SET last_seen = last_seen - interval '1 hour' WHERE name = 'away'");
	$node->restart;    # no process knows better
	wait_for_http($node);
	is(calls('away'), $id, 'but a device that comes back after it was away has it at once');
};

subtest 'others pass, several at once' => sub {
	device('many', 'Q1', numbered => 1);
	my @first = map { ask('many', "Many/$_") } 1 .. 8;

	is(calls('many'), "@first", 'as many as may be unanswered');
	my $late = ask('many', 'Many/late');
	is(calls('many'), '', 'so another one waits');
	let_pass('many');
	is(calls('many'), "@first", 'and again');
	let_pass('many');
	is(calls('many'), "@first", 'and a third time');
	is(calls('many'), $late, 'then the other one passes');
	let_pass('many');
	my @got = split / /, calls('many');
	is(scalar @got, 8, 'again as many as leave at once');
	is($got[0], $late, 'those that let others pass come last');
};

subtest 'others pass, one at a time' => sub {
	device('one', 'Q1');
	my ($a, $b) = (ask('one', 'One/a'), ask('one', 'One/b'));

	like(waits_for($b), qr/its peer has never called/, 'nobody has called yet');
	is(calls('one'), $a, 'the first');
	is(waits_for($b), "its peer has message $a in hand, and gets one at a time until it copies requestIDs", 'the second says why it waits');
	let_pass('one');
	ignore('one', $a, 2);
	is(waits_for($a), 'delivered 3 times, no answer; others pass', 'after three deliveries without an answer');
	is(last_error($a), waits_for($a), 'as its row says');
	is(sql("SELECT unanswered || ': ' || waits_for FROM qlm.stat_peer WHERE name = 'one'"), '1: it leaves with one of the next answers to its peer', 'and stat_peer');
	is(calls('one'), $b, 'the second passes');
	is(calls('one'), '', 'and has its time');
	is(answers('one', undef, 'One/b'), $a, 'its answer, which bears no number, is its own; then the first has another try');
	is(states($a, $b), 'sent answered', 'and not that of the first');
	my $c = write_to('one', 'One/c');
	is(calls('one'), '', 'for which it has its time, too');
	let_pass('one', '15 s');
	is(calls('one'), $c, 'a third passes');
	answers('one', undef, 'One/a');
	is(states($a, $c), 'answered sent', 'a late answer to the first is told by what it brings');
	answers('one', undef, undef);
	is(states($c), 'answered', 'and one that brings nothing by what is in hand');
};

subtest 'answers without a number' => sub {
	device('guess', 'Q1');
	my ($whole, $part) = map { sql("SELECT qlm_request('guess', '" . envelope('Q1', "<read msgformat=\"QLMdf.xsd\"><msg><Objects xmlns=\"QLMdf.xsd\"><Object><id>Guess</id>$_</Object></Objects></msg></read>") . "')") } '', '<InfoItem name="x"/>';

	ignore('guess', $whole);
	is(calls('guess'), $part, 'a read of an Object is not answered, one of an InfoItem passes');
	answers('guess', undef, 'Guess/x');
	is(states($whole, $part), 'sent answered', 'what answers the InfoItem is not taken for the Object');
	my $write = write_to('guess', 'Guess/y');
	let_pass('guess');
	is(calls('guess'), $write, 'a write passes');
	answers('guess', undef, 'Else/z');
	is(states($whole, $write), 'sent sent', 'a value that nobody asked for is no answer');
	answers('guess', undef, undef, 404);
	is(states($whole, $write), 'sent answered', 'an error is that to what is in hand');
	sql("UPDATE qlm.outbox SET state = 'expired' WHERE message_id = $whole");
	$write = write_to('guess', 'Guess/y');
	is(calls('guess'), $write, 'another write, all alone');
	answers('guess', undef, 'Guess/x');
	is(states($write), 'sent', 'the late answer to a read that has expired is none to a write');
};

subtest 'what is delivered to a device that polls rarely' => sub {
	device('rare', 'Q1');
	my ($a, $b) = map { ask('rare', "Rare/$_") } 'a', 'b';

	ignore('rare', $a);
	is(calls('rare'), $b, 'the second passes');
	answers('rare', undef, 'Rare/b');
	let_pass('rare');
	is(calls('rare'), $a, 'the first leaves each time that nothing else does');
	let_pass('rare');
	my $c = ask('rare', 'Rare/c');
	is(calls('rare'), $c, 'a third');
	is(answers('rare', undef, 'Rare/c'), $a, 'and after its answer again');
};

subtest 'in order: a request' => sub {
	for my $numbered (0, 1)
	{
		my $name = "order$numbered";

		device($name, 'Q1', numbered => $numbered);
		my ($a, $b, $c) = (write_to($name, 'O/a'), write_to($name, 'O/b', ', in_order => true'), write_to($name, 'O/c'));
		is(calls($name), $a, "$name: it does not pass");
		like(waits_for($b), qr/message $a before it has not ended, and one of them is in order/, 'and says so');
		let_pass($name);
		ignore($name, $a, 3);
		is(calls($name), $a, 'not even what lets others pass');
		is(answers($name, $a), $b, 'then it leaves');
		let_pass($name);
		ignore($name, $b, 4);
		is(last_error($b), 'delivered 5 times, no answer; those behind it wait, as it is in order', 'it is not passed');
		like(waits_for($c), qr/message $b before it has not ended/, 'and what is behind it says so');
		my $urgent = write_to($name, 'O/urgent', ', priority => 1');
		is(calls($name), "$urgent $b" =~ s/ .*//r, 'a higher priority is before it') if !$numbered;
		like(calls($name), qr/\b$urgent\b/, 'a higher priority is before it') if $numbered;
		answers($name, $urgent);
		is(answers($name, $b), $c, 'then the last leaves');
		is(states($a, $b, $urgent), 'answered answered answered', 'all others are answered');
	}
};

subtest 'in order: a peer' => sub {
	device('strict', 'Q1', numbered => 1, with => ', in_order => true');
	my @ids = map { write_to('strict', "S/$_") } 1 .. 3;
	my $free = write_to('strict', 'S/free', ', in_order => false');

	is(calls('strict'), $ids[0], 'one after the other');
	is(answers('strict', $ids[0]), $ids[1], 'each when the one before is answered');
	sql("SELECT qlm_request('strict', qlm_read_envelope('S/x'))");
	is(answers('strict', $ids[1]), $ids[2], 'what is queued meanwhile stands behind');
	sql("UPDATE qlm.outbox SET state = 'cancelled' WHERE message_id = $ids[2]");
	like(calls('strict'), qr/^$free/, 'one that is cancelled holds nothing up');
};

subtest 'bounded' => sub {
	device('deaf', 'Q1', numbered => 1);
	my @ids = split /\n/, sql("SELECT qlm_request('deaf', qlm_read_envelope('Deaf/' || n)) FROM generate_series(1, 150) n");
	my %seen;

	for (1 .. 60)
	{
		my @got = split / /, calls('deaf');
		cmp_ok(scalar @got, '<=', 8, 'at most eight at once') if @got > 8;
		$seen{$_}++ for @got;
		let_pass('deaf');
	}
	my $n = keys %seen;
	cmp_ok($n, '<=', 100, 'a hundred are unanswered at most');
	cmp_ok($n, '>=', 90, 'or a few less');
	is(waits_for($ids[149]), "its peer has left $n requests unanswered, and gets no new ones", 'the others say so');
	like(sql("SELECT what_to_do FROM qlm.stat_outbox WHERE message_id = $ids[149]"), qr/ttl/, 'and what helps');
	answers('deaf', $_) for @ids[ 0 .. 19 ];
	let_pass('deaf');
	calls('deaf');
	isnt(states($ids[100]), 'queued', 'after answers others leave');
};

$node->stop;
done_testing();
