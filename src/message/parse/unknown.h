/*
 * unknown.h
 *		What a message holds that means nothing to this node.
 */
#ifndef QLM_UNKNOWN_H
#define QLM_UNKNOWN_H

#include "message/parse/parser.h"

/* Refuse what means nothing here; an attribute: is it the sender's own? */
extern void qlm_unknown_element(QlmParser *p, const QlmFrame *frame,
							   const QlmXmlElement *element);
extern void qlm_unknown_member(QlmParser *p, const char *name, int line);
extern void qlm_unknown_text(QlmParser *p, const QlmFrame *frame,
							const char *text, int len);
extern bool qlm_unknown_attribute(QlmParser *p, const QlmFrame *frame,
								 const QlmXmlElement *element,
								 const QlmXmlAttribute *attribute);
extern bool qlm_unknown_is_foreign(const QlmParser *p,
								  const QlmXmlElement *element,
								  const QlmXmlAttribute *attribute);
extern bool qlm_unknown_narrows(const char *name);
/* Elements that have no attributes of the sender's own */
extern void qlm_unknown_plain(QlmParser *p, const QlmFrame *frame,
							 const QlmXmlElement *element);

/* A new verb: what was found good in the one before says nothing of it. */
extern void qlm_unknown_verb(QlmParser *p);

/* What of an envelope its deletes do not overlook */
extern void qlm_unknown_envelope(const QlmParserLevel *level);
extern void qlm_unknown_verb_attribute(QlmParser *p, const QlmRequest *request,
									  const QlmXmlElement *element,
									  const QlmXmlAttribute *attribute);
extern void qlm_unknown_envelope_attribute(QlmParser *p,
										  const QlmXmlAttribute *attribute);

#endif							/* QLM_UNKNOWN_H */
