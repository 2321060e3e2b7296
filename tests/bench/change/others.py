# SPDX-License-Identifier: GPL-3.0-or-later
"""The other servers, and how each is told that a weight has changed in all its zones.

They are started as ../dns/peers.py starts them: Debian's, with one worker, from zone files, one a
domain, that point at a pool in a zone of its own. `changes` are the ways that a server has. A
method named after one writes what must lie there before the command (zone files are written whole,
with the next serial), and returns the command and, if it reads one, the file for its input."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'dns'))
import peers  # noqa: E402

POOL = 'pool.example.net'
SERVICES = (('_xmpp-client._tcp', 5222), ('_xmpp-server._tcp', 5269))
WEIGHTS = (200, 120, 80)
SQL_CACHE_OFF = ('cache-ttl=0', 'query-cache-ttl=0', 'negquery-cache-ttl=0')


class TooSlow(Exception):
    """Not measured at that size: it would take many minutes."""


SKIPPED = (peers.Missing, peers.Failed, TooSlow)


class Other:
    """Zones on disk, and the server over them. `weight` is the one that changes."""

    peer = None
    changes = ('reload',)
    largest = 100000  # zones
    program = None    # of the change, when it is not the server's own

    def __init__(self, size, directory):
        if size > self.largest:
            raise TooSlow(f'measured up to {self.largest} domains')
        self.zones = os.path.join(directory, f'zones-{type(self).__name__}-{size}')
        self.directory = directory
        self.names = [f'd{number:06}.example.org' for number in range(size)]
        self.weight, self.serial = WEIGHTS[0], 1

    def rounds(self, rounds):
        return rounds if len(self.names) < 100000 else 1

    # ---- files

    def services(self, zone):
        return [f'{service}.{zone}. 300 IN SRV 10 {weight} {port} xmpp{i}.{POOL}.'
                for service, port in SERVICES
                for i, weight in enumerate((self.weight, *WEIGHTS[1:]), 1)]

    def write_zone(self, zone, lines):
        head = [f'{zone}. 3600 IN SOA ns1.{POOL}. hostmaster.{POOL}. {self.serial} 7200 900 1209600 60',
                f'{zone}. 3600 IN NS ns1.{POOL}.']
        with open(os.path.join(self.zones, zone), 'w', encoding='ascii') as file:
            file.write('\n'.join(head + lines) + '\n')

    def write_zones(self):
        for zone in self.names:
            self.write_zone(zone, self.services(zone))

    def write(self, name, lines):
        path = os.path.join(self.directory, name)
        with open(path, 'w', encoding='ascii') as file:
            file.writelines(line + '\n' for line in lines)
        return path

    # ---- life

    def __enter__(self):
        os.mkdir(self.zones)
        self.write_zone(POOL, [f'{name}.{POOL}. 300 IN A 192.0.2.{i}'
                               for i, name in enumerate(('ns1', 'xmpp1', 'xmpp2', 'xmpp3'))])
        self.write_zones()
        self.server = self.peer(self.zones, True)
        try:
            self.server.start()
        except BaseException:
            self.__exit__()
            raise
        self.port = self.server.port
        return self

    def __exit__(self, *_):
        self.server.close()
        for zone in os.listdir(self.zones):
            os.unlink(os.path.join(self.zones, zone))
        os.rmdir(self.zones)

    # ---- changes

    def command(self, change):
        self.weight, self.serial = self.weight + 1, self.serial + 1
        return getattr(self, change)()

    def reload(self):
        self.write_zones()
        return [*self.server.control, 'reload'], None


class Nsd(Other):
    """nsd-control reload: looks at all files' times."""

    peer = peers.Nsd


class Gdnsd(Other):
    """gdnsdctl reload-zones: reads all files anew."""

    peer = peers.Gdnsd

    def reload(self):
        self.write_zones()
        # Without -t it gives up after 47 s, which at 100,000 zones is too early.
        return [*self.server.control, '-t', '300', 'reload-zones'], None


class Knot(Other):
    """knotc: zone files, or one transaction over all zones through its control socket."""

    peer = peers.Knot
    changes = ('reload', 'transaction')

    def reload(self):
        self.write_zones()
        return [*self.server.control, 'zone-reload'], None

    def transaction(self):
        lines = ['zone-begin --'] # all zones with one line each; the pool's has none to unset
        for service, port in SERVICES:
            rest = f'{port} xmpp1.{POOL}.'
            lines += [f'zone-unset -- {service} SRV 10 {self.weight - 1} {rest}',
                      f'zone-set -- {service} 300 SRV 10 {self.weight} {rest}']
        return self.server.control, self.write('knot.commands', [*lines, 'zone-commit --'])


class BindWithFiles(peers.Bind):
    """Without updates: a zone that takes them is not read anew."""

    def arguments(self):
        path = self.path('named.conf')
        with open(path, encoding='ascii') as file:
            text = file.read()
        self.write('named.conf', text.replace(' allow-update { key "change"; };', ''))
        return super().arguments()


class Bind(Other):
    """rndc reload: looks at all files' times."""

    peer = BindWithFiles


class BindUpdate(Other):
    """nsupdate: a message a zone."""

    peer = peers.Bind
    changes = ('nsupdate',)
    largest = 10000

    def nsupdate(self):
        lines = [f'server {peers.HOST} {self.server.port}']
        for zone in self.names:
            lines.append(f'zone {zone}.')
            for service, port in SERVICES:
                rest = f'{port} xmpp1.{POOL}.'
                lines += [f'update delete {service}.{zone}. SRV 10 {self.weight - 1} {rest}',
                          f'update add {service}.{zone}. 300 SRV 10 {self.weight} {rest}']
            lines.append('send')
        return (['nsupdate', '-k', self.server.path('key'), self.write('updates', lines)], None)


class PdnsApi(Other):
    """PowerDNS with SQLite: a PATCH a zone, over one connection."""

    peer = peers.PdnsSqlite
    changes = ('API',)
    largest = 10000

    def API(self):
        url, key = self.server.control
        lines = []
        for number, zone in enumerate(self.names):
            sets = ', '.join(
                f'{{"name": "{service}.{zone}.", "type": "SRV", "ttl": 300, "changetype": "REPLACE",'
                ' "records": [' + ', '.join(
                    f'{{"content": "10 {weight} {port} xmpp{i}.{POOL}.", "disabled": false}}'
                    for i, weight in enumerate((self.weight, *WEIGHTS[1:]), 1)) + ']}'
                for service, port in SERVICES)
            body = f'{{"rrsets": [{sets}]}}'.replace('"', '\\"')
            lines += ['next'] if number else []
            lines += [f'url = "{url}/zones/{zone}."', 'request = "PATCH"', 'fail',
                      f'header = "X-API-Key: {key}"', f'data = "{body}"']
        return ['curl', '-sS', '-K', self.write('patches', lines)], None


class PdnsWithoutCaches(peers.PdnsSqlite):
    """So that what SQL says is what is answered; it is slower for it."""

    def write_settings(self, *more):
        super().write_settings(*more, *SQL_CACHE_OFF)


class PdnsSql(Other):
    """PowerDNS with SQLite and no caches: one transaction in the data base."""

    peer = PdnsWithoutCaches
    changes = ('SQL',)

    def SQL(self):
        statement = (f"UPDATE records SET content = '{self.weight} ' || substr(content, 5) "
                     f"WHERE type = 'SRV' AND content LIKE '% xmpp1.{POOL}';")
        return ['sqlite3', self.server.path('pdns.sqlite3'), '.timeout 60000', statement], None


KINDS = {'nsd': Nsd, 'gdnsd': Gdnsd, 'knot': Knot, 'bind': Bind, 'bind-update': BindUpdate,
         'pdns-sql': PdnsSql, 'pdns-api': PdnsApi}
