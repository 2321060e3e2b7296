#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The REST surface: who is let in, the shapes of answers, preconditions, refusals, and what a raw
socket may not do to it."""
import json
import os
import re
import socket
import stat
import subprocess
import sys
import time
import unittest
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import srvplan  # noqa: E402
from srvplan import OWNERS  # noqa: E402

TIME = re.compile(r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$')
SECRET_PATHS = ('/status', '/nodes', '/nodes/xmpp1', '/plan', '/records', '/drains', '/revisions')


class Any:
    """A shape that a value must have: a test, and what it says when it fails."""

    def __init__(self, name, test):
        self.name, self.test = name, test


TEXT = Any('text', lambda value: isinstance(value, str))
NUMBER = Any('number', lambda value: isinstance(value, int) and not isinstance(value, bool))
RATIO = Any('0..1', lambda value: isinstance(value, (int, float)) and 0 <= value <= 1)
FLAG = Any('true or false', lambda value: isinstance(value, bool))
WHEN = Any('time', lambda value: isinstance(value, str) and TIME.match(value))
DIGEST = Any('digest', lambda value: re.match('^sha256:[0-9a-f]{64}$', value or ''))
NAME = Any('name with final dot', lambda value: value.endswith('.'))


def maybe(shape):
    return Any(f'{shape.name} or null', lambda value: value is None or shape.test(value))


WEIGHT = {'node': TEXT, 'service': TEXT, 'weight': Any('weight', lambda v: isinstance(
    v, (int, str))), 'actor': TEXT, 'reason': TEXT, 'since': WHEN, 'until': maybe(WHEN)}
DRAIN = {
    'id': Any('dr_…', lambda value: value.startswith('dr_')), 'node': TEXT, 'services': [TEXT],
    'state': Any('state', lambda value: value in ('scheduled', 'withdrawn', 'clear', 'closed')),
    'mode': TEXT, 'ramp': NUMBER, 'actor': TEXT, 'reason': TEXT, 'created_at': WHEN, 'until': maybe(WHEN),
    'served_at': maybe(WHEN), 'ended_at': maybe(WHEN), 'forced': FLAG,
    'timeline': [{'state': TEXT, 'at': WHEN}],
    'progress': {'share_now': RATIO, 'share_target': RATIO, 'dns_clear_at': maybe(WHEN),
                 'basis': TEXT, 'resolver_max_ttl': NUMBER, 'dns_clear_at_pessimistic': maybe(WHEN)},
    'sessions': {'known': FLAG},
    'capacity_left': Any('ratios by domain/service', lambda value: value and all(
        '/' in key and RATIO.test(ratio) for key, ratio in value.items())), 'index': NUMBER}
NODE = {'id': TEXT, 'host': NAME, 'addresses': [TEXT], 'capacity': NUMBER, 'tier': TEXT,
        'site': maybe(TEXT), 'tags': [TEXT], 'state': TEXT, 'drain': maybe(TEXT),
        'weights': [WEIGHT], 'index': NUMBER,
        'effective': [{'domain': NAME, 'domains': NUMBER, 'service': TEXT, 'in_set': FLAG,
                       'priority': NUMBER, 'weight': NUMBER, 'planned_weight': NUMBER,
                       'port': NUMBER, 'ttl': NUMBER, 'share': RATIO,
                       'share_exact': Any('fraction', lambda v: re.match(r'^\d+/\d+$', v)),
                       'because': TEXT}]}
SETS = [{'name': NAME, 'type': TEXT, 'ttl': NUMBER, 'records': [TEXT],
         'because': Any('list', lambda value: isinstance(value, list))}]


class ApiCase(srvplan.ServedCase):
    def assertShape(self, value, shape, at='$'):
        if isinstance(shape, dict):
            self.assertIsInstance(value, dict, at)
            self.assertEqual(sorted(set(shape) - set(value)), [], f'{at}: missing')
            for key, inner in shape.items():
                self.assertShape(value[key], inner, f'{at}.{key}')
        elif isinstance(shape, list):
            self.assertIsInstance(value, list, at)
            for number, item in enumerate(value):
                self.assertShape(item, shape[0], f'{at}[{number}]')
        else:
            self.assertTrue(shape.test(value), f'{at}: {value!r} is no {shape.name}')

    def assertProblem(self, reply, status, kind=None):
        self.assertEqual(reply.status, status, reply)
        self.assertEqual(reply.headers['Content-Type'], 'application/problem+json', reply)
        self.assertShape(reply.json, {'type': TEXT, 'title': TEXT, 'status': NUMBER,
                                      'detail': TEXT})
        self.assertEqual(reply.json['status'], status)
        self.assertTrue(reply.json['type'].startswith('/docs/problems/'), reply)
        if kind:
            self.assertEqual(reply.json['type'], '/docs/problems/' + kind)


class WhoTest(ApiCase):
    def test_the_token_file_is_its_owners_alone(self):
        self.assertEqual(stat.S_IMODE(os.stat(self.server.token_path).st_mode), 0o600)
        self.assertRegex(self.server.token(), r'^svp_\S{40,}$')
        for name in os.listdir(self.server.state):
            path = os.path.join(self.server.state, name)
            if os.path.isfile(path):
                self.assertEqual(stat.S_IMODE(os.stat(path).st_mode) & 0o077, 0, name)

    def test_the_store_does_not_hold_the_token(self):
        token = self.server.token().encode()
        for name in os.listdir(self.server.state):
            path = os.path.join(self.server.state, name)
            if name.startswith('srvplan.db'):
                with open(path, 'rb') as file:
                    self.assertNotIn(token[4:], file.read(), name)
        self.assertNotIn(token.decode(), self.server.log())

    def test_tcp_without_the_token_is_told_nothing(self):
        wrong = [{}, {'Authorization': 'Bearer svp_wrong'}, {'Authorization': 'Bearer '},
                 {'Authorization': self.server.token()},
                 {'Authorization': 'Basic ' + self.server.token()}]
        for path in SECRET_PATHS:
            reply = self.server.rest('GET', '/api/v1' + path, over='bare')
            self.assertProblem(reply, 401, 'unauthenticated')
            self.assertIn('WWW-Authenticate', reply.headers)
        for headers in wrong:
            with self.subTest(headers=headers):
                self.assertProblem(self.server.rest('GET', '/api/v1/status', headers=headers,
                                                    over='bare'), 401)
        self.assertProblem(self.server.rest('POST', '/api/v1/drains', {
            'node': 'xmpp1', 'reason': 'x'}, over='bare'), 401)
        self.assertEqual(self.server.status()['drains'], [])

    def test_tcp_with_the_token_is_let_in(self):
        self.assertEqual(self.server.rest('GET', '/api/v1/status', over='tcp').status, 200)
        key = self.server.rest('GET', '/api/v1/status', over='bare',
                               headers={'X-API-Key': self.server.token()})
        self.assertEqual(key.status, 200)
        drain = self.server.rest('POST', '/api/v1/drains', {'node': 'xmpp1', 'reason': 'x'},
                                 over='tcp')
        self.assertEqual(drain.status, 201, drain)
        done = srvplan.command('-s', f'http://127.0.0.1:{self.server.api_port}', '--token-file',
                               self.server.token_path, 'undrain', 'xmpp1', check=srvplan.OK)
        self.assertEqual(done.stderr.count('Sanitizer'), 0)

    def test_health_is_for_everybody(self):
        for path in ('/healthz', '/readyz'):
            reply = self.server.rest('GET', path, over='bare')
            self.assertEqual((reply.status, reply.json), (200, {'ready': True, 'reasons': []}))
        self.assertEqual(self.server.rest('GET', '/livez', over='bare').json, {'live': True})

    @unittest.skipUnless(os.geteuid() == 0, 'needs root to become another user')
    def test_another_user_is_refused_on_the_socket(self):
        server = self.server
        ask = ('import socket,sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); '
               's.sendall(b"GET /api/v1/status HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n"); '
               'print(s.recv(4000).decode())')

        def as_nobody():
            return subprocess.run(['/usr/bin/python3', '-I', '-c', ask, server.socket_path],
                                  user=65534, group=65534, extra_groups=[], cwd='/',
                                  capture_output=True, text=True, timeout=30, check=False)

        self.assertIn('PermissionError', as_nobody().stderr)
        # The files' modes are one wall; who the peer is (SO_PEERCRED) is the other.
        modes = {path: stat.S_IMODE(os.stat(path).st_mode)
                 for path in (server.directory, server.state, server.socket_path)}
        try:
            for path in modes:
                os.chmod(path, 0o777)
            self.assertRegex(as_nobody().stdout, r'^HTTP/1.1 403 ')
        finally:
            for path, mode in modes.items():
                os.chmod(path, mode)

    def test_the_actor_on_the_socket_is_the_peer(self):
        import pwd
        self.server.drain('xmpp1')
        self.assertEqual(self.server.get('/drains')['items'][0]['actor'],
                         pwd.getpwuid(os.geteuid()).pw_name)


class ShapeTest(ApiCase):
    def setUp(self):
        self.server.drain('xmpp3')
        self.server.rest('PUT', '/api/v1/nodes/xmpp1/weight', {'weight': '50%', 'reason': 'x'},
                         headers={'If-Match': '*'})

    def test_status(self):
        status = self.server.status()
        self.assertShape(status, {
            'revision': NUMBER, 'served_revision': maybe(NUMBER), 'published_at': WHEN,
            'served_at': maybe(WHEN), 'ready': FLAG, 'reasons': [TEXT],
            'zones': [{'zone': NAME, 'serial': NUMBER}], 'zones_total': NUMBER,
            'dnsd': {'in_step': FLAG, 'generation': NUMBER, 'pid': NUMBER, 'workers': NUMBER,
                     'addresses': [TEXT], 'started_at': WHEN, 'queries': NUMBER,
                     'limited': NUMBER},
            'processes': {'srvpland': NUMBER, 'dnsd': NUMBER}, 'drains': [DRAIN],
            'weights': [WEIGHT], 'next_change': maybe(WHEN),
            'inventory': {'file': maybe(TEXT), 'digest': DIGEST, 'source': TEXT}, 'index': NUMBER})
        self.assertEqual({row['zone']: row['serial'] for row in status['zones']},
                         {zone: self.server.serial(zone)
                          for zone in ('example.org.', 'example.net.')})
        self.assertEqual(status['processes'], {'srvpland': self.server.process.pid,
                                               'dnsd': self.server.dnsd_pids()[0]})
        self.assertTrue(status['ready'] and status['dnsd']['in_step'])
        self.assertEqual(len(status['drains']), 1)

    def test_nodes(self):
        nodes = self.server.get('/nodes')
        self.assertEqual([node['id'] for node in nodes['items']], ['xmpp1', 'xmpp2', 'xmpp3'])
        self.assertShape(nodes, {'items': [NODE], 'next': maybe(TEXT)})
        self.assertShape(self.server.get('/nodes/xmpp1'), NODE)
        self.assertTrue(nodes['items'][2]['drain'].startswith('dr_'))
        self.assertEqual({row['in_set'] for row in nodes['items'][2]['effective']}, {False})

    def test_plan_is_what_the_command_prints(self):
        plan = self.server.get('/plan')
        self.assertShape(plan, {
            'revision': NUMBER, 'at': WHEN, 'sets': SETS,
            'shares': [{'domain': NAME, 'service': TEXT, 'model': TEXT, 'node': TEXT,
                        'share': TEXT, 'ratio': RATIO}],
            'findings': [{'code': TEXT, 'severity': TEXT, 'message': TEXT}],
            'guards': [{'guard': TEXT, 'ok': FLAG}], 'next_change': maybe(WHEN)})
        self.server.undrain(self.server.get('/drains')['items'][0]['id'])
        self.server.rest('DELETE', '/api/v1/nodes/xmpp1/weight', headers={'If-Match': '*'})
        offline = json.loads(srvplan.command('plan', '-f', self.server.file, '-o', 'json',
                                             check=srvplan.OK).stdout)
        self.assertEqual(self.server.get('/plan')['sets'], offline['sets'])
        self.assertEqual(self.server.get('/plan')['shares'], offline['shares'])

    def test_records_are_what_is_served(self):
        found = self.server.get('/records?type=SRV&limit=100')
        self.assertShape(found, {'items': [{'name': NAME, 'zone': NAME, 'type': TEXT,
                                            'ttl': NUMBER, 'records': [TEXT],
                                            'generation': NUMBER, 'last_served': maybe(WHEN)}],
                                 'next': maybe(TEXT)})
        self.assertEqual({row['name']: sorted(row['records']) for row in found['items']},
                         self.server.sets())
        one = self.server.get('/records?domain=example.org&service=xmpp-client')['items']
        self.assertEqual([row['name'] for row in one], ['_xmpp-client._tcp.example.org.'])

    def test_drains_and_revisions(self):
        self.assertShape(self.server.get('/drains'), {'items': [DRAIN], 'next': maybe(TEXT)})
        revisions = self.server.get('/revisions')
        self.assertShape(revisions, {'items': [{
            'revision': NUMBER, 'at': WHEN, 'actor': TEXT, 'cause': TEXT,
            'inventory_digest': DIGEST, 'served_at': maybe(WHEN)}], 'next': maybe(TEXT)})
        numbers = [row['revision'] for row in revisions['items']]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] - len(numbers), -1)))

    def test_lists_are_read_in_pages(self):
        whole = self.server.get('/records?limit=1000')['items']
        pages, after = [], ''
        while after is not None:
            page = self.server.get('/records?limit=3' + (after and '&after=' + urllib.parse.quote(after)))
            self.assertLessEqual(len(page['items']), 3)
            pages += page['items']
            after = page['next']
        names = [(row['type'], row['name'], row['records']) for row in whole]
        self.assertEqual([(row['type'], row['name'], row['records']) for row in pages], names)
        self.assertGreater(len(names), 6)

    def test_version_and_headers(self):
        self.assertEqual(self.server.get('/version')['api'], 1)
        reply = self.server.rest('GET', '/api/v1/status', headers={'X-Request-Id': 'abc-1'})
        self.assertEqual((reply.headers['Cache-Control'], reply.headers['X-Content-Type-Options'],
                          reply.headers['X-Request-Id']), ('no-store', 'nosniff', 'abc-1'))
        self.assertNotIn('Access-Control-Allow-Origin', reply.headers)


class PreconditionTest(ApiCase):
    def test_undrain_needs_the_drains_current_etag(self):
        made = self.server.drain('xmpp1')
        self.assertEqual(made.status, 201)
        path = '/api/v1/drains/' + made.json['id']
        self.assertEqual(made.headers['Location'], path)
        self.assertProblem(self.server.rest('DELETE', path), 428, 'precondition-required')
        stale = self.server.rest('DELETE', path, headers={'If-Match': '"77777"'})
        self.assertProblem(stale, 412, 'stale')
        self.assertEqual(len(self.server.get('/drains')['items']), 1)
        tag = self.server.rest('GET', path).headers['ETag']
        self.assertEqual(tag, made.headers['ETag'])
        done = self.server.rest('DELETE', path, headers={'If-Match': tag})
        self.assertEqual((done.status, done.json['state']), (200, 'closed'))
        self.assertEqual(self.server.rest('DELETE', path, headers={'If-Match': '*'}).status, 409)

    def test_if_none_match_saves_the_body(self):
        for path in ('/nodes/xmpp1', '/plan'):
            first = self.server.rest('GET', '/api/v1' + path)
            again = self.server.rest('GET', '/api/v1' + path,
                                     headers={'If-None-Match': first.headers['ETag']})
            self.assertEqual((again.status, again.body), (304, b''), path)

    def test_requests_that_are_not_understood(self):
        rest = self.server.rest
        body = {'node': 'xmpp1', 'reason': 'x'}
        self.assertProblem(rest('GET', '/api/v1/nonsense'), 404, 'not-found')
        self.assertProblem(rest('GET', '/api/v1/drains/dr_none'), 404)
        self.assertProblem(rest('GET', '/api/v1/nodes/xmpp9'), 404)
        wrong = rest('PUT', '/api/v1/drains', body)
        self.assertProblem(wrong, 405, 'method-not-allowed')
        self.assertEqual(sorted(re.split(', *', wrong.headers['Allow'])), ['GET', 'HEAD', 'POST'])
        self.assertProblem(rest('POST', '/api/v1/drains', '{"node":'), 400, 'malformed')
        self.assertProblem(rest('POST', '/api/v1/drains', ''), 400)
        self.assertProblem(rest('POST', '/api/v1/drains',
                                '{"node":"xmpp1","node":"xmpp2","reason":"x"}'), 400)
        self.assertProblem(rest('POST', '/api/v1/drains', json.dumps(body),
                                headers={'Content-Type': 'text/plain'}), 415, 'not-json-type')
        self.assertProblem(rest('POST', '/api/v1/drains', b' ' * (2 << 20)), 413, 'too-large')
        for mistake in ([], {}, {'node': 'xmpp1'}, {'node': 5, 'reason': 'x'},
                        {**body, 'nodes': ['xmpp2']}, {**body, 'raeson': 'y'},
                        {**body, 'until': 'tomorrow'}, {**body, 'until': '2020-01-01T00:00:00Z'},
                        {**body, 'for': '-2h'}, {**body, 'services': 'xmpp-client'},
                        {**body, 'mode': 'gently'}, {'nodes': [], 'reason': 'x'}):
            with self.subTest(mistake=mistake):
                self.assertProblem(rest('POST', '/api/v1/drains', mistake), 422)
        self.assertEqual(rest('POST', '/api/v1/drains?dry_run=maybe', body).status, 400)
        self.assertEqual(rest('POST', '/api/v1/drains?dryrun=true', body).status, 400)
        self.assertEqual(self.server.get('/drains')['items'], [])

    def test_depth_is_bounded(self):
        for depth in (40, 5000, 100000):
            reply = self.server.rest('POST', '/api/v1/drains', b'[' * depth + b']' * depth)
            self.assertIn(reply.status, (400, 413, 422), reply)
        self.assertEqual(self.server.rest('GET', '/healthz').status, 200)


def connect(server, over, wait):
    if over == 'tcp':
        return socket.create_connection(('127.0.0.1', server.api_port), timeout=wait)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(wait)
    connection.connect(server.socket_path)
    return connection


def raw(server, data, wait=15, then=None, pause=0.0, over='tcp'):
    """Sends bytes as they are; returns (all that came back, whether the other side closed)."""
    with connect(server, over, wait) as connection:
        connection.sendall(data)
        if then is not None:
            time.sleep(pause)
            connection.sendall(then)
        came = b''
        try:
            while True:
                piece = connection.recv(65536)
                if not piece:
                    return came, True
                came += piece
        except ConnectionResetError:
            return came, True
        except socket.timeout:
            return came, False


class LogTest(ApiCase):
    TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

    def lines(self, request_id):
        """Those of the access log about a request."""
        return [line for line in self.server.log().splitlines()
                if 'change by API' in line and f'request_id={request_id} ' in line]

    def test_each_change_is_logged_done_or_refused_with_its_trace(self):
        body = {'weight': '50%', 'reason': 'x'}
        for number, (headers, query, status) in enumerate((
                ({'If-Match': '*'}, '', 200), ({'If-Match': '*'}, '?dry_run=true', 200),
                ({'If-Match': '"n1"'}, '', 412), ({}, '', 428))):
            reply = self.server.rest('PUT', '/api/v1/nodes/xmpp1/weight' + query, body, {
                **headers, 'X-Request-Id': f'log{number}', 'traceparent': self.TRACE}, over='tcp')
            self.assertEqual(reply.status, status)
            line, = self.lines(f'log{number}')
            for part in ('actor=admin-token', 'method=PUT', 'path=/api/v1/nodes/xmpp1/weight',
                         f'status={status}', f'dry_run={"yes" if query else "no"}',
                         f'traceparent={self.TRACE}'):
                self.assertIn(part, line)
            self.assertRegex(line, r'took_us=[1-9]\d*')
            self.assertRegex(line, r'source="?127\.0\.0\.1')

    def test_a_traceparent_that_is_none_and_strangers_leave_nothing_in_the_log(self):
        body = {'weight': '50%', 'reason': 'x'}
        wrong = ('00-x-y-01', self.TRACE.upper(), self.TRACE[:-1], self.TRACE + '-evil',
                 'ff' + self.TRACE[2:], '00-' + '0' * 32 + self.TRACE[35:],
                 self.TRACE[:36] + '0' * 16 + '-01', self.TRACE[:-2] + 'g1', 'a" admin="yes')
        for number, trace in enumerate(wrong):
            self.server.rest('PUT', '/api/v1/nodes/xmpp1/weight', body, {
                'If-Match': '*', 'X-Request-Id': f'trace{number}', 'traceparent': trace})
            line, = self.lines(f'trace{number}')
            self.assertIn('traceparent=""', line, trace)
        self.server.rest('PUT', '/api/v1/nodes/xmpp1/weight', body,
                         {'If-Match': '*', 'X-Request-Id': 'stranger'}, over='bare')
        self.assertEqual(self.lines('stranger'), [])


class FramingTest(ApiCase):
    def request(self, *lines, head='GET /api/v1/status HTTP/1.1', host='Host: localhost', end=True,
                body=b''):
        fields = [head, *([host] if host else []), 'Authorization: Bearer ' + self.server.token(),
                  *lines]
        text = '\r\n'.join(fields) + ('\r\n\r\n' if end else '')
        return text.encode('latin-1') + body

    def test_a_right_request_is_answered(self):
        came, _ = raw(self.server, self.request('Connection: close'))
        self.assertTrue(came.startswith(b'HTTP/1.1 200 '), came)
        for host in (f'Host: localhost:{self.server.api_port}', 'Host: 127.0.0.1',
                     f'Host: 127.0.0.1:{self.server.api_port}'):
            came, _ = raw(self.server, self.request('Connection: close', host=host))
            self.assertTrue(came.startswith(b'HTTP/1.1 200 '), (host, came))

    def test_doubtful_requests_are_refused_and_the_connection_closed(self):
        smuggled = (b'POST /api/v1/drains HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer '
                    + self.server.token().encode() + b'\r\nContent-Type: application/json\r\n'
                    b'Content-Length: 34\r\n\r\n{"node":"xmpp1","reason":"smuggle"}')
        post = 'POST /api/v1/drains HTTP/1.1'
        fine = self.request()
        cases = {
            'two Content-Lengths': self.request('Content-Length: 0', 'Content-Length: 44',
                                                head=post, body=smuggled),
            'two equal Content-Lengths': self.request('Content-Length: 2', 'Content-Length: 2',
                                                      head=post, body=b'{}' + smuggled),
            'Content-Length and chunked': self.request(
                'Content-Length: 5', 'Transfer-Encoding: chunked', head=post,
                body=b'0\r\n\r\n' + smuggled),
            'chunked': self.request('Transfer-Encoding: chunked', head=post,
                                    body=b'0\r\n\r\n' + smuggled),
            'signed Content-Length': self.request('Content-Length: +2', head=post, body=b'{}'),
            'list of Content-Lengths': self.request('Content-Length: 2, 2', head=post, body=b'{}'),
            'two Hosts': self.request('Host: localhost'),
            'no Host': self.request(host=None),
            'a foreign Host': self.request(host='Host: attacker.example'),
            'a foreign port': self.request(host='Host: localhost:1'),
            'NUL in a header': self.request('X-A: a\0b'),
            'NUL in the target': self.request(head='GET /api/v1/sta\0tus HTTP/1.1'),
            'bare LF': fine.replace(b'\r\n', b'\n'),
            'bare LF in one line': fine.replace(b'\r\nHost', b'\nHost'),
            'bare CR': self.request('X-A: a\rX-B: b'),
            'folded header': self.request('X-A: a\r\n b'),
            'space before colon': self.request('X-A : a'),
            'no name': self.request(': a'),
            '%00 in the path': self.request(head='GET /api/v1/status%00x HTTP/1.1'),
            '%2f in the path': self.request(head='GET /api%2fv1/status HTTP/1.1'),
            '%0d%0a in the path': self.request(head='GET /api/v1/status%0d%0aX:%20y HTTP/1.1'),
            'dot segments': self.request(head='GET /api/v1/nodes/../status HTTP/1.1'),
            'encoded dot segments': self.request(head='GET /api/v1/nodes/%2e%2e/status HTTP/1.1'),
            'half a percent sign': self.request(head='GET /api/v1/status%2 HTTP/1.1'),
            'a backslash': self.request(head='GET /api\\v1/status HTTP/1.1'),
            'an absolute target': self.request(head='GET http://x/api/v1/status HTTP/1.1'),
            'a lower-case method': self.request(head='get /api/v1/status HTTP/1.1'),
            'HTTP/2.0': self.request(head='GET /api/v1/status HTTP/2.0'),
            'HTTP/0.9': b'GET /api/v1/status\r\n\r\n',
            'two spaces': self.request(head='GET  /api/v1/status HTTP/1.1'),
            'an empty line first': b'\r\n' + fine,
            'two Last-Event-IDs': self.request('Last-Event-ID: 1.1', 'Last-Event-ID: 1.2'),
            'two If-Matches': self.request('If-Match: "1"', 'If-Match: *'),
            'chunked, spelt otherwise': self.request('Transfer-Encoding: xchunked', head=post,
                                                     body=b'0\r\n\r\n' + smuggled),
            'chunked, with a tab': self.request('Transfer-Encoding:\tchunked', head=post,
                                                body=b'0\r\n\r\n' + smuggled),
            'a hexadecimal Content-Length': self.request('Content-Length: 0x2', head=post,
                                                         body=b'{}'),
            'a Content-Length beyond 64 bits': self.request(
                'Content-Length: 18446744073709551618', head=post, body=b'{}'),
            'a dot': self.request(head='GET /api/./v1/status HTTP/1.1'),
            'dot segments, half encoded': self.request(head='GET /api/v1/.%2E/status HTTP/1.1'),
            'NUL in the Host': self.request(host='Host: localhost\0.attacker.example'),
            'a fragment': self.request(head='GET /api/v1/status#x HTTP/1.1'),
            'DEL in the target': self.request(head='GET /api/v1/sta\x7ftus HTTP/1.1'),
            'CONNECT': self.request(head='CONNECT localhost:80 HTTP/1.1'),
            'two Authorizations': self.request('Authorization: Bearer x'),
            'a long head': self.request('X-A: ' + 'a' * 40000),
            'many headers': self.request(*[f'X-{number}: a' for number in range(500)]),
            'not HTTP': b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + b'\0' * 40,
        }
        of_tcp = ('a foreign Host', 'a foreign port')  # the socket asks only for one, whatever it is
        for over, label, data in [(over, *case) for over in ('tcp', 'socket')
                                  for case in cases.items()]:
            if over == 'socket' and label in of_tcp:
                continue
            with self.subTest(label, over=over):
                came, closed = raw(self.server, data, over=over)
                # A head that is not even a request line may be ended without a word.
                self.assertRegex(came, rb'^(HTTP/1\.[01] (400|414|431|501|505) |$)')
                if label not in ('a long head', 'many headers'):
                    self.assertTrue(came, 'an answer says why')
                self.assertEqual(len(re.findall(rb'(?m)^HTTP/1\.', came)), 1 if came else 0, came)
                self.assertTrue(closed)
        self.assertEqual(self.server.get('/drains')['items'], [], 'nothing was smuggled in')

    def test_nothing_hides_behind_a_first_request(self):
        second = b'GET /api/v1/nodes HTTP/1.1\r\nHost: localhost\r\n\r\n'
        came, closed = raw(self.server, self.request('Content-Length: 0') + second)
        self.assertTrue(closed)
        self.assertNotIn(b'"capacity"', came)

    def test_a_slow_head_is_cut_after_ten_seconds(self):
        begin = time.monotonic()
        with socket.create_connection(('127.0.0.1', self.server.api_port)) as slow:
            slow.settimeout(0.5)
            for byte in self.request('X-A: ' + 'a' * 4000):
                try:
                    slow.sendall(bytes([byte]))
                    if not slow.recv(1000):
                        break
                except socket.timeout:
                    pass
                except (ConnectionResetError, BrokenPipeError):
                    break
                self.assertLess(time.monotonic() - begin, 16, 'a byte each half second held it')
                healthy = self.server.rest('GET', '/healthz', over='bare')
                self.assertEqual(healthy.status, 200)
        self.assertGreater(time.monotonic() - begin, 4)

    def test_idle_connections_do_not_keep_others_out(self):
        idle = []
        try:
            for _ in range(400):
                idle.append(socket.create_connection(('127.0.0.1', self.server.api_port)))
            begin = time.monotonic()
            reply = self.server.rest('GET', '/healthz', over='bare')
            self.assertEqual(reply.status, 200)
            self.assertEqual(self.server.status()['ready'], True)
            self.assertLess(time.monotonic() - begin, 2)
        finally:
            for connection in idle:
                connection.close()

    def test_dns_goes_on_meanwhile(self):
        with srvplan.Watcher(self.server.dns_port, OWNERS[1]) as watcher:
            for _ in range(200):
                raw(self.server, b'NONSENSE / HTTP/1.1\r\n\r\n')
                self.server.rest('GET', '/healthz', over='bare')
        self.assertEqual(watcher.lost, [])


if __name__ == '__main__':
    unittest.main(verbosity=2)
