/*
 * odf_text.h
 *		Values that are O-DF.
 */
#ifndef QLM_ODF_TEXT_H
#define QLM_ODF_TEXT_H

#include "commands/trigger.h"

/*
 * For a trigger before a row is inserted or updated: an error if the column number flag,
 * is_odf, says that the value is O-DF and it is not XML.
 */
extern void qlm_odf_text_require_row(const TriggerData *data, HeapTuple tuple, int flag);

#endif							/* QLM_ODF_TEXT_H */
