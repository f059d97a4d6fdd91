/*
 * test_json.c
 *		JSON and CSV: what is read, how it is printed, what is refused.
 */
#include "postgres.h"

#include "base/limits.h"
#include "message/csv/csv_parse.h"
#include "message/csv/csv_print.h"
#include "message/envelope.h"
#include "message/json/json_events.h"
#include "message/json/odf_json.h"
#include "message/text/envelope_text.h"

#include "shim.h"
#include "tap.h"

typedef struct Case
{
	const char *name;
	const char *input;
	const char *output;			/* or the error */
} Case;

#define OBJECTS(text) "{\"Objects\":" text "}"
#define OBJECT(text) OBJECTS("{\"Object\":{\"id\":\"A\"" text "}}")
#define VALUE(text) OBJECT(",\"InfoItem\":{\"name\":\"t\",\"values\":[" text "]}")

static const Case payloads[] = {
	{"nothing in it", OBJECTS("{}"), OBJECTS("{}")},
	{"null", OBJECTS("null"), OBJECTS("{}")},
	{"white space", " {\t\"Objects\"\r\n: { } } ", OBJECTS("{}")},
	{"a byte order mark", "\xEF\xBB\xBF" OBJECTS("{}"), OBJECTS("{}")},
	{"one Object", OBJECT(""), OBJECT("")},
	{"an array of one", OBJECTS("{\"Object\":[{\"id\":[\"A\"]}]}"), OBJECT("")},
	{"several Objects", OBJECTS("{\"Object\":[{\"id\":\"A\"},{\"id\":\"B\"}]}"),
	OBJECTS("{\"Object\":[{\"id\":\"A\"},{\"id\":\"B\"}]}")},
	{"an id with attributes, in the parser's spelling",
		OBJECTS("{\"Object\":{\"id\":{\"idType\":\"q\",\"id\":\"A\"}}}"),
	OBJECTS("{\"Object\":{\"id\":{\"idType\":\"q\",\"id\":\"A\"}}}")},
	{"and in the client's",
		OBJECTS("{\"Object\":{\"id\":{\"idType\":\"q\",\"value\":\"A\"}}}"),
	OBJECTS("{\"Object\":{\"id\":{\"idType\":\"q\",\"id\":\"A\"}}}")},
	{"a number as id", OBJECTS("{\"Object\":{\"id\":7}}"),
	OBJECTS("{\"Object\":{\"id\":\"7\"}}")},
	{"descriptions in both spellings",
		OBJECT(",\"description\":[{\"lang\":\"en\",\"text\":\"x\"},{\"value\":\"y\"},\"z\"]"),
	OBJECT(",\"description\":[{\"lang\":\"en\",\"text\":\"x\"},{\"text\":\"y\"},{\"text\":\"z\"}]")},
	{"attributes of others",
		OBJECT(",\"attributes\":{\"owner\":\"lab\"},\"udef\":1"),
		OBJECTS("{\"Object\":{\"attributes\":{\"owner\":\"lab\",\"udef\":\"1\"},\"id\":\"A\"}}")},
	{"MetaData directly",
		OBJECT(",\"InfoItem\":{\"name\":\"t\",\"MetaData\":{\"name\":\"unit\",\"value\":\"C\"}}"),
	OBJECT(",\"InfoItem\":{\"name\":\"t\",\"MetaData\":{\"InfoItem\":{\"name\":\"unit\",\"values\":[{\"value\":\"C\"}]}}}")},
	{"MetaData in an InfoItem",
		OBJECT(",\"InfoItem\":{\"name\":\"t\",\"MetaData\":{\"InfoItem\":{\"name\":\"unit\"}}}"),
	OBJECT(",\"InfoItem\":{\"name\":\"t\",\"MetaData\":{\"InfoItem\":{\"name\":\"unit\"}}}")},
	{"a stub of MetaData", OBJECT(",\"InfoItem\":{\"name\":\"t\",\"MetaData\":null}"),
	OBJECT(",\"InfoItem\":{\"name\":\"t\",\"MetaData\":{}}")},

	/* the text of a number is kept */
	{"a number", VALUE("{\"type\":\"xs:double\",\"value\":4.50}"),
	VALUE("{\"type\":\"xs:double\",\"value\":4.50}")},
	{"a large number", VALUE("{\"type\":\"xs:integer\",\"value\":123456789012345678901234567890}"),
	VALUE("{\"type\":\"xs:integer\",\"value\":123456789012345678901234567890}")},
	{"a number in a string", VALUE("{\"type\":\"xs:double\",\"value\":\"1E5\"}"),
	VALUE("{\"type\":\"xs:double\",\"value\":1E5}")},
	{"what is no number for JSON", VALUE("{\"type\":\"xs:double\",\"value\":\"+1\"}"),
	VALUE("{\"type\":\"xs:double\",\"value\":\"+1\"}")},
	{"a number that is text", VALUE("{\"value\":\"1\"}"), VALUE("{\"value\":\"1\"}")},
	{"types that show", VALUE("{\"value\":1},{\"value\":true},5"),
	VALUE("{\"type\":\"xs:double\",\"value\":1},{\"type\":\"xs:boolean\",\"value\":true},{\"type\":\"xs:double\",\"value\":5}")},
	{"a boolean of another spelling", VALUE("{\"type\":\"xs:boolean\",\"value\":\"1\"}"),
	VALUE("{\"type\":\"xs:boolean\",\"value\":\"1\"}")},
	{"times", VALUE("{\"dateTime\":\"2024-05-01T10:00:00.25Z\",\"value\":\"\"}"),
	VALUE("{\"dateTime\":\"2024-05-01T10:00:00.25Z\",\"unixTime\":1714557600.25,\"value\":\"\"}")},
	{"escapes", VALUE("{\"value\":\"\\\"\\\\\\/\\n\\r\\t\\u00e4\\ud83d\\ude00\\u20AC\"}"),
	VALUE("{\"value\":\"\\\"\\\\/\\n\\r\\t\xC3\xA4\xF0\x9F\x98\x80\xE2\x82\xAC\"}")},
	{"nested Objects", VALUE("{\"type\":\"odf\",\"value\":" OBJECT("") "}"),
	VALUE("{\"type\":\"odf\",\"value\":" OBJECT("") "}")},

	/* objects and arrays as values, null */
	{"an object", VALUE("{\"value\":{\"lat\": 60.10, \"on\":[true,null,\"a\\\\\\\"}\"]}}"),
	VALUE("{\"type\":\"json\",\"value\":{\"lat\": 60.10, \"on\":[true,null,\"a\\\\\\\"}\"]}}")},
	{"an array", VALUE("{\"value\":[1,\n [2.50]]},{\"value\":[]}"),
	VALUE("{\"type\":\"json\",\"value\":[1,\n [2.50]]},{\"type\":\"json\",\"value\":[]}")},
	{"an object of a type of its own", VALUE("{\"type\":\"application/geo+json\",\"value\":{\"a\":{}}}"),
	VALUE("{\"type\":\"application/geo+json\",\"value\":{\"a\":{}}}")},
	{"an object alone", OBJECT(",\"InfoItem\":{\"name\":\"t\",\"value\":{\"type\":\"Point\",\"coordinates\":[1,2]}}"),
	VALUE("{\"type\":\"json\",\"value\":{\"type\":\"Point\",\"coordinates\":[1,2]}}")},
	{"one in a text", VALUE("{\"type\":\"json\",\"value\":\"{\\\"a\\\":1}\"}"),
	VALUE("{\"type\":\"json\",\"value\":{\"a\":1}}")},
	{"what is none in a text", VALUE("{\"type\":\"json\",\"value\":\"{\\\"a\\\":1,}\"}"),
	VALUE("{\"type\":\"json\",\"value\":\"{\\\"a\\\":1,}\"}")},
	{"Objects that are no O-DF", VALUE("{\"type\":\"json\",\"value\":{\"Objects\":[1]}}"),
	VALUE("{\"type\":\"json\",\"value\":{\"Objects\":[1]}}")},
	{"several alone", OBJECT(",\"InfoItem\":{\"name\":\"t\",\"value\":[{\"value\":\"1\"},{\"value\":\"2\"}]}"),
	VALUE("{\"value\":\"1\"},{\"value\":\"2\"}")},
	{"null", OBJECT(",\"InfoItem\":[{\"name\":\"a\",\"value\":null},{\"name\":\"b\",\"values\":[null]},{\"name\":\"c\",\"values\":[{\"type\":\"xs:double\",\"dateTime\":\"2024-05-01\",\"value\":null}]},null]"),
	OBJECT(",\"InfoItem\":[{\"name\":\"a\"},{\"name\":\"b\"},{\"name\":\"c\"}]")},
	{"null among values", VALUE("{\"value\":\"1\"},null,{\"value\":null},{\"value\":\"2\"}"),
	VALUE("{\"value\":\"1\"},{\"value\":\"2\"}")},

	/* what is refused */
	{"an object as a number", VALUE("{\"value\":1},{\"type\":\"xs:double\",\"value\":{}}"), "400 The value is an object, but its type is \"xs:double\": leave the type out, or name one that ends in json (value 2 of A/t, line 1, column 105)"},
	{"an object among values", VALUE("{\"lat\":1}"), "400 A value has no member \"value\": a value that is an object or array itself stands in it, as in {\"value\":{...}} (value 1 of A/t, line 1, column 65)"},
	{"an array alone", OBJECT(",\"InfoItem\":{\"name\":\"t\",\"value\":[1,2]}"), "400 An array stands where a value does: several values are in \"values\", and an array that is one value is in its \"value\", as in {\"values\":[{\"value\":[...]}]} (A/t, line 1, column 63)"},
	{"an array among values", VALUE("[1714557600,21]"), "400 An array stands where a value does: several values are in \"values\", and an array that is one value is in its \"value\", as in {\"values\":[{\"value\":[...]}]} (A/t, line 1, column 65)"},
	{"no value alone", OBJECT(",\"InfoItem\":{\"name\":\"t\",\"value\":{\"dateTime\":\"2024-05-01\",\"v\":1}}"), "400 A value has no member \"value\": a value that is an object or array itself stands in it, as in {\"value\":{...}} (value 1 of A/t, line 1, column 63)"},
	{"an empty object among values", VALUE("{}"), "400 A value has no member \"value\": a value that is an object or array itself stands in it, as in {\"value\":{...}} (value 1 of A/t, line 1, column 65)"},
	{"a slip beside null", VALUE("{\"value\":null,\"datetime\":\"2024-05-01\"}"), "400 datetime is not an attribute of a value: did you mean dateTime? (value 1 of A/t, line 1, column 65)"},
	{"a value under another name", OBJECT(",\"InfoItem\":{\"name\":\"t\",\"val\":1}"), "400 \"val\" is not a member of an InfoItem that holds neither \"values\" nor \"value\": an attribute of your own stands in \"attributes\" there (A/t, line 1, column 61)"},
	{"one in an Object", OBJECT(",\"temperature\":1"), "400 \"temperature\" is not a member of an Object that holds neither \"InfoItem\" nor \"Object\": an attribute of your own stands in \"attributes\" there (A, line 1, column 46)"},
	{"attributes that are none", VALUE("{\"value\":1,\"attributes\":{\"a\":{}}}"), "400 The attribute \"a\" is an object or array, but attributes are texts (A/t, line 1, column 94)"},
	{"a member that is a slip", VALUE("{\"valeu\":1}"),
	"400 valeu is not an attribute of a value: did you mean value? (value 1 of A/t, line 1, column 65)"},
	{"no value", VALUE("{\"dateTime\":\"2024-05-01\"}"),
	"400 A value has no member \"value\": a value that is an object or array itself stands in it, as in {\"value\":{...}} (value 1 of A/t, line 1, column 65)"},
	{"two texts", VALUE("{\"value\":1,\"value\":2}"),
	"400 \"value\" is given beside \"value\", and one of them would be lost (A/t, line 1, column 84)"},
	{"an unknown object", OBJECT(",\"Infoitem\":{\"name\":\"t\"}"),
	"400 \"Infoitem\" is not a member of an Object: did you mean InfoItem? (A, line 1, column 43)"},
	{"a text in the place of an object", OBJECT(",\"InfoItem\":{\"name\":\"t\",\"MetaData\":\"Cel\"}"),
	"400 \"MetaData\" is not an object (A/t/MetaData, line 1, column 66)"},
	{"empty", "", "400 The JSON ends before it is complete (line 1, column 1)"},
	{"another root", "{\"Object\":{}}",
	"400 The JSON is not an object with a member Objects (line 1, column 1)"},
	{"a comma too many", "{\"Objects\":{},}",
	"400 The JSON is not well-formed: expected the name of a member (line 1, column 15)"},
	{"single quotes", "{'Objects':{}}",
	"400 The JSON is not well-formed: expected the name of a member (line 1, column 2)"},
	{"a leading zero", VALUE("01"),
	"400 The JSON is not well-formed: expected a value (line 1, column 65)"},
	{"half of a pair", "{\n\"\\ud800\":1}",
	"400 Half of a surrogate pair stands alone (line 2, column 8)"},
	{"the other half", "[\"\\udc00\"]",
	"400 Half of a surrogate pair stands alone (line 1, column 9)"},
	{"no character", "[\"\\u0000\"]",
	"400 A message cannot hold the character \\u0000 (line 1, column 9)"},
	{"a control character", "[\"\\b\"]",
	"400 A message cannot hold this control character (line 1, column 4)"},
	{"bytes that are no characters", "[\"\xFF\"]",
	"400 The message holds bytes that are no characters in its encoding"},
	{"too deep", "[[[[[[[[[[[[[[[[[[[[[[[[",
	"413 The JSON is nested more than 18 deep (line 1, column 19)"},
	{"elements too deep",
		OBJECT(",\"Object\":{\"id\":\"B\",\"Object\":{\"id\":\"C\",\"Object\":{\"id\":\"D\","
			   "\"InfoItem\":{\"name\":\"t\",\"value\":{\"value\":" OBJECT("") "}}}}}"),
	"413 Elements are nested more than 8 deep (value 1 of A/B/C/D/t, line 1, column 150)"},
	{"too many values", VALUE("1,2,3,4,5,6"),
	"413 The message has more than 5 values (A/t, line 1, column 75)"},
	{"an Object without id", OBJECTS("{\"Object\":{}}"),
	"400 An Object has no id (line 1, column 22)"},
	{"no time", VALUE("\n{\"dateTime\":\"noon\",\"value\":1}"),
	"400 dateTime is \"noon\", which is not a date and time; wanted is a date and time as 2024-05-01T10:00:00Z (value 1 of A/t, line 2, column 1)"},
	{"an attribute that XML cannot have", OBJECT(",\"a b\":1"),
	"400 \"a b\" cannot be the name of an attribute (line 1, column 38)"},
	{"an object as text", OBJECT(",\"description\":{\"text\":{}}"),
	"400 An object or array stands where a text is expected (A, line 1, column 54)"},
};

static const Case tables[] = {
	{"a line", "A/t,2024-05-01T10:00:00Z,1,xs:int",
	"A/t,2024-05-01T10:00:00Z,1,xs:int\n"},
	{"a header, in another order", "type,VALUE,note,path\nxs:int,1,x,A/t\n",
	"A/t,,1,xs:int\n"},
	{"seconds", "A/t,1714557600.25,1", "A/t,2024-05-01T10:00:00.25Z,1,\n"},
	{"white space", "\n  \n\tpath , value\n  A/t , 1 \r\n\r\n  ", "A/t,,\" 1 \",\n"},
	{"quotes", "\"A/t\",,\"a,\"\"b\"\"\nc\",", "A/t,,\"a,\"\"b\"\"\nc\",\n"},
	{"an empty text, and no value", "A/t,,\"\"\nA/u,,", "A/t,,\"\",\nA/u,,,\n"},
	{"rows of one InfoItem", "A/t,,1\nB/t,,2\nA/t,,3", "A/t,,1,\nA/t,,3,\nB/t,,2,\n"},
	{"other spellings of a path", "Objects/A/t,,1\n/A/t/,,2", "A/t,,1,\nA/t,,2,\n"},
	{"a slash in an id", "A/a%2Fb,,1", "A/a%2Fb,,1,\n"},
	{"an Object", "A", "A,,,\n"},
	{"nothing", "", ""},
	{"only a header", "path,value\n", ""},
	{"a value of an Object", "A,,1",
	"400 \"A\" is not a path of an InfoItem: it needs an Object and a name, as in Fridge/temperature (line 1 of the CSV)"},
	{"a quote that is not closed", "A/t,,1\nA/t,,\"1",
	"400 A quoted field is not closed (line 2 of the CSV)"},
	{"more after a quote", "A/t,,\"1\"2",
	"400 Something follows the closing quote of field 3 (line 1 of the CSV)"},
	{"no time", "path,time\nA/t,noon",
	"400 The time of \"A/t\" is \"noon\", which is not a date and time; wanted is a date and time as 2024-05-01T10:00:00Z (line 2 of the CSV, field 2: time)"},
	{"microseconds", "A/t,1714557600123456,1",
	"400 The time of \"A/t\" is \"1714557600123456\", which is out of range: unixTime is in seconds, but in microseconds it would be 2024-05-01T10:00:00.123456Z (line 1 of the CSV, field 2)"},
	{"no path", ",,1", "400 The path is empty (line 1 of the CSV, field 1)"},
	{"carriage returns in quotes", "A/t,,\"a\rb\r\nc\r\",", "A/t,,\"a\rb\r\nc\r\",\n"},
	{"lines that end in CR LF, and the last in CR", "A/t,,1\r\nA/u,,2\r", "A/t,,1,\nA/u,,2,\n"},
	{"a carriage return that may be anything", "A/t,,a\rb",
	"400 A carriage return stands alone: lines end in LF or CR LF, and in a value it stands in quotes (line 1 of the CSV)"},
	{"one behind a quote", "A/t,,\"a\"\rA/u,,1",
	"400 A carriage return stands alone: lines end in LF or CR LF, and in a value it stands in quotes (line 1 of the CSV)"},
	{"a byte order mark", "\xEF\xBB\xBFpath,value\nA/t,1", "A/t,,1,\n"},
	{"one that belongs to a value", "A/t,,\xEF\xBB\xBF", "A/t,,\xEF\xBB\xBF,\n"},
	{"a slip in the header", "path,vlaue\nA/t,1",
	"400 \"vlaue\" is not the name of a column: did you mean value? (line 1 of the CSV)"},
	{"two unknown columns, the first of them a slip", "path,tiem,value,x\nA/t,1,1,1",
	"400 \"tiem\" is not the name of a column: did you mean time? (line 1 of the CSV)"},
	{"no column of values", "path,reading\nA/t,1",
	"400 No column is called value, but there is \"reading\": known are path, time (dateTime, ts, timestamp), unixTime, value and type (line 1 of the CSV)"},
	{"a decimal comma", "A/t,,4,5,xs:double",
	"400 The line has 5 fields, but there are 4 columns, and field 5 is \"xs:double\": a value with a separator in it, as a decimal comma, stands in quotes (line 1 of the CSV)"},
	{"empty fields at the end", "A/t,,4,xs:int,,,", "A/t,,4,xs:int\n"},
	{"another separator", "A/t;;4",
	"400 \"A/t;;4\" is one field: fields are separated by \",\", unless the first line names the columns, or says sep=;, with another separator (line 1 of the CSV)"},
	{"semicolons", "path;time;value\nA/t;2024-05-01T10:00:00Z;4,5\n",
	"A/t,2024-05-01T10:00:00Z,\"4,5\",\n"},
	{"tabs", "path\ttime\tvalue\nA/t\t\t4\nA/u\t\t\t\n", "A/t,,4,\nA/u,,,\n"},
	{"a line that says what separates", "sep=;\r\nA/t;;4;xs:int\r\n", "A/t,,4,xs:int\n"},
	{"another separator in quotes, and in a text", "\"path\";\"value\"\nA/t;\"a;b\"\nA/u;c,d\n",
	"A/t,,a;b,\nA/u,,\"c,d\",\n"},
	{"names in a text", "A/t,,a;value;b\nA/u,,path|value", "A/t,,a;value;b,\nA/u,,path|value,\n"},
	{"no separator", "sep=x\nA/tx1", "400 \"x\" is not a separator: comma, semicolon, tab and | are (line 1 of the CSV)"},
	{"comments", "# a, b\n\n  #c\npath,value\n#A/t,1\nA/u,2\n", "A/u,,2,\n"},
	{"a comment behind a byte order mark", "\xEF\xBB\xBF# x \"\npath,value\nA/u,#2\n", "A/u,,\"#2\",\n"},
	{"an id that begins as a comment does", "\"#A/t\",,1", "\"#A/t\",,1,\n"},
	{"lines of empty fields", ";;\npath;value\n;\nA/t;1\n;;\n", "A/t,,1,\n"},
	{"no path, and no comment", ",#1", "400 The path is empty (line 1 of the CSV, field 1)"},
	{"seconds in a column", "path,unixTime,time,value\nA/t,1714557600,,1\nA/t,,1714557601,2",
	"A/t,2024-05-01T10:00:00Z,1,\nA/t,2024-05-01T10:00:01Z,2,\n"},
	{"a part of a value as the type", "A/t,2024-05-01T10:00:00Z,4,5", "400 \"5\" is not a type: a value with a separator in it, as a decimal comma, stands in quotes, and so does a type of such a name (line 1 of the CSV, field 4)"},
	{"a part of a text as the type", "A/t,,hello, world", "400 \"world\" is not a type: a value with a separator in it, as a decimal comma, stands in quotes, and so does a type of such a name (line 1 of the CSV, field 4)"},
	{"the same beside a type", "path,time,value,type\nA/t,,4,5", "400 \"5\" is not a type: a value with a separator in it, as a decimal comma, stands in quotes, and so does a type of such a name (line 2 of the CSV, field 4: type)"},
	{"a number as the type", "A/t,,4,\"5\"", "A/t,,4,\"5\"\n"},
	{"a type of one's own, which a column says", "path,value,type\nA/t,4,mine", "A/t,,4,mine\n"},
	{"another system's names", "entity_id,state,last_changed\nsensor.a,4,2024-05-01T10:00:00Z", "400 No column is called path, if this line names them: known are path, time (dateTime, ts, timestamp), unixTime, value and type; as a row it has the time \"state\", which is not valid (line 1 of the CSV)"},
	{"the same with a path", "path,state,last_changed\nA/t,4,2024-05-01T10:00:00Z", "400 No column is called value, but there is \"state, last_changed\": known are path, time (dateTime, ts, timestamp), unixTime, value and type (line 1 of the CSV)"},
	{"a time series", "#datatype,string,long\n,result,table,_time,_value,_field\n,,0,2024-05-01T10:00:00Z,4,t", "400 No column is called path, if this line names them: known are path, time (dateTime, ts, timestamp), unixTime, value and type; as a row it has the time \"result\", which is not valid (line 2 of the CSV)"},
	{"no path in the header", "time;value\n2024-05-01T10:00:00Z;4", "400 No column is called path, if this line names them: known are path, time (dateTime, ts, timestamp), unixTime, value and type; as a row it has the time \"value\", which is not valid (line 1 of the CSV)"},
	{"a day that there is not", "A/t,2024-02-30,1", "400 The time of \"A/t\" is \"2024-02-30\", which is a day that no calendar has; wanted is a date and time as 2024-05-01T10:00:00Z (line 1 of the CSV, field 2)"},
	{"a time out of range", "A/t,1,1\nA/t,999999-01-01T00:00:00Z,1", "400 The time of \"A/t\" is \"999999-01-01T00:00:00Z\", which is out of range: times lie between -4713-11-24T00:00:00Z and 294276-12-31T23:59:59.999999Z (line 2 of the CSV, field 2)"},
	{"another form of a time", "path,value,ts\nA/t,1,01.05.2024 10:00", "400 The time of \"A/t\" is \"01.05.2024 10:00\", which is not a date and time; wanted is a date and time as 2024-05-01T10:00:00Z (line 2 of the CSV, field 3: ts)"},
	{"too many rows", "A/t,,1\nA/t,,2\nA/t,,3\nA/t,,4\nA/t,,5\nA/t,,6",
	"413 The payload has more than 5 rows (line 6 of the CSV)"},
};

static const Case messages[] = {
	{"several verbs", "{\"omiEnvelope\":{\"version\":\"1.0\",\"ttl\":-1,\"read\":[{\"requestID\":[\"1\",2]},{\"newest\":3,\"msg\":{\"Objects\":{}}}],\"cancel\":{\"requestId\":\"1\"}}}",
	"{\"omiEnvelope\":{\"version\":\"1.0\",\"ttl\":-1,\"read\":[{\"requestID\":[\"1\",\"2\"]},{\"msgformat\":\"odf\",\"newest\":3,\"msg\":{\"Objects\":{}}}],\"cancel\":{\"requestID\":\"1\"}}}"},
	{"a response with a request in it", "{\"qlmEnvelope\":{\"version\":\"1.0\",\"ttl\":0,\"response\":{\"result\":{\"return\":{\"returnCode\":\"200\",\"description\":\"x\"},\"requestId\":\"7\",\"qlmEnvelope\":{\"version\":\"1.0\",\"ttl\":5,\"read\":{\"msg\":\"<a>\"}}}}}}",
	"{\"qlmEnvelope\":{\"version\":\"1.0\",\"ttl\":0,\"response\":{\"result\":{\"return\":{\"returnCode\":200,\"description\":\"x\"},\"requestId\":\"7\",\"qlmEnvelope\":{\"version\":\"1.0\",\"ttl\":5,\"read\":{\"msg\":\"<a>\"}}}}}}"},
	{"a payload that is other JSON", "{\"omiEnvelope\":{\"version\":\"1.0\",\"ttl\":0,\"write\":{\"msgformat\":\"x\",\"msg\":{\"a\":[1,null]}}}}",
	"{\"omiEnvelope\":{\"version\":\"1.0\",\"ttl\":0,\"write\":{\"msgformat\":\"x\",\"msg\":\"{\\\"a\\\":[1,null]}\"}}}"},
	{"a nodeList", "{\"omiEnvelope\":{\"version\":\"1.0\",\"ttl\":0,\"read\":{\"nodeList\":{\"type\":\"URL\",\"node\":[\"a\",\"b\"]},\"msg\":{\"Objects\":{}}}}}",
	"{\"omiEnvelope\":{\"version\":\"1.0\",\"ttl\":0,\"read\":{\"msgformat\":\"odf\",\"nodeList\":{\"type\":\"URL\",\"node\":[\"a\",\"b\"]},\"msg\":{\"Objects\":{}}}}}"},
	{"a namespace", "{\"omiEnvelope\":{\"xmlns\":\"http://www.opengroup.org/xsd/omi/2.0/\",\"ttl\":0,\"read\":{}}}",
	"{\"omiEnvelope\":{\"xmlns\":\"http://www.opengroup.org/xsd/omi/2.0/\",\"version\":\"2.0\",\"ttl\":0,\"read\":{}}}"},
	{"no ttl", "{\"omiEnvelope\":{\"read\":{}}}", "400 omiEnvelope has no ttl (line 1)"},
	{"no verb", "{\"omiEnvelope\":{\"ttl\":0}}",
	"400 omiEnvelope holds no verb: read, write, call, delete, cancel or response (line 1)"},
	{"an unknown one", "{\"omiEnvelope\":{\"ttl\":0,\"read\":{},\n\"wriet\":{}}}",
	"400 \"wriet\" is not a verb of an omiEnvelope: did you mean write? (line 2, column 9)"},
	{"an attribute of the sender's own", "{\"omiEnvelope\":{\"ttl\":0,\"token\":\"x\",\"version\":\"1.0\",\"read\":{}}}",
	"{\"omiEnvelope\":{\"version\":\"1.0\",\"ttl\":0,\"read\":{}}}"},
	{"something beside the envelope", "{\"omiEnvelope\":{\"ttl\":0,\"read\":{}},\"write\":{}}",
	"400 \"write\" stands beside the omiEnvelope, not in it (line 1)"},
	{"Objects alone", OBJECTS("{}"),
	"400 The JSON holds Objects without an omiEnvelope around them: send them in the msg of a write (line 1, column 1)"},
};

/* A tree as JSON, or what was wrong */
static char *
shown(const QlmOdf *odf, bool csv, int error_code, const char *error)
{
	StringInfoData buf;

	if (error_code != 0)
		return psprintf("%d %s", error_code, error);
	initStringInfo(&buf);
	if (csv)
	{
		qlm_csv_print(&buf, odf);
		return strchr(buf.data, '\n') + 1;
	}
	qlm_odf_json_print(&buf, odf);
	return buf.data;
}

static void
test_payloads(void)
{
	for (int i = 0; i < lengthof(payloads); i++)
	{
		const Case *c = &payloads[i];
		int			error_code;
		const char *error;
		QlmOdf	   *odf = qlm_odf_json_parse(c->input, strlen(c->input), QLM_WRITE,
											 &error_code, &error);

		tap_is(shown(odf, false, error_code, error), c->output, "JSON: %s",
			   c->name);
	}
}

static void
test_tables(void)
{
	for (int i = 0; i < lengthof(tables); i++)
	{
		const Case *c = &tables[i];
		int			error_code;
		const char *error;
		QlmOdf	   *odf = qlm_csv_parse(c->input, strlen(c->input), QLM_RESPONSE,
										&error_code, &error);

		tap_is(shown(odf, true, error_code, error), c->output, "CSV: %s",
			   c->name);
	}
}

/* A request's path is an Object or an InfoItem, and an Object is whole. */
static void
test_requests(void)
{
	int			error_code;
	const char *error;
	const char *text = "path\nA\nA/t\nA";
	QlmOdf	   *odf = qlm_csv_parse(text, strlen(text), QLM_READ, &error_code,
									&error);

	tap_is(shown(odf, false, error_code, error),
		   OBJECTS("{\"Object\":[{\"id\":\"A\"},{\"id\":\"A\",\"InfoItem\":{\"name\":\"t\"},\"Object\":{\"id\":\"t\"}}]}"),
		   "CSV: paths of a request");
	odf = qlm_csv_parse("A\n/", 3, QLM_READ, &error_code, &error);
	tap_is(shown(odf, false, error_code, error), OBJECTS("{}"),
		   "CSV: all Objects");
}

static void
test_messages(void)
{
	for (int i = 0; i < lengthof(messages); i++)
	{
		const Case *c = &messages[i];
		int			error_code;
		const char *error;
		StringInfoData buf;
		QlmEnvelope *envelope = qlm_envelope_parse(c->input, strlen(c->input),
												   NULL, &error_code, &error);

		initStringInfo(&buf);
		if (error_code != 0)
			appendStringInfo(&buf, "%d %s", error_code, error);
		else
			qlm_envelope_print(&buf, envelope);
		tap_is(buf.data, c->output, "message: %s", c->name);
	}
}

int
main(void)
{
	qlm_max_depth = 8;
	qlm_max_values = 5;
	test_payloads();
	test_tables();
	test_requests();
	qlm_max_values = 1000;
	test_messages();
	return tap_done();
}
