/*
 * foreign_function.h
 *		Functions of others in statements of the owner of our tables.
 */
#ifndef QLM_FOREIGN_FUNCTION_H
#define QLM_FOREIGN_FUNCTION_H

#include "postgres.h"

/* Once per process */
extern void qlm_foreign_function_register(void);

/* This role is the owner; the one that has his name is, before that is said. */
extern void qlm_foreign_function_guard(Oid owner);

#endif							/* QLM_FOREIGN_FUNCTION_H */
