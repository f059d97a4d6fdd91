# Deletes by HTTP: what was not named stays, in XML and JSON; and every worker
# knows what one of them has deleted.

use strict;
use warnings FATAL => 'all';

use JSON::PP;
use QlmTest;
use Test::More;

my $node = qlm_node('delete', conf => <<EOC);
qlm.anonymous_role = 'qlm_writer'
qlm.workers = 3
EOC

# All that is known of an Object, by SQL
sub state_of
{
	my ($id) = @_;

	return $node->safe_psql('postgres', <<EOQ);
SELECT string_agg(what, '; ' ORDER BY what COLLATE "C") FROM (
	SELECT path FROM qlm.object WHERE path = '$id'
	UNION ALL SELECT path || ' ' || description::text FROM qlm.object WHERE path = '$id' AND description IS NOT NULL
	UNION ALL SELECT 'id ' || d.id FROM qlm.object JOIN qlm.object_id d USING (object_id) WHERE path = '$id'
	UNION ALL SELECT path FROM qlm.info_item WHERE path ^@ '$id/'
	UNION ALL SELECT path || ' ' || w::text FROM qlm.info_item, unnest(ARRAY[description, alt_names]) w WHERE path ^@ '$id/' AND w IS NOT NULL
	UNION ALL SELECT path || ' ' || m.name FROM qlm.info_item JOIN qlm.meta_data m USING (info_item_id) WHERE path ^@ '$id/'
	UNION ALL SELECT path || ' = ' || value FROM qlm.history WHERE path ^@ '$id/') AS a(what)
EOQ
}

sub fill
{
	my ($id) = @_;

	return return_code(post($node, envelope('M1b', <<EOX)));
<write><msg><Objects><Object><id>$id</id><id>${id}2</id><description>d</description>
<InfoItem name="x"><name>x2</name><description lang="en">e</description><MetaData><InfoItem name="unit"><value>Cel</value></InfoItem></MetaData>
<value dateTime="2026-01-01T00:00:00Z">1</value><value dateTime="2026-01-02T00:00:00Z">2</value></InfoItem></Object></Objects></msg></write>
EOX
}

sub xml_delete
{
	my ($attributes, $item, %opt) = @_;
	my $object = $opt{object} // 'D';

	return post($node, envelope('M1b', "<delete $attributes><msg><Objects><Object><id>$object</id>$item</Object></Objects></msg></delete>", %{ $opt{envelope} // {} }));
}

sub json_delete
{
	my ($members, $object) = @_;

	return post($node, qq({"omiEnvelope":{"version":"1.0","ttl":0,"delete":{$members"msg":{"Objects":{"Object":{"id":"D"$object}}}}}}));
}

sub code_of
{
	my ($answer) = @_;

	return $answer->{body} =~ /^\{/ ? JSON::PP->new->decode($answer->{body})->{omiEnvelope}{response}{result}{return}{returnCode} : return_code($answer);
}

is(fill('D'), 200, 'stored');
my $all = state_of('D');

subtest 'nothing of this deletes anything' => sub {
	my $x = '<InfoItem name="x"/>';
	my $day = '2026-01-01T00:00:00Z';
	my @window = map { qq($_->[0]="$day" $_->[1]="$day") }
	  [ 'Begin', 'End' ], [ 'from', 'to' ], [ 'start', 'stop' ], [ 'dateTime', 'unixTime' ], [ 'begin', 'END' ], [ 'startTime', 'endTime' ], [ 'since', 'until' ];

	for my $attributes (@window, qq(interval="$day/$day"), 'newest="1"', 'maxlevels="1"', 'begin=""', 'begin="yesterday"', 'end="2026-01"', 'filter="x"',
		"z:from=\"$day\"", "xmlns:o=\"http://www.opengroup.org/xsd/odf/1.0/\" o:from=\"$day\"")
	{
		my $answer = xml_delete($attributes, $x);

		is(code_of($answer), 400, "delete $attributes");
		my $members = $attributes =~ s/="([^"]*)"/":"$1"/gr =~ s/ /,"/gr;

		is(code_of(json_delete("\"$members,", ',"InfoItem":{"name":"x"}')), 400, '... as JSON');
	}
	like(xml_delete("Begin=\"$day\"", $x)->{body}, qr/Begin is not accepted by a delete: did you mean begin\?/, 'what was meant');
	for my $where ('<InfoItem name="x" begin="%s"/>', '<InfoItem name="x" z:begin="%s"/>', '<InfoItem name="x" xmlns:z="urn:z" z:since="%s"/>', '<InfoItem name="x" xmlns:o="http://www.opengroup.org/xsd/odf/1.0/" o:begin="%s"/>', '<InfoItem name="x" from="%s"/>', '<InfoItem name="x"><MetaData begin="%s"/></InfoItem>', '<InfoItem name="x"><begin>%s</begin></InfoItem>',
		'<InfoItem name="x"/><z:begin xmlns:z="urn:z">%s</z:begin>', '<InfoItem name="x"><value time="%s"/></InfoItem>', '<InfoItem name="x"><value>%s</value></InfoItem>')
	{
		is(code_of(xml_delete('', sprintf($where, $day))), 400, $where);
	}
	for my $name ('begin', 'x:begin', 'from')
	{
		is(code_of(xml_delete('', $x, envelope => { $name => $day })), 400, "$name of the envelope");
	}
	is(code_of(post($node, envelope('M1b', "<delete>$_<msg><Objects><Object><id>D</id></Object></Objects></msg></delete>"))), 400, $_) for '<nodeList/>', '<nodeList type="URL"> </nodeList>';
	is(code_of(json_delete("\"nodeList\":$_,", '')), 400, "nodeList $_") for '[]', '{}', 'null', '""', '{"node":[]}';
	for my $object (',"begin":"%s","InfoItem":{"name":"x"}', ',"InfoItem":{"name":"x","begin":"%s"}', ',"InfoItem":{"name":"x","attributes":{"begin":"%s"}}', ',"InfoItem":{"name":"x","z:begin":"%s"}', ',"InfoItem":{"name":"x","window":{"begin":"%s"}}',
		',"InfoItem":{"name":"x","values":[]}', ',"InfoItem":[]', ',"InfoItem":null', ',"InfoItem":{"name":"x","values":[{"begin":"%s"}]}', ',"InfoItem":{"name":"x","values":[{"datetime":"%s"}]}')
	{
		is(code_of(json_delete('', $object =~ s{%s}{$day}r)), 400, $object);
	}
	for my $body (qq({"omiEnvelope":{"ttl":0,"begin":"$day","delete":{"msg":{"Objects":{"Object":{"id":"D"}}}}}}), qq({"omiEnvelope":{"ttl":0,"delete":{"msg":{"begin":"$day","Objects":{"Object":{"id":"D"}}}}}}),
		qq({"omiEnvelope":{"ttl":0,"delete":{"msg":{"Objects":{"begin":"$day","Object":{"id":"D"}}}}}}), qq({"omiEnvelope":{"ttl":0,"delete":{"msg":{"Objects":{"Object":{"id":"D"}}}}},"begin":"$day"}),
		qq({"\@begin":"$day","omiEnvelope":{"ttl":0,"delete":{"msg":{"Objects":{"Object":{"id":"D"}}}}}}), qq({"omiEnvelope":{"ttl":0,"delete":{"x:begin":{},"msg":{"Objects":{"Object":{"id":"D"}}}}}}),
		qq({"omiEnvelope":{"ttl":0,"delete":{"msgformat":"csv","msg":"D/x,$day"}}}), qq({"omiEnvelope":{"ttl":0,"delete":{"msgformat":"csv","msg":"path,begin\\nD/x,$day"}}}))
	{
		like(post($node, $body)->{body}, qr/"returnCode":400/, $body);
	}
	for my $method ('DELETE', 'PUT', 'PATCH')
	{
		is(request($node, $method, '/Objects/D/x', body => '')->{status}, 405, "$method of an address");
	}
	is(state_of('D'), $all, 'it is all there');
};

subtest 'what is named, and no more' => sub {
	my @parts = (
		[ '<InfoItem name="x"><MetaData><InfoItem name="unit"/></MetaData></InfoItem>', '"InfoItem":{"name":"x","MetaData":{"InfoItem":{"name":"unit"}}}', 'D/x unit' ],
		[ '<InfoItem name="x"><value dateTime="2026-01-01T00:00:00.0000009Z"/></InfoItem>', '"InfoItem":{"name":"x","values":[{"dateTime":"2026-01-01T01:00:00+01:00"}]}', 'D/x = 1' ],
		[ '<InfoItem name="x"><description/></InfoItem>', '"InfoItem":{"name":"x","description":{"lang":"en"}}', 'D/x {"en": "e"}' ],
		[ '<InfoItem name="x"><altname>x2</altname></InfoItem>', '"InfoItem":{"name":"x2","altname":"x2"}', 'D/x ["x2"]' ],
		[ '<id>D2</id>', '"id":["D","D2"]', 'id D2' ],
		[ '<description/>', '"description":{}', 'D {"": "d"}' ]);

	for (@parts)
	{
		my ($xml, $json, $gone) = @$_;
		my @forms = (
			sub { xml_delete('', $xml) },
			sub { $json =~ /^"id"/ ? post($node, qq({"omiEnvelope":{"ttl":0,"delete":{"msg":{"Objects":{"Object":{$json}}}}}})) : json_delete('', ",$json") });

		for my $delete (@forms)
		{
			is(code_of($delete->()), 200, $xml);
			is(state_of('D'), join('; ', grep { $_ ne $gone } split /; /, $all), '... is gone, and nothing else');
			is(code_of($delete->()), 404, '... and not found the second time');

			# whichever workers get it: none of them believes that it is still there
			fill('D') for 1 .. 4;
			is(state_of('D'), $all, '... and is there again when it is written again');
		}
	}
	like(xml_delete('', '<InfoItem name="x"><value dateTime="2026-01-03"/></InfoItem>')->{body}, qr{returnCode="404".*<InfoItem name="x"><value dateTime="2026-01-03T00:00:00Z"}, 'the answer names what was not found');
	is(code_of(xml_delete('begin="2026-01-01" end="2026-01-01"', '<InfoItem name="x"/>')), 200, 'a day');
	is(state_of('D'), $all =~ s{D/x = 1; }{}r, '... of values');
};

subtest 'what describes a node, and what waits, in one envelope' => sub {
	my $write = '<write><msg><Objects><Object><id>E</id><InfoItem name="x"><description>e</description><MetaData><InfoItem name="u"><value>1</value></InfoItem></MetaData></InfoItem></Object></Objects></msg></write>';
	my $delete = '<delete><msg><Objects><Object><id>E</id>%s</Object></Objects></msg></delete>';
	my @deletes = map { sprintf $delete, $_ } '<InfoItem name="x"><MetaData/></InfoItem>', '<InfoItem name="x"><description/></InfoItem>';

	post($node, envelope('M2', $write));
	is(join(' ', return_codes(post($node, envelope('M2', join '', @deletes, $write, $deletes[0], $write)))), '200 200 200 200 200', 'deleted and written by turns');
	is(state_of('E'), 'E; E/x; E/x u; E/x {"": "e"}', 'the last one counts');
};

$node->stop;
done_testing();
