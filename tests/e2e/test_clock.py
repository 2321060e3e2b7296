#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the programs do and say when the clock is set: test_clock.py SHIFT_CLOCK [unittest options]

SHIFT_CLOCK (tests/support/shift_clock.c) is preloaded and moves the realtime clock of srvpland and
dnsd alone. What happens over days is tested in tests/unit/test_world_clock.c."""
import datetime
import os
import signal
import struct
import sys
import tempfile
import time
import unittest

SHIFT_CLOCK = sys.argv.pop(1)
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import srvplan  # noqa: E402
from srvplan import OWNERS, UNREACHABLE  # noqa: E402

HOUR = 3600


class ClockTest(srvplan.Case):
    def setUp(self):
        handle, self.path = tempfile.mkstemp(prefix='srvplan-shift-')
        os.write(handle, bytes(8))
        os.fchmod(handle, 0o644)
        os.close(handle)
        self.addCleanup(os.unlink, self.path)
        options = os.environ.get('ASAN_OPTIONS', 'detect_leaks=1') + ':verify_asan_link_order=0'
        self.server = self.serve(srvplan.inventory(), wrap=(
            'env', f'LD_PRELOAD={SHIFT_CLOCK}', f'SHIFT_CLOCK={self.path}',
            f'ASAN_OPTIONS={options}'))

    def shift(self, seconds):
        with open(self.path, 'r+b', buffering=0) as file:
            file.write(struct.pack('=q', int(seconds * 1000)))
        if self.server.process.poll() is None:
            self.server.send(signal.SIGHUP)  # as the kernel wakes a timer that is cancelled

    def clock(self, state, set_by):
        """Waits until the last setting of the clock was noticed."""
        def look():
            clock = self.server.status()['clock']
            return clock if (clock['state'], clock['set_by']) == (state, set_by) else None
        return srvplan.wait_until(look, 10, f'{state}, set by {set_by}')

    def ready(self):
        reply = self.server.rest('GET', '/readyz')
        return reply.status, ' '.join(reply.json['reasons'])

    def test_a_clock_before_the_last_revision_is_said_and_nothing_ends_by_it(self):
        self.assertEqual(self.server.status()['clock'],
                         {'state': 'right', 'set_by': None, 'set_at': None, 'believed_at': None})
        drain = self.server.drain('xmpp1', **{'for': '1h'}).json
        self.shift(-2 * HOUR)
        self.clock('clock_untrusted', -2 * HOUR)
        status, reasons = self.ready()
        self.assertEqual((status, reasons[:15]), (503, 'clock_untrusted'))
        self.assertEqual(self.server.get('/drains/' + drain['id'])['state'], 'withdrawn')
        # What is asked for at once is done, what would end by this clock is not.
        refused = self.server.drain('xmpp2', **{'for': '1h'})
        self.assertEqual((refused.status, refused.json['type'], refused.headers['Retry-After']),
                         (503, '/docs/problems/clock-untrusted', '60'), refused)
        self.assertIn('clock', self.server.cli('weight', 'xmpp2', '10', '-m', 'test', '--for', '1h',
                                               check=UNREACHABLE).stderr)
        self.assertEqual(self.server.drain('xmpp2').status, 201)
        self.assertEqual(srvplan.hosts(self.server.ask(OWNERS[0])), ['xmpp3'])
        self.shift(0)
        self.clock('right', 2 * HOUR)
        self.assertEqual(self.ready(), (200, ''))
        self.assertEqual(self.server.get('/drains/' + drain['id'])['until'], drain['until'])

    def test_a_clock_far_ahead_is_held_and_ends_no_drain(self):
        self.server.drain('xmpp1', **{'for': '1h'})
        revision = self.server.status()['revision']
        self.shift(3 * HOUR)
        held = self.clock('held', 3 * HOUR)
        believed = datetime.datetime.strptime(held['believed_at'][:19], '%Y-%m-%dT%H:%M:%S')
        there = time.time() + 3 * HOUR
        left = believed.replace(tzinfo=datetime.timezone.utc).timestamp() - there
        self.assertTrue(30 < left <= 60, left)
        status, reasons = self.ready()
        self.assertEqual(status, 200)
        self.assertIn('set ahead by 10800 s', reasons)
        self.shift(0)
        self.clock('right', -3 * HOUR)
        self.assertEqual(self.server.status()['revision'], revision)
        self.assertEqual(srvplan.hosts(self.server.ask(OWNERS[0])), ['xmpp2', 'xmpp3'])

    def test_a_clock_a_little_ahead_makes_no_drain_clear_early(self):
        self.server.sets()  # else no cache has anything
        drain = self.server.drain('xmpp1').json
        path = '/drains/' + drain['id']
        self.shift(15 * 60)  # beyond the TTL of ten minutes
        self.clock('right', 15 * 60)
        after = self.server.get(path)
        self.assertEqual(after['state'], 'withdrawn')
        self.assertGreater(after['progress']['dns_clear_at'][:19], time.strftime(
            '%Y-%m-%dT%H:%M:%S', time.gmtime(time.time() + 24 * 60)))

    def test_a_clock_not_set_at_boot_serves_what_was(self):
        self.server.drain('xmpp1', **{'for': '1h'})
        before, revision = self.server.sets(), self.server.status()['revision']
        self.server.stop()
        away = int(time.time()) - 60
        self.shift(-away)
        self.server.start()
        self.clock('clock_untrusted', None)
        self.assertEqual(self.server.sets(), before)
        self.assertEqual(self.server.status()['revision'], revision)
        self.assertIn('clock_untrusted', self.server.log(since_start=True))
        self.shift(0)
        self.clock('right', away)
        self.assertEqual(self.ready()[0], 200)
        self.assertEqual(self.server.sets(), before)


if __name__ == '__main__':
    unittest.main(verbosity=2)
