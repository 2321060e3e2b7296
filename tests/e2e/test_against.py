#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""plan --against and diff with what runs: live DNS, and revisions of the server; completion of the
ids that it knows."""
import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import srvplan  # noqa: E402
from srvplan import DIFFERENT, FAILED, OK, UNREACHABLE  # noqa: E402


def sets_of(plan):
    return {(item['name'], item['type']): (item['ttl'], sorted(item['records']))
            for item in plan['sets'] if item['records']}


class AgainstTest(srvplan.ServedCase):
    def setUp(self):
        super().setUp()
        self.dns = f'dns:127.0.0.1:{self.server.dns_port}'

    def against(self, spec, code, *more):
        done = self.server.cli('plan', '-f', self.server.file, '--against', spec,
                               '--detailed-exitcode', '-o', 'json', *more, check=code)
        return json.loads(done.stdout)

    def revision(self):
        return self.server.status()['revision']

    def assertWithdrawn(self, changes, host):
        """Each change puts the host back, and nothing else: it is drained on the other side."""
        self.assertTrue(changes)
        for change in changes:
            self.assertEqual([(record['action'], record['after'].split()[3])
                              for record in change['records'] if record['action'] != 'keep' and
                              record['action'] != 'update'], [('add', host)])

    def test_live_dns_is_what_was_planned(self):
        plan = self.against(self.dns, OK)
        self.assertEqual(plan['summary']['change'] + plan['summary']['add'], 0)
        self.assertGreater(plan['summary']['no_op'], 8)

    def test_live_dns_lacks_a_node_that_is_drained_there(self):
        self.server.cli('drain', 'xmpp1', '-m', 'kernel', check=OK)
        plan = self.against(self.dns, DIFFERENT)
        self.assertWithdrawn(plan['changes'], 'xmpp1.example.org.')
        self.server.cli('undrain', 'xmpp1', check=OK)
        self.against(self.dns, OK)

    def test_a_ttl_that_an_authority_gives_is_compared(self):
        document = srvplan.inventory()
        document['defaults']['ttl'] = '10m'
        path = os.path.join(self.server.directory, 'slower.jsonc')
        with open(path, 'w', encoding='utf-8') as file:
            json.dump(document, file)
        done = self.server.cli('plan', '-f', path, '--against', self.dns, '--detailed-exitcode',
                               check=DIFFERENT)
        self.assertIn('TTL 300 \u2192 600', done.stdout)

    def test_dns_that_is_silent_is_told(self):
        port = srvplan.free_port()
        done = self.server.cli('plan', '-f', self.server.file, '--against', f'dns:127.0.0.1:{port}',
                               check=UNREACHABLE)
        self.assertIn(f'127.0.0.1:{port}', done.stderr)
        self.assertEqual(done.stdout, '')

    def test_what_is_in_force_is_a_side(self):
        for spec in ('rev', 'rev:', 'rev:0'):
            self.against(spec, OK)
        self.server.cli('drain', 'xmpp2', '-m', 'disk', check=OK)
        plan = self.against('rev', DIFFERENT)
        self.assertEqual(plan['against'], f'revision {self.revision()}')
        self.assertWithdrawn(plan['changes'], 'xmpp2.example.org.')
        # The other way round it says why: the server knows of the drain.
        done = self.server.cli('diff', self.server.file, 'rev', check=DIFFERENT)
        self.assertIn('disk', done.stdout)
        self.assertIn('- ', done.stdout)
        self.server.cli('undrain', 'xmpp2', check=OK)

    def test_an_old_revision_has_the_sets_that_it_had(self):
        seen = {self.revision(): sets_of(self.server.get('/plan'))}
        steps = [('drain', 'xmpp1', '-m', 'one'), ('weight', 'xmpp2', '50%', '-m', 'two'),
                 ('undrain', 'xmpp1'), ('weight', 'xmpp2', '--reset'),
                 ('drain', 'xmpp3', '-m', 'three', '--services', 'xmpp-client')]
        for step in steps:
            self.server.cli(*step, check=OK)
            seen[self.revision()] = sets_of(self.server.get('/plan'))
        self.server.cli('undrain', 'xmpp3', check=OK)
        self.assertGreater(len(seen), len(steps))
        for number, sets in seen.items():
            with self.subTest(revision=number):
                old = self.server.get(f'/revisions/{number}')
                self.assertEqual(old['revision'], number)
                self.assertEqual(sets_of(old), sets)
                self.assertLessEqual({'at', 'actor', 'cause', 'inventory_digest', 'served_at',
                                      'sets', 'shares', 'findings', 'guards', 'next_change'},
                                     set(old))
        first, last = min(seen), max(seen)
        self.server.cli('diff', f'rev:{first}', f'rev:{first}', check=OK)
        said = json.loads(self.server.cli('diff', f'rev:{first}', f'rev:{last}', '-o', 'json',
                                          check=DIFFERENT).stdout)
        self.assertEqual({change['name'] for change in said['changes']},
                         {name for (name, kind), value in seen[first].items()
                          if seen[last].get((name, kind)) != value} &
                         {change['name'] for change in said['changes']})
        self.assertEqual({name for change in said['changes'] for name in change['names']},
                         {name for (name, kind), value in seen[first].items()
                          if seen[last].get((name, kind)) != value})

    def test_a_revision_never_changes_and_says_so(self):
        path = f'/api/v1/revisions/{self.revision()}'
        reply = self.server.rest('GET', path)
        self.assertEqual((reply.status, reply.headers['ETag']), (200, f'"r{self.revision()}"'))
        again = self.server.rest('GET', path, headers={'If-None-Match': reply.headers['ETag']})
        self.assertEqual((again.status, again.body), (304, b''))

    def test_a_revision_that_is_not_there_is_told(self):
        for number in ('999999', '18446744073709551615', 'x', '0', '-1', '1x'):
            with self.subTest(number=number):
                reply = self.server.rest('GET', '/api/v1/revisions/' + number)
                self.assertEqual((reply.status, reply.json['type']),
                                 (404, '/docs/problems/not-found'))
        done = self.server.cli('plan', '-f', self.server.file, '--against', 'rev:999999',
                               check=FAILED)
        self.assertIn('no revision 999999', done.stderr)

    def test_revisions_need_a_token(self):
        reply = self.server.rest('GET', '/api/v1/revisions/1', over='bare')
        self.assertEqual(reply.status, 401)

    def test_completion_knows_the_nodes_of_the_server(self):
        def offered(*words):
            done = subprocess.run([srvplan.SRVPLAN, '__complete', '--socket',
                                   self.server.socket_path, *words], check=True, text=True,
                                  capture_output=True, timeout=60, env=srvplan.environment())
            self.assertEqual(done.stderr, '')
            return [line.split('\t')[0] for line in done.stdout.splitlines()]
        self.assertEqual(offered('drain', ''), ['xmpp1', 'xmpp2', 'xmpp3'])
        self.assertEqual(offered('weight', 'xmpp2'), ['xmpp2'])
        self.assertEqual(sorted(offered('drain', '--services', 'xmpps')),
                         ['xmpps-client', 'xmpps-server'])

    def test_colours_and_letters_beyond_ascii_are_for_who_can_show_them(self):
        self.server.cli('drain', 'xmpp1', '-m', 'noyau \u00e9t\u00e9', check=OK)
        commands = (['status'], ['nodes'], ['drains'], ['history'],
                    ['drain', 'xmpp2', '-m', 'x', '--dry-run'])
        def said(arguments, **more):
            kept = {key: value for key, value in srvplan.environment().items()
                    if key != 'NO_COLOR'}
            done = subprocess.run([srvplan.SRVPLAN, '--socket', self.server.socket_path,
                                   *arguments], check=True, text=True, capture_output=True,
                                  timeout=60, env={**kept, 'TERM': 'xterm', **more})
            return done.stdout + done.stderr
        for arguments in commands:
            with self.subTest(arguments=arguments):
                self.assertNotIn('\033', said(arguments))
                self.assertNotIn('\033', said(arguments, NO_COLOR='1', CLICOLOR_FORCE='1'))
                self.assertIn('\033[', said(arguments, CLICOLOR_FORCE='1'))
                self.assertTrue(said(arguments, LC_ALL='C').isascii())
        self.server.cli('undrain', 'xmpp1', check=OK)

    def test_lists_are_csv_and_markdown(self):
        rows = self.server.cli('nodes', '-o', 'csv', check=OK).stdout.splitlines()
        self.assertEqual(rows[0].split(',')[:2], ['NODE', 'HOST'])
        self.assertEqual([row.split(',')[0] for row in rows[1:]], ['xmpp1', 'xmpp2', 'xmpp3'])
        lines = self.server.cli('history', '-o', 'md', check=OK).stdout.splitlines()
        self.assertEqual(lines[1], '|---|---|---|---|---|')
        self.assertTrue(all(line.startswith('| ') and line.endswith(' |')
                            for line in lines[:1] + lines[2:]))


if __name__ == '__main__':
    unittest.main(verbosity=2)
