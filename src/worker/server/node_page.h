/*
 * node_page.h
 *		Answers for browsers and monitoring, which are not messages.
 */
#ifndef QLM_NODE_PAGE_H
#define QLM_NODE_PAGE_H

#include "transport/web_server.h"
#include "worker/dispatcher/withheld.h"

/* The page at / */
extern void qlm_node_page_answer_home(QlmHttpRequest *request);

/*
 * The state of the node; available: the extension is in the database; held: nothing may
 * leave it by itself
 */
extern void qlm_node_page_answer_health(QlmHttpRequest *request, bool available, QlmWithheld held);

/* Which methods an address takes, and to a page of another origin, how */
extern void qlm_node_page_answer_options(QlmHttpRequest *request, const char *allow);

/* A line of text; allow: header of a 405, or NULL */
extern void qlm_node_page_answer_text(QlmHttpRequest *request, int status,
								 const char *text, const char *allow);

#endif							/* QLM_NODE_PAGE_H */
