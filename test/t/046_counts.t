# What a 200 says of a write beside that it was done, whichever way it came:
# alone, with others in one turn, in a process of its own, sent on, in formats.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Utils qw(slurp_file);
use QlmTest;
use Test::More;

my $conf = "qlm.anonymous_role = 'qlm_writer'\nqlm.http_workers = 1\nqlm.large_message = 100kB\n";
my $hub = qlm_node('hub', conf => $conf . "qlm.callback_allow = '127.0.0.1'\n");
my $node = qlm_node('node', conf => $conf);

sub sql { return $node->safe_psql('postgres', $_[0]); }

# What results say, in order
sub said { return join ' | ', map { /description="([^"]*)"/ ? $1 : '' } $_[0]{body} =~ /(<return [^>]*>)/g; }

sub write_of
{
	my ($path, @values) = @_;

	return envelope('M2', '<write><msg>' . objects('M2', $path, join '', map { "<value unixTime=\"$_->[0]\">$_->[1]</value>" } @values) . '</msg></write>');
}

# All but the first of them run in one turn: the worker is held up by a lock.
sub in_one_turn
{
	my ($first, @bodies) = @_;
	my $holder = $node->background_psql('postgres');
	my @connections = map { qlm_connect($node) } $first, @bodies;

	$holder->query_safe('BEGIN; LOCK TABLE qlm.value IN EXCLUSIVE MODE;');
	$connections[0]->send_request('POST', '/', body => $first);
	wait_for_sql($node, "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'qlm.value'::regclass", '1');
	$connections[$_]->send_request('POST', '/', body => $bodies[ $_ - 1 ]) for 1 .. @bodies;
	$holder->query_safe('COMMIT;');
	$holder->quit;
	my @said = map { said($_->response) } @connections;
	return @said[ 1 .. $#said ];
}

sql("SELECT qlm_write('Turn/x', 'old', to_timestamp(1))");

is_deeply([
		in_one_turn(
			write_of('Turn/first', [ 1, 1 ]),
			write_of('Turn/x', [ 1, 'new' ]),
			write_of('Turn/x', [ 1, 'new' ]),
			write_of('Turn/x', [ 1, 'newer' ], [ 2, 'a' ], [ 2, 'b' ]),
			write_of('Turn/y', [ 1, 1 ]),
			write_of('Turn/y', [ 1, 2 ]),
			write_of('Fresh/a', [ 1, 1 ]),
			write_of('Fresh/b', [ 1, 1 ]),
			write_of('Fresh/a', [ 1, 1 ]))
	],
	[
		'1 stored value of the same time was replaced: Turn/x',
		'',
		'1 value was replaced by a later one of the message with the same InfoItem and time: Turn/x; 1 stored value of the same time was replaced: Turn/x',
		'1 InfoItem was made in an Object that was there: Turn/y',
		'1 stored value of the same time was replaced: Turn/y',
		'',
		'1 InfoItem was made in an Object that was there: Fresh/b',
		''
	],
	'messages of one turn: each is told its own, as if they had come one after the other');
is(sql(q{SELECT string_agg(path || '=' || value, ' ' ORDER BY path COLLATE "C", ts) FROM qlm.history WHERE path IN ('Turn/x', 'Turn/y')}),
	'Turn/x=newer Turn/x=b Turn/y=2', 'and the last one stays');

subtest 'in a process of its own' => sub {
	my $large = write_of('Large/x', map { [ int $_ / 2, $_ ] } 2 .. 8001);
	cmp_ok(length $large, '>', 100 * 1024, 'a large message');
	is(said(post($node, $large)), '4000 values were replaced by later ones of the message with the same InfoItem and time: Large/x', '... is told');
	is(said(post($node, $large)), '4000 values were replaced by later ones of the message with the same InfoItem and time: Large/x', '... the same when it comes again: nothing that is stored is replaced');
	is(sql("SELECT count(*), min(num), max(num) FROM qlm.history WHERE path = 'Large/x'"), '4000|3|8001', 'what is stored');
};

subtest 'sent on to another node: its description comes back' => sub {
	$hub->safe_psql('postgres', "SELECT qlm_add_peer('node', url => 'http://127.0.0.1:$node->{qlm_port}/')");
	my $routed = write_of('Turn/x', [ 2, 'c' ]) =~ s{<write>}{<write><nodeList><node>node</node></nodeList>}r;
	is(said(post($hub, $routed)), '1 stored value of the same time was replaced: Turn/x', 'what another node says');
};

subtest 'formats' => sub {
	for my $format ('csv', 'text/csv')
	{
		my $message = envelope('M1b', "<write msgformat=\"$format\"><msg>path,time,value\nCsv/x,1,1\nCsv/x,1,2\nCsv/x,2,\n</msg></write>");

		like(said(post($node, $message)), qr/^1 value was replaced by a later one .*: Csv\/x;.* 1 InfoItems? or line had no value: Csv\/x$/, "a payload in $format");
	}
	my $json = post($node, '{"omiEnvelope":{"version":"1.0","ttl":0,"write":{"msg":{"Objects":{"Object":{"id":"Csv","InfoItem":[{"name":"x"},{"name":"y","values":[{"value":1,"unixTime":5}]}]}}}}}}');
	like($json->{body}, qr/"returnCode":200,"description":"1 InfoItem or line had no value: Csv\/x; 1 InfoItem was made in an Object that was there: Csv\/y"/, 'a message that is JSON');
};

subtest 'what is far ahead is let in where no limit keeps it out; the log says so, once an hour for an InfoItem' => sub {
	$node->append_conf('postgresql.conf', 'qlm.max_future = 0');
	$node->reload;
	wait_for_sql($node, 'SHOW qlm.max_future', '0');
	ok(wait_until(sub { return said(post($node, write_of('Ahead/x', [ 4102444800, 1 ]))) =~ /^(?:1 value is|.*; 1 value is) far ahead of the clock: Ahead\/x: no earlier value is the latest, nor an event if its time was given, until 2100-01-01T00:00:00Z$/; }), 'the answer says what it means');
	post($node, write_of('Ahead/x', [ 4102444801, 1 ]));
	post($node, write_of('Ahead/y', [ 4102444801, 1 ]));
	my $log = slurp_file($node->logfile);
	my $lines = () = $log =~ /qlm has stored a value far ahead of the clock: Ahead\/x$/gm;
	is($lines, 1, 'the log says it once');
	like($log, qr/qlm has stored a value far ahead of the clock: Ahead\/y$/m, 'and of each InfoItem');
};

$_->stop for $hub, $node;
done_testing();
