#include "kuda/apps/stop_signal.h"

#include <unistd.h>

#include <csignal>

namespace kuda {

namespace {

std::atomic<bool> stop_asked{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may touch lock-free atomics only");

extern "C" void on_stop_signal(int) {
  constexpr int kInterrupted = 6;  // Interrupted::exit_code()
  if (stop_asked.exchange(true)) _exit(kInterrupted);
}

}  // namespace

const std::atomic<bool>& catch_stop_signals() {
  struct sigaction action {};
  action.sa_handler = on_stop_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  struct sigaction before {};
  sigaction(SIGHUP, nullptr, &before);
  if (before.sa_handler != SIG_IGN) sigaction(SIGHUP, &action, nullptr);  // `nohup kuda` goes on
  return stop_asked;
}

}  // namespace kuda
