"""How soon a browser paints a page of the dashboard: a benchmark, which asserts nothing.

    python first_paint.py URL [PATH…]

Opens each page some times in a fresh context of a Chromium without a window, cold and then with its
styles and scripts kept, and prints the milliseconds from the navigation to the first paint, to the
answer's first byte and to its last, at the median and at the worst. EDGE_KEY signs in where that is
needed. URL is an edge over the ledger that is meant, in a release build, with nothing else going on.
"""

import os
import shutil
import statistics
import sys

from playwright.sync_api import sync_playwright

ROUNDS = 15
PATHS = ["", "?range=90d", "/requests"]
TIMES = """() => {
    const [page] = performance.getEntriesByType("navigation");
    const paints = performance.getEntriesByType("paint").map((entry) => [entry.name, entry.startTime]);
    return { first: page.responseStart, last: page.responseEnd, ...Object.fromEntries(paints) };
}"""


def launch(playwright):
    program = shutil.which("chromium") or shutil.which("google-chrome")
    # Root has no sandbox in Chromium; containers often have root alone.
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    return playwright.chromium.launch(executable_path=program, args=options)


def sign_in(page, url):
    page.goto(f"{url}/dashboard/sign-in")
    page.get_by_label("Key").fill(os.environ["EDGE_KEY"])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/dashboard")


def times(browser, url, path, is_warm):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    if "EDGE_KEY" in os.environ:
        sign_in(page, url)
    if is_warm:
        page.goto(f"{url}/dashboard/playground")
    page.goto(f"{url}/dashboard{path}", wait_until="load")
    # Not by wait_for_function: that evaluates text in the page, which the page's policy forbids.
    while "first-paint" not in (told := page.evaluate(TIMES)):
        page.wait_for_timeout(20)
    context.close()
    return told


def main():
    url, paths = sys.argv[1].rstrip("/"), sys.argv[2:] or PATHS
    with sync_playwright() as playwright:
        browser = launch(playwright)
        times(browser, url, "/playground", False)
        for path in paths:
            for name, is_warm in [("cold", False), ("warm", True)]:
                all_times = [times(browser, url, path, is_warm) for _ in range(ROUNDS)]
                line = f"{'/dashboard' + path:<24} {name}"
                for label, key in [("first paint", "first-paint"), ("first byte", "first"), ("last byte", "last")]:
                    values = [told[key] for told in all_times]
                    line += f"   {label} p50 {statistics.median(values):6.1f} ms max {max(values):6.1f} ms"
                print(line, flush=True)
        browser.close()


if __name__ == "__main__":
    main()
