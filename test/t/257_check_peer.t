# qlm_check_peer: what keeps two nodes apart is found, said in a sentence, with what to do.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Utils;
use QlmClock;
use QlmPeer;
use QlmReceiver;
use QlmTest;
use QlmWayOut;
use Test::More;
use Time::HiRes qw(sleep);

my $plant = qlm_node('plant', conf => "qlm.retry_delay = '1s'");
my $fridge = qlm_node('fridge', conf => "qlm.retry_delay = '200ms'\nqlm.retry_max_delay = '500ms'");
my $plant_url = "http://localhost:$plant->{qlm_port}/peer/fridge";

sub outside { return $plant->safe_psql('postgres', $_[0]); }
sub inside { return $fridge->safe_psql('postgres', $_[0]); }
sub set_peer { return inside("UPDATE qlm.peer SET $_[0] WHERE name = 'plant'"); }

# Its rows: step => [ok, message]
sub check
{
	my ($timeout, $node, $peer) = @_;
	my $rows = ($node // $fridge)->safe_psql('postgres', "SELECT step, ok, message FROM qlm_check_peer('" . ($peer // 'plant') . "', '" . ($timeout // '20 s') . "')");

	return map { my ($step, $ok, $message) = split /\|/, $_, 3; ($step => [ $ok, $message ]) } split /\n/, $rows;
}

my @steps = qw(name connection proxy TLS HTTP envelope hold piggy-back acknowledgement);

# The step where it stops, which those before it are not
sub stops_at
{
	my ($step, $message, $what, %rows) = @_;
	my $all = join "\n", map { "$_: $rows{$_}[0] $rows{$_}[1]" } grep { $rows{$_} } 'peer', @steps;
	my %before;

	for (@steps) { last if $_ eq $step; $before{$_} = 1; }
	is(join(' ', grep { $rows{$_}[0] eq 'f' } @steps), $step, "$what: stops at $step") or diag $all;
	like($rows{$step}[1], $message, 'says why, and what to do') or diag $all;
	is(join(' ', grep { !$before{$_} && $_ ne $step && $rows{$_}[1] !~ /^not tried/ } @steps), '', 'and tries nothing more');
	unlike($all, qr/cold|token/, 'without a secret');
	return;
}

outside("SELECT qlm_add_peer('fridge', role => 'qlm_writer', piggyback => true)");
inside("SELECT qlm_add_peer('plant', url => '$plant_url', heartbeat => '1 s')");

subtest 'all is well' => sub {
	wait_for_sql($fridge, "SELECT last_success IS NOT NULL FROM qlm.peer", 't', 'it is called');
	my %rows = check();
	is($rows{$_}[0], 't', "$_: $rows{$_}[1]") for 'peer', qw(name connection HTTP envelope piggy-back acknowledgement);
	like($rows{TLS}[1], qr/the url is http: all that is sent, secrets too, can be read/, 'what is not good is said');
	like($rows{hold}[1], qr/hold calls for 00:00:\d\d, and nothing has cut one|not called by itself yet/, 'how long holds are asked for');
	like($rows{connection}[1], qr/there is a connection to 127\.0\.0\.1:$plant->{qlm_port}/, 'and the address');

	%rows = check('20 s', $plant, 'fridge');
	is($rows{$_}[0], 't', "outside, $_: $rows{$_}[1]") for 'peer', 'call', 'piggy-back', 'acknowledgement';

	set_peer('heartbeat = NULL');
	%rows = check();
	is($rows{envelope}[0], 't', 'without a heartbeat a message is answered');
	like($rows{'piggy-back'}[1], qr/not tried: without a heartbeat nothing is fetched there/, 'and nothing is fetched');
	outside("SELECT qlm_add_peer('silent', piggyback => true)");
	%rows = check('1 s', $plant, 'silent');
	is($rows{call}[0] . $rows{'piggy-back'}[0], 'ff', 'a peer that does not call');
	like($rows{call}[1], qr/has never called: look there, where qlm_check_peer says/, 'is to be looked after at its end');
	set_peer("heartbeat = '1 s'");
};

subtest 'what is wrong' => sub {
	my %wrong = (
		'http://nowhere.invalid/' => [ 'name', qr/host "nowhere\.invalid": Could not resolve host.*spelled right/ ],
		'http://127.0.0.1:1/' => [ 'connection', qr/Failed to connect to 127\.0\.0\.1 port 1.*Does it listen there.*firewall.*qlm\.proxy/ ],
		"https://localhost:$plant->{qlm_port}/peer/fridge" => [ 'TLS', qr/or there is no TLS at this port/ ],
		"http://localhost:$plant->{qlm_port}/other" => [ 'HTTP', qr{status 404: there is no node at this path.*ends with /peer/} ]);
	for my $url (sort keys %wrong)
	{
		set_peer("url = '$url', secret = 'token'");
		stops_at(@{ $wrong{$url} }, $url, check('5 s'));
	}
	my $receiver = QlmReceiver->new;
	my %answers = (
		401 => [ 'HTTP', qr/status 401: it wants to be shown another secret/ ],
		421 => [ 'HTTP', qr/status 421: .*qlm\.host_names there must have it/ ],
		503 => [ 'HTTP', qr/status 503: .*try again later/ ],
		504 => [ 'HTTP', qr/status 504: a proxy on the way does not reach/ ],
		'<html><title>Guest Wi-Fi</title>' => [ 'envelope', qr/web page instead of an envelope: "Guest Wi-Fi"\. That must be a node of QLM or O-MI/ ],
		close => [ 'HTTP', qr/no answer: / ]);
	set_peer("url = '" . $receiver->url . "'");
	for my $answer (sort keys %answers)
	{
		$receiver->answer_with($answer);
		stops_at(@{ $answers{$answer} }, $answer, check('4 s'));
	}
	$receiver->answer_with('silent');
	my $began = running_time();
	stops_at('HTTP', qr/no answer: .*time/i, 'who says nothing', check('2 s'));
	cmp_ok(running_time() - $began, '<', 30, 'within the time');
	$receiver->stop;

	my $peer = QlmPeer->new;
	set_peer("url = '" . $peer->url . "', heartbeat = NULL");
	$peer->hang_up_all;
	my $session = $fridge->background_psql('postgres', on_error_die => 1);
	$session->query_until(qr/begun/, "\\echo begun\nSELECT step || ' ' || message FROM qlm_check_peer('plant', '10 s') WHERE step = 'HTTP';\n");
	my $request = $peer->request;
	like($request->{head}, qr/^POST .*^Authorization: Bearer token.*^Content-Length: 0/smi, 'the call is empty, and on the way of all others');
	$peer->answer($request, '<html>', status => 302, headers => "Location: http://user:cold\@elsewhere.example/qlm\r\n");
	like($session->query("SELECT 'next'"), qr{HTTP HTTP status 302: it sends to http://\*\*\*\@elsewhere\.example/qlm: make that the url of the peer}, 'a redirect, without a secret');
	$session->quit;
	set_peer("url = '$plant_url', secret = NULL, heartbeat = '1 s'");
};

subtest 'a secret that names nobody' => sub {
	my $peer = QlmReceiver->new(answer => envelope('M2', '<response><result><return returnCode="200"/></result></response>'));
	for my $secret ('Basic @@@', 'Basic /+Q6eA==', 'Basic', 'Basic OnNlY3JldA==')
	{
		set_peer("url = '" . $peer->url . "', secret = '$secret'");
		my %rows = check();
		is($rows{envelope}[0], 't', "$secret: it takes messages");
		like($rows{'piggy-back'}[1], qr/the url does not say which name this node has there/, 'and is not asked for anybody');
	}
	$peer->stop;
	set_peer("url = '$plant_url', secret = NULL");
};

subtest 'through a proxy' => sub {
	plan skip_all => 'squid is not installed' unless -x '/usr/sbin/squid';
	my $proxy = QlmWayOut->squid(user => 'fridge', secret => 'cold', scheme => 'basic');
	my $shown = "http://***\@127.0.0.1:$proxy->{port}";

	set_peer("proxy = '" . $proxy->url('cold') . "'");
	wait_for_sql($fridge, 'SELECT called_status FROM qlm.stat_peer', 200, 'it is called through it');
	my %rows = check();
	is($rows{$_}[0], 't', "$_: $rows{$_}[1]") for qw(name connection proxy HTTP envelope piggy-back acknowledgement);
	is($rows{proxy}[1], "$shown lets this through", 'the proxy is named, without its secret');
	set_peer("proxy = '" . $proxy->url('c%6fld-') . "'");
	stops_at('proxy', qr/^\Q$shown\E does not let this through: .*other credentials: say them in proxy of the peer/, 'a wrong secret', check('4 s'));
	set_peer("url = 'https://localhost:$plant->{qlm_port}/'");
	stops_at('proxy', qr/^\Q$shown\E does not let this through: .*407.*Say what it wants/, 'the same of a tunnel', check('4 s'));

	my $down = free_port();
	set_peer("url = 'https://localhost:$down/', proxy = '" . $proxy->url('cold') . "'");
	stops_at('proxy', qr/HTTP status 503\. Look whether it reaches localhost:$down, and may/, 'a tunnel to what is down', check('4 s'));
	set_peer("url = 'http://localhost:$down/'");
	%rows = check('4 s');
	is($rows{proxy}[0], '', 'who has answered a call without a tunnel');
	like($rows{proxy}[1], qr/^\Q$shown\E has taken the call; HTTP status 503 does not tell whether it has let it through, or has answered itself/, 'is not made up');
	stops_at('HTTP', qr/status 503: .*or it is a proxy that does not reach the node behind it: .*try again later\. Or it is the proxy that says so, and does not reach the host/, 'so both are named', %rows);
	my $silent = QlmPeer->new;
	set_peer("url = 'https://localhost:$down/', proxy = 'http://127.0.0.1:$silent->{port}'");
	stops_at('proxy', qr/timed out.*Is that a proxy, and of the kind that its URL says\? It is named in proxy of the peer/, 'a proxy that says nothing', check('4 s'));
	for my $kind (qw(socks5h https))
	{
		set_peer("url = '$plant_url', proxy = '$kind://127.0.0.1:$proxy->{port}'");
		stops_at('proxy', qr/of the kind that its URL says/, "one that speaks no $kind", check('4 s'));
	}
	set_peer("url = 'https://localhost:$silent->{port}/', proxy = ''");
	stops_at('TLS', qr/timed out.*Something on the way may swallow or end it; or there is no TLS at this port/, 'TLS that is not answered', check('4 s'));

	set_peer("url = '$plant_url', proxy = '" . $proxy->url('cold') . "'");
	$proxy->stop;
	stops_at('connection', qr/^the proxy \Q$shown\E: Failed to connect.*Is that the proxy/, 'a proxy that is not there', check('4 s'));
	set_peer("url = '$plant_url', proxy = 'http://nowhere.invalid:3128'");
	stops_at('name', qr/^the proxy http:\/\/nowhere\.invalid:3128: Could not resolve proxy/, 'nor known', check('4 s'));
	set_peer('proxy = NULL');
};

subtest 'a node that holds' => sub {
	append_to_file($fridge->data_dir . '/postgresql.conf', "qlm.outgoing = off\n");
	$fridge->reload;
	wait_for_sql($fridge, "SELECT count(*) FROM qlm.stat_worker WHERE state = 'holding'", 1, 'it holds');
	my %rows = check('4 s');
	like(join(' ', @{ $rows{peer} }), qr/^f this node holds what would leave it, so nobody is called: .*qlm\.outgoing/, 'that is said');
	is(join(' ', grep { $rows{$_}[1] !~ /^not tried/ } @steps), '', 'and nobody is called');
	like(($fridge->psql('postgres', "SELECT qlm.probe_peer('plant', 1000)"))[2], qr/holds what would leave it, so peer "plant" is not called/, 'in no way');
	append_to_file($fridge->data_dir . '/postgresql.conf', "qlm.outgoing = on\n");
	$fridge->reload;
	wait_for_sql($fridge, "SELECT count(*) FROM qlm.stat_worker WHERE state = 'holding'", 0, 'it does not hold');
};

subtest 'who may, and how long' => sub {
	inside("CREATE ROLE clerk LOGIN IN ROLE qlm_admin; CREATE ROLE boss IN ROLE qlm_writer; CREATE ROLE writer LOGIN IN ROLE qlm_writer");
	inside("SELECT qlm_add_peer('high', url => 'http://127.0.0.1:1/', role => 'boss')");
	my $try = sub { my ($role, $sql) = @_; return ($fridge->psql('postgres', $sql, extra_params => [ '-U', $role ]))[2] };
	is($try->('clerk', "SELECT count(*) FROM qlm_check_peer('plant', '5 s')"), '', 'an administrator');
	for my $call ("qlm_check_peer('high')", "qlm.probe_peer('high', 1000)")
	{
		like($try->('clerk', "SELECT * FROM $call"), qr/you are not a member of it|you may not call peer "high"/, "who has the rights of the peer: $call");
		like($try->('writer', "SELECT * FROM $call"), qr/permission denied/, 'and nobody else');
	}
	like($try->('clerk', "SELECT * FROM qlm_check_peer('nobody')"), qr/peer "nobody" does not exist/, 'no peer');
	like($try->('clerk', "SELECT * FROM qlm_check_peer('plant', '1 h')"), qr/between 1 s and 10 min/, 'no hour');

	my $peer = QlmPeer->new;
	set_peer("url = '" . $peer->url . "', heartbeat = NULL");
	my $session = $fridge->background_psql('postgres', on_error_stop => 0);
	my $pid = $session->query('SELECT pg_backend_pid()');
	my $descriptors = sub { my @open = glob "/proc/$pid/fd/*"; return scalar @open };
	my $check = sub {
		$session->query_until(qr/begun/, "\\echo begun\nSELECT * FROM qlm_check_peer('plant', '60 s');\n");
		$peer->request;
		inside("SELECT pg_cancel_backend($pid)");
		like($session->query("SELECT 'goes on'"), qr/goes on/, 'it is cancelled at once, and the session goes on');
	};
	$check->();
	my $before = $descriptors->();
	$check->() for 1 .. 3;
	is($descriptors->(), $before, 'nothing stays open') if $before > 0;
	$session->quit;
};

done_testing();
