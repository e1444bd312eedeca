#!/usr/bin/env python3
"""Draws docs/session.svg, the picture of the README: a real session of ecsctl on a terminal.

    pip install pyte==0.8.2
    cargo build --release -p ecs-cli
    docs/session.py target/release/ecsctl

Runs the commands below on a pseudo-terminal, against `ecsctl sim`, and draws what the terminal showed at the end. Ids and times of
jobs differ from run to run, the servers and their outcomes do not.
"""

import fcntl
import html
import os
import pty
import struct
import subprocess
import sys
import tempfile
import termios
import time

import pyte

COLUMNS, ROWS = 100, 400
COMMANDS = [
    "ecsctl reboot --all --wave 25% --max-failures 1 --yes --journal run.jsonl",
    "ecsctl explain Ecs.0227",
    "ecsctl resume run.jsonl --yes -q --show none",
    "ecsctl rerun run.jsonl --failed --yes --journal again.jsonl -q",
]
COLORS = {"red": "#ff7b72", "green": "#7ee787", "brown": "#e3b341", "yellow": "#e3b341", "blue": "#79c0ff", "magenta": "#d2a8ff"}
TEXT, BACK = "#e6edf3", "#0d1117"
CHAR, LINE = 8.43, 19


def run_on_terminal(screen, command, environment, folder):
    """Runs a command on a terminal of its own and shows its output on the screen."""
    pid, master = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execvpe("sh", ["sh", "-c", f"sleep 0.2; {command}"], environment)
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
    stream = pyte.ByteStream(screen)
    while True:
        try:
            data = os.read(master, 65536)
        except OSError:
            break
        if not data:
            break
        stream.feed(data)
    os.waitpid(pid, 0)
    os.close(master)


def svg(lines):
    """The rows of the screen as an image: a text for each run of characters in one style."""
    width, height = COLUMNS * CHAR + 32, len(lines) * LINE + 56
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" height="{height}" role="img">',
        "<title>A session of ecsctl on a terminal</title>",
        f'<rect width="100%" height="100%" rx="8" fill="{BACK}"/>',
        '<circle cx="20" cy="18" r="6" fill="#ff5f56"/><circle cx="40" cy="18" r="6" fill="#ffbd2e"/>'
        '<circle cx="60" cy="18" r="6" fill="#27c93f"/>',
        '<g font-family="ui-monospace,SFMono-Regular,Menlo,DejaVu Sans Mono,monospace" font-size="14" style="white-space:pre">',
    ]
    for row, line in enumerate(lines):
        at = 0
        while at < len(line):
            style = (line[at].fg, line[at].bold)
            end = at
            while end < len(line) and (line[end].fg, line[end].bold) == style:
                end += 1
            text = "".join(char.data for char in line[at:end])
            at += len(text) - len(text.lstrip())
            text = text.strip().replace(" ", "\u00a0")
            if text.strip("\u00a0"):
                color = COLORS.get(style[0], TEXT)
                weight = ' font-weight="bold"' if style[1] else ""
                x, y, length = 16 + at * CHAR, 52 + row * LINE, len(text) * CHAR
                parts.append(
                    f'<text x="{x:.1f}" y="{y}" fill="{color}"{weight} textLength="{length:.1f}">{html.escape(text)}</text>'
                )
            at = end
    return "\n".join(parts + ["</g>", "</svg>", ""])


def main():
    program = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(program, os.path.join(folder, "ecsctl"))
        environment = {
            "PATH": f"{folder}:/usr/bin:/bin",
            "HOME": folder,
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
        }
        variables = os.path.join(folder, "sim.env")
        options = ["--servers", "40", "--speed", "20", "--fail", "8%", "--env-file", variables]
        sim = subprocess.Popen([program, "sim", *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
        try:
            while not os.path.exists(variables) or not os.path.getsize(variables):
                time.sleep(0.05)
            with open(variables, encoding="utf-8") as lines:
                for line in lines:
                    name, value = line.removeprefix("export ").strip().split("=", 1)
                    environment[name] = value
            screen = pyte.Screen(COLUMNS, ROWS)
            prompt = pyte.ByteStream(screen)
            for command in COMMANDS:
                prompt.feed(f"\x1b[1;32m$\x1b[0m \x1b[1m{command}\x1b[0m\r\n".encode())
                run_on_terminal(screen, command, environment, folder)
        finally:
            sim.terminate()
            sim.wait()
    rows = [[screen.buffer[row][column] for column in range(COLUMNS)] for row in range(ROWS)]
    while rows and not "".join(char.data for char in rows[-1]).strip():
        rows.pop()
    target = os.path.join(os.path.dirname(os.path.abspath(__file__)), "session.svg")
    with open(target, "w", encoding="utf-8") as file:
        file.write(svg(rows))
    print(f"{target}: {len(rows)} lines")


main()
