// What the intervals and tests of metrics/statistics.h keep of what they promise, by simulation:
//   how often a 95 % interval holds the true value, and how often a test calls equal systems different.
//
//   statistics_coverage [SCALE]      SCALE multiplies the number of simulations (default 1: about two minutes)

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include "kuda/base/random.h"
#include "kuda/metrics/clip_tests.h"

namespace kuda {
namespace {

constexpr auto kFamily = MetricFamily::mosi;

/// A share and its standard error.
std::string share(std::size_t count, std::size_t n) {
  const double p = double(count) / double(n);
  return fmt::format("{:5.1f} % ± {:.1f}", 100 * p, 100 * std::sqrt(p * (1 - p) / double(n)));
}

bool holds(const Interval& interval, double truth) { return interval.low <= truth && truth <= interval.high; }

/// Interval over seeds: metrics of n seeds, normal, or normal with one seed in ten that collapses.
void cover_seeds(std::size_t simulations) {
  fmt::print("95 % interval over seeds (Student's t): holds the true mean in\n{:>8}{:>18}{:>28}\n", "seeds", "normal",
             "one in ten seeds collapses");
  Random random(stream_seed(1, "seeds"));
  for (const std::size_t n : {3, 5, 10}) {
    std::size_t normal = 0, collapsing = 0;
    for (std::size_t i = 0; i < simulations; ++i) {
      std::vector<double> values(n), failing(n);
      for (std::size_t j = 0; j < n; ++j) {
        values[j] = random.normal();
        failing[j] = random.normal() + (random.uniform() < 0.1 ? 10 : 0);
      }
      normal += holds(summarise(values).interval, 0) ? 1 : 0;
      collapsing += holds(summarise(failing).interval, 1) ? 1 : 0;
    }
    fmt::print("{:>8}{:>19}{:>29}\n", n, share(normal, simulations), share(collapsing, simulations));
  }
}

/// Labels as in CMU-MOSI; every system has the same skill. Seeds of a system agree in half of their error, and all
/// systems share what is hard about a clip.
struct Population {
  Random random;
  std::vector<float> labels;
  std::vector<double> hardness;
  void draw_clips(std::size_t n) {
    labels.clear();
    hardness.clear();
    for (std::size_t i = 0; i < n; ++i) {
      labels.push_back(float(std::round(random.uniform(-3, 3) * 5) / 5));
      hardness.push_back(random.normal());
    }
  }
  SeedScores draw_system(std::size_t seeds, double scale = 1) {
    SeedScores scores(seeds, std::vector<float>(labels.size()));
    for (std::size_t i = 0; i < labels.size(); ++i) {
      const double own = random.normal();
      for (auto& seed : scores)
        seed[i] = float(scale * (0.7 * labels[i] + 0.5 * hardness[i] + 0.4 * own + 0.4 * random.normal()));
    }
    return scores;
  }
};

void cover_clips(std::size_t simulations) {
  Population population{Random(stream_seed(1, "clips")), {}, {}};
  population.draw_clips(2000000);
  const auto truth = evaluate_metrics(kFamily, population.draw_system(1).front(), population.labels);
  const std::vector<std::string> metrics{"MAE", "Corr", "Mult_acc_7", "Non0_acc_2", "Non0_F1_score"};
  fmt::print("\n95 % interval over clips (percentile bootstrap, one seed): holds the true value in\n{:>8}", "clips");
  for (const auto& metric : metrics) fmt::print("{:>16}", metric);
  for (const std::size_t n : {50, 200, 686}) {
    std::vector<std::size_t> count(metrics.size(), 0);
    for (std::size_t i = 0; i < simulations; ++i) {
      population.draw_clips(n);
      const auto intervals = metric_intervals(kFamily, population.draw_system(1), population.labels, {500, i});
      for (std::size_t m = 0; m < metrics.size(); ++m)
        count[m] += holds(intervals.at(metrics[m]), truth.value(metrics[m])) ? 1 : 0;
    }
    fmt::print("\n{:>8}", n);
    for (const auto found : count) fmt::print("{:>17}", share(found, simulations));
  }
  fmt::print("\n");
}

/// How often p < 0.05 between equal systems: at most 5 % is promised.
void level_of_tests(std::size_t simulations) {
  struct Setting {
    const char* name;
    std::size_t first, second;
    double scale;
  };
  const std::vector<std::string> metrics{"MAE", "Corr", "Mult_acc_7"};
  fmt::print("\nPaired test of two equal systems, 200 clips: called different (p < 0.05, not corrected) in\n{:>34}",
             "");
  for (const auto& metric : metrics) fmt::print("{:>16}", metric);
  Population population{Random(stream_seed(1, "level")), {}, {}};
  for (const auto& setting :
       {Setting{"1 seed each", 1, 1, 1}, Setting{"3 seeds each", 3, 3, 1}, Setting{"5 seeds and 3", 5, 3, 1},
        Setting{"second on half the scale (Corr)", 1, 1, 0.5}}) {
    std::vector<std::size_t> count(metrics.size(), 0);
    for (std::size_t i = 0; i < simulations; ++i) {
      population.draw_clips(200);
      const auto first = population.draw_system(setting.first);
      const auto second = population.draw_system(setting.second, setting.scale);
      for (std::size_t m = 0; m < metrics.size(); ++m)
        count[m] += paired_test(kFamily, metrics[m], first, second, population.labels, {500, i}) < 0.05 ? 1 : 0;
    }
    fmt::print("\n{:>34}", setting.name);
    for (std::size_t m = 0; m < metrics.size(); ++m)
      fmt::print("{:>17}", setting.scale != 1 && metrics[m] != "Corr" ? "-" : share(count[m], simulations));
  }
  fmt::print("\n");
}

/// A table of equal systems: how often any is called separable from the best one, which the same clips chose.
void level_of_tables(std::size_t simulations) {
  fmt::print(
      "\nTable of equal systems, MAE, 200 clips, 1 seed: some system called separable from the best in\n"
      "{:>10}{:>36}{:>36}\n",
      "systems", "Holm over the comparisons made", "Holm over all pairs (as reported)");
  Population population{Random(stream_seed(1, "table")), {}, {}};
  for (const std::size_t systems : {3, 5, 13}) {
    std::size_t made = 0, pairs = 0;
    for (std::size_t i = 0; i < simulations; ++i) {
      population.draw_clips(200);
      std::vector<SeedScores> scores;
      std::vector<double> errors;
      for (std::size_t s = 0; s < systems; ++s) {
        scores.push_back(population.draw_system(1));
        errors.push_back(evaluate_metrics(kFamily, scores.back().front(), population.labels).value("MAE"));
      }
      const auto best = std::size_t(std::min_element(errors.begin(), errors.end()) - errors.begin());
      std::vector<double> p_values;
      for (std::size_t s = 0; s < systems; ++s)
        if (s != best)
          p_values.push_back(paired_test(kFamily, "MAE", scores[best], scores[s], population.labels, {5000, i}));
      const auto any = [](const std::vector<double>& p) {
        return std::any_of(p.begin(), p.end(), [](double value) { return value < kSignificance; });
      };
      made += any(holm(p_values)) ? 1 : 0;
      pairs += any(holm(p_values, systems * (systems - 1) / 2)) ? 1 : 0;
    }
    fmt::print("{:>10}{:>37}{:>37}\n", systems, share(made, simulations), share(pairs, simulations));
  }
}

}  // namespace
}  // namespace kuda

int main(int argc, char** argv) {
  const double scale = argc > 1 ? std::atof(argv[1]) : 1;
  const auto times = [&](double count) { return std::max<std::size_t>(std::size_t(scale * count), 1); };
  kuda::cover_seeds(times(20000));
  kuda::cover_clips(times(300));
  kuda::level_of_tests(times(1000));
  kuda::level_of_tables(times(300));
}
