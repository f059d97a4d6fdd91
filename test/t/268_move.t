# The drill of docs/copies.md, line by line: a node moves to another server while devices
# post, with callbacks that arrive, that wait, and that come at intervals, and a device that fetches requests.
#
# QLM_MOVE_TO="PORT HTTP-PORT" names a server that runs at 127.0.0.1 (test/move.sh); else it is one of the same version.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use QlmCopy;
use QlmReadme ();
use QlmReceiver;
use QlmTest;
use Test::More;

my $conf = "listen_addresses = '127.0.0.1'\nqlm.anonymous_role = 'qlm_writer'\nqlm.callback_allow = '127.0.0.1'\nqlm.retry_delay = '100ms'\nqlm.piggyback_max = 3\n";
my $receiver = QlmReceiver->new;
my $down = QlmReceiver->new(stopped => 1);
my $clock = QlmReceiver->new;
my $old = PostgreSQL::Test::Cluster->new('old');
my $new;
my ($new_port, $new_http) = split / /, $ENV{QLM_MOVE_TO} // '';

$old->{qlm_port} = free_port();
$old->init(extra => [ '--encoding=UTF8', '--no-locale', '--username=postgres' ]);
$old->append_conf('postgresql.conf', "shared_preload_libraries = 'qlm'\nwal_level = logical\nmax_wal_senders = 10\nmax_replication_slots = 10\nqlm.port = $old->{qlm_port}\nqlm.http_workers = 1\n$conf");
$old->start;
$old->safe_psql('postgres', 'CREATE EXTENSION qlm');
wait_for_http($old);
if ($new_port)
{
	$new = { qlm_port => $new_http };
}
else
{
	my $node = qlm_node('new', extension => 0, http => 0, conf => "qlm.http_workers = 1\n$conf");
	$new_port = $node->port;
	$new = $node;
}
my %connection = (
	OLD => 'host=127.0.0.1 port=' . $old->port . ' dbname=postgres user=postgres',
	NEW => "host=127.0.0.1 port=$new_port dbname=postgres user=postgres");

sub on
{
	my ($where, $sql) = @_;
	my ($out, $err);

	IPC::Run::run([ 'psql', '-AtXq', '-v', 'ON_ERROR_STOP=1', '-d', $connection{$where}, '-c', $sql ], '>', \$out, '2>', \$err) or die "$err in $sql";
	chomp $out;
	return $out;
}

sub play
{
	my ($text, $what) = @_;
	my ($out, $err);

	local %ENV = (%ENV, %connection);
	IPC::Run::run([ 'bash', '-c', "set -eo pipefail\n$text" ], '>', \$out, '2>', \$err, IPC::Run::timeout(300 * $QlmTest::PATIENCE));
	my $done = is($?, 0, $what) or diag "$out$err";
	return $done ? $out : undef;
}
note('to PostgreSQL ' . on('NEW', 'SHOW server_version'));

# A device posts numbers, one after the other, wherever it is answered; each that was acknowledged was stored.
my $posts = 0;
my $where = $old;

sub post_next
{
	my $number = $posts + 1;
	my $answer = eval { post($where, write_envelope('M1b', 'F/x', "<$number>"), timeout => 10) };

	$posts = $number if $answer && $answer->{status} == 200 && return_code($answer) == 200;
	return $posts == $number;
}

# Another one fetches requests and answers them.  An answer that found no node is
# sent again before anything else is fetched.
my (%fetched, %unsent);

sub answer_fetched
{
	for my $id (sort keys %unsent)
	{
		eval { post($where, response_envelope('Q1', $id, 'F/answer', $id), path => '/peer/device') } or return 0;
		delete $unsent{$id};
	}
	return 1;
}

sub fetch
{
	return unless answer_fetched();
	my $answer = eval { post($where, envelope('Q1', '<read/>'), path => '/peer/device') } or return;

	for my $id (request_ids($answer))
	{
		$fetched{$id}++;
		$unsent{$id} = 1;
	}
	return answer_fetched();
}

my (@requests, @blocks);
subtest 'what the old node does' => sub {
	on('OLD', "SELECT qlm_add_peer('device', role => 'qlm_writer', piggyback => true), qlm_write('F/x', 0), qlm_write('F/late', 1, '2025-03-01Z'), qlm_write('F/clock', 1)");
	on('OLD', 'CREATE ROLE kitchen NOLOGIN IN ROLE qlm_reader') if on('OLD', "SELECT count(*) FROM pg_roles WHERE rolname = 'kitchen'") eq '0';
	on('NEW', 'CREATE ROLE kitchen NOLOGIN') if on('NEW', "SELECT count(*) FROM pg_roles WHERE rolname = 'kitchen'") eq '0';
	on('OLD', "SELECT qlm_subscribe('F/x', -1, '" . $receiver->url . "'), qlm_subscribe('F/late', -1, '" . $down->url . "'), qlm_subscribe('F/clock', 1, '" . $clock->url . "')");
	on('OLD', "ALTER TABLE qlm.object ADD COLUMN place text; UPDATE qlm.object SET place = 'hall'; ALTER TABLE qlm.info_item ENABLE ROW LEVEL SECURITY; CREATE POLICY all_of_it ON qlm.info_item USING (true)");
	on('OLD', "SELECT qlm_write('F/late', '<$_>')") for 100001 .. 100005;
	@requests = map { on('OLD', "SELECT qlm_request('device', qlm_read_envelope('F/x'))") } 1 .. 20;
	post_next() for 1 .. 20;
	fetch();

	@blocks = grep { $_->{section} eq 'Move to another server' && $_->{language} eq 'sh' } QlmReadme::blocks("$ENV{TESTDIR}/docs/copies.md");
	is(scalar(@blocks), 2, 'what the page says');
	play($blocks[0]{text}, 'the new node has all rows') // BAIL_OUT('it is not replicated');
	post_next() for 1 .. 20;
	fetch();
	wait_for_http($new);
	like(get($new, '/health')->{body}, qr/"outgoing":"held"/, 'it holds');
	is(on('NEW', "SELECT place FROM qlm.object WHERE path = 'F'"), 'hall', 'with columns that were added');
	is(on('NEW', "SELECT count(*) FROM pg_policy WHERE polname = 'all_of_it'"), 1, 'and policies');
	my $waiting = on('NEW', "SELECT count(*) FROM qlm.outbox WHERE state = 'queued' AND kind = 'response' AND envelope ~ '1000'");
	is($waiting, 5, 'and messages that wait');
	unlike(post($new, envelope('Q1', '<read/>'), path => '/peer/device')->{body}, qr/requestId/, 'a device that goes astray is given nothing');
	$down->start;
	wait_until(sub { times_arrived($down, 100005) }, 'the old one goes on');
	$down->stop;
	on('OLD', "SELECT qlm_write('F/late', '<$_>')") for 100006 .. 100010;
};

subtest 'the move, while the device posts' => sub {
	my $end = PostgreSQL::Test::Utils::tempdir . '/ended';
	my $mover = fork() // die $!;
	if ($mover == 0)
	{
		$old->append_conf('postgresql.conf', "qlm.outgoing = off\n");
		on('OLD', 'SELECT pg_reload_conf()');
		my ($out, $err);
		local %ENV = (%ENV, %connection);
		IPC::Run::run([ 'bash', '-c', "set -eo pipefail\n$blocks[1]{text}" ], '>', \$out, '2>', \$err);
		PostgreSQL::Test::Utils::append_to_file($end, $? == 0 ? 'moved' : "$out$err");
		require POSIX;
		POSIX::_exit(0);
	}
	my ($before, $refused) = ($posts, 0);
	wait_until(
		sub {
			post_next() or $refused++;
			fetch() unless $refused;
			return -s $end;
		},
		'it is moved', 300);
	waitpid $mover, 0;
	is(slurp_file($end), 'moved', 'as the page says');
	ok($refused > 0, 'devices were refused for a while') or diag "$posts posts";
	note(($posts - $before) . " values were posted meanwhile, $refused times a device was refused");
};

sub get_refused
{
	eval { get($old, '/health') };
	return $@;
}

subtest 'it goes on at the new one' => sub {
	$where = $new;
	wait_until(sub { post_next() }, 'the new node takes writes');
	post_next() for 1 .. 20;
	$down->start;
	wait_until(sub { fetch() && keys %fetched == @requests }, 'all requests are fetched');
	is(join(' ', map { $fetched{$_} } @requests), join(' ', (1) x @requests), 'each once');
	is(on('NEW', "SELECT count(*) FROM qlm.outbox WHERE kind = 'request' AND peer = 'device' AND state = 'answered'"), 20, 'and answered');
	wait_until(sub { times_arrived($down, 100010) && times_arrived($receiver, $posts) }, 'what waited arrives');
	is(on('NEW', "SELECT string_agg(value, ' ' ORDER BY ts) FROM qlm.history WHERE path = 'F/x'"), join(' ', 0, map { "<$_>" } 1 .. $posts), 'no value that was acknowledged is lost, and none is there twice');
	is(join(' ', map { times_arrived($receiver, $_) } 1 .. $posts), join(' ', (1) x $posts), 'subscribers were told of each once');
	is(join(' ', map { times_arrived($down, $_) } 100001 .. 100010), join(' ', (1) x 10), 'also of what waited');
	my $ticks = () = $clock->bodies;
	$clock->bodies($ticks + 2);
	cmp_ok(on('NEW', "SELECT extract(epoch FROM clock_timestamp() - created_at)::int FROM qlm.subscription WHERE callback LIKE '%" . ($clock->url =~ s/.*:(\d+).*/$1/r) . "%'") + 1, '>=', scalar(() = $clock->bodies), 'intervals were not delivered by both');
	is(post($new, write_envelope('M1b', 'G/new', 1))->{status}, 200, 'new Objects have numbers of their own');
	unlike(get($new, '/health')->{body}, qr/outgoing/, 'the new node lets leave what it has');
	like(get_refused(), qr/refused/, 'the old one answers nobody');
};

$old->stop;
$new->stop if ref $new ne 'HASH';
done_testing();
