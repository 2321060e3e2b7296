#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that mean no good: slow ones up to the limit of connections, bodies that are all brackets,
listeners that do not read. A healthy client is served within a second meanwhile, and memory is kept."""
import json
import os
import socket
import sys
import threading
import time

os.environ.setdefault('ASAN_OPTIONS', 'detect_leaks=1:quarantine_size_mb=1')  # memory is measured
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import srvplan  # noqa: E402

MIB = 1024 * 1024
HEALTHY_SECONDS = 1
TRIES = 10


def has_sanitizer(pid):
    with open(f'/proc/{pid}/maps', encoding='utf-8', errors='replace') as maps:
        return 'libasan' in maps.read()


def peak_bytes(pid):
    with open(f'/proc/{pid}/status', encoding='ascii') as status:
        for line in status:
            if line.startswith('VmHWM:'):
                return int(line.split()[1]) * 1024
    raise RuntimeError('no VmHWM')


class Crowd:
    """Connections that drip a byte now and then; the ones that are cut come back."""

    def __init__(self, connect, first, drip, count):
        self.connect, self.first, self.drip, self.count = connect, first, drip, count
        self.over = threading.Event()
        self.sockets = []
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _open(self):
        one = self.connect()
        one.setblocking(False)
        one.sendall(self.first)
        return one

    def _run(self):
        while not self.over.is_set():
            for number, one in enumerate(self.sockets):
                try:
                    one.send(self.drip)
                except BlockingIOError:
                    pass
                except OSError:
                    one.close()
                    try:
                        self.sockets[number] = self._open()
                    except OSError:
                        pass
            self.over.wait(0.2)

    def __enter__(self):
        for _ in range(self.count):
            try:
                self.sockets.append(self._open())
            except OSError:
                pass
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join(10)
        for one in self.sockets:
            one.close()


class CrowdTest(srvplan.Case):
    """256 connections are allowed, as by default, but all of them from one address."""

    def setUp(self):
        self.server = srvplan.Server()
        self.addCleanup(self.server.close)
        config = os.path.join(self.server.directory, 'srvplan.jsonc')
        with open(config, 'w', encoding='ascii') as file:
            json.dump({'max-connections-per-address': 60000}, file)
        self.server.start('--config', config)

    def tcp(self):
        return socket.create_connection(('127.0.0.1', self.server.api_port), timeout=10)

    def unix(self):
        one = socket.socket(socket.AF_UNIX)
        one.settimeout(10)
        one.connect(self.server.socket_path)
        return one

    def assertHealthy(self, label):
        took = []
        for number in range(TRIES):
            over = 'tcp' if number % 2 else 'socket'
            begun = time.monotonic()
            reply = self.server.rest('GET', '/api/v1/nodes', over=over)
            took.append(time.monotonic() - begun)
            self.assertEqual(reply.status, 200, label)
        self.assertLess(max(took), HEALTHY_SECONDS, f'{label}: {took}')

    def test_slow_ones_at_the_limit_do_not_keep_a_healthy_client_out(self):
        post = (f'POST /api/v1/drains HTTP/1.1\r\nHost: localhost\r\n'
                f'Authorization: Bearer {self.server.token()}\r\n'
                'Content-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{').encode()
        head = b'GET /livez HTTP/1.1\r\nHost: localhost\r\nX-A: '
        for label, connect, first, drip in (
                ('silent', self.tcp, b'', b''), ('slow heads', self.tcp, head, b'a'),
                ('slow bodies', self.tcp, post, b' '), ('slow bodies, socket', self.unix, post, b' ')):
            with self.subTest(label), Crowd(connect, first, drip, 400):
                time.sleep(0.5)
                self.assertHealthy(label)
        self.assertEqual(self.server.status()['drains'], [])

    def test_listeners_that_do_not_read_do_not_hold_up_the_others(self):
        stream = (f'GET /api/v1/events?last=4096 HTTP/1.1\r\nHost: localhost\r\n'
                  f'Authorization: Bearer {self.server.token()}\r\n\r\n').encode()
        deaf = []
        try:
            for _ in range(90):
                one = socket.socket()
                one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                one.connect(('127.0.0.1', self.server.api_port))
                one.sendall(stream)
                deaf.append(one)
            for number in range(60):
                reply = self.server.rest('PUT', '/api/v1/nodes/xmpp1/weight',
                                         {'weight': number, 'reason': 'x' * 900}, {'If-Match': '*'})
                self.assertEqual(reply.status, 200)
            self.assertHealthy('deaf listeners')
        finally:
            for one in deaf:
                one.close()

    def test_long_polls_at_the_limit_leave_room(self):
        index = self.server.rest('GET', '/api/v1/nodes').headers['X-Srvplan-Index']
        waiting = [self.tcp() for _ in range(150)]
        try:
            for one in waiting:
                one.sendall(f'GET /api/v1/nodes?index={index}&wait=10m HTTP/1.1\r\n'
                            'Host: localhost\r\nAuthorization: Bearer '
                            f'{self.server.token()}\r\n\r\n'.encode())
            self.assertHealthy('long polls')
        finally:
            for one in waiting:
                one.close()


class MemoryTest(srvplan.Case):
    def post_all(self, server, path, method, body, count):
        replies = []

        def post():
            replies.append(server.rest(method, path, body, {'If-Match': '*'}))

        threads = [threading.Thread(target=post) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        return replies

    def test_a_body_of_brackets_costs_little_more_than_its_bytes(self):
        server = self.serve()
        body = b'[' + b'[],' * (MIB // 3 - 1) + b'1]'
        self.assertLessEqual(len(body), MIB)
        before = peak_bytes(server.process.pid)
        for path, method in (('/api/v1/drains', 'POST'), ('/api/v1/nodes/xmpp1/weight', 'PUT'),
                             ('/api/v1/drains', 'POST')):
            for reply in self.post_all(server, path, method, body, 8):
                self.assertIn(reply.status, (400, 413, 422), reply)
        after = peak_bytes(server.process.pid)
        # A tree of them would be 46 MiB each. Eight bodies and their growing buffers are 16.
        limit = 96 if has_sanitizer(server.process.pid) else 24
        self.assertLess(after - before, limit * MIB)
        if not has_sanitizer(server.process.pid):
            self.assertLess(after, 64 * MIB)
        self.assertEqual(server.rest('GET', '/healthz').status, 200)

    def test_an_inventory_of_brackets_is_refused_before_it_is_a_tree(self):
        server = self.serve()
        body = b'[' + b'[],' * (8 * MIB // 3) + b'1]'
        before = peak_bytes(server.process.pid)
        reply = server.rest('POST', '/api/v1/inventory/validate', body)
        self.assertIn(reply.status, (200, 400, 413, 422), reply)
        after = peak_bytes(server.process.pid)
        self.assertLess(after - before, (200 if has_sanitizer(server.process.pid) else 64) * MIB)
        self.assertEqual(server.rest('GET', '/healthz').status, 200)


if __name__ == '__main__':
    srvplan.main()
