# What the database refuses: each SQLSTATE that there is has a decision, the one
# that docs/http.md tells; and what is refused for now is refused as a whole.

use strict;
use warnings FATAL => 'all';

use File::Basename qw(dirname);
use QlmTest;
use Test::More;

my $node = qlm_node('states', conf => "qlm.anonymous_role = 'qlm_writer'\nqlm.http_workers = 1\nwal_level = logical\n");

sub sql { return $node->safe_psql('postgres', $_[0]); }

# The documented table: the code of each class and state
sub documented
{
	my %codes;

	open my $page, '<', dirname(__FILE__) . '/../../docs/http.md' or die $!;
	while (<$page>)
	{
		my ($states, $code) = /^\| ((?:`\w+` ?)+) \| (\d{3}) \|/ or next;
		$codes{$_} = $code for $states =~ /\w+/g;
	}
	return %codes;
}

# All states that this server knows but that of success
sub known_states
{
	my ($folder) = $node->config_data('--sharedir');

	open my $list, '<', "$folder/errcodes.txt" or die "$folder/errcodes.txt: $!";
	return grep { $_ ne '00000' } map { /^(\w{5})\s+[EWS]\s/ ? $1 : () } <$list>;
}

# A trigger raises what the value says: a state, at states/STATE or another path.
sql(<<'EOS');
CREATE FUNCTION public.validate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.txt ~ '^state [0-9A-Z]{5}$' THEN
		RAISE EXCEPTION 'it says %', NEW.txt USING ERRCODE = right(NEW.txt, 5);
	ELSIF NEW.txt = 'plain' THEN
		RAISE EXCEPTION 'the valve cannot be %', NEW.txt;
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER validate BEFORE INSERT ON qlm.value FOR EACH ROW EXECUTE FUNCTION public.validate();
EOS

sub write_of
{
	my ($path, $value) = @_;

	return '<write msgformat="odf"><msg>' . objects('M2', $path, '<value>' . $value . '</value>') . '</msg></write>';
}

sub read_of { return '<read msgformat="odf"><msg>' . objects('M2', $_[0]) . '</msg></read>'; }
sub count_of { return sql("SELECT count(*) FROM qlm.history WHERE path = '$_[0]'"); }

subtest 'each state' => sub {
	my %documented = documented();
	my $connection = qlm_connect($node);
	my @states = known_states();
	my %seen;

	cmp_ok(scalar(@states), '>', 200, 'there are many');
	for my $state (@states, 'ABCDE')
	{
		my $class = substr $state, 0, 2;
		my $code = $documented{$state} // $documented{$class} // ($state eq 'ABCDE' ? 400 : undef);
		ok(defined $code, "class $class is decided") or next;
		$seen{$_} = 1 for $state, $class;
		my $answer = $connection->request('POST', '/', body => envelope('M2', write_of('States/x', "state $state")));
		is(return_code($answer), $code, "$state: $code") or diag($answer->{body});
		is($answer->{status}, $code == 503 ? 503 : 200, 'with that status');
		like($answer->{headers}{'retry-after'} // '', qr/^[1-9]\d*$/, 'and when to come again') if $code == 503;
		like($answer->{body}, qr/it says state $state/, 'it is said what was said') unless $class eq '40';
	}
	my %rare = map { $_ => 1 } qw(25P04 10 00);	# of later versions, and success
	is(join(' ', grep { !$seen{$_} && !$rare{$_} } sort keys %documented), '', 'nothing else is documented');
	is(count_of('States/x'), 0, 'nothing is stored');
};

subtest 'who validates' => sub {
	sql("ALTER TABLE qlm.value ADD CONSTRAINT cold CHECK (num < 100)");
	for my $case ([ 101, qr/cold/ ], [ 'plain', qr/the valve cannot be plain/ ])
	{
		my ($value, $why) = @$case;
		my $answer = post($node, envelope('M2', write_of('Valid/x', $value)));
		is("$answer->{status} " . return_code($answer), '200 400', "$value: wrong data");
		like($answer->{body}, $why, 'and why');
	}
	# In one transaction with others, who do not suffer from it
	my @others = map { qlm_connect($node) } 1 .. 8;
	$others[$_]->send_request('POST', '/', body => envelope('M2', write_of("Valid/y$_", $_ == 3 ? 'plain' : $_ == 5 ? 'state 53100' : $_))) for 0 .. 7;
	is(join(' ', map { return_code($_->response) } @others), '200 200 200 400 200 503 200 200', 'each has its own answer');
	sql('ALTER TABLE qlm.value DROP CONSTRAINT cold');
};

# The same state: who has sent too much, and what the server has no more of
subtest 'limits' => sub {
	my $partition = do { post($node, envelope('M2', write_of('Limit/x', 1))); sql("SELECT max(tableoid::regclass::text) FROM qlm.value") };
	sql("CREATE INDEX narrow ON $partition (txt)");
	my $long = join '', map { chr(33 + rand 5) . chr(65 + rand 26) . chr(97 + rand 26) } 1 .. 20_000;
	my $answer = post($node, envelope('M2', write_of('Limit/x', $long =~ s/[&<]/x/gr)));
	is("$answer->{status} " . return_code($answer), '200 413', 'a key too large for an index of yours') or diag($answer->{body});
	sql('DROP INDEX qlm.narrow');
};

subtest 'several verbs in one message' => sub {
	my $both = envelope('M2', write_of('Both/a', 1) . write_of('Both/b', 'state 53100') . write_of('Both/c', 3) . read_of('Valid/y1'));
	my $answer = post($node, $both);
	is($answer->{status}, 503, 'one is refused for now');
	is(join(' ', return_codes($answer)), '503 503 503 200', 'so all that writes is');
	like($answer->{body}, qr/not done, as .*: it says state 53100/, 'with the reason');
	is(sql("SELECT count(*) FROM qlm.current WHERE path LIKE 'Both/%'"), 0, 'nothing was done');

	sql('ALTER TABLE qlm.value DISABLE TRIGGER validate');
	is(join(' ', return_codes(post($node, $both))), '200 200 200 200', 'the same again');
	is(join(' ', map { count_of("Both/$_") } qw(a b c)), '1 1 1', 'each once');
	sql('ALTER TABLE qlm.value ENABLE TRIGGER validate');

	$answer = post($node, envelope('M2', write_of('Both/d', 1) . write_of('Both/e', 'plain')));
	is($answer->{status} . ' ' . join(' ', return_codes($answer)), '200 200 400', 'what is refused for good does not concern the others');
	is(count_of('Both/d'), 1, 'they are done');

	# A poll that is undone has lost nothing.
	my ($id) = request_ids(post($node, read_envelope('M2', 'Both/a', interval => -1, ttl => -1)));
	post($node, envelope('M2', write_of('Both/a', 2)));
	my $poll = "<read><requestID>$id</requestID></read>";
	$answer = post($node, envelope('M2', $poll . write_of('Both/b', 'state 58030')));
	is($answer->{status} . ' ' . join(' ', return_codes($answer)), '503 503 503', 'a poll beside it');
	unlike($answer->{body}, qr{>2</value>}, 'brings nothing');
	like(post($node, envelope('M2', $poll))->{body}, qr{>2</value>}, 'and has what it would have brought');

	my $said = sql("SELECT qlm_handle('" . $both . "')");
	is(join(' ', return_codes($said)), '503 503 503 200', 'in SQL, too');
};

subtest 'large messages' => sub {
	my $answer = post($node, envelope('M2', write_of('Large/x', 'state 53100') . '<!--' . 'x' x 1_100_000 . '-->'));
	is("$answer->{status} " . return_code($answer), '503 503', 'refused for now, in a process of its own');
	like($answer->{headers}{'retry-after'} // '', qr/^[1-9]/, 'with when to come again');
};

subtest 'read only' => sub {
	sql('ALTER SYSTEM SET default_transaction_read_only = on');
	$node->reload;
	my $answer;
	wait_until(sub { $answer = post($node, envelope('M2', write_of('Only/x', 1))); $answer->{status} == 503 }, 'it is read only');
	is(return_code($answer), 503, 'a write is refused for now');
	is(post($node, envelope('M2', read_of('Valid/y1')))->{status}, 200, 'a read is answered');
	is(get($node, '/Objects/Valid/y1/value')->{body}, 1, 'as a look is');
	sql('ALTER SYSTEM RESET default_transaction_read_only');
	$node->reload;
	wait_until(sub { post($node, envelope('M2', write_of('Only/y', 1)))->{status} == 200 }, 'and then it is taken');
	is(count_of('Only/y'), 1);
};

# The server stops giving out transaction numbers before they wrap around.
subtest 'no transaction number is left' => sub {
	# Else the server would vacuum, whatever autovacuum says, and have numbers again.  (A
	# prepared transaction does that, too, but makes the server write 8 GB when it starts.)
	sql("SELECT pg_create_logical_replication_slot('oldest', 'pgoutput')");
	my $oldest = sql("SELECT min(datfrozenxid::text::bigint) FROM pg_database");
	my $next = $oldest + 2_147_483_647 - 2_900_000;
	my $page = int($next / 32768);

	$node->stop;
	my $file = sprintf '%s/pg_xact/%04X', $node->data_dir, int($page / 32);
	open my $segment, '>', $file or die $!;
	print $segment "\0" x 262_144;
	close $segment;
	$node->command_ok([ $node->config_data('--bindir') . '/pg_resetwal', '-x', $next, $node->data_dir ], 'they are used up');
	$node->append_conf('postgresql.conf', 'autovacuum = off');
	$node->start;
	wait_for_http($node);
	my $answer = post($node, envelope('M2', write_of('Wrap/x', 1)));
	is("$answer->{status} " . return_code($answer), '503 503', 'refused for now') or diag($answer->{body});
	like($answer->{body}, qr/wraparound/, 'and why');
	is(post($node, envelope('M2', read_of('Valid/y1')))->{status}, 200, 'reads are answered');
};

done_testing();
