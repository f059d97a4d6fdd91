# Requests that a node sends on: to the nodes of a nodeList, and to the peer
# that owns what is read from the device itself.

use strict;
use warnings FATAL => 'all';

use QlmClock;
use QlmReceiver;
use QlmTest;
use Test::More;
use Time::HiRes qw(time);

my $conf = "qlm.retry_delay = '500ms'\nqlm.retry_max_delay = '1s'\n";
my $hub = qlm_node('hub', conf => $conf . "qlm.anonymous_role = 'qlm_reader'\nqlm.callback_allow = '127.0.0.1'\n");
my $north = qlm_node('north', conf => $conf . "qlm.anonymous_role = 'qlm_writer'\n");
my $south = qlm_node('south', conf => $conf . "qlm.anonymous_role = 'qlm_writer'\n");
my $north_url = "http://127.0.0.1:$north->{qlm_port}/qlm";
my $south_url = "http://127.0.0.1:$south->{qlm_port}/qlm";

sub hub { return $hub->safe_psql('postgres', $_[0]); }

hub("SELECT qlm_add_peer('north', url => '$north_url', dialect => 'M1b')");
hub("SELECT qlm_add_peer('south', url => '$south_url')");
hub("SELECT qlm_add_peer('writer', role => 'qlm_writer')");
hub("SELECT qlm_add_peer('hidden', role => 'qlm_writer', paths => '{Hidden}')");
$north->safe_psql('postgres', "SELECT qlm_write('Shared/x', 'north', '2024-05-01Z')");
$south->safe_psql('postgres', "SELECT qlm_write('Shared/x', 'south', '2024-05-01Z')");

# A verb with a nodeList for an InfoItem.
sub routed
{
	my ($verb, $path, $nodes, %opt) = @_;
	my $content = delete $opt{content};
	my $attributes = delete $opt{attributes} // '';
	my $list = join '', map { "<node>$_</node>" } @$nodes;

	return envelope('M2',
		"<$verb msgformat=\"odf\"$attributes><nodeList type=\"URL\">$list</nodeList>"
		  . '<msg>' . objects('M2', $path, $content) . "</msg></$verb>",
		%opt);
}

sub results { return $_[0]{body} =~ m{(<result.*?</result>)}gs; }

sub poll
{
	my ($id, %opt) = @_;

	return post($hub, envelope('M2', "<read><requestID>$id</requestID></read>"), %opt);
}

subtest 'a read at two nodes' => sub {
	my $start = running_time();
	my $answer = post($hub, routed('read', 'Shared/x', [ $north_url, 'south' ]));
	my @results = results($answer);

	cmp_ok(running_time() - $start, '<', 5, 'answered as soon as both have');
	is($answer->{status}, 200, 'HTTP says 200');
	is(scalar @results, 2, 'one result for each');
	like($results[0], qr{returnCode="200".*>north</value>.*<nodeList type="URL"><node>\Q$north_url\E</node></nodeList>}s, 'the first node');
	like($results[1], qr{returnCode="200".*>south</value>.*<node>south</node>}s, 'the second, by its name');
	unlike($answer->{body}, qr/requestID/, 'numbers that messages had on their way stay inside');
	like($answer->{body}, qr{^<omiEnvelope xmlns="http://www.opengroup.org/xsd/omi/2.0/".*xmlns="http://www.opengroup.org/xsd/odf/2.0/"}s, 'in the dialect of the request');
	is(hub("SELECT count(*) FROM qlm.current"), 0, 'what another has asked for is not stored here');
	is(hub("SELECT count(*) FROM qlm.outbox WHERE envelope LIKE '%nodeList%'"), 0, 'it leaves without the nodeList');
};

subtest 'other verbs, and several in one envelope' => sub {
	my $write = routed('write', 'Shared/y', ['north'], content => '<value>routed</value>');

	like(post($hub, $write)->{body}, qr/returnCode="403"/, 'who may not write here may not have a write sent on');
	my $answer = post($hub, $write, path => '/peer/writer');
	is(return_code($answer), 200, 'who may may');
	is($north->safe_psql('postgres', "SELECT value FROM qlm.current WHERE path = 'Shared/y'"), 'routed', 'it has arrived');
	my $both = envelope('M2', '<read><msg>' . objects('M2', 'None/x') . '</msg></read>'
		  . (routed('read', 'Shared/y', ['north']) =~ m{(<read.*</read>)}s)[0]
		  . '<read><msg>' . objects('M2', 'None/z') . '</msg></read>');
	is(join(' ', return_codes(post($hub, $both))), '404 200 404', 'results stand in the order of the verbs');
	is(return_code(post($hub, routed('delete', 'Shared/y', ['north']), path => '/peer/writer')), 200, 'a delete');
	is($north->safe_psql('postgres', "SELECT count(*) FROM qlm.current WHERE path = 'Shared/y'"), 0, 'is one');
	my $errors = post($hub, routed('read', 'Nothing/here', ['north']));
	like($errors->{body}, qr{returnCode="404".*<node>north</node>}s, 'what the node refuses is passed on');
};

subtest 'what is refused' => sub {
	my $receiver = QlmReceiver->new;
	my $answer = post($hub, routed('read', 'Shared/x', [ $receiver->url, 'north' ]));

	is(join(' ', return_codes($answer)), '403 200', 'an address that is no peer');
	like((results($answer))[0], qr{<node>\Q@{[ $receiver->url ]}\E</node>}, 'is named');
	is(scalar $receiver->bodies, 0, 'and never called');
	is(return_code(post($hub, routed('read', 'Shared/x', ['north'], attributes => ' callback="ftp://127.0.0.1/"'))), 400, 'a callback that is no URL');
	is(return_code(post($hub, routed('read', 'Shared/x', [ ('north') x 101 ]))), 413, 'more nodes than are allowed');
};

subtest 'many at the same time' => sub {
	my @askers = map { qlm_connect($hub) } 1 .. 40;

	$_->send_request('POST', '/', body => routed('read', 'Shared/x', [ 'south', 'north' ])) for @askers;
	my %answers = map { join(' ', $_->response->{body} =~ m{>(north|south)</value>}g) => 1 } @askers;
	is(join(',', keys %answers), 'south north', 'each has its own answers');
	$askers[$_]->send_request('POST', '/peer/writer', body => routed('write', "Many/x$_", ['north'], content => "<value>$_</value>")) for 0 .. 39;
	is(scalar(grep { return_code($_->response) == 200 } @askers), 40, 'writes too');
	is($north->safe_psql('postgres', "SELECT count(*) FROM qlm.current WHERE path LIKE 'Many/%'"), 40, 'all have arrived');
};

subtest 'no circles' => sub {
	hub("SELECT qlm_add_peer('mirror', url => 'http://127.0.0.1:$hub->{qlm_port}/peer/writer')");
	like(post($hub, routed('read', 'Shared/x', ['mirror']))->{body},
		qr{returnCode="504" description="loop".*<node>mirror</node>}s, 'a node that is sent on to itself');
	my @writers = map { qlm_connect($hub) } 1 .. 10;
	$_->send_request('POST', '/peer/writer', body => routed('write', 'Shared/z', ['mirror'], content => '<value>1</value>')) for @writers;
	is(scalar(grep { $_->response->{body} =~ /description="loop"/ } @writers), 10, 'nor are writes');
	is(hub("SELECT count(*) FROM qlm.current WHERE path = 'Shared/z'"), 0, 'executed');
	my $far = routed('read', 'Shared/x', ['north'], qlmHops => 'a,b,c,d');
	like(post($hub, $far)->{body}, qr/returnCode="504" description="loop"/, 'after four hops');
	is(return_code(post($hub, routed('read', 'Shared/x', ['north'], qlmHops => 'a,b'))), 200, 'not before');
	like(hub("SELECT envelope FROM qlm.outbox ORDER BY seq DESC LIMIT 1"), qr/qlmHops="a,b,[0-9a-f]{16}"/, 'each adds itself');
	hub("SELECT qlm_drop_peer('mirror')");
};

subtest 'a node that answers late' => sub {
	my $start = time();
	my $answer = post($hub, routed('read', 'Hidden/x', [ 'hidden', 'north' ], ttl => -1),
		path => '/peer/writer', headers => { Prefer => 'wait=1' });
	my ($late) = results($answer);
	my ($id) = request_ids($late);

	cmp_ok(time() - $start, '>', 0.9, 'it is waited for');
	like($late, qr{returnCode="504".*<node>hidden</node>}s, '504 names it');
	is((return_codes($answer))[1], 404, 'the other has answered');
	ok($id, 'a requestID for later');
	like(poll($id, path => '/peer/writer')->{body}, qr/returnCode="504"/, 'nothing yet');
	my $call = post($hub, envelope('Q1', '<read/>'), path => '/peer/hidden');
	my ($correlation) = request_ids($call);
	like((nested($call))[0], qr/ttl="-1".*<read/s, 'it calls, and is given the request');
	post($hub, response_envelope('Q1', $correlation, 'Hidden/x', 'late'), path => '/peer/hidden');
	like(poll($id, path => '/peer/writer')->{body}, qr{returnCode="200".*<requestID>$id</requestID>.*>late</value>.*<node>hidden</node>}s, 'the late answer');
	is(return_code(poll($id)), 404, 'is for who asked');
	is(return_code(poll($id, path => '/peer/hidden')), 404, 'and nobody else');
};

subtest 'a node that cannot be called, in time' => sub {
	my $asking = qlm_connect($hub);

	$asking->send_request('POST', '/peer/writer', body => routed('read', 'Hidden/x', ['hidden'], ttl => 20));
	wait_for_sql($hub, "SELECT count(*) FROM qlm.outbox WHERE peer = 'hidden' AND state = 'queued'", 1);
	my $call = post($hub, envelope('Q1', '<read/>'), path => '/peer/hidden');
	like((nested($call))[0], qr/ttl="(19|20)"/, 'the ttl shrinks on the way');
	my $start = running_time();
	post($hub, response_envelope('Q1', (request_ids($call))[0], 'Hidden/x', 'in time'), path => '/peer/hidden');
	my $answer = $asking->response;
	like($answer->{body}, qr{returnCode="200".*>in time</value>.*<node>hidden</node>}s, 'its answer is returned');
	cmp_ok(running_time() - $start, '<', 5, 'at once');
	my $late = post($hub, routed('read', 'Hidden/x', ['hidden'], ttl => 1), path => '/peer/writer');
	like($late->{body}, qr{returnCode="504".*<node>hidden</node>}s, 'ttl over');
	unlike($late->{body}, qr/requestID/, 'so nothing to poll');
};

subtest 'from SQL' => sub {
	my $envelope = routed('read', 'Shared/x', ['north'], ttl => 60);
	my $answer = hub("SELECT qlm_handle('$envelope')");
	my ($id) = request_ids($answer);

	like($answer, qr{returnCode="200" description="sent on.*<node>north</node>}s, 'it cannot wait');
	like(hub("SELECT qlm_await($id, '20 s')"), qr/>north</, 'qlm_await can');
	like(hub("SELECT qlm_handle('" . envelope('M2', "<read><requestID>$id</requestID></read>") . "')"),
		qr{>north</value>.*<node>north</node>}s, 'or a poll');
};

subtest 'from the device itself' => sub {
	my $device = QlmReceiver->new(answer => response_envelope('M2', undef, 'Dev/x', 'fresh', at => '2024-06-02T00:00:00Z'));
	my $read = read_envelope('M2', 'Dev/x', targetType => 'device');

	hub("SELECT qlm_add_peer('device', url => '" . $device->url . "', role => 'qlm_writer', paths => '{Dev}', by_name => true)");
	hub("SELECT qlm_write('Dev/x', 'stored', '2024-06-01Z')");
	like(post($hub, $read)->{body}, qr{<result[^>]* targetType="device">.*>fresh</value>}s, 'its own answer');
	like(($device->bodies(1))[0], qr/<read [^>]*targetType="device"/, 'it is told what was asked');
	is(hub("SELECT value FROM qlm.current WHERE path = 'Dev/x'"), 'fresh', 'and stored: it is the node\'s too');
	$device->answer_with(500);
	my $start = running_time();
	my $in_time = read_envelope('M2', 'Dev/x', targetType => 'device') =~ s/ttl="0"/ttl="1"/r;
	like(post($hub, $in_time)->{body}, qr{<result[^>]* targetType="node"><return returnCode="200"/>.*>fresh</value>}s, 'what is stored, if it fails');
	cmp_ok(running_time() - $start, '<', 10, 'within the ttl');
	my $unknown = read_envelope('M2', 'Dev/nothing', targetType => 'device') =~ s/ttl="0"/ttl="1"/r;
	is(return_code(post($hub, $unknown)), 504, 'nor that');
	unlike(post($hub, read_envelope('M2', 'None/x', targetType => 'device'))->{body}, qr/targetType/, 'without owner it is an ordinary read');
	is(return_code(post($hub, read_envelope('M2', 'Dev/x', targetType => 'device', callback => 'ftp://x'))), 400, 'not for a callback that is none');
	is(return_code(post($hub, read_envelope('M2', 'Dev/x', targetType => 'device'), path => '/peer/device')), 200, 'the device asks nobody');
};

# The groups of a message that was posted to a callback
sub groups
{
	my ($receiver, $n) = @_;

	return results({ body => ($receiver->bodies($n))[-1] });
}

subtest 'answers for a callback' => sub {
	my $receiver = QlmReceiver->new;
	my $attributes = ' callback="' . $receiver->url . '"';
	my $answer = post($hub, routed('read', 'Hidden/x', [ 'north', 'hidden', 'nobody', 'south' ], ttl => 60, attributes => $attributes),
		path => '/peer/writer');
	my ($id) = request_ids($answer);

	is(join(' ', return_codes($answer)), '200', 'answered at once');
	ok($id, 'with a requestID');
	wait_for_sql($hub, "SELECT count(*) FROM qlm.outbox WHERE awaited_by = $id AND state = 'answered'", 2);
	$hub->stop('immediate');
	$hub->start;
	wait_for_http($hub);
	my $call = post($hub, envelope('Q1', '<read/>'), path => '/peer/hidden');
	is(scalar $receiver->bodies, 0, 'nothing is posted while one node is missing');
	post($hub, response_envelope('Q1', (request_ids($call))[0], 'Hidden/x', 'gathered'), path => '/peer/hidden');
	my @groups = groups($receiver, 1);
	is(join(' ', map { "@{[return_code($_)]} @{[m{<node>(.*?)</node>}]}" } @groups), '404 north 200 hidden 403 nobody 404 south',
		'then one message: a result of each node, in the order of the list');
	is(scalar(grep { (request_ids($_))[0] eq $id } @groups), 4, 'under the requestID');
	like($groups[1], qr/>gathered</, 'with what the node said');
	like(($receiver->bodies)[0], qr{^<omiEnvelope xmlns="http://www.opengroup.org/xsd/omi/2.0/"}, 'in the dialect of the request');
	is(hub("SELECT count(*) FROM qlm.current WHERE path = 'Hidden/x' AND value = 'gathered'"), 0, 'which is not stored here');
	wait_for_sql($hub, "SELECT (SELECT count(*) FROM qlm.gathering) + (SELECT count(*) FROM qlm.outbox WHERE awaited_by IS NOT NULL OR state IN ('queued', 'sent') AND message_id = $id)", 0);
	is(scalar $receiver->bodies, 1, 'one message');
};

subtest 'a payload that is not known' => sub {
	my $receiver = QlmReceiver->new;
	my $strange = QlmReceiver->new(answer => envelope('M2',
			'<response><result msgformat="strange"><return returnCode="200"/><msg>{"Answer" 1 &lt; 2}</msg></result></response>'));
	my $read = envelope('M2', '<read msgformat="strange" callback="' . $receiver->url . '"><nodeList><node>strange</node></nodeList>'
		  . '<msg>what? &amp; why</msg></read>', ttl => 60);

	hub("SELECT qlm_add_peer('strange', url => '" . $strange->url . "')");
	is(return_code(post($hub, $read, path => '/peer/writer')), 200, 'is for others to know');
	like(($strange->bodies(1))[0], qr{msgformat="strange"><msg>what\? &amp; why</msg>}, 'the node gets it as it came');
	like((groups($receiver, 1))[0], qr{<result msgformat="strange">.*<msg>\{"Answer" 1 &lt; 2\}</msg>}s, 'and so does the callback its answer');
	hub("SELECT qlm_drop_peer('strange')");
};

subtest 'answers for a callback that never come' => sub {
	my $receiver = QlmReceiver->new;
	my $attributes = ' callback="' . $receiver->url . '"';
	my $write = routed('write', 'Hidden/y', [ 'hidden', 'north' ], ttl => 1, attributes => $attributes, content => '<value>1</value>');
	my $ask = sub { return (request_ids(post($hub, $_[0], path => '/peer/writer')))[0]; };

	my $id = $ask->($write);
	my @groups = groups($receiver, 1);
	is(join(' ', map { return_code($_) } @groups), '504 200', 'the ttl is over');
	like($groups[0], qr{<requestID>$id</requestID>.*<node>hidden</node>}s, 'which node it was');
	is(return_code(post($hub, routed('write', 'Shared/y', ['hidden'], attributes => $attributes))), 403, 'who may not write');

	hub("SELECT qlm_add_peer('doomed', role => 'qlm_writer')");
	$ask->(routed('read', 'Shared/x', [ 'doomed', 'south' ], ttl => -1, attributes => $attributes));
	wait_for_sql($hub, "SELECT count(*) FROM qlm.outbox WHERE awaited_by IS NOT NULL AND state = 'answered'", 1);
	hub("SELECT qlm_drop_peer('doomed')");
	@groups = groups($receiver, 2);
	like($groups[0], qr/returnCode="504" description="the peer was dropped"/, 'the node is dropped');
	is(return_code($groups[1]), 200, 'the other has answered');
	$ask->(routed('read', 'Shared/x', ['nobody'], attributes => $attributes));
	is(return_code((groups($receiver, 3))[0]), 403, 'no node could be asked');
	hub("SELECT qlm_add_peer('asker', role => 'qlm_writer')");
	post($hub, routed('read', 'Hidden/x', ['hidden'], ttl => -1, attributes => $attributes), path => '/peer/asker');
	is(hub("SELECT count(*) FROM qlm.gathering WHERE peer = 'asker'"), 1, 'who asked');
	hub("SELECT qlm_drop_peer('asker')");
	is(hub("SELECT count(*) FROM qlm.gathering WHERE peer = 'asker'"), 0, 'is dropped, and with him what he asked for');
	hub("UPDATE qlm.outbox SET state = 'cancelled' WHERE peer = 'hidden' AND state IN ('queued', 'sent')");
};

subtest 'an answer for a callback that cannot be queued' => sub {
	my $receiver = QlmReceiver->new;
	my $attributes = ' callback="' . $receiver->url . '"';

	hub("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''not now''; END'");
	hub("CREATE TRIGGER refuse BEFORE INSERT ON qlm.outbox FOR EACH ROW WHEN (NEW.url = '" . $receiver->url . "') EXECUTE FUNCTION refuse()");
	post($hub, routed('read', 'Shared/x', ['south'], ttl => 60, attributes => $attributes), path => '/peer/writer');
	wait_for_sql($hub, "SELECT last_error FROM qlm.stat_worker WHERE kind = 'dispatcher'", 'not now');
	is(return_code(post($hub, routed('read', 'Shared/x', ['north']))), 200, 'holds up no other messages');
	is(scalar $receiver->bodies, 0, 'and is not lost');
	hub('DROP TRIGGER refuse ON qlm.outbox');
	hub('DROP FUNCTION refuse()');
	my $start = running_time();
	is(return_code((groups($receiver, 1))[0]), 200, 'it comes when it can');
	cmp_ok(running_time() - $start, '<', 20, 'which is tried after qlm.retry_delay, not only when the dispatcher wakes');
};

subtest 'the device, where nothing can be held' => sub {
	my $receiver = QlmReceiver->new;
	my $read = read_envelope('M2', 'Dev/x', targetType => 'device');
	my $device = QlmReceiver->new(answer => response_envelope('M2', undef, 'Dev/x', 'newest', at => '2024-06-03T00:00:00Z'));
	my $handle = sub { return hub("SELECT qlm_handle('$_[0]')"); };
	my $poll = envelope('M2', '<read><requestID>%s</requestID></read>');

	hub("DELETE FROM qlm.endpoint; UPDATE qlm.peer SET url = '" . $device->url . "' WHERE name = 'device'");
	my $answer = $handle->($read);
	like($answer, qr{<result[^>]* targetType="node"><return returnCode="200".*>fresh</value>}s, 'from SQL: what is stored');
	my ($id) = request_ids($answer);
	like(hub("SELECT qlm_await($id, '20 s')"), qr/>newest</, 'and a requestID for the answer of the device');
	like($handle->(sprintf $poll, $id), qr{<result[^>]* targetType="device"><return returnCode="200"/><requestID>$id</requestID>.*>newest</value>}s, 'which a poll gives');
	is(hub("SELECT value FROM qlm.current WHERE path = 'Dev/x'"), 'newest', 'and it is stored');

	hub("SELECT qlm_write('Dev/x', 'stored', '2024-06-04Z')");
	my $with_callback = read_envelope('M2', 'Dev/x', targetType => 'device', callback => $receiver->url) =~ s/ttl="0"/ttl="20"/r;
	($id) = request_ids(post($hub, $with_callback));
	like((groups($receiver, 1))[0], qr{ targetType="device">.*<requestID>$id</requestID>.*>newest</value>}s, 'with a callback: its answer goes there');
	$device->answer_with(500);
	($id) = request_ids(post($hub, $with_callback =~ s/ttl="20"/ttl="1"/r));
	like((groups($receiver, 2))[0], qr{ targetType="node">.*<requestID>$id</requestID>.*>stored</value>}s, 'or what is stored, if there is none');
};

subtest 'the node ends while requests wait' => sub {
	my $asking = qlm_connect($hub);

	$asking->send_request('POST', '/peer/writer', body => routed('read', 'Hidden/x', ['hidden'], ttl => -1));
	wait_for_sql($hub, "SELECT count(*) > 0 FROM qlm.outbox WHERE peer = 'hidden' AND state IN ('queued', 'sent')", 't');
	$hub->stop;
	my $answer = $asking->response;
	like($answer->{body}, qr/returnCode="504".*<requestID>/s, 'it is answered, with what it can be polled by');
};

$_->stop for $north, $south;
done_testing();
