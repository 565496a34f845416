#include "kuda/base/interruption.h"

#include <utility>

#include "kuda/base/error.h"

namespace kuda {
namespace {

thread_local const InterruptionScope* current = nullptr;

}  // namespace

InterruptionScope::InterruptionScope(std::function<bool()> is_asked) : is_asked_(std::move(is_asked)), outer_(current) {
  current = this;
}

InterruptionScope::~InterruptionScope() { current = outer_; }

void stop_where_asked() {
  if (current != nullptr && current->is_asked_()) throw Interrupted("stopped before the work was done");
}

}  // namespace kuda
