/*
 * address.h
 *		Lists of hosts and networks: 'example.com, 10.0.0.0/8, ::1'.
 */
#ifndef QLM_ADDRESS_H
#define QLM_ADDRESS_H

struct sockaddr;

/*
 * Is the address in one of the list's networks, or the host (of a URL, without
 * brackets) one of its names?  An IPv4-mapped IPv6 address is an IPv4 address.
 * Link-local addresses and those where clouds serve their secrets only match
 * networks that hold nothing else, and never a name.  An empty list matches
 * nothing.
 */
extern bool qlm_address_list_matches(const char *list,
									 const struct sockaddr *address,
									 const char *host);

/*
 * May a host (of a URL, of so many bytes, without brackets) have an address
 * that matches?  False only where that is certain: an address that does not, or
 * a name that is not listed while the list has no networks.
 */
extern bool qlm_address_list_may_match(const char *list, const char *host,
									   int host_len);

/*
 * Does the list say the host itself, without asking what address it has: as a
 * name, or as an address of one of its networks?  below: a name stands for all
 * below it, too, and * for everything.
 */
extern bool qlm_address_list_says(const char *list, const char *host,
								  bool below);

/*
 * False, with the first wrong entry as part of the list, where it is none.
 * below: what qlm_address_list_says takes then.
 */
extern bool qlm_address_list_valid(const char *list, bool below,
								   const char **bad, int *bad_len);

#endif							/* QLM_ADDRESS_H */
