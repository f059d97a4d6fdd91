# A subscription with callback notify:CHANNEL wakes a listener, whoever writes.

use strict;
use warnings FATAL => 'all';

use QlmTest;
use Test::More;

my $node = qlm_node('notify', conf => "qlm.anonymous_role = 'qlm_writer'\n");

$node->safe_psql('postgres', "SELECT qlm_write('SmartFridge411/temperature', '1', '2024-01-01Z')");

my $listener = $node->background_psql('postgres');
my $id = $listener->query_safe("LISTEN fridge; SELECT qlm_subscribe('SmartFridge411/temperature', -1, 'notify:fridge')");

# The notifications that the listener gets, until there is one.
sub notified
{
	my $got = '';

	wait_until(sub { $got .= $listener->query('SELECT 1'); $got =~ /Asynchronous/ }, 'a notification comes');
	return () = $got =~ /Asynchronous notification "fridge" with payload "$id"/g;
}

sub polled
{
	return $node->safe_psql('postgres', "SELECT string_agg(value, ' ' ORDER BY ts) FROM qlm_poll($id)");
}

my %ways = (
	'an envelope over HTTP' => sub {
		post($node, write_envelope('QP', 'SmartFridge411/temperature', $_[0], at => '2024-02-01T00:00:00Z'));
	},
	'qlm_write' => sub {
		$node->safe_psql('postgres', "SELECT qlm_write('SmartFridge411/temperature', '$_[0]', '2024-03-01Z')");
	},
	'a plain INSERT' => sub {
		$node->safe_psql('postgres', "INSERT INTO qlm.value (info_item_id, ts, num) SELECT info_item_id, '2024-04-01Z', $_[0] FROM qlm.info_item WHERE path = 'SmartFridge411/temperature'");
	});
my $value = 1;

for my $way ('an envelope over HTTP', 'qlm_write', 'a plain INSERT')
{
	$ways{$way}->(++$value);
	is(notified(), 1, "$way: one notification");
	is(polled(), $value, 'after which the value can be polled');
}

$node->safe_psql('postgres', <<EOQ);
BEGIN;
SELECT qlm_write('SmartFridge411/temperature', '7', '2024-05-01Z');
SELECT qlm_write('SmartFridge411/temperature', '8', '2024-05-02Z');
COMMIT;
EOQ
is(notified(), 1, 'two writes in a transaction: one notification');
is(polled(), '7 8', 'both values');

$node->safe_psql('postgres', <<EOQ);
SELECT qlm_write('SmartFridge411/temperature', 'late', '2023-01-01Z');
SELECT qlm_write('SmartFridge411/door', 'open');
BEGIN; SELECT qlm_write('SmartFridge411/temperature', 'undone'); ROLLBACK;
NOTIFY fridge, '$id';
EOQ
is(notified(), 1, 'a late value, another InfoItem, a rollback: none but our own');
is(polled(), '', 'and nothing to poll');

subtest 'an interval: the dispatcher notifies at each tick at which there is a value' => sub {
	$listener->query_safe("SELECT qlm_cancel($id)");
	$id = $listener->query_safe("SELECT qlm_subscribe('SmartFridge411/door', 0.1, 'notify:fridge')");
	my $empty = $listener->query_safe("SELECT qlm_subscribe('SmartFridge411/light', 0.1, 'notify:fridge')");
	cmp_ok(notified(), '>=', 1, 'an interval: a notification');
	like(polled(), qr/^open( open)*$/, 'after which the value of each tick can be polled');
	cmp_ok(notified(), '>=', 1, 'and again after the next interval');
	my $more = '';
	wait_for_sql($node, "SELECT next_due > created_at + 10 * interval '0.1 s' FROM qlm.subscription WHERE request_id = $empty", 't');
	$more .= $listener->query('SELECT 1');
	unlike($more, qr/payload "$empty"/, 'none where nothing has a value');
};

$listener->quit;
$node->stop;
done_testing();
