# Node to node through relays that cut, swallow, delay, repeat and lie: requests in
# both directions, one end behind a firewall.  Once the way is whole again each has
# its answer, and was executed once.

use strict;
use warnings FATAL => 'all';

use QlmProxy;
use QlmTest;
use Test::More;

my $conf = <<EOC;
qlm.retry_delay = '200ms'
qlm.retry_max_delay = '500ms'
qlm.callback_timeout = '3s'
qlm.request_timeout = '3s'
EOC
my $plant = qlm_node('plant', conf => "${conf}qlm.log_messages = all");
my $fridge = qlm_node('fridge', conf => $conf);
my $relay = QlmProxy->new($plant->{qlm_port});

sub outside { return $plant->safe_psql('postgres', $_[0]); }
sub inside { return $fridge->safe_psql('postgres', $_[0]); }

outside("SELECT qlm_add_peer('fridge', role => 'qlm_writer', piggyback => true)");
inside("SELECT qlm_add_peer('plant', url => 'http://127.0.0.1:$relay->{port}/peer/fridge', role => 'qlm_writer', heartbeat => '1 s')");

# Values without a time, so that each execution leaves one; how many requests
my $n = 5;
my $round = 0;

# A request for the peer that writes a value of its own
sub ask
{
	my ($node, $peer, $i) = @_;
	my $write = write_envelope('M2', "Round$round/from_$peer$i", $i, ttl => 600);

	return $node->safe_psql('postgres', "SELECT qlm_request('$peer', \$\$$write\$\$, ttl => '10 min')");
}

# All are answered with 200, and each has left one value at the other end.
sub all_is_well
{
	my ($node, $peer, $other, @ids) = @_;
	my $list = join ', ', @ids;

	wait_for_sql($node, "SELECT count(*) FROM qlm.outbox WHERE message_id IN ($list) AND state = 'answered' AND return_code = 200",
		scalar(@ids), "for $peer: each is answered")
	  or diag($node->safe_psql('postgres', "SELECT message_id, state, attempts, return_code, last_error FROM qlm.outbox WHERE message_id IN ($list)"));
	is($other->safe_psql('postgres', "SELECT count(*), count(DISTINCT path) FROM qlm.history WHERE path LIKE 'Round$round/from_$peer%'"),
		scalar(@ids) . '|' . scalar(@ids), "for $peer: each was executed, and once");
	return;
}

subtest 'the times that are waited for: so many disturbances; a relay that only delays has none' => sub {
	my @orders = (
		[ 'pass' => 0 ], [ 'delay 0.3' => 0 ],
		[ 'repeat' => 6 ],
		(map { [ "cut $_" => 4 ] } 10, 200, 700, 1500),
		[ 'refuse' => 3 ],
		(map { [ "lie $_" => 4 ] } qw(502 504 login empty)),
		[ 'swallow' => 2 ]);

	for my $order (@orders)
	{
		my ($how, $times) = @$order;

		subtest $how => sub {
			$round++;
			my $before = $relay->disturbed;
			$relay->set($how);
			my @out = map { ask($fridge, 'plant', $_) } 1 .. $n;
			my @in = map { ask($plant, 'fridge', $_) } 1 .. $n;
			wait_until(sub { return $relay->disturbed >= $before + $times }, "$times requests are disturbed");
			if ($how eq 'repeat')
			{
				post($plant, write_envelope('M2', 'Repeated/x', 1), port => $relay->{port}, path => '/peer/fridge');
				wait_for_sql($plant, "SELECT count(*) FROM qlm.journal WHERE direction = 'in' AND envelope LIKE '%Repeated%'", 2, 'each comes twice');
				all_is_well($fridge, 'plant', $plant, @out);
				all_is_well($plant, 'fridge', $fridge, @in);
			}
			$relay->set('pass') unless $how =~ /delay/;
			all_is_well($fridge, 'plant', $plant, @out);
			all_is_well($plant, 'fridge', $fridge, @in);
			$relay->set('pass');
		};
	}

	is(inside("SELECT state FROM qlm.stat_delivery WHERE url LIKE '%:$relay->{port}/%'"), 'ok', 'the way is whole again');
};

done_testing();
