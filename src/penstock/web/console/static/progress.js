// Tells how far a rehearsal is, and shows what it came to when it ends.

const bar = document.getElementById("progress")
const words = document.getElementById("progress-words")

function listen() {
  const source = new EventSource(bar.dataset.source)
  source.addEventListener("progress", (event) => {
    const told = JSON.parse(event.data)
    bar.value = told.done
    words.textContent = words.dataset.words.replace("{done}", told.done).replace("{of}", told.of)
  })
  source.addEventListener("end", () => { source.close(); location.reload() })
  source.onerror = () => { source.close(); setTimeout(listen, 1000) }
}

if (bar) listen()
