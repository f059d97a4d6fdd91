# Numbers of roles mean nothing in another cluster: whichever way rows get there, they
# belong to the roles that have their names, or to nobody.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Utils;
use QlmTest;
use Test::More;

my $conf = "wal_level = logical\n";
my $home = qlm_node('home', preload => 0, http => 0, conf => $conf, init => [ allows_streaming => 'logical' ]);
my $away = qlm_node('away', preload => 0, http => 0, conf => $conf);

my (%id, $write);

# Who may what in a database of the other cluster?
sub is_right
{
	my ($database, $what) = @_;
	my $does = sub {
		my ($peer) = @_;
		return $away->safe_psql($database, "SELECT qlm_handle('$write', '$peer')") =~ /returnCode="(\d+)"/ ? $1 : 'nothing';
	};
	my $polls = sub { my ($status) = $away->psql($database, "SELECT qlm_poll($id{$_[1]})", extra_params => [ '-U', $_[0] ]); return $status ? 'no' : 'yes'; };

	is(join(' ', map { $does->($_) } qw(k b g)), '403 200 403', "$what: each peer has the rights of the role of that name, or none");
	is(join(' ', $polls->('kitchen', 'kitchen'), $polls->('boss', 'kitchen'), $polls->('boss', 'boss'), $polls->('kitchen', 'boss')), 'yes no yes no',
		"$what: so have subscriptions");
	my ($status, $out, $err) = $away->psql($database, 'SELECT qlm.follow_roles()');
	is($status, 0, 'roles are followed') or diag $err;
	is(join(' ', map { $does->($_) } qw(k b g)), '403 200 403', "$what: and then, too");
	is($away->safe_psql($database, "SELECT string_agg(format('%s %s', p.name, a.rolname), ', ' ORDER BY p.name) FROM qlm.peer p LEFT JOIN pg_authid a ON a.oid = (p.role_id & 4294967295)::oid"),
		'b boss, g , k kitchen', 'by number');
	is($away->safe_psql($database, 'SELECT count(*) FROM qlm.subscription'), 2, 'the subscription of a role that is not there has ended');
	$away->safe_psql('postgres', 'CREATE ROLE gardener LOGIN IN ROLE qlm_writer');
	is($does->('g'), 403, 'who has its name later inherits nothing');
	$away->safe_psql('postgres', 'DROP ROLE gardener');
	return $err;
}

sub database
{
	my ($name, $extension) = @_;

	$away->safe_psql('postgres', "CREATE DATABASE $name TEMPLATE template0");
	$away->safe_psql($name, 'CREATE EXTENSION qlm') if $extension;
	return $away->connstr($name);
}

subtest 'what is the number of the one here is that of the other there' => sub {
	$home->safe_psql('postgres', "CREATE ROLE $_ LOGIN") for 'kitchen', 'boss', 'gardener';
	$away->safe_psql('postgres', "CREATE ROLE $_ LOGIN") for 'boss', 'kitchen';
	is($away->safe_psql('postgres', "SELECT oid FROM pg_authid WHERE rolname = 'boss'"),
		$home->safe_psql('postgres', "SELECT oid FROM pg_authid WHERE rolname = 'kitchen'"), 'the number of one role is that of another elsewhere');
	$_->safe_psql('postgres', 'GRANT qlm_reader TO kitchen; GRANT qlm_writer TO boss') for $home, $away;
	$home->safe_psql('postgres', 'GRANT qlm_reader TO gardener');

	$home->safe_psql('postgres', <<'EOQ');
SELECT qlm_write('R/x', '1');
SELECT qlm_add_peer('k', role => 'kitchen'), qlm_add_peer('b', role => 'boss'), qlm_add_peer('g', role => 'gardener');
EOQ
	%id = map { $_ => $home->safe_psql('postgres', "SELECT qlm_subscribe('R/x', -1)", extra_params => [ '-U', $_ ]) } qw(kitchen boss gardener);
	$write = write_envelope('M2', 'R/x', 2);

	my $file = "$PostgreSQL::Test::Utils::tmp_check/roles.dump";
	my @from = ('-d', $home->connstr('postgres'));

	$home->command_ok([ 'pg_dump', '-Fc', '-f', $file, @from ], 'a dump');
	$away->command_ok([ 'pg_restore', '-d', database('whole'), $file ], 'is restored');
	like(slurp_file($away->logfile), qr/WARNING:  role "gardener" of peer "g" does not exist/, 'a role that is not there is told');
	is_right('whole', 'restored');

	$home->command_ok([ 'pg_dump', '--data-only', '--disable-triggers', '-f', $file, @from ], 'data alone, without triggers');
	$away->command_ok([ 'psql', '-Xq', '-d', database('data', 1), '-f', $file ], 'are restored');
	like(is_right('data', 'without triggers'), qr/WARNING:  dropped roles were in use by qlm in this database: "gardener"/, 'what has no role is told later');
};

subtest 'replicated rows fire no triggers either' => sub {
	$home->safe_psql('postgres', 'CREATE PUBLICATION rows FOR TABLE qlm.object, qlm.info_item, qlm.value, qlm.peer, qlm.subscription, qlm.subscription_target WITH (publish_via_partition_root = true)');
	database('replica', 1);
	my $connection = $home->connstr . ' dbname=postgres';
	$away->safe_psql('replica', "CREATE SUBSCRIPTION copied CONNECTION '$connection' PUBLICATION rows");
	ok(wait_until(sub { $away->safe_psql('replica', "SELECT count(*) > 0 AND bool_and(srsubstate IN ('r', 's')) FROM pg_subscription_rel") eq 't' }), 'rows are replicated');
	$away->safe_psql('replica', 'ALTER SUBSCRIPTION copied DISABLE');
	is_right('replica', 'replicated');
	$away->safe_psql('replica', "ALTER SUBSCRIPTION copied SET (slot_name = NONE); DROP SUBSCRIPTION copied");
};

subtest 'where the library is not preloaded, a session has it that has called it' => sub {
	$away->safe_psql('data', 'SELECT qlm_version(); ALTER ROLE kitchen RENAME TO cook; CREATE ROLE kitchen LOGIN IN ROLE qlm_writer');
	is($away->safe_psql('data', "SELECT role FROM qlm.peer WHERE name = 'k'"), 'cook', 'once here, a row follows its role');
	like($away->safe_psql('data', "SELECT qlm_handle('$write', 'k')"), qr/returnCode="403"/, 'and has its rights');
};

my $new;
subtest 'an upgrade of the server keeps numbers, in what is another cluster' => sub {
	$new = qlm_node('new', preload => 0, http => 0, start => 0);
	my $bin = $home->config_data('--bindir');

	$home->safe_psql('postgres', "DROP PUBLICATION rows; SELECT qlm_version(); DROP ROLE gardener; ALTER ROLE boss RENAME TO chief; CREATE ROLE gardener LOGIN IN ROLE qlm_writer; CREATE ROLE boss LOGIN IN ROLE qlm_reader");
	$_->stop for $home, $away;
	chdir $PostgreSQL::Test::Utils::tmp_check;
	$new->command_ok([ 'pg_upgrade', '-b', $bin, '-B', $bin, '-d', $home->data_dir, '-D', $new->data_dir, '-p', $home->port, '-P', $new->port, '-s', $new->host ], 'pg_upgrade');
	$new->start;
	my $codes = sub { return join ' ', map { $new->safe_psql('postgres', "SELECT qlm_handle('$write', '$_')") =~ /returnCode="(\d+)"/ ? $1 : 'nothing' } qw(k b g) };
	is($new->safe_psql('postgres', 'SELECT kind, object FROM qlm.customizations()'), '', 'nothing counts as set up by an administrator that was not');
	is($codes->(), '403 200 403', 'each peer has the rights of its role');
	$new->safe_psql('postgres', 'SELECT qlm.follow_roles()');
	is($codes->(), '403 200 403', 'and then, too');
	is($new->safe_psql('postgres', "SELECT string_agg(format('%s %s', p.name, a.rolname), ', ' ORDER BY p.name) FROM qlm.peer p LEFT JOIN pg_authid a ON a.oid = (p.role_id & 4294967295)::oid"),
		'b chief, g , k kitchen', 'by number');
};

$new->stop;
done_testing();
