/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/yaml_sayings.h"

#include "zones/base/attributes.h"

#include <string.h>

static const struct yaml_saying sayings[] = {
    {"found character that cannot start any token", NULL,
     "expected a value or a key, found a character that none can begin with",
     "indent with spaces, not with tabs; put a text that begins with @, ` or % in quotes"},
    {"found a tab character", NULL, "expected spaces, found a tab", "indent with spaces"},
    {"mapping values are not allowed in this context", NULL,
     "expected no \":\" here, found one that makes a key of what stands before it",
     "put a text with \": \" in it in quotes, or check the indentation"},
    {"did not find expected key", NULL, "expected another key of the object, found something else",
     "give all keys of an object the same indentation"},
    {"did not find expected '-' indicator", NULL,
     "expected another \"-\" of the list, found something else",
     "give all \"-\" of a list the same indentation"},
    {"block sequence entries are not allowed in this context", NULL,
     "expected no \"-\" here, found one", "begin the list on a line of its own"},
    {"could not find expected ':'", NULL, "expected \":\" after a key, found none",
     "write \"key: value\", with a space behind the colon"},
    {"did not find expected ',' or ']'", NULL, "expected \",\" or \"]\", found something else",
     "put commas between the values, or close the list with \"]\""},
    {"did not find expected ',' or '}'", NULL, "expected \",\" or \"}\", found something else",
     "put commas between the values, or close the object with \"}\""},
    {"found unexpected end of stream", "while scanning a quoted scalar",
     "expected a closing quote, found the end of the text", "end the string with its quote"},
    {"found unexpected document indicator", NULL,
     "expected a closing quote, found a line that ends the document",
     "end the string with its quote"},
    {"found unknown escape character", NULL,
     "expected an escape that YAML knows, found another one",
     "write \\\\ for a backslash, or use single quotes"},
    {"did not find expected hexdecimal number", NULL,
     "expected hexadecimal digits in the escape, found something else",
     "write as many digits as \\x (2), \\u (4) or \\U (8) want"},
    {"found invalid Unicode character escape code", NULL,
     "expected the number of a character, found one of none", "write the character itself"},
    {"found undefined tag handle", NULL, "expected a value without a tag, found a tag",
     "remove it; put a text in quotes where that is what it was for"},
    {"did not find expected <document start>", NULL,
     "expected one value, found more behind its end",
     "check the indentation; remove what is left over"},
    {"did not find expected alphabetic or numeric character", NULL,
     "expected a name behind \"&\" or \"*\", found none",
     "put a text that begins with & or * in quotes"},
    {"did not find expected comment or line break", NULL,
     "expected the end of the line behind \"|\" or \">\", found text",
     "put a text that begins with | or > in quotes"},
    {"did not find expected node content", NULL, "expected a value, found something else",
     "write the value, or put it in quotes"},
    {"control characters are not allowed", NULL, "expected text, found a control character",
     "remove it, or write it as an escape in double quotes"},
};

const struct yaml_saying *yaml_saying_find(const char *problem, const char *context)
{
    for (size_t i = 0; i < COUNT_OF(sayings); i++)
        if (strncmp(problem, sayings[i].problem, strlen(sayings[i].problem)) == 0 &&
            (!sayings[i].context || strcmp(context, sayings[i].context) == 0))
            return &sayings[i];
    return NULL;
}
