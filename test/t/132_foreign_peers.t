# Peers that are not this extension: what they may be sent, in which form, and
# what their answers may look like.

use strict;
use warnings FATAL => 'all';

use QlmPeer;
use QlmTest;
use Test::More;

my $node = qlm_node('node', conf => "qlm.retry_delay = '300ms'\nqlm.retry_max_delay = '600ms'\nqlm.anonymous_role = 'qlm_writer'\n");

sub sql { return $node->safe_psql('postgres', $_[0]); }

sub ask { return sql("SELECT qlm_request('$_[0]', qlm_read_envelope('$_[1]'))"); }

my $declaration = '<?xml version="1.0" encoding="UTF-8"?>';
my $ok = envelope('M1b', '<response><result><return returnCode="200"/></result></response>');

# What a form post carries in field msg
sub field
{
	my ($request) = @_;

	return unless $request->{head} =~ m{^Content-Type: application/x-www-form-urlencoded\r$}mi;
	my ($field) = $request->{body} =~ /^msg=([^&]*)$/ or return;
	$field =~ tr/+/ /;
	$field =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ge;
	return $field;
}

subtest 'a peer that takes form field msg only' => sub {
	my $peer = QlmPeer->new;

	sql("SELECT qlm_add_peer('form', url => '" . $peer->url . "', role => 'qlm_writer', form => true, paths => '{Form}')");
	my $id = ask('form', 'Form/a&b');
	my $request = $peer->request;
	like(field($request), qr{<read.*name="a&amp;b"}s, 'a request is posted as a form');
	$peer->answer($request, response_envelope('M1b', undef, 'Form/a&b', 'ü 100% + more'));
	like(sql("SELECT qlm_await($id, '20 s')"), qr/>ü 100% \+ more</, 'and answered');

	sql("UPDATE qlm.peer SET heartbeat = '1 s' WHERE name = 'form'");
	my $beat = $peer->request;
	like($beat->{head}, qr/^Prefer: wait=/mi, 'a heartbeat');
	like(field($beat), qr/<read/, 'is one');
	$peer->answer($beat, envelope('M1b', '<response><result><return returnCode="200"/><requestID>7</requestID>'
		  . read_envelope('M1b', 'Form/a&b') . '</result></response>'));
	my ($answer) = grep { field($_) =~ /<response/ } map { $peer->request } 1 .. 2;
	like(field($answer), qr{<requestID>7</requestID>.*ü 100% \+ more}s, 'and what was nested is answered by one') if $answer;
	ok($answer, 'it is answered');
	$peer->hang_up_all;

	sql("UPDATE qlm.peer SET form = false WHERE name = 'form'");
	wait_until(
		sub {
			my $next = $peer->request;
			$peer->answer($next, $ok);
			return $next->{body} =~ /^<.*<read/s && $next->{head} =~ m{^Content-Type: text/xml}mi;
		},
		'its row decides: from now on XML');
	sql("SELECT qlm_drop_peer('form')");
};

subtest 'who is given nested requests' => sub {
	my $beat = sub { my ($dialect, $name) = @_; return post($node, envelope($dialect, '<read/>'), path => "/peer/$name"); };

	for my $dialect ('M0', 'M1a', 'M1b', 'M2')
	{
		my $name = "omi_$dialect";
		sql("SELECT qlm_add_peer('$name', role => 'qlm_writer', paths => '{$name}')");
		my @ids = map { ask($name, "$name/$_") } 1 .. 4;
		is(join(' ', request_ids($beat->($dialect, $name))), $ids[0], "$dialect: one that may refuse them is tried with one");
		# That one is due again after a while.
		my $others = sub { return join ' ', grep { $_ != $ids[0] } request_ids($beat->($dialect, $name)); };
		is($others->(), '', "$dialect: and gets no more until it has answered");
		sql("UPDATE qlm.peer SET piggyback = true WHERE name = '$name'");
		is($others->(), "@ids[1 .. 3]", "$dialect: unless it is said to take them");
		like(join(' ', @ids), qr/^(?:[1-9]\d{0,9} ?){4}$/, "$dialect: with numbers that fit an integer");
	}
	for my $dialect ('Q0', 'Q1', 'QP')
	{
		my $name = "qlm_$dialect";
		sql("SELECT qlm_add_peer('$name', role => 'qlm_writer', paths => '{$name}')");
		my @ids = map { ask($name, "$name/$_") } 1 .. 3;
		my $answer = $beat->($dialect, $name);
		is(scalar nested($answer), 1, "$dialect: one, until it has shown that it copies requestIDs");
		my ($id) = request_ids($answer);
		$answer = post($node, response_envelope($dialect, $id, "$name/1", 1), path => "/peer/$name");
		is(scalar nested($answer), 2, "$dialect: then the others, in the acknowledgement");
		sql("UPDATE qlm.peer SET piggyback = false WHERE name = '$name'");
		sql("UPDATE qlm.outbox SET state = 'queued', next_attempt_at = NULL WHERE peer = '$name' AND state = 'sent'");
		is(scalar nested($beat->($dialect, $name)), 0, "$dialect: none if it is said not to");
	}
};

subtest 'answers that say nothing' => sub {
	my $peer = QlmPeer->new;
	my %nothing = (
		'an empty body' => '', 'blanks' => " \r\n", 'an XML declaration' => $declaration,
		'an empty response' => envelope('M1b', '<response/>'));

	sql("SELECT qlm_add_peer('mute', url => '" . $peer->url . "', role => 'qlm_writer', paths => '{Mute}', by_name => true)");
	for my $case (sort keys %nothing)
	{
		my $id = ask('mute', 'Mute/x');
		$peer->answer($peer->request, $nothing{$case});
		wait_for_sql($node, "SELECT state = 'sent' AND (NOT posting OR attempts > 1) AND last_error IS NULL FROM qlm.outbox WHERE message_id = $id", 't', "$case: taken, not answered");
		is(post($node, response_envelope('M1b', $id, 'Mute/x', $case), path => '/peer/mute')->{status}, 200, "$case: the answer comes later");
		like(sql("SELECT answer FROM qlm.outbox WHERE message_id = $id"), qr/>\Q$case\E</, "$case: and is that");
		while (my $again = $peer->request(undef, 0.1))
		{
			$peer->answer($again, $nothing{$case});
		}
	}
	is(sql("SELECT failures FROM qlm.endpoint WHERE url = '" . $peer->url . "'"), 0, 'none of them is a failure');

	# The same as acknowledgements of our answers
	sql("UPDATE qlm.peer SET heartbeat = '0.2 s' WHERE name = 'mute'");
	my $id = 800;
	for my $case (sort keys %nothing)
	{
		my $nested = read_envelope('M1b', 'Mute/x');
		$id++;
		$peer->answer($peer->request('beat'), envelope('M1b', "<response><result><return returnCode=\"200\"/><requestID>$id</requestID>$nested</result></response>"));
		my $answer = $peer->request('answer');
		is((request_ids($answer))[0], $id, "$case: our answer");
		$peer->answer($answer, $nothing{$case});
		wait_for_sql($node, "SELECT count(*) FROM qlm.outbox WHERE peer = 'mute' AND kind = 'response' AND state <> 'answered'", 0, "$case: acknowledged");
		$peer->answer($peer->request('beat'), $nothing{$case});
		ok($peer->is_quiet('answer', 0.1), "$case: which is not acknowledged");
	}
	sql("SELECT qlm_drop_peer('mute')");
};

subtest 'acknowledgements are not answered' => sub {
	my $peer = QlmPeer->new;

	sql("SELECT qlm_add_peer('polite', url => '" . $peer->url . "', role => 'qlm_writer', paths => '{Polite}', by_name => true)");
	my $answer = post($node, response_envelope('M1b', undef, 'Polite/x', 1), path => '/peer/polite');
	is(return_code($answer), 200, 'data are acknowledged in the exchange that brought them');
	post($node, $ok, path => '/peer/polite');
	ok($peer->is_quiet(undef, 0.5), 'and nothing is posted for it');
	is(sql("SELECT count(*) FROM qlm.outbox WHERE peer = 'polite'"), 0, 'or queued');
	sql("SELECT qlm_drop_peer('polite')");
};

done_testing();
