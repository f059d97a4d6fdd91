# Subscriptions by names that are, or become, aliases: every process follows at
# once, whoever writes, and whatever way the events go.

use strict;
use warnings FATAL => 'all';

use QlmReceiver;
use QlmSocket;
use QlmTest;
use Test::More;

my $node = qlm_node('alias', conf => <<EOC);
qlm.anonymous_role = 'qlm_writer'
qlm.callback_allow = '127.0.0.1'
qlm.http_workers = 3
EOC

sub sql { return $node->safe_psql('postgres', $_[0]); }

sub values_in
{
	return map { m{<value[^>]*>([^<]*)</value>}g } @_;
}

sub subscription
{
	my ($path, $interval, $callback) = @_;

	return envelope('M2', qq{<read msgformat="odf" interval="$interval"} . (defined $callback ? qq{ callback="$callback">} : '>') .
		  '<msg>' . objects('M2', $path) . '</msg></read>', ttl => -1);
}

sub subscribe
{
	return (request_ids(post($node, subscription(@_))))[0];
}

sub poll
{
	my ($id) = @_;

	return join ' ', values_in(post($node, envelope('M2', "<read><requestID>$id</requestID></read>"))->{body});
}

# A device with an alias of its own
sub device
{
	my ($id, $alias, $value) = @_;

	return envelope('M2', qq{<write msgformat="odf"><msg><Objects><Object><id>$id</id><id>$alias</id><InfoItem name="temperature">} .
		  "<altname>temp</altname><value>$value</value></InfoItem></Object></Objects></msg></write>");
}

# Connections that reach all server workers; the last one is an SQL session.
my @connections = map { qlm_connect($node) } 1 .. 8;
my $session = $node->background_psql('postgres');

sub write_everywhere
{
	my ($path, $what) = @_;
	my $n = 0;

	for my $connection (@connections)
	{
		$n++;
		$connection->request('POST', '/', body => write_envelope('M2', $path, "$what-$n"));
	}
	in_session($session, "SELECT qlm_write('$path', '$what-sql')");
	return join ' ', map { "$what-$_" } 1 .. $n, 'sql';
}

subtest 'a device that comes under another first id' => sub {
	my $receiver = QlmReceiver->new;
	my $first = QlmReceiver->new;
	my $ticking = QlmReceiver->new;
	my $socket = qlm_socket($node);
	my $listener = $node->background_psql('postgres');
	my $polled = subscribe('urn:a/temp', -1);
	my $ticks = subscribe('urn:a/temp', 0.1);

	subscribe('urn:a/temp', -1, $receiver->url);
	subscribe('urn:a/temp', -2, $first->url);
	subscribe('urn:a/temp', 0.1, $ticking->url);
	is(return_code($socket->request(subscription('urn:a/temp', -1, 0))), 200, 'it is subscribed to in all ways');
	my $notified = $listener->query_safe("LISTEN alias; SELECT qlm_subscribe('urn:a/temp', -1, 'notify:alias')");

	# Every process has met other names before.
	write_everywhere('Other/x', 'other');
	is(return_code(post($node, device('A1', 'urn:a', 1))), 200, 'it comes');
	is(poll($polled), '1', 'polled');
	is(join(' ', values_in($receiver->bodies(1))), '1', 'a callback');
	is(join(' ', values_in($first->bodies(1))), '1', 'interval -2');
	is(join(' ', values_in($socket->receive)), '1', 'a WebSocket');
	ok(wait_until(sub { $listener->query('SELECT 1') =~ /Asynchronous notification "alias" with payload "$notified"/ }), 'NOTIFY');
	is(sql("SELECT string_agg(value, ' ') FROM qlm_poll($notified)"), '1', 'after which it is polled');
	ok(wait_until(sub { (values_in(($ticking->bodies(1))[-1]))[0] // '' eq '1' }), 'an interval with a callback');
	ok(wait_until(sub { (split ' ', poll($ticks))[-1] // '' eq '1' }), 'and one that is polled');
	like(($receiver->bodies(1))[0], qr{<id>A1</id><id>urn:a</id><InfoItem name="temperature">}, 'what comes has its own name, and its ids');

	my $all = write_everywhere('A1/temperature', 'more');
	is(poll($polled), $all, 'whichever process writes');
	is(join(' ', values_in($receiver->bodies(10))), "1 $all", 'to the callback, too');
	$listener->quit;
};

subtest 'the alias goes from device to device' => sub {
	my $id = subscribe('urn:b/temp', -1);

	post($node, write_envelope('M2', "$_/temperature", 0)) for 'B1', 'B2';
	sql(q{UPDATE qlm.info_item SET alt_names = '["temp"]' WHERE path LIKE 'B%'});
	write_everywhere("$_/temperature", 'before') for 'B1', 'B2';
	is(poll($id), '', 'nothing before there is one');

	for my $round (1 .. 6)
	{
		my ($from, $to) = $round % 2 ? ('B2', 'B1') : ('B1', 'B2');

		if ($round % 3 == 0)
		{
			sql(q{DELETE FROM qlm.object_id WHERE id = 'urn:b'});
			post($node, envelope('M2', qq{<write msgformat="odf"><msg><Objects><Object><id>$to</id><id>urn:b</id></Object></Objects></msg></write>}));
		}
		else
		{
			sql(qq{DELETE FROM qlm.object_id WHERE id = 'urn:b';
				INSERT INTO qlm.object_id (object_id, id, position) SELECT object_id, 'urn:b', 1 FROM qlm.object WHERE path = '$to'});
		}
		my $all = write_everywhere("$to/temperature", $to);
		write_everywhere("$from/temperature", $from);
		is(poll($id), $all, "round $round: $to and no other, from every process");
	}
	sql(q{DELETE FROM qlm.object_id WHERE id = 'urn:b'});
	write_everywhere("$_/temperature", 'after') for 'B1', 'B2';
	is(poll($id), '', 'nothing when it is gone');
};

subtest 'what is undone tells nobody' => sub {
	my $id = subscribe('urn:c/temp', -1);

	post($node, write_envelope('M2', 'C1/temp', 0));
	in_session($session, q{BEGIN; INSERT INTO qlm.object_id (object_id, id, position) SELECT object_id, 'urn:c', 1 FROM qlm.object WHERE path = 'C1'});
	$_->request('POST', '/', body => write_envelope('M2', 'C1/temp', 'early')) for @connections;
	in_session($session, q{SELECT qlm_write('C1/temp', 'seen by itself')});
	in_session($session, 'ROLLBACK');
	write_everywhere('C1/temp', 'late');
	is(poll($id), '', 'neither before nor after');
};

done_testing();
