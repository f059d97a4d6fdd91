# The drill of docs/administration.md, line by line: from one cluster into another.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use QlmReadme ();
use QlmTest;
use Test::More;

my $conf = "qlm.callback_allow = '192.0.2.1'\n";
my $from = qlm_node('from', databases => 'plant', http => 0, conf => $conf);
my $to = qlm_node('to', databases => 'drill', extension => 0, http => 0, conf => $conf);
my $folder = PostgreSQL::Test::Utils::tempdir;

my (@blocks, $status, $out, $err);

sub play
{
	my ($node, $text) = @_;
	my ($out, $err);

	local %ENV = ($node->_get_env(), PGUSER => 'postgres');
	IPC::Run::run([ 'bash', '-c', "cd '$folder' && set -eo pipefail\n$text" ], '>', \$out, '2>', \$err);
	return ($? >> 8, $out, $err);
}

subtest 'as docs/sql.md sets it up' => sub {
	$from->safe_psql('plant', <<'EOQ');
CREATE ROLE kitchen NOLOGIN IN ROLE qlm_writer;
ALTER TABLE qlm.info_item ENABLE ROW LEVEL SECURITY;
CREATE POLICY kitchen ON qlm.info_item TO kitchen USING (path ^@ 'Kitchen/');
SELECT qlm_add_peer('kitchen', role => 'kitchen', credential => 'secret');
SELECT qlm_write('Kitchen/oven', 180), qlm_write('SmartFridge411/temperature', 4.5), qlm_write('SmartFridge411/temperature', 3, '2026-01-01Z');
CREATE TABLE public.audit (path text);
GRANT INSERT ON public.audit TO PUBLIC;
CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.audit VALUES (NEW.path); RETURN NEW; END $$;
CREATE TRIGGER note BEFORE INSERT ON qlm.info_item FOR EACH ROW EXECUTE FUNCTION public.note();
CREATE INDEX my_ix ON qlm.value (num);
ALTER TABLE qlm.object ADD COLUMN place text;
UPDATE qlm.object SET place = 'hall';
GRANT SELECT (place) ON qlm.object TO kitchen;
SELECT qlm_subscribe('SmartFridge411', -1), qlm_subscribe('SmartFridge411', -1, 'http://192.0.2.1/');
SELECT qlm_write('SmartFridge411/temperature', 5);
SELECT qlm_request('kitchen', qlm_read_envelope('Kitchen/oven'));
EOQ
	$from->safe_psql('plant', 'SELECT qlm_stop()');

	@blocks = grep { $_->{section} eq 'A drill' && $_->{language} eq 'sh' } QlmReadme::blocks("$ENV{TESTDIR}/docs/administration.md");
	is(scalar(@blocks), 3, 'what the page says');

	($status, $out, $err) = play($from, $blocks[0]{text});
	is($status, 0, 'it is dumped') or diag $err;
	($status, $out, $err) = play($to, $blocks[1]{text});
	is($status, 0, 'it is restored') or diag $err;
	like($out, qr/^\d+$/, 'and set up');
};

subtest 'the comparison, but for its end, which is looked at first' => sub {
	my ($compare, $drop) = $blocks[2]{text} =~ /(.*)^(dropdb.*)/ms;
	($status, $out, $err) = play($to, $compare);
	is($status, 0, 'it is the same') or diag "$out$err";
	my ($original) = (play($from, $compare =~ s/^.*drill\.sql.*\n//mgr =~ s/-d drill/-d plant/gr))[1];
	is($out, $original, 'in the tables, too');
	like($out, qr/^Kitchen\/oven$/m, 'the kitchen sees its oven');
	unlike($out =~ s/.*^SET$//msr, qr/Fridge/, 'and no fridge');
	for my $sql ('SELECT * FROM qlm.object ORDER BY object_id', 'SELECT * FROM qlm.value ORDER BY info_item_id, ts', 'SELECT * FROM qlm.subscription ORDER BY request_id', 'SELECT * FROM qlm.subscription_value ORDER BY seq',
		'SELECT message_id, peer, url, envelope FROM qlm.outbox ORDER BY seq', 'SELECT name, role, credential FROM qlm.peer', 'SELECT * FROM public.audit ORDER BY path', "SELECT has_column_privilege('kitchen', 'qlm.object', 'place', 'SELECT')")
	{
		is($to->safe_psql('drill', $sql), $from->safe_psql('plant', $sql), $sql);
	}
	$to->safe_psql('drill', 'SELECT qlm_stop()');
	($status, $out, $err) = play($to, $drop);
	is($status, 0, 'it goes again') or diag $err;
};

$from->stop;
$to->stop;
done_testing();
