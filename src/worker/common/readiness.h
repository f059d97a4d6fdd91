/*
 * readiness.h
 *		Whether a worker can run messages in its database, and why not.
 */
#ifndef QLM_READINESS_H
#define QLM_READINESS_H

/* Whose session it is, once it is connected */
extern void qlm_readiness_note_session(bool is_superuser);

/*
 * Can messages be run now?  Not without the extension, and not in a session of a
 * superuser: a worker that was started before there was an extension has one, and
 * must be started again, as soon as there is.
 */
extern bool qlm_worker_can_serve(void);

/* Why it could not, for who asked and for GET /health */
extern const char *qlm_worker_why_not(void);
extern bool qlm_worker_must_start_again(void);

/* What a database does without, where its dispatcher or any HTTP worker runs */
extern const char *qlm_worker_missing(bool dispatches, bool listens);

#endif							/* QLM_READINESS_H */
