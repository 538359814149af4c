#!/bin/sh
# Times a training step on the CPU: upstream, ours without BLAS and Winograd, ours, ours as a machine without AVX-512
# has it, and PyTorch on the same networks (PYTHON=, which needs torch). Runs take turns; medians.
#
# usage: bench/step.sh            from the root of the repository; numbers to build/bench/steps.csv, plot to step.svg
# there
#   NETWORKS="glyphs cifar100"    ROUNDS=3    THREADS="1 2"
set -eu
: "${NETWORKS:=glyphs cifar100 cifar100_densenet imagenet_paper}" "${ROUNDS:=3}" "${THREADS:=1 2}" "${PYTHON:=}"
out=build/bench busy=
echo 'network,batch,variant,threads,cpu,wall,memory' >$out/steps.csv

# The busy processes of below are not to outlive a Ctrl-C.
trap '[ -z "$busy" ] || kill $busy' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# run NAME BATCH VARIANT THREADS STEPS COMMAND..: adds a line for every step.
run() {
    name=$1 batch=$2 variant=$3 threads=$4
    shift 4
    OMP_NUM_THREADS=$threads "$@" 2>/dev/null | awk -v OFS=, -v head="$name,$batch,$variant,$threads" '
        $1 == "memory" { memory = $2; next }
        { cpu[++n] = $1; wall[n] = $2 }
        END { for (i = 1; i <= n; i++) print head, cpu[i], wall[i], memory }' >>$out/steps.csv
    printf '\r%-60s' "$name, $variant, $threads thread(s)" >&2
}

for network in $NETWORKS; do
    case $network in
    glyphs) batch=64 steps=20 slow=3 ;;
    cifar100) batch=32 steps=4 slow=2 ;;
    cifar100_densenet) batch=8 steps=3 slow=1 ;;
    *) batch=4 steps=2 slow=1 ;;
    esac
    cfg=$out/$network.cfg
    sed "s/^batch=.*/batch=$batch/; s/^subdivisions=.*/subdivisions=1/" "cfg/${network}_softmax.cfg" >"$cfg"
    if [ "$PYTHON" ]; then
        $out/step "$cfg" dump $out/step.bin 2>/dev/null
        echo "$network: the gradients of a layer are PyTorch's within $($PYTHON bench/step.py "$cfg" compare \
            $out/step.bin) of their size"
    fi
    round=1
    while [ $round -le "$ROUNDS" ]; do
        for threads in $THREADS; do
            if [ $round -eq 1 ] && [ "$threads" -eq 1 ]; then
                run $network $batch upstream 1 $out/step_upstream "$cfg" $slow
                BLAS=0 WINOGRAD=0 run $network $batch neither 1 $out/step "$cfg" $slow
            fi
            run $network $batch ours "$threads" $out/step "$cfg" $steps
            [ -z "$PYTHON" ] || run $network $batch pytorch "$threads" $PYTHON bench/step.py "$cfg" $steps "$threads"
            CPU_MOST=avx2 OPENBLAS_CORETYPE=Haswell run $network $batch ours_avx2 "$threads" $out/step "$cfg" $steps
        done
        round=$((round + 1))
    done
    # Two threads where two busy processes want the cores, once: what they spend on waiting for each other.
    for process in 1 2; do
        sh -c 'while :; do :; done' &
        busy="$busy $!"
    done
    for threads in 1 2; do
        run $network $batch ours_beside $threads $out/step "$cfg" $steps
        [ -z "$PYTHON" ] || run $network $batch pytorch_beside $threads $PYTHON bench/step.py "$cfg" $steps $threads
    done
    kill $busy
    busy=
done
printf '\r%-60s\r' '' >&2
awk -f bench/median.awk -f bench/step.awk $out/steps.csv | tee $out/step.md
[ -z "$PYTHON" ] || ! command -v gnuplot >/dev/null || gnuplot -e "output_file='$out/step.svg'" bench/step.gp
