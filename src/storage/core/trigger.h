/*
 * trigger.h
 *		What trigger functions are called with.
 */
#ifndef QLM_TRIGGER_H
#define QLM_TRIGGER_H

#include "postgres.h"
#include "commands/trigger.h"
#include "fmgr.h"

/* How a function must be called; of what is not named any will do. */
#define QLM_TRIGGER_BEFORE		1
#define QLM_TRIGGER_AFTER		2
#define QLM_TRIGGER_ROW			4
#define QLM_TRIGGER_STATEMENT	8

/* An error, e_r_i_e_trigger_protocol_violated, where it is called otherwise. */
extern TriggerData *qlm_trigger_data(FunctionCallInfo fcinfo, int how);

/* The row as it will be or, where it is deleted, was; NULL: it is for a statement. */
extern HeapTuple qlm_trigger_row(const TriggerData *data);

/* A column of a row of the trigger's table, by its name; an error if there is none. */
extern Datum qlm_trigger_column(const TriggerData *data, HeapTuple row,
								const char *name, bool *isnull);

/* The same of an integer, 0 where it is null, and of a text, NULL where it is */
extern int	qlm_trigger_int4(const TriggerData *data, HeapTuple row, const char *name);
extern char *qlm_trigger_text(const TriggerData *data, HeapTuple row, const char *name);

#endif							/* QLM_TRIGGER_H */
