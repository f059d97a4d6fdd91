# Data discovery: GET below /Objects (protocol 9.2), as XML and as JSON, with the
# rights of several roles, and by polling clients and hostile ones.

use strict;
use warnings FATAL => 'all';

use JSON::PP;
use QlmTest;
use Test::More;

my $node = qlm_node('discovery', conf => <<EOC);
qlm.anonymous_role = 'guest'
qlm.max_values = 2000
qlm.log_messages = 'all'
EOC

$node->safe_psql('postgres', <<EOQ);
CREATE ROLE guest IN ROLE qlm_reader;
CREATE ROLE stranger;
SELECT qlm_add_peer('owner', role => 'qlm_writer', credential => 'owners-long-secret');
SELECT qlm_add_peer('nobody', role => 'stranger');
EOQ

my %owner = (headers => { Authorization => 'Bearer owners-long-secret' });
my $stored = post($node, envelope('M2', <<EOX), %owner);
<write msgformat="odf"><msg><Objects xmlns="http://www.opengroup.org/xsd/odf/2.0/">
<Object type="Refrigerator" owner="lab"><id idType="serial">Fridge7</id><id>urn:example:fridge:7</id>
<description lang="en">Kitchen fridge</description><description lang="fi">Keittiön jääkaappi</description>
<InfoItem name="temperature" type="Celsius" meter="7"><altname>lampotila</altname><description lang="en">Inside air</description>
<MetaData><InfoItem name="unit"><value dateTime="2024-05-01T10:00:00Z">Cel</value></InfoItem><InfoItem name="accuracy"><value type="xs:double">0.1</value></InfoItem></MetaData>
<value type="xs:double" dateTime="2024-05-01T09:00:00Z">4</value>
<value type="xs:double" dateTime="2024-05-01T10:00:00.25Z">4.5</value></InfoItem>
<InfoItem name="value"><value dateTime="2024-05-01T10:00:00Z">a child</value></InfoItem>
<InfoItem name="text"><value dateTime="2024-05-01T10:00:00Z">&lt;b&gt; &amp; "ä"</value></InfoItem>
<InfoItem name="tree"><value type="odf"><Objects><Object><id>in</id></Object></Objects></value></InfoItem>
<InfoItem name="silent"/>
<Object type="Part"><id>Freezer</id><id>Pakastin</id><InfoItem name="open"><value type="xs:boolean" dateTime="2024-05-01T10:00:00Z">true</value></InfoItem></Object></Object>
<Object><id>a/b %c+d ä</id><InfoItem name="x y"><value>1</value></InfoItem>
<Object><id>description</id><InfoItem name="MetaData"><value>m</value></InfoItem></Object></Object>
<Object><id>Secret</id><id>Geheim</id><InfoItem name="code"><altname>pin</altname><MetaData><InfoItem name="unit"><value>u</value></InfoItem></MetaData><value>1234</value></InfoItem></Object>
</Objects></msg></write>
EOX
is(return_code($stored), 200, 'stored') or diag $stored->{body};

my $ns = 'xmlns="http://www.opengroup.org/xsd/odf/1.0/"';
my $fridge = '<id idType="serial">Fridge7</id><id>urn:example:fridge:7</id>';
my $value = '<value type="xs:double" dateTime="2024-05-01T10:00:00.25Z" unixTime="1714557600">4.5</value>';
my $temperature = qq{<InfoItem $ns name="temperature" type="Celsius" meter="7"><name>lampotila</name><description/><MetaData/>$value</InfoItem>};
my $odd = 'a%2Fb%20%25c+d%20%C3%A4';

sub json
{
	my ($answer) = @_;

	return JSON::PP->new->utf8->allow_nonref->decode($answer->{body});
}

sub get_json
{
	my ($path, %opt) = @_;

	return get($node, $path, headers => { Accept => 'application/json' }, %opt);
}

# Path, answer as XML, and as JSON where it is looked at.
my @table = (
	[ '/Objects/Fridge7',
		qq{<Object $ns type="Refrigerator" owner="lab">$fridge<description/>}
		  . '<InfoItem name="silent"/><InfoItem name="temperature" type="Celsius" meter="7"/><InfoItem name="text"/>'
		  . '<InfoItem name="tree"/><InfoItem name="value"/>'
		  . '<Object type="Part"><id>Freezer</id><id>Pakastin</id></Object></Object>',
		{ Object => {
			type => 'Refrigerator', attributes => { owner => 'lab' },
			id => [ { idType => 'serial', id => 'Fridge7' }, 'urn:example:fridge:7' ],
			description => { text => '' },
			InfoItem => [ { name => 'silent' },
				{ name => 'temperature', type => 'Celsius', attributes => { meter => 7 } },
				{ name => 'text' }, { name => 'tree' }, { name => 'value' } ],
			Object => { type => 'Part', id => [ 'Freezer', 'Pakastin' ] } } } ],
	[ '/Objects/Fridge7/Freezer',
		qq{<Object $ns type="Part"><id>Freezer</id><id>Pakastin</id><InfoItem name="open"/></Object>},
		{ Object => { type => 'Part', id => [ 'Freezer', 'Pakastin' ], InfoItem => { name => 'open' } } } ],
	[ '/Objects/Fridge7/temperature', $temperature,
		{ InfoItem => {
			name => 'temperature', type => 'Celsius', attributes => { meter => 7 },
			altname => 'lampotila', description => { text => '' }, MetaData => {},
			values => [ { type => 'xs:double', dateTime => '2024-05-01T10:00:00.25Z', unixTime => 1714557600.25, value => 4.5 } ] } } ],
	[ '/Objects/Fridge7/temperature/value', '4.5', 4.5 ],
	[ '/Objects/Fridge7/text/value', '<b> & "ä"', '<b> & "' . "\xe4" . '"' ],
	[ '/Objects/Fridge7/Freezer/open/value', 'true', JSON::PP::true ],
	[ '/Objects/Fridge7/temperature/MetaData',
		qq{<MetaData $ns><InfoItem name="accuracy"/><InfoItem name="unit"/></MetaData>},
		{ InfoItem => { name => 'temperature', MetaData => { InfoItem => [ { name => 'accuracy' }, { name => 'unit' } ] } } } ],
	[ '/Objects/Fridge7/temperature/MetaData/unit',
		qq{<InfoItem $ns name="unit"><value dateTime="2024-05-01T10:00:00Z" unixTime="1714557600">Cel</value></InfoItem>},
		{ InfoItem => { name => 'unit', values => [ { dateTime => '2024-05-01T10:00:00Z', unixTime => 1714557600, value => 'Cel' } ] } } ],
	[ '/Objects/Fridge7/temperature/MetaData/unit/value', 'Cel', 'Cel' ],
	[ '/Objects/Fridge7/description',
		qq{<Object $ns><description lang="en">Kitchen fridge</description><description lang="fi">Keittiön jääkaappi</description></Object>} ],
	[ '/Objects/Fridge7/temperature/description',
		qq{<InfoItem $ns name="temperature"><description lang="en">Inside air</description></InfoItem>},
		{ InfoItem => { name => 'temperature', description => { lang => 'en', text => 'Inside air' } } } ],
	[ '/Objects/Fridge7/id', qq{<Object $ns>$fridge</Object>},
		{ Object => { id => [ { idType => 'serial', id => 'Fridge7' }, 'urn:example:fridge:7' ] } } ],
	[ '/Objects/Fridge7/temperature/name', qq{<InfoItem $ns name="temperature"><name>lampotila</name></InfoItem>},
		{ InfoItem => { name => 'temperature', altname => 'lampotila' } } ],
	[ '/Objects/Fridge7/silent', qq{<InfoItem $ns name="silent"></InfoItem>}, { InfoItem => { name => 'silent' } } ],

	# a child wins over the word
	[ '/Objects/Fridge7/value', qq{<InfoItem $ns name="value"><value dateTime="2024-05-01T10:00:00Z" unixTime="1714557600">a child</value></InfoItem>} ],
	[ '/Objects/Fridge7/value/value', 'a child' ],
	[ "/Objects/$odd/description", qq{<Object $ns><id>description</id><InfoItem name="MetaData"/></Object>} ],
	[ "/Objects/$odd/description/MetaData/value", 'm' ],

	# any character in an id; a plus is a plus
	[ "/Objects/$odd", qq{<Object $ns><id>a/b %c+d ä</id><InfoItem name="x y"/><Object><id>description</id></Object></Object>} ],
	[ "/Objects/$odd/x%20y/value", '1' ],
	[ '/Objects/%46ridge7/temperature/%76alue', '4.5' ],

	# further ids and other names; the answer is the canonical tree
	[ '/Objects/urn:example:fridge:7/lampotila', $temperature ],
	[ '/Objects/urn:example:fridge:7/temperature/value', '4.5' ],
	[ '/Objects/Fridge7/Pakastin/open/value', 'true' ],
	[ '/Objects/urn:example:fridge:7/id', qq{<Object $ns>$fridge</Object>} ],
	[ '/Objects/Fridge7/lampotila/MetaData/unit/value', 'Cel' ]);

sub test_table
{
	for (@table)
	{
		my ($path, $xml, $json) = @$_;
		my $answer = get($node, $path);

		is($answer->{status}, 200, $path);
		is($answer->{body}, $xml, 'as XML');
		is($answer->{headers}{'content-type'},
			$path =~ m{/(value|%76alue)$} && $xml !~ /^</ || $xml =~ /^<b/
			? 'text/plain; charset=UTF-8' : 'text/xml; charset=UTF-8', 'its type');
		is(get($node, "$path/")->{body}, $xml, 'with a slash at the end');
		next unless defined $json;
		$answer = get_json($path);
		is($answer->{headers}{'content-type'}, 'application/json', 'as JSON');
		is_deeply(json($answer), $json, 'its content') or diag $answer->{body};
	}
	for my $path ('/Objects/none', '/Objects/Fridge7/none', '/Objects/Fridge7/silent/value',
		'/Objects/Fridge7/none/value', '/Objects/Fridge7/Freezer/description',
		'/Objects/Fridge7/Freezer/value', '/Objects/Fridge7/Freezer/MetaData',
		'/Objects/Fridge7/Freezer/name', '/Objects/Fridge7/temperature/id',
		'/Objects/Fridge7/text/MetaData', '/Objects/Fridge7/temperature/MetaData/none',
		'/Objects/Fridge7/temperature/MetaData/none/value', '/Objects/value',
		'/Objects/Fridge7/temperature/value/value', '/Objects/Freezer', '/Objects/Pakastin')
	{
		my $answer = get($node, $path);

		is($answer->{status}, 404, "$path: there is none");
		like($answer->{body}, qr{^<error>[^<]+</error>$}, 'says so');
	}
	my $answer = get_json('/Objects/none');
	is($answer->{status}, 404, 'JSON: none');
	ok(json($answer)->{error}, 'says so');
}

subtest 'each row of the table' => sub {
	my $answer = get($node, '/Objects');

	is($answer->{body}, qq{<Objects $ns><Object type="Refrigerator" owner="lab">$fridge</Object>}
		  . '<Object><id>Secret</id><id>Geheim</id></Object><Object><id>a/b %c+d ä</id></Object></Objects>', '/Objects');
	is(get($node, '/Objects/')->{body}, $answer->{body}, 'with a slash at the end');
	is_deeply([ map { ref $_->{id} ? ref $_->{id}[0] ? $_->{id}[0]{id} : $_->{id}[0] : $_->{id} }
			@{ json(get_json('/Objects'))->{Objects}{Object} } ],
		[ 'Fridge7', 'Secret', "a/b %c+d \xe4" ], 'as JSON');
	test_table();
	$answer = get($node, '/Objects/Fridge7/tree/value');
	is($answer->{headers}{'content-type'}, 'text/xml; charset=UTF-8', 'a tree as a value is XML');
	like($answer->{body}, qr{^<Objects.*<id>in</id>.*</Objects>$}, 'as it is');
};

subtest 'row level security: what is hidden does not exist' => sub {
	$node->safe_psql('postgres', join '', map { <<EOQ } qw(object info_item));
ALTER TABLE qlm.$_ ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_of_it ON qlm.$_ TO qlm_writer USING (true);
CREATE POLICY no_secrets ON qlm.$_ TO guest USING (NOT path ^@ 'Secret');
EOQ
	test_table();
	unlike(get($node, '/Objects')->{body}, qr/Secret|Geheim/, 'it is in no list');
	my @hidden = map { "/Objects/$_" } qw(Secret Geheim Secret/code Secret/code/value
	  Secret/pin/value Geheim/pin Secret/id Secret/code/MetaData/unit/value);
	my $none = get($node, '/Objects/none');

	for my $path (@hidden)
	{
		my $answer = get($node, $path);

		is($answer->{status}, 404, "$path: hidden from the guest");
		is($answer->{body}, $none->{body}, 'as if it were not there');
		is(get($node, $path, %owner)->{status}, 200, 'but not from the owner');
	}
	$node->safe_psql('postgres', "CREATE POLICY items ON qlm.info_item TO guest USING (true)");
	is(get($node, '/Objects/Secret/code/value')->{status}, 404, 'nor what lies in something hidden');
	$node->safe_psql('postgres', join '', map { <<EOQ } qw(object info_item));
ALTER TABLE qlm.$_ DISABLE ROW LEVEL SECURITY;
EOQ
	is(get($node, '/Objects/Secret/code/value')->{body}, '1234', 'without it all is seen');
};

subtest 'who is calling' => sub {
	for (
		[ 401, 'a wrong secret', { Authorization => 'Bearer wrong' } ],
		[ 200, 'the right one', $owner{headers} ])
	{
		my ($status, $what, $headers) = @$_;
		my $answer = get($node, '/Objects/Fridge7', headers => $headers);

		is($answer->{status}, $status, $what);
		next if $status == 200;
		like($answer->{body}, qr{^<error>.+</error>$}, 'is told so');
		like($answer->{headers}{'www-authenticate'}, qr/^(Basic|Bearer) /, 'and how to do it');
	}
	is(get($node, '/Objects?peer=owner')->{status}, 401, 'a name alone is not enough where there is a secret');
	is(get($node, '/Objects?peer=none')->{status}, 401, 'nor is an unknown name');
	for my $path ('/Objects', '/Objects/Fridge7', '/Objects/Fridge7/temperature/value')
	{
		is(get($node, "$path?peer=nobody")->{status}, 404, "$path: without any right there is nothing");
	}
	$node->append_conf('postgresql.conf', "qlm.anonymous_role = ''");
	$node->reload;
	ok(wait_until(sub { get($node, '/Objects')->{status} == 401 }, 'no anonymous role'), 'no anonymous role');
	is(get($node, '/Objects', %owner)->{status}, 200, 'peers are known even so');
	$node->append_conf('postgresql.conf', "qlm.anonymous_role = 'guest'");
	$node->reload;
	wait_until(sub { get($node, '/Objects')->{status} == 200 }, 'guests again');
};

subtest 'the form of the answer' => sub {
	my $path = '/Objects/Fridge7/temperature';

	for (
		[ undef, 'text/xml' ], [ '', 'text/xml' ], [ '*/*', 'text/xml' ],
		[ 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'application/xml' ],
		[ 'application/xml', 'application/xml' ], [ 'application/json', 'application/json' ],
		[ 'application/json, text/plain, */*', 'application/json' ],
		[ 'application/json;q=0.5, text/xml', 'text/xml' ],
		[ 'application/json;q=0.5, text/xml;q=0.4', 'application/json' ],
		[ 'Application/JSON ; q=1.0', 'application/json' ],
		[ 'application/json, application/xml', 'application/xml' ],
		[ 'application/*', 'application/xml' ], [ 'application/json;q=0', 'text/xml' ],
		[ 'image/png', 'text/xml' ], [ ';;,,q=,=;/', 'text/xml' ])
	{
		my ($accept, $type) = @$_;
		my $answer = get($node, $path, headers => { Accept => $accept });

		is($answer->{status}, 200, 'Accept: ' . ($accept // 'nothing'));
		like($answer->{headers}{'content-type'}, qr/^\Q$type\E\b/, "is $type");
	}
	like(get($node, "$path/value", headers => { Accept => 'application/json, text/plain, */*' })
		  ->{headers}{'content-type'}, qr{^text/plain}, 'a bare value is text, where that is named too');
	my $two = get($node, "$path?version=2.0");
	is($two->{body}, qq{<InfoItem xmlns="http://www.opengroup.org/xsd/odf/2.0/" name="temperature" type="Celsius" meter="7">}
		  . '<altname>lampotila</altname><description/><MetaData/>'
		  . '<value type="xs:double" dateTime="2024-05-01T10:00:00.25Z" unixTime="1714557600.25">4.5</value></InfoItem>',
		'version=2.0');
	is(get($node, $path, headers => { Accept => 'text/xml; version=2.0' })->{body}, $two->{body}, 'the same by Accept');
	is(get($node, "$path?version=1.0", headers => { Accept => 'text/xml; version=2.0' })->{body}, $temperature, 'the query wins');
	like(get($node, '/Objects?version=2')->{body},
		qr{^<Objects xmlns="http://www.opengroup.org/xsd/odf/2.0/" version="2.0">}, 'Objects');
	is(get($node, "$path?version=3")->{status}, 400, 'another version');
};

subtest 'values from history' => sub {
	my $values = sub {
		my ($query) = @_;
		my $answer = get($node, "/Objects/Fridge7/temperature?$query");

		return join ' ', $answer->{status}, $answer->{body} =~ m{>([^<]*)</value>}g;
	};

	is($values->('newest=5'), '200 4.5 4', 'newest');
	is($values->('oldest=1'), '200 4', 'oldest');
	is($values->('newest=99999999999999999999'), '200 4.5 4', 'more than can be counted: as many as there are');
	is($values->('begin=2024-05-01T09:30:00Z'), '200 4.5', 'begin');
	is($values->('begin=2024-05-01T12:30:00+03:00&end=2024-05-02'), '200 4.5', 'begin and end, with a zone');
	is($values->('end=2024-05-01T12%3A30%3A00%2B03%3A00'), '200 4', 'end, escaped');
	is($values->('begin=2024-05-01T09:00:00.0000001Z'), '200 4.5', 'a begin finer than a microsecond: not what was before it');
	is($values->('end=2024-05-01T09:59:59.9999999Z&begin=2024-05-01'), '200 4', 'an end finer than that: not what came after it');
	is($values->("begin=$_&end=$_"), '200 4 4.5', "a date is all of the day: $_") for qw(2024-05-01 2024-05-01Z 2024-05-01+02:00 2024-05-01%2B02:00);
	is($values->("begin=$_&end=$_"), '200', "and no other day: $_") for qw(2024-04-30 2024-05-02Z 2024-04-30-05:00);
	is($values->("end=$_"), '400', "part of a date: $_") for qw(2024-05 2024 05-01 2024-05-01T);
	is($values->('newest=1&_=1714557600&&'), '200 4.5', 'what keeps caches from answering is passed over');

	# nothing that is not known gives something else than was asked for
	my @wrong = (
		[ 'newest=0', qr/positive/ ], [ 'newest=-1', qr/positive/ ], [ 'newest=x', qr/positive/ ], [ 'newest=1.5', qr/positive/ ],
		[ 'newest=', qr/newest has no value/ ], [ 'newest', qr/newest has no value/ ], [ 'begin', qr/begin has no value/ ],
		[ 'begin&end=2024-05-02', qr/begin has no value/ ], [ 'newest=1&oldest=1', qr/together/ ],
		[ 'newest=1&newest=2', qr/newest is given twice/ ], [ 'begin=2024-05-01&end=2024-05-02&begin=2024-05-01', qr/begin is given twice/ ],
		[ 'newst=1', qr/did you mean newest/ ], [ 'Oldest=1', qr/did you mean oldest/ ], [ 'Newest=2', qr/did you mean newest/ ],
		[ 'lastN=2', qr/did you mean newest: there are .*newest, oldest, begin, end/ ], [ 'last=5', qr/did you mean newest/ ],
		[ 'first=5', qr/did you mean oldest/ ], [ 'limit=5', qr/did you mean newest/ ], [ 'from=2024-05-01', qr/did you mean begin/ ],
		[ 'begin=2024-05-01&to=2024-05-01', qr/did you mean end/ ], [ 'interval=5', qr/"interval" is not an argument here: there are/ ],
		[ 'all=true', qr/"all" is not an argument here/ ], [ '2', qr/not an argument/ ], [ '=2', qr/not an argument/ ], [ '%6eewest=1', qr/not an argument/ ],
		[ 'x=1&beginn=2024-05-01', qr/"x" is not an argument/ ], [ 'newest[]=1', qr/not an argument/ ], [ '_newest=1', qr/did you mean newest/ ], [ 'newest%3D1', qr/not an argument/ ], [ '%ff=1', qr/no UTF-8/ ],
		[ 'x' x 500, qr/"x{80}"/ ], [ 'begin=yesterday', qr/date and time/ ], [ 'end=%00', qr/date and time/ ], [ 'begin=%zz', qr/date and time/ ],
		[ 'end=1714557600', qr/date and time/ ],
	);
	for (@wrong)
	{
		my ($query, $what) = @$_;
		my $answer = get($node, "/Objects/Fridge7/temperature?$query");

		is($answer->{status}, 400, "?$query");
		like($answer->{body} =~ s/&quot;/"/gr, qr{^<error>[^<]*$what}, '... and why');
	}
	for my $path ('', '/Fridge7', '/Fridge7/temperature/value', '/Fridge7/temperature/MetaData/unit')
	{
		is(get($node, "/Objects$path?newest=2")->{status}, 400, "/Objects$path has no history to choose from");
	}
};

subtest 'HEAD, ETag and other methods' => sub {
	my $connection = qlm_connect($node);

	for my $path (map { "/Objects$_" } '', '/Fridge7', '/Fridge7/temperature', '/Fridge7/text/value', '/none')
	{
		my $get = $connection->request('GET', $path);
		my $head = $connection->request('HEAD', $path);

		is($head->{status}, $get->{status}, "HEAD $path");
		delete @{ $_->{headers} }{qw(date)} for $get, $head;
		is_deeply($head->{headers}, $get->{headers}, 'the headers of GET');
		next if $path eq '/Objects/none';

		my $tag = $get->{headers}{etag};
		like($tag, qr{^(W/)?"[^"]+"$}, 'has a tag');
		is($get->{headers}{'cache-control'}, 'no-cache', 'to be asked for again');
		for my $known ($tag, '*', "\"x\", $tag", $tag =~ s{^W/}{}r)
		{
			my $answer = $connection->request('GET', $path, headers => { 'If-None-Match' => $known });

			is($answer->{status}, 304, "If-None-Match: $known");
			is($answer->{headers}{etag}, $tag, 'the same tag');
		}
		for my $other ('"x"', '', '"', substr($tag, 0, -2) . '"')
		{
			is($connection->request('GET', $path, headers => { 'If-None-Match' => $other })->{status},
				200, "If-None-Match: $other");
		}
		isnt($connection->request('GET', $path, headers => { Accept => 'application/json' })->{headers}{etag},
			$tag, 'another form has another tag');
	}
	my $tag = $connection->request('GET', '/Objects/Fridge7/text')->{headers}{etag};
	is(return_code(post($node, write_envelope('M1b', 'Fridge7/text', 'new'), %owner)), 200, 'a new value');
	my $answer = $connection->request('GET', '/Objects/Fridge7/text', headers => { 'If-None-Match' => $tag });
	is($answer->{status}, 200, 'is sent to who has the old one');
	like($answer->{body}, qr/new/, 'at once');
	for my $method (qw(POST PUT DELETE))
	{
		my $answer = request($node, $method, '/Objects/Fridge7', body => '');

		is($answer->{status}, 405, $method);
		is($answer->{headers}{allow}, 'GET, HEAD, OPTIONS', 'what is possible');
	}
};

subtest 'hostile paths' => sub {
	my $long = 'x' x 2000;

	for (
		[ 400, '/Objects/%' ], [ 400, '/Objects/%4' ], [ 400, '/Objects/%zz' ], [ 400, '/Objects/a%00b' ],
		[ 400, '/Objects/%ff%fe' ], [ 400, '/Objects/%c3' ], [ 400, '/Objects/%ed%a0%80' ],
		[ 400, '/Objects//Fridge7' ], [ 400, '/Objects/Fridge7//temperature' ],
		[ 400, "/Objects/$long" ], [ 400, '/Objects' . '/a' x 5000 ], [ 404, '/Objects' . '/a' x 1000 ],
		[ 404, '/Objects' . '/MetaData/value' x 40 ], [ 404, '/Objects/..' ], [ 404, '/Objects/../Fridge7' ],
		[ 404, '/Objects/%2e%2e/%2e%2e/etc/passwd' ], [ 404, '/Objects/%27%20OR%201=1--' ],
		[ 404, '/Objects/%01%02' ], [ 404, '/Objects/%3Cscript%3E' ], [ 404, '/ObjectsFridge7' ], [ 404, '/objects' ])
	{
		my ($status, $path) = @$_;
		my $answer = get($node, $path);

		is($answer->{status}, $status, substr $path, 0, 60);
		unlike($answer->{body}, qr/script/, 'nothing of it is repeated') if $path =~ /script/;
	}
	my $answer = get($node, '/Objects/Fridge7/tree/value');
	like($answer->{headers}{'content-security-policy'}, qr/sandbox/, 'stored XML runs no scripts here');
	is($answer->{headers}{'x-content-type-options'}, 'nosniff', 'nor is it taken for something else');
	is(get($node, '/Objects/Fridge7/temperature/value')->{body}, '4.5', 'the node is well');
};

subtest 'a look is no message' => sub {
	$node->safe_psql('postgres', "SELECT qlm_add_peer('plain', role => 'qlm_reader', dialect => 'QP', piggyback => true)");
	my $id = $node->safe_psql('postgres', "SELECT qlm_request('plain', qlm_read_envelope('a/b'), '1 h')");

	is(get($node, '/Objects?peer=plain')->{status}, 200, 'a peer looks');
	is($node->safe_psql('postgres', "SELECT state FROM qlm.outbox WHERE message_id = $id"), 'queued',
		'nothing is piggy-backed on that');
	is($node->safe_psql('postgres', <<EOQ), 'read|200|/Objects', 'but it is in the journal');
SELECT verb, return_code, envelope FROM qlm.journal WHERE peer = 'plain' AND direction = 'in'
EOQ
};

subtest 'many in a turn, some of them bad' => sub {
	my @connections = map { qlm_connect($node) } 1 .. 30;
	my @paths = ('/Objects/Fridge7/temperature/value', '/Objects/Fridge7?peer=nobody', '/Objects/none');
	my @expected = (200, 404, 404);

	$connections[$_]->send_request('GET', $paths[ $_ % 3 ]) for 0 .. $#connections;
	is(join(' ', map { $_->response->{status} } @connections), join(' ', map { $expected[ $_ % 3 ] } 0 .. $#connections),
		'each has its own answer');
};

subtest 'a level of bounded size' => sub {
	$node->safe_psql('postgres', "INSERT INTO qlm.object (id, path) SELECT 'o' || g, 'o' || g FROM generate_series(1, 1900) g");
	my $answer = get($node, '/Objects');
	is($answer->{status}, 200, 'many Objects');
	is(scalar(() = $answer->{body} =~ /<id>o\d+</g), 1900, 'all of them');
	$node->safe_psql('postgres', "INSERT INTO qlm.object (id, path) SELECT 'p' || g, 'p' || g FROM generate_series(1, 200) g");
	$answer = get($node, '/Objects');
	is($answer->{status}, 413, 'more than qlm.max_values');
	like($answer->{body}, qr{^<error>.*2000}, 'says so');
	is(get($node, '/Objects/o7')->{status}, 200, 'each alone is there');
};

done_testing();
