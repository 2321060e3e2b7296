# SPDX-License-Identifier: GPL-3.0-or-later
"""What a crowd of TCP connections does to UDP: tcp_many.py BUILD [--rounds N] [--seconds S]

Two servers stand on one processor, the generator of queries and the crowd on another. One server
holds 10,000 connections: 8,000 that ask now and then, 1,000 that send a byte a second and 1,000
that never read. By turns one is asked as fast as it answers while the other, and its crowd, are
stopped. Prints queries a second of both, their medians' ratio (at least 0.9, or it fails), memory
of both, and how soon new TCP clients are answered. In a build with -Dbuildtype=release."""
import argparse
import contextlib
import json
import os
import re
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

IDLE, SLOW, STUCK = 8000, 1000, 1000
LEAST = 0.9
SETTLE_SECONDS = 1
NAME = '_xmpp-client._tcp.example.org.'
QUERY = b'\xbe\xef\0\0\0\1\0\0\0\0\0\0\x0c_xmpp-client\x04_tcp\x07example\x03org\0\0\x21\0\1'


def free_port():
    for _ in range(50):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, \
                socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
            udp.bind(('127.0.0.1', 0))
            with contextlib.suppress(OSError):
                tcp.bind(udp.getsockname())
                return udp.getsockname()[1]
    raise RuntimeError('no free port')


class Bench:
    def __init__(self, arguments, directory, stack):
        self.arguments, self.stack = arguments, stack
        self.image = os.path.join(directory, 'image')
        self.queries = os.path.join(directory, 'queries')
        os.mkdir(self.image)
        subprocess.run([self.tool('tests/support/make_image'), self.image, '1', '100'], check=True)
        with open(self.queries, 'w', encoding='ascii') as file:
            file.write(f'{NAME} 33 0 3\n')

    def tool(self, path):
        return os.path.join(self.arguments.build, path)

    def run(self, processor, *words, **more):
        process = subprocess.Popen(['taskset', '-c', str(processor), *words], text=True, **more)
        self.stack.callback(process.wait)
        self.stack.callback(process.kill)
        return process

    def start_server(self):
        port = free_port()
        server = self.run(self.arguments.cpus[0], self.tool('dnsd/srvplan-dnsd'), '--image',
                          self.image, '--listen', f'127.0.0.1:{port}', '--workers', '1',
                          '--rate-limit', '1000000', stderr=subprocess.PIPE)
        while 'ready' not in (line := server.stderr.readline()):
            if not line:
                raise RuntimeError('the server did not start')
        return server, port

    def start_crowd(self, port):
        crowd = self.run(self.arguments.cpus[1], self.tool('tests/support/tcp_crowd'), str(port),
                         str(IDLE), str(SLOW), str(STUCK), stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE)
        up = crowd.stdout.readline()
        if not up.startswith('up '):
            raise RuntimeError('the crowd did not come up: are there 12,000 open files? (ulimit)')
        print(f'{IDLE + SLOW + STUCK} connections are up in {up.split()[1]} ms')
        return crowd

    def load(self, port):
        done = subprocess.run(
            ['taskset', '-c', str(self.arguments.cpus[1]), self.tool('tests/bench/dns/load'),
             '127.0.0.1', str(port), self.queries, str(self.arguments.seconds)],
            stdout=subprocess.PIPE, text=True, check=True)
        found = json.loads(done.stdout)
        if found['wrong']:
            raise RuntimeError(f'{found["wrong"]} wrong answers')
        return found['answers'] / found['seconds'], found['lost'], found['busy']


def memory_kib(process):
    with open(f'/proc/{process.pid}/smaps_rollup', encoding='ascii') as file:
        return int(re.search(r'^Pss:\s+(\d+)', file.read(), re.M)[1])


def new_client_ms(port):
    start = time.monotonic()
    with socket.create_connection(('127.0.0.1', port), 10, ('127.0.0.9', 0)) as client:
        client.sendall(struct.pack('!H', len(QUERY)) + QUERY)
        if client.recv(4096)[9] != 3:
            raise RuntimeError('a new client got a wrong answer')
    return (time.monotonic() - start) * 1000


def compare(bench, arguments):
    alone, alone_port = bench.start_server()
    crowded, crowded_port = bench.start_server()
    before = memory_kib(crowded)
    crowd = bench.start_crowd(crowded_port)
    rates, new = {'alone': [], 'crowded': []}, []
    for _ in range(arguments.rounds):
        for process in (crowd, crowded):
            process.send_signal(signal.SIGSTOP)
        rate, lost, busy = bench.load(alone_port)
        rates['alone'].append(rate)
        print(f'  alone   {rate:9.0f} queries/s, {lost} lost, generator {busy * 100:.0f} % busy')
        for process in (crowded, crowd):
            process.send_signal(signal.SIGCONT)
        alone.send_signal(signal.SIGSTOP)
        time.sleep(SETTLE_SECONDS)
        rate, lost, busy = bench.load(crowded_port)
        rates['crowded'].append(rate)
        print(f'  crowded {rate:9.0f} queries/s, {lost} lost, generator {busy * 100:.0f} % busy')
        new.append(new_client_ms(crowded_port))
        alone.send_signal(signal.SIGCONT)
    after = memory_kib(crowded)
    said, _ = crowd.communicate('end\n', 30)
    ratio = statistics.median(rates['crowded']) / statistics.median(rates['alone'])
    print(f'the crowd: {said}memory: {before} KiB, with the crowd {after} KiB\n'
          f'new clients: answered in {max(new):.1f} ms at most\n'
          f'UDP with the crowd: {ratio:.3f} of what it is alone (at least {LEAST})')
    return ratio >= LEAST


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('build')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--seconds', type=float, default=3)
    parser.add_argument('--cpus', type=lambda text: [int(word) for word in text.split(',')],
                        default=[0, 1], help='of the servers, of the generators')
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix='srvplan-') as directory, \
            contextlib.ExitStack() as stack:
        return 0 if compare(Bench(arguments, directory, stack), arguments) else 1


if __name__ == '__main__':
    sys.exit(main())
