#include "kuda/training/schedule.h"

#include <cmath>
#include <numbers>

#include "kuda/base/error.h"
#include "kuda/base/names.h"

namespace kuda {

double learning_rate(std::string_view name, double base, std::int64_t epoch, std::int64_t num_epochs, double warmup) {
  if (name == "constant") return base;
  if (name != "released" && name != "shifted")
    throw ConfigError("train.schedule: unknown schedule '" + std::string(name) + "'",
                      suggestion(name, {"released", "shifted", "constant"}));
  const double n = static_cast<double>(num_epochs), w = warmup * n;
  const auto e = static_cast<double>(epoch) + (name == "shifted" ? 1 : 0);
  if (e <= w) return w > 0 ? base * e / w : base;
  const double first = std::floor(w) + 1;  // the first epoch past the warm-up
  return base * (1 + std::cos(std::numbers::pi * (e - first) / (n - w))) / 2;
}

}  // namespace kuda
