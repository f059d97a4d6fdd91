/*
 * planner_hook.h
 *		How statements of ours are planned, whatever the session has set.
 */
#ifndef QLM_PLANNER_HOOK_H
#define QLM_PLANNER_HOOK_H

/*
 * Bits beside the server's own among the options of a prepared statement, which
 * come along wherever that is planned.  Own: it is never compiled.  Indexed: it
 * goes by indexes.
 */
#define QLM_PLAN_OWN		(1 << 28)
#define QLM_PLAN_INDEXED	(1 << 29)

/* Once per process, before anything is planned */
extern void qlm_planner_hook_register(void);

#endif							/* QLM_PLANNER_HOOK_H */
