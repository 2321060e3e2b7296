# SPDX-License-Identifier: GPL-3.0-or-later
"""srvplan-dnsd as a program: test_dnsd_program.py SRVPLAN-DNSD MAKE_IMAGE [unittest options]

Starts it on free loopback ports over images that MAKE_IMAGE writes, asks with dnspython, and plays
the control plane over its socket. Ends what it started."""
import array
import glob
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
from ports import free_port  # noqa: E402

DNSD, MAKE_IMAGE = sys.argv[1:3]
SRV_NAME = '_xmpp-client._tcp.example.org.'
SRV_SET = 3  # FIXTURE_SRV
MESSAGE = struct.Struct('<IHHQII896s')
MAGIC = 0x48525653
HELLO, LOAD, SERVED, REFUSED, RETIRED = range(1, 6)


def make_image(directory, generation, weight):
    os.makedirs(directory, exist_ok=True)
    subprocess.run([MAKE_IMAGE, directory, str(generation), str(weight)], check=True)
    return directory


class Dnsd:
    """One running responder."""

    def __init__(self, *arguments, before=(), process=None):
        self.process = process or subprocess.Popen([*before, DNSD, *arguments],
                                                   stderr=subprocess.PIPE, text=True)
        self.lines = []
        while True:
            line = self.process.stderr.readline()
            self.lines.append(line)
            if ' ready ' in line:
                break
            if not line:
                raise RuntimeError('did not start: ' + ''.join(self.lines))

    def end(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if not self.process.stderr.closed:
            self.lines += self.process.stderr.readlines()
            self.process.stderr.close()
        return self.process.returncode


class Control:
    """The control plane's side of the handover socket."""

    def __init__(self, path):
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(path)
        self.listener.listen()
        self.listener.settimeout(10)
        self.connection = None

    def accept(self):
        self.disconnect()
        self.connection = self.listener.accept()[0]
        self.connection.settimeout(15)
        return self.receive()

    def receive(self):
        data, ancillary, _, _ = self.connection.recvmsg(
            MESSAGE.size + 1, socket.CMSG_SPACE(2 * 4))
        fds = array.array('i')
        for level, kind, content in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds.frombytes(content)
        magic, version, kind, generation, pid, workers, text = MESSAGE.unpack(data)
        assert (magic, version) == (MAGIC, 1)
        return {'kind': kind, 'generation': generation, 'pid': pid, 'workers': workers,
                'text': text.split(b'\0')[0].decode(), 'fds': list(fds)}

    def send_load(self, directory, generation, version=1):
        files = [os.path.join(directory, 'answers.img'),
                 *glob.glob(os.path.join(directory, 'names-*.img'))]
        fds = [os.open(name, os.O_RDONLY) for name in files]
        self.connection.sendmsg(
            [MESSAGE.pack(MAGIC, version, LOAD, generation, 0, 0, b'')],
            [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', fds))])
        for fd in fds:
            os.close(fd)

    def disconnect(self):
        if self.connection:
            self.connection.close()

    def close(self):
        self.disconnect()
        self.listener.close()


def last_served(fd, index):
    """The latest second over the workers in a last-served memory."""
    data = os.pread(fd, os.fstat(fd).st_size, 0)
    _, workers, sets, stride, generation = struct.unpack_from('<IIIIQ', data)
    assert index < sets
    return generation, max(struct.unpack_from('<I', data, 64 + 4 * (w * stride + index))[0]
                           for w in range(workers))


def weights(answer):
    return sorted(record.weight for record in answer.answer[0])


class Case(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory(prefix='srvplan-')
        self.addCleanup(self.directory.cleanup)
        self.port = free_port()
        self.address = f'127.0.0.1:{self.port}'
        self.image = make_image(self.path('image'), 5, 100)

    def path(self, name):
        return os.path.join(self.directory.name, name)

    def start(self, *more, before=()):
        """Without a rate limit: many tests ask without a pause."""
        arguments = ('--image', self.image, '--listen', self.address, '--workers', '2',
                     '--rate-limit', '0', *more)
        dnsd = Dnsd(*arguments, before=before)
        self.addCleanup(dnsd.end)
        return dnsd

    def start_with_control(self):
        control = Control(self.path('dnsd.sock'))
        self.addCleanup(control.close)
        dnsd = self.start('--control', self.path('dnsd.sock'))
        return dnsd, control

    def ask(self, name=SRV_NAME, kind='SRV', how=dns.query.udp, where='127.0.0.1', **more):
        return how(dns.message.make_query(name, kind, **more), where, port=self.port, timeout=5)

    def run_briefly(self, *arguments):
        return subprocess.run([DNSD, *arguments], capture_output=True, text=True, timeout=20)


class Answers(Case):
    def test_udp_and_tcp_over_both_families(self):
        dnsd = self.start('--listen', f'[::1]:{self.port}')
        for where in ('127.0.0.1', '::1'):
            for how in (dns.query.udp, dns.query.tcp):
                answer = self.ask(how=how, where=where)
                self.assertEqual(answer.rcode(), dns.rcode.NOERROR)
                self.assertTrue(answer.flags & dns.flags.AA)
                self.assertEqual(weights(answer), [100, 101, 102])
                self.assertEqual(len(answer.additional), 6)
        ready = [line for line in dnsd.lines if 'ready' in line]
        self.assertEqual(len(ready), 1)
        self.assertIn(f'127.0.0.1:{self.port} [::1]:{self.port}', ready[0])
        self.assertIn('generation=5', ready[0])
        self.assertEqual(dnsd.end(), 0)

    def test_a_wildcard_answers_from_the_address_asked(self):
        self.address = f'0.0.0.0:{self.port}'
        self.start()
        for where in ('127.0.0.1', '127.0.0.77'):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.settimeout(5)
                client.sendto(dns.message.make_query(SRV_NAME, 'SRV').to_wire(),
                              (where, self.port))
                self.assertEqual(client.recvfrom(4096)[1], (where, self.port))

    def test_an_ipv6_wildcard_too(self):
        self.address = f'[::]:{self.port}'
        self.start()
        self.assertEqual(weights(self.ask(where='::1')), [100, 101, 102])

    def test_truncated_by_udp_whole_by_tcp(self):
        self.start()
        answer = self.ask('_huge._tcp.example.org.', payload=4096)
        self.assertTrue(answer.flags & dns.flags.TC)
        self.assertFalse(answer.answer)
        answer = self.ask('_huge._tcp.example.org.', how=dns.query.tcp)
        self.assertEqual(len(answer.answer[0]), 1000)

    def test_junk_is_dropped_and_does_no_harm(self):
        self.start()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect(('127.0.0.1', self.port))
            for size in (0, 1, 11, 2048, 2049, 9000):
                client.send(b'\xff' * size)
        self.assertEqual(weights(self.ask()), [100, 101, 102])


def cookie_of(answer):
    return next((option.data for option in answer.options if option.otype == dns.edns.COOKIE), None)


def cookie(data):
    return [dns.edns.GenericOption(dns.edns.COOKIE, data)]


class Protocol(Case):
    CLIENT = b'clientco'

    def dig(self, *arguments):
        done = subprocess.run(['dig', '@127.0.0.1', '-p', str(self.port), '+tries=1', '+time=5',
                               *arguments], capture_output=True, text=True, timeout=20, check=True)
        return done.stdout

    def secrets(self, *lines):
        with open(self.path('secrets'), 'w', encoding='ascii') as out:
            os.chmod(self.path('secrets'), 0o600)
            out.write('\n'.join(lines) + '\n')
        return self.path('secrets')

    def ask_cookie(self, data, **more):
        return cookie_of(self.ask(use_edns=0, options=cookie(data), **more))

    def test_dig_sees_nsid_cookie_expire_and_errors(self):
        self.start('--nsid', 'server 7')
        said = self.dig('+nsid', '+cookie=0123456789abcdef', '+expire', 'example.org', 'SOA')
        self.assertIn('("server 7")', said)
        self.assertRegex(said, r'COOKIE: 0123456789abcdef01000000[0-9a-f]{24} \(good\)')
        self.assertIn('EXPIRE: 1209600', said)
        said = self.dig('+tcp', '+keepalive', 'example.org', 'SOA')
        self.assertIn('TCP KEEPALIVE: 10.0 secs', said)
        self.assertNotIn('KEEPALIVE', self.dig('+keepalive', 'example.org', 'SOA'))
        self.assertIn('EDE: 20', self.dig('nobody.example.edu', 'A'))

    def test_dig_gets_badvers_and_no_harm_by_odd_options(self):
        self.start()
        self.assertIn('BADVERS', self.dig('+edns=1', '+noednsneg', 'example.org', 'SOA'))
        self.assertIn('status: NOERROR', self.dig('+ednsopt=65001:abcd', 'example.org', 'SOA'))
        self.assertIn('status: FORMERR', self.dig('+ednsopt=10:abcd', '+nocookie', 'example.org'))

    def test_a_secondary_is_refused_whether_it_has_a_version_or_none(self):
        self.start()
        for serial in (None, 1):
            query = dns.message.make_query('example.org.', 'IXFR', use_edns=0)
            if serial:
                query.authority.append(dns.rrset.from_text(
                    'example.org.', 0, 'IN', 'SOA', f'ns1. host. {serial} 2 3 4 5'))
            for how in (dns.query.udp, dns.query.tcp):
                answer = how(query, '127.0.0.1', port=self.port, timeout=5)
                self.assertEqual(answer.rcode(), dns.rcode.REFUSED)
                self.assertEqual([option.code for option in answer.options], [18])  # Prohibited

    def test_who_signs_gets_badkey(self):
        self.start()
        for key in ('some.key', 'example.org'):  # the second is compressed against the question
            said = self.dig('-y', f'hmac-sha256:{key}:c2VjcmV0', 'example.org', 'SOA')
            self.assertIn('status: NOTAUTH', said)
            self.assertIn('BADKEY', said)

    def test_class_ch_is_silent_until_told(self):
        dnsd = self.start()
        self.assertIn('status: REFUSED', self.dig('CH', 'TXT', 'version.bind'))
        dnsd.end()
        self.start('--chaos-id', 'here', '--chaos-version', 'ours')
        for name, words in (('id.server', 'here'), ('hostname.bind', 'here'),
                            ('version.bind', 'ours'), ('version.server', 'ours')):
            said = self.dig('+short', 'CH', 'TXT', name)
            self.assertEqual(said, f'"{words}"\n')

    def test_the_size_of_datagrams_can_be_set(self):
        dnsd = self.start('--edns-size', '4096')
        answer = self.ask('_wide._tcp.example.org.', use_edns=0, payload=4096)
        self.assertEqual((len(answer.additional), answer.payload), (40, 4096))
        self.assertGreater(len(answer.to_wire()), 1232)
        dnsd.end()
        self.start('--edns-size', '512')
        answer = self.ask('_wide._tcp.example.org.', use_edns=0, payload=4096)
        self.assertTrue(answer.flags & dns.flags.TC)

    def test_servers_with_one_secret_understand_each_other(self):
        file = self.secrets('00112233445566778899aabbccddeeff')
        dnsd = self.start('--cookie-secrets', file)
        first = self.ask_cookie(self.CLIENT)
        self.assertEqual(first[:16], self.CLIENT + b'\1\0\0\0' + first[12:16])
        self.assertEqual(self.ask_cookie(first), first)
        self.assertEqual(self.ask_cookie(first, how=dns.query.tcp), first)
        dnsd.end()
        dnsd = self.start('--cookie-secrets', file)
        self.assertEqual(self.ask_cookie(first), first)
        dnsd.end()
        self.start()  # by chance
        self.assertNotEqual(self.ask_cookie(first), first)

    def wait_for_cookie(self, sent, expected):
        end = time.monotonic() + 5
        while (self.ask_cookie(sent) == sent) != expected:
            self.assertLess(time.monotonic(), end)

    def test_secrets_roll_over_without_a_restart(self):
        old, new = 'aa' * 16, 'bb' * 16
        dnsd = self.start('--cookie-secrets', self.secrets(old))
        first = self.ask_cookie(self.CLIENT)
        self.secrets(new, old)
        dnsd.process.send_signal(signal.SIGHUP)
        self.wait_for_cookie(first, False)  # accepted, but renewed
        second = self.ask_cookie(first)
        self.assertEqual(self.ask_cookie(second), second)
        self.secrets('not', 'good')
        dnsd.process.send_signal(signal.SIGHUP)
        os.unlink(self.path('secrets'))
        dnsd.process.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        self.assertEqual(self.ask_cookie(second), second)
        dnsd.end()
        self.assertIn('secrets of cookies refused', ''.join(dnsd.lines))
        self.assertIn('gone; restart', ''.join(dnsd.lines))
        self.assertNotIn(old, ''.join(dnsd.lines))

    def test_files_that_hold_no_secrets_are_refused(self):
        good = 'ab' * 16
        for lines, said in (([''], 'no secret'), ([good, good, good], 'more than two'),
                            ([good[1:]], '32'), ([good + '0'], '32'), (['xy' * 16], '32'),
                            (['\0' * 32], 'no file of secrets'), (['a ' * 300], 'no file of')):
            with self.subTest(lines=lines):
                result = self.run_briefly('--image', self.image, '--listen', self.address,
                                          '--cookie-secrets', self.secrets(*lines))
                self.assertEqual(result.returncode, 1)
                self.assertIn(said, result.stderr)
                self.assertIn('openssl rand -hex 16', result.stderr)
        result = self.run_briefly('--image', self.image, '--listen', self.address,
                                  '--cookie-secrets', self.path('nowhere'))
        self.assertIn('nowhere', result.stderr)


class Workers(Case):
    def rows(self, fd):
        """By worker, when it last served the SRV set."""
        data = os.pread(fd, os.fstat(fd).st_size, 0)
        _, workers, _, stride, _ = struct.unpack_from('<IIIIQ', data)
        return [struct.unpack_from('<I', data, 64 + 4 * (w * stride + SRV_SET))[0]
                for w in range(workers)][:-1]  # the last row is that of TCP

    def start_workers(self, count, *more):
        control = Control(self.path('dnsd.sock'))
        self.addCleanup(control.close)
        dnsd = Dnsd('--image', self.image, '--listen', self.address, '--workers', str(count),
                    '--rate-limit', '0', '--control', self.path('dnsd.sock'), *more)
        self.addCleanup(dnsd.end)
        hello = control.accept()
        for fd in hello['fds']:
            self.addCleanup(os.close, fd)
        return dnsd, hello['fds'][1]  # behind the statistics

    def ask_often(self, times=60):
        for _ in range(times):  # from a new port each
            self.assertEqual(weights(self.ask()), [100, 101, 102])

    def test_all_of_several_get_queries(self):
        _, served = self.start_workers(4)
        self.ask_often()
        self.assertEqual(len(self.rows(served)), 4)
        self.assertTrue(all(self.rows(served)), self.rows(served))

    def test_one_is_enough(self):
        _, served = self.start_workers(1)
        self.ask_often(5)
        self.assertTrue(all(self.rows(served)))

    def test_each_gets_the_queries_of_its_processor(self):
        processors = sorted(os.sched_getaffinity(0))
        first, count = processors[0], len(processors)
        if count < 2 or processors != list(range(first, first + count)):
            self.skipTest('needs two processors in a row')
        dnsd, served = self.start_workers(count, '--steer', 'cpu')
        bound = sorted(tuple(os.sched_getaffinity(int(thread)))
                       for thread in os.listdir(f'/proc/{dnsd.process.pid}/task')
                       if len(os.sched_getaffinity(int(thread))) == 1)
        self.assertEqual(bound, [(processor,) for processor in processors])
        self.addCleanup(os.sched_setaffinity, 0, processors)
        for i, processor in enumerate(processors):
            os.sched_setaffinity(0, [processor])
            self.ask_often(20)
            rows = self.rows(served)
            self.assertEqual([bool(row) for row in rows], [j <= i for j in range(count)])

    def test_it_says_when_it_cannot_steer(self):
        count = len(os.sched_getaffinity(0)) + 1
        dnsd, served = self.start_workers(count, '--steer', 'cpu')
        self.ask_often()
        self.assertTrue(all(self.rows(served)), self.rows(served))
        dnsd.end()
        self.assertIn('not steered', ''.join(dnsd.lines))


class Streams(Case):
    def query(self, name=SRV_NAME, number=1):
        message = dns.message.make_query(name, 'SRV')
        message.id = number
        wire = message.to_wire()
        return struct.pack('!H', len(wire)) + wire

    def read(self, client, count):
        got = b''
        ids = []
        while len(ids) < count:
            data = client.recv(65536)
            self.assertTrue(data, f'closed after {len(ids)} answers')
            got += data
            while len(got) >= 2 and len(got) >= 2 + struct.unpack('!H', got[:2])[0]:
                size = struct.unpack('!H', got[:2])[0]
                ids.append(struct.unpack('!H', got[2:4])[0])
                got = got[2 + size:]
        return ids

    def connect(self):
        client = socket.create_connection(('127.0.0.1', self.port), timeout=10)
        self.addCleanup(client.close)
        return client

    def test_pipelined_queries_are_answered_in_order(self):
        self.start()
        client = self.connect()
        client.sendall(b''.join(self.query(number=i) for i in range(500)))
        self.assertEqual(self.read(client, 500), list(range(500)))

    def test_a_query_may_come_byte_by_byte(self):
        self.start()
        client = self.connect()
        for byte in self.query(number=9) + self.query(number=10):
            client.send(bytes([byte]))
        self.assertEqual(self.read(client, 2), [9, 10])

    def test_a_client_may_close_its_side_first(self):
        self.start()
        client = self.connect()
        client.sendall(self.query(number=3))
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(self.read(client, 1), [3])
        self.assertEqual(client.recv(1), b'')

    def test_a_slow_reader_gets_all_it_asked_for(self):
        self.start()
        client = self.connect()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        client.sendall(b''.join(self.query('_huge._tcp.example.org.', i) for i in range(60)))
        time.sleep(0.5)  # let the server get stuck
        self.assertEqual(self.read(client, 60), list(range(60)))

    def test_a_message_too_long_to_be_a_query_closes(self):
        self.start()
        client = self.connect()
        client.sendall(b'\xff\xff' + b'x' * 100)
        self.assertEqual(client.recv(1), b'')
        self.assertEqual(weights(self.ask(how=dns.query.tcp)), [100, 101, 102])

    def test_many_connections_while_descriptors_last(self):
        self.start()
        clients = [self.connect() for _ in range(300)]
        for number, client in enumerate(clients):
            client.sendall(self.query(number=number))
        for number, client in enumerate(clients):
            self.assertEqual(self.read(client, 1), [number])


    def test_at_the_limit_the_longest_idle_gives_way(self):
        self.start(before=('prlimit', '--nofile=90:90'))  # of which 24 are for connections
        clients = [self.connect() for _ in range(60)]
        for client in clients[-20:]:
            client.sendall(self.query(number=7))
            self.assertEqual(self.read(client, 1), [7])
        with self.assertRaises((ConnectionResetError, AssertionError)):
            clients[0].sendall(self.query(number=8))
            self.read(clients[0], 1)
        self.assertEqual(weights(self.ask()), [100, 101, 102])


class Start(Case):
    def test_a_second_one_on_the_same_port_is_refused(self):
        self.start()
        second = self.run_briefly('--image', self.image, '--listen', self.address)
        self.assertEqual(second.returncode, 1)
        self.assertIn(f'{self.address}: address already in use; ', second.stderr)
        self.assertEqual(weights(self.ask()), [100, 101, 102])

    def test_a_restart_need_not_wait(self):
        dnsd = self.start()
        self.ask(how=dns.query.tcp)
        dnsd.end()
        self.start()
        self.assertEqual(weights(self.ask(how=dns.query.tcp)), [100, 101, 102])

    def test_without_an_image_it_says_so(self):
        empty = self.path('empty')
        os.mkdir(empty)
        result = self.run_briefly('--image', empty, '--listen', self.address)
        self.assertEqual(result.returncode, 1)
        self.assertIn('answers.img', result.stderr)

    def test_a_damaged_image_is_refused(self):
        for name in ('answers.img', 'names-*.img'):
            for harm in ('cut', 'flip', 'empty'):
                with self.subTest(file=name, harm=harm):
                    bad = make_image(self.path(f'bad-{name[0]}-{harm}'), 5, 100)
                    file = glob.glob(os.path.join(bad, name))[0]
                    size = os.path.getsize(file)
                    with open(file, 'r+b') as out:
                        if harm == 'flip':
                            out.seek(size - 100)
                            byte = out.read(1)
                            out.seek(size - 100)
                            out.write(bytes([byte[0] ^ 1]))
                        else:
                            out.truncate(0 if harm == 'empty' else size - 64)
                    result = self.run_briefly('--image', bad, '--listen', self.address)
                    self.assertEqual(result.returncode, 1)
                    self.assertIn(name[:5], result.stderr)

    def test_mistakes_on_the_command_line_exit_64(self):
        good = ['--image', self.image, '--listen', self.address]
        for arguments, said in (
                ([], '--image'), (good[:2], '--listen'), (good[2:], '--image'),
                (good + ['--workers', '0'], '--workers'), (good + ['--workers', 'x'], 'x'),
                (good + ['--bogus'], '--bogus'), (good + ['stray'], 'stray'),
                (good + good[2:], 'twice'), (good + ['--listen', '127.0.0.1'], '127.0.0.1'),
                (good + ['--listen', '::1:53'], '::1:53'), (good + ['--listen', 'a:53'], 'a:53'),
                (good + ['--edns-size', '511'], '--edns-size'),
                (good + ['--edns-size', '4097'], '--edns-size'),
                (good + ['--steer', 'off'], '--steer'), (good + ['--tcp-clients', '0'], '0'),
                (good + ['--tcp-per-client', 'x'], '--tcp-per-client'),
                (good + ['--nsid', ''], '--nsid'), (good + ['--chaos-id', 'x' * 129], '--chaos-id'),
                (good + ['--cookie-secrets', ''], '--cookie-secrets'),
                (good + ['--listen', '127.0.0.1:0'], 'port'), (good + ['--control'], '--control'),
                (good + ['--control', '/' + 'x' * 200], '--control')):
            with self.subTest(arguments=arguments):
                result = self.run_briefly(*arguments)
                self.assertEqual(result.returncode, 64, result.stderr)
                self.assertIn(said, result.stderr)
        self.assertEqual(self.run_briefly('--help').returncode, 0)
        self.assertRegex(self.run_briefly('--version').stdout, r'^srvplan-dnsd \d')

    def test_an_address_that_is_not_there_yet_is_taken_early(self):
        self.start('--listen', f'192.0.2.250:{self.port}')
        self.assertEqual(weights(self.ask()), [100, 101, 102])

    def test_hangup_takes_a_newer_image_only(self):
        dnsd = self.start()
        make_image(self.image, 4, 55)
        dnsd.process.send_signal(signal.SIGHUP)
        self.assertEqual(weights(self.ask()), [100, 101, 102])
        make_image(self.image, 6, 66)
        dnsd.process.send_signal(signal.SIGHUP)
        end = time.monotonic() + 5
        while weights(self.ask())[0] != 66:
            self.assertLess(time.monotonic(), end)


class Handover(Case):
    def test_a_generation_is_loaded_served_and_retired(self):
        dnsd, control = self.start_with_control()
        hello = control.accept()
        self.assertEqual(hello['kind'], HELLO)
        self.assertEqual(hello['pid'], dnsd.process.pid)
        self.assertEqual(hello['workers'], 2)
        self.assertEqual(hello['text'], self.address)
        self.assertEqual(hello['generation'], 5)
        self.ask()
        first = int(time.time())
        make_image(self.path('next'), 6, 200)
        control.send_load(self.path('next'), 6)
        served = control.receive()
        self.assertEqual((served['kind'], served['generation']), (SERVED, 6))
        for how in (dns.query.udp, dns.query.tcp):
            self.assertEqual(weights(self.ask(how=how)), [101, 102, 200])
        retired = control.receive()
        self.assertEqual((retired['kind'], retired['generation']), (RETIRED, 5))
        generation, at = last_served(hello['fds'][1], SRV_SET)
        self.assertEqual(generation, 5)
        self.assertIn(at - first, (-1, 0, 1))
        self.assertEqual(last_served(served['fds'][0], SRV_SET)[0], 6)

    def test_last_served_of_a_tcp_answer_is_noted_when_it_has_left(self):
        _, control = self.start_with_control()
        hello = control.accept()
        before = time.time()
        self.ask(how=dns.query.tcp)
        end = time.monotonic() + 5
        while last_served(hello['fds'][1], SRV_SET)[1] < before:
            self.assertLess(time.monotonic(), end)

    def test_a_bad_load_is_refused_and_the_old_goes_on(self):
        _, control = self.start_with_control()
        control.accept()
        bad = make_image(self.path('bad'), 6, 200)
        with open(os.path.join(bad, 'answers.img'), 'r+b') as out:
            out.truncate(4096)
        control.send_load(bad, 6)
        refused = control.receive()
        self.assertEqual((refused['kind'], refused['generation']), (REFUSED, 6))
        self.assertIn('answers.img', refused['text'])
        make_image(self.path('other'), 7, 200)
        control.send_load(self.path('other'), 6)
        self.assertEqual(control.receive()['kind'], REFUSED)
        self.assertEqual(weights(self.ask()), [100, 101, 102])

    def test_the_same_generation_again_is_acknowledged(self):
        _, control = self.start_with_control()
        control.accept()
        control.send_load(self.image, 5)
        served = control.receive()
        self.assertEqual((served['kind'], served['generation']), (SERVED, 5))
        self.assertEqual(len(served['fds']), 1)

    def test_it_outlives_control_and_connects_again(self):
        _, control = self.start_with_control()
        control.accept()
        control.disconnect()
        self.assertEqual(weights(self.ask()), [100, 101, 102])
        self.assertEqual(control.accept()['generation'], 5)
        control.send_load(self.image, 5, version=9)  # not our language: it hangs up
        self.assertEqual(control.accept()['generation'], 5)
        control.close()
        self.assertEqual(weights(self.ask()), [100, 101, 102])

    def test_without_an_image_it_waits_for_one(self):
        self.image = self.path('empty')
        os.mkdir(self.image)
        _, control = self.start_with_control()
        hello = control.accept()
        self.assertEqual((hello['generation'], len(hello['fds'])), (0, 1))  # statistics
        self.assertEqual(self.ask().rcode(), dns.rcode.SERVFAIL)
        control.send_load(make_image(self.path('first'), 1, 7), 1)
        self.assertEqual(control.receive()['kind'], SERVED)
        self.assertEqual(weights(self.ask()), [7, 101, 102])

    def test_who_does_not_read_does_not_hold_up_the_old_generation(self):
        _, control = self.start_with_control()
        control.accept()
        client = socket.socket()
        self.addCleanup(client.close)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(('127.0.0.1', self.port))
        wire = dns.message.make_query('_huge._tcp.example.org.', 'SRV').to_wire()
        client.sendall((struct.pack('!H', len(wire)) + wire) * 20)
        time.sleep(0.3)  # let the server get stuck
        make_image(self.path('next'), 6, 200)
        control.send_load(self.path('next'), 6)
        start = time.monotonic()
        self.assertEqual(control.receive()['kind'], SERVED)
        self.assertLess(time.monotonic() - start, 1)
        self.assertEqual(control.receive()['kind'], RETIRED)
        self.assertGreater(time.monotonic() - start, 4)
        self.assertLess(time.monotonic() - start, 7)
        with self.assertRaises(ConnectionResetError):
            while client.recv(65536):
                pass

    def test_quick_changes_each_are_served_at_once_and_none_is_mixed(self):
        _, control = self.start_with_control()
        control.accept()
        retired = 0
        for generation in range(6, 40):
            make_image(self.path('next'), generation, generation)
            control.send_load(self.path('next'), generation)
            while True:
                message = control.receive()
                for fd in message['fds']:
                    os.close(fd)
                if message['kind'] == SERVED:
                    break
                retired += message['kind'] == RETIRED
            self.assertEqual(message['generation'], generation)
            self.assertEqual(weights(self.ask())[0], generation)
        while retired < 34:
            self.assertEqual(control.receive()['kind'], RETIRED)
            retired += 1


class Ending(Case):
    def test_both_signals_end_it_well(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            dnsd = self.start()
            self.ask()
            self.assertEqual(dnsd.end(number), 0)

    def test_no_query_that_arrived_is_lost(self):
        dnsd = self.start()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect(('127.0.0.1', self.port))
            for number in range(100):  # their answers fit the receive buffer
                message = dns.message.make_query(SRV_NAME, 'SRV')
                message.id = number
                client.send(message.to_wire())
            dnsd.process.send_signal(signal.SIGTERM)
            got = set()
            while len(got) < 100:
                ready = select.select([client], [], [], 5)[0]
                self.assertTrue(ready, f'{len(got)} of 100 answers')
                got.add(struct.unpack('!H', client.recv(4096)[:2])[0])


if __name__ == '__main__':
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
