# A node beside tools and extensions of others: the real ones, where they are installed.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use QlmTest;
use QlmTool;
use Test::More;

# A node with libraries of others before and after qlm
sub node_with
{
	my ($name, $libraries, $conf) = @_;
	my $node = qlm_node($name, start => 0,
		conf => "shared_preload_libraries = '$libraries'\nqlm.http_workers = 2\nqlm.anonymous_role = 'qlm_writer'\n$conf");

	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION qlm');
	wait_for_http($node);
	return $node;
}

sub stored
{
	my ($answer, $what) = @_;

	is($answer->{status} . ' ' . return_code($answer), '200 200', $what) or diag $answer->{body};
}

# What pgaudit says from now on: "INSERT qlm.value <rest> [role]", one a line
sub entries
{
	my ($node, $from) = @_;
	my $log = slurp_file($node->logfile, $from);
	my @entries;

	while ($log =~ /^.*AUDIT: (.*)\n(?:.*DETAIL:  For a message, with the rights of role "(.*)"\.\n)?/mg)
	{
		push @entries, $1 . (defined $2 ? " [$2]" : '');
	}
	return join "\n", @entries;
}

subtest 'pgaudit' => sub {
	plan skip_all => 'pgaudit is not installed' unless has_extension('pgaudit');
	my $node = node_with('audited', 'pgaudit, qlm',
		"pgaudit.log = 'read, write'\npgaudit.log_parameter = on\npgaudit.log_relation = on\n");

	$node->safe_psql('postgres', "SELECT qlm_add_peer('fridge', role => 'qlm_writer', paths => '{Fridge}')");
	my $from = -s $node->logfile;
	stored(post($node, write_envelope('M1b', 'Fridge/x', 'warm', at => '2025-06-01T00:00:00Z')), 'a value by message');
	my $entries = entries($node, $from);
	like($entries, qr/^SESSION,.*WRITE,INSERT,TABLE,qlm.object,.*\{Fridge\},\{Fridge\},.*\[qlm_writer\]$/m, 'the Object is an entry, with the role');
	like($entries, qr/^SESSION,.*WRITE,INSERT,TABLE,qlm.info_item,.*\{Fridge\/x\}.*\[qlm_writer\]$/m, 'so is the InfoItem');
	like($entries, qr/^SESSION,.*WRITE,INSERT,TABLE,qlm.value,.*2025-06-01 00:00:00\+00.*warm.*\[qlm_writer\]$/m, 'so is the value');
	unlike($entries, qr/qlm\.(outbox|message|peer)\b/, 'what the node does for itself is none');

	$from = -s $node->logfile;
	stored(post($node, write_envelope('M1b', 'Fridge/x', 'warmer', at => '2025-06-01T00:00:00Z')), 'a correction');
	like(entries($node, $from), qr/WRITE,UPDATE,TABLE,qlm.value,.*warmer.*\[qlm_writer\]$/m, 'is an UPDATE');

	$from = -s $node->logfile;
	stored(post($node, write_envelope('M1b', 'Fridge/x', $_, at => "2025-06-02T00:00:0${_}Z")), "value $_") for 1 .. 3;
	is(() = entries($node, $from) =~ /WRITE,INSERT,TABLE,qlm.value,.*\[qlm_writer\]$/mg, 3, 'each message is an entry');

	$from = -s $node->logfile;
	is(get($node, '/Objects/Fridge/x/value')->{body}, 3, 'a look');
	stored(post($node, read_envelope('M1b', 'Fridge/x')), 'a read');
	like(entries($node, $from), qr/READ,SELECT,TABLE,qlm.value,.*\[qlm_writer\]$/m, 'are entries, too');

	# A large message runs in a process of its own.
	$from = -s $node->logfile;
	stored(post($node, write_envelope('M1b', 'Fridge/x', 'long' x 300_000, at => '2025-06-03T00:00:00Z')), 'a large message');
	like(entries($node, $from), qr/WRITE,INSERT,TABLE,qlm.value,.*\{(longlong)+\}.*\[qlm_writer\]$/m, 'is an entry');

	$from = -s $node->logfile;
	stored(post($node, envelope('M2', '<delete msgformat="odf"><msg>' . objects('M2', 'Fridge/x') . '</msg></delete>')), 'a delete');
	$entries = entries($node, $from);
	like($entries, qr/WRITE,DELETE,TABLE,qlm.value,.*\[qlm_writer\]$/m, 'is an entry, for values');
	like($entries, qr/WRITE,DELETE,TABLE,qlm.info_item,.*\[qlm_writer\]$/m, 'and the InfoItem');

	# By SQL the role is that of the connection, which log_line_prefix can name.
	$from = -s $node->logfile;
	$node->safe_psql('postgres', "SELECT qlm_write('Fridge/y', 5, '2025-06-01Z')");
	like(entries($node, $from), qr/WRITE,INSERT,TABLE,qlm.value,.*\{5\}[^\[\]]*$/m, 'qlm_write');
	$from = -s $node->logfile;
	$node->safe_psql('postgres', "SELECT qlm_handle(\$\$" . write_envelope('M1b', 'Fridge/y', 6, at => '2025-06-02T00:00:00Z') . "\$\$, 'fridge')");
	like(entries($node, $from), qr/WRITE,INSERT,TABLE,qlm.value,.*\{6\}[^\[\]]*$/m, 'qlm_handle for a peer');

	# Object auditing: what a role has been granted, and no more
	$node->safe_psql('postgres', <<'EOQ');
CREATE ROLE auditor;
GRANT INSERT, DELETE ON qlm.value TO auditor;
ALTER SYSTEM SET pgaudit.log = 'none';
ALTER SYSTEM SET pgaudit.role = 'auditor';
ALTER SYSTEM SET pgaudit.log_rows = on;
EOQ
	$node->reload;
	stored(post($node, write_envelope('M1b', 'Fridge/z', 0)), 'as long as the workers may not have heard of it')
	  while slurp_file($node->logfile, $from) !~ /OBJECT,.*qlm.value/;
	$from = -s $node->logfile;
	my $two = objects('M1b', 'Fridge/z', '<value dateTime="2025-06-01T00:00:00Z">1</value><value dateTime="2025-06-02T00:00:00Z">2</value>');
	stored(post($node, envelope('M1b', "<write msgformat=\"odf\"><msg>$two</msg></write>")), 'two values');
	stored(post($node, read_envelope('M1b', 'Fridge/z')), 'a read');
	stored(post($node, envelope('M2', '<delete msgformat="odf"><msg>' . objects('M2', 'Fridge/z') . '</msg></delete>')), 'a delete');
	$entries = entries($node, $from);
	like($entries, qr/^OBJECT,.*WRITE,INSERT,TABLE,qlm.value,.*,2 \[qlm_writer\]$/m, 'an entry says how many values');
	like($entries, qr/^OBJECT,.*WRITE,DELETE,TABLE,qlm.value,.* \[qlm_writer\]$/m, 'there is one for the delete');
	unlike($entries, qr/READ|qlm.info_item/, 'and none for what was not granted');
	$node->stop;
};

subtest 'pg_stat_statements, auto_explain' => sub {
	plan skip_all => 'pg_stat_statements is not installed' unless has_extension('pg_stat_statements');
	my $node = node_with('counted', 'qlm, pg_stat_statements, auto_explain',
		"auto_explain.log_min_duration = 0\nauto_explain.log_analyze = on\nauto_explain.log_nested_statements = on\n");

	$node->safe_psql('postgres', 'CREATE EXTENSION pg_stat_statements');
	stored(post($node, write_envelope('M1b', 'Fridge/x', $_)), "value $_") for 0 .. 20;
	is($node->safe_psql('postgres', "SELECT sum(rows) FROM pg_stat_statements WHERE query LIKE 'INSERT INTO qlm.value %'"), 21,
		'pg_stat_statements counts all values');
	is($node->safe_psql('postgres', 'SELECT count(*) FROM qlm.value'), 21, 'that are there');
	like(slurp_file($node->logfile), qr/Query Text: INSERT INTO qlm.value .*\n.*Custom Scan \(qlm\)/, 'auto_explain says what was done for them');
	$node->stop;
};

# All that was acknowledged is there, once, and indexes are as they should be.
sub whole
{
	my ($node, $object, $acknowledged, $what) = @_;

	cmp_ok($acknowledged, '>', 0, "$what: values were acknowledged meanwhile");
	is($node->safe_psql('postgres', "SELECT count(*), count(DISTINCT num) FROM qlm.history WHERE path = '$object/x' AND num <= $acknowledged"),
		"$acknowledged|$acknowledged", "$what: all are there");
	is($node->safe_psql('postgres', <<'EOQ'), '', "$what: the indexes are whole");
SELECT string_agg(bt_index_check(c.oid, true)::text, '') FROM pg_class AS c JOIN pg_am AS a ON a.oid = c.relam AND a.amname = 'btree'
WHERE c.relkind = 'i' AND c.relnamespace = 'qlm'::regnamespace
EOQ
	return;
}

# Half a month that is mostly empty
sub make_holes
{
	my ($node) = @_;

	$node->safe_psql('postgres', <<'EOQ');
CREATE EXTENSION IF NOT EXISTS amcheck;
SELECT qlm_write('Much/x', 0, '2025-06-01Z'), qlm_write('Load/x', 0, '2025-05-01Z');
INSERT INTO qlm.value (info_item_id, ts, num) SELECT info_item_id, '2025-06-01Z'::timestamptz + n * interval '10 seconds', n
	FROM qlm.info_item, generate_series(1, 60000) AS n WHERE path = 'Much/x';
DELETE FROM qlm.value WHERE ts < '2025-06-10Z' AND num::int % 10 <> 0;
DELETE FROM qlm.value WHERE ts = '2025-05-01Z';
EOQ
	return;
}

sub size
{
	return $_[0]->safe_psql('postgres', "SELECT pg_total_relation_size('qlm.value_2025_06')");
}

my $index_only = "EXPLAIN (COSTS OFF) SELECT num FROM qlm.value_2025_06 WHERE info_item_id = 1 ORDER BY ts";

subtest 'pg_repack' => sub {
	my $repack = tool('pg_repack');
	plan skip_all => 'pg_repack is not installed' unless $repack && has_extension('pg_repack');
	my $node = node_with('repacked', 'qlm', '');
	my @repack = ($repack, '-d', 'postgres', '-t', 'qlm.value_2025_06', '--no-kill-backend', '--wait-timeout=600');

	make_holes($node);
	$node->safe_psql('postgres', 'CREATE EXTENSION pg_repack');
	$node->command_checks_all(\@repack, 0, [], [ qr/WARNING: relation "qlm.value_2025_06" must have a primary key or not-null unique keys/ ], 'a value partition has no key that it takes');
	my $before = size($node);
	my $writer = writer($node, 'Load');
	$node->safe_psql('postgres', 'CREATE UNIQUE INDEX CONCURRENTLY repack_key ON qlm.value_2025_06 (info_item_id, ts)');
	$node->command_checks_all([ @repack, '-o', 'info_item_id, ts' ], 0, [], [ qr/repacking table "qlm.value_2025_06"/ ], 'with one for the time of it, it is repacked');
	$node->safe_psql('postgres', 'DROP INDEX CONCURRENTLY qlm.repack_key');
	whole($node, 'Load', $writer->finish, 'pg_repack');
	cmp_ok(size($node), '<', $before / 1.5, 'the space is free');
	$node->safe_psql('postgres', 'VACUUM ANALYZE qlm.value_2025_06');
	like($node->safe_psql('postgres', $index_only), qr/Index Only Scan using value_2025_06_info_item_id_ts_idx/, 'numbers are read from the index alone, as before');
	is($node->safe_psql('postgres', "SELECT relreplident FROM pg_class WHERE relname = 'value_2025_06'"), 'i', 'it has its replica identity');
	stored(post($node, write_envelope('M1b', 'Much/x', 'after', at => '2025-06-20T00:00:00Z')), 'and is written to');

	# It locks a table in one session, and goes on in others.
	my $tables = $node->safe_psql('postgres', "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = 'qlm'::regnamespace AND relkind IN ('r', 'p')");
	my $tool = $node->background_psql('postgres');
	my @waits;
	for my $table (split / /, $tables)
	{
		in_session($tool, "BEGIN; LOCK TABLE ONLY qlm.$table");
		my ($status) = $node->psql('postgres', "SET lock_timeout = '1 s'; SELECT count(*) FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace");
		push @waits, $table if $status != 0;
		in_session($tool, 'ROLLBACK');
	}
	is("@waits", '', 'a table that is locked keeps no session waiting that does not use it');
	$tool->quit;
	$writer = writer($node, 'All');
	$node->safe_psql('postgres', 'CREATE UNIQUE INDEX CONCURRENTLY repack_key ON qlm.value_2025_06 (info_item_id, ts)');
	$node->command_ok([ $repack, '-d', 'postgres', '--no-kill-backend', '--wait-timeout=600' ], 'the whole database is repacked, while it is in use');
	$node->safe_psql('postgres', 'DROP INDEX CONCURRENTLY qlm.repack_key');
	whole($node, 'All', $writer->finish, 'pg_repack of all');

	# A partition that the workers are filling is not touched before its time.
	$node->safe_psql('postgres', "INSERT INTO qlm.value (info_item_id, ts, num) SELECT info_item_id, '2025-08-01Z'::timestamptz + n * interval '1 second', n"
		  . " FROM qlm.info_item, generate_series(1, 5000) AS n WHERE path = 'Much/x'");
	$node->safe_psql('postgres', 'CREATE UNIQUE INDEX CONCURRENTLY repack_key ON qlm.value_default (info_item_id, ts)');
	$node->command_ok([ $repack, '-d', 'postgres', '-t', 'qlm.value_default', '--no-kill-backend', '--wait-timeout=600' ], 'the default partition, while values leave it');
	ok(wait_for_sql($node, 'SELECT count(*) FROM ONLY qlm.value_default', 0), 'all leave it');
	is($node->safe_psql('postgres', "SELECT count(*) FROM qlm.value WHERE ts BETWEEN '2025-08-01Z' AND '2025-08-31Z'"), 5000, 'and none is lost');
	$node->stop;
};

subtest 'VACUUM FULL, CLUSTER, REINDEX CONCURRENTLY, amcheck, pg_checksums' => sub {
	plan skip_all => 'amcheck is not installed' unless has_extension('amcheck');
	my $node = node_with('maintained', 'qlm', '');

	make_holes($node);
	my $before = size($node);
	for my $command ('VACUUM FULL qlm.value_2025_06', 'CLUSTER qlm.value_2025_06 USING value_2025_06_info_item_id_ts_idx', 'VACUUM (FULL, ANALYZE)',
		'REINDEX TABLE CONCURRENTLY qlm.value', 'REINDEX SCHEMA CONCURRENTLY qlm', 'ALTER TABLE qlm.value ADD COLUMN note text', 'ALTER TABLE qlm.value DROP COLUMN note')
	{
		my $object = $command =~ s/\W+/_/gr;
		my $writer = writer($node, $object);

		ok(wait_for_sql($node, "SELECT count(*) > 5 FROM qlm.history WHERE path = '$object/x'", 't'), "values come for $command");
		$node->safe_psql('postgres', $command);
		whole($node, $object, $writer->finish, $command);
	}
	cmp_ok(size($node), '<', $before, 'the space is free');
	my $amcheck = tool('pg_amcheck');
	$node->command_ok([ $amcheck, '--install-missing', '--heapallindexed', '-s', 'qlm', 'postgres' ], 'pg_amcheck finds nothing') if $amcheck;

	my $checksums = tool('pg_checksums');
	my $enabled = $node->safe_psql('postgres', 'SHOW data_checksums');
	$node->stop;
	command_ok([ $checksums, '--enable', '-D', $node->data_dir ], 'checksums are added') if $enabled eq 'off';
	$node->start;
	wait_for_http($node);
	stored(post($node, write_envelope('M1b', 'Much/x', 'with checksums')), 'a value');
	$node->stop;
	command_ok([ $checksums, '--check', '-D', $node->data_dir ], 'pg_checksums finds nothing');
};

subtest 'wal2json' => sub {
	plan skip_all => 'wal2json is not installed' unless has_library('wal2json');
	my $node = node_with('decoded', 'qlm', "wal_level = logical\nmax_wal_senders = 4\n");
	my $many = join '', map { "<InfoItem name=\"x$_\"><value dateTime=\"2025-06-01T00:00:00Z\">$_</value></InfoItem>" } 1 .. 2000;
	my $changes = sub {
		my ($action) = @_;

		return $node->safe_psql('postgres', "SELECT count(*), count(*) FILTER (WHERE data::jsonb->'columns' \@> '[{\"name\": \"ts\", \"value\": \"2025-06-01 00:00:00+00\"}]'),"
			  . " count(*) FILTER (WHERE jsonb_path_query_array(data::jsonb, '\$.identity[*].name') = '[\"info_item_id\", \"ts\"]')"
			  . " FROM pg_logical_slot_peek_changes('json', NULL, NULL, 'format-version', '2') WHERE data::jsonb->>'action' = '$action' AND data::jsonb->>'table' LIKE 'value%'");
	};

	# Minor versions of 2026 ask for it.
	if ($node->safe_psql('postgres', "SELECT count(*) FROM pg_settings WHERE name = 'output_plugin_libraries'"))
	{
		$node->safe_psql('postgres', "ALTER SYSTEM SET output_plugin_libraries = 'wal2json'");
		$node->restart;
		wait_for_http($node);
	}
	$node->safe_psql('postgres', "SELECT pg_create_logical_replication_slot('json', 'wal2json')");
	stored(post($node, envelope('M1b', '<write msgformat="odf"><msg><Objects xmlns="http://www.opengroup.org/xsd/odf/1.0/"><Object><id>Many</id>' . $many . '</Object></Objects></msg></write>')),
		'2000 values in one message');
	is($changes->('I'), '2000|2000|0', 'each is a change');
	stored(post($node, write_envelope('M1b', 'Many/x1', 'other', at => '2025-06-01T00:00:00Z')), 'a correction');
	is($changes->('U'), '1|1|1', 'is one, with what identifies it');
	$node->safe_psql('postgres', "SELECT qlm_delete('Many')");
	is($changes->('D'), '2000|0|2000', 'what is deleted is known by InfoItem and time');
	$node->stop;
};

# A backup with the WAL, and back to the moment before a mistake
subtest 'pgbackrest' => sub {
	my $pgbackrest = tool('pgbackrest');
	plan skip_all => 'pgbackrest is not installed' unless $pgbackrest;
	my $dir = PostgreSQL::Test::Utils::tempdir();
	my @command = ($pgbackrest, "--config=$dir/pgbackrest.conf", '--stanza=plant');
	my $node = node_with('original', 'qlm', "wal_level = replica\nmax_wal_senders = 4\narchive_mode = on\narchive_command = '@command archive-push %p'\n");

	PostgreSQL::Test::Utils::append_to_file("$dir/pgbackrest.conf", <<EOC);
[global]
repo1-path=$dir/repository
log-path=$dir
lock-path=$dir
spool-path=$dir
start-fast=y
log-level-console=warn
[plant]
pg1-path=${\$node->data_dir}
pg1-port=${\$node->port}
pg1-socket-path=${\$node->host}
EOC
	stored(post($node, write_envelope('M1b', 'Fridge/x', $_)), "value $_") for 1 .. 3;
	command_ok([ @command, 'stanza-create' ], 'a stanza');
	my $writer = writer($node, 'Load');
	command_ok([ @command, '--type=full', 'backup' ], 'a backup while values come');
	my $acknowledged = $writer->finish;
	stored(post($node, write_envelope('M1b', 'Fridge/x', 4)), 'value 4');
	$node->safe_psql('postgres', "SELECT pg_create_restore_point('before')");
	$node->safe_psql('postgres', "SELECT qlm_delete('Fridge'), qlm_delete('Load')");
	my $wal = $node->safe_psql('postgres', 'SELECT pg_walfile_name(pg_switch_wal())');
	ok(wait_for_sql($node, "SELECT last_archived_wal >= '$wal' FROM pg_stat_archiver", 't'), 'the WAL is in the repository');
	$node->stop;

	my $restored = PostgreSQL::Test::Cluster->new('restored');
	mkdir $restored->data_dir, 0700 or die $!;
	command_ok([ @command, '--pg1-path=' . $restored->data_dir, '--type=name', '--target=before', '--target-action=promote', 'restore' ], 'it is restored elsewhere');
	$restored->{qlm_port} = free_port();
	$restored->append_conf('postgresql.conf', 'port = ' . $restored->port . "\narchive_mode = off\nqlm.port = $restored->{qlm_port}\n");
	$restored->start;
	ok(wait_for_sql($restored, 'SELECT pg_is_in_recovery()', 'f'), 'up to the moment before the mistake');
	wait_for_http($restored);
	is(get($restored, '/Objects/Fridge/x/value')->{body}, 4, 'what was deleted by mistake is there');
	$restored->safe_psql('postgres', 'CREATE EXTENSION amcheck');
	whole($restored, 'Load', $acknowledged, 'pgbackrest');
	stored(post($restored, write_envelope('M1b', 'Fridge/x', 5)), 'and it goes on');
	$restored->stop;
};

done_testing();
