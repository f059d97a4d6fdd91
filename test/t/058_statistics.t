# The planner gets statistics of all values together, which autovacuum never
# takes, and of what large messages bring.

use strict;
use warnings FATAL => 'all';

use QlmTest;
use Test::More;

my $node = qlm_node('statistics', conf => <<EOC);
qlm.anonymous_role = 'qlm_writer'
qlm.http_workers = 1
autovacuum = off
EOC
my $known = q{SELECT count(*) FROM pg_stats WHERE schemaname = 'qlm' AND tablename = 'value' AND inherited};
my $taken = q{SELECT pg_stat_get_last_analyze_time('qlm.value'::regclass)};

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

is(sql($known), 0, 'a new node has none');
my $objects = join '', map { "<Object><id>o$_</id><InfoItem name=\"x\"><value>$_</value></InfoItem></Object>" } 1 .. 3000;
is(return_code(post($node, envelope('M1b', '<write msgformat="odf"><msg><Objects xmlns="http://www.opengroup.org/xsd/odf/1.0/">'
			. "$objects</Objects></msg></write>"))), 200, 'a large message');
ok(wait_for_sql($node, q{SELECT string_agg(relname || ' ' || n_mod_since_analyze, ', ' ORDER BY relname) FROM pg_stat_user_tables WHERE schemaname = 'qlm' AND relname IN ('object', 'info_item')},
		'info_item 3000, object 3000'), 'is counted for autovacuum, as if it had been inserted');
sql(q{SELECT qlm_make_partitions('2024-01-01Z', '2024-04-01Z');
	INSERT INTO qlm.value (info_item_id, ts, num) SELECT info_item_id, '2024-01-01Z'::timestamptz + make_interval(days => n * 30), n FROM qlm.info_item, generate_series(0, 2) n});

subtest 'a worker looks when it starts' => sub {
	$node->restart;
	ok(wait_for_sql($node, "SELECT ($known) > 0", 't'), 'the workers see to it');
	is(sql(q{SELECT reltuples FROM pg_class WHERE oid = 'qlm.value'::regclass}), 12000, 'with all partitions');
	is(sql(q{SELECT n_distinct FROM pg_stats WHERE schemaname = 'qlm' AND tablename = 'value' AND inherited AND attname = 'info_item_id'}) < -0.2, 1,
		'the planner knows how many InfoItems have values');
	ok(wait_for_sql($node, q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'qlm analyze'}, 0), 'who took them ends');
	is(return_code(post($node, write_envelope('M1b', 'o1/x', 1))), 200, 'and the node serves');

	my $then = sql($taken);
	sql(q{INSERT INTO qlm.value (info_item_id, ts, num) SELECT info_item_id, '2024-01-02Z'::timestamptz + make_interval(days => n * 30), n FROM qlm.info_item, generate_series(0, 2) n});
	sql(q{INSERT INTO qlm.value (info_item_id, ts, num) SELECT info_item_id, '2023-01-01Z', 1 FROM qlm.info_item});
	$node->restart;
	ok(wait_for_sql($node, q{SELECT count(*) FROM qlm.value_default}, 0), 'much has come, and the housekeeping has looked');
	is(sql(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'qlm analyze'}) . sql($taken), "0$then", 'they are not taken again so soon');
};

$node->stop;
done_testing();
