# What administrators set up on the tables comes back with a dump, whichever way it
# is restored, and nothing is served before it is there.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use QlmTest;
use Test::More;

my $node = qlm_node('customized', databases => 'served', extension => 0, http => 0, conf => "qlm.anonymous_role = 'cellar'\nwal_level = logical\n");
my $folder = PostgreSQL::Test::Utils::tempdir;
my @roles = qw(kitchen cellar boss);

$node->safe_psql('postgres', <<'EOQ');
CREATE EXTENSION qlm;
CREATE ROLE kitchen IN ROLE qlm_writer;
CREATE ROLE cellar IN ROLE qlm_reader;
CREATE ROLE boss IN ROLE qlm_admin;
SELECT qlm_write('Kitchen/oven', '1', '2026-01-01Z'), qlm_write('Cellar/valve', '2', '2026-02-01Z'), qlm_write('Cellar/old', 'x', '1500-01-01Z');

CREATE TYPE colour AS ENUM ('red', 'green');
CREATE FUNCTION painted() RETURNS colour LANGUAGE sql AS $$ SELECT 'green'::public.colour $$;
CREATE FUNCTION small(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT lower($1) $$;
CREATE TABLE audit (of text, who name DEFAULT current_user);
GRANT INSERT, SELECT ON audit TO PUBLIC;
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.audit VALUES (TG_TABLE_NAME); RETURN NULL; END $$;

ALTER TABLE qlm.info_item ENABLE ROW LEVEL SECURITY;
CREATE POLICY kitchen ON qlm.info_item TO kitchen USING (path ^@ 'Kitchen/');
CREATE POLICY "all of 'it'" ON qlm.info_item AS PERMISSIVE TO qlm_admin, cellar USING (true) WITH CHECK (path !~ '\\');
CREATE POLICY never ON qlm.info_item AS RESTRICTIVE FOR DELETE TO PUBLIC USING (name <> 'main');
ALTER TABLE qlm.value ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY of_items ON qlm.value USING (EXISTS (SELECT FROM qlm.info_item i WHERE i.info_item_id = value.info_item_id));

ALTER TABLE qlm.object ADD COLUMN colour colour DEFAULT painted(), ADD COLUMN tag varchar(10) COLLATE "C" NOT NULL DEFAULT 'x',
	ADD COLUMN no bigint GENERATED ALWAYS AS IDENTITY, ADD COLUMN "a b" serial, ADD COLUMN up text GENERATED ALWAYS AS (upper(id)) STORED;
ALTER TABLE qlm.value ADD COLUMN quality int DEFAULT 3, ADD COLUMN twice float8 GENERATED ALWAYS AS (num * 2) STORED;
SELECT qlm_write('Cellar/valve', '3', '2026-03-01Z');
UPDATE qlm.object SET tag = 'y', colour = 'red';
UPDATE qlm.value SET quality = 7;
CREATE VIEW tagged AS SELECT path, tag FROM qlm.object;

CREATE INDEX my_ix ON qlm.value (txt) WHERE txt IS NOT NULL;
CREATE INDEX times ON qlm.value (ts);
CREATE INDEX ON qlm.value (small(txt), num DESC);
ALTER TABLE qlm.value ADD CONSTRAINT my_key UNIQUE (ts, info_item_id, type);
CREATE INDEX part_ix ON qlm.value_2026_01 (txt);
CREATE UNIQUE INDEX ON qlm.info_item (object_id, lower(name));
DROP INDEX qlm.info_item_alt_names_idx;
ALTER TABLE qlm.info_item ADD CONSTRAINT short CHECK (length(name) < 100), ADD CONSTRAINT uq UNIQUE (object_id, name);
ALTER TABLE qlm.value ADD CONSTRAINT sane CHECK (num < 1e9);
CREATE TRIGGER audit AFTER INSERT ON qlm.value FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON qlm.object FOR EACH STATEMENT EXECUTE FUNCTION note();
CREATE TRIGGER audit AFTER INSERT ON qlm.peer FOR EACH ROW EXECUTE FUNCTION note();
ALTER TABLE qlm.object DISABLE TRIGGER audit;
ALTER TABLE qlm.object_id DISABLE TRIGGER forget_added;
CREATE RULE noted AS ON DELETE TO qlm.retention DO ALSO INSERT INTO public.audit VALUES ('rule');
CREATE STATISTICS st (dependencies) ON object_id, type FROM qlm.object;
CREATE STATISTICS qlm.st2 ON num, type FROM qlm.value;
ALTER TABLE qlm.value_default SET (autovacuum_enabled = false, toast.autovacuum_enabled = off);
ALTER TABLE qlm.value_2026_01 SET (autovacuum_vacuum_threshold = 77);
ALTER TABLE qlm.info_item SET (fillfactor = 70);
ALTER TABLE qlm.endpoint RESET (fillfactor);
ALTER TABLE qlm.info_item ALTER COLUMN description SET STORAGE EXTERNAL, ALTER COLUMN path SET STATISTICS 500, ALTER path SET (n_distinct = -1);
ALTER TABLE qlm.object REPLICA IDENTITY FULL;
ALTER TABLE qlm.retention CLUSTER ON retention_pkey;
COMMENT ON TABLE qlm.object IS 'things''s \ of ours';
COMMENT ON POLICY kitchen ON qlm.info_item IS 'who cooks';
COMMENT ON TRIGGER audit ON qlm.object IS 'who';
COMMENT ON COLUMN qlm.object.tag IS 'mine';
CREATE PUBLICATION nodes FOR TABLE qlm.object (object_id, path), qlm.info_item WHERE (info_item_id > 0), qlm.value WITH (publish_via_partition_root = true);
ALTER FUNCTION qlm_read(text, timestamptz, timestamptz, int, int) SET work_mem = '64MB';
ALTER FUNCTION qlm_read(text, timestamptz, timestamptz, int, int) COST 77;
ALTER SEQUENCE qlm.journal_seq CACHE 20;
ALTER TABLE qlm.handler OWNER TO boss;
GRANT SELECT ON qlm.outbox TO cellar;
GRANT UPDATE (description), SELECT (tag) ON qlm.object TO cellar;
GRANT EXECUTE ON FUNCTION qlm_write(text, text, timestamptz, text) TO cellar;
REVOKE SELECT ON qlm.current FROM qlm_reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA qlm GRANT SELECT ON TABLES TO cellar;

SELECT qlm_subscribe('Cellar', -1);
SELECT qlm_write('Cellar/valve', '4', '2026-03-02Z');
SELECT qlm_add_peer('fridge'), qlm_request('fridge', qlm_read_envelope('Cellar/valve'));
TRUNCATE audit;
EOQ

my ($everything, $before, $seen, $n, $database, $custom, $clean);

# What each role sees
sub seen
{
	my ($database) = @_;

	return join "\n", map { "$_: " . $node->safe_psql($database, "SET ROLE $_; SELECT string_agg(path, ' ' ORDER BY path) FROM qlm.info_item; SELECT count(*) FROM qlm.value") } @roles;
}

sub fresh_database
{
	$node->safe_psql('postgres', "DROP DATABASE IF EXISTS $database") if $database;
	$database = 'restored' . ++$n;
	$node->safe_psql('postgres', "CREATE DATABASE $database TEMPLATE template0");
	return $database;
}

sub dump_ok
{
	my (@arguments) = @_;

	my $file = "$folder/dump" . ++$n;
	$node->command_ok([ 'pg_dump', @arguments, '-f', $file, '-d', $node->connstr('postgres') ], "pg_dump @arguments");
	return $file;
}

sub restore_ok
{
	my ($way, $file, @arguments) = @_;

	$node->command_ok([ 'pg_restore', @arguments, '-d', $node->connstr($database), $file ], $way);
}

sub script_ok
{
	my ($way, $file, @arguments) = @_;

	$node->command_ok([ 'psql', '-Xq', @arguments, '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($database), '-f', $file ], $way);
}

# Nobody sees anything until it is set up as it was; then everything is the same.
sub is_the_same
{
	my ($way) = @_;

	is(seen($database), "kitchen: \n0\ncellar: \n0\nboss: \n0", "$way: nobody sees anything yet");
	cmp_ok($node->safe_psql($database, 'SELECT qlm_restore_customizations()'), '>', 20, "$way: it is set up");
	is($node->safe_psql($database, $everything), $before, "$way: all is as it was, and nothing fired");
	is(seen($database), $seen, "$way: each role sees its own");
	is($node->safe_psql($database, 'SELECT qlm_restore_customizations()'), 0, "$way: nothing is left to be done");
	return;
}

subtest 'all that may be set up on tables of the schema, members or not, and what is in them, by the catalog itself' => sub {
	$everything = <<'EOQ';
SET search_path = pg_catalog;
SET bytea_output = hex;
CREATE TEMP VIEW r AS SELECT *, oid::regclass::text AS name FROM pg_class WHERE relnamespace = 'qlm'::regnamespace AND relkind IN ('r', 'p', 'v', 'S');
SELECT 'table', name, relowner::regrole, relrowsecurity, relforcerowsecurity, relreplident, reloptions, (SELECT reloptions FROM pg_class t WHERE t.oid = r.reltoastrelid),
	(SELECT string_agg(a::text, ' ' ORDER BY a::text) FROM unnest(COALESCE(relacl, acldefault(CASE relkind WHEN 'S' THEN 's'::"char" ELSE 'r' END, relowner))) a), obj_description(oid, 'pg_class')
	FROM r ORDER BY name COLLATE "C";
SELECT 'column', name, attname, format_type(atttypid, atttypmod), attcollation::regcollation, attnotnull, attinhcount, attgenerated, attidentity, attstorage, NULLIF(attstattarget, -1), attacl,
	pg_get_expr(adbin, adrelid), col_description(r.oid, attnum)
	FROM r JOIN pg_attribute a ON a.attrelid = r.oid LEFT JOIN pg_attrdef d ON d.adrelid = r.oid AND d.adnum = a.attnum
	WHERE relkind <> 'S' AND attnum > 0 AND NOT attisdropped ORDER BY name COLLATE "C", attname COLLATE "C";
SELECT 'index', pg_get_indexdef(indexrelid) AS d, indisvalid, indisclustered, indisreplident, inhparent::regclass
	FROM r JOIN pg_index i ON i.indrelid = r.oid LEFT JOIN pg_inherits ON inhrelid = indexrelid ORDER BY 2;
SELECT 'constraint', name, conname, pg_get_constraintdef(c.oid), coninhcount FROM r JOIN pg_constraint c ON conrelid = r.oid ORDER BY name COLLATE "C", conname COLLATE "C";
SELECT 'trigger', pg_get_triggerdef(t.oid) AS d, tgenabled, obj_description(t.oid, 'pg_trigger') FROM r JOIN pg_trigger t ON tgrelid = r.oid WHERE NOT tgisinternal ORDER BY 2;
SELECT 'rule', pg_get_ruledef(w.oid) AS d, ev_enabled FROM r JOIN pg_rewrite w ON ev_class = r.oid ORDER BY 2;
SELECT 'policy', p.*, obj_description(o.oid, 'pg_policy') FROM pg_policies p JOIN pg_policy o ON o.polname = p.policyname ORDER BY tablename, policyname COLLATE "C";
SELECT 'statistics', pg_get_statisticsobjdef(oid) AS d FROM pg_statistic_ext ORDER BY 2;
SELECT 'published', * FROM pg_publication_tables ORDER BY tablename COLLATE "C";
SELECT 'function', p.oid::regprocedure::text AS d, proconfig, procost, (SELECT string_agg(a::text, ' ' ORDER BY a::text) FROM unnest(proacl) a) FROM pg_proc p
	WHERE pronamespace = 'qlm'::regnamespace OR proname LIKE 'qlm\_%' ORDER BY 2;
SELECT 'sequence', * FROM pg_sequences WHERE schemaname = 'qlm' AND sequencename NOT LIKE '%\_no\_seq' ORDER BY sequencename COLLATE "C";
SELECT 'type', typname, typowner::regrole, typacl, obj_description(t.oid, 'pg_type'), (SELECT count(*) FROM pg_depend d WHERE d.objid = t.oid AND d.deptype = 'x')
	FROM pg_type t WHERE typnamespace = 'qlm'::regnamespace AND typname ~ '^(columns_of|secured)_' ORDER BY typname;
SELECT 'default', defaclobjtype, defaclacl FROM pg_default_acl ORDER BY 1, 2;
SELECT 'object', object_id, path, colour, tag, no, up, "a b" FROM qlm.object ORDER BY path;
SELECT 'value', tableoid::regclass, info_item_id, ts, num, txt, quality, twice FROM qlm.value ORDER BY info_item_id, ts;
SELECT 'audit', count(*) FROM public.audit;
SELECT 'waits', w.* FROM qlm.subscription_value w;
SELECT 'queued', message_id, state, envelope FROM qlm.outbox;
SELECT 'peer', p.* FROM qlm.peer p;
SELECT 'custom', kind, object, statement, command FROM qlm.customizations() ORDER BY kind COLLATE "C", object COLLATE "C";
EOQ

	$before = $node->safe_psql('postgres', $everything);
	$seen = seen('postgres');
	like($before, qr/^waits\|/m, 'a value waits to be polled');
	like($seen, qr/^kitchen: Kitchen\/oven\n1\ncellar: Cellar\/old Cellar\/valve Kitchen\/oven\n5\n/, 'each role sees its own');
	my $listed = $node->safe_psql('postgres', "SELECT string_agg(DISTINCT kind, ' ' ORDER BY kind) FROM qlm.customizations()");
	is($listed, 'clustered column column option comment constraint default forced row security function option function setting identity index not null option owner policy publication '
		. 'replica identity row security rule sequence statistics statistics target storage trigger trigger state', 'all kinds are known');

	$n = 0;

	$custom = dump_ok('-Fc');
	my $by_parent = dump_ok('-Fc', '--load-via-partition-root');
	$clean = dump_ok('--clean', '--if-exists');

	for my $case (
		representatives(4,
			[ 'four at a time', $custom, '-e', '-j4' ],
			[ 'in one transaction', $custom, '-1' ],
			[ 'under policies', $custom, '-e', '-j2', '--enable-row-security' ],
			[ 'by way of the parent', $by_parent, '-e', '-j2' ],
			[ 'custom', $custom, '-e' ],
			[ 'a directory, three at a time', [ '-Fd', '-j2' ], '-e', '-j3' ],
			[ 'tar', ['-Ft'], '-e' ]))
	{
		my ($way, $file, @arguments) = @$case;

		fresh_database();
		restore_ok($way, ref $file ? dump_ok(@$file) : $file, @arguments);
		is_the_same($way);
	}

	for my $case (
		representatives(2,
			[ 'plain, in one transaction', [], '-1' ],
			[ 'rows as INSERT', ['--inserts'] ],
			[ 'plain', [] ],
			[ 'with names', ['--column-inserts'] ],
			[ 'many at a time', [ '--rows-per-insert=3', '--on-conflict-do-nothing' ] ]))
	{
		my ($way, $form, @arguments) = @$case;

		fresh_database();
		script_ok($way, dump_ok(@$form), @arguments);
		is_the_same($way);
	}

	fresh_database();
	restore_ok("section $_", $custom, '-e', '-j2', "--section=$_") for qw(pre-data data post-data);
	is_the_same('section by section');
};

subtest 'over what is there, customized itself' => sub {
	fresh_database();
	restore_ok('into an empty database', $custom, '-e');
	script_ok('over it', $clean);
	is_the_same('over what waits');
	script_ok('over it once more', $clean);
	is_the_same('over what is set up');
	restore_ok('by pg_restore', $custom, '-e', '--clean');
	is_the_same('by pg_restore --clean');
	$node->safe_psql($database, 'DROP EXTENSION qlm CASCADE');
	is($node->safe_psql($database, "SELECT count(*) FROM pg_type WHERE typname ~ '^(columns_of|secured)_'"), 0, 'what carries it goes with the extension');
};

subtest 'rows alone, where the extension is there and nothing else: what they need comes with them' => sub {
	for my $case ([ 'rows alone', '-e' ], [ 'rows alone, without triggers', '-e', '--disable-triggers' ])
	{
		my ($way, @arguments) = @$case;

		fresh_database();
		restore_ok('types and functions', $custom, '-e', '--schema-only');
		$node->safe_psql($database, 'DROP EXTENSION qlm CASCADE; CREATE EXTENSION qlm; CREATE SEQUENCE qlm."object_a b_seq" AS int');
		restore_ok($way, $custom, @arguments, '--data-only');
		is(seen($database), "kitchen: \n0\ncellar: \n0\nboss: \n0", "$way: nobody sees anything yet");
		$node->safe_psql($database, "DELETE FROM qlm.customization WHERE kind = 'publication'; SELECT qlm_restore_customizations()");
		is(seen($database), $seen, "$way: each role sees its own");
		is($node->safe_psql($database, 'SELECT tableoid::regclass, ts, num, txt, quality, twice FROM qlm.value ORDER BY ts, info_item_id'),
			$node->safe_psql('postgres', 'SELECT tableoid::regclass, ts, num, txt, quality, twice FROM qlm.value ORDER BY ts, info_item_id'), "$way: all values, in their partitions");
		is($node->safe_psql($database, "SELECT string_agg(tgname, ' ' ORDER BY tgname) FROM pg_trigger WHERE tgrelid = 'qlm.object'::regclass AND tgenabled = 'A'"),
			$node->safe_psql('postgres', "SELECT string_agg(tgname, ' ' ORDER BY tgname) FROM pg_trigger WHERE tgrelid = 'qlm.object'::regclass AND tgenabled = 'A'"), "$way: triggers are as they were");
	}
};

subtest 'statements, for where only the tables are the same' => sub {
	my $script = "$folder/script";
	$node->command_ok([ 'psql', '-AtX', '-d', $node->connstr('postgres'), '-c', 'SELECT qlm_dump_customizations()', '-o', $script ], 'what is set up is printed');
	fresh_database();
	$node->safe_psql($database, 'CREATE EXTENSION qlm');
	restore_ok('types and functions', $custom, '-e', '--schema-only');
	$node->safe_psql($database, 'SELECT qlm_drop_customizations()');
	script_ok('it is run', $script);
	script_ok('and once more', $script);
	my $same = q{SELECT kind, object, statement FROM qlm.customizations() ORDER BY kind COLLATE "C", object COLLATE "C"};
	is($node->safe_psql($database, $same), $node->safe_psql('postgres', $same), 'which sets up the same');

	fresh_database();
	restore_ok('restored', $custom, '-e');
	script_ok('then it is run, by those who have kept it', $script);
	is($node->safe_psql($database, 'SELECT count(*) FROM qlm.customization'), 0, 'and nothing waits any more');
	is($node->safe_psql($database, $everything), $before, 'all is as it was');
};

subtest 'a dump of a node that still waits' => sub {
	fresh_database();
	restore_ok('restored', $custom, '-e');
	$node->command_ok([ 'pg_dump', '-Fc', '-f', "$folder/waiting", '-d', $node->connstr($database) ], 'dumped while it waits');
	fresh_database();
	restore_ok('restored again', "$folder/waiting", '-e');
	is_the_same('after two dumps');
};

my ($out, $err);
subtest 'what a part of a dump is' => sub {
	fresh_database();
	my $part = dump_ok('-Fc', '-n', 'qlm');
	$node->safe_psql($database, 'CREATE EXTENSION qlm');
	IPC::Run::run([ 'pg_restore', '-d', $node->connstr($database), $part ], '>', \$out, '2>', \$err);
	like($err, qr/ERROR:  partition "value_2026_01" of qlm.value would be restored without the rest of the node.*HINT:  Dump the whole database, or with -e qlm besides -n qlm/s,
		'without the extension: refused, with what to do');
	is($node->safe_psql($database, "SELECT count(*) FROM pg_class WHERE relname ~ '^value_2026'"), 0, 'and nothing of it is there');
	# A node that serves notices, and says why it does not.
	$node->safe_psql('postgres', 'CREATE DATABASE served TEMPLATE template0');
	$database = 'served';
	restore_ok('into what is served', $custom, '-e', '-j2');
	wait_until(sub { (eval { get($node, '/health')->{body} } // '') =~ /qlm_restore_customizations/ }, 'it does not serve');
	is(get($node, '/health')->{status}, 503, 'which a watcher sees');
	is(get($node, '/Objects/Cellar/valve/value')->{status}, 503, 'and who asks');
	my $answer = post($node, read_envelope('M1b', 'Cellar/valve'));
	is($answer->{status}, 503, 'and who sends a message');
	like($answer->{headers}{'retry-after'} // '', qr/^\d+$/, 'to come again');
	is($node->safe_psql('served', "SELECT string_agg(DISTINCT relname, ' ') FROM pg_class WHERE relname ~ '^value_2026_(0[4-9]|1)'"), '', 'nor have the workers made anything there');
	like($node->safe_psql('served', "SELECT string_agg(last_error, ' ') FROM qlm.stat_worker"), qr/qlm_restore_customizations/, 'stat_worker shows it');
	like(slurp_file($node->logfile), qr/qlm does not serve database "served".*qlm_restore_customizations/s, 'it is in the log');
};

my $status;
subtest 'somebody has set up what cannot be now: nothing is, and it says what' => sub {
	$node->safe_psql('served', 'ALTER FUNCTION public.note() RENAME TO noted');
	($status, $out, $err) = $node->psql('served', 'SELECT qlm_restore_customizations()');
	like($err, qr/could not restore trigger audit on qlm\.\w+: function public.note\(\) does not exist.*Nothing was restored/s, 'what cannot be set up is named');
	is(get($node, '/health')->{status}, 503, 'and it is still not served');
	is(seen('served'), "kitchen: \n0\ncellar: \n0\nboss: \n0", 'nor seen');
	$node->safe_psql('served', 'ALTER FUNCTION public.noted() RENAME TO note');
	for my $call ('qlm_restore_customizations', 'qlm_drop_customizations')
	{
		($status, $out, $err) = $node->psql('served', "GRANT EXECUTE ON FUNCTION $call() TO boss; SET ROLE boss; SELECT $call()");
		like($err, qr/only a superuser|permission denied/, "$call: not for others");
	}
	$node->safe_psql('served', 'SELECT qlm_restore_customizations()');
	wait_for_http($node);
	is(get($node, '/Objects/Cellar/valve/value')->{body}, '4', 'then it serves');
};

subtest 'an administrator may go on without' => sub {
	$node->safe_psql('postgres', 'DROP DATABASE served WITH (FORCE)') if $node->safe_psql('served', 'SELECT qlm_stop()') >= 0;
	fresh_database();
	restore_ok('restored', $custom, '-e');
	($status, $out, $err) = $node->psql($database, 'SELECT qlm_drop_customizations()');
	like($err, qr/WARNING:  tables with row level security and without a policy show nothing to others than owners: qlm.info_item, qlm.value/, 'who goes on without is told what is closed');
	is($node->safe_psql($database, 'SELECT count(*) FROM qlm.customization'), 0, 'nothing waits');
};

subtest 'nobody puts statements there for a superuser to run' => sub {
	$node->safe_psql($database, 'CREATE ROLE owner_member LOGIN; GRANT qlm_owner TO owner_member; GRANT CREATE ON SCHEMA public TO owner_member');
	my $row = q{INSERT INTO qlm.customization VALUES (1, 'trap', 'trap', '', 'ALTER ROLE owner_member SUPERUSER')};
	my $settings = 'SET check_function_bodies = off; SET row_security = off;';
	($status, $out, $err) = $node->psql($database, "SET SESSION AUTHORIZATION boss; $settings $row");
	like($err, qr/permission denied for table customization/, "boss has no right to");
	for my $who ('qlm_owner', 'owner_member')
	{
		($status, $out, $err) = $node->psql($database, "SET SESSION AUTHORIZATION $who; $settings $row");
		like($err, qr/can only come from a restore by a superuser/, "nor is it for $who");
		($status, $out, $err) = $node->psql($database, "SET SESSION AUTHORIZATION $who; $settings INSERT INTO qlm.customization VALUES (0, 'restore', 'rows', NULL, 'ALTER ROLE owner_member SUPERUSER')");
		is($node->safe_psql($database, 'SELECT count(*) FROM qlm.customization'), 0, 'nor is anything kept of what each dump has');
	}
	$node->safe_psql($database, 'GRANT ALL ON qlm.customization TO owner_member');
	($status, $out, $err) = $node->psql($database, "SET SESSION AUTHORIZATION owner_member; $settings $row");
	like($err, qr/can only come from a restore by a superuser/, 'nor, with the right, who is no superuser');
	($status, $out, $err) = $node->psql($database, "SET ROLE owner_member; $settings $row");
	like($err, qr/can only come from a restore by a superuser/, 'nor a superuser who is somebody else');
	($status, $out, $err) = $node->psql($database, $row);
	like($err, qr/can only come from a restore by a superuser/, 'nor he himself, but in a restore');
	($status, $out, $err) = $node->psql($database, 'SET SESSION AUTHORIZATION owner_member; ALTER TABLE qlm.customization DISABLE TRIGGER ALL');
	like($err, qr/must be owner/, 'nor are the triggers anybody else\'s');
};

subtest 'everybody may go on altering what is his own, and who owns our tables, those' => sub {
	$node->safe_psql($database, 'CREATE ROLE somebody; GRANT CREATE ON SCHEMA public TO somebody');
	for my $case ([ 'somebody', 'CREATE TYPE public.t AS (a int); CREATE TABLE public.x (a public.t); ALTER TABLE public.x ADD COLUMN b int; CREATE INDEX i ON public.x (b); ALTER INDEX public.i RENAME TO j; DROP TYPE public.t CASCADE; DROP TABLE public.x' ],
		[ 'owner_member', 'ALTER TABLE qlm.object_id ADD COLUMN mine int; ALTER TABLE qlm.object_id ENABLE ROW LEVEL SECURITY' ])
	{
		my ($who, $sql) = @$case;

		($status, $out, $err) = $node->psql($database, "SET SESSION AUTHORIZATION $who; SET client_min_messages = warning; $sql");
		is("$status $err", '0 ', "$who may");
	}
	is($node->safe_psql($database, "SELECT string_agg(format('%s of %s', typname, typowner::regrole), ', ' ORDER BY typname) FROM pg_type WHERE typname ~ '_object_id\$' AND typname !~ '^_' AND typtype = 'c' AND typname <> 'object_id'"),
		'columns_of_object_id of qlm_owner, secured_object_id of qlm_owner', 'which is noted');
	$node->safe_psql($database, 'ALTER TABLE qlm.object_id DROP COLUMN mine; ALTER TABLE qlm.object_id DISABLE ROW LEVEL SECURITY');
	is($node->safe_psql($database, "SELECT count(*) FROM pg_type WHERE typname IN ('columns_of_object_id', 'secured_object_id')"), 0, 'until it is undone');
};

subtest 'where nothing is set up nothing waits' => sub {
	$node->safe_psql('postgres', 'CREATE DATABASE simple TEMPLATE template0');
	$node->safe_psql('simple', "CREATE EXTENSION qlm; SELECT qlm_write('a/b', '1', '2026-01-01Z')");
	is($node->safe_psql('simple', 'SELECT count(*) FROM qlm.customizations()'), 0, 'a new node has nothing set up');
	$node->command_ok([ 'pg_dump', '-Fc', '-f', "$folder/simple", '-d', $node->connstr('simple') ], 'is dumped');
	fresh_database();
	restore_ok('is restored', "$folder/simple", '-e');
	is($node->safe_psql($database, 'SELECT count(*) FROM qlm.customization'), 0, 'and nothing waits');

	$node->safe_psql('simple', "ALTER TABLE qlm.object ENABLE ROW LEVEL SECURITY, ADD COLUMN mine int; CREATE INDEX my_ix ON qlm.value (num)");
	$node->command_ok([ 'pg_dump', '-Fc', '-n', 'qlm', '-e', 'qlm', '-f', "$folder/part", '-d', $node->connstr('simple') ], 'the schema alone, with the extension');
	fresh_database();
	restore_ok('is restored', "$folder/part", '-e');
	is($node->safe_psql($database, "SELECT qlm_restore_customizations(); SELECT string_agg(object, ' ' ORDER BY kind) FROM qlm.customizations(); SELECT path, value FROM qlm.current"),
		"0\nqlm.object.mine qlm.my_ix qlm.object\na/b|1", 'whole, with what was set up');
};

subtest 'a role for backups needs SELECT and no more, and who owns the tables restores rows alone' => sub {
	$node->safe_psql('postgres', 'CREATE ROLE backup LOGIN; CREATE DATABASE lean TEMPLATE template0');
	$node->safe_psql('lean', "CREATE EXTENSION qlm; SELECT qlm_write('a/b', '1', '2026-01-01Z'); GRANT USAGE ON SCHEMA qlm TO backup; GRANT SELECT ON ALL TABLES IN SCHEMA qlm TO backup; GRANT SELECT ON ALL SEQUENCES IN SCHEMA qlm TO backup");
	$node->command_ok([ 'pg_dump', '-Fc', '--load-via-partition-root', '-f', "$folder/lean", '-d', $node->connstr('lean') . ' user=backup' ], 'a role that may read all dumps it');
	fresh_database();
	restore_ok('which is restored, with its rights', "$folder/lean", '-e', '-j4');
	$node->command_ok([ 'pg_dump', '-Fc', '-f', "$folder/again", '-d', $node->connstr($database) . ' user=backup' ], 'and dumped again by that role');
	fresh_database();
	$node->safe_psql($database, 'CREATE EXTENSION qlm');
	$node->command_ok([ 'pg_restore', '-1', '--data-only', '-d', $node->connstr($database) . ' user=owner_member', "$folder/lean" ], 'a member of qlm_owner restores rows');
	is($node->safe_psql($database, 'SELECT path, value FROM qlm.history; SELECT count(*) FROM qlm.customization'), "a/b|1\n0", 'all of them, and nothing waits');
};

subtest 'a dump that says nothing of it, as those of 0.1.0, may leave tables open: that is for the administrator to say' => sub {
	fresh_database();
	my $silent = dump_ok('-Fc', '--exclude-table-data=qlm.customization');
	restore_ok('without what was set up', $silent, '-e');
	is($node->safe_psql($database, 'SELECT kind FROM qlm.customization'), 'restore', 'it is not served by itself');
	$node->safe_psql($database, 'SELECT qlm_restore_customizations()');
	is($node->safe_psql($database, 'SELECT count(*) FROM qlm.customization'), 0, 'but when somebody says so');
};

$node->stop;
done_testing();
