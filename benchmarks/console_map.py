"""How many times a second Chromium draws the map of devices anew."""

import shutil

from playwright.sync_api import sync_playwright

ARGUMENTS = ("--no-sandbox", "--disable-gpu")
FRAMES = """async (frames) => {
  const map = document.getElementById("map")
  const tick = () => new Promise((resolve) => requestAnimationFrame(resolve))
  await tick()
  const began = performance.now()
  for (let n = 0; n < frames; n += 1) {
    map.style.width = `${1000 + (n % 2)}px`  // another width has every device placed and drawn again
    await tick()
  }
  await tick()
  return (frames * 1000) / (performance.now() - began)
}"""


def draws(url: str, token: str, frames: int) -> float:
    """Frames a second, each with another width; the median of five tries, without a graphics card."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(ARGUMENTS))
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"{url}/sign-in")
        page.fill("#secret", token)
        page.click("button.main")
        page.wait_for_url("**/overview", timeout=120_000)
        page.goto(f"{url}/fleet")
        page.wait_for_selector("#map-legend li", timeout=60_000)
        found = sorted(page.evaluate(FRAMES, frames) for _ in range(5))
        browser.close()
    print(f"map: {found[2]:.1f} frames a second ({found[0]:.1f} to {found[-1]:.1f})", flush=True)
    return found[2]
