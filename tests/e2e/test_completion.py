#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What srvplan __complete offers, and what bash, zsh and fish make of it, with their real programs.

SRVPLAN is the path of the program, SRVPLAN_SOURCE the root of the source tree.
"""
import os
import pty
import re
import select
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

SRVPLAN = os.path.abspath(os.environ['SRVPLAN'])
SAMPLE = os.path.join(os.environ['SRVPLAN_SOURCE'], 'srvplan/sample/cluster.jsonc')
SECONDS = 30


def environment(**more):
    kept = {key: value for key, value in os.environ.items() if not key.startswith('SRVPLAN_')}
    return {**kept, 'LC_ALL': 'C.UTF-8', 'TERM': 'dumb',
            'PATH': os.path.dirname(SRVPLAN) + os.pathsep + kept['PATH'], **more}


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        for name in ('one.zone', 'two words.zone', 'i.jsonc'):
            with open(os.path.join(self.folder, name), 'w', encoding='ascii') as file:
                file.write('')
        os.mkdir(os.path.join(self.folder, 'dir'))
        # Nobody serves there, so that names come from the file.
        self.environment = environment(SRVPLAN_SOCKET=os.path.join(self.folder, 'none.sock'),
                                       HOME=self.folder, XDG_CONFIG_HOME=self.folder,
                                       XDG_DATA_HOME=self.folder)

    def output(self, *arguments):
        done = subprocess.run([SRVPLAN, *arguments], check=False, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=SECONDS, cwd=self.folder,
                              env=self.environment)
        self.assertEqual((done.returncode, done.stderr), (0, ''), arguments)
        return done.stdout

    def offered(self, *words):
        """Candidates for the last word, without descriptions and marks."""
        lines = self.output('__complete', *words).splitlines()
        return [line.split('\t')[0] for line in lines if line != ':files']


class Offers(Case):
    def test_every_command_is_offered_with_its_summary(self):
        overview = self.output('help')
        commands = re.findall(r'^  ([a-z-]+) ', overview, re.M)
        self.assertEqual(sorted(self.offered('')), sorted(commands))
        self.assertIn('\tmove new connections away from nodes', self.output('__complete', 'drai'))

    def test_every_option_of_help_is_offered_and_no_other(self):
        for command in self.offered(''):
            with self.subTest(command=command):
                known = re.findall(r'^  .{3} (--[a-z-]+)', self.output(command, '--help'), re.M)
                self.assertEqual(sorted(self.offered(command, '-')), sorted(known))

    def test_rows(self):
        file = ['-f', SAMPLE]
        nodes = ['ams1', 'ams2', 'ams3', 'fra1', 'fra2', 'fra3']
        rows = [
            (['pl'], ['plan']),
            (['nonsense', ''], []),
            (['plan', '--color', ''], ['auto', 'always', 'never']),
            (['plan', '--color=a'], ['--color=auto', '--color=always']),
            (['-o', ''], ['table', 'json']),
            (['nodes', '-o', 'c'], ['csv']),
            (['status', '-o', 'c'], []),
            (['plan', '--at', ''], []),
            (['plan', '--against', 'rev'], ['rev:']),
            (['plan', '--against', 'zone:o'], ['zone:one.zone']),
            (['plan', '--against=zone:o'], ['--against=zone:one.zone']),
            (['plan', '-f', 'i'], ['i.jsonc']),
            (['plan', '-f', 'di'], ['dir/']),
            (['serve', '--state', ''], ['dir/']),
            (['diff', 'on'], ['one.zone']),
            (['diff', 'a', 'on'], ['one.zone']),
            (['diff', 'a', 'b', ''], []),
            (['drain', *file, ''], nodes),
            (['drain', *file, 'ams1', 'f'], ['fra1', 'fra2', 'fra3']),
            (['-f', SAMPLE, 'drain', 'ams3'], ['ams3']),
            ([f'--file={SAMPLE}', 'drain', 'ams3'], ['ams3']),
            ([f'-f{SAMPLE}', 'drain', 'ams3'], ['ams3']),
            (['drain', *file, '-m', ''], []),
            (['drain', *file, '-m', 'why', 'ams3'], ['ams3']),
            (['drain', *file, '--', 'ams3'], ['ams3']),
            (['drain', *file, '--', '-'], []),
            (['drain', *file, '--services', 'xmpps-'], ['xmpps-client', 'xmpps-server']),
            (['drain', *file, '--services', 'xmpp-client,xmpps-c'],
             ['xmpp-client,xmpps-client']),
            (['drain', *file, '--services=xmpp-client,xmpps-c'],
             ['--services=xmpp-client,xmpps-client']),
            (['weight', *file, 'ams1', ''], []),
            (['zone', *file, ''], ['example.net', 'example.org']),
            (['audit', *file, 'ch'], ['chat.example.net']),
            (['simulate', *file, 'example.org/xmpp-'],
             ['example.org/xmpp-client', 'example.org/xmpp-server']),
            (['window', 'su'], ['suggest']),
            (['window', 's'], ['show', 'skip', 'suggest']),
            (['window', 'suggest', *file, 'fra3'], ['fra3']),
            (['init', 't'], ['tiered']),
            (['completion', ''], ['bash', 'zsh', 'fish']),
            (['help', 'undr'], ['undrain']),
            (['drain', '-f', 'none', ''], []),
            (['drain', ''], []),
            (['plan', '--detailed-exitcode', '--detailed'], []),
            (['serve', '--dns', '127.0.0.1:53', '--dn'], ['--dns']),
            (['simulate', '--model', 'rfc'], ['rfc2782', 'rfc2782-ascending']),
            (['context', ''], ['ls', 'show', 'add', 'use', 'rm']),
            (['token', 'create', 'x', *file, '--nodes', 'ams1,fra'],
             ['ams1,fra1', 'ams1,fra2', 'ams1,fra3']),
        ]
        for words, candidates in rows:
            with self.subTest(words=words):
                self.assertEqual(self.offered(*words), candidates)

    def test_contexts_are_those_that_were_added(self):
        for name in ('prod', 'lab'):
            self.output('context', 'add', name, '-s', f'https://{name}.example.org', '-q')
        self.assertEqual(self.offered('context', 'use', ''), ['lab', 'prod'])
        self.assertEqual(self.offered('--context', 'p'), ['prod'])
        self.assertIn('prod\thttps://prod.example.org', self.output('__complete', '--context', 'p'))

    def test_files_are_marked(self):
        self.assertIn(':files', self.output('__complete', 'plan', '-f', '').splitlines())
        self.assertNotIn(':files', self.output('__complete', 'init', '').splitlines())

    def test_a_server_that_is_silent_keeps_nobody_waiting(self):
        with socket.socket() as silent:
            silent.bind(('127.0.0.1', 0))
            silent.listen()
            url = f'http://127.0.0.1:{silent.getsockname()[1]}'
            began = time.monotonic()
            self.assertEqual(self.offered('-s', url, 'drain', ''), [])
            took = time.monotonic() - began
        self.assertGreater(took, 0.25, 'it was not asked at all')
        self.assertLess(took, 5)


BASH = r'''
source <(srvplan completion bash)
COMP_LINE=$1 COMP_POINT=${#1}
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
compopt() { echo "compopt $*"; }
_srvplan
printf '%s\n' "${COMPREPLY[@]}"
'''


@unittest.skipUnless(shutil.which('bash'), 'bash is not there')
class Bash(Case):
    def complete(self, line, *words):
        """`words` as readline splits the line: also at = and :."""
        done = subprocess.run(['bash', '--norc', '-c', BASH, 'bash', line, *words],
                              capture_output=True, text=True, timeout=SECONDS, check=True,
                              cwd=self.folder, env=self.environment)
        self.assertEqual(done.stderr, '')
        lines = done.stdout.splitlines()
        return ([line for line in lines if line and not line.startswith('compopt')],
                {line for line in lines if line.startswith('compopt')})

    def test_commands_values_nodes_and_files(self):
        rows = [
            ('srvplan pl', ['srvplan', 'pl'], ['plan']),
            ('srvplan ', ['srvplan', ''], self.offered('')),
            (f'srvplan drain -f {SAMPLE} ams', ['srvplan', 'drain', '-f', SAMPLE, 'ams'],
             ['ams1', 'ams2', 'ams3']),
            ('srvplan plan --color=al', ['srvplan', 'plan', '--color', '=', 'al'], ['always']),
            ('srvplan plan --color=', ['srvplan', 'plan', '--color', '='],
             ['auto', 'always', 'never']),
            ('srvplan plan --against zone:on',
             ['srvplan', 'plan', '--against', 'zone', ':', 'on'], ['one.zone']),
            ('srvplan plan -f tw', ['srvplan', 'plan', '-f', 'tw'], ['two words.zone']),
            ('srvplan  init   ti', ['srvplan', 'init', 'ti'], ['tiered']),
        ]
        for line, words, candidates in rows:
            with self.subTest(line=line):
                if words[-1] == '=':  # readline completes behind it
                    candidates = ['=' + word if word.startswith('=') else word
                                  for word in candidates]
                self.assertEqual(self.complete(line, *words)[0], candidates)

    def test_files_are_quoted_and_prefixes_stay_open(self):
        self.assertIn('compopt -o filenames',
                      self.complete('srvplan plan -f o', 'srvplan', 'plan', '-f', 'o')[1])
        self.assertIn('compopt -o nospace',
                      self.complete('srvplan plan --against re', 'srvplan', 'plan', '--against',
                                    're')[1])
        self.assertEqual(self.complete('srvplan pl', 'srvplan', 'pl')[1], set())

    def test_the_script_registers_itself(self):
        done = subprocess.run(['bash', '--norc', '-c',
                               'source <(srvplan completion bash); complete -p srvplan'],
                              capture_output=True, text=True, timeout=SECONDS, check=True,
                              env=self.environment)
        self.assertEqual(done.stdout, 'complete -F _srvplan srvplan\n')


@unittest.skipUnless(shutil.which('fish'), 'fish is not there')
class Fish(Case):
    def complete(self, line):
        done = subprocess.run(['fish', '--no-config', '-c', 'srvplan completion fish | source; '
                               'complete -C "$argv[1]"', line],
                              capture_output=True, text=True, timeout=SECONDS, check=True,
                              cwd=self.folder, env=self.environment)
        self.assertEqual(done.stderr, '')
        return done.stdout.splitlines()

    def test_commands_values_nodes_and_files(self):
        rows = [
            ('srvplan undr', ['undrain\tend the drains of nodes']),
            (f'srvplan drain -f {SAMPLE} ams', ['ams1\tams1.example.org', 'ams2\tams2.example.org',
                                                'ams3\tams3.example.org']),
            ('srvplan plan --color=al', ['--color=always']),
            ('srvplan plan --against zone:on', ['zone:one.zone']),
            ('srvplan plan -f i', ['i.jsonc']),
            ('srvplan init ti', ['tiered']),
        ]
        for line, candidates in rows:
            with self.subTest(line=line):
                self.assertEqual(self.complete(line), candidates)
        self.assertEqual(sorted(line.split('\t')[0] for line in self.complete('srvplan ')),
                         sorted(self.offered('')))


@unittest.skipUnless(shutil.which('zsh'), 'zsh is not there')
class Zsh(Case):
    """zsh completes at its prompt only, so it gets a terminal and the Tab key."""

    def complete(self, line, source='source <(srvplan completion zsh)'):
        start = ("PS1='ready> '; unsetopt beep zle_bracketed_paste; autoload -U compinit; "
                 f"compinit -u -D; {source}; print -r -- loaded$((1 + 1))\n")
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.folder)
            os.execvpe('zsh', ['zsh', '-f', '-i'], self.environment)
        try:
            self.read_until(terminal, 'ready|%|#')
            os.write(terminal, start.encode())
            self.read_until(terminal, 'loaded2')
            # The line as it stands after the key, printed by a widget of our own.
            os.write(terminal, b"show() { print -r -- \"<<$BUFFER>>\"; BUFFER=; zle accept-line }; "
                               b"zle -N show; bindkey '^X' show; print -r -- bound$((1 + 1))\n")
            self.read_until(terminal, 'bound2')
            os.write(terminal, line.encode() + b'\t\x18')
            said = self.read_until(terminal, r'<<.*?>>')
            return re.search(r'<<(.*?)>>', said).group(1)
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            os.close(terminal)

    def read_until(self, terminal, pattern):
        said, end = '', time.monotonic() + SECONDS
        while not re.search(pattern, said, re.S):
            ready, _, _ = select.select([terminal], [], [], max(0, end - time.monotonic()))
            if not ready:
                raise AssertionError(f'no {pattern} in {said!r}')
            said += os.read(terminal, 65536).decode(errors='replace')
        return said

    def test_commands_values_nodes_and_files(self):
        rows = [
            ('srvplan undr', 'srvplan undrain '),
            (f'srvplan drain -f {SAMPLE} fra', f'srvplan drain -f {SAMPLE} fra'),
            (f'srvplan drain -f {SAMPLE} ams3 fra2', f'srvplan drain -f {SAMPLE} ams3 fra2 '),
            ('srvplan plan --color=al', 'srvplan plan --color=always '),
            ('srvplan plan --against zone:on', 'srvplan plan --against zone:one.zone '),
            ('srvplan plan --against re', 'srvplan plan --against rev:'),
            ('srvplan plan -f tw', r'srvplan plan -f two\ words.zone '),
            ('srvplan init ti', 'srvplan init tiered '),
        ]
        for line, completed in rows:
            with self.subTest(line=line):
                self.assertEqual(self.complete(line), completed)

    def test_the_script_is_a_function_of_fpath_too(self):
        script = os.path.join(self.folder, '_srvplan')
        with open(script, 'w', encoding='utf-8') as file:
            file.write(self.output('completion', 'zsh'))
        self.assertEqual(
            self.complete('srvplan undr', f'fpath=({shlex.quote(self.folder)} $fpath); '
                                          'compinit -u -D'), 'srvplan undrain ')


if __name__ == '__main__':
    unittest.main(verbosity=2)
