# SPDX-License-Identifier: GPL-3.0-or-later
"""Harness of the end-to-end tests: starts the real programs, asks them, and ends them.

    from srvplan import Server, Case, main

A `Server` is `srvplan serve` with a state directory and free loopback ports of its own. It is asked
over UDP and TCP with dnspython, over REST on TCP (token) and on its UNIX socket, and with the
command. What was started is ended by its process id, also when a test fails; the log is shown then.
A sanitizer's report in any log fails the test.

Environment: SRVPLAN_BUILD_DIR (where the programs are; default build/), SRVPLAN_KEEP=1 keeps the
state directories."""
import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype

from ports import free_port

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get('SRVPLAN_BUILD_DIR', os.path.join(SOURCE, 'build')))
SRVPLAN = os.path.join(BUILD, 'srvplan', 'srvplan')
SRVPLAND = os.path.join(BUILD, 'api', 'srvpland')
DNSD = os.path.join(BUILD, 'dnsd', 'srvplan-dnsd')
SAMPLES = os.path.join(SOURCE, 'srvplan', 'sample')

OK, FAILED, DIFFERENT, GUARDED, CONFLICT, UNREACHABLE, USAGE = 0, 1, 2, 3, 4, 5, 64

START_SECONDS = 20
SANITIZER = re.compile(r'((ERROR|WARNING): \w+Sanitizer|runtime error:|LeakSanitizer)')
SERVICES = ('xmpp-client', 'xmpps-client', 'xmpp-server', 'xmpps-server')


def inventory(**changes):
    """Two domains in two zones, three nodes on two tiers, all four services; as a dict."""
    document = {
        'srvplan': 1,
        'defaults': {'base': 'example.org', 'ttl': '5m', 'services': list(SERVICES),
                     'name_servers': [{'host': 'ns1.example.org',
                                       'addresses': ['192.0.2.53', '2001:db8::53']}]},
        'domains': {'example.org': {}, 'chat.example.net': {'zone': 'example.net', 'ttl': '10m'}},
        'tiers': {'primary': {'priority': 10}, 'standby': {'priority': 20}},
        'nodes': {
            'xmpp1': {'addresses': ['192.0.2.11', '2001:db8::11'], 'capacity': 200},
            'xmpp2': {'addresses': ['192.0.2.12'], 'capacity': 120,
                      'ports': {'xmpps-client': 443}},
            'xmpp3': {'addresses': ['192.0.2.13', '2001:db8::13'], 'tier': 'standby'},
        },
    }
    document['defaults']['tier'] = 'primary'
    document.update(changes)
    return document


# Every SRV name of inventory().
OWNERS = [f'_{service}._tcp.{domain}.' for domain in ('example.org', 'chat.example.net')
          for service in SERVICES]


def environment(**more):
    """Ours, without what would lead the command to somebody else's server."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith('SRVPLAN_')}
    kept.setdefault('ASAN_OPTIONS', 'detect_leaks=1')
    kept.setdefault('UBSAN_OPTIONS', 'halt_on_error=1:print_stacktrace=1')
    kept.update(NO_COLOR='1', LC_ALL='C.UTF-8', TZ='UTC', **more)
    return kept


def command(*arguments, timeout=60, check=None, stdin=None, more=None):
    """Runs srvplan; `check` is the exit status that must come, `more` further environment."""
    done = subprocess.run([SRVPLAN, *arguments], capture_output=True, text=True, timeout=timeout,
                          env=environment(**(more or {})), stdin=stdin or subprocess.DEVNULL)
    if SANITIZER.search(done.stderr):
        raise AssertionError(f'{arguments}: {done.stderr}')
    if check is not None and done.returncode != check:
        raise AssertionError(f'srvplan {" ".join(arguments)}: exit {done.returncode}, expected '
                             f'{check}\n{done.stdout}{done.stderr}')
    return done


def alive(pid):
    try:
        with open(f'/proc/{pid}/stat', encoding='ascii', errors='replace') as stat:
            return stat.read().rsplit(')', 1)[1].split()[0] not in 'ZX'
    except (FileNotFoundError, ProcessLookupError):
        return False


def program_of(pid):
    """Its file, or what it was started as when it is not for us to see; not of dnsd's porter."""
    with contextlib.suppress(OSError):
        with open(f'/proc/{pid}/comm', encoding='ascii') as comm:
            if comm.read().strip() == 'dnsd-porter':
                return ''
    try:
        return os.readlink(f'/proc/{pid}/exe')
    except OSError:
        pass
    with contextlib.suppress(OSError):
        with open(f'/proc/{pid}/cmdline', 'rb') as cmdline:
            return cmdline.read().split(b'\0')[0].decode()
    return ''


def wait_until(condition, seconds, what):
    """Polls; returns what the condition gave, or fails. No fixed waits anywhere."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f'{what}: not within {seconds} s')
        time.sleep(0.01)


def ask(port, name, rdtype='SRV', tcp=False, timeout=2.0, host='127.0.0.1', **more):
    """One query, one answer, as a dns.message.Message."""
    query = dns.message.make_query(name, rdtype, **more)
    send = dns.query.tcp if tcp else dns.query.udp
    return send(query, host, timeout, port)


def records(answer):
    """The answer section as a sorted list of texts, without owner and TTL."""
    return sorted(record.to_text() for rrset in answer.answer for record in rrset)


def hosts(answer):
    """Targets of an SRV answer: first labels."""
    return sorted({record.target.labels[0].decode() for rrset in answer.answer for record in rrset})


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__('localhost', timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Reply:
    """An answer of the API."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()
        kind = self.headers.get('Content-Type', '')
        is_json = kind.split(';')[0].endswith('json')
        self.json = json.loads(self.body) if self.body and is_json else None

    def __repr__(self):
        return f'{self.status} {dict(self.headers)} {self.body[:2000]!r}'


class Server:
    """`srvplan serve` on free ports. Use it as a context, or start() and close().

    Without a rate limit, unless it is given: tests ask without a pause."""

    def __init__(self, document=None, file=None, directory=None, workers=None, wrap=(),
                 rate_limit=0):
        self.own = directory is None
        self.directory = directory or tempfile.mkdtemp(prefix='srvplan-test-')
        self.state = os.path.join(self.directory, 'state')
        self.log_path = os.path.join(self.directory, 'log')
        self.file = file or os.path.join(self.directory, 'inventory.jsonc')
        if file is None:
            self.write_inventory(document or inventory())
        self.dns_port, self.api_port = free_port(), free_port()
        self.workers = workers
        self.rate_limit = rate_limit
        self.wrap = wrap
        self.process = None
        self.log_seen = 0

    def write_inventory(self, document):
        text = document if isinstance(document, str) else json.dumps(document, indent=2)
        with open(self.file + '.new', 'w', encoding='utf-8') as out:
            out.write(text)
        os.rename(self.file + '.new', self.file)

    # ---- life ----

    def arguments(self, *more):
        return [SRVPLAN, 'serve', '-f', self.file, '--state', self.state,
                '--dns', f'127.0.0.1:{self.dns_port}', '--api', f'127.0.0.1:{self.api_port}',
                '--rate-limit', str(self.rate_limit),
                *(['--workers', str(self.workers)] if self.workers else []), *more]

    def spawn(self, *more):
        self.log_seen = os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0
        with open(self.log_path, 'ab') as log:
            self.process = subprocess.Popen([*self.wrap, *self.arguments(*more)],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=environment())
        return self

    def start(self, *more):
        """Starts, and waits for the ready line of srvpland, which names both addresses."""
        self.spawn(*more)
        end = time.monotonic() + START_SECONDS
        while f'ready api=127.0.0.1:{self.api_port}' not in self.log(since_start=True):
            if self.process.poll() is not None:
                raise AssertionError(f'ended with {self.process.returncode}\n{self.log()}')
            if time.monotonic() > end:
                raise AssertionError(f'no ready line in {START_SECONDS} s\n{self.log()}')
            time.sleep(0.01)
        return self

    def start_refused(self, *more, seconds=30):
        """Starts what must end by itself with an error; returns (exit status, log)."""
        self.spawn(*more)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f'goes on, expected an error\n{self.log()}') from None
        return self.process.returncode, self.log(since_start=True)

    def send(self, number):
        self.process.send_signal(number)

    def kill(self):
        """kill -9 of srvpland (`serve` is the same process)."""
        self.process.kill()
        self.process.wait()

    def stop(self, number=signal.SIGTERM, seconds=20):
        """Ends both in order; fails when one stays, says 'sanitizer', or exits wrongly."""
        dnsd = self.dnsd_pids()
        self.process.send_signal(number)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f'does not end within {seconds} s\n{self.log()}') from None
        for pid in dnsd:
            wait_until(lambda p=pid: not alive(p), seconds, f'srvplan-dnsd {pid} ends')
        self.check_log()
        if self.process.returncode != 0:
            raise AssertionError(f'exit {self.process.returncode} on a signal to end\n{self.log()}')

    def dnsd_pids(self):
        """The responders of this state directory, found by what they were started with."""
        found = []
        for pid in filter(str.isdigit, os.listdir('/proc')):
            try:
                with open(f'/proc/{pid}/cmdline', 'rb') as cmdline:
                    words = cmdline.read().split(b'\0')
            except OSError:
                continue
            if any(word.startswith(self.state.encode() + b'/') or word == self.state.encode()
                   for word in words) and 'srvplan-dnsd' in os.path.basename(program_of(pid)):
                found.append(int(pid))
        return found

    def leftovers_end(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for pid in self.dnsd_pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def close(self):
        self.leftovers_end()
        if self.own and not os.environ.get('SRVPLAN_KEEP'):
            shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, kind, _value, _trace):
        try:
            if kind is None:
                if self.process.poll() is None:
                    self.stop()
                self.check_log()
            elif not issubclass(kind, unittest.SkipTest):
                sys.stderr.write(f'---- log of {self.directory}\n{self.log()}----\n')
        finally:
            self.close()

    def log(self, since_start=False):
        if not os.path.exists(self.log_path):
            return ''
        with open(self.log_path, encoding='utf-8', errors='replace') as log:
            log.seek(self.log_seen if since_start else 0)
            return log.read()

    def check_log(self):
        if SANITIZER.search(self.log()):
            raise AssertionError(f'a sanitizer complains\n{self.log()}')

    # ---- DNS ----

    def ask(self, name, rdtype='SRV', **more):
        return ask(self.dns_port, name, rdtype, **more)

    def sets(self, owners=OWNERS, tcp=False):
        """{owner: records} of the SRV sets, as dnsd answers them."""
        return {owner: records(self.ask(owner, tcp=tcp)) for owner in owners}

    def serial(self, zone='example.org.'):
        return self.ask(zone, 'SOA').answer[0][0].serial

    # ---- REST ----

    @property
    def socket_path(self):
        return os.path.join(self.state, 'api.sock')

    @property
    def token_path(self):
        return os.path.join(self.state, 'admin.token')

    def token(self):
        with open(self.token_path, encoding='ascii') as file:
            return file.read().strip()

    def make_token(self, role, name=None, **limits):
        """A new token of that role: its text. `limits`: nodes, domains, expires_in, expires_at."""
        self.tokens_made = getattr(self, 'tokens_made', 0) + 1
        reply = self.rest('POST', '/api/v1/tokens', {
            'name': name or f'{role}-{self.tokens_made}', 'role': role, **limits})
        if reply.status != 201:
            raise AssertionError(f'POST /tokens: {reply}')
        return reply.json['token']

    def rest(self, method, path, body=None, headers=None, over='socket', token=None,
             source='127.0.0.1'):
        """One request: over 'socket' (peer credentials), 'tcp' (with the token) or 'bare' (without).
        `token` is sent instead, on either way. `source` is an address of 127/8, each of which is
        somebody else to the throttle of logins."""
        headers = dict(headers or {})
        if token is not None:
            headers.setdefault('Authorization', 'Bearer ' + token)
        if over == 'socket':
            connection = UnixConnection(self.socket_path)
        else:
            connection = http.client.HTTPConnection('127.0.0.1', self.api_port, timeout=30,
                                                    source_address=(source, 0))
            if over == 'tcp':
                headers.setdefault('Authorization', 'Bearer ' + self.token())
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        if body is not None:
            headers.setdefault('Content-Type', 'application/json')
        try:
            connection.request(method, path, body=body, headers=headers)
            return Reply(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, **more):
        reply = self.rest('GET', '/api/v1' + path, **more)
        if reply.status != 200:
            raise AssertionError(f'GET {path}: {reply}')
        return reply.json

    def status(self):
        return self.get('/status')

    def drain(self, node, **more):
        return self.rest('POST', '/api/v1/drains', {'node': node, 'reason': 'test', **more})

    def undrain(self, identifier):
        return self.rest('DELETE', '/api/v1/drains/' + identifier, headers={'If-Match': '*'})

    # ---- the command ----

    def cli(self, *arguments, **more):
        return command('--socket', self.socket_path, *arguments, **more)


class Watcher:
    """Asks without a pause, one query at a time, and counts what was not answered.

    with Watcher(server) as watcher: ...; watcher.lost, watcher.asked"""

    def __init__(self, port, name=OWNERS[0], timeout=1.0):
        import threading
        self.port, self.name, self.timeout = port, name, timeout
        self.asked, self.lost, self.empty = 0, [], 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        while not self.over.is_set():
            self.asked += 1
            try:
                answer = ask(self.port, self.name, timeout=self.timeout)
                if answer.rcode() != dns.rcode.NOERROR or not answer.answer:
                    self.empty += 1
            except (OSError, dns.exception.DNSException) as error:
                self.lost.append(f'query {self.asked}: {error!r}')
            time.sleep(0.001)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join(5)


class Case(unittest.TestCase):
    maxDiff = None

    def serve(self, *arguments, **more):
        """A server for this test, ended with it."""
        return self.enter(Server(*arguments, **more))

    def enter(self, context):
        # enterContext() came with Python 3.11, but it hides the outcome from __exit__.
        value = context.__enter__()
        self.addCleanup(self._leave, context)
        return value

    def _leave(self, context):
        outcome = self._outcome
        failed = not getattr(outcome, 'success', True)
        kind = AssertionError if failed else None
        context.__exit__(kind, None, None)

    def assertSerialGreater(self, new, old):  # RFC 1982
        difference = (new - old) % 2**32
        self.assertTrue(0 < difference < 2**31, f'serial {new} is not after {old}')

    def assertSerialNotSmaller(self, new, old):
        self.assertTrue((new - old) % 2**32 < 2**31, f'serial {new} is before {old}')


class ServedCase(Case):
    """Tests that share one server: it is left as it was found (no drains, no weights)."""

    document = None

    @classmethod
    def setUpClass(cls):
        cls.server = Server(cls.document or inventory())
        try:
            cls.server.start()
        except BaseException:
            cls.server.close()
            raise

    @classmethod
    def tearDownClass(cls):
        try:
            cls.server.stop()
        finally:
            cls.server.close()

    def tearDown(self):
        if self.server.process.poll() is not None:
            raise AssertionError(f'srvpland ended\n{self.server.log()}')
        for drain in self.server.get('/drains')['items']:
            self.server.undrain(drain['id'])
        for weight in self.server.status()['weights']:
            self.server.rest('DELETE', f'/api/v1/nodes/{weight["node"]}/weight'
                             f'?service={weight["service"]}', headers={'If-Match': '*'})
        for window in self.server.get('/windows')['items']:
            if window['origin'] == 'api' and not window['removed_at']:
                self.server.rest('DELETE', '/api/v1/windows/' + window['id'],
                                 headers={'If-Match': '*'})
        if not getattr(self._outcome, 'success', True):
            sys.stderr.write(f'---- log\n{self.server.log()[-8000:]}----\n')


def main():
    """unittest.main, with a line that says how many ran and how many were skipped."""
    unittest.main(verbosity=2)
