"""How many times a second Chromium draws the map of devices anew."""

import shutil

from playwright.sync_api import sync_playwright

ARGUMENTS = ("--no-sandbox", "--disable-gpu")
EACH = """async (frames) => {
  const map = document.getElementById("map")
  const tick = () => new Promise((resolve) => requestAnimationFrame(resolve))
  await tick()
  const began = performance.now()
  for (let n = 0; n < frames; n += 1) {
    ACT
    await tick()
  }
  await tick()
  return (frames * 1000) / (performance.now() - began)
}"""
RESIZED = "map.style.width = `${1000 + (n % 2)}px`"
"""Another width has every device placed and drawn again."""
CHANGED = 'document.dispatchEvent(new CustomEvent("penstock:changed"))'
ANSWERED = """(share) => {
  const told = { layout: "", names: ["available", "occupied", "down"], kinds: [] }
  const real = window.fetch
  window.fetch = async (path) => {
    if (!path.startsWith("/fleet/map")) return real(path)
    if (!told.kinds.length) Object.assign(told, await (await real(path.replace(/known=.*/, "known="))).json())
    delete told.nodes
    for (let n = 0; n < told.kinds.length * share; n += 1) {
      told.kinds[Math.floor(Math.random() * told.kinds.length)] = Math.floor(Math.random() * told.names.length)
    }
    return { ok: true, json: async () => told }
  }
}"""
"""The server's part is measured with the pages: here it answers at once, with other states of a share of the devices."""


def draws(url: str, token: str, frames: int) -> float:
    """Frames a second, the slower of two ways, each the median of five tries without a graphics card.

    Each frame has another width, so that all is placed anew; or the states of one device in a hundred have changed.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(ARGUMENTS))
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"{url}/sign-in")
        page.fill("#secret", token)
        page.click("button.main")
        page.wait_for_url("**/overview", timeout=120_000)
        page.goto(f"{url}/fleet")
        page.wait_for_selector("#map-legend li", timeout=60_000)
        found = {"resized": sorted(page.evaluate(EACH.replace("ACT", RESIZED), frames) for _ in range(5))}
        page.evaluate("document.getElementById('map').style.width = ''")
        page.evaluate(ANSWERED, 0.01)
        found["one in a hundred changed"] = sorted(
            page.evaluate(EACH.replace("ACT", CHANGED), frames) for _ in range(5)
        )
        browser.close()
    for name, tries in found.items():
        print(f"map, {name}: {tries[2]:.1f} frames a second ({tries[0]:.1f} to {tries[-1]:.1f})", flush=True)
    return min(tries[2] for tries in found.values())
