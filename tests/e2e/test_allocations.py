# SPDX-License-Identifier: GPL-3.0-or-later
"""srvplan-dnsd asks for no memory while it answers: test_allocations.py SRVPLAN-DNSD MAKE_IMAGE
COUNTER [unittest options]

COUNTER is preloaded and counts calls of the allocator and for mappings, in a file that we map, too
(tests/support/count_allocations.c)."""
import mmap
import os
import socket
import struct
import subprocess
import sys
import tempfile
import unittest

import dns.edns
import dns.message
import dns.rcode

DNSD, MAKE_IMAGE, COUNTER = sys.argv[1:4]
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
from srvplan import free_port  # pylint: disable=wrong-import-position

QUERIES = 10000
CONNECTIONS = 200
FIELDS = ('allocations', 'frees', 'maps')

COOKIE = dns.edns.GenericOption(10, b'client-c')


def query(name, rdtype, **more):
    return dns.message.make_query(name, rdtype, **more).to_wire()


def packets():
    """Of everything that is answered."""
    edns = {'use_edns': 0, 'payload': 1232}
    chaos = dns.message.make_query('version.bind', 'TXT', 'CH').to_wire()
    plain = query('_xmpp-client._tcp.example.org', 'SRV')
    return {
        'SRV': plain,
        'SRV with EDNS': query('_xmpp-client._tcp.example.org', 'SRV', **edns),
        'a cookie': query('_xmpp-client._tcp.example.org', 'SRV', options=[COOKIE], **edns),
        'NSID': query('_xmpp-client._tcp.example.org', 'SRV',
                      options=[dns.edns.GenericOption(3, b'')], **edns),
        'an address': query('host0.example.org', 'A'),
        'SOA': query('example.org', 'SOA'),
        'no data': query('_tcp.example.org', 'SRV'),
        'no name': query('nobody.deep.below.example.org', 'AAAA'),
        'no zone of ours': query('example.edu', 'A'),
        'truncated': query('_many._tcp.example.org', 'SRV'),
        'ANY': query('example.org', 'ANY'),
        'class CH': chaos,
        'another opcode': plain[:2] + b'\x20\0' + plain[4:],
        'a malformed one': plain[:-1],
    }


class Dnsd:
    def __init__(self, directory):
        subprocess.run([MAKE_IMAGE, directory, '1', '100'], check=True)
        counters = os.path.join(directory, 'counters')
        with open(counters, 'wb') as file:
            file.write(bytes(4096))
        with open(counters, 'r+b') as file:
            self.counters = mmap.mmap(file.fileno(), 4096)
        self.port = free_port()
        sanitizer = os.environ.get('ASAN_OPTIONS', '')
        self.process = subprocess.Popen(
            [DNSD, '--image', directory, '--listen', f'127.0.0.1:{self.port}', '--workers', '1',
             '--nsid', 'somebody', '--rate-limit', '1000000'], stderr=subprocess.PIPE, text=True,
            env=dict(os.environ, LD_PRELOAD=COUNTER, ALLOCATIONS_FILE=counters,
                     ASAN_OPTIONS=(sanitizer + ':' if sanitizer else '') +
                     'verify_asan_link_order=0:detect_leaks=0'))
        lines = []
        while not lines or ' ready ' not in ' ' + lines[-1]:
            lines.append(self.process.stderr.readline())
            if not lines[-1]:
                raise RuntimeError('did not start: ' + ''.join(lines))

    def counts(self):
        return dict(zip(FIELDS, struct.unpack_from('=3Q', self.counters)))

    def close(self):
        self.process.terminate()
        self.process.wait(20)
        self.process.stderr.close()
        self.counters.close()


def receive(sock, length):
    data = b''
    while len(data) < length:
        more = sock.recv(length - len(data))
        if not more:
            raise EOFError
        data += more
    return data


class Allocations(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix='srvplan-allocations-')
        cls.dnsd = Dnsd(cls.directory.name)

    @classmethod
    def tearDownClass(cls):
        cls.dnsd.close()
        cls.directory.cleanup()

    def ask_udp(self, packet, times):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(5)
            sock.connect(('127.0.0.1', self.dnsd.port))
            for number in range(times):
                sock.send(struct.pack('>H', number & 0xFFFF) + packet[2:])
                self.assertEqual(sock.recv(4096)[:2], struct.pack('>H', number & 0xFFFF))

    def ask_tcp(self, packet, times):
        with socket.create_connection(('127.0.0.1', self.dnsd.port), 5) as sock:
            for _ in range(times):
                sock.sendall(struct.pack('>H', len(packet)) + packet)
                length, = struct.unpack('>H', receive(sock, 2))
                self.assertEqual(receive(sock, length)[:2], packet[:2])

    def assert_no_more(self, ask, label):
        ask(1) # what is done once, is done
        before = self.dnsd.counts()
        ask(None)
        self.assertEqual(self.dnsd.counts(), before, label)

    def test_the_counter_counts(self):
        counts = self.dnsd.counts()
        self.assertGreater(counts['allocations'], 5) # workers, generations, the image
        self.assertGreater(counts['maps'], 1) # the files of the image

    def test_an_answer_by_udp_takes_no_memory(self):
        kinds = packets()
        for label, packet in kinds.items():
            self.assert_no_more(
                lambda times, p=packet: self.ask_udp(p, times or QUERIES // len(kinds)), label)

    def test_an_answer_by_tcp_takes_no_memory(self):
        kinds = {label: packet for label, packet in packets().items()
                 if label != 'a malformed one'}
        kinds['as long as they come'] = query('_huge._tcp.example.org', 'SRV')
        for label, packet in kinds.items():
            self.assert_no_more(
                lambda times, p=packet: self.ask_tcp(p, times or 100), label)

    def test_a_connection_takes_no_memory(self):
        packet = packets()['SRV']
        self.assert_no_more(
            lambda times: [self.ask_tcp(packet, 1) for _ in range(times or CONNECTIONS)], 'TCP')


if __name__ == '__main__':
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]], verbosity=2)
