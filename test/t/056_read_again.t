# What a server worker has read before it reads again as it is now, whoever has
# changed it: rows of nodes are kept in each process.

use strict;
use warnings FATAL => 'all';

use QlmTest;
use Test::More;

my $node = qlm_node('again', conf => "qlm.http_workers = 2\nqlm.anonymous_role = 'qlm_reader'\n");
my @connections = map { qlm_connect($node) } 1 .. 8;

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

# The one answer that all connections get, three times each: so each worker has
# looked into the tables, and answered from what it kept.
sub answer
{
	my %seen;
	for my $connection ((@connections) x 3)
	{
		my $body = $connection->request('POST', '/',
			body => read_envelope('M1b', 'Again/x'))->{body};
		$seen{$body}++;
	}
	is(scalar keys %seen, 1, 'every worker says the same');
	return join ' ', keys %seen;
}

sql("SELECT qlm_write('Again/x', '1')");
unlike(answer(), qr/MetaData|type="T"|<altname>/, 'a plain InfoItem');
sql("UPDATE qlm.info_item SET type = 'T' WHERE path = 'Again/x'");
like(answer(), qr/type="T"/, 'a type that was given to it');
sql("INSERT INTO qlm.meta_data (info_item_id, name, value) SELECT info_item_id, 'unit', 'W' FROM qlm.info_item");
like(answer(), qr/<MetaData/, 'MetaData that were added');
sql("INSERT INTO qlm.object_id (object_id, id, position) SELECT object_id, 'Again-2', 1 FROM qlm.object");
like(answer(), qr/Again-2/, 'another id that was added');
sql("UPDATE qlm.object SET description = '{\"en\": \"of many\"}'");
like(answer(), qr/<description/, 'a description that was added');
sql('TRUNCATE qlm.meta_data, qlm.object_id');
unlike(answer(), qr/MetaData|Again-2/, 'MetaData and ids that are gone');
sql("ALTER TABLE qlm.object ENABLE ROW LEVEL SECURITY");
like(answer(), qr/returnCode="404"/, 'a policy hides it');
sql("ALTER TABLE qlm.object DISABLE ROW LEVEL SECURITY");
like(answer(), qr/returnCode="200"/, 'and no longer');
sql("REVOKE SELECT ON qlm.object_id FROM qlm_reader");
like(answer(), qr/returnCode="403"/, 'a right that was taken away');
sql("GRANT SELECT ON qlm.object_id TO qlm_reader");
like(answer(), qr/returnCode="200"/, 'and given back');
sql("SELECT qlm_delete('Again')");
like(answer(), qr/returnCode="404"/, 'an Object that was deleted');

$node->stop;
done_testing();
