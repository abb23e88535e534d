#!/usr/bin/env bash
# Runs every `sh` block of docs/VERIFY-BY-HAND.md, in its order and to the letter, and fails with the first command that does.
#
#   steps.sh FOLDER    as prepare.sh leaves it; `python3` has the packages that the document names
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
for program in b3sum openssl python3 od base64 sha256sum; do
  command -v "$program" >/dev/null || { echo "$program is not installed" >&2; exit 1; }
done
cd "$1"
mkdir -p tests && ln -sfn "$here/tests/by-hand" tests/by-hand
awk '/^```/ { inside = ($0 == "```sh"); next } inside' "$here/docs/VERIFY-BY-HAND.md" > steps
export PYTHONDONTWRITEBYTECODE=1
# A command that fails ends it wherever it stands, also in a function or a loop.
bash -eu -o errtrace -c 'trap "echo \"failed: \$BASH_COMMAND\" >&2" ERR; . ./steps'
echo "every step held"
