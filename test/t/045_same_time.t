# Values without a time that arrive in one instant, from several sessions.

use strict;
use warnings FATAL => 'all';

use IPC::Run;
use QlmTest;
use Test::More;

my $SESSIONS = 4;
my $VALUES = 10000;

my $node = qlm_node('same_time', http => 0);

# One message with values of one InfoItem, numbered, none of which has a time
sub message
{
	my ($session) = @_;
	my $values = join '', map { "<value>$session:$_</value>" } 1 .. $VALUES;

	return envelope('M2', '<write msgformat="odf"><msg>' .
		  objects('M2', 'Same/time', $values) . '</msg></write>');
}

$node->safe_psql('postgres', q{SELECT qlm_write('Same/time', 'first')});

subtest 'all of them have been received and wait, until the table is unlocked' => sub {
	my $locker = $node->background_psql('postgres');
	$locker->query_safe('BEGIN; LOCK TABLE qlm.value IN SHARE MODE');

	my @answers = ('') x $SESSIONS;
	my @writers = map {
		my $file = $node->basedir . "/message$_.sql";

		PostgreSQL::Test::Utils::append_to_file($file, "SELECT qlm_handle('" . message($_) . "');");
		IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-f', $file ],
			'>', \$answers[$_ - 1]);
	} 1 .. $SESSIONS;

	ok(wait_until(sub {
		return $SESSIONS == $node->safe_psql('postgres',
			q{SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'SELECT qlm_handle%'});
	}), 'all messages have been received');
	my $received = $node->safe_psql('postgres', 'SELECT clock_timestamp()');
	$locker->query_safe('COMMIT');
	$locker->quit;
	$_->finish for @writers;

	is(scalar(grep { /returnCode="200"/ } @answers), $SESSIONS, 'all are taken');
	is($node->safe_psql('postgres', q{SELECT count(*) FROM qlm.history WHERE path = 'Same/time'}),
		$SESSIONS * $VALUES + 1, 'all values are there');
	is($node->safe_psql('postgres', q{
	SELECT count(*) FROM (
		SELECT split_part(value, ':', 2)::int AS n,
			lag(split_part(value, ':', 2)::int) OVER (PARTITION BY split_part(value, ':', 1) ORDER BY ts) AS before
		FROM qlm.history WHERE path = 'Same/time' AND value <> 'first') AS v
	WHERE n <> COALESCE(before, 0) + 1}),
		0, 'those of each message in their order');
	is($node->safe_psql('postgres', qq{
	SELECT max(ts) <= '$received'::timestamptz + $SESSIONS * $VALUES * interval '1 us'
	FROM qlm.history WHERE path = 'Same/time'}),
		't', 'none is further away than there are values');
};

$node->stop;
done_testing();
