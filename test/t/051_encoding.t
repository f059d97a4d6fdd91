# A database in which texts may be no UTF-8 is no node: it is said before anything
# is stored, at each way in.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Utils qw(slurp_file);
use QlmTest;
use Test::More;

my $port = free_port();
my $node = qlm_node('encoding', conf => "qlm.databases = 'postgres, ascii:$port'\n", http => 0);

for my $encoding ('SQL_ASCII', 'LATIN1', 'EUC_JP')
{
	my $name = $encoding eq 'SQL_ASCII' ? 'ascii' : lc $encoding;

	$node->safe_psql('postgres', "CREATE DATABASE $name ENCODING '$encoding' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
	my ($code, $out, $error) = $node->psql($name, 'CREATE EXTENSION qlm');

	isnt($code, 0, "$encoding: no extension");
	like($error, qr/ERROR:  qlm needs a database with encoding UTF8.*DETAIL:  This database has encoding $encoding.*HINT:  CREATE DATABASE .* ENCODING 'UTF8'/s, '... and why, and what to do');
	is($node->safe_psql($name, "SELECT count(*) FROM pg_namespace WHERE nspname = 'qlm'"), 0, '... nothing is left of it');
}

SKIP:
{
	skip 'an old version is installed by test/run.sh only', 4
		if $node->safe_psql('postgres', "SELECT count(*) FROM pg_available_extension_versions WHERE name = 'qlm' AND version = '0.1.0'") == 0;
	$node->safe_psql('ascii', "CREATE EXTENSION qlm VERSION '0.1.0'");
	my ($code, $out, $error) = $node->psql('ascii', 'ALTER EXTENSION qlm UPDATE');

	isnt($code, 0, 'an earlier version, which let it in, is not updated');
	like($error, qr/qlm needs a database with encoding UTF8.*earlier versions let in.*Dump it, and restore it/s, '... and says what to do');
	ok(wait_until(sub { my $a = eval { get($node, '/health', port => $port) }; $a && $a->{status} == 503 && $a->{body} =~ /encoding of the database is not UTF8/ }), 'workers do not serve it, as /health says');
	like(slurp_file($node->logfile), qr/qlm cannot serve database "ascii": its encoding is SQL_ASCII, and qlm needs UTF8/, '... and the log');
}

$node->stop;
done_testing();
