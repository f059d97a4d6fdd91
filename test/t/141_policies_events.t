# Events, looks and piggy-backed requests under policies: one worker serves three roles,
# each of which gets what its policies show at that moment, whoever was there before.

use strict;
use warnings FATAL => 'all';

use QlmPeer;
use QlmReceiver;
use QlmSocket;
use QlmTest;
use Test::More;

my @roles = qw(chef kitchen cellar);
my %house = (kitchen => 'Kitchen', cellar => 'Cellar');
my $node = qlm_node('events', conf => <<'EOC');
qlm.http_workers = 1
qlm.callback_allow = '127.0.0.1'
EOC

sub sql
{
	my ($sql, $role) = @_;

	return $node->safe_psql('postgres', $sql, extra_params => [ '-U', $role // 'postgres' ]);
}

sql(<<'EOQ');
CREATE ROLE chef LOGIN IN ROLE qlm_writer;
CREATE ROLE kitchen LOGIN IN ROLE qlm_writer;
CREATE ROLE cellar LOGIN IN ROLE qlm_writer;
SELECT qlm_add_peer(r, role => r, piggyback => true) FROM unnest('{chef,kitchen,cellar}'::text[]) r;
CREATE VIEW public.place AS SELECT info_item_id, split_part(path, '/', 1) AS house FROM qlm.info_item;
CREATE TABLE public.sees (role text, house text);
INSERT INTO public.sees VALUES ('chef', 'Kitchen'), ('chef', 'Cellar'), ('kitchen', 'Kitchen'), ('cellar', 'Cellar');
CREATE FUNCTION public.sees(h text) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS
	$$ SELECT EXISTS (SELECT FROM public.sees s WHERE s.house = h AND s.role = current_setting('app.who')) $$;
GRANT SELECT ON public.place, public.sees TO PUBLIC;
SELECT qlm_write('Kitchen/valve', '0', '2026-01-01Z'), qlm_write('Cellar/valve', '0', '2026-01-01Z');
EOQ

my $seen = '(SELECT s.house FROM public.sees s WHERE s.role = current_user)';
my %policies = (
	object => "split_part(path, '/', 1) IN $seen",
	info_item => "split_part(path, '/', 1) IN $seen",
	value => "EXISTS (SELECT FROM public.place p WHERE p.info_item_id = value.info_item_id AND p.house IN $seen)");

my $subscribe = '<read interval="-1"%s><msg>' . objects('M2', 'Kitchen/valve') =~ s{</Objects>}{<Object><id>Cellar</id><InfoItem name="valve"/></Object></Objects>}r . '</msg></read>';

sub subscribe
{
	my ($callback) = @_;

	return envelope('M2', sprintf($subscribe, defined $callback ? " callback=\"$callback\"" : ''), ttl => -1);
}

my %at = map { $_ => { receiver => QlmReceiver->new, socket => qlm_socket($node, path => "/peer/$_") } } @roles;

for my $role (@roles)
{
	post($node, subscribe($at{$role}{receiver}->url), path => "/peer/$role");
	($at{$role}{id}) = request_ids(post($node, subscribe(), path => "/peer/$role"));
	$at{$role}{socket}->request(subscribe('0'));
	$at{$role}{called} = QlmPeer->new;
	sql("SELECT qlm_add_peer('called_$role', role => '$role', url => '" . $at{$role}{called}->url . "')");
}

sub values_in { return join ' ', sort { $a <=> $b } map { m{<value[^>]*>([^<]*)</value>}g } @_; }

my $number = 0;
my %posted = map { $_ => [] } @roles;

# Somebody writes both houses; what has each role had of it?
sub write_and_compare
{
	my ($what, @order) = @_;
	my %written = map { $_ => ++$number } 'Kitchen', 'Cellar';
	my @wrong;

	sql("SELECT qlm_write('$_/valve', '$written{$_}')") for sort keys %written;
	my $marker = ++$number;
	for my $role (@order)
	{
		my @houses = split ' ', sql("SELECT string_agg(house, ' ') FROM public.sees WHERE role = '$role'");
		my %sees = map { $_ => 1 } @houses;
		my $expected = join ' ', sort { $a <=> $b } map { $written{$_} } @houses;
		my $polled = values_in(post($node, envelope('M2', "<read><requestID>$at{$role}{id}</requestID></read>"), path => "/peer/$role")->{body});
		my @bodies = $at{$role}{receiver}->bodies(@{ $posted{$role} } + @houses);
		my $posted = values_in(@bodies[ scalar(@{ $posted{$role} }) .. $#bodies ]);
		my $pushed = values_in(map { $at{$role}{socket}->receive(timeout => 10) } @houses);

		$posted{$role} = \@bodies;
		push @wrong, "$role polls $polled instead of $expected" if $polled ne $expected;
		push @wrong, "$role is posted $posted instead of $expected" if $posted ne $expected;
		push @wrong, "$role is pushed $pushed instead of $expected" if $pushed ne $expected;
		for my $house (sort keys %written)
		{
			my $status = get($node, "/Objects/$house/valve/value?peer=$role")->{status};

			push @wrong, "$role looks at $house: $status" if $status != ($sees{$house} ? 200 : 404);
		}

		# Requests that are nested in the answer of one that this node calls
		sql("SELECT qlm_request('called_$role', qlm_read_envelope('Dev/x'))");
		my $called = $at{$role}{called};
		my $nested = join '', map { '<write><msg>' . objects('M2', "$_/valve", '<value dateTime="2026-01-0' . ($_ eq 'Kitchen' ? 2 : 3) . "T00:00:00Z\">$marker</value>") . '</msg></write>' } sort keys %written;
		$called->answer($called->request, envelope('M2', '<response><result><return returnCode="200"/>' . envelope('M2', $nested) . '</result></response>'));
		$called->answer($called->request('answer'), envelope('M2', '<response><result><return returnCode="200"/></result></response>'));
		my $stored = sql("SELECT string_agg(split_part(path, '/', 1), ' ' ORDER BY path) FROM qlm.history WHERE value = '$marker'") || 'nothing';
		my $may = join(' ', sort @houses) || 'nothing';

		push @wrong, "$role nests a write that is stored in $stored instead of $may" if $stored ne $may;
		sql("DELETE FROM qlm.value WHERE num = $marker");
	}
	is(join("\n", @wrong), '', "$what: " . join(', ', @order));
	return;
}

my @orders = ([ 0, 1, 2 ], [ 2, 1, 0 ], [ 1, 0, 2 ]);

for my $table (sort keys %policies)
{
	sql("ALTER TABLE qlm.$table ENABLE ROW LEVEL SECURITY; CREATE POLICY house ON qlm.$table TO chef, kitchen, cellar USING ($policies{$table})");
	for my $order (@orders[ 0 .. (long_run() ? 2 : 1) ])
	{
		write_and_compare("a policy on $table", @roles[@$order]);
		sql("UPDATE public.sees SET role = CASE role WHEN 'kitchen' THEN 'cellar' ELSE 'kitchen' END WHERE role <> 'chef'");
		write_and_compare('then the roles see the other house', @roles[@$order]);
		sql("UPDATE public.sees SET role = CASE role WHEN 'kitchen' THEN 'cellar' ELSE 'kitchen' END WHERE role <> 'chef'");
	}
	sql("DROP POLICY house ON qlm.$table; CREATE POLICY house ON qlm.$table TO chef, kitchen, cellar USING (true)");
	sql("INSERT INTO public.sees VALUES ('kitchen', 'Cellar'), ('cellar', 'Kitchen')");
	write_and_compare("another policy on $table", @roles);
	sql("DELETE FROM public.sees WHERE (role, house) IN (('kitchen', 'Cellar'), ('cellar', 'Kitchen'))");
	sql("DROP POLICY house ON qlm.$table; ALTER TABLE qlm.$table DISABLE ROW LEVEL SECURITY");
}

subtest 'a policy by a setting' => sub {
	sql("DELETE FROM qlm.subscription; ALTER TABLE qlm.info_item ENABLE ROW LEVEL SECURITY; CREATE POLICY chef ON qlm.info_item TO chef USING (true);"
		. " CREATE POLICY tenant ON qlm.info_item TO kitchen USING (path ^@ (current_setting('app.tenant', true) || '/'))");
	my $receiver = QlmReceiver->new;
	my $all = QlmReceiver->new;
	my $id = sql("SET app.tenant = 'Kitchen'; SELECT qlm_subscribe('', -1)", 'kitchen');

	sql("SELECT qlm_subscribe('', -1, '" . $receiver->url . "')", 'kitchen');
	sql("SELECT qlm_subscribe('', -1, '" . $all->url . "')", 'chef');

	# One session for several tenants, as behind a pool
	my $session = $node->background_psql('postgres', extra_params => [ '-U', 'kitchen' ]);
	for my $tenant ('Cellar', 'Kitchen')
	{
		in_session($session, "SET app.tenant = '$tenant'");
		in_session($session, "SELECT qlm_write('$tenant/valve', '" . ++$number . "')");
	}
	my ($cellar, $kitchen) = ($number - 1, $number);
	is(values_in($all->bodies(2)), "$cellar $kitchen", 'who may see all is told all');
	is(values_in($receiver->bodies(0)), '', 'what a writer has set is not taken for what a subscriber has');
	is(in_session($session, "SELECT string_agg(value, ' ') FROM qlm_poll($id)"), $kitchen, 'a poll goes by the setting of who polls');
	in_session($session, "SELECT qlm_write('Kitchen/valve', '" . ++$number . "')");
	in_session($session, 'DISCARD ALL');
	is(in_session($session, "SELECT count(*) FROM qlm_poll($id)"), 0, 'without one it has nothing');
	in_session($session, "BEGIN; SET LOCAL app.tenant = 'Kitchen'");
	is(in_session($session, "SELECT string_agg(path, ' ') FROM qlm_read('')"), 'Kitchen/valve', 'in a transaction it is set for that');
	in_session($session, 'COMMIT');
	is(in_session($session, "SELECT count(*) FROM qlm_read('')"), 0, 'and not after it');
	$session->quit;

	$session = $node->background_psql('postgres');
	in_session($session, "SET app.tenant = 'Kitchen'");
	for my $role ('chef', 'kitchen', 'cellar')
	{
		in_session($session, "SET ROLE $role");
		is(in_session($session, "SELECT count(*) FROM qlm_read('')"), { chef => 2, kitchen => 1, cellar => 0 }->{$role}, "SET ROLE $role: what that sees");
	}
	in_session($session, 'RESET ROLE');
	is(in_session($session, "SELECT count(*) FROM qlm_read('')"), 2, 'and RESET ROLE');
	$session->quit;

	# What the database says holds for all.
	sql("ALTER DATABASE postgres SET app.tenant = 'Cellar'");
	sql("SET app.tenant = 'Kitchen'; SELECT qlm_write('Cellar/valve', '" . ++$number . "'), qlm_write('Kitchen/valve', '0')");
	is(values_in($receiver->bodies(1)), $number, 'a setting of the database is everybody\'s');
};

$node->stop;
done_testing();
