# SPDX-License-Identifier: GPL-3.0-or-later
"""Rate limits under a flood: test_flood.py SRVPLAN-DNSD MAKE_IMAGE [unittest options]

One network (a /24 of 127.0.0.0/8, or ::1) asks many times what the limit allows, from many ports,
so that all workers get their part. What it is answered is counted and held against the limit, with
one worker and with four, over a socket that is bound to its address and over one that listens on
all. Meanwhile clients in other networks ask as clients do, and must be answered."""
import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import dns.edns
import dns.message

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
from ports import free_port  # noqa: E402

DNSD, MAKE_IMAGE = sys.argv[1:3]
SRV_NAME = '_xmpp-client._tcp.example.org.'
LIMIT = 500
FLOOD = 8 * LIMIT
WARM_UP, SECONDS = 0.6, 3.0  # the burst is over by then
TOLERANCE = 0.20
PORTS = 48
TC = 0x02
ZONE = """$ORIGIN example.org.
$TTL 300
@ SOA ns1 hostmaster 1 3600 600 1209600 300
@ NS ns1
ns1 A 192.0.2.53
www A 192.0.2.80
alias CNAME www
*.any TXT "anything"
sub NS ns.sub
ns.sub A 192.0.2.54
"""


class Flood:
    """Sends at a rate from many sockets and counts what comes back, by whether it has content."""

    def __init__(self, sources, server, wires):
        self.wires = wires  # in turn
        self.sent = self.full = self.empty = self.bytes = 0
        self.epoll = select.epoll()
        self.sockets = {}
        for source in sources:
            one = socket.socket(socket.AF_INET6 if ':' in source else socket.AF_INET,
                                socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            one.bind((source, 0))
            one.connect(server)
            self.sockets[one.fileno()] = one
            self.epoll.register(one, select.EPOLLIN)
        self.order = list(self.sockets.values())

    def send(self, count):
        for _ in range(count):
            with contextlib.suppress(BlockingIOError):
                self.order[self.sent % len(self.order)].send(self.wires[self.sent % len(self.wires)])
            self.sent += 1

    def receive(self, wait=0.0):
        for number, _ in self.epoll.poll(wait):
            with contextlib.suppress(BlockingIOError):
                while True:
                    answer = self.sockets[number].recv(4096)
                    self.bytes += len(answer)
                    if answer[2] & TC:
                        self.empty += 1
                    else:
                        self.full += 1

    def counts(self):
        return self.sent, self.full, self.empty

    def close(self):
        self.epoll.close()
        for one in self.order:
            one.close()


class Good:
    """A client of another network: one query every 20 ms, each waited for until the next."""
    PAUSE = 0.02

    def __init__(self, source, server, cookie=None):
        self.cookie = cookie  # its own at first, then the server's behind it
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.bind((source, 0))
        self.socket.connect(server)
        self.next_at = time.monotonic()
        self.asked, self.answered = 0, set()

    def step(self, now):
        with contextlib.suppress(BlockingIOError):
            while True:
                answer = self.socket.recv(4096)
                if self.cookie:
                    self.cookie = next(option.data for option in dns.message.from_wire(answer).options
                                       if option.otype == dns.edns.COOKIE)
                if not answer[2] & TC and answer[7] == 3:
                    self.answered.add(answer[:2])
        if now >= self.next_at:
            self.asked += 1
            query = dns.message.make_query(SRV_NAME, 'SRV')
            if self.cookie:
                query.use_edns(0, options=[dns.edns.GenericOption(dns.edns.COOKIE, self.cookie)])
            query.id = self.asked
            self.socket.send(query.to_wire())
            self.next_at += self.PAUSE

    def close(self):
        self.socket.close()


class FloodTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix='srvplan-')
        self.addCleanup(directory.cleanup)
        self.image = os.path.join(directory.name, 'image')
        self.zone = os.path.join(directory.name, 'example.org.zone')
        os.makedirs(self.image)
        subprocess.run([MAKE_IMAGE, self.image, '5', '100'], check=True)
        self.port = free_port()

    def start(self, listen, workers, *more, zone=None):
        what = ('--zone', zone) if zone else ('--image', self.image)
        dnsd = subprocess.Popen(
            [DNSD, *what, '--listen', f'{listen}:{self.port}', '--workers', str(workers),
             '--rate-limit', str(LIMIT), *more],
            stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.end, dnsd)
        while ' ready ' not in (line := dnsd.stderr.readline()):
            self.assertTrue(line, 'did not start')

    def end(self, dnsd):
        dnsd.send_signal(signal.SIGTERM)
        said = dnsd.communicate(timeout=20)[1]
        self.assertEqual(dnsd.returncode, 0, said)

    def flood(self, sources, server, wires, good=(), seconds=SECONDS):
        """Runs one; returns what was sent, answered and answered empty a second."""
        flood = Flood(sources, server, wires if isinstance(wires, list) else [wires])
        self.addCleanup(flood.close)
        begin = time.monotonic()
        start = None
        while (now := time.monotonic()) < begin + WARM_UP + seconds:
            if not start and now >= begin + WARM_UP:
                start, before = now, flood.counts()
            due = int((now - begin) * FLOOD) - flood.sent
            flood.send(min(due, FLOOD // 50))  # a machine that stood still makes no greater one
            flood.receive(0.001)
            for client in good:
                client.step(now)
        rates = [(after - was) / (now - start)
                 for after, was in zip(flood.counts(), before)]
        for client in good:
            time.sleep(0.01)
            client.step(client.next_at - 1)
        return rates

    def check(self, rates, label):
        sent, full, empty = rates
        print(f'{label}: asked {sent:.0f}/s, answered {full:.0f}/s (limit {LIMIT}), '
              f'slipped {empty:.0f}/s', file=sys.stderr)
        self.assertGreater(sent, 4 * LIMIT, 'too slow a machine for a flood')
        self.assertAlmostEqual(full, LIMIT, delta=TOLERANCE * LIMIT)
        self.assertGreater(empty, 0.35 * (sent - full), 'every second one beyond it slips')
        self.assertLess(empty, 0.55 * (sent - full))

    def test_the_limit_holds_and_others_are_answered(self):
        sources = [f'127.77.1.{host}' for host in range(1, PORTS + 1)]
        wire = dns.message.make_query(SRV_NAME, 'SRV', use_edns=0, payload=1232).to_wire()
        for workers in (1, 4):
            for listen in ('127.0.0.1', '0.0.0.0'):
                with self.subTest(workers=workers, listen=listen):
                    self.start(listen, workers)
                    server = ('127.0.0.1', self.port)
                    good = [Good(f'127.{net}.1.1', server) for net in range(80, 96)]
                    for client in good:
                        self.addCleanup(client.close)
                    rates = self.flood(sources, server, wire, good)
                    self.check(rates, f'{workers} workers, {listen}')
                    asked = sum(client.asked for client in good)
                    answered = sum(len(client.answered) for client in good)
                    print(f'  others: {answered} of {asked} answered', file=sys.stderr)
                    self.assertGreaterEqual(answered, 0.95 * asked)
                    self.assertGreater(asked, 1000)
                    self.doCleanups()
                    self.setUp()

    def test_the_limit_holds_for_ipv6_and_for_names_that_do_not_exist(self):
        for listen in ('[::1]', '[::]'):
            with self.subTest(listen=listen):
                self.start(listen, 4)
                wire = dns.message.make_query('no-such-name.example.org.', 'SRV').to_wire()
                flood = self.flood(['::1'] * PORTS, ('::1', self.port), wire)
                self.check(flood, f'4 workers, {listen}, NXDOMAIN')
                self.doCleanups()
                self.setUp()

    def test_made_up_names_and_types_give_an_attacker_nothing_more(self):
        with open(self.zone, 'w', encoding='ascii') as out:
            out.write(ZONE)
        names = {
            'names that do not exist': [(f'x{i}.example.org.', 'A') for i in range(5000)],
            '… of many labels': [(f'{i}.{i % 7}.{i % 11}.example.org.', 'A') for i in range(5000)],
            'names of a wildcard': [(f'x{i}.any.example.org.', 'TXT') for i in range(5000)],
            'names below a cut': [(f'x{i}.sub.example.org.', 'A') for i in range(5000)],
            'types of an alias': [('alias.example.org.', 1000 + i) for i in range(5000)],
            'types that a name has not': [('www.example.org.', 1000 + i) for i in range(5000)],
            'names of others': [(f'x{i}.example.edu.', 'A') for i in range(5000)],
        }
        self.start('127.0.0.1', 1, zone=self.zone)
        sources = [f'127.77.1.{host}' for host in range(1, 9)]
        for label, queries in names.items():
            with self.subTest(label):
                wires = [dns.message.make_query(*query).to_wire() for query in queries]
                self.check(self.flood(sources, ('127.0.0.1', self.port), wires, seconds=1.2),
                           label)

    def test_who_has_a_cookie_is_answered_in_the_midst_of_a_flood(self):
        self.start('127.0.0.1', 4)
        server = ('127.0.0.1', self.port)
        client, stranger = Good('127.77.1.200', server, b'clientco'), Good('127.77.1.201', server)
        for one in (client, stranger):
            self.addCleanup(one.close)
        wire = dns.message.make_query(SRV_NAME, 'SRV', use_edns=0, payload=1232).to_wire()
        sources = [f'127.77.1.{host}' for host in range(1, PORTS + 1)]
        self.check(self.flood(sources, server, wire, [client, stranger]), 'with cookies beside it')
        self.assertEqual(len(client.cookie), 24)
        # The first ones may be dropped, until an empty answer has brought the cookie.
        self.assertGreaterEqual(len(client.answered), 0.9 * client.asked)
        self.assertLess(len(stranger.answered), 0.5 * stranger.asked)

    def test_an_exempt_network_and_no_limit_are_not_limited(self):
        wire = dns.message.make_query(SRV_NAME, 'SRV').to_wire()
        for more in (('--rate-limit-exempt', '127.77.0.0/16'), ('--rate-limit', '0')):
            with self.subTest(more=more):
                self.start('127.0.0.1', 1, *more)
                sent, full, empty = self.flood([f'127.77.1.{i}' for i in range(1, 9)],
                                               ('127.0.0.1', self.port), wire)
                self.assertGreater(full, 0.8 * sent)
                self.assertGreater(full, 3 * LIMIT)
                self.assertEqual(empty, 0)
                self.doCleanups()
                self.setUp()

    def test_without_slip_nothing_is_said_beyond_the_limit(self):
        wire = dns.message.make_query(SRV_NAME, 'SRV').to_wire()
        for slip, least, most in ((0, 0, 0), (1, 0.8, 1.05)):
            with self.subTest(slip=slip):
                self.start('127.0.0.1', 1, '--rate-limit-slip', str(slip))
                sent, full, empty = self.flood(['127.77.1.1'] * 8, ('127.0.0.1', self.port), wire)
                self.assertAlmostEqual(full, LIMIT, delta=TOLERANCE * LIMIT)
                self.assertGreaterEqual(empty, least * (sent - full))
                self.assertLessEqual(empty, most * (sent - full))
                self.doCleanups()
                self.setUp()


if __name__ == '__main__':
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
