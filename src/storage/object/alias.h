/*
 * alias.h
 *		Further ids of Objects and other names of InfoItems, where a message
 *		names a node by one.
 *
 * A first id or name always wins: only nodes that do not exist by it are looked up here.
 * An alias of several nodes below one parent means none of them.
 */
#ifndef QLM_ALIAS_H
#define QLM_ALIAS_H

#include "message/odf.h"

typedef struct QlmAliases QlmAliases;

extern QlmAliases *qlm_aliases_create(void);

/* Ask for a name below an Object; 0: at the top.  Names are kept, not copied. */
extern void qlm_aliases_add(QlmAliases *aliases, int parent_id,
							const char *name, bool is_item);

/* Look them up, as the current user; returns how many are aliases. */
extern int	qlm_aliases_find(QlmAliases *aliases);

/* The first id or the name of the node; NULL: it is no alias */
extern const char *qlm_aliases_canonical(const QlmAliases *aliases,
										 int parent_id, const char *name,
										 bool is_item);

/* Name a node of a payload so, which is copied. */
extern void qlm_alias_rename_object(QlmObject *object, const char *id);
extern void qlm_alias_rename_item(QlmInfoItem *item, const char *name);

#endif							/* QLM_ALIAS_H */
