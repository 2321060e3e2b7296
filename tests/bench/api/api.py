#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the API stands: reads a second on one core, many listeners, the time of a change.

    api.py [nodes] [listeners] [weight] [--listeners 1000] [--domains 100000] [--changes 500]
           [--seconds 5] [--build DIR] [--bars]

`nodes`      GET /nodes, a connection each, srvpland on one processor and the clients on the others:
             answers a second as they came, and as many as one core would give alone (1 s / CPU time
             of an answer), which other work on the machine does not disturb
`listeners`  so many event streams are open while weights change: every listener must get every event,
             once and in order; and the memory that they cost
`weight`     PUT /nodes/{id}/weight: stored on disk and served by dnsd before its 200, one after the
             other; beside it what an fdatasync of this disk takes by itself, and where the time went

A listener that missed something is a failure. With --bars it also exits 1 when a figure misses its
bar: 5,000/s; 50 MB; p99 25 ms.
To be measured in a build without sanitizers."""
import argparse
import json
import os
import resource
import selectors
import socket
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', '..', 'support'))
if '--build' in sys.argv[1:-1]:  # before the harness looks for the programs
    os.environ['SRVPLAN_BUILD_DIR'] = sys.argv[sys.argv.index('--build') + 1]
import srvplan  # noqa: E402

ASK_MANY = os.path.join(srvplan.BUILD, 'tests', 'bench', 'api', 'ask_many')
TICKS = os.sysconf('SC_CLK_TCK')
BAR_READS, BAR_LISTENERS_MB, BAR_P99_MS = 5000, 50, 25
CONNECTIONS = 16


def many_domains(domains, nodes=3):
    """So many domains, a zone each, on one pool."""
    return {
        'srvplan': 1,
        'defaults': {'base': 'pool.example.net', 'ttl': '5m', 'tier': 'primary',
                     'services': ['xmpp-client', 'xmpp-server'],
                     'name_servers': [{'host': 'ns1.pool.example.net'}]},
        'domains': {f'd{number:06}.example.org': {} for number in range(domains)},
        'tiers': {'primary': {'priority': 10}},
        'nodes': {f'xmpp{number:02}': {'addresses': [f'192.0.2.{number + 1}'], 'capacity': 100}
                  for number in range(nodes)},
    }


def cpu_seconds(pid):
    with open(f'/proc/{pid}/stat', encoding='ascii', errors='replace') as stat:
        fields = stat.read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_bytes(pid):
    with open(f'/proc/{pid}/status', encoding='ascii') as status:
        for line in status:
            if line.startswith('VmRSS:'):
                return int(line.split()[1]) * 1024
    raise RuntimeError('no VmRSS')


def percentile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def on_processor(number):
    return ('taskset', '-c', str(number)) if len(os.sched_getaffinity(0)) > 1 else ()


def put_weight(server, node, value):
    """A change over the UNIX socket; the answer."""
    connection = srvplan.UnixConnection(server.socket_path)
    try:
        connection.request('PUT', f'/api/v1/nodes/{node}/weight',
                           json.dumps({'weight': value, 'reason': 'bench'}),
                           {'Content-Type': 'application/json', 'If-Match': '*'})
        reply = srvplan.Reply(connection.getresponse())
    finally:
        connection.close()
    if reply.status != 200:
        raise RuntimeError(f'PUT: {reply}')
    return reply


# ---- reads


def measure_nodes(options):
    """Answers a second of one core."""
    worst = None
    for nodes, domains in ((3, 100), (20, 100)):
        server = srvplan.Server(many_domains(domains, nodes), wrap=on_processor(0))
        with server:
            size = len(server.rest('GET', '/api/v1/nodes').body)
            before = cpu_seconds(server.process.pid)
            done = subprocess.run(
                [*on_processor(1), ASK_MANY, str(server.api_port), '/api/v1/nodes', server.token(),
                 str(CONNECTIONS), str(options.seconds)], capture_output=True, text=True, check=True)
            spent = cpu_seconds(server.process.pid) - before
        got = json.loads(done.stdout)
        if got['not_200'] or got['failed']:
            raise RuntimeError(f'answers that are none: {got}')
        each_us = spent / got['answers'] * 1e6
        print(f'GET /nodes, {nodes} nodes, {size} bytes: {got["answers"] / got["seconds"]:.0f}/s '
              f'over {got["connections"]} connections; {each_us:.0f} us of CPU each, '
              f'{1e6 / each_us:.0f}/s for one core')
        worst = min(worst or 1e9, 1e6 / each_us)
    return worst


# ---- listeners


class Listener:
    def __init__(self, server, token):
        self.socket = socket.create_connection(('127.0.0.1', server.api_port))
        self.socket.sendall(b'GET /api/v1/events HTTP/1.0\r\nHost: localhost\r\n'
                            b'Authorization: Bearer ' + token + b'\r\n\r\n')
        self.socket.setblocking(False)
        self.bytes = bytearray()
        self.has_ended = False

    def take(self):
        try:
            piece = self.socket.recv(256 * 1024)
        except BlockingIOError:
            return
        self.bytes += piece
        self.has_ended = self.has_ended or not piece

    def sequences(self):
        return [int(line.split(b'.')[1]) for line in self.bytes.split(b'\n')
                if line.startswith(b'id: ')]


def read_until(selector, listeners, is_done, seconds):
    """Reads from all until each of them is done."""
    end = time.monotonic() + seconds
    while not all(is_done(listener) for listener in listeners):
        if time.monotonic() > end:
            late = sum(not is_done(listener) for listener in listeners)
            raise RuntimeError(f'{late} of {len(listeners)} listeners still wait')
        for key, _ in selector.select(0.2):
            key.data.take()


def hear(server, listeners, changes):
    """(events, those that some listener missed or got twice)."""
    token = server.token().encode()
    selector = selectors.DefaultSelector()
    before = resident_bytes(server.process.pid)
    everybody = []
    for _ in range(listeners):
        listener = Listener(server, token)
        selector.register(listener.socket, selectors.EVENT_READ, listener)
        everybody.append(listener)
    read_until(selector, everybody, lambda listener: b'event: hello' in listener.bytes, 60)
    open_bytes = resident_bytes(server.process.pid)
    begun = time.monotonic()
    for number in range(changes):
        put_weight(server, 'xmpp00', number % 100 + 1)
        for key, _ in selector.select(0):
            key.data.take()
    last = b'"revision":%d,' % server.status()['revision']

    def has_all(listener):
        return b'event: served' in listener.bytes[listener.bytes.find(last):] if \
            last in listener.bytes else False

    read_until(selector, everybody, has_all, 60)
    seconds = time.monotonic() - begun
    after = max(open_bytes, resident_bytes(server.process.pid))
    wrong = 0
    for listener in everybody:
        got = listener.sequences()
        wrong += listener.has_ended or got != list(range(got[0], got[0] + len(got)))
        listener.socket.close()
    events = min(len(listener.sequences()) for listener in everybody) - 1
    print(f'{listeners} listeners: {events} events of {changes} changes each, in {seconds:.1f} s; '
          f'{wrong} listeners missed one; memory {before / 1e6:.1f} -> {after / 1e6:.1f} MB, '
          f'{(after - before) / 1e6:.1f} MB for them')
    return wrong, (after - before) / 1e6


def measure_listeners(options):
    limit, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(limit, 2 * options.listeners + 200)),
                                                hard))
    server = srvplan.Server(many_domains(100))
    config = os.path.join(server.directory, 'srvplan.jsonc')
    with open(config, 'w', encoding='ascii') as file:
        json.dump({'max-connections': options.listeners + 100, 'max-waiting': options.listeners,
                   'max-connections-per-address': options.listeners + 100}, file)
    try:
        server.start('--config', config)
        found = hear(server, options.listeners, 100)
        server.stop()
    finally:
        server.close()
    return found


# ---- changes


def sync_times_ms(directory, count=200):
    """What the disk takes for 4 KiB, appended and synced."""
    times = []
    path = os.path.join(directory, 'sync')
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    for _ in range(count):
        os.write(descriptor, b'x' * 4096)
        begun = time.monotonic()
        os.fdatasync(descriptor)
        times.append((time.monotonic() - begun) * 1000)
    os.close(descriptor)
    os.unlink(path)
    return times


def parts_of(reply):
    return {part.split(';')[0].strip(): float(part.split('dur=')[1])
            for part in reply.headers['Server-Timing'].split(',')}


def measure_weight(options):
    """p99 in ms."""
    server = srvplan.Server(many_domains(options.domains))
    # Reading so many domains takes a while, longer than the harness waits for others.
    srvplan.START_SECONDS = 300
    with server:
        put_weight(server, 'xmpp00', 50)
        times, rows = [], []
        for number in range(options.changes):
            begun = time.monotonic()
            reply = put_weight(server, 'xmpp00', number % 90 + 1)
            times.append((time.monotonic() - begun) * 1000)
            rows.append(parts_of(reply))
        answer = server.ask(f'_xmpp-client._tcp.d{options.domains - 1:06}.example.org.')
        weights = {record.target.labels[0]: record.weight for record in answer.answer[0]}
        if weights[b'xmpp00'] != (options.changes - 1) % 90 + 1:
            raise RuntimeError(f'dnsd says {weights}')
        syncs = sync_times_ms(server.state)
    print(f'PUT weight, {options.domains} domains, {options.changes} changes: p50 '
          f'{percentile(times, .5):.1f} ms, p99 {percentile(times, .99):.1f} ms, longest '
          f'{max(times):.1f} ms; fdatasync of this disk p50 {percentile(syncs, .5):.1f} ms, p99 '
          f'{percentile(syncs, .99):.1f} ms')
    print('    of it (median, p99): ' + ', '.join(
        f'{part} {statistics.median(row[part] for row in rows):.1f}, '
        f'{percentile([row[part] for row in rows], .99):.1f}' for part in rows[0]))
    return percentile(times, .99)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', 1)[0])
    parser.add_argument('parts', nargs='*', help='nodes, listeners, weight')
    parser.add_argument('--listeners', type=int, default=1000)
    parser.add_argument('--domains', type=int, default=100000)
    parser.add_argument('--changes', type=int, default=500)
    parser.add_argument('--seconds', type=float, default=5)
    parser.add_argument('--build')
    parser.add_argument('--bars', action='store_true')
    options = parser.parse_args()
    parts = options.parts or ['nodes', 'listeners', 'weight']
    missed = []
    if 'nodes' in parts and measure_nodes(options) < BAR_READS:
        missed.append(f'{BAR_READS} reads a second')
    if 'listeners' in parts:
        wrong, cost_mb = measure_listeners(options)
        if wrong:
            print(f'{wrong} listeners missed an event')
            return 1
        if cost_mb > BAR_LISTENERS_MB:
            missed.append(f'{BAR_LISTENERS_MB} MB')
    if 'weight' in parts and measure_weight(options) > BAR_P99_MS:
        missed.append(f'p99 {BAR_P99_MS} ms')
    for bar in missed:
        print(f'MISSED: {bar}')
    return 1 if missed and options.bars else 0


if __name__ == '__main__':
    sys.exit(main())
