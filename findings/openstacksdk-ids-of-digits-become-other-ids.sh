#!/usr/bin/env bash
# openstacksdk logs in for a project other than the id in clouds.yaml, if that id consists of octal digits, or is null.
#
# Where: openstacksdk 4.22.0 with PyYAML 6.0.4, `project_id` in clouds.yaml without quotes.
# Behaviour: project ids are 32 hexadecimal digits. An id that begins with 0 and has only the digits 0 to 7 is a number of YAML 1.1.
#   The SDK turns the number into text: the scope of the login is `{"id": "1616895878810725189668911479"}`. `project_id:` without a
#   value, beside a project_name, becomes `{"id": "None"}`. A password `0123` is sent as `83`. The SDK prints no warning.
# Expected: the literal characters of the file (the values are texts by definition), and a null that is ignored, like a
#   missing key.
# Why it matters: a login that fails with "project not found" or "wrong password" shows neither the value nor the reason. The
#   wrong passwords count towards the user's lock.
#
# Prints what it saw. Exits with 0 if the behaviour is unchanged, 1 if it changed, 2 if it cannot be tested.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv && venv/bin/pip install -q --disable-pip-version-check openstacksdk==4.22.0 keystoneauth1==5.18.1 PyYAML==6.0.4 ||
    { echo "cannot install the packages" >&2; exit 2; }

cat > try.py <<'PYTHON'
import http.server, json, os, sys, threading, warnings

warnings.simplefilter("ignore")
logins = []


class Keystone(http.server.BaseHTTPRequestHandler):
    def reply(self, status, body, **headers):
        text = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(text)), "Content-Type": "application/json"}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        self.reply(200, {"version": {"id": "v3.14", "status": "stable", "links": [{"rel": "self", "href": BASE + "/v3/"}]}})

    def do_POST(self):
        logins.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["auth"])
        self.reply(201, {"token": {"methods": ["password"], "expires_at": "2036-01-01T00:00:00Z", "issued_at": "2026-01-01T00:00:00Z",
                                   "user": {"id": "u", "name": "u", "domain": {"id": "d", "name": "d"}}, "roles": [], "catalog": []}},
                   **{"X-Subject-Token": "t"})

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Keystone)
BASE = "http://127.0.0.1:%d" % server.server_address[1]
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["no_proxy"] = "127.0.0.1"
for name in [name for name in os.environ if name.startswith("OS_")]:
    del os.environ[name]
import openstack

seen = []
for written in ("project_id: 01234567012345670123456701234567, password: pw",
                "project_id: , project_name: prod, password: pw",
                "project_name: prod, password: 0123"):
    with open("clouds.yaml", "w") as file:
        file.write(f"clouds:\n  one:\n    auth: {{auth_url: '{BASE}/v3', username: u, user_domain_name: d, project_domain_name: d, {written}}}\n")
    openstack.connect(cloud="one").session.get_token()
    scope, password = logins[-1].get("scope"), logins[-1]["identity"]["password"]["user"]["password"]
    seen.append((scope["project"].get("id"), password))
    print(f"written: {written}\n   sent: scope {scope}, password {password!r}")
still = seen[0][0] == "1616895878810725189668911479" and seen[1][0] == "None" and seen[2][1] == "83"
print("unchanged" if still else "changed")
sys.exit(0 if still else 1)
PYTHON
venv/bin/python try.py
