#!/bin/sh
# Ranks that are killed, stopped, slow or cannot save: nothing hangs, and no weights are lost.
. tests/tap.sh
. tests/faults.sh
. tests/ranks.sh
sed 's/^max_batches=.*/max_batches=1000000/' plain.cfg >long.cfg

# begin NUMBER ARGUMENTS...: starts so many ranks; `end` waits for them, a minute at most.
begin() {
    rm -f backup/*
    : >out # which `trains` must not see as it was
    launch="mpirun -np $1"
    shift
    # shellcheck disable=SC2086
    $launch "$with_mpi" classifier train "$@" >out 2>err &
    launcher=$!
}
end() {
    seconds=0
    while kill -0 $launcher 2>/dev/null; do
        [ $seconds -lt 60 ] || { kill -9 $launcher && echo 'still running after a minute' && return 1; }
        seconds=$((seconds + 1))
        sleep 1
    done
    wait $launcher
    code=$?
}
await() { # COMMAND...: until it succeeds, half a minute at most
    for _ in $(seq 3000); do
        "$@" >/dev/null 2>&1 && return
        sleep .01
    done
    return 1
}
trains() {
    await grep -q '^20, ' out
}
rank_process() { # RANK
    for process in /proc/[0-9]*; do
        grep -q "^[0-9]* ([^)]*) . $launcher " "$process/stat" 2>/dev/null || continue
        tr '\0' '\n' <"$process/environ" | grep -qx "OMPI_COMM_WORLD_RANK=$1" && echo "${process#/proc/}"
    done
}
# lives_on CFG: the newest weights are whole, and other ranks go on from them.
lives_on() {
    newest=$(ls -t backup/*.weights backup/*.backup 2>/dev/null | head -n 1)
    [ -n "$newest" ] || { echo 'no weights' && return 1; }
    cp "$newest" newest.weights
    before=$(od -An -tu8 -j12 -N8 newest.weights)
    sed "s/^max_batches=.*/max_batches=$((before / 48 + 2))/; /^burn_in=/d" "$1.cfg" >after.cfg
    ranks "$2" x.data after.cfg newest.weights || { grep -v '^ \|^-' err && return 1; }
    [ "$(od -An -tu8 -j12 -N8 backup/after.weights)" -eq $((before + 96)) ]
}

# mpirun takes no output while it ends its ranks: two lines for each of these short batches would fill the pipe before
# rank 0 has saved.
stopped() { # SIGNAL of mpirun
    begin 3 x.data long.cfg -progress
    await test -e backup/long_5.weights && kill -s "$1" $launcher && end || return 1
    [ "$(grep -c '^Stopped by signal 15 after batch' err)" = 1 ] && [ -e backup/long.backup ] && lives_on long 4
}
check 'Ctrl-C reaches all ranks, and rank 0 saves' stopped INT
one_signal() {
    begin 3 x.data long.cfg
    trains && kill "$(rank_process 2)" && end || return 1
    [ $code = 143 ] && [ "$(grep -c '^Stopped by signal 15 after batch' err)" = 1 ] && lives_on long 2
}
check 'a signal to one rank stops all, and rank 0 saves' one_signal
killed() { # RANK RANKS
    begin "$2" x.data long.cfg
    trains && kill -9 "$(rank_process "$1")" && end || return 1
    [ $code != 0 ] && lives_on long $((5 - $2))
}
check 'a rank is killed while training: all end, and other ranks go on' killed 1 2
check 'rank 0 is killed while training' killed 0 3
alone() {
    begin 2 x.data long.cfg
    trains && kill -s STOP "$(rank_process 1)" && kill "$(rank_process 0)" && end || return 1
    said '^Stopped by signal 15 without the other ranks' && [ -e backup/long.backup ] && lives_on long 2
}
check 'a rank that does not answer: rank 0 saves the last batch when it is asked to stop' alone
killed_at_start() {
    mkfifo slow.txt
    sed "s|^train=.*|train=$PWD/slow.txt|" x.data >slow.data
    begin 1 x.data plain.cfg : -np 1 "$with_mpi" classifier train slow.data plain.cfg
    await grep -q . out && sleep .5 && kill -9 "$(rank_process 1)" && end || return 1
    [ $code != 0 ] && [ -z "$(ls backup)" ]
}
check 'a rank is killed before the first batch' killed_at_start
is_saving() {
    ls backup/*.tmp
}
killed_saving() {
    sed 's/^output=300/output=20000/; s/^batch=.*/batch=96/' long.cfg >large.cfg
    begin 2 x.data large.cfg
    await test -e backup/large_1.weights && await is_saving && kill -9 "$(rank_process 0)" && end || return 1
    mean=$(cat backup/*.weights | wc -c | awk -v n="$(ls backup/*.weights | wc -l)" '{ print $1/n }')
    [ "$(wc -c <backup/large_1.weights)" = "$mean" ] || return 1
    [ $code != 0 ] && sed 's/^batch=.*/batch=48/' large.cfg >less.cfg && lives_on less 2
}
check 'rank 0 is killed while it saves: the weights before are whole' killed_saving
slow() {
    begin 2 x.data plain.cfg -seed 3
    await grep -q '^5, ' out && rank_1=$(rank_process 1) && kill -s STOP "$rank_1" || return 1
    sleep 3
    kill -s CONT "$rank_1" && end && $compare one.weights backup/plain.weights 1e-5
}
as_one plain 2 >/dev/null
check 'a rank that is slow is waited for' slow
launcher_killed() {
    begin 2 x.data long.cfg
    trains && rank_0=$(rank_process 0) && kill -9 $launcher && await sh -c "! kill -0 $rank_0" && lives_on long 2
}
check 'mpirun is killed: its ranks end' launcher_killed
full_disk() {
    mkdir -p disk && sed "s|^backup=.*|backup=$PWD/disk|" x.data >disk.data
    # shellcheck disable=SC2016
    on_small_disk 800k disk sh -c 'timeout 60 mpirun -np 2 "$0" classifier train disk.data plain.cfg >out 2>err
        echo $? >code; wc -c disk/* | grep -v total >sizes' "$with_mpi" || return 77
    [ "$(cat code)" = 1 ] && said "Couldn't save weights .*No space left" && said 'Training goes on' &&
        [ "$(awk '{ print $1 }' sizes | sort -u | wc -l)" = 1 ]
}
if unshare -rm true 2>/dev/null; then
    check 'the disk of rank 0 is full: training goes on, what is saved is whole' full_disk
else
    count=$((count + 1))
    echo "ok $count - the disk of rank 0 is full # SKIP no namespaces here"
fi
finish
