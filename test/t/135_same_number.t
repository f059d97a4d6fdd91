# A node that counts its requestIDs from 1 after each start gives one number to
# several requests: what is asked for says whether it is the same that comes again.

use strict;
use warnings FATAL => 'all';

use QlmPeer;
use QlmTest;
use Test::More;

my $node = qlm_node('node', conf => "qlm.retry_delay = '200ms'\nqlm.retry_max_delay = '400ms'\nqlm.anonymous_role = 'qlm_writer'\n");
my $hub = QlmPeer->new;    # it nests requests into the responses to our heartbeats

sub sql { return $node->safe_psql('postgres', $_[0]); }

sql("SELECT qlm_add_peer('hub', url => '" . $hub->url . "', heartbeat => '0.1 s', role => 'qlm_writer', by_name => true)");

sub carried
{
	my ($key, $number, $envelope) = @_;
	my $id = $key =~ /^(?:Q|M0)/ ? 'requestId' : 'requestID';

	return "<result><return returnCode=\"200\"/><$id>$number</$id>$envelope</result>";
}

# Nest these in the response to the next heartbeat; the answers that come
sub nest
{
	my ($key, $nanswers, @results) = @_;
	my @answers;

	$hub->answer($hub->request('beat'), envelope($key, '<response>' . join('', @results) . '</response>'));
	while (@answers < $nanswers)
	{
		my $answer = $hub->request('answer');
		push @answers, $answer->{body} =~ m{(<result.*?</result>)}gs;
		$hub->answer($answer, '');
	}
	return @answers;
}

# A write without time leaves one value each time that it is executed.
sub executions { return sql("SELECT count(*) FROM qlm.history WHERE path = '$_[0]'"); }

subtest 'nested requests' => sub {
	my $write = write_envelope('M1b', 'Valve/a', 'open', ttl => 60);
	my ($answer) = nest('M1b', 1, carried('M1b', 1, $write));

	like($answer, qr/returnCode="200".*>1</s, 'a write is executed');
	($answer) = nest('M1b', 1, carried('M1b', 1, write_envelope('M1b', 'Valve/a', 'closed', ttl => 60)));
	like($answer, qr/returnCode="200".*>1</s, 'another one under its number');
	is(sql("SELECT string_agg(value, ' ' ORDER BY ts) FROM qlm.history WHERE path = 'Valve/a'"), 'open closed', 'is executed, too');
	($answer) = nest('M1b', 1, carried('M1b', 1, read_envelope('M1b', 'Valve/a')));
	like($answer, qr/>closed</, 'a read has its own answer');
	sql("SELECT qlm_write('Valve/a', 'half')");
	($answer) = nest('M1b', 1, carried('M1b', 1, read_envelope('M1b', 'Valve/a')));
	like($answer, qr/>half</, 'and a fresh one each time');

	my $before = executions('Valve/a');
	nest('M1b', 1, carried('M1b', 1, $write));
	nest('M1b', 1, carried('M1b', 1, $write =~ s/ttl="60"/ttl="41.5"/r));
	nest('M1b', 1, carried('M1b', 1, $write =~ s/></>\n  </gr));
	nest('M1b', 1, carried('M1b', 1, $write =~ s/<(omiEnvelope) (xmlns="[^"]*") (.*?)>/<$1 $3 $2 >/r));
	is(executions('Valve/a'), $before, 'what comes again is not executed again, with whatever is left of its ttl and however it is written');
};

subtest 'in one message' => sub {
	my @answers = nest('M2', 4, map { carried('M2', 7, write_envelope('M2', "One/$_", 1)) } 'a', 'b', 'a', 'c');

	is(scalar(grep { /returnCode="200"/ } @answers), 4, 'four under one number are answered');
	is(join(' ', map { executions("One/$_") } 'a', 'b', 'c'), '1 1 1', 'and each is executed once');
};

subtest 'in another dialect' => sub {
	nest($_, 1, carried($_, 20, write_envelope($_, 'Dialect/x', '4.5'))) for 'Q0', 'Q1', 'QP', 'M0', 'M1a', 'M1b', 'M2';
	is(executions('Dialect/x'), 1, 'it is the same request');
	nest('Q1', 1, carried('Q1', 21, write_envelope('M2', 'Dialect/x', '4.5')));
	is(executions('Dialect/x'), 2, 'under another number it is another one');
};

subtest 'data that want to be acknowledged' => sub {
	my $data = sub {
		my ($value) = @_;
		return response_envelope('M1b', 5, 'Data/x', $value) =~ s/ ttl=/ qlmAcknowledge="true" ttl=/r;
	};

	nest('M1b', 1, carried('M1b', 3, $data->(1)));
	nest('M1b', 1, carried('M1b', 3, $data->(2)));
	my ($answer) = nest('M1b', 1, carried('M1b', 3, $data->(1)));
	like($answer, qr{returnCode="200".*<requestID>3</requestID>}s, 'are acknowledged');
	is(sql("SELECT string_agg(value, ' ' ORDER BY ts) FROM qlm.history WHERE path = 'Data/x'"), '1 2', 'only what is stored, once');
};

subtest 'a subscription and its cancel' => sub {
	my $read = sub { '<read msgformat="odf" interval="-1"><msg>' . objects('M1b', $_[0]) . '</msg></read>' };
	my ($first) = nest('M1b', 1, carried('M1b', 1, envelope('M1b', $read->('Valve/a'), ttl => 60)));
	my ($again) = nest('M1b', 1, carried('M1b', 1, envelope('M1b', $read->('Valve/a'), ttl => 50)));
	my ($other) = nest('M1b', 1, carried('M1b', 1, envelope('M1b', $read->('Data/x'), ttl => 60)));
	my ($id) = (request_ids($first))[1];

	is((request_ids($again))[1], $id, 'the same is made once');
	isnt((request_ids($other))[1], $id, 'another one is made');
	nest('M1b', 1, carried('M1b', 1, envelope('M1b', "<cancel><requestID>$id</requestID></cancel>")));
	is(sql('SELECT count(*) FROM qlm.subscription'), 1, 'a cancel under the number of the subscription is one');
};

subtest 'posted with a key' => sub {
	my $post = sub {
		my ($path, $value, %opt) = @_;
		my $body = write_envelope('M1b', $path, $value, %opt) =~ s/ ttl=/ qlmRequest="1" ttl=/r;
		return return_code(post($node, $body, path => '/peer/hub'));
	};

	is(join(' ', $post->('Posted/x', 1, ttl => 9), $post->('Posted/x', 2), $post->('Posted/x', 1, ttl => 3)), '200 200 200', 'all are answered');
	is(sql("SELECT string_agg(value, ' ' ORDER BY ts) FROM qlm.history WHERE path = 'Posted/x'"), '1 2', 'the same is executed once, another one too');
	my $session = envelope('M1b', '<read interval="-1"><msg>' . objects('M1b', 'Posted/x') . '</msg></read>', qlmRequest => 1);
	like(post($node, $session, path => '/peer/hub')->{body}, qr/<requestID>\d+</, 'a subscription is no write');
};

subtest 'what makes another request of it' => sub {
	my $objects = sub { return '<msg><Objects xmlns="http://www.opengroup.org/xsd/odf/2.0/">' . $_[0] . '</Objects></msg>'; };
	my $x = sub { return $objects->("<Object><id>Told</id><InfoItem name=\"x\">$_[0]</InfoItem></Object>"); };
	my $open = '<delete msgformat="odf"';
	my @requests = (
		"$open>" . $x->('') . '</delete>',
		"$open>" . $x->('<value dateTime="2026-01-01T00:00:00Z"/>') . '</delete>',
		"$open>" . $x->('<value dateTime="2026-01-02T00:00:00Z"/>') . '</delete>',
		"$open>" . $x->('<description/>') . '</delete>',
		"$open>" . $x->('<altname>y</altname>') . '</delete>',
		"$open>" . $x->('<MetaData><InfoItem name="unit"/></MetaData>') . '</delete>',
		"$open begin=\"2026-01-01T00:00:00Z\">" . $x->('') . '</delete>',
		"$open end=\"2026-01-01T00:00:00Z\">" . $x->('') . '</delete>',
		"$open>" . $objects->('<Object><id>Told</id></Object>') . '</delete>',
		"$open>" . $objects->('<Object><id>Told</id><description/></Object>') . '</delete>',
		map({ '<write msgformat="odf">' . $x->($_) . '</write>' } '<value>1</value>', '<value>1.0</value>', '<value type="xs:double">1</value>', '<value dateTime="2026-01-01T00:00:00Z">1</value>',
			'<value>1</value><value>1</value>', '<description>d</description>', '<description lang="fi">d</description>', '<altname>y</altname>',
			'<MetaData><InfoItem name="unit"><value>K</value></InfoItem></MetaData>'),
		'<write msgformat="csv"><msg>path,value&#10;Told/x,1</msg></write>',
		'<call msgformat="odf">' . $x->('<value>1</value>') . '</call>',
		'<read msgformat="odf" interval="-1">' . $x->('') . '</read>',
		'<read msgformat="odf" interval="5">' . $x->('') . '</read>',
		'<read msgformat="odf" interval="5" newest="2">' . $x->('') . '</read>',
		'<cancel><requestID>1</requestID></cancel>', '<cancel><requestID>2</requestID></cancel>');

	sql("DELETE FROM qlm.executed");
	post($node, envelope('M2', $_, ttl => 5) =~ s/ ttl=/ qlmRequest="one" ttl=/r, path => '/peer/hub') for @requests, @requests;
	is(sql('SELECT count(*) FROM qlm.executed'), scalar @requests, 'each of these is a request of its own, and comes again as itself');
	sql("DELETE FROM qlm.subscription");
};

subtest 'what 0.1.0 has remembered' => sub {
	sql("INSERT INTO qlm.executed (peer, request_id, answer, executed_at) VALUES ('hub', '99', '"
		  . envelope('M1b', '<response><result><return returnCode="200"/><requestID>99</requestID></result></response>') . "', now())");
	nest('M1b', 1, carried('M1b', 99, write_envelope('M1b', 'Old/x', 1)));
	is(executions('Old/x'), 0, 'holds for whatever comes under the number');
};

subtest 'subscriptions at a node that has started anew' => sub {
	my $far = QlmPeer->new;
	my $subscribe = sub {
		my ($path) = @_;
		my $read = '<read msgformat="odf" interval="-1"><nodeList><node>far</node></nodeList><msg>' . objects('M2', $path) . '</msg></read>';
		return (request_ids(post($node, envelope('M2', $read, ttl => -1), path => '/peer/asker')))[0];
	};
	my $poll = sub { return post($node, envelope('M2', "<read><requestID>$_[0]</requestID></read>"), path => '/peer/asker'); };
	my $ok = sub { return envelope('M2', '<response><result' . ($_[1] ? ' msgformat="odf"' : '') . '><return returnCode="200"/>'
		  . ($_[0] ? "<requestID>$_[0]</requestID>" : '') . ($_[1] // '') . '</result></response>'); };
	my $data = sub { return '<msg>' . objects('M2', $_[0], '<value>new</value>') . '</msg>'; };
	my ($cancels, $is_new) = (0, 0);
	# It gives its first subscription the number 1, whenever it has started.  Before
	# the second is known here, a poll under that number is still the first one's.
	my $serve = sub {
		my ($request) = @_;
		my $body = $request->{body};
		$cancels++ if $body =~ /<cancel/;
		my ($polled) = request_ids($body);
		$far->answer($request, $body =~ /interval=/ ? $ok->(1) : $polled && $is_new ? $ok->(1, $data->('Far/b')) : $ok->(undef));
	};
	my $remote = sub { return sql("SELECT count(*) FROM qlm.forwarding WHERE request_id = $_[0] AND remote_id = '1'"); };

	sql("SELECT qlm_add_peer('far', url => '" . $far->url . "'), qlm_add_peer('asker', role => 'qlm_writer')");
	my $first = $subscribe->('Far/a');
	ok($far->serve_until(sub { $remote->($first) }, $serve), 'the first is made');
	my $second = $subscribe->('Far/b');
	ok($far->serve_until(sub { $remote->($second) }, $serve), 'after a restart the node gives its number to the second');
	$is_new = 1;
	is(return_code($poll->($first)), 404, 'the first is told that it is forgotten there');
	my $got;
	ok($far->serve_until(sub { $got = $poll->($second); $got->{body} =~ /new/ }, $serve), 'the second gets what is its own');
	like($got->{body}, qr{<requestID>$second</requestID>}, 'under its own number');
	is(return_code($poll->($first)), 404, 'the first nothing more');
	is($cancels, 0, 'and nothing is cancelled there for it');
	sql("SELECT qlm_drop_peer('far')");
	$far->hang_up_all;
};

$node->stop;
done_testing();
