/*
 * request_id.h
 *		requestIDs as numbers.
 */
#ifndef QLM_REQUEST_ID_H
#define QLM_REQUEST_ID_H

#include "postgres.h"

/* A decimal requestID; 0 for any other text */
extern int64 qlm_request_id_parse(const char *text);

#endif							/* QLM_REQUEST_ID_H */
