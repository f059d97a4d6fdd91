# The way to one peer: a proxy of its own, and redirects that its administrator allows.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Utils;
use QlmPeer;
use QlmSocketReceiver;
use QlmTest;
use QlmWayOut;
use Test::More;

my $plant = qlm_node('plant', conf => "qlm.retry_delay = '1s'");
my $fridge = qlm_node('fridge', conf => "qlm.retry_delay = '200ms'\nqlm.retry_max_delay = '500ms'");
my $plant_url = "http://localhost:$plant->{qlm_port}/peer/fridge";

sub outside { return $plant->safe_psql('postgres', $_[0]); }
sub inside { return $fridge->safe_psql('postgres', $_[0]); }
sub set_peer { return inside("UPDATE qlm.peer SET $_[0] WHERE name = 'plant'"); }
sub last_error { return inside("SELECT last_error FROM qlm.stat_peer WHERE name = '$_[0]'"); }

sub ask
{
	return outside("SELECT qlm_await(qlm_request('fridge', qlm_read_envelope('Fridge/t'), ttl => '2 min'), '60 s')");
}

outside("SELECT qlm_add_peer('fridge', role => 'qlm_writer', piggyback => true)");
inside("SELECT qlm_write('Fridge/t', 4.5)");

subtest 'a proxy of its own' => sub {
	plan skip_all => 'squid is not installed' unless -x '/usr/sbin/squid';
	my $proxy = QlmWayOut->squid(user => 'fridge', secret => 'cold', scheme => 'basic');
	my $first = $fridge->logfile;

	inside("SELECT qlm_add_peer('plant', url => '$plant_url', heartbeat => '1 s', proxy => '" . $proxy->url('cold') . "')");
	like(ask(), qr/>4\.5</, 'a request comes in, and its answer goes out');
	wait_until(sub { return 2 <= grep { /^POST \Q$plant_url\E 200$/ } $proxy->requests }, 'both through the proxy, whatever qlm.no_proxy says');
	wait_for_sql($fridge, "SELECT called_through || ' ' || called_address || ' ' || called_status || ' ' || called_answer FROM qlm.stat_peer WHERE name = 'plant'",
		"http://***\@127.0.0.1:$proxy->{port} 127.0.0.1:$proxy->{port} 200 an envelope", 'qlm.stat_peer shows the way, without the secret');
	inside("SELECT qlm_await(qlm_request('plant', qlm_read_envelope('')), '30 s')");

	my $sockets = QlmSocketReceiver->new;
	my $url = $sockets->url =~ s/127\.0\.0\.1/localhost/r;
	like(inside('SELECT qlm_handle($$' . read_envelope('M2', 'Fridge/t', interval => -1, callback => $url, ttl => -1) . "\$\$, 'plant')"), qr/"200"/, 'it subscribes with a WebSocket');
	inside("SELECT qlm_write('Fridge/t', 5)");
	like(($sockets->messages(1))[0], qr/>5</, 'which gets its data');
	$sockets->stop;
	wait_until(sub { return grep { /^CONNECT localhost:\d+ 200/ } $proxy->requests }, 'through the proxy');

	set_peer("proxy = '" . $proxy->url('wa%72m') . "'");
	wait_until(sub { return last_error('plant') =~ /407: the proxy wants other credentials/ }, 'a wrong secret is named as such');
	unlike(last_error('plant'), qr/wa%72m|warm/, 'without the secret');
	wait_for_sql($fridge, "SELECT called_status || ' ' || called_answer FROM qlm.stat_peer WHERE name = 'plant'", '407 it answered with HTTP status 407: the proxy wants other credentials', 'and what it said last');
	unlike(slurp_file($fridge->logfile), qr/(?<!proxy = ')http:\/\/fridge:wa%72m/, 'which the log does not know');

	set_peer("proxy = ''");
	my $n = () = $proxy->requests;
	inside("ALTER SYSTEM SET qlm.proxy = 'http://127.0.0.1:1'");
	inside("ALTER SYSTEM SET qlm.no_proxy = ''");
	$fridge->reload;
	like(ask(), qr/>5</, 'empty: it is called without any, whatever qlm.proxy says');
	wait_for_sql($fridge, "SELECT called_through IS NULL, called_address, called_status FROM qlm.stat_peer WHERE name = 'plant'", "t|127.0.0.1:$plant->{qlm_port}|200", 'and that is shown');
	set_peer("proxy = NULL");
	wait_until(sub { return last_error('plant') =~ /127\.0\.0\.1 port 1 / }, 'null: as qlm.proxy says');
	set_peer("proxy = '" . $proxy->url('cold') . "'");
	like(ask(), qr/>5</, 'and through its own again');
	$proxy->stop;
	wait_until(sub { return last_error('plant') =~ /127\.0\.0\.1 port $proxy->{port} / }, 'a proxy that is gone is said');
	inside("SELECT qlm_drop_peer('plant')");
	inside("ALTER SYSTEM RESET qlm.proxy");
	$fridge->reload;
};

subtest 'who may say it, and what' => sub {
	inside("CREATE ROLE clerk LOGIN IN ROLE qlm_admin; CREATE ROLE boss IN ROLE qlm_writer; SELECT qlm_add_peer('high', url => 'http://127.0.0.1:1/', role => 'boss'), qlm_add_peer('low', url => 'http://127.0.0.1:1/')");
	my $as_clerk = sub { return ($fridge->psql('postgres', $_[0], extra_params => [ '-U', 'clerk' ]))[2] };
	is($as_clerk->("UPDATE qlm.peer SET proxy = 'socks5h://proxy:1080', redirects = true WHERE name = 'low'"), '', 'an administrator');
	like($as_clerk->("UPDATE qlm.peer SET proxy = '' WHERE name = 'high'"), qr/has the rights of role "boss", and you are not a member/, 'who has the rights of the peer');
	like($as_clerk->("UPDATE qlm.peer SET redirects = true WHERE name = 'high'"), qr/you are not a member/, 'for redirects, too');
	for my $wrong ('proxy.example', 'ftp://proxy.example', 'http://', 'http://user:secret@/')
	{
		my $error = ($fridge->psql('postgres', "SELECT qlm_add_peer('wrong', proxy => '$wrong')"))[2];
		like($error, qr/must be a URL of http, https, socks5 or socks5h/, $wrong);
		unlike($error =~ s/^.*STATEMENT.*//smr, qr/secret\@\//, 'and is not repeated');
		like(($fridge->psql('postgres', "UPDATE qlm.peer SET proxy = '$wrong'"))[2], qr/peer_proxy_check/, 'nor in its row');
	}
	inside("UPDATE qlm.peer SET url = 'http://127.0.0.1:1/', secret = 'cold-token', proxy = 'http://fridge:cold-proxy\@127.0.0.1:1' WHERE name = 'low'");
	for my $wrong ("url = 'nowhere'", "heartbeat = '-1 s'", "proxy = 'no'", 'name = NULL', "name = ''", "dialect = 'none'")
	{
		my $from = -s $fridge->logfile;
		my $error = ($fridge->psql('postgres', "UPDATE qlm.peer SET $wrong WHERE name = 'low'"))[2];
		like($error, qr/violates (check|not-null) constraint/, "a row that is none: $wrong");
		unlike($error . slurp_file($fridge->logfile, $from), qr/cold-|Failing row/, 'is not shown with its secrets, nor in the log');
	}
	is($fridge->psql('postgres', 'SET ROLE qlm_reader; SELECT proxy FROM qlm.peer'), 3, 'its secret is for administrators');
	is($fridge->psql('postgres', 'SET ROLE pg_monitor; SELECT proxy FROM qlm.peer'), 3, 'and not for who watches');
	inside("SELECT qlm_drop_peer('high'), qlm_drop_peer('low')");
};

my $envelope = envelope('M2', '<response><result><return returnCode="200"/></result></response>');

sub send_to
{
	my ($peer, $request, $status, $location) = @_;

	return $peer->answer($request, "<html>moved</html>", status => $status, headers => "Location: $location\r\n");
}

subtest 'redirects' => sub {
	my ($here, $there) = (QlmPeer->new, QlmPeer->new);
	my $said = sub { return last_error('here') };
	my $secret = $there->url('/x') =~ s{//}{//user:cold@}r;
	my $shown = $there->url('/x') =~ s{//}{//***@}r;

	inside("SELECT qlm_add_peer('here', url => '@{[ $here->url ]}', heartbeat => '50 ms', secret => 'token')");
	for my $status (301, 302, 307, 308)
	{
		send_to($here, $here->request('beat'), $status, $secret);
		wait_until(sub { return $said->() =~ /HTTP status $status and sends to \Q$shown\E/ }, "$status: where to is said, without a secret") or diag $said->();
	}
	ok($there->is_quiet(undef, 0), 'and none is followed');

	inside("UPDATE qlm.peer SET redirects = true WHERE name = 'here'");
	for my $status (301, 302, 303)
	{
		send_to($here, $here->request('beat'), $status, $there->url);
		wait_until(sub { return $said->() =~ /status $status and sends to/ }, "$status is not followed if it is allowed, either");
	}
	for my $status (307, 308)
	{
		my $from = $here->request('beat');
		like($from->{head}, qr/^Authorization: Bearer token/mi, 'its secret is shown to the peer');
		send_to($here, $from, $status, '/other');
		my $to = $here->request('beat');
		like($to->{head}, qr{^POST /other .*^Authorization: Bearer token}smi, "$status: followed on the same server, with the secret");
		is($to->{body}, $from->{body}, 'and the same message');
		send_to($here, $to, $status, $there->url('/third'));
		$to = $there->request('beat');
		like($to->{head}, qr{^POST /third }, 'and to another server');
		unlike($to->{head}, qr/token/, 'which is not shown the secret');
		$there->answer($to, $envelope);
	}
	wait_until(sub { return inside("SELECT last_success > last_failure FROM qlm.stat_peer WHERE name = 'here'") eq 't' || do { $_ = $here->request('beat', 0.1) and $here->answer($_, $envelope); 0 } }, 'its answer counts') ;

	send_to($here, $here->request('beat'), 307, "http://127.0.0.2:$there->{port}/");
	wait_until(sub { return $said->() =~ m{redirected to http://127\.0\.0\.2:\d+/: qlm\.callback_allow does not allow 127\.0\.0\.2} }, 'where callbacks may not go, redirects may not') or diag $said->();
	send_to($here, $here->request('beat'), 307, 'gopher://x/');
	wait_until(sub { return $said->() =~ /status 307 and sends to gopher:.*which is not followed: it is not a URL of http or https/ }, 'what is no HTTP is not followed') or diag $said->();
	send_to($here, $here->request('beat'), 308, '/again') for 1 .. 4;
	wait_until(sub { return $said->() =~ /status 308 .*which is not followed: it is too often/ }, 'nor a circle');
	ok($there->is_quiet(undef, 0), 'nothing more has gone there');

	# A message of the queue takes the same way.
	my $id = inside("UPDATE qlm.peer SET heartbeat = NULL WHERE name = 'here'; SELECT qlm_request('here', qlm_read_envelope('X/y'))");
	$here->hang_up_all;
	my $request = $here->request('request');
	send_to($here, $request, 308, $there->url('/queue'));
	$there->answer($there->request('request'), envelope('M2', '<response><result><return returnCode="404"/></result></response>'));
	wait_for_sql($fridge, "SELECT state || ' ' || return_code FROM qlm.outbox WHERE message_id = $id", 'answered 404', 'messages of the queue are followed, too');
	inside("SELECT qlm_drop_peer('here')");
};

done_testing();
