/*
 * partition_table.h
 *		The table that becomes a partition of qlm.value.
 */
#ifndef QLM_PARTITION_TABLE_H
#define QLM_PARTITION_TABLE_H

/*
 * Create it as CREATE TABLE ... PARTITION OF would: columns, checks, statistics, tablespace
 * and so on are those of the parent.
 */
extern void qlm_partition_create_table(const char *name, const char *comment);

/*
 * Add what each partition has for itself, as the default one has it; to be called when its
 * first rows are there.  Indexes, row triggers and foreign keys of the parent come with
 * ATTACH PARTITION.
 */
extern void qlm_partition_finish_table(const char *name);

#endif							/* QLM_PARTITION_TABLE_H */
