#!/bin/sh
# docs/architecture.md is true to the tree and short; files, functions, lines and patches keep to their measures.
. tests/tap.sh
page=docs/architecture.md
named() { { grep -o '`[^` ]*`' "$page" | tr -d '`' &&
    grep -oE '\b(src|tests|tools|patches)/[a-z0-9_/.*-]*[a-z/]' "$page"; } | sort -u; }
# A path exists; a file without one is somewhere in our tree or in Darknet's.
files() {
    named | grep -E '/|[a-z0-9*]\.(c|h|cu|cuh|sh|mk|md|py|patch)$' | grep -v '^build/' | while read -r name; do
        case $name in
        */*) found=$(ls -d $name 2>/dev/null) ;;
        *'*'*) found=$name ;;
        *) found=$(find src tests docs build/source/src ! -type d -name "$name" | head -n 1) ;;
        esac
        [ "$found" ] || echo "no $name"
    done | grep . && return 1
    return 0
}
check 'every file that it names is there' files
functions() {
    named | grep -E '^[a-z]+_[a-z_]+$' | while read -r name; do
        grep -rqE "\b$name\(" src build/source/src || echo "no $name"
    done | grep . && return 1
    return 0
}
check 'and every function' functions
directories() {
    for directory in src/*/ src/*/*/ patches tools tests cfg bench darknet; do
        grep -q "\`${directory%/}/\`" "$page" || { echo "does not say what $directory is"; return 1; }
    done
}
check 'it names every directory' directories
short() { [ "$(wc -l <"$page")" -le 80 ]; }
check 'it is at most 80 lines' short
makefile() { [ "$(wc -l <Makefile)" -le 150 ]; }
check 'Makefile is at most 150 lines' makefile
sources() { find src -type f -exec wc -l {} + | awk '$2 != "total" && $1 > 500 { print; bad = 1 } END { exit bad }'; }
check 'no file of src/ is over 500 lines' sources
bodies() { awk '/^{$/ { first = FNR }
    /^}$/ && FNR - first + 1 > 60 { print FILENAME ", line " first ": " FNR - first + 1 " lines"; bad = 1 }
    END { exit bad }' src/*/*.[ch] src/*/*.cu src/*/*.cpp src/*/*/*; }
check 'no function of src/ is over 60 lines' bodies
nouns() { ! grep -rnwE '[A-Za-z0-9_]+_(of|at|to)' src tests tools bench python examples --include='*.[ch]' \
    --include='*.cu*' --include='*.cpp' --include='*.py' --include='*.sh' | grep -v 'relative_to(' | grep .; }
check 'no name ends in of, at or to' nouns
patches() {
    wc -l patches/*/*.patch | tail -n 1
    [ "$(cat patches/*/*.patch | wc -l)" -le 1100 ] &&
        awk '/^\+\+\+/ { c = /\.(c|h|cu)$/; next } c && /^\+/ { n[FILENAME]++ }
            END { for (f in n) if (n[f] > 60) { print f, n[f]; bad = 1 } exit bad }' patches/*/*.patch
}
check 'all patches are at most 1100 lines, none adds more than 60 of C' patches
# But for tables, commands and links of the pages, which cannot be broken or are copied as they are.
columns() {
    awk 'FNR == 1 { inside = 0 }
        FILENAME ~ /[.]md$/ && /^ *```/ { inside = !inside }
        FILENAME ~ /[.]md$/ && (inside || /^ *[|]/ || /^    / || /^[^ ]*$/) { next }
        { line = $0; gsub(/[\200-\277]/, "", line) }
        length(line) > 120 { print FILENAME ", line " FNR; bad = 1 }
        END { exit bad }' Makefile .ci/run tools/help.txt ./*.md docs/*.md docs/results/*.md tests/*.md python/*.md \
        */*.mk */*.sh */*.awk */*.py */*.toml */*.txt python/*/*.py*
}
check 'shell, Python, make, awk and prose keep to 120 columns' columns
series() { ls patches/*/*.patch | sed 's,^patches/,,' | sort >"$scratch/there" && grep -v '^#' patches/series | sort |
    diff - "$scratch/there"; }
check 'every patch is in the series' series
# The commands that `make check-debian` runs: two blocks that install packages.
commands() { [ "$(grep -c 'apt-get install -y --no-install-recommends' README.md)" -ge 2 ] &&
    grep -qx 'make test' README.md && [ -x tests/check_debian.sh ]; }
check 'the README has two blocks of commands for a bare Debian, the second runs the tests' commands
trial() {
    diff=$PWD/docs/results/labels_left_out.diff
    git apply --check "$diff" && mkdir "$scratch/trial" && cp -R src "$scratch/trial" &&
        (cd "$scratch/trial" && GIT_CEILING_DIRECTORIES=$scratch git apply "$diff" &&
            "${CC:-gcc}" -Werror -fsyntax-only $(printf -- '-I%s ' src/*/) src/loss/smooth_topk_soft.c)
}
check 'the trial of docs/results/labels_left_out.md can be made' trial
mailed() {
    cp -R build/upstream "$scratch/tree"
    top=$PWD
    export GIT_CEILING_DIRECTORIES="$scratch" GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a \
        GIT_COMMITTER_EMAIL=a@b
    (cd "$scratch/tree" && git init -q && git -c core.autocrlf=false add -A -f . && git commit -qm upstream &&
        grep -v '^#' "$top/patches/series" | sed "s,^,$top/patches/," | xargs git am -q -C1)
}
check 'git am takes the whole series' mailed
finish
