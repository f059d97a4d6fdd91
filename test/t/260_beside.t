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

done_testing();
