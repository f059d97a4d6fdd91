# A node that subscribes to the tables of another one, by logical replication, notices
# what happens to its rows: what is deleted, described and configured there.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use QlmReadme qw(blocks);
use QlmReceiver;
use QlmTest;
use Test::More;

my $conf = "wal_level = logical\nqlm.http_workers = 1\nqlm.anonymous_role = 'qlm_writer'\nqlm.callback_allow = '127.0.0.1'\n";
my $node = qlm_node('production', conf => $conf, init => [ allows_streaming => 'logical' ]);
my $copy = qlm_node('reports', conf => $conf);

sub on_node { return $node->safe_psql('postgres', $_[0]); }
sub on_copy { return $copy->safe_psql('postgres', $_[0]); }

# What is done on the node has come to the copy.
sub applied
{
	on_node($_[0]);
	$node->wait_for_catchup('reports');
	return;
}

sub subscribe
{
	my ($name) = @_;

	on_copy("CREATE SUBSCRIPTION $name CONNECTION '" . $node->connstr . " dbname=postgres' PUBLICATION $name");
	wait_for_sql($copy, "SELECT bool_and(srsubstate IN ('r', 's')) FROM pg_subscription_rel", 't', "the tables of $name are copied");
	return;
}

sub body { return get($copy, $_[0])->{body}; }
sub status { return get($copy, $_[0])->{status}; }
sub lost { return on_copy('SELECT count(*) FROM qlm.value WHERE info_item_id NOT IN (SELECT info_item_id FROM qlm.info_item)'); }

on_node(<<'EOQ');
SELECT qlm_write('Before/' || i, '1'), qlm_write('Before' || i || '/x', '1') FROM generate_series(1, 50) AS i;
SELECT qlm_write('F/x', '1'), qlm_write('F/gone', '1'), qlm_write('G/x', '1'), qlm_write('H/x', '1'), qlm_write('K/x', '1');
SELECT qlm_add_peer('first');
INSERT INTO qlm.meta_data (info_item_id, name, value) SELECT info_item_id, 'unit', 'K' FROM qlm.info_item WHERE path = 'F/x';
CREATE PUBLICATION reports FOR TABLE qlm.object, qlm.object_id, qlm.info_item, qlm.meta_data, qlm.value,
	qlm.peer, qlm.subscription, qlm.subscription_target, qlm.retention, qlm.handler, qlm.format, qlm.outbox
	WITH (publish_via_partition_root = true);
EOQ
subscribe('reports');

subtest 'what processes have seen, they remember' => sub {
	for my $path ('F/x', 'F/gone', 'G/x', 'H/x', 'K/x')
	{
		is(post($copy, write_envelope('M1b', $path, 2))->{status}, 200, "a write of $path here");
		is(status("/Objects/$path"), 200, 'it is read');
	}
	is(body('/Objects/F/x/MetaData/unit/value'), 'K', 'MetaData of the first copy');
};

subtest 'deletes' => sub {
	applied("SELECT qlm_delete('F/gone')");
	is(status('/Objects/F/gone'), 404, 'an InfoItem that was deleted there');
	my $answer = post($copy, write_envelope('M1b', 'F/gone', 3));
	is($answer->{status}, 503, 'a write of it, which is not there, and for which there is no number');
	like($answer->{body}, qr/returnCode="503"[^>]*qlm\.info_item_seq/, 'says so');
	is(lost(), 0, 'none of its values is left, not even the one that was written here');
	applied("SELECT qlm_delete('G')");
	is(post($copy, write_envelope('M1b', 'G/x', 3))->{status}, 503, 'an Object that was deleted there');
	is(lost(), 0, 'no value of it is left');
	applied("BEGIN; SAVEPOINT s; DELETE FROM qlm.object WHERE path = 'H'; ROLLBACK TO s; DELETE FROM qlm.object WHERE path = 'K'; COMMIT");
	is(post($copy, write_envelope('M1b', 'H/x', 3))->{status}, 200, 'what was not deleted after all');
	is(post($copy, write_envelope('M1b', 'K/x', 3))->{status}, 503, 'and what was');
	is(lost(), 0, 'no value is lost');
	applied("SELECT qlm_rename('H', 'I')");
	is(status('/Objects/H/x'), 404, 'a name that was changed');
	is(body('/Objects/I/x/value'), '3', 'has the values that were written here');
};

subtest 'what describes them' => sub {
	is(body('/Objects/F/x') =~ s/.*(<MetaData[^>]*>).*/$1/sr, '<MetaData/>', 'it has MetaData');
	is(body('/Objects/I/x') =~ /MetaData/ ? 1 : 0, 0, 'this one has none');
	applied("INSERT INTO qlm.meta_data (info_item_id, name, value) SELECT info_item_id, 'unit', 'V' FROM qlm.info_item WHERE path = 'I/x'");
	like(body('/Objects/I/x'), qr/MetaData/, 'until some comes');
	is(body('/Objects/I/x/MetaData/unit/value'), 'V', 'it is shown');
	my $static = '<Objects xmlns="http://www.opengroup.org/xsd/odf/1.0/"><Object><id>F</id><InfoItem name="x"><MetaData><InfoItem name="unit"><value>K</value></InfoItem></MetaData></InfoItem></Object></Objects>';
	my $describe = envelope('M1b', "<write msgformat=\"odf\"><msg>$static</msg></write>");
	is(post($copy, $describe)->{status}, 200, 'the MetaData are written here as they are');
	applied("UPDATE qlm.meta_data SET value = 'C' WHERE value = 'K'");
	is(body('/Objects/F/x/MetaData/unit/value'), 'C', 'what is changed there');
	is(post($copy, $describe)->{status}, 200, 'they are written here again');
	is(body('/Objects/F/x/MetaData/unit/value'), 'K', 'which is not taken for what was stored before');
	applied("DELETE FROM qlm.meta_data WHERE name = 'unit' AND value = 'V'");
	unlike(body('/Objects/I/x'), qr/MetaData/, 'what is gone');
	applied("INSERT INTO qlm.object_id (object_id, id, position) SELECT object_id, 'urn:i', 1 FROM qlm.object WHERE path = 'I'");
	like(body('/Objects/I'), qr{<id>urn:i</id>}, 'a further id');
	applied("DELETE FROM qlm.object_id WHERE id = 'urn:i'");
	unlike(body('/Objects/I'), qr/urn:i/, 'is gone');
	applied("UPDATE qlm.info_item SET description = '{\"\": \"new\"}' WHERE path = 'I/x'");
	like(body('/Objects/I/x/description'), qr{>new</description>}, 'a description');
};

subtest 'configuration' => sub {
	my $receiver = QlmReceiver->new;
	my %as = (headers => { Authorization => 'Bearer secret' });
	is(post($copy, read_envelope('M1b', 'F/x'), path => '/peer/reader', %as)->{status}, 401, 'nobody knows the peer');
	applied("SELECT qlm_add_peer('reader', credential => 'secret')");
	is(post($copy, read_envelope('M1b', 'F/x'), path => '/peer/reader', %as)->{status}, 200, 'a peer that was added there');
	applied("UPDATE qlm.peer SET credential = qlm.credential_hash('other') WHERE name = 'reader'");
	is(post($copy, read_envelope('M1b', 'F/x'), path => '/peer/reader', %as)->{status}, 401, 'its secret was changed');
	applied("UPDATE qlm.peer SET credential = NULL, by_name = true WHERE name = 'reader'");
	is(post($copy, read_envelope('M1b', 'F/x'), path => '/peer/reader')->{status}, 200, 'it needs none');
	applied("SELECT qlm_drop_peer('reader')");
	is(post($copy, read_envelope('M1b', 'F/x'), path => '/peer/reader')->{status}, 401, 'and it was dropped')
		or diag on_copy('TABLE qlm.peer');

	$copy->safe_psql('postgres', "ALTER SYSTEM SET qlm.retry_delay = '100ms'; SELECT pg_reload_conf()");
	my $id = on_node("SELECT qlm_subscribe('F/x', -1, '" . $receiver->url . "')");
	$node->wait_for_catchup('reports');
	is(post($copy, write_envelope('M1b', 'F/x', 4))->{status}, 200, 'a write here');
	is(on_copy("SELECT state FROM qlm.outbox WHERE envelope LIKE '%>4<%'"), 'queued', 'fires a subscription that was made there, for which the other node may do the same');
	is(on_copy('SELECT qlm_adopt()'), 't', 'so it holds until it is adopted');
	like(($receiver->bodies(1))[0], qr/>4</, 'and then delivers');
	applied("SELECT qlm_cancel($id)");
	is(post($copy, write_envelope('M1b', 'F/x', 5))->{status}, 200, 'a write after it was cancelled');
	is(on_copy("SELECT count(*) FROM qlm.outbox WHERE state IN ('queued', 'sent') OR envelope LIKE '%>5<%'"), 0, 'fires it no more');
};

subtest 'the dispatcher looks by itself every half minute only' => sub {
	my $listener = QlmReceiver->new;
	applied("SELECT qlm_add_peer('called', url => '" . $listener->url . "', heartbeat => '1 hour')");
	is(on_copy('SELECT qlm_adopt()'), 't', 'a peer that was added there is called once that is said');
	ok(wait_until(sub { scalar $listener->bodies }, 'the dispatcher calls a peer that was added there', 20), 'the dispatcher knows the peer');
	applied("SELECT qlm_drop_peer('called')");

	on_copy("CREATE FUNCTION public.twice(value text) RETURNS text LANGUAGE sql AS 'SELECT (value::int * 2)::text'");
	on_node("CREATE FUNCTION public.twice(value text) RETURNS text LANGUAGE sql AS 'SELECT (value::int * 2)::text'");
	my $call = envelope('M2', '<call msgformat="odf"><msg>' . objects('M2', 'F/twice', '<value>21</value>') . '</msg></call>');
	is(return_code(post($copy, $call)), 404, 'nothing answers a call');
	applied("SELECT qlm_set_handler('F/twice', 'public.twice(text)')");
	like(post($copy, $call)->{body}, qr/>42</, 'a handler that was set there');
};

my ($status, $out, $error);
subtest 'numbers that nobody has given here' => sub {
	($status, $out, $error) = $copy->psql('postgres', "SELECT qlm_write('F/new', '1')");
	like($error, qr/qlm\.info_item_seq is behind.*HINT:.*qlm_advance_sequences/s, 'SQL says what to do');
	($status, $out, $error) = $copy->psql('postgres', "SELECT qlm_add_peer('new')");
	like($error, qr/a peer already has number.*qlm\.peer_seq is behind.*HINT:.*qlm_advance_sequences/s, 'also where a peer is added');
};

subtest 'everything' => sub {
	applied('TRUNCATE qlm.object');
	is(status('/Objects/F/x'), 404, 'what was truncated');
	is(return_code(post($copy, read_envelope('M1b', 'F/x'))), 404, 'is not read');
	is(lost(), 0, 'and no value is left');
};

subtest 'when nothing is replicated any more' => sub {
	on_node("SELECT qlm_write('F/' || i, '1') FROM generate_series(1, 5) AS i; SELECT qlm_add_peer('second')");
	$node->wait_for_catchup('reports');
	on_copy('DROP SUBSCRIPTION reports');
	my $largest = on_copy('SELECT max(info_item_id) FROM qlm.info_item');
	like(on_copy('SELECT sequence, after FROM qlm_advance_sequences() ORDER BY 1'), qr/^qlm\.info_item_seq\|$largest\nqlm\.object_seq\|\d+\n(qlm\.outbox_seq\|\d+\n)?qlm\.peer_seq\|\d+$/,
		'all that are behind are set');
	is(on_copy('SELECT count(*) FROM qlm_advance_sequences()'), 0, 'once');
	is(post($copy, write_envelope('M1b', 'F/new', 3))->{status}, 200, 'then the node makes InfoItems');
	is(on_copy("SELECT info_item_id - $largest FROM qlm.info_item WHERE path = 'F/new'"), 1, 'with the next number');
	on_copy("SELECT qlm_add_peer('new')");
	($status, $out, $error) = $copy->psql('postgres', 'SET ROLE qlm_writer; SELECT qlm_advance_sequences()');
	like($error, qr/permission denied/, 'it is for administrators');
	is(on_copy('SET ROLE qlm_admin; SELECT count(*) FROM qlm_advance_sequences()'), 0, 'who need no other rights');
};

subtest 'a restore of rows alone by --disable-triggers leaves all triggers as ordinary ones' => sub {
	on_copy("ALTER TABLE qlm.$_ DISABLE TRIGGER ALL; ALTER TABLE qlm.$_ ENABLE TRIGGER ALL") for qw(info_item meta_data peer);
	isnt(on_copy('SELECT count(*) FROM qlm.customizations()'), 0, 'triggers that are not as they should be');
	my ($recipe) = grep { /gexec/ } map { $_->{text} } blocks('docs/replicas.md');
	on_copy($recipe);
	is(on_copy('SELECT count(*) FROM qlm.customizations()'), 0, 'are, after what the page says');
};

$copy->stop;
$node->stop;
done_testing();
