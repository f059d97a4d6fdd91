# A large node: what is asked of it costs what it did when it was small.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Utils qw(slurp_file);
use QlmTest;
use Test::More;

my $node = qlm_node('large', conf => <<EOC);
qlm.anonymous_role = 'qlm_writer'
qlm.http_workers = 1
jit = off
EOC

# CREATE EXTENSION would be compiled for minutes.
$node->append_conf('postgresql.conf', <<'EOC');
jit = on
jit_above_cost = 0
jit_inline_above_cost = 0
jit_optimize_above_cost = 0
shared_preload_libraries = 'qlm, auto_explain'
auto_explain.log_min_duration = 0
auto_explain.log_analyze = on
auto_explain.log_nested_statements = on
EOC
$node->restart;
wait_for_http($node);

# All that was executed since, as [query text, whether it was compiled]
my $seen = -s $node->logfile;

sub executed
{
	my $log = slurp_file($node->logfile, $seen);
	my @found;

	$seen += length $log;
	for my $entry (split /^[^\t\n].*LOG:  duration: .* plan:\n/m, $log)
	{
		my ($text) = $entry =~ /^\tQuery Text: (.*?)\n\t[A-Z][^\n]*  \(cost=/ms;

		push @found, [ $text, $entry =~ /^\tJIT:/m ? 1 : 0 ] if defined $text;
	}
	return @found;
}

sub texts
{
	my ($wanted, @found) = @_;

	return map { $_->[0] } grep { $_->[1] == $wanted } @found;
}

SKIP:
{
	skip 'this server does not compile statements', 8
	  unless $node->safe_psql('postgres', 'SELECT pg_jit_available()') eq 't';

	executed();
	is(return_code(post($node, write_envelope('M1b', 'Large/x', 1))), 200, 'a write');
	is(return_code(post($node, read_envelope('M1b', 'Large/x'))), 200, 'a read');
	my @found = executed();
	ok((grep { $_->[0] =~ /qlm\.info_item/ } @found) > 0, 'their statements are seen');
	is(join('', texts(1, @found)), '', 'a worker compiles none');

	# Those of foreign keys are the server's.
	# A trigger of the user's and a statement of the session's are theirs.
	$node->safe_psql('postgres', <<'EOQ');
CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM count(*) FROM fresh AS of_the_user;
	RETURN NULL;
END $$;
CREATE TRIGGER noted AFTER INSERT ON qlm.value REFERENCING NEW TABLE AS fresh
	FOR EACH STATEMENT EXECUTE FUNCTION noted();
EOQ
	executed();
	$node->safe_psql('postgres', <<'EOQ');
SELECT qlm_subscribe('Large') AS id \gset
SELECT qlm_write('Large/y', 2);
SELECT qlm_write('Large/y', 'three', '2020-01-01');
SELECT qlm_read('Large');
SELECT qlm_poll(:id);
SELECT qlm_add_peer('large', paths => '{Large}');
SELECT qlm_request('large', qlm_read_envelope('Large'));
SELECT peer FROM qlm.history WHERE path = 'Large/y';
SELECT qlm_set_retention('Large', '1 year');
SELECT qlm_apply_retention();
SELECT qlm_drop_peer('large');
SELECT qlm_cancel(:id);
SELECT qlm_delete('Large/y');
EOQ
	@found = executed();
	my @compiled = texts(1, @found);
	my @ours = grep { /qlm\.(object|info_item|value|subscription|peer|outbox|retention|message)\b/ }
	  map { $_->[0] } @found;

	cmp_ok(scalar @ours, '>', 20, 'statements of functions are seen');
	is(join('', grep { !/^SELECT qlm_|FROM qlm\.history|of_the_user| ONLY "qlm"/ } @compiled), '',
		'whatever a session has set, none of ours is compiled');
	ok((grep { /^SELECT qlm_read/ } @compiled) > 0, q{the session's own are});
	ok((grep { /of_the_user/ } @compiled) > 0, q{and those of the user's triggers});
}

$node->stop;
done_testing();
