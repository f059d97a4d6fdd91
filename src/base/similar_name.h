/*
 * similar_name.h
 *		Finds the known name that an unknown one is a slip of.
 */
#ifndef QLM_SIMILAR_NAME_H
#define QLM_SIMILAR_NAME_H

/*
 * The first of the known names, which end in NULL, that another is a slip of:
 * upper and lower case, '-', '_' or '.' between the letters, two letters
 * swapped, one missing or one too much.  NULL: none of them, or one of them is
 * the name itself.  A letter that stands for another is no slip, since that
 * makes words ("valve").
 */
extern const char *qlm_similar_name(const char *name,
									  const char *const *known);

/*
 * For the text of an error: the same, or for what chooses values the word that
 * others have for it ("from", "lastN").
 */
extern const char *qlm_similar_name_hint(const char *name,
									 const char *const *known);

#endif							/* QLM_SIMILAR_NAME_H */
