# SPDX-License-Identifier: GPL-3.0-or-later
"""The JSON Schema and our loader judge every fixture alike.

ajv with ajv-formats, from npm, judges by the schema. It must accept everything in
tests/inventory/valid, and find each mistake of tests/inventory/invalid (a line of .expected) at the
same place, but for those that tests/inventory/beyond-schema lists: rules that JSON Schema cannot
express, each with its reason. Those it must not find, or the list is wrong. The loader's verdict is
asked of `srvplan check`, and must be what the folder says.

Files are read here by readers of their own (comments out, then Python's json; YAML 1.2's core scalars
with python3-yaml), so that a mistake in ours cannot hide. What is wrong with the text itself has no
verdict of the schema.

SRVPLAN_BUILD_DIR is where the program is, and where npm puts ajv."""
import glob
import json
import os
import re
import subprocess
import sys
import unittest

import yaml

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get('SRVPLAN_BUILD_DIR', os.path.join(SOURCE, 'build')))
SRVPLAN = os.path.join(BUILD, 'srvplan', 'srvplan')
NPM = os.path.join(BUILD, 'tests', 'interop', 'npm')
FIXTURES = os.path.join(SOURCE, 'tests', 'inventory')
PACKAGES = ['ajv@8', 'ajv-formats@3']

# Mistakes of the text: no parser shows them to a schema.
OF_THE_TEXT = {'syntax', 'open-comment', 'bad-utf8', 'nul-byte', 'number-too-large', 'too-deep',
               'duplicate-key', 'yaml-tag'}


def without_comments(text):
    """JSONC to JSON: comments and trailing commas out, strings left alone."""
    token = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n\r]*|/\*.*?\*/', re.S)
    text = token.sub(lambda match: match[0] if match[0][0] == '"' else ' ', text)
    comma = re.compile(r'"(?:\\.|[^"\\])*"|,(?=\s*[\]}])', re.S)
    return comma.sub(lambda match: match[0] if match[0][0] == '"' else ' ', text)


class CoreYaml(yaml.SafeLoader):
    """YAML 1.2's core schema: `no` and 2026-12-06 are strings."""


CoreYaml.yaml_implicit_resolvers = {}
CoreYaml.add_implicit_resolver('tag:yaml.org,2002:null', re.compile(r'^(~|null|Null|NULL|)$'),
                               ['~', 'n', 'N', ''])
CoreYaml.add_implicit_resolver('tag:yaml.org,2002:bool',
                               re.compile(r'^(true|True|TRUE|false|False|FALSE)$'), list('tTfF'))
CoreYaml.add_implicit_resolver(
    'tag:yaml.org,2002:int', re.compile(r'^([-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$'),
    list('-+0123456789'))
CoreYaml.add_constructor('tag:yaml.org,2002:int',
                         lambda loader, node: int(node.value, 0 if node.value[:2] in ('0o', '0x')
                                                  else 10))
CoreYaml.add_implicit_resolver(
    'tag:yaml.org,2002:float',
    re.compile(r'^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$'), list('-+.0123456789'))


def no_constant(name):
    raise ValueError(f'{name} is no JSON')


def read(path):
    """The document, or None when the text is none."""
    try:
        with open(path, encoding='utf-8-sig', newline='') as file:
            text = file.read()
        if path.endswith('.yaml'):
            return yaml.load(text, CoreYaml)
        return json.loads(without_comments(text), parse_constant=no_constant)
    except (ValueError, yaml.YAMLError):
        return None


def fixtures(folder):
    paths = [path for ending in ('jsonc', 'yaml')
             for path in sorted(glob.glob(os.path.join(FIXTURES, folder, f'*.{ending}')))]
    return {os.path.basename(path): path for path in paths}


def schema_mistakes(documents):
    """What ajv finds in each document of a dict: a list of (place, keyword)."""
    names = sorted(documents)
    done = subprocess.run(
        ['node', os.path.join(SOURCE, 'tests', 'interop', 'validate.js'),
         os.path.join(SOURCE, 'srvplan', 'schema', 'inventory-v1.json')],
        input=json.dumps([documents[name] for name in names]), capture_output=True, text=True,
        env={**os.environ, 'SRVPLAN_NPM': NPM}, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return dict(zip(names, json.loads(done.stdout)))


def is_found(pointer, mistakes):
    """Whether one of ajv's mistakes is the one that our loader has at that place. One choice of
    several is a matter of the object to ajv, and of a member to us."""
    above = pointer.rpartition('/')[0]
    return any(place == pointer or (place == above and keyword == 'oneOf')
               for place, keyword in mistakes)


def loader_codes(path):
    """The codes of the errors of `srvplan check`."""
    done = subprocess.run([SRVPLAN, 'check', '-o', 'json', '-f', path], capture_output=True,
                          text=True, check=False)
    if done.stderr.startswith('=='):
        raise RuntimeError(done.stderr)
    return [finding['code'] for finding in json.loads(done.stdout)['findings']
            if finding['severity'] == 'error']


def expected_mistakes(path):
    """The mistakes of a fixture as (code, pointer)."""
    with open(os.path.splitext(path)[0] + '.expected', encoding='utf-8') as file:
        lines = [line.rstrip('\n').split(' ', 2) for line in file]
    return [(line[0], line[2] if len(line) > 2 else '') for line in lines]


def beyond_schema():
    """The list as {(fixture, code, pointer): reason}."""
    listed = {}
    with open(os.path.join(FIXTURES, 'beyond-schema'), encoding='utf-8') as file:
        for line in file:
            if line.strip() and line[0] != '#':
                mistake, reason = line.strip().split(': ', 1)
                listed[tuple(mistake.split(' ', 2))] = reason
    return listed


class Verdicts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        os.makedirs(NPM, exist_ok=True)
        if not all(os.path.isdir(os.path.join(NPM, 'node_modules', package.split('@')[0]))
                   for package in PACKAGES):
            subprocess.run(['npm', 'install', '--prefix', NPM, '--no-audit', '--no-fund',
                            '--loglevel=error', *PACKAGES], check=True)
        cls.valid, cls.invalid = fixtures('valid'), fixtures('invalid')

    def test_the_schema_accepts_what_the_loader_accepts(self):
        documents = {name: read(path) for name, path in self.valid.items()}
        self.assertGreater(len(documents), 20)
        for name, mistakes in schema_mistakes(documents).items():
            with self.subTest(name):
                self.assertIsNotNone(documents[name], 'no document')
                self.assertEqual(mistakes, [])

    def test_the_loader_accepts_what_is_valid(self):
        # What guards and the catalogue of checks say is not about the form.
        for name, path in self.valid.items():
            with self.subTest(name):
                errors = [code for code in loader_codes(path)
                          if not re.fullmatch(r'guard-.*|[A-Z][0-9][0-9]', code)]
                self.assertEqual(errors, [])

    def test_the_loader_refuses_what_is_not(self):
        for name, path in self.invalid.items():
            with self.subTest(name):
                self.assertNotEqual(loader_codes(path), [])

    def test_the_schema_finds_every_mistake_but_the_listed_ones(self):
        documents = {name: read(path) for name, path in self.invalid.items()}
        documents = {name: document for name, document in documents.items()
                     if document is not None}
        listed, missed = beyond_schema(), set()
        for name, found in schema_mistakes(documents).items():
            for code, pointer in expected_mistakes(self.invalid[name]):
                if code not in OF_THE_TEXT and not is_found(pointer, found):
                    missed.add((name, code, pointer))
        self.assertEqual(sorted(missed - set(listed)), [], 'found by the loader alone')
        self.assertEqual(sorted(set(listed) - missed), [], 'listed, and found by the schema')
        self.assertTrue(all(listed.values()))

    def test_what_is_wrong_with_a_text_is_all_that_has_no_verdict_of_the_schema(self):
        for name, path in self.invalid.items():
            if read(path) is None:
                codes = {code for code, _ in expected_mistakes(path)}
                self.assertTrue(codes and codes <= OF_THE_TEXT, (name, codes))

    def test_the_command_writes_the_schema_that_is_judged_by(self):
        with open(os.path.join(SOURCE, 'srvplan', 'schema', 'inventory-v1.json'), 'rb') as file:
            self.assertEqual(subprocess.run([SRVPLAN, 'schema'], capture_output=True,
                                            check=True).stdout, file.read())


if __name__ == '__main__':
    sys.exit(not unittest.main(verbosity=2, exit=False).result.wasSuccessful())
