#!/usr/bin/env python3
"""Looks at the pages of `ecsctl serve` in a real browser, over the pipe of its DevTools.

    look-at-served-pages.py BROWSER ECSCTL WORK SCREENSHOTS

Logs in, looks at the list and at a run while it goes on, in light and dark and at two widths: no error on the console, nothing
wider than the window, no text without contrast, and a page that changes without being loaded again. WORK has a store and the
variables of a simulator (sim.env).
"""

import base64
import json
import os
import re
import subprocess
import sys
import time

BROWSER, ECSCTL, WORK, SCREENSHOTS = sys.argv[1:]
STORE = f"sqlite:{WORK}/fleet.db"
LIMIT = 60

# Contrast of each text with what is behind it, and what is wider than the window.
CHECK = r"""
(() => {
  const found = [];
  const number = (color) => {
    const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const over = (top, below) => {
    const alpha = top[3] / 255;
    return [0, 1, 2].map((part) => top[part] * alpha + below[part] * (1 - alpha)).concat(255);
  };
  const behind = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(number(getComputedStyle(at).backgroundColor));
    const canvas = matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18, 255] : [255, 255, 255, 255];
    return layers.reverse().reduce((below, layer) => over(layer, below), canvas);
  };
  const luminance = (color) => {
    const [r, g, b] = color.slice(0, 3).map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  for (const element of document.querySelectorAll("body *:not(svg *)")) {
    const text = [...element.childNodes].filter((node) => node.nodeType === 3 && node.textContent.trim());
    if (!text.length || !element.checkVisibility({ opacityProperty: true }) || element.closest("button")) continue;
    const style = getComputedStyle(element);
    const ground = behind(element);
    const ink = number(style.color);
    ink[3] *= parseFloat(style.opacity);
    const [one, other] = [luminance(over(ink, ground)), luminance(ground)].sort((a, b) => b - a);
    const contrast = (one + 0.05) / (other + 0.05);
    if (contrast < 4.5) found.push(`contrast ${contrast.toFixed(1)}: ${element.textContent.trim().slice(0, 40)}`);
  }
  if (document.documentElement.scrollWidth > innerWidth + 1) {
    const wide = [...document.querySelectorAll("body *")].filter((element) => element.getBoundingClientRect().right > innerWidth + 1);
    const inside = wide.filter((element) => !element.closest(".wide, #drawing, #waves, #problems, .skip"));
    found.push(`the page is wider than the window: ${inside.slice(0, 3).map((element) => element.outerHTML.slice(0, 120))}`);
  }
  if (document.querySelectorAll("h1").length !== 1) found.push("not one heading");
  for (const cell of document.querySelectorAll("th:not([scope])")) if (!cell.closest("#drawing, #waves, #problems")) found.push(`no scope: ${cell.textContent}`);
  for (const input of document.querySelectorAll("input:not([type=hidden])")) if (!input.labels.length) found.push("an input without a label");
  return [...new Set(found)].slice(0, 20);
})()
"""


ROWS = "[...document.getElementById('rows').rows].map((row) => row.className + row.textContent).join('|')"


class Browser:
    """Chromium, as its DevTools protocol speaks over two pipes."""

    def __init__(self):
        to_browser, self.write = os.pipe()
        self.read, from_browser = os.pipe()

        def pipes():
            # Copies first: one of them may have the number that another is to have.
            reading, writing = os.dup(to_browser), os.dup(from_browser)
            os.dup2(reading, 3)
            os.dup2(writing, 4)

        profile = os.path.join(WORK, "profile")
        command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"]
        self.process = subprocess.Popen(command, preexec_fn=pipes, close_fds=False, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self.buffer, self.number, self.errors = b"", 0, []
        self.session = None
        targets = self.call("Target.getTargets")["targetInfos"]
        target = next(target for target in targets if target["type"] == "page")
        attached = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self.session = attached["sessionId"]
        for domain in ["Page", "Runtime", "Log", "Network"]:
            self.call(f"{domain}.enable")

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.next()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.event(answer)

    def next(self):
        while b"\0" not in self.buffer:
            piece = os.read(self.read, 1 << 20)
            if not piece:
                raise RuntimeError("the browser ended")
            self.buffer += piece
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def event(self, event):
        method, parameters = event.get("method"), event.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.errors.append(str(parameters["exceptionDetails"])[:300])
        elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning"):
            self.errors.append(str(parameters["args"])[:300])
        elif method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
            self.errors.append(f"{parameters['entry']['text']} {parameters['entry'].get('url', '')}")

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"])
        return result["result"].get("value")

    def go(self, url):
        self.call("Page.navigate", url=url)
        self.until(f"the page {url.split('#')[0]}", "document.readyState === 'complete' && location.href !== 'about:blank'")

    def until(self, what, expression, limit=LIMIT):
        end = time.monotonic() + limit
        while True:
            try:
                if self.evaluate(expression):
                    return
            except RuntimeError:
                # The page is being loaded.
                pass
            if time.monotonic() > end:
                raise RuntimeError(f"not within {limit} s: {what}: {self.evaluate('document.body.innerText')[:500]}")
            time.sleep(0.1)

    def look(self, name):
        """Checks what is shown in light and dark and at two widths, and takes pictures."""
        wrong = []
        for scheme in ["light", "dark"]:
            self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
            for width, height in [(1200, 900), (360, 740)]:
                self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
                self.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
                for found in self.evaluate(CHECK):
                    wrong.append(f"{name}, {scheme}, {width}: {found}")
                picture = self.call("Page.captureScreenshot", format="png")["data"]
                with open(f"{SCREENSHOTS}/{name}-{scheme}-{width}.png", "wb") as file:
                    file.write(base64.b64decode(picture))
        return wrong


def variables():
    """The variables of the simulator."""
    environment = dict(os.environ, XDG_STATE_HOME=f"{WORK}/state")
    with open(f"{WORK}/sim.env", encoding="utf-8") as file:
        for line in file:
            name, value = re.fullmatch(r"export (\w+)='?(.*?)'?\n", line).groups()
            environment[name] = value
    return environment


def main():
    environment = variables()
    reboot = [ECSCTL, "reboot", "--all", "--yes", "--quiet", "--show", "none", "--store", STORE, "--batch-size", "4", "--servers-per-minute", "30"]
    serve = subprocess.Popen([ECSCTL, "serve", "--store", STORE, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    processes = [serve]
    wrong = []
    try:
        url = json.loads(serve.stdout.readline())["url"]
        login = next(found[0] for found in (re.search(r"http\S+/login#\w+", line) for line in serve.stderr) if found)
        browser = Browser()
        processes.append(browser.process)

        browser.go(url)
        browser.until("the page that asks for the token", "location.pathname === '/login'")
        wrong += browser.look("login")
        browser.go(login)
        browser.until("the list", "location.pathname === '/' && !location.hash && document.getElementById('live').textContent === 'Live'")
        browser.evaluate("window.mark = 1")

        run = subprocess.Popen(reboot, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
        processes.append(run)
        browser.until("a run that goes on in the list", "document.querySelector('tr.run.running') && /succeeded/.test(document.querySelector('tr.run').textContent)")
        wrong += browser.look("list")
        browser.evaluate("document.querySelector('tr.run.running a').click()")
        browser.until("the page of the run", "location.pathname.startsWith('/runs/') && document.getElementById('live').textContent === 'Live'")
        browser.evaluate("window.mark = 2; document.getElementById('only-succeeded').checked = true")
        before = browser.evaluate("document.getElementById('headline').textContent")
        browser.until("a change of the page of the run", f"document.getElementById('headline').textContent !== {json.dumps(before)}")
        wrong += browser.look("run")
        browser.until("the end of the run", "/ended/.test(document.getElementById('process').textContent)", 120)
        shown = browser.evaluate(ROWS)
        if browser.evaluate("window.mark") != 2 or not browser.evaluate("document.getElementById('only-succeeded').checked"):
            wrong.append("the page of the run was loaded again, or lost what was chosen on it")
        wrong += browser.look("ended")
        # What came piece by piece is what is there when it is loaded.
        browser.call("Page.reload")
        browser.until("the page, loaded again", "!window.mark && document.getElementById('live')?.textContent === 'Live'")
        if browser.evaluate(ROWS) != shown:
            wrong.append("the page of the run differs from the same page when it is loaded")

        browser.call("Emulation.setScriptExecutionDisabled", value=True)
        browser.call("Page.reload")
        browser.until("the page without scripts", "!!document.querySelector('tr.s')")
        loaded = browser.evaluate("performance.timeOrigin")
        browser.until("the page without scripts, loaded again", f"performance.timeOrigin !== {loaded}")
        browser.call("Emulation.setScriptExecutionDisabled", value=False)
        browser.go(url)
        browser.evaluate("document.querySelector('header form button').click()")
        browser.until("the login after the logout", "location.pathname === '/login'")
        wrong += [f"on the console: {error}" for error in browser.errors]
    finally:
        for process in reversed(processes):
            process.terminate()
        for process in processes:
            process.wait()
    for line in wrong:
        print(f"serve: {line}")
    print(f"serve: looked at the login, the list and a run; {len(wrong)} problems")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
