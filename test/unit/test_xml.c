/*
 * test_xml.c
 *		What the reader hands out and what it refuses; what the writer escapes.
 */
#include "postgres.h"

#include <libxml/xmlversion.h>

#include "base/limits.h"
#include "xml/failure.h"
#include "xml/reader.h"
#include "xml/writer.h"

#include "shim.h"
#include "tap.h"

/* Where a text ends that never ends: libxml2 counts its last character since 2.14 */
#if LIBXML_VERSION >= 21400
#define END_OF_TEXT "5"
#else
#define END_OF_TEXT "4"
#endif

/* A message with its length: some hold NUL bytes */
#define BYTES(s) s, sizeof(s) - 1

typedef struct Trace
{
	StringInfoData buf;
	QlmXmlReader *reader;
} Trace;

typedef struct ReaderCase
{
	const char *name;
	const char *charset;
	const char *data;
	int			len;
	const char *events;
} ReaderCase;

/*
 * Events: <prefix:name{uri} attribute=[value] ...>, text as it is, </>; after
 * an error only "code line:column sentence".
 */
static const ReaderCase reader_cases[] = {
	{"elements and text", NULL, BYTES("<a>x<b>y</b> </a>"),
	"<a>x<b>y</> </>"},
	{"attributes", NULL, BYTES("<a b='1' c=\"two\"/>"),
	"<a b=[1] c=[two]></>"},
	{"CDATA, comment and processing instruction", NULL,
		BYTES("<?pi?><!-- c --><a>x<![CDATA[<&>]]>y<!-- d --><?p q?>z</a><!-- e -->\n"),
	"<a>x<&>yz</>"},
	{"the five entities and numbers", NULL,
		BYTES("<a b='&lt;&amp;&gt;&quot;&apos;&#38;&#65;'>&lt;&amp;&gt;&quot;&apos;&#x41;&#252;</a>"),
	"<a b=[<&>\"'&A]><&>\"'A\xC3\xBC</>"},
	{"an ampersand's escape, escaped", NULL, BYTES("<a b='&amp;#38;'/>"),
	"<a b=[&#38;]></>"},
	{"an ampersand in a namespace", NULL, BYTES("<a xmlns='u?a&amp;b'/>"),
	"<a{u?a&b}></>"},
	{"line ends", NULL, BYTES("<a b='1\r\n2'>x\r\ny\rz</a>"),
	"<a b=[1 2]>x\ny\nz</>"},
	{"default namespace", NULL, BYTES("<a xmlns='u'><b/></a>"),
	"<a{u}><b{u}></></>"},
	{"prefixes", NULL, BYTES("<p:a xmlns:p='u' p:c='1'/>"),
	"<p:a{u} p:c=[1]></>"},
	{"undeclared prefixes", NULL,
		BYTES("<omi:omiEnvelope ttl='0' x:y='1'><omi:read/></omi:omiEnvelope>"),
	"<omi:omiEnvelope ttl=[0] x:y=[1]><omi:read></></>"},
	{"xsi attributes are left out", NULL,
		BYTES("<a xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xsi:schemaLocation='a b' c='1'/>"),
	"<a c=[1]></>"},
	{"xsi by another prefix", NULL,
		BYTES("<a xmlns:xs='http://www.w3.org/2001/XMLSchema-instance' xs:type='t'/>"),
	"<a></>"},
	{"xsi undeclared", NULL, BYTES("<a xsi:type='t'/>"), "<a></>"},
	{"xml:lang", NULL, BYTES("<a xml:lang='fi'/>"), "<a xml:lang=[fi]></>"},

	/* character sets: mark, transport, declaration, UTF-8 */
	{"UTF-8", NULL, BYTES("<a>\xC3\xBC\xF0\x9F\x98\x80</a>"),
	"<a>\xC3\xBC\xF0\x9F\x98\x80</>"},
	{"UTF-8 with mark", NULL, BYTES("\xEF\xBB\xBF<?xml version='1.0'?><a/>"),
	"<a></>"},
	{"UTF-16, little end first", NULL, BYTES("\xFF\xFE<\0a\0>\0\xFC\0\x3D\xD8\0\xDE<\0/\0a\0>\0"),
	"<a>\xC3\xBC\xF0\x9F\x98\x80</>"},
	{"UTF-16, big end first", NULL, BYTES("\xFE\xFF\0<\0a\0>\0\xFC\0<\0/\0a\0>"),
	"<a>\xC3\xBC</>"},
	{"UTF-16 without mark", NULL, BYTES("<\0a\0/\0>\0"), "<a></>"},
	{"UTF-16 by transport", "utf-16", BYTES("\0<\0a\0/\0>"), "<a></>"},
	{"UTF-16 declared but not used", NULL,
		BYTES("<?xml version='1.0' encoding='utf-16'?><a>\xC3\xBC</a>"),
	"<a>\xC3\xBC</>"},
	{"ISO-8859-1 declared", NULL,
		BYTES("<?xml version=\"1.0\" encoding = \"ISO-8859-1\"?><a>\xFC</a>"),
	"<a>\xC3\xBC</>"},
	{"ISO-8859-1 by transport", "\"iso-8859-1\"", BYTES("<a>\xFC</a>"),
	"<a>\xC3\xBC</>"},
	{"the transport wins over the declaration", "UTF-8",
		BYTES("<?xml version='1.0' encoding='ISO-8859-1'?><a>\xC3\xBC</a>"),
	"<a>\xC3\xBC</>"},
	{"the mark wins over the transport", "ISO-8859-1",
		BYTES("\xEF\xBB\xBF<a>\xC3\xBC</a>"),
	"<a>\xC3\xBC</>"},
	{"Windows-1252", "windows-1252", BYTES("<a>\x80\xFC</a>"),
	"<a>\xE2\x82\xAC\xC3\xBC</>"},
	{"ISO-8859-15", "ISO-8859-15", BYTES("<a>\xA4\xFC</a>"),
	"<a>\xE2\x82\xAC\xC3\xBC</>"},
	{"blanks before the declaration", NULL,
		BYTES("\r\n <?xml version='1.0' encoding='ISO-8859-1'?><a>\xFC</a>"),
	"<a>\xC3\xBC</>"},

	/* what is refused */
	{"nothing", NULL, BYTES(""), "400 1:1 The message is empty"},
	{"blanks only", NULL, BYTES(" \n "),
	"400 2:1 The message holds no XML element"},
	{"only a declaration", NULL, BYTES("<?xml version='1.0'?>"),
	"400 1:22 The message holds no XML element"},
	{"plain text", NULL, BYTES("Not found"),
	"400 1:1 The message does not begin with an XML element"},
	{"truncated in text", NULL, BYTES("<a>\n<b>x"),
	"400 2:" END_OF_TEXT " The message ends before its root element is closed"},
	{"truncated in a tag", NULL, BYTES("<a><b c='"),
	"400 1:10 The message ends before its root element is closed"},
	{"more after the root", NULL, BYTES("<a/>\n<b/>"),
	"400 2:1 There is something after the end of the root element"},
	{"wrong end tag", NULL, BYTES("<a><b></a></b>"),
	"400 1:11 The XML is not well-formed: Opening and ending tag mismatch: b line 1 and a"},
	{"an attribute twice", NULL, BYTES("<a b='1' b='2'/>"),
	"400 1:15 The XML is not well-formed: Attribute b redefined"},
	{"unknown entity", NULL, BYTES("<a>&nbsp;</a>"),
	"400 1:10 The entity \"nbsp\" is not one of the five that XML knows by itself"},
	{"unknown entity in an attribute", NULL, BYTES("<a b='&file;'/>"),
	"400 1:13 The entity \"file\" is not one of the five that XML knows by itself"},
	{"a lone ampersand", NULL, BYTES("<a>x & y</a>"),
	"400 1:7 The XML is not well-formed: xmlParseEntityRef: no name"},
	{"document type", NULL, BYTES("<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>"),
	"400 1:40 A document type declaration is not allowed"},
	{"entity bomb", NULL,
		BYTES("<!DOCTYPE a [<!ENTITY x 'xxxxxxxxxx'><!ENTITY y '&x;&x;&x;&x;'>]><a>&y;</a>"),
	"400 1:13 A document type declaration is not allowed"},
	{"entity from a file", NULL,
		BYTES("<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>"),
	"400 1:13 A document type declaration is not allowed"},
	{"invalid UTF-8", NULL, BYTES("<a>\xC3(</a>"),
	"400 1:4 The message holds bytes that are no characters in its encoding"},
	{"overlong UTF-8", NULL, BYTES("<a>\n\xC0\xBC</a>"),
	"400 2:1 The message holds bytes that are no characters in its encoding"},
	{"a surrogate in UTF-8", NULL, BYTES("<a>\xED\xA0\x80</a>"),
	"400 1:4 The message holds bytes that are no characters in its encoding"},
	{"UTF-8 that ends within a character", NULL, BYTES("<a>\xE2\x82"),
	"400 1:4 The message holds bytes that are no characters in its encoding"},
	{"a NUL byte", NULL, BYTES("<a>\0</a>"),
	"400 1:4 The message holds bytes that are no characters in its encoding"},
	{"a NUL in UTF-16", NULL, BYTES("\xFF\xFE<\0a\0>\0\0\0<\0/\0a\0>\0"),
	"400 1:4 The message holds bytes that are no characters in its encoding"},
	{"half a pair in UTF-16", NULL, BYTES("\xFF\xFE<\0a\0>\0\x3D\xD8<\0/\0a\0>\0"),
	"400 1:4 The message holds bytes that are no characters in its encoding"},
	{"a control character", NULL, BYTES("<a>\x01</a>"),
	"400 1:4 The XML is not well-formed: PCDATA invalid Char value 1"},
	{"a control character by number", NULL, BYTES("<a>&#1;</a>"),
	"400 1:8 The XML is not well-formed: xmlParseCharRef: invalid xmlChar value 1"},
	{"unknown charset declared", NULL,
		BYTES("<?xml version='1.0' encoding='klingon'?><a/>"),
	"400 1:1 The character set \"klingon\" is not supported"},
	{"unknown charset by transport", "utf-7", BYTES("<a/>"),
	"400 1:1 The character set \"utf-7\" is not supported"},
	{"the position counts the blanks skipped", NULL, BYTES("\n\n<a>\n</b>"),
	"400 4:5 The XML is not well-formed: Opening and ending tag mismatch: a line 1 and b"},
	{"a handler that refuses", NULL, BYTES("<a>\n<stop/>x<b/></a>"),
	"413 2:6 The handler does not like \"stop\""}
};

static void
trace_start(void *state, const QlmXmlElement *element)
{
	Trace	   *trace = state;

	appendStringInfoChar(&trace->buf, '<');
	if (element->prefix)
		appendStringInfo(&trace->buf, "%s:", element->prefix);
	appendStringInfoString(&trace->buf, element->name);
	if (element->uri)
		appendStringInfo(&trace->buf, "{%s}", element->uri);
	for (int i = 0; i < element->nattributes; i++)
	{
		const QlmXmlAttribute *a = &element->attributes[i];

		appendStringInfo(&trace->buf, " %s%s%s=[%.*s]",
						 a->prefix ? a->prefix : "", a->prefix ? ":" : "",
						 a->name, a->len, a->value);
	}
	appendStringInfoChar(&trace->buf, '>');
	if (strcmp(element->name, "stop") == 0)
		qlm_xml_reader_fail(trace->reader, 413,
							"The handler does not like \"%s\"", element->name);
}

static void
trace_end(void *state)
{
	appendStringInfoString(&((Trace *) state)->buf, "</>");
}

static void
trace_text(void *state, const char *text, int len)
{
	appendBinaryStringInfo(&((Trace *) state)->buf, text, len);
}

static const QlmXmlHandler trace_handler = {trace_start, trace_end, trace_text};

/* Read in pieces of the given size; returns events, or the error. */
static char *
read_events(const char *charset, const char *data, int len, int piece)
{
	Trace		trace;
	bool		good = true;

	initStringInfo(&trace.buf);
	trace.reader = qlm_xml_reader_create(&trace_handler, &trace, charset);
	for (int i = 0; good && i < len; i += piece)
	{
		/* A copy of its own, so that reading beyond it is noticed */
		int			n = Min(piece, len - i);
		char	   *copy = palloc(n);

		memcpy(copy, data + i, n);
		good = qlm_xml_reader_feed(trace.reader, copy, n);
		pfree(copy);
	}
	if (!good || !qlm_xml_reader_finish(trace.reader))
	{
		const QlmXmlError *error = qlm_xml_reader_error(trace.reader);

		resetStringInfo(&trace.buf);
		appendStringInfo(&trace.buf, "%d %d:%d %s", error->code,
						 error->line, error->column, error->message);
	}
	qlm_xml_reader_free(trace.reader);
	return trace.buf.data;
}

static void
test_reader(void)
{
	for (int i = 0; i < lengthof(reader_cases); i++)
	{
		const ReaderCase *c = &reader_cases[i];
		char	   *whole = read_events(c->charset, c->data, c->len, 1000000);
		char	   *bytes = read_events(c->charset, c->data, c->len, 1);

		tap_is(whole, c->events, "%s", c->name);

		/* The position of an error may depend on what has been seen. */
		if (strncmp(c->events, "4", 1) == 0)
			tap_ok(strncmp(bytes, "4", 1) == 0, "%s, byte by byte", c->name);
		else
			tap_is(bytes, c->events, "%s, byte by byte", c->name);
	}
}

/* Text of n times the same */
static StringInfo
repeated(const char *before, const char *text, int n, const char *after)
{
	StringInfo	buf = makeStringInfo();

	appendStringInfoString(buf, before);
	for (int i = 0; i < n; i++)
		appendStringInfoString(buf, text);
	appendStringInfoString(buf, after);
	return buf;
}

static StringInfo
element_with_attributes(int n)
{
	StringInfo	buf = makeStringInfo();

	appendStringInfoString(buf, "<a");
	for (int i = 0; i < n; i++)
		appendStringInfo(buf, " a%d=''", i);
	appendStringInfoString(buf, "/>");
	return buf;
}

static void
check_limit(StringInfo message, const char *refusal, const char *name)
{
	char	   *events = read_events(NULL, message->data, message->len, 1000000);

	if (refusal == NULL)
		tap_ok(events[0] == '<', "%s", name);
	else
		tap_ok(strncmp(events, "413 ", 4) == 0 && strstr(events, refusal),
			   "%s: %s", name, events);
	pfree(events);
}

static StringInfo
nested(int depth)
{
	StringInfo	buf = repeated("", "<a>", depth, "");

	for (int i = 0; i < depth; i++)
		appendStringInfoString(buf, "</a>");
	return buf;
}

/* n elements of different names in one */
static StringInfo
names(int n)
{
	StringInfo	buf = makeStringInfo();

	appendStringInfoString(buf, "<a>");
	for (int i = 0; i < n; i++)
		appendStringInfo(buf, "<a%d/>", i);
	appendStringInfoString(buf, "</a>");
	return buf;
}

static void
test_limits(void)
{
	check_limit(nested(64), NULL, "64 levels");
	check_limit(nested(65), "deep", "65 levels");
	check_limit(repeated("", "<a>", 100000, ""), "deep", "100000 levels");
	check_limit(element_with_attributes(64), NULL, "64 attributes");
	check_limit(element_with_attributes(65), "attributes", "65 attributes");
	check_limit(element_with_attributes(900000), "longer", "900000 attributes");
	check_limit(repeated("<a b='", "x", QLM_MAX_ATTRIBUTE_SIZE, "'/>"), NULL,
				"an attribute of 64 kB");
	check_limit(repeated("<a b='", "x", QLM_MAX_ATTRIBUTE_SIZE + 1, "'/>"),
				"longer", "an attribute of a byte more");
	check_limit(repeated("<a b='", "x", 5000000, "'/>"), "longer",
				"an attribute of 5 MB");
	check_limit(repeated("<", "x", QLM_MAX_NAME + 1, "/>"), "longer",
				"a long name");
	check_limit(names(9000), NULL, "9000 different names");
	check_limit(names(900000), "different names", "900000 different names");
	check_limit(repeated("", "<a xmlns='u' xmlns:v='v'>", 33, ""), "namespaces",
				"66 namespaces");
	check_limit(repeated("<a>", "<b xmlns='u'/>", 1000, "</a>"), NULL,
				"namespaces that end");
	check_limit(repeated("<a>", "x", 9000000, "</a>"), NULL, "9 MB of text");
	check_limit(repeated("<a><![CDATA[", "x", 9000000, "]]></a>"), NULL,
				"9 MB of CDATA");
	check_limit(repeated("<a><!--", "x", 1000000, "--></a>"), NULL,
				"a comment of 1 MB");
	check_limit(repeated("<a>", "x", qlm_max_message_size, "</a>"), "larger",
				"a message of more than 10 MB");
}

static void
test_reuse(void)
{
	/* A context that has failed, or seen much, must not spoil the next. */
	const char *good = "<a xmlns='u'><p:b c='1'>x</p:b></a>";
	const char *bad = "<a xmlns='v'><b><c>&x;";
	const char *events = "<a{u}><p:b c=[1]>x</></>";
	int			wrong = 0;

	for (int i = 0; i < 100; i++)
	{
		char	   *result = read_events(NULL, good, strlen(good), 7);

		wrong += strcmp(result, events) != 0;
		if (i % 3 == 0)
			read_events(NULL, bad, strlen(bad), 7);
	}
	tap_ok(wrong == 0, "100 messages, good and bad, do not disturb each other");
}

/* What is written, and what is read back from it */
static void
test_writer(void)
{
	static const char text[] =
		"plain <b> & \"q\" 'a' ]]> \t\n\r \x01\x7F \xC3\xBC \xEF\xBF\xBE \xEF\xBB\xBF";
	StringInfoData buf;

	initStringInfo(&buf);
	qlm_xml_text(&buf, text);
	tap_is(buf.data,
		   "plain &lt;b&gt; &amp; \"q\" 'a' ]]&gt; \t\n&#13; \xEF\xBF\xBD\x7F \xC3\xBC \xEF\xBF\xBD \xEF\xBB\xBF",
		   "text is escaped");
	resetStringInfo(&buf);
	qlm_xml_attribute(&buf, "a", text);
	tap_is(buf.data,
		   " a=\"plain &lt;b&gt; &amp; &quot;q&quot; 'a' ]]&gt; &#9;&#10;&#13; \xEF\xBF\xBD\x7F \xC3\xBC \xEF\xBF\xBD \xEF\xBB\xBF\"",
		   "so is an attribute");
	resetStringInfo(&buf);
	qlm_xml_attribute(&buf, "a", NULL);
	tap_is(buf.data, "", "no attribute without a value");
	qlm_xml_text_len(&buf, "a<b<c", 3);
	tap_is(buf.data, "a&lt;b", "text of a given length");
	resetStringInfo(&buf);
	qlm_xml_element(&buf, "id", "A&B");
	tap_is(buf.data, "<id>A&amp;B</id>", "an element");

	resetStringInfo(&buf);
	appendStringInfoString(&buf, "<a");
	qlm_xml_attribute(&buf, "b", " \t\r\n&#38;<>\"");
	appendStringInfoString(&buf, ">");
	qlm_xml_text(&buf, " \t\r\n]]>&#38;");
	appendStringInfoString(&buf, "</a>");
	tap_is(read_events(NULL, buf.data, buf.len, 1000),
		   "<a b=[ \t\r\n&#38;<>\"]> \t\r\n]]>&#38;</>",
		   "what is written is read back");
}

static void
test_names(void)
{
	static const char *const names[] = {
		"a", "_a", "A-b.c9", "K\xC3\xBChlschrank", "\xE6\xB8\xA9\xE5\xBA\xA6"
	};
	static const char *const others[] = {
		"", "9a", "-a", "a b", "a:b", "a>", "\xC3", "a\xC3\x97", "\xC2\xB7"
	};

	for (int i = 0; i < lengthof(names); i++)
		tap_ok(qlm_xml_is_name(names[i]), "\"%s\" is a name", names[i]);
	for (int i = 0; i < lengthof(others); i++)
		tap_ok(!qlm_xml_is_name(others[i]), "\"%s\" is no name", others[i]);
}

int
main(void)
{
	test_reader();
	test_limits();
	test_reuse();
	test_writer();
	test_names();
	shim_reset();
	return tap_done();
}
