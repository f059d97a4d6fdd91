# Rights do not depend on who used the process before: what one worker answers to
# three roles, in every order, is what a session that knows nothing yet answers.

use strict;
use warnings FATAL => 'all';

use QlmTest;
use Test::More;

my @roles = qw(chef kitchen cellar);
my $node = qlm_node('policies', conf => "qlm.http_workers = 1\n");

sub sql
{
	my ($sql, $role) = @_;

	return $node->safe_psql('postgres', $sql, extra_params => [ '-U', $role // 'postgres' ]);
}

sql(<<'EOQ');
CREATE ROLE chef LOGIN IN ROLE qlm_writer;
CREATE ROLE kitchen LOGIN IN ROLE qlm_writer;
CREATE ROLE cellar LOGIN IN ROLE qlm_writer;
SELECT qlm_add_peer(r, role => r) FROM unnest('{chef,kitchen,cellar}'::text[]) r;
CREATE VIEW public.place AS SELECT info_item_id, split_part(path, '/', 1) AS house FROM qlm.info_item;
GRANT SELECT ON public.place TO PUBLIC;
EOQ

# Everybody's nodes, made anew before each round
sub make_nodes
{
	sql(<<'EOQ');
DELETE FROM qlm.object;
SELECT qlm_handle('<omiEnvelope version="2.0" ttl="0"><write><msg><Objects>' || string_agg(format(
	'<Object type="room"><id>%1$s</id><id idType="code">code-%1$s</id><InfoItem name="valve"><MetaData><InfoItem name="unit"><value>K</value></InfoItem></MetaData><value dateTime="2026-01-01T00:00:00Z">1</value></InfoItem></Object>', r), '')
	|| '</Objects></msg></write></omiEnvelope>') FROM unnest('{Kitchen,Cellar}'::text[]) r;
EOQ
	return;
}

sub message
{
	my ($verb, $content) = @_;

	return sprintf '<omiEnvelope version="2.0" ttl="0"><%1$s><msg><Objects xmlns="http://www.opengroup.org/xsd/odf/2.0/">%2$s</Objects></msg></%1$s></omiEnvelope>', $verb, $content;
}

sub valve
{
	my ($house, $content) = @_;

	return "<Object><id>$house</id><InfoItem name=\"valve\">" . ($content // '') . '</InfoItem></Object>';
}

# What each may be asked; the time of a value decides whether it replaces one.
sub messages
{
	my ($house) = @_;

	return (
		[ 'write' => message('write', valve($house, '<value dateTime="2026-02-01T00:00:00Z">2</value>')) ],
		[ 'replace' => message('write', valve($house, '<value dateTime="2026-01-01T00:00:00Z">3</value>')) ],
		[ 'describe' => message('write', valve($house, '<description>by somebody</description>')) ],
		[ 'say again' => message('write', "<Object type=\"room\"><id>$house</id><InfoItem name=\"valve\"><MetaData><InfoItem name=\"unit\"><value>K</value></InfoItem></MetaData></InfoItem></Object>") ],
		[ 'make' => message('write', "<Object><id>$house</id><InfoItem name=\"new\"><value>1</value></InfoItem></Object>") ],
		[ 'write by code' => message('write', valve("code-$house", '<value dateTime="2026-03-01T00:00:00Z">2</value>')) ],
		[ 'read' => message('read', valve($house)) ],
		[ 'read all' => message('read', "<Object><id>$house</id></Object>") ],
		[ 'delete' => message('delete', valve($house)) ]);
}

# The codes of an answer, and the values in it
sub outcome
{
	my ($text) = @_;
	my @parts = $text =~ /returnCode="(\d+)"|<value[^>]*>([^<]*)</g;

	return join ' ', map { $_ // () } @parts;
}

# In a session that knows nothing, which then takes it back
sub fresh
{
	my ($role, $message) = @_;

	return outcome(sql("BEGIN; SELECT qlm_handle(\$q\$$message\$q\$); ROLLBACK;", $role));
}

sub warm
{
	my ($role, $message) = @_;

	return outcome(post($node, $message, path => "/peer/$role")->{body});
}

# The same in the worker; what it changed is taken back before the next.
sub compare
{
	my ($what, @order) = @_;
	my @wrong;

	for my $house ('Cellar', 'Kitchen')
	{
		for my $case (messages($house))
		{
			my ($name, $message) = @$case;

			make_nodes();
			for my $role (@order)
			{
				my $expected = fresh($role, $message);
				my $got = warm($role, $message);

				push @wrong, "$role: $name $house: $got instead of $expected" if $got ne $expected;
				make_nodes() if $name eq 'delete' || $name eq 'make';
			}
		}
	}
	is(join("\n", @wrong), '', "$what: " . join(', ', @order));
	return;
}

# Each table, with rows for the one house and rows for the other
my %policies = (
	object => q{path = current_house() OR path ^@ (current_house() || '/')},
	info_item => q{path ^@ (current_house() || '/')},
	value => q{EXISTS (SELECT FROM public.place p WHERE p.info_item_id = value.info_item_id AND p.house = current_house())},
	meta_data => q{EXISTS (SELECT FROM public.place p WHERE p.info_item_id = meta_data.info_item_id AND p.house = current_house())},
	object_id => q{id ~ current_house()});

sql(<<'EOQ');
CREATE FUNCTION public.current_house() RETURNS text LANGUAGE sql STABLE AS $$ SELECT initcap(current_user::text) $$;
EOQ
my @orders = ([ 0, 1, 2 ], [ 2, 1, 0 ], [ 1, 0, 2 ]);

my $nth = 0;

compare('without a policy', @roles);
for my $table (sort keys %policies)
{
	sql(<<"EOQ");
ALTER TABLE qlm.$table ENABLE ROW LEVEL SECURITY;
CREATE POLICY chef ON qlm.$table TO chef USING (true);
CREATE POLICY house ON qlm.$table TO kitchen, cellar USING ($policies{$table});
EOQ
	compare("a policy on $table", @roles[ @$_ ]) for long_run() ? @orders : $orders[ $nth++ % @orders ];
	sql("DROP POLICY chef ON qlm.$table; DROP POLICY house ON qlm.$table; ALTER TABLE qlm.$table DISABLE ROW LEVEL SECURITY");
}

subtest 'as in the documentation: an allowed role has written before' => sub {
	make_nodes();
	sql("ALTER TABLE qlm.info_item ENABLE ROW LEVEL SECURITY; CREATE POLICY chef ON qlm.info_item TO chef USING (true); CREATE POLICY kitchen ON qlm.info_item TO kitchen USING (path ^@ 'Kitchen/')");
	my $write = message('write', valve('Cellar', '<value>7</value>'));

	is(warm('kitchen', $write), 403, 'refused before');
	is(warm('chef', $write), 200, 'somebody else writes it');
	is(warm('kitchen', $write), 403, 'refused after');
	sql("CREATE POLICY more ON qlm.info_item TO kitchen USING (path ^@ 'Cellar/')");
	is(warm('kitchen', $write), 200, 'a new policy lets him');
	sql('DROP POLICY more ON qlm.info_item');
	is(warm('kitchen', $write), 403, 'and not without it');
	sql('REVOKE SELECT ON qlm.info_item FROM qlm_reader; GRANT SELECT ON qlm.info_item TO chef');
	isnt(warm('cellar', $write), 200, 'nor without SELECT');
	sql('GRANT SELECT ON qlm.info_item TO qlm_reader');
};

subtest 'a policy by a setting, in one session' => sub {
	make_nodes();
	sql("CREATE OR REPLACE FUNCTION public.current_house() RETURNS text LANGUAGE sql STABLE AS \$\$ SELECT current_setting('app.tenant', true) \$\$;
		DROP POLICY kitchen ON qlm.info_item; CREATE POLICY tenant ON qlm.info_item TO kitchen USING ($policies{info_item})");
	my $session = $node->background_psql('postgres', extra_params => [ '-U', 'kitchen' ], on_error_stop => 0);
	my $try = sub {
		my ($tenant, $house) = @_;

		return outcome($session->query_until(qr/done/, "SET app.tenant = '$tenant';\nSELECT qlm_handle(\$q\$"
			  . message('write', valve($house, '<value>8</value>')) . "\$q\$);\n\\echo done\n"));
	};

	is($try->('Cellar', 'Cellar'), 200, 'the tenant writes');
	is($try->('Kitchen', 'Cellar'), 403, 'the next one in the same session does not');
	is($try->('Kitchen', 'Kitchen'), 200, 'but what is his');
	is($try->('Cellar', 'Kitchen'), 403, 'and the other way round');
	$session->query_until(qr/done/, "DISCARD ALL;\n\\echo done\n");
	is($try->('', 'Kitchen'), 403, 'nor after DISCARD ALL');
	$session->quit;
};

$node->stop;
done_testing();
