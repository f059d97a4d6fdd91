
=head1 NAME

QlmCatalog - what an extension has made, as text that can be compared

=head1 SYNOPSIS

  use QlmCatalog;

  is(catalog_of($node, 'upgraded'), catalog_of($node, 'fresh'));

=head1 DESCRIPTION

One line for each fact: members, columns, defaults, constraints, indexes,
triggers, functions, views, policies, owners, rights, comments, and what is
marked for pg_dump.  The order of columns is none of them.

=cut

package QlmCatalog;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';

our @EXPORT = qw(catalog_of);

my $facts = <<'EOQ';
SET search_path = pg_catalog;
WITH member AS (
	SELECT d.classid, d.objid
	FROM pg_depend d JOIN pg_extension e ON d.refobjid = e.oid
	WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'qlm'),
relation AS (
	SELECT c.* FROM pg_class c JOIN member m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid),
trigger AS (
	SELECT t.* FROM pg_trigger t JOIN relation r ON r.oid = t.tgrelid WHERE NOT t.tgisinternal),
rule AS (
	SELECT 'member' AS kind, pg_describe_object(classid, objid, 0) AS fact FROM member
	UNION ALL
	SELECT 'relation', format('%s owner %s kind %s acl %s options %s security %s %s replica %s', oid::regclass, relowner::regrole, relkind,
		(SELECT string_agg(a::text, ',' ORDER BY a::text) FROM unnest(relacl) a),
		reloptions, relrowsecurity, relforcerowsecurity, relreplident) FROM relation
	UNION ALL
	SELECT 'column', format('%s.%s %s collation %s not null %s default %s acl %s comment %s', r.oid::regclass, a.attname,
		format_type(a.atttypid, a.atttypmod), a.attcollation::regcollation, a.attnotnull,
		pg_get_expr(d.adbin, d.adrelid), a.attacl, col_description(r.oid, a.attnum))
	FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
		LEFT JOIN pg_attrdef d ON d.adrelid = r.oid AND d.adnum = a.attnum
	UNION ALL
	SELECT 'constraint', format('%s %s %s', r.oid::regclass, c.conname, pg_get_constraintdef(c.oid))
	FROM relation r JOIN pg_constraint c ON c.conrelid = r.oid
	UNION ALL
	SELECT 'index', format('%s comment %s', pg_get_indexdef(i.indexrelid), obj_description(i.indexrelid, 'pg_class'))
	FROM relation r JOIN pg_index i ON i.indrelid = r.oid
	UNION ALL
	SELECT 'trigger', format('%s enabled %s comment %s', pg_get_triggerdef(oid), tgenabled, obj_description(oid, 'pg_trigger')) FROM trigger
	UNION ALL
	SELECT 'function', format('%s owner %s acl %s support %s', pg_get_functiondef(p.oid), p.proowner::regrole,
		(SELECT string_agg(a::text, ',' ORDER BY a::text) FROM unnest(p.proacl) a), p.prosupport)
	FROM pg_proc p JOIN member m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid WHERE p.prokind IN ('f', 'p')
	UNION ALL
	SELECT 'view', format('%s %s', oid::regclass, pg_get_viewdef(oid)) FROM relation WHERE relkind = 'v'
	UNION ALL
	SELECT 'policy', format('%s %s %s %s %s %s', r.oid::regclass, p.polname, p.polcmd, p.polroles, pg_get_expr(p.polqual, r.oid),
		pg_get_expr(p.polwithcheck, r.oid)) FROM relation r JOIN pg_policy p ON p.polrelid = r.oid
	UNION ALL
	SELECT 'sequence', format('%s %s', r.oid::regclass, s.*::text) FROM relation r
		CROSS JOIN LATERAL (SELECT seqtypid::regtype, seqstart, seqincrement, seqmax, seqmin, seqcycle FROM pg_sequence WHERE seqrelid = r.oid) s
	UNION ALL
	SELECT 'schema', format('%s owner %s acl %s', nspname, nspowner::regrole,
		(SELECT string_agg(a::text, ',' ORDER BY a::text) FROM unnest(nspacl) a))
	FROM pg_namespace n JOIN member m ON m.classid = 'pg_namespace'::regclass AND m.objid = n.oid
	UNION ALL
	SELECT 'comment', format('%s %s', pg_describe_object(classid, objid, 0), obj_description(objid, classid::regclass::name)) FROM member
	UNION ALL
	SELECT 'dumped', format('%s %s', x.config::regclass, x.condition)
	FROM pg_extension e CROSS JOIN LATERAL ROWS FROM (unnest(e.extconfig), unnest(e.extcondition)) AS x(config, condition)
	WHERE e.extname = 'qlm')
SELECT (kind || ': ' || fact) COLLATE "C" FROM rule ORDER BY 1;
EOQ

# The facts of the extension in a database of the node
sub catalog_of
{
	my ($node, $database) = @_;

	return $node->safe_psql($database, $facts);
}

1;
