# A reporting node beside production: where an administrator asks for it, values that
# logical replication brings are events there, for subscriptions of every kind.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use QlmReceiver;
use QlmTest;
use Test::More;
use Time::HiRes qw(time);

my $conf = "wal_level = logical\nqlm.anonymous_role = 'qlm_writer'\nqlm.callback_allow = '127.0.0.1'\nqlm.retry_delay = '100ms'\n";
my $node = qlm_node('production', conf => $conf, init => [ allows_streaming => 'logical' ]);
my $copy = qlm_node('reports', conf => $conf);
my $receiver = QlmReceiver->new;
my $asked = 0;

sub on_node { return $node->safe_psql('postgres', $_[0]); }
sub on_copy { return $copy->safe_psql('postgres', $_[0]); }

sub applied
{
	on_node($_[0]);
	$node->wait_for_catchup('reports');
	return;
}

# The first copy of the tables is complete.
sub subscribe
{
	on_copy("CREATE SUBSCRIPTION reports CONNECTION '" . $node->connstr . " dbname=postgres' PUBLICATION reports");
	wait_for_sql($copy, "SELECT bool_and(srsubstate IN ('r', 's')) FROM pg_subscription_rel", 't', 'the tables are copied');
	return;
}

# What the callback has been told since it was last asked
sub told
{
	my $left = "SELECT count(*) FROM qlm.outbox WHERE state IN ('queued', 'sent')";

	wait_for_sql($copy, $left, '0', 'what is queued has left');
	my @bodies = $receiver->bodies;
	my @new = @bodies[ $asked .. $#bodies ];

	$asked = @bodies;
	return join '; ', map { join ' ', sort m{<value[^>]*>([^<]*)</value>}g } @new;
}

sub polled { return on_copy("SELECT string_agg(value, ' ' ORDER BY ts, path) FROM qlm_poll($_[0])"); }

my %write = map { $_ => "SELECT qlm_write('F/$_', '%s', '%s')" } qw(x y);
sub value { my ($item, $value, $at) = @_; return sprintf $write{$item}, $value, $at; }

on_node(value('x', 'old', '2024-01-01Z') . ';' . value('y', 'old', '2024-01-01Z'));
on_node("CREATE PUBLICATION reports FOR TABLE qlm.object, qlm.object_id, qlm.info_item, qlm.meta_data, qlm.value WITH (publish_via_partition_root = true)");
on_copy("SELECT qlm_subscribe('F', -1, '" . $receiver->url . "')");
my $poll = on_copy("SELECT qlm_subscribe('F')");
my $first = on_copy("SELECT qlm_subscribe('F', -2)");
on_copy("CREATE ROLE guest IN ROLE qlm_reader; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO guest");
my $guest = on_copy("SET ROLE guest; SELECT qlm_subscribe('F')");
my $listener = $copy->background_psql('postgres');
my $notified = $listener->query_safe("LISTEN reports; SELECT qlm_subscribe('F', -1, 'notify:reports')");
on_copy(<<'EOQ');
CREATE FUNCTION public.seen_as(float8) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	RAISE LOG 'seen as %, a superuser: %', current_user, (SELECT rolsuper FROM pg_roles WHERE rolname = current_user);
	RETURN $1 > 10;
END $$;
ALTER TABLE qlm.value ENABLE ROW LEVEL SECURITY;
CREATE POLICY part ON qlm.value FOR SELECT TO guest USING (public.seen_as(num));
CREATE POLICY whole ON qlm.value TO qlm_writer USING (true);
EOQ

subtest 'without the trigger it is a copy' => sub {
	subscribe();
	applied(value('x', 1, '2024-01-02Z'));
	is(told(), '', 'what is copied is no event');
	is(polled($poll), '', 'for nobody');

	on_copy('CREATE TRIGGER value_applied AFTER INSERT ON qlm.value FOR EACH ROW EXECUTE FUNCTION qlm.value_applied(); ALTER TABLE qlm.value ENABLE REPLICA TRIGGER value_applied');
	applied(value('x', 2, '2024-01-03Z'));
	is(told(), '2', 'a value that is applied is one now');
	is(polled($poll), '2', 'and waits for a poll');
	like(in_session($listener, 'SELECT 1'), qr/"reports" with payload "$notified"/, 'and for a listener');
	applied('BEGIN;' . value('x', 3, '2024-01-04Z') . ';' . value('y', 4, '2024-01-04Z') . ';' . value('x', 5, '2024-01-05Z') . '; COMMIT');
	is(told(), '3 4 5', 'a transaction is told in one message');
	is(polled($poll), '3 4 5', 'and all of it');
	applied(value('x', 'late', '2023-06-01Z') . ';' . value('x', 6, '2024-01-05Z'));
	is(told(), '', 'late values and corrections are no events here either');
	applied('BEGIN; SAVEPOINT a;' . value('x', 7, '2024-01-07Z') . '; ROLLBACK TO a;' . value('x', 8, '2024-01-06Z') . '; COMMIT');
	is(told(), '8', 'nothing is told that was undone');
	applied("SELECT qlm_write('F/z', '20', '2031-05-01Z')");
	is(told(), '20', 'an InfoItem that comes, into the partition for other times');
	is(polled($first), '20', 'and its first value');
	is(on_copy("SELECT count(*) FROM qlm.subscription_value WHERE request_id = $guest"), 1, 'a subscriber gets what he may see, and nothing of the rest');
	is(polled($guest), '20', 'and sees it');
	my %seen_as = map { $_ => 1 } slurp_file($copy->logfile) =~ /LOG:  seen as (.*)/g;
	is(join('; ', keys %seen_as), 'guest, a superuser: f', 'what runs for him runs as him, also where replication applies');
};

subtest 'who writes gets no more rights there, though who applies is a superuser' => sub {
	on_copy(<<'EOQ');
CREATE FUNCTION public.greedy() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	BEGIN RESET ROLE; EXCEPTION WHEN OTHERS THEN RAISE LOG 'greedy: %', SQLERRM; END;
	BEGIN SET SESSION AUTHORIZATION DEFAULT; EXCEPTION WHEN OTHERS THEN RAISE LOG 'greedy: %', SQLERRM; END;
	BEGIN ALTER ROLE guest SUPERUSER; EXCEPTION WHEN OTHERS THEN RAISE LOG 'greedy: %', SQLERRM; END;
	RAISE LOG 'greedy is %', current_user;
	RETURN true;
END $$;
ALTER FUNCTION public.greedy() OWNER TO guest;
ALTER POLICY part ON qlm.value USING (num > 10 AND public.greedy());
EOQ
	applied("SELECT qlm_write('F/z', '21', '2031-05-02Z')");
	is(told(), '21', 'a subscriber with a function of his own in his policy');
	is(polled($guest), '21', 'is served');
	my @greedy = slurp_file($copy->logfile) =~ /LOG:  greedy:? (.*)/g;
	is((grep { $_ eq 'is guest' } @greedy) > 0, 1, 'with the rights of the subscriber');
	is((grep { /^is (?!guest)/ } @greedy) + 0, 0, 'and no others');
	is(on_copy("SELECT rolsuper FROM pg_roles WHERE rolname = 'guest'"), 'f', 'he gets no more of them');
	on_copy('ALTER POLICY part ON qlm.value USING (public.seen_as(num))');
	polled($first);
};

subtest q{the node's own partitions have the trigger as soon as they are made} => sub {
	on_copy("SELECT qlm_make_partitions('2025-01-01', '2025-01-02')");
	applied(value('x', 9, '2025-01-01Z'));
	is(told(), '9', 'a partition that was made later');
};

subtest 'what is written here fires as before, once' => sub {
	is(post($copy, write_envelope('M1b', 'F/x', 10, at => '2025-01-02T00:00:00Z'))->{status}, 200, 'a write here');
	is(told(), '10', 'is one event');
	on_copy("INSERT INTO qlm.value (info_item_id, ts, num) SELECT info_item_id, '2025-01-03Z', 11 FROM qlm.info_item WHERE path = 'F/x'");
	is(told(), '11', 'by SQL too');
	on_copy('ALTER TABLE qlm.value ENABLE ALWAYS TRIGGER value_applied');
	on_copy("SELECT qlm_write('F/x', '12', '2025-01-04Z')");
	is(told(), '12', 'whatever the trigger is enabled for');
	on_copy('ALTER TABLE qlm.value ENABLE REPLICA TRIGGER value_applied');
};

subtest q{an error of one subscriber is nobody else's} => sub {
	on_copy("CREATE FUNCTION public.fails(qlm.payload_row[]) RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''never''; END'; SELECT qlm_add_format('failing', NULL, 'public.fails(qlm.payload_row[])')");
	on_copy("SELECT qlm_handle('<omiEnvelope xmlns=\"http://www.opengroup.org/xsd/omi/1.0/\" version=\"1.0\" ttl=\"-1\"><read interval=\"-1\" msgformat=\"failing\" callback=\"" . $receiver->url . "\"><msg><Objects xmlns=\"http://www.opengroup.org/xsd/odf/1.0/\"><Object><id>F</id></Object></Objects></msg></read></omiEnvelope>')");
	applied(value('x', 13, '2025-01-05Z'));
	like(told(), qr/13/, 'where the format of another one cannot be written');
};

subtest 'more than is kept at once, and many InfoItems that go' => sub {
	applied("SELECT qlm_cancel(request_id) FROM qlm.subscription");
	on_copy("SELECT qlm_cancel(request_id) FROM qlm.subscription");
	$poll = on_copy("SELECT qlm_subscribe('Many')");
	on_copy("ALTER SYSTEM SET qlm.poll_buffer_max = 1000000; SELECT pg_reload_conf()");
	my $many = long_run() ? 100_000 : 20_000;
	on_node("SELECT qlm_write('Many/x', '0', '2000-01-01Z')");
	applied(<<"EOQ");
WITH o AS (SELECT object_id FROM qlm.object WHERE path = 'Many'),
i AS (INSERT INTO qlm.info_item (object_id, name, path) SELECT object_id, 'i' || n, 'Many/i' || n FROM o, generate_series(1, $many) AS n RETURNING info_item_id)
SELECT count(*) FROM i;
INSERT INTO qlm.value (info_item_id, ts, num) SELECT info_item_id, '2025-01-01Z'::timestamptz, 1 FROM qlm.info_item WHERE path LIKE 'Many/i%'
UNION ALL SELECT info_item_id, '2025-01-02Z'::timestamptz, 1 FROM qlm.info_item WHERE path LIKE 'Many/i%';
EOQ
	is(on_copy("SELECT count(*) FROM qlm.subscription_value WHERE request_id = $poll"), 1 + 2 * $many, 'many values of one transaction');
	is(status_of('Many/i1'), 200, 'a worker knows an InfoItem of theirs');
	my $began = time;
	applied("DELETE FROM qlm.info_item WHERE path LIKE 'Many/i%'");
	note sprintf '%d InfoItems were deleted here and there in %.1f s', $many, time - $began;
	is(on_copy("SELECT count(*) FROM qlm.info_item WHERE path LIKE 'Many/i%'"), 0, 'many InfoItems go');
	is(status_of('Many/i1'), 404, 'for the workers, too');
	is(on_copy("SELECT count(*) FROM qlm.subscription_value"), 1, 'and with them what waits for a poll');
};

sub status_of { return get($copy, "/Objects/$_[0]")->{status}; }

subtest 'history is none of it' => sub {
	on_copy("SELECT qlm_cancel($poll)");
	$poll = on_copy("SELECT qlm_subscribe('F')");
	on_copy('DROP SUBSCRIPTION reports; TRUNCATE qlm.object');
	subscribe();
	is(polled($poll), '', 'the first copy of a table is no event');
	applied(value('x', 14, '2025-01-06Z'));
	is(polled($poll), '14', 'what comes after it is');
};

$listener->quit;
$copy->stop;
$node->stop;
done_testing();
