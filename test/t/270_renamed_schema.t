# Where somebody has given the schema of the extension another name, or one of its
# tables, the node says what has happened and how it is undone, and not that it is to
# be installed.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use QlmTest;
use Test::More;

my $node = qlm_node('renamed', conf => "qlm.anonymous_role = 'qlm_writer'\n");
my $session = $node->background_psql('postgres', on_error_stop => 0);

sub sql { return $node->safe_psql('postgres', $_[0]); }
sub error { return ($node->psql('postgres', $_[0]))[2]; }
sub body { return get($node, '/health')->{body}; }

is(post($node, write_envelope('M1b', 'F/x', 1))->{status}, 200, 'a write');
in_session($session, "SELECT qlm_write('F/x', '2')");

my @cases = (
	[ 'the schema', 'ALTER SCHEMA qlm RENAME TO "Old"', 'ALTER SCHEMA "Old" RENAME TO qlm',
		qr/schema qlm of extension qlm is called "Old" now/, qr/HINT:  ALTER SCHEMA "Old" RENAME TO qlm;/ ],
	[ 'the schema, and there is another one', 'ALTER SCHEMA qlm RENAME TO old; CREATE SCHEMA qlm', 'DROP SCHEMA qlm; ALTER SCHEMA old RENAME TO qlm',
		qr/schema qlm of extension qlm is called old now/, qr/HINT:  Give the other schema .* another name, then: ALTER SCHEMA old RENAME TO qlm;/ ],
	[ 'a table', 'ALTER TABLE qlm.object RENAME TO thing', 'ALTER TABLE qlm.thing RENAME TO object',
		qr/qlm\.object of extension qlm is not there/, qr/HINT:  It was renamed, moved or dropped: undo that/ ]);

for my $case (@cases)
{
	my ($what, $do, $undo, $why, $hint) = @$case;
	my $log = -s $node->logfile;

	sql($do);
	my $said = qr/cannot serve database "postgres": $why/;
	like(error("SELECT qlm_write('F/x', '3')"), qr/$why.*$hint/s, "$what: a new session is told");
	is(post($node, write_envelope('M1b', 'F/x', 3))->{status}, 503, 'devices come again');
	like(body(), qr/has another name in the database: the server's log says/, 'GET /health says why');
	ok(wait_until(sub { PostgreSQL::Test::Utils::slurp_file($node->logfile, $log) =~ $said }, 'the log says why'), 'and so does the log');
	sql($undo);
	is(post($node, write_envelope('M1b', 'F/x', 4))->{status}, 200, 'when that is undone it goes on');
	is(get($node, '/health')->{status}, 200, 'and is healthy');
	is(in_session($session, "SELECT qlm_write('F/x', '5')"), '', 'a session too');
}
sql('DROP EXTENSION qlm');
$session->quit;
like(error('CREATE TABLE public.t (a int); SELECT 1 FROM qlm.object'), qr/does not exist/, 'what is not installed');
wait_until(sub { body() =~ /extension qlm is not in the database/ }, 'is said to be not there');
$node->stop;
done_testing();
