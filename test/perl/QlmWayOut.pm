
=head1 NAME

QlmWayOut - proxies through which a company lets its machines call out

=head1 SYNOPSIS

  my $squid = QlmWayOut->squid(user => 'fridge', secret => 'cold', scheme => 'basic');
  my $socks = QlmWayOut->socks(user => 'fridge', secret => 'cold');
  my $tinyproxy = QlmWayOut->tinyproxy(user => 'fridge', secret => 'cold');
  my $privoxy = QlmWayOut->privoxy;

  $squid = QlmWayOut->squid(..., limit => 4);    # s that answers may take, of tinyproxy and privoxy, too

  $squid->url('cold');            # http://fridge:cold@127.0.0.1:PORT
  $squid->requests;               # its log: what was asked for, and the status

=head1 DESCRIPTION

Configurations are those of docs/proxies.md, inside what lets the program run
for one user in a folder of its own.

=cut

package QlmWayOut;

use strict;
use warnings FATAL => 'all';

use Digest::MD5 qw(md5_hex);
use File::Temp ();
use IO::Socket::INET;
use PostgreSQL::Test::Utils;
use POSIX ();
use QlmReadme ();
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
	my $conf = $self->block('squid') =~ s{/etc/squid\b}{$folder}r;
	my $password = "$opt{user}:" . crypt($opt{secret}, '$5$qlm$') . "\n";

	if ($opt{scheme} eq 'digest')
	{
		$conf =~ s/^auth_param.*\n//mg;
		$conf = "auth_param digest program /usr/lib/squid/digest_file_auth -c $folder/passwords\nauth_param digest realm way out\n$conf";
		$password = "$opt{user}:way out:" . md5_hex("$opt{user}:way out:$opt{secret}") . "\n";
	}
	$conf .= "\nread_timeout $opt{limit} seconds\n" if $opt{limit};
	append_to_file("$folder/passwords", $password);
	append_to_file("$folder/hosts", "127.0.0.1 localhost\n");	# bare machines have none
	append_to_file("$folder/conf", <<"EOC");
$conf
pid_filename $folder/pid
hosts_file $folder/hosts
access_log stdio:$folder/requests
logfile_rotate 0
cache_log $folder/log
coredump_dir $folder
shutdown_lifetime 0 seconds
netdb_filename none
EOC
	return $self->start('/usr/sbin/squid', '-N', '-f', "$folder/conf");
}

# The block of this language in the page, with the port of this run.  Tunnels lead
# to any port, as receivers have any.
sub block
{
	my ($self, $language) = @_;
	my ($block) = grep { $_->{language} eq $language } QlmReadme::blocks("$ENV{TESTDIR}/docs/proxies.md");
	my $text = $block->{text};

	$text =~ s/(^http_port |:)3128\b/$1 eq ':' ? ":$self->{port}" : "${1}127.0.0.1:$self->{port}"/gme;
	$text =~ s/\b3128\b/$self->{port}/g;
	$text =~ s/\bport 443 8090\b/port 1-65535/;
	$text =~ s/^ConnectPort.*\n//mg;
	return $text;
}

sub tinyproxy
{
	my ($class, %opt) = @_;
	my $self = $class->create(%opt, kind => 'http');

	append_to_file("$self->{folder}/conf", "Listen 127.0.0.1\nMaxClients 20\n" . $self->block('tinyproxy') =~ s/\bfridge secret\b/$opt{user} $opt{secret}/r);
	append_to_file("$self->{folder}/conf", "\nTimeout $opt{limit}\n") if $opt{limit};
	return $self->start('/usr/bin/tinyproxy', '-d', '-c', "$self->{folder}/conf");
}

sub privoxy
{
	my ($class, %opt) = @_;
	my $self = $class->create(%opt, kind => 'http');

	append_to_file("$self->{folder}/conf", "confdir /etc/privoxy\nlogdir $self->{folder}\n" . $self->block('privoxy'));
	append_to_file("$self->{folder}/conf", "\nsocket-timeout $opt{limit}\n") if $opt{limit};
	return $self->start('/usr/sbin/privoxy', '--no-daemon', "$self->{folder}/conf");
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

	return "$self->{kind}://" . (defined $self->{user} ? "$self->{user}:$secret\@" : '') . "127.0.0.1:$self->{port}";
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
