# SPDX-License-Identifier: GPL-3.0-or-later
"""A public linter, redocly from npm, has nothing to say about the OpenAPI document.

With the strictest of its rule sets. Without npm or the network to install it, the test is skipped,
and says so. SRVPLAN_BUILD_DIR is where the document is, and where npm puts the linter."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get('SRVPLAN_BUILD_DIR', os.path.join(SOURCE, 'build')))
DOCUMENT = os.path.join(BUILD, 'api', 'openapi', 'openapi.json')
NPM = os.path.join(BUILD, 'tests', 'interop', 'npm-redocly')
PACKAGE = '@redocly/cli@1.34.5'  # the last that runs with Debian 12's own Node.js
REDOCLY = os.path.join(NPM, 'node_modules', '.bin', 'redocly')


def install():
    os.makedirs(NPM, exist_ok=True)
    try:
        subprocess.run(['npm', 'install', '--prefix', NPM, '--no-audit', '--no-fund',
                        '--loglevel=error', PACKAGE], check=True, capture_output=True, text=True,
                       timeout=400)
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, 'stderr', None) or str(error)
        raise unittest.SkipTest(f'npm cannot install {PACKAGE}: {said.strip()[:300]}') from None


def lint(path):
    # Away from any configuration file; the linter is to ask nobody and tell nobody.
    with tempfile.TemporaryDirectory() as away:
        return subprocess.run(
            [REDOCLY, 'lint', '--extends=recommended-strict', '--format=stylish', path],
            cwd=away, capture_output=True, text=True, timeout=200, stdin=subprocess.DEVNULL,
            env={**os.environ, 'REDOCLY_TELEMETRY': 'off', 'NO_COLOR': '1',
                 'REDOCLY_SUPPRESS_UPDATE_NOTICE': 'true'})


class Lint(unittest.TestCase):
    def setUp(self):
        if not os.path.exists(REDOCLY):
            install()

    def test_the_linter_has_nothing_to_say(self):
        done = lint(DOCUMENT)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertNotIn('warning', done.stdout + done.stderr)

    def test_the_linter_sees_mistakes(self):
        def no_license(tree):
            del tree['info']['license']

        def unknown_reference(tree):
            tree['paths']['/livez']['get']['responses']['200'] = {'$ref': '#/components/responses/X'}

        def example_of_another_type(tree):
            content = tree['paths']['/livez']['get']['responses']['200']['content']
            content['application/json']['example'] = {'live': 'yes'}

        for breaks in (no_license, unknown_reference, example_of_another_type):
            with self.subTest(breaks.__name__), tempfile.TemporaryDirectory() as away:
                with open(DOCUMENT, encoding='utf-8') as file:
                    tree = json.load(file)
                breaks(tree)
                path = os.path.join(away, 'openapi.json')
                with open(path, 'w', encoding='utf-8') as file:
                    json.dump(tree, file)
                self.assertNotEqual(lint(path).returncode, 0)


if __name__ == '__main__':
    sys.exit(not unittest.main(verbosity=2, exit=False).result.wasSuccessful())
