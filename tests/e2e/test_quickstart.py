#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""quickstart.sh from nothing built: it builds, prints what to try, serves; every line that it prints
works; Ctrl-C ends it; and all of that a second time, in the state that is there now."""
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import srvplan  # noqa: E402

BUILD_SECONDS = 240


class QuickstartTest(srvplan.Case):
    def setUp(self):
        # Not the build that is tested: what a user gets has no sanitizer.
        directory = tempfile.TemporaryDirectory(prefix='srvplan-test-quick-')
        self.addCleanup(directory.cleanup)
        self.build = os.path.join(directory.name, 'build')
        self.log = os.path.join(directory.name, 'log')
        self.dns, self.api = srvplan.free_port(), srvplan.free_port()
        self.settings = srvplan.environment(SRVPLAN_BUILD=self.build)

    def start(self):
        with open(self.log, 'wb') as log:
            process = subprocess.Popen(
                ['sh', 'srvplan/quickstart.sh', '--dns', f'127.0.0.1:{self.dns}', '--api',
                 f'127.0.0.1:{self.api}'], cwd=srvplan.SOURCE, env=self.settings,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(20)

    def said(self):
        with open(self.log, encoding='utf-8') as log:
            return log.read()

    def try_lines(self):
        """Runs what stands between "Built." and "Serving", as a reader would."""
        shown = self.said().split('Built.', 1)[1].split('Serving ', 1)[0]
        lines = re.findall(r'^  (\S.*)$', shown, re.M)
        alias = [line for line in lines if line.startswith('alias ')]
        self.assertEqual(len(alias), 1, lines)
        command = re.fullmatch(r"alias srvplan='(.*)'", alias[0]).group(1)
        self.assertGreater(len(lines), 8)
        for line in lines:
            if line == alias[0]:
                continue
            done = subprocess.run(['sh', '-ec', re.sub('^srvplan ', command + ' ', line)],
                                  cwd=srvplan.SOURCE, env=self.settings, timeout=30,
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, f'{line}\n{done.stdout}{done.stderr}')
            self.assertTrue(done.stdout.strip(), line)

    def test_it_works_twice_in_a_row(self):
        for turn in ('first', 'second'):
            with self.subTest(turn):
                process = self.start()
                srvplan.wait_until(lambda p=process: 'ready api=' in self.said() or
                                   p.poll() is not None, BUILD_SECONDS, 'it serves')
                self.assertIsNone(process.poll(), self.said())
                self.try_lines()
                answer = srvplan.ask(self.dns, '_xmpp-client._tcp.example.org.')
                self.assertEqual(len(srvplan.hosts(answer)), 6)
                os.killpg(process.pid, signal.SIGINT)  # Ctrl-C reaches all that run in front
                self.assertEqual(process.wait(20), 0, self.said())
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
                    udp.bind(('127.0.0.1', self.dns))  # nobody is left on it

        with self.subTest('a port in use'), socket.socket() as holder:
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # TIME_WAIT of before
            holder.bind(('127.0.0.1', self.api))
            holder.listen()
            process = self.start()
            self.assertEqual(process.wait(60), 1)
            self.assertRegex(self.said(), rf'{self.api}.*in use')


if __name__ == '__main__':
    unittest.main(verbosity=2)
