# SPDX-License-Identifier: GPL-3.0-or-later
"""Knot DNS as a server of zone files on loopback: `with Knot({zone: text}) as knot: … knot.port`."""
import os
import subprocess
import tempfile

import dns.exception

import srvplan


class Knot:
    """A knotd in the foreground, with its files in a directory of its own."""

    def __init__(self, texts):
        self.directory = tempfile.TemporaryDirectory(prefix='srvplan-knot-')
        self.port = srvplan.free_port()
        path = self.directory.name
        lines = ['server:', f'    listen: 127.0.0.1@{self.port}', f'    rundir: "{path}"',
                 '    udp-workers: 1', '    tcp-workers: 1', '    background-workers: 1',
                 '    udp-max-payload: 1232', '    tcp-idle-timeout: 60',
                 '    answer-rotation: off', '    automatic-acl: off',
                 'database:', f'    storage: "{path}"',
                 'log:', '  - target: stderr', '    any: warning',
                 'template:', '  - id: default', f'    storage: "{path}"',
                 '    semantic-checks: off', '    journal-content: none', '    zonefile-sync: -1',
                 '    zonefile-load: whole', 'zone:']
        for number, (zone, text) in enumerate(texts.items()):
            with open(f'{path}/{number}.zone', 'w', encoding='ascii') as file:
                file.write(text)
            lines += [f'  - domain: "{zone}"', f'    file: "{number}.zone"']
        with open(f'{path}/knot.conf', 'w', encoding='ascii') as file:
            file.write('\n'.join(lines) + '\n')

    def __enter__(self):
        path = self.directory.name
        search = os.environ.get('PATH', '') + ':/usr/sbin'
        with open(f'{path}/log', 'wb') as log:
            self.process = subprocess.Popen(['knotd', '-c', f'{path}/knot.conf'],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=dict(os.environ, PATH=search))
        try:
            srvplan.wait_until(self.answers, 20, 'Knot answers')
        except BaseException:
            self.__exit__()
            raise
        return self

    def log(self):
        with open(f'{self.directory.name}/log', encoding='utf-8') as log:
            return log.read()

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError('Knot ended: ' + self.log())
        try:
            srvplan.ask(self.port, '.', 'NS', timeout=0.2)
            return True
        except (OSError, dns.exception.DNSException):
            return False

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.directory.cleanup()
