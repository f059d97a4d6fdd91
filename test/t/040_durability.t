# What was acknowledged is there, whatever is killed.

use strict;
use warnings FATAL => 'all';

use QlmTest;
use Test::More;

my $node = qlm_node('durability', conf => <<EOC);
qlm.anonymous_role = 'qlm_writer'
restart_after_crash = on
EOC

# Write numbers on several connections until told to stop; return those that
# were acknowledged.  A connection that breaks is opened again.
sub write_until
{
	my ($prefix, $enough) = @_;
	my @acknowledged;
	my @connections;
	my $n = 0;

	until ($enough->(scalar @acknowledged))
	{
		for my $i (0 .. 3)
		{
			my $value = ++$n;
			eval {
				$connections[$i] //= qlm_connect($node, timeout => 5);
				my $answer = $connections[$i]->request('POST', '/',
					body => write_envelope('M2', "$prefix/item$i", $value));
				die "no answer\n" unless $answer;
				push @acknowledged, $value
				  if $answer->{status} == 200 && return_code($answer) == 200;
				1;
			} or undef $connections[$i];
		}
	}
	return @acknowledged;
}

# Start the server that was killed, once its children have noticed.
sub start_again
{
	return wait_until(sub {
			$node->{_pid} = undef;
			$node->start(fail_ok => 1);
		}, 'the server starts again');
}

sub check_values
{
	my ($prefix, @acknowledged) = @_;
	my $stored = $node->safe_psql('postgres',
		"SELECT num FROM qlm.history WHERE path LIKE '$prefix/%'");
	my %stored;

	$stored{$_}++ for split /\n/, $stored;
	is(scalar(grep { !$stored{$_} } @acknowledged), 0, 'every acknowledged value is there: ' . @acknowledged);
	is(scalar(grep { $stored{$_} > 1 } keys %stored), 0, 'none twice');
}

subtest 'a worker is terminated' => sub {
	my @before = server_pids($node);
	my $killed = 0;
	my @acknowledged = write_until('Terminated', sub {
		my ($n) = @_;
		kill 'TERM', @before if $n >= 50 && !$killed++;
		return $n >= 200;
	});

	check_values('Terminated', @acknowledged);
	wait_until(sub {
		my @now = server_pids($node);
		@now == 2 && !grep { my $pid = $_; grep { $_ == $pid } @before } @now;
	}, 'both come back');
	pass('terminated workers come back');
};

subtest 'a worker is killed' => sub {
	my $killed = 0;
	my @acknowledged = write_until('Killed', sub {
		my ($n) = @_;
		if ($n >= 50 && !$killed++)
		{
			kill 'KILL', (server_pids($node))[0];
		}
		return $n >= 200;
	});

	wait_until(sub { eval { $node->safe_psql('postgres', 'SELECT 1') } }, 'the server recovers');
	wait_for_http($node);
	check_values('Killed', @acknowledged);
};

subtest 'the server is killed' => sub {
	for my $round (1 .. 3)
	{
		my $down = 0;
		my @acknowledged = write_until("Server$round", sub {
			my ($n) = @_;
			if ($n >= 100 && !$down)
			{
				$node->stop('immediate') if $round == 1;
				$node->kill9 if $round > 1;
				$down = 1;
			}
			return $down;
		});
		# The postmaster's children end when they notice.
		start_again();
		wait_for_http($node);
		check_values("Server$round", @acknowledged);
	}
};

subtest 'what waits for a peer waits on' => sub {
	$node->safe_psql('postgres', "SELECT qlm_add_peer('p', role => 'qlm_writer')");
	my $id = $node->safe_psql('postgres', "SELECT qlm_request('p', qlm_read_envelope('P/x'))");
	my $subscription = $node->safe_psql('postgres', "SELECT qlm_subscribe('P')");

	is(return_code(post($node, write_envelope('M2', 'P/x', 7))), 200, 'written');
	$node->kill9;
	start_again();
	wait_for_http($node);
	is(join(' ', request_ids(post($node, envelope('Q1', '<read/>'), path => '/peer/p'))), $id, 'the request');
	is($node->safe_psql('postgres', "SELECT value FROM qlm_poll($subscription)"), 7, 'the value for the poll');
};

$node->stop;
done_testing();
