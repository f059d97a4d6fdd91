/*
 * peer.h
 *		Peers: who is calling, with whose rights, and what they can take.
 */
#ifndef QLM_PEER_H
#define QLM_PEER_H

#include "nodes/pg_list.h"
#include "message/odf.h"

/*
 * A row of qlm.peer in this process's cache, valid until the transaction ends.
 * Its number is what it is known by everywhere: rows, processes and connections
 * that hold a number never mean another peer that has the name later.  Names
 * are for people, URLs and credentials.
 */
typedef struct QlmPeer
{
	int			peer_id;		/* above 0 */
	char	   *name;
	char	   *url;			/* NULL: cannot be reached */
	Oid			role;			/* InvalidOid: the role is gone */
	bool		has_credential;
	bool		claimable;		/* by its name, its URL or its Objects alone */
	uint32		proof;			/* changes with what shows that it is it */
	int			npaths;
	char	  **paths;
	int			piggyback;		/* 1, 0, -1: not said */
	char	   *dialect;		/* NULL: that of its last message */
	bool		echoes_ids;
	bool		in_order;		/* its requests keep their places */
	bool		tried;			/* with a piggy-backed request ... */
	int64		tried_with;		/* ... that message; 0: it was not */
	int			takes_nested;	/* 1, 0, -1: not known */
	bool		acknowledges;	/* data that leave nested in responses to it */
	TimestampTz last_seen;		/* as this process knows it; 0: never */
	TimestampTz last_success;
} QlmPeer;

/* Numbers in tables: of nobody, and of a peer that was not there */
#define QLM_PEER_NONE		0
#define QLM_PEER_UNKNOWN	(-1)

extern QlmPeer *qlm_peer_by_id(int peer_id);
extern QlmPeer *qlm_peer_by_name(const char *name);

/* A copy in the current memory context, without paths; NULL of NULL */
extern QlmPeer *qlm_peer_copy(const QlmPeer *peer);

/*
 * Who has this credential?  authorization as in the HTTP header: Basic with
 * the peer's name as user, or Bearer.  NULL: nobody, and the caller must be
 * refused.
 */
extern QlmPeer *qlm_peer_by_credential(const char *authorization);

/* The same, if this process has found it right before; else NULL, and nothing
 * was compared. */
extern QlmPeer *qlm_peer_by_known_credential(const char *authorization);

/*
 * A claimable peer that has this URL, or that owns the tree: every
 * InfoItem of it, and every Object without InfoItems, lies at or below one of
 * the peer's paths.  Where several do, the one whose path is nearest; NULL
 * where that does not decide.
 */
extern QlmPeer *qlm_peer_by_url(const char *url);
extern QlmPeer *qlm_peer_by_objects(const QlmOdf *odf);

/* The peer that a nodeList means: by its URL, else by its name; NULL: none */
extern QlmPeer *qlm_peer_by_node(const char *node);

/* The peer that owns a path, NULL: none */
extern QlmPeer *qlm_peer_by_path(const char *path);

/* Host names of the URLs of all peers (char *) */
extern List *qlm_peer_hosts(void);

/*
 * May the current user do what a peer with this role may, and so change such a
 * peer or speak for it?  The owner of the tables, who is this node, may.
 */
extern bool qlm_peer_may_act(Oid role);

/* For qlm_add_peer: salted hash of a secret */
extern char *qlm_peer_hash(const char *secret);

#endif							/* QLM_PEER_H */
