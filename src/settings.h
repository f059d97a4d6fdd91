/*
 * settings.h
 *		Registers the settings qlm.*.  The variable of each stands in a header of
 *		its subject.
 */
#ifndef QLM_SETTINGS_H
#define QLM_SETTINGS_H

extern void qlm_settings_register(void);

#endif							/* QLM_SETTINGS_H */
