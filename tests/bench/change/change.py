#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a command's start to the first new answer: srvplan and the others, many domains on one pool.

    change.py [--sizes 1,1000,10000,100000] [--servers srvplan,nsd,…] [--rounds 3] [--json FILE]
    change.py --chain [--sizes 1,100000] [--rounds 20]      where our own time goes

N domains, a zone each, point at one pool in another zone. One node's weight is changed for all of
them, with the command that each server has for it, and three domains (first, middle, last) are
asked all the while (first_answer.c). For those that read zone files the new files are written before
the time starts; ours starts with `srvplan weight`: planning, the store, the image, the hand-over and
the acknowledgement are in it, and so they are for `srvplan drain` and `undrain`.

The others' files lie in memory where there is /dev/shm, which favours them; ours on the disk.

Printed are medians, in milliseconds; large sizes of slow servers run once. A server that is not
installed is skipped, and the report says so. Beside the table: for how long the domains disagreed, polls
that were lost, and the longest silence."""
import argparse
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', '..', 'support'))
sys.path.insert(0, HERE)
if '--build' in sys.argv[1:-1]: # before the harness looks for the programs
    os.environ['SRVPLAN_BUILD_DIR'] = sys.argv[sys.argv.index('--build') + 1]
import srvplan  # noqa: E402
import others  # noqa: E402

FIRST_ANSWER = os.path.join(srvplan.BUILD, 'tests', 'bench', 'change', 'first_answer')
TIMEOUT_SECONDS = 300
COLUMNS = ('first', 'middle', 'last', 'all', 'disagree', 'command', 'silence')


def measure(port, names, command, stdin=None):
    """What first_answer found."""
    if not shutil.which(command[0]):
        raise others.peers.Missing(f'{command[0]} is not installed')
    done = subprocess.run(
        [FIRST_ANSWER, str(port), names, str(TIMEOUT_SECONDS), *(['-i', stdin] if stdin else []),
         '--', *command], capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1) or not done.stdout:
        raise RuntimeError(f'{" ".join(command)[:200]}: {done.stderr.strip()}')
    found = json.loads(done.stdout)
    if found['status'] != 0:
        print(f'  {" ".join(command)[:120]}: exit {found["status"]}: {done.stderr.strip()[-300:]}',
              file=sys.stderr)
    return found


# ---- ours


def our_inventory(size):
    return {
        'srvplan': 1,
        'defaults': {'base': 'pool.example.net', 'ttl': '5m', 'tier': 'primary',
                     'services': ['xmpp-client', 'xmpp-server'],
                     'name_servers': [{'host': 'ns1.pool.example.net'}]},
        'domains': {f'd{number:06}.example.org': {} for number in range(size)},
        'tiers': {'primary': {'priority': 10}},
        'nodes': {f'xmpp{number}': {'addresses': [f'192.0.2.{number}'], 'capacity': capacity}
                  for number, capacity in ((1, 200), (2, 120), (3, 80))},
    }


class Ours:
    """srvpland and srvplan-dnsd; each method makes the commands of one change, there and back."""

    changes = ('weight', 'drain', 'undrain')

    def __init__(self, size, _directory):
        self.server = srvplan.Server(our_inventory(size), workers=1, rate_limit=1000000)
        self.value = 100
        self.rounds = lambda rounds: rounds

    def __enter__(self):
        self.server.__enter__()
        self.port = self.server.dns_port
        return self

    def __exit__(self, *three):
        self.server.__exit__(*three)

    def command(self, change):
        words = {'weight': ['weight', 'xmpp1', f'{self.value % 90 + 1}%', '-m', 'bench'],
                 'drain': ['drain', 'xmpp2', '-y', '-m', 'bench'],
                 'undrain': ['undrain', 'xmpp2']}[change]
        self.value += 1
        socket = os.path.join(self.server.state, 'api.sock')
        return [srvplan.SRVPLAN, *words, '--socket', socket], None


# ---- ours, part by part


def timing_of(said):
    """{'plan': ms, …} from what `srvplan -v` says of the change."""
    found = re.search(r'plan;dur=.*', said)
    if not found:
        raise RuntimeError(f'no Server-Timing in: {said}')
    return {part.split(';')[0].strip(): float(part.split('dur=')[1])
            for part in found[0].split(',')}


def timed_ms(run):
    begin = time.monotonic()
    run()
    return (time.monotonic() - begin) * 1000


def print_chain(size, rounds):
    """Where the time of `srvplan weight` goes: medians of so many changes."""
    with Ours(size, None) as ours:
        rows = []
        for _ in range(rounds):
            row = {'cli': timed_ms(lambda: srvplan.command('--version', check=srvplan.OK)),
                   'read': timed_ms(lambda: ours.server.get('/nodes/xmpp1'))}
            words, _ = ours.command('weight')
            begin = time.monotonic()
            done = subprocess.run([*words, '-v'], capture_output=True, text=True, check=True)
            row['whole'] = (time.monotonic() - begin) * 1000
            row.update(timing_of(done.stderr))
            row['rest'] = row['whole'] - sum(row[key] for key in row if key != 'whole')
            rows.append(row)
    row = median_of(rows)
    meanings = {'cli': 'start of the command (as for --version)', 'read': 'GET of the node, its ETag',
                'plan': 'planning', 'image': 'answers.img rendered, written, fsynced',
                'store': 'commit, fsynced', 'serve': 'rename, fsync, hand-over, acknowledgement, noted',
                'rest': 'HTTP, the new view, printing', 'whole': 'the command'}
    print(f'srvplan weight, {size} domains, ms (medians of {rounds}):')
    for key, meaning in meanings.items():
        print(f'  {row[key]:8.2f}  {key:<6} {meaning}')


# ---- the run


def names_file(directory, size):
    path = os.path.join(directory, f'names-{size}')
    with open(path, 'w', encoding='ascii') as file:
        file.writelines(f'_xmpp-client._tcp.d{number:06}.example.org\n' for number in range(size))
    return path


def median_of(rows):
    return {key: statistics.median(row[key] for row in rows) for key in rows[0]}


def row_text(name, size, row, rounds):
    numbers = ' '.join(f'{row[key]:10.1f}' for key in COLUMNS)
    stale = f'  {row["stale"]:.0f} domains never' if row['stale'] else ''
    return f'{name:<26} {size:>7} {numbers} {row["lost"]:6.0f}/{row["polls"]:<8.0f} {rounds}{stale}'


def run_server(name, kind, size, directory, rounds):
    """Yields a row for each way to change that this server has."""
    names = names_file(directory, size)
    begin = time.monotonic()
    with kind(size, directory) as server:
        print(f'# {name}, {size} domains: up after {time.monotonic() - begin:.1f} s', file=sys.stderr)
        rows = {change: [] for change in server.changes}
        for _ in range(server.rounds(rounds)):
            for change in server.changes:
                command, stdin = server.command(change)
                rows[change].append(measure(server.port, names, command, stdin))
    for change, found in rows.items():
        row = median_of(found)
        print(row_text(f'{name} {change}', size, row, len(found)), flush=True)
        yield {'server': name, 'change': change, 'domains': size, 'rounds': len(found), **row}


def print_ratios(rows):
    """How many times longer than ours it took until all domains had the new answer."""
    for size in sorted({row['domains'] for row in rows}):
        here = {f'{row["server"]} {row["change"]}': row for row in rows if row['domains'] == size}
        ours = here.pop('srvplan weight', None)
        others_here = [f'{name} {row["all"] / ours["all"]:.1f} ×' for name, row in here.items()
                       if ours and not name.startswith('srvplan') and row['all'] > 0]
        if others_here:
            print(f'{size} domains, all of them, against {ours["all"]:.1f} ms of srvplan weight: '
                  + ', '.join(others_here))


def choose_place(name):
    """Where directories are made for that server."""
    shared = '/dev/shm'
    is_other = name != 'srvplan' and os.access(shared, os.W_OK)
    tempfile.tempdir = shared if is_other else None


def main():
    parser = argparse.ArgumentParser(description='times from a command to the new answer')
    servers = {'srvplan': Ours, **others.KINDS}
    parser.add_argument('--sizes', default='1,1000,10000,100000')
    parser.add_argument('--servers', default=','.join(servers))
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--build', help='the build directory (default: SRVPLAN_BUILD_DIR, build)')
    parser.add_argument('--chain', action='store_true', help='only ours, part by part')
    parser.add_argument('--json')
    options = parser.parse_args()
    if options.chain:
        for size in map(int, options.sizes.split(',')):
            print_chain(size, max(options.rounds, 3))
        return
    found, skipped = [], []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143)) # servers end with us
    os.environ['PATH'] += ':/usr/sbin' # rndc, knotc and others
    print(f'{"server, change":<26} {"domains":>7} ' + ' '.join(f'{key:>10}' for key in COLUMNS) +
          '   lost/polls    rounds   (ms, medians)')
    for size in map(int, options.sizes.split(',')):
        for name in options.servers.split(','):
            choose_place(name)
            with tempfile.TemporaryDirectory(prefix='srvplan-change-') as directory:
                try:
                    found += run_server(name, servers[name], size, directory, options.rounds)
                except (*others.SKIPPED, RuntimeError) as why:
                    skipped.append(f'{name} at {size} domains: {why}')
                    print(f'{name:<26} {size:>7} skipped: {why}', flush=True)
    print_ratios(found)
    if skipped:
        print('skipped: ' + '; '.join(skipped))
    if options.json:
        with open(options.json, 'w', encoding='utf-8') as file:
            json.dump({'rows': found, 'skipped': skipped}, file, indent=1)


if __name__ == '__main__':
    main()
