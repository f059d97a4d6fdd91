/*
 * planner_hook.h
 *		How statements of ours are planned, whatever the session has set.
 */
#ifndef QLM_PLANNER_HOOK_H
#define QLM_PLANNER_HOOK_H

/* Once per process, before anything is planned */
extern void qlm_planner_hook_register(void);

#endif							/* QLM_PLANNER_HOOK_H */
