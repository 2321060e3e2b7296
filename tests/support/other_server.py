# SPDX-License-Identifier: GPL-3.0-or-later
"""Another name server in the foreground, on loopback, with its files in a directory of its own: what
nsd.py and knot.py have in common. `with Nsd({zone: text}) as nsd: … nsd.port`."""
import os
import subprocess
import tempfile

import dns.exception

import srvplan


class OtherServer:
    """A child gives `name`, and the lines of its configuration and its command from it."""
    name = ''

    def __init__(self, texts, address='127.0.0.1', port=None):
        self.directory = tempfile.TemporaryDirectory(prefix=f'srvplan-{self.name}-')
        self.address, self.port = address, port or srvplan.free_port()
        self.path = self.directory.name
        self.configuration = f'{self.path}/conf'
        files = {}
        for number, (zone, text) in enumerate(texts.items()):
            files[zone] = f'{number}.zone'
            with open(f'{self.path}/{files[zone]}', 'w', encoding='ascii') as file:
                file.write(text)
        with open(self.configuration, 'w', encoding='ascii') as file:
            file.write('\n'.join(self.lines(files)) + '\n')

    def lines(self, files):
        """Of the configuration; `files` by zone, in self.path."""
        raise NotImplementedError

    def command(self):
        raise NotImplementedError

    def __enter__(self):
        search = os.environ.get('PATH', '') + ':/usr/sbin'
        with open(f'{self.path}/log', 'wb') as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, env=dict(os.environ, PATH=search))
        try:
            srvplan.wait_until(self.answers, 20, f'{self.name} answers')
        except BaseException:
            self.__exit__()
            raise
        return self

    def answers(self):
        if self.process.poll() is not None:
            with open(f'{self.path}/log', encoding='utf-8') as log:
                raise AssertionError(f'{self.name} ended: {log.read()}')
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
