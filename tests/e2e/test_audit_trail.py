#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit and Idempotency-Keys over REST: who did what, what it was before, what was refused; and
that a request that is sent twice is done once."""
import os
import re
import socket
import sqlite3
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import srvplan  # noqa: E402


def lines(server, query=''):
    return server.get('/audit' + query)['items']


def settled(server, count, query=''):
    """Refusals are written a moment after they were answered."""
    return srvplan.wait_until(lambda: len(lines(server, query)) >= count and lines(server, query), 5,
                              f'{count} lines of the audit')


class AuditTest(srvplan.Case):
    def setUp(self):
        self.server = self.serve()

    def drain(self, node='xmpp1', **more):
        reply = self.server.drain(node, **more)
        self.assertEqual(reply.status, 201, reply)
        return reply.json['id']

    def test_a_change_says_who_from_where_why_and_what_was_before(self):
        identifier = self.drain()
        self.server.undrain(identifier)
        put = self.server.rest('PUT', '/api/v1/nodes/xmpp2/weight', {'weight': '50%', 'reason': 'k'},
                               headers={'If-Match': '*'}, over='tcp')
        self.assertEqual(put.status, 200, put)
        self.server.rest('DELETE', '/api/v1/nodes/xmpp2/weight', headers={'If-Match': '*'})
        undrained, drained = lines(self.server, f'?object={identifier}')
        self.assertEqual((drained['action'], drained['outcome'], drained['reason']),
                         ('drain', 'done', 'test'))
        self.assertTrue(drained['source'].startswith('socket uid'), drained)
        self.assertIsNone(drained['before'])
        self.assertEqual((drained['after']['node'], drained['after']['version']), ('xmpp1', 1))
        self.assertEqual(undrained['action'], 'undrain')
        self.assertEqual(undrained['before'], drained['after'])
        self.assertTrue(undrained['after']['ended_at'])
        self.assertEqual(undrained['revision'], drained['revision'] + 1)
        reset, weighed = lines(self.server, '?object=xmpp2')
        self.assertEqual((weighed['actor'], weighed['action']), ('admin-token', 'weight'))
        self.assertTrue(weighed['source'].startswith('127.0.0.1 token'), weighed)
        self.assertEqual((weighed['before'], weighed['after'][0]['weight']), (None, '50%'))
        self.assertEqual((reset['before'], reset['after']), (weighed['after'], None))

    def test_the_first_line_is_the_inventory(self):
        first = lines(self.server)[-1]
        self.assertEqual((first['id'], first['action'], first['actor'], first['revision']),
                         (1, 'inventory', 'srvpland', 1))
        self.assertIsNone(first['before'])
        self.assertEqual(first['after']['source'], 'file')

    def test_what_a_clock_ends_has_its_line_too(self):
        identifier = self.drain(**{'for': 1})
        ended = settled(self.server, 2, f'?object={identifier}')[0]
        self.assertEqual((ended['actor'], ended['source']), ('clock', 'srvpland'))
        self.assertEqual((ended['before']['version'], ended['after']['version']), (1, 2))

    def test_refusals_are_lines(self):
        self.drain()
        stale = self.server.rest('PUT', '/api/v1/nodes/xmpp2/weight', {'weight': 1, 'reason': 'k'},
                                 headers={'If-Match': '"n1"'})
        self.assertEqual(stale.status, 412)
        again = self.server.drain('xmpp1')
        self.assertEqual(again.status, 409)
        empty = self.server.rest('POST', '/api/v1/drains',
                                 {'nodes': ['xmpp2', 'xmpp3'], 'reason': 'all'})
        self.assertEqual(empty.status, 409, empty)
        nobody = self.server.rest('DELETE', '/api/v1/nodes/xmpp2/weight', over='bare')
        self.assertEqual(nobody.status, 401)
        found = settled(self.server, 6)
        self.assertEqual([(line['outcome'], line['object'], line['revision']) for line in found[:4]],
                         [('unauthenticated', 'xmpp2', None),
                          (empty.json['type'].rsplit('/', 1)[1], '/api/v1/drains', None),
                          ('already-drained', 'xmpp1', None), ('stale', 'xmpp2', None)])
        self.assertEqual((found[0]['actor'], found[0]['source']), (None, '127.0.0.1'))
        self.assertEqual((found[1]['reason'], found[1]['after']['nodes']), ('all', ['xmpp2', 'xmpp3']))
        self.assertEqual(found[3]['action'], 'PUT /api/v1/nodes/{id}/weight')

    def test_a_flood_of_refusals_does_not_fill_the_disk(self):
        for _ in range(100):
            self.server.rest('POST', '/api/v1/drains', {}, over='bare')
        before = len(settled(self.server, 60, '?limit=1000'))
        self.drain()
        self.assertLess(before, 70)
        self.assertTrue(self.server.get('/audit/verify')['ok'])

    def test_pages_filters_and_mistakes(self):
        for _ in range(5):
            self.server.undrain(self.drain())
        pages, after = [], ''
        while True:
            page = self.server.get(f'/audit?limit=3{after}')
            pages += page['items']
            if not page['next']:
                break
            after = f'&after={page["next"]}'
        self.assertEqual([line['id'] for line in pages], list(range(11, 0, -1)))
        self.assertEqual(lines(self.server, '?actor=nobody'), [])
        self.assertEqual(lines(self.server, '?since=2999-01-01T00:00:00Z'), [])
        self.assertEqual(len(lines(self.server, '?since=2001-01-01T00:00:00Z')), 11)
        for query in ('since=yesterday', 'after=x', 'after=0', 'limit=0', 'object=a&object=b'):
            reply = self.server.rest('GET', '/api/v1/audit?' + query)
            self.assertEqual(reply.status, 400, query)

    def test_the_chain_is_checked_also_from_a_head_that_was_noted(self):
        self.drain()
        noted = self.server.status()['audit']
        self.assertIn(noted['head'], self.server.log())
        verdict = self.server.get('/audit/verify')
        self.assertEqual((verdict['ok'], verdict['checked'], verdict['head'], verdict['next']),
                         (True, noted['lines'], noted['head'], None))
        self.drain('xmpp2')
        later = self.server.get('/audit/verify?after=' + noted['head'])
        self.assertEqual((later['ok'], later['checked']), (True, 1))
        self.server.stop()
        database = sqlite3.connect(os.path.join(self.server.state, 'srvplan.db'))
        database.executescript("DROP TRIGGER audit_is_not_changed;"
                               "UPDATE audit SET actor = 'eve' WHERE id = 2;")
        database.close()
        self.server.start()
        broken = self.server.get('/audit/verify')
        self.assertEqual((broken['ok'], broken['broken']['line']), (False, 2))
        self.assertTrue(self.server.get('/audit/verify?after=' + noted['head'])['ok'])
        wrong = noted['head'].split(':')[0] + ':' + '0' * 64
        self.assertFalse(self.server.get('/audit/verify?after=' + wrong)['ok'])
        reply = self.server.rest('GET', '/api/v1/audit/verify?after=12')
        self.assertEqual(reply.status, 400, reply)


class LosingProxy(threading.Thread):
    """Passes requests on, and loses the answer to the first POST of a drain."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.lost, self.posts = port, 0, 0
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.own = self.listener.getsockname()[1]

    def run(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client:
                self.carry(client)

    def carry(self, client):
        request = b''
        while b'\r\n\r\n' not in request:
            request += client.recv(65536)
        head, body = request.split(b'\r\n\r\n', 1)
        length = re.search(rb'(?i)content-length: (\d+)', head)
        while length and len(body) < int(length[1]):
            body += client.recv(65536)
        head = head.replace(str(self.own).encode(), str(self.port).encode())
        with socket.create_connection(('127.0.0.1', self.port)) as server:
            server.sendall(head + b'\r\n\r\n' + body)
            answer = b''.join(iter(lambda: server.recv(65536), b''))
        is_post = head.startswith(b'POST /api/v1/drains ')
        self.posts += is_post
        if is_post and not self.lost:
            self.lost += 1
            return
        client.sendall(answer)


class KeyTest(srvplan.Case):
    def setUp(self):
        self.server = self.serve()

    def post(self, body=None, key='k1', path='/api/v1/drains', **more):
        return self.server.rest('POST', path, body or {'node': 'xmpp1', 'reason': 'k'},
                                headers={'Idempotency-Key': key}, **more)

    def drains(self):
        return self.server.get('/drains?all=true')['items']

    def assertSame(self, again, first):
        self.assertEqual((again.status, again.json, again.headers['ETag'],
                          again.headers['Location']),
                         (first.status, first.json, first.headers['ETag'],
                          first.headers['Location']))
        self.assertEqual(again.headers['Idempotency-Replayed'], 'true')

    def test_a_request_that_is_sent_again_is_answered_the_same(self):
        first = self.post()
        self.assertEqual(first.status, 201, first)
        self.assertIsNone(first.headers['Idempotency-Replayed'])
        self.assertSame(self.post(), first)
        self.assertSame(self.post(key='"k1"'), first)
        self.server.undrain(first.json['id'])
        self.assertSame(self.post(), first)
        self.assertEqual(len(self.drains()), 1)
        for way in (self.server.stop, self.server.kill):
            way()
            self.server.start()
            self.assertSame(self.post(), first)
        self.assertEqual(len(self.drains()), 1)

    def test_the_key_of_another_request_or_actor(self):
        first = self.post()
        other = self.post({'node': 'xmpp2', 'reason': 'k'})
        self.assertEqual((other.status, other.json['type']), (422, '/docs/problems/key-reused'))
        self.assertEqual(self.post({'node': 'xmpp1', 'reason': 'k '}).status, 422)
        # Another actor's key is another key, and so the drain is judged anew.
        self.assertEqual(self.post(over='tcp').status, 409)
        self.assertEqual([drain['id'] for drain in self.drains()], [first.json['id']])

    def test_what_was_refused_is_judged_anew(self):
        held = self.server.drain('xmpp1')
        refused = self.post()
        self.assertEqual(refused.status, 409)
        self.server.undrain(held.json['id'])
        self.assertEqual(self.post().status, 201)

    def test_a_dry_run_uses_no_key(self):
        self.assertEqual(self.post(path='/api/v1/drains?dry_run=true').status, 200)
        self.assertEqual(self.post().status, 201)

    def test_twenty_at_once_make_one_drain(self):
        replies = []
        threads = [threading.Thread(target=lambda: replies.append(self.post())) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual({(reply.status, reply.json['id']) for reply in replies},
                         {(201, self.drains()[0]['id'])})
        self.assertEqual(len(self.drains()), 1)
        self.assertEqual(sum(reply.headers['Idempotency-Replayed'] is None for reply in replies), 1)

    def test_an_answer_that_was_lost_is_made_again(self):
        first = self.post()
        self.server.stop()
        database = sqlite3.connect(os.path.join(self.server.state, 'srvplan.db'))
        database.execute("UPDATE answers SET status = 0, body = '', etag = '', location = ''")
        database.commit()
        database.close()
        self.server.start()
        again = self.post()
        self.assertEqual((again.status, again.json['id'], again.headers['Location']),
                         (201, first.json['id'], first.headers['Location']))
        self.assertSame(self.post(), again)
        self.assertEqual(len(self.drains()), 1)

    def test_the_command_asks_again_when_an_answer_did_not_come(self):
        proxy = LosingProxy(self.server.api_port)
        self.addCleanup(proxy.listener.close)
        proxy.start()
        done = srvplan.command('-s', f'http://127.0.0.1:{proxy.own}', '--token-file',
                               self.server.token_path, 'drain', 'xmpp1', '-m', 'k', check=srvplan.OK)
        self.assertIn('asking again', done.stderr)
        self.assertEqual((proxy.lost, proxy.posts), (1, 2))
        self.assertEqual([drain['node'] for drain in self.drains()], ['xmpp1'])
        self.assertIn(self.drains()[0]['id'], done.stdout)

    def test_a_rollback_that_is_sent_again(self):
        self.server.undrain(self.post().json['id'])
        before = self.server.status()['revision']
        path = '/api/v1/revisions/1/rollback'
        first = self.post({'reason': 'r'}, key='k2', path=path)
        self.assertIn(first.status, (200, 201), first)
        again = self.post({'reason': 'r'}, key='k2', path=path)
        self.assertEqual((again.status, again.json), (first.status, first.json))
        self.assertEqual(again.headers['Idempotency-Replayed'], 'true')
        self.assertEqual(self.server.status()['revision'], before + 1)
        other = self.post({'reason': 'other'}, key='k2', path=path)
        self.assertEqual(other.json['type'], '/docs/problems/key-reused')
        self.assertEqual(self.server.status()['revision'], before + 1)

    def test_a_key_of_an_end_that_has_passed(self):
        body = {'node': 'xmpp1', 'reason': 'k', 'for': 1}
        first = self.post(body)
        srvplan.wait_until(lambda: self.drains()[0]['state'] == 'closed', 10, 'the end')
        self.assertSame(self.post(body), first)


if __name__ == '__main__':
    srvplan.main()
