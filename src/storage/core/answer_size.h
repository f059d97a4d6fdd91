/*
 * answer_size.h
 *		How large an answer becomes, counted while its parts are selected, so
 *		that it is refused before it has been made.
 */
#ifndef QLM_ANSWER_SIZE_H
#define QLM_ANSWER_SIZE_H

#include "message/odf.h"

/*
 * So many bytes of memory for all answers from now on, until it is given
 * again.  What does not fit raises an error that is answered with 503; small
 * answers always fit.  Where nothing was given there is no such bound.
 */
extern void qlm_answer_size_give_room(Size room);

/*
 * A new answer begins.  Beyond qlm.max_answer_size what is added raises an
 * error that is answered with 413.  Returns what was counted of the one before,
 * which may go on later.
 */
extern Size qlm_answer_size_begin(void);
extern Size qlm_answer_size_get(void);
extern void qlm_answer_size_set(Size size);

extern void qlm_answer_size_add(Size size);

/* Text as it is when it is printed, escaped */
extern void qlm_answer_size_add_text(const char *text, Size len);

/* A value with its attributes; a number needs no look at its text. */
extern void qlm_answer_size_add_value(const QlmValue *value, bool is_number);

/* A node with all that describes it, but not what is below, nor its values */
extern void qlm_answer_size_add_object(const QlmObject *object);
extern void qlm_answer_size_add_item(const QlmInfoItem *item);

/* An InfoItem of MetaData with all that is in it */
extern void qlm_answer_size_add_meta_data(const QlmInfoItem *item);

#endif							/* QLM_ANSWER_SIZE_H */
