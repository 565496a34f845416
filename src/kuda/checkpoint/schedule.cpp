#include "kuda/checkpoint/schedule.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "kuda/base/error.h"

namespace kuda {

double learning_rate(Schedule schedule, double base, std::int64_t epoch, std::int64_t num_epochs, double warmup) {
  if (schedule == Schedule::constant) return base;
  if (schedule != Schedule::released && schedule != Schedule::shifted)
    throw ConfigError(std::string("train.schedule: the rate of '") + name_of(schedule) +
                      "' does not follow from the epoch alone");
  const double n = static_cast<double>(num_epochs), w = warmup * n;
  const auto e = static_cast<double>(epoch) + (schedule == Schedule::shifted ? 1 : 0);
  if (e <= w) return w > 0 ? base * e / w : base;
  const double first = std::floor(w) + 1;  // the first epoch past the warm-up
  return base * (1 + std::cos(std::numbers::pi * (e - first) / (n - w))) / 2;
}

double learning_rate(const TrainConfig& config, std::span<const double> values, std::int64_t step, std::int64_t steps) {
  const auto epoch = static_cast<std::int64_t>(values.size());
  if (config.schedule == Schedule::linear) {
    const auto done = static_cast<double>(epoch * steps + step), total = static_cast<double>(config.epochs * steps);
    const double warm = config.warmup * total;
    return config.lr * (done < warm ? done / std::max(1.0, warm) : (total - done) / std::max(1.0, total - warm));
  }
  if (config.schedule == Schedule::step)
    return config.lr * std::pow(config.decay, static_cast<double>(epoch / config.decay_every));
  if (config.schedule == Schedule::multi_step) {
    const auto falls = std::count_if(config.decay_at.begin(), config.decay_at.end(),
                                     [epoch](std::int64_t after) { return after <= epoch; });
    return config.lr * std::pow(config.decay, static_cast<double>(falls));
  }
  if (config.schedule == Schedule::reload) return reload_point(config, values).rate;
  if (config.schedule != Schedule::plateau)
    return learning_rate(config.schedule, config.lr, epoch, config.epochs, config.warmup);
  double rate = config.lr, best = std::numeric_limits<double>::infinity();
  std::int64_t bad = 0;
  for (const double value : values) {
    if (value < best * (1 - 1e-4)) {  // NaN is never better
      best = value;
      bad = 0;
    } else if (++bad > config.patience) {
      rate *= config.decay;
      bad = 0;
    }
  }
  return rate;
}

ReloadPoint reload_point(const TrainConfig& config, std::span<const double> values) {
  ReloadPoint point{.rate = config.lr};
  double best = std::numeric_limits<double>::infinity(), rate_of_best = config.lr;
  std::int64_t bad = 0;
  for (const double value : values) {
    point.is_due = false;
    if (value < best) {  // NaN is never better
      best = value;
      rate_of_best = point.rate;
      bad = 0;
    } else if (++bad > config.patience) {
      point.rate = config.decay * rate_of_best;
      point.is_due = true;
      ++point.reloads;
      bad = 0;
    }
  }
  return point;
}

}  // namespace kuda
