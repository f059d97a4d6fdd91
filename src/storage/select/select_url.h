/*
 * select_url.h
 *		What lies at the path of a URL, one level deep (protocol 9.2).
 */
#ifndef QLM_SELECT_URL_H
#define QLM_SELECT_URL_H

#include "storage/select/select_value.h"

/* What of a node the last ids of the path ask for */
typedef enum QlmUrlPart
{
	QLM_URL_PART_NODE,
	QLM_URL_PART_VALUE,
	QLM_URL_PART_META_DATA,
	QLM_URL_PART_DESCRIPTION,
	QLM_URL_PART_NAMES				/* ids of an Object, names of an InfoItem */
} QlmUrlPart;

typedef struct QlmUrlSelection
{
	QlmUrlPart	part;
	QlmOdf	   *odf;			/* the Objects at the top, if no other is set */
	QlmObject  *object;
	QlmInfoItem *item;			/* may be one of MetaData */
} QlmUrlSelection;

/*
 * What the current user may see at a path; false: nothing.  A child always
 * wins over a word that asks for a part, and a first id over an alias.  The
 * element holds just what the answer is to show; selector: which values of an
 * InfoItem.
 */
extern bool qlm_select_url(char **ids, int nids, const QlmSelector *selector,
						   QlmUrlSelection *discovered);

#endif							/* QLM_SELECT_URL_H */
