# CREATE EXTENSION and ALTER EXTENSION UPDATE run as superuser in a database whose
# owner may be anybody: nothing that he has made is called.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Utils;
use QlmTest;
use Test::More;

my $node = qlm_node('install', preload => 0, extension => 0);
my $has_old = $node->safe_psql('postgres', "SELECT count(*) FROM pg_available_extension_versions WHERE name = 'qlm' AND version = '0.1.0'");

subtest 'a better match for every operator and for many calls that are written without a schema: for each operator of pg_catalog one of public with types that it lacks' => sub {
	my $traps = <<'EOQ';
CREATE TABLE public.caught (what text, who name);
GRANT INSERT ON public.caught TO PUBLIC;
DO $do$
DECLARE
	o record;
	n int := 0;
BEGIN
	FOR o IN
		SELECT DISTINCT x.oprname AS name, l.t AS l, r.t AS r, x.oprresult::regtype AS result
		FROM pg_operator x,
			unnest('{name,text,varchar,oid,int4,int8,regclass,regproc,regtype,"char",bool,interval,timestamptz,jsonb}'::regtype[]) AS l(t),
			unnest('{name,text,varchar,oid,int4,int8,regclass,regproc,regtype,"char",bool,interval,timestamptz,jsonb}'::regtype[]) AS r(t)
		WHERE x.oprkind = 'b' AND x.oprresult = 'bool'::regtype AND x.oprname ~ '^(=|<>|<|>|<=|>=|~|~~|!~|!~~|@>|<@)$'
			AND (l.t = r.t OR l.t = 'text'::regtype OR r.t = 'text'::regtype)
			AND NOT EXISTS (SELECT FROM pg_operator e WHERE e.oprname = x.oprname AND e.oprleft = l.t AND e.oprright = r.t)
	LOOP
		n := n + 1;
		EXECUTE format($f$CREATE FUNCTION public.trap_%s(%s, %s) RETURNS bool LANGUAGE plpgsql AS $b$
			BEGIN INSERT INTO public.caught VALUES (%L, current_user); RETURN NULL; END $b$ $f$, n, o.l, o.r, format('%s %s %s', o.l, o.name, o.r));
		EXECUTE format('CREATE OPERATOR public.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = public.trap_%s)', o.name, o.l, o.r, n);
	END LOOP;
END $do$;
DO $do$
DECLARE
	f text;
BEGIN
	FOREACH f IN ARRAY '{"format(text, regclass)", "format(text, name)", "format(text, regprocedure)", "format(text, regprocedure, regclass)",
		"set_config(text, text, bool)", "current_database()", "coalesce_names(name)", "lower(name)", "length(name)", "quote_ident(name)",
		"pg_extension_config_dump(regclass, varchar)", "getdatabaseencoding()", "now()", "count(bool)", "to_regclass(name)"}'::text[]
	LOOP
		EXECUTE format($f$CREATE FUNCTION public.%s RETURNS text LANGUAGE plpgsql AS $b$
			BEGIN INSERT INTO public.caught VALUES (%L, current_user); RETURN NULL; END $b$ $f$, f, f);
	END LOOP;
END $do$;
CREATE TYPE public.int AS (n int4);
CREATE DOMAIN public.regclass AS text CHECK (false);
EOQ

	$node->safe_psql('postgres', 'CREATE ROLE app LOGIN');
	for my $way ('anew', $has_old ? 'from 0.1.0' : ())
	{
		my $database = $way eq 'anew' ? 'anew' : 'updated';

		$node->safe_psql('postgres', "CREATE DATABASE $database OWNER app");
		$node->safe_psql($database, "CREATE EXTENSION qlm VERSION '0.1.0'") if $way ne 'anew';
		$node->safe_psql($database, 'GRANT ALL ON SCHEMA public TO app');
		$node->safe_psql($database, $traps, extra_params => [ '-U', 'app' ]);
		$node->safe_psql($database, $way eq 'anew' ? 'CREATE EXTENSION qlm' : 'ALTER EXTENSION qlm UPDATE');
		is($node->safe_psql($database, 'SELECT count(*) FROM pg_operator WHERE oprnamespace = $$public$$::regnamespace') > 100, 1, "$way: traps were there");
		is($node->safe_psql($database, 'SELECT DISTINCT what, who FROM public.caught'), '', "$way: and none was stepped on");
		$node->safe_psql($database, <<'EOQ');
SELECT qlm_write('A/x', '1'), qlm_write('A/y', 2.5), qlm_add_peer('p', role => 'qlm_writer', paths => '{B}');
SELECT qlm_request('p', qlm_read_envelope('B/x')), qlm_subscribe('A'), qlm_set_retention('A', '1 year');
SELECT * FROM qlm.history, qlm.current;
SELECT * FROM qlm.stat_peer, qlm.stat_delivery, qlm.stat_subscription;
SELECT * FROM qlm_read('A');
SELECT qlm_delete('A/y'), qlm_drop_peer('p');
EOQ
		is($node->safe_psql($database, 'SELECT DISTINCT what, who FROM public.caught'), '', "$way: nor in what a superuser does then");
	}
};

subtest 'every function fixes search_path, but for those that run for each row, which qualify all that they use' => sub {
	my %plain = map { $_ => 1 } qw(number_text peer_name replicated texts_checked value_applied value_form);
	is($node->safe_psql('anew', <<'EOQ'), join("\n", sort keys %plain), 'every function fixes search_path');
SELECT p.proname FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'qlm'
WHERE NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false) ORDER BY 1
EOQ

	my $share = `pg_config --sharedir`;
	chomp $share;
	for my $script (glob "$share/extension/qlm--*.sql")
	{
		next if $script =~ /qlm--0\.1\.0\.sql$/;    # frozen, and not installed
		my $sql = PostgreSQL::Test::Utils::slurp_file($script) =~ s{/\*.*?\*/}{}gsr =~ s/^(?:\\|--).*$//gmr;
		like($sql, qr/\A\s*SELECT pg_catalog\.set_config\('search_path', 'pg_catalog, pg_temp', true\);/, "$script: begins with a fixed search_path");
		is(() = $sql =~ /set_config\('search_path'/g, 1, 'which stays');
	}
};

$node->stop;
done_testing();
