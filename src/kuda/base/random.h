#pragma once
// Repeatable randomness: one seed, named streams; never the clock, never random_device.
//
//   Random random(stream_seed(1111, "shuffle", epoch));
//   random.shuffle(order);

#include <cstdint>
#include <random>
#include <string_view>
#include <utility>
#include <vector>

namespace kuda {

/// Seed of the named stream ("init", "shuffle", "dropout", ...) at a position (epoch or step).
/// Independent of platform and of the order in which streams are used, so a resumed run needs no stored generator.
[[nodiscard]] std::uint64_t stream_seed(std::uint64_t seed, std::string_view stream, std::uint64_t index = 0);

/// std::mt19937_64 (its output is fixed by the standard) with distributions of our own, because those of the
/// standard library differ between implementations.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  [[nodiscard]] double uniform();                          ///< in [0, 1)
  [[nodiscard]] double uniform(double low, double high);   ///< in [low, high)
  [[nodiscard]] double normal();                           ///< mean 0, deviation 1
  [[nodiscard]] std::uint64_t below(std::uint64_t bound);  ///< in [0, bound), unbiased; bound > 0
  template <class T>
  void shuffle(std::vector<T>& items) {  ///< Fisher-Yates
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }

 private:
  std::mt19937_64 engine_;
  double spare_ = 0;
  bool has_spare_ = false;
};

}  // namespace kuda
