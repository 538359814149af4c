#!/bin/sh
# Puts the Darknet source at the pinned commit into DIR, from the first place that has it, verified.
#
# usage: tools/get_darknet.sh DIR     (run from the root of the repository)
#
# Places: DIR as it is; darknet/ as checked out; `git submodule update --init`; Debian's source package
# "darknet", whose orig tarball is that very commit. Whatever the place, the files must hash to the commit's
# git tree id. Nothing outside DIR and darknet/ is changed, and DIR only once its new content is whole.
set -eu

tree=2b3b5d8f4f7f5951ddcc609fe840ef18ecc9c711 # git rev-parse 61c9d02ec461e30d55762ec7669d6a1d3c356fb2^{tree}
dir=$1
work=$dir.work
rm -rf "$work"
mkdir -p "$work/tree" "$(dirname "$dir")"
work=$(cd "$work" && pwd)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

say() { echo "darknet source: $*" >&2; }

missing() { # package command
    say "the command '$2' is missing; install it with: apt-get install $1"
    exit 1
}
command -v git >/dev/null || missing git git

# The git tree id of the files in a directory.
git_tree_id() {
    rm -rf "$work/git"
    (
        export GIT_DIR="$work/git" GIT_WORK_TREE="$1" GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
        git init -q 2>/dev/null && git -c core.autocrlf=false -c core.fileMode=true add -A -f . && git write-tree
    ) || echo "an unreadable tree"
}

# True if the files in $work/tree are exactly the pinned commit's.
verified() {
    found=$(git_tree_id "$work/tree")
    [ "$found" = "$tree" ] || {
        say "refused: $1 has git tree $found, not $tree"
        rm -rf "$work/tree"
        mkdir -p "$work/tree"
        return 1
    }
}

there_already() {
    [ -d "$dir" ] || return 1
    found=$(git_tree_id "$(cd "$dir" && pwd)")
    [ "$found" = "$tree" ] || {
        say "$dir is not the pinned commit, or was edited: it has git tree $found, and is replaced"
        return 1
    }
}

from_checkout() {
    [ -f darknet/src/parser.c ] || return 1
    if [ -e darknet/.git ]; then
        (cd darknet && git ls-files -z | tar -cf - --null -T -) | tar -xf - -C "$work/tree" || return 1
    else
        cp -R darknet/. "$work/tree/"
    fi
    verified "darknet/" || {
        say "darknet/ is not the pinned commit, or was edited; restore it with: git submodule update --init --force"
        exit 1
    }
    say "darknet/ as checked out"
}

from_submodule() {
    git rev-parse --is-inside-work-tree >/dev/null 2>&1 || return 1
    [ -f .gitmodules ] || return 1
    url=$(git config -f .gitmodules submodule.darknet.url) || return 1
    say "asking $url"
    export GIT_TERMINAL_PROMPT=0 GIT_SSH_COMMAND="ssh -oBatchMode=yes -oConnectTimeout=5"
    timeout 10 git ls-remote "$url" HEAD >/dev/null 2>&1 || return 1
    timeout 300 git -c http.lowSpeedLimit=1000 -c http.lowSpeedTime=10 submodule update --init darknet >&2 || return 1
    from_checkout
}

# The machine's own apt entries, as deb-src: archives of a distribution only, not third parties'.
# Where xz is missing, as deb too: it is then taken from its package, unpacked in the private directory.
source_entries() {
    types=deb-src
    command -v xz >/dev/null || types='deb deb-src'
    for type in $types; do
        for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
            [ -f "$list" ] && sed -n "s/^[[:space:]]*deb\([[:space:]]\)/$type\1/p" "$list"
        done
    done | grep -E '[[:space:]](main|universe)([[:space:]]|$)' |
        grep -vE -- '-(security|updates|backports)[[:space:]]' >"$work/apt/sources.list.d/machine.list" || true
    for list in /etc/apt/sources.list.d/*.sources; do
        [ -f "$list" ] || continue
        awk -v types="$types" 'BEGIN { RS = ""; ORS = "\n\n" }
             /(^|\n)Types:[^\n]*deb/ && /(^|\n)Components:[^\n]*(main|universe)/ &&
             !/(^|\n)Enabled:[ \t]*(no|false)/ {
                 sub(/Types:[^\n]*/, "Types: " types); gsub(/[^ \n]*-(security|updates|backports)/, "")
                 if ($0 !~ /Suites:[ \t]*(\n|$)/) print
             }' "$list" >"$work/apt/sources.list.d/$(basename "$list")"
    done
}

from_apt() {
    command -v apt-get >/dev/null || return 1
    mkdir -p "$work/apt/sources.list.d" "$work/apt/lists/partial" "$work/apt/cache/archives/partial" \
        "$work/apt/download"
    source_entries
    say "asking the machine's apt archives for the source package \"darknet\""
    cat >"$work/apt/apt.conf" <<CONF
Dir::Etc::SourceList "/dev/null";
Dir::Etc::SourceParts "$work/apt/sources.list.d";
Dir::State::Lists "$work/apt/lists";
Dir::Cache "$work/apt/cache";
Acquire::Languages "none";
Acquire::Retries "0";
Acquire::http::Timeout "10";
Acquire::https::Timeout "10";
APT::Sandbox::User "";
CONF
    export APT_CONFIG="$work/apt/apt.conf"
    # An archive that does not answer must not hide one that does: the download decides.
    timeout 90 apt-get -q=2 update >"$work/apt/log" 2>&1 || true
    (cd "$work/apt/download" &&
        timeout 90 apt-get -q=2 source --download-only --tar-only darknet >>"$work/apt/log" 2>&1) || {
        sed 's/^/darknet source:   apt: /' "$work/apt/log" | grep -E ' [EW]: ' | head -n 5 >&2
        return 1
    }
    command -v xz >/dev/null || {
        (cd "$work/apt/download" && timeout 90 apt-get -q=2 download xz-utils >>"$work/apt/log" 2>&1 &&
            dpkg-deb -x xz-utils_*.deb "$work/apt/xz") || missing xz-utils xz
        PATH=$PATH:$work/apt/xz/usr/bin
    }
    tar -xJf "$work"/apt/download/darknet_*.orig.tar.xz -C "$work/tree" --strip-components=1 || return 1
    verified "Debian's source package" || return 1
    say "Debian's source package \"darknet\""
}

! there_already || exit 0
from_checkout || from_submodule || from_apt || {
    say "could not be had from darknet/, from its git home, or from an apt archive."
    say "With a network: git submodule update --init.  Without: copy a checkout of commit"
    say "61c9d02ec461e30d55762ec7669d6a1d3c356fb2 of https://github.com/pjreddie/darknet into darknet/."
    exit 1
}
[ ! -e "$dir" ] || mv "$dir" "$work/replaced"
mv "$work/tree" "$dir"
