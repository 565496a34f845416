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

/// Of the system, which may say it again while the state is saved: SIGXCPU comes every second.
extern "C" void on_notice(int) { stop_asked = true; }

void catch_signal(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
}

}  // namespace

const std::atomic<bool>& catch_stop_signals() {
  for (const int signal : {SIGINT, SIGTERM}) catch_signal(signal, on_stop_signal);
  struct sigaction before {};
  sigaction(SIGHUP, nullptr, &before);
  if (before.sa_handler != SIG_IGN) catch_signal(SIGHUP, on_stop_signal);  // `nohup kuda` goes on
  for (const int signal : {SIGXCPU, SIGUSR1, SIGUSR2}) catch_signal(signal, on_notice);
  return stop_asked;
}

}  // namespace kuda
