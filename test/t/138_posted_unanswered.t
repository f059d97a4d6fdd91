# What is posted to a peer and has no answer, or one that says not now, lets other
# requests pass after some attempts, unless order was asked for; and comes again.

use strict;
use warnings FATAL => 'all';

use QlmPeer;
use QlmReceiver;
use QlmTest;
use Test::More;

my $node = qlm_node('posts', conf => "qlm.retry_delay = '100ms'\nqlm.retry_max_delay = '400ms'\nqlm.request_timeout = '30s'\nqlm.anonymous_role = 'qlm_writer'\nqlm.callback_allow = '127.0.0.1'\n");

sub sql { return $node->safe_psql('postgres', $_[0]); }

sub item { return ($_[0]{body} =~ /InfoItem name="([^"]*)"/)[0]; }

my $answer = sub { return response_envelope('M2', undef, 'Dev/' . item($_[0]), 1); };
my %ways = (
	'hangs up' => sub { $_[0]->hang_up($_[1]) },
	'HTTP status 504' => sub { $_[0]->answer($_[1], '', status => 504) },
	'503 in an envelope' => sub { $_[0]->answer($_[1], envelope('M2', '<response><result><return returnCode="503"/></result></response>')) });

# A peer that cannot answer what is named bad, until it is well
sub peer
{
	my ($how, $with) = @_;
	my %peer = (peer => QlmPeer->new, order => [], well => 0);

	sql("SELECT qlm_add_peer('dev', url => '" . $peer{peer}->url . "'$with)");
	$peer{serve} = sub {
		my ($request) = @_;
		push @{ $peer{order} }, item($request);
		return $ways{$how}->($peer{peer}, $request) if item($request) =~ /^bad/ && !$peer{well};
		return $peer{peer}->answer($request, $answer->($request));
	};
	$peer{until} = sub { my ($query, $what) = @_; ok($peer{peer}->serve_until(sub { sql($query) eq 't' }, $peer{serve}, 60), $what); };
	return \%peer;
}

sub gone
{
	sql("SELECT qlm_drop_peer('dev'); DELETE FROM qlm.outbox");
	$_[0]{peer}->hang_up_all;
	return;
}

for my $how (sort keys %ways)
{
	subtest $how => sub {
		my $dev = peer($how, '');
		my %id = map { $_ => sql("SELECT qlm_request('dev', qlm_read_envelope('Dev/$_'))") } 'bad1', 'bad2', 'a', 'b';

		$dev->{until}->("SELECT count(*) = 2 FROM qlm.outbox WHERE state = 'answered'", 'others are answered');
		is(sql("SELECT state IN ('sent', 'queued') AND deliveries >= 5 FROM qlm.outbox WHERE message_id = $id{bad1}"), 't', 'the one that was not is not given up');
		like(sql("SELECT waits_for FROM qlm.stat_outbox WHERE message_id = $id{bad1}"), qr/(delivered \d+ times, .*others pass|it is (being posted|posted again)|its URL is not tried before)/, 'its state says so');
		$id{c} = sql("SELECT qlm_request('dev', qlm_read_envelope('Dev/c'))");
		$dev->{until}->("SELECT state = 'answered' FROM qlm.outbox WHERE message_id = $id{c}", 'one that comes later is answered as well');
		$dev->{well} = 1;
		$dev->{until}->("SELECT bool_and(state = 'answered' AND return_code = 200) FROM qlm.outbox", 'when the peer can answer it does, all of them');
		is(scalar(grep { /^[abc]$/ } @{ $dev->{order} }), 3, 'no other was posted twice');
		gone($dev);
	};
}

subtest 'in order' => sub {
	my $dev = peer('HTTP status 504', ', in_order => true');
	my %id = map { $_ => sql("SELECT qlm_request('dev', qlm_read_envelope('Dev/$_'))") } 'bad', 'a';

	$dev->{until}->("SELECT attempts >= 8 FROM qlm.outbox WHERE message_id = $id{bad}", 'it is tried again and again');
	is(sql("SELECT attempts FROM qlm.outbox WHERE message_id = $id{a}"), 0, 'and none passes');
	$dev->{well} = 1;
	$dev->{until}->("SELECT bool_and(state = 'answered') FROM qlm.outbox", 'until it is answered');
	is($dev->{order}[-1], 'a', 'then the next');
	gone($dev);
};

subtest 'data' => sub {
	my $receiver = QlmReceiver->new(answer => 504);
	my $url = $receiver->url;
	my ($id) = request_ids(post($node, envelope('M2', "<read interval=\"-1\" callback=\"$url\"><msg>" . objects('M2', 'Dev/x') . '</msg></read>', ttl => -1)));

	sql("SELECT qlm_write('Dev/x', '$_')") for 1 .. 3;
	wait_for_sql($node, "SELECT max(attempts) >= 8 FROM qlm.outbox WHERE subscription_id = $id", 't', 'data are tried again and again');
	is(sql("SELECT count(*) FROM qlm.outbox WHERE subscription_id = $id AND state IN ('queued', 'sent') AND attempts > 1"), 1, 'the first of them');
	my $before = $receiver->bodies(0);
	$receiver->answer_with(200);
	my @bodies = $receiver->bodies($before + 3);
	is(join(' ', map { m{<value[^>]*>([^<]*)} } @bodies[-3 .. -1]), '1 2 3', 'and arrive in order');
};

$node->stop;
done_testing();
