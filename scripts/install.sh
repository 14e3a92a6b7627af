#!/usr/bin/env bash
# Puts what Make has built in its places, or takes it away: install.sh install|uninstall. PREFIX and DESTDIR come from
# `make install`, as do the folders PROGRAMS and OBJECTS of what is built. A file gets its name when it is complete, so an
# install that fails or is interrupted leaves some of the files, and none half written.
# Exit codes: 0 done, 2 a bad PREFIX, or a file that cannot be written.
set -euo pipefail
cd "$(dirname "$0")/.."

action=$1
if [[ ! $PREFIX =~ ^/[A-Za-z0-9_./+@~-]*$ ]]; then
  echo "install: PREFIX=$PREFIX is not an absolute path of letters, digits and _./+@~-, which pkg-config can tell to others" >&2
  exit 2
fi
root=$DESTDIR$PREFIX
version=$(scripts/version.sh)
version=${version%% *}
made=$OBJECTS/install
# What users include, and after it what these headers include themselves, wherever in model/ that is.
headers=(model/core/{dtype,error,format,tensor}.hpp model/mac/{gemm,lane_fp32,mac}.hpp model/quantize/fast_quantizer.hpp)
for ((i = 0; i < ${#headers[@]}; ++i)); do
  while IFS= read -r file; do
    [[ " ${headers[*]} " == *" $file "* ]] || headers+=("$file")
  done < <(sed -n 's/^#include "\(model\/.*\)"$/\1/p' "${headers[i]}")
done

# Writes to stdout a file of pkg-config: name, what it is, and further lines.
package() {
  printf '%s\n' "prefix=$PREFIX" 'includedir=${prefix}/include' 'libdir=${prefix}/lib' 'datadir=${prefix}/share/if4' \
    "Name: $1" "Description: $2" "Version: $version" "${@:3}"
}

# Writes what is made for this PREFIX.
make_files() {
  mkdir -p "$made"
  package if4 'quantizer and exact MAC of 4-bit blocks' 'Requires: libhwy' 'Libs: -L${libdir} -lif4 -pthread' \
    'Cflags: -I${includedir}/if4' >"$made/if4.pc"
  package if4_dpi 'golden model of IF4 for testbenches in SystemVerilog and C' 'Libs: -L${libdir} -lif4_dpi' \
    'Cflags: -I${includedir}' >"$made/if4_dpi.pc"
  cat >"$made/if4-verify" <<'END'
#!/bin/sh
# Checks a MAC of one's own with the kit that is installed: the options of `make verify`, as if4-verify --help shows them.
here=$(dirname "$(readlink -f "$0")")/..
exec python3 -B "$here/share/if4/scripts/kit/verify.py" --program "$here/bin/if4" --caller "$PWD" --out if4-verify "$@"
END
  python3 -B scripts/manual.py "$PROGRAMS/if4" "$version" >"$made/if4.1"
}

# Every file: mode, where it is, and where it goes below the prefix. What tells others that all is there comes last.
files() {
  local file
  echo "755 $PROGRAMS/if4 bin/if4"
  echo "644 $OBJECTS/pic/libif4.a lib/libif4.a"
  echo "755 $PROGRAMS/libif4_dpi.so lib/libif4_dpi.so"
  echo "644 model/dpi/if4_dpi.h include/if4_dpi.h"
  for file in "${headers[@]}"; do echo "644 $file include/if4/$file"; done
  # The folders below share/if4 are those of the project, which list each other's files.
  for file in rtl/{,array/,baseline/,waves/}*.{sv,f,core,md,svg,gtkw} testbench/kit/{*.sv,*.svh,*.f,*.m[d],testpla[n]}; do
    echo "644 $file share/if4/$file"
  done
  for file in {rtl/waves,scripts/kit}/*.py; do
    if [ -x "$file" ]; then echo "755 $file share/if4/$file"; else echo "644 $file share/if4/$file"; fi
  done
  if [ -f scripts/kit/verify.py ]; then echo "755 $made/if4-verify bin/if4-verify"; fi
  for file in model/dpi/if4_dpi_pkg.sv testbench/dpi/mac_dpi_tb.sv testbench/dpi/example.{c,py}; do
    echo "644 $file share/if4/dpi/${file##*/}"
  done
  echo "644 LICENSE share/doc/if4/LICENSE"
  echo "644 $made/if4.1 share/man/man1/if4.1"
  echo "644 $made/if4_dpi.pc lib/pkgconfig/if4_dpi.pc"
  echo "644 $made/if4.pc lib/pkgconfig/if4.pc"
}
shopt -s nullglob  # a pattern without a file stands for nothing
all=$(files)

if [ "$action" = uninstall ]; then
  echo "$all" | while read -r mode from to; do rm -f "$root/$to"; done
  for folder in include/if4 share/if4 share/doc/if4; do
    if [ -d "$root/$folder" ]; then find "$root/$folder" -depth -type d -empty -delete; fi
  done
  echo "if4 is no longer in $root"
  exit 0
fi

make_files
while read -r mode from to; do
  [ -f "$from" ] || { echo "install: $from is missing" >&2; exit 2; }
done <<<"$all"
temporary=
trap '[ -z "$temporary" ] || rm -f "$temporary"' EXIT
trap 'exit 130' INT TERM HUP
while read -r mode from to; do
  target=$root/$to
  mkdir -p "${target%/*}" || exit 2
  temporary=${target%/*}/.${target##*/}.$$
  cp "$from" "$temporary" || exit 2
  chmod "$mode" "$temporary"
  mv -fT "$temporary" "$target" || exit 2
  temporary=
done <<<"$all"
echo "if4 $version is in $root"
