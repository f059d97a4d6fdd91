/*
 * http_client.h
 *		HTTP requests on libcurl, driven from outside: transfers in, answers
 *		out.  Knows bytes, not XML, and never touches the database.
 */
#ifndef QLM_HTTP_CLIENT_H
#define QLM_HTTP_CLIENT_H

#include "nodes/pg_list.h"

#include "transport/client/transfer.h"

typedef struct QlmHttpClient QlmHttpClient;

/* Answers are allocated in the current context. */
extern QlmHttpClient *qlm_http_client_create(QlmAddressCheck allowed);
extern int	qlm_http_client_fd(const QlmHttpClient *client);
extern void qlm_http_client_start(QlmHttpClient *client, QlmTransfer *transfer);

extern void qlm_http_client_free(QlmHttpClient *client);

/* Forget a transfer that next has not returned; nothing if there is none. */
extern void qlm_http_client_cancel(QlmHttpClient *client, QlmTransfer *transfer);

/* Do what can be done without waiting. */
extern void qlm_http_client_run(QlmHttpClient *client);

/* A finished transfer, NULL: none */
extern QlmTransfer *qlm_http_client_next(QlmHttpClient *client);

/* URLs of WebSockets that have nothing to push and had nothing for so long */
extern List *qlm_http_client_idle_sockets(const QlmHttpClient *client, int ms);
extern void qlm_http_client_close_sockets(QlmHttpClient *client, const List *urls);

/* Milliseconds until it must run again even if nothing happens; -1: never */
extern int64 qlm_http_client_due(const QlmHttpClient *client);
extern int	qlm_http_client_running(const QlmHttpClient *client);

#endif							/* QLM_HTTP_CLIENT_H */
