#pragma once
// SIGINT, SIGTERM and SIGHUP (the terminal is gone) ask for a clean stop: the step is finished, the state saved, and
// the exit code is 6. A second signal exits at once. So do SIGXCPU (the limit of `ulimit -t`), SIGUSR1 and SIGUSR2, by
// which batch systems give notice (Slurm's --signal, Grid Engine's -notify); their second one changes nothing.

#include <atomic>

namespace kuda {

/// Installs the handlers and returns the flag that they set.
const std::atomic<bool>& catch_stop_signals();

}  // namespace kuda
