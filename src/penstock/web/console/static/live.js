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

document.querySelector(".top [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" })

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
  await renew("[data-live-part]")
}

async function renew(parts) {
  for (const part of document.querySelectorAll(parts)) {
    if (!part.contains(document.activeElement) || document.activeElement.tagName === "A") {
      await htmx.ajax("GET", location.pathname + location.search, {
        target: `#${part.id}`, select: `#${part.id}`, swap: "outerMorph",
      })
    }
  }
}

// Figures that are being made are looked for until they stand.
setInterval(() => { if (!document.hidden) renew("[data-making]") }, RETRY_MS)

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
  source.addEventListener("end", () => { source.close(); ended() })
  source.onerror = async () => {
    notice.textContent = document.body.dataset.lost
    notice.hidden = false
    source.close()
    if (await isSignedOut()) ended()
    else setTimeout(listen, RETRY_MS)
  }
}

// Who has no session is sent elsewhere; a server that is away answers nothing.
async function isSignedOut() {
  const leaving = new AbortController()
  try {
    const answer = await fetch(stream, { redirect: "manual", signal: leaving.signal })
    return answer.type === "opaqueredirect"
  } catch {
    return false
  } finally {
    leaving.abort()
  }
}

// What stands in a form stays; the way back in is a link.
function ended() {
  const link = document.createElement("a")
  link.href = `/sign-in?back=${encodeURIComponent(location.pathname + location.search)}`
  link.textContent = document.body.dataset.again
  notice.replaceChildren(`${document.body.dataset.ended} `, link)
  notice.hidden = false
}

if (stream) listen()
document.addEventListener("visibilitychange", () => { if (!document.hidden && stream) changed() })
