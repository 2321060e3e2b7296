#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the responder counts, read at GET /metrics and in the status: against what was asked.

The page is parsed by the client library of Prometheus itself."""
import contextlib
import os
import signal
import socket
import sys
import unittest

import dns.edns
import dns.exception
import dns.message
from prometheus_client.parser import text_string_to_metric_families

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import srvplan  # noqa: E402
from srvplan import OK, OWNERS, wait_until  # noqa: E402

LIMIT = 50
BURST = LIMIT // 4


def page(server):
    reply = server.rest('GET', '/metrics', over='bare')
    if reply.status != 200:
        raise AssertionError(reply)
    return reply


def metrics(server):
    """{name{labels}: value}, without the prefix."""
    found = {}
    for family in text_string_to_metric_families(page(server).body.decode()):
        for sample in family.samples:
            labels = ','.join(f'{key}={value}' for key, value in sorted(sample.labels.items()))
            key = sample.name.removeprefix('srvplan_') + (f'{{{labels}}}' if labels else '')
            if key in found:
                raise AssertionError(f'{key} stands twice')
            found[key] = sample.value
    return found


def grown(server, before):
    """What changed since, the transports' sizes and times left out."""
    return {key: value - before.get(key, 0) for key, value in metrics(server).items()
            if value != before.get(key, 0) and 'bytes' not in key and 'seconds' not in key
            and 'http' not in key}


class MetricsTest(srvplan.Case):
    def test_it_is_text_for_prometheus_and_needs_no_token(self):
        server = self.serve()
        reply = page(server)
        self.assertEqual(reply.headers['Content-Type'],
                         'text/plain; version=0.0.4; charset=utf-8')
        families = list(text_string_to_metric_families(reply.body.decode()))
        names = [family.name for family in families]
        self.assertEqual(len(names), len(set(names)))
        for family in families:
            self.assertTrue(family.name.startswith(('srvplan_', 'process_')), family.name)
            self.assertIn(family.type, ('counter', 'gauge', 'histogram'))
            self.assertTrue(family.documentation.endswith('.'), family)
            # Nothing is drained here, no window is declared, and nobody has asked before.
            self.assertEqual(not family.samples,
                             family.name.startswith(('srvplan_drain_', 'srvplan_window_',
                                                     'srvplan_http_requests')), family)
        for over in ('socket', 'tcp'):
            self.assertEqual(server.rest('GET', '/metrics', over=over).status, 200)
        self.assertEqual(server.rest('GET', '/metrics?x=1', over='bare').status, 400)
        self.assertEqual(server.rest('POST', '/metrics', {}, over='bare').status, 405)

    def test_requests_are_counted_by_route_method_and_code(self):
        server = self.serve()
        for _ in range(3):
            server.get('/nodes/xmpp1')
        server.drain('xmpp2')
        server.rest('GET', '/api/v1/nodes/nobody')
        server.rest('GET', '/nothing')
        server.rest('GET', '/api/v1/nodes', over='bare')
        index = server.get('/drains')['items'][0]['index']
        server.get(f'/drains?index={index}&wait=1s')  # is counted, and not timed
        after = metrics(server)
        self.assertEqual({key: value for key, value in after.items() if 'http_requests' in key}, {
            'http_requests_total{code=200,method=GET,route=/api/v1/nodes/{id}}': 3,
            'http_requests_total{code=201,method=POST,route=/api/v1/drains}': 1,
            'http_requests_total{code=404,method=GET,route=/api/v1/nodes/{id}}': 1,
            'http_requests_total{code=404,method=GET,route=none}': 1,
            'http_requests_total{code=401,method=GET,route=/api/v1/nodes}': 1,
            'http_requests_total{code=200,method=GET,route=/api/v1/drains}': 2,
        })
        self.assertEqual(after['http_request_seconds_count'], 8)
        self.assertEqual(after['http_request_seconds_bucket{le=+Inf}'], 8)
        self.assertLess(after['http_request_seconds_sum'], 1)

    def test_queries_are_counted_by_what_became_of_them(self):
        server = self.serve()
        before = metrics(server)
        for _ in range(7):
            server.ask(OWNERS[0])
        server.ask(OWNERS[0], tcp=True)
        server.ask('nobody.example.org.', 'A', use_edns=0, want_dnssec=True)
        server.ask('example.edu.', 'MX')
        server.ask('example.org.', 'AAAA', use_edns=0,
                   options=[dns.edns.GenericOption(dns.edns.COOKIE, b'clientco')])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(b'no query', ('127.0.0.1', server.dns_port))
        wait_until(lambda: metrics(server)['dns_dropped_total{reason=malformed}'] and
                   metrics(server)['dns_tcp_connections_closed_total'], 5, 'both are seen')
        self.assertEqual(grown(server, before), {
            'dns_queries_by_transport_total{transport=udp4}': 11,
            'dns_queries_by_transport_total{transport=tcp4}': 1,
            'dns_queries_by_type_total{type=SRV}': 8,
            'dns_queries_by_type_total{type=A}': 1,
            'dns_queries_by_type_total{type=AAAA}': 1,
            'dns_queries_by_type_total{type=other}': 1,
            'dns_queries_edns_total': 2,
            'dns_queries_dnssec_ok_total': 1,
            'dns_queries_by_cookie_total{cookie=client_only}': 1,
            'dns_responses_by_rcode_total{rcode=NOERROR}': 9,
            'dns_responses_by_rcode_total{rcode=NXDOMAIN}': 1,
            'dns_responses_by_rcode_total{rcode=REFUSED}': 1,
            'dns_responses_nodata_total': 1,
            'dns_dropped_total{reason=malformed}': 1,
            'dns_tcp_connections_accepted_total': 1,
            'dns_tcp_connections_closed_total': 1,
        })

    def test_workers_are_added_up_and_sizes_make_a_histogram(self):
        server = self.serve(workers=3)
        before = metrics(server)
        size = 0
        for _ in range(60):  # from a port each, so that all workers get some
            size += len(server.ask(OWNERS[0]).to_wire())
        after = metrics(server)
        self.assertEqual(after['dns_queries_by_transport_total{transport=udp4}'], 60)
        self.assertEqual(after['dns_response_size_bytes_count'], 60)
        self.assertEqual(after['dns_response_size_bytes_bucket{le=+Inf}'], 60)
        self.assertEqual(after['dns_response_size_bytes_bucket{le=128}'], 0)
        self.assertGreater(after['dns_response_size_bytes_sum'], 60 * 128)
        self.assertEqual(before['dns_response_size_bytes_sum'], 0)
        self.assertEqual(after['dns_query_bytes_total'],
                         60 * len(dns.message.make_query(OWNERS[0], 'SRV').to_wire()))

    def flood(self, server, count):
        """Asks so often at once; returns (whole answers, empty ones)."""
        wire = dns.message.make_query(OWNERS[0], 'SRV').to_wire()
        whole = empty = 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect(('127.0.0.1', server.dns_port))
            client.settimeout(0.5)
            for _ in range(count):
                client.send(wire)
            try:
                while True:
                    answer = client.recv(4096)
                    whole, empty = whole + (len(answer) > len(wire)), empty + bool(answer[2] & 2)
            except TimeoutError:
                pass
        return whole, empty

    def test_what_is_beyond_the_limit_is_counted_and_stands_in_the_status(self):
        server = self.serve(rate_limit=LIMIT)
        whole, empty = self.flood(server, 200)
        self.assertGreaterEqual(whole, BURST)
        self.assertLess(whole, 100)
        found = metrics(server)
        self.assertEqual(found['dns_responses_slipped_total'], empty)
        self.assertEqual(found['dns_responses_truncated_total'], empty)
        self.assertEqual(found['dns_dropped_total{reason=rrl}'], 200 - whole - empty)
        self.assertEqual(found['dns_responses_by_rcode_total{rcode=NOERROR}'], whole + empty)
        dnsd = server.status()['dnsd']
        self.assertEqual((dnsd['queries'], dnsd['limited']), (200, 200 - whole))
        said = server.cli('status', check=OK).stdout
        self.assertRegex(said, rf'queries +200 since .*, {200 - whole} of them beyond the rate limit')

    def test_what_the_kernel_dropped_is_counted(self):
        server = self.serve()
        server.ask(OWNERS[0])
        wire = dns.message.make_query(OWNERS[0], 'SRV').to_wire()
        pid = server.dnsd_pids()[0]
        os.kill(pid, signal.SIGSTOP)
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.connect(('127.0.0.1', server.dns_port))
                for _ in range(40000):  # the receive buffer is at most 8 MiB
                    client.send(wire)
        finally:
            os.kill(pid, signal.SIGCONT)

        def drops():
            with contextlib.suppress(dns.exception.Timeout):  # the queue may still be full
                server.ask(OWNERS[0])  # it looks when there is something to do
            return metrics(server)['dns_udp_socket_drops_total']
        wait_until(drops, 20, 'drops are counted')
        found = metrics(server)
        self.assertLessEqual(found['dns_udp_socket_drops_total'] +
                             found['dns_queries_by_transport_total{transport=udp4}'], 50000)

    def test_a_dnsd_that_is_started_anew_counts_anew(self):
        server = self.serve()
        server.ask(OWNERS[0])
        before = metrics(server)
        os.kill(server.dnsd_pids()[0], signal.SIGKILL)
        wait_until(lambda: metrics(server)['dns_up'] == 1 and
                   metrics(server)['dns_start_timestamp_seconds'] >
                   before['dns_start_timestamp_seconds'], 10, 'another one')
        self.assertEqual(metrics(server)['dns_queries_by_transport_total{transport=udp4}'], 0)
        server.ask(OWNERS[0])
        self.assertEqual(metrics(server)['dns_queries_by_transport_total{transport=udp4}'], 1)

    def test_counters_go_on_over_changes_and_a_srvpland_that_was_killed(self):
        server = self.serve()
        server.ask(OWNERS[0])
        server.cli('drain', 'xmpp1', '-m', 'test', check=OK)
        server.ask(OWNERS[0])
        pids = server.dnsd_pids()
        started = metrics(server)['dns_start_timestamp_seconds']
        server.kill()
        server.ask(OWNERS[0])  # nobody looks
        server.start()
        self.assertEqual(server.dnsd_pids(), pids)
        found = metrics(server)
        self.assertEqual(found['dns_queries_by_transport_total{transport=udp4}'], 3)
        self.assertEqual(found['dns_start_timestamp_seconds'], started)

    def test_another_limit_needs_another_dnsd(self):
        server = self.serve()
        pids = server.dnsd_pids()
        server.kill()
        server.rate_limit = LIMIT
        server.start()
        self.assertNotEqual(server.dnsd_pids(), pids)
        self.assertIn('has other options', server.log())
        whole, _ = self.flood(server, 200)
        self.assertLess(whole, 100)


if __name__ == '__main__':
    srvplan.main()
