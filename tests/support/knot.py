# SPDX-License-Identifier: GPL-3.0-or-later
"""Knot DNS as a server of zone files on loopback: `with Knot({zone: text}) as knot: … knot.port`."""
from other_server import OtherServer


class Knot(OtherServer):
    name = 'knot'

    def lines(self, files):
        lines = ['server:', f'    listen: {self.address}@{self.port}', f'    rundir: "{self.path}"',
                 '    udp-workers: 1', '    tcp-workers: 1', '    background-workers: 1',
                 '    udp-max-payload: 1232', '    tcp-idle-timeout: 60',
                 '    answer-rotation: off', '    automatic-acl: off',
                 'database:', f'    storage: "{self.path}"',
                 'log:', '  - target: stderr', '    any: warning',
                 'template:', '  - id: default', f'    storage: "{self.path}"',
                 '    semantic-checks: off', '    journal-content: none', '    zonefile-sync: -1',
                 '    zonefile-load: whole', 'zone:']
        for zone, file in files.items():
            lines += [f'  - domain: "{zone}"', f'    file: "{file}"']
        return lines

    def command(self):
        return ['knotd', '-c', self.configuration]
