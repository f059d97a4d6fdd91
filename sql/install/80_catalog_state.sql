/*
 * What is set up on the members of the extension, one row for each thing that
 * an administrator may change and that pg_dump leaves to the extension.  Rights are
 * not among them, since pg_dump carries those; nor are partitions, which are tables of
 * their own to it.
 *
 * step: order in which things are made, columns first and as they stand, since rows may be inserted
 * without names.  statement: what it is, to be compared;
 * command: makes it so, also where it is there already; removal: makes it
 * as if it had never been; null: nothing does.
 */
CREATE OR REPLACE FUNCTION qlm.catalog_state()
	RETURNS TABLE (step int, kind text, object text, statement text, command text, removal text)
	LANGUAGE sql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
WITH member AS MATERIALIZED (
	SELECT d.classid, d.objid
	FROM pg_depend AS d
		JOIN pg_extension AS e ON e.oid = d.refobjid
	WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'qlm'),
relation AS MATERIALIZED (
	SELECT c.oid, c.relname, c.relkind, c.relowner, c.reloptions, c.reltoastrelid, c.reltablespace, c.relpersistence,
		c.relreplident, c.relrowsecurity, c.relforcerowsecurity, format('%I.%I', n.nspname, c.relname) AS name,
		CASE c.relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END AS class
	FROM member AS m
		JOIN pg_class AS c ON c.oid = m.objid
		JOIN pg_namespace AS n ON n.oid = c.relnamespace
	WHERE m.classid = 'pg_class'::regclass AND c.relkind IN ('r', 'p', 'v', 'S')),
field AS MATERIALIZED (
	SELECT a.*, r.name, r.relkind, format('%s.%I', r.name, a.attname) AS object,
		format('ALTER TABLE %s ALTER COLUMN %I', r.name, a.attname) AS alter_column,
		pg_get_expr(d.adbin, d.adrelid) AS expression, t.typstorage
	FROM relation AS r
		JOIN pg_attribute AS a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
		JOIN pg_type AS t ON t.oid = a.atttypid
		LEFT JOIN pg_attrdef AS d ON d.adrelid = r.oid AND d.adnum = a.attnum
	WHERE r.relkind IN ('r', 'p', 'v')),
own_index AS MATERIALIZED (
	SELECT i.*, c.reltablespace, r.name AS table_name, r.relkind, c.relname AS index_name, format('%I.%I', n.nspname, c.relname) AS name,
		EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = c.oid AND k.conrelid = r.oid AND k.contype IN ('p', 'u', 'x')) AS is_constraint
	FROM relation AS r
		JOIN pg_index AS i ON i.indrelid = r.oid
		JOIN pg_class AS c ON c.oid = i.indexrelid AND NOT c.relispartition
		JOIN pg_namespace AS n ON n.oid = c.relnamespace),
/* What belongs to members and has comments and labels of its own */
described AS MATERIALIZED (
	SELECT classid, objid FROM member
	UNION SELECT 'pg_class'::regclass, indexrelid FROM own_index
	UNION SELECT 'pg_constraint'::regclass, k.oid FROM pg_constraint AS k JOIN relation AS r ON r.oid = k.conrelid
	UNION SELECT 'pg_trigger'::regclass, t.oid FROM pg_trigger AS t JOIN relation AS r ON r.oid = t.tgrelid
	UNION SELECT 'pg_policy'::regclass, p.oid FROM pg_policy AS p JOIN relation AS r ON r.oid = p.polrelid
	UNION SELECT 'pg_rewrite'::regclass, w.oid FROM pg_rewrite AS w JOIN relation AS r ON r.oid = w.ev_class
	UNION SELECT 'pg_statistic_ext'::regclass, s.oid FROM pg_statistic_ext AS s JOIN relation AS r ON r.oid = s.stxrelid),
routine AS MATERIALIZED (
	SELECT p.*, p.oid::regprocedure::text AS name
	FROM member AS m
		JOIN pg_proc AS p ON p.oid = m.objid
	WHERE m.classid = 'pg_proc'::regclass)

SELECT 1, 'row security', name, 'on',
	format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', name), format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', name)
FROM relation WHERE relrowsecurity
UNION ALL
SELECT 82, 'forced row security', name, 'on',
	format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', name), format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', name)
FROM relation WHERE relforcerowsecurity
UNION ALL
SELECT 80, 'policy', format('%I on %s', p.polname, r.name), d.definition,
	format('DROP POLICY IF EXISTS %I ON %s; %s', p.polname, r.name, d.definition),
	format('DROP POLICY IF EXISTS %I ON %s', p.polname, r.name)
FROM relation AS r
	JOIN pg_policy AS p ON p.polrelid = r.oid
	CROSS JOIN LATERAL (SELECT format('CREATE POLICY %I ON %s AS %s FOR %s TO %s%s%s', p.polname, r.name,
		CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
		CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
		(SELECT string_agg(CASE m.role WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(m.role)) END, ', ' ORDER BY pg_get_userbyid(m.role))
			FROM unnest(p.polroles) AS m(role)),
		' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')',
		' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')') AS definition) AS d
UNION ALL
SELECT attnum - 2000, 'column', object, 'there',
	format('ALTER TABLE %s ADD COLUMN IF NOT EXISTS %I %s%s%s%s', name, attname, format_type(atttypid, atttypmod),
		CASE WHEN attcollation <> 0 AND attcollation <> (SELECT typcollation FROM pg_type WHERE oid = atttypid)
			THEN format(' COLLATE %s', attcollation::regcollation) END,
		CASE WHEN attgenerated <> '' THEN format(' GENERATED ALWAYS AS (%s) STORED', expression)
			ELSE ' DEFAULT ' || expression END,
		CASE WHEN attnotnull AND expression IS NOT NULL THEN ' NOT NULL' END), NULL
FROM field WHERE relkind IN ('r', 'p') AND attinhcount = 0
UNION ALL
SELECT 11, 'default', object, expression, format('%s SET DEFAULT %s', alter_column, expression), format('%s DROP DEFAULT', alter_column)
FROM field WHERE expression IS NOT NULL AND attgenerated = ''
UNION ALL
SELECT 12, 'not null', object, 'on', format('%s SET NOT NULL', alter_column), format('%s DROP NOT NULL', alter_column)
FROM field WHERE attnotnull AND attinhcount = 0
UNION ALL
SELECT 13, 'identity', f.object, f.attidentity::text, format('%s DROP IDENTITY IF EXISTS; %1$s ADD GENERATED %s AS IDENTITY%s', f.alter_column,
		CASE f.attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END,
		format(' (START WITH %s INCREMENT BY %s)', COALESCE(pg_sequence_last_value(s.seqrelid) + s.seqincrement, s.seqstart), s.seqincrement)),
	format('%s DROP IDENTITY IF EXISTS', f.alter_column)
FROM field AS f
	JOIN pg_sequence AS s ON s.seqrelid = pg_get_serial_sequence(f.name, f.attname)::regclass
WHERE f.attidentity <> ''
UNION ALL
SELECT 14, 'storage', object, s.word, format('%s SET STORAGE %s', alter_column, s.word), format('%s SET STORAGE %s', alter_column, s.usual)
FROM field
	CROSS JOIN LATERAL (SELECT CASE attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END,
		CASE typstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END) AS s(word, usual)
WHERE relkind IN ('r', 'p') AND attstorage <> typstorage
UNION ALL
SELECT 14, 'compression', object, s.word, format('%s SET COMPRESSION %s', alter_column, s.word), format('%s SET COMPRESSION DEFAULT', alter_column)
FROM field
	CROSS JOIN LATERAL (SELECT CASE attcompression WHEN 'l' THEN 'lz4' ELSE 'pglz' END) AS s(word)
WHERE relkind IN ('r', 'p') AND attcompression <> ''
UNION ALL
SELECT 14, 'statistics target', object, attstattarget::text, format('%s SET STATISTICS %s', alter_column, attstattarget),
	format('%s SET STATISTICS -1', alter_column)
FROM field WHERE relkind IN ('r', 'p') AND attstattarget >= 0
UNION ALL
SELECT 14, 'column option', format('%s %s', object, o.name), o.value, format('%s SET (%s = %L)', alter_column, o.name, o.value),
	format('%s RESET (%s)', alter_column, o.name)
FROM field
	CROSS JOIN LATERAL (SELECT split_part(u, '=', 1), substr(u, strpos(u, '=') + 1) FROM unnest(attoptions) AS u) AS o(name, value)
WHERE o.name IN ('n_distinct', 'n_distinct_inherited')
UNION ALL
SELECT CASE k.contype WHEN 'f' THEN 26 ELSE 25 END, 'constraint', format('%I on %s', k.conname, r.name), pg_get_constraintdef(k.oid),
	format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I; ALTER TABLE %1$s ADD CONSTRAINT %2$I %s', r.name, k.conname, pg_get_constraintdef(k.oid)),
	format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I', r.name, k.conname)
FROM relation AS r
	JOIN pg_constraint AS k ON k.conrelid = r.oid
WHERE k.contype IN ('c', 'f', 'u', 'p', 'x') AND k.conparentid = 0 AND k.coninhcount = 0
UNION ALL
SELECT 30, 'index', i.name, pg_get_indexdef(i.indexrelid),
	format('CREATE %sINDEX IF NOT EXISTS %I ON %s%s ', CASE WHEN i.indisunique THEN 'UNIQUE ' END, i.index_name, CASE WHEN NOT i.indisvalid THEN 'ONLY ' END, i.table_name)
		|| substr(pg_get_indexdef(i.indexrelid), 1 + length(format('CREATE %sINDEX %I ON %s%s ', CASE WHEN i.indisunique THEN 'UNIQUE ' END,
			i.index_name, CASE i.relkind WHEN 'p' THEN 'ONLY ' END, i.table_name))),
	format('DROP INDEX IF EXISTS %s', i.name)
FROM own_index AS i WHERE NOT i.is_constraint AND (i.indisvalid OR i.relkind = 'p')
UNION ALL
SELECT 31, 'index statistics target', format('%s %s', i.name, a.attnum), a.attstattarget::text,
	format('ALTER INDEX %s ALTER COLUMN %s SET STATISTICS %s', i.name, a.attnum, a.attstattarget), NULL
FROM own_index AS i
	JOIN pg_attribute AS a ON a.attrelid = i.indexrelid
WHERE a.attstattarget >= 0
UNION ALL
SELECT 32, 'clustered', i.table_name, i.name, format('ALTER TABLE %s CLUSTER ON %I', i.table_name, i.index_name),
	format('ALTER TABLE %s SET WITHOUT CLUSTER', i.table_name)
FROM own_index AS i WHERE i.indisclustered
UNION ALL
SELECT 33, 'tablespace', x.name, t.spcname::text, format('ALTER %s %s SET TABLESPACE %I', x.class, x.name, t.spcname),
	format('ALTER %s %s SET TABLESPACE pg_default', x.class, x.name)
FROM (SELECT name, 'TABLE' AS class, reltablespace FROM relation UNION ALL SELECT name, 'INDEX', reltablespace FROM own_index) AS x
	JOIN pg_tablespace AS t ON t.oid = x.reltablespace
UNION ALL
SELECT 40, 'replica identity', r.name, d.definition, format('ALTER TABLE %s REPLICA IDENTITY %s', r.name, d.definition), NULL
FROM relation AS r
	CROSS JOIN LATERAL (SELECT CASE r.relreplident WHEN 'd' THEN 'DEFAULT' WHEN 'n' THEN 'NOTHING' WHEN 'f' THEN 'FULL'
		ELSE (SELECT format('USING INDEX %I', c.relname) FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
			WHERE i.indrelid = r.oid AND i.indisreplident) END) AS d(definition)
WHERE r.relkind IN ('r', 'p') AND d.definition IS NOT NULL
UNION ALL
SELECT 42, 'statistics', s.stxname_full, pg_get_statisticsobjdef(s.oid),
	'CREATE STATISTICS IF NOT EXISTS ' || substr(pg_get_statisticsobjdef(s.oid), length('CREATE STATISTICS ') + 1),
	format('DROP STATISTICS IF EXISTS %s', s.stxname_full)
FROM (SELECT x.oid, x.stxrelid, format('%I.%I', n.nspname, x.stxname) AS stxname_full
		FROM pg_statistic_ext AS x JOIN pg_namespace AS n ON n.oid = x.stxnamespace) AS s
	JOIN relation AS r ON r.oid = s.stxrelid
UNION ALL
SELECT 43, 'statistics target', format('%I.%I', n.nspname, s.stxname), s.stxstattarget::text,
	format('ALTER STATISTICS %I.%I SET STATISTICS %s', n.nspname, s.stxname, s.stxstattarget), NULL
FROM pg_statistic_ext AS s
	JOIN relation AS r ON r.oid = s.stxrelid
	JOIN pg_namespace AS n ON n.oid = s.stxnamespace
WHERE s.stxstattarget >= 0
UNION ALL
SELECT 45, 'option', format('%s %s', r.name, o.name), o.value, format('ALTER %s %s SET (%s = %L)', r.class, r.name, o.name, o.value),
	format('ALTER %s %s RESET (%s)', r.class, r.name, o.name)
FROM relation AS r
	LEFT JOIN pg_class AS t ON t.oid = r.reltoastrelid
	CROSS JOIN LATERAL (SELECT split_part(u, '=', 1), substr(u, strpos(u, '=') + 1)
		FROM (SELECT unnest(r.reloptions) UNION ALL SELECT 'toast.' || x FROM unnest(t.reloptions) AS x) AS both_of(u)) AS o(name, value)
UNION ALL
SELECT 46, 'unlogged', name, 'on', format('ALTER TABLE %s SET UNLOGGED', name), format('ALTER TABLE %s SET LOGGED', name)
FROM relation WHERE relkind = 'r' AND relpersistence = 'u'
UNION ALL
SELECT 50, 'sequence', r.name, d.definition, format('ALTER SEQUENCE %s %s', r.name, d.definition), NULL
FROM relation AS r
	JOIN pg_sequence AS s ON s.seqrelid = r.oid
	CROSS JOIN LATERAL (SELECT format('AS %s INCREMENT BY %s MINVALUE %s MAXVALUE %s START WITH %s CACHE %s %s', format_type(s.seqtypid, NULL),
		s.seqincrement, s.seqmin, s.seqmax, s.seqstart, s.seqcache, CASE WHEN s.seqcycle THEN 'CYCLE' ELSE 'NO CYCLE' END)) AS d(definition)
UNION ALL
SELECT 55, 'function option', p.name, d.definition, format('ALTER FUNCTION %s %s', p.name, d.definition), NULL
FROM routine AS p
	CROSS JOIN LATERAL (SELECT format('%s %sLEAKPROOF %s SECURITY %s PARALLEL %s COST %s%s',
		CASE p.provolatile WHEN 'i' THEN 'IMMUTABLE' WHEN 's' THEN 'STABLE' ELSE 'VOLATILE' END, CASE WHEN NOT p.proleakproof THEN 'NOT ' END,
		CASE WHEN p.proisstrict THEN 'STRICT' ELSE 'CALLED ON NULL INPUT' END, CASE WHEN p.prosecdef THEN 'DEFINER' ELSE 'INVOKER' END,
		CASE p.proparallel WHEN 's' THEN 'SAFE' WHEN 'r' THEN 'RESTRICTED' ELSE 'UNSAFE' END, p.procost,
		CASE WHEN p.proretset THEN format(' ROWS %s', p.prorows) END)) AS d(definition)
UNION ALL
SELECT 56, 'function setting', format('%s %s', p.name, s.name), s.value,
	format('ALTER FUNCTION %s SET %s TO %s', p.name, s.name,
		CASE WHEN s.name IN ('search_path', 'temp_tablespaces', 'local_preload_libraries', 'session_preload_libraries') THEN s.value
			ELSE quote_literal(s.value) END),
	format('ALTER FUNCTION %s RESET %s', p.name, s.name)
FROM routine AS p
	CROSS JOIN LATERAL (SELECT split_part(u, '=', 1), substr(u, strpos(u, '=') + 1) FROM unnest(p.proconfig) AS u) AS s(name, value)
UNION ALL
SELECT 60, 'owner', x.name, pg_get_userbyid(x.owner)::text, format('ALTER %s OWNER TO %I', x.name, pg_get_userbyid(x.owner)), NULL
FROM (SELECT format('%s %s', class, name), relowner FROM relation
	UNION ALL SELECT format('FUNCTION %s', name), proowner FROM routine
	UNION ALL SELECT format('TYPE %s', format_type(t.oid, NULL)), t.typowner FROM member AS m JOIN pg_type AS t ON t.oid = m.objid
		WHERE m.classid = 'pg_type'::regclass AND t.typelem = 0 AND NOT EXISTS (SELECT FROM relation AS r WHERE r.oid = t.typrelid)
	UNION ALL SELECT format('SCHEMA %I', n.nspname), n.nspowner FROM member AS m JOIN pg_namespace AS n ON n.oid = m.objid
		WHERE m.classid = 'pg_namespace'::regclass) AS x(name, owner)
UNION ALL
SELECT 70, 'trigger', format('%I on %s', t.tgname, r.name), pg_get_triggerdef(t.oid),
	format('DROP TRIGGER IF EXISTS %I ON %s; %s', t.tgname, r.name, pg_get_triggerdef(t.oid)),
	format('DROP TRIGGER IF EXISTS %I ON %s', t.tgname, r.name)
FROM relation AS r
	JOIN pg_trigger AS t ON t.tgrelid = r.oid
WHERE NOT t.tgisinternal AND t.tgparentid = 0
UNION ALL
SELECT 71, 'trigger state', format('%I on %s', t.tgname, r.name), t.tgenabled::text,
	format('ALTER TABLE %s %s TRIGGER %I', r.name, CASE t.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END, t.tgname),
	format('ALTER TABLE %s ENABLE TRIGGER %I', r.name, t.tgname)
FROM relation AS r
	JOIN pg_trigger AS t ON t.tgrelid = r.oid
WHERE NOT t.tgisinternal AND t.tgparentid = 0 AND t.tgenabled <> 'O'
UNION ALL
SELECT 72, 'rule', format('%I on %s', w.rulename, r.name), pg_get_ruledef(w.oid),
	'CREATE OR REPLACE RULE' || rtrim(substr(pg_get_ruledef(w.oid), length('CREATE RULE') + 1), ';'),
	format('DROP RULE IF EXISTS %I ON %s', w.rulename, r.name)
FROM relation AS r
	JOIN pg_rewrite AS w ON w.ev_class = r.oid
WHERE w.rulename <> '_RETURN'
UNION ALL
SELECT 73, 'rule state', format('%I on %s', w.rulename, r.name), w.ev_enabled::text,
	format('ALTER TABLE %s %s RULE %I', r.name, CASE w.ev_enabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END, w.rulename),
	NULL
FROM relation AS r
	JOIN pg_rewrite AS w ON w.ev_class = r.oid
WHERE w.rulename <> '_RETURN' AND w.ev_enabled <> 'O'
UNION ALL
SELECT 85, 'publication', format('%I of %s', p.pubname, r.name), d.definition,
	'DO ' || quote_literal(format('BEGIN ALTER PUBLICATION %I ADD TABLE %s; EXCEPTION WHEN duplicate_object THEN NULL; END', p.pubname, d.definition)),
	NULL
FROM relation AS r
	JOIN pg_publication_rel AS x ON x.prrelid = r.oid
	JOIN pg_publication AS p ON p.oid = x.prpubid
	CROSS JOIN LATERAL (SELECT format('%s%s%s', r.name,
		(SELECT format(' (%s)', string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)) FROM pg_attribute AS a
			WHERE a.attrelid = r.oid AND a.attnum = ANY (x.prattrs::int2[]) HAVING count(*) > 0),
		' WHERE (' || pg_get_expr(x.prqual, x.prrelid) || ')')) AS d(definition)
UNION ALL
SELECT 90, 'comment', format('%s %s', i.word, i.identity), d.description, format('COMMENT ON %s %s IS %L', i.word, i.identity, d.description),
	/* What it is of may be gone as well. */
	'DO ' || quote_literal(format('BEGIN COMMENT ON %s %s IS NULL; EXCEPTION WHEN undefined_object OR undefined_table OR undefined_column OR undefined_function THEN NULL; END', i.word, i.identity))
FROM described AS m
	JOIN pg_description AS d ON d.classoid = m.classid AND d.objoid = m.objid
	CROSS JOIN LATERAL (SELECT x.identity, CASE WHEN x.type LIKE '%column' THEN 'COLUMN' WHEN x.type LIKE '%constraint' THEN 'CONSTRAINT'
		WHEN x.type = 'statistics object' THEN 'STATISTICS' ELSE upper(x.type) END
		FROM pg_identify_object(d.classoid, d.objoid, d.objsubid) AS x) AS i(identity, word)
UNION ALL
SELECT 91, 'security label', format('%s: %s %s', l.provider, i.word, i.identity), l.label,
	format('SECURITY LABEL FOR %I ON %s %s IS %L', l.provider, i.word, i.identity, l.label), NULL
FROM described AS m
	JOIN pg_seclabel AS l ON l.classoid = m.classid AND l.objoid = m.objid
	CROSS JOIN LATERAL (SELECT x.identity, CASE WHEN x.type LIKE '%column' THEN 'COLUMN' ELSE upper(x.type) END
		FROM pg_identify_object(l.classoid, l.objoid, l.objsubid) AS x) AS i(identity, word)
$$;
COMMENT ON FUNCTION qlm.catalog_state() IS 'what is set up on the members of the extension and pg_dump leaves to it: what it is, and the commands that make it so or undo it';
GRANT EXECUTE ON FUNCTION qlm.catalog_state() TO qlm_admin, pg_read_all_data;
