#!/usr/bin/perl
# Devices for bench/proxies.sh: each posts an empty read that it wants to be held,
# and answers what comes nested in the response.
#
# usage: devices.pl PORT PREFIX N           PREFIX1 to PREFIXn, until it is killed
#        devices.pl PORT PREFIX N vanish    they go away as soon as they have posted
#
# It prints the requestID of each request that has come, a line each. A device whose
# connection ends, or that gets an error, posts again after a second.

use strict;
use warnings FATAL => 'all';

use IO::Poll qw(POLLIN POLLHUP POLLERR);
use IO::Socket::INET;
use Time::HiRes qw(sleep time);

my $WAIT = 25;
my $PAUSE = 1;

my ($port, $prefix, $n, $vanish) = @ARGV;
my $poll = IO::Poll->new;
my %device_of;    # by file number
my @devices = map { { name => "$prefix$_", next_at => 0 } } 1 .. $n;

$SIG{PIPE} = 'IGNORE';
$| = 1;

sub message
{
	my ($inside) = @_;

	return qq{<qlmEnvelope xmlns="QLMmi.xsd" version="1.0" ttl="0">$inside</qlmEnvelope>};
}

sub forget
{
	my ($device) = @_;

	if ($device->{socket})
	{
		delete $device_of{ fileno $device->{socket} };
		$poll->remove($device->{socket});
		close $device->{socket};
	}
	$device->{socket} = undef;
	$device->{next_at} = time + $PAUSE;
	return;
}

sub post
{
	my ($device, @ids) = @_;
	my $body = message(@ids
		? '<response>' . join('', map { qq{<result><return returnCode="200"/><requestId>$_</requestId></result>} } @ids) . '</response>'
		: '<read/>');

	if (!$device->{socket})
	{
		$device->{socket} = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or return forget($device);
		$device->{socket}->blocking(0);
		$device_of{ fileno $device->{socket} } = $device;
		$poll->mask($device->{socket} => POLLIN);
	}
	$device->{buffer} = '';
	$device->{next_at} = undef;
	syswrite($device->{socket}, "POST /peer/$device->{name} HTTP/1.1\r\nHost: 127.0.0.1:$port\r\nContent-Type: text/xml\r\nPrefer: wait=$WAIT\r\nContent-Length: "
		  . length($body) . "\r\n\r\n$body") or forget($device);
	return;
}

# What has come; an answer that is whole is followed by the next message.
sub take
{
	my ($device) = @_;

	return forget($device) unless sysread $device->{socket}, $device->{buffer}, 65536, length $device->{buffer};
	my ($head, $body) = $device->{buffer} =~ /^(.*?\r\n)\r\n(.*)$/s or return;
	my ($length) = $head =~ /^Content-Length: *(\d+)/mi or return;
	return if length $body < $length;
	return forget($device) unless $head =~ m{^HTTP/1\.1 200 };
	my @ids = $body =~ m{<requestI[dD][^>]*>(\d+)</requestI[dD]>}g;
	print map { "$_\n" } @ids;
	forget($device) if $head =~ /^Connection: *close/mi;
	return post($device, @ids);
}

for my $device (@devices)
{
	post($device);
}
if ($vanish)
{
	sleep 0.3;
	exit;
}
for (;;)
{
	my $now = time;

	$poll->poll(0.1);
	for my $socket ($poll->handles(POLLIN | POLLHUP | POLLERR))
	{
		take($device_of{ fileno $socket }) if defined fileno $socket && $device_of{ fileno $socket };
	}
	for my $device (@devices)
	{
		post($device) if defined $device->{next_at} && $device->{next_at} <= $now;
	}
}
