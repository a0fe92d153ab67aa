// HubSpot's own JavaScript client, pointed at the sandbox: node judge.mjs URL [proxy]
// Through a validating proxy only the contacts part runs: the proxy knows that contract alone.

import assert from 'node:assert/strict'
import http from 'node:http'
import { Client, Signature } from '@hubspot/api-client'

const [basePath, way] = process.argv.slice(2)
const throughProxy = way === 'proxy'
const run = Date.now().toString(36) + (throughProxy ? 'p' : 'd')
const address = (name) => `${name}.${run}@example.com`
const client = new Client({ accessToken: 'pat-judge', basePath })
const { basicApi, batchApi, searchApi, gdprApi } = client.crm.contacts
const merge = (input) => basicApi.merge ? basicApi.merge(input) : client.crm.contacts.publicObjectApi.merge(input)

/** The status HubSpot refused a call with. */
async function refused(call) {
  const error = await call.then(() => undefined, (error) => error)
  assert.ok(error, 'the call should have been refused')
  return { status: error.code, body: error.body }
}

async function oneByOne() {
  const ada = await basicApi.create({ properties: { email: address('ada'), firstname: 'Ada', phone: '+49 30 12345678' }, associations: [] })
  assert.equal(ada.properties.email, address('ada'))
  assert.ok(ada.createdAt instanceof Date)
  const twice = await refused(basicApi.create({ properties: { email: address('ada') }, associations: [] }))
  assert.equal(twice.status, 409)
  const changed = await basicApi.update(ada.id, { properties: { lastname: 'Lovelace' } })
  assert.equal(changed.properties.lastname, 'Lovelace')
  const read = await basicApi.getById(address('ada'), ['firstname', 'phone'], ['firstname'], undefined, false, 'email')
  assert.equal(read.id, ada.id)
  assert.equal(read.properties.phone, '+49 30 12345678')
  assert.equal(read.propertiesWithHistory.firstname[0].value, 'Ada')
  const missing = await refused(basicApi.getById('7'))
  assert.equal(missing.status, 404)
  return ada
}

async function batches() {
  const inputs = ['b1', 'b2', 'ada'].map((name, i) => ({
    properties: { email: address(name), firstname: name }, associations: [], objectWriteTraceId: String(i),
  }))
  const made = await batchApi.create({ inputs })
  assert.equal(made.results.length, 2)
  assert.equal(made.errors[0].category, 'CONFLICT')
  assert.deepEqual(made.errors[0].context.objectWriteTraceId, ['2'])
  const [one, two] = ['b1', 'b2'].map((name) => made.results.find((it) => it.properties.firstname === name))
  const read = await batchApi.read({ inputs: [{ id: one.id }, { id: two.id }], properties: ['email'], propertiesWithHistory: [] })
  assert.deepEqual(read.results.map((it) => it.properties.email).sort(), [address('b1'), address('b2')])
  const changed = await batchApi.update({ inputs: [{ id: one.id, properties: { firstname: 'B' } }] })
  assert.equal(changed.results[0].properties.firstname, 'B')
  const kept = await batchApi.upsert({ inputs: [
    { id: address('b1'), idProperty: 'email', properties: { lastname: 'One' } },
    { id: address('b3'), idProperty: 'email', properties: { email: address('b3'), lastname: 'Three' } },
  ] })
  assert.deepEqual(kept.results.map((it) => it._new).sort(), [false, true])
  await batchApi.archive({ inputs: kept.results.filter((it) => it._new).map(({ id }) => ({ id })) })
  return [one, two]
}

async function searches(ada) {
  const found = await searchApi.doSearch({
    filterGroups: [{ filters: [{ propertyName: 'hs_searchable_calculated_phone_number', operator: 'EQ', value: '3012345678' },
      { propertyName: 'hs_object_id', operator: 'GTE', value: ada.id }] }],
    sorts: ['hs_object_id'], properties: ['email', 'company'], limit: 10, after: '0',
  })
  assert.ok(found.total >= 1)
  assert.equal(found.results[0].id, ada.id)
  assert.equal(found.results[0].properties.company, null)
  const page = await basicApi.getPage(1)
  assert.ok(page.paging.next.after)
  const all = await basicApi.getPage(100, undefined, ['email'])
  assert.ok(all.results.length >= 3)
}

async function mergesAndDeletes([one, two]) {
  const merged = await merge({ primaryObjectId: one.id, objectIdToMerge: two.id })
  assert.notEqual(merged.id, one.id)
  const byOldId = await basicApi.getById(two.id, ['email', 'hs_merged_object_ids'])
  assert.equal(byOldId.id, merged.id)
  await basicApi.archive(merged.id)
  const archived = await basicApi.getPage(100, undefined, undefined, undefined, undefined, true)
  assert.ok(archived.results.some((it) => it.id === merged.id && it.archived))
  const gone = await basicApi.create({ properties: { email: address('gone') }, associations: [] })
  const purge = gdprApi ?? basicApi
  await purge.purge({ objectId: gone.id })
  assert.equal((await refused(basicApi.getById(gone.id))).status, 404)
}

async function properties() {
  const { coreApi, batchApi, groupsApi } = client.crm.properties
  const name = `judge_${run}`
  await groupsApi.create('contacts', { name, label: 'Judge' })
  const made = await coreApi.create('contacts', { name, label: 'Judge', type: 'string', fieldType: 'text', groupName: name, hasUniqueValue: true })
  assert.equal(made.hasUniqueValue, true)
  assert.equal((await refused(coreApi.create('contacts', { ...made, name }))).status, 409)
  const all = await coreApi.getAll('contacts')
  assert.ok(all.results.some((it) => it.name === name) && all.results.some((it) => it.name === 'email'))
  const some = await batchApi.read('contacts', { inputs: [{ name }, { name: 'phone' }], archived: false })
  assert.equal(some.results.length, 2)
  const contact = await basicApi.create({ properties: { [name]: 'k1' }, associations: [] })
  const found = await client.crm.contacts.basicApi.getById('k1', [name], undefined, undefined, false, name)
  assert.equal(found.id, contact.id)
  await coreApi.update('contacts', name, { label: 'Changed' })
  await coreApi.archive('contacts', name)
  assert.equal((await refused(coreApi.getByName('contacts', name))).status, 404)
}

/** Deals with their pipelines, links of both kinds, a custom object and owners. */
async function otherObjects() {
  const { crm } = client
  const pipelines = (await crm.pipelines.pipelinesApi.getAll('deals')).results
  const [{ id: pipeline, stages: [first, second] }] = pipelines
  const contact = await basicApi.create({ properties: { email: address('buyer') }, associations: [] })
  const toContact = { to: { id: contact.id }, types: [{ associationCategory: 'HUBSPOT_DEFINED', associationTypeId: 3 }] }
  const properties = { dealname: `Judged ${run}`, pipeline, dealstage: first.id }
  const deal = await crm.deals.basicApi.create({ properties, associations: [toContact] })
  const read = await crm.deals.basicApi.getById(deal.id, ['dealname', 'hs_is_closed'], undefined, ['contacts'])
  assert.equal(read.properties.hs_is_closed, 'false')
  assert.equal(read.associations.contacts.results[0].id, contact.id)
  const moved = await crm.deals.basicApi.update(deal.id, { properties: { dealstage: second.id } })
  assert.equal(moved.properties.dealstage, second.id)
  assert.equal((await refused(crm.deals.basicApi.update(deal.id, { properties: { dealstage: 'nowhere' } }))).status, 400)
  assert.equal((await refused(crm.deals.basicApi.create({ properties: { dealname: 'x' }, associations: [] }))).status, 400)
  const found = await crm.deals.searchApi.doSearch({
    filterGroups: [{ filters: [{ propertyName: 'dealname', operator: 'CONTAINS_TOKEN', value: run }] }],
    sorts: ['-hs_lastmodifieddate'], properties: ['dealname'], limit: 10, after: '0',
  })
  assert.deepEqual(found.results.map((it) => it.id), [deal.id])

  const company = await crm.companies.basicApi.create({ properties: { name: 'Judge & Co' }, associations: [] })
  const links = crm.associations.v4
  await links.basicApi.createDefault('deals', deal.id, 'companies', company.id)
  await links.basicApi.create('deals', deal.id, 'companies', company.id, [{ associationCategory: 'HUBSPOT_DEFINED', associationTypeId: 5 }])
  const [linked] = (await links.basicApi.getPage('deals', deal.id, 'companies')).results
  assert.equal(linked.toObjectId, company.id)
  assert.deepEqual(linked.associationTypes.map((it) => it.typeId).sort(), [341, 5].sort())
  const many = await links.batchApi.getPage('companies', 'deals', { inputs: [{ id: company.id }] })
  assert.equal(String(many.results[0].to[0].toObjectId), deal.id)
  await links.basicApi.archive('deals', deal.id, 'companies', company.id)
  assert.equal((await links.basicApi.getPage('deals', deal.id, 'companies')).results.length, 0)
  const labels = await links.schema.definitionsApi.getAll('contacts', 'companies')
  assert.ok(labels.results.some((it) => it.label === 'Primary'))

  const [schema] = (await crm.schemas.coreApi.getAll()).results
  const custom = { properties: { contract_name: 'Lease', signed_on: '2026-02-03' }, associations: [] }
  const contract = await crm.objects.basicApi.create(schema.objectTypeId, custom)
  const byName = await crm.objects.basicApi.getById(schema.fullyQualifiedName, contract.id, ['signed_on'])
  assert.equal(byName.properties.signed_on, '2026-02-03')
  const note = { properties: { hs_timestamp: new Date().toISOString(), hs_note_body: 'Judged' }, associations: [
    { to: { id: contact.id }, types: [{ associationCategory: 'HUBSPOT_DEFINED', associationTypeId: 202 }] }] }
  assert.ok((await crm.objects.notes.basicApi.create(note)).id)
  const ticket = { properties: { subject: 'Help', hs_pipeline: '0', hs_pipeline_stage: '1' }, associations: [] }
  await crm.tickets.basicApi.archive((await crm.tickets.basicApi.create(ticket)).id)
  assert.ok((await crm.owners.ownersApi.getPage()).results.length > 0)
}

async function oauth() {
  const redirectUri = 'https://app.example.com/callback'
  const allow = new URLSearchParams({ client_id: 'sandbox-client', redirect_uri: redirectUri, scope: 'oauth', state: 's', decision: 'allow' })
  const answer = await fetch(`${basePath}/oauth/authorize`, { method: 'POST', body: allow, redirect: 'manual' })
  const code = new URL(answer.headers.get('location')).searchParams.get('code')
  const { tokensApi, accessTokensApi, refreshTokensApi } = client.oauth
  const tokens = await tokensApi.create('authorization_code', code, redirectUri, 'sandbox-client', 'sandbox-secret')
  assert.equal(tokens.expiresIn, 1800)
  const renewed = await tokensApi.create('refresh_token', undefined, undefined, 'sandbox-client', 'sandbox-secret', tokens.refreshToken)
  assert.equal(renewed.refreshToken, tokens.refreshToken)
  assert.equal((await accessTokensApi.get(renewed.accessToken)).tokenType, 'access')
  await refreshTokensApi.archive(tokens.refreshToken)
  assert.equal((await refused(tokensApi.create('refresh_token', undefined, undefined, 'sandbox-client', 'sandbox-secret', tokens.refreshToken))).status, 400)
}

/** Subscribes, causes events, and checks their signatures with the client's own code. */
async function webhooks() {
  const received = []
  let arrived
  const first = new Promise((resolve) => { arrived = resolve })
  const server = http.createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => { body += chunk })
    request.on('end', () => {
      received.push({ headers: request.headers, body })
      response.writeHead(204).end()
      arrived()
    })
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const url = `http://127.0.0.1:${server.address().port}/hooks?from=hubspot`
    const appId = 19083857
    const app = new Client({ developerApiKey: 'key', basePath })
    await app.webhooks.settingsApi.configure(appId, { targetUrl: url, throttling: { maxConcurrentRequests: 10 } })
    const { id } = await app.webhooks.subscriptionsApi.create(appId, { eventType: 'contact.creation', active: true })
    assert.ok((await app.webhooks.subscriptionsApi.getAll(appId)).results.some((it) => it.id === id))
    await basicApi.create({ properties: { email: address('hook') }, associations: [] })
    const deadline = new Promise((_, reject) => setTimeout(reject, 10_000, new Error('no webhook came')).unref())
    await Promise.race([first, deadline])
    const { headers, body } = received[0]
    const options = {
      clientSecret: 'sandbox-secret', method: 'POST', url, requestBody: body, signatureVersion: 'v3',
      timestamp: Number(headers['x-hubspot-request-timestamp']), signature: headers['x-hubspot-signature-v3'],
    }
    assert.ok(Signature.isValid(options), 'the signature is good')
    assert.ok(!Signature.isValid({ ...options, requestBody: `${body} ` }), 'and only for this body')
    assert.equal(JSON.parse(body)[0].subscriptionType, 'contact.creation')
    await app.webhooks.subscriptionsApi.archive(id, appId)
    await app.webhooks.settingsApi.clear(appId)
  } finally {
    server.close()
  }
}

const ada = await oneByOne()
const pair = await batches()
await searches(ada)
await mergesAndDeletes(pair)
if (!throughProxy) {
  await properties()
  await otherObjects()
  await oauth()
  await webhooks()
}
