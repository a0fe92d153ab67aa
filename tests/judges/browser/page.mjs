// A person at the inbox page, in Chromium: what they see, what they do, and that it works by keyboard.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import puppeteer from 'puppeteer-core'

const { CHROMIUM, URL: url, META, LINK, KEY, CALLBACK, VERIFY } = process.env
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

async function call(base, method, path, body, headers = {}) {
  const answer = await fetch(base + path, { method, headers: { 'Content-Type': 'application/json', ...headers }, body: JSON.stringify(body) })
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${await answer.clone().text()}`)
  return answer.headers.get('content-type')?.includes('json') ? answer.json() : answer.text()
}
const api = (method, path, body) => call(url, method, path, body, { Authorization: `Bearer ${KEY}` })
const say = (from, name, text) => call(META, 'POST', '/__say', { from, name, text })

/** Asks again until it is so. */
async function until(what, ask) {
  const end = Date.now() + 20_000
  for (;;) {
    const found = await ask()
    if (found) return found
    assert.ok(Date.now() < end, `not so within 20 s: ${what}`)
    await new Promise((go) => setTimeout(go, 100))
  }
}

/** Three conversations, two labels: something to look at. */
async function scene() {
  await call(META, 'POST', '/__subscribe', { url: CALLBACK, verify_token: VERIFY })
  await say('6281200000003', 'Kedai Tiga Saudara dengan Nama yang Panjang Sekali', 'Bisa kirim katalog terbaru?')
  await say('6281200000002', 'Rina Hartono', 'Terima kasih, paketnya sudah sampai.')
  await say('6281200000001', 'Budi Santoso', 'Halo, apakah kopi Gayo 250 gram masih ada?')
  await say('6281200000001', 'Budi Santoso', 'Saya mau pesan dua, kirim ke Bandung.\nKalau bisa besok.')
  const listed = await until('three conversations', async () => {
    const found = await api('GET', '/v1/conversations')
    return found.data.length === 3 && found.data
  })
  const [budi] = listed.filter((of) => of.contact.name === 'Budi Santoso')
  await until('both messages', async () => (await api('GET', `/v1/conversations/${budi.id}`)).data.unread_count === 2)
  const [urgent] = [await api('POST', '/v1/labels', { name: 'urgent', color: 'red' }), await api('POST', '/v1/labels', { name: 'wholesale', color: 'teal' })]
  await api('POST', `/v1/conversations/${budi.id}/labels`, { label_id: urgent.data.id })
  return budi.id
}

const browser = await puppeteer.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] })
const page = await browser.newPage()
const troubles = []
page.on('pageerror', (error) => troubles.push(`script: ${error.message}`))
page.on('console', (line) => {
  // Chromium logs each 4xx; those are wanted here.
  if (line.type() === 'error' && !line.text().includes('Failed to load resource')) troubles.push(line.text())
})
page.on('request', (request) => {
  if (!request.url().startsWith(url)) troubles.push(`it loads ${request.url()}`)
})

/** What axe-core finds, and whether the page is wider than its window. */
async function inspect(name) {
  await page.screenshot({ path: `${name}.png` })
  const isolated = await page.evaluate(`${axe}; axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'] })
    .then((found) => found.violations.map((of) => of.id + ': ' + of.nodes.map((node) => node.target.join(' ')).join(', ')))`)
  assert.deepEqual(isolated, [], name)
  const [wide, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
  assert.ok(wide <= window, `${name} is ${wide} wide in a window of ${window}`)
}

const looks = [
  ['desk-light', 1280, 800, 'light'], ['desk-dark', 1280, 800, 'dark'],
  ['phone-light', 390, 844, 'light'], ['phone-dark', 360, 740, 'dark'], ['narrow', 320, 640, 'light'],
]
const look = async ([, width, height, theme]) => {
  await page.setViewport({ width, height })
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }])
}
const text = () => page.evaluate(() => document.getElementById('page').innerText)
const has = (words) => until(words, async () => (await text()).includes(words))
const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.tagName)

try {
  const budi = await scene()
  await page.setBypassCSP(false)
  await look(looks[0])

  // The guide's deep link asks for a key; the admin link gives it.
  await page.goto(`${url}/inbox/${budi}`)
  await inspect('sign-in')
  assert.ok(!(await page.content()).includes('Gayo'))
  await page.goto(`${url}/inbox/${budi}${new URL(LINK).hash}`)
  await page.waitForSelector('#messages')
  assert.equal(await page.evaluate(() => location.hash), '')
  assert.equal(await page.evaluate(() => document.cookie), '', 'scripts cannot read the session')

  // What the customer wrote is marked as read by looking at it.
  await until('read', async () => (await api('GET', `/v1/conversations/${budi}`)).data.unread_count === 0)

  // By keyboard: reply, and send with Ctrl+Enter.
  await page.focus(`#reply-${budi}`)
  await page.keyboard.type('Masih ada. Dua bungkus sampai besok siang.')
  await page.keyboard.down('Control')
  await page.keyboard.press('Enter')
  await page.keyboard.up('Control')
  await has('Masih ada. Dua bungkus')
  await until('the box is empty', () => page.$eval(`#reply-${budi}`, (box) => box.value === ''))
  assert.equal(await focused(), `reply-${budi}`, 'the focus stays in the box')
  await until('delivered', async () => /Delivered|Read/.test(await text()))

  // Nothing to send: the box says so and keeps the focus.
  await page.click('.reply button')
  await page.waitForSelector('#reply-error')
  assert.equal(await focused(), `reply-${budi}`)
  assert.match(page.url(), new RegExp(`/inbox/${budi}`))
  assert.doesNotMatch(page.url(), /reply/)
  await inspect('reply-refused')

  // Half a reply survives what comes in meanwhile, and is not sent to somebody else.
  await page.keyboard.type('Sebentar')
  await say('6281200000001', 'Budi Santoso', 'Baik, saya tunggu.')
  await has('Baik, saya tunggu.')
  assert.equal(await page.$eval(`#reply-${budi}`, (box) => box.value), 'Sebentar')
  assert.equal(await focused(), `reply-${budi}`)
  await until('said aloud', () => page.$eval('#said', (said) => said.textContent.includes('Baik, saya tunggu.')))

  // Who am I, take it, label it.
  await page.click('.who summary')
  await page.select('#me', await page.$eval('#me option:nth-child(2)', (option) => option.value))
  await page.click('.who form button')
  await page.waitForSelector('#take')
  await page.click('#take')
  await until('assigned', async () => (await api('GET', `/v1/conversations/${budi}`)).data.assignee !== null)
  await page.click('#put-on')
  await until('two labels', async () => (await page.$$('.about .tag')).length === 2)
  for (const which of looks) {
    await look(which)
    await page.reload()
    await page.waitForSelector('#messages li')
    await inspect(`conversation-${which[0]}`)
  }
  await page.focus('#about')
  await page.evaluate(() => document.getElementById('about').scrollIntoView())
  await inspect('about-narrow')
  for (const which of looks) {
    await look(which)
    await page.goto(`${url}/inbox`)
    await inspect(`list-${which[0]}`)
  }

  // The list by arrow keys; opening moves the focus to the title.
  await look(looks[0])
  await page.reload()
  await page.focus('#rows a')
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  await until('the title has the focus', async () => (await focused()) === 'title')
  assert.match(page.url(), /\/inbox\/cnv_/)
  const rina = await page.$eval('#main', (main) => main.dataset.thread)
  assert.notEqual(rina, budi)
  assert.equal(await page.$eval(`#reply-${rina}`, (box) => box.value), '')

  // Close it: it leaves the open ones, and is found among the closed.
  await page.click('#set-status')
  await has('Open again')
  await until('it left the list', async () => !(await page.$(`#row-${rina}`)))
  await page.evaluate(() => [...document.querySelectorAll('.chips a')].find((chip) => chip.textContent === 'Closed').click())
  await page.waitForSelector(`#row-${rina}`)
  await page.type('#search', 'nobody of this name')
  await page.keyboard.press('Enter')
  await has('Nobody here matches')

  // Another one closes a conversation with the API: the page shows it by itself.
  await page.goto(`${url}/inbox/${budi}`)
  await api('PATCH', `/v1/conversations/${budi}`, { status: 'resolved' })
  await has('Open again')
  await page.click('#set-status')
  await page.waitForSelector(`#reply-${budi}`)

  // Somebody who has not written for a day: only a template goes out, from a page of its own.
  await api('POST', '/v1/messages', { to: '+6281200000004', type: 'template', template: { name: 'hello_world', language: { code: 'en_US' } } })
  const [silent] = (await api('GET', '/v1/messages?direction=outbound&limit=1')).data
  await page.goto(`${url}/inbox/${silent.conversation_id}`)
  await has('Us: Template: hello_world')
  await page.waitForSelector('#templates')
  await inspect('window-closed-desk-light')
  for (const which of looks) {
    await look(which)
    await page.goto(`${url}/inbox/${silent.conversation_id}/templates`)
    await inspect(`templates-${which[0]}`)
  }
  await look(looks[0])
  const filled = await page.$$('input[name="gap.1"]')
  assert.equal(filled.length, 2, 'one template, in two languages')
  await page.type('input[name="gap.1"]', 'Sari')
  await page.keyboard.press('Tab')
  await page.keyboard.type('A-17')
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')])
  await has('Template: order_update')
  await until('the template arrived', async () => (await api('GET', `/v1/messages?conversation_id=${silent.conversation_id}&limit=1`)).data[0].status !== 'queued')

  // The same without scripts.
  await page.goto(`${url}/inbox/${budi}`)
  await page.setJavaScriptEnabled(false)
  await page.reload()
  await page.type(`#reply-${budi}`, 'Tanpa skrip juga bisa.')
  await Promise.all([page.waitForNavigation(), page.click('.reply button')])
  const listed = await api('GET', `/v1/messages?conversation_id=${budi}&direction=outbound`)
  assert.equal(listed.data[0].content, 'Tanpa skrip juga bisa.')
  assert.equal(listed.data.length, 2)
  assert.deepEqual(troubles, [])
} finally {
  await page.screenshot({ path: 'last.png' })
  await browser.close()
}
console.log('all is well')
