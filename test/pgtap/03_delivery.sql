-- What an administrator sees of deliveries, and can do about them.
BEGIN;
SELECT plan(21);

CREATE ROLE qlm_t_reader NOLOGIN IN ROLE qlm_reader;
CREATE ROLE qlm_t_admin NOLOGIN IN ROLE qlm_admin;

SET ROLE qlm_t_admin;
SELECT lives_ok($$ SELECT qlm_add_peer('p', 'http://p.example/', secret => 'token') $$, 'a peer has a secret that it is shown');
SELECT is((SELECT secret FROM qlm.peer WHERE name = 'p'), 'token', 'which an administrator sees');
SELECT throws_ok($$ SELECT qlm_add_peer('q', secret => E'a\r\nHost: b') $$, '22023', NULL, 'it cannot hold further headers');
SELECT throws_ok($$ UPDATE qlm.peer SET secret = E'a\nb' $$, '23514', NULL, 'nor be given any later');
SELECT throws_ok($$ SELECT qlm_add_peer('q', 'http://q/' || repeat('x', 2000)) $$, '22023', NULL, 'a URL has a bound');

RESET ROLE;
SET qlm.callback_allow = 'c.example';
SET ROLE qlm_t_reader;
SELECT throws_ok($$ SELECT secret FROM qlm.peer $$, '42501', NULL, 'a reader sees no secret');
SELECT throws_ok($$ SELECT * FROM qlm.stat_delivery $$, '42501', NULL, 'nor deliveries');
SELECT throws_ok($$ SELECT * FROM qlm.stat_subscription $$, '42501', NULL, 'nor subscriptions');
SELECT throws_ok($$ SELECT * FROM qlm.executed $$, '42501', NULL, 'nor what was executed');
SELECT throws_ok($$ SELECT qlm_subscribe('A', -1, 'http://c.example/' || repeat('x', 2000)) $$, '54000', NULL, 'a callback has a bound');
SELECT qlm_subscribe('A', 60, 'http://c.example/') AS id \gset

SET ROLE qlm_t_admin;
SELECT qlm_request('p', qlm_read_envelope('A')) AS request \gset
INSERT INTO qlm.outbox (message_id, url, kind, envelope, subscription_id)
	SELECT 0, 'http://c.example/', 'response', '', :id;
SELECT is((SELECT array_agg((url, state, queued, oldest_waiting IS NOT NULL, attempts, failures)::text ORDER BY url)::text FROM qlm.stat_delivery),
	'{"(http://c.example/,ok,1,t,0,0)","(http://p.example/,ok,1,t,0,0)"}',
	'an endpoint shows what waits for it, by URL or for the peer');
INSERT INTO qlm.endpoint (url, failures, paused_until, last_failure, last_error, attempts)
	VALUES ('http://c.example/', 3, now() + interval '1 minute', now(), 'refused', 3);
SELECT results_eq($$ SELECT state, queued, failures, paused_until > now(), last_error, attempts, delivered FROM qlm.stat_delivery WHERE url ~ 'c.ex' $$,
	$$ VALUES ('paused', 1::bigint, 3, true, 'refused', 3::bigint, 0::bigint) $$, 'and why it is paused');
UPDATE qlm.endpoint SET paused_until = now() - interval '1 second';
SELECT results_eq($$ SELECT state, paused_until, last_error, last_failure = now() FROM qlm.stat_delivery WHERE url ~ 'c.ex' $$,
	$$ VALUES ('ok', NULL::timestamptz, 'refused', true) $$, 'until that is over; why it last failed, and when, stays to be seen');
SELECT is((SELECT (owner, callback, interval, targets, waiting, queued, deliveries, dropped, next_due > now())::text FROM qlm.stat_subscription WHERE request_id = :id),
	'(qlm_t_reader,http://c.example/,60,{A},0,1,0,0,t)', 'a subscription shows its owner and what waits');

SELECT is(qlm_requeue(:request), false, 'what still waits is not queued again');
UPDATE qlm.outbox SET state = 'failed', attempts = 4, last_error = 'HTTP 410', return_code = 404 WHERE message_id = :request;
SELECT is((SELECT queued FROM qlm.stat_delivery WHERE url ~ 'p.ex'), NULL, 'a failed message waits no more');
SELECT is(qlm_requeue(:request), true, 'but can be queued again');
SELECT results_eq(format('SELECT state, attempts, last_error, return_code FROM qlm.outbox WHERE message_id = %s', :request),
	$$ VALUES ('queued', 0, NULL::text, NULL::int) $$, 'as if it were new');
INSERT INTO qlm.executed VALUES ('p', '5', '', now());
SELECT is(qlm_drop_peer('p'), true, 'a peer goes');
SELECT is((SELECT count(*) FROM qlm.executed), 0::bigint, 'with what was executed for it');
SELECT is((SELECT state FROM qlm.outbox WHERE message_id = :request), 'cancelled', 'and what waits for it is cancelled');

SELECT * FROM finish();
ROLLBACK;
