/*
 * method.h
 *		InfoItems that are methods: what their functions are given, and what
 *		is made of what they return.
 */
#ifndef QLM_METHOD_H
#define QLM_METHOD_H

#include "message/odf.h"
#include "service/exchange/exchange.h"
#include "storage/function/handler.h"
#include "storage/peer/peer.h"

typedef enum QlmMethod
{
	QLM_METHOD_NONE,			/* nothing to be called here */
	QLM_METHOD_LOCAL,			/* a function of this node */
	QLM_METHOD_OWNER,			/* the peer that owns the path */
	QLM_METHOD_REFUSED			/* a function that cannot be run */
} QlmMethod;

/*
 * What a verb, call or read, does at a path, for the current user and this
 * peer (NULL: none is calling).  NONE and REFUSED: *code and *problem say why.
 */
extern QlmMethod qlm_method_find(const char *path, const char *verb,
								 const QlmPeer *caller,
								 QlmHandler *handler, const QlmPeer **owner,
								 int *code, const char **problem);

/* Replace aliases in what is called, where the current user may look. */
extern void qlm_method_resolve(QlmOdf *odf);

/* Just this InfoItem with its parameters, at its path */
extern QlmOdf *qlm_method_payload(const char *path, const QlmInfoItem *item);

/* The same as a function gets it: without namespaces */
extern void qlm_method_input(QlmHandlerInput *input, const char *path,
							 const QlmInfoItem *item);

/*
 * What a function has returned, as a payload: NULL for nothing.  False: it is
 * no payload, and *problem says why.
 */
extern bool qlm_method_output(const QlmHandler *handler, const char *path,
							  const char *output, QlmOdf **odf,
							  const char **problem);

#endif							/* QLM_METHOD_H */
