// Draws every device of the fleet as a square, node by node. Where each one stands is found once for a width, and
// the squares are pixels of one buffer: of thousands, only those that changed are filled anew.

const canvas = document.getElementById("map")
const tip = document.getElementById("tip")
const legend = document.getElementById("map-legend")
const words = JSON.parse(legend.dataset.words)
const LINES = {
  available: "--no_demand", occupied: "--productive", planned: "--track", cordoned: "--draining", draining: "--draining",
  maintenance: "--maintenance", down: "--lost_work", retired: "--rule", "": "--no_demand", not_measured: "--track",
}
const STEPS = { idle: 12, quarter_1: 35, quarter_2: 55, quarter_3: 78, quarter_4: 100 }
const TURN = ["--productive", "--reserved_unused", "--starting", "--no_fit_software", "--accent", "--stalled", "--no_fit_price",
  "--no_fit_model", "--lost_work", "--no_fit_fragmentation", "--no_fit_quota", "--no_fit_place"]
const AGAIN_MS = 60_000
const MARGIN = 8
let layout = ""
let nodes = []
let devices = []
let kinds = []
let names = []
let places = { width: 0, of: null, x: [], y: [], side: 0, height: 0 }
let image = null
let pixels = null
let shown = null

// A custom property holds light-dark(…), which only a painted element resolves; a pixel of it is a number.
const probe = document.createElement("i")
probe.hidden = true
document.body.append(probe)
const dot = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true })
function shade(name, n) {
  const step = STEPS[name]
  probe.style.color = step ? `color-mix(in srgb, var(--productive) ${step}%, var(--track))` : `var(${LINES[name] ?? TURN[n % TURN.length]})`
  return getComputedStyle(probe).color
}
function pixelOf(colour) {
  dot.clearRect(0, 0, 1, 1)
  dot.fillStyle = colour
  dot.fillRect(0, 0, 1, 1)
  return new Uint32Array(dot.getImageData(0, 0, 1, 1).data.buffer)[0]
}

// In device pixels, for a canvas of so many of them.
function place(width, ratio) {
  const side = Math.round(Math.max(4, Math.min(22, Math.floor(Math.sqrt((width * 420) / ratio / Math.max(devices.length * 1.35, 1))))) * ratio)
  const gap = Math.round((side > 7 * ratio ? 2 : 1) * ratio)
  const margin = MARGIN * ratio
  const found = { width, of: nodes, side, gap, x: new Int32Array(devices.length), y: new Int32Array(devices.length), height: 0 }
  let [x, y, number] = [margin, margin, 0]
  for (const [, own] of nodes) {
    const columns = own.length > 4 ? Math.ceil(own.length / 2) : Math.max(own.length, 1)
    const wide = columns * (side + gap) + gap * 3
    if (x + wide > width - margin) { x = margin; y += 2 * (side + gap) + gap * 4 }
    for (let n = 0; n < own.length; n += 1, number += 1) {
      found.x[number] = x + (n % columns) * (side + gap)
      found.y[number] = y + Math.floor(n / columns) * (side + gap)
    }
    x += wide
  }
  found.height = Math.ceil(y + 2 * (side + gap) + margin)
  return found
}

function draw(anew = false) {
  const ratio = devicePixelRatio || 1
  const width = Math.round(canvas.clientWidth * ratio)
  if (!width || !devices.length) return
  if (anew || places.width !== width || places.of !== nodes) {
    places = place(width, ratio)
    canvas.width = width
    canvas.height = places.height
    canvas.style.height = `${places.height / ratio}px`
    image = new ImageData(width, places.height)
    pixels = new Uint32Array(image.data.buffer)
    shown = null
  }
  const palette = names.map((name, n) => pixelOf(shade(name, n)))
  const { x, y, side } = places
  let [top, bottom] = [places.height, 0]
  const now = new Uint32Array(devices.length)
  for (let n = 0; n < devices.length; n += 1) {
    now[n] = palette[kinds[n]]
    if (shown && shown[n] === now[n]) continue
    for (let row = y[n], at = y[n] * width + x[n]; row < y[n] + side; row += 1, at += width) pixels.fill(now[n], at, at + side)
    top = Math.min(top, y[n])
    bottom = Math.max(bottom, y[n] + side)
  }
  shown = now
  if (bottom > top) canvas.getContext("2d").putImageData(image, 0, 0, 0, top, width, bottom - top)
}

function list() {
  const counts = names.map(() => 0)
  for (const kind of kinds) counts[kind] += 1
  const order = names.map((_, n) => n).sort((one, other) => counts[other] - counts[one])
  legend.replaceChildren(...order.map((n) => {
    const item = document.createElement("li")
    const swatch = document.createElement("span")
    swatch.className = "swatch"
    swatch.style.background = shade(names[n], n)
    item.append(swatch, `${words[names[n]] ?? names[n]} ${counts[n].toLocaleString("en")}`)
    return item
  }))
}

async function load() {
  const answer = await fetch(`${canvas.dataset.source}&known=${layout}`)
  if (!answer.ok) return
  const told = await answer.json()
  if (told.nodes) {
    nodes = told.nodes
    devices = nodes.flatMap(([node, own]) => own.map((name) => [name, node]))
  }
  layout = told.layout
  names = told.names
  kinds = told.kinds
  draw()
  list()
}

function at(event) {
  const ratio = devicePixelRatio || 1
  const [x, y] = [event.offsetX * ratio, event.offsetY * ratio]
  const reach = places.side + places.gap
  for (let n = 0; n < devices.length; n += 1) {
    if (x >= places.x[n] && x < places.x[n] + reach && y >= places.y[n] && y < places.y[n] + reach) return n
  }
  return -1
}

if (canvas) {
  canvas.addEventListener("mousemove", (event) => {
    const n = at(event)
    tip.textContent = n < 0 ? "" : `${devices[n][0]} · ${devices[n][1]} · ${words[names[kinds[n]]] ?? names[kinds[n]]}`
  })
  canvas.addEventListener("click", (event) => {
    const n = at(event)
    if (n >= 0) location.href = `/fleet/devices/${encodeURIComponent(devices[n][0])}`
  })
  new ResizeObserver(() => draw()).observe(canvas)
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { draw(true); list() })
  document.addEventListener("penstock:changed", load)
  if (canvas.dataset.colour === "activity") setInterval(load, AGAIN_MS)
  load()
}
