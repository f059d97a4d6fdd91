# Calls that are held, on ways that let nothing be silent for long: boxes of all
# kinds, and real proxies.  What is cut is called again, for less; what is queued
# arrives all the same.

use strict;
use warnings FATAL => 'all';

use IO::Socket::INET;
use QlmBox;
use QlmFront;
use QlmSocket;
use QlmSocketReceiver;
use QlmTest;
use QlmWayOut;
use Test::More;

my $limit = 4;
my $plant = qlm_node('plant', conf => <<EOC);
qlm.retry_delay = '1s'
qlm.host_names = 'plant.example'
qlm.ping_interval = '1s'
EOC

# Whoever fails here is not heard of for a minute.
my $fridge = qlm_node('fridge', http => 0, conf => <<EOC);
qlm.retry_delay = '60s'
qlm.retry_max_delay = '60s'
qlm.listen_addresses = ''
qlm.ping_interval = '1s'
qlm.callback_allow = '127.0.0.1'
EOC

sub outside { return $plant->safe_psql('postgres', $_[0]); }
sub inside { return $fridge->safe_psql('postgres', $_[0]); }

sub stat_peer
{
	my ($way, $what) = @_;

	return inside("SELECT $what FROM qlm.stat_peer WHERE name = '$way'");
}

# Begin to call through a way.  Options: hold, what was learned of it before; proxy.
sub call
{
	my ($way, $port, %opt) = @_;

	outside("SELECT qlm_add_peer('$way', role => 'qlm_writer', piggyback => true)");
	inside("BEGIN; SELECT qlm_add_peer('$way', url => 'http://127.0.0.1:$port/peer/$way', heartbeat => '10 s', proxy => " . (defined $opt{proxy} ? "'$opt{proxy}'" : 'NULL') . "); UPDATE qlm.peer SET hold = '"
		  . ($opt{hold} // 25) . " s' WHERE name = '$way'; COMMIT");
	return;
}

# What each way says when it cuts
my %said = (
	close => qr/connection|reply|reset/i,
	504 => qr/^HTTP status 504$/,
	html => qr/^HTTP status 504$/,
	short => qr/^HTTP status 504$/,
	keep => qr/^HTTP status 504$/,
	forget => qr/^nothing came: /,
	haproxy => qr/^HTTP status 504$/,
	nginx => qr/^HTTP status 504 of nginx/,
	apache => qr/^HTTP status 50\d of Apache/,
	caddy => qr/^HTTP status 50\d of Caddy/,
	varnish => qr/^HTTP status 503 of Varnish/,
	lighttpd => qr/^HTTP status 50\d of lighttpd/,
	squid => qr/^HTTP status 50\d of squid/,
	tinyproxy => qr/connection|reply|HTTP status/i,
	privoxy => qr/connection|reply|HTTP status/i);
my %password = (user => 'fridge', secret => 'cold', scheme => 'basic');
my %box = map { $_ => QlmBox->new($plant->{qlm_port}, after => $limit, how => $_) } qw(close 504 html keep forget);
my %front = map { $_ => QlmFront->start($_, $plant, limit => $limit) } grep { $said{$_} } QlmFront::here();
$box{short} = QlmBox->new($plant->{qlm_port}, after => $limit / 2, how => 'html');

# The proxies through which a company lets its machines call out
my %out;
$out{squid} = QlmWayOut->squid(%password, limit => $limit) if -x '/usr/sbin/squid';
$out{tinyproxy} = QlmWayOut->tinyproxy(%password, limit => $limit) if -x '/usr/bin/tinyproxy';
$out{privoxy} = QlmWayOut->privoxy(limit => $limit) if -x '/usr/sbin/privoxy';
my @ways = sort keys %box, keys %front, keys %out;

note "ways that cut after $limit s: @ways";
inside("SELECT qlm_write('Fridge/t', 4.5)");

# A silent one costs the time that it was asked for, so it is begun with less.
call('forget', $box{forget}{port}, hold => 6);
call($_, $box{$_}{port}) for grep { $_ ne 'forget' } keys %box;
call($_, $front{$_}{port}) for keys %front;
call($_, $plant->{qlm_port}, proxy => $out{$_}->url('cold')) for keys %out;

subtest 'what a way allows is learned' => sub {
	for my $way (@ways)
	{
		ok(wait_until(sub { return stat_peer($way, "hold BETWEEN '1 s' AND LEAST('4 s', hold_cut_after)") eq 't' }, "$way: less is asked for"), "$way: less is asked for");
		like(stat_peer($way, 'hold_cut_by'), $said{$way}, 'it is said what has cut: ' . stat_peer($way, 'hold_cut_by'));
		is(stat_peer($way, "hold_cut_after BETWEEN '1.9 s' AND '14 s' AND hold_cut_at > now() - interval '10 min'"), 't', 'and when: after ' . stat_peer($way, 'hold_cut_after'));
	}
};

# Queued for all at once, at other moments of what they are held for each time
subtest 'a request arrives soon' => sub {
	my @rounds = representatives(3, 1, 3, 5, 2, 4, 6);

	for my $round (@rounds)
	{
		outside("SELECT pg_sleep(0.7 * $round)");
		outside("SELECT qlm_request(name, qlm_read_envelope('Fridge/t'), ttl => '2 min') FROM qlm.peer");
		wait_for_sql($plant, "SELECT count(*) FROM qlm.outbox WHERE state <> 'answered'", '0', 'all are answered');
	}
	is(outside("SELECT count(*) FROM qlm.outbox WHERE answer LIKE '%>4.5<%'"), @rounds * @ways, 'each with the value');
	for my $way (@ways)
	{
		my $longest = outside("SELECT max(answered_at - created_at) FROM qlm.outbox WHERE peer = '$way'");
		is(outside("SELECT interval '$longest' < interval '3 s'"), 't', "$way: the longest took $longest");
	}
};

subtest 'nobody has failed' => sub {
	is(stat_peer($_, "last_error"), "", "$_: nothing") for @ways;
};

subtest 'a restart learns nothing anew' => sub {
	my %before = map { $_ => [ scalar($box{$_}->asked), $box{$_}->cuts, stat_peer($_, 'extract(epoch FROM hold)::int') ] } keys %box;

	$fridge->restart;
	for my $way (sort keys %box)
	{
		my ($n, $cuts, $hold) = @{ $before{$way} };
		ok(wait_until(sub { return $box{$way}->asked > $n + 1 }, 'it is called'), "$way: it is called again");
		my @asked = $box{$way}->asked;
		cmp_ok($asked[$n], '<=', $hold + 1, "for $asked[$n] s, as before");
	}
};

subtest 'what fails at once, or always, is a failure' => sub {
	my $silent = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 100);
	my %broken = (
		'502 at once' => QlmBox->new($silent->sockport, after => 0, how => '502'),
		'502 after 2 s' => QlmBox->new($silent->sockport, after => 2, how => '502'),
		'the end at once' => QlmBox->new($silent->sockport, after => 0, how => 'close'),
		'the end after 2 s' => QlmBox->new($silent->sockport, after => 2, how => 'close'));

	for my $way (sort keys %broken)
	{
		my $peer = $way =~ s/ /_/gr;

		call($peer, $broken{$way}{port});
		ok(wait_until(sub { return stat_peer($peer, 'last_error IS NOT NULL') eq 't' }, "$way is a failure"), "$way is a failure: " . stat_peer($peer, 'last_error'));
		cmp_ok(scalar($broken{$way}->asked), '<=', 4, 'after ' . $broken{$way}->asked . ' calls');
	}
	outside("SELECT pg_sleep(3)");
	cmp_ok(scalar($broken{$_}->asked), '<=', 4, "$_: and is not called on and on") for sort keys %broken;
};

subtest 'WebSockets are pinged more often than networks forget them' => sub {
	my $receiver = QlmSocketReceiver->new;
	my $out = QlmBox->new($receiver->{port}, after => $limit, how => 'forget');
	my $in = QlmBox->new($plant->{qlm_port}, after => $limit, how => 'forget');
	my $device = qlm_socket($plant, port => $in->{port}, path => '/peer/device');

	outside("SELECT qlm_add_peer('device', role => 'qlm_writer', dialect => 'Q1')");
	is(return_code($device->request(envelope('Q1', '<read/>'))), 200, 'one that a device opens');
	inside("SELECT qlm_subscribe('Fridge/t', -1, 'ws://127.0.0.1:$out->{port}/')");
	inside("SELECT qlm_write('Fridge/t', 5)");
	like(($receiver->messages(1))[0], qr/>5</, 'one that this node opens');
	$device->receive(timeout => 2 * $limit + 1);
	inside("SELECT qlm_write('Fridge/t', 6)");
	like(($receiver->messages(2))[1], qr/>6</, 'after silence an event arrives');
	is(scalar($receiver->heads), 1, 'on the same');
	outside("SELECT qlm_request('device', qlm_read_envelope('D/x'))");
	like($device->receive // '', qr/<read/, 'and a request on the other');
	is($out->cuts + $in->cuts, 0, 'neither was forgotten');
	$device->close;
	$receiver->stop;
};

subtest 'another way' => sub {
	my $box = QlmBox->new($plant->{qlm_port}, after => 60, how => 'close');

	inside("UPDATE qlm.peer SET url = 'http://127.0.0.1:$box->{port}/peer/504' WHERE name = '504'");
	ok(wait_until(sub { return scalar($box->asked) > 0 }, 'it is called'), 'a peer that has another URL is called there');
	is(($box->asked)[0], 25, 'and asked for as much as any');
};

$_->stop for values %front, values %out;
done_testing();
