# Synthetic data; included by the CMakeLists.txt of this folder.
kuda_library(synth TORCH
             SOURCES synth.cpp synth_bounds.cpp synth_decode.cpp synth_frames.cpp synth_options.cpp synth_rule.cpp
                     synth_text.cpp synth_truth.cpp synth_words.cpp
             LINKS kuda_data)
kuda_tests(synth TORCH SOURCES synth_test.cpp synth_rule_test.cpp synth_signal_test.cpp LINKS kuda_synth)
