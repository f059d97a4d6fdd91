/*
 * heartbeat_peer.h
 *		Peers that are called even if nothing is due for them.
 *
 * As outbox.h: becomes the owner inside.
 */
#ifndef QLM_STORAGE_HEARTBEAT_PEER_H
#define QLM_STORAGE_HEARTBEAT_PEER_H

#include "nodes/pg_list.h"

/* Peers with a url and a heartbeat */
typedef struct QlmHeartbeat
{
	int			peer_id;
	char	   *url;
	char	   *dialect;		/* text form; NULL: not said */
	char	   *authorization;	/* header value to send; NULL: none */
	char	   *proxy;			/* URL to go through; empty: none, NULL: not said */
	bool		proxy_for_all;	/* the peer says it, whatever qlm.no_proxy does */
	bool		redirects;		/* 307 and 308 are followed */
	bool		form;			/* it takes form field msg only */
	double		seconds;
	int			hold;			/* seconds that calls are held for; 0: not known */
	int			hold_cut_ms;	/* after which the way cut one last; 0: never */
} QlmHeartbeat;

extern List *qlm_heartbeat_peers(void);
extern void qlm_heartbeat_peer_done(int peer_id, const char *error);

#endif							/* QLM_STORAGE_HEARTBEAT_PEER_H */
