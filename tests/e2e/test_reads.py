#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server answers to those who only read: computed views, zones, records, simulations."""
import fractions
import json
import os
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import srvplan  # noqa: E402
from srvplan import FAILED, OK, USAGE  # noqa: E402

# Lists with a cursor, each with the member that tells items apart.
LISTS = {
    '/domains': lambda item: item['domain'],
    '/services': lambda item: item['service'],
    '/tiers': lambda item: item['tier'],
    '/zones': lambda item: item['zone'],
    '/nodes': lambda item: item['id'],
    '/records': lambda item: (item['name'], item['type']),
    '/revisions': lambda item: item['revision'],
    '/drains?all=true': lambda item: item['id'],
    '/tokens': lambda item: item['id'],
    '/windows': lambda item: item['id'],
    '/audit': lambda item: item['id'],
}


def share(member):
    num, den = member['share_exact'].split('/')
    return fractions.Fraction(int(num), int(den))


class ReadsTest(srvplan.ServedCase):
    def simulate(self, **more):
        return self.server.rest('POST', '/api/v1/simulate',
                                {'domain': 'example.org', 'service': 'xmpp-client', **more})

    # ---- computed views ----

    def test_a_domain_has_its_sets_with_shares_and_reasons(self):
        domain = self.server.get('/domains/EXAMPLE.org')
        self.assertEqual((domain['domain'], domain['zone'], domain['ttl']),
                         ('example.org.', 'example.org.', 300))
        self.assertEqual([service['service'] for service in domain['services']],
                         sorted(srvplan.SERVICES))
        for service in domain['services']:
            with self.subTest(service=service['service']):
                answer = self.server.ask(service['name'])
                self.assertEqual(
                    sorted(f'{member["priority"]} {member["weight"]} {member["port"]} '
                           f'{member["node"]}.example.org.' for member in service['members']),
                    srvplan.records(answer))
                self.assertEqual(sum(map(share, service['members'])), 1)
                self.assertTrue(all(member['because'] for member in service['members']))

    def test_every_view_follows_a_drain(self):
        before = self.server.rest('GET', '/api/v1/domains/example.org').headers['ETag']
        self.server.drain('xmpp1')
        reply = self.server.rest('GET', '/api/v1/domains/example.org')
        self.assertNotEqual(reply.headers['ETag'], before)
        members = {member['node']: member for member in reply.json['services'][0]['members']}
        self.assertFalse(members['xmpp1']['in_set'])
        self.assertEqual(members['xmpp2']['share_exact'], '1/1')
        services = {item['service']: item for item in self.server.get('/services?limit=1000')['items']}
        nodes = {node['node']: node for node in services['xmpp-client']['nodes']}
        self.assertEqual((nodes['xmpp1']['in_sets'], nodes['xmpp1']['sets']), (0, 2))
        self.assertEqual(nodes['xmpp2']['greatest_share'], 1.0)
        tiers = {tier['tier']: tier for tier in self.server.get('/tiers')['items']}
        self.assertEqual((tiers['primary']['capacity'], tiers['primary']['capacity_present']),
                         (320, 120))

    def test_a_tag_stays_while_another_thing_changes(self):
        path = '/api/v1/domains/example.org'
        tag = self.server.rest('GET', path).headers['ETag']
        self.assertEqual(self.server.rest('GET', path, headers={'If-None-Match': tag}).status, 304)

    def test_every_read_has_a_tag_that_spares_the_answer(self):
        self.server.drain('xmpp3')
        for path in (*LISTS, '/plan', '/domains/example.org', '/zones/example.org',
                     '/zones/example.org/export', '/nodes/xmpp1', '/audit/verify', '/inventory'):
            with self.subTest(path=path):
                def spared(path='/api/v1' + path):
                    tag = self.server.rest('GET', path).headers['ETag']
                    reply = self.server.rest('GET', path, headers={'If-None-Match': tag})
                    return (reply.status, reply.body, reply.headers['ETag']) == (304, b'', tag)

                if path == '/drains?all=true':  # it says how far the caches are: it is never the same
                    self.assertIn('ETag', self.server.rest('GET', '/api/v1' + path).headers)
                else:  # the view may still move: the drain's generation is taken over
                    srvplan.wait_until(spared, 10, path)

    def test_what_is_not_there_is_404(self):
        for path in ('/domains/example.com', '/domains/a..b', '/zones/example.com',
                     '/zones/example.com/export', '/nodes/none', '/drains/dr_0'):
            with self.subTest(path=path):
                reply = self.server.rest('GET', '/api/v1' + path)
                self.assertEqual(reply.status, 404, reply)
                self.assertTrue(reply.json['type'].startswith('/docs/problems/'))

    def test_a_drain_tells_the_share_before_whatever_it_leaves(self):
        rows = [({'mode': 'remove'}, 0), ({'mode': 'demote'}, 0), ({'mode': 'zero'}, 0),
                ({'mode': 'weight', 'to': '60%'}, 0.5), ({'mode': 'weight', 'to': '20%'}, 0.25)]
        for how, after in rows:
            with self.subTest(how=how):
                drain = self.server.drain('xmpp1', ramp=0, **how).json
                progress = self.server.get('/drains/' + drain['id'])['progress']
                self.assertAlmostEqual(progress['share_before'], 0.625, delta=0.002)
                self.assertAlmostEqual(progress['share_now'], after, delta=0.002)
                self.server.undrain(drain['id'])

    # ---- pages ----

    def test_pages_of_every_list_together_are_the_list(self):
        for node in ('xmpp2', 'xmpp3'):
            self.server.drain(node)
        for name in ('one', 'two'):
            self.server.rest('POST', '/api/v1/tokens', {'name': name, 'role': 'viewer'})
            self.server.rest('POST', '/api/v1/windows', {
                'id': name, 'nodes': ['xmpp1'], 'start': '2030-01-01T00:00', 'duration': '1h',
                'reason': 'x'})
        for path, key in LISTS.items():
            join = '&' if '?' in path else '?'
            whole = [key(item) for item in self.server.get(f'{path}{join}limit=1000')['items']]
            self.assertGreater(len(whole), 1, path)
            self.assertEqual(len(set(whole)), len(whole), path)
            for limit in (1, 2, 3):
                with self.subTest(path=path, limit=limit):
                    seen, next_path = [], f'/api/v1{path}{join}limit={limit}'
                    while next_path:
                        reply = self.server.rest('GET', next_path)
                        self.assertLessEqual(len(reply.json['items']), limit)
                        self.assertEqual('Link' in reply.headers, reply.json['next'] is not None)
                        seen += [key(item) for item in reply.json['items']]
                        link = reply.headers.get('Link')
                        next_path = link and link[1:link.index('>')]
                    self.assertEqual(seen, whole)

    def test_a_page_goes_on_although_what_it_ended_with_is_gone(self):
        for path in ('/domains', '/zones'):
            with self.subTest(path=path):
                items = self.server.get(f'{path}?after=d.example.net.')['items']
                self.assertEqual(len(items), 1)
        self.assertEqual([node['id'] for node in self.server.get('/nodes?after=xmpp1a')['items']],
                         ['xmpp2', 'xmpp3'])

    def test_cursors_that_are_none_are_refused(self):
        for path in ('/domains?after=a..b', '/zones?after=..', '/records?after=x',
                     '/revisions?after=x', '/domains?limit=0', '/tiers?limit=1001',
                     '/zones/example.org/export?format=bind9', '/nodes/xmpp1?explain=perhaps',
                     '/nodes/xmpp1?explain=true&set=example.org',
                     '/nodes/xmpp1?explain=true&clients=0'):
            with self.subTest(path=path):
                self.assertEqual(self.server.rest('GET', '/api/v1' + path).status, 400)

    # ---- zones ----

    def test_a_zone_is_what_dnsd_answers(self):
        zone = self.server.get('/zones/example.org')
        soa = self.server.ask('example.org.', 'SOA').answer[0][0]
        self.assertEqual((zone['serial'], zone['soa']['serial']), (soa.serial, soa.serial))
        self.assertEqual((zone['soa']['primary'], zone['soa']['hostmaster'], zone['soa']['refresh'],
                          zone['soa']['minimum']),
                         (soa.mname.to_text(), soa.rname.to_text(), soa.refresh, soa.minimum))
        self.assertEqual(zone['name_servers'], ['ns1.example.org.'])

    def test_a_zone_goes_out_in_every_format(self):
        import dns.zone
        path = '/api/v1/zones/example.org/export'
        whole = self.server.rest('GET', path)
        self.assertEqual(whole.headers['Content-Type'], 'text/dns; charset=us-ascii')
        zone = dns.zone.from_text(whole.body.decode(), 'example.org.', relativize=False)
        for owner in srvplan.OWNERS[:4]:
            self.assertEqual(sorted(rdata.to_text() for rdata in zone.find_rdataset(owner, 'SRV')),
                             srvplan.records(self.server.ask(owner)))
        self.assertNotIn(b' SOA ', self.server.rest('GET', path + '?format=fragment').body)
        tree = json.loads(self.server.rest('GET', path + '?format=json').body)
        self.assertEqual(len(tree['sets']), self.server.get('/zones/example.org')['sets'])
        for name, begin in (('yaml', b'zone: example.org.'), ('csv', b'action,name,type'),
                            ('md', b'## Zone'), ('html', b'<!DOCTYPE html>'), ('text', b'revision')):
            with self.subTest(format=name):
                self.assertTrue(self.server.rest('GET', f'{path}?format={name}').body
                                .startswith(begin))
        self.assertNotIn(b'chat.example.net', self.server.rest('GET', path + '?format=csv').body)

    def test_a_set_whose_ttl_is_lowered_goes_out_in_every_format(self):
        self.server.drain('xmpp1', ramp='10m')  # begins with a shorter TTL
        self.assertEqual(self.server.ask(srvplan.OWNERS[0]).answer[0].ttl, 60)
        for name in ('zone', 'fragment', 'json', 'yaml', 'text', 'csv', 'md', 'html'):
            with self.subTest(format=name):
                reply = self.server.rest('GET', f'/api/v1/zones/example.org/export?format={name}')
                self.assertEqual(reply.status, 200, reply)
                self.assertIn(b'60', reply.body)
                self.assertNotIn(b'null', reply.body.lower().replace(b'"last_served": null', b'')
                                 .replace(b'last_served: null', b''))

    # ---- simulate and explain ----

    def test_a_simulation_is_that_of_the_command(self):
        self.server.drain('xmpp1')
        reply = self.simulate(clients=1000)
        self.assertEqual(reply.status, 200, reply)
        self.assertEqual(reply.json['first_choice']['rfc2782'],
                         {'xmpp2': '1/1', 'xmpp3': '0/1'})
        self.assertEqual(reply.json['clients_total'], 1000)
        self.assertEqual([(item['node'], item['kind']) for item in reply.json['caches']],
                         [('xmpp1', 'drain')])
        self.assertTrue(0 < reply.json['caches'][0]['cached_fraction'] <= 1)
        self.assertEqual(self.simulate(at='+1h').json['caches'][0]['cached_fraction'], 0)
        self.assertLess(self.simulate(at='+10s', cache_ttl_cap=20).json['caches'][0]['cached_fraction'],
                        self.simulate(at='+10s').json['caches'][0]['cached_fraction'])

    def test_the_plan_of_another_instant_is_simulated(self):
        self.server.drain('xmpp1', **{'for': '1h'})
        self.assertNotIn('xmpp1', self.simulate().json['ideal']['shares'])
        self.assertEqual(self.simulate(at='+2h').json['ideal']['shares']['xmpp1'], '5/8')

    def test_a_crowd_is_drawn_alike_from_the_same_seed(self):
        first, again, other = (self.simulate(clients=10000, seed=seed, model='plackett-luce')
                               .json['sample'] for seed in (1, 1, 2))
        self.assertEqual(first, again)
        self.assertNotEqual(first['counts'], other['counts'])
        self.assertEqual(sum(first['counts'].values()) + first['lost'], 10000)
        # Six deviations of sqrt(n p q): that is one crowd in half a billion.
        self.assertAlmostEqual(first['counts']['xmpp1'], 6250, delta=6 * 48.4)

    def test_those_that_are_down_are_passed_over(self):
        reply = self.simulate(down=['xmpp1'], model=['first', 'mixed-0368'])
        self.assertEqual(sorted(reply.json['first_choice']), ['answer-order', 'plackett-luce'])
        self.assertEqual(reply.json['first_choice']['answer-order']['xmpp1'], '0/1')
        self.assertEqual(reply.json['first_tried']['plackett-luce']['xmpp1'], '5/8')

    def test_all_mistakes_of_a_question_come_at_once(self):
        rows = [
            ({'domain': 'none.example', 'clients': -1, 'at': 'soon', 'foo': 1},
             ['/at', '/clients', '/domain', '/foo']),
            ({'service': 'none'}, ['/service']),
            ({'down': ['xmpp9', 7]}, ['/down/1']),
            ({'down': ['xmpp9']}, ['/down/0']),
            ({'model': []}, ['/model']),
            ({'model': ['rfc2782', 'rfc278']}, ['/model/1']),
            ({'seed': 1}, ['/clients']),
            ({'seed': 1, 'clients': 1000001}, ['/clients']),
            ({'answer_order': 'best', 'positions': 'yes'}, ['/answer_order', '/positions']),
            ({'cache_ttl_cap': 'long'}, ['/cache_ttl_cap']),
        ]
        for more, pointers in rows:
            with self.subTest(more=more):
                reply = self.simulate(**more)
                self.assertEqual(reply.status, 422, reply)
                self.assertEqual(sorted(error['pointer'] for error in reply.json['errors']),
                                 pointers)

    def test_a_node_is_explained(self):
        plain = self.server.get('/nodes/xmpp1')
        self.assertNotIn('explanation', plain)
        node = self.server.get('/nodes/xmpp1?explain=true')
        sets = node.pop('explanation')['sets']
        self.assertEqual(node, plain)
        self.assertEqual(len(sets), 8)
        self.assertEqual(sets[0]['drain']['audience']['ratios']['xmpp2'], 1.0)
        one = self.server.get('/nodes/xmpp1?explain=true&set=example.org/xmpp-client')
        self.assertEqual([item['domain'] for item in one['explanation']['sets']], ['example.org.'])

    # ---- the command ----

    def test_the_command_shows_what_is_served(self):
        self.server.drain('xmpp1')
        domains = self.server.cli('domains', check=OK).stdout
        self.assertRegex(domains, r'example\.org\. .* xmpp-client .* xmpp2 100 %; standby xmpp3; '
                                  r'out xmpp1\n')
        self.assertEqual(len(self.server.cli('domains', '-o', 'csv', check=OK).stdout.splitlines()),
                         9)
        zone = self.server.cli('zone', 'example.org', check=OK).stdout
        self.assertEqual(zone.encode(),
                         self.server.rest('GET', '/api/v1/zones/example.org/export').body)
        self.assertEqual(self.server.cli('zone', check=OK).stdout.count('$ORIGIN'), 2)
        self.assertNotIn(' SOA ', self.server.cli('zone', 'example.org', '--fragment').stdout)
        simulated = self.server.cli('simulate', 'example.org/xmpp-client', check=OK).stdout
        self.assertRegex(simulated, r'ideal +100\.0 % +0\.0 %  what RFC 2782 means')
        self.assertIn('xmpp1 is out since', simulated)
        explained = self.server.cli('explain', 'xmpp1', check=OK).stdout
        self.assertIn('drained: dr_', explained)
        self.assertIn('record: none', explained)
        tree = json.loads(self.server.cli('explain', 'xmpp2', '-o', 'json', check=OK).stdout)
        self.assertEqual(tree['node'], 'xmpp2')

    def test_show_finds_a_thing_by_its_id(self):
        drain = self.server.drain('xmpp2').json['id']
        rows = {
            'xmpp1': 'host +xmpp1', 'node/xmpp1': 'host +xmpp1', drain: 'node +xmpp2',
            'example.org': 'drain ttl +60', 'zone/example.org': 'name servers +ns1.example.org.',
            '1': 'cause +first start', 'primary': 'capacity present +200', 'xmpp-client': 'port +5222',
        }
        for word, line in rows.items():
            with self.subTest(word=word):
                self.assertRegex(self.server.cli('show', word, check=OK).stdout, f'(?m)^{line}')
        self.assertEqual(json.loads(self.server.cli('show', 'xmpp1', '-o', 'json').stdout)['id'],
                         'xmpp1')
        self.assertIn('knows no such thing', self.server.cli('show', 'none', check=FAILED).stderr)
        self.assertIn('did you mean node/x?', self.server.cli('show', 'nod/x', check=USAGE).stderr)

    def test_names_of_the_server_are_completed(self):
        drain = self.server.drain('xmpp2').json['id']
        rows = [
            (['drain', ''], ['xmpp1', 'xmpp2', 'xmpp3']),
            (['undrain', ''], ['xmpp2']),
            (['drains', ''], ['xmpp2']),
            (['show', 'x'], ['xmpp1', 'xmpp2', 'xmpp3']),
            (['show', 'dr_'], [drain]),
            (['show', 'chat'], ['chat.example.net']),
            (['zone', ''], ['example.net', 'example.org']),
            (['simulate', 'example.org/xmpps-'],
             ['example.org/xmpps-client', 'example.org/xmpps-server']),
            (['weight', 'xmpp1', '--service', 'xmpp-'], ['xmpp-client', 'xmpp-server']),
            (['token', 'revoke', ''], [token['name'] for token in
                                       self.server.get('/tokens')['items']]),
        ]
        for words, names in rows:
            with self.subTest(words=words):
                done = srvplan.command('__complete', '--socket', self.server.socket_path, *words,
                                       check=OK)
                self.assertEqual([line.split('\t')[0] for line in done.stdout.splitlines()], names)
        self.assertIn('xmpp2\ttest\n', srvplan.command(
            '__complete', '--socket', self.server.socket_path, 'undrain', '').stdout)

    def test_what_is_mistyped_gets_the_nearest(self):
        rows = [
            (['drain', 'xmpp22', '-m', 'x'], FAILED, 'did you mean xmpp2?'),
            (['drain', 'nobody', '-m', 'x'], FAILED, '`srvplan nodes` lists them'),
            (['drain', 'xmpp1', '-m', 'x', '--services', 'xmpp-clent'], FAILED,
             'did you mean xmpp-client?'),
            (['drain', 'xmpp1', '-m', 'x', '--mode', 'weigth'], USAGE, 'did you mean weight?'),
            (['weight', 'xmp1', '50%', '-m', 'x'], FAILED, 'did you mean xmpp1?'),
            (['explain', 'xmpp4'], FAILED, 'did you mean xmpp1?'),
            (['explain', 'xmpp1', 'example.org'], FAILED, 'set: \'example.org\': expected DOMAIN/'),
            (['simulate', 'exmaple.org/xmpp-client'], FAILED, 'did you mean example.org?'),
            (['simulate', 'example.org/xmpp-clent'], FAILED, 'did you mean xmpp-client?'),
            (['simulate', 'example.org/xmpp-client', '--model', 'rfc278'], FAILED,
             'suggestion: rfc2782'),
            (['token', 'create', 'x', '--role', 'viewer', '--domains', 'exmaple.org'], FAILED,
             'did you mean example.org?'),
        ]
        for words, code, said in rows:
            with self.subTest(words=words):
                self.assertIn(said, self.server.cli(*words, check=code).stderr)

    def test_a_file_and_a_server_are_not_both_asked(self):
        for command in (['zone'], ['explain', 'xmpp1'], ['simulate', 'example.org/xmpp-client']):
            with self.subTest(command=command):
                done = self.server.cli(*command, '-f', self.server.file, check=USAGE)
                self.assertIn('give one of them', done.stderr)
        for option in ('--at=2026-12-06T00:00:00Z', '--serial=7'):
            self.assertIn('give -f FILE', self.server.cli('zone', option, check=USAGE).stderr)


class SlowReadsTest(srvplan.Case):
    def test_who_computes_for_long_keeps_nobody_waiting(self):
        nodes = {f'n{i:02}': {'addresses': [f'192.0.2.{i + 1}'], 'capacity': 100 + 7 * i,
                              'tier': 'primary' if i % 2 else 'standby'} for i in range(30)}
        server = self.serve(srvplan.inventory(nodes=nodes))
        asked, statuses = 8, []

        def explain():
            statuses.append(server.rest('GET', '/api/v1/nodes/n01?explain=true').status)

        workers = [threading.Thread(target=explain) for _ in range(asked)]
        begin, waits = time.monotonic(), []
        for worker in workers:
            worker.start()
        while any(worker.is_alive() for worker in workers):
            before = time.monotonic()
            self.assertEqual(server.rest('GET', '/livez').status, 200)
            waits.append(time.monotonic() - before)
        seconds = time.monotonic() - begin
        self.assertEqual(statuses, [200] * asked)
        # Each takes an eighth of it; who waited for one of them waited longer than that.
        self.assertLess(sorted(waits)[len(waits) // 2], seconds / asked,
                        f'{len(waits)} reads beside {seconds:.2f} s')
        self.assertGreater(len(waits), 2 * asked)


if __name__ == '__main__':
    srvplan.main()
