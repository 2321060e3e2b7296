#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Golden files: what a command writes, byte for byte.

Each folder beside this file is a case:

    cmd         a line of sh; `srvplan` in it is the program under test
    input*      what it reads, if anything
    expected    what it must write: stdout, then "--- stderr" with stderr if there was any, then
                "--- exit N" if N is not 0

A case runs in a copy of its folder, in UTF-8 and without colours, unless its cmd says otherwise.
SRVPLAN is the path of the program. SRVPLAN_UPDATE_GOLDEN=1 writes `expected` anew: read the
difference before you commit it. A case whose `expected` is missing fails.
"""
import difflib
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
SRVPLAN = os.path.abspath(os.environ['SRVPLAN'])
UPDATE = os.environ.get('SRVPLAN_UPDATE_GOLDEN') == '1'


def run(case):
    with tempfile.TemporaryDirectory() as folder:
        work = os.path.join(folder, 'case')
        shutil.copytree(os.path.join(HERE, case), work)
        with open(os.path.join(work, 'cmd'), encoding='utf-8') as file:
            command = file.read()
        kept = {key: value for key, value in os.environ.items() if not key.startswith('SRVPLAN')}
        kept.pop('CLICOLOR_FORCE', None)
        kept.update(LC_ALL='C.UTF-8', TZ='UTC', NO_COLOR='1', TERM='dumb',
                    PATH=os.path.dirname(SRVPLAN) + os.pathsep + kept['PATH'])
        done = subprocess.run(['/bin/sh', '-c', command], cwd=work, env=kept, check=False,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    written = done.stdout
    if done.stderr:
        written += f'--- stderr\n{done.stderr}'
    if done.returncode:
        written += f'--- exit {done.returncode}\n'
    return written


class Golden(unittest.TestCase):
    def check(self, case):
        path = os.path.join(HERE, case, 'expected')
        written = run(case)
        if UPDATE:
            with open(path, 'w', encoding='utf-8') as file:
                file.write(written)
            return
        self.assertTrue(os.path.exists(path), f'{case}: no expected; SRVPLAN_UPDATE_GOLDEN=1 '
                                              'writes it')
        with open(path, encoding='utf-8') as file:
            expected = file.read()
        if written != expected:
            lines = difflib.unified_diff(expected.splitlines(), written.splitlines(), 'expected',
                                         'written', lineterm='')
            self.fail(f'{case}:\n' + '\n'.join(lines))


def add(case):
    setattr(Golden, 'test_' + case.replace('-', '_'), lambda self: self.check(case))


CASES = sorted(entry for entry in os.listdir(HERE)
               if os.path.isfile(os.path.join(HERE, entry, 'cmd')))
for name in CASES:
    add(name)

if __name__ == '__main__':
    if not CASES:
        sys.exit('no cases')
    unittest.main()
