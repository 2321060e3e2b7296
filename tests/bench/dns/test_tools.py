# SPDX-License-Identifier: GPL-3.0-or-later
"""The bench's own tools see what they are there to see: test_tools.py BUILD [unittest options]

Short runs of load against the echo, with and without planted mistakes, and against our server over
a small world; the figures themselves are not looked at."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

import bench_dns
import peers
import world

BUILD = os.path.abspath(sys.argv[1])
TOOLS = os.path.join(BUILD, 'tests', 'bench', 'dns')
SECONDS = '0.3'


def load(port, queries, *more, seconds=SECONDS):
    done = subprocess.run([os.path.join(TOOLS, 'load'), peers.HOST, str(port), queries, seconds,
                           *more], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, json.loads(done.stdout), done.stderr


class Tools(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix='srvplan-bench-tools-')
        cls.small = world.World('d10', cls.directory.name)
        bench_dns.Srvplan.build = BUILD

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def over_echo(self, *more, planted=(), seconds=SECONDS):
        with bench_dns.Echo(320, BUILD, planted).start() as echo:
            return load(echo.port, self.small.queries, *more, seconds=seconds)

    def write(self, name, text):
        path = os.path.join(self.directory.name, name)
        with open(path, 'w', encoding='ascii') as file:
            file.write(text)
        return path

    def test_an_echo_is_never_wrong_and_as_long_as_asked(self):
        status, found, errors = self.over_echo('--echo')
        self.assertEqual((status, found['wrong']), (0, 0), errors)
        self.assertGreater(found['answers'], 100)
        self.assertEqual(found['answer_bytes'], 320)

    def test_all_kinds_of_planted_mistakes_are_seen(self):
        status, found, errors = self.over_echo('--echo', planted=('--wrong', '50'))
        self.assertEqual(status, 1)
        self.assertIn('load: wrong answer', errors)
        # One in four has another id, and is no answer to anything.
        share = found['wrong'] / (found['answers'] + found['wrong'] / 4)
        self.assertAlmostEqual(share, 1 / 50, delta=1 / 200)

    def test_records_that_are_not_there_are_missed(self):
        status, found, errors = self.over_echo()
        self.assertEqual((status, found['wrong']), (1, found['answers']))
        self.assertIn('too few records', errors)

    def test_what_is_not_answered_counts_as_lost(self):
        _, found, errors = self.over_echo('16', '--echo', planted=('--drop', '10'), seconds='1.5')
        self.assertEqual(found['wrong'], 0, errors)
        self.assertGreater(found['answers'], 16)
        self.assertGreaterEqual(found['lost'], 16) # all that were out half a second before the end

    def test_our_server_is_never_wrong(self):
        with bench_dns.Srvplan(self.small.zones) as server:
            server.start()
            for more in ((), ('--cookie',)):
                status, found, errors = load(server.port, self.small.queries, *more)
                self.assertEqual((status, found['wrong']), (0, 0), errors)
                self.assertEqual(found['records'], 3 + 6) # SRV, and two addresses each
                self.assertGreater(found['additional_bytes'], 100)

    def test_our_server_has_what_is_asked_of_it(self):
        """Also the other way round: expectations that are wrong are seen."""
        queries = self.write('wrong.queries', '_xmpp-client._tcp.d00001.example.org. 33 0 4\n')
        nobody = self.write('nobody.queries', 'nobody.d00001.example.org. 33 3 0\n'
                                              'nobody.d00002.example.org. 1 0 0\n')
        with bench_dns.Srvplan(self.small.zones) as server:
            server.start()
            status, found, errors = load(server.port, queries)
            self.assertEqual((status, found['wrong']), (1, found['answers']), errors)
            _, found, errors = load(server.port, nobody)
            self.assertIn('another rcode', errors)
            self.assertAlmostEqual(found['wrong'] / found['answers'], 0.5, delta=0.01)

    def test_processor_time_and_memory_are_seen(self):
        with bench_dns.Srvplan(self.small.zones) as server:
            server.start()
            before = server.busy_seconds()
            load(server.port, self.small.queries)
            self.assertGreater(server.busy_seconds(), before)
            self.assertGreater(server.pss_bytes(), 100000)


if __name__ == '__main__':
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
