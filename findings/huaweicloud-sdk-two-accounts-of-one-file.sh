#!/usr/bin/env bash
# The Huawei Cloud SDK uses one of two accounts of the same file, depending on how its client is built.
#
# Where: huaweicloudsdkcore and huaweicloudsdkecs 3.1.219 (Python), ~/.huaweicloud/credentials with the sections `[basic]`
#   and `[basiccredentials]`.
# Behaviour: `CredentialProviderChain.get_basic_credential_provider_chain()`, as in the SDK's guide, reads `[basic]`. A client
#   that is built without credentials (`EcsClient.new_builder().with_region(…).build()`) finds credentials by itself and
#   reads `[basiccredentials]`, because it derives the section's name from the class's name. Two keys sign the requests.
# Expected: one default section. With `[basic]` alone the second client queries the metadata service, or fails.
# Why it matters: a user who finds that `[basic]` is not enough and adds the other section, with any key at hand, has two
#   programs that act as two accounts from one file.
#
# Prints what it saw. Exits with 0 if the behaviour is unchanged, 1 if it changed, 2 if it cannot be tested.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv && venv/bin/pip install -q --disable-pip-version-check huaweicloudsdkcore==3.1.219 huaweicloudsdkecs==3.1.219 ||
    { echo "cannot install the packages" >&2; exit 2; }

cat > try.py <<'PYTHON'
import http.server, os, re, sys, threading

os.environ["HOME"] = os.getcwd()
os.environ["no_proxy"] = "127.0.0.1"
for name in [name for name in os.environ if name.startswith("HUAWEI")]:
    del os.environ[name]
os.makedirs(".huaweicloud")
with open(".huaweicloud/credentials", "w") as file:
    file.write("[basic]\nak = KEYOFBASIC\nsk = secret-one\nproject_id = p\n"
               "[basiccredentials]\nak = KEYOFBASICCREDENTIALS\nsk = secret-two\nproject_id = p\n")
keys = []


class Ecs(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        keys.append(re.search(r"Access=(\w+)", self.headers["Authorization"])[1])
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"count": 0, "servers": []}')

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Ecs)
threading.Thread(target=server.serve_forever, daemon=True).start()
from huaweicloudsdkcore.auth.provider import CredentialProviderChain
from huaweicloudsdkcore.region.region import Region
from huaweicloudsdkecs.v2 import EcsClient, ListServersDetailsRequest

region = Region("lab-1", "http://127.0.0.1:%d" % server.server_address[1])
found = CredentialProviderChain.get_basic_credential_provider_chain().get_credentials()
EcsClient.new_builder().with_credentials(found).with_region(region).build().list_servers_details(ListServersDetailsRequest())
EcsClient.new_builder().with_region(region).build().list_servers_details(ListServersDetailsRequest())
for how, key in zip(("the provider chain", "the builder by itself"), keys):
    print(f"{how}: signed by {key}")
still = keys == ["KEYOFBASIC", "KEYOFBASICCREDENTIALS"]
print("unchanged" if still else "changed")
sys.exit(0 if still else 1)
PYTHON
venv/bin/python try.py
