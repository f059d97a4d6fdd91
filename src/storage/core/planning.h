/*
 * planning.h
 *		How statements of ours are planned, whatever the session has set.
 */
#ifndef QLM_STORAGE_PLANNING_H
#define QLM_STORAGE_PLANNING_H

/*
 * Bits beside the server's own among the options of a prepared statement, which
 * come along wherever that is planned.  Own: it is never compiled.  Indexed: it
 * goes by indexes.
 */
#define QLM_PLAN_OWN		(1 << 28)
#define QLM_PLAN_INDEXED	(1 << 29)

/* Once per process, before anything is planned */
extern void qlm_planning_register(void);

#endif							/* QLM_STORAGE_PLANNING_H */
