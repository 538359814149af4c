#!/bin/sh
# The README's commands on a Debian that has nothing yet: its first two code blocks that install packages, each as
# written, from nothing on a minimal Debian 12 and 13, with gcc as an ordinary user and with clang as root.
#
# usage: tests/check_debian.sh [DIR]     (as root, from the root of the repository; `make check-debian`)
#
# Environment: SUITES="bookworm trixie" COMPILERS="gcc clang". The minimal systems are made once, in DIR (build/debian),
# by debootstrap from the archive that this machine's apt uses; each run works in a copy. What is committed is what is
# cloned. Logs stay in DIR. Ends with a line a run and one for all; exits 1 if one failed.
set -u
dir=${1:-build/debian}
suites=${SUITES:-bookworm trixie} compilers=${COMPILERS:-gcc clang}
fail() {
    echo "check-debian: $*" >&2
    exit 1
}
[ "$(id -u)" = 0 ] || fail 'needs root, for debootstrap and chroot: sudo make check-debian'
command -v debootstrap >/dev/null ||
    fail "the command 'debootstrap' is missing; install it with: apt-get install debootstrap"
mkdir -p "$dir" && dir=$(cd "$dir" && pwd) || exit 1
trap 'rm -rf "$dir"/*.run "$dir"/*.part' EXIT
trap 'exit 130' INT TERM

# The archive of this machine's distribution: the first one without a suite for updates alone.
mirror=$(apt-get indextargets --format '$(SITE) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    awk '$2 !~ /-/ && $3 == "main" { print $1; exit }')
[ "$mirror" ] || fail "apt on this machine knows no archive (apt-get update?)"

# minimal SUITE: a fresh system in $dir/SUITE, kept for the next time.
minimal() {
    [ -d "$dir/$1" ] && return
    echo "check-debian: making a minimal $1 in $dir/$1"
    rm -rf "$dir/$1.part"
    debootstrap --variant=minbase "$1" "$dir/$1.part" "$mirror" >"$dir/$1.log" 2>&1 || { tail -n 5 "$dir/$1.log" >&2 &&
        return 1; }
    rm -rf "$dir/$1.part/var/cache/apt/archives/"*.deb
    apt-config dump | grep -i '^Acquire::https\?::Proxy' >"$dir/$1.part/etc/apt/apt.conf.d/99proxy"
    mv "$dir/$1.part" "$dir/$1"
}

# inside ROOT USER COMMAND: with mounts that no one else sees and that end with it.
inside() {
    unshare -m --propagation private sh -c '
        mount --bind "$1" "$1" && cd "$1" && mkdir -p .outside && mount --rbind /dev dev && mount -t proc proc proc &&
            mount -t tmpfs -o mode=1777 tmpfs tmp && pivot_root . .outside && umount -l .outside || exit 1
        home=/root && [ "$2" = root ] || home=/home/$2
        cd "$home" && exec setpriv --reuid="$2" --regid="$2" --init-groups \
            env -i HOME="$home" USER="$2" LANG=C.UTF-8 CI="${CI-}" \
            PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive sh -c "$3"
    ' sh "$1" "$2" "$3" </dev/null
}

# block NUMBER: that code block of the README, of those with an apt-get in them; without indentation, sudo and comments.
block() {
    awk -v wanted="$1" '
        function end() { if (text ~ /apt-get/ && ++n == wanted) printf "%s", text; text = "" }
        /^```/ { fenced = !fenced; end(); next }
        fenced || /^    [^ ]/ { sub(/^    /, ""); sub(/[ \t]+#.*/, ""); text = text $0 "\n"; next }
        /^$/ && text != "" { next }
        { end() }
        END { end() }' README.md | sed 's/^sudo //'
}

# step NAME USER COMMAND: one of a run, in its log.
step() {
    echo "== $1 ($2): $3" >>"$log"
    inside "$root" "$2" "$3" >>"$log" 2>&1
}

# fresh: a system and a user who have nothing yet but the repository, as one file.
fresh() {
    rm -rf "$root"
    cp -a "$dir/$suite" "$root" && cp /etc/resolv.conf /etc/hosts "$root/etc/" || return 1
    [ "$user" = root ] || step 'a user' root "useradd -m -s /bin/sh $user" || return 1
    home=$root/root && [ "$user" = root ] || home=$root/home/$user
    git bundle create -q "$home/smooth_topk.bundle" HEAD
}

# run SUITE COMPILER USER: both blocks, each from nothing; apt-get as root, the rest as USER in a clone.
run() {
    suite=$1 compiler=$2 user=$3
    root=$dir/$suite-$compiler.run log=$dir/$suite-$compiler.log
    settings='BATCHES=30' # the demo, cut short
    [ "$compiler" = clang ] && settings="$settings MAKEFLAGS='CC=clang CXX=clang++'"
    : >"$log"
    for number in 1 2; do
        block $number >"$dir/block" && [ -s "$dir/block" ] ||
            { echo "README.md has no code block number $number with apt-get" >&2 && return 1; }
        fresh || return 1
        cloned=
        while read -r line; do
            case $line in
            *apt-get*)
                # clang in place of gcc, with the runtime of its sanitizers and of OpenMP.
                [ "$compiler" = gcc ] ||
                    line=$(echo "$line" | sed 's/ gcc / clang libclang-rt-dev libomp-dev /; s/ g++ / /')
                step "README, block $number" root "apt-get -q=2 update && $line" || return 1
                ;;
            *'git clone'* | cd\ * | '') ;;
            *)
                [ "$cloned" ] || step 'clone' "$user" 'git clone -q smooth_topk.bundle smooth_topk' || return 1
                cloned=yes
                step "README, block $number" "$user" "cd smooth_topk && $settings $line" || return 1
                ;;
            esac
        done <"$dir/block"
    done
    tail -n 1 "$log" | grep -Eq '^[0-9]+ passed, 0 failed'
}

failures=0
: >"$dir/summary"
for suite in $suites; do
    minimal "$suite" || fail "debootstrap cannot make $suite from this machine's archive; $dir/$suite.log says why"
    for compiler in $compilers; do
        user=someone && [ "$compiler" = gcc ] || user=root
        echo "check-debian: $suite, $compiler, as $user: $dir/$suite-$compiler.log"
        start=$(date +%s) result=passed
        run "$suite" "$compiler" "$user" || { result=FAILED failures=$((failures + 1)) &&
            tail -n 40 "$dir/$suite-$compiler.log"; }
        echo "$suite, $compiler, as $user: $result in $(($(date +%s) - start)) s: $(tail -n 1 \
            "$dir/$suite-$compiler.log")" >>"$dir/summary"
        rm -rf "$root"
    done
done
cat "$dir/summary"
[ $failures = 0 ] && echo "check-debian: the README's commands work on $suites, with $compilers" ||
    { echo "check-debian: $failures runs failed" && exit 1; }
