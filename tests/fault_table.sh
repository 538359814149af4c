#!/bin/sh
# The one command behind tests/README.md: provokes each fault with upstream's Darknet and with this one, and writes the
# table of outcomes below the README's last line of prose.
#
# usage: tests/fault_table.sh [KILLS]     (by `make faults`, which builds both; 200 kills take some minutes)
kills=${1:-200}
. tests/tap.sh
ours=$darknet
upstream=$PWD/build/pristine/darknet
[ -x "$ours" ] || { echo "$ours is missing: run make first" >&2; exit 1; }
. tests/faults.sh
(make_material)

cell() { # text: as a table's cell
    printf '%s' "$1" | sed "s/|/\\\\|/g; s/Saving weights.*//"
}
row() { # fault, how, outcome before, outcome after
    echo "| $(cell "$1") | $(cell "$2") | $(cell "$3") | $(cell "$4") |"
}
run_outcome() { # darknet command...
    darknet=$1
    shift
    (cd "$root" && "$@" 2>/dev/null) || [ $? != 77 ] || echo 'cannot be provoked here'
}
killed() { # command runs...
    rm -rf "$scratch/kill" "$scratch/disk"
    cd "$scratch" && "$@"
    return 0
}

# Weights of one loaded and saved by the other, byte for byte.
exchange() { # writer reader
    cd "$material" || exit
    "$1" classifier train soft.data soft.cfg >out 2>err </dev/null || exit
    mv backup/soft.weights written.weights
    "$2" partial soft.cfg written.weights again.weights 99 2>err &&
        # But for the number of images seen, which partial sets to 0.
        tail -c +21 written.weights >written && tail -c +21 again.weights | cmp -s written - && echo 'the same bytes' ||
            echo 'DIFFERENT'
}

table=$scratch/table
{
    echo '| fault | how it is provoked | before (upstream) | after |'
    echo '|---|---|---|---|'
    list_faults | while IFS='|' read -r name fault how pattern; do
        row "$fault" "$how" "$(run_outcome "$upstream" provoke "$name")" "$(run_outcome "$ours" provoke "$name")"
    done
    row 'killed at any moment' \
        "SIGKILL to $kills training runs that save after each batch, each from the newest whole weights before it" \
        "$(run_outcome "$upstream" killed kill_runs "$kills" backup)" \
        "$(run_outcome "$ours" killed kill_runs "$kills" backup)"
    row 'killed at any moment, disk full' "the same on a tmpfs with room for two files, $((kills / 4)) runs" \
        "$(run_outcome "$upstream" killed kill_runs_on_full_disk $((kills / 4)))" \
        "$(run_outcome "$ours" killed kill_runs_on_full_disk $((kills / 4)))"
    row 'weights from before' 'written by upstream, loaded and saved again by this' '' "$(exchange "$upstream" "$ours")"
    row 'weights for others' 'written by this, loaded and saved again by upstream' '' "$(exchange "$ours" "$upstream")"
} >"$table" || exit
{
    sed '/^<!-- table -->$/q' tests/README.md
    tr -c '[:print:]\n' '?' <"$table" # upstream prints bytes that it has no right to
} >"$scratch/readme" && cat "$scratch/readme" >tests/README.md
cat "$table"
