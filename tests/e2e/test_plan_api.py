# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans over REST: previews, applying them with their checksum, other instants, differences between
revisions, and the way back."""
import copy
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
from srvplan import Case, ServedCase, hosts, inventory, main  # noqa: E402

ANY = {'If-Match': '*'}
CLIENT = '_xmpp-client._tcp.example.org.'


def changed(**nodes):
    document = inventory()
    for node, change in nodes.items():
        document['nodes'].setdefault(node, {}).update(change)
    return document


class Previews(ServedCase):
    def plan(self, body, status=200):
        reply = self.server.rest('POST', '/api/v1/plan', body)
        self.assertEqual(reply.status, status, reply)
        return reply.json

    def test_a_preview_shows_changes_shares_and_guards_and_changes_nothing(self):
        revision = self.server.status()['revision']
        plan = self.plan({'inventory': changed(xmpp2={'state': 'drain'})})
        self.assertEqual(plan['base_revision'], revision)
        self.assertRegex(plan['checksum'], '^sha256:[0-9a-f]{64}$')
        self.assertIs(plan['applicable'], True)
        self.assertIs(plan['inventory_changed'], True)
        change = next(change for change in plan['changes'] if change['name'] == CLIENT)
        self.assertEqual(change['action'], 'update')
        self.assertFalse(any('xmpp2' in record for record in change['after']['records']))
        share = next(share for share in plan['shares'] if share['name'] == CLIENT
                     and share['target'] == 'xmpp1.example.org.')
        self.assertEqual((share['before_exact'], share['after_exact']), ('5/8', '1/1'))
        self.assertEqual((share['before'], share['after'], share['domain']),
                         (0.625, 1, 'example.org.'))
        self.assertEqual((share['service'], share['pool'], share['node']),
                         ('xmpp-client', 'c2s', 'xmpp1'))
        self.assertEqual(self.server.status()['revision'], revision)
        self.assertIn('xmpp2', hosts(self.server.ask(CLIENT)))

    def test_nothing_new_is_no_change(self):
        plan = self.plan({})
        self.assertEqual((plan['summary']['add'], plan['summary']['change'], plan['changes']),
                         (0, 0, []))
        self.assertGreater(plan['summary']['no_op'], 0)

    def test_drains_and_weights_can_be_looked_at_before_they_are_made(self):
        plan = self.plan({'overlays': {
            'drains': [{'node': 'xmpp2', 'reason': 'kernel', 'mode': 'remove'}],
            'weights': [{'node': 'xmpp3', 'weight': 7, 'reason': 'test'}]}})
        change = next(change for change in plan['changes'] if change['name'] == CLIENT)
        targets = [record.split()[-1] for record in change['after']['records']]
        self.assertEqual(targets, ['xmpp1.example.org.', 'xmpp3.example.org.'])
        self.assertIn('20 7 5222 xmpp3.example.org.', change['after']['records'])

    def test_an_emptied_set_is_shown_as_refused(self):
        plan = self.plan({'overlays': {'drains': [
            {'nodes': ['xmpp1', 'xmpp2', 'xmpp3'], 'reason': 'all'}]}})
        self.assertIs(plan['applicable'], False)
        self.assertTrue(any(not guard['ok'] for guard in plan['guards']))

    def test_mistakes_are_told_with_their_place_in_the_body(self):
        for body, pointer in (
                ({'inventroy': {}}, '/inventroy'),
                ({'inventory': 7}, '/inventory'),
                ({'overlays': []}, '/overlays'),
                ({'overlays': {'drains': [{'node': 'xmpp1', 'reason': 'x'}, {'node': 'xmpp2'}]}},
                 '/overlays/drains/1/reason'),
                ({'overlays': {'drains': [{'node': 'xmpp1', 'reason': 'x', 'override': {
                    'guard': True, 'reason': 'x'}}]}}, '/overlays/drains/0/override'),
                ({'overlays': {'weights': [{'node': 'xmpp1', 'weight': -1, 'reason': 'x'}]}},
                 '/overlays/weights/0/weight'),
                ({'overlays': {'weights': [{'node': 'nobody', 'weight': 1, 'reason': 'x'}]}},
                 '/overlays/weights'),
                ({'at': 'tomorrow'}, '/at')):
            plan = self.plan(body, 422)
            self.assertEqual(plan['errors'][0]['pointer'], pointer, body)
        text = '{\n  "srvplan": 1,\n  "domains": {"example.org": {}},\n  "nodes": 3\n}'
        plan = self.plan({'inventory': text}, 422)
        self.assertEqual((plan['errors'][0]['pointer'], plan['errors'][0]['line']), ('/nodes', 4))

    def test_the_plan_of_another_instant(self):
        document = changed(xmpp3={'tier': 'primary'})
        document['windows'] = {'w': {'nodes': ['xmpp3'], 'start': '2031-05-04T02:00',
                                     'duration': '2h'}}
        plan = self.plan({'inventory': document, 'at': '2031-05-04T03:00:00Z'})
        self.assertEqual(plan['at'], '2031-05-04T03:00:00Z')
        self.assertIs(plan['applicable'], False)
        targets = next(change for change in plan['changes']
                       if change['name'] == CLIENT)['after']['records']
        self.assertFalse(any('xmpp3' in record for record in targets))
        drain = self.server.drain('xmpp2', **{'for': '2h'}).json
        now = self.server.get('/plan')
        later = self.server.get('/plan?at=2031-05-04T03:00:00Z')
        self.assertEqual(later['at'], '2031-05-04T03:00:00Z')
        records = [next(item for item in at['sets'] if item['name'] == CLIENT)['records']
                   for at in (now, later)]
        self.assertEqual([any('xmpp2' in record for record in side) for side in records],
                         [False, True])
        self.assertEqual(self.server.rest('GET', '/api/v1/plan?at=now').status, 400)
        self.assertEqual(self.server.undrain(drain['id']).status, 200)


class Applying(Case):
    def setUp(self):
        self.server = self.serve()

    def plan(self, body):
        reply = self.server.rest('POST', '/api/v1/plan', body)
        self.assertEqual(reply.status, 200, reply)
        return reply.json

    def apply(self, plan, headers=None, query='', **more):
        return self.server.rest('POST', '/api/v1/apply' + query,
                                {'plan': plan['id'], 'checksum': plan['checksum'], **more},
                                ANY if headers is None else headers)

    def test_what_was_shown_is_done_with_its_overlays_in_one_revision(self):
        text = '// ours\n' + json.dumps(changed(xmpp4={'addresses': ['192.0.2.14']}))
        plan = self.plan({'inventory': text, 'overlays': {
            'drains': [{'node': 'xmpp2', 'reason': 'kernel'}],
            'weights': [{'node': 'xmpp4', 'weight': 9, 'reason': 'new'}]}})
        tried = self.apply(plan, query='?dry_run=true')
        self.assertEqual((tried.status, tried.json['plan']['changes']), (200, plan['changes']))
        self.assertEqual(self.server.status()['revision'], 1)
        reply = self.apply(plan, reason='as agreed')
        self.assertEqual(reply.status, 200, reply)
        self.assertEqual(reply.json['revision'], 2)
        self.assertEqual(reply.json['applied'], plan['id'])
        self.assertEqual(hosts(self.server.ask(CLIENT)), ['xmpp1', 'xmpp3', 'xmpp4'])
        drain = self.server.get('/drains')['items'][0]
        self.assertEqual((drain['id'], drain['node'], drain['reason']),
                         (reply.json['drains'][0], 'xmpp2', 'kernel'))
        self.assertEqual(self.server.status()['weights'][0]['node'], 'xmpp4')
        kept = self.server.rest('GET', '/api/v1/inventory', headers={'Accept': 'application/jsonc'})
        self.assertEqual(kept.body.decode(), text)
        self.assertIn('as agreed', self.server.get('/revisions')['items'][0]['cause'])

    def test_a_repeated_request_with_its_key_is_answered_and_not_done_again(self):
        plan = self.plan({'inventory': changed(xmpp1={'capacity': 300})})
        key = {**ANY, 'Idempotency-Key': 'a-1'}
        first, again = self.apply(plan, headers=key), self.apply(plan, headers=key)
        self.assertEqual((first.status, again.status, again.json), (200, 200, first.json), again)
        other = self.apply(plan, headers=key, reason='other')
        self.assertEqual((other.status, other.json['type']), (422, '/docs/problems/key-reused'))
        self.assertEqual(self.server.status()['revision'], 2)
        back = {'Idempotency-Key': 'r-1'}
        for _ in range(2):
            reply = self.server.rest('POST', '/api/v1/revisions/1/rollback', headers=back)
            self.assertEqual((reply.status, reply.json['revision']), (200, 3), reply)

    def test_a_moved_world_is_412_and_nothing_is_done(self):
        plan = self.plan({'inventory': changed(xmpp1={'capacity': 300})})
        self.assertEqual(self.server.drain('xmpp2').status, 201)
        reply = self.apply(plan)
        self.assertEqual(reply.status, 412, reply)
        self.assertEqual(reply.json['etag'], '"r2"')
        self.assertEqual(self.server.status()['revision'], 2)
        again = self.plan({'inventory': changed(xmpp1={'capacity': 300})})
        self.assertEqual(self.apply(again, headers={'If-Match': '"r2"'}).status, 200)

    def test_what_moved_elsewhere_does_not_matter_unless_it_is_asked_for(self):
        self.assertEqual(self.server.rest(
            'PUT', '/api/v1/nodes/xmpp3/weight', {'weight': 3, 'reason': 'x'}, ANY).status, 200)
        plan = self.plan({'overlays': {'weights': [
            {'node': 'xmpp3', 'weight': 3, 'services': ['xmpp-server'], 'reason': 'x'}]}})
        self.assertEqual(self.server.rest(
            'DELETE', '/api/v1/nodes/xmpp3/weight?service=%2A', headers=ANY).status, 200)
        self.assertEqual(self.apply(plan, headers={'If-Match': '"r2"'}).status, 412)

    def test_wrong_plans_and_checksums_are_refused(self):
        plan = self.plan({'inventory': changed(xmpp1={'capacity': 300})})
        self.assertEqual(self.apply({**plan, 'id': 'pl_0'}).status, 404)
        wrong = self.apply({**plan, 'checksum': 'sha256:' + 64 * '0'})
        self.assertEqual((wrong.status, wrong.json['errors'][0]['pointer']), (422, '/checksum'))
        self.assertEqual(self.apply(plan, headers={}).status, 428)
        later = self.plan({'at': '2031-05-04T03:00:00Z'})
        self.assertEqual(self.apply(later).status, 409)
        empty = self.plan({'overlays': {'drains': [
            {'nodes': ['xmpp1', 'xmpp2', 'xmpp3'], 'reason': 'all'}]}})
        refused = self.apply(empty)
        self.assertEqual((refused.status, refused.json['overridable']), (409, False))
        self.assertEqual(self.server.status()['revision'], 1)
        self.server.kill()
        self.server.start()
        self.assertEqual(self.apply(plan).status, 404)  # a restart forgets plans, and says so

    def test_a_ramp_that_comes_along_has_begun_when_it_is_answered(self):
        plan = self.plan({'overlays': {'drains': [
            {'node': 'xmpp2', 'reason': 'x', 'ramp': '10m'}]}})
        reply = self.apply(plan)
        self.assertEqual(reply.status, 202, reply)
        self.assertIsNotNone(reply.json['served_at'])

    def test_a_drained_node_is_not_drained_again_by_a_plan(self):
        plan = self.plan({'overlays': {'drains': [{'node': 'xmpp2', 'reason': 'x'}]}})
        self.assertEqual(self.apply(plan).status, 200)
        again = self.plan({'overlays': {'drains': [{'node': 'xmpp2', 'reason': 'x'}]}})
        self.assertEqual(self.apply(again).json['type'], '/docs/problems/already-drained')


class Backwards(Case):
    def setUp(self):
        self.server = self.serve()

    def put(self, document):
        reply = self.server.rest('PUT', '/api/v1/inventory', document, ANY)
        self.assertEqual(reply.status, 200, reply)
        return reply.json['revision']

    def test_a_rollback_is_a_new_revision_with_the_old_inventory_and_the_drains_of_now(self):
        second = self.put(changed(xmpp4={'addresses': ['192.0.2.14']}))
        self.assertEqual(self.server.drain('xmpp2').status, 201)
        serial = self.server.serial()
        tried = self.server.rest('POST', '/api/v1/revisions/1/rollback?dry_run=true')
        self.assertEqual((tried.status, tried.json['revision']), (200, 3), tried)
        self.assertGreater(len(tried.json['plan']['changes']), 0)
        reply = self.server.rest('POST', '/api/v1/revisions/1/rollback', {'reason': 'too early'})
        self.assertEqual(reply.status, 200, reply)
        self.assertEqual(reply.json['revision'], 4)
        self.assertEqual(self.server.rest('GET', '/api/v1/inventory').json, inventory())
        self.assertEqual(hosts(self.server.ask(CLIENT)), ['xmpp1', 'xmpp3'])
        self.assertSerialGreater(self.server.serial(), serial)
        self.assertEqual(self.server.get('/revisions')['items'][0]['cause'],
                         'rollback to revision 1: too early')
        self.assertEqual(self.server.rest('POST', f'/api/v1/revisions/{second}/rollback').status,
                         200)
        self.assertIn('xmpp4', hosts(self.server.ask(CLIENT)))

    def test_guards_hold_for_a_rollback(self):
        document = changed()
        document['nodes'] = {'xmpp1': document['nodes']['xmpp1']}
        more = copy.deepcopy(document)
        more['nodes']['xmpp9'] = {'addresses': ['192.0.2.19']}
        self.put(document)
        third = self.put(more)
        self.assertEqual(self.server.drain('xmpp1').status, 201)
        reply = self.server.rest('POST', '/api/v1/revisions/2/rollback')
        self.assertEqual(reply.status, 409, reply)
        self.assertEqual(self.server.status()['revision'], third + 1)

    def test_what_differs_between_two_revisions(self):
        self.put(changed(xmpp4={'addresses': ['192.0.2.14']}))
        self.assertEqual(self.server.drain('xmpp1').status, 201)
        drained = self.server.get('/revisions/3/diff')
        self.assertEqual((drained['against'], drained['inventory_changed']), (2, False))
        change = next(change for change in drained['changes'] if change['name'] == CLIENT)
        gone = set(change['before']['records']) - set(change['after']['records'])
        self.assertTrue(any('xmpp1' in record for record in gone))
        both = self.server.rest('GET', '/api/v1/revisions/3/diff?against=1')
        self.assertEqual(both.headers['ETag'], f'"d{3 * 2**32 + 1}"')
        self.assertIs(both.json['inventory_changed'], True)
        self.assertEqual(self.server.get('/revisions/2/diff?against=2')['changes'], [])
        first = self.server.get('/revisions/1/diff')
        self.assertEqual(first['summary']['change'] + first['summary']['remove'], 0)
        self.assertGreater(first['summary']['add'], 0)
        for path in ('99/diff', '2/diff?against=99', 'x/diff', '99/rollback'):
            method = 'POST' if 'rollback' in path else 'GET'
            self.assertEqual(self.server.rest(method, '/api/v1/revisions/' + path).status, 404)


if __name__ == '__main__':
    main()
