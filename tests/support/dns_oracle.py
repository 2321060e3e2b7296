# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests that take other servers as oracles share: queries, and how answers are compared."""
import struct

import dns.exception
import dns.name
import dns.rcode
import dns.rdatatype
import dns.zone

from dns_message import (
    AA, AD, CD, DO, FLAGS, IN, MX, NS, OPT, RA, RD, SRV, TC, Z, mixed_case, only)

SERVER_UDP_BYTES = 1232  # what both announce and never exceed
OPT_BYTES = 11
ADDRESS_HEAD_BYTES = 12  # a pointer, type, class, TTL, length
CUTS = 16  # dnsd ends an answer at one of so many places among its address sets (zones/image_layout.h)

# (label, EDNS payload size or None, EDNS flags, options)
EDNS = [
    ('no EDNS', None, 0, b''),
    ('EDNS 512', 512, 0, b''),
    ('EDNS 1232', 1232, 0, b''),
    ('EDNS 4096', 4096, 0, b''),
    ('EDNS 1232 DO', 1232, DO, b''),
]
# RFC 6891 6.2.3: below 512 counts as 512; 6.1.4: other flags, 6.1.2: unknown options are ignored.
ODD_EDNS = [
    ('EDNS 0', 0, 0, b''),
    ('EDNS 511 DO', 511, DO, b''),
    ('EDNS 65535 Z', 65535, 0x7FFF, b''),
    ('EDNS 1232 NSID', 1232, 0, struct.pack('!HH', 3, 0)),
    ('EDNS 513 unknown option', 513, 0, struct.pack('!HH', 65001, 5) + b'hello'),
]


class ZoneFiles:
    """What zone files say, by dnspython: the truth that answers are held against."""

    def __init__(self, texts):
        self.records = {}  # of each zone: {(owner, type): records}
        self.owners = {}  # of each zone, as dns.name
        self.types = set()
        for apex, text in texts.items():
            origin = dns.name.from_text(apex).canonicalize()
            zone = dns.zone.from_text(text, origin=origin, relativize=False, check_origin=False)
            found = self.records[origin.to_wire()] = {}
            self.owners[origin] = set(zone.nodes)
            for owner, ttl, rdata in zone.iterate_rdatas():
                self.types.add(dns.rdatatype.to_text(rdata.rdtype))
                name = owner.canonicalize().to_wire()
                found.setdefault((name, int(rdata.rdtype)), []).append(
                    (name, int(rdata.rdtype), IN, ttl, rdata.to_digestable()))

    def zone_of(self, name):
        """The deepest zone with the name in it, or None. (For DS at a cut, ask for the parent.)"""
        while name not in self.records:
            if name == b'\0':
                return None
            name = name[1 + name[0]:]
        return name


class Query:
    """A question with its header and OPT, about the zones of `truth`."""

    def __init__(self, rng, truth, name, rdtype, edns):
        label, size, flags, options = edns
        self.truth = truth
        self.type = dns.rdatatype.from_text(rdtype)
        self.what = f'{name} {rdtype} {label}'
        # What is not RD a server ignores in a query and clears in its answer.
        header = rng.choice([0, RD, RD, RD | AD, AA | RA | Z | AD | CD, RD | CD])
        self.name = name.canonicalize().to_wire()
        self.packet = struct.pack('!6H', 0, header, 1, 0, 0, size is not None)
        self.packet += mixed_case(rng, self.name) + struct.pack('!HH', self.type, IN)
        self.end = len(self.packet)
        self.limit = min(max(size or 0, 512), SERVER_UDP_BYTES)
        if size is not None:
            self.packet += b'\0' + struct.pack('!HHHHH', OPT, size, 0, flags, len(options))
            self.packet += options

    def number(self, identifier):
        """Sets the id, which tells the queries of a batch apart."""
        self.packet = struct.pack('!H', identifier) + self.packet[2:]
        return self


def first_name(wire):
    """The name that these bytes begin with."""
    at = 0
    while wire[at]:
        at += 1 + wire[at]
    return wire[:at + 1]


def compare(query, ours, theirs):
    """(kind, ours, NSD's) for each difference outside of the additional section."""
    if ours.rcode != theirs.rcode:
        yield 'rcode', dns.rcode.to_text(ours.rcode), dns.rcode.to_text(theirs.rcode)
    for name, flag in FLAGS.items():
        if (ours.flags ^ theirs.flags) & flag:
            yield name, bool(ours.flags & flag), bool(theirs.flags & flag)
    for who, message in (('ours', ours), ("NSD's", theirs)):
        if message.question != query.packet[12:query.end]:
            yield 'question', f'{who} came back as {message.question.hex()}', '-'
    if ours.edns != theirs.edns:
        yield 'EDNS', ours.edns, theirs.edns
    for section in ('answer', 'authority'):
        a, b = getattr(ours, section), getattr(theirs, section)
        if set(a) != set(b):
            yield section, 'alone ' + only(a, b), 'alone ' + only(b, a)
    if not set(theirs.additional) <= set(ours.additional):
        yield 'additional', '-', 'alone ' + only(theirs.additional, ours.additional)


def is_too_long(query, whole):
    """Whether an answer without its additional section, but with the glue that nobody else has
    (RFC 9471 3), exceeds what UDP may carry. OPT is always in (RFC 6891 6.1.1)."""
    return whole.core + glue_bytes(whole) + (OPT_BYTES if whole.edns else 0) > query.limit


def glue_bytes(whole):
    """The size of the addresses within the cut that a referral names."""
    cuts = {owner for owner, rdtype, *_ in whole.authority if rdtype == NS}
    return sum(ADDRESS_HEAD_BYTES + len(rdata) for owner, _type, _class, _ttl, rdata
               in whole.additional for cut in cuts if ends_with(owner, cut))


def ends_with(name, ancestor):
    while len(name) > len(ancestor):
        name = name[1 + name[0]:]
    return name == ancestor


def judge_size(query, udp, tcp):
    """(kind, ours, what must be)"""
    if len(udp.wire) > query.limit:
        yield 'size', len(udp.wire), f'at most {query.limit}'
    if bool(udp.flags & TC) != is_too_long(query, tcp):  # RFC 2181 9
        yield 'TC', bool(udp.flags & TC), f'{tcp.core} octets besides OPT, limit {query.limit}'
    if tcp.flags & TC:
        yield 'TC', 'over TCP', 'never'


def judge_additional(query, udp, tcp, sets_of):
    """(kind, ours, what must be): our additional sections by the zone files: the address sets that
    belong to a message are sets_of(query, message)."""
    for transport, message in (('UDP', udp), ('TCP', tcp)):
        sets = sets_of(query, message)
        belongs = {record for records in sets for record in records}
        found = set(message.additional)
        if found - belongs:
            yield f'additional {transport}', 'has ' + only(found, belongs), 'no such addresses'
        for records in sets:
            if 0 < len(found.intersection(records)) < len(records):
                yield f'additional {transport}', 'lacks ' + only(records, found), 'whole sets'
        room = max([len(records) * (ADDRESS_HEAD_BYTES + 255 + 16) for records in sets], default=0)
        if (transport == 'TCP' and query.type in (SRV, MX) and belongs - found
                and len(message.wire) + room <= 65535):
            yield 'additional TCP', 'lacks ' + only(belongs, found), 'all addresses'
    if len(tcp.wire) <= query.limit and set(udp.additional) != set(tcp.additional):
        yield 'additional UDP', 'lacks ' + only(tcp.additional, udp.additional), 'it fits'
    sizes = [sum(ADDRESS_HEAD_BYTES + len(record[4]) for record in records) for records in sets]
    left, step = query.limit - len(udp.wire), len(sizes) // CUTS + 1
    is_cut = not udp.flags & TC and len(udp.additional) < len(tcp.additional)
    if is_cut and left >= step * max(sizes, default=0):
        yield 'additional UDP', f'ends {left} octets before the limit', 'more would fit'


def around(rng, name):
    """Names that are nearly this one and should not be taken for it."""
    label = ''.join(rng.choices('abcxyz0-_', k=rng.randint(1, 12))).encode()
    whole = [(label,) + name.labels, (b'a', label) + name.labels, (b'*',) + name.labels,
             (bytes(rng.choices(range(256), k=rng.randint(1, 63))),) + name.labels]
    if len(name.labels) > 1:
        first, rest = name.labels[0], name.labels[1:]
        whole += [(b'x' + first,) + rest, (first[:-1],) + rest, (label,) + rest]
        at = rng.randrange(len(first))  # what case-folding must leave alone: _ and DEL, k and 0xEB
        change = 0x80 if first[at:at + 1].isalpha() else 0x20
        whole.append((first[:at] + bytes([first[at] ^ change]) + first[at + 1:],) + rest)
    room = 255 - len(name.to_wire())
    if room > 1 and rng.random() < 0.2:  # exactly 255 octets, and as many labels as there can be
        filled, longest = [], rng.choice([1, 63])
        while room > 1:
            size = min(longest, room - 1 if room - 1 <= longest else room - 3)
            filled.append(b'y' * size)
            room -= 1 + size
        whole.append(tuple(filled) + name.labels)
    for labels in whole:
        try:
            yield dns.name.Name(labels)
        except dns.exception.DNSException:
            continue  # an empty label, or beyond 63 or 255 octets


def kind_of(message):
    """What sort of an answer it is, for the tally."""
    if message.rcode:
        return dns.rcode.to_text(message.rcode)
    if message.flags & TC:
        return 'truncated'
    return 'answer' if message.answer else 'NODATA'
