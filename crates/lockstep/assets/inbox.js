'use strict'
// What the inbox page does beyond plain links and forms. The page works without it.

const page = () => document.getElementById('page')
const thread = () => document.getElementById('main')?.dataset.thread

// The admin link carries its key behind the #, which browsers keep to themselves. It is handed over once and forgotten.
function signIn() {
  const form = document.getElementById('sign-in')
  const key = new URLSearchParams(location.hash.slice(1)).get('key')
  if (!form || !key) return
  history.replaceState(null, '', location.pathname + location.search)
  form.elements.key.value = key
  form.submit()
}

// Times come in UTC. Today needs no date.
function localTimes() {
  const today = new Date().toDateString()
  for (const time of document.querySelectorAll('time[datetime]')) {
    const at = new Date(time.dateTime)
    const clock = { hour: '2-digit', minute: '2-digit' }
    const date = { day: 'numeric', month: 'short' }
    const parts = time.dataset.show === 'day' ? { ...date, year: 'numeric' } : at.toDateString() === today ? clock : { ...date, ...clock }
    const text = at.toLocaleString([], parts)
    if (time.textContent !== text) time.textContent = text
    time.title = at.toLocaleString()
  }
}

let shown
const newest = () => document.querySelector('#messages li:last-child')?.id

// Keeps the newest message in sight, says new ones aloud, and moves the focus to what was opened.
function settle() {
  localTimes()
  const now = { thread: thread(), newest: newest() }
  const list = document.getElementById('messages')
  if (list && (now.thread !== shown?.thread || now.newest !== shown?.newest)) list.scrollTop = list.scrollHeight
  if (shown && now.thread !== shown.thread) document.getElementById(now.thread ? 'title' : 'main')?.focus()
  if (shown && now.thread && now.thread === shown.thread && now.newest !== shown.newest) {
    const last = document.getElementById(now.newest)
    if (last?.classList.contains('theirs')) {
      document.getElementById('said').textContent = 'New message: ' + last.querySelector('.words').textContent
    }
  }
  shown = now
  // What has to be mended gets the focus.
  document.querySelector('[aria-invalid]')?.focus()
}

const isPulse = (event) => event.detail.ctx?.sourceElement?.id === 'pulse'
const alarm = (text) => { document.getElementById('alarm').textContent = text }

// The pulse asks for the page that is shown, and only for what has changed since. It rests while nobody looks, and
// while a refusal is to be read.
document.addEventListener('htmx:config:request', (event) => {
  if (!isPulse(event)) return
  if (document.hidden || document.getElementById('reply-error')) return event.preventDefault()
  const request = event.detail.ctx.request
  request.action = location.pathname + location.search
  request.headers['If-None-Match'] = page().dataset.etag
})

document.addEventListener('htmx:after:request', (event) => {
  alarm('')
  const { sourceElement, response } = event.detail.ctx
  if (sourceElement.classList.contains('reply') && response.status < 400) sourceElement.elements.text.value = ''
})

document.addEventListener('htmx:error', (event) => {
  if (event.detail.ctx) alarm('The inbox does not answer. What you see may be old; it is tried again.')
})

document.addEventListener('htmx:after:swap', settle)

// Whoever mends a reply has read why it was refused.
document.addEventListener('input', (event) => {
  if (!event.target.matches('.reply [aria-invalid]')) return
  document.getElementById('reply-error')?.remove()
  event.target.removeAttribute('aria-invalid')
  event.target.removeAttribute('aria-describedby')
})

document.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && event.target.form?.classList.contains('reply')) {
    event.preventDefault()
    event.target.form.requestSubmit()
  }
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
  const rows = event.target.closest?.('#rows')
  if (step && rows) {
    const links = [...rows.querySelectorAll('a')]
    links[links.indexOf(event.target) + step]?.focus()
    event.preventDefault()
  }
})

addEventListener('hashchange', signIn)
signIn()
settle()
