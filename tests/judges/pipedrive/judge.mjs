// Pipedrive's own Node client (npm `pipedrive` 33.7.0), pointed at the sandbox: node judge.mjs URL
// Prints one line per check and exits with 1 if any failed.
import assert from 'node:assert/strict'
import http from 'node:http'
import { createRequire } from 'node:module'

const require = createRequire(process.cwd() + '/')
const v1 = require('pipedrive/v1')
const v2 = require('pipedrive/v2')

const url = process.argv[2]
const run = Date.now().toString(36) + Math.random().toString(36).slice(2, 6)
const settings2 = new v2.Configuration({ apiKey: 'judge', basePath: `${url}/api/v2` })
const settings1 = new v1.Configuration({ apiKey: 'judge', basePath: `${url}/v1` })
const persons = new v2.PersonsApi(settings2)
const address = (name) => `${name}.${run}@example.com`

/** What the client throws for a refused call: the body of the answer. */
async function refused(call) {
  try {
    await call
  } catch (body) {
    return body
  }
  throw new Error('the call should have been refused')
}

let ada
let key

async function fields() {
  const api = new v2.PersonFieldsApi(settings2)
  const name = `Judge ${run}`
  key = (await api.addPersonField({ AddPersonFieldRequest: { field_name: name, field_type: 'varchar' } })).data.field_code
  assert.match(key, /^[0-9a-f]{40}$/)
  assert.equal((await api.getPersonField({ field_code: key })).data.field_name, name)
  const all = []
  let cursor
  do {
    const page = await api.getPersonFields({ limit: 7, cursor })
    all.push(...page.data)
    cursor = page.additional_data.next_cursor
  } while (cursor)
  assert.ok(all.some((it) => it.field_code === key && it.is_custom_field))
  const tier = (await api.addPersonField({
    AddPersonFieldRequest: { field_name: `Tier ${run}`, field_type: 'enum', options: [{ label: 'Gold' }] },
  })).data
  const added = await api.addPersonFieldOptions({ field_code: tier.field_code, AddDealFieldOptionsRequestInner: [{ label: 'Tin' }] })
  assert.equal(added.data[0].label, 'Tin')
  await api.deletePersonField({ field_code: tier.field_code })
  assert.equal((await refused(api.getPersonField({ field_code: tier.field_code }))).code, 'ERR_NOT_FOUND')
}

async function oneByOne() {
  const draft = { name: `Ada ${run}`, emails: [{ value: address('ada'), primary: true, label: 'work' }], phones: [{ value: '+44 20 7946 0123' }], custom_fields: { [key]: run } }
  const made = await persons.addPerson({ AddPersonRequest: draft })
  assert.equal(made.success, true)
  ada = made.data
  assert.equal(ada.first_name, 'Ada')
  const read = await persons.getPerson({ id: ada.id, custom_fields: key })
  assert.equal(read.data.custom_fields[key], run)
  const changed = await persons.updatePerson({ id: ada.id, UpdatePersonRequest: { job_title: 'Countess' } })
  assert.deepEqual([changed.data.job_title, changed.data.name], ['Countess', `Ada ${run}`])
  assert.equal((await persons.updatePerson({ id: ada.id, UpdatePersonRequest: { job_title: null } })).data.job_title, null)
  const twin = await persons.addPerson({ AddPersonRequest: draft })
  assert.notEqual(twin.data.id, ada.id)
  await persons.deletePerson({ id: twin.data.id })
  assert.equal((await persons.getPerson({ id: twin.data.id })).data.is_deleted, true)
  assert.equal((await refused(persons.getPerson({ id: 987654321 }))).success, false)
  assert.equal((await refused(persons.addPerson({ AddPersonRequest: { name: 'x', org_id: '7' } }))).code, 'ERR_SCHEMA_VALIDATION_FAILED')
}

async function searches() {
  const hits = async (query) => (await persons.searchPersons(query)).data.items.map((it) => it.item.id)
  assert.deepEqual(await hits({ term: address('ada').toUpperCase(), fields: 'email', exact_match: true }), [ada.id])
  assert.deepEqual(await hits({ term: run, fields: 'custom_fields', exact_match: true }), [ada.id])
  assert.ok((await hits({ term: '79460123', fields: 'phone' })).includes(ada.id))
  const items = new v2.ItemSearchApi(settings2)
  const found = await items.searchItemByField({ term: run, entity_type: 'person', field: key, match: 'exact' })
  assert.deepEqual(found.data.map((it) => it.id), [ada.id])
  assert.ok((await items.searchItem({ term: run, item_types: 'person' })).data.items.length > 0)
  assert.equal((await refused(persons.searchPersons({ term: 'x' }))).success, false)
}

async function paging() {
  for (const name of ['p1', 'p2', 'p3']) await persons.addPerson({ AddPersonRequest: { name: `${name} ${run}` } })
  const seen = []
  let cursor
  const since = ada.add_time
  do {
    const page = await persons.getPersons({ limit: 2, cursor, sort_by: 'update_time', updated_since: since })
    seen.push(...page.data.map((it) => it.name))
    cursor = page.additional_data.next_cursor
  } while (cursor)
  assert.equal(seen.filter((it) => it.endsWith(run)).length, 4)
  assert.equal((await refused(persons.getPersons({ updated_since: new Date().toISOString() }))).code, 'ERR_SCHEMA_VALIDATION_FAILED')
  assert.equal((await refused(persons.getPersons({ limit: 501 }))).success, false)
}

async function otherObjects() {
  const orgs = new v2.OrganizationsApi(settings2)
  const org = (await orgs.addOrganization({ AddOrganizationRequest: { name: `Lamps ${run}`, website: 'https://example.com' } })).data
  assert.equal((await persons.updatePerson({ id: ada.id, UpdatePersonRequest: { org_id: org.id } })).data.org_id, org.id)
  const deals = new v2.DealsApi(settings2)
  const deal = (await deals.addDeal({ AddDealRequest: { title: `Deal ${run}`, value: 7, currency: 'EUR', person_id: ada.id, org_id: org.id } })).data
  assert.equal((await deals.updateDeal({ id: deal.id, UpdateDealRequest: { status: 'won' } })).data.status, 'won')
  assert.deepEqual((await deals.getDeals({ person_id: ada.id })).data.map((it) => it.id), [deal.id])
  assert.equal((await deals.searchDeals({ term: run, fields: 'title' })).data.items[0].item.person.name, `Ada ${run}`)
  const activities = new v2.ActivitiesApi(settings2)
  const call = (await activities.addActivity({ AddActivityRequest: { subject: 'Ring back', type: 'call', due_date: '2026-12-01', person_id: ada.id, participants: [{ person_id: ada.id, primary: true }] } })).data
  assert.equal((await activities.updateActivity({ id: call.id, AddActivityRequest: { done: true } })).data.done, true)
  assert.ok((await new v2.StagesApi(settings2).getStages({})).data.length > 0)
  assert.ok((await new v2.PipelinesApi(settings2).getPipelines({})).data.length > 0)
}

async function old() {
  const notes = new v1.NotesApi(settings1)
  const note = (await notes.addNote({ AddNoteRequest: { content: '<p>Hello</p>', person_id: ada.id, pinned_to_person_flag: 1 } })).data
  assert.equal(note.person.name, `Ada ${run}`)
  assert.equal((await notes.updateNote({ id: note.id, NoteRequest: { content: 'Bye' } })).data.content, 'Bye')
  assert.equal((await notes.getNotes({ person_id: ada.id, limit: 1 })).additional_data.pagination.more_items_in_collection, false)
  assert.equal((await notes.deleteNote({ id: note.id })).data, true)
  const users = new v1.UsersApi(settings1)
  assert.ok((await users.getCurrentUser()).data.company_id)
  assert.ok((await users.getUsers()).data.length > 1)
  const twin = (await persons.addPerson({ AddPersonRequest: { name: `Twin ${run}`, job_title: 'Twin' } })).data
  const merged = await new v1.PersonsApi(settings1).mergePersons({ id: twin.id, MergePersonsRequest: { merge_with_id: ada.id } })
  assert.equal(merged.data.id, ada.id)
  assert.equal((await persons.getPerson({ id: ada.id })).data.job_title, 'Twin')
  const recents = await new v1.RecentsApi(settings1).getRecents({ since_timestamp: ada.add_time.replace('T', ' ').replace('Z', ''), items: 'person' })
  assert.ok(recents.data.some((it) => it.id === ada.id))
}

async function oauth() {
  const redirectUri = 'https://app.example.com/callback'
  const client = new v2.OAuth2Configuration({ clientId: 'sandbox-client', clientSecret: 'sandbox-secret', redirectUri, host: url })
  assert.equal((await fetch(client.authorizationUrl)).status, 200)
  const form = new URLSearchParams({ client_id: 'sandbox-client', redirect_uri: redirectUri, decision: 'allow' })
  const answer = await fetch(`${url}/oauth/authorize`, { method: 'POST', body: form, redirect: 'manual' })
  const code = new URL(answer.headers.get('location')).searchParams.get('code')
  const tokens = await client.authorize(code)
  assert.deepEqual([tokens.expires_in, client.basePath], [3599, `${url}/api/v2`])
  const settings = new v2.Configuration({ accessToken: client.getAccessToken, basePath: client.basePath })
  const api = new v2.PersonsApi(settings)
  assert.equal((await api.getPerson({ id: ada.id })).data.id, ada.id)
  assert.equal((await client.tokenRefresh()).refresh_token, tokens.refresh_token)
  assert.equal((await api.getPerson({ id: ada.id })).success, true)
  await client.revokeToken('refresh_token')
  assert.equal((await refused(api.getPerson({ id: ada.id }))).errorCode, 401)
  assert.equal((await refused(client.tokenRefresh())).success, false)
}

async function webhooks() {
  const received = []
  let arrived
  const first = new Promise((resolve) => { arrived = resolve })
  const server = http.createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => { body += chunk })
    request.on('end', () => {
      received.push({ headers: request.headers, body: JSON.parse(body) })
      response.writeHead(204).end()
      arrived()
    })
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const api = new v1.WebhooksApi(settings1)
  try {
    const target = `http://127.0.0.1:${server.address().port}/hooks`
    const draft = { subscription_url: target, event_action: '*', event_object: 'person', name: 'Judge', http_auth_user: 'u', http_auth_password: 'p', version: '2.0' }
    const { id } = (await api.addWebhook({ AddWebhookRequest: draft })).data
    assert.ok((await api.getWebhooks()).data.some((it) => it.id === id))
    await persons.updatePerson({ id: ada.id, UpdatePersonRequest: { job_title: `Told ${run}` } })
    const deadline = new Promise((_, reject) => setTimeout(reject, 10_000, new Error('no webhook came')).unref())
    await Promise.race([first, deadline])
    const [{ headers, body }] = received
    assert.equal(headers.authorization, `Basic ${Buffer.from('u:p').toString('base64')}`)
    assert.deepEqual([body.meta.action, body.meta.entity, body.meta.entity_id], ['change', 'person', String(ada.id)])
    assert.deepEqual(Object.keys(body.previous), ['job_title'])
    await api.deleteWebhook({ id })
  } finally {
    server.close()
  }
}

let failed = false
for (const check of [fields, oneByOne, searches, paging, otherObjects, old, oauth, webhooks]) {
  try {
    await check()
    console.log(`${check.name}: passed`)
  } catch (error) {
    failed = true
    console.log(`${check.name}: failed`, error)
  }
}
process.exit(failed ? 1 : 0)
