# A node in a company that lets nothing out but through a proxy with a password:
# squid with Basic and Digest, SOCKS5, tinyproxy, and Privoxy, which asks for none.

use strict;
use warnings FATAL => 'all';

use QlmReceiver;
use QlmSocketReceiver;
use QlmTest;
use QlmWayOut;
use Test::More;

plan skip_all => 'squid is not installed' unless -x '/usr/sbin/squid';

my $plant = qlm_node('plant', conf => "qlm.retry_delay = '1s'");
my $fridge = qlm_node('fridge', conf => <<EOC);
qlm.retry_delay = '500ms'
qlm.retry_max_delay = '1s'
qlm.no_proxy = ''
qlm.callback_allow = 'localhost'
EOC
my $plant_url = "http://localhost:$plant->{qlm_port}/peer/fridge";

sub outside { return $plant->safe_psql('postgres', $_[0]); }
sub inside { return $fridge->safe_psql('postgres', $_[0]); }

sub set
{
	my ($name, $value) = @_;

	inside("ALTER SYSTEM SET $name = '$value'");
	$fridge->reload;
	return;
}

sub last_error
{
	my ($since) = @_;

	return inside("SELECT last_error FROM qlm.stat_peer WHERE name = 'plant' AND last_failure > '" . ($since // '-infinity') . q{'});
}

sub ask
{
	my ($path) = @_;

	return outside("SELECT qlm_await(qlm_request('fridge', qlm_read_envelope('$path'), ttl => '2 min'), '60 s')");
}

outside("SELECT qlm_add_peer('fridge', role => 'qlm_writer', piggyback => true)");
inside("SELECT qlm_write('Fridge/t', 4.5)");

my %ways = (
	'squid with Basic' => sub { QlmWayOut->squid(user => 'fridge', secret => 'cold', scheme => 'basic') },
	'squid with Digest' => sub { QlmWayOut->squid(user => 'fridge', secret => 'cold', scheme => 'digest') });
$ways{'SOCKS5'} = sub { QlmWayOut->socks(user => 'fridge', secret => 'cold') } if -x '/usr/bin/microsocks';

$ways{'tinyproxy'} = sub { QlmWayOut->tinyproxy(user => 'fridge', secret => 'cold') } if -x '/usr/bin/tinyproxy';
$ways{'Privoxy'} = sub { QlmWayOut->privoxy } if -x '/usr/sbin/privoxy';

my $first = 1;
for my $name (sort keys %ways)
{
	subtest $name => sub {
		my $proxy = $ways{$name}->();

		set('qlm.proxy', $proxy->url('cold'));
		inside("SELECT qlm_add_peer('plant', url => '$plant_url', heartbeat => '1 s')") if $first;
		$first = 0;
		like(ask('Fridge/t'), qr/>4\.5</, 'a request comes in, and its answer goes out');
		if ($name =~ /squid|tinyproxy/)
		{
			like(join("\n", $proxy->requests), qr{^POST http://localhost:$plant->{qlm_port}/peer/fridge 200$}m, 'through the proxy') if $name =~ /squid/;
			if ($name eq 'squid with Basic')
			{
				my $asked = sub { return scalar grep { /407$/ } $proxy->requests };
				my $before = $asked->();
				like(ask('Fridge/t'), qr/>4\.5</, 'another one') for 1 .. 3;
				is($asked->(), $before, 'it need not ask for the secret each time');
				cmp_ok($before, '>', 0, 'but has');
			}
			my $since = inside('SELECT clock_timestamp()');
			set('qlm.proxy', $proxy->url('warm'));
			# tinyproxy says 401, and closes before it has read the message
			my $named = $name eq 'tinyproxy' ? qr/HTTP status 401|reset by peer|ended the connection/ : qr/HTTP status 407: the proxy wants other credentials/;
			wait_until(sub { return last_error($since) =~ $named }, 'a wrong secret is named as such');
			unlike(last_error(), qr/warm/, 'without the secret');
		}
		set('qlm.proxy', '');
		$proxy->stop;
	};
}

subtest 'a proxy that is not there' => sub {
	set('qlm.proxy', 'http://127.0.0.1:1');
	wait_until(sub { return last_error() =~ /127\.0\.0\.1 port 1|proxy/i }, 'is said: ' . last_error());
	set('qlm.no_proxy', 'localhost');
	like(ask('Fridge/t'), qr/>4\.5</, 'hosts in qlm.no_proxy are called without it');
};

subtest 'callbacks of others' => sub {
	my $proxy = QlmWayOut->squid(user => 'fridge', secret => 'cold', scheme => 'basic');
	my $receiver = QlmReceiver->new;
	my $callback = $receiver->url =~ s/127\.0\.0\.1/localhost/r;

	set('qlm.no_proxy', '');
	set('qlm.proxy', $proxy->url('cold'));
	inside("SELECT qlm_subscribe('Fridge/t', -1, '$callback')");
	inside("SELECT qlm_write('Fridge/t', 5)");
	like(($receiver->bodies(1))[0], qr/>5</, 'go without the proxy');
	is_deeply([ grep { /$receiver->{port}/ } $proxy->requests ], [], 'which knows nothing of them');

	# The dispatcher reads settings when it next looks, so an event more may be needed.
	my $event = sub { return inside("SELECT qlm_write('Fridge/t', extract(epoch FROM clock_timestamp()))"); };

	set('qlm.proxy_callbacks', 'on');
	wait_until(sub { $event->(); return grep { /POST \Q$callback\E 200/ } $proxy->requests }, 'and through it where a setting says so');
	set('qlm.callback_allow', '127.0.0.0/8');
	wait_until(sub {
			$event->();
			return inside(q{SELECT count(*) FROM qlm.outbox WHERE last_error LIKE '%qlm.callback_allow does not name this host%'}) > 0;
		}, 'qlm.callback_allow must name it, as the proxy resolves it');
	set('qlm.callback_allow', 'localhost');
	my $sockets = QlmSocketReceiver->new;
	my $url = $sockets->url =~ s/127\.0\.0\.1/localhost/r;
	inside("SELECT qlm_subscribe('Fridge/t', -1, '$url')");
	$event->();
	like(($sockets->messages(1))[0], qr/Fridge/, 'a WebSocket');
	$sockets->stop;
	wait_until(sub { return grep { /^CONNECT localhost:\d+ 200/ } $proxy->requests }, 'is a CONNECT, which the proxy notes at its end');
	$receiver->stop;
};

subtest 'what is no proxy' => sub {
	for my $wrong ('proxy.example', 'ftp://proxy.example', 'http://', 'http://a b/')
	{
		like(($fridge->psql('postgres', "ALTER SYSTEM SET qlm.proxy = '$wrong'"))[2], qr/invalid value.*\n.*http, https, socks5/, $wrong);
	}
	like(($fridge->psql('postgres', "ALTER SYSTEM SET qlm.no_proxy = 'a..b'"))[2], qr/neither a host name nor a network/, 'qlm.no_proxy');
	is(($fridge->psql('postgres', "ALTER SYSTEM SET qlm.no_proxy = $_"))[0], 0, "qlm.no_proxy = $_") for "'.example.com, 10.0.0.0/8'", "'*'";
	
	like(($fridge->psql('postgres', 'SET ROLE qlm_admin; SHOW qlm.proxy'))[2], qr/must be superuser|permission denied/, 'its secret is for superusers');
};

done_testing();
