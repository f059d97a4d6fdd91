# Which server the programs of test/, demo/ and bench/ build for, and what they would
# install: on machines with several servers, with parts of servers, and with libpq-dev,
# whose pg_config names folders that need not be there.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use Test::More;

my $top = abs_path(dirname(__FILE__) . '/../..');

sub write_program
{
	my ($file, $text) = @_;

	make_path(dirname($file));
	open(my $program, '>', $file) or die "$file: $!";
	print $program "#!/bin/sh\n$text";
	close $program;
	chmod 0755, $file or die "$file: $!";
	return;
}

# A pg_config that says what Debian's packages of this version have, whether
# they are there or not
sub write_pg_config
{
	my ($file, $servers, $major) = @_;
	my $prefix = "$servers/$major";

	write_program($file, <<"END");
case \$1 in
    --version) echo 'PostgreSQL $major.4 (Debian $major.4-1)' ;;
    --bindir) echo $prefix/bin ;;
    --includedir-server) echo $prefix/include ;;
    --pgxs) echo $prefix/lib/pgxs.mk ;;
    --sharedir) echo $prefix/share ;;
esac
END
	return;
}

# A machine: parts of versions, as in '15' => [qw(client server headers)], and the
# version that pg_config in the path is for (Debian's fails if there is none).
sub machine
{
	my (%versions) = @_;
	my $root = tempdir(CLEANUP => 1);
	my $servers = "$root/servers";
	my $path = delete $versions{path};

	make_path($servers, "$root/bin");
	if ($path)
	{
		write_pg_config("$root/bin/pg_config", $servers, $path);
	}
	else
	{
		write_program("$root/bin/pg_config", "exit 1\n");
	}
	for my $major (keys %versions)
	{
		my %has = map { $_ => 1 } @{ $versions{$major} };
		my $prefix = "$servers/$major";

		if ($has{client})
		{
			write_pg_config("$prefix/bin/pg_config", $servers, $major);
			write_program("$prefix/lib/pgxs.mk", '');
		}
		write_program("$prefix/bin/$_", '') for $has{server} ? qw(postgres initdb) : ();
		write_program("$prefix/include/postgres.h", '') if $has{headers};
	}
	# what the distribution's metapackage stands for
	write_program("$root/bin/apt-cache", "echo '  Depends: postgresql-17'\n");
	return $root;
}

# What the shell functions say there; with the servers' folder as SERVERS
sub ask
{
	my ($root, $command, %environment) = @_;

	local %ENV = (%ENV, %environment);
	delete $ENV{PG_CONFIG} unless exists $environment{PG_CONFIG};
	my $said = `cd '$root' && PATH='$root/bin':/usr/bin:/bin bash -c '
		set -euo pipefail
		. $top/test/lib.sh
		DEBIAN_SERVERS=$root/servers
		$command' ask 2>&1`;
	$said =~ s{\Q$root\E/}{}g;
	$said =~ s/\n+\z//;
	return $said;
}

# The server that is built for, and which packages of servers would be installed
sub chosen
{
	my ($root, %environment) = @_;

	return ask($root, 'find_pg_config; find_missing; printf "%s\n" ${MISSING[@]+"${MISSING[@]}"} | grep "^postgresql" || true',
		%environment);
}

is(chosen(machine()), "postgresql-17\npostgresql-server-dev-17", 'nothing there: the packages of the distribution');
is(chosen(machine(path => 15)), "postgresql-17\npostgresql-server-dev-17",
	'only libpq-dev, of whatever version: the packages of the distribution');
is(chosen(machine(path => 15, 15 => [qw(client)])), "postgresql-17\npostgresql-server-dev-17", 'a client is no server');
is(chosen(machine(path => 15, 15 => [qw(client server)])), "bin/pg_config\npostgresql-server-dev-15",
	'a server and libpq-dev: the headers are missing');
is(chosen(machine(path => 18, 15 => [qw(client server)])), "servers/15/bin/pg_config\npostgresql-server-dev-15",
	'... also if libpq-dev is of another version');
is(chosen(machine(path => 17, 17 => [qw(client)], 15 => [qw(client server headers)])), 'servers/15/bin/pg_config',
	'a newer client beside a complete server: the server');
is(chosen(machine(path => 17, 17 => [qw(client server)], 15 => [qw(client server headers)])), 'servers/15/bin/pg_config',
	'a newer server without headers: the one that has them');
is(chosen(machine(path => 15, map { $_ => [qw(client server headers)] } 15 .. 17)), 'bin/pg_config',
	'several complete ones: that of the path');
is(chosen(machine(map { $_ => [qw(client server headers)] } 15 .. 17)), 'servers/17/bin/pg_config',
	'... or the newest');
is(chosen(machine(path => 15, 15 => [qw(client headers)])), "bin/pg_config\npostgresql-15", 'headers without a server: the server is missing');
is(chosen(machine(path => 14, 14 => [qw(client server headers)])), "postgresql-17\npostgresql-server-dev-17",
	'one that is too old is none');

subtest 'who names a pg_config means this one' => sub {
	my $several = machine(path => 17, 14 => [qw(client server headers)], 15 => [qw(client server)], 17 => [qw(client server headers)]);

	is(chosen($several, PG_CONFIG => "$several/servers/15/bin/pg_config"), "servers/15/bin/pg_config\npostgresql-server-dev-15",
		'PG_CONFIG: no other, and its headers are missing');
	is(ask($several, 'check_pg_config; echo fine', PG_CONFIG => "$several/servers/15/bin/pg_config"), 'fine', 'packages can complete it');
	like(ask($several, 'check_pg_config; echo fine', PG_CONFIG => "$several/servers/14/bin/pg_config"),
		qr/PG_CONFIG is .* of PostgreSQL 14\.4 .*qlm needs PostgreSQL 15 or later$/, 'PG_CONFIG of one that is too old');
	like(ask($several, 'check_pg_config; echo fine', PG_CONFIG => '/no/pg_config'), qr/PG_CONFIG is '\/no\/pg_config', which does not run$/,
		'PG_CONFIG of none');
	like(ask($several, 'DEBIAN_SERVERS=/usr/lib/none; check_pg_config; echo fine', PG_CONFIG => "$several/servers/15/bin/pg_config"),
		qr/the server's headers are not in servers\/15\/include$/, 'PG_CONFIG of one that no package completes');
};

subtest 'without root and sudo it is said what to install' => sub {
	SKIP:
	{
		skip 'only as an unprivileged user', 2 if $> == 0;
		my $poor = machine(path => 15, 15 => [qw(client server)]);

		write_program("$poor/bin/apt-get", "exit 1\n");
		like(ask($poor, 'have() { [ "$1" != sudo ] && command -v "$1" >/dev/null 2>&1; }; need_packages'),
			qr/neither root nor sudo is there to install them: apt-get install .*postgresql-server-dev-15/,
			'what to install is said to who cannot');
		like(ask($poor, 'have() { case $1 in sudo | */squid | */haproxy) return 1 ;; esac; command -v "$1" >/dev/null 2>&1; }
		need_packages proxies && echo played'), qr/neither root nor sudo is there to install them: apt-get install .*squid haproxy$/,
			'proxies for the demo, too');
	}
};

subtest 'make looks for the headers, too' => sub {
	my $headless = machine(path => 15, 15 => [qw(client server)]);
	my $said = `make -C '$top' -n PG_CONFIG='$headless/bin/pg_config' 2>&1`;

	like($said, qr{needs the server's headers, and \Q$headless\E/servers/15/include/postgres\.h is not there: apt-get install postgresql-server-dev-15},
		'make says which package has the headers');
	unlike(`make -C '$top' -n clean PG_CONFIG=/no/pg_config 2>&1`, qr/\*\*\*/, 'make clean needs no server');
};

done_testing();
