# demo/run.sh --proxy: the fridge gets out through squid with a password only, and
# HAProxy in front of the plant ends what is silent for 30 s.

use strict;
use warnings FATAL => 'all';

use File::Temp ();
use PostgreSQL::Test::Utils;
use Test::More;

for my $program (qw(squid haproxy))
{
	plan skip_all => "$program is not installed" unless -x "/usr/sbin/$program";
}

my $folder = File::Temp->newdir();
$ENV{TMPDIR} = "$folder";
delete @ENV{qw(PGHOST PGPORT PGDATABASE PGUSER http_proxy no_proxy)};
my ($said, $error) = run_command([ "$ENV{TESTDIR}/demo/run.sh", '--proxy' ]);
my $failed = $?;

is($failed, 0, 'it plays to its end') or diag($said, "\n", $error);
is($error, '', 'without a complaint');
like($said, qr/Through squid, without the password:\s+HTTP status 407\n/, 'squid wants a password');
like($said, qr/With it:\s+\{"status":"ok"/, 'and then there is a way');
like($said, qr/it answered with HTTP status 407: the proxy wants other credentials/, 'a wrong password is named as such');
like($said, qr/calls of the fridge that squid has let through: +[1-9]/, 'all goes through squid');
like($said, qr/calls that HAProxy has ended with 504: +0\n/, 'HAProxy has nothing to end, as calls are held for less');
like($said, qr/^ plant \| 00:00:25 \| +\| http:\/\/\*{3}\@127\.0\.0\.1:\d+ +\| 127\.0\.0\.1:\d+ +\| +200 *$/m, 'qlm.stat_peer tells the way');
my ($after) = $said =~ /The answer to the first request then took\n +([0-9.]+) ms/;
cmp_ok($after // 'never', '<', 5000, 'a request after silence is not delayed for long');
like($said, qr/^ *20 \| /m, 'requests and answers, one after the other');
like($said, qr/Everything is stopped and removed/, 'all is stopped');
is_deeply([ glob "$folder/*" ], [], 'nothing is left');

is(system("$ENV{TESTDIR}/demo/run.sh --proxies >/dev/null 2>&1") >> 8, 1, 'an argument that is none');

done_testing();
