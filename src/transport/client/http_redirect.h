/*
 * http_redirect.h
 *		Redirects of peers.
 */
#ifndef QLM_HTTP_REDIRECT_H
#define QLM_HTTP_REDIRECT_H

#include "transport/client/http_operation.h"

/*
 * Its answer is a redirect that may be followed: the operation is ready to do so.
 * False: it is the answer, or the transfer says why not.  It must not be added.
 */
extern bool qlm_http_redirect(QlmHttpOperation *op);

#endif							/* QLM_HTTP_REDIRECT_H */
