#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sample cluster, worked on as an operator does: drained down to the last node of a set, asked
for its status, and watched until no cache can name a drained node."""
import calendar
import json
import os
import re
import socket
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import srvplan  # noqa: E402
from srvplan import FAILED, GUARDED, OK, SERVICES  # noqa: E402

CLUSTER = os.path.join(srvplan.SAMPLES, 'cluster.jsonc')
ALL = ['ams1', 'ams2', 'ams3', 'fra1', 'fra2', 'fra3']
CHAT = ['ams1', 'ams2', 'ams3', 'fra3']  # the nodes of chat.example.net
NODES = {'example.org': ALL, 'chat.example.net': CHAT}
ZONES = ('example.org.', 'example.net.')


def owners(domain):
    return [f'_{service}._tcp.{domain}.' for service in SERVICES]


EVERY = owners('example.org') + owners('chat.example.net')


def seconds(text):
    """RFC 3339, with or without a fraction, as seconds since the epoch."""
    match = re.fullmatch(r'(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?Z', text)
    return (calendar.timegm(time.strptime(match[1], '%Y-%m-%dT%H:%M:%S')) +
            float(match[2] or 0))


class DualStack(srvplan.Server):
    """Answers on both loopback addresses, with two workers each."""

    def arguments(self, *more):
        return super().arguments('--dns', f'[::1]:{self.dns_port}', '--workers', '2', *more)


class ClusterTest(srvplan.Case):
    def assertNamed(self, server, gone=()):
        """Every set of both domains names its nodes but those, over UDP and TCP."""
        for domain, nodes in NODES.items():
            for owner in owners(domain):
                for tcp in (False, True):
                    self.assertEqual(srvplan.hosts(server.ask(owner, tcp=tcp)),
                                     sorted(set(nodes) - set(gone)), f'{owner} tcp={tcp}')

    def test_drained_to_the_last_node_of_a_domain_and_back(self):
        server = self.serve(file=CLUSTER)
        before = server.sets(EVERY)
        gone = []
        for node in ('ams1', 'fra3', 'ams2'):
            serials = {zone: server.serial(zone) for zone in ZONES}
            server.cli('drain', node, '-m', 'kernel', check=OK)
            gone.append(node)
            self.assertNamed(server, gone)
            for zone, serial in serials.items():
                self.assertSerialGreater(server.serial(zone), serial)
        # ams3 is all that chat.example.net has left; example.org would still have fra1 and fra2.
        sets, status = server.sets(EVERY), server.status()
        refused = server.cli('drain', 'ams3', '-m', 'kernel', check=GUARDED)
        self.assertIn('chat.example.net', refused.stderr)
        reply = server.drain('ams3')
        self.assertEqual((reply.status, reply.headers['Content-Type'], reply.json['type']),
                         (409, 'application/problem+json', '/docs/problems/guard'), reply)
        guard = reply.json['guard']
        self.assertEqual((guard['domain'], guard['would_be'], guard['limit'], guard['declared']),
                         ('chat.example.net.', 0, 1, 4))
        self.assertEqual({(row['domain'], row['service']) for row in reply.json['guards']},
                         {('chat.example.net.', service) for service in SERVICES})
        self.assertEqual(server.sets(EVERY), sets)
        after = server.status()
        for key in ('revision', 'zones'):
            self.assertEqual(after[key], status[key], key)
        # The index and what caches hold go on meanwhile: the refusal is in the audit.
        self.assertEqual(*[[(drain['id'], drain['state'], drain['until']) for drain in one['drains']]
                           for one in (after, status)])
        # A node that chat.example.net does not have may go.
        server.cli('drain', 'fra1', '-m', 'kernel', check=OK)
        server.cli('undrain', 'fra1', 'ams1', 'ams2', 'fra3', check=OK)
        self.assertEqual(server.sets(EVERY), before)
        self.assertEqual(server.sets(EVERY, tcp=True), before)

    def test_every_address_and_worker_answers_the_same_after_a_change(self):
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(('::1', 0))
            except OSError as error:
                self.skipTest(f'no IPv6 on the loopback interface: {error}')
        server = self.enter(DualStack(file=CLUSTER))
        self.assertEqual(server.status()['dnsd']['addresses'],
                         [f'127.0.0.1:{server.dns_port}', f'[::1]:{server.dns_port}'])
        for gone in ([], ['ams1']):
            for node in gone:
                server.cli('drain', node, '-m', 'kernel', check=OK)
            nodes = sorted(set(ALL) - set(gone))
            for host in ('127.0.0.1', '::1'):
                for tcp in (False, True):
                    # Every query has a source port of its own, so that each worker gets some.
                    answers = [srvplan.hosts(server.ask(EVERY[0], tcp=tcp, host=host))
                               for _ in range(20)]
                    self.assertEqual(answers, [nodes] * 20, f'{host} tcp={tcp}')

    def test_no_address_of_a_drained_node_comes_with_an_answer(self):
        server = self.serve(file=CLUSTER)
        server.cli('drain', 'ams1', 'fra2', '-m', 'kernel', check=OK)
        for owner in EVERY:
            named = {rrset.name.labels[0].decode() for rrset in server.ask(owner).additional}
            self.assertFalse(named & {'ams1', 'fra2'}, owner)
        # The hosts themselves stay: whoever is connected may look them up again.
        self.assertEqual(srvplan.records(server.ask('ams1.example.org.', 'A')), ['192.0.2.11'])
        self.assertEqual(srvplan.records(server.ask('ams1.example.org.', 'AAAA')),
                         ['2001:db8:a::11'])

    def test_status_shows_drains_weights_serials_and_dnsd(self):
        server = self.serve(file=CLUSTER)
        said = server.cli('status', check=OK).stdout
        self.assertIn('no drains', said)
        server.cli('drain', 'ams1', '-m', 'kernel 6.1', check=OK)
        server.cli('weight', 'ams2', '50%', '-m', 'slow disk', check=OK)
        status = json.loads(server.cli('status', '-o', 'json', check=OK).stdout)
        said = server.cli('status', check=OK).stdout
        for word in ('ams1', 'kernel 6.1', 'ams2', 'slow disk', '50%', 'in step',
                     f'127.0.0.1:{server.dns_port}', str(status['processes']['dnsd'])):
            self.assertIn(word, said)
        self.assertNotIn('NOT in step', said)
        self.assertEqual(status['processes']['srvpland'], server.process.pid)
        self.assertEqual(server.dnsd_pids(), [status['processes']['dnsd']])
        self.assertTrue(status['dnsd']['in_step'])
        self.assertEqual({row['zone']: row['serial'] for row in status['zones']},
                         {zone: server.serial(zone) for zone in ZONES})
        for row in status['zones']:
            self.assertRegex(said, rf'(?m)^{re.escape(row["zone"])} +{row["serial"]}$')

    def test_an_unknown_node_is_answered_with_where_the_known_ones_are(self):
        server = self.serve(file=CLUSTER)
        for command in (['drain', 'ams7', '-m', 'x'], ['weight', 'ams7', '5', '-m', 'x'],
                        ['undrain', 'ams7']):
            with self.subTest(command=command):
                refused = server.cli(*command, check=FAILED)
                self.assertIn('ams7', refused.stderr)
                self.assertRegex(refused.stderr, 'did you mean ams1|srvplan (nodes|drains)')


class Cache(threading.Thread):
    """Asks on and on, and remembers until when the slowest correct cache would still name a node:
    caches count whole seconds, so that an answer may live for almost a second more than its TTL."""

    def __init__(self, server, node, names):
        super().__init__(daemon=True)
        self.server, self.node, self.names = server, node, names
        self.over = threading.Event()
        self.names_until, self.asked, self.failure = 0.0, 0, None

    def run(self):
        try:
            while not self.over.is_set():
                for owner in self.names:
                    answer = self.server.ask(owner)
                    self.asked += 1
                    if self.node in srvplan.hosts(answer):
                        self.names_until = time.time() + answer.answer[0].ttl + 0.9
        except Exception as error:  # pylint: disable=broad-except
            self.failure = error

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join(10)


class ClearTest(srvplan.Case):
    def clear_time(self, server):
        drain = server.get('/drains')['items'][0]
        at = drain['progress']['dns_clear_at']
        return drain, seconds(at) if at else None

    def test_no_cache_names_a_node_after_its_clear_time(self):
        with open(CLUSTER, encoding='utf-8') as file:
            text = file.read()
        self.assertEqual(text.count('"ttl": "5m"'), 1)
        server = self.serve(text.replace('"ttl": "5m"', '"ttl": "2s"'))
        with Cache(server, 'ams1', EVERY) as cache:
            srvplan.wait_until(lambda: cache.asked > 3 * len(EVERY), 10, 'some answers')
            server.cli('drain', 'ams1', '-m', 'kernel', check=OK)
            returned = time.time()
            srvplan.wait_until(lambda: self.clear_time(server)[1], 10, 'a clear time')
            # It is final when the old generation has been left by all.
            drain = srvplan.wait_until(
                lambda: (lambda d: d['state'] == 'clear' and d)(self.clear_time(server)[0]), 20,
                'the state clear')
            seen_clear = time.time()
            clear = self.clear_time(server)[1]
            asked = cache.asked
            srvplan.wait_until(lambda: cache.asked > asked + 5 * len(EVERY), 10, 'more answers')
        self.assertIsNone(cache.failure)
        self.assertGreater(cache.names_until, 0, 'the node was never named: nothing was tested')
        # No answer named the node after the call had returned.
        self.assertLess(cache.names_until, returned + 2 + 0.9)
        self.assertGreaterEqual(clear, cache.names_until, drain['progress'])
        self.assertGreaterEqual(seen_clear, clear)
        if drain['progress']['basis'] == 'last_served+ttl':
            self.assertLess(clear, cache.names_until + 2, 'later than it need be')
        timeline = {row['state']: row['at'] for row in drain['timeline']}
        self.assertIn('clear', timeline)


if __name__ == '__main__':
    unittest.main(verbosity=2)
