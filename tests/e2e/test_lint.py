#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""srvplan check by the catalogue: zone files, host-meta files, and what an error stops.

That each rule fires, and where, is tests/unit/test_lint.c's; here it is the command that counts."""
import glob
import json
import os
import random
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import generate  # noqa: E402
import srvplan  # noqa: E402

FIXTURES = os.path.join(srvplan.SOURCE, 'tests', 'lint')
SEED = int(os.environ.get('SRVPLAN_SEED', '0x5eed'), 0)
MUTATIONS = 2000 if os.environ.get('SRVPLAN_LONG') else 150

# Fine but for a note (X06).
GOOD = '''$ORIGIN example.org.
$TTL 300
@ IN SOA ns1 hostmaster 1 3600 600 604800 60
@ IN NS ns1
ns1 IN A 192.0.2.53
xmpp1 IN A 192.0.2.11
xmpp2 IN A 192.0.2.12
_xmpp-client._tcp IN SRV 10 32512 5222 xmpp1
_xmpp-client._tcp IN SRV 10 32512 5222 xmpp2
'''
FINE = GOOD + '_xmpps-client._tcp IN SRV 0 0 0 .\n'
KEYS = {'code', 'severity', 'pointer', 'file', 'line', 'column', 'message', 'mend'}


class Folder(srvplan.Case):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def write(self, text, name='a.zone'):
        path = os.path.join(self.folder, name)
        with open(path, 'wb') as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        return path

    def lint(self, *paths, check, more=()):
        options = [word for path in paths for word in ('--lint-zone', path)]
        done = srvplan.command('check', *options, '-o', 'json', *more, check=check)
        return json.loads(done.stdout)['findings']


class ZoneFileTest(Folder):
    def test_a_fine_zone_exits_0_and_says_what_was_read(self):
        path = self.write(FINE)
        self.assertEqual(self.lint(path, check=srvplan.OK), [])
        done = srvplan.command('check', '--lint-zone', path, check=srvplan.OK)
        self.assertEqual(done.stdout, 'fine: 1 file, 8 records, 3 of them SRV\n')
        self.assertEqual(done.stderr, '')

    def test_a_note_exits_0_and_with_strict_2(self):
        path = self.write(GOOD)
        self.assertEqual([item['code'] for item in self.lint(path, check=srvplan.OK)], ['X06'])
        self.lint(path, check=srvplan.DIFFERENT, more=['--strict'])

    def test_an_error_exits_1_and_names_file_and_line(self):
        path = self.write(GOOD + '_xmpp-server._tcp IN SRV 10 0 5269 gone\n')
        finding = self.lint(path, check=srvplan.FAILED)[0]
        self.assertEqual(set(finding), KEYS)
        self.assertEqual((finding['code'], finding['severity'], finding['file'], finding['line']),
                         ('N07', 'error', path, 10))
        done = srvplan.command('check', '--lint-zone', path, check=srvplan.FAILED)
        self.assertRegex(done.stderr, r'^' + path + r':10:1: error: .*gone.*\[N07\]')

    def test_errors_stand_before_warnings_before_notes(self):
        path = self.write(GOOD + '_xmpp-server._tcp 9999 IN SRV 10 0 5269 gone\n')
        done = srvplan.command('check', '--lint-zone', path, check=srvplan.FAILED)
        order = [line.split(': ')[1] for line in done.stderr.splitlines()]
        self.assertEqual(order, sorted(order, key=['error', 'warning', 'info'].index))
        self.assertEqual(set(order), {'error', 'warning', 'info'})

    def test_files_are_looked_at_together(self):
        hosts = self.write('$ORIGIN hosts.example.\n$TTL 300\n@ IN SOA a b 1 3600 600 604800 60\n'
                           'x IN A 192.0.2.1\n', 'hosts.zone')
        zone = self.write(FINE + '_xmpp-server._tcp IN SRV 10 0 5269 x.hosts.example.\n'
                                 '_xmpps-server._tcp IN SRV 0 0 0 .\n')
        self.assertEqual({item['code'] for item in self.lint(zone, check=srvplan.OK)},
                         {'N14', 'X15'})
        self.assertEqual({item['code'] for item in self.lint(zone, hosts, check=srvplan.OK)},
                         {'X15'})

    def test_the_file_name_is_the_origin(self):
        text = FINE.replace('$ORIGIN example.org.\n', '')
        for name in ('example.org.zone', 'db.example.org'):
            with self.subTest(name=name):
                self.assertEqual(self.lint(self.write(text, name), check=srvplan.OK), [])

    def test_what_cannot_be_read_is_said_with_its_line_and_nothing_else(self):
        for line, code in (('$INCLUDE other.zone', 'record-include'),
                           ('_xmpp-client._tcp IN SRV 10 0 5222', 'record-syntax'),
                           ('_xmpp-client._tcp IN SRV 10 0 70000 x', 'record-syntax'),
                           ('a' * 64 + ' IN A 192.0.2.1', 'record-owner'),
                           ('x IN NONSENSE y', 'record-unknown-type')):
            with self.subTest(line=line):
                findings = self.lint(self.write(GOOD + line + '\n'), check=srvplan.FAILED)
                self.assertEqual([(item['code'], item['line']) for item in findings], [(code, 10)])

    def test_a_file_that_is_not_there(self):
        done = srvplan.command('check', '--lint-zone', self.folder + '/none.zone',
                               check=srvplan.FAILED)
        self.assertIn('none.zone', done.stderr)

    def test_zones_of_ours_have_no_errors(self):
        samples = sorted(glob.glob(os.path.join(srvplan.SAMPLES, '*.jsonc')))
        texts = [srvplan.command('zone', '--fragment', '-f', path, check=srvplan.OK).stdout
                 for path in samples]
        for number in range(10):
            path = self.write(json.dumps(generate.inventory(SEED + number)), 'inventory.jsonc')
            texts.append(srvplan.command('zone', '-f', path, check=srvplan.OK).stdout)
        for number, text in enumerate(texts):
            with self.subTest(number=number, rerun=f'SRVPLAN_SEED={SEED:#x}'):
                done = srvplan.command('check', '--lint-zone', self.write(text), '-o', 'json')
                errors = [item for item in json.loads(done.stdout)['findings']
                          if item['severity'] == 'error']
                self.assertEqual(errors, [], text)


class OddFilesTest(Folder):
    """Whatever stands in a file, the command ends by itself, soon, and says something."""

    def judge(self, text):
        path = self.write(text)
        start = time.monotonic()
        done = srvplan.command('check', '--lint-zone', path, '-o', 'json')
        self.assertIn(done.returncode, (srvplan.OK, srvplan.FAILED), done.stderr)
        for finding in json.loads(done.stdout)['findings']:
            self.assertTrue(finding['message'])
        return time.monotonic() - start

    def test_mutations_of_good_and_bad_zones(self):
        rng = random.Random(SEED)
        sources = sorted(glob.glob(os.path.join(FIXTURES, '*', '*.zone')))
        for number in range(MUTATIONS):
            with open(rng.choice(sources), 'rb') as file:
                text = bytearray(file.read())
            for _ in range(rng.randint(1, 8)):
                at = rng.randrange(len(text))
                what = rng.random()
                if what < 0.5:
                    text[at] = rng.choice(b'\0\n\t ();"\\.$@*_-09azAZ\x80\xff')
                elif what < 0.8:
                    del text[at:at + rng.randint(1, 20)]
                else:
                    text[at:at] = text[rng.randrange(len(text)):][:rng.randint(1, 40)]
                if not text:
                    text = bytearray(b'x')
            with self.subTest(rerun=f'SRVPLAN_SEED={SEED:#x}', number=number):
                self.judge(bytes(text))

    def test_much_of_everything(self):
        many = ''.join(f'_xmpp-client._tcp IN SRV {i % 7} {i % 65536} 5222 h{i}\n'
                       for i in range(20000))
        for label, text in (
                ('nothing', ''),
                ('a long TXT record', GOOD + 'x IN TXT ' + '"" ' * 8000 + '\n'),
                ('a TXT record that is too long', GOOD + 'x IN TXT ' + '"' + 'a' * 300 + '"\n'),
                ('20,000 records in a set', GOOD + many),
                ('20,000 wildcards', GOOD + ''.join(f'*.d{i} IN CNAME xmpp1\n'
                                                    for i in range(20000))),
                ('20,000 zones', ''.join(f'z{i}. 300 IN SOA a. b. 1 2 3 4 5\n_xmpp-client._tcp.z{i}.'
                                         f' 300 IN SRV 1 0 5222 h.z{i}.\n' for i in range(20000))),
                ('20,000 components', GOOD + ''.join(f'_xmpp-server._tcp.muc.d{i} IN SRV 1 0 5269 '
                                                     'xmpp1\n' for i in range(20000))),
                ('deep names', GOOD + ('a.' * 110) + 'x IN A 192.0.2.1\n'),
                ('parentheses', GOOD + '(' * 5000 + '\n')):
            with self.subTest(label=label):
                self.assertLess(self.judge(text), 30)


class HostMetaTest(Folder):
    def test_files_are_read_beside_a_zone_and_an_inventory(self):
        xrd = os.path.join(FIXTURES, 'X14', 'host-meta')
        short = os.path.join(FIXTURES, 'T08', 'host-meta-long.json')
        tls = FINE.replace('_xmpps-client._tcp IN SRV 0 0 0 .', '''\
_xmpps-client._tcp IN SRV 10 32512 5223 xmpp1
_xmpps-client._tcp IN SRV 10 32512 5223 xmpp2''')
        zone = self.write(tls)
        for name in ('', 'example.org='):
            findings = self.lint(zone, check=srvplan.OK,
                                 more=['--host-meta', name + xrd, '--host-meta', name + short])
            self.assertEqual([item['code'] for item in findings], ['T08'])
        findings = self.lint(zone, check=srvplan.FAILED, more=['--host-meta', short])
        self.assertEqual({item['code'] for item in findings}, {'T08', 'X14'})

    def test_of_several_domains_the_name_must_be_said(self):
        document = srvplan.inventory()
        path = self.write(json.dumps(document), 'a.jsonc')
        xrd = os.path.join(FIXTURES, 'X14', 'host-meta')
        done = srvplan.command('check', '-f', path, '--host-meta', xrd, check=srvplan.USAGE)
        self.assertIn('DOMAIN=FILE', done.stderr)
        srvplan.command('check', '-f', path, '--host-meta', 'example.org=' + xrd, check=srvplan.OK)

    def test_what_is_no_host_meta_file(self):
        zone = self.write(FINE)
        for text in ('', '{', '[]x', '<html></html>', '\0', '<' * 5000, '{"links": ' + '[' * 5000):
            with self.subTest(text=text[:20]):
                path = self.write(text, 'host-meta')
                done = srvplan.command('check', '--lint-zone', zone, '--host-meta', path,
                                       check=srvplan.FAILED)
                self.assertIn(path, done.stderr)


class StopTest(Folder):
    """An error of the catalogue forbids to publish; a warning does not."""

    @staticmethod
    def with_port(port):
        document = srvplan.inventory()
        document['nodes']['xmpp1']['ports'] = {'xmpp-client': port}
        return document

    def test_plan_zone_and_check_fail(self):
        path = self.write(json.dumps(self.with_port(9090), indent=1), 'a.jsonc')
        for words in (['plan'], ['zone'], ['zone', '--fragment'], ['check']):
            with self.subTest(words=words):
                done = srvplan.command(*words, '-f', path, check=srvplan.FAILED)
                self.assertRegex(done.stderr, path + r':\d+:\d+: error: .*9090.*\[X03\]')
        self.assertEqual(srvplan.command('zone', '-f', path, check=srvplan.FAILED).stdout, '')

    def test_serve_refuses_it_at_start_and_on_reload_serves_on(self):
        server = srvplan.Server(self.with_port(9090))
        try:
            code, log = server.start_refused()
            self.assertNotEqual(code, 0)
            self.assertIn('X03', log)
        finally:
            server.close()

    def test_a_warning_stops_nothing(self):
        path = self.write(json.dumps(self.with_port(5322)), 'a.jsonc')
        for words in (['plan'], ['zone'], ['check']):
            srvplan.command(*words, '-f', path, check=srvplan.OK)
        findings = json.loads(srvplan.command('check', '-f', path, '-o', 'json',
                                              check=srvplan.OK).stdout)['findings']
        self.assertIn('X01', {item['code'] for item in findings})
        self.assertEqual(srvplan.command('zone', '-f', path, check=srvplan.OK).stderr, '')


if __name__ == '__main__':
    unittest.main(verbosity=2)
