# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 at random instants during changes of all kinds, over and over: what was answered with 2xx is there.

Each round changes things over REST without a pause, kills srvpland (now and then dnsd too, or
both) somewhere within it, starts again (now and then killed once more while it starts), and looks:

- every drain that was answered 201 or 202 is present, whole; every undrain answered 200 or 202 is closed
- a drain of two nodes that was cut off is there for both, or for none; sent again with its
  Idempotency-Key it is there once
- a weight that was answered is in force, and so is the end of one
- the inventory is the last one that was put or rolled back to, or the one that was cut off
- a window is as it was answered, or as it would have become when its change was cut off
- a token that was answered is there, and one that was revoked is not
- nothing is there that nobody asked for
- the audit holds, also from the head that was noted before the kill; each revision has its line
- revision numbers are unique and never smaller than one that was answered; no row of the history
  becomes another one
- no zone's serial goes back, on any of the queries that are asked all the while
- while srvpland alone is killed, dnsd stays the same process, and no query is lost
- a copy of the store, taken right after the kill, passes SQLite's own integrity check
- dnsd answers what the API says: a drained node in no set, every other in all of them

SRVPLAN_SEED reruns a seed, SRVPLAN_KILL_ROUNDS sets the rounds (100; 1,000 with SRVPLAN_LONG); it goes
on until 1,000 changes were answered (fewer with few rounds)."""
import collections
import http.client
import os
import random
import shutil
import signal
import sqlite3
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import srvplan  # noqa: E402

ROUNDS = int(os.environ.get('SRVPLAN_KILL_ROUNDS') or
             (1000 if os.environ.get('SRVPLAN_LONG') else 100))
CHANGES = min(1000, 10 * ROUNDS)  # at least that many are answered, however slow the machine is
SEED = int(os.environ.get('SRVPLAN_SEED') or str(random.SystemRandom().randrange(2**32)), 0)
ROUND_SECONDS = 0.4
NODES = ['a', 'b', 'c', 'd']
ZONES = ('example.org.', 'example.net.')


CAPACITIES = (100, 101, 102, 103)


def document(capacities=CAPACITIES):
    return srvplan.inventory(nodes={
        node: {'addresses': [f'192.0.2.{number + 1}'], 'capacity': capacity}
        for number, (node, capacity) in enumerate(zip(NODES, capacities))})


class Ledger:
    """What was answered, and what may or may not have happened."""

    def __init__(self):
        self.open = {}      # id: (node, reason), answered and not undrained
        self.closed = {}    # id: (node, reason), answered as undrained
        self.doubtful = {}  # id: an undrain of it was cut off
        self.reasons = {}   # of every drain that was ever asked for: its nodes
        self.weights = {}   # node: the weight that was answered; without one: the inventory's
        self.weighing = {}  # node: the weight (None: reset) of a request that was cut off
        self.number = 0
        self.revision = 0
        self.history = {}   # revision: what it was when it was first seen
        self.cut = []       # (key, nodes, reason) of drains whose answer did not come
        self.tokens = {}    # name: True, it was answered; False, revoked; None, cut off
        self.capacities = CAPACITIES  # of the inventory that was answered
        self.coming = None  # those of a change that was cut off
        self.capacities_of = {1: CAPACITIES}  # by revision
        self.windows = {}   # id: its comment; None: taken away
        self.opening = {}   # id: the comment (None: gone) of a change that was cut off
        self.answered = collections.Counter()  # changes, by kind
        self.head = None    # of the audit, as last noted


class SerialWatch(threading.Thread):
    """Asks for serials all the while; keeps each step back, and each query that was lost although
    dnsd was not touched."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server = server
        self.over = threading.Event()
        self.is_excused, self.excuses = False, 0
        self.last, self.back, self.lost, self.asked = {}, [], [], 0

    def excuse(self):
        """dnsd is about to be killed: what is under way, and comes until `expect`, may be lost."""
        self.is_excused = True
        self.excuses += 1

    def expect(self):
        self.is_excused = False

    def run(self):
        while not self.over.wait(0.002):
            for zone in ZONES:
                is_excused, excuses = self.is_excused, self.excuses
                self.asked += 1
                try:
                    serial = self.server.ask(zone, 'SOA', timeout=1).answer[0][0].serial
                except Exception as error:  # pylint: disable=broad-except
                    if not is_excused and excuses == self.excuses:
                        self.lost.append(f'query {self.asked}: {error!r}')
                    continue
                last = self.last.get(zone, serial)
                if (serial - last) % 2**32 >= 2**31:  # RFC 1982
                    self.back.append((zone, last, serial))
                self.last[zone] = serial


class Changer(threading.Thread):
    """Drains, undrains, weighs, puts inventories, rolls back, makes and takes away windows and
    tokens, at random until the server is gone."""

    def __init__(self, server, ledger, rng):
        super().__init__(daemon=True)
        self.server, self.ledger, self.rng = server, ledger, rng
        self.failure = None

    def run(self):
        try:
            while True:
                kind = self.rng.random()
                if kind < 0.05:
                    self.change_token()
                elif kind < 0.07:
                    self.ledger.head = self.server.status()['audit']['head']
                elif kind < 0.12:
                    self.change_window()
                elif kind < 0.16:
                    self.put_inventory()
                elif kind < 0.18:
                    self.roll_back()
                elif kind < 0.3:
                    self.weigh(self.rng.choice(NODES),
                               self.rng.choice((None, self.rng.randrange(65536))))
                elif self.ledger.open and kind < 0.65:
                    self.undrain(self.rng.choice(sorted(self.ledger.open)))
                else:
                    self.drain(self.rng.sample(NODES, self.rng.choice((1, 1, 2))))
        except (OSError, http.client.HTTPException):
            pass  # killed: the change at hand may have happened or not
        except Exception as error:  # pylint: disable=broad-except
            self.failure = error

    def drain(self, nodes):
        ledger = self.ledger
        ledger.number += 1
        reason = f'change {ledger.number}'
        ledger.reasons[reason] = sorted(nodes)
        ledger.cut.append((f'key-{SEED:x}-{ledger.number}', nodes, reason))
        reply = self.send_drain(ledger.cut[-1])
        ledger.cut.pop()
        if reply.status in (201, 202):
            ledger.answered['drain'] += 1
            for item in reply.json['items']:
                ledger.open[item['id']] = (item['node'], reason)
        elif reply.status not in (409, 503):
            raise AssertionError(f'drain {nodes}: {reply}')

    def send_drain(self, drain):
        key, nodes, reason = drain
        return self.server.rest('POST', '/api/v1/drains', {'nodes': nodes, 'reason': reason},
                                headers={'Idempotency-Key': key})

    def change_token(self):
        """Makes one, or revokes one that is there."""
        tokens, made = self.ledger.tokens, [n for n, is_there in self.ledger.tokens.items() if is_there]
        if made and self.rng.random() < 0.5:
            name = self.rng.choice(made)
            found = [t for t in self.server.get('/tokens?limit=1000')['items'] if t['name'] == name]
            assert found, f'token {name} is gone'
            tokens[name] = None
            reply = self.server.rest('DELETE', '/api/v1/tokens/' + found[0]['id'],
                                     headers={'If-Match': '*'})
            is_there = False
        else:
            name = f't{len(tokens)}'
            tokens[name] = None
            reply = self.server.rest('POST', '/api/v1/tokens', {'name': name, 'role': 'viewer'})
            is_there = True
        if reply.status in (200, 201, 204):
            tokens[name] = is_there
            self.ledger.answered['token'] += 1
        elif reply.status != 503:
            raise AssertionError(f'token {name}: {reply}')

    def change_window(self):
        """Makes one, changes its comment, or takes it away."""
        ledger, headers = self.ledger, {'If-Match': '*'}
        ledger.number += 1
        comment = f'comment {ledger.number}'
        identifier = self.rng.choice([*ledger.windows, f'w{ledger.number}'])
        body = {'nodes': ['a'], 'start': '2040-12-06T02:00', 'duration': '2h', 'reason': 'test',
                'timezone': 'Europe/Amsterdam', 'rrule': 'FREQ=WEEKLY;BYDAY=SU', 'comment': comment}
        if ledger.windows.get(identifier) is None:
            method, path, body['id'] = 'POST', '/api/v1/windows', identifier
            headers = {}
        else:
            method = self.rng.choice(('PUT', 'DELETE'))
            path = '/api/v1/windows/' + identifier
        if method == 'DELETE':
            comment = body = None
        ledger.opening[identifier] = comment
        reply = self.server.rest(method, path, body, headers=headers)
        del ledger.opening[identifier]
        if reply.status in (200, 201, 202):
            ledger.answered['window'] += 1
            ledger.windows[identifier] = comment
        elif reply.status != 503:
            raise AssertionError(f'{method} {path} {body}: {reply}')

    def change_inventory(self, kind, capacities, *request, **more):
        ledger = self.ledger
        ledger.coming = capacities
        reply = self.server.rest(*request, headers={'If-Match': '*'}, **more)
        ledger.coming = None
        if reply.status in (200, 201, 202):
            ledger.answered[kind] += 1
            ledger.capacities = capacities
        elif reply.status not in (409, 503):  # a guard
            raise AssertionError(f'{kind}: {reply}')

    def put_inventory(self):
        capacities = tuple(self.rng.randrange(90, 110) for _ in NODES)
        self.change_inventory('inventory', capacities, 'PUT', '/api/v1/inventory',
                              document(capacities))

    def roll_back(self):
        """To one of those that are kept: 1,000."""
        kept = [number for number in self.ledger.capacities_of if number > self.ledger.revision - 900]
        if kept:
            number = self.rng.choice(kept)
            self.change_inventory('rollback', self.ledger.capacities_of[number], 'POST',
                                  f'/api/v1/revisions/{number}/rollback', {'reason': 'test'})

    def undrain(self, identifier):
        ledger = self.ledger
        ledger.doubtful[identifier] = ledger.open.pop(identifier)
        reply = self.server.undrain(identifier)
        kept = ledger.doubtful.pop(identifier)
        if reply.status in (200, 202):
            ledger.answered['undrain'] += 1
            ledger.closed[identifier] = kept
        elif reply.status == 503:
            ledger.open[identifier] = kept
        else:
            raise AssertionError(f'undrain {identifier}: {reply}')

    def weigh(self, node, weight):
        """Sets the node's weight, or ends what an operator set (None)."""
        ledger = self.ledger
        ledger.weighing[node] = weight
        path = f'/api/v1/nodes/{node}/weight'
        if weight is None:
            reply = self.server.rest('DELETE', path, headers={'If-Match': '*'})
        else:
            reply = self.server.rest('PUT', path, {'weight': weight, 'reason': 'test'},
                                     headers={'If-Match': '*'})
        del ledger.weighing[node]
        if reply.status in (200, 202):
            ledger.answered['weight'] += 1
            ledger.weights[node] = weight
        elif reply.status != 503 and not (reply.status == 404 and weight is None and
                                          ledger.weights.get(node) is None):
            raise AssertionError(f'weight {node} {weight}: {reply}')


class KillLoop(srvplan.Case):
    def all_items(self, path):
        items, after = [], ''
        while True:
            page = self.server.get(f'{path}{"&" if "?" in path else "?"}limit=1000{after}')
            items += page['items']
            if not page['next']:
                return items
            after = f'&after={page["next"]}'

    def check_drains(self):
        ledger = self.ledger
        found = {drain['id']: drain for drain in self.all_items('/drains?all=true')}
        for identifier, (node, reason) in {**ledger.open, **ledger.closed,
                                           **ledger.doubtful}.items():
            self.assertIn(identifier, found, f'answered and lost: {node}, {reason}')
            drain = found[identifier]
            self.assertEqual((drain['node'], drain['reason'], drain['mode']),
                             (node, reason, 'remove'))
            self.assertTrue(drain['actor'] and drain['created_at'], drain)
            if identifier in ledger.open:
                self.assertNotEqual(drain['state'], 'closed', drain)
            if identifier in ledger.closed:
                self.assertEqual(drain['state'], 'closed', drain)
        drains_by_reason = collections.defaultdict(list)
        for identifier, drain in found.items():
            self.assertIn(drain['reason'], ledger.reasons)
            drains_by_reason[drain['reason']].append(drain['node'])
            # What was cut off is decided now, one way or the other.
            kept = (drain['node'], drain['reason'])
            (ledger.closed if drain['state'] == 'closed' else ledger.open)[identifier] = kept
            ledger.doubtful.pop(identifier, None)
        for reason, nodes in drains_by_reason.items():
            self.assertEqual(sorted(nodes), ledger.reasons[reason], f'half of a drain: {reason}')
        return {drain['node'] for drain in found.values() if drain['state'] != 'closed'}

    def check_weights(self):
        ledger = self.ledger
        found = {row['node']: row['weight'] for row in self.server.status()['weights']}
        for node in NODES:
            possible = [ledger.weights.get(node)]
            if node in ledger.weighing:
                possible.append(ledger.weighing.pop(node))
            self.assertIn(found.get(node), possible, f'the weight of {node}')
            ledger.weights[node] = found.get(node)

    def send_again(self, changer):
        """What was cut off, with its key: done now, or answered as it was; in no case twice."""
        for drain in self.ledger.cut:
            reply = changer.send_drain(drain)
            self.assertIn(reply.status, (201, 202, 409), reply)
            again = changer.send_drain(drain)
            if reply.status != 409:
                self.assertEqual((again.status, again.json), (reply.status, reply.json), drain)
        self.ledger.cut.clear()

    def check_inventory(self):
        ledger = self.ledger
        nodes = self.server.get('/inventory')['nodes']
        found = tuple(nodes[node]['capacity'] for node in NODES)
        self.assertIn(found, (ledger.capacities, ledger.coming or ledger.capacities))
        ledger.capacities, ledger.coming = found, None
        ledger.capacities_of[self.server.status()['revision']] = found

    def check_windows(self):
        ledger = self.ledger
        found = {item['id']: item['comment'] for item in self.all_items('/windows')}
        for identifier in {*ledger.windows, *ledger.opening}:
            possible = [ledger.windows.get(identifier)]
            if identifier in ledger.opening:
                possible.append(ledger.opening.pop(identifier))
            self.assertIn(found.get(identifier), possible, f'window {identifier}')
            ledger.windows[identifier] = found.get(identifier)
        self.assertLessEqual(set(found), set(ledger.windows))

    def check_tokens(self):
        found = {token['name'] for token in self.all_items('/tokens')}
        for name, is_there in self.ledger.tokens.items():
            if is_there is None:
                self.ledger.tokens[name] = name in found
            else:
                self.assertEqual(name in found, is_there, f'token {name}')
        self.assertLessEqual(found, set(self.ledger.tokens))

    def check_audit(self):
        whole = self.server.get('/audit/verify')
        self.assertTrue(whole['ok'] and whole['next'] is None, whole)
        if self.ledger.head:
            since = self.server.get('/audit/verify?after=' + self.ledger.head)
            self.assertTrue(since['ok'], since)
        self.ledger.head = self.server.status()['audit']['head']

    def check_revisions(self):
        items = self.server.get('/revisions?limit=200')['items']
        for item in items:
            item.pop('served_at')  # is filled in later
            known = self.ledger.history.setdefault(item['revision'], item)
            self.assertEqual(item, known, 'a revision became another one')
        numbers = [item['revision'] for item in items]
        self.assertEqual(numbers, sorted(set(numbers), reverse=True), 'numbers used twice')
        self.assertGreaterEqual(numbers[0], self.ledger.revision, 'a revision went missing')
        self.ledger.revision = numbers[0]

    def check_dns(self, drained):
        srvplan.wait_until(lambda: self.server.status()['dnsd']['in_step'], 10, 'dnsd in step')
        for owner in srvplan.OWNERS:
            for tcp in (False, True):
                weights = {record.target.labels[0].decode(): record.weight for rrset in
                           self.server.ask(owner, tcp=tcp).answer for record in rrset}
                self.assertEqual(sorted(weights), sorted(set(NODES) - drained), owner)
                for node, weight in weights.items():
                    self.assertIn(self.ledger.weights[node], (None, weight), f'{owner} {node}')
        self.assertEqual((self.watch.back, self.watch.lost), ([], []))

    def kill_something(self, rng):
        """srvpland always; in one round of five dnsd before or after it. Returns whether dnsd was
        left alone."""
        victims = self.server.dnsd_pids() if rng.random() < 0.2 else []
        if victims:
            self.watch.excuse()
        if rng.random() < 0.5:
            self.server.kill()
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        if self.server.process.poll() is None:
            self.server.kill()
        self.check_store()
        return not victims

    def start_again(self, rng):
        """Now and then killed once more while it starts. Returns whether it was not."""
        killed = rng.random() < 0.25
        if killed:
            self.watch.excuse()  # killed before it knew the dnsd that is there: replaced
            self.server.spawn()
            time.sleep(rng.random() * ROUND_SECONDS)
            self.server.kill()
            self.check_store()
        self.server.start()
        return not killed

    def play_round(self, rng):
        changer = Changer(self.server, self.ledger, random.Random(rng.random()))
        pid = self.server.status()['processes']['dnsd']
        changer.start()
        time.sleep(rng.random() * ROUND_SECONDS)  # the instant of the kill
        is_same = self.kill_something(rng)
        changer.join(30)
        self.assertIsNone(changer.failure, changer.failure)
        if self.start_again(rng) and is_same:
            self.assertEqual(self.server.status()['processes']['dnsd'], pid, 'not adopted')
        self.send_again(changer)
        drained = self.check_drains()
        self.check_weights()
        self.check_inventory()
        self.check_windows()
        self.check_tokens()
        self.check_revisions()
        self.check_audit()
        self.check_dns(drained)
        self.watch.expect()

    def test_what_was_answered_is_there_after_every_kill(self):
        print(f'seed {SEED:#x}, {ROUNDS} rounds; rerun: SRVPLAN_SEED={SEED:#x}', file=sys.stderr)
        rng = random.Random(SEED)
        self.server = self.serve(document())
        self.ledger = Ledger()
        self.watch = SerialWatch(self.server)
        self.watch.start()
        self.addCleanup(self.watch.over.set)
        number = 0
        while number < ROUNDS or sum(self.ledger.answered.values()) < CHANGES:
            number += 1
            with self.subTest(round=number, seed=hex(SEED)):
                self.play_round(rng)
            if not self._outcome.success:
                break  # the first failure tells more than those that follow from it
        self.watch.over.set()
        self.watch.join(5)
        self.server.stop()
        self.check_store()
        print(f'{number} kills, {sum(self.ledger.answered.values())} changes answered '
              f'({", ".join(f"{v} {k}" for k, v in sorted(self.ledger.answered.items()))}), '
              f'{self.ledger.number} drains asked for, '
              f'{len(self.ledger.open) + len(self.ledger.closed)} stored, '
              f'revision {self.ledger.revision}, {self.watch.asked} serials asked for',
              file=sys.stderr)
        self.assertGreater(len(self.ledger.open) + len(self.ledger.closed), ROUNDS // 2)

    def check_store(self):
        copy = os.path.join(self.server.directory, 'copy.db')
        for suffix in ('', '-wal'):
            if os.path.exists(os.path.join(self.server.state, 'srvplan.db' + suffix)):
                shutil.copy(os.path.join(self.server.state, 'srvplan.db' + suffix), copy + suffix)
        database = sqlite3.connect(copy)
        try:
            self.assertEqual(database.execute('PRAGMA integrity_check').fetchall(), [('ok',)])
            self.assertEqual(database.execute('PRAGMA foreign_key_check').fetchall(), [])
            self.assertEqual(database.execute('SELECT number FROM revisions EXCEPT '
                                              'SELECT revision FROM audit').fetchall(), [])
        finally:
            database.close()
        for suffix in ('', '-wal', '-shm'):
            if os.path.exists(copy + suffix):
                os.unlink(copy + suffix)


if __name__ == '__main__':
    srvplan.main()
