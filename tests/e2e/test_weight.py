#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Weights, in all their forms, from the command to the packet."""
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import srvplan  # noqa: E402
from srvplan import CONFLICT, OK, OWNERS, USAGE  # noqa: E402


class WeightTest(srvplan.ServedCase):
    def weigh(self, *arguments, check=OK):
        return self.server.cli('weight', *arguments, check=check)

    def weight(self, owner=OWNERS[0], host='xmpp1', tcp=False):
        """The weight of a host in one set, as dnsd serves it."""
        found = [record.weight for rrset in self.server.ask(owner, tcp=tcp).answer
                 for record in rrset if record.target.labels[0].decode() == host]
        self.assertEqual(len(found), 1, owner)
        return found[0]

    def test_every_form_reaches_udp_and_tcp_in_every_set(self):
        planned = self.weight()
        forms = [('1234', 1234), ('0', 0), ('65535', 65535), ('+10', planned + 10),
                 ('-10', planned - 10), ('50%', planned * 50 // 100), ('100%', planned),
                 ('0%', 0), (f'-{planned}', 0)]
        for value, expected in forms:
            with self.subTest(value=value):
                serial = self.server.serial()
                changes = expected != self.weight()
                self.weigh('xmpp1', value, '-m', 'test')
                for owner in OWNERS:
                    for tcp in (False, True):
                        self.assertEqual(self.weight(owner, tcp=tcp), expected, owner)
                if changes:
                    self.assertSerialGreater(self.server.serial(), serial)
                self.assertEqual(self.weight(host='xmpp2'), self.weight(host='xmpp2', tcp=True))

    def test_a_change_says_where_its_time_went(self):
        parts = r'plan;dur=\d+\.\d, image;dur=\d+\.\d, store;dur=\d+\.\d, serve;dur=\d+\.\d'
        self.assertRegex(self.weigh('xmpp1', '77', '-m', 'test', '-v').stderr, parts)
        self.assertNotRegex(self.weigh('xmpp1', '78', '-m', 'test').stderr, parts)
        path, body = '/api/v1/nodes/xmpp1/weight', {'weight': 79, 'reason': 'test'}
        changed = self.server.rest('PUT', path, body, {'If-Match': '*'})
        self.assertRegex(changed.headers['Server-Timing'], f'^{parts}$')
        tried = self.server.rest('PUT', path + '?dry_run=true', body, {'If-Match': '*'})
        self.assertEqual((tried.status, tried.headers['Server-Timing']), (200, None))
        self.assertIsNone(self.server.rest('GET', '/api/v1/nodes/xmpp1').headers['Server-Timing'])

    def test_a_form_counts_from_the_planned_weight_each_time(self):
        planned = self.weight()
        for _ in range(3):
            self.weigh('xmpp1', '+100', '-m', 'test')
        self.assertEqual(self.weight(), planned + 100)

    def test_a_sum_out_of_16_bits_is_refused_with_the_numbers(self):
        before, planned = self.server.sets(), self.weight()
        for value, would_be in (('+65535', planned + 65535), (f'-{planned + 1}', -1),
                                ('1000%', planned * 10)):
            refused = self.weigh('xmpp1', value, '-m', 'test', check=srvplan.FAILED)
            self.assertIn(str(would_be), refused.stderr)
            self.assertIn(str(planned), refused.stderr)
        self.assertEqual(self.server.sets(), before)

    def test_reset_restores_the_exact_former_sets(self):
        before = self.server.sets()
        self.weigh('xmpp1', '30', '-m', 'test')
        self.weigh('xmpp2', '200%', '-m', 'test')
        self.assertNotEqual(self.server.sets(), before)
        self.weigh('xmpp1', '--reset')
        self.weigh('xmpp2', '--reset')
        self.assertEqual(self.server.sets(), before)
        self.assertEqual(self.server.status()['weights'], [])

    def test_one_service_alone_and_it_wins_over_all(self):
        planned = self.weight()
        self.weigh('xmpp1', '7', '-m', 'test', '--service', 'xmpp-client')
        for owner in OWNERS:
            self.assertEqual(self.weight(owner), 7 if owner.startswith('_xmpp-client.') else planned)
        self.weigh('xmpp1', '9', '-m', 'test')
        for owner in OWNERS:
            self.assertEqual(self.weight(owner), 7 if owner.startswith('_xmpp-client.') else 9)
        self.weigh('xmpp1', '--reset', '--service', 'xmpp-client')
        self.assertEqual({self.weight(owner) for owner in OWNERS}, {9})

    def test_a_weight_for_a_time_ends_by_itself(self):
        before = self.server.sets()
        self.weigh('xmpp1', '5', '-m', 'test', '--for', '2s')
        self.assertEqual(self.weight(), 5)
        srvplan.wait_until(lambda: self.server.sets() == before, 6, 'the weight ends')
        srvplan.wait_until(lambda: self.server.status()['weights'] == [], 5, 'the status says so')

    def test_shares_and_reasons_follow(self):
        self.weigh('xmpp1', '100', '-m', 'slow disk')
        self.weigh('xmpp2', '300', '-m', 'test')
        node = self.server.get('/nodes/xmpp1')
        self.assertEqual({row['share_exact'] for row in node['effective'] if row['in_set']},
                         {'1/4'})
        self.assertEqual({row['weight'] for row in node['effective']}, {100})
        overlay = node['weights'][0]
        self.assertEqual((overlay['weight'], overlay['reason'], overlay['service']),
                         (100, 'slow disk', '*'))
        self.assertEqual(json.loads(self.server.cli('status', '-o', 'json', check=OK).stdout)
                         ['weights'][0]['reason'], 'slow disk')

    def test_mistakes_change_nothing(self):
        before, revision = self.server.sets(), self.server.status()['revision']
        for value in ('65536', '-65536', '+65536', '1001%', '-5%', 'x', '', '1.5', '0x10', '5 %'):
            with self.subTest(value=value):
                self.weigh('xmpp1', value, '-m', 'test', check=USAGE)
        self.weigh('xmpp1', '5', check=USAGE)  # without a reason
        self.weigh('xmpp9', '5', '-m', 'test', check=srvplan.FAILED)
        self.assertNotEqual(self.weigh('xmpp1', '--reset', check=None).returncode, OK)
        tag = self.server.rest('GET', '/api/v1/nodes/xmpp1').headers['ETag']
        for body in ({'weight': 65536}, {'weight': -1}, {'weight': 1.5}, {'weight': '5'},
                     {'weight': None}, {'weight': True}, {'weight': '1001%'}, {}, {'wieght': 5},
                     {'weight': 5, 'services': ['nonsense']}, {'weight': 5, 'services': []},
                     {'weight': 5, 'expires_in': -1}, {'weight': 5, 'expires_in': 'soon'}):
            with self.subTest(body=body):
                reply = self.server.rest('PUT', '/api/v1/nodes/xmpp1/weight',
                                         {'reason': 'test', **body}, headers={'If-Match': tag})
                self.assertEqual(reply.status, 422, reply)
                self.assertTrue(reply.json['detail'])
                for row in reply.json.get('errors', []):
                    self.assertRegex(row['pointer'], '^(/.*)?$')
        self.assertEqual((self.server.sets(), self.server.status()['revision']),
                         (before, revision))

    def test_put_needs_the_nodes_current_etag(self):
        path, body = '/api/v1/nodes/xmpp1/weight', {'weight': 5, 'reason': 'test'}
        tag = self.server.rest('GET', '/api/v1/nodes/xmpp1').headers['ETag']
        self.assertEqual(self.server.rest('PUT', path, body).status, 428)
        stale = self.server.rest('PUT', path, body, headers={'If-Match': '"999999"'})
        self.assertEqual(stale.status, 412)
        self.assertEqual(self.server.rest('PUT', path, body, headers={'If-Match': tag}).status, 200)
        again = self.server.rest('PUT', path, body, headers={'If-Match': tag})
        self.assertEqual(again.status, 412, 'the ETag is spent')
        self.assertEqual(self.server.rest('DELETE', path).status, 428)
        # The drain of another node makes nobody's ETag stale.
        tag = self.server.rest('GET', '/api/v1/nodes/xmpp1').headers['ETag']
        self.server.drain('xmpp2')
        self.assertEqual(self.server.rest('DELETE', path, headers={'If-Match': tag}).status, 200)
        gone = self.server.rest('DELETE', path, headers={'If-Match': '*'})
        self.assertEqual(gone.status, 404)

    def test_weight_and_drain_on_one_node(self):
        self.weigh('xmpp1', '5', '-m', 'test')
        self.server.cli('drain', 'xmpp1', '-m', 'test', check=OK)
        self.assertNotIn('xmpp1', srvplan.hosts(self.server.ask(OWNERS[0])))
        self.server.cli('drain', 'xmpp1', '-m', 'test', check=CONFLICT)
        self.weigh('xmpp1', '6', '-m', 'test')
        self.server.cli('undrain', 'xmpp1', check=OK)
        self.assertEqual(self.weight(), 6)


if __name__ == '__main__':
    unittest.main(verbosity=2)
