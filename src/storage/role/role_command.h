/*
 * role_command.h
 *		DROP ROLE and ALTER ROLE ... RENAME.
 */
#ifndef QLM_ROLE_COMMAND_H
#define QLM_ROLE_COMMAND_H

/* Once per process: statements that rename or drop roles do so for the rows, too. */
extern void qlm_role_command_register(void);

#endif							/* QLM_ROLE_COMMAND_H */
