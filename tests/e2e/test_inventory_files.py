#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""An inventory of several files, served: what any of them says is in force, survives restarts
without them, and a change of any of them is a change of the inventory."""
import json
import os
import signal
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import srvplan  # noqa: E402
from srvplan import FAILED, OK, OWNERS, wait_until  # noqa: E402

RECORDS = '''$TTL 1h
@     A     192.0.2.80
      AAAA  2001:db8::80
      TXT   "v=spf1 -all"
      MX    10 mail
      CAA   0 issue "ca.example"
mail  A     192.0.2.25
www   HTTPS 1 . alpn=h2
      TYPE65280 \\# 3 010203
_matrix._tcp       SRV  10 5 8448 mail
xmpp1              SSHFP 4 2 ( 0C72AC70B745AC19998811B131D662C9
                                AC69DBDBE7CB23E5B514B56664C5D3D6 )
'''


class FilesTest(srvplan.Case):
    def setUp(self):
        super().setUp()
        self.server = srvplan.Server()
        self.addCleanup(self.server.close)
        document = srvplan.inventory()
        self.directory = os.path.join(self.server.directory, 'inventory.d')
        os.mkdir(self.directory)
        nodes = document.pop('nodes')
        document['zones'] = {'example.org': {'records': 'zones/example.org'}}
        document['include'] = ['../nodes.yaml']
        self.write('10-main.jsonc', '// the main file\n' + json.dumps(document))
        self.write('zones/example.org', RECORDS)
        self.write('../nodes.yaml', 'nodes:\n' + ''.join(
            f'  {node}: {json.dumps(settings)}\n' for node, settings in nodes.items()))
        self.write('20-policy.yaml', 'policy: {guard: {min_nodes: 1}}\n')
        self.server.file = self.directory

    def write(self, name, text):
        path = os.path.join(self.directory, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path + '.new', 'w', encoding='utf-8') as out:
            out.write(text)
        os.rename(path + '.new', path)

    def reload(self):
        seen = len(self.server.log())
        self.server.send(signal.SIGHUP)
        return lambda: self.server.log()[seen:]

    def assertServesRecords(self):
        wanted = {
            ('example.org.', 'A'): ['192.0.2.80'], ('example.org.', 'AAAA'): ['2001:db8::80'],
            ('example.org.', 'TXT'): ['"v=spf1 -all"'],
            ('example.org.', 'MX'): ['10 mail.example.org.'],
            ('example.org.', 'CAA'): ['0 issue "ca.example"'],
            ('www.example.org.', 'HTTPS'): ['1 . alpn="h2"'],
            ('www.example.org.', 'TYPE65280'): ['\\# 3 010203'],
            ('_matrix._tcp.example.org.', 'SRV'): ['10 5 8448 mail.example.org.'],
        }
        for (name, rdtype), records in wanted.items():
            answer = self.server.ask(name, rdtype)
            self.assertEqual(srvplan.records(answer), records, (name, rdtype))
            self.assertEqual(answer.answer[0].ttl, 3600)
        print_of = self.server.ask('xmpp1.example.org.', 'SSHFP').answer[0][0]
        self.assertEqual((print_of.fingerprint.hex()[:8], len(print_of.fingerprint)),
                         ('0c72ac70', 32))
        # The addresses of what MX and SRV name come along.
        for name, rdtype in (('example.org.', 'MX'), ('_matrix._tcp.example.org.', 'SRV')):
            additional = self.server.ask(name, rdtype).additional
            self.assertEqual([str(rrset.name) for rrset in additional], ['mail.example.org.'])

    def test_a_drain_and_all_files_survive_a_restart(self):
        server = self.server.start()
        self.assertServesRecords()
        server.cli('drain', 'xmpp1', '-m', 'test', check=OK)
        before, revision = server.sets(), server.status()['revision']
        self.assertNotIn('xmpp1', srvplan.hosts(server.ask(OWNERS[0])))
        server.stop()
        server.start()  # unchanged: the store's holds
        self.assertEqual((server.sets(), server.status()['revision']), (before, revision))
        self.assertServesRecords()
        server.stop()
        os.rename(self.directory, self.directory + '.away')
        server.start()  # without its files: the store has all of it
        self.assertEqual(server.sets(), before)
        self.assertServesRecords()
        self.assertIn('inventory.d', server.status()['reasons'][0])
        server.stop()

    def test_a_change_of_any_file_is_a_change_of_the_inventory(self):
        server = self.server.start()
        log = self.reload()
        wait_until(lambda: 'unchanged' in log(), 5, 'a line in the log')
        serial = server.serial()
        self.write('zones/example.org', RECORDS.replace('192.0.2.25', '192.0.2.26'))
        self.reload()
        wait_until(lambda: srvplan.records(server.ask('mail.example.org.', 'A')) == ['192.0.2.26'],
                   5, 'the new address')
        self.assertSerialGreater(server.serial(), serial)
        serial = server.serial()
        self.write('../nodes.yaml', 'nodes: {xmpp1: {addresses: [192.0.2.11]}}\n')
        self.reload()
        wait_until(lambda: srvplan.hosts(server.ask(OWNERS[0])) == ['xmpp1'], 5, 'one node')
        self.write('30-more.jsonc', '{"nodes": {"xmpp9": {"addresses": ["192.0.2.19"]}}}')
        self.reload()
        wait_until(lambda: srvplan.hosts(server.ask(OWNERS[0])) == ['xmpp1', 'xmpp9'], 5, 'two')
        server.stop()

    def test_a_mistake_is_named_in_the_file_that_has_it_and_the_old_inventory_goes_on(self):
        server = self.server.start()
        before = server.sets()
        for name, text, place in (
                ('zones/example.org', RECORDS + 'bad A 192.0.2.300\n', r'zones/example\.org.*13'),
                ('20-policy.yaml', 'policy: {gard: 1}\n', r'20-policy\.yaml.*1.*10'),
                ('../nodes.yaml', 'nodes: {\n', r'nodes\.yaml.*2')):
            with self.subTest(name):
                with open(os.path.join(self.directory, name), encoding='utf-8') as file:
                    good = file.read()
                self.write(name, text)
                log = self.reload()
                wait_until(lambda log=log: 'ERROR' in log().upper(), 5, 'an error in the log')
                self.assertRegex(log(), place)
                self.assertEqual(server.sets(), before)
                self.assertServesRecords()
                checked = srvplan.command('check', '-f', self.directory, check=FAILED)
                self.assertRegex(checked.stderr, place.replace('.*', ':', 1).replace('.*', ':'))
                self.write(name, good)
                self.reload()
                wait_until(lambda: server.status()['reasons'] == [], 5, 'the reason is gone')
        server.stop()


if __name__ == '__main__':
    unittest.main()
