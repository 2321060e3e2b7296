#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""srvplan plan, apply and rollback against a server: what they show, ask, do, and exit with."""
import json
import os
import pty
import select
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import srvplan  # noqa: E402
from srvplan import Case, hosts, inventory, main  # noqa: E402

CLIENT = '_xmpp-client._tcp.example.org.'


class Commands(Case):
    def setUp(self):
        self.server = self.serve()
        self.document = inventory()
        self.document['nodes']['xmpp4'] = {'addresses': ['192.0.2.14'], 'capacity': 80}
        self.file = os.path.join(self.server.directory, 'next.jsonc')
        self.write('// with a comment\n' + json.dumps(self.document, indent=2))

    def write(self, text):
        with open(self.file, 'w', encoding='utf-8') as out:
            out.write(text)

    def in_file(self, name):
        return os.path.join(self.server.directory, name)

    def test_plan_shows_what_an_inventory_would_change_there(self):
        done = self.server.cli('plan', '-f', self.file, check=srvplan.OK)
        self.assertRegex(done.stdout, r'(?m)^  ~ _xmpp-client\._tcp\.example\.org\. SRV')
        self.assertRegex(done.stdout, r'\+ 10 \d+ 5222 xmpp4\.example\.org\.   none -> 20 %')
        self.assertRegex(done.stdout, r'~ 10 \d+ 5222 xmpp1\.example\.org\.   62\.5 % -> 50 %')
        self.assertRegex(done.stdout, r'(?m)^Plan: 1 to add, 8 to change, 0 to remove; \d+ stay\.$')
        self.server.cli('plan', '-f', self.file, '--detailed-exitcode', check=srvplan.DIFFERENT)
        self.server.cli('plan', '-f', self.server.file, '--detailed-exitcode', check=srvplan.OK)
        tree = json.loads(self.server.cli('plan', '-f', self.file, '-o', 'json').stdout)
        self.assertIn('checksum', tree)
        self.assertEqual(self.server.status()['revision'], 1)

    def test_plan_without_an_inventory_is_what_is_served(self):
        drain = self.server.drain('xmpp1').json
        done = self.server.cli('plan', check=srvplan.OK)
        self.assertNotIn('xmpp1.example.org.', done.stdout)
        later = self.server.cli('plan', '--at', '2031-05-04T03:00:00Z', '-o', 'json')
        self.assertEqual(json.loads(later.stdout)['at'], '2031-05-04T03:00:00Z')
        self.assertEqual(self.server.undrain(drain['id']).status, 200)

    def test_a_plan_is_kept_in_a_file_and_applied_from_it(self):
        plan = self.in_file('plan.json')
        self.server.cli('plan', '-f', self.file, '--out', plan, check=srvplan.OK)
        tried = self.server.cli('apply', plan, '--dry-run', check=srvplan.OK)
        self.assertIn('xmpp4', tried.stdout)
        self.assertEqual(self.server.status()['revision'], 1)
        done = self.server.cli('apply', plan, '-m', 'as agreed', check=srvplan.OK)
        self.assertRegex(done.stdout, r'^revision 2, served 20')
        self.assertIn('xmpp4', hosts(self.server.ask(CLIENT)))
        self.assertIn('as agreed', self.server.cli('history').stdout)
        text = self.server.rest('GET', '/api/v1/inventory', headers={'Accept': 'application/jsonc'})
        self.assertIn('// with a comment', text.body.decode())
        again = self.server.cli('apply', plan, check=srvplan.CONFLICT)
        self.assertIn('the world moved', again.stderr)

    def test_a_moved_world_is_exit_4(self):
        plan = self.in_file('plan.json')
        self.server.cli('plan', '-f', self.file, '--out', plan, check=srvplan.OK)
        self.server.drain('xmpp2')
        done = self.server.cli('apply', plan, check=srvplan.CONFLICT)
        self.assertIn('somebody changed it meanwhile', done.stderr)
        self.assertNotIn('xmpp4', hosts(self.server.ask(CLIENT)))

    def test_apply_takes_an_inventory_and_does_nothing_twice(self):
        done = self.server.cli('apply', '-f', self.file, check=srvplan.OK)
        self.assertIn('revision 2, served', done.stdout)
        again = self.server.cli('apply', '-f', self.file, check=srvplan.OK)
        self.assertIn('nothing to do', again.stderr)
        self.assertEqual(self.server.status()['revision'], 2)

    def test_mistakes_are_told_with_file_and_line_and_nothing_is_asked(self):
        self.write('{\n  "srvplan": 1,\n  "domains": {"example.org": {}},\n  "nodes": 3\n}\n')
        done = self.server.cli('apply', '-f', self.file, check=srvplan.FAILED)
        self.assertIn('next.jsonc:4:', done.stderr)

    def test_files_that_are_no_plans_are_refused_with_a_mend(self):
        plan = self.in_file('offline.json')
        srvplan.command('plan', '-f', self.file, '--out', plan, check=srvplan.OK)
        for file, said in ((plan, 'made without a server'), (self.in_file('none'), 'No such file'),
                           (self.server.file, 'no plan of a server'), (self.file, 'no JSON')):
            done = self.server.cli('apply', file, check=srvplan.FAILED)
            self.assertIn(said, done.stderr)
        self.server.cli('apply', plan, '-f', self.file, check=srvplan.USAGE)
        self.server.cli('apply', '-f', self.file, '--force', check=srvplan.USAGE)

    def test_a_guard_is_exit_3_and_force_overrides_it(self):
        self.document['policy'] = {'guard': {'min_capacity': '60%'}}
        self.write(json.dumps(self.document))
        self.server.cli('apply', '-f', self.file, check=srvplan.OK)
        self.document['nodes']['xmpp1']['state'] = 'drain'
        self.write(json.dumps(self.document))
        done = self.server.cli('apply', '-f', self.file, check=srvplan.GUARDED)
        self.assertIn('refused:', done.stderr)
        out = self.in_file('refused.json')
        self.server.cli('plan', '-f', self.file, '--out', out, check=srvplan.GUARDED)
        self.assertFalse(os.path.exists(out))
        self.assertEqual(self.server.status()['revision'], 2)
        self.server.cli('apply', '-f', self.file, '--force', '-m', 'the cellar is wet',
                        check=srvplan.OK)
        self.assertNotIn('xmpp1', hosts(self.server.ask(CLIENT)))

    def test_rollback_shows_and_does(self):
        self.server.cli('apply', '-f', self.file, check=srvplan.OK)
        tried = self.server.cli('rollback', '1', '--dry-run', check=srvplan.OK)
        self.assertRegex(tried.stdout, r'(?m)^      - 10 \d+ 5222 xmpp4')
        self.assertEqual(self.server.status()['revision'], 2)
        done = self.server.cli('rollback', '1', '-m', 'too early', check=srvplan.OK)
        self.assertIn('revision 3, served', done.stdout)
        self.assertNotIn('xmpp4', hosts(self.server.ask(CLIENT)))
        self.assertIn('rollback to revision 1: too early', self.server.cli('history').stdout)
        self.server.cli('rollback', '99', check=srvplan.FAILED)
        self.server.cli('rollback', 'x', check=srvplan.USAGE)

    def on_terminal(self, answer, *arguments):
        """What the command writes on a terminal of its own, and its exit status."""
        leader, follower = pty.openpty()
        process = subprocess.Popen([srvplan.SRVPLAN, '--socket', self.server.socket_path, *arguments],
                                   stdin=follower, stdout=follower, stderr=follower,
                                   env=srvplan.environment())
        os.close(follower)
        seen, is_answered, end = b'', False, time.monotonic() + 30
        while time.monotonic() < end:
            if leader not in select.select([leader], [], [], 0.1)[0]:
                continue
            try:
                piece = os.read(leader, 4096)
            except OSError:
                break
            seen += piece
            if b'[y/N] ' in seen and not is_answered:
                os.write(leader, answer)
                is_answered = True
        os.close(leader)
        return process.wait(10), seen.decode()

    def test_on_a_terminal_it_asks_and_only_yes_is_yes(self):
        code, seen = self.on_terminal(b'n\n', 'apply', '-f', self.file)
        self.assertIn('Apply? [y/N]', seen)
        self.assertEqual((code, self.server.status()['revision']), (srvplan.FAILED, 1))
        code, seen = self.on_terminal(b'y\n', 'apply', '-f', self.file)
        self.assertEqual((code, self.server.status()['revision']), (srvplan.OK, 2), seen)
        code, seen = self.on_terminal(b'', 'rollback', '1', '-y')
        self.assertNotIn('[y/N]', seen)
        self.assertEqual((code, self.server.status()['revision']), (srvplan.OK, 3), seen)

    def test_nobody_there_is_exit_5(self):
        done = srvplan.command('--socket', self.in_file('nobody.sock'), 'apply', '-f', self.file)
        self.assertEqual(done.returncode, srvplan.UNREACHABLE)


if __name__ == '__main__':
    main()
