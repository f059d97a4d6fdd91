/*
 * caller_limits.c
 *		How many outbox rows and subscriptions a caller may have.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/acl.h"

#include "base/limits.h"
#include "service/exchange/caller_limits.h"
#include "storage/peer/quota.h"

bool
qlm_is_limited(Oid role, bool from_session)
{
	Oid			admin = get_role_oid("qlm_admin", true);

	return !from_session ||
		!(OidIsValid(admin) ? has_privs_of_role(role, admin) : superuser_arg(role));
}

bool
qlm_exchange_may_queue(QlmExchange *exchange, int peer_id)
{
	if (!qlm_is_limited(exchange->role, exchange->job->from_session))
		return true;
	if (!exchange->room_known)
		exchange->room = qlm_quota_asked(exchange->peer ? exchange->peer->peer_id : 0,
										 exchange->role);
	exchange->room_known = true;
	if (exchange->room <= 0 || (peer_id != 0 && qlm_quota_waiting(peer_id) <= 0))
		return false;
	exchange->room--;
	return true;
}

const char *
qlm_queue_surplus(void)
{
	return psprintf("%d messages wait already, and no more are allowed",
					qlm_max_queued);
}

const char *
qlm_subscription_surplus(int peer_id, Oid role, bool from_session)
{
	int			limit = qlm_max_subscriptions;
	bool		anonymous = peer_id == 0 && !from_session &&
		qlm_max_anonymous_subscriptions > 0 &&
		(limit == 0 || qlm_max_anonymous_subscriptions < limit);

	if (anonymous)
		limit = qlm_max_anonymous_subscriptions;
	if (!qlm_is_limited(role, from_session) ||
		qlm_quota_subscriptions(peer_id, role, limit) > 0)
		return NULL;
	return psprintf(anonymous ?
					"there are %d subscriptions of callers who are no known peer already, and no more are allowed" :
					"there are %d subscriptions of this caller already, and no more are allowed",
					limit);
}
