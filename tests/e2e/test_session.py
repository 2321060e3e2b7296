#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions of a browser: a token for a cookie, what a page of a stranger cannot do with it, how it
ends; and who is let in on the UNIX socket beside root."""
import json
import os
import re
import stat
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import srvplan  # noqa: E402
from srvplan import wait_until  # noqa: E402
from tls_server import TlsServer  # noqa: E402

DRAIN = ('POST', '/api/v1/drains?dry_run=true', {'node': 'xmpp1', 'reason': 'x'})


class SessionCase(srvplan.Case):
    def page(self):
        """What a page of ours sends with a change."""
        return {'Origin': f'http://127.0.0.1:{self.server.api_port}', 'X-Srvplan-CSRF': '1'}

    def sign_in(self, token=None, **headers):
        return self.server.rest('POST', '/api/v1/session', {'token': token or self.server.token()},
                                headers, over='bare')

    def cookie(self, reply):
        self.assertEqual(reply.status, 201, reply)
        return reply.headers['Set-Cookie'].split(';')[0]

    def ask(self, cookie, method='GET', path='/api/v1/status', body=None, **headers):
        return self.server.rest(method, path, body, {'Cookie': cookie, **headers}, over='bare')

    def assertProblem(self, reply, status, kind):
        self.assertEqual((reply.status, reply.json['type']), (status, '/docs/problems/' + kind),
                         reply)


class SessionTest(SessionCase):
    @classmethod
    def setUpClass(cls):
        cls.server = srvplan.Server()
        try:
            cls.server.start()
        except BaseException:
            cls.server.close()
            raise

    @classmethod
    def tearDownClass(cls):
        try:
            cls.server.stop()
        finally:
            cls.server.close()

    def test_a_token_is_changed_for_a_cookie(self):
        token = self.server.make_token('operator', 'jane', nodes=['xmpp1'])
        reply = self.sign_in(token)
        self.assertRegex(reply.headers['Set-Cookie'],
                         r'^srvplan=[\w-]{40,}; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200$')
        self.assertEqual({key: reply.json[key] for key in ('actor', 'role', 'nodes', 'is_session')},
                         {'actor': 'token:jane', 'role': 'operator', 'nodes': ['xmpp1'],
                          'is_session': True})
        cookie = self.cookie(reply)
        self.assertNotIn(token[4:], cookie)
        self.assertNotIn(cookie.split('=')[1], self.server.log())
        self.assertEqual(self.ask(cookie).status, 200)
        self.assertEqual(self.ask(cookie, path='/api/v1/session').json, reply.json)
        self.assertEqual(self.ask('x=1; ' + cookie + '; y=2').status, 200)
        self.assertEqual(self.ask(cookie, *DRAIN, **self.page()).status, 200)
        # No more than the token: neither its role nor its scope.
        self.assertProblem(self.ask(cookie, path='/api/v1/tokens'), 403, 'forbidden')
        other = {'node': 'xmpp2', 'reason': 'x'}
        self.assertProblem(self.ask(cookie, 'POST', '/api/v1/drains', other, **self.page()), 403,
                           'forbidden')

    def test_wrong_tokens_get_none(self):
        for body in ({'token': 'svp_wrong'}, {'token': ''}, {}, {'token': 7},
                     {'token': self.server.token(), 'more': 1}):
            reply = self.server.rest('POST', '/api/v1/session', body, over='bare')
            with self.subTest(body=body):
                self.assertIn(reply.status, (401, 422), reply)
                self.assertNotIn('Set-Cookie', reply.headers)

    def test_a_page_of_a_stranger_cannot_use_it(self):
        cookie = self.cookie(self.sign_in())
        own = self.page()
        wrong = ({}, {'X-Srvplan-CSRF': '1'}, {'Origin': own['Origin']},
                 {**own, 'X-Srvplan-CSRF': ''}, {**own, 'Origin': 'null'},
                 {**own, 'Origin': 'http://evil.example'},
                 {**own, 'Origin': own['Origin'].replace('http', 'ftp')},
                 {**own, 'Origin': own['Origin'] + '.evil.example'},
                 {**own, 'Origin': own['Origin'].replace('127.0.0.1', '127.0.0.2')},
                 {**own, 'Origin': own['Origin'].rsplit(':', 1)[0]})
        for headers in wrong:
            with self.subTest(headers=headers):
                self.assertProblem(self.ask(cookie, *DRAIN, **headers), 403, 'foreign-page')
                self.assertProblem(self.ask(cookie, 'DELETE', '/api/v1/session', **headers), 403,
                                   'foreign-page')
        self.assertEqual(self.ask(cookie, *DRAIN, **own).status, 200)
        by_proxy = {**own, 'Origin': own['Origin'].replace('http', 'https')}
        self.assertEqual(self.ask(cookie, *DRAIN, **by_proxy).status, 200)
        self.assertProblem(self.ask(cookie, Origin='http://evil.example'), 403, 'foreign-page')
        self.assertEqual(self.ask(cookie).status, 200)  # a link that somebody follows
        self.assertProblem(self.sign_in(Origin='http://evil.example'), 403, 'foreign-page')
        for name in self.ask(cookie).headers:
            self.assertFalse(name.lower().startswith('access-control'), name)

    def test_what_is_no_cookie_of_ours_opens_nothing(self):
        cookie = self.cookie(self.sign_in())
        name, secret = cookie.split('=', 1)
        for wrong in (f'{name}={secret}x', f'{name}={secret[:-1]}', f'{name}=', f'x{name}={secret}',
                      f'{name.upper()}={secret}', f'__Host-{name}={secret}',
                      f'{name}={self.server.token()}', f'{cookie}; {name}=x', f'{name}=x; {cookie}'):
            with self.subTest(cookie=wrong):
                self.assertEqual(self.ask(wrong).status, 401)
        ended = self.ask(f'{name}=gone')
        self.assertIn('Max-Age=0', ended.headers['Set-Cookie'])

    def test_it_is_ended(self):
        cookie, other = self.cookie(self.sign_in()), self.cookie(self.sign_in())
        reply = self.ask(cookie, 'DELETE', '/api/v1/session', **self.page())
        self.assertEqual((reply.status, reply.body), (204, b''))
        self.assertIn('srvplan=; ', reply.headers['Set-Cookie'])
        self.assertEqual((self.ask(cookie).status, self.ask(other).status), (401, 200))
        again = self.ask(cookie, 'DELETE', '/api/v1/session', **self.page())
        self.assertEqual(again.status, 204)
        self.assertEqual(self.server.rest('DELETE', '/api/v1/session', over='bare').status, 204)

    def test_it_ends_with_its_token(self):
        token = self.server.make_token('viewer', 'leaver')
        cookie = self.cookie(self.sign_in(token))
        self.assertEqual(self.ask(cookie).status, 200)
        found = [item['id'] for item in self.server.get('/tokens')['items']
                 if item['name'] == 'leaver']
        self.server.rest('DELETE', '/api/v1/tokens/' + found[0], headers={'If-Match': '*'})
        self.assertProblem(self.ask(cookie), 401, 'unauthenticated')
        short = self.cookie(self.sign_in(self.server.make_token('viewer', expires_in=1)))
        wait_until(lambda: self.ask(short).status == 401, 5, 'the session ends with its token')

    def test_a_token_that_is_sent_decides(self):
        cookie = self.cookie(self.sign_in())
        viewer = self.server.make_token('viewer')
        reply = self.ask(cookie, *DRAIN, Authorization='Bearer ' + viewer, **self.page())
        self.assertProblem(reply, 403, 'forbidden')

    def test_who_am_i(self):
        self.assertEqual(self.server.get('/session')['role'], 'admin')
        self.assertFalse(self.server.get('/session')['is_session'])
        self.assertEqual(self.server.rest('GET', '/api/v1/session', over='bare').status, 401)


class LifeTest(SessionCase):
    def serve_with(self, **settings):
        server = srvplan.Server()
        config = os.path.join(server.directory, 'srvplan.jsonc')
        with open(config, 'w', encoding='utf-8') as file:
            json.dump(settings, file)
        self.addCleanup(server.close)
        self.server = server.start('--config', config)
        return config

    def test_a_restart_ends_all(self):
        self.serve_with()
        cookie = self.cookie(self.sign_in())
        self.server.kill()
        self.server.start()
        self.assertProblem(self.ask(cookie), 401, 'unauthenticated')
        self.server.stop()

    def test_guessing_is_slowed_down_as_the_settings_say(self):
        config = self.serve_with(**{'login-failures': 3, 'login-pause': '30s'})
        statuses = [self.sign_in('svp_wrong').status for _ in range(5)]
        self.assertEqual(statuses, [401, 401, 401, 429, 429])
        self.assertEqual(self.server.log().count('too many wrong tokens'), 1)
        waiting = self.sign_in()  # the right one is not heard either
        self.assertProblem(waiting, 429, 'too-many-attempts')
        self.assertLessEqual(int(waiting.headers['Retry-After']), 30)
        with open(config, 'w', encoding='utf-8') as file:
            json.dump({'login-failures': 3, 'login-pause': '1s'}, file)
        self.assertEqual(self.server.rest('POST', '/api/v1/reload').status, 200)
        wait_until(lambda: self.sign_in().status == 201, 5, 'a shorter pause is over')
        self.server.stop()

    def test_by_tls_the_cookie_is_for_this_host_alone(self):
        server = self.enter(TlsServer())
        reply = server.tls('POST', '/api/v1/session', {'token': server.token()}, token='')
        self.assertRegex(reply.headers['Set-Cookie'],
                         r'^__Host-srvplan=[\w-]{40,}; Path=/; HttpOnly; SameSite=Strict; '
                         r'Max-Age=43200; Secure$')
        cookie = reply.headers['Set-Cookie'].split(';')[0]
        headers = {'Cookie': cookie, 'X-Srvplan-CSRF': '1'}
        self.assertEqual(server.tls('GET', '/api/v1/status', headers=headers, token='').status, 200)
        for scheme, status in (('https', 200), ('http', 403)):
            headers['Origin'] = f'{scheme}://localhost:{server.api_port}'
            self.assertEqual(server.tls(*DRAIN, headers=headers, token='').status, status)
        plain = {'Cookie': cookie.replace('__Host-', '')}
        self.assertEqual(server.tls('GET', '/api/v1/status', headers=plain, token='').status, 401)


@unittest.skipUnless(os.geteuid() == 0, 'needs root to become another user')
class GroupTest(srvplan.Case):
    ASK = ('import socket,sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); '
           's.sendall(sys.argv[2].encode()); print(s.recv(4000).decode())')

    def ask(self, server, method, path, groups, body=''):
        head = f'{method} {path} HTTP/1.1\r\nHost: localhost\r\n'
        if body:
            head += f'Content-Type: application/json\r\nContent-Length: {len(body)}\r\n'
        return subprocess.run(['/usr/bin/python3', '-I', '-c', self.ASK, server.socket_path,
                               head + '\r\n' + body], user=65534, group=65534, extra_groups=groups,
                              cwd='/', capture_output=True, text=True, timeout=30, check=False)

    def test_members_of_a_group_have_its_role(self):
        server = srvplan.Server()
        config = os.path.join(server.directory, 'srvplan.jsonc')

        def configure(**settings):
            with open(config, 'w', encoding='utf-8') as file:
                json.dump({'socket-group': '4711', **settings}, file)

        configure()
        self.addCleanup(server.close)
        server.start('--config', config)
        os.chmod(server.directory, 0o711)
        info = os.stat(server.socket_path)
        self.assertEqual((stat.S_IMODE(info.st_mode), info.st_gid), (0o660, 4711))
        self.assertIn('PermissionError', self.ask(server, 'GET', '/api/v1/status', [4712]).stderr)
        self.assertRegex(self.ask(server, 'GET', '/api/v1/status', [4712, 4711]).stdout, '^HTTP/1.1 200 ')
        drain = ('POST', '/api/v1/drains?dry_run=true', [4711], '{"node":"xmpp1","reason":"x"}')
        self.assertRegex(self.ask(server, *drain).stdout, '^HTTP/1.1 200 ')
        refused = self.ask(server, 'GET', '/api/v1/tokens', [4711]).stdout
        self.assertRegex(refused, '^HTTP/1.1 403 ')
        self.assertIn('needs the role admin; yours is operator', refused)
        self.assertTrue(re.search(r'"actor": *"nobody"', self.ask(
            server, 'GET', '/api/v1/session', [4711]).stdout))
        for role, status in (('viewer', 403), ('admin', 200)):
            configure(**{'socket-role': role})
            self.assertEqual(server.rest('POST', '/api/v1/reload').status, 200)
            self.assertRegex(self.ask(server, *drain).stdout, f'^HTTP/1.1 {status} ')
        # The file's mode is one wall, who the peer is the other.
        os.chmod(server.socket_path, 0o666)
        self.assertRegex(self.ask(server, 'GET', '/api/v1/status', [4712]).stdout, '^HTTP/1.1 403 ')
        server.stop()

    def test_a_group_must_be_there(self):
        server = srvplan.Server()
        self.addCleanup(server.close)
        config = os.path.join(server.directory, 'srvplan.jsonc')
        with open(config, 'w', encoding='utf-8') as file:
            json.dump({'socket-group': 'no-such-group'}, file)
        code, log = server.start_refused('--config', config)
        self.assertNotEqual(code, 0)
        self.assertIn('no such group', log)


if __name__ == '__main__':
    srvplan.main()
