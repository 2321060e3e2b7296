#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kills, restarts, signals: dnsd answers on, and nothing that was acknowledged is forgotten."""
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import srvplan  # noqa: E402
from srvplan import OK, OWNERS, wait_until  # noqa: E402


class Burst(threading.Thread):
    """Asks count times as fast as answers come, each query once: none is asked again. Over TCP all
    go through one connection."""

    def __init__(self, port, tcp, count):
        super().__init__(daemon=True)
        self.port, self.tcp, self.count = port, tcp, count
        self.answered, self.failure = 0, None

    def run(self):
        try:
            if self.tcp:
                self.run_tcp()
            else:
                self.run_udp()
        except Exception as error:  # pylint: disable=broad-except
            self.failure = error

    def take(self, number, answer):
        if answer[:2] != number.to_bytes(2, 'big') or answer[3] & 15 or not answer[7]:
            raise AssertionError(f'answer {number}: {answer[:12].hex()}')
        self.answered += 1

    @staticmethod
    def query(number):
        query = srvplan.dns.message.make_query(OWNERS[number % len(OWNERS)], 'SRV')
        query.id = number
        return query.to_wire()

    def run_udp(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(2)
            udp.connect(('127.0.0.1', self.port))
            for number in range(self.count):
                udp.send(self.query(number))
                self.take(number, udp.recv(4096))

    def run_tcp(self):
        with socket.create_connection(('127.0.0.1', self.port), 5) as tcp, tcp.makefile('rb') as file:
            for number in range(self.count):
                wire = self.query(number)
                tcp.sendall(len(wire).to_bytes(2, 'big') + wire)
                self.take(number, file.read(int.from_bytes(file.read(2), 'big')))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.join(60)


class KillTest(srvplan.Case):
    def assertInStep(self, server):
        status = server.status()
        self.assertTrue(status['ready'], status['reasons'])
        self.assertTrue(status['dnsd']['in_step'])
        self.assertEqual(status['revision'], status['served_revision'])
        return status

    def test_srvpland_killed_dnsd_answers_on_and_is_adopted(self):
        server = self.serve()
        server.cli('drain', 'xmpp1', '-m', 'test', check=OK)
        before, serial = server.sets(), server.serial()
        pid = server.status()['processes']['dnsd']
        with srvplan.Watcher(server.dns_port) as watcher:
            for _ in range(3):
                server.kill()
                self.assertEqual(server.sets(), before, 'answers without srvpland')
                self.assertEqual(server.sets(tcp=True), before)
                server.start()
                self.assertEqual(self.assertInStep(server)['processes']['dnsd'], pid)
                self.assertTrue(srvplan.alive(pid))
            server.cli('undrain', 'xmpp1', check=OK)  # the adopted one takes changes
            self.assertIn('xmpp1', srvplan.hosts(server.ask(OWNERS[0])))
        self.assertEqual((watcher.lost, watcher.empty), ([], 0))
        self.assertGreater(watcher.asked, 100)
        self.assertSerialGreater(server.serial(), serial)
        self.assertEqual(server.dnsd_pids(), [pid])

    def test_an_adopted_dnsd_is_supervised_too(self):
        server = self.serve()
        pid = server.status()['processes']['dnsd']
        server.kill()
        server.start()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: server.status()['processes']['dnsd'] not in (None, pid), 3, 'a new one')
        self.assertEqual(len(server.sets()), len(OWNERS))

    def test_an_adopted_dnsd_with_other_addresses_is_replaced(self):
        server = self.serve()
        pid = server.status()['processes']['dnsd']
        server.kill()
        server.dns_port = srvplan.free_port()
        server.start()
        self.assertNotEqual(self.assertInStep(server)['processes']['dnsd'], pid)
        self.assertFalse(srvplan.alive(pid))
        self.assertEqual(len(server.sets()), len(OWNERS))

    def test_an_adopted_dnsd_with_another_count_of_workers_is_replaced(self):
        server = self.serve()
        pid = server.status()['processes']['dnsd']
        server.kill()
        server.workers = 2
        server.start()
        status = self.assertInStep(server)
        self.assertNotEqual(status['processes']['dnsd'], pid)
        self.assertEqual(status['dnsd']['workers'], 2)
        self.assertFalse(srvplan.alive(pid))
        self.assertEqual(len(server.sets()), len(OWNERS))

    def test_an_adopted_dnsd_is_ended_with_srvpland(self):
        server = self.serve()
        pid = server.status()['processes']['dnsd']
        server.kill()
        server.start()
        self.assertEqual(server.status()['processes']['dnsd'], pid)
        server.stop(seconds=5)
        self.assertFalse(srvplan.alive(pid))

    def test_none_of_2000_queries_is_lost_over_a_kill(self):
        for tcp, count in ((False, 2000), (True, 2000)):
            with self.subTest(tcp=tcp):
                server = self.serve()
                with Burst(server.dns_port, tcp, count) as burst:
                    wait_until(lambda b=burst: b.answered > count // 4, 30, 'a part is asked')
                    server.kill()
                    self.assertLess(burst.answered, count, 'killed too late')
                self.assertEqual((burst.failure, burst.answered), (None, count))
                server.start()

    def test_dnsd_killed_is_back_within_a_second(self):
        server = self.serve()
        server.cli('drain', 'xmpp1', '-m', 'test', check=OK)
        before, serial = server.sets(), server.serial()
        pid = server.status()['processes']['dnsd']
        os.kill(pid, signal.SIGKILL)
        begin = time.monotonic()

        def answers():
            try:
                return server.ask(OWNERS[0], timeout=0.1)
            except (OSError, srvplan.dns.exception.DNSException):
                return None

        answer = wait_until(answers, 5, 'dnsd is back')
        took = time.monotonic() - begin
        self.assertLess(took, 1.0)
        self.assertEqual(srvplan.hosts(answer), ['xmpp2', 'xmpp3'])
        self.assertEqual((server.sets(), server.serial()), (before, serial))
        status = wait_until(lambda: (lambda s: s['ready'] and s)(server.status()), 3, 'ready')
        self.assertNotIn(status['processes']['dnsd'], (None, pid))
        self.assertEqual(server.dnsd_pids(), [status['processes']['dnsd']])

    def test_dnsd_stopped_gives_202_and_exit_5_and_is_served_later(self):
        server = self.serve()
        pid = server.status()['processes']['dnsd']
        os.kill(pid, signal.SIGSTOP)
        try:
            reply = server.drain('xmpp1')
            self.assertEqual((reply.status, reply.json['served_at']), (202, None), reply)
            self.assertEqual(server.rest('GET', '/healthz').status, 503)
            late = server.cli('drain', 'xmpp3', '-m', 'test', check=srvplan.UNREACHABLE)
            self.assertTrue(late.stderr)
        finally:
            os.kill(pid, signal.SIGCONT)
        wait_until(lambda: server.status()['ready'], 5, 'ready again')
        self.assertEqual(srvplan.hosts(server.ask(OWNERS[0])), ['xmpp2'])
        self.assertTrue(all(drain['served_at'] for drain in server.get('/drains')['items']))


class RestartTest(srvplan.Case):
    def test_drain_and_weight_survive_and_no_serial_goes_back(self):
        server = self.serve()
        server.cli('drain', 'xmpp1', '-m', 'kernel', check=OK)
        server.cli('weight', 'xmpp2', '77', '-m', 'slow', check=OK)
        for how in ('both ended', 'both killed'):
            with self.subTest(how):
                before = server.sets()
                serials = {zone: server.serial(zone) for zone in ('example.org.', 'example.net.')}
                drains, weights = server.get('/drains')['items'], server.status()['weights']
                revision = server.status()['revision']
                if how == 'both ended':
                    server.stop()
                else:
                    pids = server.dnsd_pids()
                    server.kill()
                    for pid in pids:
                        os.kill(pid, signal.SIGKILL)
                wait_until(lambda: not server.dnsd_pids(), 5, 'both are gone')
                server.start()
                self.assertEqual(server.sets(), before)
                for zone, serial in serials.items():
                    self.assertSerialNotSmaller(server.serial(zone), serial)
                again = server.get('/drains')['items']
                keys = ('id', 'node', 'actor', 'reason', 'created_at', 'until', 'served_at')
                self.assertEqual([[d[k] for k in keys] for d in again],
                                 [[d[k] for k in keys] for d in drains])
                self.assertEqual(server.status()['weights'], weights)
                self.assertGreaterEqual(server.status()['revision'], revision)

    def test_a_drain_that_ended_while_we_were_down_is_over(self):
        server = self.serve()
        server.cli('drain', 'xmpp1', '-m', 'test', '--for', '1s', check=OK)
        server.stop()
        time.sleep(1.2)  # its time runs out with nobody there
        server.start()
        wait_until(lambda: 'xmpp1' in srvplan.hosts(server.ask(OWNERS[0])), 3, 'it is back')

    def test_sigterm_and_sigint_end_both(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number=number):
                server = srvplan.Server()
                try:
                    server.start()
                    pid = server.status()['processes']['dnsd']
                    server.stop(number, seconds=5)
                    self.assertFalse(srvplan.alive(pid))
                    self.assertEqual(server.dnsd_pids(), [])
                finally:
                    server.close()

    def test_dnsd_starts_from_the_image_on_disk_alone(self):
        server = self.serve()
        server.cli('drain', 'xmpp1', '-m', 'test', check=OK)
        before = server.sets()
        server.stop()
        port = srvplan.free_port()
        dnsd = subprocess.Popen([srvplan.DNSD, '--image', os.path.join(server.state, 'image'),
                                 '--listen', f'127.0.0.1:{port}'], stdin=subprocess.DEVNULL,
                                stderr=subprocess.PIPE, text=True, env=srvplan.environment())
        try:
            self.assertIn('ready', dnsd.stderr.readline() + dnsd.stderr.readline())
            self.assertEqual({owner: srvplan.records(srvplan.ask(port, owner)) for owner in OWNERS},
                             before)
        finally:
            dnsd.terminate()
            said = dnsd.communicate(timeout=20)[1]
        self.assertNotRegex(said, srvplan.SANITIZER)
        self.assertEqual(dnsd.returncode, 0)
        server.start()


class ReloadTest(srvplan.Case):
    def reload(self, server, document):
        server.write_inventory(document)
        seen = len(server.log())
        server.send(signal.SIGHUP)
        return lambda: server.log()[seen:]

    def assertReasonNames(self, server, word):
        """What is wrong with the file is said in the status, for machines and for people; what is
        served is right, so readiness stays."""
        status = wait_until(lambda: (lambda s: s['reasons'] and s)(server.status()), 5, 'a reason')
        self.assertTrue(status['ready'])
        self.assertTrue(any(word in reason for reason in status['reasons']), status['reasons'])
        said = server.cli('status', check=OK).stdout
        self.assertRegex(said, f'not in force.*{word}')

    def test_sighup_reads_the_inventory_and_logs_the_difference(self):
        document = srvplan.inventory()
        server = self.serve(document)
        server.cli('drain', 'xmpp1', '-m', 'test', check=OK)
        serials = {zone: server.serial(zone) for zone in ('example.org.', 'example.net.')}
        document['nodes']['xmpp4'] = {'addresses': ['192.0.2.14'], 'capacity': 40}
        with srvplan.Watcher(server.dns_port) as watcher:
            log = self.reload(server, document)
            wait_until(lambda: 'xmpp4' in srvplan.hosts(server.ask(OWNERS[0])), 5, 'the new node')
        self.assertEqual((watcher.lost, watcher.empty), ([], 0))
        self.assertEqual(srvplan.hosts(server.ask(OWNERS[0])), ['xmpp2', 'xmpp3', 'xmpp4'],
                         'the drained node stays drained')
        self.assertEqual(srvplan.records(server.ask('xmpp4.example.org.', 'A')), ['192.0.2.14'])
        for zone, serial in serials.items():
            self.assertSerialGreater(server.serial(zone), serial)
        wait_until(lambda: 'xmpp4' in log(), 2, 'the log names what changed')

    def test_a_zone_that_did_not_change_keeps_its_serial(self):
        document = srvplan.inventory()
        document['domains']['chat.example.net']['nodes'] = ['xmpp1', 'xmpp2']
        server = self.serve(document)
        serials = {zone: server.serial(zone) for zone in ('example.org.', 'example.net.')}
        server.cli('drain', 'xmpp3', '-m', 'test', check=OK)  # only example.org names it
        self.assertSerialGreater(server.serial('example.org.'), serials['example.org.'])
        self.assertEqual(server.serial('example.net.'), serials['example.net.'])

    def test_sighup_without_a_change_changes_nothing(self):
        server = self.serve()
        revision, serial = server.status()['revision'], server.serial()
        seen = len(server.log())
        server.send(signal.SIGHUP)
        wait_until(lambda: 'unchanged' in server.log()[seen:], 5, 'a line in the log')
        self.assertEqual((server.status()['revision'], server.serial()), (revision, serial))

    def test_a_damaged_inventory_is_refused_with_its_place_and_the_old_one_goes_on(self):
        document = srvplan.inventory()
        server = self.serve(document)
        server.cli('drain', 'xmpp1', '-m', 'test', check=OK)
        before, serial = server.sets(), server.serial()
        revision = server.status()['revision']
        damaged = {
            'cut': '{\n  "srvplan": 1,\n  "domains": {',
            'empty': '',
            'unknown key': '{\n  "srvplan": 1, "domians": {}\n}',
            'bytes': '{\n  "srvplan": \x01\x02',
        }
        for label, text in damaged.items():
            with self.subTest(label):
                log = self.reload(server, text)
                wait_until(lambda log=log: 'inventory.jsonc' in log() and 'ERROR' in log().upper(),
                           5, 'an error in the log')
                self.assertRegex(log(), r'inventory\.jsonc(:| line=)\d+')
                self.assertEqual((server.sets(), server.serial()), (before, serial))
                self.assertReasonNames(server, 'inventory.jsonc')
                self.assertEqual(server.status()['revision'], revision)
                server.cli('weight', 'xmpp2', '100%', '-m', 'still takes changes', check=OK)
                server.cli('weight', 'xmpp2', '--reset', check=OK)
                before, serial = server.sets(), server.serial()
                revision = server.status()['revision']
        log = self.reload(server, document)
        wait_until(lambda: server.status()['reasons'] == [], 5, 'the reason is gone')
        server.undrain(server.get('/drains')['items'][0]['id'])
        self.assertIn('xmpp1', srvplan.hosts(server.ask(OWNERS[0])))

    def test_a_missing_or_damaged_inventory_at_restart_leaves_the_stores_in_force(self):
        server = self.serve()
        server.cli('drain', 'xmpp1', '-m', 'test', check=OK)
        before = server.sets()
        for label in ('damaged', 'missing'):
            with self.subTest(label):
                server.stop()
                if label == 'damaged':
                    server.write_inventory('{')
                else:
                    os.unlink(server.file)
                server.start()
                self.assertEqual(server.sets(), before)
                self.assertIn('inventory.jsonc', server.log(since_start=True))

    def test_a_node_that_leaves_takes_its_records_and_its_drain_waits(self):
        document = srvplan.inventory()
        server = self.serve(document)
        server.cli('drain', 'xmpp2', '-m', 'test', check=OK)
        full = document['nodes']
        document['nodes'] = {key: node for key, node in full.items() if key != 'xmpp2'}
        self.reload(server, document)
        wait_until(lambda: server.ask('xmpp2.example.org.', 'A').rcode() == srvplan.dns.rcode.NXDOMAIN,
                   5, 'the node is gone')
        document['nodes'] = full
        self.reload(server, document)
        wait_until(lambda: server.ask('xmpp2.example.org.', 'A').answer, 5, 'the node is back')
        self.assertEqual(srvplan.hosts(server.ask(OWNERS[0])), ['xmpp1', 'xmpp3'],
                         'its drain counts again')


class Takeover(srvplan.Case):
    """Another dnsd takes over from the one that srvpland started: it is the one that counts then."""

    def take_over(self, server):
        old = server.dnsd_pids()[0]
        with open(f'/proc/{old}/cmdline', 'rb') as cmdline:
            words = cmdline.read().decode().split('\0')[:-1]
        self.assertIn('--takeover', words)
        with open(server.log_path, 'a', encoding='utf-8') as log:
            new = subprocess.Popen([srvplan.DNSD, *words[1:]], stderr=log,
                                   env=srvplan.environment())
        self.addCleanup(self.reap, new)
        wait_until(lambda: not srvplan.alive(old), 10, f'{old} ends')
        wait_until(lambda: server.status()['dnsd']['pid'] == new.pid, 10, f'{new.pid} is known')
        return new

    @staticmethod
    def reap(process):
        if process.poll() is None:
            process.kill()
        process.wait()

    def test_srvpland_follows(self):
        server = self.serve()
        before = server.sets()
        with srvplan.Watcher(server.dns_port) as watcher:
            for _ in range(3):
                new = self.take_over(server)
        self.assertEqual(watcher.lost, [])
        self.assertEqual(server.sets(), before)
        self.assertEqual(server.drain('xmpp1').status, 201)  # served by the new one
        wait_until(lambda: server.status()['dnsd']['in_step'], 10, 'the drain is served')
        self.assertNotEqual(server.sets(), before)
        new.kill()  # it is watched: srvpland starts one of its own
        new.wait()
        wait_until(lambda: server.dnsd_pids() not in ([], [new.pid]), 10, 'another is started')
        wait_until(lambda: server.status()['dnsd']['in_step'], 10, 'it is in step')
        server.stop()

    def test_hangup_of_dnsd_asks_srvpland(self):
        server = self.serve()
        os.kill(server.dnsd_pids()[0], signal.SIGHUP)
        wait_until(lambda: 'dnsd asks for the newest generation' in server.log(), 10, 'it is asked')
        wait_until(lambda: server.status()['dnsd']['in_step'], 10, 'it is in step')
        server.stop()


if __name__ == '__main__':
    unittest.main(verbosity=2)
