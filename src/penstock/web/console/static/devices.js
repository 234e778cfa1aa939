// Graphs of what devices did, minute by minute as it was kept, and then of what they do while the page is open.

const place = document.getElementById("graphs")
const KEPT = 12_000
const AGAIN_MS = 60_000
const share = (value) => (value === undefined || value === null ? null : value * 100)
const KINDS = [
  { name: "activity", of: (one) => share(one.activity), unit: "%", range: [0, 100] },
  { name: "memory", of: (one) => (one.memory_used_bytes === undefined || one.memory_used_bytes === null ? null : one.memory_used_bytes / 2 ** 30), unit: "GiB" },
  { name: "power", of: (one) => one.power_w ?? null, unit: "W" },
  { name: "temperature", of: (one) => one.temperature_c ?? null, unit: "°C" },
]
const LINES = ["--productive", "--accent", "--reserved_unused", "--starting", "--lost_work", "--no_fit_price", "--stalled", "--no_fit_model"]
const times = []
const seen = new Map()
const plots = new Map()

const probe = document.createElement("i")
probe.hidden = true
document.body.append(probe)
function colour(variable) {
  probe.style.color = `var(${variable})`
  return getComputedStyle(probe).color
}

// Marks on the axis of time: the date where a day begins in the visitor's zone, else the time of day.
const hands = new Intl.DateTimeFormat("en-GB", { timeZone: place.dataset.zone, hour: "2-digit", minute: "2-digit" })
const dates = new Intl.DateTimeFormat("en-CA", { timeZone: place.dataset.zone, month: "2-digit", day: "2-digit" })
const seconds = new Intl.DateTimeFormat("en-GB", { timeZone: place.dataset.zone, timeStyle: "medium" })
function clock(at, n, marks) {
  const instant = new Date(at * 1000)
  const hand = hands.format(instant)
  if (hand === "00:00") return dates.format(instant)
  return marks.length > 1 && marks[1] - marks[0] < 60 ? seconds.format(instant) : hand
}

function keep(told) {
  times.push(told.at)
  for (const one of told.devices) if (!seen.has(one.device)) seen.set(one.device, KINDS.map(() => Array(times.length - 1).fill(null)))
  for (const [device, columns] of seen) {
    const one = told.devices.find((other) => other.device === device)
    KINDS.forEach((kind, n) => columns[n].push(one ? kind.of(one) : null))
  }
  if (times.length > KEPT) {
    times.shift()
    for (const columns of seen.values()) for (const column of columns) column.shift()
  }
}

function plot(kind) {
  const holder = document.createElement("figure")
  const caption = document.createElement("figcaption")
  caption.textContent = `${place.dataset[kind.name]} (${kind.unit})`
  holder.append(caption)
  place.append(holder)
  place.querySelector("p")?.remove()
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--rule"), width: 1 }, ticks: { show: false } }
  const made = new uPlot({
    width: holder.clientWidth, height: 150, legend: { show: plots.size === 0 && seen.size > 1 && seen.size <= 16, live: false }, cursor: { drag: { x: false, y: false } },
    tzDate: (at) => uPlot.tzDate(new Date(at * 1000), place.dataset.zone),
    scales: kind.range ? { y: { range: kind.range } } : {}, axes: [{ ...axis, values: (_, marks) => marks.map(clock) }, { ...axis, size: 45 }],
    series: [{ label: place.dataset.time }, ...[...seen.keys()].map((device, n) => ({ label: device, width: 1.5, points: { show: false }, stroke: colour(LINES[n % LINES.length]) }))],
  }, [times, ...[...seen.keys()].map(() => [])], holder)
  new ResizeObserver(() => made.setSize({ width: holder.clientWidth, height: 150 })).observe(holder)
  return made
}

function draw() {
  const known = [...seen.values()]
  KINDS.forEach((kind, n) => {
    if (!known.some((columns) => columns[n].some((value) => value !== null))) return
    if (!plots.has(kind.name)) plots.set(kind.name, plot(kind))
    plots.get(kind.name).setData([times, ...known.map((columns) => columns[n])])
  })
}

async function past() {
  const answer = await fetch(place.dataset.history)
  if (!answer.ok) return
  const told = await answer.json()
  times.length = 0
  seen.clear()
  times.push(...told.times)
  for (const [device, kept] of Object.entries(told.devices)) {
    seen.set(device, KINDS.map((kind) => (kind.name === "activity" ? kept.activity.map(share) : kept[kind.name])))
  }
  if (!times.length) { say(place.dataset.none); return }
  draw()
}

function say(words) {
  const said = place.querySelector("p")
  if (said) said.textContent = words
}

let listening = false
function listen() {
  listening = true
  const source = new EventSource(place.dataset.source)
  source.addEventListener("sample", (event) => {
    const told = JSON.parse(event.data)
    if (told.devices.length === 0) { if (seen.size === 0) say(place.dataset.none); return }
    keep(told)
    draw()
  })
  source.addEventListener("end", () => { source.close(); listening = false })
  source.onerror = () => { source.close(); setTimeout(listen, 1000) }
}

// A job that had no devices yet, or is between two attempts, may have some now.
function again() {
  if (place.dataset.source && !listening && !document.querySelector("#job[data-ended]")) listen()
}

if (place) {
  document.addEventListener("penstock:changed", again)
  past().then(() => { if (place.dataset.source) listen(); else setInterval(past, AGAIN_MS) })
}
