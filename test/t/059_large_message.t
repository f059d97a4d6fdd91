# A large message runs in a process of its own: its worker answers others
# meanwhile, and whatever becomes of that process, it is answered.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Utils qw(slurp_file);
use QlmTest;
use Test::More;

my $node = qlm_node('large_message', conf => <<EOC);
qlm.anonymous_role = 'qlm_writer'
qlm.http_workers = 1
qlm.large_message = 100kB
EOC

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

# A write of so many new Objects below one
sub large
{
	my ($name, $n, %opt) = @_;
	my $objects = join '', map { "<Object><id>o$_</id><InfoItem name=\"x\"><value>$_</value></InfoItem></Object>" } 1 .. $n;

	return envelope('M1b', '<write msgformat="odf"' . ($opt{attributes} // '') . '><msg><Objects xmlns="http://www.opengroup.org/xsd/odf/1.0/">'
		  . "<Object><id>$name</id>$objects</Object></Objects></msg></write>");
}

my ($locker, $runs, $connection);

sub lock_objects
{
	$locker = $node->background_psql('postgres');
	in_session($locker, 'BEGIN; LOCK TABLE qlm.object IN SHARE MODE');
}

sub unlock_objects
{
	in_session($locker, 'COMMIT');
	$locker->quit;
}

subtest 'while the lock is held a message that makes Objects waits; in a process of its own, or in its worker' => sub {
	$runs = q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'qlm large message' AND wait_event_type = 'Lock'};

	is(return_code(post($node, write_envelope('M1b', 'Small/x', 1))), 200, 'a small write');
	is(return_code(post($node, large('First', 3000))), 200, 'a large one');
	is(sql(q{SELECT count(*), sum(num) FROM qlm.history WHERE path LIKE 'First/%'}), '3000|4501500', 'is stored');

	lock_objects();
	$connection = qlm_connect($node);
	my $second = qlm_connect($node);
	$connection->send_request('POST', '/', body => large('Second', 3000));
	ok(wait_for_sql($node, $runs, 1), 'a large one runs apart');
	$second->send_request('POST', '/', body => large('Third', 3000));
	$connection->send_request('POST', '/', body => read_envelope('M1b', 'Second/o3000/x'));
	is(scalar(grep { return_code(post($node, write_envelope('M1b', 'Small/x', $_))) == 200
				&& return_code(post($node, read_envelope('M1b', 'Small/x'))) == 200 } 1 .. 20), 20,
		'meanwhile the only worker answers others');
	is(sql(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'qlm large message'}), 1, 'and runs one apart at a time');
	unlock_objects();
	is(return_code($connection->response), 200, 'then it is answered');
	like($connection->response->{body}, qr/>3000</, 'and what came behind it on its connection');
	is(return_code($second->response), 200, 'so is the next');
	ok(wait_for_sql($node, q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'qlm large message'}, 0), 'their processes end');
};

subtest 'what belongs to a message belongs to a large one' => sub {
	sql(q{SELECT qlm_add_peer('machine', role => 'qlm_writer', credential => 'secret', paths => '{Machine}', piggyback => true)});
	sql(q{SELECT qlm_request('machine', qlm_read_envelope('Machine'))});
	my $id = sql(q{SELECT qlm_subscribe('Machine/o7/x')});
	my $answer = post($node, large('Machine', 2000), path => '/peer/machine', headers => { Authorization => 'Bearer wrong' });
	is($answer->{status}, 401, 'a wrong secret');
	ok($answer->{headers}{'www-authenticate'}, 'gets the challenge');
	$answer = post($node, large('Machine', 2000), path => '/peer/machine', headers => { Authorization => 'Bearer secret' });
	is(return_code($answer), 200, 'the right one');
	like($answer->{body}, qr/<read /, 'gets what is queued for the peer');
	is(sql("SELECT path, value FROM qlm_poll($id)"), 'Machine/o7/x|7', 'and subscriptions hear of it');
	is(post($node, large('Bad', 3000) . '<')->{status}, 400, 'a bad one is refused');
	is(sql(q{SELECT count(*) FROM qlm.object WHERE path LIKE 'Bad%'}), 0, 'as a whole');
	is(post($node, 'x' x 200000)->{status}, 400, 'so is what is none');
};

subtest 'whatever becomes of the process, there is an answer' => sub {
	lock_objects();
	$connection->send_request('POST', '/', body => large('Fourth', 3000));
	ok(wait_for_sql($node, $runs, 1), 'one runs');
	sql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'qlm large message'});
	is($connection->response->{status}, 500, 'its process is ended');
	$connection->send_request('POST', '/', body => large('Fifth', 3000));
	ok(wait_for_sql($node, $runs, 1), 'another one runs');
	$connection->close;
	is(return_code(post($node, read_envelope('M1b', 'Small/x'))), 200, 'its client goes');
	unlock_objects();
	ok(wait_for_sql($node, q{SELECT count(*) FROM qlm.object WHERE path LIKE 'Fifth/%'}, 3000), 'it is stored all the same');

	lock_objects();
	$connection = qlm_connect($node);
	$connection->send_request('POST', '/', body => large('Sixth', 3000));
	ok(wait_for_sql($node, $runs, 1), 'one runs while the server is stopped');
	$node->stop('fast');
	is($connection->response->{status}, 503, 'and is answered');
	eval { $locker->quit };
};

subtest 'where no process can be started the worker runs it' => sub {
	$node->append_conf('postgresql.conf', "max_worker_processes = 4\n");
	$node->start;
	wait_for_http($node);
	is(return_code(post($node, large('Seventh', 3000))), 200, 'without a free process');
	is(sql(q{SELECT count(*) FROM qlm.object WHERE path LIKE 'Seventh/%'}), 3000, 'the worker runs it');
	unlike(slurp_file($node->logfile), qr/PANIC|server process .* was terminated|TRAP/, 'nothing has crashed');
};

$node->stop;
done_testing();
