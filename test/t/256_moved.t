# A peer whose name leads to another address is called there, though something still
# answers at the old one.

use strict;
use warnings FATAL => 'all';

use File::Basename qw(dirname);
use PostgreSQL::Test::Utils;
use QlmClock;
use QlmPeer;
use QlmSocketReceiver;
use QlmTest;
use Test::More;
use Time::HiRes qw(sleep);

# Names of a server that is started with it lead to where a file says.
my $folder = PostgreSQL::Test::Utils::tempdir();
my $library = "$folder/moved_name.so";
my $source = dirname(__FILE__) . '/../unit/moved_name.c';
plan skip_all => 'there is no compiler' if system("\${CC:-cc} -O1 -shared -fPIC '$source' -o '$library' -ldl") != 0;

sub move_to
{
	my ($address) = @_;

	append_to_file("$folder/new", $address);
	rename "$folder/new", "$folder/address" or die $!;
	return;
}

my $node = qlm_node('node', start => 0, conf => "qlm.connection_age = '1s'\nqlm.callback_allow = '127.0.0.1'\nqlm.retry_delay = '100ms'\nqlm.retry_max_delay = '500ms'");
{
	local $ENV{QLM_MOVED_NAME} = "$folder/address";
	local $ENV{LD_PRELOAD} = $library;
	move_to('127.0.0.1');
	$node->start;
}
$node->safe_psql('postgres', 'CREATE EXTENSION qlm');
wait_for_http($node);
sub sql { return $node->safe_psql('postgres', $_[0]); }

my $ok = envelope('M2', '<response><result><return returnCode="200"/></result></response>');

subtest 'heartbeats' => sub {
	my $old = QlmPeer->new;
	my $new = QlmPeer->new(address => '127.0.0.2', port => $old->{port});

	sql("SELECT qlm_add_peer('p', url => 'http://plant.moved.test:$old->{port}/', heartbeat => '20 ms')");
	my $first = $old->request('beat');
	$old->answer($first, $ok);
	my $second = $old->request('beat');
	is($second->{socket}, $first->{socket}, 'a connection is used again');
	$old->answer($second, $ok);
	wait_for_sql($node, "SELECT called_address || ' ' || called_status || ' ' || called_answer FROM qlm.stat_peer", "127.0.0.1:$old->{port} 200 an envelope", 'where to is shown');
	move_to('127.0.0.2');
	my $beat;
	my $end = running_time() + 60 * $QlmTest::PATIENCE;
	until ($beat || running_time() > $end)
	{
		my $other = $old->request('beat', 0.05);
		$old->answer($other, $ok) if $other;
		$beat = $new->request('beat', 0.01);
	}
	ok($beat, 'the name is looked up again while the old one still answers');
	$new->answer($beat, $ok);
	$new->answer($new->request('beat'), $ok);
	wait_for_sql($node, 'SELECT called_address FROM qlm.stat_peer', "127.0.0.2:$old->{port}", 'and the new address is shown');
	sql("SELECT qlm_drop_peer('p')");
};

subtest 'WebSockets' => sub {
	my $receiver = QlmSocketReceiver->new;
	my $url = $receiver->url =~ s/127\.0\.0\.1/sockets.moved.test/r;

	move_to('127.0.0.1');
	sql("SELECT qlm_write('A/x', 1)");
	sql("SELECT qlm_subscribe('A/x', -1, '$url')");
	sql("SELECT qlm_write('A/x', 2)");
	$receiver->messages(1);
	my $n = 2;
	wait_until(sub { sql("SELECT qlm_write('A/x', " . ++$n . ")"); return $receiver->heads > 1 }, 'are opened anew after some time');
	my $last = $receiver->messages($n - 1);
	is($last, $n - 1, 'and nothing is lost');
	wait_until(sub { return $receiver->closes > 0 }, 'the one before is closed');
	$receiver->stop;
};

done_testing();
