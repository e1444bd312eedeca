#!/usr/bin/env bash
# Apache Libcloud cuts the power: `node.reboot()` on OpenStack sends a HARD reboot.
#
# Where: apache-libcloud 3.9.1 (PyPI), OpenStack drivers of API 1.1 (the default) and 2.2, `node.reboot()` and
#   `driver.reboot_node(node)`.
# Behaviour: the body of the POST is {"reboot": {"type": "HARD"}}. `ex_soft_reboot_node` sends SOFT, and `ex_hard_reboot_node` sends
#   the same as `reboot_node`. The documentation of `reboot` and `reboot_node` says "reboot" and names no kind.
# Expected: a soft one, as the existence of `ex_hard_reboot_node` suggests, and as `openstack server reboot` does and
#   `rebootServer` of pkgcloud documents. The driver's own `_reboot_node` has SOFT as its default; `reboot_node` overrides it.
# Why it matters: the portable call of a library for many clouds ends databases without a shutdown. The answer is 202 in both cases,
#   the server is ACTIVE afterwards, and the cause of a damaged file system is not looked for in the word "reboot".
#
# Prints what it saw. Exits with 0 if the behaviour is unchanged, 1 if it changed, 2 if it cannot be tested.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv && venv/bin/pip install -q --disable-pip-version-check apache-libcloud==3.9.1 ||
    { echo "cannot install the package" >&2; exit 2; }

cat > try.py <<'PYTHON'
import http.server, json, os, sys, threading

ID = "616fb98f-46ca-475e-917e-2563e5a8cd19"
sent = []


class Cloud(http.server.BaseHTTPRequestHandler):
    def reply(self, status, body, **headers):
        text = json.dumps(body).encode() if body is not None else b""
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(text)), "Content-Type": "application/json"}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        self.reply(200, {"servers": [{
            "id": ID, "name": "web", "status": "ACTIVE", "addresses": {}, "flavor": {"id": "f"}, "image": {"id": "i"}, "metadata": {},
            "tenant_id": "p", "user_id": "u", "created": "2026-01-01T00:00:00Z", "updated": "2026-01-01T00:00:00Z", "hostId": "h",
            "accessIPv4": "", "key_name": None, "links": [{"rel": "self", "href": f"{BASE}/v2.1/servers/{ID}"}]}]})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith("/action"):
            sent.append(body["reboot"]["type"])
            self.reply(202, None)
            return
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

still = True
for version in "1.1", "2.2":
    driver = get_driver(Provider.OPENSTACK)(
        "u", "p", ex_force_auth_url=BASE, ex_force_auth_version="3.x_password", ex_tenant_name="p", ex_domain_name="d",
        ex_force_service_region="r", api_version=version)
    node = driver.list_nodes()[0]
    sent.clear()
    node.reboot()
    driver.reboot_node(node)
    driver.ex_hard_reboot_node(node)
    driver.ex_soft_reboot_node(node)
    print(f"API {version}: node.reboot() {sent[0]}, reboot_node {sent[1]}, ex_hard_reboot_node {sent[2]}, ex_soft_reboot_node {sent[3]}")
    still = still and sent == ["HARD", "HARD", "HARD", "SOFT"]
print("unchanged" if still else "changed")
sys.exit(0 if still else 1)
PYTHON
venv/bin/python try.py
