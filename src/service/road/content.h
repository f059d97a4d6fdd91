/*
 * content.h
 *		What a message asks for, as a short text: two messages that ask for the
 *		same have the same, in whatever dialect and form they came.
 */
#ifndef QLM_CONTENT_H
#define QLM_CONTENT_H

#include "message/envelope.h"

extern char *qlm_content_of(const QlmEnvelope *envelope);

#endif							/* QLM_CONTENT_H */
