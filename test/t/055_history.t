# The housekeeping: what has ended stays for a while, within bounds.

use strict;
use warnings FATAL => 'all';

use QlmTest;
use Test::More;

my $node = qlm_node('history', conf => "qlm.http_workers = 1\n");

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

sql(<<EOQ);
INSERT INTO qlm.outbox (message_id, url, kind, envelope, state, answered_at)
	SELECT n, 'http://c.example/', CASE WHEN n <= 10 THEN 'request' ELSE 'response' END, '', 'answered', now()
	FROM generate_series(1, 102510) AS n;
INSERT INTO qlm.subscription_value (request_id, info_item_id, ts)
	SELECT 1 + n % 2, 1, now() FROM generate_series(1, 1500) AS n;
EOQ
my $id = sql("SELECT qlm_subscribe('History')");
sql("SELECT qlm_write('History/x', '1')");

subtest 'it begins with a look' => sub {
	$node->restart;
	ok(wait_for_sql($node, "SELECT count(*) FROM qlm.outbox WHERE kind = 'response'", 100000),
		'finished messages: the newest 100,000 stay');
	is(sql("SELECT min(message_id) FROM qlm.outbox WHERE kind = 'response'"), 2511, 'the oldest have gone');
	is(sql("SELECT count(*) FROM qlm.outbox WHERE kind = 'request'"), 10, 'and push no requests out');
	ok(wait_for_sql($node, 'SELECT string_agg(DISTINCT request_id::text, $$ $$) FROM qlm.subscription_value', $id),
		'values that wait for a subscription that is gone go too');
};

$node->stop;
done_testing();
