/*
 * valid_row.h
 *		Rows that plain SQL writes, of all tables that messages read.
 */
#ifndef QLM_VALID_ROW_H
#define QLM_VALID_ROW_H

#include "commands/trigger.h"

/*
 * For a trigger before a row is inserted or updated: an error if a text of it holds
 * characters that no message can, jsonb has not the shape that messages give it, or a
 * value that is said to be O-DF is not XML.  What an update does not change is left as it is.
 */
extern void qlm_valid_row_require(const TriggerData *data);

#endif							/* QLM_VALID_ROW_H */
