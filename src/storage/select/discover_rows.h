/*
 * discover_rows.h
 *		What lies at the path of a URL, one level deep (protocol 9.2).
 */
#ifndef QLM_STORAGE_DISCOVER_H
#define QLM_STORAGE_DISCOVER_H

#include "storage/select/select.h"

/* What of a node the last ids of the path ask for */
typedef enum QlmPart
{
	QLM_PART_NODE,
	QLM_PART_VALUE,
	QLM_PART_META_DATA,
	QLM_PART_DESCRIPTION,
	QLM_PART_NAMES				/* ids of an Object, names of an InfoItem */
} QlmPart;

typedef struct QlmDiscovered
{
	QlmPart		part;
	QlmOdf	   *odf;			/* the Objects at the top, if no other is set */
	QlmObject  *object;
	QlmInfoItem *item;			/* may be one of MetaData */
} QlmDiscovered;

/*
 * What the current user may see at a path; false: nothing.  A child always
 * wins over a word that asks for a part, and a first id over an alias.  The
 * element holds just what the answer is to show; selector: which values of an
 * InfoItem.
 */
extern bool qlm_discover(char **ids, int nids, const QlmSelector *selector,
						 QlmDiscovered *discovered);

#endif							/* QLM_STORAGE_DISCOVER_H */
