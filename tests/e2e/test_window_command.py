#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""srvplan window and windows against a server: what they do, what they say, and how they end."""
import datetime
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import srvplan  # noqa: E402
from srvplan import CONFLICT, FAILED, OK, UNREACHABLE, USAGE  # noqa: E402

UTC = datetime.timezone.utc


def day(ahead):
    return (datetime.datetime.now(UTC) + datetime.timedelta(days=ahead)).strftime('%Y-%m-%d')


class WindowCommand(srvplan.ServedCase):
    def cli(self, *arguments, check=OK):
        return self.server.cli(*arguments, check=check)

    def tree(self, *arguments, check=OK):
        return json.loads(self.cli('-o', 'json', *arguments, check=check).stdout)

    def add(self, *more, name='nightly'):
        return self.cli('window', 'add', 'xmpp1', '--start', day(30) + 'T02:00', '--for', '2h',
                        '--id', name, '-m', 'kernel', *more)

    def test_a_window_is_made_shown_changed_and_removed(self):
        done = self.add('--timezone', 'Europe/Amsterdam', '--rrule', 'FREQ=DAILY', '--in-turn')
        self.assertIn('nightly  made', done.stdout)
        self.assertIn('pending', done.stdout)
        listed = self.cli('windows').stdout
        self.assertRegex(listed, r'nightly +pending +xmpp1 in turn .* 2h .*FREQ=DAILY +api +kernel')
        self.assertEqual(listed, self.cli('window', 'ls').stdout)
        shown = self.cli('window', 'show', 'nightly', '--limit', '3').stdout
        self.assertIn('Europe/Amsterdam', shown)
        self.assertEqual(shown.count(' pending\n') + shown.count(' pending '), 4, shown)
        self.cli('window', 'edit', 'nightly', '--for', '3h', '--rrule', 'none', '--together',
                 '--nodes', 'xmpp2,tier:standby', '-m', 'longer')
        window = self.tree('window', 'show', 'nightly')
        self.assertEqual((window['duration'], window['rrule'], window['serial'], window['nodes'],
                          window['timezone'], window['reason']),
                         (10800, None, False, ['xmpp2', 'tier:standby'], 'Europe/Amsterdam',
                          'longer'))
        self.assertEqual(len(window['occurrences']), 1)
        self.assertIn('nightly  removed', self.cli('window', 'rm', 'nightly').stdout)
        self.assertEqual(self.tree('windows')['items'], [])
        self.cli('window', 'show', 'nightly', check=FAILED)

    def test_an_opening_is_skipped_and_ended(self):
        self.add('--rrule', 'FREQ=DAILY')
        self.assertIn('skipped', self.cli('window', 'skip', 'nightly', day(31), '-m', 'x').stdout)
        states = [item['state'] for item in self.tree('window', 'show', 'nightly')['occurrences']]
        self.assertEqual(states[:3], ['pending', 'skipped', 'pending'])
        self.cli('window', 'skip', 'nightly', day(31), '-m', 'x', check=CONFLICT)
        self.cli('window', 'skip', 'nightly', day(31) + 'T02:00:00Z', '--undo', '-m', 'x')
        self.assertNotIn('skipped', self.cli('window', 'show', 'nightly').stdout)
        self.cli('window', 'end', 'nightly', '-m', 'x', check=CONFLICT)
        now = datetime.datetime.now(UTC).strftime('%Y-%m-%dT%H:%M:%S')
        self.cli('window', 'add', 'xmpp2', '--id', 'now', '--start', now, '--for', '1h', '-m', 'x')
        self.assertRegex(self.cli('status').stdout, r'now +active')
        self.assertIn('now  ended', self.cli('window', 'end', 'now', '-m', 'done').stdout)

    def test_a_dry_run_says_what_would_be_and_does_nothing(self):
        done = self.add('--dry-run')
        self.assertIn('would be made', done.stdout)
        self.assertIn('would differ', done.stdout)
        self.assertEqual(self.tree('windows')['items'], [])

    def test_the_calendars_url_is_printed_alone(self):
        done = self.cli('window', 'calendar', '-m', 'team')
        self.assertRegex(done.stdout, r'^/api/v1/windows.ics\?key=\S+\n$')
        url = done.stdout.strip()
        self.assertEqual(self.server.rest('GET', url, over='bare').status, 200)

    def test_mistakes_name_the_mend(self):
        for arguments, code, words in (
                (('add', 'xmpp1', '--for', '2h', '-m', 'x'), USAGE, '--start'),
                (('add', '--start', 'x', '--for', '2h', '-m', 'x'), USAGE, 'which nodes'),
                (('add', 'xmpp1', '--start', day(3) + 'T02:00', '-m', 'x'), USAGE, '--for'),
                (('add', 'xmpp1', '--start', day(3) + 'T02:00', '--for', '2h'), USAGE, '-m REASON'),
                (('add', 'xmpp9', '--start', day(3) + 'T02:00', '--for', '2h', '-m', 'x'), FAILED,
                 'did you mean'),
                (('add', 'xmpp1', '--start', 'soon', '--for', '2h', '-m', 'x'), FAILED, 'soon'),
                (('add', 'xmpp1', '--start', day(3) + 'T02:00', '--for', '2h', '--rrule',
                  'FREQ=HOURLY', '-m', 'x'), FAILED, 'HOURLY'),
                (('show',), USAGE, 'which one'), (('rm', 'gone'), FAILED, 'gone'),
                (('skip', 'gone', '-m', 'x'), FAILED, 'gone'), (('shwo', 'x'), USAGE, 'show'),
                (('ls', '--undo'), USAGE, '--undo')):
            with self.subTest(arguments):
                done = self.cli('window', *arguments, check=code)
                self.assertIn(words, done.stderr)
        srvplan.command('--socket', '/nowhere', 'windows', check=UNREACHABLE)

    def test_names_of_windows_are_completed(self):
        self.add()
        done = srvplan.command('__complete', '--socket', self.server.socket_path, 'window',
                               'show', 'ni')
        self.assertIn('nightly', done.stdout)


if __name__ == '__main__':
    srvplan.main()
