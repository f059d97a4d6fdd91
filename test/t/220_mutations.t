# Good messages made bad, by HTTP and by WebSocket: whatever comes, the node
# goes on, says so in the protocol's terms, and does nothing that it should not.
#
# A case depends only on its number and the seed, which are named on failure:
# QLM_SEED=1 QLM_CASE=4711 sends that one alone.

use strict;
use warnings FATAL => 'all';

use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use PostgreSQL::Test::Utils;
use QlmMutate;
use QlmTest;
use Test::More;
use Time::HiRes qw(time);

my $seed = $ENV{QLM_SEED} // (long_run() ? int time() : 1);
my $cases = quick_run() ? 200 : 800;
my $seconds = long_run() ? 120 : 0;		# of each of the two parts
my $at_once = 40;
my %known = map { $_ => 1 } 101, 200, 204, 304, 400, 401, 403, 404, 405, 406, 408, 411, 413, 414, 415, 417, 421, 426, 431, 501, 503, 505;

my $node = qlm_node('mutations', conf => <<EOC);
qlm.anonymous_role = 'qlm_reader'
qlm.max_message_size = '1MB'
qlm.request_timeout = '10s'
qlm.max_wait = '2s'
log_line_prefix = '%p %e '
EOC

my $canary = 0;
my @seeds = mutation_seeds("$ENV{TESTDIR}/test/fixtures");
my (%statuses, @recent);

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

sub pids
{
	return sql('SELECT string_agg(pid::text, \' \' ORDER BY pid) FROM qlm.stat_worker WHERE pid IS NOT NULL');
}

# Of all workers
sub memory
{
	return private_memory(split / /, pids());
}

# The bytes of a case, one in five for a WebSocket
sub bytes_of
{
	my ($number) = @_;

	srand($seed * 1_000_003 + $number);
	return $number % 5 == 0 ? mutated_frames(@seeds) : mutated_request(@seeds);
}

# What has come on a connection must be whole answers, but for the last one
sub check_answers
{
	my ($number, $bytes) = @_;
	my $connection = bless { buffer => $bytes, ended => 1 }, 'QlmTest::Connection';
	my $is_head = bytes_of($number) =~ /HEAD /;		# answers without bodies, perhaps

	while (length $connection->{buffer})
	{
		my $answer = eval { $connection->response(interim => 1, head => $is_head) };

		return "case $number: $@" if $@;
		return unless $answer;
		next if $answer->{status} == 100;
		$statuses{ $answer->{status} }++;
		return "case $number: status $answer->{status}" unless $known{ $answer->{status} };
		return if $answer->{status} == 101 || $is_head;
		return unless defined $answer->{body} && length $answer->{body};
		my $type = $answer->{headers}{'content-type'} // '';

		next if $answer->{headers}{'content-encoding'};
		return "case $number: no XML: $answer->{body}"
		  if $type =~ /xml/ && $answer->{body} !~ m{^(<\?xml[^>]*>\s*)?<.*>\s*$}s;
		return "case $number: no JSON: $answer->{body}"
		  if $type =~ /json/ && !eval { JSON::PP->new->utf8->allow_nonref->decode($answer->{body}); 1 };
	}
	return;
}

# Send these at the same time, and take what comes until nothing comes.
sub send_cases
{
	my (@numbers) = @_;
	my (%number, %out, %in, @wrong);
	my $all = IO::Select->new;
	my $end = time() + 5;

	local $SIG{PIPE} = 'IGNORE';
	for (@numbers)
	{
		my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $node->{qlm_port});

		return "case $_: no connection" unless $socket;
		$socket->blocking(0);
		$number{$socket} = $_;
		$out{$socket} = bytes_of($_);
		$in{$socket} = '';
		$all->add($socket);
	}
	while ($all->count && time() < $end)
	{
		my ($read, $write) = IO::Select->select($all, IO::Select->new(grep { length $out{$_} } $all->handles), undef, 0.1);

		last unless $read || $write;
		for (@{ $write // [] })
		{
			my $n = syswrite $_, $out{$_}, 65536;

			substr $out{$_}, 0, $n // length $out{$_}, '';
		}
		for (@{ $read // [] })
		{
			$all->remove($_) unless sysread $_, $in{$_}, 65536, length $in{$_};
		}
	}
	return map { check_answers($number{$_}, $in{$_}) } sort { $number{$a} <=> $number{$b} } keys %number;
}

# A good write among the bad ones, of one who may
sub send_canary
{
	my $answer = post($node, write_envelope('M1b', 'Canary/n', ++$canary), headers => { Authorization => 'Bearer canary' });

	return ($answer->{status} // 0) == 200 && (return_code($answer) // 0) == 200 ? () : "a good message after $canary: $answer->{status}";
}

# Returns how many were sent.
sub run_cases
{
	my ($from) = @_;
	my $end = time() + $seconds;
	my $number = $from;
	my @wrong;

	while (!@wrong && ($seconds ? time() < $end : $number < $from + $cases))
	{
		my @now = $number .. $number + $at_once - 1;

		@wrong = eval { (send_cases(@now), send_canary()) };
		@wrong = ("cases $now[0] to $now[-1]: $@") if $@;
		$number += $at_once;
	}
	ok(!@wrong, $number - $from . " mutated requests with seed $seed") or diag(map { "QLM_SEED=$seed, $_\n" } @wrong);
	return $number;
}

sub check_log
{
	my $log = slurp_file($node->logfile);
	my @bad = grep { /PANIC:|FATAL:|TRAP|terminated by signal|out of memory|^\d+ XX/ } split /\n/, $log;
	my @errors = grep { /^\d+ \w+ ERROR:/ } split /\n/, $log;

	is("@bad[0 .. ($#bad > 9 ? 9 : $#bad)]", '', 'the log tells of no accident');
	is("@errors[0 .. ($#errors > 9 ? 9 : $#errors)]", '', 'nor of an error');
	return;
}

sql(<<EOS);
SELECT qlm_add_peer('canary', role => 'qlm_writer', credential => 'canary', paths => '{Canary}');
SELECT qlm_add_peer('vault', role => 'qlm_writer', credential => 'a long secret', paths => '{vault}');
SELECT qlm_request('vault', qlm_read_envelope('vault/x'));
SELECT qlm_write('Fridge7/temperature', 4.5);
EOS

if (defined $ENV{QLM_CASE})
{
	diag explain([ bytes_of($ENV{QLM_CASE}), send_cases($ENV{QLM_CASE}) ]);
	pass('sent');
	done_testing();
	exit;
}

send_canary() for 1 .. 100;
my $pids = pids();
my $before = memory();
my $count = 'SELECT count(*) FROM qlm.history WHERE path NOT LIKE \'Canary/%\'';
my $stored = sql($count);

subtest 'the fixtures as they are' => sub {
	for my $file (sort glob("$ENV{TESTDIR}/test/fixtures/*"))
	{
		my $answer = post($node, slurp_file($file));

		ok($known{ $answer->{status} // 0 }, "$file: $answer->{status}");
	}
};
is(pids(), $pids, 'the same workers are there');

my $next = run_cases(1);
is(sql($count), $stored, 'one who may only read has stored nothing');

sql("ALTER SYSTEM SET qlm.anonymous_role = 'qlm_writer'");
$node->reload;
ok(wait_until(sub { (return_code(post($node, write_envelope('M1b', 'Fridge7/temperature', 5))) // 0) == 200 }, 'the setting is read'),
	'then they may write');
run_cases($next);
cmp_ok($statuses{200} // 0, '>=', quick_run() ? 20 : 100, 'many were messages nonetheless');
cmp_ok($statuses{400} // 0, '>=', 100, 'many were not');
cmp_ok($statuses{101} // 0, '>=', 20, 'many became WebSockets');
note(join ', ', map { "$statuses{$_} times $_" } sort keys %statuses);

is(pids(), $pids, 'the same workers are there');
is(sql("SELECT count(*) FROM qlm.history WHERE path = 'Canary/n'"), $canary, 'every good value is stored once');
is(sql("SELECT state FROM qlm.outbox WHERE peer = 'vault'"), 'queued', 'what waits for a peer with a secret has not left');
is(sql("SELECT count(*) FROM qlm.history WHERE peer = 'vault'"), 0, 'nor is anything stored in its name');
is(sql("SELECT count(*) FROM qlm.outbox WHERE url !~ '^~' AND state <> 'queued' AND last_error LIKE 'qlm.callback_allow does not allow%' IS NOT TRUE"), 0,
	'nothing was posted to strangers');
is(sql("SELECT count(*) FROM qlm.object WHERE path ~ '[\\x01-\\x1f]' OR octet_length(path) > 2500"), 0, 'no path is as it may not be');
ok(wait_until(sub { memory() < $before + 100_000_000 }, 'memory is given back', 20), 'memory is bounded')
  or diag('from ' . $before . ' to ' . memory());
check_log();
$node->stop;
done_testing();
