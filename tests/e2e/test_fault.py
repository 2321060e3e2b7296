#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A port in use, damaged files, a full disk, a second start: a clear error, and the old state goes
on. "Clear" is tested as: the exit status, the thing it is about, and no more than a few lines."""
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import srvplan  # noqa: E402
from srvplan import OK, OWNERS  # noqa: E402

DNSD_FAILS_SECONDS = 20


def dnsd_alone(state, port):
    """Runs srvplan-dnsd over the image of a state directory; for when it must refuse."""
    return subprocess.run([srvplan.DNSD, '--image', os.path.join(state, 'image'), '--listen',
                           f'127.0.0.1:{port}'], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, env=srvplan.environment(), timeout=DNSD_FAILS_SECONDS,
                          check=False)


def damages(path):
    """(label, function that damages the file): cut, emptied, bits turned here and there."""
    size = os.path.getsize(path)

    def cut(to):
        return lambda: os.truncate(path, to)

    def turn(at):
        def do():
            with open(path, 'r+b') as file:
                file.seek(at)
                byte = file.read(1)[0]
                file.seek(at)
                file.write(bytes([byte ^ 0x10]))
        return do

    def grow():
        with open(path, 'ab') as file:
            file.write(b'\0' * 64)

    yield from ((f'cut to {to} bytes', cut(to)) for to in (0, 1, 63, size // 2, size - 1))
    yield from ((f'bit turned at {at}', turn(at)) for at in (0, 9, 40, size // 3, size - 1))
    yield 'longer than it says', grow
    yield 'another kind of file', lambda: shutil.copyfile('/proc/self/status', path)


class ImageTest(srvplan.Case):
    def test_dnsd_alone_refuses_a_damaged_image(self):
        server = self.serve()
        server.stop()
        image = os.path.join(server.state, 'image')
        names = [name for name in os.listdir(image) if name.startswith('names-')][0]
        for name in ('answers.img', names):
            path = os.path.join(image, name)
            shutil.copyfile(path, path + '.kept')
            for label, damage in damages(path):
                with self.subTest(file=name, damage=label):
                    damage()
                    port = srvplan.free_port()
                    done = dnsd_alone(server.state, port)
                    self.assertEqual(done.returncode, 1, done.stderr)
                    self.assertRegex(done.stderr, name.split('-')[0].split('.')[0])
                    self.assertLess(len(done.stderr.splitlines()), 6, done.stderr)
                    self.assertNotRegex(done.stderr, srvplan.SANITIZER)
                shutil.copyfile(path + '.kept', path)
            os.unlink(path + '.kept')
        with self.subTest('no image at all'):
            os.rename(image, image + '.away')
            self.assertEqual(dnsd_alone(server.state, srvplan.free_port()).returncode, 1)
            os.rename(image + '.away', image)
        server.start()

    def test_srvpland_writes_a_damaged_image_anew_from_the_store(self):
        server = self.serve()
        server.cli('drain', 'xmpp1', '-m', 'test', check=OK)
        before, serial = server.sets(), server.serial()
        image = os.path.join(server.state, 'image')
        for which in ('answers', 'names', 'both gone'):
            with self.subTest(which):
                server.stop()
                for name in os.listdir(image):
                    if which == 'both gone':
                        os.unlink(os.path.join(image, name))
                    elif name.startswith(which):
                        os.truncate(os.path.join(image, name), 100)
                server.start()
                self.assertEqual(server.sets(), before)
                self.assertSerialNotSmaller(server.serial(), serial)
                self.assertTrue(server.status()['dnsd']['in_step'])

    def test_the_answers_of_another_inventory_are_refused_and_replaced(self):
        document = srvplan.inventory()
        document['nodes']['xmpp4'] = {'addresses': ['192.0.2.14']}
        other = self.serve(document)
        other.cli('drain', 'xmpp4', '-m', 'test', check=OK)
        server = self.serve()
        before, serial = server.sets(), server.serial()
        server.stop()
        path = os.path.join(server.state, 'image', 'answers.img')
        shutil.copyfile(os.path.join(other.state, 'image', 'answers.img'), path)
        done = dnsd_alone(server.state, srvplan.free_port())
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn('names-', done.stderr)
        self.assertNotRegex(done.stderr, srvplan.SANITIZER)
        server.start()
        self.assertEqual(server.sets(), before)
        self.assertSerialNotSmaller(server.serial(), serial)

    def test_dnsd_keeps_its_generation_when_the_file_below_it_is_damaged(self):
        server = self.serve()
        before = server.sets()
        path = os.path.join(server.state, 'image', 'answers.img')
        with open(path + '.junk', 'wb') as file:
            file.write(b'junk' * 1000)
        os.rename(path + '.junk', path)
        self.assertEqual(server.sets(), before)
        server.cli('drain', 'xmpp1', '-m', 'test', check=OK)
        self.assertNotIn('xmpp1', srvplan.hosts(server.ask(OWNERS[0])))

    def test_dnsd_killed_over_a_damaged_image_comes_back_right(self):
        server = self.serve()
        before = server.sets()
        path = os.path.join(server.state, 'image', 'answers.img')
        with open(path + '.junk', 'wb') as file:
            file.write(b'junk' * 1000)
        os.rename(path + '.junk', path)
        os.kill(server.status()['processes']['dnsd'], signal.SIGKILL)

        def same():
            with contextlib.suppress(OSError, srvplan.dns.exception.DNSException):
                return server.sets() == before
            return False

        srvplan.wait_until(same, 10, 'the old answers are back')


class StartTest(srvplan.Case):
    def assertClear(self, said, *words):
        for word in words:
            self.assertIn(str(word), said)
        self.assertLess(len(said.splitlines()), 12, said)
        self.assertNotRegex(said, srvplan.SANITIZER)

    def new(self, *arguments, **more):
        server = srvplan.Server(*arguments, **more)
        self.addCleanup(server.close)
        return server

    def test_a_dns_port_in_use(self):
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            with self.subTest(kind=kind.name), socket.socket(socket.AF_INET, kind) as holder:
                server = self.new()
                holder.bind(('127.0.0.1', server.dns_port))
                if kind == socket.SOCK_STREAM:
                    holder.listen()
                status, said = server.start_refused()
                self.assertEqual(status, 1)
                self.assertClear(said, server.dns_port, 'in use')
                self.assertEqual(server.dnsd_pids(), [])

    def test_ports_that_another_server_of_ours_holds(self):
        first = self.serve()
        before, processes = first.sets(), first.status()['processes']
        for port in ('dns_port', 'api_port'):
            with self.subTest(port=port):
                second = self.new()
                setattr(second, port, getattr(first, port))
                status, said = second.start_refused()
                self.assertEqual(status, 1)
                self.assertClear(said, f'127.0.0.1:{getattr(first, port)}', 'in use')
                self.assertEqual(second.dnsd_pids(), [])
                self.assertEqual((first.sets(), first.sets(tcp=True)), (before, before))
                self.assertEqual(first.status()['processes'], processes)
                first.cli('drain', 'xmpp1', '-m', 'test', check=OK)
                self.assertNotIn('xmpp1', srvplan.hosts(first.ask(OWNERS[0])))
                first.cli('undrain', 'xmpp1', check=OK)
                # With a port of its own it starts from the same state directory.
                setattr(second, port, srvplan.free_port())
                second.start()
                self.assertEqual(second.sets(), before)
                second.stop()

    def test_an_api_port_in_use(self):
        with socket.socket() as holder:
            server = self.new()
            holder.bind(('127.0.0.1', server.api_port))
            holder.listen()
            status, said = server.start_refused()
        self.assertEqual(status, 1)
        self.assertClear(said, server.api_port, 'in use')
        self.assertEqual(server.dnsd_pids(), [])

    def test_a_failed_start_leaves_the_dnsd_of_before_alone(self):
        server = self.serve()
        pid, before = server.status()['processes']['dnsd'], server.sets()
        server.kill()
        with socket.socket() as holder:
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            holder.bind(('127.0.0.1', server.api_port))
            holder.listen()
            self.assertEqual(server.start_refused()[0], 1)
        self.assertTrue(srvplan.alive(pid))
        self.assertEqual(server.sets(), before)
        server.start()
        self.assertEqual(server.status()['processes']['dnsd'], pid)

    def test_a_second_srvpland_on_one_state_directory(self):
        server = self.serve()
        before, pid = server.sets(), server.status()['processes']['dnsd']
        second = srvplan.Server(directory=server.directory)
        second.log_path = os.path.join(server.directory, 'log-of-second')
        status, said = second.start_refused()
        self.assertEqual(status, 1)
        self.assertClear(said, server.state)
        self.assertEqual(server.sets(), before)
        self.assertEqual(server.status()['processes'],
                         {'srvpland': server.process.pid, 'dnsd': pid})
        server.cli('drain', 'xmpp1', '-m', 'test', check=OK)

    def test_a_damaged_inventory_at_the_first_start(self):
        for label, text, place in (
                ('cut', '{\n  "srvplan": 1,\n  "domains": {', ':3:'),
                ('a mistake', '{\n  "srvplan": 1,\n  "domians": {},\n "nodes": {}\n}', 'line=3 column=3'),
                ('empty', '', 'inventory.jsonc')):
            with self.subTest(label):
                server = self.new(text or ' ')
                status, said = server.start_refused()
                self.assertEqual(status, 1)
                self.assertClear(said, place)
                self.assertEqual(server.dnsd_pids(), [])
        server = self.new()
        os.unlink(server.file)
        status, said = server.start_refused()
        self.assertEqual(status, 1)
        self.assertClear(said, server.file, 'No such file')

    def test_a_damaged_store_is_never_made_anew(self):
        server = self.serve()
        server.cli('drain', 'xmpp1', '-m', 'test', check=OK)
        before = server.sets()
        path = os.path.join(server.state, 'srvplan.db')
        for label in ('emptied', 'junk'):
            with self.subTest(label):
                pids = server.dnsd_pids()
                server.kill()
                kept = {}
                for name in filter(lambda n: n.startswith('srvplan.db'), os.listdir(server.state)):
                    with open(os.path.join(server.state, name), 'rb') as file:
                        kept[name] = file.read()
                for name in kept:
                    os.unlink(os.path.join(server.state, name))
                with open(path, 'wb') as file:
                    file.write(b'' if label == 'emptied' else b'junk' * 5000)
                size = os.path.getsize(path)
                server.spawn()
                # Up, with the reason, publishing nothing; or refused: never a new, empty store.
                try:
                    reply = srvplan.wait_until(
                        lambda: server.process.poll() is not None or self.health(server), 15,
                        'an answer or an end')
                    if reply is not True:
                        self.assertEqual(reply.status, 503)
                        self.assertTrue(reply.json['reasons'])
                        drain = server.drain('xmpp2')
                        self.assertEqual(drain.status, 503, drain)
                    self.assertIn('srvplan.db', server.log(since_start=True))
                    self.assertEqual(server.sets(), before, 'dnsd goes on')
                    self.assertEqual(os.path.getsize(path), size)
                finally:
                    if server.process.poll() is None:
                        server.kill()
                os.unlink(path)
                for name, content in kept.items():
                    with open(os.path.join(server.state, name), 'wb') as file:
                        file.write(content)
                server.start()
                self.assertEqual(server.sets(), before)
                self.assertTrue(set(server.dnsd_pids()) & set(pids), 'the same dnsd all along')

    @staticmethod
    def health(server):
        try:
            return server.rest('GET', '/healthz', over='bare')
        except OSError:
            return None


@unittest.skipUnless(os.geteuid() == 0, 'needs root to mount a small file system')
class FullDiskTest(srvplan.Case):
    SIZE_KIB = 8192

    def mounted(self):
        directory = tempfile.mkdtemp(prefix='srvplan-test-disk-')
        done = subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={self.SIZE_KIB}k', 'none',
                               directory], capture_output=True, text=True, check=False)
        if done.returncode:
            os.rmdir(directory)
            self.skipTest('mount is not permitted here: ' + done.stderr.strip())
        self.addCleanup(os.rmdir, directory)
        self.addCleanup(subprocess.run, ['umount', '-l', directory], check=True)
        return directory

    def fill(self, directory):
        """Takes every byte that is left."""
        with open(os.path.join(directory, 'filler'), 'ab', buffering=0) as file:
            for size in (1 << 16, 1 << 12, 1):
                with contextlib.suppress(OSError):
                    while file.write(b'x' * size):
                        pass

    def test_full_disk_changes_are_refused_serving_goes_on_undrain_works(self):
        disk = self.mounted()
        server = srvplan.Server()
        self.addCleanup(server.close)
        server.state = os.path.join(disk, 'state')
        server.start()
        full = server.sets()
        server.cli('drain', 'xmpp1', '-m', 'test', check=OK)
        before, serial = server.sets(), server.serial()
        revision = server.status()['revision']
        # SQLite writes over free pages of its log, so that it takes some changes until it is full.
        self.fill(disk)
        refused = None
        for _ in range(200):
            self.fill(disk)
            reply = server.rest('PUT', '/api/v1/nodes/xmpp2/weight',
                                {'weight': 5, 'reason': 'x' * 900}, headers={'If-Match': '*'})
            if reply.status == 503:
                refused = reply
                break
            self.assertEqual(reply.status, 200, reply)
        self.assertIsNotNone(refused, 'a full disk was never noticed')
        self.assertEqual(refused.headers['Content-Type'], 'application/problem+json')
        self.assertIn('Retry-After', refused.headers)
        self.assertRegex(refused.json['detail'].lower(), 'full|space')
        said = server.cli('drain', 'xmpp2', '-m', 'test', check=srvplan.UNREACHABLE)
        self.assertTrue(said.stderr)
        self.assertNotIn('xmpp1', srvplan.hosts(server.ask(OWNERS[0])), 'the old state goes on')
        self.assertIn('xmpp2', srvplan.hosts(server.ask(OWNERS[0])))
        self.assertEqual(server.rest('GET', '/api/v1/nodes').status, 200, 'reading goes on')

        server.cli('undrain', 'xmpp1', check=OK)  # out of the ballast
        self.assertIn('xmpp1', srvplan.hosts(server.ask(OWNERS[0])))
        self.assertIn('undrain', [line['action'] for line in server.get('/audit')['items'][:2]])
        self.assertTrue(server.get('/audit/verify')['ok'])
        self.assertSerialGreater(server.serial(), serial)
        self.assertGreater(server.status()['revision'], revision)

        os.unlink(os.path.join(disk, 'filler'))
        server.cli('drain', 'xmpp2', '-m', 'test', check=OK)
        server.cli('undrain', 'xmpp2', check=OK)
        if server.status()['weights']:
            server.cli('weight', 'xmpp2', '--reset', check=OK)
        self.assertEqual(server.sets(), full)
        self.assertNotEqual(before, full)
        server.stop()
        server.start()
        self.assertEqual(server.sets(), full)
        server.stop()

    def test_a_copy_of_the_store_on_a_full_disk_is_refused_and_leaves_nothing(self):
        disk = self.mounted()
        server = srvplan.Server()
        self.addCleanup(server.close)
        server.state = os.path.join(disk, 'state')
        server.start()
        self.fill(disk)
        refused = server.rest('POST', '/api/v1/backup', {})
        self.assertEqual((refused.status, refused.json['type']), (503, '/docs/problems/no-space'))
        self.assertEqual(os.listdir(os.path.join(server.state, 'backup')), [])
        os.unlink(os.path.join(disk, 'filler'))
        self.assertEqual(server.rest('POST', '/api/v1/backup', {}).status, 201)
        server.stop()

    def test_a_state_directory_that_cannot_be_written_any_more(self):
        """As after an error of the disk: dnsd goes on, the API says why it does nothing."""
        disk = self.mounted()
        server = srvplan.Server()
        self.addCleanup(server.close)
        server.state = os.path.join(disk, 'state')
        server.start()
        server.cli('drain', 'xmpp1', '-m', 'test', check=OK)
        before, serial = server.sets(), server.serial()
        pid = server.status()['processes']['dnsd']
        server.kill()
        subprocess.run(['mount', '-o', 'remount,ro', disk], check=True)
        server.start()
        ready = server.rest('GET', '/readyz', over='bare')
        self.assertEqual(ready.status, 503)
        self.assertIn('cannot be written', str(ready.json['reasons']))
        for method, path, body in (('GET', '/api/v1/status', None),
                                   ('POST', '/api/v1/drains', {'node': 'xmpp2', 'reason': 'k'})):
            reply = server.rest(method, path, body, over='tcp')
            self.assertEqual(reply.status, 503, reply)
            self.assertIn('read-only', reply.json['detail'])
        self.assertEqual((server.sets(), server.serial()), (before, serial))
        self.assertTrue(srvplan.alive(pid))
        server.kill()
        subprocess.run(['mount', '-o', 'remount,rw', disk], check=True)
        server.start()
        self.assertEqual(server.status()['processes']['dnsd'], pid)
        self.assertEqual(server.sets(), before)
        server.cli('undrain', 'xmpp1', check=OK)
        server.stop()

    def test_restart_on_a_full_disk_keeps_serving(self):
        disk = self.mounted()
        server = srvplan.Server()
        self.addCleanup(server.close)
        server.state = os.path.join(disk, 'state')
        server.start()
        server.cli('drain', 'xmpp1', '-m', 'test', check=OK)
        before = server.sets()
        for way in (server.kill, server.stop):
            way()
            self.fill(disk)
            server.start()
            self.assertEqual(server.sets(), before)
            os.unlink(os.path.join(disk, 'filler'))
        server.stop()


if __name__ == '__main__':
    unittest.main(verbosity=2)
