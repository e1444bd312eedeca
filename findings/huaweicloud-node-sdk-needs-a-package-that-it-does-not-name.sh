#!/usr/bin/env bash
# The Huawei Cloud SDK for Node cannot be loaded after `npm install`: it needs a package that it does not declare.
#
# Where: @huaweicloud/huaweicloud-sdk-ecs 3.1.172 with @huaweicloud/huaweicloud-sdk-core 3.1.211 and 3.1.173 (npm).
# Behaviour: http/DefaultUserAgent.js of the core calls `require("uuid")`. The package.json of the core has no `uuid` among its
#   dependencies, and no dependency installs it. `require` of any client fails with MODULE_NOT_FOUND.
# Expected: an SDK that works when it is installed as its guide describes.
# Why it matters: a program works as long as another package in its tree installs `uuid`, and breaks with an update of that
#   package. The client is then not loaded at all: it restarts nothing and reports nothing.
#
# Prints what it saw. Exits with 0 if the behaviour is unchanged, 1 if it changed, 2 if it cannot be tested.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
still=0
for core in 3.1.211 3.1.173; do
    mkdir "$core" && cd "$core"
    printf '{"private":true,"dependencies":{"@huaweicloud/huaweicloud-sdk-core":"%s","@huaweicloud/huaweicloud-sdk-ecs":"3.1.172"}}\n' "$core" > package.json
    npm install --silent --no-audit --no-fund > npm.log 2>&1 || { echo "cannot install the packages" >&2; exit 2; }
    load='require("@huaweicloud/huaweicloud-sdk-ecs/v2/public-api"); console.log("loaded")'
    alone=$(node -e "$load" 2>&1 || true)
    npm install --silent --no-audit --no-fund --no-save uuid@9.0.1 > npm.log 2>&1 || { echo "cannot install uuid" >&2; exit 2; }
    with=$(node -e "$load" 2>&1 || true)
    echo "core $core: $(grep -m1 -E "^Error|loaded" <<< "$alone"); with uuid 9.0.1 beside it: $(grep -m1 -E "^Error|loaded" <<< "$with")"
    if [[ $alone != *"Cannot find module 'uuid'"* || $with != loaded ]]; then
        still=1
    fi
    cd ..
done
exit $still
