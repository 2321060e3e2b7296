#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nobody reaches what the OpenAPI document does not give them: every path of the document, with every
verb, for every role, over TCP and on the UNIX socket.

Requests are such that they change nothing when they are let in (a body with mistakes, no If-Match, a
dry run), and "let in" is any answer but 401, 403 and 429. What the document lacks is 405 for
everybody, with the verbs that it has in Allow."""
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import openapi  # noqa: E402
import srvplan  # noqa: E402

VERBS = ('GET', 'HEAD', 'PUT', 'POST', 'DELETE', 'PATCH', 'OPTIONS')
STRANGE_VERBS = ('TRACE', 'CONNECT', 'PROPFIND', 'get', 'LOCK')  # no method of ours: 400 unread
NOBODY = 65534
REFUSED = {401, 403, 429}


class Identity:
    """Who asks, and how: a name, the role it has, its headers, its address."""

    def __init__(self, name, role, over, headers=None, source='127.0.0.1'):
        self.name, self.role, self.over = name, role, over
        self.headers, self.source = headers or {}, source

    def may(self, role):
        return openapi.ROLES.index(self.role) >= openapi.ROLES.index(role)

    def expected(self, role):
        """None: let in."""
        if self.may(role):
            return None
        return 401 if self.role == 'none' and self.over == 'bare' else 403


def as_user(uid, action):
    """What action() gives, which is JSON, in a process of that user."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            with os.fdopen(write, 'w') as out:
                json.dump(action(), out)
            status = 0
        finally:
            os._exit(status)
    os.close(write)
    with os.fdopen(read) as answer:
        text = answer.read()
    if os.waitpid(child, 0)[1] != 0:
        raise AssertionError(f'the process of user {uid} failed')
    return json.loads(text)


class Roles(srvplan.ServedCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.document = openapi.Document.of(cls.server)
        cls.tokens = {role: cls.make_token(role) for role in ('viewer', 'operator')}
        cls.tokens['admin'] = cls.server.token()

    @classmethod
    def make_token(cls, role):
        reply = cls.server.rest('POST', '/api/v1/tokens', {'name': f'test-{role}', 'role': role})
        if reply.status != 201:
            raise AssertionError(f'no token: {reply}')
        return reply.json['token']

    def over_tcp(self):
        yield Identity('nobody', 'none', 'bare')
        yield Identity('a made-up token', 'none', 'bare', {'Authorization': 'Bearer svp_' + 'A' * 43},
                       '127.9.9.9')
        for role, token in self.tokens.items():
            yield Identity(role, role, 'bare', {'Authorization': 'Bearer ' + token})
            yield Identity(role + ' (X-API-Key)', role, 'bare', {'X-API-Key': token})
            yield Identity(role + ' (session)', role, 'bare', self.session(token))

    def session(self, token):
        """The headers of a page of ours that signed in."""
        reply = self.server.rest('POST', '/api/v1/session', {'token': token}, over='bare')
        self.assertEqual(reply.status, 201, reply)
        return {'Cookie': reply.headers['Set-Cookie'].split(';')[0], 'X-Srvplan-CSRF': '1',
                'Origin': f'http://127.0.0.1:{self.server.api_port}'}

    # ---- requests ----

    def path(self, template):
        return openapi.fill(template, {name: '1' for name in ('number', 'n')} | {
            parameter['name']: 'nothing-such' for operation in self.document.operations
            if operation.path == template for parameter in operation.parameters_in('path')})

    def status(self, identity, method, path, operation=None):
        headers = dict(identity.headers)
        body = None
        if operation and operation.takes_dry_run:
            path += '?dry_run=true'
        if operation and operation.body:
            headers['Content-Type'] = operation.media()[0][0]
            body = '{"no-such-member": 1}'
        reply = self.server.rest(method, path, body, headers, over=identity.over, source=identity.source)
        return [reply.status, reply.headers.get('Allow', '')]

    def cells(self, identity):
        """Every operation, and every path with what the document lacks: (method, path, answer)."""
        found = []
        # Signing out comes last: it is the end of a session.
        for operation in sorted(self.document.operations, key=lambda one: one.id == 'deleteSession'):
            if 'text/event-stream' in json.dumps(operation.responses) and identity.may(operation.role):
                continue  # would not end; its refusals are seen
            path = self.path(operation.path)
            found.append([operation.method, operation.path,
                          self.status(identity, operation.method, path, operation)])
        documented = {(operation.method, operation.path) for operation in self.document.operations}
        for path in sorted({path for _, path in documented}):
            for verb in VERBS:
                if (verb if verb != 'HEAD' else 'GET', path) not in documented:
                    found.append([verb, path, self.status(identity, verb, self.path(path))])
        return found

    # ---- verdicts ----

    def judge(self, identity, cells):
        operations = {(operation.method, operation.path): operation
                      for operation in self.document.operations}
        refused = let_in = 0
        for method, path, (status, allow) in cells:
            where = f'{identity.name}: {method} {path}: {status}'
            operation = operations.get((method, path))
            if operation is None:
                self.assertEqual(status, 405, where)
                self.assertEqual(set(allow.split(', ')), self.allowed(path), where)
                continue
            expected = identity.expected(operation.role)
            if expected:
                # After ten wrong tokens they are not looked at any more.
                self.assertIn(status, {expected, 429} if expected == 401 else {expected}, where)
                refused += 1
            else:
                self.assertNotIn(status, REFUSED, where)
                self.assertLess(status, 500, where)
                let_in += 1
        self.assertEqual(let_in + refused, len(
            [cell for cell in cells if (cell[0], cell[1]) in operations]))
        self.assertGreater(let_in, 5)
        return refused

    def allowed(self, path):
        found = {operation.method for operation in self.document.operations if operation.path == path}
        return found | ({'HEAD'} if 'GET' in found else set())

    def test_over_tcp_a_role_reaches_what_the_document_gives_it(self):
        refused = {}
        for identity in self.over_tcp():
            with self.subTest(identity.name):
                refused[identity.name] = self.judge(identity, self.cells(identity))
        self.assertGreater(refused['nobody'], refused['viewer'])
        self.assertGreater(refused['viewer'], refused['operator'])
        self.assertGreater(refused['operator'], 0)
        self.assertEqual(refused['admin'], 0)

    def test_with_a_session_nothing_changes_for_a_page_that_is_not_ours(self):
        page = self.session(self.tokens['admin'])
        foreign = [{**page, 'Origin': 'http://evil.example'}, {**page, 'Origin': 'null'},
                   {key: value for key, value in page.items() if key != 'Origin'},
                   {key: value for key, value in page.items() if key != 'X-Srvplan-CSRF'}]
        count = 0
        for operation in self.document.operations:
            if operation.method == 'GET' or operation.role == 'none':
                continue
            for headers in foreign:
                identity = Identity('a foreign page', 'admin', 'bare', headers)
                status, _ = self.status(identity, operation.method, self.path(operation.path),
                                        operation)
                self.assertEqual(status, 403, f'{operation} {headers}')
                count += 1
        self.assertGreater(count, 40)

    def test_on_the_socket_the_server_s_own_user_is_administrator(self):
        identity = Identity('root', 'admin', 'socket')
        self.assertEqual(self.judge(identity, self.cells(identity)), 0)

    def test_on_the_socket_a_token_is_no_more_than_it_says(self):
        for role, token in self.tokens.items():
            with self.subTest(role):
                identity = Identity(role + ' on the socket', role, 'socket',
                                    {'Authorization': 'Bearer ' + token})
                self.judge(identity, self.cells(identity))

    @unittest.skipIf(os.geteuid() != 0, 'only root can be somebody else')
    def test_on_the_socket_another_user_reaches_nothing_but_what_is_for_everybody(self):
        """Also when the modes of directory and socket let anybody connect."""
        self.open_the_socket()
        identity = Identity('nobody', 'none', 'socket')
        self.assertGreater(self.judge(identity, as_user(NOBODY, lambda: self.cells(identity))), 10)

    def open_the_socket(self):
        for path, mode in ((self.server.directory, 0o755), (self.server.state, 0o755),
                           (self.server.socket_path, 0o666)):
            old = os.stat(path).st_mode & 0o7777
            self.addCleanup(os.chmod, path, old)
            os.chmod(path, mode)

    def test_methods_that_are_none_are_refused_unread(self):
        for verb in STRANGE_VERBS:
            reply = self.server.rest(verb, '/api/v1/status', over='tcp')
            self.assertEqual(reply.status, 400, verb)

    def test_paths_beside_the_document_are_not_there(self):
        documented = {operation.path for operation in self.document.operations}
        for path in ('/', '/api', '/api/v1', '/api/v1/', '/api/v2/status', '/api/v1/status/',
                     '/api/v1/Status', '/debug', '/admin', '/api/v1/users', '/docs/problems',
                     '/openapi.json', '/api/v1/openapi', '/robots.txt', '/favicon.ico'):
            self.assertNotIn(path, documented)
            for over in ('bare', 'tcp', 'socket'):
                self.assertEqual(self.server.rest('GET', path, over=over).status, 404, path)

    def test_the_document_names_the_role_of_every_operation(self):
        for operation in self.document.operations:
            self.assertIn(operation.role, openapi.ROLES)
            roles = {role for scheme in operation.security for names in scheme.values()
                     for role in names}
            self.assertEqual(roles, set() if operation.role == 'none' else {operation.role})
            if operation.method != 'GET' and operation.role in ('none', 'viewer'):
                self.assertIn(operation.id, CHANGE_NOTHING, f'{operation} is for {operation.role}')


# Operations that are no GET, and yet for readers or for everybody.
CHANGE_NOTHING = {'validateInventory', 'previewPlan', 'simulate', 'createSession', 'deleteSession'}


if __name__ == '__main__':
    srvplan.main()
