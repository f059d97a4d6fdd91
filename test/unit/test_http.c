/*
 * test_http.c
 *		Values of HTTP headers, forms and web origins, as tables that show what
 *		is taken.
 */
#include "postgres.h"

#include "base/forwarded.h"
#include "base/host.h"
#include "base/origin.h"
#include "transport/coding/form.h"
#include "transport/coding/header.h"
#include "transport/coding/multipart.h"

#include "shim.h"
#include "tap.h"

#define NOTHING "(nothing)"

static const struct
{
	const char *value;
	const char *name;
	const char *parameter;
}			parameters[] =
{
	{"text/xml; charset=utf-8", "charset", "utf-8"},
	{"text/xml;CHARSET=utf-8", "charset", "utf-8"},
	{"text/xml ; a=b ;\tcharset=\"utf-8\" ; c", "charset", "utf-8"},
	{"text/xml; a=\"; charset=x\"; charset=y", "charset", "y"},
	{"form-data; name=\"a\\\"b\\\\c\"", "name", "a\"b\\c"},
	{"form-data; filename=\"name=x\"; name=msg", "name", "msg"},
	{"form-data; filename=x; name=\"", "name", NOTHING},
	{"text/xml; charset=\"open", "charset", "open"},
	{"text/xml; charset=", "charset", NOTHING},
	{"text/xml; charset", "charset", NOTHING},
	{"text/xml; xcharset=a", "charset", NOTHING},
	{"charset=a", "charset", NOTHING},
	{"", "charset", NOTHING},
	{";;;", "charset", NOTHING},
	{"a;charset=1234567890123456789", "charset", "1234567890123456789"},
	{"a;charset=12345678901234567890", "charset", NOTHING},
};

static const struct
{
	const char *value;
	bool		gzip;
	bool		identity;
}			accepted[] =
{
	{NULL, false, true},
	{"", false, true},
	{"gzip", true, true},
	{"x-gzip", true, true},
	{"deflate, br", false, true},
	{"br;q=1, gzip;q=0.8", true, true},
	{"gzip;Q=0", false, true},
	{"gzip;q=0.000", false, true},
	{"gzip;q=0.001", true, true},
	{"gzip ; x=1 ; q=0", false, true},
	{"gzip;q=x", true, true},
	{"gzip;q=1.9", true, true},
	{"*", true, true},
	{"*;q=0", false, false},
	{"*;q=0, gzip", true, false},
	{"*;q=0, identity", false, true},
	{"identity;q=0", false, false},
	{"identity;q=0, *", true, false},
	{"identity, gzip;q=0.9", false, true},
	{"identity;q=0.9, gzip", true, true},
	{",,, ;;; q=0", false, true},
	{"gzip;", true, true},
	{"gzip;;;q", true, true},
};

static const struct
{
	const char *list;
	const char *origin;
	const char *host;
	QlmOriginVerdict verdict;
}			origins[] =
{
	{"", NULL, "h", QLM_ORIGIN_SAME},
	{"*", NULL, "h", QLM_ORIGIN_SAME},
	{"*", "http://a", "h", QLM_ORIGIN_ANY},
	{"http://b, *", "null", "h", QLM_ORIGIN_ANY},
	{"http://a", "http://a", "h", QLM_ORIGIN_LISTED},
	{"http://b , http://a:80", "HTTP://A:80", "h", QLM_ORIGIN_LISTED},
	{"null", "null", "h", QLM_ORIGIN_LISTED},
	{"http://a", "http://a:80", "h", QLM_ORIGIN_FOREIGN},
	{"http://a", "https://a", "h", QLM_ORIGIN_FOREIGN},
	{"http://a.example", "http://a", "h", QLM_ORIGIN_FOREIGN},
	{"http://a", "http://a.example", "h", QLM_ORIGIN_FOREIGN},
	{"http://a", "null", "h", QLM_ORIGIN_FOREIGN},
	{"", "", "", QLM_ORIGIN_FOREIGN},
	{"", "http://", "", QLM_ORIGIN_FOREIGN},
	{"", "http://h:8090", "h:8090", QLM_ORIGIN_SAME},
	{"", "https://H", "h", QLM_ORIGIN_SAME},
	{"", "http://h", "h:8090", QLM_ORIGIN_FOREIGN},
	{"", "http://h", NULL, QLM_ORIGIN_FOREIGN},
	{"", "h", "h", QLM_ORIGIN_FOREIGN},
};

/* What browsers say without naming the page */
static const struct
{
	const char *list;
	QlmOriginCaller caller;
	QlmOriginVerdict verdict;
}			fetches[] =
{
	{"", {NULL, "h", "same-origin", "cors", "", false}, QLM_ORIGIN_SAME},
	{"", {NULL, "h", "none", "navigate", "", true}, QLM_ORIGIN_SAME},
	{"", {NULL, "h", "cross-site", "navigate", "", true}, QLM_ORIGIN_SAME},
	{"", {NULL, "h", "cross-site", "navigate", "", false}, QLM_ORIGIN_FOREIGN},
	{"", {NULL, "h", "cross-site", "no-cors", "", true}, QLM_ORIGIN_FOREIGN},
	{"", {NULL, "h", "Same-Site", "no-cors", NULL, true}, QLM_ORIGIN_FOREIGN},
	{"", {NULL, "h", "cross-site", NULL, NULL, true}, QLM_ORIGIN_FOREIGN},
	{"http://a", {NULL, "h", "cross-site", "no-cors", NULL, true}, QLM_ORIGIN_FOREIGN},
	{"*", {NULL, "h", "cross-site", "no-cors", NULL, true}, QLM_ORIGIN_ANY},
	{"http://a", {"http://a", "h", "cross-site", "cors", NULL, false}, QLM_ORIGIN_LISTED},
	{"", {"https://plant.example", "10.0.0.1:8090", NULL, NULL, "https://plant.example", false}, QLM_ORIGIN_SAME},
	{"", {"https://PLANT.example:8443", "10.0.0.1", NULL, NULL, "https://plant.example:8443/qlm", false}, QLM_ORIGIN_SAME},
	{"", {"https://plant.example", "10.0.0.1", NULL, NULL, "https://plant.example:8443", false}, QLM_ORIGIN_FOREIGN},
	{"", {"https://plant.example.evil", "10.0.0.1", NULL, NULL, "https://plant.example", false}, QLM_ORIGIN_FOREIGN},
	{"", {"null", "10.0.0.1", NULL, NULL, "", false}, QLM_ORIGIN_FOREIGN},
	{"", {"https://plant.example", "10.0.0.1", NULL, NULL, "", false, "Plant.example, x", 13}, QLM_ORIGIN_SAME},
	{"", {"https://plant.example", "10.0.0.1", NULL, NULL, "", false, "plant.example:8443", 18}, QLM_ORIGIN_FOREIGN},
};

/* How a node that is plant.example is called */
static const struct
{
	QlmForwarded headers;
	const char *host;
	const char *url;
	const char *address;
	const char *prefix;
}			forwarded[] =
{
	{{NULL}, "10.0.0.1:8090", NULL, "http://10.0.0.1:8090/", ""},
	{{NULL}, NULL, NULL, "", ""},
	{{NULL}, "evil.example", NULL, "", ""},
	{{"https"}, "plant.example", "", "https://plant.example/", ""},
	{{"HTTPS, http", "plant.example, inner", "/node/, /x"}, "10.0.0.1", "", "https://plant.example/node/", "/node"},
	{{"ftp", "plant.example:8443", "/a/b"}, "10.0.0.1", "", "http://plant.example:8443/a/b/", "/a/b"},
	{{"https", "evil.example", "/node"}, "plant.example", "", "https://plant.example/node/", "/node"},
	{{"https", "[fe80::1%<b>]", NULL}, "[fe80::1%<b>]", "", "", ""},
	{{"https", "plant.example", "//evil.example"}, NULL, "", "https://plant.example/", ""},
	{{"https", "plant.example", "node"}, NULL, "", "https://plant.example/", ""},
	{{"https", "plant.example", "/"}, NULL, "", "https://plant.example/", ""},
	{{"https", "plant.example", "/<script>"}, NULL, "", "https://plant.example/", ""},
	{{"https", "plant.example", "/n\"ode"}, NULL, "", "https://plant.example/", ""},
	{{"http", "plant.example", "/node"}, "plant.example", "https://public.example/qlm", "https://public.example/qlm/", "/node"},
	{{"", "", ""}, "plant.example", "https://public.example/", "https://public.example/", ""},
};

static const struct
{
	const char *header;
	bool		ours;
}			hosts[] =
{
	{"localhost", true},
	{"localhost:8090", true},
	{"LocalHost.:8090", true},
	{"localhost:", true},
	{"127.0.0.1", true},
	{"10.1.2.3:80", true},
	{"[::1]", true},
	{"[::1]:8090", true},
	{"[fe80::1%eth0]:8090", true},
	{"[::ffff:127.0.0.1]:1", true},
	{"plant.example", true},
	{"PLANT.Example:443", true},
	{"plant.example.", true},
	{"plant", true},
	{"device", true},
	{"public.example:8090", true},
	{"", false},
	{":8090", false},
	{".", false},
	{"evil.example", false},
	{"localhost.evil.example", false},
	{"evil.localhost", false},
	{"plant.example.evil", false},
	{"plant.example..", false},
	{"xplant.example", false},
	{"*", false},
	{"127.0.0.1.evil.example", false},
	{"127.1", false},
	{"2130706433", false},
	{"0x7f.0.0.1", false},
	{"127.0.0.1@evil.example", false},
	{"evil.example@127.0.0.1", false},
	{"localhost:80:90", false},
	{"localhost:8090x", false},
	{"localhost, evil.example", false},
	{"localhost/", false},
	{" localhost", false},
	{"::1", false},
	{"[::1", false},
	{"[::1]x", false},
	{"[::1]:x", false},
	{"[evil.example]", false},
	{"[]", false},
};

static const struct
{
	const char *list;
	const char *bad;			/* NULL: it is a list */
}			host_lists[] =
{
	{"", NULL},
	{" ", NULL},
	{"*", NULL},
	{"plant.example, plant , under_score-1.example.", NULL},
	{"plant,", ""},
	{"plant.example:8090", "plant.example:8090"},
	{"a, http://plant.example", "http://plant.example"},
	{"*.example", "*.example"},
	{".example", ".example"},
	{"a b", "a b"},
	{"pl\303\244nt", "pl\303\244nt"},
};

static const struct
{
	const char *list;
	const char *bad;			/* NULL: it is a list */
}			origin_lists[] =
{
	{"", NULL},
	{"  ", NULL},
	{"*", NULL},
	{"null", NULL},
	{"https://app.example.com, http://localhost:3000", NULL},
	{"http://[::1]:3000,http://10.0.0.1", NULL},
	{"app+x-1.0://host", NULL},
	{"http://a,", ""},
	{", http://a", ""},
	{"http://a/", "http://a/"},
	{"http://a b", "http://a b"},
	{"http://", "http://"},
	{"example.com", "example.com"},
	{"http://a, http://*.b", "http://*.b"},
};

static const struct
{
	const char *body;
	const char *message;
}			forms[] =
{
	{"msg=a", "a"},
	{"msg=", ""},
	{"msg=a+b%2Bc%26", "a b+c&"},
	{"x=1&msg=a&y=2", "a"},
	{"x=1&amp;msg=a&amp;y=2", "a"},
	{"amp;msg=a", "a"},
	{"msg=<a>&lt;&#228;</a>&x=1", "<a>&lt;&#228;</a>"},
	{"xmsg=a&msgx=b", NOTHING},
	{"msg", NOTHING},
	{"", NOTHING},
	{"msg=%", "%"},
	{"msg=%4", "%4"},
	{"msg=%zz", "%zz"},
};

#define PART(head, content) "--B\r\n" head "\r\n\r\n" content "\r\n"
#define MSG "Content-Disposition: form-data; name=\"msg\""

static const struct
{
	const char *type;			/* behind multipart/form-data */
	const char *body;
	const char *message;
	const char *charset;
}			multiparts[] =
{
	{"; boundary=B", PART(MSG, "a") "--B--", "a", ""},
	{"; boundary=B", "text\r\n" PART(MSG, "a") "--B--\r\ntext", "a", ""},
	{"; boundary=\"B\"", PART("X: y", "b") PART(MSG, "a") "--B--", "a", ""},
	{"; boundary=B", PART(MSG, "first") PART(MSG, "second") "--B--", "first", ""},
	{"; boundary=B", PART(MSG "\r\nContent-Type: text/xml; charset=latin1", "a") "--B--", "a", "latin1"},
	{"; boundary=B", PART("Content-Type: a; charset=x", "b") PART(MSG, "a") "--B--", "a", ""},
	{"; boundary=B", PART(MSG, "a\r\n--Bx\r\n--") "--B--", "a\r\n--Bx\r\n--", ""},
	{"; boundary=B", PART(MSG, "") "--B--", "", ""},
	{"; boundary=B", "--B\r\n" MSG "\r\n\r\n--B--", "", ""},
	{"; boundary=B", "--B \t\r\n" MSG "\r\n\r\na\r\n--B \r\n", "a", ""},
	{"; boundary=B", PART(MSG, "a"), NOTHING, NULL},
	{"; boundary=B", "--B\r\n\r\na\r\n--B--", NOTHING, NULL},
	{"; boundary=B", "--B\r\n" MSG, NOTHING, NULL},
	{"; boundary=B", "--B\r\n" MSG "\r\n", NOTHING, NULL},
	{"; boundary=B", "--B", NOTHING, NULL},
	{"; boundary=B", "--B--", NOTHING, NULL},
	{"; boundary=B", "", NOTHING, NULL},
	{"; boundary=C", PART(MSG, "a") "--B--", NOTHING, NULL},
	{"", PART(MSG, "a") "--B--", NOTHING, NULL},
};

static void
test_headers(void)
{
	char		text[20];

	for (int i = 0; i < lengthof(parameters); i++)
		tap_is(qlm_header_parameter(parameters[i].value, parameters[i].name,
									text, sizeof(text)) ? text : NOTHING,
			   parameters[i].parameter, "%s of %s", parameters[i].name,
			   parameters[i].value);
	for (int i = 0; i < lengthof(accepted); i++)
	{
		QlmAcceptCoding accept = qlm_header_accept_encoding(accepted[i].value);

		tap_ok(accept.gzip == accepted[i].gzip &&
			   accept.identity == accepted[i].identity, "Accept-Encoding: %s",
			   accepted[i].value ? accepted[i].value : "(none)");
	}
	tap_ok(qlm_header_quality("a;q=0.5, b;q=0.25,c", "b") == 250, "a quality");
	tap_ok(qlm_header_quality("a;q=0.5, b;q=0.25,c", "c") == 1000, "a missing one");
	tap_ok(qlm_header_quality("aa, ab", "a") == -1, "none");
}

static void
test_origins(void)
{
	const char *bad;
	int			len;

	for (int i = 0; i < lengthof(origins); i++)
		tap_ok(qlm_origin_judge(origins[i].list,
								&(QlmOriginCaller) {.origin = origins[i].origin, .host = origins[i].host}) ==
			   origins[i].verdict,
			   "origin %s with \"%s\"", origins[i].origin ? origins[i].origin : "(none)",
			   origins[i].list);
	for (int i = 0; i < lengthof(origin_lists); i++)
	{
		const char *list = origin_lists[i].list;
		bool		valid = qlm_origin_list_valid(list, &bad, &len);

		tap_ok(valid == (origin_lists[i].bad == NULL), "\"%s\" is %s", list,
			   origin_lists[i].bad ? "refused" : "a list");
		if (!valid && origin_lists[i].bad)
			tap_is(pnstrdup(bad, len), origin_lists[i].bad, "because of that");
	}
	tap_ok(!qlm_origin_list_varies(""), "nobody: the same for all");
	tap_ok(!qlm_origin_list_varies("http://a, *"), "anybody: the same for all");
	tap_ok(qlm_origin_list_varies("http://a"), "some: it depends");
}

static void
test_hosts(void)
{
	const QlmHostNames names = {"plant.example, plant", "*, 0.0.0.0, device", "http://public.example/x"};
	const QlmHostNames any = {"*", NULL, NULL};
	const char *bad;
	int			len;

	for (int i = 0; i < lengthof(fetches); i++)
		tap_ok(qlm_origin_judge(fetches[i].list, &fetches[i].caller) == fetches[i].verdict,
			   "what a browser says, %d", i + 1);
	for (int i = 0; i < lengthof(hosts); i++)
		tap_ok(qlm_host_is_ours(hosts[i].header, &names) == hosts[i].ours,
			   "host \"%s\" is %s", hosts[i].header, hosts[i].ours ? "ours" : "not ours");
	tap_ok(qlm_host_is_ours("evil.example", &any), "any name, if that is wanted");
	tap_ok(!qlm_host_is_ours("evil.example/", &any), "but a name");
	for (int i = 0; i < lengthof(host_lists); i++)
	{
		bool		valid = qlm_host_list_valid(host_lists[i].list, &bad, &len);

		tap_ok(valid == (host_lists[i].bad == NULL), "\"%s\" is %s", host_lists[i].list,
			   host_lists[i].bad ? "refused" : "a list");
		if (!valid && host_lists[i].bad)
			tap_is(pnstrdup(bad, len), host_lists[i].bad, "because of that");
	}
}

static void
test_forwarded(void)
{
	for (int i = 0; i < lengthof(forwarded); i++)
	{
		const QlmHostNames names = {"plant.example", NULL, forwarded[i].url};
		StringInfoData address;
		int			len;
		const char *prefix = qlm_forwarded_prefix(&forwarded[i].headers, &len);

		initStringInfo(&address);
		qlm_forwarded_append_address(&address, &forwarded[i].headers, forwarded[i].host, &names);
		tap_is(address.data, forwarded[i].address, "address %d", i + 1);
		tap_is(pnstrdup(prefix, len), forwarded[i].prefix, "its prefix");
	}
}

static void
test_forms(void)
{
	for (int i = 0; i < lengthof(forms); i++)
	{
		char	   *body = pstrdup(forms[i].body);
		Size		len = 0;
		char	   *message = qlm_form_message(body, strlen(body), &len);

		tap_is(message ? pnstrdup(message, len) : NOTHING, forms[i].message,
			   "form %s", forms[i].body);
	}
}

static void
test_multipart(void)
{
	char		charset[20];

	for (int i = 0; i < lengthof(multiparts); i++)
	{
		char		type[64] = "multipart/form-data";
		Size		len = strlen(multiparts[i].body);
		char	   *body = memcpy(palloc(len + 1), multiparts[i].body, len + 1);
		char	   *message;

		strlcat(type, multiparts[i].type, sizeof(type));
		message = qlm_multipart_message(body, len, type, &len, charset, sizeof(charset));
		tap_is(message ? pnstrdup(message, len) : NOTHING, multiparts[i].message,
			   "multipart form %d", i);
		if (message && multiparts[i].charset)
			tap_is(charset, multiparts[i].charset, "its charset");
	}
	tap_ok(qlm_multipart_is_form("multipart/form-data"), "a type");
	tap_ok(qlm_multipart_is_form("Multipart/Form-Data;boundary=x"), "with a parameter");
	tap_ok(!qlm_multipart_is_form("multipart/form-datax"), "another");
}

int
main(void)
{
	test_headers();
	test_origins();
	test_hosts();
	test_forwarded();
	test_forms();
	test_multipart();
	shim_reset();
	return tap_done();
}
