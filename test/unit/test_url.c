/*
 * test_url.c
 *		What is taken for an HTTP URL, and which host is in it.
 */
#include "postgres.h"

#include "base/url.h"

#include "shim.h"
#include "tap.h"

static const struct
{
	const char *text;
	const char *host;			/* NULL: it is not a URL */
}			urls[] = {
	{"http://plant.example", "plant.example"},
	{"http://plant.example/", "plant.example"},
	{"HTTPS://Plant.Example:8090/peer/fridge?a=b#c", "Plant.Example"},
	{"http://10.0.0.5:1", "10.0.0.5"},
	{"http://10.0.0.5:65535?x", "10.0.0.5"},
	{"http://10.0.0.5:/", "10.0.0.5"},
	{"http://[::1]:8090/omi", "::1"},
	{"http://[fe80::1%25eth0]/", "fe80::1%25eth0"},
	{"http://[fe80::1%eth0]/", "fe80::1%eth0"},
	{"http://user:secret@plant.example/a@b", "plant.example"},
	{"http://plant.example/:99999/[", "plant.example"},
	{"http://my_host-1/", "my_host-1"},
	{"http://m\303\274ller.example/", "m\303\274ller.example"},

	{"", NULL},
	{"http", NULL},
	{"ftp://plant.example", NULL},
	{"http:/plant.example", NULL},
	{"http://", NULL},
	{"http:///qlm", NULL},
	{"http://:8090", NULL},
	{"http://?x", NULL},
	{"http://user@", NULL},
	{"http://[::1", NULL},
	{"http://[::1/]", NULL},
	{"http://[]", NULL},
	{"http://[plant.example]", NULL},
	{"http://[::1]8090", NULL},
	{"http://[fe80::1%]/", NULL},
	{"http://[fe80::1%25e<![CDATA[th1]:8090/", NULL},
	{"http://[fe80::1%25aninterfacetoolong]/", NULL},
	{"http://[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001]", NULL},
	{"http://::1/", NULL},
	{"http://plant.example:0", NULL},
	{"http://plant.example:65536", NULL},
	{"http://plant.example:9223372036854775808/omi", NULL},
	{"http://plant.example:T000/omi", NULL},
	{"http://plant.example:+80", NULL},
	{"http://plant example/", NULL},
	{"http://plant.example/a b", NULL},
	{"http://plant.example/\r\nX: y", NULL},
	{"http://plant.example/\177", NULL},
	{"http://plant\\.example/", NULL},
};

static const struct
{
	const char *text;
	const char *host;
}			sockets[] = {
	{"ws://plant.example", "plant.example"},
	{"WSS://plant.example:8443/push?a=b", "plant.example"},
	{"ws://user:secret@[::1]:80/", "::1"},
	{"ws:1-0123456789abcdef", NULL},
	{"ws:/plant.example", NULL},
	{"ws://", NULL},
	{"ws://:80/", NULL},
	{"wss://plant.example:0/", NULL},
	{"wsx://plant.example/", NULL},
	{"ws://plant.example/a b", NULL}
};

/* Do two URLs lead to the same server? */
static const struct
{
	const char *one;
	const char *other;
	bool		same;
}			servers[] = {
	{"http://a.example/x", "http://a.example/y?z", true},
	{"http://a.example/x", "HTTP://user:pw@A.Example.:80", true},
	{"http://a.example:/", "http://a.example/", true},
	{"https://a.example", "https://a.example:443#x", true},
	{"http://a.example", "ws://a.example/push", true},
	{"wss://a.example", "https://a.example", true},
	{"http://a.example", "https://a.example", false},
	{"http://a.example", "http://b.example", false},
	{"http://a.example:81", "http://a.example:82", false},
	{"http://a.example", "http://%61%2Eexample%2e/", true},
	{"http://10.0.0.1:80/", "http://167772161/", true},
	{"http://10.0.0.1/", "http://0xa.1/", true},
	{"http://10.0.0.1/", "http://[::ffff:10.0.0.1]/", true},
	{"http://10.0.0.1/", "http://10.0.0.2/", false},
	{"http://[::1]:8080/", "http://[0:0::1]:8080/x", true},
	{"http://[::1]:8080/", "http://[::1]/", false}
};

int
main(void)
{
	for (int i = 0; i < lengthof(urls); i++)
	{
		const char *host = NULL;
		int			len = 0;
		bool		taken = qlm_url_is_http(urls[i].text, &host, &len);

		tap_ok(taken == (urls[i].host != NULL), "URL %d", i);
		tap_ok(qlm_url_is_callback(urls[i].text, NULL, NULL) == taken &&
			   !qlm_url_is_socket(urls[i].text), "URL %d is none of a WebSocket", i);
		if (urls[i].host)
			tap_ok(host && len == (int) strlen(urls[i].host) &&
				   memcmp(host, urls[i].host, len) == 0,
				   "URL %d: its host", i);
	}
	for (int i = 0; i < lengthof(sockets); i++)
	{
		const char *host = NULL;
		int			len = 0;
		bool		taken = qlm_url_is_socket(sockets[i].text);

		tap_ok(taken == (sockets[i].host != NULL) &&
			   qlm_url_is_callback(sockets[i].text, &host, &len) == taken &&
			   !qlm_url_is_http(sockets[i].text, NULL, NULL),
			   "\"%s\"", sockets[i].text);
		if (taken)
			tap_is(pnstrdup(host, len), sockets[i].host, "its host");
	}
	for (int i = 0; i < lengthof(servers); i++)
		tap_ok((qlm_url_server(servers[i].one) == qlm_url_server(servers[i].other)) ==
			   servers[i].same, "%s and %s: %s server", servers[i].one, servers[i].other,
			   servers[i].same ? "one" : "not one");
	return tap_done();
}
