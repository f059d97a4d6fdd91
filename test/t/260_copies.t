# A copy of a node, by whatever means it was made, does nothing by itself that the
# original does, too; a node that was restarted, moved or failed over goes on.
# The cases are those of the table in docs/copies.md.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use QlmCopy;
use QlmReceiver;
use QlmTest;
use Test::More;

my $receiver = QlmReceiver->new;
my $plant = calling_node('plant', $receiver);

sub sql
{
	return $plant->safe_psql('postgres', @_);
}

goes_on($plant, $receiver, 'a new node');
is(sql('SELECT count(*), bool_and(arrived IS NULL AND system_identifier = (pg_control_system()).system_identifier) FROM qlm.place'), '1|t', 'it has noted where it is');
is(sql('SELECT qlm_adopt()'), 'f', 'and has nothing to adopt');

subtest 'what happens to a node every day' => sub {
	$plant->restart;
	goes_on($plant, $receiver, 'a restart');
	$plant->stop('immediate');
	$plant->start;
	goes_on($plant, $receiver, 'a crash');
	$plant->stop;
	own_conf($plant);
	$plant->start;
	goes_on($plant, $receiver, 'another port');
	$plant->stop;
	rename $plant->data_dir, $plant->data_dir . '.moved' or die $!;
	symlink $plant->data_dir . '.moved', $plant->data_dir or die $!;
	$plant->start;
	goes_on($plant, $receiver, 'a data directory with another name');
	like(sql('SELECT directory FROM qlm.place'), qr/\.moved$/, 'which is noted');
	for my $link (0, 1)
	{
		my $from = $plant->data_dir . ($link ? '.elsewhere' : '.moved');
		my $to = $plant->data_dir . ($link ? '.linked' : '.elsewhere');

		$plant->stop;
		system('cp', '-a', $from, $to) == 0 or die;
		system('rm', '-r', $from) == 0 or die;
		unlink $plant->data_dir or die $!;
		symlink $to, $plant->data_dir or die $!;
		symlink $to, $from or die $! if $link;
		$plant->start;
		if (sql('SELECT machine FROM qlm.place') eq '')
		{
			holds($plant, qr/this is a copy of/, 'a data directory that was copied, on a machine without an id: the original may be out of sight');
			sql('SELECT qlm_adopt()');
			next;
		}
		goes_on($plant, $receiver, 'a data directory that was copied and removed where it was' . ($link ? ', with a link' : ''));
		like(slurp_file($plant->logfile), qr/qlm goes on in directory "\Q$to\E": it was moved here, and is gone where it was/, 'which the log says');
	}
	sql('VACUUM FULL qlm.place');
	$plant->restart;
	goes_on($plant, $receiver, 'a table that was written anew');
};

my $late;
subtest 'a copy beside it, and one of the copy' => sub {
	my $copy = copy_of($plant, 'copy');
	$receiver->stop;
	my $event = event($plant);
	$plant->backup('waiting');
	$receiver->start;
	$copy->start;
	holds($copy, qr/this is a copy of directory "[^"]*" of host/, 'a base backup as a server of its own');
	my $values = "SELECT count(*) FROM qlm.value JOIN qlm.info_item USING (info_item_id) WHERE path = 'F/y'";
	is($copy->safe_psql('postgres', $values) - sql($values), 2, 'what it is sent is stored, beside what the original was sent');
	my $waiting = event($copy);
	$copy->safe_psql('postgres', "SELECT qlm_request('device', qlm_read_envelope('F/x'), '1 s')");
	wait_until(sub { $copy->safe_psql('postgres', "SELECT count(*) FROM qlm.outbox WHERE state = 'expired'") eq '1' }, 'times to live run');
	$copy->restart;
	holds($copy, qr/this is a copy of/, 'the same when it is started again');
	is(times_arrived($receiver, $waiting), 0, 'nothing has left');
	is($copy->safe_psql('postgres', 'SELECT qlm_adopt()'), 't', 'it is told that the rows are its own');
	wait_until(sub { times_arrived($receiver, $waiting) }, 'then what waits leaves');
	goes_on($copy, $receiver, 'it');
	$copy->restart;
	goes_on($copy, $receiver, 'it, started again');
	$copy->stop;
	goes_on($plant, $receiver, 'the original');
	wait_until(sub { times_arrived($receiver, $event) }, 'what waited when it was copied');
	$late = PostgreSQL::Test::Cluster->new('late');
	$late->init_from_backup($plant, 'waiting');
	own_conf($late)->start;
	holds($late, qr/this is a copy of/, 'a copy with messages that wait');
	is($late->safe_psql('postgres', "SELECT count(*) FROM qlm.outbox WHERE state = 'queued' AND kind = 'response'"), 1, 'they wait on');
	is(times_arrived($receiver, $event), 1, 'what it has was posted by the original alone');
};

$late->stop;
# What a copy of a volume, another machine or a file system cannot be made here of: the marker says it was elsewhere.
sub marked
{
	my ($change) = @_;

	$plant->stop;
	$plant->append_conf('postgresql.conf', "qlm.databases = ''\n");
	$plant->start;
	sql("UPDATE qlm.place SET $change, writer = pg_current_xact_id()::xid");
	$plant->append_conf('postgresql.conf', "qlm.databases = 'postgres'\n");
	$plant->reload;
}

subtest 'in the same server' => sub {
	sql('SELECT qlm_stop()');
	sql('CREATE DATABASE twin TEMPLATE postgres');
	sql('SELECT qlm_start()');
	$plant->append_conf('postgresql.conf', "qlm.databases = 'postgres, twin:" . free_port() . "'\n");
	$plant->reload;
	wait_for_sql($plant, "SELECT state FROM qlm.stat_worker WHERE datname = 'twin' AND kind = 'dispatcher'", 'holding', 'a database made of it holds');
	like(sql("SELECT last_error FROM qlm.stat_worker WHERE datname = 'twin' AND kind = 'dispatcher'"), qr/another database/, 'and says why');
	goes_on($plant, $receiver, 'the database that it was made of');
	$plant->safe_psql('twin', 'SELECT qlm_adopt()');
	wait_for_sql($plant, "SELECT state FROM qlm.stat_worker WHERE datname = 'twin' AND kind = 'dispatcher'", 'running', 'until it is adopted');
	$plant->safe_psql('twin', 'SELECT qlm_stop()');
	sql('ALTER DATABASE twin RENAME TO other');
	is($plant->safe_psql('other', 'SELECT qlm_adopt()'), 'f', 'another name of the database means nothing');
	sql('DROP DATABASE other WITH (FORCE)');
	$plant->append_conf('postgresql.conf', "qlm.databases = 'postgres'\n");
	$plant->reload;
	marked("machine = '0123456789abcdef', host = 'elsewhere'");
	goes_on($plant, $receiver, 'the same disk in another machine, or in a container with another name');
	is(sql("SELECT host <> 'elsewhere' FROM qlm.place"), 't', 'which is noted');
	marked('inode = 0, born = 0');
	goes_on($plant, $receiver, 'a file system without lasting numbers');
	marked("born = born + 1, host = 'elsewhere'");
	holds($plant, qr/this is a copy of/, 'another directory that has the number') if sql('SELECT born FROM qlm.place') ne '1';
	sql('SELECT qlm_adopt()');
	SKIP: {
		skip 'this machine has no id', 1 if sql('SELECT machine FROM qlm.place') eq '';
		marked('inode = inode + 1');
		goes_on($plant, $receiver, 'a directory that was made anew in its place');
		like(slurp_file($plant->logfile), qr/qlm goes on in directory "[^"]*": the directory was made anew in its place/, 'which the log says');
	}
	for my $id (qw(disk file_system))
	{
	  SKIP: {
			skip "$id has no id here", 1 if sql("SELECT $id FROM qlm.place") eq '';
			marked("$id = 'another'");
			holds($plant, qr/this is a snapshot, on another volume, of directory/, "a snapshot, by its $id");
			sql('SELECT qlm_adopt()');
		}
	}
	sql('DELETE FROM qlm.place');
	goes_on($plant, $receiver, 'a node that has noted nothing');
};

subtest 'only administrators say so, and not in a standby or a transaction that may not write' => sub {
	sql('CREATE ROLE writer IN ROLE qlm_writer; CREATE ROLE admin IN ROLE qlm_admin');
	like(($plant->psql('postgres', 'SET ROLE writer; SELECT qlm_adopt()'))[2], qr/permission denied for function qlm_adopt/, 'writers adopt nothing');
	is(sql('SET ROLE admin; SELECT qlm_adopt()'), 'f', 'members of qlm_admin do');
	like(($plant->psql('postgres', 'BEGIN READ ONLY; SELECT qlm_adopt()'))[2], qr/cannot execute qlm_adopt\(\) in a read-only transaction/, 'not where nothing may be written');
	like(($plant->psql('postgres', "ALTER SYSTEM SET qlm.outgoing = off"))[2], qr/parameter "qlm.outgoing" cannot be changed/, 'settings of the place are not in the data directory');
	like(($plant->psql('postgres', "ALTER SYSTEM SET qlm.place = 'x'"))[2], qr/parameter "qlm.place" cannot be changed/, 'neither of them');
};

$plant->stop;
done_testing();
