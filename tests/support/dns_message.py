# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS messages read with no goodwill, for tests that compare servers byte by byte."""
import struct

import dns.name
import dns.rdatatype

QR, AA, TC, RD, RA, Z, AD, CD = 0x8000, 0x400, 0x200, 0x100, 0x80, 0x40, 0x20, 0x10
FLAGS = {'QR': QR, 'AA': AA, 'TC': TC, 'RD': RD, 'RA': RA, 'Z': Z, 'AD': AD, 'CD': CD}
DO = 0x8000
SECTIONS = ('answer', 'authority', 'additional')
A, NS, CNAME, SOA, PTR, MX, AAAA, SRV, OPT, TSIG = 1, 2, 5, 6, 12, 15, 28, 33, 41, 250
DS, SVCB, HTTPS = 43, 64, 65
IN = 1
HOST_AT = {NS: 0, MX: 2, SRV: 6, SVCB: 2, HTTPS: 2}  # in RDATA of which hosts come along
HEADER_BYTES, QUESTION_TAIL_BYTES = 12, 4


class Malformed(Exception):
    pass


class Message:
    """A response, read with no goodwill. Malformed: bytes left over, records twice, sets whose TTLs
    differ (RFC 2181 5.2), pointers that do not lead back to a name (RFC 1035 4.1.4), compressed
    names in SRV (RFC 2782, "Target"), a second OPT, or one not at the root (RFC 6891 6.1.1).
    Names come in lower case and uncompressed, so that records compare as tuples.

    flags without opcode and rcode; rcode with the upper bits of OPT; records are tuples
    (owner, type, class, TTL, RDATA). `may_repeat`: Knot 3.2 sends some additional records twice."""

    def __init__(self, wire, may_repeat=False):
        if len(wire) < HEADER_BYTES:
            raise Malformed('shorter than a header')
        self.wire, self.at, self.known = wire, HEADER_BYTES, set()
        self.id, flags, questions, *counts = struct.unpack_from('!6H', wire)
        self.flags, self.opcode, self.rcode = flags & 0x87F0, flags >> 11 & 15, flags & 15
        self.edns = None  # (payload size, version, flags)
        if questions > 1:
            raise Malformed('more than one question')
        if questions:
            self.name(may_compress=False)
            self.take(QUESTION_TAIL_BYTES)
        self.question = wire[HEADER_BYTES:self.at]
        for section, count in zip(SECTIONS, counts):
            self.core = self.at  # in the end, the length without the additional section
            found = [self.record(section) for _ in range(count)]
            setattr(self, section, [record for record in found if record])
            self.check_sets(section, may_repeat and section == 'additional')
        if self.at != len(wire):
            raise Malformed(f'{len(wire) - self.at} bytes left over')

    def take(self, count):
        if self.at + count > len(self.wire):
            raise Malformed('ends too early')
        self.at += count
        return self.wire[self.at - count:self.at]

    def name(self, may_compress=True):
        """A name from here, in lower case and without pointers. Pointers lead to a label of a name
        that was read before, which also makes them end."""
        labels, end, starts = [], None, []
        while True:
            start = self.at
            length = self.take(1)[0]
            if length >= 0xC0:
                target = (length & 0x3F) << 8 | self.take(1)[0]
                end = end or self.at
                if not labels and start < 0x4000:
                    starts.append(start)  # a name that is nothing but a pointer is one, too
                if not may_compress:
                    raise Malformed(f'a compressed name at {start}')
                if target not in self.known:
                    raise Malformed(f'a pointer to {target}, where no name stood before')
                self.at = target
                continue
            if length > 63:
                raise Malformed(f'label type {length >> 6} at {start}')
            if end is None and start < 0x4000:
                starts.append(start)
            labels.append(bytes([length]) + self.take(length).lower())
            if length == 0:
                break
        self.at = end or self.at
        self.known.update(starts)
        whole = b''.join(labels)
        if len(whole) > 255:
            raise Malformed('a name longer than 255 octets')
        return whole

    def record(self, section):
        owner = self.name()
        rdtype, rdclass, ttl, length = struct.unpack('!HHIH', self.take(10))
        end = self.at + length
        if rdtype == OPT:
            self.take_opt(section, owner, rdclass, ttl)
            self.take(length)
            return None
        rdata = b''
        if rdtype in (NS, CNAME, PTR):
            rdata = self.name()
        elif rdtype == SOA:
            rdata = self.name() + self.name() + self.take(20)
        elif rdtype == MX:
            rdata = self.take(2) + self.name()
        elif rdtype == SRV:
            rdata = self.take(6) + self.name(may_compress=False)
        elif rdtype in (SVCB, HTTPS):
            rdata = self.take(2) + self.name(may_compress=False)
            rdata += self.take(end - self.at)
        else:
            rdata = self.take(length)
        if self.at != end:
            raise Malformed(f'RDATA of type {rdtype} is not as long as it says')
        if rdtype in (A, AAAA) and length != (4 if rdtype == A else 16):
            raise Malformed(f'an address of {length} bytes')
        return owner, rdtype, rdclass, ttl, rdata

    def take_opt(self, section, owner, rdclass, ttl):
        if section != 'additional' or self.edns or owner != b'\0':
            raise Malformed('OPT that is not one, in the additional section, at the root')
        self.edns = (rdclass, ttl >> 16 & 0xFF, ttl & 0xFFFF)
        self.rcode |= ttl >> 24 << 4

    def check_sets(self, section, may_repeat):
        records = getattr(self, section)
        if len(set(records)) != len(records) and not may_repeat:
            raise Malformed(f'{section}: a record twice')
        ttls = {}
        for owner, rdtype, rdclass, ttl, _rdata in records:
            if ttls.setdefault((owner, rdtype, rdclass), ttl) != ttl:
                raise Malformed(f'{section}: a set with different TTLs')


def mixed_case(rng, name):
    """The name with random case (0x20)."""
    return bytes(byte ^ 0x20 if 65 <= byte & 0xDF <= 90 and rng.random() < 0.5 else byte
                 for byte in name)


def record_text(record):
    owner, rdtype, _class, ttl, rdata = record
    name = dns.name.from_wire(owner, 0)[0]
    return f'{name} {ttl} {dns.rdatatype.to_text(rdtype)} {rdata.hex()}'


def only(records, others):
    """A few of those that are not among the others."""
    found = sorted(set(records) - set(others))
    return f'{len(found)}: ' + '; '.join(map(record_text, found[:4])) if found else 'none'
