// Keeps a page current: when the centre says that something changed, the parts marked as live are fetched and morphed.

const PAUSE_MS = 700
const RETRY_MS = 1000

for (const field of document.querySelectorAll("[data-here]")) field.value = location.pathname + location.search
if (!document.cookie.includes("penstock_zone=")) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone
  const current = document.querySelector(".taste input[name=zone]")
  if (zone && current && current.value === "UTC" && zone !== "UTC") {
    document.cookie = `penstock_zone=${zone}; path=/; max-age=31622400; samesite=lax`
    location.reload()
  }
}

// A click or a scroll elsewhere closes an open menu.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.taste[open]")) if (!menu.contains(event.target)) menu.open = false
})

// What cannot be undone is asked about first.
document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.ask
  if (question && !confirm(question)) event.preventDefault()
})

const stream = document.body.dataset.live
const notice = document.getElementById("connection")
let known = null
let timer = null
let refreshed = 0

async function refresh() {
  timer = null
  refreshed = Date.now()
  if (document.hidden) return
  document.dispatchEvent(new CustomEvent("penstock:changed"))
  for (const part of document.querySelectorAll("[data-live-part]")) {
    if (!part.contains(document.activeElement) || document.activeElement.tagName === "A") {
      await htmx.ajax("GET", location.pathname + location.search, {
        target: `#${part.id}`, select: `#${part.id}`, swap: "outerMorph",
      })
    }
  }
}

function changed() {
  if (timer === null) timer = setTimeout(refresh, Math.max(0, PAUSE_MS - (Date.now() - refreshed)))
}

function listen() {
  const source = new EventSource(stream)
  source.addEventListener("changed", (event) => {
    notice.hidden = true
    if (known !== null && known !== event.data) changed()
    known = event.data
  })
  source.onerror = () => {
    notice.textContent = document.body.dataset.lost
    notice.hidden = false
    source.close()
    setTimeout(listen, RETRY_MS)
  }
}

if (stream) listen()
document.addEventListener("visibilitychange", () => { if (!document.hidden && stream) changed() })
