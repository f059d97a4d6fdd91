# The clients that exist: each is played by a reader and a writer that know no
# more than it does, and give up where it would.

use strict;
use warnings FATAL => 'all';

use IO::Select;
use MIME::Base64;
use QlmPeer;
use QlmReader;
use QlmSocket;
use QlmTest;
use Test::More;
use Time::HiRes qw(time);

my $node = qlm_node('clients', conf => <<EOC);
qlm.anonymous_role = 'qlm_writer'
qlm.callback_allow = '127.0.0.1'
qlm.retry_delay = '300ms'
qlm.cors_origins = '*'
EOC
my $group = 'http://www.opengroup.org/xsd';
my %form = ('Content-Type' => 'application/x-www-form-urlencoded');

sub sql { return $node->safe_psql('postgres', $_[0]); }

# Text for a form: blanks as plus signs, everything else escaped.
sub form_text
{
	my ($text) = @_;

	utf8::encode($text) if utf8::is_utf8($text);
	$text =~ s/([^\w. -])/sprintf '%%%02X', ord $1/ge;
	return $text =~ tr/ /+/r;
}

# The message in field msg of a form that was posted.
sub form_message
{
	my ($body) = @_;
	my ($text) = $body =~ /^msg=([^&]*)$/ or return 'no field msg alone: ' . substr $body, 0, 40;

	$text =~ tr/+/ /;
	return $text =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ger;
}

# A message in a namespace version of the Open Group, '' for none.
sub omi
{
	my ($version, $verbs, $ttl) = @_;
	my $xmlns = $version eq '' ? '' : qq{xmlns="$group/omi/$version/" };

	return qq{<?xml version="1.0" encoding="UTF-8"?>\n<omiEnvelope ${xmlns}version="}
	  . ($version || '2.0') . '" ttl="' . ($ttl // 0) . qq{">\n  $verbs\n</omiEnvelope>\n};
}

sub odf
{
	my ($version, $content) = @_;
	my $xmlns = $version eq '' ? '' : qq{ xmlns="$group/odf/$version/"};

	return qq{<msg>\n    <Objects$xmlns>\n      $content\n    </Objects></msg>};
}

sub texts { return join ' ', map { $_->{text} } @{ $_[0] // [] }; }

# Something of everything, with what old clients have never heard of
is(return_code(post($node, omi('2.0', '<write msgformat="odf">' . odf('2.0', <<'EOX') . '</write>'))), 200, 'a rich tree');
<Object type="Rich" owner="lab"><id idType="serial">Rich</id><id>urn:rich</id><description lang="en">one</description><description lang="fi">two</description>
<InfoItem name="temperature" type="t#Celsius" unit="C"><altname>lampotila</altname><description>Inside</description>
<MetaData><InfoItem name="unit"><value>Cel</value></InfoItem></MetaData>
<value type="xs:double" dateTime="2024-05-01T10:00:00.123456Z" quality="good">4.5</value></InfoItem>
<InfoItem name="tree"><value type="odf" dateTime="2024-05-01T10:00:00Z"><Objects><Object><id>In</id><InfoItem name="x"><value>1</value></InfoItem></Object></Objects></value></InfoItem>
<Object><id>Freezer</id></Object></Object>
EOX

subtest 'reference node 3.x as a client' => sub {
	for my $version ('', '1.0', '2.0')
	{
		my $name = "R$version";
		my $send = sub { return reference_reader(post($node, omi($version, @_))->{body}); };
		my $item = sub { return odf($version, "<Object><id>$name</id><InfoItem name=\"t\">" . ($_[0] // '') . '</InfoItem></Object>'); };
		my $results = $send->('<write msgformat="odf">' . $item->('<value type="xs:int" unixTime="1714557600">7</value>') . '</write>');

		is($results->[0]{code}, 200, ($version || 'no namespace') . ': a write');
		$results = $send->('<read msgformat="odf">' . $item->() . '</read>');
		is_deeply($results->[0]{values}{"$name/t"},
			[ { type => 'xs:int', dateTime => '2024-05-01T10:00:00Z', unixTime => 1714557600, text => 7 } ], 'a read');
		$results = $send->('<read msgformat="odf">' . odf($version, "<Object><id>$name</id><InfoItem name=\"t\"/><InfoItem name=\"u\"/></Object>") . '</read>');
		is(join(' ', sort map { $_->{code} } @$results), '200 404', 'a part that is unknown');
		is($send->('<read msgformat="odf" newest="1" oldest="1">' . $item->() . '</read>')->[0]{code}, 400, 'a mistake');

		my $id = $send->('<read msgformat="odf" interval="-1">' . $item->() . '</read>', 60)->[0]{ids}[0];
		cmp_ok($id, '<', 2**53, 'a subscription: its id is a number that all readers hold');
		$send->('<write msgformat="odf">' . $item->("<value>$_</value>") . '</write>') for 8, 9;
		$results = $send->("<read><requestID>$id</requestID><requestID>1</requestID></read>");
		is(join(' ', map { "$_->{code} $_->{ids}[0] " . texts($_->{values}{"$name/t"}) } @$results), "200 $id 8 9 404 1 ", 'a poll');
		is($send->("<cancel><requestID>$id</requestID></cancel>")->[0]{code}, 200, 'cancel');
		is($send->('<delete msgformat="odf">' . $item->() . '</delete>')->[0]{code}, 200, 'delete');
		is($send->('<call msgformat="odf">' . $item->('<value>1</value>') . '</call>')->[0]{code}, 404, 'a call of nothing');

		# its web client subscribes with ttl 0 over a WebSocket
		my $socket = qlm_socket($node);
		$id = reference_reader($socket->request(omi($version, '<read msgformat="odf" interval="-1" callback="0">' . $item->() . '</read>')))->[0]{ids}[0];
		$socket->send('');
		$send->('<write msgformat="odf">' . $item->('<value>10</value>') . '</write>');
		$results = reference_reader($socket->receive);
		is("$results->[0]{ids}[0] " . texts($results->[0]{values}{"$name/t"}), "$id 10", 'callback "0"');
		$socket->close;
	}
	is(reference_reader(post($node, 'nonsense')->{body})->[0]{code}, 400, 'it can read what is said to nonsense');
	my $results = reference_reader(post($node, omi('1.0', '<read msgformat="odf">' . odf('1.0', '<Object><id>Rich</id></Object>') . '</read>'))->{body});
	is(texts($results->[0]{values}{'Rich/temperature'}), '4.5', 'it can read a tree with everything in it');
	is($results->[0]{values}{'Rich/temperature'}[0]{unixTime}, '1714557600', 'in 1.0 unixTime is an integer');
};

# It posts data for a subscription as a chunked form, and takes 2xx for done.
subtest 'reference node 3.x as a peer that calls' => sub {
	sql(q{SELECT qlm_add_peer('reference', role => 'qlm_writer', paths => '{Ref}', piggyback => false)});
	sql(q{SELECT qlm_request('reference', qlm_read_envelope('Ref/wanted'))});

	my $data = omi('2.0', '<response><result msgformat="odf"><return returnCode="200"/><requestID>77</requestID>'
		  . odf('2.0', '<Object><id>Ref</id><InfoItem name="t"><value type="xs:double" unixTime="1714557600" dateTime="2024-05-01T10:00:00.000+03:00">1e+3 &amp; more</value></InfoItem></Object>') . '</result></response>', 10);
	my $answer = post($node, $data, form => 1, chunked => [ 1, 2, 3, 50, 1 ], path => '/peer/reference');

	is($answer->{status}, 200, 'its data are taken');
	is(reference_reader($answer->{body})->[0]{code}, 200, 'the answer is one that it can read');
	is(sql("SELECT value || ' ' || (ts = '2024-05-01 07:00:00+00') FROM qlm.history WHERE path = 'Ref/t'"), '1e+3 & more true', 'and stored');
	for my $version ('1.0', '2.0', '')
	{
		$answer = post($node, omi($version, '<read msgformat="odf">' . odf($version, '<Object><id>Ref</id></Object>') . '</read>'), path => '/peer/reference');
		is(texts(reference_reader($answer->{body})->[0]{values}{'Ref/t'}), '1e+3 & more', 'what it asks for has nothing nested, ' . ($version || 'no namespace'));
	}
	is(sql("SELECT state FROM qlm.outbox WHERE peer = 'reference'"), 'queued', 'what is queued for it waits');
};

# What it takes as a server: its own order, no nodeList, no aliases, no msgformat on a poll.
sub reference_takes
{
	my ($body, $version) = @_;
	my $envelope = document($body)->documentElement;

	die "refused: namespace\n" unless ($envelope->namespaceURI // '') eq "$group/omi/$version/";
	for my $verb (grep { $_->nodeType == XML::LibXML::XML_ELEMENT_NODE() } $envelope->childNodes)
	{
		my @children = grep { $_->nodeType == XML::LibXML::XML_ELEMENT_NODE() } $verb->childNodes;

		die "refused: nodeList\n" if grep { $_->localname !~ /^(requestID|msg)$/ } @children;
		die "refused: requestID\n" if grep { $_->localname eq 'requestID' && $_->textContent !~ /^\d+$/ } @children;
		die "refused: msgformat\n" if (($verb->getAttribute('msgformat') // '') eq 'odf') != grep { $_->localname eq 'msg' } @children;
		die "refused: $_\n" for map { $_->nodeName } $envelope->findnodes('.//*[local-name()="altname"]');
		die "refused: $_ of the verb\n" for grep { !/^(msgformat|callback|targetType|interval|newest|oldest|begin|end|maxlevels)$/ } map { $_->nodeName } $verb->attributes;
	}
	return 1;
}

subtest 'reference node 3.x as a peer that is called' => sub {
	my $server = QlmPeer->new;

	for my $version ('1.0', '2.0')
	{
		my $name = "served$version";
		my $key = $version eq '1.0' ? 'M1b' : 'M2';
		my %ids;

		sql("SELECT qlm_add_peer('$name', url => '" . $server->url("/$name") . "', dialect => '$key')");
		my %requests = (
			read => "qlm_read_envelope('Rich/temperature')",
			write => "qlm_write_envelope('Rich/temperature', '4.5')",
			poll => q{'<omiEnvelope version="1.0" ttl="0"><read msgformat="odf"><requestID>5</requestID></read></omiEnvelope>'},
			subscribe => q{'<qlmEnvelope xmlns="QLMmi.xsd" version="1.0" ttl="60"><read msgformat="QLMdf.xsd" interval="2"><Objects xmlns="QLMdf.xsd"><Object><id>A</id></Object></Objects></read></qlmEnvelope>'});
		for my $what (sort keys %requests)
		{
			my $id = sql("SELECT qlm_request('$name', $requests{$what})");
			my $request = $server->request('request');

			is(refusal(\&reference_takes, $request->{body}, $version), '', "$version: a $what that it takes") or diag $request->{body};
			$server->answer($request, omi($version, '<response><result><return returnCode="200"></return></result></response>', '10.0'));
			wait_for_sql($node, "SELECT state FROM qlm.outbox WHERE message_id = $id", 'answered', 'its answer counts');
		}
	}
};

# Data that leave for a callback: as a form, like those of the reference node
subtest 'callbacks, as the reference node and Python tools read them' => sub {
	for my $version ('', '1.0', '2.0')
	{
		my $server = QlmPeer->new;
		my $subscribed = reference_reader(post($node,
				omi($version, '<read msgformat="odf" interval="-1" callback="' . $server->url('/cb?r=17') . '">' . odf($version, '<Object><id>Rich</id></Object>') . '</read>', 60))->{body});
		my $id = $subscribed->[0]{ids}[0];

		is(return_code(post($node, omi('2.0', '<write msgformat="odf">'
					. odf('2.0', qq{<Object><id>Rich</id><InfoItem name="temperature"><value type="xs:double" quality="bad">5 + \x{20ac}&amp;</value></InfoItem></Object>}) . '</write>'))), 200);
		my $request = $server->request('answer');
		like($request->{head}, qr{^POST /cb\?r=17 HTTP/1\.1\r\n}, ($version || 'no namespace') . ': the URL is the one that was given');
		like($request->{head}, qr{^Content-Type: application/x-www-form-urlencoded\r$}mi, 'a form');
		my $message = form_message($request->{body});
		my $results = eval { reference_reader($message) };
		is($@, '', 'whose field msg it can read') or diag $message;
		is("$results->[0]{code} $results->[0]{ids}[0]", "200 $id", 'with the id of the subscription');
		is(texts($results->[0]{values}{'Rich/temperature'}), "5 + \x{20ac}&", 'and the value');
		unlike($message, qr/<(name|altname|description|MetaData)\b/, 'and nothing that was not subscribed to');
		is_deeply([ grep { !/^(type|dateTime|unixTime|text)$/ } keys %{ $results->[0]{values}{'Rich/temperature'}[0] } ],
			$version eq '1.0' ? [] : ['quality'], 'attributes as the version has them');
		$server->say($request, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
		wait_for_sql($node, "SELECT DISTINCT state FROM qlm.outbox WHERE subscription_id = $id", 'answered', '200 without a body is an acknowledgement');
		post($node, omi($version, "<cancel><requestID>$id</requestID></cancel>"));
	}
};

subtest 'reference node of 2015 to 2017' => sub {
	my $send = sub { return old_reference_reader(post($node, $_[0], form => 1)->{body}); };
	my $envelope = sub { return qq{<?xml version="1.0"?><omi:omiEnvelope xmlns:xs="http://www.w3.org/2001/XMLSchema-instance" xmlns:omi="omi.xsd" version="1.0" ttl="$_[1]">$_[0]</omi:omiEnvelope>}; };
	my $objects = sub { return qq{<omi:msg xmlns="odf.xsd" xs:schemaLocation="odf.xsd odf.xsd"><Objects><Object><id> Old </id><InfoItem name="t">$_[0]</InfoItem></Object></Objects></omi:msg>}; };

	is($send->($envelope->('<omi:write msgformat="odf">' . $objects->('<value type="xs:float">1.5</value>') . '</omi:write>', '0.0'))->[0]{code}, 200, 'a write');
	is(texts($send->($envelope->('<omi:read msgformat="odf">' . $objects->('') . '</omi:read>', ' 10 '))->[0]{values}{'Old/t'}), '1.5', 'a read');
	my $id = $send->($envelope->('<omi:read msgformat="odf" interval="-1">' . $objects->('') . '</omi:read>', '60.0'))->[0]{ids}[0];
	is($send->($envelope->('<omi:write msgformat="odf">' . $objects->('<value>2</value>') . '</omi:write>', 0))->[0]{code}, 200);
	my $poll = $send->($envelope->("<omi:read><omi:requestID>$id</omi:requestID></omi:read>", 0));
	is("$poll->[0]{ids}[0] " . texts($poll->[0]{values}{'Old/t'}), "$id 2", 'a poll');
	is($send->($envelope->("<omi:cancel><omi:requestID>$id</omi:requestID></omi:cancel>", 0))->[0]{code}, 200, 'cancel');
};

subtest 'the Go library and its programs' => sub {
	for my $root ('omiEnvelope', 'qlmEnvelope')
	{
		my $xmlns = $root eq 'qlmEnvelope' ? ' xmlns="QLMmi.xsd"' : ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="omi.xsd"';
		my $format = $root eq 'qlmEnvelope' ? 'QLMdf' : 'odf';
		my $envelope = sub { return qq{<$root$xmlns version="1.0" ttl="-1">$_[0]</$root>}; };
		my $objects = sub { return qq{<msg><Objects><Object><id>Go$root</id><InfoItem name="t">$_[0]</InfoItem></Object></Objects></msg>}; };
		my $by_form = sub { return go_reader(post($node, 'msg=' . form_text($envelope->($_[0])), path => '/qlm/', headers => {%form})->{body}); };
		my $socket = qlm_socket($node, path => '/qlmws');
		my $by_socket = sub {
			my $answer = $socket->request($envelope->($_[0]), binary => 1);
			is($socket->{kind}, 'binary', 'answered in a binary frame');
			return go_reader($answer);
		};

		for my $send ($by_form, $by_socket)
		{
			is($send->('<read/>')->[0]{code}, 200, "$root: the test of a connection");
			is($send->("<write msgformat=\"$format\" targetType=\"device\">" . $objects->('<value type="xs:int">1</value>') . '</write>')->[0]{code}, 200, 'a write');
			is(texts($send->("<read msgformat=\"$format\">" . $objects->('') . '</read>')->[0]{values}{"Go$root/t"}), '1', 'a read');
			my $id = $send->("<read msgformat=\"$format\" interval=\"-1\">" . $objects->('') . '</read>')->[0]{ids}[0];
			ok($id, 'a subscription has a requestId');
			$send->("<write msgformat=\"$format\">" . $objects->('<value>2</value>') . '</write>');
			my $poll = $send->("<read msgformat=\"$format\"><requestId>$id</requestId></read>");
			is("$poll->[0]{ids}[0] " . texts($poll->[0]{values}{"Go$root/t"}), "$id 2", 'a poll that says msgformat');
			is($send->("<cancel><requestId>$id</requestId></cancel>")->[0]{code}, 200, 'cancel');
		}
		$socket->close;
	}

	# one Object for each value that it had buffered
	is(return_code(post($node, '<omiEnvelope version="1.0" ttl="-1"><write msgformat="odf"><msg><Objects>'
				. join('', map { "<Object><id>GoMany</id><InfoItem name=\"t\"><value unixTime=\"$_\">$_</value></InfoItem></Object>" } 1, 2, 3)
				. '</Objects></msg></write></omiEnvelope>', form => 1)), 200);
	is(sql("SELECT string_agg(value, ' ' ORDER BY ts) FROM qlm.history WHERE path = 'GoMany/t'"), '1 2 3', 'an Object for each value');

	# as a server it reads forms only
	my $server = QlmPeer->new;
	sql("SELECT qlm_add_peer('go', url => '" . $server->url('/qlm/') . "', dialect => 'M0', form => true)");
	my $id = sql("SELECT qlm_request('go', qlm_read_envelope('GoMany/t'))");
	my $request = $server->request('request');
	like($request->{head}, qr{^Content-Type: application/x-www-form-urlencoded\r$}mi, 'a request to it is a form');
	like(form_message($request->{body}), qr{^<omiEnvelope version="1.0" ttl="[\d.]+"><read msgformat="odf"><msg><Objects><Object>}, 'without namespaces');
	$server->answer($request, '<omiEnvelope version="1.0" ttl="-1"><response><result><return returnCode="200"></return><requestId></requestId></result></response></omiEnvelope>');
	wait_for_sql($node, "SELECT state FROM qlm.outbox WHERE message_id = $id", 'answered', 'its answer, with an empty requestId, counts');
};

# One WebSocket message from the socket, as bytes: it must be one frame.
sub one_frame
{
	my ($socket) = @_;
	my $bytes = '';
	my $more = sub {
		while (length $bytes < $_[0])
		{
			die "refused: nothing comes\n" unless IO::Select->new($socket->{socket})->can_read(30);
			sysread $socket->{socket}, $bytes, $_[0] - length $bytes, length $bytes or die "refused: the end\n";
		}
	};

	$more->(2);
	my ($first, $length) = unpack 'CC', $bytes;
	die "refused: a frame that is not the whole message\n" unless $first == 0x81;
	my $head = $length == 126 ? 4 : $length == 127 ? 10 : 2;
	$more->($head);
	$length = unpack 'n', substr $bytes, 2, 2 if $head == 4;
	$length = unpack 'Q>', substr $bytes, 2, 8 if $head == 10;
	$more->($head + $length);
	return substr $bytes, $head;
}

subtest 'a microcontroller' => sub {
	for my $namespaces ([ '', '' ], [ 'omi.xsd', 'odf.xsd' ], [ "$group/omi/1.0/", "$group/odf/1.0/" ], [ "$group/omi/2.0/", "$group/odf/2.0/" ])
	{
		my ($omi, $odf) = map { $_ eq '' ? '' : " xmlns=\"$_\"" } @$namespaces;
		my $what = $namespaces->[0] || 'no namespace';
		my $version = $omi =~ m{2\.0/} ? '2.0' : '1.0';
		my $envelope = sub { return qq{<omiEnvelope$omi version="$version" ttl="0">$_[0]</omiEnvelope>}; };
		my $objects = sub { return qq{<msg><Objects$odf><Object><id>Tiny</id><InfoItem name="t">$_[0]</InfoItem></Object></Objects></msg>}; };
		my $socket = qlm_socket($node);
		my $send = sub { $socket->send($envelope->($_[0])); return embedded_reader(one_frame($socket)); };

		is($send->('<write msgformat="odf">' . $objects->('<value type="xs:float">21.5</value>') . '</write>')->[0]{code}, 200, "$what: a write");
		is(texts($send->('<read msgformat="odf">' . $objects->('') . '</read>')->[0]{values}{'Tiny/t'}), '21.5', 'a read');
		is($send->('<read msgformat="odf">' . $objects->('<MetaData/>') . '</read>')->[0]{code}, 200, 'with MetaData');
		my $id = $send->('<read msgformat="odf" interval="-1" callback="0">' . $objects->('') . '</read>')->[0]{ids}[0];
		cmp_ok($id, '<', 2**31, 'a subscription has a small id');
		post($node, $envelope->('<write msgformat="odf">' . $objects->('<value>' . ('x' x 1000) . '</value>') . '</write>'));
		my $pushed = embedded_reader(one_frame($socket));
		is("$pushed->[0]{ids}[0] " . length texts($pushed->[0]{values}{'Tiny/t'}), "$id 1000", 'a push in one frame');
		is($send->("<cancel><requestID>$id</requestID></cancel>")->[0]{code}, 200, 'cancel');
		is(embedded_reader(post($node, $envelope->('<read msgformat="odf">' . $objects->('') . '</read>'))->{body})->[0]{code}, 200, 'over HTTP, too');
		is($send->('<read msgformat="odf">' . $objects->('<nothing>') . '</read>')->[0]{code}, 400, 'a mistake');
		$socket->close;
	}
};

subtest 'a page in a browser, and a Grafana plug-in' => sub {
	my $origin = 'https://dashboard.example.com';
	my $preflight = request($node, 'OPTIONS', '/', headers => {
		Origin => $origin, 'Access-Control-Request-Method' => 'POST', 'Access-Control-Request-Headers' => 'content-type' });

	like($preflight->{status}, qr/^20[04]$/, 'the preflight');
	is($preflight->{headers}{'access-control-allow-origin'}, '*', 'lets it in');
	like($preflight->{headers}{'access-control-allow-methods'}, qr/POST/, 'with POST');
	like($preflight->{headers}{'access-control-allow-headers'}, qr/Content-Type/i, 'and a content type');

	for my $version ('1.0', '2.0')
	{
		my $read = sub { return omi($version, "<read msgformat=\"odf\" $_[0]>" . odf($version, '<Object><id>Rich</id><InfoItem name="temperature"/></Object>') . '</read>'); };
		my $answer = post($node, $read->('begin="2024-05-01T00:00:00Z" end="2024-05-02T00:00:00Z"'), headers => { Origin => $origin, 'Content-Type' => 'text/xml' });

		is($answer->{headers}{'access-control-allow-origin'}, '*', "$version: the page may see the answer");
		like($answer->{headers}{'content-type'}, qr{^text/xml; *charset=utf-8$}i, 'which is XML');
		my ($value) = @{ browser_reader($answer->{body}, $version)->[0]{values}{'Rich/temperature'} };
		is($value->{dateTime}, '2024-05-01T10:00:00.123456Z', 'a reader of dateTime sees all of it');
		is($value->{unixTime}, $version eq '1.0' ? '1714557600' : '1714557600.123456', 'a reader of unixTime has it, too');
		is(refusal(\&browser_reader, $answer->{body}, $version eq '1.0' ? '2.0' : '1.0'), "refused: nothing in the namespaces of " . ($version eq '1.0' ? '2.0' : '1.0'),
			'nothing of another version');

		my $socket = qlm_socket($node, headers => { Origin => $origin });
		$socket->send(omi($version, '<read msgformat="odf" interval="-1" callback="0">' . odf($version, '<Object><id>Rich</id></Object>') . '</read>'));
		my $id = browser_reader($socket->receive, $version)->[0]{ids}[0];
		post($node, write_envelope('M0', 'Rich/temperature', "for $version"));
		my $pushed = browser_reader($socket->receive, $version);
		is("$pushed->[0]{ids}[0] " . texts($pushed->[0]{values}{'Rich/temperature'}), "$id for $version", 'callback "0" in its own version');

		# it takes whatever bears an id that it knows for data of that subscription
		my @cancelled = map {
			$socket->send(omi($version, "<cancel><requestID>$id</requestID></cancel>"));
			browser_reader($socket->receive, $version)->[0]
		} 1 .. 2;
		is_deeply([ map { [ $_->{code}, @{ $_->{ids} } ] } @cancelled ], [ [200], [ 404, $id ] ], 'a cancel that succeeds bears no requestID');
		$socket->close;

		# and takes the value of each InfoItem that it sees
		is(return_code(post($node, omi($version, '<write msgformat="odf">' . odf($version, '<Object><id>Rich</id><InfoItem name="never"/></Object>') . '</write>'))), 200, 'an InfoItem without a value');
		my $names = sub {
			return join ' ', map { $_->getAttribute('name') . ':' . grep { $_->localname eq 'value' } QlmReader::elements($_) }
			  document(post($node, omi($version, "<read msgformat=\"odf\" $_[0]>" . odf($version, $_[1]) . '</read>'))->{body})->findnodes('//*[local-name()="InfoItem"]');
		};
		unlike($names->('', '<Object><id>Rich</id></Object>'), qr/:0/, 'is none of what an Object holds');
		unlike($names->('maxlevels="9"', ''), qr/:0/, 'nor of everything');
		like($names->('all="true"', '<Object><id>Rich</id></Object>'), qr/never:0/, 'but of all');
		is($names->('', '<Object><id>Rich</id><InfoItem name="never"/></Object>'), 'never:0', 'and by its name');
		like(get($node, '/Objects/Rich')->{body}, qr/name="never"/, 'and to who looks around');
	}

	# it walks the tree with GET, and looks for the end of an InfoItem
	my $item = get($node, '/Objects/Rich/temperature', headers => { Origin => $origin });
	is($item->{headers}{'access-control-allow-origin'}, '*', 'it may look around');
	like($item->{body}, qr{</InfoItem>\s*$}, 'an InfoItem ends in its end tag');
	is(document($item->{body})->documentElement->namespaceURI, "$group/odf/1.0/", 'and is in 1.0');
	like(get($node, '/Objects/Rich/tree')->{body}, qr{</InfoItem>\s*$}, 'one that holds Objects, too');
};

subtest 'forms as they are found in the wild' => sub {
	my $message = write_envelope('M1b', 'Wild/t', 'a + b & c', at => '2024-05-01T12:00:00+02:00');
	my $text = form_text($message);

	for my $body ("msg=$text", "user=x&msg=$text", "user=x&amp;msg=$text&amp;y=1", 'msg=' . form_text("\n$message\n"))
	{
		sql("SELECT qlm_delete('Wild')") if sql("SELECT count(*) FROM qlm.object WHERE path = 'Wild'");
		is(return_code(post($node, $body, headers => {%form})), 200, substr $body, 0, 22);
		is(sql("SELECT value || '|' || (ts = '2024-05-01 10:00:00+00') FROM qlm.history WHERE path = 'Wild/t'"), 'a + b & c|true', 'with its plus signs and ampersands');
	}
};

# XML over HTTP: the charset of the content type wins, then a byte order mark, then the declaration.
subtest 'characters' => sub {
	my $n = 0;
	my $check = sub {
		my ($what, $charset, $declared, $encode) = @_;
		my $item = 'Chars/' . ++$n;
		my $bytes = $encode->(($declared ? "<?xml version=\"1.0\" encoding=\"$declared\"?>" : '') . write_envelope('M1b', $item, "Gr\x{fc}\x{df}e"));
		my $answer = qlm_connect($node)->request('POST', '/', body => $bytes, headers => { 'Content-Type' => 'text/xml' . ($charset ? "; charset=$charset" : '') });

		is(return_code($answer), 200, $what) or diag $answer->{body};
		is(sql("SELECT encode(convert_to(value, 'UTF8'), 'hex') FROM qlm.current WHERE path = '$item'"), '4772c3bcc39f65', 'the same text');
		return;
	};
	my $utf8 = sub { my $text = shift; utf8::encode($text); return $text; };
	my $latin1 = sub { my $text = shift; utf8::downgrade($text); return $text; };
	my $utf16 = sub { return "\xFE\xFF" . pack 'n*', map { ord } split //, shift; };

	$check->('nothing said: UTF-8', undef, undef, $utf8);
	$check->('declared', undef, 'ISO-8859-1', $latin1);
	$check->('said by HTTP alone', 'iso-8859-1', undef, $latin1);
	$check->('HTTP against the declaration', 'ISO-8859-1', 'UTF-8', $latin1);
	$check->('the other way round', '"utf-8"', 'ISO-8859-1', $utf8);
	$check->('a byte order mark', undef, undef, sub { return "\xEF\xBB\xBF" . $utf8->(@_); });
	$check->('UTF-16', undef, 'UTF-16', $utf16);
};

# Attributes with prefixes come back as names that need no declaration.
subtest 'what comes back is namespace-well-formed' => sub {
	my $answer = post($node, omi('2.0', '<write msgformat="odf">' . odf('2.0', '<Object xmlns:dc="http://purl.org/dc/elements/1.1/" dc:creator="me" type="dc:x"><id>Pre</id><InfoItem name="t" dc:rights="none" xml:lang="en"><value dc:source="s">1</value></InfoItem></Object>') . '</write>'));

	is(return_code($answer), 200, 'attributes with prefixes');
	$answer = post($node, omi('2.0', '<read msgformat="odf">' . odf('2.0', '<Object><id>Pre</id></Object>') . '</read>'));
	is(refusal(\&document, $answer->{body}), '', 'are readable') or diag $answer->{body};
	is(schema_errors($answer->{body}), '', 'and valid');
	is(refusal(\&document, get($node, '/Objects/Pre/t')->{body}), '', 'also alone');
};

# A mistake in a message must not be looked at before it is refused, whoever is asked who sent it.
subtest 'Objects without ids' => sub {
	my $server = QlmPeer->new;

	sql("SELECT qlm_add_peer('careless', url => '" . $server->url . "', role => 'qlm_writer', paths => '{Careless}')");
	for my $objects ('<Object/>', '<Object><id/></Object>', '<Object><id>Careless</id><Object/><InfoItem><value>1</value></InfoItem></Object>', '<Object><Object><id>Careless</id></Object></Object>')
	{
		my $result = '<response><result msgformat="odf"><return returnCode="200"/>' . odf('1.0', $objects) . '</result></response>';

		is(return_code(post($node, omi('1.0', $_))), 400, substr $_, 0, 20) for '<write>' . odf('1.0', $objects) . '</write>', '<read>' . odf('1.0', $objects) . '</read>', $result;
		my $id = sql("SELECT qlm_request('careless', qlm_read_envelope('Careless/x'), ttl => '1 min')");
		$server->answer($server->request('request'), omi('1.0', $result));
		wait_for_sql($node, "SELECT state || ' ' || return_code FROM qlm.outbox WHERE message_id = $id", 'answered 200', 'in an answer');
	}
	is(sql("SELECT count(*) FROM qlm.object WHERE path ~ 'Careless'"), 0, 'nothing is stored');
};

# What the node numbers are numbers; text of others stays text.
subtest 'ids' => sub {
	my $socket = qlm_socket($node);
	my $answer = post($node, omi('1.0', '<read><requestID format="uuid"> REQ0000001 </requestID></read>'));

	is(return_code($answer), 404, 'an id that is a text is unknown');
	is_deeply([ request_ids($answer) ], ['REQ0000001'], 'and repeated');
	for my $what ('interval="5"', 'interval="-1"', 'interval="-2"', 'callback="http://127.0.0.1:9/"', 'interval="1" callback="http://127.0.0.1:9/"')
	{
		my $id = (request_ids(post($node, omi('1.0', "<read msgformat=\"odf\" $what>" . odf('1.0', '<Object><id>Rich</id></Object>') . '</read>', 5))))[0];
		like($id, qr/^[1-9]\d{0,15}$/, "a number: $what");
	}
	$socket->close;
};

$node->stop;
done_testing();
