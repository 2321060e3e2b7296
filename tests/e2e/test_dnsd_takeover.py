# SPDX-License-Identifier: GPL-3.0-or-later
"""Another process takes over, and nothing is lost: test_dnsd_takeover.py SRVPLAN-DNSD MAKE_IMAGE

SRVPLAN_TAKEOVERS=60 has it done so often under load (default: 10)."""
import os
import signal
import socket
import struct
import sys
import threading
import time
import unittest

from test_dnsd_program import (HELLO, SRV_NAME, Control, Dnsd, cookie, cookie_of, dns, make_image,
                               weights)
from test_dnsd_service import ServiceCase, status_of

TAKEOVERS = int(os.environ.get('SRVPLAN_TAKEOVERS', '10'))


class Load:
    """Asks over UDP without a pause, some queries under way, and over TCP connection after
    connection. Every query is answered once, by its number and its kind, or counted as lost."""
    WINDOW = 16

    def __init__(self, port):
        self.port = port
        self.over = threading.Event()
        self.asked = self.lost = self.connected = 0
        self.trouble = []
        query = dns.message.make_query(SRV_NAME, 'SRV')
        query.id = 0
        self.wire = query.to_wire()[2:]
        self.threads = [threading.Thread(target=self.datagrams), threading.Thread(target=self.streams)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def datagrams(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect(('127.0.0.1', self.port))
            client.settimeout(2)
            waiting = set()
            while not self.over.is_set() or waiting:
                while len(waiting) < self.WINDOW and not self.over.is_set():
                    number = self.asked % 65536
                    self.asked += 1
                    waiting.add(number)
                    client.send(struct.pack('!H', number) + self.wire)
                try:
                    answer = client.recv(4096)
                except (TimeoutError, OSError) as error:
                    self.lost += len(waiting)
                    self.trouble.append(f'query {self.asked}: {error!r}')
                    waiting.clear()
                    continue
                number = struct.unpack('!H', answer[:2])[0]
                if number not in waiting or answer[2:4] != b'\x85\x00' or answer[6:8] != b'\0\3':
                    self.trouble.append(f'odd answer {answer[:12].hex()}')
                waiting.discard(number)

    def streams(self):
        message = struct.pack('!H', 2 + len(self.wire)) + b'\0\7' + self.wire
        while not self.over.is_set():
            try:
                with socket.create_connection(('127.0.0.1', self.port), timeout=5) as client:
                    for _ in range(2):
                        client.sendall(message)
                        size = struct.unpack('!H', self.read(client, 2))[0]
                        if self.read(client, size)[:2] != b'\0\7':
                            self.trouble.append('odd answer over TCP')
                    self.connected += 1
            except OSError as error:
                self.trouble.append(f'connection {self.connected}: {error!r}')

    @staticmethod
    def read(client, size):
        got = b''
        while len(got) < size:
            more = client.recv(size - len(got))
            if not more:
                raise ConnectionError('closed')
            got += more
        return got


class Takeover(ServiceCase):
    def arguments(self, *more):
        return ('--image', self.image, '--listen', self.address, '--workers', '2',
                '--rate-limit', '0', '--takeover', self.path('takeover'), *more)

    def start_one(self, *more, **how):
        dnsd = Dnsd(process=self.spawn(*self.arguments(*more), **how))
        self.addCleanup(dnsd.end)
        return dnsd

    def assertEnds(self, dnsd):
        self.assertEqual(dnsd.process.wait(10), 0)
        dnsd.end()
        self.assertIn('taken over', ''.join(dnsd.lines))

    def test_under_load_nothing_is_lost(self):
        running = self.start_one()
        with Load(self.port) as load:
            for _ in range(TAKEOVERS):
                before, running = running, self.start_one()
                self.assertEnds(before)
            time.sleep(0.2)
        print(f'{TAKEOVERS} takeovers, {load.asked} queries, {load.lost} lost, '
              f'{load.connected} TCP connections, troubles: {load.trouble[:5]}', file=sys.stderr)
        self.assertEqual((load.lost, load.trouble), (0, []))
        self.assertGreater(load.asked, 100 * TAKEOVERS)
        self.assertGreater(load.connected, 5 * TAKEOVERS)
        self.assertEqual(running.end(), 0)

    def test_the_new_one_is_confined_and_has_the_new_image(self):
        first = self.start_one()
        make_image(self.image, 6, 66)
        second = self.start_one()
        self.assertEnds(first)
        self.assertEqual(weights(self.ask())[0], 66)
        self.assertEqual(status_of(second.process.pid, second.process.pid)['Seccomp'], '2')

    def test_cookies_stay_valid(self):
        first = self.start_one()
        made = cookie_of(self.ask(use_edns=0, options=cookie(b'clientco')))
        second = self.start_one()
        self.assertEnds(first)
        self.assertEqual(cookie_of(self.ask(use_edns=0, options=cookie(made))), made)
        second.end()
        self.start_one()  # a restart: a new secret
        self.assertNotEqual(cookie_of(self.ask(use_edns=0, options=cookie(made))), made)

    def test_one_that_fails_leaves_the_old_one_at_work(self):
        first = self.start_one()
        good, self.image = self.image, self.path('empty')
        os.mkdir(self.image)
        for _ in range(2):
            failing = self.spawn(*self.arguments())
            self.assertIn('answers.img', failing.communicate(timeout=20)[1])
            self.assertEqual(failing.returncode, 1)
        self.assertEqual(weights(self.ask()), [100, 101, 102])
        self.assertEqual(weights(self.ask(how=dns.query.tcp)), [100, 101, 102])
        self.image = good
        self.start_one()
        self.assertEnds(first)
        self.assertIn('going on', ''.join(first.lines))

    def test_one_killed_halfway_leaves_the_old_one_at_work(self):
        first = self.start_one()
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as other:
            other.connect(self.path('takeover'))
            ask = struct.pack('<IHHIIIIq32x', 0x4B415453, 1, 1, 0, 0, 0, 0, 0)
            other.send(ask)
            other.settimeout(5)
            data, ancillary, _, _ = other.recvmsg(256, 4096)
            self.assertEqual(len(data), len(ask))
            self.assertTrue(ancillary)
        self.assertEqual(weights(self.ask()), [100, 101, 102])
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as other:
            other.connect(self.path('takeover'))
            other.send(b'what?')
            other.settimeout(5)
            self.assertEqual(other.recv(10), b'')
        self.start_one()
        self.assertEnds(first)

    @unittest.skipUnless(os.geteuid() == 0, 'takes root')
    def test_strangers_get_nothing(self):
        dnsd = self.start_one()
        os.chmod(self.directory.name, 0o755)
        os.chmod(self.path('takeover'), 0o666)
        child = os.fork()
        if child == 0:
            os.setgid(65534)
            os.setuid(65534)
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as other:
                other.connect(self.path('takeover'))
                other.settimeout(5)
                try:
                    got = other.recv(256)
                except OSError:
                    got = b''
                os._exit(1 if got else 0)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertEqual(weights(self.ask()), [100, 101, 102])
        self.assertEqual(dnsd.end(), 0)
        self.assertIn('stranger', ''.join(dnsd.lines))

    def test_what_was_left_behind_is_no_hindrance(self):
        first = self.start_one()
        first.end(signal.SIGKILL)
        self.assertTrue(os.path.exists(self.path('takeover')))
        self.assertEqual(os.stat(self.path('takeover')).st_mode & 0o777, 0o600)
        self.start_one()
        self.assertEqual(weights(self.ask()), [100, 101, 102])

    def test_addresses_may_change(self):
        first = self.start_one('--listen', f'[::1]:{self.port}')
        self.assertEqual(weights(self.ask(where='::1')), [100, 101, 102])
        self.start_one('--listen', f'127.0.0.2:{self.port}')
        self.assertEnds(first)
        for where in ('127.0.0.1', '127.0.0.2'):
            for how in (dns.query.udp, dns.query.tcp):
                self.assertEqual(weights(self.ask(where=where, how=how)), [100, 101, 102])
        with self.assertRaises(OSError):
            self.ask(where='::1', how=dns.query.tcp)

    def test_the_service_manager_learns_the_new_process(self):
        manager = self.manager()
        first = self.start_one(variables={'NOTIFY_SOCKET': manager.path, 'WATCHDOG_USEC': '400000'})
        manager.hear_until('READY=1')
        second = self.start_one()  # has no NOTIFY_SOCKET of its own
        self.assertIn(f'MAINPID={second.process.pid}', manager.hear_until('MAINPID='))
        self.assertEnds(first)
        manager.hear_until('WATCHDOG=1')
        self.assertFalse([said for said in manager.said if 'STOPPING' in said])

    def test_control_meets_the_new_one_before_the_old_one_ends(self):
        control = Control(self.path('dnsd.sock'))
        self.addCleanup(control.close)
        first = self.start_one('--control', self.path('dnsd.sock'))
        self.assertEqual(control.accept()['pid'], first.process.pid)
        second = self.start_one('--control', self.path('dnsd.sock'))
        hello = control.accept()
        self.assertEqual((hello['kind'], hello['pid'], hello['generation']),
                         (HELLO, second.process.pid, 5))
        self.assertEnds(first)


if __name__ == '__main__':
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
