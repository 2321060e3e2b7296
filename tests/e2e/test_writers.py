#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""50 writers on one object, each with the ETag that it read: every version has exactly one winner,
no update is lost, and the audit tells the same story, unbroken.

Each writer counts: it reads the number that stands in the object, and writes the next one. So the
number at the end is how many writers won."""
import collections
import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import srvplan  # noqa: E402

WRITERS = 50
WINS = 150  # in all; then they stop


class Weight:
    """The weight that an operator gave a node."""
    path, object = '/api/v1/nodes/xmpp2', 'xmpp2'

    def make(self, server):
        reply = server.rest('PUT', self.path + '/weight', self.body(0), headers={'If-Match': '*'})
        assert reply.status == 200, reply

    @staticmethod
    def body(number):
        return {'weight': number, 'reason': 'count'}

    @staticmethod
    def number(document):
        return document['weights'][0]['weight']

    def write(self, server, number, etag):
        return server.rest('PUT', self.path + '/weight', self.body(number),
                           headers={'If-Match': etag})

    @staticmethod
    def audited(after):
        return after[0]['weight']


class Window:
    """A maintenance window, with the number in its comment."""
    path, object = '/api/v1/windows/count', 'count'

    def make(self, server):
        reply = server.rest('POST', '/api/v1/windows', {'id': 'count', **self.body(0)})
        assert reply.status == 201, reply

    @staticmethod
    def body(number):
        return {'nodes': ['xmpp1'], 'start': '2030-12-06T02:00', 'duration': '2h',
                'timezone': 'Europe/Amsterdam', 'comment': str(number), 'reason': 'count'}

    @staticmethod
    def number(document):
        return int(document['comment'])

    def write(self, server, number, etag):
        return server.rest('PUT', self.path, self.body(number), headers={'If-Match': etag})

    @staticmethod
    def audited(after):
        return int(after['comment'])


class Writer(threading.Thread):
    def __init__(self, case, subject):
        super().__init__(daemon=True)
        self.case, self.subject = case, subject
        self.failure = None

    def run(self):
        try:
            while len(self.case.won) < WINS:
                self.write()
        except Exception as error:  # pylint: disable=broad-except
            self.failure = error

    def write(self):
        case, subject = self.case, self.subject
        seen = case.server.rest('GET', subject.path)
        assert seen.status == 200, seen
        etag, number = seen.headers['ETag'], subject.number(seen.json) + 1
        reply = subject.write(case.server, number, etag)
        if reply.status == 200:
            case.won.append((etag, number))
        elif reply.status == 412:
            assert reply.json['etag'] != etag, reply
            case.lost.append(etag)
        elif reply.status != 503:  # 64 changes wait at most
            raise AssertionError(reply)


class WritersTest(srvplan.Case):
    def count(self, subject):
        self.server = self.serve()
        self.won, self.lost = [], []
        subject.make(self.server)
        writers = [Writer(self, subject) for _ in range(WRITERS)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        self.assertEqual([writer.failure for writer in writers if writer.failure], [])
        wins = len(self.won)
        print(f'{type(subject).__name__}: {wins} won, {len(self.lost)} were too late', file=sys.stderr)
        self.assertGreater(len(self.lost), wins // 2, 'they hardly met')
        by_version = collections.Counter(etag for etag, _ in self.won)
        self.assertEqual(set(by_version.values()), {1}, 'a version with two winners')
        self.assertEqual(sorted(number for _, number in self.won), list(range(1, wins + 1)))
        self.assertEqual(subject.number(self.server.get(subject.path[len('/api/v1'):])), wins)
        self.check_audit(subject, wins)

    def check_audit(self, subject, wins):
        done, after = [], ''
        while True:
            page = self.server.get(f'/audit?object={subject.object}&limit=1000{after}')
            done += [line for line in page['items'] if line['outcome'] == 'done']
            if not page['next']:
                break
            after = f'&after={page["next"]}'
        done.reverse()
        self.assertEqual([subject.audited(line['after']) for line in done], list(range(wins + 1)))
        for before, line in zip(done, done[1:]):
            self.assertEqual(line['before'], before['after'])
        verdict = self.server.get('/audit/verify')
        self.assertTrue(verdict['ok'], verdict)
        self.assertEqual(verdict['head'], self.server.status()['audit']['head'])

    def test_a_weight(self):
        self.count(Weight())

    def test_a_window(self):
        self.count(Window())


if __name__ == '__main__':
    srvplan.main()
