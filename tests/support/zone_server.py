# SPDX-License-Identifier: GPL-3.0-or-later
"""srvplan-dnsd as a server of zone files on loopback, without srvpland:
`with ZoneServer({zone: text}) as server: … server.port`."""
import os
import signal
import subprocess
import tempfile
import time

import srvplan


class ZoneServer:
    """`srvplan-dnsd --zone` in the foreground, with its files in a directory of its own."""

    def __init__(self, texts, *arguments, port=None):
        self.directory = tempfile.TemporaryDirectory(prefix='srvplan-zones-')
        self.port = port or srvplan.free_port()
        self.arguments = arguments
        self.files = {}
        for number, (zone, text) in enumerate(texts.items()):
            self.files[zone] = f'{self.directory.name}/{number}.zone'
            self.write(zone, text)

    def write(self, zone, text):
        """Atomically, as an editor does."""
        path = self.files[zone]
        with open(path + '.new', 'w', encoding='ascii') as file:
            file.write(text)
        os.rename(path + '.new', path)

    def start(self):
        self.log_path = f'{self.directory.name}/log'
        zones = [word for zone, path in self.files.items() for word in ('--zone', f'{zone}={path}')]
        with open(self.log_path, 'wb') as log:
            self.process = subprocess.Popen(
                [srvplan.DNSD, *zones, '--listen', f'127.0.0.1:{self.port}', '--workers', '1',
                 *self.arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=srvplan.environment())
        return self

    def log(self):
        with open(self.log_path, encoding='utf-8', errors='replace') as log:
            return log.read()

    def wait_for(self, words, count=1, seconds=30):
        """Until the log has the words so many times."""
        end = time.monotonic() + seconds
        while self.log().count(words) < count:
            if self.process.poll() is not None:
                raise AssertionError(f'ended with {self.process.returncode}\n{self.log()}')
            if time.monotonic() > end:
                raise AssertionError(f'no {words!r} in {seconds} s\n{self.log()}')
            time.sleep(0.01)

    def children(self):
        with open(f'/proc/{self.process.pid}/task/{self.process.pid}/children',
                  encoding='ascii') as file:
            return [int(pid) for pid in file.read().split()]

    def __enter__(self):
        self.start()
        try:
            self.wait_for('zone files served')
        except BaseException:
            self.close()
            raise
        return self

    def stop(self, seconds=20):
        """Ends it; returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(seconds)
        if srvplan.SANITIZER.search(self.log()):
            raise AssertionError(f'a sanitizer complains\n{self.log()}')
        return self.process.returncode

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.directory.cleanup()

    def __exit__(self, kind, *_):
        try:
            if kind is None and self.process.poll() is None and self.stop() != 0:
                raise AssertionError(f'exit {self.process.returncode}\n{self.log()}')
        finally:
            self.close()
