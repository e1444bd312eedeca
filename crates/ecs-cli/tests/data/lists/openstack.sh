#!/usr/bin/env bash
# Makes the files openstack-* beside this script: the output of the real client against openstack.py on 127.0.0.1.
#
#   openstack.sh           writes them
#   openstack.sh --check   writes nothing; fails if the client prints something else
#
# Needs python3 with venv, and PyPI. Takes about half a minute.
set -euo pipefail
cd "$(dirname "$0")"

VERSION=10.5.0   # python-openstackclient; openstacksdk 4.22.0, cliff and osc-lib as it asks for
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT

python3 -m venv "$temporary/venv"
"$temporary/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check \
    "python-openstackclient==$VERSION" "openstacksdk==4.22.0"
mkdir "$temporary/new"
python3 openstack.py "$temporary/venv/bin/openstack" "$temporary/new"
if [[ "${1:-}" == --check ]]; then
    for file in openstack-*; do
        case "$file" in *.py | *.sh) continue ;; esac
        diff -u "$file" "$temporary/new/$file"
    done
else
    cp "$temporary"/new/openstack-* .
fi
