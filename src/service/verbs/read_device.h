/*
 * read_device.h
 *		Reads with targetType="device".
 */
#ifndef QLM_READ_DEVICE_H
#define QLM_READ_DEVICE_H

#include "service/exchange/exchange.h"

/* Ask the function or peer that reads the device; false: there is none. */
extern bool qlm_read_device(QlmExchange *exchange, const QlmRequest *request,
							QlmRequest *response);

#endif							/* QLM_READ_DEVICE_H */
