# SPDX-License-Identifier: GPL-3.0-or-later
"""The unit files: systemd reads them without a complaint, and finds little to harden. Skipped, aloud,
where systemd-analyze is missing (package systemd)."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest

SOURCE = os.environ['SRVPLAN_SOURCE']
UNITS = {  # exposure, in tenths, that is not to be exceeded
    'dnsd/systemd/srvplan-dnsd.service': 8,
    'api/srvpland.service': 20,
}
ANALYZE = shutil.which('systemd-analyze')


@unittest.skipUnless(ANALYZE, 'systemd-analyze is missing: install the package systemd')
class Units(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix='srvplan-')
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        for path in [*UNITS, 'dnsd/systemd/srvplan-dnsd.socket']:
            with open(os.path.join(SOURCE, path), encoding='utf-8') as file:
                text = file.read()
            # The programs need not be installed for this; what they are told stays.
            text = re.sub(r'^(ExecStart=)/usr/bin/\S+', r'\1/bin/true', text, flags=re.M)
            with open(self.path(path), 'w', encoding='utf-8') as file:
                file.write(text)

    def path(self, unit):
        return os.path.join(self.directory, os.path.basename(unit))

    def analyze(self, *arguments):
        return subprocess.run([ANALYZE, *arguments], capture_output=True, text=True, timeout=60,
                              env=dict(os.environ, LC_ALL='C.UTF-8', SYSTEMD_PAGER='',
                                       SYSTEMD_COLORS='0'))

    def test_systemd_reads_them_without_a_complaint(self):
        for unit in [*UNITS, 'dnsd/systemd/srvplan-dnsd.socket']:
            with self.subTest(unit=unit):
                done = self.analyze('verify', '--man=no', self.path(unit))
                ours = [line for line in done.stderr.splitlines() if 'srvplan' in line]
                self.assertEqual(ours, [])
                self.assertEqual(done.returncode, 0, done.stderr)

    def test_little_is_left_to_harden(self):
        for unit, threshold in UNITS.items():
            with self.subTest(unit=unit):
                done = self.analyze('security', '--offline=true', f'--threshold={threshold}',
                                    self.path(unit))
                said = [line for line in done.stdout.splitlines() if 'Overall' in line]
                print(os.path.basename(unit), *said)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_responder_may_make_the_calls_of_its_sandbox(self):
        """Refused by the unit, they would keep it from starting."""
        for unit in UNITS:
            with open(os.path.join(SOURCE, unit), encoding='utf-8') as file:
                allowed = [line.split('=', 1)[1].split() for line in file
                           if line.startswith('SystemCallFilter=')][-1]
            for call in ('capset', 'seccomp', 'landlock_create_ruleset', 'landlock_add_rule',
                         'landlock_restrict_self', 'prlimit64', 'setpriority'):
                self.assertIn(call, allowed, unit)


if __name__ == '__main__':
    unittest.main(verbosity=2)
