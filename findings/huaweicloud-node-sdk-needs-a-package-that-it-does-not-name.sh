#!/usr/bin/env bash
# The Huawei Cloud SDK for Node cannot be loaded after `npm install`: it needs a package that it does not name.
#
# What and where: @huaweicloud/huaweicloud-sdk-ecs 3.1.172 with @huaweicloud/huaweicloud-sdk-core 3.1.211 and 3.1.173 (npm).
# What happens: http/DefaultUserAgent.js of the core does `require("uuid")`; the package.json of the core has no `uuid` among its
#   dependencies, and none of those brings it. `require` of any client ends with MODULE_NOT_FOUND.
# What one would expect: an SDK that works when it is installed as its guide says.
# Why it matters: a program works as long as something else in its tree brings `uuid`, and breaks with an update of that; the
#   client is not loaded at all, so that nothing is restarted and nothing is reported by it.
#
# Prints what it saw; ends with 0 if it is still so, 1 if not, 2 if it cannot be tried.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
still=0
for core in 3.1.211 3.1.173; do
    mkdir "$core" && cd "$core"
    printf '{"private":true,"dependencies":{"@huaweicloud/huaweicloud-sdk-core":"%s","@huaweicloud/huaweicloud-sdk-ecs":"3.1.172"}}\n' "$core" > package.json
    npm install --silent --no-audit --no-fund > npm.log 2>&1 || { echo "the packages cannot be had" >&2; exit 2; }
    load='require("@huaweicloud/huaweicloud-sdk-ecs/v2/public-api"); console.log("loaded")'
    alone=$(node -e "$load" 2>&1 || true)
    npm install --silent --no-audit --no-fund --no-save uuid@9.0.1 > npm.log 2>&1 || { echo "uuid cannot be had" >&2; exit 2; }
    with=$(node -e "$load" 2>&1 || true)
    echo "core $core: $(grep -m1 -E "^Error|loaded" <<< "$alone"); with uuid 9.0.1 beside it: $(grep -m1 -E "^Error|loaded" <<< "$with")"
    if [[ $alone != *"Cannot find module 'uuid'"* || $with != loaded ]]; then
        still=1
    fi
    cd ..
done
exit $still
