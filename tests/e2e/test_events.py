#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events, long polls, and the commands that live by them: nothing is missed, over connections that
break and a server that starts again."""
import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import srvplan  # noqa: E402

PATIENCE = 20


class Stream:
    """A listener on the UNIX socket, which reads as much as it is asked to."""

    def __init__(self, server, query='', last_id=None):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(server.socket_path)
        more = f'Last-Event-ID: {last_id}\r\n' if last_id else ''
        # HTTP/1.0: without chunks between
        self.socket.sendall(f'GET /api/v1/events{query} HTTP/1.0\r\nHost: localhost\r\n{more}\r\n'
                            .encode())
        self.file = self.socket.makefile('r', encoding='utf-8', newline='\n')
        self.status = int(self.file.readline().split()[1])
        self.headers = {}
        while (line := self.file.readline().strip()):
            name, value = line.split(': ', 1)
            self.headers[name] = value

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def next(self):
        """(id, kind, data) of the next event; None: it has ended."""
        event = {}
        for line in self.file:
            name, _, value = line.rstrip('\n').partition(': ')
            if line == '\n' and 'data' in event:
                return event['id'], event['event'], json.loads(event['data'])
            event[name] = value
        return None

    def until(self, wanted):
        """All up to the first that `wanted` says yes to."""
        found = []
        while not found or not wanted(*found[-1]):
            event = self.next()
            if not event:
                raise AssertionError(f'it ends: {found}')
            found.append(event)
        return found


def sequence(identifier):
    return int(identifier.split('.')[1])


class EventsTest(srvplan.ServedCase):
    def weight(self, value, node='xmpp1'):
        reply = self.server.rest('PUT', f'/api/v1/nodes/{node}/weight',
                                 {'weight': value, 'reason': 'test'}, {'If-Match': '*'})
        self.assertEqual(reply.status, 200, reply)
        return reply

    def test_a_life_of_a_drain_is_told(self):
        with Stream(self.server) as stream:
            self.assertEqual(stream.headers['Content-Type'], 'text/event-stream')
            self.assertEqual(stream.next()[1], 'hello')
            drain = self.server.drain('xmpp2').json
            begun = stream.until(lambda _, kind, data: kind == 'drain')
            self.assertEqual([kind for _, kind, _ in begun], ['revision', 'served', 'drain'])
            self.assertEqual(begun[0][2]['cause'], 'drain xmpp2: test')
            self.assertEqual((begun[2][2]['id'], begun[2][2]['was'], begun[2][2]['node']),
                             (drain['id'], None, 'xmpp2'))
            self.server.undrain(drain['id'])
            ended = stream.until(lambda _, kind, data: data.get('state') == 'closed')
            self.assertEqual(ended[-1][2]['id'], drain['id'])
        ids = [sequence(event[0]) for event in begun + ended]
        self.assertEqual(ids, list(range(ids[0], ids[0] + len(ids))))

    def test_what_a_change_did_is_told_before_its_answer(self):
        with Stream(self.server) as stream:
            stream.next()
            revision = self.weight('50%').headers and self.server.status()['revision']
            stream.socket.settimeout(1)
            kinds = {kind: data for _, kind, data in
                     stream.until(lambda _, kind, data: kind == 'served')}
        self.assertEqual(kinds['weight']['weight'], '50%')
        self.assertEqual(kinds['served']['revision'], revision)

    def test_a_listener_that_comes_back_has_missed_nothing(self):
        with Stream(self.server) as stream:
            last = stream.next()[0]
        seen = []
        for value in range(20):
            self.weight(value)
            with Stream(self.server, last_id=last) as stream:
                part = stream.until(lambda _, kind, data: kind == 'served')
            self.assertNotIn('reset', [kind for _, kind, _ in part])
            last = part[-1][0]
            seen += [data['weight'] for _, kind, data in part if kind == 'weight']
        self.assertEqual(seen, list(range(20)))

    def test_several_listeners_see_the_same_in_the_same_order(self):
        streams = [Stream(self.server) for _ in range(20)]
        try:
            for value in range(30):
                self.weight(value)
            told = [stream.until(lambda _, kind, data: data.get('weight') == 29)
                    for stream in streams]
        finally:
            for stream in streams:
                stream.__exit__()
        self.assertEqual([event for event in told[0] if event[1] == 'hello'], told[0][:1])
        for other in told[1:]:
            self.assertEqual(other[1:], told[0][1:])

    def test_an_id_that_is_gone_is_reset(self):
        for last_id in ('1.1', '999999.5', 'nonsense'):
            with self.subTest(last_id=last_id), Stream(self.server, last_id=last_id) as stream:
                identifier, kind, data = stream.next()
                self.assertEqual(kind, 'reset')
                self.assertEqual(data['revision'], self.server.status()['revision'])
                with Stream(self.server, last_id=identifier) as again:
                    self.weight(sequence(identifier) % 1000)
                    self.assertEqual(again.next()[1], 'revision')

    def test_some_kinds_alone_and_an_end(self):
        self.weight(7)
        with Stream(self.server, '?kinds=weight&last=1&follow=false') as stream:
            events = list(iter(stream.next, None))
        self.assertEqual([kind for _, kind, _ in events], ['hello', 'weight'])
        self.assertEqual(events[1][2]['weight'], 7)

    def test_wrong_questions(self):
        for query, part in (('kinds=dran', 'dran'), ('last=4097', '4096'), ('last=-1', '4096'),
                            ('follow=maybe', 'true or false'), ('wait=5s', 'not known'),
                            ('kinds=drain&kinds=weight', 'twice')):
            reply = self.server.rest('GET', '/api/v1/events?' + query)
            self.assertEqual(reply.status, 400, query)
            self.assertIn(part, reply.json['detail'])
        reply = self.server.rest('GET', '/api/v1/events', over='bare')
        self.assertEqual(reply.status, 401)
        reply = self.server.rest('POST', '/api/v1/events')
        self.assertEqual((reply.status, reply.headers['Allow']), (405, 'GET, HEAD'))

    def settled_index(self):
        """When the generation before is retired, too, nothing moves any more."""
        index = None
        while True:
            query = f'?index={index}&wait=1s' if index else ''
            reply = self.server.rest('GET', '/api/v1/drains' + query)
            if reply.headers['X-Srvplan-Index'] == index:
                return index
            index = reply.headers['X-Srvplan-Index']

    def test_a_long_poll_waits_for_the_next_change(self):
        index = self.settled_index()
        answers = []

        def wait(path, index):
            answers.append(self.server.rest('GET', f'{path}?index={index}&wait=20s'))

        paths = ('/api/v1/nodes/xmpp1', '/api/v1/nodes', '/api/v1/status', '/api/v1/drains',
                 '/api/v1/plan', '/api/v1/records')
        threads = [threading.Thread(target=wait, args=(path, index)) for path in paths]
        begun = time.monotonic()
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        self.assertEqual(answers, [])
        self.weight(11)
        for thread in threads:
            thread.join(PATIENCE)
        self.assertLess(time.monotonic() - begun, 10)
        self.assertEqual([answer.status for answer in answers], [200] * len(paths))
        for answer in answers:
            self.assertGreater(int(answer.headers['X-Srvplan-Index']), int(index))
        node = next(answer for answer in answers if answer.json.get('id') == 'xmpp1')
        self.assertEqual({row['weight'] for row in node.json['effective']}, {11})

    def test_a_change_in_between_is_not_waited_for(self):
        index = self.server.rest('GET', '/api/v1/status').headers['X-Srvplan-Index']
        self.weight(12)
        begun = time.monotonic()
        reply = self.server.rest('GET', f'/api/v1/status?index={index}&wait=10m')
        self.assertEqual(reply.status, 200)
        self.assertLess(time.monotonic() - begun, 5)


class RestartTest(srvplan.Case):
    def test_over_a_restart_a_listener_is_reset_and_no_tag_fits(self):
        server = self.serve()
        server.drain('xmpp2')
        with Stream(server, '?last=1') as stream:
            last = stream.until(lambda _, kind, data: kind == 'drain')[-1][0]
        tag = server.rest('GET', '/api/v1/nodes').headers['ETag']
        index = int(server.rest('GET', '/api/v1/nodes').headers['X-Srvplan-Index'])
        server.stop()
        server.start()
        with Stream(server, last_id=last) as stream:
            self.assertEqual(stream.next()[1], 'reset')
        reply = server.rest('GET', '/api/v1/nodes', headers={'If-None-Match': tag})
        self.assertEqual(reply.status, 200)
        begun = time.monotonic()
        server.rest('GET', f'/api/v1/nodes?index={index}&wait=1m')
        self.assertLess(time.monotonic() - begun, 10)

    def test_the_limit_of_those_who_wait_is_a_setting(self):
        server = srvplan.Server()
        self.addCleanup(server.close)
        config = os.path.join(server.directory, 'srvplan.jsonc')
        with open(config, 'w', encoding='ascii') as file:
            file.write('{"max-waiting": 3}')
        server.start('--config', config)
        streams = [Stream(server) for _ in range(3)]
        self.assertEqual([stream.status for stream in streams], [200] * 3)
        with Stream(server) as fourth:
            self.assertEqual(fourth.status, 503)
            self.assertIn('Retry-After', fourth.headers)
        self.assertEqual(server.rest('GET', '/api/v1/nodes').status, 200)
        for stream in streams:
            stream.__exit__()
        server.stop()


class CommandTest(srvplan.Case):
    def begin(self, server, *arguments, **more):
        process = subprocess.Popen(
            [srvplan.SRVPLAN, '--socket', server.socket_path, *arguments], text=True,
            stdin=subprocess.DEVNULL, env=srvplan.environment(),
            **{'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE, **more})
        self.addCleanup(lambda: process.poll() is None and process.kill())
        return process

    def line(self, process, part):
        """Reads stdout up to a line with that part."""
        guard = threading.Timer(PATIENCE, process.kill)
        guard.start()
        for line in process.stdout:
            if part in line:
                guard.cancel()
                return line
        raise AssertionError(f'it ended without {part!r}: {process.communicate()}')

    def test_follow_goes_on_over_a_restart_and_ends_with_ctrl_c(self):
        server = self.serve()
        process = self.begin(server, 'events', '--follow', '--limit', '1', stderr=subprocess.STDOUT)
        self.line(process, 'ready')
        server.drain('xmpp2')
        self.assertRegex(self.line(process, ' drain  '), 'xmpp2: withdrawn, clear at .*root: test')
        server.stop()
        server.start()
        self.line(process, 'events were missed here')
        server.undrain(server.get('/drains')['items'][0]['id'])
        self.assertRegex(self.line(process, 'closed'), 'xmpp2: ')
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=PATIENCE)
        self.assertEqual((process.returncode, rest), (130, ''))

    def test_events_as_lines_and_as_json(self):
        server = self.serve()
        server.drain('xmpp2')
        lines = server.cli('events', '--kinds', 'drain,revision', check=srvplan.OK).stdout
        self.assertRegex(lines, r'T\S+Z +revision +2 by root: drain xmpp2: test\n')
        printed = server.cli('events', '-o', 'json', '--limit', '3', check=srvplan.OK).stdout
        events = [json.loads(line) for line in printed.splitlines()]
        self.assertEqual(len(events), 3)
        self.assertEqual(sorted(events[0]), ['data', 'event', 'id'])
        tomorrow = time.strftime('%Y-%m-%dT%H:%M', time.gmtime(time.time() + 86400))
        window = {'id': 'weekly', 'nodes': ['xmpp1'], 'start': tomorrow, 'duration': '2h',
                  'timezone': 'UTC', 'reason': 'kernels'}
        made = server.rest('POST', '/api/v1/windows', window)
        self.assertEqual(made.status, 201, made)
        lines = server.cli('events', '--kinds', 'window', check=srvplan.OK).stdout
        self.assertRegex(lines, fr' window +weekly: pending, opens at {tomorrow}:00Z\n$')
        wrong = server.cli('events', '--kinds', 'dran', check=srvplan.FAILED)
        self.assertIn('dran', wrong.stderr)

    def test_a_server_that_is_not_there(self):
        missing = srvplan.command('--socket', '/nowhere/api.sock', 'events',
                                  check=srvplan.UNREACHABLE)
        self.assertIn('is `srvplan serve` running?', missing.stderr)
        srvplan.command('--socket', '/nowhere/api.sock', 'status', '--watch',
                        check=srvplan.UNREACHABLE)

    def test_watch_shows_each_change_once(self):
        server = self.serve()
        process = self.begin(server, 'status', '--watch', '-o', 'json')
        first = json.loads(process.stdout.readline())
        self.assertEqual(first['drains'], [])
        server.drain('xmpp2')
        second = json.loads(process.stdout.readline())
        self.assertEqual([drain['node'] for drain in second['drains']], ['xmpp2'])
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=PATIENCE)
        self.assertEqual((process.returncode, errors), (130, ''))

    def test_watch_draws_on_a_terminal(self):
        server = self.serve()
        master, slave = pty.openpty()
        process = self.begin(server, 'status', '--watch', stdout=slave)
        os.close(slave)
        self.addCleanup(os.close, master)
        seen = ''

        def read_until(part):
            nonlocal seen
            end = time.monotonic() + PATIENCE
            while part not in seen:
                self.assertLess(time.monotonic(), end, f'no {part!r} in {seen!r}')
                if select.select([master], [], [], 1)[0]:
                    seen += os.read(master, 65536).decode()

        read_until('no drains')
        server.drain('xmpp2')
        read_until('drain by root: test')
        self.assertEqual(re.split('\x1b\\[H\x1b\\[2J', seen)[0], '')
        self.assertIn('revision     2', seen.rsplit('\x1b[2J', 1)[1])
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE)
        self.assertEqual(process.returncode, 130)


if __name__ == '__main__':
    srvplan.main()
