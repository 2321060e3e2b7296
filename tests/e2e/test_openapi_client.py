#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client generated from the OpenAPI document: for every operation requests that are valid, wrong in
a place, no JSON, oversized, stale, unauthorised, of another type, with queries and paths of all kinds.

Each answer must be one that the document gives the operation, to the last member; never is it 500;
what the schema refuses never succeeds; and the server is well afterwards, and starts again. By the
thousands: SRVPLAN_REQUESTS sets how many, SRVPLAN_SEED which."""
import collections
import http.client
import json
import os
import random
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import openapi  # noqa: E402
import openapi_gen  # noqa: E402
import srvplan  # noqa: E402

REQUESTS = int(os.environ.get('SRVPLAN_REQUESTS')
               or (60000 if os.environ.get('SRVPLAN_LONG') else 20000))
SEED = int(os.environ.get('SRVPLAN_SEED', '0'), 0) or random.SystemRandom().randrange(2**32)
REFRESH = 100  # requests after which what exists is looked up again
DRAINS_END = 400  # and after which drains are ended, or every further one would only meet the guards
ANSWER_SECONDS = 20
SWALLOWED = 1024 * 1024  # a body beyond this may be cut off without an answer

# What every kind of request must get, besides being in the document. None: whatever that has.
KINDS = {
    'valid': None,
    'spoiled': None,           # judged by the schema, below
    'bytes': None,
    'query': {400, 404},  # of some what they are about is looked up first
    'media': {415},
    'unauthorised': {401, 403, 429},
    'stale': {400, 404, 409, 412, 422, 428},  # of mistakes the body's own may come first
    'path': {400, 404, 405},
}
NO_JSON = object()
# Codes of mistakes of form: a body that the schema allows has none.
OF_FORM = {'wrong-type', 'unknown-member'}


class Asker:
    """One request a connection, over the socket or over TCP with a token."""

    def __init__(self, server, random_):
        self.server, self.random = server, random_
        self.token = server.token()

    def connect(self, over):
        if over == 'socket':
            return srvplan.UnixConnection(self.server.socket_path)
        # Any address of 127/8 is ours: each is a source of its own to the throttle of logins.
        source = f'127.{self.random.randrange(256)}.{self.random.randrange(256)}.' \
                 f'{self.random.randrange(1, 255)}'
        return http.client.HTTPConnection('127.0.0.1', self.server.api_port,
                                          timeout=ANSWER_SECONDS, source_address=(source, 0))

    def ask(self, method, target, body=None, headers=(), over='socket'):
        """The answer; None when the server cut the connection without one."""
        connection = self.connect(over)
        headers = dict(headers)
        if over == 'tcp':
            headers.setdefault('Authorization', 'Bearer ' + self.token)
        try:
            try:
                connection.request(method, target, body=body, headers=headers)
            except (BrokenPipeError, ConnectionResetError):
                pass  # it has answered, and does not read on
            try:
                response = connection.getresponse()
            except (ConnectionResetError, http.client.RemoteDisconnected, BrokenPipeError):
                return None
            if 'event-stream' in response.headers.get('Content-Type', ''):
                response.read = lambda: b''  # it would not end
            return srvplan.Reply(response)
        finally:
            connection.close()


class World:
    """What exists, as far as paths and bodies can name it."""

    def __init__(self, document, asker):
        self.document, self.asker = document, asker
        self.names = {}
        self.words = {'node': ['xmpp1', 'xmpp2', 'xmpp3'], 'nodes': ['xmpp1', 'xmpp2', 'xmpp3'],
                      'services': ['*', *srvplan.SERVICES], 'service': ['*', *srvplan.SERVICES],
                      'domain': ['example.org', 'chat.example.net.', 'example.net'],
                      'type': ['SRV', 'A', 'TYPE257', 'soa'], 'wait': ['0s', '1s'],
                      'timezone': ['Europe/Amsterdam', 'UTC']}

    def refresh(self):
        for operation in self.document.operations:
            collection, _, variable = operation.path.partition('/{')
            if not variable or collection in self.names:
                continue
            self.names[collection] = []
        for collection in self.names:
            reply = self.asker.ask('GET', collection)
            if reply and reply.status == 200 and reply.json and 'items' in reply.json:
                self.names[collection] = [self.name_of(item) for item in reply.json['items']]

    @staticmethod
    def name_of(item):
        for key in ('id', 'revision', 'zone', 'name', 'domain'):
            if key in item:
                return str(item[key])
        return 'x'

    def fill(self, operation, generator):
        """A path of the operation, mostly to things that exist."""
        collection = operation.path.partition('/{')[0]
        values = {}
        for parameter in operation.parameters_in('path'):
            example = str(parameter.get('example', 'x'))
            names = self.names.get(collection) or [example]
            others = [example, 'nothing-such', '0', '1', '-1', 'x' * 300, 'a b', 'ü', '*', '../x', '~']
            values[parameter['name']] = generator.choice(
                names if generator.random() < 0.85 else others)
        return openapi.fill(operation.path, values)

    def note(self, reply):
        """What was made just now."""
        collection, _, name = (reply.headers.get('Location') or '').rpartition('/')
        if collection in self.names and reply.status in (201, 202):
            self.names[collection].append(urllib.parse.unquote(name))

    def end_drains(self):
        for name in self.names.get('/api/v1/drains', []):
            self.asker.ask('DELETE', '/api/v1/drains/' + urllib.parse.quote(name),
                           headers={'If-Match': '*'})


class Client:
    def __init__(self, server):
        self.server = server
        self.random = random.Random(SEED)
        self.document = openapi.Document.of(server)
        self.asker = Asker(server, self.random)
        self.world = World(self.document, self.asker)
        self.maker = openapi_gen.Maker(self.random, self.world.words)
        self.seen = collections.Counter()      # (operation, status)
        self.kinds = collections.Counter()
        self.sources = self.find_sources()     # operation: what another one's answer gives it
        self.cut = 0

    def find_sources(self):
        found = {}
        for operation in self.document.operations:
            for response in operation.responses.values():
                for link in response.get('links', {}).values():
                    if 'requestBody' in link:
                        found.setdefault(link['operationId'], (operation, link['requestBody']))
        return found

    # ---- requests ----

    def linked_body(self, operation):
        """A body of what another operation has answered just now; None: it has refused."""
        source, template = self.sources[operation.id]
        kind, value = self.body(source)
        reply = self.asker.ask(source.method, self.world.fill(source, self.random), json.dumps(value),
                               {'Content-Type': kind})
        if not reply or reply.status >= 300:
            return None
        self.world.note(reply)
        return {key: reply.json[value.rpartition('/')[2]] if str(value).startswith('$') else value
                for key, value in template.items()}

    def inventory(self):
        """One with the names that other requests use, changed in places."""
        made = srvplan.inventory()
        for node in made['nodes'].values():
            if self.random.random() < 0.3:
                node['capacity'] = self.random.choice([1, 100, 200, 65535])
        made['defaults']['ttl'] = self.random.choice(['5m', 60, '1h'])
        if self.random.random() < 0.2:
            made['policy'] = {'guard': {'min_capacity': self.random.choice([0, 0.3, '60%'])}}
        if self.random.random() < 0.2:
            made['nodes'][f'more{self.random.randrange(3)}'] = {'addresses': ['192.0.2.77']}
        if self.random.random() < 0.1:
            made['domains'][f'd{self.random.randrange(9)}.example.org'] = {}
        if self.random.random() < 0.1:
            made['windows'] = {'weekly': {
                'nodes': ['xmpp1'], 'start': '2026-12-06T02:00', 'duration': '1h',
                'timezone': 'Europe/Amsterdam', 'rrule': 'FREQ=WEEKLY;BYDAY=SU'}}
        return made

    def patch(self):
        return {'nodes': {self.random.choice(['xmpp1', 'xmpp2', 'xmpp3']): self.random.choice(
            [{'capacity': self.random.randrange(1, 300)}, {'tags': None}, {}])}}

    def body(self, operation):
        """A body that the schema allows: made anew, or an example."""
        if operation.id in ('putInventory', 'validateInventory') and self.random.random() < 0.9:
            kinds = [kind for kind, _ in operation.media()]
            kind = self.random.choice(['application/json', *kinds])
            made = self.inventory()  # JSON is YAML and JSONC, too
            return kind, made if kind.endswith('json') else json.dumps(made, indent=1)
        if operation.id in self.sources and self.random.random() < 0.6:
            made = self.linked_body(operation)
            if made:
                return operation.media()[0][0], made
        if operation.id == 'patchInventory':
            return 'application/merge-patch+json', self.patch()
        kind, example = self.random.choice(list(operation.examples().values())
                                           or [(operation.media()[0][0], None)])
        if not kind.endswith('json') or (example is not None and self.random.random() < 0.3):
            return kind, example
        schema = dict(operation.media())[kind]['schema']
        for _ in range(20):
            value = self.maker.value(schema)
            if not self.document.mistakes(schema, value):
                return kind, value
        return kind, example

    def query(self, operation):
        found = {}
        for parameter in operation.parameters_in('query'):
            chance = 0.5 if parameter['name'] == 'dry_run' else 0.3
            if self.random.random() < chance:
                found[parameter['name']] = self.maker.value(parameter['schema'], parameter['name'])
        return '?' + urllib.parse.urlencode(found) if found else ''

    def headers(self, operation, target):
        found = {}
        if operation.takes_if_match:
            found['If-Match'] = self.if_match(operation, target) if self.random.random() < 0.4 else '*'
        if operation.parameter('If-None-Match') and self.random.random() < 0.3:
            found['If-None-Match'] = self.random.choice(['*', '"r1"', '"n1", W/"i3"', '"'])
        if operation.parameter('Idempotency-Key') and self.random.random() < 0.15:
            # Few of them: with another body a key is refused, with the same it is answered again.
            found['Idempotency-Key'] = self.random.choice([*'abcdefghij', '"k"'])
        if self.random.random() < 0.05:
            found['X-Request-Id'] = self.random.choice(['a-1', 'x' * 200, 'a b', ''])
        if self.random.random() < 0.05:
            found['traceparent'] = self.random.choice(
                ['00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', 'x', '00-0-0-0'])
        return found

    def if_match(self, _operation, target):
        """The ETag of the thing itself or of what it belongs to."""
        path = target.partition('?')[0]
        for known in (path, path.rpartition('/')[0]):
            reply = self.asker.ask('GET', known)
            if reply and reply.status == 200 and reply.headers.get('ETag'):
                return reply.headers['ETag']
        return '*'

    def over(self):
        return 'tcp' if self.random.random() < 0.3 else 'socket'

    def one(self, operation, kind):
        target = self.world.fill(operation, self.random) + self.query(operation)
        headers = self.headers(operation, target)
        value = body = None
        if operation.body:
            media, value = self.body(operation)
            headers['Content-Type'] = media
            body = value if isinstance(value, str) else json.dumps(value)
        ask = getattr(self, 'ask_' + kind)
        return ask(operation, target, headers, value, body)

    def ask_valid(self, operation, target, headers, value, body):
        return operation, self.asker.ask(operation.method, target, body, headers, self.over()), value

    def ask_spoiled(self, operation, target, headers, value, body):
        if not operation.body or isinstance(value, str):
            return None
        value = openapi_gen.spoil(self.random, value)
        body = json.dumps(value)
        return operation, self.asker.ask(operation.method, target, body, headers, self.over()), value

    def ask_bytes(self, operation, target, headers, _value, body):
        if not operation.body:
            reply = self.asker.ask(operation.method, target, b'{}', headers, self.over())
            if reply and reply.status not in (400, 401, 403, 404):
                raise AssertionError(f'{operation} takes a body: {reply}')
            return operation, reply, ...
        body = openapi_gen.spoil_bytes(self.random, body.encode('utf-8', 'surrogatepass'))
        if operation.id in ('putInventory', 'validateInventory') and self.random.random() < 0.1:
            body = b'{"x":"' + b'x' * (32 * 1024 * 1024) + b'"}'
        reply = self.asker.ask(operation.method, target, body, headers, self.over())
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            value = NO_JSON
        return operation, reply, ... if body == b'' and not operation.body.get('required') else value

    def ask_query(self, operation, target, headers, _value, body):
        known = [parameter['name'] for parameter in operation.parameters_in('query')]
        wrong = ['dryrun=true', 'x', '=', '%20=1', 'limit=1&limit=1', 'a=%ff', 'DRY_RUN=true']
        wrong += [f'{name}=1&{name}=1' for name in known]
        wrong += ['limit=0', 'limit=1001', 'limit=-1', 'limit=1x'] if 'limit' in known else []
        wrong += ['dry_run=1', 'dry_run=', 'dry_run=TRUE'] if 'dry_run' in known else []
        if 'Idempotency-Key' in headers:
            headers['Idempotency-Key'] = self.random.choice(['', 'x' * 129, 'a b', '"', 'k\xfc'])
        else:
            target = target.partition('?')[0] + '?' + self.random.choice(wrong)
        return operation, self.asker.ask(operation.method, target, body, headers, self.over()), ...

    def ask_media(self, operation, target, headers, _value, body):
        if not operation.body:
            return None
        headers['Content-Type'] = self.random.choice(
            ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonx', '', 'json',
             'multipart/form-data; boundary=x', 'application/merge-patch+jsons', 'text/json'])
        target = target.partition('?')[0]
        return operation, self.asker.ask(operation.method, target, body, headers, self.over()), ...

    def ask_unauthorised(self, operation, target, headers, _value, body):
        if operation.role == 'none':
            return None
        token = self.asker.token
        wrong = [{}, {'Authorization': 'Bearer'}, {'Authorization': 'Bearer '}, {'Authorization': token},
                 {'Authorization': 'Basic ' + token}, {'Authorization': 'Bearer ' + token[:-1]},
                 {'Authorization': 'Bearer ' + token + 'x'}, {'Authorization': 'Bearer svp_' + 'A' * 43},
                 {'X-API-Key': token.lower()}, {'X-API-Key': ''}, {'Cookie': '__Host-srvplan=' + token},
                 {'Authorization': 'Bearer ' + 'x' * 3000}]
        headers.update(self.random.choice(wrong))
        return operation, self.asker.ask(operation.method, target, body, headers, 'bare'), ...

    def ask_stale(self, operation, target, headers, _value, body):
        if not operation.takes_if_match:
            return None
        del headers['If-Match']
        absent = [None] if operation.parameter('If-Match').get('required') else []
        tag = self.random.choice([*absent, '"0"', '"n0"', '"r0"', 'W/"1"', '"x"', '"', '1', '"1", "2"', '""',
                                  '"18446744073709551616"', '"n-1"', '"\xff"'])
        if tag is not None:
            headers['If-Match'] = tag
        target = target.partition('?')[0]
        return operation, self.asker.ask(operation.method, target, body, headers, self.over()), ...

    def ask_path(self, operation, _target, headers, _value, body):
        path = operation.path.replace('{', '').replace('}', '')
        at = self.random.randrange(len(path) + 1)
        wrong = [path + '/', path + '/x', path.upper(), path.replace('/api', '//api'), path + '%00',
                 path + '/..', path + '/%2e%2e/status', path[:at] + '%' + path[at:], path[:-1],
                 path[:at] + '%ff' + path[at:], path.replace('/v1', '/v2'), '/' + path, path + ';x=1',
                 path + '%2f', '/' + 'x' * 8000, path[:at] + '\\' + path[at:]]
        target = self.random.choice(wrong)
        method = self.random.choice([operation.method, 'GET', 'PUT', 'TRACE', 'OPTIONS', 'PROPFIND',
                                     'get', 'X' * 100, 'CONNECT'])
        return None, self.asker.ask(method, target, body, headers, self.over()), (method, target)

    # ---- verdicts ----

    def judge(self, operation, kind, reply, value):
        if reply is None:
            if kind == 'bytes':
                self.cut += 1
                return
            raise AssertionError(f'{operation} {kind}: cut without an answer: {str(value)[:1000]}')
        if operation is None:
            if reply.status >= 500 or (reply.status not in KINDS[kind] and not self.is_hit(value)):
                raise AssertionError(f'{value}: {reply}')
            return
        self.seen[str(operation), reply.status] += 1
        self.document.check(operation, reply)
        self.world.note(reply)
        if reply.status == 500:
            raise AssertionError(f'{operation}: {reply}')
        if reply.status == 400 and not reply.headers.get('X-Request-Id'):
            return  # at the door, unread
        expected = KINDS[kind]
        if expected and reply.status not in expected:
            raise AssertionError(f'{operation}: expected one of {expected}: {reply}')
        if kind in ('valid', 'spoiled', 'bytes') and operation.body:
            self.judge_body(operation, reply, value)

    def judge_body(self, operation, reply, value):
        media = operation.media()[0]
        if value is NO_JSON and reply.status < 300 and media[0].endswith('json') and \
                len(operation.media()) == 1:
            raise AssertionError(f'{operation}: takes what is no JSON: {reply}')
        if value in (NO_JSON, ...) or not media[0].endswith('json') or isinstance(value, str):
            return
        is_allowed = not self.document.mistakes(media[1]['schema'], value)
        is_verdict = reply.json is not None and reply.json.get('valid') is False  # of a validation
        if not is_allowed and reply.status < 300 and not is_verdict:
            raise AssertionError(f'{operation}: the schema refuses {json.dumps(value)[:500]}: {reply}')
        codes = {mistake['code'] for mistake in (reply.json or {}).get('errors', [])} \
            if reply.status == 422 else set()
        if is_allowed and codes & OF_FORM:
            raise AssertionError(f'{operation}: the schema allows {json.dumps(value)[:500]}: {reply}')

    def is_hit(self, value):
        """A path that was made wrong may be right by chance."""
        method, target = value
        path = urllib.parse.unquote(target).rstrip('/')
        return method in ('GET', 'PUT') and any(
            len(path.split('/')) == len(operation.path.split('/')) and
            path.startswith(operation.path.partition('/{')[0]) for operation in
            self.document.operations)

    def run(self, count):
        weights = [self.weight(operation) for operation in self.document.operations]
        for done in range(count):
            if done % REFRESH == 0:
                self.world.refresh()
            if done % DRAINS_END == 0:
                self.world.end_drains()
            operation, = self.random.choices(self.document.operations, weights)
            kind, = self.random.choices(list(KINDS), [8, 4, 2, 1, 1, 1, 1, 1])
            made = self.one(operation, kind)
            if made is None:
                kind, made = 'valid', self.one(operation, 'valid')
            self.kinds[kind] += 1
            self.judge(made[0], kind, made[1], made[2])

    @staticmethod
    def weight(operation):
        """Changes and what takes bodies have more ways to go wrong."""
        return 1 + 3 * (operation.role != 'none') + 4 * (operation.method != 'GET') \
            + 8 * (operation.body is not None)


class Generated(srvplan.Case):
    def test_answers_are_what_the_document_says(self):
        server = self.serve()
        client = Client(server)
        start = time.monotonic()
        try:
            client.run(REQUESTS)
        except AssertionError as error:
            raise AssertionError(f'rerun: SRVPLAN_SEED={SEED:#x} meson test openapi_client\n'
                                 f'{sum(client.kinds.values())} requests before\n{error}\n'
                                 f'---- log\n{server.log()[-4000:]}') from None
        self.report(client, time.monotonic() - start)
        if REQUESTS >= 10000:  # enough for every operation to have met everything
            self.assertCovered(client)
        self.assertWell(server)

    def report(self, client, seconds):
        count = sum(client.kinds.values())
        print(f'seed {SEED:#x}: {count} requests in {seconds:.0f} s, {count / seconds:.0f}/s; '
              f'{client.cut} cut off; {dict(client.kinds)}', file=sys.stderr)
        for operation in client.document.operations:
            got = {status: number for (name, status), number in sorted(client.seen.items())
                   if name == str(operation)}
            print(f'  {operation}: {got}', file=sys.stderr)

    def assertCovered(self, client):
        """Every operation succeeded now and then, and was refused."""
        for operation in client.document.operations:
            got = {status for (name, status) in client.seen if name == str(operation)}
            self.assertTrue([status for status in got if status < 300], f'{operation}: {got}')
            self.assertTrue([status for status in got if status >= 400], f'{operation}: {got}')

    def assertWell(self, server):
        srvplan.wait_until(lambda: server.status()['dnsd']['in_step'], 10, 'dnsd is in step')
        revision = server.status()['revision']
        sets = server.sets()
        server.stop()
        server.start()
        status = server.status()
        self.assertGreaterEqual(status['revision'], revision)
        self.assertEqual(set(server.sets()), set(sets))


if __name__ == '__main__':
    srvplan.main()
