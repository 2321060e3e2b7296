# SPDX-License-Identifier: GPL-3.0-or-later
"""dateutil as oracle: it expands random RFC 5545 rules, and Python's zoneinfo reads the clocks.

Every rule is asked for a random stretch of time, also one long after its start, so that moving the
start near to it is tried too. Seeds are printed; SRVPLAN_SEED=N runs that one alone, SRVPLAN_LONG=1
more of them."""
import datetime
import os
import random
import subprocess
import sys
import zoneinfo

import dateutil.rrule

SEEDS = range(1, 5001 if os.environ.get('SRVPLAN_LONG') else 601)
CHOSEN_SEED = os.environ.get('SRVPLAN_SEED')
ZONES = ['UTC', 'Europe/Amsterdam', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu',
         'Africa/Casablanca', 'Pacific/Apia', 'America/Santiago', 'Europe/Dublin', 'Etc/GMT+5']
DAYS = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU']
EPOCH = datetime.datetime(1970, 1, 1)
DAY = datetime.timedelta(days=1)


def some(chance, low, high, most=3):
    numbers = sorted({chance.choice([1, 1, 1, -1]) * chance.randint(low, high)
                      for _ in range(chance.randint(1, most))})
    return ','.join(map(str, numbers))


def weekdays(chance, ordinal):
    days = chance.sample(DAYS, chance.randint(1, 3))
    if ordinal:
        # All or none: dateutil makes the meet of both, RFC 5545 the union.
        days = [chance.choice(['1', '2', '-1', '4', '5']) + day for day in days]
    return ','.join(days)


def parts_of(chance, frequency):
    parts = {}
    if chance.random() < .4:
        parts['BYMONTH'] = ','.join(map(str, sorted(chance.sample(range(1, 13), chance.randint(1, 4)))))
    if frequency in ('DAILY', 'MONTHLY', 'YEARLY') and chance.random() < .3:
        parts['BYMONTHDAY'] = some(chance, 1, 31)
    elif frequency == 'YEARLY' and chance.random() < .2:
        parts['BYYEARDAY'] = some(chance, 1, 366)
        parts.pop('BYMONTH', None)
    if chance.random() < .5 and 'BYYEARDAY' not in parts:
        numbered = chance.random() < .7 and (frequency in ('MONTHLY', 'YEARLY') and 'BYMONTHDAY' not in parts
                    and (frequency == 'MONTHLY' or 'BYMONTH' in parts))
        parts['BYDAY'] = weekdays(chance, numbered)
    if frequency in ('MONTHLY', 'YEARLY') and parts and chance.random() < .2:
        parts['BYSETPOS'] = some(chance, 1, 4, 2)
    if frequency == 'YEARLY' and not parts and chance.random() < .5:
        # With a weekday: without one dateutil takes all seven, RFC 5545 that of the start.
        parts['BYWEEKNO'] = str(chance.randint(1, 53))
        parts['BYDAY'] = weekdays(chance, False)
    return parts


def case_of(seed):
    chance = random.Random(seed)
    frequency = chance.choice(['DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY'])
    parts = {'FREQ': frequency}
    if chance.random() < .4:
        parts['INTERVAL'] = str(chance.randint(1, 9))
    parts.update(parts_of(chance, frequency))
    if frequency == 'WEEKLY' and chance.random() < .3:
        parts['WKST'] = chance.choice(DAYS)
    start = datetime.datetime(2024, 1, 1, chance.choice([0, 1, 2, 3, 12, 23]), chance.choice([0, 30]))
    start += chance.randint(0, 900) * DAY
    if chance.random() < .2:
        parts['COUNT'] = str(chance.randint(1, 200))
    elif chance.random() < .2:
        parts['UNTIL'] = (start + chance.randint(0, 2000) * DAY).strftime('%Y%m%dT%H%M%SZ')
    first = start + chance.choice([-30, 0, 100, 1000, 8000]) * DAY
    zone = chance.choice(ZONES)
    return start, zone, parts, first, first + chance.choice([3, 40, 800]) * DAY


def instant(local, zone):
    """Skipped times count on by the old clock; of two the first."""
    return int(local.replace(tzinfo=zoneinfo.ZoneInfo(zone), fold=0).timestamp())


def days_of(start, parts):
    """What dateutil gives for a clock without a zone: UNTIL is an instant, so it is not its."""
    rule = ';'.join(f'{name}={value}' for name, value in parts.items() if name != 'UNTIL')
    return dateutil.rrule.rrulestr(rule, dtstart=start)


def until_of(parts):
    if 'UNTIL' not in parts:
        return float('inf')
    until = datetime.datetime.strptime(parts['UNTIL'], '%Y%m%dT%H%M%SZ')
    return int((until - EPOCH).total_seconds())


def expected(start, zone, parts, first, last):
    found = []
    for local in days_of(start, parts):
        at = instant(local, zone)
        if at >= last or at > until_of(parts) or local.year > 2090:
            break
        if at >= first and (not found or found[-1] != at):
            found.append(at)
    return found


def never_opens(start, zone, parts):
    for local in days_of(start, parts):
        return (local - start).days > 8 * 365 or instant(local, zone) > until_of(parts)
    return True


def main():
    program = os.path.join(os.environ['SRVPLAN_BUILD_DIR'], 'tests', 'support', 'expand_windows')
    child = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    failed = openings = refused = 0
    seeds = [int(CHOSEN_SEED, 0)] if CHOSEN_SEED else SEEDS
    for seed in seeds:
        start, zone, parts, first, last = case_of(seed)
        first, last = (int((time - EPOCH).total_seconds()) for time in (first, last))
        rule = ';'.join(f'{name}={value}' for name, value in parts.items())
        line = f'{first}|{last}|{start.strftime("%Y-%m-%dT%H:%M")}|{zone}|{rule}'
        child.stdin.write(line + '\n')
        child.stdin.flush()
        got = child.stdout.readline().strip()
        if got.startswith('error: '):
            refused += 1
            ok = never_opens(start, zone, parts)
            want = 'openings'
        else:
            want = expected(start, zone, parts, first, last)
            openings += len(want)
            ok = got.split() == [str(at) for at in want]
        if not ok:
            failed += 1
            print(f'rerun: SRVPLAN_SEED={seed}: {line}\n  want {want}\n  got  {got}', file=sys.stderr)
    child.stdin.close()
    child.wait()
    print(f'{len(seeds)} rules, {openings} openings, {refused} rules without any: {failed} differ')
    return 1 if failed or not CHOSEN_SEED and openings < len(seeds) else 0


if __name__ == '__main__':
    sys.exit(main())
