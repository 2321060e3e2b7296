#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens: what each role and scope may do, over TCP and on the socket; that they end when they are
revoked or their time is over; and that the store never has one."""
import os
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import srvplan  # noqa: E402

ROLES = ('viewer', 'operator', 'admin')
WAYS = ('socket', 'bare')  # with the token in either case
ANY = {'If-Match': '*'}

# (method, path, body, the lowest role that may; the answer when it may)
ROUTES = (
    ('GET', '/api/v1/status', None, 'viewer', 200),
    ('GET', '/api/v1/plan', None, 'viewer', 200),
    ('GET', '/api/v1/revisions', None, 'viewer', 200),
    ('POST', '/api/v1/drains?dry_run=true', {'node': 'xmpp1', 'reason': 'x'}, 'operator', 200),
    ('PUT', '/api/v1/nodes/xmpp1/weight?dry_run=true', {'weight': '50%', 'reason': 'x'}, 'operator',
     200),
    ('DELETE', '/api/v1/nodes/xmpp1/weight?dry_run=true', None, 'operator', 404),
    ('DELETE', '/api/v1/drains/dr_0', None, 'operator', 404),
    ('GET', '/api/v1/tokens', None, 'admin', 200),
    ('POST', '/api/v1/tokens?dry_run=true', {'name': 'x', 'role': 'viewer'}, 'admin', 200),
    ('GET', '/api/v1/tokens/tk_0', None, 'admin', 404),
    ('DELETE', '/api/v1/tokens/tk_0', None, 'admin', 404),
)


class TokenCase(srvplan.ServedCase):
    document = srvplan.inventory(domains={
        'example.org': {}, 'chat.example.net': {'zone': 'example.net', 'nodes': ['xmpp1', 'xmpp3']}})

    def tearDown(self):
        for token in self.server.get('/tokens')['items']:
            self.revoke(token['id'])
        super().tearDown()

    def revoke(self, name):
        return self.server.rest('DELETE', f'/api/v1/tokens/{name}', headers=ANY)

    def assertProblem(self, reply, status, kind):
        self.assertEqual((reply.status, reply.json['type']), (status, '/docs/problems/' + kind),
                         reply)


class RoleTest(TokenCase):
    def test_a_role_may_what_it_may_and_no_more(self):
        tokens = {role: self.server.make_token(role) for role in ROLES}
        for method, path, body, lowest, status in ROUTES:
            for role in ROLES:
                for way in WAYS:
                    with self.subTest(method=method, path=path, role=role, way=way):
                        reply = self.server.rest(method, path, body, ANY, way, tokens[role])
                        if ROLES.index(role) >= ROLES.index(lowest):
                            self.assertEqual(reply.status, status, reply)
                        else:
                            self.assertProblem(reply, 403, 'forbidden')
                            self.assertIn(f'needs the role {lowest}; yours is {role}',
                                          reply.json['detail'])

    def test_a_token_on_the_socket_is_no_more_than_over_tcp(self):
        viewer = self.server.make_token('viewer')
        drain = {'node': 'xmpp1', 'reason': 'x'}
        self.assertProblem(self.server.rest('POST', '/api/v1/drains', drain, token=viewer), 403,
                           'forbidden')
        self.assertProblem(self.server.rest('GET', '/api/v1/status', token='svp_wrong'), 401,
                           'unauthenticated')
        self.assertEqual(self.server.rest('POST', '/api/v1/drains', drain).status, 201)

    def test_the_audit_name_of_a_change_is_the_tokens(self):
        token = self.server.make_token('operator', 'deploy-bot')
        reply = self.server.rest('POST', '/api/v1/drains', {'node': 'xmpp1', 'reason': 'x'},
                                 over='bare', token=token)
        self.assertEqual((reply.status, reply.json['actor']), (201, 'token:deploy-bot'))
        fingerprint = self.server.get('/tokens')['items'][0]['fingerprint']
        self.assertIn(f'token {fingerprint}', self.server.log())

    def test_either_header_carries_it_and_not_both(self):
        token = self.server.make_token('viewer')
        key = {'X-API-Key': token}
        self.assertEqual(self.server.rest('GET', '/api/v1/status', headers=key, over='bare').status,
                         200)
        self.assertProblem(self.server.rest('GET', '/api/v1/status', headers=key, over='bare',
                                            token=token), 400, 'malformed')


class ScopeTest(TokenCase):
    def change(self, token, method, path, body=None):
        return self.server.rest(method, '/api/v1' + path, body, ANY, 'bare', token)

    def test_nodes_of_others_are_not_changed(self):
        token = self.server.make_token('operator', nodes=['xmpp2'])
        foreign = self.server.drain('xmpp3')
        weight = {'weight': '50%', 'reason': 'x'}
        refused = (('POST', '/drains', {'node': 'xmpp1', 'reason': 'x'}),
                   ('POST', '/drains', {'nodes': ['xmpp2', 'xmpp1'], 'reason': 'x'}),
                   ('DELETE', '/drains/' + foreign.json['id'], None),
                   ('PUT', '/nodes/xmpp1/weight', weight),
                   ('DELETE', '/nodes/xmpp1/weight', None))
        before = self.server.status()['revision']
        for method, path, body in refused:
            for suffix in ('', '?dry_run=true'):
                with self.subTest(method=method, path=path + suffix):
                    reply = self.change(token, method, path + suffix, body)
                    self.assertProblem(reply, 403, 'forbidden')
                    self.assertIn('this token is for the nodes xmpp2', reply.json['detail'])
        self.assertEqual(self.server.status()['revision'], before)
        self.assertEqual(self.change(token, 'PUT', '/nodes/xmpp2/weight', weight).status, 200)
        own = self.change(token, 'POST', '/drains', {'node': 'xmpp2', 'reason': 'x'})
        self.assertEqual(own.status, 201, own)
        self.assertEqual(self.change(token, 'DELETE', '/drains/' + own.json['id']).status, 200)

    def test_it_reads_what_its_role_reads(self):
        token = self.server.make_token('viewer', nodes=['xmpp2'])
        self.assertEqual(self.change(token, 'GET', '/nodes/xmpp1').status, 200)
        self.assertEqual(self.change(token, 'GET', '/revisions').status, 200)

    def test_a_node_that_serves_foreign_domains_is_not_changed(self):
        token = self.server.make_token('operator', domains=['example.org'])
        reply = self.change(token, 'POST', '/drains', {'node': 'xmpp1', 'reason': 'x'})
        self.assertProblem(reply, 403, 'forbidden')
        self.assertIn('xmpp1 serves chat.example.net. too', reply.json['detail'])
        # xmpp2 serves example.org alone
        reply = self.change(token, 'POST', '/drains', {'node': 'xmpp2', 'reason': 'x'})
        self.assertEqual(reply.status, 201, reply)
        both = self.server.make_token('operator', domains=['example.org', 'chat.example.net.'])
        self.assertEqual(self.change(both, 'POST', '/drains?dry_run=true',
                                     {'node': 'xmpp1', 'reason': 'x'}).status, 200)

    def test_windows_of_other_nodes_are_not_changed(self):
        token = self.server.make_token('operator', nodes=['xmpp2'])
        window = {'id': 'own', 'nodes': ['xmpp2'], 'start': '2099-01-04T02:00', 'duration': '1h',
                  'rrule': 'FREQ=WEEKLY', 'reason': 'x'}
        foreign = {**window, 'id': 'foreign', 'nodes': ['xmpp1']}
        self.assertEqual(self.server.rest('POST', '/api/v1/windows', foreign).status, 201)
        change = {key: value for key, value in window.items() if key != 'id'}
        for nodes, said in ((['xmpp1'], 'xmpp1 is not yours'), (['xmpp2', 'xmpp1'], 'xmpp1'),
                            (['*'], 'other nodes'), (['tier:primary'], 'other nodes')):
            with self.subTest(nodes=nodes):
                reply = self.change(token, 'POST', '/windows', {**window, 'nodes': nodes})
                self.assertProblem(reply, 403, 'forbidden')
                self.assertIn(said, reply.json['detail'])
        for method, path, body in (('PUT', '/windows/foreign', change),
                                   ('DELETE', '/windows/foreign', None),
                                   ('POST', '/windows/foreign/skip',
                                    {'date': '2099-01-11', 'reason': 'x'}),
                                   ('POST', '/windows/foreign/end', {'reason': 'x'}),
                                   ('POST', '/windows.ics', {'reason': 'x'})):
            with self.subTest(method=method, path=path):
                self.assertProblem(self.change(token, method, path, body), 403, 'forbidden')
        by_domain = self.server.make_token('operator', domains=['example.org'])
        for nodes in (['*'], ['tier:primary'], ['xmpp1'], ['xmpp2', 'xmpp3']):
            with self.subTest(nodes=nodes):
                reply = self.change(by_domain, 'POST', '/windows', {**window, 'nodes': nodes})
                self.assertProblem(reply, 403, 'forbidden')
        made = self.change(token, 'POST', '/windows', window)
        self.assertEqual(made.status, 201, made)
        self.assertProblem(self.change(token, 'PUT', '/windows/own', {**change, 'nodes': ['xmpp1']}),
                           403, 'forbidden')
        for path in ('own', 'foreign'):
            way = {'own': token}.get(path)
            reply = self.server.rest('DELETE', '/api/v1/windows/' + path, headers=ANY, token=way)
            self.assertEqual(reply.status, 200, reply)

    def test_a_secret_url_is_kept_nowhere(self):
        key = {'Idempotency-Key': 'calendar-1'}
        made = self.server.rest('POST', '/api/v1/windows.ics', {'reason': 'x'}, key)
        self.assertEqual(made.status, 201, made)
        secret = made.json['url'].split('key=')[1].encode()
        for name in os.listdir(self.server.state):
            if name.startswith('srvplan.db'):
                with open(os.path.join(self.server.state, name), 'rb') as file:
                    self.assertNotIn(secret[4:], file.read(), name)
        self.assertNotIn(secret.decode(), self.server.log())

    def test_a_limited_admin_makes_no_tokens(self):
        token = self.server.make_token('admin', nodes=['xmpp2'])
        reply = self.change(token, 'POST', '/tokens', {'name': 'more', 'role': 'admin'})
        self.assertProblem(reply, 403, 'forbidden')
        self.assertEqual(len(self.server.get('/tokens')['items']), 1)

    def test_a_scope_must_be_there(self):
        for limit, words in (('nodes', ['xmpp9']), ('domains', ['example.com']), ('nodes', []),
                             ('domains', ['..'])):
            reply = self.server.rest('POST', '/api/v1/tokens',
                                     {'name': 'x', 'role': 'viewer', limit: words})
            with self.subTest(limit=limit, words=words):
                self.assertIn(reply.status, (404, 422), reply)
        self.assertEqual(self.server.get('/tokens')['items'], [])


class LifeTest(TokenCase):
    def ask(self, token):
        return self.server.rest('GET', '/api/v1/status', over='bare', token=token).status

    def test_it_is_shown_once(self):
        made = self.server.rest('POST', '/api/v1/tokens', {
            'name': 'ci', 'role': 'operator', 'nodes': ['xmpp1'], 'expires_in': '1d'})
        token = made.json.pop('token')
        self.assertRegex(token, r'^svp_[A-Za-z0-9_-]{43}$')
        path = made.headers['Location']
        shown = self.server.rest('GET', path)
        self.assertEqual(shown.json, made.json)
        self.assertEqual(shown.headers['ETag'], made.headers['ETag'])
        self.assertEqual(self.server.get('/tokens')['items'], [made.json])
        self.assertEqual((made.json['nodes'], made.json['domains']), (['xmpp1'], ['*']))
        secret = token.encode()[4:]
        for name in os.listdir(self.server.state):
            if name.startswith('srvplan.db'):
                with open(os.path.join(self.server.state, name), 'rb') as file:
                    self.assertNotIn(secret, file.read(), name)
        self.assertNotIn(token, self.server.log())

    def test_a_revoked_token_is_not_let_in_any_more(self):
        token = self.server.make_token('viewer')
        found = self.server.get('/tokens')['items'][0]
        other = self.server.make_token('viewer')
        self.assertEqual(self.ask(token), 200)
        path = '/api/v1/tokens/' + found['id']
        self.assertProblem(self.server.rest('DELETE', path), 428, 'precondition-required')
        self.assertProblem(self.server.rest('DELETE', path, headers={'If-Match': '"t7"'}), 412,
                           'stale')
        dry = self.server.rest('DELETE', path + '?dry_run=true', headers=ANY)
        self.assertEqual((dry.status, dry.json['plan']['changes']), (200, []))
        self.assertEqual(self.ask(token), 200)
        gone = self.server.rest('DELETE', path, headers={'If-Match': '"t1"'})
        self.assertEqual((gone.status, gone.json), (200, found))
        self.assertEqual((self.ask(token), self.ask(other)), (401, 200))
        self.assertProblem(self.server.rest('DELETE', path, headers=ANY), 404, 'not-found')

    def test_what_is_under_way_ends_with_its_token(self):
        """An event stream, a long poll, and a change whose body is still coming."""
        tokens = {name: self.server.make_token('operator', name)
                  for name in ('poll', 'stream', 'slow')}
        ids = {item['name']: item['id'] for item in self.server.get('/tokens')['items']}
        ids = {name: ids[name] for name in tokens}

        def open_with(head, name):
            token = tokens[name]
            connection = socket.create_connection(('127.0.0.1', self.server.api_port), timeout=20)
            self.addCleanup(connection.close)
            connection.sendall((head + f'Host: localhost\r\nAuthorization: Bearer {token}\r\n\r\n')
                               .encode())
            return connection

        index = self.server.status()['index']
        body = b'{"node": "xmpp1", "reason": "too late"}'
        stream = open_with('GET /api/v1/events HTTP/1.1\r\n', 'stream')
        self.assertTrue(stream.recv(4096).startswith(b'HTTP/1.1 200 '))
        poll = open_with(f'GET /api/v1/nodes?index={index}&wait=5m HTTP/1.1\r\n', 'poll')
        slow = open_with('POST /api/v1/drains HTTP/1.1\r\nContent-Type: application/json\r\n'
                         f'Content-Length: {len(body)}\r\n', 'slow')
        slow.sendall(body[:10])
        for name in ids:  # the poll first: every change of tokens is another view
            self.assertEqual(self.revoke(ids[name]).status, 200)
        slow.sendall(body[10:])
        self.assertTrue(slow.recv(4096).startswith(b'HTTP/1.1 401 '))
        self.assertEqual(self.server.get('/drains')['items'], [])
        self.server.drain('xmpp3')
        stream.settimeout(10)
        came = b''
        while piece := stream.recv(65536):
            came += piece
        self.assertNotIn(b'xmpp3', came)
        self.assertTrue(poll.recv(4096).startswith(b'HTTP/1.1 401 '))

    def test_it_ends_by_itself(self):
        token = self.server.make_token('viewer', expires_in=1)
        at = self.server.get('/tokens')['items'][0]['expires_at']
        srvplan.wait_until(lambda: self.ask(token) == 401, 5, 'the token expires')
        self.assertLessEqual(at, time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() + 1)))
        for _ in range(15):  # its owner is not taken for one who guesses
            reply = self.server.rest('GET', '/api/v1/status', over='bare', token=token)
            self.assertProblem(reply, 401, 'unauthenticated')
        self.assertIn('expired at', reply.json['detail'])

    def test_a_dry_run_makes_none(self):
        reply = self.server.rest('POST', '/api/v1/tokens?dry_run=true',
                                 {'name': 'x', 'role': 'viewer'})
        self.assertEqual(reply.status, 200, reply)
        self.assertNotIn('token', reply.json)
        self.assertEqual(reply.json['plan']['changes'], [])
        self.assertEqual(self.server.get('/tokens')['items'], [])

    def test_names_are_unique_and_fit_a_line(self):
        self.server.make_token('viewer', 'one')
        self.assertProblem(self.server.rest('POST', '/api/v1/tokens', {
            'name': 'one', 'role': 'admin'}), 409, 'conflict')
        for name in ('', ' ', 'a b', 'x' * 49, 'ä', 'a\n', None, 7):
            with self.subTest(name=name):
                self.assertProblem(self.server.rest('POST', '/api/v1/tokens', {
                    'name': name, 'role': 'viewer'}), 422, 'invalid')
        for role in ('root', '', None, 'none', 'Admin'):
            with self.subTest(role=role):
                self.assertProblem(self.server.rest('POST', '/api/v1/tokens', {
                    'name': 'two', 'role': role}), 422, 'invalid')

    def test_a_request_that_is_repeated_makes_no_second_one(self):
        key = {'Idempotency-Key': '7f0c'}
        body = {'name': 'once', 'role': 'viewer'}
        made = self.server.rest('POST', '/api/v1/tokens', body, key)
        self.assertEqual(made.status, 201, made)
        again = self.server.rest('POST', '/api/v1/tokens', body, key)
        self.assertProblem(again, 409, 'answer-lost')  # the secret is nowhere to be told again
        self.assertEqual(again.json['objects'], made.json['id'])
        self.assertEqual(len(self.server.get('/tokens')['items']), 1)
        secret = made.json['token'].encode()[4:]
        for name in os.listdir(self.server.state):
            if name.startswith('srvplan.db'):
                with open(os.path.join(self.server.state, name), 'rb') as file:
                    self.assertNotIn(secret, file.read(), name)

    def test_pages(self):
        for number in range(5):
            self.server.make_token('viewer', f'n{number}')
        names, after = [], ''
        while after is not None:
            page = self.server.get('/tokens?limit=2' + (after and '&after=' + after))
            names += [item['name'] for item in page['items']]
            after = page['next']
        self.assertEqual(sorted(names), [f'n{number}' for number in range(5)])


class CommandTest(TokenCase):
    def test_make_list_use_and_revoke(self):
        made = self.server.cli('token', 'create', 'hook', '--role', 'operator', '--nodes', 'xmpp2',
                               '--for', '30d', check=srvplan.OK)
        self.assertRegex(made.stdout, r'^svp_\S{43}\n$')
        self.assertIn('role operator; it is shown this once. Changes: nodes xmpp2, domains all',
                      made.stderr)
        listed = self.server.cli('token', 'ls', check=srvplan.OK).stdout
        self.assertRegex(listed, r'(?m)^hook +operator +xmpp2 +all +20')
        self.assertNotIn(made.stdout.strip(), listed)
        path = os.path.join(self.server.directory, 'hook.token')
        with open(path, 'w', encoding='ascii') as file:
            file.write(made.stdout)
        over = ('-s', f'http://127.0.0.1:{self.server.api_port}', '--token-file', path)
        refused = srvplan.command(*over, 'drain', 'xmpp1', '-m', 'x', '-y', check=srvplan.FAILED)
        self.assertIn('this token is for the nodes xmpp2', refused.stderr)
        srvplan.command(*over, 'drain', 'xmpp2', '-m', 'x', '-y', check=srvplan.OK)
        gone = self.server.cli('token', 'revoke', 'hook', check=srvplan.OK)
        self.assertEqual(gone.stdout, 'hook  revoked\n')
        srvplan.command(*over, 'status', check=srvplan.FAILED)
        self.assertIn('no tokens', self.server.cli('token', 'ls', check=srvplan.OK).stderr)

    def test_mistakes_are_told_before_anybody_is_asked(self):
        for arguments, said in ((('token', 'lst'), 'did you mean ls?'),
                                (('token', 'create'), 'which name?'),
                                (('token', 'create', 'a'), 'which role?'),
                                (('token', 'create', 'a', 'b', '--role', 'admin'), 'which name?'),
                                (('token', 'revoke'), 'which one?'),
                                (('token', 'ls', '--role', 'admin'), 'belongs to create'),
                                (('token', 'create', 'a', '--role', 'root'), 'viewer|operator|admin')):
            with self.subTest(arguments=arguments):
                self.assertIn(said, srvplan.command(*arguments, check=srvplan.USAGE).stderr)
        missing = self.server.cli('token', 'revoke', 'nobody', check=srvplan.FAILED)
        self.assertIn('nobody: no such token', missing.stderr)


class RestartTest(srvplan.Case):
    def test_tokens_survive_a_kill_and_revoked_ones_do_not_come_back(self):
        server = self.serve()
        gone = server.make_token('admin')
        revoked = server.get('/tokens')['items'][0]['id']
        kept = server.make_token('viewer')
        self.assertEqual(server.rest('DELETE', '/api/v1/tokens/' + revoked, headers=ANY).status, 200)
        server.kill()
        server.start()
        self.assertEqual(server.rest('GET', '/api/v1/status', over='bare', token=kept).status, 200)
        self.assertEqual(server.rest('GET', '/api/v1/status', over='bare', token=gone).status, 401)


if __name__ == '__main__':
    srvplan.main()
