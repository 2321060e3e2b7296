# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory over REST: read, put, patched, validated; what a bad one does, and what a restart
and a changed file make of it."""
import json
import os
import re
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
from srvplan import Case, ServedCase, hosts, inventory, main, wait_until  # noqa: E402

ANY = {'If-Match': '*'}
JSONC = {'Content-Type': 'application/jsonc'}
MERGE = {'Content-Type': 'application/merge-patch+json'}
CLIENT = '_xmpp-client._tcp.example.org.'


def jsonc(document, comment='// kept'):
    return comment + '\n' + json.dumps(document, indent=2).replace('"xmpp1"', '/* one */ "xmpp1"')


class Reading(ServedCase):
    def test_a_yaml_document_that_is_a_single_value_is_a_mistake(self):
        for body in ('5', 'x', '[1, 2]', 'null', '- a', ''):
            with self.subTest(body=body):
                reply = self.server.rest('POST', '/api/v1/inventory/validate', body,
                                         {'Content-Type': 'application/yaml'})
                self.assertEqual((reply.status, reply.json['valid']), (200, False), reply)

    def test_the_inventory_is_answered_in_three_spellings(self):
        plain = self.server.rest('GET', '/api/v1/inventory')
        self.assertEqual(plain.status, 200)
        self.assertEqual(plain.json, inventory())
        self.assertRegex(plain.headers['ETag'], r'^"v\d+"$')
        yaml = self.server.rest('GET', '/api/v1/inventory', headers={'Accept': 'application/yaml'})
        self.assertEqual(yaml.headers['Content-Type'], 'application/yaml')
        self.assertIn(b'srvplan: 1\n', yaml.body)
        known = self.server.rest('GET', '/api/v1/inventory',
                                 headers={'If-None-Match': plain.headers['ETag']})
        self.assertEqual((known.status, known.body), (304, b''))

    def test_validate_tells_all_mistakes_with_their_places_and_stores_nothing(self):
        before = self.server.status()['revision']
        text = jsonc(inventory()).replace('"standby"\n', '"stanby"\n').replace('200', '-1')
        reply = self.server.rest('POST', '/api/v1/inventory/validate', text, JSONC)
        self.assertEqual(reply.status, 200)
        self.assertIs(reply.json['valid'], False)
        found = {finding['pointer']: finding for finding in reply.json['findings']
                 if finding['severity'] == 'error'}
        self.assertEqual(reply.json['errors'], len(found))
        lines = text.splitlines()
        self.assertIn('"stanby"', lines[found['/nodes/xmpp3/tier']['line'] - 1])
        self.assertIn('-1', lines[found['/nodes/xmpp1/capacity']['line'] - 1])
        good = self.server.rest('POST', '/api/v1/inventory/validate', jsonc(inventory()), JSONC)
        self.assertEqual((good.json['valid'], good.json['errors']), (True, 0))
        self.assertEqual(self.server.status()['revision'], before)

    def test_yaml_is_validated_too(self):
        text = 'srvplan: 1\ndomains:\n  example.org: {}\nnodes:\n  a: {addresses: [192.0.2.1], x: 1}\n'
        reply = self.server.rest('POST', '/api/v1/inventory/validate', text,
                                 {'Content-Type': 'application/yaml'})
        self.assertEqual([(f['pointer'], f['line']) for f in reply.json['findings']
                          if f['pointer'] == '/nodes/a/x'], [('/nodes/a/x', 5)])

    def test_what_is_no_inventory_at_all_is_said_with_its_place(self):
        for text, status, expected in (
                ('{"srvplan": 1,,}', 400, 'line 1, column 15'),
                ('[' * 40, 413, 'level'),
                (b'\xff', 400, 'UTF-8'),
                ('', 400, 'line 1')):
            reply = self.server.rest('POST', '/api/v1/inventory/validate', text, JSONC)
            self.assertEqual(reply.status, status, reply)
            self.assertIn(expected, reply.json['detail'])
        reply = self.server.rest('POST', '/api/v1/inventory/validate', '{}',
                                 {'Content-Type': 'text/plain'})
        self.assertEqual(reply.status, 415)

    def test_too_many_values_are_refused_before_a_tree_is_made(self):
        body = '[' + '[],' * (8 * 1024 * 1024) + '[]]'
        peak = self.peak_kib()
        reply = self.server.rest('POST', '/api/v1/inventory/validate', body, JSONC)
        self.assertEqual(reply.status, 413)
        self.assertIn('2,000,000 values', reply.json['detail'])
        # The body, the room that it grew in, its clean copy: no tree of 8 million lists.
        self.assertLess(self.peak_kib() - peak, 512 * 1024)
        large = self.server.rest('POST', '/api/v1/inventory/validate', '',
                                 {**JSONC, 'Content-Length': str(32 * 1024 * 1024 + 1)})
        self.assertEqual(large.status, 413)

    def peak_kib(self):
        with open(f'/proc/{self.server.process.pid}/status', encoding='ascii') as status:
            return int(re.search(r'VmHWM:\s+(\d+)', status.read())[1])


class Changing(Case):
    def setUp(self):
        self.server = self.serve()

    def put(self, document, headers=None, query=''):
        text = document if isinstance(document, str) else json.dumps(document)
        return self.server.rest('PUT', '/api/v1/inventory' + query, text,
                                {**JSONC, **(ANY if headers is None else headers)})

    def test_a_put_is_served_kept_as_it_was_sent_and_survives_a_restart(self):
        document = inventory()
        document['nodes']['xmpp4'] = {'addresses': ['192.0.2.14'], 'capacity': 80}
        text = jsonc(document)
        serial = self.server.serial()
        reply = self.put(text)
        self.assertEqual(reply.status, 200, reply)
        self.assertEqual(reply.json['revision'], 2)
        self.assertIsNotNone(reply.json['served_at'])
        self.assertEqual(reply.json['inventory']['source'], 'store')
        self.assertGreater(reply.json['summary']['change'], 0)
        self.assertIn('xmpp4', hosts(self.server.ask(CLIENT)))
        self.assertSerialGreater(self.server.serial(), serial)
        kept = {'Accept': 'application/jsonc'}
        self.assertEqual(self.server.rest('GET', '/api/v1/inventory', headers=kept).body.decode(),
                         text)
        self.assertEqual(self.server.rest('GET', '/api/v1/inventory').json, document)
        self.server.kill()
        self.server.start()
        again = self.server.rest('GET', '/api/v1/inventory', headers=kept)
        self.assertEqual(again.body.decode(), text)
        self.assertEqual(again.headers['ETag'], reply.headers['ETag'])
        self.assertIn('xmpp4', hosts(self.server.ask(CLIENT)))
        with open(self.server.file, encoding='utf-8') as file:
            self.assertEqual(json.load(file), inventory())  # PUT never writes the file

    def test_yaml_is_put_and_what_would_need_files_is_refused(self):
        text = ('srvplan: 1\ndefaults:\n  base: example.org\n  name_servers:\n'
                '    - {host: ns1.example.org, addresses: [192.0.2.53]}\n'
                'domains: {example.org: {}}  # ours\n'
                'nodes:\n  a: {addresses: [192.0.2.1]}\n  b: {addresses: [192.0.2.2]}\n')
        reply = self.server.rest('PUT', '/api/v1/inventory', text,
                                 {'Content-Type': 'application/yaml', **ANY})
        self.assertEqual(reply.status, 200, reply)
        self.assertEqual(hosts(self.server.ask(CLIENT)), ['a', 'b'])
        self.assertEqual(set(self.server.rest('GET', '/api/v1/inventory').json['nodes']),
                         {'a', 'b'})
        self.server.kill()
        self.server.start()
        self.assertEqual(hosts(self.server.ask(CLIENT)), ['a', 'b'])
        reply = self.put(inventory(include=['more.jsonc']))
        self.assertEqual((reply.status, reply.json['errors'][0]['pointer']), (422, '/include/0'),
                         reply)

    def test_if_match_is_required_and_decides(self):
        self.assertEqual(self.put(inventory(), headers={}).status, 428)
        tag = self.server.rest('GET', '/api/v1/inventory').headers['ETag']
        document = inventory()
        document['nodes']['xmpp1']['capacity'] = 300
        first = self.put(document, headers={'If-Match': tag})
        self.assertEqual(first.status, 200)
        second = self.put(inventory(), headers={'If-Match': tag})
        self.assertEqual(second.status, 412)
        self.assertEqual(second.json['etag'], first.headers['ETag'])
        self.assertEqual(self.server.status()['revision'], 2)

    def test_mistakes_are_422_with_pointer_line_and_column_and_change_nothing(self):
        document = inventory()
        document['nodes']['xmpp1']['capacitee'] = 1
        reply = self.put(json.dumps(document, indent=1))
        self.assertEqual(reply.status, 422)
        mistake = reply.json['errors'][0]
        self.assertEqual(mistake['pointer'], '/nodes/xmpp1/capacitee')
        self.assertGreater(mistake['line'], 1)
        self.assertIn('capacity', json.dumps(mistake))
        self.assertEqual(self.server.status()['revision'], 1)

    def test_a_dry_run_shows_the_plan_and_changes_nothing(self):
        document = inventory()
        del document['nodes']['xmpp2']
        reply = self.put(document, query='?dry_run=true')
        self.assertEqual(reply.status, 200)
        self.assertIn('summary', reply.json)
        change = next(change for change in reply.json['plan']['changes']
                      if change['name'] == CLIENT)
        self.assertEqual(change['zone'], 'example.org.')
        self.assertEqual(len(change['before']['records']) - 1, len(change['after']['records']))
        self.assertEqual(self.server.status()['revision'], 1)
        self.assertIn('xmpp2', hosts(self.server.ask(CLIENT)))

    def test_guards_hold_for_inventories_and_can_be_overridden_with_a_reason(self):
        document = inventory(policy={'guard': {'min_capacity': '60%'}})
        self.assertEqual(self.put(document).status, 200)
        self.assertEqual(self.server.drain('xmpp2').status, 201)
        document['nodes']['xmpp1']['state'] = 'drain'
        reply = self.put(document)
        self.assertEqual(reply.status, 409, reply)
        self.assertTrue(reply.json['type'].endswith('-guard'))
        self.assertIs(reply.json['overridable'], True)
        self.assertEqual(self.put(document, query='?override=true').status, 400)
        forced = self.put(document, query='?override=true&reason=the%20cellar%20is%20wet')
        self.assertEqual(forced.status, 200, forced)
        newest = self.server.get('/revisions?limit=1')['items'][0]
        self.assertEqual(newest['cause'], 'inventory put: the cellar is wet')

    def test_drains_survive_a_change_of_the_inventory(self):
        drain = self.server.drain('xmpp1').json['id']
        document = inventory()
        document['nodes']['xmpp2']['capacity'] = 500
        self.assertEqual(self.put(document).status, 200)
        self.assertNotIn('xmpp1', hosts(self.server.ask(CLIENT)))
        self.assertEqual([item['id'] for item in self.server.get('/drains')['items']], [drain])

    def test_a_patch_changes_what_it_names_and_keeps_comments(self):
        self.assertEqual(self.put(jsonc(inventory())).status, 200)
        patch = {'nodes': {'xmpp2': {'capacity': 60, 'ports': None}, 'xmpp3': None,
                           'xmpp5': {'addresses': ['192.0.2.15'], 'tier': 'standby'}}}
        reply = self.server.rest('PATCH', '/api/v1/inventory', patch, {**MERGE, **ANY})
        self.assertEqual(reply.status, 200, reply)
        wanted = inventory()
        wanted['nodes']['xmpp2'] = {'addresses': ['192.0.2.12'], 'capacity': 60}
        del wanted['nodes']['xmpp3']
        wanted['nodes']['xmpp5'] = patch['nodes']['xmpp5']
        self.assertEqual(self.server.rest('GET', '/api/v1/inventory').json, wanted)
        text = self.server.rest('GET', '/api/v1/inventory',
                                headers={'Accept': 'application/jsonc'}).body.decode()
        self.assertIn('// kept', text)
        self.assertIn('/* one */ "xmpp1"', text)
        deep = b'{"a":' * 40 + b'1' + b'}' * 40
        self.assertEqual(self.server.rest('PATCH', '/api/v1/inventory', deep,
                                          {**MERGE, **ANY}).status, 413)

    def test_a_node_is_patched_and_its_etag_guards_it(self):
        before = self.server.rest('GET', '/api/v1/nodes/xmpp1')
        reply = self.server.rest('PATCH', '/api/v1/nodes/xmpp1', {'capacity': 400},
                                 {'If-Match': before.headers['ETag']})
        self.assertEqual(reply.status, 200, reply)
        self.assertEqual(reply.json['capacity'], 400)
        self.assertEqual(reply.json['id'], 'xmpp1')
        after = self.server.rest('GET', '/api/v1/nodes/xmpp1')
        self.assertEqual(after.headers['ETag'], reply.headers['ETag'])
        self.assertEqual(self.server.rest('PATCH', '/api/v1/nodes/xmpp1', {'capacity': 1},
                                          {'If-Match': before.headers['ETag']}).status, 412)
        wrong = self.server.rest('PATCH', '/api/v1/nodes/xmpp1', {'tier': 'nowhere'}, ANY)
        self.assertEqual(wrong.status, 422)
        self.assertEqual(wrong.json['errors'][0]['pointer'], '/tier')
        self.assertEqual(self.server.rest('PATCH', '/api/v1/nodes/nobody', {}, ANY).status, 404)

    def test_of_writers_with_the_same_etag_one_wins_and_no_patch_is_lost(self):
        answers = []

        def patch(number):
            answers.append(self.server.rest(
                'PATCH', '/api/v1/inventory', {'nodes': {f'n{number}': {
                    'addresses': [f'192.0.2.{100 + number}']}}}, {**MERGE, **ANY}).status)

        threads = [threading.Thread(target=patch, args=(number,)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(answers, [200] * 12)
        nodes = self.server.rest('GET', '/api/v1/inventory').json['nodes']
        self.assertEqual({f'n{number}' for number in range(12)} - set(nodes), set())
        tag = self.server.rest('GET', '/api/v1/inventory').headers['ETag']
        answers.clear()

        def put():
            answers.append(self.put(inventory(), headers={'If-Match': tag}).status)

        threads = [threading.Thread(target=put) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(answers), [200] + [412] * 7)


class Large(Case):
    def test_nobody_waits_for_a_large_inventory(self):
        """30,000 domains: seconds under sanitizers, in which reads and changes of others go on."""
        server = self.serve()
        document = inventory()
        for i in range(30000):
            document['domains'][f'd{i}.hosted.example' if i % 2 else f'd{i}.example'] = (
                {'zone': 'hosted.example'} if i % 2 else {})
        text = json.dumps(document, indent=1)
        self.assertGreater(len(text), 1024 * 1024)  # beyond what other bodies may have
        replies = []
        thread = threading.Thread(target=lambda: replies.append(server.rest(
            'PUT', '/api/v1/inventory', text, ANY)))
        begun = time.monotonic()
        thread.start()
        longest, reads = 0, 0
        while thread.is_alive():
            since = time.monotonic()
            self.assertEqual(server.rest('GET', '/api/v1/status').status, 200)
            longest, reads = max(longest, time.monotonic() - since), reads + 1
        took = time.monotonic() - begun
        self.assertEqual(replies[0].status, 200, replies[0])
        self.assertEqual(replies[0].json['inventory']['domains'], 30002)
        self.assertGreater(reads, 3)
        self.assertLess(longest, max(1.0, took / 3))
        self.assertEqual(hosts(server.ask('_xmpp-client._tcp.d29998.example.')),
                         ['xmpp1', 'xmpp2', 'xmpp3'])
        kept = server.rest('GET', '/api/v1/inventory', headers={'Accept': 'application/jsonc'})
        self.assertEqual(kept.body.decode(), text)
        back = server.rest('POST', '/api/v1/revisions/1/rollback')
        self.assertEqual(back.json['inventory']['domains'], 2)
        self.assertEqual(server.ask('_xmpp-client._tcp.d29998.example.').rcode(), 5)  # REFUSED

    def test_large_bodies_share_a_bound(self):
        server = self.serve()
        heads = []
        for _ in range(3):  # of 32 MiB each, which do not come: 64 MiB is the most
            peer = socket.socket(socket.AF_UNIX)
            self.addCleanup(peer.close)
            peer.connect(server.socket_path)
            peer.settimeout(10)
            peer.sendall(b'POST /api/v1/inventory/validate HTTP/1.1\r\nHost: localhost\r\n'
                         b'Content-Type: application/json\r\nContent-Length: 33554432\r\n\r\n[')
            heads.append(peer)
        answer = heads[2].recv(4096)
        self.assertIn(b' 503 ', answer.split(b'\r\n')[0])
        small = server.rest('POST', '/api/v1/inventory/validate', inventory())
        self.assertEqual(small.status, 200)
        heads[0].close()  # whoever leaves makes room
        wait_until(lambda: server.rest(
            'POST', '/api/v1/inventory/validate', ' ' * (2 * 1024 * 1024)).status == 400, 10,
                   'room for the next one')


class Choosing(Case):
    """The file and the store both changed: nobody's work is lost by itself."""

    def setUp(self):
        self.server = self.serve()
        self.put = inventory()
        self.put['nodes']['xmpp4'] = {'addresses': ['192.0.2.14']}
        reply = self.server.rest('PUT', '/api/v1/inventory', self.put, ANY)
        self.assertEqual(reply.status, 200, reply)
        self.filed = inventory()
        self.filed['nodes']['xmpp5'] = {'addresses': ['192.0.2.15']}

    def in_force(self):
        return set(self.server.rest('GET', '/api/v1/inventory').json['nodes'])

    def restart(self, *arguments):
        self.server.stop()
        self.server.start(*arguments)

    def test_an_unchanged_file_leaves_what_was_put(self):
        self.restart()
        self.assertIn('xmpp4', self.in_force())
        self.assertEqual(self.server.status()['revision'], 2)

    def test_both_changed_is_refused_with_the_difference_until_somebody_chooses(self):
        self.server.write_inventory(self.filed)
        for query in ('?dry_run=true', ''):
            reply = self.server.rest('POST', '/api/v1/reload' + query)
            self.assertEqual(reply.status, 409, reply)
            self.assertIn('--inventory file or --inventory store', reply.json['detail'])
            change = next(change for change in reply.json['changes'] if change['name'] == CLIENT)
            self.assertTrue(any('xmpp5' in record for record in change['after']['records']))
            self.assertTrue(any('xmpp4' in record for record in change['before']['records']))
        self.restart()
        self.assertIn('xmpp4', self.in_force())
        self.assertIn('xmpp5', self.server.log(since_start=True))  # the difference is in the log
        self.assertIn('xmpp4', hosts(self.server.ask(CLIENT)))
        self.restart('--inventory', 'file')
        self.assertIn('xmpp5', self.in_force())
        self.assertNotIn('xmpp4', hosts(self.server.ask(CLIENT)))
        self.restart()  # chosen once, it is no question any more
        self.assertIn('xmpp5', self.in_force())

    def test_the_store_can_be_chosen_and_is_no_question_any_more(self):
        self.server.write_inventory(self.filed)
        self.restart('--inventory', 'store')
        self.assertIn('xmpp4', self.in_force())
        self.restart()
        self.assertEqual(self.server.rest('POST', '/api/v1/reload').status, 200)
        self.assertIn('xmpp4', self.in_force())
        self.filed['nodes']['xmpp6'] = {'addresses': ['192.0.2.16']}
        self.server.write_inventory(self.filed)  # another change of the file is another question
        self.assertEqual(self.server.rest('POST', '/api/v1/reload').status, 409)

    def test_a_file_that_has_what_was_put_is_no_conflict(self):
        text = self.server.rest('GET', '/api/v1/inventory', headers={'Accept': 'application/jsonc'})
        self.server.write_inventory(text.body.decode())
        self.assertEqual(self.server.rest('POST', '/api/v1/reload').status, 200)
        self.assertEqual(self.server.status()['inventory']['source'], 'file')
        self.server.write_inventory(self.filed)  # the file leads again
        self.assertEqual(self.server.rest('POST', '/api/v1/reload').status, 200)
        self.assertIn('xmpp5', self.in_force())

    def test_a_rollback_counts_as_put(self):
        self.assertEqual(self.server.rest('POST', '/api/v1/revisions/1/rollback').status, 200)
        self.server.write_inventory(self.filed)
        self.assertEqual(self.server.rest('POST', '/api/v1/reload').status, 409)
        self.assertEqual(self.in_force(), set(inventory()['nodes']))


if __name__ == '__main__':
    main()
