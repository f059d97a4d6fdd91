/*
 * lines.h
 *		WebSockets that this node opens to push messages on them, for
 *		http_client.c alone: transfers whose URL begins with ws or wss.
 *
 * There is one for each URL, and what is shown there.  It stays open until
 * it has been told to close, the other end closes, or it shows no life.
 *
 * A transfer is done when the other end has shown that it has read the message:
 * by the pong to a ping that was sent behind it, or by an answer.  One that has
 * waited for a while may be dead without anybody knowing: what was pushed on it
 * in vain is pushed once more on a new one.
 */
#ifndef QLM_LINES_H
#define QLM_LINES_H

#include "nodes/pg_list.h"

#include "transport/client/http_client.h"

typedef struct QlmLines QlmLines;

extern QlmLines *qlm_lines_create(MemoryContext context,
								  QlmAddressCheck allowed);

/* A descriptor that is readable when there is something to do */
extern void qlm_lines_free(QlmLines *lines);
extern int	qlm_lines_fd(const QlmLines *lines);

/* As those of http_client.h */
extern void qlm_lines_start(QlmLines *lines, QlmTransfer *transfer);
extern bool qlm_lines_cancel(QlmLines *lines, QlmTransfer *transfer);
extern void qlm_lines_run(QlmLines *lines);
extern QlmTransfer *qlm_lines_next(QlmLines *lines);
extern int64 qlm_lines_due(const QlmLines *lines);
extern int	qlm_lines_running(const QlmLines *lines);
extern List *qlm_lines_idle(const QlmLines *lines, int ms);
extern void qlm_lines_close(QlmLines *lines, const char *url);

#endif							/* QLM_LINES_H */
