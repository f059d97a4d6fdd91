# The situations that the protocol's text shows, one after the other, on three equal
# databases: over HTTP, on a WebSocket and through qlm_handle.  All three answer the
# same, as test/fixtures/examples/*.answer.xml have it (ids and times of this run are
# masked), and what is in a namespace of 1.0 or 2.0 is valid by the schemas in
# test/fixtures/schema.
#
# KEEP_EXAMPLES=FOLDER writes the answers there, to be looked at and copied.
#
# What a node should be able to do at least, and where it is tested:
#
#  1. Fig. 3 of the paper, byte for byte            020_dialog.t, sql/dialects.sql
#  2. the same dialog in every dialect              020_dialog.t; valid: here (072, 073)
#  3. three rounds, lost response, expiry           020_dialog.t, 100_two_nodes.t, sql/piggyback.sql
#  4. two peers behind one address                  020_dialog.t
#  5. a callback that cannot be reached             110_callbacks.t, 151_websocket_push.t, pgtap/03_delivery.sql
#  6. selectors, stubs, maxlevels, partial 404      sql/read_values.sql, sql/read_nodes.sql; here (030 to 042)
#  7. polls of all intervals, expiry, cancel        sql/subscribe.sql; here (050 to 058)
#  8. events of what is made later, one per write   sql/subscribe.sql, 110_callbacks.t
#  9. times, several values, types, attributes      sql/write.sql
# 10. the table of GET                              160_discovery.t; valid: here
# 11. forms, multipart, chunked, gzip, frames, "0"  010_http.t, 140_http_more.t, 150_websocket.t, 151_websocket_push.t, 210_clients.t
# 12. a peer like the reference node               210_clients.t

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Utils;
use QlmPeer;
use QlmReader;
use QlmSocket;
use QlmTest;
use Test::More;
use XML::LibXML;

my $folder = 'test/fixtures/examples';
my %ports = (http => free_port(), ws => free_port(), sql => free_port());
my $node = qlm_node('examples', databases => join(', ', map { "$_:$ports{$_}" } sort keys %ports),
	http => 0, conf => "qlm.anonymous_role = 'qlm_writer'\nqlm.callback_allow = '127.0.0.1'\nqlm.http_workers = 1\n");

sub sql
{
	my ($database, $query) = @_;

	return $node->safe_psql($database, $query);
}

for my $database (sort keys %ports)
{
	wait_for_http($node, port => $ports{$database});
	sql($database, <<'EOQ');
CREATE FUNCTION defrost(minutes text) RETURNS text LANGUAGE sql AS $$ SELECT 'for ' || minutes $$;
GRANT EXECUTE ON FUNCTION defrost TO qlm_writer;
SELECT qlm_set_handler('Fridge7/defrost', 'defrost(text)');
SELECT qlm_add_peer('van', role => 'qlm_writer', paths => '{Van12}', piggyback => true);
SELECT qlm_add_peer('truck', role => 'qlm_writer', paths => '{Truck}', piggyback => true);
SELECT qlm_add_peer('bus', role => 'qlm_writer', paths => '{Bus}', piggyback => true);
SELECT qlm_request('van', qlm_read_envelope('Van12/fuel'), ttl => NULL);
SELECT qlm_request('truck', qlm_write_envelope('Truck/setpoint', '19.5', '2024-05-01T10:05:00Z', 'xs:double'), ttl => NULL);
SELECT qlm_request('bus', qlm_read_envelope('Bus/fuel', newest => 2), ttl => NULL);
EOQ
}

my $socket = qlm_socket($node, port => $ports{ws});

# A response is not acknowledged on a WebSocket: the answer to a message behind it shows that.
sub on_socket
{
	my ($message) = @_;

	$socket->send($message);
	if ($message !~ /<response>/)
	{
		return $socket->receive;
	}
	$socket->send('<omiEnvelope version="2.0" ttl="0"><cancel><requestID>999</requestID></cancel></omiEnvelope>');
	like($socket->receive, qr/>999</, 'no acknowledgement');
	return;
}

# Through a variable of psql, so that the message may hold anything.
sub in_sql
{
	my ($message) = @_;
	my $peer = $message =~ /Van12/ ? 'van' : $message =~ /Truck/ ? 'truck' : $message =~ /<id>Bus/ ? 'bus' : '';

	return sql('sql', 'SET ROLE qlm_writer; SELECT qlm_handle($message$' . $message . '$message$'
		  . ($peer ? ", '$peer'" : '') . ')') if !$peer;
	return sql('sql', 'SELECT qlm_handle($message$' . $message . "\$message\$, '$peer')");
}

my %send = (
	http => sub { return post($node, $_[0], port => $ports{http})->{body}; },
	ws => \&on_socket,
	sql => \&in_sql);

# The requestIDs that each database has given, in order, and of those that carry something
my (%ids, %carrying);

sub filled_in
{
	my ($database, $message) = @_;

	$message =~ s/\@(\d+)\@/$ids{$database}[$1 - 1]/g;
	$message =~ s/\@N(\d+)\@/$carrying{$database}[$1 - 1]/g;
	return $message;
}

# Without what differs from run to run; new ids are noted.
sub masked
{
	my ($database, $answer) = @_;
	my $n;

	push @{ $carrying{$database} }, $answer =~ m{<requestI[dD]>(\d{3,})</requestI[dD]><(?:omi|qlm)Envelope}g;
	push @{ $ids{$database} }, $1 if $answer =~ m{subscription started[^"]*"/><requestI[dD]>(\d+)<};
	for my $id (@{ $ids{$database} })
	{
		my $name = 'id' . ++$n;
		$answer =~ s/>$id</>$name</g;
	}
	$answer =~ s{>\d{5,16}</requestI}{>a number</requestI}g;
	$answer =~ s/dateTime="20(?:2[5-9]|[3-9]\d)[^"]*" unixTime="[^"]*"/dateTime="now" unixTime="now"/g;
	return XML::LibXML->new->parse_string($answer)->toString(1);
}

my %answers;

for my $file (sort grep { !/answer/ } glob "$folder/*.xml")
{
	my ($name) = $file =~ m{([^/]*)\.xml$};
	my $message = slurp_file($file) =~ s/\s+$//r;

	subtest $name => sub {
		for my $database (qw(http ws sql))
		{
			my $answer = eval { $send{$database}->(filled_in($database, $message)) };

			is($@, '', "$database: it is answered") if $@;
			next unless defined $answer;

			is(eval { schema_errors($answer) } // $@, '', "$database: valid") if $answer =~ m{^<\w+ xmlns="http://www.opengroup.org};
			$answers{$name}{$database} = eval { masked($database, $answer) } // "$@ in $answer";
		}
		my $expected = -e "$folder/$name.answer.xml" ? slurp_file("$folder/$name.answer.xml") : 'none';
		for my $database (qw(http ws sql))
		{
			my $answer = $answers{$name}{$database} // next;

			append_to_file("$ENV{KEEP_EXAMPLES}/$name.answer.xml", $answer) if $ENV{KEEP_EXAMPLES} && $database eq 'http';
			is($answer, $expected, "$database: the answer");
		}
	};
}

subtest 'what was sent is in all three' => sub {
	my @tables = map { sql($_, "SELECT path, ts, value, type FROM qlm.history WHERE ts < '2025-01-01' ORDER BY 1, 2") } qw(http ws sql);

	like($tables[0], qr{^Van12/fuel\|2024-05-01 10:00:01\+00\|41\|}m, 'with what a piggy-backed read has brought');
	is($tables[1], $tables[0], 'on a WebSocket as over HTTP');
	is($tables[2], $tables[0], 'and by qlm_handle');
	is(sql($_, "SELECT state FROM qlm.outbox WHERE peer = 'van'"), 'answered', "$_: the piggy-backed read is answered") for qw(http ws sql);
};

# Where the transports must differ
subtest 'callback "0"' => sub {
	my $subscribe = '<omiEnvelope xmlns="http://www.opengroup.org/xsd/omi/%1$s/" version="%1$s" ttl="0"><read msgformat="odf" interval="-1" callback="0"><msg>'
	  . '<Objects xmlns="http://www.opengroup.org/xsd/odf/%1$s/"><Object><id>Fridge7</id></Object></Objects></msg></read></omiEnvelope>';

	for my $version ('1.0', '2.0')
	{
		my $message = sprintf $subscribe, $version;

		is(return_code($send{http}->($message)), 400, "$version: not over HTTP");
		is(return_code($send{sql}->($message)), 400, 'nor in SQL');
		is(return_code($send{ws}->($message)), 200, 'but on a WebSocket');
		sql('ws', "SELECT qlm_write('Fridge7/temperature', '5')");
		my $pushed = $socket->receive;
		is(schema_errors($pushed), '', 'a push is valid');
		is(return_code($socket->request('<omiEnvelope version="2.0" ttl="0"><cancel><requestID>' . (request_ids($pushed))[0] . '</requestID></cancel></omiEnvelope>')), 200);
	}
};

subtest 'callbacks are valid' => sub {
	my $receiver = QlmPeer->new;

	for my $version ('1.0', '2.0')
	{
		for my $interval ('interval="-1"', 'interval="0.2"', '')
		{
			my $message = "<omiEnvelope xmlns=\"http://www.opengroup.org/xsd/omi/$version/\" version=\"$version\" ttl=\"20\"><read msgformat=\"odf\" $interval callback=\""
			  . $receiver->url . "\"><msg><Objects xmlns=\"http://www.opengroup.org/xsd/odf/$version/\"><Object><id>Fridge7</id></Object></Objects></msg></read></omiEnvelope>";
			my $answer = $send{http}->($message);
			my ($id) = request_ids($answer);

			is(schema_errors($answer), '', "$version, $interval: the answer");
			sql('http', "SELECT qlm_write('Fridge7/temperature', '6')") if $interval =~ /-1/;
			my $request = $receiver->request('answer');
			my ($body) = $request->{body} =~ /^msg=(.*)$/s;
			$body =~ s/%(..)/chr hex $1/ge;
			is(schema_errors($body), '', 'the message for the callback') or diag $body;
			is((request_ids($body))[0], $id, 'with its id');
			$receiver->answer($request);
			$send{http}->("<omiEnvelope version=\"1.0\" ttl=\"0\"><cancel><requestID>$id</requestID></cancel></omiEnvelope>");
			$receiver->hang_up_all;
		}
	}
};

# A document of discovery is an element of O-DF: as the schema has only Objects
# alone, it is put where it belongs.
subtest 'documents of discovery are valid' => sub {
	for my $version ('1.0', '2.0')
	{
		for my $path ('', '/Fridge7', '/Fridge7/temperature', '/Fridge7/contents', '/Fridge7/id', '/Fridge7/temperature/name',
			'/Fridge7/temperature/MetaData', '/Fridge7/temperature/MetaData/unit', '/Fridge7/temperature/description')
		{
			my $body = get($node, "/Objects$path", port => $ports{http}, headers => { Accept => "text/xml;version=$version" })->{body};
			my $around = $body =~ /^<InfoItem/ ? [ '<Object><id>x</id>', '</Object>' ]
			  : $body =~ /^<MetaData/ ? [ '<Object><id>x</id><InfoItem name="x">', '</InfoItem></Object>' ] : [ '', '' ];

			$body = "<Objects xmlns=\"http://www.opengroup.org/xsd/odf/$version/\">$around->[0]$body$around->[1]</Objects>"
			  unless $body =~ /^<Objects/;
			like($body, qr{^<Objects.*xmlns="http://www.opengroup.org/xsd/odf/$version/"}, "$version: /Objects$path");
			is(schema_errors($body), '', 'is valid');
		}
	}
};

$socket->close;
$node->stop;
done_testing();
