# Whoever gives no time gets his event, in whatever order transactions commit.

use strict;
use warnings FATAL => 'all';

use IPC::Run;
use POSIX ();
use QlmReceiver;
use QlmSocket;
use QlmTest;
use Test::More;

my $node = qlm_node('order', conf => <<EOC);
qlm.anonymous_role = 'qlm_writer'
qlm.callback_allow = '127.0.0.1'
qlm.http_workers = 2
qlm.poll_buffer_max = 100000
EOC

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

sub values_in
{
	return map { m{<value[^>]*>([^<]*)</value>}g } @_;
}

sub in_order
{
	return join ' ', sort @_;
}

sub subscription
{
	my ($path, $callback) = @_;

	return envelope('M2', qq{<read msgformat="odf" interval="-1" callback="$callback"><msg>} .
		  objects('M2', $path) . '</msg></read>', ttl => 0);
}

subtest 'a message that waits is overtaken' => sub {
	my $receiver = QlmReceiver->new;
	my $socket = qlm_socket($node);
	my $locker = $node->background_psql('postgres');

	sql(q{SELECT qlm_write('Wait/x', 'old'), qlm_write('Wait/y', 'old')});
	my $polled = sql(q{SELECT qlm_subscribe('Wait/x')});
	post($node, subscription('Wait/x', $receiver->url));
	is(return_code($socket->request(subscription('Wait/x', 0))), 200, 'subscribed in three ways');

	$locker->query_safe(q{BEGIN; UPDATE qlm.info_item SET type = 't' WHERE path = 'Wait/y'});
	my $late = qlm_connect($node);
	my $message = envelope('M2', '<write msgformat="odf"><msg><Objects><Object><id>Wait</id><InfoItem name="x"><value>late</value></InfoItem>' .
		  '<InfoItem name="y"><description>is locked</description></InfoItem></Object></Objects></msg></write>');
	$late->send_bytes("POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: " . length($message) . "\r\n\r\n$message");
	wait_for_sql($node, q{SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'}, '1', 'it waits');
	sql(q{SELECT qlm_write('Wait/x', 'first')});
	$locker->query_safe('COMMIT');
	$locker->quit;
	is(return_code($late->response), 200, 'it is taken');
	is(sql(q{SELECT string_agg(value, ' ' ORDER BY ts) FROM qlm.history WHERE path = 'Wait/x'}), 'old late first',
		'and has an older time than what was committed before');
	is(sql("SELECT string_agg(value, ' ' ORDER BY ts) FROM qlm_poll($polled)"), 'late first', 'a poll brings both');
	is(in_order(values_in($receiver->bodies(2))), 'first late', 'a callback gets both');
	is(in_order(values_in(map { $socket->receive // '' } 1 .. 2)), 'first late', 'a WebSocket, too');
};

subtest 'a value far ahead ends no events' => sub {
	my $id = sql(q{SELECT qlm_subscribe('Ahead/x')});

	sql(q{SELECT qlm_write('Ahead/x', 'ahead', now() + interval '1 year')});
	is(sql("SELECT string_agg(value, ' ') FROM qlm_poll($id)"), 'ahead', 'it is one itself');
	sql(q{SELECT qlm_write('Ahead/x', 'now')});
	is(return_code(post($node, write_envelope('M2', 'Ahead/x', 'posted'))), 200, 'values without a time come');
	sql(q{SELECT qlm_write('Ahead/x', 'older', '2020-01-01Z')});
	is(sql("SELECT string_agg(value, ' ' ORDER BY ts) FROM qlm_poll($id)"), 'now posted',
		'they are events, and one of an older time is none');
};

# Many at once, by message, qlm_write and INSERT.  The statements of a transaction
# that wait in between give the others time to overtake it.  An INSERT fails where its
# time is taken, and is not there then.
subtest 'under load' => sub {
	my $n = long_run() ? 1000 : 250;
	my $receiver = QlmReceiver->new;
	my $socket = qlm_socket($node);

	sql(q{SELECT qlm_write('Load/x', 'old')});
	sql(q{CREATE FUNCTION load_item() RETURNS int LANGUAGE sql AS $$ SELECT info_item_id FROM qlm.info_item WHERE path = 'Load/x' $$});
	my $at_once = sql(q{SELECT qlm_subscribe('Load/x')});
	my $at_end = sql(q{SELECT qlm_subscribe('Load')});
	post($node, subscription('Load/x', $receiver->url));
	is(return_code($socket->request(subscription('Load/x', 0))), 200, 'subscribed in four ways');

	my @pids;
	for my $writer (1 .. 4)
	{
		my $pid = fork() // die "fork: $!";

		if ($pid == 0)
		{
			my $connection = qlm_connect($node);
			my $taken = eval
			{
				for (1 .. $n)
				{
					my $answer = $connection->request('POST', '/', body => write_envelope('M2', 'Load/x', "h$writer-$_"));

					die "answer $_: $answer->{status} $answer->{body}\n" if (return_code($answer) // 0) != 200;
				}
				1;
			};
			print STDERR "# writer $writer: $@" unless $taken;
			POSIX::_exit($taken ? 0 : 1);
		}
		push @pids, $pid;
	}
	my %statement = (
		w => q{SELECT qlm_write('Load/x', '%s')},
		t => q{BEGIN; SELECT pg_sleep(0.0005); INSERT INTO qlm.value (info_item_id, ts, txt) VALUES (load_item(), now(), '%s'); COMMIT},
		s => q{BEGIN; SELECT qlm_write('Load/x', '%s'); SELECT pg_sleep(0.0005); COMMIT},
		d => q{INSERT INTO qlm.value (info_item_id, txt) VALUES (load_item(), '%s')});
	my @sessions = map {
		my $kind = $_;
		my $file = $node->basedir . "/load_$kind.sql";

		PostgreSQL::Test::Utils::append_to_file($file, join('', map { sprintf("$statement{$kind};\n", "$kind-$_") } 1 .. $n));
		IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-f', $file ],
			'>', '/dev/null');
	} sort keys %statement;
	my @polled;
	my $failed = 0;

	while (grep { $_->pumpable } @sessions)
	{
		push @polled, split ' ', sql("SELECT string_agg(value, ' ') FROM qlm_poll($at_once)");
		# One that ends in between dies of it.
		for my $session (grep { $_->pumpable } @sessions) { eval { $session->pump_nb } }
	}
	$failed += grep { !$_->finish } @sessions;
	for my $pid (@pids)
	{
		waitpid $pid, 0;
		$failed++ if $? != 0;
	}
	is($failed, 0, 'all writers were answered');
	push @polled, split ' ', sql("SELECT string_agg(value, ' ') FROM qlm_poll($at_once)");

	is(sql(q{SELECT count(DISTINCT value) || ' of ' || count(*) FROM qlm.history WHERE path = 'Load/x' AND value ~ '^[hsw]'}),
		6 * $n . ' of ' . 6 * $n, 'all values are there');
	my @kept = sort split ' ', sql(q{SELECT string_agg(value, ' ') FROM qlm.history WHERE path = 'Load/x' AND value <> 'old'});
	my $all = @kept;

	ok(in_order(@polled) eq in_order(@kept), 'polls in between bring each once') or diag @polled . ' events';
	my @end = split ' ', sql("SELECT string_agg(value, ' ') FROM qlm_poll($at_end)");
	ok(in_order(@end) eq in_order(@kept), 'one poll at the end brings each once') or diag @end . ' events';

	my @called;
	ok(wait_until(sub { @called = values_in($receiver->bodies(1)); @called >= $all }), 'the callback gets all');
	ok(in_order(@called) eq in_order(@kept), 'each once') or diag @called . ' events';
	my @pushed;
	while (@pushed < $all)
	{
		push @pushed, values_in($socket->receive // last);
	}
	ok(in_order(@pushed) eq in_order(@kept), 'and so does the WebSocket');
};

done_testing();
