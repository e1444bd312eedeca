#!/usr/bin/env bash
# Apache Libcloud lists the first page of the servers only, with the driver that `get_driver(Provider.OPENSTACK)` gives.
#
# Where: apache-libcloud 3.9.1 (PyPI), OpenStack driver with Keystone v3 (`ex_force_auth_version="3.x_password"`).
# Behaviour: without `api_version` the driver is that of API 1.1. It works with a Nova v2.1 of the catalogue, but `list_nodes()` does
#   one GET and ignores `servers_links`, by which Nova names the next page (Nova ends a page at its `max_limit`, by default 1,000
#   servers). `api_version="2.2"` follows the links: the same call with the same server gives all servers.
# Expected: all servers, or an error when the list goes on. `list_nodes` is documented as the list of the nodes of a tenant.
# Why it matters: a script that restarts `for node in driver.list_nodes()` leaves out every server after the first page, and ends
#   with success. It works until the fleet, or the page limit of the cloud, crosses the line.
#
# Prints what it saw. Exits with 0 if the behaviour is unchanged, 1 if it changed, 2 if it cannot be tested.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv && venv/bin/pip install -q --disable-pip-version-check apache-libcloud==3.9.1 ||
    { echo "cannot install the package" >&2; exit 2; }

cat > try.py <<'PYTHON'
import http.server, json, os, sys, threading, urllib.parse

IDS = [f"616fb98f-46ca-475e-917e-{number:012d}" for number in range(5)]
PAGE = 2
seen = []


class Cloud(http.server.BaseHTTPRequestHandler):
    def reply(self, status, body, **headers):
        text = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(text)), "Content-Type": "application/json"}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        seen.append(self.path)
        marker = urllib.parse.parse_qs(url.query).get("marker")
        start = IDS.index(marker[0]) + 1 if marker else 0
        page = IDS[start:start + PAGE]
        found = {"servers": [{
            "id": id, "name": "web", "status": "ACTIVE", "addresses": {}, "flavor": {"id": "f"}, "image": {"id": "i"}, "metadata": {},
            "tenant_id": "p", "user_id": "u", "created": "2026-01-01T00:00:00Z", "updated": "2026-01-01T00:00:00Z", "hostId": "h",
            "accessIPv4": "", "key_name": None, "links": [{"rel": "self", "href": f"{BASE}/v2.1/servers/{id}"}]} for id in page]}
        if start + PAGE < len(IDS):
            found["servers_links"] = [{"rel": "next", "href": f"{BASE}/v2.1/servers/detail?marker={page[-1]}"}]
        self.reply(200, found)

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        domain = {"id": "d", "name": "d"}
        self.reply(201, {"token": {"methods": ["password"], "expires_at": "2099-01-01T00:00:00.000000Z",
                                   "issued_at": "2026-01-01T00:00:00.000000Z", "roles": [],
                                   "user": {"id": "u", "name": "u", "domain": domain}, "project": {"id": "p", "name": "p", "domain": domain},
                                   "catalog": [{"type": "compute", "name": "nova", "id": "n", "endpoints": [
                                       {"id": "e", "interface": "public", "region": "r", "region_id": "r", "url": BASE + "/v2.1"}]}]}},
                   **{"X-Subject-Token": "t"})

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Cloud)
BASE = "http://127.0.0.1:%d" % server.server_address[1]
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["no_proxy"] = "127.0.0.1"
from libcloud.compute.providers import get_driver
from libcloud.compute.types import Provider

listed = {}
for how, version in ("default", {}), ("api_version 2.2", {"api_version": "2.2"}):
    seen.clear()
    driver = get_driver(Provider.OPENSTACK)(
        "u", "p", ex_force_auth_url=BASE, ex_force_auth_version="3.x_password", ex_tenant_name="p", ex_domain_name="d",
        ex_force_service_region="r", **version)
    listed[how] = [node.id for node in driver.list_nodes()]
    print(f"{how} ({type(driver).__name__}): {len(listed[how])} of {len(IDS)} servers, {len(seen)} request(s)")
still = listed["default"] == IDS[:PAGE] and listed["api_version 2.2"] == IDS
print("unchanged" if still else "changed")
sys.exit(0 if still else 1)
PYTHON
venv/bin/python try.py
