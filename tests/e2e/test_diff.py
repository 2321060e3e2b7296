#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""plan --against, plan --out, diff, init and -o without a server.

SRVPLAN is the path of the program, SRVPLAN_SOURCE the root of the source tree.
"""
import csv
import html.parser
import io
import json
import os
import re
import stat
import subprocess
import sys
import tempfile
import unittest

import yaml

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import generate  # noqa: E402

SRVPLAN = os.path.abspath(os.environ['SRVPLAN'])
SOURCE = os.environ['SRVPLAN_SOURCE']
SAMPLE = os.path.join(SOURCE, 'srvplan/sample/cluster.jsonc')
SEED = int(os.environ.get('SRVPLAN_SEED', '0xd1ff'), 0)
ROUNDS = 50 if os.environ.get('SRVPLAN_LONG') else 10
AT = ['--at', '2026-12-06T01:17:30Z']
STRATEGIES = ('single', 'round-robin', 'weighted', 'tiered')


def environment(**more):
    kept = {key: value for key, value in os.environ.items() if not key.startswith('SRVPLAN_')}
    kept.pop('CLICOLOR_FORCE', None)
    return {**kept, 'LC_ALL': 'C.UTF-8', **more}


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), 'w', encoding='utf-8') as file:
            file.write(text)
        return self.path(name)

    def run_for(self, code, *arguments, **more):
        done = subprocess.run([SRVPLAN, *arguments], check=False, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, cwd=self.folder,
                              env=environment(**more))
        self.assertEqual(done.returncode, code, f'{arguments}\n{done.stdout}\n{done.stderr}')
        return done

    def inventory(self, number, name='i.jsonc'):
        return self.write(name, json.dumps(generate.inventory(number)))


def sets_of(plan):
    """{(name, type): (ttl, records)} of a plan as JSON."""
    return {(item['name'], item['type']): (item['ttl'], tuple(sorted(item['records'])))
            for item in plan['sets'] if item['records']}


def applied(sets, changes):
    """The sets with changes as JSON applied to them."""
    result = dict(sets)
    for change in changes:
        for name in change['names']:
            before = change['before'] and (change['before']['ttl'],
                                           tuple(sorted(change['before']['records'])))
            if result.get((name, change['type'])) != before:
                raise AssertionError(f'{name}: before is not what was there: {change}')
            if change['after'] is None:
                del result[name, change['type']]
            else:
                result[name, change['type']] = (change['after']['ttl'],
                                                tuple(sorted(change['after']['records'])))
    return result


class Differences(Case):
    def test_what_diff_says_applied_to_a_gives_b(self):
        for number in range(SEED, SEED + ROUNDS):
            with self.subTest(rerun=f'SRVPLAN_SEED={number:#x}'):
                a, b = self.inventory(number, 'a.jsonc'), self.inventory(number + 999, 'b.jsonc')
                self.run_for(0, 'diff', a, a)
                plans = [sets_of(json.loads(self.run_for(0, 'plan', '-f', each, '-o', 'json', *AT)
                                            .stdout)) for each in (a, b)]
                code = 0 if plans[0] == plans[1] else 2
                said = json.loads(self.run_for(code, 'diff', a, b, '-o', 'json', *AT).stdout)
                self.assertEqual(applied(plans[0], said['changes']), plans[1])
                kinds = [change['action'] for change in said['changes'] for _ in change['names']]
                self.assertEqual([said['summary'][key] for key in ('add', 'change', 'remove')],
                                 [kinds.count(key) for key in ('add', 'update', 'remove')])

    def test_a_zone_file_of_ours_read_again_is_the_same(self):
        for number in range(SEED, SEED + ROUNDS):
            with self.subTest(rerun=f'SRVPLAN_SEED={number:#x}'):
                path = self.inventory(number)
                zone = self.write('all.zone', self.run_for(0, 'zone', '-f', path).stdout)
                for more in ([], ['--all']):
                    done = self.run_for(0, 'plan', '-f', path, '--against', zone,
                                        '--detailed-exitcode', *more)
                    self.assertIn('no differences', done.stdout)
                self.run_for(0, 'diff', zone, path, '--all')

    def test_one_zone_is_compared_with_its_own_part_alone(self):
        zone = self.write('net.zone', self.run_for(0, 'zone', '-f', SAMPLE, 'example.net').stdout)
        done = self.run_for(0, 'plan', '-f', SAMPLE, '--against', 'zone:' + zone,
                            '--detailed-exitcode', '-o', 'json')
        self.assertEqual(json.loads(done.stdout)['summary']['no_op'], 4)

    def test_a_fragment_belongs_to_its_origin_or_to_the_zone_it_is_named_after(self):
        text = self.run_for(0, 'zone', '-f', SAMPLE, 'example.net', '--fragment').stdout
        short = re.sub(r'\.example\.net\. ', ' ', text.split('\n', 1)[1])
        for name, content in [('part', text), ('db.example.net', short),
                              ('example.net.zone', short)]:
            with self.subTest(name=name):
                self.run_for(0, 'plan', '-f', SAMPLE, '--against', self.write(name, content),
                             '--detailed-exitcode')

    def test_stored_plans_inventories_and_zone_files_can_be_mixed(self):
        stored = self.path('stored.json')
        self.run_for(0, 'plan', '-f', SAMPLE, '--out', stored)
        zone = self.write('all', self.run_for(0, 'zone', '-f', SAMPLE).stdout)
        sides = [SAMPLE, stored, zone]
        for a in sides:
            for b in sides:
                with self.subTest(a=a, b=b):
                    self.run_for(0, 'diff', a, b)
        self.run_for(0, 'diff', 'plan:' + stored, 'inventory:' + SAMPLE)
        self.run_for(1, 'diff', 'inventory:' + stored, SAMPLE)
        self.run_for(1, 'diff', 'zone:' + SAMPLE, SAMPLE)

    def test_mistakes_of_a_side_are_told_with_their_place(self):
        rows = [
            ('a.zone', '$ORIGIN a.org.\nx IN SRV 1 2 3\n', r'a\.zone:2:\d+: '),
            ('a.jsonc', '{ "srvplan": 1 ', r'a\.jsonc:1:\d+: error'),
            ('a.json', '{"sets": [{"name": 1}]}', r'a\.json: no plan: /sets/0: name'),
            ('none', None, r'none: cannot open: No such file'),
        ]
        for name, text, told in rows:
            with self.subTest(name=name):
                if text is not None:
                    self.write(name, text)
                for arguments in (['diff', name, SAMPLE], ['diff', SAMPLE, name],
                                  ['plan', '-f', SAMPLE, '--against', name]):
                    done = self.run_for(1, *arguments)
                    self.assertRegex(done.stderr, told)
                    self.assertEqual(done.stdout, '')

    def test_dns_needs_a_side_that_says_what_to_ask_for(self):
        zone = self.write('z', '$ORIGIN a.org.\n@ 60 IN A 192.0.2.1\n')
        for arguments in (['dns', 'dns'], ['dns', zone], [zone, 'dns:127.0.0.1']):
            self.assertIn('which names to ask', self.run_for(64, 'diff', *arguments).stderr)

    def test_a_guard_comes_before_a_difference(self):
        document = generate.inventory(SEED)
        document['policy']['guard'] = {'min_nodes': 2}
        document['nodes'] = {'n1': {**document['nodes']['n1'], 'state': 'drain'},
                             'n2': {'addresses': ['192.0.2.2'], 'site': 'ams'}}
        path = self.write('g.jsonc', json.dumps(document))
        zone = self.write('z.zone', '$ORIGIN other.example.\n@ 60 IN A 192.0.2.1\n')
        out = self.path('out.json')
        done = self.run_for(3, 'plan', '-f', path, '--against', zone, '--detailed-exitcode',
                            '--out', out)
        self.assertIn('Refused by a guard', done.stdout)
        self.assertFalse(os.path.exists(out))
        self.assertIn('not written', done.stderr)


class Out(Case):
    def test_a_plan_is_kept_as_json(self):
        out = self.path('p.json')
        self.write('p.json', 'old')
        done = self.run_for(0, 'plan', '-f', SAMPLE, '--out', out, *AT)
        self.assertIn('Plan: ', done.stdout)
        with open(out, encoding='utf-8') as file:
            kept = json.load(file)
        self.assertEqual(kept, json.loads(
            self.run_for(0, 'plan', '-f', SAMPLE, '-o', 'json', *AT).stdout))
        self.assertEqual(os.listdir(self.folder), ['p.json'])

    def test_a_kept_difference_has_its_changes(self):
        zone = self.write('z', '$ORIGIN example.org.\n@ 60 IN A 192.0.2.1\n')
        out = self.path('p.json')
        self.run_for(0, 'plan', '-f', SAMPLE, '--against', zone, '--out', out)
        with open(out, encoding='utf-8') as file:
            kept = json.load(file)
        self.assertEqual(kept['against'], zone)
        self.assertEqual(kept['summary']['add'], len(sets_of({'sets': [
            item for item in kept['sets'] if item['type'] in ('SRV', 'A', 'AAAA') and
            'example.org.' in item['name'] and not item['name'].startswith('ns')]})))

    def test_links_are_followed_and_devices_refused(self):
        target, link = self.write('target', 'old'), self.path('link')
        os.symlink(target, link)
        self.run_for(0, 'plan', '-f', SAMPLE, '--out', link)
        self.assertTrue(os.path.islink(link))
        with open(target, encoding='utf-8') as file:
            self.assertIn('sets', json.load(file))
        self.assertIn('no regular file', self.run_for(1, 'plan', '-f', SAMPLE, '--out',
                                                      '/dev/null').stderr)
        self.assertTrue(stat.S_ISCHR(os.stat('/dev/null').st_mode))
        self.assertIn('make the directory first', self.run_for(
            1, 'plan', '-f', SAMPLE, '--out', self.path('no/where')).stderr)


class PageParser(html.parser.HTMLParser):
    """Tags, and the text outside of <style>."""

    def __init__(self):
        super().__init__()
        self.tags, self.text, self.open = [], '', []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ('meta', 'link', 'br'):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            raise AssertionError(f'</{tag}> closes nothing')

    def handle_data(self, data):
        if 'style' not in self.open:
            self.text += data


class Formats(Case):
    def setUp(self):
        super().setUp()
        document = generate.inventory(SEED)
        document['nodes']['n1']['state'] = 'drain'
        self.tree = self.write('i.jsonc', json.dumps(document))
        self.zone = self.write('z', '$ORIGIN example.org.\n'
                                    '_xmpp-client._tcp 60 IN SRV 1 2 5222 <b>&|`.evil\n')
        self.sides = [['plan', '-f', SAMPLE, *AT],
                      ['plan', '-f', SAMPLE, '--against', self.zone, *AT]]

    def test_yaml_says_what_json_says(self):
        commands = [*self.sides, ['check', '-f', SAMPLE], ['version']]
        for arguments in commands:
            with self.subTest(arguments=arguments):
                tree = json.loads(self.run_for(0, *arguments, '-o', 'json').stdout)
                text = self.run_for(0, *arguments, '-o', 'yaml').stdout
                self.assertEqual(yaml.safe_load(text), tree)

    def test_csv_has_a_line_a_record(self):
        for arguments in self.sides:
            text = self.run_for(0, *arguments, '-o', 'csv').stdout
            rows = list(csv.DictReader(io.StringIO(text)))
            self.assertGreater(len(rows), 5)
            self.assertFalse(any(None in row or None in row.values() for row in rows))
            names = {(row['name'], row['type']) for row in rows}
            self.assertIn(('_xmpp-client._tcp.example.org.', 'SRV'), names)

    def test_html_stands_alone_and_is_well_formed(self):
        for arguments in self.sides:
            page = PageParser()
            text = self.run_for(0, *arguments, '--format', 'html').stdout
            page.feed(text)
            page.close()
            self.assertEqual(page.open, [])
            self.assertFalse([tag for tag, attrs in page.tags
                              if tag in ('script', 'link', 'img', 'iframe', 'object') or
                              any(key in ('src', 'href') or key.startswith('on')
                                  for key in attrs)])
            self.assertNotRegex(text, r'url\(|@import')
            self.assertIn("default-src 'none'", text)
            self.assertIn('_xmpp-client._tcp', page.text)
            self.assertNotIn('<b>', text)
        self.assertIn('<b>', page.text)

    def test_no_format_writes_escapes_into_a_pipe(self):
        for arguments in self.sides:
            for name in ('text', 'json', 'yaml', 'csv', 'md', 'html'):
                with self.subTest(arguments=arguments, name=name):
                    done = self.run_for(0, *arguments, '--format', name, TERM='xterm')
                    self.assertNotIn('\033', done.stdout + done.stderr)
                    self.assertTrue(done.stdout.endswith('\n'))

    def test_colours_only_in_text(self):
        for name, wanted in [('text', True), ('json', False), ('csv', False), ('md', False),
                             ('html', False)]:
            for arguments in self.sides:
                done = self.run_for(0, *arguments, '--format', name, '--color', 'always')
                self.assertEqual('\033[' in done.stdout, wanted, name)

    def test_outside_utf_8_text_is_ascii(self):
        for arguments in self.sides:
            self.assertTrue(self.run_for(0, *arguments, LC_ALL='C').stdout.isascii())

    def test_format_and_output_may_agree(self):
        one = self.run_for(0, 'plan', '-f', SAMPLE, '--format', 'md', '-o', 'md', *AT).stdout
        self.assertEqual(one, self.run_for(0, 'plan', '-f', SAMPLE, '-o', 'md', *AT).stdout)


class Init(Case):
    def check_zone(self, path, apex):
        zone = self.write('zone', self.run_for(0, 'zone', '-f', path).stdout)
        done = subprocess.run(['named-checkzone', '-i', 'full', '-S', 'fail', '-k', 'fail', '-n',
                               'fail', apex, zone], capture_output=True, text=True, check=False,
                              timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_what_it_writes_is_right(self):
        for strategy in STRATEGIES:
            with self.subTest(strategy=strategy):
                path = self.write('i.jsonc', self.run_for(0, 'init', strategy).stdout)
                done = self.run_for(0, 'check', '-f', path, '-o', 'json')
                severities = {finding['severity'] for finding in json.loads(done.stdout)['findings']
                              if finding['code'] != 'X15'}  # one node, or one site: as it was asked
                self.assertLessEqual(severities, {'info'})
                self.check_zone(path, 'example.org')

    def test_it_takes_a_domain_and_nodes(self):
        nodes = ['--node', 'a=192.0.2.1,2001:db8::1', '--node', 'b=192.0.2.2']
        for strategy in STRATEGIES:
            given = nodes[:2] if strategy == 'single' else nodes
            with self.subTest(strategy=strategy):
                out = self.path(f'{strategy}.jsonc')
                done = self.run_for(0, 'init', strategy, '--domain', 'chat.example.net', *given,
                                    '--out', out)
                self.assertEqual(done.stdout, '')
                self.check_zone(out, 'chat.example.net')
                plan = json.loads(self.run_for(0, 'plan', '-f', out, '-o', 'json').stdout)
                records = sets_of(plan)['_xmpp-client._tcp.chat.example.net.', 'SRV'][1]
                self.assertEqual(len(records), len(given) // 2)
                self.assertEqual({record.split()[3] for record in records},
                                 {'a.chat.example.net.'} if strategy == 'single' else
                                 {'a.chat.example.net.', 'b.chat.example.net.'})

    def test_the_strategies_differ_in_what_they_are_named_after(self):
        sets = {}
        for strategy in STRATEGIES:
            path = self.write('i.jsonc', self.run_for(0, 'init', strategy).stdout)
            plan = json.loads(self.run_for(0, 'plan', '-f', path, '-o', 'json').stdout)
            records = sets_of(plan)['_xmpp-client._tcp.example.org.', 'SRV'][1]
            sets[strategy] = [tuple(int(word) for word in record.split()[:2])
                              for record in records]
        self.assertEqual(len(sets['single']), 1)
        self.assertEqual(len(set(sets['round-robin'])), 1)
        self.assertGreater(len(sets['round-robin']), 1)
        self.assertEqual(len({priority for priority, _ in sets['weighted']}), 1)
        self.assertGreater(len({weight for _, weight in sets['weighted']}), 1)
        self.assertEqual(len({priority for priority, _ in sets['tiered']}), 2)

    def test_a_file_is_only_replaced_by_force(self):
        path = self.write('i.jsonc', 'mine')
        self.assertIn('--force', self.run_for(4, 'init', 'single', '--out', path).stderr)
        with open(path, encoding='utf-8') as file:
            self.assertEqual(file.read(), 'mine')
        self.run_for(0, 'init', 'single', '--out', path, '--force')
        self.run_for(0, 'check', '-f', path)
        self.assertEqual(os.listdir(self.folder), ['i.jsonc'])

    def test_what_cannot_be_is_refused(self):
        rows = [
            (['single', '--node', 'a=192.0.2.1', '--node', 'b=192.0.2.2'], 'needs 1 node, found 2'),
            (['tiered', '--node', 'a=192.0.2.1'], 'needs at least 2 nodes, found 1'),
            (['single', '--node', 'a'], 'expected ID=ADDR'),
            (['single', '--node', '=192.0.2.1'], 'expected ID=ADDR'),
            (['single', '--node', 'a=x'], 'expected an IPv4 or IPv6 address'),
            (['single', '--node', 'a"b=192.0.2.1'], 'found "a"b"'),
            (['single', '--domain', 'a b'], 'expected a domain name'),
            (['single', '--node', 'a\udcff=192.0.2.1'], 'init'),
        ]
        for arguments, told in rows:
            with self.subTest(arguments=arguments):
                done = self.run_for(64, 'init', *arguments)
                self.assertIn(told, done.stderr)
                self.assertEqual(done.stdout, '')


if __name__ == '__main__':
    unittest.main(verbosity=2)
