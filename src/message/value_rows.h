/*
 * value_rows.h
 *		Payloads as rows, one for each value: what formats without a tree have.
 *
 * A row says a path, and perhaps a time, a value and a type.  Ids, types and
 * descriptions beyond that have no place in it.
 */
#ifndef QLM_VALUE_ROWS_H
#define QLM_VALUE_ROWS_H

#include "message/odf.h"

typedef struct QlmRow
{
	const char *path;			/* as a user writes it */
	bool		has_ts;
	TimestampTz ts;
	const char *value;			/* NULL: none, only the path */
	int			len;
	const char *type;			/* NULL: xs:string */
} QlmRow;

typedef struct QlmRowTree QlmRowTree;

/* What rows are read for: of a request only the paths count. */
typedef enum QlmRowsUse
{
	QLM_ROWS_DATA,
	QLM_ROWS_PATHS,				/* whatever else they say is passed over */
	QLM_ROWS_ONLY_PATHS			/* ... is refused */
} QlmRowsUse;

/*
 * A tree to which rows are added.  Each path of a request is named as an Object
 * and as an InfoItem, since it does not say which it is.
 */
extern QlmRowTree *qlm_row_tree_create(QlmRowsUse use);

/*
 * Strings are kept, not copied, except the path.  False: 400 or 413 with a
 * sentence.
 */
extern bool qlm_row_tree_add(QlmRowTree *tree, const QlmRow *row,
							 int *error_code, const char **error);
extern bool qlm_row_tree_is_empty(const QlmRowTree *tree);
extern QlmOdf *qlm_row_tree_finish(QlmRowTree *tree);

/*
 * Called with each value of a tree, with InfoItems that have none and Objects
 * that hold nothing.  The path is valid until the function returns.
 */
typedef void (*QlmRowVisitor) (const QlmRow *row, void *arg);

extern void qlm_rows_visit(const QlmOdf *odf, QlmRowVisitor visit, void *arg);

#endif							/* QLM_VALUE_ROWS_H */
