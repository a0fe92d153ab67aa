// Notion's own JavaScript client, pointed at the sandbox: node judge.mjs URL

import assert from 'node:assert/strict'
import http from 'node:http'
import {
  APIErrorCode, APIResponseError, Client, collectPaginatedAPI, isFullPage, verifyWebhookSignature,
} from '@notionhq/client'

const [baseUrl] = process.argv.slice(2)
const run = Date.now().toString(36)
const quiet = { baseUrl, logLevel: 'error', logger: () => {}, retry: { maxRetries: 2, maxRetryDelayMs: 50 } }
const notion = new Client({ auth: 'ntn_judge', ...quiet })
const text = (content) => [{ text: { content } }]
const address = (name) => `${name}.${run}@example.com`

/** What Notion refused a call with. */
async function refused(call) {
  const error = await call.then(() => undefined, (error) => error)
  assert.ok(APIResponseError.isAPIResponseError(error), `refused, not ${error}`)
  return error
}

const act = (name, body = {}) => fetch(`${baseUrl}/__${name}`, { method: 'POST', body: JSON.stringify(body) })

async function check(name, work) {
  await work()
  console.log(`ok ${name}`)
}

let source
await check('finds the data source and its properties', async () => {
  const found = await notion.search({ query: 'Contacts', filter: { property: 'object', value: 'data_source' } })
  source = found.results.find((it) => it.title[0].plain_text === 'Contacts').id
  const { properties } = await notion.dataSources.retrieve({ data_source_id: source })
  assert.equal(properties.Phone.type, 'phone_number')
  const made = await notion.dataSources.update({ data_source_id: source, properties: { [`Key ${run}`]: { rich_text: {} } } })
  assert.equal(made.properties[`Key ${run}`].type, 'rich_text')
})

const parent = () => ({ type: 'data_source_id', data_source_id: source })
const create = (name, more = {}) => notion.pages.create({
  parent: parent(), properties: { Name: { title: text(name) }, Email: { email: address(name) }, ...more },
})

let ada
await check('creates, reads, updates and trashes a page', async () => {
  ada = await create('ada', { Tags: { multi_select: [{ name: `T${run}` }] }, [`Key ${run}`]: { rich_text: text('k1') } })
  assert.ok(isFullPage(ada))
  const changed = await notion.pages.update({ page_id: ada.id, properties: { Phone: { phone_number: '+34600111222' } } })
  assert.equal(changed.properties.Email.email, address('ada'))
  const cleared = await notion.pages.update({ page_id: ada.id, properties: { Phone: { phone_number: null } } })
  assert.equal(cleared.properties.Phone.phone_number, null)
  assert.equal((await notion.pages.update({ page_id: ada.id, in_trash: true })).in_trash, true)
  assert.equal((await notion.pages.update({ page_id: ada.id, in_trash: false })).in_trash, false)
  assert.match((await notion.pages.retrieve({ page_id: ada.id })).last_edited_time, /:00\.000Z$/)
})

await check('queries and pages', async () => {
  for (const name of ['b1', 'b2', 'b3', 'b4']) await create(name)
  const filter = { property: 'Email', email: { ends_with: `.${run}@example.com` } }
  const sorts = [{ property: 'Email', direction: 'ascending' }]
  const all = await collectPaginatedAPI(notion.dataSources.query, { data_source_id: source, filter, sorts, page_size: 2 })
  assert.deepEqual(all.map((it) => it.properties.Email.email), ['ada', 'b1', 'b2', 'b3', 'b4'].map(address))
  const byKey = { property: `Key ${run}`, rich_text: { equals: 'k1' } }
  const found = await notion.dataSources.query({ data_source_id: source, filter: byKey, filter_properties: ['title'] })
  assert.deepEqual(Object.keys(found.results[0].properties), ['Name'])
  const since = { timestamp: 'last_edited_time', last_edited_time: { on_or_after: all[0].last_edited_time } }
  assert.ok((await notion.dataSources.query({ data_source_id: source, filter: since })).results.length >= 5)
})

await check('reads a long value entry by entry', async () => {
  const notes = Array.from({ length: 30 }, (_, i) => ({ text: { content: `${i} ` }, annotations: { bold: i % 2 === 0 } }))
  const page = await create('long', { Notes: { rich_text: notes } })
  assert.equal(page.properties.Notes.rich_text.length, 25)
  const args = { page_id: page.id, property_id: page.properties.Notes.id, page_size: 20 }
  assert.equal((await collectPaginatedAPI(notion.pages.properties.retrieve, args)).length, 30)
})

await check('is refused with codes it knows', async () => {
  const missing = await refused(notion.pages.retrieve({ page_id: '00000000-0000-0000-0000-000000000000' }))
  assert.equal(missing.code, APIErrorCode.ObjectNotFound)
  const wrong = await refused(create('x', { Mood: { number: 1 } }))
  assert.equal(wrong.code, APIErrorCode.ValidationError)
  const filter = { property: 'Email', rich_text: { equals: 'x' } }
  assert.equal((await refused(notion.dataSources.query({ data_source_id: source, filter }))).status, 400)
})

await check('waits and repeats when told to', async () => {
  await act('faults', { effect: { status: { status: 529 } } })
  assert.equal((await notion.users.me({})).type, 'bot')
  await act('faults', { effect: { status: { status: 429 } } })
  assert.equal((await notion.users.list({})).results.length, 3)
  await act('faults', { route: 'POST /v1/pages', effect: { status: { status: 503, policy: 'committed' } } })
  const late = await refused(create('late'))
  assert.equal(late.code, APIErrorCode.ServiceUnavailable)
  const page = await notion.pages.retrieve({ page_id: late.additional_data.committed_resource_id })
  assert.equal(page.properties.Email.email, address('late'))
})

await check('comments and writes blocks', async () => {
  await notion.comments.create({ parent: { page_id: ada.id }, rich_text: text('hello') })
  const said = await notion.comments.list({ block_id: ada.id })
  assert.equal(said.results[0].rich_text[0].plain_text, 'hello')
  const children = ['one', 'two', 'three'].map((it) => ({ paragraph: { rich_text: text(it) } }))
  await notion.blocks.children.append({ block_id: ada.id, children })
  const blocks = await collectPaginatedAPI(notion.blocks.children.list, { block_id: ada.id, page_size: 2 })
  assert.deepEqual(blocks.map((it) => it.paragraph.rich_text[0].plain_text), ['one', 'two', 'three'])
})

await check('is authorised and refreshes', async () => {
  const redirect_uri = 'http://127.0.0.1:9/back'
  const form = new URLSearchParams({ client_id: 'sandbox-client', redirect_uri, state: run, decision: 'allow' })
  const sent = await fetch(`${baseUrl}/v1/oauth/authorize`, { method: 'POST', body: form, redirect: 'manual' })
  const back = new URL(sent.headers.get('location'))
  assert.equal(back.searchParams.get('state'), run)
  const app = { client_id: 'sandbox-client', client_secret: 'sandbox-secret' }
  const code = back.searchParams.get('code')
  const first = await notion.oauth.token({ ...app, grant_type: 'authorization_code', code, redirect_uri })
  const me = await new Client({ auth: first.access_token, ...quiet }).users.me({})
  assert.equal(me.id, first.bot_id)
  const again = { ...app, grant_type: 'refresh_token', refresh_token: first.refresh_token }
  const second = await notion.oauth.token(again)
  assert.notEqual(second.refresh_token, first.refresh_token)
  // The client knows no code of a spent refresh token, so it throws another error.
  const spent = await notion.oauth.token(again).then(() => undefined, (error) => error)
  assert.deepEqual([spent.status, JSON.parse(spent.body).code], [400, 'invalid_grant'])
  assert.equal((await notion.oauth.introspect({ ...app, token: second.access_token })).active, true)
  await notion.oauth.revoke({ ...app, token: second.access_token })
  assert.equal((await notion.oauth.introspect({ ...app, token: second.access_token })).active, false)
})

await check('verifies webhooks', async () => {
  const heard = []
  let wake
  const server = http.createServer((request, response) => {
    const parts = []
    request.on('data', (part) => parts.push(part))
    request.on('end', () => {
      heard.push({ body: Buffer.concat(parts).toString(), signature: request.headers['x-notion-signature'] })
      response.end()
      wake?.()
    })
  })
  await new Promise((done) => server.listen(0, '127.0.0.1', done))
  const next = async () => {
    if (!heard.length) await new Promise((done) => { wake = done })
    return heard.shift()
  }
  await act('subscribe', { url: `http://127.0.0.1:${server.address().port}/` })
  const verificationToken = JSON.parse((await next()).body).verification_token
  assert.equal((await (await act('verify', { token: verificationToken })).json()).verified, true)
  await notion.pages.update({ page_id: ada.id, properties: { Score: { number: Date.now() } } })
  const { body, signature } = await next()
  assert.equal(await verifyWebhookSignature({ body, signature, verificationToken }), true)
  assert.equal(await verifyWebhookSignature({ body: `${body} `, signature, verificationToken }), false)
  const event = JSON.parse(body)
  assert.deepEqual([event.type, event.entity.id], ['page.properties_updated', ada.id])
  server.close()
  server.closeAllConnections()
})
