# SPDX-License-Identifier: GPL-3.0-or-later
"""The README does what it says: every command in its sh blocks runs, in order, in a copy of the
shell session that a reader would have; the two set-up commands are checked for their options."""
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import srvplan  # noqa: E402

README = os.path.join(srvplan.SOURCE, 'README.md')


def commands():
    """The lines of the sh blocks, in order."""
    with open(README, encoding='utf-8') as file:
        text = file.read()
    lines = []
    for block in re.findall(r'^```sh\n(.*?)^```', text, re.S | re.M):
        lines += [line for line in block.splitlines() if line.strip()]
    return lines


class ReadmeTest(srvplan.Case):
    def setUp(self):
        self.server = self.serve(file=os.path.join(srvplan.SAMPLES, 'cluster.jsonc'))
        self.directory = self.enter(tempfile.TemporaryDirectory())

    def adapted(self, line):
        """The reader's paths and ports become those of this test."""
        for old, new in (('build/state/admin.token', self.server.token_path),
                         ('build/state/api.sock', self.server.socket_path),
                         ('127.0.0.1:5300', f'127.0.0.1:{self.server.dns_port}'),
                         ('build/', self.directory + '/'),
                         ('127.0.0.1:8053', f'127.0.0.1:{self.server.api_port}')):
            line = line.replace(old, new)
        return re.sub(r'^srvplan ', srvplan.SRVPLAN + ' ', line)

    def test_every_command_of_the_readme_works(self):
        ran = 0
        settings = srvplan.environment()
        for line in commands():
            if line.startswith(('sh ', 'srvplan serve')):
                continue  # the set-up itself, and the server that this test has started
            line = self.adapted(line)
            if line.startswith('export '):
                name, value = line[len('export '):].split('=', 1)
                settings[name] = value
                continue
            done = subprocess.run(['sh', '-ec', line], cwd=srvplan.SOURCE, env=settings, timeout=60,
                                  capture_output=True, text=True, stdin=subprocess.DEVNULL)
            self.assertEqual(done.returncode, 0, f'{line}\n{done.stdout}{done.stderr}')
            self.assertTrue(done.stdout or '>' in line, line)
            ran += 1
        self.assertGreater(ran, 12)

    def test_serve_is_written_as_it_is_understood(self):
        for line in commands():
            if line.startswith('srvplan serve'):
                words = line.split()
                self.assertEqual(words[2:7], ['-f', 'srvplan/sample/cluster.jsonc', '--state',
                                              'build/state', '--dns'])

    def test_the_set_up_scripts_know_their_options(self):
        for script in ('srvplan/quickstart.sh', 'tests/run.sh'):
            self.assertIn(f'sh {script}', commands())
            done = subprocess.run(['sh', script, '--nonsense'], cwd=srvplan.SOURCE,
                                  capture_output=True, text=True, stdin=subprocess.DEVNULL)
            self.assertEqual(done.returncode, 64, done.stderr)
            self.assertIn('usage', done.stderr)


if __name__ == '__main__':
    srvplan.main()
