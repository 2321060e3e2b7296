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
const verdicts = documents.map(document => {
  validate(document)
  return (validate.errors || []).map(error => [error.instancePath, error.keyword])
})
process.stdout.write(JSON.stringify(verdicts))
