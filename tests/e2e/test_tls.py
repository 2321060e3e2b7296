#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS of the API: the same gate as in the clear stands behind it, certificates are changed without a
lost connection, client certificates stand for a role, and nothing listens in the clear by mistake."""
import contextlib
import http.client
import json
import os
import random
import signal
import socket
import ssl
import sys
import tempfile
import threading
import time
import warnings

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import srvplan  # noqa: E402
from certificates import Authority  # noqa: E402
from srvplan import wait_until  # noqa: E402
from tls_server import NAMES, TlsServer  # noqa: E402

def raw_answer(connection, request):
    """What comes back for bytes, until the server closes."""
    connection.sendall(request)
    answer = b''
    with contextlib.suppress(ConnectionResetError, ssl.SSLError):
        while piece := connection.recv(65536):
            answer += piece
    return answer


class TlsCase(srvplan.Case):
    @classmethod
    def setUpClass(cls):
        cls.server = TlsServer()
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


class SpeakTest(TlsCase):
    def test_requests_go_through(self):
        self.assertEqual(self.server.tls('GET', '/api/v1/status').status, 200)
        self.assertEqual(self.server.tls('GET', '/livez', token='').status, 200)
        self.assertEqual(self.server.tls('GET', '/api/v1/status', token='').status, 401)
        reply = self.server.tls('POST', '/api/v1/drains', {'node': 'xmpp1', 'reason': 'by TLS'})
        self.assertEqual((reply.status, reply.json['actor']), (201, 'admin-token'))
        self.server.undrain(reply.json['id'])
        big = json.dumps({'node': 'xmpp1', 'reason': 'x', 'pad': 'y' * 900000})
        self.assertEqual(self.server.tls('POST', '/api/v1/drains', big).status, 422)
        self.assertEqual(self.server.tls('POST', '/api/v1/drains', b' ' * (1 << 21)).status, 413)

    def test_the_command_asks_by_it(self):
        url = f'https://localhost:{self.server.api_port}'
        ask = ('-s', url, '--token-file', self.server.token_path, 'status')
        unknown = srvplan.command(*ask)
        self.assertEqual(unknown.returncode, srvplan.UNREACHABLE)
        self.assertIn('certificate', unknown.stderr)
        authority = self.server.authority.certificate
        srvplan.command(*ask, check=srvplan.OK, more={'SRVPLAN_CA_FILE': authority})
        srvplan.command('--ca-file', authority, *ask, check=srvplan.OK,
                        more={'SRVPLAN_CA_FILE': '/nowhere'})
        home = self.enter(tempfile.TemporaryDirectory())
        srvplan.command('context', 'add', 'prod', *ask[:4], '--ca-file', authority,
                        more={'HOME': home, 'XDG_CONFIG_HOME': home}, check=srvplan.OK)
        srvplan.command('--context', 'prod', 'nodes', check=srvplan.OK,
                        more={'HOME': home, 'XDG_CONFIG_HOME': home, 'SRVPLAN_CA_FILE': '/no'})

    def test_the_socket_stays_as_it_is(self):
        self.assertEqual(self.server.rest('GET', '/api/v1/status').status, 200)

    def test_old_versions_and_weak_ciphers_are_refused(self):
        for change in ({'maximum_version': ssl.TLSVersion.TLSv1_1},
                       {'maximum_version': ssl.TLSVersion.TLSv1_2, 'ciphers': 'AES128-SHA256'},
                       {'maximum_version': ssl.TLSVersion.TLSv1_2, 'ciphers': 'DHE+AESGCM'}):
            context = self.server.client()
            with self.subTest(change=change):
                if 'ciphers' in change:
                    context.set_ciphers(change['ciphers'] + ':@SECLEVEL=0')
                else:
                    with warnings.catch_warnings():
                        warnings.simplefilter('ignore')
                        context.minimum_version = ssl.TLSVersion.TLSv1
                    context.set_ciphers('ALL:@SECLEVEL=0')
                with warnings.catch_warnings():
                    warnings.simplefilter('ignore')  # that they are old is the point
                    context.maximum_version = change['maximum_version']
                with self.assertRaises((ssl.SSLError, ConnectionError)):
                    self.server.connect(context)
        modern = self.server.client()
        modern.maximum_version = ssl.TLSVersion.TLSv1_2
        with self.server.connect(modern) as connection:
            self.assertEqual(connection.version(), 'TLSv1.2')
        with self.server.connect() as connection:
            self.assertEqual(connection.version(), 'TLSv1.3')

    def test_plain_http_is_told_what_to_do(self):
        with socket.create_connection(('127.0.0.1', self.server.api_port), timeout=10) as raw:
            answer = raw_answer(raw, b'GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n')
        self.assertIn(b'400', answer)
        self.assertIn(b'https://', answer)

    def test_the_gate_stands_behind_it(self):
        token = self.server.token()
        host = f'Host: localhost:{self.server.api_port}\r\n'
        head = f'GET /api/v1/status HTTP/1.1\r\n{host}Authorization: Bearer {token}\r\n'
        tricks = {
            'two hosts': head + host,
            'a foreign host': head.replace('localhost', 'evil.example'),
            'two lengths': head + 'Content-Length: 0\r\nContent-Length: 5\r\n',
            'length and chunked': head + 'Content-Length: 0\r\nTransfer-Encoding: chunked\r\n',
            'bare LF': head.replace('\r\n', '\n'),
            'NUL': head + 'X: a\0b\r\n',
            'dot segments': head.replace('/status', '/x/../status'),
            '%00': head.replace('/status', '/status%00'),
        }
        for name, text in tricks.items():
            with self.subTest(trick=name), self.server.connect() as connection:
                ending = b'\n' if name == 'bare LF' else b'\r\n'
                answer = raw_answer(connection, text.encode() + ending)
                self.assertTrue(answer.startswith(b'HTTP/1.1 400 '), answer)
                self.assertEqual(answer.count(b'HTTP/1.1'), 1)
        with self.server.connect() as connection:
            answer = raw_answer(connection, (head + '\r\n').encode() * 2)
            self.assertTrue(answer.startswith(b'HTTP/1.1 200 '), answer)
            self.assertEqual(answer.count(b'HTTP/1.1'), 1, 'one request a connection')

    def test_names_of_the_certificate_may_be_asked_for(self):
        for host, status in (('localhost', 200), ('127.0.0.1', 200), ('api.example.org', 200),
                             ('a.pool.example.org', 200), ('pool.example.org', 400),
                             ('b.a.pool.example.org', 400), ('example.org', 400),
                             ('127.0.0.2', 400)):
            with self.subTest(host=host):
                reply = self.server.tls('GET', '/livez', token='',
                                        headers={'Host': f'{host}:{self.server.api_port}'})
                self.assertEqual(reply.status, status)

    def test_slow_ones_do_not_keep_others_out(self):
        """Handshakes that stall, and heads that stall behind one, at the limit of an address."""
        idle = [socket.create_connection(('127.0.0.1', self.server.api_port)) for _ in range(40)]
        half = [self.server.connect() for _ in range(40)]
        for connection in half:
            connection.sendall(b'GET /livez HT')
        try:
            for _ in range(5):
                start = time.monotonic()
                self.assertEqual(self.server.tls('GET', '/livez', token='').status, 200)
                self.assertLess(time.monotonic() - start, 1)
        finally:
            for connection in idle + half:
                connection.close()

    def test_a_head_that_comes_byte_by_byte_is_given_up(self):
        server = self.serve_quick()
        with server.connect() as connection:
            connection.settimeout(10)
            start = time.monotonic()
            with self.assertRaises((ConnectionError, ssl.SSLError, TimeoutError)):
                while time.monotonic() - start < 8:
                    connection.sendall(b'G')
                    connection.settimeout(0.2)
                    with contextlib.suppress(TimeoutError):
                        if not connection.recv(1):
                            raise ConnectionError('closed')
            self.assertLess(time.monotonic() - start, 6)
        raw = socket.create_connection(('127.0.0.1', server.api_port), timeout=10)
        with raw:
            raw.sendall(b'\x16\x03\x01')  # a handshake that goes no further
            start = time.monotonic()
            with contextlib.suppress(ConnectionResetError):
                self.assertEqual(raw.recv(1), b'')
            self.assertLess(time.monotonic() - start, 6)

    def serve_quick(self):
        server = TlsServer()
        server.configure(**{'request-timeout': 2})
        return self.enter(server)

    def test_many_at_once(self):
        wrong = []

        def ask():
            for _ in range(10):
                reply = self.server.tls('GET', '/api/v1/nodes', context=self.server.client())
                if reply.status != 200 or len(reply.json['items']) != 3:
                    wrong.append(reply)

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def test_what_is_no_tls_ends_nothing(self):
        seed = random.SystemRandom().getrandbits(32)
        print(f'seed {seed:#x}', file=sys.stderr)
        chance = random.Random(seed)
        trusted = self.server.client()
        for number in range(400):
            raw = socket.create_connection(('127.0.0.1', self.server.api_port), timeout=10)
            with contextlib.suppress(OSError, ssl.SSLError), raw:
                if number % 4 == 0:
                    raw.sendall(chance.randbytes(chance.randrange(1, 3000)))
                elif number % 4 == 1:
                    raw.sendall(self.hello(trusted, chance))
                elif number % 4 == 2:  # in the midst of what was a connection
                    within = trusted.wrap_socket(raw, server_hostname='localhost')
                    with socket.socket(fileno=within.detach()) as raw_again:
                        raw_again.sendall(b'\x17\x03\x03\x00\x20' + chance.randbytes(32))
                else:
                    with trusted.wrap_socket(raw, server_hostname='localhost') as within:
                        within.sendall(chance.randbytes(chance.randrange(1, 20000)))
        self.assertEqual(self.server.tls('GET', '/livez', token='').status, 200)

    @staticmethod
    def hello(context, chance):
        """The first message of a handshake, with some bytes changed."""
        came, gone = ssl.MemoryBIO(), ssl.MemoryBIO()
        with contextlib.suppress(ssl.SSLWantReadError):
            context.wrap_bio(came, gone, server_hostname='localhost').do_handshake()
        message = bytearray(gone.read())
        for _ in range(chance.randrange(1, 6)):
            message[chance.randrange(len(message))] = chance.randrange(256)
        return message

    def test_descriptors_come_back(self):
        def count():
            return len(os.listdir(f'/proc/{self.server.process.pid}/fd'))

        wait_until(lambda: self.server.tls('GET', '/livez', token='').status == 200, 5, 'an answer')
        time.sleep(1.2)  # those of other tests say good-bye for a second
        before = count()
        for number in range(60):
            with contextlib.suppress(OSError, ssl.SSLError):
                connection = self.server.connect()
                if number % 3 == 0:
                    connection.sendall(b'GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n')
                elif number % 3 == 1:
                    connection.sendall(b'nonsense\r\n\r\n')
                connection.close()
        wait_until(lambda: count() <= before, 15, 'descriptors are given back')


class RenewTest(srvplan.Case):
    def setUp(self):
        super().setUp()
        self.server = self.enter(TlsServer())

    def serial(self, context=None):
        with self.server.connect(context) as connection:
            return connection.getpeercert()['serialNumber']

    def test_a_new_certificate_is_taken_without_a_lost_connection(self):
        before = self.serial()
        request = (f'GET /api/v1/nodes HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer '
                   f'{self.server.token()}\r\n').encode()
        early = [self.server.connect() for _ in range(5)]
        for connection in early:
            connection.sendall(request)
        stop, failed, asked = threading.Event(), [], [0]

        def ask():
            while not stop.is_set():
                try:
                    reply = self.server.tls('GET', '/livez', token='')
                    asked[0] += 1
                    if reply.status != 200:
                        failed.append(reply)
                except OSError as error:
                    failed.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        try:
            for number in range(5):
                self.server.renew(f'next{number}')
                if number % 2:
                    self.assertEqual(self.server.rest('POST', '/api/v1/reload').status, 200)
                else:
                    self.server.send(signal.SIGHUP)
                wait_until(lambda: self.serial() != before, 10, 'the new certificate is shown')
                before = self.serial()
        finally:
            stop.set()
            thread.join()
        self.assertEqual(failed, [])
        self.assertGreater(asked[0], 20)
        for connection in early:
            with connection:
                self.assertTrue(raw_answer(connection, b'\r\n').startswith(b'HTTP/1.1 200 '))

    def test_a_bad_renewal_changes_nothing(self):
        before = self.serial()
        other, other_key = self.server.authority.sign('other', NAMES)
        good = {name: self.read(name) for name in (self.server.certificate, self.server.key)}
        changes = (
            ('is not the certificate', {self.server.key: self.read(other_key)}),
            ('holds no certificate', {self.server.certificate: b'-----BEGIN CERTIFICATE-----\nAA'}),
            ('holds no key', {self.server.key: b''}),
        )
        for said, files in changes:
            with self.subTest(said=said):
                for name, content in files.items():
                    with open(name, 'wb') as file:
                        file.write(content)
                for suffix in ('?dry_run=true', ''):
                    reply = self.server.rest('POST', '/api/v1/reload' + suffix)
                    self.assertEqual(reply.status, 422, reply)
                    self.assertIn(said, reply.json['detail'])
                self.assertEqual(self.serial(), before)
                for name, content in good.items():
                    with open(name, 'wb') as file:
                        file.write(content)
        self.assertTrue(other)
        self.assertEqual(self.server.rest('POST', '/api/v1/reload').status, 200)
        # A mistake elsewhere keeps a good certificate out, too: all or nothing.
        self.server.renew()
        with open(self.server.file, 'a', encoding='utf-8') as file:
            file.write(']')
        self.assertEqual(self.server.rest('POST', '/api/v1/reload').status, 422)
        self.assertEqual(self.serial(), before)

    @staticmethod
    def read(name):
        with open(name, 'rb') as file:
            return file.read()

    def test_names_follow_the_certificate(self):
        host = {'Host': f'new.example.org:{self.server.api_port}'}
        self.assertEqual(self.server.tls('GET', '/livez', headers=host, token='').status, 400)
        self.server.renew(alternatives='DNS:localhost,DNS:new.example.org')
        self.assertEqual(self.server.rest('POST', '/api/v1/reload').status, 200)
        self.assertEqual(self.server.tls('GET', '/livez', headers=host, token='').status, 200)
        host = {'Host': f'api.example.org:{self.server.api_port}'}
        self.assertEqual(self.server.tls('GET', '/livez', headers=host, token='').status, 400)

    def test_an_event_stream_lives_through_a_renewal(self):
        with self.server.connect() as connection:
            connection.sendall((f'GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: '
                                f'Bearer {self.server.token()}\r\n\r\n').encode())
            connection.settimeout(10)
            came = connection.recv(65536)
            self.assertTrue(came.startswith(b'HTTP/1.1 200 '), came)
            self.server.renew()
            self.assertEqual(self.server.rest('POST', '/api/v1/reload').status, 200)
            drain = self.server.drain('xmpp1')
            while drain.json['id'].encode() not in came:
                piece = connection.recv(65536)
                self.assertTrue(piece, came)
                came += piece


class StopTest(srvplan.Case):
    def test_a_stop_ends_streams_and_what_never_shook_hands(self):
        server = self.enter(TlsServer())
        idle = socket.create_connection(('127.0.0.1', server.api_port), timeout=20)
        stream = server.connect()
        with idle, stream:
            stream.sendall((f'GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: '
                            f'Bearer {server.token()}\r\n\r\n').encode())
            self.assertTrue(stream.recv(4096).startswith(b'HTTP/1.1 200 '))
            start = time.monotonic()
            server.stop(seconds=10)
            self.assertLess(time.monotonic() - start, 6)
            stream.settimeout(5)
            while stream.recv(65536):  # it ends in order, with its good-bye
                pass
            with contextlib.suppress(ConnectionResetError):
                self.assertEqual(idle.recv(1), b'')


class ClientTest(srvplan.Case):
    def setUp(self):
        super().setUp()
        server = TlsServer()
        self.people = Authority(server.directory, 'people')
        self.rows = ['ops@example.org=operator', 'audit.example.org=viewer', 'Jane Admin=admin']
        server.configure(**{'tls-client-ca': self.people.certificate, 'tls-client': self.rows})
        self.server = self.enter(server)

    def context(self, name, alternatives='', subject=None, authority=None):
        return self.server.client(*(authority or self.people).sign(name, alternatives, subject))

    def ask(self, context, method='GET', path='/api/v1/status', body=None, **more):
        more.setdefault('token', '')
        return self.server.tls(method, path, body, context=context, **more)

    def test_a_certificate_stands_for_its_role(self):
        drain = ('POST', '/api/v1/drains?dry_run=true', {'node': 'xmpp1', 'reason': 'x'})
        tokens = ('GET', '/api/v1/tokens')
        for name, alternatives, subject, statuses in (
                ('ops', 'email:ops@example.org', None, (200, 200, 403)),
                ('audit', 'DNS:AUDIT.example.org', None, (200, 403, 403)),
                ('jane', '', '/O=Example/CN=Jane Admin', (200, 200, 200)),
                # The common name does not count beside other names, nor one of two.
                ('both', 'DNS:other.example.org', '/CN=Jane Admin', (401, 401, 401)),
                ('twice', '', '/CN=Jane Admin/CN=Jane Admin', (401, 401, 401)),
                ('case', 'email:OPS@example.org', None, (401, 401, 401)),
                ('nobody', 'DNS:nobody.example.org', None, (401, 401, 401))):
            context = self.context(name, alternatives, subject)
            with self.subTest(name=name):
                self.assertEqual((self.ask(context).status, self.ask(context, *drain).status,
                                  self.ask(context, *tokens).status), statuses)
        self.assertEqual(self.ask(self.server.client()).status, 401)

    def test_the_command_shows_its_certificate(self):
        certificate, key = self.people.sign('ops', 'email:ops@example.org')
        done = srvplan.command('-s', f'https://localhost:{self.server.api_port}', 'nodes', more={
            'SRVPLAN_CA_FILE': self.server.authority.certificate,
            'SRVPLAN_CERT_FILE': certificate, 'SRVPLAN_KEY_FILE': key}, check=srvplan.OK)
        self.assertIn('xmpp1', done.stdout)

    def test_its_name_stands_in_the_history(self):
        context = self.context('ops', 'email:ops@example.org')
        reply = self.ask(context, 'POST', '/api/v1/drains', {'node': 'xmpp1', 'reason': 'x'})
        self.assertEqual((reply.status, reply.json['actor']), (201, 'cert:ops@example.org'))

    def test_a_token_that_is_sent_decides(self):
        context = self.context('jane', '', '/CN=Jane Admin')
        viewer = self.server.make_token('viewer')
        self.assertEqual(self.ask(context, path='/api/v1/tokens', token=viewer).status, 403)
        self.assertEqual(self.ask(context, token='svp_wrong').status, 401)

    def test_a_certificate_of_a_stranger_is_not_let_in(self):
        stranger = Authority(self.server.directory, 'stranger')
        context = self.context('evil', 'email:ops@example.org', authority=stranger)
        with self.assertRaises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
            self.ask(context)
        self.assertEqual(self.ask(self.server.client(), token=self.server.token()).status, 200)

    def test_a_reload_takes_a_role_away(self):
        context = self.context('ops', 'email:ops@example.org')
        self.assertEqual(self.ask(context).status, 200)
        self.server.configure(**{'tls-client-ca': self.people.certificate,
                                 'tls-client': self.rows[1:]})
        self.assertEqual(self.server.rest('POST', '/api/v1/reload').status, 200)
        self.assertEqual(self.ask(context).status, 401)

    def test_a_page_of_a_stranger_cannot_use_it(self):
        context = self.context('ops', 'email:ops@example.org')
        body = {'node': 'xmpp1', 'reason': 'x'}
        own = f'https://localhost:{self.server.api_port}'
        for origin, status in (('https://evil.example', 403), ('null', 403), (own, 200),
                               (own.replace('https', 'http'), 403)):
            with self.subTest(origin=origin):
                reply = self.ask(context, 'POST', '/api/v1/drains?dry_run=true', body,
                                 headers={'Origin': origin})
                self.assertEqual(reply.status, status, reply)


class StartTest(srvplan.Case):
    """What a start refuses, with what to do."""

    def refused(self, server, *more):
        self.addCleanup(server.close)
        code, log = server.start_refused(*more)
        self.assertNotEqual(code, 0)
        return log

    def test_no_tls_no_foreign_address(self):
        server = srvplan.Server()
        log = self.refused(server, '--api', f'0.0.0.0:{server.api_port}')
        self.assertIn('is not a loopback address', log)
        self.assertIn('--insecure', log)

    def test_a_proxys_name_may_be_asked_for(self):
        server = srvplan.Server()
        self.addCleanup(server.close)
        server.start('--config', self.config_of(server, ['dns-admin.example.org', '*.lan']))
        for host, status in (('dns-admin.example.org', 200), ('a.lan', 200), ('evil.example', 400)):
            reply = server.rest('GET', '/livez', headers={'Host': host}, over='bare')
            self.assertEqual(reply.status, status, host)
        server.stop()
        for wrong in ('https://a.example', 'a.example:443', '[::1]/', ''):
            with self.subTest(name=wrong):
                log = self.refused(srvplan.Server(), '--config', self.config_of(server, [wrong]))
                self.assertRegex(log, 'without scheme and port|must not be empty')

    @staticmethod
    def config_of(server, hosts):
        path = os.path.join(server.directory, 'srvplan.jsonc')
        with open(path, 'w', encoding='utf-8') as file:
            json.dump({'api-host': hosts}, file)
        return path

    def test_insecure_is_taken_at_its_word(self):
        server = srvplan.Server()
        self.addCleanup(server.close)
        server.spawn('--api', f'0.0.0.0:{server.api_port}', '--insecure')
        wait_until(lambda: 'ready api=0.0.0.0' in server.log(), 20, 'it is ready')
        with socket.create_connection(('127.0.0.2', server.api_port), timeout=10) as raw:
            answer = raw_answer(raw, b'GET /livez HTTP/1.1\r\nHost: 127.0.0.2\r\n\r\n')
        self.assertTrue(answer.startswith(b'HTTP/1.1 200 '), answer)
        with socket.create_connection(('127.0.0.2', server.api_port), timeout=10) as raw:
            answer = raw_answer(raw, b'GET /livez HTTP/1.1\r\nHost: evil.example\r\n\r\n')
        self.assertTrue(answer.startswith(b'HTTP/1.1 400 '), answer)
        server.stop()

    def test_with_tls_any_address_is_fine(self):
        server = TlsServer()
        self.addCleanup(server.close)
        server.spawn('--api', f'0.0.0.0:{server.api_port}')
        wait_until(lambda: 'ready api=0.0.0.0' in server.log(), 20, 'it is ready')
        self.assertEqual(server.tls('GET', '/api/v1/status').status, 200)
        server.stop()

    def test_files_that_cannot_be_right(self):
        server = TlsServer()
        other, other_key = server.authority.sign('other')
        self.assertIn('come together', self.refused(srvplan.Server(), '--tls-cert', other))
        self.assertIn('is not the certificate', self.refused(server, '--tls-key', other_key))
        self.assertIn('No such file', self.refused(server, '--tls-key', '/nowhere'))
        self.assertIn('holds no certificate', self.refused(server, '--tls-cert', '/dev/null'))
        os.chmod(server.key, 0o644)
        self.assertIn('lets everybody read the key', self.refused(server))
        os.chmod(server.key, 0o600)
        server.configure(**{'tls-client': ['x=admin']})
        self.assertIn('tls-client-ca', self.refused(server))
        for row in ('admin', '=admin', 'x=root', 'x' * 64 + '=viewer'):
            server.configure(**{'tls-client-ca': server.authority.certificate, 'tls-client': [row]})
            self.assertIn('expected NAME=ROLE', self.refused(server))


if __name__ == '__main__':
    srvplan.main()
