#!/bin/sh
# The build: where the source comes from and that it is verified; what a change rebuilds; the library alone.
. tests/tap.sh
make=${MAKE:-make}
unset MAKEFLAGS MFLAGS MAKELEVEL

# What is built, moved to another place. Its options, so that nothing is built again for the sake of others.
copy="$scratch/a copy" # with a space
mkdir -p "$copy/darknet" "$copy/build"
cp -pR Makefile src patches tools tests bench "$copy/"
cp -pR build/upstream build/source build/options build/darknet "$copy/build/"
options=$(grep -oE '[A-Z]+=[0-9]+' build/options | tr '\n' ' ')
# shellcheck disable=SC2086
build() { (cd "$copy" && "$make" $options CC="${CC:-gcc}" "$@"); }

objects() { find "$copy/build/source/obj" -name '*.o' -newer "$scratch/mark" -exec basename {} \; | sort |
    tr '\n' ' '; }
rebuilds() { # FILE WANTED: what make compiles after FILE has changed
    touch "$scratch/mark"
    sleep 0.02
    [ "$1" = nothing ] || { [ -f "$copy/$1" ] && echo '' >>"$copy/$1"; } || return 1
    build || return 1
    [ "$(objects)" = "$2" ] || { echo "compiled: $(objects)"; return 1; }
}
untouched() { rebuilds nothing '' && [ ! "$copy/build/source/libdarknet.a" -nt "$scratch/mark" ]; }
check 'a moved repository builds, with nothing compiled or linked' untouched
check 'and runs' sh -c "'$copy/build/darknet' 2>&1 | grep -q usage"
own() { ! find "$copy/build/" -lname '/*' | grep . &&
    ! grep -rlF "$PWD/" "$copy/build/source" --include=Makefile --include='*.d'; }
check 'nothing in it points back to the old place' own
check 'a changed source compiles itself' rebuilds src/loss/smooth_topk_log.c 'smooth_topk_log.o '
included() { # HEADER: the objects of the sources that include it, by the compiler's own lists
    grep -l "/$1" "$copy"/build/source/obj/*.d | sed 's/.*\///; s/d$/o/' | sort | tr '\n' ' '
}
check "a changed header compiles who includes it" rebuilds src/loss/smooth_topk_sample.h \
    "$(included smooth_topk_sample.h)"
moved() { # as after a pull
    mv "$copy/src/base/seed.c" "$copy/src/data/seed.c" && rebuilds nothing 'seed.o ' &&
        mv "$copy/src/data/seed.c" "$copy/src/base/seed.c" && build
}
check 'a source that has moved to another directory is compiled again' moved
check 'a remark in a patch compiles nothing' rebuilds patches/plugin/0002-smooth-topk-layer.patch ''
one_more_patch() {
    printf '%s\n' 'A test.' '' '--- a/src/list.c' '+++ b/src/list.c' '@@ -1,2 +1,3 @@' '+/* patched */' \
        ' #include <stdlib.h>' ' #include <string.h>' >"$copy/patches/plugin/9999-test.patch"
    echo plugin/9999-test.patch >>"$copy/patches/series"
    rebuilds nothing 'list.o '
}
check 'a new patch compiles what it touches' one_more_patch
bad_patch() {
    sed -i 's/#include <string.h>/#include <other.h>/' "$copy/patches/plugin/9999-test.patch"
    build >"$scratch/said" 2>&1 && return 1
    cat "$scratch/said"
    grep -q '9999-test.patch does not apply' "$scratch/said"
}
check 'a patch that does not apply stops the build and is named' bad_patch
sed -i '/9999/d' "$copy/patches/series"
rm "$copy/patches/plugin/9999-test.patch"
back() { rebuilds nothing 'list.o '; }
check 'a dropped patch is undone' back

no_directory() { # one line that says what is wrong, and no compiler's or cp's
    mkdir "$scratch/file" && cp -pR Makefile src patches tools tests bench "$scratch/file/" &&
        touch "$scratch/file/build"
    for target in darknet lib; do
        (cd "$scratch/file" && "$make" "$target") >"$scratch/said" 2>&1 && return 1
        cat "$scratch/said"
        [ "$(grep -vc '^make' "$scratch/said")" = 1 ] &&
            grep -q "nothing can be written in $scratch/file/build" "$scratch/said" || return 1
    done
}
check 'a build/ that cannot be written is named' no_directory
no_warnings() { # clang warns of a flag that takes back another, for every file
    command -v clang >/dev/null || return 0
    touch "$copy/src/base/seed.c"
    (cd "$copy/build/source" && "$make" -s CC=clang BLAS=0 -B obj/seed.o) >"$scratch/said" 2>&1 ||
        { cat "$scratch/said" && return 1; }
    cat "$scratch/said"
    ! grep -q warning "$scratch/said"
}
check 'clang compiles without a warning' no_warnings

dropped_source() {
    echo 'int dropped(void) { return 1; }' >"$copy/src/cpu/dropped.c"
    rebuilds nothing 'dropped.o ' && ar t "$copy/build/source/libdarknet.a" | grep -qx dropped.o || return 1
    rm "$copy/src/cpu/dropped.c"
    rebuilds nothing '' && ! ar t "$copy/build/source/libdarknet.a" | grep -x dropped.o
}
check 'a dropped source leaves the library' dropped_source

# --- Where the source comes from. offline COMMAND...: no git home, or one that hangs for HANGS seconds, no apt archive.
mkdir "$scratch/bin"
printf '#!/bin/sh\ncase $1 in ls-remote) sleep ${HANGS:-0} && exit 1 ;; *) exec %s "$@" ;; esac\n' \
    "$(command -v git)" >"$scratch/bin/git"
printf '#!/bin/sh\necho "E: no network" >&2\nexit 100\n' >"$scratch/bin/apt-get"
chmod +x "$scratch"/bin/*
cp .gitmodules "$copy/"
(cd "$copy" && git init -q .)
offline() {
    start=$(date +%s)
    PATH=$scratch/bin:$PATH "$@" >"$scratch/said" 2>&1
    code=$?
    cat "$scratch/said"
    [ $(($(date +%s) - start)) -lt 40 ] && return $code
}
# says TEXT COMMAND...: that fails with TEXT.
says() {
    text=$1
    shift
    ! "$@" >"$scratch/message" 2>&1 || return 1
    cat "$scratch/message"
    grep -qF -- "$text" "$scratch/message"
}
files() { (cd "$copy/build/upstream" && find . -type f -exec cksum {} + | sort | cksum); }

touched() {
    touch "$scratch/mark" "$copy/tools/get_darknet.sh"
    before=$(files)
    offline build && [ "$(files)" = "$before" ] && [ -z "$(objects)" ] && ! grep -q asking "$scratch/said"
}
check 'offline, another get_darknet.sh leaves a good source as it is' touched
damaged() {
    touch "$copy/tools/get_darknet.sh"
    echo '/* edited */' >>"$copy/build/upstream/src/list.c"
    before=$(files)
    says 'could not be had' offline build &&
        grep -q 'build/upstream is not the pinned commit, or was edited' "$scratch/message" &&
        [ "$(files)" = "$before" ] && [ ! -e "$copy/build/upstream.work" ]
}
check 'offline, a bad one is said to be bad and stays until there is a good one' damaged
checkout() {
    touch "$scratch/mark"
    cp -R build/upstream/. "$copy/darknet/"
    build >"$scratch/said" 2>&1 && grep -q 'darknet/ as checked out' "$scratch/said" &&
        diff -r build/upstream "$copy/build/upstream" && [ -z "$(objects)" ]
}
check 'it is replaced from darknet/ as checked out' checkout
edited() {
    rm -rf "$copy/build/upstream"
    echo '/* edited */' >>"$copy/darknet/src/list.c"
    says 'refused: darknet/ has git tree' build
}
check 'an edited darknet/ is refused' edited
nowhere() {
    rm -rf "$copy/darknet" && mkdir "$copy/darknet"
    HANGS=1000 says 'could not be had' offline build && grep -q 61c9d02 "$scratch/message"
}
check 'no source anywhere: a clear message within seconds' nowhere

# --- The library alone, and the targets
check 'the library builds alone' build lib
check 'the library needs libm and libc only' sh -c \
    "! readelf -d '$copy/build/libsmooth_topk.so' | grep NEEDED | grep -v 'libm\.so\|libc\.so\|ld-linux'"
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
    "${CC:-gcc}" -Isrc/loss -o "$scratch/use" "$scratch/use.c" "$1" -lm && LD_LIBRARY_PATH=$copy/build "$scratch/use" |
        grep -q '^0.4076 no error'
}
check 'a C program links the static library' use "$copy/build/libsmooth_topk.a"
check 'a C program links the shared library' use "$copy/build/libsmooth_topk.so"
"$make" help >"$scratch/help"
targets=$(grep -o '^make [a-z-]*' "$scratch/help" | cut -d' ' -f2 | sort -u)
cp -R build/upstream "$copy/build/"
# make -n cannot enter trees that are not there: these are taken as built.
touch "$copy/build/upstream"
for built in sanitized/.built fuzz/darknet/.built pristine/darknet ranks/.built; do
    mkdir -p "$copy/build/${built%/*}" && touch "$copy/build/$built"
done
for target in all $targets; do
    case $target in gpu-check | check-debian) continue ;; esac # they ask for a GPU, for root
    check "make -n $target" build -n $target
done
check 'make help names all that is called by hand' sh -c "
    sed -n '/^\.PHONY/s/^[^:]*://p' Makefile | tr ' ' '\n' | grep -Ev '^$|-programs$|^(all|darknet|help|FORCE)$' |
        while read -r target; do grep -q \"make \$target\b\" '$scratch/help' || { echo \$target; exit 1; }; done"
finish
