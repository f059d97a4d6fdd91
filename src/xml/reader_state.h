/*
 * reader_state.h
 *		A reader from within.  Private to this folder.
 */
#ifndef QLM_READER_STATE_H
#define QLM_READER_STATE_H

#include <libxml/parser.h>

#include "base/limits.h"
#include "xml/decoder.h"
#include "xml/events.h"

#define QLM_XML_MAX_ERROR	300

struct QlmXmlReader
{
	const QlmXmlHandler *handler;
	void	   *state;
	xmlParserCtxtPtr parser;
	Size		total;			/* bytes fed */
	int			depth;
	int			max_depth;		/* the setting when the message began */
	uint8	   *namespaces;		/* declared at each depth */
	int			nnamespaces;	/* and in all */
	int			old_names;		/* known before this message */
	bool		seen_root;
	bool		finishing;
	bool		finished;
	bool		out_of_memory;
	QlmXmlError error;
	QlmDecoder	decoder;
	char		text[QLM_XML_MAX_ERROR];
	QlmXmlAttribute attributes[QLM_MAX_ATTRIBUTES];
};

#endif							/* QLM_READER_STATE_H */
