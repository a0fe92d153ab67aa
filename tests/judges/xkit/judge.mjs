// Xkit's stock client logs in, lists, connects through the pop-up window and its socket, and disconnects.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { build } from 'esbuild'
import puppeteer from 'puppeteer-core'

const { CHROMIUM, URL: url, PUBLISHABLE, SECRET, PORT } = process.env
const origin = `http://127.0.0.1:${PORT}`
const basic = `Basic ${Buffer.from(`${PUBLISHABLE}:${SECRET}`).toString('base64')}`
// The server's certificate is its own.
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'

async function platform(method, path, body) {
  const answer = await fetch(`${url}/api/platform${path}`, { method, headers: { authorization: basic }, body: JSON.stringify(body) })
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${await answer.clone().text()}`)
  return answer.json()
}

async function until(what, ask) {
  const end = Date.now() + 20_000
  for (;;) {
    const found = await ask()
    if (found) return found
    assert.ok(Date.now() < end, `not so within 20 s: ${what}`)
    await new Promise((go) => setTimeout(go, 100))
  }
}

await build({ entryPoints: ['host.js'], bundle: true, outfile: 'bundle.js', define: { 'process.env.NODE_ENV': '"production"', global: 'window' } })
const script = readFileSync('bundle.js')
createServer((request, answer) => {
  if (request.url === '/bundle.js') return answer.writeHead(200, { 'content-type': 'text/javascript' }).end(script)
  answer.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>App</title><button>Connect</button><script src="/bundle.js"></script>')
}).listen(Number(PORT), '127.0.0.1')

await platform('PUT', '/app', { name: 'Signet', allowed_origins: [origin], login_redirect_url: `${origin}/signed-out` })
const { access_token: token } = await platform('POST', '/contexts', { context: { external_id: 'acme', external_name: 'Acme' } })

const browser = await puppeteer.launch({ executablePath: CHROMIUM, acceptInsecureCerts: true, args: ['--no-sandbox', '--disable-gpu', '--ignore-certificate-errors'] })
try {
  const page = await browser.newPage()
  await page.goto(`${origin}/?domain=${new URL(url).host}`)
  await page.evaluate((token) => window.xkit.login(token), token)
  const crms = await page.evaluate(() => window.xkit.listConnectors())
  assert.deepEqual(crms.map((crm) => crm.slug), ['hubspot', 'pipedrive', 'notion'])
  assert.ok(crms.every((crm) => crm.crm))
  assert.deepEqual(await page.evaluate(() => window.xkit.listConnections()), [])
  assert.equal((await page.evaluate(() => window.xkit.getPlatform())).name, 'Signet')

  const opened = new Promise((go) => page.once('popup', go))
  await page.click('button')
  const consent = await opened
  await until('the consent page', () => consent.$('button[value=allow]').catch(() => null))
  await consent.click('button[value=allow]')
  const outcome = await until('the outcome', () => page.evaluate(() => (window.outcome.connection || window.outcome.error) && window.outcome))
  assert.equal(outcome.error, undefined)
  assert.equal(outcome.connection.id, 'acme-crm')
  const one = await page.evaluate(() => window.xkit.getConnection('hubspot'))
  assert.deepEqual([one.enabled, one.authorization.status, one.connector.slug], [true, 'active', 'hubspot'])
  assert.equal((await page.evaluate(() => window.xkit.listConnections())).length, 1)

  await page.evaluate(() => window.xkit.removeConnection('hubspot'))
  assert.deepEqual(await page.evaluate(() => window.xkit.listConnections()), [])
  console.log('the stock client logged in, listed, connected and disconnected')
} finally {
  await browser.close()
}
process.exit(0)
