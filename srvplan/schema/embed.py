# SPDX-License-Identifier: GPL-3.0-or-later
"""embed.py INPUT OUTPUT NAME HEADER: a C source with the bytes of a file, and how many they are.

HEADER declares both. A NUL that is not counted stands behind them, for those who want a string."""
import sys

source, target, name, header = sys.argv[1:]
with open(source, 'rb') as file:
    data = file.read()
with open(target, 'w', encoding='ascii') as file:
    file.write(f'/* made by srvplan/schema/embed.py */\n#include "{header}"\n\n')
    file.write(f'const unsigned char {name}[] = {{\n')
    for at in range(0, len(data), 16):
        file.write('    ' + ', '.join(str(byte) for byte in data[at:at + 16]) + ',\n')
    file.write(f'    0,\n}};\nconst size_t {name}_bytes = sizeof {name} - 1;\n')
