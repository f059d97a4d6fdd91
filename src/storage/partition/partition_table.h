/*
 * partition_table.h
 *		The table that becomes a partition of qlm.value.
 */
#ifndef QLM_PARTITION_TABLE_H
#define QLM_PARTITION_TABLE_H

/*
 * Make it, as CREATE TABLE ... PARTITION OF would: columns, checks, statistics,
 * tablespace and so on are those of the parent.
 */
extern void qlm_partition_create_table(const char *name, const char *comment);

/*
 * When its first rows are there: what each partition has for itself, as the default one
 * has it.  What the parent has besides, indexes, row triggers, foreign
 * keys, comes with ATTACH PARTITION.
 */
extern void qlm_partition_finish_table(const char *name);

#endif							/* QLM_PARTITION_TABLE_H */
