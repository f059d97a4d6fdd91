# Every text survives: what is written in one format is read back byte for byte
# in each, or the write is refused.  All ways in against all ways out.

use strict;
use warnings FATAL => 'all';

use Encode qw(decode_utf8 encode_utf8);
use JSON::PP;
use QlmTest;
use Test::More;
use XML::LibXML;

my $node = qlm_node('texts', conf => "qlm.anonymous_role = 'qlm_writer'\n");
my $json = JSON::PP->new->utf8->canonical;

# Texts as characters, each with a type
my @texts = (
	(map { [ $_, undef ] }
	  ('', ' ', '   ', "\t", "\n", "\r", "\r\n", "\n\r", "a\rb", "a\r\nb", "a\nb", "\ra", "a\r", "\r\ra\r\r", "a\r\n", "\na", " a", "a ", "\ta\t", "a\tb",
		',', ',,', 'a,b', ';', '"', '""', '"a"', 'a"b', '"a', 'a"', '",', ',"', "\",\r\"", "\"\r\n\"", "\r\"", "'", '\\', '\\n', '\\u0041', 'a\\',
		'<', '>', '&', '&amp;', '&lt;', '&#13;', '&#xD;', ']]>', '<![CDATA[x]]>', '<!-- x -->', '<?x y?>', '<Objects/>', '<Objects><Object><id>x</id></Object></Objects>',
		'{', '{}', '[]', '{"Objects":{}}', 'null', 'true', '""', 'path,time,value,type', "path\n", '#', '%', '%0D', '+', '=', '=1+1', '/', '@', 'x/y',
		"\x{FEFF}", "\x{FEFF}a", "a\x{FEFF}", "\x{A0}", "\x{85}", "\x{2028}", "\x{2029}", "\x{7F}", "\x{80}", "\x{9F}", "\x{D7FF}", "\x{E000}", "\x{FFFD}", "e\x{301}", "\x{E9}",
		"\x{10000}", "\x{1F600}", "\x{10FFFF}", "\x{FDD0}", "\x{1FFFE}", 'ä' x 3000, 'x' x 100_000, "a,\"\r\n" x 5000, ' ' x 1000)),
	(map { [ $_, 'xs:double' ] } ('1', '01', '+1', '-1', '-0', '0', '.5', '5.', '1.0', '1.50', '1e5', '1E5', '1e+05', '1E-7', '1e400', '-1e-400', '0x1F', '1_000', '1,5', ' 1', '1 ', "1\n", "\r1", 'INF', '-INF', 'NaN', 'nan',
		'123456789012345678901234567890', '0.1000000000000000055511151231257827', '4.9e-324', '١', 'one', '', '--1', '1e', '00')),
	(map { [ $_, 'xs:int' ] } ('7', '007', '2147483648', '-0', '1.0')),
	(map { [ $_, 'xs:boolean' ] } ('true', 'false', 'TRUE', '1', '0', ' true', 'yes')),
	[ '1', 'a,"b"' ], [ '1', "mine\x{E9}" ], [ 'x', 'xs:String' ]);

# Random ones out of what readers stumble over; the seed is fixed.
my @pieces = ("\r", "\n", "\t", ' ', ',', '"', '""', ';', '\\', '<', '>', '&', ']]>', '&#13;', "\x{FEFF}", "\x{1F600}", "\x{E9}", 'a', '1', '{', '}', '[', ':', "'", '/', '%');
srand(20240501);
push @texts, [ join('', map { $pieces[ rand @pieces ] } 0 .. rand 12), undef ] for 1 .. 300;

my (@impossible, %writers);

sub xml_text
{
	my ($text) = @_;

	return $text =~ s/([&<>"\r\n\t])/sprintf '&#%d;', ord $1/ger;
}

sub csv_field
{
	my ($text, $plain) = @_;

	return $plain && $text !~ /[,"\r\n]/ && $text !~ /^\s|\s$/ && length $text ? $text : '"' . ($text =~ s/"/""/gr) . '"';
}

# Records of csv, as RFC 4180 has them
sub read_csv
{
	my ($text) = @_;
	my @rows = ([]);

	while ($text =~ /\G(?:"((?:[^"]|"")*)"|([^,"\r\n]*))(,|\r?\n|\z)/gc)
	{
		my ($quoted, $bare, $end) = ($1, $2, $3);

		push @{ $rows[-1] }, defined $quoted ? $quoted =~ s/""/"/gr : length $bare ? $bare : undef;
		last if $end eq '';
		push @rows, [] if $end ne ',';
	}
	die 'no csv at ' . substr $text, pos($text) // 0, 40 if (pos($text) // 0) < length $text;
	return grep { @$_ > 1 } @rows;
}

sub json_tree
{
	my ($object, $texts, $native) = @_;
	my $n = 0;
	my @items = map {
		my ($text, $type) = @$_;
		+{ name => 't' . $n++, values => [ { value => $text, dateTime => '2024-05-01T10:00:00Z', defined $type ? (type => $type) : () } ] }
	} @$texts;

	return { Objects => { Object => { id => $object, InfoItem => \@items } } };
}

sub csv_lines
{
	my ($object, $texts, $end, $plain) = @_;
	my $n = 0;

	return join $end, 'path,time,value,type', (map {
			my ($text, $type) = @$_;
			"$object/t" . $n++ . ',2024-05-01T10:00:00Z,' . csv_field($text, $plain) . ',' . (defined $type ? csv_field($type, 1) : '')
		} @$texts), '';
}

sub json_message
{
	my ($verb, $format, $payload) = @_;

	return encode_json({ omiEnvelope => { version => '1.0', ttl => 0, $verb => { msgformat => $format, msg => $payload } } });
}

# Values by InfoItem: [text, type]
sub of_xml
{
	my ($root) = @_;
	my %values;

	for my $value ($root->findnodes('.//*[local-name()="InfoItem"]/*[local-name()="value"]'))
	{
		$values{ $value->parentNode->getAttribute('name') } = [ $value->textContent, $value->getAttribute('type') ];
	}
	return \%values;
}

# Numbers keep their spelling as long as nobody makes numbers of them.
sub of_json
{
	my ($bytes) = @_;
	my $tree = $json->decode($bytes =~ s/("value":)(-?\d[^,}\]]*|true|false)/$1"$2"/gr);
	my $payload = $tree->{Objects} ? $tree : $tree->{omiEnvelope}{response}{result}{msg};
	my $items = $payload->{Objects}{Object}{InfoItem};

	return { map { $_->{name} => [ $_->{values}[0]{value}, $_->{values}[0]{type} ] } ref $items eq 'ARRAY' ? @$items : $items };
}

sub of_csv
{
	my ($text) = @_;
	my (undef, @rows) = read_csv($text);

	return { map { ($_->[0] =~ m{/(.*)})[0] => [ $_->[2], $_->[3] ] } @rows };
}

sub answer_xml { return XML::LibXML->new(huge => 1)->parse_string(post($node, $_[0])->{body})->documentElement; }

sub answer_msg { return answer_xml($_[0])->findvalue('.//*[local-name()="msg"]'); }

sub answer_json { return post($node, $_[0])->{body}; }

sub selects { return '<Objects><Object><id>' . $_[0] . '</id></Object></Objects>'; }

sub shown
{
	my ($text) = @_;

	return 'nothing' unless defined $text;
	return join '', map { ord $_ < 0x20 || ord $_ > 0x7E ? sprintf '\\x{%X}', ord $_ : $_ } split //, substr $text, 0, 60;
}

subtest 'what XML 1.0 cannot hold has no place in any format' => sub {
	@impossible = ("\0", "\x01", "a\x08b", "\x0B", "\x0C", "\x1B", "\x1F", "\x{FFFE}", "a\x{FFFF}");

	%writers = (
		(map {
			my $key = $_;
			$key => sub {
				my ($object, $texts) = @_;
				my $n = 0;
				my $items = join '', map {
					my ($text, $type) = @$_;
					'<InfoItem name="t' . $n++ . '"><value dateTime="2024-05-01T10:00:00Z"' . (defined $type ? ' type="' . xml_text($type) . '"' : '') . '>' . xml_text($text) . '</value></InfoItem>'
				} @$texts;
				my $envelope = QlmTest::write_envelope($key, "$object/MARK", 'x');

				return encode_utf8($envelope =~ s{<InfoItem name="MARK">.*?</InfoItem>}{$items}sr);
			}
		} qw(Q0 Q1 QP M0 M1a M1b M2)),
		'JSON' => sub { json_message('write', 'odf', json_tree(@_)) },
		'json in XML' => sub { encode_utf8(envelope('M2', '<write msgformat="json"><msg>' . xml_text(decode_utf8($json->encode(json_tree(@_)))) . '</msg></write>')) },
		'json in JSON' => sub { json_message('write', 'json', decode_utf8($json->encode(json_tree(@_)))) },
		'csv in XML' => sub { encode_utf8(envelope('M2', '<write msgformat="csv"><msg>' . xml_text(csv_lines(@_, "\n", 1)) . '</msg></write>')) },
		'csv in JSON' => sub { json_message('write', 'csv', csv_lines(@_, "\r\n", 0)) });
	my $whole = sub { return { Objects => { Object => { id => $_[0] } } }; };

	my %readers = (
		(map {
			my $key = $_;
			$key => sub { of_xml(answer_xml(QlmTest::read_envelope($key, "$_[0]/MARK") =~ s{<InfoItem name="MARK".*?/>}{}sr)) }
		} qw(Q0 Q1 QP M0 M1a M1b M2)),
		'JSON' => sub { of_json(answer_json(json_message('read', 'odf', $whole->($_[0])))) },
		'json in XML' => sub { of_json(encode_utf8(answer_msg(envelope('M2', '<read msgformat="json"><msg>' . selects($_[0]) . '</msg></read>')))) },
		'csv in XML' => sub { of_csv(answer_msg(envelope('M2', '<read msgformat="csv"><msg>' . selects($_[0]) . '</msg></read>'))) },
		'csv in JSON' => sub { of_csv($json->decode(answer_json(json_message('read', 'csv', $whole->($_[0]))))->{omiEnvelope}{response}{result}{msg}) },
		'SQL' => sub {
			my $rows = $node->safe_psql('postgres', "SELECT json_agg(json_build_array(split_part(path, '/', 2), encode(convert_to(value, 'UTF8'), 'hex'), type)) FROM qlm.current WHERE path LIKE '$_[0]/%'");
			return { map { $_->[0] => [ decode_utf8(pack 'H*', $_->[1]), $_->[2] ] } @{ $json->decode($rows) } };
		});

	for my $writer (sort keys %writers)
	{
		my $object = $writer =~ s/\W/_/gr;
		my $written = post($node, $writers{$writer}->($object, \@texts));

		is(return_code($written) // ($written->{body} =~ /"returnCode":(\d+)/)[0], 200, "all texts are written: $writer") or diag($written->{body});
		for my $reader (sort keys %readers)
		{
			my $values = $readers{$reader}->($object);
			my @wrong = grep {
				my ($text, $type) = @{ $texts[$_] };
				my ($got, $label) = @{ $values->{"t$_"} // [] };
				!defined $got || $got ne $text || ($label // 'xs:string') ne ($type // 'xs:string')
			} 0 .. $#texts;

			is(scalar @wrong, 0, "$writer, read as $reader");
			diag("wrote " . shown($texts[$_][0]) . ", read " . shown(($values->{"t$_"} // [])->[0])) for @wrong[ 0 .. ($#wrong > 4 ? 4 : $#wrong) ];
		}
	}
};

subtest 'what describes a node: descriptions, of which blanks are a stub, and attributes, of which an empty one means to remove it' => sub {
	my @describing = grep { /\S/ && length $_ < 60_000 } map { $_->[0] } @texts;
	my %describers = (
		'M2' => sub {
			my $n = 0;
			encode_utf8(envelope('M2', '<write><msg><Objects><Object><id>M2D</id>'
				. join('', map { '<InfoItem name="t' . $n++ . '" note="' . xml_text($_) . '"><description lang="en">' . xml_text($_) . '</description><MetaData><InfoItem name="m"><value>' . xml_text($_) . '</value></InfoItem></MetaData></InfoItem>' } @describing)
				. '</Object></Objects></msg></write>'))
		},
		'JSON' => sub {
			my $n = 0;
			json_message('write', 'odf', { Objects => { Object => { id => 'JSOND', InfoItem => [
				map { +{ name => 't' . $n++, attributes => { note => $_ }, description => { lang => 'en', text => $_ }, MetaData => { InfoItem => { name => 'm', values => [ { value => $_ } ] } } } } @describing ] } } })
		});

	for my $writer (sort keys %describers)
	{
		my $written = post($node, $describers{$writer}->());
		my $asked = join '', map { "<InfoItem name=\"t$_\"><description/><MetaData/></InfoItem>" } 0 .. $#describing;
		my $read = "<Objects><Object><id>${writer}D</id>$asked</Object></Objects>";
		my %facts;

		like($written->{body}, qr/returnCode"?[=:]"?200/, "$writer describes");
		my $root = answer_xml(envelope('M2', "<read><msg>$read</msg></read>"));
		for my $item ($root->findnodes('//*[local-name()="Object"]/*[local-name()="InfoItem"]'))
		{
			$facts{M2}{ $item->getAttribute('name') } = [ $item->getAttribute('note'), map { $item->findvalue("*[local-name()=\"$_\"]") } qw(description MetaData) ];
		}
		my $tree = $json->decode(encode_utf8(answer_msg(envelope('M2', "<read msgformat=\"json\"><msg>$read</msg></read>"))));
		for my $item (@{ $tree->{Objects}{Object}{InfoItem} })
		{
			$facts{JSON}{ $item->{name} } = [ $item->{attributes}{note}, $item->{description}{text}, $item->{MetaData}{InfoItem}{values}[0]{value} ];
		}
		for my $reader (qw(M2 JSON))
		{
			my @wrong = grep {
				my $text = $describing[$_];
				grep { ($_ // '') ne $text } @{ $facts{$reader}{"t$_"} // [undef] }
			} 0 .. $#describing;

			is(scalar @wrong, 0, "$writer, read as $reader: attributes, descriptions, MetaData");
			diag('wrote ' . shown($describing[$_]) . ', read ' . join ' | ', map { shown($_) } @{ $facts{$reader}{"t$_"} // [] }) for @wrong[ 0 .. ($#wrong > 4 ? 4 : $#wrong) ];
		}
	}
};

subtest 'GET of each value alone, as text and as JSON' => sub {
	for my $n (0 .. $#texts)
	{
		my ($text, $type) = @{ $texts[$n] };
		my $bare = get($node, "/Objects/M2/t$n/value");

		next if $bare->{body} eq encode_utf8($text) && $bare->{status} == 200;
		fail('GET of ' . shown($text));
		diag("$bare->{status} " . shown($bare->{body}));
	}
	pass('GET of each value');
};

subtest 'characters that no format can hold: refused by name or place, nothing is stored' => sub {
	for my $writer (sort keys %writers)
	{
		for my $text (@impossible)
		{
			my $answer = post($node, $writers{$writer}->('Impossible', [ [ $text, undef ] ]));

			like($answer->{body}, qr/returnCode"?[=:]"?400.*(character|char|Char).*\(line/s, "$writer refuses " . shown($text));
		}
	}
	is($node->safe_psql('postgres', q{SELECT count(*) FROM qlm.object WHERE path = 'Impossible'}), 0, 'nothing of them is stored');
};

$node->stop;
done_testing();
