# SPDX-License-Identifier: GPL-3.0-or-later
"""Many TCP connections: test_tcp_many.py SRVPLAN-DNSD MAKE_IMAGE TCP_CROWD [unittest options]

10,000 connections are held, of which 1,000 send a byte a second and 1,000 never read what they
asked for. Meanwhile no UDP query is lost, new clients are served, and memory is bounded. Then what
one client may have, who gives way when all places are taken, and the time limits."""
import os
import re
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
from ports import free_port  # noqa: E402

DNSD, MAKE_IMAGE, TCP_CROWD = sys.argv[1:4]
IDLE, SLOW, STUCK = 8000, 1000, 1000
CROWD = IDLE + SLOW + STUCK
DESCRIPTORS = 12000  # the server's: the crowd, new clients, its own
UDP_RATE = 1000
UDP_SECONDS = 8
WAIT = 60
with open(DNSD, 'rb') as program:
    SANITIZED = re.search(rb'__[at]san_init', program.read())
# An idle connection costs 0.2 KiB, one with a part of a query or an answer 4 KiB, and there are
# 16 MiB of buffers for answers that are not taken.
GROWTH_KIB = (IDLE * 0.25 + (SLOW + STUCK) * 4 + 16 * 1024) * (4 if SANITIZED else 1)
HEADER = b'\xbe\xef\0\0\0\1\0\0\0\0\0\0'
CLIENT = b'\x0c_xmpp-client\x04_tcp\x07example\x03org\0\0\x21\0\1'
HUGE = b'\x05_huge\x04_tcp\x07example\x03org\0\0\x21\0\1'


def framed(question, number=0xbeef):
    query = struct.pack('!H', number) + HEADER[2:] + question
    return struct.pack('!H', len(query)) + query


def raise_limit():
    """Enough descriptors for server and crowd, which have the limit from us; or False."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < DESCRIPTORS:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
        except (OSError, ValueError):
            return False
        return True
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, DESCRIPTORS), hard))
    return True


class Case(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix='srvplan-')
        self.addCleanup(directory.cleanup)
        self.image = directory.name
        subprocess.run([MAKE_IMAGE, self.image, '1', '100'], check=True)
        self.port = free_port()

    def start(self, *more, before=()):
        self.dnsd = subprocess.Popen(
            [*before, DNSD, '--image', self.image, '--listen', f'127.0.0.1:{self.port}',
             '--workers', '2', '--rate-limit', '0', *more], stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.end)
        while ' ready ' not in (line := self.dnsd.stderr.readline()):
            self.assertTrue(line, 'did not start')

    def end(self):
        if self.dnsd.poll() is None:
            self.dnsd.send_signal(signal.SIGTERM)
        try:
            self.dnsd.wait(10)
        except subprocess.TimeoutExpired:
            self.dnsd.kill()
            self.dnsd.wait()
        self.dnsd.stderr.close()
        self.assertEqual(self.dnsd.returncode, 0)

    def connect(self, source='127.0.0.1'):
        client = socket.create_connection(('127.0.0.1', self.port), timeout=10,
                                          source_address=(source, 0))
        self.addCleanup(client.close)
        return client

    def ask(self, client, number=7):
        client.sendall(framed(CLIENT, number))
        got = b''
        while len(got) < 2 or len(got) < 2 + struct.unpack('!H', got[:2])[0]:
            data = client.recv(4096)
            if not data:
                return False
            got += data
        return struct.unpack('!H', got[2:4])[0] == number and got[9] == 3

    def is_open(self, client):
        """Whether a client that is owed nothing still has its connection."""
        readable, _, _ = select.select([client], [], [], 0)
        return not readable

    def seconds_until_closed(self, client, limit):
        start = time.monotonic()
        client.settimeout(limit)
        try:
            while client.recv(65536):
                pass
        except ConnectionResetError:
            pass
        return time.monotonic() - start


class Crowd(Case):
    def memory_kib(self):
        with open(f'/proc/{self.dnsd.pid}/status', encoding='ascii') as status:
            return int(re.search(r'VmRSS:\s+(\d+)', status.read())[1])

    def udp_at_a_fixed_rate(self):
        """Sends UDP_RATE queries a second; returns sent, answered, and the slowest in ms."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect(('127.0.0.1', self.port))
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            start = time.monotonic()
            sent_at, slowest = {}, 0
            sent = answered = 0
            while True:
                now = time.monotonic()
                if now >= start + UDP_SECONDS and (not sent_at or now >= start + UDP_SECONDS + 3):
                    return sent, answered, slowest * 1000
                while sent < UDP_RATE * min(now - start, UDP_SECONDS):
                    number = sent % 65536
                    client.send(struct.pack('!H', number) + HEADER[2:] + CLIENT)
                    sent_at[number] = now
                    sent += 1
                if select.select([client], [], [], 0.002)[0]:
                    answer = client.recv(4096)
                    number = struct.unpack('!H', answer[:2])[0]
                    slowest = max(slowest, time.monotonic() - sent_at.pop(number))
                    answered += answer[7] == 3

    def test_a_crowd_is_held_and_harms_nobody(self):
        if not raise_limit():
            self.skipTest(f'needs {DESCRIPTORS} open files: raise the hard limit (ulimit -Hn)')
        self.start()
        before_kib = self.memory_kib()
        crowd = subprocess.Popen([TCP_CROWD, str(self.port), str(IDLE), str(SLOW), str(STUCK)],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(crowd.stdout.close)
        self.addCleanup(crowd.kill)
        self.assertTrue(select.select([crowd.stdout], [], [], WAIT)[0], 'the crowd is not up')
        up = crowd.stdout.readline()
        self.assertTrue(up.startswith('up '), up)
        served = []
        for _ in range(20):
            start = time.monotonic()
            self.assertTrue(self.ask(self.connect('127.0.0.9')))
            served.append(time.monotonic() - start)
        sent, answered, slowest_ms = self.udp_at_a_fixed_rate()
        start = time.monotonic()
        self.assertTrue(self.ask(self.connect('127.0.0.10')))
        served.append(time.monotonic() - start)
        after_kib = self.memory_kib()
        said, _ = crowd.communicate('end\n', timeout=WAIT)
        counts = dict(zip(said.split()[::2], map(int, said.split()[1::2])))
        print(f'{CROWD} connections up in {up.split()[1]} ms; {answered} of {sent} UDP queries '
              f'answered, the slowest in {slowest_ms:.0f} ms; new clients in '
              f'{max(served) * 1000:.0f} ms at most; memory {before_kib} KiB, then {after_kib} KiB; '
              f'{counts}', file=sys.stderr)
        self.assertEqual(answered, sent)
        self.assertLess(max(served), 5)
        self.assertLess(after_kib - before_kib, GROWTH_KIB)
        self.assertEqual(counts['mistakes'], 0)
        self.assertEqual(counts['idle_lost'], 0)
        self.assertGreater(counts['answers'], IDLE)
        self.assertGreater(counts['slow_cut'], 0)


class Limits(Case):
    def test_a_client_at_its_cap_loses_its_own_longest_idle_one(self):
        self.start('--tcp-per-client', '3')
        other = self.connect('127.0.0.2')
        mine = [self.connect() for _ in range(3)]
        for client in (other, *mine):
            self.assertTrue(self.ask(client))
        self.assertTrue(self.ask(mine[0]))  # the second has been idle for longest now
        self.assertTrue(self.ask(self.connect()))
        self.assertEqual([self.is_open(client) for client in (other, *mine)],
                         [True, True, False, True])

    def test_a_client_at_its_cap_with_nothing_idle_is_refused(self):
        self.start('--tcp-per-client', '3')
        mine = [self.connect() for _ in range(3)]
        for client in mine:
            client.sendall(b'\0')
        time.sleep(0.3)
        try:
            self.assertFalse(self.ask(self.connect()))
        except ConnectionError:
            pass
        self.assertTrue(self.ask(self.connect('127.0.0.2')))
        for client in mine:
            client.sendall(framed(CLIENT)[1:])
            self.assertEqual(client.recv(4096)[9], 3)
        self.assertTrue(self.ask(self.connect()))

    def test_at_the_limit_an_idle_one_gives_way_before_a_busy_one(self):
        self.start('--tcp-clients', '4')
        busy = [self.connect() for _ in range(2)]
        for client in busy:
            client.sendall(b'\0')
        time.sleep(0.3)
        idle = [self.connect() for _ in range(2)]
        for client in idle:
            self.assertTrue(self.ask(client))
        new = [self.connect() for _ in range(2)]
        for client in new:
            self.assertTrue(self.ask(client))
        self.assertEqual([self.is_open(client) for client in (*busy, *idle, *new)],
                         [True, True, False, False, True, True])

    def test_at_the_limit_the_slowest_gives_way_when_nobody_is_idle(self):
        self.start('--tcp-clients', '2')
        slow = [self.connect() for _ in range(2)]
        for client in slow:
            client.sendall(b'\0')
            time.sleep(0.3)
        self.assertTrue(self.ask(self.connect()))
        self.assertEqual([self.is_open(client) for client in slow], [False, True])

    def test_one_query_may_take_5_seconds_however_its_bytes_come(self):
        self.start()
        client = self.connect()
        start = time.monotonic()
        try:
            for byte in framed(CLIENT):
                client.send(bytes([byte]))
                if select.select([client], [], [], 0.5)[0]:
                    self.assertEqual(client.recv(1), b'')
                    break
        except ConnectionError:
            pass
        self.assertTrue(4.5 < time.monotonic() - start < 9, time.monotonic() - start)

    def test_an_answer_must_be_taken_within_10_seconds_however_its_bytes_go(self):
        self.start()
        client = socket.socket()
        self.addCleanup(client.close)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(('127.0.0.1', self.port))
        client.sendall(framed(HUGE) * 40)
        start = time.monotonic()
        broken = select.poll()
        broken.register(client, 0)
        while not broken.poll(500) and time.monotonic() - start < 20:
            self.assertEqual(len(client.recv(1)), 1)
        self.assertTrue(9 < time.monotonic() - start < 15, time.monotonic() - start)
        self.assertTrue(self.ask(self.connect()))

    def test_keepalive_says_how_long_one_may_be_silent(self):
        self.start('--tcp-clients', '4')
        with_keepalive = HEADER[:11] + b'\1' + CLIENT + b'\0\0\x29\4\xd0\0\0\0\0\0\4\0\x0b\0\0'

        def said(client):
            client.sendall(struct.pack('!H', len(with_keepalive)) + with_keepalive)
            answer = client.recv(4096)
            self.assertEqual(answer[-6:-2], b'\0\x0b\0\2')
            return struct.unpack('!H', answer[-2:])[0] / 10

        clients = [self.connect() for _ in range(3)]
        self.assertEqual([said(client) for client in clients], [10, 10, 10])
        clients.append(self.connect())
        self.assertEqual(said(clients[-1]), 2)  # all places are taken
        took = self.seconds_until_closed(clients[0], 9)
        self.assertTrue(1.5 < took < 5, took)

    def test_without_descriptors_it_says_so_and_goes_on(self):
        self.start('--tcp-clients', '1000', before=('prlimit', '--nofile=90:90'))
        clients = [self.connect() for _ in range(60)]
        self.assertTrue(self.ask(clients[-1]))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(5)
            udp.connect(('127.0.0.1', self.port))
            udp.send(HEADER + CLIENT)
            self.assertEqual(udp.recv(4096)[7], 3)


if __name__ == '__main__':
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]], verbosity=2)
