/*
 * request_id.h
 *		Numbers of this node as requestIDs.
 */
#ifndef QLM_REQUEST_ID_H
#define QLM_REQUEST_ID_H

#include "nodes/pg_list.h"

/* A decimal requestID; 0 for any other text */
extern int64 qlm_request_id_parse(const char *text);

/* The requestIDs of a message or result that has just this one */
extern List *qlm_request_id_list(int64 id);

#endif							/* QLM_REQUEST_ID_H */
