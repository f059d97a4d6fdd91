# What is set up on qlm.value counts for the months that come, too.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use QlmTest;
use Test::More;

my $node = qlm_node('partitions', conf => "qlm.http_workers = 1\nqlm.anonymous_role = 'qlm_writer'\n");

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

# Which of these tables has it?
sub tables
{
	my ($where) = @_;

	return sql("SELECT string_agg(c.relname, ' ' ORDER BY c.relname) FROM pg_class c LEFT JOIN pg_tablespace s ON s.oid = c.reltablespace"
		  . " WHERE c.relname IN ('value_2011_01', 'value_2011_02', 'value_2011_03', 'value_2011_04') AND $where");
}

my ($big, $fast) = map { my $dir = PostgreSQL::Test::Utils::tempdir(); $dir } 1 .. 2;
my $has_lz4 = sql("SELECT 'lz4' = ANY (enumvals) FROM pg_settings WHERE name = 'default_toast_compression'") eq 't';
my $compression = $has_lz4 ? 'lz4' : 'pglz';

# One is there before: it takes what ALTER TABLE on the parent gives to its partitions.
sql("SELECT qlm_make_partitions('2011-01-01Z', '2011-01-31Z')");
sql("CREATE TABLESPACE big LOCATION '$big'");
sql("CREATE TABLESPACE fast LOCATION '$fast'");
sql("GRANT CREATE ON TABLESPACE big, fast TO qlm_owner");
sql(<<EOQ);
ALTER TABLE qlm.value SET TABLESPACE big;
ALTER TABLE qlm.value ALTER COLUMN txt SET STORAGE EXTERNAL, ALTER COLUMN txt SET COMPRESSION $compression,
	ALTER COLUMN ts SET STATISTICS 500, ALTER COLUMN peer_id SET (n_distinct = 7);
ALTER TABLE qlm.value ADD COLUMN day date GENERATED ALWAYS AS ((ts AT TIME ZONE 'UTC')::date) STORED;
ALTER TABLE qlm.value ADD COLUMN note text DEFAULT 'none' COLLATE "C" CHECK (note <> 'bad');
COMMENT ON COLUMN qlm.value.note IS 'what was noted';
CREATE STATISTICS qlm.per_peer (dependencies) ON info_item_id, peer_id FROM qlm.value;
CREATE INDEX value_day ON qlm.value (day) WITH (fillfactor = 80) TABLESPACE fast;
CREATE TABLE public.place (id int PRIMARY KEY);
GRANT REFERENCES, SELECT ON public.place TO qlm_owner;
INSERT INTO public.place VALUES (0), (1);
ALTER TABLE qlm.value ADD FOREIGN KEY (peer_id) REFERENCES public.place;
CREATE TABLE public.seen (partition text, n int);
GRANT INSERT ON public.seen TO PUBLIC;
CREATE FUNCTION public.see() RETURNS trigger LANGUAGE plpgsql
	AS \$\$ BEGIN INSERT INTO public.seen VALUES (TG_TABLE_NAME, NEW.num); RETURN NULL; END \$\$;
CREATE TRIGGER see AFTER INSERT ON qlm.value FOR EACH ROW EXECUTE FUNCTION public.see();
ALTER TABLE qlm.value_default SET (fillfactor = 90, autovacuum_enabled = false, toast.autovacuum_enabled = false);
ALTER INDEX qlm.value_default_info_item_id_ts_idx SET TABLESPACE fast;
ALTER INDEX qlm.value_default_info_item_id_ts_idx SET (fillfactor = 75);
EOQ

my $new;
subtest 'in the four ways that partitions are made: asked for, for a message, for rows that were in the default one, and by SQL' => sub {
	is(sql("SELECT qlm_make_partitions('2011-02-01Z', '2011-02-28Z')"), 1, 'a partition that was asked for');
	is(return_code(post($node, write_envelope('M1b', 'F/x', 3, at => '2011-03-05T00:00:00Z'))), 200, 'one for a message');
	sql("INSERT INTO qlm.value (info_item_id, ts, num) SELECT info_item_id, '2011-04-05Z', 4 FROM qlm.info_item WHERE path = 'F/x'");
	ok(wait_for_sql($node, "SELECT to_regclass('qlm.value_2011_04') IS NOT NULL", 't'), 'one for a row that was in the default one');

	$new = 'value_2011_02 value_2011_03 value_2011_04';
	is(tables("s.spcname = 'big'"), $new, 'the tablespace');
	is(tables("c.reloptions \@> '{fillfactor=90,autovacuum_enabled=false,autovacuum_vacuum_insert_scale_factor=0.05}'"), $new, 'options, of the default partition');
	is(tables("EXISTS (SELECT FROM pg_class t WHERE t.oid = c.reltoastrelid AND t.reloptions \@> '{autovacuum_enabled=false}')"), $new, 'those of its TOAST table');
	is(tables("EXISTS (SELECT FROM pg_class i JOIN pg_tablespace x ON x.oid = i.reltablespace WHERE i.relname = c.relname || '_info_item_id_ts_idx'"
		  . " AND x.spcname = 'fast' AND i.reloptions = '{fillfactor=75}')"), $new, 'those of its index');
	is(tables("EXISTS (SELECT FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_tablespace p ON p.oid = i.reltablespace"
		  . " WHERE x.indrelid = c.oid AND i.relispartition AND i.reloptions = '{fillfactor=80}' AND p.spcname = 'fast')"),
		"value_2011_01 $new", 'an index');
	is(tables("EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'txt' AND a.attstorage = 'e' AND a.attcompression = '"
		  . substr($compression, 0, 1) . "')"), $new, 'storage and compression');
	is(tables("EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'ts' AND a.attstattarget = 500)"),
		"value_2011_01 $new", 'a statistics target');
	is(tables("EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'peer_id' AND 'n_distinct=7' = ANY (a.attoptions))"), $new, 'n_distinct');
	is(tables("EXISTS (SELECT FROM pg_statistic_ext x WHERE x.stxrelid = c.oid AND x.stxkind = '{f}')"), $new, 'extended statistics');
	is(tables("EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'day' AND a.attgenerated = 's')"),
		"value_2011_01 $new", 'a generated column');
	is(tables("EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND col_description(c.oid, a.attnum) = 'what was noted')"), $new, 'comments of columns');
	is(tables("EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'f')"), "value_2011_01 $new", 'a foreign key');
	is(tables("EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND pg_get_constraintdef(k.oid) LIKE '%bad%')"), "value_2011_01 $new", 'a check');
	is(tables("EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = 'see')"), "value_2011_01 $new", 'a trigger');
	is(tables("(SELECT count(*) FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname IN ('value_form', 'value_checked')) = 2"), "value_2011_01 $new", 'our own');
	is(tables("c.relreplident = 'i'"), "value_2011_01 $new", 'a replica identity');
	is(tables("pg_get_userbyid(c.relowner) = 'qlm_owner'"), "value_2011_01 $new", 'the owner');
	is(sql("SELECT string_agg(concat_ws(' ', tableoid::regclass, num, day, note), ', ' ORDER BY ts) FROM qlm.value WHERE ts > '2011-03-01Z'"),
		'qlm.value_2011_03 3 2011-03-05 none, qlm.value_2011_04 4 2011-04-05 none', 'values are in them, with what goes by itself');
	is(sql('SELECT string_agg(n::text, $$ $$ ORDER BY n) FROM public.seen'), '3 4', 'a trigger has seen each once');
};

subtest 'what an older version has made lacks some of it' => sub {
	cmp_ok(sql('SELECT qlm.adopt_partitions()'), '>=', 1, 'those from before lack the compression and the statistics');
	is(sql('SELECT qlm.adopt_partitions()'), 0, 'and then nothing');
	is(tables("EXISTS (SELECT FROM pg_statistic_ext x WHERE x.stxrelid = c.oid AND x.stxkind = '{f}')"), "value_2011_01 $new", 'the statistics are there');
	is(tables("EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'txt' AND a.attstorage = 'e' AND a.attcompression = '"
		  . substr($compression, 0, 1) . "')"), "value_2011_01 $new", 'so is the compression');
};

subtest q{an identity is the parent's before 17, and everybody's since then} => sub {
	SKIP:
	{
		skip 'a column with an identity cannot be added to partitions', 1 if sql('SHOW server_version_num') >= 170000;
		sql('ALTER TABLE qlm.value ADD COLUMN number bigint NOT NULL DEFAULT 0');
		sql('ALTER TABLE qlm.value ALTER COLUMN number DROP DEFAULT');
		sql('ALTER TABLE qlm.value ALTER COLUMN number ADD GENERATED BY DEFAULT AS IDENTITY');
		sql("SELECT qlm_write('F/x', 6, '2011-06-05Z'), qlm_write('F/x', 7, '2011-07-05Z')");
		is(sql("SELECT string_agg(concat_ws(' ', tableoid::regclass, number), ', ' ORDER BY ts) FROM qlm.value WHERE ts >= '2011-06-01Z' AND num IN (6, 7)"),
			'qlm.value_2011_06 1, qlm.value_2011_07 2', 'an identity counts on in new partitions');
	}
};

my $logged;
subtest 'a tablespace that the owner may not use is no reason to have no partition' => sub {
	sql('REVOKE CREATE ON TABLESPACE big FROM qlm_owner');
	$logged = -s $node->logfile;
	sql("SELECT qlm_write('F/x', 8, '2011-08-05Z')");
	is(sql("SELECT tableoid::regclass FROM qlm.value WHERE num = 8"), 'qlm.value_2011_08', 'a partition elsewhere');
	like(slurp_file($node->logfile, $logged), qr/not made in tablespace "big" but in that of the database.*GRANT CREATE ON TABLESPACE big TO qlm_owner/s,
		'the log says why, and what to do');
};

my $reader;
subtest 'who reads is not waited for, nor does he wait' => sub {
	$reader = $node->background_psql('postgres');
	in_session($reader, "BEGIN; SELECT count(*) FROM qlm.value WHERE ts BETWEEN '2011-02-01Z' AND '2011-02-02Z'");
	sql("SELECT qlm_write('F/x', 9, '2011-09-05Z')");
	is(sql("SELECT tableoid::regclass FROM qlm.value WHERE num = 9"), 'qlm.value_2011_09', 'a partition is made while somebody reads');
	in_session($reader, 'COMMIT');
};

$reader->quit;
subtest 'a month that was detached by hand' => sub {
	sql('ALTER TABLE qlm.value DETACH PARTITION qlm.value_2011_08');
	$logged = -s $node->logfile;
	is(return_code(post($node, write_envelope('M1b', 'F/x', 10, at => '2011-08-06T00:00:00Z'))), 200, 'a value of a month that was detached');
	is(sql("SELECT tableoid::regclass FROM qlm.value WHERE num = 10"), 'qlm.value_default', 'goes elsewhere');
	like(slurp_file($node->logfile, $logged),
		qr/values go to qlm.value_default, as table qlm.value_2011_08 exists and is not a partition.*ALTER TABLE qlm.value ATTACH PARTITION qlm.value_2011_08 FOR VALUES FROM \('2011-08-01T00:00:00/s,
		'which the log says, and how to attach it again');
	my ($status, $out, $err) = $node->psql('postgres', "SELECT qlm_make_partitions('2011-08-01Z', '2011-08-31Z')");
	like($err, qr/qlm.value_2011_08 exists and is not a partition.*HINT:  ALTER TABLE qlm.value ATTACH PARTITION/s, 'so does who asks for it');
	my ($attach) = $err =~ /HINT:  (ALTER TABLE .*?);/;
	sql("DELETE FROM qlm.value WHERE num = 10");
	sql($attach);
	is(return_code(post($node, write_envelope('M1b', 'F/x', 11, at => '2011-08-06T00:00:00Z'))), 200, 'attached as the hint says');
	is(sql("SELECT string_agg(tableoid::regclass::text, ' ') FROM qlm.value WHERE num IN (8, 11)"), 'qlm.value_2011_08 qlm.value_2011_08', 'it takes values again');
};

$node->stop;
done_testing();
