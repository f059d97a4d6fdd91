/*
 * delete_scope.h
 *		What a delete means of what it names.
 */
#ifndef QLM_DELETE_SCOPE_H
#define QLM_DELETE_SCOPE_H

#include "message/envelope.h"

/* Less than all of it: values of a time, or what stands in an Object or InfoItem */
extern bool qlm_delete_is_partial(const QlmRequest *request);

/* What might mean more than one thing; NULL: nothing */
extern const char *qlm_delete_problem(const QlmRequest *request);

#endif							/* QLM_DELETE_SCOPE_H */
