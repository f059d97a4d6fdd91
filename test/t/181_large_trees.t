# Large trees as real services have them: what was written is read back, every
# id, attribute, type, description, MetaData, value and time of it.

use strict;
use warnings FATAL => 'all';

use QlmTest;
use QlmTree;
use Test::More;
use Time::HiRes qw(time);

my $node = qlm_node('trees', conf => "qlm.anonymous_role = 'qlm_writer'\n");

sub write_of { return envelope('M2', "<write msgformat=\"odf\"><msg>$_[0]</msg></write>"); }
sub read_of { return envelope('M2', "<read msgformat=\"odf\" newest=\"10\"><msg>$_[0]</msg></read>"); }

# The Objects of an answer; its values may hold some too.
sub objects_of
{
	my ($answer) = @_;
	my ($objects) = $answer->{body} =~ m{<msg>(.*)</msg>}s;

	utf8::decode($objects);
	return $objects;
}

# What is missing and what nobody said, by a few examples
sub same_facts
{
	my ($got, $expected, $what) = @_;
	my %got = map { $_ => 1 } @$got;
	my %expected = map { $_ => 1 } @$expected;
	my @missing = grep { !$got{$_} } @$expected;
	my @new = grep { !$expected{$_} } @$got;

	is(scalar @$got, scalar @$expected, "$what: as many facts");
	ok(!@missing && !@new, "$what: the same")
	  or diag(join "\n", scalar(@missing) . ' missing:', @missing[ 0 .. ($#missing < 4 ? $#missing : 4) ],
		scalar(@new) . ' new:', @new[ 0 .. ($#new < 4 ? $#new : 4) ]);
	return;
}

sub write_and_read
{
	my ($tree, $what) = @_;
	my @facts = facts($tree);
	my $start = time();

	is(return_code(post($node, write_of($tree))), 200, "$what: written");
	my $written = time();
	my $answer = post($node, read_of(request_for($tree)));
	my $read = time();
	is(join(' ', return_codes($answer)), '200', "$what: read");
	same_facts([ facts(objects_of($answer)) ], \@facts, $what);
	note(sprintf '%d facts, %d bytes: written in %.1f s, read in %.1f s', scalar @facts, length $tree, $written - $start, $read - $written);
	return;
}

my $building = building(floors => 5, rooms => 50, items => 20);

subtest 'a building' => sub {
	write_and_read($building, '5,000 InfoItems');
	is($node->safe_psql('postgres', "SELECT count(*) FROM qlm.info_item"), 5000, 'so many InfoItems');
	is($node->safe_psql('postgres', "SELECT count(*) FROM qlm.value"), 10000, 'so many values');
	is($node->safe_psql('postgres', "SELECT count(*) FROM qlm.meta_data"), 15000, 'so much MetaData');
};

subtest 'written again it is the same' => sub {
	write_and_read($building, 'the second time');
	is($node->safe_psql('postgres', "SELECT count(*) FROM qlm.value"), 10000, 'no value twice');
};

subtest 'a part of it' => sub {
	my ($room) = $building =~ m{(<Object type="http://example.org/classes#Room".*?</Object>)}s;
	my $tree = '<Objects xmlns="http://www.opengroup.org/xsd/odf/2.0/"><Object type="http://example.org/classes#Building"><id>Building ' . "\x{dc}" . 'ber</id>'
	  . '<Object type="http://example.org/classes#Floor"><id>Floor 1</id>' . $room . '</Object></Object></Objects>';
	my $answer = post($node, read_of(request_for($tree)));
	my %facts = map { $_ => 1 } facts(objects_of($answer));
	is(scalar(grep { !$facts{$_} } facts($tree)), 0, 'one room, with all that is in it');
};

subtest 'parking: Objects in values' => sub {
	write_and_read(parking(lots => 20, places => 50), 'places');
};

$node->stop;
done_testing();
