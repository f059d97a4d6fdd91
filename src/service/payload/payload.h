/*
 * payload.h
 *		Payloads in other formats than O-DF: into trees, and trees into them.
 */
#ifndef QLM_PAYLOAD_H
#define QLM_PAYLOAD_H

#include "message/envelope.h"

extern bool qlm_payload_is_odf(const char *msgformat);

/* Can a request ask for its answer so?  O-DF, and what is not known: no. */
extern bool qlm_payload_is_wanted(const char *msgformat);

/* Does it name O-DF, or nothing? */
extern bool qlm_payload_is_odf(const char *msgformat);

/*
 * The request with its payload as a tree, where its format is one that is
 * known; else the request itself.  What is wrong with the payload becomes
 * the request's error.
 */
extern const QlmRequest *qlm_payload_read(const QlmRequest *request);

/* The same for what a result brings; what is wrong is noted in it. */
extern void qlm_payload_read_result(QlmResult *result);

/*
 * Data of a result in a format, which is then what is printed.  NULL, O-DF and
 * what is not known leave it as it is.
 */
extern void qlm_payload_write(QlmResult *result, const char *msgformat,
							  const QlmDialect *dialect);

/* The same; a writer that fails makes the result 500. */
extern void qlm_payload_write_guarded(QlmResult *result, const char *msgformat,
									  const QlmDialect *dialect);

/*
 * Leave of what is missing only what is missing both as an Object and as an
 * InfoItem; NULL: nothing.
 */
extern QlmOdf *qlm_payload_missing(const QlmRequest *request, QlmOdf *missing);

/* The same paths, each once */
extern int	qlm_payload_leaves(const QlmRequest *request, const char ***paths);

/* Names that cannot be given to a format that is added */
extern bool qlm_payload_is_built_in(const char *msgformat);

#endif							/* QLM_PAYLOAD_H */
