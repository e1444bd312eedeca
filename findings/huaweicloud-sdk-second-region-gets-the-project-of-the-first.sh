#!/usr/bin/env bash
# The Huawei Cloud SDKs act in the project of the FIRST region, when two clients of two regions share one credentials object.
#
# Where: huaweicloudsdkcore and huaweicloudsdkecs 3.1.219 (Python); @huaweicloud/huaweicloud-sdk-core 3.1.211 with
#   huaweicloud-sdk-ecs 3.1.172 (Node). AK/SK without a project id, which the SDK looks up in IAM by the name of the region.
# Behaviour: the first client asks IAM for the project of its region and writes the id into the credentials object of the caller.
#   A second client, with the same object and another region, finds an id there and asks nobody: it sends the restart to the
#   second region's endpoint with the first region's project in the path, in X-Project-Id and in the signature.
# Expected: one look-up for each client, as with two credentials objects. A project belongs to one region, and the caller gave
#   none: the keys are valid in all regions.
# Why it matters: a loop that restarts the servers of several regions with one pair of keys is right in its first region only. Which
#   one that is depends on the order of the calls, and nothing in the code names a project.
#
# Prints what it saw. Exits with 0 if the behaviour is unchanged, 1 if it changed, 2 if it cannot be tested.
set -euo pipefail

folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
export HOME=$folder no_proxy=127.0.0.1,localhost
for name in $(compgen -e | grep '^HUAWEI' || true); do unset "$name"; done
python3 -m venv venv && venv/bin/pip install -q --disable-pip-version-check huaweicloudsdkcore==3.1.219 huaweicloudsdkecs==3.1.219 ||
    { echo "cannot install the Python packages" >&2; exit 2; }
# uuid: the SDK needs it and does not declare it.
printf '%s\n' '{"private":true,"dependencies":{"@huaweicloud/huaweicloud-sdk-core":"3.1.211","@huaweicloud/huaweicloud-sdk-ecs":"3.1.172","uuid":"9.0.1"}}' > package.json
npm install --silent --no-audit --no-fund > npm.log 2>&1 || { echo "cannot install the Node packages" >&2; exit 2; }

cat > cloud.py <<'PYTHON'
"""IAM, with one project for each region, and the ECS API of the regions under /eu-de and /eu-nl. Prints each request."""
import http.server, json, urllib.parse


class Cloud(http.server.BaseHTTPRequestHandler):
    def answer(self, body):
        print(self.command, self.headers["Host"].split(":")[0], self.path, flush=True)
        text = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        name = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)["name"][0]
        self.answer({"projects": [{"id": "project-of-" + name, "name": name}]})

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer({"job_id": "ff80808288d41e1b018990260955686a"})

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Cloud)
print(server.server_address[1], flush=True)
server.serve_forever()
PYTHON
python3 cloud.py > requests &
server=$!
for _ in $(seq 100); do [ -s requests ] && break; sleep 0.1; done
port=$(head -n 1 requests)

# The regions are two names of one server: 127.0.0.1 is eu-de, localhost is eu-nl.
cat > try.py <<'PYTHON'
import sys
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.region.region import Region
from huaweicloudsdkecs.v2 import (BatchRebootServersRequest, BatchRebootServersRequestBody, BatchRebootSeversOption,
                                  EcsClient, ServerId)

port, shared = sys.argv[1], sys.argv[2] == "shared"
keys = lambda: BasicCredentials("AK", "SK").with_iam_endpoint("http://127.0.0.1:" + port)
credentials = keys()
for region, host in ("eu-de", "127.0.0.1"), ("eu-nl", "localhost"):
    client = (EcsClient.new_builder().with_credentials(credentials if shared else keys())
              .with_region(Region(region, f"http://{host}:{port}")).build())
    servers = [ServerId(id="616fb98f-46ca-475e-917e-2563e5a8cd19")]
    client.batch_reboot_servers(BatchRebootServersRequest(
        body=BatchRebootServersRequestBody(reboot=BatchRebootSeversOption(servers=servers, type="SOFT"))))
PYTHON
cat > try.js <<'NODE'
const { BasicCredentials } = require("@huaweicloud/huaweicloud-sdk-core/auth/BasicCredentials");
const { Region } = require("@huaweicloud/huaweicloud-sdk-core/region/region");
const ecs = require("@huaweicloud/huaweicloud-sdk-ecs/v2/public-api");
const [port, how] = process.argv.slice(2);
const keys = () => new BasicCredentials({ ak: "AK", sk: "SK" }).withIamEndpoint("http://127.0.0.1:" + port);
(async () => {
    const credentials = keys();
    for (const [region, host] of [["eu-de", "127.0.0.1"], ["eu-nl", "localhost"]]) {
        const client = ecs.EcsClient.newBuilder().withCredential(how === "shared" ? credentials : keys())
            .withRegion(new Region(region, `http://${host}:${port}`)).build();
        await client.batchRebootServers(new ecs.BatchRebootServersRequest().withBody({
            reboot: { type: "SOFT", servers: [{ id: "616fb98f-46ca-475e-917e-2563e5a8cd19" }] } }));
    }
})().catch((error) => { console.error(error); process.exit(1); });
NODE

wrong=0
check() { # description, project that is expected in eu-nl, command
    local before last
    before=$(wc -l < requests)
    "${@:3}" || { echo "$1: failed" >&2; exit 2; }
    echo "$1:"
    tail -n "+$((before + 1))" requests | sed 's/ 127.0.0.1 / at eu-de: /; s/ localhost / at eu-nl: /; s/^/   /'
    last=$(tail -n 1 requests)
    [ "$last" = "POST localhost /v1/$2/cloudservers/action" ] || wrong=1
}
check "Python, one credentials object for each client" project-of-eu-nl venv/bin/python try.py "$port" own
check "Python, one shared object" project-of-eu-de venv/bin/python try.py "$port" shared
check "Node, one credentials object for each client" project-of-eu-nl node try.js "$port" own
check "Node, one shared object" project-of-eu-de node try.js "$port" shared
if [ "$wrong" = 0 ]; then
    echo "unchanged: the restart in eu-nl was sent for the project of eu-de"
else
    echo "changed"
    exit 1
fi
