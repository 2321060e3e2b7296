#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The example of Openfire's DNS SRV guide comes out as the guide prints it: in the zone file, and
from srvplan-dnsd as dig shows it."""
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import srvplan  # noqa: E402

GUIDE = os.path.join(srvplan.SAMPLES, 'guide.jsonc')
LINES = ['_xmpp-client._tcp.example.net. 86400 IN SRV 5 50 5222 server1.example.net.',
         '_xmpp-client._tcp.example.net. 86400 IN SRV 10 30 5222 server2.example.net.']
SHORT = ['10 30 5222 server2.example.net.', '5 50 5222 server1.example.net.']


class GuideTest(srvplan.Case):
    def test_zone_prints_the_guides_lines(self):
        for more in ([], ['--fragment'], ['example.net'], ['--serial', '7']):
            with self.subTest(more=more):
                zone = srvplan.command('zone', '-f', GUIDE, *more, check=srvplan.OK)
                got = [line for line in zone.stdout.splitlines() if ' SRV ' in line]
                self.assertEqual(got, LINES)

    def test_dig_short_shows_the_guides_records(self):
        server = self.serve(file=GUIDE)
        for transport in ('+notcp', '+tcp'):
            with self.subTest(transport=transport):
                dig = subprocess.run(
                    ['dig', '+short', transport, '+tries=1', '@127.0.0.1', '-p',
                     str(server.dns_port), 'SRV', '_xmpp-client._tcp.example.net.'],
                    stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=20)
                self.assertEqual(sorted(dig.stdout.splitlines()), SHORT)
        answer = server.ask('_xmpp-client._tcp.example.net.')
        self.assertEqual([rrset.ttl for rrset in answer.answer], [86400])
        glue = {rrset.name.to_text(): rrset[0].to_text() for rrset in answer.additional}
        self.assertEqual(glue, {'server1.example.net.': '192.0.2.1',
                                'server2.example.net.': '192.0.2.2'})

    def test_served_records_are_those_of_the_zone_file(self):
        server = self.serve(file=GUIDE)
        serial = server.serial('example.net.')
        zone = srvplan.command('zone', '-f', GUIDE, '--serial', str(serial), check=srvplan.OK)
        for line in zone.stdout.splitlines():
            if line.startswith('$'):
                continue
            owner, ttl, _class, rdtype, rdata = line.split(None, 4)
            with self.subTest(line=line):
                answer = server.ask(owner, rdtype)
                self.assertEqual(answer.answer[0].ttl, int(ttl))
                self.assertIn(rdata, srvplan.records(answer))


if __name__ == '__main__':
    unittest.main(verbosity=2)
