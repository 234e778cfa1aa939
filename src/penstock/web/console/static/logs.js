// Follows the output of a task, and marks what is searched for.

const log = document.getElementById("log")
const search = document.getElementById("search")
const follow = document.getElementById("follow")
const matches = document.getElementById("matches")
const CHARACTERS_MAX = 2_000_000
const MARKS_MAX = 2_000
let text = ""
let attempt = 0
let offset = 0
let drawn = false
let here = 0

function draw() {
  drawn = false
  const wanted = search.value
  log.replaceChildren()
  if (wanted) mark(wanted)
  else log.textContent = text
  if (!wanted) matches.textContent = ""
  if (follow.checked && !wanted) log.scrollTop = log.scrollHeight
}

// Upper and lower case are the same; only so many places are marked that the page stays quick.
function mark(wanted) {
  const shape = new RegExp(wanted.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "gi")
  let from = 0
  let count = 0
  for (const found of text.matchAll(shape)) {
    count += 1
    if (count > MARKS_MAX) continue
    const one = document.createElement("mark")
    one.textContent = found[0]
    log.append(text.slice(from, found.index), one)
    from = found.index + found[0].length
  }
  log.append(text.slice(from))
  here = Math.min(here, Math.max(Math.min(count, MARKS_MAX) - 1, 0))
  show(count)
}

function show(count) {
  const marks = log.querySelectorAll("mark")
  const words = count ? matches.dataset.some : matches.dataset.none
  matches.textContent = words.replace("{number}", here + 1).replace("{count}", count)
  marks.forEach((one, n) => one.toggleAttribute("data-here", n === here))
  matches.dataset.count = count
  if (!follow.checked) marks[here]?.scrollIntoView({ block: "nearest" })
}

function soon() {
  if (!drawn) { drawn = true; requestAnimationFrame(draw) }
}

function listen() {
  const source = new EventSource(`${log.dataset.source}&attempt=${attempt}&offset=${offset}`)
  source.addEventListener("log", (event) => {
    const piece = JSON.parse(event.data)
    if (piece.attempt !== attempt) {
      attempt = piece.attempt
      text += `── ${log.dataset.attempt.replace("{number}", attempt)} ──\n`
    }
    offset = piece.offset + new TextEncoder().encode(piece.text).length
    text = (text + piece.text).slice(-CHARACTERS_MAX)
    soon()
  })
  source.addEventListener("end", () => source.close())
  source.onerror = () => { source.close(); setTimeout(listen, 1000) }
}

search.addEventListener("input", () => { here = 0; follow.checked = !search.value; draw() })
search.addEventListener("keydown", (event) => {
  const marks = log.querySelectorAll("mark").length
  if (event.key !== "Enter" || !marks) return
  event.preventDefault()
  here = (here + (event.shiftKey ? marks - 1 : 1)) % marks
  show(Number(matches.dataset.count))
})
follow.addEventListener("change", () => { if (follow.checked) { search.value = ""; draw() } })
log.addEventListener("scroll", () => {
  if (log.scrollTop + log.clientHeight < log.scrollHeight - 40) follow.checked = false
})
listen()
