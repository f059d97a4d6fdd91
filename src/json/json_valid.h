/*
 * json_valid.h
 *		Is a text JSON that the reader takes?
 */
#ifndef QLM_JSON_VALID_H
#define QLM_JSON_VALID_H

#include "postgres.h"

/*
 * Is it one object, array, number or boolean, nested at most so deep, that the
 * reader takes?
 */
extern bool qlm_json_is_valid(const char *text, int len, int max_depth);

#endif							/* QLM_JSON_VALID_H */
