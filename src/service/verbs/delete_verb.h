/*
 * delete_verb.h
 *		The delete: does it mean less than all of what it names?
 */
#ifndef QLM_DELETE_VERB_H
#define QLM_DELETE_VERB_H

#include "message/envelope.h"

/* Values of a time, or what stands in an Object or InfoItem */
extern bool qlm_delete_is_partial(const QlmRequest *request);

#endif							/* QLM_DELETE_VERB_H */
