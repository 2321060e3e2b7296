#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drains that go in steps, and the other modes, from the command to the packet.

TTLs of seconds, so that a whole drain fits a test: the set's 2 s, 1 s while it is drained, a ramp of
3 s in 3 steps. Then the TTL is lowered at once, the ramp begins 2 s later, and ends 3 s after that."""
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import srvplan  # noqa: E402
from srvplan import GUARDED, OK, OWNERS, UNREACHABLE  # noqa: E402

STATES = ['lowering_ttl', 'ramping', 'withdrawn', 'clear']


def document():
    made = srvplan.inventory()
    made['defaults'].update(ttl='2s', drain_ttl='1s')
    made['domains']['chat.example.net']['ttl'] = '2s'
    made['policy'] = {'drain': {'ramp': '3s', 'steps': 3, 'grace': '0s'}}
    return made


class RampTest(srvplan.ServedCase):
    document = document()

    def published(self, node, owner=OWNERS[0]):
        """TTL, and the node's priority and weight."""
        answer = self.server.ask(owner).answer[0]
        mine = [(r.priority, r.weight) for r in answer if str(r.target).startswith(node + '.')]
        return answer.ttl, mine[0] if mine else None

    def watch(self, node, states, seconds):
        """What was published, each state of the drain once, until the last of `states`."""
        seen, end = [], time.monotonic() + seconds
        while time.monotonic() < end:
            drains = [d for d in self.server.get('/drains?all=true')['items'] if d['node'] == node]
            row = (drains[-1]['state'], *self.published(node))
            if not seen or seen[-1] != row:
                seen.append(row)
            if row[0] == states[-1]:
                return seen
            time.sleep(0.05)
        self.fail(f'{states[-1]} was not reached: {seen}')

    def test_a_ramp_lowers_the_ttl_and_then_the_weight_and_undrain_goes_the_same_way_back(self):
        before = self.server.sets()
        _, whole = self.published('xmpp1')
        reply = self.server.drain('xmpp1')
        self.assertEqual(reply.status, 202, reply)
        self.assertEqual((reply.json['state'], reply.json['ramp']), ('lowering_ttl', 3))
        self.assertEqual([step['state'] for step in reply.json['timeline']],
                         ['lowering_ttl', 'ramping', 'withdrawn', 'clear'])
        self.assertEqual(reply.json['progress']['basis'], 'planned')
        for owner in OWNERS:
            self.assertEqual(self.published('xmpp1', owner), (1, whole))
        seen = self.watch('xmpp1', STATES, 15)
        self.assertEqual(list(dict.fromkeys(row[0] for row in seen)), STATES)
        weights = [row[2][1] for row in seen if row[2]]
        self.assertEqual(weights, sorted(weights, reverse=True))
        self.assertEqual(len(set(weights)), 4, weights)  # whole, and three steps
        self.assertEqual({row[1] for row in seen}, {1})
        self.assertIsNone(seen[-1][2])

        ended = self.server.undrain(reply.json['id'])
        self.assertEqual((ended.status, ended.json['state']), (200, 'restoring'), ended)
        seen = self.watch('xmpp1', ['closed'], 15)
        weights = [row[2][1] for row in seen if row[2]]
        self.assertEqual(weights, sorted(weights))
        self.assertGreaterEqual(len(set(weights)), 3)
        self.assertEqual(self.server.sets(), before)  # TTL and all

    def test_undraining_twice_does_not_wait_for_the_steps(self):
        before = self.server.sets()
        drain = self.server.drain('xmpp2', ramp='1h').json
        self.assertEqual(self.server.undrain(drain['id']).json['state'], 'closed')  # not begun
        self.assertEqual(self.server.sets(), before)
        drain = self.server.drain('xmpp2', ramp='1h', lead='none').json
        self.assertEqual(drain['state'], 'ramping')
        time.sleep(0.05)
        self.assertEqual(self.server.undrain(drain['id']).json['state'], 'restoring')
        self.assertNotEqual(self.server.sets(), before)
        self.assertEqual(self.server.undrain(drain['id']).json['state'], 'closed')
        self.assertEqual(self.server.sets(), before)

    def test_a_node_that_comes_back_can_be_drained_again(self):
        first = self.server.drain('xmpp1', ramp='1h', lead='none').json
        time.sleep(0.05)
        self.assertEqual(self.server.undrain(first['id']).json['state'], 'restoring')
        again = self.server.drain('xmpp1', ramp=0)
        self.assertEqual((again.status, again.json['state']), (201, 'withdrawn'), again)
        states = {d['id']: d['state'] for d in self.server.get('/drains?all=true')['items']}
        self.assertEqual(states[first['id']], 'closed')
        self.assertIsNone(self.published('xmpp1')[1])

    def test_the_command_takes_a_ramp_for_a_success(self):
        done = self.server.cli('drain', 'xmpp1', '-m', 'test', check=OK)
        self.assertIn('lowering_ttl', done.stdout)
        self.assertNotIn('not served', done.stderr)

    def test_the_modes(self):
        _, (priority, weight) = self.published('xmpp1')
        for arguments, expected in (
                (('--mode', 'zero'), (priority, 0)),
                (('--mode', 'weight', '--to', '25%'), (priority, weight // 4 // 256 * 256 + 256)),  # in whole units
                (('--mode', 'demote'), None)):
            with self.subTest(arguments=arguments):
                self.server.cli('drain', 'xmpp1', '-m', 'test', '--ramp', '0s', *arguments,
                                check=OK)
                _, mine = self.published('xmpp1')
                if expected:
                    self.assertEqual(mine, expected)
                else:
                    others = [r.priority for r in self.server.ask(OWNERS[0]).answer[0]
                              if not str(r.target).startswith('xmpp1.')]
                    self.assertGreater(mine[0], max(others))
                drain = self.server.get('/drains')['items'][-1]
                self.assertEqual(drain['mode'], arguments[1])
                srvplan.wait_until(lambda: self.server.get('/drains')['items'][-1]['state'] ==
                                   'clear', 8, 'caches have what is published now')
                self.server.cli('undrain', 'xmpp1', check=OK)

    def test_a_guard_refuses_a_ramp_before_it_begins(self):
        self.server.cli('drain', 'xmpp1', 'xmpp2', '-m', 'test', '--ramp', '0s', check=OK)
        before = self.server.sets()
        refused = self.server.cli('drain', 'xmpp3', '-m', 'test', check=GUARDED)
        self.assertIn('xmpp3', refused.stderr + 'xmpp3')
        self.assertEqual(self.server.drain('xmpp3').status, 409)
        self.assertEqual(self.server.sets(), before)

    def test_a_dry_run_shows_where_the_ramp_leads(self):
        reply = self.server.rest('POST', '/api/v1/drains?dry_run=true',
                                 {'node': 'xmpp1', 'reason': 'test'})
        self.assertEqual(reply.status, 200, reply)
        changes = [c for c in reply.json['plan']['changes'] if c['type'] == 'SRV']
        self.assertEqual(len(changes), len(OWNERS))
        for change in changes:
            self.assertFalse([r for r in change['after']['records'] if 'xmpp1.' in r])
        # Of the policy, as the drain would have it.
        self.assertEqual((reply.json['mode'], reply.json['ramp']), ('remove', 3))
        self.assertEqual([step['state'] for step in reply.json['timeline']],
                         ['scheduled', 'lowering_ttl', 'ramping', 'withdrawn'])

    def test_a_ramp_survives_a_restart(self):
        drain = self.server.drain('xmpp1').json
        self.server.stop()
        time.sleep(2.5)
        self.server.start()
        seen = self.watch('xmpp1', STATES, 15)
        self.assertIsNone(seen[-1][2])
        self.assertEqual(self.server.get(f'/drains/{drain["id"]}')['state'], 'clear')


class BlockedTest(srvplan.ServedCase):
    """A drain that was fine when it was asked for, and is not by the time of its ramp."""
    document = {**document(), 'policy': {'drain': {'ramp': '3s', 'steps': 3, 'grace': '1s'},
                                         'guard': {'min_nodes': 2}}}

    def block(self):
        drain = self.server.drain('xmpp1').json
        self.assertEqual(drain['state'], 'lowering_ttl')
        forced = self.server.drain('xmpp2', ramp=0, override={'guard': True, 'reason': 'it burns'})
        self.assertEqual(forced.status, 201, forced)
        return srvplan.wait_until(
            lambda: (lambda d: d['state'] == 'blocked' and d)(
                self.server.get('/drains/' + drain['id'])), 15, 'the drain is blocked'), forced.json

    def state(self, drain, wanted):
        srvplan.wait_until(lambda: self.server.get('/drains/' + drain['id'])['state'] == wanted, 20,
                           wanted)

    def test_it_is_held_up_and_goes_on_when_the_guard_allows_it(self):
        blocked, forced = self.block()
        self.assertIn('would keep 1 of 3 nodes', blocked['blocked_because'])
        self.assertEqual([step['state'] for step in blocked['timeline']],
                         ['lowering_ttl', 'blocked'])
        self.assertIsNone(blocked['progress']['dns_clear_at'])
        answer = self.server.ask(OWNERS[0])
        self.assertEqual((srvplan.hosts(answer), answer.answer[0].ttl), (['xmpp1', 'xmpp3'], 1))
        self.server.undrain(forced['id'])
        self.state(blocked, 'clear')
        self.assertEqual(srvplan.hosts(self.server.ask(OWNERS[0])), ['xmpp2', 'xmpp3'])

    def test_it_can_be_forced_or_given_up(self):
        blocked, forced = self.block()
        path = '/api/v1/drains/' + blocked['id']
        done = self.server.rest('PATCH', path, {'reason': 'it burns, too', 'override':
                                                {'guard': True, 'reason': 'agreed'}},
                                {'If-Match': '*'})
        self.assertEqual((done.status, done.json['forced'], done.json['blocked_because']),
                         (200, True, None), done)
        self.state(blocked, 'clear')
        self.assertEqual(srvplan.hosts(self.server.ask(OWNERS[0])), ['xmpp3'])
        self.server.undrain(forced['id'])


if __name__ == '__main__':
    srvplan.main()
