# SPDX-License-Identifier: GPL-3.0-or-later
"""merge.py OUTPUT VERSION ROOT FRAGMENT...: one OpenAPI 3.1 document from its parts.

A fragment holds what belongs to one resource: `paths`, `tags` and `components`, written as OpenAPI
has them, with references into the whole document. The root holds what is common. A fragment's file
is listed in meson.build, in the order of the API. Two parts that define the same thing are an error.

What follows from the rest is filled in here, so that nobody writes or forgets it:
  - an operation says `x-role`: none, viewer, operator or admin. It becomes `security`: each scheme
    of the root, with the role that is needed
  - tags: the first tag of the fragment
  - `x-waits`: the parameters index and wait, and the index of the answer's view
  - a GET of JSON that needs a role: an ETag
  - a success with an ETag on GET: the header If-None-Match, and 304
  - the refusals that come with what the operation has: 400 and 500 always; 401, 403, 429 and 503
    with a role; 404 with a variable in the path; 410 of a
    revision; 412 and 428 with If-Match; 413, 415 and 422 with a
    body. What the operation says itself stands
  - a POST with a dry run: the header Idempotency-Key, unless the operation says `x-keyless`"""
import json
import sys

METHODS = ('get', 'put', 'post', 'delete', 'patch')


def fail(what):
    sys.exit(f'merge.py: {what}')


def no_duplicates(pairs):
    keys = [key for key, _ in pairs]
    for key in keys:
        if keys.count(key) > 1:
            fail(f'"{key}" stands twice in one object')
    return dict(pairs)


def read(path):
    with open(path, encoding='utf-8') as file:
        try:
            return json.load(file, object_pairs_hook=no_duplicates)
        except ValueError as error:
            return fail(f'{path}: {error}')


def add(target, more, where):
    for key, value in more.items():
        if key in target:
            fail(f'{where}: {key} is defined elsewhere, too')
        target[key] = value


def is_header(document, parameter, name):
    if '$ref' in parameter:
        parameter = document['components']['parameters'][parameter['$ref'].rsplit('/', 1)[1]]
    return parameter['in'] == 'header' and parameter['name'] == name


def refusals(operation, path, document):
    """Status → name in components/responses."""
    found = {'400': 'Malformed', '500': 'Internal'}
    if operation['x-role'] != 'none':
        found.update({'401': 'Unauthenticated', '403': 'Forbidden', '429': 'TooManyAttempts',
                      '503': 'Unavailable'})
    if '{' in path:
        found['404'] = 'NotFound'
    if '/revisions/{number}' in path:
        found['410'] = 'Gone'
    if any(is_header(document, parameter, 'If-Match') for parameter in operation['parameters']):
        found.update({'412': 'Stale', '428': 'PreconditionRequired'})
    if 'requestBody' in operation:
        found.update({'413': 'TooLarge', '415': 'NotJsonType', '422': 'Invalid'})
    return found


def complete(operation, method, path, fragment, document):
    where = f'{method.upper()} {path}'
    role = operation.get('x-role')
    if role not in ('none', 'viewer', 'operator', 'admin'):
        fail(f'{where}: x-role must be none, viewer, operator or admin')
    operation.setdefault('parameters', [])
    operation.setdefault('tags', [fragment['tags'][0]['name']])
    schemes = document['components']['securitySchemes']
    operation['security'] = [] if role == 'none' else [{scheme: [role]} for scheme in schemes]
    responses = operation['responses']
    if operation.get('x-waits'):
        operation['parameters'] += [{'$ref': '#/components/parameters/Index'},
                                    {'$ref': '#/components/parameters/Wait'}]
        responses['200'].setdefault('headers', {})['X-Srvplan-Index'] = {
            '$ref': '#/components/headers/Index'}
    if method == 'get' and role != 'none' and 'application/json' in responses['200']['content']:
        responses['200'].setdefault('headers', {}).setdefault(
            'ETag', {'$ref': '#/components/headers/ETag'})
    if method == 'get' and 'ETag' in responses.get('200', {}).get('headers', {}):
        operation['parameters'].append({'$ref': '#/components/parameters/IfNoneMatch'})
        responses.setdefault('304', {'$ref': '#/components/responses/NotModified'})
    if method == 'post' and not operation.get('x-keyless') and \
            {'$ref': '#/components/parameters/DryRun'} in operation['parameters']:
        operation['parameters'].append({'$ref': '#/components/parameters/IdempotencyKey'})
        responses.setdefault('409', {'$ref': '#/components/responses/Guard'})
        responses.setdefault('422', {'$ref': '#/components/responses/Invalid'})
    for status, name in refusals(operation, path, document).items():
        responses.setdefault(status, {'$ref': f'#/components/responses/{name}'})
    operation['responses'] = dict(sorted(responses.items()))


def merge(version, root, fragments):
    document = root
    document['info']['version'] = version
    document.setdefault('tags', [])
    document['paths'] = {}
    for path in fragments:
        fragment = read(path)
        unknown = set(fragment) - {'tags', 'paths', 'components'}
        if unknown:
            fail(f'{path}: unknown: {", ".join(sorted(unknown))}')
        document['tags'] += fragment.get('tags', [])
        for section, things in fragment.get('components', {}).items():
            add(document['components'].setdefault(section, {}), things, f'{path}: {section}')
        for route, item in fragment['paths'].items():
            for method in METHODS:
                if method in item:
                    complete(item[method], method, route, fragment, document)
            add(document['paths'].setdefault(route, {}), item, f'{path}: {route}')
    return document


def main():
    output, version, root, *fragments = sys.argv[1:]
    document = merge(version, read(root), fragments)
    with open(output, 'w', encoding='utf-8') as file:
        json.dump(document, file, ensure_ascii=False, separators=(',', ':'))
        file.write('\n')


main()
