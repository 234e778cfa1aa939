// Follows the output of a task, and marks what is searched for.

const log = document.getElementById("log")
const search = document.getElementById("search")
const follow = document.getElementById("follow")
const CHARACTERS_MAX = 2_000_000
let text = ""
let attempt = 0
let offset = 0
let drawn = false

function draw() {
  drawn = false
  const wanted = search.value
  log.replaceChildren()
  if (!wanted) {
    log.textContent = text
  } else {
    const parts = text.split(wanted)
    parts.forEach((part, n) => {
      log.append(part)
      if (n < parts.length - 1) {
        const mark = document.createElement("mark")
        mark.textContent = wanted
        log.append(mark)
      }
    })
    if (!follow.checked) log.querySelector("mark")?.scrollIntoView({ block: "nearest" })
  }
  if (follow.checked && !wanted) log.scrollTop = log.scrollHeight
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

search.addEventListener("input", () => { follow.checked = !search.value; draw() })
log.addEventListener("scroll", () => {
  if (log.scrollTop + log.clientHeight < log.scrollHeight - 40) follow.checked = false
})
listen()
