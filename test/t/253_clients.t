# HTTP clients of other languages, as programs use them: to a node, and through
# nginx and HAProxy in front of it.  Each is a program of test/clients that prints
# lines of client, step and what came.

use strict;
use warnings FATAL => 'all';

use File::Temp ();
use POSIX qw(WNOHANG);
use PostgreSQL::Test::Utils;
use QlmFront;
use QlmProxy;
use QlmTest;
use Test::More;

my $node = qlm_node('clients', conf => <<EOC);
qlm.anonymous_role = 'qlm_writer'
qlm.max_message_size = '1MB'
qlm.http_workers = 2
EOC
my $programs = "$ENV{TESTDIR}/test/clients";

# Queue a request for each peer that has been heard and has none, until the client ends.
sub play
{
	my ($command, $url, $peer) = @_;
	my $folder = File::Temp->newdir();
	my $pid = fork() // die $!;

	if ($pid == 0)
	{
		open STDOUT, '>', "$folder/out" or POSIX::_exit(1);
		open STDERR, '>', "$folder/error" or POSIX::_exit(1);
		exec @$command, $url, $peer or POSIX::_exit(1);
	}
	wait_until(
		sub {
			$node->safe_psql('postgres', <<'EOQ');
SELECT qlm_request(p.name, qlm_read_envelope('Fridge7/x')) FROM qlm.peer AS p
WHERE p.last_seen IS NOT NULL AND NOT EXISTS (SELECT FROM qlm.outbox AS o WHERE o.peer_id = p.peer_id)
EOQ
			return waitpid($pid, WNOHANG) == $pid;
		},
		"$command->[0] ends", 300) or kill 'KILL', $pid;
	my $error = slurp_file("$folder/error");
	diag($error) if $? && $error ne '';
	return map { [ split /\t/ ] } split /\n/, slurp_file("$folder/out");
}

subtest 'what each step is to print' => sub {
	# A refusal is seen as what it is, each time, though the client sends 3 MB before it
	# reads, or while.
	my %wanted = (
		write => 200,
		read => '>42<',
		get => '42',
		413 => '413 413 413 413 413',
		415 => '415 415 415 415 415',
		406 => '406 406 406 406 406',
		again => 200,
		reuse => '10000',
		expect => '413 unsent',
		held => '200 wait=20 Fridge7');

	my %clients = (
		curl => { command => [ 'bash', "$programs/curl.sh" ], there => [ 'curl', '--version' ], names => ['curl'] },
		Python => { command => [ 'python3', "$programs/client.py" ], there => [ 'python3', '-c', 'import sys; sys.exit(sys.version_info < (3, 9))' ],
			names => [qw(urllib http.client requests)] },
		node => { command => [ 'node', "$programs/client.mjs" ], there => [ 'node', '-e', 'process.exit(typeof fetch === "function" ? 0 : 1)' ],
			names => [qw(fetch http.request)] },
		Java => { command => [ 'java', '-Xshare:auto', '-XX:TieredStopAtLevel=1', "$programs/Client.java" ], there => [ 'java', "$programs/Client.java", '--there' ],
			names => [qw(HttpURLConnection HttpURLConnection.streaming java.net.http)] });

	$ENV{write_message} = write_envelope('M1b', 'Clients/x', 42);
	$ENV{read_message} = read_envelope('M1b', 'Clients/x');
	$ENV{no_proxy} = '*';
	my $bodies = File::Temp->newdir();
	for my $body ([ large => 900_000 ], [ too_large => 3_000_000 ])
	{
		$ENV{ $body->[0] } = "$bodies/$body->[0]";
		append_to_file($ENV{ $body->[0] }, 'x' x $body->[1]);
	}
	post($node, $ENV{write_message});

	my %ways = (direct => undef, map { $_ => $_ } grep { my $name = $_; grep { $_ eq $name } QlmFront::here() } qw(nginx haproxy));

	for my $language (sort keys %clients)
	{
		my $client = $clients{$language};

		if (!eval { run_log($client->{there}) })
		{
			SKIP: { skip "no $client->{command}[0] that can run the program is installed" . ($language eq 'Java' ? ' (it takes a JDK)' : ''), 1 }
			next;
		}
		for my $way (sort keys %ways)
		{
			subtest "$language, $way" => sub {
				my $front = $ways{$way} && QlmFront->start($way, $node);
				my $port = $front ? $front->{port} : $node->{qlm_port};

				$node->safe_psql('postgres', "SELECT qlm_add_peer('${way}_$_', role => 'qlm_reader', piggyback => true)") for @{ $client->{names} };
				my @lines = play($client->{command}, "http://127.0.0.1:$port", $way);
				my %seen = map { $_->[0] => 1 } @lines;
				is_deeply([ sort keys %seen ], [ sort @{ $client->{names} } ], 'all are heard of');
				for my $line (@lines)
				{
					my ($name, $step, $got) = @$line;

					if ($step eq 'skip')
					{
						SKIP: { skip "$name: $got", 1 }
						next;
					}
					# nginx and HAProxy may ask for the body themselves
					my $wanted = $step eq 'expect' && $front ? qr/^413 (un)?sent$/ : qr/^\Q$wanted{$step}\E$/;
					like($got, $wanted, "$name: $step");
				}
				$front->stop if $front;
			};
		}
		next unless $language eq 'Java';
		subtest 'Java keeps connections' => sub {
			my $relay = QlmProxy->new($node->{qlm_port});

			run_log([ @{ $client->{command} }, "http://127.0.0.1:$relay->{port}", 'none', 'reuse' ]);
			is(($relay->connections)[2], 2, 'one of HttpURLConnection, one of java.net.http');
		};
	}
};

done_testing();
