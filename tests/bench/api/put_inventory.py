#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""put_inventory.py BUILD_DIR [DOMAINS]: what it costs to put an inventory of that many domains
(100,000), and whether anybody has to wait for it.

Two thirds of the domains are zones of their own, the others lie in one zone; a third has services of
its own. Printed are the time until the change is stored and served, where it went, the memory of
srvpland before and at its peak, and, while it is at work, the longest read (GET /status) and the
longest change (PUT of a weight) of others. Then a patch of one node, a preview, and a rollback."""
import json
import os
import sys
import threading
import time

BUILD = os.path.abspath(sys.argv[1])
os.environ['SRVPLAN_BUILD_DIR'] = BUILD
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'support'))
import srvplan  # noqa: E402

ANY = {'If-Match': '*'}
DOMAINS = int(sys.argv[2]) if len(sys.argv) > 2 else 100000


def many(count):
    document = srvplan.inventory()
    domains = document['domains']
    for i in range(count):
        if i % 3 == 0:
            domains[f'd{i}.hosted.example'] = {'zone': 'hosted.example'}
        elif i % 3 == 1:
            domains[f'd{i}.example'] = {}
        else:
            domains[f'd{i}.example'] = {'services': ['xmpp-client', 'xmpp-server'], 'ttl': '10m'}
    return document


def memory_kib(server, what):
    with open(f'/proc/{server.process.pid}/status', encoding='ascii') as status:
        return next(int(line.split()[1]) for line in status if line.startswith(what + ':'))


class Others:
    """Reads and changes of others, one after the other, without a pause; the longest counts."""

    def __init__(self, server):
        self.server, self.over = server, threading.Event()
        self.longest = {'read': 0.0, 'change': 0.0}
        self.counts = {'read': 0, 'change': 0}
        self.threads = [threading.Thread(target=self.run, args=(kind,)) for kind in self.longest]

    def ask(self, kind):
        if kind == 'read':
            return self.server.rest('GET', '/api/v1/status')
        return self.server.rest('PUT', '/api/v1/nodes/xmpp3/weight',
                                {'weight': 1 + self.counts[kind] % 9, 'reason': 'bench'}, ANY)

    def run(self, kind):
        while not self.over.is_set():
            begun = time.monotonic()
            reply = self.ask(kind)
            if reply.status not in (200, 202):
                raise AssertionError(reply)
            self.longest[kind] = max(self.longest[kind], time.monotonic() - begun)
            self.counts[kind] += 1

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()


def timed(server, what, *request):
    with Others(server) as others:
        begun = time.monotonic()
        reply = server.rest(*request)
        took = time.monotonic() - begun
    if reply.status not in (200, 202):
        raise AssertionError(f'{what}: {reply}')
    print(f'{what}: {took:.2f} s, status {reply.status}; '
          f'others meanwhile: longest read {others.longest["read"] * 1000:.0f} ms '
          f'of {others.counts["read"]}, longest change {others.longest["change"] * 1000:.0f} ms '
          f'of {others.counts["change"]}')
    if reply.headers['Server-Timing']:
        print(f'    {reply.headers["Server-Timing"]}')
    print(f'    memory of srvpland: {memory_kib(server, "VmRSS") // 1024} MiB, '
          f'peak {memory_kib(server, "VmHWM") // 1024} MiB')
    return reply


def main():
    server = srvplan.Server()
    # The others make more revisions than are kept by default, and the first is gone back to.
    config = os.path.join(server.directory, 'srvplan.jsonc')
    with open(config, 'w', encoding='utf-8') as file:
        file.write('{"keep-revisions": 0}')
    server.start('--config', config)
    try:
        text = json.dumps(many(DOMAINS), indent=1)
        print(f'{DOMAINS} domains, {len(text) / 2**20:.1f} MiB; memory before: '
              f'{memory_kib(server, "VmRSS") // 1024} MiB')
        timed(server, 'validate', 'POST', '/api/v1/inventory/validate', text)
        timed(server, 'PUT /inventory', 'PUT', '/api/v1/inventory', text, ANY)
        timed(server, 'PATCH /nodes/xmpp1', 'PATCH', '/api/v1/nodes/xmpp1', {'capacity': 240}, ANY)
        timed(server, 'POST /plan', 'POST', '/api/v1/plan', {'inventory': text})
        large = server.status()['revision']
        timed(server, 'rollback to revision 1', 'POST', '/api/v1/revisions/1/rollback', {})
        timed(server, 'and back', 'POST', f'/api/v1/revisions/{large}/rollback', {})
        server.stop()
    finally:
        server.close()


main()
