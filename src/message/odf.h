/*
 * odf.h
 *		QLM-DF / O-DF payloads as structs: built by the parser and by storage,
 *		written by the printers.
 *
 * Plain singly linked lists in document order; everything lives in the memory
 * context of the message.  Strings are NUL-terminated UTF-8.
 */
#ifndef QLM_ODF_H
#define QLM_ODF_H

#include "datatype/timestamp.h"
#include "lib/stringinfo.h"

#include "message/dialect.h"

typedef struct QlmAttribute
{
	struct QlmAttribute *next;
	const char *name;			/* local name */
	const char *value;
} QlmAttribute;

/* An id of an Object, or another name of an InfoItem */
typedef struct QlmId
{
	struct QlmId *next;
	const char *text;
	const char *id_type;		/* NULL: not given */
	const char *tag_type;
	bool		has_start;
	bool		has_end;
	TimestampTz start_date;
	TimestampTz end_date;
	QlmAttribute *attributes;
} QlmId;

typedef struct QlmDescription
{
	struct QlmDescription *next;
	const char *lang;			/* NULL: none */
	const char *text;			/* empty: a stub, or "please send" */
	QlmAttribute *attributes;
} QlmDescription;

typedef struct QlmValue
{
	struct QlmValue *next;
	const char *text;			/* exactly as it came; XML if is_odf */
	int			len;
	bool		has_ts;
	bool		is_odf;			/* the text is XML, as a nested Objects */
	TimestampTz ts;
	const char *type;			/* NULL: xs:string */
	QlmAttribute *attributes;
} QlmValue;

typedef struct QlmInfoItem
{
	struct QlmInfoItem *next;
	const char *name;
	const char *type;			/* NULL: none */
	QlmId	   *alt_names;
	QlmDescription *descriptions;
	bool		has_meta_data;	/* a MetaData element, maybe empty, is there */
	bool		is_meta_data;	/* stands in the MetaData of another */
	bool		is_implied;		/* of an answer: only an Object above was asked for */
	struct QlmInfoItem *meta_data;
	struct QlmInfoItem *last_meta_data;
	QlmAttribute *attributes;
	QlmValue   *values;
	QlmValue   *last_value;
	int			nvalues;
	int			line;			/* where it stood in the message; 0: nowhere */
	int			nempty;			/* values that were none, as lines without one,
								 * or null */
} QlmInfoItem;

typedef struct QlmObject
{
	struct QlmObject *next;
	QlmId	   *ids;			/* the first one names it; NULL in the root */
	const char *type;
	QlmDescription *descriptions;
	QlmAttribute *attributes;
	QlmInfoItem *items;
	QlmInfoItem *last_item;
	struct QlmObject *objects;
	struct QlmObject *last_object;
	int			line;
} QlmObject;

/* Objects, the root, with counts over the whole tree */
typedef struct QlmOdf
{
	QlmObject	root;
	int			nobjects;
	int			nitems;			/* without MetaData */
	int			nvalues;		/* without MetaData */
	int			nempty;			/* lines that name an Object alone */
	TimestampTz latest;			/* no value that was read from a message is
								 * later, with MetaData */

	/* nodes are carved from blocks: a message has many small ones */
	char	   *spare;
	Size		nspare;
	Size		block_size;
} QlmOdf;

/*
 * Builders, for whoever makes payloads; strings are kept, not copied.  A
 * parent of NULL is the root, an id of NULL adds none.
 */
extern QlmOdf *qlm_odf_create(void);
extern QlmObject *qlm_odf_add_object(QlmOdf *odf, QlmObject *parent,
									 const char *id);
extern QlmInfoItem *qlm_odf_add_item(QlmOdf *odf, QlmObject *parent,
									 const char *name);
extern QlmInfoItem *qlm_odf_add_meta_data(QlmOdf *odf, QlmInfoItem *item,
										  const char *name);
extern QlmValue *qlm_odf_add_value(QlmOdf *odf, QlmInfoItem *item,
								   const char *text, int len);

/* One of no InfoItem yet, for take_value */
extern QlmValue *qlm_odf_new_value(QlmOdf *odf);

/* The same with a copy of the text */
extern QlmValue *qlm_odf_copy_value(QlmOdf *odf, QlmInfoItem *item,
									const char *text, int len);

/* Put a value that was made for another tree at the end of an InfoItem. */
extern void qlm_odf_take_value(QlmOdf *odf, QlmInfoItem *item, QlmValue *value);
extern QlmAttribute *qlm_odf_add_attribute(QlmAttribute **list,
										   const char *name,
										   const char *value);

/* Further ids and other names, descriptions: at the end of the list */
extern QlmId *qlm_odf_add_id(QlmOdf *odf, QlmId **list, const char *text);
extern QlmDescription *qlm_odf_add_description(QlmOdf *odf,
											   QlmDescription **list,
											   const char *lang,
											   const char *text);

/* A child by any of its ids, by name; NULL if there is none. */
extern QlmObject *qlm_odf_find_object(const QlmObject *parent, const char *id);
extern QlmInfoItem *qlm_odf_find_item(const QlmObject *parent,
									  const char *name);

/* Leave out InfoItems that have no value and that nobody has asked for. */
extern void qlm_odf_drop_implied(QlmOdf *odf);

#endif							/* QLM_ODF_H */
