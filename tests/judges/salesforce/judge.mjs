// jsforce, pointed at the Salesforce sandbox: node judge.mjs URL
// The org must have the external-id field Contact.Lockstep_Id__c and the flow Greet.

import assert from 'node:assert/strict'
import jsforce from 'jsforce'

const [base] = process.argv.slice(2)
const run = Date.now().toString(36)
const conn = new jsforce.Connection({ instanceUrl: base, accessToken: '00D!judge', version: '66.0' })
const KEY = 'Lockstep_Id__c'

/** What Salesforce refused a call with. */
async function refused(call) {
  const error = await call.then(() => undefined, (error) => error)
  assert.ok(error, 'the call should have been refused')
  return error.errorCode ?? error.name
}

async function oneByOne() {
  const made = await conn.sobject('Contact').create({ LastName: `Lovelace ${run}`, Email: `ada.${run}@example.com`, Phone: '+49 30 1' })
  assert.equal(made.success, true)
  const read = await conn.sobject('Contact').retrieve(made.id)
  assert.equal(read.Email, `ada.${run}@example.com`)
  await conn.sobject('Contact').update({ Id: made.id, FirstName: 'Ada' })
  const found = await conn.sobject('Contact').findOne({ Email: read.Email }, ['Id', 'Name', 'SystemModstamp'])
  assert.equal(found.Name, `Ada Lovelace ${run}`)
  assert.equal(await refused(conn.sobject('Contact').create({ FirstName: 'x' })), 'REQUIRED_FIELD_MISSING')
  assert.equal(await refused(conn.sobject('Contact').retrieve('003ak0000000zzzAAA')), 'NOT_FOUND')
  const first = await conn.sobject('Contact').upsert({ [KEY]: `one-${run}`, LastName: 'One' }, KEY)
  const second = await conn.sobject('Contact').upsert({ [KEY]: `one-${run}`, FirstName: 'Again' }, KEY)
  assert.deepEqual([first.created, second.created, second.id], [true, false, first.id])
  await conn.sobject('Contact').destroy(made.id)
  assert.equal(await refused(conn.sobject('Contact').retrieve(made.id)), 'ENTITY_IS_DELETED')
}

async function collections() {
  const rows = Array.from({ length: 250 }, (_, i) => ({ LastName: `Row ${run}`, [KEY]: `row-${run}-${i}` }))
  const made = await conn.sobject('Contact').create(rows, { allowRecursive: true })
  assert.equal(made.filter((it) => it.success).length, 250)
  const ids = made.map((it) => it.id)
  const changed = await conn.sobject('Contact').update([{ Id: ids[0], FirstName: 'x' }, { Id: ids[1], Nonsense: 1 }])
  assert.equal(changed[0].success, true)
  assert.equal(changed[1].errors[0].statusCode ?? changed[1].errors[0].errorCode, 'INVALID_FIELD')
  const none = await conn.sobject('Contact').update([{ Id: ids[0], FirstName: 'y' }, { Id: ids[1], Nonsense: 1 }], { allOrNone: true })
    .then((rows) => rows[0].errors[0].statusCode ?? rows[0].errors[0].errorCode, (error) => error.errorCode)
  assert.ok(none)
  const kept = await conn.sobject('Contact').upsert([{ [KEY]: `row-${run}-0`, Title: 'T' }, { [KEY]: `new-${run}`, LastName: 'N' }], KEY)
  assert.deepEqual(kept.map((it) => it.created), [false, true])
  const several = await conn.sobject('Contact').retrieve(ids.slice(0, 3))
  assert.equal(several.length, 3)
  return ids
}

async function queries() {
  const soql = `SELECT Id, LastName, Account.Name FROM Contact WHERE LastName = 'Row ${run}' ORDER BY SystemModstamp, Id`
  const first = await conn.query(soql, { headers: { 'Sforce-Query-Options': 'batchSize=200' } })
  assert.equal(first.totalSize, 250)
  assert.equal(first.done, false)
  const more = await conn.queryMore(first.nextRecordsUrl)
  assert.equal(first.records.length + more.records.length, 250)
  const all = await conn.query(soql, { autoFetch: true, maxFetch: 1000, headers: { 'Sforce-Query-Options': 'batchSize=200' } })
  assert.equal(all.records.length, 250)
  assert.equal(await conn.sobject('Contact').count({ LastName: `Row ${run}` }), 250)
  assert.equal(await refused(conn.query('SELECT Nonsense FROM Contact')), 'INVALID_FIELD')
  assert.equal(await refused(conn.query('SELECT Id FROM')), 'MALFORMED_QUERY')
  await conn.sobject('Contact').create({ LastName: `Search ${run}`, MobilePhone: '(415) 555-1212' })
  const found = await conn.search('FIND {4155551212} IN PHONE FIELDS RETURNING Contact(Id, LastName)')
  assert.ok(found.searchRecords.some((it) => it.LastName === `Search ${run}`))
}

async function changes(ids) {
  await conn.sobject('Contact').destroy(ids.slice(0, 200))
  const start = new Date(Date.now() - 600_000), end = new Date(Date.now() + 120_000)
  const deleted = await conn.sobject('Contact').deleted(start.toISOString(), end.toISOString())
  assert.ok(deleted.deletedRecords.length >= 200)
  const updated = await conn.sobject('Contact').updated(start.toISOString(), end.toISOString())
  assert.ok(updated.ids.includes(ids[249]))
  const bin = await conn.query(`SELECT Id, IsDeleted FROM Contact WHERE LastName = 'Row ${run}'`, { scanAll: true })
  assert.equal(bin.records.filter((it) => it.IsDeleted).length, 200)
}

async function describes() {
  const global = await conn.describeGlobal()
  assert.ok(global.sobjects.some((it) => it.name === 'ContentNote'))
  const about = await conn.describe('Contact')
  assert.equal(about.fields.find((it) => it.name === KEY).externalId, true)
  assert.ok((await conn.limits()).DailyApiRequests.Max > 0)
  assert.ok(conn.limitInfo.apiUsage.used >= 0)
  assert.match((await conn.identity()).organization_id, /^00D/)
}

async function actions() {
  const ran = await conn.requestPost('/actions/custom/flow/Greet', { inputs: [{ contactId: '1' }] })
  assert.equal(ran[0].outputValues.Flow__InterviewStatus, 'Finished')
}

async function bulk() {
  const rows = [{ LastName: `Bulk ${run}`, [KEY]: `bulk-${run}` }, { FirstName: 'lacks' }]
  conn.bulk2.pollInterval = 100
  const done = await conn.bulk2.loadAndWaitForResults({ object: 'Contact', operation: 'insert', input: rows, pollInterval: 100, pollTimeout: 20_000 })
  assert.deepEqual([done.successfulResults.length, done.failedResults.length], [1, 1])
  assert.match(done.failedResults[0].sf__Error, /REQUIRED_FIELD_MISSING/)
  const stream = await conn.bulk2.query(`SELECT Id, LastName FROM Contact WHERE LastName = 'Bulk ${run}'`, { pollInterval: 100, pollTimeout: 20_000 })
  const read = await stream.toArray()
  assert.equal(read.length, 1)
  assert.equal(read[0].LastName, `Bulk ${run}`)
}

async function authorises() {
  const redirectUri = 'https://app.example.com/callback'
  const oauth2 = new jsforce.OAuth2({ loginUrl: base, clientId: 'sandbox-client', clientSecret: 'sandbox-secret', redirectUri, useVerifier: true })
  const page = new URL(oauth2.getAuthorizationUrl({ scope: 'api refresh_token', state: 's' }))
  assert.equal((await fetch(page)).status, 200)
  const decided = await fetch(page.origin + page.pathname, {
    method: 'POST', redirect: 'manual', body: new URLSearchParams([...page.searchParams, ['decision', 'allow']]),
  })
  const code = new URL(decided.headers.get('location')).searchParams.get('code')
  const granted = new jsforce.Connection({ oauth2, version: '66.0' })
  const user = await granted.authorize(code)
  assert.match(user.organizationId, /^00D/)
  assert.equal(granted.instanceUrl, base)
  assert.ok((await granted.query('SELECT COUNT() FROM Contact')).totalSize >= 0)
  const stale = new jsforce.Connection({ oauth2, instanceUrl: base, accessToken: '', refreshToken: granted.refreshToken, version: '66.0' })
  assert.ok((await stale.describeGlobal()).sobjects.length > 0, 'renewed on 401')
}

let ids
const parts = { oneByOne, collections: async () => { ids = await collections() }, queries, changes: () => changes(ids), describes, actions, bulk, authorises }
for (const [name, part] of Object.entries(parts)) {
  await part()
  console.log(`jsforce ${name}: ok`)
}
