# SPDX-License-Identifier: GPL-3.0-or-later
"""Values from schemas, and what is wrong with them: the generator of the OpenAPI client test.

`Maker` makes values that a schema allows; what names mean (a node, a service, a drain's id) it takes
from `known`, so that many requests are about things that exist. `spoil` makes a value that is wrong
in one place, `spoil_bytes` a text that is no JSON or too much of it. All by a random.Random."""
import json
import re
import string

try:
    import re._parser as sre_parse
except ImportError:  # Python 3.10 and before
    import sre_parse

TEXTS = ['kernel CHG-1042', 'x', 'größer als ASCII', '🦆', 'a' * 900, ' lead', 'a"b\\c', '<b>&amp;',
         "'; DROP TABLE drain; --", '%s%n', '../../etc/passwd', '\u202ertl', '\ufeffbom', 'e\u0301']
TIMES = ['2030-01-01T00:00:00Z', '2026-02-29T12:00:00Z', '2031-06-30T23:59:59.999Z',
         '2035-03-25T02:30:00+02:00', '1969-12-31T23:59:59Z', '9999-12-31T23:59:59Z']
NUMBERS = [-1, 0, 1, 2**31 - 1, 2**31, 2**32, 2**53, 2**63 - 1, -2**63, 0.5, 1e-300, 1e300]


class Maker:
    def __init__(self, random, known):
        self.random, self.known = random, known

    # ---- one schema out of many ----

    def merged(self, schema):
        """allOf and one branch of oneOf or anyOf laid over each other; good enough to make a value
        from, which is judged by the whole schema afterwards."""
        schema = dict(schema)
        parts = schema.pop('allOf', [])
        for word in ('oneOf', 'anyOf'):
            if word in schema:
                parts = [*parts, self.random.choice(schema.pop(word))]
        for part in parts:
            part = self.merged(part)
            for key, value in part.items():
                if key == 'properties':
                    schema[key] = {**value, **schema.get(key, {})}
                elif key == 'required':
                    schema[key] = list({*value, *schema.get(key, [])})
                else:
                    schema.setdefault(key, value)
        return schema

    def value(self, schema, name=None):
        schema = self.merged(schema)
        if 'const' in schema:
            return schema['const']
        if 'enum' in schema:
            return self.random.choice(schema['enum'])
        kinds = schema.get('type') or ('object' if 'properties' in schema else 'string')
        kind = self.random.choice(kinds) if isinstance(kinds, list) else kinds
        if isinstance(kinds, list) and kind == 'null' and self.random.random() < 0.5:
            kind = kinds[0]
        return getattr(self, f'make_{kind}')(schema, name)

    # ---- by type ----

    def make_null(self, _schema, _name):
        return None

    def make_boolean(self, _schema, _name):
        return self.random.random() < 0.5

    def make_integer(self, schema, _name):
        low = schema.get('minimum', schema.get('exclusiveMinimum', -1000))
        high = schema.get('maximum', low + 100000)
        return self.random.choice([low, high, self.random.randint(low, high),
                                   min(high, low + self.random.randrange(100))])

    def make_number(self, schema, name):
        low, high = schema.get('minimum', 0), schema.get('maximum', 1000)
        return self.random.choice([low, high, round(self.random.uniform(low, high), 3)])

    def make_string(self, schema, name):
        if name in self.known and self.known[name] and self.random.random() < 0.9:
            return self.random.choice(self.known[name])
        if schema.get('format') == 'date-time':
            return self.random.choice(TIMES)
        pattern = schema.get('pattern')
        texts = [text for text in TEXTS
                 if (not pattern or re.search(pattern, text))
                 and schema.get('minLength', 0) <= len(text) <= schema.get('maxLength', 1000)]
        if texts and (not pattern or self.random.random() < 0.5):
            return self.random.choice(texts)
        return self.of_pattern(pattern) if pattern else ''

    def make_array(self, schema, name):
        low = schema.get('minItems', 0)
        count = self.random.choice([low, low + 1, low + 2, low + 3])
        count = min(count, schema.get('maxItems', count))
        made = [self.value(schema.get('items', {}), name) for _ in range(count)]
        if schema.get('uniqueItems'):
            made = list({json.dumps(item): item for item in made}.values())
        return made

    def make_object(self, schema, _name):
        made = {}
        required = schema.get('required', [])
        # Few of the others, mostly: many at once contradict each other.
        chance = self.random.choice([0.05, 0.2, 0.5])
        for key, part in schema.get('properties', {}).items():
            if key in required or self.random.random() < chance:
                made[key] = self.value(part, key)
        return made

    def of_pattern(self, pattern):
        """A text that the regular expression matches; of what patterns have here, not of all."""
        return ''.join(self.of_nodes(sre_parse.parse(pattern)))

    def of_nodes(self, nodes):
        for what, how in nodes:
            what = str(what)
            if what == 'LITERAL':
                yield chr(how)
            elif what == 'NOT_LITERAL':
                yield self.random.choice([c for c in string.ascii_letters if ord(c) != how])
            elif what == 'ANY':
                yield self.random.choice(string.ascii_letters)
            elif what == 'IN':
                yield self.of_class(how)
            elif what == 'BRANCH':
                yield from self.of_nodes(self.random.choice(how[1]))
            elif what == 'SUBPATTERN':
                yield from self.of_nodes(how[-1])
            elif what in ('MAX_REPEAT', 'MIN_REPEAT'):
                low, high, inner = how
                for _ in range(self.random.randint(low, min(int(high), low + 4))):
                    yield from self.of_nodes(inner)

    def of_class(self, parts):
        chosen = []
        is_not = any(str(what) == 'NEGATE' for what, _ in parts)
        for what, how in parts:
            what = str(what)
            if what == 'LITERAL':
                chosen.append(chr(how))
            elif what == 'RANGE':
                chosen += [chr(c) for c in range(how[0], min(how[1], how[0] + 200) + 1)]
            elif what == 'CATEGORY':
                chosen += string.digits if 'DIGIT' in str(how) else string.ascii_letters
        if is_not:
            chosen = [c for c in string.ascii_letters + string.digits if c not in chosen]
        return self.random.choice(chosen)


# ---- what is wrong ----

def places(value, at=()):
    """Every place in a value: its root and what is within."""
    yield at
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, at + (key,))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, at + (index,))


def replaced(value, at, change):
    """A copy in which change(what is there) stands at that place; `...` takes it away."""
    if not at:
        return change(value)
    copy = dict(value) if isinstance(value, dict) else list(value)
    inner = replaced(copy[at[0]], at[1:], change)
    if inner is ...:
        del copy[at[0]]
    else:
        copy[at[0]] = inner
    return copy


def spoil(random, value):
    """The value with one change, which most schemas refuse."""
    at = random.choice(list(places(value)))
    others = [None, True, {}, [], '', 'x' * 1001, '\u0001', '\ud800', 'ü' * 600, {'a': {}}, [[]], [None],
              ['x'] * 1001, *NUMBERS, f'{random.randrange(10**6)}', random.choice(TEXTS)]

    def change(there):
        what = random.randrange(4)
        if what == 0 and at:
            return ...
        if what == 1 and isinstance(there, dict):
            return {**there, random.choice(['more', '', 'Node', 'a/b~c', '__proto__', 'x' * 300]): 1}
        if what == 2 and isinstance(there, str):
            return random.choice([there.upper(), there + ' ', there[:-1], '-' + there, there * 2])
        if what == 2 and isinstance(there, list):
            return there * random.choice([2, 400])
        return random.choice(others)

    made = replaced(value, at, change)
    return {} if made is ... else made


def spoil_bytes(random, body):
    """Bytes that are no JSON, or more than a body may be."""
    at = random.randrange(len(body) + 1)
    what = random.randrange(12)
    if what == 0:
        return body[:at]
    if what == 1:
        return body[:at] + bytes([random.randrange(256)]) + body[at:]
    if what == 2:
        return body + b'}'
    if what == 3:
        return b'\xef\xbb\xbf' + body
    if what == 4:
        return body.decode('utf-8', 'surrogatepass').encode('utf-16-le', 'surrogatepass')
    if what == 5:
        return b'{"a":1,"a":2}'
    if what == 6:
        return random.choice([b'', b'null', b'[]', b'"x"', b'1', b'NaN', b'{"a":NaN}', b'{"a":1e999}',
                              b'{"a":"\\ud800"}', b'{"a":"\\u0000"}', b'\x00', b'{"\xff":1}'])
    if what == 7:
        return b'[' * random.choice([33, 5000]) + b']' * 33
    if what == 8:
        return b'{"a":' * random.choice([32, 33, 10000])
    if what == 9:
        return b'{"a":[' + b'[],' * random.choice([49990, 50001, 340000]) + b'1]}'
    if what == 10:
        return b'{"reason":"' + b'x' * random.choice([1024 * 1024 - 20, 1024 * 1024, 3 * 1024 * 1024]) \
            + b'"}'
    return bytes(random.randrange(256) for _ in range(random.randrange(1, 200)))
