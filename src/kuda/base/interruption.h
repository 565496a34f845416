#pragma once
// Stopping long work that has no Progress: reading a data set, building a model, scoring clips. Training has a flag of
// its own, because it saves first (runs/procedure.h).
//
//   const InterruptionScope scope([] { return has_pressed_ctrl_c(); });
//   const auto dataset = open_dataset("mosei.pkl");       // throws Interrupted soon after it was pressed

#include <functional>

namespace kuda {

/// While it lives, work of this thread asks now and then whether it should end. Scopes may be nested: the inner one is
/// asked.
class InterruptionScope {
 public:
  explicit InterruptionScope(std::function<bool()> is_asked);
  InterruptionScope(const InterruptionScope&) = delete;
  InterruptionScope& operator=(const InterruptionScope&) = delete;
  ~InterruptionScope();

 private:
  std::function<bool()> is_asked_;
  const InterruptionScope* outer_;
  friend void stop_where_asked();
};

/// What long work calls in its loops: throws Interrupted where a scope of this thread says so. Costs next to nothing
/// without one.
void stop_where_asked();

}  // namespace kuda
