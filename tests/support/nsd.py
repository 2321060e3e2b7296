# SPDX-License-Identifier: GPL-3.0-or-later
"""NSD as a server of zone files on loopback: `with Nsd({zone: text}) as nsd: … nsd.port`."""
import os
import subprocess
import tempfile

import dns.exception

import srvplan


class Nsd:
    """An NSD in the foreground, with its files in a directory of its own."""

    def __init__(self, texts, address='127.0.0.1', port=None):
        self.directory = tempfile.TemporaryDirectory(prefix='srvplan-nsd-')
        self.address, self.port = address, port or srvplan.free_port()
        path = self.directory.name
        lines = ['server:', f'  ip-address: {address}@{self.port}', '  server-count: 1',
                 '  minimal-responses: yes', '  rrl-ratelimit: 0', '  username: ""',
                 '  chroot: ""', '  database: ""', '  hide-version: yes',
                 f'  zonesdir: "{path}"', f'  pidfile: "{path}/pid"',
                 f'  xfrdfile: "{path}/xfrd"', f'  zonelistfile: "{path}/list"',
                 f'  xfrdir: "{path}"', 'remote-control:', '  control-enable: no']
        for number, (zone, text) in enumerate(texts.items()):
            with open(f'{path}/{number}.zone', 'w', encoding='ascii') as file:
                file.write(text)
            lines += ['zone:', f'  name: "{zone}"', f'  zonefile: "{number}.zone"']
        with open(f'{path}/nsd.conf', 'w', encoding='ascii') as file:
            file.write('\n'.join(lines) + '\n')

    def __enter__(self):
        path = self.directory.name
        search = os.environ.get('PATH', '') + ':/usr/sbin'
        with open(f'{path}/log', 'wb') as log:
            self.process = subprocess.Popen(['nsd', '-d', '-c', f'{path}/nsd.conf'],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=dict(os.environ, PATH=search))
        try:
            srvplan.wait_until(self.answers, 20, 'NSD answers')
        except BaseException:
            self.__exit__()
            raise
        return self

    def answers(self):
        if self.process.poll() is not None:
            with open(f'{self.directory.name}/log', encoding='utf-8') as log:
                raise AssertionError('NSD ended: ' + log.read())
        try:
            srvplan.ask(self.port, '.', 'NS', timeout=0.2, host=self.address)
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
