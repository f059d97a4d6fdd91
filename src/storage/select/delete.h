/*
 * delete.h
 *		What a delete removes.
 */
#ifndef QLM_DELETE_H
#define QLM_DELETE_H

#include "storage/select/delete_part.h"

/*
 * Remove what the leaves of the tree name, as the current user: MetaData, values
 * by their times, descriptions, further ids and other names that stand in them;
 * where nothing does themselves, with all below them.  Returns whether any of it
 * was there; missing as above, with the parts that were not.
 */
extern bool qlm_delete_nodes(QlmOdf *request, QlmDeleted *deleted,
							 QlmOdf **missing);

/*
 * Remove only the values from begin to end, both included, of the leaves and
 * of all below them.  Returns the number of leaves found, nvalues that of the
 * values removed.
 */
extern int	qlm_delete_node_values(QlmOdf *request, TimestampTz begin,
								   TimestampTz end, int64 *nvalues,
								   QlmOdf **missing);

#endif							/* QLM_DELETE_H */
