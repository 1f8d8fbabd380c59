#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds the four programs for every Linux with glibc 2.17 or newer, into build/portable/ARCH/programs, and prints that
# folder. No library is needed but libc's own. packaging/portable/README.md says how and why.
#   packaging/portable.sh [--arch x86_64|aarch64]
set -euo pipefail
cd "$(dirname "$0")/.."
ROOT=$PWD HERE=$PWD/packaging/portable JOBS=${JOBS:-$(nproc)} GLIBC=2.17
PROGRAMS="postern postern-resolver postern-free postern-rescue"
ARCH=x86_64
die() { echo "$*" >&2; exit 1; }
usage() { echo "usage: packaging/portable.sh [--arch x86_64|aarch64]" >&2; exit 3; }
while [[ $# -gt 0 ]]; do
  case $1 in
    --arch) [[ $# -gt 1 ]] || usage; ARCH=$2; shift 2 ;;
    *) usage ;;
  esac
done
[[ $ARCH == x86_64 || $ARCH == aarch64 ]] || usage
for tool in cmake ninja make perl pkg-config dpkg-source dpkg-deb /usr/lib/apt/apt-helper; do
  command -v "$tool" >/dev/null || die "$tool is missing: packaging/install-deps.sh build"
done

BASE=$ROOT/build/portable DOWNLOADS=$ROOT/build/portable/downloads
WORK=$BASE/$ARCH PREFIX=$BASE/$ARCH/prefix TOOLS=$BASE/$ARCH/tools
FLAGS="-O2 -fPIC -fstack-protector-strong -D_FORTIFY_SOURCE=2 -ffunction-sections -fdata-sections"
[[ $ARCH == x86_64 ]] && FLAGS+=" -fcf-protection" || FLAGS+=" -mbranch-protection=standard"
FLAGS+=" -ffile-prefix-map=$WORK/src=."
export POSTERN_ARCH=$ARCH POSTERN_TOOLS=$TOOLS POSTERN_PREFIX=$PREFIX SOURCE_DATE_EPOCH=0 LC_ALL=C
export ZIG_GLOBAL_CACHE_DIR=$BASE/cache ZIG_LOCAL_CACHE_DIR=$BASE/cache
mkdir -p "$DOWNLOADS" "$WORK/done" "$PREFIX/lib/pkgconfig" "$TOOLS"
# shellcheck source-path=SCRIPTDIR source=portable/libraries.sh
. "$HERE/libraries.sh"

pins() { grep -v '^#' "$HERE/sources"; }
pin() { pins | awk -v n="$1" '$2 == n'; } # NAME: its line
checked() { echo "$2  $1" | sha256sum --check --status 2>/dev/null; } # FILE SHA256
mirrors() { # the machine's own Debian archives
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' | sort -u
}
download() { # PATH-IN-THE-POOL SHA256: into $DOWNLOADS
  local file mirror
  file=$DOWNLOADS/$(basename "$1")
  checked "$file" "$2" && return
  for mirror in $(mirrors); do
    /usr/lib/apt/apt-helper download-file "${mirror%/}/$1" "$file" "SHA256:$2" >/dev/null 2>&1 || continue
    checked "$file" "$2" && return
  done
  die "$1 is in no archive of the machine's apt sources: take the version that is there (packaging/portable/sources)"
}
fetch_source() { # DSC SHA256: with the files that the .dsc names
  local sum name
  download "$1" "$2"
  while read -r sum name; do download "$(dirname "$1")/$name" "$sum"; done < <(awk '/^Checksums-Sha256:/ { on = 1; next }
    /^[^ ]/ { on = 0 } on && $3 !~ /\.asc$/ { print $1, $3 }' "$DOWNLOADS/$(basename "$1")")
}

# --- the compiler --------------------------------------------------------------------------------
compiler() {
  local kind name version sum wheel
  read -r kind name version sum < <(pin ziglang)
  if [[ $(cat "$BASE/zig/checksum" 2>/dev/null) != "$sum" ]]; then
    /usr/bin/python3 -m pip download --quiet --no-deps --only-binary :all: --dest "$DOWNLOADS" "$name==$version" >&2
    wheel=$(echo "$DOWNLOADS/$name-$version"-*.whl)
    checked "$wheel" "$sum" || die "$wheel is not the one in packaging/portable/sources"
    rm -rf "$BASE/zig"
    /usr/bin/python3 -m zipfile -e "$wheel" "$BASE/zig"
    chmod 755 "$BASE/zig/ziglang/zig"
    echo "$sum" >"$BASE/zig/checksum"
  fi
  local tool command
  for tool in clang=cc clang++=c++ ar=ar ranlib=ranlib; do
    command=${tool#*=}
    [[ $command != c* ]] || command+=" -target $ARCH-linux-gnu.$GLIBC"
    printf '#!/bin/sh\nexec %s %s "$@"\n' "'$BASE/zig/ziglang/zig'" "$command" >"$TOOLS/.new"
    chmod 755 "$TOOLS/.new"
    cmp -s "$TOOLS/.new" "$TOOLS/${tool%%=*}" || mv "$TOOLS/.new" "$TOOLS/${tool%%=*}"
  done
  rm -f "$TOOLS/.new"
}

# --- the libraries: each once, until its line, its recipe or the compiler changes -----------------
recipe() { # NAME
  local body helper
  body=$(declare -f "build_$1" || true)
  { pin "$1"; pin ziglang; echo "$FLAGS $GLIBC $body"
    for helper in with_cmake with_configure with_make; do [[ $body != *$helper* ]] || declare -f $helper; done
    [[ $body != *with_cmake* ]] || cat "$HERE/toolchain.cmake"
  } | sha256sum
}
library() { # KIND NAME FILE SHA256
  local done="$WORK/done/$2" log="$WORK/$2.log" source="$WORK/src/$2"
  [[ $(cat "$done" 2>/dev/null) != "$(recipe "$2")" ]] || return 0
  echo "$2" >&2
  rm -rf "$source"
  mkdir -p "$WORK/src"
  if [[ $1 == headers ]]; then
    download "$3" "$4"
    dpkg-deb -x "$DOWNLOADS/$(basename "$3")" "$source"
    cp -r "$source/usr/include" "$PREFIX/"
    [[ ! -d $source/usr/share/cmake ]] || cp -r "$source/usr/share/cmake" "$PREFIX/lib/"
    find "$source" -name '*.pc' -exec sed "s#^prefix=.*#prefix=$PREFIX#" {} \; >"$WORK/$2.pc"
    [[ ! -s $WORK/$2.pc ]] || cp "$WORK/$2.pc" "$PREFIX/lib/pkgconfig/$2.pc"
  else
    fetch_source "$3" "$4"
    dpkg-source --no-check -x "$DOWNLOADS/$(basename "$3")" "$source" >"$log" 2>&1 || die "$log"
    set +e # bash forgets it inside of "|| ..."
    (set -e; cd "$source"; "build_$2") >>"$log" 2>&1 </dev/null
    local failed=$?
    set -e
    [[ $failed == 0 ]] || { tail -n 20 "$log" >&2; die "$2 failed: $log"; }
  fi
  recipe "$2" >"$done"
}
licence() { # NAME FILE...: the first that is there; packages have them
  local name=$1 file
  mkdir -p "$PREFIX/licenses"
  for file in "${@:2}"; do
    [[ ! -f $file ]] || { cp "$file" "$PREFIX/licenses/$name"; return; }
  done
  die "the licence of $name was not found"
}

compiler
while read -r kind name file sum; do
  if [[ $kind == wheel ]]; then
    licence "$name" "$BASE"/zig/ziglang-*.dist-info/{LICENSE,licenses/LICENSE} "$BASE/zig/ziglang/LICENSE"
    licence libcxx "$BASE"/zig/ziglang/lib/libcxx/LICENSE.TXT
    continue
  fi
  library "$kind" "$name" "$file" "$sum"
  licence "$name" "$WORK/src/$name/debian/copyright" "$WORK/src/$name"/usr/share/doc/*/copyright
done < <(pins)

# --- the project ---------------------------------------------------------------------------------
if ! sha256sum --check --status "$WORK/done/toolchain" 2>/dev/null; then  # CMake keeps what it once found out of a compiler
  rm -rf "$WORK/project/CMakeCache.txt" "$WORK/project/CMakeFiles"
fi
cmake -S . -B "$WORK/project" -G Ninja -DCMAKE_TOOLCHAIN_FILE="$HERE/toolchain.cmake" -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_CXX_FLAGS_RELEASE="-O2 -DNDEBUG" -DPOSTERN_PORTABLE=ON >"$WORK/project.log"
sha256sum "$HERE/toolchain.cmake" >"$WORK/done/toolchain"
# shellcheck disable=SC2086  # a list of words
cmake --build "$WORK/project" -j "$JOBS" --target $PROGRAMS >&2
mkdir -p "$WORK/programs"
for program in $PROGRAMS; do
  ln -f "$WORK/project/$program" "$WORK/programs/$program" 
done
echo "$WORK/programs"
