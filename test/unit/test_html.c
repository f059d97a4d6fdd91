/*
 * test_html.c
 *		Web pages that came instead of an envelope: which are some, and what is
 *		said of them.
 */
#include "postgres.h"

#include "base/url.h"
#include "message/parse/html.h"

#include "shim.h"
#include "tap.h"

static const struct
{
	const char *text;
	bool		is_page;
	const char *words;
}			pages[] =
{
	{"<!DOCTYPE html><html><head><title>Log in</title><style>p { color: red }</style></head><body><p>Please <b>log in</b>.</body></html>",
	true, "Log in Please log in ."},
	{"\xEF\xBB\xBF \r\n<?xml version=\"1.0\"?><!-- html --><HTML lang=de><script>if (a < b) alert('<p>')</script>Zugang gesperrt: B\xC3\xBCro",
	true, "Zugang gesperrt: B\xC3\xBCro"},
	{"<html>", true, ""},
	{"<html", true, ""},
	{"<body\n>x", true, "x"},
	{"<title/>x", true, "x"},
	{"<htmlx>a", false, "a"},
	{"OK", false, "OK"},
	{"", false, ""},
	{" \n", false, ""},
	{"<!--", false, ""},
	{"<?xml", false, ""},
	{"<omiEnvelope/>", false, ""},
	{"{\"a\": 1}", false, "{\"a\": 1}"},
	{"a < b <= c", false, "a < b <= c"},
	{"go to http://me:secret@host/ and\thttps://a@b@c", false, "go to http://***@host/ and https://***@c"},
	{"a\x01\xFF\xC3" "b", false, "a???b"},
};

int
main(void)
{
	char		words[512];
	char		cut[8];

	for (int i = 0; i < lengthof(pages); i++)
	{
		const char *text = pages[i].text;

		tap_ok(qlm_html_is(text, strlen(text)) == pages[i].is_page, "%.60s: is it a page", text);
		qlm_html_words(text, strlen(text), words, sizeof(words));
		tap_is(words, pages[i].words, "%.60s: words", text);
	}
	tap_ok(qlm_html_is_nothing("", 0) && qlm_html_is_nothing(" \r\n", 3), "nothing is nothing");
	tap_ok(qlm_html_is_nothing("<?xml version=\"1.0\"?>\n", 22), "so is a declaration alone");
	tap_ok(!qlm_html_is_nothing("OK", 2) && !qlm_html_is_nothing("\0", 1), "anything else is not");
	qlm_html_words("Zug\xC3\xA4nge", 8, cut, 5);
	tap_is(cut, "Zug", "nothing is cut within a character");
	qlm_url_mask(cut, "a://bcdefghijk@l", sizeof(cut));
	tap_is(cut, "a://***", "nor a secret");
	return tap_done();
}
