# Roles are followed: a peer, a subscription and what waits belong to a role, whatever
# its name, in all processes at once.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Utils;
use QlmPeer;
use QlmReceiver;
use QlmSocket;
use QlmTest;
use Test::More;

my $node = qlm_node('roles', conf => <<'EOC');
qlm.http_workers = 3
qlm.callback_allow = '127.0.0.1'
qlm.retry_delay = '200ms'
qlm.retry_max_delay = '500ms'
EOC
$node->safe_psql('postgres', 'CREATE DATABASE elsewhere');

sub sql { return $node->safe_psql('postgres', $_[0]); }

# A statement and what it says besides
sub said
{
	my ($database, $sql) = @_;
	my ($status, $out, $err) = $node->psql($database, $sql);

	is($status, 0, $sql) or diag $err;
	return $err;
}

# What many requests on connections of their own, and so several workers, are told
sub told
{
	my ($peer, $message) = @_;
	my %codes;

	$codes{ return_code(post($node, $message, path => "/peer/$peer")) }++ for 1 .. 24;
	return join ' ', sort keys %codes;
}

sub looked
{
	my ($peer) = @_;
	my %status;

	$status{ get($node, "/Objects/R/x/value?peer=$peer")->{status} }++ for 1 .. 24;
	return join ' ', sort keys %status;
}

sub subscribe
{
	my ($peer, %opt) = @_;
	my $callback = $opt{callback} ? " callback=\"$opt{callback}\"" : '';
	my $interval = $opt{interval} // -1;

	return (request_ids(post($node, envelope('M2', "<read interval=\"$interval\"$callback><msg>"
				  . objects('M2', 'R/x') . '</msg></read>', ttl => -1), path => "/peer/$peer")))[0];
}

sub poll { return post($node, envelope('M2', "<read><requestID>$_[1]</requestID></read>"), path => "/peer/$_[0]"); }

sub values_in { return join ' ', map { m{<value[^>]*>([^<]*)</value>}g } @_; }

my $write = write_envelope('M2', 'W/x', 'mine');
my $read = envelope('M2', '<read><msg>' . objects('M2', 'R/x') . '</msg></read>');
my $n = 0;

# A role, a peer that has it, and all that may belong to them
sub make
{
	my ($role, %opt) = @_;
	my %had = (role => $role, receiver => QlmReceiver->new, stopped => QlmReceiver->new(stopped => 1));

	sql("CREATE ROLE $role LOGIN IN ROLE qlm_writer; SELECT qlm_add_peer('$role', role => '$role', piggyback => true)");
	sql("SELECT qlm_write('R/x', 'before')");
	is(told($role, $write), '200', "$role: the peer writes");
	is(looked($role), '200', 'and looks');
	$had{poll} = subscribe($role);
	$had{tick} = subscribe($role, interval => 0.1);
	$had{callback} = subscribe($role, callback => $had{receiver}->url);
	my $as_role = sub { return $node->safe_psql('postgres', "SELECT qlm_subscribe('R/x', -1, $_[0])", extra_params => [ '-U', $role ]); };
	$had{waiting} = $as_role->("'" . $had{stopped}->url . "'");
	$had{session} = $as_role->('NULL');
	$had{socket} = qlm_socket($node, path => "/peer/$role");
	$had{on_socket} = (request_ids($had{socket}->request(envelope('M2', '<read interval="-1" callback="0"><msg>'
				. objects('M2', 'R/x') . '</msg></read>', ttl => -1))))[0];
	sql("SELECT qlm_write('R/x', 'one')");
	is(values_in($had{receiver}->bodies(1)), 'one', 'a callback gets what is written');
	is(values_in($had{socket}->receive(timeout => 20)), 'one', 'so does a WebSocket');
	wait_for_sql($node, "SELECT count(*) FROM qlm.outbox WHERE subscription_id = $had{waiting} AND state IN ('queued', 'sent')", 1, 'one waits');
	$had{held} = qlm_connect($node);
	$had{held}->send_request('POST', "/peer/$role", body => envelope('M2', "<read><requestID>" . subscribe($role) . "</requestID></read>"), headers => { Prefer => 'wait=20' });
	return \%had;
}

for my $where ('postgres', 'elsewhere')
{
	subtest "renamed in database $where" => sub {
		my $old = 'ren_' . ++$n;
		my $had = make($old);

		said($where, "ALTER ROLE $old RENAME TO new_$n; CREATE ROLE $old LOGIN IN ROLE qlm_reader");
		is(told($old, $write), '200', 'all workers: the peer has the same rights');
		is(looked($old), '200', 'also to look');
		wait_for_sql($node, "SELECT role FROM qlm.peer WHERE name = '$old'", "new_$n", 'it is shown by the new name') if $where ne 'postgres';
		is(sql("SELECT role FROM qlm.peer WHERE name = '$old'"), "new_$n", 'qlm.peer has it');
		wait_for_sql($node, "SELECT string_agg(DISTINCT role, ' ') FROM qlm.subscription WHERE request_id <> 0", "new_$n", 'so have its subscriptions');
		is(sql("SELECT string_agg(DISTINCT owner, ' ') FROM qlm.stat_subscription"), "new_$n", 'also where they are counted');
		wait_for_sql($node, "SELECT string_agg(DISTINCT asker_role, ' ') FROM qlm.outbox WHERE state IN ('queued', 'sent')", "new_$n", 'and what waits');
		sql("SELECT qlm_add_peer('other_$n', role => '$old')");
		is(told("other_$n", $write), '403', 'a new role of the old name has its own rights');
		is(sql("SELECT qlm_write('R/x', 'two')"), '', 'what is written now');
		like(values_in(poll($old, $had->{poll})->{body}), qr/^one two$/, 'is polled');
		is(return_code(poll($old, $had->{tick})), 200, 'by an interval as well');
		is(return_code(poll("other_$n", $had->{poll})), 404, 'not by others');
		is(values_in($had->{receiver}->bodies(2)), 'one two', 'arrives at the callback');
		is(values_in($had->{socket}->receive(timeout => 20)), 'two', 'and on the WebSocket');
		$had->{stopped}->start;
		is(values_in($had->{stopped}->bodies(2)), 'one two', 'what waited is delivered');
		like($had->{held}->response->{body}, qr/>two</, 'who waited is answered');
		$node->safe_psql('postgres', "SELECT qlm_poll($had->{session})", extra_params => [ '-U', "new_$n" ]);
		my ($status) = $node->psql('postgres', "SELECT qlm_poll($had->{session})", extra_params => [ '-U', $old ]);
		isnt($status, 0, 'a session of the old name polls nothing of it');
		sql("SELECT qlm_drop_peer('$old'), qlm_drop_peer('other_$n'); DELETE FROM qlm.subscription; DROP ROLE $old, new_$n");
	};
}

for my $where ('postgres', 'elsewhere')
{
	subtest "dropped in database $where" => sub {
		my $role = 'gone_' . ++$n;
		my $had = make($role);
		my $log = -s $node->logfile;

		my $warned = said($where, "DROP ROLE $role");
		is(told($role, $write), '403', 'all workers: the peer is refused');
		is(looked($role), '403', 'also to look');
		my $refused = post($node, $write, path => "/peer/$role");
		is($refused->{status}, 403, 'the status says so, too');
		like($refused->{body}, qr/peer &quot;$role&quot; has no role here any more: an administrator must give it one/, 'and the message why');
		sql("SELECT qlm_request('$role', qlm_read_envelope('Dev/x'))");
		is(scalar nested(post($node, envelope('Q1', '<read/>'), path => "/peer/$role")), 0, 'nothing that waits for it is handed over');
		sql("DELETE FROM qlm.outbox WHERE peer = '$role'");
		if ($where eq 'postgres')
		{
			like($warned, qr/WARNING:  dropped roles were in use by qlm in this database: "$role"/, 'who drops it is told');
			like($warned, qr/DETAIL:  Peers that are refused until they have another role: "$role"\. Subscriptions that have ended: 7; values and messages that waited for them, or were asked for: [1-9]/, 'what that ends');
			like($warned, qr/HINT:  UPDATE qlm\.peer SET role/, 'and what to do');
		}
		said($where, "CREATE ROLE $role LOGIN IN ROLE qlm_writer");
		is(told($role, $write), '403', 'a new role of that name changes nothing');
		is(looked($role), '403', 'for nobody');
		wait_for_sql($node, "SELECT count(*) FROM qlm.subscription", 0, 'its subscriptions have ended');
		is(sql("SELECT role IS NULL FROM qlm.peer WHERE name = '$role'"), 't', 'the peer has no role');
		is(sql("SELECT count(*) FROM qlm.subscription_value"), 0, 'nothing waits to be polled');
		is(sql("SELECT count(*) FROM qlm.outbox WHERE state IN ('queued', 'sent')"), 0, 'or to be posted');
		my $bodies = () = $had->{receiver}->bodies(1);
		$had->{stopped}->start;
		sql("SELECT qlm_write('R/x', 'after')");
		is($had->{socket}->receive(timeout => 0.5), undef, 'nothing is pushed');
		is(scalar(() = $had->{receiver}->bodies(1)), $bodies, 'nothing is posted');
		is(scalar(() = $had->{stopped}->bodies(0)), 0, 'nor what waited');
		unlike($had->{held}->response->{body} // '', qr/<value/, 'who waited gets no data');
		my ($status) = $node->psql('postgres', "SELECT qlm_poll($had->{session})", extra_params => [ '-U', $role ]);
		isnt($status, 0, 'nor has the new role anything of it in SQL');
		my $lines = () = slurp_file($node->logfile, $log) =~ /(?:LOG|WARNING):  .*dropped roles were in use.*"$role"/g;
		is($lines, 1, 'it is logged once');

		sql("UPDATE qlm.peer SET role = '$role' WHERE name = '$role'");
		is(told($role, $write), '200', 'the administrator gives it a role: all workers let it in');
		is(return_code(poll($role, $had->{poll})), 404, 'what has ended stays so');
		sql("SELECT qlm_drop_peer('$role'); DROP ROLE $role");
	};
}

subtest 'a peer that this node calls' => sub {
	my $called = QlmPeer->new;

	sql("CREATE ROLE far IN ROLE qlm_writer; SELECT qlm_add_peer('far', role => 'far', url => '" . $called->url . "', heartbeat => '1 s')");
	$called->answer($called->request('beat'), envelope('M2', '<response><result><return returnCode="200"/></result></response>'));
	said('elsewhere', 'DROP ROLE far');
	wait_for_sql($node, "SELECT role IS NULL FROM qlm.peer WHERE name = 'far'", 't', 'it has no role');
	$called->hang_up_all;
	my $id = sql("SELECT qlm_request('far', qlm_read_envelope('F/x'))");
	ok($called->is_quiet('request', 1.5), 'is not called any more, as nothing could be done with its answer');
	is(sql("SELECT state FROM qlm.outbox WHERE message_id = $id"), 'queued', 'what an administrator has queued waits');
	sql("UPDATE qlm.peer SET role = 'qlm_writer' WHERE name = 'far'");
	$called->answer($called->request('request'), response_envelope('M2', undef, 'F/x', 1));
	wait_for_sql($node, "SELECT state FROM qlm.outbox WHERE message_id = $id", 'answered', 'until it has one');
	sql("SELECT qlm_drop_peer('far')");
};

subtest 'many rows' => sub {
	sql("CREATE ROLE crowd; INSERT INTO qlm.subscription (request_id, role, interval, dialect) SELECT 9000000 + i, 'crowd', -1, 'M2' FROM generate_series(1, 45000) i; SELECT qlm.follow_roles()");
	said('elsewhere', 'ALTER ROLE crowd RENAME TO throng');
	wait_for_sql($node, "SELECT count(*) FROM qlm.subscription WHERE role = 'throng'", 45000, 'follow, some at a time');
	said('elsewhere', 'DROP ROLE throng');
	wait_for_sql($node, 'SELECT count(*) FROM qlm.subscription', 0, 'and end so');
} unless quick_run();

subtest 'who drops a role waits for nobody' => sub {
	sql("CREATE ROLE busy LOGIN IN ROLE qlm_writer; SELECT qlm_add_peer('busy', role => 'busy')");
	my $session = $node->background_psql('postgres', extra_params => [ '-U', 'busy' ]);
	my $id = in_session($session, "SELECT qlm_subscribe('R/x', -1)");

	in_session($session, "BEGIN; SELECT count(*) FROM qlm_poll($id)");
	my $warned = said('postgres', "SET statement_timeout = '10s'; DROP ROLE busy");
	like($warned, qr/"busy"\. Subscriptions that have ended: 0;/, 'what it holds itself ends later');
	in_session($session, 'COMMIT');
	wait_for_sql($node, 'SELECT count(*) FROM qlm.subscription', 0, 'as soon as it lets go');
	$session->quit;
	sql("SELECT qlm_drop_peer('busy')");
};

subtest 'what PostgreSQL refuses ends nothing' => sub {
	sql("CREATE ROLE owns LOGIN IN ROLE qlm_writer; GRANT CREATE ON SCHEMA public TO owns; SELECT qlm_add_peer('owns', role => 'owns'); SET ROLE owns; CREATE TABLE public.its (x int)");
	my $id = subscribe('owns');
	my ($status, undef, $err) = $node->psql('postgres', 'DROP ROLE owns');

	isnt($status, 0, 'a role that owns something stays');
	unlike($err, qr/WARNING/, 'and nothing is said to have ended');
	($status, undef, $err) = $node->psql('postgres', 'BEGIN; DROP TABLE public.its; DROP OWNED BY owns; DROP ROLE owns; ROLLBACK');
	is($status, 0, 'nor does it go in a transaction that is undone');
	is(told('owns', $write), '200', 'the peer writes');
	is(return_code(poll('owns', $id)), 200, 'and polls');
	sql("SELECT qlm_drop_peer('owns'); DROP OWNED BY owns; DROP ROLE owns");
};

subtest 'who may give a role' => sub {
	sql("CREATE ROLE clerk LOGIN IN ROLE qlm_admin; CREATE ROLE boss IN ROLE qlm_writer; CREATE ROLE low IN ROLE qlm_writer; GRANT low TO clerk; SELECT qlm_add_peer('b', role => 'boss'), qlm_add_peer('l', role => 'low')");
	my $as_clerk = sub { my ($status, undef, $err) = $node->psql('postgres', $_[0], extra_params => [ '-U', 'clerk' ]); return $status ? $err =~ s/.*ERROR:  ([^\n]*).*/$1/sr : 'done'; };

	is($as_clerk->("UPDATE qlm.peer SET role = 'boss' WHERE name = 'l'"), 'a peer cannot have role "boss": you are not a member of it', 'who is a member of it');
	sql('ALTER ROLE boss RENAME TO chief; ALTER ROLE low RENAME TO boss');
	like($as_clerk->("UPDATE qlm.peer SET url = 'http://192.0.2.1/' WHERE name = 'b'"), qr/"chief", and you are not a member/, 'of the role itself, not of its old name');
	is($as_clerk->("UPDATE qlm.peer SET role = 'boss' WHERE name = 'l'"), 'done', 'which somebody else may have');
	is($as_clerk->("UPDATE qlm.peer SET role_id = 10 WHERE name = 'l'"), 'permission denied for table peer', 'the number is this node\'s');
	sql('DROP ROLE chief');
	is($as_clerk->("UPDATE qlm.peer SET role = 'boss' WHERE name = 'b'"), 'done', 'a role that is gone keeps nobody from giving another');
	is($as_clerk->("UPDATE qlm.peer SET role = 'nobody' WHERE name = 'b'"), 'a peer cannot have role "nobody": you are not a member of it', 'one that is not there is for nobody');
	my ($status, undef, $err) = $node->psql('postgres', "UPDATE qlm.peer SET role = 'nobody' WHERE name = 'b'");
	like($err, qr/role "nobody" of peer "b" does not exist/, 'nor for a superuser');
	sql("SELECT qlm_drop_peer('b'), qlm_drop_peer('l'); DROP ROLE boss, clerk");
};

subtest 'strangers have the role that the setting names' => sub {
	sql('CREATE ROLE guest LOGIN IN ROLE qlm_writer');
	$node->append_conf('postgresql.conf', "qlm.anonymous_role = 'guest'");
	$node->reload;
	ok(wait_until(sub { return_code(post($node, $write)) == 200 }), 'they write');
	my ($id) = request_ids(post($node, envelope('M2', '<read interval="-1"><msg>' . objects('M2', 'R/x') . '</msg></read>', ttl => -1)));
	like(said('postgres', 'ALTER ROLE guest RENAME TO visitor'), qr/WARNING:  role "guest" is used by qlm\.anonymous_role/, 'who renames it is told');
	my %status = map { post($node, $write)->{status} => 1 } 1 .. 24;
	is(join(' ', keys %status), '401', 'then nobody has it');
	sql('CREATE ROLE guest LOGIN IN ROLE qlm_writer');
	my %codes = map { return_code(post($node, $write)) => 1 } 1 .. 24;
	is(join(' ', keys %codes), '200', 'until there is one');
	sql("SELECT qlm_write('R/x', 'for guests')");
	is(return_code(post($node, envelope('M2', "<read><requestID>$id</requestID></read>"))), 404, 'who has nothing of the other one');
	is($node->safe_psql('postgres', "SELECT count(*) > 0 FROM qlm_poll($id)", extra_params => [ '-U', 'visitor' ]), 't', 'which goes on');
	sql('DELETE FROM qlm.subscription');
};

$node->stop;
done_testing();
