/*
 * setting_list.h
 *		Lists as they are written in a setting: entries between commas.
 */
#ifndef QLM_SETTING_LIST_H
#define QLM_SETTING_LIST_H

/*
 * Cut the next entry off the list, which is NULL behind the last one.  White
 * space around it is not a part of it; it may be empty.
 */
extern bool qlm_setting_list_next(const char **list, const char **entry, int *len);

/* Is it this one, without regard to case? */
extern bool qlm_setting_list_is(const char *entry, int len, const char *text);

#endif							/* QLM_SETTING_LIST_H */
