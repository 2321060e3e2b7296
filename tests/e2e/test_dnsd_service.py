# SPDX-License-Identifier: GPL-3.0-or-later
"""srvplan-dnsd as a service: test_dnsd_service.py SRVPLAN-DNSD MAKE_IMAGE [unittest options]

Plays the service manager: gives it sockets and images as descriptors, and hears what it says."""
import errno
import glob
import os
import pwd
import signal
import socket
import subprocess
import sys
import time
import unittest

import inject
from test_dnsd_program import DNSD, Case, Control, Dnsd, dns, make_image, weights

ASK = 6


class Manager:
    """The service manager's side of NOTIFY_SOCKET."""

    def __init__(self, path):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.socket.settimeout(10)
        self.said = []

    def hear(self):
        self.said.append(self.socket.recv(4096).decode())
        return self.said[-1]

    def hear_until(self, word):
        while word not in self.hear():
            pass
        return self.said[-1]


class ServiceCase(Case):
    def manager(self):
        manager = Manager(self.path('notify'))
        self.addCleanup(manager.socket.close)
        return manager

    def udp(self, share=False):
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(made.close)
        if share:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind(('127.0.0.1', self.port))
        return made

    def tcp(self):
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.addCleanup(made.close)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(('127.0.0.1', self.port))
        made.listen(64)
        return made

    def spawn(self, *arguments, given=(), names=None, variables=None):
        """Starts it with descriptors from 3 on, as systemd does."""
        fds = [one if isinstance(one, int) else one.fileno() for one in given]
        environment = dict(os.environ, **(variables or {}))
        if fds:
            environment['LISTEN_FDS'] = str(len(fds))
        if names:
            environment['LISTEN_FDNAMES'] = ':'.join(names)

        def place():
            for i, fd in enumerate([os.dup2(fd, 200 + i) for i, fd in enumerate(fds)]):
                os.dup2(fd, 3 + i)
        before = ['sh', '-c', 'LISTEN_PID=$$ exec "$@"', 'sh'] if fds else []
        return subprocess.Popen([*before, DNSD, *arguments], stderr=subprocess.PIPE, text=True,
                                env=environment, close_fds=not fds, preexec_fn=place)

    def activate(self, *arguments, **more):
        dnsd = Dnsd(process=self.spawn(*arguments, **more))
        self.addCleanup(dnsd.end)
        return dnsd

    def image_files(self):
        files = [os.path.join(self.image, 'answers.img'),
                 *glob.glob(os.path.join(self.image, 'names-*.img'))]
        fds = [os.open(name, os.O_RDONLY) for name in files]
        for fd in fds:
            self.addCleanup(os.close, fd)
        return fds


class Activation(ServiceCase):
    def ask_both(self):
        for how in (dns.query.udp, dns.query.tcp):
            self.assertEqual(weights(self.ask(how=how)), [100, 101, 102])

    def test_sockets_that_were_given_are_answered_on(self):
        dnsd = self.activate('--image', self.image, '--workers', '2',
                             given=(self.tcp(), self.udp(True), self.udp(True)))
        self.ask_both()
        self.assertIn(f'addresses={self.address} workers=2', dnsd.lines[-1])
        self.assertEqual(dnsd.end(), 0)

    def test_workers_share_the_one_socket_of_an_address(self):
        dnsd = self.activate('--image', self.image, '--workers', '3', '--listen', self.address,
                             given=(self.udp(), self.tcp()))
        tasks = os.listdir(f'/proc/{dnsd.process.pid}/task')
        self.assertGreaterEqual(len(tasks), 3 + 1 + 1)
        self.ask_both()
        self.assertEqual(dnsd.end(), 0)

    def test_what_was_not_given_is_opened(self):
        self.activate('--image', self.image, '--listen', self.address, given=(self.udp(),))
        self.ask_both()

    def test_the_sockets_live_on(self):
        """Ending must not close or shut down what others hold."""
        given = (self.udp(), self.tcp())
        for _ in range(3):
            dnsd = self.activate('--image', self.image, given=given)
            self.ask_both()
            self.assertEqual(dnsd.end(), 0)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(10)
            client.sendto(dns.message.make_query('_xmpp-client._tcp.example.org.', 'SRV').to_wire(),
                          ('127.0.0.1', self.port))  # nobody is there: it waits
            self.activate('--image', self.image, given=given)
            self.assertGreater(len(client.recv(4096)), 100)

    def test_an_image_as_descriptors(self):
        dnsd = self.activate(given=(*self.image_files(), self.udp(), self.tcp()),
                             names=('answers', 'names', 'dns', 'dns'))
        self.ask_both()
        dnsd.process.send_signal(signal.SIGHUP)  # there is nowhere to look
        self.ask_both()
        self.assertEqual(dnsd.end(), 0)

    def test_a_wildcard_that_was_given_answers_from_the_address_asked(self):
        made = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)  # both families, as systemd does
        self.addCleanup(made.close)
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        made.bind(('::', self.port))
        self.activate('--image', self.image, given=(made,))
        for family, where in ((socket.AF_INET, '127.0.0.77'), (socket.AF_INET6, '::1')):
            with socket.socket(family, socket.SOCK_DGRAM) as client:
                client.settimeout(5)
                client.connect((where, self.port))
                client.send(dns.message.make_query('example.org.', 'SOA').to_wire())
                self.assertGreater(len(client.recv(4096)), 40)

    def test_what_cannot_be_used_is_refused(self):
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(listener.close)
        listener.bind(self.path('stream'))
        unbound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.addCleanup(unbound.close)
        answers, names = self.image_files()
        udp, tcp = self.udp(), self.tcp()
        for given, labels, said in (((listener,), (), 'no socket'), ((unbound,), (), 'no socket'),
                                    ((answers,), (), 'no socket'),
                                    ((answers, udp), ('answers', 'x'), '"names"'),
                                    ((names, answers, udp, tcp), ('answers', 'names', 'x', 'x'),
                                     'not an srvplan image')):
            with self.subTest(said=said):
                process = self.spawn('--listen', self.address, '--image', self.image, given=given,
                                     names=labels)
                self.assertIn(said, process.communicate(timeout=20)[1])
                self.assertIn(process.returncode, (1, 64))


class Notify(ServiceCase):
    def test_ready_reloading_and_stopping(self):
        manager = self.manager()
        dnsd = self.activate('--image', self.image, '--listen', self.address,
                             variables={'NOTIFY_SOCKET': manager.path})
        self.assertEqual(manager.hear_until('READY=1'), 'READY=1\nSTATUS=Serving generation 5.')
        self.assertEqual(weights(self.ask()), [100, 101, 102])
        make_image(self.image, 6, 66)
        dnsd.process.send_signal(signal.SIGHUP)
        reloading = manager.hear()
        self.assertRegex(reloading, r'^RELOADING=1\nMONOTONIC_USEC=\d+$')
        self.assertLess(abs(int(reloading.split('=')[-1]) - time.monotonic_ns() // 1000), 10**7)
        self.assertEqual(manager.hear_until('READY=1'), 'READY=1\nSTATUS=Serving generation 6.')
        self.assertEqual(dnsd.end(), 0)
        manager.hear_until('STOPPING=1')

    def test_it_says_that_it_waits_for_an_image(self):
        manager = self.manager()
        os.mkdir(self.path('empty'))
        control = Control(self.path('dnsd.sock'))
        self.addCleanup(control.close)
        self.activate('--image', self.path('empty'), '--listen', self.address,
                      '--control', self.path('dnsd.sock'),
                      variables={'NOTIFY_SOCKET': manager.path})
        control.accept()
        self.assertEqual(manager.hear(), 'READY=1\nSTATUS=Waiting for an image.')
        control.send_load(self.image, 5)
        self.assertEqual(manager.hear(), 'STATUS=Serving generation 5.')

    def test_signs_of_life_at_half_of_the_time(self):
        manager = self.manager()
        variables = {'NOTIFY_SOCKET': manager.path, 'WATCHDOG_USEC': '300000'}
        dnsd = self.activate('--image', self.image, '--listen', self.address, variables=variables)
        manager.hear_until('WATCHDOG=1')
        start = time.monotonic()
        for _ in range(4):
            manager.hear_until('WATCHDOG=1')
        self.assertLess(time.monotonic() - start, 4 * 0.3)
        dnsd.end()
        self.activate('--image', self.image, '--listen', self.address,
                      variables=dict(variables, WATCHDOG_PID='1'))  # not meant for us
        manager.hear_until('READY=1')
        manager.socket.settimeout(1)
        with self.assertRaises(TimeoutError):
            manager.hear_until('WATCHDOG=1')

    def test_a_manager_that_is_not_there_is_said(self):
        process = self.spawn('--image', self.image, '--listen', self.address,
                             variables={'NOTIFY_SOCKET': self.path('nobody')})
        self.assertIn('service manager', process.communicate(timeout=20)[1])
        self.assertEqual(process.returncode, 1)


def status_of(pid, tid):
    with open(f'/proc/{pid}/task/{tid}/status', encoding='ascii') as lines:
        return dict(line.rstrip('\n').split(':\t', 1) for line in lines)


class Sandbox(ServiceCase):
    def threads(self, dnsd):
        return sorted(map(int, os.listdir(f'/proc/{dnsd.process.pid}/task')))

    def porter(self, dnsd):
        pid = dnsd.process.pid
        with open(f'/proc/{pid}/task/{pid}/children', encoding='ascii') as children:
            return int(children.read())

    def assertConfined(self, pid, tid, user):
        status = status_of(pid, tid)
        for key, value in (('Seccomp', '2'), ('NoNewPrivs', '1'), ('CapInh', '0' * 16),
                           ('CapPrm', '0' * 16), ('CapEff', '0' * 16), ('CapAmb', '0' * 16)):
            self.assertEqual(status[key], value, f'{key} of thread {tid}')
        if os.geteuid() == 0:
            self.assertEqual(status['CapBnd'], '0' * 16)
            self.assertEqual(status['Groups'].strip(), '')
            self.assertEqual(status['Uid'].split(), [str(user)] * 4)
        with open(f'/proc/{pid}/limits', encoding='ascii') as limits:
            self.assertRegex(limits.read(), r'Max core file size +0 +0 ')

    def test_every_thread_is_confined(self):
        dnsd, control = self.start_with_control()
        control.accept()
        nobody = pwd.getpwnam('nobody').pw_uid
        self.assertGreaterEqual(len(self.threads(dnsd)), 4)  # control, two workers, TCP
        for tid in self.threads(dnsd):
            self.assertConfined(dnsd.process.pid, tid, nobody)
        porter = self.porter(dnsd)
        self.assertConfined(porter, porter, os.stat(self.directory.name).st_uid)
        self.assertEqual(weights(self.ask()), [100, 101, 102])

    def test_the_porter_holds_none_of_our_sockets_and_ends_with_us(self):
        dnsd = self.start()
        porter = self.porter(dnsd)
        self.assertEqual(status_of(porter, porter)['Name'], 'dnsd-porter')
        if os.geteuid() == 0:
            kinds = sorted(os.readlink(f'/proc/{porter}/fd/{fd}').split(':')[0]
                           for fd in os.listdir(f'/proc/{porter}/fd'))
            self.assertEqual(kinds, sorted([self.image, 'pipe', 'socket']))
        dnsd.end(signal.SIGKILL)
        end = time.monotonic() + 5
        while os.path.exists(f'/proc/{porter}'):
            self.assertLess(time.monotonic(), end)

    def test_without_it_answering_goes_on(self):
        dnsd, control = self.start_with_control()
        control.accept()
        os.kill(self.porter(dnsd), signal.SIGKILL)
        control.disconnect()
        dnsd.process.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        self.assertEqual(weights(self.ask()), [100, 101, 102])
        self.assertEqual(dnsd.end(), 0)
        self.assertIn('restart srvplan-dnsd', ''.join(dnsd.lines))

    @unittest.skipUnless(inject.is_possible(), 'takes root on x86-64')
    def test_in_the_running_process_open_exec_socket_and_ptrace_fail(self):
        dnsd, control = self.start_with_control()
        control.accept()
        self.assertEqual(weights(self.ask(how=dns.query.tcp)), [100, 101, 102])
        for tid in self.threads(dnsd):
            with inject.Injected(tid) as thread:
                self.assertEqual(thread.call(inject.GETPID), dnsd.process.pid)  # this works
                path = thread.saved.rsp  # readable memory: the call is refused before it is read
                for label, call in (('open', (inject.OPEN, path, 0)),
                                    ('openat', (inject.OPENAT, -100, path, 0)),
                                    ('execve', (inject.EXECVE, path, 0, 0)),
                                    ('socket AF_INET', (inject.SOCKET, 2, 2, 0)),
                                    ('socket AF_INET6', (inject.SOCKET, 10, 1, 0)),
                                    ('socket AF_UNIX', (inject.SOCKET, 1, 5, 0)),
                                    ('connect', (inject.CONNECT, 0, path, 16)),
                                    ('ptrace', (inject.PTRACE, 16, os.getppid(), 0, 0))):
                    self.assertEqual(thread.call(*call), -errno.EPERM, f'{label} in thread {tid}')
        self.assertEqual(weights(self.ask()), [100, 101, 102])  # unharmed
        self.assertEqual(weights(self.ask(how=dns.query.tcp)), [100, 101, 102])
        self.assertEqual(dnsd.end(), 0)

    @unittest.skipUnless(os.geteuid() == 0, 'takes root')
    def test_who_to_be_can_be_said(self):
        dnsd = self.start('--user', 'daemon')
        for tid in self.threads(dnsd):
            self.assertConfined(dnsd.process.pid, tid, pwd.getpwnam('daemon').pw_uid)
        refused = self.run_briefly('--image', self.image, '--listen', self.address, '--user',
                                   'srvplan-nobody-knows')
        self.assertEqual(refused.returncode, 64)
        self.assertIn('srvplan-nobody-knows', refused.stderr)

    def test_it_can_be_left_out_and_that_is_said(self):
        dnsd = self.start('--no-sandbox')
        self.assertEqual(status_of(dnsd.process.pid, dnsd.process.pid)['Seccomp'], '0')
        self.assertIn('debugging', ''.join(dnsd.lines))
        self.assertEqual(weights(self.ask()), [100, 101, 102])
        self.assertEqual(dnsd.end(), 0)  # and nothing has leaked


class Hangup(ServiceCase):
    def test_hangup_asks_srvpland_for_the_newest_image(self):
        dnsd, control = self.start_with_control()
        control.accept()
        make_image(self.image, 6, 66)
        dnsd.process.send_signal(signal.SIGHUP)
        asked = control.receive()
        self.assertEqual(asked['kind'], ASK)
        self.assertEqual(weights(self.ask()), [100, 101, 102])  # not what lies there: what it gets
        control.send_load(self.image, 6)
        self.assertEqual(control.receive()['generation'], 6)
        self.assertEqual(weights(self.ask())[0], 66)

    def test_without_srvpland_it_looks_into_the_directory(self):
        dnsd = self.start('--control', self.path('dnsd.sock'))
        make_image(self.image, 6, 66)
        dnsd.process.send_signal(signal.SIGHUP)
        end = time.monotonic() + 5
        while weights(self.ask())[0] != 66:
            self.assertLess(time.monotonic(), end)


if __name__ == '__main__':
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
