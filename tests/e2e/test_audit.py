#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""srvplan audit: what it says of live DNS, and that no server fools or holds it.

NSD serves zones that are wrong, srvplan-dnsd one that is right. A server in Python lies in every
way that it can: the audit believes none of it and ends in bounded time."""
import concurrent.futures
import json
import os
import re
import socket
import struct
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import dns.flags  # noqa: E402
import dns.message  # noqa: E402
import dns.name  # noqa: E402
import dns.rcode  # noqa: E402
import dns.rrset  # noqa: E402
import srvplan  # noqa: E402
from nsd import Nsd  # noqa: E402

OWNER = '_xmpp-client._tcp.example.org.'
# All tries of one server: 2 s and 4 s over UDP, as much again over TCP, and a loaded machine.
BOUND_SECONDS = 30

HEAD = '''$ORIGIN example.org.
$TTL 300
@ IN SOA ns1 hostmaster {serial} 3600 600 604800 60
@ IN NS ns1
@ IN NS ns2
ns1 IN A 127.0.0.1
ns2 IN A 127.0.0.2
'''
HOSTS = '''xmpp1 IN A 192.0.2.11
xmpp1 IN AAAA 2001:db8::11
xmpp2 IN A 192.0.2.12
xmpp2 IN AAAA 2001:db8::12
'''
GOOD = HEAD.format(serial=7) + HOSTS + '''@ IN A 192.0.2.11
_xmpp-client._tcp IN SRV 10 32512 5222 xmpp1
_xmpp-client._tcp IN SRV 10 32512 5222 xmpp2
_xmpps-client._tcp IN SRV 0 0 0 .
_xmpp-server._tcp IN SRV 10 32512 5269 xmpp1
_xmpp-server._tcp IN SRV 10 32512 5269 xmpp2
_xmpps-server._tcp IN SRV 0 0 0 .
'''
BAD = HEAD.format(serial=7).replace('604800 60', '604800 7200') + HOSTS + '''@ IN A 192.0.2.80
chat IN CNAME xmpp2
_xmppconnect IN TXT "_xmpp-client-xbosh=https://example.org/http-bind"
_xmpp-client._tcp 86400 IN SRV 5 50 5222 xmpp1
_xmpp-client._tcp 86400 IN SRV 5 30 5222 chat
_xmpp-client._tcp 86400 IN SRV 5 0 5222 gone
_xmpps-client._tcp 86400 IN SRV 5 1 5222 xmpp1
_xmpp-server._tcp 86400 IN SRV 0 1 0 .
*._tcp IN SRV 0 0 0 .
_5222._tcp.xmpp1 IN TLSA 3 1 1 ''' + 'ab' * 32 + '\n'


def audit(*arguments, check=None, timeout=90):
    return srvplan.command('audit', *arguments, check=check, timeout=timeout)


def audit_json(port, check, domain='example.org'):
    return json.loads(audit(domain, '--server', f'127.0.0.1:{port}', '-o', 'json',
                            check=check).stdout)


def codes(document, severity=None):
    return {finding['code'] for finding in document['findings']
            if severity in (None, finding['severity'])}


class ZonesTest(srvplan.Case):
    def test_a_good_zone_gets_an_a(self):
        with Nsd({'example.org': GOOD}) as nsd:
            document = audit_json(nsd.port, srvplan.OK)
        self.assertEqual(document['grade'], 'A', document['findings'])
        self.assertEqual(document['score'], 100)
        self.assertEqual(codes(document, 'error') | codes(document, 'warning'), set())
        self.assertTrue(document['whole_ttls'])
        self.assertEqual({item['name']: item['ttl'] for item in document['sets']}[OWNER], 300)

    def test_a_bad_zone_gets_its_findings_and_a_set_that_has_none_of_the_errors(self):
        with Nsd({'example.org': BAD}) as nsd:
            document = audit_json(nsd.port, srvplan.FAILED)
        self.assertLessEqual({'N06', 'N07', 'N08', 'X01', 'X13'}, codes(document, 'error'))
        self.assertLessEqual({'N13', 'X04', 'X08', 'X09', 'X14', 'T01'},
                             codes(document, 'warning'))
        self.assertEqual(document['grade'], 'F')
        zone, inventory = document['corrected']['zone'], document['corrected']['inventory']
        self.assertIn(f'{OWNER} 300 IN SRV 5 39680 5222 xmpp1.example.org.', zone)
        self.assertIn(f'{OWNER} 300 IN SRV 5 23808 5222 xmpp2.example.org.', zone)
        self.assertIn('; left out: gone.example.org., which has no address', zone)
        self.assertIn('_xmpp-server._tcp.example.org. 300 IN SRV 0 0 0 .', zone)
        self.assertNotRegex(zone, r'(?m)^[^;].*(chat|gone)\.example\.org')
        self.judged(inventory, '.jsonc', '-f')
        self.judged(zone, '.zone', '--lint-zone')

    def judged(self, text, suffix, option):
        """What comes out is read again; the one thing that nobody can mend is the port."""
        with tempfile.NamedTemporaryFile('w', suffix=suffix) as file:
            file.write(text)
            file.flush()
            done = srvplan.command('check', option, file.name, '-o', 'json')
        self.assertLessEqual(codes(json.loads(done.stdout), 'error'), {'X01'}, done.stdout)

    def test_the_inventory_of_a_good_zone_makes_the_same_sets(self):
        with Nsd({'example.org': GOOD}) as nsd:
            inventory = audit_json(nsd.port, srvplan.OK)['corrected']['inventory']
        with tempfile.NamedTemporaryFile('w', suffix='.jsonc') as file:
            file.write(inventory)
            file.flush()
            zone = srvplan.command('zone', '--fragment', '-f', file.name, check=srvplan.OK).stdout
        wanted = {f'{line.split()[0]}.example.org. 300 IN {line.split(None, 2)[2]}'
                  for line in GOOD.splitlines() if line.startswith('_')}
        wanted = {re.sub(r'(xmpp\d)$', r'\1.example.org.', line) for line in wanted}
        self.assertEqual({line for line in zone.splitlines() if line.startswith('_')}, wanted)

    def test_name_servers_that_are_not_in_step(self):
        old = GOOD.replace(' 7 3600', ' 6 3600')
        with Nsd({'example.org': GOOD}) as first, \
                Nsd({'example.org': old}, address='127.0.0.2', port=first.port):
            document = audit_json(first.port, srvplan.OK)
        self.assertEqual({item['address'].split(':')[0]: item['serial']
                          for item in document['authorities']}, {'127.0.0.1': 7, '127.0.0.2': 6})
        self.assertEqual(codes(document, 'warning'), {'T06'})
        self.assertEqual(document['grade'], 'A')

    def test_our_own_zone_has_no_errors(self):
        document = srvplan.inventory()
        document['nodes']['xmpp4'] = {'addresses': ['192.0.2.14', '2001:db8::14'],
                                      'tier': 'standby'}
        document['nodes']['xmpp2']['addresses'].append('2001:db8::12')
        with srvplan.Server(document) as server:
            result = audit_json(server.dns_port, srvplan.OK)
            self.assertEqual(codes(result, 'error') | codes(result, 'warning'), set(),
                             result['findings'])
            self.assertEqual({item['name'] for item in result['sets']},
                             {owner for owner in srvplan.OWNERS if owner.endswith('.example.org.')})

    def test_a_domain_without_srv_records(self):
        with Nsd({'example.org': HEAD.format(serial=1)}) as nsd:
            document = audit_json(nsd.port, srvplan.FAILED)
            self.assertEqual(document['grade'], 'F')
            self.assertIn('no-srv-records', codes(document))
            self.assertEqual(document['corrected'], {'zone': '', 'inventory': ''})

    def test_for_people_there_is_the_grade_and_how_it_is_made(self):
        with Nsd({'example.org': BAD}) as nsd:
            done = audit('example.org', '--server', f'127.0.0.1:{nsd.port}', check=srvplan.FAILED)
        self.assertIn('example.org: grade F', done.stdout)
        self.assertIn('each kind of error takes 25', done.stdout)
        self.assertIn('a corrected set for the zone', done.stdout)
        self.assertRegex(done.stdout, r'(?m)^example\.org: error: .*\[N08\]')

    def test_usage(self):
        for arguments, said in ((('example..org',), 'example..org'), (('.',), 'the root'),
                                (('example.org', '--server', 'nobody'), 'no address'),
                                (('example.org', '--server', '127.0.0.1:0'), 'no address')):
            with self.subTest(arguments=arguments):
                self.assertIn(said, audit(*arguments, check=srvplan.USAGE).stderr)


# ---- a server that lies -------------------------------------------------------------------------

ZONE = {(OWNER, 'SRV'): ['10 32512 5222 xmpp1.example.org.', '10 32512 5222 xmpp2.example.org.'],
        ('xmpp1.example.org.', 'A'): ['192.0.2.11'], ('xmpp2.example.org.', 'A'): ['192.0.2.12'],
        ('example.org.', 'SOA'): ['ns1.example.org. h.example.org. 1 3600 600 604800 60']}
FORGED = '10 1 5222 evil.example.com.'


def honest(query):
    """The right answer to a query, as a message."""
    response = dns.message.make_response(query)
    question = query.question[0]
    key = (question.name.to_text().lower(), dns.rdatatype.to_text(question.rdtype))
    response.flags |= dns.flags.AA
    if key in ZONE:
        response.answer.append(dns.rrset.from_text(question.name, 300, 'IN', key[1], *ZONE[key]))
    return response


def forged(query):
    response = dns.message.make_response(query)
    question = query.question[0]
    response.answer.append(dns.rrset.from_text(question.name, 300, 'IN', 'SRV', FORGED))
    return response


def with_id(wire, number):
    return struct.pack('>H', number) + wire[2:]


class Liar:
    """Answers by two functions: udp(liar, query, send) and tcp(liar, query) → bytes or None."""

    def __init__(self, udp, tcp=None):
        self.lie, self.tcp_lie = udp, tcp
        self.port = srvplan.free_port()
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(('127.0.0.1', self.port))
        self.tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if tcp:
            self.tcp.bind(('127.0.0.1', self.port))
            self.tcp.listen(16)
        self.ended = threading.Event()
        self.ids, self.sources, self.names = [], [], []
        self.threads = [threading.Thread(target=self.run_udp)]
        if tcp:
            self.threads.append(threading.Thread(target=self.run_tcp))
        for thread in self.threads:
            thread.start()

    def run_udp(self):
        self.udp.settimeout(0.2)
        while not self.ended.is_set():
            try:
                wire, source = self.udp.recvfrom(65535)
            except socket.timeout:
                continue
            query = dns.message.from_wire(wire)
            self.ids.append(query.id)
            self.sources.append(source[1])
            self.names.append(wire[12:12 + len(OWNER) + 1])
            self.lie(self, query, lambda data, to=source: self.udp.sendto(data, to))

    def run_tcp(self):
        self.tcp.settimeout(0.2)
        while not self.ended.is_set():
            try:
                connection, _ = self.tcp.accept()
            except socket.timeout:
                continue
            with connection:
                connection.settimeout(5)
                try:
                    length = struct.unpack('>H', connection.recv(2, socket.MSG_WAITALL))[0]
                    query = dns.message.from_wire(connection.recv(length, socket.MSG_WAITALL))
                    answer = self.tcp_lie(self, query)
                    if answer is not None:
                        connection.sendall(answer)
                except (OSError, struct.error):
                    pass

    def close(self):
        self.ended.set()
        for thread in self.threads:
            thread.join()
        self.udp.close()
        self.tcp.close()


def framed(wire):
    return struct.pack('>H', len(wire)) + wire


def right(_liar, query, send):
    send(honest(query).to_wire())


def wrong_id(_liar, query, send):
    send(with_id(forged(query).to_wire(), query.id ^ 1))


def wrong_name(_liar, query, send):
    other = dns.message.make_query('_xmpp-client._tcp.example.net', 'SRV', id=query.id)
    send(forged(other).to_wire())


def wrong_type(_liar, query, send):
    other = dns.message.make_query(query.question[0].name, 'A', id=query.id)
    send(honest(other).to_wire())


def other_port(_liar, query, send):
    """From another socket of the same machine, to where the query came from."""
    del send
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(('127.0.0.1', 0))
        stranger.sendto(forged(query).to_wire(), ('127.0.0.1', _liar.sources[-1]))


def other_address(_liar, query, send):
    del send
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(('127.0.0.3', _liar.port))
        stranger.sendto(forged(query).to_wire(), ('127.0.0.1', _liar.sources[-1]))


def truncated(_liar, query, send):
    response = dns.message.make_response(query)
    response.flags |= dns.flags.TC
    send(response.to_wire())


def pointer_loop(_liar, query, send):
    head = dns.message.make_response(query).to_wire()[:12]
    question = query.to_wire()[12:12 + len(query.question[0].name.to_wire()) + 4]
    here = 12 + len(question)
    record = struct.pack('>HHHIH', 0xc000 | here, 33, 1, 300, 6) + b'\0\1\0\1\0\1'
    send(head[:4] + struct.pack('>HHHH', 1, 1, 0, 0) + question + record)


def garbage(_liar, query, send):
    send(struct.pack('>HH', query.id, 0x8180) + b'\xff' * 300)


def nothing(_liar, query, send):
    del query, send


def no_edns(_liar, query, send):
    response = honest(query)
    if query.edns >= 0:
        response = dns.message.make_response(query)
        response.use_edns(-1)
        response.set_rcode(dns.rcode.FORMERR)
    send(response.to_wire())


def lower_case(_liar, query, send):
    """A server that does not keep the case of the question."""
    response = honest(query)
    wire = bytearray(response.to_wire())
    name = query.question[0].name.to_wire()
    wire[12:12 + len(name)] = name.lower()
    send(bytes(wire))


def poisoned_first(_liar, query, send):
    """The forgery comes first, from the right address, with a guessed id."""
    for guess in (query.id ^ 1, query.id ^ 2, query.id ^ 3):
        send(with_id(forged(query).to_wire(), guess))
    send(honest(query).to_wire())


def flood(_liar, query, send):
    for guess in range(1, 200):
        send(with_id(forged(query).to_wire(), (query.id + guess) & 0xffff))


def refused(_liar, query, send):
    response = dns.message.make_response(query)
    response.set_rcode(dns.rcode.REFUSED)
    send(response.to_wire())


def alias_loop(_liar, query, send):
    response = dns.message.make_response(query)
    name = query.question[0].name
    other = dns.name.from_text('loop.' + name.to_text().lower().removeprefix('loop.'))
    for a, b in ((name, other), (other, name)):
        response.answer.append(dns.rrset.from_text(a, 300, 'IN', 'CNAME', b.to_text()))
    send(response.to_wire())


def tcp_right(_liar, query):
    return framed(honest(query).to_wire())


def tcp_wrong_id(_liar, query):
    return framed(with_id(forged(query).to_wire(), query.id ^ 1))


def tcp_cut(_liar, query):
    return framed(honest(query).to_wire())[:20]


def tcp_trickle(liar, query):
    """A byte now and then, for ever."""
    del query
    end = time.monotonic() + BOUND_SECONDS
    while not liar.ended.is_set() and time.monotonic() < end:
        time.sleep(0.1)


# Lies that get nobody anywhere: (label, UDP, TCP, what the error says)
HOPELESS = [
    ('another id', wrong_id, None, 'other questions only'),
    ('another name in the question', wrong_name, None, 'other questions only'),
    ('another type in the question', wrong_type, None, 'other questions only'),
    ('an answer from another port', other_port, None, 'is silent'),
    ('an answer from another address', other_address, None, 'is silent'),
    ('truncated, and TCP is closed', truncated, None, 'cannot be reached'),
    ('truncated, and another id over TCP', truncated, tcp_wrong_id, 'another question'),
    ('truncated, and TCP breaks off', truncated, tcp_cut, 'breaks off'),
    ('truncated, and TCP never answers', truncated, tcp_trickle, 'silent over TCP'),
    ('a loop of compression pointers', pointer_loop, tcp_cut, 'breaks off'),
    ('garbage', garbage, None, 'other questions only'),
    ('nothing', nothing, None, 'is silent'),
    ('a flood of guesses, and TCP is closed', flood, None, 'cannot be reached'),
    ('a refusal', refused, None, 'REFUSED'),
]
# Trouble that is got over: (label, UDP, TCP)
OVERCOME = [
    ('all is well', right, tcp_right),
    ('truncated, TCP has it whole', truncated, tcp_right),
    ('a loop of pointers over UDP alone', pointer_loop, tcp_right),
    ('no EDNS', no_edns, tcp_right),
    ('the question in lower case', lower_case, tcp_right),
    ('a forgery comes first', poisoned_first, tcp_right),
    ('a flood of guesses, TCP cannot be guessed', flood, tcp_right),
]


class LiarTest(srvplan.Case):
    maxDiff = None

    def ask_liar(self, row):
        """(row, result, seconds, liar)"""
        liar = Liar(row[1], row[2])
        start = time.monotonic()
        try:
            done = audit('example.org', '--server', f'127.0.0.1:{liar.port}', '-o', 'json')
        finally:
            liar.close()
        return row, done, time.monotonic() - start, liar

    def all_rows(self, rows):
        with concurrent.futures.ThreadPoolExecutor(len(rows)) as pool:
            return list(pool.map(self.ask_liar, rows))

    def test_no_lie_is_believed_and_none_takes_for_ever(self):
        for row, done, seconds, _ in self.all_rows(HOPELESS):
            with self.subTest(lie=row[0]):
                self.assertEqual(done.returncode, srvplan.UNREACHABLE, done.stderr)
                self.assertIn(row[3], done.stderr)
                self.assertIn('127.0.0.1:', done.stderr)
                self.assertNotIn('evil', done.stdout + done.stderr)
                self.assertLess(seconds, BOUND_SECONDS)

    def test_honest_answers_get_through(self):
        for row, done, seconds, _ in self.all_rows(OVERCOME):
            with self.subTest(trouble=row[0]):
                self.assertIn(done.returncode, (srvplan.OK, srvplan.FAILED), done.stderr)
                document = json.loads(done.stdout)
                self.assertEqual([item['records'] for item in document['sets']],
                                 [sorted(ZONE[OWNER, 'SRV'])])
                self.assertNotIn('evil', done.stdout)
                self.assertLess(seconds, BOUND_SECONDS)

    def test_an_alias_loop_ends(self):
        _, done, _, _ = self.ask_liar(('loop', alias_loop, None))
        self.assertEqual(done.returncode, srvplan.FAILED)
        self.assertIn('CNAMEs in a row', done.stderr)

    def test_ids_ports_and_cases_are_drawn_anew(self):
        _, _, _, liar = self.ask_liar(OVERCOME[0])
        self.assertGreater(len(liar.ids), 10)
        # Of so few draws from 65,536 two may be equal by chance, four not.
        self.assertGreater(len(set(liar.ids)), len(liar.ids) - 3)
        self.assertGreater(len(set(liar.sources)), len(liar.sources) - 3)
        mixed = [name for name in liar.names if name != name.lower() and name != name.upper()]
        self.assertGreater(len(mixed), len(liar.names) - 3)

    def test_nobody_listens(self):
        start = time.monotonic()
        done = audit('example.org', '--server', f'127.0.0.1:{srvplan.free_port()}',
                     check=srvplan.UNREACHABLE)
        self.assertIn('Connection refused', done.stderr)
        self.assertLess(time.monotonic() - start, 10)


if __name__ == '__main__':
    unittest.main(verbosity=2)
