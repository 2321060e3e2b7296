# SPDX-License-Identifier: GPL-3.0-or-later
"""Random inventories, valid ones, for tests with the whole programs: inventory(seed) is a dict.

The same seed gives the same inventory. Labels are few, so that zones, domains, hosts and name
servers meet: a domain at an apex, deep in a zone, in a zone below another zone of ours, hosts at a
name that has something below, targets outside of every zone."""
import random

SERVICES = ['xmpp-client', 'xmpps-client', 'xmpp-server', 'xmpps-server', 'sips', 'imaps']


def _addresses(rng, number):
    v4, v6 = f'192.0.2.{number}', f'2001:db8::{number:x}'
    return rng.choice([[v4], [v6], [v4, v6], [v4, f'198.51.100.{number}', v6]])


def _nodes(rng, base, tiers):
    nodes = {}
    for number in range(1, rng.randint(2, 12)):
        key = f'n{number}' if rng.random() < 0.8 else f'node-{"x" * rng.randint(1, 40)}{number}'
        node = {'addresses': _addresses(rng, number), 'capacity': rng.randint(1, 1000),
                'tier': rng.choice(tiers), 'site': rng.choice(['ams', 'fra'])}
        where = rng.random()
        if where < 0.15:
            node['host'] = f'{key}.deep.er.{base}'
        elif where < 0.3:
            node['host'] = f'{key}.elsewhere.example.'
        if rng.random() < 0.2:
            node['ports'] = {'xmpps-client': rng.choice([443, 5224])}
        if number > 1 and rng.random() < 0.15:  # the first stays: no set is ever empty
            node['state'] = rng.choice(['drain', 'maint', 'off'])
        nodes[key] = node
    return nodes


def inventory(seed):
    rng = random.Random(seed)
    base = rng.choice(['example.org', 'xmpp.example.net'])
    tiers = {f't{number}': {'priority': number * 10} for number in range(1, rng.randint(2, 4))}
    # Only name servers that have addresses in every zone of ours that holds them.
    servers = [{'host': f'ns1.{base}', 'addresses': ['192.0.2.250', '2001:db8::fa']}]
    if rng.random() < 0.7:
        servers.append('ns2.elsewhere.example')
    domains = {base: {}}
    for label in rng.sample(['a', 'b', 'chat', 'muc', 'deep.er', 'x' * 63], rng.randint(0, 4)):
        domain = {'ttl': rng.choice([1, 30, '5m', '1h', 86400])}
        if rng.random() < 0.6:  # else a zone of its own, below or beside
            domain['zone'] = base
        if rng.random() < 0.4:
            domain['nodes'] = ['n1', 'site:ams']
        if rng.random() < 0.5:
            domain['services'] = rng.sample(SERVICES, rng.randint(1, len(SERVICES)))
        domains[f'{label}.{base}'] = domain
    if rng.random() < 0.6:
        domains['other.test'] = {'zone': 'other.test'}
    document = {
        'srvplan': 1,
        'defaults': {'base': base, 'tier': 't1', 'ttl': rng.choice(['1m', '5m', 3600]),
                     'services': SERVICES[:rng.randint(1, 4)], 'name_servers': servers,
                     'soa': {'minimum': rng.choice(['1m', '1h', '1d'])}},
        'tiers': tiers, 'domains': domains, 'nodes': _nodes(rng, base, list(tiers)),
        'policy': {'weights': {'scale': rng.choice(['universal', 'raw'])}},
    }
    first = next(iter(document['nodes']))
    if first != 'n1':
        document['nodes']['n1'] = document['nodes'].pop(first)
    document['nodes']['n1'].pop('state', None)
    document['nodes']['n1']['site'] = 'ams'  # the selectors above find a node
    if rng.random() < 0.4:
        document['services'] = {'caldavs': {'absent': True}}
    return document
