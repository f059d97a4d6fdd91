/*
 * audit.h
 *		Extensions that audit statements, in workers.
 */
#ifndef QLM_AUDIT_H
#define QLM_AUDIT_H

/* Once in a process that executes messages, when all libraries are there */
extern void qlm_audit_register(void);

#endif							/* QLM_AUDIT_H */
