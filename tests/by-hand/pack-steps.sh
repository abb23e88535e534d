#!/bin/sh
# Runs the commands of the VERIFY.md in an unzipped pack, in their order and to the letter, with no program on the path but
# the system's. The first command that fails ends it, and its step is named.
#
#   pack-steps.sh FOLDER [STEP…]    beside FOLDER lies what the text has its reader obtain: trust.txt; tsa-ca.pem for tokens
set -eu
cd "$1"
shift
awk -v wanted=" $* " '
  /^## / { step = $2 + 0 }
  /^```/ { inside = ($0 == "```sh") && (wanted == "  " || index(wanted, " " step " ")); if (inside) print "step=" step; next }
  inside' data/VERIFY.md > ../steps
exec env -i PATH=/usr/bin:/bin sh -eu -c 'trap '\''[ $? = 0 ] || echo "failed at step $step"'\'' EXIT; . ../steps'
