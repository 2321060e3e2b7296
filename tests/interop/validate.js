// SPDX-License-Identifier: GPL-3.0-or-later
// validate.js SCHEMA: reads a JSON list of documents on stdin, and writes what ajv says of each: a list
// of mistakes, each a pair of its place and the keyword of the schema.
'use strict'
const fs = require('fs')
const path = require('path')
const modules = path.join(process.env.SRVPLAN_NPM, 'node_modules')
const Ajv = require(path.join(modules, 'ajv/dist/2020'))
const addFormats = require(path.join(modules, 'ajv-formats'))

const ajv = new Ajv({ strict: true, strictRequired: false, allErrors: true })
addFormats(ajv)
const validate = ajv.compile(JSON.parse(fs.readFileSync(process.argv[2], 'utf8')))
const documents = JSON.parse(fs.readFileSync(0, 'utf8'))

// ajv places a mistake about a member at its object or list, and names the member beside.
function pointer(error) {
  const { additionalProperty, propertyName, i, j } = error.params
  const member = additionalProperty ?? propertyName ?? (i === undefined ? undefined : Math.max(i, j))
  if (member === undefined) return error.instancePath
  return `${error.instancePath}/${String(member).replace(/~/g, '~0').replace(/\//g, '~1')}`
}

const verdicts = documents.map(document => {
  validate(document)
  return (validate.errors || []).map(error => [pointer(error), error.keyword])
})
process.stdout.write(JSON.stringify(verdicts))
