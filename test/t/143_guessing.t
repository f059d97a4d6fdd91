# Who guesses: credentials, names of peers, requestIDs.  One answer for all that
# is wrong, a line in the log, and pauses that grow; and whoever is right comes
# through.
#
# Each subtest calls from an address of its own, as nothing is forgotten soon.

use strict;
use warnings FATAL => 'all';

use IO::Select;
use MIME::Base64;
use PostgreSQL::Test::Utils;
use QlmClock;
use QlmSocket;
use QlmTest;
use Test::More;
use Time::HiRes qw(sleep time);

my $node = qlm_node('guessing', conf => <<EOC);
qlm.http_workers = 2
qlm.url = 'http://127.0.0.1'
EOC
my $read = read_envelope('M1b', 'Fridge/temperature');
my $empty = '<omiEnvelope version="1.0" ttl="0"><read/></omiEnvelope>';
my $host = 1;

sub sql { return $node->safe_psql('postgres', $_[0]); }

sql(<<'EOQ');
SELECT qlm_add_peer('fridge', role => 'qlm_writer', credential => 'the secret of the fridge');
SELECT qlm_add_peer('heater', role => 'qlm_writer', credential => 'the secret of the heater');
SELECT qlm_add_peer('lamp', role => 'qlm_writer', paths => '{Lamp}');
SELECT qlm_write('Fridge/temperature', '4');
EOQ

sub fresh_address { return '127.0.1.' . $host++; }
sub basic { return { Authorization => 'Basic ' . encode_base64("$_[0]:$_[1]", '') }; }
sub bearer { return { Authorization => "Bearer $_[0]" }; }
sub seconds_of { my ($do) = @_; my $start = time; my $result = $do->(); return (time - $start, $result); }
sub running_seconds_of { my ($do) = @_; my $start = running_time(); my $result = $do->(); return (running_time() - $start, $result); }
sub log_lines { my ($from) = @_; return [ slurp_file($node->logfile) =~ /qlm refused \Q$from\E: ([^\n]*)/g ]; }

# Wrong tries, each on a connection of its own; returns the answers.
sub guess
{
	my ($from, $n, $user) = @_;

	return map { post($node, $empty, from => $from, headers => defined $user ? basic($user, "guess $_") : bearer("guess $_")) } 1 .. $n;
}

subtest 'all that is wrong has one answer' => sub {
	my @wrong = (
		[ 'an unknown name', headers => basic('nobody', 'the secret of the fridge') ],
		[ 'a wrong secret', headers => basic('fridge', 'wrong') ],
		[ 'the secret of another', headers => basic('fridge', 'the secret of the heater') ],
		[ 'a peer without credential', headers => basic('lamp', '') ],
		[ 'an unknown token', headers => bearer('wrong') ],
		[ 'an unknown scheme', headers => { Authorization => 'Digest username="fridge"' } ],
		[ 'an unknown name in the URL', path => '/peer/nobody' ],
		[ 'another form of it', path => '/?peer=nobody' ],
		[ 'a known one that needs a credential', path => '/peer/fridge' ],
		[ 'the right credential under another name', path => '/peer/fridge', headers => basic('heater', 'the secret of the heater') ],
		[ 'a wrong one in the envelope', body => $empty =~ s/ttl/authorization="Bearer wrong" ttl/r ],
		[ 'nothing at all' ]);
	my %answers;

	for my $try (@wrong)
	{
		my ($name, %opt) = @$try;
		my $answer = request($node, 'POST', $opt{path} // '/', body => $opt{body} // $empty, headers => $opt{headers} // {}, from => fresh_address());

		is($answer->{status}, 401, $name);
		delete $answer->{headers}{date};
		push @{ $answers{"$answer->{body} " . join ' ', map { "$_=$answer->{headers}{$_}" } sort keys %{ $answer->{headers} }} }, $name;
	}
	is(scalar keys %answers, 1, 'told apart by nothing') or diag explain \%answers;
	is(request($node, 'GET', '/Objects', from => fresh_address(), headers => basic('fridge', 'wrong'))->{body},
		request($node, 'GET', '/Objects', from => fresh_address(), headers => bearer('wrong'))->{body}, 'nor with GET');
	is(get($node, '/Objects/Fridge/temperature/value', headers => bearer('the secret of the heater'))->{body}, 4, 'one that is right reads');
};

subtest 'a line in the log' => sub {
	my $from = fresh_address();

	post($node, $empty, from => $from, headers => basic('fridge', 'S3CR3T'));
	post($node, $empty, from => $from, headers => basic('S3CR3T', ''));
	post($node, $empty, from => $from, headers => basic("x\nfatal: S3CR3T", ''));
	post($node, $empty, from => $from, headers => bearer('S3CR3T'));
	post($node, $empty, from => $from, path => '/peer/fridge');
	is_deeply(log_lines($from), [ 'wrong credential for peer "fridge"', ('wrong credential') x 3, 'no credential for peer "fridge"' ],
		'with the address, and the name of a peer that there is');
	unlike(slurp_file($node->logfile), qr/S3CR3T/, 'never a secret, nor what may be one');
};

subtest 'pauses that grow' => sub {
	my $from = fresh_address();
	my ($first) = seconds_of(sub { guess($from, 6, 'fridge') });
	my @pauses = map { (seconds_of(sub { guess($from, 1, 'fridge') }))[0] } 1 .. 3;

	cmp_ok($pauses[0], '>=', 0.2, 'the seventh waits');
	cmp_ok($pauses[1], '>=', 0.45, 'the eighth longer');
	cmp_ok($pauses[2], '>=', 0.95, 'the ninth even longer');
	my ($get) = seconds_of(sub { get($node, '/Objects', from => $from, headers => basic('fridge', 'wrong')) });
	cmp_ok($get, '>=', 1.9, 'a GET, too');

	my $slow = qlm_connect($node, from => $from);
	$slow->send_request('POST', '/', body => $empty, headers => basic('nobody', 'x'));
	my ($other, $answer) = running_seconds_of(sub { post($node, $read, headers => basic('heater', 'the secret of the heater')) });
	is(return_code($answer), 200, 'meanwhile another caller');
	cmp_ok($other, '<', 3, 'is served');
	ok(!IO::Select->new($slow->{socket})->can_read(0), 'and the guess still waits');
	($other) = running_seconds_of(sub { post($node, $empty, from => $from) });
	cmp_ok($other, '<', 3, 'who shows nothing does not guess');
	$slow->close;
};

subtest 'who is right comes through' => sub {
	my $from = fresh_address();

	guess($from, 8, 'fridge');
	my ($seconds, $answer) = seconds_of(sub { post($node, $read, from => $from, headers => basic('fridge', 'the secret of the fridge')) });
	is(return_code($answer), 200, 'from the same address');
	cmp_ok($seconds, '>=', 0.9, 'after a pause, as all others');
	for my $try (1 .. 6)
	{
		($seconds, $answer) = running_seconds_of(sub { post($node, $read, from => $from, headers => basic('fridge', 'the secret of the fridge')) });
		is(return_code($answer), 200, 'again, perhaps by another worker');
		cmp_ok($seconds, '<', 0.9, 'without one');
	}
	my @before = server_pids($node);
	sql("SELECT pg_terminate_backend(pid) FROM qlm.stat_worker WHERE pid IN (@{[join ',', @before]})");
	ok(wait_until(sub { my @pids = server_pids($node); my %old = map { $_ => 1 } @before; @pids == 2 && !grep { $old{$_} } @pids }, 'other workers'), 'workers end');
	wait_for_http($node);
	($seconds, $answer) = running_seconds_of(sub { post($node, $read, from => $from, headers => basic('fridge', 'the secret of the fridge')) });
	is(return_code($answer), 200, 'and others know, too');
	cmp_ok($seconds, '<', 0.9, 'what was right');
};

subtest 'who does not wait for the answer' => sub {
	my $from = fresh_address();
	guess($from, 9, 'fridge');
	my $before = @{ log_lines($from) };
	my @open = map { qlm_connect($node, from => $from) } 1 .. 30;

	$_->send_request('POST', '/', body => $empty, headers => basic('fridge', "guess $_")) for @open;
	sleep 0.3;
	$_->close for @open;
	ok(wait_until(sub { sql("SELECT sum(connections) FROM qlm.stat_worker WHERE kind LIKE '%server%'") < 5 }, 'they are gone'), 'hangs up');
	is(scalar @{ log_lines($from) }, $before, 'and nothing of it was looked at');
};

subtest 'many at once' => sub {
	my $from = fresh_address();
	my @open = map { qlm_connect($node, from => $from) } 1 .. 60;
	my $start = time;

	$open[$_]->send_request('POST', '/', body => $empty, headers => basic('heater', "guess $_")) for 0 .. $#open;
	my $readable = sub { return scalar(my @ready = IO::Select->new(map { $_->{socket} } @open)->can_read(0)); };
	# The first pause is 250 ms long.  Until it is over for the first of them, none of the others is looked at.
	my ($n, $seconds);
	my $others_wait = sub {
		($n, $seconds) = ($readable->(), time - $start);
		SKIP: {
			skip 'the machine was too busy to look before the first pause was over', 1 if $seconds >= 0.25;
			cmp_ok($n, '<', 10 + 8 * $seconds, 'not the others');
		}
	};
	ok(wait_until(sub { $readable->() >= 6 }, 'the first are answered'), 'some are answered');
	$others_wait->();
	sleep 0.1;
	$others_wait->();
	$_->close for @open;
};

subtest 'many addresses' => sub {
	for my $i (1 .. 6)
	{
		guess(fresh_address(), 4, 'door');
	}
	my ($seconds) = seconds_of(sub { guess(fresh_address(), 1, 'door') });
	cmp_ok($seconds, '>=', 0.2, 'a name that all of them try');
	($seconds) = running_seconds_of(sub { guess(fresh_address(), 1, 'window') });
	cmp_ok($seconds, '<', 0.9, 'another name');
};

subtest 'on a WebSocket' => sub {
	my $from = fresh_address();
	my $wrong = sub { return $empty =~ s/ttl/authorization="Bearer guess $_[0]" ttl/r };
	my $socket = qlm_socket($node, from => $from);

	for my $try (1 .. 6)
	{
		$socket->send($wrong->($try));
		like($socket->receive, qr/returnCode="401"/, 'a wrong credential in the message');
	}
	my $start = time;
	$socket->send($wrong->($_)) for 7 .. 10;
	like($socket->receive, qr/returnCode="401"/, 'the next') for 1 .. 3;
	cmp_ok(time - $start, '>=', 0.7, 'wait one after the other, though they were sent at once');
	$socket->close;

	$from = fresh_address();
	guess($from, 7);
	$socket = qlm_socket($node, from => $from, headers => bearer('the secret of the fridge'));
	$socket->send($read) for 1 .. 10;
	like($socket->receive, qr/returnCode="200"/, 'all that come with the right one are answered') for 1 .. 10;
	$socket->close;
};

subtest 'requestIDs' => sub {
	sql('ALTER SYSTEM SET qlm.anonymous_role = qlm_writer');
	$node->reload;
	wait_until(sub { post($node, $read)->{status} == 200 }, 'anybody may read');

	my $from = fresh_address();
	my $subscribe = $read =~ s/<read /<read interval="-1" /r;
	my @ids = map { request_ids(post($node, $subscribe, from => $from)) } 1 .. 20;
	is(scalar(grep { $_ < 2**53 && $_ > 0 } @ids), 20, 'are numbers that every reader holds');
	cmp_ok((sort { $b <=> $a } @ids)[0], '>', 2**44, 'and too large to guess');

	my $poll = sub { return post($node, '<omiEnvelope version="1.0" ttl="0"><read>' . join('', map { "<requestID>$_</requestID>" } @_) . '</read></omiEnvelope>', from => $from); };
	my $cancel = sub { return post($node, '<omiEnvelope version="1.0" ttl="0"><cancel>' . join('', map { "<requestID>$_</requestID>" } @_) . '</cancel></omiEnvelope>', from => $from); };
	my ($seconds, $answer) = seconds_of(sub { $poll->($ids[0]) });
	is(return_code($answer), 200, 'who knows one polls');
	is(join(' ', return_codes($poll->($ids[0], 1 .. 5))), '200' . ' 404' x 5, 'some wrong ones');
	is(join(' ', return_codes($cancel->(1 .. 16))), join(' ', (404) x 16), 'too many');
	($seconds, $answer) = seconds_of(sub { $poll->(99) });
	cmp_ok($seconds, '>=', 0.2, 'the next waits');
	($seconds, $answer) = seconds_of(sub { $cancel->(99) });
	cmp_ok($seconds, '>=', 0.45, 'a cancel, too');
	($seconds, $answer) = seconds_of(sub { $poll->($ids[1]) });
	is(return_code($answer), 200, 'one that is right');
	cmp_ok($seconds, '>=', 0.9, 'after the pause');
	($seconds, $answer) = running_seconds_of(sub { $poll->($ids[1]) });
	is(return_code($answer), 200, 'and again');
	cmp_ok($seconds, '<', 0.9, 'without');
	is(return_code($cancel->($ids[1])), 200, 'it can be cancelled');
	($seconds, $answer) = running_seconds_of(sub { post($node, $read, from => $from) });
	cmp_ok($seconds, '<', 0.9, 'a plain read is no guess');

	$from = fresh_address();
	my %codes;
	$codes{$_}++ for return_codes($poll->(1 .. 300));
	is_deeply(\%codes, { 404 => 100, 429 => 200 }, 'no message tries more than a hundred');

	$from = fresh_address();
	my $known = sub { return post($node, '<omiEnvelope version="1.0" ttl="0"><read>' . join('', map { "<requestID>$_</requestID>" } @_) . '</read></omiEnvelope>',
			from => $from, headers => basic('heater', 'the secret of the heater')); };
	is(join(' ', return_codes($known->(1 .. 200))), join(' ', (404) x 200), 'a caller with a credential may ask for what is not his');
	($seconds, $answer) = running_seconds_of(sub { $known->(1) });
	cmp_ok($seconds, '<', 0.9, 'as often as it likes');
};

subtest 'addresses of callbacks' => sub {
	my $from = fresh_address();
	my $response = '<omiEnvelope version="1.0" ttl="0"><response><result><return returnCode="200"/></result></response></omiEnvelope>';

	is(return_code(post($node, $response, from => $from, path => '/callback/' . sprintf('%032x', $_))), 404, 'unknown') for 1 .. 21;
	my ($seconds) = seconds_of(sub { post($node, $response, from => $from, path => '/callback/' . '0' x 32) });
	cmp_ok($seconds, '>=', 0.2, 'the next waits');
};

subtest 'what is kept of credentials' => sub {
	sql("ALTER SYSTEM SET qlm.log_messages = 'all'");
	$node->reload;
	wait_until(sub { post($node, $read); sql('SELECT count(*) FROM qlm.journal') > 0 }, 'the journal is kept');

	my $secret = 'the secret of the heater';
	my %shown = (headers => bearer($secret));
	is(return_code(post($node, write_envelope('M1b', 'Heater/note', "I say $secret"), %shown)), 200, 'one who tells his own');
	is(return_code(post($node, $empty =~ s/ttl/authorization="Bearer $secret" ttl/r)), 200, 'in a message');
	is(return_code(post($node, $empty =~ s/ttl/authorization="Bearer $secret" ttl/r, form => 1)), 200, 'in a form');
	is(return_code(post($node, "{\"omiEnvelope\":{\"version\":\"1.0\",\"ttl\":0,\"author\\u0069zation\":\"Bearer $secret\",\"read\":{}}}")) // 200, 200, 'in JSON');
	post($node, $empty =~ s/ttl/authorization=Bearer $secret ttl/r);
	post($node, "msg=%3ComiEnvelope authorization=%22Bearer $secret", headers => { 'Content-Type' => 'application/x-www-form-urlencoded' });
	my $socket = qlm_socket($node);
	$socket->send($empty =~ s/ttl/authorization="Bearer $secret" ttl/r);
	like($socket->receive, qr/200/, 'on a WebSocket');
	$socket->close;
	ok(sql('SELECT count(*) FROM qlm.journal') >= 14, 'all is in the journal');
	is(sql("SELECT count(*) FROM qlm.journal WHERE envelope LIKE '%secret of%'"), 0, 'but the secret');
};

subtest 'what the log holds of a flood' => sub {
	my $lines = () = slurp_file($node->logfile) =~ /qlm refused/g;
	my $before = -s $node->logfile;

	for (1 .. 20)
	{
		guess(fresh_address(), 5, "nobody $_");
	}
	my $more = () = slurp_file($node->logfile) =~ /qlm refused/g;
	cmp_ok($more - $lines, '<', 100, 'not a line for each');
};

my ($stopping) = running_seconds_of(sub {
		my $waits = qlm_connect($node, from => '127.0.1.1');
		$node->stop;
	});
cmp_ok($stopping, '<', 30, 'it stops while somebody waits');
done_testing();
