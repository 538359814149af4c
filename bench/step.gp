# Draws build/bench/step_plot.csv: CPU time of a step on one thread, relative to PyTorch's. Set `output_file` with -e.
set terminal svg size 760,420 font "sans-serif,13" background "white"
set output output_file
set datafile separator ","
set style data histograms
set style histogram clustered gap 1
set style fill solid
set boxwidth 0.9
set logscale y
set yrange [0.2:12]
set ytics ("1/4" 0.25, "1/2" 0.5, "1" 1, "2" 2, "4" 4, "8" 8)
set ylabel "CPU time of a step, PyTorch = 1"
set grid ytics
set key above horizontal
set xrange [-0.6:3.6]
set xtics noenhanced
file = "build/bench/step_plot.csv"
plot file using 2:xtic(1) lc "gray50" title "upstream", \
     file using 3 lc "gray80" title "BLAS=0 WINOGRAD=0", \
     file using 6 lc "black" title "PyTorch", \
     file using 5 lc "#9ecae1" title "ours, AVX2 only", \
     file using 4 lc "#2171b5" title "ours"
