# SPDX-License-Identifier: GPL-3.0-or-later
"""The zones that are served, and what is asked of them.

    srv     100 zones of 100 domains, each with SRV for clients and for servers, 3 targets in the
            zone, their addresses, and an address of the domain; asked: all SRV sets
    mix     the same zones; asked: 33 % SRV, 64 % A or AAAA, 3 % names that do not exist
    d10k    10,000 domains, a zone each, all on one pool of 3 targets in another zone
    d100k   100,000 of them

A set writes its zone files (a directory, a file a zone, named as the zone) and its queries (a line
each, `NAME TYPE RCODE ANSWERS`, shuffled, the same for everybody)."""
import os
import random

A, AAAA, SRV = 1, 28, 33
NOERROR, NXDOMAIN = 0, 3
SERVICES = (('_xmpp-client._tcp', 5222), ('_xmpp-server._tcp', 5269))
WEIGHTS = (200, 120, 80)
POOL = 'pool.example.net'


def head(zone, servers):
    """SOA and NS."""
    return [f'{zone}. 3600 IN SOA ns1.{servers}. hostmaster.{servers}. 1 7200 900 1209600 60',
            f'{zone}. 3600 IN NS ns1.{servers}.',
            f'{zone}. 3600 IN NS ns2.{servers}.']


def addresses(owner, number):
    return [f'{owner}. 300 IN A 192.0.{number >> 8}.{number & 255}',
            f'{owner}. 300 IN AAAA 2001:db8::{number:x}']


def services(domain, targets):
    return [f'{service}.{domain}. 300 IN SRV 10 {weight} {port} xmpp{i}.{targets}.'
            for service, port in SERVICES for i, weight in enumerate(WEIGHTS, 1)]


def hosts(zone, number):
    """The targets of a zone, and its name servers."""
    names = [f'xmpp{i}.{zone}' for i in range(1, len(WEIGHTS) + 1)] + [f'ns1.{zone}', f'ns2.{zone}']
    return [line for i, name in enumerate(names) for line in addresses(name, number + i)]


class World:
    """A set: its files are made when they are first asked for."""

    def __init__(self, name, directory):
        self.name, self.directory = name, directory
        self.zones = os.path.join(directory, 'zones-' + ('own' if name in ('srv', 'mix') else name))
        self.queries = os.path.join(directory, name + '.queries')
        if not os.path.exists(self.zones):
            final, self.zones = self.zones, self.zones + '.unfinished'
            os.makedirs(self.zones, exist_ok=True)
            self.write_zones()
            os.rename(self.zones, final)
            self.zones = final
        with open(self.queries, 'w', encoding='ascii') as file:
            file.writelines(f'{owner}. {rdtype} {rcode} {count}\n'
                            for owner, rdtype, rcode, count in self.make_queries())

    def write_zone(self, zone, lines):
        with open(os.path.join(self.zones, zone), 'w', encoding='ascii') as file:
            file.write('\n'.join(lines) + '\n')

    # ---- own: each zone has targets of its own; else all domains are on one pool

    def domains(self):
        """(zone, domains in it)"""
        if self.name in ('srv', 'mix'):
            return [(f'zone{z:02}.example.org', [f'd{d:02}.zone{z:02}.example.org'
                                                 for d in range(100)]) for z in range(100)]
        count = {'d10': 10, 'd10k': 10000, 'd100k': 100000}[self.name]
        return [(f'd{number:05}.example.org', [f'd{number:05}.example.org'])
                for number in range(count)]

    def write_zones(self):
        if self.name not in ('srv', 'mix'):
            self.write_zone(POOL, head(POOL, POOL) + hosts(POOL, 0))
            for zone, _ in self.domains():
                self.write_zone(zone, head(zone, POOL) + services(zone, POOL))
            return
        for number, (zone, domains) in enumerate(self.domains()):
            lines = head(zone, zone) + hosts(zone, 8 * number)
            for domain in domains:
                lines += addresses(domain, 8 * number + 7) + services(domain, zone)
            self.write_zone(zone, lines)

    def make_queries(self):
        chance = random.Random(self.name)
        domains = [(zone, domain) for zone, all_of_it in self.domains() for domain in all_of_it]
        sets = [(f'{service}.{domain}', SRV, NOERROR, len(WEIGHTS))
                for _, domain in domains for service, _ in SERVICES]
        if self.name == 'mix':
            sets = [self.draw(chance, sets, domains) for _ in sets]
        chance.shuffle(sets)
        return sets

    @staticmethod
    def draw(chance, sets, domains):
        dice, (zone, domain) = chance.random(), chance.choice(domains)
        if dice < 0.33:
            return chance.choice(sets)
        if dice < 0.97:
            host = chance.choice((domain, f'xmpp{chance.randint(1, len(WEIGHTS))}.{zone}'))
            return host, chance.choice((A, AAAA)), NOERROR, 1
        return f'nobody{chance.randrange(10**6)}.{domain}', chance.choice((A, AAAA, SRV)), NXDOMAIN, 0
