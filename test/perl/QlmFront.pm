
=head1 NAME

QlmFront - a real proxy in front of a node, set up as the documentation says

=head1 SYNOPSIS

  my $front = QlmFront->start('nginx', $node);   # devices call $front->{port}
  $front = QlmFront->start('nginx', $node, block => 1, health => '/node/health');
  $front = QlmFront->start('nginx', $node, limit => 4);   # s that answers may take
  $front = QlmFront->start('nginx', $node, block => 2, certificates => $folder);   # with TLS
  $front = QlmFront->start('nginx', $node, edit => sub { s/merge_slashes off;// });   # its block, in \$_
  $front->reload;
  $front->stop;

=head1 DESCRIPTION

The configuration is the block of the proxy's language in docs/proxies.md, with
the ports of this run, inside what lets the program run for one user in a folder
of its own.

=cut

package QlmFront;

use strict;
use warnings FATAL => 'all';

use File::Temp ();
use IO::Socket::INET;
use PostgreSQL::Test::Utils;
use POSIX ();
use QlmReadme qw(blocks);
use QlmTest;

my $debian_modules = '/usr/lib/apache2/modules';

my %programs = (
	nginx => {
		program => [ '/usr/sbin/nginx', 'nginx' ],
		start => sub { [ $_[0], '-p', $_[1], '-c', "$_[1]/conf" ] },
		wrap => sub {
			my ($folder, $block) = @_;

			return <<"EOC";
daemon off;
pid $folder/pid;
error_log $folder/log;
worker_processes 1;
events { worker_connections 2048; }
http {
access_log off;
client_body_temp_path $folder/body;
proxy_temp_path $folder/proxy;
fastcgi_temp_path $folder/fastcgi;
uwsgi_temp_path $folder/uwsgi;
scgi_temp_path $folder/scgi;
$block
}
EOC
		},
		limit => sub { return $_[0] =~ s/(proxy_read_timeout) \w+/$1 $_[1]s/r },
		reload => 'HUP'
	},
	haproxy => {
		program => [ '/usr/sbin/haproxy', 'haproxy' ],
		start => sub { [ $_[0], '-W', '-db', '-f', "$_[1]/conf" ] },
		wrap => sub { return "global\n    maxconn 2000\n$_[1]" },
		limit => sub { return $_[0] =~ s/(timeout server) \w+/$1 $_[1]s/r },
		reload => 'USR2'
	},
	apache => {
		program => ['/usr/sbin/apache2'],
		start => sub { [ $_[0], '-D', 'FOREGROUND', '-d', $_[1], '-f', "$_[1]/conf" ] },
		wrap => sub {
			my ($folder, $block, $port) = @_;
			my @modules = qw(mpm_event authz_core proxy proxy_http);

			return join('', map { "LoadModule ${_}_module $debian_modules/mod_$_.so\n" } @modules) . <<"EOC" . $block;
ServerName plant.example
Listen 127.0.0.1:$port
PidFile $folder/pid
ErrorLog $folder/log
DefaultRuntimeDir $folder
Mutex posixsem
EOC
		},
		limit => sub { return $_[0] =~ s/(ProxyTimeout) \w+/$1 $_[1]/r },
		reload => 'USR1'
	},
	caddy => {
		program => ['/usr/bin/caddy'],
		start => sub { [ $_[0], 'run', '--config', "$_[1]/conf", '--adapter', 'caddyfile' ] },
		wrap => sub { return "{\n    admin off\n    auto_https off\n}\n$_[1]" },
		limit => sub { return $_[0] =~ s/(reverse_proxy \S+)/$1 {\n        transport http {\n            response_header_timeout $_[1]s\n        }\n    }/r }
	},
	lighttpd => {
		program => ['/usr/sbin/lighttpd'],
		start => sub { [ $_[0], '-D', '-f', "$_[1]/conf" ] },
		wrap => sub {
			my ($folder, $block) = @_;

			return <<"EOC" . $block;
server.bind = "127.0.0.1"
server.document-root = "$folder"
server.errorlog = "$folder/log"
server.upload-dirs = ("$folder")
EOC
		},
		limit => sub { return $_[0] =~ s/("port" => \d+)/$1, "read-timeout" => $_[1]/r }
	},
	varnish => {
		program => ['/usr/sbin/varnishd'],
		start => sub { [ $_[0], '-F', '-j', 'none', '-n', "$_[1]/work", '-a', "127.0.0.1:$_[2]", '-f', "$_[1]/conf", '-s', 'default=malloc,10m' ] },
		wrap => sub { return $_[1] },
		limit => sub { return $_[0] =~ s/(first_byte_timeout =) \w+/$1 $_[1]s/r }
	},
	stunnel => {
		program => ['/usr/bin/stunnel4'],
		start => sub { [ $_[0], "$_[1]/conf" ] },
		wrap => sub { return "foreground = yes\npid =\n$_[1]" },
		passes_bytes => 1
	});

# A block of this language in the page, the first one if no number is given
sub block
{
	my ($language, $number) = @_;
	my @blocks = grep { $_->{language} eq ($language eq "varnish" ? "vcl" : $language) } blocks("$ENV{TESTDIR}/docs/proxies.md");

	return $blocks[ $number // 0 ]{text};
}

# The proxies of HTTP that are here
sub here
{
	return grep { !$programs{$_}{passes_bytes} && defined program($_) } sort keys %programs;
}

sub program
{
	my ($name) = @_;

	for my $program (@{ $programs{$name}{program} })
	{
		return $program if -x $program;
	}
	return;
}

sub start
{
	my ($class, $name, $node, %opt) = @_;
	my $self = bless { name => $name, port => QlmTest::free_port(), folder => File::Temp->newdir() }, $class;
	my $folder = "$self->{folder}";
	my $block = block($name, $opt{block});

	$block = $programs{$name}{limit}->($block, $opt{limit}) if $opt{limit};
	local $_ = $block;
	$opt{edit}->() if $opt{edit};
	$block = $_;
	$block =~ s/127\.0\.0\.1:8090/127.0.0.1:$node->{qlm_port}/g;
	$block =~ s/\blisten 8080\b/listen 127.0.0.1:$self->{port}/g;
	$block =~ s/\b8080\b/$self->{port}/g;
	$block =~ s/\b8090\b/$node->{qlm_port}/g;
	$block =~ s/\blisten 8443\b/listen 127.0.0.1:$self->{port}/g;
	$block =~ s/\b8443\b/$self->{port}/g;
	$block =~ s{/etc/ssl\b}{$opt{certificates}}g if $opt{certificates};
	append_to_file("$folder/conf", $programs{$name}{wrap}->($folder, $block, $self->{port}));
	$self->{pid} = fork() // die $!;
	if ($self->{pid} == 0)
	{
		open STDOUT, '>', "$folder/out" or POSIX::_exit(1);
		open STDERR, '>&', \*STDOUT or POSIX::_exit(1);
		$ENV{HOME} = $ENV{XDG_DATA_HOME} = $ENV{XDG_CONFIG_HOME} = $folder;
		exec @{ $programs{$name}{start}->(program($name), $folder, $self->{port}) } or POSIX::_exit(1);
	}
	QlmTest::wait_until(
		sub {
			return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port}) if $opt{certificates};
			my $answer = eval { QlmTest::get($node, $opt{health} // '/health', port => $self->{port}, headers => { Host => 'plant.example' }) };
			return $answer && $answer->{status} == 200;
		},
		"$name passes requests on") or print STDERR slurp_file("$folder/out");
	return $self;
}

# It reads its configuration again; connections go on.
sub reload
{
	my ($self) = @_;
	my $signal = $programs{ $self->{name} }{reload} or return 0;

	kill $signal, $self->{pid};
	return 1;
}

sub stop
{
	my ($self) = @_;

	return unless $self->{pid};
	kill 'TERM', $self->{pid};
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
