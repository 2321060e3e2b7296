#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The srvplan command without a server: plan, zone, check, help, and how serve becomes srvpland.

SRVPLAN is the path of the program, SRVPLAN_SOURCE the root of the source tree.
"""
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

SRVPLAN = os.environ["SRVPLAN"]
SOURCE = os.environ["SRVPLAN_SOURCE"]

INVENTORY = """{
  "srvplan": 1,
  "defaults": { "base": "example.org", "ttl": "5m",
    "name_servers": [{ "host": "ns1.example.org", "addresses": ["192.0.2.53"] }] },
  "domains": { "example.org": { "services": ["xmpp-client"] },
               "chat.example.net": { "zone": "example.net", "services": ["xmpp-client"] } },
  "tiers": { "primary": { "priority": 10 } },
  "nodes": {
    "xmpp1": { "addresses": ["192.0.2.11"], "capacity": 200, "tier": "primary" },
    "xmpp2": { "addresses": ["192.0.2.12"], "capacity": 120, "tier": "primary" },
  },
}
"""
# One of two nodes is drained, and two are the least.
TOO_FEW = INVENTORY.replace('"capacity": 120,', '"capacity": 120, "state": "drain",').replace(
    '"tiers"', '"policy": { "guard": { "min_nodes": 2 } }, "tiers"')


def environment(**more):
    kept = {key: value for key, value in os.environ.items() if not key.startswith("SRVPLAN_")}
    return {**kept, "LC_ALL": "C.UTF-8", **more}


def run(*arguments, program=SRVPLAN, **more):
    settings = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "timeout": 60,
                "stdin": subprocess.DEVNULL, "env": environment(), **more}
    return subprocess.run([program, *arguments], check=False, **settings)


class Folder(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    @staticmethod
    def read(path):
        with open(path, encoding="utf-8") as file:
            return file.read()

    def write(self, text, name="inventory.jsonc"):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def run_for(self, code, *arguments, **more):
        done = run(*arguments, **more)
        self.assertEqual(done.returncode, code, f"{arguments}\n{done.stdout}\n{done.stderr}")
        return done


class Offline(Folder):
    def test_plan_as_json_has_every_part(self):
        done = self.run_for(0, "plan", "-f", self.write(INVENTORY), "-o", "json",
                            "--at", "2026-12-06T01:17:30Z")
        plan = json.loads(done.stdout)
        self.assertEqual(plan["at"], "2026-12-06T01:17:30Z")
        self.assertEqual(set(plan), {"at", "sets", "shares", "findings", "guards", "pools",
                                     "pending", "next_change", "windows", "timeline"})
        sets = {(item["name"], item["type"]): item for item in plan["sets"]}
        client = sets["_xmpp-client._tcp.example.org.", "SRV"]
        self.assertEqual(client["ttl"], 300)
        weights = [int(record.split()[1]) for record in client["records"]]
        self.assertEqual(weights[0] * 120, weights[1] * 200)
        self.assertEqual(done.stderr, "")

    def test_plan_for_people_names_set_records_and_reason(self):
        done = self.run_for(0, "plan", "-f", self.write(INVENTORY))
        for word in ["_xmpp-client._tcp", "xmpp1.example.org.", "62.5 %"]:
            self.assertIn(word, done.stdout)

    def test_the_same_input_gives_the_same_bytes(self):
        path = self.write(INVENTORY)
        arguments = ["plan", "-f", path, "-o", "json", "--at", "@1790000000"]
        self.assertEqual(run(*arguments).stdout, run(*arguments).stdout)

    def test_detailed_exitcode_tells_that_there_is_something_to_publish(self):
        self.run_for(2, "plan", "-f", self.write(INVENTORY), "--detailed-exitcode")

    def test_a_plan_that_a_guard_refuses_exits_3(self):
        path = self.write(TOO_FEW)
        done = self.run_for(3, "plan", "-f", path)
        self.assertIn("min_nodes", done.stderr)
        done = self.run_for(3, "plan", "-f", path, "-o", "json")
        self.assertFalse(json.loads(done.stdout)["guards"][0]["ok"])

    def test_a_zone_that_a_guard_refuses_is_not_written(self):
        done = self.run_for(3, "zone", "-f", self.write(TOO_FEW))
        self.assertEqual(done.stdout, "")
        self.assertIn("min_nodes", done.stderr)

    def test_mistakes_come_with_file_line_column_and_mend(self):
        path = self.write(INVENTORY.replace('"capacity": 120', '"capacitty": 120'))
        line = next(number for number, text in enumerate(INVENTORY.splitlines(), 1)
                    if '"capacity": 120' in text)
        for command in ["plan", "zone", "check"]:
            with self.subTest(command=command):
                done = self.run_for(1, command, "-f", path)
                self.assertRegex(done.stderr, rf"^{re.escape(path)}:{line}:\d+: error: .*capacity")
                self.assertIn("(/nodes/xmpp2/capacitty)", done.stderr)
                self.assertEqual(done.stdout, "")

    def test_mistakes_as_json(self):
        path = self.write(INVENTORY.replace('"capacity": 120', '"capacitty": 120'))
        for command in ["plan", "check"]:
            with self.subTest(command=command):
                done = self.run_for(1, command, "-f", path, "-o", "json")
                finding = json.loads(done.stdout)["findings"][0]
                self.assertEqual(set(finding), {"code", "severity", "pointer", "file", "line",
                                                "column", "message", "mend"})
                self.assertEqual(finding["severity"], "error")
                self.assertEqual(finding["file"], path)
                self.assertEqual(done.stderr, "")

    def test_check_says_what_it_read(self):
        path = self.write(INVENTORY)
        done = self.run_for(0, "check", "-f", path)
        self.assertRegex(done.stdout, rf"^{re.escape(path)}: fine: 2 domains, 2 nodes, \d+ sets?$")

    def test_check_calls_what_a_guard_refuses_an_error(self):
        path = self.write(TOO_FEW)
        done = self.run_for(1, "check", "-f", path)
        self.assertIn("[guard-min-nodes] (/policy/guard/min_nodes)", done.stderr)
        done = self.run_for(1, "check", "-f", path, "-o", "json")
        self.assertIn("guard-min-nodes", [item["code"] for item in
                                          json.loads(done.stdout)["findings"]])

    def test_strict_asks_for_an_inventory_without_any_finding(self):
        path = self.write(INVENTORY)
        findings = json.loads(run("check", "-f", path, "-o", "json").stdout)["findings"]
        self.run_for(2 if findings else 0, "check", "-f", path, "--strict")

    def test_a_file_that_is_not_there_is_named(self):
        path = os.path.join(self.folder, "none.jsonc")
        for command in ["plan", "zone", "check"]:
            done = self.run_for(1, command, "-f", path)
            self.assertIn(path, done.stderr)
            self.assertIn("No such file", done.stderr)

    def test_yaml_is_read_as_what_it_is(self):
        text = "srvplan: 1\ndomains: {example.org: {}}\nnodes: {n: {addresses: [192.0.2.1]}}\n"
        for name in ["inventory.yaml", "inventory.YML"]:
            self.run_for(0, "check", "-f", self.write(text, name))
            done = self.run_for(1, "check", "-f", self.write(text + "  prot: 1\n", name))
            self.assertIn(f"{name}:4:3: error: ", done.stderr)

    def test_names_in_letters_beyond_ascii_become_a_labels(self):
        path = self.write(INVENTORY.replace("example.org", "Bücher.example"))
        done = self.run_for(0, "zone", "-f", path, "bücher.example.")
        self.assertRegex(done.stdout, r"(?m)^_xmpp-client\._tcp\.xn--bcher-kva\.example\. 300 IN SRV 10 "
                         r"\d+ 5222 xmpp1\.xn--bcher-kva\.example\.$")
        same = self.run_for(0, "zone", "-f", path, "xn--bcher-kva.example")
        self.assertEqual(same.stdout.splitlines()[2:], done.stdout.splitlines()[2:])
        done = self.run_for(64, "zone", "-f", path, "☃.example")
        self.assertIn("'☃.example' is no domain name: it has", done.stderr)

    def test_a_directory_is_read_file_by_file(self):
        folder = os.path.join(self.folder, "inventory.d")
        os.mkdir(folder)
        self.run_for(1, "check", "-f", folder)
        self.write('{"srvplan": 1, "domains": {"example.org": {}}}', "inventory.d/a.jsonc")
        self.write("nodes: {n: {addresses: [192.0.2.1]}}\n", "inventory.d/b.yaml")
        self.write("not read", "inventory.d/c.yaml~")
        self.assertIn(f"{folder}: fine: 1 domain, 1 node", self.run_for(0, "check", "-f", folder).stdout)
        done = self.run_for(1, "zone", "-f", folder)  # a finding of the layout has its file too
        self.assertIn(f"{folder}/a.jsonc:1:28: error: zone example.org has no name servers", done.stderr)

    def sets(self, path):
        return json.loads(self.run_for(0, "plan", "-f", path, "-o", "json").stdout)["sets"]

    def test_fmt_replaces_a_file_whole_and_only_when_it_differs(self):
        path = self.write(INVENTORY.replace("{", "{ // kept\n", 1))
        os.chmod(path, 0o640)
        link = os.path.join(self.folder, "link.jsonc")
        os.symlink("inventory.jsonc", link)
        before = self.sets(path)
        done = self.run_for(2, "fmt", "--check", path, link)
        self.assertEqual(done.stdout, f"{path}\n{link}\n")
        self.assertNotIn("{ // kept\n  \"srvplan\": 1,\n  \"defaults\": {\n", self.read(path))
        self.run_for(0, "fmt", link)
        self.assertIn("{ // kept\n  \"srvplan\": 1,\n  \"defaults\": {\n", self.read(path))
        self.assertTrue(os.path.islink(link))
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o640)
        self.assertEqual(self.sets(path), before)
        inode = os.stat(path).st_ino
        self.run_for(0, "fmt", path)
        self.assertEqual(os.stat(path).st_ino, inode, "written although nothing changed")
        self.assertEqual(self.run_for(0, "fmt", "--check", path).stdout, "")
        self.assertEqual(sorted(os.listdir(self.folder)), ["inventory.jsonc", "link.jsonc"])

    def test_fmt_reads_standard_input(self):
        for arguments in [["fmt"], ["fmt", "-"]]:
            done = run(*arguments, stdin=None, input='{"nodes":{},"srvplan":1}')
            self.assertEqual((done.returncode, done.stdout),
                             (0, '{\n  "srvplan": 1,\n  "nodes": {}\n}\n'))
        done = run("fmt", "--check", stdin=None, input='{"nodes":{},"srvplan":1}')
        self.assertEqual((done.returncode, done.stdout), (2, "stdin\n"))

    def test_fmt_leaves_what_it_cannot_read_alone_and_goes_on(self):
        wrong = self.write('{"a": 1,\n "a": 2}', "wrong.jsonc")
        yaml = self.write("srvplan: 1\n", "inventory.yaml")
        good = self.write('{"srvplan":1}', "good.jsonc")
        done = self.run_for(1, "fmt", wrong, yaml, os.path.join(self.folder, "none.jsonc"), good)
        self.assertIn(f"{wrong}:2:2: error: ", done.stderr)
        self.assertIn("inventory.yaml: YAML is not formatted", done.stderr)
        self.assertIn("none.jsonc: cannot open", done.stderr)
        self.assertEqual(self.read(wrong), '{"a": 1,\n "a": 2}')
        self.assertEqual(self.read(good), '{\n  "srvplan": 1\n}\n')

    def test_zones_come_alone_and_all_together(self):
        path = self.write(INVENTORY)
        every = self.run_for(0, "zone", "-f", path, "--serial", "7").stdout
        self.assertEqual(re.findall(r"^\$ORIGIN (\S+)$", every, re.M),
                         ["example.net.", "example.org."])
        self.assertEqual(len(re.findall(r" IN SOA \S+ \S+ 7 ", every)), 2)
        for name in ["example.org", "EXAMPLE.org."]:
            one = self.run_for(0, "zone", "-f", path, name, "--serial", "7").stdout
            self.assertEqual(re.findall(r"^\$ORIGIN (\S+)$", one, re.M), ["example.org."])
            self.assertIn(one, every)

    def test_a_fragment_has_neither_soa_nor_ns(self):
        path = self.write(re.sub(r',\s*"name_servers".*?\}\]', "", INVENTORY, flags=re.S))
        done = self.run_for(0, "zone", "-f", path, "--fragment", "example.org")
        self.assertIn(" IN SRV ", done.stdout)
        self.assertNotRegex(done.stdout, r" IN (SOA|NS) ")
        self.run_for(1, "zone", "-f", path, "example.org")  # a whole zone needs name servers

    def test_the_serial_follows_the_instant(self):
        path = self.write(INVENTORY)
        done = self.run_for(0, "zone", "-f", path, "example.org", "--at", "@1790000000")
        self.assertRegex(done.stdout, r" IN SOA \S+ \S+ 1790000000 ")

    def test_an_unknown_zone_gets_a_list_of_ours(self):
        done = self.run_for(1, "zone", "-f", self.write(INVENTORY), "example.com")
        self.assertIn("example.net., example.org.", done.stderr)
        self.assertEqual(done.stdout, "")

    def test_a_full_disk_is_told(self):
        path = self.write(INVENTORY)
        for arguments in [["plan", "-f", path, "-o", "json"], ["zone", "-f", path], ["version"]]:
            with self.subTest(arguments=arguments), open("/dev/full", "w", encoding="ascii") as full:
                done = run(*arguments, stdout=full)
                self.assertEqual(done.returncode, 1)
                self.assertIn("No space left", done.stderr)

    def test_a_closed_pipe_is_a_quiet_failure(self):
        reading, writing = os.pipe()
        os.close(reading)
        with os.fdopen(writing, "w") as closed:
            done = run("zone", "-f", self.write(INVENTORY), stdout=closed)
        self.assertEqual((done.returncode, done.stderr), (1, ""))

    def test_colours_are_only_where_they_are_wanted(self):
        path = self.write(INVENTORY.replace('"capacity": 120', '"capacitty": 120'))
        rows = [
            ([], {}, False),
            (["--color", "always"], {}, True),
            (["--color=always"], {"NO_COLOR": "1"}, True),
            ([], {"CLICOLOR_FORCE": "1"}, True),
            ([], {"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, False),
            (["--color", "never"], {"CLICOLOR_FORCE": "1"}, False),
        ]
        for arguments, more, wanted in rows:
            with self.subTest(arguments=arguments, more=more):
                done = run("check", "-f", path, *arguments, env=environment(**more))
                self.assertEqual("\033[" in done.stderr, wanted)

    def test_outside_utf_8_only_ascii_is_written(self):
        path = self.write(INVENTORY.replace('"capacity": 120', '"capacité": 120'))
        plain = run("check", "-f", path, env=environment(LC_ALL="C"))
        self.assertTrue(plain.stderr.isascii(), plain.stderr)
        self.assertIn("capacit", plain.stderr)
        good = run("plan", "-f", self.write(INVENTORY), env=environment(LC_ALL="C"))
        self.assertTrue(good.stdout.isascii(), good.stdout)


class Help(Folder):
    def test_wrong_command_lines_exit_64_with_a_mend(self):
        rows = [
            ([], "no command"),
            (["drian", "x"], "did you mean drain?"),
            (["plan", "--detailed-exitcod"], "did you mean --detailed-exitcode?"),
            (["check", "-o", "md"], "it knows table|json|yaml"),
            (["plan", "-o", "json", "--format", "html"], "only one can be"),
            (["plan", "--against", "rev:now"], "expected a number"),
            (["diff", "zone", "x"], "zone:FILE"),
            (["init", "tierd"], "expected single|round-robin|weighted|tiered"),
            (["completion", "tcsh"], "expected bash|zsh|fish"),
            (["drain", "xmpp1"], "-m REASON"),
            (["weight", "xmpp1", "70000", "-m", "x"], "0 to 65535"),
            (["zone", "a", "b"], "one word too many"),
            (["help", "statsu"], "did you mean status?"),
        ]
        for arguments, told in rows:
            with self.subTest(arguments=arguments):
                done = self.run_for(64, *arguments)
                self.assertIn(told, done.stderr)
                self.assertTrue(done.stderr.startswith("srvplan: "))
                self.assertEqual(done.stdout, "")

    def test_help_by_word_and_by_option_is_the_same(self):
        overview = self.run_for(0, "help").stdout
        self.assertEqual(self.run_for(0, "--help").stdout, overview)
        commands = re.findall(r"^  ([a-z]+) ", overview, re.M)
        self.assertGreaterEqual(len(commands), 13)
        for command in commands:
            text = self.run_for(0, command, "--help").stdout
            self.assertEqual(self.run_for(0, "help", command).stdout, text)
            self.assertTrue(text.startswith(f"usage: srvplan {command} "), text)

    def test_the_manual_names_every_command_option_and_exit_code(self):
        with open(os.path.join(SOURCE, "srvplan/man/srvplan.1.scd"), encoding="utf-8") as file:
            manual = file.read()
        overview = run("help").stdout
        for command in re.findall(r"^  ([a-z]+) ", overview, re.M):
            self.assertRegex(manual, rf"(?m)^\*{command}\*", command)
            for option in re.findall(r"(--[a-z-]+)", run("help", command).stdout):
                self.assertIn(f"*{option}*", manual, f"{command} {option}")
        for code in [0, 1, 2, 3, 4, 5, 64, 130]:
            self.assertRegex(manual, rf"(?m)^\*{code}\*$")

    def test_version(self):
        self.assertRegex(self.run_for(0, "version").stdout, r"^srvplan \d+\.\d+\.\d+$")
        self.assertEqual(self.run_for(0, "--version").stdout, self.run_for(0, "version").stdout)
        self.assertEqual(json.loads(self.run_for(0, "version", "-o", "json").stdout)["api"], 1)


class Serve(Folder):
    """serve looks for its daemons where it is itself; scripts stand in for them here."""

    def install(self, *programs):
        here = os.path.join(self.folder, "bin")
        os.makedirs(here, exist_ok=True)
        srvplan = shutil.copy(SRVPLAN, os.path.join(here, "srvplan"))
        for name in programs:
            path = self.write("#!/bin/sh\necho \"$$\"\nprintf '%s\\n' \"$@\"\n", "bin/" + name)
            os.chmod(path, 0o755)
        return srvplan, here

    def serve(self, *arguments):
        srvplan, here = self.install("srvpland", "srvplan-dnsd")
        with subprocess.Popen([srvplan, "serve", *arguments], stdout=subprocess.PIPE, text=True,
                              stdin=subprocess.DEVNULL, env=environment(PATH="/bin")) as process:
            lines = process.communicate(timeout=60)[0].splitlines()
        self.assertEqual(process.returncode, 0)
        self.assertEqual(lines[0], str(process.pid), "the process id stays")
        return lines[1:], here

    def test_what_is_not_given_is_left_to_the_configuration_file(self):
        arguments, here = self.serve()
        self.assertEqual(arguments, ["--dnsd", os.path.join(here, "srvplan-dnsd")])

    def test_every_option_is_passed_on(self):
        arguments, here = self.serve("-f", "i.jsonc", "--state", "s", "--dns", "[::1]:53", "--dns",
                                     "127.0.0.1:53", "--api", "127.0.0.1:80", "--workers", "3",
                                     "--inventory", "store", "--config", "c", "--config-check")
        self.assertEqual(arguments, [
            "--config", "c", "--config-check", "--inventory", "i.jsonc", "--state", "s", "--dns", "[::1]:53", "--dns",
            "127.0.0.1:53", "--api", "127.0.0.1:80", "--workers", "3", "--inventory-from",
            "store", "--dnsd", os.path.join(here, "srvplan-dnsd")])

    def test_a_daemon_that_is_missing_is_named(self):
        for programs, missing in [((), "srvpland"), (("srvpland",), "srvplan-dnsd")]:
            srvplan, _ = self.install(*programs)
            done = run("serve", program=srvplan, env=environment(PATH="/nowhere"))
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"srvplan: {missing}: not found", done.stderr)


if __name__ == "__main__":
    unittest.main()
