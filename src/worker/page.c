/*
 * page.c
 *		Answers for people and for watchers, which are no messages.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "lib/stringinfo.h"

#include "worker/page.h"
#include "worker/slot.h"

/* Links are relative: a proxy may show the node below a path of its own. */
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
	"<p>Send a message by <code>POST</code> to this address, to <code>qlm</code> below it"
	" or, as the peer that you are, to <code>peer/NAME</code>: the XML as the"
	" body, or in the form field <code>msg</code>.</p>\n"
	"<p><a href=\"Objects\">What is here?</a>"
	" <a href=\"health\">Is it well?</a></p>\n"
	"</body>\n"
	"</html>\n";

void
qlm_page_answer_home(QlmHttpRequest *request)
{
	static const QlmHttpHeader headers[] = {
		{"Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"},
		{"X-Content-Type-Options", "nosniff"},
		{NULL}
	};
	QlmHttpAnswer answer = {200, "text/html; charset=UTF-8", headers,
	home, sizeof(home) - 1};

	qlm_http_server_answer(request, &answer);
}

void
qlm_page_answer_health(QlmHttpRequest *request, bool available)
{
	static const char reads[] = "{\"status\":\"standby\",\"version\":\"" QLM_VERSION "\"}\n";
	static const QlmHttpHeader headers[] = {{"Cache-Control", "no-store"}, {NULL}};
	char		bad[300];
	static const char good[] = "{\"status\":\"ok\",\"version\":\"" QLM_VERSION "\"}\n";
	QlmHttpAnswer answer = {200, "application/json", headers, good, sizeof(good) - 1};

	if (available && RecoveryInProgress())
	{
		answer.body = reads;
		answer.body_len = sizeof(reads) - 1;
	}
	else if (!available)
	{
		answer.status = 503;
		answer.body = bad;
		answer.body_len = snprintf(bad, sizeof(bad),
								   "{\"status\":\"unavailable\",\"version\":\"" QLM_VERSION "\",\"reason\":\"%s\"}\n",
								   qlm_worker_why_not());
	}
	qlm_http_server_answer(request, &answer);
}

/*
 * A page may send any header it likes; those that the star does not cover, or
 * old browsers do not know it for, are named.
 */
void
qlm_page_answer_options(QlmHttpRequest *request, const char *allow)
{
	const QlmHttpHeader headers[] = {
		{"Allow", allow},
		{qlm_http_server_is_shared(request) ? "Access-Control-Allow-Methods" : NULL, allow},
		{"Access-Control-Allow-Headers",
		"Authorization, Content-Type, Content-Encoding, If-None-Match, Prefer, *"},
		{"Access-Control-Max-Age", "259200"},	/* 3 days */
		{NULL}
	};
	QlmHttpAnswer answer = {204, NULL, headers, "", 0};

	qlm_http_server_answer(request, &answer);
}

void
qlm_page_answer_text(QlmHttpRequest *request, int status, const char *text,
					 const char *allow)
{
	const QlmHttpHeader headers[] = {{"Allow", allow}, {NULL}};
	QlmHttpAnswer answer = {status, "text/plain; charset=UTF-8",
		allow ? headers : NULL, text, strlen(text)};

	qlm_http_server_answer(request, &answer);
}
