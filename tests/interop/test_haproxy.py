# SPDX-License-Identifier: GPL-3.0-or-later
"""The model `haproxy` against HAProxy: server templates that are filled from our SRV records, asked
for their weights at run time over the admin socket. Four services give four sets of random weights
over five nodes of two priorities; the seed is fixed and printed."""

import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest
from fractions import Fraction

import srvplan
from ask_shares import Planner, Target

SEED = 7
NODES = 5
WEIGHTS = [0, 1, 30, 50, 255, 256, 257, 512, 5120, 40000, 65535]

CONFIGURATION = """
global
    stats socket {folder}/admin.sock mode 600 level admin
defaults
    mode tcp
    timeout connect 1s
    timeout client 1s
    timeout server 1s
resolvers srvplan
    nameserver here 127.0.0.1:{port}
    accepted_payload_size 8192
    timeout resolve 1s
    timeout retry 1s
    hold valid 1s
{backends}
"""

BACKEND = """
backend {service}
    server-template node {slots} _{service}._tcp.example.org resolvers srvplan init-addr none
"""


def inventory(weights):
    document = srvplan.inventory()
    document['domains'] = {'example.org': {}}
    document['nodes'] = {
        f'xmpp{i}': {'addresses': [f'127.0.1.{i + 1}'], 'tier': 'primary' if i < 3 else 'standby',
                     'weight': {service: weights[service][i] for service in srvplan.SERVICES}}
        for i in range(NODES)}
    return document


class Proxy:
    def __init__(self, folder, port):
        self.folder = folder
        backends = ''.join(BACKEND.format(service=service, slots=NODES + 1)
                           for service in srvplan.SERVICES)
        path = os.path.join(folder, 'haproxy.cfg')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(CONFIGURATION.format(folder=folder, port=port, backends=backends))
        program = shutil.which('haproxy', path=os.environ['PATH'] + ':/usr/sbin')
        self.process = subprocess.Popen([program, '-db', '-q', '-f', path])

    def close(self):
        self.process.terminate()
        self.process.wait(20)

    def say(self, command):
        with socket.socket(socket.AF_UNIX) as admin:
            admin.connect(os.path.join(self.folder, 'admin.sock'))
            admin.sendall(command.encode() + b'\n')
            return b''.join(iter(lambda: admin.recv(65536), b'')).decode()

    def weights(self, service):
        """Weight at run time by address, of the slots that are filled."""
        try:
            rows = [line.split() for line in self.say(f'show servers state {service}').splitlines()]
        except OSError:
            return {}
        names = next((row[1:] for row in rows if row and row[0] == '#'), [])
        servers = [dict(zip(names, row)) for row in rows if len(row) == len(names)]
        return {server['srv_addr']: int(server['srv_uweight']) for server in servers
                if server['srv_addr'] != '-'}


class HaproxyIsItsModel(srvplan.Case):
    def test_weights_at_run_time_are_the_shares_of_the_model(self):
        rng = random.Random(SEED)
        weights = {service: [rng.choice(WEIGHTS) for _ in range(NODES)]
                   for service in srvplan.SERVICES}
        weights['xmpps-server'] = [50, 30, 256, 257, 0]  # 1, 1, 1, 2, and none
        server = self.serve(inventory(weights))
        with tempfile.TemporaryDirectory() as folder, Planner() as planner:
            proxy = Proxy(folder, server.dns_port)
            self.addCleanup(proxy.close)
            for service in srvplan.SERVICES:
                srvplan.wait_until(lambda: len(proxy.weights(service)) == NODES, 30,
                                   f'HAProxy has not filled {service}')
                found = proxy.weights(service)
                targets = [Target(weight, 10 if i < 3 else 20, 5222, f'xmpp{i}.example.org')
                           for i, weight in enumerate(weights[service])]
                whole = sum(found.values())
                shares = [Fraction(found[f'127.0.1.{i + 1}'], whole) for i in range(NODES)]
                print(f'haproxy, seed {SEED}, {service}: published {weights[service]}, '
                      f'at run time {list(found.values())}', file=sys.stderr)
                self.assertEqual(shares, planner.first('haproxy', targets))


if __name__ == '__main__':
    unittest.main(verbosity=2)
