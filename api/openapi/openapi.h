/* SPDX-License-Identifier: GPL-3.0-or-later */
/* openapi: the OpenAPI 3.1 document of the API, merged from the parts in this folder (merge.py) and
 * embedded when srvpland is built. JSON in UTF-8; a NUL that is not counted ends it. */
#pragma once
#include <stddef.h>

extern const unsigned char openapi_document[];
extern const size_t openapi_document_bytes;
