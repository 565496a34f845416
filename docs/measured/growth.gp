$clips0 << END
64 4.0922
256 16.0666
1024 63.4970
END
$frames0 << END
50 2.9787
100 3.3965
200 4.2800
400 6.5214
END
$frames1 << END
50 0.9302
100 1.0470
200 1.3105
400 1.8807
END
$layers0 << END
1 1.9945
2 2.1562
4 2.7342
6 3.0384
END
$layers1 << END
1 0.6400
2 0.6883
4 0.8014
6 0.9478
END
set terminal svg size 1050,340 dynamic background '#ffffff'
set output 'growth.svg'
set multiplot layout 1,3
set key top left
set grid
set yrange [0:*]
set xrange [0:*]
set ylabel 'seconds'
set xlabel 'training clips'
plot $clips0 with linespoints pt 7 lw 2 title 'an epoch'
set xlabel 'audio frames (vision: at most 55)'
plot $frames0 with linespoints pt 7 lw 2 title 'a training step', $frames1 with linespoints pt 7 lw 2 title 'scoring 32 clips'
set xlabel 'layers of the text encoder'
plot $layers0 with linespoints pt 7 lw 2 title 'a training step', $layers1 with linespoints pt 7 lw 2 title 'scoring 32 clips'
unset multiplot
