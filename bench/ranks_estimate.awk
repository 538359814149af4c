# The speed-up of many ranks on paper, from the step of one and published figures of networks: docs/several-machines.md.
#
# usage: awk -f bench/ranks_estimate.awk [-v images=32]     images: of one rank in a batch
#
# A sum of B bytes in A arrays over N ranks, each with a link of its own, by a ring of 2 (N-1) rounds, as Open MPI
# does, or by recursive halving, 2 log2(N) rounds (Rabenseifner, --mca coll_libnbc_iallreduce_algorithm 3):
#     sum(N) = 2 (N-1)/N B/(.93 rate) + A rounds latency
# .93: MPI over 40 Gbit/s Ethernet reached 37.23 (Cisco's blog, "MPI over 40Gb Ethernet"); its latency there, 1.93 us,
# stands for the faster networks, 25 us (a published comparison of MPICH over TCP with InfiniBand) for 10 Gbit/s.
# Two thirds of a step go backward, and the sums run beside it; a fifth of a sum was never hidden (RATE=1gbit make
# bench-ranks):
#     waited(N) = max(sum/5, sum - 2/3 step),  speed-up = N step/(step + waited)
function network(name, rank, milliseconds_an_image, megabytes, arrays, how,    r, n, rounds, sum, step, waited, line) {
    for (r = 1; r <= 3; r++) {
        step = milliseconds_an_image * images
        line = sprintf("| %s | %s | %s | %d Gbit/s |", name, rank, how, rate[r])
        for (n = 1; n <= 4; n++) {
            rounds = how == "ring" ? 2 * (ranks[n] - 1) : 2 * log(ranks[n]) / log(2)
            sum = 2 * (ranks[n] - 1) / ranks[n] * megabytes * 8 / (.93 * rate[r]) + arrays * rounds * latency[r]
            waited = sum - 2 / 3 * step
            if (waited < sum / 5) waited = sum / 5
            line = line sprintf(" %.4g (%.0f %%) |", ranks[n] * step / (step + waited), 100 * step / (step + waited))
        }
        print line
    }
}
BEGIN {
    if (!images) images = 32
    split("10 100 400", rate, " ")
    split(".025 .00193 .00193", latency, " ") # milliseconds
    split("8 64 512 1024", ranks, " ")
    print "| network | a rank is | sum by | link | 8 ranks | 64 | 512 | 1024 |"
    print "|---|---|---|---|---|---|---|---|"
    network("ResNet-18", "a core of this machine, 76 ms an image", 76, 46.8, 21, "ring")
    network("ResNet-50", "a core of this machine, 320 ms an image", 320, 91.3, 50, "ring")
    network("ResNet-50", "a V100, 367 images/s in float32 (NVIDIA)", 1000 / 367, 91.3, 50, "ring")
    network("ResNet-50", "the same", 1000 / 367, 91.3, 50, "halving")
    network("ResNet-50", "an A100, 938 images/s in TF32 (NVIDIA)", 1000 / 938, 91.3, 50, "ring")
    network("ResNet-50", "the same", 1000 / 938, 91.3, 50, "halving")
}
