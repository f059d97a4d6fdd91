# What is no answer, though its status is 200: login pages, block pages, wrong URLs.
# And what says when to come again.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Utils;
use QlmPeer;
use QlmReceiver;
use QlmClock;
use QlmTest;
use POSIX qw(strftime);
use Test::More;
use Time::HiRes qw(time);

my $node = qlm_node('node', conf => <<EOC);
qlm.anonymous_role = 'qlm_writer'
qlm.callback_allow = '127.0.0.1'
qlm.retry_delay = '100ms'
qlm.retry_max_delay = '4s'
EOC

sub sql { return $node->safe_psql('postgres', $_[0]); }

my $login = '<!DOCTYPE html><html><head><title>Guest Wi-Fi</title><style>p {}</style></head><body><p>Please <b>accept</b> the terms</body></html>';
my $words = 'Guest Wi-Fi Please accept the terms';
my $ok = envelope('M2', '<response><result><return returnCode="200"/></result></response>');

sub stat_peer { return sql("SELECT $_[0] FROM qlm.stat_peer WHERE name = 'p'"); }
sub delivery { return sql("SELECT $_[1] FROM qlm.stat_delivery WHERE url = '" . $_[0]->url . "'"); }

subtest 'a peer behind a login page' => sub {
	my $peer = QlmPeer->new;
	my $url = $peer->url;
	sql("SELECT qlm_add_peer('p', url => '$url', heartbeat => '50 ms', role => 'qlm_writer', by_name => true)");
	$peer->answer($peer->request('beat'), $login, headers => "Content-Type: text/html\r\n");
	wait_until(sub { return stat_peer('last_error') eq qq(it answered with a web page instead of an envelope: "$words") }, 'heartbeats fail, and the page is named') or diag stat_peer('last_error');
	is(stat_peer('last_success IS NULL'), 't', 'nothing has succeeded');
	for my $stray ('OK', '<omiEnvelope version="2.0" ttl="0"><response>', '{"status": "ok"}', "\0")
	{
		$peer->answer($peer->request('beat'), $stray);
		wait_until(sub { return stat_peer('last_error') =~ /something else instead of an envelope/ }, 'so is what is no envelope, or half of one');
	}
	# A success is noted every ten seconds.
	for my $answer (representatives(2, '', $ok, " \r\n"))
	{
		sql("UPDATE qlm.peer SET last_success = NULL WHERE name = 'p'");
		$peer->answer($peer->request('beat'), $answer);
		wait_until(sub { return stat_peer('last_success IS NOT NULL') eq 't' || do { my $beat = $peer->request('beat', 0.1); $peer->answer($beat, $answer) if $beat; 0 } }, 'nothing at all is an answer, and an envelope is');
	}

	# A request and data in the queue of the peer
	sql("UPDATE qlm.peer SET heartbeat = NULL WHERE name = 'p'");
	$peer->hang_up_all;
	my $id = sql("SELECT qlm_request('p', qlm_read_envelope('X/y'))");
	$peer->answer($peer->request('request'), $login);
	wait_for_sql($node, "SELECT last_error FROM qlm.outbox WHERE message_id = $id AND state IN ('queued', 'sent')", qq(it answered with a web page instead of an envelope: "$words"), 'a request has not been taken');
	$peer->answer($peer->request('request'), envelope('M2', '<response><result><return returnCode="404"/></result></response>'));
	wait_for_sql($node, "SELECT state || ' ' || return_code FROM qlm.outbox WHERE message_id = $id", 'answered 404', 'and comes again');

	sql("SELECT qlm_handle('" . read_envelope('M2', 'A/x', interval => -1, callback => $url, ttl => -1) . "', 'p')");
	post($node, write_envelope('M2', 'A/x', 1));
	my $data = $peer->request('answer');
	$peer->answer($data, $login);
	wait_for_sql($node, "SELECT state IN ('queued', 'sent') FROM qlm.outbox WHERE kind = 'response' AND last_error LIKE '%$words%'", 't', 'data have not, either');
	my $again = $peer->request('answer');
	is($again->{body}, $data->{body}, 'and come again');
	$peer->answer($again, '');
	wait_for_sql($node, "SELECT state FROM qlm.outbox WHERE kind = 'response'", 'answered', 'until they are taken');
	is(delivery($peer, 'pages'), 0, 'pages are counted for callbacks');
	sql("SELECT qlm_drop_peer('p')");
};

subtest 'callbacks of others' => sub {
	my $receiver = QlmReceiver->new(answer => $login);
	my $log = -s $node->logfile;

	post($node, read_envelope('M2', 'B/x', interval => -1, callback => $receiver->url, ttl => -1));
	post($node, write_envelope('M2', 'B/x', $_)) for 1 .. 3;
	wait_until(sub { return delivery($receiver, "delivered || ' ' || pages || ' ' || last_page") eq "3 3 $words" }, 'a page is taken for a yes, and counted') or diag delivery($receiver, '*');
	is(scalar(() = slurp_file($node->logfile, $log) =~ /are answered with a web page: "$words"/g), 1, 'logged once');

	sql('ALTER SYSTEM SET qlm.refuse_pages = on');
	$node->reload;
	my $n = 3;
	wait_until(sub { post($node, write_envelope('M2', 'B/x', ++$n)); return delivery($receiver, "last_error") =~ /it answered with a web page instead of an envelope: "$words"/ }, 'the setting says that it is none');
	$receiver->answer_with('fine, thanks');
	wait_until(sub { return delivery($receiver, "state || ' ' || queued || ' ' || delivered") eq "ok 0 $n" }, 'all comes again until it is taken, and any word will do') or diag delivery($receiver, '*');
	sql('ALTER SYSTEM RESET qlm.refuse_pages');
	$node->reload;
	$receiver->stop;
};

subtest 'heartbeats and Retry-After' => sub {
	my $peer = QlmPeer->new;
	sql("SELECT qlm_add_peer('p', url => '" . $peer->url . "', heartbeat => '50 ms')");
	my $say = sub {
		my ($status, $after) = @_;

		$peer->answer($peer->request('beat'), '', status => $status, headers => "Retry-After: $after\r\n");
		my $began = time();
		$peer->answer($peer->request('beat'), $ok);
		return time() - $began;
	};
	cmp_ok($say->(503, 2), '>=', 1.9, 'of a 503 it is heeded');
	cmp_ok($say->(429, 2), '>=', 1.9, 'of a 429, too');
	cmp_ok($say->(503, strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime(time() + 4))), '>=', 1.5, 'and a date');
	my $bounded = $say->(503, 86400);
	cmp_ok($bounded, '>=', 3.9, 'up to qlm.retry_max_delay');
	cmp_ok($bounded, '<', 600, 'and no longer');
	my $began = running_time();
	$say->(500, 3600);
	$say->(503, 'soon');
	$say->(503, -5);
	cmp_ok(running_time() - $began, '<', 60, 'what is none, or of another status, says nothing');
	sql("SELECT qlm_drop_peer('p')");
};

subtest 'WebSockets that are not opened' => sub {
	my $peer = QlmPeer->new;
	my $url = $peer->url =~ s/^http/ws/r;
	my $ws = sub { return sql("SELECT $_[0] FROM qlm.stat_delivery WHERE url = '$url'") };

	post($node, read_envelope('M2', 'C/x', interval => -1, callback => $url, ttl => -1));
	post($node, write_envelope('M2', 'C/x', 1));
	$peer->answer($peer->request, '', status => 503, headers => "Retry-After: 3\r\n");
	wait_until(sub { return $ws->("paused_until - last_failure >= '2.9 s'") eq 't' }, 'Retry-After is heeded');
	is($ws->("last_error ~ '503'"), 't', 'of a 503');
	$peer->answer($peer->request, '', status => 429, headers => 'Retry-After: ' . strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime(time() + 4)) . "\r\n");
	wait_until(sub { return $ws->("paused_until - last_failure >= '1.9 s'") eq 't' && $ws->('last_error') =~ /429/ }, 'a date, too') or diag $ws->('*');
	$peer->answer($peer->request, '', status => 302, headers => "Location: http://user:cold\@portal.example/login\r\n");
	wait_until(sub { return $ws->('last_error') =~ /302/ }, 'a redirect');
	like($ws->('last_error'), qr{^it does not open a WebSocket there: it answered with HTTP status 302 and sends to http://\*\*\*\@portal\.example/login$}, 'where it leads is said');
};

done_testing();
