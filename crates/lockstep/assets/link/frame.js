// The frame of CRM Link: it is handed a token over a port, shows the server's screens and tells the page how it ended.
// The token stands in one variable: not in the document, in storage, in a cookie or in an address.

import { closePicker, wirePicker } from './picker.js'

const VERSION = 1
const ORIGIN = document.documentElement.dataset.origin
const screen = () => document.getElementById('screen')
const say = (text) => { document.getElementById('said').textContent = text }
/** Says it once: what stands there already is not said again with every poll. */
const alarm = (text) => {
  const box = document.getElementById('alarm')
  if (box.textContent !== text) box.textContent = text
}
const offline = () => alarm(screen().dataset.offline ?? 'The server does not answer.')

let token
let options = {}
let port
let renewed
let renewing
let popup

// ---- The port ----

addEventListener('message', (event) => {
  if (event.source !== parent || event.origin !== ORIGIN || event.data?.lockstep !== VERSION) return
  if (event.data.type !== 'init' || !event.ports[0]) return
  port?.close()
  port = event.ports[0]
  port.onmessage = ({ data }) => {
    if (data?.type === 'init') begin(data)
    if (data?.type === 'renew') renewed?.(data.token)
  }
})

const tell = (type, more) => port?.postMessage({ type, ...more })

function begin(given) {
  token = given.token
  options = given
  const root = document.documentElement
  root.lang = given.locale ?? 'en'
  if (given.theme === 'light' || given.theme === 'dark') root.dataset.theme = given.theme
  if (/^#[0-9a-f]{6}$/i.test(given.accent ?? '')) document.getElementById('accent').href = `/link/accent/${given.accent.slice(1)}.css`
  htmx.ajax('POST', '/link/open', { target: '#screen', swap: 'outerMorph', values: opening() })
}

const opening = () => ({ connection: options.connectionID ?? '', preselect: options.preselectCRMSlug ?? '' })

/** One renewal for all requests that wait for it. */
const renewal = () => renewing ??= new Promise((go) => {
  renewed = (fresh) => {
    if (fresh) token = fresh
    go(Boolean(fresh))
  }
  tell('renew')
  setTimeout(go, 15_000, false)
}).finally(() => { renewing = undefined })

// ---- Requests ----

/** Every request carries the token; one that the server refuses is sent again with a fresh one, once. */
async function authorised(url, request) {
  const send = () => fetch(url, { ...request, credentials: 'omit', headers: {
    ...request.headers, Authorization: `Bearer ${token}`, 'Accept-Language': document.documentElement.lang,
    'Lockstep-Time-Zone': Intl.DateTimeFormat().resolvedOptions().timeZone,
  } })
  const used = token
  const answer = await send()
  return answer.status === 401 && (used !== token || await renewal()) ? send() : answer
}

const submitted = new WeakSet()
const submits = ({ sourceEvent, request }) => sourceEvent?.type === 'submit' && request.form

document.addEventListener('htmx:config:request', (event) => {
  const { ctx } = event.detail
  const form = submits(ctx)
  // A second click on the same button is no second answer.
  if (submitted.has(form)) return event.preventDefault()
  if (form) submitted.add(form)
  ctx.fetch = authorised
  ctx.from = screen().dataset.screen
  // What the page gave goes along where a screen asks for it.
  const wants = ctx.sourceElement?.dataset?.with
  if (wants === 'objects') ctx.request.body.set('objects', JSON.stringify(options.objects ?? {}))
  if (wants === 'opening') for (const [name, value] of Object.entries(opening())) ctx.request.body.set(name, value)
})

document.addEventListener('htmx:finally:request', ({ detail: { ctx } }) => submitted.delete(submits(ctx)))

/** What was asked on a screen that has gone meanwhile must not lead back to it. */
const late = (ctx) => ctx.from !== screen().dataset.screen
document.addEventListener('htmx:before:request', (event) => {
  if (late(event.detail.ctx)) event.preventDefault()
})

document.addEventListener('htmx:error', ({ detail }) => { if (detail.ctx) offline() })
// Only a screen may take a screen's place: what a proxy says of its own would leave a person with nothing.
document.addEventListener('htmx:before:swap', (event) => {
  const { ctx, tasks } = event.detail
  if (late(ctx)) return event.preventDefault()
  if (ctx.swap === 'none' || tasks.some(({ fragment }) => fragment.querySelector('#screen'))) return alarm('')
  event.preventDefault()
  offline()
})

// ---- Screens ----

let shown

/** After every swap: a new screen gets the focus, the window follows, and what the screen has to tell is told. */
function settle() {
  const now = screen()
  document.documentElement.lang = now.lang || document.documentElement.lang
  const fresh = now.dataset.screen !== shown
  now.classList.toggle('fresh', fresh)
  if (fresh) {
    closePicker()
    document.querySelector('main')?.scrollTo(0, 0)
    const title = now.querySelector('h1')
    document.title = title?.textContent ?? ''
    title?.focus({ preventScroll: true })
  }
  shown = now.dataset.screen
  const broken = now.querySelector('[data-focus]') ?? now.querySelector('[aria-invalid=true]')
  if (broken) broken.focus()
  else if (document.activeElement === document.body) now.querySelector('h1')?.focus({ preventScroll: true })
  if (now.dataset.said) say(now.dataset.said)
  const { authorize, done, failed, message } = now.dataset
  if (authorize) leadTo(authorize)
  else if (popup && now.dataset.screen !== 'authorise') {
    popup.close()
    popup = undefined
  }
  if (done) tell('done', { connectionID: done })
  if (failed) tell('failed', { code: failed, message })
}
document.addEventListener('htmx:after:swap', settle)

// ---- The vendor's window ----

/** Opened in the click, so that no browser takes it for an advertisement; led on once the server knows where to. */
function openWindow(href = '/link/opening') {
  if (popup && !popup.closed) return popup.focus()
  const left = screenX + (outerWidth - 625) / 2
  const top = screenY + (outerHeight - 700) / 2
  popup = open(href, 'lockstep-authorise', `popup,width=625,height=700,left=${left},top=${top}`)
  if (popup) popup.led = href
}

function leadTo(href) {
  for (const part of screen().querySelectorAll('[data-blocked]')) part.hidden = Boolean(popup)
  for (const part of screen().querySelectorAll('[data-usual]')) part.hidden = !popup
  if (!popup || popup === leadTo.done) return
  leadTo.done = popup
  popup.location.replace(href)
}

document.addEventListener('click', (event) => {
  const of = (selector) => event.target.closest?.(selector)
  if (of('[data-close]')) return tell('close-request')
  if (of('[data-opens]')) openWindow()
  const again = of('[data-authorize-again]')
  if (again) {
    popup?.close()
    openWindow(again.dataset.authorizeAgain)
    leadTo.done = popup
    leadTo(again.dataset.authorizeAgain)
  }
  const insert = of('[data-insert]')
  if (insert) insertValue(insert.dataset.insert)
  const missing = of('[data-goto]')
  if (missing) document.getElementById(missing.dataset.goto)?.focus()
}, true)

// What changes what else is asked for is sent at once; the rest waits for the button.
document.addEventListener('change', ({ target }) => {
  if (target.classList.contains('again')) htmx.trigger(target.form, 'chosen')
})

// A text's preview follows what is typed.
document.addEventListener('input', ({ target }) => {
  if (target.id !== 'template') return
  clearTimeout(insertValue.later)
  insertValue.later = setTimeout(() => target.isConnected && htmx.trigger(target.form, 'chosen'), 300)
})

// It is not asked for any more once the text is sent.
document.addEventListener('submit', () => clearTimeout(insertValue.later), true)

// What a person unfolded stays unfolded.
document.addEventListener('htmx:before:morph:attr', (event) => {
  if (event.detail.attrName === 'open') event.preventDefault()
})

// A long list is narrowed down by what its entries say.
document.addEventListener('input', ({ target }) => {
  const words = target.value?.trim().toLowerCase()
  for (const entry of document.getElementById(target.dataset?.filters)?.children ?? []) {
    entry.hidden = !entry.textContent.toLowerCase().includes(words)
  }
})

function insertValue(text) {
  const box = screen().querySelector('textarea')
  box.setRangeText(text, box.selectionStart, box.selectionEnd, 'end')
  box.dispatchEvent(new Event('input', { bubbles: true }))
  box.focus()
}

// Escape closes the picker first, then CRM Link.
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && !event.defaultPrevented && !closePicker()) tell('close-request')
})

wirePicker(authorised, say)
const { failed } = document.documentElement.dataset
if (parent !== self) parent.postMessage({ lockstep: VERSION, type: failed ? 'failed' : 'ready', code: failed, message: 'This version of link.js is too old for the server.' }, ORIGIN)
