# SPDX-License-Identifier: GPL-3.0-or-later
"""The other servers, each as Debian ships it, on a free loopback port with one worker, neither RRL
nor logs, from a directory with one file a zone.

    with peers.start('knot', '/tmp/zones') as server:
        ... server.port, server.pids(), server.cpu_seconds(), server.pss_bytes()

The directory holds nothing but zone files, each named as its zone without the last dot; its lines
are `OWNER TTL IN TYPE RDATA` with absolute names, the SOA first (what world.py writes; the one for
SQL reads just that). start() returns when the server answers the first zone, the last one and some
between; it raises Missing when the program is not installed, and Failed, with its log, when it ends
or takes too long. close() ends what was started, by process id.

`control=True` also opens the door by which the server is told of changes: `server.control` is the
command line that goes before the words ("reload", …), for PowerDNS the address and the key of its
API. `server.directory` has configuration and log (and the data base: pdns.sqlite3)."""
import contextlib
import os
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'support'))
from ports import free_port  # noqa: E402

HOST = '127.0.0.1'
START_SECONDS = 300
TICKS = os.sysconf('SC_CLK_TCK')
SOA, A, SRV = 6, 1, 33


class Missing(Exception):
    """The program is not installed."""


class Failed(Exception):
    """The program did not start."""


def wire_name(text):
    labels = [label for label in text.rstrip('.').split('.') if label]
    return b''.join(bytes([len(label)]) + label.encode('ascii') for label in labels) + b'\0'


def make_query(name, rdtype=SOA, number=0, option=b''):
    """A query with EDNS, 1232 bytes; `option` is the RDATA of its OPT."""
    return (struct.pack('>6H', number, 0, 1, 0, 0, 1) + wire_name(name) +
            struct.pack('>2H', rdtype, 1) + b'\0' +
            struct.pack('>2HLH', 41, 1232, 0, len(option)) + option)


def answers(port, name, rdtype=SOA, timeout=0.25):
    """True when the server at that port has an answer, and not a refusal."""
    query = make_query(name, rdtype, os.getpid() & 0xFFFF)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(timeout)
        sock.connect((HOST, port))
        try:
            sock.send(query)
            answer = sock.recv(4096)
        except OSError:
            return False
    return (len(answer) > 12 and answer[:2] == query[:2] and answer[3] & 15 == 0 and
            struct.unpack('>H', answer[6:8])[0] > 0)


def children(pid):
    found = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f'/proc/{pid}/task'):
            with contextlib.suppress(OSError), \
                    open(f'/proc/{pid}/task/{task}/children', encoding='ascii') as file:
                found += [int(word) for word in file.read().split()]
    return found


class Server:
    """What all have in common. A kind says its program, its files and its arguments."""

    program = None
    stop_signal = signal.SIGTERM
    sends_addresses = True

    def __init__(self, zone_directory, control=False):
        self.zone_directory = os.path.abspath(zone_directory)
        self.zones = sorted(os.listdir(zone_directory))
        self.with_control, self.control = control, None
        self.port, self.process, self.started_after = free_port(), None, None
        self.directory = tempfile.mkdtemp(prefix=f'srvplan-bench-{type(self).__name__.lower()}-')

    # ---- of each kind

    def configure(self):
        """Writes the files."""

    def arguments(self):
        raise NotImplementedError

    # ---- life

    def binary(self):
        path = shutil.which(self.program, path=os.environ.get('PATH', '') + ':/usr/sbin')
        if not path:
            raise Missing(f'{self.program} is not installed')
        return path

    def start(self, cpu=None, wait_s=0.02):
        """Returns when zones all over the list are answered; pins it to the processor then."""
        binary = self.binary()
        self.configure()
        begin = time.monotonic()
        with open(self.path('log'), 'ab') as log:
            self.process = subprocess.Popen([binary, *self.arguments()], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, cwd=self.directory)
        steps = min(20, len(self.zones) - 1)
        waited = [self.zones[(len(self.zones) - 1) * (steps - i) // max(steps, 1)]
                  for i in range(steps + 1)]
        while waited:
            if answers(self.port, waited[0]):
                waited.pop(0)
                continue
            if self.process.poll() is not None:
                raise Failed(f'{self.program} ended with {self.process.returncode}\n{self.log()}')
            if time.monotonic() - begin > START_SECONDS:
                raise Failed(f'{self.program}: no answer for {waited[0]}\n{self.log()}')
            time.sleep(wait_s)
        self.started_after = time.monotonic() - begin
        if cpu is not None:
            self.pin({cpu})
        return self

    def pin(self, cpus):
        for pid in self.pids():
            for task in os.listdir(f'/proc/{pid}/task'):
                with contextlib.suppress(OSError):
                    os.sched_setaffinity(int(task), cpus)

    def close(self):
        if self.process and self.process.poll() is None:
            pids = self.pids()
            self.process.send_signal(self.stop_signal)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                for pid in pids:
                    with contextlib.suppress(OSError):
                        os.kill(pid, signal.SIGKILL)
                self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # ---- what it costs

    def pids(self):
        found = [self.process.pid]
        for pid in found:
            found += children(pid)
        return found

    def cpu_seconds(self):
        """(user, kernel) of all its processes and threads. The sum is exact, how it is parted comes
        from the ticks: good for what takes a second or more."""
        user = kernel = 0
        for pid in self.pids():
            with contextlib.suppress(OSError), \
                    open(f'/proc/{pid}/stat', encoding='ascii', errors='replace') as file:
                fields = file.read().rsplit(')', 1)[1].split()
                user, kernel = user + int(fields[11]), kernel + int(fields[12])
        return user / TICKS, kernel / TICKS

    def busy_seconds(self):
        """Time on a processor, in nanoseconds' grain, of the threads that are there."""
        total = 0
        for pid in self.pids():
            with contextlib.suppress(OSError):
                for task in os.listdir(f'/proc/{pid}/task'):
                    with contextlib.suppress(OSError), \
                            open(f'/proc/{pid}/task/{task}/schedstat', encoding='ascii') as file:
                        total += int(file.read().split()[0])
        return total / 1e9

    def pss_bytes(self):
        total = 0
        for pid in self.pids():
            with contextlib.suppress(OSError), \
                    open(f'/proc/{pid}/smaps_rollup', encoding='ascii') as file:
                total += sum(int(line.split()[1]) for line in file if line.startswith('Pss:'))
        return total * 1024

    # ---- files

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, text):
        with open(self.path(name), 'w', encoding='ascii') as file:
            file.write(text)
        return self.path(name)

    def log(self):
        with open(self.path('log'), encoding='utf-8', errors='replace') as file:
            return file.read()[-4000:]


class Nsd(Server):
    program = 'nsd'

    def configure(self):
        at = self.directory
        text = (f'server:\n ip-address: {HOST}@{self.port}\n server-count: 1\n username: ""\n'
                f' chroot: ""\n database: ""\n zonesdir: "{self.zone_directory}"\n'
                f' pidfile: "{at}/pid"\n xfrdfile: "{at}/xfrd"\n zonelistfile: "{at}/list"\n'
                f' xfrdir: "{at}"\n rrl-ratelimit: 0\n rrl-whitelist-ratelimit: 0\n'
                ' verbosity: 0\n zonefiles-write: 0\nremote-control:\n')
        if self.with_control:
            text += f' control-enable: yes\n control-interface: "{at}/control"\n'
            self.control = ['nsd-control', '-c', self.path('nsd.conf')]
        else:
            text += ' control-enable: no\n'
        zones = ''.join(f'zone:\n name: "{zone}"\n zonefile: "{zone}"\n' for zone in self.zones)
        self.write('nsd.conf', text + zones)

    def arguments(self):
        return ['-d', '-c', self.path('nsd.conf')]


class Knot(Server):
    program = 'knotd'

    def configure(self):
        at = self.directory
        self.control = ['knotc', '-s', self.path('control')]
        text = (f'server:\n    rundir: "{at}"\n    listen: {HOST}@{self.port}\n'
                '    udp-workers: 1\n    tcp-workers: 1\n    background-workers: 1\n'
                f'control:\n    listen: "{at}/control"\n'
                f'database:\n    storage: "{at}"\n'
                'log:\n  - target: stderr\n    any: error\n'
                f'template:\n  - id: default\n    storage: "{self.zone_directory}"\n'
                '    file: "%s"\n    journal-content: none\n    zonefile-load: whole\n'
                '    zonefile-sync: -1\n    semantic-checks: off\nzone:\n')
        self.write('knot.conf', text + ''.join(f'  - domain: {zone}\n' for zone in self.zones))

    def arguments(self):
        return ['-c', self.path('knot.conf')]


class Gdnsd(Server):
    program = 'gdnsd'
    sends_addresses = False # with SRV; it has no additional section for them

    def configure(self):
        os.symlink(self.zone_directory, self.path('zones'))
        self.control = ['gdnsdctl', '-c', self.directory]
        self.write('config', f'options => {{ listen => [ "{HOST}:{self.port}" ] udp_threads => 1 '
                             f'tcp_threads => 1 run_dir => "{self.directory}/run" '
                             f'state_dir => "{self.directory}/state" }}\n')

    def arguments(self):
        return ['-c', self.directory, 'start']


class Bind(Server):
    program = 'named'

    def configure(self):
        at = self.directory
        text = (f'options {{ directory "{at}"; listen-on port {self.port} {{ {HOST}; }};'
                f' listen-on-v6 {{ none; }}; pid-file "{at}/pid"; session-keyfile "{at}/session";'
                ' recursion no; notify no; minimal-responses no-auth; check-integrity no;'
                ' querylog no; masterfile-format text; max-journal-size 1m; };\n'
                f'logging {{ channel errors {{ file "{at}/errors"; severity error; }};'
                ' category default { errors; }; };\n')
        update = ''
        if self.with_control:
            control = free_port()
            key = 'key "change" { algorithm hmac-sha256; secret "c3J2cGxhbiBiZW5jaG1hcms="; };\n'
            self.write('key', key)
            text += key + (f'controls {{ inet {HOST} port {control} allow {{ {HOST}; }}'
                           ' keys { "change"; }; };\n')
            self.control = ['rndc', '-s', HOST, '-p', str(control), '-k', self.path('key')]
            update = ' allow-update { key "change"; };'
        else:
            text += 'controls { };\n'
        self.write('named.conf', text + ''.join(
            f'zone "{zone}" {{ type primary; file "{self.zone_directory}/{zone}";{update} }};\n'
            for zone in self.zones))

    def arguments(self):
        return ['-f', '-n', '1', '-c', self.path('named.conf')]


class Pdns(Server):
    """PowerDNS with the zone files themselves."""

    program = 'pdns_server'

    def configure(self):
        self.write('named.conf', ''.join(
            f'zone "{zone}" {{ type native; file "{self.zone_directory}/{zone}"; }};\n'
            for zone in self.zones))
        self.write_settings('launch=bind', f'bind-config={self.path("named.conf")}',
                            'bind-check-interval=0')

    def write_settings(self, *more):
        lines = [*more, 'daemon=no', 'guardian=no', f'local-address={HOST}',
                 f'local-port={self.port}', 'receiver-threads=1', 'distributor-threads=1',
                 f'socket-dir={self.directory}', 'loglevel=3', 'disable-syslog=yes',
                 'log-dns-queries=no', 'write-pid=no', 'security-poll-suffix=']
        if self.with_control:
            port = free_port()
            lines += ['api=yes', 'api-key=change', 'webserver=yes', f'webserver-address={HOST}',
                      f'webserver-port={port}', 'webserver-loglevel=none']
            self.control = [f'http://{HOST}:{port}/api/v1/servers/localhost', 'change']
        self.write('pdns.conf', '\n'.join(lines) + '\n')

    def arguments(self):
        return [f'--config-dir={self.directory}']


SCHEMA = '/usr/share/doc/pdns-backend-sqlite3/schema.sqlite3.sql'
SCHEMA_ELSEWHERE = '/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql'


class PdnsSqlite(Pdns):
    """PowerDNS with SQLite."""

    def configure(self):
        schema = next((path for path in (SCHEMA, SCHEMA_ELSEWHERE) if os.path.exists(path)), None)
        if not schema:
            raise Missing('pdns-backend-sqlite3 is not installed')
        base = self.path('pdns.sqlite3')
        with contextlib.closing(sqlite3.connect(base)) as connection, connection:
            with open(schema, encoding='ascii') as file:
                connection.executescript(file.read())
            for number, zone in enumerate(self.zones, 1):
                connection.execute('INSERT INTO domains (id, name, type) VALUES (?, ?, ?)',
                                   (number, zone, 'NATIVE'))
                connection.executemany(
                    'INSERT INTO records (domain_id, name, ttl, type, prio, content, disabled, auth)'
                    ' VALUES (?, ?, ?, ?, ?, ?, 0, 1)', self.rows(number, zone))
        self.write_settings('launch=gsqlite3', f'gsqlite3-database={base}',
                            'gsqlite3-pragma-synchronous=0')

    def rows(self, number, zone):
        with open(os.path.join(self.zone_directory, zone), encoding='ascii') as file:
            for line in file:
                owner, ttl, _, rdtype, content = line.rstrip('\n').split(' ', 4)
                if rdtype in ('SOA', 'NS', 'SRV'): # names stand there without their last dot
                    content = ' '.join(word.rstrip('.') for word in content.split(' '))
                priority = 0
                if rdtype == 'SRV': # it has a column of its own
                    priority, content = content.split(' ', 1)
                yield number, owner.rstrip('.'), int(ttl), rdtype, int(priority), content


KINDS = {'gdnsd': Gdnsd, 'knot': Knot, 'nsd': Nsd, 'pdns': Pdns, 'pdns-sqlite': PdnsSqlite,
         'bind': Bind}


def start(kind, zone_directory, cpu=None, control=False):
    """A running server of that kind; raises Missing or Failed."""
    server = KINDS[kind](zone_directory, control)
    try:
        return server.start(cpu)
    except BaseException:
        server.close()
        raise
