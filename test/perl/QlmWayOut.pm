
=head1 NAME

QlmWayOut - proxies through which a company lets its machines call out

=head1 SYNOPSIS

  my $squid = QlmWayOut->squid(user => 'fridge', secret => 'cold', scheme => 'basic');
  my $socks = QlmWayOut->socks(user => 'fridge', secret => 'cold');

  $squid->url('cold');            # http://fridge:cold@127.0.0.1:PORT
  $squid->requests;               # its log: what was asked for, and the status

=cut

package QlmWayOut;

use strict;
use warnings FATAL => 'all';

use Digest::MD5 qw(md5_hex);
use File::Temp ();
use IO::Socket::INET;
use PostgreSQL::Test::Utils;
use POSIX ();
use QlmTest;

sub start
{
	my ($self, @command) = @_;

	$self->{pid} = fork() // die $!;
	if ($self->{pid} == 0)
	{
		open STDOUT, '>', "$self->{folder}/out" or POSIX::_exit(1);
		open STDERR, '>&', \*STDOUT or POSIX::_exit(1);
		exec @command or POSIX::_exit(1);
	}
	QlmTest::wait_until(
		sub { return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port}) },
		"$command[0] listens") or print STDERR slurp_file("$self->{folder}/out");
	return $self;
}

sub create
{
	my ($class, %self) = @_;

	return bless { %self, folder => File::Temp->newdir(), port => QlmTest::free_port() }, $class;
}

sub squid
{
	my ($class, %opt) = @_;
	my $self = $class->create(%opt, kind => 'http');
	my $folder = "$self->{folder}";
	my $auth = "auth_param basic program /usr/lib/squid/basic_ncsa_auth $folder/passwords\nauth_param basic realm way out";
	my $password = "$opt{user}:" . crypt($opt{secret}, '$5$qlm$') . "\n";

	if ($opt{scheme} eq 'digest')
	{
		$auth = "auth_param digest program /usr/lib/squid/digest_file_auth -c $folder/passwords\nauth_param digest realm way out";
		$password = "$opt{user}:way out:" . md5_hex("$opt{user}:way out:$opt{secret}") . "\n";
	}
	append_to_file("$folder/passwords", $password);
	append_to_file("$folder/conf", <<"EOC");
http_port 127.0.0.1:$self->{port}
$auth
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all
cache deny all
pid_filename $folder/pid
access_log stdio:$folder/requests
logfile_rotate 0
cache_log $folder/log
coredump_dir $folder
shutdown_lifetime 0 seconds
netdb_filename none
EOC
	return $self->start('/usr/sbin/squid', '-N', '-f', "$folder/conf");
}

sub socks
{
	my ($class, %opt) = @_;
	my $self = $class->create(%opt, kind => 'socks5h');

	return $self->start('/usr/bin/microsocks', '-i', '127.0.0.1', '-p', $self->{port}, '-u', $opt{user}, '-P', $opt{secret});
}

sub url
{
	my ($self, $secret) = @_;

	return "$self->{kind}://$self->{user}:$secret\@127.0.0.1:$self->{port}";
}

# Lines "METHOD TARGET STATUS", the oldest first
sub requests
{
	my ($self) = @_;
	my $log = -e "$self->{folder}/requests" ? slurp_file("$self->{folder}/requests") : '';

	return map { my @fields = split; "$fields[5] $fields[6] " . $fields[3] =~ s{.*/}{}r } split /\n/, $log;
}

sub stop
{
	my ($self) = @_;

	return unless $self->{pid};
	kill 'KILL', $self->{pid};
	waitpid $self->{pid}, 0;
	delete $self->{pid};
	return;
}

sub DESTROY
{
	my ($self) = @_;

	local $?;
	$self->stop;
	return;
}

1;
