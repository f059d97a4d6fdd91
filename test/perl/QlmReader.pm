
=head1 NAME

QlmReader - readers as strict as the clients that exist

=head1 SYNOPSIS

  my $results = reference_reader($bytes);      # dies where that client refuses
  is($results->[0]{code}, 200);
  is($results->[0]{values}{'Fridge/temperature'}[0]{text}, '4.5');

=head1 DESCRIPTION

Each reader takes the bytes of a message and returns its results, a list of
hashes: C<code>, C<ids>, C<objects> (is there a payload), C<values> (a list of
hashes by path: text and attributes).  Each knows no more than the client that
it is named after, and dies with a text that begins with C<refused> where that
client gives up on a message.

=over

=item reference_reader

The reference node 3.x as receiver of a response: everything in its order, ids
that are numbers, one payload format, nothing behind the payload.

=item old_reference_reader

The same in its years of C<omi.xsd> and C<odf.xsd>.

=item embedded_reader

A small C program: no prefixes, namespaces only as defaults, no aliases, no
attributes of values but its own, 1024 bytes of text.

=item browser_reader

Namespace-aware XPath with the URIs of one version ('1.0'), as in browsers.

=item go_reader

Element names whatever their namespace, but C<requestId> only.

=back

=cut

package QlmReader;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use XML::LibXML;
use XML::LibXML::XPathContext;

our @EXPORT = qw(reference_reader old_reference_reader embedded_reader
  browser_reader go_reader refusal document schema_errors);

my $group = 'http://www.opengroup.org/xsd';

sub refuse
{
	my ($why) = @_;

	die "refused: $why\n";
}

# Why a reader gives up; '' if it does not.
sub refusal
{
	my ($reader, @arguments) = @_;

	return eval { $reader->(@arguments); 1 } ? '' : $@ =~ s/\n.*//sr;
}

# A parsed document.  A prefix without declaration is an error, as in browsers.
sub document
{
	my ($bytes) = @_;
	my $complaint = '';
	local $SIG{__WARN__} = sub { $complaint .= $_[0] };
	my $document = eval { XML::LibXML->new(no_network => 1)->parse_string($bytes) }
	  or refuse('not well-formed: ' . ($@ =~ s/\n.*//sr));

	refuse("namespaces: $complaint") if $complaint;
	return $document;
}

my %schemas;

# What the schema of the document's own version has against it; '' if nothing.
sub schema_errors
{
	my ($bytes) = @_;
	my $root = document($bytes)->documentElement;
	my ($kind, $version) = ($root->namespaceURI // '') =~ m{^\Q$group\E/(omi|odf)/([12]\.0)/$}
	  or return 'there is no schema for ' . ($root->namespaceURI // 'no namespace');

	$schemas{"$kind-$version"} //=
	  XML::LibXML::Schema->new(location => "test/fixtures/schema/$kind-$version.xsd");
	return eval { $schemas{"$kind-$version"}->validate($root->ownerDocument); 1 } ? '' : $@;
}

sub elements
{
	my ($parent) = @_;

	return grep { $_->nodeType == XML_ELEMENT_NODE } $parent->childNodes;
}

# Take the children of one name that come next.
sub take
{
	my ($children, $name) = @_;
	my @taken;

	push @taken, shift @$children while @$children && $children->[0]->localname eq $name;
	return @taken;
}

sub in_namespace
{
	my ($element, $pattern) = @_;

	refuse($element->nodeName . ' in namespace ' . ($element->namespaceURI // 'none'))
	  unless ($element->namespaceURI // '') =~ $pattern;
	return;
}

sub attributes_of
{
	my ($element) = @_;

	return map { $_->nodeName => $_->value } grep { $_->nodeType == XML_ATTRIBUTE_NODE } $element->attributes;
}

sub read_value
{
	my ($element, $odf) = @_;
	my %value = (attributes_of($element), text => $element->textContent);
	my @children = elements($element);

	refuse("value of type $value{type} with elements in it")
	  if @children && ($value{type} // '') ne 'odf';
	refuse("unixTime=\"$value{unixTime}\"")
	  if defined $value{unixTime} && $value{unixTime} !~ /^-?\d+(\.\d+)?$/;
	refuse("dateTime=\"$value{dateTime}\"")
	  if defined $value{dateTime}
	  && $value{dateTime} !~ /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
	read_objects($_, {}, $odf) for @children;
	return \%value;
}

sub read_item
{
	my ($item, $path, $values, $odf) = @_;
	my @children = elements($item);
	my $name = $item->getAttribute('name') // refuse('InfoItem without name');

	for my $other (take(\@children, 'name'), take(\@children, 'altName'))
	{
		refuse('an empty name') if $other->textContent eq '';
	}
	take(\@children, 'description');
	for my $meta_data (take(\@children, 'MetaData'))
	{
		my @items = elements($meta_data);
		read_item($_, "$path/$name#", {}, $odf) for take(\@items, 'InfoItem');
		refuse('in MetaData: ' . $items[0]->nodeName) if @items;
	}
	push @{ $values->{"$path$name"} }, map { read_value($_, $odf) } take(\@children, 'value');
	refuse('in InfoItem: ' . $children[0]->nodeName) if @children;
	return;
}

sub read_object
{
	my ($object, $path, $values, $odf) = @_;
	my @children = elements($object);
	my @ids = take(\@children, 'id');

	refuse('Object without id') unless @ids;
	refuse('an empty id') if grep { $_->textContent eq '' } @ids;
	$path .= $ids[0]->textContent . '/';
	take(\@children, 'description');
	read_item($_, $path, $values, $odf) for take(\@children, 'InfoItem');
	read_object($_, $path, $values, $odf) for take(\@children, 'Object');
	refuse('in Object: ' . $children[0]->nodeName) if @children;
	return;
}

sub read_objects
{
	my ($objects, $values, $odf) = @_;

	in_namespace($_, $odf) for grep { $_->nodeType == XML_ELEMENT_NODE } $objects->findnodes('descendant-or-self::*');
	my @children = elements($objects);
	read_object($_, '', $values, $odf) for take(\@children, 'Object');
	refuse('in Objects: ' . $children[0]->nodeName) if @children;
	return;
}

sub read_result
{
	my ($result, $odf) = @_;
	my @children = elements($result);
	my ($return) = take(\@children, 'return') or refuse('no return');
	my @ids = map { $_->textContent } take(\@children, 'requestID');
	my ($msg) = take(\@children, 'msg');
	my %values;

	refuse('after msg: ' . $children[0]->nodeName) if @children;
	refuse("requestID $_") for grep { !/^\d{1,18}$/ } @ids;
	refuse('returnCode') unless ($return->getAttribute('returnCode') // '') =~ /^[2456]\d\d$/;
	if ($msg)
	{
		my ($objects, @more) = elements($msg);

		refuse('msgformat is not odf') unless ($result->getAttribute('msgformat') // '') eq 'odf';
		refuse('msg holds something else') if @more || !$objects || $objects->localname ne 'Objects';
		read_objects($objects, \%values, $odf);
	}
	return {
		code => $return->getAttribute('returnCode'),
		description => $return->getAttribute('description'),
		ids => \@ids,
		objects => $msg ? 1 : 0,
		values => \%values
	};
}

sub strict_reader
{
	my ($bytes, $omi, $odf) = @_;
	my $envelope = document($bytes)->documentElement;

	refuse('root ' . $envelope->nodeName) unless $envelope->localname eq 'omiEnvelope';
	in_namespace($envelope, $omi);
	refuse('no version') unless $envelope->hasAttribute('version');
	refuse('ttl') unless ($envelope->getAttribute('ttl') // '') =~ /^(-1(\.0)?|\d+(\.\d+)?(E\d+)?)$/;
	my ($response, @more) = elements($envelope);
	refuse('not one response') if @more || !$response || $response->localname ne 'response';
	my @results = elements($response);
	refuse('no result') unless @results;
	refuse('in response: ' . $_->nodeName) for grep { $_->localname ne 'result' } @results;
	return [ map { read_result($_, $odf) } @results ];
}

sub reference_reader
{
	my ($bytes) = @_;

	return strict_reader($bytes, qr{^($|\Q$group\E/omi/)}, qr{^($|\Q$group\E/odf/)});
}

sub old_reference_reader
{
	my ($bytes) = @_;

	return strict_reader($bytes, qr{^omi\.xsd$}, qr{^odf\.xsd$});
}

sub browser_reader
{
	my ($bytes, $version) = @_;
	my $xpath = XML::LibXML::XPathContext->new(document($bytes));
	my @results;

	$xpath->registerNs(omi => "$group/omi/$version/");
	$xpath->registerNs(odf => "$group/odf/$version/");
	for my $result ($xpath->findnodes('/omi:omiEnvelope/omi:response/omi:result'))
	{
		my %values;

		for my $value ($xpath->findnodes('omi:msg/odf:Objects//odf:InfoItem[not(ancestor::odf:MetaData)]/odf:value', $result))
		{
			my $path = join '/', map { $_->textContent } $xpath->findnodes('ancestor::odf:Object/odf:id[1]', $value);
			push @{ $values{ $path . '/' . $value->parentNode->getAttribute('name') } },
			  { attributes_of($value), text => $value->textContent };
		}
		push @results, {
			code => $xpath->findvalue('omi:return/@returnCode', $result),
			ids => [ map { $_->textContent } $xpath->findnodes('omi:requestID', $result) ],
			objects => $xpath->findnodes('omi:msg/odf:Objects', $result)->size,
			values => \%values
		};
	}
	refuse("nothing in the namespaces of $version") unless @results;
	return \@results;
}

sub go_reader
{
	my ($bytes) = @_;
	my $envelope = document($bytes)->documentElement;
	my @results;

	refuse('root ' . $envelope->nodeName) unless $envelope->localname =~ /^(omi|qlm)Envelope$/;
	for my $result ($envelope->findnodes('*[local-name()="response"]/*[local-name()="result"]'))
	{
		my %values;

		for my $value ($result->findnodes('.//*[local-name()="InfoItem"]/*[local-name()="value"]'))
		{
			push @{ $values{ $value->findvalue('../../*[local-name()="id"][1]') . '/' . $value->parentNode->getAttribute('name') } },
			  { attributes_of($value), text => $value->textContent };
		}
		push @results, {
			code => $result->findvalue('*[local-name()="return"]/@returnCode'),
			ids => [ map { $_->textContent } $result->findnodes('*[local-name()="requestId"]') ],
			values => \%values
		};
	}
	refuse('no result') unless @results;
	return \@results;
}

my %embedded_namespaces = map { $_ => 1 } ('', 'omi.xsd', 'odf.xsd',
	map { ("$group/omi/$_/", "$group/odf/$_/") } '1.0', '2.0');
my %embedded_values = map { $_ => 1 } qw(type dateTime unixTime);

# A scanner that goes through the bytes once, as a program without a heap does.
sub embedded_reader
{
	my ($bytes) = @_;
	my (@open, @path, @results, $text, $value);

	while ($bytes =~ m{\G(?:<\?[^>]*\?>|<(/?)([^\s/>]+)([^>]*?)(/?)>|([^<]+))}gc)
	{
		my ($end, $name, $attributes, $empty, $chars) = ($1, $2, $3, $4, $5);

		if (defined $chars)
		{
			$text .= $chars;
			refuse('more than 1024 bytes of text') if length $text > 1024;
			next;
		}
		next unless defined $name;
		refuse("a prefix: $name") if $name =~ /:/;
		refuse("an attribute with a prefix: $attributes") if $attributes =~ /\s[\w.-]+:[\w.-]+\s*=/;
		if (!$end)
		{
			my %attributes = $attributes =~ /([\w:.-]+)\s*=\s*"([^"]*)"/g;

			refuse("namespace $attributes{xmlns}") unless $embedded_namespaces{ $attributes{xmlns} // '' };
			refuse("alias in $open[-1]") if $name =~ /^(altname|name)$/;
			refuse('an envelope in an envelope') if @open && $name eq 'omiEnvelope';
			if ($name eq 'value')
			{
				refuse("attribute $_ of value") for grep { !$embedded_values{$_} } keys %attributes;
				$value = {%attributes};
			}
			push @results, { ids => [], values => {} } if $name eq 'result';
			$results[-1]{code} = $attributes{returnCode} if $name eq 'return';
			push @path, { id => undef } if $name eq 'Object';
			push @path, { id => $attributes{name} } if $name eq 'InfoItem';
			$text = '';
			push @open, $name;
		}
		if ($end || $empty)
		{
			my $last = pop @open;

			refuse("$name closes $last") if $last ne $name;
			if ($name eq 'id')
			{
				refuse('two ids of an Object') if defined $path[-1]{id};
				$path[-1]{id} = $text;
			}
			if ($name eq 'value' && !grep { $_ eq 'MetaData' } @open)
			{
				push @{ $results[-1]{values}{ join '/', map { $_->{id} } @path } }, { %$value, text => $text };
			}
			push @{ $results[-1]{ids} }, $text if $name =~ /^requestI[dD]$/;
			pop @path if $name =~ /^(Object|InfoItem)$/;
		}
	}
	refuse('at ' . substr $bytes, pos($bytes) // 0, 20) if (pos($bytes) // 0) < length $bytes;
	refuse('the message is not complete') if @open;
	return \@results;
}

1;
