
=head1 NAME

QlmTree - large O-DF trees, and what they say

=head1 SYNOPSIS

  my $sent = building(floors => 5, rooms => 50, items => 20);
  my $asked = request_for($sent);          # the same tree, asking for everything
  is_deeply([ facts($received) ], [ facts($sent) ]);

=head1 DESCRIPTION

Trees are text: an element Objects.  Facts are one line for each id, other name,
attribute, type, description, MetaData and value, sorted, with the path of what
they are about; two trees that say the same have the same facts.

=cut

package QlmTree;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';

our @EXPORT = qw(building parking request_for facts);

my %entities = (lt => '<', gt => '>', amp => '&', quot => '"', apos => "'");

sub unescape
{
	my ($text) = @_;

	$text =~ s/&(?:#(\d+)|#x([0-9a-fA-F]+)|(\w+));/defined $1 ? chr $1 : defined $2 ? chr hex $2 : $entities{$3}/ge;
	return $text;
}

sub escape
{
	my ($text) = @_;

	$text =~ s/&/&amp;/g;
	$text =~ s/</&lt;/g;
	$text =~ s/"/&quot;/g;
	return $text;
}

# Elements as hashes: name, attributes, children, text.  Prefixes are no part of
# a name, and namespaces are none of the attributes.
sub parse
{
	my ($xml) = @_;
	my $root = { name => '', children => [], text => '', attributes => {} };
	my @open = ($root);

	while ($xml =~ m{\G(?:<(/?)([\w:.-]+)((?:\s+[\w:.-]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*(/?)>|([^<]+))}gc)
	{
		my ($end, $name, $attributes, $empty, $text) = ($1, $2, $3, $4, $5);

		if (defined $text)
		{
			$open[-1]{text} .= unescape($text);
			next;
		}
		if ($end)
		{
			pop @open;
			next;
		}
		my $element = { name => $name =~ s/.*://r, children => [], text => '', attributes => {} };
		while ($attributes =~ m{([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')}g)
		{
			$element->{attributes}{$1} = unescape($2 // $3) unless "$1" =~ /^xmlns/;
		}
		push @{ $open[-1]{children} }, $element;
		push @open, $element unless $empty;
	}
	die 'not understood: ' . substr $xml, pos($xml) // 0, 80 if (pos($xml) // 0) < length $xml;
	die 'elements do not nest' if @open != 1;
	return $root->{children}[0];
}

sub children { return grep { $_->{name} eq $_[1] } @{ $_[0]{children} }; }

# Times in one spelling
sub attribute
{
	my ($name, $value) = @_;

	if ($name =~ /^(?:dateTime|startDate|endDate)$/)
	{
		$value =~ s/(\.\d*?)0+Z$/$1Z/;
		$value =~ s/\.Z$/Z/;
	}
	return "$name=$value";
}

sub attributes
{
	my ($element, @but) = @_;
	my %but = map { $_ => 1 } @but;

	return join ' ', map { attribute($_, $element->{attributes}{$_}) }
	  grep { !$but{$_} } sort keys %{ $element->{attributes} };
}

# An element within a value, as text in one spelling
sub canonical
{
	my ($element) = @_;

	return "<$element->{name} " . attributes($element, 'version') . '>'
	  . join('', map { canonical($_) } @{ $element->{children} })
	  . (@{ $element->{children} } ? '' : $element->{text}) . '</>';
}

# unixTime says the same as dateTime, in less detail, and xs:string the same as
# no type.
sub value_fact
{
	my ($value) = @_;
	my ($within) = children($value, 'Objects');
	my @but = ($value->{attributes}{dateTime} ? 'unixTime' : (),
		($value->{attributes}{type} // '') eq 'xs:string' ? 'type' : ());

	return 'value [' . attributes($value, @but) . '] '
	  . ($within ? canonical($within) : $value->{text});
}

# What Objects and InfoItems have in common; ids and names in their order.
sub node_facts
{
	my ($node, $path, $kind, $names) = @_;
	my $n = 0;
	my @facts = ("$path: $kind [" . attributes($node, 'name') . ']');

	push @facts, map { "$path: $names " . $n++ . ' [' . attributes($_) . "] $_->{text}" }
	  map { children($node, $_) } split /\|/, $names;
	push @facts, map { "$path: description [" . attributes($_) . "] $_->{text}" } children($node, 'description');
	return @facts;
}

sub item_facts
{
	my ($item, $path, $kind) = @_;
	my @facts = node_facts($item, $path, $kind, 'altname|name');

	push @facts, map { "$path: " . value_fact($_) } children($item, 'value');
	for my $meta_data (children($item, 'MetaData'))
	{
		push @facts, map { item_facts($_, "$path#$_->{attributes}{name}", 'MetaData') } children($meta_data, 'InfoItem');
	}
	return @facts;
}

sub object_facts
{
	my ($object, $above) = @_;
	my $path = $above . '/' . ((children($object, 'id'))[0]{text} =~ s{/}{%2F}gr);

	return node_facts($object, $path, 'Object', 'id'),
	  (map { item_facts($_, "$path/$_->{attributes}{name}", 'InfoItem') } children($object, 'InfoItem')),
	  (map { object_facts($_, $path) } children($object, 'Object'));
}

sub facts
{
	my ($xml) = @_;
	my $objects = parse($xml);

	return sort map { object_facts($_, '') } children($objects, 'Object');
}

# A node of the tree as a request that asks for all that can be asked for
sub asked
{
	my ($node) = @_;

	return '<InfoItem name="' . escape($node->{attributes}{name}) . '"><description/><MetaData/></InfoItem>'
	  if $node->{name} eq 'InfoItem';
	return '<Object><id>' . escape((children($node, 'id'))[0]{text}) . '</id><description/>'
	  . join('', map { asked($_) } children($node, 'InfoItem'), children($node, 'Object')) . '</Object>';
}

sub request_for
{
	my ($xml) = @_;

	return '<Objects xmlns="http://www.opengroup.org/xsd/odf/2.0/">'
	  . join('', map { asked($_) } children(parse($xml), 'Object')) . '</Objects>';
}

# The kinds of InfoItem in a room: name, class, unit, type, values
my @kinds = (
	[ 'temperature', 'Temperature', 'Cel', 'xs:double', '21.50', '-3.25' ],
	[ 'humidity', 'Humidity', '%RH', 'xs:float', '45', '4.5e1' ],
	[ 'door', 'Contact', '', 'xs:boolean', 'true', 'false' ],
	[ 'occupants', 'Count', '1', 'xs:int', '0', '12' ],
	[ 'note', 'Text', '', undef, 'R&D <open> "now"', "  two\nlines  " ]);

sub building_item
{
	my ($n, $at) = @_;
	my ($name, $class, $unit, $type, @values) = @{ $kinds[ $n % @kinds ] };
	my $label = defined $type ? " type=\"$type\"" : '';
	my $time = sprintf '2024-05-%02dT%02d:%02d', 1 + $at % 28, $at % 24, $n % 60;

	return "<InfoItem name=\"$name$n\" type=\"http://example.org/classes#$class\" channel=\"$at.$n\" calibrated=\"2023\">"
	  . "<altname idType=\"bms\">AHU-$at-$n</altname><altname>" . ucfirst($name) . " \x{e4}\x{4e2d} $n</altname>"
	  . "<description lang=\"en\">The $name &amp; what it says, no. $n</description>"
	  . "<description lang=\"fi\">L\x{e4}mp\x{f6} $n</description>"
	  . '<MetaData>'
	  . "<InfoItem name=\"unit\"><value dateTime=\"2023-01-01T00:00:00Z\">$unit</value></InfoItem>"
	  . "<InfoItem name=\"format\" type=\"http://example.org/classes#Format\"><description lang=\"en\">How it is written</description><value type=\"xs:string\" dateTime=\"2023-01-01T00:00:00Z\">%.${n}f</value></InfoItem>"
	  . "<InfoItem name=\"accuracy\" source=\"datasheet\"><value type=\"xs:double\" dateTime=\"2023-01-01T00:00:00Z\" confidence=\"0.95\">0.$n</value></InfoItem>"
	  . '</MetaData>'
	  . "<value$label dateTime=\"$time:00.25Z\">" . escape($values[0]) . '</value>'
	  . "<value$label dateTime=\"$time:01.000001Z\" quality=\"good\">" . escape($values[1]) . '</value>'
	  . '</InfoItem>';
}

# Objects in Objects; options floors, rooms (of each) and items (of each)
sub building
{
	my (%opt) = @_;
	my $floors = '';

	for my $floor (1 .. $opt{floors})
	{
		my $rooms = '';

		for my $room (1 .. $opt{rooms})
		{
			my $at = $floor * 100 + $room;
			$rooms .= "<Object type=\"http://example.org/classes#Room\" area=\"$at.5\" tenant=\"A &amp; B\">"
			  . "<id idType=\"room\" tagType=\"RFID\" startDate=\"2020-01-01T00:00:00Z\" endDate=\"2030-12-31T23:59:59Z\">Room $floor/$room</id>"
			  . "<id idType=\"urn\" registry=\"city\">urn:example:room:$at</id><id>R$at</id>"
			  . "<description lang=\"en\">Room $room of floor $floor</description><description lang=\"fi\">Huone \x{e5}$room</description><description>$at</description>"
			  . join('', map { building_item($_, $at) } 1 .. $opt{items})
			  . '</Object>';
		}
		$floors .= "<Object type=\"http://example.org/classes#Floor\"><id>Floor $floor</id><id idType=\"level\">L$floor</id>"
		  . "<description lang=\"en\">Floor no. $floor</description>$rooms</Object>";
	}
	return '<Objects xmlns="http://www.opengroup.org/xsd/odf/2.0/" version="2.0">'
	  . "<Object type=\"http://example.org/classes#Building\"><id>Building \x{dc}ber</id>$floors</Object></Objects>";
}

# A parking service, whose methods and lots are described by Objects in values
sub parking
{
	my (%opt) = @_;
	my $lots = '';

	for my $lot (1 .. $opt{lots})
	{
		my $places = join '', map {
			"<Object type=\"mv:ParkingSpace\"><id>Place $_</id><InfoItem name=\"free\"><value type=\"xs:boolean\">" . ($_ % 2 ? 'true' : 'false')
			  . "</value></InfoItem><InfoItem name=\"hint &amp; help\"><value>a &lt; b</value></InfoItem></Object>"
		} 1 .. $opt{places};
		$lots .= "<Object type=\"mv:ParkingLot\"><id>Lot $lot</id>"
		  . "<InfoItem name=\"lot\" type=\"mv:lot\"><MetaData><InfoItem name=\"format\"><value dateTime=\"2023-01-01T00:00:00Z\">odf</value></InfoItem></MetaData>"
		  . "<value type=\"odf\" dateTime=\"2024-05-01T10:00:00Z\"><Objects><Object type=\"list\"><id>Places</id>$places</Object></Objects></value>"
		  . "<value type=\"odf\" dateTime=\"2024-05-01T11:00:00Z\"><Objects/></value></InfoItem></Object>";
	}
	return '<Objects xmlns="http://www.opengroup.org/xsd/odf/2.0/" version="2.0" prefix="mv: http://example.org/mobility#">'
	  . "<Object type=\"mv:ParkingService\"><id>Parking</id>$lots</Object></Objects>";
}

1;
