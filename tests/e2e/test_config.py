#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration file of srvpland: what it may say, what it must not, and a reload of it, by
signal and by the API: a file with a mistake changes nothing."""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import srvplan  # noqa: E402
from srvplan import wait_until  # noqa: E402

SRVPLAND = os.path.join(srvplan.BUILD, 'api', 'srvpland')
MANUAL = os.path.join(srvplan.SOURCE, 'api', 'man', 'srvplan-config.5.scd')

WRONG = (
    # text, line, column, what the finding says
    ('{"workers": 0}', 1, 13, 'expected a number from 1 to 64'),
    ('{\n  "workers": "2"}', 2, 14, 'expected a whole number'),
    ('{"workers": 1.0}', 1, 13, 'expected a whole number'),
    ('{"aip": "127.0.0.1:8053"}', 1, 2, 'did you mean "api"?'),
    ('{"config": "x"}', 1, 2, 'only of the command line'),
    ('{"dns": []}', 1, 9, 'the list is empty'),
    ('{"dns": ["127.0.0.1:53", 7]}', 1, 26, 'a text or a list of texts'),
    ('{"request-timeout": "10"}', 1, 21, 'as 90s or 5m'),
    ('{"request-timeout": 0}', 1, 21, 'expected a duration of 1 to 3600 seconds'),
    ('{"api": ""}', 1, 9, 'must not be empty'),
    ('{"api": "a:1", "api": "b:2"}', 1, 16, 'expected each key once'),
    ('[1]', 1, 1, 'must be an object'),
    ('{"api": ', 1, 9, ''),
    ('{"api": "\x00"}', 1, 10, ''),
)


def check(*arguments):
    done = subprocess.run([SRVPLAND, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=30, check=False)
    return done.returncode, done.stdout, done.stderr


class FileTest(srvplan.Case):
    def setUp(self):
        super().setUp()
        self.file = os.path.join(self.enter(tempfile.TemporaryDirectory()), 'srvplan.jsonc')

    def write(self, text):
        with open(self.file, 'w', encoding='utf-8') as out:
            out.write(text)

    def test_a_right_file_is_fine(self):
        self.write('// ours\n{"api": "127.0.0.1:8053", "dns": ["127.0.0.1:5300"], "workers": 2,\n'
                   ' "request-timeout": "10s", "rate-limit": 0, "max-connections": 300,}\n')
        self.assertEqual(check('--config', self.file, '--config-check'),
                         (0, f'{self.file}: fine\n', ''))

    def test_every_mistake_is_told_with_its_place(self):
        for text, line, column, what in WRONG:
            with self.subTest(text=text):
                self.write(text)
                code, out, err = check('--config', self.file, '--config-check')
                self.assertEqual((code, out), (1, ''), err)
                self.assertIn(f'{self.file}:{line}:{column}: error: ', err)
                self.assertIn(what, err)

    def test_all_mistakes_come_at_once(self):
        self.write('{"workers": 0,\n "aip": 1,\n "dns": 5}')
        code, _, err = check('--config', self.file, '--config-check')
        self.assertEqual(code, 1)
        self.assertEqual(re.findall(r':(\d+):\d+: error', err), ['1', '2', '3'])

    def test_a_file_that_is_named_must_be_there(self):
        code, _, err = check('--config', self.file + '.no', '--config-check')
        self.assertEqual(code, 1)
        self.assertIn(self.file + '.no', err)

    def test_a_wrong_command_line_is_usage(self):
        for arguments in (['--workers', '65'], ['--nonsense'], ['--config'], ['extra'],
                          ['--request-timeout', '5']):
            with self.subTest(arguments=arguments):
                code, out, err = check(*arguments)
                self.assertEqual((code, out), (64, ''), err)
                self.assertIn('try --help', err)

    def test_every_setting_is_in_help_and_manual(self):
        _, out, _ = check('--help')
        of_help = set(re.findall(r'^  --([a-z-]+)', out, re.M))
        with open(MANUAL, encoding='utf-8') as manual:
            of_manual = set(re.findall(r'^\*([a-z-]+)\*$', manual.read().split('# SETTINGS')[1]
                                       .split('# FILES')[0], re.M))
        of_command_line = {'config', 'config-check', 'inventory-from', 'dnsd', 'restore', 'help',
                           'version'}
        self.assertEqual(of_help - of_command_line, of_manual)


class ServedTest(srvplan.Case):
    def setUp(self):
        super().setUp()
        self.server = srvplan.Server()
        self.addCleanup(self.server.close)
        self.config = os.path.join(self.server.directory, 'srvplan.jsonc')

    def write(self, settings):
        text = settings if isinstance(settings, str) else json.dumps(settings)
        with open(self.config + '.new', 'w', encoding='utf-8') as out:
            out.write(text)
        os.rename(self.config + '.new', self.config)

    def settings(self):
        return self.server.get('/status')['settings']

    def test_the_command_line_wins_over_the_file(self):
        """The file names an address that nobody has: only --api can have been taken."""
        self.write({'api': '127.0.0.1:1', 'dns': ['127.0.0.1:1'], 'workers': 2})
        self.server.start('--config', self.config)
        self.assertEqual(self.server.get('/status')['dnsd']['workers'], 2)

    def test_a_reload_with_a_mistake_changes_nothing_and_says_so(self):
        self.write({'workers': 1})
        self.server.start('--config', self.config)
        before = self.server.get('/status')
        self.assertEqual(before['settings'], {'problem': None, 'pending_restart': []})
        self.write('{"workers": 0}')
        document = srvplan.inventory()
        next(iter(document['nodes'].values()))['capacity'] = 7
        self.server.write_inventory(document)
        self.server.send(signal.SIGHUP)
        wait_until(lambda: self.settings()['problem'], 5, 'the problem is told')
        status = self.server.get('/status')
        self.assertIn('srvplan.jsonc:1:13: workers: expected a number', status['settings']['problem'])
        self.assertEqual(status['revision'], before['revision'])  # nor was the inventory read
        self.assertTrue(status['ready'])

        answer = self.server.rest('POST', '/api/v1/reload')
        self.assertEqual(answer.status, 422, answer)
        self.assertIn('expected a number', answer.json['detail'])

        self.write({'workers': 1})
        answer = self.server.rest('POST', '/api/v1/reload?dry_run=true')
        self.assertEqual(answer.status, 200, answer)
        self.assertTrue(answer.json['plan']['changes'])
        self.assertEqual(self.server.get('/status')['revision'], before['revision'])
        answer = self.server.rest('POST', '/api/v1/reload')
        self.assertEqual(answer.status, 200, answer)
        self.assertTrue(answer.json['revision_is_new'])
        self.assertEqual(self.settings(), {'problem': None, 'pending_restart': []})

    def test_what_waits_for_a_restart_is_named(self):
        self.write({'workers': 1})
        self.server.start('--config', self.config)
        self.write({'workers': 3, 'max-connections': 300})
        answer = self.server.rest('POST', '/api/v1/reload')
        self.assertEqual(answer.status, 200, answer)
        self.assertFalse(answer.json['revision_is_new'])
        self.assertEqual(self.settings()['pending_restart'], ['workers', 'max-connections'])
        self.write({'workers': 1})
        self.server.send(signal.SIGHUP)
        wait_until(lambda: self.settings()['pending_restart'] == [], 5, 'nothing waits any more')


if __name__ == '__main__':
    unittest.main()
