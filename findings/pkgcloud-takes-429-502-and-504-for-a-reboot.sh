#!/usr/bin/env bash
# pkgcloud reports a reboot as done when the API, or a gateway in front of it, answered 429, 501, 502, 504 or a redirect.
#
# Where: pkgcloud 2.2.0 (npm), provider `openstack` with Keystone v3, `client.rebootServer(id, { type: "soft" }, callback)`.
# Behaviour: the client has a list of ten statuses that are errors (`failCodes` in openstack/client.js: 400, 401, 403, 404, 409, 413,
#   415, 422, 500, 503). Any other status calls the callback without an error, like the 202 of an accepted reboot. The list of
#   `successCodes` beside it is not consulted. The body, for example the HTML page of a gateway, is the result.
# Expected: an error for every status that is not 2xx. 429 is the answer of a throttled API, 502 and 504 are those of a gateway.
# Why it matters: a rolling restart that is throttled, or whose gateway has lost its upstream, ends with success for each server,
#   although not one was restarted. A 503 in the same place is an error, so that tests with a 500 or 503 do not find it.
#
# Prints what it saw. Exits with 0 if the behaviour is unchanged, 1 if it changed, 2 if it cannot be tested.
set -euo pipefail

folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
export no_proxy=127.0.0.1
printf '%s\n' '{"private":true,"dependencies":{"pkgcloud":"2.2.0"}}' > package.json
npm install --silent --no-audit --no-fund > npm.log 2>&1 || { echo "cannot install the package" >&2; exit 2; }

cat > cloud.py <<'PYTHON'
"""Keystone, and a Nova that answers the action of the server `N` with status N."""
import http.server, json

NOVA, GATEWAY = b'{"overLimit": {"code": 429, "message": "slow down"}}', b"<html><body>Bad Gateway</body></html>"


class Cloud(http.server.BaseHTTPRequestHandler):
    def reply(self, status, body, **headers):
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        if not self.path.endswith("/action"):
            domain = {"id": "d", "name": "d"}
            self.reply(201, json.dumps({"token": {
                "methods": ["password"], "expires_at": "2099-01-01T00:00:00.000000Z", "issued_at": "2026-01-01T00:00:00.000000Z",
                "roles": [], "user": {"id": "u", "name": "u", "domain": domain}, "project": {"id": "p", "name": "p", "domain": domain},
                "catalog": [{"type": "compute", "name": "nova", "id": "n", "endpoints": [
                    {"id": "e", "interface": "public", "region": "r", "region_id": "r", "url": BASE + "/v2.1"}]}]}}).encode(),
                **{"X-Subject-Token": "t"})
            return
        status = int(self.path.split("/")[-2])
        if status == 202:
            self.reply(202, b"")
        elif status == 429:
            self.reply(429, NOVA, **{"Retry-After": "60"})
        elif status in (302, 307):
            self.reply(status, b"", Location=BASE + "/login")
        else:
            self.reply(status, GATEWAY, **{"Content-Type": "text/html"})

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Cloud)
BASE = "http://127.0.0.1:%d" % server.server_address[1]
print(BASE, flush=True)
server.serve_forever()
PYTHON
python3 cloud.py > base &
server=$!
for _ in $(seq 100); do [ -s base ] && break; sleep 0.1; done

cat > try.js <<'NODE'
const client = require("pkgcloud").compute.createClient({
    provider: "openstack", keystoneAuthVersion: "v3", authUrl: process.argv[2],
    username: "u", password: "p", domainId: "d", tenantId: "p", region: "r" });
const reboot = (status) => new Promise((done) =>
    client.rebootServer(String(status), { type: "soft" }, (error) => done(error ? "error" : "no error")));
(async () => {
    for (const status of process.argv.slice(3)) console.log(`${status}: ${await reboot(status)}`);
})();
NODE
seen=$(node --no-deprecation try.js "$(cat base)" 202 302 307 400 404 409 429 500 501 502 503 504)
echo "$seen" | sed 's/^/reboot answered with /'
expected=$(printf '%s\n' "202: no error" "302: no error" "307: no error" "400: error" "404: error" "409: error" "429: no error" \
    "500: error" "501: no error" "502: no error" "503: error" "504: no error")
if [ "$seen" = "$expected" ]; then
    echo "unchanged: a reboot that 302, 307, 429, 501, 502 or 504 answered has no error"
else
    echo "changed"
    exit 1
fi
