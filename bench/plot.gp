# Draws build/bench/loss.csv: nanoseconds a class against the number of classes. Set `output_file` with -e.
set terminal svg size 760,420 font "sans-serif,13" background "white"
set output output_file
set datafile separator ","
set logscale xy
set xlabel "classes"
set ylabel "nanoseconds a class, forward + backward"
set xrange [80:28000]
set xtics (100, 1000, 21841)
set key outside right spacing 1.1
set grid ytics
file = "build/bench/loss.csv"
rows(algorithm, k) = sprintf("< awk -F, '$3 == \"%s\" && $2 == %d' %s", algorithm, k, file)
plot rows("softmax", 5) using 1:4 with linespoints lw 3 pt 7 lc "black" title "Darknet softmax", \
     for [k in "1 5 10 20 100"] rows("pivot", k + 0) using 1:4 with linespoints lw 2 pt 7 title "pivot, k = ".k, \
     for [k in "5"] rows("log", k + 0) using 1:4 with linespoints lw 2 dt 2 pt 6 title "log, k = ".k
