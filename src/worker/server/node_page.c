/*
 * node_page.c
 *		Answers to browsers and monitoring, which are not envelopes.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "lib/stringinfo.h"

#include "base/forwarded.h"
#include "base/server_settings.h"
#include "worker/common/readiness.h"
#include "worker/server/node_page.h"

/* Parameters: the address, then the prefix of links, twice */
static const char home[] =
	"<!DOCTYPE html>\n"
	"<html lang=\"en\">\n"
	"<head>\n"
	"<meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	"<title>qlm node</title>\n"
	"<style>\n"
	"body { font: 16px/1.6 system-ui, sans-serif; max-width: 38rem;"
	" margin: 12vh auto; padding: 0 1.5rem; color: #223; background: #fcfcfa }\n"
	"h1 { font-weight: 600; margin-bottom: 0 }\n"
	"p.version { color: #778; margin-top: 0 }\n"
	"code { background: #eef; padding: .1em .35em; border-radius: .2em }\n"
	"@media (prefers-color-scheme: dark) {"
	" body { color: #dde; background: #181a1f } code { background: #2a2d36 } }\n"
	"</style>\n"
	"</head>\n"
	"<body>\n"
	"<h1>qlm</h1>\n"
	"<p class=\"version\">version " QLM_VERSION "</p>\n"
	"<p>This is a QLM messaging node inside PostgreSQL. It speaks the Open"
	" Messaging Interface (O-MI) and the Open Data Format (O-DF).</p>\n"
	"<p>Send a message by <code>POST</code> to %s, to <code>qlm</code> below it"
	" or, as the peer that you are, to <code>peer/NAME</code>: the XML as the"
	" body, or in the form field <code>msg</code>.</p>\n"
	"<p><a href=\"%sObjects\">What is here?</a>"
	" <a href=\"%shealth\">Is it well?</a></p>\n"
	"</body>\n"
	"</html>\n";

/* The URL may be set to any text, so it is escaped. */
static void
append_escaped(StringInfo to, const char *text)
{
	for (const char *p = text; *p; p++)
	{
		if (*p == '<' || *p == '>' || *p == '&' || *p == '"')
			appendStringInfo(to, "&#%d;", *p);
		else
			appendStringInfoChar(to, *p);
	}
}

/*
 * Links are relative, as a proxy may show the node below another path.  If the
 * proxy says below which path, links begin with it, so that they also work
 * from an address without a slash at its end.
 */
void
qlm_node_page_answer_home(QlmHttpRequest *request)
{
	static const QlmHttpHeader headers[] = {
		{"Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"},
		{"X-Content-Type-Options", "nosniff"},
		{"Cache-Control", "no-store"},
		{NULL}
	};
	const QlmHostNames names = {qlm_host_names, qlm_listen_addresses, qlm_url};
	QlmHttpAnswer answer = {200, "text/html; charset=UTF-8", headers};
	StringInfoData address;
	StringInfoData shown;
	StringInfoData page;
	int			len;
	const char *prefix = qlm_forwarded_prefix(&request->forwarded, &len);
	char	   *base = len > 0 ? psprintf("%.*s/", len, prefix) : "";

	initStringInfo(&address);
	initStringInfo(&shown);
	initStringInfo(&page);
	qlm_forwarded_append_address(&address, &request->forwarded, request->host, &names);
	if (address.len > 0)
	{
		appendStringInfoString(&shown, "<code>");
		append_escaped(&shown, address.data);
		appendStringInfoString(&shown, "</code>");
	}
	else
		appendStringInfoString(&shown, "this address");
	appendStringInfo(&page, home, shown.data, base, base);
	answer.body = page.data;
	answer.body_len = page.len;
	qlm_web_server_answer(request, &answer);
}

void
qlm_node_page_answer_health(QlmHttpRequest *request, bool available, QlmWithheld held)
{
	static const char *const outgoing[] = {
		[QLM_WITHHELD_NOT] = "",
		[QLM_WITHHELD_OFF] = ",\"outgoing\":\"off\"",
		[QLM_WITHHELD_COPY] = ",\"outgoing\":\"held\",\"reason\":\"The node is a copy of another, or its rows came from another: SELECT qlm_adopt() if they are its own.\"",
	};
	static const QlmHttpHeader headers[] = {{"Cache-Control", "no-store"}, {NULL}};
	char		body[400];
	QlmHttpAnswer answer = {200, "application/json", headers, body, 0};

	if (available)
		answer.body_len = snprintf(body, sizeof(body),
								   "{\"status\":\"%s\",\"version\":\"" QLM_VERSION "\"%s}\n",
								   RecoveryInProgress() ? "standby" : "ok", outgoing[held]);
	else
	{
		answer.status = 503;
		answer.body_len = snprintf(body, sizeof(body),
								   "{\"status\":\"unavailable\",\"version\":\"" QLM_VERSION "\",\"reason\":\"%s\"}\n",
								   qlm_worker_why_not());
	}
	qlm_web_server_answer(request, &answer);
}

/*
 * A page of another origin may send any header.  Headers that "*" does not
 * cover, or that old browsers do not take it for, are listed.
 */
void
qlm_node_page_answer_options(QlmHttpRequest *request, const char *allow)
{
	const QlmHttpHeader headers[] = {
		{"Allow", allow},
		{qlm_web_server_is_shared(request) ? "Access-Control-Allow-Methods" : NULL, allow},
		{"Access-Control-Allow-Headers",
		"Authorization, Content-Type, Content-Encoding, If-None-Match, Prefer, *"},
		{"Access-Control-Max-Age", "259200"},	/* 3 days */
		{NULL}
	};
	QlmHttpAnswer answer = {204, NULL, headers, "", 0};

	qlm_web_server_answer(request, &answer);
}

void
qlm_node_page_answer_text(QlmHttpRequest *request, int status, const char *text,
					 const char *allow)
{
	const QlmHttpHeader headers[] = {{"Allow", allow}, {NULL}};
	QlmHttpAnswer answer = {status, "text/plain; charset=UTF-8",
		allow ? headers : NULL, text, strlen(text)};

	qlm_web_server_answer(request, &answer);
}
