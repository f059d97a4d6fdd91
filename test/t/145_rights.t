# Nothing that somebody with few rights wrote ever runs with more, in no statement
# and at no commit: an application owns a table that the superuser's audit trigger
# writes into, and tries all that a trigger can.

use strict;
use warnings FATAL => 'all';

use QlmReceiver;
use QlmTest;
use Test::More;

my $node = qlm_node('rights', conf => "qlm.anonymous_role = 'qlm_writer'\nqlm.callback_allow = '127.0.0.1'\nqlm.http_workers = 1\n");

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

# As somebody else: a session of his own, not SET ROLE
sub sql_as
{
	my ($role, $sql) = @_;

	return $node->safe_psql('postgres', $sql, extra_params => [ '-U', $role ]);
}

sub write_to
{
	my ($path, $value, %opt) = @_;

	return post($node, write_envelope('M2', $path, $value), %opt);
}

# What code of the application found itself to be, and what it gained
sql(<<'EOQ');
CREATE ROLE app LOGIN;
CREATE ROLE app_admin LOGIN IN ROLE qlm_admin;
CREATE SCHEMA app AUTHORIZATION app;
GRANT USAGE ON SCHEMA app TO PUBLIC;
EOQ
sql_as('app', <<'EOQ');
CREATE TABLE app.seen (way text, who name, session name, super text, gained text);
GRANT SELECT, INSERT ON app.seen TO PUBLIC;

CREATE FUNCTION app.attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN statement;
EXCEPTION WHEN OTHERS THEN
	RETURN NULL;
END $$;

CREATE FUNCTION app.attack(way text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO app.seen
		SELECT way, current_user, session_user, (SELECT CASE WHEN rolsuper THEN 'on' ELSE 'off' END FROM pg_roles WHERE rolname = current_user),
			concat_ws('; ',
				app.attempt('ALTER ROLE app SUPERUSER'),
				app.attempt('SET ROLE postgres'),
				app.attempt('RESET ROLE'),
				app.attempt('SET SESSION AUTHORIZATION postgres'),
				app.attempt('RESET SESSION AUTHORIZATION'),
				app.attempt('SET SESSION AUTHORIZATION DEFAULT'),
				app.attempt('GRANT qlm_admin TO app'),
				app.attempt('COPY app.seen TO PROGRAM ''true'''),
				app.attempt('SELECT pg_read_file(''postgresql.conf'')'),
				app.attempt('SELECT rolpassword FROM pg_authid'),
				app.attempt('SELECT secret FROM qlm.peer'),
				app.attempt('SET session_replication_role = replica'));
	RETURN true;
END $$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA app TO PUBLIC;

CREATE TABLE app.audit (at timestamptz DEFAULT now(), what text);
GRANT SELECT, INSERT ON app.audit TO PUBLIC;
CREATE FUNCTION app.fired() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM app.attack(TG_ARGV[0] || ' ' || coalesce(NEW.what, ''));
	RETURN NULL;
END $$;
EOQ

# The superuser's part: what he may do in good faith
sql(<<'EOQ');
CREATE FUNCTION public.audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO app.audit (what) VALUES (TG_OP || ' ' || TG_TABLE_NAME);
	RETURN NULL;
END $$;
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON qlm.value FOR EACH ROW EXECUTE FUNCTION public.audit();
EOQ

sub forget
{
	sql('TRUNCATE app.seen, app.audit');
	return;
}

# Attempts were made, each with just the rights of who is named, and gained nothing.
sub is_harmless
{
	my ($what, @roles) = @_;
	my $roles = join '|', @roles;

	cmp_ok(sql('SELECT count(*) FROM app.seen'), '>', 0, "$what: it runs");
	is(sql("SELECT DISTINCT way, who, session, super, gained FROM app.seen WHERE who !~ '^($roles)\$' OR super <> 'off' OR gained <> ''"),
		'', "$what: as nobody but " . join(' or ', @roles) . ', for nothing');
	is(sql("SELECT rolsuper FROM pg_roles WHERE rolname = 'app'"), 'f', "$what: app is who it was");
	forget();
	return;
}

subtest 'who the workers are' => sub {
	is(sql(q{SELECT string_agg(DISTINCT usename, ' ') FROM pg_stat_activity WHERE backend_type ~ '^qlm (server|dispatcher)'}),
		'qlm_session', 'their sessions are those of a role');
	is(sql(q{SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls, rolconnlimit FROM pg_roles WHERE rolname = 'qlm_session'}),
		'f|f|f|f|f|0', 'that may do nothing');
	is(sql(q{SELECT count(*) FROM pg_auth_members WHERE member = 'qlm_session'::regrole OR roleid = 'qlm_session'::regrole}), 0,
		'and is in no other');
	is(sql(q{SELECT count(*) FROM pg_class WHERE relnamespace = 'qlm'::regnamespace AND relowner <> 'qlm_owner'::regrole AND relkind IN ('r', 'p', 'S', 'v')
		AND relname NOT IN ('standard', 'customization')}), 0, 'the tables are of another');
	is(sql(q{SELECT count(*) FROM pg_class WHERE oid IN ('qlm.standard'::regclass, 'qlm.customization'::regclass) AND relowner = 'postgres'::regrole}), 2,
		'but for those that say what a superuser will run');
	is(sql(q{SELECT rolsuper, rolcanlogin, rolcreaterole FROM pg_roles WHERE rolname = 'qlm_owner'}), 'f|f|f', 'that is no superuser');
	my ($status, $out, $err) = $node->psql('postgres', 'SELECT 1', extra_params => [ '-U', 'qlm_session' ]);
	like($err, qr/too many connections for role/, 'and as which nobody can connect');
};

subtest 'a trigger at once, and one at the commit' => sub {
	sql_as('app', 'CREATE TRIGGER now AFTER INSERT ON app.audit FOR EACH ROW EXECUTE FUNCTION app.fired(\'now\')');
	is(return_code(write_to('A/x', 1)), 200, 'a message of a stranger');
	is_harmless('the trigger', 'qlm_writer');
	sql_as('app', <<'EOQ');
DROP TRIGGER now ON app.audit;
CREATE CONSTRAINT TRIGGER later AFTER INSERT ON app.audit DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION app.fired('later');
EOQ
	is(return_code(write_to('A/x', 2)), 200, 'a value');
	is_harmless('the deferred trigger', 'qlm_writer');
	is(return_code(write_to('A/y', 2)), 200, 'a new InfoItem');
	is_harmless('the deferred trigger of a new one', 'qlm_writer');
	is(return_code(post($node, '<omiEnvelope version="2.0" ttl="0"><delete><msg>' . objects('M2', 'A/y') . '</msg></delete></omiEnvelope>')), 200, 'a deletion');
	is_harmless('and of its values', 'qlm_writer');
	my @connections = map { qlm_connect($node) } 1 .. 8;
	$connections[$_]->send_request('POST', '/', body => write_envelope('M2', 'A/x', 3 + $_)) for 0 .. $#connections;
	is(return_code($_->response), 200, 'of many that share a transaction') for @connections;
	is_harmless('many', 'qlm_writer');
};

subtest 'a deferred trigger that fails' => sub {
	sql_as('app', <<'EOQ');
CREATE FUNCTION app.fails() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not this one' USING ERRCODE = 'check_violation'; END $$;
CREATE CONSTRAINT TRIGGER fails AFTER INSERT ON app.audit DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
	WHEN (NEW.what LIKE 'INSERT value%') EXECUTE FUNCTION app.fails();
EOQ
	my $answer = write_to('A/x', 17);
	is(return_code($answer), 400, 'is an answer for its message');
	like($answer->{body}, qr/not this one/, 'and says why');
	is(sql("SELECT count(*) FROM qlm.history WHERE value = '17'"), 0, 'which has written nothing');
	is(return_code(post($node, read_envelope('M2', 'A/x'))), 200, 'others go on');
	sql('DROP TRIGGER fails ON app.audit');
	forget();
};

# What a trigger changes in the session is gone before anything else runs in it.
subtest 'settings, cursors, temporary tables and locks' => sub {
	sql_as('app', <<'EOQ');
CREATE FUNCTION app.equal(int, int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM app.attack('operator'); RETURN $1 OPERATOR(pg_catalog.=) $2; END $$;
CREATE OPERATOR app.= (LEFTARG = int, RIGHTARG = int, FUNCTION = app.equal);
CREATE FUNCTION app.equal(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM app.attack('operator'); RETURN $1 OPERATOR(pg_catalog.=) $2; END $$;
CREATE OPERATOR app.= (LEFTARG = text, RIGHTARG = text, FUNCTION = app.equal);
CREATE FUNCTION app.lasting(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM app.attack('index'); RETURN $1; END $$;
CREATE FUNCTION app.litter() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('search_path', 'app, pg_catalog', false), set_config('synchronous_commit', 'off', false),
		set_config('statement_timeout', '1', false), set_config('datestyle', 'German', false), set_config('extra_float_digits', '-15', false),
		set_config('application_name', 'app', false), set_config('row_security', 'off', false);
	EXECUTE 'CREATE TEMP TABLE litter (n int) ON COMMIT DELETE ROWS';
	EXECUTE 'CREATE INDEX ON litter (app.lasting(n))';
	EXECUTE 'INSERT INTO litter VALUES (1)';
	EXECUTE 'DECLARE held CURSOR WITH HOLD FOR SELECT app.attack(''cursor'')';
	EXECUTE 'PREPARE prepared AS SELECT 1';
	PERFORM pg_advisory_lock(4711);
	RETURN NULL;
END $$;
CREATE TRIGGER litter AFTER INSERT ON app.audit FOR EACH STATEMENT EXECUTE FUNCTION app.litter();
CREATE FUNCTION app.look() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO app.seen VALUES ('look', current_user, session_user, current_setting('is_superuser'), concat_ws('; ',
		nullif(current_setting('search_path'), 'pg_catalog, pg_temp'), nullif(current_setting('synchronous_commit'), 'on'),
		nullif(current_setting('application_name'), 'qlm server'), nullif(current_setting('row_security'), 'on'),
		nullif(current_setting('extra_float_digits'), '1'),
		(SELECT string_agg(name, ' ') FROM pg_cursors WHERE is_holdable), (SELECT string_agg(name, ' ') FROM pg_prepared_statements WHERE from_sql),
		to_regclass('pg_temp.litter')::text));
	RETURN NULL;
END $$;
EOQ
	for my $round (1 .. 3)
	{
		is(return_code(write_to("B$round/x", $round)), 200, 'a message whose trigger leaves all that');
	}
	is(sql("SELECT count(*) FROM app.seen WHERE way = 'operator'"), 0, 'no statement of the node uses operators of others');
	is_harmless('what was left', 'qlm_writer');
	is(sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711"), 0, 'locks are released');

	# What is prepared stays where the message that did it is taken back.
	sql_as('app', <<'EOQ');
CREATE FUNCTION app.prepares() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'PREPARE taken_back AS SELECT 1'; PERFORM pg_advisory_lock(4711); RAISE EXCEPTION 'enough'; END $$;
CREATE TRIGGER prepares AFTER INSERT ON app.audit FOR EACH STATEMENT EXECUTE FUNCTION app.prepares();
EOQ
	like(write_to('B4/x', 1)->{body}, qr/enough/, 'a message whose trigger fails') for 1 .. 2;
	sql_as('app', 'DROP TRIGGER prepares ON app.audit');
	is(sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711"), 0, 'locks are released then, too');
	sql_as('app', 'DROP TRIGGER litter ON app.audit; CREATE TRIGGER look AFTER INSERT ON app.audit FOR EACH STATEMENT EXECUTE FUNCTION app.look()');
	is(return_code(write_to('B1/x', 5)), 200, 'the next message');
	is(sql("SELECT DISTINCT gained FROM app.seen WHERE way = 'look'"), '', 'finds the session as it was');
	is(return_code(post($node, read_envelope('M2', 'B1/x'))), 200, 'and so do reads');
	sql('DROP TRIGGER look ON app.audit');
	forget();
};

subtest 'policies, defaults, checks and rules with functions of others' => sub {
	sql(<<'EOQ');
CREATE POLICY app ON qlm.value USING (app.attack('policy')) WITH CHECK (app.attack('policy check'));
ALTER TABLE qlm.value ENABLE ROW LEVEL SECURITY;
ALTER TABLE qlm.value ADD COLUMN by_app boolean;
ALTER TABLE qlm.value ALTER COLUMN by_app SET DEFAULT app.attack('default');
ALTER TABLE qlm.info_item ADD CONSTRAINT by_app CHECK (app.attack('check') OR name = '') NOT VALID;
GRANT INSERT ON app.audit TO qlm_owner;
CREATE RULE by_app AS ON INSERT TO qlm.value DO ALSO INSERT INTO app.audit (what) VALUES ('rule ' || app.attack('rule'));
TRUNCATE app.seen;
EOQ
	is(return_code(write_to('C/x', 1)), 200, 'a write');
	is(return_code(post($node, read_envelope('M2', 'C/x'))), 200, 'a read');
	is(get($node, '/Objects/C/x/value')->{status}, 200, 'a look');
	is_harmless('they', 'qlm_writer');
	sql(<<'EOQ');
DROP RULE by_app ON qlm.value;
ALTER TABLE qlm.info_item DROP CONSTRAINT by_app;
ALTER TABLE qlm.value DROP COLUMN by_app;
ALTER TABLE qlm.value DISABLE ROW LEVEL SECURITY;
DROP POLICY app ON qlm.value;
EOQ
};

# Those of the node itself have an owner without rights beyond them.
subtest "triggers on the node's own tables" => sub {
	sql('DROP TRIGGER audit ON qlm.value');
	sql("CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON qlm.$_ FOR EACH ROW EXECUTE FUNCTION public.audit()")
	  for qw(subscription subscription_target outbox peer);
	my $subscribe = '<omiEnvelope version="2.0" ttl="60"><read interval="-1"><msg><Objects><Object><id>A</id></Object></Objects></msg></read></omiEnvelope>';
	my $answer = post($node, $subscribe);
	isnt(return_code($answer), 200, 'one that would be fired at the commit is refused');
	sql_as('app', "DROP TRIGGER later ON app.audit; CREATE TRIGGER now AFTER INSERT ON app.audit FOR EACH ROW EXECUTE FUNCTION app.fired('now')");
	forget();
	is(return_code(post($node, $subscribe)), 200, 'one that is fired at once runs');
	is_harmless('it', 'app');
	sql("DROP TRIGGER audit ON qlm.$_") for qw(subscription subscription_target outbox peer);

	# What the node deletes by itself, it deletes as owner.
	sql('CREATE TRIGGER audit AFTER DELETE ON qlm.value FOR EACH ROW EXECUTE FUNCTION public.audit()');
	sql("INSERT INTO qlm.value (info_item_id, ts, num) SELECT info_item_id, now() - interval '2 days', 4 FROM qlm.info_item WHERE path = 'A/x'");
	sql("SELECT qlm_set_retention('A', '1 hour')");
	cmp_ok(sql('SELECT qlm_apply_retention() + count(*) FROM app.seen'), '>', 0, 'retention');
	is_harmless('the trigger on what it deletes', 'app');
	sql("SELECT qlm_set_retention('A'); DROP TRIGGER audit ON qlm.value; DROP TRIGGER now ON app.audit");

	# What is indexed is computed as owner, too, by who maintains the tables.
	sql_as('app', 'CREATE FUNCTION app.indexed(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT $1 $$');
	sql('CREATE INDEX by_app ON qlm.object (app.indexed(id))');
	sql_as('app', q{CREATE OR REPLACE FUNCTION app.indexed(text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
		BEGIN PERFORM app.attack('indexed ' || coalesce(app.attempt('ALTER TABLE qlm.peer DISABLE TRIGGER ALL'), '')); RETURN $1; END $$});
	sql('REINDEX TABLE qlm.object');
	is(sql('SELECT DISTINCT way FROM app.seen'), 'indexed ', 'what is indexed cannot change our tables');
	is_harmless('it', 'app');
	sql('DROP INDEX qlm.by_app');

	# Rules have the rights of who owns the table, but triggers that they fire have not.
	sql('GRANT qlm_admin TO app');
	sql_as('app', q{CREATE RULE evil AS ON INSERT TO app.audit DO ALSO INSERT INTO qlm.peer (name, role) VALUES ('evil', 'postgres')});
	sql('CREATE TRIGGER audit AFTER INSERT ON qlm.subscription FOR EACH ROW EXECUTE FUNCTION public.audit()');
	like(post($node, $subscribe)->{body}, qr/403.*cannot have role/s, 'nor does a rule give anybody a role');
	is(sql(q{SELECT count(*) FROM qlm.peer WHERE name = 'evil'}), 0, 'there is no such peer');
	sql('DROP TRIGGER audit ON qlm.subscription; DROP RULE evil ON app.audit; REVOKE qlm_admin FROM app');
	forget();
};

# A session that speaks for a peer goes on with rights of its own, and commits with them.
subtest 'a superuser speaks for a peer' => sub {
	sql(<<'EOQ');
CREATE ROLE low IN ROLE qlm_writer;
SELECT qlm_add_peer('low', role => 'low');
CREATE TRIGGER audit AFTER INSERT ON qlm.value FOR EACH ROW EXECUTE FUNCTION public.audit();
EOQ
	sql_as('app', <<'EOQ');
CREATE TABLE app.second (what text);
GRANT INSERT ON app.second TO PUBLIC;
CREATE CONSTRAINT TRIGGER later AFTER INSERT ON app.second DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION app.fired('second');
CREATE FUNCTION app.once_more() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM app.attack('first');
	SET CONSTRAINTS ALL DEFERRED;
	INSERT INTO app.second VALUES ('deferred while deferred ones are fired');
	RETURN NULL;
END $$;
CREATE FUNCTION app.hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'DECLARE held CURSOR WITH HOLD FOR SELECT app.attack(''cursor'')'; RETURN NULL; END $$;
CREATE FUNCTION app.offer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	CREATE TEMP TABLE users (what text);
	CREATE TRIGGER users AFTER INSERT ON pg_temp.users FOR EACH ROW EXECUTE FUNCTION app.fired('temporary');
	GRANT ALL ON pg_temp.users TO PUBLIC;
	RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER way AFTER INSERT ON app.audit DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION app.fired('later');
EOQ
	my $message = write_envelope('M2', 'D/x', '%d');
	my $handle = sub { return sql(sprintf "SELECT qlm_handle('$message', 'low')", $_[0]) };

	like($handle->(1), qr/returnCode="200"/, 'a deferred trigger');
	is_harmless('it', 'low');
	for my $way (qw(once_more hold))
	{
		sql_as('app', "DROP TRIGGER way ON app.audit; CREATE CONSTRAINT TRIGGER way AFTER INSERT ON app.audit DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION app.$way()");
		like($handle->(2), qr/returnCode="403".*security-restricted/, "$way leaves nothing for the commit");
		is(sql("SELECT count(*) FROM app.seen WHERE super <> 'off'"), 0, 'and nothing runs there');
	}
	sql_as('app', 'DROP TRIGGER way ON app.audit; CREATE TRIGGER way AFTER INSERT ON app.audit FOR EACH ROW EXECUTE FUNCTION app.offer()');
	like($handle->(3), qr/returnCode="403".*security-restricted/, 'nor a table for what comes after');

	# Many messages of a turn are one transaction: what one leaves, the next does not find.
	sql(<<'EOQ');
CREATE ROLE high IN ROLE qlm_writer;
SELECT qlm_add_peer('high', role => 'high');
CREATE TABLE app.users (what text);
GRANT INSERT ON app.users TO PUBLIC;
CREATE FUNCTION public.count_users() RETURNS trigger LANGUAGE plpgsql SET search_path = app AS $$ BEGIN INSERT INTO users VALUES ('by ' || current_user); RETURN NULL; END $$;
CREATE TRIGGER count_users AFTER INSERT ON qlm.value FOR EACH ROW WHEN (current_user = 'high') EXECUTE FUNCTION public.count_users();
EOQ
	sql_as('app', q{DROP TRIGGER way ON app.audit; CREATE TRIGGER way AFTER INSERT ON app.audit FOR EACH ROW WHEN (current_user = 'low') EXECUTE FUNCTION app.offer()});
	forget();
	my @connections = map { qlm_connect($node) } 1 .. 16;
	$connections[$_]->send_request('POST', $_ % 2 ? '/peer/high' : '/peer/low', body => write_envelope('M2', "D/y$_", 1)) for 0 .. $#connections;
	$_->response for @connections;
	is(sql("SELECT count(*) FROM app.seen WHERE who <> 'low'"), 0, 'temporary tables of one message are not there for another');
	is(sql('SELECT count(*) FROM app.users'), 8, 'which writes where it means to');
	sql(q{DROP TRIGGER way ON app.audit; DROP TRIGGER count_users ON qlm.value; DROP TRIGGER audit ON qlm.value; SELECT qlm_drop_peer('low'), qlm_drop_peer('high')});
	forget();
};

subtest 'payload formats' => sub {
	sql_as('app', 'CREATE CONSTRAINT TRIGGER later AFTER INSERT ON app.audit DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION app.fired(\'later\')');
	sql('GRANT CREATE ON SCHEMA app TO app_admin');
	sql_as('app_admin', <<'EOQ');
CREATE FUNCTION app.reader(text) RETURNS SETOF qlm.payload_row LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
	PERFORM app.attack('reader'), set_config('search_path', 'app, pg_catalog', false);
	RETURN QUERY SELECT 'F/x', NULL::timestamptz, $1, NULL::text;
END $$;
CREATE FUNCTION app.deferring(text) RETURNS SETOF qlm.payload_row LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
	INSERT INTO app.audit (what) VALUES ('reader');
	RETURN QUERY SELECT 'F/x', NULL::timestamptz, $1, NULL::text;
END $$;
CREATE FUNCTION app.borrowing(text) RETURNS SETOF qlm.payload_row LANGUAGE sql AS $$ SELECT 'F/x', NULL::timestamptz, app.attack('borrowing')::text, NULL::text $$;
SELECT qlm_add_format('definer', 'app.reader(text)'), qlm_add_format('deferring', 'app.deferring(text)'), qlm_add_format('borrowing', 'app.borrowing(text)');
EOQ
	my $payload = '<omiEnvelope version="2.0" ttl="0"><write msgformat="%s"><msg>7</msg></write></omiEnvelope>';
	is(return_code(post($node, sprintf($payload, 'definer'))), 200, 'a reader with the rights of its owner');
	is(sql('SELECT DISTINCT who, super FROM app.seen'), 'app_admin|off', 'has those');
	forget();
	isnt(return_code(post($node, sprintf($payload, 'deferring'))), 200, 'one that leaves a deferred trigger is refused');
	is(sql('SELECT count(*) FROM app.seen'), 0, 'and nothing is fired');
	is(return_code(post($node, sprintf($payload, 'borrowing'))), 200, 'one whose owner has the rights of the caller');
	is_harmless('the reader', 'qlm_writer');
	is($node->psql('postgres', sprintf(q{SELECT qlm_handle('%s')}, sprintf $payload, 'borrowing')), 0, 'for a superuser');
	is(sql('SELECT count(*) FROM app.seen'), 0, 'it does not run');
	sql(q{SELECT qlm_add_peer('boss', role => 'pg_read_all_data')});
	sql('GRANT qlm_writer TO pg_read_all_data');
	is(return_code(post($node, sprintf($payload, 'borrowing'), path => '/peer/boss')), 403, 'nor for a peer with other rights');
	is(sql('SELECT count(*) FROM app.seen'), 0, 'at all');
};

subtest 'handlers' => sub {
	sql_as('app_admin', q{CREATE FUNCTION app.handler(text) RETURNS text LANGUAGE sql AS $$ SELECT app.attack('handler')::text $$;
		SELECT qlm_set_handler('A/method', 'app.handler(text)')});
	my $call = '<omiEnvelope version="2.0" ttl="0"><call><msg><Objects><Object><id>A</id><InfoItem name="method"><value>1</value></InfoItem></Object></Objects></msg></call></omiEnvelope>';
	is(return_code(post($node, $call)), 200, 'one whose owner has the rights of the caller runs');
	is_harmless('it', 'qlm_writer');
	is(return_code(post($node, $call, path => '/peer/boss')), 403, 'for a peer with other rights it does not');
	is(sql('SELECT count(*) FROM app.seen'), 0, 'at all');
	sql(q{REVOKE qlm_writer FROM pg_read_all_data; SELECT qlm_drop_peer('boss')});
};

# A subscriber's function runs in the transaction of whoever writes.
subtest 'subscribers do not hurt writers' => sub {
	sql('GRANT qlm_reader TO app');
	sql_as('app', <<'EOQ');
CREATE FUNCTION app.writer(qlm.payload_row[]) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM app.attack('writer');
	RETURN 'written';
END $$;
CREATE FUNCTION app.leaving(qlm.payload_row[]) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO app.audit (what) VALUES ('writer');
	RETURN 'written';
END $$;
CREATE FUNCTION app.raising(qlm.payload_row[]) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'come again' USING ERRCODE = 'serialization_failure';
END $$;
CREATE FUNCTION app.sleeping(qlm.payload_row[]) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_sleep(600);
END $$;
CREATE FUNCTION app.full(qlm.payload_row[]) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'no room' USING ERRCODE = 'disk_full';
END $$;
EOQ
	sql(qq{SELECT qlm_add_format('$_', NULL, 'app.$_(qlm.payload_row[])')}) for qw(writer leaving raising sleeping full);
	my $receiver = QlmReceiver->new;
	sql_as('app', sprintf q{SELECT qlm_handle('<omiEnvelope version="2.0" ttl="600"><read interval="-1" msgformat="%s" callback="%s"><msg><Objects><Object><id>S</id></Object></Objects></msg></read></omiEnvelope>')},
		$_, $receiver->url("/$_"))
	  for qw(writer leaving raising sleeping full);
	is(sql('SELECT count(*) FROM qlm.subscription WHERE role = $$app$$'), 5, 'five subscribe');
	forget();
	is(return_code(write_to('S/x', 1)), 200, 'a stranger writes');
	is(sql("SELECT qlm_write('S/x', '2'); SELECT count(*) FROM qlm.history WHERE path = 'S/x'"), "\n2", 'a superuser does');
	is(sql("INSERT INTO qlm.value (info_item_id, num) SELECT info_item_id, 3 FROM qlm.info_item WHERE path = 'S/x'; SELECT count(*) FROM qlm.history WHERE path = 'S/x'"),
		3, 'by an INSERT, too');
	is(sql('SELECT DISTINCT way, who, gained FROM app.seen'), 'writer|app|', "the subscriber's function is his, even in a session of a superuser, and gains nothing");
	is(sql("SELECT rolsuper FROM pg_roles WHERE rolname = 'app'"), 'f', 'app is who it was');
	is(sql(q{SELECT count(*) FROM qlm.outbox WHERE state = 'failed'}), 0, 'nothing fails');
	my @bodies = $receiver->bodies(15);
	is(scalar(grep { /<msg>written</ } @bodies), 3, 'who writes well gets all');
	is(scalar(grep { /returnCode="500".*(?:failed|takes too long)/ } @bodies), 12, 'the others hear that their format fails');
	sql('UPDATE pg_proc SET proowner = $$app_admin$$::regrole WHERE proname = $$writer$$ AND pronamespace = $$app$$::regnamespace');
	is(return_code(write_to('S/x', 4)), 200, 'a function that he may no longer run is no matter of the writer');
	is(scalar(grep { /returnCode="403".*may not run with your rights/ } $receiver->bodies(20)), 1, 'but his');
	is(sql("SELECT qlm_write('S/x', '5')"), '', 'nor of a superuser');
	$receiver->stop;
};

# Any function may say that the statement was cancelled, or is to be tried again.
subtest 'errors that a subscriber only says' => sub {
	sql(q{DELETE FROM qlm.subscription; CREATE ROLE app_reader LOGIN IN ROLE qlm_reader; SELECT qlm_write('T/x', '0')});
	sql_as('app', <<'EOQ');
CREATE FUNCTION app.saying(qlm.payload_row[]) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'cancelled' USING ERRCODE = 'query_canceled'; END $$;
CREATE TABLE app.code (code text);
GRANT SELECT ON app.code TO PUBLIC;
CREATE FUNCTION app.policy() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'said' USING ERRCODE = (SELECT code FROM app.code); END $$;
EOQ
	sql(q{SELECT qlm_add_format('saying', NULL, 'app.saying(qlm.payload_row[])')});
	my $receiver = QlmReceiver->new;
	sql_as('app', sprintf q{SELECT qlm_handle('<omiEnvelope version="2.0" ttl="600"><read interval="-1" msgformat="saying" callback="%s"><msg><Objects><Object><id>T</id></Object></Objects></msg></read></omiEnvelope>')},
		$receiver->url('/saying'));
	is(return_code(write_to('T/x', 1)), 200, 'a stranger writes');
	is(sql("SELECT qlm_write('T/x', '2'); SELECT count(*) FROM qlm.history WHERE path = 'T/x'"), "\n3", 'a superuser does');
	is(scalar(grep { /returnCode="500".*failed/ } $receiver->bodies(2)), 2, 'the subscriber hears that his format fails');

	sql(q{DELETE FROM qlm.subscription; CREATE POLICY app ON qlm.value TO app_reader USING (app.policy());
		CREATE POLICY others ON qlm.value TO qlm_writer USING (true); ALTER TABLE qlm.value ENABLE ROW LEVEL SECURITY});
	sql_as('app_reader', sprintf q{SELECT qlm_subscribe('T/x', -1, '%s'), qlm_subscribe('T/x', -1)}, $receiver->url('/policy'));
	for my $code (qw(query_canceled admin_shutdown serialization_failure deadlock_detected disk_full))
	{
		sql_as('app', "DELETE FROM app.code; INSERT INTO app.code VALUES ('$code')");
		is(return_code(write_to('T/x', $code)), 200, "a policy for the subscriber says $code");
		is(sql("SELECT qlm_write('T/x', '$code again')"), '', 'a superuser writes, too');
	}

	# How the writer's session is set is no matter of the subscriber's.
	sql_as('app', q{CREATE FUNCTION app.fine(qlm.payload_row[]) RETURNS text LANGUAGE sql AS $$ SELECT value || ' at ' || ts::text FROM unnest($1) $$});
	sql(q{SELECT qlm_add_format('fine', NULL, 'app.fine(qlm.payload_row[])'); DELETE FROM qlm.subscription; ALTER POLICY app ON qlm.value USING (true); GRANT app_reader TO app});
	sql_as('app_reader', sprintf q{SELECT qlm_handle('<omiEnvelope version="2.0" ttl="600"><read interval="-1" msgformat="fine" callback="%s"><msg><Objects><Object><id>T</id></Object></Objects></msg></read></omiEnvelope>')},
		$receiver->url('/fine'));
	sql("SET row_security = off; SET datestyle = german; SELECT qlm_write('T/x', 'told')");
	like(sql(q{SELECT envelope FROM qlm.outbox WHERE url LIKE '%/fine' ORDER BY seq LIMIT 1}), qr/told at \d{4}-\d\d-\d\d /, 'settings of the session that writes do not reach who is told');
	sql('DELETE FROM qlm.subscription; DROP POLICY app ON qlm.value; DROP POLICY others ON qlm.value; ALTER TABLE qlm.value DISABLE ROW LEVEL SECURITY');
	$receiver->stop;
};

$node->stop;
done_testing();
