#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The srvplan command as a client: what it asks of a server, and what it makes of the answers.

A small HTTP server stands in for srvpland, on a loopback port and on a UNIX socket, and answers
what each test tells it to. SRVPLAN is the path of the program.
"""
import contextlib
import fcntl
import http.server
import json
import os
import pty
import signal
import socketserver
import struct
import subprocess
import tempfile
import termios
import threading
import unittest

SRVPLAN = os.environ["SRVPLAN"]

HANG = -1  # a status: never answer

DRAIN = {
    "id": "dr_1", "node": "xmpp2", "services": ["*"], "state": "withdrawn", "mode": "remove",
    "actor": "root", "reason": "kernel", "created_at": "2026-12-06T01:00:00Z", "until": None,
    "served_at": "2026-12-06T01:00:01Z", "ended_at": None, "forced": False, "timeline": [],
    "progress": {"share_now": 0.375, "share_target": 0, "dns_clear_at": "2026-12-06T01:05:02Z",
                 "basis": "last_served+ttl", "resolver_max_ttl": 3600,
                 "dns_clear_at_pessimistic": "2026-12-06T02:00:01Z"},
    "sessions": {"known": False}, "capacity_left": {"example.org/xmpp-client": 0.625}, "index": 3,
}
NODE = {
    "id": "xmpp1", "host": "xmpp1.example.org.", "addresses": ["192.0.2.11"], "capacity": 200,
    "tier": "primary", "site": None, "tags": [], "state": "up", "drain": None,
    "weights": [{"node": "xmpp1", "service": "*", "weight": "50%", "actor": "root",
                 "reason": "slow", "since": "2026-12-06T01:00:00Z", "until": None}],
    "effective": [{"domain": "example.org.", "domains": 1, "service": "xmpp-client",
                   "in_set": True, "priority": 10, "weight": 15616, "planned_weight": 31232,
                   "port": 5222, "ttl": 300, "share": 0.625, "share_exact": "5/8",
                   "because": "…"}],
    "index": 3,
}
STATUS = {
    "revision": 7, "served_revision": 7, "published_at": "2026-12-06T01:00:00Z",
    "served_at": "2026-12-06T01:00:01Z", "ready": True, "reasons": [],
    "zones": [{"zone": "example.org.", "serial": 1790000000}], "zones_total": 3,
    "dnsd": {"in_step": True, "generation": 7, "pid": 123, "workers": 1,
             "addresses": ["127.0.0.1:5300"], "started_at": "2026-12-06T01:00:00Z",
             "queries": 12, "limited": 3},
    "processes": {"srvpland": 122, "dnsd": 123}, "drains": [DRAIN], "weights": NODE["weights"],
    "next_change": None,
    "inventory": {"file": "/etc/x.jsonc", "digest": "sha256:00", "source": "file"}, "index": 12,
}
GUARD = {
    "type": "/docs/problems/guard", "title": "A guard refuses", "status": 409,
    "detail": "example.org/xmpp-client would keep 0 of 3 nodes", "overridable": False,
    "guard": {"name": "never_empty", "domain": "example.org.", "service": "xmpp-client",
              "would_be": 0, "limit": 1, "declared": 3},
}


def problem(status, name, **more):
    return {"type": "/docs/problems/" + name, "title": name.capitalize(), "status": status,
            "detail": "detail of " + name, **more}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length).decode()
        self.server.seen.append({
            "method": self.command, "path": self.path, "headers": dict(self.headers),
            "body": json.loads(body) if body else None})
        replies = self.server.replies.get((self.command, self.path), [(404, {}, problem(
            404, "not-found"))])
        status, headers, document = replies.pop(0) if len(replies) > 1 else replies[0]
        if status == HANG:
            self.server.hangs.set()
            self.server.over.wait(60)
        if status in (None, HANG):  # hang up without an answer
            self.close_connection = True
            return
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.send_response(status)
        kind = "application/json" if status < 400 else "application/problem+json"
        for name, value in {"Content-Type": kind, **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_DELETE = answer

    def address_string(self):
        return "client"

    def log_message(self, *_args):
        pass


class TcpServer(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


class Stub:
    """A server with answers: {(method, path): [(status, headers, document), …]}; the last one of
    a list is repeated."""

    def __init__(self, replies, socket=None):
        self.server = UnixServer(socket, Handler) if socket else TcpServer(
            ("127.0.0.1", 0), Handler)
        self.server.replies = {key: list(value) for key, value in replies.items()}
        self.server.seen = []
        self.server.hangs = threading.Event()
        self.server.over = threading.Event()
        self.url = None if socket else "http://127.0.0.1:%d" % self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.over.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    @property
    def seen(self):
        return self.server.seen


def clean_environment(**more):
    kept = {key: value for key, value in os.environ.items() if not key.startswith("SRVPLAN_")}
    return {**kept, "LC_ALL": "C.UTF-8", "http_proxy": "http://127.0.0.1:1", **more}


def run(*arguments, env=None):
    return subprocess.run([SRVPLAN, *arguments], capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, env=env or clean_environment(), check=False)


class ClientTest(unittest.TestCase):
    maxDiff = None

    def ask(self, replies, *arguments, code=0):
        """Runs the command against a stub; the exit code must be `code`."""
        with Stub(replies) as stub:
            done = run("--server", stub.url, *arguments)
            self.assertEqual(done.returncode, code, f"{arguments}\n{done.stdout}\n{done.stderr}")
            return done, stub.seen

    def test_statuses_become_exit_codes(self):
        rows = [
            # status, document, exit code, what stderr must say
            (201, DRAIN, 0, ""),
            (202, {**DRAIN, "served_at": None}, 5, "stored, but not served yet"),
            (400, problem(400, "malformed"), 1, "Malformed: detail of malformed"),
            (401, problem(401, "unauthenticated"), 1, "--token-file"),
            (404, problem(404, "unknown-node"), 1, "Unknown-node"),
            (409, GUARD, 3, "would keep 0 of 3 nodes, the limit is 1"),
            (409, GUARD, 3, "cannot be overridden"),
            (409, {**GUARD, "overridable": True}, 3, "--force"),
            (409, problem(409, "already-drained"), 4, "Already-drained"),
            (412, problem(412, "stale"), 4, "changed it meanwhile"),
            (422, problem(422, "invalid", errors=[{
                "pointer": "/services/0", "detail": "no such service",
                "suggestion": "xmpp-client"}]), 1, "/services/0: no such service; xmpp-client"),
            (428, problem(428, "precondition-required"), 4, "Precondition-required"),
            (500, b"oops", 1, "status 500"),
            (503, problem(503, "unavailable"), 5, "Unavailable"),
            (302, b"", 1, "status 302"),
            (201, b"<html>", 1, "no JSON"),
        ]
        for status, document, code, told in rows:
            with self.subTest(status=status, told=told):
                done, _ = self.ask({("POST", "/api/v1/drains"): [(status, {
                    "Location": "http://127.0.0.1:1/elsewhere"}, document)]},
                    "drain", "xmpp2", "-m", "kernel", code=code)
                self.assertIn(told, done.stderr)

    def test_drain_sends_one_request_with_all_it_was_told(self):
        rows = [
            (["drain", "xmpp2", "-m", "kernel"],
             {"node": "xmpp2", "reason": "kernel"}),
            (["drain", "a", "b", "-m", "x", "--services", "xmpp-client,xmpp-server"],
             {"nodes": ["a", "b"], "reason": "x",
              "services": ["xmpp-client", "xmpp-server"]}),
            (["drain", "a", "-m", "x", "--for", "1h30m"],
             {"node": "a", "reason": "x", "for": "5400s"}),
            (["drain", "a", "-m", "x", "--until", "2026-12-06T03:17:30+02:00"],
             {"node": "a", "reason": "x", "until": "2026-12-06T01:17:30Z"}),
            (["drain", "a", "-m", "x", "--force"],
             {"node": "a", "reason": "x",
              "override": {"guard": True, "reason": "x"}}),
            (["drain", "a", "-m", "x", "--mode", "weight", "--to", "25%", "--ramp", "10m"],
             {"node": "a", "reason": "x", "mode": "weight", "to": "25%", "ramp": "10m"}),
            (["drain", "a", "-m", "x", "--ramp", "0s"],
             {"node": "a", "reason": "x", "ramp": "0s"}),
        ]
        for arguments, body in rows:
            with self.subTest(arguments=arguments):
                _, seen = self.ask({("POST", "/api/v1/drains"): [(201, {}, DRAIN)]}, *arguments)
                self.assertEqual([request["body"] for request in seen], [body])
                self.assertEqual(seen[0]["headers"]["Content-Type"], "application/json")
                self.assertNotIn("Authorization", seen[0]["headers"])

    def test_drain_tells_both_clocks_on_stdout(self):
        done, _ = self.ask({("POST", "/api/v1/drains"): [(201, {}, DRAIN)]},
                           "drain", "xmpp2", "-m", "kernel")
        for told in ["dr_1", "2026-12-06T01:05:02Z", "2026-12-06T02:00:01Z", "not known here",
                     "62.5 % of example.org/xmpp-client"]:
            self.assertIn(told, done.stdout)

    def test_several_drains_come_back_as_a_list(self):
        other = {**DRAIN, "id": "dr_2", "node": "xmpp3"}
        done, _ = self.ask({("POST", "/api/v1/drains"): [(201, {}, {
            "items": [DRAIN, other], "next": None})]}, "drain", "xmpp2", "xmpp3", "-m", "kernel")
        self.assertIn("dr_1", done.stdout)
        self.assertIn("dr_2", done.stdout)

    def test_dry_run_shows_the_change_and_asks_for_nothing_else(self):
        plan = {"changes": [{
            "name": "_xmpp-client._tcp.example.org.", "type": "SRV",
            "before": {"ttl": 300, "records": ["10 5 5222 a.", "10 3 5222 b."]},
            "after": {"ttl": 300, "records": ["10 5 5222 a."]}, "because": []}], "guards": []}
        done, seen = self.ask({("POST", "/api/v1/drains?dry_run=true"): [
            (200, {}, {**DRAIN, "plan": plan})]}, "drain", "xmpp2", "-m", "x", "--dry-run")
        self.assertIn("- 10 3 5222 b.", done.stdout)
        self.assertNotIn("- 10 5 5222 a.", done.stdout)
        self.assertEqual(len(seen), 1)

    def test_on_a_terminal_it_shows_the_change_and_asks(self):
        dry, real = "/api/v1/drains?dry_run=true", "/api/v1/drains"
        rows = [
            ([], b"n\n", 1, [dry]),
            ([], b"y\n", 0, [dry, real]),
            ([], b"\x04", 1, [dry]),
            (["-y"], b"", 0, [real]),
        ]
        for arguments, answer, code, paths in rows:
            with self.subTest(arguments=arguments, answer=answer), Stub({
                    ("POST", dry): [(200, {}, {**DRAIN, "plan": {"changes": []}})],
                    ("POST", real): [(201, {}, DRAIN)]}) as stub:
                ours, theirs = pty.openpty()
                with subprocess.Popen(
                        [SRVPLAN, "-s", stub.url, "drain", "xmpp2", "-m", "x", *arguments],
                        stdin=theirs, stdout=subprocess.PIPE, stderr=theirs,
                        env=clean_environment()) as process:
                    os.close(theirs)
                    os.write(ours, answer)
                    process.communicate(timeout=30)
                os.close(ours)
                self.assertEqual(process.returncode, code)
                self.assertEqual([request["path"] for request in stub.seen], paths)

    def test_wait_watches_until_clear(self):
        watch = ("GET", "/api/v1/drains/dr_1")
        done, seen = self.ask({
            ("POST", "/api/v1/drains"): [(201, {}, DRAIN)],
            watch: [(200, {}, DRAIN), (200, {}, {**DRAIN, "state": "clear"})],
        }, "drain", "xmpp2", "-m", "x", "--wait")
        self.assertEqual([line.split(",")[0] for line in done.stderr.splitlines()],
                         ["xmpp2: withdrawn", "xmpp2: clear"])
        self.assertEqual(len(seen), 3)

    def test_wait_outlives_a_restart_of_the_server(self):
        _, seen = self.ask({
            ("POST", "/api/v1/drains"): [(201, {}, DRAIN)],
            ("GET", "/api/v1/drains/dr_1"): [
                (503, {}, problem(503, "unavailable")), (200, {}, {**DRAIN, "state": "clear"})],
        }, "drain", "xmpp2", "-m", "x", "--wait")
        self.assertEqual(len(seen), 3)

    def test_wait_for_a_drain_that_somebody_ends_is_a_conflict(self):
        done, _ = self.ask({
            ("POST", "/api/v1/drains"): [(201, {}, DRAIN)],
            ("GET", "/api/v1/drains/dr_1"): [(200, {}, {**DRAIN, "state": "closed"})],
        }, "drain", "xmpp2", "-m", "x", "--wait", code=4)
        self.assertIn("ended before it was clear", done.stderr)

    def test_interrupting_the_wait_leaves_the_drain_alone(self):
        with Stub({("POST", "/api/v1/drains"): [(201, {}, DRAIN)],
                   ("GET", "/api/v1/drains/dr_1"): [(200, {}, DRAIN)]}) as stub:
            with subprocess.Popen([SRVPLAN, "-s", stub.url, "drain", "xmpp2", "-m", "x", "--wait"],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, text=True,
                                  env=clean_environment()) as process:
                first = process.stderr.readline()  # it watches by now
                process.send_signal(signal.SIGINT)
                rest = process.communicate(timeout=30)[1]
            self.assertEqual(process.returncode, 130, first + rest)
            self.assertIn("the drain goes on", rest)
            self.assertNotIn("DELETE", [request["method"] for request in stub.seen])

    def test_interrupting_a_server_that_hangs_leaves_at_once(self):
        with Stub({("POST", "/api/v1/drains"): [(201, {}, DRAIN)],
                   ("GET", "/api/v1/drains/dr_1"): [(200, {}, DRAIN), (HANG, {}, b"")]}) as stub:
            with subprocess.Popen([SRVPLAN, "-s", stub.url, "drain", "xmpp2", "-m", "x", "--wait"],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, text=True,
                                  env=clean_environment()) as process:
                self.assertTrue(stub.server.hangs.wait(30))
                process.send_signal(signal.SIGINT)
                told = process.communicate(timeout=15)[1]
            self.assertEqual(process.returncode, 130, told)

    def test_on_a_terminal_a_bar_gets_shorter_until_it_is_clear(self):
        def seen(state, part):
            progress = {**DRAIN["progress"], "share_before": 0.375, "share_now": 0.0,
                        "cached_fraction_max": part}
            return 200, {}, {**DRAIN, "state": state, "progress": progress}

        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
        with Stub({("GET", "/api/v1/drains"): [(200, {}, {"items": [DRAIN], "next": None})],
                   ("GET", "/api/v1/drains/dr_1"): [
                       seen("withdrawn", 0.6), (503, {}, problem(503, "unavailable")),
                       seen("withdrawn", 0.3), seen("clear", 0)]}) as stub:
            with subprocess.Popen([SRVPLAN, "-s", stub.url, "drains", "xmpp2", "--wait"],
                                  stdin=theirs, stdout=subprocess.DEVNULL, stderr=theirs,
                                  env={**clean_environment(), "TERM": "xterm"}) as process:
                os.close(theirs)
                drawn = b""
                with contextlib.suppress(OSError):  # the other end is closed: EIO
                    while piece := os.read(ours, 4096):
                        drawn += piece
            os.close(ours)
        self.assertEqual(process.returncode, 0, drawn)
        pictures = drawn.decode().split("\x1b[2A\r")
        bars = [picture.count("#") + picture.count("\u2588") for picture in pictures]
        self.assertEqual(len(bars), 4, drawn)
        self.assertEqual(sorted(bars, reverse=True), bars)
        self.assertEqual((bars[0] > bars[2], bars[3]), (True, 0))
        self.assertIn("Ctrl-C stops watching", pictures[0])
        self.assertIn("no answer for", pictures[1])
        self.assertIn("clear", pictures[3])

    def test_following_the_drains_of_nodes_that_have_none_fails(self):
        done, seen = self.ask({("GET", "/api/v1/drains"): [
            (200, {}, {"items": [DRAIN], "next": None})]}, "drains", "xmpp1", "--wait", code=1)
        self.assertIn("xmpp1: no drain is in force", done.stderr)
        self.assertEqual(len(seen), 1)

    def test_contexts_lead_to_their_servers(self):
        with Stub({("GET", "/api/v1/nodes"): [(200, {}, {"items": [NODE], "next": None})]}) as one, \
                Stub({}) as two, tempfile.TemporaryDirectory() as home:
            token = os.path.join(home, "token")
            with open(token, "w", encoding="ascii") as file:
                file.write("svp_one\n")

            def run(*arguments, code=0, **more):
                done = subprocess.run([SRVPLAN, *arguments], stdin=subprocess.DEVNULL,
                                      capture_output=True, text=True, check=False,
                                      env={**clean_environment(), "HOME": home, **more})
                self.assertEqual(done.returncode, code, done)
                return done

            run("context", "add", "one", "-s", one.url, "--token-file", token)
            run("context", "add", "two", "-s", two.url)
            run("--context", "one", "nodes")
            self.assertEqual(one.seen[-1]["headers"]["Authorization"], "Bearer svp_one")
            run("context", "use", "two")
            self.assertEqual(run("context", "show").stdout.split()[:2], ["two", two.url])
            run("nodes", code=1)  # the second one knows no nodes
            self.assertNotIn("Authorization", two.seen[-1]["headers"])
            run("nodes", SRVPLAN_CONTEXT="one")
            run("-s", one.url, "nodes")
            self.assertNotIn("Authorization", one.seen[-1]["headers"])
            run("-s", one.url, "--context", "one", "nodes", code=64)
            path = os.path.join(home, ".config/srvplan/contexts.jsonc")
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
            with open(path, "r+", encoding="utf-8") as file:
                text = file.read()
                self.assertNotIn("svp_", text)
                file.seek(0)
                file.write("// mine\n" + text)
            self.assertIn("has comments", run("context", "use", "one", code=4).stderr)
            self.assertIn("* ", run("context", "ls").stdout)  # it is read all the same
            with open(path, "w", encoding="utf-8") as file:
                file.write('{"contexts": {"x": {"url": "y"}}}')
            self.assertIn("'url': no such key", run("nodes", code=1).stderr)

    def test_undrain_ends_each_drain_of_the_node_in_the_version_seen(self):
        second = {**DRAIN, "id": "dr_2"}
        other = {**DRAIN, "id": "dr_3", "node": "xmpp3"}
        closed = {**DRAIN, "state": "closed"}
        _, seen = self.ask({
            ("GET", "/api/v1/drains"): [(200, {}, {"items": [DRAIN, other], "next": "c/1"})],
            ("GET", "/api/v1/drains?after=c%2F1"): [(200, {}, {"items": [second], "next": None})],
            ("GET", "/api/v1/drains/dr_1"): [(200, {"ETag": '"3"'}, DRAIN)],
            ("GET", "/api/v1/drains/dr_2"): [(200, {"ETag": '"9"'}, second)],
            ("DELETE", "/api/v1/drains/dr_1"): [(200, {}, closed)],
            ("DELETE", "/api/v1/drains/dr_2"): [(200, {}, {**closed, "id": "dr_2"})],
        }, "undrain", "xmpp2")
        self.assertEqual([(request["path"], request["headers"]["If-Match"]) for request in seen
                          if request["method"] == "DELETE"],
                         [("/api/v1/drains/dr_1", '"3"'), ("/api/v1/drains/dr_2", '"9"')])

    def test_undrain_of_a_node_without_drain_fails_and_says_so(self):
        done, _ = self.ask({("GET", "/api/v1/drains"): [(200, {}, {"items": [], "next": None})]},
                           "undrain", "xmpp2", code=1)
        self.assertIn("xmpp2: no drain is in force", done.stderr)

    def test_weight_in_all_forms(self):
        node, weight = "/api/v1/nodes/xmpp1", "/api/v1/nodes/xmpp1/weight"
        rows = [
            (["xmpp1", "30", "-m", "x"], "PUT", weight,
             {"weight": 30, "services": ["*"], "reason": "x"}),
            (["xmpp1", "50%", "-m", "x"], "PUT", weight,
             {"weight": "50%", "services": ["*"], "reason": "x"}),
            (["xmpp1", "+10", "-m", "x"], "PUT", weight,
             {"weight": "+10", "services": ["*"], "reason": "x"}),
            (["xmpp1", "-10", "-m", "x"], "PUT", weight,
             {"weight": "-10", "services": ["*"], "reason": "x"}),
            (["-m", "x", "xmpp1", "0", "--service", "xmpp-client", "--for", "2h"], "PUT", weight,
             {"weight": 0, "services": ["xmpp-client"], "reason": "x", "expires_in": 7200}),
            (["xmpp1", "--reset"], "DELETE", weight, None),
            (["xmpp1", "--reset", "--service", "a b"], "DELETE", weight + "?service=a%20b", None),
        ]
        for arguments, method, path, body in rows:
            with self.subTest(arguments=arguments):
                done, seen = self.ask({("GET", node): [(200, {"ETag": '"5"'}, NODE)],
                                       (method, path): [(200, {}, NODE)]}, "weight", *arguments)
                self.assertEqual([request["method"] for request in seen], ["GET", method])
                self.assertEqual(seen[1]["headers"]["If-Match"], '"5"')
                self.assertEqual(seen[1]["body"], body)
                self.assertIn("weight 15616 (planned 31232)", done.stdout)

    def test_weight_does_not_try_again_when_somebody_was_faster(self):
        done, seen = self.ask({
            ("GET", "/api/v1/nodes/xmpp1"): [(200, {"ETag": '"5"'}, NODE)],
            ("PUT", "/api/v1/nodes/xmpp1/weight"): [(412, {}, problem(412, "stale"))],
        }, "weight", "xmpp1", "30", "-m", "x", code=4)
        self.assertEqual(len(seen), 2)
        self.assertIn("do it again", done.stderr)

    def test_lists_and_status_as_tables_and_as_json(self):
        revision = {"revision": 7, "at": "2026-12-06T01:00:00Z", "actor": "root",
                    "cause": "drain xmpp2: kernel", "inventory_digest": "sha256:00",
                    "served_at": None}
        rows = [
            (["nodes"], "/api/v1/nodes", {"items": [NODE], "next": None},
             ["xmpp1.example.org.", "50%", "1/1", "62.5 %"]),
            (["drains"], "/api/v1/drains", {"items": [DRAIN], "next": None}, ["dr_1", "kernel"]),
            (["drains", "--all"], "/api/v1/drains?all=true", {"items": [DRAIN], "next": None},
             ["dr_1"]),
            (["history", "--limit", "3"], "/api/v1/revisions?limit=3",
             {"items": [revision], "next": None}, ["drain xmpp2: kernel"]),
            (["status"], "/api/v1/status", STATUS,
             ["revision 7 since", "in step", "1790000000", "and 2 more", "dr_1", "50%"]),
        ]
        for arguments, path, document, told in rows:
            with self.subTest(arguments=arguments):
                replies = {("GET", path): [(200, {}, document)]}
                done, _ = self.ask(replies, *arguments)
                for word in told:
                    self.assertIn(word, done.stdout)
                done, _ = self.ask(replies, *arguments, "-o", "json")
                self.assertEqual(json.loads(done.stdout), document)

    def test_history_stops_at_its_limit_though_there_is_more(self):
        items = [{"revision": number} for number in (9, 8, 7)]
        done, seen = self.ask({("GET", "/api/v1/revisions?limit=2"): [
            (200, {}, {"items": items, "next": "c"})]}, "history", "--limit", "2", "-o", "json")
        self.assertEqual(json.loads(done.stdout)["items"], items[:2])
        self.assertEqual(len(seen), 1)

    def test_text_of_a_server_cannot_steer_the_terminal(self):
        evil = {**DRAIN, "reason": "\x1b]0;x\x07\x9b2J\u202eabc"}
        done, _ = self.ask({("GET", "/api/v1/drains"): [(200, {}, {
            "items": [evil], "next": None})]}, "drains")
        self.assertNotRegex(done.stdout, "[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]")
        self.assertIn("abc", done.stdout)

    def test_tokens_come_from_file_and_environment(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "token")
            with open(path, "w", encoding="ascii") as file:
                file.write("svp_file\n")
            rows = [
                (["--token-file", path], {}, "Bearer svp_file"),
                (["--token-file", path], {"SRVPLAN_TOKEN": "svp_env"}, "Bearer svp_file"),
                ([], {"SRVPLAN_TOKEN": "svp_env"}, "Bearer svp_env"),
                ([], {"SRVPLAN_TOKEN_FILE": path}, "Bearer svp_file"),
            ]
            for arguments, more, header in rows:
                with self.subTest(arguments=arguments, environment=more), Stub(
                        {("GET", "/api/v1/status"): [(200, {}, STATUS)]}) as stub:
                    done = run("status", *arguments, env=clean_environment(
                        SRVPLAN_SERVER=stub.url + "/", **more))
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertEqual(stub.seen[0]["headers"]["Authorization"], header)

    def test_a_token_cannot_add_a_header(self):
        done = run("-s", "http://127.0.0.1:1", "status", env=clean_environment(
            SRVPLAN_TOKEN="svp_x\r\nX-Evil: 1"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("SRVPLAN_TOKEN", done.stderr)

    def test_the_unix_socket_is_spoken_to(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "api.sock")
            with Stub({("GET", "/api/v1/status"): [(200, {}, STATUS)]}, socket=path):
                for arguments, more in [(["--socket", path], {}), ([], {"SRVPLAN_SOCKET": path})]:
                    done = run("status", *arguments, env=clean_environment(**more))
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertIn("revision 7", done.stdout)

    def test_a_server_that_is_not_there_exits_5_with_a_mend(self):
        with tempfile.TemporaryDirectory() as folder:
            gone = os.path.join(folder, "api.sock")
            for arguments in [["--socket", gone], ["--server", "http://127.0.0.1:1"]]:
                done = run("status", *arguments)
                self.assertEqual(done.returncode, 5, done.stderr)
                self.assertIn(arguments[1], done.stderr)
                self.assertIn("is `srvplan serve` running?", done.stderr)

    def test_an_answer_that_got_lost_is_not_called_a_failure_to_reach(self):
        done, _ = self.ask({("POST", "/api/v1/drains"): [(None, {}, b"")]},
                           "drain", "xmpp2", "-m", "x", code=1)
        self.assertIn("it may be in force", done.stderr)


if __name__ == "__main__":
    unittest.main()
