# SPDX-License-Identifier: GPL-3.0-or-later
"""The API's OpenAPI document, as tests use it: what may be asked, and whether an answer is what the
document says.

    document = Document.of(server)
    operation = document.operation('createDrain')
    document.check(operation, reply)        # raises Mismatch, with the place and the answer

References are replaced by what they lead to, once, so that each schema stands alone; the verdict on
an answer is that of jsonschema (JSON Schema 2020-12, which OpenAPI 3.1 uses)."""
import datetime
import json
import re

import jsonschema

METHODS = ('get', 'put', 'post', 'delete', 'patch')
ROLES = ('none', 'viewer', 'operator', 'admin')
# Of every answer, whatever the operation.
ALWAYS = {'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff'}

formats = jsonschema.FormatChecker(formats=())


@formats.checks('date-time')
def is_date_time(value):
    """RFC 3339; what is no text is not judged here."""
    if not isinstance(value, str):
        return True
    if not re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)', value):
        return False
    try:
        datetime.datetime.strptime(value[:19], '%Y-%m-%dT%H:%M:%S')
        return True
    except ValueError:
        return False


class Mismatch(AssertionError):
    """An answer is not what the document says."""


class Operation:
    def __init__(self, path, method, node):
        self.path, self.method = path, method.upper()
        self.id = node['operationId']
        self.role = node['x-role']
        self.security = node['security']
        self.parameters = node['parameters']
        self.responses = node['responses']
        self.body = node.get('requestBody')

    def __repr__(self):
        return f'{self.method} {self.path}'

    def parameters_in(self, place):
        return [parameter for parameter in self.parameters if parameter['in'] == place]

    def parameter(self, name):
        for parameter in self.parameters:
            if parameter['name'] == name:
                return parameter
        return None

    @property
    def takes_if_match(self):
        return self.parameter('If-Match') is not None

    @property
    def takes_dry_run(self):
        return self.parameter('dry_run') is not None

    @property
    def goes_on(self):
        """Its answer is a stream, which ends only when it is asked with ?follow=false."""
        return 'text/event-stream' in self.responses.get('200', {}).get('content', {})

    def media(self):
        """(type, media type object) of the body; the JSON one first."""
        found = list((self.body or {}).get('content', {}).items())
        return sorted(found, key=lambda item: item[0] != 'application/json')

    def body_schema(self):
        return self.media()[0][1]['schema']

    def examples(self):
        """{name: (media type, value)} of the request body."""
        found = {}
        for kind, media in self.media():
            if 'example' in media:
                found[kind] = (kind, media['example'])
            for name, example in media.get('examples', {}).items():
                found[f'{kind} {name}'] = (kind, example['value'])
        return found


class Document:
    def __init__(self, tree):
        self.tree = tree
        self.validators = {}
        self.resolved = {}
        self.operations = [Operation(path, method, self.expand(item[method]))
                           for path, item in tree['paths'].items()
                           for method in METHODS if method in item]
        self.by_id = {operation.id: operation for operation in self.operations}

    @classmethod
    def of(cls, server):
        reply = server.rest('GET', '/api/v1/openapi.json', over='bare')
        if reply.status != 200:
            raise AssertionError(f'no document: {reply}')
        return cls(reply.json)

    def operation(self, identifier):
        return self.by_id[identifier]

    # ---- references ----

    def look_up(self, reference):
        if not reference.startswith('#/'):
            raise ValueError(reference)
        node = self.tree
        for part in reference[2:].split('/'):
            node = node[part.replace('~1', '/').replace('~0', '~')]
        return node

    def expand(self, node, within=()):
        """The node with every $ref replaced. Examples are data: nothing in them is a reference."""
        if isinstance(node, list):
            return [self.expand(item, within) for item in node]
        if not isinstance(node, dict):
            return node
        if isinstance(node.get('$ref'), str):
            return self.expand_reference(node, within)
        return {key: value if key in ('example', 'examples', 'const', 'enum', 'default')
                else self.expand(value, within) for key, value in node.items()}

    def expand_reference(self, node, within):
        reference = node['$ref']
        if reference in within:
            raise ValueError(f'{reference} holds itself')
        if reference not in self.resolved:
            self.resolved[reference] = self.expand(self.look_up(reference), within + (reference,))
        target = self.resolved[reference]
        beside = {key: value for key, value in node.items()
                  if key not in ('$ref', 'description', 'summary')}
        return {'allOf': [target], **self.expand(beside, within)} if beside else target

    # ---- verdicts ----

    def mistakes(self, schema, value):
        """What is wrong with a value, as texts."""
        validator = self.validators.get(id(schema))
        if validator is None:
            validator = jsonschema.Draft202012Validator(schema, format_checker=formats)
            self.validators[id(schema)] = validator
            self.validators[id(schema), 'kept'] = schema  # or another could get its id
        return [self.told(mistake) for mistake in validator.iter_errors(value)]

    @staticmethod
    def told(mistake):
        """Place and words of a mistake; of oneOf and the like, of the branch that is nearest."""
        while mistake.context:
            mistake = max(mistake.context, key=lambda inner: len(inner.absolute_path))
        return f'/{"/".join(map(str, mistake.absolute_path))}: {mistake.message[-300:]}'

    def check(self, operation, reply, head=False):
        """Raises Mismatch when the answer is none that the document gives this operation."""
        try:
            response = operation.responses.get(str(reply.status))
            if response is None:
                raise Mismatch(f'{reply.status} is not among {", ".join(operation.responses)}')
            self.check_headers(response, reply)
            if not head:
                self.check_content(response, reply)
            self.check_problem(reply, head)
        except Mismatch as mismatch:
            raise Mismatch(f'{operation}: {mismatch}\n{reply}') from None

    def check_headers(self, response, reply):
        for name, value in ALWAYS.items():
            if reply.headers.get(name) != value:
                raise Mismatch(f'{name} is {reply.headers.get(name)!r}')
        # What is refused at the door, unread, has no id.
        if not reply.headers.get('X-Request-Id') and reply.status not in (400, 503):
            raise Mismatch('there is no X-Request-Id')
        for name, header in response.get('headers', {}).items():
            value = reply.headers.get(name)
            if value is None:
                if header.get('required'):
                    raise Mismatch(f'the header {name} is missing')
                continue
            if header['schema'].get('type') == 'integer' and re.fullmatch('[0-9]+', value):
                value = int(value)
            mistakes = self.mistakes(header['schema'], value)
            if mistakes:
                raise Mismatch(f'{name}: {mistakes}')

    def check_content(self, response, reply):
        contents = response.get('content', {})
        kind = (reply.headers.get('Content-Type') or '').split(';')[0].strip()
        if not contents:
            if reply.body:
                raise Mismatch('a body, where the document has none')
            return
        if kind not in contents:
            raise Mismatch(f'{kind or "no type"} is not among {", ".join(contents)}')
        schema = contents[kind].get('schema')
        if schema is None:
            return
        if kind.endswith('json'):
            value = reply.json
        else:
            value = reply.body.decode(errors='replace')
        mistakes = self.mistakes(schema, value)
        if mistakes:
            raise Mismatch('\n'.join(mistakes[:5]))

    @staticmethod
    def check_problem(reply, head):
        if reply.status >= 400 and not head and reply.json and 'status' in reply.json \
                and reply.json['status'] != reply.status:
            raise Mismatch('the problem has another status')


def fill(path, values):
    """The path with its variables, escaped."""
    import urllib.parse
    return re.sub(r'\{(\w+)\}', lambda found: urllib.parse.quote(str(values[found[1]]), safe=''),
                  path)


def load(path):
    with open(path, encoding='utf-8') as file:
        return Document(json.load(file))
