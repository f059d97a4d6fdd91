# Real proxies in front of a node, set up as docs/proxies.md says.

use strict;
use warnings FATAL => 'all';
use utf8;

use IO::Select;
use IO::Socket::SSL::Utils;
use PostgreSQL::Test::Utils;
use QlmFront;
use QlmSocket;
use QlmClock;
use QlmTest;
use Test::More;
use Time::HiRes qw(time);

my $node = qlm_node('fronts', conf => <<EOC);
qlm.anonymous_role = 'qlm_writer'
qlm.host_names = 'plant.example'
qlm.max_message_size = '10MB'
qlm.http_workers = 2
EOC
my %host = (Host => 'plant.example');

# Who fails waits, by his address: each caller with a wrong credential has one of his own.
my $last = 9;

sub own_address { return '127.0.0.' . ++$last; }

sub sql { return $node->safe_psql('postgres', $_[0]); }

sql(q{SELECT qlm_add_peer('fridge', role => 'qlm_writer', credential => 'secret-of-fridge', piggyback => true)});
plan skip_all => 'none of the proxies is installed' unless QlmFront::here();

sub through
{
	my ($front, $method, $path, %opt) = @_;

	return request($node, $method, $path, port => $front->{port}, %opt, headers => { %host, %{ $opt{headers} // {} } });
}

# The Object by each name that a path can hold, written below one of its own for each proxy
my @names = ('plain', 'with blank', 'a/b', 'a//b', 'plus+plus', 'semi;colon', '100%', 'a%2Fb', 'urn:x:1', 'q?uery', 'h#ash', 'ä', '..', 'c..d', "quo'te", 'a&b=c', '~tilde', '[x]', 'back\\slash');

sub escaped
{
	my ($name) = @_;

	utf8::encode($name) if utf8::is_utf8($name);
	return $name =~ s/([^A-Za-z0-9_-])/sprintf '%%%02X', ord $1/ger;
}

# An authority, and what it has signed; forged.pem is by another one
sub make_certificates
{
	my $folder = PostgreSQL::Test::Utils::tempdir();
	my $write = sub {
		my ($name, @parts) = @_;

		append_to_file("$folder/$name.pem", join '', @parts);
	};
	my @authority = CERT_create(CA => 1, subject => { commonName => 'authority' });
	my @other = CERT_create(CA => 1, subject => { commonName => 'authority' });
	my %signed = (plant => \@authority, fridge => \@authority, stranger => \@authority, forged => \@other);

	$write->($_, PEM_cert2string($authority[0])) for qw(authority devices);
	for my $name (sort keys %signed)
	{
		my $common = $name eq 'plant' ? 'plant.example' : $name eq 'forged' ? 'fridge' : $name;
		my ($certificate, $key) = CERT_create(
			issuer => $signed{$name}, subject => { commonName => $common },
			subjectAltNames => [ [ DNS => $common ] ], purpose => $name eq 'plant' ? 'server' : 'client');

		$write->($name, PEM_cert2string($certificate), PEM_key2string($key));
	}
	return $folder;
}

# Those that most have; each is a way to write addresses and to hold requests of its own.
my %common = (nginx => 1, haproxy => 2, apache => 3);
my @fronts = representatives(3, sort { ($common{$a} // 9) <=> ($common{$b} // 9) || $a cmp $b } QlmFront::here());

for my $name (@fronts)
{
	subtest $name => sub {
		my $front = QlmFront->start($name, $node);
		my $answer = through($front, 'POST', '/', body => write_envelope('M1b', "Of$name/x", 1));

		is($answer->{status}, 200, 'a message');
		is(return_code($answer->{body}), 200, 'is executed');
		is(sql("SELECT value FROM qlm.current WHERE path = 'Of$name/x'"), 1, 'and stored');

		my $big = 'x' x 5_000_000;
		is(return_code(through($front, 'POST', '/', body => write_envelope('M1b', "Of$name/big", $big))->{body}), 200, 'a large one');
		is(length through($front, 'GET', "/Objects/Of$name/big/value")->{body}, 5_000_000, 'and its way back');
		is(return_code(through($front, 'POST', '/', body => write_envelope('M1b', "Of$name/x", 2), chunked => 1)->{body}), 200, 'one in chunks');

		$answer = through($front, 'POST', '/', body => 'x' x 10_400_000, headers => { 'Content-Encoding' => 'br' });
		is($answer->{status}, 415, 'a refusal arrives, though the body was not wanted');
		$answer = through($front, 'POST', '/', body => 'x' x 12_000_000);
		is($answer->{status}, 413, 'what is too large is told so');

		for my $wrong (undef, 'Bearer wrong')
		{
			$answer = through($front, 'POST', '/peer/fridge', from => own_address(), body => read_envelope('M1b', "Of$name/x"), headers => { Authorization => $wrong });
			is($answer->{status}, 401, 'without the right credential');
			like($answer->{headers}{'www-authenticate'}, qr/Basic|Bearer/, 'which is asked for');
		}
		$answer = through($front, 'POST', '/peer/fridge', body => read_envelope('M1b', "Of$name/x"), headers => { Authorization => 'Bearer secret-of-fridge' });
		is(return_code($answer->{body}), 200, 'Authorization is passed on');

		$answer = through($front, 'POST', '/', body => read_envelope('M1b', "Of$name/x"), headers => { Host => 'evil.example' });
		is($answer->{status}, 421, 'so is Host');
		$front->stop;
	};

	subtest "$name: names" => sub {
		my $front = QlmFront->start($name, $node);

		for my $part (@names)
		{
			my $direct = get($node, '/Objects/' . escaped($part));
			is($direct->{status}, 404, "$part is not there yet") if $name eq $fronts[0];
			post($node, envelope('M1b', '<write msgformat="odf"><msg><Objects xmlns="http://www.opengroup.org/xsd/odf/1.0/"><Object><id>'
				  . QlmTest::escape($part) . '</id><InfoItem name="x"><value>1</value></InfoItem></Object></Objects></msg></write>')) if $direct->{status} == 404;
			is(through($front, 'GET', '/Objects/' . escaped($part) . '/x/value')->{body}, '1', "GET of $part");
		}
		$front->stop;
	};

	subtest "$name: what is held" => sub {
		my $front = QlmFront->start($name, $node);

		# Some proxies keep their connections to the node when clients have gone.
		for (1 .. 3)
		{
			my $gone = qlm_connect($node, port => $front->{port});
			$gone->send_request('POST', '/peer/fridge', body => envelope('M1b', '<read/>', ttl => 60),
				headers => { %host, Prefer => 'wait=60', Authorization => 'Bearer secret-of-fridge' });
			ok(!IO::Select->new($gone->{socket})->can_read(0.2), 'a client whose request is held');
			$gone->close;
		}
		my $connection = qlm_connect($node, port => $front->{port});

		$connection->send_request('POST', '/peer/fridge', body => envelope('M1b', '<read/>', ttl => 60),
			headers => { %host, Prefer => 'wait=60', Authorization => 'Bearer secret-of-fridge' });
		ok(!IO::Select->new($connection->{socket})->can_read(0.5), 'a request is held');
		my $since = running_time();
		my $id = sql("SELECT qlm_request('fridge', qlm_read_envelope('Fridge7/x'))");
		my $answer = $connection->response;
		cmp_ok(running_time() - $since, '<', 2, 'a request that is queued leaves at once, and not to those that have gone');
		like($answer->{body}, qr/Fridge7/, 'in the answer that was held');
		sql("DELETE FROM qlm.outbox WHERE message_id = $id");

		my $socket = qlm_socket($node, port => $front->{port}, path => '/peer/fridge', headers => { Authorization => 'Bearer secret-of-fridge' });
		is(return_code($socket->request(read_envelope('M1b', "Of$name/x"))), 200, 'a WebSocket');
		$socket->send($_) for read_envelope('M1b', "Of$name/x", interval => -1, callback => '0');
		like($socket->receive, qr/requestI/, 'a subscription on it');
		post($node, write_envelope('M1b', "Of$name/x", 77));
		like($socket->receive, qr/>77</, 'is pushed');
		$socket->close;
		$front->stop;
	};

	subtest "$name: connections that were idle, and reloads" => sub {
		my $front = QlmFront->start($name, $node);
		my $failed = 0;

		$node->append_conf('postgresql.conf', q{qlm.keepalive_timeout = '75s'});
		for my $round (1 .. 40)
		{
			$front->reload if $round % 10 == 0;
			my $answer = eval { through($front, 'POST', '/', body => write_envelope('M1b', "Of$name/n", $round)) };
			$failed++ unless $answer && $answer->{status} == 200;
		}
		is($failed, 0, 'no message is lost while it reads its configuration again');
		is(sql("SELECT count(*) FROM qlm.history WHERE path = 'Of$name/n'"), 40, 'nor stored twice');
		$front->stop;
	};
}

# Which names are lost without a line of the page, as its table says
my @lines = (
	[ nginx => 'a path behind the host of proxy_pass', sub { s{proxy_pass http://qlm;}{proxy_pass http://qlm/;} }, 'a/b', 'a//b', '..' ],
	[ apache => 'no AllowEncodedSlashes', sub { s{AllowEncodedSlashes NoDecode}{} }, 'a/b', 'a//b' ],
	[ apache => 'no nocanon', sub { s{ nocanon}{} }, '100%', '..' ],
	[ lighttpd => 'url-normalize', sub { s{^server.http-parseopts.*$}{}m }, 'a/b', 'a//b', '..' ]);

for my $line (@lines)
{
	my ($name, $what, $edit, @lost) = @$line;

	next unless grep { $_ eq $name } QlmFront::here();
	subtest "$name: $what" => sub {
		my $front = QlmFront->start($name, $node, edit => $edit);
		my %lost = map { $_ => 1 } @lost;

		for my $part (@names)
		{
			my $answer = through($front, 'GET', '/Objects/' . escaped($part) . '/x/value');
			is($answer->{status} == 200 && $answer->{body} eq '1' ? 'kept' : 'lost', $lost{$part} ? 'lost' : 'kept', $part);
		}
		$front->stop;
	};
}

subtest 'below a path' => sub {
	plan skip_all => 'nginx is not installed' unless grep { $_ eq 'nginx' } QlmFront::here();
	my $front = QlmFront->start('nginx', $node, block => 1, health => '/node/health');
	my $page = through($front, 'GET', '/node/')->{body};
	my @links = $page =~ /href="([^"]*)"/g;
	like($page, qr{<code>http://plant.example/node/</code>}, 'the page says where it is');

	cmp_ok(@links, '>', 1, 'the page has links');
	is_deeply([ grep { m{^(?!/node/)} } @links ], [], 'all below it');
	is(through($front, 'GET', $_)->{status}, 200, "$_ is there") for @links;
	is(return_code(through($front, 'POST', '/node/qlm?a=b', body => write_envelope('M1b', 'Below/x', 5))->{body}), 200, 'a message');
	like(through($front, 'GET', '/node/Objects/Below/x?newest=1')->{body}, qr/>5</, 'a query');
	is(through($front, 'GET', '/node/Objects/' . escaped($_) . '/x/value')->{body}, '1', "GET of $_") for @names;
	$front->stop;
};

subtest 'TLS, and certificates of devices' => sub {
	plan skip_all => 'curl is not installed' unless eval { run_log([ 'curl', '--version' ]) };
	my $folder = make_certificates();
	my %tls = (nginx => 2, haproxy => 1, stunnel => 0);

	for my $name (grep { QlmFront::program($_) } sort keys %tls)
	{
		my $front = QlmFront->start($name, $node, block => $tls{$name}, certificates => $folder);
		my $ask = sub {
			my ($out) = run_command([ 'curl', '-sS', '--cacert', "$folder/authority.pem", '--resolve', "plant.example:$front->{port}:127.0.0.1",
				'--interface', own_address(), '--noproxy', '*', '--data-binary', read_envelope('M1b', 'TLS/x'), '-w', ' %{http_code}', @_, "https://plant.example:$front->{port}/peer/fridge" ]);
			return $out =~ s/.* //sr;
		};

		is($ask->(), 401, "$name: without a credential");
		is($ask->('-H', 'Authorization: Bearer secret-of-fridge'), 200, "$name: with one");
		next if $name eq 'stunnel';
		is($ask->('--cert', "$folder/fridge.pem"), 200, "$name: with a certificate that stands for it");
		is($ask->('--cert', "$folder/stranger.pem"), 401, "$name: with another one");
		isnt($ask->('--cert', "$folder/forged.pem"), 200, "$name: with one of the same name that somebody else has signed");
	}
};

done_testing();
