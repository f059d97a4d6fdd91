# No setting of a session changes what is stored, shown or sent: each verb and view
# runs under odd values of every setting that a session can change, and what comes
# out is compared.

use strict;
use warnings FATAL => 'all';

use QlmTest;
use Test::More;

my $node = qlm_node('session_settings', http => 0, conf => "qlm.callback_allow = '127.0.0.1'\nqlm.log_messages = 'all'\nallow_in_place_tablespaces = on\n");

sub sql { return $node->safe_psql('postgres', $_[0]); }

# What others have in their schemas must not be found in place of what is meant.
sql(q{CREATE TABLESPACE odd LOCATION ''});
sql(<<'EOQ');
CREATE SCHEMA odd;
CREATE FUNCTION odd.lower(text) RETURNS text LANGUAGE sql AS $$ SELECT 'odd' $$;
CREATE FUNCTION odd.now() RETURNS timestamptz LANGUAGE sql AS $$ SELECT '1999-01-01Z'::timestamptz $$;
CREATE FUNCTION odd.handler(text) RETURNS text LANGUAGE sql AS $$ SELECT $1 || ' ' || '2024-05-01 10:00Z'::timestamptz || ' ' || 0.1::float8 || ' ' || '1 day 2 hours'::interval || ' ' || '\xff'::bytea $$;
CREATE FUNCTION odd.xml_handler(xml) RETURNS xml LANGUAGE sql AS $$ SELECT $1 $$;
CREATE FUNCTION odd.reader(text) RETURNS TABLE (path text, ts timestamptz, value text, type text) LANGUAGE sql
	AS $$ SELECT p[1], p[2]::timestamptz, p[3], NULL FROM string_to_array($1, ';') p $$;
CREATE FUNCTION odd.writer(qlm.payload_row[]) RETURNS text LANGUAGE sql AS $$ SELECT string_agg(r.path || ';' || r.ts || ';' || r.value || ';' || 0.1::float8, '/' ORDER BY r.path, r.ts) FROM unnest($1) r $$;
EOQ

sub quoted
{
	my ($name, $value) = @_;

	return $value if $name eq 'search_path' && $value ne '';
	return "'" . ($value =~ s/'/''/gr) . "'";
}

# All that the node does, in a transaction that is undone.  Results are kept as they
# are, and written out only when the setting is as usual again.
my $does = <<'EOQ';
CREATE TEMP TABLE said (n int GENERATED ALWAYS AS IDENTITY, line text);
SELECT public.qlm_write('SS/n', n, '2024-05-01Z'::pg_catalog.timestamptz + pg_catalog.make_interval(secs => k)) FROM pg_catalog.unnest(ARRAY[0.1, 1e-7, 1e300, 'Infinity', 'NaN', 123456789.123456789]::pg_catalog.float8[]) WITH ORDINALITY AS u(n, k);
SELECT public.qlm_write('SS/d', 4.50, '2024-05-01Z'), public.qlm_write('SS/b', true, '2024-05-01Z'), public.qlm_write('SS/j', '{"a": [1, 0.10]}'::pg_catalog.jsonb, '2024-05-01Z'), public.qlm_write('SS/t', 'a"b''c<', '2024-05-01Z');
INSERT INTO qlm.value (info_item_id, ts, num, txt) SELECT info_item_id, '2024-05-02Z', num, txt FROM qlm.info_item, (VALUES ('SS/d', 0.1::pg_catalog.float8, NULL), ('SS/b', NULL, '4.50'), ('SS/t', NULL, 'text')) v(path, num, txt) WHERE v.path = info_item.path;
INSERT INTO said (line) SELECT public.qlm_handle('<omiEnvelope version="1.0" ttl="0"><write><msg><Objects><Object type="T"><id tagType="R" startDate="2024-05-01T00:00:00Z" endDate="2024-06-01T00:00:00.5Z">SS</id><description lang="en">d</description><InfoItem name="w" own="1"><MetaData><InfoItem name="unit"><value dateTime="2024-05-01T00:00:00Z">K</value></InfoItem></MetaData><value dateTime="2024-05-01T00:00:00.123456Z" type="xs:double" own="x">0.30</value></InfoItem></Object></Objects></msg></write></omiEnvelope>');
CREATE TEMP TABLE history AS SELECT path, object_type, ts, value, num, type, unit, peer FROM qlm.history WHERE path ~ '^SS/';
CREATE TEMP TABLE newest AS SELECT path, object_type, ts, value, num, type, unit, peer FROM qlm.current WHERE path = 'SS/n';
CREATE TEMP TABLE read AS SELECT * FROM public.qlm_read('SS', '2024-05-01Z', '2024-05-03Z');
INSERT INTO said (line) SELECT public.qlm_handle(pg_catalog.format('<omiEnvelope version="1.0" ttl="0"><read msgformat="%s" oldest="9"><msg>%s</msg></read></omiEnvelope>', format, CASE WHEN format = 'odd' THEN 'SS/n;;' ELSE '<Objects><Object><id>SS</id><InfoItem name="n"/><InfoItem name="w"><MetaData/></InfoItem><InfoItem name="d"/></Object></Objects>' END)) FROM pg_catalog.unnest('{odf,json,csv}'::pg_catalog.text[]) format;
INSERT INTO said (line) SELECT public.qlm_handle_json('{"omiEnvelope":{"version":"1.0","ttl":0,"read":{"msg":{"Objects":{"Object":{"id":"SS"}}}}}}');
INSERT INTO said (line) SELECT e FROM (VALUES (public.qlm_write_envelope('SS/n', 0.1::pg_catalog.float8, '2024-05-01Z')), (public.qlm_write_envelope('SS/n', 0.10, '2024-05-01Z')), (public.qlm_read_envelope('SS/n', '2024-05-01Z', '2024-05-02Z', "interval" => 0.1)), (public.qlm_call_envelope('SS/n', 1e-7::pg_catalog.float8))) v(e);
SELECT public.qlm_add_format('odd', 'odd.reader(text)', 'odd.writer(qlm.payload_row[])');
INSERT INTO said (line) SELECT public.qlm_handle('<omiEnvelope version="1.0" ttl="0"><write msgformat="odd"><msg>SS/f;2024-05-01 10:00Z;1</msg></write><read msgformat="odd"><msg><Objects><Object><id>SS</id><InfoItem name="f"/></Object></Objects></msg></read></omiEnvelope>');
SELECT public.qlm_set_handler('SS/t', 'odd.handler(text)'), public.qlm_set_handler('SS/n', 'odd.xml_handler(xml)'), public.qlm_set_handler('SS/n', 'odd.xml_handler(xml)', 'read');
INSERT INTO said (line) SELECT path || verb || function FROM qlm.handler ORDER BY 1;
INSERT INTO said (line) SELECT name || reader || writer FROM qlm.format WHERE name = 'odd';
INSERT INTO said (line) SELECT c.value FROM public.qlm_call('SS/t', 'called') c;
INSERT INTO said (line) SELECT c.value FROM public.qlm_call('SS/n', 0.1::pg_catalog.float8) c;
SELECT public.qlm_add_peer('odd', 'http://127.0.0.1:9/', paths => '{SS/a,SS/b}', heartbeat => '1 day', credential => 'c') > 0, public.qlm_set_retention('SS', '100 years', '90 years', '1 hour');
INSERT INTO said (line) SELECT name || url || role || paths::pg_catalog.text FROM qlm.peer WHERE name = 'odd' AND heartbeat = pg_catalog.make_interval(days => 1);
INSERT INTO said (line) SELECT path FROM qlm.retention WHERE keep = pg_catalog.make_interval(years => 100) AND thin_every = pg_catalog.make_interval(hours => 1);
INSERT INTO said (line) SELECT 'kept ' || public.qlm_apply_retention();
SELECT public.qlm_request('odd', public.qlm_write_envelope('SS/n', 0.1::pg_catalog.float8, '2024-05-01Z')) > 0;
CREATE TEMP TABLE asked AS SELECT public.qlm_subscribe('SS', -1, 'http://127.0.0.1:9/', '1 hour') AS event, public.qlm_subscribe('SS', -1) AS poll, public.qlm_subscribe('SS', 10, 'notify:odd', '1 day') AS every;
INSERT INTO said (line) SELECT 'subscribed ' || interval::pg_catalog.int4 FROM qlm.subscription s, asked WHERE s.request_id IN (event, poll, every) AND (expires_at = 'infinity' OR expires_at BETWEEN created_at + pg_catalog.make_interval(mins => 59) AND created_at + pg_catalog.make_interval(mins => 61)
	OR expires_at BETWEEN created_at + pg_catalog.make_interval(mins => 1439) AND created_at + pg_catalog.make_interval(mins => 1441)) ORDER BY 1;
SELECT public.qlm_write('SS/n', 0.1::pg_catalog.float8, '2024-06-01 12:00Z'), public.qlm_write('SS/n', 1.50, '2024-06-02 12:00Z');
CREATE TEMP TABLE polled AS SELECT p.* FROM asked, public.qlm_poll(poll) p;
INSERT INTO said (line) SELECT kind || pg_catalog.regexp_replace(envelope, '\d{12,}', '#', 'g') FROM qlm.outbox ORDER BY seq;
INSERT INTO said (line) SELECT 'cancelled ' || public.qlm_cancel(every) FROM asked;
INSERT INTO said (line) SELECT 'partitions ' || public.qlm_make_partitions('2012-01-01Z', '2012-03-01Z') || qlm.adopt_partitions();
INSERT INTO said (line) SELECT relname || ' ' || relam || ' ' || reltablespace FROM pg_catalog.pg_class WHERE relname ~ '^value_2012' ORDER BY relname;
INSERT INTO said (line) SELECT public.qlm_rename('SS/d', 'D');
INSERT INTO said (line) SELECT 'deleted ' || public.qlm_delete('SS/n', '2024-05-01Z', '2024-05-01 00:00:02Z') || ' ' || public.qlm_delete('SS/b');
INSERT INTO said (line) SELECT path || ' ' || COALESCE(type, '') || ' ' || COALESCE(attributes::pg_catalog.text, '') FROM qlm.info_item WHERE path ~ '^SS/' ORDER BY path;
INSERT INTO said (line) SELECT c.description FROM public.qlm_write_counted('SS/n', 7, '2024-06-02 12:00Z') c;
EOQ
my $shows = join '', map { "SELECT * FROM $_;\n" } 'said', 'history ORDER BY path, ts', 'newest', 'read ORDER BY path, ts', 'polled ORDER BY path, ts';

# Under settings, each [name, value]
sub outcome
{
	my (@settings) = @_;
	my $script = '';

	$script .= "SET client_min_messages = error;\nSET timezone = 'UTC';\nBEGIN;\n";
	$script .= "SET LOCAL \"$_->[0]\" = " . quoted(@$_) . ";\n" for @settings;
	$script .= $does;
	$script .= "SET LOCAL search_path = pg_temp, public;\n";
	$script .= $_ eq 'TimeZone' ? "SET LOCAL TimeZone = 'UTC';\n" : "RESET \"$_\";\n" for grep { $_ ne 'search_path' } map { $_->[0] } @settings;
	$script .= "$shows\nROLLBACK;\n";
	my ($code, $out, $error) = $node->psql('postgres', $script);
	# what is drawn by chance, and what is left of an hour
	$out =~ s/\d{12,}/#/g;
	$out =~ s/ttl="3[0-9]{3}"/ttl="3600"/g;
	return $code == 0 ? $out : "$out\n$error";
}

# Lines that differ
sub differing
{
	my ($got, $wanted) = map { [ split /\n/ ] } @_;
	my @lines = grep { ($got->[$_] // '') ne ($wanted->[$_] // '') } 0 .. ($#$got > $#$wanted ? $#$got : $#$wanted);

	return join "\n", map { 'got: ' . ($got->[$_] // '') . "\nnot: " . ($wanted->[$_] // '') } @lines;
}

my $usual = outcome();
unlike($usual, qr/ERROR/, 'all that the node does');
like($usual, qr/0\.1.*INF.*NaN/s, 'and shows it');
is(differing(outcome(), $usual), '', 'is the same each time');

# Odd values of what is neither a switch nor one of some names
my %odd = (
	DateStyle => [ 'SQL, DMY', 'German', 'Postgres, MDY', 'ISO, YMD' ],
	TimeZone => [ 'Asia/Kolkata', 'America/St_Johns', 'Pacific/Apia' ],
	extra_float_digits => [ -15, 0, 3 ],
	client_encoding => [ 'LATIN1', 'UTF8', 'SQL_ASCII' ],
	lc_messages => [ 'C.UTF-8' ], lc_monetary => [ 'C.UTF-8' ], lc_numeric => [ 'C.UTF-8' ], lc_time => [ 'C.UTF-8' ],
	search_path => [ 'odd, pg_catalog', '', 'qlm' ],
	work_mem => [ '64kB' ], from_collapse_limit => [ 1 ], join_collapse_limit => [ 1 ], geqo_threshold => [ 2 ],
	statement_timeout => [ '100s' ], lock_timeout => [ '100s' ], cursor_tuple_fraction => [ 0, 1 ], default_statistics_target => [ 1 ],
	gin_fuzzy_search_limit => [ 1 ], temp_buffers => [ 100 ], default_tablespace => ['odd'], temp_tablespaces => ['odd'], application_name => [ "a'b<" ],
	random_page_cost => [ 1000 ], seq_page_cost => [ 1000 ], cpu_tuple_cost => [ 1000 ], parallel_setup_cost => [0], parallel_tuple_cost => [0],
	min_parallel_table_scan_size => [0], jit_above_cost => [0]);

# Not a matter of what is shown, or known to change what happens: docs/sql.md
my %left_out = map { $_ => 1 } qw(exit_on_error default_transaction_read_only transaction_read_only session_replication_role zero_damaged_pages
	ignore_checksum_failure ignore_invalid_pages ignore_system_indexes jit_debugging_support jit_profiling_support role session_authorization
	default_transaction_deferrable transaction_deferrable transaction_isolation transaction_timeout client_min_messages
	log_statement_stats log_parser_stats log_planner_stats log_executor_stats debug_discard_caches);

my @variants;
for my $line (split /\n/, sql(<<'EOQ'))
SELECT name, vartype, setting, array_to_string(enumvals, ',') FROM pg_settings
WHERE context IN ('user', 'superuser') AND name !~ '^(qlm|log_|trace_|debug_print|debug_deadlocks|wal_|ssl_|plpgsql)' AND vartype IN ('bool', 'enum') ORDER BY 1
EOQ
{
	my ($name, $type, $setting, $values) = split /\|/, $line;

	next if $left_out{$name};
	push @variants, map { [ $name, $_ ] } $type eq 'bool' ? ($setting eq 'on' ? 'off' : 'on') : grep { $_ ne $setting } split /,/, $values;
}
for my $name (sort keys %odd)
{
	push @variants, map { [ $name, $_ ] } @{ $odd{$name} };
}
cmp_ok(scalar @variants, '>', 90, 'many settings');

# Each by itself takes minutes.  So the first odd values of all settings are set together,
# then the second ones ...  row_security comes last: with check_function_bodies it tells of
# a restore, in which no trigger fires.
my (@rounds, %nth);
push @{ $rounds[ $nth{ $_->[0] }++ ] }, $_ for grep { $_->[0] ne 'row_security' } @variants;
push @rounds, [ grep { $_->[0] eq 'row_security' } @variants ];

sub text_of { return join ', ', map { "$_->[0] = $_->[1]" } @_; }

# As few of them as still differ
sub smallest
{
	my (@settings) = @_;

	for (my $n = @settings; $n >= 1; $n = int $n / 2)
	{
		for (my $i = 0; $i < @settings;)
		{
			my @fewer = @settings;
			splice @fewer, $i, $n;
			if (@fewer && differing(outcome(@fewer), $usual) ne '') { @settings = @fewer; }
			else { $i += $n; }
		}
	}
	return @settings;
}

subtest 'odd values of all settings together' => sub {
	for my $n (1 .. @rounds)
	{
		my @settings = @{ $rounds[ $n - 1 ] };

		is(differing(outcome(@settings), $usual), '', "the values of round $n")
		  or diag('it takes ' . text_of(smallest(@settings)));
	}
};

subtest 'each by itself' => sub {
	plan skip_all => 'takes minutes: with --long' unless long_run();
	is(differing(outcome($_), $usual), '', text_of($_)) for @variants;
};

$node->stop;
done_testing();
