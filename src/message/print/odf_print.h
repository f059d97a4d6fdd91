/*
 * odf_print.h
 *		O-DF trees to XML.
 */
#ifndef QLM_ODF_PRINT_H
#define QLM_ODF_PRINT_H

#include "lib/stringinfo.h"

#include "message/odf.h"

/*
 * <Objects>...</Objects> in schema order, with the dialect's namespace,
 * version attribute where the dialect has one, both time attributes.
 */
extern void qlm_odf_print(StringInfo buf, const QlmOdf *odf,
						  const QlmDialect *dialect);

/* Objects, one Object, one InfoItem, MetaData: each a document of its own */
extern void qlm_odf_print_document(StringInfo buf, const QlmOdf *odf,
								   const QlmDialect *dialect);
extern void qlm_odf_print_object(StringInfo buf, const QlmObject *object,
								 const QlmDialect *dialect);
extern void qlm_odf_print_item(StringInfo buf, const QlmInfoItem *item,
							   const QlmDialect *dialect);
extern void qlm_odf_print_meta_data(StringInfo buf, const QlmInfoItem *item,
									const QlmDialect *dialect);

#endif							/* QLM_ODF_PRINT_H */
