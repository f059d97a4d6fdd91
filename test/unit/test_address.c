/*
 * test_address.c
 *		Lists of hosts and networks, as tables that show what they let through.
 */
#include "postgres.h"

#include <arpa/inet.h>

#include "libpq/pqcomm.h"

#include "base/address.h"
#include "base/client_address.h"

#include "shim.h"
#include "tap.h"

typedef struct Match
{
	const char *list;
	const char *address;
	const char *host;
	bool		matches;
} Match;

static const Match matches[] = {
	/* addresses and networks */
	{"", "127.0.0.1", "localhost", false},
	{"  ", "127.0.0.1", "", false},
	{"127.0.0.1", "127.0.0.1", "localhost", true},
	{"127.0.0.1", "127.0.0.2", "localhost", false},
	{"10.0.0.0/8", "10.255.0.1", "a.example", true},
	{"10.0.0.0/8", "11.0.0.1", "a.example", false},
	{"10.1.2.3/8", "10.255.0.1", "a.example", true},
	{"192.168.4.0/22", "192.168.7.255", "a.example", true},
	{"192.168.4.0/22", "192.168.8.0", "a.example", false},
	{"192.168.4.1/31", "192.168.4.0", "a.example", true},
	{"0.0.0.0/0", "8.8.8.8", "a.example", true},
	{"0.0.0.0/0", "2001:db8::1", "a.example", false},
	{"::1", "::1", "localhost", true},
	{"::1/128", "::2", "localhost", false},
	{"2001:db8::/33", "2001:db8:7fff::1", "a.example", true},
	{"2001:db8::/33", "2001:db8:8000::1", "a.example", false},
	{"::/0", "2001:db8::1", "a.example", true},
	{"example.com, 10.0.0.0/8 ,::1", "::1", "a.example", true},
	{"example.com,\n10.0.0.0/8,::1", "10.0.0.1", "a.example", true},

	/* IPv4 in IPv6 is IPv4, either way */
	{"10.0.0.0/8", "::ffff:10.0.0.1", "a.example", true},
	{"::ffff:10.0.0.0/104", "10.0.0.1", "a.example", true},
	{"::ffff:10.0.0.0/104", "11.0.0.1", "a.example", false},
	{"::/0", "10.0.0.1", "a.example", false},
	{"::/0", "::ffff:10.0.0.1", "a.example", false},

	/* names */
	{"example.com", "93.184.216.34", "example.com", true},
	{"Example.COM", "93.184.216.34", "eXample.com", true},
	{"example.com.", "93.184.216.34", "example.com", true},
	{"example.com", "93.184.216.34", "example.com.", true},
	{"example.com", "93.184.216.34", "www.example.com", false},
	{"example.com", "93.184.216.34", "example.com.evil.example", false},
	{"example.com", "93.184.216.34", "xexample.com", false},
	{"example.com", "93.184.216.34", "example.co", false},
	{"example.com", "93.184.216.34", "", false},
	{"example.com", "93.184.216.34", NULL, false},
	{"a,b,c", "93.184.216.34", "b", true},

	/* a name is no way to an address that is only reached on purpose */
	{"example.com", "169.254.169.254", "example.com", false},
	{"0.0.0.0/0", "169.254.169.254", "a.example", false},
	{"168.0.0.0/7", "169.254.169.254", "a.example", false},
	{"169.254.0.0/16", "169.254.169.254", "a.example", true},
	{"169.254.169.254", "169.254.169.254", "a.example", true},
	{"169.254.169.254", "169.254.169.253", "a.example", false},
	{"0.0.0.0/0", "::ffff:169.254.169.254", "a.example", false},
	{"169.254.0.0/16", "::ffff:169.254.169.254", "a.example", true},
	{"::/0", "fe80::1", "a.example", false},
	{"fe80::/9", "fe80::1", "a.example", false},
	{"fe80::/10", "febf::1", "a.example", true},
	{"::/0", "fec0::1", "a.example", true},
	{"::/0", "64:ff9b::169.254.169.254", "a.example", false},
	{"100.64.0.0/10", "100.100.100.200", "a.example", false},
	{"100.64.0.0/10", "100.100.100.201", "a.example", true},
	{"fd00::/8", "fd00:ec2::254", "a.example", false},
	{"fd00:ec2::254", "fd00:ec2::254", "a.example", true},

	/* entries that are wrong match nothing */
	{"10.0.0.0/33", "10.0.0.1", "10.0.0.1", false},
	{",", "10.0.0.1", "", false}
};

typedef struct Valid
{
	const char *list;
	const char *bad;			/* NULL: none */
} Valid;

static const Valid lists[] = {
	{"", NULL},
	{" \t", NULL},
	{"example.com", NULL},
	{"localhost, node_1, b\xc3\xbc" "cher.example, 3com.com, x1.", NULL},
	{"example.com, 10.0.0.0/8, ::1", NULL},
	{"0.0.0.0/0,::/0,::ffff:1.2.3.4/128", NULL},
	{",", ""},
	{"a,,b", ""},
	{"a, ", ""},
	{"a b", "a b"},
	{"a, *.example.com", "*.example.com"},
	{"example.com:80, a", "example.com:80"},
	{"http://example.com", "http://example.com"},
	{"a..b", "a..b"},
	{".a", ".a"},
	{".", "."},
	{"10.0.0", "10.0.0"},
	{"10.0.0.256", "10.0.0.256"},
	{"10.0.0.0/33", "10.0.0.0/33"},
	{"10.0.0.0/", "10.0.0.0/"},
	{"10.0.0.0/-1", "10.0.0.0/-1"},
	{"10.0.0.0/08x", "10.0.0.0/08x"},
	{"::/129", "::/129"},
	{"::1/0000", "::1/0000"},
	{":::1", ":::1"},
	{"fe80::1%eth0", "fe80::1%eth0"},
	{"a.example/8", "a.example/8"},
	{"2130706433", "2130706433"}
};

static void
test_matches(void)
{
	for (int i = 0; i < lengthof(matches); i++)
	{
		const Match *m = &matches[i];
		struct sockaddr_in v4 = {.sin_family = AF_INET};
		struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
		bool		is_v4 = inet_pton(AF_INET, m->address, &v4.sin_addr) == 1;

		if (!is_v4 && inet_pton(AF_INET6, m->address, &v6.sin6_addr) != 1)
			abort();
		tap_ok(qlm_address_list_matches(m->list,
										is_v4 ? (struct sockaddr *) &v4 :
										(struct sockaddr *) &v6,
										m->host) == m->matches,
			   "\"%s\" %s %s of \"%s\"", m->list,
			   m->matches ? "has" : "has not", m->address,
			   m->host ? m->host : "(none)");
	}
}

static const struct
{
	const char *list;
	const char *host;
	bool		may;
}			hosts[] = {
	{"10.0.0.0/8", "10.1.2.3", true},
	{"10.0.0.0/8", "11.1.2.3", false},
	{"10.0.0.0/8", "167837955", true},	/* 10.1.1.3 */
	{"127.0.0.1", "127.1", true},
	{"10.0.0.0/8, devices.example.com", "127.1", false},
	{"10.0.0.0/8, devices.example.com", "0x7f.0.0.1", false},
	{"10.0.0.0/8", "::ffff:10.0.0.1", true},
	{"10.0.0.0/8, ::1", "::1", true},
	{"10.0.0.0/8", "::1", false},
	{"0.0.0.0/0, ::/0", "169.254.169.254", false},
	{"0.0.0.0/0, ::/0", "fe80::1%25eth0", false},
	{"fe80::/64", "fe80::1%25eth0", true},
	{"devices.example.com", "devices.example.com", true},
	{"devices.example.com", "Devices.Example.COM.", true},
	{"devices.example.com", "other.example.com", false},
	{"devices.example.com", "10.0.0.1", false},
	{"devices.example.com, 10.0.0.0/8", "other.example.com", true},
	{"devices.example.com", "devices%2eexample.com", true},
	{"devices.example.com", "localhost", false},
	{"10.0.0.0/8", "localhost", false},
	{"127.0.0.0/8", "LocalHost", true},
	{"::1", "localhost", true},
	{"localhost", "localhost", true},
	{"", "devices.example.com", false},
	{"", "127.0.0.1", false}
};

static void
test_hosts(void)
{
	char		long_name[300];

	for (int i = 0; i < lengthof(hosts); i++)
		tap_ok(qlm_address_list_may_match(hosts[i].list, hosts[i].host,
										  strlen(hosts[i].host)) == hosts[i].may,
			   "\"%s\" %s let %s pass", hosts[i].list,
			   hosts[i].may ? "may" : "cannot", hosts[i].host);
	tap_ok(!qlm_address_list_may_match("10.0.0.0/8", "127.0.0.1:80", 9),
		   "only so many bytes are the host");
	memset(long_name, '1', sizeof(long_name));
	tap_ok(qlm_address_list_may_match("10.0.0.0/8", long_name, sizeof(long_name)),
		   "what is too long for a name is left to who connects");
}

static void
test_other_families(void)
{
	struct sockaddr address = {.sa_family = AF_UNIX};

	tap_ok(!qlm_address_list_matches("0.0.0.0/0, ::/0, localhost", &address,
									 "localhost"),
		   "what is neither IPv4 nor IPv6 matches nothing");
}

static void
test_lists(void)
{
	char		long_name[300];
	const char *bad;
	int			len;

	for (int i = 0; i < lengthof(lists); i++)
	{
		const Valid *v = &lists[i];
		bool		valid = qlm_address_list_valid(v->list, false, &bad, &len);

		tap_ok(valid == (v->bad == NULL), "\"%s\" is %s", v->list,
			   v->bad ? "refused" : "a list");
		if (!valid && v->bad)
			tap_is(pnstrdup(bad, len), v->bad, "because of \"%s\"", v->bad);
	}
	memset(long_name, 'a', sizeof(long_name));
	long_name[254] = '\0';
	tap_ok(!qlm_address_list_valid(long_name, false, &bad, &len),
		   "a name of 254 bytes is refused");
	long_name[253] = '\0';
	tap_ok(qlm_address_list_valid(long_name, false, &bad, &len),
		   "one of 253 bytes is not");
}

/* Hosts that are judged by what the list says of them alone */
static void
test_says(void)
{
	static const struct
	{
		const char *list;
		const char *host;
		bool		exactly;
		bool		below;
	}			cases[] = {
		{"example.com", "example.com", true, true},
		{"example.com", "EXAMPLE.com.", true, true},
		{"example.com", "a.example.com", false, true},
		{".example.com", "a.b.example.com", false, true},
		{"example.com", "notexample.com", false, false},
		{"example.com", "com", false, false},
		{"*", "anything.at.all", false, true},
		{"10.0.0.0/8", "10.1.2.3", true, true},
		{"10.0.0.0/8", "11.1.2.3", false, false},
		{"0.0.0.0/0", "example.com", false, false},
		{"127.0.0.0/8", "localhost", false, false},
		{"::1, localhost", "localhost", true, true},
		{"", "example.com", false, false}
	};

	for (int i = 0; i < lengthof(cases); i++)
	{
		tap_ok(qlm_address_list_says(cases[i].list, cases[i].host, false) == cases[i].exactly,
			   "\"%s\" %s %s", cases[i].list, cases[i].exactly ? "names" : "does not name", cases[i].host);
		tap_ok(qlm_address_list_says(cases[i].list, cases[i].host, true) == cases[i].below,
			   "... or what lies above it");
	}
}

static struct sockaddr_storage
address_of(const char *text)
{
	struct sockaddr_storage storage = {0};
	struct sockaddr_in *four = (struct sockaddr_in *) &storage;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *) &storage;

	if (inet_pton(AF_INET, text, &four->sin_addr) == 1)
		four->sin_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &six->sin6_addr) == 1)
		six->sin6_family = AF_INET6;
	return storage;
}

static void
test_clients(void)
{
	static const struct
	{
		const char *one;
		const char *other;
		bool		same;
	}			pairs[] = {
		{"10.1.2.3", "10.1.2.3", true},
		{"10.1.2.3", "::ffff:10.1.2.3", true},
		{"10.1.2.3", "10.1.2.4", false},
		{"2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true},
		{"2001:db8:1:2::1", "2001:db8:1:3::1", false},
		{"::1", "::2", false},
		{"::1", "127.0.0.1", false},
	};
	char		text[QLM_CLIENT_ADDRESS_SIZE];
	QlmClientAddress a;
	QlmClientAddress b;

	for (int i = 0; i < lengthof(pairs); i++)
	{
		struct sockaddr_storage one = address_of(pairs[i].one);
		struct sockaddr_storage other = address_of(pairs[i].other);

		qlm_client_address_set(&a, (struct sockaddr *) &one);
		qlm_client_address_set(&b, (struct sockaddr *) &other);
		tap_ok((qlm_client_address_key(&a) == qlm_client_address_key(&b)) == pairs[i].same && qlm_client_address_key(&a) != 0,
			   "%s and %s are %s", pairs[i].one, pairs[i].other, pairs[i].same ? "one" : "two");
		tap_is(qlm_client_address_text(&a, text), pairs[i].one, "as text");
	}
	qlm_client_address_set(&a, NULL);
	tap_ok(qlm_client_address_key(&a) == 0, "nobody");
	tap_is(qlm_client_address_text(&a, text), "unknown", "as text");
}

int
main(void)
{
	test_clients();
	test_matches();
	test_hosts();
	test_other_families();
	test_lists();
	test_says();
	shim_reset();
	return tap_done();
}
