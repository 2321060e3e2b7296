# SPDX-License-Identifier: GPL-3.0-or-later
"""NSD as oracle: it serves the zone files of `srvplan zone`, dnsd the image of the same plan.

For every name and type of the zones and for generated misses, with and without EDNS, over UDP and
TCP: the same rcode, flags, EDNS, question byte for byte, answer and authority sets with their TTLs.
NSD runs with `minimal-responses: yes`: our positive answers carry no NS either. The additional
section may only be richer than NSD's, so the zone files judge it: the addresses, as whole sets, of
hosts that the answer names and the answering zone holds; all of them over TCP, and over UDP too
when they fit.

Differences that are meant stand in EXCEPTIONS, each with its reason; one that is never needed is a
mistake in the list. SRVPLAN_SEED=N runs the generated inventories of that seed alone,
SRVPLAN_LONG=1 more of them.

Broken packets are judged by a table of what the RFCs say; where NSD says something else, that is
argued too."""
import collections
import itertools
import os
import random
import struct
import sys
import time
import typing

import dns.rcode

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'support'))
from dns_message import (  # noqa: E402
    A, AA, AAAA, CNAME, DO, HOST_AT, IN, Malformed, Message, NS, OPT, QR, RD, SOA, SRV, TC, TSIG)
from dns_oracle import (  # noqa: E402
    EDNS, ODD_EDNS, Query, ZoneFiles, around, compare, first_name, glue_bytes, is_too_long,
    judge_additional, judge_size, kind_of)
from dns_peers import Peer, exchange  # noqa: E402
import generate  # noqa: E402
from nsd import Nsd  # noqa: E402
import srvplan  # noqa: E402

SEEDS = range(1, 101 if os.environ.get('SRVPLAN_LONG') else 17)
CHOSEN_SEED = os.environ.get('SRVPLAN_SEED')
SRV_AND_COMMON = ['SRV', 'A', 'AAAA', 'NS', 'SOA']
MISSING_TYPES = ['TXT', 'MX', 'DS', 'CNAME', 'NAPTR', 'TYPE65280']
BATCH = 24
MOST_PROBLEMS = 20  # of an inventory; then it is given up


# -- what may differ --
class Answers(typing.NamedTuple):
    """Ours: the one that is compared, and the one over TCP, which nothing cuts."""
    message: Message
    whole: Message


def is_cut_for_its_names(query, kind, ours, theirs):
    required = ours.whole.answer + ours.whole.authority
    return (kind in ('TC', 'answer', 'authority') and is_too_long(query, ours.whole)
            and ours.message.flags & TC and not theirs.flags & TC and not glue_bytes(ours.whole)
            and {record[1] for record in required} <= {SOA, NS})


def lacks_glue(query, kind, ours, theirs):
    return (kind in ('TC', 'authority', 'additional', 'answer') and glue_bytes(ours.whole)
            and is_too_long(query, ours.whole) and ours.message.flags & TC)


def ends_before_its_tail(query, kind, ours, theirs):
    return (kind == 'answer' and ours.message.flags & theirs.flags & TC
            and set(record[1] for record in theirs.answer) == {CNAME})


def leads_elsewhere(query, kind, ours, theirs):
    if kind not in ('answer', 'authority', 'rcode', 'additional', 'TC'):
        return False
    targets = {record[4] for record in ours.whole.answer if record[1] == CNAME}
    targets -= {record[0] for record in ours.whole.answer}
    zone = query.truth.zone_of(query.name)
    return any(query.truth.zone_of(target) != zone for target in targets)


# name: (reason, does it cover (query, kind of difference, our answers, NSD's)?). A difference that
# none covers is a failure, and so is one that covers nothing in a whole run.
EXCEPTIONS = {
    'names of SOA and NS not compressed against labels below the apex': (
        'RFC 1035 4.1.4 leaves it to each program which pointers it uses, "although this will '
        'reduce datagram capacity, and may cause truncation". One body serves many questions: names '
        'in it point at the apex, above it, or at each other, never at labels that only one '
        'question has. With names of some 200 octets NSD may then just fit where we do not; that '
        'TC comes only then is what judge_size sees to. Needs SRVPLAN_LONG to be met: 12 answers '
        'of 2.3 million.',
        is_cut_for_its_names),
    'a referral whose glue does not fit is truncated': (
        'RFC 9471 3.1: where the addresses of name servers within the delegation do not all fit, '
        'TC must be set. NSD 4.6 does so only where none fits, and the resolver does not learn that '
        'there are more. Knot sets TC, as we do; and of what is truncated we send nothing.',
        lacks_glue),
    'an answer that is truncated is empty': (
        'RFC 2181 9 forbids nobody to leave out what a truncated answer could still hold: the client '
        'asks again over TCP and takes nothing of it. NSD leaves the aliases in that came first.',
        ends_before_its_tail),
    'an alias is followed within its zone': (
        'RFC 1034 4.3.2 step 3a goes on in the zone at hand. Where an alias leads into another zone of '
        'ours, NSD goes on there when it happens to serve both, Knot does not, and resolvers ask '
        'anew, since they trust nobody beyond the zone asked (RFC 2181 5.4.1). Below a delegation '
        'to another zone of ours the referral follows, as for any delegation.',
        leads_elsewhere),
}


# -- inventories --
# generate.py makes them as people write them; odd() as nobody should and somebody will: zones three
# deep, `_tcp.NAME` alone or beside its parent, labels of 63 octets and owners of 255, hosts at an
# apex, below a cut or elsewhere, with up to a dozen addresses, absent services, upper case.
SERVICES = ['xmpp-client', 'xmpps-client', 'xmpp-server', 'xmpps-server', 'sips', 'imaps', 'odd']
# Seeds in a row take sizes in a row, so that a few seeds see all of them.
NODE_COUNTS = [1, 60, 3, 12, 28, 2, 40, 7, 20, 50, 9, 30]
LABEL_BYTES = 'abcdefghijklmnopqrstuvwxyz0123456789'


def _label(rng, length):
    return ''.join(rng.choices(LABEL_BYTES, k=length))


def _addresses(rng, number):
    v4 = [f'192.0.2.{number}', f'198.51.100.{number}', f'203.0.113.{number}']
    v6 = [f'2001:db8:{site:x}::{number:x}' for site in range(9)]
    return rng.choice([v4[:1], v6[:1], v4[:1] + v6[:1], v4[:1] + v6[:1], v4[:2] + v6[:2],
                       v6[:1] + v4, v4 + v6])


def _host(rng, key, base, zones):
    """Where a node stands; mostly right below the base, as people do."""
    zone = rng.choice(zones)
    return rng.choice([None, None, None, f'{key}.{zone}', f'{key}.{_label(rng, 63)}.{base}',
                       f'{key}.elsewhere.example', f'{key.upper()}.Deep.er.{zone}.'])


def _nodes(rng, count, base, zones):
    nodes = {}
    for number in range(1, count + 1):
        key = f'n{number}' if rng.random() < 0.85 else f'n{number}-{_label(rng, 60 - number // 10)}'
        nodes[key] = {'addresses': _addresses(rng, number), 'capacity': rng.randint(1, 10**9),
                      'tier': rng.choice(['first', 'last'])}
        host = _host(rng, key, base, zones)
        if host and len(host.rstrip('.')) <= 253:
            nodes[key]['host'] = host
        if number > 1 and rng.random() < 0.1:  # the first stays: no set is ever empty
            nodes[key]['state'] = rng.choice(['drain', 'maint', 'off'])
        if number > 1 and rng.random() < 0.1:
            nodes[key]['services'] = rng.sample(SERVICES, 2)
    if rng.random() < 0.3:  # a host at an apex
        nodes['apex'] = {'host': rng.choice(zones), 'addresses': ['192.0.2.240', '2001:db8::f0']}
    return nodes


def _domains(rng, base):
    """{domain: its zones}; each zone of the list is ours, a record goes into the longest."""
    rest = f'{_label(rng, 63)}.{_label(rng, 63)}.'
    fill = min(63, 253 - len(f'_abcdefghijklmno._sctp.{rest}.{base}'))  # 253 in text, 255 in wire
    long = f'{rest}{_label(rng, fill)}.{base}'
    plans = {
        base: [[base], [base], [base, f'_tcp.{base}']],
        f'chat.{base}': [[base], [f'chat.{base}'], [f'chat.{base}', f'_tcp.chat.{base}'],
                         [f'_tcp.chat.{base}'], [f'_xmpp-client._tcp.chat.{base}', base]],
        f'a.b.chat.{base}': [[base], [f'b.chat.{base}'], [f'a.b.chat.{base}']],
        long: [[base], [long], [f'_tcp.{long}', f'{long[64:]}']],
        'other.test': [['other.test'], ['_tcp.other.test', '_sctp.other.test'],
                       ['_tcp.other.test', 'other.test']],
        f'{_label(rng, 63)}.other.test': [['other.test']],
    }
    names = [base] + [name for name in list(plans)[1:] if rng.random() < 0.7]
    return {name: rng.choice(plans[name]) for name in names}


def _name_servers(rng, base, zones):
    servers = [{'host': f'ns1.{base}', 'addresses': ['192.0.2.250', '2001:db8::fa']},
               {'host': f'NS2.{rng.choice(zones)}.', 'addresses': ['192.0.2.251']},
               'ns.elsewhere.example', f'{_label(rng, 63)}.elsewhere.example.']
    return rng.sample(servers, rng.randint(1, len(servers)))


def _soa(rng, base):
    """Long names make negative answers that 512 bytes do not always hold."""
    soa = {'minimum': rng.choice([0, '1m', '1d'])}
    if rng.random() < 0.4:
        soa['mname'] = f'{_label(rng, 63)}.{_label(rng, 63)}.{_label(rng, 63)}.example'
        soa['rname'] = rng.choice([f'{_label(rng, 63)}.{base}',
                                   f'{_label(rng, 63)}.{_label(rng, 63)}.{_label(rng, 60)}.test'])
    return soa


def odd(seed):
    rng = random.Random(f'odd {seed}')
    base = rng.choice(['example.org', 'Xmpp.Example.NET', f'{_label(rng, 30)}.example'])
    domains = _domains(rng, base)
    zones = sorted({zone for chosen in domains.values() for zone in chosen})
    services = {'odd': {'srv': '_abcdefghijklmno._sctp', 'port': 65535}}
    if rng.random() < 0.5:
        services['caldavs'] = {'absent': True}
    document = {
        'srvplan': 1,
        'defaults': {'base': base, 'tier': 'first', 'ttl': rng.choice([1, '5m', 86400]),
                     'services': SERVICES[:rng.randint(1, 5)],
                     'name_servers': _name_servers(rng, base, zones),
                     'soa': _soa(rng, base)},
        'tiers': {'first': {'priority': rng.choice([0, 10])}, 'last': {'priority': 65535}},
        'services': services,
        'nodes': _nodes(rng, NODE_COUNTS[seed % len(NODE_COUNTS)], base, zones),
        'domains': {},
    }
    for name, chosen in domains.items():
        domain = document['domains'][name] = {'zone': chosen}
        if rng.random() < 0.5:
            domain['services'] = rng.sample(SERVICES, rng.randint(1, len(SERVICES)))
        if rng.random() < 0.5:
            domain['ttl'] = rng.choice([1, 30, '1h', '1w'])
    return document


def every_size():
    """One zone with sets of 1 to 60 targets, and with owners of 64 lengths for the sets that just
    fit 512 and 1,232 bytes or just do not: an octet more in the name is an octet less room."""
    nodes = {f'n{number:02}': {'addresses': [f'192.0.2.{number}', f'2001:db8::{number:x}']}
             for number in range(1, 61)}
    domains = {f'd{count}.example.org': {'nodes': list(nodes)[:count]} for count in range(1, 61)}
    for count in (12, 33):  # of 35 octets each
        for length in range(2, 64):
            name = f'{chr(97 + count % 26) * length}.example.org'
            domains[name] = {'nodes': list(nodes)[:count]}
    for domain in domains.values():
        domain['zone'] = 'example.org'
    return {
        'srvplan': 1,
        'defaults': {'base': 'example.org', 'services': ['xmpp-client'], 'name_servers': [
            {'host': 'ns1.example.org', 'addresses': ['192.0.2.53', '2001:db8::53']}]},
        'domains': domains, 'nodes': nodes,
        'policy': {'accept': ['S02']},  # that is what is asked here
    }


def with_records():
    """Zones with records of their own, of every kind that is served: beside the plan's at its owners,
    at names of their own with nothing between, with hosts of the plan, of the records, and of
    nobody; sets that no UDP answer holds, and some that just fit."""
    document = srvplan.inventory()
    document['domains']['sub.example.org'] = {}
    text = [f'text{length} TXT ' + ' '.join(['"' + 'x' * 99 + '"'] * (length // 100))
            for length in (400, 500, 1100, 1200, 1300, 9000)]
    document['zones'] = {
        'example.org': {'ttl': '1h', 'records': [
            '@ A 192.0.2.80', '@ AAAA 2001:db8::80', '@ TXT "v=spf1 mx -all"', '@ TXT ( one', ' "" )',
            '@ MX 10 mail', '@ MX 10 xmpp1', '@ MX 20 mx.elsewhere.example.', '@ MX 30 nobody',
            '@ CAA 0 issue "ca.example"', '@ CAA 128 iodef "mailto:dns@example.org"',
            '$ORIGIN Deep.ER.example.org.', 'web 5m HTTPS 1 . alpn=h2,h3 ipv4hint=192.0.2.80',
            'web 5m HTTPS 2 other.example. port=8443', '_svc SVCB 0 web', 'web 5m A 192.0.2.81',
            '$ORIGIN example.org.', 'mail A 192.0.2.25', 'mail A 192.0.2.26', 'mail AAAA 2001:db8::25',
            'xmpp2 AAAA 2001:db8::12', 'xmpp2 TXT beside-the-plan', 'xmpp1 SSHFP 4 2 ' + '0c' * 32,
            '_matrix._tcp SRV 0 1 8448 mail', '_matrix._tcp SRV 0 2 8448 xmpp3',
            '_matrix._tcp SRV 1 0 8448 there.elsewhere.example.', '_none._udp SRV 0 0 0 .',
            '_xmpp-client._tcp TXT at-an-owner-of-the-plan', 'a.b.c.d.e.f TXT deep',
            'odd\\.label A 192.0.2.90', 'number TYPE65280 \\# 4 01020304', 'number TYPE65281 \\# 0',
            'naptr NAPTR 10 20 "s" "SIP+D2U" "" _sip._udp', 'hinfo HINFO PC Linux',
            'ptr PTR www.example.org.', 'many 60 A 192.0.2.1',
            *[f'many 60 A 198.51.100.{number}' for number in range(1, 120)], *text]},
        'sub.example.org': {'records': ['@ MX 10 mail', 'mail A 192.0.2.27',
                                        '@ MX 20 mail.example.org.', '@ TXT "v=spf1 mx -all"']},
        'example.net': {'records': ['@ TXT "v=spf1 mx -all"', '@ MX 10 mail.example.org.']},
    }
    return document


def with_aliases():
    """Aliases, wildcards and delegations, alone and in each other's way: chains that end at records,
    at nothing, outside, at a cut, at SRV sets of the plan; wildcards at several depths, beside names
    that hide them; glue within, at and beside the cut, and more than a datagram holds."""
    document = srvplan.inventory()
    document['domains']['child.example.org'] = {}
    chain = [f'c{number} CNAME c{number + 1}' for number in range(1, 12)]
    big = [f'big NS n{number}.a-long-label-that-takes-room.big' for number in range(1, 14)]
    big += [f'n{number}.a-long-label-that-takes-room.big {kind}{number}' for number in range(1, 14)
            for kind in ('A 192.0.2.', 'AAAA 2001:db8::')]
    document['zones'] = {
        'example.org': {'records': [
            'www CNAME xmpp1', 'www2 5 CNAME www', 'out CNAME www.elsewhere.example.',
            'dead CNAME nobody', 'dead2 CNAME dead', 'ent CNAME b.c', 'a.b.c TXT deep',
            'apex CNAME @', '@ MX 10 mail', '@ MX 20 @', '@ A 192.0.2.80', '@ TXT apex',
            'mail A 192.0.2.25', 'mail AAAA 2001:db8::25', *chain, 'c12 A 192.0.2.12',
            'c12 AAAA 2001:db8::12', 'c12 TXT end', '_xmpp-client._tcp.al CNAME _xmpp-client._tcp',
            '*.al CNAME _xmpp-server._tcp', 'ns CNAME ns2', 'ns2 CNAME @',
            '*.wild A 192.0.2.99', '*.wild MX 10 mail', '*.wild MX 20 host.wild', 'host.wild A 192.0.2.98',
            'a.host.wild TXT below', '*.*.wild TXT literal', '_x._tcp.wild SRV 0 0 1 mail',
            '*.w-alias CNAME xmpp1', '*.w-dead CNAME nobody', '*.w-chain CNAME any.w-alias',
            'to-wild CNAME any.thing.wild', 'to-hidden CNAME x.host.wild', 'a.*.w-ent TXT below',
            '*.w-srv SRV 0 0 5222 xmpp1', '*.w-srv SRV 0 0 5222 xmpp2',
            'sub NS ns.sub', 'sub NS ns2.deep.sub', 'sub NS ns1', 'sub NS ns.beside',
            'sub NS ns.elsewhere.example.', 'sub DS 1 8 2 ' + '0c' * 32, 'ns.sub A 192.0.2.40',
            'ns.sub AAAA 2001:db8::40', 'ns2.deep.sub A 192.0.2.41', 'beside 60 NS ns.beside',
            'ns.beside A 192.0.2.42', 'self NS self', 'self A 192.0.2.43', 'under.deep.er NS ns.sub',
            'into-sub CNAME www.sub', 'at-sub CNAME sub', 'into-self CNAME a.b.self',
            'into-child CNAME _xmpp-client._tcp.child', 'to-ns MX 5 ns.sub', *big,
            'mx MX 1 a.mx', 'mx MX 2 b.mx', 'mx MX 3 mx', 'a.mx A 192.0.2.1', 'b.mx A 192.0.2.1',
            'svc SVCB 1 mail', 'ptr PTR www', 'srv SRV 0 0 1 ns.sub',
            *[f'many A 192.0.2.{number}' for number in range(1, 90)], 'to-many CNAME many']},
        'example.net': {'records': ['www CNAME xmpp1.example.org.', '* CNAME host', 'host TXT x']},
    }
    return document


# -- servers --
class Truth(ZoneFiles):
    def is_cut_off(self, zone, name):
        """Whether the zone delegates a name in it to others."""
        while name != zone:
            if (name, NS) in self.records[zone]:
                return True
            name = name[1 + name[0]:]
        return False

    def addresses(self, answer):
        """{host: address sets} that belong to the records of an answer, in the file of the zone that
        answers: resolvers throw others away."""
        found = {}
        for owner, rdtype, _class, _ttl, rdata in answer:
            if rdtype not in HOST_AT:
                continue
            host = first_name(rdata[HOST_AT[rdtype]:])
            zone = self.zone_of(owner)
            if rdtype != NS and (self.zone_of(host) != zone or self.is_cut_off(zone, host)):
                continue  # of a name server also the glue counts, below a cut of the zone
            sets = [self.records[zone].get((host, kind)) for kind in (A, AAAA)]
            found[host] = [records for records in sets if records]
        return found


def address_sets(query, message):
    named = message.answer + message.authority  # NS of a referral; SOA names no host
    return [records for group in query.truth.addresses(named).values() for records in group]


def questions(rng, truth):
    """Every name with every type that is anywhere, and misses: names between and above (empty
    non-terminals, apexes, what is not ours) and around them."""
    types = sorted(truth.types) + MISSING_TYPES
    owners = set().union(*truth.owners.values())
    asked = {(owner, rdtype) for owner in owners for rdtype in types}
    between = set(owners)
    for owner in owners:
        while len(owner) > 1:
            owner = owner.parent()
            between.add(owner)
    for name in sorted(between):
        asked |= {(name, rdtype) for rdtype in SRV_AND_COMMON + ['DS']}
        for miss in around(rng, name):
            asked |= {(miss, 'SRV'), (miss, rng.choice(types))}
    asked |= {(dns.name.from_text(name), 'SOA') for name in ('test.', 'nothing.invalid.')}
    return sorted(asked)


def queries(rng, truth, chosen):
    for name, rdtype in chosen or questions(rng, truth):
        for edns in EDNS + ([rng.choice(ODD_EDNS)] if rng.random() < 0.2 else []):
            yield Query(rng, truth, name, rdtype, edns)


def zone_texts(server):
    """The zone files of the plan, with the serials that dnsd serves."""
    texts = {}
    for zone in server.status()['zones']:
        done = srvplan.command('zone', '-f', server.file, zone['zone'], '--serial',
                               str(zone['serial']), check=srvplan.OK)
        texts[zone['zone']] = done.stdout
    return texts


KINDS = {'answer', 'NODATA', 'NXDOMAIN', 'REFUSED', 'truncated', 'with addresses',
         'with fewer addresses over UDP'}


class OracleTest(srvplan.Case):
    ran = set()
    tally = collections.Counter()
    used = collections.Counter()
    inventories = 0
    differences = 0

    @classmethod
    def setUpClass(cls):
        cls.started = time.monotonic()

    @classmethod
    def tearDownClass(cls):
        compared = sum(cls.tally[kind] for kind in cls.tally if not kind.startswith('with '))
        seeds = CHOSEN_SEED or f'{SEEDS[0]} to {SEEDS[-1]}'
        print(f'oracle: {compared} answers of {cls.inventories} inventories (seeds {seeds}) '
              f'compared with NSD in {time.monotonic() - cls.started:.0f} s, '
              f'{cls.differences} differences, exceptions used: {dict(cls.used) or "none"}\n'
              f'oracle: {dict(sorted(cls.tally.items()))}', file=sys.stderr)
        tests = sum(name.startswith('test_') for name in dir(cls))
        if CHOSEN_SEED or len(cls.ran) < tests:
            return  # a part says nothing about the whole
        # What a normal run never meets cannot be asked for there.
        unused = set(EXCEPTIONS) - set(cls.used) if os.environ.get('SRVPLAN_LONG') else set()
        unseen = KINDS - set(+cls.tally)
        if unused or unseen:
            raise AssertionError(f'exceptions not needed: {unused}; answers not seen: {unseen}')

    def setUp(self):
        if CHOSEN_SEED and 'generated' not in self._testMethodName:
            self.skipTest('SRVPLAN_SEED is for the generated inventories')
        self.ran.add(self._testMethodName)

    def note(self, where, difference):
        kind, ours, other = difference
        OracleTest.differences += 1
        self.problems.append(f'{where}: {kind}: {ours}; NSD or rule: {other}')

    def note_unless_meant(self, where, difference, query, ours, theirs):
        for name, (_reason, covers) in EXCEPTIONS.items():
            if covers(query, difference[0], ours, theirs):
                OracleTest.used[name] += 1
                return
        self.note(where, difference)

    def judge(self, query, packets):
        """packets: our answer and NSD's over UDP, both over TCP."""
        messages = []
        for who, packet in zip(('ours UDP', 'NSD UDP', 'ours TCP', 'NSD TCP'), packets):
            try:
                messages.append(Message(packet))
            except Malformed as error:
                self.note(f'{query.what}', ('form', f'{who}: {error}', 'whole'))
                return
        udp, nsd_udp, tcp, nsd_tcp = messages
        for transport, ours, theirs in (('UDP', udp, nsd_udp), ('TCP', tcp, nsd_tcp)):
            self.tally[kind_of(ours)] += 1
            for difference in compare(query, ours, theirs):
                self.note_unless_meant(f'{query.what} {transport}', difference, query,
                                       Answers(ours, tcp), theirs)
        for difference in (*judge_size(query, udp, tcp), *judge_additional(query, udp, tcp, address_sets)):
            self.note(query.what, difference)
        self.tally['with addresses'] += bool(tcp.additional)
        self.tally['with fewer addresses over UDP'] += \
            not udp.flags & TC and len(udp.additional) < len(tcp.additional)

    def ask_all(self, peers, wanted):
        wanted = iter(wanted)
        while len(self.problems) <= MOST_PROBLEMS:
            batch = [query.number(number)
                     for number, query in enumerate(itertools.islice(wanted, BATCH))]
            if not batch:
                return
            over_udp, over_tcp = exchange(peers, [query.packet for query in batch])
            for query, *packets in zip(batch, *over_udp, *over_tcp):
                self.judge(query, packets)

    def run_inventory(self, seed=0, select_questions=None, **source):
        self.problems = []
        OracleTest.inventories += 1
        rng = random.Random(seed)
        if 'document' in source:  # answers that no datagram holds are asked for here, and TLSA
            source['document'].setdefault('policy', {})['accept'] = ['S02', 'X13']
        with srvplan.Server(**source) as server:
            texts = zone_texts(server)
            truth = Truth(texts)
            chosen = select_questions(truth) if select_questions else None
            with Nsd(texts) as nsd:
                peers = Peer(server.dns_port), Peer(nsd.port)
                try:
                    self.ask_all(peers, queries(rng, truth, chosen))
                finally:
                    for peer in peers:
                        peer.close()
        self.assertEqual(self.problems, [], f'seed {seed}')

    def test_samples_are_answered_as_nsd_does(self):
        for sample in ('audience', 'cluster', 'guide'):
            with self.subTest(sample):
                self.run_inventory(file=os.path.join(srvplan.SAMPLES, sample + '.jsonc'))

    def test_generated_inventories_are_answered_as_nsd_does(self):
        for seed in [int(CHOSEN_SEED, 0)] if CHOSEN_SEED else SEEDS:
            for make in (generate.inventory, odd):
                with self.subTest(make.__name__, rerun=f'SRVPLAN_SEED={seed}'):
                    self.run_inventory(seed=seed, document=make(seed))

    def test_sets_of_every_size_are_cut_where_nsd_cuts(self):
        def srv_sets(truth):
            return sorted((owner, 'SRV') for owner in set().union(*truth.owners.values())
                          if owner.labels[0].startswith(b'_'))
        self.run_inventory(select_questions=srv_sets, document=every_size())

    def test_records_of_zones_are_answered_as_nsd_does(self):
        self.run_inventory(document=with_records())

    def test_aliases_wildcards_and_delegations_are_answered_as_nsd_does(self):
        self.run_inventory(document=with_aliases())

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


def packet(question, flags=0, counts=(1, 0, 0, 0)):
    return struct.pack('!6H', 0, flags, *counts) + question


def asks(name, rdtype=SRV, rdclass=IN):
    return name + struct.pack('!HH', rdtype, rdclass)


def tsig(key, mac=b'\x5a' * 32, rdclass=255):
    """Signed by a key that nobody has."""
    data = (b'\x0bhmac-sha256\0' + struct.pack('!HIHH', 0, int(time.time()), 300, len(mac)) + mac
            + struct.pack('!HHH', 0, 0, 0))
    return key + struct.pack('!HHIH', TSIG, rdclass, 0, len(data)) + data


def soa(owner):
    data = b'\0\0' + struct.pack('!5I', 1, 2, 3, 4, 5)
    return owner + struct.pack('!HHIH', SOA, IN, 0, len(data)) + data


def opt(version=0, flags=0, size=1232, data=b''):
    return b'\0' + struct.pack('!HHBBHH', OPT, size, 0, version, flags, len(data)) + data


OURS = b'\x0c_xmpp-client\x04_tcp\x07example\x03org\0'
QUESTION = asks(OURS)
WITH_OPT = (1, 0, 0, 1)
NOERROR, FORMERR, NXDOMAIN, NOTIMP, REFUSED, NOTAUTH, BADVERS, SILENCE = 0, 1, 3, 4, 5, 9, 16, None
KEY, WITH_BOTH = b'\x04some\x03key\0', (1, 0, 0, 2)
FULL = b'\x3f' + b'y' * 63  # a label

# label, packet, what we say, source
BROKEN = [
    ('a query that is whole', packet(QUESTION), NOERROR, 'RFC 1035 4.1'),
    ('shorter than a header', packet(QUESTION)[:11], SILENCE, 'RFC 1035 4.1.1'),
    ('a header', packet(b''), FORMERR, 'RFC 1035 4.1.2: one question is promised'),
    ('a response', packet(QUESTION, 0x8000), SILENCE, 'RFC 1035 4.1.1: it would never end'),
    ('TC in a query', packet(QUESTION, TC), NOERROR, 'RFC 1035 4.1.1: means nothing there'),
    ('an rcode in a query', packet(QUESTION, 3), NOERROR, 'RFC 1035 4.1.1: likewise'),
    ('opcode IQUERY', packet(QUESTION, 1 << 11), NOTIMP, 'RFC 3425 3'),
    ('opcode STATUS', packet(QUESTION, 2 << 11), NOTIMP, 'RFC 1035 4.1.1'),
    ('opcode 3', packet(QUESTION, 3 << 11), NOTIMP, 'RFC 1035 4.1.1'),
    ('opcode NOTIFY', packet(QUESTION, 4 << 11), NOTIMP, 'RFC 1996 3.1: no secondary here'),
    ('opcode UPDATE', packet(QUESTION, 5 << 11), NOTIMP, 'RFC 2136 2.2: not implemented'),
    ('opcode 15', packet(QUESTION, 15 << 11), NOTIMP, 'RFC 1035 4.1.1'),
    ('opcode 15 with RD and OPT', packet(QUESTION + opt(), 15 << 11 | RD, WITH_OPT), NOTIMP,
     'RFC 1035 4.1.1'),
    ('no question', packet(b'', 0, (0, 0, 0, 0)), FORMERR, 'RFC 7873 5.4: only with cookies'),
    ('two questions', packet(QUESTION * 2, 0, (2, 0, 0, 0)), FORMERR, 'RFC 9619 4'),
    ('65,535 questions', packet(QUESTION, 0, (65535, 0, 0, 0)), FORMERR, 'RFC 9619 4'),
    ('an answer in a query', packet(QUESTION + opt(), 0, (1, 1, 0, 0)), FORMERR, 'RFC 1035 4.1'),
    ('records that are not there', packet(QUESTION, 0, (1, 0, 0, 1)), FORMERR, 'RFC 1035 4.1'),
    ('a question without class', packet(QUESTION[:-1]), FORMERR, 'RFC 1035 4.1.2'),
    ('a question without type', packet(OURS), FORMERR, 'RFC 1035 4.1.2'),
    ('a name without root', packet(OURS[:-1]), FORMERR, 'RFC 1035 3.1'),
    ('a label that does not end', packet(b'\x3f' + b'a' * 20), FORMERR, 'RFC 1035 3.1'),
    ('half a pointer', packet(asks(OURS[:-1] + b'\xc0')), FORMERR, 'RFC 1035 4.1.4'),
    ('a pointer to itself', packet(asks(b'\xc0\x0c')), FORMERR, 'RFC 1035 4.1.4'),
    ('a pointer into the header', packet(asks(b'\x01a\xc0\x02')), FORMERR, 'RFC 1035 4.1.4'),
    ('a pointer forward', packet(asks(b'\xc0\x12') + OURS), FORMERR, 'RFC 1035 4.1.4'),
    ('an extended label', packet(asks(b'\x41aaa\0')), FORMERR, 'RFC 6891 5'),
    ('the start of an extended label', packet(asks(OURS[:-1] + b'\x41')), FORMERR, 'RFC 6891 5'),
    ('a label of type 10', packet(asks(b'\x81aaa\0')), FORMERR, 'RFC 1035 4.1.4'),
    ('a name of 255 octets', packet(asks(FULL * 3 + b'\x3d' + b'y' * 61 + b'\0')), REFUSED,
     'RFC 1035 2.3.4: still a name'),
    ('a name of 256 octets', packet(asks(FULL * 3 + b'\x3e' + b'y' * 62 + b'\0')), FORMERR,
     'RFC 1035 2.3.4'),
    ('a name of 127 labels', packet(asks(b'\x01y' * 127 + b'\0')), REFUSED, 'RFC 1035 2.3.4'),
    ('a name of 128 labels', packet(asks(b'\x01y' * 128 + b'\0')), FORMERR, 'RFC 1035 2.3.4'),
    ('bytes left over', packet(QUESTION + b'\0'), FORMERR, 'RFC 1035 4.1'),
    ('bytes left over behind OPT', packet(QUESTION + opt() + b'\0', 0, WITH_OPT), FORMERR,
     'RFC 1035 4.1'),
    ('OPT', packet(QUESTION + opt(), 0, WITH_OPT), NOERROR, 'RFC 6891 6'),
    ('two OPT', packet(QUESTION + opt() * 2, 0, (1, 0, 0, 2)), FORMERR, 'RFC 6891 6.1.1'),
    ('OPT that is not at the root', packet(QUESTION + b'\x01a' + opt(), 0, WITH_OPT), FORMERR,
     'RFC 6891 6.1.2'),
    ('an option longer than OPT', packet(QUESTION + opt(data=b'\0\x0a\0\x08'), 0, WITH_OPT),
     FORMERR, 'RFC 6891 6.1.2'),
    ('half an option', packet(QUESTION + opt(data=b'\0\x0a\0'), 0, WITH_OPT), FORMERR,
     'RFC 6891 6.1.2'),
    ('EDNS version 1', packet(QUESTION + opt(1), 0, WITH_OPT), BADVERS, 'RFC 6891 6.1.3'),
    ('EDNS version 255, not ours', packet(asks(b'\x01a\0') + opt(255, DO), 0, WITH_OPT), BADVERS,
     'RFC 6891 6.1.3'),
    ('class CHAOS', packet(asks(OURS, rdclass=3)), REFUSED, 'RFC 1035 3.2.4: not ours'),
    ('class ANY', packet(asks(OURS, rdclass=255)), REFUSED,
     'RFC 1034 3.7.1: never with authority; nobody needs it'),
    ('class 0', packet(asks(OURS, rdclass=0)), REFUSED, 'RFC 6895 3.2: reserved'),
    ('AXFR', packet(asks(b'\x07example\x03org\0', 252)), REFUSED, 'RFC 5936 4.2: not over UDP'),
    ('IXFR without a serial', packet(asks(b'\x07example\x03org\0', 251)), REFUSED,
     'RFC 1995 2: not for all'),
    ('IXFR with a serial', packet(asks(b'\x07example\x03org\0', 251) + soa(b'\xc0\x0c'), 0,
                                  (1, 0, 1, 0)), REFUSED, 'RFC 1995 3: well-formed'),
    ('a SOA with another type', packet(QUESTION + soa(b'\xc0\x0c'), 0, (1, 0, 1, 0)), FORMERR,
     'RFC 1035 4.1: nothing to do there'),
    ('TSIG', packet(QUESTION + tsig(KEY), 0, WITH_OPT), NOTAUTH, 'RFC 8945 5.2.1: BADKEY'),
    ('TSIG behind OPT', packet(QUESTION + opt() + tsig(KEY), 0, WITH_BOTH), NOTAUTH,
     'RFC 8945 5.2.1: BADKEY'),
    ('TSIG whose key is compressed', packet(QUESTION + tsig(b'\x03key\xc0\x1e'), 0, WITH_OPT),
     NOTAUTH, 'RFC 8945 5.2.1: BADKEY'),
    ('TSIG before OPT', packet(QUESTION + tsig(KEY) + opt(), 0, WITH_BOTH), FORMERR,
     'RFC 8945 5.1: it must be the last'),
    ('two TSIG', packet(QUESTION + tsig(KEY) * 2, 0, WITH_BOTH), FORMERR, 'RFC 8945 5.1: one'),
    ('TSIG of class IN', packet(QUESTION + tsig(KEY, rdclass=IN), 0, WITH_OPT), FORMERR,
     'RFC 8945 4.2: ANY'),
    ('TSIG that is cut off', packet(QUESTION + tsig(KEY)[:-4], 0, WITH_OPT), FORMERR,
     'RFC 8945 5.2: not to be interpreted'),
    ('a cookie of 9 octets', packet(QUESTION + opt(data=b'\0\x0a\0\x09clientco1'), 0, WITH_OPT),
     FORMERR, 'RFC 7873 5.2.2'),
    ('a cookie of 41 octets', packet(QUESTION + opt(data=b'\0\x0a\0\x29' + b'c' * 41), 0, WITH_OPT),
     FORMERR, 'RFC 7873 5.2.2'),
    ('a cookie of 8 octets', packet(QUESTION + opt(data=b'\0\x0a\0\x08clientco'), 0, WITH_OPT),
     NOERROR, 'RFC 7873 5.2.3'),
    ('a cookie without a question', packet(opt(data=b'\0\x0a\0\x08clientco'), 0, (0, 0, 0, 1)),
     NOERROR, 'RFC 7873 5.4: just the cookie'),
    ('OPT without a question', packet(opt(), 0, (0, 0, 0, 1)), FORMERR, 'RFC 7873 5.4'),
    ('OPT as type', packet(asks(OURS, OPT)), FORMERR, 'RFC 6891 6.1.1: no data'),
    ('TKEY as type', packet(asks(OURS, 249)), FORMERR, 'RFC 2930 2: no data'),
    ('TSIG as type', packet(asks(OURS, 250)), FORMERR, 'RFC 8945 4.2: no data'),
]

# label: what NSD says instead, and why we do not. One that is not so any more is a failure.
NSD_SAYS = {
    'an rcode in a query': (FORMERR, 'RFC 1035 4.1.1: the field belongs to responses'),
    'opcode NOTIFY': (NXDOMAIN, 'it knows NOTIFY, but no such zone; we do not know it'),
    'bytes left over': (NOERROR, 'what the counts do not announce is no message of RFC 1035 4.1; '
                        'it may be the rest of an attack on the next reader'),
    'bytes left over behind OPT': (NOERROR, 'the same'),
    'class ANY': (NOERROR, 'it answers as for IN, without AA; REFUSED is clearer, and nobody asks'),
    'AXFR': (NOTIMP, 'both are right over UDP; over TCP a client knows what to make of REFUSED'),
    'a cookie of 9 octets': (NOERROR, 'it knows no cookies unless it is told to (answer-cookie)'),
    'a cookie of 41 octets': (NOERROR, 'the same'),
    'OPT without a question': (NOERROR, 'it takes any OPT for the one that asks for a cookie'),
    'OPT as type': (NOERROR, 'NODATA for a type that exists on the wire only'),
    'TKEY as type': (NOERROR, 'the same'),
    'TSIG as type': (NOERROR, 'the same'),
}


class BrokenPacketsTest(srvplan.Case):
    """Behind each packet goes a good query: its answer comes, and comes last."""

    def ask(self, send, number, broken):
        """The answer to a packet, or None."""
        fence = struct.pack('!H', 0xFFFF) + packet(QUESTION)[2:]
        answers = send([struct.pack('!H', number) + broken[2:], fence], 0xFFFF)
        self.assertLessEqual(len(answers), 1)
        return answers[0] if answers else None

    def judge(self, asked, answer, expected):
        if expected is SILENCE:
            self.assertIsNone(answer)
            return
        self.assertIsNotNone(answer, 'no answer')
        message = Message(answer)
        sent = struct.unpack_from('!H', asked, 2)[0]
        self.assertEqual(dns.rcode.to_text(message.rcode), dns.rcode.to_text(expected))
        self.assertEqual(message.opcode, sent >> 11 & 15)
        self.assertEqual(message.flags & ~AA, QR | sent & RD)
        is_bare = struct.unpack_from('!H', asked, 4)[0] == 0
        self.assertEqual(bool(message.flags & AA), expected == NOERROR and not is_bare)
        if expected == BADVERS:
            self.assertEqual(message.edns[1], 0, 'the version that we speak')
        if expected == NOTAUTH:
            self.judge_badkey(message, answer)
        elif expected != NOERROR or is_bare:
            self.assertEqual((message.answer, message.authority, message.additional), ([], [], []))

    def judge_badkey(self, message, answer):
        """RFC 8945 5.3.2: unsigned, with the error, as the last record."""
        self.assertEqual((message.answer, message.authority), ([], []))
        (record,) = message.additional
        self.assertEqual(record[1:4], (TSIG, 255, 0))
        self.assertEqual(record[4][-8:], struct.pack('!4H', 0, 0, 17, 0))
        self.assertTrue(answer.endswith(record[4]))

    def test_broken_packets_get_what_the_rfcs_say(self):
        self.assertLessEqual(set(NSD_SAYS), {row[0] for row in BROKEN})
        server = self.serve()
        with Nsd(zone_texts(server)) as nsd:
            ours, theirs = Peer(server.dns_port), Peer(nsd.port)
            for number, (label, broken, expected, source) in enumerate(BROKEN):
                with self.subTest(label, source=source):
                    answer = self.ask(ours.udp_until, number, broken)
                    self.judge(broken, answer, expected)
                    self.judge(broken, self.ask(ours.tcp_until, number, broken), expected)
                    answer = self.ask(theirs.udp_until, number, broken)
                    said = SILENCE if answer is None else Message(answer).rcode
                    self.assertEqual(said, NSD_SAYS.get(label, (expected,))[0], 'NSD')
            ours.close()
            theirs.close()
        print(f'oracle: {len(BROKEN)} broken packets, NSD differs in {len(NSD_SAYS)}, as argued',
              file=sys.stderr)


if __name__ == '__main__':
    srvplan.main()
