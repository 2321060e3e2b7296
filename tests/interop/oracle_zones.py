# SPDX-License-Identifier: GPL-3.0-or-later
"""NSD and Knot as oracles for plain zone files: all three serve the same generated ones
(gen_zones.py), and are asked the same: every name with the types that are anywhere, names around,
above and below, over UDP with and without EDNS, and over TCP.

Compared are rcode, flags, EDNS, question byte for byte, answer and authority as sets of records. The
additional section may be richer than theirs, so the zone files judge it: addresses of hosts that
the answer or the referral names and the answering zone holds, whole sets of them, all over TCP.

Differences that are meant stand in EXCEPTIONS, each with its reason and who differs; they are
counted. SRVPLAN_SEED=N runs that seed alone, SRVPLAN_LONG=1 more of them. That the comparison sees
a difference is a test, too: a zone file of ours is changed, and it has to be found."""
import collections
import itertools
import os
import random
import sys
import time
import typing

import dns.name
import dns.rdatatype

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'support'))
from dns_message import (  # noqa: E402
    A, AAAA, CNAME, DS, HOST_AT, IN, Malformed, Message, NS, SOA, TC)
from dns_oracle import (  # noqa: E402
    EDNS, Query, ZoneFiles, around, compare, ends_with, first_name, glue_bytes, is_too_long,
    judge_additional, judge_size, kind_of)
from dns_peers import Peer, exchange  # noqa: E402
import gen_zones  # noqa: E402
from knot import Knot  # noqa: E402
from nsd import Nsd  # noqa: E402
import srvplan  # noqa: E402
from zone_server import ZoneServer  # noqa: E402

# These few meet every exception, and sets of 1 to 1,000 targets.
SEEDS = range(1, 101) if os.environ.get('SRVPLAN_LONG') else [1, 3, 4, 5, 8, 11, 13]
CHOSEN_SEED = os.environ.get('SRVPLAN_SEED')
TYPES = ['A', 'AAAA', 'NS', 'SOA', 'SRV', 'CNAME', 'DS', 'TXT', 'MX', 'HTTPS', 'DNSKEY', 'ANY', 'TYPE65280',
         'TYPE999']
NXDOMAIN, ANY = 3, 255
BATCH = 32
MOST_PROBLEMS = 20  # of one seed; then it is given up


class Truth(ZoneFiles):
    def addresses(self, query, message):
        """{(host, type): address set} of the hosts that answer and authority name, and of which the
        zone that answers may speak: glue goes with NS alone (RFC 2181 5.4.1)."""
        records = self.records.get(self.zone_of(query.name), {})
        found = {}
        for owner, rdtype, _class, _ttl, rdata in message.answer + message.authority:
            if rdtype not in HOST_AT:
                continue
            host = first_name(rdata[HOST_AT[rdtype]:])
            if rdtype != NS and self.cut_above(host, records):
                continue
            for kind in (A, AAAA):
                if (host, kind) in records:
                    found[host, kind] = records[host, kind]
        return found

    def cut_above(self, name, records):
        """Whether a name of a zone is at or below one of its cuts."""
        while name not in self.records and name != b'\0':
            if (name, NS) in records:
                return True
            name = name[1 + name[0]:]
        return False


def address_sets(query, message):
    return list(query.truth.addresses(query, message).values())


# -- what may differ --
class Pair(typing.NamedTuple):
    query: Query
    kind: str  # what differs
    ours: Message
    theirs: Message
    whole: Message  # ours over TCP


def chain_end(name, message):
    """Where the CNAMEs of an answer lead from a name."""
    targets = {owner: rdata for owner, rdtype, _class, _ttl, rdata in message.answer
               if rdtype == CNAME}
    while name in targets:
        name = targets.pop(name)
    return name


def leads_to_another_zone(pair):
    truth = pair.query.truth
    end = chain_end(pair.query.name, pair.whole)
    return (pair.kind in ('rcode', 'answer', 'authority', 'additional', 'TC')
            and end != pair.query.name
            and truth.zone_of(end) not in (None, truth.zone_of(pair.query.name))
            and {record[1] for record in pair.ours.authority} <= {NS} and pair.ours.rcode == 0
            and set(pair.ours.answer) <= set(pair.theirs.answer))


def ancestors(name):
    while name != b'\0':
        yield name
        name = name[1 + name[0]:]


def is_above_a_lost_zone(pair):
    """The name, or one above it, leads only to a zone that the zone above does not delegate."""
    truth = pair.query.truth
    zone = truth.zone_of(pair.query.name)
    lost = {name for apex in truth.records for name in ancestors(apex)
            if truth.zone_of(name) == zone and name != zone
            and not any(ends_with(owner, name) for owner, _kind in truth.records[zone])}
    return (pair.kind in ('rcode', 'answer', 'authority', 'additional')
            and any(name in lost for name in ancestors(pair.query.name)))


def is_lost_apex(pair):
    return (pair.kind in ('rcode', 'answer', 'authority', 'additional') and pair.query.type == DS
            and pair.query.name in pair.query.truth.records and pair.ours.rcode == 0
            and {record[1] for record in pair.ours.authority} == {SOA})


def is_ds_at_an_apex(pair):
    end = chain_end(pair.query.name, pair.whole)
    return (pair.query.type == DS and end in pair.query.truth.records
            and pair.kind in ('AA', 'authority', 'additional')
            and {record[1] for record in pair.theirs.authority} <= {NS, SOA}
            and [record[1] for record in pair.whole.authority] == [SOA])


def lacks_its_soa(pair):
    return (pair.kind == 'authority' and not pair.theirs.authority and not pair.theirs.flags & TC
            and pair.query.limit == 512 and [record[1] for record in pair.ours.authority] == [SOA])


def needs_more_room(pair):
    return (pair.kind in ('TC', 'answer', 'authority', 'additional') and pair.theirs.flags & TC
            and not pair.ours.flags & TC)


def is_any(pair):
    """Ours is a set of the zone at the name, or at the wildcard that stands for it."""
    if pair.query.type != ANY or pair.kind not in ('answer', 'authority', 'additional', 'TC'):
        return False
    said = {(rdtype, ttl, rdata) for _owner, rdtype, _class, ttl, rdata in pair.whole.answer}
    truth, name = pair.query.truth, pair.query.name
    owners = [name, *(b'\1*' + name for name in [*ancestors(name)][1:])]
    sets = [truth.records[truth.zone_of(name)].get((owner, rdtype))
            for owner in owners for rdtype in {record[0] for record in said}]
    return any(said == {(rdtype, ttl, rdata) for _owner, rdtype, _class, ttl, rdata in records}
               for records in sets if records)


def is_cut_for_its_names(pair):
    return (pair.kind in ('TC', 'answer', 'authority', 'additional') and pair.ours.flags & TC
            and not pair.theirs.flags & TC and is_too_long(pair.query, pair.whole)
            and len(pair.query.name) > 100)


def needs_glue(pair):
    """A referral whose glue within the cut does not fit."""
    return (pair.ours.flags & TC and not pair.theirs.flags & TC
            and pair.kind in ('TC', 'answer', 'authority', 'additional')
            and glue_bytes(pair.whole) > 0)


def both_are_truncated(pair):
    return (pair.ours.flags & TC and pair.theirs.flags & TC
            and pair.kind in ('answer', 'authority', 'additional')
            and not pair.ours.answer + pair.ours.authority + pair.ours.additional)


def is_sixth_alias(pair):
    return (pair.kind in ('rcode', 'answer', 'authority', 'additional', 'TC')
            and len([record for record in pair.whole.answer if record[1] == CNAME]) > 5
            and len(pair.theirs.answer) == 5 and set(pair.theirs.answer) <= set(pair.whole.answer))


def is_optional_address(pair):
    """They add what we do not: glue at other records than NS, or what a wildcard makes."""
    sets = [pair.whole.additional, *address_sets(pair.query, pair.whole)]
    known = {record for records in sets for record in records}
    more = set(pair.theirs.additional) - known
    truth, zone = pair.query.truth, pair.query.truth.zone_of(pair.query.name)
    records = truth.records.get(zone, {})
    return pair.kind == 'additional' and all(
        record[1] in (A, AAAA) and (truth.cut_above(record[0], records) or record[0][1:2] == b'*'
                                    or (record[0], record[1]) not in records)
        for record in more)


# (who, name): (reason, does it cover this pair?)
EXCEPTIONS = {
    ('both', 'a chain of aliases ends at the border of the zone'): (
        'RFC 1034 4.3.2 starts over with every alias, NSD in whatever zone it serves, Knot in the '
        'zone of the question, also where another zone of its own is the one to ask. Resolvers '
        'believe only what belongs to the zone that they asked (RFC 5452 6) and ask again for the '
        'rest, so we stop where the zone does.',
        leads_to_another_zone),
    ('Knot', 'it follows five aliases'): (
        'RFC 1034 4.3.2 sets no limit. We follow 16, as many as resolvers do.', is_sixth_alias),
    ('NSD', 'glue within the cut is required'): (
        'RFC 9471 3.1: "MUST set TC" when it does not fit; NSD 4.6 is older and leaves it out.',
        needs_glue),
    ('both', 'what is truncated is empty'): (
        'RFC 2181 9 lets the client throw it away; we do not send it.', both_are_truncated),
    ('both', 'names are not compressed against labels below the apex'): (
        'RFC 1035 4.1.4 leaves it to each program which pointers it uses. One body serves many '
        'questions: names in it point at the apex, above it, or at each other, never at labels that '
        'only one question has. With names of some 200 octets theirs may then just fit.',
        is_cut_for_its_names),
    ('NSD', 'what is above a zone that nobody delegates exists'): (
        'NSD has one tree of names for all zones. The file of the zone above says nothing of the '
        'name, so it does not exist (RFC 8020); we warn of such a file.', is_above_a_lost_zone),
    ('Knot', 'DS of a zone that nobody delegates'): (
        'The zone above has no such name, but NXDOMAIN, or what a wildcard makes there, would say '
        'that nothing is below it, either (RFC 8020 2), and we do serve that.', is_lost_apex),
    ('both', 'which addresses come along'): (
        'RFC 1034 3.7: additional records are those that "may be helpful". Ours are of the zone that '
        'answers: no glue but with NS (RFC 2181 5.4.1), none that a wildcard makes, and in a datagram '
        'as many sets as fit, in order.', is_optional_address),
    ('NSD', 'DS at an apex that nobody delegates'): (
        'RFC 4035 3.1.4.1: who has no zone above answers NODATA, and that has a SOA (RFC 2308 3); '
        'NSD sends neither that nor AA, or what a zone above says.', is_ds_at_an_apex),
    ('Knot', 'a negative answer without SOA'): (
        'RFC 2308 3: it is the SOA that makes the answer one; where it does not fit, Knot leaves it '
        'out without TC.', lacks_its_soa),
    ('both', 'ANY'): (
        'RFC 8482 4.1: one RRset is enough, and each takes another.', is_any),
    ('both', 'what fits us does not fit them'): (
        'RFC 1035 4.1.4: pointers are free, and so is who saves more; judge_size sees to our limit.',
        needs_more_room),
}


def questions(rng, truth):
    owners = set().union(*truth.owners.values())
    types = collections.defaultdict(set)
    for found in truth.records.values():
        for owner, kind in found:
            types[owner].add(dns.rdatatype.to_text(kind))
    between = set(owners)
    for owner in owners:
        while len(owner) > 1:
            owner = owner.parent()
            between.add(owner)
    for name in sorted(between):
        own = types.get(name.canonicalize().to_wire(), set())
        own = own | {'DS'} if name in truth.owners else own
        for rdtype in sorted(own | set(rng.sample(TYPES, 4))):
            yield name, rdtype
        for miss in rng.sample(list(around(rng, name)), 3):
            for rdtype in ['A', rng.choice(TYPES)]:
                yield miss, rdtype


def queries(rng, truth):
    for name, rdtype in questions(rng, truth):
        for edns in rng.sample(EDNS, 2):
            yield Query(rng, truth, name, rdtype, edns)


class ZonesTest(srvplan.Case):
    counts = collections.Counter()
    kinds = collections.Counter()
    used = collections.Counter()
    is_whole = False

    @classmethod
    def setUpClass(cls):
        cls.started = time.monotonic()

    @classmethod
    def tearDownClass(cls):
        print(f'oracle: zones of seeds {CHOSEN_SEED or ", ".join(map(str, SEEDS))}: '
              f'{cls.counts["NSD"]} answers compared with NSD, {cls.counts["Knot"]} with Knot in '
              f'{time.monotonic() - cls.started:.0f} s, {cls.counts["differences"]} differences\n'
              f'oracle: {dict(sorted(cls.kinds.items()))}\n'
              f'oracle: exceptions used: {dict(cls.used) or "none"}', file=sys.stderr)
        if CHOSEN_SEED or not cls.is_whole:
            return  # a part says nothing about the whole
        unused = [name for whom, name in EXCEPTIONS if not any(
            used.endswith(f': {name}') for used in cls.used)]
        if unused:
            raise AssertionError(f'exceptions not needed: {unused}')

    def note(self, where, kind, ours, other):
        self.problems.append(f'{where}: {kind}: {ours}; other: {other}')

    def compare_with(self, who, query, transport, ours, theirs, whole):
        self.counts[who] += 1
        for kind, our, their in compare(query, ours, theirs):
            pair = Pair(query, kind, ours, theirs, whole)
            for (whom, name), (_reason, covers) in EXCEPTIONS.items():
                if whom in (who, 'both') and covers(pair):
                    self.used[f'{who}: {name}'] += 1
                    break
            else:
                self.note(f'{query.what} {transport} {who}', kind, our, their)

    def judge(self, query, packets):
        messages = []
        for who, packet in zip(('ours', 'NSD', 'Knot') * 2, packets):
            try:
                messages.append(Message(packet, may_repeat=who == 'Knot'))
            except Malformed as error:
                self.note(query.what, f'form, {who}', error, packet.hex())
                return
        udp, tcp = messages[:3], messages[3:]
        for transport, (ours, nsd, knot) in (('UDP', udp), ('TCP', tcp)):
            self.kinds[kind_of(ours)] += 1
            self.compare_with('NSD', query, transport, ours, nsd, tcp[0])
            self.compare_with('Knot', query, transport, ours, knot, tcp[0])
        for kind, our, rule in judge_size(query, udp[0], tcp[0]):
            self.note(query.what, kind, our, rule)
        for kind, our, rule in judge_additional(query, udp[0], tcp[0], address_sets):
            self.note(query.what, kind, our, rule)

    def run_zones(self, seed, texts, ours=None):
        """The problems; `ours` is what we serve, if it is not the same."""
        self.problems = []
        rng = random.Random(seed)
        truth = Truth(texts)
        wanted = queries(rng, truth)
        order = rng.choice(['weighted', 'fixed'])
        with ZoneServer(ours or texts, '--answer-order', order, '--rate-limit', '0') as server, \
                Nsd(texts) as nsd, Knot(texts) as knot:
            peers = [Peer(one.port) for one in (server, nsd, knot)]
            try:
                while len(self.problems) < MOST_PROBLEMS:
                    batch = [query.number(number) for number, query
                             in enumerate(itertools.islice(wanted, BATCH))]
                    if not batch:
                        break
                    over_udp, over_tcp = exchange(peers, [query.packet for query in batch])
                    for query, *packets in zip(batch, *over_udp, *over_tcp):
                        self.judge(query, packets)
            finally:
                for peer in peers:
                    peer.close()
        return self.problems

    def test_a_changed_zone_file_is_seen(self):
        """One record less, one address more, another TTL: the oracle finds each."""
        texts = gen_zones.zones(1)
        apex = next(iter(texts))
        lines = texts[apex].splitlines()
        deep = next(line for line in lines if line.startswith('a.b.c.d.e.f '))
        changes = {
            'a TTL': [line.replace(deep, 'a.b.c.d.e.f 77 IN TXT deep') for line in lines],
            'a record less': [line for line in lines if not line.startswith('number ')],
            'an address more': lines + ['ns1 300 IN A 203.0.113.99'],
        }
        before = [collections.Counter(tally) for tally in (self.counts, self.kinds, self.used)]
        for what, changed in changes.items():
            with self.subTest(what):
                ours = {**texts, apex: '\n'.join(changed) + '\n'}
                self.assertTrue(self.run_zones(1, texts, ours))
        for tally, was in zip((self.counts, self.kinds, self.used), before):
            tally.clear()
            tally.update(was)

    def test_generated_zones_are_answered_as_nsd_and_knot_do(self):
        for seed in [int(CHOSEN_SEED, 0)] if CHOSEN_SEED else SEEDS:
            with self.subTest(rerun=f'SRVPLAN_SEED={seed}'):
                problems = self.run_zones(seed, gen_zones.zones(seed))
                ZonesTest.counts['differences'] += len(problems)
                self.assertEqual(problems, [], f'seed {seed}')
        ZonesTest.is_whole = True

    def test_the_zones_of_the_samples_are_answered_so_too(self):
        """What `srvplan zone` writes, as an operator with servers of his own would serve it."""
        for sample in sorted(os.listdir(srvplan.SAMPLES)):
            if not sample.endswith('.jsonc'):
                continue
            with self.subTest(sample):
                file = os.path.join(srvplan.SAMPLES, sample)
                whole = srvplan.command('zone', '-f', file, '--serial', '1', check=srvplan.OK).stdout
                texts = {}
                for part in whole.split('$ORIGIN ')[1:]:
                    texts[part.split('.\n')[0]] = '$ORIGIN ' + part
                self.assertTrue(texts)
                problems = self.run_zones(0, texts)
                ZonesTest.counts['differences'] += len(problems)
                self.assertEqual(problems, [])


if __name__ == '__main__':
    srvplan.main()
