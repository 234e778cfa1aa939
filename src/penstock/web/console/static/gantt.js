// The calendar opens at the present, and is dragged to look around.

const calendar = document.getElementById("gantt")
if (calendar) {
  calendar.scrollLeft = Number(calendar.dataset.now) - Math.min(120, calendar.clientWidth / 3)
  let from = null
  let moved = false
  calendar.addEventListener("pointerdown", (event) => {
    from = { x: event.clientX, left: calendar.scrollLeft }
    moved = false
  })
  addEventListener("pointermove", (event) => {
    if (from === null) return
    const distance = event.clientX - from.x
    if (Math.abs(distance) > 4) { moved = true; calendar.classList.add("dragged") }
    if (moved) calendar.scrollLeft = from.left - distance
  })
  addEventListener("pointerup", () => { from = null; calendar.classList.remove("dragged") })
  calendar.addEventListener("click", (event) => { if (moved) event.preventDefault() }, true)
  calendar.addEventListener("dragstart", (event) => event.preventDefault())
}
