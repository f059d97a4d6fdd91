/*
 * dialect.h
 *		The generations of the protocol seen in the wild, as one table.
 *
 * A dialect record is taken from each message that arrives, and every answer,
 * callback and piggy-backed message that follows from it is written in it.
 */
#ifndef QLM_DIALECT_H
#define QLM_DIALECT_H

#include "postgres.h"

typedef struct QlmDialect
{
	const char *root;			/* qlmEnvelope, omiEnvelope */
	const char *mi_namespace;	/* NULL: none */
	const char *version;		/* text of the version attribute */
	const char *request_id;		/* requestId, requestID */
	const char *df_namespace;	/* NULL: none */
	const char *msgformat;		/* odf, QLMdf.xsd, ... */
	const char *alt_name;		/* name, altname */
	bool		msg;			/* payload stands in a msg element */
	bool		verb_attributes;	/* the paper's version and ttl on verbs */
	bool		unix_fraction;	/* unixTime may have a fraction */
	bool		json;			/* the message is JSON, not XML */
	const char *payload;		/* format of data, if not O-DF; NULL: O-DF */
} QlmDialect;

/* Q0 Q1 QP M0 M1a M1b M2; NULL if the key is none of them. */
extern const QlmDialect *qlm_dialect_by_key(const char *key);

/* The key whose table row the dialect is or comes nearest to. */
extern const char *qlm_dialect_key(const QlmDialect *dialect);

/* M1b: what answers a message that could not be understood */
extern const QlmDialect *qlm_dialect_default(void);

/*
 * Text form, for columns: the key alone if the dialect is exactly a row of
 * the table, else the key and what differs.  Parse returns false for what
 * Append never wrote; strings are palloc'd.
 */
extern char *qlm_dialect_to_text(const QlmDialect *dialect);
extern bool qlm_dialect_from_text(const char *text, QlmDialect *dialect);

/* The dialect of such a text; the default where there is none (NULL), or a wrong one */
extern QlmDialect qlm_dialect_of(const char *text);

/* What a message showed of its dialect; NULL and false: nothing. */
typedef struct QlmDialectHints
{
	const char *root;
	const char *mi_namespace;
	const char *version;
	const char *request_id;
	const char *msgformat;		/* one that means O-DF */
	const char *df_namespace;	/* of Objects, if has_payload */
	bool		has_payload;
	bool		has_wrapping;	/* msg is known */
	bool		msg;
	bool		verb_attributes;	/* a verb with version or ttl */
	bool		json;
} QlmDialectHints;

/* The dialect to answer in; strings of the hints are kept, not copied. */
extern void qlm_dialect_recognize(const QlmDialectHints *hints,
								  QlmDialect *dialect);

/* Does a msgformat say O-DF, be it by the messaging schema's name? */
extern bool qlm_dialect_format_is_odf(const char *msgformat);

/* Is it the payload namespace of any dialect, or empty? */
extern bool qlm_dialect_namespace_is_odf(const char *uri, int len);

/* Is it a namespace, of messages or of payloads, of any dialect? */
extern bool qlm_dialect_namespace_is_known(const char *uri);

/* May values have attributes beyond type and time?  1.0 alone forbids them. */
extern bool qlm_dialect_keeps_value_attributes(const QlmDialect *dialect);

/* Is the payload in the envelope's namespace, so that it needs no xmlns? */
extern bool qlm_dialect_inherits(const QlmDialect *dialect);

/* Is the payload that of 2.0? */
extern bool qlm_dialect_is_v2(const QlmDialect *dialect);

/* QLM generations (Q0, Q1, QP), whose peers take piggy-backed requests */
extern bool qlm_dialect_is_qlm(const QlmDialect *dialect);

#endif							/* QLM_DIALECT_H */
