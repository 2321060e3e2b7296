#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Maintenance windows: what is planned is what the responder answers, second by second; and the
schedules that `srvplan window suggest` finds."""
import datetime
import json
import os
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import srvplan  # noqa: E402
from srvplan import CONFLICT, FAILED, GUARDED, OK, USAGE  # noqa: E402

NAME = '_xmpp-client._tcp.example.org.'
LATE = 1.5  # seconds that a change may take to be served on a loaded machine
UTC = datetime.timezone.utc


def text_of(instant):
    return datetime.datetime.fromtimestamp(instant, UTC).strftime('%Y-%m-%dT%H:%M:%S')


def seconds(text):
    return datetime.datetime.strptime(text, '%Y-%m-%dT%H:%M:%SZ').replace(tzinfo=UTC).timestamp()


def cluster(windows=None, **policy):
    return {
        'srvplan': 1,
        'defaults': {'base': 'example.org', 'ttl': '5m', 'services': ['xmpp-client'],
                     'name_servers': [{'host': 'ns1.example.org', 'addresses': ['192.0.2.53']}]},
        'domains': {'example.org': {}},
        'nodes': {f'xmpp{i}': {'addresses': [f'192.0.2.1{i}']} for i in range(1, 6)},
        'policy': policy, 'windows': windows or {}}


class ServedWindow(srvplan.Case):
    def look(self, server):
        """TTL and the weight of xmpp1, None when it is not there."""
        answer = server.ask(NAME).answer[0]
        weights = {str(record.target): record.weight for record in answer}
        return answer.ttl, weights.get('xmpp1.example.org.')

    def test_answers_change_at_the_instants_that_were_planned(self):
        opens = int(time.time()) + 18
        document = cluster(drain={'ramp': '4s', 'steps': 2, 'grace': '1s'})
        document['defaults'].update(ttl='2s', drain_ttl='1s')
        document['windows'] = {'soon': {'nodes': ['xmpp1'], 'start': text_of(opens), 'duration': '9s'}}
        server = self.serve(document=document)
        # t0 2, t1 1, ramp 4, grace 1: first change at T-4-1-2-2.
        # Five equal nodes: 255 units of 256 among them, 51 each; 2/3 of that are 34, 1/3 17.
        whole = 51 * 256
        expected = [(opens - 9, 1, whole), (opens - 6, 1, 34 * 256), (opens - 4, 1, 17 * 256),
                    (opens - 2, 1, None), (opens + 9, 1, 17 * 256), (opens + 11, 1, 34 * 256),
                    (opens + 13, 2, whole)]
        self.assertLess(time.time(), opens - 9, 'the machine is too slow for this test')
        self.assertEqual(self.look(server), (2, whole))
        plan = server.get('/plan')
        self.assertEqual(seconds(plan['next_change']), opens - 9)
        before = server.status()['revision']
        seen, last = [], (2, whole)
        while time.time() < opens + 13 + LATE:
            now = self.look(server)
            if now != last:
                seen.append((time.time(), *now))
                last = now
            time.sleep(0.02)
        self.assertEqual([change[1:] for change in seen], [change[1:] for change in expected])
        for (at, *_), (planned, *_) in zip(seen, expected):
            self.assertTrue(planned - 0.01 <= at <= planned + LATE, (seen, expected))
        self.assertEqual(server.status()['revision'], before + len(expected))
        self.assertIsNone(server.get('/plan')['next_change'])

    def test_a_restart_in_a_window_keeps_the_node_out(self):
        opens = int(time.time()) - 60
        document = cluster({'now': {'nodes': ['xmpp1'], 'start': text_of(opens), 'duration': '1h'}},
                           drain={'grace': '1s'})
        server = self.serve(document=document)
        self.assertEqual(self.look(server), (60, None))
        server.kill()
        server.start()
        self.assertEqual(self.look(server), (60, None))

    def test_a_drain_that_a_guard_will_refuse_is_refused_before_its_ramp(self):
        server = self.serve(document=cluster(drain={'ramp': '10m'}, guard={'min_nodes': 5}))
        refused = server.cli('drain', 'xmpp1', '-m', 'test', check=GUARDED)
        self.assertIn('would keep 4 of 5 nodes', refused.stderr)
        server.cli('drain', 'xmpp1', '-m', 'test', '--force', check=OK)
        self.assertEqual(self.look(server), (60, 51 * 256))

    def test_a_blocked_window_keeps_its_node_and_says_why(self):
        opens = int(time.time()) - 60
        document = cluster({'now': {'nodes': ['xmpp1'], 'start': text_of(opens), 'duration': '1h'}},
                           drain={'grace': '1s'}, guard={'min_nodes': 5})
        server = self.serve(document=document)
        self.assertEqual(self.look(server), (300, 51 * 256))
        findings = server.get('/plan')['findings']
        self.assertEqual(findings[0]['code'], 'window-blocked')
        self.assertIn('would keep 4 of 5 nodes, and at least 5 must stay', findings[0]['message'])


class Suggested(unittest.TestCase):
    START = '2026-12-01T00:00:00Z'

    def suggest(self, document, *arguments, check=OK):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'inventory.jsonc')
            with open(path, 'w', encoding='utf-8') as file:
                json.dump(document, file)
            return srvplan.command('window', 'suggest', '-f', path, '--from', self.START,
                                   *arguments, check=check)

    def turns(self, document, *arguments):
        done = self.suggest(document, *arguments, '-o', 'json')
        return json.loads(done.stdout)

    def test_nodes_share_a_turn_as_far_as_the_guards_allow(self):
        for floor, turns in ((1, 2), (2, 2), (3, 3), (4, 5)):
            found = self.turns(cluster(guard={'min_nodes': floor}), 'xmpp1', 'xmpp2', 'xmpp3',
                               'xmpp4', 'xmpp5', '--for', '1h')
            self.assertEqual(len(found['turns']), turns, found)
            self.assertTrue(found['is_shortest'])
            nodes = [node for turn in found['turns'] for node in turn['nodes']]
            self.assertEqual(sorted(nodes), [f'xmpp{i}' for i in range(1, 6)])

    def test_what_it_suggests_passes_when_it_is_pasted(self):
        document = cluster(drain={'ramp': '10m'}, guard={'min_nodes': 3})
        found = self.turns(document, 'xmpp1', 'xmpp2', 'xmpp3', '--for', '1h')
        self.assertEqual([turn['opens'] for turn in found['turns']],
                         ['2026-12-01T00:17:00Z', '2026-12-01T01:40:00Z'])
        self.assertEqual(found['first_change'], self.START)
        document['windows'] = found['windows']
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'inventory.jsonc')
            with open(path, 'w', encoding='utf-8') as file:
                json.dump(document, file)
            at, out = seconds(self.START), set()
            while at:
                done = srvplan.command('plan', '-f', path, '-o', 'json', '--at', f'@{int(at)}',
                                       check=OK)
                plan = json.loads(done.stdout)
                self.assertFalse([finding for finding in plan['findings']
                                  if finding['code'] == 'window-blocked'], plan['findings'])
                for turn in found['turns']:
                    if seconds(turn['withdrawn']) <= at < seconds(turn['ends']):
                        records = ' '.join(plan['sets'][0]['records'])
                        self.assertFalse([node for node in turn['nodes'] if node in records])
                        out |= set(turn['nodes'])
                at = plan['next_change'] and seconds(plan['next_change'])
            self.assertEqual(out, {'xmpp1', 'xmpp2', 'xmpp3'})

    def test_it_keeps_clear_of_other_windows(self):
        other = {'other': {'nodes': ['xmpp5'], 'start': '2026-12-01T01:00', 'duration': '2h'},
                 'suggested-7': {'nodes': ['xmpp5'], 'start': '2026-12-02T01:00', 'duration': '2h'}}
        found = self.turns(cluster(other), 'xmpp1', '--for', '1h')
        # The other one is whole at 03:00; lead is 5 min, 1 min and twice 30 s.
        self.assertEqual(found['turns'][0]['opens'], '2026-12-01T03:07:00Z')
        self.assertEqual(list(found['windows']), ['suggested-8'])

    def test_the_guard_that_forbids_it_is_named(self):
        done = self.suggest(cluster(guard={'min_nodes': 5}), 'xmpp1', '--for', '1h', check=GUARDED)
        self.assertIn('xmpp1 may not be out, not even alone; guard min_nodes: '
                      'example.org/xmpp-client would keep 4 of 5 nodes', done.stderr)
        self.assertEqual(done.stdout, '')
        done = self.suggest(cluster(guard={'min_nodes': 5}), 'xmpp1', '--for', '1h', '-o', 'json',
                            check=GUARDED)
        self.assertIn('guard min_nodes', json.loads(done.stdout)['forbidden'])

    def test_more_nodes_than_can_be_tried_are_placed_one_by_one(self):
        document = cluster(guard={'min_nodes': 16})
        document['nodes'] = {f'n{i:02}': {'addresses': [f'192.0.2.{i}']} for i in range(1, 21)}
        found = self.turns(document, *document['nodes'], '--for', '1h')
        self.assertEqual([len(turn['nodes']) for turn in found['turns']], [4] * 5)
        self.assertFalse(found['is_shortest'])

    def test_a_limit_and_the_command_line(self):
        done = self.suggest(cluster(guard={'min_nodes': 4}), 'xmpp1', 'xmpp2', '--for', '1h',
                            '--within', '2h', check=CONFLICT)
        self.assertIn('2 turns would be over after 2h 10m, not within 2h', done.stderr)
        self.suggest(cluster(guard={'min_nodes': 4}), 'xmpp1', 'xmpp2', '--for', '1h',
                     '--within', '3h')
        self.assertIn('did you mean xmpp1?',
                      self.suggest(cluster(), 'xmmp1', '--for', '1h', check=FAILED).stderr)
        self.assertIn('named twice', self.suggest(cluster(), 'xmpp1', 'xmpp1', '--for', '1h',
                                                  check=USAGE).stderr)
        self.assertIn('for how long?', self.suggest(cluster(), 'xmpp1', check=USAGE).stderr)
        self.assertIn('there are add, ls', srvplan.command('window', 'frob', check=USAGE).stderr)
        self.assertIn('has no option --within', srvplan.command(
            'window', 'ls', '--within', '2h', check=USAGE).stderr)
        self.assertIn('did you mean suggest?',
                      srvplan.command('window', 'sugest', check=USAGE).stderr)

    def test_the_table_ends_with_a_piece_to_paste(self):
        done = self.suggest(cluster(), 'xmpp1', 'xmpp2', '--for', '90m')
        self.assertIn('1 turn, 1h 37m from the first change to the last', done.stdout)
        piece = done.stdout[done.stdout.index('"windows"'):]
        self.assertEqual(json.loads('{' + piece + '}')['windows'],
                         {'suggested-1': {'nodes': ['xmpp1', 'xmpp2'], 'start': '2026-12-01T00:07',
                                          'duration': 5400}})


if __name__ == '__main__':
    srvplan.main()
