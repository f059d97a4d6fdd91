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

/*
 * In a worker: has any function been called that no superuser owns, or that was
 * noted, since this was asked?
 */
extern void qlm_foreign_function_note(void);
extern bool qlm_foreign_function_was_called(void);

#endif							/* QLM_FOREIGN_FUNCTION_H */
