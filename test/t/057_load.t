# History that was loaded without partitions moves into its own, step by step,
# while others read and write, and also when the server dies in between.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Utils qw(slurp_file);
use QlmTest;
use Test::More;

my $node = qlm_node('load', conf => <<EOC);
qlm.anonymous_role = 'qlm_writer'
qlm.http_workers = 2
autovacuum = off
EOC
my $rows = long_run() ? 200000 : 60000;

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

my ($bound, $history, $left, $before);
subtest 'how far a partition has come, and where all of the history lies' => sub {
	$bound = q{SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE oid = to_regclass('qlm.value_2019_03')};
	$history = q{SELECT count(*), sum(num) FROM qlm.history WHERE path LIKE 'Load/%'};
	$left = q{SELECT count(*) FROM qlm.value_default};

	sql(q{SELECT qlm_write('Load/i' || n, 0, '2025-01-01Z') FROM generate_series(0, 9) n});
	sql(<<EOQ);
INSERT INTO qlm.value (info_item_id, ts, num)
	SELECT i.info_item_id, '2019-03-01Z'::timestamptz + n * interval '58 days' / ($rows / 10), n
	FROM generate_series(1, $rows / 10) n, qlm.info_item i WHERE i.path LIKE 'Load/%' ORDER BY n;
EOQ
	is(sql($left), $rows, 'plain SQL puts it into the default partition');
	$before = sql($history);

	is(return_code(post($node, write_envelope('M1b', 'Load/i0', 5, at => '2019-03-15T00:00:00.5Z'))), 200,
		'a write of the same month');
	is(sql($left), $rows + 1, 'moves nothing');
	sql(q{DELETE FROM qlm.value WHERE ts = '2019-03-15 00:00:00.5Z'});
	is(sql($bound), '', 'there is no partition yet');
};

subtest 'a worker looks when it starts' => sub {
	$node->restart;
	ok(wait_until(sub { sql($bound) ne '' }, 'a partition begins'), 'the workers begin');
	my ($corrected, $wrong, $looks) = (0, 0, 0);
	while (sql($bound) !~ /TO \('2019-04-01 /)
	{
		# The last value of the month lies in the default partition until the end, the first one does not.
		for my $place ('< ', '> ')
		{
			my $ts = sql("SELECT to_char(max(ts) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') FROM qlm.history WHERE path = 'Load/i1' AND ts < '2019-03-2${\($place eq '< ' ? 0 : 9)}Z'");
			my $num = sql("SELECT num FROM qlm.history WHERE path = 'Load/i1' AND ts = '$ts'");

			$wrong++ if return_code(post($node, write_envelope('M1b', 'Load/i1', $num + 1000000, at => $ts))) != 200;
			$wrong++ if sql("SELECT num FROM qlm.history WHERE path = 'Load/i1' AND ts = '$ts'") != $num + 1000000;
			$wrong++ if return_code(post($node, write_envelope('M1b', 'Load/i1', $num, at => $ts))) != 200;
			$corrected++;
		}
		$wrong++ if sql($history) ne $before;
		last if ++$looks == 1000;
		if ($looks == 1)
		{
			$node->stop('immediate');
			$node->start;
			wait_for_http($node);
		}
	}
	cmp_ok($corrected, '>', 0, 'values are corrected meanwhile, wherever they are');
	is($wrong, 0, 'each look finds all, each once');
	ok(wait_for_sql($node, $left, 0), 'in the end nothing is left');
	is(sql($history), $before, 'and history is whole');
	is(sql(q{SELECT count(*) FROM (SELECT info_item_id, ts FROM qlm.value GROUP BY 1, 2 HAVING count(*) > 1) twice}), 0,
		'each value once');
	is(sql(q{SELECT string_agg(c.relname || ' ' || pg_get_expr(c.relpartbound, c.oid), ', ' ORDER BY 1) FROM pg_class c WHERE relname ~ '^value_2019.*[0-9]$'}),
		q{value_2019_03 FOR VALUES FROM ('2019-03-01 00:00:00+00') TO ('2019-04-01 00:00:00+00'), }
		. q{value_2019_04 FOR VALUES FROM ('2019-04-01 00:00:00+00') TO ('2019-05-01 00:00:00+00')},
		'the partitions are those that would have been made');
	like(slurp_file($node->logfile), qr/LOG: .*qlm moves values from qlm.value_default into partition qlm.value_2019_03.*LOG: .*qlm has moved \d+ values from qlm.value_default into partition qlm.value_2019_03/s,
		'the log says so');
	my ($from) = sql(q{SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'qlm.value_default'::regclass AND conname LIKE 'qlm%'});
	is($from, '', 'no constraint stays behind');
};

$node->stop;
done_testing();
