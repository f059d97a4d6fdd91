# Every way of dump and restore brings back every row, and fires nothing.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use QlmTest;
use Test::More;

my $node = qlm_node('restore', preload => 0, conf => "qlm.callback_allow = '192.0.2.1'\n");
my $folder = PostgreSQL::Test::Utils::tempdir;
my $source = $node->connstr('postgres');

my ($everything, $before, $n, $custom, $by_parent, $clean);

sub is_whole
{
	my ($database, $way) = @_;

	is($node->safe_psql($database, "$everything ORDER BY 1"), $before, "$way: all rows are there, and no more");
	is($node->safe_psql($database, "SELECT count(*) FROM pg_inherits WHERE inhparent = 'qlm.value'::regclass"),
		$node->safe_psql('postgres', "SELECT count(*) FROM pg_inherits WHERE inhparent = 'qlm.value'::regclass"), "$way: so are the partitions")
	  unless $way =~ /data only/;
	$node->safe_psql($database, "SELECT qlm_write('House/Room1/new', 1, '2024-06-02Z')");
	is($node->safe_psql($database, "SELECT string_agg(path, ' ') FROM qlm_poll((SELECT request_id FROM qlm.subscription WHERE node IS NULL AND callback IS NULL))"),
		'House/Room1/item21 House/Room1/new', "$way: and life goes on");
	my ($status, $out, $err) = $node->psql($database, "INSERT INTO qlm.info_item (object_id, name, path) VALUES (999999, 'x', 'x/x')");
	like($err, qr/is not present in table "object"/, "$way: children without a parent are refused");
	$node->safe_psql($database, "SELECT qlm_delete('House')");
	is($node->safe_psql($database, 'SELECT count(*) FROM qlm.meta_data'), 0, "$way: children go with their parents");
	$node->safe_psql('postgres', "DROP DATABASE $database");
}

sub fresh_database
{
	my $database = 'restored' . ++$n;

	$node->safe_psql('postgres', "CREATE DATABASE $database TEMPLATE template0");
	return $database;
}

sub dump_ok
{
	my (@arguments) = @_;

	my $file = "$folder/dump" . ++$n;
	$node->command_ok([ 'pg_dump', @arguments, '-f', $file, '-d', $source ], "pg_dump @arguments");
	return $file;
}

sub restore_ok
{
	my ($way, $database, $file, @arguments) = @_;

	$node->command_ok([ 'pg_restore', @arguments, '-d', $node->connstr($database), $file ], $way);
}

subtest 'enough rows for the tables to be filled at the same time' => sub {
	$node->safe_psql('postgres', <<'EOQ');
SELECT count(qlm_write(format('House/Room%s/item%s', i / 20, i), i, '2024-01-15Z')) FROM generate_series(1, 5000) i;
SELECT count(qlm_write('House/Room1/item21', i::text, '2024-02-15Z'::timestamptz + i * interval '1 day')) FROM generate_series(1, 60) i;
SELECT qlm_write('House/Room1/item21', 'of old', '1500-01-01Z');
INSERT INTO qlm.meta_data (info_item_id, name, value) SELECT info_item_id, 'unit', 'K' FROM qlm.info_item;
INSERT INTO qlm.object_id (object_id, id, position) SELECT object_id, 'urn:' || object_id, 1 FROM qlm.object;
SELECT qlm_add_peer('p', role => 'qlm_writer', credential => 'secret', paths => '{House}');
SELECT qlm_request('p', qlm_read_envelope('House/Room1'));
SELECT qlm_add_peer('away', url => 'http://192.0.2.1/qlm');
SELECT qlm_handle('<omiEnvelope version="2.0" ttl="-1"><read interval="-1"><nodeList><node>away</node></nodeList><msg><Objects/></msg></read></omiEnvelope>');
INSERT INTO qlm.forwarded_result (request_id, answer) SELECT request_id, '<omiEnvelope/>' FROM qlm.forwarding;
SELECT qlm_subscribe('House', -1), qlm_subscribe('House/Room1', -1, 'http://192.0.2.1/callback');
SELECT qlm_write('House/Room1/item21', 1, '2024-06-01Z');
SELECT qlm_set_retention('House', keep => '1000 years');
EOQ

	my @tables = qw(object object_id info_item meta_data value retention peer outbox endpoint
  subscription subscription_target subscription_value forwarding forwarded_result);
	$everything = join ' UNION ALL ',
	  map { "SELECT '$_' AS name, count(*), md5(string_agg(t::text, ',' ORDER BY t::text COLLATE \"C\")) FROM qlm.$_ t" } @tables;
	$before = $node->safe_psql('postgres', "$everything ORDER BY 1");
	like($before, qr/^info_item\|5000\|/m, 'there is something to dump');
	like($before, qr/^subscription_value\|1\|/m, 'a value waits to be polled');

	$n = 0;

	$custom = dump_ok('-Fc');
	my $directory = dump_ok('-Fd', '-j2');
	my $tar = long_run() ? dump_ok('-Ft') : undef;
	my $plain = dump_ok('-Fp');
	my $inserts = dump_ok('-Fp', '--inserts');
	$by_parent = dump_ok('-Fc', '--load-via-partition-root');
	$clean = dump_ok('-Fp', '--clean', '--if-exists');

	for my $case (
		representatives(6,
			[ 'custom, four at a time', $custom, '-e', '-j4' ],
			[ 'directory, two at a time', $directory, '-e', '-j2' ],
			[ 'in one transaction', $custom, '-1' ],
			[ 'without triggers', $custom, '-e', '--disable-triggers' ],
			[ 'under policies', $custom, '-e', '-j2', '--enable-row-security' ],
			[ 'by way of the parent, two at a time', $by_parent, '-e', '-j2' ],
			[ 'custom', $custom, '-e' ],
			[ 'custom, two at a time', $custom, '-e', '-j2' ],
			[ 'directory', $directory, '-e' ],
			[ 'directory, four at a time', $directory, '-e', '-j4' ],
			[ 'tar', $tar, '-e' ],
			[ 'without owners', $custom, '-e', '-O', '-x' ],
			[ 'under policies, by way of the parent', $by_parent, '-e', '--enable-row-security' ],
			[ 'by way of the parent', $by_parent, '-e' ]))
	{
		my ($way, $file, @arguments) = @$case;
		my $database = fresh_database();

		restore_ok($way, $database, $file, @arguments);
		is_whole($database, $way);
	}

	for my $case ([ 'plain', $plain ], [ 'plain, in one transaction', $plain, '-1' ], [ 'rows as INSERT', $inserts ])
	{
		my ($way, $file, @arguments) = @$case;
		my $database = fresh_database();

		$node->command_ok([ 'psql', '-Xq', @arguments, '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($database), '-f', $file ], $way);
		is_whole($database, $way);
	}
};

# Section by section, and the data two at a time.
{
	my $database = fresh_database();

	restore_ok("section $_", $database, $custom, '-e', '-j2', "--section=$_") for qw(pre-data data post-data);
	is_whole($database, 'section by section');
}

subtest 'a restore over what is there' => sub {
	{
		my $database = fresh_database();

		restore_ok('into an empty database', $database, $custom, '-e');
		$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($database), '-f', $clean ], 'over what is there');
		is_whole($database, 'over what is there');
	}
};

subtest 'partitions that lack what the node gives to its own: an owner, and what a dump of 0.1.0 knows nothing of' => sub {
	{
		my $database = fresh_database();
		my $partitions = <<'EOQ';
SELECT c.relname, c.relowner::regrole, c.relreplident, (SELECT string_agg(t.tgname, ' ' ORDER BY t.tgname) FROM pg_trigger t WHERE t.tgrelid = c.oid)
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'qlm.value'::regclass ORDER BY 1
EOQ
		my $should = $node->safe_psql('postgres', $partitions);

		restore_ok('without owners', $database, $custom, '-e', '-O');
		$node->safe_psql($database, 'ALTER TABLE qlm.value_2024_02 REPLICA IDENTITY DEFAULT; DROP TRIGGER value_checked ON qlm.value_2024_02');
		isnt($node->safe_psql($database, $partitions), $should, 'partitions lack something');
		cmp_ok($node->safe_psql($database, 'SELECT qlm.adopt_partitions()'), '>', 2, 'they are adopted');
		is($node->safe_psql($database, $partitions), $should, 'they have what others have');
		is($node->safe_psql($database, 'SELECT qlm.adopt_partitions()'), 0, 'and lack nothing any more');

		# One that nobody has adopted is in nobody's way.
		$node->safe_psql($database, "ALTER TABLE qlm.value_2024_01 OWNER TO postgres; SELECT qlm_delete('House')");
		$node->safe_psql($database, 'VACUUM qlm.value');
		$node->safe_psql($database, 'SELECT qlm_start()');
		ok($node->poll_query_until($database, "SELECT string_agg(relname, ' ') FROM pg_class WHERE relnamespace = 'qlm'::regnamespace AND relname ~ '^value_2024_0[1-4]\$'", 'value_2024_01'),
			'empty partitions of the past go, but for the one of somebody else');
		like(slurp_file($node->logfile), qr/cannot drop empty partition "value_2024_01"/, 'which is in the log');
		$node->safe_psql($database, 'SELECT qlm_stop()');
		$node->safe_psql('postgres', "DROP DATABASE $database");
	}
};

subtest 'data only, into an extension that is there: by way of the parent, since there are no partitions yet' => sub {
	for my $jobs (1, 2)
	{
		my $database = fresh_database();

		$node->safe_psql($database, 'CREATE EXTENSION qlm');
		restore_ok("data only, $jobs at a time", $database, $by_parent, '-e', "-j$jobs", '--data-only');
		is_whole($database, "data only, $jobs at a time");
	}
	{
		my $database = fresh_database();
		my $file = dump_ok('-Fp', '--data-only', '--load-via-partition-root');

		$node->safe_psql($database, 'CREATE EXTENSION qlm');
		$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($database), '-f', $file ], 'data only, plain');
		is_whole($database, 'data only, plain');
	}
};

# Data only, where the partitions are there: made before, or by the schema.
{
	my $database = fresh_database();

	$node->safe_psql($database, "CREATE EXTENSION qlm; SELECT qlm_make_partitions('2024-01-01Z', '2024-06-30Z')");
	restore_ok('data only, into partitions', $database, $custom, '-e', '-j2', '--data-only');
	is_whole($database, 'data only, into partitions');
	$database = fresh_database();
	restore_ok('schema only', $database, $custom, '-e', '--schema-only');
	restore_ok('data only, into the schema', $database, $custom, '-e', '-j2', '--data-only');
	is_whole($database, 'data only, into the schema');
}
$node->stop;
done_testing();
