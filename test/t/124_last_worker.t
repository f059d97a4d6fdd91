# Where max_worker_processes leaves too few for a node: what does not run is said.

use strict;
use warnings FATAL => 'all';

use QlmTest;
use Test::More;

# The server's own launcher of logical replication takes one of them, ours another.
my $node = qlm_node('last', conf => "qlm.http_workers = 2\n");
$node->append_conf('postgresql.conf', 'max_worker_processes = 3');
$node->stop;
unlink $node->logfile;
$node->start;

sub sql { return $node->safe_psql('postgres', $_[0]); }
sub log_of { return PostgreSQL::Test::Utils::slurp_file($node->logfile); }

wait_for_sql($node, "SELECT string_agg(kind || ' ' || state, ', ' ORDER BY worker_id) FROM qlm.stat_worker", 'dispatcher running, server stopped, server stopped',
	'with the last one the dispatcher runs, and no HTTP');
is(sql("SELECT DISTINCT last_error FROM qlm.stat_worker WHERE kind = 'server'"), 'no free background worker: raise max_worker_processes, which is 3, and restart the server',
	'qlm.stat_worker says what to do');
like(log_of(), qr/qlm finds no free background worker for database "postgres": the dispatcher runs, but no HTTP worker, so nobody can connect\n.*DETAIL: .*max_worker_processes.*\n.*HINT: .*max_worker_processes.*qlm\.stat_worker/,
	'so does the log');
my ($status, $out, $err) = $node->psql('postgres', 'SELECT qlm_start()');
like($err, qr/WARNING:  0 of 2 qlm workers of this database listen now\nDETAIL:  no free background worker: raise max_worker_processes/, 'and qlm_start()');
is(scalar(() = log_of() =~ /finds no free background worker/g), 1, 'the log does once');

$node->append_conf('postgresql.conf', 'max_worker_processes = 4');
$node->restart;
wait_for_http($node);
wait_for_sql($node, "SELECT string_agg(kind || ' ' || state, ', ' ORDER BY worker_id) FROM qlm.stat_worker", 'dispatcher running, server running, server stopped', 'one more');
like(log_of(), qr/"postgres": fewer HTTP workers run than qlm\.http_workers says/, 'is one that answers');

$node->append_conf('postgresql.conf', 'max_worker_processes = 5');
$node->restart;
wait_for_http($node);
wait_for_sql($node, "SELECT count(*) FROM qlm.stat_worker WHERE state = 'running' AND last_error IS NULL", 3, 'with enough of them all run');

done_testing();
