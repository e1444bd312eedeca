#!/usr/bin/env bash
# openstacksdk acts in a region other than the `region_name` of clouds.yaml.
#
# Where: openstacksdk 4.22.0 (keystoneauth1 5.18.1), a cloud of clouds.yaml with `region_name: eu-de` and
#   `regions: [eu-nl, eu-de]`, which lists both regions of the cloud.
# Behaviour: the connection goes to eu-nl, the first of `regions`. The SDK ignores `region_name` (`_get_known_regions` in
#   config/loader.py) without a warning, and uses the endpoint of eu-nl in the catalogue.
# Expected: the region that the cloud names, which is in the list; or an error.
# Why it matters: `regions` is added so that tools can iterate over all regions. From then on every script that relied on
#   `region_name` acts on the servers of another region.
#
# Prints what it saw. Exits with 0 if the behaviour is unchanged, 1 if it changed, 2 if it cannot be tested.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv && venv/bin/pip install -q --disable-pip-version-check openstacksdk==4.22.0 keystoneauth1==5.18.1 ||
    { echo "cannot install the packages" >&2; exit 2; }

cat > try.py <<'PYTHON'
import http.server, json, os, sys, threading, warnings

warnings.simplefilter("ignore")


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
        self.rfile.read(int(self.headers["Content-Length"]))
        catalog = [{"type": "compute", "name": "nova", "id": "n", "endpoints": [
            {"id": r, "interface": "public", "region": r, "region_id": r, "url": f"{BASE}/{r}/v2.1"} for r in ("eu-de", "eu-nl")]}]
        self.reply(201, {"token": {"methods": ["password"], "expires_at": "2036-01-01T00:00:00Z", "issued_at": "2026-01-01T00:00:00Z",
                                   "user": {"id": "u", "name": "u", "domain": {"id": "d", "name": "d"}}, "roles": [],
                                   "project": {"id": "p", "name": "p", "domain": {"id": "d", "name": "d"}}, "catalog": catalog}},
                   **{"X-Subject-Token": "t"})

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Keystone)
BASE = "http://127.0.0.1:%d" % server.server_address[1]
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["no_proxy"] = "127.0.0.1"
for name in [name for name in os.environ if name.startswith("OS_")]:
    del os.environ[name]
AUTH = f"auth: {{auth_url: '{BASE}/v3', username: u, password: p, user_domain_name: d, project_name: p, project_domain_name: d}}"
with open("clouds.yaml", "w") as file:
    file.write(f"clouds:\n  plain:\n    {AUTH}\n    region_name: eu-de\n"
               f"  listed:\n    {AUTH}\n    region_name: eu-de\n    regions: [eu-nl, eu-de]\n")
import openstack

seen = {}
for cloud in ("plain", "listed"):
    connection = openstack.connect(cloud=cloud)
    seen[cloud] = (connection.config.get_region_name(), connection.compute.get_endpoint().removeprefix(BASE))
    print(f"cloud {cloud}, region_name eu-de: acts in {seen[cloud][0]}, compute at {seen[cloud][1]}")
still = seen["plain"][0] == "eu-de" and seen["listed"][0] == "eu-nl" and seen["listed"][1].startswith("/eu-nl")
print("unchanged" if still else "changed")
sys.exit(0 if still else 1)
PYTHON
venv/bin/python try.py
