/*
 * csv_fields.h
 *		The records of a CSV text, one after another, as fields.
 *
 * Private to this folder.
 */
#ifndef QLM_CSV_FIELDS_H
#define QLM_CSV_FIELDS_H

#include "postgres.h"

/* More columns than any file that means values of InfoItems */
#define QLM_CSV_MAX_FIELDS 64

#define QLM_CSV_SEPARATORS ",;\t|"

typedef struct QlmCsvField
{
	char	   *text;			/* NUL-terminated */
	int			len;
	bool		quoted;
} QlmCsvField;

typedef struct QlmCsvFields
{
	char	   *p;				/* in a copy, which is decoded in place */
	char	   *end;
	char		separator;
	int			line;
	int			record_line;	/* where the record began */
	QlmCsvField fields[QLM_CSV_MAX_FIELDS];
	int			nfields;
	const char *error;			/* a sentence without the line; NULL: none */
} QlmCsvFields;

extern void qlm_csv_fields_init(QlmCsvFields *r, const char *text, Size len);

/*
 * Go to the next record, over lines that are empty or comments.  False: there
 * is none.
 */
extern bool qlm_csv_fields_find(QlmCsvFields *r);

/* Read the record that was found.  False: there is an error. */
extern bool qlm_csv_fields_read(QlmCsvFields *r);

extern void qlm_csv_field_trim(QlmCsvField *field);

/* Where the line ends that is next, and the step behind it */
extern const char *qlm_csv_line_end(const QlmCsvFields *r);
extern void qlm_csv_skip_line(QlmCsvFields *r);

#endif							/* QLM_CSV_FIELDS_H */
