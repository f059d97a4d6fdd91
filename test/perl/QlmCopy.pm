
=head1 NAME

QlmCopy - a node that calls others, and what copies of it do

=head1 SYNOPSIS

  my $receiver = QlmReceiver->new;
  my $plant = calling_node('plant', $receiver);
  my $copy = copy_of($plant, 'copy');
  $copy->start;
  holds($copy, qr/this is a copy/, 'a copy');
  goes_on($plant, $receiver, 'the original');

=head1 DESCRIPTION

The node has an event subscription with a callback at the receiver, and a peer without a URL,
C<device>, for which requests wait.  Each value that C<goes_on> writes is another one, so
what arrived twice is seen.

=cut

package QlmCopy;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use QlmTest;
use Test::More;

our @EXPORT = qw(calling_node copy_of own_conf holds goes_on dispatcher event times_arrived);

my $number = 0;

sub calling_node
{
	my ($name, $receiver, %opt) = @_;
	my $node = qlm_node($name,
		init => [ allows_streaming => 1, has_archiving => $opt{archiving} // 0 ],
		conf => "qlm.anonymous_role = 'qlm_writer'\nqlm.callback_allow = '127.0.0.1'\nqlm.retry_delay = '100ms'\nqlm.http_workers = 1\nhot_standby = on\nwal_log_hints = on\nwal_keep_size = 64\n"
		  . ($opt{conf} // ''));

	$node->safe_psql('postgres', "SELECT qlm_add_peer('device', role => 'qlm_writer', piggyback => true), qlm_write('F/x', 0), qlm_subscribe('F/x', -1, '" . $receiver->url . "')");
	return $node;
}

# Whatever copied the node, the copy has an HTTP port of its own.
sub own_conf
{
	my ($node, $conf) = @_;

	$node->{qlm_port} = free_port();
	$node->append_conf('postgresql.conf', "qlm.port = $node->{qlm_port}\n" . ($conf // ''));
	return $node;
}

# A copy of the running node, made by pg_basebackup; not started
sub copy_of
{
	my ($node, $name, %opt) = @_;
	my $copy = PostgreSQL::Test::Cluster->new($name);
	my $conf = delete $opt{conf};

	$node->backup($name);
	$copy->init_from_backup($node, $name, %opt);
	return own_conf($copy, $conf);
}

sub dispatcher
{
	my ($node) = @_;

	return $node->safe_psql('postgres', "SELECT state || ': ' || COALESCE(last_error, '') FROM qlm.stat_worker WHERE datname = 'postgres' AND kind = 'dispatcher' AND pid IS NOT NULL");
}

# Write a value of its own, which the subscription tells of.
sub event
{
	my ($node, $database) = @_;

	$number++;
	$node->safe_psql($database // 'postgres', "SELECT qlm_write('F/x', '<$number>')");
	return $number;
}

sub times_arrived
{
	my ($receiver, $event) = @_;

	return scalar grep { /&lt;$event&gt;|<!\[CDATA\[<$event>/ } $receiver->bodies;
}

# The node says that it holds, in all places; what it has to tell waits, messages are answered.
sub holds
{
	my ($node, $why, $what) = @_;

	subtest "$what: holds" => sub {
		wait_for_http($node);
		wait_until(sub { dispatcher($node) =~ /^holding/ }, 'stat_worker says so');
		like(dispatcher($node), $why, 'and why');
		like(get($node, '/health')->{body}, qr/"status":"ok".*"outgoing":"held"/, '/health, too');
		like(slurp_file($node->logfile), qr/qlm holds outgoing messages of database "postgres": $why/, 'and the log');
		is(return_code(post($node, write_envelope('M1b', 'F/y', 1))), 200, 'messages are answered');
		my $id = $node->safe_psql('postgres', "SELECT qlm_request('device', qlm_read_envelope('F/x'))");
		unlike(post($node, write_envelope('M1b', 'F/y', 2), path => '/peer/device')->{body}, qr/$id/, 'and carry nothing that is queued');
		is($node->safe_psql('postgres', "SELECT state FROM qlm.outbox WHERE message_id = $id"), 'queued', 'it waits');
		$node->safe_psql('postgres', "UPDATE qlm.outbox SET state = 'cancelled' WHERE message_id = $id");
	};
}

# The node is served, and what it has to tell arrives, once.
sub goes_on
{
	my ($node, $receiver, $what) = @_;

	subtest "$what: goes on" => sub {
		wait_for_http($node);
		my $event = event($node);
		wait_until(sub { times_arrived($receiver, $event) }, 'an event arrives');
		is(times_arrived($receiver, $event), 1, 'once');
		like(dispatcher($node), qr/^running: $/, 'stat_worker says nothing');
		unlike(get($node, '/health')->{body}, qr/outgoing/, 'nor does /health');
		my $id = $node->safe_psql('postgres', "SELECT qlm_request('device', qlm_read_envelope('F/x'))");
		like(post($node, write_envelope('M1b', 'F/y', 2), path => '/peer/device')->{body}, qr/$id/, 'and a device is given what is queued for it');
		$node->safe_psql('postgres', "UPDATE qlm.outbox SET state = 'cancelled' WHERE message_id = $id");
	};
}

1;
