#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of the store put back: its state holds again, and neither revision numbers nor serials go
back with it, nor is a node called clear that caches may still name."""
import datetime
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import srvplan  # noqa: E402
from srvplan import OK, OWNERS  # noqa: E402

TTL = 300  # of the sets of the sample


def instant(text):
    return datetime.datetime.fromisoformat(text.replace('Z', '+00:00')).timestamp()


class RestoreTest(srvplan.Case):
    def setUp(self):
        self.server = self.serve()

    def backup(self):
        reply = self.server.rest('POST', '/api/v1/backup', {})
        self.assertEqual(reply.status, 201, reply)
        return reply.json['file']

    def restore(self, file, check=OK):
        return srvplan.command('restore', '--state', self.server.state, file, check=check)

    def weigh(self, node, weight):
        reply = self.server.rest('PUT', f'/api/v1/nodes/{node}/weight',
                                 {'weight': weight, 'reason': 'k'}, headers={'If-Match': '*'})
        self.assertEqual(reply.status, 200, reply)

    def damage(self):
        """The store that is there cannot be read any more."""
        with open(os.path.join(self.server.state, 'srvplan.db'), 'wb') as file:
            file.write(b'junk' * 5000)

    def move_on(self):
        """What the copy does not have; returns (revision, serial, head of the audit)."""
        for weight in (1, 2, 3):
            self.weigh('xmpp3', weight)
        status = self.server.status()
        return status['revision'], self.server.serial(), status['audit']['head']

    def check_restored(self, before, sets):
        revision, serial, head = before
        status = self.server.status()
        self.assertEqual(status['revision'], revision + 1)
        self.assertTrue(status['dnsd']['in_step'])
        self.assertEqual(self.server.sets(), sets)
        self.assertSerialGreater(self.server.serial(), serial)
        self.assertTrue(self.server.get('/audit/verify')['ok'])
        line = self.server.get('/audit')['items'][0]
        self.assertEqual((line['action'], line['revision']), ('restore', revision + 1))
        # The audit of what is gone is gone, too: that shows against what was noted.
        self.assertFalse(self.server.get('/audit/verify?after=' + head)['ok'])
        # And it goes on from there.
        self.weigh('xmpp1', 7)
        self.assertEqual(self.server.status()['revision'], revision + 2)
        self.assertEqual(self.server.get('/revisions')['items'][1]['revision'], revision + 1)

    def test_the_state_of_the_copy_holds_and_numbers_go_on(self):
        self.server.drain('xmpp1')
        sets = self.server.sets()
        file = self.backup()
        before = self.move_on()
        self.server.stop()
        said = self.restore(file).stdout
        self.assertIn(f'revision 2 of the copy is revision {before[0] + 1} now', said)
        kept = [n for n in os.listdir(self.server.state) if n.startswith('srvplan.db.before-')]
        self.assertEqual(len([n for n in kept if not n.endswith('-wal')]), 1)
        self.assertFalse([n for n in os.listdir(self.server.state) if 'restored' in n])
        self.server.start()
        self.check_restored(before, sets)

    def test_over_a_store_that_is_damaged(self):
        self.server.drain('xmpp1')
        sets = self.server.sets()
        file = self.backup()
        before = self.move_on()
        self.server.stop()
        self.damage()
        self.assertIn('could not be read', self.restore(file).stdout)
        self.server.start()
        self.check_restored(before, sets)

    def test_while_dnsd_goes_on_no_query_is_lost_and_no_serial_goes_back(self):
        self.server.drain('xmpp1')
        file = self.backup()
        revision, serial, _ = self.move_on()
        pid = self.server.status()['processes']['dnsd']
        with srvplan.Watcher(self.server.dns_port) as watcher:
            self.server.kill()
            self.restore(file)
            self.assertEqual(self.server.serial(), serial)
            self.server.start()
        self.assertEqual((watcher.lost, watcher.empty), ([], 0))
        self.assertEqual(self.server.status()['processes']['dnsd'], pid)
        self.assertEqual(self.server.status()['revision'], revision + 1)
        self.assertSerialGreater(self.server.serial(), serial)

    def test_a_node_that_was_served_since_the_copy_is_not_called_clear(self):
        for is_damaged in (False, True):
            with self.subTest(is_damaged=is_damaged):
                drain = self.server.drain('xmpp1').json['id']
                file = self.backup()
                self.server.undrain(drain)
                self.assertIn('xmpp1', srvplan.hosts(self.server.ask(OWNERS[0])))
                asked = int(datetime.datetime.now().timestamp())
                self.server.kill()
                if is_damaged:
                    self.damage()
                self.restore(file)
                self.server.start()
                self.assertNotIn('xmpp1', srvplan.hosts(self.server.ask(OWNERS[0])))
                found = self.server.get('/drains/' + drain)
                self.assertEqual(found['state'], 'withdrawn', found)
                self.assertGreaterEqual(instant(found['progress']['dns_clear_at']), asked + TTL)
                self.server.undrain(drain)

    def test_a_zone_that_came_and_went_keeps_its_serial(self):
        file = self.backup()
        document = srvplan.inventory()
        document['domains']['new.example'] = {}
        for _ in range(2):
            reply = self.server.rest('PUT', '/api/v1/inventory', document,
                                     headers={'If-Match': '*'})
            self.assertIn(reply.status, (200, 201), reply)
            self.weigh('xmpp3', 5)
            serial = self.server.serial('new.example.')
            self.server.stop()
            self.restore(file)
            self.server.start()
            self.assertEqual(self.server.ask('new.example.', 'SOA').answer, [])
        reply = self.server.rest('PUT', '/api/v1/inventory', document, headers={'If-Match': '*'})
        self.assertIn(reply.status, (200, 201), reply)
        self.assertSerialGreater(self.server.serial('new.example.'), serial)

    def test_what_is_refused_and_changes_nothing(self):
        self.server.drain('xmpp1')
        file = self.backup()
        refused = self.restore(file, check=1)
        self.assertIn('another srvpland uses this state directory', refused.stderr)
        self.weigh('xmpp3', 3)
        sets = self.server.sets()
        self.server.stop()
        damaged = os.path.join(self.server.directory, 'damaged.db')
        shutil.copyfile(file, damaged)
        with open(damaged, 'r+b') as out:
            out.seek(2 * 4096)
            out.write(b'Z' * 4096)
        empty = os.path.join(self.server.directory, 'empty.db')
        with open(empty, 'wb'):
            pass
        logged = os.path.join(self.server.directory, 'logged.db')
        shutil.copyfile(file, logged)
        with open(logged + '-wal', 'wb') as out:
            out.write(b'x')
        for name, word in ((damaged, 'damaged'), (empty, 'empty'), (self.server.file, 'no SQLite'),
                           (logged, 'has a log beside it'), ('/nonexistent', 'No such file')):
            with self.subTest(name):
                refused = self.restore(name, check=1)
                self.assertIn(word, refused.stderr)
                self.assertLess(len(refused.stderr.splitlines()), 4, refused.stderr)
        self.assertFalse([n for n in os.listdir(self.server.state) if 'restored' in n or 'before' in n])
        self.server.start()
        self.assertEqual(self.server.sets(), sets)


if __name__ == '__main__':
    srvplan.main()
