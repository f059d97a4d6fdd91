/*
 * select.h
 *		Answers request trees.
 */
#ifndef QLM_SELECT_H
#define QLM_SELECT_H

#include "storage/select/select_value.h"

/*
 * Answer a request tree (protocol 3) with the rights of
 * the current user.  found: the selected nodes with their ancestors, NULL if
 * there are none.  missing: the unknown leaves with their ancestors, NULL if
 * there are none.  Aliases are replaced in the request.
 */
extern void qlm_select(QlmOdf *request, const QlmSelector *selector,
					   QlmOdf **found, QlmOdf **missing);

#endif							/* QLM_SELECT_H */
