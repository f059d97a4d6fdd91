/*
 * subscription_first.h
 *		InfoItems that had their first value in this transaction.
 */
#ifndef QLM_SUBSCRIPTION_FIRST_H
#define QLM_SUBSCRIPTION_FIRST_H

/* In this transaction the InfoItem had its first value, and it was delivered. */
extern void qlm_subscription_note_first(int info_item_id);
extern bool qlm_subscription_had_first(int info_item_id);

#endif							/* QLM_SUBSCRIPTION_FIRST_H */
