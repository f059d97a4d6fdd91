/*
 * delivery_endpoint.h
 *		How endpoints fare.  Used by delivery.c only; expects the owner's rights.
 */
#ifndef QLM_STORAGE_DELIVERY_ENDPOINT_H
#define QLM_STORAGE_DELIVERY_ENDPOINT_H

#include "storage/delivery.h"

/* So many messages have arrived. */
extern void qlm_endpoint_delivered(const QlmEndpoint *endpoint, int n);

/* A message was refused, by the endpoint or before it got there; no pause. */
extern void qlm_endpoint_refused(const QlmEndpoint *endpoint,
								 const char *reason);

/* A message has not arrived; returns until when the endpoint pauses. */
extern TimestampTz qlm_endpoint_failed(const QlmEndpoint *endpoint,
									   const char *reason);

#endif							/* QLM_STORAGE_DELIVERY_ENDPOINT_H */
