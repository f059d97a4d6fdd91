/*
 * test_redact.c
 *		Messages without their secrets, as a table of what comes and what is
 *		kept.  The secret is always S3CR3T.
 */
#include "postgres.h"

#include "message/redact.h"

#include "tap.h"

static const struct
{
	const char *text;
	const char *kept;
}			messages[] =
{
	/* XML */
	{"<omiEnvelope authorization=\"Bearer S3CR3T\" ttl=\"0\"/>", "<omiEnvelope authorization=\"***\" ttl=\"0\"/>"},
	{"<e a='1' Authorization = 'S3CR3T'/>", "<e a='1' Authorization = '***'/>"},
	{"<e q:AUTHORIZATION=\"S3CR3T\"/>", "<e q:AUTHORIZATION=\"***\"/>"},
	{"<e token=\"S3&quot;CR3T\"/>", "<e token=\"***\"/>"},
	{"<e token='S3\"CR3T' b='c'/>", "<e token='***' b='c'/>"},
	{"<e authorization=\"a\\\" token=\"S3CR3T\"/>", "<e authorization=\"***\" token=\"***\"/>"},
	{"<e auth_token=\"S3CR3T\" x-password='S3CR3T'/>", "<e auth_token=\"***\" x-password='***'/>"},
	{"<e autorization='S3CR3T' authorisation='S3CR3T' auth=\"S3CR3T\" author=\"x\"/>", "<e autorization='***' authorisation='***' auth=\"***\" author=\"x\"/>"},
	{"{\"autHorizaTion\":\"S3CR3T\",\"api_key\":\"S3CR3T\",\"key\":1}", "{\"autHorizaTion\":\"***\",\"api_key\":\"***\",\"key\":1}"},
	{"<e authorization=\"\"/>", "<e authorization=\"\"/>"},
	{"<e authorization=\"S3CR3T", "<e authorization=\"***"},
	{"<a><authorization>S3CR3T</authorization></a>", "<a><authorization>***</authorization></a>"},
	{"<q:token a=\"b\"><![CDATA[S3CR3T]]></q:token>", "<q:token a=\"b\">***</q:token>"},
	{"<token/><b>text</b>", "<token/><b>text</b>"},
	{"<msg><![CDATA[<omiEnvelope authorization=\"S3CR3T\"/>]]></msg>", "<msg><![CDATA[<omiEnvelope authorization=\"***\"/>]]></msg>"},
	{"<v>&lt;e authorization=&quot;S3CR3T&quot; b=&quot;c&quot;/></v>", "<v>&lt;e authorization=&quot;***&quot; b=&quot;c&quot;/></v>"},
	{"<v>&lt;e &#97;uthorizatio&#x6E;=&#34;S3CR3T&#34;/></v>", "<v>&lt;e &#97;uthorizatio&#x6E;=&#34;***&#34;/></v>"},
	{"<v>&amp;lt;e authorization=&amp;quot;S3CR3T&amp;quot;/></v>", "<v>&amp;lt;e authorization=&amp;quot;***&amp;quot;/></v>"},
	{"<v>Authorization: Basic S3CR3T</v>", "<v>Authorization: ***</v>"},
	{"<InfoItem name=\"token\"><value>5</value></InfoItem>", "<InfoItem name=\"token\"><value>5</value></InfoItem>"},

	/* JSON */
	{"{\"authorization\":\"Bearer S3CR3T\",\"ttl\":0}", "{\"authorization\":\"***\",\"ttl\":0}"},
	{"{\"Authorization\" : \"S3CR3T\"}", "{\"Authorization\" : \"***\"}"},
	{"{\"\\u0061uthorizatio\\u006E\":\"S3CR3T\"}", "{\"\\u0061uthorizatio\\u006E\":\"***\"}"},
	{"{\"authorization\":\"S3\\\"CR3T\",\"a\":1}", "{\"authorization\":\"***\",\"a\":1}"},
	{"{\"authorization\":\"S3\\\\\",\"token\":\"S3CR3T\"}", "{\"authorization\":\"***\",\"token\":\"***\"}"},
	{"{\"authorization\":12345,\"a\":1}", "{\"authorization\":***,\"a\":1}"},
	{"{\"token\":{\"a\":\"}\\\\\",\"b\":[\"S3CR3T\"]},\"c\":2}", "{\"token\":***,\"c\":2}"},
	{"{\"token\":[\"S3CR3T\",\"S3CR3T\"],\"c\":2}", "{\"token\":***,\"c\":2}"},
	{"{\"msg\":\"{\\\"authorization\\\":\\\"S3CR3T\\\",\\\"a\\\":1}\"}", "{\"msg\":\"{\\\"authorization\\\":\\\"***\\\",\\\"a\\\":1}\"}"},
	{"{\"msg\":\"{\\\\\\\"\\\\u0061uthorization\\\\\\\":\\\\\\\"S3CR3T\\\\\\\"}\"}", "{\"msg\":\"{\\\\\\\"\\\\u0061uthorization\\\\\\\":\\\\\\\"***\\\\\\\"}\"}"},
	{"{\"msg\":\"<e authorization=\\\"S3CR3T\\\"/>\"}", "{\"msg\":\"<e authorization=\\\"***\\\"/>\"}"},
	{"{\"note\":\"<token\",\"token\":\"S3CR3T\"}", "{\"note\":\"<token\",\"token\":\"***\"}"},
	{"{\"name\":\"token\",\"values\":[]}", "{\"name\":\"token\",\"values\":[]}"},

	/* URLs */
	{"<read callback=\"http://user:S3CR3T@host/x@y\"/>", "<read callback=\"http://***@host/x@y\"/>"},
	{"<read callback='http://u:p\"S3CR3T@host'/>", "<read callback='http://***@host'/>"},
	{"<read callback=\"http:&#x2f;&#47;u:S3CR3T&#64;host/\"/>", "<read callback=\"http:&#x2f;&#47;***&#64;host/\"/>"},
	{"{\"callback\":\"http:\\/\\/u:S3CR3T@host\\/\"}", "{\"callback\":\"http:\\/\\/***@host\\/\"}"},
	{"<read callback=\"http://host/a@b\"/>", "<read callback=\"http://host/a@b\"/>"},
	{"msg=http%3A%2F%2Fu%3AS3CR3T%40host", "msg=http%3A%2F%2F***%40host"},

	/* nothing to hide */
	{"<v>4.5 &amp; \\n 100 %</v>", "<v>4.5 &amp; \\n 100 %</v>"},
	{"", ""},
};

/* What could not be read: nothing from the first such name on */
static const struct
{
	const char *text;
	const char *kept;
}			others[] =
{
	{"no message", "no message"},
	{"<omiEnvelope ttl=\"x\" authorization=S3CR3T>", "<omiEnvelope ttl=\"x\" authorization***"},
	{"<!DOCTYPE e [<!ATTLIST e \\u0061uthorization CDATA \"S3CR3T\">]><e/>", "<!DOCTYPE e [<!ATTLIST e \\u0061uthorization***"},
	{"{authorization 'S3CR3T'}", "{authorization***"},
	{"GET / HTTP/1.1\r\nX: Bearer S3CR3T", "GET / HTTP/1.1\r\nX: Bearer***"},
	{"msg=%3Ce+authorizatio%6E%3DS3CR3T", "msg=%3Ce+authorizatio%6E***"},
	{"x http://u:S3CR3T@host/", "x http://***@host/"},
};

static void
check(const char *text, const char *kept, bool is_clear)
{
	StringInfoData out;

	initStringInfo(&out);
	qlm_redact(&out, text, strlen(text), is_clear);
	tap_is(out.data, kept, "%s", text);
	pfree(out.data);
}

int
main(void)
{
	char		shown[] = "S3CR3T and S3CR3T";

	for (int i = 0; i < lengthof(messages); i++)
		check(messages[i].text, messages[i].kept, true);
	for (int i = 0; i < lengthof(others); i++)
		check(others[i].text, others[i].kept, false);
	qlm_redact_literal(shown, "S3CR3T");
	tap_is(shown, "*** and ***", "a secret that is known");
	return tap_done();
}
