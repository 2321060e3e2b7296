#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guards of the policy, from the inventory to the refusal and over it: the numbers, what would make
it pass, and who may go on."""
import json
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import srvplan  # noqa: E402
from srvplan import FAILED, GUARDED, OK  # noqa: E402


def guarded(**guard):
    return srvplan.inventory(policy={'guard': guard})


class CapacityTest(srvplan.ServedCase):
    document = guarded(min_capacity='60%')

    def test_the_problem_has_the_numbers_and_what_is_in_the_way(self):
        self.server.cli('drain', 'xmpp2', '-m', 'test', check=OK)
        reply = self.server.drain('xmpp1')
        self.assertEqual((reply.status, reply.json['type'], reply.json['title']),
                         (409, '/docs/problems/capacity-guard',
                          'Drain would leave too little capacity'), reply)
        guard = reply.json['guard']
        # Without both, 100 of the stand-by are left for what was made for 320.
        self.assertEqual((guard['min_capacity'], guard['would_be'], guard['limit'],
                          guard['tier'], guard['domain'], guard['service']),
                         (0.6, 0.3125, 0.6, 'primary', 'chat.example.net.', 'xmpp-client'))
        drains = self.server.get('/drains')['items']
        self.assertEqual(reply.json['blocking'],
                         ['/api/v1/drains/' + drain['id'] for drain in drains])
        self.assertTrue(reply.json['overridable'])
        self.assertIn('or add 92 of capacity to tier standby', reply.json['detail'])

    def test_the_command_says_what_to_put_back_and_force_goes_over_it(self):
        refused = self.server.cli('drain', 'xmpp1', '-m', 'test', check=GUARDED)
        self.assertIn('would keep 37.5 % of the capacity of tier primary (120 of 320), and at '
                      'least 60 % must stay', refused.stderr)
        self.assertEqual(refused.stderr.count('example.org/xmpp-client '), 1, refused.stderr)
        self.assertIn('--force', refused.stderr)
        self.server.cli('drain', 'xmpp1', '-m', 'test', '--force', check=OK)
        # What was forced is not asked for again; what makes it worse is.
        self.server.cli('weight', 'xmpp3', '50%', '-m', 'test', check=OK)
        self.server.cli('drain', 'xmpp2', '-m', 'test', check=GUARDED)
        self.server.cli('undrain', 'xmpp1', check=OK)


class CountingTest(srvplan.ServedCase):
    document = srvplan.inventory(policy={'guard': {
        'max_drains': 1, 'assert': {'front': {'nodes': ['tier:primary'], 'at_least': 1}}}})

    def test_a_ceiling_that_was_broken_by_force_stays_where_it_is(self):
        self.server.cli('drain', 'xmpp1', '-m', 'test', check=OK)
        reply = self.server.drain('xmpp3')
        self.assertEqual((reply.status, reply.json['type'], reply.json['guard']['name'],
                          reply.json['guard']['would_be'], reply.json['guard']['limit']),
                         (409, '/docs/problems/guard', 'max_drains', 2, 1))
        self.assertNotIn('domain', reply.json['guard'])
        self.server.cli('drain', 'xmpp3', '-m', 'test', '--force', check=OK)
        self.server.cli('weight', 'xmpp2', '50%', '-m', 'test', check=OK)
        self.server.cli('undrain', 'xmpp3', check=OK)

    def test_an_assertion_is_named(self):
        reply = self.server.rest('POST', '/api/v1/drains',
                                 {'nodes': ['xmpp1', 'xmpp2'], 'reason': 'test'})
        names = {guard['name']: guard for guard in reply.json['guards']}
        self.assertEqual((names['assert']['assertion'], names['assert']['would_be']), ('front', 0))


class OfflineTest(unittest.TestCase):
    def run_on(self, document, *arguments, check):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, 'inventory.jsonc')
            with open(path, 'w', encoding='utf-8') as file:
                json.dump(document, file)
            return srvplan.command(*arguments, '-f', path, check=check)

    def test_the_plan_shows_how_much_room_is_left(self):
        document = guarded(min_capacity=0.5, survive_one_more_failure=True, min_nodes=2)
        guards = json.loads(self.run_on(document, 'plan', '-o', 'json', check=OK).stdout)['guards']
        self.assertEqual({guard['guard']: (guard['ok'], guard['would_be'], guard['limit'])
                          for guard in guards},
                         {'never_empty': (True, 3, 1), 'min_nodes': (True, 3, 2),
                          'min_capacity': (True, 1.0, 0.5),
                          # Not even the whole survives the loss of xmpp1 with a half.
                          'survive_one_more_failure': (True, 0.375, 0.375)})
        text = self.run_on(document, 'plan', check=OK)
        self.assertIn('min_nodes: chat.example.net/xmpp-client keeps 3 of 3 nodes, and at least 2 must '
                      'stay', text.stdout)
        self.assertIn('[guard-out-of-reach]', text.stderr)

    def test_what_the_inventory_itself_breaks_is_found_by_check(self):
        document = guarded(min_ttl='10m')
        done = self.run_on(document, 'check', '-o', 'json', check=FAILED)
        found = {(item['code'], item['pointer']) for item in json.loads(done.stdout)['findings']
                 if item['severity'] == 'error'}
        self.assertIn(('T04', '/domains/example.org'), found)
        self.assertNotIn('guard-min-ttl', {code for code, _ in found})

    def test_the_usual_drain_ttl_is_not_below_what_the_provider_takes(self):
        document = guarded(min_ttl='10m')
        document['defaults']['ttl'] = '15m'
        document['domains'] = {'example.org': {}}
        self.run_on(document, 'check', check=OK)
        document['defaults']['drain_ttl'] = '9m'
        self.assertIn('[T04]', self.run_on(document, 'check', check=FAILED).stderr)

    def test_a_scale_that_cannot_weigh_is_found_by_check(self):
        document = srvplan.inventory(policy={'weights': {'scale': 'hamilton:1'}})
        done = self.run_on(document, 'check', '-o', 'json', check=FAILED)
        self.assertIn(('weights-impossible', '/policy/weights'),
                      {(item['code'], item['pointer'])
                       for item in json.loads(done.stdout)['findings']})

    def test_scales_are_what_the_manual_says(self):
        for scale, weights in (('stable', [2000, 1200, 1000]), ('human', [5, 3, 1]),
                               ('hamilton:1000', [625, 375, 1000]),
                               ('universal', [39680, 23808, 65280]), ('raw', [200, 120, 100])):
            with self.subTest(scale=scale):
                document = srvplan.inventory(policy={'weights': {'scale': scale}})
                plan = json.loads(self.run_on(document, 'plan', '-o', 'json', check=OK).stdout)
                records = [item for item in plan['sets'] if item['type'] == 'SRV'][0]['records']
                self.assertEqual([int(record.split()[1]) for record in records], weights)
                self.assertIn(f'scale {scale}', plan['sets'][0]['because'][0]['text'])


if __name__ == '__main__':
    unittest.main(verbosity=2)
