#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every zone of every sample passes BIND's named-checkzone, as strict as it gets."""
import glob
import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import generate  # noqa: E402
import srvplan  # noqa: E402

SAMPLES = sorted(glob.glob(os.path.join(srvplan.SAMPLES, '*.jsonc')))
SEED = int(os.environ.get('SRVPLAN_SEED', '0x5eed'), 0)


def checkzone(apex, text, integrity):
    """(exit status, what it said) of named-checkzone. It passes SRV targets without an address with
    a complaint only; we do not, where the target lies in the zone. ("full" asks the resolver of this
    machine for the others, who may well be unknown there: they are examples.)"""
    with tempfile.NamedTemporaryFile('w', suffix='.zone') as file:
        file.write(text)
        file.flush()
        done = subprocess.run(['named-checkzone', '-i', integrity, '-S', 'fail', '-k', 'fail',
                               '-n', 'fail', '-m', 'fail', apex, file.name],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=60, check=False)
    said = done.stdout + done.stderr
    fine = ('loaded serial', '(out of zone)', 'OK')
    complaints = [line for line in said.splitlines() if not any(word in line for word in fine)]
    return done.returncode or len(complaints), said


class ZoneChecksTest(srvplan.Case):
    def check_zones(self, path, integrity):
        whole = srvplan.command('zone', '-f', path, check=srvplan.OK).stdout
        apexes = [line.split()[1] for line in whole.splitlines() if line.startswith('$ORIGIN')]
        self.assertTrue(apexes)
        for apex in apexes:
            text = srvplan.command('zone', '-f', path, apex, check=srvplan.OK).stdout
            status, said = checkzone(apex, text, integrity)
            self.assertEqual(status, 0, f'{apex} of {path}\n{said}\n{text}')
            self.assertIn(text.split('\n', 2)[2], whole, 'one zone alone is a part of all')

    def test_samples_are_there(self):
        self.assertEqual([os.path.basename(path) for path in SAMPLES],
                         ['audience.jsonc', 'cluster.jsonc', 'guide.jsonc'])

    def test_samples_pass_named_checkzone(self):
        for path in SAMPLES:
            with self.subTest(sample=os.path.basename(path)):
                self.check_zones(path, 'full')

    def test_generated_inventories_pass_named_checkzone(self):
        for number in range(10):
            with self.subTest(rerun=f'SRVPLAN_SEED={SEED + number:#x}'), \
                    tempfile.NamedTemporaryFile('w', suffix='.jsonc') as file:
                json.dump(generate.inventory(SEED + number), file)
                file.flush()
                self.check_zones(file.name, 'local')

    def test_a_broken_zone_would_be_seen(self):
        text = srvplan.command('zone', '-f', SAMPLES[-1], check=srvplan.OK).stdout
        broken = '\n'.join(line for line in text.splitlines() if not line.startswith('server1.'))
        status, said = checkzone('example.net', broken + '\n', 'full')
        self.assertNotEqual(status, 0, said)


if __name__ == '__main__':
    unittest.main(verbosity=2)
