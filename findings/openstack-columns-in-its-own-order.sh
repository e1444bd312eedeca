#!/usr/bin/env bash
# python-openstackclient 10.5.0 (with the cliff that it requires): `-c` selects columns and does not order them.
#
# Behaviour: `openstack server list -f value -c Name -c ID` prints the ID first, as without -c. -f value does not quote
#   names, so a name with a space shifts the columns after it.
# Expected: the columns in the requested order, as with `ps -o`, `kubectl -o custom-columns` and SQL.
# Why it matters: `… -c Name -c ID | while read name id` takes ids for names, without an error. A script that reads a list by
#   position restarts, or deletes, the wrong servers. Readers must search for the id, or use -f json.
# Exits with 1 when that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check python-openstackclient==10.5.0 openstacksdk==4.22.0
cat >"$folder/cloud.py" <<'PYTHON'
import http.server, json
ID, PROJECT = "616fb98f-46ca-475e-917e-2563e5a8cd19", "5dd3c0b24cdc4d31952c49589182a89d"
class Cloud(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        urls = {"identity": BASE + "/v3", "compute": BASE + "/v2.1", "image": BASE}
        domain = {"id": "d", "name": "d"}
        self.answer({"token": {"methods": ["password"], "user": {"id": "u", "name": "u", "domain": domain},
            "project": {"id": PROJECT, "name": "p", "domain": domain}, "roles": [],
            "issued_at": "2026-01-01T00:00:00.000000Z", "expires_at": "2099-01-01T00:00:00.000000Z",
            "catalog": [{"type": kind, "name": kind, "id": kind, "endpoints": [
                {"id": kind, "interface": "public", "region": "r", "region_id": "r", "url": url}]}
                for kind, url in urls.items()]}}, 201)
    def do_GET(self):
        path = self.path.split("?")[0].rstrip("/")
        link = lambda url: [{"rel": "self", "href": url}]
        if path.endswith("/servers/detail"):
            self.answer({"servers": [] if "marker=" in self.path else [{"id": ID, "name": "web 1", "status": "ACTIVE",
                "addresses": {}, "flavor": {"id": "f"}, "image": ""}]})
        elif path.endswith("/images"):
            self.answer({"images": []})
        elif "/flavors" in path:
            self.answer({"flavors": []})
        elif path == "/v3":
            self.answer({"version": {"id": "v3.14", "status": "stable", "links": link(BASE + "/v3/")}})
        else:
            self.answer({"versions": [{"id": "v2.1", "status": "CURRENT", "version": "2.1", "min_version": "2.1",
                "links": link(BASE + "/v2.1/")}]})
    def answer(self, found, status=200):
        body = json.dumps(found).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "X-Subject-Token": "t", "Content-Length": len(body)}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Cloud)
BASE = f"http://127.0.0.1:{httpd.server_address[1]}"
print(BASE, flush=True)
httpd.serve_forever()
PYTHON
python3 "$folder/cloud.py" >"$folder/base" &
server=$!
until [[ -s "$folder/base" ]]; do sleep 0.1; done
printed=$("$folder/venv/bin/openstack" --os-auth-url "$(cat "$folder/base")/v3" --os-username u --os-password p \
    --os-user-domain-name d --os-project-id 5dd3c0b24cdc4d31952c49589182a89d \
    server list --no-name-lookup -f value -c Name -c ID)
echo "openstack server list -f value -c Name -c ID printed:"
echo "  $printed"
if [[ "$printed" == "616fb98f-46ca-475e-917e-2563e5a8cd19 web 1" ]]; then
    echo "the ID comes first although Name was requested first, and the name is not quoted"
else
    echo "the output differs from that of 10.5.0" >&2
    exit 1
fi
