# SPDX-License-Identifier: GPL-3.0-or-later
"""What a query costs: us, the other servers, and a bare echo, on this machine, one after another.

    bench_dns.py BUILD [--sets srv,mix,d10k,d100k] [--servers srvplan,srvplan+cookies,gdnsd,…]
                 [--rounds 5] [--seconds 3] [--cpus 0,1] [--json FILE] [--directory DIR]
    bench_dns.py BUILD --start [--sets d100k]

BUILD is a build with -Dbuildtype=release. For each set (world.py) all servers are started, and each
round gives each of them, in turn, so many seconds of load: server on one processor, `load` on the
other, 128 queries out. So a slow minute of the machine is a slow minute for all. The echo sends as
many bytes as we do on that set. Every answer is looked at (load.c).

The servers are started as in production, with one worker. Ours has cookies and statistics on, and
its rate limit at work with a limit that is not reached. All get the same queries, EDNS without
options; "srvplan+cookies" is our server once more, asked by clients that send a cookie, which costs
it a hash, and each answer 28 bytes (its echo is as much longer). "srvplan+zones", if named, is ours
over the zone files (--zone) in place of an image.

How to read the table (medians over the rounds; sorted by the first number):

    q/CPU-s   answers per second of the server's processor time: what a core can do
    x echo    the same as a part of what the echo of our size does: 1 would be a server for nothing
    µs        processor time of an answer, all of it, in the server's own code, in the kernel. How it
              is parted comes from the kernel's ticks, of all rounds together: 250 samples a second
              of work, so 15 rounds' seconds of it give the user part within a few percent
    q/s       answers per second; when load is busier than 0.9, or the server is not the bottleneck
              for another reason, only the columns before mean something
    bytes     mean length of an answer, and how much of it is additional records. Targets in another
              zone have their addresses in our answers, and in nobody else's
    PSS       memory of all processes of the server, shared pages counted in part
    load      how busy load was
    wrong     answers that were not as they must be; lost: queries without one

Below it stand the bars, each with PASS or MISS: 0.85 of the echo (0.80 at 100,000 domains), 0.35 µs
in our own code (0.45 there), ahead of everybody, 1.1 times gdnsd where we send addresses, no wrong
answer, no more bytes than Knot for the same records. They hold on a machine that does nothing else.

--start: seconds from exec to the first answer (files in the page cache; median of 9 for us, of 1 for
the others, who read zone files) and PSS then. Bars: 0.1 s, 120 MB at 100,000 domains."""
import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import peers
import world

OWN = ('srvplan', 'srvplan+cookies', 'srvplan+zones')
SETS = ('srv', 'mix', 'd10k', 'd100k')
STARTS = 9


class Srvplan(peers.Server):
    """Ours, from the image of the same zones."""

    program = 'srvplan-dnsd'
    build = None # set once, from the command line

    def binary(self):
        return os.path.join(self.build, 'dnsd', 'srvplan-dnsd')

    def configure(self):
        image = self.zone_directory + '.image'
        if not os.path.exists(os.path.join(image, 'answers.img')):
            os.makedirs(image, exist_ok=True)
            tool = os.path.join(self.build, 'tests', 'bench', 'dns', 'image_of_zones')
            subprocess.run([tool, self.zone_directory, image], check=True,
                           stdout=subprocess.DEVNULL)
        self.image = image

    def content(self):
        return ['--image', self.image]

    def arguments(self):
        return [*self.content(), '--listen', f'{peers.HOST}:{self.port}', '--workers', '1',
                '--rate-limit', '1000000']


class SrvplanZones(Srvplan):
    """Ours, from the zone files themselves; it wants them named *.zone."""

    def configure(self):
        os.mkdir(self.path('zones'))
        for zone in self.zones:
            os.symlink(os.path.join(self.zone_directory, zone), self.path(f'zones/{zone}.zone'))

    def content(self):
        return ['--zone', self.path('zones')]


class Echo(peers.Server):
    """The floor."""

    def __init__(self, size, build, planted=()):
        super().__init__(os.path.dirname(os.path.abspath(__file__)))
        self.size, self.build, self.planted = size, build, planted

    def binary(self):
        return os.path.join(self.build, 'tests', 'bench', 'dns', 'echo')

    def arguments(self):
        return [str(self.port), str(self.size), *self.planted]

    def start(self, cpu=None, wait_s=0.02):
        self.process = subprocess.Popen([self.binary(), *self.arguments()])
        time.sleep(0.1) # it binds at once
        if cpu is not None:
            self.pin({cpu})
        return self


OWN_KINDS = {'srvplan': Srvplan, 'srvplan+zones': SrvplanZones}


class Row:
    """A server in the table, and what its rounds gave."""

    def __init__(self, name, server, cookies=False):
        self.name, self.server, self.cookies, self.rounds = name, server, cookies, []

    def run(self, queries, arguments, seconds):
        before, busy = self.server.cpu_seconds(), self.server.busy_seconds()
        more = ['--cookie'] * self.cookies + ['--echo'] * isinstance(self.server, Echo)
        done = subprocess.run(
            ['taskset', '-c', str(arguments.cpus[1]),
             os.path.join(arguments.build, 'tests', 'bench', 'dns', 'load'), peers.HOST,
             str(self.server.port), queries, str(seconds), '128', *more],
            stdout=subprocess.PIPE, text=True, check=False)
        if not done.stdout:
            raise peers.Failed(f'load ended with {done.returncode}')
        found = json.loads(done.stdout)
        after, busy = self.server.cpu_seconds(), self.server.busy_seconds() - busy
        user, kernel = after[0] - before[0], after[1] - before[1]
        answers = max(found['answers'], 1)
        found.update(cpu_s=busy, rate=answers / found['seconds'], per_cpu_s=answers / busy,
                     us=busy / answers * 1e6, user_s_server=user, ticked_s_server=user + kernel)
        return found

    def result(self):
        """Medians; wrong and lost are sums."""
        middle = {key: statistics.median(found[key] for found in self.rounds)
                  for key in self.rounds[0]}
        # Ticks are few: the parts of all rounds together.
        part = sum(found['user_s_server'] for found in self.rounds) / max(
            sum(found['ticked_s_server'] for found in self.rounds), 1 / peers.TICKS)
        middle.update(user_us=middle['us'] * part, kernel_us=middle['us'] * (1 - part))
        middle['wrong'] = sum(found['wrong'] for found in self.rounds)
        middle['lost'] = sum(found['lost'] for found in self.rounds)
        middle['pss_bytes'] = self.server.pss_bytes()
        middle['start_s'] = self.server.started_after
        return middle


def start(name, world_set, arguments):
    if name not in OWN_KINDS:
        return peers.start(name, world_set.zones, arguments.cpus[0])
    server = OWN_KINDS[name](world_set.zones)
    try:
        return server.start(arguments.cpus[0])
    except BaseException:
        server.close()
        raise


def start_all(world_set, arguments, stack):
    """The rows of a set, each server running; the echoes come last, they need our sizes."""
    rows, running = [], {}
    for name in arguments.servers:
        which = name.removesuffix('+cookies') # the same server for both
        try:
            if which not in running:
                running[which] = start(which, world_set, arguments)
                stack.callback(running[which].close)
        except peers.Missing as missing:
            print(f'{world_set.name}: SKIPPED {name}: {missing}', flush=True)
            continue
        rows.append(Row(name, running[which], cookies=name.endswith('+cookies')))
    for row in rows[:]:
        warm = row.run(world_set.queries, arguments, max(1, arguments.seconds / 3))
        if warm['wrong']:
            print(f'{world_set.name}: {row.name}: {warm["wrong"]} wrong answers of '
                  f'{warm["answers"]} in the first second', flush=True)
        if row.name in OWN:
            echo = Echo(round(warm['answer_bytes']), arguments.build)
            stack.callback(echo.close)
            rows.append(Row('echo' + row.name.removeprefix('srvplan'),
                            echo.start(arguments.cpus[0])))
    return rows


def measure(name, arguments):
    world_set = world.World(name, arguments.directory)
    with contextlib.ExitStack() as stack:
        rows = start_all(world_set, arguments, stack)
        for _ in range(arguments.rounds):
            for row in rows:
                row.rounds.append(row.run(world_set.queries, arguments, arguments.seconds))
        return {row.name: row.result() for row in rows}


# ---- what is printed

def table(name, results):
    echo = next((found for row, found in results.items() if row.startswith('echo')), None)
    print(f'\n{name}\n{"":16}{"q/CPU-s":>9}{"x echo":>8}{"µs":>7}{"user":>6}{"kernel":>8}{"q/s":>9}'
          f'{"bytes":>7}{"addit.":>8}{"PSS MB":>8}{"load":>6}{"wrong":>7}{"lost":>6}')
    for row, found in sorted(results.items(), key=lambda item: -item[1]['per_cpu_s']):
        own_echo = results.get('echo' + row.removeprefix('srvplan')) if row in OWN else echo
        part = f'{found["per_cpu_s"] / own_echo["per_cpu_s"]:.2f}' if own_echo else '-'
        print(f'{row:16}{found["per_cpu_s"]:9.0f}{part:>8}{found["us"]:7.2f}{found["user_us"]:6.2f}'
              f'{found["kernel_us"]:8.2f}{found["rate"]:9.0f}{found["answer_bytes"]:7.1f}'
              f'{found["additional_bytes"]:8.1f}{found["pss_bytes"] / 1e6:8.1f}'
              f'{found["busy"]:6.2f}{found["wrong"]:7.0f}{found["lost"]:6.0f}', flush=True)


def bars(name, results):
    """(what, seen, wanted, passed)"""
    large, found = name == 'd100k', []
    others = {key: value for key, value in results.items()
              if key not in OWN and not key.startswith('echo')}
    for own in OWN:
        ours, echo = results.get(own), results.get('echo' + own.removeprefix('srvplan'))
        if not ours:
            continue
        want = 0.80 if large else 0.85
        ratio = ours['per_cpu_s'] / echo['per_cpu_s']
        found.append((f'{own}: part of the echo', f'{ratio:.3f}', f'>= {want}', ratio >= want))
        want = 0.45 if large else 0.35
        found.append((f'{own}: µs in our own code', f'{ours["user_us"]:.3f}', f'<= {want}',
                      ours['user_us'] <= want))
        found.append((f'{own}: wrong answers', f'{ours["wrong"]:.0f}', '0', ours['wrong'] == 0))
        for other, theirs in sorted(others.items()):
            times = ours['per_cpu_s'] / theirs['per_cpu_s']
            want = 1.1 if other == 'gdnsd' and ours['additional_bytes'] > 0 else 1.0
            found.append((f'{own}: times {other}', f'{times:.2f}', f'> {want}', times > want))
    if 'srvplan' in results and 'knot' in results:
        found.append(compare_bytes(results['srvplan'], results['knot']))
    return found


def compare_bytes(ours, knot):
    """Whoever says more has more bytes, so without what only we say."""
    bytes_of = {key: value['answer_bytes'] for key, value in (('ours', ours), ('knot', knot))}
    if knot['additional_bytes'] == 0:
        bytes_of['ours'] -= ours['additional_bytes']
    return ('bytes, Knot\'s ' + f'{bytes_of["knot"]:.1f}', f'{bytes_of["ours"]:.1f}', '<= Knot\'s',
            bytes_of['ours'] <= bytes_of['knot'] + 0.05)


def print_bars(name, rows):
    for what, seen, wanted, passed in rows:
        print(f'{"PASS" if passed else "MISS"}  {name}: {what}: {seen} (bar: {wanted})', flush=True)
    return all(passed for *_, passed in rows)


# ---- starts

def measure_starts(name, arguments):
    world_set = world.World(name, arguments.directory)
    results = {}
    for kind in arguments.servers:
        if kind == 'srvplan+cookies':
            continue
        seconds, pss = [], 0
        try:
            for _ in range(STARTS if kind == 'srvplan' else 1):
                server = {**OWN_KINDS, **peers.KINDS}[kind](world_set.zones)
                try:
                    seconds.append(server.start(wait_s=0.0005).started_after)
                    pss = server.pss_bytes()
                finally:
                    server.close()
        except (peers.Missing, peers.Failed) as problem:
            print(f'{name}: SKIPPED {kind}: {problem}', flush=True)
            continue
        results[kind] = {'start_s': statistics.median(seconds), 'pss_bytes': pss}
        print(f'{name}: {kind:12} first answer after {results[kind]["start_s"] * 1000:9.1f} ms, '
              f'PSS {pss / 1e6:7.1f} MB', flush=True)
    ours = results.get('srvplan')
    found = []
    if ours:
        found = [('first answer', f'{ours["start_s"] * 1000:.1f} ms', '<= 100 ms',
                  ours['start_s'] <= 0.1),
                 ('PSS', f'{ours["pss_bytes"] / 1e6:.1f} MB', '<= 120 MB',
                  ours['pss_bytes'] <= 120e6)]
    return results, found


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    split = lambda text: text.split(',')
    parser.add_argument('build')
    parser.add_argument('--sets', type=split)
    parser.add_argument('--servers', type=split, default=[*OWN, *(k for k in peers.KINDS
                                                                  if k != 'pdns-sqlite')])
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--seconds', type=float, default=3)
    parser.add_argument('--cpus', type=lambda text: [int(word) for word in split(text)],
                        default=[0, 1])
    parser.add_argument('--json')
    parser.add_argument('--directory', help='keeps zones and images there (default: a new one)')
    parser.add_argument('--start', action='store_true')
    arguments = parser.parse_args()
    for given, known, what in ((arguments.servers, [*OWN, *peers.KINDS], 'servers'),
                               (arguments.sets or [], list(SETS), 'sets')):
        if unknown := [word for word in given if word not in known]:
            parser.error(f'--{what}: no {", ".join(unknown)}; there are {", ".join(known)} (the '
                         'echo always runs)')
    arguments.build = Srvplan.build = os.path.abspath(arguments.build)
    arguments.sets = arguments.sets or (['d100k'] if arguments.start else list(SETS))
    return arguments


def main():
    arguments, passed, everything = parse(), True, {}
    with contextlib.ExitStack() as stack:
        if arguments.directory:
            os.makedirs(arguments.directory, exist_ok=True)
        else:
            arguments.directory = stack.enter_context(tempfile.TemporaryDirectory())
        for name in arguments.sets:
            if arguments.start:
                results, rows = measure_starts(name, arguments)
            else:
                results = measure(name, arguments)
                rows = bars(name, results)
                table(name, results)
            passed &= print_bars(name, rows)
            everything[name] = results
    if arguments.json:
        with open(arguments.json, 'w', encoding='utf-8') as file:
            json.dump(everything, file, indent=1)
    return 0 if passed else 1


if __name__ == '__main__':
    sys.exit(main())
