#!/bin/sh
# Images a second of one process, of one with two threads and of two ranks, on two cores; how long the ranks wait
# for sums of gradients. Runs take turns; medians.
#
# usage: bench/ranks.sh            from the root of the repository; numbers to build/bench/ranks.csv
#   NETWORKS="glyphs cifar100"    BATCH=128    ROUNDS=5    STEPS=5    PREFIX="chrt -f 10" (steady beside other work)
#   RATE=1gbit: the ranks talk by TCP through a network of this rate, which tc makes of the loopback; as root
set -eu
: "${NETWORKS:=glyphs cifar100}" "${BATCH:=128}" "${ROUNDS:=5}" "${STEPS:=5}" "${PREFIX:=}" "${RATE:=}"
out=build/bench
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
[ -z "$RATE" ] || export OMPI_MCA_btl=tcp,self OMPI_MCA_btl_tcp_if_include=lo OMPI_MCA_pml=ob1

in_network() { # COMMAND...
    if [ -z "$RATE" ]; then
        "$@"
    else
        # shellcheck disable=SC2016
        unshare -n sh -c 'ip link set lo up && tc qdisc add dev lo root tbf rate "$0" burst 256kb latency 400ms &&
            exec "$@"' \
            "$RATE" "$@"
    fi
}
echo 'network,variant,what,milliseconds,waited or bytes,images' >$out/ranks.csv

# run NETWORK VARIANT THREADS COMMAND...: adds a line for each step and each sum.
run() {
    network=$1 variant=$2 threads=$3
    shift 3
    export OMP_NUM_THREADS=$threads
    # shellcheck disable=SC2086
    in_network $PREFIX "$@" "$out/$network.cfg" "$STEPS" 2>/dev/null |
        awk -v OFS=, -v head="$network,$variant" '/^(step|sum) / { print head, $1, $2, $3, $4 }' >>$out/ranks.csv
    printf '\r%-60s' "$network, $variant" >&2
}
for network in $NETWORKS; do
    sed "s/^batch=.*/batch=$BATCH/; s/^subdivisions=.*/subdivisions=1/" \
        "cfg/${network}_softmax.cfg" >"$out/$network.cfg"
done
round=1
while [ $round -le "$ROUNDS" ]; do
    for network in $NETWORKS; do
        run "$network" '1 process' 1 $out/ranks
        run "$network" '2 threads' 2 $out/ranks
        run "$network" '2 ranks' 1 mpirun -np 2 --bind-to none --mca mpi_yield_when_idle 1 $out/ranks
    done
    round=$((round + 1))
done
printf '\r%-60s\r' '' >&2
awk -f bench/median.awk -f bench/ranks.awk $out/ranks.csv
