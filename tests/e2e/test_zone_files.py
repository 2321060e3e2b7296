# SPDX-License-Identifier: GPL-3.0-or-later
"""srvplan-dnsd --zone: plain zone files without srvpland, from start to takeover to end."""
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import srvplan  # noqa: E402
from zone_server import ZoneServer  # noqa: E402

ZONE = '''\
$TTL 300
@ IN SOA ns1 hostmaster {serial} 3600 900 604800 60
@ NS ns1
ns1 A 192.0.2.53
_xmpp-client._tcp SRV 10 {weight} 5222 xmpp1
_xmpp-client._tcp SRV 10 1 5222 xmpp2
xmpp1 A 192.0.2.1
xmpp2 A 192.0.2.2
www CNAME xmpp1
*.wild TXT "any"
sub NS ns.sub
ns.sub A 192.0.2.99
'''
OWNER = '_xmpp-client._tcp.example.org.'


def zone(serial=1, weight=3):
    return ZONE.format(serial=serial, weight=weight)


class Load(threading.Thread):
    """Asks without a pause, at most WINDOW queries in flight, and takes every answer."""
    WINDOW = 32

    def __init__(self, port):
        super().__init__(daemon=True)
        self.over = threading.Event()
        self.asked = self.lost = self.wrong = 0
        self.weights = []  # as they came
        self.seen = {}  # weight by answer
        self.question = dns.message.make_query(OWNER, 'SRV').to_wire()[2:]
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.connect(('127.0.0.1', port))
        self.udp.settimeout(3)

    def run(self):
        while not self.over.is_set():
            waiting = {struct.pack('!H', (self.asked + i) % 65536) for i in range(self.WINDOW)}
            for identifier in waiting:
                self.udp.send(identifier + self.question)
            self.asked += len(waiting)
            while waiting:
                try:
                    answer = self.udp.recv(4096)
                except (socket.timeout, ConnectionRefusedError):
                    self.lost += len(waiting)
                    break
                waiting.discard(answer[:2])
                self.look(answer)
        self.udp.close()

    def look(self, answer):
        """Both records in it, of one version of the zone."""
        if answer[2:] in self.seen:
            weight = self.seen[answer[2:]]
            if self.weights[-1] != weight:
                self.weights.append(weight)
            return
        message = dns.message.from_wire(answer)
        weights = sorted(record.weight for rrset in message.answer for record in rrset)
        if len(weights) != 2 or weights[0] != 1:
            self.wrong += 1
        else:
            self.seen[answer[2:]] = weights[1]
            self.weights.append(weights[1])

    def stop(self):
        self.over.set()
        self.join(10)


class ZonesCase(srvplan.Case):
    def serve_zones(self, texts=None, *arguments):
        return self.enter(ZoneServer(texts or {'example.org.': zone()}, '--rate-limit', '0',
                                     *arguments))

    def weight(self, server):
        answer = srvplan.ask(server.port, OWNER)
        return max(record.weight for record in answer.answer[0])


class ServeTest(ZonesCase):
    def test_a_plain_zone_file_is_served(self):
        server = self.serve_zones()
        answer = srvplan.ask(server.port, OWNER, tcp=True)
        self.assertEqual(srvplan.hosts(answer), ['xmpp1', 'xmpp2'])
        self.assertEqual(len(answer.additional), 2)
        answer = srvplan.ask(server.port, 'www.example.org.', 'A')
        self.assertEqual(srvplan.records(answer), ['192.0.2.1', 'xmpp1.example.org.'])
        answer = srvplan.ask(server.port, 'x.y.wild.example.org.', 'TXT')
        self.assertEqual(srvplan.records(answer), ['"any"'])
        answer = srvplan.ask(server.port, 'www.sub.example.org.', 'A')
        self.assertFalse(answer.flags & dns.flags.AA)
        self.assertEqual([rrset.rdtype for rrset in answer.authority], [dns.rdatatype.NS])
        self.assertEqual(srvplan.ask(server.port, 'example.org.', 'SOA').answer[0][0].serial, 1)
        self.assertEqual(srvplan.ask(server.port, 'example.net.').rcode(), dns.rcode.REFUSED)

    def test_the_compiler_has_ended_before_the_server_starts(self):
        server = self.serve_zones()
        self.assertEqual(len(server.children()), 1)
        log = server.log()
        self.assertLess(log.index('zone files compiled'), log.index('ready addresses'))

    def test_a_directory_and_what_files_say_of_themselves(self):
        with tempfile.TemporaryDirectory() as directory:
            for name, text in (('example.net.zone', zone()), ('other.zone',
                               '$ORIGIN example.com.\n' + zone()), ('notes.txt', 'no zone')):
                with open(os.path.join(directory, name), 'w', encoding='ascii') as file:
                    file.write(text)
            server = self.serve_zones(None, '--zone', directory)
            for apex in ('example.org.', 'example.net.', 'example.com.'):
                self.assertEqual(len(srvplan.ask(server.port, apex, 'SOA').answer), 1, apex)

    def test_fixed_order_is_that_of_priority_and_weight(self):
        server = self.serve_zones(None, '--answer-order', 'fixed')
        first = {srvplan.ask(server.port, OWNER).answer[0][0].weight for _ in range(20)}
        self.assertEqual(first, {1})
        server = self.serve_zones()
        first = {srvplan.ask(server.port, OWNER).answer[0][0].weight for _ in range(20)}
        self.assertEqual(first, {1, 3})


class FaultsTest(srvplan.Case):
    def refused(self, text, *arguments):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, 'bad.zone')
            with open(path, 'w', encoding='ascii') as file:
                file.write(text)
            done = subprocess.run(
                [srvplan.DNSD, '--zone', f'example.org={path}', '--listen',
                 f'127.0.0.1:{srvplan.free_port()}', *arguments], capture_output=True, text=True,
                timeout=60, env=srvplan.environment())
            self.assertIsNone(srvplan.SANITIZER.search(done.stderr), done.stderr)
            return done.returncode, done.stderr.replace(path, 'FILE')

    def test_every_fault_is_said_with_its_place(self):
        status, said = self.refused(zone() + 'a CNAME b\nb CNAME c\nc CNAME a\nwww A 192.0.2.7\n'
                                    'x.example.net. A 192.0.2.8\n  A 192.0.2\n*.w CNAME y.w\n')
        self.assertEqual(status, 1)
        for line in ('FILE:9:1: expected no other records beside a CNAME, found A at '
                     'www.example.org. (line 16)',
                     'FILE:15:1: expected a CNAME that leads to data, found one that comes back to '
                     'a.example.org.',
                     'FILE:17:1: expected a name in the zone example.org., found x.example.net.',
                     'FILE:18:5: expected the data of type A',
                     'FILE:19:1: expected a CNAME that leads to data, found one that comes back to '
                     '*.w.example.org.'):
            self.assertIn(line, said)
        for line in said.splitlines()[:-1]:
            self.assertIn('; ', line)  # what to do

    def test_what_is_no_zone_is_refused(self):
        for text, words in (('', 'expected the SOA record of a zone, found none'),
                            ('@ SOA a b 1 2 3 4 5\n', 'expected NS records at the apex'),
                            (zone() + '@ SOA a b 9 2 3 4 5\n', 'FILE:13:1: expected one SOA'),
                            (zone() + 'd DNAME example.net.\n', 'FILE:13:1: expected data to serve'),
                            (zone() + '*.d NS ns1\n', 'expected no NS at a wildcard'),
                            (zone() + '$ORIGIN example.net.\n@ SOA a b 1 2 3 4 5\n', 'one SOA'),
                            (zone().replace('@ IN SOA', 'example.net. SOA'),
                             'expected the SOA record of example.org., found that of example.net.')):
            with self.subTest(words):
                status, said = self.refused(text)
                self.assertEqual(status, 1, said)
                self.assertIn(words, said)

    def test_two_sources_are_a_mistake_of_the_command_line(self):
        status, said = self.refused(zone(), '--image', '/nowhere')
        self.assertEqual((status, '--zone and --image' in said), (64, True), said)
        status, said = self.refused(zone(), '--answer-order', 'random')
        self.assertEqual(status, 64, said)

    def test_a_warning_does_not_stop_it(self):
        with ZoneServer({'example.org.': zone() + 'www.sub A 192.0.2.5\nwww.sub TXT hidden\n'
                         'sub2 NS ns.sub2\nxmpp1 60 A 192.0.2.3\n'}) as server:
            said = server.log()
        self.assertIn('warning: www.sub.example.org. TXT is never answered', said)
        self.assertIn('the name server ns.sub2.example.org. of sub2.example.org. has no address', said)
        self.assertIn('differ in TTL; the least is served', said)


class TakeoverTest(ZonesCase):
    def test_a_new_file_is_taken_without_a_lost_query(self):
        server = self.serve_zones()
        load = Load(server.port)
        load.start()
        for serial in range(2, 22):
            server.write('example.org.', zone(serial, weight=serial + 100))
            server.process.send_signal(signal.SIGHUP)
            server.wait_for('zone files served', serial)
        srvplan.wait_until(lambda: load.weights[-1] == 121, 5, 'the last version is answered')
        load.stop()
        self.assertEqual((load.lost, load.wrong), (0, 0))
        print(f'takeover: 20 new servers under load, {load.lost} lost of {load.asked}',
              file=sys.stderr)
        srvplan.wait_until(lambda: len(server.children()) == 1, 15, 'old servers have ended')
        self.assertEqual(srvplan.ask(server.port, 'example.org.', 'SOA').answer[0][0].serial, 21)

    def test_an_open_stream_gets_its_answers(self):
        server = self.serve_zones()
        query = dns.message.make_query(OWNER, 'SRV').to_wire()
        framed = struct.pack('!H', len(query)) + query
        with socket.create_connection(('127.0.0.1', server.port), timeout=10) as stream:
            stream.sendall(framed[:5])  # begun with the old server
            server.write('example.org.', zone(2, 77))
            server.process.send_signal(signal.SIGHUP)
            server.wait_for('zone files served', 2)
            self.assertEqual(self.weight(server), 77)

    def test_bad_files_leave_the_old_ones_served(self):
        server = self.serve_zones()
        server.write('example.org.', zone(2, 9) + 'oops\n')
        server.process.send_signal(signal.SIGHUP)
        server.wait_for('zone files refused, the old ones go on')
        self.assertIn(f'{server.files["example.org."]}:13:1: expected the type of a record',
                      server.log())
        self.assertEqual(self.weight(server), 3)
        server.write('example.org.', zone(2, 9))
        server.process.send_signal(signal.SIGHUP)
        server.wait_for('zone files served', 2)
        srvplan.wait_until(lambda: self.weight(server) == 9, 5, 'the mended file is served')

    def test_a_change_without_a_new_serial_is_said(self):
        server = self.serve_zones()
        for times, (serial, weight, is_said) in enumerate(((1, 3, False), (1, 4, True), (2, 5, False),
                                                           (2**31 + 9, 6, True)), 2):
            server.write('example.org.', zone(serial, weight))
            before = server.log().count('has changed, but its serial went')
            server.process.send_signal(signal.SIGHUP)
            server.wait_for('zone files served', times)
            said = server.log().count('has changed, but its serial went') - before
            self.assertEqual(said, is_said, (serial, weight))
            # Both servers answer until the old one has ended.
            srvplan.wait_until(lambda w=weight: self.weight(server) == w, 5, f'{weight} is served')

    def test_a_server_that_dies_is_started_again(self):
        server = self.serve_zones()
        for times in (2, 3):
            (pid,) = server.children()
            os.kill(pid, signal.SIGKILL)
            server.wait_for('zone files served', times)
            self.assertEqual(self.weight(server), 3)
        self.assertIn('the server died, starting it again', server.log())

    def test_the_end_of_the_keeper_is_the_end_of_all(self):
        server = self.serve_zones()
        (pid,) = server.children()
        self.assertEqual(server.stop(), 0)
        self.assertFalse(srvplan.alive(pid))

    def test_the_server_does_not_outlive_a_keeper_that_is_killed(self):
        server = self.serve_zones()
        (pid,) = server.children()
        server.process.kill()
        server.process.wait()
        srvplan.wait_until(lambda: not srvplan.alive(pid), 20, 'the server ends')

    def test_a_restart_on_sockets_of_the_service_manager_loses_nothing(self):
        with tempfile.TemporaryDirectory() as directory, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, \
                socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            path = os.path.join(directory, 'example.org.zone')
            with open(path, 'w', encoding='ascii') as file:
                file.write(zone())
            port = srvplan.free_port()
            udp.bind(('127.0.0.1', port))
            tcp.bind(('127.0.0.1', port))
            tcp.listen(16)
            client.connect(('127.0.0.1', port))
            client.settimeout(20)
            for number in range(3):
                client.send(struct.pack('!H', number) + dns.message.make_query(
                    OWNER, 'SRV').to_wire()[2:])  # before anybody reads
                with open(os.path.join(directory, 'log'), 'ab') as log:
                    process = subprocess.Popen(
                        ['sh', '-c', f'exec 3<&{udp.fileno()} 4<&{tcp.fileno()}; '
                         'LISTEN_PID=$$ LISTEN_FDS=2 exec "$@"', 'sh', srvplan.DNSD, '--zone', path],
                        stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                        pass_fds=(udp.fileno(), tcp.fileno()), env=srvplan.environment())
                try:
                    self.assertEqual(client.recv(4096)[:2], struct.pack('!H', number))
                    self.assertEqual(len(srvplan.ask(port, OWNER, tcp=True).answer[0]), 2)
                finally:
                    process.terminate()
                    process.wait(20)
                self.assertEqual(process.returncode, 0)

    def test_the_service_manager_hears_when_it_is_ready(self):
        with tempfile.TemporaryDirectory() as directory, \
                socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(os.path.join(directory, 'notify'))
            manager.settimeout(20)
            os.environ['NOTIFY_SOCKET'] = os.path.join(directory, 'notify')
            try:
                server = self.serve_zones()
            finally:
                del os.environ['NOTIFY_SOCKET']
            self.assertTrue(manager.recv(4096).startswith(b'READY=1\n'))
            server.process.send_signal(signal.SIGHUP)
            self.assertTrue(manager.recv(4096).startswith(b'RELOADING=1\n'))
            self.assertTrue(manager.recv(4096).startswith(b'READY=1\n'))
            self.assertEqual(server.stop(), 0)
            self.assertTrue(manager.recv(4096).startswith(b'STOPPING=1'))


if __name__ == '__main__':
    srvplan.main()
