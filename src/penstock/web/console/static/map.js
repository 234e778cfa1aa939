// Draws every device of the fleet as a square, node by node; thousands of them, so on a canvas.

const canvas = document.getElementById("map")
const tip = document.getElementById("tip")
const legend = document.getElementById("map-legend")
const words = JSON.parse(legend.dataset.words)
const LINES = {
  available: "--no_demand", occupied: "--productive", planned: "--track", cordoned: "--draining", draining: "--draining",
  maintenance: "--maintenance", down: "--lost_work", retired: "--rule", "": "--no_demand",
}
const TURN = ["--productive", "--reserved_unused", "--starting", "--no_fit_software", "--accent", "--stalled", "--no_fit_price",
  "--no_fit_model", "--lost_work", "--no_fit_fragmentation", "--no_fit_quota", "--no_fit_place"]
let fleet = { names: [], nodes: [] }
let boxes = []
let size = 10

// A custom property holds light-dark(…), which only a painted element resolves.
const probe = document.createElement("i")
probe.hidden = true
document.body.append(probe)
function colour(variable) {
  probe.style.color = `var(${variable})`
  return getComputedStyle(probe).color
}

function shade(name, n) {
  return colour(LINES[name] ?? TURN[n % TURN.length])
}

function layout(width) {
  const total = fleet.nodes.reduce((sum, [, devices]) => sum + devices.length, 0)
  size = Math.max(4, Math.min(22, Math.floor(Math.sqrt((width * 420) / Math.max(total * 1.35, 1)))))
  const gap = size > 7 ? 2 : 1
  boxes = []
  let x = 8
  let y = 8
  for (const [node, devices] of fleet.nodes) {
    const columns = devices.length > 4 ? Math.ceil(devices.length / 2) : Math.max(devices.length, 1)
    const wide = columns * (size + gap) + gap * 3
    if (x + wide > width - 8) { x = 8; y += 2 * (size + gap) + gap * 4 }
    devices.forEach(([name, kind], n) => {
      boxes.push({ name, node, kind, x: x + (n % columns) * (size + gap), y: y + Math.floor(n / columns) * (size + gap) })
    })
    x += wide
  }
  return y + 2 * (size + gap) + 10
}

function draw() {
  const width = canvas.clientWidth
  const height = layout(width)
  const ratio = devicePixelRatio || 1
  canvas.width = width * ratio
  canvas.height = height * ratio
  canvas.style.height = `${height}px`
  const pen = canvas.getContext("2d")
  pen.scale(ratio, ratio)
  const colours = fleet.names.map(shade)
  for (let kind = 0; kind < colours.length; kind += 1) {
    pen.fillStyle = colours[kind]
    for (const box of boxes) if (box.kind === kind) pen.fillRect(box.x, box.y, size, size)
  }
}

function list() {
  const counts = fleet.names.map(() => 0)
  for (const [, devices] of fleet.nodes) for (const [, kind] of devices) counts[kind] += 1
  legend.replaceChildren(...fleet.names.map((name, n) => {
    const item = document.createElement("li")
    const swatch = document.createElement("span")
    swatch.className = "swatch"
    swatch.style.background = shade(name, n)
    item.append(swatch, `${words[name] ?? name} ${counts[n]}`)
    return item
  }))
}

async function load() {
  const answer = await fetch(canvas.dataset.source)
  if (!answer.ok) return
  fleet = await answer.json()
  draw()
  list()
}

function at(event) {
  const x = event.offsetX
  const y = event.offsetY
  return boxes.find((box) => x >= box.x && x < box.x + size + 1 && y >= box.y && y < box.y + size + 1)
}

if (canvas) {
  canvas.addEventListener("mousemove", (event) => {
    const box = at(event)
    tip.textContent = box ? `${box.name} · ${box.node} · ${words[fleet.names[box.kind]] ?? fleet.names[box.kind]}` : ""
  })
  canvas.addEventListener("click", (event) => {
    const box = at(event)
    if (box) location.href = `/fleet/devices/${encodeURIComponent(box.name)}`
  })
  new ResizeObserver(draw).observe(canvas)
  document.addEventListener("penstock:changed", load)
  load()
}
