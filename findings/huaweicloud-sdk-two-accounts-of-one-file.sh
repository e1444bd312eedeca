#!/usr/bin/env bash
# The Huawei Cloud SDK uses one of two accounts of the same file, by how its client is built.
#
# What and where: huaweicloudsdkcore and huaweicloudsdkecs 3.1.219 (Python), ~/.huaweicloud/credentials with the sections `[basic]`
#   and `[basiccredentials]`.
# What happens: `CredentialProviderChain.get_basic_credential_provider_chain()`, as the SDK's guide has it, reads `[basic]`. A client
#   that is built without credentials (`EcsClient.new_builder().with_region(…).build()`), which looks for them "by itself",
#   reads `[basiccredentials]`: the section's name is made of the class's name there. Requests are signed by two keys.
# What one would expect: one default section. With `[basic]` alone the second client ends in the metadata service, or in its error.
# Why it matters: who finds that `[basic]` is not enough and adds the other section, with whatever key is at hand, has two
#   programs that act as two accounts out of one file.
#
# Prints what it saw; ends with 0 if it is still so, 1 if not, 2 if it cannot be tried.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv && venv/bin/pip install -q --disable-pip-version-check huaweicloudsdkcore==3.1.219 huaweicloudsdkecs==3.1.219 ||
    { echo "the packages cannot be had" >&2; exit 2; }

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
print("still so" if still else "no longer so")
sys.exit(0 if still else 1)
PYTHON
venv/bin/python try.py
