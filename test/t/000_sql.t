# What a test is told by a statement does not depend on how it is sent: by psql, or
# without it.

use strict;
use warnings FATAL => 'all';

use QlmSql ();
use QlmTest;
use Test::More;

my $node = qlm_node('sql', http => 0, extension => 0, preload => 0);

# Each by psql, which a command of its own calls for, and without
for my $sql (
	'SELECT 1', 'SELECT 1; SELECT 2;', 'SELECT true, false, NULL, NULL::int', "SELECT ''", "SELECT 'a|b', E'a\\'b;c'", 'SELECT',
	'SELECT 1::int2, 2::int4, 9007199254740993::int8, 0.1::float8, 1e-7::float8, 123456789.123456789::float8, 0.1::float4, 4.50, 1e300::float8',
	"SELECT 'NaN'::float8, 'Infinity'::float8, '-Infinity'::float8", "SELECT '\\x00ff'::bytea, 'x'::char(5), 'n'::name, 'c'::\"char\"",
	"SELECT ARRAY[1, NULL, 2], ARRAY['a', NULL, 'b\"'], ROW(1, 'a')", "SELECT '{\"a\": [1, 0.10]}'::jsonb, '<a/>'::xml", 'SELECT now() IS NULL, interval \'1 day 2 s\'',
	"SELECT 'two\nlines' UNION ALL SELECT 'x' ORDER BY 1", 'SELECT 1 WHERE false', "SELECT '\xc3\xa4'", 'SHOW server_version', 'EXPLAIN (COSTS off) SELECT 1',
	"CREATE TABLE t (a int); INSERT INTO t VALUES (1), (2) RETURNING a; UPDATE t SET a = 3; DROP TABLE t", "SELECT \$a\$x;y\$a\$, \$\$z;\$\$ -- ; no end\n; SELECT /* ; */ 2",
	"BEGIN; CREATE TABLE t (a int); ROLLBACK; SELECT to_regclass('t')", "DO \$\$ BEGIN RAISE WARNING 'careful' USING DETAIL = 'd', HINT = 'h'; END \$\$", 'DROP TABLE IF EXISTS nothing',
	"SELECT 1;\nSELECT 2;\n\nSELECT nothing;\nSELECT 3", "DO \$\$ BEGIN RAISE 'broken' USING DETAIL = 'd', HINT = 'h', ERRCODE = '22023'; END \$\$", 'SELECT 1; SELECT 1 / 0', 'SELEC',
	'SELECT pg_terminate_backend(pg_backend_pid()); SELECT 2', "SELECT '?', \$1", "SELECT 'x' ? 'y'", "SELECT '{\"x\": 1}'::jsonb ? 'x', 2 AS \":name\"", 'SELECT current_user, session_user')
{
	my @without = $node->psql('postgres', $sql);
	my @with = $node->psql('postgres', "\\r \\\\ $sql");

	is_deeply(\@without, \@with, $sql =~ s/\n/ /gr);
}

my $sessions = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'";
$node->safe_psql('postgres', 'SELECT 1');
wait_for_sql($node, $sessions, 1, 'a session ends with its call');
$node->stop;
is(($node->psql('postgres', 'SELECT 1'))[0], 2, 'a server that is not there');

done_testing();
