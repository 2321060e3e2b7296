#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of the store: made while the server works, whole, private, and fit to go on from."""
import hashlib
import json
import os
import sqlite3
import stat
import struct
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import srvplan  # noqa: E402
from srvplan import OK  # noqa: E402


def rows(path, query):
    database = sqlite3.connect(f'file:{path}?mode=ro', uri=True)
    try:
        return database.execute(query).fetchall()
    finally:
        database.close()


class BackupTest(srvplan.Case):
    def setUp(self):
        self.server = self.serve()

    def backup(self, body=None, status=201, **more):
        reply = self.server.rest('POST', '/api/v1/backup', body or {}, **more)
        self.assertEqual(reply.status, status, reply)
        return reply.json

    def files(self):
        directory = os.path.join(self.server.state, 'backup')
        return sorted(os.listdir(directory)) if os.path.isdir(directory) else []

    def test_a_copy_is_a_whole_store_in_one_private_file(self):
        self.server.drain('xmpp1')
        made = self.backup()
        self.assertEqual(self.files(), [os.path.basename(made['file'])])
        self.assertEqual(stat.S_IMODE(os.stat(made['file']).st_mode), 0o600)
        self.assertEqual(os.path.getsize(made['file']), made['bytes'])
        self.assertEqual((made['revision'], made['removed']), (2, 0))
        self.assertEqual(rows(made['file'], 'PRAGMA integrity_check'), [('ok',)])
        self.assertEqual(rows(made['file'], 'SELECT node, reason FROM drains'), [('xmpp1', 'test')])
        self.assertEqual(rows(made['file'], 'SELECT max(number) FROM revisions'), [(2,)])
        line = self.server.get('/audit')['items'][0]
        self.assertEqual((line['action'], line['object'], line['revision']),
                         ('backup', made['file'], None))
        self.assertEqual(line['after']['bytes'], made['bytes'])

    def test_another_program_can_check_the_audit_of_a_copy(self):
        """By what api/store/audit.h says of the hash, and nothing else of ours."""
        self.server.undrain(self.server.drain('xmpp1').json['id'])
        self.server.drain('xmpp2', reason='bücher')
        made, last = self.backup(), b'\0' * 32
        lines = rows(made['file'], 'SELECT id, at_ms, revision, actor, source, action, object, detail,'
                                   ' outcome, before, after, hash FROM audit ORDER BY id')
        self.assertEqual([line[0] for line in lines], [1, 2, 3, 4])
        for *numbers_and_texts, noted in lines:
            texts = [text.encode() for text in numbers_and_texts[3:]]
            last = hashlib.sha256(last + struct.pack('>3Q8I', *numbers_and_texts[:3],
                                                     *map(len, texts)) + b''.join(texts)).digest()
            self.assertEqual(last, noted)
        self.assertIn(f'4:{last.hex()}', self.server.log())

    def test_changes_go_on_and_are_whole_in_the_copy(self):
        # Inventories with long comments, so that a copy takes many steps.
        for number in range(4):
            text = f'/* {number} {"long " * 600000} */ ' + json.dumps(srvplan.inventory())
            put = self.server.rest('PUT', '/api/v1/inventory', text, headers={'If-Match': '*'})
            self.assertEqual(put.status, 200, put)
        over, failures = threading.Event(), []

        def change():
            while not over.is_set():
                reply = self.server.drain('xmpp1')
                if reply.status != 201 or self.server.undrain(reply.json['id']).status != 200:
                    failures.append(reply)
        thread = threading.Thread(target=change)
        thread.start()
        before = self.server.status()['revision']
        copies = [self.backup() for _ in range(5)]
        self.assertGreater(self.server.status()['revision'], before + 5, 'changes had to wait')
        self.assertGreater(copies[0]['bytes'], 8 << 20)
        over.set()
        thread.join()
        self.assertEqual(failures, [])
        for made in copies:
            self.assertEqual(rows(made['file'], 'PRAGMA integrity_check'), [('ok',)])
            (newest,), = rows(made['file'], 'SELECT max(number) FROM revisions')
            self.assertEqual(newest, made['revision'])
            self.assertEqual(rows(made['file'], f'SELECT count(*) FROM audit WHERE revision > {newest}'),
                             [(0,)])
        self.assertTrue(self.server.get('/audit/verify')['ok'])

    def test_the_oldest_copies_go(self):
        first = [self.backup()['file'] for _ in range(3)]
        made = self.backup({'keep': 2})
        self.assertEqual(made['removed'], 2)
        self.assertEqual(self.files(), sorted(map(os.path.basename, (first[2], made['file']))))

    def test_a_dry_run_and_what_is_refused(self):
        dry = self.server.rest('POST', '/api/v1/backup?dry_run=true', {})
        self.assertEqual((dry.status, dry.json['file'], dry.json['plan']['changes']), (200, None, []))
        self.assertEqual(self.files(), [])
        for body in ({'keep': 0}, {'keep': '2'}, {'keep': 2.0}, {'kept': 2}):
            self.backup(body, status=422)
        self.assertEqual(self.files(), [])

    def test_a_repeated_request_makes_one_copy(self):
        again = [self.backup(headers={'Idempotency-Key': 'k'}) for _ in range(2)]
        self.assertEqual(again[0], again[1])
        self.assertEqual(len(self.files()), 1)

    def test_a_directory_that_cannot_be_written(self):
        with open(os.path.join(self.server.state, 'backup'), 'w', encoding='ascii'):
            pass
        refused = self.backup(status=503)
        self.assertIn(os.path.join(self.server.state, 'backup'), refused['detail'])
        self.assertEqual(self.server.drain('xmpp1').status, 201)

    def test_the_command_names_the_file(self):
        done = self.server.cli('backup', '--keep', '3', check=OK)
        self.assertEqual(os.path.basename(done.stdout.strip()), self.files()[0])
        self.assertIn('revision 1', done.stderr)


class KeepTest(srvplan.Case):
    def test_revisions_that_are_not_kept_are_gone_and_said_to_be(self):
        server = srvplan.Server()
        self.addCleanup(server.close)
        config = os.path.join(server.directory, 'srvplan.jsonc')
        with open(config, 'w', encoding='utf-8') as out:
            out.write('{"keep-revisions": 3}')
        server.start('--config', config)
        for _ in range(3):
            server.undrain(server.drain('xmpp1').json['id'])
        self.assertEqual([item['revision'] for item in server.get('/revisions')['items']], [7, 6, 5])
        self.assertEqual(server.get('/revisions/5')['revision'], 5)
        for method, path, body in (('GET', '/revisions/4', None),
                                   ('GET', '/revisions/4/diff', None),
                                   ('GET', '/revisions/7/diff?against=4', None),
                                   ('POST', '/revisions/4/rollback', {'reason': 'back'})):
            with self.subTest(f'{method} {path}'):
                headers = {'If-Match': '*'} if method == 'POST' else {}
                gone = server.rest(method, '/api/v1' + path, body, headers=headers)
                self.assertEqual((gone.status, gone.json['type']),
                                 (410, '/docs/problems/revision-forgotten'), gone)
        self.assertEqual(server.rest('GET', '/api/v1/revisions/8').status, 404)
        self.assertEqual(len(server.get('/audit?limit=1000')['items']), 7, 'the audit is kept')
        server.stop()


if __name__ == '__main__':
    srvplan.main()
