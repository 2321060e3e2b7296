#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Maintenance windows through the API: made, changed, skipped, ended, taken away; beside those of
the inventory; and what the responder answers meanwhile."""
import datetime
import json
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import srvplan  # noqa: E402

NAME = '_xmpp-client._tcp.example.org.'
UTC = datetime.timezone.utc
ANY = {'If-Match': '*'}


def local(after_s=0):
    """A start in UTC, as windows have it, so many seconds from now."""
    instant = datetime.datetime.now(UTC) + datetime.timedelta(seconds=after_s)
    return instant.strftime('%Y-%m-%dT%H:%M:%S')


def document(windows=None, **policy):
    return {
        'srvplan': 1,
        'defaults': {'base': 'example.org', 'ttl': '5m', 'services': ['xmpp-client'],
                     'name_servers': [{'host': 'ns1.example.org', 'addresses': ['192.0.2.53']}]},
        'domains': {'example.org': {}},
        'nodes': {f'xmpp{i}': {'addresses': [f'192.0.2.1{i}'], 'site': 'ams' if i < 3 else 'fra'}
                  for i in range(1, 4)},
        'policy': policy, 'windows': windows or {}}


def december(number):
    """The day of a Sunday in the December after next: 1 is the first."""
    first = datetime.date(datetime.date.today().year + 1, 12, 1)
    return (first + datetime.timedelta(days=6 - first.weekday() + 7 * (number - 1))).isoformat()


FIRST, SECOND, THIRD = december(1), december(2), december(3)
SINCE = december(1)[:8] + '01T00:00:00Z'
WEEKLY = {'id': 'weekly-ams', 'nodes': ['xmpp1', 'xmpp2'], 'serial': True,
          'start': FIRST + 'T02:00', 'duration': '2h', 'timezone': 'Europe/Amsterdam',
          'rrule': 'FREQ=WEEKLY;BYDAY=SU', 'comment': 'kernel updates'}


class Windows(srvplan.Case):
    def start(self, windows=None, **policy):
        self.server = self.serve(document(windows, **policy))
        return self.server

    def post(self, path, body, status=201, **headers):
        reply = self.server.rest('POST', '/api/v1/windows' + path, body, headers=headers)
        self.assertEqual(reply.status, status, reply)
        return reply

    def window(self, name):
        return self.server.get('/windows/' + name)

    def hosts(self):
        return srvplan.hosts(self.server.ask(NAME))

    def open_now(self, **more):
        """A window that is under way at once."""
        return self.post('', {'id': 'now', 'nodes': ['xmpp1'], 'start': local(-60),
                              'duration': '1h', 'reason': 'disk', **more}).json

    def test_a_window_is_made_and_tells_what_comes(self):
        self.start(drain={'ramp': '10m', 'grace': '30s'})
        reply = self.post('', WEEKLY)
        self.assertEqual(reply.headers['Location'], '/api/v1/windows/weekly-ams')
        made = reply.json
        self.assertEqual(made['origin'], 'api')
        self.assertEqual(made['nodes'], ['xmpp1', 'xmpp2'])
        self.assertEqual(made['duration'], 7200)
        self.assertEqual(made['lead'], 1020)
        self.assertEqual(made['status'], {'state': 'pending', 'because': None})
        first, second = made['next']
        self.assertEqual(first['nodes'], ['xmpp1'])
        self.assertEqual(first['start'], f'{FIRST}T01:00:00Z')
        self.assertEqual(first['end'], f'{FIRST}T03:00:00Z')
        self.assertEqual(first['ttl_lowered_at'], f'{FIRST}T00:43:00Z')
        self.assertEqual(first['withdraw_at'], f'{FIRST}T00:58:30Z')
        self.assertEqual(second['nodes'], ['xmpp2'])
        self.assertEqual(second['start'], f'{FIRST}T03:23:00Z')
        got = self.server.rest('GET', '/api/v1/windows/weekly-ams')
        self.assertEqual(got.json, made)
        self.assertEqual(got.headers['ETag'], reply.headers['ETag'])
        self.assertEqual(self.server.get('/windows')['items'], [made])

    def test_mistakes_are_told_all_at_once_with_their_places(self):
        self.start()
        reply = self.post('', {'id': 'Bad', 'nodes': ['xmpp9'], 'start': 'soon', 'duraton': '2h',
                               'rrule': 'FREQ=HOURLY', 'reason': 'x'}, 422)
        found = {error['pointer']: error['code'] for error in reply.json['errors']}
        self.assertEqual(found['/id'], 'bad-id')
        self.assertEqual(found['/start'], 'bad-time')
        self.assertEqual(found['/duraton'], 'unknown-key')
        self.assertEqual(found['/rrule'], 'bad-rrule')
        self.assertTrue(any('duration' in (error.get('suggestion') or '')
                            for error in reply.json['errors'] if error['pointer'] == '/duraton'))
        reply = self.post('', {**WEEKLY, 'nodes': ['xmpp9', 'site:nowhere']}, 422)
        self.assertEqual([error['pointer'] for error in reply.json['errors']],
                         ['/nodes/0', '/nodes/1'])
        reply = self.post('', {**WEEKLY, 'comment': None}, 422)
        self.assertEqual([error['pointer'] for error in reply.json['errors']], ['/reason'])
        self.assertEqual(self.server.get('/windows')['items'], [])

    def test_the_inventorys_windows_are_listed_and_only_read(self):
        own = {key: value for key, value in WEEKLY.items() if key != 'id'}
        self.start({'declared': own})
        window = self.window('declared')
        self.assertEqual(window['origin'], 'inventory')
        for method, body in (('PUT', {**own, 'reason': 'x'}), ('DELETE', None)):
            reply = self.server.rest(method, '/api/v1/windows/declared', body, headers=ANY)
            self.assertEqual(reply.status, 409, reply)
        self.post('', {**WEEKLY, 'id': 'declared'}, 409)
        self.post('', WEEKLY)
        self.assertEqual([item['id'] for item in self.server.get('/windows')['items']],
                         ['declared', 'weekly-ams'])
        page = self.server.get('/windows?limit=1')
        self.assertEqual((page['items'][0]['id'], page['next']), ('declared', 'declared'))
        page = self.server.get('/windows?limit=1&after=declared')
        self.assertEqual((page['items'][0]['id'], page['next']), ('weekly-ams', None))

    def test_a_change_needs_the_version_that_was_read(self):
        self.start()
        made = self.post('', WEEKLY)
        body = {key: value for key, value in WEEKLY.items() if key != 'id'}
        path = '/api/v1/windows/weekly-ams'
        self.assertEqual(self.server.rest('PUT', path, body).status, 428)
        stale = self.server.rest('PUT', path, body, headers={'If-Match': '"w1"'})
        self.assertEqual((stale.status, stale.json['etag']), (412, made.headers['ETag']))
        changed = self.server.rest('PUT', path, {**body, 'duration': '3h'},
                                   headers={'If-Match': made.headers['ETag']})
        self.assertEqual((changed.status, changed.json['duration']), (200, 10800))
        self.assertNotEqual(changed.headers['ETag'], made.headers['ETag'])
        self.assertEqual(self.server.rest('DELETE', path, headers={
            'If-Match': made.headers['ETag']}).status, 412)
        gone = self.server.rest('DELETE', path, headers={'If-Match': changed.headers['ETag']})
        self.assertEqual((gone.status, gone.json['status']['state']), (200, 'ended'))
        self.assertEqual(self.server.rest('GET', path).status, 404)
        new = self.server.rest('PUT', path, body, headers={'If-None-Match': '*'})
        self.assertEqual(new.status, 201, new)
        again = self.server.rest('PUT', path, body, headers={'If-None-Match': '*'})
        self.assertEqual(again.status, 409, again)

    def test_a_dry_run_shows_the_plan_while_it_is_open_and_changes_nothing(self):
        self.start()
        reply = self.post('?dry_run=true', WEEKLY, 200)
        change = reply.json['plan']['changes'][0]
        self.assertEqual(change['name'], NAME)
        self.assertNotIn('xmpp1.example.org.', ' '.join(change['after']['records']))
        self.assertEqual(reply.json['next'][0]['nodes'], ['xmpp1'])
        self.assertEqual(self.server.get('/windows')['items'], [])
        self.assertEqual(self.server.status()['revision'], 1)

    def test_a_dry_run_tells_of_nothing_but_the_window(self):
        self.start()
        end = (datetime.datetime.now(UTC) + datetime.timedelta(hours=1)).strftime('%FT%TZ')
        self.assertEqual(self.server.drain('xmpp3', until=end).status, 201)
        reply = self.post('?dry_run=true', WEEKLY, 200)
        change, = reply.json['plan']['changes']
        self.assertEqual(len(change['before']['records']) - len(change['after']['records']), 1)
        self.assertIn('xmpp3', ' '.join(change['before']['records']))  # back by then
        self.post('', WEEKLY)
        reply = self.post('/weekly-ams/skip?dry_run=true', {'reason': 'x'}, 200)
        change, = reply.json['plan']['changes']
        self.assertIn('xmpp1', ' '.join(change['after']['records']))
        self.assertNotIn('xmpp1', ' '.join(change['before']['records']))

    def test_what_is_open_takes_its_node_out_and_gives_it_back_at_an_early_end(self):
        self.start()
        made = self.open_now()
        self.assertEqual(made['status']['state'], 'active')
        self.assertEqual(self.hosts(), ['xmpp2', 'xmpp3'])
        at_work = self.server.status()['windows']
        self.assertEqual([(item['id'], item['state']) for item in at_work], [('now', 'active')])
        reply = self.post('/now/end', {'reason': 'done'}, 200)
        self.assertEqual(reply.json['status']['state'], 'ended')
        self.assertEqual(self.hosts(), ['xmpp1', 'xmpp2', 'xmpp3'])
        self.assertEqual(self.server.status()['windows'], [])
        self.post('/now/end', {'reason': 'again'}, 409)

    def test_windows_survive_a_restart_and_another_inventory(self):
        server = self.start()
        self.open_now()
        self.post('', WEEKLY)
        self.post('/weekly-ams/skip', {'date': SECOND, 'reason': 'freeze'}, 200)
        before = server.get('/windows')
        occurrences = server.get('/windows/weekly-ams/occurrences?from=' + SINCE)
        server.kill()
        changed = document()
        changed['nodes']['xmpp4'] = {'addresses': ['192.0.2.14']}
        server.write_inventory(changed)
        server.start()
        self.assertEqual(server.get('/windows')['items'], before['items'])
        self.assertEqual(server.get('/windows/weekly-ams/occurrences?from=' + SINCE),
                         occurrences)
        self.assertEqual(self.hosts(), ['xmpp2', 'xmpp3', 'xmpp4'])

    def test_a_window_waits_while_its_nodes_are_gone(self):
        server = self.start()
        self.post('', {**WEEKLY, 'nodes': ['xmpp3']})
        less = document()
        del less['nodes']['xmpp3']
        server.write_inventory(less)
        self.assertEqual(server.rest('POST', '/api/v1/reload').status, 200)
        waiting = self.window('weekly-ams')
        self.assertEqual(waiting['status']['state'], 'blocked')
        self.assertIn('waits', waiting['status']['because'])
        self.assertEqual([item['id'] for item in server.status()['windows']], ['weekly-ams'])
        server.write_inventory(document())
        self.assertEqual(server.rest('POST', '/api/v1/reload').status, 200)
        self.assertEqual(self.window('weekly-ams')['status']['state'], 'pending')

    def test_an_opening_is_skipped_and_comes_back(self):
        self.start()
        self.post('', WEEKLY)
        path = f'/windows/weekly-ams/occurrences?from={SINCE}&limit=3'
        starts = [item['start'] for item in self.server.get(path)['items']]
        self.assertEqual(starts, [f'{FIRST}T01:00:00Z', f'{SECOND}T01:00:00Z',
                                  f'{THIRD}T01:00:00Z'])
        reply = self.post('/weekly-ams/skip', {'reason': 'release'}, 200)
        self.assertEqual(reply.json['next'][0]['start'], f'{SECOND}T01:00:00Z')
        self.post('/weekly-ams/skip', {'date': THIRD, 'reason': 'release'}, 200)
        states = [item['state'] for item in self.server.get(path)['items']]
        self.assertEqual(states, ['skipped', 'pending', 'skipped'])
        self.post('/weekly-ams/skip', {'start': f'{THIRD}T01:00:00Z', 'reason': 'x'}, 409)
        self.post('/weekly-ams/skip', {'start': f'{THIRD}T02:00:00Z', 'reason': 'x'}, 404)
        self.post('/weekly-ams/skip', {'date': FIRST[:8] + '30', 'reason': 'x'}, 422)
        self.post('/weekly-ams/skip', {'start': f'{FIRST}T01:00:00Z', 'undo': True,
                                       'reason': 'after all'}, 200)
        states = [item['state'] for item in self.server.get(path)['items']]
        self.assertEqual(states, ['pending', 'pending', 'skipped'])
        skipped = self.server.get(path)['items'][2]['skipped']
        self.assertEqual(skipped['reason'], 'release')

    def test_pages_of_occurrences_follow_each_other(self):
        self.start()
        self.post('', WEEKLY)
        seen, after = [], ''
        while after is not None and len(seen) < 20:
            page = self.server.get(f'/windows/weekly-ams/occurrences?from={SINCE}'
                                   f'&to={december(5)}T00:00:00Z&limit=2' + after)
            seen += [item['start'][:10] for item in page['items']]
            after = page['next'] and '&after=' + page['next']
        self.assertEqual(seen, [december(number) for number in range(1, 5)])

    def test_a_guard_blocks_and_says_so_in_window_status_and_opening(self):
        self.start(guard={'min_nodes': 2})
        made = self.post('', {**WEEKLY, 'serial': False, 'nodes': ['site:ams']}).json
        self.assertEqual(made['status']['state'], 'blocked')
        self.assertIn('guard min_nodes', made['status']['because'])
        self.assertIn('guard min_nodes', made['next'][0]['blocked_because'])
        item = self.server.get('/status')['windows'][0]
        self.assertEqual((item['id'], item['state']), ('weekly-ams', 'blocked'))
        opening = self.server.get('/windows/weekly-ams/occurrences?from=' + SINCE)
        self.assertEqual(opening['items'][0]['state'], 'blocked')
        codes = [finding['code'] for finding in self.server.get('/plan')['findings']]
        self.assertIn('window-blocked', codes)

    def test_a_change_of_an_open_window_must_not_block_it(self):
        self.start(guard={'min_nodes': 2})
        made = self.open_now()
        body = {'start': made['start'], 'duration': '1h', 'reason': 'x'}
        path = '/api/v1/windows/now'
        reply = self.server.rest('PUT', path, {**body, 'nodes': ['xmpp1', 'xmpp2']}, headers=ANY)
        self.assertEqual(reply.status, 409, reply)
        self.assertIn('guard min_nodes', reply.json['detail'])
        self.assertEqual(self.hosts(), ['xmpp2', 'xmpp3'])
        # Only words: the drain that came meanwhile has no say in it.
        self.assertEqual(self.server.drain('xmpp2', override={
            'guard': True, 'reason': 'broken'}).status, 201)
        reply = self.server.rest('PUT', path, {**body, 'nodes': ['xmpp1'], 'comment': 'RAM'},
                                 headers=ANY)
        self.assertEqual((reply.status, reply.json['comment']), (200, 'RAM'), reply)
        self.assertEqual(reply.json['since'], made['since'])
        self.assertEqual(self.hosts(), ['xmpp3'])

    def test_an_open_window_is_extended_without_a_gap(self):
        self.start(drain={'ramp': '10m'})
        made = self.open_now()
        start = made['start']
        self.assertEqual(self.hosts(), ['xmpp2', 'xmpp3'])
        reply = self.server.rest('PUT', '/api/v1/windows/now', {
            'nodes': ['xmpp1'], 'start': start, 'duration': '3h', 'reason': 'takes longer'},
            headers=ANY)
        self.assertEqual((reply.status, reply.json['status']['state']), (200, 'active'), reply)
        self.assertEqual(self.hosts(), ['xmpp2', 'xmpp3'])

    def test_removing_an_open_window_brings_the_node_back_by_the_ramp(self):
        self.start(drain={'ramp': '10s', 'steps': 2}, accept=[])
        self.open_now()
        self.assertEqual(self.hosts(), ['xmpp2', 'xmpp3'])
        gone = self.server.rest('DELETE', '/api/v1/windows/now', headers=ANY)
        self.assertEqual(gone.status, 200, gone)
        self.assertEqual(gone.json['next'][0]['state'], 'restoring')
        self.assertEqual(self.hosts(), ['xmpp1', 'xmpp2', 'xmpp3'])  # the first step of it
        self.post('', {'id': 'now', 'nodes': ['xmpp2'], 'start': local(86400), 'duration': '1h',
                       'reason': 'y'}, 409)
        srvplan.wait_until(lambda: self.server.rest('GET', '/api/v1/windows/now').status == 404,
                           20, 'the window goes when its node is back')
        self.post('', {'id': 'now', 'nodes': ['xmpp2'], 'start': local(86400), 'duration': '1h',
                       'reason': 'y'})

    def test_every_change_stands_in_the_audit(self):
        self.start()
        self.post('', WEEKLY)
        self.post('/weekly-ams/skip', {'date': SECOND, 'reason': 'freeze'}, 200)
        self.server.rest('DELETE', '/api/v1/windows/weekly-ams', headers=ANY)
        rows = self.server.get('/audit?object=weekly-ams')['items']
        self.assertEqual(sorted(row['action'] for row in rows),
                         ['window add', 'window remove', 'window skip'])
        added = next(row for row in rows if row['action'] == 'window add')
        self.assertEqual(added['after']['rrule'], WEEKLY['rrule'])

    def test_a_token_for_one_node_changes_windows_of_that_node_alone(self):
        self.start()
        token = self.server.make_token('operator', nodes=['xmpp1'])
        window = {'start': local(86400), 'duration': '1h', 'reason': 'x'}
        for nodes, status in ((['xmpp2'], 403), (['xmpp1', 'xmpp2'], 403), (['*'], 403),
                              (['site:ams'], 403), (['xmpp1'], 201)):
            reply = self.server.rest('POST', '/api/v1/windows', {**window, 'nodes': nodes},
                                     token=token)
            self.assertEqual(reply.status, status, (nodes, reply))
        self.post('', WEEKLY)
        for method, path in (('DELETE', ''), ('POST', '/skip')):
            reply = self.server.rest(method, '/api/v1/windows/weekly-ams' + path,
                                     {'reason': 'x'} if path else None, headers=ANY, token=token)
            self.assertEqual(reply.status, 403, reply)

    def test_the_calendar_has_a_url_of_its_own(self):
        server = self.start()
        self.post('', {**WEEKLY, 'start': local(86400)[:16]})
        path = '/api/v1/windows.ics'
        self.assertEqual(server.rest('GET', path, over='bare').status, 401)
        self.assertEqual(server.rest('GET', path + '?key=', over='bare').status, 401)
        dry = server.rest('POST', path + '?dry_run=true', {'reason': 'team'})
        self.assertEqual((dry.status, dry.json['url']), (200, None), dry)
        made = server.rest('POST', path, {'reason': 'team'})
        self.assertEqual(made.status, 201, made)
        url = made.json['url']
        feed = server.rest('GET', url, over='bare')
        self.assertEqual(feed.status, 200, feed)
        self.assertEqual(feed.headers['Content-Type'], 'text/calendar; charset=utf-8')
        self.assertIn(b'SUMMARY:weekly-ams: xmpp1\r\n', feed.body)
        key = url.partition('=')[2]
        self.assertEqual(server.rest('GET', '/api/v1/windows', over='bare', token=key).status, 401)
        self.assertEqual(server.rest('GET', '/api/v1/status?key=' + key, over='bare').status, 401)
        self.assertEqual(server.rest('GET', path, token=server.make_token('viewer')).status, 200)
        server.kill()
        server.start()
        self.assertEqual(server.rest('GET', url, over='bare').status, 200)
        other = server.rest('POST', path, {'reason': 'somebody left'}).json['url']
        self.assertEqual(server.rest('GET', url, over='bare').status, 401)
        self.assertEqual(server.rest('GET', other, over='bare').status, 200)
        with open(os.path.join(server.state, 'srvplan.db'), 'rb') as store:
            self.assertNotIn(other.partition('=')[2].encode(), store.read())
        self.assertNotIn(other.partition('=')[2], server.log())

    def test_a_window_opens_and_ends_by_itself(self):
        quick = document(drain={'grace': '0s', 'ramp': '0s'})
        quick['defaults']['ttl'] = '1s'
        self.server = self.serve(quick)
        made = self.post('', {'id': 'soon', 'nodes': ['xmpp2'], 'start': local(4), 'duration': '2s',
                              'reason': 'x'}).json
        self.assertEqual((made['status']['state'], made['lead']), ('pending', 2))
        self.assertEqual(self.hosts(), ['xmpp1', 'xmpp2', 'xmpp3'])
        seen = []

        def is_over():
            state = self.window('soon')['status']['state']
            pair = (state, 'xmpp2' in self.hosts())
            if not seen or seen[-1] != pair:
                seen.append(pair)
            return state == 'ended' and pair[1]

        srvplan.wait_until(is_over, 30, 'the window is over')
        self.assertIn(('active', False), seen)
        self.assertLess(seen.index(('pending', True)), seen.index(('active', False)))
        reply = self.server.rest('GET', '/api/v1/events?kinds=window&follow=false&last=50')
        states = [json.loads(line[5:]).get('state') for line in reply.body.decode().splitlines()
                  if line.startswith('data:')]
        self.assertEqual([state for state in states if state], ['pending', 'active', 'ended'])

    def test_a_past_revision_shows_what_a_window_did_then(self):
        server = self.start()
        self.open_now()
        then = server.status()['revision']
        self.post('/now/end', {'reason': 'done'}, 200)
        past = server.get(f'/revisions/{then}')
        records = ' '.join(next(s for s in past['sets'] if s['name'] == NAME)['records'])
        self.assertNotIn('xmpp1', records)
        self.assertIn('xmpp2', records)
        now = server.get(f'/revisions/{then + 1}')
        self.assertIn('xmpp1', ' '.join(next(s for s in now['sets'] if s['name'] == NAME)['records']))

    def test_a_rollback_leaves_windows_as_they_are(self):
        server = self.start()
        self.open_now()
        changed = document()
        changed['nodes']['xmpp4'] = {'addresses': ['192.0.2.14']}
        reply = server.rest('PUT', '/api/v1/inventory', changed, headers=ANY)
        self.assertEqual(reply.status, 200, reply)
        self.assertEqual(self.hosts(), ['xmpp2', 'xmpp3', 'xmpp4'])
        reply = server.rest('POST', '/api/v1/revisions/1/rollback', {'reason': 'x'})
        self.assertIn(reply.status, (200, 201), reply)
        self.assertEqual(self.hosts(), ['xmpp2', 'xmpp3'])
        self.assertEqual(self.window('now')['status']['state'], 'active')

    def test_a_repeated_request_with_its_key_makes_one_window(self):
        server = self.start()
        body = {'nodes': ['xmpp1'], 'start': local(86400), 'duration': '1h', 'reason': 'x'}
        headers = {'Idempotency-Key': 'one'}
        first = server.rest('POST', '/api/v1/windows', body, headers=headers)
        again = server.rest('POST', '/api/v1/windows', body, headers=headers)
        self.assertEqual((first.status, again.status), (201, 201), again)
        self.assertEqual(first.json, again.json)
        self.assertEqual(len(server.get('/windows')['items']), 1)
        url = server.rest('POST', '/api/v1/windows.ics', {'reason': 'x'},
                          headers={'Idempotency-Key': 'two'}).json['url']
        again = server.rest('POST', '/api/v1/windows.ics', {'reason': 'x'},
                            headers={'Idempotency-Key': 'two'})
        self.assertEqual(again.status, 409, again)
        self.assertNotIn(url.partition('=')[2].encode(), again.body)

    def test_events_tell_of_windows(self):
        server = self.start()
        first = server.status()['index']
        self.open_now()
        self.post('/now/end', {'reason': 'done'}, 200)
        reply = server.rest('GET', '/api/v1/events?kinds=window&follow=false&last=10')
        told = [json.loads(line[5:]) for line in reply.body.decode().splitlines()
                if line.startswith('data:')]
        self.assertEqual([event['state'] for event in told if 'state' in event], ['active', 'ended'], reply.body)
        self.assertGreater(server.status()['index'], first)


if __name__ == '__main__':
    srvplan.main()
