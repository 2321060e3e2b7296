# SPDX-License-Identifier: GPL-3.0-or-later
"""What a crowd of TCP connections does to UDP: tcp_many.py BUILD [--rounds N] [--seconds S]

Two servers stand on one processor, the generator of queries and the crowd on another. One server
holds 10,000 connections: 8,000 that ask now and then, 1,000 that send a byte a second and 1,000
that never read. By turns one is asked as fast as it answers while the other, and its crowd, are
stopped. Prints queries a second of both, their medians' ratio, memory of both, and how soon new TCP
clients are answered. Fails when the ratio is below 0.9. Where the processor is shared with others the
ratio of rates says little; then it is computed from what a UDP query costs its thread and what time the
TCP thread takes, which is the same where the processor is the server's alone, and printed anyhow. In a
build with -Dbuildtype=release."""
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

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
from ports import free_port  # noqa: E402

IDLE, SLOW, STUCK = 8000, 1000, 1000
LEAST = 0.9
SETTLE_SECONDS = 1
OWN_SHARE = 0.9  # with less of the processor, others had it too
NAME = '_xmpp-client._tcp.example.org.'
QUERY = b'\xbe\xef\0\0\0\1\0\0\0\0\0\0\x0c_xmpp-client\x04_tcp\x07example\x03org\0\0\x21\0\1'


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
        while ' ready ' not in (line := server.stderr.readline()):
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

    def load(self, server, port):
        """What one server does under load: rate, and time of the threads a second and a query."""
        before, start = thread_seconds(server), time.monotonic()
        done = subprocess.run(
            ['taskset', '-c', str(self.arguments.cpus[1]), self.tool('tests/bench/dns/load'),
             '127.0.0.1', str(port), self.queries, str(self.arguments.seconds)],
            stdout=subprocess.PIPE, text=True, check=True)
        found = json.loads(done.stdout)
        if found['wrong']:
            raise RuntimeError(f'{found["wrong"]} wrong answers')
        wall = time.monotonic() - start
        spent = {name: seconds - before[name] for name, seconds in thread_seconds(server).items()}
        return {'rate': found['answers'] / found['seconds'], 'lost': found['lost'],
                'udp_us': spent['udp'] / found['answers'] * 1e6, 'tcp_share': spent['tcp'] / wall,
                'share': sum(spent.values()) / wall}


def thread_seconds(process):
    """Time on a processor of the UDP thread, which is second of all, and the TCP thread, the third."""
    tasks = sorted(map(int, os.listdir(f'/proc/{process.pid}/task')))
    found = {}
    for name, task in zip(('udp', 'tcp'), tasks[1:]):
        with open(f'/proc/{process.pid}/task/{task}/schedstat', encoding='ascii') as file:
            found[name] = int(file.read().split()[0]) / 1e9
    return found


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


def report(rounds, said, memory, new):
    """Prints; true: UDP goes on as it should."""
    middle = {who: {key: statistics.median(found[key] for found in rounds[who])
                    for key in rounds[who][0]} for who in rounds}
    alone, crowded = middle['alone'], middle['crowded']
    rates = crowded['rate'] / alone['rate']
    costs = alone['udp_us'] / crowded['udp_us'] * (1 - crowded['tcp_share'])
    is_shared = min(alone['share'], crowded['share']) < OWN_SHARE
    ratio = costs if is_shared else rates
    print(f'the crowd: {said}memory: {memory[0]} KiB, with the crowd {memory[1]} KiB\n'
          f'new clients: answered in {max(new):.1f} ms at most\n'
          f'a UDP query: {alone["udp_us"]:.2f} us, with the crowd {crowded["udp_us"]:.2f} us; '
          f'TCP takes {crowded["tcp_share"] * 100:.1f} % of the processor\n'
          f'UDP with the crowd: {rates:.3f} of the rate, by cost {costs:.3f}; '
          f'{"shared processor: cost counts" if is_shared else "the rate counts"}, '
          f'at least {LEAST}: {"yes" if ratio >= LEAST else "NO"}')
    return ratio >= LEAST


def compare(bench, arguments):
    alone, alone_port = bench.start_server()
    crowded, crowded_port = bench.start_server()
    before = memory_kib(crowded)
    crowd = bench.start_crowd(crowded_port)
    rounds, new = {'alone': [], 'crowded': []}, []

    def measure(who, server, port):
        found = bench.load(server, port)
        rounds[who].append(found)
        print(f'  {who:7} {found["rate"]:9.0f} queries/s, {found["lost"]} lost, '
              f'{found["udp_us"]:.2f} us each, {found["share"] * 100:.0f} % of the processor')

    for _ in range(arguments.rounds):
        for process in (crowd, crowded):
            process.send_signal(signal.SIGSTOP)
        measure('alone', alone, alone_port)
        for process in (crowded, crowd):
            process.send_signal(signal.SIGCONT)
        alone.send_signal(signal.SIGSTOP)
        time.sleep(SETTLE_SECONDS)
        measure('crowded', crowded, crowded_port)
        new.append(new_client_ms(crowded_port))
        alone.send_signal(signal.SIGCONT)
    after = memory_kib(crowded)
    said, _ = crowd.communicate('end\n', 30)
    return report(rounds, said, (before, after), new)


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
