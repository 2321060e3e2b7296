#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""In which order answers come: what clients get that take the first record.

A hundred thousand queries over UDP from many ports, with one worker and with three. How often each
node is first is tested twice: against the frequencies of the orders themselves (chi squared), which
a stream shows, since there one thread takes all orders in turn; and those against the weights."""
import collections
import json
import os
import socket
import struct
import sys
import tempfile
import unittest

import dns.message
import dns.query
import dns.rdatatype

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import srvplan  # noqa: E402

QUERIES = 100000
PORTS = 64  # the kernel spreads them over the workers
BATCH = 16  # of each port, under way at once
ORDERS_MAX = 128
CHI_SQUARED = {2: 13.8, 3: 16.3, 4: 18.5}  # by degrees of freedom: chance exceeds it once in 1,000
NAME = '_xmpp-client._tcp.example.org.'
CAPACITIES = {
    'human': ('human', [5, 3, 2]),
    'odd': ('universal', [1000, 1213, 777, 104, 1618]),
}


def document(scale, capacities, **policy):
    nodes = {f'xmpp{i}': {'addresses': [f'192.0.2.{i}'], 'capacity': capacity}
             for i, capacity in enumerate(capacities, 1)}
    for i in (8, 9):
        nodes[f'xmpp{i}'] = {'addresses': [f'192.0.2.{i}'], 'tier': 'standby'}
    return srvplan.inventory(nodes=nodes, domains={'example.org': {}},
                             policy={'weights': {'scale': scale}, **policy})


def srv_records(wire, question_end):
    """(priority, weight, first label of the target) of each record of the answer."""
    count, at, found = struct.unpack_from('!H', wire, 6)[0], question_end, []
    for _ in range(count):
        length, priority, weight = struct.unpack_from('!HHH', wire, at + 10)
        label = at + 18
        found.append((priority, weight, wire[label + 1:label + 1 + wire[label]].decode()))
        at += 12 + length
    return found


class OrderTest(srvplan.Case):
    def ask_many(self, port, count):
        """How often each first record came; priorities ascend in every answer."""
        query = dns.message.make_query(NAME, 'SRV', use_edns=0, payload=1232)
        wire = query.to_wire()
        end = len(dns.message.make_query(NAME, 'SRV').to_wire())
        firsts, seen = collections.Counter(), {}
        sockets = [self.enter(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                   for _ in range(PORTS)]
        for one in sockets:
            one.connect(('127.0.0.1', port))
            one.settimeout(10)
        done = 0
        while done < count:
            for one in sockets:
                for _ in range(BATCH):
                    one.send(wire)
            for one in sockets:
                for _ in range(BATCH):
                    answer = one.recv(2048)
                    if answer not in seen:
                        seen[answer] = srv_records(answer, end)
                        priorities = [record[0] for record in seen[answer]]
                        self.assertEqual(priorities, sorted(priorities))
                    firsts[seen[answer][0]] += 1
            done += PORTS * BATCH
        self.assertLessEqual(len(seen), ORDERS_MAX)
        return firsts

    def period(self, port):
        """The orders as they come in a stream, once round."""
        came = []
        query = dns.message.make_query(NAME, 'SRV')
        with socket.create_connection(('127.0.0.1', port)) as stream:
            stream.settimeout(10)
            for _ in range(2 * ORDERS_MAX):
                dns.query.send_tcp(stream, query)
                answer, _ = dns.query.receive_tcp(stream, one_rr_per_rrset=True)
                came.append(tuple((rrset[0].priority, rrset[0].weight,
                                   rrset[0].target.labels[0].decode())
                                  for rrset in answer.answer))
        for length in range(1, ORDERS_MAX + 1):
            if came[length:] == came[:-length]:
                return came[:length]
        self.fail(f'no turn of at most {ORDERS_MAX}: {came}')

    def check_shares(self, server, orders, count):
        own = collections.Counter(order[0] for order in orders)
        weights = sum(weight for _, weight, _ in own)
        for (priority, weight, node), times in own.items():
            self.assertEqual(priority, 10)
            self.assertAlmostEqual(times / len(orders), weight / weights, delta=0.01, msg=node)
        firsts = self.ask_many(server.dns_port, count)
        asked = sum(firsts.values())
        chi_squared = sum((firsts[record] - asked * times / len(orders)) ** 2
                          / (asked * times / len(orders)) for record, times in own.items())
        self.assertEqual(set(firsts), set(own))
        self.assertLess(chi_squared, CHI_SQUARED[len(own) - 1], (firsts, own))

    def test_first_places_follow_the_weights_with_one_worker_and_with_three(self):
        for workers in (1, 3):
            for label, (scale, capacities) in CAPACITIES.items():
                with self.subTest(workers=workers, weights=label):
                    with srvplan.Server(document(scale, capacities), workers=workers) as server:
                        orders = self.period(server.dns_port)
                        self.assertEqual(len({order[0] for order in orders}), len(capacities))
                        self.check_shares(server, orders, QUERIES)

    def test_a_change_of_weight_changes_the_orders_with_it(self):
        with srvplan.Server(document('human', [1, 1, 1])) as server:
            server.cli('weight', 'xmpp1', '6', '-m', 'test', check=srvplan.OK)
            orders = self.period(server.dns_port)
            self.assertEqual(sum(order[0][2] == 'xmpp1' for order in orders) * 4, len(orders) * 3)
            server.cli('weight', 'xmpp1', '0', '-m', 'test', check=srvplan.OK)
            for order in self.period(server.dns_port):
                self.assertEqual(order[2], (10, 0, 'xmpp1'))

    def test_each_generation_begins_at_another_order(self):
        """Whoever asks once after each change sees all nodes first."""
        with srvplan.Server(document('human', [1, 1, 1])) as server:
            firsts = set()
            for i in range(12):
                server.cli('weight', 'xmpp9', str(1 + i), '-m', 'test', check=srvplan.OK)
                firsts.add(server.ask(NAME).answer[0][0].target.labels[0])
            self.assertEqual(len(firsts), 3)

    def test_fixed_is_one_order_by_priority_and_node(self):
        with srvplan.Server(document('human', [2, 3, 5], answer_order='fixed')) as server:
            orders = self.period(server.dns_port)
            self.assertEqual([node for _, _, node in orders[0]],
                             ['xmpp1', 'xmpp2', 'xmpp3', 'xmpp8', 'xmpp9'])
            self.assertEqual(len(orders), 1)

    def test_a_plan_says_where_orders_do_not_suffice(self):
        for count, order, is_said in ((200, 'weighted', True), (200, 'fixed', False),
                                      (20, 'weighted', False)):
            with self.subTest(nodes=count, order=order):
                made = document('human', [], answer_order=order)
                made['nodes'] = {f'n{i}': {'addresses': [f'192.0.2.{i + 1}'], 'tier': 'primary'}
                                 for i in range(count)}
                with tempfile.NamedTemporaryFile('w', suffix='.jsonc') as file:
                    json.dump(made, file)
                    file.flush()
                    # 200 records are an error of their own: no datagram holds them (S02).
                    plan = srvplan.command('plan', '-f', file.name, '-o', 'json').stdout
                said = [finding for finding in json.loads(plan)['findings']
                        if finding['code'] == 'answer-order']
                self.assertEqual(bool(said), is_said, said)
                for finding in said:
                    self.assertEqual(finding['severity'], 'info')
                    self.assertRegex(finding['message'], r'^example\.org/xmpp-client has 200 records '
                                     r'and is answered in \d+ orders, .*: \d+\.\d % of the answers')

    def test_the_zone_file_has_one_order_whatever_the_policy(self):
        zones = []
        for order in ('weighted', 'fixed'):
            with srvplan.Server(document('human', [2, 3, 5], answer_order=order)) as server:
                zones.append(srvplan.command('zone', 'example.org', '--serial', '1', '-f',
                                             server.file, check=srvplan.OK).stdout)
        self.assertEqual(*zones)


if __name__ == '__main__':
    srvplan.main()
