# History that grows and shrinks under load: partitions come when they are
# needed, old values and empty partitions go, and nobody who writes waits.

use strict;
use warnings FATAL => 'all';

use IPC::Run;
use QlmTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = qlm_node('growth', conf => <<EOC);
qlm.anonymous_role = 'qlm_writer'
qlm.partitions_ahead = 3
EOC

sub partitions
{
	my ($pattern) = @_;

	return $node->safe_psql('postgres', <<EOQ);
SELECT count(*) FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
WHERE inhparent = 'qlm.value'::regclass AND relname ~ '$pattern'
EOQ
}

wait_for_sql($node, <<'EOQ', 't', 'the partitions of this month and three more are made ahead');
SELECT count(*) = 4 FROM generate_series(0, 3) n
WHERE to_regclass('qlm.value_' || to_char((now() AT TIME ZONE 'UTC') + n * interval '1 month', 'YYYY_MM')) IS NOT NULL
EOQ

subtest 'old values of many InfoItems, more than one step takes' => sub {
	$node->safe_psql('postgres', <<'EOQ');
SELECT count(qlm_write('Old/' || i || '/x', i::float8, now() - interval '400 days' + n * interval '1 hour'))
FROM generate_series(1, 600) i, generate_series(1, 30) n;
SELECT qlm_write('Old/1/x', '0', now() - interval '10 years');
EOQ
	is(partitions('_' . ((localtime)[5] + 1890) . '_'), 1, 'a value of ten years ago has a partition');
};

# Writers that give up as soon as they wait for a lock.
my @writers;
for my $i (1 .. 3)
{
	my ($in, $out, $err) = ('', '', '');
	my $script = $node->basedir . "/writer$i.sql";

	append_to_file($script, <<EOQ);
\\set n random(1, 600)
\\set days random(0, 3000)
SET lock_timeout = '500ms';
SELECT qlm_write('Old/' || :n || '/x', :n::float8);
SELECT qlm_write('Late$i/' || :n, :n::float8, now() - :days * interval '1 day');
EOQ
	my $run = {};
	$run->{handle} = IPC::Run::start(
		[ 'pgbench', '-n', '-c', 1, '-T', long_run() ? 8 : 3, '-f', $script,
			'-h', $node->host, '-p', $node->port, 'postgres' ],
		'>', \$run->{out}, '2>', \$run->{err});
	push @writers, $run;
}

subtest 'the worker does it by itself, in steps' => sub {
	$node->safe_psql('postgres', "SELECT qlm_set_retention('Old', '100 days')");
	$node->safe_psql('postgres', 'SELECT qlm_apply_retention()');
	for my $run (@writers)
	{
		ok($run->{handle}->finish, 'a writer goes on while values are deleted and partitions are made')
		  or diag($run->{err});
		my ($transactions) = $run->{out} =~ /transactions actually processed: (\d+)/;
		cmp_ok($transactions // 0, '>', 10, 'it has written');
	}
	$node->safe_psql('postgres', 'SELECT qlm_apply_retention()');
	is($node->safe_psql('postgres', <<'EOQ'), '0', 'what the rule does not keep is gone');
SELECT count(*) FROM qlm.history WHERE path LIKE 'Old/%' AND ts < now() - interval '100 days'
AND ts < (SELECT max(v.ts) FROM qlm.value v WHERE v.info_item_id = history.info_item_id)
EOQ
	is($node->safe_psql('postgres', <<'EOQ'), '600', 'each InfoItem still has its newest value');
SELECT count(*) FROM qlm.current WHERE path LIKE 'Old/%' AND value IS NOT NULL
EOQ
};

subtest 'new rules are seen by the server worker, which deletes without being asked' => sub {
	# A partition that has become empty goes, too, once vacuum has given its pages back.
	$node->safe_psql('postgres', "SELECT qlm_delete('Old')");
	$node->safe_psql('postgres', 'VACUUM qlm.value');
	$node->safe_psql('postgres', "SELECT qlm_write('Alone/x', '1', now() - n * interval '2 days') FROM generate_series(0, 5) n");
	$node->safe_psql('postgres', "SELECT qlm_set_retention('Alone', '1 day')");
	ok(wait_for_sql($node, "SELECT count(*) FROM qlm.history WHERE path = 'Alone/x'", '1'),
		'the worker deletes old values by and by');
	my $year = (localtime)[5] + 1890;
	ok(wait_for_sql($node, "SELECT count(*) FROM pg_class WHERE relname ~ '^value_${year}_'", '0'),
		'an empty partition of the past is dropped');
};

$node->stop;
done_testing();
