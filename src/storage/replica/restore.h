/*
 * restore.h
 *		Is this session restoring a dump?
 */
#ifndef QLM_RESTORE_H
#define QLM_RESTORE_H

/*
 * A dump puts back what all tables held, in whatever order, or several tables
 * at a time.  So nothing that belongs to the arrival of new rows may happen then:
 * parents may come after their children, and what was told once is not told again.
 *
 * No SPI is needed.
 */
extern bool qlm_restore_is_active(void);

/* Only the settings: for the script of the extension, while there are no tables yet */
extern bool qlm_restore_has_settings(void);

#endif							/* QLM_RESTORE_H */
