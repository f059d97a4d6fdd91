-- A message has the rights of its role: GRANT and row level security decide.
BEGIN;
SELECT plan(31);

CREATE ROLE qlm_t_reader NOLOGIN IN ROLE qlm_reader;
CREATE ROLE qlm_t_writer NOLOGIN IN ROLE qlm_writer;
CREATE ROLE qlm_t_admin NOLOGIN IN ROLE qlm_admin;
CREATE ROLE qlm_t_nobody NOLOGIN;

CREATE FUNCTION pg_temp.message(verb text, content text) RETURNS text LANGUAGE sql AS $$
	SELECT format('<omiEnvelope version="1.0" ttl="1"><%1$s><msg><Objects>%2$s</Objects></msg></%3$s></omiEnvelope>', verb, content, split_part(verb, ' ', 1))
$$;
CREATE FUNCTION pg_temp.code(message xml) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(c::text, ' ') FROM unnest(xpath('//*[local-name()="return"]/@returnCode', message)) c
$$;
CREATE FUNCTION pg_temp.item(object text) RETURNS text LANGUAGE sql AS $$
	SELECT format('<Object><id>%s</id><InfoItem name="x"><value>1</value></InfoItem></Object>', object)
$$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pg_temp TO PUBLIC;

SELECT qlm_write('Shared/x', '1', '2024-01-01Z');

SET ROLE qlm_t_nobody;
SELECT throws_ok($$ SELECT qlm_handle('') $$, '42501', NULL, 'no role, no message');
SELECT throws_ok($$ SELECT * FROM qlm.history $$, '42501', NULL, 'nor a look at the tables');

SET ROLE qlm_t_reader;
SELECT is(pg_temp.code(qlm_handle(pg_temp.message('read', '<Object><id>Shared</id></Object>'))), '200', 'a reader reads');
SELECT is(pg_temp.code(qlm_handle(pg_temp.message('write', pg_temp.item('Shared')))), '403', 'but writes no value');
SELECT is(pg_temp.code(qlm_handle(pg_temp.message('write', pg_temp.item('New')))), '403', 'and makes no Object');
SELECT is(pg_temp.code(qlm_handle(pg_temp.message('delete', '<Object><id>Shared</id></Object>'))), '403', 'nor removes one');
SELECT throws_ok($$ SELECT qlm_write('Shared/x', '1') $$, '42501', NULL, 'nor with qlm_write');
SELECT throws_ok($$ SELECT qlm_request('p', '') $$, '42501', NULL, 'nor queues requests');
SELECT throws_ok($$ SELECT * FROM qlm.outbox $$, '42501', NULL, 'nor sees the queue');
SELECT throws_ok($$ SELECT credential FROM qlm.peer $$, '42501', NULL, 'nor credentials');
SELECT throws_ok($$ SELECT qlm_handle('<omiEnvelope version="1.0" ttl="1"><read/></omiEnvelope>', 'p') $$, '42501', NULL, 'nor speaks for a peer');
SELECT qlm_subscribe('Shared') AS id \gset
SELECT ok(:id > 0, 'but subscribes');

SET ROLE qlm_t_writer;
SELECT is(pg_temp.code(qlm_handle(pg_temp.message('write', pg_temp.item('New')))), '200', 'a writer writes');
SELECT throws_ok($$ SELECT qlm_request('p', '') $$, '42501', NULL, 'but queues no requests');
SELECT is((SELECT current_user::text), 'qlm_t_writer', 'and is still who it was');

RESET ROLE;
SELECT is((SELECT count(*) FROM qlm_poll(:id)), 0::bigint, 'nothing was written to what the reader subscribes to');
SELECT qlm_write('Shared/x', '2');

SET ROLE qlm_t_writer;
SELECT throws_ok(format('SELECT * FROM qlm_poll(%s)', :id), '42704', NULL, 'another role''s subscription is none');

SET ROLE qlm_t_admin;
SELECT lives_ok($$ SELECT qlm_add_peer('p', role => 'qlm_writer') $$, 'an administrator adds peers');
SELECT throws_ok($$ SELECT qlm_add_peer('q', role => 'postgres') $$, '42501', NULL, 'but not with rights beyond its own')
	WHERE EXISTS (SELECT FROM pg_roles WHERE rolname = 'postgres')
UNION ALL SELECT pass('no role postgres here') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'postgres');
SELECT is(pg_temp.code(qlm_handle(pg_temp.message('write', pg_temp.item('New')), 'p')), '200', 'and speaks for them');
SELECT throws_ok($$ INSERT INTO qlm.peer (name, role) VALUES ('q', 'pg_read_all_data') $$, '42501', NULL, 'no more rights by an INSERT either');
SELECT throws_ok($$ UPDATE qlm.peer SET role = 'pg_read_all_data' WHERE name = 'p' $$, '42501', NULL, 'nor by an UPDATE');
SELECT throws_ok($$ UPDATE qlm.peer SET role = 'qlm_t_not_yet' WHERE name = 'p' $$, '42501', NULL, 'nor those of a role to come');
SELECT lives_ok($$ UPDATE qlm.peer SET role = 'qlm_reader' WHERE name = 'p' $$, 'but rights of its own');
SELECT throws_ok($$ UPDATE qlm.subscription SET role = 'qlm_t_admin' $$, '42501', NULL, 'subscriptions keep their role');
SELECT lives_ok($$ SELECT count(*) FROM qlm.stat_worker $$, 'an administrator sees the workers');
SELECT lives_ok($$ SELECT count(*) FROM qlm.stat_peer $$, 'and the queues');

RESET ROLE;
ALTER TABLE qlm.info_item ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON qlm.info_item TO qlm_t_reader USING (path ^@ 'New/');
SET ROLE qlm_t_reader;
SELECT is(pg_temp.code(qlm_handle(pg_temp.message('read', '<Object><id>New</id><InfoItem name="x"/></Object>'))), '200', 'row level security shows some');
SELECT is(pg_temp.code(qlm_handle(pg_temp.message('read', '<Object><id>Shared</id><InfoItem name="x"/></Object>'))), '404', 'and hides others');
SELECT is((SELECT count(*) FROM qlm.history WHERE path = 'Shared/x'), 0::bigint, 'in the views too');
RESET ROLE;
SELECT is((SELECT count(*) FROM qlm.history WHERE path = 'Shared/x') > 0, true, 'though it is there');

SELECT * FROM finish();
ROLLBACK;
