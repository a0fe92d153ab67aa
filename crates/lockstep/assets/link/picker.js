// The field picker: an input that becomes a filter, and one list of an object's fields that all its pickers share.

const lists = new Map()
let fetchWith
let tellCount
let now

const label = (option) => option.querySelector('.name').textContent
const known = new WeakMap()
const isOpen = () => now?.list.matches(':popover-open')

/** The options of a list, looked up once. */
function optionsOf(list) {
  if (!known.has(list)) known.set(list, [...list.querySelectorAll('[role=option]')])
  return known.get(list)
}

/** Begins to listen. `ask` fetches with the token, `say` is the live region. */
export function wirePicker(ask, say) {
  fetchWith = ask
  tellCount = say
  document.addEventListener('click', (event) => {
    const input = event.target.closest?.('.pick input[role=combobox]')
    const option = event.target.closest?.('.sheet [role=option]')
    if (option) choose(option)
    else if (input) show(input)
    else if (!event.target.closest?.('.sheet')) closePicker()
  })
  document.addEventListener('input', (event) => {
    if (event.target.closest?.('.pick') && event.target.role === 'combobox') isOpen() ? filter() : show(event.target, event.target.value)
  })
  document.addEventListener('keydown', (event) => {
    if (event.target.role === 'combobox' && event.target.closest('.pick')) key(event)
  })
  document.addEventListener('focusout', (event) => {
    if (now && event.target === now.input && !event.relatedTarget?.closest?.('.sheet')) closePicker()
  })
  // A click into the list must not take the focus from the input.
  document.addEventListener('mousedown', (event) => { if (event.target.closest?.('.sheet')) event.preventDefault() })
  addEventListener('resize', place)
}

/** Closes the list, if one is open, and says whether it was. */
export function closePicker() {
  if (!now) return false
  const { input, list, value } = now
  const was = isOpen()
  if (was) list.hidePopover()
  input.value = value
  input.setAttribute('aria-expanded', 'false')
  input.removeAttribute('aria-activedescendant')
  input.closest('.pick').classList.remove('open')
  CSS.highlights?.delete('match')
  now = undefined
  return was
}

async function listAt(url) {
  if (!lists.has(url)) lists.set(url, fetchWith(url, { headers: { 'HX-Request': 'true' } }).then(async (answer) => {
    if (!answer.ok) throw new Error(String(answer.status))
    const holder = document.createElement('template')
    holder.innerHTML = await answer.text()
    const list = holder.content.firstElementChild
    list.popover = 'manual'
    list.id = `list-${lists.size}`
    list.querySelector('[role=listbox]').id = `${list.id}-options`
    optionsOf(list).forEach((option, index) => { option.id = `${list.id}-${index}` })
    document.getElementById('sheets').append(list)
    return list
  }))
  return lists.get(url).catch((error) => {
    lists.delete(url)
    throw error
  })
}

async function show(input, typed = '') {
  if (now?.input === input && isOpen()) return
  closePicker()
  const pick = input.closest('.pick')
  const state = { input, pick, value: input.value }
  if (typed) state.value = input.defaultValue
  let list
  try {
    list = await listAt(pick.dataset.list)
  } catch {
    return htmx.trigger(document.body, 'htmx:error', { ctx: {} })
  }
  if (document.activeElement !== input || now) return
  now = { ...state, list }
  sort(list, pick)
  input.value = typed
  input.placeholder = state.value
  pick.classList.add('open')
  list.showPopover()
  place()
  input.setAttribute('aria-expanded', 'true')
  input.setAttribute('aria-controls', `${list.id}-options`)
  filter()
}

/** Puts every field where it belongs for this picker: the guess, what fits, what cannot be used and why. */
function sort(list, { dataset: { op, type, guess, fixed } }) {
  const groups = Object.fromEntries([...list.querySelectorAll('[data-group]')].map((group) => [group.dataset.group, group]))
  for (const option of optionsOf(list)) {
    if (option.dataset.fixed) {
      option.classList.toggle('off', !fixed.split(' ').includes(option.dataset.fixed))
      continue
    }
    const able = option.dataset.ops.includes(op)
    const fits = able && (type === 'any' || option.dataset.in.split(' ').includes(type))
    const guessed = fits && option.dataset.value === guess
    option.classList.toggle('guess', guessed)
    option.setAttribute('aria-disabled', String(!fits))
    const why = option.querySelector('small')
    why.dataset.sample ??= why.textContent
    why.textContent = fits ? why.dataset.sample : able ? option.dataset.kind : list.dataset[`no${op.toUpperCase()}`]
    groups[guessed ? 'guess' : fits ? 'fits' : 'cannot'].append(option)
  }
}

/** Beside the input, above it where there is no room below. */
function place() {
  if (!isOpen()) return
  const box = now.input.getBoundingClientRect()
  const below = innerHeight - box.bottom - 12
  const above = box.top - 12
  const { style } = now.list
  style.left = `${box.left}px`
  style.width = `${box.width}px`
  style.maxHeight = `${Math.min(360, Math.max(below, above))}px`
  style.top = below >= Math.min(280, above) ? `${box.bottom + 6}px` : 'auto'
  style.bottom = style.top === 'auto' ? `${innerHeight - box.top + 6}px` : 'auto'
}

/** Hides what does not hold the words: label, API name and the sample's value are looked at. */
function filter() {
  const { list, input } = now
  const words = input.value.trim().toLowerCase()
  const shown = []
  const used = new Set()
  for (const option of optionsOf(list)) {
    const off = option.classList.contains('off') || !option.dataset.k.includes(words)
    // What cannot be used is folded away until it is looked for.
    const folded = option.getAttribute('aria-disabled') === 'true' && !words
    option.hidden = off || folded
    if (option.hidden) continue
    shown.push(option)
    used.add(option.parentElement)
  }
  for (const group of list.querySelectorAll('[data-group]')) {
    group.hidden = !used.has(group)
  }
  shown.sort((one, other) => one.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_PRECEDING ? 1 : -1)
  shown.forEach((option, index) => {
    option.ariaSetSize = shown.length
    option.ariaPosInSet = index + 1
  })
  const usable = shown.filter((option) => option.getAttribute('aria-disabled') !== 'true')
  list.querySelector('.nothing').hidden = shown.length > 0
  const fields = shown.filter((option) => !option.dataset.fixed)
  const total = optionsOf(list).filter((option) => !option.dataset.fixed).length
  const count = list.dataset.count.replace('{shown}', fields.length).replace('{total}', total)
  list.querySelector('.count').textContent = count
  list.querySelector('.options').scrollTop = 0
  now.shown = usable
  mark(words, shown)
  const best = words ? usable.find((option) => !option.dataset.fixed) ?? usable[0]
    : usable.find((option) => option.dataset.value === now.pick.dataset.value) ?? usable.find((option) => option.classList.contains('guess')) ?? usable[0]
  move(best)
  clearTimeout(filter.later)
  filter.later = setTimeout(() => now && tellCount(fields[0] ? `${count}: ${label(fields[0])}` : count), 500)
}

function mark(words, shown) {
  if (!CSS.highlights) return
  const found = []
  for (const option of words ? shown.slice(0, 60) : []) {
    const text = option.querySelector('.name').firstChild
    const at = text.data.toLowerCase().indexOf(words)
    if (at < 0 || at + words.length > text.length) continue
    const range = new Range()
    range.setStart(text, at)
    range.setEnd(text, at + words.length)
    found.push(range)
  }
  CSS.highlights.set('match', new Highlight(...found))
}

function move(option) {
  now.active?.classList.remove('active')
  now.active?.setAttribute('aria-selected', 'false')
  now.active = option
  if (!option) return now.input.removeAttribute('aria-activedescendant')
  option.classList.add('active')
  option.setAttribute('aria-selected', 'true')
  now.input.setAttribute('aria-activedescendant', option.id)
  option.scrollIntoView({ block: 'nearest' })
}

function key(event) {
  const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key]
  if (step) {
    event.preventDefault()
    if (!isOpen()) return show(event.target)
    const at = now.shown.indexOf(now.active) + step
    move(now.shown[Math.max(0, Math.min(now.shown.length - 1, at))])
  } else if (event.key === 'Enter') {
    event.preventDefault()
    if (!isOpen()) return show(event.target)
    if (now.active) choose(now.active)
  }
}

function choose(option) {
  if (!now || option.getAttribute('aria-disabled') === 'true') return
  const { pick, input } = now
  const value = option.dataset.value
  now.value = label(option)
  closePicker()
  const form = input.form
  const field = form.elements[pick.dataset.name]
  field.value = value
  pick.dataset.value = value
  if (pick.dataset.submit !== undefined) htmx.trigger(form, 'chosen')
}
