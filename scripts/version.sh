#!/usr/bin/env bash
# Prints the version, and the commit where this is a git checkout: "0.1.0 (5747006fa1b2-dirty)". A copy of the files in
# somebody else's repository has no commit of its own.
version=0.1.0

cd "$(dirname "$0")/.." || exit 1
commit=
if [ "$(git rev-parse --show-prefix 2>/dev/null || echo none)" = "" ]; then
  commit=$(git describe --always --dirty --abbrev=12 --exclude='*' 2>/dev/null)
fi
echo "$version${commit:+ ($commit)}"
