/*
 * beginning.h
 *		What came instead of a message, by how it begins.
 */
#ifndef QLM_BEGINNING_H
#define QLM_BEGINNING_H

#include "postgres.h"

/* A sentence; NULL: it begins as a message does, or there is nothing */
extern const char *qlm_beginning_explain(const char *data, Size len);

#endif							/* QLM_BEGINNING_H */
