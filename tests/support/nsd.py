# SPDX-License-Identifier: GPL-3.0-or-later
"""NSD as a server of zone files on loopback: `with Nsd({zone: text}) as nsd: … nsd.port`."""
from other_server import OtherServer


class Nsd(OtherServer):
    name = 'nsd'

    def lines(self, files):
        lines = ['server:', f'  ip-address: {self.address}@{self.port}', '  server-count: 1',
                 '  minimal-responses: yes', '  rrl-ratelimit: 0', '  username: ""',
                 '  chroot: ""', '  database: ""', '  hide-version: yes',
                 f'  zonesdir: "{self.path}"', f'  pidfile: "{self.path}/pid"',
                 f'  xfrdfile: "{self.path}/xfrd"', f'  zonelistfile: "{self.path}/list"',
                 f'  xfrdir: "{self.path}"', 'remote-control:', '  control-enable: no']
        for zone, file in files.items():
            lines += ['zone:', f'  name: "{zone}"', f'  zonefile: "{file}"']
        return lines

    def command(self):
        return ['nsd', '-d', '-c', self.configuration]
