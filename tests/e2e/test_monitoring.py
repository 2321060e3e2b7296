#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The alert rules and the Grafana dashboard: promtool reads and runs them, and every metric and
label that they name stands on the page of a server that has everything that a page can show."""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

from prometheus_client.parser import text_string_to_metric_families

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import srvplan  # noqa: E402

FOLDER = os.path.join(srvplan.SOURCE, 'api', 'monitoring')
RULES = os.path.join(FOLDER, 'srvplan.rules.yml')
DASHBOARD = os.path.join(FOLDER, 'srvplan-dashboard.json')

# Grafana's own variables, as it would fill them in.
VARIABLES = {'$__rate_interval': '1m', '$instance': '.*', '$domain': 'example.org.',
             '$service': 'xmpp-client'}


def promtool(*arguments, stdin=None):
    return subprocess.run(['promtool', *arguments], input=stdin, capture_output=True, text=True,
                          timeout=60, check=False)


def filled_in(expression):
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    return expression


def dashboard_expressions():
    with open(DASHBOARD, encoding='utf-8') as file:
        dashboard = json.load(file)
    found = [target['expr'] for panel in dashboard['panels'] for target in panel['targets']]
    found += [one['expr'] for one in dashboard['annotations']['list']]
    found += [re.match(r'label_values\((.*), \w+\)$', one['query']['query'])[1]
              for one in dashboard['templating']['list'] if one['type'] == 'query']
    return [filled_in(one) for one in found]


def rule_expressions():
    with open(RULES, encoding='utf-8') as file:
        return re.findall(r'^ +expr: (.*)$', file.read(), re.M)


def page():
    """A page with a drain that has an end, and a window."""
    document = srvplan.inventory(windows={
        'weekly': {'nodes': ['xmpp1'], 'start': '2026-12-06T02:00', 'duration': '2h',
                   'timezone': 'Europe/Amsterdam', 'rrule': 'FREQ=WEEKLY;BYDAY=SU'}})
    with srvplan.Server(document) as server:
        reply = server.drain('xmpp2', **{'for': '1h'})
        if reply.status != 201:
            raise AssertionError(reply)
        return server.rest('GET', '/metrics', over='bare').body.decode()


class MonitoringTest(unittest.TestCase):
    def test_the_rules_are_right_and_fire_as_their_cases_say(self):
        for arguments in (('check', 'rules', RULES),
                          ('test', 'rules', os.path.join(FOLDER, 'srvplan.test.yml'))):
            done = promtool(*arguments)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_every_alert_has_a_case(self):
        with open(RULES, encoding='utf-8') as rules:
            alerts = set(re.findall(r'alert: (\w+)', rules.read()))
        with open(os.path.join(FOLDER, 'srvplan.test.yml'), encoding='utf-8') as cases:
            text = cases.read()
        fired = set(re.findall(r'alertname: (\w+)\n +exp_alerts:\n', text))
        self.assertEqual(alerts, fired)

    def test_every_expression_of_the_dashboard_is_right(self):
        rules = [{'record': f'test:{i}', 'expr': expression}
                 for i, expression in enumerate(dashboard_expressions())]
        self.assertGreater(len(rules), 15)
        with tempfile.NamedTemporaryFile('w', suffix='.yml', encoding='utf-8') as file:
            json.dump({'groups': [{'name': 'dashboard', 'rules': rules}]}, file)
            file.flush()
            done = promtool('check', 'rules', file.name)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_page_is_what_promtool_likes_and_has_what_is_asked_for(self):
        text = page()
        done = promtool('check', 'metrics', stdin=text)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ''))
        labels = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                labels.setdefault(sample.name, set()).update(sample.labels)
            labels.setdefault(family.name, set())
        labels.setdefault('srvplan_window_blocked', set()).add('window')  # none is blocked here
        for expression in dashboard_expressions() + rule_expressions():
            for name, chosen in re.findall(r'((?:srvplan|process)_\w+)(?:\{([^}]*)\})?', expression):
                self.assertIn(name, labels, expression)
                for label in re.findall(r'(\w+)=', chosen):
                    self.assertIn(label, labels[name] | {'instance', 'job'}, expression)


if __name__ == '__main__':
    unittest.main()
