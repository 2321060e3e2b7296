# SPDX-License-Identifier: GPL-3.0-or-later
"""NSD as oracle: it serves the zone files that `srvplan zone` wrote, dnsd the image of the same plan.

For every name and type of the zones and for generated misses, without and with EDNS, over UDP and
TCP: the same rcode, flags, question byte for byte, answer and authority sets; the additional
section may only be richer. NSD runs with `minimal-responses: yes`: our positive answers carry no NS
either. Differences that are meant stand in EXCEPTIONS, each with its reason; one that is never
needed is a mistake in the list. SRVPLAN_SEED=N runs the generated inventory of that seed alone.

Broken packets are judged by a table of what the RFCs say, because servers differ there."""
import os
import random
import socket
import struct
import subprocess
import sys
import tempfile

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdatatype

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import generate  # noqa: E402
import srvplan  # noqa: E402

SEEDS = range(1, 21 if os.environ.get('SRVPLAN_LONG') else 9)
MISSING_TYPES = ['TXT', 'MX', 'DS', 'CNAME', 'TYPE65280']
# (label, EDNS payload size or None, DO)
EDNS = [('plain', None, False), ('edns 512', 512, False), ('edns 1232', 1232, False),
        ('edns 4096', 4096, False), ('edns 1232 do', 1232, True)]
FLAGS = 0x8000 | 0x0400 | 0x0200 | 0x0100 | 0x0080 | 0x0020 | 0x0010  # QR AA TC RD RA AD CD

# name: (reason, does it cover this difference?). Empty: none is needed.
EXCEPTIONS = {}


class Nsd:
    """An NSD in the foreground, with its files in a directory of its own."""

    def __init__(self, zones):
        self.directory = tempfile.TemporaryDirectory(prefix='srvplan-nsd-')
        self.port = srvplan.free_port()
        path = self.directory.name
        lines = ['server:', f'  ip-address: 127.0.0.1@{self.port}', '  server-count: 1',
                 '  minimal-responses: yes', '  rrl-ratelimit: 0', '  username: ""',
                 '  chroot: ""', '  database: ""', '  hide-version: yes',
                 f'  zonesdir: "{path}"', f'  pidfile: "{path}/pid"',
                 f'  xfrdfile: "{path}/xfrd"', f'  zonelistfile: "{path}/list"',
                 f'  xfrdir: "{path}"', 'remote-control:', '  control-enable: no']
        for number, (zone, text) in enumerate(zones.items()):
            with open(f'{path}/{number}.zone', 'w', encoding='ascii') as file:
                file.write(text)
            lines += ['zone:', f'  name: "{zone}"', f'  zonefile: "{number}.zone"']
        with open(f'{path}/nsd.conf', 'w', encoding='ascii') as file:
            file.write('\n'.join(lines) + '\n')
        with open(f'{path}/log', 'wb') as self_log:
            self.process = subprocess.Popen(['nsd', '-d', '-c', f'{path}/nsd.conf'],
                                            stdin=subprocess.DEVNULL, stdout=self_log,
                                            stderr=self_log,
                                            env=dict(os.environ, PATH=os.environ['PATH'] +
                                                     ':/usr/sbin'))
        srvplan.wait_until(self.answers, 20, 'NSD answers')

    def answers(self):
        if self.process.poll() is not None:
            with open(f'{self.directory.name}/log', encoding='utf-8') as log:
                raise AssertionError('NSD ended: ' + log.read())
        try:
            srvplan.ask(self.port, '.', 'NS', timeout=0.2)
            return True
        except (OSError, dns.exception.DNSException):
            return False

    def close(self):
        self.process.terminate()
        self.process.wait(10)
        self.directory.cleanup()


class Peer:
    """One server, asked over a UDP socket and one TCP connection that are kept."""

    def __init__(self, port):
        self.port = port
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.settimeout(3)
        self.udp.connect(('127.0.0.1', port))
        self.stream = None

    def over_udp(self, wire):
        self.udp.send(wire)
        while True:
            answer = self.udp.recv(65535)
            if answer[:2] == wire[:2]:
                return answer

    def read(self, count):
        data = b''
        while len(data) < count:
            piece = self.stream.recv(count - len(data))
            if not piece:
                raise ConnectionError('closed')
            data += piece
        return data

    def over_tcp(self, wire):
        for attempt in (1, 2):  # a server may close an idle connection at any time (RFC 7766)
            try:
                if not self.stream:
                    self.stream = socket.create_connection(('127.0.0.1', self.port), timeout=3)
                self.stream.sendall(struct.pack('!H', len(wire)) + wire)
                return self.read(struct.unpack('!H', self.read(2))[0])
            except ConnectionError:
                self.stream.close()
                self.stream = None
                if attempt == 2:
                    raise

    def close(self):
        self.udp.close()
        if self.stream:
            self.stream.close()


def mixed_case(rng, wire):
    """The query with random case in its name (0x20)."""
    out, at = bytearray(wire), 12
    while out[at]:
        for i in range(at + 1, at + 1 + out[at]):
            if 65 <= out[i] & 0xDF <= 90 and rng.random() < 0.5:
                out[i] ^= 0x20
        at += 1 + out[at]
    return bytes(out)


def sets(section):
    """Owner, type, TTL and RDATA of all records, names in lower case, as a set."""
    return {(str(rrset.name).lower(), rrset.rdtype, rrset.ttl, record.to_text().lower())
            for rrset in section for record in rrset}


def question_end(wire):
    at = 12
    while wire[at]:
        at += 1 + wire[at]
    return at + 5


def differences(query, ours_wire, theirs_wire):
    """What is not as it must be, as texts."""
    ours = dns.message.from_wire(ours_wire, ignore_trailing=False)
    theirs = dns.message.from_wire(theirs_wire, ignore_trailing=False)
    found = []
    if ours.rcode() != theirs.rcode():
        found.append(f'rcode {dns.rcode.to_text(ours.rcode())} for '
                     f'{dns.rcode.to_text(theirs.rcode())}')
    if ours.flags & FLAGS != theirs.flags & FLAGS:
        found.append(f'flags {dns.flags.to_text(ours.flags & FLAGS)} for '
                     f'{dns.flags.to_text(theirs.flags & FLAGS)}')
    end = question_end(query)
    if ours_wire[12:end] != query[12:end]:
        found.append('the question does not come back as it went')
    if ours.edns != theirs.edns or ours.ednsflags & 0x8000 != theirs.ednsflags & 0x8000:
        found.append(f'EDNS {ours.edns} {ours.ednsflags:x} for {theirs.edns} {theirs.ednsflags:x}')
    for name in ('answer', 'authority'):
        a, b = sets(getattr(ours, name)), sets(getattr(theirs, name))
        if a != b:
            found.append(f'{name}: ours alone {sorted(a - b)}, NSD alone {sorted(b - a)}')
    missing = sets(theirs.additional) - sets(ours.additional)
    if missing:
        found.append(f'additional: NSD alone {sorted(missing)}')
    return found


def owners_of(zones):
    """{owner: types} of all records in the zone files."""
    found = {}
    for text in zones.values():
        for line in text.splitlines():
            if not line.startswith('$'):
                owner, _ttl, _class, rdtype = line.split()[:4]
                found.setdefault(owner, set()).add(rdtype)
    return found


def questions(rng, zones):
    """Every name with every type that is anywhere, and misses around each name."""
    owners = owners_of(zones)
    types = sorted(set().union(*owners.values())) + MISSING_TYPES
    asked = {(owner, rdtype) for owner in owners for rdtype in types}
    for owner in owners:
        name = dns.name.from_text(owner)
        while len(name) > 1:  # the name itself, and all above it: empty non-terminals, apexes, more
            for rdtype in ('SRV', 'A', 'NS', 'SOA'):
                asked.add((name.to_text(), rdtype))
            label = ''.join(rng.choices('abcxyz0-_', k=rng.randint(1, 12))).strip('-') or 'q'
            for miss in (f'{label}.{name}', f'a.{label}.{name}', f'*.{name}'):
                try:
                    dns.name.from_text(miss)
                except dns.exception.DNSException:
                    continue  # beyond 255 octets
                asked.add((miss, rng.choice(types)))
            name = name.parent()
    asked |= {('.', 'NS'), ('.', 'A'), ('test.', 'SOA'), ('nothing.invalid.', 'SRV')}
    return sorted(asked)


def zone_texts(server):
    """The zone files of the plan, with the serials that dnsd serves."""
    texts = {}
    for zone in server.status()['zones']:
        done = srvplan.command('zone', '-f', server.file, zone['zone'], '--serial',
                               str(zone['serial']), check=srvplan.OK)
        texts[zone['zone']] = done.stdout
    return texts


class OracleTest(srvplan.Case):
    asked = 0
    used = set()

    @classmethod
    def tearDownClass(cls):
        print(f'oracle: {cls.asked} answers compared with NSD, exceptions used: '
              f'{sorted(cls.used) or "none"}', file=sys.stderr)

    def judge(self, what, query, ours, theirs):
        for difference in differences(query, ours, theirs):
            for name, (_reason, covers) in EXCEPTIONS.items():
                if covers(what, difference):
                    OracleTest.used.add(name)
                    break
            else:
                self.problems.append(f'{what}: {difference}')

    def compare(self, rng, server, nsd, zones):
        ours, theirs = Peer(server.dns_port), Peer(nsd.port)
        for name, rdtype in questions(rng, zones):
            for label, size, wants_dnssec in EDNS:
                query = dns.message.make_query(name, rdtype, use_edns=0 if size else False,
                                               payload=size or 512, want_dnssec=wants_dnssec)
                if rng.random() < 0.5:
                    query.flags &= ~dns.flags.RD
                wire = mixed_case(rng, query.to_wire())
                for transport in ('udp', 'tcp'):
                    send = f'over_{transport}'
                    self.judge(f'{name} {rdtype} {label} {transport}', wire,
                               getattr(ours, send)(wire), getattr(theirs, send)(wire))
                    OracleTest.asked += 1
                    if len(self.problems) > 20:
                        return
        ours.close()
        theirs.close()

    def run_inventory(self, seed=0, **source):
        self.problems = []
        server = self.serve(**source)
        zones = zone_texts(server)
        nsd = Nsd(zones)
        try:
            self.compare(random.Random(seed), server, nsd, zones)
        finally:
            nsd.close()
        self.assertEqual(self.problems, [], f'rerun: SRVPLAN_SEED={seed}')

    def test_the_samples_are_answered_as_nsd_does(self):
        for sample in ('guide', 'cluster'):
            with self.subTest(sample):
                self.run_inventory(file=os.path.join(srvplan.SAMPLES, sample + '.jsonc'))

    def test_generated_inventories_are_answered_as_nsd_does(self):
        chosen = os.environ.get('SRVPLAN_SEED')
        for seed in [int(chosen, 0)] if chosen else SEEDS:
            with self.subTest(seed=seed):
                self.run_inventory(seed=seed, document=generate.inventory(seed))

    def test_sets_of_every_size_are_cut_where_nsd_cuts(self):
        """1 to 60 targets: below and above 512 and 1,232 bytes."""
        for count in (1, 2, 9, 10, 11, 12, 20, 26, 27, 28, 29, 30, 40, 60):
            document = srvplan.inventory()
            document['defaults']['services'] = ['xmpp-client']
            document['nodes'] = {f'node{i:02}': {'addresses': [f'192.0.2.{i + 1}', f'2001:db8::{i:x}']}
                                 for i in range(count)}
            with self.subTest(count=count):
                self.run_inventory(seed=count, document=document)

    def test_an_apex_may_be_a_service_name_and_zones_may_nest(self):
        """People delegate just `_tcp.example.org` to us, or one service, or a zone below ours."""
        document = srvplan.inventory()
        document['defaults']['name_servers'] = ['ns1.elsewhere.example', 'ns2.elsewhere.example']
        document['defaults']['base'] = 'hosts.example.net'
        document['domains'] = {
            'example.org': {'zone': '_tcp.example.org'},
            'muc.example.org': {'zone': ['_xmpp-client._tcp.muc.example.org',
                                         '_xmpps-client._tcp.muc.example.org',
                                         '_xmpp-server._tcp.muc.example.org',
                                         '_xmpps-server._tcp.muc.example.org']},
            'example.net': {}, 'sub.example.net': {}, 'deep.er.sub.example.net': {},
        }
        document['services'] = {'sips': {'absent': True}}
        document['domains']['example.org']['zone'] = ['_tcp.example.org', '_sips._tcp.example.org']
        document['domains']['muc.example.org']['zone'].append('_sips._tcp.muc.example.org')
        self.run_inventory(seed=1, document=document)

    def test_no_exception_is_unused(self):
        # Runs last by its place in the alphabet only when the names above stay before it.
        self.assertEqual(set(EXCEPTIONS) - OracleTest.used, set())


QUESTION = b'\x0c_xmpp-client\x04_tcp\x07example\x03org\x00' + struct.pack('!HH', 33, 1)
OPT = b'\x00' + struct.pack('!HHBBHH', 41, 1232, 0, 0, 0, 0)


def header(flags=0, counts=(1, 0, 0, 0), identifier=0x1234):
    return struct.pack('!HHHHHH', identifier, flags, *counts)


# label, packet, rcode (None: no answer at all), source
BROKEN = [
    ('a query that is whole', header() + QUESTION, 0, 'RFC 1035 4.1'),
    ('shorter than a header', header()[:11], None, 'RFC 1035 4.1.1'),
    ('a response', header(0x8000) + QUESTION, None, 'RFC 1035 4.1.1: answering one would loop'),
    ('opcode IQUERY', header(1 << 11) + QUESTION, 4, 'RFC 3425'),
    ('opcode STATUS', header(2 << 11) + QUESTION, 4, 'RFC 1035 4.1.1'),
    ('opcode NOTIFY', header(4 << 11) + QUESTION, 4, 'RFC 1996: no secondary here'),
    ('opcode UPDATE', header(5 << 11) + QUESTION, 4, 'RFC 2136'),
    ('opcode 15', header(15 << 11) + QUESTION, 4, 'RFC 1035 4.1.1'),
    ('no question', header(counts=(0, 0, 0, 0)), 1, 'RFC 9619'),
    ('two questions', header(counts=(2, 0, 0, 0)) + QUESTION * 2, 1, 'RFC 9619'),
    ('an answer in a query', header(counts=(1, 1, 0, 0)) + QUESTION + OPT, 1, 'RFC 1035 4.1'),
    ('a question cut short', header() + QUESTION[:-1], 1, 'RFC 1035 4.1.2'),
    ('a name that does not end', header() + b'\x3f' + b'a' * 20, 1, 'RFC 1035 3.1'),
    ('a compressed question', header() + b'\xc0\x0c' + QUESTION[-4:], 1, 'RFC 1035 4.1.4'),
    ('an extended label', header() + b'\x41aaa\x00' + QUESTION[-4:], 1, 'RFC 6891 5'),
    ('bytes left over', header() + QUESTION + b'\x00', 1, 'RFC 1035 4.1'),
    ('OPT', header(counts=(1, 0, 0, 1)) + QUESTION + OPT, 0, 'RFC 6891'),
    ('two OPT', header(counts=(1, 0, 0, 2)) + QUESTION + OPT * 2, 1, 'RFC 6891 6.1.1'),
    ('OPT that is not at the root', header(counts=(1, 0, 0, 1)) + QUESTION + b'\x01a' + OPT, 1,
     'RFC 6891 6.1.2'),
    ('an option longer than OPT', header(counts=(1, 0, 0, 1)) + QUESTION + OPT[:-2] +
     b'\x00\x04\x00\x0a\x00\x08', 1, 'RFC 6891 6.1.2'),
    ('EDNS version 1', header(counts=(1, 0, 0, 1)) + QUESTION +
     b'\x00' + struct.pack('!HHBBHH', 41, 1232, 0, 1, 0, 0), 16, 'RFC 6891 6.1.3: BADVERS'),
    ('class CHAOS', header() + QUESTION[:-2] + b'\x00\x03', 5, 'not ours: REFUSED'),
    ('AXFR', header() + QUESTION[:-4] + struct.pack('!HH', 252, 1), 5, 'RFC 5936: not for all'),
    ('TSIG as type', header() + QUESTION[:-4] + struct.pack('!HH', 250, 1), 1, 'RFC 8945'),
]


class BrokenPacketsTest(srvplan.Case):
    def test_broken_packets_get_what_the_rfcs_say(self):
        server = self.serve()
        peer = Peer(server.dns_port)
        for number, (label, packet, rcode, source) in enumerate(BROKEN):
            packet = struct.pack('!H', 0x2000 + number) + packet[2:]
            with self.subTest(label, source=source):
                peer.udp.settimeout(0.3 if rcode is None else 3)
                if rcode is None:
                    peer.udp.send(packet)
                    self.assertRaises(socket.timeout, peer.udp.recv, 65535)
                    continue
                answer = peer.over_udp(packet)
                self.assertEqual(answer[2] & 0x80, 0x80)
                self.assertEqual(answer[2] & 0x78, packet[2] & 0x78, 'opcode')
                low = answer[3] & 0x0F
                if rcode > 15:
                    low |= dns.message.from_wire(answer).rcode() & ~0x0F
                self.assertEqual(low, rcode)
                if packet[2] & 0x78 == 0:  # the same over TCP
                    self.assertEqual(peer.over_tcp(packet)[3] & 0x0F, rcode & 0x0F)
        peer.close()


if __name__ == '__main__':
    srvplan.main()
