# ALTER EXTENSION qlm UPDATE on a node with data: it has what a new node has, and
# loses nothing.

use strict;
use warnings FATAL => 'all';

use QlmCatalog;
use QlmTest;
use Test::More;

my $node = qlm_node('upgrade', http => 0, extension => 0);

if ($node->safe_psql('postgres', "SELECT count(*) FROM pg_available_extension_versions WHERE name = 'qlm' AND version = '0.1.0'") == 0)
{
	plan skip_all => 'an old version is installed by test/run.sh only';
}

$node->safe_psql('postgres', $_) for 'CREATE DATABASE fresh', 'CREATE DATABASE empty', 'CREATE DATABASE used';
$node->safe_psql('fresh', 'CREATE EXTENSION qlm');
$node->safe_psql($_, "CREATE EXTENSION qlm VERSION '0.1.0'") for 'empty', 'used';

# What a node of 0.1.0 holds, written as rows: its own functions are those of
# the library that is there now.
$node->safe_psql('used', <<'EOQ');
INSERT INTO qlm.object (object_id, id, path) VALUES (1, 'D', 'D');
INSERT INTO qlm.info_item (info_item_id, object_id, name, path) VALUES (1, 1, 'x', 'D/x');
INSERT INTO qlm.meta_data (info_item_id, name, value) VALUES (1, 'unit', 'K');
CREATE TABLE qlm.value_2024_01 (LIKE qlm.value INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
ALTER TABLE qlm.value ATTACH PARTITION qlm.value_2024_01 FOR VALUES FROM ('2024-01-01Z') TO ('2024-02-01Z');
CREATE UNIQUE INDEX value_2024_01_info_item_id_ts_idx ON qlm.value_2024_01 (info_item_id, ts) INCLUDE (num);
ALTER TABLE qlm.value DISABLE TRIGGER value_changed;
INSERT INTO qlm.value (info_item_id, ts, num) VALUES (1, '2024-01-15Z', 1), (1, '1500-01-01Z', 2);
ALTER TABLE qlm.value ENABLE TRIGGER value_changed;
INSERT INTO qlm.peer (name, role, paths) VALUES ('p', 'qlm_writer', '{D}');
INSERT INTO qlm.outbox (message_id, peer, envelope) VALUES (7, 'p', '<omiEnvelope/>');
INSERT INTO qlm.subscription (request_id, role, interval, dialect) VALUES (8, 'qlm_reader', -1, 'M2');
INSERT INTO qlm.subscription_target VALUES (8, 'D');
INSERT INTO qlm.executed VALUES ('p', '1', '<omiEnvelope/>', '2024-01-15Z');
INSERT INTO qlm.message (direction, envelope) VALUES ('in', '<omiEnvelope/>');
EOQ

subtest 'a dump of a node of 0.1.0 knows peers by name alone, and has them after what is theirs' => sub {
	# It has the journal under the name that this had.
	$node->safe_psql('used', <<'EOQ');
INSERT INTO qlm.outbox (message_id, peer, envelope, asker_role, asker_peer) VALUES (9, 'gone', '<omiEnvelope/>', 'qlm_writer', 'p');
INSERT INTO qlm.subscription (request_id, role, peer, interval, dialect) VALUES (10, 'qlm_writer', 'p', -1, 'M2');
SELECT nextval('qlm.peer_seq');
EOQ
	my $dump = "$PostgreSQL::Test::Utils::tmp_check/old.dump";
	$node->safe_psql('postgres', 'CREATE DATABASE restored TEMPLATE template0');
	$node->command_ok([ 'pg_dump', '--exclude-table-data=qlm.message*', '-f', $dump, '-d', $node->connstr('used') ], 'a dump of an earlier release');
	$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('restored'), '-f', $dump ], 'is restored');
};

# It knows roles by name alone: of one that was dropped there may be a peer and more.
$node->safe_psql('postgres', 'CREATE ROLE kept IN ROLE qlm_writer');
$node->safe_psql('used', <<'EOQ');
INSERT INTO qlm.peer (name, role) VALUES ('kept', 'kept'), ('orphan', 'dropped');
INSERT INTO qlm.subscription (request_id, role, interval, dialect) VALUES (11, 'dropped', -1, 'M2'), (12, 'kept', -1, 'M2');
INSERT INTO qlm.outbox (message_id, url, envelope, asker_role) VALUES (13, 'http://192.0.2.1/', '<omiEnvelope/>', 'dropped'), (14, 'http://192.0.2.1/', '<omiEnvelope/>', 'kept');
EOQ

# What 0.1.0 took and is wrong
$node->safe_psql('used', q{INSERT INTO qlm.peer (name, url, dialect, paths, heartbeat, credential) VALUES ('wrong', 'ftp://x', 'klingon', '{/Objects/Dev/x/,a//b}', '0', 'plain')});

# What each peer has, by its number
sub belongings
{
	return $node->safe_psql($_[0], <<'EOQ');
SELECT 'message', message_id::text, p.name, a.name FROM qlm.outbox o
	LEFT JOIN qlm.peer p USING (peer_id) LEFT JOIN qlm.peer a ON a.peer_id = o.asker_peer_id
UNION ALL SELECT 'subscription', request_id::text, p.name, NULL FROM qlm.subscription s LEFT JOIN qlm.peer p USING (peer_id)
UNION ALL SELECT 'executed', request_id, p.name, NULL FROM qlm.executed LEFT JOIN qlm.peer p USING (peer_id)
ORDER BY 1, 2
EOQ
}

subtest 'until it is upgraded, functions of before find the library' => sub {
	is($node->safe_psql('used', "SELECT value FROM qlm_read('D/x', '1400-01-01Z')"), "2\n1", 'a node that is still to be upgraded is read');
	like($node->safe_psql('used', 'SELECT qlm_version()'), qr/^0\.2/, 'by the library of now');

	for my $database ('empty', 'used')
	{
		my ($status, $out, $err) = $node->psql($database, 'ALTER EXTENSION qlm UPDATE');

		is($status, 0, "$database: is upgraded") or diag $err;
		like($err, qr/WARNING:  peer "wrong": "ftp:\/\/x" was no URL/, 'what was wrong is said') if $database eq 'used';
		like($err, qr/WARNING:  dropped roles were in use by qlm in this database: "dropped"\nDETAIL:  Peers that are refused until they have another role: "orphan"\. Subscriptions that have ended: 1; values and messages that waited for them, or were asked for: 1\./,
			'what belonged to roles that are gone, too') if $database eq 'used';
		my %fresh = map { $_ => 1 } split /\n(?=[a-z]+: )/, catalog_of($node, 'fresh');
		my %upgraded = map { $_ => 1 } split /\n(?=[a-z]+: )/, catalog_of($node, $database);
		is(join("\n", grep { !$upgraded{$_} } sort keys %fresh), '', 'it lacks nothing that a new node has');
		is(join("\n", grep { !$fresh{$_} } sort keys %upgraded), '', 'and has nothing else');
	}

	$node->safe_psql('postgres', 'CREATE ROLE dropped; ALTER ROLE kept RENAME TO still_kept; CREATE ROLE kept');
	$node->safe_psql('used', 'SELECT qlm.follow_roles()');
	is($node->safe_psql('used', "SELECT name, role FROM qlm.peer WHERE name IN ('kept', 'orphan') ORDER BY name"), "kept|still_kept\norphan|", 'peers have the roles that they had');
	is($node->safe_psql('used', "SELECT request_id, role FROM qlm.subscription WHERE request_id IN (11, 12)"), '12|still_kept', 'so have subscriptions');
	is($node->safe_psql('used', "SELECT message_id, state, asker_role FROM qlm.outbox WHERE message_id IN (13, 14) ORDER BY 1"), "13|cancelled|dropped\n14|queued|still_kept", 'and messages');
	$node->safe_psql('used', "DELETE FROM qlm.subscription WHERE request_id = 12; DELETE FROM qlm.outbox WHERE message_id IN (13, 14); SELECT qlm_drop_peer('kept'), qlm_drop_peer('orphan')");
	# What it notes of itself is what a new node notes, and what an administrator had set up is not of it.
	my $standard = q{SELECT kind, object, statement, removal FROM qlm.standard ORDER BY kind COLLATE "C", object COLLATE "C"};
	is($node->safe_psql($_, $standard), $node->safe_psql('fresh', $standard), "$_: it knows what is its own") for 'empty', 'used';
	$node->safe_psql('postgres', 'CREATE DATABASE customized');
	$node->safe_psql('customized', <<'EOQ');
CREATE EXTENSION qlm VERSION '0.1.0';
ALTER TABLE qlm.info_item ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON qlm.info_item USING (path ^@ 'a/');
ALTER TABLE qlm.object ADD COLUMN place text NOT NULL DEFAULT 'hall';
CREATE INDEX my_ix ON qlm.value (num);
CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER note AFTER INSERT ON qlm.info_item FOR EACH ROW EXECUTE FUNCTION public.note();
COMMENT ON TRIGGER note ON qlm.info_item IS 'mine';
ALTER TABLE qlm.value DISABLE TRIGGER value_changed;
ALTER TABLE qlm.message ADD COLUMN note text;
CREATE INDEX my_journal ON qlm.message (at);
GRANT SELECT ON qlm.message TO pg_monitor;
REVOKE SELECT ON qlm.value FROM qlm_reader;
REVOKE EXECUTE ON FUNCTION qlm_cancel(bigint) FROM qlm_reader;
ALTER EXTENSION qlm UPDATE;
EOQ
	is($node->safe_psql('customized', q{SELECT string_agg(format('%s %s', kind, object), ', ' ORDER BY kind COLLATE "C", object COLLATE "C") FROM qlm.customizations()}),
		'column qlm.journal.note, column qlm.object.place, comment TRIGGER note on qlm.info_item, default qlm.object.place, index qlm.my_ix, index qlm.my_journal, not null qlm.object.place, policy few on qlm.info_item, '
		. 'row security qlm.info_item, trigger note on qlm.info_item, trigger state value_changed on qlm.value', 'which dumps bring along from now on');
	is($node->safe_psql('customized', q{SELECT string_agg(format('%s %s', typname, deptype), ', ' ORDER BY typname) FROM pg_type t LEFT JOIN pg_depend d ON d.objid = t.oid AND d.refclassid = 'pg_extension'::regclass WHERE typname ~ '^(columns_of|secured)_'}),
		'columns_of_journal x, columns_of_object x, secured_info_item x', 'with what carries it, which goes with the extension');
	is($node->safe_psql('customized', $standard), $node->safe_psql('fresh', $standard), 'it knows what is its own');
	is($node->safe_psql('customized', "SELECT has_table_privilege('pg_monitor', 'qlm.journal', 'SELECT')"), 't', 'rights stay, too');
	is($node->safe_psql('customized', "SELECT has_table_privilege('qlm_reader', 'qlm.value', 'SELECT'), has_table_privilege('qlm_reader', 'qlm.object', 'SELECT'), has_function_privilege('qlm_reader', 'qlm_cancel(bigint)', 'EXECUTE')"),
		'f|t|f', 'and what was taken is not given again');
	is($node->safe_psql('customized', "SELECT tgenabled FROM pg_trigger WHERE tgname = 'value_changed' AND tgrelid = 'qlm.value'::regclass"), 'D', 'what was turned off stays off');

	for my $database ('used', 'restored')
	{
		is(belongings($database), "executed|1|p|\nmessage|7|p|\nmessage|9||p\nsubscription|10|p|\nsubscription|8||", "$database: each has what it had");
		$node->safe_psql($database, "SELECT qlm_add_peer('gone')");
		is(belongings($database), "executed|1|p|\nmessage|7|p|\nmessage|9||p\nsubscription|10|p|\nsubscription|8||", 'and who is added later, nothing of it');
		$node->safe_psql($database, "SELECT qlm_drop_peer('gone'); DELETE FROM qlm.outbox WHERE message_id = 9; DELETE FROM qlm.subscription WHERE request_id = 10");
	}
	is($node->safe_psql('used', 'SELECT path, ts, value, unit FROM qlm.history ORDER BY ts'),
		"D/x|1500-01-01 00:00:00+00|2|K\nD/x|2024-01-15 00:00:00+00|1|K", 'values are there');
	is($node->safe_psql('used', "SELECT journal_no, direction, envelope FROM qlm.journal"), '1|in|<omiEnvelope/>', 'so is the journal');
	is($node->safe_psql('used', "SELECT name, role, paths FROM qlm.peer WHERE name = 'p'"), 'p|qlm_writer|{D}', 'so is the peer');
	is($node->safe_psql('used', "SELECT url, dialect, paths, heartbeat, qlm.credential_is_hash(credential) FROM qlm.peer WHERE name = 'wrong'"), '||{Dev/x}||t',
		'what was wrong in one is right, and nobody is let in for that');
	is($node->safe_psql('used', "SELECT peer, state FROM qlm.outbox WHERE message_id = 7"), 'p|queued', 'and what waits for it');
	is($node->safe_psql('used', "SELECT qlm_write('D/x', '3', '2024-01-16Z'); SELECT path, value FROM qlm_poll(8)"), "\nD/x|3",
		'subscriptions go on');
	is($node->safe_psql('used', "SELECT value FROM qlm_read('D/x', '1400-01-01Z')"), "2\n1\n3", 'and so does history');
};

$node->stop;
done_testing();
