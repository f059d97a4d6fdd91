# Payloads in other formats than O-DF, and messages that are JSON, over HTTP.

use strict;
use warnings FATAL => 'all';

use IO::Socket::IP;
use JSON::PP;
use QlmReceiver;
use QlmTest;
use Test::More;

my $node = qlm_node('formats', conf => <<EOC);
qlm.anonymous_role = 'qlm_writer'
qlm.callback_allow = '127.0.0.1'
qlm.retry_delay = '200ms'
qlm.max_depth = 20
qlm.max_future = 0
qlm.max_values = 1000
EOC
my $json_type = { 'Content-Type' => 'application/json' };

sub sql { return $node->safe_psql('postgres', $_[0]); }

sub value_of { return sql("SELECT value FROM qlm.current WHERE path = '$_[0]'"); }

# Post verbs as JSON; returns the response and the HTTP answer.
sub post_json
{
	my ($verbs, %opt) = @_;
	my $text = ref $verbs ? encode_json({ omiEnvelope => { version => '1.0', ttl => 0, %$verbs } }) : $verbs;
	my $answer = post($node, $text, headers => $json_type, %opt);

	my $envelope = eval { decode_json($answer->{body}) };
	return ($envelope && $envelope->{omiEnvelope}{response}{result}, $answer);
}

# Objects with one InfoItem, and what it holds
sub item
{
	my ($path, %item) = @_;
	my ($object, $name) = split m{/}, $path;

	return { Objects => { Object => { id => $object, InfoItem => { name => $name, %item } } } };
}

# The next JSON that is posted, head and body; it gets this answer.
sub take_post
{
	my ($listening, $answer) = @_;
	my $connection = $listening->accept or die 'nobody calls';
	my $request = '';

	while ($request !~ /\r\n\r\n\{.*\}\z/s)
	{
		sysread $connection, $request, 65536, length $request or last;
	}
	print $connection "HTTP/1.1 200 OK\r\nContent-Length: " . length($answer) . "\r\nConnection: close\r\n\r\n$answer";
	close $connection;
	return $request;
}

# A verb with a payload in a format
sub with_payload
{
	my ($verb, $format, $payload) = @_;

	return envelope('M2', qq{<$verb msgformat="$format"><msg>$payload</msg></$verb>});
}

subtest 'messages that are JSON' => sub {
	my ($result, $answer) = post_json({ write => { msg => item('J/t', values => [ { value => 4.5, dateTime => '2024-05-01T10:00:00Z' } ]) } });

	is($answer->{status}, 200, 'status');
	like($answer->{headers}{'content-type'}, qr{^application/json;\s*charset=utf-8$}i, 'answered as JSON');
	is($result->{return}{returnCode}, 200, 'returnCode');
	is(value_of('J/t'), '4.5', 'the value is stored');
	($result) = post_json({ read => { msg => item('J/t') } });
	is_deeply($result->{msg}{Objects}{Object}{InfoItem}{values},
		[ { type => 'xs:double', dateTime => '2024-05-01T10:00:00Z', unixTime => 1714557600, value => 4.5 } ], 'and read');

	my $text = '{"omiEnvelope":{"ttl":0,"read":{}}}';
	is((post_json($text, headers => { 'Content-Type' => 'text/plain' }))[0]{return}{returnCode}, 200, 'whatever its type says');
	is((post_json(" \n$text", headers => { 'Content-Type' => 'application/x-www-form-urlencoded' }))[0]{return}{returnCode}, 200, 'even a form');
	is((post_json($text, form => 1, headers => {}))[0]{return}{returnCode}, 200, 'in form field msg');
	is((post_json("{\"omiEnvelope\":{\"ttl\":0,\"write\":{\"msg\":{\"Objects\":{\"Object\":{\"id\":\"J\",\"InfoItem\":{\"name\":\"l\",\"value\":\"\xE4\"}}}}}}}",
				headers => { 'Content-Type' => 'application/json; charset=iso-8859-1' }))[0]{return}{returnCode}, 200, 'in another character set');
	is(sql("SELECT value = U&'\\00e4' FROM qlm.current WHERE path = 'J/l'"), 't', 'which is understood');
};

subtest 'JSON that is wrong' => sub {
	my %cases = (
		'{' => [ 400, qr/ends before/ ],
		'{"omiEnvelope":{"ttl":0,"read":{}}' => [ 400, qr/ends before/ ],
		"{\n\"omiEnvelope\":{\"ttl\":0,,}}" => [ 400, qr/line 2, column 24/ ],
		'{"omiEnvelope":{"ttl":0,"read":{"msg":"\ud800"}}}' => [ 400, qr/surrogate/ ],
		'{"omiEnvelope":{"ttl":0,"read":{"msg":"\u0000"}}}' => [ 400, qr/cannot hold/ ],
		"{\"omiEnvelope\":\"\xFF\"}" => [ 400, qr/no characters/ ],
		'{"Objects":{}}' => [ 400, qr/omiEnvelope/ ],
		'[' x 100000 => [ 413, qr/nested/ ],
		'{"omiEnvelope":{"ttl":0,"write":{"msg":' . '{"Objects":{"Object":' . '{"id":"a","Object":' x 16 . '{}' . '}' x 16 . '}}}}}' => [ 413, qr/nested/ ],
		'{"a":[' . '0,' x 20000 . '0]}' => [ 413, qr/too many/ ],
	);

	for my $text (sort keys %cases)
	{
		my ($result, $answer) = post_json($text);
		my $name = substr($text, 0, 40) =~ s/[^ -~]/./gr;

		is($answer->{status}, $cases{$text}[0], "$name: status");
		is($result->{return}{returnCode}, $cases{$text}[0], "$name: returnCode");
		like($result->{return}{description}, $cases{$text}[1], "$name: description");
	}
	is((post_json('{"omiEnvelope":{"ttl":0,"read":{}}}'))[0]{return}{returnCode}, 200, 'the node lives');
};

subtest 'csv' => sub {
	my $answer = post($node, with_payload('write', 'csv', "path,time,value,type\nC/t,2024-05-01T10:00:00Z,4.50,xs:double\nC/n,2024-05-01T10:00:00Z,\"a &lt; \"\"b\"\"\",\n"));

	is(return_code($answer), 200, 'written');
	is(value_of('C/t'), '4.50', 'stored');
	$answer = post($node, with_payload('read', 'csv', '<Objects><Object><id>C</id></Object></Objects>'));
	is(return_code($answer), 200, 'read');
	like($answer->{body}, qr{<result msgformat="csv">}, 'says so');
	like($answer->{body}, qr{<msg>path,time,value,type\nC/n,2024-05-01T10:00:00Z,"a &lt; ""b""",\nC/t,2024-05-01T10:00:00Z,4.50,xs:double\n</msg>}, 'the rows');
	is(return_code(post($node, with_payload('write', 'csv', 'C/t,noon,1'))), 400, 'wrong');
	is(return_code(post($node, with_payload('write', 'csv', "C/t,,1\n" x 1001))), 413, 'too many');
	is(return_code(post($node, with_payload('write', 'obix', 'x'))), 415, 'no format');
};

# A file as the payload of a write
sub write_file
{
	my ($name, $change) = @_;
	my $text = PostgreSQL::Test::Utils::slurp_file("test/fixtures/csv/$name.csv");

	$text = $change->($text) if $change;
	$text =~ s/&/&amp;/g;
	$text =~ s/</&lt;/g;
	return post($node, with_payload('write', 'csv', $text));
}

sub history_of { return sql("SELECT path, ts AT TIME ZONE 'UTC', value, type FROM qlm.history WHERE path ~ '^$_[0]/' ORDER BY path COLLATE \"C\", ts"); }

subtest 'csv as spreadsheets, loggers and other systems write it' => sub {
	is(return_code(write_file('spreadsheet')), 200, 'semicolons, a byte order mark, an empty row');
	is(history_of('Cellar'), join("\n", 'Cellar/note|2024-05-01 09:00:00|pump "A", valve; 2|', 'Cellar/temperature|2024-05-01 08:00:00|12,5|', 'Cellar/temperature|2024-05-01 09:00:00|12|'),
		'a decimal comma is part of a text');
	is(sql("SELECT num IS NULL FROM qlm.value WHERE txt = '12,5'"), 't', 'and no number');
	is(return_code(write_file('tabs')), 200, 'tabs, and a line that says so');
	is(history_of('Yard'), join("\n", 'Yard/direction|2024-05-01 10:00:00|SW|', 'Yard/wind|2024-05-01 10:00:00|3.50|xs:double', 'Yard/wind|2024-05-01 10:01:00.5|4|xs:double'), 'their values');
	is(return_code(write_file('logger')), 200, 'comments');
	is(history_of('Pump'), join("\n", 'Pump/#1|2024-05-01 10:10:00|7|', 'Pump/flow|2024-05-01 10:20:00|1.5e-3|', 'Pump/on|2024-05-01 10:00:00|true|'), 'are no Objects');

	my $answer = write_file('home_system');
	is(return_code($answer), 400, 'names of columns that are not ours');
	like($answer->{body}, qr{No column is called path.*known are path, time \(dateTime, ts, timestamp\), unixTime, value and type.*line 1 of the CSV}, 'which are ours');
	is(return_code(write_file('home_system', sub { $_[0] =~ s/.*/path,value,time/r =~ s{^sensor\.}{Home/}mgr })), 200, 'they can be put in their place');
	is(history_of('Home'), join("\n", map { "Home/living_room_temperature|2024-05-01 10:$_|" } '00:00|21.4', '05:00|unavailable', '10:00|21.5'), 'and the values come');
	$answer = write_file('time_series');
	is(return_code($answer), 400, 'a time series');
	like($answer->{body}, qr{No column is called path.*line 4 of the CSV}, 'after its comments');
	is(sql("SELECT count(*) FROM qlm.object WHERE path !~ '^[A-Z]'"), 0, 'nothing was made of a line');
	$answer = post($node, with_payload('write', 'csv', "path,time,value\n" . join('', map { "Many/x$_,2024-05-01T10:00:00Z,1\n" } 1 .. 900) . "Many/y,2024-05-01,1\nMany/z,01/05/2024,1\n"));
	like($answer->{body}, qr{returnCode="400" description="The time of &quot;Many/z&quot; is &quot;01/05/2024&quot;, which is not a date and time; wanted .* \(line 903 of the CSV, field 2: time\)"}, 'one wrong time among many');
	is(return_code(post($node, with_payload('write', 'csv', $_))), 400, "no value: $_") for "path,time,value\nNone/x,2024-05-01,\n", "None/x\nNone/y", "path,time\nNone/x,2024-05-01", "path,time,value\n", "# nothing\n";
	is(sql("SELECT count(*) FROM qlm.object WHERE path ~ '^(Many|None)'"), 0, 'nothing of them is done');
};

sql(q{
	CREATE FUNCTION pairs_read(payload text) RETURNS TABLE (path text, ts timestamptz, value text, type text)
		LANGUAGE plpgsql AS $$
	BEGIN
		IF payload !~ '=' THEN RAISE EXCEPTION 'no pair: %', payload; END IF;
		RETURN QUERY SELECT split_part(p, '=', 1), NULL::timestamptz, split_part(p, '=', 2), NULL::text FROM regexp_split_to_table(payload, ';') AS p;
	END $$;
	CREATE FUNCTION pairs_write(rows qlm.payload_row[]) RETURNS text LANGUAGE sql
		AS $$ SELECT string_agg(r.path || '=' || r.value || ' for ' || current_user, ';') FROM unnest(rows) AS r $$;
	SELECT qlm_add_format('pairs', 'pairs_read(text)', 'pairs_write(qlm.payload_row[])');
});

subtest 'a format that was added, alone and among others in one turn' => sub {
	my $connection = qlm_connect($node);
	my @messages = (
		with_payload('write', 'pairs', 'P/a=1;P/b=2'), write_envelope('M2', 'P/c', 3),
		with_payload('write', 'pairs', 'nothing'), with_payload('read', 'PAIRS', '<Objects><Object><id>P</id></Object></Objects>'));

	$connection->send_request('POST', '/', body => $_) for @messages;
	my @answers = map { $connection->response } @messages;
	is(join(' ', map { return_code($_) } @answers), '200 200 400 200', 'each has its own code');
	like($answers[2]->{body}, qr{no pair: nothing}, 'with what the function said');
	like($answers[3]->{body}, qr{<msg>P/a=1 for qlm_writer;P/b=2 for qlm_writer;P/c=3 for qlm_writer</msg>}, 'with the rights of the caller');
	sql("REVOKE EXECUTE ON FUNCTION pairs_read(text) FROM PUBLIC");
	is(return_code(post($node, with_payload('write', 'pairs', 'P/a=5'))), 403, 'which may be missing');
	sql("GRANT EXECUTE ON FUNCTION pairs_read(text) TO PUBLIC");
	is(return_code(post($node, with_payload('write', 'pairs', 'P/a=5'))), 200, 'or not');
	is(value_of('P/a'), '5', 'stored');
};

subtest 'callbacks: events and intervals in the format that was subscribed' => sub {
	my %receiver = map { $_ => QlmReceiver->new } qw(csv pairs tick);

	for my $format (sort keys %receiver)
	{
		my $interval = $format eq 'tick' ? 0.2 : -1;
		my $name = $format eq 'tick' ? 'csv' : $format;
		my $url = $receiver{$format}->url;

		is(return_code(post($node, envelope('M2', qq{<read interval="$interval" callback="$url" msgformat="$name"><msg>} . objects('M2', 'S/x') . '</msg></read>', ttl => -1))),
			200, "subscribed: $format");
	}
	is(return_code(post($node, write_envelope('M2', 'S/x', 7, at => '2100-01-01T00:00:00Z'))), 200, 'written');
	like(($receiver{csv}->bodies(1))[0], qr{<msg>path,time,value,type\nS/x,2100-01-01T00:00:00Z,7,\w*:?\w*\n</msg>}, 'csv');
	like(($receiver{pairs}->bodies(1))[0], qr{<msg>S/x=7 for qlm_writer</msg>}, 'one that was added');
	wait_until(sub { grep { m{<msg>path,time,value,type\nS/x,2100-01-01T00:00:00Z,7,} } $receiver{tick}->bodies }, 'a tick')
	  and pass('at an interval');
	sql('SELECT qlm_cancel(request_id) FROM qlm.subscription');
};

subtest 'callbacks of a subscription that was JSON' => sub {
	my $listening = IO::Socket::IP->new(LocalHost => '127.0.0.1', Listen => 5, Timeout => 60) or die $@;
	my $url = 'http://127.0.0.1:' . $listening->sockport . '/';
	my ($result) = post_json({ ttl => -1, read => { interval => -1, callback => $url, msg => item('JS/x') } });

	is($result->{return}{returnCode}, 200, 'subscribed');
	is(return_code(post($node, write_envelope('M2', 'JS/x', 7))), 200, 'written as XML');
	my $request = take_post($listening, '');
	like($request, qr{^content-type: application/json}im, 'content type');
	my $envelope = decode_json(($request =~ /\r\n\r\n(.*)/s)[0]);
	is($envelope->{omiEnvelope}{response}{result}{requestID}, $result->{requestID}, 'requestID');
	is($envelope->{omiEnvelope}{response}{result}{msg}{Objects}{Object}{InfoItem}{values}[0]{value}, '7', 'value');
	sql('SELECT qlm_cancel(request_id) FROM qlm.subscription');
};

subtest 'piggy-backing in JSON' => sub {
	sql("SELECT qlm_add_peer('far', piggyback => true, role => 'qlm_writer')");
	my $id = sql("SELECT qlm_request('far', qlm_read_envelope('Far/x'))");
	my ($result) = post_json({ read => {} }, path => '/peer/far');
	my $nested = $result->{omiEnvelope};

	is($result->{requestID}, $id, 'the requestID');
	is($nested->{read}{msg}{Objects}{Object}{id}, 'Far', 'the request');
	($result) = post_json({ response => { result => { return => { returnCode => 200 }, requestID => $id, msgformat => 'csv', msg => 'Far/x,,9' } } }, path => '/peer/far');
	is($result->{return}{returnCode}, 200, 'answered in csv');
	is(value_of('Far/x'), '9', 'stored');
	is(sql("SELECT (xpath('//*[local-name()=\"msg\"]/text()', qlm_await($id)))[1]"), 'Far/x,,9', 'and returned as XML, as it came');
	my $start = time;
	($result) = post_json({ read => {} }, path => '/peer/far', headers => { %$json_type, Prefer => 'wait=1' });
	is($result->{return}{returnCode}, 200, 'an answer that was held is JSON too');
};

subtest 'a peer that is spoken to in JSON' => sub {
	my $listening = IO::Socket::IP->new(LocalHost => '127.0.0.1', Listen => 5, Timeout => 60) or die $@;
	my $url = 'http://127.0.0.1:' . $listening->sockport . '/';

	sql("SELECT qlm_add_peer('near', '$url', dialect => 'M1b json=yes')");
	my $id = sql("SELECT qlm_request('near', qlm_read_envelope('Near/x'))");
	my $request = take_post($listening,
		'{"omiEnvelope":{"version":"1.0","ttl":0,"response":{"result":{"return":{"returnCode":200},"msg":{"Objects":{"Object":{"id":"Near","InfoItem":{"name":"x","value":8}}}}}}}}');
	like($request, qr{^content-type: application/json}im, 'content type');
	is(decode_json(($request =~ /\r\n\r\n(.*)/s)[0])->{omiEnvelope}{read}{msg}{Objects}{Object}{id}, 'Near', 'the request');
	is(sql("SELECT (xpath('//*[local-name()=\"value\"]/text()', qlm_await($id)))[1]"), '8', 'its answer, as XML');
};

subtest 'a dump holds the formats' => sub {
	my ($dump) = PostgreSQL::Test::Utils::run_command([ 'pg_dump', '-d', $node->connstr('postgres') ]);

	like($dump, qr{^pairs\tpublic\.pairs_read\(text\)\tpublic\.pairs_write\(qlm\.payload_row\[\]\)}m, 'by name');
};

done_testing();
