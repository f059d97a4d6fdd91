-- Functions registered for paths, and calls of them (protocol: call)
\getenv sources PG_ABS_SRCDIR
\set prelude :sources /sql/include/prelude.psql
\i :prelude
SET check_function_bodies = off;

\echo == what has no handler is not found
SELECT pg_temp.show(qlm_handle(pg_temp.odf('call', '<Object><id>F1</id><InfoItem name="defrost"><value>20</value></InfoItem></Object>')));
\echo == (xml): gets the InfoItem with its parameter, without namespaces
CREATE TABLE public.calls (at serial, who name, path text, payload text);
GRANT INSERT, SELECT ON public.calls TO qlm_reader;
GRANT USAGE ON SEQUENCE public.calls_at_seq TO qlm_reader;
CREATE FUNCTION public.defrost(payload xml) RETURNS xml LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO calls (who, payload) VALUES (current_user, payload::text);	-- found in the function's own schema
	RETURN xmlelement(name "Objects", xmlelement(name "Object", xmlelement(name "id", 'F1'),
		xmlelement(name "InfoItem", xmlattributes('defrosting' AS name), xmlelement(name "value", xmlattributes('xs:boolean' AS type), 'true'))));
END $$;
SELECT qlm_set_handler('/Objects/F1/defrost', 'public.defrost(xml)');
SELECT * FROM qlm.handler;
SELECT pg_temp.show(qlm_handle(pg_temp.odf('call', '<Object><id>F1</id><InfoItem name="defrost" mode="fast"><value type="xs:int">20</value></InfoItem></Object>')));
SELECT payload FROM public.calls ORDER BY at DESC LIMIT 1;
\echo == a parameter Object
SELECT count(qlm_handle(pg_temp.odf('call', '<Object><id>F1</id><InfoItem name="defrost"><value type="odf"><Objects><Object><id>p</id><InfoItem name="minutes"><value>20</value></InfoItem></Object></Objects></value></InfoItem></Object>')));
SELECT payload FROM public.calls ORDER BY at DESC LIMIT 1;
SELECT (xpath('/Objects/Object/InfoItem/value/Objects/Object/InfoItem/value/text()', payload::xml))[1] FROM public.calls ORDER BY at DESC LIMIT 1;
\echo == nothing is stored by the node
SELECT count(*) FROM qlm.info_item WHERE path LIKE 'F1%';
\echo == (text): gets the value, returns one
CREATE FUNCTION public.twice(value text) RETURNS text LANGUAGE sql AS $$ SELECT (value::int * 2)::text $$;
SELECT qlm_set_handler('F1/twice', 'public.twice(text)');
SELECT pg_temp.show(qlm_handle(pg_temp.odf('call', '<Object><id>F1</id><InfoItem name="twice"><value>21</value></InfoItem></Object>')));
SELECT pg_temp.show(qlm_handle(pg_temp.odf('call', '<Object><id>F1</id><InfoItem name="twice"/></Object>')));
\echo == (path text, payload xml): for an Object, all below it that has no handler of its own
CREATE FUNCTION public.any(path text, payload xml) RETURNS text LANGUAGE sql AS $$ SELECT 'called ' || path $$;
SELECT qlm_set_handler('F2', 'public."any"(text,xml)');
SELECT qlm_set_handler('F2/part/own', 'public.twice(text)');
SELECT pg_temp.show(qlm_handle(pg_temp.odf('call', '<Object><id>F2</id><InfoItem name="a"/><Object><id>part</id><InfoItem name="b"/><InfoItem name="own"><value>4</value></InfoItem></Object></Object>')));
SELECT pg_temp.show(qlm_handle(pg_temp.odf('call', '<Object><id>F22</id><InfoItem name="a"/></Object>')));
\echo == several in one call: what succeeds is merged, each failure is a result
SELECT pg_temp.show(qlm_handle(pg_temp.odf('call', '<Object><id>F1</id><InfoItem name="twice"><value>x</value></InfoItem><InfoItem name="defrost"/><InfoItem name="none"/></Object><Object><id>F2</id><InfoItem name="c"/></Object>')));
\echo == errors are undone, and become results
CREATE FUNCTION public.fails(value text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO calls (payload) VALUES ('lost');
	RAISE EXCEPTION 'the door is open' USING ERRCODE = value;
END $$;
SELECT qlm_set_handler('F1/fails', 'public.fails(text)');
SELECT pg_temp.show(qlm_handle(pg_temp.odf('call', format('<Object><id>F1</id><InfoItem name="fails"><value>%s</value></InfoItem></Object>', code)))) FROM unnest('{P0001,22023,23505,42501,53100,57P01}'::text[]) code;
SELECT count(*) FROM public.calls WHERE payload = 'lost';
\echo == other verbs of the message go on
SELECT pg_temp.show(qlm_handle(pg_temp.envelope(format('<call><msg>%s</msg></call><write><msg>%s</msg></write><call><msg>%s</msg></call>',
	'<Objects><Object><id>F1</id><InfoItem name="fails"><value>P0001</value></InfoItem></Object></Objects>',
	'<Objects><Object><id>F3</id><InfoItem name="x"><value>1</value></InfoItem></Object></Objects>',
	'<Objects><Object><id>F1</id><InfoItem name="twice"><value>3</value></InfoItem></Object></Objects>'))));
\echo == what returns nothing, something else than O-DF, or wrong O-DF
CREATE FUNCTION public.unescaped(payload xml) RETURNS xml LANGUAGE sql AS $$ SELECT replace(replace((xpath('//value/text()', payload))[1]::text, '&lt;', '<'), '&gt;', '>')::xml $$;
CREATE FUNCTION public.silent(payload xml) RETURNS void LANGUAGE sql AS $$ SELECT NULL::xml $$;
SELECT qlm_set_handler('F4/silent', 'public.silent(xml)'), qlm_set_handler('F4/unescaped', 'public.unescaped(xml)');
SELECT pg_temp.show(qlm_handle(pg_temp.odf('call', '<Object><id>F4</id><InfoItem name="silent"/></Object>')));
SELECT pg_temp.show(qlm_handle(pg_temp.odf('call', format('<Object><id>F4</id><InfoItem name="unescaped"><value>%s</value></InfoItem></Object>', v)))) FROM unnest('{
	"&lt;other&gt;1&lt;/other&gt;",
	"plain",
	"&lt;?xml version=''1.0''?&gt;&lt;Objects/&gt;",
	"&lt;Objects&gt;&lt;Object&gt;&lt;id&gt;F4&lt;/id&gt;&lt;InfoItem/&gt;&lt;/Object&gt;&lt;/Objects&gt;",
	"&lt;Objects&gt;&lt;Object/&gt;&lt;/Objects&gt;"}'::text[]) v;
\echo == settings and roles are as before, whatever a function does
CREATE FUNCTION public.spoils(value text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('search_path', 'nowhere', false), set_config('qlm_test.x', 'spoilt', false), set_config('work_mem', '1MB', true);
	RETURN current_setting('search_path');
END $$;
SELECT qlm_set_handler('F4/spoils', 'public.spoils(text)');
SHOW search_path;
SELECT pg_temp.show(qlm_handle(pg_temp.odf('call', '<Object><id>F4</id><InfoItem name="spoils"/></Object>')));
SHOW search_path;
SELECT current_setting('qlm_test.x', true), current_setting('work_mem') <> '1MB';
\echo == names are found where the function is and where qlm is
CREATE SCHEMA app;
GRANT USAGE ON SCHEMA app TO qlm_reader;
CREATE FUNCTION app.path(value text) RETURNS text LANGUAGE sql AS $$ SELECT current_setting('search_path') $$;
CREATE FUNCTION app.own(value text) RETURNS text LANGUAGE sql SET search_path = app AS $$ SELECT current_setting('search_path') $$;
SELECT qlm_set_handler('F5/path', 'app.path(text)'), qlm_set_handler('F5/own', 'app.own(text)');
SELECT value FROM qlm_call('F5/path');
SELECT value FROM qlm_call('F5/own');
\echo == a function may use the node
CREATE FUNCTION public.uses(path text, payload xml) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	n int := (xpath('//value/text()', payload))[1]::text;
BEGIN
	IF n = 0 THEN RETURN 'end'; END IF;
	PERFORM qlm_write('F6/count', n::text);
	NOTIFY qlm_test;
	RETURN n || ' ' || (xpath('//*[local-name()=''value'']/text()', qlm_handle(qlm_call_envelope(path, (n - 1)::text))))[1];
EXCEPTION WHEN division_by_zero THEN RETURN 'never';
END $$;
SELECT qlm_set_handler('F6/uses', 'public.uses(text,xml)');
SELECT pg_temp.show(qlm_handle(pg_temp.odf('call', '<Object><id>F6</id><InfoItem name="uses"><value>3</value></InfoItem></Object>')));
SELECT count(*) FROM qlm.history WHERE path = 'F6/count';
CREATE FUNCTION public.endless(value text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN (SELECT c.value FROM qlm_call('F6/endless') AS c);
END $$;
SELECT qlm_set_handler('F6/endless', 'public.endless(text)');
SELECT pg_temp.show(qlm_handle(pg_temp.odf('call', '<Object><id>F6</id><InfoItem name="endless"/></Object>')));
\echo == in its time: ttl
CREATE FUNCTION public.sleeps(value text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO calls (payload) VALUES ('slept');
	PERFORM pg_sleep(value::float);
	RETURN 'awake';
EXCEPTION WHEN query_canceled THEN
	IF value = '61' THEN PERFORM pg_sleep(60); END IF;
	RAISE;
END $$;
SELECT qlm_set_handler('F7/sleeps', 'public.sleeps(text)');
SELECT pg_temp.show(qlm_handle(replace(pg_temp.odf('call', '<Object><id>F7</id><InfoItem name="sleeps"><value>60</value></InfoItem></Object>'), 'ttl="10"', 'ttl="0.1"')));
\echo == also for one that goes on after it was told to stop
SELECT pg_temp.show(qlm_handle(replace(pg_temp.odf('call', '<Object><id>F7</id><InfoItem name="sleeps"><value>61</value></InfoItem></Object>'), 'ttl="10"', 'ttl="0.1"')));
SELECT count(*) FROM public.calls WHERE payload = 'slept';
SELECT pg_temp.show(qlm_handle(replace(pg_temp.odf('call', '<Object><id>F7</id><InfoItem name="sleeps"><value>0</value></InfoItem></Object>'), 'ttl="10"', 'ttl="5"')));
SELECT pg_sleep(0.2);
\echo == an inner call ends with the outer one
CREATE FUNCTION public.nests(value text) RETURNS xml LANGUAGE plpgsql AS $$
BEGIN
	RETURN '<a>' || (xpath('//@returnCode', qlm_handle(pg_temp.odf('call', '<Object><id>F7</id><InfoItem name="sleeps"><value>60</value></InfoItem></Object>'))))[1]::text || '</a>';
END $$;
SELECT qlm_set_handler('F7/nests', 'public.nests(text)');
SELECT pg_temp.show(qlm_handle(replace(pg_temp.odf('call', '<Object><id>F7</id><InfoItem name="nests"/></Object>'), 'ttl="10"', 'ttl="0.2"')));
\echo == a cancel of the session ends the statement
SET statement_timeout = '100ms';
\set VERBOSITY terse
SELECT qlm_handle(pg_temp.odf('call', '<Object><id>F7</id><InfoItem name="sleeps"><value>60</value></InfoItem></Object>'));
RESET statement_timeout;
\echo == without XML
SELECT * FROM qlm_call('F1/twice', '21');
SELECT * FROM qlm_call('Objects/F1/twice', 21);
SELECT * FROM qlm_call('F1/defrost');
SELECT * FROM qlm_call('F4/silent');
SELECT * FROM qlm_call('F1/fails', '22023');
SELECT * FROM qlm_call('F1/none');
SELECT * FROM qlm_call('F1');
SELECT qlm_call_envelope('F1/twice', '21', 'xs:int');
SELECT qlm_call_envelope('F1/twice');
SELECT pg_temp.show(qlm_handle(qlm_call_envelope('F1/twice', '21')));
\echo == by other names of what is stored
SELECT pg_temp.show(qlm_handle(pg_temp.odf('write', '<Object><id>F1</id><id>urn:f1</id><InfoItem name="twice"><altname>double</altname></InfoItem></Object>')));
SELECT pg_temp.show(qlm_handle(pg_temp.odf('call', '<Object><id>urn:f1</id><InfoItem name="double"><value>8</value></InfoItem></Object>')));
SELECT path, value FROM qlm_call('urn:f1/double', '8');
\echo == rights: those of the caller, and EXECUTE
CREATE ROLE regress_caller IN ROLE qlm_reader;
CREATE ROLE regress_admin IN ROLE qlm_admin, qlm_reader;
REVOKE EXECUTE ON FUNCTION public.twice(text) FROM PUBLIC;
SET ROLE regress_caller;
SELECT qlm_set_handler('F1/twice', NULL);
SELECT pg_temp.show(qlm_handle(pg_temp.odf('call', '<Object><id>F1</id><InfoItem name="twice"><value>1</value></InfoItem><InfoItem name="defrost"/></Object>')));
SELECT who FROM public.calls ORDER BY at DESC LIMIT 1;
SELECT * FROM qlm_call('F1/twice', 1);
RESET ROLE;
SET ROLE regress_admin;
SELECT qlm_set_handler('F8/twice', 'public.twice(text)');
RESET ROLE;
GRANT CREATE ON SCHEMA app TO regress_admin;
SET ROLE regress_admin;
CREATE FUNCTION app.borrow(value text) RETURNS text LANGUAGE sql AS $$ SELECT current_user::text $$;
SELECT qlm_set_handler('F8/borrow', 'app.borrow(text)');
SELECT value FROM qlm_call('F8/borrow');
RESET ROLE;
\echo == a superuser does not run what others wrote, unless with their rights
SELECT value FROM qlm_call('F8/borrow');
SELECT pg_temp.show(qlm_handle(qlm_call_envelope('F8/borrow')));
ALTER FUNCTION app.borrow(text) SECURITY DEFINER;
SELECT value FROM qlm_call('F8/borrow');
\echo == where row security hides InfoItems, only what is seen is called
SELECT qlm_write('F5/path', '1'), qlm_write('F6/uses', '1');
ALTER TABLE qlm.info_item ENABLE ROW LEVEL SECURITY;
CREATE POLICY regress ON qlm.info_item TO regress_caller USING (path ^@ 'F5/');
SET ROLE regress_caller;
SELECT value FROM qlm_call('F5/path');
SELECT value FROM qlm_call('F6/uses', '0');
RESET ROLE;
DROP POLICY regress ON qlm.info_item;
ALTER TABLE qlm.info_item DISABLE ROW LEVEL SECURITY;
\echo == what cannot be a handler, and calls that are none
SELECT qlm_set_handler('', 'public.twice(text)');
SELECT qlm_set_handler('F1//x', 'public.twice(text)');
SELECT qlm_set_handler('F1/x', 'nowhere(text)');
SELECT qlm_set_handler('F1/x', 'pg_catalog.abs(int)');
SELECT qlm_set_handler('F1/x', 'pg_catalog.string_to_table(text,text)');
SELECT pg_temp.show(qlm_handle(pg_temp.odf('call', '<Object><id>F1</id></Object>')));
SELECT pg_temp.show(qlm_handle(pg_temp.envelope('<call/>')));
SELECT pg_temp.show(qlm_handle(pg_temp.envelope('<call msgformat="obix"><msg>a;1</msg></call>')));
\echo == a function that is gone, and a handler that is removed
DROP FUNCTION app.borrow(text);
SELECT pg_temp.show(qlm_handle(qlm_call_envelope('F8/borrow')));
SELECT qlm_set_handler('F8/borrow', NULL), qlm_set_handler('F8/borrow', NULL);
SELECT pg_temp.show(qlm_handle(qlm_call_envelope('F8/borrow')));
\echo == a read of the device: handlers of reads
CREATE FUNCTION public.measure(path text, payload xml) RETURNS xml LANGUAGE plpgsql AS $$
BEGIN
	IF path = 'F9/broken' THEN RAISE EXCEPTION 'no contact'; END IF;
	IF path = 'F9/silent' THEN RETURN NULL; END IF;
	RETURN '<Objects><Object><id>F9</id><InfoItem name="' || split_part(path, '/', 2) || '"><value unixTime="1714557600">measured</value></InfoItem></Object></Objects>';
END $$;
SELECT qlm_set_handler('F9', 'public.measure(text,xml)', 'read'), qlm_set_handler('F9', 'public.twice(text)');
SELECT * FROM qlm.handler WHERE path = 'F9' ORDER BY verb;
SELECT qlm_write('F9/a', 'stored', '2024-01-01Z'), qlm_write('F9/broken', 'stored', '2024-01-01Z');
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read targetType="device"', '<Object><id>F9</id><InfoItem name="a"/><InfoItem name="new"/></Object>')));
SELECT value FROM qlm.current WHERE path = 'F9/a';
\echo == where it fails: what is stored, else 504
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read targetType="device"', '<Object><id>F9</id><InfoItem name="a"/><InfoItem name="broken"/></Object>')));
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read targetType="device"', '<Object><id>F9</id><InfoItem name="silent"/></Object>')));
\echo == whole Objects, history, and other reads are of what is stored
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read targetType="device"', '<Object><id>F9</id></Object>')));
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read targetType="device" newest="1"', '<Object><id>F9</id><InfoItem name="a"/></Object>')));
SELECT pg_temp.show(qlm_handle(pg_temp.odf('read', '<Object><id>F9</id><InfoItem name="a"/></Object>')));
\echo == a time that the function does not give is that of now
SELECT qlm_set_handler('F9/now', 'public.any(text,xml)', 'read');
SELECT (xpath('//@dateTime', qlm_handle(pg_temp.odf('read targetType="device"', '<Object><id>F9</id><InfoItem name="now"/></Object>'))))[1]::text::timestamptz BETWEEN now() AND clock_timestamp();
SELECT qlm_set_handler('F9', 'public.measure(text,xml)', 'write');
SELECT qlm_set_handler('F9', NULL, 'read'), qlm_set_handler('F9/now', NULL, 'read');
SELECT path, verb FROM qlm.handler WHERE path ^@ 'F9';
\echo == what belongs to a peer is sent on to it
SELECT qlm_add_peer('oven', paths => '{Oven}', role => 'qlm_writer') > 0;
SELECT pg_temp.show(qlm_handle(qlm_call_envelope('Oven/bake', '200')));
SELECT peer, state, envelope FROM (SELECT peer, state, regexp_replace(envelope, 'qlmHops="\w+"', 'qlmHops="#"') AS envelope FROM qlm.outbox WHERE peer = 'oven') o;
SELECT * FROM qlm_call('Oven/bake', '200');
\echo == but not by the peer itself; with a callback its answer is waited for
SET qlm.callback_allow = '127.0.0.1';
SELECT pg_temp.show(qlm_handle(qlm_call_envelope('Oven/bake', '200')::text, 'oven'));
SELECT pg_temp.show(qlm_handle(replace(qlm_call_envelope('Oven/bake', '200')::text, '<call ', '<call callback="http://127.0.0.1:9/" ')));
SELECT (xpath('//@returnCode', g.envelope::xml))[1], g.callback, o.peer FROM qlm.gathering AS g JOIN qlm.outbox AS o ON o.awaited_by = g.request_id;
DELETE FROM qlm.gathering;
RESET qlm.callback_allow;
SELECT qlm_drop_peer('oven');
DELETE FROM qlm.outbox;
DELETE FROM qlm.handler;
DROP TABLE public.calls;
DROP FUNCTION public.defrost, public.twice, public.any, public.fails, public.unescaped, public.silent, public.spoils, public.measure, public.uses, public.endless, public.sleeps, public.nests;
DROP FUNCTION app.path, app.own;
DROP SCHEMA app;
DROP ROLE regress_caller, regress_admin;
SELECT count(qlm_delete(path)) FROM (SELECT path FROM qlm.object WHERE parent_id IS NULL AND path ~ 'F\d+$') o;
\set ECHO none
