#!/bin/sh
# The build: where the source comes from and that it is verified; what a change rebuilds; the library alone.
. tests/tap.sh
make=${MAKE:-make}
unset MAKEFLAGS MFLAGS MAKELEVEL

# A copy of the repository as a stranger has it, with Darknet in darknet/ so that nothing is fetched.
copy=$scratch/copy
mkdir -p "$copy/darknet"
cp -R Makefile src patches tools tests bench "$copy/"
cp -R build/upstream/. "$copy/darknet/"
inside() { (cd "$copy" && "$@"); }
check 'builds from darknet/ as checked out' inside "$make"
check 'build/darknet runs' sh -c "'$copy/build/darknet' 2>&1 | grep -q usage"

objects() { find "$copy/build/source/obj" -name '*.o' -newer "$scratch/mark" -exec basename {} \; | sort | tr '\n' ' '; }
rebuilds() { # FILE WANTED: what make compiles after FILE has changed
    touch "$scratch/mark"
    sleep 0.02
    [ "$1" = nothing ] || { [ -f "$copy/$1" ] && echo '' >>"$copy/$1"; } || return 1
    inside "$make" || return 1
    [ "$(objects)" = "$2" ] || { echo "compiled: $(objects)"; return 1; }
}
check 'nothing changed: nothing is compiled' rebuilds nothing ''
check 'a changed source compiles itself' rebuilds src/loss/smooth_topk_log.c 'smooth_topk_log.o '
included() { # HEADER: the objects of the sources that include it, by the compiler's own lists
    grep -l "/$1" "$copy"/build/source/obj/*.d | sed 's/.*\///; s/d$/o/' | sort | tr '\n' ' '
}
check "a changed header compiles who includes it" rebuilds src/loss/smooth_topk_internal.h "$(included smooth_topk_internal.h)"
check 'a remark in a patch compiles nothing' rebuilds patches/plugin/0002-smooth-topk-layer.patch ''
one_more_patch() {
    printf 'A test.\n\n--- a/src/list.c\n+++ b/src/list.c\n@@ -1,2 +1,3 @@\n+/* patched */\n #include <stdlib.h>\n #include <string.h>\n' >"$copy/patches/plugin/9999-test.patch"
    echo plugin/9999-test.patch >>"$copy/patches/series"
    rebuilds nothing 'list.o '
}
check 'a new patch compiles what it touches' one_more_patch
bad_patch() {
    sed -i 's/#include <string.h>/#include <other.h>/' "$copy/patches/plugin/9999-test.patch"
    inside "$make" >"$scratch/said" 2>&1 && return 1
    cat "$scratch/said"
    grep -q '9999-test.patch does not apply' "$scratch/said"
}
check 'a patch that does not apply stops the build and is named' bad_patch
sed -i '/9999/d' "$copy/patches/series"
rm "$copy/patches/plugin/9999-test.patch"
back() { rebuilds nothing 'list.o '; }
check 'a dropped patch is undone' back

edited() {
    rm -rf "$copy/build/upstream"
    echo '/* edited */' >>"$copy/darknet/src/list.c"
    inside "$make" >"$scratch/said" 2>&1 && return 1
    cat "$scratch/said"
    grep -q 'refused: darknet/ has git tree' "$scratch/said"
}
check 'an edited darknet/ is refused' edited

# No checkout, a git home that hangs, no apt archive: a clear end within seconds.
nowhere() {
    rm -rf "$copy/darknet" "$copy/build"
    mkdir -p "$copy/darknet" "$scratch/bin"
    printf '#!/bin/sh\n[ "$1" = rev-parse ] || [ "$1" = config ] && exec %s "$@"\nsleep 1000\n' "$(command -v git)" >"$scratch/bin/git"
    printf '#!/bin/sh\necho "E: no network" >&2\nexit 100\n' >"$scratch/bin/apt-get"
    chmod +x "$scratch"/bin/*
    cp .gitmodules "$copy/"
    (cd "$copy" && git init -q .)
    start=$(date +%s)
    (cd "$copy" && PATH=$scratch/bin:$PATH "$make") >"$scratch/said" 2>&1 && return 1
    cat "$scratch/said"
    [ $(($(date +%s) - start)) -lt 40 ] && grep -q 'could not be had' "$scratch/said" && grep -q 61c9d02 "$scratch/said"
}
check 'no source anywhere: a clear message within seconds' nowhere

check 'the library builds alone' "$make" lib
check 'the library needs libm and libc only' sh -c \
    "! readelf -d build/libsmooth_topk.so | grep NEEDED | grep -v 'libm\.so\|libc\.so\|ld-linux'"
cat >"$scratch/use.c" <<'C'
#include <stdio.h>
#include "smooth_topk.h"
int main(void)
{
    smooth_topk_params params = {1, 1, 0, SMOOTH_TOPK_PIVOT};
    float scores[3] = {1, 2, 3}, loss, grad[3];
    int label = 2;
    int error = smooth_topk_cpu(&params, 1, 3, scores, &label, &loss, grad);
    printf("%.4f %s\n", loss, smooth_topk_strerror(error));
    return error;
}
C
use() {
    "$1" -Isrc/loss -o "$scratch/use" "$scratch/use.c" "$2" -lm && LD_LIBRARY_PATH=build "$scratch/use" | grep -q '^0.4076 no error'
}
check 'a C program links the static library' use gcc build/libsmooth_topk.a
check 'a C program links the shared library' use gcc build/libsmooth_topk.so
check 'make help names every target that is to be called by hand' sh -c \
    "make help >'$scratch/help'; for target in demo test lib clean; do grep -q \"make \$target\" '$scratch/help' || exit 1; done"
finish
