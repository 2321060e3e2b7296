# SPDX-License-Identifier: GPL-3.0-or-later
"""Zone files with everything in them that we serve, by seed: `zones(seed)` → {apex: text}.

What people write, and what nobody should and somebody will: hosts with odd bytes in their names,
sets of 1 to 1,000 targets, aliases that lead through each other, through wildcards, to nothing, to
delegations and abroad, wildcards at every depth, cuts with every kind of glue, zones in zones."""
import random

import dns.exception
import dns.name

LABEL_BYTES = 'abcdefghijklmnopqrstuvwxyz0123456789-_'
SERVICES = ['_xmpp-client._tcp', '_xmpps-client._tcp', '_xmpp-server._tcp', '_odd._sctp']
# Seeds in a row take sizes in a row, so that a few seeds see all of them.
TARGET_COUNTS = [1, 40, 3, 1000, 12, 2, 28, 300, 7, 20, 60, 9, 100]


def escape(label):
    """Bytes as a label of a zone file."""
    return ''.join(chr(byte) if chr(byte).isalnum() and byte < 0x80 or byte in b'-_'
                   else f'\\{byte:03}' for byte in label)


def label(rng, length):
    return ''.join(rng.choices(LABEL_BYTES[:36], k=length))


def odd_label(rng):
    """Dots, spaces, quotes, NUL, upper case, bytes beyond ASCII; mostly short, some of 63."""
    length = rng.choice([1, 2, 3, 7, 63])
    return escape(bytes(rng.choices([byte for byte in range(256) if byte != ord('*')], k=length)))


class Zone:
    """A zone file under construction."""

    def __init__(self, rng, apex):
        self.rng, self.apex, self.lines = rng, apex, []
        self.kinds = {}  # owner: types, so that no alias gets company
        self.hosts = []

    def add(self, owner, rdtype, rdata, ttl=None):
        types = self.kinds.setdefault(owner.lower(), {})
        if 'CNAME' in types or (rdtype == 'CNAME' and types) or not self.is_name(owner):
            return False
        ttl = types.setdefault(rdtype, self.rng.choice([1, 60, 300, 3600, 86400])
                               if ttl is None else ttl)
        self.lines.append(f'{owner} {ttl} IN {rdtype} {rdata}')
        return True

    def is_name(self, owner):
        """Whether it fits 255 octets."""
        try:
            return bool(dns.name.from_text(owner, dns.name.from_text(self.apex)))
        except dns.exception.DNSException:
            return False

    def add_host(self, owner, number):
        v4 = [f'192.0.2.{number % 250 + 1}', f'198.51.100.{number % 250 + 1}']
        v6 = [f'2001:db8::{number + 1:x}', f'2001:db8:1::{number + 1:x}']
        rng = self.rng
        for rdata in rng.choice([v4[:1], v6[:1], v4[:1] + v6[:1], v4 + v6]):
            if not self.add(owner, 'AAAA' if ':' in rdata else 'A', rdata):
                return
        self.hosts.append(owner)

    def add_glue(self, owner, number):
        """A host that RDATA names only where it is asked for by name."""
        known = list(self.hosts)
        self.add_host(owner, number)
        self.hosts = known

    def text(self):
        lines = self.lines[1:]
        self.rng.shuffle(lines)
        return '\n'.join([f'$ORIGIN {self.apex}', '$TTL 300', self.lines[0], *lines]) + '\n'


def add_frame(zone):
    rng = zone.rng
    mname = rng.choice(['ns1', 'ns.elsewhere.example.', f'{label(rng, 63)}.{label(rng, 63)}.example.'])
    rname = rng.choice(['hostmaster', f'{label(rng, 40)}.{label(rng, 63)}.test.'])
    zone.add('@', 'SOA', f'{mname} {rname} {rng.randrange(2**32)} 3600 900 604800 '
             f'{rng.choice([0, 60, 86400])}')
    zone.add_host('ns1', 100)
    for server in rng.sample(['ns1', 'ns2.elsewhere.example.', f'ns.{label(rng, 50)}.example.',
                              'NS3.Deep.er'], rng.randint(1, 4)):
        zone.add('@', 'NS', server)
    zone.add_host('ns3.deep.er', 101)


def add_hosts(zone, count):
    rng = zone.rng
    for number in range(count):
        zone.add_host(f'h{number}' if number == 0 or count > 99 or rng.random() < 0.9 else f'h{number}-{label(rng, 55)}', number)
    for number in range(4):
        zone.add_host(odd_label(rng), 200 + number)
    zone.add_host('UPPER.Case', 210)
    zone.add_host('.'.join(label(rng, 1) for _ in range(rng.randint(2, 20))), 211)
    if rng.random() < 0.5:
        zone.add_host('@', 212)


def host(zone, others=()):
    """A host for RDATA, mostly one of the zone."""
    rng = zone.rng
    pick = rng.random()
    if pick < 0.75 and zone.hosts:
        return rng.choice(zone.hosts)
    return rng.choice(['nobody', 'there.elsewhere.example.', 'x.wild', 'ns.sub1', 'alias0', *others])


def add_services(zone, size, others):
    rng = zone.rng
    for service in rng.sample(SERVICES, 3):
        count, size = size, rng.choice([1, 2, 5])
        targets = [f'h{number}' for number in range(count)] if count > 5 else \
            sorted({host(zone, others) for _ in range(count)})
        for target in targets:
            zone.add(service, 'SRV', f'{rng.choice([0, 10])} {rng.choice([0, 1, 5, 65535])} '
                     f'5222 {target}', ttl=300)
    zone.add('_none._udp', 'SRV', '0 0 0 .')
    for preference in range(rng.randint(1, 4)):
        zone.add(rng.choice(['@', 'mail']), 'MX', f'{preference} {host(zone, others)}')


def add_data(zone):
    rng = zone.rng
    for length in rng.sample([20, 400, 500, 1100, 1200, 1300, 9000], 3):
        strings = ' '.join(['"' + label(rng, 99) + '"'] * max(1, length // 100))
        zone.add(f'text{length}', 'TXT', strings)
    zone.add('@', 'TXT', '"v=spf1 mx -all"')
    zone.add('@', 'TXT', 'one "" "t\\"w\\\\o\\000"')
    zone.add('@', 'CAA', '0 issue "ca.example"')
    zone.add('_443._tcp.www', 'TLSA', '3 1 1 ' + '0c' * 32)
    zone.add('@', 'HTTPS', '1 . alpn=h2,h3 ipv4hint=192.0.2.80')
    zone.add('web', 'HTTPS', '2 h0 port=8443')
    zone.add('_svc', 'SVCB', '0 web')
    zone.add('number', 'TYPE65280', '\\# 4 01020304')
    zone.add('number', 'TYPE65281', '\\# 0')
    zone.add('naptr', 'NAPTR', '10 20 "s" "SIP+D2U" "" _sip._udp')
    zone.add('hinfo', 'HINFO', 'PC Linux')
    zone.add('ptr', 'PTR', 'www.Example.ORG.')
    zone.add('sshfp', 'SSHFP', '4 2 ' + 'ab' * 32)
    zone.add('a.b.c.d.e.f', 'TXT', 'deep')
    for number in range(rng.choice([1, 30, 200])):
        zone.add('many', 'A', f'10.0.{number // 250}.{number % 250 + 1}', ttl=60)


def add_wildcards(zone):
    rng = zone.rng
    zone.add('*.wild', 'TXT', 'wild')
    zone.add('*.wild', 'A', '192.0.2.77')
    zone.add('not.wild', 'TXT', 'beside it')
    zone.add('x.ent.wild', 'TXT', 'below an empty name, where it does not reach')
    zone.add('*.far.down.wilder', 'MX', f'10 {host(zone)}')
    zone.add('*.*.double', 'TXT', 'twice')
    zone.add('below.*.star', 'TXT', 'so the asterisk is there and empty')
    zone.add('*.aliased', 'CNAME', rng.choice(['h0', 'to0', 'x.wild', 'nobody', 'x.sub1',
                                               'away.example.', 'text20']))
    zone.add('*.' + odd_label(rng), 'SRV', f'1 2 3 {host(zone)}')
    if rng.random() < 0.3:
        zone.add('*', *rng.choice([('A', '192.0.2.78'), ('CNAME', 'h0')]))


def add_aliases(zone, others):
    rng = zone.rng
    length = rng.choice([1, 2, 5, 11])
    for number in range(length):
        zone.add(f'alias{number}', 'CNAME', f'alias{number + 1}')
    zone.add(f'alias{length}', 'CNAME', rng.choice(
        ['h0', '@', 'many', '_xmpp-client._tcp', 'nobody', 'deep.er', 'x.wild', 'x.y.wild',
         'x.sub1', 'sub2', 'away.example.', 'x.aliased', *others]))
    for number, target in enumerate(['h1', 'text9000', 'nobody.at.all', 'b.c.d.e.f', 'x.wild',
                                     'y.not.wild', 'sub1', 'ns.sub1', 'x.sub3', 'away.example.',
                                     'number', 'a.far.down.wilder', 'q.aliased', '*.wild',
                                     'mail', *others]):
        zone.add(f'to{number}', 'CNAME', target)
    zone.add(odd_label(rng), 'CNAME', 'UPPER.case')
    zone.add(f'{label(rng, 63)}.{label(rng, 63)}.{label(rng, 40)}', 'CNAME', 'mail')


def add_cuts(zone):
    rng = zone.rng
    zone.add('sub1', 'NS', 'ns.sub1')  # in it
    zone.add_glue('ns.sub1', 150)
    zone.add('sub1', 'NS', 'ns.elsewhere.example.')
    zone.add('sub2', 'NS', 'ns.sub1')  # beside it
    zone.add('sub3', 'NS', 'ns.elsewhere.example.')  # none
    zone.add('sub3', 'DS', '20326 8 2 ' + 'e0' * 32)
    zone.add('a.b.sub4', 'NS', 'h0')  # of the zone, and below an empty name
    zone.add('a.b.sub4', 'NS', 'deep.ns.a.b.sub4')
    zone.add_glue('deep.ns.a.b.sub4', 151)
    zone.add('sub5', 'NS', 'sub5')  # itself
    zone.add_glue('sub5', 152)
    zone.add('wide', 'NS', 'ns0.wide')
    for number in range(rng.choice([2, 13, 40])):
        zone.add('wide', 'NS', f'ns{number}.wide')
        zone.add_glue(f'ns{number}.wide', 160 + number)
    zone.add(f'below.{odd_label(rng)}', 'NS', 'ns.sub1')


def make(rng, apex, size, inner=()):
    zone = Zone(rng, apex)
    add_frame(zone)
    add_hosts(zone, max(3, size))
    add_cuts(zone)
    others = [name for child in inner for name in (child, f'h0.{child}', f'nobody.{child}')]
    for child in inner:
        if rng.random() < 0.7:  # else nothing above says that there is a zone below
            zone.add(child, 'NS', f'ns1.{child}')
            zone.add_glue(f'ns1.{child}', 100)
            if rng.random() < 0.5:
                zone.add(child, 'DS', '1 8 2 ' + 'aa' * 32)
    add_aliases(zone, others)
    add_services(zone, size, others)
    add_data(zone)
    add_wildcards(zone)
    return zone.text()


def zones(seed):
    rng = random.Random(f'zones {seed}')
    size = TARGET_COUNTS[seed % len(TARGET_COUNTS)]
    base = 'example.org.' if size > 99 else rng.choice(['example.org.', 'Example.NET.', f'{label(rng, 30)}.example.',
                       f'{label(rng, 63)}.{label(rng, 63)}.example.', '_tcp.example.org.'])
    inner = rng.sample(['child', '_tcp.served', 'c.child', 'x.y.inner'], rng.randint(0, 3))
    texts = {base: make(rng, base, size, inner)}
    for name in inner:
        below = [other[:-len(name) - 1] for other in inner if other.endswith('.' + name)]
        texts[f'{name}.{base}'] = make(rng, f'{name}.{base}', 3, below)
    texts['other.test.'] = make(rng, 'other.test.', 2)
    return texts
