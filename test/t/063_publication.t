# A node whose tables are published goes on as before, and a node that subscribes
# to them holds what it holds.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use QlmTest;
use Test::More;

my $conf = "wal_level = logical\nqlm.anonymous_role = 'qlm_writer'\n";
my $node = qlm_node('published', conf => $conf, init => [ allows_streaming => 'logical' ]);
my $copy = qlm_node('copy', conf => $conf);

sub copied
{
	my ($sql, $what) = @_;

	$node->wait_for_catchup('copied');
	is($copy->safe_psql('postgres', $sql), $node->safe_psql('postgres', $sql), $what);
}

$node->safe_psql('postgres', <<'EOQ');
SELECT qlm_write('F/x', '1', '2024-01-15Z'), qlm_write('F/x', '2.50', '2024-02-15Z'), qlm_write('F/x', 'old', '1500-01-01Z');
SELECT qlm_write('F/gone', '1', '2024-01-15Z'), qlm_write('G/x', '1', '2024-01-15Z');
INSERT INTO qlm.object_id (object_id, id, position) SELECT object_id, 'urn:g', 1 FROM qlm.object WHERE path = 'G';
INSERT INTO qlm.meta_data (info_item_id, name, value) SELECT info_item_id, 'unit', 'K' FROM qlm.info_item WHERE path = 'F/x';
CREATE PUBLICATION nodes FOR TABLE qlm.object, qlm.object_id, qlm.info_item, qlm.meta_data, qlm.value
	WITH (publish_via_partition_root = true);
EOQ
my $connection = $node->connstr . " dbname=postgres";
$copy->safe_psql('postgres', "CREATE SUBSCRIPTION copied CONNECTION '$connection' PUBLICATION nodes");
wait_for_sql($copy, "SELECT bool_and(srsubstate IN ('r', 's')) FROM pg_subscription_rel", 't');

my $history = "SELECT path, ts, value, unit FROM qlm.history ORDER BY path, ts";
copied($history, 'values are copied, with what describes them');
is(get($copy, '/Objects/F/x/value')->{body}, '2.50', 'the copy answers with them');

subtest 'what changes rows that are there' => sub {
	my $answer = post($node, write_envelope('M1b', 'F/x', 3, at => '2024-02-15T00:00:00Z'));
	is($answer->{status}, 200, 'a correction by HTTP') or diag $answer->{body};
	is(return_code($answer), 200, 'is taken');
	copied($history, 'and copied');
	is(get($copy, '/Objects/F/x/value')->{body}, '3', 'the copy answers with it');
	$node->safe_psql('postgres', "SELECT qlm_write('F/x', 'older', '1500-01-01Z'), qlm_write('F/gone', 'other', '2024-01-15Z')");
	copied($history, 'corrections where there is no partition, and of what was text');
	$node->safe_psql('postgres', "SELECT qlm_delete('F/x', '2024-01-01Z', '2024-01-31Z'), qlm_delete('F/x', NULL, '1600-01-01Z'), qlm_delete('F/gone')");
	copied($history, 'deletions');
	is(get($copy, '/Objects/F/gone')->{status}, 404, 'the copy has forgotten what was deleted');
	$node->safe_psql('postgres', "SELECT qlm_delete('G'), qlm_write('G/y', '1', '2024-05-15Z')");
	copied("$history", 'an Object that was made anew');
	copied("SELECT * FROM qlm.object_id", 'its ids are gone');
	is(get($copy, '/Objects/G/y/value')->{body}, '1', 'the copy answers with the new one');
	$node->safe_psql('postgres', "UPDATE qlm.meta_data SET value = 'C' WHERE value = 'K'");
	copied($history, 'what describes them');
};

subtest 'all tables, each partition as a table of its own' => sub {
	$node->safe_psql('postgres', "CREATE PUBLICATION everything FOR ALL TABLES");
	is($node->safe_psql('postgres', <<'EOQ'), '', 'every table of ours has an identity');
SELECT c.oid::regclass FROM pg_class c
WHERE c.relnamespace = 'qlm'::regnamespace AND c.relkind = 'r' AND c.relreplident <> 'f'
	AND NOT EXISTS (SELECT FROM pg_index x WHERE x.indrelid = c.oid
		AND CASE c.relreplident WHEN 'd' THEN x.indisprimary ELSE x.indisreplident END)
EOQ
	for my $statement ("SELECT qlm_write('F/x', '4', '2024-02-15Z')", "SELECT qlm_write('F/new', 'x', '1999-02-15Z')", "SELECT qlm_write('F/new', 'y', '1999-02-15Z')",
		"SELECT qlm_set_retention('F', keep => '10 years'); SELECT qlm_apply_retention()", "SELECT qlm_subscribe('F')", "SELECT qlm_cancel(request_id) FROM qlm.subscription",
		"SELECT qlm_add_peer('p'); SELECT qlm_request('p', qlm_read_envelope('F')); SELECT qlm_handle(qlm_read_envelope('F')::text, 'p'); SELECT qlm_drop_peer('p')",
		"SELECT qlm_delete('F')")
	{
		my ($status, $out, $err) = $node->psql('postgres', $statement);
		is($status, 0, $statement) or diag $err;
	}
};

$copy->stop;
$node->stop;
done_testing();
