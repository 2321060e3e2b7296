#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the OpenAPI document says is so: every example in it is sent to a live server, every answer is
checked against it, every problem has its page and its place in the manual.

An operation whose path has variables, or whose body names what another one made, is found by the
links of the document: the operation that they start from runs first, and its answer has the values.
Else a variable has its example."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import openapi  # noqa: E402
import srvplan  # noqa: E402

MANUAL = os.path.join(srvplan.SOURCE, 'api', 'man', 'srvplan-api.7.scd')
PREFIX = '/docs/problems/'


def value_at(expression, reply):
    """A runtime expression of OpenAPI (4.8.20.4), as far as links here use them."""
    kind, _, pointer = expression.partition('#')
    if kind != '$response.body':
        raise ValueError(expression)
    value = reply.json
    for part in pointer.split('/')[1:]:
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value


def fill_body(template, reply):
    if isinstance(template, dict):
        return {key: fill_body(value, reply) for key, value in template.items()}
    if isinstance(template, str) and template.startswith('$'):
        return value_at(template, reply)
    return template


class Runner:
    """Runs operations as their examples say."""

    def __init__(self, server, document):
        self.server, self.document = server, document
        self.made = []  # where what was made is
        self.inventory = server.get('/inventory')
        self.links = {}
        for operation in document.operations:
            for response in operation.responses.values():
                for link in response.get('links', {}).values():
                    self.links.setdefault(link['operationId'], (operation, link))

    def prepare(self, operation):
        """(values of the path, body or None): by a link, or by examples."""
        values = {parameter['name']: parameter.get('example')
                  for parameter in operation.parameters_in('path')}
        body = None
        if operation.id in self.links:
            source, link = self.links[operation.id]
            reply = self.run(source, next(iter(source.examples().values()), None))
            for name, expression in link.get('parameters', {}).items():
                values[name.rsplit('.', 1)[-1]] = value_at(expression, reply)
            if 'requestBody' in link:
                body = ('application/json', fill_body(link['requestBody'], reply))
        return values, body

    def run(self, operation, example, query='', prepared=None):
        """One request; fails when the answer is none of the document's."""
        values, body = prepared or self.prepare(operation)
        kind, value = body or example or (None, None)
        headers = {parameter['name']: str(parameter['example'])
                   for parameter in operation.parameters_in('header') if parameter.get('required')}
        if kind:
            headers['Content-Type'] = kind
        if operation.goes_on and 'follow=' not in query:
            query += ('&' if query else '?') + 'follow=false'
        path = openapi.fill(operation.path, values) + query
        reply = self.server.rest(operation.method, path, value, headers)
        self.document.check(operation, reply)
        if reply.status in (201, 202) and 'Location' in reply.headers:
            self.made.append(reply.headers['Location'])
        return reply

    def clean(self):
        """What was made is taken away: the next example may make the same."""
        while self.made:
            self.server.rest('DELETE', self.made.pop(), headers={'If-Match': '*'})
        if self.server.get('/inventory') != self.inventory:
            reply = self.server.rest('PUT', '/api/v1/inventory?override=true&reason=test',
                                     self.inventory, {'If-Match': '*'})
            if reply.status != 200:
                raise AssertionError(f'the inventory is not back: {reply}')


class Examples(srvplan.ServedCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.document = openapi.Document.of(cls.server)
        cls.runner = Runner(cls.server, cls.document)

    def clean(self):
        for drain in self.server.get('/drains')['items']:
            self.server.undrain(drain['id'])
        for weight in self.server.status()['weights']:
            self.server.rest('DELETE', f'/api/v1/nodes/{weight["node"]}/weight'
                             f'?service={weight["service"]}', headers={'If-Match': '*'})
        self.runner.clean()

    def tearDown(self):
        self.clean()
        super().tearDown()

    def assertDone(self, operation, example, query='', prepared=None):
        reply = self.runner.run(operation, example, query, prepared)
        self.assertLess(reply.status, 300, f'{operation} {example}{query}: {reply}')
        return reply

    def test_every_example_of_a_request_works(self):
        """As a dry run first, which must answer the same and change nothing."""
        count = 0
        for operation in self.document.operations:
            for name, example in (operation.examples() or {'': None}).items():
                with self.subTest(str(operation), example=name):
                    if operation.takes_dry_run:
                        prepared = self.runner.prepare(operation)
                        before = self.state()
                        dry = self.assertDone(operation, example, '?dry_run=true', prepared)
                        self.assertEqual(dry.status, 200)
                        self.assertEqual(self.state(), before)
                        self.clean()
                    self.assertDone(operation, example)
                    count += 1
                self.clean()
        self.assertGreaterEqual(count, len(self.document.operations))

    def state(self):
        status = self.server.status()
        return (status['revision'], [drain['id'] for drain in status['drains']], status['weights'],
                status['inventory'])

    def is_linked(self, operation):
        return operation.id in self.runner.links

    def test_every_operation_with_a_body_has_an_example_of_it(self):
        for operation in self.document.operations:
            if operation.body:
                self.assertTrue(operation.examples() or self.is_linked(operation), operation)

    def test_every_example_of_a_parameter_works(self):
        for operation in self.document.operations:
            for parameter in operation.parameters_in('query'):
                if 'example' in parameter:
                    with self.subTest(str(operation), parameter=parameter['name']):
                        self.assertDone(operation, next(iter(operation.examples().values()), None),
                                        f'?{parameter["name"]}={parameter["example"]}')
                        self.clean()

    def test_every_read_answers_head_and_its_etag(self):
        for operation in self.document.operations:
            if operation.method != 'GET' or 'text/event-stream' in str(operation.responses):
                continue
            with self.subTest(str(operation)):
                values, _ = self.runner.prepare(operation)
                path = openapi.fill(operation.path, values)
                head = self.server.rest('HEAD', path)
                self.document.check(operation, head, head=True)
                self.assertEqual((head.status, head.body), (200, b''))
                if 'ETag' not in operation.responses['200'].get('headers', {}):
                    continue
                self.assertKnown(operation, path)
            self.clean()

    def assertKnown(self, operation, path):
        """Who sends the ETag gets 304; a list's may move on while we ask."""
        for _ in range(20):
            tag = self.server.rest('HEAD', path).headers['ETag']
            again = self.server.rest('GET', path, headers={'If-None-Match': tag})
            self.document.check(operation, again)
            # The state of what is under way moves with the clock: always answered in full.
            shown = again.json or {}
            state = shown.get('state') or (shown.get('status') or {}).get('state')
            is_moving = state not in (None, 'closed', 'ended')
            if again.status == 304 or is_moving:
                return
        self.fail(f'{operation}: {tag}: {again}')

    def test_examples_are_what_their_schemas_say(self):
        count = 0
        for operation in self.document.operations:
            for parameter in operation.parameters:
                if 'example' in parameter:
                    self.assertFits(parameter['schema'], parameter['example'], operation)
            bodies = [operation.body] if operation.body else []
            for part in [*bodies, *operation.responses.values()]:
                for media in part.get('content', {}).values():
                    values = [example['value'] for example in media.get('examples', {}).values()]
                    values += [media['example']] if 'example' in media else []
                    for value in values:
                        self.assertFits(media['schema'], value, operation)
                        count += 1
        self.assertGreater(count, 30)

    def assertFits(self, schema, value, where):
        self.assertEqual(self.document.mistakes(schema, value), [], where)

    def test_an_answer_that_is_none_of_the_document_s_is_seen(self):
        operation = self.document.operation('getNode')
        reply = self.server.rest('GET', '/api/v1/nodes/xmpp1')
        self.document.check(operation, reply)

        def is_refused(change):
            changed = self.server.rest('GET', '/api/v1/nodes/xmpp1')
            change(changed)
            with self.assertRaises(openapi.Mismatch):
                self.document.check(operation, changed)

        is_refused(lambda reply: setattr(reply, 'status', 418))
        is_refused(lambda reply: reply.json.pop('id'))
        is_refused(lambda reply: reply.json.update(more=1))
        is_refused(lambda reply: reply.json['effective'][0].update(weight=65536))
        is_refused(lambda reply: reply.json['effective'][0].pop('because'))
        is_refused(lambda reply: reply.json.update(capacity='200'))
        is_refused(lambda reply: reply.headers.__delitem__('ETag'))
        is_refused(lambda reply: reply.headers.replace_header('Cache-Control', 'public'))
        is_refused(lambda reply: reply.headers.replace_header('Content-Type', 'text/html'))


class Problems(srvplan.ServedCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.document = openapi.Document.of(cls.server)

    def types(self):
        """{name: statuses} of all problems that the document lists."""
        found = {'method-not-allowed': {'405'}}
        for operation in self.document.operations:
            for status, response in operation.responses.items():
                media = response.get('content', {}).get('application/problem+json')
                names = media['schema']['properties']['type']['enum'] if media else []
                for name in names:
                    found.setdefault(name[len(PREFIX):], set()).add(status)
        return found

    def test_every_problem_has_its_page(self):
        types = self.types()
        self.assertGreater(len(types), 20)
        for name, statuses in types.items():
            page = self.server.rest('GET', PREFIX + name, over='bare')
            self.assertEqual(page.status, 200, name)
            text = page.body.decode()
            self.assertTrue(text.startswith(f'{name}: '), text)
            self.assertEqual([f'(HTTP {status})' in text for status in statuses], [True], name)
            self.assertGreater(len(text), 80, name)

    def test_the_manual_lists_the_problems_with_their_status(self):
        with open(MANUAL, encoding='utf-8') as file:
            manual = file.read()
        section = re.search(r'\n# PROBLEMS\n(.*?)\n# ', manual, re.S)
        listed = dict(re.findall(r'^\*([a-z-]+)\* \(([0-9]+)\)$', section[1], re.M))
        self.assertEqual(listed, {name: min(statuses) for name, statuses in self.types().items()})


if __name__ == '__main__':
    srvplan.main()
